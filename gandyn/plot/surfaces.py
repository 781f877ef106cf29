"""Loss landscapes of either player as a surface, the loss upwards."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.text import Text
from matplotlib.ticker import FuncFormatter, MaxNLocator

from gandyn.landscapes import Landscape
from gandyn.plot.keys import robust_norm, wrapped
from gandyn.plot.landscapes import Player, Scale, landscape_notes, player_loss
from gandyn.plot.marks import axis_label, finished, plane_coordinates
from gandyn.plot.styles import LOSS_MAP, NEUTRAL, NONFINITE

__all__ = ["SurfaceArtists", "landscape_surface"]


@dataclass(frozen=True, eq=False)
class SurfaceArtists:
    """What ``landscape_surface`` drew; None where there was nothing to draw.

    Args:
        surface: the surface.
        path: the trajectory, lifted onto the surface at its projection.
        nonfinite: crosses on the floor at grid points whose loss is not finite.
        caption: counts, below the axes.
    """

    surface: Any
    path: Any
    nonfinite: Any
    caption: Text | None


def landscape_surface(
    ax: Any,
    landscape: Landscape,
    player: Player = "generator",
    *,
    trajectory: Any = None,
    scale: Scale = "auto",
    unit: str = "nats",
) -> SurfaceArtists:
    """Draw one player's loss on a plane as a surface, the loss upwards.

    Args:
        ax: three-dimensional axes (``projection="3d"``).
        landscape: the losses.
        player: whose loss.
        trajectory: a path, as for ``landscape_contour``; it is lifted onto the surface at its
            projection, where the loss is not that of the path's own states.
        scale: "linear", "log" or "auto".
        unit: unit of the loss.

    Returns:
        The artists.

    Raises:
        ValueError: an unknown player or scale, a log scale of a loss that is not positive, or flat axes.
    """
    if getattr(ax, "name", "") != "3d":
        raise ValueError('landscape_surface needs 3-D axes: fig.add_subplot(projection="3d")')
    values, log = player_loss(landscape, player, scale)
    height = np.log10(values) if log else values
    finite = np.isfinite(height)
    floor = float(height[finite].min()) if finite.any() else 0.0
    across, up = np.meshgrid(landscape.a, landscape.b)
    norm, _ = robust_norm(height, log=False)
    surface = ax.plot_surface(
        across, up, np.where(finite, height, np.nan), cmap=LOSS_MAP, norm=norm, rstride=1, cstride=1,
        linewidth=0.15, edgecolor=(1, 1, 1, 0.35), antialiased=True,
    )  # fmt: skip
    crosses = path = None
    if not finite.all():
        where = ~finite
        crosses = ax.scatter(
            across[where], up[where], floor, marker="x", s=6, color=NONFINITE, depthshade=False
        )
    if trajectory is not None:
        xy = plane_coordinates(landscape.plane, trajectory)
        path = _path_on_surface(ax, xy, _lift(landscape, height, xy), finished(trajectory))
    _dress_surface(ax, landscape, player, unit, log)
    text = None
    notes = " ".join(note for note in landscape_notes(landscape, values) if note)
    if notes:
        notes = wrapped(ax, notes)
        text = ax.text2D(
            0.5, -0.06, notes, transform=ax.transAxes, ha="center", va="top", fontsize="small", color=NEUTRAL
        )
    return SurfaceArtists(surface, path, crosses, text)


def _lift(landscape: Landscape, height: np.ndarray, xy: np.ndarray) -> np.ndarray:
    """Return the height of the surface at points (T, 2), bilinearly; NaN outside the window."""
    from scipy.interpolate import RegularGridInterpolator

    rule = RegularGridInterpolator((landscape.b, landscape.a), height, bounds_error=False, fill_value=np.nan)
    return np.asarray(rule(xy[:, ::-1]))


def _path_on_surface(ax: Any, xy: np.ndarray, height: np.ndarray, whole: bool) -> Any:
    """Draw a path in front of the surface, with the marks of its ends."""
    ax.computed_zorder = False
    (path,) = ax.plot(xy[:, 0], xy[:, 1], height, color="black", zorder=10)
    ends: dict[str, Any] = {"color": "black", "zorder": 11, "linestyle": "none"}
    ax.plot(*xy[:1].T, height[:1], marker=">", markersize=4.5, markerfacecolor="white", **ends)
    ax.plot(
        *xy[-1:].T, height[-1:], marker="*" if whole else "P", markersize=7.0, markeredgecolor="white",
        markeredgewidth=0.5, **ends,
    )  # fmt: skip
    return path


def _dress_surface(ax: Any, landscape: Landscape, player: str, unit: str, log: bool) -> None:
    """Label a surface so that labels and numbers stay apart at the width of a paper column."""
    across, up = (textwrap.fill(axis_label(name), 20) for name in landscape.plane.names)
    ax.set_title(": ".join(part for part in (landscape.label, player) if part), pad=-6)
    ax.set_xlabel(across, labelpad=-5 + 7 * across.count("\n"))
    ax.set_ylabel(up, labelpad=-3 + 7 * up.count("\n"))
    ax.set_zlabel(f"loss ({unit})" if unit else "loss", labelpad=-2)
    ax.tick_params(pad=-3)
    ax.tick_params(axis="z", pad=0)
    ax.view_init(elev=28, azim=-58)
    ax.set_box_aspect((4, 4, 3), zoom=0.85)
    for axis in (ax.xaxis, ax.yaxis, ax.zaxis):
        axis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
    if log:
        low, high = ax.get_zlim()
        short = high - low < 2
        powers = [
            k + np.log10(m)
            for k in range(int(low) - 1, int(high) + 2)
            for m in ((1, 2, 5) if short else (1,))
        ]
        ax.set_zticks([power for power in powers if low <= power <= high])
        ax.zaxis.set_major_formatter(FuncFormatter(lambda power, _: f"{10**power:g}"))
