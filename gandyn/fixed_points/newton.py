"""Newton's method from many starts: compiled where the system has a kernel, else batched in NumPy."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from gandyn.arrays import like, to_numpy
from gandyn.field import System, UpdateMap
from gandyn.fixed_points.period import iterated
from gandyn.fixed_points.result import OUTCOMES

__all__ = ["Search", "follow", "residual_and_jacobian"]

CONVERGED, DIVERGED, LEFT, SINGULAR, UNDECIDED, NOT_COMPUTED = range(len(OUTCOMES))
#: Newton steps in which the squared residual must halve, as in the compiled loop.
PATIENCE = 8
_CHUNK = 1024


@dataclass(frozen=True)
class Search:
    """Where and how long Newton's method looks.

    Args:
        low: shape (n,), lower ends of the box.
        high: shape (n,), upper ends.
        tol: length of a step, over one plus that of the state, at which it has converged.
        max_iter: steps from each start.
        period: steps of a map after which a state returns.
    """

    low: np.ndarray
    high: np.ndarray
    tol: float
    max_iter: int
    period: int

    def roaming(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the ends of the larger box in which iterates may roam."""
        margin = self.high - self.low
        return self.low - margin, self.high + margin


def follow(
    system: System, starts: np.ndarray, search: Search, like_x: Any, progress: bool
) -> tuple[np.ndarray, np.ndarray, int, bool]:
    """Return where each start led, shape (m, n), its outcome, evaluations, and whether all were done."""
    from tqdm import tqdm

    ends, outcomes = starts.copy(), np.full(len(starts), NOT_COMPUTED, dtype=np.int8)
    run = _runner(system, search, like_x)
    pieces = [slice(i, i + _CHUNK) for i in range(0, len(starts), _CHUNK)]
    total, done = 0, True
    bar = tqdm(total=len(starts), desc="starts", leave=False, disable=None if progress else True)
    pool = ThreadPoolExecutor(min(len(pieces), os.cpu_count() or 1))
    try:
        for piece, count in zip(pieces, pool.map(lambda p: run(ends[p], outcomes[p]), pieces), strict=True):
            total += count
            bar.update(len(ends[piece]))
    except KeyboardInterrupt:
        done = False
    finally:
        pool.shutdown(cancel_futures=True)
        bar.close()
    inside = np.all((ends >= search.low) & (ends <= search.high), axis=-1)
    outcomes[(outcomes == CONVERGED) & ~inside] = LEFT
    return ends, outcomes, total, done


def _runner(system: System, search: Search, like_x: Any) -> Callable[[np.ndarray, np.ndarray], int]:
    low, high = search.roaming()
    kernel = system.kernel
    if kernel is None or not kernel.compiled:
        whole = iterated(system, search.period)
        return lambda ends, outcomes: batched(whole, ends, search, like_x, outcomes)
    from gandyn.fixed_points.compiled import newton_from

    period = search.period if isinstance(system, UpdateMap) else 0
    data = (kernel.params, kernel.nodes, kernel.plan)
    settings = (low, high, search.tol, search.max_iter)
    return lambda ends, outcomes: newton_from(kernel.jacobian, period, ends, *settings, *data, outcomes)


