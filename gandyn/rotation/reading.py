"""The numbers that a character is made of, on one batch: growth, own curvature, rotation, speed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeVar, cast

import numpy as np

from gandyn.arrays import Array, like, to_numpy
from gandyn.field import Linearisation, Player, VectorField
from gandyn.fixed_points.verdict import own_hessians, tolerance_at
from gandyn.spectra import (
    DENSE,
    BlockNorms,
    Part,
    Spectrum,
    SymmetricSpectrum,
    dense_jacobian,
    norms,
    spectrum,
    symmetric_spectrum,
)

__all__ = ["PLAYERS", "Effort", "Reading", "read"]

_Result = TypeVar("_Result", Spectrum, SymmetricSpectrum, BlockNorms)

PLAYERS: tuple[Player, ...] = ("generator", "discriminator")


@dataclass(frozen=True)
class Effort:
    """How much one reading computes where the Jacobian is not formed.

    Args:
        k: eigenvalues of largest real part sought.
        tol: see ``character``.
        accuracy: residual allowed in the searches, in units of the largest value.
        max_products: bound on the products of each search.
        probes: random vectors of the norms of S and A.
        seed: seed of searches and probes.
        progress: show progress bars when on a terminal.
    """

    k: int
    tol: float
    accuracy: float
    max_products: int
    probes: int
    seed: int
    progress: bool

    @property
    def search(self) -> dict[str, Any]:
        """What all searches share."""
        return {
            "tol": self.accuracy,
            "max_products": self.max_products,
            "seed": self.seed,
            "progress": self.progress,
        }


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


def read(system: VectorField, x: Array, t: Any, effort: Effort, leading: Spectrum | None = None) -> Reading:
    """Return the numbers at a state: from the Jacobian up to 200 entries, beyond it matrix-free.

    Args:
        system: the field, of two players.
        x: the state, shape (n,).
        t: flow time.
        effort: how much to compute.
        leading: eigenvalues found before, those of largest real part among them; None to seek them.
    """
    speed = float(np.linalg.norm(to_numpy(system(x, t))))
    if system.layout.dim <= DENSE:
        return _dense(system, x, t, effort, speed)
    found = leading or _finished(spectrum(system, x, effort.k, "largest real", t=t, **effort.search))
    return _matrix_free(system, x, t, effort, speed, found)


def _dense(system: VectorField, x: Array, t: Any, effort: Effort, speed: float) -> Reading:
    matrix = dense_jacobian(system, x, t)
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
    own = {str(player): _ends(system, x, cast(Part, f"{player} hessian"), t, effort) for player in PLAYERS}
    with system.linearised(x, t) as at:
        held = _held(system, at)
        symmetric = _ends(held, x, "S", t, effort, _towards(found, x, effort.seed))
        rotating = _finished(symmetric_spectrum(held, x, "A", 1, t=t, **effort.search))
        sizes = _finished(norms(held, x, effort.probes, t=t, seed=effort.seed, progress=effort.progress))
    every = np.array([*found.eigenvalues, *symmetric.values])
    return Reading(
        eigenvalues=found.eigenvalues,
        residuals=found.residuals,
        complete=False,
        converged=found.converged,
        tolerance=tolerance_at(system, x, every, None, effort.tol),
        lowest={player: float(one.values.min()) for player, one in own.items()},
        highest={player: float(one.values.max()) for player, one in own.items()},
        hessian_residuals={player: float(one.residuals[0]) for player, one in own.items()},
        symmetric=(float(symmetric.values.min()), float(symmetric.values.max())),
        rotating=float(rotating.values[0]),
        rotation_index=sizes.rotation_index.value,
        rotation_error=sizes.rotation_index.standard_error,
        speed=speed,
        products=found.products
        + sizes.products
        + sum(one.products for one in (symmetric, rotating, *own.values())),
    )


def _held(system: VectorField, at: Linearisation) -> VectorField:
    """Return the field with all its products at one state from one linearisation, which stays open."""
    kept = Linearisation(at.jvp, at.vjp)
    given = {name: getattr(system, name) for name in system.given}
    return VectorField(
        system.fn, system.layout, **given, label=system.label,
        retained=lambda x, t, player: kept if player is None else None,
    )  # fmt: skip


def _ends(
    system: VectorField, x: Array, part: Part, t: Any, effort: Effort, start: Array | None = None
) -> SymmetricSpectrum:
    """Return the lowest and the highest eigenvalue of a symmetric part, in this order."""
    size = system.layout.dim if part == "S" else int(system.layout.mask(cast(Player, part.split()[0])).sum())
    found = symmetric_spectrum(system, x, part, min(2, size), "both ends", t=t, start=start, **effort.search)
    return _finished(found)


def _finished(found: _Result) -> _Result:
    """Return a result, or hand on the interrupt that cut it short."""
    if "interrupted" in found.message:
        raise KeyboardInterrupt
    return found


def _towards(found: Spectrum, x: Array, seed: int) -> Array | None:
    """Return a start half along the mode that grows most: no growth rate is then above the highest of S."""
    if found.right is None or not found.right.size:
        return None
    grows = found.right[:, int(np.argmax(found.eigenvalues.real))].real
    random = np.random.default_rng(seed).standard_normal(len(grows))
    return like(grows / np.linalg.norm(grows) + random / np.linalg.norm(random), x)
