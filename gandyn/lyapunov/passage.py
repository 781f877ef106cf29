"""The passages of Ginelli's method: forwards with memories of where segments begin, and back through them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gandyn.arrays import like, to_numpy
from gandyn.field import System
from gandyn.lyapunov.engines import Engine
from gandyn.lyapunov.ginelli import recover
from gandyn.lyapunov.marching import March, Segment, march_of
from gandyn.lyapunov.phases import Plan
from gandyn.lyapunov.result import Status

__all__ = ["Passage"]

_MOST_RECORDS = 4096
_FEW = 16
#: Logarithm of the contrast from one orthonormalisation to the next that the interval is chosen for.
_CONTRAST = 12.0
#: Steps of a map, and intervals of a stretch of the warm-up, at most.
_MOST = 100
#: Numbers that a segment holds at most, and records between looks at Ctrl-C on the way back.
_NUMBERS, _BACK = 2**23, 256


class Passage:
    """The two passages of one orbit, with what is known of them so far.

    Args:
        system: the vector field or update map.
        plan: how long each phase is; its average is the time of the records.
        backward: length of the backward warm-up.
        seed: seed of the first frame and of the last coefficients.
    """

    def __init__(self, system: System, plan: Plan, backward: float, seed: int) -> None:
        self._system, self.plan, self._random = system, plan, np.random.default_rng(seed)
        wanted = plan.amount / _MOST_RECORDS if plan.record is None else min(plan.record, plan.amount)
        self.every = (
            float(math.ceil(wanted)) if plan.stepped else plan.even(plan.amount, plan.amount / wanted)
        )
        self.records = plan.whole(plan.amount, self.every)
        self.behind = math.ceil(backward / self.every * (1 - 1e-12))
        self.start = plan.time(plan.transient + plan.warmup)
        self.status: Status = "finished"
        self.message, self.known, self.first, self.steps, self.contrast = "", 0, 0, 0, 0.0
        self._hold(0)

    def _hold(self, count: int) -> None:
        k, n = self.plan.k, self._system.layout.dim
        self.states, self.vectors = np.empty((count, n)), np.empty((count, k, n))
        self.logs, self.first = np.zeros((count, k)), count

    def carry_out(self, engine: Engine, tolerances: Any, progress: bool) -> None:
        """Go through all phases; Ctrl-C, and what ends the orbit, shorten them."""
        from tqdm import tqdm

        total = 2 * (self.records + self.behind)
        with (
            tqdm(
                total=total, desc="covariant vectors", leave=False, disable=None if progress else True
            ) as bar,
            np.errstate(all="ignore"),
        ):
            try:
                self._go(engine, tolerances, bar)
            except KeyboardInterrupt:
                self._end("interrupted", "on the way back" if self.known else "before the first record")
        self.states, self.vectors = self.states[self.first :], self.vectors[self.first :]
        self.logs = self.logs[self.first :]

    def _go(self, engine: Engine, tolerances: Any, bar: Any) -> None:
        if not self._settle(engine):
            return
        self._template = engine.x
        march = march_of(self._system, engine, self._first_frame(), tolerances)
        count = self._warm_up(march)
        if count:
            self._there_and_back(march, count, bar)

    def _end(self, status: Any, where: str) -> None:
        if self.status == "finished" and status != "finished":
            self.status, self.message = status, f"{status} {where}"

    def _settle(self, engine: Engine) -> bool:
        """Let the state settle; return whether it lives on."""
        time, left = self.plan.t0, self.plan.transient
        piece = self.plan.even(left, _FEW)
        while left > 1e-9 * piece:
            engine.begin(time, min(piece, left))
            self._end(engine.run(1).status, "in the transient")
            time, left = time + piece, left - piece
        return self.status == "finished"

    def _first_frame(self) -> np.ndarray:
        random = self._random.normal(size=(self._system.layout.dim, self.plan.k))
        return np.ascontiguousarray(np.linalg.qr(random)[0].T)

    def _warm_up(self, march: March) -> int:
        """Let the frame settle; return the number of intervals in a record, or 0 where the orbit ends."""
        plan = self.plan
        longest, time, left = self._guess(march), plan.time(plan.transient), plan.warmup
        while left > 1e-9 * longest:
            count = min(_MOST, max(1, int(left // longest) if plan.is_map else math.ceil(left / longest)))
            interval = min(longest, left if plan.is_map else left / count)
            march.begin(time, interval)
            _, status = march.fill(Segment.empty(1, count, *march.frame.shape), lambda count: None)
            if status != "finished":
                self._end(status, "in the forward warm-up")
                return 0
            time, left = time + count * interval, left - count * interval
            longest = self._adapted(interval, march.contrast)
        return self._intervals(longest)

    def _guess(self, march: March) -> float:
        """Return an interval over which tangents grow apart little."""
        if self.plan.is_map:
            return 1.0
        x, frame = (like(part, self._template) for part in (march.x, march.frame))
        rate = np.linalg.norm(to_numpy(self._system.jvp(x, frame, self.plan.t0)), axis=-1).max()
        return float(_CONTRAST / 2 / rate) if rate > 0 else self.every

    def _adapted(self, interval: float, contrast: float) -> float:
        longest = interval * float(np.clip(_CONTRAST / max(contrast, 1e-9), 0.1, 10.0))
        return float(np.clip(math.floor(longest), 1, _MOST)) if self.plan.is_map else longest

    def _intervals(self, longest: float) -> int:
        """Return into how many intervals a record is cut, whole ones of a map."""
        count = math.ceil(self.every / longest * (1 - 1e-12))
        while self.plan.is_map and self.every % count:
            count += 1
        return count

    def _there_and_back(self, march: March, intervals: int, bar: Any) -> None:
        k, n = march.frame.shape
        size = max(1, _NUMBERS // (intervals * k * k + k * n + n))
        total, memories = self.records + self.behind, []
        room = Segment.empty(min(size, total), intervals, k, n)
        march.begin(self.start, self.every / intervals)
        before = march.steps
        try:
            for begin in range(0, total, size):
                memories.append((begin, march.memory()))
                _, status = march.fill(room.part(0, min(size, total - begin)), bar.update)
                if status != "finished":
                    self._end(status, "on the way there")
                    break
        except KeyboardInterrupt:
            self._end("interrupted", "on the way there")
        self.known, self.contrast = march.done // intervals, march.contrast
        self.steps = march.steps - before
        self._hold(max(0, min(self.records, self.known - self.behind)))
        if self.known:
            self._back(march, memories, room, bar)

    def _back(self, march: March, memories: list[Any], room: Segment, bar: Any) -> None:
        """Go back through the segments, the last of which is in the room."""
        coefficients = self._last_coefficients()
        last = memories[-1][0]
        for begin, memory in reversed(memories):
            count = min(len(room.states), self.known - begin)
            if begin != last:
                march.restore(memory)
                march.fill(room.part(0, count), lambda count: None)
            for end in range(count, 0, -_BACK):
                start = max(0, end - _BACK)
                self._recover(room.part(start, end), begin + start, coefficients)
                bar.update(end - start)

    def _last_coefficients(self) -> np.ndarray:
        rows = np.tril(self._random.normal(size=(self.plan.k, self.plan.k)))
        return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True))

    def _recover(self, part: Segment, begin: int, coefficients: np.ndarray) -> None:
        """Take the coefficients back through some records, and keep those that are not warm-up."""
        vectors, logs = np.empty_like(part.frames), np.zeros(part.frames.shape[:2])
        recover(part.uppers, part.frames, coefficients, vectors, logs)
        end = min(begin + len(logs), len(self.logs))
        if begin < end:
            where, kept = slice(begin, end), slice(0, end - begin)
            self.states[where], self.vectors[where] = part.states[kept], vectors[kept]
            self.logs[where], self.first = logs[kept], begin
