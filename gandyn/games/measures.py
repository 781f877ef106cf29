"""What "data" means in an expectation: a set of weighted points, whether samples or a quadrature rule.

``samples("normal", 2500, seed=0)``, ``samples("normal", 5, seed=0)`` and ``gauss_hermite(120)``
("infinite data") are the same kind of argument, so that a game is written once for all of them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, cast

import numpy as np

__all__ = ["Measure", "gauss_hermite", "gauss_legendre", "mixture", "noisy", "points", "samples"]

_DISTRIBUTIONS: dict[str, Callable[[np.random.Generator, int], np.ndarray]] = {
    "normal": lambda rng, n: rng.standard_normal(n),
    "uniform": lambda rng, n: rng.uniform(-1.0, 1.0, n),
}


@dataclass(frozen=True, eq=False)
class Measure:
    """Weighted points that stand for a distribution: an expectation is the weighted sum over them.

    Args:
        values: the points, float, shape (N,) in one dimension or (N, d) in d.
        weights: one for each point, float, shape (N,); they sum to one.

    Raises:
        ValueError: no points, entries that are not finite, shapes that do not match, or weights
            that do not sum to one.

    Example:
        >>> coin = Measure(np.array([-1.0, 1.0]), np.array([0.5, 0.5]))
        >>> len(coin), coin.dim, coin.mean(np.square)
        (2, 1, 1.0)
    """

    values: np.ndarray
    weights: np.ndarray

    def __post_init__(self) -> None:
        values = _frozen("values", self.values)
        weights = _frozen("weights", self.weights)
        if values.ndim not in (1, 2) or not values.size:
            raise ValueError(f"a measure needs points of shape (N,) or (N, d), got values of {values.shape}")
        if weights.shape != values.shape[:1]:
            raise ValueError(
                f"a measure needs one weight for each of its {len(values)} points, "
                f"got weights of shape {weights.shape}"
            )
        total = float(np.sum(weights))
        if abs(total - 1) > 1e-9:
            raise ValueError(
                f"the weights of a measure must sum to one, they sum to {total:.12g}; "
                "divide them by their sum if that is meant"
            )
        object.__setattr__(self, "values", values)
        object.__setattr__(self, "weights", weights)

    def __len__(self) -> int:
        return len(self.weights)

    @property
    def dim(self) -> int:
        """Dimension of the points."""
        return 1 if self.values.ndim == 1 else int(self.values.shape[1])

    @cached_property
    def digest(self) -> str:
        """Fingerprint of the points and weights: equal for equal measures."""
        return hashlib.sha256(
            repr(self.values.shape).encode() + self.values.tobytes() + self.weights.tobytes()
        ).hexdigest()

    def mean(self, function: Callable[[np.ndarray], Any]) -> Any:
        """Return the expectation of ``function``, which takes all points and keeps their axis first."""
        value = np.tensordot(self.weights, np.asarray(function(self.values)), axes=(0, 0))
        return float(value) if np.ndim(value) == 0 else value

    def __str__(self) -> str:
        return f"Measure({len(self)} points, dim={self.dim})"


def _frozen(name: str, array: Any) -> np.ndarray:
    """Return a read-only float64 copy, so that a kernel and its measure cannot drift apart."""
    given = np.asarray(array)
    if np.iscomplexobj(given):
        raise ValueError(f"the {name} of a measure must be real, got {given.dtype}")
    copy = np.array(given, dtype=np.float64, order="C")
    if not np.all(np.isfinite(copy)):
        count = int(np.sum(~np.isfinite(copy)))
        raise ValueError(f"the {name} of a measure must be finite; {count} of {copy.size} are not")
    copy.flags.writeable = False
    return copy


def points(values: Any, weights: Any = None) -> Measure:
    """Return the measure of given points, of equal weight unless weights are given.

    Args:
        values: the points, shape (N,) or (N, d).
        weights: shape (N,), sum one; None for 1/N each.

    Returns:
        The measure.

    Raises:
        ValueError: as ``Measure`` does.

    Example:
        >>> points([0.0, 3.0], [2 / 3, 1 / 3]).mean(lambda x: x)
        1.0
    """
    values = np.atleast_1d(np.asarray(values))
    if weights is None:
        weights = np.full(len(values), 1.0 / max(len(values), 1))
    return Measure(values, np.asarray(weights))


def samples(source: Any, n: int | None = None, seed: int | None = None) -> Measure:
    """Return the empirical measure of samples: a given array, or ``n`` draws with a seed.

    Args:
        source: the samples themselves, shape (N,) or (N, d); or the distribution to draw from:
            ``"normal"`` (standard), ``"uniform"`` (on [-1, 1]), or a function ``(rng, n) -> array``.
        n: number of draws; only with a distribution.
        seed: seed of the draws; only, and always, with a distribution.

    Returns:
        The measure of weights 1/n.

    Raises:
        ValueError: an unknown distribution, or draws without ``n`` or ``seed``.

    Example:
        >>> data = samples("normal", 100, seed=1)
        >>> np.array_equal(data.values, samples("normal", 100, seed=1).values)
        True
        >>> samples([1.0, 2.0, 3.0]).mean(lambda x: x)
        2.0
    """
    if not (isinstance(source, str) or callable(source)):
        if n is not None or seed is not None:
            raise ValueError("samples given as an array are taken as they are: leave out n and seed")
        return points(source)
    if isinstance(source, str) and source not in _DISTRIBUTIONS:
        raise ValueError(
            f"unknown distribution {source!r}: give one of {sorted(_DISTRIBUTIONS)}, "
            "a function (rng, n) -> array, or the samples themselves"
        )
    if n is None or seed is None or n < 1:
        raise ValueError(
            f'draws need n >= 1 and a seed, as in samples("normal", 2500, seed=0); got n={n}, seed={seed}'
        )
    draw = _DISTRIBUTIONS[source] if isinstance(source, str) else source
    return points(draw(np.random.default_rng(seed), n))


def gauss_hermite(n: int, loc: float = 0.0, scale: float = 1.0) -> Measure:
    """Return the Gauss-Hermite rule for the normal distribution: "infinite data".

    Exact for polynomials of degree below 2n; converges like exp(-c sqrt(n)) for functions analytic
    in a strip around the real axis, and slowly for functions with a pole on it.

    Args:
        n: number of nodes, 1 to 300.
        loc: mean of the normal distribution.
        scale: its standard deviation, > 0.

    Returns:
        The measure of n nodes.

    Raises:
        ValueError: ``n`` or ``scale`` out of range.

    Example:
        >>> round(gauss_hermite(20, loc=1.0, scale=2.0).mean(lambda x: x**4), 9)
        73.0
    """
    _check_count("gauss_hermite", n, 300)
    if not scale > 0:
        raise ValueError(f"scale, the standard deviation, must be positive, got {scale}")
    nodes, weights = np.polynomial.hermite_e.hermegauss(n)
    return Measure(loc + scale * nodes, weights / np.sum(weights))


def gauss_legendre(n: int, a: float = -1.0, b: float = 1.0) -> Measure:
    """Return the Gauss-Legendre rule for the uniform distribution on [a, b].

    Args:
        n: number of nodes, 1 to 2000.
        a: lower end.
        b: upper end, > a.

    Returns:
        The measure of n nodes.

    Raises:
        ValueError: ``n`` out of range, or an empty interval.

    Example:
        >>> round(gauss_legendre(5, 0.0, 1.0).mean(lambda x: x**2), 12)
        0.333333333333
    """
    _check_count("gauss_legendre", n, 2000)
    if not b > a:
        raise ValueError(f"the interval [a, b] must have a < b, got [{a}, {b}]")
    nodes, weights = np.polynomial.legendre.leggauss(n)
    return Measure((a + b) / 2 + (b - a) / 2 * nodes, weights / np.sum(weights))


def mixture(components: Sequence[Measure], weights: Any = None) -> Measure:
    """Return the mixture of measures: the union of their points, each share with its weight.

    Args:
        components: measures of one dimension in common.
        weights: share of each component, sum one; None for equal shares.

    Returns:
        The measure over all points.

    Raises:
        ValueError: no components, dimensions that differ, or weights that do not fit.

    Example:
        >>> modes = mixture([gauss_hermite(9, -2.0, 0.1), gauss_hermite(9, 2.0, 0.1)], [0.25, 0.75])
        >>> len(modes), round(modes.mean(lambda x: x), 12)
        (18, 1.0)
    """
    if not components:
        raise ValueError("a mixture needs at least one component, got none")
    dims = sorted({component.values.shape[1:] for component in components})
    if len(dims) > 1:
        raise ValueError(f"the components of a mixture must share one dimension, got point shapes {dims}")
    shares = points(np.arange(len(components), dtype=float), weights).weights
    return Measure(
        np.concatenate([component.values for component in components]),
        np.concatenate([w * component.weights for w, component in zip(shares, components, strict=True)]),
    )


def noisy(measure: Measure, sigma: float, nodes: int = 20) -> Measure:
    """Return a measure blurred by normal noise: instance noise on data or on generated samples.

    Each point is spread over a Gauss-Hermite rule in each dimension (Sønderby et al. 2017, Arjovsky and
    Bottou 2017). This changes the losses; noise on the parameters is ``gandyn.smooth``.

    Args:
        measure: the measure to blur, N points in d dimensions.
        sigma: standard deviation of the noise, >= 0.
        nodes: nodes of the rule in each dimension.

    Returns:
        The measure of ``N * nodes**d`` points.

    Raises:
        ValueError: ``sigma`` or ``nodes`` out of range.

    Example:
        >>> round(noisy(points([1.0]), sigma=0.5).mean(lambda x: x**2), 12)
        1.25
    """
    if not 0 <= sigma < np.inf:
        raise ValueError(f"sigma, the standard deviation, must be finite and not negative, got {sigma}")
    rule = gauss_hermite(nodes)
    axes = [rule.values] * measure.dim
    shifts = sigma * np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, measure.dim)
    shares = np.prod(np.meshgrid(*[rule.weights] * measure.dim, indexing="ij"), axis=0).ravel()
    values = measure.values.reshape(-1, 1, measure.dim) + shifts
    weights = np.outer(measure.weights, shares).ravel()
    return Measure(values.reshape(-1, *measure.values.shape[1:]), weights / weights.sum())


def _check_count(rule: str, n: int, most: int) -> None:
    if not (isinstance(n, int | np.integer) and 1 <= n <= most):
        raise ValueError(f"{rule} takes 1 to {most} nodes, got {cast(Any, n)!r}")
