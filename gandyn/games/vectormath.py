"""Elementary functions that the compiler can vectorise inside a loop: branch-free, in float64.

They round by ``floor`` or by adding 1.5 * 2^52, and handle exponents through the bits of the number, so
that LLVM turns a loop over them into vector instructions on any machine, where calls to libm stay scalar.
``contract`` (fused multiply-add) is the one liberty that the compiler has here: reassociation would undo
the rounding and the two-part reductions. Errors are at most 4 units in the last place; overflow,
underflow, subnormal numbers, signed zeros, infinities and NaN give what IEEE arithmetic would.

The reductions and polynomials of ``log`` are those of fdlibm (Sun Microsystems 1993); ``erfc`` is the
expansion of Shepherd and Laframboise (1981) in ``(a - 3)/(a + 3)``; the other coefficients interpolate
at Chebyshev points, computed with 50 digits.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from llvmlite import ir
from numba import extending, njit, types

__all__ = [
    "accumulate",
    "erf",
    "erfc",
    "exp",
    "expm1",
    "heaviside",
    "inverse_expm1",
    "log",
    "log1mexp",
    "log1p",
    "lone_sigmoid",
    "maximum",
    "minimum",
    "prefer_wide_vectors",
    "sech2",
    "sigmoid",
    "sign",
    "softplus",
    "tanh",
    "where",
]

_LOG2_E = 1.4426950408889634
_LN2_HIGH, _LN2_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10
_SHIFT = 6755399441055744.0
"""1.5 * 2^52: adding it to an integral float leaves that integer in the low bits."""
_TWO_52 = 4503599627370496.0
_SIGN_BIT = -0x8000000000000000
_INF, _NAN = math.inf, math.nan

_intrinsic: Any = extending.intrinsic
_inlined: Any = njit(error_model="numpy", forceinline=True, fastmath={"contract"})


@_intrinsic
def _bits(typing_context: Any, x: Any) -> Any:
    """Return the bits of a float64 as an int64."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.bitcast(args[0], ir.IntType(64))

    return types.int64(types.float64), codegen


