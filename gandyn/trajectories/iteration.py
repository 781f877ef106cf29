"""Iteration of maps with a compiled kernel, in pieces, so that a bar moves and Ctrl-C is heard."""

from __future__ import annotations

import math
from typing import Any

import numba
import numpy as np

__all__ = ["PIECE", "iterate"]

PIECE = 1 << 18
"""Entries of all states of a piece: some milliseconds, a thousand times what starting it takes."""
_jit: Any = numba.njit(cache=True, nogil=True, error_model="numpy")


@_jit
def iterate(
    function: Any,
    x: np.ndarray,
    k: int,
    until_saved: int,
    save_every: int,
    max_norm: float,
    params: np.ndarray,
    nodes: np.ndarray,
    plan: np.ndarray,
    steps: int,
    saved: np.ndarray,
) -> tuple[int, int]:
    """Take steps while the norm is at most ``max_norm``; return how many were taken, and how many saved.

    ``x`` is moved in place. The first state that is saved is that after ``until_saved`` steps, then one
    every ``save_every``; ``saved`` has a row for each.
    """
    new, rows = np.empty_like(x), 0
    for step in range(steps):
        function(x, float(k + step), params, nodes, plan, new)
        size = 0.0
        for entry in new:
            size += entry * entry
        if not math.sqrt(size) <= max_norm:
            return step, rows
        x[:] = new
        until_saved -= 1
        if until_saved == 0:
            saved[rows] = new
            rows, until_saved = rows + 1, save_every
    return steps, rows
