"""Descent with a memory of past velocities: heavy ball and Nesterov's method."""

from __future__ import annotations

from typing import Any

from gandyn.field import UpdateMap, VectorField
from gandyn.schemes.record import Recorder, Vector
from gandyn.schemes.rule import check_range, update_map
from gandyn.schemes.turns import Order, in_order

__all__ = ["heavy_ball", "nesterov"]


def heavy_ball(field: VectorField, h: float, beta: float = 0.9, order: Order = "simultaneous") -> UpdateMap:
    """Return descent with momentum, ``m' = beta m + v(x)``, ``x' = x + h m'``.

    Cost: 1 gradient a step (2 in turn). Keeps the fixed points, with m = 0, and has no others. Multipliers
    are the roots of ``mu^2 - (1 + beta + h lambda) mu + beta``; both at once it is never stable on the
    bilinear game, in turn with negative beta it is. Source: Polyak 1964; Gidel et al. 2019.

    Args:
        field: the field, in any namespace.
        h: step size, > 0; adjustable. Flow time of one step, as without momentum.
        beta: momentum, in (-1, 1), of either sign; adjustable.
        order: "simultaneous", "generator first" or "discriminator first".

    Returns:
        The update map on states of twice the width.

    Raises:
        ValueError: a constant out of range, an unknown order, or turns without two players.

    Example:
        >>> import numpy as np
        >>> from gandyn.games import catalogue
        >>> step = heavy_ball(catalogue.make("bilinear"), 0.5, -0.5, "generator first")
        >>> bool(np.abs(np.linalg.eigvals(step.jac(np.zeros(4)))).max() < 1)
        True
    """
    check_range("beta", beta, above=-1.0, below=1.0)
    label = f"heavy ball, {order}"
    return update_map(field, in_order(field, _heavy_ball, order), label, memory=("momentum",), h=h, beta=beta)


def nesterov(field: VectorField, h: float, beta: float = 0.9, order: Order = "simultaneous") -> UpdateMap:
    """Return Nesterov's method, ``m' = beta m + v(x + h beta m)``, ``x' = x + h m'``.

    Cost: 1 gradient a step (2 in turn). Keeps the fixed points, with m = 0, and has no others.
    Multipliers are the roots of ``mu^2 - (1 + beta) (1 + h lambda) mu + beta (1 + h lambda)``; never stable
    on the bilinear game for beta >= 0 with both at once. Source: Nesterov 1983; Sutskever et al. 2013.

    Args:
        field: the field, in any namespace.
        h: step size, > 0; adjustable.
        beta: momentum, in (-1, 1); adjustable.
        order: "simultaneous", "generator first" or "discriminator first".

    Returns:
        The update map on states of twice the width.

    Raises:
        ValueError: a constant out of range, an unknown order, or turns without two players.

    Example:
        >>> import numpy as np
        >>> from gandyn.games import catalogue
        >>> nesterov(catalogue.make("bilinear"), 0.1)(np.array([1.0, 0.0, 0.0, 0.0]))
        array([1. , 0.1, 0. , 1. ])
    """
    check_range("beta", beta, above=-1.0, below=1.0)
    label = f"Nesterov, {order}"
    return update_map(field, in_order(field, _nesterov, order), label, memory=("momentum",), h=h, beta=beta)


def _heavy_ball(on: Recorder, x: Vector, momentum: Vector, *, h: Any, beta: Any) -> tuple[Vector, ...]:
    moved = on.v(x) + beta * momentum
    return x + h * moved, moved


def _nesterov(on: Recorder, x: Vector, momentum: Vector, *, h: Any, beta: Any) -> tuple[Vector, ...]:
    moved = on.v(x + (h * beta) * momentum) + beta * momentum
    return x + h * moved, moved
