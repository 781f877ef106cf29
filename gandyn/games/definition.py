"""A game or system as its author wrote it, checked, in real symbols, and the programs made of it."""

from __future__ import annotations

import importlib
import itertools
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np
import sympy as sp

from gandyn.games.codegen import Program, fingerprint, is_importable, load, save, source_of
from gandyn.games.emit import emit, own_functions
from gandyn.games.expectation import Expectation, Nodes
from gandyn.games.functions import stable
from gandyn.games.measures import Measure

__all__ = ["Definition", "gradient"]

_programs: dict[str, tuple[Program, Program]] = {}


@dataclass(frozen=True, eq=False)
class Definition:
    """Expressions in a state and constants; make one with ``Definition.of``, which checks them.

    Args:
        expressions: two losses, or the components, by the name that messages call them; numbered
            symbols stand for the measures, so that nothing derived depends on their points.
        players: symbols of the state by player, in the order of the state.
        constants: values by name.
        time: symbol of time, if the expressions contain one.
        measures: the measures by number.
    """

    expressions: dict[str, sp.Expr]
    players: dict[str, list[sp.Symbol]]
    constants: dict[str, float]
    time: sp.Symbol | None
    measures: tuple[Measure, ...]

    @classmethod
    def of(
        cls,
        expressions: Mapping[str, Any],
        players: Mapping[str, Sequence[sp.Symbol]],
        constants: Mapping[Any, float],
        time: sp.Symbol | None = None,
    ) -> Definition:
        """Return the definition in real symbols.

        Raises:
            TypeError: what is not an expression or a symbol.
            ValueError: a name with two meanings, an unknown symbol, a constant that does not occur, an
                expression that is complex or infinite.
        """
        for player, symbols in players.items():
            for symbol in symbols:
                if not isinstance(symbol, sp.Symbol):
                    raise TypeError(f"{player} must be a list of sympy symbols, got {symbol!r}")
        given = {name: _expression(name, value) for name, value in expressions.items()}
        values = {str(getattr(key, "name", key)): value for key, value in constants.items()}
        _check_names(given, [s.name for symbols in players.values() for s in symbols], values, time)
        real = {s: sp.Symbol(s.name, real=True) for e in given.values() for s in _all_symbols(e)}
        clean = {name: expression.xreplace(real) for name, expression in given.items()}
        for name, expression in clean.items():
            roots = expression.atoms(sp.Pow, sp.log)
            infinite = expression.has(sp.I, sp.zoo, sp.oo, -sp.oo, sp.nan)
            if infinite or any(root.is_extended_real is False for root in roots):
                raise ValueError(f"{name} = {given[name]} is complex or not finite")
        numbered, measures = _number_measures(clean)
        by_player = {p: [sp.Symbol(s.name, real=True) for s in symbols] for p, symbols in players.items()}
        return cls(numbered, by_player, values, time and sp.Symbol(time.name, real=True), measures)

    @cached_property
    def state(self) -> list[sp.Symbol]:
        """The symbols of the state."""
        return [symbol for symbols in self.players.values() for symbol in symbols]

    @cached_property
    def params(self) -> list[sp.Symbol]:
        """The symbols of the constants."""
        return [sp.Symbol(name, real=True) for name in self.constants]

    def quoted(self, expression: sp.Expr) -> str:
        """Return an expression as its author would write it, with the measures in place."""
        return str(expression.xreplace({_number(i): Nodes(m) for i, m in enumerate(self.measures)}))

    def packed_nodes(self) -> tuple[np.ndarray, np.ndarray]:
        """Return all measures in one array, columns of values and then weights, and their sizes."""
        parts = [part for m in self.measures for part in (m.values.T.ravel(), m.weights)]
        counts = np.array([len(measure) for measure in self.measures], dtype=np.int64)
        return np.concatenate([np.empty(0), *parts]), counts

    def program(self, outputs: Sequence[sp.Expr]) -> Program:
        """Return the program that computes ``outputs``."""
        sources = emit(outputs, self.state, self.params, self.time, [m.dim for m in self.measures])
        return Program(**asdict(sources), width=len(outputs), functions=own_functions(outputs))

    def programs(self, what: str, derive: Callable[[], list[sp.Expr]]) -> tuple[Program, Program]:
        """Return the programs of the velocity, and of the velocity with its Jacobian.

        Args:
            what: what ``derive`` does with the expressions, as part of the key.
            derive: returns the components; called only where no cache holds their programs.
        """

        def build() -> tuple[Program, Program]:
            components = derive()
            entries = [slope for component in components for slope in gradient(component, self.state)]
            return self.program(components), self.program([*components, *entries])

        return self.cached(what, build)

    def cached(self, what: str, build: Callable[[], tuple[Program, Program]]) -> tuple[Program, Program]:
        """Return two programs made of the expressions, from a cache where one holds them.

        Args:
            what: what ``build`` does with the expressions, as part of the key.
            build: makes the programs.
        """
        expressions = list(self.expressions.values())
        key = fingerprint(
            what,
            *map(sp.srepr, expressions),
            repr([[symbol.name for symbol in symbols] for symbols in self.players.values()]),
            repr([*self.constants, self.time]),
            *(source_of(function) for function in own_functions(expressions).values()),
        )
        if key not in _programs:
            programs = _stored(key)
            if programs is None:
                programs = build()
                _store(key, programs)
            _programs[key] = programs
        return _programs[key]

    def joined(self, others: Sequence[Definition]) -> Definition:
        """Return one definition with the expressions of several on the same state, see ``shares``.

        Constants of one name are one constant; integration variables keep apart.
        """
        parts = [self, *others]
        time = next((part.time for part in parts if part.time), None)
        expressions = {
            f"{i} {name}": expression.xreplace(part._separated(i, time))
            for i, part in enumerate(parts)
            for name, expression in part.expressions.items()
        }
        numbered, measures = _number_measures(expressions)
        constants = {name: value for part in parts for name, value in part.constants.items()}
        return Definition(numbered, self.players, constants, time, measures)

    def _separated(self, i: int, time: sp.Symbol | None) -> dict[sp.Basic, sp.Basic]:
        """Return what to replace, so that expressions can stand beside those of other definitions."""
        nodes = {_number(k): Nodes(measure) for k, measure in enumerate(self.measures)}
        found = {s for e in self.expressions.values() for n in e.atoms(Expectation) for s in n.bound_symbols}
        bound = {s: sp.Symbol(f"{s.name} {i}", real=True) for s in found}
        return {**nodes, **bound, **({self.time: time} if self.time else {})}

    @staticmethod
    def shares(expressions: Mapping[str, sp.Expr], count: int) -> list[dict[str, sp.Expr]]:
        """Return which of the expressions of a joined definition come from each of its parts."""
        shares: list[dict[str, sp.Expr]] = [{} for _ in range(count)]
        for name, expression in expressions.items():
            number, _, own = name.partition(" ")
            shares[int(number)][own] = expression
        return shares


