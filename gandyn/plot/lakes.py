"""The lake of a loss: outlined on its contours, with the ellipse of its main part."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.contour import QuadContourSet
from matplotlib.legend import Legend
from matplotlib.lines import Line2D
from matplotlib.patches import Ellipse
from matplotlib.patheffects import withStroke
from matplotlib.text import Annotation

from gandyn.landscapes import Lake, Landscape
from gandyn.plot.keys import caption, legend_below
from gandyn.plot.landscapes import ContourArtists, Player, Scale, landscape_contour
from gandyn.plot.styles import OKABE_ITO

__all__ = ["LakeArtists", "lake_contour"]


@dataclass(frozen=True, eq=False)
class LakeArtists:
    """What ``lake_contour`` drew.

    Args:
        contour: the contours of the loss.
        outline: the edge of the lake; None where no point lies above its level.
        ellipse: the ellipse with the second moments of the main part; None where it has no area.
        legend: the legend, below the axes.
        caption: area, parts, and whether the area is a lower bound.
    """

    contour: ContourArtists
    outline: QuadContourSet | None
    ellipse: Ellipse | None
    legend: Legend | None
    caption: Annotation | None


def lake_contour(
    ax: Axes,
    landscape: Landscape,
    lake: Lake,
    *,
    trajectory: Any = None,
    scale: Scale = "auto",
    unit: str = "nats",
) -> LakeArtists:
    """Draw a player's loss with its lake outlined, and the ellipse of the lake's main part.

    Args:
        ax: axes to draw in.
        landscape: the losses.
        lake: the lake that was measured on them.
        trajectory: a path, as for ``landscape_contour``.
        scale: "linear", "log" or "auto".
        unit: unit of the loss.

    Returns:
        The artists.

    Raises:
        ValueError: an unknown scale, or a log scale of a loss that is not positive.
    """
    contour = landscape_contour(ax, landscape, _player(lake), trajectory=trajectory, scale=scale, unit=unit)
    values, outline, ellipse = landscape.loss(lake.player), None, None
    stroke: list[Any] = [withStroke(linewidth=2.8, foreground="white")]
    keys = []
    if np.nanmax(np.where(np.isfinite(values), values, np.nan)) > lake.level:
        outline = ax.contour(
            landscape.a, landscape.b, np.ma.masked_invalid(values), levels=[lake.level], colors="black",
            linewidths=1.4, corner_mask=False,
        )  # fmt: skip
        outline.set_path_effects(stroke)
        keys.append(Line2D([], [], color="black", linewidth=1.4, label=f"lake, loss {lake.level:.3g}"))
    if lake.main_area > 0:
        width, height = 2 * lake.half_axes
        ellipse = Ellipse(
            (float(lake.centroid[0]), float(lake.centroid[1])), width, height, angle=np.degrees(lake.angle),
            fill=False, edgecolor=OKABE_ITO["orange"], linestyle="--", linewidth=1.3, zorder=3.5,
        )  # fmt: skip
        ax.add_patch(ellipse)
        look: dict[str, Any] = {"color": OKABE_ITO["orange"], "linestyle": "--", "linewidth": 1.3}
        keys.append(Line2D([], [], label="ellipse of equal moments", **look))
    return LakeArtists(contour, outline, ellipse, legend_below(ax, keys), caption(ax, _notes(lake)))


def _notes(lake: Lake) -> list[str]:
    parts = "one part" if lake.parts == 1 else f"{lake.parts} parts"
    return [
        f"Lake within {lake.epsilon:.3g} of the {lake.about}: {lake.share:.1%} of the window, {parts}.",
        "It reaches the edge: a lower bound." if lake.open else "",
    ]


def _player(lake: Lake) -> Player:
    return "generator" if lake.player == "generator" else "discriminator"
