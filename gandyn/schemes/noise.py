"""Normal numbers that are a function of a seed and a step: the same in every namespace and when compiled."""

from __future__ import annotations

import numpy as np

__all__ = ["normal"]

_GOLDEN, _FIRST, _SECOND = (
    np.uint64(value) for value in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB)
)


def normal(seed: int, k: float, number: int, count: int) -> np.ndarray:
    """Return draw number ``number`` of step ``k``: standard normal numbers, shape (count,).

    A counter is hashed (splitmix64, Steele, Lea and Flood 2014); two uniform numbers become one normal number
    (Box and Muller 1958).
    """
    key = _hash(_hash(_hash(np.uint64(seed)) + np.uint64(int(k))) + np.uint64(number))
    index = np.arange(count, dtype=np.uint64)
    with np.errstate(over="ignore"):
        radius = _uniform(_hash(key + np.uint64(2) * index))
        angle = _uniform(_hash(key + np.uint64(2) * index + np.uint64(1)))
    values: np.ndarray = np.sqrt(-2 * np.log(radius)) * np.cos(2 * np.pi * angle)
    return values


def _hash(counter: np.ndarray | np.uint64) -> np.ndarray | np.uint64:
    with np.errstate(over="ignore"):
        z = counter + _GOLDEN
        z = (z ^ (z >> np.uint64(30))) * _FIRST
        z = (z ^ (z >> np.uint64(27))) * _SECOND
        return z ^ (z >> np.uint64(31))


def _uniform(bits: np.ndarray | np.uint64) -> np.ndarray:
    """Return numbers in (0, 1) of 53 bits."""
    return (np.asarray(bits >> np.uint64(11)) + 0.5) * 2.0**-53
