"""Unrolled GANs: the generator descends against the discriminator that k more steps would give."""

from __future__ import annotations

from functools import partial
from typing import Any

from gandyn.field import UpdateMap, VectorField
from gandyn.schemes.opponents import expecting, rival_of
from gandyn.schemes.record import Recorder, Vector
from gandyn.schemes.rule import check_count, require_players

__all__ = ["unrolled"]


def unrolled(
    field: VectorField,
    h: float,
    steps: int = 5,
    alpha: float | None = None,
    rival: VectorField | None = None,
) -> UpdateMap:
    """Return the step whose generator descends ``L_G(x_G, y_k)``, through y_k, and whose discriminator v_D.

    ``y_0 = x_D``, ``y_{j+1} = y_j + alpha v_D(x_G, y_j)``; the generator follows the whole derivative of
    ``L_G(x_G, y_k(x_G, x_D))``, by the chain rule backwards through the k steps. Cost: k + 1 gradients, 1 of
    the opponents' losses, and k products with J^T. Keeps the fixed points of zero-sum games, but **not those
    of others**. On the bilinear game with alpha = h, ``[[1 - 2 k s^2, -s], [s, 1]]``, s = h a, stable for
    ``s^2 < 4 / (4 k - 1)``. Runs on arrays. Source: Metz et al. 2017.

    Args:
        field: the field, in any namespace, with both players.
        h: step size, flow time of one step, > 0; adjustable.
        steps: k, how many steps of the discriminator are unrolled, at least 1.
        alpha: size of these, >= 0; adjustable. None: that of the step.
        rival: the field with the losses exchanged, see ``lola``.

    Returns:
        The update map; ``derivatives`` says how exact its Jacobian is.

    Raises:
        ValueError: a constant or count out of range, a field without players, or one that does not carry its
            losses when ``rival`` is left out.

    Example:
        >>> import numpy as np
        >>> from gandyn.games import catalogue
        >>> unrolled(catalogue.make("bilinear"), 0.5, steps=1)(np.array([1.0, 0.0]))
        array([0.5, 0.5])
    """
    require_players(field, "an unrolled step")
    check_count("steps", steps)

    step = partial(_step, steps)
    return expecting(field, step, f"unrolled {steps}", h, alpha, others=(rival_of(field, rival),))


def _step(steps: int, on: Recorder, x: Vector, h: Any, alpha: Any) -> Vector:
    path = [x]
    for _ in range(steps):
        path.append(on.swap("discriminator", path[-1] + alpha * on.v(path[-1]), path[-1]))
    slope = on.pick(on.v(path[-1]), on.v(path[-1], of=1))
    for earlier in path[-2::-1]:
        slope = slope + alpha * on.vjp(earlier, on.only("discriminator", slope))
    return x + h * on.pick(slope, on.v(x))
