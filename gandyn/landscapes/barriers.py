"""Loss barriers: how far the loss rises above the straight line between the losses of two ends."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from gandyn.arrays import Array, array_namespace, like
from gandyn.checks import check_floats
from gandyn.landscapes.states import losses_at
from gandyn.planes.plane import norms

__all__ = ["Barrier", "barrier"]


@dataclass(frozen=True, eq=False, repr=False)
class Barrier:
    """The losses of both players along a path, and how far they rise above the line between its ends.

    Args:
        alpha: shape (p,), place on the path, as a share of its length: 0 is its first state, 1 its last.
        losses: shape (2, p), the generator's loss, then the discriminator's.
        height: shape (2,), the barrier: largest rise above the straight line between the losses of the
            ends, at least 0; NaN where an end is not finite.
        at: shape (2,), the place of that rise.
        above_ends: shape (2,), largest loss less the larger one of the ends; at least 0.
        length: length of the path, in units of the parameters.
        names: names of the two losses.
        nonfinite: points where either loss is not finite; they are left out of the heights.
        label: name for titles.
    """

    alpha: np.ndarray
    losses: np.ndarray
    height: np.ndarray
    at: np.ndarray
    above_ends: np.ndarray
    length: float
    names: tuple[str, str]
    nonfinite: int
    label: str

    @property
    def straight(self) -> np.ndarray:
        """The straight line between the losses of the ends, shape (2, p)."""
        return np.asarray((1 - self.alpha) * self.losses[:, :1] + self.alpha * self.losses[:, -1:])

    @property
    def numbers(self) -> dict[str, float]:
        """What repeats over seeds average."""
        pairs = zip(self.names, self.height, self.above_ends, strict=True)
        return {
            name: float(value)
            for player, height, above in pairs
            for name, value in ((f"{player} barrier", height), (f"{player} above ends", above))
        }

    def __str__(self) -> str:
        lines = [
            f"Barrier along {self.label or 'a path'} of length {self.length:.4g}, {len(self.alpha)} points"
        ]
        for name, height, at, above in zip(self.names, self.height, self.at, self.above_ends, strict=True):
            lines.append(f"  {name}: {height:.4g} at {at:.2f}, {above:.4g} above its ends")
        if self.nonfinite:
            lines.append(f"  not finite: {self.nonfinite} points")
        return "\n".join(lines)

    __repr__ = __str__


def barrier(
    losses: Callable[[Array], Array],
    path: Any,
    *,
    points: int = 25,
    chunk: int | None = None,
    progress: bool = True,
    label: str = "",
) -> Barrier:
    """Follow both losses along a path between two states, and measure the barrier of each.

    Two states are joined by a straight line. With more, the path goes straight from each to the next,
    and the states themselves are among the points. The height is a lower bound between points.

    Args:
        losses: ``losses(x) -> (..., 2)``, as for ``landscape``.
        path: a ``Trajectory``, or states of shape (T, n), T at least 2, in the namespace of ``losses``.
        points: points from each state to the next, both included, at least 2.
        chunk: states evaluated at once.
        progress: show a progress bar when on a terminal.
        label: name for titles.

    Returns:
        Losses and barriers of both players.

    Raises:
        ValueError: fewer than two states or points, a path that does not move, or a state that is not finite.
        KeyboardInterrupt: Ctrl-C: without the far end there is no barrier to return.

    Source: Garipov, Izmailov, Podoprikhin, Vetrov and Wilson 2018; Draxler, Veschgini, Salmhofer and
    Hamprecht 2018 (above the ends); Frankle, Dziugaite, Roy and Carbin 2020.

    Example:
        >>> double_well = lambda x: (x**2 - 1) ** 2
        >>> barrier(double_well, np.array([[-1.0, -1.0], [1.0, -1.0]]), points=101).height
        array([1., 0.])
    """
    states = getattr(path, "x", path)
    shape = tuple(getattr(states, "shape", ()))
    if len(shape) != 2 or shape[0] < 2:
        raise ValueError(
            f"a path must be a Trajectory or states of shape (T, n), T >= 2, got {shape or path}"
        )
    check_floats("the path", states, shape)
    if isinstance(points, bool) or not isinstance(points, int | np.integer) or points < 2:
        raise ValueError(f"points must be an integer of at least 2, got {points!r}")
    legs = norms(states[1:, :] - states[:-1, :])
    if not legs.sum() > 0:
        raise ValueError("the path does not move: its states are equal")
    segment, share = _places(len(legs), points)
    values = losses_at(
        losses, lambda where: _between(states, segment[where], share[where]), len(share), shape[1],
        chunk=chunk, progress=progress, what="losses along the path",
    )  # fmt: skip
    if len(values) < len(share):
        raise KeyboardInterrupt
    alpha = (np.append(0.0, np.cumsum(legs))[segment] + share * legs[segment]) / legs.sum()
    heights = [_height(alpha, curve) for curve in values.T]
    return Barrier(
        alpha=alpha,
        losses=values.T,
        height=np.array([height for height, _, _ in heights]),
        at=np.array([at for _, at, _ in heights]),
        above_ends=np.array([above for _, _, above in heights]),
        length=float(legs.sum()),
        names=("generator", "discriminator"),
        nonfinite=int(np.sum(~np.isfinite(values).all(axis=1))),
        label=label,
    )


def _places(legs: int, points: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the number of the leg and the share of it for each point; each state is met once."""
    share = np.linspace(0, 1, points)[:-1]
    return np.append(np.repeat(np.arange(legs), points - 1), legs - 1), np.append(np.tile(share, legs), 1.0)


def _between(states: Array, segment: np.ndarray, share: np.ndarray) -> Array:
    """Return the states at places of a path; its own states come back exactly."""
    xp = array_namespace(states)
    part = like(share[:, None], states)
    rows = [xp.stack([states[int(i) + step, :] for i in segment]) for step in (0, 1)]
    return (1 - part) * rows[0] + part * rows[1]


def _height(alpha: np.ndarray, curve: np.ndarray) -> tuple[float, float, float]:
    """Return the height of the barrier, its place, and the height above the larger end."""
    if not np.isfinite(curve[[0, -1]]).all():
        return float("nan"), float("nan"), float("nan")
    known = np.where(np.isfinite(curve), curve, -np.inf)
    rise = known - ((1 - alpha) * curve[0] + alpha * curve[-1])
    rise[[0, -1]] = 0.0
    top = int(np.argmax(rise))
    return max(float(rise[top]), 0.0), float(alpha[top]), max(float(known.max() - max(curve[[0, -1]])), 0.0)
