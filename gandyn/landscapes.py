"""Loss landscapes: the losses of both players on a plane of parameter space."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from gandyn.arrays import Array, to_numpy
from gandyn.planes import Plane
from gandyn.planes.slices import Extent, grid, grid_coordinates, tiles

if TYPE_CHECKING:
    import xarray

__all__ = ["Landscape", "landscape"]

_PLAYERS = ("generator", "discriminator")


@dataclass(frozen=True, eq=False, repr=False)
class Landscape:
    """The losses of both players on a grid of a plane; non-finite values kept and counted.

    Args:
        plane: the plane.
        a: shape (na,), horizontal coordinates.
        b: shape (nb,), vertical coordinates.
        losses: shape (2, nb, na), the generator's loss, then the discriminator's.
        names: names of the two losses: ("generator", "discriminator").
        nonfinite: number of grid points where either loss is not finite.
        center: the two losses at the plane's origin (a = b = 0), on the grid or not.
        label: name for titles.
    """

    plane: Plane
    a: np.ndarray
    b: np.ndarray
    losses: np.ndarray
    names: tuple[str, str]
    nonfinite: int
    center: tuple[float, float]
    label: str

    def to_xarray(self) -> xarray.Dataset:
        """Return a dataset with the dimensions ``player``, ``b`` and ``a``, settings in its attributes."""
        import xarray

        loss = {"long_name": "loss", "units": "nat"}
        return xarray.Dataset(
            {"loss": (("player", "b", "a"), self.losses, loss)},
            coords={"player": list(self.names), **grid_coordinates(self.plane, self.a, self.b)},
            attrs={
                "label": self.label,
                "plane": self.plane.kind,
                "center": self.center,
                "nonfinite": self.nonfinite,
            },
        )

    def __str__(self) -> str:
        lines = [
            f"Landscape of {self.label or 'two losses'} on a plane ({self.plane.kind}), "
            f"{len(self.a)} x {len(self.b)} points, {self.nonfinite} not finite"
        ]
        for name, values, middle in zip(self.names, self.losses, self.center, strict=True):
            finite = values[np.isfinite(values)]
            span = f"from {finite.min():.4g} to {finite.max():.4g}" if finite.size else "nowhere finite"
            lines.append(f"  {name}: {middle:.4g} at the origin, {span}")
        return "\n".join(lines)

    __repr__ = __str__


def landscape(
    losses: Callable[[Array], Array],
    plane: Plane,
    extent: Extent | None = None,
    *,
    a: Any = None,
    b: Any = None,
    points: int | tuple[int, int] = 25,
    chunk: int | None = None,
    progress: bool = True,
    label: str = "",
) -> Landscape:
    """Evaluate the losses of both players on a grid of a plane, in batches.

    Args:
        losses: ``losses(x) -> (..., 2)`` for states ``x`` (..., n): the generator's loss, then the
            discriminator's.
        plane: the plane, in the namespace that ``losses`` works in.
        extent: half-width of a square about (0, 0), or ((a_min, a_max), (b_min, b_max)); 1 by default.
        a: horizontal coordinates, shape (na,), in place of ``extent``.
        b: vertical coordinates, shape (nb,), in place of ``extent``.
        points: points along each axis, or along (a, b).
        chunk: states evaluated at once; by default as many as fill about a million entries. It does
            not change the result.
        progress: show a progress bar when on a terminal.
        label: name for titles.

    Returns:
        The landscape.

    Raises:
        ValueError: an empty or non-finite grid, or ``losses`` that do not return a pair a state.

    Source: Li, Xu, Taylor, Studer and Goldstein 2018, for one loss.

    Example:
        >>> from gandyn.field import Layout
        >>> from gandyn.planes import coordinate_plane
        >>> both = lambda x: np.stack([x[..., 0] * x[..., 1], -x[..., 0] * x[..., 1]], axis=-1)
        >>> found = landscape(both, coordinate_plane(Layout.scalars(["g"], ["d"]), "g", "d"), points=3)
        >>> found.losses[0]
        array([[ 1., -0., -1.],
               [-0.,  0.,  0.],
               [-1.,  0.,  1.]])
    """
    a, b = grid(extent, a, b, points)
    with np.errstate(all="ignore"):
        center = _pairs(losses, plane.origin[None, :])[0]
        values = np.empty((len(a) * len(b), 2))
        for where, states in tiles(plane, a, b, chunk, progress, "losses"):
            values[where] = _pairs(losses, states)
    return Landscape(
        plane=plane,
        a=a,
        b=b,
        losses=values.T.reshape(2, len(b), len(a)),
        names=_PLAYERS,
        nonfinite=int(np.sum(~np.all(np.isfinite(values), axis=1))),
        center=(float(center[0]), float(center[1])),
        label=label,
    )


def _pairs(losses: Callable[[Array], Array], states: Array) -> np.ndarray:
    values = losses(states)
    expected = (states.shape[0], 2)
    if tuple(getattr(values, "shape", ())) != expected:
        raise ValueError(
            f"losses(x) must return the two losses of each state, shape {expected}; "
            f"got {tuple(getattr(values, 'shape', ())) or type(values).__name__}"
        )
    return to_numpy(values).astype(float)
