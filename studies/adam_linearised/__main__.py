"""Where Adam loses the stability of a fixed point in beta1 and eps: predicted and observed.

Run: python -m studies.adam_linearised [--small] [--out DIR]; writes numbers.json, then one PNG a figure.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

from gandyn import classify, stability_region, trajectory
from gandyn.schemes import adam, noisy
from studies.adam_linearised import theory
from studies.adam_linearised.claims import check
from studies.adam_linearised.observe import decays, disturbed, observed_eps
from studies.adam_linearised.pictures import draw
from studies.adam_linearised.systems import BETA2, STEP, SYSTEMS, eigenvalues, field, late

BETA1 = (0.05, 0.85)
BOUNDS = (0.0, 0.3, 0.5, 0.7, 0.9)
AWAKE = (0.0, 0.5, 0.9)
SIDES = {"node": 0.5, "strong focus": 0.5}
DEFAULT_EPS = 1e-8


def compute(small: bool) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the numbers and what the figures show."""
    regions = {system: _region(system, 4 if small else 14, 6 if small else 61) for system in SYSTEMS}
    numbers: dict[str, Any] = {
        "eigenvalues of -J": {s: [[v.real, v.imag] for v in eigenvalues(s).tolist()] for s in SYSTEMS},
        "multipliers": {s: _multipliers(s, 0.5, 0.02) for s in SYSTEMS},
        "least eps": {
            s: {str(b): _bound(s, b, small) for b in (BOUNDS[::2] if small else BOUNDS)}
            for s in SYSTEMS
            if s != "centre"
        },
        "best beta1": {s: theory.best_beta1(eigenvalues(s)[0]) for s in ("weak focus", "strong focus")},
        "grid": {s: _compare(s, seen) for s, (_, seen) in regions.items()},
        "awake": {},
    }
    paths: dict[tuple[str, float], Any] = {}
    for system in SYSTEMS:
        for beta1 in AWAKE[::2] if small else AWAKE:
            paths[system, beta1] = _awake(system, beta1)
            numbers["awake"].setdefault(system, {})[str(beta1)] = _summary(*paths[system, beta1])
    sides = {system: _sides(system, beta1) for system, beta1 in SIDES.items()}
    return numbers, {"regions": regions, "sides": sides, "awake": paths}


def _region(system: str, dots: int, points: int) -> tuple[Any, dict[str, np.ndarray]]:
    """Return the predicted growth over a grid, and on a coarser one whether a disturbance decays."""
    top = SYSTEMS[system][2]
    step = late(system, BETA1[0], top)
    region = stability_region(
        step, np.zeros(6), {"beta1": BETA1}, {"eps": (top / 60, top)}, points=points, progress=False
    )
    beta1, eps = (
        axis.ravel()
        for axis in np.meshgrid(
            np.linspace(*BETA1, dots + 2)[1:-1], np.linspace(top / 60, top, dots + 2)[1:-1]
        )
    )
    seen = [
        decays(step.with_constants(beta1=b, eps=e)) for b, e in zip(beta1.tolist(), eps.tolist(), strict=True)
    ]
    return region, {"beta1": beta1, "eps": eps, "decays": np.array(seen)}


def _multipliers(system: str, beta1: float, eps: float) -> dict[str, Any]:
    """Return the multipliers of the map, their verdict, and the roots of the closed form."""
    point = classify(late(system, beta1, eps), np.zeros(6), tol=1e-12)
    roots = [
        np.roots([1, -(1 + beta1 - STEP * value / eps * (1 - beta1)), beta1]) for value in eigenvalues(system)
    ]
    pairs = lambda values: [[float(v.real), float(v.imag)] for v in np.sort_complex(values)]
    return {
        "of the map": pairs(point.eigenvalues),
        "closed form": pairs(np.concatenate([*roots, [BETA2, BETA2]])),
        "stable": point.stable,
    }


