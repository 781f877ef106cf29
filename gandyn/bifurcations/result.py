"""The results: a branch of fixed points, its special points, and a region of stability."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

if TYPE_CHECKING:
    import xarray

__all__ = ["Branch", "SpecialKind", "SpecialPoint", "StabilityRegion"]

#: What happens to a fixed point at a special point of its branch.
SpecialKind: TypeAlias = Literal["fold", "branch point", "Hopf", "period doubling", "Neimark-Sacker"]


@dataclass(frozen=True, eq=False, repr=False)
class SpecialPoint:
    """A bifurcation on a branch, located to a stated interval of the parameter.

    Args:
        kind: "fold", "branch point", "Hopf", and of maps "period doubling" and "Neimark-Sacker".
        parameter: its name.
        value: the parameter's value there.
        interval: (low, high) values of the parameter between which the change was seen to happen.
        x: shape (n,), the fixed point.
        eigenvalues: shape (n,), of the Jacobian there, largest growth first.
        frequency: angular frequency of the pair of a Hopf point, per unit of flow time; argument of the
            multiplier of a Neimark-Sacker point; None for other kinds.
        coefficient: coefficient of the normal form: the first Lyapunov coefficient of a Hopf point
            (Kuznetsov 2004, eq. 5.62 of chapter 5, for eigenvectors of unit length), c of a period
            doubling, d of a Neimark-Sacker point; None for other kinds.
        coefficient_error: by how much it changes with the differences that it is made of.
        criticality: "supercritical" (what is born is stable), "subcritical", or "degenerate" where the
            coefficient is zero within its error; None for folds and branch points.
        tangent: shape (n + 1,), unit tangent of the branch in (x, parameter).
    """

    kind: SpecialKind
    parameter: str
    value: float
    interval: tuple[float, float]
    x: np.ndarray
    eigenvalues: np.ndarray
    frequency: float | None
    coefficient: float | None
    coefficient_error: float | None
    criticality: str | None
    tangent: np.ndarray

    def __str__(self) -> str:
        width = self.interval[1] - self.interval[0]
        sort = f", {self.criticality} (coefficient {self.coefficient:.4g})" if self.criticality else ""
        return f"{self.kind} at {self.parameter} = {self.value:.10g} (interval of {width:.1e}){sort}"

    __repr__ = __str__


@dataclass(frozen=True, eq=False, repr=False)
class Branch:
    """A curve of fixed points under a parameter, through its folds.

    Args:
        parameter: name of the parameter.
        values: shape (m,), its values along the branch; they turn back at folds.
        x: shape (m, n), the fixed points.
        eigenvalues: shape (m, n), complex128, largest growth first.
        growth: shape (m,), the largest growth rate, per unit of flow time.
        stable: shape (m,), whether it is negative.
        special: the special points, in the order along the branch.
        ends: why the branch ends at its first and at its last point: "range" (the end of the
            parameter's range), "closed" (back at the start), "lost" (no fixed point follows: a singularity or
            the smallest step), "left the window" (a norm beyond the bound), "out of points" or
            "interrupted".
        names: names of the entries of x.
        clock: "flow" or "map".
        period: for a map, steps after which the points return.
        evaluations: evaluations of the system with its Jacobian.
        status: "finished" or "interrupted".
        label: the system's label.
    """

    parameter: str
    values: np.ndarray
    x: np.ndarray
    eigenvalues: np.ndarray
    growth: np.ndarray
    stable: np.ndarray
    special: tuple[SpecialPoint, ...]
    ends: tuple[str, str]
    names: tuple[str, ...]
    clock: Literal["flow", "map"]
    period: int
    evaluations: int
    status: str
    label: str

    def to_xarray(self) -> xarray.Dataset:
        """Return the branch with the dimensions ``point``, ``entry`` and ``mode``."""
        import xarray

        return xarray.Dataset(
            {
                "x": (("point", "entry"), self.x),
                "eigenvalues": (("point", "mode"), self.eigenvalues),
                "growth": ("point", self.growth, {"units": "1 / flow time"}),
                "stable": ("point", self.stable),
            },
            coords={self.parameter: ("point", self.values), "entry": list(self.names)},
            attrs={"label": self.label, "clock": self.clock, "ends": list(self.ends), "status": self.status},
        )

    def __str__(self) -> str:
        low, high = self.values.min(), self.values.max()
        lines = [
            f"Branch of {self.label or 'a ' + self.clock}: {len(self.values)} points, {self.parameter} from "
            f"{low:.6g} to {high:.6g}, stable at {np.mean(self.stable):.0%}; ends: {', '.join(self.ends)}",
            *(f"  {special}" for special in self.special),
        ]
        return "\n".join(lines)

    __repr__ = __str__


@dataclass(frozen=True, eq=False, repr=False)
class StabilityRegion:
    """The growth rate of a fixed point over a grid of two parameters.

    Args:
        across: name of the horizontal parameter.
        up: name of the vertical parameter.
        a: shape (na,), its values.
        b: shape (nb,), values of the other.
        growth: shape (nb, na), the largest growth rate, per unit of flow time; NaN where no fixed point
            was found.
        rotation: shape (nb, na), absolute argument of the leading multiplier, in radians, or imaginary part
            of the leading eigenvalue of a flow: how stability is lost near the boundary.
        x: shape (nb, na, n), the fixed point.
        clock: "flow" or "map".
        status: "finished" or "interrupted".
        label: the system's label.
    """

    across: str
    up: str
    a: np.ndarray
    b: np.ndarray
    growth: np.ndarray
    rotation: np.ndarray
    x: np.ndarray
    clock: Literal["flow", "map"]
    status: str
    label: str

    @property
    def stable(self) -> np.ndarray:
        """Whether the fixed point is stable, shape (nb, na)."""
        return self.growth < 0

    def to_xarray(self) -> xarray.Dataset:
        """Return growth and rotation with the two parameters as dimensions."""
        import xarray

        return xarray.Dataset(
            {
                "growth": ((self.up, self.across), self.growth, {"units": "1 / flow time"}),
                "rotation": ((self.up, self.across), self.rotation),
            },
            coords={self.across: self.a, self.up: self.b},
            attrs={"label": self.label, "clock": self.clock, "status": self.status},
        )

    def __str__(self) -> str:
        missing = int(np.sum(np.isnan(self.growth)))
        note = f", no fixed point at {missing}" if missing else ""
        return (
            f"Stability of {self.label or 'a ' + self.clock} over {self.across} and {self.up}: stable at "
            f"{np.mean(self.stable):.1%} of {self.growth.size} points{note}"
        )

    __repr__ = __str__
