"""The curve of fixed points in (x, parameter): residual, Jacobian, corrector and tangent."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import numpy as np

from gandyn.arrays import to_numpy
from gandyn.bifurcations.normal_forms import first_lyapunov, neimark_sacker, period_doubling
from gandyn.bifurcations.result import SpecialKind, SpecialPoint
from gandyn.field import System, UpdateMap
from gandyn.fixed_points import iterated

__all__ = ["Curve"]

_CORRECTIONS = 12
_CACHED = 64


class Curve:
    """Where ``residual(x, p) = 0``, in coordinates ``y = (x, scale p)`` in which both count alike.

    Args:
        family: system with the constant ``parameter``.
        parameter: its name.
        low: lower end of its range.
        high: upper end.
        size: typical size of the state, which the range of the parameter is scaled to.
        period: steps of a map after which a point returns.
    """

    settled = 1e-11
    """Relative size of a step of Newton's method that is its last one."""

    def __init__(
        self, family: System, parameter: str, low: float, high: float, size: float, period: int
    ) -> None:
        self.family, self.parameter, self.low, self.high = iterated(family, period), parameter, low, high
        self.scale, self.shift = size / (high - low), 1.0 if isinstance(family, UpdateMap) else 0.0
        self.clock = "map" if isinstance(family, UpdateMap) else "flow"
        self.evaluations = 0
        self._systems: OrderedDict[float, System] = OrderedDict()

    def value(self, y: np.ndarray) -> float:
        """Return the parameter at a point of the curve."""
        return float(y[-1]) / self.scale

    def holds(self, y: np.ndarray) -> bool:
        """Return whether the parameter lies in its range, up to rounding."""
        slack = 1e-12 * (self.high - self.low)
        return self.low - slack <= self.value(y) <= self.high + slack

    def point(self, x: np.ndarray, value: float) -> np.ndarray:
        """Return the point of the curve's space."""
        return np.append(x, value * self.scale)

    def at(self, value: float) -> System:
        """Return the system at a value of the parameter, which rounding may have taken out of its range."""
        value = min(max(value, self.low), self.high)
        if value not in self._systems:
            self._systems[value] = self.family.with_constants(**{self.parameter: value})
            if len(self._systems) > _CACHED:
                self._systems.popitem(last=False)
        return self._systems[value]

    def residual(self, y: np.ndarray) -> np.ndarray:
        """Return what vanishes on the curve, shape (n,)."""
        return to_numpy(self.at(self.value(y)).residual(y[:-1])).astype(np.float64)

    def jacobian(self, y: np.ndarray) -> np.ndarray:
        """Return the derivatives of the residual, shape (n, n + 1).

        That with respect to the parameter is a difference of order 4, within the parameter's range.
        """
        self.evaluations += 1
        return np.column_stack([self.state_jacobian(y), self._slope(y)])

    def state_jacobian(self, y: np.ndarray) -> np.ndarray:
        """Return the derivatives of the residual with respect to the state, shape (n, n)."""
        matrix = to_numpy(self.at(self.value(y)).jac(y[:-1])).astype(np.float64)
        return np.asarray(matrix - self.shift * np.eye(len(matrix)))

    def _slope(self, y: np.ndarray) -> np.ndarray:
        """Return the derivative of the residual with respect to the last coordinate."""
        value = self.value(y)
        h = 1e-3 * max(abs(value), 0.1 * (self.high - self.low))
        middle = min(max(value, self.low + 2 * h), self.high - 2 * h)
        offsets = (middle - value) / h + np.arange(-2, 3)
        weights = np.linalg.solve(np.vander(offsets, increasing=True).T, np.eye(5)[1])
        terms = [
            w * self.residual(self.point(y[:-1], value + offset * h))
            for w, offset in zip(weights, offsets, strict=True)
            if abs(w) > 1e-14
        ]
        return np.sum(terms, axis=0) / (h * self.scale)

    def eigenvalues(self, y: np.ndarray) -> np.ndarray:
        """Return the eigenvalues of the system's Jacobian, largest growth first."""
        values = np.linalg.eigvals(to_numpy(self.at(self.value(y)).jac(y[:-1]))).astype(np.complex128)
        key = np.abs(values) if self.clock == "map" else values.real
        return values[np.lexsort((-values.imag, -np.round(key, 12)))]

    def beyond(self, eigenvalue: complex) -> float:
        """Return how far an eigenvalue is beyond the border of stability."""
        return abs(eigenvalue) - 1 if self.clock == "map" else eigenvalue.real

    def end_at(self, before: np.ndarray, after: np.ndarray) -> str | None:
        """Return why the branch ends between two of its points, or None where it goes on."""
        return None

    def special_point(
        self,
        kind: SpecialKind,
        y: np.ndarray,
        tangent: np.ndarray,
        eigenvalues: np.ndarray,
        interval: tuple[float, float],
    ) -> SpecialPoint:
        """Return what is said of a special point, with the coefficient of its normal form."""
        system, x = self.at(self.value(y)), y[:-1]
        frequency = coefficient = error = criticality = None
        off = np.where(eigenvalues.imag > 0, np.abs([self.beyond(v) for v in eigenvalues]), np.inf)
        if kind == "Hopf":
            frequency = float(eigenvalues[np.argmin(off)].imag)
            coefficient, error = first_lyapunov(system, x)
        elif kind == "Neimark-Sacker":
            frequency = float(np.angle(eigenvalues[np.argmin(off)]))
            coefficient, error = neimark_sacker(system, x)
        elif kind == "period doubling":
            coefficient, error = period_doubling(system, x)
        if coefficient is not None and error is not None:
            supercritical = coefficient > 0 if kind == "period doubling" else coefficient < 0
            criticality = "supercritical" if supercritical else "subcritical"
            if not abs(coefficient) > 2 * error + 1e-9:
                criticality = "degenerate"
        return SpecialPoint(
            kind, self.parameter, self.value(y), interval, x, eigenvalues, frequency, coefficient, error,
            criticality, self.unscaled(tangent),
        )  # fmt: skip

    def correct(self, guess: np.ndarray, normal: np.ndarray) -> tuple[np.ndarray | None, int]:
        """Return the point of the curve in the hyperplane through ``guess``, and the steps taken.

        None where Newton's method does not converge, or leaves the range of the parameter.
        """
        y = guess.copy()
        for step in range(_CORRECTIONS):
            with np.errstate(all="ignore"):
                right = np.append(self.residual(y), normal @ (y - guess))
                matrix = np.vstack([self.jacobian(y), normal])
            if not (np.all(np.isfinite(right)) and np.all(np.isfinite(matrix))):
                return None, step
            try:
                move = -np.linalg.solve(matrix, right)
            except np.linalg.LinAlgError:
                move = -np.linalg.lstsq(matrix, right, rcond=None)[0]
            y = y + move
            if not self.holds(y):
                return None, step
            if np.linalg.norm(move) <= self.settled * (1 + np.linalg.norm(y)):
                return y, step
        floor = 1e-12 * (1 + np.linalg.norm(y)) * np.linalg.norm(matrix)
        return (y, _CORRECTIONS) if np.linalg.norm(right[:-1]) <= floor else (None, _CORRECTIONS)

    def tangent(self, y: np.ndarray, like: np.ndarray) -> np.ndarray:
        """Return the unit tangent at a point, on the side of ``like``."""
        _, _, rows = np.linalg.svd(self.jacobian(y))
        direction: np.ndarray = rows[-1]
        return direction if direction @ like >= 0 else -direction

    def bordered(self, y: np.ndarray, tangent: np.ndarray) -> float:
        """Return the determinant whose sign changes at a branch point and not at a fold."""
        return float(np.linalg.det(np.vstack([self.jacobian(y), tangent])))

    def unscaled(self, tangent: np.ndarray) -> np.ndarray:
        """Return a unit tangent in (x, parameter)."""
        direction = np.append(tangent[:-1], tangent[-1] / self.scale)
        return np.asarray(direction / np.linalg.norm(direction))

    def scaled(self, tangent: Any) -> np.ndarray:
        """Return a unit tangent in the curve's coordinates."""
        direction = np.append(tangent[:-1], tangent[-1] * self.scale)
        return np.asarray(direction / np.linalg.norm(direction))
