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
from scipy.optimize import brentq
from scipy.special import zeta

from gandyn import (
    StabilityRegion,
    Trajectory,
    VectorField,
    classify,
    continue_fixed_point,
    plot,
    stability_region,
    trajectory,
    two_timescale,
)
from gandyn.games import catalogue
from gandyn.schemes import simultaneous

ORIGIN = np.zeros(2)
WEIGHTS = (0.3, 1.2)
RATIOS = (0.02, 3.0)
COST_RATIOS = (0.02, 50.0)
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
    ratios = np.geomspace(*COST_RATIOS, 41 if points < 30 else 241)
    fields = {label: (field_of(label), POINTS.get(label.partition(",")[0], ORIGIN)) for label in GAMES}
    costs = {label: np.array([_cost(*game, kappa) for kappa in ratios]) for label, game in fields.items()}
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
        "stable ratios": {label: classify(*game).stable_ratios.tolist() for label, game in fields.items()},
        "Hopf at kappa": branch.special[0].value,
        "Hopf is": branch.special[0].criticality,
        "closed form": float(critical_ratio(np.array(0.5))),
        "grid points on the wrong side of the closed form": int(
            np.sum((region.stable != (kappa < critical))[clear])
        ),
        "no ratio destabilises above W_d": float(_where_c_is_two()),
        "lq-wgan, largest growth rate at any ratio": max(
            float(np.abs(_at(*fields["lq-wgan"], kappa).growth_rates).max()) for kappa in ratios
        ),
        "modes meet at ratio": {label: _meetings(*game) for label, game in fields.items()},
        "best ratio tried": {
            label: float(ratios[np.nanargmin(cost)])
            for label, cost in costs.items()
            if np.isfinite(cost).any()
        },
        "steps per digit at ratio 1": {
            label: cost for label, game in fields.items() if np.isfinite(cost := _cost(*game, 1.0))
        },
        "R1 at ratio 1/gamma^2, what two steps of 2 gamma leave": {
            str(gamma): _left_by_two_steps(gamma) for gamma in (0.3, 1.0)
        },
    }
    paths = {
        kappa: trajectory(game.with_constants(kappa=kappa), np.array([0.6, 0.3]), t_end=60.0, progress=False)
        for kappa in (0.25, 1.0)
    }
    meetings = numbers["modes meet at ratio"]
    return numbers, {"region": region, "ratios": ratios, "costs": costs, "paths": paths, "meetings": meetings}


def _at(field: VectorField, x: np.ndarray, kappa: float) -> Any:
    return classify(field.with_constants(kappa=float(kappa)), x)


def _cost(field: VectorField, x: np.ndarray, kappa: float) -> float:
    """Return the steps of simultaneous descent that gain a digit, at the best step; NaN if unstable."""
    point = _at(field, x, kappa)
    if not point.stable:
        return float("nan")
    steps = np.linspace(0.01, 0.999, 400) * point.critical_step
    rates = np.abs(1 + steps[:, None] * point.eigenvalues).max(axis=-1)
    return float(np.log(10) / -np.log(rates.min()))


def _meetings(field: VectorField, x: np.ndarray) -> list[float]:
    """Return the ratios at which the two modes meet: (a + kappa d)^2 = 4 kappa (a d - b c).

    The Jacobian is [[a, b], [kappa c, kappa d]]; only decaying modes count.
    """
    (a, b), (c, d) = field.with_constants(kappa=1.0).jac(x)
    roots = np.roots(np.trim_zeros([d * d, 4 * b * c - 2 * a * d, a * a], "b"))
    return sorted(float(k.real) for k in roots if k.imag == 0 and k.real > 0 and a + k.real * d < 0)


def _left_by_two_steps(gamma: float) -> float:
    """Return the norm of the matrix of two steps of descent: 0 where both multipliers are 0."""
    field = two_timescale(catalogue.make("dirac-r1", gamma=gamma), 1 / gamma**2)
    step = simultaneous(field, 2 * gamma).jac(ORIGIN)
    return float(np.linalg.norm(step @ step))


