"""A recorded rule, run on arrays of any namespace: its value, and its derivative forwards and in reverse."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from gandyn.arrays import Array, array_namespace
from gandyn.field import VectorField
from gandyn.schemes.operations import ARITHMETIC, OPERATIONS, Run
from gandyn.schemes.record import Instruction

__all__ = ["Tape"]


@dataclass(frozen=True, eq=False)
class Tape:
    """A rule as a straight line of operations.

    Args:
        scalars: operations on numbers; register i holds the result of the i-th.
        vectors: operations on vectors, likewise.
        results: registers of the next state and of its memory.
    """

    scalars: tuple[Instruction, ...]
    vectors: tuple[Instruction, ...]
    results: tuple[int, ...]

    @cached_property
    def last_uses(self) -> tuple[tuple[int, ...], ...]:
        """For each operation, the vector registers that none after it takes."""
        last = {i: at for at, each in enumerate(self.vectors) for i in (at, *each.vectors)}
        ended: list[list[int]] = [[] for _ in self.vectors]
        for i, at in last.items():
            if i not in self.results:
                ended[at].append(i)
        return tuple(map(tuple, ended))

    def count(self, name: str) -> int:
        """Return how many operations of this name one step takes."""
        return sum(instruction.name == name for instruction in self.vectors)

    def numbers(self, constants: Sequence[float], k: Any) -> list[float]:
        """Return the scalar registers at step ``k``."""
        held: list[float] = []
        for name, _, operands, extra in self.scalars:
            if name == "constant":
                held.append(float(constants[extra[0]]))
            elif name == "literal":
                held.append(extra[0])
            elif name == "step":
                held.append(float(k))
            else:
                with np.errstate(all="ignore"):
                    held.append(float(ARITHMETIC[name](*(held[i] for i in operands))))
        return held


@dataclass(frozen=True, eq=False)
class ArrayTape:
    """A tape with the fields that it asks, at given constants."""

    tape: Tape
    fields: tuple[VectorField, ...]
    constants: tuple[float, ...]
    split: int

    def value(self, x: Array, k: Any) -> Array:
        """Return the next state from ``x`` of shape (..., N)."""
        values = self._forward(x, k, self.tape.last_uses)[1]
        return self._joined([values[i] for i in self.tape.results], x)

    def jvp(self, x: Array, u: Array, k: Any) -> Array:
        """Return the derivative in the direction ``u``."""
        runs, values = self._forward(x, k)
        u = u + array_namespace(x).zeros_like(x)
        inputs, tangents = self._parts(u), []
        for i, (name, operands, _, extra) in enumerate(self.tape.vectors):
            if name == "input":
                tangents.append(inputs[extra[0]])
                continue
            vectors = [values[j] for j in operands]
            parts = [
                push(runs[i], values[i], vectors, tangents[j])
                for push, j in zip(OPERATIONS[name].pushes, operands, strict=True)
                if tangents[j] is not None
            ]
            tangents.append(_sum(parts))
        return self._joined([tangents[i] for i in self.tape.results], u)

    def vjp(self, x: Array, w: Array, k: Any) -> Array:
        """Return the transposed derivative applied to ``w``."""
        runs, values = self._forward(x, k)
        w = w + array_namespace(x).zeros_like(x)
        collected: list[list[Array]] = [[] for _ in values]
        for part, i in zip(self._parts(w), self.tape.results, strict=True):
            collected[i].append(part)
        inputs: list[Array] = []
        for i in range(len(values) - 1, -1, -1):
            name, operands, _, _ = self.tape.vectors[i]
            cotangent = _sum(collected[i])
            if name == "input":
                inputs.insert(0, cotangent)
            elif cotangent is not None:
                vectors = [values[j] for j in operands]
                for pull, j in zip(OPERATIONS[name].pulls, operands, strict=True):
                    collected[j].append(pull(runs[i], values[i], vectors, cotangent))
        return self._joined(inputs, w)

    def _forward(
        self, x: Array, k: Any, last_uses: Sequence[Sequence[int]] = ()
    ) -> tuple[list[Run], list[Any]]:
        """Return for each instruction what it may look at, and its value, let go after its last use if given.

        What is let go serves the next value: of networks, new memory costs as much as arithmetic.
        """
        numbers, inputs = self.tape.numbers(self.constants, k), self._parts(x)
        base = Run(self.fields, self.split, inputs[0])
        runs, values = [], []
        for name, operands, scalars, extra in self.tape.vectors:
            run = replace(base, scalars=tuple(numbers[i] for i in scalars), extra=extra)
            runs.append(run)
            if name == "input":
                values.append(inputs[extra[0]])
            else:
                values.append(OPERATIONS[name].value(run, *(values[j] for j in operands)))
            for done in last_uses[len(values) - 1] if last_uses else ():
                values[done] = None
        return runs, values

    def _parts(self, x: Array) -> list[Array]:
        n = self.fields[0].layout.dim
        return [x[..., i : i + n] for i in range(0, x.shape[-1], n)]

    def _joined(self, parts: Sequence[Array | None], like_this: Array) -> Array:
        xp, (first, *_) = array_namespace(like_this), self._parts(like_this)
        return xp.concat([xp.zeros_like(first) if part is None else part for part in parts], axis=-1)


def _sum(parts: Sequence[Array]) -> Array | None:
    total = None
    for part in parts:
        total = part if total is None else total + part
    return total
