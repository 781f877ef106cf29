"""How fast states near each point of a plane separate within a given time: finite-time exponents."""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from gandyn.arrays import to_numpy
from gandyn.checks import check_option
from gandyn.cycles.section import Planes, Section
from gandyn.field import System, UpdateMap
from gandyn.lyapunov.bundles import STATUSES, Bundle, Span, loop_for
from gandyn.lyapunov.phases import planes_of
from gandyn.planes.plane import Plane
from gandyn.planes.slices import Extent, grid, grid_coordinates, system_settings
from gandyn.tiles import Store, compute

if TYPE_CHECKING:
    import xarray

__all__ = ["FiniteTime", "finite_time"]

#: Codes of states, and their names as a dataset gives them.
_CODES = [-1, 0, 1, 2]
_NAMES = [str(STATUSES[code]) for code in _CODES]
_MEANINGS = " ".join(name.replace(" ", "_") for name in _NAMES)
#: States followed at once, and their steps between looks at Ctrl-C: compiled, and in NumPy.
_CHUNK, _ROUND = 256, 256
_BATCH, _BATCH_ROUND = 2048, 4
#: Numbers that a chunk of states and tangents holds at most.
_NUMBERS = 2**22


@dataclass(frozen=True, eq=False, repr=False)
class FiniteTime:
    """Finite-time Lyapunov exponents over a plane.

    Args:
        plane: the plane.
        a: shape (na,), horizontal coordinates.
        b: shape (nb,), vertical coordinates.
        exponents: shape (nb, na), growth per unit of flow time of the direction that is stretched most;
            NaN where the state diverged or stalled, or was not computed.
        directions: shape (nb, na, 2), that direction at the start, of length 1 in the space of parameters
            and up to its sign, by its part in the plane, in plane coordinates.
        statuses: shape (nb, na), of strings: "finished", "diverged", "stalled" or "not computed".
        time: flow time that states are followed, negative if backwards.
        t0: flow time at which they start, or the number of the first step.
        within: "all" if all directions at the start count, "plane" if those of the plane alone.
        steps: shape (nb, na), steps taken from each state.
        clock: "flow" or "map".
        dt: flow time of one step of the map; 1 for a flow.
        status: "finished" or "interrupted".
        derivatives: "exact" or "central differences".
        label: the system's label.
    """

    plane: Plane
    a: np.ndarray
    b: np.ndarray
    exponents: np.ndarray
    directions: np.ndarray
    statuses: np.ndarray
    time: float
    t0: float
    within: Literal["all", "plane"]
    steps: np.ndarray
    clock: Literal["flow", "map"]
    dt: float
    status: Literal["finished", "interrupted"]
    derivatives: str
    label: str

    @classmethod
    def from_tiles(cls, arrays: Mapping[str, np.ndarray], **fields: Any) -> FiniteTime:
        """Return the result of arrays over the grid, axes (nb, na, ...); blank is what is not computed."""
        known: dict[str, Any] = dict(arrays)
        codes = np.maximum(known.pop("state"), -1)
        status: Literal["finished", "interrupted"] = "interrupted" if np.any(codes == -1) else "finished"
        return cls(statuses=STATUSES[codes], status=status, **known, **fields)

    @property
    def lost(self) -> int:
        """Number of states that diverged or stalled."""
        return int(np.isin(self.statuses, ["diverged", "stalled"]).sum())

    def to_xarray(self) -> xarray.Dataset:
        """Return a dataset with the dimensions ``b`` and ``a``, units and settings in its attributes."""
        import xarray

        rate = {"long_name": "finite-time Lyapunov exponent", "units": "1 / flow time"}
        along = {"long_name": "direction stretched most", "units": "plane coordinates"}
        settings = ("label", "time", "t0", "within", "clock", "dt", "status")
        states = {"long_name": "what became of the state", "flag_meanings": _MEANINGS, "flag_values": _CODES}
        codes = np.argmax(self.statuses[..., None] == np.array(_NAMES), axis=-1).astype(np.int64) - 1
        return xarray.Dataset(
            {
                "exponents": (("b", "a"), self.exponents, rate),
                "directions": (("b", "a", "axis"), self.directions, along),
                "state": (("b", "a"), codes, states),
                "steps": (("b", "a"), self.steps, {"long_name": "steps", "units": "1"}),
            },
            coords={**grid_coordinates(self.plane, self.a, self.b), "axis": list(self.plane.names)},
            attrs={"plane": self.plane.kind, **{name: getattr(self, name) for name in settings}},
        )

    def __str__(self) -> str:
        known = self.exponents[np.isfinite(self.exponents)]
        reach = f"from {known.min():.4g} to {known.max():.4g}" if known.size else "none finite"
        which = "" if self.within == "all" else ", of directions in the plane"
        return (
            f"Finite-time exponents of {self.label or 'a ' + self.clock} on {len(self.a)} x {len(self.b)} "
            f"points over a time of {self.time:g}{which}: {reach}; {self.lost} diverged or stalled "
            f"({self.status})"
        )

    __repr__ = __str__


