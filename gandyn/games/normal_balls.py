"""Rigorous enclosures of the closed forms at infinite data, in FLINT's ball arithmetic.

The formulas are those of ``gaussian``, with bounds on all that a finite sum leaves out:

- ``E softplus^(k)(m + tau z)`` by the trapezoidal rule with step h, whose error for an integrand analytic
  in the strip |Im z| < a is at most ``2 M/(exp(2 pi a/h) - 1)``, M a bound on its integral along the edges
  (Trefethen and Weideman 2014, theorem 5.1);
- ``H(m, tau)``'s series by its first terms and, for the rest, Taylor's formula in ``q = 1/(1 + 2 j tau^2)``
  with Lagrange's remainder, so that the powers of q sum up to Hurwitz zeta functions.

Where a bound is out of reach a ball is not finite: unknown, never wrong.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any, TypeAlias

from flint import arb, arb_series

from gandyn.games.gaussian import _POWERS, _hermite

__all__ = ["dawson_ball", "gap_ball", "softplus_ball"]

Ball: TypeAlias = Any

_EXPONENT = 45.0
"""The trapezoidal rule errs by about exp(-45)."""
_WIDEST = 40.0
_TAYLOR = 24
_MOST_TERMS = 5000
_CREST = (arb("0.92413887300459176701"), arb("0.54104422463518169847"))
"""Where Dawson's function has its maximum, and that maximum (Abramowitz and Stegun 1964, 7.1)."""

_polynomial = getattr(_hermite, "py_func", _hermite)


def _is_wide(x: Ball) -> bool:
    return bool(x.rad() > 1e-14 * (1 + abs(x.mid())))


def _shrinkage(j: int, v: Ball) -> Ball:
    return 1 / (1 + 2 * j * v)


def _ends(function: Callable[[Ball], Ball], x: Ball) -> Ball:
    """Return the enclosure of a monotone function."""
    return function(x.lower()).union(function(x.upper())) if _is_wide(x) else function(x)


def _by_slopes(function: Callable[[int, Ball, Ball], Ball], order: int, m: Ball, tau: Ball) -> Ball:
    """Return the enclosure by the mean value theorem, with the heat equation for the slope in tau."""
    m0, tau0 = m.mid(), tau.mid()
    value = function(order, m0, tau0)
    if not m.is_exact():
        value += function(order + 1, m, tau) * (m - m0)
    if not tau.is_exact():
        value += tau * function(order + 2, m, tau) * (tau - tau0)
    return value


def _tightest(first: Ball, second: Ball) -> Ball:
    """Return what two enclosures of the same value have in common."""
    if not (first.is_finite() and second.is_finite()):
        return first if first.is_finite() else second
    return first.intersection(second)


def softplus_ball(order: int, m: Ball, tau: Ball) -> Ball:
    """Return a ball that holds derivative ``order`` in m of ``E log(1 + exp(m + tau z))``.

    The first derivative rises with m, and with the spread tends to 1/2 monotonically: log(1 + exp(s)) has
    an odd third derivative, negative for s > 0, and so does its average over an even unimodal density.
    The second is even in m and falls with |m|, for the same reason.

    Args:
        order: 1 to 8.
        m: mean.
        tau: spread, up to 40.
    """
    spread = abs(tau)
    if not 1 <= order <= 8 or not (m.is_finite() and spread < _WIDEST):
        return arb.nan()
    if not _is_wide(m) and not _is_wide(tau):
        return _trapezoid(order, m, spread)
    if order == 1:
        return _first_slope(m, tau.abs_lower(), tau.abs_upper())
    if order == 2 and not _is_wide(tau):
        near, far = _trapezoid(2, m.abs_lower(), spread), _trapezoid(2, m.abs_upper(), spread)
        return near.union(far)
    return _tightest(_trapezoid(order, m, spread), _by_slopes(_spread_trapezoid, order, m, tau))


def _spread_trapezoid(order: int, m: Ball, tau: Ball) -> Ball:
    return _trapezoid(order, m, abs(tau))


def _first_slope(m: Ball, narrow: Ball, wide: Ball) -> Ball:
    low, high = m.lower(), m.upper()
    least = _trapezoid(1, low, wide if low >= 0 else narrow)
    return least.union(_trapezoid(1, high, wide if high <= 0 else narrow))


