"""When a run collapses, and which series stands out before it does."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

SERIES = ("exponent", "loss of G", "loss of D")
#: Windows before a collapse in which a warning counts; windows that a rule needs to know what is usual.
LEAD, KNOWN = 3, 5
#: Median absolute deviations that stand out.
OUTSTANDING = 4.0


def collapses(run: Mapping[str, Any], task: str) -> list[int]:
    """Return the windows at whose end samples have become much worse than they were.

    On points: half the modes that were covered, two at least, are lost. On images: the sliced Wasserstein
    distance is one and a half times its least value. One that goes on counts once.
    """
    if task == "digits":
        distance = np.array(run["distance"])
        bad = distance > 1.5 * np.minimum.accumulate(distance)
    else:
        modes = np.array(run["modes"])
        bad = modes <= np.maximum.accumulate(modes) / 2
        bad &= np.maximum.accumulate(modes) >= 2
    begins = bad & ~np.concatenate([[False], bad[:-1]])
    return [int(window) for window in np.flatnonzero(begins) if window >= KNOWN]


def alarms(values: Sequence[float]) -> np.ndarray:
    """Return the windows whose value stands out from all before it, as booleans."""
    series, found = np.asarray(values, dtype=float), np.zeros(len(values), dtype=bool)
    for window in range(KNOWN, len(series)):
        known = series[:window]
        middle = np.median(known)
        found[window] = abs(series[window] - middle) > OUTSTANDING * np.median(np.abs(known - middle))
    return found


def series_of(run: Mapping[str, Any], name: str) -> list[float]:
    """Return a series by name, one value a window."""
    return [row[0] for row in run["exponents"]] if name == "exponent" else list(run[name])


def _before(alarm: np.ndarray, window: int) -> bool:
    return bool(alarm[max(window - LEAD, 0) : window].any())


def warned(runs: Sequence[tuple[Mapping[str, Any], str]], name: str) -> dict[str, int]:
    """Return how many collapses had an alarm in the windows before, and how many quiet windows had one there.

    The latter is what chance gives: a window is quiet where no collapse is near.
    """
    counts = {"collapses": 0, "warned": 0, "quiet windows": 0, "by chance": 0}
    for run, task in runs:
        alarm = alarms(series_of(run, name))
        near = np.zeros(len(alarm), dtype=bool)
        for window in collapses(run, task):
            counts["collapses"] += 1
            counts["warned"] += _before(alarm, window)
            near[max(window - LEAD, 0) : window + LEAD] = True
        quiet = [int(window) for window in np.flatnonzero(~near) if window >= KNOWN]
        counts["quiet windows"] += len(quiet)
        counts["by chance"] += sum(_before(alarm, window) for window in quiet)
    return counts
