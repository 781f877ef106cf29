"""The path-angle: cosine and size of the velocity along the line between two states."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.legend import Legend
from matplotlib.lines import Line2D
from matplotlib.text import Annotation

from gandyn.plot.keys import caption, legend_below
from gandyn.plot.styles import NEUTRAL, PLAYERS, SHARED
from gandyn.rotation import PathAngle

__all__ = ["PathAngleArtists", "path_angle"]

_LABELS = {"both": "both players", "generator": "generator", "discriminator": "discriminator"}


@dataclass(frozen=True, eq=False)
class PathAngleArtists:
    """What ``path_angle`` drew.

    Args:
        cosine: by part, the cosine; the median where there are several results.
        bands: by part, one standard error over minibatches, or the quartiles of several results.
        speed: size of the joint velocity, on the axis to the right.
        speed_axis: that axis, or None.
        legend: the legend, below the axes.
        caption: what the cosine shows.
    """

    cosine: dict[str, Line2D]
    bands: dict[str, PolyCollection]
    speed: Line2D | None
    speed_axis: Axes | None
    legend: Legend | None
    caption: Annotation | None


def path_angle(
    ax: Axes,
    result: PathAngle | Sequence[PathAngle],
    *,
    parts: Sequence[str] = ("both", "generator", "discriminator"),
    speed: bool = True,
) -> PathAngleArtists:
    """Draw the cosine between velocity and path, and the size of the velocity, over the place on the path.

    The end of the path is at alpha = 1. With several results (seeds), the median and the quartiles.

    Args:
        ax: axes to draw in.
        result: one result, or several at the same places.
        parts: whose cosine: "both", "generator", "discriminator"; what a result has not is left out.
        speed: also draw the size of the joint velocity, on an axis to the right.

    Returns:
        The artists.

    Raises:
        ValueError: no result, or results at different places.

    Example:
        >>> from matplotlib.figure import Figure
        >>> from gandyn.games import catalogue
        >>> from gandyn.rotation import path_angle as follow
        >>> found = follow(catalogue.make("dirac"), np.array([2.0, 0.1]), np.array([0.0, 0.1]))
        >>> sorted(path_angle(Figure().subplots(), found, parts=["both"]).cosine)
        ['both']
    """
    results = [result] if isinstance(result, PathAngle) else list(result)
    if not results:
        raise ValueError("expected one path-angle or more, got none")
    alpha = results[0].alpha
    if any(not np.array_equal(each.alpha, alpha) for each in results):
        raise ValueError("the path-angles must share their places: give all the same points and span")
    ax.axhline(0.0, color=NEUTRAL, linewidth=0.6, zorder=1)
    ax.axvline(1.0, color=NEUTRAL, linewidth=0.6, linestyle=":", zorder=1)
    lines: dict[str, Line2D] = {}
    bands: dict[str, PolyCollection] = {}
    for part in (part for part in parts if all(part in each.cosine for each in results)):
        colour = PLAYERS.get(part, SHARED)
        low, middle, high = _middle(results, part)
        (lines[part],) = ax.plot(alpha, middle, color=colour, label=_LABELS[part], zorder=3)
        if np.any(high > low):
            bands[part] = ax.fill_between(alpha, low, high, color=colour, alpha=0.2, linewidth=0)
    ax.set(xlabel=r"place on the path $\alpha$ (start 0, end 1)", ylabel="cosine of velocity and path")
    ax.set(ylim=(-1.05, 1.05), xlim=(alpha[0], alpha[-1]))
    norm, beside = _speed(ax, results) if speed else (None, None)
    legend = legend_below(ax, [*lines.values(), *([norm] if norm else [])])
    return PathAngleArtists(lines, bands, norm, beside, legend, caption(ax, _notes(results)))


def _middle(results: Sequence[PathAngle], part: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return lower edge, middle and upper edge of the cosine of a part."""
    if len(results) > 1:
        low, middle, high = np.nanquantile([each.cosine[part] for each in results], [0.25, 0.5, 0.75], axis=0)
        return low, middle, high
    middle, error = results[0].cosine[part], np.nan_to_num(results[0].cosine_error[part])
    return np.clip(middle - error, -1, 1), middle, np.clip(middle + error, -1, 1)


def _speed(ax: Axes, results: Sequence[PathAngle]) -> tuple[Line2D, Axes]:
    beside = ax.twinx()
    size = np.median([each.speed["both"] for each in results], axis=0)
    (line,) = beside.plot(
        results[0].alpha, size, color=NEUTRAL, linestyle="--", linewidth=0.9, label="size of the velocity"
    )
    beside.set_ylabel("|velocity|")
    positive = size[size > 0]
    if positive.size and positive.max() > 30 * positive.min():
        beside.set_yscale("log")
    return line, beside


def _notes(results: Sequence[PathAngle]) -> list[str]:
    if len(results) > 1:
        return [f"Median and quartiles of {len(results)} paths."]
    (one,) = results
    band = f"Bands: one standard error over {one.systems} batches." if one.systems > 1 else ""
    shape = one.shapes["both"].name
    return [f"Both players: {shape if shape != 'neither' else 'neither attraction nor rotation'}.", band]
