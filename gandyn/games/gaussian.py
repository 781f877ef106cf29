"""Normal expectations of a classifier's loss, to machine precision at every mean and spread.

A discriminator that sees ``m + tau z``, z standard normal, pays ``E f(m + tau z)``. Two such functions
make the tiny GANs exact at infinite data:

- ``Gap``: f(s) = -log(1 - exp(-s^2)), what a Gaussian classifier pays on fakes. f has a logarithmic
  pole at 0, so that a Gauss-Hermite rule on its derivative has a pole at every node.
- ``Softplus``: f(s) = log(1 + exp(s)), what a sigmoid classifier pays.

Both are sympy functions ``F(k, m, tau)``, the k-th derivative in ``m``; the heat equation
``dF/dtau = tau d^2F/dm^2`` closes the family under differentiation, without a division by ``tau``.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import sympy as sp
from scipy.special import zeta

_compiled: Callable[..., Any]
try:
    from numba import njit

    # inlined into the kernel of a game, so that no path for exceptions is left in its machine code
    _compiled = njit(cache=True, error_model="numpy", forceinline=True)
except ImportError:  # the same functions run as plain Python, slowly
    _compiled = lambda function: function

__all__ = ["Gap", "Softplus", "gap_mean", "softplus_mean"]

_DROP = 45.0
"""Terms that are exp(-45) of the leading one are left out: below the rounding unit."""


def _gauss_rule(nodes: np.ndarray, weights: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the n-node Gauss rule of a finely discretised weight, by Stieltjes' procedure."""
    alpha, beta = np.zeros(n), np.zeros(n)
    old, new, norm = np.zeros_like(nodes), np.ones_like(nodes), 1.0
    for k in range(n):
        size = np.sum(weights * new * new)
        alpha[k], beta[k] = np.sum(weights * nodes * new * new) / size, size / norm
        old, new, norm = new, (nodes - alpha[k]) * new - (beta[k] if k else 0.0) * old, size
    jacobi = np.diag(alpha) + np.diag(np.sqrt(beta[1:]), 1) + np.diag(np.sqrt(beta[1:]), -1)
    values, vectors = np.linalg.eigh(jacobi)
    return values, np.sum(weights) * vectors[0] ** 2


