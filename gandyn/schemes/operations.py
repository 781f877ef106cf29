"""What each operation of a tape does: its value, its derivative forwards, and its derivative in reverse."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from gandyn.arrays import Array, array_namespace, like
from gandyn.field import VectorField
from gandyn.schemes.noise import normal

__all__ = ["ARITHMETIC", "OPERATIONS", "Operation", "Run"]

#: Operations on scalars.
ARITHMETIC: dict[str, Callable[[float, float], float]] = {
    "add": np.add,
    "subtract": np.subtract,
    "multiply": np.multiply,
    "divide": np.divide,
    "power": np.power,
    "cos": lambda a, _: np.cos(a),
}


@dataclass(frozen=True, eq=False)
class Run:
    """What an operation may look at.

    Args:
        fields: the field of the rule, and any others.
        split: number of entries before the discriminator's.
        reference: an array of the shape, namespace and device of the state.
        scalars: the scalars of the instruction.
        extra: what the instruction was recorded with.
    """

    fields: tuple[VectorField, ...]
    split: int
    reference: Array
    scalars: tuple[float, ...] = ()
    extra: tuple[Any, ...] = ()

    @property
    def field(self) -> VectorField:
        """The field of the rule."""
        return self.fields[0]

    def pick(self, generator: Array, discriminator: Array) -> Array:
        """Return each player's entries from the array given for it."""
        xp = array_namespace(generator)
        parts = xp.broadcast_arrays(generator, discriminator)
        return xp.concat([parts[0][..., : self.split], parts[1][..., self.split :]], axis=-1)

    def generator(self, a: Array) -> Array:
        """Return ``a`` with the discriminator's entries set to 0."""
        return self.pick(a, array_namespace(a).zeros_like(a))

    def discriminator(self, a: Array) -> Array:
        """Return ``a`` with the generator's entries set to 0."""
        return self.pick(array_namespace(a).zeros_like(a), a)


@dataclass(frozen=True, eq=False)
class Operation:
    """An operation with one derivative for each vector that it takes.

    Args:
        value: ``value(run, *vectors)``.
        pushes: ``push(run, out, vectors, d)``, what the tangent ``d`` of one of the vectors contributes to
            the tangent of the result.
        pulls: ``pull(run, out, vectors, c)``, what the cotangent ``c`` of the result contributes to that of
            one of the vectors.
    """

    value: Callable[..., Array]
    pushes: tuple[Callable[..., Array], ...] = ()
    pulls: tuple[Callable[..., Array], ...] = ()


def _entrywise(value: Callable[..., Array], *slopes: Callable[..., Any]) -> Operation:
    """Return an operation on entries: ``slope(run, out, *vectors)`` is its derivative either way."""

    def times(slope: Callable[..., Any]) -> Callable[..., Array]:
        return lambda run, out, vectors, d: slope(run, out, *vectors) * d

    both = tuple(times(slope) for slope in slopes)
    return Operation(value, both, both)


def _mask(condition: Array, reference: Array) -> Array:
    return array_namespace(reference).astype(condition, reference.dtype)


def _half_over(root: Array) -> Array:
    """Return ``1 / (2 root)``, and 0 where the root is 0."""
    xp = array_namespace(root)
    positive = root > 0
    return xp.where(positive, 0.5 / xp.where(positive, root, xp.ones_like(root)), xp.zeros_like(root))


def _minimum(run: Run, a: Array, b: Array) -> Array:
    return array_namespace(a).where(a <= b, a, b)


def _clip(run: Run, a: Array) -> Array:
    xp, bound = array_namespace(a), run.scalars[0]
    return xp.where(a > bound, bound + 0 * a, xp.where(a < -bound, -bound + 0 * a, a))


def _dot(run: Run, a: Array, b: Array) -> Array:
    xp = array_namespace(a)
    return xp.sum(a * b, axis=-1, keepdims=True) + xp.zeros_like(a * b)


def _total(c: Array) -> Array:
    return array_namespace(c).sum(c, axis=-1, keepdims=True)


def _noise(run: Run) -> Array:
    seed, number = run.extra
    drawn = normal(seed, run.scalars[0], number, run.reference.shape[-1])
    return like(drawn, run.reference) + array_namespace(run.reference).zeros_like(run.reference)


def _velocity(run: Run, x: Array) -> Array:
    return run.fields[run.extra[0]](x, run.scalars[0])


def _velocity_push(run: Run, out: Array, vectors: Any, d: Array) -> Array:
    return run.fields[run.extra[0]].jvp(vectors[0], d, run.scalars[0])


def _velocity_pull(run: Run, out: Array, vectors: Any, c: Array) -> Array:
    return run.fields[run.extra[0]].vjp(vectors[0], c, run.scalars[0])


def _interaction_bend(run: Run, x: Array, y: Array, d: Array, t: float) -> Array:
    """Return the derivative of ``K(x) y`` in the direction ``d`` of x, K the Jacobian between the players."""
    second = run.field.second
    return run.pick(second(x, run.discriminator(y), d, t), second(x, run.generator(y), d, t))


def _interaction_bend_adjoint(run: Run, x: Array, y: Array, w: Array, t: float) -> Array:
    """Return the transpose of ``d -> derivative of K(x) y in the direction d``, applied to ``w``."""
    adjoint = run.field.second_adjoint
    parts = (run.discriminator(y), run.generator(w)), (run.generator(y), run.discriminator(w))
    return adjoint(x, *parts[0], t) + adjoint(x, *parts[1], t)


def _solve(run: Run, x: Array, right: Array, transposed: bool = False) -> Array:
    s, t = run.scalars
    solver: Any = run.extra[0]
    found: Array = solver.between_players(run, x, right, s, t, transposed)
    return found


