"""A smooth function on a rectangle as a Fourier series on one twice as wide: no period is assumed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np

__all__ = ["FourierSurface", "fit_fourier"]

#: Singular values below this share of the largest are left out of the fit.
_CUT = 1e-13
#: Modes far beyond this one weigh less, so that what the series does outside the rectangle is smooth.
_SMOOTH = 8.0


@dataclass(frozen=True, eq=False, repr=False)
class FourierSurface:
    """Re of ``sum c[l, k] exp(i pi (k s + l t) / 2)``, with s and t in [-1, 1] across a rectangle.

    Args:
        center: shape (2,), the middle of the rectangle in coordinates (a, b).
        half: shape (2,), half its sides.
        coefficients: shape (..., 2 L + 1, 2 K + 1), complex; rows for ``b``, from -L to L. With leading axes
            these are several functions.
    """

    center: np.ndarray
    half: np.ndarray
    coefficients: np.ndarray

    def frequencies(self) -> list[np.ndarray]:
        """Return the angular frequencies along ``a`` (2 K + 1,) and along ``b`` (2 L + 1,)."""
        counts = self.coefficients.shape[:-3:-1]
        return [np.pi / 2 * _modes(count) / half for count, half in zip(counts, self.half, strict=True)]

    def at(self, points: np.ndarray, orders: tuple[int, int] = (0, 0)) -> np.ndarray:
        """Return a derivative, of these orders in ``a`` and ``b``, at points (p, 2): shape (..., p)."""
        across, up = self._waves(points[:, 0], points[:, 1], orders)
        return cast(np.ndarray, np.sum((up @ self.coefficients) * across, axis=-1).real)

    def on_grid(self, a: np.ndarray, b: np.ndarray, orders: tuple[int, int] = (0, 0)) -> np.ndarray:
        """Return a derivative on a grid: shape (..., nb, na)."""
        across, up = self._waves(a, b, orders)
        return cast(np.ndarray, (up @ self.coefficients @ across.T).real)

    def _waves(self, a: np.ndarray, b: np.ndarray, orders: tuple[int, int]) -> list[np.ndarray]:
        return [
            np.exp(1j * (values - middle)[..., None] * frequency) * (1j * frequency) ** order
            for values, middle, frequency, order in zip(
                (a, b), self.center, self.frequencies(), orders, strict=True
            )
        ]


def fit_fourier(a: np.ndarray, b: np.ndarray, values: np.ndarray) -> FourierSurface:
    """Fit a series to values on a grid by least squares, one direction after the other.

    There is one mode for every two points or more, so that the fit of a smooth function has converged
    between the points as well. Of the many series that fit, a smooth one is taken, by a weighted norm.

    Args:
        a: shape (na,), horizontal coordinates.
        b: shape (nb,), vertical coordinates.
        values: shape (..., nb, na).

    Returns:
        The series; its coefficients have the leading axes of ``values``.

    Source: Huybrechs 2010; Adcock and Huybrechs 2019, on Fourier extensions.
    """
    ends = np.array([[grid.min(), grid.max()] for grid in (a, b)])
    center, half = ends.mean(axis=1), np.diff(ends, axis=1)[:, 0] / 2
    left, down, up = _singular((b - center[1]) / half[1])
    right, shrink, across = _singular((a - center[0]) / half[0])
    size = np.outer(down, shrink)
    shares = (left.conj().T @ values @ right.conj()) / np.where(size > _CUT * size.max(), size, np.inf)
    return FourierSurface(center, half, up.conj().T @ shares @ across.conj())


def _singular(points: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the singular value decomposition of weighted waves at ``points``, weights put back."""
    modes = _modes(2 * (len(points) // 4) + 1)
    weights = (1 + (modes / _SMOOTH) ** 2) ** -3
    waves = np.exp(0.5j * np.pi * np.outer(points, modes)) * weights
    left, values, right = np.linalg.svd(waves, full_matrices=False)
    return left, values, right * weights


def _modes(count: int) -> np.ndarray:
    return np.arange(count) - count // 2
