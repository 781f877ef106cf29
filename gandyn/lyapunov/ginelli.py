"""Compiled: tangents forwards with their triangular factors, and coefficients backwards through these.

``function, params, nodes, plan`` are a kernel's ``jacobian`` and what it needs. Over each interval
``D phi Q_j^T = Q_(j+1)^T R_j`` with the rows of Q orthonormal and R upper triangular.

Source: Ginelli, Poggi, Turchi, Chaté, Livi and Politi 2007.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

from gandyn.trajectories.compiled import DIVERGED, FINISHED, advance_tangents

__all__ = ["follow_records", "recover", "triangular"]

_jit: Any = numba.njit(cache=True, nogil=True, error_model="numpy")
_STEPS = 2**62


@_jit
def triangular(rows: np.ndarray, upper: np.ndarray) -> float:
    """Make the rows orthonormal, write their coefficients into ``upper``; return the contrast.

    The contrast is the logarithm of the largest entry on the diagonal over the least. A row that vanishes
    gives 0 there, and a unit vector orthogonal to the others takes its place.
    """
    k, n = rows.shape
    upper[:] = 0.0
    for i in range(k):
        for j in range(i):
            inner = np.dot(rows[j], rows[i])
            upper[j, i] = inner
            for c in range(n):
                rows[i, c] -= inner * rows[j, c]
        length = np.sqrt(np.dot(rows[i], rows[i]))
        upper[i, i] = length
        if length > 0:
            for c in range(n):
                rows[i, c] /= length
        else:
            _fill(rows, i)
    least, most = np.inf, 0.0
    for i in range(k):
        least, most = min(least, upper[i, i]), max(most, upper[i, i])
    return np.log(most / least) if k else 0.0


@_jit
def _fill(rows: np.ndarray, i: int) -> None:
    """Put in the place of row i a unit vector orthogonal to the rows before it."""
    best = 0.0
    for axis in range(rows.shape[1]):
        candidate = np.zeros(rows.shape[1])
        candidate[axis] = 1.0
        for _ in range(2):
            for j in range(i):
                candidate -= np.dot(candidate, rows[j]) * rows[j]
        length = np.sqrt(np.dot(candidate, candidate))
        if length > best:
            best = length
            rows[i] = candidate / length


@_jit
def _iterate(
    function: Any,
    params: np.ndarray,
    nodes: np.ndarray,
    plan: np.ndarray,
    x: np.ndarray,
    tangents: np.ndarray,
    number: int,
    last: int,
    max_norm: float,
) -> int:
    k, n = tangents.shape
    out, new = np.empty(n + n * n), np.empty((k, n))
    while number < last:
        function(x, float(number), params, nodes, plan, out)
        if not np.dot(out[:n], out[:n]) <= max_norm * max_norm:
            return DIVERGED
        for u in range(k):
            for i in range(n):
                new[u, i] = 0.0
                for j in range(n):
                    new[u, i] += out[n + n * i + j] * tangents[u, j]
        x[:] = out[:n]
        tangents[:] = new
        number += 1
    return FINISHED


@_jit
def follow_records(
    is_map: bool,
    function: Any,
    params: np.ndarray,
    nodes: np.ndarray,
    plan: np.ndarray,
    x: np.ndarray,
    tangents: np.ndarray,
    origin: float,
    done: int,
    interval: float,
    h: float,
    rtol: float,
    atol: float,
    max_norm: float,
    states: np.ndarray,
    frames: np.ndarray,
    uppers: np.ndarray,
) -> tuple[int, float, float, int, int]:
    """Follow state and orthonormal tangents, in place, for r records of c intervals each.

    Args:
        origin: time at which the first of all intervals began.
        done: intervals done since then.
        interval: length of one: flow time, or steps.
        h: first step of a flow to try, or 0 to choose one.
        states: shape (r, n), the state at the beginning of each record.
        frames: shape (r, k, n), the tangents then.
        uppers: shape (r, c, k, k), the triangular factors.

    Returns:
        Whole records, the largest contrast, the next step to try, why it ended, and the steps tried.
    """
    contrast, steps = 0.0, 0
    for row in range(len(uppers)):
        states[row], frames[row] = x, tangents
        for piece in range(uppers.shape[1]):
            begin, end = origin + done * interval, origin + (done + 1) * interval
            if is_map:
                status = _iterate(function, params, nodes, plan, x, tangents, int(begin), int(end), max_norm)
                steps += int(end) - int(begin)
            else:
                _, h, status, tried = advance_tangents(
                    function, params, nodes, plan, x, tangents, begin, h, end, rtol, atol, _STEPS, max_norm
                )
                steps += tried
            if status != FINISHED:
                return row, contrast, h, status, steps
            contrast = max(contrast, triangular(tangents, uppers[row, piece]))
            done += 1
    return len(uppers), contrast, h, FINISHED, steps


@_jit
def _solve(upper: np.ndarray, column: np.ndarray, i: int) -> None:
    """Replace the first i + 1 entries of a column by the solution of ``upper c = column``.

    Where the direction i collapsed, by a vector that the map takes to zero.
    """
    if upper[i, i] == 0:
        column[:i] = 0.0
        column[i] = 1.0
    for row in range(i, -1, -1):
        if row == i and upper[i, i] == 0:
            continue
        total = column[row]
        for other in range(row + 1, i + 1):
            total -= upper[row, other] * column[other]
        column[row] = total / upper[row, row] if upper[row, row] != 0 else 0.0


@_jit
def recover(
    uppers: np.ndarray,
    frames: np.ndarray,
    coefficients: np.ndarray,
    vectors: np.ndarray,
    logs: np.ndarray,
) -> None:
    """Take coefficients (k, k), row i those of vector i, back through records, the last one first.

    Args:
        uppers: shape (r, c, k, k), triangular factors of the intervals of each record.
        frames: shape (r, k, n), orthonormal tangents at the beginning of each.
        coefficients: in terms of the frame at the end; in place, normalised.
        vectors: shape (r, k, n), what to write the vectors at the beginning of each record into.
        logs: shape (r, k), to which the logarithms of their growth over each record are added.
    """
    k = len(coefficients)
    for record in range(len(uppers) - 1, -1, -1):
        for piece in range(uppers.shape[1] - 1, -1, -1):
            upper = uppers[record, piece]
            for i in range(k):
                _solve(upper, coefficients[i], i)
                length = np.sqrt(np.dot(coefficients[i], coefficients[i]))
                for c in range(i + 1):
                    coefficients[i, c] /= length
                logs[record, i] -= np.inf if upper[i, i] == 0 else np.log(length)
        vectors[record] = np.dot(coefficients, frames[record])
