"""The call: which attractor every start reaches."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gandyn.arrays import Array, to_numpy
from gandyn.basins.cells import Cells
from gandyn.basins.discovery import attractor_of
from gandyn.basins.following import Follower, Rules, Targets, Walk
from gandyn.basins.result import NOT_COMPUTED, UNDECIDED, Attractor, Basins
from gandyn.basins.starts import Starts, given_starts, grid_of_starts
from gandyn.basins.tiled import Tiled
from gandyn.basins.traps import Traps
from gandyn.field import System, UpdateMap

__all__ = ["find_basins"]

#: Starts that look for attractors in a round, and how many of them may roam without finding one.
_REPRESENTATIVES, _VAIN = 32, 4
#: Starts followed at once, compiled and in NumPy, and steps between looks at Ctrl-C.
_CHUNK, _BATCH, _ROUND = 1024, 65536, 64


def find_basins(
    system: System,
    box: Any,
    n: int | tuple[int, int] = 100,
    *,
    at: Mapping[str, float] | Array | None = None,
    starts: Array | None = None,
    max_steps: int = 10_000,
    away: float = 3.0,
    away_steps: int = 1000,
    max_norm: float = 1e6,
    cells: int = 200,
    settle_steps: int = 50,
    rtol: float = 1e-7,
    atol: float = 1e-9,
    executor: Executor | None = None,
    store: str | os.PathLike[str] | None = None,
    progress: bool = True,
) -> Basins:
    """Label every start with the attractor that it reaches.

    Representative starts are followed to where they settle; what they settle on is classified and becomes
    a target, if it attracts: fixed points and periodic orbits by the eigenvalues of the exact Jacobian,
    other sets by their Lyapunov exponents. Then every start is followed until it has reached a target:

    - a linearly stable fixed point or periodic orbit, on entering an ellipsoid around it on which a
      quadratic Lyapunov function was checked to fall;
    - any other attractor, once ``settle_steps`` moves in a row, one and a half periods of a cycle at
      least, led from one of the cells that the attractor visits into another. An orbit that creeps past a
      saddle makes no moves.

    Starts that reach no target look for further ones, in rounds, until a round finds none.

    A start without an attractor is labelled

    - ESCAPED: the norm of its state exceeded ``max_norm``, or a next state or a velocity was not finite;
    - LEFT_THE_BOX: it stayed outside the box enlarged ``away`` times about its middle for ``away_steps``
      steps in a row; one that comes back in time is followed on;
    - UNDECIDED: none of these after ``max_steps`` steps, as the orbits around a centre, or the steps of a
      flow shrank to nothing at a jump or a pole;
    - NOT_COMPUTED: the run was interrupted.

    Args:
        system: the vector field or update map; autonomous.
        box: (low, high) by name of one or two entries, which span the grid of starts, horizontal one
            first; one (low, high) or an array for all entries, as ``Layout.bounds`` takes them, for a
            system of at most two entries, the discriminator's horizontal, or with ``starts``.
        n: cells along each side of the box, or (horizontal, vertical); starts are their middles.
        at: values of the entries that the box leaves out, by name, or a state of shape (n,).
        starts: shape (m, n), states to start from instead of a grid.
        max_steps: steps of the map, or accepted steps of the integrator, from each start.
        away: how many times larger than the box is the region outside which starts are given up.
        away_steps: steps in a row outside it after which they are.
        max_norm: norm of the state beyond which it has escaped.
        cells: cells, along a side of the box, in which attractors are remembered.
        settle_steps: moves from cell to cell of an attractor that count as settled.
        rtol: relative tolerance of a flow.
        atol: absolute tolerance of a flow.
        executor: any ``concurrent.futures.Executor`` to follow the starts by, see ``tiles.compute``;
            attractors are looked for here.
        store: a folder for the labels as they are decided, a Zarr store for each round. A call that was
            interrupted goes on from there.
        progress: show a progress bar when on a terminal.

    Returns:
        Labels, attractors and shares; the same whatever the number of threads or workers.

    Raises:
        ValueError: a box of more than two entries without ``starts``, entries without a value, a number
            out of range, or a store made with other settings.
        KeyboardInterrupt: on Ctrl-C, with an executor or a store.

    Sources: cells, Datseris and Wagemakers 2022; exponents, Benettin et al. 1980; intervals, Wilson 1927.

    Example:
        >>> from gandyn.field import Layout, UpdateMap
        >>> newton = UpdateMap(lambda x, k: x - (x * x - 1) / (2 * x), Layout.scalars(state=["x"]),
        ...                    jac=lambda x, k: ((x * x - 1) / (2 * x * x))[..., None])
        >>> found = find_basins(newton, {"x": (-2, 2)}, 10)
        >>> found.labels, [float(point.samples[0, 0]) for point in found.attractors]
        (array([0, 0, 0, 0, 0, 1, 1, 1, 1, 1], dtype=int32), [-1.0, 1.0])
    """
    _check_numbers(
        max_steps=max_steps, away_steps=away_steps, max_norm=max_norm, cells=cells, settle_steps=settle_steps,
        rtol=rtol, atol=atol,
    )  # fmt: skip
    if not away >= 1:
        raise ValueError(f"away must be at least 1, the box itself, got {away}")
    chosen = (
        grid_of_starts(system, box, n, at) if starts is None else given_starts(system, box, starts, n, at)
    )
    far_low, far_high = chosen.larger(away)
    rules = Rules(far_low, far_high, max_steps, away_steps, max_norm, settle_steps, rtol, atol)
    search = _Search(Follower(system, rules, chosen.template), chosen, cells, progress)
    if executor is not None or store is not None:
        search.tiled = Tiled(executor, None if store is None else Path(store), progress)
    search.run()
    return search.result(
        {
            "max_steps": max_steps, "away": away, "away_steps": away_steps, "max_norm": max_norm,
            "cells": cells, "settle_steps": settle_steps, "rtol": rtol, "atol": atol,
        }
    )  # fmt: skip


def _check_numbers(**numbers: float) -> None:
    for name, value in numbers.items():
        whole = name not in ("max_norm", "rtol", "atol")
        if not (0 < value < np.inf) or (whole and (value != int(value) or value > 2**31 - 1)):
            kind = "a whole number from 1 to 2**31 - 1" if whole else "positive and finite"
            raise ValueError(f"{name} must be {kind}, got {value}")


@dataclass
class _Tally:
    """What is known so far, kept outside the loops so that an interrupt loses nothing."""

    labels: np.ndarray
    steps: np.ndarray
    attractors: list[Attractor]
    evaluations: int = 0
    interrupted: bool = False


class _Search:
    """Rounds of discovery and following, until a round finds no attractor."""

    def __init__(self, follower: Follower, starts: Starts, cells: int, progress: bool) -> None:
        self.follower, self.starts, self.progress = follower, starts, progress
        self.scale = float(np.mean(starts.widths))
        sides = np.where(np.isfinite(starts.high - starts.low), starts.high - starts.low, self.scale) / cells
        corner = np.where(np.isfinite(starts.low), starts.low, 0.0)
        n = len(corner)
        self.targets = Targets(Traps.none(n), Cells.none(corner, sides))
        total = starts.count
        self.tried = np.zeros(total, dtype=bool)
        self.tiled: Tiled | None = None
        labels = np.full(total, NOT_COMPUTED, dtype=np.int32)
        self.tally = _Tally(labels, np.zeros(total, dtype=np.int32), [])

    def run(self) -> None:
        """Look for attractors, follow what is open, and begin again with what settled nowhere."""
        from tqdm import tqdm

        rows = np.arange(self.starts.count)
        bar: Any = tqdm(total=len(rows), desc="starts", leave=False, disable=None if self.progress else True)
        try:
            self._discover(rows)
            while True:
                self._follow(rows, bar)
                rows = np.flatnonzero(self.tally.labels == UNDECIDED)
                if not self._discover(rows):
                    return
                bar.total += len(rows)
        except KeyboardInterrupt:
            if self.tiled is not None:
                raise
            self.tally.interrupted = True
        finally:
            bar.close()

    def _discover(self, rows: np.ndarray) -> int:
        """Follow some of the rows to new attractors; return how many were found."""
        chosen = np.linspace(0, len(rows) - 1, min(len(rows), _REPRESENTATIVES)).round().astype(int)
        chosen = rows[chosen][~self.tried[rows[chosen]]]
        before, vain = len(self.tally.attractors), 0
        for row in chosen:
            if vain == _VAIN:
                break
            self.tried[row] = True
            found, roamed = attractor_of(
                self.follower, self.starts.at_rows(row[None])[0], self.targets, self.scale
            )
            vain += roamed and found is None
            if found is not None:
                attractor, self.targets = found
                self.tally.attractors.append(attractor)
        return len(self.tally.attractors) - before

    def _follow(self, rows: np.ndarray, bar: Any) -> None:
        """Follow rows to their labels, in threads where that is compiled, or as tiles."""
        if self.tiled is not None:
            found = self.tiled.follow(self.follower, self.targets, self.starts, rows)
            self.tally.labels[rows], self.tally.steps[rows] = found["label"], found["steps"]
            self.tally.evaluations += int(found["evaluations"].sum())
            return
        loop, stop, tally = self.follower.loop(self.targets), threading.Event(), self.tally
        size = _CHUNK if self.follower.compiled else _BATCH
        pieces = [rows[i : i + size] for i in range(0, len(rows), size)]

        def run(piece: np.ndarray) -> int:
            walk, evaluations = Walk.from_starts(self.starts.at_rows(piece)), 0
            while walk.open and not stop.is_set():
                evaluations += loop(walk, _ROUND)
            tally.labels[piece], tally.steps[piece] = walk.labels, walk.steps
            return evaluations

        threads = min(len(pieces), os.cpu_count() or 1) if self.follower.compiled else 1
        pool = ThreadPoolExecutor(max(threads, 1))
        try:
            for piece, evaluations in zip(pieces, pool.map(run, pieces), strict=True):
                tally.evaluations += evaluations
                bar.update(len(piece))
        finally:
            stop.set()
            pool.shutdown(cancel_futures=True)

    def result(self, settings: dict[str, float]) -> Basins:
        """Return what is known."""
        tally, system, starts = self.tally, self.follower.system, self.starts
        rules = self.follower.rules
        computed = int(np.sum(tally.labels != NOT_COMPUTED))
        rest = f"{len(tally.labels) - computed} starts not computed"
        return Basins(
            labels=tally.labels.reshape(starts.shape),
            steps=tally.steps.reshape(starts.shape),
            attractors=tuple(tally.attractors),
            names=starts.names,
            entries=starts.places,
            axes=starts.axes,
            at=to_numpy(starts.base).astype(np.float64),
            starts=starts.given,
            box=np.stack([starts.low, starts.high]),
            larger_box=np.stack([rules.far_low, rules.far_high]),
            settings=settings,
            evaluations=tally.evaluations,
            status="interrupted" if tally.interrupted else "finished",
            message=f"interrupted: {rest}" if tally.interrupted else f"{tally.evaluations} evaluations",
            label=system.label,
            clock="map" if isinstance(system, UpdateMap) else "flow",
        )
