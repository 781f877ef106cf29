"""Both ends of the spectrum of a symmetric or antisymmetric operator, with what they may be off by."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

__all__ = ["Ends", "ends"]

_MOST_ENTRIES = 2**27
_DEAD = 1e-13


@dataclass(frozen=True)
class Ends:
    """The ends of a spectrum.

    Args:
        low: lowest Ritz value: the lowest eigenvalue is at most this.
        high: highest Ritz value, a bound from the other side; of an antisymmetric operator those of ``i A``.
        residuals: ``|M w - mu w|`` of each: an eigenvalue lies that near.
        products: products used.
    """

    low: float
    high: float
    residuals: tuple[float, float]
    products: int


def ends(
    product: Callable[[np.ndarray], np.ndarray],
    size: int,
    *,
    accuracy: float,
    most: int,
    seed: int,
    towards: np.ndarray | None = None,
    antisymmetric: bool = False,
) -> Ends:
    """Return the lowest and highest eigenvalue by the Lanczos process with full reorthogonalisation.

    Args:
        product: ``product(u) -> M u``, u of shape (size,).
        size: rows of M.
        accuracy: residual asked for, relative to each end's modulus, or a tenth of the larger one.
        most: bound on the products; the residual says what is reached.
        seed: seed of the start.
        towards: direction that the start has half of its size in, shape (size,): an end is then at least as
            far out as the quotient of that direction, nearly; None for a random start.
        antisymmetric: M is antisymmetric, and its eigenvalues are ``i`` times those returned.

    Source: Lanczos 1950; Paige 1971.
    """
    sign = -1.0 if antisymmetric else 1.0
    start = np.random.default_rng(seed).standard_normal(size)
    start = start / np.linalg.norm(start)
    if towards is not None:
        start = start + towards / np.linalg.norm(towards)
    basis = [start / np.linalg.norm(start)]
    diagonal: list[float] = []
    beside: list[float] = []
    limit = max(1, min(most, size, _MOST_ENTRIES // size))
    while True:
        image = product(basis[-1])
        diagonal.append(0.0 if antisymmetric else float(basis[-1] @ image))
        for _ in range(2):
            image = image - np.stack(basis).T @ (np.stack(basis) @ image)
        rest = float(np.linalg.norm(image))
        values, residuals = _ritz(diagonal, beside, rest)
        scale = np.abs(values).max()
        asked = accuracy * np.maximum(np.abs(values), 0.1 * scale)
        finished = np.all(residuals <= asked) or rest <= _DEAD * max(scale, 1e-300)
        if finished or len(diagonal) >= limit:
            low, high = values.tolist()
            return Ends(low, high, (float(residuals[0]), float(residuals[1])), len(diagonal))
        beside.append(rest)
        basis.append(sign * image / rest)


def _ritz(diagonal: list[float], beside: list[float], rest: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the ends of the tridiagonal matrix and the residuals of their Ritz vectors, shape (2,) each."""
    from scipy.linalg import eigh_tridiagonal

    values, vectors = eigh_tridiagonal(diagonal, beside)
    return values[[0, -1]], rest * np.abs(vectors[-1, [0, -1]])
