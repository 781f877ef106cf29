"""How well samples cover a mixture: modes found, samples that belong to one and those between them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from gandyn.arrays import to_numpy
from gandyn.nets.datasets import Dataset

__all__ = ["Coverage", "class_counts", "coverage", "modes_of"]


@dataclass(frozen=True, eq=False, repr=False)
class Coverage:
    """Which modes of a mixture samples fall into.

    Args:
        counts: shape (k,), samples of high quality nearest to each mode.
        covered: number of modes with at least ``least`` of them.
        high_quality: share of the samples within the radius of a mode.
        between: share of the samples on a bridge: beyond the radius of every mode, and within it of a
            straight line that joins two of them.
        entropy: of the shares of the modes among those, in nats; log k where they are even.
        total: number of samples.
    """

    counts: np.ndarray
    covered: int
    high_quality: float
    between: float
    entropy: float
    total: int

    def __str__(self) -> str:
        return (
            f"Coverage: {self.covered} of {len(self.counts)} modes; of {self.total} samples "
            f"{self.high_quality:.1%} of high quality, {self.between:.1%} between modes"
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
        between=float(np.sum(_on_a_bridge(points[~good], centres, radius * std)) / len(points)),
        entropy=float(-np.sum(shares * np.log(shares))),
        total=len(points),
    )


def _on_a_bridge(points: np.ndarray, centres: np.ndarray, reach: float) -> np.ndarray:
    """Return which points lie within ``reach`` of a segment between two centres, shape (N,)."""
    found = np.zeros(len(points), dtype=bool)
    for start, end in combinations(centres, 2):
        along = end - start
        share = np.clip((points - start) @ along / (along @ along), 0.0, 1.0)
        found |= np.linalg.norm(points - start - share[:, None] * along, axis=1) <= reach
    return found


def class_counts(samples: Any, data: Dataset, *, neighbours: int = 5) -> np.ndarray:
    """Return how many samples look like each class of a data set, by vote of the nearest real samples.

    The histogram of modes for images, whose modes have no centres: each sample is given the class that most
    of its nearest real samples have, in the distance of their values.

    Args:
        samples: shape (N, ...), each of the shape of the data's samples; an array of any namespace.
        data: labelled real samples.
        neighbours: real samples that vote, >= 1.

    Returns:
        Shape (classes,), int.

    Raises:
        ValueError: data without labels, samples of another shape, or a count out of range.

    Example:
        >>> from gandyn.nets import datasets
        >>> data = datasets.digits()
        >>> class_counts(data.images[data.labels == 3][:50], data).argmax()
        np.int64(3)
    """
    from sklearn.neighbors import KNeighborsClassifier

    values = to_numpy(samples)
    if data.labels is None:
        raise ValueError(f"{data.name} has no labels; take a labelled data set such as datasets.digits()")
    if values.shape[1:] != data.sample_shape or not len(values):
        raise ValueError(f"samples must have shape (N, *{data.sample_shape}), got {values.shape}")
    if not 1 <= neighbours <= len(data):
        raise ValueError(f"neighbours must be from 1 to {len(data)}, the real samples, got {neighbours}")
    voters = KNeighborsClassifier(neighbours).fit(
        to_numpy(data.images).reshape(len(data), -1), to_numpy(data.labels)
    )
    return np.bincount(voters.predict(values.reshape(len(values), -1)), minlength=len(data.classes))
