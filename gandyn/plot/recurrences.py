"""Recurrence of the modes that a generator covers: which times are alike, and how distance goes with lag."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colorbar import Colorbar
from matplotlib.image import AxesImage
from matplotlib.lines import Line2D

from gandyn.plot.keys import caption, colour_bar, sentences
from gandyn.plot.styles import GENERATOR, NEUTRAL

if TYPE_CHECKING:
    from gandyn.nets import ModeRecurrence

__all__ = ["RecurrenceArtists", "lag_distance", "recurrence"]


@dataclass(frozen=True, eq=False)
class RecurrenceArtists:
    """What ``recurrence`` drew.

    Args:
        matrix: distances of the histograms of all pairs of times.
        bar: their colour bar.
    """

    matrix: AxesImage
    bar: Colorbar


def recurrence(ax: Axes, found: ModeRecurrence) -> RecurrenceArtists:
    """Draw the distances of the mode histograms of all pairs of times; dark pairs are alike.

    Lines parallel to the diagonal are cycles; one dark block at the upper right is rest.

    Args:
        ax: axes to draw in.
        found: what ``nets.mode_recurrence`` returned.

    Returns:
        The artists.
    """
    first, last = float(found.steps[0]), float(found.steps[-1])
    matrix = ax.imshow(
        found.distances, origin="lower", extent=(first, last, first, last), cmap="cividis", vmin=0, vmax=1,
        interpolation="nearest",
    )  # fmt: skip
    ax.set(xlabel="training step", ylabel="training step")
    bar = colour_bar(ax, matrix, "share of samples in other modes")
    caption(ax, sentences([_words(found)]))
    return RecurrenceArtists(matrix, bar)


def _words(found: ModeRecurrence) -> str:
    period = f"period {found.period:.0f} steps, " if np.isfinite(found.period) else "no period, "
    return f"{found.verdict}: {found.recurrence_rate:.0%} of pairs recur, {period}p = {found.p_value:.2g}"


def lag_distance(ax: Axes, found: ModeRecurrence, **look: Any) -> Line2D:
    """Draw the mean distance of two histograms over the time between them, and mark the period.

    Args:
        ax: axes to draw in.
        found: what ``nets.mode_recurrence`` returned.
        **look: passed to ``Axes.plot``.

    Returns:
        The line.
    """
    (line,) = ax.plot(found.lags, found.lag_distance, **{"color": GENERATOR, **look})
    if found.p_value < 0.05:
        ax.axvline(found.period, color=NEUTRAL, linewidth=0.8, linestyle=(0, (1, 1.5)))
    ax.set(xlabel="lag (training steps)", ylabel="mean distance of histograms", ylim=(0, None))
    return line
