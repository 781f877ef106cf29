"""Learning rules known to be chaotic: replicators at rock, paper, scissors, and weights on two roads."""

import math
from typing import Any

import numpy as np

from gandyn import (
    ExponentSweep,
    Lyapunov,
    OrbitDiagram,
    UpdateMap,
    exponent_sweep,
    lyapunov_spectrum,
    orbit_diagram,
    trajectory,
)
from gandyn.games.learning import congestion_game, rock_paper_scissors

SHARES = {"0.5": 0.5, "0.7": 0.7}
DEMAND = (4.0, 40.0)
ROAD = 0.3


def logits(k: int) -> np.ndarray:
    """Return the k-th start of Sato et al. 2002: x = (0.5, 0.01 k, 0.5 - 0.01 k), y = (0.5, 0.25, 0.25)."""
    x, y = np.array([0.5, 0.01 * k, 0.5 - 0.01 * k]), np.array([0.5, 0.25, 0.25])
    return np.concatenate([np.log(x[1:] / x[0]), np.log(y[1:] / y[0])])


def energy(state: np.ndarray) -> float:
    """Return -sum ln x_i - sum ln y_i."""
    odds = np.exp(state)
    return float(3 * np.log1p(odds.reshape(2, 2).sum(axis=1)).sum() - state.sum())


def play(eps: float, k: int, t_end: float) -> tuple[Lyapunov, dict[str, Any]]:
    """Return the exponents of one orbit, with how well it keeps what it must keep."""
    field, start = rock_paper_scissors(eps, -eps), logits(k)
    found = lyapunov_spectrum(field, start, t_end=t_end, progress=False)
    return found, {
        "exponents": found.exponents.tolist(),
        "errors": found.standard_errors.tolist(),
        "sum": found.total,
        "pairs miss by": float(np.abs(found.exponents + found.exponents[::-1]).max()),
        "energy drifts by": abs(energy(np.asarray(found.x)) / energy(start) - 1),
        "ln t / t": math.log(t_end) / t_end,
        "chaotic": bool(found.verdicts[0] == "positive"),
    }


def rock(small: bool) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return exponents at several starts and payoffs of a tie, and from the first start over many."""
    starts, ties = ((1, 25), (0.0, 0.5)) if small else ((1, 2, 3, 5, 25), (0.0, 0.1, 0.25, 0.5))
    t_end = 2000.0 if small else 30_000.0
    played = {(eps, k): play(eps, k, t_end) for eps in ties for k in starts}
    found, numbers = {}, {}
    for (eps, k), (exponents, row) in played.items():
        found[eps, k] = exponents
        numbers.setdefault(str(eps), {})[str(k)] = row
    over = {k: _over_eps(k, 5 if small else 31, t_end / 3) for k in (1, 25)}
    return {"t_end": t_end, "at eps and k": numbers}, {"spectra": found, "over eps": over, "time": t_end / 3}


def _over_eps(k: int, count: int, t_end: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return values of eps, exponents and errors."""
    eps = np.linspace(0.0, 0.5, count)
    found = [play(value, k, t_end)[0] for value in eps.tolist()]
    return eps, np.array([one.exponents for one in found]), np.array([one.standard_errors for one in found])


def roads(small: bool) -> tuple[dict[str, Any], dict[str, tuple[ExponentSweep, OrbitDiagram]]]:
    """Return where weights on two roads lose their fixed point and turn chaotic, for two shares."""
    count, n_steps = (37, 4000) if small else (721, 8000)
    a, start = np.linspace(*DEMAND, count), np.array([ROAD])
    numbers, shown = {}, {}
    for name, b in SHARES.items():
        step = congestion_game(DEMAND[0], b)
        sweep = exponent_sweep(step, start, {"a": a}, n_steps=n_steps, transient=2000, progress=False)
        diagram = orbit_diagram(step, start, "a", a, transient=4000, keep=200, progress=False)
        shown[name] = sweep, diagram
        first = np.flatnonzero(sweep.chaotic)
        numbers[name] = {
            "fixed point is lost at a": 2 / (b * (1 - b)),
            "chaotic": float(sweep.chaotic.mean()),
            "first chaotic a": float(a[first[0]]) if len(first) else None,
            "spacing of a": float(a[1] - a[0]),
            "largest exponent": float(sweep.exponents.max()),
            "period 3 from a": _period_three(step, 0.5 if small else 0.05),
            "mean of x at a = 20": _mean(step.with_constants(a=20.0), n_steps),
        }
    return numbers, shown


def _mean(step: UpdateMap, n_steps: int) -> float:
    return float(trajectory(step, np.array([ROAD]), n_steps=n_steps, progress=False).x[1:].mean())


def _period_three(step: UpdateMap, spacing: float) -> float | None:
    """Return the least a of a grid at which a grid of x shows a point of period 3; None without one."""
    x = np.linspace(1e-6, 1 - 1e-6, 20_001)[:, None]
    for a in np.arange(*DEMAND, spacing).tolist():
        at = step.with_constants(a=a)
        once, thrice = at(x), at(at(at(x)))
        crosses = np.diff(np.sign(thrice - x), axis=0) != 0
        moves = np.abs(once - x)[1:] > 1e-3
        if np.any(crosses & moves):
            return a
    return None
