"""What a plane shows of a system or a path, and the share that it does not show."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast

import numpy as np

from gandyn.arrays import Array, array_namespace, like
from gandyn.field import System, UpdateMap
from gandyn.planes.plane import Plane, norms, states_of, times
from gandyn.tiles import Store, compute, fingerprint

if TYPE_CHECKING:
    import xarray

#: Half-width of a square about (0, 0), or ((a_min, a_max), (b_min, b_max)).
Extent: TypeAlias = float | tuple[tuple[float, float], tuple[float, float]]

_ENTRIES_AT_ONCE = 2**20


@dataclass(frozen=True, eq=False, repr=False)
class Projection:
    """A path of states as seen on a plane, with what the plane does not show.

    Args:
        plane: the plane.
        coordinates: shape (T, 2), horizontal and vertical coordinate of each state.
        distance: shape (T,), distance of each state from the plane, in units of the parameters.
        off_plane_share: shape (T,), ``1 - |in-plane part| / |displacement|`` of the displacement from
            the plane's origin; 0 where there is no displacement.
        path_off_plane_share: share of the path's variance about its mean that lies outside the
            plane's directions, from 0 to 1; it does not depend on the origin.
    """

    plane: Plane
    coordinates: np.ndarray
    distance: np.ndarray
    off_plane_share: np.ndarray
    path_off_plane_share: float

    def extent(self, margin: float = 0.1) -> tuple[tuple[float, float], tuple[float, float]]:
        """Return the box round the path, widened by ``margin`` of its larger side, for ``sample``."""
        low, high = self.coordinates.min(axis=0), self.coordinates.max(axis=0)
        pad = margin * (float(np.max(high - low)) or 1.0)
        return (float(low[0] - pad), float(high[0] + pad)), (float(low[1] - pad), float(high[1] + pad))

    def __str__(self) -> str:
        return (
            f"Projection of {len(self.distance)} states on a plane ({self.plane.kind}): "
            f"{self.path_off_plane_share:.1%} of the path's variance and up to "
            f"{np.max(self.distance):.3g} of distance are off the plane"
        )

    __repr__ = __str__


@dataclass(frozen=True, eq=False, repr=False)
class FieldSlice:
    """The velocity of a system on a grid of a plane, with the share of it that leaves the plane.

    Non-finite points are kept as they came (NaN or infinity) and counted.

    Args:
        plane: the plane.
        a: shape (na,), horizontal coordinates.
        b: shape (nb,), vertical coordinates.
        velocity: shape (nb, na, 2), in plane coordinates per unit of flow time, by orthogonal
            projection; for a map the displacement of a step divided by ``dt``.
        speed: shape (nb, na), norm of the whole velocity, in-plane or not.
        in_plane_share: shape (nb, na), ``|in-plane velocity| / |velocity|``; 1 where nothing moves.
        nonfinite: number of grid points whose velocity is not finite.
        clock: "flow" or "map".
        dt: flow time of one step of the map; 1 for a flow.
        label: the system's label.
        quantity: what ``velocity`` is, in words for a caption.
        cosine: shape (nb, na), cosine between what is drawn and a field it was compared with; None without.
    """

    plane: Plane
    a: np.ndarray
    b: np.ndarray
    velocity: np.ndarray
    speed: np.ndarray
    in_plane_share: np.ndarray
    nonfinite: int
    clock: Literal["flow", "map"]
    dt: float
    label: str
    quantity: str = "velocity of the field"
    cosine: np.ndarray | None = None

    @classmethod
    def from_tiles(cls, arrays: Mapping[str, np.ndarray], **fields: Any) -> FieldSlice:
        """Return the slice of arrays over the grid, by name, axes (nb, na, ...)."""
        known: dict[str, Any] = {**arrays, **fields}
        return cls(nonfinite=int(np.sum(~np.isfinite(arrays["speed"]))), **known)

    @property
    def off_plane_share(self) -> np.ndarray:
        """Share of the velocity that leaves the plane, shape (nb, na): 1 - in_plane_share."""
        return 1.0 - self.in_plane_share

    def to_xarray(self) -> xarray.Dataset:
        """Return a dataset with the dimensions ``b`` and ``a``, units and settings in its attributes."""
        import xarray

        velocity = {"long_name": "in-plane velocity", "units": "plane coordinate per unit of flow time"}
        speed = {"long_name": "speed, in-plane or not", "units": "parameter norm per unit of flow time"}
        share = {"long_name": "in-plane share of the velocity", "units": "1"}
        cosine = {"long_name": "cosine with the field compared with", "units": "1"}
        return xarray.Dataset(
            {
                "velocity": (("b", "a", "axis"), self.velocity, velocity),
                "speed": (("b", "a"), self.speed, speed),
                "in_plane_share": (("b", "a"), self.in_plane_share, share),
                **({} if self.cosine is None else {"cosine": (("b", "a"), self.cosine, cosine)}),
            },
            coords={**grid_coordinates(self.plane, self.a, self.b), "axis": list(self.plane.names)},
            attrs={
                "label": self.label,
                "quantity": self.quantity,
                "plane": self.plane.kind,
                "clock": self.clock,
                "dt": self.dt,
                "nonfinite": self.nonfinite,
            },
        )

    def __str__(self) -> str:
        share = self.off_plane_share[np.isfinite(self.off_plane_share)]
        middle = f"median off-plane share {np.median(share):.3g}" if share.size else "no finite point"
        return (
            f"FieldSlice of {self.label or 'a ' + self.clock} on a plane ({self.plane.kind}), "
            f"{len(self.a)} x {len(self.b)} points, {middle}, {self.nonfinite} not finite"
        )

    __repr__ = __str__


def project(plane: Plane, path: Any) -> Projection:
    """Project states onto a plane, by the 2 x 2 Gram solve, and measure what is left out.

    Args:
        plane: the plane.
        path: a ``Trajectory``, or states of shape (T, n).

    Returns:
        Coordinates, distances from the plane and off-plane shares.

    Raises:
        ValueError: a wrong width, no state, or a state that is not finite.

    Example:
        >>> from gandyn.field import Layout
        >>> from gandyn.planes import coordinate_plane
        >>> plane = coordinate_plane(Layout.scalars(state=["x", "y", "z"]), "x", "y")
        >>> project(plane, np.array([[3.0, 0.0, 4.0]])).off_plane_share
        array([0.4])
    """
    states = like(states_of(path, plane.layout.dim), plane.origin)
    xp = array_namespace(states)
    displacement = states - plane.origin
    around_mean = states - xp.mean(states, axis=0)
    in_plane, whole = in_plane_norms(plane, around_mean), norms(around_mean)
    total = float(np.sum(whole**2))
    return Projection(
        plane=plane,
        coordinates=plane.components(displacement),
        distance=plane.off_plane(states),
        off_plane_share=1.0 - share_of(in_plane_norms(plane, displacement), norms(displacement)),
        path_off_plane_share=max(0.0, 1.0 - float(np.sum(in_plane**2)) / total) if total else 0.0,
    )


def sample(
    system: System,
    plane: Plane,
    extent: Extent | None = None,
    *,
    a: Any = None,
    b: Any = None,
    points: int | tuple[int, int] = 25,
    t: Any = 0,
    chunk: int | None = None,
    tile: int | tuple[int, int] | None = None,
    executor: Executor | None = None,
    store: str | os.PathLike[str] | None = None,
    settings: Mapping[str, Any] | None = None,
    progress: bool = True,
) -> FieldSlice:
    """Sample the velocity of a system on a grid of a plane, in batches.

    Tile, executor and number of workers do not change the result where the system gives a state the same
    velocity in every batch, as games and networks do.

    Args:
        system: the vector field or update map.
        plane: the plane.
        extent: half-width of a square about (0, 0), or ((a_min, a_max), (b_min, b_max)); 1 by default.
        a: horizontal coordinates, shape (na,), in place of ``extent``.
        b: vertical coordinates, shape (nb,), in place of ``extent``.
        points: points along each axis, or along (a, b).
        t: flow time, or the integer step of a map.
        chunk: states evaluated at once; by default as many as fill about a million entries. It does
            not change the result.
        tile: grid points of a tile along b and a, or along both; by default the whole grid, or 8 where
            there is an executor or a store.
        executor: any ``concurrent.futures.Executor`` to compute the tiles by, see ``tiles.compute``.
        store: path of a Zarr store, ending in .zarr, for the tiles as they come. A call that was
            interrupted goes on from there; ``gandyn.load`` and xarray read it.
        settings: numbers, strings, lists and dicts to keep in the store and compare on going on, beside
            grid, plane, constants and fingerprints.
        progress: show a progress bar when on a terminal.

    Returns:
        The slice, with the share of the velocity that lies in the plane at each point.

    Raises:
        ValueError: a plane of another dimension, an empty or non-finite grid, or a store made with other
            settings.

    Example:
        >>> from gandyn.field import Layout, VectorField
        >>> from gandyn.planes import coordinate_plane
        >>> layout = Layout.scalars(state=["x", "y", "z"])
        >>> out = VectorField(lambda x, t: np.ones_like(x), layout)
        >>> sample(out, coordinate_plane(layout, "x", "y"), points=2).in_plane_share.round(6)
        array([[0.816497, 0.816497], [0.816497, 0.816497]])
    """
    if system.layout.dim != plane.layout.dim:
        raise ValueError(
            f"the plane lies in {plane.layout.dim} dimensions and the system in {system.layout.dim}; "
            "make the plane with system.layout"
        )
    a, b = grid(extent, a, b, points)
    clock: Literal["flow", "map"] = "map" if isinstance(system, UpdateMap) else "flow"
    dt = float(getattr(system, "dt", 1.0))
    fields = {"plane": plane, "a": a, "b": b, "clock": clock, "dt": dt, "label": system.label}
    fields["quantity"] = "velocity of the field" if clock == "flow" else "displacement of a step over dt"
    kept = None
    if store is not None:
        decides = _decides(system, t, fields, settings)
        kept = Store(store, ("b", "a"), decides, FieldSlice, fields)
    whole = tile is None and executor is None and store is None
    work = _work(system, plane, a, b, t, chunk, progress and whole)
    arrays = compute(
        work, (len(b), len(a)), tile=tile, executor=executor, store=kept, progress=progress, what="velocities"
    )
    return FieldSlice.from_tiles(arrays, **fields)


def _work(
    system: System, plane: Plane, a: np.ndarray, b: np.ndarray, t: Any, chunk: int | None, progress: bool
) -> Callable[[slice, slice], dict[str, np.ndarray]]:
    """Return what samples a rectangle of the grid."""

    def velocities(rows: slice, columns: slice) -> dict[str, np.ndarray]:
        shape = (len(b[rows]), len(a[columns]))
        found = [
            _seen(system, plane, states, t)
            for _, states in tiles(plane, a[columns], b[rows], chunk, progress, "velocities")
        ]
        velocity, speed, share = (np.concatenate(parts) for parts in zip(*found, strict=True))
        return {
            "velocity": velocity.reshape(*shape, 2),
            "speed": speed.reshape(shape),
            "in_plane_share": share.reshape(shape),
        }

    return velocities


def _seen(system: System, plane: Plane, states: Array, t: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return in-plane velocity, speed and in-plane share at states (k, n)."""
    with np.errstate(all="ignore"):
        whole = system.residual(states, t) / float(getattr(system, "dt", 1.0))
        speed = norms(whole)
        return plane.components(whole), speed, share_of(in_plane_norms(plane, whole), speed)


