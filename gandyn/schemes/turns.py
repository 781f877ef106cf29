"""Who moves first in a step of a rule with memory, or both at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, TypeAlias, cast, get_args

from gandyn.checks import check_option
from gandyn.field import VectorField
from gandyn.schemes.record import Part, Recorder, Vector
from gandyn.schemes.rule import require_players

__all__ = ["Order", "in_order"]

#: Both players at once from the same state, or one after the other.
Order: TypeAlias = Literal["simultaneous", "generator first", "discriminator first"]


def in_order(field: VectorField, step: Callable[..., Any], order: Order) -> Callable[..., Any]:
    """Return a rule that makes ``step`` for both players at once, or for one and then for the other.

    Raises:
        ValueError: an unknown order, or turns for a field without two players.
    """
    check_option("order", order, get_args(Order))
    if order == "simultaneous":
        return step
    require_players(field, f"order={order!r}")
    players = ("generator", "discriminator")

    def in_turn(on: Recorder, *state: Vector, **constants: Any) -> tuple[Vector, ...]:
        for player in players if order == "generator first" else players[::-1]:
            moved, part = step(on, *state, **constants), cast(Part, player)
            memory = [on.swap(part, new, old) for new, old in zip(moved[1:], state[1:], strict=True)]
            state = (on.moved(part, moved[0], state[0]), *memory)
        return state

    return in_turn
