"""Do tangent vectors align, and how fast: SALI and GALI, two tests of chaos."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal, TypeAlias

import numpy as np

from gandyn.arrays import Array, to_numpy
from gandyn.checks import check_floats
from gandyn.cycles.section import Section
from gandyn.field import System, UpdateMap
from gandyn.lyapunov.phases import amount_of, first_tangents
from gandyn.lyapunov.result import Status

__all__ = ["Alignment", "alignment"]

Verdict: TypeAlias = Literal["chaotic", "regular", "undecided"]

_RECORDS = 100
#: A tangent that grows like a power of the time, t^p, grows by 2^p in the second half of it.
_EXPONENTIAL, _POWER = math.log(1e2), math.log(1e1)


@dataclass(frozen=True, eq=False, repr=False)
class Alignment:
    """How k tangents of unit length align along an orbit.

    Args:
        times: shape (r,), flow time since the start of the tangents, spread evenly in its logarithm.
        gali: shape (r,), GALI_k: the volume of the parallelepiped of the k unit tangents, from 1 to 0.
        sali: shape (r,), SALI of the first two: ``min(|u + w|, |u - w|)``, from sqrt 2 to 0.
        growth: shape (r,), logarithm of the length to which the first tangent would have grown.
        threshold: what GALI must fall below to count as aligned.
        k: number of tangents.
        clock: "flow" or "map".
        dt: flow time of one step of the map; 1 for a flow.
        status: "finished", "interrupted", "diverged" or "stalled".
        message: what happened, in words.
        label: the system's label.
    """

    times: np.ndarray
    gali: np.ndarray
    sali: np.ndarray
    growth: np.ndarray
    threshold: float
    k: int
    clock: Literal["flow", "map"]
    dt: float
    status: Status
    message: str
    label: str

    @property
    def late_growth(self) -> float:
        """By how much the logarithm of the first tangent grew in the second half of the time."""
        if not len(self.times):
            return math.nan
        if self.growth[-1] == -math.inf:
            return -math.inf
        half = np.interp(self.times[-1] / 2, self.times, self.growth)
        return float(self.growth[-1] - half)

    @property
    def verdict(self) -> Verdict:
        """Whether the orbit is "chaotic", "regular", or "undecided".

        Chaotic: GALI fell below the threshold, and the first tangent grew by more than a factor 100 in the
        second half of the time, which no power of the time below the sixth does. Regular: it grew by less
        than a factor 10 there, however GALI fell: beside a stable cycle it falls exponentially too.
        Anything else is undecided, as is an orbit that did not finish.
        """
        if self.status != "finished":
            return "undecided"
        if self.late_growth > _EXPONENTIAL and self.gali[-1] < self.threshold:
            return "chaotic"
        return "regular" if self.late_growth < _POWER else "undecided"

    @property
    def decay_rate(self) -> float:
        """Rate at which GALI falls, per unit of flow time: minus the slope of its logarithm.

        Fitted between 1e-2 and the threshold; NaN with fewer than four records there. Along a chaotic orbit
        it tends to ``sum_(j <= k) (l_1 - l_j)``.
        """
        inside = (self.gali < 1e-2) & (self.gali > self.threshold)
        if np.sum(inside) < 4:
            return math.nan
        return -float(np.polyfit(self.times[inside], np.log(self.gali[inside]), 1)[0])

    def __str__(self) -> str:
        last = (
            f"GALI_{self.k} {self.gali[-1]:.2g}, SALI {self.sali[-1]:.2g} at t = {self.times[-1]:.6g}; "
            f"the first tangent grew by exp({self.late_growth:.3g}) in the second half"
            if len(self.times)
            else "no record"
        )
        return f"Alignment along {self.label or 'a ' + self.clock}: {self.verdict}; {last}; {self.status}" + (
            f"; {self.message}" if self.message else ""
        )

    __repr__ = __str__


def alignment(
    system: System,
    x0: Array,
    *,
    n_steps: int | None = None,
    t_end: float | None = None,
    k: int = 2,
    transient: float = 0,
    t0: float = 0,
    threshold: float = 1e-12,
    rtol: float = 1e-8,
    atol: float = 1e-10,
    switches: Sequence[Section] | None = None,
    max_norm: float = 1e6,
    seed: int = 0,
    progress: bool = True,
) -> Alignment:
    """Follow k tangent vectors of unit length, and see whether they fall onto each other.

    They are brought back to unit length after every step, but not made orthogonal. Then, for a flow or a map
    with exponents l_1 >= l_2 >= ... along its orbit::

        GALI_k = |u_1 ^ ... ^ u_k|,    SALI = min(|u_1 + u_2|, |u_1 - u_2|)
        chaotic orbit:    GALI_k ~ exp(-((l_1 - l_2) + ... + (l_1 - l_k)) t)
        regular orbit of a conservative system, on a torus of dimension s:
            constant for 2 <= k <= s, and a power of t for larger k; 1/t^2 for k = 2 on a circle of a map

    In a dissipative system GALI falls exponentially beside a stable cycle or node too, where l_1 > l_2: the
    verdict therefore also asks whether the first tangent grows.

    Args:
        system: the vector field or update map, of at least two entries.
        x0: the start, shape (n,), floating point, finite.
        n_steps: for a map, steps to follow the tangents over.
        t_end: for a flow, flow time to follow them over, from the end of the transient.
        k: number of tangents, 2 to n.
        transient: steps of a map, or flow time, before the tangents start.
        t0: flow time at the start, or the number of the first step of a map.
        threshold: GALI below which the tangents count as aligned; rounding ends at about 1e-16.
        rtol: relative tolerance of a step of state and tangents.
        atol: absolute tolerance of the state, in units of the parameters.
        switches: planes on which the velocity jumps; without it those of the field's formula.
        max_norm: norm of the state beyond which it has diverged.
        seed: seed of the first tangents, which are orthonormal.
        progress: show a progress bar when on a terminal.

    Returns:
        The volumes over time, with a verdict; look at ``status``. Ctrl-C returns what was measured.

    Raises:
        TypeError: ``x0`` is not an array of floats.
        ValueError: a value out of range, or a system of one entry.

    Sources: SALI: Skokos 2001; GALI: Skokos, Bountis and Antonopoulos 2007; maps of two dimensions: Manos,
    Skokos and Antonopoulos 2012.

    Example:
        >>> from gandyn.games.textbook import standard_map
        >>> chaotic = alignment(standard_map(3.0), np.array([0.1, 0.1]), n_steps=1000)
        >>> regular = alignment(standard_map(0.5), np.array([np.pi, 0.5]), n_steps=1000)
        >>> chaotic.verdict, regular.verdict
        ('chaotic', 'regular')
    """
    from tqdm import tqdm

    from gandyn.lyapunov.walks import walk_for

    bounds = _record_times(system, x0, n_steps, t_end, k, transient, threshold)
    walk = walk_for(system, x0, t0, rtol=rtol, atol=atol, switches=switches, max_norm=max_norm)
    rows: list[tuple[float, float, float, float]] = []
    try:
        status = walk.go(0, transient)
        walk.begin(first_tangents(walk.x, k, seed))
        pairs = list(pairwise((transient + bounds).tolist()))
        for begin, end in tqdm(pairs, desc="alignment", leave=False, disable=None if progress else True):
            status = walk.go(begin, end) if status == "finished" else status
            if status != "finished":
                break
            rows.append((end - transient, *_volumes(to_numpy(walk.tangents)), float(walk.growth[0])))
    except KeyboardInterrupt:
        status = "interrupted"
    return _result(system, rows, status, k, threshold)


def _result(system: System, rows: list[Any], status: Status, k: int, threshold: float) -> Alignment:
    times, gali, sali, growth = np.array(rows, dtype=np.float64).reshape(-1, 4).T
    dt = float(getattr(system, "dt", 1.0))
    return Alignment(
        times=times * dt,
        gali=gali,
        sali=sali,
        growth=growth,
        threshold=threshold,
        k=k,
        clock="map" if isinstance(system, UpdateMap) else "flow",
        dt=dt,
        status=status,
        message="" if status == "finished" else f"{status} after {len(times)} records",
        label=system.label,
    )


def _record_times(
    system: System,
    x0: Array,
    n_steps: int | None,
    t_end: float | None,
    k: int,
    transient: float,
    threshold: float,
) -> np.ndarray:
    """Check the arguments; return the steps or times between which the tangents are followed, from 0 on."""
    n, is_map = system.layout.dim, isinstance(system, UpdateMap)
    check_floats("x0", x0, (n,))
    amount = amount_of(system, n_steps, t_end)
    if not 2 <= k <= n:
        raise ValueError(f"k must be from 2 to the {n} entries of the state, got {k}; one cannot align")
    if not 0 <= transient < math.inf or (is_map and transient != int(transient)):
        raise ValueError(f"transient must be finite, not negative, and whole for a map, got {transient}")
    if not 0 < threshold < 1:
        raise ValueError(f"threshold must lie between 0 and 1, got {threshold}")
    if is_map:
        return np.append(0, np.unique(np.geomspace(1, amount, _RECORDS).round().astype(int)))
    return np.append(0.0, np.geomspace(1e-3 * amount, amount, _RECORDS))


def _volumes(tangents: np.ndarray) -> tuple[float, float]:
    """Return GALI of unit rows, the product of their singular values, and SALI of the first two."""
    u, w = tangents[0].astype(np.float64), tangents[1].astype(np.float64)
    volume = float(np.prod(np.linalg.svd(tangents.astype(np.float64), compute_uv=False)))
    return volume, float(min(np.linalg.norm(u + w), np.linalg.norm(u - w)))