def _decides(
    system: System, t: Any, fields: Mapping[str, Any], settings: Mapping[str, Any] | None
) -> dict[str, Any]:
    """Return all that decides the values of a slice, for its store."""
    grid = fields["plane"], fields["a"], fields["b"]
    return {"kind": "field slice", **system_settings(system, *grid, t), **(settings or {})}


def system_settings(system: System, plane: Plane, a: np.ndarray, b: np.ndarray, t: Any) -> dict[str, Any]:
    """Return what decides a system on a grid of a plane, for a store."""
    velocity, speed, _ = _seen(system, plane, plane.origin[None, :], t)
    return {
        **grid_settings(plane, a, b),
        "label": system.label,
        "clock": "map" if isinstance(system, UpdateMap) else "flow",
        "dt": float(getattr(system, "dt", 1.0)),
        "t": t,
        "constants": dict(system.constants),
        "velocity_at_origin": rounded([*velocity[0], *speed]),
    }


def grid_settings(plane: Plane, a: np.ndarray, b: np.ndarray) -> dict[str, Any]:
    """Return what decides a grid of a plane, for a store: weights, plane and points."""
    return {
        "plane": plane.kind,
        "axes": list(plane.names),
        "fingerprints": {
            "weights": fingerprint(plane.origin),
            "plane": fingerprint(plane.axes),
            "points": fingerprint(a, b),
        },
        "points": [len(a), len(b)],
        "extent": [[a[0], a[-1]], [b[0], b[-1]]],
    }


