"""Chaos looked at again: longer orbits, other tangents and starts, and a method without tangents."""

from typing import Any

import numpy as np

from gandyn import UpdateMap, lyapunov_spectrum
from studies.chaos_in_games.cases import AGAIN, ASIDE, BOUND, Case
from studies.chaos_in_games.regimes import REGIMES, Row

#: Distance of two neighbouring orbits, and blocks for the error of their growth.
NEAR, BLOCKS = 1e-8, 20


def confirm(case: Case, rule: str, row: Row, n_steps: int) -> dict[str, Any] | None:
    """Return what longer runs say at the step size of the largest exponent a step; None without chaos."""
    h = row.sweep.values[0]
    growth = np.where(row.regimes == REGIMES.index("chaotic"), row.sweep.exponents[:, 0] * h, -np.inf)
    i = int(np.argmax(growth))
    if growth[i] == -np.inf:
        return None
    step, start = case.step(rule, float(h[i])), case.point + ASIDE
    found, other = (
        lyapunov_spectrum(
            step, case.point + aside, n_steps=n_steps, transient=2000, max_norm=BOUND, seed=1, progress=False
        )
        for aside in (ASIDE, AGAIN)
    )
    pair, error = separation(step, start, n_steps // 10)
    return {
        "h": float(h[i]),
        "status": found.status,
        "exponents a step": found.per_step.tolist(),
        "errors": (found.standard_errors * found.dt).tolist(),
        "mean ln |det J| a step": float(found.divergence or 0.0) * found.dt,
        "verdict": found.verdicts[0],
        "Kaplan-Yorke dimension": found.kaplan_yorke,
        "from another start": [float(other.per_step[0]), float(other.standard_errors[0] * other.dt)],
        "growth of the distance of two orbits": [pair, error],
    }


def separation(step: UpdateMap, start: np.ndarray, n_steps: int) -> tuple[float, float]:
    """Return growth a step of the distance of two orbits, kept at 1e-8, and its standard error.

    Source: Benettin, Galgani and Strelcyn 1976.
    """
    pair = np.array([start, start + np.array([0.0, NEAR])])
    logs = np.zeros(n_steps)
    for k in range(-1000, n_steps):
        pair = step(pair)
        apart = pair[1] - pair[0]
        distance = float(np.linalg.norm(apart))
        pair[1] = pair[0] + apart * (NEAR / distance)
        logs[max(k, 0)] = np.log(distance / NEAR)
    means = logs[: n_steps // BLOCKS * BLOCKS].reshape(BLOCKS, -1).mean(axis=1)
    return float(means.mean()), float(means.std(ddof=1) / np.sqrt(BLOCKS))
