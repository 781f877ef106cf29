"""What a row of watched states says by itself: settling, exact and near returns, drift, growth."""

from __future__ import annotations

import numpy as np

from gandyn.lyapunov.zero_one import FEWEST, ZeroOne, choose_stride, zero_one_test

__all__ = ["drifts", "exact_period", "extents", "mixed", "nearest_period", "pace", "test_of_increments"]

#: Variation of increments, over their size, that counts as none.
_ROUNDING = 1e-8


def extents(states: np.ndarray, parts: int) -> np.ndarray:
    """Return the diameter of the box of each of so many parts of the states (m, n), in order.

    Example:
        >>> extents(np.arange(8.0)[:, None], 2)
        array([3., 3.])
    """
    return np.array([np.linalg.norm(np.ptp(part, axis=0)) for part in np.array_split(states, parts)])


def exact_period(states: np.ndarray) -> int | None:
    """Return after how many states the last one was there before, to the last bit, or None.

    Example:
        >>> exact_period(np.array([[0.3], [0.1], [0.2], [0.1], [0.2]]))
        2
    """
    same = np.flatnonzero(np.all(states[:-1] == states[-1], axis=1))
    return int(len(states) - 1 - same[-1]) if len(same) else None


def nearest_period(states: np.ndarray, most: int, near: float) -> tuple[int, float] | None:
    """Return the least number of states after which they return within ``near`` of their extent.

    All of the last half return, not the last state alone.

    Returns:
        The number and the distance, in units of the state; None without a return within ``most``.
    """
    half = states[len(states) // 2 :]
    extent = float(np.linalg.norm(np.ptp(half, axis=0)))
    gaps = np.linalg.norm(states[-most - 1 : -1][::-1] - states[-1], axis=1)
    for p in (np.flatnonzero(gaps <= near * extent) + 1).tolist():
        distance = float(np.linalg.norm(half[p:] - half[:-p], axis=1).max())
        if distance <= 10 * near * extent:
            return p, distance
    return None


def mixed(states: np.ndarray, seed: int) -> np.ndarray:
    """Return the increments of states (m, n) as one series (m - 1,): weighted sums with random weights.

    Every entry is divided by how much its increments vary; one whose increments vary by rounding alone, as
    those of a phase, is left out. Increments stay where they are when an angle
    that is not wrapped goes round and round.
    """
    steps = np.diff(states, axis=0)
    spread = steps.std(axis=0)
    weights = np.random.default_rng(seed).normal(size=steps.shape[1])
    moves = spread > _ROUNDING * np.abs(steps).max(axis=0)
    return np.asarray(steps @ np.where(moves, weights / np.where(moves, spread, 1.0), 0.0))


def test_of_increments(states: np.ndarray, seed: int, progress: bool) -> ZeroOne | None:
    """Return the 0-1 test of the increments of states (m, n); None where they change too slowly for it."""
    series = mixed(states, seed)
    stride, _ = choose_stride(series)
    if len(series) < FEWEST * stride:
        return None
    return zero_one_test(series, seed=seed, progress=progress)


def drifts(states: np.ndarray) -> bool:
    """Return whether an entry moves on for good: faster or slower than ever before, or all at one pace.

    Increments of an orbit that comes back are spread alike in both halves of the time.
    """
    steps = np.diff(states, axis=0)
    still = steps.std(axis=0) <= _ROUNDING * np.abs(steps).max(axis=0)
    if np.all(still):
        return bool(np.any(steps))
    first, last = np.array_split(steps, 2)
    low, high = np.percentile(first, [5, 95], axis=0), np.percentile(last, [5, 95], axis=0)
    apart = (low[1] < high[0]) | (high[1] < low[0])
    return bool(np.any(apart & ~still))


def pace(states: np.ndarray) -> float:
    """Return how much larger increments are in the second half of the time than in the first."""
    first, last = np.array_split(np.linalg.norm(np.diff(states, axis=0), axis=1), 2)
    return float(np.sqrt(np.mean(last**2) / max(np.mean(first**2), np.finfo(float).tiny)))
