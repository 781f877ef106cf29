"""The curve of cycles in (nodes, period, parameter), followed as a curve of fixed points is."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

import numpy as np

from gandyn.bifurcations import SpecialPoint
from gandyn.bifurcations.curve import Curve
from gandyn.bifurcations.result import SpecialKind
from gandyn.cycles.floquet import log_eigenvalues, multipliers
from gandyn.cycles.flow import Flow
from gandyn.cycles.result import FlowError
from gandyn.cycles.section import Section, switches_of
from gandyn.cycles.shooting import Shooting
from gandyn.field import VectorField

__all__ = ["CycleCurve"]

_CACHED = 32
_SETTLED = 1e-9


class CycleCurve(Curve):
    """Where multiple shooting closes; coordinates ``y = (nodes / sqrt(m), scaled period, scaled parameter)``.

    What a fixed point of a map has in its eigenvalues, a cycle has in its Floquet multipliers: the same tests
    find its folds, branch points, period doublings and the births of tori.

    Args:
        family: field with the constant ``parameter``.
        parameter: its name.
        ends: of its range.
        nodes: shape (m, n), on or near the first cycle.
        period: of the first cycle.
        switches: planes on which the velocity jumps, or None for those of the game.
        tolerances: relative and absolute tolerance of the integration.
        max_norm: norm of a state beyond which the flow diverges.
        max_period: flow time at which the branch ends.
    """

    def __init__(
        self,
        family: VectorField,
        parameter: str,
        ends: tuple[float, float],
        nodes: np.ndarray,
        period: float,
        switches: Sequence[Section] | None,
        tolerances: tuple[float, float],
        max_norm: float,
        max_period: float,
    ) -> None:
        size = 1 + float(np.abs(nodes).max())
        super().__init__(family, parameter, *ends, size, 1)
        self.clock, self.field, self.settled = "map", family, max(_SETTLED, 100 * tolerances[0])
        self._shape, self._period_scale = nodes.shape, size / period
        self._switches, self._tolerances, self._max_norm = switches, tolerances, max_norm
        self._max_period = max_period
        self._reference = nodes
        self._kept: OrderedDict[bytes, np.ndarray] = OrderedDict()
        self._exponents: dict[bytes, np.ndarray] = {}

    def place(self, nodes: np.ndarray, period: float, value: float) -> np.ndarray:
        """Return the coordinates of a cycle."""
        return np.concatenate(
            [nodes.ravel() / np.sqrt(len(nodes)), [period * self._period_scale, value * self.scale]]
        )

    def nodes(self, y: np.ndarray) -> np.ndarray:
        """Return the nodes at a point of the curve, shape (m, n)."""
        return np.asarray(y[:-2].reshape(self._shape) * np.sqrt(self._shape[0]))

    def period(self, y: np.ndarray) -> float:
        """Return the period at a point of the curve."""
        return float(y[-2]) / self._period_scale

    def unknowns(self, y: np.ndarray) -> np.ndarray:
        """Return the nodes and the period in one vector, as ``Shooting`` takes them."""
        return np.append(self.nodes(y).ravel(), self.period(y))

    def shooting(self, y: np.ndarray) -> Shooting:
        """Return the equations at the value of the parameter."""
        field = self.at(self.value(y))
        assert isinstance(field, VectorField)
        flow = Flow(field, switches_of(field, self._switches), *self._tolerances, self._max_norm)
        return Shooting(flow, self._reference)

    def residual(self, y: np.ndarray) -> np.ndarray:
        """Return what vanishes on the curve, shape (m n + 1,)."""
        return self.shooting(y).residual(self.unknowns(y))

    def state_jacobian(self, y: np.ndarray) -> np.ndarray:
        """Return the derivatives of the residual with respect to nodes and period."""
        try:
            _, matrix = self.shooting(y).linearised(self.unknowns(y))
        except FlowError:
            return np.full((len(y) - 1, len(y) - 1), np.nan)
        columns = np.append(np.full(len(y) - 2, np.sqrt(self._shape[0])), 1 / self._period_scale)
        return np.asarray(matrix * columns)

    def jacobian(self, y: np.ndarray) -> np.ndarray:
        """Return the derivatives of the residual, kept for the tests that ask for them at the same point."""
        key = y.tobytes() + self._reference.tobytes()
        if key not in self._kept:
            self._kept[key] = super().jacobian(y)
            if len(self._kept) > _CACHED:
                self._kept.popitem(last=False)
        return self._kept[key]

    def exponents(self, y: np.ndarray) -> np.ndarray:
        """Return the logarithms of the Floquet multipliers, shape (n,), that of the trivial one first."""
        key = y.tobytes()
        if key not in self._exponents:
            logs = log_eigenvalues(self.shooting(y).turn(self.unknowns(y)).pieces)
            trivial = int(np.argmin(np.abs(logs)))
            self._exponents[key] = np.concatenate([logs[trivial : trivial + 1], np.delete(logs, trivial)])
        return self._exponents[key]

    def eigenvalues(self, y: np.ndarray) -> np.ndarray:
        """Return the Floquet multipliers other than the trivial one."""
        return multipliers(self.exponents(y)[1:])

    def correct(self, guess: np.ndarray, normal: np.ndarray) -> tuple[np.ndarray | None, int]:
        """Return the point of the curve in the hyperplane through ``guess``, in the phase of the guess."""
        self._reference = self.nodes(guess)
        return super().correct(guess, normal)

    def tangent(self, y: np.ndarray, like: np.ndarray) -> np.ndarray:
        """Return the unit tangent at a point, on the side of ``like``."""
        self._reference = self.nodes(y)
        return super().tangent(y, like)

    def bordered(self, y: np.ndarray, tangent: np.ndarray) -> float:
        """Return what changes sign at a branch point: the determinant's sign, its size tamed."""
        sign, log = np.linalg.slogdet(np.vstack([self.jacobian(y), tangent]))
        return float(sign * np.exp(log / len(y)))

    def end_at(self, before: np.ndarray, after: np.ndarray) -> str | None:
        """Return "Hopf" where the cycle has shrunk to a point and turned over, or "long period"."""
        from_mean = [self.nodes(y) - self.nodes(y).mean(axis=0) for y in (before, after)]
        if np.sum(from_mean[0] * from_mean[1]) < 0:
            return "Hopf"
        return "long period" if self.period(after) > self._max_period else None

    def special_point(
        self,
        kind: SpecialKind,
        y: np.ndarray,
        tangent: np.ndarray,
        eigenvalues: np.ndarray,
        interval: tuple[float, float],
    ) -> SpecialPoint:
        """Return what is said of a bifurcation of a cycle."""
        turning = eigenvalues[np.argmin(np.abs(np.abs(eigenvalues) - 1))]
        frequency = float(abs(np.angle(turning))) if kind == "Neimark-Sacker" else None
        return SpecialPoint(
            kind, self.parameter, self.value(y), interval, self.nodes(y)[0], eigenvalues, frequency, None,
            None, None, self.unscaled(tangent),
        )  # fmt: skip
