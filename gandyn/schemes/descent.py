"""Gradient descent of both players: at once, or in turn."""

from __future__ import annotations

from typing import Any, get_args

from gandyn.checks import check_option
from gandyn.field import UpdateMap, VectorField
from gandyn.schemes.record import Part, Recorder, Vector
from gandyn.schemes.rule import check_count, require_players, update_map

__all__ = ["alternating", "simultaneous"]


def simultaneous(field: VectorField, h: float) -> UpdateMap:
    """Return simultaneous gradient descent, ``x' = x + h v(x)``: Euler's method.

    Cost: 1 gradient a step. Keeps the fixed points, and has no others. Multipliers ``1 + h lambda``; never
    stable for the bilinear game. Source: Mescheder, Nowozin, Geiger 2017.

    Args:
        field: the field, in any namespace.
        h: step size, flow time of one step, > 0; adjustable.

    Returns:
        The update map, compiled if the field is.

    Raises:
        ValueError: a step that is not positive and finite, or a field with memory.

    Example:
        >>> import numpy as np
        >>> from gandyn.games import catalogue
        >>> step = simultaneous(catalogue.make("bilinear"), 0.1)
        >>> step(np.array([1.0, 0.0])), step.with_constants(h=0.2)(np.array([1.0, 0.0]))
        (array([1. , 0.1]), array([1. , 0.2]))
    """
    return update_map(field, _simultaneous, "simultaneous", h=h)


def alternating(
    field: VectorField,
    h: float,
    first: Part = "generator",
    generator_steps: int = 1,
    discriminator_steps: int = 1,
) -> UpdateMap:
    """Return alternating gradient descent: the second player sees the first one where it has moved to.

    One step of the map is ``x_G' = x_G + h v_G(x_G, x_D)``, then ``x_D' = x_D + h v_D(x_G', x_D)``, or the
    other way about, each as often as asked. Cost: a gradient for each of these. Keeps the fixed points, and
    has no others with one step each. On the bilinear game, neutral for h a <= 2.
    Source: Mescheder, Geiger, Nowozin 2018; Gidel et al. 2019.

    Args:
        field: the field, in any namespace, with both players.
        h: step size, > 0; adjustable. One step of the map is ``generator_steps * h`` of flow time.
        first: who moves first.
        generator_steps: steps of the generator in a row, at least 1.
        discriminator_steps: steps of the discriminator in a row, at least 1.

    Returns:
        The update map, compiled if the field is.

    Raises:
        ValueError: a bad step size, count or player, or a field without players.

    Example:
        >>> import numpy as np
        >>> from gandyn.games import catalogue
        >>> alternating(catalogue.make("bilinear"), 0.5)(np.array([1.0, 1.0]))
        array([0.5 , 1.25])
    """
    require_players(field, "alternating")
    check_option("first", first, get_args(Part))
    check_count("generator_steps", generator_steps)
    check_count("discriminator_steps", discriminator_steps)
    turns = [("generator", generator_steps), ("discriminator", discriminator_steps)]
    order = [player for player, count in turns[:: 1 if first == "generator" else -1] for _ in range(count)]

    def step(on: Recorder, x: Vector, *, h: Any) -> Vector:
        for player in order:
            x = on.moved(player, x + h * on.v(x), x)  # type: ignore[arg-type]
        return x

    counts = f" {generator_steps}:{discriminator_steps}" if len(order) > 2 else ""
    return update_map(field, step, f"alternating{counts}, {first} first", span=generator_steps, h=h)


def _simultaneous(on: Recorder, x: Vector, *, h: Any) -> Vector:
    return x + h * on.v(x)
