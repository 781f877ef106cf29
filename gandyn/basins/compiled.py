"""Compiled: every start followed until it settles; the long run along an attractor.

``function, params, nodes, plan`` are a kernel's; the system is autonomous, so that time stands at 0.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

from gandyn.basins.cells import MULTIPLIER, NOBODY, SHARED
from gandyn.basins.result import ESCAPED, LEFT_THE_BOX, NOT_COMPUTED, UNDECIDED
from gandyn.trajectories.compiled import (
    FINISHED,
    STALLED,
    accepted_step,
    first_step,
    interpolate,
)

__all__ = ["LONGEST_STEP", "fill_table", "follow", "horizon", "record"]

#: Longest step of a flow, in flow time.
LONGEST_STEP = 1e3
_jit: Any = numba.njit(cache=True, nogil=True, error_model="numpy")


@_jit
def horizon(h: float) -> float:
    """Return a time beyond a step that begins at 0: steps stall at the rounding of this time.

    It lies close, so that an orbit which blows up in finite time is followed until its norm says so.
    """
    return min(max(20 * h, -LONGEST_STEP), LONGEST_STEP)


@_jit
def _slot(key: int, length: int) -> int:
    return (key ^ (key >> 29)) & (length - 1)


@_jit
def fill_table(
    keys: np.ndarray, owners: np.ndarray, table_keys: np.ndarray, table_owners: np.ndarray
) -> None:
    """Write keys and their owners into a table that is NOBODY's; its length is a power of two."""
    for i in range(len(keys)):
        slot = _slot(keys[i], len(table_keys))
        while table_owners[slot] != NOBODY:
            slot = (slot + 1) & (len(table_keys) - 1)
        table_keys[slot], table_owners[slot] = keys[i], owners[i]


