"""The ratio of the learning rates, eta_D / eta_G: where a faster discriminator settles a game, and where not.

Run: python -m studies.time_scales [--small] [--out DIR]; writes numbers.json, then one PNG a figure.
"""

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from scipy.special import zeta

from gandyn import classify, continue_fixed_point, plot, stability_region, trajectory, two_timescale
from gandyn.games import catalogue

ORIGIN = np.zeros(2)
WEIGHTS = (0.3, 1.2)
RATIOS = (0.02, 3.0)
GAMES: dict[str, dict[str, Any]] = {
    "gaussian-classifier, W_d = 0.5": {"W_d": 0.5},
    "gaussian-classifier, W_d = 1": {"W_d": 1.0},
    "dirac-r1, gamma = 0.3": {"gamma": 0.3},
    "dirac-r1, gamma = 1": {"gamma": 1.0},
    "nagarajan-kolter": {},
    "balduzzi": {},
    "lq-wgan": {},
}
POINTS = {"nagarajan-kolter": np.array([1.0, 0.0]), "lq-wgan": np.array([1.0, 0.0])}


def curvature(w: np.ndarray) -> np.ndarray:
    """Return c(W_d) = 2 (2 w^2)^(-3/2) zeta(3/2, 1 + 1/(2 w^2)), at W_g = 1."""
    return np.asarray(2 * (2 * w * w) ** -1.5 * zeta(1.5, 1 + 1 / (2 * w * w)))


def critical_ratio(w: np.ndarray) -> np.ndarray:
    """Return the ratio at which the trace -w^2 c + kappa (c - 2) vanishes; stable below it, for c > 2."""
    c = curvature(w)
    with np.errstate(divide="ignore"):
        return np.where(c > 2, w * w * c / np.maximum(c - 2, 1e-300), np.inf)


def field_of(label: str) -> Any:
    """Return a game by its label, with the ratio as a constant of its own."""
    name, settings = label.partition(",")[0], GAMES[label]
    field = catalogue.make(name, **settings)
    return field if "kappa" in field.constants else two_timescale(field, 1.0)