def _where_c_is_two() -> float:
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
    for label in ("gaussian-classifier, W_d = 1", "dirac-r1, gamma = 0.3", "dirac-r1, gamma = 1",
                  "nagarajan-kolter", "balduzzi"):  # fmt: skip
        np.testing.assert_allclose(stable[label], [[1e-4, 1e4]], rtol=1e-9)
    assert stable["lq-wgan"] == [], "a centre at every ratio: the time scales cure nothing"
    assert numbers["lq-wgan, largest growth rate at any ratio"] < 1e-12
    meet, spacing = numbers["modes meet at ratio"], 1.25
    for gamma in (0.3, 1.0):
        found = meet[f"dirac-r1, gamma = {gamma:g}"]
        np.testing.assert_allclose(found, [1 / gamma**2], rtol=1e-9)
        assert numbers["R1 at ratio 1/gamma^2, what two steps of 2 gamma leave"][str(gamma)] < 1e-12
    np.testing.assert_allclose(meet["balduzzi"], [0.0024876, 401.9975], rtol=1e-5)
    np.testing.assert_allclose(meet["nagarajan-kolter"], [400 / 9], rtol=1e-9)
    np.testing.assert_allclose(meet["gaussian-classifier, W_d = 1"], [0.205687, 23.80914], rtol=1e-5)
    np.testing.assert_allclose(meet["gaussian-classifier, W_d = 0.5"], [0.106802], rtol=1e-5)
    for label, best in numbers["best ratio tried"].items():
        inside = [k for k in meet[label] if COST_RATIOS[0] < k < COST_RATIOS[1]]
        assert not inside or min(max(k / best, best / k) for k in inside) < spacing, label
    slow = numbers["steps per digit at ratio 1"]
    assert set(GAMES) - set(slow) == {"gaussian-classifier, W_d = 0.5", "lq-wgan"}, "not stable there"
    expected = {"gaussian-classifier, W_d = 1": 10.2, "dirac-r1, gamma = 0.3": 48.8,
                "nagarajan-kolter": 202.4, "balduzzi": 462.8}  # fmt: skip
    for label, steps in expected.items():
        assert abs(slow[label] - steps) < 0.05, label


def draw(pictures: Mapping[str, Any], out: Path) -> None:
    """Draw region.png, trajectories.png and cost.png."""
    with plot.style():
        for name, figure in {
            "region": _region(pictures["region"]),
            "trajectories": _trajectories(pictures["paths"]),
            "cost": _costs(pictures),
        }.items():
            figure.savefig(out / f"{name}.png", dpi=130)


def _region(region: StabilityRegion) -> Figure:
    figure = Figure(figsize=(4.4, 4.1), layout="constrained")
    ax = figure.subplots()
    plot.stability_region(ax, region)
    w, colour = np.linspace(*WEIGHTS, 400), plot.OKABE_ITO["orange"]
    ax.plot(w, critical_ratio(w), "--", color=colour, linewidth=1.0, label="closed form")
    ax.axvline(
        _where_c_is_two(), color="grey", linewidth=0.9, linestyle=":", label="stable at any ratio from here"
    )
    ax.legend(loc="upper right", frameon=True, framealpha=1.0)
    ax.set(xlim=WEIGHTS, ylim=RATIOS, xlabel="frozen weight $W_d$", ylabel=r"$\eta_D / \eta_G$",
           title="Gaussian classifier: equilibrium (0, 0)")  # fmt: skip
    return figure


def _trajectories(paths: Mapping[float, Trajectory]) -> Figure:
    figure = Figure(figsize=(7.4, 3.1), layout="constrained")
    for ax, (kappa, path) in zip(figure.subplots(1, 2, sharey=True), paths.items(), strict=True):
        lines = [
            *ax.plot(path.t, path.x[:, 0], color=plot.GENERATOR, label="$b_g$ (generator)"),
            *ax.plot(path.t, path.x[:, 1], color=plot.DISCRIMINATOR, label="$b_d$ (discriminator)"),
        ]
        ax.set(xlabel="flow time of the generator", ylim=(-2.2, 2.2),
               title=f"$W_d$ = 0.5, $\\eta_D/\\eta_G$ = {kappa:g}")  # fmt: skip
    figure.axes[0].set_ylabel("parameter")
    figure.legend(handles=lines, loc="outside lower center", ncols=2)
    return figure


def _costs(pictures: Mapping[str, Any]) -> Figure:
    figure = Figure(figsize=(5.6, 4.1), layout="constrained")
    ax = figure.subplots()
    shown = {label: cost for label, cost in pictures["costs"].items() if np.isfinite(cost).any()}
    for label, cost in shown.items():
        (line,) = ax.plot(pictures["ratios"], cost, label=label)
        meet = [k for k in pictures["meetings"][label] if COST_RATIOS[0] < k < COST_RATIOS[1]]
        ax.plot(meet, np.full(len(meet), 0.6), "v", color=line.get_color(), markersize=5)
    ax.plot([], [], "v", color="grey", markersize=5, label="the two modes meet")
    ax.set(xscale="log", yscale="log", ylim=(0.5, None), xlabel=r"$\eta_D / \eta_G$",
           ylabel="steps of descent per digit", title="The cost of a ratio, at its best step")  # fmt: skip
    figure.legend(loc="outside lower center", ncols=2)
    return figure


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
