"""How far a small disturbance grows before it decays: the non-normal part of stability."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

__all__ = ["amplification_of_flow", "amplification_of_map"]

_STEPS = 4000
_POWERS = 200_000


def amplification_of_map(matrix: np.ndarray) -> tuple[float, int]:
    """Return ``max_n |M^n|`` over n >= 0 of a stable matrix, and the n at which it is reached.

    Norms are sub-multiplicative: from the first n > 0 with ``|M^n| <= 1`` on, no power exceeds the largest
    one before it. Where none of the first 200,000 powers is that small, the maximum over those.
    """
    best, at, power = 1.0, 0, np.eye(len(matrix))
    for n in range(1, _POWERS):
        power = matrix @ power
        size = float(np.linalg.norm(power, 2))
        if size > best * (1 + 1e-12):
            best, at = size, n
        if size <= 1:
            break
    return best, at


def amplification_of_flow(matrix: np.ndarray) -> tuple[float, float]:
    """Return ``sup_t |exp(tJ)|`` over t >= 0 of a stable matrix, and the time at which it is reached."""
    from scipy.linalg import expm
    from scipy.optimize import minimize_scalar

    scale = float(np.linalg.norm(matrix, 2))
    size: Callable[[float], float] = lambda t: float(np.linalg.norm(expm(t * matrix), 2))
    times, sizes = [0.0], [1.0]
    step = 0.05 / scale
    while len(times) < 40 * _STEPS:
        forward, state = expm(step * matrix), expm(times[-1] * matrix)
        for _ in range(_STEPS):
            state = forward @ state
            times.append(times[-1] + step)
            sizes.append(float(np.linalg.norm(state, 2)))
            if sizes[-1] <= 1:
                break
        if sizes[-1] <= 1:
            break
        step *= 2
    peak = int(np.argmax(sizes))
    if peak == 0:
        return 1.0, 0.0
    bracket = (times[peak - 1], times[min(peak + 1, len(times) - 1)])
    found = minimize_scalar(
        lambda t: -size(t), bounds=bracket, method="bounded", options={"xatol": 1e-10 / scale}
    )
    best = max((sizes[peak], times[peak]), (-float(found.fun), float(found.x)))
    return best if math.isfinite(best[0]) else (math.inf, math.inf)
