"""Evaluate what both players see on a grid of a plane."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol, cast, runtime_checkable

import numpy as np

from gandyn.arrays import Array
from gandyn.checks import check_option
from gandyn.landscapes.result import Landscape
from gandyn.landscapes.states import pairs as _pairs
from gandyn.planes import Plane
from gandyn.planes.slices import Extent, grid, tiles

__all__ = ["MEASURES", "Surfaces", "landscape"]

#: What can be read on a plane in one pass.
MEASURES = ("losses", "field", "rotation", "accuracy", "samples")


@runtime_checkable
class Surfaces(Protocol):
    """Losses that know how to read a whole grid at once, as those of ``nets.gan_losses`` do."""

    @property
    def notes(self) -> tuple[str, ...]:
        """How it computes, in sentences for a caption."""

    def on_grid(
        self, plane: Plane, a: np.ndarray, b: np.ndarray, measures: Sequence[str]
    ) -> dict[str, np.ndarray]:
        """Return arrays with leading axes (nb, na).

        "losses" (..., 2), "errors" (..., 2), "velocity" (..., 2), "speed", "in_plane_share",
        "rotation_share", "accuracy" (..., 2) and "samples" (..., 2), as in ``Landscape``; those that the
        measures ask for.
        """


def landscape(
    losses: Callable[[Array], Array],
    plane: Plane,
    extent: Extent | None = None,
    *,
    a: Any = None,
    b: Any = None,
    points: int | tuple[int, int] = 25,
    measures: Sequence[str] = ("losses",),
    chunk: int | None = None,
    progress: bool = True,
    label: str = "",
) -> Landscape:
    """Evaluate the losses of both players on a grid of a plane, in batches.

    Args:
        losses: ``losses(x) -> (..., 2)`` for states ``x`` (..., n): the generator's loss, then the
            discriminator's. Those of ``nets.gan_losses`` never do the same work twice on a plane.
        plane: the plane, in the namespace that ``losses`` works in.
        extent: half-width of a square about (0, 0), or ((a_min, a_max), (b_min, b_max)); 1 by default.
        a: horizontal coordinates, shape (na,), in place of ``extent``.
        b: vertical coordinates, shape (nb,), in place of ``extent``.
        points: points along each axis, or along (a, b).
        measures: what to read beside the losses, in the same pass: "field", "rotation", "accuracy",
            "samples"; only losses of ``nets.gan_losses`` know them.
        chunk: states evaluated at once; by default as many as fill about a million entries. It does
            not change the result.
        progress: show a progress bar when on a terminal.
        label: name for titles.

    Returns:
        The landscape.

    Raises:
        ValueError: an empty or non-finite grid, ``losses`` that do not return a pair a state, or a measure
            that they do not know.

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
    for measure in measures:
        check_option("measures", measure, MEASURES)
    a, b = grid(extent, a, b, points)
    if set(measures) - {"losses"} and not isinstance(losses, Surfaces):
        raise ValueError(
            f"only losses of nets.gan_losses know the measures {sorted(set(measures) - {'losses'})}; "
            "pass those, or leave measures out"
        )
    with np.errstate(all="ignore"):
        center = _pairs(losses, plane.origin[None, :])[0]
        if isinstance(losses, Surfaces):
            read = losses.on_grid(plane, a, b, ("losses", *measures))
        else:
            read = {"losses": _states(losses, plane, a, b, chunk, progress)}
    return _assembled(read, plane, a, b, center, label, getattr(losses, "notes", ()))


def _states(
    losses: Callable[[Array], Array],
    plane: Plane,
    a: np.ndarray,
    b: np.ndarray,
    chunk: int | None,
    progress: bool,
) -> np.ndarray:
    values = np.empty((len(a) * len(b), 2))
    for where, states in tiles(plane, a, b, chunk, progress, "losses"):
        values[where] = _pairs(losses, states)
    return values.reshape(len(b), len(a), 2)


def _assembled(
    read: dict[str, np.ndarray],
    plane: Plane,
    a: np.ndarray,
    b: np.ndarray,
    center: np.ndarray,
    label: str,
    notes: tuple[str, ...],
) -> Landscape:
    """Return the landscape of arrays by name, their pairs (nb, na, 2) turned into (2, nb, na)."""
    finite = np.all(np.isfinite(read["losses"]), axis=-1)
    paired = ("losses", "errors", "accuracy", "samples")
    read = {name: np.moveaxis(value, -1, 0) if name in paired else value for name, value in read.items()}
    return Landscape(
        plane=plane,
        a=a,
        b=b,
        losses=read.pop("losses"),
        names=("generator", "discriminator"),
        nonfinite=int(np.sum(~finite)),
        center=(float(center[0]), float(center[1])),
        label=label,
        notes=notes,
        **cast(dict[str, Any], read),
    )
