"""Bounds: on the weights of the discriminator, or on the gradients."""

from __future__ import annotations

from typing import Any

from gandyn.field import UpdateMap
from gandyn.schemes.modify import Inner, modified, rule_of
from gandyn.schemes.record import Part, Recorder, Vector
from gandyn.schemes.rule import check_range, require_players

__all__ = ["clipped_gradient", "clipped_weights"]


def clipped_weights(update: UpdateMap, bound: float) -> UpdateMap:
    """Return a scheme that projects the discriminator's entries to [-bound, bound] after each of its moves.

    That is after each of several steps in a row, too. Cost: that of the scheme. Keeps the fixed points within
    the bound; may add some on it, where the velocity of the discriminator points outward. At a bound the
    Jacobian counts the projection as the identity, beyond it as 0. Source: Arjovsky, Chintala, Bottou 2017.

    Args:
        update: the update map of a scheme, of a field with both players.
        bound: largest absolute value of an entry, > 0; adjustable as ``clip``.

    Returns:
        The update map, compiled if that of the scheme is.

    Raises:
        ValueError: a bound that is not positive, a field without players, or a map that no scheme made.

    Example:
        >>> import numpy as np
        >>> from gandyn.games import catalogue
        >>> from gandyn.schemes import simultaneous
        >>> clipped_weights(simultaneous(catalogue.make("bilinear"), 0.5), 1.0)(np.array([1.0, 0.8]))
        array([0.6, 1. ])
    """
    require_players(rule_of(update).field, "clipping the discriminator's weights")
    check_range("bound", bound, above=0.0)

    def change(inner: Inner, on: Recorder, *state: Vector, clip: Any) -> tuple[Vector, ...]:
        project = lambda _, x: on.swap("discriminator", x.clip(clip), x)
        x, *memory = inner(on.projecting(project), *state)
        return project(on, x), *memory

    return modified(update, change, "weights clipped", clip=bound)


def clipped_gradient(update: UpdateMap, bound: float) -> UpdateMap:
    """Return a scheme that sees the gradient of each player scaled down to a norm of at most ``bound``.

    Every gradient that the scheme takes is clipped; products with the Jacobian, as in ``lcgd``, are those of
    the field as it is. Cost: that of the scheme. Keeps the fixed points, and adds none to those of a scheme
    of one gradient; changes nothing near them. Source: Pascanu, Mikolov, Bengio 2013.

    Args:
        update: the update map of a scheme.
        bound: largest norm of the gradient of a player, > 0; adjustable as ``max_gradient``.

    Returns:
        The update map, compiled if that of the scheme is.

    Raises:
        ValueError: a bound that is not positive, a scheme with an implicit step, or a map that no scheme
            made.

    Example:
        >>> import numpy as np
        >>> from gandyn.games import catalogue
        >>> from gandyn.schemes import simultaneous
        >>> clipped_gradient(simultaneous(catalogue.make("bilinear"), 0.5), 1.0)(np.array([4.0, 0.5]))
        array([3.75, 1.  ])
    """
    check_range("bound", bound, above=0.0)
    layout = rule_of(update).field.layout
    players: tuple[Part, ...] = ("generator", "discriminator")
    owners = [player for player in players if layout.mask(player).any()]

    def bend(on: Recorder, velocity: Vector, most: Vector) -> Vector:
        if len(owners) < 2:
            return _shortened(on, velocity, velocity, most)
        parts = (_shortened(on, velocity, on.only(player, velocity), most) for player in players)
        return on.pick(*parts)

    def change(inner: Inner, on: Recorder, *state: Vector, max_gradient: Any) -> tuple[Vector, ...]:
        most = on.fill(max_gradient)
        return inner(on.bent(lambda on, velocity: bend(on, velocity, most)), *state)

    return modified(update, change, "gradient clipped", max_gradient=bound)


def _shortened(on: Recorder, velocity: Vector, own: Vector, most: Vector) -> Vector:
    """Return the velocity times ``most / max(most, |own|)``, which divides by nothing that can vanish."""
    largest = -(-most).minimum(-on.dot(own, own).sqrt())
    return (most / largest) * velocity
