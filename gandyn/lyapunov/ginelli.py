"""Compiled: tangents forwards with their triangular factors, and coefficients backwards through these.

``function, params, nodes, plan`` are a kernel's ``jacobian`` and what it needs. Over each interval
``D phi Q_j^T = Q_(j+1)^T R_j`` with the rows of Q orthonormal and R upper triangular.

Source: Ginelli, Poggi, Turchi, Chaté, Livi and Politi 2007.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

from gandyn.lyapunov.compiled import fill_row, inner, take_off
from gandyn.trajectories.compiled import FINISHED, advance_tangents

__all__ = ["records_of_flow", "records_of_map", "recover", "triangular"]

_jit: Any = numba.njit(cache=True, nogil=True, error_model="numpy")
_STEPS = 2**62


@_jit
def triangular(rows: np.ndarray, upper: np.ndarray) -> float:
    """Make the rows orthonormal, write their coefficients into ``upper``; return the contrast.

    The contrast is the logarithm of the largest entry on the diagonal over the least. A row that vanishes
    gives 0 there, and a unit vector orthogonal to the others takes its place.
    """
    k, n = rows.shape
    least, most = np.inf, 0.0
    for i in range(k):
        for j in range(k):
            upper[j, i] = 0.0
        # Twice, so that the rows stay orthonormal to rounding whatever the contrast.
        for _ in range(2):
            for j in range(i):
                upper[j, i] += take_off(rows[i], rows[j])
        length = np.sqrt(inner(rows[i], rows[i]))
        upper[i, i] = length
        least, most = min(least, length), max(most, length)
        if length > 0:
            for c in range(n):
                rows[i, c] /= length
        else:
            fill_row(rows, i)
    return np.log(most / least) if k else 0.0


@_jit
def _keep(x: np.ndarray, tangents: np.ndarray, state: np.ndarray, frame: np.ndarray) -> None:
    for c in range(len(x)):
        state[c] = x[c]
    for i in range(tangents.shape[0]):
        for c in range(tangents.shape[1]):
            frame[i, c] = tangents[i, c]


@_jit
def records_of_map(
    function: Any,
    params: np.ndarray,
    nodes: np.ndarray,
    plan: np.ndarray,
    x: np.ndarray,
    tangents: np.ndarray,
    origin: float,
    done: int,
    interval: int,
    max_norm: float,
    states: np.ndarray,
    frames: np.ndarray,
    uppers: np.ndarray,
) -> tuple[int, float, int]:
    """Follow state and orthonormal tangents, in place, for r records of c intervals each.

    Args:
        origin: number of the step with which the first of all intervals began.
        done: intervals done since then.
        interval: steps of one.
        states: shape (r, n), the state at the beginning of each record.
        frames: shape (r, k, n), the tangents then.
        uppers: shape (r, c, k, k), the triangular factors.

    Returns:
        Whole records, the largest contrast and the steps.
    """
    k, n = tangents.shape
    out, new = np.empty(n + n * n), np.empty((k, n))
    contrast, number = 0.0, int(origin) + done * interval
    begin = number
    for row in range(len(uppers)):
        _keep(x, tangents, states[row], frames[row])
        for piece in range(uppers.shape[1]):
            for _ in range(interval):
                function(x, float(number), params, nodes, plan, out)
                number += 1
                size = 0.0
                for i in range(n):
                    size += out[i] * out[i]
                if not size <= max_norm * max_norm:
                    return row, contrast, number - begin
                for u in range(k):
                    place = n
                    for i in range(n):
                        total = 0.0
                        for j in range(n):
                            total += out[place + j] * tangents[u, j]
                        new[u, i] = total
                        place += n
                _keep(out[:n], new, x, tangents)
            contrast = max(contrast, triangular(tangents, uppers[row, piece]))
    return len(uppers), contrast, number - begin


@_jit
def records_of_flow(
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
) -> tuple[int, float, int, float, int]:
    """As ``records_of_map``, with ``origin`` and ``interval`` in flow time.

    Args:
        h: first step to try, or 0 to choose one.

    Returns:
        Whole records, the largest contrast, the steps tried, the next step to try, and why it ended.
    """
    contrast, steps = 0.0, 0
    for row in range(len(uppers)):
        _keep(x, tangents, states[row], frames[row])
        for piece in range(uppers.shape[1]):
            begin, end = origin + done * interval, origin + (done + 1) * interval
            _, h, status, tried = advance_tangents(
                function, params, nodes, plan, x, tangents, begin, h, end, rtol, atol, _STEPS, max_norm
            )
            steps += tried
            if status != FINISHED:
                return row, contrast, steps, h, status
            contrast = max(contrast, triangular(tangents, uppers[row, piece]))
            done += 1
    return len(uppers), contrast, steps, h, FINISHED


@_jit
def _solve(upper: np.ndarray, column: np.ndarray, i: int) -> None:
    """Replace the first i + 1 entries of a column by the solution of ``upper c = column``.

    Where the direction i collapsed, by a vector that the map takes to zero.
    """
    if upper[i, i] == 0:
        for row in range(i):
            column[row] = 0.0
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
                length = np.sqrt(inner(coefficients[i], coefficients[i]))
                for c in range(i + 1):
                    coefficients[i, c] /= length
                logs[record, i] -= np.inf if upper[i, i] == 0 else np.log(length)
        for i in range(k):
            for c in range(frames.shape[2]):
                total = 0.0
                for j in range(i + 1):
                    total += coefficients[i, j] * frames[record, j, c]
                vectors[record, i, c] = total
