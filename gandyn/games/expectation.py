"""Expectations as parts of sympy expressions: ``E(log(1 + exp(x - b)), x=samples(data))``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sympy as sp

from gandyn.games.measures import Measure

__all__ = ["E", "Expectation", "Nodes"]


class Nodes(sp.Atom):
    """A measure as a leaf of an expression: equal when its points and weights are."""

    is_commutative = True

    def __new__(cls, measure: Measure) -> Nodes:  # noqa: D102
        node: Nodes = super().__new__(cls)
        node.measure = measure
        return node

    def _hashable_content(self) -> tuple[str, ...]:
        return (self.measure.digest,)

    def _sympystr(self, printer: Any) -> str:
        return str(self.measure)


class Expectation(sp.Expr):
    """The mean of an expression over independent integration variables; write it with ``E``."""

    is_commutative = True
    is_real = True

    @property
    def integrand(self) -> sp.Expr:
        """The expression under the expectation."""
        return self.args[0]

    @property
    def bindings(self) -> tuple[tuple[tuple[sp.Symbol, ...], sp.Basic], ...]:
        """The symbols that stand for the points of each measure, with the measure as a leaf."""
        return tuple((tuple(symbols), nodes) for symbols, nodes in self.args[1:])

    @property
    def bound_symbols(self) -> set[sp.Symbol]:
        """The integration variables."""
        return {symbol for symbols, _ in self.args[1:] for symbol in symbols}

    @property
    def free_symbols(self) -> set[sp.Symbol]:
        """The symbols that the value depends on."""
        return self.integrand.free_symbols - self.bound_symbols

    def simplified(self) -> sp.Expr:
        """Return an equal expression in cheaper expectations.

        Factors that are constant under the integral leave it, variables that do not occur go, and
        terms or factors in different variables, which are independent, separate.
        """
        present = self.integrand.free_symbols
        used = [binding for binding in self.args[1:] if present.intersection(binding[0])]
        bound = [symbol for symbols, _ in used for symbol in symbols]
        if not bound:
            return self.integrand
        factor, rest = self.integrand.as_independent(*bound, as_Add=False)
        if factor != 1:
            return factor * self.func(rest, *used).simplified()
        if len(used) > 1 and (rest.is_Add or rest.is_Mul):
            parts = _independent_parts(rest, used)
            if len(parts) > 1:
                return rest.func(*(self.func(part, *used).simplified() for part in parts))
        return self.func(rest, *used)

    def _eval_derivative(self, symbol: sp.Symbol) -> sp.Expr:
        if symbol not in self.free_symbols:
            return sp.S.Zero
        slope = self.integrand.diff(symbol)
        return slope if slope.is_number else self.func(slope, *self.args[1:])

    def _eval_subs(self, old: sp.Basic, new: sp.Basic) -> sp.Expr | None:
        return self if old in self.bound_symbols else None

    def _sympystr(self, printer: Any) -> str:
        names = ", ".join(
            f"{symbols[0] if len(symbols) == 1 else symbols}={measure}" for symbols, measure in self.bindings
        )
        return f"E({printer._print(self.integrand)}, {names})"


def _independent_parts(node: sp.Expr, bindings: list[Any]) -> list[sp.Expr]:
    """Return the groups of terms (or factors) of ``node`` that share no integration variable."""
    groups: list[tuple[set[int], list[sp.Expr]]] = []
    for arg in node.args:
        uses = {i for i, (symbols, _) in enumerate(bindings) if arg.free_symbols.intersection(symbols)}
        touching = [group for group in groups if node.is_Add and group[0] == uses]
        if node.is_Mul:
            touching = [group for group in groups if group[0] & uses]
        merged = (uses.union(*(g[0] for g in touching)), [a for g in touching for a in g[1]] + [arg])
        groups = [group for group in groups if not any(group is t for t in touching)] + [merged]
    return [node.func(*args) for _, args in groups]


def E(  # noqa: N802
    expression: Any,
    variables: Mapping[Any, Measure] | None = None,
    /,
    **named: Measure,
) -> Expectation:
    """Return the expectation of ``expression`` over independent variables, each with its measure.

    Args:
        expression: sympy expression in the integration variables, parameters and constants.
        variables: measures by symbol, or by tuple of symbols for points in several dimensions.
        **named: measures by the name of the symbol.

    Returns:
        A sympy expression, for use in losses: alone, in sums, products and functions.

    Raises:
        ValueError: no variable, one that the expression does not contain, one bound twice, a number
            of symbols that is not the dimension of the points, or an expectation inside another.
        TypeError: something else than a measure.

    Example:
        >>> from gandyn.games.measures import gauss_hermite
        >>> x, b = sp.symbols("x b")
        >>> E((x - b) ** 2, x=gauss_hermite(20)).diff(b)
        E(2*b - 2*x, x=Measure(20 points, dim=1))
    """
    expression = sp.sympify(expression)
    return Expectation(expression, *bindings_of(expression, {**(variables or {}), **named}))


def bindings_of(expression: sp.Basic, measures: Mapping[Any, Measure]) -> list[sp.Tuple]:
    """Return the checked bindings of integration variables to measures, as ``Expectation`` takes them.

    Args:
        expression: contains all the variables.
        measures: by symbol, name, or tuple of symbols.

    Raises:
        ValueError: see ``E``.
        TypeError: see ``E``.
    """
    if expression.has(Expectation):
        raise ValueError(f"an expectation inside another: {expression}; bind all variables in one E(...)")
    present = {symbol.name: symbol for symbol in expression.free_symbols}
    bindings: list[tuple[list[sp.Symbol], Measure]] = []
    for key, measure in measures.items():
        names = [str(getattr(s, "name", s)) for s in (key if isinstance(key, tuple | sp.Tuple) else (key,))]
        _check_binding(expression, names, present, measure)
        bindings.append(([present[name] for name in names], measure))
    bound = [symbol for symbols, _ in bindings for symbol in symbols]
    if not bound:
        raise ValueError(f"the expectation of {expression} names no variable: write E(expression, x=measure)")
    if len(set(bound)) < len(bound):
        raise ValueError(f"a variable is bound twice in the expectation of {expression}: {bound}")
    return [sp.Tuple(sp.Tuple(*symbols), Nodes(measure)) for symbols, measure in bindings]


def _check_binding(
    expression: sp.Expr, names: list[str], present: Mapping[str, sp.Symbol], measure: Any
) -> None:
    missing = [name for name in names if name not in present]
    if missing:
        raise ValueError(
            f"an expectation over {missing[0]}, which does not occur in {expression}; "
            f"its symbols are {sorted(present)}"
        )
    if not isinstance(measure, Measure):
        raise TypeError(
            f"{names[0]} in the expectation of {expression} needs a measure, such as gauss_hermite(120) "
            f"or samples(array); got {type(measure).__name__}"
        )
    if len(names) != measure.dim:
        raise ValueError(
            f"the points of the measure of {', '.join(names)} in the expectation of {expression} have "
            f"dimension {measure.dim}, but {len(names)} symbol(s) stand for them; "
            "give a tuple of symbols: E(expression, {(x, y): measure})"
        )
