"""The lake: how far a loss stays within epsilon of its minimum on a plane."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from gandyn.checks import check_option
from gandyn.landscapes.marching import Region, region_below
from gandyn.landscapes.result import Landscape
from gandyn.landscapes.window import centre_loss, window_loss

__all__ = ["Lake", "lake"]


@dataclass(frozen=True, eq=False, repr=False)
class Lake:
    """Where a loss is at most a level: its area, shape and connectedness, in plane coordinates.

    The shape is that of the main part: the connected part that holds the plane's origin, or, where the
    origin is not in the lake, the least loss.

    Args:
        player: whose loss.
        epsilon: height of the level above the loss that it is counted from, in units of the loss.
        about: that loss: "minimum" of the window, or "centre".
        level: the level.
        area: area of the lake, in units of the plane coordinates.
        window: area over which the loss is known.
        resolution: change of the area expected of an infinitely fine grid, from every second point; NaN
            where the number of points along an axis is even.
        parts: number of connected parts.
        holds_centre: whether the plane's origin lies in the lake.
        open: whether the main part reaches the edge of the window or what is not finite: its area is then
            a lower bound.
        main_area: area of the main part.
        centroid: shape (2,), centre of the main part.
        half_axes: shape (2,), half-axes of the ellipse with the main part's second moments, longer first.
        angle: direction of the longer one, in radians from the horizontal axis, in (-pi/2, pi/2].
        nonfinite: grid points where the loss is not finite.
        label: the landscape's label.
    """

    player: str
    epsilon: float
    about: str
    level: float
    area: float
    window: float
    resolution: float
    parts: int
    holds_centre: bool
    open: bool
    main_area: float
    centroid: np.ndarray
    half_axes: np.ndarray
    angle: float
    nonfinite: int
    label: str

    @property
    def share(self) -> float:
        """Share of the window that the lake covers."""
        return self.area / self.window

    @property
    def numbers(self) -> dict[str, float]:
        """What repeats over planes and seeds average."""
        return {
            "lake area": self.area,
            "lake share": self.share,
            "lake parts": float(self.parts),
            "lake main part": self.main_area / self.area if self.area else float("nan"),
            "lake half-axis, long": float(self.half_axes[0]),
            "lake half-axis, short": float(self.half_axes[1]),
            "lake is open": float(self.open),
        }

    def __str__(self) -> str:
        long, short = self.half_axes
        bound = ", a lower bound: it reaches the edge" if self.open else ""
        parts = "one part" if self.parts == 1 else f"{self.parts} parts"
        return (
            f"Lake of the {self.player}'s loss within {self.epsilon:.3g} of its {self.about}: area "
            f"{self.area:.4g} ({self.share:.1%} of the window), {parts}\n"
            f"  main part: {self.main_area:.4g}{bound}, half-axes {long:.3g} and {short:.3g} at "
            f"{np.degrees(self.angle):.0f} degrees, {'with' if self.holds_centre else 'without'} the centre"
        )

    __repr__ = __str__


def lake(
    landscape: Landscape,
    player: str = "generator",
    epsilon: float = 0.1,
    *,
    unit: Literal["loss", "range"] = "loss",
    about: Literal["minimum", "centre"] = "minimum",
) -> Lake:
    """Measure where a player's loss lies within epsilon of its minimum on a plane.

    Between grid points the loss is interpolated on four triangles a cell, so that areas converge with the
    square of the spacing. The minimum is that of the grid points of the window: for a loss that falls
    towards the edge, as an adversarial one may, "centre" is the more telling reference, and the level is
    then epsilon above the loss at the plane's origin.

    Args:
        landscape: the losses, on ascending coordinates.
        player: whose loss.
        epsilon: height of the level, positive.
        unit: "loss" (epsilon is in units of the loss) or "range" (in units of its range on the window).
        about: what the level is counted from.

    Returns:
        Area, shape and connectedness.

    Raises:
        ValueError: epsilon not positive, an unknown option, fewer than 3 points along an axis, or a loss
            that is not finite anywhere, or at the centre where that is asked for.

    Example:
        >>> from gandyn.field import Layout
        >>> from gandyn.landscapes import landscape
        >>> from gandyn.planes import coordinate_plane
        >>> plane = coordinate_plane(Layout.scalars(["g"], ["d"]), "g", "d")
        >>> bowl = landscape(lambda x: x**2 + 4 * x[..., ::-1] ** 2, plane, 2.0, points=101)
        >>> found = lake(bowl, epsilon=1.0)
        >>> found.half_axes.round(2), round(found.area / (np.pi / 2), 3)
        (array([1. , 0.5]), 0.999)
    """
    check_option("unit", unit, ("loss", "range"))
    check_option("about", about, ("minimum", "centre"))
    if not 0 < epsilon < np.inf:
        raise ValueError(f"epsilon must be positive and finite, got {epsilon}")
    values = window_loss(landscape, player)
    finite = values[np.isfinite(values)]
    height = epsilon * float(np.ptp(finite)) if unit == "range" else float(epsilon)
    level = height + (float(finite.min()) if about == "minimum" else centre_loss(landscape, player))
    region = region_below(landscape.a, landscape.b, values, level)
    at_origin = region.part_at(0.0, 0.0)
    main = region.lowest if at_origin is None else at_origin
    main_area, centroid, half_axes, angle = _shape(region, main)
    return Lake(
        player=player,
        epsilon=height,
        about=about,
        level=level,
        area=region.area,
        window=region.window,
        resolution=_resolution(landscape, values, level, region.area),
        parts=len(region.parts),
        holds_centre=at_origin is not None,
        open=main in region.open_parts,
        main_area=main_area,
        centroid=centroid,
        half_axes=half_axes,
        angle=angle,
        nonfinite=values.size - finite.size,
        label=landscape.label,
    )


def _shape(region: Region, part: int) -> tuple[float, np.ndarray, np.ndarray, float]:
    """Return area, centroid, half-axes and angle of a part; NaN where it has no area."""
    if not region.areas[region.part == part].sum() > 0:
        return 0.0, np.full(2, np.nan), np.full(2, np.nan), float("nan")
    area, centroid, covariance = region.moments(part)
    variances, axes = np.linalg.eigh(covariance)
    across, up = axes[:, 1] * (1.0 if axes[0, 1] > 0 or (axes[0, 1] == 0 and axes[1, 1] > 0) else -1.0)
    # A uniform ellipse has the variance r^2 / 4 along a half-axis r.
    return area, centroid, 2 * np.sqrt(np.maximum(variances[::-1], 0.0)), float(np.arctan2(up, across))


def _resolution(landscape: Landscape, values: np.ndarray, level: float, area: float) -> float:
    """Return a third of the change of the area from every second grid point: its error is of order h^2."""
    if min(values.shape) < 5 or not (len(landscape.a) % 2 and len(landscape.b) % 2):
        return float("nan")
    coarse = region_below(landscape.a[::2], landscape.b[::2], values[::2, ::2], level).area
    return abs(area - coarse) / 3
