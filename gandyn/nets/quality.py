"""How well samples cover a mixture: modes found, samples that belong to one, and distances of samples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from gandyn.arrays import to_numpy
from gandyn.nets.datasets import Dataset

__all__ = ["Coverage", "coverage", "modes_of", "sliced_wasserstein"]


@dataclass(frozen=True, eq=False, repr=False)
class Coverage:
    """Which modes of a mixture samples fall into.

    Args:
        counts: shape (k,), samples of high quality nearest to each mode.
        covered: number of modes with at least ``least`` of them.
        high_quality: share of the samples within the radius of a mode.
        entropy: of the shares of the modes among those, in nats; log k where they are even.
        total: number of samples.
    """

    counts: np.ndarray
    covered: int
    high_quality: float
    entropy: float
    total: int

    def __str__(self) -> str:
        return (
            f"Coverage: {self.covered} of {len(self.counts)} modes, {self.high_quality:.1%} of {self.total} "
            "samples of high quality"
        )

    __repr__ = __str__


def modes_of(data: Dataset) -> tuple[np.ndarray, float]:
    """Return the centre of each class, shape (k, d), and the standard deviation about them, of one entry.

    Raises:
        ValueError: a data set without labels, or whose samples are no points.

    Example:
        >>> from gandyn.nets import datasets
        >>> centres, std = modes_of(datasets.ring(8, count=8000, radius=2.0, std=0.02))
        >>> centres.shape, round(std, 3)
        ((8, 2), 0.02)
    """
    if data.labels is None or len(data.sample_shape) != 1:
        raise ValueError(
            f"{data.name}: modes are the classes of labelled points; take datasets.ring(), grid() or "
            "mixture_1d()"
        )
    points, labels = to_numpy(data.images).astype(float), to_numpy(data.labels)
    present = [label for label in range(len(data.classes)) if np.any(labels == label)]
    centres = np.array([points[labels == label].mean(axis=0) for label in present])
    around = points - centres[np.searchsorted(present, labels)]
    return centres, float(np.sqrt(np.mean(around**2)))


def coverage(
    samples: Any, centres: np.ndarray, std: float, *, radius: float = 3.0, least: int = 1
) -> Coverage:
    """Return which modes of a mixture samples fall into.

    A sample is of high quality within ``radius`` standard deviations of its nearest centre (Srivastava et
    al. 2017). Of a mixture's own points in two dimensions, 98.9% are at the default radius.

    Args:
        samples: shape (N, d), float; an array of any namespace.
        centres: shape (k, d), distinct.
        std: standard deviation of each mode, > 0.
        radius: in standard deviations, > 0.
        least: samples of high quality that cover a mode, >= 1.

    Raises:
        ValueError: shapes that do not fit, two equal centres, or a value out of range.

    Example:
        >>> found = coverage(np.array([[0.0, 0.1], [5.0, 5.0]]), np.array([[0.0, 0.0], [1.0, 0.0]]), 0.1)
        >>> found.covered, found.high_quality
        (1, 0.5)
    """
    points, centres = to_numpy(samples).astype(float), np.asarray(centres, dtype=float)
    if points.ndim != 2 or centres.ndim != 2 or points.shape[1] != centres.shape[1] or not len(points):
        raise ValueError(
            f"samples must have shape (N, d) and centres (k, d), got {points.shape} and {centres.shape}"
        )
    if len(np.unique(centres, axis=0)) != len(centres):
        raise ValueError("the centres must be distinct: a mode that is there twice would count twice")
    if not (std > 0 and radius > 0 and least >= 1):
        raise ValueError(f"std, radius and least must be positive, got {std}, {radius} and {least}")
    distances = np.linalg.norm(points[:, None] - centres, axis=-1)
    nearest, good = distances.argmin(axis=1), distances.min(axis=1) <= radius * std
    counts = np.bincount(nearest[good], minlength=len(centres))
    shares = counts[counts > 0] / max(counts.sum(), 1)
    return Coverage(
        counts=counts,
        covered=int(np.sum(counts >= least)),
        high_quality=float(good.mean()),
        entropy=float(-np.sum(shares * np.log(shares))),
        total=len(points),
    )


def sliced_wasserstein(a: Any, b: Any, *, projections: int = 200, seed: int = 0) -> tuple[float, float]:
    """Return the sliced Wasserstein distance of order 1 of two sets of points, and its standard error.

    The mean over random directions of the distance of the projections, each of them exact; in one dimension
    the distance itself, with error 0.

    Args:
        a: shape (N, d), float.
        b: shape (M, d), float.
        projections: number of random directions, >= 2.
        seed: seed of the directions.

    Raises:
        ValueError: shapes that do not fit, a value that is not finite, or fewer than 2 projections.

    Source: Rabin, Peyre, Delon and Bernot 2012.

    Example:
        >>> sliced_wasserstein(np.zeros((4, 1)), np.ones((3, 1)))
        (1.0, 0.0)
    """
    from scipy.stats import wasserstein_distance

    a, b = (to_numpy(points).astype(float) for points in (a, b))
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[1] or not (len(a) and len(b)):
        raise ValueError(f"two sets of points have shapes (N, d) and (M, d), got {a.shape} and {b.shape}")
    if not (np.all(np.isfinite(a)) and np.all(np.isfinite(b))) or projections < 2:
        raise ValueError(f"points must be finite and projections at least 2, got projections={projections}")
    if a.shape[1] == 1:
        return float(wasserstein_distance(a[:, 0], b[:, 0])), 0.0
    directions = np.random.default_rng(seed).normal(size=(projections, a.shape[1]))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    values = [wasserstein_distance(a @ u, b @ u) for u in directions]
    return float(np.mean(values)), float(np.std(values, ddof=1) / np.sqrt(projections))
