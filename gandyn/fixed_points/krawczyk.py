"""Krawczyk's operator on batches of boxes: does a box hold no zero, or exactly one?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gandyn.games.enclosures import Enclosure
from gandyn.games.intervals import CONTINUOUS, DEFINED, NOWHERE, Interval, exact

__all__ = ["Verdicts", "examine", "refine", "without_zero"]


@dataclass(frozen=True, eq=False)
class Verdicts:
    """What Krawczyk's operator says about m boxes.

    Args:
        boxes: the part of each box that can hold zeros, shape (m, n, 2); empty (low above high) where none.
        empty: the box holds no zero, booleans of shape (m,).
        unique: it holds exactly one.
        sound: both are continuous and bounded there, as far as is known; else nothing is concluded.
        regular: the Jacobian is invertible throughout, so that it holds at most one.
    """

    boxes: np.ndarray
    empty: np.ndarray
    unique: np.ndarray
    sound: np.ndarray
    regular: np.ndarray


def without_zero(enclosure: Enclosure, boxes: np.ndarray) -> np.ndarray:
    """Return where the values over a box exclude zero, or there are none: booleans of shape (m,)."""
    value = enclosure.residual(_intervals(boxes))
    return np.any((value.lo > 0) | (value.hi < 0) | (value.grade == NOWHERE), axis=1)


def examine(enclosure: Enclosure, boxes: np.ndarray) -> Verdicts:
    """Return the verdict of the mean value theorem and of Krawczyk's operator on each box.

    With c the centre of a box X and Y an approximate inverse of the Jacobian there, every zero in X lies in
    ``K(X) = c - Y v(c) + (1 - Y J(X)) (X - c)``; where K(X) lies in the interior of X there is exactly one
    (Krawczyk 1969, Moore 1977). Both need v continuous on X and J(X) to hold all its slopes; where the
    grades of the enclosure do not say so, nothing is concluded.

    Args:
        enclosure: of v and J.
        boxes: shape (m, n, 2).

    Returns:
        The verdicts.
    """
    x = _intervals(boxes)
    values, J = enclosure.jacobian(x)
    centre = x.centre
    at_centre = enclosure.residual(exact(centre))
    sound = np.all(values.grade == CONTINUOUS, axis=1) & np.all(at_centre.finite, axis=1)
    sound &= np.all(J.finite & (J.grade >= DEFINED), axis=(1, 2))
    J = Interval(np.where(sound[:, None, None], J.lo, 0.0), np.where(sound[:, None, None], J.hi, 0.0))
    spread = (x - centre)[:, None, :]
    mean_value = at_centre + (J * spread).sum(axis=2)
    inverse = np.linalg.pinv(J.centre)
    defect = np.eye(enclosure.dim) - _product(inverse, J)
    newton = exact(centre) - (exact(inverse) * at_centre[:, None, :]).sum(axis=2)
    image = newton + (defect * spread).sum(axis=2)
    lo, hi = np.maximum(image.lo, x.lo), np.minimum(image.hi, x.hi)
    excluded = np.any((mean_value.lo > 0) | (mean_value.hi < 0) | (lo > hi), axis=1)
    inside = np.all((image.lo > x.lo) & (image.hi < x.hi), axis=1)
    regular = np.max(np.sum(defect.magnitude, axis=2), axis=1) < 1
    kept = np.where(sound[:, None, None], np.stack([lo, hi], axis=-1), boxes)
    return Verdicts(kept, sound & excluded, sound & inside & ~excluded, sound, sound & regular)


def refine(enclosure: Enclosure, box: np.ndarray) -> np.ndarray:
    """Return the smallest enclosure found of the one zero in a box, shape (n, 2)."""
    for _ in range(100):
        smaller = examine(enclosure, box[None]).boxes[0]
        if np.any(smaller[:, 0] > smaller[:, 1]) or np.all(_widths(smaller) > 0.99 * _widths(box)):
            return box
        box = smaller
    return box


def _widths(box: np.ndarray) -> np.ndarray:
    return box[..., 1] - box[..., 0]


def _intervals(boxes: np.ndarray) -> Interval:
    return Interval(boxes[..., 0], boxes[..., 1])


def _product(matrix: np.ndarray, J: Interval) -> Interval:
    """Return the matrix product, shape (m, n, n)."""
    return (exact(matrix[:, :, :, None]) * J[:, None, :, :]).sum(axis=2)
