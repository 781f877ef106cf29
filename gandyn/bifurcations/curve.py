"""The curve of fixed points in (x, parameter): residual, Jacobian, corrector and tangent."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import numpy as np

from gandyn.arrays import to_numpy
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

    def point(self, x: np.ndarray, value: float) -> np.ndarray:
        """Return the point of the curve's space."""
        return np.append(x, value * self.scale)

    def at(self, value: float) -> System:
        """Return the system at a value of the parameter."""
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

        That with respect to the parameter is a central difference of order 4.
        """
        self.evaluations += 1
        state = to_numpy(self.at(self.value(y)).jac(y[:-1])).astype(np.float64) - self.shift * np.eye(
            len(y) - 1
        )
        h = 1e-3 * self.scale * max(abs(self.value(y)), 0.1 * (self.high - self.low))
        along = lambda share: self.residual(y + np.append(np.zeros(len(y) - 1), share * h))
        slope = (8 * (along(1) - along(-1)) - (along(2) - along(-2))) / (12 * h)
        return np.column_stack([state, slope])

    def eigenvalues(self, y: np.ndarray) -> np.ndarray:
        """Return the eigenvalues of the system's Jacobian, largest growth first."""
        values = np.linalg.eigvals(to_numpy(self.at(self.value(y)).jac(y[:-1]))).astype(np.complex128)
        key = np.abs(values) if self.clock == "map" else values.real
        return values[np.lexsort((-values.imag, -np.round(key, 12)))]

    def correct(self, guess: np.ndarray, normal: np.ndarray) -> tuple[np.ndarray | None, int]:
        """Return the point of the curve in the hyperplane through ``guess``, and the steps taken.

        None where Newton's method does not converge.
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
            if np.linalg.norm(move) <= 1e-11 * (1 + np.linalg.norm(y)):
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
