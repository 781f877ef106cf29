"""A transformed field keeps the constants of its fields, and adds its own, all adjustable."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from gandyn.field import VectorField

__all__ = ["linear_derivatives", "transformed"]


def transformed(
    fields: Sequence[VectorField],
    constants: Mapping[str, float],
    label: str,
    *,
    rule: Callable[..., Any] | None,
    build: Callable[..., Mapping[str, Any]],
    **options: Any,
) -> VectorField:
    """Return a field made of fields of one layout: derived anew from symbols if all of them have them.

    Args:
        fields: the fields to transform.
        constants: values by the word that ``rule`` and ``build`` have for them; a name that the fields use
            already gets a number, ``gamma_2``.
        label: what is added to the label of the first field.
        rule: ``rule(*terms, **symbols)``, see ``gandyn.games.formula``; None where symbols do not help.
        build: ``build(*fields, **values)``, the arguments of a ``VectorField``.
        **options: handed to both as they are.
    """
    for name, value in constants.items():
        if not math.isfinite(value):
            raise ValueError(f"{name} must be finite, got {value}")
    shared = _shared_constants(fields)
    names = {role: _free_name(role, shared) for role in constants}
    own = {names[role]: float(value) for role, value in constants.items()}
    title = f"{fields[0].label}, {label}".lstrip(", ")
    if rule is not None and all(field.formula is not None for field in fields):
        named = {role: (name, own[name]) for role, name in names.items()}
        others = [field.formula for field in fields[1:]]
        formula = fields[0].formula.rewritten(rule, named, others, **options)
        return cast(VectorField, formula.family(title)(**shared, **own))

    def family(**values: float) -> VectorField:
        parts = [_adjusted(field, values) for field in fields]
        given = build(*parts, **{role: values[name] for role, name in names.items()}, **options)
        return VectorField(layout=fields[0].layout, label=title, constants=values, family=family, **given)

    return family(**shared, **own)


def linear_derivatives(
    fields: Sequence[VectorField], second: Callable[..., Any], second_adjoint: Callable[..., Any]
) -> dict[str, Any]:
    """Return how exact the derivatives of a linear transform are, and those of second order if exact.

    Args:
        fields: the fields that it transforms.
        second: its second-order product, made of theirs.
        second_adjoint: the transposed product, likewise.
    """
    exact = all(field.derivatives == "exact" for field in fields)
    first = {"derivatives": "exact" if exact else "central differences"}
    if any(field.second_derivatives != "exact" for field in fields):
        return first
    return {**first, "second": second, "second_adjoint": second_adjoint}


def _adjusted(field: VectorField, values: Mapping[str, float]) -> VectorField:
    changed = {name: values[name] for name, value in field.constants.items() if values[name] != value}
    return field.with_constants(**changed) if changed else field


def _free_name(name: str, taken: Mapping[str, float]) -> str:
    number, free = 2, name
    while free in taken:
        free, number = f"{name}_{number}", number + 1
    return free


def _shared_constants(fields: Sequence[VectorField]) -> dict[str, float]:
    """Return the constants of all fields, those of one name being one."""
    shared: dict[str, float] = {}
    for field in fields:
        for name, value in field.constants.items():
            if shared.setdefault(name, value) != value:
                raise ValueError(
                    f"the constant {name} is {shared[name]} in one field and {value} in another, but a sum "
                    f"has one of a name: set it to one value first, field.with_constants({name}=...)"
                )
    return shared
