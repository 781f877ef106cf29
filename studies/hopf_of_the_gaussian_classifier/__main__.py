"""The Gaussian classifier under W_d: from a limit cycle through the Hopf point to the node.

Run: python -m studies.hopf_of_the_gaussian_classifier [--small] [--out DIR]; writes numbers.json, then one
PNG a figure.
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
    Branch,
    CycleBranch,
    continue_cycle,
    continue_fixed_point,
    coordinate_plane,
    find_fixed_points,
    limit_cycle,
    plot,
    sample,
)
from gandyn.games import catalogue

ORIGIN = np.zeros(2)
RANGE = (0.3, 2.5)
LOCUS = (0.48, 2.5)
SHOWN = {0.5: "limit cycle", 0.75: "focus, not Nash", 1.0: "focus, Nash", 2.0: "node"}


def curvature(w: float) -> float:
    """Return c(W_d) = 2 (2 w^2)^(-3/2) zeta(3/2, 1 + 1/(2 w^2)), at W_g = 1."""
    return float(2 * (2 * w * w) ** -1.5 * zeta(1.5, 1 + 1 / (2 * w * w)))


def jacobian(w: float) -> np.ndarray:
    """Return the Jacobian at the fixed point (0, 0), from the closed form of c."""
    c = curvature(w)
    return np.array([[-w * w * c, -w * c], [w * c, c - 2]])


def discriminant(w: float) -> float:
    """Return trace^2 - 4 det: negative for a focus, positive for a node."""
    matrix = jacobian(w)
    return float(np.trace(matrix) ** 2 - 4 * np.linalg.det(matrix))


def compute(small: bool) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the numbers and what the figures show."""
    game = catalogue.make("gaussian-classifier", W_d=1.0)
    trunk = continue_fixed_point(game, ORIGIN, "W_d", RANGE, max_step=0.004, progress=False)
    (hopf,) = trunk.special
    cycles = continue_cycle(
        game, hopf, "W_d", (0.45 if small else RANGE[0], RANGE[1]), max_step=0.05, progress=False
    )
    at_half = limit_cycle(game.with_constants(W_d=0.5), np.array([0.3, 0.1]), progress=False)
    numbers = {
        "Hopf": {
            "W_d": hopf.value,
            "interval": list(hopf.interval),
            "frequency": hopf.frequency,
            "first Lyapunov coefficient": hopf.coefficient,
            "criticality": hopf.criticality,
            "closed form": float(brentq(lambda w: float(np.trace(jacobian(w))), 0.5, 1.0, xtol=1e-14)),
        },
        "Nash from W_d": float(brentq(lambda w: curvature(w) - 2, 0.5, 1.5, xtol=1e-14)),
        "node from W_d": {
            "closed form": float(brentq(discriminant, 1.0, 2.0, xtol=1e-14)),
            "on the branch": _first_node(trunk),
        },
        "squared half-amplitude of b_g over Hopf - W_d": {
            "of the smallest cycles": _slope(cycles, hopf.value),
            "normal form": _normal_form_slope(hopf.value, float(hopf.coefficient)),  # type: ignore[arg-type]
        },
        "cycle at W_d = 0.5": {
            "half-amplitudes": at_half.amplitude.tolist(),
            "period": at_half.period,
            "leading exponent": float(np.delete(at_half.exponents, at_half.trivial).real.max()),
        },
        "cycles": {
            "ends": list(cycles.ends),
            "all stable": bool(cycles.stable.all()),
            "W_d": cycles.values.tolist(),
            "period": cycles.periods.tolist(),
            "half-amplitude of b_g": cycles.amplitude[:, 0].tolist(),
            "leading exponent": cycles.exponents[:, 1].real.tolist(),
        },
        "verdicts": {str(w): _verdict(game.with_constants(W_d=w)) for w in SHOWN},
    }
    locus = continue_fixed_point(game, ORIGIN, "W_d", LOCUS, max_step=0.002, progress=False)
    return numbers, {
        "trunk": trunk,
        "locus": locus,
        "cycles": cycles,
        "at_half": at_half,
        "game": game,
    }


