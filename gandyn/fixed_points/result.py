"""The results: a fixed point with its verdict, a continuum of them, and what a search found."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

__all__ = ["OUTCOMES", "Continuum", "FixedPoint", "FixedPoints"]

#: How Newton's method ended from a start, by its code in ``FixedPoints.outcomes``.
OUTCOMES = ("converged", "diverged", "left the box", "singular", "undecided", "not computed")


def _place(x: np.ndarray) -> str:
    more = ", ..." if len(x) > 4 else ""
    return "(" + ", ".join(f"{value:.6g}" for value in np.round(x[:4], 9) + 0.0) + more + ")"


@dataclass(frozen=True, eq=False, repr=False)
class FixedPoint:
    """A fixed point of a flow or a map, judged for the flow, for its steps and as a game.

    Args:
        x: shape (n,), float64.
        residual: norm of what vanishes there, ``|v(x)|`` or ``|F(x) - x|``.
        status: "converged", or why not: then the rest describes the last state.
        clock: "flow" or "map".
        dt: flow time of one step of the map, of one round of a periodic orbit; 1 for a flow.
        orbit: shape (p, n): the periodic orbit of a map through x; one row for a fixed point.
        eigenvalues: shape (k,), complex128: of J for a flow, multipliers for a map, of the product of
            the p Jacobians for an orbit; largest growth first.
        growth_rates: shape (k,), per unit of flow time.
        complete: whether these are all n eigenvalues.
        kind: "stable node", "unstable node", "stable focus", "unstable focus", "saddle", "centre" or
            "non-hyperbolic". In n dimensions: a focus where any eigenvalue is complex, a centre where all
            are complex and on the boundary of stability, non-hyperbolic where only some are.
        tolerance: distance from the boundary of stability (imaginary axis, unit circle) below which an
            eigenvalue counts as on it, and imaginary part below which it counts as real.
        counts: eigenvalues by sort: "c+" and "c-" complex and growing or decaying, "im" on the
            boundary, "r+" and "r-" real.
        stable: whether all modes decay; None where the eigenvalues cannot tell.
        critical_step: h*, below which simultaneous descent of the flow is stable; None for a map.
        step_loss: how a larger step loses stability: "period doubling" or "Neimark-Sacker"; None
            for a map, or where no step is stable.
        step_angle: argument of the multiplier that leaves the unit circle at h*, in [0, pi].
        stable_ratios: shape (m, 2): intervals of the discriminator's learning rate over the generator's,
            within [1e-4, 1e4], in which the flow is stable; None without two players, or for a map.
        game: "differential Nash" (both players' own Hessians are positive definite, and stable), "stable,
            not Nash", "Nash, not stable", "neither", "undecided" (a Hessian is singular, or stability is
            open); None without two players, or for a map, whose losses are not known.
        hessians: eigenvalues of the generator's, then the discriminator's own Hessian, rising; or empty.
        reactivity: fastest growth of any small disturbance at the first instant, per unit of flow time:
            the largest eigenvalue of (J + J^T)/2, or ln(sigma_max)/dt of a map; None where not dense.
        max_amplification: largest factor by which a disturbance is ever multiplied, sup |exp(tJ)| or
            max |M^n|; infinite where unstable; None where not dense.
        amplification_time: flow time at which that is reached.
        evaluations: evaluations of the system on the way.
        message: what happened, in words.
        label: the system's label.
    """

    x: np.ndarray
    residual: float
    status: str
    clock: Literal["flow", "map"]
    dt: float
    orbit: np.ndarray
    eigenvalues: np.ndarray
    growth_rates: np.ndarray
    complete: bool
    kind: str
    tolerance: float
    counts: dict[str, int]
    stable: bool | None
    critical_step: float | None
    step_loss: str | None
    step_angle: float | None
    stable_ratios: np.ndarray | None
    game: str | None
    hessians: tuple[np.ndarray, ...]
    reactivity: float | None
    max_amplification: float | None
    amplification_time: float | None
    evaluations: int
    message: str
    label: str

    @property
    def period(self) -> int:
        """Number of points of the orbit; 1 for a fixed point."""
        return len(self.orbit)

    def __str__(self) -> str:
        shown = ", ".join(f"{value:.5g}" for value in self.eigenvalues[:4])
        name = self.kind if self.period == 1 else f"{self.kind}, orbit of period {self.period}"
        lines = [
            f"{name} of {self.label or 'a ' + self.clock} at {_place(self.x)}: {self.status}",
            f"  eigenvalues {shown}; residual {self.residual:.1e}",
        ]
        if self.step_loss:
            lines.append(
                f"  simultaneous descent is stable for h < {self.critical_step:.6g} ({self.step_loss})"
            )
        if self.game:
            lines.append(f"  as a game: {self.game}")
        if self.max_amplification is not None:
            lines.append(f"  disturbances grow by at most {self.max_amplification:.4g}")
        return "\n".join([*lines, *([f"  {self.message}"] if self.message else [])])

    __repr__ = __str__


@dataclass(frozen=True, eq=False, repr=False)
class Continuum:
    """A connected set of fixed points, such as a line of equilibria.

    Args:
        dimension: dimension of the set, that of the kernel of the Jacobian all along it.
        samples: shape (m, n), points of it.
        residual: largest norm of what vanishes at the samples.
        transverse_growth: shape (m,), largest growth rate across the set at each sample; negative where
            the set attracts.
    """

    dimension: int
    samples: np.ndarray
    residual: float
    transverse_growth: np.ndarray

    def __str__(self) -> str:
        low, high = _place(self.samples.min(axis=0)), _place(self.samples.max(axis=0))
        share = np.mean(self.transverse_growth < 0)
        return (
            f"continuum of fixed points of dimension {self.dimension}, seen from {low} to {high}, "
            f"attracting at {share:.0%} of {len(self.samples)} samples"
        )

    __repr__ = __str__


@dataclass(frozen=True, eq=False, repr=False)
class FixedPoints:
    """What a search for fixed points found, how it searched and what is certain.

    Args:
        points: the isolated fixed points, in the order of their coordinates.
        continua: the connected sets of them.
        starts: shape (m, n), where Newton's method started.
        outcomes: shape (m,), code of how it ended from each start; ``OUTCOMES`` has the names.
        found: shape (m,): the point that each start led to; number of points plus that of the
            continuum; -1 for none.
        evaluations: evaluations of the system with its Jacobian.
        status: "finished" or "interrupted".
        certificate: what ``certify`` proved, or None.
        label: the system's label.
    """

    points: tuple[FixedPoint, ...]
    continua: tuple[Continuum, ...]
    starts: np.ndarray
    outcomes: np.ndarray
    found: np.ndarray
    evaluations: int
    status: str
    certificate: Any
    label: str

    @property
    def counts(self) -> dict[str, int]:
        """Number of starts by outcome."""
        return {name: int(np.sum(self.outcomes == code)) for code, name in enumerate(OUTCOMES)}

    def __iter__(self) -> Iterator[FixedPoint]:
        return iter(self.points)

    def __len__(self) -> int:
        return len(self.points)

    def __str__(self) -> str:
        ends = ", ".join(f"{count} {name}" for name, count in self.counts.items() if count)
        known = "the search alone proves neither that these are all nor that each is one"
        lines = [
            f"{len(self.points)} fixed points and {len(self.continua)} continua of "
            f"{self.label or 'a system'} ({self.status})",
            f"  Newton's method from {len(self.starts)} starts: {ends}",
            *(f"  {point.kind} at {_place(point.x)}" for point in self.points[:8]),
            *(["  ..."] if len(self.points) > 8 else []),
            *(f"  {continuum}" for continuum in self.continua),
            f"  {self.certificate or known}",
        ]
        return "\n".join(lines)

    __repr__ = __str__
