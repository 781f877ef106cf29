"""Samples: grids of images, and scatters and histograms of samples of two and one dimensions."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes

from gandyn.arrays import Array, to_numpy
from gandyn.plot.keys import caption, legend_below
from gandyn.plot.styles import GENERATOR, NEUTRAL

__all__ = ["image_grid"]

_TOLERANCE = 1e-3


def image_grid(
    ax: Axes,
    images: Array,
    *,
    columns: int | None = None,
    value_range: tuple[float, float] | None = None,
    real: Array | None = None,
) -> Artist:
    """Draw samples: images in a grid, two-dimensional samples as a scatter, scalars as a histogram.

    Args:
        ax: axes to draw in.
        images: shape (N, C, H, W) with C of 1 or 3, (N, H, W), (N, 2) or (N, 1), any namespace.
        columns: images a row; the default makes the grid about square.
        value_range: values shown black and white; the default is (-1, 1) where a value is negative,
            else (0, 1). Values beyond it are counted below the picture.
        real: real samples of shape (M, 2) or (M, 1), drawn behind generated ones of that width.

    Returns:
        The image, the scatter or the histogram.

    Raises:
        ValueError: a shape that is none of these, no image, a range that is not increasing, or images
            with ``real``.

    Example:
        >>> from matplotlib.figure import Figure
        >>> image_grid(Figure().subplots(), np.zeros((6, 1, 4, 4)), columns=3).get_array().shape
        (9, 14, 3)
    """
    samples = to_numpy(images)
    if samples.ndim == 2 and samples.shape[1] in (1, 2) and len(samples):
        return _points(ax, samples, None if real is None else to_numpy(real))
    if samples.ndim == 3:
        samples = samples[:, None]
    if samples.ndim != 4 or samples.shape[1] not in (1, 3) or not samples.size:
        raise ValueError(
            "samples must have the shape (N, C, H, W) with C of 1 or 3, (N, H, W), (N, 2) or (N, 1), "
            f"got {to_numpy(images).shape}"
        )
    if real is not None:
        raise ValueError(
            "real is for samples of one or two dimensions; draw real images in axes of their own"
        )
    low, high = value_range or ((-1.0, 1.0) if np.nanmin(samples) < -_TOLERANCE else (0.0, 1.0))
    if not low < high:
        raise ValueError(f"value_range must increase, got {value_range}")
    picture = ax.imshow(_mosaic(samples, low, high, columns), interpolation="nearest")
    ax.set(xticks=[], yticks=[])
    ax.spines[:].set_visible(False)
    caption(ax, _notes(samples, low, high))
    return picture


def _mosaic(samples: np.ndarray, low: float, high: float, columns: int | None) -> np.ndarray:
    """Return the images side by side on white with a line of one pixel between, (height, width, 3)."""
    count, _, tall, wide = samples.shape
    columns = min(columns or int(np.ceil(np.sqrt(count))), count)
    rows = -(-count // columns)
    shown = np.clip((samples.astype(float) - low) / (high - low), 0.0, 1.0)
    shown = np.broadcast_to(np.moveaxis(shown, 1, -1), (count, tall, wide, 3)).copy()
    shown[~np.isfinite(samples).all(axis=1)] = (1.0, 0.0, 1.0)
    sheet = np.ones((rows * (tall + 1) - 1, columns * (wide + 1) - 1, 3))
    for i, image in enumerate(shown):
        top, left = (i // columns) * (tall + 1), (i % columns) * (wide + 1)
        sheet[top : top + tall, left : left + wide] = image
    return sheet


def _notes(samples: np.ndarray, low: float, high: float) -> list[str]:
    bad = int((~np.isfinite(samples)).sum())
    beyond = int(((samples < low - _TOLERANCE) | (samples > high + _TOLERANCE)).sum())
    return [
        f"Not finite, magenta: {bad} of {samples.size} values." if bad else "",
        f"Beyond [{low:g}, {high:g}]: {beyond} of {samples.size} values." if beyond else "",
    ]


def _points(ax: Axes, samples: np.ndarray, real: np.ndarray | None) -> Artist:
    if real is not None and (real.ndim != 2 or real.shape[1] != samples.shape[1]):
        raise ValueError(
            f"real must have the width of the samples, {samples.shape[1]}, got shape {real.shape}"
        )
    draw = _scatter if samples.shape[1] == 2 else _histogram
    keys = [draw(ax, samples, real, label="generated", color=GENERATOR, zorder=3)]
    if real is not None:
        keys.append(draw(ax, real, samples, label="real", color=NEUTRAL, zorder=2))
    legend_below(ax, keys)
    bad = int((~np.isfinite(samples)).any(axis=1).sum())
    caption(ax, [f"Not finite: {bad} of {len(samples)} samples." if bad else ""])
    return keys[0]


def _scatter(ax: Axes, points: np.ndarray, _: np.ndarray | None, **look: Any) -> Artist:
    ax.set(xlabel="$x_1$", ylabel="$x_2$")
    ax.set_aspect("equal", adjustable="datalim")
    return ax.scatter(
        points[:, 0], points[:, 1], s=5, alpha=0.6, linewidths=0, rasterized=len(points) > 5000, **look
    )


def _histogram(ax: Axes, values: np.ndarray, others: np.ndarray | None, **look: Any) -> Artist:
    """Draw the density of scalars, in bins shared with the ``others``."""
    ax.set(xlabel="$x$", ylabel="density")
    both = values if others is None else np.concatenate([values, others])
    edges = np.histogram_bin_edges(both[np.isfinite(both)], bins="auto")
    density, _ = np.histogram(values[np.isfinite(values)], edges, density=True)
    return ax.stairs(density, edges, linewidth=1.2, **look)
