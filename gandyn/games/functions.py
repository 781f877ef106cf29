"""Functions for losses that neither overflow nor cancel, and the rewriting that finds them.

``stable`` turns ``log(1 + exp(u))`` into ``softplus(u)``, ``1 - 1/(1 + exp(-u))`` into ``sigmoid(-u)``,
``log(1 - exp(-s**2))`` into ``log1mexp(s**2)``, and so on. Their derivatives are written in the same
functions, so that a loss rewritten once gives a velocity and a Jacobian that are stable too.

A function of one's own joins in as a ``sympy.Function`` with the attributes ``fdiff`` for its derivatives,
``scalar``, a function of floats that numba compiles, and, if there is a fast one, ``_imp_``, the same for
NumPy arrays. Integer arguments reach both as integers, all others as floats: ``dawson`` is the example.
With a static method ``enclose``, the same on balls of ``flint``, proofs reach it too.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import sympy as sp

__all__ = [
    "dawson",
    "expm1",
    "inverse_expm1",
    "log1mexp",
    "log1p",
    "sech2",
    "sigmoid",
    "softplus",
    "stable",
]


class _Real(sp.Function):
    """A real function of one real variable; ``_slope`` is its derivative."""

    nargs = 1
    is_real = True

    def _slope(self, x: sp.Expr) -> sp.Expr:
        raise NotImplementedError

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        """Return the derivative."""
        return self._slope(self.args[0])


class sigmoid(_Real):  # noqa: N801
    """``1/(1 + exp(-x))``."""

    def _slope(self, x: sp.Expr) -> sp.Expr:
        return sigmoid(x) * sigmoid(-x)


class softplus(_Real):  # noqa: N801
    """``log(1 + exp(x))``."""

    def _slope(self, x: sp.Expr) -> sp.Expr:
        return sigmoid(x)


class log1mexp(_Real):  # noqa: N801
    """``log(1 - exp(-x))`` for x >= 0."""

    def _slope(self, x: sp.Expr) -> sp.Expr:
        return inverse_expm1(x)


class inverse_expm1(_Real):  # noqa: N801
    """``1/(exp(x) - 1)``."""

    def _slope(self, x: sp.Expr) -> sp.Expr:
        return -inverse_expm1(x) * (1 + inverse_expm1(x))


class expm1(_Real):  # noqa: N801
    """``exp(x) - 1``."""

    def _slope(self, x: sp.Expr) -> sp.Expr:
        return sp.exp(x)


class log1p(_Real):  # noqa: N801
    """``log(1 + x)``."""

    def _slope(self, x: sp.Expr) -> sp.Expr:
        return 1 / (1 + x)


class sech2(_Real):  # noqa: N801
    """``1/cosh(x)**2``."""

    def _slope(self, x: sp.Expr) -> sp.Expr:
        return -2 * sp.tanh(x) * sech2(x)


class dawson(_Real):  # noqa: N801
    """Dawson's integral, ``exp(-x**2)`` times the integral of ``exp(t**2)`` from 0 to x.

    Example:
        >>> x = sp.Symbol("x")
        >>> dawson(x).diff(x)
        -2*x*dawson(x) + 1
    """

    def _slope(self, x: sp.Expr) -> sp.Expr:
        return 1 - 2 * x * dawson(x)

    @staticmethod
    def scalar(x: float) -> float:
        """Return the value at a float: Taylor, Rybicki's sum over odd n (1989), or asymptotic series."""
        a, total, term = abs(x), 0.0, 1.0
        if a < 1.0:
            for j in range(24):
                total += term
                term *= -2.0 * x * x / (2.0 * j + 3.0)
            return x * total
        if a < 7.0:
            step = 0.2
            middle = 2.0 * math.floor(0.5 * x / step) + 1.0
            for i in range(-34, 35):
                n = middle + 2.0 * i
                total += math.exp(-((x - n * step) ** 2)) / n
            return total / math.sqrt(math.pi)
        for j in range(24):
            total += term
            term *= (2.0 * j + 1.0) / (2.0 * x * x)
        return total / (2.0 * x)

    @staticmethod
    def _imp_(x: Any) -> Any:
        from scipy.special import dawsn

        return dawsn(x)

    @staticmethod
    def enclose(x: Any) -> Any:
        """Return a ball that holds the function over a ball."""
        from gandyn.games.normal_balls import dawson_ball

        return dawson_ball(x)


