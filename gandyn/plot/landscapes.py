"""Loss landscapes of either player, as contours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colorbar import Colorbar
from matplotlib.colors import Normalize
from matplotlib.contour import QuadContourSet
from matplotlib.legend import Legend
from matplotlib.lines import Line2D
from matplotlib.text import Annotation
from matplotlib.ticker import MaxNLocator

from gandyn.landscapes import Landscape
from gandyn.plot.keys import caption, colour_bar, legend_below, robust_norm, sentences
from gandyn.plot.marks import axis_label, finished, nonfinite_marks, path_marks, plane_coordinates
from gandyn.plot.styles import LOSS_MAP

__all__ = [
    "ContourArtists",
    "Player",
    "Scale",
    "landscape_contour",
    "landscape_notes",
    "player_loss",
]

Player = Literal["generator", "discriminator"]
#: "auto" is logarithmic where the loss is positive and ranges over a factor of 30 or more.
Scale = Literal["auto", "linear", "log"]


@dataclass(frozen=True, eq=False)
class ContourArtists:
    """What ``landscape_contour`` drew; None where there was nothing to draw.

    Args:
        filled: the filled contours.
        lines: the lines between them.
        loss_bar: colour bar of the loss.
        centre: mark of the plane's origin.
        path: the trajectory.
        nonfinite: crosses at grid points whose loss is not finite.
        legend: the legend, below the axes.
        caption: counts and notes, below the legend.
    """

    filled: QuadContourSet | None
    lines: QuadContourSet | None
    loss_bar: Colorbar | None
    centre: Line2D | None
    path: Line2D | None
    nonfinite: Line2D | None
    legend: Legend | None
    caption: Annotation | None


def landscape_contour(
    ax: Axes,
    landscape: Landscape,
    player: Player = "generator",
    *,
    trajectory: Any = None,
    scale: Scale = "auto",
    levels: int = 12,
    unit: str = "nats",
) -> ContourArtists:
    """Draw one player's loss on a plane as filled contours.

    A few extreme values do not rule the colours: they lie beyond the arrows of the colour bar. Grid
    points whose loss is not finite are crossed and counted.

    Args:
        ax: axes to draw in.
        landscape: the losses.
        player: whose loss.
        trajectory: a path, drawn at its projection: a result with ``x`` (T, n) or ``coordinates``
            (T, 2), or an array (T, 2) in plane coordinates.
        scale: "linear", "log" or "auto".
        levels: number of levels.
        unit: unit of the loss; "" for a loss without one, such as Wasserstein's.

    Returns:
        The artists.

    Raises:
        ValueError: an unknown player or scale, or a log scale of a loss that is not positive.
    """
    values, log = player_loss(landscape, player, scale)
    filled = lines = bar = None
    if np.isfinite(values).any():
        norm, extend = robust_norm(values, log=log)
        at = _levels(norm, levels, log=log)
        grid = landscape.a, landscape.b, np.ma.masked_invalid(values)
        filled = ax.contourf(*grid, levels=at, norm=norm, cmap=LOSS_MAP, extend=extend, corner_mask=False)
        lines = ax.contour(*grid, levels=at, colors="white", linewidths=0.4, alpha=0.7, corner_mask=False)
        bar = colour_bar(ax, filled, f"{player} loss ({unit})" if unit else f"{player} loss")
    path = None
    if trajectory is not None:
        path = path_marks(ax, plane_coordinates(landscape.plane, trajectory), whole=finished(trajectory))
    crosses = nonfinite_marks(ax, landscape.a, landscape.b, values)
    centre = _centre(ax, landscape, player)
    ax.set_title(landscape.label)
    ax.set(xlim=landscape.a[[0, -1]], ylim=landscape.b[[0, -1]])
    ax.set(xlabel=axis_label(landscape.plane.names[0]), ylabel=axis_label(landscape.plane.names[1]))
    legend = legend_below(ax, [artist for artist in (centre, path, crosses) if artist])
    text = caption(ax, landscape_notes(landscape, values))
    return ContourArtists(filled, lines, bar, centre, path, crosses, legend, text)


def player_loss(landscape: Landscape, player: str, scale: str) -> tuple[np.ndarray, bool]:
    """Return the loss of a player, shape (nb, na), and whether its scale is logarithmic."""
    if player not in landscape.names:
        raise ValueError(f"player must be one of {landscape.names}, got {player!r}")
    if scale not in ("auto", "linear", "log"):
        raise ValueError(f'scale must be "auto", "linear" or "log", got {scale!r}')
    values = landscape.losses[landscape.names.index(player)]
    finite = values[np.isfinite(values)]
    positive = finite.size > 0 and finite.min() > 0
    if scale == "log" and not positive:
        raise ValueError(f'the {player}\'s loss is not positive everywhere: use scale="linear"')
    wide = positive and finite.max() > 30 * finite.min()
    return values, scale == "log" or (scale == "auto" and wide)


def _levels(norm: Normalize, count: int, *, log: bool) -> np.ndarray:
    """Return about ``count`` levels between the limits of a norm: round numbers, or even on a log scale."""
    low, high = float(norm.vmin or 0.0), float(norm.vmax or 0.0)
    return (
        np.geomspace(low, high, count + 1) if log else np.asarray(MaxNLocator(count).tick_values(low, high))
    )


def _centre(ax: Axes, landscape: Landscape, player: str) -> Line2D | None:
    (left, right), (low, high) = landscape.a[[0, -1]], landscape.b[[0, -1]]
    if not (left <= 0 <= right and low <= 0 <= high):
        return None
    loss = landscape.center[landscape.names.index(player)]
    (mark,) = ax.plot(
        0, 0, marker="P", markersize=6.5, color="white", markeredgecolor="black", markeredgewidth=0.8,
        linestyle="none", label=f"centre, loss {loss:.3g}", zorder=4.5,
    )  # fmt: skip
    return mark


def landscape_notes(landscape: Landscape, values: np.ndarray) -> list[str]:
    """Return what the caption of a landscape says: what is not finite, how it was computed, the plane."""
    bad = int((~np.isfinite(values)).sum())
    told = (*landscape.notes, *landscape.plane.notes)
    return [f"Not finite: {bad} of {values.size}." if bad else "", *sentences(told)]