def _trapezoid(order: int, m: Ball, spread: Ball) -> Ball:
    """Return the normal mean of a derivative of softplus at ``m + spread z``, error included."""
    largest = float(spread.upper()) * (1 + 1e-12)
    half_width = min(math.pi / 2 * (1 - 1e-12) / largest, 6.5) if largest > 0 else 6.5
    step = 2 * math.pi * half_width / (_EXPONENT + half_width**2 / 2)
    count, a, h = math.ceil(9.5 / step), arb(half_width), arb(step)
    total = _derivative(order, m)
    for i in range(1, count + 1):
        z = i * h
        pair = _derivative(order, m + spread * z) + _derivative(order, m - spread * z)
        total += (-z * z / 2).exp() * pair
    largest_value = sum(abs(int(c)) for c in _POWERS[order])
    strip = 2 * (a * a / 2).exp() / ((2 * arb.pi() * a / h).exp() - 1)
    tail = (count * h / arb(2).sqrt()).erfc()
    error = largest_value * (strip + tail)
    return total * h / (2 * arb.pi()).sqrt() + arb(0).union(error).union(-error)


def _derivative(order: int, s: Ball) -> Ball:
    """Return derivative ``order`` of log(1 + exp(s)); its modulus is at most the sum of |coefficients|

    in the strip |Im s| <= pi/2, where the sigmoid's modulus is at most 1.
    """
    sigma = _ends(lambda x: 1 / (1 + (-x).exp()), s)
    value = arb(0)
    for power in range(order, 0, -1):
        value = (value + int(_POWERS[order, power])) * sigma
    return value


def gap_ball(order: int, m: Ball, tau: Ball) -> Ball:
    """Return a ball that holds derivative ``order`` in m of ``-E log(1 - exp(-(m + tau z)^2))``.

    Args:
        order: 0 to 8.
        m: mean.
        tau: spread; a ball that holds 0, or lies very near it, gives no finite ball.
    """
    if not 0 <= order <= 8 or not (m.is_finite() and tau * tau > 0):
        return arb.nan()
    if not _is_wide(m) and not _is_wide(tau):
        return _gap_series(order, m, tau)
    return _tightest(_gap_series(order, m, tau), _by_slopes(_gap_series, order, m, tau))


def _gap_series(order: int, m: Ball, tau: Ball) -> Ball:
    m = abs(m).union(-abs(m)) if m.contains(0) else m
    v, square = _ends(lambda x: x * x, abs(tau)), _ends(lambda x: x * x, abs(m))
    v_low, v_high = v.lower(), v.upper()
    rest = max(16.0, float(square.upper()) / (8 * float(v_low)))
    first = math.ceil(rest / (2 * float(v_low))) if v_low > 0 else _MOST_TERMS
    if first >= _MOST_TERMS:
        return arb.nan()
    total = arb(0)
    for j in range(1, first):
        q = _ends(partial(_shrinkage, j), v)
        c = j * q
        total += q * q.sqrt() * _polynomial(order, m, c, 1 / c) * _ends(lambda x: (-x).exp(), c * square)
    return total + _gap_tail(order, m, v, v_low, v_high, first)


def _gap_tail(order: int, m: Ball, v: Ball, v_low: Ball, v_high: Ball, first: int) -> Ball:
    """Return the terms from ``first`` on: Taylor's formula in q, term by term a Hurwitz zeta function."""
    largest = 1 / (1 + 2 * v_low * first)
    at_zero = _gap_taylor(order, m, v, arb(0))
    remainder = _gap_taylor(order, m, v, arb(0).union(largest))[_TAYLOR]
    total = arb(0)
    for i in range(_TAYLOR + 1):
        s = arb(3) / 2 + i
        zetas = [(2 * x) ** -s * s.zeta(first + 1 / (2 * x)) for x in (v_low, v_high)]
        total += (remainder if i == _TAYLOR else at_zero[i]) * zetas[0].union(zetas[1])
    return total


def _gap_taylor(order: int, m: Ball, v: Ball, q: Ball) -> Any:
    """Return Taylor coefficients in q of what multiplies ``q^(3/2)`` in a term of the series."""
    c = (1 - arb_series([q, 1], _TAYLOR + 1)) / (2 * v)
    return _polynomial(order, m, c, 1 / c) * (-c * (m * m)).exp()


def dawson_ball(x: Ball) -> Ball:
    """Return a ball that holds Dawson's function: monotone between its extrema, a maximum and a minimum."""
    value = _ends(_dawson_at, x)
    place, crest = _CREST
    for at, extremum in ((place, crest), (-place, -crest)):
        if x.overlaps(at):
            value = value.union(extremum)
    return value


def _dawson_at(x: Ball) -> Ball:
    return (-x * x).exp() * x.erfi() * arb.pi().sqrt() / 2
