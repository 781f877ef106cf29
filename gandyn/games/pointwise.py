"""A kernel at one point, for loops that run compiled: integrators, iterations, Newton's method.

``velocity`` and ``jacobian`` are the same two functions for every game: the machine code that they call
and the numbers of nodes are data, in ``plan``. A compiled loop takes them as first-class arguments, and
is compiled, and cached on disk, once for all games::

    @numba.njit(cache=True)
    def euler(velocity, x, step, count, params, nodes, plan):
        v = np.empty_like(x)
        for k in range(count):
            velocity(x, k * step, params, nodes, plan, v)
            x += step * v

    kernel = field.kernel
    euler(kernel.velocity, x, 0.01, 1000, kernel.params, kernel.nodes, kernel.plan)
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import cfunc, extending, types

__all__ = ["call_program", "jacobian", "velocity"]

_intrinsic: Any = extending.intrinsic
_FLOATS = types.Array(types.float64, 1, "C")
_SIGNATURE = types.void(_FLOATS, types.float64, _FLOATS, _FLOATS, types.Array(types.int64, 1, "C"), _FLOATS)


@_intrinsic
def call_program(
    typing_context: Any, address: Any, x: Any, t: Any, params: Any, nodes: Any, counts: Any, out: Any
) -> Any:
    """Call the machine code of a kernel for one point."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        word, real = ir.IntType(64), ir.DoubleType()
        kind = ir.FunctionType(ir.VoidType(), [word, word, real, word, word, word, word])
        function = builder.inttoptr(args[0], kind.as_pointer())
        builder.call(function, [args[1], ir.Constant(word, 1), *args[2:]])
        return context.get_dummy_value()

    word = types.int64
    return types.none(word, word, types.float64, word, word, word, word), codegen


@cfunc(_SIGNATURE, cache=True, error_model="numpy")
def velocity(
    x: np.ndarray, t: float, params: np.ndarray, nodes: np.ndarray, plan: np.ndarray, out: np.ndarray
) -> None:
    """Write the velocity (or the next state of a map) at ``x`` of shape (n,) into ``out`` of shape (n,)."""
    call_program(
        plan[0],
        x.ctypes.data,
        t,
        params.ctypes.data,
        nodes.ctypes.data,
        plan.ctypes.data + 16,
        out.ctypes.data,
    )


@cfunc(_SIGNATURE, cache=True, error_model="numpy")
def jacobian(
    x: np.ndarray, t: float, params: np.ndarray, nodes: np.ndarray, plan: np.ndarray, out: np.ndarray
) -> None:
    """Write the velocity and then the Jacobian, row by row, into ``out`` of shape (n + n*n,)."""
    call_program(
        plan[1],
        x.ctypes.data,
        t,
        params.ctypes.data,
        nodes.ctypes.data,
        plan.ctypes.data + 16,
        out.ctypes.data,
    )
