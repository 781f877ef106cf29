"""Sharpness of a loss about the centre of a plane: how far it rises nearby, and how it curves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gandyn.landscapes.result import Landscape
from gandyn.landscapes.window import between, centre_loss, window_loss, window_radius

__all__ = ["Sharpness", "sharpness"]


@dataclass(frozen=True, eq=False, repr=False)
class Sharpness:
    """How sharply a loss rises from the centre of a plane; lengths in plane coordinates.

    Args:
        player: whose loss.
        radius: radius of the disc about the centre.
        max_rise: largest rise above the centre in the disc.
        mean_rise: mean rise over the disc.
        curvatures: shape (2,), principal curvatures at the centre per square of a plane coordinate,
            larger first, from a quadratic fit.
        parameter_curvatures: shape (2,), the same per square of a distance in parameter space, axes of any
            length and angle allowed for; these compare with eigenvalues of the Hessian.
        slope: shape (2,), slope of the fit at the centre, along either axis.
        fit_radius: radius of the disc that was fitted.
        misfit: root mean square of what the fit leaves.
        nonfinite: grid points of the disc where the loss is not finite; they are left out.
        label: the landscape's label.
    """

    player: str
    radius: float
    max_rise: float
    mean_rise: float
    curvatures: np.ndarray
    parameter_curvatures: np.ndarray
    slope: np.ndarray
    fit_radius: float
    misfit: float
    nonfinite: int
    label: str

    @property
    def numbers(self) -> dict[str, float]:
        """What repeats over planes and seeds average."""
        return {
            "largest rise": self.max_rise,
            "mean rise": self.mean_rise,
            "curvature, larger": float(self.curvatures[0]),
            "curvature, smaller": float(self.curvatures[1]),
        }

    def __str__(self) -> str:
        high, low = self.curvatures
        return (
            f"Sharpness of the {self.player}'s loss within {self.radius:.3g} of the centre: rises by "
            f"{self.max_rise:.4g} at most, on average {self.mean_rise:.4g}\n  curvatures {high:.4g} and "
            f"{low:.4g} (fit within {self.fit_radius:.3g}, misfit {self.misfit:.1e})"
        )

    __repr__ = __str__


def sharpness(
    landscape: Landscape,
    player: str = "generator",
    radius: float | None = None,
    *,
    fit_radius: float | None = None,
) -> Sharpness:
    """Measure how a player's loss rises about the centre of a plane, and how it curves there.

    The largest rise in a ball is Keskar's sharpness in the plane's two directions, without its division
    by ``1 + L``, which fails for losses of -1 and below. Rises are those of the bilinear loss, exact
    to the square of the spacing. Curvatures come from a quadratic fitted to the grid points within
    ``fit_radius``: exact for a quadratic, and blind to what bends on a smaller scale.

    Args:
        landscape: the losses, on ascending coordinates, the origin inside the window.
        player: whose loss.
        radius: radius of the disc, in plane coordinates; the largest one in the window by default.
        fit_radius: radius of the fit; twice the larger spacing by default (13 points of a square grid).

    Returns:
        Rises, curvatures, and how well the fit fits.

    Raises:
        ValueError: an origin outside the window, a disc that leaves it, a centre that is not finite, or
            fewer than six finite points to fit.

    Source: Keskar, Mudigere, Nocedal, Smelyanskiy and Tang 2017.

    Example:
        >>> from gandyn.field import Layout
        >>> from gandyn.landscapes import landscape
        >>> from gandyn.planes import coordinate_plane
        >>> plane = coordinate_plane(Layout.scalars(["g"], ["d"]), "g", "d")
        >>> bowl = landscape(lambda x: x**2 + 2 * x[..., ::-1] ** 2, plane)
        >>> sharpness(bowl).curvatures.round(6)
        array([4., 2.])
    """
    values, centre = window_loss(landscape, player), centre_loss(landscape, player)
    radius = window_radius(landscape, radius)
    across, up = np.meshgrid(landscape.a, landscape.b)
    distance, rise = np.hypot(across, up), values - centre
    largest, mean = _rises(landscape, player, centre, radius, rise[distance <= radius])
    spacing = max(np.diff(landscape.a).max(), np.diff(landscape.b).max())
    reach = 2 * float(spacing) if fit_radius is None else window_radius(landscape, fit_radius)
    fitted = (distance <= reach * (1 + 1e-9)) & np.isfinite(values)
    slope, hessian, misfit = _fit(across[fitted], up[fitted], rise[fitted])
    return Sharpness(
        player=player,
        radius=radius,
        max_rise=largest,
        mean_rise=mean,
        curvatures=np.linalg.eigvalsh(hessian)[::-1],
        parameter_curvatures=curvatures_in(hessian, landscape.plane.gram),
        slope=slope,
        fit_radius=reach,
        misfit=misfit,
        nonfinite=int(np.sum(~np.isfinite(rise[distance <= radius]))),
        label=landscape.label,
    )


def curvatures_in(hessian: np.ndarray, gram: np.ndarray) -> np.ndarray:
    """Return the eigenvalues of H c = lambda G c, larger first: curvatures per square of a length."""
    inverse = np.linalg.inv(np.linalg.cholesky(gram))
    return np.linalg.eigvalsh(inverse @ hessian @ inverse.T)[::-1]


def _rises(
    landscape: Landscape, player: str, centre: float, radius: float, inside: np.ndarray
) -> tuple[float, float]:
    """Return the largest and the mean rise over a disc: Gauss-Legendre in r^2, even angles."""
    nodes, weights = np.polynomial.legendre.leggauss(24)
    radii = radius * np.sqrt(np.append((nodes + 1) / 2, 1.0))
    angles = np.arange(96) * (2 * np.pi / 96)
    points = radii[:, None, None] * np.stack([np.cos(angles), np.sin(angles)], axis=-1)
    rise = between(landscape, player)(points) - centre
    finite = np.isfinite(rise)
    if not finite.any():
        raise ValueError(f"the {player}'s loss is nowhere finite within {radius:g} of the centre")
    share = np.append(weights, 0.0)[:, None] * finite
    return (
        float(max(rise[finite].max(), inside[np.isfinite(inside)].max(initial=-np.inf))),
        float(np.sum(share * np.where(finite, rise, 0.0)) / share.sum()),
    )


def _fit(a: np.ndarray, b: np.ndarray, rise: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Fit a quadratic; return slope (2,), Hessian (2, 2) and the root mean square of what is left."""
    columns = np.stack([np.ones_like(a), a, b, a * a / 2, a * b, b * b / 2], axis=1)
    scale = np.abs(columns).max(axis=0, initial=np.finfo(float).tiny)
    found, _, rank, _ = np.linalg.lstsq(columns / scale, rise, rcond=None)
    if rank < 6:
        raise ValueError(
            f"a quadratic needs six finite points in general position, {len(a)} lie within the fit's radius; "
            "pass a larger fit_radius, or a finer grid"
        )
    left = rise - columns / scale @ found
    _, p, q, aa, ab, bb = found / scale
    return np.array([p, q]), np.array([[aa, ab], [ab, bb]]), float(np.sqrt(np.mean(left**2)))
