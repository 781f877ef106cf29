"""The verdict on a fixed point: as a flow, for its steps, as a game, and before it settles."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gandyn.arrays import Array, like, to_numpy
from gandyn.checks import check_floats
from gandyn.field import Layout, System, UpdateMap
from gandyn.fixed_points.amplification import amplification_of_flow, amplification_of_map
from gandyn.fixed_points.period import iterated, orbit_of
from gandyn.fixed_points.result import FixedPoint
from gandyn.spectra import DENSE, Spectrum, spectrum, step_bounds

__all__ = ["classify", "game_of", "kind_of", "own_hessians", "tolerance_at"]

_RATIOS = (1e-4, 1e4)
_RATIO_GRID = 481


def classify(
    system: System,
    x: Array,
    *,
    period: int = 1,
    tol: float = 1e-7,
    k: int = 6,
    status: str = "converged",
    evaluations: int = 0,
) -> FixedPoint:
    """Return the verdict on a state that is taken for a fixed point; look at its residual.

    Everything that needs the whole Jacobian (the game's verdict, transient growth, ratios of the learning
    rates) is given up to 200 entries; beyond, the ``k`` eigenvalues of largest growth decide.

    Args:
        system: the vector field or update map.
        x: the state, shape (n,), floating point, finite.
        period: number of steps after which a map returns to x; the verdict is on the product of the
            Jacobians along the orbit.
        tol: an eigenvalue is on the boundary of stability within ``tol |J|`` of it, or within what an
            error ``tol (1 + |x|)`` in x changes the Jacobian by.
        k: number of eigenvalues sought where the Jacobian is not formed.
        status: how x was found.
        evaluations: evaluations that it took.

    Returns:
        The verdict.

    Raises:
        ValueError: a wrong shape, a value that is not finite, or a period of a flow.

    Sources: reactivity, Neubert and Caswell 1997; transient growth, Trefethen and Embree 2005; differential
    Nash equilibria, Ratliff, Burden and Sastry 2013.

    Example:
        >>> from gandyn.field import Layout, VectorField
        >>> jacobian = np.array([[-0.1, -1.0], [1.0, -0.1]])
        >>> focus = VectorField(lambda x, t: x @ jacobian.T, Layout.scalars(["x"], ["y"]),
        ...                     jac=lambda x, t: np.broadcast_to(jacobian, (*x.shape, 2)))
        >>> point = classify(focus, np.zeros(2))
        >>> point.kind, round(point.critical_step, 7), point.step_loss, round(point.step_angle, 8)
        ('stable focus', 0.1980198, 'Neimark-Sacker', 0.1993373)
    """
    check_floats("x", x, (system.layout.dim,))
    once, system = system, iterated(system, period)
    dense = system.layout.dim <= DENSE
    found = spectrum(system, x, None if dense else k, "growth", progress=False)
    clock, values = found.clock, found.eigenvalues
    matrix = to_numpy(system.jac(x)).astype(np.float64) if dense else None
    tolerance = tolerance_at(system, x, values, matrix, tol)
    counts = _counts(values, clock, tolerance)
    stable = _stable(counts, found)
    step, loss, angle = _step(values, clock, stable)
    verdict: dict[str, Any] = dict.fromkeys(
        ("stable_ratios", "game", "reactivity", "max_amplification", "amplification_time")
    )
    verdict["hessians"] = ()
    if matrix is not None:
        verdict |= _transient(matrix, system, stable)
        if clock == "flow":
            verdict |= _as_game(matrix, system, tolerance, stable)
    return FixedPoint(
        x=to_numpy(x).astype(np.float64),
        residual=float(np.linalg.norm(to_numpy(system.residual(x)))),
        status=status,
        clock=clock,
        dt=found.dt,
        orbit=orbit_of(once, x, period),
        eigenvalues=values,
        growth_rates=found.growth_rates,
        complete=found.complete,
        kind=kind_of(values, clock, tolerance),
        tolerance=tolerance,
        counts=counts,
        stable=stable,
        critical_step=step,
        step_loss=loss,
        step_angle=angle,
        evaluations=evaluations,
        message="" if found.complete else found.message,
        label=once.label,
        **verdict,
    )


def tolerance_at(
    system: System, x: Array, values: np.ndarray, matrix: np.ndarray | None, tol: float
) -> float:
    """Return how near the boundary of stability an eigenvalue is taken to be on it, see ``classify``."""
    if matrix is None:
        scale = float(np.max(np.abs(values), initial=0))
    else:
        reach = 1 + float(np.linalg.norm(to_numpy(x)))
        scale = max(float(np.linalg.norm(matrix, 2)), reach * _curvature(system, x, matrix))
    return tol * max(scale, 1.0 if isinstance(system, UpdateMap) else np.finfo(float).tiny)


def _curvature(system: System, x: Array, matrix: np.ndarray) -> float:
    """Return how fast the Jacobian changes around x: an error in x of e changes it by e times that."""
    host, rng = to_numpy(x).astype(np.float64), np.random.default_rng(0)
    reach = 1e-4 * (1 + float(np.linalg.norm(host)))
    directions = rng.standard_normal((2, len(host)))
    shifts = reach * directions / np.linalg.norm(directions, axis=-1, keepdims=True)
    with np.errstate(all="ignore"):
        around = to_numpy(system.jac(like(host + shifts, x)))
    changes = np.linalg.norm(np.where(np.isfinite(around), around, matrix) - matrix, axis=(-2, -1))
    return float(changes.max()) / reach


def _offset(values: np.ndarray, clock: str) -> np.ndarray:
    """Return how far eigenvalues lie beyond the boundary of stability."""
    return np.abs(values) - 1 if clock == "map" else np.real(values)


def _counts(values: np.ndarray, clock: str, tolerance: float) -> dict[str, int]:
    beyond, turning = _offset(values, clock), np.abs(values.imag) > tolerance
    on = np.abs(beyond) <= tolerance
    sorts = {
        "c+": turning & ~on & (beyond > 0),
        "c-": turning & ~on & (beyond < 0),
        "im": on,
        "r+": ~turning & ~on & (beyond > 0),
        "r-": ~turning & ~on & (beyond < 0),
    }
    return {name: int(np.sum(chosen)) for name, chosen in sorts.items()}


def kind_of(values: np.ndarray, clock: str, tolerance: float) -> str:
    """Return the kind of a fixed point with these eigenvalues; see ``FixedPoint``."""
    counts = _counts(values, clock, tolerance)
    if counts["im"]:
        turning = bool(np.all(np.abs(values.imag) > tolerance))
        return "centre" if turning and counts["im"] == len(values) else "non-hyperbolic"
    growing, decaying = counts["c+"] + counts["r+"], counts["c-"] + counts["r-"]
    if growing and decaying:
        return "saddle"
    shape = "focus" if counts["c+"] + counts["c-"] else "node"
    return f"{'unstable' if growing else 'stable'} {shape}"


def _stable(counts: dict[str, int], found: Spectrum) -> bool | None:
    if counts["c+"] + counts["r+"]:
        return False
    if counts["im"] or not (found.complete or found.converged):
        return None
    return True


def _step(
    values: np.ndarray, clock: str, stable: bool | None
) -> tuple[float | None, str | None, float | None]:
    """Return h*, how stability is lost there, and the angle of the multiplier that leaves."""
    if clock == "map" or not len(values):
        return None, None, None
    if stable is not True:
        return 0.0, None, None
    bounds = step_bounds(values)
    first = int(np.argmin(bounds))
    multiplier = 1 + bounds[first] * values[first]
    loss = "Neimark-Sacker" if values[first].imag else "period doubling"
    return float(bounds[first]), loss, float(abs(np.angle(multiplier)))


def _transient(matrix: np.ndarray, system: System, stable: bool | None) -> dict[str, Any]:
    """Return reactivity and the largest amplification."""
    if isinstance(system, UpdateMap):
        largest = float(np.linalg.norm(matrix, 2))
        reactivity = math.log(largest) / system.dt if largest else -math.inf
    else:
        reactivity = float(np.linalg.eigvalsh((matrix + matrix.T) / 2)[-1])
    best, when = (math.inf, math.inf) if stable is False else (None, None)
    if stable:
        if isinstance(system, UpdateMap):
            best, steps = amplification_of_map(matrix)
            when = steps * system.dt
        else:
            best, when = amplification_of_flow(matrix)
    return {"reactivity": reactivity, "max_amplification": best, "amplification_time": when}


def own_hessians(matrix: np.ndarray, layout: Layout) -> tuple[np.ndarray, ...]:
    """Return the eigenvalues of each player's own Hessian, ascending; none if the system is no game of two.

    Args:
        matrix: shape (n, n), the Jacobian of the velocity.
        layout: its blocks.
    """
    masks = [layout.mask(player) for player in ("generator", "discriminator")]
    if not all(mask.any() for mask in masks) or not np.all(masks[0] | masks[1]):
        return ()
    blocks = [-matrix[np.ix_(mask, mask)] for mask in masks]
    return tuple(np.linalg.eigvalsh((block + block.T) / 2) for block in blocks)


def game_of(lowest: float, tolerance: float, stable: bool | None) -> str:
    """Return the verdict on a fixed point as a game, from the lowest of the players' own curvatures."""
    if abs(lowest) <= tolerance or stable is None:
        return "undecided"
    if lowest > 0:
        return "differential Nash" if stable else "Nash, not stable"
    return "stable, not Nash" if stable else "neither"


