"""Runge-Kutta steps of the joint field: every stage moves both players."""

from __future__ import annotations

from typing import Any

from gandyn.field import UpdateMap, VectorField
from gandyn.schemes.record import Recorder, Vector
from gandyn.schemes.rule import update_map

__all__ = ["rk2", "rk4"]


def rk2(field: VectorField, h: float) -> UpdateMap:
    """Return Heun's method, ``x' = x + h (v(x) + v(x + h v(x))) / 2``.

    Cost: 2 gradients a step. Keeps the fixed points; may add some. Multipliers ``1 + z + z^2/2`` with
    ``z = h lambda``; never stable on the bilinear game. Error of order h^2 at a given time. Both players move
    in both stages: with the opponent frozen the method would be Euler's on the bilinear game.
    Source: Heun 1900; Qin et al. 2020.

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
        >>> rk2(catalogue.make("bilinear"), 0.1)(np.array([1.0, 0.0]))
        array([0.995, 0.1  ])
    """
    return update_map(field, _rk2, "Runge-Kutta 2", h=h)


def rk4(field: VectorField, h: float) -> UpdateMap:
    """Return the classical Runge-Kutta method of the joint field.

    ``x' = x + h (k1 + 2 k2 + 2 k3 + k4) / 6`` with ``k1 = v(x)``, ``k2 = v(x + h k1 / 2)``,
    ``k3 = v(x + h k2 / 2)``, ``k4 = v(x + h k3)``. Cost: 4 gradients a step. Keeps the fixed points; may add
    some. Stable on the bilinear game for h a < 2 sqrt(2). Error of order h^4 at a given time.
    Source: Kutta 1901; Qin et al. 2020.

    Args:
        field: the field, in any namespace.
        h: step size, > 0; adjustable.

    Returns:
        The update map, compiled if the field is.

    Raises:
        ValueError: a step that is not positive and finite, or a field with memory.

    Example:
        >>> import numpy as np
        >>> from gandyn.games import catalogue
        >>> step = rk4(catalogue.make("bilinear"), 0.5)
        >>> (step(np.array([1.0, 0.0])) - [np.cos(0.5), np.sin(0.5)]).round(4)
        array([ 0.    , -0.0003])
    """
    return update_map(field, _rk4, "Runge-Kutta 4", h=h)


def _rk2(on: Recorder, x: Vector, *, h: Any) -> Vector:
    first = on.v(x)
    return x + (h / 2) * first + (h / 2) * on.v(x + h * first, after=h)


def _rk4(on: Recorder, x: Vector, *, h: Any) -> Vector:
    half = h / 2
    first = on.v(x)
    second = on.v(x + half * first, after=half)
    third = on.v(x + half * second, after=half)
    fourth = on.v(x + h * third, after=h)
    return x + (h / 6) * first + (h / 3) * second + (h / 3) * third + (h / 6) * fourth