def gradient(expression: sp.Expr, symbols: Sequence[sp.Symbol]) -> list[sp.Expr]:
    """Return the derivatives almost everywhere, in stable functions."""
    terms = [(term, term.free_symbols) for term in sp.Add.make_args(expression)]
    slopes = [sp.Add(*(term.diff(s) for term, free in terms if s in free)) for s in symbols]
    return [stable(slope.replace(sp.DiracDelta, lambda *_: sp.S.Zero)) for slope in slopes]


def _expression(name: str, value: Any) -> sp.Expr:
    expression = sp.sympify(value)
    if not isinstance(expression, sp.Expr):
        raise TypeError(f"{name} must be a sympy expression, got {expression} ({type(value).__name__})")
    return expression


def _all_symbols(expression: sp.Expr) -> set[sp.Symbol]:
    return set(expression.free_symbols).union(*(node.bound_symbols for node in expression.atoms(Expectation)))


def _check_names(
    expressions: Mapping[str, sp.Expr],
    state: Sequence[str],
    constants: Mapping[str, Any],
    time: sp.Symbol | None,
) -> None:
    """Raise where a name has two meanings or none."""
    declared = [*state, *constants, *([time.name] if time else [])]
    twice = [name for name, count in Counter(declared).items() if count > 1]
    if twice:
        raise ValueError(f"{twice[0]} is declared twice among parameters, constants and time: {declared}")
    if not state:
        raise ValueError(f"no parameters are given for {list(expressions.values())}")
    for name, expression in expressions.items():
        _check_symbols(f"{name} = {expression}", expression, declared)
    free = {symbol.name for expression in expressions.values() for symbol in expression.free_symbols}
    unused = sorted(set(constants) - free)
    if unused:
        quoted = "; ".join(f"{name} = {expression}" for name, expression in expressions.items())
        raise ValueError(f"unknown constant {unused[0]}: it does not occur in {quoted}")


