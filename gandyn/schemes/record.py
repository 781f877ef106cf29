"""An update rule in plain arithmetic becomes a tape: a straight line of operations on vectors.

A rule is written once, ``x + h * on.v(x)``. Recording it gives data that run in any array namespace, forward
and in reverse (``tape``), and compiled (``compiled``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, NamedTuple, TypeAlias

__all__ = ["Instruction", "Part", "Recorder", "Scalar", "Vector", "record"]

Number: TypeAlias = "Scalar | float"
#: Whose entries: the generator's (or those of a system without players), or the discriminator's.
Part: TypeAlias = Literal["generator", "discriminator"]


class Instruction(NamedTuple):
    """One operation on the registers of a tape.

    Args:
        name: which operation.
        vectors: the vector registers that it takes.
        scalars: the scalar registers that it takes.
        extra: what else it needs, known when recorded.
    """

    name: str
    vectors: tuple[int, ...] = ()
    scalars: tuple[int, ...] = ()
    extra: tuple[Any, ...] = ()


@dataclass
class _Pages:
    """What has been recorded; an instruction that is there already is not written twice."""

    scalars: dict[Instruction, int] = field(default_factory=dict)
    vectors: dict[Instruction, int] = field(default_factory=dict)
    written: list[Instruction] = field(default_factory=list)

    def scalar(self, *instruction: Any) -> Scalar:
        return Scalar(self, self.scalars.setdefault(Instruction(*instruction), len(self.scalars)))

    def vector(self, *parts: Any) -> Vector:
        instruction = Instruction(*parts)
        if instruction not in self.vectors:
            self.vectors[instruction] = len(self.written)
            self.written.append(instruction)
        return Vector(self, self.vectors[instruction])

    def scaled(self, index: int) -> tuple[int, int] | None:
        """Return the vector and the scalar that register ``index`` is the product of, if it is one."""
        name, operands, scalars, _ = self.written[index]
        return (operands[0], scalars[0]) if name == "scale" else None

    def number(self, value: Number) -> Scalar:
        return value if isinstance(value, Scalar) else self.scalar("literal", (), (), (float(value),))


@dataclass(frozen=True)
class Scalar:
    """A number that depends on the constants of the rule and on the step: plain arithmetic and ``cos``."""

    pages: _Pages
    index: int

    def _with(self, name: str, left: Number, right: Number) -> Scalar:
        operands = self.pages.number(left).index, self.pages.number(right).index
        return self.pages.scalar(name, (), operands)

    def __add__(self, other: Number) -> Scalar:
        return self._with("add", self, other)

    def __sub__(self, other: Number) -> Scalar:
        return self._with("subtract", self, other)

    def __mul__(self, other: Number) -> Scalar:
        return (
            self._with("multiply", self, other) if isinstance(other, Scalar | float | int) else NotImplemented
        )

    def __truediv__(self, other: Number) -> Scalar:
        return self._with("divide", self, other)

    def __pow__(self, other: Number) -> Scalar:
        return self._with("power", self, other)

    def __radd__(self, other: float) -> Scalar:
        return self._with("add", other, self)

    def __rsub__(self, other: float) -> Scalar:
        return self._with("subtract", other, self)

    def __rmul__(self, other: float) -> Scalar:
        return self._with("multiply", other, self)

    def __rtruediv__(self, other: float) -> Scalar:
        return self._with("divide", other, self)

    def __rpow__(self, other: float) -> Scalar:
        return self._with("power", other, self)

    def __neg__(self) -> Scalar:
        return self._with("multiply", self, -1.0)

    def cos(self) -> Scalar:
        """Return the cosine; ``numpy.cos`` finds it."""
        return self._with("cos", self, 0.0)

    def _no_value(self, *_: Any) -> Any:
        raise TypeError(
            "a number of a rule has no value while the rule is recorded: it cannot be compared or branched "
            "on; write it with + - * / ** and numpy.cos"
        )

    __bool__ = __float__ = __lt__ = __le__ = __gt__ = __ge__ = _no_value


@dataclass(frozen=True)
class Vector:
    """As many numbers as a state of the field has entries, for each state of a batch."""

    pages: _Pages
    index: int

    def _then(self, name: str, *others: Vector, scalar: Number | None = None) -> Vector:
        scalars = () if scalar is None else (self.pages.number(scalar).index,)
        return self.pages.vector(name, (self.index, *(other.index for other in others)), scalars)

    def __add__(self, other: Vector) -> Vector:
        product = self.pages.scaled(other.index)
        if product is None:
            return self._then("add", other)
        vector, scalar = product
        return self.pages.vector("advance", (self.index, vector), (scalar,), (0,))

    def __sub__(self, other: Vector) -> Vector:
        return self._then("subtract", other)

    def __mul__(self, other: Vector | Number) -> Vector:
        if isinstance(other, Vector):
            return self._then("multiply", other)
        return self._then("scale", scalar=other)

    def __rmul__(self, other: Number) -> Vector:
        return self._then("scale", scalar=other)

    def __truediv__(self, other: Vector) -> Vector:
        return self._then("divide", other)

    def __neg__(self) -> Vector:
        return self._then("scale", scalar=-1.0)

    def sqrt(self) -> Vector:
        """Return the square root of every entry; its derivative at 0 counts as 0."""
        return self._then("sqrt")

    def clip(self, bound: Number) -> Vector:
        """Return every entry brought into [-bound, bound]."""
        return self._then("clip", scalar=bound)

    def minimum(self, other: Vector) -> Vector:
        """Return the smaller of two vectors, entry by entry."""
        return self._then("minimum", other)

    def where_positive(self, then: Vector, otherwise: Vector) -> Vector:
        """Return the entries of ``then`` where this is positive, those of ``otherwise`` elsewhere."""
        return self._then("where", then, otherwise)


def _as_it_is(_: Recorder, a: Vector) -> Vector:
    return a


@dataclass(frozen=True)
class Recorder:
    """What a rule asks of the field, at the step and the time where it stands.

    Args:
        pages: where everything is written.
        k: number of the step.
        time: flow time at its start.
        duration: nominal flow time of the step.
        bend: what is done to a velocity before the rule sees it.
        project: what is done to parameters that a player has moved.
    """

    pages: _Pages
    k: Scalar
    time: Scalar
    duration: Scalar
    bend: Callable[[Recorder, Vector], Vector] = _as_it_is
    project: Callable[[Recorder, Vector], Vector] = _as_it_is

    def step_within(self, number: int, count: int) -> Recorder:
        """Return a recorder that stands at step ``number`` of the ``count`` that this step is made of."""
        k, part = self.k * count, self.duration / count
        if number == 0:
            return replace(self, k=k, duration=part)
        return replace(self, k=k + number, time=self.time + number * part, duration=part)

    def bent(self, bend: Callable[[Recorder, Vector], Vector]) -> Recorder:
        """Return a recorder whose velocities are changed by ``bend``, after what changes them already."""
        before = self.bend
        return replace(self, bend=lambda on, velocity: bend(on, before(on, velocity)))

    def projecting(self, project: Callable[[Recorder, Vector], Vector]) -> Recorder:
        """Return a recorder that also projects parameters by ``project`` wherever a player has moved."""
        before = self.project
        return replace(self, project=lambda on, x: project(on, before(on, x)))

    def moved(self, player: Part, new: Vector, old: Vector) -> Vector:
        """Return the parameters after ``player`` alone has moved from ``old`` to ``new``."""
        return self.project(self, self.swap(player, new, old))

    def v(self, x: Vector, after: Number = 0.0, of: int = 0) -> Vector:
        """Return the velocity at ``x`` some flow time after the start of the step, of field number ``of``."""
        time = self.time if isinstance(after, float) and after == 0 else self.time + after
        velocity = self.pages.vector("velocity", (x.index,), (time.index,), (of,))
        return self.bend(self, velocity) if of == 0 else velocity

    def jvp(self, x: Vector, u: Vector) -> Vector:
        """Return ``J(x) u``."""
        return self.pages.vector("jvp", (x.index, u.index), (self.time.index,))

    def vjp(self, x: Vector, w: Vector) -> Vector:
        """Return ``J(x)^T w``."""
        return self.pages.vector("vjp", (x.index, w.index), (self.time.index,))

    def interaction(self, x: Vector, u: Vector) -> Vector:
        """Return the part of ``J(x) u`` through which each player feels the other."""
        return self.pick(self.jvp(x, self.only("discriminator", u)), self.jvp(x, self.only("generator", u)))

    def shaping(self, x: Vector, w: Vector) -> Vector:
        """Return ``K(x)^T w``, K the Jacobian between the players."""
        return self.pick(self.vjp(x, self.only("discriminator", w)), self.vjp(x, self.only("generator", w)))

    def solve(self, x: Vector, right: Vector, s: Number, solver: Any) -> Vector:
        """Return ``y`` with ``y - s K(x) y = right``, K the Jacobian between the players."""
        scalars = self.pages.number(s).index, self.time.index
        return self.pages.vector("solve", (x.index, right.index), scalars, (solver,))

    def implicit(self, base: Vector, s: Number, solver: Any) -> Vector:
        """Return ``y`` with ``y = base + s v(y)``, the velocity at the end of the step."""
        if self.bend is not _as_it_is:
            raise ValueError(
                "an implicit step solves for a velocity that it never takes, so none can be changed"
            )
        s = self.pages.number(s)
        return self.pages.vector("implicit", (base.index,), (s.index, (self.time + s).index), (solver,))

    def pick(self, generator: Vector, discriminator: Vector) -> Vector:
        """Return a vector with each player's entries from the vector given for it."""
        for part, (new, old) in enumerate(((generator, discriminator), (discriminator, generator)), start=1):
            name, operands, scalars, extra = self.pages.written[new.index]
            if name == "advance" and extra == (0,) and operands[0] == old.index:
                return self.pages.vector(name, operands, scalars, (part,))
        return self.pages.vector("pick", (generator.index, discriminator.index))

    def only(self, part: Part, a: Vector) -> Vector:
        """Return ``a`` with the entries of the other player set to 0."""
        zero = self.fill(0.0)
        return self.pick(a, zero) if part == "generator" else self.pick(zero, a)

    def swap(self, part: Part, new: Vector, old: Vector) -> Vector:
        """Return ``new`` for the entries of one player and ``old`` for those of the other."""
        return self.pick(new, old) if part == "generator" else self.pick(old, new)

    def fill(self, value: Number) -> Vector:
        """Return a vector with this value in every entry."""
        return self.pages.vector("fill", (), (self.pages.number(value).index,))

    def dot(self, a: Vector, b: Vector) -> Vector:
        """Return the inner product, in every entry of a vector."""
        return self.pages.vector("dot", (a.index, b.index))

    def noise(self, seed: int) -> Vector:
        """Return standard normal numbers; they depend on seed and step, and differ from call to call."""
        where, number = (self.k.index,), 0
        while Instruction("noise", (), where, (seed, number)) in self.pages.vectors:
            number += 1
        return self.pages.vector("noise", (), where, (seed, number))


