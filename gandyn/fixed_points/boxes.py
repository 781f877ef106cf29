"""Boxes of shape (..., n, 2): split, one without another, and few hulls that cover many."""

from __future__ import annotations

from typing import cast

import numpy as np

__all__ = ["few_hulls", "halves", "minus", "volumes"]

_SHARE = 127 / 256
"""Where a side is cut: not in the middle, where symmetric problems have their zeros."""


def volumes(boxes: np.ndarray, sides: np.ndarray) -> np.ndarray:
    """Return the volume of each box as a share of that of a box with the given sides."""
    return cast(np.ndarray, np.prod((boxes[..., 1] - boxes[..., 0]) / sides, axis=-1))


def halves(boxes: np.ndarray, sides: np.ndarray) -> np.ndarray:
    """Return m boxes cut in two across their longest side, measured in ``sides``: shape (2m, n, 2)."""
    rows, axis = np.arange(len(boxes)), np.argmax((boxes[..., 1] - boxes[..., 0]) / sides, axis=1)
    low, high = boxes[rows, axis].T
    cut = np.clip(low + _SHARE * (high - low), low, high)
    first, second = boxes.copy(), boxes.copy()
    first[rows, axis, 1] = second[rows, axis, 0] = cut
    return np.concatenate([first, second])


def minus(boxes: np.ndarray, hole: np.ndarray) -> np.ndarray:
    """Return boxes that cover what of the m boxes lies outside the hole, shape (k, n, 2)."""
    meets = np.all((boxes[..., 0] < hole[:, 1]) & (boxes[..., 1] > hole[:, 0]), axis=1)
    pieces = [boxes[~meets]]
    for box in boxes[meets]:
        core = box.copy()
        for axis, (low, high) in enumerate(hole):
            for side, cut in ((1, low), (0, high)):
                if core[axis, 0] < cut < core[axis, 1]:
                    piece = core.copy()
                    piece[axis, side] = core[axis, 1 - side] = cut
                    pieces.append(piece[None])
    return np.concatenate(pieces)


def few_hulls(boxes: np.ndarray, sides: np.ndarray, depth: int = 5) -> np.ndarray:
    """Return hulls that cover all boxes: one for a compact cluster, at most ``2^depth`` for a long one.

    Args:
        boxes: shape (m, n, 2).
        sides: what each axis is measured in, shape (n,).
        depth: how often a cluster without a gap may be halved.

    Returns:
        Shape (k, n, 2).
    """
    if len(boxes) == 0:
        return boxes
    hull = np.stack([boxes[..., 0].min(axis=0), boxes[..., 1].max(axis=0)], axis=-1)
    group = _beyond_a_gap(boxes)
    if group is None:
        if len(boxes) == 1 or depth == 0 or volumes(hull, sides) <= 2 * volumes(boxes, sides).sum():
            return hull[None]
        middle = boxes.mean(axis=2)[:, np.argmax((hull[:, 1] - hull[:, 0]) / sides)]
        group, depth = middle > np.median(middle), depth - 1
        if not group.any():
            return hull[None]
    return np.concatenate([few_hulls(boxes[~group], sides, depth), few_hulls(boxes[group], sides, depth)])


def _beyond_a_gap(boxes: np.ndarray) -> np.ndarray | None:
    """Return which boxes lie beyond the widest gap along an axis, or None where there is no gap."""
    for axis in range(boxes.shape[1]):
        order = np.argsort(boxes[:, axis, 0])
        reach = np.maximum.accumulate(boxes[order, axis, 1])
        gaps = boxes[order[1:], axis, 0] - reach[:-1]
        if len(gaps) and gaps.max() > 0:
            return cast(np.ndarray, boxes[:, axis, 0] > reach[np.argmax(gaps)])
    return None
