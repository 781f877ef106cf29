"""What changes a scheme: from its update map to that of the changed rule."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from gandyn.arrays import Array
from gandyn.field import UpdateMap, VectorField
from gandyn.schemes.record import Vector
from gandyn.schemes.rule import Rule, free_name, made

__all__ = ["modified", "rule_of"]

#: A step of a rule: ``step(on, x, *memory, **constants)``.
Step = Callable[..., tuple[Vector, ...]]


def modified(
    update: UpdateMap,
    change: Callable[..., Any],
    label: str,
    *,
    memory: tuple[str, ...] = (),
    first: Callable[[Array], tuple[Array, ...]] = lambda theta: (),
    repeats: int = 1,
    **constants: float,
) -> UpdateMap:
    """Return the update map of a rule that is made of another one.

    Args:
        update: the map of a scheme.
        change: ``change(inner, on, *state, **constants)`` returns the next state and memory, its own memory
            last; ``inner(on, *state)`` is the step of the scheme, whose constants ``inner.constants`` holds.
        label: what is added to the label.
        memory: names of what the change remembers, each as large as the state of the field.
        first: ``first(theta)`` returns the memory that training starts with.
        repeats: how many steps of the scheme one step is.
        **constants: values of the constants of the change; a name that is taken gets a number.
    """
    rule = rule_of(update)
    names = {role: free_name(role, update.constants) for role in constants}
    own = {names[role]: float(value) for role, value in constants.items()}

    def step(on: Any, *state: Vector, **values: Any) -> tuple[Vector, ...]:
        inner = Inner(rule, {name: values[name] for name in rule.constants})
        result = change(inner, on, *state, **{role: values[name] for role, name in names.items()})
        return result if isinstance(result, tuple) else (result,)

    def start(field: VectorField, theta: Array) -> tuple[Array, ...]:
        return (*rule.first_memory(theta), *first(theta))

    taken = [free_name(name, dict.fromkeys(rule.memory, 0.0)) for name in memory]
    return made(
        replace(
            rule,
            step=step,
            constants={**rule.constants, **own},
            label=f"{rule.label}, {label}",
            memory=(*rule.memory, *taken),
            first=start,
            span=rule.span * repeats,
        )
    )


class Inner:
    """The step of the scheme that is changed.

    Args:
        rule: the rule of the scheme.
        constants: its constants as they are recorded.
    """

    def __init__(self, rule: Rule, constants: Mapping[str, Any]) -> None:
        self.rule, self.constants = rule, constants

    def __call__(self, on: Any, *state: Vector, **changed: Any) -> tuple[Vector, ...]:
        """Return the next state and memory, at constants some of which are changed."""
        return self.rule.step(on, *state, **{**self.constants, **changed})


def rule_of(update: UpdateMap) -> Rule:
    """Return the rule that a scheme made a map of."""
    if not isinstance(update, UpdateMap) or not isinstance(update.rule, Rule):
        raise ValueError(
            "what changes a scheme takes the update map of a scheme, for example "
            f"gandyn.schemes.simultaneous(field, h=0.1), got {update!r}"
        )
    return update.rule