def _check_symbols(quoted: str, expression: sp.Expr, declared: Sequence[str]) -> None:
    free = {symbol.name for symbol in expression.free_symbols}
    bound = {symbol.name for node in expression.atoms(Expectation) for symbol in node.bound_symbols}
    clash = sorted(bound.intersection(declared))
    if clash:
        raise ValueError(f"{clash[0]} is integrated over and also a parameter or constant: {quoted}")
    double = [name for name, n in Counter(s.name for s in _all_symbols(expression)).items() if n > 1]
    if double:
        raise ValueError(f"two different symbols are named {double[0]}: {quoted}; define the symbol once")
    unknown = sorted(free.difference(declared))
    if unknown:
        raise ValueError(
            f"unknown symbol {unknown[0]} in {quoted}; declared are {list(declared)}. Give it a value, "
            f"constants={{{unknown[0]!r}: ...}}, or integrate over it, E(..., {unknown[0]}=measure)"
        )


def _number(i: int) -> sp.Symbol:
    return sp.Symbol(f"measure {i}")


def _number_measures(expressions: dict[str, sp.Expr]) -> tuple[dict[str, sp.Expr], tuple[Measure, ...]]:
    """Return the expressions with numbered symbols for the measures, and the measures in that order.

    Of all numberings the one is taken whose expressions come first in the alphabet, so that the same
    game with other samples has the same expressions and finds its kernel in the cache.
    """
    found = {node for expression in expressions.values() for node in expression.atoms(Nodes)}
    nodes = sorted(found, key=lambda node: node.measure.digest)
    orders = itertools.permutations(nodes) if len(nodes) <= 4 else [tuple(nodes)]

    def numbered(order: Sequence[Nodes]) -> dict[str, sp.Expr]:
        numbers = {node: _number(i) for i, node in enumerate(order)}
        return {name: expression.xreplace(numbers) for name, expression in expressions.items()}

    candidates = [(numbered(order), order) for order in orders]
    best, order = min(candidates, key=lambda c: [sp.srepr(expression) for expression in c[0].values()])
    return best, tuple(node.measure for node in order)


def _stored(key: str) -> tuple[Program, Program] | None:
    data = load(f"{key}.json")
    if data is None:
        return None
    velocity, jacobian = ({**entry, "functions": _imported(entry["functions"])} for entry in json.loads(data))
    return Program(**velocity), Program(**jacobian)


def _imported(places: Mapping[str, list[str]]) -> dict[str, Any]:
    return {name: getattr(importlib.import_module(module), attr) for name, (module, attr) in places.items()}


def _store(key: str, programs: tuple[Program, Program]) -> None:
    own = {name: function for program in programs for name, function in program.functions.items()}
    if all(map(is_importable, own.values())):
        entries = [
            {
                "compiled": program.compiled,
                "numpy": program.numpy,
                "loops": program.loops,
                "width": program.width,
                "functions": {name: [f.__module__, f.__name__] for name, f in program.functions.items()},
            }
            for program in programs
        ]
        save(f"{key}.json", json.dumps(entries).encode())