@_intrinsic
def _from_bits(typing_context: Any, x: Any) -> Any:
    """Return the float64 of these bits."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.bitcast(args[0], ir.DoubleType())

    return types.float64(types.int64), codegen


@_intrinsic
def prefer_wide_vectors(typing_context: Any) -> Any:
    """Let the function that calls this use 512-bit vectors where the processor has them.

    LLVM prefers 256 bits on most Intel processors; the loops here are limited by division and
    multiply-add throughput, which twice the width improves by a fifth.
    """

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        set.add(builder.function.attributes, '"prefer-vector-width"="512"')
        return context.get_dummy_value()

    return types.none(), codegen


@njit(error_model="numpy", forceinline=True, fastmath={"reassoc", "nsz", "contract"})
def accumulate(total: float, weight: float, value: float) -> float:
    """Return ``total + weight * value``, in an order that the compiler may choose."""
    return total + weight * value


@_inlined
def where(condition: bool, a: float, b: float) -> float:
    """Return ``a`` where the condition holds, else ``b``."""
    return a if condition else b


@_inlined
def maximum(a: float, b: float) -> float:
    """Return the larger; NaN if either is."""
    return a if a > b else (b if b >= a else a + b)


@_inlined
def minimum(a: float, b: float) -> float:
    """Return the smaller; NaN if either is."""
    return a if a < b else (b if b <= a else a + b)


@_inlined
def sign(x: float) -> float:
    """Return the sign of x; zeros and NaN as they are."""
    return 1.0 if x > 0.0 else (-1.0 if x < 0.0 else x)


@_inlined
def heaviside(x: float, at_zero: float) -> float:
    """Return the step function."""
    return 1.0 if x > 0.0 else (0.0 if x < 0.0 else (at_zero if x == 0.0 else x))


@_inlined
def _power_of_two(k: float) -> float:
    """Return 2^k for integral k from -1022 to 1023."""
    return _from_bits(_bits(k + (_SHIFT + 1023.0)) << 52)


@_inlined
def _with_sign(magnitude: float, x: float) -> float:
    """Return ``magnitude``, which is not negative, with the sign of x."""
    return _from_bits(_bits(magnitude) | (_bits(x) & _SIGN_BIT))


@_inlined
def _exp_reduced(x: float, bias: float) -> tuple[float, float, float]:
    """Return k, p and 2^(k + bias - 1023) with e^x = 2^k p, k integral, p from sqrt(1/2) to sqrt(2)."""
    shifted = x * _LOG2_E + (_SHIFT + bias)
    k = shifted - (_SHIFT + bias)
    r = (x - k * _LN2_HIGH) - k * _LN2_LOW
    p = 2.7620088445409746e-07 + r * 2.510038549551032e-08
    p = 2.4801521295954376e-05 + r * (2.7557268459997064e-06 + r * p)
    p = 0.0013888888917213717 + r * (0.00019841269863053618 + r * p)
    p = 0.04166666666662413 + r * (0.008333333333330062 + r * p)
    p = 0.5000000000000001 + r * (0.16666666666666669 + r * p)
    return k, 1.0 + r * (1.0 + r * p), _from_bits(_bits(shifted) << 52)


@_inlined
def exp(x: float) -> float:
    """Return e^x."""
    k, p, _ = _exp_reduced(-746.0 if x < -746.0 else (710.0 if x > 710.0 else x), 0.0)
    small = k < -1000.0
    return p * _power_of_two(k + (127.0 if small else -1.0)) * (2.0**-127 if small else 2.0)


@_inlined
def _exp_nonpositive(x: float) -> float:
    """Return e^x for x <= 0, a little faster; subnormal results are rounded once, by the last factor."""
    _, p, scale = _exp_reduced(-746.0 if x < -746.0 else x, 1083.0)
    return p * scale * 2.0**-60


@_inlined
def expm1(x: float) -> float:
    """Return e^x - 1 without cancellation near 0."""
    y = -60.0 if x < -60.0 else (710.0 if x > 710.0 else x)
    k = np.floor(y * _LOG2_E + 0.5)
    r = (y - k * _LN2_HIGH) - k * _LN2_LOW
    p = 2.5105217004720745e-08 + r * 2.0914686968086876e-09
    p = 2.7557255400206422e-06 + r * (2.75572736431103e-07 + r * p)
    p = 0.00019841269874820627 + r * (2.4801587325547743e-05 + r * p)
    p = 0.008333333333326136 + r * (0.0013888888888883748 + r * p)
    p = 0.1666666666666667 + r * (0.04166666666666667 + r * p)
    p = r + r * r * (0.5 + r * p)
    top = 1.0 if k > 1023.0 else 0.0
    scale = _power_of_two(k - top)
    result = (p * scale + (scale - (1.0 - 0.5 * top))) * (1.0 + top)
    return x if abs(x) < 2.0**-54 else result


@_inlined
def _log_parts(u: float) -> tuple[float, float]:
    """Return k and f with u = 2^k (1 + f) and 1 + f from sqrt(1/2) to sqrt(2), for normal u > 0."""
    bits = _bits(u) + (0x3FF0000000000000 - 0x3FE6A09E667F3BCD)
    k = _from_bits((bits >> 52) | 0x4330000000000000) - (_TWO_52 + 1023.0)
    return k, _from_bits((bits & 0x000FFFFFFFFFFFFF) + 0x3FE6A09E667F3BCD) - 1.0


@_inlined
def _log_sum(k: float, f: float, correction: float) -> float:
    """Return k ln 2 + log(1 + f) + correction."""
    s = f / (2.0 + f)
    z = s * s
    w = z * z
    odd = w * (3.999999999940941908e-01 + w * (2.222219843214978396e-01 + w * 1.531383769920937332e-01))
    even = 2.857142874366239149e-01 + w * (1.818357216161805012e-01 + w * 1.479819860511658591e-01)
    remainder = odd + z * (6.666666666666735130e-01 + w * even)
    half = 0.5 * f * f
    return ((s * (half + remainder) + (k * _LN2_LOW + correction)) - half + f) + k * _LN2_HIGH


@_inlined
def log(x: float) -> float:
    """Return the natural logarithm."""
    tiny = x < 2.2250738585072014e-308
    k, f = _log_parts(x * 2.0**54 if tiny else x)
    value = _log_sum(k - 54.0 if tiny else k, f, 0.0)
    return (value if x < _INF else x) if x > 0.0 else (-_INF if x == 0.0 else _NAN)


@_inlined
def log1p(x: float) -> float:
    """Return log(1 + x) without loss near 0."""
    u = 1.0 + x
    k, f = _log_parts(u)
    lost = 1.0 - (u - x) if x > 1.0 else x - (u - 1.0)
    value = _log_sum(k, f, lost / u)
    value = x if abs(x) < 2.0**-54 else value
    return (value if x < _INF else x) if u > 0.0 else (-_INF if u == 0.0 else _NAN)


@_inlined
def tanh(x: float) -> float:
    """Return the hyperbolic tangent."""
    t = expm1(-2.0 * abs(x))
    return _with_sign(-t / (t + 2.0), x)


@_inlined
def sech2(x: float) -> float:
    """Return 1/cosh(x)^2 = 1 - tanh(x)^2 without cancellation or overflow."""
    e = _exp_nonpositive(-2.0 * abs(x))
    return 4.0 * e / ((1.0 + e) * (1.0 + e))


@_inlined
def sigmoid(x: float) -> float:
    """Return 1/(1 + e^-x) without overflow; shares all but the last product with ``sigmoid(-x)``."""
    e = _exp_nonpositive(-abs(x))
    return (1.0 if x >= 0.0 else e) * (1.0 / (1.0 + e))


@_inlined
def lone_sigmoid(x: float) -> float:
    """Return 1/(1 + e^-x), faster where ``sigmoid(-x)`` is not needed; below 8e-309 it is 0."""
    y = -708.0 if x > 708.0 else (710.0 if x < -710.0 else -x)
    _, p, scale = _exp_reduced(y, 1023.0)
    return 1.0 / (1.0 + p * scale)


@_inlined
def softplus(x: float) -> float:
    """Return log(1 + e^x) without overflow."""
    return (x if x > 0.0 else 0.0) + log1p(_exp_nonpositive(-abs(x)))


@_inlined
def log1mexp(x: float) -> float:
    """Return log(1 - e^-x) for x >= 0, stable at both ends (Maechler 2012)."""
    return log(-expm1(-x)) if x < 0.6931471805599453 else log1p(-exp(-x))


@_inlined
def inverse_expm1(x: float) -> float:
    """Return 1/(e^x - 1)."""
    return 1.0 / expm1(x)


@_inlined
def _erf_near_zero(x: float) -> float:
    """Return the error function for |x| < 1."""
    u = x * x
    p = -1.1372848856791674e-09 + u * 5.957176147748911e-11
    p = -1.6350312701054695e-07 + u * (1.4659775274047436e-08 + u * p)
    p = -1.4925595266831182e-05 + u * (1.6461000484121368e-06 + u * p)
    p = -0.000854832698083379 + u * (0.0001205533111164271 + u * p)
    p = -0.026866170645076792 + u * (0.0052239776248180145 + u * p)
    p = -0.3761263890318375 + u * (0.11283791670954879 + u * p)
    return x * (1.1283791670955126 + u * p)


@_inlined
def _erfc_tail(a: float) -> float:
    """Return the complementary error function for a >= 0, of small relative error far out."""
    a = 28.0 if a > 28.0 else a
    t = (a - 3.0) / (a + 3.0)
    p = -8.500119502115306e-09 - t * 4.210104975119195e-09
    p = 9.186243026143847e-08 + t * (3.29163439676632e-08 + t * p)
    p = -6.050048623933503e-07 + t * (-1.311166137536459e-07 + t * p)
    p = 3.463997532352904e-06 + t * (3.4899197889744293e-07 + t * p)
    p = -2.009663087595395e-05 + t * (-7.275875746667183e-07 + t * p)
    p = 0.00012509815174864322 + t * (4.948147875576539e-06 + t * p)
    p = -0.0007798320379611115 + t * (-0.00010515949033775975 + t * p)
    p = 0.002529391788270445 + t * (0.001888690312003782 + t * p)
    p = 0.06830802734580459 + t * (-0.02377051491423367 + t * p)
    p = 0.12964515870270552 + t * (-0.11927366341552853 + t * p)
    p = -0.1356211061245807 + t * (-0.047562294353446374 + t * p)
    p = 1.2530080582697296 + t * p
    head: float = _from_bits(_bits(a) & -0x8000000)
    rest = (a - head) * (a + head)
    square = _exp_nonpositive(-head * head) * (1.0 - rest * (1.0 - rest * (0.5 - rest / 6.0)))
    return square * (p / (1.0 + 2.0 * a))


@_inlined
def erfc(x: float) -> float:
    """Return the complementary error function."""
    tail = _erfc_tail(abs(x))
    return 1.0 - _erf_near_zero(x) if abs(x) < 0.5 else (2.0 - tail if x < 0.0 else tail)


@_inlined
def erf(x: float) -> float:
    """Return the error function."""
    return _erf_near_zero(x) if abs(x) < 1.0 else _with_sign(1.0 - _erfc_tail(abs(x)), x)
