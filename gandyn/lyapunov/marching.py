"""State and frame marched forwards, interval by interval, with the triangular factors between the frames."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from gandyn.arrays import like, to_numpy
from gandyn.field import System, UpdateMap
from gandyn.lyapunov.engines import Engine, Stretched
from gandyn.lyapunov.ginelli import records_of_flow, records_of_map, triangular
from gandyn.trajectories.callback import kernel_of
from gandyn.trajectories.compiled import DIVERGED, FINISHED, STALLED

__all__ = ["March", "Segment", "march_of"]

_PIECE_SECONDS = 0.1


@dataclass(frozen=True, eq=False)
class Segment:
    """What is known of r records of c intervals each.

    Args:
        states: shape (r, n), at the beginning of each record.
        frames: shape (r, k, n), orthonormal tangents then.
        uppers: shape (r, c, k, k), the triangular factors of the intervals.
    """

    states: np.ndarray
    frames: np.ndarray
    uppers: np.ndarray

    @classmethod
    def empty(cls, records: int, intervals: int, k: int, n: int) -> Segment:
        """Return room for so many records."""
        uppers = np.empty((records, intervals, k, k))
        return cls(np.empty((records, n)), np.empty((records, k, n)), uppers)

    def part(self, begin: int, end: int) -> Segment:
        """Return a view of some of the records."""
        return Segment(self.states[begin:end], self.frames[begin:end], self.uppers[begin:end])


class March:
    """A state with an orthonormal frame that moves on by intervals.

    Args:
        x: shape (n,).
        frame: shape (k, n).
    """

    def __init__(self, x: np.ndarray, frame: np.ndarray) -> None:
        self.x, self.frame, self.contrast, self.steps = x, frame, 0.0, 0
        self.origin, self.done, self.interval, self.h = 0.0, 0, 1.0, 0.0

    def begin(self, t: float, interval: float) -> None:
        """Begin at a time, with intervals of this length: flow time, or steps."""
        self.origin, self.done, self.interval, self.contrast = t, 0, interval, 0.0

    def memory(self) -> tuple[Any, ...]:
        """Return all that going on from here depends on."""
        return self.x.copy(), self.frame.copy(), self.origin, self.done, self.interval, self.h

    def restore(self, memory: tuple[Any, ...]) -> None:
        """Go back to what ``memory`` returned."""
        x, frame, self.origin, self.done, self.interval, self.h = memory
        self.x, self.frame = x.copy(), frame.copy()

    def fill(self, segment: Segment, update: Callable[[int], Any]) -> tuple[int, str]:
        """Fill the records of a segment; return how many are whole, and "finished" or why not all are."""
        total, place, piece = len(segment.states), 0, 1
        while place < total:
            asked, begun = min(piece, total - place), time.monotonic()
            whole, status = self._fill(segment.part(place, place + asked))
            self.done += whole * segment.uppers.shape[1]
            place += whole
            update(whole)
            if status != "finished":
                return place, status
            seconds = max(time.monotonic() - begun, 1e-6)
            piece = int(np.clip(asked * _PIECE_SECONDS / seconds, 1, 8 * asked))
        return place, "finished"

    def _fill(self, segment: Segment) -> tuple[int, str]:
        raise NotImplementedError


class CompiledMarch(March):
    """By compiled loops, with a dense Jacobian."""

    def __init__(self, system: System, engine: Engine, frame: np.ndarray, tolerances: Any) -> None:
        super().__init__(np.array(to_numpy(engine.x), dtype=np.float64), frame)
        self._kernel, self._is_map = kernel_of(system, engine.x), isinstance(system, UpdateMap)
        self._code = self._kernel.jacobian, self._kernel.params, self._kernel.nodes, self._kernel.plan
        self._tolerances = tolerances

    def _fill(self, segment: Segment) -> tuple[int, str]:
        where = self.x, self.frame, self.origin, self.done
        room = segment.states, segment.frames, segment.uppers
        if self._is_map:
            whole, contrast, steps = records_of_map(
                *self._code, *where, int(self.interval), self._tolerances[-1], *room
            )
            status = FINISHED if whole == len(segment.states) else DIVERGED
        else:
            whole, contrast, steps, self.h, status = records_of_flow(
                *self._code, *where, self.interval, self.h, *self._tolerances, *room
            )
        if check := getattr(self._kernel, "check", None):
            check()
        self.steps += steps
        self.contrast = max(self.contrast, contrast)
        return whole, {FINISHED: "finished", STALLED: "stalled"}.get(status, "diverged")


class StretchedMarch(March):
    """By an engine in Python: products of large systems, flows that jump."""

    def __init__(self, engine: Stretched, frame: np.ndarray) -> None:
        super().__init__(np.array(to_numpy(engine.x), dtype=np.float64), frame)
        self._engine = engine

    def _fill(self, segment: Segment) -> tuple[int, str]:
        count = segment.uppers.shape[1]
        for row in range(len(segment.states)):
            segment.states[row], segment.frames[row] = self.x, self.frame
            for piece in range(count):
                status = self._move(self.done + row * count + piece, segment.uppers[row, piece])
                if status != "finished":
                    return row, status
        return len(segment.states), "finished"

    def _move(self, number: int, upper: np.ndarray) -> str:
        engine = self._engine
        engine.x, engine.tangents = like(self.x, engine.x), like(self.frame, engine.x)
        begin, end = (self.origin + (number + i) * self.interval for i in (0, 1))
        x, tangents, status = engine.stretch(begin, end)
        if status == "finished":
            self.x = np.array(to_numpy(x), dtype=np.float64)
            self.frame = np.array(to_numpy(tangents), dtype=np.float64, order="C")
            self.contrast = max(self.contrast, triangular(self.frame, upper))
            self.steps += 1
        return status


def march_of(system: System, engine: Engine, frame: np.ndarray, tolerances: Any) -> March:
    """Return the march of a system from where its engine stands."""
    if isinstance(engine, Stretched):
        return StretchedMarch(engine, frame)
    return CompiledMarch(system, engine, frame, tolerances)
