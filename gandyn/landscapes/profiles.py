"""Profiles: a loss along a line through the centre of one plane or of several."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gandyn.landscapes.result import Landscape
from gandyn.landscapes.window import between, window_radius

__all__ = ["Profiles", "profiles"]


@dataclass(frozen=True, eq=False, repr=False)
class Profiles:
    """One player's loss along a line through the centre of each of several planes.

    Args:
        player: whose loss.
        angle: direction of the line, in radians from the horizontal axis.
        s: shape (p,), place on the line, in plane coordinates.
        values: shape (m, p), the loss on each plane; NaN beside points that are not finite.
        label: name for titles.
    """

    player: str
    angle: float
    s: np.ndarray
    values: np.ndarray
    label: str

    @property
    def mean(self) -> np.ndarray:
        """Mean over the planes, shape (p,); NaN where one of them is."""
        return np.asarray(self.values.mean(axis=0))

    @property
    def standard_error(self) -> np.ndarray:
        """Standard error of the mean over the planes, shape (p,); NaN for a single plane."""
        count = len(self.values)
        if count < 2:
            return np.full(len(self.s), np.nan)
        return np.asarray(self.values.std(axis=0, ddof=1) / np.sqrt(count))

    def __str__(self) -> str:
        return (
            f"Profiles of the {self.player}'s loss through the centre of {len(self.values)} planes, at "
            f"{np.degrees(self.angle):.0f} degrees, {len(self.s)} points"
        )

    __repr__ = __str__


def profiles(
    landscapes: Landscape | Sequence[Landscape],
    player: str = "generator",
    *,
    angle: float = 0.0,
    radius: float | None = None,
    points: int = 101,
) -> Profiles:
    """Read a player's loss along a line through the centre of one landscape or of several.

    Args:
        landscapes: one, or several on planes made alike (several directions, several seeds).
        player: whose loss.
        angle: direction of the line, in radians from the horizontal axis.
        radius: how far to either side of the centre; the largest disc in all windows by default.
        points: points along the line, at least 2.

    Returns:
        The profiles, bilinear between grid points.

    Raises:
        ValueError: no landscape, fewer than 2 points, or an origin or a line outside a window.

    Example:
        >>> from gandyn.field import Layout
        >>> from gandyn.landscapes import landscape
        >>> from gandyn.planes import coordinate_plane
        >>> plane = coordinate_plane(Layout.scalars(state=["p", "q"]), "p", "q")
        >>> profiles(landscape(lambda x: x**2, plane), points=3).values
        array([[1., 0., 1.]])
    """
    several = [landscapes] if isinstance(landscapes, Landscape) else list(landscapes)
    if not several or points < 2:
        raise ValueError(f"profiles need a landscape and at least 2 points, got {len(several)} and {points}")
    reach = min(window_radius(each, radius) for each in several)
    s = np.linspace(-reach, reach, points)
    line = s[:, None] * np.array([np.cos(angle), np.sin(angle)])
    values = np.stack([between(each, player)(line) for each in several])
    return Profiles(player, float(angle), s, values, several[0].label)