def _first_node(trunk: Branch) -> list[float]:
    """Return the last focus and the first node of the branch."""
    turning = np.abs(trunk.eigenvalues[:, 0].imag) > 0
    last = int(np.flatnonzero(turning).max())
    return trunk.values[last : last + 2].tolist()


def _slope(cycles: CycleBranch, hopf: float) -> float:
    """Return the limit of amplitude^2 / (Hopf - W_d) from the smallest two cycles."""
    distance, ratio = hopf - cycles.values[:2], cycles.amplitude[:2, 0] ** 2 / (hopf - cycles.values[:2])
    return float((ratio[0] * distance[1] - ratio[1] * distance[0]) / (distance[1] - distance[0]))


def _normal_form_slope(hopf: float, coefficient: float) -> float:
    """Return the same from ``z' = (mu + i w) z + w l1 z |z|^2``, ``x = 2 Re(z q)``: no cycle enters."""
    matrix, h = jacobian(hopf), 1e-5
    values, vectors = np.linalg.eig(matrix)
    which = int(np.argmax(values.imag))
    growth = (np.trace(jacobian(hopf + h)) - np.trace(jacobian(hopf - h))) / (4 * h)
    return float(4 * abs(vectors[0, which]) ** 2 * growth / (coefficient * values[which].imag))


def _verdict(game: Any) -> dict[str, Any]:
    (point,) = find_fixed_points(game, (-4.0, 4.0), progress=False).points
    values = [[v.real, v.imag] for v in point.eigenvalues.tolist()]
    return {"kind": point.kind, "game": point.game, "stable": point.stable, "eigenvalues": values}


def check(numbers: Mapping[str, Any]) -> None:
    """Assert what the README says of these numbers."""
    hopf, cycle, cycles = numbers["Hopf"], numbers["cycle at W_d = 0.5"], numbers["cycles"]
    assert abs(hopf["W_d"] - 0.671455) < 5e-7
    assert abs(hopf["W_d"] - hopf["closed form"]) < 1e-9
    assert hopf["interval"][0] <= hopf["closed form"] <= hopf["interval"][1]
    assert hopf["criticality"] == "supercritical"
    assert abs(hopf["frequency"] - np.sqrt(np.linalg.det(jacobian(hopf["closed form"])))) < 1e-8
    assert abs(numbers["Nash from W_d"] - 0.8618) < 5e-5
    low, high = numbers["node from W_d"]["on the branch"]
    assert low < numbers["node from W_d"]["closed form"] <= high
    assert high - low < 0.05
    slope = numbers["squared half-amplitude of b_g over Hopf - W_d"]
    assert abs(slope["of the smallest cycles"] / slope["normal form"] - 1) < 1e-3
    np.testing.assert_allclose(cycle["half-amplitudes"], [1.8523, 1.2034], atol=5e-5)
    assert abs(cycle["period"] - 7.5568) < 5e-5
    assert cycles["ends"] == ["Hopf", "range"]
    assert cycles["all stable"]
    assert np.all(np.diff(cycles["W_d"]) < 0)
    assert np.all(np.diff(cycles["period"]) > 0)
    assert abs(cycles["period"][0] - 2 * np.pi / hopf["frequency"]) < 1e-3
    verdicts = numbers["verdicts"]
    assert [verdicts[str(w)]["stable"] for w in SHOWN] == [False, True, True, True]
    kinds = ["unstable focus", "stable focus", "stable focus", "stable node"]
    assert [verdicts[str(w)]["kind"] for w in SHOWN] == kinds
    assert [verdicts[str(w)]["game"] == "differential Nash" for w in SHOWN] == [False, False, True, True]
    for w in SHOWN:
        exact = np.sort_complex(np.linalg.eigvals(jacobian(w)))
        found = np.sort_complex([complex(*pair) for pair in verdicts[str(w)]["eigenvalues"]])
        np.testing.assert_allclose(found, exact, atol=1e-9)


