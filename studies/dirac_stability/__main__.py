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

from gandyn import Branch, StabilityRegion, classify, continue_fixed_point, plot, stability_region
from gandyn.games import catalogue
from gandyn.schemes import alternating, simultaneous

ORIGIN = np.zeros(2)
GAMMAS = (0.05, 3.0)
STEPS = (0.02, 5.0)
LOCUS = (0.0, 2.0)
FLOW_GAMMAS = (0.1, 0.3, 1.0, 2.0)
MAP_GAMMAS = (0.1, 0.3, 0.5, 0.7, 0.9, 1.2, 1.6, 2.0, 2.5, 3.0)
MARKS = {"Neimark-Sacker": "D", "period doubling": "s"}
SCHEMES = {"simultaneous": simultaneous, "alternating": alternating}


def simultaneous_bound(gamma: np.ndarray) -> np.ndarray:
    """Return h* of the eigenvalues -gamma/2 +- sqrt(gamma^2/4 - 1/4).

    Complex ones, up to gamma = 1, leave the unit circle at h = -2 Re / |.|^2; of real ones, the faster
    does at -1.
    """
    return np.where(gamma <= 1, 4 * gamma, 4 * (gamma - np.sqrt(np.maximum(gamma**2 - 1, 0))))


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
        game.with_constants(gamma=LOCUS[0]), ORIGIN, "gamma", LOCUS, max_step=0.0015, progress=False
    )
    flow = {gamma: classify(game.with_constants(gamma=gamma), ORIGIN) for gamma in FLOW_GAMMAS}
    regions = {
        name: stability_region(
            scheme(game, 0.1), ORIGIN, {"gamma": GAMMAS}, {"h": STEPS}, points=points, progress=False
        )
        for name, scheme in SCHEMES.items()
    }
    lost = {
        name: {str(gamma): _lost_at(scheme(game.with_constants(gamma=gamma), 0.02)) for gamma in MAP_GAMMAS}
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
    }
    return numbers, {"branch": branch, "regions": regions, "lost": lost}


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
    lost = numbers["stability is lost"]
    for name, bound in BOUNDS.items():
        assert list(lost[name]) == [str(gamma) for gamma in MAP_GAMMAS]
        for gamma, found in lost[name].items():
            assert abs(found["h"] - float(bound(np.array(float(gamma))))) < 1e-6, (name, gamma)
    for gamma in MAP_GAMMAS:
        together, turns = lost["simultaneous"][str(gamma)], lost["alternating"][str(gamma)]
        assert together["how"] == ("Neimark-Sacker" if gamma < 1 else "period doubling")
        assert turns["how"] == "period doubling"
        assert (turns["h"] > together["h"]) == (gamma < 1 / np.sqrt(3)), "beyond it, turns cost stability"
    assert abs(numbers["the two bounds cross at gamma"] - 1 / np.sqrt(3)) < 1e-12


def draw(pictures: Mapping[str, Any], out: Path) -> None:
    """Draw locus.png, regions.png and bounds.png."""
    with plot.style():
        for name, figure in {
            "locus": _locus(pictures["branch"]),
            "regions": _regions(pictures["regions"]),
            "bounds": _bounds(pictures["lost"]),
        }.items():
            figure.savefig(out / f"{name}.png", dpi=130)


def _locus(branch: Branch) -> Figure:
    figure = Figure(figsize=(4.2, 3.6), layout="constrained")
    ax = figure.subplots()
    plot.eigenvalue_locus(ax, branch)
    for text, at, shift in (
        (r"$\gamma = 0$", (0, 0.5), (-34, 5)),
        (r"$\gamma = 1$", (-0.5, 0), (-36, 8)),
        (r"$\gamma = 2$", (-1.866, 0), (-4, 8)),
        (r"$\gamma = 2$", (-0.134, 0), (-26, 8)),
    ):
        ax.annotate(text, at, xytext=shift, textcoords="offset points")
    ax.locator_params(axis="x", nbins=5)
    ax.set_title("Eigenvalues of the flow: Dirac-GAN with R1")
    return figure


def _regions(regions: Mapping[str, StabilityRegion]) -> Figure:
    figure = Figure(figsize=(7.6, 4.1), layout="constrained")
    for ax, (name, region) in zip(figure.subplots(1, 2), regions.items(), strict=True):
        plot.stability_region(ax, region).growth.set_clim(-0.5, 0.5)
        line = BOUNDS[name](region.a)
        ax.plot(region.a, line, "--", color=plot.OKABE_ITO["orange"], linewidth=1.0, label="closed form")
        ax.set(ylim=STEPS, title=f"{name} descent", ylabel="step size $h$")
        ax.legend(loc="upper right", frameon=True, framealpha=1.0)
    return figure


def _bounds(lost: Mapping[str, Any]) -> Figure:
    figure = Figure(figsize=(4.6, 3.8), layout="constrained")
    ax = figure.subplots()
    gamma = np.linspace(*GAMMAS, 600)
    colours = {"simultaneous": plot.OKABE_ITO["blue"], "alternating": plot.OKABE_ITO["vermillion"]}
    for name, bound in BOUNDS.items():
        ax.plot(gamma, bound(gamma), color=colours[name], label=f"{name}, closed form")
        for how, marker in MARKS.items():
            at = [(float(g), found["h"]) for g, found in lost[name].items() if found["how"] == how]
            if at:
                label = f"{name}, {how}"
                ax.plot(*np.transpose(at), marker, color=colours[name], markersize=4.5, label=label)
    ax.axvline(1 / np.sqrt(3), color="grey", linewidth=0.8, linestyle=":", label=r"$\gamma = 1/\sqrt{3}$")
    ax.set(xlim=(0, GAMMAS[1]), ylim=(0, 4.3), xlabel=r"$\gamma$, weight of R1",
           ylabel="largest stable step $h^*$", title="Turns help left of the dotted line")  # fmt: skip
    figure.legend(loc="outside lower center", ncols=2)
    return figure


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
