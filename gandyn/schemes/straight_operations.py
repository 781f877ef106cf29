"""What each operation of a tape is in straight-line code: entries, and derivatives that are 0 left out."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from llvmlite import ir

__all__ = ["OPERATIONS", "Register", "Writer"]

_WORD, _REAL = ir.IntType(64), ir.DoubleType()
#: A number in the code, or None for one that is 0 whatever the state.
Slope: TypeAlias = Any


@dataclass(frozen=True)
class Register:
    """A vector: its entries, and their derivatives by each entry of the state.

    Args:
        values: one number in the code for each entry.
        slopes: for each entry of the state, the derivatives of all entries by it; empty if none is wanted.
    """

    values: Sequence[Any]
    slopes: Sequence[Sequence[Slope]]


@dataclass
class Writer:
    """Writes numbers into the code.

    Args:
        builder: where the code goes.
        n: number of entries of a vector.
        split: number of entries before the discriminator's.
        columns: number of entries of the state, by which derivatives are wanted; 0 for none.
        scalars: the numbers of the step.
    """

    builder: ir.IRBuilder
    n: int
    split: int
    columns: int
    scalars: list[Any] = field(default_factory=list)

    def entries(self, address: Any, i: Any, width: int) -> Any:
        """Return a pointer to row ``i`` of an array of rows of this width."""
        b = self.builder
        return b.inttoptr(b.add(address, b.mul(i, _WORD(8 * width))), _REAL.as_pointer())

    def load(self, array: Any, j: int) -> Any:
        """Return entry ``j``."""
        return self.builder.load(self.builder.gep(array, [_WORD(j)]))

    def store(self, array: Any, j: int, value: Any) -> None:
        """Write entry ``j``."""
        self.builder.store(value, self.builder.gep(array, [_WORD(j)]))

    def math(self, name: str, *operands: Any) -> Any:
        """Return a function of the mathematics library."""
        function = self.builder.module.declare_intrinsic(f"llvm.{name}", [_REAL])
        return self.builder.call(function, operands)

    def choose(self, condition: Any, then: Slope, otherwise: Slope) -> Slope:
        """Return one of two numbers."""
        if then is None and otherwise is None:
            return None
        return self.builder.select(condition, *(_REAL(0) if s is None else s for s in (then, otherwise)))

    def times(self, factor: Any, slope: Slope) -> Slope:
        """Return a derivative times a number."""
        return None if slope is None else self.builder.fmul(factor, slope)

    def sum(self, a: Slope, b: Slope) -> Slope:
        """Return the sum of two derivatives."""
        return b if a is None else a if b is None else self.builder.fadd(a, b)

    def part_of_state(self, x: Any, number: int) -> Register:
        """Return a vector of the state, whose derivative is a unit vector."""
        values = [self.load(x, number * self.n + j) for j in range(self.n)]
        unit = lambda c, j: _REAL(1) if c == number * self.n + j else None
        return Register(values, [[unit(c, j) for j in range(self.n)] for c in range(self.columns)])

    def through_jacobian(self, both: Sequence[Any], x: Register) -> Register:
        """Return the velocity, from it and the Jacobian row by row, both at ``x``."""
        n = self.n

        def product(i: int, slopes: Sequence[Slope]) -> Slope:
            total: Slope = None
            for j, slope in enumerate(slopes):
                total = self.sum(total, self.times(both[n + i * n + j], slope))
            return total

        return Register(both[:n], [[product(i, slopes) for i in range(n)] for slopes in x.slopes])

    def constant(self, values: Sequence[Any]) -> Register:
        """Return a vector that does not depend on the state."""
        return Register(values, [[None] * self.n for _ in range(self.columns)])

    def entrywise(self, value: Callable[..., Any], slope: Callable[..., Slope], *a: Register) -> Register:
        """Return the vector of entries ``value(j, *entries)``; ``slope`` gives their derivatives."""
        entries = list(zip(*(register.values for register in a), strict=True))
        values = [value(j, *entry) for j, entry in enumerate(entries)]
        columns = zip(*(register.slopes for register in a), strict=True)
        rows = [
            [slope(j, (*entries[j], values[j]), *parts) for j, parts in enumerate(zip(*column, strict=True))]
            for column in columns
        ]
        return Register(values, rows)


def _linear(w: Writer, sign: int, a: Register, b: Register) -> Register:
    together = w.builder.fadd if sign > 0 else w.builder.fsub
    signed = lambda slope: slope if sign > 0 or slope is None else w.builder.fneg(slope)
    return w.entrywise(lambda j, p, q: together(p, q), lambda j, e, p, q: w.sum(p, signed(q)), a, b)


def _scale(w: Writer, s: Any, a: Register) -> Register:
    return w.entrywise(lambda j, p: w.builder.fmul(s, p), lambda j, e, p: w.times(s, p), a)


def _advance(w: Writer, part: int, s: Any, a: Register, b: Register) -> Register:
    """Write ``a + s b``, for all entries or those of one player."""
    moves = lambda j: part == 0 or (j < w.split) == (part == 1)
    value = lambda j, p, q: w.builder.fadd(p, w.builder.fmul(s, q)) if moves(j) else p
    return w.entrywise(value, lambda j, e, p, q: w.sum(p, w.times(s, q)) if moves(j) else p, a, b)


def _multiply(w: Writer, a: Register, b: Register) -> Register:
    slope = lambda j, e, p, q: w.sum(w.times(e[1], p), w.times(e[0], q))
    return w.entrywise(lambda j, p, q: w.builder.fmul(p, q), slope, a, b)


def _divide(w: Writer, a: Register, b: Register) -> Register:
    build = w.builder

    def slope(j: int, e: Any, p: Slope, q: Slope) -> Slope:
        by_b = lambda: build.fneg(build.fdiv(e[2], e[1]))
        return w.sum(
            None if p is None else w.times(build.fdiv(_REAL(1), e[1]), p),
            None if q is None else w.times(by_b(), q),
        )

    return w.entrywise(lambda j, p, q: build.fdiv(p, q), slope, a, b)


def _sqrt(w: Writer, a: Register) -> Register:
    build, nothing = w.builder, _REAL(0)

    def slope(j: int, e: Any, p: Slope) -> Slope:
        if p is None:
            return None
        half = build.select(build.fcmp_ordered(">", e[1], nothing), build.fdiv(_REAL(0.5), e[1]), nothing)
        return w.times(half, p)

    return w.entrywise(lambda j, p: w.math("sqrt", p), slope, a)


def _clip(w: Writer, s: Any, a: Register) -> Register:
    build, least = w.builder, w.builder.fneg(s)
    above = [build.fcmp_ordered(">", value, s) for value in a.values]
    below = [build.fcmp_ordered("<", value, least) for value in a.values]
    value = lambda j, p: build.select(above[j], s, build.select(below[j], least, p))
    return w.entrywise(value, lambda j, e, p: w.choose(build.or_(above[j], below[j]), None, p), a)


def _minimum(w: Writer, a: Register, b: Register) -> Register:
    first = [w.builder.fcmp_ordered("<=", p, q) for p, q in zip(a.values, b.values, strict=True)]
    value = lambda j, p, q: w.builder.select(first[j], p, q)
    return w.entrywise(value, lambda j, e, p, q: w.choose(first[j], p, q), a, b)


def _where(w: Writer, a: Register, b: Register, c: Register) -> Register:
    positive = [w.builder.fcmp_ordered(">", p, _REAL(0)) for p in a.values]
    value = lambda j, p, q: w.builder.select(positive[j], p, q)
    return w.entrywise(value, lambda j, e, p, q: w.choose(positive[j], p, q), b, c)


def _pick(w: Writer, a: Register, b: Register) -> Register:
    own = lambda j, p, q: p if j < w.split else q
    return w.entrywise(own, lambda j, e, p, q: own(j, p, q), a, b)


def _dot(w: Writer, a: Register, b: Register) -> Register:
    total = _REAL(0)
    for p, q in zip(a.values, b.values, strict=True):
        total = w.builder.fadd(total, w.builder.fmul(p, q))
    rows = []
    for by_a, by_b in zip(a.slopes, b.slopes, strict=True):
        slope: Slope = None
        for j in range(w.n):
            slope = w.sum(slope, w.times(a.values[j], by_b[j]))
            slope = w.sum(slope, w.times(b.values[j], by_a[j]))
        rows.append([slope] * w.n)
    return Register([total] * w.n, rows)


def _hash(w: Writer, counter: Any) -> Any:
    b = w.builder
    z = b.add(counter, _WORD(0x9E3779B97F4A7C15))
    z = b.mul(b.xor(z, b.lshr(z, _WORD(30))), _WORD(0xBF58476D1CE4E5B9))
    z = b.mul(b.xor(z, b.lshr(z, _WORD(27))), _WORD(0x94D049BB133111EB))
    return b.xor(z, b.lshr(z, _WORD(31)))


def _noise(w: Writer, seed: int, number: int, k: Any) -> Register:
    """Write the numbers of ``noise.normal``."""
    b = w.builder

    def uniform(index: Any) -> Any:
        bits = b.uitofp(b.lshr(_hash(w, index), _WORD(11)), _REAL)
        return b.fmul(b.fadd(bits, _REAL(0.5)), _REAL(2.0**-53))

    key = _hash(w, b.add(_hash(w, _WORD(seed)), b.fptosi(k, _WORD)))
    key = _hash(w, b.add(key, _WORD(number)))
    values = []
    for j in range(w.n):
        radius, angle = (uniform(b.add(key, _WORD(2 * j + odd))) for odd in (0, 1))
        length = w.math("sqrt", b.fmul(_REAL(-2.0), w.math("log", radius)))
        values.append(b.fmul(length, w.math("cos", b.fmul(_REAL(2 * math.pi), angle))))
    return w.constant(values)


#: ``operation(writer, extra, scalars, vectors)`` returns the result.
OPERATIONS: dict[str, Callable[..., Register]] = {
    "add": lambda w, extra, s, v: _linear(w, 1, *v),
    "subtract": lambda w, extra, s, v: _linear(w, -1, *v),
    "scale": lambda w, extra, s, v: _scale(w, *s, *v),
    "advance": lambda w, extra, s, v: _advance(w, *extra, *s, *v),
    "multiply": lambda w, extra, s, v: _multiply(w, *v),
    "divide": lambda w, extra, s, v: _divide(w, *v),
    "sqrt": lambda w, extra, s, v: _sqrt(w, *v),
    "clip": lambda w, extra, s, v: _clip(w, *s, *v),
    "minimum": lambda w, extra, s, v: _minimum(w, *v),
    "where": lambda w, extra, s, v: _where(w, *v),
    "pick": lambda w, extra, s, v: _pick(w, *v),
    "fill": lambda w, extra, s, v: w.constant([s[0]] * w.n),
    "dot": lambda w, extra, s, v: _dot(w, *v),
    "noise": lambda w, extra, s, v: _noise(w, *extra, *s),
}
