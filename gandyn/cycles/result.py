"""The results: a limit cycle, a branch of cycles, the crossings of a section, an orbit diagram."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from gandyn.bifurcations import SpecialPoint

if TYPE_CHECKING:
    import xarray

__all__ = ["Crossings", "CycleBranch", "FlowError", "LimitCycle", "OrbitDiagram", "Stability"]

#: What the Floquet exponents other than the trivial one say.
Stability: TypeAlias = Literal["stable", "unstable", "neutral"]


class FlowError(ArithmeticError):
    """A flow that diverges, slides, or does not lead to a cycle; the message says which and where."""


@dataclass(frozen=True, eq=False, repr=False)
class LimitCycle:
    """A closed orbit of a flow, with its Floquet exponents.

    Args:
        period: flow time of one turn.
        times: shape (m,), from 0 to the period.
        states: shape (m, n), the states then; the last one is the first again.
        exponents: shape (n,), complex128, logarithms of the Floquet multipliers over the period, per unit of
            flow time, largest real part first. A multiplier too small for a float is still right here.
        trivial: index of the exponent that stands for a shift along the cycle, 0 but for errors.
        stability: "stable", "unstable", or "neutral" where the largest of the others is within ``tolerance``.
        tolerance: growth rate that counts as 0, per unit of flow time.
        minima: shape (n,), least value of each entry along the cycle.
        maxima: shape (n,), largest value.
        switches: planes crossed in one turn on which the velocity may jump.
        residual: relative size of the last step of Newton's method.
        segments: arcs of the multiple shooting.
        steps: integration steps taken in all.
        names: names of the entries of the state.
        label: the system's label.
    """

    period: float
    times: np.ndarray
    states: np.ndarray
    exponents: np.ndarray
    trivial: int
    stability: Stability
    tolerance: float
    minima: np.ndarray
    maxima: np.ndarray
    switches: int
    residual: float
    segments: int
    steps: int
    names: tuple[str, ...]
    label: str

    @property
    def multipliers(self) -> np.ndarray:
        """The Floquet multipliers, shape (n,); 0 where one is below the smallest float."""
        from gandyn.cycles.floquet import multipliers

        return multipliers(self.exponents * self.period)

    @property
    def amplitude(self) -> np.ndarray:
        """Half of the distance between the extremes of each entry, shape (n,)."""
        return (self.maxima - self.minima) / 2

    @property
    def stable(self) -> bool:
        """Whether neighbouring states approach the cycle."""
        return self.stability == "stable"

    def to_xarray(self) -> xarray.DataArray:
        """Return the states with the dimensions ``t`` and ``entry``."""
        import xarray

        return xarray.DataArray(
            self.states,
            dims=("t", "entry"),
            coords={"t": ("t", self.times, {"long_name": "flow time"}), "entry": list(self.names)},
            attrs={"label": self.label, "period": self.period, "stability": self.stability},
        )

    def __str__(self) -> str:
        spans = ", ".join(
            f"{name} in [{low:.6g}, {high:.6g}]"
            for name, low, high in zip(self.names[:4], self.minima, self.maxima, strict=False)
        )
        others = np.delete(self.exponents, self.trivial).real
        leading = f", leading exponent {others[0]:.6g}" if len(others) else ""
        return (
            f"LimitCycle of {self.label or 'a flow'}: {self.stability}, period {self.period:.10g}, "
            f"{spans}{leading}; closed to {self.residual:.1e}"
        )

    __repr__ = __str__


@dataclass(frozen=True, eq=False, repr=False)
class CycleBranch:
    """A curve of limit cycles under a parameter, through its folds.

    Args:
        parameter: name of the parameter.
        values: shape (m,), its values along the branch; they turn back at folds.
        periods: shape (m,), flow time of one turn.
        minima: shape (m, n), least value of each entry along each cycle.
        maxima: shape (m, n), largest value.
        exponents: shape (m, n), complex128, Floquet exponents per unit of flow time, the trivial one first.
        stable: shape (m,), whether all others decay.
        nodes: shape (m, n), a state on each cycle, from which ``limit_cycle`` finds it again.
        special: bifurcations of the cycle: "fold", "branch point", "period doubling", "Neimark-Sacker"
            (a torus is born); ``x`` is a state on the cycle, ``eigenvalues`` the Floquet multipliers.
        ends: why the branch ends at its first and its last point: "Hopf" (the cycle shrinks to a point),
            "range", "closed", "long period", "lost", "left the window", "out of points", "interrupted".
        names: names of the entries of the state.
        evaluations: linearised turns computed.
        status: "finished" or "interrupted".
        label: the system's label.
    """

    parameter: str
    values: np.ndarray
    periods: np.ndarray
    minima: np.ndarray
    maxima: np.ndarray
    exponents: np.ndarray
    stable: np.ndarray
    nodes: np.ndarray
    special: tuple[SpecialPoint, ...]
    ends: tuple[str, str]
    names: tuple[str, ...]
    evaluations: int
    status: str
    label: str

    @property
    def amplitude(self) -> np.ndarray:
        """Half of the distance between the extremes of each entry, shape (m, n)."""
        return (self.maxima - self.minima) / 2

    def to_xarray(self) -> xarray.Dataset:
        """Return the branch with the dimensions ``point``, ``entry`` and ``mode``."""
        import xarray

        return xarray.Dataset(
            {
                "period": ("point", self.periods, {"units": "flow time"}),
                "minimum": (("point", "entry"), self.minima),
                "maximum": (("point", "entry"), self.maxima),
                "exponents": (("point", "mode"), self.exponents, {"units": "1 / flow time"}),
                "stable": ("point", self.stable),
            },
            coords={self.parameter: ("point", self.values), "entry": list(self.names)},
            attrs={"label": self.label, "ends": list(self.ends), "status": self.status},
        )

    def __str__(self) -> str:
        lines = [
            f"CycleBranch of {self.label or 'a flow'}: {len(self.values)} cycles, {self.parameter} from "
            f"{self.values.min():.6g} to {self.values.max():.6g}, period {self.periods.min():.6g} to "
            f"{self.periods.max():.6g}, stable at {np.mean(self.stable):.0%}; ends: {', '.join(self.ends)}",
            *(f"  {special}" for special in self.special),
        ]
        return "\n".join(lines)

    __repr__ = __str__


@dataclass(frozen=True, eq=False, repr=False)
class Crossings:
    """Where an orbit crosses a section.

    Args:
        times: shape (m,), flow time of each crossing since the start.
        states: shape (m, n), the states there.
        normal: shape (n,), of the section, of length 1.
        offset: ``normal . x`` on it.
        status: "finished", or why there are fewer crossings than asked for: "no more crossings" (none within
            the time allowed), "diverged" or "interrupted".
        names: names of the entries of the state.
        label: the system's label.
    """

    times: np.ndarray
    states: np.ndarray
    normal: np.ndarray
    offset: float
    status: str
    names: tuple[str, ...]
    label: str

    def to_xarray(self) -> xarray.DataArray:
        """Return the crossings with the dimensions ``t`` and ``entry``."""
        import xarray

        return xarray.DataArray(
            self.states,
            dims=("t", "entry"),
            coords={"t": ("t", self.times, {"long_name": "flow time"}), "entry": list(self.names)},
            attrs={"label": self.label, "status": self.status},
        )

    def __str__(self) -> str:
        return (
            f"Crossings of {self.label or 'a flow'}: {len(self.times)} of one section up to "
            f"t = {self.times[-1] if len(self.times) else 0:.6g}; {self.status}"
        )

    __repr__ = __str__


@dataclass(frozen=True, eq=False, repr=False)
class OrbitDiagram:
    """Where orbits settle, for each value of a parameter.

    Args:
        parameter: name of the parameter.
        values: shape (m,).
        states: shape (m, k, n): the last states of a map, or the last crossings of a flow's section; NaN
            from the first one that was not reached.
        statuses: for each value "finished", "diverged", "no more crossings" or "interrupted" (not computed).
        names: names of the entries of the state.
        clock: "flow" or "map".
        status: "finished" or "interrupted".
        label: the system's label.
    """

    parameter: str
    values: np.ndarray
    states: np.ndarray
    statuses: tuple[str, ...]
    names: tuple[str, ...]
    clock: Literal["flow", "map"]
    status: str
    label: str

    def to_xarray(self) -> xarray.DataArray:
        """Return the states with the parameter, ``visit`` and ``entry`` as dimensions."""
        import xarray

        return xarray.DataArray(
            self.states,
            dims=(self.parameter, "visit", "entry"),
            coords={self.parameter: self.values, "entry": list(self.names)},
            attrs={"label": self.label, "clock": self.clock, "status": self.status},
        )

    def __str__(self) -> str:
        done = sum(status == "finished" for status in self.statuses)
        return (
            f"OrbitDiagram of {self.label or 'a ' + self.clock} over {self.parameter}: {done} of "
            f"{len(self.values)} values settled within bounds, {self.states.shape[1]} states each; "
            f"{self.status}"
        )

    __repr__ = __str__
