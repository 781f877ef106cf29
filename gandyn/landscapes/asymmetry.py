"""Asymmetry of a valley: whether the loss rises faster to one side of the centre than to the other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gandyn.landscapes.result import Landscape
from gandyn.landscapes.window import between, centre_loss, window_radius

__all__ = ["Asymmetry", "asymmetry"]


@dataclass(frozen=True, eq=False, repr=False)
class Asymmetry:
    """Mean rise of a loss to either side of the centre, along directions of a plane.

    Args:
        player: whose loss.
        radius: how far to either side, in plane coordinates.
        angles: shape (m,), directions from the horizontal axis, in radians, in [0, pi).
        forward: shape (m,), mean rise above the centre along each direction.
        backward: shape (m,), mean rise the other way.
        label: the landscape's label.
    """

    player: str
    radius: float
    angles: np.ndarray
    forward: np.ndarray
    backward: np.ndarray
    label: str

    @property
    def index(self) -> np.ndarray:
        """``(forward - backward) / (|forward| + |backward|)``, shape (m,): 0 is even, +-1 one-sided.

        Directions that are flat to rounding count as even.
        """
        whole = np.abs(self.forward) + np.abs(self.backward)
        flat = whole <= 1e-12 * np.nanmax(whole)
        return np.asarray(np.where(flat, 0.0, self.forward - self.backward) / np.where(flat, 1.0, whole))

    @property
    def strongest(self) -> int:
        """Number of the direction with the largest index in size."""
        return int(np.nanargmax(np.abs(self.index)))

    @property
    def numbers(self) -> dict[str, float]:
        """What repeats over planes and seeds average."""
        size = np.abs(self.index)
        return {"asymmetry, mean": float(np.nanmean(size)), "asymmetry, largest": float(np.nanmax(size))}

    def __str__(self) -> str:
        numbers, degrees = self.numbers, np.degrees(self.angles[self.strongest])
        return (
            f"Asymmetry of the {self.player}'s loss within {self.radius:.3g} of the centre: "
            f"{numbers['asymmetry, mean']:.3g} on average over {len(self.angles)} directions, at most "
            f"{numbers['asymmetry, largest']:.3g}, at {degrees:.0f} degrees"
        )

    __repr__ = __str__


def asymmetry(
    landscape: Landscape, player: str = "generator", radius: float | None = None, *, directions: int = 36
) -> Asymmetry:
    """Compare how a player's loss rises to either side of a plane's centre, in many directions.

    Args:
        landscape: the losses, on ascending coordinates, the origin inside the window.
        player: whose loss.
        radius: how far to either side; the largest disc in the window by default.
        directions: number of directions, even over half a turn.

    Returns:
        Mean rises both ways, and their index.

    Raises:
        ValueError: an origin outside the window, a disc that leaves it, no direction, a centre that is not
            finite, or no direction along which the loss is finite.

    Source: He, Huang and Yuan 2019, who compare the slopes of both sides; the index maps a ratio c of
    slopes to (c - 1)/(c + 1).

    Example:
        >>> from gandyn.field import Layout
        >>> from gandyn.landscapes import landscape
        >>> from gandyn.planes import coordinate_plane
        >>> plane = coordinate_plane(Layout.scalars(state=["p", "q"]), "p", "q")
        >>> valley = landscape(lambda x: np.abs(x) + 0.5 * x, plane)
        >>> asymmetry(valley, directions=2).index.round(6)
        array([0.5, 0. ])
    """
    if isinstance(directions, bool) or not isinstance(directions, int | np.integer) or directions < 1:
        raise ValueError(f"directions must be a positive integer, got {directions!r}")
    radius = window_radius(landscape, radius)
    centre = centre_loss(landscape, player)
    angles = np.arange(directions) * (np.pi / directions)
    nodes, weights = np.polynomial.legendre.leggauss(64)
    along = radius * (nodes + 1) / 2
    points = along[:, None, None] * np.stack([np.cos(angles), np.sin(angles)], axis=-1)
    loss = between(landscape, player)
    forward, backward = (weights @ (loss(sign * points) - centre) / 2 for sign in (1.0, -1.0))
    if not np.isfinite(forward + backward).any():
        raise ValueError(f"the {player}'s loss is not finite along any direction within {radius:g}")
    return Asymmetry(player, radius, angles, forward, backward, landscape.label)
