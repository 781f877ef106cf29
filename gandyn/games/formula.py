"""What a compiled system was derived from, so that a transform of a game is again a compiled game.

A transform gives a *rule*: a function of module level that makes new components out of the components and
the Jacobian of a field. The rule works on symbols with plain arithmetic and needs no sympy of its own; the
derivatives that the new Jacobian takes are derived, not approximated, whatever their order.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import sympy as sp

from gandyn.field import Layout, System, UpdateMap, VectorField
from gandyn.games.codegen import Kernel, Program, source_of
from gandyn.games.definition import Definition, gradient

__all__ = ["Formula", "Rule", "Terms"]


@dataclass(frozen=True, eq=False)
class Terms:
    """A field as a rule sees it.

    Args:
        velocity: its components.
        state: the symbols of the state.
        players: who owns each of them.
    """

    velocity: list[sp.Expr]
    state: list[sp.Symbol]
    players: list[str]

    @cached_property
    def jacobian(self) -> list[list[sp.Expr]]:
        """Row i holds the derivatives of component i, almost everywhere."""
        return [gradient(component, self.state) for component in self.velocity]

    @staticmethod
    def sign(expression: sp.Expr) -> sp.Expr:
        """Return the sign of an expression, whose derivative is zero almost everywhere."""
        return sp.sign(expression)


#: ``rule(*terms, **symbols) -> components``: one ``Terms`` for each field, a symbol for each constant.
Rule = Callable[..., Sequence[sp.Expr]]


@dataclass(frozen=True, eq=False)
class Formula:
    """The expressions of a game and how its components follow from them.

    Args:
        game: the expressions, the state, the constants with their first values, and the measures.
        steps: what ``components`` does, as a key under which its programs are kept.
        components: from named expressions to the components of the velocity.
    """

    game: Definition
    steps: str
    components: Callable[[Mapping[str, sp.Expr]], list[sp.Expr]]

    @property
    def programs(self) -> tuple[Program, Program]:
        """The programs of the velocity, and of the velocity with its Jacobian."""
        return self.game.programs(self.steps, lambda: self.components(self.game.expressions))

    def family(self, label: str = "", dt: float | None = None) -> Callable[..., Any]:
        """Return the systems that have these components, as a function of their constants.

        Args:
            label: name for titles and messages.
            dt: flow time of one step of a map; None for a flow.
        """
        names = {player: [s.name for s in own] for player, own in self.game.players.items()}
        layout = Layout.scalars(**names)
        programs, nodes, dim = self.programs, self._nodes, layout.dim

        def family(**values: float) -> System:
            params = np.array([_number(name, values[name]) for name in self.game.constants], dtype=np.float64)
            kernel = Kernel(dim, programs, params, *nodes)

            def jac(x: Any, t: Any) -> np.ndarray:
                both = kernel.evaluate(x, t, jacobian=True)
                return both[..., dim:].reshape(*both.shape[:-1], dim, dim)

            given: dict[str, Any] = {"jac": jac, "kernel": kernel, "label": label}
            given |= {"constants": dict(values), "family": family}
            if dt is not None:
                return UpdateMap(kernel.evaluate, layout, dt, **given)
            second, adjoint = self._second_order(params)
            given |= {"second": second, "second_adjoint": adjoint, "formula": self}
            return VectorField(kernel.evaluate, layout, **given)

        return family

    @property
    def terms(self) -> Terms:
        """The components as a rule takes them."""
        return self._terms(self.game.expressions)

    def switches(self, constants: Mapping[str, float]) -> list[tuple[np.ndarray, float]]:
        """Return the planes ``normal . x = offset`` on which the velocity can jump, as (normal, offset).

        They are where a sign, a step or the condition of a piece changes; curved surfaces are left out.
        """
        values = {sp.Symbol(name, real=True): value for name, value in constants.items()}
        planes: dict[Any, tuple[np.ndarray, float]] = {}
        for side in _sides(self.terms.velocity):
            plane = _plane(sp.expand(side.subs(values)), self.game.state)
            if plane is not None:
                first = plane[0][np.flatnonzero(plane[0])[0]]
                planes[tuple(np.round(np.append(*plane) * np.sign(first), 12))] = plane
        return list(planes.values())

    def _terms(self, expressions: Mapping[str, sp.Expr]) -> Terms:
        owners = [player for player, symbols in self.game.players.items() for _ in symbols]
        return Terms(self.components(expressions), self.game.state, owners)

    def rewritten(
        self,
        rule: Rule,
        constants: Mapping[str, tuple[str, float]],
        others: Sequence[Formula] = (),
        **options: Any,
    ) -> Formula:
        """Return the formula whose components a rule makes of those of this and other formulas.

        Args:
            rule: a function of module level, see ``Rule``.
            constants: name and value of each constant of the rule, by the rule's own word for it.
            others: further formulas on the same state; constants of one name are one constant.
            **options: handed to the rule as they are.
        """
        parts = (self, *others)
        symbols = {role: sp.Symbol(name, real=True) for role, (name, _) in constants.items()}
        game = self.game.joined([part.game for part in others]) if others else self.game
        game = replace(game, constants={**game.constants, **dict(constants.values())})
        key = f"{rule.__qualname__} {sorted(symbols.items())} {options} {source_of(rule)}"

        def components(expressions: Mapping[str, sp.Expr]) -> list[sp.Expr]:
            own = self.game.shares(expressions, len(parts)) if others else [expressions]
            terms = [part._terms(share) for part, share in zip(parts, own, strict=True)]
            return [sp.sympify(entry) for entry in rule(*terms, **symbols, **options)]

        return Formula(game, repr([key, *(part.steps for part in parts)]), components)

    def _second_order(self, params: np.ndarray) -> tuple[Callable[..., Any], Callable[..., Any]]:
        """Return ``second`` and ``second_adjoint`` of the field, derived and compiled when first used."""

        def product(which: int) -> Callable[..., np.ndarray]:
            def at(x: np.ndarray, u: np.ndarray, w: np.ndarray, t: Any) -> np.ndarray:
                kernel = Kernel(3 * len(self.game.state), self._second_programs, params, *self._nodes)
                states = np.concatenate(np.broadcast_arrays(x, u, w), axis=-1)
                return kernel.evaluate(states, t, jacobian=bool(which))

            return at

        return product(0), product(1)

    @cached_property
    def _nodes(self) -> tuple[np.ndarray, np.ndarray]:
        return self.game.packed_nodes()

    @cached_property
    def _second_programs(self) -> tuple[Program, Program]:
        state = self.game.state
        u, w = ([sp.Symbol(f"{name} {s.name}", real=True) for s in state] for name in "uw")
        game = replace(self.game, players={"state": [*state, *u, *w]})

        def build() -> tuple[Program, Program]:
            rows = self.terms.jacobian
            along = [sp.Add(*(a * b for a, b in zip(row, u, strict=True))) for row in rows]
            second = [_directional(entry, state, w) for entry in along]
            adjoint = gradient(sp.Add(*(a * b for a, b in zip(along, w, strict=True))), state)
            return game.program(second), game.program(adjoint)

        return game.cached(f"second order of {self.steps}", build)


def _sides(components: Sequence[sp.Expr]) -> list[sp.Expr]:
    """Return what changes sign where a component can jump, in a fixed order."""
    sides = {atom.args[0] for entry in components for atom in entry.atoms(sp.sign, sp.Heaviside)}
    pieces = {piece for entry in components for piece in entry.atoms(sp.Piecewise)}
    conditions = {test for piece in pieces for _, test in piece.args for test in test.atoms(sp.Rel)}
    return sorted(sides | {test.lhs - test.rhs for test in conditions}, key=str)


def _plane(side: sp.Expr, state: Sequence[sp.Symbol]) -> tuple[np.ndarray, float] | None:
    """Return the plane on which an expression vanishes, its normal of length 1; None if there is none."""
    unknown = side.free_symbols - set(state)
    if unknown or not side.is_polynomial(*state) or sp.Poly(side, *state).total_degree() != 1:
        return None
    normal = np.array([float(side.coeff(symbol)) for symbol in state])
    size = float(np.linalg.norm(normal))
    return normal / size, -float(side.subs(dict.fromkeys(state, 0))) / size


def _directional(entry: sp.Expr, state: Sequence[sp.Symbol], w: Sequence[sp.Symbol]) -> sp.Expr:
    return sp.Add(*(slope * part for slope, part in zip(gradient(entry, state), w, strict=True)))


def _number(name: str, value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError) as error:
        raise ValueError(f"constant {name} must be a real number, got {value!r}") from error
    if not np.isfinite(number):
        raise ValueError(f"constant {name} must be finite, got {value!r}")
    return number
