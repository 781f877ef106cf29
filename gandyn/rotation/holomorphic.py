"""Holomorphic functions on a parallelogram: polynomials, and poles that cluster outside its corners.

The corners of a domain make harmonic functions singular there, however smooth the boundary values are.
Poles that cluster exponentially towards a corner follow any such singularity.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np

__all__ = ["Holomorphic", "boundary_points", "fit_holomorphic"]

#: Poles at each corner, degree of the polynomial, and points on each side.
_POLES, _DEGREE, _POINTS = 40, 60, 300
#: States evaluated at once.
_CHUNK = 4096
#: How closely the points on a side cluster at its ends; share below which singular values are left out.
_CLUSTER, _CUT = 9.0, 1e-14


@dataclass(frozen=True, eq=False, repr=False)
class Holomorphic:
    """m functions ``F(z) = sum_k c_k q_k(z) + sum_j d_j s_j / (z - p_j)``, each with F', F''.

    The polynomials q_k are orthonormal over the boundary: ``q_0 = 1``, and ``z q_k`` less its projections
    is the next.

    Args:
        center: the middle of the domain.
        scale: half its diameter; z is counted from the middle in this unit.
        recurrence: shape (degree + 1, degree), complex: ``z q_k = sum_l recurrence[l, k] q_l``.
        poles: shape (p,), complex, outside the domain, in units of ``scale``.
        strengths: shape (p,), the distances s_j of the poles from their corners.
        coefficients: shape (degree + 1 + p, m), complex.

    Source: Gopal and Trefethen 2019; Brubeck, Nakatsukasa and Trefethen 2021, for the recurrence.
    """

    center: complex
    scale: float
    recurrence: np.ndarray
    poles: np.ndarray
    strengths: np.ndarray
    coefficients: np.ndarray

    def derivatives(self, z: np.ndarray, highest: int) -> np.ndarray:
        """Return F, F', ... up to F'' at points ``z`` (...) of the domain: shape (highest + 1, ..., m)."""
        flat = (np.ravel(z) - self.center) / self.scale
        pieces = [flat[i : i + _CHUNK] for i in range(0, max(1, flat.size), _CHUNK)]
        found = np.concatenate([self._derivatives(piece, highest) for piece in pieces], axis=1)
        found /= self.scale ** np.arange(highest + 1)[:, None, None]
        return found.reshape(highest + 1, *np.shape(z), self.coefficients.shape[1])

    def _derivatives(self, y: np.ndarray, highest: int) -> np.ndarray:
        smooth, steep = np.split(self.coefficients, [len(self.recurrence)])
        fractions = _fractions(y, self.poles, self.strengths, highest)
        return cast(np.ndarray, _polynomials(y, self.recurrence, highest) @ smooth + fractions @ steep)


def boundary_points(corners: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return points on the sides of a polygon, clustered at its corners, and the directions of their sides.

    Args:
        corners: shape (n,), complex, counterclockwise.

    Returns:
        Points and unit directions, both of shape (n * 300,).
    """
    where = (1 + np.tanh(_CLUSTER * np.linspace(-1, 1, _POINTS)) / np.tanh(_CLUSTER)) / 2
    sides = np.roll(corners, -1) - corners
    points = corners[:, None] + where * sides[:, None]
    return points.ravel(), np.repeat(sides / np.abs(sides), _POINTS)


def fit_holomorphic(
    corners: np.ndarray, points: np.ndarray, factors: np.ndarray, values: np.ndarray
) -> tuple[Holomorphic, float]:
    """Fit F' to ``Re(factors * F') = values`` on the boundary by least squares.

    Args:
        corners: shape (4,), complex, counterclockwise.
        points: shape (r,), complex, on the boundary.
        factors: shape (r,), complex.
        values: shape (r, m), one column a function.

    Returns:
        The functions, each up to a constant, and the largest error that is left.
    """
    center = complex(np.mean(corners))
    scale = float(np.max(np.abs(corners - center)))
    y = (points - center) / scale
    recurrence = _arnoldi(y)
    poles, strengths = _clustered_poles((corners - center) / scale)
    slopes = np.concatenate(
        [_polynomials(y, recurrence, 1)[1], _fractions(y, poles, strengths, 1)[1]], axis=-1
    )
    terms = factors[:, None] * slopes / scale
    matrix = np.concatenate([terms.real, -terms.imag], axis=1)
    size = np.linalg.norm(matrix, axis=0)
    matrix = matrix / np.where(size > 0, size, 1.0)
    found = np.linalg.lstsq(matrix, values, rcond=_CUT)[0]
    real, imaginary = np.split(found / np.where(size > 0, size, 1.0)[:, None], 2)
    error = float(np.max(np.abs(matrix @ found - values), initial=0.0))
    return Holomorphic(center, scale, recurrence, poles, strengths, real + 1j * imaginary), error


def _arnoldi(y: np.ndarray) -> np.ndarray:
    """Return the recurrence of the polynomials that are orthonormal over points, by Arnoldi's method."""
    basis = np.ones((len(y), _DEGREE + 1), dtype=complex)
    recurrence = np.zeros((_DEGREE + 1, _DEGREE), dtype=complex)
    for k in range(_DEGREE):
        following = y * basis[:, k]
        for _ in range(2):
            share = basis[:, : k + 1].conj().T @ following / len(y)
            following = following - basis[:, : k + 1] @ share
            recurrence[: k + 1, k] += share
        recurrence[k + 1, k] = np.linalg.norm(following) / np.sqrt(len(y))
        basis[:, k + 1] = following / recurrence[k + 1, k]
    return recurrence


def _polynomials(y: np.ndarray, recurrence: np.ndarray, highest: int) -> np.ndarray:
    """Return the polynomials and their derivatives, shape (highest + 1, len(y), degree + 1)."""
    degree, width = recurrence.shape[1], (highest + 1) * len(y)
    orders = np.arange(1, highest + 1)[:, None]
    q = np.zeros((degree + 1, highest + 1, len(y)), dtype=complex)
    rows = q.reshape(degree + 1, width)
    q[0, 0] = 1.0
    for k in range(degree):
        following = y * q[k]
        following[1:] += orders * q[k, :-1]
        shares = recurrence[: k + 2, k]
        rows[k + 1] = (following.ravel() - shares[:-1] @ rows[: k + 1]) / shares[-1]
    return np.moveaxis(q, 0, -1)


def _clustered_poles(corners: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return poles on the outward bisectors of the corners, and their distances from them."""
    sides = np.roll(corners, -1) - corners
    inward = sides / np.abs(sides) - np.roll(sides / np.abs(sides), 1)
    distances = np.exp(-4 * (np.sqrt(_POLES) - np.sqrt(np.arange(1, _POLES + 1))))
    poles = corners[:, None] - (inward / np.abs(inward))[:, None] * distances
    return poles.ravel(), np.tile(distances, len(corners))


def _fractions(y: np.ndarray, poles: np.ndarray, strengths: np.ndarray, highest: int) -> np.ndarray:
    """Return the fractions and their derivatives, shape (highest + 1, len(y), p)."""
    inverse = 1 / (y[:, None] - poles)
    found = np.empty((highest + 1, *inverse.shape), dtype=complex)
    found[0] = strengths * inverse
    for order in range(1, highest + 1):
        found[order] = -order * inverse * found[order - 1]
    return found
