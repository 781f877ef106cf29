"""Losses along paths: the barrier between two states, and a path's own losses beside its plane's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.legend import Legend
from matplotlib.lines import Line2D
from matplotlib.text import Annotation

from gandyn.landscapes import Barrier, PathLosses
from gandyn.plot.keys import caption, legend_below
from gandyn.plot.styles import NEUTRAL, PLAYERS

__all__ = ["BarrierArtists", "PathLossArtists", "barrier_curve", "path_losses"]


@dataclass(frozen=True, eq=False)
class BarrierArtists:
    """What ``barrier_curve`` drew.

    Args:
        curves: by player, the loss along the path.
        straight: by player, the line between the losses of the ends.
        heights: by player, the barrier, where there is one.
        legend: the legend, below the axes.
        caption: the heights.
    """

    curves: dict[str, Line2D]
    straight: dict[str, Line2D]
    heights: dict[str, Line2D]
    legend: Legend | None
    caption: Annotation | None


def barrier_curve(
    ax: Axes,
    barrier: Barrier,
    *,
    players: Sequence[str] = ("generator", "discriminator"),
    unit: str = "nats",
) -> BarrierArtists:
    """Draw the losses along a path, the straight lines between their ends, and the barrier above these.

    Args:
        ax: axes to draw in.
        barrier: the result.
        players: whose losses.
        unit: unit of the loss; "" for a loss without one.

    Returns:
        The artists.

    Raises:
        ValueError: an unknown player.
    """
    unknown = [player for player in players if player not in barrier.names]
    if unknown:
        raise ValueError(f"players must be among {barrier.names}, got {unknown}")
    curves, straight, heights = {}, {}, {}
    for player in players:
        i, colour = barrier.names.index(player), PLAYERS[player]
        line, height, at = barrier.straight[i], float(barrier.height[i]), float(barrier.at[i])
        curve = np.where(np.isfinite(barrier.losses[i]), barrier.losses[i], np.nan)
        (curves[player],) = ax.plot(barrier.alpha, curve, color=colour, label=player, zorder=3)
        (straight[player],) = ax.plot(barrier.alpha, line, color=colour, linestyle="--", linewidth=0.8)
        if height > 0:
            foot = float(np.interp(at, barrier.alpha, line))
            (heights[player],) = ax.plot(
                [at, at], [foot, foot + height], color=colour, linewidth=0.8, marker="_", markersize=5
            )
    ax.set_title(barrier.label)
    ax.set(xlabel=r"place on the path $\alpha$ (start 0, end 1)", xlim=(0, 1))
    ax.set_ylabel(f"loss ({unit})" if unit else "loss")
    between = Line2D([], [], color=NEUTRAL, linestyle="--", linewidth=0.8, label="line between the ends")
    legend = legend_below(ax, [*curves.values(), between])
    return BarrierArtists(curves, straight, heights, legend, caption(ax, _barrier_notes(barrier, players)))


def _barrier_notes(barrier: Barrier, players: Sequence[str]) -> list[str]:
    heights = [f"{player} {barrier.height[barrier.names.index(player)]:.3g}" for player in players]
    bad = f"Not finite: {barrier.nonfinite} of {len(barrier.alpha)} points." if barrier.nonfinite else ""
    return [f"Barrier: {', '.join(heights)}.", bad]


@dataclass(frozen=True, eq=False)
class PathLossArtists:
    """What ``path_losses`` drew.

    Args:
        true: by player, the loss at the states of the path.
        plane: by player, the loss at their feet on the plane.
        distance: distance from the plane, on the axis to the right.
        distance_axis: that axis.
        legend: the legend, below the axes.
        caption: which plane.
    """

    true: dict[str, Line2D]
    plane: dict[str, Line2D]
    distance: Line2D
    distance_axis: Axes
    legend: Legend | None
    caption: Annotation | None


def path_losses(
    ax: Axes, result: PathLosses, steps: np.ndarray | None = None, *, unit: str = "nats"
) -> PathLossArtists:
    """Draw the losses of a path's states beside those of their feet on a plane, and how far these are apart.

    The scale is logarithmic where all losses are positive and range over a factor of 30 or more.

    Args:
        ax: axes to draw in.
        result: the losses.
        steps: shape (T,), training step of each state; their numbers by default.
        unit: unit of the loss; "" for a loss without one.

    Returns:
        The artists.

    Raises:
        ValueError: another number of steps than of states.
    """
    count = result.losses.shape[1]
    if steps is not None and len(steps) != count:
        raise ValueError(f"steps must number every state of the path: {count} states, got {len(steps)} steps")
    at = np.arange(count) if steps is None else np.asarray(steps)
    true, plane = {}, {}
    for player, own, seen in zip(result.names, result.losses, result.plane_losses, strict=True):
        colour = PLAYERS[player]
        (true[player],) = ax.plot(at, own, color=colour, marker=".", label=f"{player}, at the state")
        (plane[player],) = ax.plot(
            at, seen, color=colour, linestyle="--", marker=".", markerfacecolor="white", linewidth=0.9,
            label=f"{player}, on the plane",
        )  # fmt: skip
    both = np.stack([result.losses, result.plane_losses])
    known = both[np.isfinite(both)]
    if known.size and known.min() > 0 and known.max() > 30 * known.min():
        ax.set_yscale("log")
    beside = ax.twinx()
    look: dict[str, Any] = {"color": NEUTRAL, "linestyle": ":", "linewidth": 1.0}
    (distance,) = beside.plot(at, result.projection.distance, label="distance from the plane", **look)
    beside.set_ylabel("distance from the plane")
    beside.set_ylim(bottom=0)
    ax.set_title(result.label)
    ax.set(xlabel="state of the path" if steps is None else "training step")
    ax.set_ylabel(f"loss ({unit})" if unit else "loss")
    legend = legend_below(ax, [*true.values(), *plane.values(), distance])
    notes = [
        f"Plane: {result.projection.plane.kind}.",
        f"Not finite: {result.nonfinite} of {count} states." if result.nonfinite else "",
        f"{result.status.capitalize()}." if result.status != "finished" else "",
    ]
    return PathLossArtists(true, plane, distance, beside, legend, caption(ax, notes))
