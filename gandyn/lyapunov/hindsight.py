"""A trajectory judged alone, from what it did."""

from __future__ import annotations

import numpy as np

from gandyn.arrays import to_numpy
from gandyn.lyapunov.diagnosis import Diagnosis, Fate
from gandyn.lyapunov.orbit import watched
from gandyn.lyapunov.series import drifts, exact_period, extents, nearest_period, pace, test_of_increments
from gandyn.lyapunov.zero_one import ZeroOne
from gandyn.trajectories import Trajectory

__all__ = ["judge"]

_FEWEST_AT_REST, _FEWEST = 16, 300
#: Extent over the size of the state: of one at rest, as far as errors of steps let it, and of rounding.
_RESTING, _FLOOR, _RISING = 1e-5, 1e-9, 10.0
_COLLAPSE = ", in which floating-point numbers that collapsed look like an attractor: diagnose the system"
_NEAR_MAP, _NEAR_FLOW = 1e-6, 5e-3
_STEADY, _UNEVEN = 2.0, 0.05


def judge(path: Trajectory, seed: int, progress: bool) -> Diagnosis:
    """Return what the last two thirds of a trajectory say."""
    times, states = _even(path, seed)
    late = states[len(states) // 3 :]
    period, test, fate = None, None, _ended(path, late)
    exact = exact_period(late) if path.clock == "map" and len(late) else None
    if fate is None and (period := _period(late, float(times[1] - times[0]), path.clock == "flow")):
        fate = "cycle", f"it returns after {period:.6g} of flow time"
    if fate is None:
        test = test_of_increments(late, seed, progress)
        fate = _from_test(late, test)
    return Diagnosis(
        verdict=fate[0],
        reason=f"{fate[1]}; from the trajectory alone{_COLLAPSE if exact else ''}",
        time=float(path.t[-1]),
        extent=float(extents(late, 2)[-1]) if len(late) > 3 else float("nan"),
        point=None,
        period=period,
        cycle=None,
        exact_period=exact,
        exponents=None,
        alignment=None,
        zero_one=test,
        clock=path.clock,
        dt=path.dt,
        status="finished",
        label=path.label,
    )


def _even(path: Trajectory, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return even times and the watched states then: of a flow by cubic splines through those saved."""
    times, states = path.t, watched(to_numpy(path.x).astype(np.float64), seed)
    steps = np.diff(times)
    if len(times) < 4 or np.ptp(steps) <= 1e-9 * steps.max():
        return times, states
    from scipy.interpolate import CubicSpline

    even = np.linspace(times[0], times[-1], len(times))
    return even, np.asarray(CubicSpline(times, states)(even))


def _ended(path: Trajectory, late: np.ndarray) -> tuple[Fate, str] | None:
    """Decide what needs no test: escapes, too few states, and rest."""
    if path.status == "diverged":
        return "escape", path.message
    sizes, size = extents(late, 8), 1 + float(np.linalg.norm(late[-1]))
    if len(late) >= _FEWEST_AT_REST and sizes[-1] <= _RESTING * size:
        if sizes[-1] > max(_RISING * sizes.min(), _FLOOR * size):
            return "undecided", "it almost rests, but begins to move again: a slow passage"
        return "fixed point", "it rests"
    if len(late) < _FEWEST:
        return "undecided", f"{len(late)} states in its last two thirds are too few, {_FEWEST} are needed"
    if not 1 / _STEADY < pace(late) < _STEADY:
        return "undecided", "it still grows or shrinks: follow it longer"
    return None


def _period(late: np.ndarray, spacing: float, is_flow: bool) -> float | None:
    """Return the flow time after which it returns, or None."""
    if not is_flow:
        near = nearest_period(late, len(late) // 4, _NEAR_MAP)
        return None if near is None else near[0] * spacing
    return _time_of_return(late, spacing)


def _time_of_return(late: np.ndarray, spacing: float) -> float | None:
    """Return the least time between samples after which a flow returns to within half a percent."""
    from scipy.interpolate import CubicSpline
    from scipy.optimize import minimize_scalar

    count = len(late)
    where = CubicSpline(np.arange(count), late)
    begin = np.arange(count // 2, count // 2 + count // 4)
    extent = float(np.linalg.norm(np.ptp(late, axis=0)))

    def gap(lag: float) -> float:
        return float(np.sqrt(np.mean(np.sum((where(begin + lag) - late[begin]) ** 2, axis=1))))

    lags = np.arange(1, count // 4)
    gaps = np.array(
        [np.sqrt(np.mean(np.sum((late[begin + lag] - late[begin]) ** 2, axis=1))) for lag in lags]
    )
    low = np.flatnonzero((gaps[1:-1] <= gaps[:-2]) & (gaps[1:-1] <= gaps[2:])) + 1
    for lag in lags[low[gaps[low] < 0.5 * gaps.max()]].tolist():
        best = minimize_scalar(gap, bounds=(lag - 1, lag + 1), method="bounded")
        if best.fun <= _NEAR_FLOW * extent:
            return float(best.x) * spacing
    return None


def _from_test(late: np.ndarray, test: ZeroOne | None) -> tuple[Fate, str]:
    if test is None:
        return "undecided", "it is too short, or changes too slowly, for the 0-1 test"
    said = f"the 0-1 test gives K = {test.median:.3f}"
    if test.verdict == "regular" and drifts(late):
        return "undecided", f"it drifts on; {said}"
    if test.verdict == "chaotic":
        return "chaos", f"{said}, as it would for noise"
    if test.verdict == "undecided" or abs(pace(late) - 1) > _UNEVEN:
        return "undecided", said
    return "torus", f"it never returns, and {said}"
