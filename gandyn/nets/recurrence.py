"""Do the modes that a generator covers come back? Recurrence of histograms over training, and its period."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from gandyn.arrays import to_numpy

__all__ = ["ModeRecurrence", "mode_recurrence"]


@dataclass(frozen=True, eq=False, repr=False)
class ModeRecurrence:
    """How histograms of modes come back over training.

    Args:
        shares: shape (T, k), share of the samples in each mode at each time.
        steps: shape (T,), training steps, evenly spaced.
        distances: shape (T, T), total variation distance of the histograms of two times, in [0, 1].
        threshold: distance up to which two histograms count as the same.
        recurrence_rate: share of the pairs of times whose histograms are the same; near 1 at rest.
        return_rate: share of the pairs that are the same although the first was left between them; 0 at rest.
        lags: shape (L,), distance in time, in training steps, up to half of the record.
        lag_distance: shape (L,), mean distance of two histograms at each lag.
        period: lag at which histograms are nearest again after having been farther at a shorter lag, in
            training steps; NaN where they never are.
        depth: by how much nearer, from 0 to 1.
        p_white: share of the surrogates, shuffled in time, whose depth is as large.
        p_red: the same of surrogates with the memory of one step: a first-order autoregression whose
            innovations are shuffled. Wandering alone has small ``p_white``, not small ``p_red``.
        surrogates: number of surrogates of either kind.
    """

    shares: np.ndarray
    steps: np.ndarray
    distances: np.ndarray
    threshold: float
    recurrence_rate: float
    return_rate: float
    lags: np.ndarray
    lag_distance: np.ndarray
    period: float
    depth: float
    p_white: float
    p_red: float
    surrogates: int

    @property
    def p_value(self) -> float:
        """The larger of both: the chance of so deep a return without a cycle."""
        return max(self.p_white, self.p_red)

    @property
    def verdict(self) -> str:
        """``"cycles"`` at the level of 5%, ``"settles"`` where the last half recurs, or ``"wanders"``.

        A record settles where 95% of the pairs in its last half are the same.
        """
        if self.p_value < 0.05:
            return "cycles"
        half = len(self.distances) // 2
        late = self.distances[half:, half:][np.triu_indices(len(self.distances) - half, 1)]
        return "settles" if np.mean(late <= self.threshold) >= 0.95 else "wanders"

    def __str__(self) -> str:
        return (
            f"ModeRecurrence: {self.verdict}; {self.recurrence_rate:.1%} of pairs recur, "
            f"{self.return_rate:.1%} after having left; period {self.period:g} steps, p = {self.p_value:.2g}"
        )

    __repr__ = __str__


def mode_recurrence(
    histograms: Any,
    steps: Any = None,
    *,
    threshold: float = 0.1,
    surrogates: int = 199,
    seed: int = 0,
) -> ModeRecurrence:
    """Return how histograms of modes come back over training, and whether they cycle.

    The mean distance of two histograms, over all pairs at a lag, grows with the lag while things change and
    falls again at the period of a cycle. The depth of that fall is compared with that of surrogates.

    Args:
        histograms: shape (T, k), T >= 8, k >= 2, counts or shares of the modes at evenly spaced times, such
            as ``coverage(...).counts`` at every checkpoint; a column for samples of no mode may be among
            them. Each row with a positive sum is scaled to 1; a row of zeros stays, and is as far as can be
            from all others.
        steps: shape (T,), training steps, increasing evenly; the default is 0, 1, ...
        threshold: total variation distance up to which two histograms count as the same, in [0, 1).
        surrogates: number of surrogates of either kind, >= 19.
        seed: seed of the surrogates.

    Returns:
        The recurrence.

    Raises:
        ValueError: another shape, a negative or infinite entry, steps that are not even, or a value out of
            range.

    Source: Eckmann, Kamphorst and Ruelle 1987 (recurrence plots); Theiler et al. 1992 (surrogates).

    Example:
        >>> turns = np.eye(3)[np.arange(60) // 2 % 3]
        >>> found = mode_recurrence(turns, 10 * np.arange(60))
        >>> found.period, found.verdict
        (60.0, 'cycles')
    """
    shares, steps = _checked(histograms, steps)
    if not 0 <= threshold < 1 or surrogates < 19:
        raise ValueError(
            f"threshold must be in [0, 1) and surrogates at least 19, got {threshold} and {surrogates}"
        )
    distances = _distances(shares)
    same = np.asarray(distances <= threshold)
    lag_distance = _lag_distance(distances)
    depth, lag = _fall(lag_distance)
    spacing = float(steps[1] - steps[0])
    rng = np.random.default_rng(seed)
    p_white, p_red = (
        _chance(depth, make, surrogates, rng)
        for make in (lambda draws: shares[draws.permutation(len(shares))], _red(shares))
    )
    pairs = np.triu_indices(len(shares), 1)
    return ModeRecurrence(
        shares=shares,
        steps=steps,
        distances=distances,
        threshold=threshold,
        recurrence_rate=float(same[pairs].mean()),
        return_rate=float(np.logical_and(same, _left(same))[pairs].mean()),
        lags=spacing * np.arange(1, len(lag_distance) + 1),
        lag_distance=lag_distance,
        period=spacing * lag if depth > 0 else np.nan,
        depth=depth,
        p_white=p_white,
        p_red=p_red,
        surrogates=surrogates,
    )


def _checked(histograms: Any, steps: Any) -> tuple[np.ndarray, np.ndarray]:
    counts = np.asarray(to_numpy(histograms), dtype=float)
    if counts.ndim != 2 or counts.shape[0] < 8 or counts.shape[1] < 2:
        raise ValueError(f"histograms must have shape (T, k) with T >= 8 and k >= 2, got {counts.shape}")
    if not (np.all(np.isfinite(counts)) and np.all(counts >= 0)):
        raise ValueError("histograms must be finite and not negative")
    sums = counts.sum(axis=1, keepdims=True)
    times = np.arange(len(counts)) if steps is None else np.asarray(steps)
    gaps = np.diff(times) if times.shape == (len(counts),) else np.zeros(1)
    if not (np.all(gaps > 0) and np.allclose(gaps, gaps[0])):
        raise ValueError(f"steps must be {len(counts)} numbers that increase evenly; leave out checkpoints")
    return counts / np.where(sums > 0, sums, 1.0), times


def _distances(shares: np.ndarray) -> np.ndarray:
    """Return total variation distances; of a row of zeros to another, 1."""
    lost = 1.0 - np.minimum(shares[:, None], shares).sum(axis=-1)
    empty = np.asarray(~shares.any(axis=1))
    return np.where(empty[:, None] & empty, 0.0, np.maximum(lost, 0.0))


def _left(same: np.ndarray) -> np.ndarray:
    """Return, for i < j, whether a time between them is not the same as i."""
    ahead = np.triu(~same, 1)
    return np.asarray(np.cumsum(ahead, axis=1) - ahead > 0)


def _lag_distance(distances: np.ndarray) -> np.ndarray:
    """Return the mean distance at lags 1, 2, ..., half of the record."""
    lags = range(1, len(distances) // 2 + 1)
    return np.array([np.diagonal(distances, lag).mean() for lag in lags])


def _fall(lag_distance: np.ndarray) -> tuple[float, int]:
    """Return the largest fall below an earlier value, and the first lag that reaches most of it."""
    falls = np.maximum.accumulate(lag_distance) - lag_distance
    depth = float(falls.max())
    lag = int(np.argmax(falls >= 0.9 * depth))
    while lag + 1 < len(falls) and falls[lag + 1] > falls[lag]:
        lag += 1
    return depth, lag + 1


def _red(shares: np.ndarray) -> Callable[[np.random.Generator], np.ndarray]:
    """Return the maker of autoregressions with the memory of the record and its innovations, shuffled."""
    mean = shares.mean(axis=0)
    around = shares - mean
    power = float(np.sum(around**2))
    memory = float(np.sum(around[1:] * around[:-1])) / power if power else 0.0
    innovations = around[1:] - memory * around[:-1]

    def make(draws: np.random.Generator) -> np.ndarray:
        shocks = innovations[draws.permutation(len(innovations))]
        found = np.empty_like(around)
        found[0] = around[draws.integers(len(around))]
        for k, shock in enumerate(shocks):
            found[k + 1] = memory * found[k] + shock
        return mean + found

    return make


def _chance(
    depth: float, make: Callable[[np.random.Generator], np.ndarray], count: int, rng: np.random.Generator
) -> float:
    """Return the share of surrogates, and the record itself, that fall at least as deep."""
    deeper = sum(_fall(_lag_distance(_half_l1(make(rng))))[0] >= depth - 1e-12 for _ in range(count))
    return (1 + deeper) / (1 + count)


def _half_l1(rows: np.ndarray) -> np.ndarray:
    return 0.5 * np.abs(rows[:, None] - rows).sum(axis=-1)