def _bound(system: str, beta1: float, small: bool) -> dict[str, Any]:
    """Return the least eps by the closed form, the verdicts beside it, and where it is observed."""
    bound = theory.least_eps(eigenvalues(system), STEP, beta1)
    verdict = lambda eps: classify(late(system, beta1, eps), np.zeros(6), tol=1e-12).stable
    step = late(system, beta1, bound)
    return {
        "closed form": bound,
        "stable just above": verdict(1.001 * bound),
        "stable just below": verdict(0.999 * bound),
        "observed": observed_eps(step, 0.5 * bound, 2 * bound, 1000 if small else 3000),
    }


def _compare(system: str, seen: dict[str, np.ndarray]) -> dict[str, int]:
    """Count grid points where a disturbance does not do what the closed form says, 2 percent off it."""
    bound = np.array([theory.least_eps(eigenvalues(system), STEP, b) for b in seen["beta1"].tolist()])
    clear = np.abs(seen["eps"] / bound - 1) > 0.02
    wrong = clear & (seen["decays"] != (seen["eps"] > bound))
    return {"points": int(clear.sum()), "stable": int(seen["decays"].sum()), "wrong": int(wrong.sum())}


def _awake(system: str, beta1: float) -> tuple[np.ndarray, np.ndarray, float]:
    """Return distances from the fixed point and kappa at each v, from (0.5, 0.5) at the default eps.

    Noise of 1e-9 on the gradient keeps a path that converges fast from reaching 0 to the last digit.
    """
    step = noisy(adam(field(system), STEP, beta1, BETA2, DEFAULT_EPS), 1e-9, seed=0)
    x = trajectory(step, step.start(np.array([0.5, 0.5])), n_steps=20_000, progress=False).x
    kappa = theory.awake(field(system).jac(np.zeros(2)), x[1:, 4:], STEP, DEFAULT_EPS)
    return np.linalg.norm(x[:, :2], axis=1), kappa, beta1


def _summary(size: np.ndarray, kappa: np.ndarray, beta1: float) -> dict[str, float]:
    """Return medians and extremes over the last quarter of a path."""
    last, first = slice(-len(size) // 4, None), slice(0, len(size) // 4)
    modulus = theory.modulus(kappa, beta1).max(axis=1)
    return {
        "median distance": float(np.median(size[last])),
        "largest distance": float(size[last].max()),
        "largest distance early": float(size[first].max()),
        "median modulus": float(np.median(modulus[last])),
        "median largest kappa": float(np.median(kappa.real.max(axis=1)[last])),
    }


def _sides(system: str, beta1: float) -> dict[float, tuple[np.ndarray, float]]:
    """Return distances in units of eps, with the predicted modulus, above and below the bound."""
    bound = theory.least_eps(eigenvalues(system), STEP, beta1)
    found = {}
    for share in (1.1, 0.9):
        step = late(system, beta1, share * bound)
        x = disturbed(step, 3000, 1e-5 * share * bound).x[:, :2]
        kappa = STEP * eigenvalues(system) / (share * bound)
        found[share] = np.linalg.norm(x, axis=1) / (share * bound), float(theory.modulus(kappa, beta1).max())
    return found


def main() -> None:
    """Compute all numbers and write them, check every claim, then draw every figure."""
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m studies.adam_linearised")
    parser.add_argument("--small", action="store_true", help="coarse grids and short paths, for tests")
    parser.add_argument(
        "--out", type=Path, default=Path("gandyn-run-adam-linearised"), help="folder to write in"
    )
    chosen = parser.parse_args()
    chosen.out.mkdir(parents=True, exist_ok=True)
    numbers, pictures = compute(chosen.small)
    (chosen.out / "numbers.json").write_text(json.dumps(numbers, indent=1) + "\n")
    check(numbers)
    print("every claim holds")
    draw(pictures, numbers, chosen.out)
    print(f"numbers and figures are in {chosen.out}")


if __name__ == "__main__":
    main()