def finite_time(
    system: System,
    plane: Plane,
    extent: Extent | None = None,
    *,
    a: Any = None,
    b: Any = None,
    points: int | tuple[int, int] = 100,
    t: float | None = None,
    n_steps: int | None = None,
    t0: float = 0,
    within: Literal["all", "plane"] = "all",
    rtol: float = 1e-7,
    atol: float = 1e-9,
    switches: Sequence[Section] | None = None,
    max_norm: float = 1e6,
    tile: int | tuple[int, int] | None = None,
    executor: Executor | None = None,
    store: str | os.PathLike[str] | None = None,
    progress: bool = True,
) -> FiniteTime:
    """Measure how fast states near each point of a plane separate within a time, at most.

    The exponent is that of the largest singular value of the Jacobian of the flow map over the time t::

        (1 / |t|) ln |D phi^t(x)|_2

    Tangents follow the exact linearisation; no neighbours are compared. Ridges of the field forwards in time
    lie along stable manifolds, and of that backwards along unstable ones, as the time grows: they part
    states with different fates. Compiled systems run in threads; others in batches of products ``jvp``.

    Args:
        system: the vector field or update map.
        plane: where to start.
        extent: half-width of a square about (0, 0), or ((a_min, a_max), (b_min, b_max)); 1 by default.
        a: horizontal coordinates, shape (na,), in place of ``extent``.
        b: vertical coordinates, shape (nb,), in place of ``extent``.
        points: points along each axis, or along (a, b).
        t: for a flow, flow time to follow each state; negative to go backwards.
        n_steps: for a map, number of steps.
        t0: flow time at the start, or the number of the first step of a map.
        within: "all" to let every direction at the start count, for which n tangents follow each state;
            "plane" for those of the plane alone, which takes two.
        rtol: relative tolerance of a step of state and tangents.
        atol: absolute tolerance of the state, in units of the parameters.
        switches: planes on which the velocity jumps; without it those of the field's formula. Tangents jump
            there by the saltation matrix.
        max_norm: norm of the state beyond which it has diverged.
        tile: grid points of a tile along b and a, or along both; see ``tiles.compute``.
        executor: any ``concurrent.futures.Executor`` to compute the tiles by.
        store: path of a Zarr store, ending in .zarr, for the tiles as they come. A call that was interrupted
            goes on from there; ``gandyn.load`` and xarray read it.
        progress: show a progress bar when on a terminal.

    Returns:
        The exponents, the same whatever the number of threads or workers; Ctrl-C keeps those that are known,
        in the store where there is one. States of a system that is not compiled share their steps with
        those of their tile: there, another tile changes the result within the tolerance.

    Raises:
        ValueError: a time that does not fit the system, a plane of another dimension, an empty grid, a
            number out of range, or a store made with other settings.
        KeyboardInterrupt: on Ctrl-C, with tiles.

    Sources: Haller 2001; Shadden, Lekien and Marsden 2005.

    Example:
        >>> from gandyn.games.textbook import linear
        >>> from gandyn.planes import coordinate_plane
        >>> saddle = linear([[2.0, 0.0], [0.0, -1.0]])
        >>> found = finite_time(saddle, coordinate_plane(saddle.layout, "x1", "x2"), points=2, t=-3.0)
        >>> found.exponents.round(6)
        array([[1., 1.],
               [1., 1.]])
    """
    begin, end = _times(system, t, n_steps, t0)
    check_option("within", within, ["all", "plane"])
    for name, value in {"rtol": rtol, "atol": atol, "max_norm": max_norm}.items():
        if not 0 < value < math.inf:
            raise ValueError(f"{name} must be positive and finite, got {value}")
    if system.layout.dim != plane.layout.dim:
        raise ValueError(
            f"the plane lies in {plane.layout.dim} dimensions and the system in {system.layout.dim}; "
            "make the plane with system.layout"
        )
    a, b = grid(extent, a, b, points)
    span = Span(begin, end, rtol, atol, max_norm)
    dt = float(getattr(system, "dt", 1.0))
    fields = {
        "plane": plane,
        "a": a,
        "b": b,
        "time": (end - begin) * dt,
        "t0": t0,
        "within": within,
        "clock": "map" if isinstance(system, UpdateMap) else "flow",
        "dt": dt,
        "derivatives": system.derivatives,
        "label": system.label,
    }
    planes = planes_of(system, switches)
    if tile is None and executor is None and store is None:
        survey = _Survey(system, span, planes, plane, a, b, within, progress)
        return FiniteTime.from_tiles(survey.run(), **fields)
    kept = None
    if store is not None:
        decides = _decides(system, span, planes, fields)
        kept = Store(store, ("b", "a"), decides, FiniteTime, fields)
    work = _work(system, span, planes, plane, a, b, within)
    shape = len(b), len(a)
    arrays = compute(
        work, shape, tile=tile, executor=executor, store=kept, progress=progress, what="finite time"
    )
    return FiniteTime.from_tiles(arrays, **fields)


