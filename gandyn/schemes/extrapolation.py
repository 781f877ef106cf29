"""Descent by the gradient at an extrapolated state: extragradient and its one-gradient relatives."""

from __future__ import annotations

from typing import Any

from gandyn.arrays import Array
from gandyn.field import UpdateMap, VectorField
from gandyn.schemes.record import Recorder, Vector
from gandyn.schemes.rule import update_map

__all__ = ["extragradient", "extrapolation_from_the_past", "optimistic"]


def extragradient(field: VectorField, h: float) -> UpdateMap:
    """Return the extragradient method, ``x' = x + h v(x + h v(x))``.

    Cost: 2 gradients a step. Keeps the fixed points; may add some where ``v(x + h v) = 0`` with v not 0.
    Multipliers ``1 + h lambda + h^2 lambda^2``; stable on the bilinear game for h a < 1.
    Source: Korpelevich 1976.

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
        >>> extragradient(catalogue.make("bilinear"), 0.1)(np.array([1.0, 0.0]))
        array([0.99, 0.1 ])
    """
    return update_map(field, _extragradient, "extragradient", h=h)


def extrapolation_from_the_past(field: VectorField, h: float) -> UpdateMap:
    """Return Popov's method: extragradient whose extrapolation takes the gradient of the step before.

    ``y = x + h p``, ``x' = x + h v(y)``, ``p' = v(y)``, with the memory p. The points y move as those of
    ``optimistic``. Cost: 1 gradient a step. Keeps the fixed points, and has no others.
    Stable on the bilinear game for h a < 1/sqrt(3). Source: Popov 1980; Gidel et al. 2019.

    Args:
        field: the field, in any namespace.
        h: step size, > 0; adjustable.

    Returns:
        The update map on states of twice the width; ``start`` sets p to v.

    Raises:
        ValueError: a step that is not positive and finite, or a field with memory.

    Example:
        >>> import numpy as np
        >>> from gandyn.games import catalogue
        >>> step = extrapolation_from_the_past(catalogue.make("bilinear"), 0.1)
        >>> step(step.start(np.array([1.0, 0.0])))
        array([ 0.99,  0.1 , -0.1 ,  1.  ])
    """
    return update_map(field, _past, "extrapolation from the past", memory=("past",), first=_velocity, h=h)


def optimistic(field: VectorField, h: float) -> UpdateMap:
    """Return optimistic gradient descent, ``x' = x + 2 h v(x) - h p``, p the velocity one step before.

    Cost: 1 gradient a step. Keeps the fixed points, and has no others. Multipliers
    ``(1 + 2 s +- sqrt(1 + 4 s^2)) / 2`` with ``s = h lambda``; stable on the bilinear game for
    h a < 1/sqrt(3). Source: Popov 1980; Daskalakis et al. 2018.

    Args:
        field: the field, in any namespace.
        h: step size, > 0; adjustable.

    Returns:
        The update map on states of twice the width; ``start`` sets p to v, so that the first step is
        plain descent.

    Raises:
        ValueError: a step that is not positive and finite, or a field with memory.

    Example:
        >>> import numpy as np
        >>> from gandyn.games import catalogue
        >>> step = optimistic(catalogue.make("bilinear"), 0.1)
        >>> step(step.start(np.array([1.0, 1.0])))
        array([ 0.9,  1.1, -1. ,  1. ])
    """
    return update_map(field, _optimistic, "optimistic", memory=("past",), first=_velocity, h=h)


def _velocity(field: VectorField, theta: Array) -> tuple[Array, ...]:
    return (field(theta),)


def _extragradient(on: Recorder, x: Vector, *, h: Any) -> Vector:
    return x + h * on.v(x + h * on.v(x))


def _past(on: Recorder, x: Vector, past: Vector, *, h: Any) -> tuple[Vector, ...]:
    velocity = on.v(x + h * past)
    return x + h * velocity, velocity


def _optimistic(on: Recorder, x: Vector, past: Vector, *, h: Any) -> tuple[Vector, ...]:
    velocity = on.v(x)
    return x + (2 * h) * velocity + (-h) * past, velocity
