"""Helmholtz-Hodge decomposition of the velocity on a plane: potential, stream function, harmonic part."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from gandyn.checks import check_option
from gandyn.field import System
from gandyn.planes import FieldSlice, Plane, coordinate_plane, sample
from gandyn.planes.slices import grid_coordinates
from gandyn.rotation.boundary import Boundary
from gandyn.rotation.series import HelmholtzSeries, centred, decompose

if TYPE_CHECKING:
    import xarray

__all__ = ["Helmholtz", "helmholtz"]

_LEAST = 8


@dataclass(frozen=True, eq=False, repr=False)
class Helmholtz:
    """In-plane velocity as ``grad phi + rot psi + h``, ``rot psi = (-d psi/dy, d psi/dx)``, h harmonic.

    Gradient, rotation and lengths are those of the parameter space, in an oblique plane too. h has
    neither divergence nor curl: it is a gradient and a rotation at once.

    Args:
        plane: the plane.
        a: shape (na,), horizontal coordinates.
        b: shape (nb,), vertical coordinates.
        boundary: what makes the parts unique.
        potential: phi, shape (nb, na), of mean zero over the rectangle: what the players jointly *climb*.
        stream: psi, shape (nb, na), of mean zero; the rotation runs along its contours.
        gradient: grad phi, shape (nb, na, 2), in plane coordinates per unit of flow time.
        rotation: rot psi, likewise.
        harmonic: h, likewise.
        gradient_share: ``|grad phi|^2 / |v|^2``, both integrated over the rectangle.
        rotation_share: the same of rot psi.
        harmonic_share: the same of h.
        overlap: what these three lack to 1: twice the inner products of the parts; 0 for "normal-parallel".
        residual: root mean square over the grid of ``v - grad phi - rot psi - h``, over that of v: how far
            the velocity is from smooth on this grid.
        boundary_error: largest error in what the boundary prescribes for the parts, over the root mean
            square of v; larger than rounding at the corners of an oblique plane only.
        off_plane_share: shape (nb, na), share of the whole velocity that leaves the plane.
        series: the parts as functions, for ``potential_flow``.
        clock: "flow" or "map".
        dt: flow time of one step of the map; 1 for a flow.
        label: the system's label.
    """

    plane: Plane
    a: np.ndarray
    b: np.ndarray
    boundary: Boundary
    potential: np.ndarray
    stream: np.ndarray
    gradient: np.ndarray
    rotation: np.ndarray
    harmonic: np.ndarray
    gradient_share: float
    rotation_share: float
    harmonic_share: float
    overlap: float
    residual: float
    boundary_error: float
    off_plane_share: np.ndarray
    series: HelmholtzSeries
    clock: Literal["flow", "map"]
    dt: float
    label: str

    def to_xarray(self) -> xarray.Dataset:
        """Return a dataset with the dimensions ``b`` and ``a``, shares and settings in its attributes."""
        import xarray

        scalar = {"units": "squared parameter norm per unit of flow time"}
        vector = {"units": "plane coordinate per unit of flow time"}
        scalars = {name: (("b", "a"), getattr(self, name), scalar) for name in ("potential", "stream")}
        vectors = {
            name: (("b", "a", "axis"), getattr(self, name), vector)
            for name in ("gradient", "rotation", "harmonic")
        }
        share = {"off_plane_share": (("b", "a"), self.off_plane_share, {"units": "1"})}
        numbers = [name for name in vars(self) if name.endswith("_share") and name != "off_plane_share"]
        numbers += ["overlap", "residual", "boundary_error"]
        return xarray.Dataset(
            {**scalars, **vectors, **share},
            coords={**grid_coordinates(self.plane, self.a, self.b), "axis": list(self.plane.names)},
            attrs={
                **{name: getattr(self, name) for name in numbers},
                "label": self.label,
                "plane": self.plane.kind,
                "boundary": self.boundary,
                "clock": self.clock,
                "dt": self.dt,
            },
        )

    def __str__(self) -> str:
        return (
            f"Helmholtz decomposition of {self.label or 'a ' + self.clock} ({self.boundary}), "
            f"{len(self.a)} x {len(self.b)} points\n"
            f"  energy: gradient {self.gradient_share:.2%}, rotation {self.rotation_share:.2%}, harmonic "
            f"{self.harmonic_share:.2%}, overlap {round(self.overlap, 6) + 0.0:.2%}\n"
            f"  residual {self.residual:.2g}, boundary error {self.boundary_error:.2g}, median off-plane "
            f"share {np.median(self.off_plane_share):.3g}"
        )

    __repr__ = __str__


def helmholtz(
    subject: FieldSlice | System,
    box: Any = None,
    *,
    boundary: Boundary = "normal-parallel",
    points: int | tuple[int, int] = 100,
    progress: bool = True,
) -> Helmholtz:
    """Split the velocity on a rectangle into a gradient, a rotation and a harmonic part.

    No period is assumed. On a bounded domain such a split is not unique before the boundary is spoken for:

    - "normal-parallel": phi and psi are constant on the boundary, so that the gradient is normal and the
      rotation parallel to it. The parts are orthogonal. ``grad phi + h`` is the gradient field nearest
      to v in the mean square (the projection of Leray), ``rot psi + h`` the nearest rotation, and h is what
      both claim: the velocity's inflow and circulation at the boundary.
    - "natural": phi and psi are the potentials of the divergence and the curl inside, in the whole plane;
      h is what is caused outside. Parts do not depend on what happens elsewhere in a larger rectangle
      except through h, but they overlap.

    In both, the sum ``grad phi + h`` of a gradient field is that field. The potential of a plane that cuts
    through a larger space belongs to the in-plane velocity only: look at ``off_plane_share``.

    Args:
        subject: a slice on a rising grid of at least 8 points each way, or a system of two parameters.
        box: for a system, where: as ``Layout.bounds`` takes it. Of players, the discriminator is horizontal.
        boundary: what makes the parts unique.
        points: for a system, points along each axis, or along (a, b).
        progress: for a system, show a progress bar when on a terminal.

    Returns:
        The parts on the grid, their energies, and functions for ``potential_flow``.

    Raises:
        ValueError: a velocity that is not finite everywhere, a grid that is too coarse or does not rise, a
            system of other than two parameters, a box with a slice, or an unknown boundary.

    Formula:
        ``lap phi = div v``, ``lap psi = curl v``. A Fourier extension of v on twice the rectangle solves
        both up to harmonic functions, which poles clustered at the corners fit to the boundary. Velocities
        that are smooth on the grid are split to about 1e-8 of their size.

    Source: Bhatia, Norgard, Pascucci and Bremer 2013 (survey); Bhatia, Pascucci and Bremer 2014 (natural).

    Example:
        >>> from gandyn.field import Layout, VectorField
        >>> layout = Layout.scalars(["g"], ["d"])
        >>> turn = VectorField(lambda x, t: np.stack([-x[..., 1], x[..., 0]], axis=-1), layout)
        >>> split = helmholtz(turn, (-1, 1), points=40)
        >>> round(split.rotation_share, 4), round(split.harmonic_share, 4)
        (0.8435, 0.1565)
    """
    check_option("boundary", boundary, get_args(Boundary))
    seen = _sampled(subject, box, points, progress)
    _check(seen)
    series, error = decompose(seen.plane.gram, seen.a, seen.b, seen.velocity, boundary)
    series, energies, whole = centred(series, seen.a, seen.b)
    (potential, stream), parts = series.on_grid(seen.a, seen.b)
    metric = seen.plane.gram
    left, size = (_mean_square(field, metric) for field in (seen.velocity - parts.sum(axis=0), seen.velocity))
    shares = energies / (whole or 1.0)
    return Helmholtz(
        plane=seen.plane,
        a=seen.a,
        b=seen.b,
        boundary=boundary,
        potential=potential,
        stream=stream,
        gradient=parts[0],
        rotation=parts[1],
        harmonic=parts[2],
        gradient_share=float(shares[0]),
        rotation_share=float(shares[1]),
        harmonic_share=float(shares[2]),
        overlap=float((whole - energies.sum()) / (whole or 1.0)),
        residual=float(np.sqrt(left / (size or 1.0))),
        boundary_error=float(error / np.sqrt(size or 1.0)),
        off_plane_share=seen.off_plane_share,
        series=series,
        clock=seen.clock,
        dt=seen.dt,
        label=seen.label,
    )


def _sampled(subject: FieldSlice | System, box: Any, points: Any, progress: bool) -> FieldSlice:
    if isinstance(subject, FieldSlice):
        if box is not None:
            raise ValueError("a slice brings its own rectangle: leave out box")
        return subject
    layout = subject.layout
    if layout.dim != 2 or box is None:
        raise ValueError(
            f"helmholtz takes a system of two parameters with a box, or a slice; got {layout.dim} parameters "
            f"and box = {box!r}: pass helmholtz(field, box), or helmholtz(sample(field, plane, points=100))"
        )
    bounds = dict(zip(layout.entry_names, zip(*layout.bounds(box), strict=True), strict=True))
    plane = coordinate_plane(layout, *layout.entry_names)
    sides = tuple(tuple(map(float, bounds[name])) for name in plane.names)
    return sample(subject, plane, sides, points=points, progress=progress)  # type: ignore[arg-type]


def _check(seen: FieldSlice) -> None:
    for name, grid in (("a", seen.a), ("b", seen.b)):
        if len(grid) < _LEAST or not np.all(np.diff(grid) > 0):
            raise ValueError(
                f"a decomposition needs a rising grid of at least {_LEAST} points along {name}, "
                f"got {len(grid)} from {grid[0]:g} to {grid[-1]:g}; sample with points=100"
            )
    bad = int(np.sum(~np.all(np.isfinite(seen.velocity), axis=-1)))
    if bad:
        raise ValueError(
            f"the velocity is not finite at {bad} of {seen.speed.size} grid points: a decomposition needs it "
            "on the whole rectangle; choose one without poles or diverged points"
        )


def _mean_square(field: np.ndarray, gram: np.ndarray) -> float:
    return float(np.mean(np.einsum("...i,ij,...j", field, gram, field)))