def record(
    step: Callable[..., Sequence[Vector]], memory: int, constants: Sequence[str], clock: str, span: int = 1
) -> tuple[tuple[Instruction, ...], tuple[Instruction, ...], tuple[int, ...]]:
    """Return what a rule does: its operations on scalars, those on vectors, and where its results are.

    Args:
        step: ``step(on, x, *memory, **constants)`` returns the next state and memory.
        memory: how many vectors of memory it has.
        constants: their names.
        clock: the constant that is the flow time of one step, in units of ``span``.
        span: how many of them one step is.
    """
    pages = _Pages()
    named: Mapping[str, Scalar] = {
        name: pages.scalar("constant", (), (), (number,)) for number, name in enumerate(constants)
    }
    k = pages.scalar("step")
    state = [pages.vector("input", (), (), (number,)) for number in range(1 + memory)]
    duration = named[clock] if span == 1 else span * named[clock]
    results = step(Recorder(pages, k, k * duration, duration), *state, **named)
    vectors, places = _needed(pages.written, [result.index for result in results], 1 + memory)
    return tuple(pages.scalars), vectors, places


def _needed(
    written: Sequence[Instruction], results: Sequence[int], inputs: int
) -> tuple[tuple[Instruction, ...], tuple[int, ...]]:
    """Return the instructions that the results rest on, the inputs, and where the results are now."""
    wanted, stack = set(range(inputs)), list(results)
    while stack:
        i = stack.pop()
        if i not in wanted or i < inputs:
            wanted.add(i)
            stack.extend(j for j in written[i].vectors if j not in wanted)
    places = {old: new for new, old in enumerate(sorted(wanted))}
    kept = [written[old] for old in sorted(wanted)]
    moved = [each._replace(vectors=tuple(places[j] for j in each.vectors)) for each in kept]
    return tuple(moved), tuple(places[i] for i in results)
