"""Runs just below and just above the largest stable step: do they settle and leave, and at what rate?

Run: python -m studies.step_bound [--small] [--out DIR]; writes numbers.json, table.md and one PNG a figure.
"""

import argparse
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from gandyn import UpdateMap, VectorField, consensus, fixed_point, l2, plot, schemes, symplectic_adjustment
from gandyn.arrays import like, to_numpy
from gandyn.games import catalogue
from gandyn.nets import gan_field, get_state, losses, models
from gandyn.rotation import suggest_step

SHARES = (0.95, 1.05)
Maker = Callable[[VectorField, float], UpdateMap]

RULES: dict[str, Maker] = {
    "simultaneous": schemes.simultaneous,
    "alternating": schemes.alternating,
    "extragradient": schemes.extragradient,
    "optimistic": schemes.optimistic,
    "heavy ball 0.5": lambda field, h: schemes.heavy_ball(field, h, 0.5),
}


def network() -> tuple[VectorField, Any]:
    """Return a GAN of 26 parameters with weight decay, and its fixed point: descent, then Newton."""
    draws = torch.Generator().manual_seed(0)
    real = 1.0 + 0.3 * torch.randn(64, 1, generator=draws)
    latents = torch.randn(64, 1, generator=draws)
    modules = models.mlp_gan(1, hidden=(4,), activation="tanh", initialization="normal", std=0.7, seed=1)
    field = l2(gan_field(*modules, losses.nonsaturating(), real, latents), 0.1)
    x = get_state(*modules).double()
    for _ in range(1500):
        x = x + 0.3 * field(x)
    return field, like(fixed_point(field, x).x, x)


GAMES: dict[str, Callable[[], tuple[VectorField, Any]]] = {
    "bilinear": lambda: (catalogue.make("bilinear"), np.zeros(2)),
    "Dirac, R1 0.3": lambda: (catalogue.make("dirac-r1", gamma=0.3), np.zeros(2)),
    "Gaussian classifier": lambda: (catalogue.make("gaussian-classifier"), np.zeros(2)),
    "Balduzzi": lambda: (catalogue.make("balduzzi"), np.zeros(2)),
    "network": network,
}
CASES = [
    ("bilinear", "extragradient"),
    ("bilinear", "optimistic"),
    ("Dirac, R1 0.3", "simultaneous"),
    ("Dirac, R1 0.3", "alternating"),
    ("Dirac, R1 0.3", "heavy ball 0.5"),
    ("Gaussian classifier", "simultaneous"),
    ("Balduzzi", "simultaneous"),
    ("network", "simultaneous"),
    ("network", "alternating"),
    ("network", "extragradient"),
]


def follow(step: UpdateMap, rest: np.ndarray, decades: float) -> dict[str, Any]:
    """Follow a small deviation along the leading mode; return its size, and the rate measured and predicted.

    Args:
        step: the update map.
        rest: its fixed point, shape (n,), memory included.
        decades: natural logarithm of the factor to follow it over, by the predicted rate.
    """
    at = like(rest, step(step.start(_template(step)), 0))
    values, left = np.linalg.eig(to_numpy(step.jac(at)).T)
    first = int(np.argmax(np.abs(values)))
    predicted, mode = float(np.log(np.abs(values[first]))), left[:, first]
    count = int(np.clip(np.ceil(decades / max(abs(predicted), 1e-9)), 20, 4000))
    shift = 1e-5 * mode.real / np.linalg.norm(mode.real)
    x, sizes = at + like(shift, at), []
    for k in range(count + 1):
        sizes.append(float(np.abs(mode @ (to_numpy(x) - rest))))
        x = step(x, k)
    logs = np.log(sizes)
    return {
        "steps": count,
        "predicted": predicted,
        "measured": float(np.polyfit(np.arange(count + 1), logs, 1)[0]),
        "factor": float(np.exp(logs[-1] - logs[0])),
        "sizes": sizes,
    }


def _template(step: UpdateMap) -> Any:
    """Return zeros of the parameters' shape in the namespace of a map."""
    field = step.rule.field
    zeros = np.zeros(field.layout.dim)
    return torch.from_numpy(zeros) if field.layout.names[0].startswith("generator.") else zeros


def _rest(step: UpdateMap, x: Any) -> np.ndarray:
    """Return the fixed point of a scheme: parameters at rest, memory at zero."""
    host = to_numpy(x)
    return np.concatenate([host, np.zeros(step.layout.dim - len(host))])


def bounds(small: bool) -> dict[str, Any]:
    """Return for every case the bound and the runs on both sides of it."""
    made: dict[str, tuple[VectorField, Any]] = {}
    found = {}
    for game, rule in CASES:
        field, x = made.setdefault(game, GAMES[game]() if game not in made else made[game])
        bound = suggest_step(field, x, RULES[rule], progress=False)
        runs = {}
        for share in SHARES:
            step = RULES[rule](field, share * bound.step)
            runs[f"{share:g}"] = follow(step, _rest(step, x), 2.0 if small else 6.0)
        found[f"{game}, {rule}"] = {
            "step": bound.step,
            "loss": bound.loss,
            "angle": bound.angle,
            "runs": runs,
        }
    return found


