"""A flow driven through compiled arcs: to a time or a section, with its propagator and its switches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from gandyn.arrays import Array, like, to_numpy
from gandyn.cycles.arcs import DIVERGED, EVENT, FINISHED, STALLED, extremum, follow
from gandyn.cycles.result import FlowError
from gandyn.cycles.section import Planes
from gandyn.field import VectorField
from gandyn.trajectories.callback import kernel_of

__all__ = ["Arc", "Flow"]

_ROOM = 4096
_CHUNK = 20_000
_NUDGE = 1e-10
_CLOSE = 1e-9
_ON = 1e-13


@dataclass(frozen=True, eq=False)
class Arc:
    """A stretch of a flow.

    Args:
        times: shape (m,), from the start to the end.
        states: shape (m, n).
        pieces: shape (k, n, n), factors of the propagator, the first one first; empty where not asked for.
        crossed: whether it ended on the section.
        switches: number of switches passed.
    """

    times: np.ndarray
    states: np.ndarray
    pieces: np.ndarray
    crossed: bool
    switches: int

    @property
    def propagator(self) -> np.ndarray:
        """The linearised flow from the start to the end, shape (n, n)."""
        product = np.eye(self.states.shape[1])
        for piece in self.pieces:
            product = piece @ product
        return product


class Flow:
    """A vector field to follow, in float64, compiled if the field is.

    Args:
        field: an autonomous field.
        switches: planes on which its velocity jumps.
        rtol: relative tolerance of a step.
        atol: absolute tolerance.
        max_norm: norm of the state beyond which it diverges.
        template: an array of the namespace in which the field computes, if that is not NumPy.
    """

    def __init__(
        self,
        field: VectorField,
        switches: Planes,
        rtol: float,
        atol: float,
        max_norm: float,
        template: Array | None = None,
    ) -> None:
        self.field, self.switches, self.dim = field, switches, field.layout.dim
        self._template = np.zeros(self.dim) if template is None else template
        self._kernel = kernel_of(field, self._template)
        self._call = self._kernel.params, self._kernel.nodes, self._kernel.plan
        self._tolerances, self._max_norm = (rtol, atol), max_norm
        self.steps = 0

    def velocity(self, x: np.ndarray) -> np.ndarray:
        """Return the velocity at a state."""
        return to_numpy(self.field(like(x, self._template))).astype(np.float64)

    def end(self, x: np.ndarray, duration: float) -> np.ndarray:
        """Return the state after some time."""
        return self.arc(x, duration).states[-1]

    def arc(
        self,
        x: np.ndarray,
        duration: float,
        *,
        tangents: bool = False,
        section: Planes | None = None,
    ) -> Arc:
        """Follow the flow from ``x`` for some time, or to the section.

        Args:
            x: shape (n,).
            duration: time after which the arc ends in any case.
            tangents: also return the pieces of the propagator, those of the switches included.
            section: one plane that ends the arc; a start on it counts as already across.

        Raises:
            FlowError: the state diverges or meets a singularity, or slides along a switch.
        """
        planes = self.switches if section is None else self.switches.joined(section)
        last = len(self.switches) if section is not None else -1
        sides = self._sides(planes, x)
        walk = _Walk(x)
        function = self._kernel.jacobian if tangents else self._kernel.velocity
        status, event, t, h = -1, -1, 0.0, 0.0
        times, states = np.empty(_ROOM), np.empty((_ROOM, self.dim))
        pieces = np.empty((_ROOM, self.dim, self.dim) if tangents else (0, self.dim, self.dim))
        here = np.array(x, dtype=np.float64)
        while status != FINISHED and not (status == EVENT and event == last):
            t, h, status, count, event, steps = follow(
                function, *self._call, here, t, h, duration, *self._tolerances, _CHUNK, self._max_norm,
                *planes.parts, sides, times, states, pieces,
            )  # fmt: skip
            self.steps += steps
            walk.extend(times[:count], states[:count], pieces[:count] if tangents else pieces)
            if status == STALLED and (stop := self._at_switch(here)) is not None:
                (event, wait), status = stop, EVENT
                t, here, sides[event] = t + wait, here + wait * self.velocity(here), -sides[event]
            self._check(status, t, here)
            if status == EVENT and event != last:
                # The step that ends here evaluates both sides, and so it misses the plane by its own error.
                here -= planes.heights(here)[event] * planes.normals[event]
                walk.jump(self._saltation(here, planes.normals[event], sides[event]), tangents)
                here += 4e-16 * sides[event] * (1 + np.abs(here).max()) * planes.normals[event]
                h = 0.0
        return walk.arc(status == EVENT)

    def _sides(self, planes: Planes, x: np.ndarray) -> np.ndarray:
        """Return the side of each plane on which a state counts, 1 or -1: on it, the one that it moves to."""
        heights, rates = planes.heights(x), planes.normals @ self.velocity(x)
        on = np.abs(heights) <= _ON * (1 + np.abs(x).max())
        return np.where(np.where(on, rates, heights) < 0, -1.0, 1.0)

    def _at_switch(self, x: np.ndarray) -> tuple[int, float] | None:
        """Return the switch that is so close ahead that steps became too short, and the time up to it."""
        heights, rates = self.switches.heights(x), self.switches.normals @ self.velocity(x)
        ahead = (np.abs(heights) < _CLOSE * (1 + np.abs(x).max())) & (heights * rates < 0)
        if not ahead.any():
            return None
        event = int(np.argmin(np.where(ahead, np.abs(heights), np.inf)))
        return event, -float(heights[event] / rates[event])

    def _check(self, status: int, t: float, x: np.ndarray) -> None:
        check = getattr(self._kernel, "check", None)
        if check is not None:
            check()
        if status in (DIVERGED, STALLED):
            what = "diverges" if status == DIVERGED else "meets a singularity or an undeclared jump"
            raise FlowError(f"the flow {what} after t = {t:.6g}, at x = {x}")

    def _saltation(self, x: np.ndarray, normal: np.ndarray, side: float) -> np.ndarray:
        """Return how a difference of states jumps where the velocity does, x passing to ``side``."""
        nudge = side * _NUDGE * (1 + np.abs(x).max()) * normal
        before, after = self.velocity(x - nudge), self.velocity(x + nudge)
        if side * (normal @ after) <= 0:
            raise FlowError(
                f"the flow slides along a switch from x = {x} on: both sides point to it, and the velocity "
                "on it is not defined"
            )
        return np.eye(len(x)) + np.outer(after - before, normal) / (normal @ before)

    def extremes(self, arc: Arc) -> tuple[np.ndarray, np.ndarray]:
        """Return the least and the largest value of every entry along an arc, each of shape (n,)."""
        return self._extreme(arc, np.argmin, np.minimum), self._extreme(arc, np.argmax, np.maximum)

    def _extreme(self, arc: Arc, pick: Any, better: Any) -> np.ndarray:
        found = np.empty(self.dim)
        for entry in range(self.dim):
            k = int(pick(arc.states[:, entry]))
            found[entry] = arc.states[k, entry]
            for start in (k - 1, k):
                if 0 <= start < len(arc.times) - 1 and self._turns(arc, start, entry):
                    x, h = arc.states[start].copy(), arc.times[start + 1] - arc.times[start]
                    found[entry] = better(
                        found[entry], extremum(self._kernel.velocity, *self._call, x, 0.0, h, entry)
                    )
        return found

    def _turns(self, arc: Arc, k: int, entry: int) -> bool:
        """Return whether an entry stops within a step, that is not across a switch."""
        slopes = [self.velocity(arc.states[j])[entry] for j in (k, k + 1)]
        heights = self.switches.heights(arc.states[k : k + 2])
        return bool(slopes[0] * slopes[1] < 0 and np.all(heights[0] * heights[1] > 0))


class _Walk:
    """The record of an arc as it grows."""

    def __init__(self, x: np.ndarray) -> None:
        self._times, self._states = [np.zeros(1)], [np.array(x, dtype=np.float64)[None]]
        self._pieces: list[np.ndarray] = [np.empty((0, len(x), len(x)))]
        self._switches = 0

    def extend(self, times: np.ndarray, states: np.ndarray, pieces: np.ndarray) -> None:
        """Add what was recorded."""
        self._times.append(times.copy())
        self._states.append(states.copy())
        self._pieces.append(pieces.copy())

    def jump(self, saltation: np.ndarray, tangents: bool) -> None:
        """Add a switch."""
        self._switches += 1
        if tangents:
            self._pieces.append(saltation[None])

    def arc(self, crossed: bool) -> Arc:
        """Return the arc."""
        times, states, pieces = map(np.concatenate, (self._times, self._states, self._pieces))
        return Arc(times, states, pieces, crossed, self._switches)
