"""Every start followed to a label: compiled where the system has a kernel, else batched in NumPy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gandyn.arrays import Array
from gandyn.basins.batched import follow_batch
from gandyn.basins.cells import NOBODY, Cells
from gandyn.basins.result import NOT_COMPUTED
from gandyn.basins.traps import Traps
from gandyn.field import System, UpdateMap
from gandyn.trajectories.callback import CallbackKernel, kernel_of

__all__ = ["Follower", "Rules", "Targets", "Walk"]


@dataclass(frozen=True, eq=False)
class Rules:
    """What decides a label besides the attractors; see ``find_basins``."""

    far_low: np.ndarray
    far_high: np.ndarray
    max_steps: int
    away_steps: int
    max_norm: float
    settle_steps: int
    rtol: float
    atol: float


@dataclass(frozen=True, eq=False)
class Targets:
    """Where starts may settle: traps, cells, and the moves from cell to cell that count as settled.

    Args:
        traps: round fixed points and periodic orbits.
        cells: of all other attractors.
        needed: int64, by number of the attractor; 0 for those with traps.
    """

    traps: Traps
    cells: Cells
    needed: tuple[int, ...] = ()

    def packed(self) -> tuple[np.ndarray, ...]:
        """Return what the compiled loop takes."""
        traps, cells = self.traps, self.cells
        needed = np.array([*self.needed, 0], dtype=np.int64)
        ellipsoids = (traps.centres, traps.metrics, traps.reach, traps.owners)
        return (*ellipsoids, cells.low, cells.size, *cells.table(), needed)


@dataclass(frozen=True, eq=False)
class Walk:
    """The states of starts on their way, with what is remembered of each.

    Args:
        x: shape (m, n), in place.
        labels: shape (m,), int32; NOT_COMPUTED while open.
        steps: shape (m,), int32.
        h: shape (m,), next step of a flow.
        last: key of the last cell.
        candidate: attractor whose cells the orbit is in.
        moves: from cell to cell since it came there.
        away: steps in a row outside the larger box.
    """

    x: np.ndarray
    labels: np.ndarray
    steps: np.ndarray
    h: np.ndarray = field(init=False)
    last: np.ndarray = field(init=False)
    candidate: np.ndarray = field(init=False)
    moves: np.ndarray = field(init=False)
    away: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        m = len(self.x)
        object.__setattr__(self, "h", np.zeros(m))
        object.__setattr__(self, "candidate", np.full(m, NOBODY, dtype=np.int64))
        for name in ("last", "moves", "away"):
            object.__setattr__(self, name, np.zeros(m, dtype=np.int64))

    @classmethod
    def from_starts(cls, starts: np.ndarray) -> Walk:
        """Return the walk that begins at states (m, n)."""
        m = len(starts)
        labels = np.full(m, NOT_COMPUTED, dtype=np.int32)
        return cls(np.array(starts, dtype=np.float64), labels, np.zeros(m, dtype=np.int32))

    @property
    def open(self) -> bool:
        """Whether some start has no label yet."""
        return bool(np.any(self.labels == NOT_COMPUTED))


class Follower:
    """A system, ready to be followed from many starts or from one.

    Args:
        system: the vector field or update map.
        rules: what decides a label besides the attractors.
        template: an array of the system's namespace.
    """

    def __init__(self, system: System, rules: Rules, template: Array) -> None:
        self.system, self.rules, self.template = system, rules, template
        self.is_map = isinstance(system, UpdateMap)
        self.kernel = kernel_of(system, template)
        self.compiled = not isinstance(self.kernel, CallbackKernel)

    @property
    def parts(self) -> tuple[Any, ...]:
        """What follows the function in a compiled call."""
        return self.kernel.params, self.kernel.nodes, self.kernel.plan

    def advance(self, walk: Walk, targets: Targets, budget: int) -> int:
        """Follow a batch for so many steps; return the evaluations."""
        return self.loop(targets)(walk, budget)

    def loop(self, targets: Targets) -> Callable[[Walk, int], int]:
        """Return what follows a batch for so many steps, towards these targets, and may run in threads."""
        if self.compiled:
            return self._compiled_loop(targets)
        return lambda walk, budget: follow_batch(
            self.system, self.is_map, walk, targets, self.rules, budget, self.template
        )

    def to_an_end(self, start: np.ndarray, targets: Targets) -> Walk:
        """Follow one start, shape (n,), compiled, until it has a label."""
        walk = Walk.from_starts(start[None])
        self._compiled_loop(targets)(walk, self.rules.max_steps + 1)
        self.check()
        return walk

    def check(self) -> None:
        """Raise what the system raised within a compiled loop."""
        if isinstance(self.kernel, CallbackKernel):
            self.kernel.check()

    def _compiled_loop(self, targets: Targets) -> Callable[[Walk, int], int]:
        from gandyn.basins.compiled import follow

        rules, packed = self.rules, targets.packed()
        box = (rules.far_low, rules.far_high, rules.away_steps)
        numbers = (rules.max_steps, rules.max_norm, rules.rtol, rules.atol)

        def run(walk: Walk, budget: int) -> int:
            memory = (walk.last, walk.candidate, walk.moves, walk.away)
            return int(
                follow(
                    self.is_map, self.kernel.velocity, *self.parts, walk.x, walk.h, walk.steps, walk.labels,
                    *memory, *packed, *box, budget, *numbers,
                )
            )  # fmt: skip

        return run
