"""A path of states on its plane, coloured by what the plane does not show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colorbar import Colorbar
from matplotlib.colors import Normalize
from matplotlib.lines import Line2D
from matplotlib.text import Annotation

from gandyn.planes import Projection
from gandyn.plot.keys import caption, colour_bar, legend_below, sentences
from gandyn.plot.marks import axis_label
from gandyn.plot.styles import NEUTRAL, SPEED_MAP

__all__ = ["ProjectionArtists", "projection"]


@dataclass(frozen=True, eq=False)
class ProjectionArtists:
    """What ``projection`` drew.

    Args:
        path: one segment between neighbouring states, coloured by distance from the plane.
        distance_bar: colour bar of the distance.
        start: mark of the first state.
        end: mark of the last state.
        labels: numbers of steps along the path.
        caption: off-plane share of the path, and the notes of the plane.
    """

    path: LineCollection
    distance_bar: Colorbar
    start: Line2D
    end: Line2D
    labels: tuple[Annotation, ...]
    caption: Annotation | None


def projection(ax: Axes, path: Projection, steps: np.ndarray | None = None) -> ProjectionArtists:
    """Draw a path on its plane from start to end, coloured by its distance from the plane.

    Args:
        ax: axes to draw in.
        path: the projection.
        steps: shape (T,), training step of each state, to number a few of them.

    Returns:
        The artists.

    Raises:
        ValueError: a path of fewer than two states, or another number of steps than of states.

    Example:
        >>> from matplotlib.figure import Figure
        >>> from gandyn.field import Layout
        >>> from gandyn.planes import coordinate_plane, project
        >>> plane = coordinate_plane(Layout.scalars(state=["x", "y", "z"]), "x", "y")
        >>> drawn = projection(Figure().subplots(), project(plane, np.eye(3)))
        >>> drawn.path.get_array()
        masked_array(data=[0. , 0.5], ...
    """
    xy, distance = path.coordinates, path.distance
    if len(xy) < 2:
        raise ValueError(f"a path needs at least two states, got {len(xy)}")
    if steps is not None and len(steps) != len(xy):
        raise ValueError(
            f"steps must number every state of the path: {len(xy)} states, got {len(steps)} steps"
        )
    segments = np.stack([xy[:-1], xy[1:]], axis=1)
    norm = Normalize(0.0, float(distance.max()) or 1.0)
    line = LineCollection(list(segments), cmap=SPEED_MAP, norm=norm, linewidth=1.6, capstyle="round")
    line.set_array((distance[:-1] + distance[1:]) / 2)
    ax.add_collection(line)
    ends: dict[str, Any] = {"linestyle": "none", "color": "black", "zorder": 5}
    (start,) = ax.plot(*xy[0], marker=">", markersize=5.5, markerfacecolor="white", label="start", **ends)
    (end,) = ax.plot(
        *xy[-1], marker="*", markersize=8.0, markeredgecolor="white", markeredgewidth=0.5, label="end", **ends
    )
    ax.margins(0.1)
    ax.autoscale_view()
    ax.set(xlabel=axis_label(path.plane.names[0]), ylabel=axis_label(path.plane.names[1]))
    bar = colour_bar(ax, line, "distance from the plane")
    legend_below(ax, [start, end])
    share = f"Off-plane share of the path's variance: {path.path_off_plane_share:.1%}."
    text = caption(ax, [share, *sentences(path.plane.notes)])
    labels = () if steps is None else _number(ax, xy, np.asarray(steps))
    return ProjectionArtists(line, bar, start, end, labels, text)


def _number(ax: Axes, xy: np.ndarray, steps: np.ndarray, count: int = 4) -> tuple[Annotation, ...]:
    """Number states at about equal distances along the path."""
    length = np.append(0.0, np.cumsum(np.linalg.norm(np.diff(xy, axis=0), axis=1)))
    at = np.unique(np.searchsorted(length, np.linspace(0, length[-1], count + 2)[1:-1]))
    ax.plot(xy[at, 0], xy[at, 1], linestyle="none", marker="o", markersize=2.5, color=NEUTRAL, zorder=4)
    return tuple(
        ax.annotate(
            f"{steps[i]:g}", xy[i], xytext=(4, 4), textcoords="offset points", fontsize="small", color=NEUTRAL
        )
        for i in at
    )