def _abel_plana_rule(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Return y and w with ``2 int_0^inf F(y) / (exp(2 pi y) + 1) dy = sum w F(y)`` for smooth odd F."""
    nodes, weights = np.polynomial.legendre.leggauss(200)
    y, weights = 3.5 * (nodes + 1), 3.5 * weights
    squares, masses = _gauss_rule(y**2, 2 * weights * y / (np.exp(2 * np.pi * y) + 1), n)
    return np.sqrt(squares), masses / np.sqrt(squares)


_HEIGHTS, _MASSES = _abel_plana_rule(14)
_UNIT, _SHARES = (lambda rule: ((rule[0] + 1) / 2, rule[1] / 2))(np.polynomial.legendre.leggauss(44))


@_compiled
def _hermite(order: int, m: float, c: Any, inverse: Any) -> Any:
    """Return the polynomial p with ``(d/dm)^order exp(-c m^2) / c = p exp(-c m^2)``, given 1/c."""
    if order == 0:
        return inverse
    before, last = -2 * m + 0 * c, 4 * c * m * m - 2
    if order == 1:
        return before
    for i in range(2, order):
        before, last = last, -2 * c * (m * last + i * before)
    return last


@_compiled
def _summand(order: int, m: float, variance: float, j: float) -> float:
    """Return term j of the series."""
    q = 1 / (1 + 2 * variance * j)
    c = j * q
    return q * math.sqrt(q) * _hermite(order, m, c, 1 / c) * math.exp(-c * m * m)


@_compiled
def _summand_off_axis(order: int, m: float, variance: float, j: float, y: float) -> float:
    """Return the imaginary part of the term at j + i y.

    Complex division, roots and exponentials are written out: those of the compiler can raise, which
    would tie the machine code to the interpreter.
    """
    real, imaginary = 1 + 2 * variance * j, 2 * variance * y
    scale, size = 1 / (real * real + imaginary * imaginary), 1 / (j * j + y * y)
    q = complex(real * scale, -imaginary * scale)
    c = complex(j, y) * q
    inverse = complex(real, imaginary) * complex(j * size, -y * size)
    root = math.sqrt((math.sqrt(scale) + q.real) / 2)
    power = q * complex(root, q.imag / (2 * root))
    half = math.tan(-m * m * c.imag / 2)
    turn = complex((1 - half * half) / (1 + half * half), 2 * half / (1 + half * half))
    return math.exp(-m * m * c.real) * (power * _hermite(order, m, c, inverse) * turn).imag


@_compiled
def _integral(order: int, m: float, variance: float, a: float) -> float:
    """Return the integral of the summand over j from a to infinity, in a variable that keeps it smooth."""
    q = 1 / (1 + 2 * variance * a)
    y, c, rate = math.sqrt(q), a * q, m * m
    inside = rate * q - 2 * _DROP * variance
    end = 2 * _DROP / (rate * y + math.sqrt(rate * inside)) if inside > 0 else y / variance
    log_end = math.log1p(end * y / c)
    total = 0.0
    for i in range(len(_UNIT)):
        if order == 0:
            w = c / y * math.expm1(log_end * _UNIT[i])
            step = log_end * (c / y + w)
        else:
            w, step = end * _UNIT[i], end
        v = c + w * (y - variance * w / 2)
        total += _SHARES[i] * step * _hermite(order, m, v, 1 / v) * math.exp(-rate * v)
    return total


@_compiled
def _gap(order: int, m: float, tau: float) -> float:
    """Return the order-th derivative in m of ``H(m, tau) = -E log(1 - exp(-(m + tau z)^2))``.

    ``H = sum_j q^(1/2) exp(-j q m^2) / j`` with ``q = 1/(1 + 2 j tau^2)``. The first terms are summed
    until the rest is smooth on the scale of one term; the rest follows from the Abel-Plana formula.
    """
    variance = tau * tau
    first = 1 / (1 + 2 * variance)
    if not (m * m + variance > 0 and math.isfinite(m) and math.isfinite(variance)):
        return np.nan
    if m * m * first > 750:
        return 0.0
    total, j = 0.0, 1
    while True:
        q = 1 / (1 + 2 * variance * j)
        if m * m * (j * q - first) > _DROP:
            return total
        if j >= 3 and m * m * q * q < 1:
            break
        total += _summand(order, m, variance, float(j))
        j += 1
    for i in range(len(_HEIGHTS)):
        total += _MASSES[i] * _summand_off_axis(order, m, variance, j - 0.5, _HEIGHTS[i])
    return total + _integral(order, m, variance, j - 0.5)


def _sigmoid_polynomials(orders: int) -> np.ndarray:
    """Return row by row the derivatives of log(1 + exp(s)) as coefficients of powers of the sigmoid."""
    table = np.zeros((orders, orders))
    table[1, 1] = 1
    for order in range(2, orders):
        for k in range(1, orders):
            table[order, k] = k * table[order - 1, k] - (k - 1) * table[order - 1, k - 1]
    return table


_POWERS = _sigmoid_polynomials(10)


@_compiled
def _softplus_derivative(order: int, s: float) -> float:
    """Return the order-th derivative of log(1 + exp(s)), of small relative error in both tails."""
    e = math.exp(-abs(s))
    if order == 0:
        return max(s, 0.0) + math.log1p(e)
    if order == 1:
        return (1.0 if s >= 0 else e) / (1 + e)
    small, value = e / (1 + e), 0.0
    for k in range(order, -1, -1):
        value = value * small + _POWERS[order, k]
    return -value if s > 0 and order % 2 else value


_WIDE = 100.0
_SOMMERFELD = np.array([2 * (1 - 2.0 ** (1 - 2 * j)) * zeta(2 * j) for j in range(1, 6)])


@_compiled
def _normal_slope(order: int, u: float) -> float:
    """Return derivative ``order`` of the normal density; order -1 is its integral, -2 the next one."""
    density = math.exp(-u * u / 2) / math.sqrt(2 * math.pi)
    below = math.erfc(-u / math.sqrt(2)) / 2
    if order == -2:
        return density + u * below
    if order == -1:
        return below
    before, last = 0.0, density
    for i in range(order):
        before, last = last, -u * last - i * before
    return last


@_compiled
def _softplus_wide(order: int, m: float, spread: float) -> float:
    """Return ``_softplus`` for a wide spread: a ramp, and Sommerfeld's expansion of its rounded corner."""
    u, scale = m / spread, spread ** (1 - order)
    total = _normal_slope(order - 2, u)
    for j in range(len(_SOMMERFELD)):
        total += _SOMMERFELD[j] * spread ** (-2 * j - 2) * _normal_slope(order + 2 * j, u)
    return total * scale


@_compiled
def _softplus(order: int, m: float, tau: float) -> float:
    """Return the order-th derivative in m of ``E log(1 + exp(m + tau z))``.

    By the trapezoidal rule, which converges geometrically for a function analytic in a strip: the step
    resolves both the normal density and the poles of the sigmoid at +-i pi. From a spread of 100 on, by
    its asymptotic expansion.
    """
    spread = abs(tau)
    if order > 9 or not (math.isfinite(m) and math.isfinite(spread)):
        return np.nan
    if spread > _WIDE:
        return _softplus_wide(order, m, spread)
    step = min(0.7, 0.4 / spread) if spread > 0 else 0.7
    total = _softplus_derivative(order, m)
    for i in range(1, int(9 / step) + 1):
        z = i * step
        above = _softplus_derivative(order, m + spread * z)
        below = _softplus_derivative(order, m - spread * z)
        total += math.exp(-z * z / 2) * (above + below)
    return total * step / math.sqrt(2 * math.pi)


@_compiled
def _fill_gap(order: int, m: np.ndarray, tau: np.ndarray, out: np.ndarray) -> None:
    for i in range(len(out)):
        out[i] = _gap(order, m[i], tau[i])


@_compiled
def _fill_softplus(order: int, m: np.ndarray, tau: np.ndarray, out: np.ndarray) -> None:
    for i in range(len(out)):
        out[i] = _softplus(order, m[i], tau[i])


def _elementwise(fill: Callable[..., None], order: int, m: Any, tau: Any) -> Any:
    mean, spread = np.broadcast_arrays(np.asarray(m, dtype=float), np.asarray(tau, dtype=float))
    out = np.empty(mean.size)
    fill(int(order), np.array(mean).ravel(), np.array(spread).ravel(), out)
    return out.reshape(mean.shape)[()]


def gap_mean(order: int, m: Any, tau: Any) -> Any:
    """Return the derivative of given order in ``m`` of ``-E log(1 - exp(-(m + tau z)^2))``, z normal.

    The relative error is about 1e-13 for orders up to 6 at every ``m`` and ``tau``, where adding up
    the series term by term converges like k^(-1/2) and Gauss-Hermite meets the pole at m + tau z = 0.

    Args:
        order: 0 to 6.
        m: mean, any shape.
        tau: spread, any sign, broadcasts with ``m``; 0 gives the function itself.

    Returns:
        Floats of the common shape; nan at the pole m = tau = 0 and where an argument is not finite.

    Example:
        >>> round(float(gap_mean(0, 0.0, 1.0)), 8)
        1.6642462
        >>> round(float(-gap_mean(2, 0.0, 1.0)), 10)
        1.3775223733
    """
    return _elementwise(_fill_gap, order, m, tau)


def softplus_mean(order: int, m: Any, tau: Any) -> Any:
    """Return the derivative of given order in ``m`` of ``E log(1 + exp(m + tau z))``, z normal.

    The error is about 1e-16 plus 1e-15 of the value.

    Args:
        order: 0 to 6.
        m: mean, any shape.
        tau: spread, any sign, broadcasts with ``m``.

    Returns:
        Floats of the common shape; nan where an argument is not finite.

    Example:
        >>> round(float(softplus_mean(1, 0.0, 3.0)), 12)
        0.5
    """
    return _elementwise(_fill_softplus, order, m, tau)


class _NormalMean(sp.Function):
    """``F(k, m, tau)``: derivative k in m of the expectation of a function at ``m + tau z``."""

    nargs = 3
    is_real = True

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        """Return the derivative in m, or in tau by the heat equation."""
        order, m, tau = self.args
        if argindex == 2:
            return self.func(order + 1, m, tau)
        if argindex == 3:
            return tau * self.func(order + 2, m, tau)
        raise sp.ArgumentIndexError(self, argindex)


class Gap(_NormalMean):
    """``Gap(k, m, tau)``, the k-th derivative in m of ``-E log(1 - exp(-(m + tau z)^2))``.

    Example:
        >>> m, tau = sp.symbols("m tau")
        >>> Gap(0, m, tau).diff(tau)
        tau*Gap(2, m, tau)
    """

    scalar = _gap
    _imp_ = staticmethod(gap_mean)

    @staticmethod
    def enclose(order: int, m: Any, tau: Any) -> Any:
        """Return a ball that holds the function over balls."""
        from gandyn.games.normal_balls import gap_ball

        return gap_ball(order, m, tau)


class Softplus(_NormalMean):
    """``Softplus(k, m, tau)``, the k-th derivative in m of ``E log(1 + exp(m + tau z))``.

    Example:
        >>> m = sp.symbols("m")
        >>> Softplus(0, m, 2).diff(m)
        Softplus(1, m, 2)
    """

    scalar = _softplus
    _imp_ = staticmethod(softplus_mean)

    @staticmethod
    def enclose(order: int, m: Any, tau: Any) -> Any:
        """Return a ball that holds the function over balls."""
        from gandyn.games.normal_balls import softplus_ball

        return softplus_ball(order, m, tau)