def _solve_push_x(run: Run, out: Array, vectors: Any, d: Array) -> Array:
    s, t = run.scalars
    return _solve(run, vectors[0], s * _interaction_bend(run, vectors[0], out, d, t))


def _solve_pull_x(run: Run, out: Array, vectors: Any, c: Array) -> Array:
    s, t = run.scalars
    return s * _interaction_bend_adjoint(run, vectors[0], out, _solve(run, vectors[0], c, True), t)


def _implicit(run: Run, base: Array) -> Array:
    found: Array = run.extra[0].implicit(run.field, base, *run.scalars)
    return found


def _resolvent(run: Run, y: Array, right: Array, transposed: bool) -> Array:
    found: Array = run.extra[0].resolvent(run.field, y, right, *run.scalars, transposed)
    return found


def _advance(run: Run, a: Array, b: Array) -> Array:
    """Return ``a + s b``, for all entries or those of one player."""
    whole = run.scalars[0] * b
    if a.shape == whole.shape:
        whole += a
    else:
        whole = whole + a
    part = run.extra[0]
    return whole if part == 0 else run.pick(whole, a) if part == 1 else run.pick(a, whole)


def _advance_by_b(run: Run, out: Array, vectors: Any, d: Array) -> Array:
    step, part = run.scalars[0] * d, run.extra[0]
    return step if part == 0 else run.generator(step) if part == 1 else run.discriminator(step)


_ONE: Callable[..., float] = lambda run, out, *vectors: 1.0
_MINUS: Callable[..., float] = lambda run, out, *vectors: -1.0

OPERATIONS: dict[str, Operation] = {
    "add": _entrywise(lambda run, a, b: a + b, _ONE, _ONE),
    "advance": Operation(
        _advance,
        (lambda run, out, vectors, d: d, _advance_by_b),
        (lambda run, out, vectors, c: c, _advance_by_b),
    ),
    "subtract": _entrywise(lambda run, a, b: a - b, _ONE, _MINUS),
    "multiply": _entrywise(lambda run, a, b: a * b, lambda run, out, a, b: b, lambda run, out, a, b: a),
    "divide": _entrywise(
        lambda run, a, b: a / b, lambda run, out, a, b: 1 / b, lambda run, out, a, b: -out / b
    ),
    "scale": _entrywise(lambda run, a: run.scalars[0] * a, lambda run, out, a: run.scalars[0]),
    "sqrt": _entrywise(lambda run, a: array_namespace(a).sqrt(a), lambda run, out, a: _half_over(out)),
    "clip": _entrywise(_clip, lambda run, out, a: _mask((a <= run.scalars[0]) & (a >= -run.scalars[0]), a)),
    "minimum": _entrywise(
        _minimum, lambda run, out, a, b: _mask(a <= b, a), lambda run, out, a, b: _mask(~(a <= b), a)
    ),
    "where": _entrywise(
        lambda run, a, b, c: array_namespace(a).where(a > 0, b, c),
        lambda run, out, a, b, c: 0.0,
        lambda run, out, a, b, c: _mask(a > 0, a),
        lambda run, out, a, b, c: _mask(~(a > 0), a),
    ),
    "fill": Operation(lambda run: array_namespace(run.reference).zeros_like(run.reference) + run.scalars[0]),
    "noise": Operation(_noise),
    "dot": Operation(
        _dot,
        (
            lambda run, out, vectors, d: _dot(run, vectors[1], d),
            lambda run, out, vectors, d: _dot(run, vectors[0], d),
        ),
        (
            lambda run, out, vectors, c: _total(c) * vectors[1],
            lambda run, out, vectors, c: _total(c) * vectors[0],
        ),
    ),
    "pick": Operation(
        lambda run, a, b: run.pick(a, b),
        (lambda run, out, vectors, d: run.generator(d), lambda run, out, vectors, d: run.discriminator(d)),
        (lambda run, out, vectors, c: run.generator(c), lambda run, out, vectors, c: run.discriminator(c)),
    ),
    "velocity": Operation(_velocity, (_velocity_push,), (_velocity_pull,)),
    "jvp": Operation(
        lambda run, x, u: run.field.jvp(x, u, run.scalars[0]),
        (
            lambda run, out, vectors, d: run.field.second(*vectors, d, run.scalars[0]),
            lambda run, out, vectors, d: run.field.jvp(vectors[0], d, run.scalars[0]),
        ),
        (
            lambda run, out, vectors, c: run.field.second_adjoint(*vectors, c, run.scalars[0]),
            lambda run, out, vectors, c: run.field.vjp(vectors[0], c, run.scalars[0]),
        ),
    ),
    "vjp": Operation(
        lambda run, x, w: run.field.vjp(x, w, run.scalars[0]),
        (
            lambda run, out, vectors, d: run.field.second_adjoint(vectors[0], d, vectors[1], run.scalars[0]),
            lambda run, out, vectors, d: run.field.vjp(vectors[0], d, run.scalars[0]),
        ),
        (
            lambda run, out, vectors, c: run.field.second_adjoint(vectors[0], c, vectors[1], run.scalars[0]),
            lambda run, out, vectors, c: run.field.jvp(vectors[0], c, run.scalars[0]),
        ),
    ),
    "solve": Operation(
        _solve,
        (_solve_push_x, lambda run, out, vectors, d: _solve(run, vectors[0], d)),
        (_solve_pull_x, lambda run, out, vectors, c: _solve(run, vectors[0], c, True)),
    ),
    "implicit": Operation(
        _implicit,
        (lambda run, out, vectors, d: _resolvent(run, out, d, False),),
        (lambda run, out, vectors, c: _resolvent(run, out, c, True),),
    ),
}
