"""The twin of the compiled loops of ``stretching`` in NumPy: all states of a batch step together."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gandyn.trajectories.tableau import ERROR, EXPONENT, MAX_GROWTH, MAX_SHRINK, NODES, SAFETY, STAGES

__all__ = ["stretch_batch_flow", "stretch_batch_map"]

_OPEN, _FINISHED, _DIVERGED, _STALLED = -1, 0, 1, 2

#: ``evaluate(y, t)`` returns, for rows of a state and its tangents (m, 1 + k, n), their rates or images.
Evaluate = Callable[[np.ndarray, Any], np.ndarray]


def _rescale(y: np.ndarray) -> np.ndarray:
    """Divide the tangents of each state by a power of two, in place; return its exponent, shape (m,)."""
    largest = np.abs(y[:, 1:]).max(axis=(1, 2))
    exponents = np.where(np.isfinite(largest), np.frexp(largest)[1], 0)
    y[:, 1:] = np.ldexp(y[:, 1:], -exponents[:, None, None])
    return np.asarray(exponents)


def _within(y: np.ndarray, max_norm: float) -> np.ndarray:
    return np.asarray(np.sum(y[:, 0] ** 2, axis=-1) <= max_norm**2)


def stretch_batch_map(evaluate: Evaluate, bundle: Any, last: float, steps: int, max_norm: float) -> None:
    """Iterate a map from the open states of a ``Bundle``, in place, for so many steps or up to ``last``."""
    for _ in range(steps):
        rows = np.flatnonzero(bundle.statuses == _OPEN)
        if not len(rows):
            return
        new = evaluate(bundle.y[rows], int(bundle.times[rows[0]]))
        bundle.steps[rows] += 1
        good = _within(new, max_norm)
        bundle.statuses[rows[~good]] = _DIVERGED
        rows, new = rows[good], new[good]
        bundle.exponents[rows] += _rescale(new)
        bundle.y[rows] = new
        bundle.times[rows] += 1
        bundle.statuses[rows[bundle.times[rows] == last]] = _FINISHED


def stretch_batch_flow(
    evaluate: Evaluate, bundle: Any, end: float, steps: int, rtol: float, atol: float, max_norm: float
) -> None:
    """Follow a flow from the open states of a ``Bundle``, in place, for so many steps or up to ``end``.

    All states take the same step, that of the one with the largest error, so that they share the time.
    A state with which no step succeeds is given up.
    """
    for _ in range(steps):
        rows = np.flatnonzero(bundle.statuses == _OPEN)
        if not len(rows):
            return
        t, y = float(bundle.times[rows[0]]), bundle.y[rows]
        h = bundle.h[rows[0]] or _first_step(evaluate, y, t, end, rtol, atol)
        clipped = abs(h) >= abs(end - t)
        moved = end if clipped else t + h
        new, errors = _step(evaluate, y, t, moved - t, rtol, atol)
        bundle.steps[rows] += 1
        worst = float(errors.max())
        factor = SAFETY * worst**EXPONENT if worst > 0 else MAX_GROWTH
        bundle.h[rows] = (moved - t) * min(max(factor, MAX_SHRINK), MAX_GROWTH)
        if worst <= 1:
            _accept(bundle, rows, new, moved, end, max_norm)
        elif abs(bundle.h[rows[0]]) < 10 * np.spacing(max(abs(t), abs(end))):
            bad = rows[errors > 1]
            bundle.statuses[bad] = np.where(np.isinf(errors[errors > 1]), _DIVERGED, _STALLED)


def _accept(bundle: Any, rows: np.ndarray, new: np.ndarray, t: float, end: float, max_norm: float) -> None:
    bundle.exponents[rows] += _rescale(new)
    bundle.y[rows], bundle.times[rows] = new, t
    bundle.statuses[rows] = np.where(_within(new, max_norm), _FINISHED if t == end else _OPEN, _DIVERGED)


def _errors(miss: np.ndarray, size: np.ndarray, rtol: float, atol: float) -> np.ndarray:
    """Return the errors in units of the tolerance, ``rtol (1 + |u|)`` for tangents u, shape (m,)."""
    state = np.mean((miss[:, 0] / (atol + rtol * size[:, 0])) ** 2, axis=-1)
    tangents = np.mean((miss[:, 1:] / (rtol + rtol * size[:, 1:])) ** 2, axis=(1, 2))
    found = np.sqrt(np.maximum(state, tangents))
    return np.asarray(np.where(np.isfinite(found), found, np.inf))


def _step(
    evaluate: Evaluate, y: np.ndarray, t: float, h: float, rtol: float, atol: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return rows after a step and the errors in units of the tolerance."""
    slopes = [evaluate(y, t)]
    for node, weights in zip(NODES, STAGES, strict=True):
        new = y + h * sum(w * slope for w, slope in zip(weights, slopes, strict=True))
        slopes.append(evaluate(new, t + node * h))
    miss = h * sum(w * slope for w, slope in zip(ERROR, slopes, strict=True))
    return np.asarray(new), _errors(np.asarray(miss), np.maximum(np.abs(y), np.abs(new)), rtol, atol)


def _first_step(evaluate: Evaluate, y: np.ndarray, t: float, end: float, rtol: float, atol: float) -> float:
    """Return a first step, signed, that is short for the fastest of the states."""
    speed = _errors(evaluate(y, t), np.abs(y), rtol, atol)
    fastest = float(np.max(speed, where=np.isfinite(speed), initial=0.0))
    return float(np.copysign(min(abs(end - t), 1 / max(fastest, 1e-12) ** 0.5), end - t))
