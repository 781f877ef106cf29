"""The functions of a kernel's source on intervals: the rigorous twin of ``arraymath``.

Values at single points come from the ball arithmetic of FLINT (Johansson 2017) and are rounded outward;
what is monotone between its extrema is enclosed by its values at the ends and at the extrema inside.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from flint import arb, ctx

from gandyn.games.intervals import (
    CONTINUOUS,
    DEFINED,
    NOWHERE,
    PARTLY,
    Interval,
    Truth,
    down,
    exact,
    hull,
    up,
)

__all__ = ["FUNCTIONS", "by_balls"]

Ball: TypeAlias = Any

_BITS = 80
"""Working precision of the balls: the ends lose nothing beyond the rounding to float64."""


def _bounds(balls: list[Ball], shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Return floats below and above every ball; infinite where a ball is not a number."""
    lo = np.array([float(ball.lower()) for ball in balls]).reshape(shape)
    hi = np.array([float(ball.upper()) for ball in balls]).reshape(shape)
    return np.where(np.isnan(lo), -np.inf, down(lo)), np.where(np.isnan(hi), np.inf, up(hi))


def _at(function: Callable[[Ball], Ball], x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return floats below and above the function at every point."""
    with ctx.workprec(_BITS):
        return _bounds([function(arb(value)) for value in np.ravel(x).tolist()], np.shape(x))


def _at_ends(function: Callable[[Ball], Ball], x: Interval) -> tuple[Any, Any, Any, Any]:
    """Return floats below and above the function at the lower ends, and at the upper ends."""
    below, above = _at(function, x.lo)
    differs = x.hi != x.lo
    below_at_high, above_at_high = below.copy(), above.copy()
    below_at_high[differs], above_at_high[differs] = _at(function, x.hi[differs])
    return below, above, below_at_high, above_at_high


def _within(x: Interval, low: float, high: float, closed: bool) -> Interval:
    """Return the part of x in a domain, graded by how much of x that is."""
    inside = (x.lo >= low) & (x.hi <= high) if closed else (x.lo > low) & (x.hi < high)
    outside = (x.hi < low) | (x.lo > high) if closed else (x.hi <= low) | (x.lo >= high)
    part = x.clipped(low, high)
    if np.all(inside):
        return part
    return part.graded(np.where(inside, CONTINUOUS, np.where(outside, NOWHERE, PARTLY)))


def _monotone(
    function: Callable[[Ball], Ball],
    values: tuple[float, float] = (-math.inf, math.inf),
    *,
    falling: bool = False,
    domain: tuple[float, float] | None = None,
    closed: bool = True,
) -> Callable[[Any], Interval]:
    """Return the enclosure of a monotone function with the given range on its domain."""

    def enclose(x: Any) -> Interval:
        argument = exact(x) if domain is None else _within(exact(x), *domain, closed)
        below, above, below_at_high, above_at_high = _at_ends(function, argument)
        lo, hi = (below_at_high, above) if falling else (below, above_at_high)
        return Interval(lo, hi, argument.grade).clipped(*values)

    return enclose


def _sigmoid_ball(x: Ball) -> Ball:
    return 1 / (1 + (-x).exp()) if x > -40 else x.exp() / (1 + x.exp())


def _softplus_ball(x: Ball) -> Ball:
    return x + (-x).exp().log1p() if x > 0 else x.exp().log1p()


def _sech2_ball(x: Ball) -> Ball:
    e = (-2 * x).exp()
    return 4 * e / (1 + e) ** 2


_INFINITY = math.inf
_exp = _monotone(lambda x: x.exp(), (0.0, _INFINITY))
_log = _monotone(lambda x: x.log(), domain=(0.0, _INFINITY), closed=False)
_cosh = _monotone(lambda x: x.cosh(), (1.0, _INFINITY))
_sech2 = _monotone(_sech2_ball, (0.0, 1.0), falling=True)
_expm1 = _monotone(lambda x: x.expm1(), (-1.0, _INFINITY))
_atan = _monotone(lambda x: x.atan(), (-1.5707963267948968, 1.5707963267948968))
_tan = _monotone(lambda x: x.tan())


def _extrema(x: Interval, shift: float) -> tuple[np.ndarray, np.ndarray]:
    """Return whether ``pi (k + shift)`` may lie in x for some even k, and for some odd k."""
    quotient = x / _PI - shift
    even = 2 * np.ceil(quotient.lo / 2) <= quotient.hi
    odd = 2 * np.ceil((quotient.lo - 1) / 2) + 1 <= quotient.hi
    wide = ~quotient.finite | (quotient.magnitude > 2.0**50)
    return even | wide, odd | wide


_PI = Interval(np.asarray(math.pi), np.asarray(up(math.pi)))


def _wave(function: Callable[[Ball], Ball], shift: float) -> Callable[[Any], Interval]:
    """Return the enclosure of a sine whose maxima lie at ``pi (k + shift)`` for even k, minima for odd k."""

    def enclose(x: Any) -> Interval:
        argument = exact(x)
        top, bottom = _extrema(argument, shift)
        below, above, below_at_high, above_at_high = _at_ends(function, argument)
        lo = np.where(bottom, -1.0, np.minimum(below, below_at_high))
        hi = np.where(top, 1.0, np.maximum(above, above_at_high))
        return Interval(lo, hi, argument.grade).clipped(-1.0, 1.0)

    return enclose


def _tangent(x: Any) -> Interval:
    argument = exact(x)
    pole = np.logical_or(*_extrema(argument, 0.5))
    value = _tan(argument)
    lo, hi = np.where(pole, -np.inf, value.lo), np.where(pole, np.inf, value.hi)
    return Interval(lo, hi, value.grade).graded(np.where(pole, PARTLY, CONTINUOUS))


def _atan2(y: Any, x: Any) -> Interval:
    y, x = exact(y), exact(x)
    right, top, bottom = _atan(y / x), _HALF_PI - _atan(x / y), -_HALF_PI - _atan(x / y)
    result = Interval(np.full(right.shape, down(-math.pi)), np.full(right.shape, up(math.pi)), DEFINED)
    for side, value in ((y.hi < 0, bottom), (y.lo > 0, top), (x.lo > 0, right)):
        result = _where(Truth(side, side), value, result)
    return result.graded(np.minimum(x.grade, y.grade))


_HALF_PI = _PI * 0.5


def _sign(x: Any) -> Interval:
    x = exact(x)
    return _step(Interval(np.sign(x.lo), np.sign(x.hi), x.grade))


def _floor(x: Any) -> Interval:
    x = exact(x)
    return _step(Interval(np.floor(x.lo), np.floor(x.hi), x.grade))


def _heaviside(x: Any, at_zero: Any) -> Interval:
    x, half = exact(x), exact(at_zero)
    steps = Interval(np.where(x.lo > 0, 1.0, 0.0), np.where(x.hi < 0, 0.0, 1.0), x.grade)
    touches = (x.lo <= 0) & (x.hi >= 0)
    return _step(_where(Truth(touches, touches), hull(steps, half), steps))


def _step(x: Interval) -> Interval:
    """Return a piecewise constant function's values, which jump where they differ."""
    return x.graded(np.where(x.lo == x.hi, CONTINUOUS, DEFINED))


def _where(condition: Any, chosen: Any, other: Any) -> Interval:
    """Return one of two values, or the hull of both where the condition is not decided."""
    a, b, truth = exact(chosen), exact(other), condition
    if not isinstance(truth, Truth):
        truth = Truth(np.asarray(condition, dtype=bool), np.asarray(condition, dtype=bool))
    never = ~truth.possibly
    lo = np.where(truth.surely, a.lo, np.where(never, b.lo, np.minimum(a.lo, b.lo)))
    hi = np.where(truth.surely, a.hi, np.where(never, b.hi, np.maximum(a.hi, b.hi)))
    mixed = np.minimum(np.minimum(a.grade, b.grade), DEFINED)
    nowhere = (a.grade == NOWHERE) & (b.grade == NOWHERE)
    mixed = np.where(nowhere, NOWHERE, np.where(mixed == NOWHERE, PARTLY, mixed))
    return Interval(lo, hi, np.where(truth.surely, a.grade, np.where(never, b.grade, mixed)))


def _extreme(pick: Callable[..., Any]) -> Callable[[Any, Any], Interval]:
    def enclose(x: Any, y: Any) -> Interval:
        a, b = exact(x), exact(y)
        return Interval(pick(a.lo, b.lo), pick(a.hi, b.hi), np.minimum(a.grade, b.grade))

    return enclose


def _power(base: Interval, exponent: Any) -> Interval:
    """Return ``base ** exponent``; of a negative base only where the exponent is a known integer."""
    b, p = exact(base), exact(exponent)
    if p.lo.size == 1 and np.all(p.lo == p.hi) and float(p.lo.flat[0]).is_integer():
        return _integer_power(b, int(p.lo.flat[0])).graded(p.grade)
    value = _exp(p * _log(b.clipped(0.0, _INFINITY)))
    lo, hi = np.where(b.lo < 0, -np.inf, value.lo), np.where(b.lo < 0, np.inf, value.hi)
    return Interval(lo, hi, np.where(b.lo > 0, value.grade, PARTLY))


def _integer_power(b: Interval, n: int) -> Interval:
    if n < 0:
        return _integer_power(b, -n).inverse()
    return _monotone(lambda x: x**n)(abs(b) if n % 2 == 0 else b)


def _total(values: Interval, weights: Interval) -> Interval:
    """Return the weighted sum over the last axis, which stays with length one."""
    total = (values * weights).sum(axis=-1)
    return total[..., None]


def by_balls(function: Callable[..., Ball]) -> Callable[..., Interval]:
    """Return the enclosure, on arrays of intervals, of a function given by its enclosure of FLINT balls.

    Args:
        function: takes what the function takes, integers as they are and each real argument as a
            ``flint.arb`` that holds an interval; returns a ball that holds every value there, not
            finite where it cannot tell. The function must be continuous where the ball is finite.

    Returns:
        The same on ``Interval`` arrays that broadcast.

    Example:
        >>> square = by_balls(lambda x: x * x)
        >>> square(exact(3.0))
        [9, 9]
    """

    def enclose(*args: Any) -> Interval:
        reals = [exact(arg) for arg in args if not isinstance(arg, int)]
        ends = np.broadcast_arrays(*(end for x in reals for end in (x.lo, x.hi)))
        shape = ends[0].shape
        with ctx.workprec(_BITS):
            columns = iter(
                [_ball(a, b) for a, b in zip(lo.ravel().tolist(), hi.ravel().tolist(), strict=True)]
                for lo, hi in zip(ends[::2], ends[1::2], strict=True)
            )
            rows = zip(
                *([arg] * ends[0].size if isinstance(arg, int) else next(columns) for arg in args),
                strict=True,
            )
            lo, hi = _bounds([function(*row) for row in rows], shape)
        grade = np.where(np.isfinite(lo) & np.isfinite(hi), CONTINUOUS, PARTLY)
        for x in reals:
            grade = np.minimum(grade, x.grade)
        return Interval(lo, hi, grade)

    return enclose


def _ball(low: float, high: float) -> Ball:
    if not (math.isfinite(low) and math.isfinite(high)):
        return arb.nan()
    return arb(low) if low == high else arb(low).union(arb(high))


#: What the source of a kernel may call, by name; ``abs`` and the operators are methods of ``Interval``.
FUNCTIONS: dict[str, Any] = {
    "acos": _monotone(lambda x: x.acos(), (0.0, up(math.pi)), falling=True, domain=(-1.0, 1.0)),
    "acosh": _monotone(lambda x: x.acosh(), (0.0, _INFINITY), domain=(1.0, _INFINITY)),
    "asin": _monotone(lambda x: x.asin(), domain=(-1.0, 1.0)),
    "asinh": _monotone(lambda x: x.asinh()),
    "atan": _atan,
    "atan2": _atan2,
    "atanh": _monotone(lambda x: x.atanh(), domain=(-1.0, 1.0), closed=False),
    "cos": _wave(lambda x: x.cos(), 0.0),
    "cosh": lambda x: _cosh(abs(exact(x))),
    "erf": _monotone(lambda x: x.erf(), (-1.0, 1.0)),
    "erfc": _monotone(lambda x: x.erfc(), (0.0, 2.0), falling=True),
    "exp": _exp,
    "expm1": _expm1,
    "floor": _floor,
    "heaviside": _heaviside,
    "inverse_expm1": lambda x: _expm1(x).inverse(),
    "log": _log,
    "log1mexp": _monotone(
        lambda x: (-(-x).expm1()).log(), (-_INFINITY, 0.0), domain=(0.0, _INFINITY), closed=False
    ),
    "log1p": _monotone(lambda x: x.log1p(), domain=(-1.0, _INFINITY), closed=False),
    "maximum": _extreme(np.maximum),
    "minimum": _extreme(np.minimum),
    "power": _power,
    "nan": Interval(np.asarray(-np.inf), np.asarray(np.inf), NOWHERE),
    "sech2": lambda x: _sech2(abs(exact(x))),
    "sigmoid": _monotone(_sigmoid_ball, (0.0, 1.0)),
    "sign": _sign,
    "sin": _wave(lambda x: x.sin(), 0.5),
    "sinh": _monotone(lambda x: x.sinh()),
    "softplus": _monotone(_softplus_ball, (0.0, _INFINITY)),
    "sqrt": _monotone(lambda x: x.sqrt(), (0.0, _INFINITY), domain=(0.0, _INFINITY)),
    "tan": _tangent,
    "tanh": _monotone(lambda x: x.tanh(), (-1.0, 1.0)),
    "total": _total,
    "where": _where,
}
