"""Transforms that act linearly on the velocity: sums, multiples, two time scales, weight decay."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from operator import add as plus
from typing import Any, get_args

import numpy as np

from gandyn.arrays import Array, like
from gandyn.checks import check_option
from gandyn.field import Layout, Player, VectorField
from gandyn.transforms.adjustable import linear_derivatives, transformed

__all__ = ["add", "l2", "scale", "two_timescale"]


def scale(field: VectorField, factor: float) -> VectorField:
    """Return the field times a number, ``factor v``: another unit of time, or time reversed if negative.

    Args:
        field: the field, in any namespace.
        factor: adjustable as the constant ``factor`` (``factor_2`` where that name is taken, and so on).

    Returns:
        The scaled field; eigenvalues are ``factor`` times those of ``field``.

    Raises:
        ValueError: a factor that is not finite.

    Example:
        >>> decay = VectorField(lambda x, t: -x, Layout.scalars(state=["x"]), jvp=lambda x, u, t: -u)
        >>> scale(decay, 3.0)(np.array([2.0]))
        array([-6.])
    """
    return transformed([field], {"factor": factor}, "scaled", rule=_scaled, build=_scaled_arrays)


def two_timescale(field: VectorField, ratio: float) -> VectorField:
    """Return the field whose discriminator moves ``ratio`` times as fast, ``(v_G, kappa v_D)``.

    ``kappa = eta_D / eta_G`` is the ratio of the learning rates; flow time is that of the generator.
    Source: Heusel et al. 2017.

    Args:
        field: the field, in any namespace, with blocks of the discriminator.
        ratio: > 0; adjustable as the constant ``kappa`` (``kappa_2`` where that name is taken).

    Returns:
        The field on two time scales; its fixed points are those of ``field``.

    Raises:
        ValueError: a ratio that is not positive, or a field without a discriminator.

    Example:
        >>> layout = Layout.scalars(generator=["x"], discriminator=["y"])
        >>> field = VectorField(lambda x, t: -x, layout, jvp=lambda x, u, t: -u)
        >>> two_timescale(field, 5.0)(np.array([1.0, 1.0]))
        array([-1., -5.])
    """
    if not ratio > 0:
        raise ValueError(
            f"ratio, the discriminator's learning rate over the generator's, is {ratio}; give > 0"
        )
    _require_player(field.layout, "discriminator")
    label = "two time scales"
    return transformed([field], {"kappa": ratio}, label, rule=_faster, build=_faster_arrays)


def l2(field: VectorField, weight: float, player: Player | None = None) -> VectorField:
    """Return the field with weight decay, ``v - weight theta``: both losses gain ``weight |theta|^2 / 2``.

    Args:
        field: the field, in any namespace.
        weight: adjustable as the constant ``l2`` (``l2_2`` where that name is taken).
        player: whose parameters decay; None for all but memory.

    Returns:
        The field with decay; fixed points move towards the origin.

    Raises:
        ValueError: an unknown player or one without blocks, or a weight that is not finite.

    Example:
        >>> layout = Layout.scalars(generator=["x"], discriminator=["y"])
        >>> still = VectorField(lambda x, t: 0 * x, layout, jvp=lambda x, u, t: 0 * u)
        >>> l2(still, 0.1, "discriminator")(np.array([1.0, 1.0]))
        array([ 0. , -0.1])
    """
    if player is not None:
        check_option("player", player, get_args(Player))
        _require_player(field.layout, player)
    label = "l2" + (f" on the {player}" if player else "")
    return transformed([field], {"l2": weight}, label, rule=_decaying, build=_decaying_arrays, player=player)


def add(*fields: VectorField) -> VectorField:
    """Return the sum of fields on the same state.

    Args:
        *fields: two or more, of equal layouts and in one namespace. Constants of one name are one constant.

    Returns:
        The sum, compiled if all its terms come from symbols.

    Raises:
        ValueError: fewer than two fields, layouts that differ, or a constant with two values.

    Example:
        >>> layout = Layout.scalars(state=["x"])
        >>> decay = VectorField(lambda x, t: -x, layout, jvp=lambda x, u, t: -u)
        >>> cubic = VectorField(lambda x, t: x**3, layout, jvp=lambda x, u, t: 3 * x**2 * u)
        >>> add(decay, cubic).jac(np.array([2.0]))
        array([[11.]])
    """
    if len(fields) < 2:
        raise ValueError(f"add takes two or more fields, got {len(fields)}")
    for field in fields[1:]:
        if field.layout != fields[0].layout:
            here, there = list(fields[0].layout.names), list(field.layout.names)
            raise ValueError(f"add takes fields on the same state; their blocks are {here} and {there}")
    return transformed(fields, {}, f"plus {fields[1].label or 'another'}", rule=_summed, build=_summed_arrays)


def _require_player(layout: Layout, player: Player) -> None:
    if not np.any(layout.mask(player)):
        raise ValueError(f"the field has no block of the {player}; its blocks are {list(layout.names)}")


def _scaled(terms: Any, factor: Any) -> list[Any]:
    return [factor * entry for entry in terms.velocity]


def _scaled_arrays(field: VectorField, factor: float) -> dict[str, Any]:
    return _rows_times(field, np.full(field.layout.dim, factor))


def _faster(terms: Any, kappa: Any) -> list[Any]:
    owned = zip(terms.velocity, terms.players, strict=True)
    return [kappa * entry if player == "discriminator" else entry for entry, player in owned]


def _faster_arrays(field: VectorField, kappa: float) -> dict[str, Any]:
    return _rows_times(field, np.where(field.layout.mask("discriminator"), kappa, 1.0))


def _rows_times(field: VectorField, factors: np.ndarray) -> dict[str, Any]:
    """Return the parts of ``diag(factors) v``."""
    left: Callable[[Array], Array] = lambda value: like(factors, value) * value
    return {
        "fn": lambda x, t: left(field(x, t)),
        "jac": lambda x, t: like(factors, x)[:, None] * field.jac(x, t),
        "jvp": lambda x, u, t: left(field.jvp(x, u, t)),
        "vjp": lambda x, u, t: field.vjp(x, left(u), t),
        **linear_derivatives(
            [field],
            lambda x, u, w, t: left(field.second(x, u, w, t)),
            lambda x, u, w, t: field.second_adjoint(x, u, left(w), t),
        ),
    }


def _decaying(terms: Any, l2: Any, player: Player | None) -> list[Any]:
    owners = zip(terms.velocity, terms.state, terms.players, strict=True)
    return [entry - l2 * symbol if player in (None, owner) else entry for entry, symbol, owner in owners]


def _decaying_arrays(field: VectorField, l2: float, player: Player | None) -> dict[str, Any]:
    owned = field.layout.mask(player) if player else ~field.layout.mask("memory")
    rates = np.where(owned, l2, 0.0)
    decay: Callable[[Array], Array] = lambda value: like(rates, value) * value
    return {
        "fn": lambda x, t: field(x, t) - decay(x),
        "jac": lambda x, t: field.jac(x, t) - like(np.diag(rates), x),
        "jvp": lambda x, u, t: field.jvp(x, u, t) - decay(u),
        "vjp": lambda x, u, t: field.vjp(x, u, t) - decay(u),
        **linear_derivatives([field], field.second, field.second_adjoint),
    }


def _summed(*terms: Any) -> list[Any]:
    return [reduce(plus, entries) for entries in zip(*(each.velocity for each in terms), strict=True)]


def _summed_arrays(*fields: VectorField) -> dict[str, Any]:
    def total(name: str) -> Callable[..., Array]:
        return lambda *arguments: reduce(plus, (getattr(field, name)(*arguments) for field in fields))

    second = linear_derivatives(fields, total("second"), total("second_adjoint"))
    return {"fn": total("__call__"), **{name: total(name) for name in ("jac", "jvp", "vjp")}, **second}
