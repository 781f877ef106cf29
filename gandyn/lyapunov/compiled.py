"""Compiled: a state followed with k tangent vectors, which are made orthonormal every few steps.

``function, params, nodes, plan`` are a kernel's ``jacobian`` and what it needs. Each loop fills rows of
``logs`` with the logarithms of the growth over one record each, and ``volumes`` with that of the volume, from
the Jacobian alone. ``x`` and the rows of ``tangents`` are moved in place, so that two calls equal one.

Source: Benettin, Galgani, Giorgilli and Strelcyn 1980; Shimada and Nagashima 1979.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

from gandyn.trajectories.compiled import FINISHED, accepted_step, first_step, slope

__all__ = [
    "fill_row",
    "follow_flow",
    "follow_map",
    "follow_runge_kutta",
    "inner",
    "orthonormalise",
    "take_off",
]

_jit: Any = numba.njit(cache=True, nogil=True, error_model="numpy")


@_jit
def inner(u: np.ndarray, v: np.ndarray) -> float:
    """Return the inner product; np.dot compiles slowly."""
    total = 0.0
    for c in range(len(u)):
        total += u[c] * v[c]
    return total


@_jit
def take_off(u: np.ndarray, v: np.ndarray) -> float:
    """Take from u its part along the unit vector v; return the coefficient."""
    coefficient = inner(u, v)
    for c in range(len(u)):
        u[c] -= coefficient * v[c]
    return coefficient


@_jit
def orthonormalise(rows: np.ndarray, logs: np.ndarray) -> float:
    """Make the rows orthonormal, add the logarithms of their lengths to ``logs``; return the contrast.

    The contrast is the largest of these logarithms less the smallest. A row that vanishes counts as minus
    infinity, and some vector orthogonal to the others takes its place.
    """
    k, n = rows.shape
    largest, smallest = -np.inf, np.inf
    for i in range(k):
        for j in range(i):
            part = 0.0
            for c in range(n):
                part += rows[i, c] * rows[j, c]
            for c in range(n):
                rows[i, c] -= part * rows[j, c]
        total = 0.0
        for c in range(n):
            total += rows[i, c] * rows[i, c]
        length = np.sqrt(total)
        growth = np.log(length)
        logs[i] += growth
        if length > 0:
            for c in range(n):
                rows[i, c] /= length
        elif length == 0:
            fill_row(rows, i)
        largest, smallest = max(largest, growth), min(smallest, growth)
    return largest - smallest if k else 0.0


@_jit
def fill_row(rows: np.ndarray, i: int) -> None:
    """Put in the place of row i a unit vector orthogonal to the rows before it."""
    n, best = rows.shape[1], 0.0
    candidate = np.empty(n)
    for axis in range(n):
        for c in range(n):
            candidate[c] = 1.0 if c == axis else 0.0
        for _ in range(2):
            for j in range(i):
                take_off(candidate, rows[j])
        length = np.sqrt(inner(candidate, candidate))
        if length > best:
            best = length
            for c in range(n):
                rows[i, c] = candidate[c] / length


@_jit
def _log_volume(matrix: np.ndarray) -> float:
    """Return log |det|; the matrix is overwritten."""
    n, total = len(matrix), 0.0
    for c in range(n):
        pivot = c
        for r in range(c + 1, n):
            if abs(matrix[r, c]) > abs(matrix[pivot, c]):
                pivot = r
        size = abs(matrix[pivot, c])
        total += np.log(size)
        if size == 0:
            return total
        for column in range(c, n):
            matrix[c, column], matrix[pivot, column] = matrix[pivot, column], matrix[c, column]
        for r in range(c + 1, n):
            factor = matrix[r, c] / matrix[c, c]
            for column in range(c, n):
                matrix[r, column] -= factor * matrix[c, column]
    return total


@_jit
def follow_map(
    function: Any,
    params: np.ndarray,
    nodes: np.ndarray,
    plan: np.ndarray,
    x: np.ndarray,
    tangents: np.ndarray,
    first: int,
    done: int,
    steps: int,
    qr_every: int,
    max_norm: float,
    logs: np.ndarray,
    volumes: np.ndarray,
) -> tuple[int, float]:
    """Iterate a map, ``steps`` to a record; return how many records are whole, and the largest contrast."""
    k, n = tangents.shape
    out, new, matrix = np.empty(n + n * n), np.empty((k, n)), np.empty((n, n))
    contrast, number = 0.0, first + done * steps
    for row in range(len(logs)):
        since = 0
        for step in range(steps):
            function(x, float(number), params, nodes, plan, out)
            number += 1
            size = 0.0
            for i in range(n):
                size += out[i] * out[i]
            if not size <= max_norm * max_norm:
                return row, contrast
            for i in range(n):
                x[i] = out[i]
            for u in range(k):
                place = n
                for i in range(n):
                    total = 0.0
                    for j in range(n):
                        total += out[place + j] * tangents[u, j]
                    new[u, i] = total
                    place += n
            for u in range(k):
                for i in range(n):
                    tangents[u, i] = new[u, i]
            if k == n:
                for i in range(n):
                    for j in range(n):
                        matrix[i, j] = out[n + n * i + j]
                volumes[row] += _log_volume(matrix)
            since += 1
            if since == qr_every or step == steps - 1:
                contrast, since = max(contrast, orthonormalise(tangents, logs[row])), 0
    return len(logs), contrast


@_jit
def follow_runge_kutta(
    function: Any,
    params: np.ndarray,
    nodes: np.ndarray,
    plan: np.ndarray,
    x: np.ndarray,
    tangents: np.ndarray,
    origin: float,
    done: int,
    h: float,
    steps: int,
    qr_every: int,
    max_norm: float,
    logs: np.ndarray,
    volumes: np.ndarray,
) -> tuple[int, float]:
    """Follow a flow by the classical method of order 4, with ``steps`` of length h to a record."""
    k, n = tangents.shape
    width = n + k * n
    y, new, total, rate = np.empty(width), np.empty(width), np.empty(width), np.empty(width)
    out = np.empty(n + n * n)
    y[:n] = x
    y[n:] = tangents.ravel()
    rows = y[n:].reshape(k, n)
    contrast, number = 0.0, done * steps
    for row in range(len(logs)):
        since = 0
        for step in range(steps):
            traces = 0.0
            for i in range(width):
                new[i] = total[i] = y[i]
            for stage in range(4):
                part = 0.0 if stage == 0 else (1.0 if stage == 3 else 0.5)
                weight = h / 6 if stage == 0 or stage == 3 else h / 3
                if stage > 0:
                    for i in range(width):
                        new[i] = y[i] + part * h * rate[i]
                # A kernel reads its first entries alone.
                function(new, origin + (number + part) * h, params, nodes, plan, out)
                for i in range(n):
                    rate[i] = out[i]
                    traces += weight * out[n + n * i + i]
                for start in range(n, width, n):
                    place = n
                    for i in range(n):
                        product = 0.0
                        for j in range(n):
                            product += out[place + j] * new[start + j]
                        rate[start + i] = product
                        place += n
                for i in range(width):
                    total[i] += weight * rate[i]
            number += 1
            size = 0.0
            for i in range(n):
                size += total[i] * total[i]
            if not size <= max_norm * max_norm:
                return row, contrast
            for i in range(width):
                y[i] = total[i]
            volumes[row] += traces
            since += 1
            if since == qr_every or step == steps - 1:
                contrast, since = max(contrast, orthonormalise(rows, logs[row])), 0
        x[:] = y[:n]
        tangents[:] = rows
    return len(logs), contrast


@_jit
def _trace(out: np.ndarray, n: int) -> float:
    total = 0.0
    for i in range(n):
        total += out[n + n * i + i]
    return total


@_jit
def follow_flow(
    function: Any,
    params: np.ndarray,
    nodes: np.ndarray,
    plan: np.ndarray,
    x: np.ndarray,
    tangents: np.ndarray,
    origin: float,
    done: int,
    h: float,
    span: float,
    qr_every: int,
    rtol: float,
    atol: float,
    max_norm: float,
    logs: np.ndarray,
    volumes: np.ndarray,
    steps: np.ndarray,
) -> tuple[int, float, float, int]:
    """Follow a flow with adaptive steps, for the time ``span`` to a record.

    Args:
        function: a kernel's ``velocity`` where there are no tangents.
        origin: time at which the first of all records began.
        done: records done since then.
        h: first step to try, or 0 to choose one.
        steps: shape (m,); the number of steps tried in each record is added.

    Returns:
        Whole records, the largest contrast, the next step to try, and FINISHED, DIVERGED or STALLED.
    """
    k, n = tangents.shape
    y, new, work = np.empty(n + k * n), np.empty(n + k * n), np.empty(n + n * n)
    slopes, middle = np.empty((7, n + k * n)), np.empty(n)
    s, last = slopes.ravel(), 6 * (n + k * n)
    contrast, t = 0.0, origin + done * span
    y[:n] = x
    y[n:] = tangents.ravel()
    rows = y[n:].reshape(k, n)
    slope(function, params, nodes, plan, n, y, t, work, slopes[0])
    if h == 0:
        h = first_step(function, params, nodes, plan, n, y, t, t + span, rtol, atol, slopes, new, work)
        slope(function, params, nodes, plan, n, y, t, work, slopes[0])
    before = _trace(work, n)
    for row in range(len(logs)):
        since, end = 0, origin + (done + row + 1) * span
        while t != end:
            moved, h, status, tried = accepted_step(
                function, params, nodes, plan, n, y, t, h, end, rtol, atol, slopes, new, work
            )
            steps[row] += tried
            size = 0.0
            for i in range(n):
                size += new[i] * new[i]
            if status == FINISHED and not size <= max_norm * max_norm:
                return row, contrast, h, 1
            if status != FINISHED:
                return row, contrast, h, status
            if k == n:
                after = _trace(work, n)
                for i in range(n):
                    middle[i] = 0.5 * (y[i] + new[i]) + 0.125 * (moved - t) * (s[i] - s[last + i])
                function(middle, 0.5 * (t + moved), params, nodes, plan, work)
                volumes[row] += (moved - t) / 6 * (before + 4 * _trace(work, n) + after)
                before = after
            t = moved
            for i in range(n + k * n):
                y[i] = new[i]
                s[i] = s[last + i]
            since += 1
            if since == qr_every or t == end:
                contrast, since = max(contrast, orthonormalise(rows, logs[row])), 0
                slope(function, params, nodes, plan, n, y, t, work, slopes[0])
        for i in range(n):
            x[i] = y[i]
        for u in range(k):
            for i in range(n):
                tangents[u, i] = rows[u, i]
    return len(logs), contrast, h, FINISHED
