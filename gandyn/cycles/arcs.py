"""Compiled: a flow followed step by step up to a time or to a surface, with what is seen on the way."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

from gandyn.trajectories.compiled import (
    DIVERGED,
    FINISHED,
    OUT_OF_STEPS,
    STALLED,
    accepted_step,
    first_step,
    interpolate,
    slope,
    step,
)

__all__ = ["DIVERGED", "EVENT", "FINISHED", "OUT_OF_STEPS", "STALLED", "extremum", "follow"]

EVENT = 4
_jit: Any = numba.njit(cache=True, nogil=True, error_model="numpy")


@_jit
def _height(y: np.ndarray, normal: np.ndarray, offset: float) -> float:
    total = -offset
    for i in range(len(normal)):
        total += normal[i] * y[i]
    return total


@_jit
def _locate(
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
    normal: np.ndarray,
    offset: float,
    side: float,
) -> float:
    """Return the length of the step from ``y`` that ends on the surface, within (0, h]: regula falsi.

    The Illinois variant, on whole steps: the end is as accurate as a step, not as the interpolant.
    """
    before, after = side * _height(y, normal, offset), side * _height(new, normal, offset)
    near, far, last = 0.0, h, 0
    for _ in range(60):
        if not before > 0:
            return near
        middle = near + (far - near) * before / (before - after)
        step(function, params, nodes, plan, dim, y, t, middle, slopes, new, work)
        height = side * _height(new, normal, offset)
        if abs(far - near) <= 4e-16 * (abs(t) + abs(h)) or height == 0:
            return middle
        if height > 0:
            near, before = middle, height
            after *= 0.5 if last == 1 else 1.0
            last = 1
        else:
            far, after = middle, height
            before *= 0.5 if last == -1 else 1.0
            last = -1
    return middle


@_jit
def _first_crossing(
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
    normals: np.ndarray,
    offsets: np.ndarray,
    directions: np.ndarray,
    sides: np.ndarray,
) -> tuple[int, float]:
    """Return which surface the step to ``new`` crosses first in its direction, and after how long; or -1."""
    which, soonest, end = -1, h, new.copy()
    for q in range(len(offsets)):
        if sides[q] * _height(end, normals[q], offsets[q]) < 0:
            if sides[q] * directions[q] > 0:
                sides[q] = -sides[q]
                continue
            new[:] = end
            length = _locate(
                function,
                params,
                nodes,
                plan,
                dim,
                y,
                t,
                h,
                slopes,
                new,
                work,
                normals[q],
                offsets[q],
                sides[q],
            )
            if which < 0 or abs(length) < abs(soonest):
                which, soonest = q, length
    return which, soonest


@_jit
def _far_from_identity(y: np.ndarray, dim: int) -> bool:
    total = 0.0
    for k in range(dim):
        for i in range(dim):
            total += (y[dim + dim * k + i] - (1.0 if i == k else 0.0)) ** 2
    return total > 0.25


@_jit
def _set_identity(y: np.ndarray, dim: int) -> None:
    y[dim:] = 0.0
    for i in range(dim):
        y[dim + dim * i + i] = 1.0


@_jit
def follow(
    function: Any,
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
    normals: np.ndarray,
    offsets: np.ndarray,
    directions: np.ndarray,
    sides: np.ndarray,
    times: np.ndarray,
    states: np.ndarray,
    pieces: np.ndarray,
) -> tuple[float, float, int, int, int, int]:
    """Follow the flow from ``x``, in place, to ``t_end`` or the first surface crossed in its direction.

    With room in ``pieces``, shape (m, n, n), the linearised flow goes along: its propagator is cut into
    pieces near the identity, each of which is therefore known to full relative accuracy, and their ends
    are recorded; ``function`` is then a kernel's ``jacobian``. Without, every step is recorded.

    Args:
        normals, offsets: surfaces ``normal . x = offset``, shapes (q, n) and (q,).
        directions: shape (q,): 1 where a surface stops the flow when it rises, -1 when it falls, 0 both.
        sides: shape (q,): 1 or -1, the side of each surface on which ``x`` counts; kept up to date.
        times, states: shapes (m,) and (m, n), written; a full record ends the call.

    Returns:
        Time reached; next step; FINISHED, EVENT, DIVERGED, STALLED or OUT_OF_STEPS (also a full record);
        number of records; the surface of the EVENT, or -1; steps tried.
    """
    dim, tangents = len(x), len(pieces) > 0
    size = dim + dim * dim if tangents else dim
    y, new, slopes, work = np.empty(size), np.empty(size), np.empty((7, size)), np.empty(dim + dim * dim)
    y[:dim] = x
    if tangents:
        _set_identity(y, dim)
    steps, count, event = 0, 0, -1
    slope(function, params, nodes, plan, dim, y, t, work, slopes[0])
    if h == 0:
        h = first_step(function, params, nodes, plan, dim, y, t, t_end, rtol, atol, slopes, new, work)
    status = OUT_OF_STEPS if t != t_end else FINISHED
    while status == OUT_OF_STEPS and steps < max_steps and count < len(times):
        new_t, h, outcome, tried = accepted_step(
            function, params, nodes, plan, dim, y, t, h, t_end, rtol, atol, slopes, new, work
        )
        steps += tried
        if outcome != FINISHED:
            status = outcome
            break
        event, length = _first_crossing(
            function, params, nodes, plan, dim, y, t, new_t - t, slopes, new, work, normals, offsets,
            directions, sides,
        )  # fmt: skip
        if event >= 0:
            step(function, params, nodes, plan, dim, y, t, length, slopes, new, work)
            new_t, status = t + length, EVENT
            sides[event] = -sides[event]
        elif new_t == t_end:
            status = FINISHED
        if not np.dot(new[:dim], new[:dim]) <= max_norm * max_norm:
            status = DIVERGED
            break
        t = new_t
        y[:] = new
        slopes[0] = slopes[6]
        if not tangents or status != OUT_OF_STEPS or steps >= max_steps or _far_from_identity(y, dim):
            times[count], states[count] = t, y[:dim]
            if tangents:
                pieces[count] = y[dim:].reshape(dim, dim).T
                _set_identity(y, dim)
                slope(function, params, nodes, plan, dim, y, t, work, slopes[0])
            count += 1
    x[:] = y[:dim]
    return t, h, status, count, event, steps


@_jit
def extremum(
    function: Any,
    params: np.ndarray,
    nodes: np.ndarray,
    plan: np.ndarray,
    x: np.ndarray,
    t: float,
    h: float,
    entry: int,
) -> float:
    """Return the extremum of an entry of the state within a step from ``x``, where its velocity vanishes."""
    n = len(x)
    slopes, new, work = np.empty((7, n)), np.empty(n), np.empty(n)
    slope(function, params, nodes, plan, n, x, t, work, slopes[0])
    step(function, params, nodes, plan, n, x, t, h, slopes, new, work)
    low, high, sign = 0.0, 1.0, slopes[0, entry]
    for _ in range(50):
        middle = 0.5 * (low + high)
        interpolate(middle, h, x, slopes, new)
        function(new, t + middle * h, params, nodes, plan, work)
        if work[entry] * sign > 0:
            low = middle
        else:
            high = middle
    return new[entry]
