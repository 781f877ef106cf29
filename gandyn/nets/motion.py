"""How one training moves: path, net displacement and recurrence of its parameters, in little memory."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

__all__ = ["Motion", "MotionRecorder", "Sketch"]


class Sketch:
    """A random linear map to few numbers that keeps distances on average (count sketch).

    ``E ||S (x - y)||^2 = ||x - y||^2``, with a relative standard deviation of at most ``sqrt(2 / width)``.
    Source: Charikar, Chen and Farach-Colton 2002.

    Args:
        dim: entries of the state.
        width: entries of the sketch.
        seed: seed of buckets and signs.
    """

    def __init__(self, dim: int, width: int = 64, seed: int = 0) -> None:
        draws = torch.Generator().manual_seed(seed)
        self.width = width
        self._buckets = torch.randint(width, (dim,), generator=draws)
        self._signs = torch.randint(2, (dim,), generator=draws, dtype=torch.int8) * 2 - 1

    def __call__(self, x: Tensor) -> Tensor:
        """Return the sketch of ``x`` of shape (n,), shape (width,)."""
        signs, buckets = self._signs.to(x.device), self._buckets.to(x.device)
        return x.new_zeros(self.width).index_add_(0, buckets, x * signs)


@dataclass(frozen=True, eq=False, repr=False)
class Motion:
    """What was seen of a training at some of its steps.

    Args:
        steps: shape (r,), steps done.
        path: shape (r,), length of the polygon through the states seen so far.
        norms: shape (r,), Euclidean norm of the parameters.
        sketches: shape (r, s), random projections of the parameters, which keep distances.
        losses: shape (r, 2), both players' losses, NaN where they were not given.
    """

    steps: np.ndarray
    path: np.ndarray
    norms: np.ndarray
    sketches: np.ndarray
    losses: np.ndarray

    def __repr__(self) -> str:
        return f"Motion({len(self.steps)} states, path {self.path[-1] if len(self.path) else 0:.3g})"

    def distances(self) -> np.ndarray:
        """Return the estimated distance of every state seen to every other, shape (r, r)."""
        squares = np.sum(self.sketches**2, axis=1)
        products = self.sketches @ self.sketches.T
        return np.asarray(np.sqrt(np.maximum(squares[:, None] + squares - 2 * products, 0.0)))

    @property
    def displacements(self) -> np.ndarray:
        """Estimated distance of every state seen from the first, shape (r,)."""
        return np.asarray(np.linalg.norm(self.sketches - self.sketches[:1], axis=1))


class MotionRecorder:
    """Gathers the motion of a training, one state after the other, keeping one state.

    Args:
        dim: number of parameters.
        width: entries of a sketch.
        seed: seed of the sketch.
    """

    def __init__(self, dim: int, *, width: int = 64, seed: int = 0) -> None:
        self._sketch = Sketch(dim, width, seed)
        self._last: Tensor | None = None
        self._rows: list[np.ndarray] = []

    def add(self, step: int, x: Tensor, losses: tuple[float, float]) -> None:
        """Record the parameters ``x``, shape (n,), after ``step`` steps."""
        moved = 0.0 if self._last is None else float(torch.linalg.vector_norm(x - self._last))
        before = self._rows[-1][1] if self._rows else 0.0
        scalars = [step, before + moved, float(torch.linalg.vector_norm(x)), *losses]
        self._rows.append(np.concatenate([scalars, self._sketch(x).double().cpu().numpy()]))
        self._last = x.clone()

    @property
    def last(self) -> np.ndarray:
        """The last row, shape (5 + s,)."""
        return self._rows[-1]

    def state(self) -> np.ndarray:
        """Return all rows, shape (r, 5 + s)."""
        return np.stack(self._rows) if self._rows else np.empty((0, 5 + self._sketch.width))

    def load(self, rows: np.ndarray, last: Tensor) -> None:
        """Go on after ``rows``, of which the last was of the parameters ``last``."""
        self._rows, self._last = list(rows), last.clone()

    def motion(self) -> Motion:
        """Return what was recorded."""
        return motion_of(self.state())


def motion_of(rows: np.ndarray) -> Motion:
    """Return the motion in rows (r, 5 + s) of step, path, norm, both losses and sketch."""
    return Motion(rows[:, 0].astype(np.int64), rows[:, 1], rows[:, 2], rows[:, 5:], rows[:, 3:5])
