"""Two losses, written once with sympy symbols, become a vector field with its exact Jacobian.

A loss is an ordinary sympy expression in the parameters of both players, the constants of the game and
expectations ``E(expression, x=measure)`` over data and latents. Where a loss has a kink (``Abs``, ``Max``)
the Jacobian is the derivative almost everywhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal, TypeAlias, cast

import numpy as np
import sympy as sp

from gandyn.field import System, VectorField
from gandyn.games.codegen import Kernel
from gandyn.games.definition import Definition, gradient
from gandyn.games.expectation import E, Expectation
from gandyn.games.formula import Formula
from gandyn.games.functions import stable

__all__ = ["E", "Expectation", "exchanged_losses", "from_expressions", "from_losses"]

#: Lower and upper end of each parameter, by symbol or name.
Window: TypeAlias = Mapping[Any, tuple[float, float]]
_LOSSES = "losses"


def from_losses(
    loss_g: Any,
    loss_d: Any,
    *,
    generator: Sequence[sp.Symbol],
    discriminator: Sequence[sp.Symbol],
    constants: Mapping[Any, float] | None = None,
    window: Window | None = None,
    label: str = "",
) -> VectorField:
    """Return the field ``v = (-dL_G/dg, -dL_D/dd)`` of a game given by its two losses.

    Both are differentiated exactly, rewritten so that they neither overflow nor cancel, and compiled
    into one kernel each for the velocity and for the velocity with its Jacobian; see ``field.kernel``.

    Args:
        loss_g: the generator's loss, a sympy expression.
        loss_d: the discriminator's loss.
        generator: the generator's parameters, which come first in the state.
        discriminator: the discriminator's parameters.
        constants: values of all other symbols, by symbol or name; ``field.with_constants(gamma=0.3)``
            changes them without compiling anything.
        window: bounds of every parameter; at sampled states within them both losses must be real and
            finite. None checks nothing.
        label: name for titles and messages.

    Returns:
        The field, with ``jac``, ``jvp``, ``vjp``, ``constants`` and ``kernel``.

    Raises:
        ValueError: an unknown symbol, a name with two meanings, a loss that does not depend on its
            player, or one that is complex or undefined; the message quotes the expression.

    Example:
        >>> from gandyn.games.measures import samples
        >>> x, z, b_g, b_d = sp.symbols("x z b_g b_d")
        >>> judge = lambda s: 1 / (1 + sp.exp(-(s + b_d)))
        >>> data, latent = samples("normal", 100, seed=0), samples("normal", 100, seed=1)
        >>> fake = E(sp.log(1 - judge(z + b_g)), z=latent)
        >>> field = from_losses(fake, -E(sp.log(judge(x)), x=data) - fake,
        ...                     generator=[b_g], discriminator=[b_d])
        >>> field(np.zeros(2)).shape, field.jac(np.zeros((5, 2))).shape
        ((2,), (5, 2, 2))
    """
    players = {"generator": list(generator), "discriminator": list(discriminator)}
    game = Definition.of({"loss_g": loss_g, "loss_d": loss_d}, players, constants or {})
    for (name, loss), (player, symbols) in zip(game.expressions.items(), players.items(), strict=True):
        if symbols and not {s.name for s in symbols} & {s.name for s in loss.free_symbols}:
            quoted = f"{name} = {game.quoted(loss)}"
            raise ValueError(f"{quoted} depends on no parameter of the {player}: {symbols}")

    def derive(losses: Mapping[str, sp.Expr]) -> list[sp.Expr]:
        return _descent(losses.values(), game.players.values())

    return cast(VectorField, _checked_system(Formula(game, _LOSSES, derive), window, label, None))


def exchanged_losses(field: VectorField) -> VectorField:
    """Return the game in which each player descends the loss of the other.

    ``w = (-dL_D/dg, -dL_G/dd)``: what each player's parameters do to its opponent, which methods that shape
    the opponent's learning ask for. Of a zero-sum game it is ``-v``.

    Args:
        field: a game made by ``from_losses``, not transformed.

    Returns:
        The compiled field of the same parameters and constants.

    Raises:
        ValueError: a field that was not derived from two losses, or was changed since.

    Example:
        >>> x, y = sp.symbols("x y")
        >>> tandem = from_losses((x + y)**2 - 2*x, (x + y)**2 - 2*y, generator=[x], discriminator=[y])
        >>> tandem(np.array([1.0, 0.0])), exchanged_losses(tandem)(np.array([1.0, 0.0]))
        (array([0., 0.]), array([-2., -2.]))
    """
    formula = field.formula
    if formula is None or formula.steps != _LOSSES:
        raise ValueError(
            f"{field.label or 'this field'} does not carry its two losses (only an untransformed game of "
            "from_losses does), so what each player's parameters do to the other's loss is not known"
        )
    own = formula.game.players.values()

    def derive(losses: Mapping[str, sp.Expr]) -> list[sp.Expr]:
        return _descent(list(losses.values())[::-1], own)

    title = f"{field.label}, losses exchanged".lstrip(", ")
    return cast(
        VectorField, Formula(formula.game, "exchanged losses", derive).family(title)(**field.constants)
    )


def _descent(losses: Iterable[sp.Expr], players: Iterable[Sequence[sp.Symbol]]) -> list[sp.Expr]:
    """Return minus the derivative of each loss by the parameters of its player."""
    own = zip(losses, players, strict=True)
    return [slope for loss, symbols in own for slope in gradient(stable(-loss), symbols)]


def from_expressions(
    components: Sequence[Any],
    *,
    state: Sequence[sp.Symbol] = (),
    generator: Sequence[sp.Symbol] = (),
    discriminator: Sequence[sp.Symbol] = (),
    constants: Mapping[Any, float] | None = None,
    time: sp.Symbol | None = None,
    kind: Literal["flow", "map"] = "flow",
    dt: float = 1.0,
    window: Window | None = None,
    label: str = "",
) -> Any:
    """Return the flow (or map) whose velocity (or next state) is given component by component.

    Args:
        components: one sympy expression for each symbol of the state, in its order.
        state: symbols of a system without players.
        generator: the generator's parameters, for a game given by its field; they come first.
        discriminator: the discriminator's parameters; they come last.
        constants: values of all other symbols, by symbol or name.
        time: symbol of time, or of the number of the step of a map.
        kind: ``"flow"`` for a ``VectorField``, ``"map"`` for an ``UpdateMap``.
        dt: flow time of one step of a map.
        window: bounds of every symbol of the state; at sampled states within them the components must
            be real and finite. None checks nothing.
        label: name for titles and messages.

    Returns:
        The field or map, with ``jac``, ``jvp``, ``vjp``, ``constants`` and ``kernel``.

    Raises:
        ValueError: as many components as there are not symbols, an unknown ``kind`` or symbol, a name
            with two meanings, or a component that is complex or undefined.

    Example:
        >>> x, r = sp.symbols("x r")
        >>> logistic = from_expressions([r * x * (1 - x)], state=[x], constants={r: 4.0}, kind="map")
        >>> logistic(np.array([0.25])), logistic.with_constants(r=2.0).jac(np.array([0.25]))
        (array([0.75]), array([[1.]]))
    """
    if kind not in ("flow", "map"):
        raise ValueError(f"kind must be 'flow' or 'map', got {kind!r}")
    players = {"generator": list(generator), "state": list(state), "discriminator": list(discriminator)}
    count = sum(map(len, players.values()))
    if len(components) != count:
        raise ValueError(f"one component for each of the {count} symbols is needed, got {list(components)}")
    named = {f"component {i}": component for i, component in enumerate(components)}
    game = Definition.of(named, players, constants or {}, time)
    formula = Formula(game, "components", _as_written)
    return _checked_system(formula, window, label, dt if kind == "map" else None)


def _as_written(components: Mapping[str, sp.Expr]) -> list[sp.Expr]:
    return [stable(expression) for expression in components.values()]


def _checked_system(formula: Formula, window: Window | None, label: str, dt: float | None) -> System:
    system = formula.family(label, dt)(**formula.game.constants)
    if window is not None:
        _check_window(formula.game, window, system.kernel)
    return system


def _check_window(game: Definition, window: Window, kernel: Kernel) -> None:
    """Raise where a term of an expression is complex or not defined at a sampled state."""
    bounds = {getattr(key, "name", key): value for key, value in window.items()}
    names = [symbol.name for symbol in game.state]
    if set(bounds) != set(names):
        raise ValueError(f"window must give (low, high) for each of {names}, got {bounds}")
    low, high = np.array([bounds[name] for name in names], dtype=float).T
    if not np.all(low < high):
        raise ValueError(f"window must give low < high for each parameter, got {bounds}")
    shares = np.random.default_rng(0).uniform(size=(500, len(names)))
    x = np.vstack([(low + high) / 2, low, high, low + shares * (high - low)])
    for name, expression in game.expressions.items():
        for term in sp.Add.make_args(expression):
            program = game.program([stable(term)])
            values = replace(kernel, programs=(program, program)).evaluate_in_numpy(x)[:, 0]
            if not np.all(np.isfinite(values)):
                at = dict(zip(names, x[np.argmin(np.isfinite(values))].tolist(), strict=True))
                where = f"complex or not defined in the window, as at {at}"
                raise ValueError(f"{name}: {game.quoted(term)} is {where}")
