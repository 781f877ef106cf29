"""Toy data: points drawn from mixtures of Gaussians."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch

from gandyn.nets.datasets.dataset import Dataset, DatasetError

__all__ = ["grid", "mixture_1d", "ring"]


def _mixture(
    name: str,
    centres: np.ndarray,
    std: float,
    count: int,
    seed: int,
    source: str,
    weights: np.ndarray | None = None,
) -> Dataset:
    if count < 1 or not 0 <= std < math.inf:
        raise DatasetError(
            f"{name}: count must be at least 1 and std finite, at least 0; got {count} and {std}"
        )
    rng = np.random.default_rng(seed)
    labels = rng.choice(len(centres), size=count, p=weights)
    points = centres[labels] + std * rng.standard_normal((count, centres.shape[1]))
    return Dataset(
        name=name,
        images=torch.tensor(points, dtype=torch.float32),
        labels=torch.tensor(labels, dtype=torch.int64),
        classes=tuple(f"mode {index}" for index in range(len(centres))),
        source=f"{source}, drawn with seed {seed}",
    )


def ring(
    modes: int = 8, *, count: int = 2000, radius: float = 2.0, std: float = 0.02, seed: int = 0
) -> Dataset:
    """Return points of a mixture of ``modes`` equal Gaussians, evenly spaced on a circle round the origin.

    Args:
        modes: number of Gaussians, at angles 2 pi k / modes for k = 0, ..., modes - 1.
        count: number of points.
        radius: radius of the circle, > 0.
        std: standard deviation of each Gaussian, >= 0.
        seed: seed of the draws.

    Returns:
        Dataset with images of shape (count, 2), not scaled, and the number of the Gaussian as label.

    Raises:
        DatasetError: a count or mode number below 1, or a radius or deviation out of range.

    Source: Metz, Poole, Pfau and Sohl-Dickstein 2017, "Unrolled generative adversarial networks".

    Example:
        >>> ring(4, count=3, std=0.0).images.abs().sum(dim=1)
        tensor([2., 2., 2.])
    """
    if modes < 1 or not 0 < radius < math.inf:
        raise DatasetError(f"ring: modes must be at least 1 and radius positive; got {modes} and {radius}")
    angles = 2 * np.pi * np.arange(modes) / modes
    centres = radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    return _mixture("ring", centres, std, count, seed, f"{modes} Gaussians on a circle (Metz et al. 2017)")


def grid(
    side: int = 5, *, count: int = 2500, spacing: float = 2.0, std: float = 0.05, seed: int = 0
) -> Dataset:
    """Return points of a mixture of ``side`` x ``side`` equal Gaussians on a square grid round the origin.

    Args:
        side: number of Gaussians along each side.
        count: number of points.
        spacing: distance between neighbours, > 0.
        std: standard deviation of each Gaussian, >= 0.
        seed: seed of the draws.

    Returns:
        Dataset with images of shape (count, 2), not scaled, and the number of the Gaussian as label,
        counted along the second coordinate first.

    Raises:
        DatasetError: a count or side below 1, or a spacing or deviation out of range.

    Source: Srivastava, Valkov, Russell, Gutmann and Sutton 2017, "VEEGAN".

    Example:
        >>> sorted(set(grid(2, count=50, std=0.0).images[:, 0].tolist()))
        [-1.0, 1.0]
    """
    if side < 1 or not 0 < spacing < math.inf:
        raise DatasetError(f"grid: side must be at least 1 and spacing positive; got {side} and {spacing}")
    axis = spacing * (np.arange(side) - (side - 1) / 2)
    centres = np.stack(np.meshgrid(axis, axis, indexing="ij"), axis=-1).reshape(-1, 2)
    return _mixture("grid", centres, std, count, seed, f"{side} x {side} Gaussians (Srivastava et al. 2017)")


def mixture_1d(
    means: Sequence[float] = (-1.0, 1.0),
    *,
    weights: Sequence[float] | None = None,
    count: int = 2000,
    std: float = 0.1,
    seed: int = 0,
) -> Dataset:
    """Return points on the line of a mixture of Gaussians.

    Args:
        means: centre of each Gaussian, at least one.
        weights: probability of each Gaussian, summing to 1; default equal.
        count: number of points.
        std: standard deviation of each Gaussian, >= 0.
        seed: seed of the draws.

    Returns:
        Dataset with images of shape (count, 1), not scaled, and the number of the Gaussian as label.

    Raises:
        DatasetError: no or non-finite means, weights that are not one probability a mean, a count below 1
            or a deviation out of range.

    Example:
        >>> mixture_1d([3.0], count=2, std=0.0).images.tolist()
        [[3.0], [3.0]]
    """
    centres = np.asarray(means, dtype=float)
    if centres.ndim != 1 or not centres.size or not np.all(np.isfinite(centres)):
        raise DatasetError(f"mixture_1d: means must be at least one finite number, got {means}")
    shares = np.full(centres.size, 1 / centres.size) if weights is None else np.asarray(weights, dtype=float)
    if shares.shape != centres.shape or not (np.all(shares >= 0) and abs(shares.sum() - 1) < 1e-9):
        raise DatasetError(
            f"mixture_1d: weights must be {centres.size} probabilities summing to 1, got {weights}"
        )
    return _mixture("mixture_1d", centres[:, None], std, count, seed, f"{centres.size} Gaussians", shares)