DAMPINGS: dict[str, Callable[[VectorField, float], VectorField]] = {
    "consensus": consensus,
    "symplectic adjustment": symplectic_adjustment,
}


def dampings(small: bool) -> dict[str, Any]:
    """Return, for a game that no step settles, the least damping and runs with a little less and more."""
    field = catalogue.make("hopf")
    bound = suggest_step(field, np.zeros(2))
    found = {}
    for one in bound.damping:
        if one.name not in DAMPINGS:
            continue
        runs = {}
        for share in (0.9, 1.1):
            step = schemes.rk4(DAMPINGS[one.name](field, share * one.strength), 0.2)
            runs[f"{share:g}"] = follow(step, np.zeros(2), 1.0 if small else 4.0)
        damped = DAMPINGS[one.name](field, one.best)
        best = suggest_step(damped, np.zeros(2)).step
        found[one.name] = {
            "strength": one.strength,
            "best": one.best,
            "step": one.step,
            "its step": best,
            "runs": runs,
        }
    return {"growth": float(bound.eigenvalues.real.max()), "step": bound.step, **found}


def check(numbers: Mapping[str, Any]) -> None:
    """Assert what the README says of these numbers."""
    cases = numbers["bounds"]
    exact = {
        "bilinear, extragradient": 1.0,
        "bilinear, optimistic": 3**-0.5,
        "Dirac, R1 0.3, simultaneous": 1.2,
        "Gaussian classifier, simultaneous": 0.7259410,
        "Balduzzi, simultaneous": 2 / 101,
    }
    for name, step in exact.items():
        assert abs(cases[name]["step"] / step - 1) < 1e-6
    for case in cases.values():
        assert case["step"] > 0
        _check_sides(case["runs"])
    damped = numbers["dampings"]
    assert damped["step"] == 0 < damped["growth"]
    for name in DAMPINGS:
        _check_sides(dict(zip(("0.95", "1.05"), reversed(damped[name]["runs"].values()), strict=True)))
        assert abs(damped[name]["step"] / damped[name]["its step"] - 1) < 1e-6


def _check_sides(runs: Mapping[str, Any]) -> None:
    settles, leaves = runs["0.95"], runs["1.05"]
    assert settles["factor"] < 1 < leaves["factor"]
    for run in (settles, leaves):
        assert abs(run["measured"] / run["predicted"] - 1) < 0.01


def without_paths(numbers: Any) -> Any:
    """Return the numbers but for the sizes at every step."""
    if not isinstance(numbers, dict):
        return numbers
    return {name: without_paths(value) for name, value in numbers.items() if name != "sizes"}


def table(cases: Mapping[str, Any]) -> str:
    """Return the bounds and rates as a table of Markdown."""
    lines = [
        "| game, scheme | h* | lost by | rate at 0.95 h*, predicted | measured | at 1.05 h*, predicted "
        "| measured |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, case in cases.items():
        rates = [
            f"{case['runs'][share][what]:+.6f}"
            for share in ("0.95", "1.05")
            for what in ("predicted", "measured")
        ]
        lines.append(f"| {name} | {case['step']:.7g} | {case['loss']} | {' | '.join(rates)} |")
    return "\n".join(lines) + "\n"


def draw(cases: Mapping[str, Any], out: Path) -> None:
    """Draw the size of the leading mode over steps, below and above the bound, with the predicted rate."""
    colours = dict(zip(("0.95", "1.05"), (plot.OKABE_ITO["blue"], plot.OKABE_ITO["vermillion"]), strict=True))
    with plot.style():
        figure = Figure(figsize=(7.4, 8.4), layout="constrained")
        for ax, (name, case) in zip(figure.subplots(5, 2).flat, cases.items(), strict=True):
            for share, run in case["runs"].items():
                steps = np.arange(run["steps"] + 1)
                predicted = run["sizes"][0] * np.exp(run["predicted"] * steps)
                ax.semilogy(steps, run["sizes"], color=colours[share], label=f"{share} h*, run")
                ax.semilogy(steps, predicted, "k:", linewidth=1.0, label="predicted")
            ax.set(title=f"{name}: h* = {case['step']:.4g}", xlabel="step", ylabel="size of the mode")
            ax.yaxis.set_minor_formatter(NullFormatter())
        handles, labels = ax.get_legend_handles_labels()
        figure.legend(handles[:3], labels[:3], loc="outside lower center", ncols=3)
        figure.savefig(out / "sides.png", dpi=130)


def main() -> None:
    """Compute, write the numbers, check every claim, then draw the figure."""
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m studies.step_bound")
    parser.add_argument("--small", action="store_true", help="shorter runs, for tests")
    parser.add_argument("--out", type=Path, default=Path("gandyn-run-step-bound"), help="folder to write in")
    chosen = parser.parse_args()
    chosen.out.mkdir(parents=True, exist_ok=True)
    numbers = {"bounds": bounds(chosen.small), "dampings": dampings(chosen.small)}
    (chosen.out / "numbers.json").write_text(json.dumps(without_paths(numbers), indent=1) + "\n")
    check(numbers)
    (chosen.out / "table.md").write_text(table(numbers["bounds"]))
    print("every claim holds")
    draw(numbers["bounds"], chosen.out)
    print(f"numbers and figures are in {chosen.out}")


if __name__ == "__main__":
    main()
