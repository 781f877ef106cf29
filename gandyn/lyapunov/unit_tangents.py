"""Compiled: a state followed with tangent vectors that are kept at unit length, but never made orthogonal.

Arguments as in ``compiled``. ``x`` and the rows of ``tangents`` are moved in place, and the logarithms of the
lengths by which the rows were divided are added to ``growth``, shape (k,).
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

from gandyn.trajectories.compiled import (
    DIVERGED,
    FINISHED,
    OUT_OF_STEPS,
    accepted_step,
    first_step,
    slope,
)

__all__ = ["unit_flow", "unit_map"]

_jit: Any = numba.njit(cache=True, nogil=True, error_model="numpy")


@_jit
def _normalise(rows: np.ndarray, rates: np.ndarray, growth: np.ndarray) -> None:
    """Divide every row, and the row of ``rates`` with it, by its length; a row that vanished stays zero."""
    for u in range(len(rows)):
        length = np.sqrt(np.dot(rows[u], rows[u]))
        growth[u] += np.log(length)
        if length > 0:
            for i in range(rows.shape[1]):
                rows[u, i] /= length
                rates[u, i] /= length


@_jit
def unit_map(
    function: Any,
    params: np.ndarray,
    nodes: np.ndarray,
    plan: np.ndarray,
    x: np.ndarray,
    tangents: np.ndarray,
    first: int,
    steps: int,
    max_norm: float,
    growth: np.ndarray,
) -> int:
    """Iterate a map; return how many steps were taken before the norm left ``max_norm``."""
    k, n = tangents.shape
    out, new = np.empty(n + n * n), np.empty((k, n))
    for step in range(steps):
        function(x, float(first + step), params, nodes, plan, out)
        if not np.dot(out[:n], out[:n]) <= max_norm * max_norm:
            return step
        for u in range(k):
            for i in range(n):
                total = 0.0
                for j in range(n):
                    total += out[n + n * i + j] * tangents[u, j]
                new[u, i] = total
        x[:] = out[:n]
        tangents[:] = new
        _normalise(tangents, new, growth)
    return steps


@_jit
def unit_flow(
    function: Any,
    params: np.ndarray,
    nodes: np.ndarray,
    plan: np.ndarray,
    x: np.ndarray,
    tangents: np.ndarray,
    t: float,
    h: float,
    t_end: float,
    rtol: float,
    atol: float,
    max_norm: float,
    max_steps: int,
    growth: np.ndarray,
) -> tuple[float, float, int]:
    """Follow a flow with adaptive steps; return the time, the next step to try, and FINISHED or why not.

    OUT_OF_STEPS: call again with what was returned to go on.
    """
    k, n = tangents.shape
    y, new, work = np.empty(n + k * n), np.empty(n + k * n), np.empty(n + n * n)
    slopes = np.empty((7, n + k * n))
    y[:n] = x
    y[n:] = tangents.ravel()
    slope(function, params, nodes, plan, n, y, t, work, slopes[0])
    if h == 0:
        h = first_step(function, params, nodes, plan, n, y, t, t_end, rtol, atol, slopes, new, work)
    status = FINISHED
    while t != t_end and status == FINISHED:
        if max_steps == 0:
            status = OUT_OF_STEPS
            break
        max_steps -= 1
        t, h, status, _ = accepted_step(
            function, params, nodes, plan, n, y, t, h, t_end, rtol, atol, slopes, new, work
        )
        if status != FINISHED:
            break
        if not np.dot(new[:n], new[:n]) <= max_norm * max_norm:
            status = DIVERGED
            break
        y[:] = new
        slopes[0] = slopes[6]
        _normalise(y[n:].reshape(k, n), slopes[0, n:].reshape(k, n), growth)
    x[:] = y[:n]
    tangents[:] = y[n:].reshape(k, n)
    return t, h, status
