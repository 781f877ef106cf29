"""Where several steps of an update rule go from the points of a plane: what an optimiser does, as a field."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from typing import Any

import numpy as np

from gandyn.arrays import Array, array_namespace, like, to_numpy
from gandyn.checks import check_floats
from gandyn.field import UpdateMap, VectorField
from gandyn.planes.plane import Plane, norms
from gandyn.planes.slices import (
    Extent,
    FieldSlice,
    grid,
    grid_settings,
    in_plane_norms,
    rounded,
    share_of,
    tiles,
)
from gandyn.tiles import Store, compute, fingerprint


def displacement(
    update: UpdateMap,
    plane: Plane,
    extent: Extent | None = None,
    *,
    a: Any = None,
    b: Any = None,
    points: int | tuple[int, int] = 25,
    steps: int = 5,
    state: Array | None = None,
    k: int = 0,
    field: VectorField | None = None,
    chunk: int | None = None,
    tile: int | tuple[int, int] | None = None,
    executor: Executor | None = None,
    store: str | os.PathLike[str] | None = None,
    settings: Mapping[str, Any] | None = None,
    progress: bool = True,
) -> FieldSlice:
    """Let an update rule take a few steps from every point of a plane, and draw where it goes.

    The gradient field is not what an optimiser with memory follows: Adam divides each gradient by the
    size of the last ones. Each point starts with the memory of ``state``, or with fresh memory, and all
    points see the same minibatches. The displacement of the parameters, ``(x_{k+steps} - x_k) / (steps
    dt)``, is projected on the plane as a velocity is; memory is not part of it.

    Args:
        update: the map; the blocks of its state start with those of the plane, as those of
            ``nets.training_map`` do, and what follows is memory.
        plane: the plane, of the parameters.
        extent: half-width of a square about (0, 0), or ((a_min, a_max), (b_min, b_max)); 1 by default.
        a: horizontal coordinates, shape (na,), in place of ``extent``.
        b: vertical coordinates, shape (nb,), in place of ``extent``.
        points: points along each axis, or along (a, b).
        steps: steps from each point, at least 1.
        state: a state of the map, shape (N,), whose memory every point starts with; None for the memory
            that training starts with.
        k: number of the first step. Adam corrects its means by it: give the step that ``state`` comes from.
        field: a field on the plane's blocks; its cosine with the displacement at each point is kept.
        chunk: points moved at once; by default as many as fill about a million entries of the plane.
        tile: grid points of a tile along b and a, or along both; by default the whole grid, or 8 where
            there is an executor or a store.
        executor: any ``concurrent.futures.Executor`` to compute the tiles by, see ``tiles.compute``.
        store: path of a Zarr store, ending in .zarr, for the tiles as they come; see ``sample``.
        settings: what to keep in the store beside what decides the values; see ``sample``.
        progress: show a progress bar when on a terminal.

    Returns:
        The slice; ``quantity`` says what is drawn.

    Raises:
        TypeError: ``update`` is not an update map.
        ValueError: blocks that do not match, fewer than one step, an empty or non-finite grid, or a store
            made with other settings.

    Example:
        >>> from gandyn.field import Layout
        >>> from gandyn.planes import coordinate_plane
        >>> layout = Layout.scalars(["x"], ["y"])
        >>> halve = UpdateMap(lambda x, k: x / 2, layout, dt=0.5)
        >>> displacement(halve, coordinate_plane(layout, "y", "x"), points=2, steps=2).velocity[0]
        array([[ 0.75,  0.75], [-0.75,  0.75]])
    """
    if not isinstance(update, UpdateMap):
        raise TypeError(f"displacement takes an UpdateMap, got {type(update).__name__}; a field has sample")
    if isinstance(steps, bool) or not isinstance(steps, int | np.integer) or steps < 1:
        raise ValueError(f"steps must be a positive integer, got {steps!r}")
    _check_blocks(update, plane, field)
    if state is not None:
        check_floats("state", state, (update.layout.dim,))
    a, b = grid(extent, a, b, points)
    memory = ""
    if update.layout.dim > plane.layout.dim:
        memory = " from fresh memory" if state is None else " with its memory"
    fields = {"plane": plane, "a": a, "b": b, "clock": "map", "dt": update.dt, "label": update.label}
    fields["quantity"] = f"displacement of {steps} steps{memory}, over {steps} dt"
    kept = None
    if store is not None:
        at_origin = _seen(update, plane, plane.origin[None, :], steps, state, k, field)
        decides = _decides(update, fields, state, k, at_origin) | dict(settings or {})
        kept = Store(store, ("b", "a"), decides, FieldSlice, fields)
    whole = tile is None and executor is None and store is None
    work = _work(update, plane, a, b, steps, state, k, field, chunk, progress and whole)
    arrays = compute(
        work,
        (len(b), len(a)),
        tile=tile,
        executor=executor,
        store=kept,
        progress=progress,
        what="displacements",
    )
    return FieldSlice.from_tiles(arrays, **fields)


def _decides(
    update: UpdateMap,
    fields: Mapping[str, Any],
    state: Array | None,
    k: int,
    at_origin: Mapping[str, np.ndarray],
) -> dict[str, Any]:
    """Return all that decides the displacements, for their store."""
    return {
        "kind": "displacement",
        **grid_settings(fields["plane"], fields["a"], fields["b"]),
        **{name: fields[name] for name in ("label", "dt", "quantity")},
        "constants": dict(update.constants),
        "k": k,
        "state": None if state is None else fingerprint(state),
        "at_origin": {name: rounded(np.ravel(value)) for name, value in at_origin.items()},
    }


def _work(
    update: UpdateMap,
    plane: Plane,
    a: np.ndarray,
    b: np.ndarray,
    steps: int,
    state: Array | None,
    k: int,
    field: VectorField | None,
    chunk: int | None,
    progress: bool,
) -> Callable[[slice, slice], dict[str, np.ndarray]]:
    """Return what moves the points of a rectangle of the grid."""

    def displacements(rows: slice, columns: slice) -> dict[str, np.ndarray]:
        across, up = a[columns], b[rows]
        found = [
            _seen(update, plane, parameters, steps, state, k, field)
            for _, parameters in tiles(plane, across, up, chunk, progress, "displacements")
        ]
        joined = {name: np.concatenate([part[name] for part in found]) for name in found[0]}
        return {name: part.reshape(len(up), len(across), *part.shape[1:]) for name, part in joined.items()}

    return displacements


def _seen(
    update: UpdateMap,
    plane: Plane,
    parameters: Array,
    steps: int,
    state: Array | None,
    k: int,
    field: VectorField | None,
) -> dict[str, np.ndarray]:
    """Return what the plane shows of the steps from parameters (m, n)."""
    with np.errstate(all="ignore"):
        x = _with_memory(update, parameters, state)
        for step in range(k, k + steps):
            x = update(x, step)
        moved = (x[..., : plane.layout.dim] - parameters) / (steps * update.dt)
        speed = norms(moved)
        seen = {
            "velocity": plane.components(moved),
            "speed": speed,
            "in_plane_share": share_of(in_plane_norms(plane, moved), speed),
        }
        return seen if field is None else seen | {"cosine": _cosines(moved, field(parameters))}


def _check_blocks(update: UpdateMap, plane: Plane, field: VectorField | None) -> None:
    own = plane.layout.blocks
    if update.layout.blocks[: len(own)] != own:
        raise ValueError(
            f"the map's blocks must start with those of the plane, {list(plane.layout.names)}; they are "
            f"{list(update.layout.names)}"
        )
    rest = {block.player for block in update.layout.blocks[len(own) :]} - {"memory"}
    if rest:
        raise ValueError(f"the plane must hold all parameters of the map; it lacks blocks of {sorted(rest)}")
    if field is not None and field.layout.dim != plane.layout.dim:
        raise ValueError(
            f"the field must act on the plane's {plane.layout.dim} entries, it acts on {field.layout.dim}"
        )


def _with_memory(update: UpdateMap, parameters: Array, state: Array | None) -> Array:
    """Return full states (m, N) at parameters (m, n)."""
    dim, whole = parameters.shape[-1], update.layout.dim
    if state is None:
        x = update.start(parameters)
        if x.shape[-1] != whole:
            raise ValueError(
                f"{update.label or 'the map'} does not say which memory it starts with: pass state=, of "
                f"{whole} entries, or make the map with start="
            )
        return x
    xp = array_namespace(parameters)
    memory = like(state[dim:], parameters)
    return xp.concat([parameters, xp.broadcast_to(memory, (parameters.shape[0], whole - dim))], axis=-1)


def _cosines(u: Array, v: Array) -> np.ndarray:
    xp = array_namespace(u)
    inner = to_numpy(xp.sum(u * like(v, u), axis=-1)).astype(float)
    return np.asarray(inner / (norms(u) * norms(v)))
