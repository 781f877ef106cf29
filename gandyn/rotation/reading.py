"""The numbers that a character is made of, on one batch: growth, own curvature, rotation, speed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from gandyn.arrays import Array, like, to_numpy
from gandyn.field import Player, VectorField
from gandyn.fixed_points.verdict import own_hessians, tolerance_at
from gandyn.spectra import Operator, jacobian_operator, spectrum

__all__ = ["PLAYERS", "Effort", "Reading", "read"]

PLAYERS: tuple[Player, ...] = ("generator", "discriminator")
DENSE = 200


@dataclass(frozen=True)
class Effort:
    """How much one reading computes where the Jacobian is not formed.

    Args:
        k: eigenvalues of largest real part sought.
        tol: see ``character``.
        accuracy: relative accuracy of the searches.
        max_products: bound on the products of each search.
        probes: random vectors of the norms of S and A.
        seed: seed of searches and probes.
    """

    k: int
    tol: float
    accuracy: float
    max_products: int
    probes: int
    seed: int


@dataclass(frozen=True, eq=False, repr=False)
class Reading:
    """Numbers of a field at a state.

    Args:
        eigenvalues: shape (k,), of largest real part first; all of them where ``complete``.
        residuals: shape (k,), how far each may be off.
        complete: whether these are all eigenvalues.
        converged: whether those of largest real part were found.
        tolerance: real parts and curvatures up to this size count as zero.
        lowest: by player, the lowest eigenvalue of its own Hessian.
        highest: by player, the highest.
        hessian_residuals: by player, how far both may be off; infinite where a search failed.
        rotation_index: ``|A| / (|S| + |A|)`` in the Frobenius norm: 0 for a gradient, 1 for a pure rotation.
        rotation_error: its standard error over random probes; 0 where it is exact.
        speed: |v|.
        products: products with the Jacobian used.
    """

    eigenvalues: np.ndarray
    residuals: np.ndarray
    complete: bool
    converged: bool
    tolerance: float
    lowest: dict[str, float]
    highest: dict[str, float]
    hessian_residuals: dict[str, float]
    rotation_index: float
    rotation_error: float
    speed: float
    products: int

    @property
    def growth(self) -> float:
        """The largest growth rate found."""
        return float(self.eigenvalues.real.max(initial=-np.inf))

    @property
    def leading(self) -> complex:
        """The eigenvalue of largest real part."""
        return complex(self.eigenvalues[int(np.argmax(self.eigenvalues.real))])


def read(system: VectorField, x: Array, t: Any, effort: Effort, progress: bool) -> Reading:
    """Return the numbers at a state: from the Jacobian up to 200 entries, beyond it matrix-free."""
    speed = float(np.linalg.norm(to_numpy(system(x, t))))
    if system.layout.dim <= DENSE:
        return _dense(system, x, t, effort, speed)
    return _matrix_free(system, x, t, effort, speed, progress)


def _dense(system: VectorField, x: Array, t: Any, effort: Effort, speed: float) -> Reading:
    matrix = to_numpy(system.jac(x, t)).astype(np.float64)
    if not np.all(np.isfinite(matrix)):
        raise ValueError("the Jacobian at x is not finite")
    values = np.linalg.eigvals(matrix).astype(complex)
    values = values[np.lexsort((-values.imag, -values.real))]
    own = own_hessians(matrix, system.layout)
    hessians: dict[str, np.ndarray] = {p: ends for p, ends in zip(PLAYERS, own, strict=True)}
    size = [float(np.linalg.norm(matrix + sign * matrix.T)) for sign in (1, -1)]
    return Reading(
        eigenvalues=values,
        residuals=np.zeros(len(values)),
        complete=True,
        converged=True,
        tolerance=tolerance_at(system, x, values, matrix, effort.tol),
        lowest={player: float(own[0]) for player, own in hessians.items()},
        highest={player: float(own[-1]) for player, own in hessians.items()},
        hessian_residuals=dict.fromkeys(hessians, 0.0),
        rotation_index=size[1] / sum(size) if sum(size) else 0.0,
        rotation_error=0.0,
        speed=speed,
        products=system.layout.dim,
    )


def _matrix_free(
    system: VectorField, x: Array, t: Any, effort: Effort, speed: float, progress: bool
) -> Reading:
    found = spectrum(
        system, x, effort.k, "largest real", t=t, tol=effort.accuracy, max_products=effort.max_products,
        seed=effort.seed, progress=progress,
    )  # fmt: skip
    lowest, highest, residuals = {}, {}, {}
    products = found.products + 2 * effort.probes
    for player in PLAYERS:
        with jacobian_operator(system, x, cast(Any, f"{player} hessian"), t=t) as hessian:
            ends, error, used = _extremes(hessian, effort)
        lowest[player], highest[player], residuals[player] = *ends, error
        products += used
    index, error = _rotation(system, x, t, effort)
    return Reading(
        eigenvalues=found.eigenvalues,
        residuals=found.residuals,
        complete=False,
        converged=found.converged,
        tolerance=tolerance_at(
            system, x, np.array([*found.eigenvalues, *highest.values()]), None, effort.tol
        ),
        lowest=lowest,
        highest=highest,
        hessian_residuals=residuals,
        rotation_index=index,
        rotation_error=error,
        speed=speed,
        products=products,
    )


def _extremes(operator: Operator, effort: Effort) -> tuple[tuple[float, float], float, int]:
    """Return both ends of a symmetric operator's spectrum, how far they may be off, and products used."""
    from scipy.sparse.linalg import ArpackNoConvergence, LinearOperator, eigsh

    size = operator.shape[0]
    if size <= DENSE:
        values = np.linalg.eigvalsh(to_numpy(operator.dense()))
        return (float(values[0]), float(values[-1])), 0.0, size
    counted = _Counted(operator)
    start = np.random.default_rng(effort.seed).standard_normal(size)
    basis = min(size, 24)
    try:
        values, vectors = eigsh(
            LinearOperator((size, size), matvec=counted, dtype=np.float64), 2, which="BE", v0=start,
            ncv=basis, tol=effort.accuracy, maxiter=max(1, (effort.max_products - basis) // (basis - 2)),
        )  # fmt: skip
    except ArpackNoConvergence:
        along = _rayleigh(counted, start)
        return (along, along), float("inf"), counted.count
    rest = [np.linalg.norm(counted(v) - value * v) for value, v in zip(values, vectors.T, strict=True)]
    return (float(values[0]), float(values[1])), float(max(rest)), counted.count


class _Counted:
    """Products with an operator on NumPy vectors, counted."""

    def __init__(self, operator: Operator) -> None:
        self.operator, self.count = operator, 0

    def __call__(self, u: np.ndarray) -> np.ndarray:
        self.count += 1
        image = to_numpy(self.operator.matvec(like(u.ravel(), self.operator.like)))
        return np.asarray(image, dtype=np.float64)


def _rayleigh(product: _Counted, u: np.ndarray) -> float:
    return float(u @ product(u) / (u @ u))


def _rotation(system: VectorField, x: Array, t: Any, effort: Effort) -> tuple[float, float]:
    """Return the rotation index and its standard error, from products with random signs."""
    rng = np.random.default_rng(effort.seed)
    signs = rng.choice([-1.0, 1.0], size=(effort.probes, system.layout.dim))
    squares = np.zeros((2, effort.probes))
    with system.linearised(x, t) as at:
        for i, z in enumerate(signs):
            ahead, back = (to_numpy(product(like(z, x))) for product in (at.jvp, at.vjp))
            squares[:, i] = [np.sum((ahead + back) ** 2), np.sum((ahead - back) ** 2)]
    total, count = squares.sum(axis=1, keepdims=True), effort.probes
    rest = (total - squares) / (count - 1)
    return float(_index(total[:, 0])), float(np.sqrt((count - 1) * np.var(_index(rest))))


def _index(squares: np.ndarray) -> np.ndarray:
    symmetric, rotating = np.sqrt(squares)
    whole = symmetric + rotating
    return np.asarray(np.where(whole > 0, rotating / np.where(whole > 0, whole, 1.0), 0.0))
