"""A data set: samples, labels, and where they came from."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np
import torch

from gandyn.arrays import to_numpy

__all__ = ["Dataset", "DatasetError", "Range"]

Range: TypeAlias = tuple[float, float]


class DatasetError(ValueError):
    """A data set that is missing, broken or asked for wrongly; the message says what to do."""


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """Samples with their labels and where they came from.

    Args:
        name: name of the data set and, where it has one, its split.
        images: float32 tensor of shape (N, C, H, W), or (N, d) for points.
        labels: int64 tensor of shape (N,), indices into ``classes``; None without labels.
        classes: names of the classes; ``()`` without labels.
        value_range: what black and full intensity became; None for points, which are not scaled.
        source: who made it, and where it was read.

    Raises:
        DatasetError: another dtype or shape, no sample, a value that is not finite, or a label
            outside the classes.

    Example:
        >>> data = Dataset("two points", torch.tensor([[0.0], [1.0]]))
        >>> len(data), data.sample_shape, data.fingerprint[:8]
        (2, (1,), 'a40761ab')
    """

    name: str
    images: torch.Tensor
    labels: torch.Tensor | None = None
    classes: tuple[str, ...] = ()
    value_range: Range | None = None
    source: str = ""

    def __post_init__(self) -> None:
        shape = tuple(self.images.shape)
        if self.images.dtype != torch.float32 or len(shape) not in (2, 4) or 0 in shape:
            raise DatasetError(
                f"{self.name}: images must be float32 of shape (N, C, H, W) or (N, d), none of them 0; "
                f"got {self.images.dtype} of shape {shape}"
            )
        if not bool(torch.isfinite(self.images).all()):
            raise DatasetError(f"{self.name}: all values of images must be finite, got NaN or infinity")
        if self.labels is not None:
            _check_labels(self.name, self.labels, shape[0], len(self.classes))

    def __len__(self) -> int:
        return int(self.images.shape[0])

    @property
    def sample_shape(self) -> tuple[int, ...]:
        """Shape of one sample: (C, H, W), or (d,) for points."""
        return tuple(self.images.shape[1:])

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of shape, values and labels in hexadecimal, the same on every machine."""
        digest = hashlib.sha256(repr((tuple(self.images.shape), self.labels is not None)).encode())
        digest.update(np.ascontiguousarray(to_numpy(self.images), dtype="<f4").data)
        if self.labels is not None:
            digest.update(np.ascontiguousarray(to_numpy(self.labels), dtype="<i8").data)
        return digest.hexdigest()

    def __repr__(self) -> str:
        scale = "" if self.value_range is None else f" in [{self.value_range[0]:g}, {self.value_range[1]:g}]"
        return f"{self.name}: {len(self)} samples of shape {self.sample_shape}{scale}, from {self.source}"


def _check_labels(name: str, labels: torch.Tensor, count: int, classes: int) -> None:
    if labels.dtype != torch.int64 or tuple(labels.shape) != (count,):
        raise DatasetError(
            f"{name}: labels must be int64 of shape ({count},), one a sample; "
            f"got {labels.dtype} of shape {tuple(labels.shape)}"
        )
    wrong = torch.nonzero((labels < 0) | (labels >= classes))
    if len(wrong):
        at = int(wrong[0])
        raise DatasetError(
            f"{name}: labels must index the {classes} classes; the label of sample {at} is {int(labels[at])}"
        )


def scaled(values: np.ndarray, top: int, value_range: Range) -> torch.Tensor:
    low, high = value_range
    return torch.tensor(values, dtype=torch.float32).div_(top).mul_(high - low).add_(low)


def checked_range(value_range: Sequence[float]) -> Range:
    values = tuple(float(value) for value in value_range)
    if len(values) != 2 or not all(map(math.isfinite, values)) or not values[0] < values[1]:
        raise DatasetError(f"value_range must be two finite numbers, the lower first; got {value_range}")
    return values[0], values[1]