def stable(expression: sp.Expr) -> sp.Expr:
    """Return an equal expression in functions that neither overflow nor cancel.

    Args:
        expression: sympy expression in real symbols.

    Returns:
        The expression, rewritten from the leaves up.

    Example:
        >>> u, s = sp.symbols("u s", real=True)
        >>> stable(sp.log(1 - 1 / (1 + sp.exp(-u))))
        -softplus(u)
        >>> stable(sp.log(1 - sp.exp(-s**2))).diff(s)
        2*s*inverse_expm1(s**2)
    """
    return _rewrite(expression, {})


def _rewrite(node: sp.Basic, done: dict[sp.Basic, sp.Basic]) -> sp.Basic:
    if not node.args:
        return node
    if node not in done:
        args = [_rewrite(arg, done) for arg in node.args]
        new = node.func(*args) if any(a is not b for a, b in zip(args, node.args, strict=True)) else node
        rule = _RULES.get(new.func)
        done[node] = rule(new) if rule else new
    return done[node]


def _exponents(node: sp.Expr) -> tuple[sp.Expr, sp.Expr] | None:
    """Return a and b where node is ``exp(a) + exp(b)``, counting 1 as exp(0)."""
    if not (node.is_Add and len(node.args) == 2):
        return None
    found = [sp.S.Zero if arg == 1 else arg.args[0] for arg in node.args if arg == 1 or arg.func is sp.exp]
    return (found[0], found[1]) if len(found) == 2 else None


def _power(node: sp.Expr) -> sp.Expr:
    base, power = node.args
    exponents = _exponents(base)
    if exponents is None or not (power.is_Integer and power < 0):
        return node
    a, b = exponents
    return sp.exp(a * power) * sigmoid(a - b) ** -power


def _product(node: sp.Expr) -> sp.Expr:
    """Turn ``exp(-x) sigmoid(x)`` into ``sigmoid(-x)``."""
    factors = list(sp.Mul.make_args(node))
    exponents = [factor.args[0] for factor in factors if isinstance(factor, sp.exp)]
    for factor in factors:
        base, power = factor.as_base_exp()
        if not (isinstance(base, sigmoid) and power.is_Integer and power > 0):
            continue
        x = base.args[0]
        for exponent in (*exponents, sp.Add(*exponents)):
            if exponent == -x and x != 0:
                # taken out, not divided out: sympy does not always cancel exp(a + b) exp(-a - b)
                used = [exponent] if exponent in exponents else exponents
                rest = [f for f in factors if f is not factor and not _is_exp_of(f, used)]
                return _product(sp.Mul(*rest, base ** (power - 1), sigmoid(-x)))
    return node


def _is_exp_of(factor: sp.Expr, exponents: list[sp.Expr]) -> bool:
    return isinstance(factor, sp.exp) and factor.args[0] in exponents


def _sum(node: sp.Expr) -> sp.Expr:
    constant, rest = node.as_coeff_Add()
    if constant == 0:
        return node
    for term in rest.args if rest.is_Add else (rest,):
        factor, function = term.as_coeff_Mul()
        if factor != -constant:
            continue
        remainder = rest - term
        if isinstance(function, sp.exp):
            return remainder - constant * expm1(function.args[0])
        if isinstance(function, sigmoid):
            return remainder + constant * sigmoid(-function.args[0])
        if function.is_Pow and function.args[1] == 2 and isinstance(function.args[0], sp.tanh):
            return remainder + constant * sech2(function.args[0].args[0])
    return node


def _logarithm(node: sp.Expr) -> sp.Expr:
    argument = node.args[0]
    exponents = _exponents(argument)
    if exponents is not None:
        a, b = exponents
        return a + softplus(b - a)
    factor, function = argument.as_coeff_Mul()
    if factor == -1 and isinstance(function, expm1):
        return log1mexp(-function.args[0])
    positive = [f for f in sp.Mul.make_args(argument) if isinstance(f.as_base_exp()[0], _POSITIVE)]
    if positive:
        rest = sp.Mul(*(f for f in sp.Mul.make_args(argument) if f not in positive))
        return sp.Add(_logarithm(sp.log(rest)) if rest != 1 else 0, *map(_logarithm_of_positive, positive))
    if argument.is_Add and argument.as_coeff_Add()[0] == 1:
        return log1p(argument - 1)
    return node


def _logarithm_of_positive(node: sp.Expr) -> sp.Expr:
    base, power = node.as_base_exp()
    x = base.args[0]
    if isinstance(base, sigmoid):
        return -power * softplus(-x)
    if isinstance(base, sp.cosh):
        return power * (softplus(2 * x) - x - sp.log(2))
    return power * x


_POSITIVE = (sigmoid, sp.cosh, sp.exp)
_RULES: dict[Any, Callable[[sp.Expr], sp.Expr]] = {
    sp.Pow: _power,
    sp.Mul: _product,
    sp.Add: _sum,
    sp.log: _logarithm,
}