def _decides(system: System, span: Span, planes: Planes | None, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return all that decides the values, for their store."""
    grid = fields["plane"], fields["a"], fields["b"]
    return {
        "kind": "finite-time exponents",
        **system_settings(system, *grid, fields["t0"]),
        **{name: fields[name] for name in ("time", "within")},
        **{name: getattr(span, name) for name in ("rtol", "atol", "max_norm")},
        "switches": None if planes is None else [planes.normals, planes.offsets],
    }


def _work(
    system: System, span: Span, planes: Planes | None, plane: Plane, a: np.ndarray, b: np.ndarray, within: str
) -> Callable[[slice, slice], dict[str, np.ndarray]]:
    """Return what follows the states of a rectangle of the grid."""

    def follow(rows: slice, columns: slice) -> dict[str, np.ndarray]:
        survey = _Survey(system, span, planes, plane, a[columns], b[rows], within, False)
        found = survey.run()
        if survey.interrupted:
            raise KeyboardInterrupt
        return found

    return follow


def _times(system: System, t: float | None, n_steps: int | None, t0: float) -> tuple[float, float]:
    """Return the first and the last time, checked."""
    is_map = isinstance(system, UpdateMap)
    amount, other = (n_steps, t) if is_map else (t, n_steps)
    if amount is None or other is not None or not _fit(is_map, amount, t0):
        what = (
            "a map takes n_steps, a whole number of at least 1, and a whole t0"
            if is_map
            else "a flow takes t, finite and not 0, negative to go backwards, and not n_steps"
        )
        raise ValueError(f"{what}; got t={t}, n_steps={n_steps}, t0={t0}")
    return float(t0), float(t0 + amount)


def _fit(is_map: bool, amount: float, t0: float) -> bool:
    if not (math.isfinite(amount) and math.isfinite(t0)):
        return False
    return amount >= 1 and amount == int(amount) and t0 == int(t0) if is_map else amount != 0


def _basis(plane: Plane, within: str) -> np.ndarray:
    """Return orthonormal directions, shape (k, n): of the whole space, or of the plane."""
    if within == "all":
        return np.eye(plane.layout.dim)
    axes = to_numpy(plane.axes).astype(np.float64)
    return np.ascontiguousarray(np.linalg.qr(axes.T)[0].T)


class _Survey:
    """The grid, chunk after chunk, with what is known so far."""

    def __init__(
        self,
        system: System,
        span: Span,
        planes: Planes | None,
        plane: Plane,
        a: np.ndarray,
        b: np.ndarray,
        within: str,
        progress: bool,
    ) -> None:
        self._plane, self._basis, self._span = plane, _basis(plane, within), span
        self._loop, self._threaded = loop_for(system, span, planes, plane.origin)
        self._time = abs((span.end - span.begin) * float(getattr(system, "dt", 1.0)))
        self._across, self._up = (values.ravel() for values in np.meshgrid(a, b))
        self._shape, self._progress = (len(b), len(a)), progress
        count = len(self._across)
        self._logs, self._directions = np.full(count, np.nan), np.full((count, 2), np.nan)
        self._codes, self._steps = np.full(count, -1), np.zeros(count, dtype=np.int64)
        self.interrupted = False

    def run(self) -> dict[str, np.ndarray]:
        """Follow every state, or those before Ctrl-C; return arrays over the grid."""
        try:
            self._follow_all()
        except KeyboardInterrupt:
            self.interrupted = True
        return {
            "exponents": (self._logs / self._time).reshape(self._shape),
            "directions": self._directions.reshape(*self._shape, 2),
            "state": self._codes.reshape(self._shape),
            "steps": self._steps.reshape(self._shape),
        }

    def _follow_all(self) -> None:
        from tqdm import tqdm

        count, stop = len(self._across), threading.Event()
        most, round_ = (_CHUNK, _ROUND) if self._threaded else (_BATCH, _BATCH_ROUND)
        size = max(1, min(most, _NUMBERS // self._basis.size))
        pieces = [slice(i, min(i + size, count)) for i in range(0, count, size)]

        def follow(piece: slice) -> int:
            bundle = self._bundle(piece)
            with np.errstate(all="ignore"):
                while bundle.open and not stop.is_set():
                    self._loop(bundle, round_)
            self._keep(piece, bundle)
            return piece.stop - piece.start

        pool = ThreadPoolExecutor(min(len(pieces), os.cpu_count() or 1) if self._threaded else 1)
        silent = None if self._progress else True
        bar: Any = tqdm(total=count, desc="finite time", leave=False, disable=silent)
        try:
            for done in pool.map(follow, pieces):
                bar.update(done)
        finally:
            stop.set()
            pool.shutdown(cancel_futures=True)
            bar.close()

    def _bundle(self, piece: slice) -> Bundle:
        states = to_numpy(self._plane.point(self._across[piece], self._up[piece])).astype(np.float64)
        return Bundle.of(states, self._basis, self._span.begin)

    def _keep(self, piece: slice, bundle: Bundle) -> None:
        self._logs[piece], shares = bundle.largest()
        self._directions[piece] = self._plane.components(shares @ self._basis)
        self._codes[piece], self._steps[piece] = bundle.statuses, bundle.steps
