"""Wasserstein distances of samples: exact on the line, over random directions elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gandyn.arrays import to_numpy

__all__ = ["sliced_wasserstein", "wasserstein_1d"]

#: A probability below this is nothing: where a tail is cut.
_NOTHING = 1e-14
_TOLERANCE = 1e-10
_MOST_SPLITS = 60
_MOST_DOUBLINGS = 42
#: Probabilities between which a distribution is looked at, however narrow it is: its features lie there.
_LADDER = np.concatenate(
    [0.1 ** np.arange(13, 1, -1), np.arange(0.05, 1, 0.05), 1.0 - 0.1 ** np.arange(2, 14)]
)


def wasserstein_1d(samples: Any, target: Any) -> float:
    """Return the Wasserstein distance of order 1 of samples on the line and a sample or a distribution.

    ``W1 = integral of |F_N(x) - F(x)| dx`` with the distribution functions of both: a finite sum against a
    sample, adaptive Gauss-Legendre quadrature between the samples against a distribution.

    Args:
        samples: shape (N,) or (N, 1), float; an array of any namespace.
        target: samples likewise, of shape (M,) or (M, 1); or a distribution: its distribution function
            ``cdf(x)`` on arrays, or an object that has one, such as ``scipy.stats.norm(0, 1)``.

    Returns:
        The distance, in the unit of the samples; to 1e-9 of the range against a distribution.

    Raises:
        ValueError: no samples, another shape, a value that is not finite, or a distribution whose tail does
            not end, so that the distance is infinite.

    Source: Vallender 1974.

    Example:
        >>> from scipy.stats import uniform
        >>> wasserstein_1d([0.0, 2.0], [1.0]), round(wasserstein_1d([0.0], uniform(-1, 2)), 9)
        (1.0, 0.5)
    """
    values = np.sort(_line("samples", samples))
    cdf = getattr(target, "cdf", target)
    if callable(cdf):
        return _against_a_distribution(values, cdf)
    from scipy.stats import wasserstein_distance

    return float(wasserstein_distance(values, _line("target", target)))


def _line(name: str, points: Any) -> np.ndarray:
    values = np.asarray(to_numpy(points) if hasattr(points, "shape") else points, dtype=float)
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim != 1 or not len(values) or not np.all(np.isfinite(values)):
        raise ValueError(
            f"{name} must be finite numbers of shape (N,) or (N, 1), N >= 1, got shape {values.shape}"
        )
    return values


def _against_a_distribution(values: np.ndarray, cdf: Callable[[np.ndarray], Any]) -> float:
    """Return the distance of sorted values; ``F_N - F`` changes its sign at most once between neighbours."""
    width = max(float(np.ptp(values)), 1.0)
    low = _end_of_tail(values[0], -width, cdf)
    high = _end_of_tail(values[-1], width, lambda x: 1.0 - np.asarray(cdf(x)))
    knots = _crossing(cdf, _LADDER, np.full(len(_LADDER), low), np.full(len(_LADDER), high))
    edges = np.sort(np.concatenate([[low], values, knots, [high]]))
    level = np.searchsorted(values, edges[:-1], side="right") / len(values)
    crossing = _crossing(cdf, level, edges[:-1], edges[1:])
    starts, ends = np.concatenate([edges[:-1], crossing]), np.concatenate([crossing, edges[1:]])
    gap = lambda x, at: np.abs(np.asarray(cdf(x)) - at)
    return _integral(gap, starts, ends, np.concatenate([level, level]), _TOLERANCE * (high - low))


def _end_of_tail(start: float, step: float, beyond: Callable[[np.ndarray], Any]) -> float:
    """Return where a tail that begins at ``start`` has no probability left."""
    for doublings in range(_MOST_DOUBLINGS):
        end = start + step * (2.0**doublings - 1.0)
        if float(np.asarray(beyond(np.array([end])))[0]) <= _NOTHING:
            return end
    raise ValueError(
        f"the distribution still has probability beyond {end:.3g}; the distance is finite only if its mean is"
    )


def _crossing(cdf: Callable[..., Any], level: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Return where the distribution function passes each level, or the end of the interval nearest to it."""
    for _ in range(_MOST_SPLITS):
        middle = 0.5 * (low + high)
        below = np.asarray(cdf(middle)) < level
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return 0.5 * (low + high)


def _integral(
    f: Callable[[np.ndarray, np.ndarray], np.ndarray],
    starts: np.ndarray,
    ends: np.ndarray,
    data: np.ndarray,
    tolerance: float,
) -> float:
    """Return the sum of integrals of ``f(x, data)``; intervals on which two rules differ are halved."""
    total, least = 0.0, tolerance / len(starts)
    for _ in range(_MOST_SPLITS):
        coarse, fine = (_gauss(f, starts, ends, data, nodes) for nodes in (8, 13))
        open_ = np.abs(fine - coarse) > least
        total += float(fine[~open_].sum())
        if not open_.any():
            return total
        starts, ends, data = starts[open_], ends[open_], data[open_]
        middles = 0.5 * (starts + ends)
        starts, ends = np.concatenate([starts, middles]), np.concatenate([middles, ends])
        data = np.concatenate([data, data])
    return total + float(_gauss(f, starts, ends, data, 13).sum())


def _gauss(f: Any, starts: np.ndarray, ends: np.ndarray, data: np.ndarray, nodes: int) -> np.ndarray:
    places, weights = np.polynomial.legendre.leggauss(nodes)
    half = 0.5 * (ends - starts)
    x = starts[:, None] + half[:, None] * (1.0 + places)
    return half * (f(x, data[:, None]) @ weights)


def sliced_wasserstein(a: Any, b: Any, *, projections: int = 200, seed: int = 0) -> tuple[float, float]:
    """Return the sliced Wasserstein distance of order 1 of two sets of points, and its standard error.

    The mean over random directions of the distance of the projections, each of them exact; in one dimension
    the distance itself, with error 0.

    Args:
        a: shape (N, d), float.
        b: shape (M, d), float.
        projections: number of random directions, >= 2.
        seed: seed of the directions.

    Raises:
        ValueError: shapes that do not fit, a value that is not finite, or fewer than 2 projections.

    Source: Rabin, Peyre, Delon and Bernot 2012.

    Example:
        >>> sliced_wasserstein(np.zeros((4, 1)), np.ones((3, 1)))
        (1.0, 0.0)
    """
    from scipy.stats import wasserstein_distance

    a, b = (to_numpy(points).astype(float) for points in (a, b))
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[1] or not (len(a) and len(b)):
        raise ValueError(f"two sets of points have shapes (N, d) and (M, d), got {a.shape} and {b.shape}")
    if not (np.all(np.isfinite(a)) and np.all(np.isfinite(b))) or projections < 2:
        raise ValueError(f"points must be finite and projections at least 2, got projections={projections}")
    if a.shape[1] == 1:
        return float(wasserstein_distance(a[:, 0], b[:, 0])), 0.0
    directions = np.random.default_rng(seed).normal(size=(projections, a.shape[1]))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    values = [wasserstein_distance(a @ u, b @ u) for u in directions]
    return float(np.mean(values)), float(np.std(values, ddof=1) / np.sqrt(projections))
