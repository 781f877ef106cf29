"""Compiled: many states, each followed with tangents that are rescaled but never made orthonormal.

``function, params, nodes, plan`` are a kernel's ``jacobian`` and what it needs. Each of ``rows``, shape
(m, n + k n), is a state and its tangents; these, times ``2**exponents``, are what the linearisation made of
the first ones. Rescaling by powers of two is exact, and the largest singular value keeps its digits however
far the others fall behind. Each call goes on, in place, for so many steps of each open state.
"""

from __future__ import annotations

import math
from typing import Any

import numba
import numpy as np

from gandyn.trajectories.compiled import DIVERGED, FINISHED, accepted_step, first_step, slope

__all__ = ["OPEN", "stretch_flow", "stretch_map"]

OPEN = -1
_jit: Any = numba.njit(cache=True, nogil=True, error_model="numpy")


@_jit
def _rescale(row: np.ndarray, rate: np.ndarray, n: int) -> int:
    """Divide the tangents of a row, and their rates, by a power of two; return its exponent.

    The largest entry comes to lie between 1/2 and 1.
    """
    largest = 0.0
    for i in range(n, len(row)):
        largest = max(largest, abs(row[i]))
    if not 0 < largest < np.inf:
        return 0
    exponent = math.frexp(largest)[1]
    for i in range(n, len(row)):
        row[i] = math.ldexp(row[i], -exponent)
        rate[i] = math.ldexp(rate[i], -exponent)
    return exponent


@_jit
def _within(row: np.ndarray, n: int, max_norm: float) -> bool:
    size = 0.0
    for i in range(n):
        size += row[i] * row[i]
    return size <= max_norm * max_norm


@_jit
def stretch_map(
    function: Any,
    params: np.ndarray,
    nodes: np.ndarray,
    plan: np.ndarray,
    n: int,
    rows: np.ndarray,
    exponents: np.ndarray,
    times: np.ndarray,
    statuses: np.ndarray,
    counts: np.ndarray,
    last: float,
    steps: int,
    max_norm: float,
) -> None:
    """Iterate a map from every open state, up to step ``last``.

    Args:
        n: entries of a state.
        exponents: shape (m,).
        times: shape (m,), numbers of the next steps.
        statuses: shape (m,), OPEN, FINISHED, DIVERGED or STALLED.
        counts: shape (m,), steps taken from each state.
    """
    width = rows.shape[1]
    new, work = np.empty(width), np.empty(n + n * n)
    for p in range(len(rows)):
        for _ in range(steps):
            if statuses[p] != OPEN:
                break
            slope(function, params, nodes, plan, n, rows[p], times[p], work, new)
            counts[p] += 1
            if not _within(new, n, max_norm):
                statuses[p] = DIVERGED
                break
            exponents[p] += _rescale(new, work, n)
            for i in range(width):
                rows[p, i] = new[i]
            times[p] += 1
            if times[p] == last:
                statuses[p] = FINISHED


@_jit
def stretch_flow(
    function: Any,
    params: np.ndarray,
    nodes: np.ndarray,
    plan: np.ndarray,
    n: int,
    rows: np.ndarray,
    exponents: np.ndarray,
    times: np.ndarray,
    statuses: np.ndarray,
    counts: np.ndarray,
    h: np.ndarray,
    end: float,
    steps: int,
    rtol: float,
    atol: float,
    max_norm: float,
) -> None:
    """Follow a flow from every open state, up to the time ``end``.

    Args:
        n: entries of a state.
        exponents: shape (m,).
        times: shape (m,).
        statuses: shape (m,), as for a map.
        counts: shape (m,), as for a map.
        h: shape (m,), the next steps, 0 to choose one.
    """
    width = rows.shape[1]
    new, work, slopes = np.empty(width), np.empty(n + n * n), np.empty((7, width))
    for p in range(len(rows)):
        if statuses[p] != OPEN:
            continue
        y, t, step = rows[p], times[p], h[p]
        slope(function, params, nodes, plan, n, y, t, work, slopes[0])
        if step == 0:
            step = first_step(function, params, nodes, plan, n, y, t, end, rtol, atol, slopes, new, work)
        for _ in range(steps):
            moved, step, status, tried = accepted_step(
                function, params, nodes, plan, n, y, t, step, end, rtol, atol, slopes, new, work
            )
            counts[p] += tried
            if status == FINISHED and not _within(new, n, max_norm):
                status = DIVERGED
            if status != FINISHED:
                statuses[p] = status
                break
            t = moved
            for i in range(width):
                y[i], slopes[0, i] = new[i], slopes[6, i]
            exponents[p] += _rescale(y, slopes[0], n)
            if t == end:
                statuses[p] = FINISHED
                break
        times[p], h[p] = t, step
