"""The stable side of the complex plane: left of the axis for a flow, inside a circle for a map."""

from __future__ import annotations

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from gandyn.plot.styles import NEUTRAL
from gandyn.spectra import Spectrum

__all__ = ["complex_window", "nearest_boundary", "stable_regions"]

_SHADE = "#E6EEF5"
_SHADE_STEP = "#BFD3E6"


def stable_regions(
    ax: Axes, result: Spectrum, step: float | None
) -> tuple[tuple[Artist, ...], tuple[Line2D, ...]]:
    """Shade the stable sides of the complex plane and draw their boundaries.

    Args:
        ax: axes whose limits are set.
        result: the spectrum of a flow or a map.
        step: step of simultaneous descent in use, or None.

    Returns:
        The shaded regions and their edges: of the flow or the map, then of the step.
    """
    ax.axhline(0.0, color=NEUTRAL, linewidth=0.4, zorder=1)
    if result.clock == "map":
        region, circle = _disc(ax, 0.0, 1.0, "stable: inside the unit circle", _SHADE)
        return (region,), (circle,)
    left, right = ax.get_xlim()
    side = ax.axvspan(
        left - 10 * (right - left), 0.0, color=_SHADE, linewidth=0, label="stable as a flow", zorder=0
    )
    line = ax.axvline(0.0, color=NEUTRAL, linewidth=1.0, zorder=1)
    if step is None:
        return (side,), (line,)
    region, circle = _disc(ax, 0.0 - 1 / step, 1 / step, f"stable at step {step:.3g}", _SHADE_STEP)
    return (side, region), (line, circle)


def _disc(ax: Axes, centre: float, radius: float, label: str, colour: str) -> tuple[Artist, Line2D]:
    """Fill a disc and draw its edge, exact in the window however large the disc is."""
    near = 3 * np.max(np.abs(ax.get_ylim()))
    y = np.concatenate(
        [radius * np.sin(np.linspace(-np.pi / 2, np.pi / 2, 401)), np.linspace(-near, near, 401)]
    )
    y = np.unique(np.clip(y, -radius, radius))
    sagitta = y**2 / (radius + np.sqrt(radius**2 - y**2))
    left, right = (centre - radius) + sagitta, (centre + radius) - sagitta
    region = ax.fill_betweenx(y, left, right, color=colour, linewidth=0, label=label, zorder=0.5)
    edge = np.concatenate([left, right[::-1]]), np.concatenate([y, y[::-1]])
    (circle,) = ax.plot(*edge, color=NEUTRAL, linewidth=1.0, linestyle=(0, (4, 2)), zorder=1)
    return region, circle


def nearest_boundary(result: Spectrum, step: float | None) -> np.ndarray:
    """Return for each eigenvalue the nearest point of the boundary, or of both boundaries."""
    values = result.eigenvalues
    if result.clock == "map":
        return np.where(values == 0, 1.0, values / np.where(values == 0, 1.0, np.abs(values)))
    axis = 1j * np.imag(values)
    if step is None:
        return axis
    away = values + 1 / step
    return np.concatenate([axis, away / np.where(away == 0, 1.0, np.abs(away)) / step - 1 / step])


def complex_window(ax: Axes, points: np.ndarray) -> None:
    """Set limits that hold the points and, for conjugate pairs, are symmetric about the real axis."""
    points = points[np.isfinite(points)]
    left, right = (float(np.real(points).min()), float(np.real(points).max())) if points.size else (0.0, 0.0)
    height = float(np.max(np.abs(np.imag(points)), initial=0.0))
    width = (right - left) or 0.5 * height or max(abs(left), 1.0)
    height = height or 0.25 * width
    ax.set(xlim=(left - 0.12 * width, right + 0.12 * width), ylim=(-1.15 * height, 1.15 * height))
    if 0.25 < width / (2 * height) < 4:
        ax.set_aspect("equal", adjustable="box")
