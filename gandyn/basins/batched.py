"""The twin of the compiled loop in NumPy: all starts of a batch step together, each with its own step."""

from __future__ import annotations

from typing import Any

import numpy as np

from gandyn.arrays import Array, like, to_numpy
from gandyn.basins.cells import NOBODY, keys_of
from gandyn.basins.result import ESCAPED, LEFT_THE_BOX, NOT_COMPUTED, UNDECIDED
from gandyn.field import System
from gandyn.trajectories.tableau import ERROR, EXPONENT, MAX_GROWTH, MAX_SHRINK, SAFETY, STAGES

__all__ = ["follow_batch"]

#: As in the compiled loop.
LONGEST_STEP = 1e3


def follow_batch(
    system: System, is_map: bool, walk: Any, targets: Any, rules: Any, budget: int, template: Array
) -> int:
    """Follow every open start of a ``Walk`` for ``budget`` steps; return the evaluations."""
    evaluate = lambda x: to_numpy(system(like(x, template), 0)).astype(np.float64)
    fresh = np.flatnonzero((walk.labels == NOT_COMPUTED) & (walk.steps == 0))
    with np.errstate(all="ignore"):
        inside = np.sum(walk.x[fresh] ** 2, axis=-1) <= rules.max_norm**2
        walk.labels[fresh[~inside]] = ESCAPED
        _judge(walk, fresh[inside], targets, rules)
        run = _iterate if is_map else _integrate
        return run(evaluate, walk, targets, rules, budget)


def _judge(walk: Any, rows: np.ndarray, targets: Any, rules: Any) -> None:
    """Give labels to the states of these rows that have settled or stayed away; keep count."""
    x = walk.x[rows]
    trapped = targets.traps.owner(x, NOBODY)
    walk.labels[rows[trapped != NOBODY]] = trapped[trapped != NOBODY]
    rows, x = rows[trapped == NOBODY], x[trapped == NOBODY]
    keys = keys_of(x, targets.cells.low, targets.cells.size)
    owners = targets.cells.owner(keys)
    walk.candidate[rows[owners == NOBODY]] = NOBODY
    known = owners >= 0
    other = known & (owners != walk.candidate[rows])
    moved = known & ~other & (keys != walk.last[rows])
    walk.candidate[rows[other]], walk.moves[rows[other]] = owners[other], 0
    walk.moves[rows[moved]] += 1
    needed = np.array([*targets.needed, 0])[np.where(known, owners, -1)]
    settled = moved & (walk.moves[rows] >= needed)
    walk.labels[rows[settled]] = owners[settled]
    rows, x, keys = rows[~settled], x[~settled], keys[~settled]
    walk.last[rows] = keys
    outside = np.any((x < rules.far_low) | (x > rules.far_high), axis=-1)
    walk.away[rows] = np.where(outside, walk.away[rows] + 1, 0)
    walk.labels[rows[walk.away[rows] >= rules.away_steps]] = LEFT_THE_BOX


def _arrive(walk: Any, rows: np.ndarray, new: np.ndarray, targets: Any, rules: Any) -> None:
    """Move these rows on by a step and judge where they are."""
    walk.steps[rows] += 1
    inside = np.sum(new * new, axis=-1) <= rules.max_norm**2
    walk.labels[rows[~inside]] = ESCAPED
    walk.x[rows[inside]] = new[inside]
    _judge(walk, rows[inside], targets, rules)


def _open(walk: Any, rows: np.ndarray, rules: Any) -> np.ndarray:
    """Return those of the rows that go on; label those that are out of steps."""
    rows = rows[walk.labels[rows] == NOT_COMPUTED]
    spent = walk.steps[rows] >= rules.max_steps
    walk.labels[rows[spent]] = UNDECIDED
    return np.asarray(rows[~spent])


def _iterate(evaluate: Any, walk: Any, targets: Any, rules: Any, budget: int) -> int:
    rows, evaluations = np.arange(len(walk.x)), 0
    for _ in range(budget):
        rows = _open(walk, rows, rules)
        if not len(rows):
            break
        _arrive(walk, rows, evaluate(walk.x[rows]), targets, rules)
        evaluations += len(rows)
    return evaluations


