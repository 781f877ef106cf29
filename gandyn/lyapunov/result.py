"""The result: exponents with their history, their errors and what they decide."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from gandyn.arrays import Array
from gandyn.lyapunov.errors import bump_weights, long_run_errors, smooth_errors

if TYPE_CHECKING:
    import xarray

__all__ = ["Lyapunov", "Status", "Weighting", "average"]

Status: TypeAlias = Literal["finished", "interrupted", "diverged", "stalled"]
Weighting: TypeAlias = Literal["uniform", "smooth"]
_SIGNIFICANT = 3


@dataclass(frozen=True, eq=False, repr=False)
class Lyapunov:
    """The leading Lyapunov exponents along one orbit.

    Args:
        exponents: shape (k,), growth per unit of flow time, as the orthonormalisation orders them.
        standard_errors: shape (k,), of the exponents, from how the records scatter; NaN with less than 32
            whole records, and where a direction collapsed (exponent minus infinity).
        resolution: growth per unit of flow time that the arithmetic cannot tell from none: the tolerance of
            the steps of a flow, or rounding; and what the sum misses the divergence by.
        times: shape (m,), flow time at the end of each record.
        local: shape (m, k), growth per unit of flow time over each record.
        start: flow time at which the average begins; transient and warm-up lie before it.
        divergence: mean divergence of a flow, or mean ln |det J| / dt of a map, computed from the Jacobians
            alone: what the sum of all exponents must be. None unless k = n and the Jacobian is dense.
        weighting: how records are weighted, "uniform" or "smooth".
        transient: flow time before the warm-up.
        warmup: flow time during which only the tangents settle.
        qr_every: between two orthonormalisations: steps, or flow time for a flow that is matrix-free or that
            jumps.
        contrast: largest factor by which the first tangent outgrew the last one from one orthonormalisation
            to the next; so much of its digits rounding costs the last exponent.
        x: shape (n,), the last state, and ``tangents``, shape (k, n), the last orthonormal tangents.
        tangents: see ``x``.
        steps: steps taken while averaging, rejected ones included.
        clock: "flow" or "map".
        dt: flow time of one step of the map; 1 for a flow.
        dim: n.
        status: "finished", "interrupted", "diverged" or "stalled".
        message: what happened, in words.
        derivatives: "exact" or "central differences".
        label: the system's label.
    """

    exponents: np.ndarray
    standard_errors: np.ndarray
    resolution: float
    times: np.ndarray
    local: np.ndarray
    start: float
    divergence: float | None
    weighting: Weighting
    transient: float
    warmup: float
    qr_every: float
    contrast: float
    x: Array
    tangents: Array
    steps: int
    clock: Literal["flow", "map"]
    dt: float
    dim: int
    status: Status
    message: str
    derivatives: str
    label: str

    @property
    def per_step(self) -> np.ndarray:
        """Growth per step of a map, shape (k,): exponents times ``dt``."""
        return self.exponents * self.dt

    @property
    def verdicts(self) -> tuple[str, ...]:
        """Of each exponent: "positive", "compatible with zero", "negative", or "undecided" without an error.

        Compatible with zero is what lies within ``zero`` of it.
        """
        return tuple(map(_verdict, self.exponents, self.zero))

    @property
    def zero(self) -> np.ndarray:
        """How far from zero an exponent may be and still be compatible with it, shape (k,).

        Three standard errors, the resolution, and ln(steps) over the time of the average: without chaos, as
        on the sheared tori of conservative systems, tangents still grow in proportion to time.
        """
        time = float(self.times[-1] - self.start) if len(self.times) else np.nan
        shear = np.log(self.steps) / time if self.steps else np.nan
        return _SIGNIFICANT * self.standard_errors + self.resolution + shear

    @property
    def total(self) -> float:
        """Sum of the exponents; compare with ``divergence``."""
        return float(self.exponents.sum())

    @property
    def kaplan_yorke(self) -> float | None:
        """Kaplan-Yorke dimension of the attractor, or None where these k < n exponents do not fix it.

        ``j + (l_1 + ... + l_j) / |l_(j+1)|`` for the largest j whose sum is not negative, over exponents in
        falling order, those compatible with zero taken as zero. Source: Kaplan and Yorke 1979.
        """
        neutral = np.array([verdict == "compatible with zero" for verdict in self.verdicts], dtype=bool)
        falling = np.sort(np.where(neutral, 0.0, self.exponents))[::-1]
        sums = np.cumsum(falling)
        if not len(sums) or np.isnan(sums).any():
            return None
        if np.all(sums >= 0):
            return float(self.dim) if len(sums) == self.dim else None
        j = int(np.argmax(sums < 0))
        return j + (float(sums[j - 1] / -falling[j]) if j else 0.0)

    def running(self, points: int = 100) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the estimates as they converge, with their standard errors.

        Args:
            points: at how many times, spread evenly in the logarithm of the time since ``start``.

        Returns:
            Flow times since ``start``, shape (p,); estimates and standard errors, each of shape (p, k).
        """
        m = len(self.times)
        if not m:
            return np.empty(0), np.empty((0, len(self.exponents))), np.empty((0, len(self.exponents)))
        counts = np.unique(np.geomspace(1, m, points).round().astype(int))
        spans = np.diff(self.times, prepend=self.start)
        pairs = [average(self.local[:count], spans[:count], self.weighting) for count in counts]
        return self.times[counts - 1] - self.start, *(np.array(part) for part in zip(*pairs, strict=True))

    def to_xarray(self) -> xarray.Dataset:
        """Return the local exponents with the dimensions ``t`` and ``exponent``, and the averages."""
        import xarray

        unit = {"units": "1 / flow time"}
        return xarray.Dataset(
            {
                "local": (("t", "exponent"), self.local, unit),
                "average": (("exponent",), self.exponents, unit),
                "standard_error": (("exponent",), self.standard_errors, unit),
            },
            coords={"t": ("t", self.times, {"long_name": "flow time"})},
            attrs={"label": self.label, "status": self.status, "clock": self.clock, "dt": self.dt},
        )

    def __str__(self) -> str:
        rows = [
            f"  {value:+.6g} +- {error:.2g}: {verdict}"
            for value, error, verdict in zip(self.exponents, self.standard_errors, self.verdicts, strict=True)
        ]
        shown = [*rows[:6], f"  ... {len(rows) - 6} more"] if len(rows) > 6 else rows
        return "\n".join(
            [
                f"Lyapunov exponents of {self.label or 'a ' + self.clock}: {self.status}",
                *shown,
                *self._facts(),
            ]
        )

    def _facts(self) -> list[str]:
        facts: list[str] = []
        if self.divergence is not None:
            facts.append(f"sum {self.total:.6g}, mean divergence {self.divergence:.6g}")
        if self.kaplan_yorke is not None:
            facts.append(f"Kaplan-Yorke dimension {self.kaplan_yorke:.4f}")
        return ["  " + line for line in ["; ".join(facts), self.message] if line]

    __repr__ = __str__


def _verdict(exponent: float, zero: float) -> str:
    if exponent == -np.inf:
        return "negative"
    if not np.isfinite(zero):
        return "undecided"
    if abs(exponent) <= zero:
        return "compatible with zero"
    return "positive" if exponent > 0 else "negative"


def average(local: np.ndarray, spans: np.ndarray, weighting: Weighting) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean over records of these lengths, and its standard error, each of shape (k,).

    A last record that is shorter counts in the mean alone.
    """
    if not len(local):
        return np.full(local.shape[1], np.nan), np.full(local.shape[1], np.nan)
    weights = spans / spans.sum() if weighting == "uniform" else bump_weights(len(local))
    whole = local[:-1] if spans[-1] < 0.999 * spans[0] else local
    errors = long_run_errors if weighting == "uniform" else smooth_errors
    return weights @ local, errors(whole)
