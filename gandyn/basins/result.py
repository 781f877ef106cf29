"""The results: attractors, and which of them every start reaches."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

if TYPE_CHECKING:
    import xarray

__all__ = [
    "ESCAPED",
    "LEFT_THE_BOX",
    "NOT_COMPUTED",
    "OUTCOMES",
    "UNDECIDED",
    "Attractor",
    "AttractorKind",
    "Basins",
    "Share",
]

#: The norm of the state exceeded ``max_norm``, or a velocity or next state was not finite.
ESCAPED = -1
#: Outside the larger box for ``away_steps`` steps in a row, and given up there.
LEFT_THE_BOX = -2
#: Settled on no attractor within ``max_steps``, or the flow's steps shrank to nothing at a jump or a pole.
UNDECIDED = -3
#: Not followed to an end: the run was interrupted.
NOT_COMPUTED = -4
#: What the labels of starts that reach no attractor mean.
OUTCOMES: dict[int, str] = {
    ESCAPED: "escaped",
    LEFT_THE_BOX: "left the box",
    UNDECIDED: "undecided",
    NOT_COMPUTED: "not computed",
}

#: A periodic orbit is one of a map, a cycle one of a flow.
AttractorKind: TypeAlias = Literal["fixed point", "periodic orbit", "cycle", "torus", "chaotic"]


@dataclass(frozen=True, eq=False, repr=False)
class Attractor:
    """A set that orbits settle on.

    Args:
        kind: "fixed point", "periodic orbit" of a map, "cycle" of a flow, "torus" (quasi-periodic) or
            "chaotic" (the largest exponent is positive).
        samples: shape (m, n), states on it: all points of a fixed point or periodic orbit.
        period: steps after which a map returns, flow time after which a cycle does; 0 for a fixed point
            and NaN where there is none.
        exponents: shape (k,), the largest Lyapunov exponents per unit of flow time, falling; of a fixed
            point or periodic orbit its growth rates.
        exponent_errors: shape (k,), their standard errors from means over parts of the orbit; 0 for a
            fixed point or periodic orbit, which are exact to rounding.
    """

    kind: AttractorKind
    samples: np.ndarray
    period: float
    exponents: np.ndarray
    exponent_errors: np.ndarray

    @property
    def centre(self) -> np.ndarray:
        """Mean of the samples, shape (n,)."""
        return np.asarray(self.samples.mean(axis=0))

    def __str__(self) -> str:
        first = ", ".join(f"{value:.6g}" for value in np.round(self.samples[0][:4], 9) + 0.0)
        period = f" of period {self.period:.6g}" if self.period > 0 else ""
        error = f" +- {self.exponent_errors[0]:.1g}" if self.exponent_errors[0] > 0 else ""
        return f"{self.kind}{period} through ({first}), largest exponent {self.exponents[0]:.5g}{error}"

    __repr__ = __str__


@dataclass(frozen=True)
class Share:
    """A share of the starts with its Wilson interval of 95 %.

    The interval is that of independent starts; a regular grid of starts does better.

    Args:
        count: starts with the label.
        total: starts that were computed.

    Source: Wilson 1927.

    Example:
        >>> share = Share(50, 100)
        >>> share.value, round(share.low, 4), round(share.high, 4)
        (0.5, 0.4038, 0.5962)
    """

    count: int
    total: int

    @property
    def value(self) -> float:
        """The share; NaN of no start."""
        return self.count / self.total if self.total else math.nan

    @property
    def low(self) -> float:
        """Lower end of the interval."""
        return max(self._middle - self.error, 0.0)

    @property
    def high(self) -> float:
        """Upper end of the interval."""
        return min(self._middle + self.error, 1.0)

    @property
    def error(self) -> float:
        """Half the width of the interval."""
        if not self.total:
            return math.nan
        spread = self.value * (1 - self.value) / self.total + (_Z / (2 * self.total)) ** 2
        return _Z * math.sqrt(spread) / (1 + _Z**2 / self.total)

    @property
    def _middle(self) -> float:
        if not self.total:
            return math.nan
        return (self.value + _Z**2 / (2 * self.total)) / (1 + _Z**2 / self.total)

    def __str__(self) -> str:
        return f"{self.value:.4f} +- {self.error:.4f}"


_Z = 1.959963984540054


@dataclass(frozen=True, eq=False, repr=False)
class Basins:
    """The attractor that every start reaches.

    Args:
        labels: int32, the number of the attractor in ``attractors``, or ESCAPED, LEFT_THE_BOX, UNDECIDED or
            NOT_COMPUTED; on a grid of two entries shape (nb, na), of one (na,), else (m,) as the starts.
        steps: int32, same shape: steps until the label was decided, of a map or of the integrator.
        attractors: the attractors, in the order in which representative starts led to them.
        names: names of the entries that span the grid, the horizontal one first; empty without a grid.
        entries: their numbers in the state.
        axes: coordinates of the grid along each of them, the middles of equal cells of the box.
        at: shape (n,): the values of the entries that the grid does not span.
        starts: shape (m, n), where they were given; None on a grid.
        box: shape (2, n), lower and upper ends; infinite for entries without.
        larger_box: shape (2, n): outside it for ``away_steps`` in a row is LEFT_THE_BOX.
        settings: numbers that decided: max_steps, away_steps, max_norm, cells, settle_steps, rtol, atol.
        evaluations: evaluations of the system for the labels.
        status: "finished" or "interrupted".
        message: what happened, in words.
        label: the system's label.
        clock: "flow" or "map".
    """

    labels: np.ndarray
    steps: np.ndarray
    attractors: tuple[Attractor, ...]
    names: tuple[str, ...]
    entries: tuple[int, ...]
    axes: tuple[np.ndarray, ...]
    at: np.ndarray
    starts: np.ndarray | None
    box: np.ndarray
    larger_box: np.ndarray
    settings: dict[str, float]
    evaluations: int
    status: str
    message: str
    label: str
    clock: Literal["flow", "map"]

    def share(self, label: int) -> Share:
        """Return the share of the computed starts with a label: an attractor's number or an outcome."""
        if not (0 <= label < len(self.attractors) or label in OUTCOMES):
            raise ValueError(
                f"label must be below {len(self.attractors)}, the number of attractors, or one of "
                f"{list(OUTCOMES)} for {list(OUTCOMES.values())}; got {label}"
            )
        computed = int(np.sum(self.labels != NOT_COMPUTED))
        total = self.labels.size if label == NOT_COMPUTED else computed
        return Share(int(np.sum(self.labels == label)), total)

    @property
    def present(self) -> list[int]:
        """The labels that occur: every attractor, then the outcomes that some start had."""
        return [*range(len(self.attractors)), *(code for code in OUTCOMES if np.any(self.labels == code))]

    def name(self, label: int) -> str:
        """Return in words what a label means."""
        return OUTCOMES[label] if label in OUTCOMES else f"{label}: {self.attractors[label].kind}"

    def to_xarray(self) -> xarray.Dataset:
        """Return labels and steps with the names of the grid's entries as dimensions, or "start"."""
        import xarray

        dims = self.names[::-1] or ("start",)
        coords: dict[str, Any] = dict(zip(self.names, self.axes, strict=True))
        meanings = ", ".join(f"{label}: {self.name(label)}" for label in self.present if label < 0)
        return xarray.Dataset(
            {"label": (dims, self.labels), "steps": (dims, self.steps)},
            coords,
            {"system": self.label, "status": self.status, "labels below 0": meanings},
        )

    def __str__(self) -> str:
        lines = [
            f"Basins of {self.label or 'a ' + self.clock}: {self.labels.size} starts, "
            f"{len(self.attractors)} attractors ({self.status}); {self.message}"
        ]
        for label in self.present:
            what = str(self.attractors[label]) if label >= 0 else OUTCOMES[label]
            lines.append(f"  {self.share(label)}  {what}")
        return "\n".join(lines)

    __repr__ = __str__
