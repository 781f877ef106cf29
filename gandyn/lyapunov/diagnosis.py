"""One call, one line: where an orbit leads, and what several tests say of it beside each other."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from gandyn.arrays import Array, to_numpy
from gandyn.checks import check_floats
from gandyn.cycles import LimitCycle, Section
from gandyn.field import System, UpdateMap
from gandyn.fixed_points import FixedPoint
from gandyn.lyapunov.alignment import Alignment
from gandyn.lyapunov.result import Lyapunov
from gandyn.lyapunov.zero_one import ZeroOne
from gandyn.trajectories import Trajectory

__all__ = ["Diagnosis", "Fate", "diagnose"]

Fate: TypeAlias = Literal["fixed point", "cycle", "torus", "chaos", "escape", "undecided"]

_LENGTHS = {"map": 20_000, "flow": 1000.0}
_SAMPLES, _FEWER_SAMPLES = 4000, 1000


@dataclass(frozen=True, eq=False, repr=False)
class Diagnosis:
    """Where an orbit leads, with the evidence. What was not needed, or cannot be had, is None.

    Args:
        verdict: "fixed point", "cycle", "torus", "chaos", "escape" or "undecided".
        reason: why, in words.
        time: flow time at the end of what was looked at; of an escape, when the norm was last within bounds.
        extent: diameter of the box that holds the last half of the orbit, in units of the state.
        point: the fixed point that the orbit leads to or sits on, or a point of a map's periodic orbit.
        period: of a cycle, flow time of one turn.
        cycle: the limit cycle of a flow.
        exact_period: after how many steps a map repeated itself to the last bit.
        exponents: the leading Lyapunov exponents.
        alignment: GALI and SALI.
        zero_one: the 0-1 test of the increments.
        clock: "flow" or "map".
        dt: flow time of one step of the map; 1 for a flow.
        status: "finished" or "interrupted".
        label: the system's label.
    """

    verdict: Fate
    reason: str
    time: float
    extent: float
    point: FixedPoint | None
    period: float | None
    cycle: LimitCycle | None
    exact_period: int | None
    exponents: Lyapunov | None
    alignment: Alignment | None
    zero_one: ZeroOne | None
    clock: Literal["flow", "map"]
    dt: float
    status: Literal["finished", "interrupted"]
    label: str

    @property
    def evidence(self) -> tuple[str, ...]:
        """What each test says, one line each."""
        lines = [f"last half within a box of diameter {self.extent:.3g}"] if self.extent >= 0 else []
        if self.point is not None:
            rates = ", ".join(f"{rate:+.4g}" for rate in self.point.growth_rates[:4])
            lines.append(
                f"{self.point.kind}: residual {self.point.residual:.1e}, "
                f"growth rates {rates} per unit of flow time"
            )
        if self.cycle is not None:
            lines.append(f"{self.cycle}")
        if self.exact_period is not None:
            lines.append(f"repeats to the last bit after {self.exact_period} steps")
        if self.exponents is not None:
            pairs = zip(self.exponents.exponents, self.exponents.zero, strict=True)
            values = ", ".join(f"{value:+.4g} (zero within {zero:.1g})" for value, zero in pairs)
            lines.append(f"exponents {values}: {', '.join(self.exponents.verdicts)}")
        lines += [str(test) for test in (self.alignment, self.zero_one) if test is not None]
        return tuple(lines)

    def __str__(self) -> str:
        name = self.label or f"a {self.clock}"
        return "\n".join([f"{name}: {self.verdict}; {self.reason}", *("  " + line for line in self.evidence)])

    __repr__ = __str__


def diagnose(
    system: System | Trajectory,
    x0: Array | None = None,
    *,
    n_steps: int | None = None,
    t_end: float | None = None,
    transient: float | None = None,
    k: int | None = None,
    switches: Sequence[Section] | None = None,
    rtol: float = 1e-9,
    atol: float = 1e-11,
    max_norm: float = 1e6,
    seed: int = 0,
    progress: bool = True,
) -> Diagnosis:
    """Say where an orbit leads: a fixed point, a cycle, a torus, chaos, escape, or that it is undecided.

    Of a system: after the transient the orbit is watched for a while. If it settles, Newton's method finds
    the point and its eigenvalues must decay; if it returns, the periodic orbit is found likewise, of a
    flow by shooting. Otherwise the leading exponents, the alignment of tangents and the 0-1 test vote, and
    none may contradict the verdict. A point or cycle that does not attract is never given as where the orbit
    leads: the orbit is then passing by, or rounding holds it there.

    Of a trajectory alone: its status, settling, returns and the 0-1 test, on its last two thirds. That is
    weaker: no eigenvalue tells a resting place from a slow passage.

    Args:
        system: the vector field or update map, or a trajectory.
        x0: the start, shape (n,), floating point, finite; none with a trajectory.
        n_steps: for a map, steps to watch, at least 1000; 20000 without it.
        t_end: for a flow, flow time to watch, many turns of it; 1000 without it.
        transient: steps of a map, or flow time, before that; without it half as long.
        k: number of exponents and, from 2 on, of aligned tangents, at most n; without it the first three
            exponents, as far as there are, and two tangents.
        switches: planes on which the velocity of a flow jumps; without it those of its formula.
        rtol: relative tolerance of steps of a flow.
        atol: absolute tolerance, in units of the parameters.
        max_norm: norm of the state beyond which it has escaped.
        seed: seed of tangents, frequencies and weights.
        progress: show a progress bar when on a terminal.

    Returns:
        The verdict with its evidence; look at ``reason``. Ctrl-C returns "undecided", status "interrupted".

    Raises:
        TypeError: no start for a system, or one that is not an array of floats.
        ValueError: a start or lengths together with a trajectory, or a value out of range.

    Example:
        >>> from gandyn.games.textbook import henon
        >>> found = diagnose(henon(), np.array([0.1, 0.1]), n_steps=2000, progress=False)
        >>> found.verdict, found.exponents.verdicts[0], found.alignment.verdict, found.zero_one.verdict
        ('chaos', 'positive', 'chaotic', 'chaotic')
    """
    if isinstance(system, Trajectory):
        if x0 is not None or any(value is not None for value in (n_steps, t_end, transient, k, switches)):
            raise ValueError(
                "a trajectory is judged as it is: give neither a start nor lengths, k or switches"
            )
        from gandyn.lyapunov.hindsight import judge

        return judge(system, seed, progress)
    if x0 is None:
        raise TypeError("x0 is missing: the state, shape (n,), from which the orbit of the system starts")
    from gandyn.lyapunov.examination import Examination, Limits

    check_floats("x0", x0, (system.layout.dim,))
    length = _length(system, n_steps, t_end)
    is_map = isinstance(system, UpdateMap)
    transient = (length // 2 if is_map else length / 2) if transient is None else transient
    if not 0 <= transient < math.inf or (is_map and transient != int(transient)):
        raise ValueError(f"transient must be finite, not negative, and whole for a map, got {transient}")
    if k is not None and not 1 <= k <= system.layout.dim:
        raise ValueError(f"k must be from 1 to the {system.layout.dim} entries of the state, got {k}")
    if not float(np.linalg.norm(to_numpy(x0))) <= max_norm:
        raise ValueError(f"x0 must have a norm of at most max_norm = {max_norm:g}")
    quick = system.kernel is not None and system.kernel.compiled
    samples = int(length) if is_map else _SAMPLES if quick else _FEWER_SAMPLES
    limits = Limits(length, transient, samples, k, rtol, atol, max_norm, seed, progress)
    return Examination(system, x0, limits, switches).carry_out()


def _length(system: System, n_steps: int | None, t_end: float | None) -> float:
    """Return the steps or flow time to watch."""
    if isinstance(system, UpdateMap):
        steps = _LENGTHS["map"] if n_steps is None else n_steps
        if t_end is not None or steps < 1000 or steps != int(steps):
            raise ValueError(f"a map takes n_steps, at least 1000, and no t_end; got {n_steps} and {t_end}")
        return steps
    time = _LENGTHS["flow"] if t_end is None else t_end
    if n_steps is not None or not 0 < time < math.inf:
        raise ValueError(
            f"a flow takes t_end, finite and positive, and no n_steps; got {t_end} and {n_steps}"
        )
    return time
