"""An orbit followed further and further, and watched at even times in few coordinates."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from gandyn.arrays import Array, like, to_numpy
from gandyn.cycles.flow import Flow
from gandyn.cycles.result import FlowError
from gandyn.cycles.section import Section
from gandyn.field import System, UpdateMap, VectorField
from gandyn.lyapunov.phases import planes_of
from gandyn.lyapunov.result import Status
from gandyn.trajectories import trajectory
from gandyn.trajectories.callback import kernel_of
from gandyn.trajectories.compiled import FINISHED, STALLED, advance

__all__ = ["Orbit", "orbit_of", "watched"]

_WATCHED = 16
_PIECE = 250


def watched(states: np.ndarray, seed: int) -> np.ndarray:
    """Return at most 16 coordinates of states (m, n): all, or along random directions.

    Orbits in a set of dimension d are seen without crossings in 2 d + 1 generic directions or more
    (Sauer, Yorke and Casdagli 1991).
    """
    n = states.shape[1]
    if n <= _WATCHED:
        return states
    directions = np.linalg.qr(np.random.default_rng(seed).normal(size=(n, _WATCHED)))[0]
    return np.asarray(states @ directions)


class Orbit:
    """A state on its way.

    Args:
        x: the state, shape (n,).
        seed: seed of the directions that are watched.
        progress: show a progress bar when on a terminal.
    """

    def __init__(self, x: Array, seed: int, progress: bool) -> None:
        self.x, self.time, self._seed, self._progress = x, 0.0, seed, progress

    def watch(self, length: float, count: int) -> tuple[np.ndarray, Status]:
        """Move on by a length, steps or flow time; return what was seen at ``count`` even times of it.

        ``time`` is then that of the last of them that was reached.
        """
        rows = [np.empty((0, min(self.x.shape[0], _WATCHED)))]
        status: Status = "finished"
        for states, ended in self._pieces(length / count, count):
            rows.append(watched(states, self._seed))
            status = ended
        return np.concatenate(rows), status

    def skip(self, length: float, count: int) -> Status:
        """Move on likewise without watching."""
        if not length:
            return "finished"
        return [status for _, status in self._pieces(length / count, count)][-1]

    def _pieces(self, spacing: float, count: int) -> Iterator[tuple[np.ndarray, Status]]:
        from tqdm import tqdm

        pieces = range(0, count, _PIECE)
        for done in tqdm(pieces, desc="orbit", leave=False, disable=None if self._progress else True):
            states, status = self._states(spacing, min(_PIECE, count - done))
            self.time += spacing * len(states)
            yield states, status
            if status != "finished":
                return

    def _states(self, spacing: float, count: int) -> tuple[np.ndarray, Status]:
        """Move on; return the states, shape (m, n), fewer than asked for where it ends early."""
        raise NotImplementedError


class _MapOrbit(Orbit):
    def __init__(self, system: UpdateMap, x: Array, seed: int, progress: bool, max_norm: float) -> None:
        super().__init__(x, seed, progress)
        self._system, self._max_norm = system, max_norm

    def _states(self, spacing: float, count: int) -> tuple[np.ndarray, Status]:
        steps = round(spacing) * count
        found = trajectory(
            self._system, self.x, n_steps=steps, t0=round(self.time), save_every=round(spacing),
            max_norm=self._max_norm, progress=False,
        )  # fmt: skip
        if found.status == "interrupted":
            raise KeyboardInterrupt
        self.x = found.x[-1]
        finished = found.status == "finished"
        return to_numpy(found.x).astype(np.float64)[1:], "finished" if finished else "diverged"


class _FlowOrbit(Orbit):
    def __init__(
        self,
        system: VectorField,
        x: Array,
        seed: int,
        progress: bool,
        max_norm: float,
        tolerances: tuple[float, float],
    ) -> None:
        super().__init__(x, seed, progress)
        self._kernel, self._h, self._max_norm, self._tolerances = (
            kernel_of(system, x),
            0.0,
            max_norm,
            tolerances,
        )

    def _states(self, spacing: float, count: int) -> tuple[np.ndarray, Status]:
        kernel, x = self._kernel, to_numpy(self.x).astype(np.float64)
        code = kernel.velocity, kernel.params, kernel.nodes, kernel.plan
        limits = *self._tolerances, 10**9, self._max_norm
        samples, row, ended = np.empty((count, len(x))), 0, FINISHED
        while row < count and ended == FINISHED:
            begin, end = (self.time + place * spacing for place in (row, row + 1))
            _, self._h, ended, _ = advance(*code, x, begin, self._h, end, *limits)
            samples[row] = x
            row += ended == FINISHED
        if check := getattr(kernel, "check", None):
            check()
        self.x = like(x, self.x)
        status: Status = "finished" if ended == FINISHED else "stalled" if ended == STALLED else "diverged"
        return samples[:row], status


class _SwitchingOrbit(Orbit):
    def __init__(self, flow: Flow, x: Array, seed: int, progress: bool) -> None:
        super().__init__(x, seed, progress)
        self._flow = flow

    def _states(self, spacing: float, count: int) -> tuple[np.ndarray, Status]:
        states = [to_numpy(self.x).astype(np.float64)]
        status: Status = "finished"
        try:
            for _ in range(count):
                states.append(self._flow.end(states[-1], spacing))
        except FlowError as error:
            status = "diverged" if "diverges" in str(error) else "stalled"
        self.x = like(states[-1], self.x)
        return np.array(states[1:]).reshape(-1, len(states[0])), status


def orbit_of(
    system: System,
    x: Array,
    *,
    seed: int,
    progress: bool,
    max_norm: float,
    rtol: float,
    atol: float,
    switches: Sequence[Section] | None,
) -> Orbit:
    """Return the orbit of a system; a flow whose velocity jumps is followed from plane to plane."""
    planes = planes_of(system, switches)
    if isinstance(system, UpdateMap):
        return _MapOrbit(system, x, seed, progress, max_norm)
    if planes:
        return _SwitchingOrbit(Flow(system, planes, rtol, atol, max_norm, x), x, seed, progress)
    return _FlowOrbit(system, x, seed, progress, max_norm, (rtol, atol))
