"""Compiled: the orbit of a map, of which only the last states are kept."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

__all__ = ["iterate"]

_jit: Any = numba.njit(cache=True, nogil=True, error_model="numpy")


@_jit
def iterate(
    velocity: Any,
    params: np.ndarray,
    nodes: np.ndarray,
    plan: np.ndarray,
    x: np.ndarray,
    transient: int,
    max_norm: float,
    out: np.ndarray,
) -> int:
    """Take ``transient`` steps from ``x``, in place, and write the states after them into ``out``, (k, n).

    Returns:
        The number of states written; fewer than k where a state is not finite or beyond ``max_norm``.
    """
    new = np.empty(len(x))
    for k in range(transient + len(out)):
        velocity(x, float(k), params, nodes, plan, new)
        if not np.dot(new, new) <= max_norm * max_norm:
            return max(k - transient, 0)
        x[:] = new
        if k >= transient:
            out[k - transient] = x
    return len(out)
