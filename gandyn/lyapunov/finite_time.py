"""How fast states near each point of a plane separate within a given time: finite-time exponents."""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from gandyn.arrays import to_numpy
from gandyn.checks import check_option
from gandyn.cycles.section import Section
from gandyn.field import System, UpdateMap
from gandyn.lyapunov.bundles import STATUSES, Bundle, Span, loop_for
from gandyn.lyapunov.phases import planes_of
from gandyn.planes.plane import Plane
from gandyn.planes.slices import Extent, grid, grid_coordinates

if TYPE_CHECKING:
    import xarray

__all__ = ["FiniteTime", "finite_time"]

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
        steps: steps taken, of all states together.
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
    steps: int
    clock: Literal["flow", "map"]
    dt: float
    status: Literal["finished", "interrupted"]
    derivatives: str
    label: str

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
        return xarray.Dataset(
            {
                "exponents": (("b", "a"), self.exponents, rate),
                "directions": (("b", "a", "axis"), self.directions, along),
                "status": (("b", "a"), self.statuses),
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
        progress: show a progress bar when on a terminal.

    Returns:
        The exponents, the same whatever the number of threads; Ctrl-C keeps those that are known.

    Raises:
        ValueError: a time that does not fit the system, a plane of another dimension, an empty grid, or a
            number out of range.

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
    loop, threaded = loop_for(system, span, planes_of(system, switches), plane.origin)
    survey = _Survey(plane, a, b, _basis(plane, within), begin)
    status = survey.run(loop, threaded, progress)
    dt = float(getattr(system, "dt", 1.0))
    shape = len(b), len(a)
    return FiniteTime(
        plane=plane,
        a=a,
        b=b,
        exponents=(survey.logs / abs((end - begin) * dt)).reshape(shape),
        directions=survey.directions.reshape(*shape, 2),
        statuses=STATUSES[survey.codes].reshape(shape),
        time=(end - begin) * dt,
        t0=t0,
        within=within,
        steps=survey.steps,
        clock="map" if isinstance(system, UpdateMap) else "flow",
        dt=dt,
        status=status,
        derivatives=system.derivatives,
        label=system.label,
    )


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

    def __init__(self, plane: Plane, a: np.ndarray, b: np.ndarray, basis: np.ndarray, begin: float) -> None:
        self._plane, self._basis, self._begin = plane, basis, begin
        self._across, self._up = (values.ravel() for values in np.meshgrid(a, b))
        count = len(self._across)
        self.logs, self.directions = np.full(count, np.nan), np.full((count, 2), np.nan)
        self.codes, self.steps = np.full(count, -1), 0

    def run(self, loop: Any, threaded: bool, progress: bool) -> Literal["finished", "interrupted"]:
        """Follow every state; Ctrl-C ends it between rounds."""
        from tqdm import tqdm

        count, stop = len(self._across), threading.Event()
        most, round_ = (_CHUNK, _ROUND) if threaded else (_BATCH, _BATCH_ROUND)
        size = max(1, min(most, _NUMBERS // self._basis.size))
        pieces = [slice(i, min(i + size, count)) for i in range(0, count, size)]

        def follow(piece: slice) -> int:
            bundle = self._bundle(piece)
            with np.errstate(all="ignore"):
                while bundle.open and not stop.is_set():
                    loop(bundle, round_)
            self._keep(piece, bundle)
            return bundle.steps

        pool = ThreadPoolExecutor(min(len(pieces), os.cpu_count() or 1) if threaded else 1)
        bar: Any = tqdm(total=count, desc="finite time", leave=False, disable=None if progress else True)
        try:
            for piece, steps in zip(pieces, pool.map(follow, pieces), strict=True):
                self.steps += steps
                bar.update(piece.stop - piece.start)
        except KeyboardInterrupt:
            return "interrupted"
        finally:
            stop.set()
            pool.shutdown(cancel_futures=True)
            bar.close()
        return "finished"

    def _bundle(self, piece: slice) -> Bundle:
        states = to_numpy(self._plane.point(self._across[piece], self._up[piece])).astype(np.float64)
        return Bundle.of(states, self._basis, self._begin)

    def _keep(self, piece: slice, bundle: Bundle) -> None:
        self.logs[piece], shares = bundle.largest()
        self.directions[piece] = self._plane.components(shares @ self._basis)
        self.codes[piece] = bundle.statuses
