"""Starts followed as tiles, by any executor, into a store a round."""

from __future__ import annotations

from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gandyn.arrays import Array, like, to_numpy
from gandyn.basins.following import Follower, Rules, Targets, Walk
from gandyn.basins.starts import Starts
from gandyn.field import System
from gandyn.planes.slices import rounded
from gandyn.tiles import Store, compute, fingerprint

__all__ = ["Tiled"]

#: Starts of a tile, and steps between looks at whether they have arrived.
_TILE, _ROUND = 1024, 64


class Tiled:
    """Following by an executor, into a store a round."""

    def __init__(self, executor: Executor | None, folder: Path | None, progress: bool) -> None:
        self._executor, self._folder, self._progress = executor, folder, progress
        self._rounds = 0
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)

    def follow(
        self, follower: Follower, targets: Targets, starts: Starts, rows: np.ndarray
    ) -> dict[str, np.ndarray]:
        """Return label, steps and evaluations of rows."""
        work = _Pieces(follower.system, follower.rules, follower.template, targets, starts.at_rows(rows))
        store = None
        if self._folder is not None:
            path = self._folder / f"round-{self._rounds}.zarr"
            store = Store(path, ("start",), self._decides(follower, targets, work.starts))
        self._rounds += 1
        return compute(
            work, (len(rows),), tile=_TILE, executor=self._executor, store=store,
            progress=self._progress, what="starts",
        )  # fmt: skip

    @staticmethod
    def _decides(follower: Follower, targets: Targets, starts: np.ndarray) -> dict[str, Any]:
        system, rules = follower.system, vars(follower.rules)
        return {
            "kind": "basins",
            "label": system.label,
            "constants": dict(system.constants),
            "velocity_at_first": rounded(_residual(follower, starts[0])),
            "fingerprints": {"starts": fingerprint(starts), "targets": fingerprint(*targets.packed())},
            **rules,
        }


def _residual(follower: Follower, start: np.ndarray) -> np.ndarray:
    with np.errstate(all="ignore"):
        return to_numpy(follower.system.residual(like(start, follower.template))).astype(float)


@dataclass(frozen=True, eq=False)
class _Pieces:
    """What follows a piece of the starts, in any process."""

    system: System
    rules: Rules
    template: Array
    targets: Targets
    starts: np.ndarray

    def __call__(self, piece: slice) -> dict[str, np.ndarray]:
        """Return label and steps of each start, the evaluations of all on the first."""
        walk = Walk.from_starts(self.starts[piece])
        loop = Follower(self.system, self.rules, self.template).loop(self.targets)
        evaluations = np.zeros(len(walk.x), dtype=np.int64)
        while walk.open:
            evaluations[0] += loop(walk, _ROUND)
        return {"label": walk.labels, "steps": walk.steps, "evaluations": evaluations}
