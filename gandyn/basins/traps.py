"""Trapping ellipsoids: neighbourhoods of stable fixed points and periodic orbits that no orbit leaves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from gandyn.arrays import Array, like, to_numpy
from gandyn.field import System, UpdateMap
from gandyn.fixed_points import iterated

__all__ = ["Traps", "trap_metrics"]

_HALVINGS = 40
_SHELLS = 8
_DIRECTIONS = 256


@dataclass(frozen=True, eq=False)
class Traps:
    """Ellipsoids ``(x - centre) . metric (x - centre) <= 1``, each within the basin of an attractor.

    Args:
        centres: shape (k, n).
        metrics: shape (k, n, n).
        reach: shape (k,): largest distance of the first entry from the centre's, within the ellipsoid.
        owners: shape (k,), int64: number of the attractor.
    """

    centres: np.ndarray
    metrics: np.ndarray
    reach: np.ndarray
    owners: np.ndarray

    @classmethod
    def none(cls, n: int) -> Traps:
        """Return no ellipsoid in n dimensions."""
        return cls(np.empty((0, n)), np.empty((0, n, n)), np.empty(0), np.empty(0, dtype=np.int64))

    def joined(self, centres: np.ndarray, metrics: np.ndarray, owner: int) -> Traps:
        """Return these traps with those of an attractor."""
        reach = np.sqrt(np.linalg.inv(metrics)[:, 0, 0])
        return Traps(
            np.concatenate([self.centres, centres]),
            np.concatenate([self.metrics, metrics]),
            np.concatenate([self.reach, reach]),
            np.concatenate([self.owners, np.full(len(centres), owner)]),
        )

    def owner(self, x: np.ndarray, nobody: int) -> np.ndarray:
        """Return whose trap every state is in, shape (m,), of states (m, n)."""
        found = np.full(len(x), nobody)
        for centre, metric, reach, owner in zip(
            self.centres[::-1], self.metrics[::-1], self.reach[::-1], self.owners[::-1], strict=True
        ):
            rows = np.flatnonzero(np.abs(x[:, 0] - centre[0]) <= reach)
            offset = x[rows] - centre
            found[rows[np.einsum("mi,ij,mj->m", offset, metric, offset) <= 1]] = owner
        return found


def trap_metrics(system: System, orbit: np.ndarray, size: float, template: Array) -> np.ndarray | None:
    """Return metrics of trapping ellipsoids round the points of a linearly stable orbit, shape (p, n, n).

    The metric solves Lyapunov's equation of the Jacobian, so that the quadratic form falls along orbits
    near the point. The ellipsoid is halved until it falls at sampled directions on shells all the way
    in. That is a check by samples, no proof; what is returned is a quarter smaller than what was checked.

    Args:
        system: the vector field or update map.
        orbit: shape (p, n), a periodic orbit of a map, or one fixed point.
        size: longest half axis to try.
        template: an array of the system's namespace.

    Returns:
        The metrics, or None where no ellipsoid of a size above rounding is left.
    """
    whole = iterated(system, len(orbit))
    found = [_trap(whole, point, size, template) for point in orbit]
    good = [metric for metric in found if metric is not None]
    return np.stack(good) if len(good) == len(found) else None


def _trap(system: System, point: np.ndarray, size: float, template: Array) -> np.ndarray | None:
    from scipy.linalg import solve_continuous_lyapunov, solve_discrete_lyapunov

    n = len(point)
    jacobian = to_numpy(system.jac(like(point, template))).astype(np.float64)
    solve = solve_discrete_lyapunov if isinstance(system, UpdateMap) else _negated(solve_continuous_lyapunov)
    with np.errstate(all="ignore"):
        form = solve(jacobian.T, np.eye(n))
    if not np.all(np.isfinite(form)):
        return None
    form = (form + form.T) / 2
    lengths, axes = np.linalg.eigh(form)
    if not lengths[0] > 0:
        return None
    directions = np.random.default_rng(0).standard_normal((_DIRECTIONS, n))
    directions = np.concatenate([directions, np.eye(n), axes.T])
    norms = np.sqrt(np.einsum("mi,ij,mj->m", directions, form, directions))
    unit = np.concatenate([directions, -directions]) / np.concatenate([norms, norms])[:, None]
    radius = size * float(np.sqrt(lengths[0]))
    floor = 1e-12 * (1 + float(np.linalg.norm(point))) * float(np.sqrt(lengths[-1]))
    falls: list[bool] = []
    for _ in range(_HALVINGS):
        if radius < floor:
            return None
        falls.append(_falls(system, point, radius * unit, form, template))
        if len(falls) >= _SHELLS and all(falls[-_SHELLS:]):
            outermost: float = radius * 2.0 ** (_SHELLS - 1)
            return form / (0.75 * outermost) ** 2
        radius /= 2
    return None


def _negated(solve: Callable[..., np.ndarray]) -> Callable[..., np.ndarray]:
    return lambda a, q: solve(a, -q)


def _falls(system: System, point: np.ndarray, offsets: np.ndarray, form: np.ndarray, template: Array) -> bool:
    """Return whether the quadratic form falls at all offsets, by a per mille of its linear rate at least."""
    with np.errstate(all="ignore"):
        moved = to_numpy(system.residual(like(point + offsets, template)))
        if isinstance(system, UpdateMap):
            after = offsets + moved
            fall = _form(offsets, form, offsets) - _form(after, form, after)
        else:
            fall = -2 * _form(offsets, form, moved)
    return bool(np.all(fall > 1e-3 * np.sum(offsets**2, axis=-1)))


def _form(a: np.ndarray, form: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.asarray(np.einsum("mi,ij,mj->m", a, form, b))
