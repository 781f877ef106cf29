"""Regularisers as terms of a symbolic loss, under the names and with the weights of ``nets.losses``.

A critic is an expression in its inputs: ``D = w * x**2`` sees ``x``. Its slope is taken with respect to
the inputs, and then averaged over data (``x=measure``) or over what a generator makes of latents
(``{x: a * z}, z=measure``). A term belongs to the loss of the discriminator unless said otherwise. Instance
noise is a measure, ``gandyn.games.noisy``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sympy as sp

from gandyn.games.definition import gradient
from gandyn.games.expectation import Expectation, bindings_of
from gandyn.games.functions import sigmoid
from gandyn.games.measures import Measure

__all__ = ["consensus", "gradient_penalty", "r1", "r2", "roth"]


def r1(
    critic: Any, weight: Any, measures: Mapping[Any, Measure] | None = None, /, **named: Measure
) -> sp.Expr:
    """Return ``(weight / 2) E[|dD/dx|^2]`` on real samples. Source: Mescheder et al. 2018.

    Args:
        critic: the discriminator's output, an expression in its inputs.
        weight: the paper's gamma, a number or a symbol.
        measures: of the data, by symbol, or by tuple of symbols for points in several dimensions.
        **named: of the data, by the name of the symbol.

    Returns:
        A term for the discriminator's loss.

    Raises:
        ValueError: no measure, or one of a variable that the critic does not contain.

    Example:
        >>> from gandyn.games.measures import gauss_legendre
        >>> w, x = sp.symbols("w x")
        >>> r1(w * x**2, 0.5, x=gauss_legendre(9))
        0.25*E(4*w**2*x**2, x=Measure(9 points, dim=1))
    """
    place = _Place.of(critic, {}, {**(measures or {}), **named})
    return weight * place.mean(place.slope_squared) / 2


def r2(
    critic: Any,
    weight: Any,
    fake: Mapping[sp.Symbol, Any],
    measures: Mapping[Any, Measure] | None = None,
    /,
    **named: Measure,
) -> sp.Expr:
    """Return ``(weight / 2) E[|dD/dx|^2]`` on generated samples. Source: Mescheder et al. 2018.

    Args:
        critic: the discriminator's output, an expression in its inputs.
        weight: the paper's gamma, a number or a symbol.
        fake: what the generator puts in the place of each input.
        measures: of the latents, by symbol, or by tuple of symbols.
        **named: of the latents, by the name of the symbol.

    Returns:
        A term for the discriminator's loss.

    Raises:
        ValueError: an input that the critic does not have, or a variable that does not occur.

    Example:
        >>> from gandyn.games.measures import gauss_legendre
        >>> a, w, x, z = sp.symbols("a w x z")
        >>> r2(w * x**2, 0.5, {x: a * z}, z=gauss_legendre(9))
        0.25*E(4*a**2*w**2*z**2, z=Measure(9 points, dim=1))
    """
    place = _Place.of(critic, fake, {**(measures or {}), **named})
    return weight * place.mean(place.slope_squared) / 2


def gradient_penalty(
    critic: Any,
    weight: Any,
    target: Any,
    mixed: Mapping[sp.Symbol, Any],
    measures: Mapping[Any, Measure] | None = None,
    /,
    **named: Measure,
) -> sp.Expr:
    """Return ``weight E[(|dD/dx| - target)^2]`` on interpolates of real and generated samples.

    Sources: Gulrajani et al. 2017 with target 1, Thanh-Tung et al. 2019 with target 0.

    Args:
        critic: the discriminator's output, an expression in its inputs.
        weight: the paper's lambda, a number or a symbol.
        target: slope that the penalty asks for.
        mixed: the interpolate in the place of each input, such as ``{x: t * y + (1 - t) * a * z}``.
        measures: of data, latents and mixing shares, by symbol, or by tuple of symbols for joint points.
        **named: of those, by the name of the symbol.

    Returns:
        A term for the discriminator's loss; it has a kink where the slope vanishes.

    Raises:
        ValueError: an input that the critic does not have, or a variable that does not occur.

    Example:
        >>> from gandyn.games.measures import gauss_legendre
        >>> w, x, y = sp.symbols("w x y", real=True)
        >>> gradient_penalty(w * x, 10, 1, {x: y}, y=gauss_legendre(9))
        10*(Abs(w) - 1)**2
    """
    place = _Place.of(critic, mixed, {**(measures or {}), **named})
    return weight * place.mean((_norm(place.slopes) - target) ** 2)


def roth(
    critic: Any,
    weight: Any,
    fake: Mapping[sp.Symbol, Any],
    measures: Mapping[Any, Measure] | None = None,
    /,
    **named: Measure,
) -> sp.Expr:
    """Return ``(weight / 2) (E[(1 - d)^2 |dD/dx|^2] on real samples + E[d^2 |dD/dx|^2] on generated ones)``.

    ``d = sigma(D)`` is the probability that the discriminator gives; the term stands for instance noise of
    variance ``weight``, to first order. Source: Roth et al. 2017, the Jensen-Shannon case.

    Args:
        critic: the discriminator's output, a logit, an expression in its inputs.
        weight: the paper's gamma, a number or a symbol.
        fake: what the generator puts in the place of each input.
        measures: of data and latents, by symbol, or by tuple of symbols. Those of inputs are the data.
        **named: of those, by the name of the symbol.

    Returns:
        A term for the discriminator's loss.

    Raises:
        ValueError: an input that the critic does not have, or a variable that does not occur.

    Example:
        >>> from gandyn.games.measures import points
        >>> w, theta, x = sp.symbols("w theta x")
        >>> roth(w * x, 2, {x: theta}, x=points([0.0]))
        w**2*sigmoid(theta*w)**2 + E(w**2*sigmoid(-w*x)**2, x=Measure(1 points, dim=1))
    """
    given = {**(measures or {}), **named}
    inputs = {symbol.name for symbol in fake}
    is_data = {key: bool(inputs.intersection(_names(key))) for key in given}
    real = _Place.of(critic, {}, {key: m for key, m in given.items() if is_data[key]})
    made = _Place.of(critic, fake, {key: m for key, m in given.items() if not is_data[key]})
    on_real = real.mean(sigmoid(-real.output) ** 2 * real.slope_squared)
    on_fake = made.mean(sigmoid(made.output) ** 2 * made.slope_squared)
    return weight * (on_real + on_fake) / 2


def consensus(
    loss_g: Any,
    loss_d: Any,
    weight: Any,
    *,
    generator: Sequence[sp.Symbol],
    discriminator: Sequence[sp.Symbol],
) -> sp.Expr:
    """Return ``(weight / 2) (|dL_G/dg|^2 + |dL_D/dd|^2)``, to be added to the losses of both players.

    The same dynamics as ``gandyn.consensus(field, weight)``. Source: Mescheder, Nowozin, Geiger 2017.

    Args:
        loss_g: the generator's loss.
        loss_d: the discriminator's loss.
        weight: the paper's gamma, a number or a symbol.
        generator: the generator's parameters.
        discriminator: the discriminator's parameters.

    Returns:
        A term for both losses.

    Example:
        >>> a, b = sp.symbols("a b")
        >>> consensus(a * b, -a * b, 0.5, generator=[a], discriminator=[b])
        0.25*a**2 + 0.25*b**2
    """
    slopes = [*gradient(sp.sympify(loss_g), generator), *gradient(sp.sympify(loss_d), discriminator)]
    return weight * sp.Add(*(slope**2 for slope in slopes)) / 2


@dataclass(frozen=True, eq=False)
class _Place:
    """Where a critic is looked at: its output and its slopes there, and over what they are averaged.

    Args:
        output: the critic's output at that place.
        slopes: its derivative with respect to each input, at that place.
        bindings: integration variables and their measures.
    """

    output: sp.Expr
    slopes: list[sp.Expr]
    bindings: list[sp.Tuple]

    @classmethod
    def of(cls, critic: Any, at: Mapping[sp.Symbol, Any], measures: Mapping[Any, Measure]) -> _Place:
        """Return the critic at ``at``, or at its own inputs, which are then those that have a measure."""
        critic = sp.sympify(critic)
        there = {symbol: sp.sympify(value) for symbol, value in at.items()}
        foreign = sorted(symbol.name for symbol in set(there) - critic.free_symbols)
        if foreign:
            raise ValueError(
                f"the critic {critic} has no input {foreign[0]}; its symbols are {_named(critic)}"
            )
        seen = critic.xreplace(there)
        bindings = bindings_of(sp.Tuple(seen, *there.values()), measures) if measures or not there else []
        inputs = list(there) or [symbol for symbols, _ in bindings for symbol in symbols]
        return cls(seen, [critic.diff(symbol).xreplace(there) for symbol in inputs], bindings)

    @property
    def slope_squared(self) -> sp.Expr:
        """The squared norm of the slope."""
        return sp.Add(*(slope**2 for slope in self.slopes))

    def mean(self, expression: sp.Expr) -> sp.Expr:
        """Return the average of an expression, over those variables only that it contains."""
        free = expression.free_symbols
        used = [binding for binding in self.bindings if free.intersection(binding[0])]
        return Expectation(expression, *used) if used else expression


def _norm(slopes: Sequence[sp.Expr]) -> sp.Expr:
    return sp.Abs(slopes[0]) if len(slopes) == 1 else sp.sqrt(sp.Add(*(slope**2 for slope in slopes)))


def _names(key: Any) -> list[str]:
    return [str(getattr(s, "name", s)) for s in (key if isinstance(key, tuple | sp.Tuple) else (key,))]


def _named(expression: sp.Expr) -> list[str]:
    return sorted(symbol.name for symbol in expression.free_symbols)
