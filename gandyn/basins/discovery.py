"""What a settled orbit is on: a fixed point, a periodic orbit, a cycle, a torus or a chaotic attractor."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from gandyn.arrays import like
from gandyn.basins.following import Follower, Targets
from gandyn.basins.result import UNDECIDED, Attractor, AttractorKind
from gandyn.basins.traps import trap_metrics
from gandyn.fixed_points import FixedPoint, classify, find_fixed_points
from gandyn.lyapunov import lyapunov_spectrum

__all__ = ["attractor_of"]

#: Fewest steps of the long run along an attractor, and pieces of each step of a flow.
SHORTEST, PIECES = 2000, 16
MAX_PERIOD = 256
#: Exponents at most; samples kept.
_EXPONENTS, _SAMPLES = 8, 2000
#: An exponent that multiplies a tangent by less than exp of this over the long run counts as zero: shear
#: along neutral families of orbits grows like the time itself, whose logarithm is about 10.
_NEUTRAL = 30.0
#: How near an orbit must come back, over how far it went.
_RETURN = 0.2


def attractor_of(
    follower: Follower, start: np.ndarray, targets: Targets, size: float
) -> tuple[tuple[Attractor, Targets] | None, bool]:
    """Return the new attractor that a start leads to, with the targets that include it, or None.

    Returned with it is whether the start roamed to the last of its steps.

    The orbit is nudged once on its way: what only attracts exactly on a line or a plane, as a saddle does,
    is not an attractor.

    Args:
        follower: the system.
        start: shape (n,).
        targets: the known attractors; a start that reaches one of them, escapes or leaves gives None.
        size: scale of the box.
    """
    end = _roaming(follower, start, targets)
    if end is not None:
        nudge = np.random.default_rng(0).standard_normal(len(end))
        end = _roaming(follower, end + 1e-6 * size * nudge, targets)
    if end is None:
        return None, False
    with np.errstate(all="ignore"):
        point = _resting_place(follower, end)
        if point is not None:
            return _point_attractor(follower, point, end, targets, size), True
        return _larger_attractor(follower, end, targets), True


def _roaming(follower: Follower, start: np.ndarray, targets: Targets) -> np.ndarray | None:
    """Return where a start is after all steps; None where it ended before them."""
    walk = follower.to_an_end(start, targets)
    spent = walk.labels[0] == UNDECIDED and walk.steps[0] >= follower.rules.max_steps
    return walk.x[0] if spent else None


def _resting_place(follower: Follower, end: np.ndarray) -> FixedPoint | None:
    """Return the linearly stable fixed point or periodic orbit next to where an orbit ended."""
    system = follower.system
    period = _period(follower, end) if follower.is_map else 1
    if period is None:
        return None
    found = find_fixed_points(
        system, starts=like(end[None], follower.template), period=period, progress=False
    )
    for point in found:
        judged = classify(system, like(point.x, follower.template), period=point.period)
        if judged.stable:
            return judged
    return None


def _period(follower: Follower, end: np.ndarray) -> int | None:
    """Return after how many steps a map comes back to where it was, nearly."""
    _, states, went_on = _long_run(follower, end.copy(), MAX_PERIOD, 1)
    if not went_on:
        return None
    orbit = np.concatenate([end[None], states])
    away = np.linalg.norm(orbit[1:] - end, axis=-1)
    extent = float(np.max(np.ptp(orbit, axis=0)))
    close = np.flatnonzero(away <= 1e-4 * extent + 1e-9 * (1 + float(np.linalg.norm(end))))
    return int(close[0]) + 1 if len(close) else None


def _point_attractor(
    follower: Follower, point: FixedPoint, end: np.ndarray, targets: Targets, size: float
) -> tuple[Attractor, Targets] | None:
    """Return a fixed point or periodic orbit with its traps, if the orbit goes on into one of them."""
    metrics = trap_metrics(follower.system, point.orbit, 0.1 * size, follower.template)
    if metrics is None:
        return None
    number = len(targets.needed)
    joined = replace(
        targets,
        traps=targets.traps.joined(point.orbit, metrics, number),
        needed=(*targets.needed, 0),
    )
    if follower.to_an_end(end, joined).labels[0] != number:
        return None
    return _described(point), joined


def _described(point: FixedPoint) -> Attractor:
    rates = point.growth_rates[:_EXPONENTS]
    kind: AttractorKind = "periodic orbit" if point.period > 1 else "fixed point"
    return Attractor(kind, point.orbit, float(point.period if point.period > 1 else 0), rates, 0 * rates)


def _larger_attractor(
    follower: Follower, end: np.ndarray, targets: Targets
) -> tuple[Attractor, Targets] | None:
    """Return the cycle, torus or chaotic attractor along a long run from where an orbit ended."""
    rules, x = follower.rules, end.copy()
    count, pieces = _long_steps(follower), 1 if follower.is_map else PIECES
    times, states, went_on = _long_run(follower, x, count, pieces)
    if not went_on or not _returns(states):
        return None
    measured = _exponents(follower, x, float(times[-1]) / count)
    kind = _kind(*measured, follower.is_map) if measured else None
    if measured is None or kind is None:
        return None
    values, errors, per_time = measured[0], measured[1], getattr(follower.system, "dt", 1.0)
    period, moves = _period_of_cycle(times, states, pieces) if kind == "cycle" else (np.nan, 0)
    if kind == "cycle" and np.isnan(period):
        return None
    keys, number = targets.cells.visited(states), len(targets.needed)
    if np.mean(targets.cells.owner(keys) >= 0) > 0.5:
        return None
    needed = (*targets.needed, max(rules.settle_steps, int(1.5 * moves)))
    joined = replace(targets, cells=targets.cells.joined(keys, number), needed=needed)
    if not _attracts(follower, x, joined):
        return None
    samples = states[:: max(1, len(states) // _SAMPLES)]
    return Attractor(kind, samples, period, values / per_time, errors / per_time), joined


def _returns(states: np.ndarray) -> bool:
    """Return whether an orbit comes back after it was farthest from its beginning; a drift does not."""
    away = np.linalg.norm(states - states[0], axis=-1)
    farthest = int(np.argmax(away))
    return bool(np.min(away[farthest:]) <= _RETURN * away[farthest])


def _attracts(follower: Follower, x: np.ndarray, targets: Targets) -> bool:
    """Return whether states some cells away settle on the last attractor, to one side at least.

    They do not along the directions in which a family of neutral orbits extends, of which one of an
    orthonormal basis sees its share.
    """
    n, newest = len(x), len(targets.needed) - 1
    basis, _ = np.linalg.qr(np.random.default_rng(0).standard_normal((n, n)))
    settles = lambda nudge: bool(follower.to_an_end(x + nudge, targets).labels[0] == newest)
    nudges = [4 * np.sqrt(n) * row * targets.cells.size for row in basis[:_EXPONENTS]]
    return all(settles(nudge) or settles(-nudge) for nudge in nudges)


def _long_steps(follower: Follower) -> int:
    """Return the steps of the long run: as many as of any start, twice for a map, whose steps are cheap."""
    return max(SHORTEST, follower.rules.max_steps * (2 if follower.is_map else 1))


def _long_run(
    follower: Follower, x: np.ndarray, count: int, pieces: int
) -> tuple[np.ndarray, np.ndarray, bool]:
    """Return times and states along so many steps from x, in place, and whether the orbit went on."""
    from gandyn.basins.compiled import record

    rules = follower.rules
    times, states = np.empty(count * pieces), np.empty((count * pieces, len(x)))
    numbers = (rules.rtol, rules.atol, rules.max_norm)
    function = follower.kernel.velocity
    went_on = record(follower.is_map, function, *follower.parts, x, *numbers, pieces, times, states)
    follower.check()
    return times, states, bool(went_on)


def _exponents(follower: Follower, x: np.ndarray, step: float) -> tuple[np.ndarray, np.ndarray, float] | None:
    """Return exponents, their standard errors, and over what time, in flow time or steps of the map."""
    rules, steps = follower.rules, _long_steps(follower)
    amount: dict[str, Any] = {"n_steps": steps} if follower.is_map else {"t_end": steps * step}
    found = lyapunov_spectrum(
        follower.system, like(x, follower.template), k=min(len(x), _EXPONENTS), rtol=rules.rtol,
        atol=rules.atol, max_norm=rules.max_norm, progress=False, **amount,
    )  # fmt: skip
    if found.status != "finished":
        return None
    return found.per_step, found.dt * found.standard_errors, float(steps if follower.is_map else steps * step)


def _kind(values: np.ndarray, errors: np.ndarray, total: float, is_map: bool) -> AttractorKind | None:
    """Return the kind of an attractor from its exponents; None of what does not attract.

    What does not attract is a neutral family of orbits, or conserves volume: all exponents vanish, or their
    sum does; an invertible system cannot stretch volume on a bounded set, only a map that folds can.
    """
    zero = np.fmax(3 * errors, _NEUTRAL / total)
    contraction = -float(values.sum()) * total
    if abs(contraction) <= _NEUTRAL or (contraction < 0 and not is_map):
        return None
    if values[0] > zero[0]:
        return "chaotic"
    neutral = int(np.sum(np.abs(values) <= zero))
    if neutral == 0 or neutral == len(values):
        return None
    return "cycle" if neutral == 1 and not is_map else "torus"


def _period_of_cycle(times: np.ndarray, states: np.ndarray, pieces: int) -> tuple[float, int]:
    """Return the period and the steps in it, from the returns through a plane across the orbit."""
    here, normal = states[0], states[1] - states[0]
    height = (states - here) @ normal
    rises = np.flatnonzero((height[:-1] < 0) & (height[1:] >= 0))
    share = height[rises] / (height[rises] - height[rises + 1])
    crossings = states[rises] + share[:, None] * (states[rises + 1] - states[rises])
    near = np.linalg.norm(crossings - here, axis=-1) <= 1e-2 * float(np.max(np.ptp(states, axis=0)))
    if np.sum(near) < 3:
        return np.nan, len(times) // pieces
    when = (times[rises] + share * (times[rises + 1] - times[rises]))[near]
    returns = len(when) - 1
    return float(when[-1] - when[0]) / returns, int(len(times) / pieces / returns) + 1
