"""The Jacobian as a matrix, where it is small enough to be formed."""

from __future__ import annotations

from typing import Any

import numpy as np

from gandyn.arrays import Array, to_numpy
from gandyn.field import System

__all__ = ["DENSE", "dense_jacobian"]

#: Entries of a state up to which the Jacobian is always formed.
DENSE = 200


def dense_jacobian(system: System, x: Array, t: Any = 0) -> np.ndarray:
    """Return the Jacobian at a state on the host, shape (n, n), float64.

    Raises:
        ValueError: a Jacobian that is not finite.
    """
    matrix = to_numpy(system.jac(x, t)).astype(np.float64)
    if not np.all(np.isfinite(matrix)):
        raise ValueError(f"the Jacobian at x is not finite in {np.sum(~np.isfinite(matrix))} entries")
    return matrix
