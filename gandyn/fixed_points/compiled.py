"""Newton's method from many starts on a compiled kernel: one loop per start, without the interpreter."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

__all__ = ["newton_from", "solve"]

#: Newton steps in which the squared residual must halve; else the start is given up as undecided.
PATIENCE = 8
CONVERGED, DIVERGED, LEFT, SINGULAR, UNDECIDED = 0, 1, 2, 3, 4
_jit: Any = numba.njit(cache=True, nogil=True, error_model="numpy")


@_jit
def solve(matrix: np.ndarray, right: np.ndarray) -> float:
    """Solve in place by elimination; return the size of the determinant, 0 if singular."""
    n, determinant = len(right), 1.0
    for i in range(n):
        pivot = i
        for j in range(i + 1, n):
            if abs(matrix[j, i]) > abs(matrix[pivot, i]):
                pivot = j
        determinant *= abs(matrix[pivot, i])
        if not determinant > 0.0:
            return 0.0
        if pivot != i:
            for k in range(n):
                matrix[i, k], matrix[pivot, k] = matrix[pivot, k], matrix[i, k]
            right[i], right[pivot] = right[pivot], right[i]
        for j in range(i + 1, n):
            factor = matrix[j, i] / matrix[i, i]
            for k in range(i, n):
                matrix[j, k] -= factor * matrix[i, k]
            right[j] -= factor * right[i]
    for i in range(n - 1, -1, -1):
        for k in range(i + 1, n):
            right[i] -= matrix[i, k] * right[k]
        right[i] /= matrix[i, i]
    return determinant


@_jit
def _evaluate(
    jacobian: Any,
    period: int,
    x: np.ndarray,
    params: np.ndarray,
    nodes: np.ndarray,
    plan: np.ndarray,
    out: np.ndarray,
    residual: np.ndarray,
    matrix: np.ndarray,
) -> float:
    """Write the residual and its Jacobian; return the squared norm. ``period`` is 0 for a flow."""
    n = len(x)
    if period == 0:
        jacobian(x, 0.0, params, nodes, plan, out)
        residual[:] = out[:n]
        matrix[:] = out[n:].reshape(n, n)
    else:
        here = x.copy()
        product = np.eye(n)
        for k in range(period):
            jacobian(here, float(k), params, nodes, plan, out)
            product = np.dot(out[n:].reshape(n, n).copy(), product)
            here[:] = out[:n]
        residual[:] = here - x
        matrix[:] = product - np.eye(n)
    return np.dot(residual, residual)


@_jit
def _direction(residual: np.ndarray, matrix: np.ndarray, step: np.ndarray) -> bool:
    """Write Newton's step, damped where the Jacobian is singular; return whether it was regular."""
    n = len(residual)
    step[:] = -residual
    # The determinant over Hadamard's bound on it: 1 for an orthogonal matrix, 0 for a singular one.
    if solve(matrix.copy(), step) > 1e-3 * (np.sqrt(np.sum(matrix**2) / n)) ** n:
        return True
    # Levenberg-Marquardt: the damping vanishes with the residual, so that convergence to a continuum of
    # solutions stays quadratic (Yamashita and Fukushima 2001).
    normal = np.dot(matrix.T.copy(), matrix)
    trace = 0.0
    for i in range(n):
        trace += normal[i, i]
    damping = 1e-14 * trace + min(np.dot(residual, residual), 1e-2 * trace)
    for i in range(n):
        normal[i, i] += damping
    step[:] = -np.dot(matrix.T.copy(), residual)
    solve(normal, step)
    return False


@_jit
def newton_from(
    jacobian: Any,
    period: int,
    starts: np.ndarray,
    low: np.ndarray,
    high: np.ndarray,
    tol: float,
    max_iter: int,
    params: np.ndarray,
    nodes: np.ndarray,
    plan: np.ndarray,
    outcomes: np.ndarray,
) -> int:
    """Move every start, shape (m, n), to where damped Newton leads; write outcomes, return evaluations."""
    n = starts.shape[1]
    out, residual, trial = np.empty(n + n * n), np.empty(n), np.empty(n)
    matrix, step = np.empty((n, n)), np.empty(n)
    evaluations = 0
    for row in range(len(starts)):
        x = starts[row]
        size = _evaluate(jacobian, period, x, params, nodes, plan, out, residual, matrix)
        evaluations += 1
        outcomes[row] = UNDECIDED if np.isfinite(size) else DIVERGED
        earlier = np.inf
        for iteration in range(max_iter if np.isfinite(size) else 0):
            if iteration % PATIENCE == 0:
                if size > 0.5 * earlier:
                    break
                earlier = size
            regular = _direction(residual, matrix, step)
            length = np.sqrt(np.dot(step, step))
            if not np.isfinite(length):
                outcomes[row] = SINGULAR
                break
            if length <= tol * (1 + np.sqrt(np.dot(x, x))):
                x += step
                outcomes[row] = CONVERGED
                break
            share, better = min(1.0, 1.0 / _stride(step, low, high)), False
            while share > 1e-6:
                trial[:] = x + share * step
                new = _evaluate(jacobian, period, trial, params, nodes, plan, out, residual, matrix)
                evaluations += 1
                if new < (1 - 1e-4 * share) * size:
                    better = True
                    break
                share *= 0.5
            if not better:
                outcomes[row] = UNDECIDED if regular else SINGULAR
                break
            x[:] = trial
            size = new
            if not _within(x, low, high):
                outcomes[row] = LEFT
                break
    return evaluations


@_jit
def _stride(step: np.ndarray, low: np.ndarray, high: np.ndarray) -> float:
    """Return the longest entry of a step in units of a twelfth of the room to roam, a quarter of the box."""
    longest = 1e-300
    for i in range(len(step)):
        longest = max(longest, abs(step[i]) / ((high[i] - low[i]) / 12))
    return longest


@_jit
def _within(x: np.ndarray, low: np.ndarray, high: np.ndarray) -> bool:
    return bool(np.all((low <= x) & (x <= high)))
