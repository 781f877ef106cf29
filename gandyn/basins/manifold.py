"""Stable and unstable manifolds of saddles, where they are curves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np

from gandyn.arrays import Array, to_numpy
from gandyn.checks import check_floats, check_option
from gandyn.field import System, UpdateMap
from gandyn.fixed_points import FixedPoint, classify, iterated
from gandyn.trajectories.callback import CallbackKernel, kernel_of

__all__ = ["Manifold", "ManifoldKind", "manifold"]

#: Which manifold: what orbits tend to the point along, or what they leave it along.
ManifoldKind: TypeAlias = Literal["stable", "unstable"]

_MAX_STEPS = 1_000_000


@dataclass(frozen=True, eq=False, repr=False)
class Manifold:
    """The stable or unstable manifold of a saddle: its two branches, as curves.

    Args:
        which: "stable" or "unstable".
        point: shape (n,), the saddle; of a periodic orbit one of its points.
        branches: two arrays (m, n), from the saddle outwards; consecutive points at most ``spacing`` apart.
        ends: how each branch ended: "length reached", "out of points", "left the bound", "came to rest"
            (at another fixed point), "no preimage" (the map cannot be inverted there), "stuck" (a jump or a
            pole) or "not computed".
        eigenvalue: of the Jacobian, or multiplier of a round of the orbit, that belongs to the curve.
        direction: shape (n,), its unit eigenvector.
        period: steps of a round of the orbit; 1 for a fixed point and a flow.
        spacing: largest distance of consecutive points.
        evaluations: evaluations of the flow; images or preimages of a map.
        status: "finished" or "interrupted".
        names: names of the entries of the state.
        label: the system's label.
    """

    which: ManifoldKind
    point: np.ndarray
    branches: tuple[np.ndarray, ...]
    ends: tuple[str, ...]
    eigenvalue: float
    direction: np.ndarray
    period: int
    spacing: float
    evaluations: int
    status: str
    names: tuple[str, ...]
    label: str

    @property
    def lengths(self) -> tuple[float, ...]:
        """Length of each branch."""
        return tuple(float(np.sum(_chords(branch))) for branch in self.branches)

    def __str__(self) -> str:
        at = ", ".join(f"{value:.6g}" for value in np.round(self.point[:4], 9) + 0.0)
        parts = [
            f"  {length:.5g} long, {len(branch)} points: {end}"
            for branch, length, end in zip(self.branches, self.lengths, self.ends, strict=True)
        ]
        head = f"{self.which} manifold of the saddle ({at}) of {self.label or 'a system'}, eigenvalue "
        return "\n".join([f"{head}{self.eigenvalue:.6g} ({self.status})", *parts])

    __repr__ = __str__


def _chords(branch: np.ndarray) -> np.ndarray:
    return np.asarray(np.linalg.norm(np.diff(branch, axis=0), axis=-1))


def manifold(
    system: System,
    point: FixedPoint | Array,
    which: ManifoldKind,
    *,
    length: float,
    spacing: float | None = None,
    offset: float = 1e-6,
    bend: float = 0.2,
    period: int = 1,
    max_points: int = 100_000,
    max_norm: float = 1e6,
    rtol: float = 1e-9,
    atol: float = 1e-11,
    progress: bool = True,
) -> Manifold:
    """Return the stable or unstable manifold of a saddle that has one eigenvalue on that side.

    Of a flow each branch is an orbit, backwards in time where it is stable, from the saddle along the
    eigenvector. Of a map it is grown: points of a short segment along the eigenvector, which one round
    of the map stretches onto its own continuation, are mapped again and again, and chosen so that neither
    gaps nor turns are large. A stable manifold takes preimages by Newton's method on the exact Jacobian.

    Args:
        system: the vector field or update map; autonomous.
        point: a saddle: a result of ``find_fixed_points``, or a state of shape (n,) at rest.
        which: "stable" or "unstable".
        length: arc length of each branch.
        spacing: largest distance of consecutive points; 1/1000 of the length by default.
        offset: where a branch begins, in units of 1 + |point|: it is off the manifold by about its square.
        bend: sine of the largest turn of a map's manifold from one point to the next.
        period: steps after which a map returns to ``point``, where a state is given.
        max_points: points of each branch at most.
        max_norm: norm of the state beyond which a branch ends.
        rtol: relative tolerance of a flow.
        atol: absolute tolerance of a flow.
        progress: show a progress bar when on a terminal.

    Returns:
        The manifold; ``ends`` says how far each branch came. Ctrl-C keeps the branch that is done.

    Raises:
        ValueError: a point not at rest, one that does not have exactly one eigenvalue on that side, or a
            number out of range.

    Sources: growing manifolds of maps, Hobson 1993; Krauskopf and Osinga 1998.

    Example:
        >>> from gandyn.field import Layout, VectorField
        >>> flow = VectorField(lambda x, t: np.stack([x[..., 0] - x[..., 0] ** 3, -x[..., 1]], axis=-1),
        ...                    Layout.scalars(state=["x", "y"]))
        >>> found = manifold(flow, np.zeros(2), "unstable", length=2.0)
        >>> sorted(branch[-1].round(6).tolist() for branch in found.branches), found.ends
        ([[-1.0, 0.0], [1.0, 0.0]], ('came to rest', 'came to rest'))
    """
    check_option("which", which, ["stable", "unstable"])
    _check_sizes(
        length=length,
        offset=offset,
        bend=bend,
        max_points=max_points,
        max_norm=max_norm,
        rtol=rtol,
        atol=atol,
    )
    spacing = length / 1000 if spacing is None else spacing
    _check_sizes(spacing=spacing)
    saddle = _saddle(system, point, period)
    value, direction = _direction(system, saddle, which)
    template = saddle.x if isinstance(point, FixedPoint) else point
    start = offset * (1 + float(np.linalg.norm(saddle.x))) * direction
    grower = _Grower(system, template, which, length, spacing, bend, max_norm, rtol, atol, int(max_points))
    branches, ends, evaluations, status = _both(grower, saddle.orbit, start, value, progress)
    return Manifold(
        which, saddle.x, branches, ends, value, direction, saddle.period, spacing, evaluations, status,
        system.layout.entry_names, system.label,
    )  # fmt: skip


def _check_sizes(**sizes: float) -> None:
    for name, value in sizes.items():
        if not 0 < value < np.inf:
            raise ValueError(f"{name} must be positive and finite, got {value}")


def _saddle(system: System, point: FixedPoint | Array, period: int) -> FixedPoint:
    if isinstance(point, FixedPoint):
        return point
    check_floats("point", point, (system.layout.dim,))
    saddle = classify(system, point, period=period)
    if not saddle.residual <= 1e-6 * (1 + float(np.linalg.norm(saddle.x))):
        raise ValueError(
            f"the point must be at rest, its residual is {saddle.residual:.2g}; polish it with fixed_point"
        )
    return saddle


def _direction(system: System, saddle: FixedPoint, which: ManifoldKind) -> tuple[float, np.ndarray]:
    """Return the one eigenvalue on this side, and its unit eigenvector."""
    chosen = saddle.growth_rates > 0 if which == "unstable" else saddle.growth_rates < 0
    if int(np.sum(chosen)) != 1 or not saddle.complete:
        raise ValueError(
            f"the {which} manifold is a curve where exactly one eigenvalue lies on that side; of "
            f"{np.round(saddle.eigenvalues, 6).tolist()} {int(np.sum(chosen))} do"
        )
    value = float(saddle.eigenvalues[chosen][0].real)
    whole = iterated(system, saddle.period)
    values, vectors = np.linalg.eig(to_numpy(whole.jac(saddle.x)).astype(np.float64))
    vector = np.real(vectors[:, np.argmin(np.abs(values - value))])
    return value, vector * (1 if vector[np.argmax(np.abs(vector))] > 0 else -1) / np.linalg.norm(vector)


@dataclass(frozen=True, eq=False)
class _Grower:
    """What grows one branch."""

    system: System
    template: Array
    which: ManifoldKind
    length: float
    spacing: float
    bend: float
    max_norm: float
    rtol: float
    atol: float
    max_points: int

    def branch(self, orbit: np.ndarray, start: np.ndarray, value: float) -> tuple[np.ndarray, str, int]:
        """Return the branch that leaves ``orbit[0]`` along ``start``, how it ended, and evaluations."""
        from gandyn.basins.growth import ENDED

        kernel = kernel_of(self.system, self.template)
        points = np.empty((self.max_points, len(start)))
        run = self._image if isinstance(self.system, UpdateMap) else self._orbit
        count, ended, evaluations = run(kernel, orbit, start, value, points)
        if isinstance(kernel, CallbackKernel):
            kernel.check()
        return np.concatenate([orbit[:1], points[:count]]), ENDED[ended], int(evaluations)

    def _orbit(
        self, kernel: Any, orbit: np.ndarray, start: np.ndarray, value: float, points: np.ndarray
    ) -> tuple[int, int, int]:
        from gandyn.basins.growth import trace

        parts, way = (kernel.params, kernel.nodes, kernel.plan), -1.0 if self.which == "stable" else 1.0
        sizes = (self.length, self.spacing, self.rtol, self.atol, self.max_norm)
        found: tuple[int, int, int] = trace(
            kernel.velocity, *parts, way, orbit[0] + start, *sizes, _MAX_STEPS, points
        )
        return found

    def _image(
        self, kernel: Any, orbit: np.ndarray, start: np.ndarray, value: float, points: np.ndarray
    ) -> tuple[int, int, int]:
        from gandyn.basins.growth import grow

        inverse = self.which == "stable"
        if inverse:
            orbit, value = np.roll(orbit[::-1], 1, axis=0), 1 / value
        if value < 0:
            orbit, value = np.concatenate([orbit, orbit]), value * value
        functions = (kernel.velocity, kernel.jacobian, kernel.params, kernel.nodes, kernel.plan)
        sizes = (self.length, self.spacing, self.bend, self.max_norm)
        found: tuple[int, int, int] = grow(
            *functions, inverse, np.ascontiguousarray(orbit), start, value, *sizes, points
        )
        return found


def _both(
    grower: _Grower, orbit: np.ndarray, start: np.ndarray, value: float, progress: bool
) -> tuple[tuple[np.ndarray, ...], tuple[str, ...], int, str]:
    """Return both branches, how they ended, the evaluations and the status."""
    from tqdm import tqdm

    branches, ends, evaluations = [orbit[:1], orbit[:1]], ["not computed", "not computed"], 0
    try:
        for i, sign in tqdm(
            enumerate((1, -1)), total=2, desc="branches", leave=False, disable=None if progress else True
        ):
            branches[i], ends[i], count = grower.branch(orbit, sign * start, value)
            evaluations += count
    except KeyboardInterrupt:
        return tuple(branches), tuple(ends), evaluations, "interrupted"
    return tuple(branches), tuple(ends), evaluations, "finished"
