"""Fixed points that are not isolated: told apart from degenerate ones by walking along them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gandyn.field import System
from gandyn.fixed_points.newton import residual_and_jacobian
from gandyn.fixed_points.result import Continuum

__all__ = ["at_rounding", "connected_sets", "kernel_dimension", "settle", "walks"]

_KERNEL = 1e-6
_MOST = 200


def settle(
    system: System, x: np.ndarray, like_x: Any, steps: int = 30
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return states moved to the nearest fixed points by steps of least norm, residual norms, Jacobians."""
    x = x.copy()
    with np.errstate(all="ignore"):
        residual, matrix = residual_and_jacobian(system, x, like_x)
        for _ in range(steps):
            step = -np.einsum("mij,mj->mi", _pseudo_inverse(matrix), residual)
            trial = x + step
            new_residual, new_matrix = residual_and_jacobian(system, trial, like_x)
            better = np.linalg.norm(new_residual, axis=-1) < np.linalg.norm(residual, axis=-1)
            if not better.any():
                break
            x[better], residual[better], matrix[better] = (
                trial[better],
                new_residual[better],
                new_matrix[better],
            )
    return x, np.linalg.norm(residual, axis=-1), matrix


def _pseudo_inverse(matrix: np.ndarray) -> np.ndarray:
    finite = np.where(np.isfinite(matrix), matrix, 0.0)
    return np.linalg.pinv(finite, rcond=_KERNEL)


def kernel_dimension(matrix: np.ndarray) -> np.ndarray:
    """Return the number of singular values that vanish, for matrices of shape (m, n, n)."""
    values = np.linalg.svd(matrix, compute_uv=False)
    return np.sum(values <= _KERNEL * np.maximum(values[:, :1], np.finfo(float).tiny), axis=-1)


def _stride(box: tuple[np.ndarray, np.ndarray], x: np.ndarray, dimension: int) -> float:
    """Return the stride at which the samples allowed cover a set of that dimension in the box."""
    width = float(np.linalg.norm(box[1] - box[0]))
    return max(0.02, 1.4 * _MOST ** (-1 / dimension)) * (
        width if np.isfinite(width) else 1 + float(np.linalg.norm(x))
    )


def walks(
    system: System, x: np.ndarray, matrix: np.ndarray, box: tuple[np.ndarray, np.ndarray], like_x: Any
) -> bool:
    """Return whether fixed points go on from x, to one side at least, in every direction of the kernel.

    Those of a continuum do; next to an isolated degenerate one there are none.
    """
    _, values, rows = np.linalg.svd(matrix)
    kernel = rows[values <= _KERNEL * max(values[0], np.finfo(float).tiny)]
    stride = _stride(box, x, 1)
    for direction in kernel:
        trials = np.stack([x + stride * direction, x - stride * direction])
        ends, residual, jacobians = settle(system, trials, like_x)
        apart = np.linalg.norm(ends - x, axis=-1)
        there = (residual <= at_rounding(ends, jacobians)) & (apart > 0.5 * stride)
        if not np.any(there & (kernel_dimension(jacobians) >= len(kernel))):
            return False
    return True


def at_rounding(x: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Return the residual that rounding leaves, with room, at states (m, n) with Jacobians (m, n, n)."""
    size = (1 + np.linalg.norm(x, axis=-1)) * np.maximum(np.linalg.norm(matrix, axis=(-2, -1)), 1e-3)
    return np.asarray(np.finfo(float).eps ** 0.75 * size)


def connected_sets(
    system: System,
    points: np.ndarray,
    dimensions: np.ndarray,
    box: tuple[np.ndarray, np.ndarray],
    growth: Callable[[np.ndarray, int], np.ndarray],
    like_x: Any,
) -> tuple[list[Continuum], np.ndarray]:
    """Return the connected sets to which points, shape (m, n), on continua belong, and the set of each.

    From a point, strides along the kernel of the Jacobian are corrected on to fixed points, and from there
    again, within the box: what is reached belongs together.

    Args:
        growth: ``growth(samples, dimension)``, the largest growth rate across the set.
    """
    labels = np.full(len(points), -1)
    found: list[Continuum] = []
    for i, dimension in enumerate(dimensions.tolist()):
        if labels[i] >= 0:
            continue
        stride = _stride(box, points[i], dimension)
        samples = _reached(system, points[i], dimension, box, stride, like_x)
        near = np.linalg.norm(points[:, None] - samples, axis=-1).min(axis=-1) <= stride
        labels[near & (labels < 0) & (dimensions == dimension)] = len(found)
        labels[i] = len(found)
        samples = samples[np.lexsort(np.round(samples, 6).T[::-1])]
        residual, _ = residual_and_jacobian(system, samples, like_x)
        worst = float(np.max(np.linalg.norm(residual, axis=-1)))
        found.append(Continuum(dimension, samples, worst, growth(samples, dimension)))
    return found, labels


def _reached(
    system: System,
    x: np.ndarray,
    dimension: int,
    box: tuple[np.ndarray, np.ndarray],
    stride: float,
    like_x: Any,
) -> np.ndarray:
    """Return samples, shape (m, n), of the connected set of fixed points through x, half a stride apart."""
    samples, front = x[None], x[None]
    while len(front) and len(samples) < _MOST:
        _, matrices = residual_and_jacobian(system, front, like_x)
        kernel = np.linalg.svd(matrices)[2][:, -dimension:]
        trials = (front[:, None] + stride * np.concatenate([kernel, -kernel], axis=1)).reshape(-1, x.size)
        ends, residual, matrices = settle(system, trials, like_x)
        good = residual <= at_rounding(ends, matrices)
        good &= kernel_dimension(matrices) == dimension
        good &= np.linalg.norm(ends - trials, axis=-1) < 0.5 * stride
        good &= np.all((ends >= box[0]) & (ends <= box[1]), axis=-1)
        front = np.empty((0, x.size))
        for end in ends[good]:
            if np.linalg.norm(samples - end, axis=-1).min() > 0.5 * stride:
                front, samples = np.concatenate([front, end[None]]), np.concatenate([samples, end[None]])
    return samples
