"""Nearby trainings: their distances, their finite-time exponents, and the directions they spread in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import FillBetweenPolyCollection
from matplotlib.legend import Legend
from matplotlib.lines import Line2D
from matplotlib.patches import StepPatch
from matplotlib.text import Annotation

from gandyn.checks import check_option
from gandyn.plot.keys import caption, legend_below
from gandyn.plot.styles import DISCRIMINATOR, GENERATOR, NEUTRAL, OKABE_ITO, SHARED

if TYPE_CHECKING:
    from gandyn.nets import Ensemble

__all__ = [
    "SeparationArtists",
    "ShareArtists",
    "WindowArtists",
    "separation",
    "spread_shares",
    "window_exponents",
]

_PARTS = {
    "state": ("parameters and memory", SHARED),
    "parameters": ("all parameters", "#000000"),
    "generator": ("generator", GENERATOR),
    "discriminator": ("discriminator", DISCRIMINATOR),
}
_COLOURS = [OKABE_ITO[name] for name in ("vermillion", "blue", "bluish green", "orange", "sky blue")]


@dataclass(frozen=True, eq=False)
class SeparationArtists:
    """Distances of copies.

    Args:
        lines: by part, one line a copy.
        legend: the legend, below the axes.
        caption: how separations were treated.
    """

    lines: dict[str, list[Line2D]]
    legend: Legend | None
    caption: Annotation | None


@dataclass(frozen=True, eq=False)
class WindowArtists:
    """Exponents of windows.

    Args:
        steps: one staircase an exponent.
        bands: two standard errors to both sides of each mean; none for a single window.
        legend: the legend, below the axes.
        caption: what the band means.
    """

    steps: list[StepPatch]
    bands: list[FillBetweenPolyCollection]
    legend: Legend | None
    caption: Annotation | None


@dataclass(frozen=True, eq=False)
class ShareArtists:
    """Shares of the spread.

    Args:
        areas: one for each leading direction, from the bottom.
        legend: the legend, below the axes.
    """

    areas: list[FillBetweenPolyCollection]
    legend: Legend | None


def separation(
    ax: Axes,
    found: Ensemble,
    *,
    parts: tuple[Literal["state", "parameters", "generator", "discriminator"], ...] = (
        "generator",
        "discriminator",
    ),
) -> SeparationArtists:
    """Draw the distance of every copy to the reference over training, on a log axis.

    Args:
        ax: axes to draw in.
        found: from ``nets.ensemble``.
        parts: of what the distances are.

    Returns:
        The artists.
    """
    lines: dict[str, list[Line2D]] = {}
    for name in parts:
        check_option("parts", name, list(_PARTS))
        label, colour = _PARTS[name]
        values = found.distances[:, :, list(_PARTS).index(name)]
        shown = np.where(values > 0, values, np.nan)
        lines[name] = ax.plot(found.steps, shown, color=colour, linewidth=0.8, alpha=0.7)
        lines[name][0].set_label(label)
    ax.set(yscale="log", xlabel="training step", ylabel="distance to the reference")
    kept = "left free" if found.rescale == "free" else f"pulled back to {found.size:.2g} after every window"
    words = f"{found.distances.shape[1]} {_copies(found)}, {kept}"
    return SeparationArtists(
        lines, legend_below(ax, [each[0] for each in lines.values()]), caption(ax, [words])
    )


def window_exponents(ax: Axes, found: Ensemble, *, count: int = 3) -> WindowArtists:
    """Draw the finite-time exponents per step of each window, with the mean's band of two standard errors.

    Args:
        ax: axes to draw in.
        found: from ``nets.ensemble``.
        count: exponents drawn, from the first on.

    Returns:
        The artists.

    Raises:
        ValueError: no window is finished.
    """
    if not len(found.growth):
        raise ValueError("no window is finished, so that there is no exponent to draw; train for more steps")
    edges = np.append(found.starts, found.starts[-1] + found.lengths[-1])
    steps, bands = [], []
    for i in range(min(count, found.growth.shape[1])):
        colour, label = _COLOURS[i % len(_COLOURS)], f"{_ordinal(i, found)}, mean {found.per_step[i]:.2g}"
        steps.append(ax.stairs(found.local[:, i] * found.dt, edges, color=colour, label=label, baseline=None))
        error = 2 * found.standard_errors[i] * found.dt
        if np.isfinite(error):
            low, high = found.per_step[i] - error, found.per_step[i] + error
            bands.append(ax.fill_between(edges[[0, -1]], low, high, color=colour, alpha=0.2, linewidth=0))
    ax.axhline(0, color=NEUTRAL, linewidth=0.6, linestyle=":")
    ax.set(xlabel="training step", ylabel="exponent per step")
    words = ["band: mean over all windows, two standard errors"] if bands else []
    return WindowArtists(steps, bands, legend_below(ax, steps), caption(ax, words))


def spread_shares(ax: Axes, found: Ensemble) -> ShareArtists:
    """Draw how much of the spread's variance lies along its leading directions, at each window's end.

    Args:
        ax: axes to draw in.
        found: from ``nets.ensemble``.

    Returns:
        The artists.
    """
    ends = found.starts + found.lengths
    tops = np.cumsum(found.shares, axis=1)
    floors = np.concatenate([np.zeros((len(ends), 1)), tops[:, :-1]], axis=1)
    areas = [
        ax.fill_between(
            ends, floors[:, i], tops[:, i], color=_COLOURS[i % len(_COLOURS)], alpha=0.8, linewidth=0,
            label=f"direction {i + 1}",
        )
        for i in range(tops.shape[1])
    ]  # fmt: skip
    ax.set(xlabel="training step", ylabel="share of the spread's variance", ylim=(0, 1))
    return ShareArtists(areas, legend_below(ax, areas))


def _copies(found: Ensemble) -> str:
    return "tangents" if found.method == "tangent" else "copies"


def _ordinal(i: int, found: Ensemble) -> str:
    return f"exponent {i + 1}" if found.rescale == "orthogonal" else f"copy {i + 1}"
