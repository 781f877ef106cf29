"""Evaluate what both players see on a grid of a plane."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import replace
from typing import Any, Protocol, runtime_checkable

import numpy as np

from gandyn.arrays import Array
from gandyn.checks import check_option
from gandyn.landscapes.result import VARIABLES, Landscape
from gandyn.landscapes.states import pairs as _pairs
from gandyn.planes import Plane
from gandyn.planes.slices import Extent, grid, grid_settings, rounded, tiles
from gandyn.tiles import Store, amend, compute

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


@runtime_checkable
class Rounded(Protocol):
    """Losses whose networks may be evaluated in a shorter float type, and which can tell the error."""

    def recheck(
        self, plane: Plane, a: np.ndarray, b: np.ndarray, losses: np.ndarray
    ) -> tuple[np.ndarray, int] | None:
        """Return the largest error (2,) on some points of losses (nb, na, 2), and their number, or None."""


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
    tile: int | tuple[int, int] | None = None,
    executor: Executor | None = None,
    store: str | os.PathLike[str] | None = None,
    settings: Mapping[str, Any] | None = None,
    progress: bool = True,
    label: str = "",
) -> Landscape:
    """Evaluate the losses of both players on a grid of a plane, in batches.

    Tile, executor and number of workers do not change the result where ``losses`` gives a state the same
    value in every batch, as those of ``nets.gan_losses`` do.

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
        tile: grid points of a tile along b and a, or along both; by default the whole grid, or 8 where
            there is an executor or a store.
        executor: any ``concurrent.futures.Executor`` to compute the tiles by, see ``tiles.compute``.
        store: path of a Zarr store, ending in .zarr, for the tiles as they come. A call that was
            interrupted goes on from there; ``gandyn.load`` and xarray read it.
        settings: numbers, strings, lists and dicts to keep in the store and compare on going on, beside
            grid, plane, measures and fingerprints: a seed, the name of the data, ...
        progress: show a progress bar when on a terminal.
        label: name for titles.

    Returns:
        The landscape.

    Raises:
        ValueError: an empty or non-finite grid, ``losses`` that do not return a pair a state, a measure
            that they do not know, or a store made with other settings.

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
    fields = {
        "plane": plane,
        "a": a,
        "b": b,
        "center": (float(center[0]), float(center[1])),
        "label": label,
        "notes": tuple(getattr(losses, "notes", ())),
    }
    kept = None
    if store is not None:
        decides = _decides(losses, fields, measures, settings)
        kept = Store(store, ("b", "a"), decides, Landscape, fields)
    whole = tile is None and executor is None and store is None
    work = _work(losses, plane, a, b, ("losses", *measures), chunk, progress and whole)
    arrays = compute(
        work, (len(b), len(a)), tile=tile, executor=executor, store=kept, progress=progress, what="losses"
    )
    found = Landscape.from_tiles(arrays, **fields)
    again = _recheck(losses, found)
    if again and kept is not None:
        amend(replace(kept, fields={**fields, **again}), arrays)
    return replace(found, **again)


def _work(
    losses: Callable[[Array], Array],
    plane: Plane,
    a: np.ndarray,
    b: np.ndarray,
    measures: Sequence[str],
    chunk: int | None,
    progress: bool,
) -> Callable[[slice, slice], dict[str, np.ndarray]]:
    """Return what reads a rectangle of the grid, by the names of a dataset."""

    def read(rows: slice, columns: slice) -> dict[str, np.ndarray]:
        across, up = a[columns], b[rows]
        with np.errstate(all="ignore"):
            if not isinstance(losses, Surfaces):
                return {"loss": _states(losses, plane, across, up, chunk, progress)}
            found = losses.on_grid(plane, across, up, measures)
        return {name: found[field] for name, field in VARIABLES.items() if field in found}

    return read


def _recheck(losses: Any, found: Landscape) -> dict[str, Any]:
    """Return the error by rounding at some points of the landscape and a note; nothing without rounding."""
    if not isinstance(losses, Rounded):
        return {}
    again = losses.recheck(found.plane, found.a, found.b, np.moveaxis(found.losses, 0, -1))
    if again is None:
        return {}
    errors, count = again
    note = _rounding_note(errors, count, found)
    return {"rounding": (float(errors[0]), float(errors[1])), "notes": (*found.notes, note)}


def _rounding_note(errors: np.ndarray, count: int, found: Landscape) -> str:
    spans = np.array([_span(values) for values in found.losses])
    if not np.all(spans > 0):
        return f"Rounding: at most {np.max(errors):.1e}, on {count} points computed again"
    note = f"Rounding: at most {np.max(errors / spans):.2%} of the range, on {count} points computed again"
    if found.errors is not None:
        sampling = np.nanmax(found.errors / spans[:, None, None])
        note += f"; standard error by sampling: up to {sampling:.2%}"
    return note


def _span(values: np.ndarray) -> float:
    finite = values[np.isfinite(values)]
    return float(np.ptp(finite)) if finite.size else np.nan


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


def _decides(
    losses: Any, fields: Mapping[str, Any], measures: Sequence[str], settings: Mapping[str, Any] | None
) -> dict[str, Any]:
    """Return all that decides the values of a landscape, for its store."""
    return {
        "kind": "landscape",
        "measures": sorted({"losses", *measures}),
        **grid_settings(fields["plane"], fields["a"], fields["b"]),
        "losses_at_origin": rounded(fields["center"]),
        "how": getattr(losses, "settings", {}),
        **(settings or {}),
    }
