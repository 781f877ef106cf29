"""The limit cycle that a flow runs into, or that lies near a guess, by multiple shooting."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from gandyn.arrays import Array, to_numpy
from gandyn.checks import check_floats
from gandyn.cycles.result import FlowError, LimitCycle, Stability
from gandyn.cycles.section import Planes, Section, switches_of
from gandyn.field import System, UpdateMap, VectorField

if TYPE_CHECKING:
    from gandyn.cycles.flow import Flow
    from gandyn.cycles.shooting import Shooting

__all__ = ["limit_cycle", "require_flow"]

_ROUNDS = 6
_RETURNS = 60
_NEAR = 0.03
_POINT = 1e-6
_TOLERANCE = 1e-9
_DOUBLINGS = 3


def limit_cycle(
    field: System,
    start: Array,
    *,
    period: float | None = None,
    transient: float = 50.0,
    switches: Sequence[Section] | None = None,
    max_period: float = 1e4,
    max_norm: float = 1e6,
    rtol: float = 1e-12,
    atol: float = 1e-13,
    progress: bool = True,
) -> LimitCycle:
    """Find a limit cycle of a flow, with its period, its extremes and its Floquet exponents.

    The flow is followed until it returns to where it was, then Newton's method solves the equations of
    multiple shooting, with the exact linearised flow between the nodes. The exponents come from a QR
    sweep through the factors of that flow, never from their product, so that a multiplier of 1e-30 beside
    one of 1 is right. Where the velocity jumps, the crossing is located and the linearised flow jumps with
    it (saltation: ``I + (v+ - v-) n^T / (n . v-)``).

    Args:
        field: an autonomous flow; compiled if it is, else called from the same loop.
        start: shape (n,): what runs into a stable cycle, or with ``period`` a state near any cycle.
        period: flow time of one turn, roughly; without it, the flow is followed until it returns, so that
            only what attracts is found.
        transient: flow time before the first look for a return, longer ones follow; not used with ``period``.
        switches: planes on which the velocity jumps; by default those of a symbolic game's own signs, steps
            and pieces, and none for any other field.
        max_period: flow time within which it must return.
        max_norm: norm of the state beyond which the flow diverges.
        rtol: relative tolerance of the integration.
        atol: absolute tolerance.
        progress: show how far the search has come when on a terminal.

    Returns:
        The cycle, stable or not.

    Raises:
        TypeError: a map; its periodic points are found by ``find_fixed_points(map, box, period=...)``.
        ValueError: the flow settles at a fixed point, or a value out of range.
        FlowError: the flow diverges or slides, does not return, or Newton's method does not converge.

    Sources: Stoer and Bulirsch 2002 (shooting); Lust 2001 (multipliers); Leine and Nijmeijer 2004
    (saltation).

    Example:
        >>> from gandyn.games import textbook
        >>> cycle = limit_cycle(textbook.van_der_pol(), np.array([1.0, 0.0]))
        >>> round(cycle.period, 9), cycle.stability, cycle.exponents.real.round(9).tolist()
        (6.663286859, 'stable', [0.0, -1.059376995])
    """
    from gandyn.cycles.flow import Flow

    field = require_flow(field)
    check_floats("start", start, (field.layout.dim,))
    ranges = {"transient": transient, "max_period": max_period, "max_norm": max_norm}
    ranges |= {"rtol": rtol, "atol": atol} | ({} if period is None else {"period": period})
    bad = [f"{name} = {value}" for name, value in ranges.items() if not 0 < value < np.inf]
    if bad:
        raise ValueError(f"these must be positive and finite: {', '.join(bad)}")
    flow = Flow(field, switches_of(field, switches), rtol, atol, max_norm, start)
    x = to_numpy(start).astype(np.float64)
    if period is not None:
        return _near(flow, x, period, rtol)
    x, period = _return(flow, x, transient, max_period, progress)
    return _attracting(flow, x, period, rtol, max_period)


def _near(flow: Flow, x: np.ndarray, period: float, rtol: float) -> LimitCycle:
    """Return the cycle near ``x`` that takes about ``period``."""
    from gandyn.cycles.shooting import Shooting, nodes_along, solve

    nodes = nodes_along(flow, x, period)
    shooting = Shooting(flow, nodes)
    z, residual = solve(shooting, np.append(nodes.ravel(), period), max(_TOLERANCE, 100 * rtol))
    return _described(shooting, z, residual)


def _attracting(flow: Flow, x: np.ndarray, period: float, rtol: float, max_period: float) -> LimitCycle:
    """Return the cycle that ``x`` has settled on.

    Past a period doubling the cycle that repels lies between the turns of the one that attracts, and what
    looks like a return is half of one.
    """
    first = cycle = _near(flow, x, period, rtol)
    for _ in range(_DOUBLINGS):
        if cycle.stability != "unstable" or 2 * cycle.period > max_period:
            break
        try:
            cycle = _near(flow, x, 2 * cycle.period, rtol)
        except FlowError:
            break
    return first if cycle.stability == "unstable" else cycle


def require_flow(field: System) -> VectorField:
    """Return the field, or raise what to use for a map."""
    if isinstance(field, UpdateMap):
        raise TypeError(
            "a limit cycle belongs to a flow, got an UpdateMap; find the periodic points of a map with "
            "find_fixed_points(map, box, period=k), and its invariant circles with basins"
        )
    return field


def _return(
    flow: Flow, x: np.ndarray, transient: float, max_period: float, progress: bool
) -> tuple[np.ndarray, float]:
    """Return a state near an attracting cycle and the time of its first return."""
    from tqdm import tqdm

    closest = np.inf
    for k in tqdm(range(_ROUNDS), desc="settling", leave=False, disable=None if progress else True):
        x = flow.end(x, transient * 2**k)
        if np.linalg.norm(flow.velocity(x)) <= 1e-9 * (1 + np.linalg.norm(x)):
            raise ValueError(
                f"the flow settles at the fixed point {x}, not on a cycle; start elsewhere, or give the "
                "period of an unstable cycle and a state near it"
            )
        period, distance = _first_return(flow, x, max_period)
        if distance < _NEAR:
            return x, period
        closest = min(closest, distance)
    raise FlowError(
        f"the flow does not return to where it was within {_RETURNS} turns: at best to {closest:.2g} of its "
        "extent; it may be on a torus or chaotic (see gandyn.basins), or need a longer transient"
    )


def _first_return(flow: Flow, x: np.ndarray, max_period: float) -> tuple[float, float]:
    """Return the time after which the flow first comes near ``x`` again, and its distance over the extent."""
    section = Planes.through(x, flow.velocity(x))
    here, elapsed, best = x, 0.0, (np.inf, np.inf)
    low, high = x.copy(), x.copy()
    for _ in range(_RETURNS):
        arc = flow.arc(here, max_period - elapsed, section=section)
        if not arc.crossed:
            break
        here, elapsed = arc.states[-1], elapsed + arc.times[-1]
        low, high = np.minimum(low, arc.states.min(axis=0)), np.maximum(high, arc.states.max(axis=0))
        extent = float(np.linalg.norm(high - low))
        distance = float(np.linalg.norm(here - x)) / extent
        if distance < 0.5 * best[1]:
            best = (elapsed, distance)
        if distance < _NEAR or elapsed >= max_period:
            break
    return best


def _described(shooting: Shooting, z: np.ndarray, residual: float) -> LimitCycle:
    """Return the cycle of a solution, with all that is said of it."""
    from gandyn.cycles.floquet import log_eigenvalues

    flow, turn, period = shooting.flow, shooting.turn(z, tangents=False), float(z[-1])
    low, high = flow.extremes(turn)
    if np.max(high - low) < _POINT * (1 + np.abs(high).max()):
        raise FlowError(
            f"Newton's method led to the fixed point {z[: flow.dim]}, not to a cycle; start elsewhere"
        )
    exponents = log_eigenvalues(shooting.turn(z).pieces) / period
    trivial = int(np.argmin(np.abs(exponents)))
    tolerance = max(1e-7 / period, 10 * float(abs(exponents[trivial])))
    return LimitCycle(
        period=period,
        times=turn.times,
        states=turn.states,
        exponents=exponents,
        trivial=trivial,
        stability=_verdict(np.delete(exponents, trivial).real, tolerance),
        tolerance=tolerance,
        minima=low,
        maxima=high,
        switches=turn.switches,
        residual=residual,
        segments=shooting.shape[0],
        steps=flow.steps,
        names=flow.field.layout.entry_names,
        label=flow.field.label,
    )


def _verdict(growth: np.ndarray, tolerance: float) -> Stability:
    largest = float(np.max(growth, initial=-np.inf))
    return "stable" if largest < -tolerance else "unstable" if largest > tolerance else "neutral"
