"""Compiled: many states, each followed with tangents that are rescaled but never made orthonormal.

``function, params, nodes, plan`` are a kernel's ``jacobian`` and what it needs. The rows of ``tangents[p]``
times ``2**exponents[p]`` are what the linearisation made of the first ones: rescaling by powers of two is
exact, and the largest singular value keeps its digits however far the others fall behind.
Each call goes on for so many steps; statuses are OPEN, FINISHED, DIVERGED or STALLED.
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
def _rescale(rows: np.ndarray) -> int:
    """Divide by the power of two that brings the largest entry to between 1/2 and 1; return its exponent."""
    largest = 0.0
    for value in rows.flat:
        largest = max(largest, abs(value))
    if not 0 < largest < np.inf:
        return 0
    exponent = math.frexp(largest)[1]
    for i in range(rows.shape[0]):
        for j in range(rows.shape[1]):
            rows[i, j] = math.ldexp(rows[i, j], -exponent)
    return exponent


@_jit
def stretch_map(
    function: Any,
    params: np.ndarray,
    nodes: np.ndarray,
    plan: np.ndarray,
    x: np.ndarray,
    tangents: np.ndarray,
    exponents: np.ndarray,
    times: np.ndarray,
    statuses: np.ndarray,
    last: float,
    steps: int,
    max_norm: float,
) -> int:
    """Iterate a map from every open state, shape (m, n), in place, up to step ``last``; return the steps.

    ``times``, shape (m,), are the numbers of the next step of each, as floats.
    """
    m, k, n = tangents.shape
    out, new, taken = np.empty(n + n * n), np.empty((k, n)), 0
    for p in range(m):
        for _ in range(steps):
            if statuses[p] != OPEN:
                break
            function(x[p], times[p], params, nodes, plan, out)
            taken += 1
            size = 0.0
            for i in range(n):
                size += out[i] * out[i]
            if not size <= max_norm * max_norm:
                statuses[p] = DIVERGED
                break
            for u in range(k):
                place = n
                for i in range(n):
                    total = 0.0
                    for j in range(n):
                        total += out[place + j] * tangents[p, u, j]
                    new[u, i] = total
                    place += n
            for i in range(n):
                x[p, i] = out[i]
            tangents[p] = new
            exponents[p] += _rescale(tangents[p])
            times[p] += 1
            if times[p] == last:
                statuses[p] = FINISHED
    return taken


@_jit
def stretch_flow(
    function: Any,
    params: np.ndarray,
    nodes: np.ndarray,
    plan: np.ndarray,
    x: np.ndarray,
    tangents: np.ndarray,
    exponents: np.ndarray,
    times: np.ndarray,
    statuses: np.ndarray,
    h: np.ndarray,
    end: float,
    steps: int,
    rtol: float,
    atol: float,
    max_norm: float,
) -> int:
    """Follow a flow from every open state, shape (m, n), in place, up to the time ``end``; return the steps.

    ``times`` and ``h``, shape (m,), are the time of each state and its next step, 0 to choose one.
    """
    m, k, n = tangents.shape
    width, taken = n + k * n, 0
    y, new, work, slopes = np.empty(width), np.empty(width), np.empty(n + n * n), np.empty((7, width))
    for p in range(m):
        if statuses[p] != OPEN:
            continue
        t, step = times[p], h[p]
        y[:n] = x[p]
        y[n:] = tangents[p].ravel()
        slope(function, params, nodes, plan, n, y, t, work, slopes[0])
        if step == 0:
            step = first_step(function, params, nodes, plan, n, y, t, end, rtol, atol, slopes, new, work)
        for _ in range(steps):
            moved, step, status, tried = accepted_step(
                function, params, nodes, plan, n, y, t, step, end, rtol, atol, slopes, new, work
            )
            taken += tried
            if status == FINISHED and not np.dot(new[:n], new[:n]) <= max_norm * max_norm:
                status = DIVERGED
            if status != FINISHED:
                statuses[p] = status
                break
            t = moved
            y[:] = new
            slopes[0] = slopes[6]
            exponent = _rescale(y[n:].reshape(k, n))
            for i in range(n, width):
                slopes[0, i] = math.ldexp(slopes[0, i], -exponent)
            exponents[p] += exponent
            if t == end:
                statuses[p] = FINISHED
                break
        x[p] = y[:n]
        tangents[p] = y[n:].reshape(k, n)
        times[p], h[p] = t, step
    return taken