def compute(points: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the numbers and what the figures show."""
    ratios = np.geomspace(0.02, 50.0, 15 if points < 30 else 121)
    stable, costs = {}, {}
    for label in GAMES:
        field, x = field_of(label), POINTS.get(label.partition(",")[0], ORIGIN)
        stable[label] = classify(field, x).stable_ratios.tolist()
        steps = [classify(field.with_constants(kappa=float(k)), x) for k in ratios]
        costs[label] = np.array([_steps_per_digit(point) for point in steps])
    game = catalogue.make("gaussian-classifier", W_d=0.5, kappa=0.1)
    branch = continue_fixed_point(game, ORIGIN, "kappa", (0.05, 1.5), progress=False)
    region = stability_region(
        catalogue.make("gaussian-classifier"), ORIGIN, {"W_d": WEIGHTS}, {"kappa": RATIOS}, points=points,
        progress=False,
    )  # fmt: skip
    w, kappa = np.meshgrid(region.a, region.b)
    critical = critical_ratio(w)
    clear = np.abs(kappa / critical - 1) > 1e-6
    numbers = {
        "stable ratios": stable,
        "Hopf at kappa": branch.special[0].value,
        "Hopf is": branch.special[0].criticality,
        "closed form": float(critical_ratio(np.array(0.5))),
        "grid points on the wrong side of the closed form": int(
            np.sum((region.stable != (kappa < critical))[clear])
        ),
        "no ratio destabilises above W_d": float(_where_c_is_two()),
        "best ratio and steps per digit": {
            label: [
                float(ratios[np.nanargmin(cost)]),
                float(np.nanmin(cost)),
                float(np.interp(1, ratios, cost)),
            ]
            for label, cost in costs.items()
            if np.isfinite(cost).any()
        },
    }
    paths = {
        kappa: trajectory(game.with_constants(kappa=kappa), np.array([0.6, 0.3]), t_end=60.0, progress=False)
        for kappa in (0.25, 1.0)
    }
    return numbers, {"region": region, "ratios": ratios, "costs": costs, "branch": branch, "paths": paths}


def _steps_per_digit(point: Any) -> float:
    """Return the steps of simultaneous descent that gain a digit, at the best step; NaN if unstable."""
    if not point.stable:
        return float("nan")
    steps = np.linspace(0.01, 0.999, 200) * point.critical_step
    rates = np.abs(1 + steps[:, None] * point.eigenvalues).max(axis=-1)
    return float(np.log(10) / -np.log(rates.min()))


def _where_c_is_two() -> float:
    from scipy.optimize import brentq

    return float(brentq(lambda w: float(curvature(np.array(w))) - 2, 0.5, 1.5))


def check(numbers: Mapping[str, Any]) -> None:
    """Assert what the README says of these numbers."""
    assert abs(numbers["Hopf at kappa"] - 0.347638) < 1e-6
    assert abs(numbers["Hopf at kappa"] - numbers["closed form"]) < 1e-9
    assert numbers["Hopf is"] == "supercritical"
    assert numbers["grid points on the wrong side of the closed form"] == 0
    assert abs(numbers["no ratio destabilises above W_d"] - 0.8618) < 5e-5
    stable = numbers["stable ratios"]
    np.testing.assert_allclose(stable["gaussian-classifier, W_d = 0.5"], [[1e-4, 0.347638]], atol=1e-6)
    for label in ("gaussian-classifier, W_d = 1", "dirac-r1, gamma = 0.3", "dirac-r1, gamma = 1"):
        np.testing.assert_allclose(stable[label], [[1e-4, 1e4]], rtol=1e-9)
    assert stable["lq-wgan"] == [], "a centre at every ratio: the time scales cure nothing"
    best = numbers["best ratio and steps per digit"]
    # R1: the modes meet at kappa = 1/gamma^2, where the slowest one is as fast as it gets.
    assert best["dirac-r1, gamma = 0.3"][0] > 2


def draw(pictures: Mapping[str, Any], out: Path) -> None:
    """Draw region.png, trajectories.png and cost.png."""
    with plot.style():
        figure = Figure(figsize=(4.2, 3.9), layout="constrained")
        ax = figure.subplots()
        plot.stability_region(ax, pictures["region"])
        w = np.linspace(*WEIGHTS, 400)
        ax.plot(w, critical_ratio(w), "--", color="white", linewidth=1.0)
        ax.axvline(_where_c_is_two(), color="grey", linewidth=0.8, linestyle=":")
        ax.set(xlim=WEIGHTS, ylim=RATIOS, xlabel="frozen weight $W_d$", ylabel=r"$\eta_D / \eta_G$",
               title="A faster discriminator destabilises left of the dotted line")  # fmt: skip
        figure.savefig(out / "region.png", dpi=130)
        figure = Figure(figsize=(7.4, 2.9), layout="constrained")
        for ax, (kappa, path) in zip(figure.subplots(1, 2), pictures["paths"].items(), strict=True):
            ax.plot(path.t, path.x[:, 0], color=plot.GENERATOR, label="$b_g$")
            ax.plot(path.t, path.x[:, 1], color=plot.DISCRIMINATOR, label="$b_d$")
            ax.set(xlabel="flow time of the generator", ylabel="parameter", ylim=(-2.2, 2.2),
                   title=f"Gaussian classifier, $W_d$ = 0.5, $\\eta_D/\\eta_G$ = {kappa:g}")  # fmt: skip
            ax.legend(loc="upper right", ncols=2)
        figure.savefig(out / "trajectories.png", dpi=130)
        figure = Figure(figsize=(5.4, 3.6), layout="constrained")
        ax = figure.subplots()
        for label, cost in pictures["costs"].items():
            if np.isfinite(cost).any():
                ax.plot(pictures["ratios"], cost, label=label)
        ax.set(xscale="log", yscale="log", xlabel=r"$\eta_D / \eta_G$", ylabel="steps of descent a digit",
               title="What the ratio costs, at the best step for each")  # fmt: skip
        figure.legend(loc="outside lower center", ncols=2)
        figure.savefig(out / "cost.png", dpi=130)


def main() -> None:
    """Compute all numbers and write them, check every claim, then draw every figure."""
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m studies.time_scales")
    parser.add_argument("--small", action="store_true", help="coarse grids, for tests")
    parser.add_argument("--out", type=Path, default=Path("gandyn-run-time-scales"), help="folder to write in")
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