def rounded(values: Any) -> list[str]:
    """Return numbers with six digits, to compare what is evaluated again."""
    return [f"{float(value):.6g}" for value in values]


def grid(extent: Extent | None, a: Any, b: Any, points: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return the horizontal and vertical coordinates of a grid, checked."""
    if (a is None) != (b is None) or (a is not None and extent is not None):
        raise ValueError("pass either extent, or both a and b")
    if a is None:
        pair = (points, points) if isinstance(points, int | np.integer) else tuple(points)
        if len(pair) != 2 or any(count < 1 for count in pair):
            raise ValueError(f"points must be a positive integer or two of them, got {points!r}")
        width = 1.0 if extent is None else extent
        sides = ((-width, width),) * 2 if isinstance(width, int | float | np.number) else width
        if np.shape(sides) != (2, 2) or not all(low < high for low, high in sides):
            raise ValueError(
                f"extent must be a positive number or ((a_min, a_max), (b_min, b_max)), got {extent!r}"
            )
        a, b = (np.linspace(low, high, count) for (low, high), count in zip(sides, pair, strict=True))
    a, b = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    for name, values in (("a", a), ("b", b)):
        if values.ndim != 1 or not values.size or not np.all(np.isfinite(values)):
            raise ValueError(f"{name} must be a row of at least one finite number, got shape {values.shape}")
    return a, b


def grid_coordinates(plane: Plane, a: np.ndarray, b: np.ndarray) -> dict[str, Any]:
    """Return the coordinates of a labelled grid, as xarray takes them."""
    names = zip(("a", "b"), (a, b), plane.names, strict=True)
    return {short: (short, values, {"long_name": name}) for short, values, name in names}


def tiles(
    plane: Plane, a: np.ndarray, b: np.ndarray, chunk: int | None, progress: bool, what: str
) -> Iterator[tuple[slice, Array]]:
    """Yield the states of a grid in batches, ``a`` fastest, each with its place in the flat grid."""
    from tqdm import tqdm

    if chunk is not None and chunk < 1:
        raise ValueError(f"chunk must be at least 1, got {chunk}")
    at_once = chunk or max(1, _ENTRIES_AT_ONCE // plane.layout.dim)
    across, up = (values.ravel() for values in np.meshgrid(a, b))
    with tqdm(total=len(across), desc=what, leave=False, disable=None if progress else True) as bar:
        for start in range(0, len(across), at_once):
            where = slice(start, min(start + at_once, len(across)))
            yield where, plane.point(across[where], up[where])
            bar.update(where.stop - where.start)


def in_plane_norms(plane: Plane, u: Array) -> np.ndarray:
    """Return the norm of the in-plane part of directions ``u`` (..., n): shape (...)."""
    parts = plane.components(u)
    return cast(np.ndarray, np.sqrt(np.sum(times(parts, plane.gram) * parts, axis=-1)))


def share_of(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """Return part / whole, at most 1 against rounding; 1 where the whole is 0."""
    return np.where(whole == 0, 1.0, np.minimum(part / np.where(whole == 0, 1.0, whole), 1.0))
