"""The numbers that a character is made of, on one batch: growth, own curvature, rotation, speed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from gandyn.arrays import Array, like, to_numpy
from gandyn.field import Player, VectorField
from gandyn.fixed_points.verdict import own_hessians, tolerance_at
from gandyn.rotation.lanczos import Ends, ends
from gandyn.spectra import Spectrum, jacobian_operator, spectrum

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
        hessian_residuals: by player, how far the lowest may be off; it can only lie lower.
        symmetric: lowest and highest eigenvalue of S, the symmetric part of J; the highest is the reactivity.
        rotating: largest modulus of the eigenvalues of A, the antisymmetric part.
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
    symmetric: tuple[float, float]
    rotating: float
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


def read(
    system: VectorField, x: Array, t: Any, effort: Effort, progress: bool, leading: Spectrum | None = None
) -> Reading:
    """Return the numbers at a state: from the Jacobian up to 200 entries, beyond it matrix-free.

    Args:
        system: the field, of two players.
        x: the state, shape (n,).
        t: flow time.
        effort: how much to compute.
        progress: show a progress bar of the search.
        leading: eigenvalues found before, those of largest real part among them; None to seek them.
    """
    speed = float(np.linalg.norm(to_numpy(system(x, t))))
    if system.layout.dim <= DENSE:
        return _dense(system, x, t, effort, speed)
    found = leading or spectrum(
        system, x, effort.k, "largest real", t=t, tol=effort.accuracy, max_products=effort.max_products,
        seed=effort.seed, progress=progress,
    )  # fmt: skip
    return _matrix_free(system, x, t, effort, speed, found)


def _dense(system: VectorField, x: Array, t: Any, effort: Effort, speed: float) -> Reading:
    matrix = to_numpy(system.jac(x, t)).astype(np.float64)
    if not np.all(np.isfinite(matrix)):
        raise ValueError("the Jacobian at x is not finite")
    values = np.linalg.eigvals(matrix).astype(complex)
    values = values[np.lexsort((-values.imag, -values.real))]
    own = own_hessians(matrix, system.layout)
    hessians = dict(zip(map(str, PLAYERS), own, strict=True))
    size = [float(np.linalg.norm(matrix + sign * matrix.T)) for sign in (1, -1)]
    symmetric = np.linalg.eigvalsh((matrix + matrix.T) / 2)
    return Reading(
        eigenvalues=values,
        residuals=np.zeros(len(values)),
        complete=True,
        converged=True,
        tolerance=tolerance_at(system, x, values, matrix, effort.tol),
        lowest={player: float(own[0]) for player, own in hessians.items()},
        highest={player: float(own[-1]) for player, own in hessians.items()},
        hessian_residuals=dict.fromkeys(hessians, 0.0),
        symmetric=(float(symmetric[0]), float(symmetric[-1])),
        rotating=float(np.linalg.norm((matrix - matrix.T) / 2, 2)),
        rotation_index=size[1] / sum(size) if sum(size) else 0.0,
        rotation_error=0.0,
        speed=speed,
        products=system.layout.dim,
    )


def _matrix_free(
    system: VectorField, x: Array, t: Any, effort: Effort, speed: float, found: Spectrum
) -> Reading:
    own = {str(player): _own_ends(system, x, t, player, effort) for player in PLAYERS}
    grows = None if found.right is None or not found.right.size else found.right[:, _first(found)].real
    index, error, symmetric, rotating = _rotation(system, x, t, effort, grows)
    products = sum(one.products for one in own.values()) + 2 * (symmetric.products + rotating.products)
    sizes = np.array([*found.eigenvalues, symmetric.low, symmetric.high])
    return Reading(
        eigenvalues=found.eigenvalues,
        residuals=found.residuals,
        complete=False,
        converged=found.converged,
        tolerance=tolerance_at(system, x, sizes, None, effort.tol),
        lowest={player: one.low for player, one in own.items()},
        highest={player: one.high for player, one in own.items()},
        hessian_residuals={player: one.residuals[0] for player, one in own.items()},
        symmetric=(symmetric.low, symmetric.high),
        rotating=max(abs(rotating.low), abs(rotating.high)),
        rotation_index=index,
        rotation_error=error,
        speed=speed,
        products=found.products + products + 2 * effort.probes,
    )


def _own_ends(system: VectorField, x: Array, t: Any, player: str, effort: Effort) -> Ends:
    """Return both ends of the spectrum of a player's own Hessian."""
    with jacobian_operator(system, x, cast(Any, f"{player} hessian"), t=t) as hessian:
        product = lambda u: to_numpy(hessian(like(u, x))).astype(np.float64)
        return ends(
            product, hessian.shape[0], accuracy=effort.accuracy, most=effort.max_products, seed=effort.seed
        )


def _first(found: Spectrum) -> int:
    return int(np.argmax(found.eigenvalues.real))


def _rotation(
    system: VectorField, x: Array, t: Any, effort: Effort, grows: np.ndarray | None
) -> tuple[float, float, Ends, Ends]:
    """Return the rotation index with its standard error, from random signs, and the ends of S and of A."""
    rng, dim = np.random.default_rng(effort.seed), system.layout.dim
    signs = rng.choice([-1.0, 1.0], size=(effort.probes, dim))
    squares = np.zeros((2, effort.probes))
    with system.linearised(x, t) as at:

        def part(sign: float, z: np.ndarray) -> np.ndarray:
            u = like(z, x)
            return np.asarray(to_numpy(at.jvp(u) + sign * at.vjp(u)), dtype=np.float64) / 2

        for i, z in enumerate(signs):
            ahead, back = (to_numpy(product(like(z, x))) for product in (at.jvp, at.vjp))
            squares[:, i] = [np.sum((ahead + back) ** 2), np.sum((ahead - back) ** 2)]
        options: dict[str, Any] = {
            "accuracy": effort.accuracy,
            "most": effort.max_products // 2,
            "seed": effort.seed,
        }
        symmetric = ends(lambda z: part(1, z), dim, towards=grows, **options)
        rotating = ends(lambda z: part(-1, z), dim, antisymmetric=True, **options)
    total, count = squares.sum(axis=1, keepdims=True), effort.probes
    rest = (total - squares) / (count - 1)
    error = float(np.sqrt((count - 1) * np.var(_index(rest))))
    return float(_index(total[:, 0])), error, symmetric, rotating


def _index(squares: np.ndarray) -> np.ndarray:
    symmetric, rotating = np.sqrt(squares)
    whole = symmetric + rotating
    return np.asarray(np.where(whole > 0, rotating / np.where(whole > 0, whole, 1.0), 0.0))
