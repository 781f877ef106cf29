"""What measures share: a loss on a window of ascending coordinates, and between its points."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from gandyn.landscapes.result import Landscape


def window_loss(landscape: Landscape, player: str) -> np.ndarray:
    """Return the loss of a player (nb, na), checked: ascending coordinates, and somewhere finite."""
    values = landscape.loss(player)
    for name, at in (("a", landscape.a), ("b", landscape.b)):
        if len(at) < 3 or not np.all(np.diff(at) > 0):
            raise ValueError(f"the landscape needs at least 3 ascending coordinates {name}, got {at}")
    if not np.isfinite(values).any():
        raise ValueError(f"the {player}'s loss is nowhere finite on this window")
    return values


def window_radius(landscape: Landscape, radius: float | None) -> float:
    """Return a radius that keeps a disc about the origin in the window: the largest one by default."""
    largest = float(min(-landscape.a[0], landscape.a[-1], -landscape.b[0], landscape.b[-1]))
    if not largest > 0:
        raise ValueError("the plane's origin must lie inside the window, which it does not; extend a and b")
    if radius is None:
        return largest
    if not 0 < radius <= largest * (1 + 1e-12):
        raise ValueError(f"radius must be positive and at most {largest:g} on this window, got {radius}")
    return min(float(radius), largest)


def between(landscape: Landscape, player: str) -> Callable[[np.ndarray], np.ndarray]:
    """Return the bilinear loss as a function of plane coordinates (..., 2); NaN beside what is not finite."""
    from scipy.interpolate import RegularGridInterpolator

    rule = RegularGridInterpolator((landscape.b, landscape.a), window_loss(landscape, player))
    low = np.array([landscape.a[0], landscape.b[0]])
    high = np.array([landscape.a[-1], landscape.b[-1]])

    def at(points: np.ndarray) -> np.ndarray:
        with np.errstate(invalid="ignore"):
            return np.asarray(rule(np.clip(points, low, high)[..., ::-1]))

    return at


def centre_loss(landscape: Landscape, player: str) -> float:
    """Return the loss of a player at the plane's origin, which must be finite."""
    value = landscape.center[landscape.names.index(player)]
    if not np.isfinite(value):
        raise ValueError(f"the {player}'s loss at the plane's origin is not finite: {value}")
    return value
