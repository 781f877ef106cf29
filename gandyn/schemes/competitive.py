"""Competitive gradient descent: each player's best step against the other's, in a local bilinear game."""

from __future__ import annotations

from typing import Any

from gandyn.field import UpdateMap, VectorField
from gandyn.schemes.record import Recorder, Vector
from gandyn.schemes.rule import require_players, update_map
from gandyn.schemes.solvers import Solver

__all__ = ["cgd", "lcgd"]

_EXACT = Solver()


def cgd(field: VectorField, h: float, solver: Solver = _EXACT) -> UpdateMap:
    """Return competitive gradient descent, ``x' = x + h (I - h K)^-1 v(x)``.

    K is the part of the Jacobian through which each player feels the other, so that both steps are the Nash
    equilibrium of the game that is linear in each of them, with ``|step|^2 / 2h`` added to both losses.
    Cost: 1 gradient and a linear system: dense up to 256 parameters, beyond by 2 products with J for each
    iteration. Keeps the fixed points, and has no others. Multipliers ``1 / (1 - h lambda)`` on the bilinear
    game, where it is the proximal point method, always stable. Runs on arrays. Its Jacobian takes the second
    derivatives of the field, central differences where it has none. Source: Schäfer and Anandkumar 2019.

    Args:
        field: the field, in any namespace, with both players.
        h: step size, flow time of one step, > 0; adjustable.
        solver: how the linear system is solved.

    Returns:
        The update map; ``derivatives`` says how exact its Jacobian is.

    Raises:
        ValueError: a step that is not positive and finite, or a field without players.
        ArithmeticError: when a step is taken, a linear system that the solver gives up.

    Example:
        >>> import numpy as np
        >>> from gandyn.games import catalogue
        >>> cgd(catalogue.make("bilinear"), 0.5)(np.array([1.0, 0.0]))
        array([0.8, 0.4])
    """
    require_players(field, "competitive gradient descent")

    def step(on: Recorder, x: Vector, *, h: Any) -> Vector:
        return x + h * on.solve(x, on.v(x), h, solver)

    return update_map(field, step, "competitive", h=h)


def lcgd(field: VectorField, h: float) -> UpdateMap:
    """Return linearised competitive gradient descent, ``x' = x + h (v(x) + h K v(x))``.

    The first two terms of the inverse in ``cgd``, and the LookAhead of Letcher et al. 2019. Cost: 1 gradient
    and 2 products with J. Keeps the fixed points; may add some where ``I + h K`` is singular. Multipliers
    ``1 + s + s^2``, ``s = h lambda``, on the bilinear game, stable for h a < 1, as extragradient. Runs on
    arrays. Source: Schäfer and Anandkumar 2019.

    Args:
        field: the field, in any namespace, with both players.
        h: step size, > 0; adjustable.

    Returns:
        The update map; ``derivatives`` says how exact its Jacobian is.

    Raises:
        ValueError: a step that is not positive and finite, or a field without players.

    Example:
        >>> import numpy as np
        >>> from gandyn.games import catalogue
        >>> lcgd(catalogue.make("bilinear"), 0.5)(np.array([1.0, 0.0]))
        array([0.75, 0.5 ])
    """
    require_players(field, "linearised competitive gradient descent")
    return update_map(field, _linearised, "linearised competitive", h=h)


def _linearised(on: Recorder, x: Vector, *, h: Any) -> Vector:
    velocity = on.v(x)
    return x + h * (velocity + h * on.interaction(x, velocity))