def _as_game(matrix: np.ndarray, system: System, tolerance: float, stable: bool | None) -> dict[str, Any]:
    """Return the players' own Hessians, the game's verdict and the stable ratios of learning rates."""
    hessians = own_hessians(matrix, system.layout)
    if not hessians:
        return {}
    ratios = _stable_ratios(matrix, system.layout.mask("discriminator"), tolerance)
    game = game_of(min(float(values[0]) for values in hessians), tolerance, stable)
    return {"hessians": hessians, "game": game, "stable_ratios": ratios}


def _stable_ratios(matrix: np.ndarray, discriminator: np.ndarray, tolerance: float) -> np.ndarray:
    """Return the intervals of kappa in which diag(1, kappa) J is stable, each end to rounding."""
    from scipy.optimize import brentq

    def growth(log_ratio: Any) -> np.ndarray:
        rates = np.where(discriminator, np.exp(np.asarray(log_ratio))[..., None], 1.0)
        return np.real(np.linalg.eigvals(rates[..., :, None] * matrix)).max(axis=-1)

    grid = np.linspace(np.log(_RATIOS[0]), np.log(_RATIOS[1]), _RATIO_GRID)
    values = growth(grid)
    decays = values < -tolerance * np.minimum(1.0, np.exp(grid))
    edges = np.flatnonzero(decays[1:] != decays[:-1])
    ends = [_crossing(growth, grid, values, i, brentq) for i in edges.tolist()]
    ends = [*([grid[0]] if decays[0] else []), *ends, *([grid[-1]] if decays[-1] else [])]
    return np.exp(np.array(ends, dtype=float).reshape(-1, 2))


def _crossing(growth: Any, grid: np.ndarray, values: np.ndarray, i: int, root: Any) -> float:
    """Return where the growth crosses zero between grid points i and i + 1, or next to them.

    Where it only leaves a neutral stretch there is no crossing: then the end of that stretch.
    """
    for low, high in ((i, i + 1), (max(i - 1, 0), min(i + 2, len(grid) - 1))):
        if values[low] * values[high] < 0:
            found = root(lambda s: float(growth(s)), grid[low], grid[high], xtol=1e-14, rtol=1e-14)
            return float(found)
    return float(grid[i] if abs(values[i]) < abs(values[i + 1]) else grid[i + 1])
