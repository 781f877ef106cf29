"""The decomposition as functions: its potentials and its three parts at any point of the rectangle."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import cast

import numpy as np

from gandyn.rotation.boundary import Boundary, harmonic_parts
from gandyn.rotation.fourier import FourierSurface, fit_fourier
from gandyn.rotation.holomorphic import Holomorphic

__all__ = ["HelmholtzSeries", "centred", "decompose"]

_Evaluate = Callable[[FourierSurface, tuple[int, int]], np.ndarray]


@dataclass(frozen=True, eq=False, repr=False)
class HelmholtzSeries:
    """Potential and stream function as Fourier series less harmonic functions, on a rectangle.

    In orthonormal coordinates ``x = frame @ (a, b)`` and ``z = x_1 + i x_2``::

        phi = Re(u_0 - F_0) - gauge[0],    psi = Re(u_1 - F_1) - gauge[1]

    and the harmonic part is the gradient of ``Re(F_0 - i F_1)`` plus ``drift``.

    Args:
        frame: shape (2, 2), with ``frame.T @ frame`` the Gram matrix of the plane.
        potentials: the two series u.
        harmonic: the two functions F.
        drift: shape (2,), a constant velocity in orthonormal coordinates.
        gauge: shape (2,), what makes the means of both potentials zero.
    """

    frame: np.ndarray
    potentials: FourierSurface
    harmonic: Holomorphic
    drift: np.ndarray
    gauge: np.ndarray

    def on_grid(self, a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the potentials (2, nb, na) and the parts (3, nb, na, 2), see ``at``."""
        points = np.stack(np.meshgrid(a, b), axis=-1)
        return self._evaluate(points, lambda surface, orders: surface.on_grid(a, b, orders))

    def at(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return potential and stream function, and gradient, rotation and harmonic part.

        Args:
            points: shape (p, 2), in plane coordinates.

        Returns:
            Shapes (2, p) and (3, p, 2), the latter in plane coordinates per unit of flow time.
        """
        return self._evaluate(points, lambda surface, orders: surface.at(points, orders))

    def jacobians(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the Jacobians of gradient and harmonic part at points (p, 2): each of shape (p, 2, 2)."""
        surface = replace(self.potentials, coefficients=self.potentials.coefficients[0])
        aa, ab, bb = (surface.at(points, orders) for orders in ((2, 0), (1, 1), (0, 2)))
        smooth = np.linalg.inv(self.frame.T @ self.frame) @ _symmetric(aa, ab, bb)
        bend = self.harmonic.derivatives(self._complex(points), 2)[2]
        return smooth - self._turned_back(bend[:, 0]), self._turned_back(bend[:, 0] - 1j * bend[:, 1])

    def _evaluate(self, points: np.ndarray, of: _Evaluate) -> tuple[np.ndarray, np.ndarray]:
        values, slopes = self.harmonic.derivatives(self._complex(points), 1)
        potentials = of(self.potentials, (0, 0)) - np.moveaxis(values.real, -1, 0)
        gradient, turned = _slopes(self.frame, of(self.potentials, (1, 0)), of(self.potentials, (0, 1)))
        parts = np.stack(
            [
                gradient - slopes[..., 0],
                -1j * (turned - slopes[..., 1]),
                slopes[..., 0] - 1j * slopes[..., 1] + self.drift[0] - 1j * self.drift[1],
            ]
        )
        velocities = np.stack([parts.real, -parts.imag], axis=-1) @ np.linalg.inv(self.frame).T
        return (potentials.T - self.gauge).T, velocities

    def _complex(self, points: np.ndarray) -> np.ndarray:
        return cast(np.ndarray, points @ (self.frame.T @ np.array([1.0, 1.0j])))

    def _turned_back(self, bend: np.ndarray) -> np.ndarray:
        """Return the Jacobian in plane coordinates of the gradient of Re F, from F''."""
        hessian = _symmetric(bend.real, -bend.imag, -bend.real)
        return cast(np.ndarray, np.linalg.inv(self.frame) @ hessian @ self.frame)


def _symmetric(aa: np.ndarray, ab: np.ndarray, bb: np.ndarray) -> np.ndarray:
    return np.moveaxis(np.array([[aa, ab], [ab, bb]]), -1, 0)


def _slopes(frame: np.ndarray, along_a: np.ndarray, along_b: np.ndarray) -> np.ndarray:
    """Return ``u_x - i u_y`` from the derivatives in plane coordinates."""
    share = np.linalg.inv(frame) @ np.array([1.0, -1.0j])
    return cast(np.ndarray, share[0] * along_a + share[1] * along_b)


def decompose(
    gram: np.ndarray, a: np.ndarray, b: np.ndarray, velocity: np.ndarray, boundary: Boundary
) -> tuple[HelmholtzSeries, float]:
    """Return the decomposition of a velocity on a grid, and the largest error of a slope on the boundary.

    Args:
        gram: shape (2, 2), inner products of the plane's axes.
        a: shape (na,), horizontal coordinates.
        b: shape (nb,), vertical coordinates.
        velocity: shape (nb, na, 2), in plane coordinates.
        boundary: what makes the decomposition unique.
    """
    frame = np.linalg.cholesky(gram).T
    fitted = fit_fourier(a, b, np.moveaxis(velocity @ frame.T, -1, 0))
    potentials, drift = _periodic_split(frame, fitted)
    corners = np.array([[a[i], b[j]] for i, j in ((0, 0), (-1, 0), (-1, -1), (0, -1))])
    unit = frame.T @ np.array([1.0, 1.0j])

    def slopes(z: np.ndarray) -> np.ndarray:
        points = np.stack([z.real, z.imag], axis=-1) @ np.linalg.inv(frame).T
        return _slopes(frame, potentials.at(points, (1, 0)), potentials.at(points, (0, 1))).T

    harmonic, error = harmonic_parts(corners @ unit, slopes, boundary)
    return HelmholtzSeries(frame, potentials, harmonic, drift, np.zeros(2)), error


def centred(
    series: HelmholtzSeries, a: np.ndarray, b: np.ndarray, count: int = 64
) -> tuple[HelmholtzSeries, np.ndarray, float]:
    """Return the series with potentials of mean zero, and mean squares over a rectangle.

    Args:
        series: a decomposition.
        a: horizontal coordinates; the first and the last bound the rectangle.
        b: vertical coordinates, likewise.
        count: Gauss-Legendre nodes each way.

    Returns:
        The series; mean squares of the three parts, shape (3,); mean square of their sum.
    """
    nodes, weights = np.polynomial.legendre.leggauss(count)
    across, up = (grid[0] + (nodes + 1) / 2 * (grid[-1] - grid[0]) for grid in (a, b))
    potentials, parts = series.on_grid(across, up)
    fields = np.concatenate([parts, parts.sum(axis=0)[None]]) @ series.frame.T
    squares = np.sum(fields**2, axis=-1)
    means = np.concatenate([potentials, squares]) @ weights @ weights / 4
    return replace(series, gauge=series.gauge + means[:2]), means[2:5], float(means[5])


def _periodic_split(frame: np.ndarray, velocity: FourierSurface) -> tuple[FourierSurface, np.ndarray]:
    """Return potentials u and a constant c with ``v = grad u_0 + rot u_1 + c``, mode by mode."""
    across, up = velocity.frequencies()
    waves = np.einsum("kji,kl->lji", np.array(np.meshgrid(across, up)), np.linalg.inv(frame))
    square = np.sum(waves**2, axis=0)
    still = square == 0
    along = np.sum(waves * velocity.coefficients, axis=0)
    turned = waves[0] * velocity.coefficients[1] - waves[1] * velocity.coefficients[0]
    shares = -1j * np.stack([along, turned]) / np.where(still, np.inf, square)
    return replace(velocity, coefficients=shares), velocity.coefficients[:, still][:, 0].real