def residual_and_jacobian(system: System, x: np.ndarray, like_x: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return what vanishes at fixed points, shape (m, n), and its Jacobian, (m, n, n), at states (m, n)."""
    state = like(x, like_x)
    residual = to_numpy(system.residual(state)).astype(np.float64)
    matrix = to_numpy(system.jac(state)).astype(np.float64)
    return residual, matrix - np.eye(x.shape[-1]) if isinstance(system, UpdateMap) else matrix


def batched(system: System, x: np.ndarray, search: Search, like_x: Any, outcomes: np.ndarray) -> int:
    """Do in NumPy, over all starts at once, what the compiled loop does; return the evaluations."""
    low, high = search.roaming()
    evaluations = len(x)
    with np.errstate(all="ignore"):
        residual, matrix = residual_and_jacobian(system, x, like_x)
        size = np.sum(residual**2, axis=-1)
        outcomes[:] = np.where(np.isfinite(size), UNDECIDED, DIVERGED)
        active = np.flatnonzero(np.isfinite(size))
        earlier = np.full(len(x), np.inf)
        for iteration in range(search.max_iter):
            if iteration % PATIENCE == 0:
                active = active[size[active] <= 0.5 * earlier[active]]
                earlier[active] = size[active]
            if not len(active):
                break
            step, regular = _directions(residual[active], matrix[active])
            length = np.linalg.norm(step, axis=-1)
            broken = ~np.isfinite(length)
            close = length <= search.tol * (1 + np.linalg.norm(x[active], axis=-1))
            outcomes[active[broken]], outcomes[active[close]] = SINGULAR, CONVERGED
            x[active[close]] += step[close]
            going = ~broken & ~close
            active, step, regular = active[going], step[going], regular[going]
            strides = np.max(np.abs(step) / ((high - low) / 12), axis=-1)
            step = step / np.maximum(strides, 1.0)[:, None]
            moved, count = _line_search(system, x, step, active, residual, matrix, size, like_x)
            evaluations += count
            outcomes[active[~moved]] = np.where(regular[~moved], UNDECIDED, SINGULAR)
            inside = np.all((x[active] >= low) & (x[active] <= high), axis=-1)
            outcomes[active[moved & ~inside]] = LEFT
            active = active[moved & inside]
    return evaluations


def _line_search(
    system: System,
    x: np.ndarray,
    step: np.ndarray,
    active: np.ndarray,
    residual: np.ndarray,
    matrix: np.ndarray,
    size: np.ndarray,
    like_x: Any,
) -> tuple[np.ndarray, int]:
    """Move the active states along their steps, halved until the residual falls; return which moved."""
    moved, share, evaluations = np.zeros(len(active), dtype=bool), 1.0, 0
    while share > 1e-6 and not np.all(moved):
        left = np.flatnonzero(~moved)
        trial = x[active[left]] + share * step[left]
        new_residual, new_matrix = residual_and_jacobian(system, trial, like_x)
        evaluations += len(left)
        new = np.sum(new_residual**2, axis=-1)
        better = new < (1 - 1e-4 * share) * size[active[left]]
        rows = active[left[better]]
        x[rows], residual[rows], matrix[rows] = trial[better], new_residual[better], new_matrix[better]
        size[rows] = new[better]
        moved[left[better]] = True
        share *= 0.5
    return moved, evaluations


def _directions(residual: np.ndarray, matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return Newton's steps, damped where the Jacobian is singular, and which were regular."""
    n = residual.shape[-1]
    if not len(residual):
        return residual, np.zeros(0, dtype=bool)
    finite = np.where(np.isfinite(matrix), matrix, 0.0)
    size = np.sqrt(np.sum(finite**2, axis=(-2, -1)) / n)
    regular = np.abs(np.linalg.det(finite)) > 1e-3 * size**n
    solvable = np.where(regular[:, None, None], finite, np.eye(n))
    newton = -np.linalg.solve(solvable, residual[..., None])[..., 0]
    normal = np.swapaxes(finite, -1, -2) @ finite
    trace = np.trace(normal, axis1=-2, axis2=-1)
    damping = 1e-14 * trace + np.minimum(np.sum(residual**2, axis=-1), 1e-2 * trace)
    damped = normal + np.where(damping > 0, damping, 1.0)[:, None, None] * np.eye(n)
    gradient = np.einsum("mij,mi->mj", finite, residual)
    marquardt = -np.linalg.solve(damped, gradient[..., None])[..., 0]
    step = np.where(regular[:, None], newton, np.where(trace[:, None] > 0, marquardt, np.nan))
    return step, regular
