"""What a cell does when it is iterated; nothing is known of its fixed point."""

from typing import Any

import numpy as np

from gandyn import UpdateMap, trajectory

START = np.array([1.0, 1.0])
OTHER = np.array([0.2, 0.2])
STEPS = 500
SETTLED = 3000  # steps after which a path that decays exponentially has told all
ROUNDS = 300  # steps, longer than a turn of any cell


def observe(step: UpdateMap, n_steps: int) -> dict[str, Any]:
    """Return the verdict on the path from (1, 1), what it rests on, and the rate of a path that converges."""
    x = _follow(step, START, SETTLED)
    if np.linalg.norm(x[-1]) < 1e-12:
        return {"verdict": "converges", "rate per step": _rate(_radius(x)), **_window(x)}
    x = np.concatenate([x, _follow(step, x[-1], n_steps - SETTLED)[1:]])
    early, middle, end = (_largest(x, n) for n in (STEPS, n_steps // 2, n_steps))
    other = _largest(_follow(step, OTHER, n_steps), n_steps)
    return {
        "verdict": _verdict(early, end, other),
        "largest radius": {"500 steps": early, "half way": middle, "end": end},
        "least radius at the end": float(_radius(x)[-ROUNDS:].min()),
        "largest radius from (0.2, 0.2)": other,
        "half-widths at the end": np.abs(x[-ROUNDS:]).max(axis=0).tolist(),
        **_window(x),
    }


def _follow(step: UpdateMap, start: np.ndarray, n_steps: int) -> np.ndarray:
    path = trajectory(step, start, n_steps=n_steps, progress=False)
    assert path.status == "finished", path
    return np.asarray(path.x)


def _window(x: np.ndarray) -> dict[str, bool]:
    return {"leaves the window": bool(np.abs(x[: STEPS + 1]).max() > 2.0)}


def _radius(x: np.ndarray) -> np.ndarray:
    return np.asarray(np.linalg.norm(x, axis=1))


def _largest(x: np.ndarray, until: int) -> float:
    return float(_radius(x)[until + 1 - ROUNDS : until + 1].max())


def _verdict(early: float, end: float, other: float) -> str:
    if end > 1.1 * early:
        return "diverges"
    if end < 0.9 * early:
        return "converges slowly"
    return "cycles" if abs(other / end - 1) < 0.02 else "neutral"


def _rate(radius: np.ndarray) -> float:
    """Return the slope of ln(radius) from 1e-3 down to 1e-140, or as far as it gets."""
    n = np.flatnonzero((radius < 1e-3) & (radius > 1e-140))
    return float(np.polyfit(n, np.log(radius[n]), 1)[0])
