"""Chaos looked at again: longer orbits, other tangents and starts, and a method without tangents."""

from typing import Any

import numpy as np

from gandyn import Lyapunov, UpdateMap, alignment, lyapunov_spectrum
from studies.chaos_in_games.cases import AGAIN, ASIDE, BOUND, Case
from studies.chaos_in_games.regimes import REGIMES, Row

#: Distance of two neighbouring orbits, and blocks for the error of their growth.
NEAR, BLOCKS = 1e-8, 20


def confirm(case: Case, rule: str, row: Row, n_steps: int) -> dict[str, Any] | None:
    """Return what longer runs say in the middle of the longest range with chaos; None without chaos."""
    chaotic = np.flatnonzero(row.regimes == REGIMES.index("chaotic"))
    if not len(chaotic):
        return None
    ranges = np.split(chaotic, np.flatnonzero(np.diff(chaotic) > 1) + 1)
    longest = max(ranges, key=len)
    h = row.sweep.values[0][longest[len(longest) // 2]]
    step, start = case.step(rule, float(h)), case.point + ASIDE
    found, other = (
        lyapunov_spectrum(
            step, case.point + aside, n_steps=n_steps, transient=2000, max_norm=BOUND, seed=1, progress=False
        )
        for aside in (ASIDE, AGAIN)
    )
    pair, error = separation(step, start, n_steps // 10)
    aligned = alignment(
        step, start, n_steps=n_steps // 10, transient=2000, max_norm=BOUND, seed=2, progress=False
    )
    return {
        "h": float(h),
        "steps": n_steps,
        **_measured(found),
        "from another start": _measured(other),
        "GALI": {"verdict": aligned.verdict, "last": float(aligned.gali[-1])},
        "growth of the distance of two orbits": [pair, error],
    }


def _measured(found: Lyapunov) -> dict[str, Any]:
    if found.status != "finished":
        return {"status": found.status}
    return {
        "status": found.status,
        "exponents a step": found.per_step.tolist(),
        "errors": (found.standard_errors * found.dt).tolist(),
        "mean ln |det J| a step": float(found.divergence or 0.0) * found.dt,
        "verdict": found.verdicts[0],
        "Kaplan-Yorke dimension": found.kaplan_yorke,
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
