"""The method of ``trajectory`` for compiled kernels: adaptive steps without the interpreter.

Loops elsewhere call these functions with a kernel's own, ``kernel.velocity, kernel.params, kernel.nodes,
kernel.plan``. Time runs backwards where ``t_end`` lies before ``t``; a step ``h`` of 0 asks for a first one.
A state may be followed by tangent vectors, which obey the linearised flow: its *rows* are then the state
and the tangents one after the other in one flat array, and the kernel's ``jacobian`` takes the place of
its ``velocity``.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

from gandyn.trajectories import tableau

__all__ = [
    "DIVERGED",
    "FINISHED",
    "OUT_OF_STEPS",
    "STALLED",
    "accepted_step",
    "advance",
    "advance_tangents",
    "first_step",
    "interpolate",
    "slope",
    "step",
]

FINISHED, DIVERGED, STALLED, OUT_OF_STEPS = 0, 1, 2, 3
_NODES = np.array(tableau.NODES)
_INTERPOLANT = np.array(tableau.INTERPOLANT)
(
    (_A10,),
    (_A20, _A21),
    (_A30, _A31, _A32),
    (_A40, _A41, _A42, _A43),
    (_A50, _A51, _A52, _A53, _A54),
    (_A60, _, _A62, _A63, _A64, _A65),
) = tableau.STAGES
_E0, _, _E2, _E3, _E4, _E5, _E6 = tableau.ERROR
_SAFETY, _EXPONENT = tableau.SAFETY, tableau.EXPONENT
_MAX_GROWTH, _MAX_SHRINK = tableau.MAX_GROWTH, tableau.MAX_SHRINK
_jit: Any = numba.njit(cache=True, nogil=True, error_model="numpy")


@_jit
def slope(
    function: Any,
    params: np.ndarray,
    nodes: np.ndarray,
    plan: np.ndarray,
    dim: int,
    y: np.ndarray,
    t: float,
    work: np.ndarray,
    out: np.ndarray,
) -> None:
    """Write the rate of change of a state of ``dim`` entries, and of the tangents behind it, into ``out``.

    ``work`` has room for the velocity and the Jacobian, dim + dim * dim entries.
    """
    if len(y) == dim:
        function(y, t, params, nodes, plan, out)
        return
    # A kernel reads its first entries alone: a slice of them would cost more than the call.
    function(y, t, params, nodes, plan, work)
    for i in range(dim):
        out[i] = work[i]
    for start in range(dim, len(y), dim):
        row = dim
        for i in range(dim):
            total = 0.0
            for j in range(dim):
                total += work[row + j] * y[start + j]
            out[start + i] = total
            row += dim


@_jit
def _combine(stage: int, y: np.ndarray, h: float, s: np.ndarray, new: np.ndarray) -> None:
    """Write where a stage is evaluated; its weights are constants of the machine code."""
    n = len(y)
    if stage == 0:
        for i in range(n):
            new[i] = y[i] + h * (_A10 * s[i])
    elif stage == 1:
        for i in range(n):
            new[i] = y[i] + h * (_A20 * s[i] + _A21 * s[n + i])
    elif stage == 2:
        for i in range(n):
            new[i] = y[i] + h * (_A30 * s[i] + _A31 * s[n + i] + _A32 * s[2 * n + i])
    elif stage == 3:
        for i in range(n):
            new[i] = y[i] + h * (_A40 * s[i] + _A41 * s[n + i] + _A42 * s[2 * n + i] + _A43 * s[3 * n + i])
    elif stage == 4:
        for i in range(n):
            new[i] = y[i] + h * (
                _A50 * s[i]
                + _A51 * s[n + i]
                + _A52 * s[2 * n + i]
                + _A53 * s[3 * n + i]
                + _A54 * s[4 * n + i]
            )
    else:
        for i in range(n):
            new[i] = y[i] + h * (
                _A60 * s[i]
                + _A62 * s[2 * n + i]
                + _A63 * s[3 * n + i]
                + _A64 * s[4 * n + i]
                + _A65 * s[5 * n + i]
            )


@_jit
def step(
    function: Any,
    params: np.ndarray,
    nodes: np.ndarray,
    plan: np.ndarray,
    dim: int,
    y: np.ndarray,
    t: float,
    h: float,
    slopes: np.ndarray,
    new: np.ndarray,
    work: np.ndarray,
) -> None:
    """Write the state after one step into ``new`` and the stages into ``slopes``, shape (7, len(y)).

    ``slopes[0]`` is given, the slope at ``y``; ``slopes[6]`` becomes that at ``new``.
    """
    # Written out and flat: rows as views, and indices of two axes, take three times as long.
    s, n = slopes.ravel(), len(y)
    for stage in range(6):
        _combine(stage, y, h, s, new)
        function(new, t + _NODES[stage] * h, params, nodes, plan, work)
        place = (stage + 1) * n
        for i in range(dim):
            s[place + i] = work[i]
        for start in range(dim, n, dim):
            row = dim
            for i in range(dim):
                total = 0.0
                for j in range(dim):
                    total += work[row + j] * new[start + j]
                s[place + start + i] = total
                row += dim


@_jit
def _error(
    dim: int, y: np.ndarray, h: float, slopes: np.ndarray, new: np.ndarray, rtol: float, atol: float
) -> float:
    """Return the error of a step in units of the tolerance, ``rtol (1 + |u|)`` for tangents u."""
    state, tangents, s, n = 0.0, 0.0, slopes.ravel(), len(y)
    for i in range(n):
        total = _E0 * s[i] + _E2 * s[2 * n + i] + _E3 * s[3 * n + i]
        total += _E4 * s[4 * n + i] + _E5 * s[5 * n + i] + _E6 * s[6 * n + i]
        size = max(abs(y[i]), abs(new[i]))
        if i < dim:
            state += (h * total / (atol + rtol * size)) ** 2
        else:
            tangents += (h * total / (rtol + rtol * size)) ** 2
    if not (np.isfinite(state) and np.isfinite(tangents)):
        return np.inf
    return np.sqrt(max(state / dim, tangents / max(len(y) - dim, 1)))


@_jit
def accepted_step(
    function: Any,
    params: np.ndarray,
    nodes: np.ndarray,
    plan: np.ndarray,
    dim: int,
    y: np.ndarray,
    t: float,
    h: float,
    t_end: float,
    rtol: float,
    atol: float,
    slopes: np.ndarray,
    new: np.ndarray,
    work: np.ndarray,
) -> tuple[float, float, int, int]:
    """Try shorter and shorter steps from ``y`` until one is accurate; write it as ``step`` does.

    Returns:
        The time reached, the next step to try, FINISHED, DIVERGED or STALLED, and the steps tried.
    """
    floor, growth, finite, tried = 10 * np.spacing(max(abs(t), abs(t_end))), _MAX_GROWTH, True, 0
    while abs(h) >= floor:
        new_t, tried = t + h, tried + 1
        clipped = (new_t - t_end) * h >= 0
        if clipped:
            new_t = t_end
        step(function, params, nodes, plan, dim, y, t, new_t - t, slopes, new, work)
        error = _error(dim, y, new_t - t, slopes, new, rtol, atol)
        if error <= 1:
            factor = min(growth, _SAFETY * error**_EXPONENT) if error > 0 else growth
            following = (new_t - t) * factor
            return new_t, (h if clipped and abs(following) < abs(h) else following), FINISHED, tried
        finite = np.isfinite(error)
        h = (new_t - t) * (max(_MAX_SHRINK, _SAFETY * error**_EXPONENT) if finite else _MAX_SHRINK)
        growth = 1.0
    return t, h, (STALLED if finite else DIVERGED), tried


@_jit
def interpolate(theta: float, h: float, y: np.ndarray, slopes: np.ndarray, out: np.ndarray) -> None:
    """Write the state at the fraction ``theta`` of the step of length ``h`` from ``y``, to order 4."""
    out[:] = y
    for k in range(7):
        c = _INTERPOLANT[k]
        weight = theta * (c[0] + theta * (c[1] + theta * (c[2] + theta * c[3])))
        for i in range(len(y)):
            out[i] += h * weight * slopes[k, i]


@_jit
def _scaled(change: np.ndarray, x: np.ndarray, dim: int, rtol: float, atol: float) -> float:
    total = 0.0
    for i in range(dim):
        total += (change[i] / (atol + rtol * abs(x[i]))) ** 2
    return np.sqrt(total / dim)


@_jit
def first_step(
    function: Any,
    params: np.ndarray,
    nodes: np.ndarray,
    plan: np.ndarray,
    dim: int,
    y: np.ndarray,
    t: float,
    t_end: float,
    rtol: float,
    atol: float,
    slopes: np.ndarray,
    new: np.ndarray,
    work: np.ndarray,
) -> float:
    """Return a first step, signed, from the sizes of the state, the slope ``slopes[0]`` and its change."""
    span, way = abs(t_end - t), np.sign(t_end - t)
    size, speed = _scaled(y, y, dim, rtol, atol), _scaled(slopes[0], y, dim, rtol, atol)
    h = min(span, 1e-6 if min(size, speed) < 1e-5 else 0.01 * size / speed)
    new[:] = y + way * h * slopes[0]
    slope(function, params, nodes, plan, dim, new, t + way * h, work, slopes[1])
    change = _scaled(slopes[1] - slopes[0], y, dim, rtol, atol) / h
    if not np.isfinite(change):
        return way * h
    fastest = max(speed, change)
    guess = max(1e-6, 1e-3 * h) if fastest <= 1e-15 else (0.01 / fastest) ** 0.2
    return way * min(span, 100 * h, guess)


@_jit
def _march(
    function: Any,
    params: np.ndarray,
    nodes: np.ndarray,
    plan: np.ndarray,
    dim: int,
    y: np.ndarray,
    t: float,
    h: float,
    t_end: float,
    rtol: float,
    atol: float,
    max_steps: int,
    max_norm: float,
) -> tuple[float, float, int, int]:
    slopes, new, work = np.empty((7, len(y))), np.empty(len(y)), np.empty(dim + dim * dim)
    steps = 0
    slope(function, params, nodes, plan, dim, y, t, work, slopes[0])
    if h == 0:
        h = first_step(function, params, nodes, plan, dim, y, t, t_end, rtol, atol, slopes, new, work)
    while t != t_end:
        if steps >= max_steps:
            return t, h, OUT_OF_STEPS, steps
        new_t, h, status, tried = accepted_step(
            function, params, nodes, plan, dim, y, t, h, t_end, rtol, atol, slopes, new, work
        )
        steps += tried
        if status != FINISHED:
            return t, h, status, steps
        if not np.dot(new[:dim], new[:dim]) <= max_norm * max_norm:
            return t, h, DIVERGED, steps
        y[:] = new
        slopes[0] = slopes[6]
        t = new_t
    return t, h, FINISHED, steps


@_jit
def advance(
    velocity: Any,
    params: np.ndarray,
    nodes: np.ndarray,
    plan: np.ndarray,
    x: np.ndarray,
    t: float,
    h: float,
    t_end: float,
    rtol: float,
    atol: float,
    max_steps: int,
    max_norm: float,
) -> tuple[float, float, int, int]:
    """Follow the flow from ``x``, shape (n,), in place, until ``t_end``.

    Args:
        velocity, params, nodes, plan: a kernel's.
        x: the state, overwritten by the last good one.
        t: time of ``x``.
        h: first step to try, or 0 to choose one.
        t_end: where to stop; before ``t`` to run backwards.
        rtol, atol: the error of a step is kept below ``atol + rtol |x|``, as a root mean square.
        max_steps: steps, rejected ones included, after which to return OUT_OF_STEPS; call again with what
            was returned to go on, with the same result as in one call.
        max_norm: norm of the state beyond which it has DIVERGED.

    Returns:
        Time reached, next step to try, FINISHED, DIVERGED, STALLED or OUT_OF_STEPS, and steps tried; each
        costs six evaluations.
    """
    return _march(velocity, params, nodes, plan, len(x), x, t, h, t_end, rtol, atol, max_steps, max_norm)


@_jit
def advance_tangents(
    jacobian: Any,
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
    max_steps: int,
    max_norm: float,
) -> tuple[float, float, int, int]:
    """Follow the flow from ``x`` and its linearisation from the rows of ``tangents``, shape (k, n), in place.

    As ``advance``. The error of a tangent u is kept below ``rtol (1 + |u|)``: orthonormalise them again
    before they become small.
    """
    n, k = len(x), len(tangents)
    y = np.concatenate((x, tangents.ravel()))
    t, h, status, steps = _march(
        jacobian, params, nodes, plan, n, y, t, h, t_end, rtol, atol, max_steps, max_norm
    )
    x[:] = y[:n]
    tangents[:] = y[n:].reshape(k, n)
    return t, h, status, steps
