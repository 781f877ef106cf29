"""The result of trainings beside each other: distances, exponents of windows, directions of the spread."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from gandyn.nets.diagnosis import TrainingDiagnosis, diagnose_training
from gandyn.nets.motion import Motion

__all__ = ["Ensemble", "Rescale"]

Rescale: TypeAlias = Literal["orthogonal", "length", "free"]


@dataclass(frozen=True, eq=False, repr=False)
class Ensemble:
    """m trainings beside a reference, on the same minibatches, latents and draws.

    Args:
        steps: shape (r,), steps done at each record.
        distances: shape (r, m, 4), Euclidean distance of each copy to the reference: of the whole state with
            the optimisers' memory, of all parameters, of the generator's and of the discriminator's. At the
            end of a window they are those before copies are pulled back.
        losses: shape (r, 1 + m, 2), both losses of the reference and of each copy in the step before the
            record; (r, 1, 2) and NaN for tangents.
        starts: shape (w,), the first step of each window.
        lengths: shape (w,), steps of each window.
        growth: shape (w, m), logarithm of the growth over each window; see ``rescale``.
        shares: shape (w, m), share of the spread's variance along each of its leading directions, at the
            end of each window.
        directions: shape (m, n), those directions at the end of the last window, orthonormal rows.
        motion: path, norm, sketches and losses of the reference.
        x: shape (n,), the last state of the reference.
        size: length of the separations at the start of a window, in units of the state.
        rescale: "orthogonal": separations are made orthogonal and of length ``size`` after each window, and
            column i measures the i-th exponent; "length": each is shortened to ``size`` and each column
            measures the first exponent; "free": they are left alone, and saturate.
        method: "vmap", "loop" or "tangent".
        dt: flow time of one step.
        memory: bytes of the states of reference and copies.
        seconds: wall-clock time.
        status: "finished", "interrupted" or "diverged".
        message: what happened, in words.
    """

    steps: np.ndarray
    distances: np.ndarray
    losses: np.ndarray
    starts: np.ndarray
    lengths: np.ndarray
    growth: np.ndarray
    shares: np.ndarray
    directions: np.ndarray
    motion: Motion
    x: np.ndarray
    size: float
    rescale: Rescale
    method: str
    dt: float
    memory: int
    seconds: float
    status: Literal["finished", "interrupted", "diverged"]
    message: str

    @property
    def local(self) -> np.ndarray:
        """Finite-time exponents of each window, shape (w, m), per unit of flow time."""
        return np.asarray(self.growth / (self.lengths[:, None] * self.dt))

    @property
    def exponents(self) -> np.ndarray:
        """Mean exponents over all windows, shape (m,), per unit of flow time."""
        return np.asarray(self.growth.sum(0) / (self.lengths.sum() * self.dt))

    @property
    def per_step(self) -> np.ndarray:
        """Mean exponents per step, shape (m,)."""
        return self.exponents * self.dt

    @property
    def standard_errors(self) -> np.ndarray:
        """Standard errors of ``exponents`` if windows were independent, shape (m,); NaN for one window."""
        count = len(self.growth)
        if count < 2:
            return np.full(self.growth.shape[1], np.nan)
        return np.asarray(self.local.std(0, ddof=1) / np.sqrt(count))

    @property
    def diagnosis(self) -> TrainingDiagnosis:
        """What the reference is doing, by ``diagnose_training`` at its default thresholds."""
        return diagnose_training(self.motion, self.local[:, 0] if len(self.growth) else None)

    def __str__(self) -> str:
        leading = "no window finished"
        if len(self.growth):
            leading = f"leading exponent {self.per_step[0]:.4g} per step"
        count = self.distances.shape[1]
        return f"Ensemble of {count} ({self.method}): {leading}; {self.diagnosis}; {self.status}"

    __repr__ = __str__
