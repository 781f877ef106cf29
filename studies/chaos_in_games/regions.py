"""Where training is chaotic in two parameters: the step size, and regularisation or the ratio of rates."""

from typing import Any

import numpy as np

from gandyn import ExponentSweep, exponent_sweep
from studies.chaos_in_games.cases import ASIDE, BOUND, GAMES

#: Of each region: the game, the second parameter with its values, and the largest step size.
REGIONS = {
    "gamma": ("Dirac, R1 0.3", np.linspace(0.03, 1.2, 40), 4.2),
    "kappa": ("Gaussian classifier, W_d = 1", np.geomspace(0.2, 5.0, 31), 2.0),
}


def region(parameter: str, rule: str, count: int, every: int, n_steps: int) -> ExponentSweep:
    """Return exponents over the step size and a second parameter."""
    name, values, top = REGIONS[parameter]
    case = GAMES[name]
    grid = {"h": np.linspace(top / count, top, count), parameter: values[::every]}
    found = exponent_sweep(
        case.step(rule), case.point + ASIDE, grid, n_steps=n_steps, transient=n_steps // 2, warmup=100,
        weighting="smooth", max_norm=BOUND, progress=False,
    )  # fmt: skip
    return found


def again(parameter: str, rule: str, sweep: ExponentSweep, every: int, n_steps: int) -> dict[str, int]:
    """Return on how many of some grid points longer orbits with other tangents say the same of chaos."""
    name, (h, other) = REGIONS[parameter][0], sweep.values
    case = GAMES[name]
    longer = exponent_sweep(
        case.step(rule), case.point + ASIDE, {"h": h[::every], parameter: other[::every]}, n_steps=n_steps,
        transient=n_steps // 2, warmup=100, weighting="smooth", seed=1, max_norm=BOUND, progress=False,
    )  # fmt: skip
    same = longer.chaotic == sweep.chaotic[::every, ::every]
    return {"points": int(same.size), "chaotic": int(longer.chaotic.sum()), "agree": int(same.sum())}


def summary(parameter: str, rule: str, sweep: ExponentSweep) -> dict[str, Any]:
    """Return shares of the grid, and the rectangle that holds all that is chaotic."""
    h, other = sweep.values
    chaotic = sweep.chaotic
    found: dict[str, Any] = {
        "points": int(chaotic.size),
        "chaotic": float(chaotic.mean()),
        "escapes": float((sweep.statuses != "finished").mean()),
        "chaotic beside a stable point": int((chaotic & _stable(parameter, rule, sweep)).sum()),
    }
    if chaotic.any():
        i, j = np.nonzero(chaotic)
        found["h"] = [float(h[i.min()]), float(h[i.max()])]
        found[sweep.parameters[1]] = [float(other[j.min()]), float(other[j.max()])]
        at = np.unravel_index(np.argmax(np.where(chaotic, sweep.exponents[..., 0], -np.inf)), chaotic.shape)
        found["largest"] = {
            "h": float(h[at[0]]),
            sweep.parameters[1]: float(other[at[1]]),
            "exponent a step": float(sweep.exponents[(*at, 0)] * h[at[0]]),
        }
    return found


def _stable(parameter: str, rule: str, sweep: ExponentSweep) -> np.ndarray:
    """Return where all multipliers of the fixed point are within the unit circle."""
    case, (h, other) = GAMES[REGIONS[parameter][0]], sweep.values
    step = case.step(rule)
    largest = [
        [
            np.abs(np.linalg.eigvals(step.with_constants(h=a, **{parameter: b}).jac(case.point))).max()
            for b in other.tolist()
        ]
        for a in h.tolist()
    ]
    return np.array(largest) < 1