@_jit
def follow(
    is_map: bool,
    function: Any,
    params: np.ndarray,
    nodes: np.ndarray,
    plan: np.ndarray,
    x: np.ndarray,
    h: np.ndarray,
    steps: np.ndarray,
    labels: np.ndarray,
    last: np.ndarray,
    candidate: np.ndarray,
    moves: np.ndarray,
    away: np.ndarray,
    centres: np.ndarray,
    metrics: np.ndarray,
    reach: np.ndarray,
    trap_owners: np.ndarray,
    low: np.ndarray,
    size: np.ndarray,
    table_keys: np.ndarray,
    table_owners: np.ndarray,
    needed: np.ndarray,
    far_low: np.ndarray,
    far_high: np.ndarray,
    away_steps: int,
    budget: int,
    max_steps: int,
    max_norm: float,
    rtol: float,
    atol: float,
) -> int:
    """Follow every start whose label is NOT_COMPUTED for ``budget`` steps or until it has another.

    Args:
        is_map: whether ``function`` writes the next state, not a velocity.
        x, h, steps, labels: state (m, n), next step of a flow (0: to be chosen), steps so far, label; in
            place, so that a second call goes on with the same result as one call.
        last, candidate, moves, away: what is remembered of each start; see ``Walk``.
        centres, ..., needed: traps, lattice, table of cells, moves needed by each attractor; see ``Targets``.
        far_low, far_high, away_steps: ends of the larger box, and steps outside it.

    Returns:
        Evaluations of the system.
    """
    n, evaluations = x.shape[1], 0
    slopes, new, work = np.empty((7, n)), np.empty(n), np.empty(n)
    for row in range(len(x)):
        if labels[row] != NOT_COMPUTED:
            continue
        new[:] = x[row]
        label, taken, length, here, status = NOT_COMPUTED, 0, h[row], np.int64(0), FINISHED
        if not is_map:
            function(new, 0.0, params, nodes, plan, slopes[0])
            evaluations += 1
            if length == 0:
                length = first_step(
                    function, params, nodes, plan, n, x[row], 0.0, LONGEST_STEP, rtol, atol, slopes, new, work
                )
                new[:] = x[row]
                evaluations += 1
        fresh = steps[row] == 0
        # A start is judged before its first step and after every one. All is written out here: a function
        # that takes arrays counts references to them, which costs more than a step and which threads share.
        while True:
            if not fresh:
                if steps[row] + taken >= max_steps:
                    label = UNDECIDED
                    break
                if taken == budget:
                    break
                if is_map:
                    function(x[row], 0.0, params, nodes, plan, new)
                    evaluations += 1
                else:
                    _, length, status, tried = accepted_step(
                        function, params, nodes, plan, n, x[row], 0.0, length, horizon(length), rtol, atol,
                        slopes, new, work,
                    )  # fmt: skip
                    evaluations += 6 * tried
                    if status != FINISHED:
                        label = UNDECIDED if status == STALLED else ESCAPED
                        break
                    slopes[0] = slopes[6]
                taken += 1
            fresh = False
            total, inside, here = 0.0, True, np.int64(0)
            for i in range(n):
                total += new[i] * new[i]
                inside &= far_low[i] <= new[i] <= far_high[i]
            if not total <= max_norm * max_norm:
                label = ESCAPED
                break
            for i in range(n):
                x[row, i] = new[i]
                here = here * np.int64(MULTIPLIER) + np.int64(np.floor((new[i] - low[i]) / size[i]))
            owner = NOBODY
            for k in range(len(reach)):
                if abs(new[0] - centres[k, 0]) <= reach[k]:
                    total = 0.0
                    for i in range(n):
                        for j in range(n):
                            total += (new[i] - centres[k, i]) * metrics[k, i, j] * (new[j] - centres[k, j])
                    if total <= 1:
                        owner = trap_owners[k]
                        break
            if owner != NOBODY:
                label = owner
                break
            slot = (here ^ (here >> 29)) & (len(table_keys) - 1)
            while table_owners[slot] != NOBODY and table_keys[slot] != here:
                slot = (slot + 1) & (len(table_keys) - 1)
            owner = table_owners[slot]
            if owner == NOBODY:
                candidate[row] = NOBODY
            elif owner != SHARED:
                if owner != candidate[row]:
                    candidate[row], moves[row] = owner, 0
                elif here != last[row]:
                    moves[row] += 1
                    if moves[row] >= needed[owner]:
                        label = owner
                        break
            last[row] = here
            away[row] = 0 if inside else away[row] + 1
            if away[row] >= away_steps:
                label = LEFT_THE_BOX
                break
        steps[row] += taken
        labels[row], h[row] = label, length
    return evaluations


@_jit
def record(
    is_map: bool,
    function: Any,
    params: np.ndarray,
    nodes: np.ndarray,
    plan: np.ndarray,
    x: np.ndarray,
    rtol: float,
    atol: float,
    max_norm: float,
    pieces: int,
    times: np.ndarray,
    states: np.ndarray,
) -> bool:
    """Write times (m,) and states (m, n) along the orbit of ``x``, ``pieces`` to a step of a flow.

    ``x`` becomes the last state. Returns whether the orbit went on to the end.
    """
    n, t, h = len(x), 0.0, 0.0
    slopes, new, work = np.empty((7, n)), np.empty(n), np.empty(n)
    if not is_map:
        function(x, 0.0, params, nodes, plan, slopes[0])
        h = first_step(function, params, nodes, plan, n, x, 0.0, LONGEST_STEP, rtol, atol, slopes, new, work)
    for k in range(0, len(times), pieces):
        if is_map:
            function(x, 0.0, params, nodes, plan, new)
            length, status = 1.0, FINISHED
        else:
            length, h, status, _ = accepted_step(
                function, params, nodes, plan, n, x, 0.0, h, horizon(h), rtol, atol, slopes, new, work
            )
        if status != FINISHED or not np.dot(new, new) <= max_norm * max_norm:
            return False
        for piece in range(1, pieces):
            interpolate(piece / pieces, length, x, slopes, states[k + piece - 1])
            times[k + piece - 1] = t + length * piece / pieces
        t += length
        times[k + pieces - 1], states[k + pieces - 1] = t, new
        x[:] = new
        slopes[0] = slopes[6]
    return True
