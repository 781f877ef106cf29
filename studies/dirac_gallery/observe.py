"""What a cell does when it is iterated; nothing is known of its fixed point."""

from typing import Any

import numpy as np

from gandyn import Trajectory, UpdateMap, trajectory

START = np.array([1.0, 1.0])
OTHER = np.array([0.2, 0.2])
STEPS = 500
ROUNDS = 300  # steps, longer than a turn of any cell


def observe(step: UpdateMap, n_steps: int) -> dict[str, Any]:
    """Return the verdict on the path from (1, 1), what it rests on, and the rate of a path that converges."""
    path, other = (trajectory(step, x0, n_steps=n_steps, progress=False) for x0 in (START, OTHER))
    middle, end = _largest(path, n_steps // 2), _largest(path, n_steps)
    return {
        "verdict": _verdict(path, middle, end, _largest(other, n_steps)),
        "largest radius": {"500 steps": _largest(path, STEPS), "half way": middle, "end": end},
        "least radius at the end": float(_radius(path)[-ROUNDS:].min()),
        "largest radius from (0.2, 0.2)": _largest(other, n_steps),
        "half-widths at the end": np.abs(path.x[-ROUNDS:]).max(axis=0).tolist(),
        "rate per step": _rate(_radius(path)),
        "leaves the window": bool(np.abs(path.x[: STEPS + 1]).max() > 2.0),
    }


def _radius(path: Trajectory) -> np.ndarray:
    return np.asarray(np.linalg.norm(path.x, axis=1))


def _largest(path: Trajectory, until: int) -> float:
    return float(_radius(path)[until + 1 - ROUNDS : until + 1].max())


def _verdict(path: Trajectory, middle: float, end: float, other: float) -> str:
    if path.status == "diverged" or end > 1.1 * middle:
        return "diverges"
    if end < 1e-12:
        return "converges"
    if end < 0.9 * middle:
        return "converges slowly"
    return "cycles" if abs(other / end - 1) < 0.02 else "neutral"


def _rate(radius: np.ndarray) -> float | None:
    """Return the slope of ln(radius) from 1e-3 down to 1e-140, or None where it does not get there."""
    if radius.min() > 1e-12:
        return None
    n = np.flatnonzero((radius < 1e-3) & (radius > 1e-140))
    return float(np.polyfit(n, np.log(radius[n]), 1)[0])
