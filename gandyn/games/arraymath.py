"""The functions of a kernel's source on NumPy arrays: the slow twin of ``vectormath``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

__all__ = ["FUNCTIONS"]


def _softplus(x: Any) -> Any:
    return np.logaddexp(0.0, x)


def _sigmoid(x: Any) -> Any:
    e = np.exp(-np.abs(x))
    return np.where(np.greater_equal(x, 0), 1.0, e) / (1 + e)


def _log1mexp(x: Any) -> Any:
    return np.where(np.less(x, np.log(2)), np.log(-np.expm1(-x)), np.log1p(-np.exp(-x)))


def _sech2(x: Any) -> Any:
    e = np.exp(-2 * np.abs(x))
    return 4 * e / (1 + e) ** 2


def _erf(x: Any) -> Any:
    from scipy.special import erf

    return erf(x)


def _erfc(x: Any) -> Any:
    from scipy.special import erfc

    return erfc(x)


def _total(values: Any, weights: np.ndarray) -> Any:
    """Return the weighted sum over the last axis, which stays with length one."""
    return np.matmul(values, weights)[..., None]


_SAME = "exp log expm1 log1p sqrt floor sign where sin cos tan sinh cosh tanh heaviside maximum minimum"

#: What the source of a kernel may call, by name.
FUNCTIONS: dict[str, Callable[..., Any] | float] = {name: getattr(np, name) for name in _SAME.split()} | {
    "acos": np.arccos,
    "acosh": np.arccosh,
    "asin": np.arcsin,
    "asinh": np.arcsinh,
    "atan": np.arctan,
    "atan2": np.arctan2,
    "atanh": np.arctanh,
    "erf": _erf,
    "erfc": _erfc,
    "inverse_expm1": lambda x: 1 / np.expm1(x),
    "log1mexp": _log1mexp,
    "nan": np.nan,
    "sech2": _sech2,
    "sigmoid": _sigmoid,
    "softplus": _softplus,
    "total": _total,
}
