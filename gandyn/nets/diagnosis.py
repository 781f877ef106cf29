"""What a training is doing: settling, passing a saddle, cycling, drifting or crashing, with its evidence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from gandyn.nets.motion import Motion

__all__ = ["Thresholds", "TrainingDiagnosis", "diagnose_training"]

Verdict: TypeAlias = Literal["settling", "near a saddle", "cycling", "drifting", "crashing", "undecided"]


@dataclass(frozen=True)
class Thresholds:
    """Where the rules of ``diagnose_training`` draw their lines.

    Args:
        blow_up: crashing: norm of the parameters, over that at the start (or 1, if that is less).
        slow: settling: speed of the last quarter over the largest of the quarters before.
        dip: near a saddle: smallest speed of a twelfth of the run over the largest before it.
        escape: near a saddle: largest speed after that dip over the speed in it.
        recurrence: cycling: median distance to the state one period before, over the late half's diameter.
        straight: drifting: net displacement over path length in the late half.
    """

    blow_up: float = 1e3
    slow: float = 0.1
    dip: float = 0.3
    escape: float = 3.0
    recurrence: float = 0.25
    straight: float = 0.5


@dataclass(frozen=True, eq=False, repr=False)
class TrainingDiagnosis:
    """What a training is doing, and why it is said.

    Args:
        verdict: "settling", "near a saddle", "cycling", "drifting", "crashing" or "undecided".
        why: the rule that decided, with its numbers.
        evidence: every measured number, by name; NaN where there was too little to measure it.
        period: steps of the recurrence, NaN unless cycling.
        thresholds: where the lines were drawn.
    """

    verdict: Verdict
    why: str
    evidence: dict[str, float]
    period: float
    thresholds: Thresholds

    def __str__(self) -> str:
        return f"{self.verdict}: {self.why}"

    def __repr__(self) -> str:
        return f"TrainingDiagnosis({self})"


_FEWEST = 24


def diagnose_training(
    motion: Motion, growth: np.ndarray | None = None, *, thresholds: Thresholds | None = None
) -> TrainingDiagnosis:
    """Say what a training is doing, from how its parameters move and how nearby copies separate.

    The rules, in this order; the first that holds decides:

    1. crashing: a number that is not finite, or a norm ``blow_up`` times that at the start;
    2. near a saddle: the speed fell to ``dip`` of what it was and rose again ``escape``-fold; where
       ``growth`` is given, copies must also separate in some window (fast separation after slow);
    3. settling: the speed of the last quarter is below ``slow`` of the fastest before;
    4. cycling: the late half comes back to where it was one period before, after having left;
    5. drifting: the late half goes straight on.

    Anything else is undecided, as is a run of fewer than 24 states.

    Args:
        motion: what was seen of the training.
        growth: shape (w,), leading exponent of each window, if copies or tangents were followed.
        thresholds: where to draw the lines.

    Example:
        >>> steps = np.arange(40)
        >>> line = Motion(steps, 1.0 * steps, 1.0 + steps, 1.0 * steps[:, None], np.zeros((40, 2)))
        >>> diagnose_training(line).verdict
        'drifting'
    """
    lines = thresholds or Thresholds()
    evidence = _evidence(motion, growth)
    period = np.nan
    verdict: Verdict = "undecided"
    why = f"{len(motion.steps)} states, none of the rules holds"
    if not np.isfinite(evidence["blow up"]) or evidence["blow up"] > lines.blow_up:
        verdict, why = "crashing", f"norm {evidence['blow up']:.3g} times that at the start"
    elif len(motion.steps) < _FEWEST:
        why = f"{len(motion.steps)} states seen, at least {_FEWEST} needed"
    elif _passes_saddle(evidence, lines):
        verdict = "near a saddle"
        why = f"speed fell to {evidence['dip']:.2g} of before, then rose {evidence['escape']:.2g}-fold"
    elif evidence["slowing"] < lines.slow:
        verdict, why = "settling", f"speed is {evidence['slowing']:.2g} of the fastest before"
    elif evidence["recurrence"] < lines.recurrence:
        verdict, period = "cycling", evidence["period"]
        why = f"comes back every {period:.0f} steps, to {evidence['recurrence']:.2g} of its diameter"
    elif evidence["straightness"] > lines.straight:
        verdict, why = "drifting", f"net displacement is {evidence['straightness']:.2g} of the path"
    return TrainingDiagnosis(verdict, why, evidence, period, lines)


def _passes_saddle(evidence: dict[str, float], lines: Thresholds) -> bool:
    separates = not evidence["largest growth"] <= 0
    return separates and evidence["dip"] < lines.dip and evidence["escape"] > lines.escape


def _evidence(motion: Motion, growth: np.ndarray | None) -> dict[str, float]:
    finite = bool(np.isfinite(motion.sketches).all() and np.isfinite(motion.path).all())
    missing = np.isnan(motion.losses).any(1).astype(int)
    lost = bool(np.isinf(motion.losses).any()) or bool((np.diff(missing) > 0).any())
    start = max(float(motion.norms[0]), 1.0) if len(motion.norms) else 1.0
    blow_up = float(np.max(motion.norms, initial=0.0)) / start if finite and not lost else np.inf
    found = {"blow up": blow_up, "largest growth": np.nan if growth is None else float(np.max(growth))}
    names = ("dip", "escape", "slowing", "recurrence", "period", "straightness")
    if not np.isfinite(blow_up) or len(motion.steps) < _FEWEST:
        return found | dict.fromkeys(names, np.nan)
    late = slice(len(motion.steps) // 2, None)
    values = (*_dip(motion), _slowing(motion), *_recurrence(motion, late), _straightness(motion, late))
    return found | dict(zip(names, values, strict=True))


def _speeds(motion: Motion, pieces: int) -> np.ndarray:
    """Return the mean path length per step in each of ``pieces`` equal parts of the run."""
    ends = np.linspace(0, len(motion.steps) - 1, pieces + 1).astype(int)
    return np.asarray(np.diff(motion.path[ends]) / np.diff(motion.steps[ends]))


def _ratio(a: float, b: float) -> float:
    return a / b if b > 0 else (0.0 if a == 0 else np.inf)


def _dip(motion: Motion) -> tuple[float, float]:
    """Return the deepest fall of the speed that was followed by a rise, and that rise."""
    speeds = _speeds(motion, 12)
    falls = [_ratio(speeds[i], speeds[:i].max()) for i in range(1, 11)]
    rises = [_ratio(speeds[i + 1 :].max(), speeds[i]) for i in range(1, 11)]
    best = int(np.argmax([min(1 / max(f, 1e-300), r) for f, r in zip(falls, rises, strict=True)]))
    return falls[best], rises[best]


def _slowing(motion: Motion) -> float:
    speeds = _speeds(motion, 4)
    return _ratio(speeds[-1], speeds[:-1].max())


def _recurrence(motion: Motion, late: slice) -> tuple[float, float]:
    """Return the late half's best return over its diameter, and the first lag about as good, in steps."""
    distances = motion.distances()[late, late]
    count, diameter = len(distances), float(distances.max())
    medians = np.array([np.median(np.diagonal(distances, lag)) for lag in range(1, count // 2 + 1)])
    left = np.flatnonzero(medians > 0.5 * diameter)
    if not len(left) or not diameter > 0:
        return np.nan, np.nan
    after = medians[left[0] :]
    back = after <= after.min() + 0.1 * diameter
    first = int(np.argmax(back))
    until = first + int(np.argmin([*back[first:], False]))  # end of the first stretch of near returns
    lag = int(left[0]) + first + int(np.argmin(after[first:until])) + 1
    steps = motion.steps[late]
    return float(after.min()) / diameter, float(steps[lag] - steps[0])


def _straightness(motion: Motion, late: slice) -> float:
    ends = motion.sketches[late][[0, -1]]
    path = motion.path[late]
    return _ratio(float(np.linalg.norm(ends[1] - ends[0])), float(path[-1] - path[0]))
