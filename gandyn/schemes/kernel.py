"""The compiled kernel of a scheme: the interpreter of tapes, pointed at the kernel of the field."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from gandyn.games.codegen import Kernel, without_addresses
from gandyn.schemes.encoding import compilable, encode, literals
from gandyn.schemes.tape import ArrayTape

__all__ = ["MapKernel", "kernel_of"]


@dataclass(frozen=True, eq=False)
class MapKernel:
    """One step of a scheme of a compiled field, with the attributes of ``games.codegen.Kernel``.

    ``params`` are the constants of the field and then those of the scheme. Compiled loops take
    ``velocity``, ``jacobian``, ``params``, ``nodes`` and ``plan``; check ``compiled`` first.

    Args:
        arrays: the rule on arrays, and twin of the compiled one.
        base: the kernel of the field.
    """

    arrays: ArrayTape
    base: Kernel

    def __getstate__(self) -> dict[str, Any]:
        return without_addresses(self)

    @cached_property
    def dim(self) -> int:
        """Number of entries of the state, memory included."""
        return self.base.dim * len(self.arrays.tape.results)

    @property
    def compiled(self) -> bool:
        """Whether machine code is there; compiles it if need be."""
        return self.base.compiled

    @cached_property
    def params(self) -> np.ndarray:
        """Constants of the field, those of the scheme, and the numbers that stand in its rule."""
        return np.array([*self.base.params, *self.arrays.constants, *literals(self.arrays.tape)])

    @property
    def nodes(self) -> np.ndarray:
        """Points and weights of the measures of the field."""
        return self.base.nodes

    @cached_property
    def plan(self) -> np.ndarray:
        """Addresses of both programs, the rule as integers, and the plan of the field's kernel."""
        return self._steps.plan

    @property
    def velocity(self) -> Any:
        """Numba function that writes the next state."""
        return self.base.velocity

    @property
    def jacobian(self) -> Any:
        """Numba function that writes the next state and the Jacobian."""
        return self.base.jacobian

    def evaluate(self, x: Any, t: Any = 0, *, jacobian: bool = False) -> np.ndarray:
        """Return the next states from ``x`` of shape (..., N), with the Jacobian row by row behind."""
        if not self.compiled:
            return self.evaluate_in_numpy(x, t, jacobian=jacobian)
        return self._steps.evaluate(x, t, jacobian=jacobian)

    def evaluate_in_numpy(self, x: Any, t: Any = 0, *, jacobian: bool = False) -> np.ndarray:
        """Return the same as ``evaluate``, computed without the interpreter of tapes."""
        states = np.asarray(x)
        value = self.arrays.value(states, t)
        if not jacobian:
            return value
        rows = self.arrays.vjp(states[..., None, :], np.eye(self.dim), t)
        return np.concatenate([value, rows.reshape(*value.shape[:-1], -1)], axis=-1)

    @cached_property
    def _steps(self) -> Kernel:
        """The interpreter as a kernel whose counts are the tape."""
        tape, n = self.arrays.tape, self.base.dim
        base, constants = self.base, len(self.arrays.constants)
        counts = encode(tape, n, self.arrays.split, len(base.params), constants, base.plan)
        programs: Any = self._programs(len(counts) - len(base.counts))
        return Kernel(self.dim, programs, self.params, self.nodes, counts)

    def _programs(self, place: int) -> tuple[_Step, _Step]:
        """Return both programs; the numbers of nodes of the field's measures begin at ``place``."""
        calls = self.arrays.tape.count("velocity")
        widths = (self.dim, self.dim + self.dim**2)
        loops = [[[place + m for m in loop] for loop in p.loops] * calls for p in self.base.programs]
        step, derivatives = (_Step(self, wanted, widths[wanted], loops[wanted]) for wanted in (0, 1))
        return step, derivatives


@dataclass(frozen=True, eq=False)
class _Step:
    """The code of a step in the place of the program of a game."""

    kernel: MapKernel
    derivatives: int
    width: int
    loops: Sequence[Sequence[int]]

    def __getstate__(self) -> dict[str, Any]:
        return without_addresses(self)

    @cached_property
    def address(self) -> int:
        """Where the code is: of the tape itself if it is short, else of the interpreter of all tapes."""
        from gandyn.schemes import straight

        tape, base = self.kernel.arrays.tape, self.kernel.base
        rule = (tape.scalars, tape.vectors, tape.results)
        split, constants = self.kernel.arrays.split, len(base.params)
        shape = straight.Shape(*rule, base.dim, split, constants, bool(self.derivatives))
        if straight.length(shape) <= straight.LONGEST:
            return straight.address_of(shape)
        return self._interpreter

    @property
    def _interpreter(self) -> int:
        from gandyn.schemes.compiled import next_state, next_state_and_jacobian

        chosen: Any = next_state_and_jacobian if self.derivatives else next_state
        return int(chosen.address)

    @cached_property
    def entry(self) -> Any:
        word, real = ctypes.c_void_p, ctypes.c_double
        return ctypes.CFUNCTYPE(None, word, ctypes.c_int64, real, word, word, word, word)(self.address)


def kernel_of(arrays: ArrayTape) -> MapKernel | None:
    """Return the compiled kernel of a rule on arrays, or None where there is none."""
    base = arrays.fields[0].kernel
    if not isinstance(base, Kernel) or not compilable(arrays.tape):
        return None
    return MapKernel(arrays, base)
