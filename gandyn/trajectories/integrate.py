"""Trajectories: of flows by an adaptive Runge-Kutta method, of maps by iteration."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from gandyn.arrays import Array, array_namespace, to_numpy
from gandyn.checks import check_floats
from gandyn.field import System, UpdateMap, VectorField
from gandyn.trajectories.tableau import (
    ERROR,
    EXPONENT,
    INTERPOLANT,
    MAX_GROWTH,
    MAX_SHRINK,
    NODES,
    SAFETY,
    STAGES,
)

if TYPE_CHECKING:
    import xarray

__all__ = ["Trajectory", "trajectory"]

#: How a trajectory ended.
Status: TypeAlias = Literal["finished", "diverged", "stalled", "out of steps", "interrupted"]


@dataclass(frozen=True, eq=False, repr=False)
class Trajectory:
    """The path of one state; where it ended early it is truncated and ``status`` says why.

    Args:
        t: shape (T,), flow time of each saved state (for a map: step number times ``dt``).
        x: shape (T, n), the states, in the system's namespace; never padded.
        status: "finished"; "diverged" (norm above the bound, or not finite: the last state kept is the
            last good one); "stalled" (the step fell to the rounding of t: a singularity or a jump);
            "out of steps"; "interrupted" (Ctrl-C).
        message: what happened, in words.
        evaluations: evaluations of the system, those of rejected steps included.
        steps: steps taken.
        label: the system's label.
        clock: "flow" or "map".
        dt: flow time of one step of the map; 1 for a flow.
    """

    t: np.ndarray
    x: Array
    status: Status
    message: str
    evaluations: int
    steps: int
    label: str
    clock: Literal["flow", "map"]
    dt: float

    def to_xarray(self) -> xarray.DataArray:
        """Return the states with the dimensions ``t`` and ``entry``, status in its attributes."""
        import xarray

        return xarray.DataArray(
            to_numpy(self.x),
            dims=("t", "entry"),
            coords={"t": ("t", self.t, {"long_name": "flow time"})},
            name="state",
            attrs={"label": self.label, "status": self.status, "clock": self.clock, "dt": self.dt},
        )

    def __str__(self) -> str:
        return (
            f"Trajectory of {self.label or 'a ' + self.clock}: {self.status} at t = {self.t[-1]:.6g}, "
            f"{len(self.t)} states saved, {self.steps} steps, {self.evaluations} evaluations; {self.message}"
        )

    __repr__ = __str__


def trajectory(
    system: System,
    x0: Array,
    *,
    t_end: float | None = None,
    n_steps: int | None = None,
    t0: float = 0,
    t_eval: Any = None,
    save_every: int = 1,
    rtol: float = 1e-8,
    atol: float = 1e-10,
    max_norm: float = 1e6,
    max_steps: int = 1_000_000,
    progress: bool = True,
) -> Trajectory:
    """Follow one state along a flow, or through the steps of a map.

    A flow is integrated by the pair of order 5(4) of Dormand and Prince with local extrapolation; the
    error of each step, as a root mean square over the entries, is kept below ``atol + rtol |x|``. All
    arithmetic on states stays in the namespace and on the device of ``x0``.

    Args:
        system: the vector field or update map.
        x0: the start, shape (n,), floating point, finite.
        t_end: flow time at which a flow ends, beyond ``t0``.
        n_steps: number of steps of a map, at least 1.
        t0: flow time at the start, or the integer number of a map's first step.
        t_eval: for a flow, times at which to save, shape (T,), rising, from t0 to t_end; by the
            method's interpolant of order 4. Without it, the steps taken.
        save_every: save every so many steps; the first and the last state are always saved.
        rtol: relative tolerance of a flow.
        atol: absolute tolerance of a flow, in units of the parameters.
        max_norm: norm of the state above which the trajectory has diverged.
        max_steps: bound on the number of steps of a flow, rejected ones included.
        progress: show a progress bar when on a terminal.

    Returns:
        The trajectory; look at ``status``. Ctrl-C returns what was computed.

    Raises:
        TypeError: ``x0`` is not an array of floats.
        ValueError: ``t_end`` for a map or ``n_steps`` for a flow, or a value out of range.

    Sources: Dormand and Prince 1980; interpolant: Shampine 1986; steps: Hairer, Norsett and Wanner 1993.

    Example:
        >>> from gandyn.field import Layout
        >>> decay = VectorField(lambda x, t: -x, Layout.scalars(state=["x"]))
        >>> path = trajectory(decay, np.ones(1), t_end=1.0)
        >>> path.status, round(float(path.x[-1, 0]), 8) == round(math.exp(-1), 8)
        ('finished', True)
    """
    _check_start(x0, system.layout.dim, max_norm)
    if save_every < 1:
        raise ValueError(f"save_every must be at least 1, got {save_every}")
    if isinstance(system, UpdateMap):
        if n_steps is None or n_steps < 1 or t_end is not None or t_eval is not None:
            raise ValueError(
                f"a map takes n_steps, at least 1, and neither t_end nor t_eval; got n_steps={n_steps}, "
                f"t_end={t_end}"
            )
        if t0 != int(t0):
            raise ValueError(f"t0 of a map is the integer number of its first step, got {t0}")
        record = _Record(int(t0) * system.dt, x0, save_every, None)
        run = lambda: _iterate(system, record, int(t0), n_steps, max_norm, progress)
    else:
        if t_end is None or not t0 < t_end < math.inf or n_steps is not None:
            raise ValueError(
                f"a flow takes t_end, finite and beyond t0 = {t0}, and no n_steps; got t_end={t_end}, "
                f"n_steps={n_steps}"
            )
        _check_tolerances(rtol, atol, x0)
        record = _Record(float(t0), x0, save_every, _check_times(t_eval, float(t0), float(t_end)))
        settings = _Settings(float(t_end), rtol, atol, max_norm, max_steps)
        run = lambda: _integrate(system, record, settings, progress)
    status: Status
    try:
        with np.errstate(all="ignore"):
            status, message = run()
    except KeyboardInterrupt:
        status, message = "interrupted", f"interrupted at t = {record.t:.6g}"
    return record.result(system, status, message)


def _check_start(x0: Array, dim: int, max_norm: float) -> None:
    check_floats("x0", x0, (dim,))
    if not _size(x0) <= max_norm:
        raise ValueError(f"x0 must have a norm of at most max_norm = {max_norm:g}, got {_size(x0)}")


def _check_tolerances(rtol: float, atol: float, x0: Array) -> None:
    floor = 100 * float(array_namespace(x0).finfo(x0.dtype).eps)
    if not (rtol >= floor and atol > 0):
        raise ValueError(
            f"rtol must be at least {floor:.1e} in {x0.dtype} and atol positive, got {rtol:g} and {atol:g}"
        )


def _check_times(t_eval: Any, t0: float, t_end: float) -> np.ndarray | None:
    if t_eval is None:
        return None
    times = np.asarray(to_numpy(t_eval), dtype=float)
    inside = times.ndim == 1 and times.size and times[0] >= t0 and times[-1] <= t_end
    if not inside or not np.all(np.diff(times) > 0):
        raise ValueError(f"t_eval must be a rising row of times from t0 = {t0} to t_end = {t_end}")
    return times


def _size(x: Array) -> float:
    xp = array_namespace(x)
    return float(xp.sqrt(xp.sum(x * x)))


class _Record:
    """What has been saved so far, kept outside the loops so that an interrupt loses nothing."""

    def __init__(self, t: float, x: Array, save_every: int, wanted: np.ndarray | None) -> None:
        self.t, self.x, self.save_every, self.wanted = t, x, save_every, wanted
        self.times: list[np.ndarray] = []
        self.states: list[Array] = []
        self.evaluations = self.steps = 0
        if wanted is None or wanted[0] == t:
            self.save(t, x)

    def save(self, t: float, x: Array) -> None:
        self.times.append(np.array([t], dtype=np.float64))
        self.states.append(x[None, :])

    def evaluate(self, system: System, x: Array, t: float) -> Array:
        self.evaluations += 1
        return system(x, t)

    def advance(self, t: float, x: Array) -> None:
        self.t, self.x = t, x
        self.steps += 1
        if self.wanted is None and self.steps % self.save_every == 0:
            self.save(t, x)

    def advance_by(self, steps: int, t: float, x: Array, times: np.ndarray, states: Array) -> None:
        """Take over several steps, some of whose states are to be saved."""
        if steps:
            self.t, self.x = t, x
        self.steps += steps
        if len(times):
            self.times.append(times)
            self.states.append(states)

    def result(self, system: System, status: Status, message: str) -> Trajectory:
        """Return the trajectory; one that ended early keeps its last good state too."""
        if (self.wanted is None or status != "finished") and (not self.times or self.times[-1][-1] < self.t):
            self.save(self.t, self.x)
        return Trajectory(
            t=np.concatenate(self.times),
            x=array_namespace(self.x).concat(self.states, axis=0),
            status=status,
            message=message,
            evaluations=self.evaluations,
            steps=self.steps,
            label=system.label,
            clock="map" if isinstance(system, UpdateMap) else "flow",
            dt=float(getattr(system, "dt", 1.0)),
        )


def _iterate(
    system: UpdateMap, record: _Record, first: int, count: int, max_norm: float, progress: bool
) -> tuple[Status, str]:
    from tqdm import tqdm

    move = _iterate_compiled if _runs_compiled(system, record.x) else _iterate_once
    with tqdm(total=count, desc="steps", leave=False, disable=None if progress else True) as bar:
        while record.steps < count:
            before = record.steps
            asked = move(system, record, first + before, count - before, max_norm)
            if record.steps < before + asked:
                return "diverged", f"step {first + record.steps} left norm {max_norm:g} or is not finite"
            bar.update(asked)
    return "finished", f"{count} steps of dt = {system.dt:g}"


def _iterate_once(system: UpdateMap, record: _Record, k: int, left: int, max_norm: float) -> int:
    """Take one step unless it leaves the bound, and return how many should have been taken: 1."""
    x = record.evaluate(system, record.x, k)
    if _size(x) <= max_norm:
        record.advance((k + 1) * system.dt, x)
    return 1


def _runs_compiled(system: UpdateMap, x: Array) -> bool:
    """Return whether the map has machine code for this array."""
    kernel = system.kernel
    return (
        kernel is not None and isinstance(x, np.ndarray) and x.dtype == np.float64 and bool(kernel.compiled)
    )


def _iterate_compiled(system: UpdateMap, record: _Record, k: int, left: int, max_norm: float) -> int:
    """Take a piece of the steps that are left, compiled, and return how many it should have been."""
    from gandyn.trajectories.iteration import PIECE, iterate

    kernel, x, steps = system.kernel, np.array(record.x), min(max(PIECE // record.x.size, 1), left)
    until_saved = record.save_every - record.steps % record.save_every
    saved = np.empty((steps // record.save_every + 1, x.size))
    code = kernel.params, kernel.nodes, kernel.plan
    taken, rows = iterate(
        kernel.velocity, x, k, until_saved, record.save_every, max_norm, *code, steps, saved
    )
    numbers = k + until_saved + record.save_every * np.arange(rows)
    record.advance_by(taken, (k + taken) * system.dt, x, numbers * system.dt, saved[:rows])
    record.evaluations += min(taken + 1, steps)
    return steps


@dataclass(frozen=True)
class _Settings:
    """What the adaptive integration goes by."""

    t_end: float
    rtol: float
    atol: float
    max_norm: float
    max_steps: int

    def scaled(self, error: Array, x: Array, new: Array) -> float:
        """Return the root mean square of an error in units of the tolerance."""
        xp = array_namespace(error)
        size = xp.where(xp.abs(x) > xp.abs(new), xp.abs(x), xp.abs(new))
        return float(xp.sqrt(xp.mean((error / (self.atol + self.rtol * size)) ** 2)))


def _combine(weights: Any, slopes: list[Array]) -> Array:
    """Return the weighted sum of slopes; zero weights cost nothing."""
    terms = [weight * slope for weight, slope in zip(weights, slopes, strict=True) if weight]
    return sum(terms[1:], terms[0])


def _integrate(
    system: VectorField, record: _Record, settings: _Settings, progress: bool
) -> tuple[Status, str]:
    from tqdm import tqdm

    t_end, start = settings.t_end, record.t
    slope = record.evaluate(system, record.x, start)
    if not math.isfinite(_size(slope)):
        raise ValueError("the velocity at x0 is not finite")
    h = _first_step(system, record, settings, slope)
    floor, largest_growth, finite = 10 * float(np.spacing(max(abs(start), abs(t_end)))), MAX_GROWTH, True
    with tqdm(total=t_end - start, desc="flow time", leave=False, disable=None if progress else True) as bar:
        for _ in range(settings.max_steps):
            t, x = record.t, record.x
            new_t = t_end if t + h >= t_end else t + h
            new, slopes = _step(system, record, slope, new_t)
            error = settings.scaled((new_t - t) * _combine(ERROR, slopes), x, new)
            finite = math.isfinite(error)
            if not error <= 1:
                h = (new_t - t) * (max(MAX_SHRINK, SAFETY * error**EXPONENT) if finite else MAX_SHRINK)
                largest_growth = 1.0
                if h < floor:
                    break
                continue
            inside = _size(new) <= settings.max_norm
            _save_wanted(record, slopes, new_t, settings.max_norm)
            if not inside:
                return "diverged", f"the norm exceeded {settings.max_norm:g} before t = {new_t:.6g}"
            record.advance(new_t, new)
            bar.update(new_t - t)
            if new_t == t_end:
                return "finished", f"reached t = {t_end:g} with rtol = {settings.rtol:g}"
            h = (new_t - t) * (min(largest_growth, SAFETY * error**EXPONENT) if error else largest_growth)
            slope, largest_growth = slopes[-1], MAX_GROWTH
        else:
            return "out of steps", f"{settings.max_steps} steps did not reach t = {t_end:g}"
    if not finite:
        return "diverged", f"the velocity is not finite beyond t = {record.t:.6g}"
    return "stalled", f"steps of {h:.1e} miss the tolerance at t = {record.t:.6g}: a singularity or a jump"


def _first_step(system: VectorField, record: _Record, settings: _Settings, slope: Array) -> float:
    """Return a first step from the sizes of the state, the slope and its change."""
    x, span = record.x, settings.t_end - record.t
    size, speed = settings.scaled(x, x, x), settings.scaled(slope, x, x)
    h = min(span, 1e-6 if min(size, speed) < 1e-5 else 0.01 * size / speed)
    later = record.evaluate(system, x + h * slope, record.t + h)
    change = settings.scaled(later - slope, x, x) / h
    if not math.isfinite(change):
        return h
    fastest = max(speed, change)
    return min(span, 100 * h, max(1e-6, 1e-3 * h) if fastest <= 1e-15 else (0.01 / fastest) ** 0.2)


def _step(system: VectorField, record: _Record, slope: Array, new_t: float) -> tuple[Array, list[Array]]:
    """Return the state at ``new_t`` by order 5, and the seven slopes, the last one there."""
    t, x, slopes = record.t, record.x, [slope]
    h = new_t - t
    for node, weights in zip(NODES, STAGES, strict=True):
        new = x + h * _combine(weights, slopes)
        slopes.append(record.evaluate(system, new, t + node * h))
    return new, slopes


def _save_wanted(record: _Record, slopes: list[Array], new_t: float, max_norm: float) -> None:
    """Save the wanted times in (t, new_t] by the interpolant, up to the first beyond the bound."""
    h = new_t - record.t
    if record.wanted is None:
        return
    first, last = np.searchsorted(record.wanted, [record.t, new_t], side="right")
    for when in record.wanted[first:last].tolist():
        theta = (when - record.t) / h
        weights = [sum(c * theta ** (i + 1) for i, c in enumerate(row)) for row in INTERPOLANT]
        state = record.x + h * _combine(weights, slopes)
        if not _size(state) <= max_norm:
            return
        record.save(when, state)
