"""Which harmonic function is taken out of a potential: what the boundary of the rectangle decides."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, TypeAlias, get_args

import numpy as np

from gandyn.checks import check_option
from gandyn.rotation.holomorphic import Holomorphic, boundary_points, fit_holomorphic

__all__ = ["Boundary", "harmonic_parts"]

#: What makes a Helmholtz decomposition of a rectangle unique.
Boundary: TypeAlias = Literal["normal-parallel", "natural"]

#: Nodes of the Cauchy integral on each side, in a variable that stretches the ends of the side to infinity.
_STRETCHED = 16 * (2 * np.arange(1200) + 1 - 1200) / 1200
#: Boundary points at which a Cauchy integral is evaluated at once.
_CHUNK = 100


def harmonic_parts(
    corners: np.ndarray, slopes: Callable[[np.ndarray], np.ndarray], boundary: Boundary
) -> tuple[Holomorphic, float]:
    """Return holomorphic functions whose real parts are to be taken out of some potentials.

    "normal-parallel": the harmonic function that agrees with the potential on the boundary. "natural":
    what the Cauchy-Pompeiu formula leaves of the potential beside that of the charges in the rectangle.

    Args:
        corners: shape (4,), complex, counterclockwise.
        slopes: ``slopes(z) -> (len(z), m)``, ``u_x - i u_y`` of m potentials u at complex points.
        boundary: which.

    Returns:
        The m functions, each up to a constant, and the largest error of a slope on the boundary.
    """
    check_option("boundary", boundary, get_args(Boundary))
    points, along = boundary_points(corners)
    if boundary == "normal-parallel":
        return fit_holomorphic(corners, points, along, np.real(slopes(points) * along[:, None]))
    values = _cauchy(corners, points, slopes)
    return fit_holomorphic(
        corners,
        np.tile(points, 2),
        np.repeat([1.0, -1.0j], len(points)),
        np.concatenate([values.real, values.imag]),
    )


def _cauchy(
    corners: np.ndarray, points: np.ndarray, slopes: Callable[[np.ndarray], np.ndarray]
) -> np.ndarray:
    """Return ``1/(2 pi i)`` times the contour integral of ``f(w) / (w - z)``, as z comes from inside.

    That is ``f(z)`` plus the integral of ``(f(w) - f(z)) / (w - z)``, which is bounded.
    """
    sides = np.roll(corners, -1) - corners
    nodes = (corners[:, None] + sides[:, None] / (1 + np.exp(-2 * _STRETCHED))).ravel()
    spacing = _STRETCHED[1] - _STRETCHED[0]
    weights = (sides[:, None] * spacing / (2 * np.cosh(_STRETCHED) ** 2)).ravel()
    there, here = slopes(nodes), slopes(points)
    total = np.empty_like(here)
    for start in range(0, len(points), _CHUNK):
        part = slice(start, start + _CHUNK)
        gap = nodes - points[part, None]
        kernel = np.where(gap == 0, 0.0, weights / np.where(gap == 0, 1.0, gap))
        total[part] = kernel @ there - kernel.sum(axis=1)[:, None] * here[part]
    return here + total / (2j * np.pi)
