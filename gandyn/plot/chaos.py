"""Tests of chaos: how tangents align, and the 0-1 test."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.legend import Legend
from matplotlib.lines import Line2D
from matplotlib.text import Annotation

from gandyn.checks import check_option
from gandyn.lyapunov import Alignment, ZeroOne
from gandyn.plot.keys import caption, legend_below
from gandyn.plot.styles import NEUTRAL, OKABE_ITO

__all__ = ["AlignmentArtists", "ZeroOneArtists", "alignment", "zero_one"]

_COLOURS = [OKABE_ITO[name] for name in ("vermillion", "blue", "bluish green", "orange", "sky blue")]
_FLOOR = 1e-17


@dataclass(frozen=True, eq=False)
class AlignmentArtists:
    """What ``alignment`` drew.

    Args:
        lines: GALI of each result.
        threshold: the line below which tangents count as aligned.
        legend: the legend, below the axes.
        caption: what the picture cannot show.
    """

    lines: tuple[Line2D, ...]
    threshold: Line2D
    legend: Legend | None
    caption: Annotation | None


def alignment(
    ax: Axes,
    found: Alignment | Sequence[Alignment],
    *,
    labels: Sequence[str] | None = None,
    scale: Literal["log", "linear"] = "log",
) -> AlignmentArtists:
    """Draw GALI over time: over the logarithm of time powers are straight, over time itself exponentials.

    Args:
        ax: axes to draw in.
        found: one result of ``gandyn.alignment`` or several, of one number of tangents or several.
        labels: name of each in the legend; by default the system's label.
        scale: scale of the time: "log" or "linear".

    Returns:
        The artists.

    Raises:
        ValueError: not one label for each result, or an unknown scale.

    Example:
        >>> from matplotlib.figure import Figure
        >>> from gandyn.games.textbook import henon
        >>> from gandyn.lyapunov import alignment as align
        >>> found = align(henon(), np.array([0.1, 0.1]), n_steps=200, progress=False)
        >>> len(alignment(Figure().subplots(), found).lines)
        1
    """
    check_option("scale", scale, ["log", "linear"])
    results = [found] if isinstance(found, Alignment) else list(found)
    names = [result.label for result in results] if labels is None else list(labels)
    if len(names) != len(results):
        raise ValueError(f"labels must name each of the {len(results)} results, got {len(names)}")
    lines = []
    for number, (result, name) in enumerate(zip(results, names, strict=True)):
        label = rf"{name}, GALI$_{{{result.k}}}$: {result.verdict}"
        colour = _COLOURS[number % len(_COLOURS)]
        (line,) = ax.plot(result.times, np.maximum(result.gali, _FLOOR), color=colour, label=label)
        lines.append(line)
    threshold = ax.axhline(max(result.threshold for result in results), color=NEUTRAL, ls="--", lw=0.8)
    ax.set_yscale("log")
    ax.set_xscale(scale)
    ax.set(xlabel="flow time", ylabel="GALI")
    notes = [
        "Volume of unit tangents; dashed: aligned below it. It falls fast beside stable cycles too: the "
        "verdict also asks whether the first tangent grows."
    ]
    return AlignmentArtists(tuple(lines), threshold, legend_below(ax, lines), caption(ax, notes))


@dataclass(frozen=True, eq=False)
class ZeroOneArtists:
    """What ``zero_one`` drew.

    Args:
        dots: K of each frequency.
        median: their median.
        path: the translation of the median's frequency.
        legend: the legend, below the axes of K.
        caption: what the picture cannot show.
    """

    dots: Line2D
    median: Line2D
    path: Line2D
    legend: Legend | None
    caption: Annotation | None


def zero_one(axes: Sequence[Axes], found: ZeroOne) -> ZeroOneArtists:
    """Draw K over the frequencies, and the translation of the median's frequency in its plane.

    Args:
        axes: two axes: for K, and for the plane.
        found: from ``gandyn.zero_one_test``.

    Returns:
        The artists.

    Raises:
        ValueError: not two axes.

    Example:
        >>> from matplotlib.figure import Figure
        >>> from gandyn.lyapunov import zero_one_test
        >>> found = zero_one_test(np.cos(np.sqrt(2) * np.arange(1000)), progress=False)
        >>> len(zero_one(Figure().subplots(1, 2), found).dots.get_xdata())
        100
    """
    if len(axes) != 2:
        raise ValueError(f"axes must be two, for K and for the plane, got {len(axes)}")
    left, right = axes
    (dots,) = left.plot(
        found.frequencies, found.K, ".", color=OKABE_ITO["sky blue"], markersize=3, label="one frequency"
    )
    text = f"median {found.median:.3f}: {found.verdict}"
    median = left.axhline(found.median, color=OKABE_ITO["vermillion"], label=text, zorder=1)
    left.set(xlabel="frequency c, rad per entry", ylabel="growth K", ylim=(-1.08, 1.08))
    (path,) = right.plot(found.p, found.q, color=OKABE_ITO["blue"], linewidth=0.4)
    right.set(xlabel="p, units of the series", ylabel="q, units of the series", aspect="equal")
    right.set_box_aspect(1)
    right.set_adjustable("datalim")
    notes = [f"{found.count} entries, stride {found.stride}; plane at c = {found.c:.3f}."]
    return ZeroOneArtists(dots, median, path, legend_below(left, [dots, median]), caption(left, notes))
