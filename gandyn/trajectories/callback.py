"""Any system behind the calling convention of a compiled kernel: compiled loops call back into Python."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np

from gandyn.arrays import Array, like, to_numpy
from gandyn.field import System, UpdateMap

__all__ = ["CallbackKernel", "kernel_of"]

_WORD = ctypes.c_void_p
_FUNCTION = ctypes.CFUNCTYPE(None, _WORD, ctypes.c_int64, ctypes.c_double, _WORD, _WORD, _WORD, _WORD)


def kernel_of(system: System, template: Array) -> Any:
    """Return the compiled kernel of a system, or one that calls the system itself.

    Args:
        system: a flow or a map.
        template: an array of the namespace and device in which a system without a kernel computes.

    Example:
        >>> from gandyn.field import Layout, VectorField
        >>> from gandyn.trajectories.compiled import advance
        >>> kernel = kernel_of(VectorField(lambda x, t: -x, Layout.scalars(state=["x"])), np.ones(1))
        >>> x, parts = np.ones(1), (kernel.params, kernel.nodes, kernel.plan)
        >>> _ = advance(kernel.velocity, *parts, x, 0.0, 0.0, 1.0, 1e-10, 1e-10, 1000, 1e6)
        >>> x.round(9)
        array([0.36787944])
    """
    kernel = system.kernel
    return kernel if kernel is not None and kernel.compiled else CallbackKernel(system, template)


class CallbackKernel:
    """What a compiled loop needs of a kernel, from a system that has none.

    What the system raises cannot pass through compiled code: it is kept, every later value is NaN, which
    ends any loop, and ``check`` raises it.
    """

    def __init__(self, system: System, template: Array) -> None:
        self._system, self._template = system, template
        self._integral = isinstance(system, UpdateMap)
        self._failure: BaseException | None = None
        self._functions = [_FUNCTION(self._write_velocity), _FUNCTION(self._write_jacobian)]
        addresses = [ctypes.cast(function, _WORD).value for function in self._functions]
        self.plan = np.array([*addresses, 0], dtype=np.int64)
        self.params, self.nodes = np.zeros(1), np.zeros(1)

    @property
    def velocity(self) -> Any:
        """Numba function that writes the velocity, or the next state of a map."""
        from gandyn.games.pointwise import velocity

        return velocity

    @property
    def jacobian(self) -> Any:
        """Numba function that writes the velocity and the Jacobian."""
        from gandyn.games.pointwise import jacobian

        return jacobian

    def check(self) -> None:
        """Raise what the system raised, if it did."""
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure

    def _write_velocity(self, x: int, count: int, t: float, a: int, b: int, c: int, out: int) -> None:
        self._write(x, t, out, lambda state, time: [self._system(state, time)])

    def _write_jacobian(self, x: int, count: int, t: float, a: int, b: int, c: int, out: int) -> None:
        self._write(x, t, out, lambda state, time: [self._system(state, time), self._system.jac(state, time)])

    def _write(self, x: int, t: float, out: int, values: Any) -> None:
        n, place = self._system.layout.dim, 0
        try:
            if self._failure is None:
                state = like(_floats(x, n).copy(), self._template)
                with np.errstate(all="ignore"):
                    for value in values(state, int(t) if self._integral else t):
                        flat = to_numpy(value).ravel()
                        _floats(out + 8 * place, len(flat))[:] = flat
                        place += len(flat)
        except BaseException as failure:
            self._failure = failure
        if self._failure is not None:
            _floats(out, n)[:] = np.nan


def _floats(address: int, count: int) -> np.ndarray:
    return np.ctypeslib.as_array((ctypes.c_double * count).from_address(address))