def _integrate(evaluate: Any, walk: Any, targets: Any, rules: Any, budget: int) -> int:
    rows = np.flatnonzero(walk.labels == NOT_COMPUTED)
    slopes, taken = np.zeros_like(walk.x), np.zeros(len(walk.x), dtype=np.int64)
    growth, finite = np.full(len(walk.x), MAX_GROWTH), np.ones(len(walk.x), dtype=bool)
    slopes[rows] = evaluate(walk.x[rows])
    fresh = rows[walk.h[rows] == 0]
    walk.h[fresh] = _first_steps(evaluate, walk.x[fresh], slopes[fresh], rules)
    floor = _floor(walk.h)
    evaluations = len(rows) + len(fresh)
    while True:
        rows = _open(walk, rows[taken[rows] < budget], rules)
        stuck = rows[walk.h[rows] < floor[rows]]
        walk.labels[stuck] = np.where(finite[stuck], UNDECIDED, ESCAPED)
        rows = rows[walk.h[rows] >= floor[rows]]
        if not len(rows):
            return evaluations
        h = np.minimum(walk.h[rows], LONGEST_STEP)
        new, last, error = _step(evaluate, walk.x[rows], slopes[rows], h, rules)
        evaluations += 6 * len(rows)
        good, finite[rows] = error <= 1, np.isfinite(error)
        factor = np.where(error > 0, SAFETY * error**EXPONENT, np.inf)
        grown = h * np.minimum(growth[rows], factor)
        clipped = (walk.h[rows] >= LONGEST_STEP) & (grown < walk.h[rows])
        shrunk = h * np.where(finite[rows], np.maximum(MAX_SHRINK, factor), MAX_SHRINK)
        walk.h[rows] = np.where(good, np.where(clipped, walk.h[rows], grown), shrunk)
        growth[rows], finite[rows] = np.where(good, MAX_GROWTH, 1.0), finite[rows] | good
        arrived = rows[good]
        slopes[arrived], taken[arrived] = last[good], taken[arrived] + 1
        floor[arrived] = _floor(walk.h[arrived])
        _arrive(walk, arrived, new[good], targets, rules)


def _floor(h: np.ndarray) -> np.ndarray:
    """Return the length below which a step from the one to be tried has stalled."""
    return np.asarray(10 * np.spacing(np.minimum(20 * h, LONGEST_STEP)))


def _first_steps(evaluate: Any, x: np.ndarray, slope: np.ndarray, rules: Any) -> np.ndarray:
    scaled = lambda change: np.sqrt(np.mean((change / (rules.atol + rules.rtol * np.abs(x))) ** 2, axis=-1))
    size, speed = scaled(x), scaled(slope)
    h = np.minimum(LONGEST_STEP, np.where(np.minimum(size, speed) < 1e-5, 1e-6, 0.01 * size / speed))
    change = scaled(evaluate(x + h[:, None] * slope) - slope) / h
    fastest = np.maximum(speed, change)
    guess = np.where(fastest <= 1e-15, np.maximum(1e-6, 1e-3 * h), (0.01 / fastest) ** 0.2)
    chosen = np.minimum(LONGEST_STEP, np.minimum(100 * h, guess))
    return np.asarray(np.where(np.isfinite(change), chosen, h))


def _step(
    evaluate: Any, x: np.ndarray, slope: np.ndarray, h: np.ndarray, rules: Any
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the states after a step, the slopes there and the errors in units of the tolerance."""
    slopes, across = [slope], h[:, None]
    for weights in STAGES:
        new = x + across * sum(w * k for w, k in zip(weights, slopes, strict=True))
        slopes.append(evaluate(new))
    miss = across * sum(w * k for w, k in zip(ERROR, slopes, strict=True))
    size = np.maximum(np.abs(x), np.abs(new))
    error = np.sqrt(np.mean((miss / (rules.atol + rules.rtol * size)) ** 2, axis=-1))
    return new, slopes[-1], np.where(np.isfinite(error), error, np.inf)