def draw(pictures: Mapping[str, Any], numbers: Mapping[str, Any], small: bool, out: Path) -> None:
    """Draw diagram.png, locus.png, cycles.png and portraits.png."""
    with plot.style():
        figure = Figure(figsize=(5.6, 3.9), layout="constrained")
        ax = figure.subplots()
        plot.bifurcation_diagram(ax, pictures["trunk"], cycles=[pictures["cycles"]])
        borders = {"Nash from here": numbers["Nash from W_d"]}
        borders["node from here"] = numbers["node from W_d"]["closed form"]
        for name, value in borders.items():
            ax.axvline(value, color="grey", linewidth=0.8, linestyle=":")
            ax.text(value, 0.97, name, transform=ax.get_xaxis_transform(), rotation=90, va="top", ha="right")
        figure.savefig(out / "diagram.png", dpi=130)
        figure = Figure(figsize=(4.2, 3.8), layout="constrained")
        plot.eigenvalue_locus(figure.subplots(), pictures["locus"])
        figure.savefig(out / "locus.png", dpi=130)
        _draw_cycles(pictures["cycles"], out)
        _draw_portraits(pictures, small, out)


def _draw_cycles(cycles: CycleBranch, out: Path) -> None:
    figure = Figure(figsize=(7.4, 3.4), layout="constrained")
    left, right = figure.subplots(1, 2)
    plot.cycle_periods(left, cycles)
    left.set_yscale("log")
    right.plot(cycles.values, cycles.exponents[:, 1].real, color=plot.OKABE_ITO["reddish purple"])
    right.axhline(0.0, color="grey", linewidth=0.8)
    right.set(xlabel="$W_d$", ylabel="Floquet exponent, per unit of flow time")
    right.set_title("how fast a disturbance of the cycle dies out")
    figure.savefig(out / "cycles.png", dpi=130)


def _draw_portraits(pictures: Mapping[str, Any], small: bool, out: Path) -> None:
    figure = Figure(figsize=(7.4, 8.2), layout="constrained")
    plane = coordinate_plane(pictures["game"].layout, "b_d", "b_g")
    for ax, (w, name) in zip(figure.subplots(2, 2).flat, SHOWN.items(), strict=True):
        game = pictures["game"].with_constants(W_d=w)
        seen = sample(game, plane, 2.5, points=21 if small else 101, progress=False)
        points = find_fixed_points(game, (-4.0, 4.0), progress=False)
        plot.portrait(ax, seen, fixed_points=points.points)
        if w == 0.5:
            plot.limit_cycles(ax, pictures["at_half"])
        ax.set_title(f"$W_d$ = {w:g}: {name}")
    figure.savefig(out / "portraits.png", dpi=130)


def main() -> None:
    """Compute all numbers and write them, check every claim, then draw every figure."""
    parser = argparse.ArgumentParser(
        description=__doc__, prog="python -m studies.hopf_of_the_gaussian_classifier"
    )
    parser.add_argument("--small", action="store_true", help="a shorter branch and coarse grids, for tests")
    parser.add_argument("--out", type=Path, default=Path("gandyn-run-hopf"), help="folder to write in")
    chosen = parser.parse_args()
    chosen.out.mkdir(parents=True, exist_ok=True)
    numbers, pictures = compute(chosen.small)
    (chosen.out / "numbers.json").write_text(json.dumps(numbers, indent=1) + "\n")
    check(numbers)
    print("every claim holds")
    draw(pictures, numbers, chosen.small, chosen.out)
    print(f"numbers and figures are in {chosen.out}")


if __name__ == "__main__":
    main()
