"""The Dirac-GAN with R1 (Mescheder et al. 2018): eigenvalues under gamma, and the steps that are stable.

Run: python -m studies.dirac_stability [--small] [--out DIR]; writes numbers.json, then one PNG a figure.
"""

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from scipy.optimize import brentq

from gandyn import StabilityRegion, classify, continue_fixed_point, plot, stability_region
from gandyn.games import catalogue
from gandyn.schemes import alternating, simultaneous

ORIGIN = np.zeros(2)
GAMMAS = (0.05, 3.0)
STEPS = (0.02, 5.0)
LOCUS = (0.0, 2.0)
FLOW_GAMMAS = (0.1, 0.3, 1.0, 2.0)
SCHEMES = {"simultaneous": simultaneous, "alternating": alternating}


def simultaneous_bound(gamma: np.ndarray) -> np.ndarray:
    """Return h* of the eigenvalues -gamma/2 +- sqrt(gamma^2/4 - 1/4): 4 gamma up to gamma = 1."""
    fast = gamma / 2 + np.sqrt(np.maximum(gamma**2 / 4 - 1 / 4, 0))
    return np.where(gamma <= 1, 4 * gamma, 2 / fast)


def alternating_bound(gamma: np.ndarray) -> np.ndarray:
    """Return the step at which a multiplier of the alternating step reaches -1.

    The step's matrix is [[1, -h/2], [h/2, 1 - h gamma - h^2/4]]: trace 2 - h gamma - h^2/4, determinant
    1 - h gamma. Stable iff |trace| < 1 + determinant and |determinant| < 1.
    """
    return 4 * (np.sqrt(1 + gamma**2) - gamma)


BOUNDS = {"simultaneous": simultaneous_bound, "alternating": alternating_bound}


def compute(points: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the numbers and what the figures show."""
    game = catalogue.make("dirac-r1", gamma=0.3)
    branch = continue_fixed_point(
        game.with_constants(gamma=LOCUS[0]), ORIGIN, "gamma", LOCUS, max_step=0.004, progress=False
    )
    flow = {gamma: classify(game.with_constants(gamma=gamma), ORIGIN) for gamma in FLOW_GAMMAS}
    regions = {
        name: stability_region(
            scheme(game, 0.1), ORIGIN, {"gamma": GAMMAS}, {"h": STEPS}, points=points, progress=False
        )
        for name, scheme in SCHEMES.items()
    }
    lost = {
        name: {
            str(gamma): _lost_at(scheme(game.with_constants(gamma=gamma), 0.02)) for gamma in (0.3, 1.0, 2.0)
        }
        for name, scheme in SCHEMES.items()
    }
    numbers = {
        "eigenvalues as a flow": {
            str(gamma): [[v.real, v.imag] for v in point.eigenvalues.tolist()]
            for gamma, point in flow.items()
        },
        "critical step": {str(gamma): point.critical_step for gamma, point in flow.items()},
        "stability is lost": lost,
        "grid points on the wrong side of the closed form": {
            name: _wrong_side(region, BOUNDS[name]) for name, region in regions.items()
        },
        "the two bounds cross at gamma": float(
            brentq(
                lambda g: float(simultaneous_bound(np.array(g)) - alternating_bound(np.array(g))), 0.1, 1.0
            )
        ),
        "largest stable step over all gamma": {
            name: float(region.b[region.stable.any(axis=1)].max()) for name, region in regions.items()
        },
    }
    return numbers, {"branch": branch, "regions": regions}


def _lost_at(step: Any) -> dict[str, Any]:
    """Return at which h the fixed point of an update map loses stability, and how."""
    branch = continue_fixed_point(step, ORIGIN, "h", (0.02, 5.0), progress=False)
    first = min(branch.special, key=lambda point: point.value)
    return {"h": first.value, "how": first.kind}


def _wrong_side(region: StabilityRegion, bound: Any) -> int:
    """Return how many grid points, not on the line itself, are not as the closed form says."""
    gamma, h = np.meshgrid(region.a, region.b)
    clear = np.abs(h / bound(gamma) - 1) > 1e-6
    return int(np.sum((region.stable != (h < bound(gamma)))[clear]))


def check(numbers: Mapping[str, Any]) -> None:
    """Assert what the README says of these numbers."""
    for gamma in FLOW_GAMMAS:
        root = np.emath.sqrt(gamma**2 / 4 - 1 / 4)
        found = [complex(*pair) for pair in numbers["eigenvalues as a flow"][str(gamma)]]
        exact = [-gamma / 2 - root, -gamma / 2 + root]
        np.testing.assert_allclose(np.sort_complex(found), np.sort_complex(exact), atol=1e-7)
        expected = float(simultaneous_bound(np.array(gamma)))
        assert abs(numbers["critical step"][str(gamma)] - expected) < 1e-6 * expected
    assert numbers["grid points on the wrong side of the closed form"] == {
        "simultaneous": 0,
        "alternating": 0,
    }
    for name, bound in BOUNDS.items():
        for gamma, found in numbers["stability is lost"][name].items():
            assert abs(found["h"] - float(bound(np.array(float(gamma))))) < 1e-6, (name, gamma)
    sims, alts = numbers["stability is lost"]["simultaneous"], numbers["stability is lost"]["alternating"]
    assert sims["0.3"]["how"] == "Neimark-Sacker"
    assert sims["2.0"]["how"] == "period doubling"
    assert {found["how"] for found in alts.values()} == {"period doubling"}
    assert abs(numbers["the two bounds cross at gamma"] - 1 / np.sqrt(3)) < 1e-12
    assert sims["0.3"]["h"] < alts["0.3"]["h"]
    assert sims["2.0"]["h"] > alts["2.0"]["h"], "with strong damping, turns cost stability"


def draw(pictures: Mapping[str, Any], out: Path) -> None:
    """Draw locus.png and regions.png."""
    with plot.style():
        figure = Figure(figsize=(3.8, 3.6), layout="constrained")
        ax = figure.subplots()
        plot.eigenvalue_locus(ax, pictures["branch"])
        ax.set_title("Dirac-GAN with R1: from rotation to two real modes")
        figure.savefig(out / "locus.png", dpi=130)
        figure = Figure(figsize=(7.6, 3.9), layout="constrained")
        for ax, (name, region) in zip(figure.subplots(1, 2), pictures["regions"].items(), strict=True):
            plot.stability_region(ax, region)
            line = BOUNDS[name](region.a)
            ax.plot(region.a, line, "--", color="white", linewidth=1.0, label="closed form")
            ax.set(ylim=STEPS, title=f"{name} descent of the Dirac-GAN with R1", ylabel="step size $h$")
        figure.savefig(out / "regions.png", dpi=130)


def main() -> None:
    """Compute all numbers and write them, check every claim, then draw every figure."""
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m studies.dirac_stability")
    parser.add_argument("--small", action="store_true", help="coarse grids, for tests")
    parser.add_argument(
        "--out", type=Path, default=Path("gandyn-run-dirac-stability"), help="folder to write in"
    )
    chosen = parser.parse_args()
    chosen.out.mkdir(parents=True, exist_ok=True)
    numbers, pictures = compute(21 if chosen.small else 121)
    (chosen.out / "numbers.json").write_text(json.dumps(numbers, indent=1) + "\n")
    check(numbers)
    print("every claim holds")
    draw(pictures, chosen.out)
    print(f"numbers and figures are in {chosen.out}")


if __name__ == "__main__":
    main()
