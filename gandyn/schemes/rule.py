"""From a rule to its update map: exact derivatives, adjustable constants, a compiled kernel."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from gandyn.arrays import Array, array_namespace
from gandyn.field import Block, Layout, UpdateMap, VectorField
from gandyn.schemes.kernel import kernel_of
from gandyn.schemes.record import Vector, record
from gandyn.schemes.tape import ArrayTape, Tape

__all__ = ["Rule", "check_count", "check_range", "free_name", "require_players", "update_map"]

_SECOND_ORDER = ("jvp", "vjp", "solve")


@dataclass(frozen=True, eq=False)
class Rule:
    """An update rule of a field.

    Args:
        fields: the field, and any others that the rule asks.
        step: ``step(on, x, *memory, **constants)`` returns the next state and memory, see ``record``.
        constants: values by name; ``clock`` is the flow time of one step, in units of ``span``.
        label: name for titles.
        memory: names of the memory, each as large as the state of the field.
        first: ``first(field, theta)`` returns the memory that training starts with; zeros if None.
        clock: the constant that is the flow time of one inner step.
        span: how many of them one step of the map is.
    """

    fields: tuple[VectorField, ...]
    step: Callable[..., tuple[Vector, ...]]
    constants: Mapping[str, float]
    label: str
    memory: tuple[str, ...] = ()
    first: Callable[[VectorField, Array], tuple[Array, ...]] | None = None
    clock: str = "h"
    span: int = 1

    @property
    def field(self) -> VectorField:
        """The field whose parameters move."""
        return self.fields[0]

    def layout(self) -> Layout:
        """Return the blocks of the field, and behind them one block of memory for each."""
        blocks = self.field.layout.blocks
        memory = [Block(f"{name}.{b.name}", "memory", b.shape) for name in self.memory for b in blocks]
        return Layout((*blocks, *memory))

    def start(self, theta: Array) -> Array:
        """Return parameters with the memory that training starts with."""
        return array_namespace(theta).concat([theta, *self.first_memory(theta)], axis=-1)

    def first_memory(self, theta: Array) -> tuple[Array, ...]:
        """Return the memory that training starts with at parameters ``theta``."""
        if self.first is not None:
            return self.first(self.field, theta)
        return (array_namespace(theta).zeros_like(theta),) * len(self.memory)


def update_map(
    field: VectorField,
    step: Callable[..., Any],
    label: str,
    *,
    others: tuple[VectorField, ...] = (),
    memory: tuple[str, ...] = (),
    first: Callable[[VectorField, Array], tuple[Array, ...]] | None = None,
    span: int = 1,
    **constants: float,
) -> UpdateMap:
    """Return the update map of a rule; see ``Rule``. A name that the field uses already gets a number."""
    check_range("h", constants["h"], above=0.0)
    if field.layout.mask("memory").any():
        raise ValueError(f"a scheme takes a field without memory; this one has {list(field.layout.names)}")
    taken = dict(_shared(others, dict(field.constants)))
    names = {role: free_name(role, taken) for role in constants}
    values = {names[role]: float(value) for role, value in constants.items()}
    renamed = renaming(step, names)
    title = f"{field.label}, {label}".lstrip(", ")
    return made(Rule((field, *others), renamed, values, title, memory, first, names["h"], span))


def renaming(step: Callable[..., Any], names: Mapping[str, str]) -> Callable[..., tuple[Vector, ...]]:
    """Return a step that takes its constants by other names, and whose result is always a tuple."""

    def renamed(on: Any, *state: Vector, **constants: Any) -> tuple[Vector, ...]:
        result = step(on, *state, **{role: constants[name] for role, name in names.items()})
        return result if isinstance(result, tuple) else (result,)

    return renamed


def made(rule: Rule, tape: Tape | None = None) -> UpdateMap:
    """Return the update map of a rule, recording it unless that was done."""
    if tape is None:
        recorded = record(rule.step, len(rule.memory), list(rule.constants), rule.clock, rule.span)
        tape = Tape(*recorded)
    arrays = ArrayTape(tape, rule.fields, tuple(rule.constants.values()), _split(rule.field.layout))
    kernel = kernel_of(arrays)

    def family(**values: float) -> UpdateMap:
        fields = tuple(_adjusted(field, values) for field in rule.fields)
        own = {name: float(values[name]) for name in rule.constants}
        check_range(rule.clock, own[rule.clock], above=0.0)
        return made(replace(rule, fields=fields, constants=own), tape)

    compiled: dict[str, Any] = {}
    if kernel is not None:
        n = kernel.dim

        def jac(x: Array, k: Any) -> Array:
            both = kernel.evaluate(x, k, jacobian=True)
            return both[..., n:].reshape(*both.shape[:-1], n, n)

        compiled = {"kernel": kernel, "jac": jac}
    return UpdateMap(
        arrays.value if kernel is None else kernel.evaluate,
        rule.layout(),
        rule.constants[rule.clock] * rule.span,
        jvp=arrays.jvp,
        vjp=arrays.vjp,
        label=rule.label,
        constants={**_shared(rule.fields, {}), **rule.constants},
        family=family,
        start=rule.start,
        rule=rule,
        derivatives=_derivatives(tape, rule.fields),
        **compiled,
    )


def _derivatives(tape: Tape, fields: tuple[VectorField, ...]) -> str:
    second = any(tape.count(name) for name in _SECOND_ORDER)
    how = [field.derivatives for field in fields] + [fields[0].second_derivatives] * second
    return next((each for each in how if each != "exact"), "exact")


def _split(layout: Layout) -> int:
    """Return the number of entries before the discriminator's."""
    return layout.dim - int(layout.mask("discriminator").sum())


def _shared(fields: tuple[VectorField, ...], values: dict[str, float]) -> dict[str, float]:
    """Return the constants of all fields, those of one name being one."""
    for field in fields:
        for name, value in field.constants.items():
            if values.setdefault(name, value) != value:
                raise ValueError(
                    f"the constant {name} is {values[name]} in one field and {value} in another; "
                    f"set it to one value first, field.with_constants({name}=...)"
                )
    return values


def _adjusted(field: VectorField, values: Mapping[str, float]) -> VectorField:
    changed = {name: values[name] for name, value in field.constants.items() if values[name] != value}
    return field.with_constants(**changed) if changed else field


def free_name(name: str, taken: Mapping[str, float]) -> str:
    """Return the name, with a number where it is taken."""
    number, free = 2, name
    while free in taken:
        free, number = f"{name}_{number}", number + 1
    return free


def require_players(field: VectorField, scheme: str) -> None:
    """Raise unless the field has a generator and a discriminator."""
    for player in ("generator", "discriminator"):
        if not field.layout.mask(player).any():
            raise ValueError(
                f"{scheme} needs a generator and a discriminator; this field has no block of the {player}: "
                f"{list(field.layout.names)}"
            )


def check_count(name: str, value: int, least: int = 1) -> None:
    """Raise unless a number of steps is an integer of at least ``least``."""
    if not isinstance(value, int) or value < least:
        raise ValueError(f"{name} must be an integer of at least {least}, got {value!r}")


def check_range(
    name: str, value: float, *, low: float = -math.inf, above: float | None = None, below: float = math.inf
) -> None:
    """Raise unless a constant is finite and in its range."""
    enough = value >= low if above is None else value > above
    if not (math.isfinite(value) and enough and value < below):
        bound = (
            f"above {above:g}" if above is not None else f"at least {low:g}" if low > -math.inf else "finite"
        )
        upper = f" and below {below:g}" if below < math.inf else ""
        raise ValueError(f"{name} must be {bound}{upper}, got {value}")
