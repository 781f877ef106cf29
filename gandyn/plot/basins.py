"""Basins of attraction as coloured maps, and the manifolds that bound them."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.colors import ListedColormap, to_rgb
from matplotlib.legend import Legend
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.patheffects import withStroke
from matplotlib.text import Annotation

from gandyn.basins import ESCAPED, LEFT_THE_BOX, NOT_COMPUTED, UNDECIDED, Attractor, Basins, Manifold
from gandyn.plot.keys import caption, legend_below
from gandyn.plot.marks import FIXED_POINT_MARKS, axis_label, shown_entries
from gandyn.plot.styles import OKABE_ITO

__all__ = ["OUTCOME_COLOURS", "BasinArtists", "ManifoldArtists", "basin_map", "manifolds"]

#: Greys of starts that reach no attractor.
OUTCOME_COLOURS: dict[int, str] = {
    ESCAPED: "#F2F2F2",
    LEFT_THE_BOX: "#C4C4C4",
    UNDECIDED: "#7A7A7A",
    NOT_COMPUTED: "#2B2B2B",
}
_HUES = ("sky blue", "orange", "bluish green", "reddish purple", "yellow", "blue", "vermillion")
#: Line of each sort of manifold.
_LINES: dict[str, tuple[str, str]] = {
    "stable": ("black", "solid"),
    "unstable": (OKABE_ITO["vermillion"], "solid"),
}


@dataclass(frozen=True, eq=False)
class BasinArtists:
    """What ``basin_map`` drew.

    Args:
        mesh: the coloured cells.
        attractors: one artist an attractor.
        legend: what each colour means, with its share of the starts, below the axes.
        caption: grid, plane, and what was projected.
    """

    mesh: QuadMesh
    attractors: tuple[Line2D, ...]
    legend: Legend | None
    caption: Annotation | None


def basin_map(ax: Axes, basins: Basins) -> BasinArtists:
    """Draw every start of a grid in the colour of the attractor that it reaches, and the attractors in black.

    Starts that escaped, left the box, stayed undecided or were not computed are different greys. The legend
    names them all, with shares and half their 95 % intervals.

    Args:
        ax: axes to draw in.
        basins: labels on a grid of one or two entries.

    Returns:
        The artists.

    Raises:
        ValueError: starts that were given one by one.

    Example:
        >>> from matplotlib.figure import Figure
        >>> from gandyn.basins import find_basins
        >>> from gandyn.games import catalogue
        >>> found = find_basins(catalogue.make("henon"), {"x": (-2, 2), "y": (-2, 2)}, 10)
        >>> drawn = basin_map(Figure().subplots(), found)
        >>> drawn.legend.get_texts()[1].get_text()
        'escaped 59 ± 9'
    """
    if not basins.names:
        raise ValueError("basin_map draws a grid of starts: leave starts out of find_basins and pass n")
    codes = basins.present
    colours = [_colour(code) for code in codes]
    mesh = _cells(ax, basins, codes, colours)
    marks = [_attractor_marks(ax, basins, attractor) for attractor in basins.attractors]
    keys: list[Any] = [
        Patch(facecolor=colour, edgecolor="#555555", linewidth=0.5, label=_key(basins, code))
        for code, colour in zip(codes, colours, strict=True)
    ]
    legend = legend_below(ax, keys)
    return BasinArtists(mesh, tuple(marks), legend, caption(ax, _notes(basins)))


def _colour(code: int) -> tuple[float, float, float]:
    """Return the colour of a label: light for attractors, so that black marks show on it."""
    if code < 0:
        return to_rgb(OUTCOME_COLOURS[code])
    hue, turn = np.array(to_rgb(OKABE_ITO[_HUES[code % len(_HUES)]])), code // len(_HUES)
    red, green, blue = (0.55 + 0.1 * (turn % 4)) * hue + (0.45 - 0.1 * (turn % 4))
    return float(red), float(green), float(blue)


def _key(basins: Basins, code: int) -> str:
    """Return name and share in per cent, to the first digit of half its interval."""
    share = basins.share(code)
    name = basins.name(code).replace(": ", " ")
    if not share.total:
        return name
    digits = max(0, -math.floor(math.log10(100 * share.error)))
    return f"{name} {100 * share.value:.{digits}f} ± {100 * share.error:.{digits}f}"


def _cells(ax: Axes, basins: Basins, codes: list[int], colours: list[Any]) -> QuadMesh:
    numbers = np.searchsorted(np.sort(codes), basins.labels)
    shown = ListedColormap([colour for _, colour in sorted(zip(codes, colours, strict=True))])
    a = basins.axes[0]
    b = basins.axes[1] if len(basins.axes) == 2 else np.array([0.5])
    mesh = ax.pcolormesh(
        _edges(a, basins, 0), _edges(b, basins, 1), np.atleast_2d(numbers), cmap=shown, vmin=-0.5,
        vmax=len(codes) - 0.5, rasterized=True, zorder=0.5,
    )  # fmt: skip
    ax.set(xlabel=axis_label(basins.names[0]), title=basins.label)
    if len(basins.names) == 2:
        ax.set(ylabel=axis_label(basins.names[1]))
    else:
        ax.set_yticks([])
    return mesh


def _edges(middles: np.ndarray, basins: Basins, axis: int) -> np.ndarray:
    """Return the edges of the cells along an axis of the grid; (0, 1) without one."""
    if axis >= len(basins.names):
        return np.array([0.0, 1.0])
    half = (middles[1] - middles[0]) / 2 if len(middles) > 1 else 0.5
    return np.concatenate([middles - half, middles[-1:] + half])


def _attractor_marks(ax: Axes, basins: Basins, attractor: Attractor) -> Line2D:
    """Mark the points of an attractor, small ones for what has many."""
    entries = list(basins.entries)
    xy = attractor.samples[:, entries]
    if len(entries) == 1:
        xy = np.stack([xy[:, 0], np.full(len(xy), 0.5)], axis=-1)
    few = attractor.kind in ("fixed point", "periodic orbit")
    look: dict[str, Any] = {"marker": "o", "markersize": 5.0} if few else {"marker": ".", "markersize": 1.0}
    (marks,) = ax.plot(
        *xy.T, linestyle="none", color="black", markeredgecolor="white" if few else "black",
        markeredgewidth=0.6 if few else 0.0, zorder=6, **look,
    )  # fmt: skip
    ax.set(xlim=_ends(ax.get_xlim(), basins, 0), ylim=_ends(ax.get_ylim(), basins, 1))
    return marks


def _ends(limits: Any, basins: Basins, axis: int) -> Any:
    if axis >= len(basins.names):
        return 0.0, 1.0
    return tuple(basins.box[:, basins.entries[axis]])


def _notes(basins: Basins) -> list[str]:
    shape = " × ".join(str(len(axis)) for axis in basins.axes)
    others = [i for i in range(len(basins.at)) if i not in basins.entries]
    values = ", ".join(f"{basins.at[i]:.3g}" for i in others[:4]) + (", ..." if len(others) > 4 else "")
    return [
        f"Shares of {shape} starts in %, ± half a 95% interval; attractors in black.",
        f"Other entries at {values}; attractors are projected." if others else "",
        "Interrupted." if basins.status != "finished" else "",
    ]


@dataclass(frozen=True, eq=False)
class ManifoldArtists:
    """What ``manifolds`` drew.

    Args:
        branches: two lines a manifold.
        saddles: the points that they belong to.
        legend: the legend, with what was in it before.
    """

    branches: tuple[Line2D, ...]
    saddles: Line2D
    legend: Legend | None


def manifolds(
    ax: Axes, found: Iterable[Manifold], *, entries: tuple[str, str] | None = None
) -> ManifoldArtists:
    """Draw stable manifolds in black and unstable ones in vermillion, over what the axes already show.

    Args:
        ax: axes, of a basin map or a portrait too: their window is kept, and their legend is added to.
        found: the manifolds.
        entries: names of the horizontal and the vertical entry; by default those that the axes are labelled
            with, else the first two.

    Returns:
        The artists.

    Raises:
        ValueError: no manifold, or an unknown entry.
    """
    found = list(found)
    if not found:
        raise ValueError("manifolds needs at least one manifold, got none")
    at_entries = shown_entries(ax, found[0].names, entries)
    window = (ax.get_xlim(), ax.get_ylim()) if ax.has_data() else None
    lines = [line for one in found for line in _branches(ax, one, at_entries)]
    marker, _ = FIXED_POINT_MARKS["saddle"]
    at = np.array([one.point[list(at_entries)] for one in found])
    (saddles,) = ax.plot(
        *at.T, linestyle="none", marker=marker, markersize=8.0, color="black", markeredgecolor="white",
        markeredgewidth=0.6, zorder=6, label="saddle",
    )  # fmt: skip
    if window:
        ax.set(xlim=window[0], ylim=window[1])
    else:
        labels = [axis_label(found[0].names[entry]) for entry in at_entries]
        ax.set(xlabel=labels[0], ylabel=labels[1])
    keys = {line.get_label(): line for line in lines}
    legend = legend_below(ax, [*keys.values(), saddles])
    caption(ax, [])
    return ManifoldArtists(tuple(lines), saddles, legend)


def _branches(ax: Axes, one: Manifold, entries: tuple[int, int]) -> list[Line2D]:
    colour, style = _LINES[one.which]
    return [
        ax.plot(
            *branch[:, list(entries)].T, color=colour, linestyle=style, linewidth=1.0, zorder=3.5,
            label=f"{one.which} manifold", path_effects=[withStroke(linewidth=2.0, foreground="white")],
        )[0]
        for branch in one.branches
    ]  # fmt: skip
