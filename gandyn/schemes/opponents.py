"""Steps that count on the opponent's next step: LookAhead, LOLA and stable opponent shaping."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gandyn.field import UpdateMap, VectorField
from gandyn.schemes.record import Recorder, Vector
from gandyn.schemes.rule import check_range, require_players, update_map

__all__ = ["expecting", "lola", "lookahead", "rival_of", "sos"]


def lookahead(field: VectorField, h: float, alpha: float | None = None) -> UpdateMap:
    """Return LookAhead: each player descends against the opponent as it will be after its own next step.

    ``x_G' = x_G + h v_G(x_G, x_D + alpha v_D(x))``, and the other way about. The opponent's step counts as
    given: no player shapes it, as in ``lola``. Cost: 3 gradients. Keeps the fixed points; may add some.
    Multipliers ``1 + s + s^2``, ``s = h lambda``, on the bilinear game with alpha = h, as extragradient. To
    first order in alpha it is ``lcgd``. Source: Zhang and Lesser 2010.

    Args:
        field: the field, in any namespace, with both players.
        h: step size, flow time of one step, > 0; adjustable.
        alpha: step size expected of the opponent, >= 0; adjustable. None: that of the step.

    Returns:
        The update map, compiled if the field is.

    Raises:
        ValueError: a constant out of range, or a field without players.

    Example:
        >>> import numpy as np
        >>> from gandyn.games import catalogue
        >>> lookahead(catalogue.make("bilinear"), 0.5)(np.array([1.0, 0.0]))
        array([0.75, 0.5 ])
    """
    require_players(field, "LookAhead")
    return expecting(field, _lookahead, "LookAhead", h, alpha)


def lola(
    field: VectorField, h: float, alpha: float | None = None, rival: VectorField | None = None
) -> UpdateMap:
    """Return learning with opponent-learning awareness: each player shapes the other's next step.

    ``x' = x + h (v + alpha K v + alpha K^T w)``, K the part of the Jacobian through which each player feels
    the other and ``w = (-dL_D/dx_G, -dL_G/dx_D)``: the descent of ``L_G(x_G, x_D + alpha v_D(x))`` to first
    order in alpha. Cost: 1 gradient, 1 of the opponents' losses, and 4 products with J. Keeps the fixed
    points of zero-sum games, where w = -v, but **not those of others**. Multipliers ``1 + s + 2 s^2``,
    ``s = h lambda``, on the bilinear game with alpha = h: stable for h a < sqrt(3)/2. Runs on arrays.
    Source: Foerster et al. 2018; Letcher et al. 2019.

    Args:
        field: the field, in any namespace, with both players.
        h: step size, > 0; adjustable.
        alpha: step size expected of the opponent, >= 0; adjustable. None: that of the step.
        rival: w, the field of the same game with its losses exchanged. Games made by ``from_losses`` and
            networks have it themselves; ``gandyn.scale(field, -1.0)`` where the losses add up to a constant.

    Returns:
        The update map; ``derivatives`` says how exact its Jacobian is.

    Raises:
        ValueError: a constant out of range, a field without players, or one that does not carry its losses
            when ``rival`` is left out.

    Example:
        >>> import numpy as np
        >>> from gandyn.games import catalogue
        >>> lola(catalogue.make("bilinear"), 0.5)(np.array([1.0, 0.0]))
        array([0.5, 0.5])
    """
    require_players(field, "LOLA")
    return expecting(field, _lola, "LOLA", h, alpha, others=(rival_of(field, rival),))


def sos(
    field: VectorField,
    h: float,
    alpha: float | None = None,
    a: float = 0.5,
    b: float = 0.1,
    rival: VectorField | None = None,
) -> UpdateMap:
    """Return stable opponent shaping: as much of LOLA's shaping as neither turns back nor moves fixed points.

    ``x' = x + h (u + p c)`` with ``u = v + alpha K v``, ``c = alpha K^T w`` (see ``lola``) and
    ``p = min(p1, p2)``: p1 is 1 where ``<c, u> >= 0``, else ``min(1, -a |u|^2 / <c, u>)``; p2 is
    ``|v|^2`` where ``|v| < b``, else 1. Cost: that of ``lola``. Keeps the fixed points, for p vanishes
    there; may add some where ``u + p c = 0``. The multipliers at one are those of ``lcgd``. The map jumps
    where ``|v| = b``. Runs on arrays. Source: Letcher et al. 2019.

    Args:
        field: the field, in any namespace, with both players.
        h: step size, > 0; adjustable.
        alpha: step size expected of the opponent, >= 0; adjustable. None: that of the step.
        a: share of ``|u|`` that shaping may undo, in (0, 1); adjustable.
        b: norm of the velocity below which shaping fades, in (0, 1); adjustable.
        rival: the field with the losses exchanged, see ``lola``.

    Returns:
        The update map; ``derivatives`` says how exact its Jacobian is.

    Raises:
        ValueError: a constant out of range, a field without players, or one that does not carry its losses
            when ``rival`` is left out.

    Example:
        >>> import numpy as np
        >>> from gandyn.games import catalogue
        >>> sos(catalogue.make("bilinear"), 0.5)(np.array([1.0, 0.0]))
        array([0.5, 0.5])
    """
    require_players(field, "stable opponent shaping")
    for name, value in {"a": a, "b": b}.items():
        check_range(name, value, above=0.0, below=1.0)
    return expecting(field, _sos, "SOS", h, alpha, others=(rival_of(field, rival),), a=a, b=b)


def rival_of(field: VectorField, rival: VectorField | None) -> VectorField:
    """Return the field with the losses exchanged: what was given, or what the game itself has."""
    if rival is None:
        return _own_rival(field)
    if rival.layout != field.layout:
        names = list(field.layout.names), list(rival.layout.names)
        raise ValueError(f"rival must have the layout of the field, {names[0]}, got {names[1]}")
    return rival


def _own_rival(field: VectorField) -> VectorField:
    if field.rival is not None:
        return field.rival()
    if field.formula is None:
        raise ValueError(
            "this scheme needs what each player's parameters do to the other's loss: pass rival=, the field "
            "of the same game with its losses exchanged, or rival=gandyn.scale(field, -1.0) if it is zero-sum"
        )
    from gandyn.games.symbolic import exchanged_losses

    return exchanged_losses(field)


def expecting(
    field: VectorField, step: Callable[..., Any], label: str, h: float, alpha: float | None, **options: Any
) -> UpdateMap:
    """Return the map of a step that expects the opponent to take one of size ``alpha``."""
    if alpha is None:
        return update_map(field, lambda on, x, *, h, **c: step(on, x, h, h, **c), label, h=h, **options)
    check_range("alpha", alpha, low=0.0)
    rule = lambda on, x, *, h, alpha, **c: step(on, x, h, alpha, **c)
    return update_map(field, rule, label, h=h, alpha=alpha, **options)


def _lookahead(on: Recorder, x: Vector, h: Any, alpha: Any) -> Vector:
    expected = x + alpha * on.v(x)
    for_generator = on.v(on.swap("discriminator", expected, x))
    for_discriminator = on.v(on.swap("generator", expected, x))
    return x + h * on.pick(for_generator, for_discriminator)


def _aware(on: Recorder, x: Vector, alpha: Any) -> tuple[Vector, Vector, Vector]:
    """Return the velocity, that against an opponent who takes a step, and what shaping the step adds."""
    velocity = on.v(x)
    return velocity, velocity + alpha * on.interaction(x, velocity), alpha * on.shaping(x, on.v(x, of=1))


def _lola(on: Recorder, x: Vector, h: Any, alpha: Any) -> Vector:
    _, aware, shaping = _aware(on, x, alpha)
    return x + h * (aware + shaping)


def _sos(on: Recorder, x: Vector, h: Any, alpha: Any, *, a: Any, b: Any) -> Vector:
    velocity, aware, shaping = _aware(on, x, alpha)
    one, against, size = on.fill(1.0), -on.dot(shaping, aware), on.dot(velocity, velocity)
    undone = against.where_positive(against, one)
    share = against.where_positive(one.minimum(a * on.dot(aware, aware) / undone), one)
    fading = (on.fill(b * b) - size).where_positive(size, one)
    return x + h * (aware + share.minimum(fading) * shaping)
