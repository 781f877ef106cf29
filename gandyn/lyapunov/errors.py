"""Averages of local growth, and how far they may be from their limit."""

from __future__ import annotations

import numpy as np

__all__ = ["bump_weights", "long_run_errors", "smooth_errors"]

_FEWEST = 32
_BLOCKS = 16


def long_run_errors(growth: np.ndarray) -> np.ndarray:
    """Return the standard error of the mean of each column of a stationary series.

    Sums over L records next to each other vary by ``D(L) = a + b L`` about their mean, once L is longer
    than the memory of the series: b is its long-run variance, and a < 0 comes from positive correlation.
    What only shifts back and forth, as does the exponent along the flow, has b = 0 and a > 0: batch
    means, which take a for 0, are too wide there. Both are fitted to D at four lengths up to m/16, from
    all overlapping blocks. The mean of m records then errs by ``sqrt(b / m + a / m^2)``.

    Args:
        growth: shape (m, k); with fewer than 32 rows all errors are NaN.

    Returns:
        Shape (k,), in units of the mean. A column with an infinite entry has NaN.

    Source: overlapping batch means, Meketon and Schmeiser 1984.

    Example:
        >>> noise = np.random.default_rng(0).normal(size=(10000, 1))
        >>> bool(abs(long_run_errors(noise)[0] - 0.01) < 0.001)
        True
    """
    m, k = growth.shape
    if m < _FEWEST:
        return np.full(k, np.nan)
    with np.errstate(invalid="ignore"):
        sums = np.concatenate([np.zeros((1, k)), np.cumsum(growth - growth.mean(axis=0), axis=0)])
        lengths = np.unique(m // (_BLOCKS * 2 ** np.arange(4)).clip(max=m))
        spread = np.array([np.mean((sums[n:] - sums[:-n]) ** 2, axis=0) / (1 - n / m) for n in lengths])
    return np.array([_error(lengths, column, m) for column in spread.T])


def _error(lengths: np.ndarray, spread: np.ndarray, m: int) -> float:
    """Return the error of the mean of m from the mean squares of sums over fewer."""
    if not np.all(spread > 0):
        return 0.0 if np.all(spread == 0) else np.nan
    precision = 1 / (spread * np.sqrt(lengths))
    terms = np.stack([np.ones_like(spread), lengths], axis=1)
    a, b = np.linalg.lstsq(precision[:, None] * terms, precision * spread, rcond=None)[0]
    if b <= 0:
        a, b = np.average(spread, weights=precision**2), 0.0
    return float(np.sqrt(max(b / m + a / m**2, b / m / 4)))


def smooth_errors(growth: np.ndarray) -> np.ndarray:
    """Return the standard error of the mean with ``bump_weights`` of each column of a stationary series.

    It is the scatter of such means over eighths of the series, half overlapping, divided by the root of 8:
    right for noise, and too wide for quasi-periodic series, whose means converge faster.
    """
    m, k = growth.shape
    if m < _FEWEST:
        return np.full(k, np.nan)
    length = m // 8
    starts = (np.arange(15) * (m - length)) // 14
    with np.errstate(invalid="ignore"):
        means = np.array([bump_weights(length) @ growth[start : start + length] for start in starts])
        return np.asarray(means.std(axis=0, ddof=1) / np.sqrt(8))


def bump_weights(count: int) -> np.ndarray:
    """Return weights that fall smoothly to zero at both ends, shape (count,), with sum 1.

    ``exp(-1 / (s (1 - s)))`` at s = (i + 1/2) / count: where a series is quasi-periodic, its weighted mean
    converges faster than any power of the count. Source: Das, Sander and Yorke 2016.

    Example:
        >>> s = np.sin(np.arange(1000.0))
        >>> bool(abs(bump_weights(1000) @ s) < 1e-12 < abs(s.mean()))
        True
    """
    s = (np.arange(count) + 0.5) / count
    weights = np.exp(-1 / (s * (1 - s)))
    return np.asarray(weights / weights.sum())
