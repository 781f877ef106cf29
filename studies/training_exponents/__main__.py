"""Exponents over training, by method and task, and whether they warn of collapse before the losses do.

Run: python -m studies.training_exponents [--small] [--out DIR] [--processes N]; writes one file a
run, which are not repeated when it is called again, then numbers.json and one PNG a figure.
"""

import argparse
import json
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from tqdm import tqdm

from gandyn import plot
from studies.training_exponents.runs import METHODS, TASKS, batch_gap, one_run
from studies.training_exponents.warnings import SERIES, collapses, warned

#: Steps of each task, windows, seeds, steps for the gap between batches, and their sizes.
FULL: dict[str, Any] = {
    "steps": {"line": 1000, "ring": 1000, "digits": 300},
    "windows": 25,
    "seeds": 5,
    "gap steps": 1000,
    "batches": [16, 64, 256],
}
SMALL: dict[str, Any] = {
    "steps": {"line": 30, "ring": 20, "digits": 10},
    "windows": 5,
    "seeds": 1,
    "gap steps": 40,
    "batches": [64],
}


def compute(sizes: Mapping[str, Any], folder: Path, processes: int) -> dict[str, Any]:
    """Return the runs by task, method and seed, those that lie in the folder already read from there."""
    folder.mkdir(parents=True, exist_ok=True)
    keys = [(task, name, seed) for task in TASKS for name in METHODS for seed in range(sizes["seeds"])]
    places = {key: folder / f"{key[0]}, {key[1]}, {key[2]}.json" for key in keys}
    missing = [key for key in keys if not places[key].exists()]
    with ProcessPoolExecutor(processes) as pool:
        waiting = {
            key: pool.submit(one_run, *key, sizes["steps"][key[0]], sizes["windows"]) for key in missing
        }
        for key, future in tqdm(waiting.items(), desc="runs", disable=None):
            places[key].write_text(json.dumps(future.result()))
    runs = {key: json.loads(places[key].read_text()) for key in keys}
    return {
        task: {name: [runs[task, name, seed] for seed in range(sizes["seeds"])] for name in METHODS}
        for task in TASKS
    }


def gaps(sizes: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Return leading exponents by size of the minibatch, each with its error, for every seed."""
    place = folder / "gap.json"
    if not place.exists():
        found = [batch_gap(sizes["gap steps"], sizes["batches"], seed) for seed in range(sizes["seeds"])]
        place.write_text(json.dumps(found))
    rows = json.loads(place.read_text())
    return {size: _over_seeds([row[size][0] for row in rows]) for size in rows[0]}


def _over_seeds(values: list[float]) -> list[float]:
    """Return mean and standard error."""
    error = np.std(values, ddof=1) / np.sqrt(len(values)) if len(values) > 1 else 0.0
    return [float(np.mean(values)), float(error)]


def leading(run: Mapping[str, Any]) -> np.ndarray:
    """Return the largest exponent per step of each window."""
    return np.array(run["exponents"])[:, 0]


def summary(runs: Mapping[str, Any]) -> dict[str, Any]:
    """Return, by task and method, exponents, quality at the end and collapses; and the warnings by series."""
    table = {
        task: {
            name: {
                "exponent": _over_seeds([float(np.mean(leading(run))) for run in own]),
                "last half": _over_seeds(
                    [float(np.mean(leading(run)[len(run["steps"]) // 2 :])) for run in own]
                ),
                "distance": _over_seeds([run["distance"][-1] for run in own]),
                "modes": None if task == "digits" else _over_seeds([run["modes"][-1] for run in own]),
                "collapses": sum(len(collapses(run, task)) for run in own),
                "status": [run["status"] for run in own],
            }
            for name, own in methods.items()
        }
        for task, methods in runs.items()
    }
    every = [(run, task) for task, methods in runs.items() for own in methods.values() for run in own]
    return {"methods": table, "warnings": {name: warned(every, name) for name in SERIES}}


def check(numbers: Mapping[str, Any]) -> None:
    """Assert what the README says of these numbers; of a small run only that they are in their ranges."""
    for methods in numbers["methods"].values():
        assert set(methods) == set(METHODS)
        for found in methods.values():
            assert np.isfinite(found["exponent"]).all()
            assert found["distance"][0] > 0
    for found in numbers["warnings"].values():
        assert 0 <= found["warned"] <= found["collapses"]
        assert 0 <= found["by chance"] <= found["quiet windows"]
    assert all(np.isfinite(pair).all() for pair in numbers["gap"].values())
    if len(numbers["methods"]["line"]["saturating"]["status"]) == FULL["seeds"]:
        _check_the_readme(numbers)


def _check_the_readme(numbers: Mapping[str, Any]) -> None:
    for task, methods in numbers["methods"].items():
        for found in methods.values():
            mean, error = found["exponent"]
            assert mean > 2 * error
        if task != "digits":
            assert max(methods, key=lambda name: methods[name]["exponent"][0]) == "WGAN, clip .05"
    assert numbers["gap"]["full"][0] > numbers["gap"]["256"][0] > 5 * numbers["gap"]["64"][0]
    for found in numbers["warnings"].values():
        hit, chance = found["warned"] / found["collapses"], found["by chance"] / found["quiet windows"]
        assert hit - chance < 2 * np.sqrt(hit * (1 - hit) / found["collapses"])


def draw(runs: Mapping[str, Any], numbers: Mapping[str, Any], out: Path) -> None:
    """Draw exponents over training, one panel a task, and the warnings of each series."""
    colours = [plot.OKABE_ITO[name] for name in ("vermillion", "blue", "bluish green", "orange", "black")]
    with plot.style():
        figure = Figure(figsize=(7.4, 3.4), layout="constrained")
        for ax, (task, methods) in zip(figure.subplots(1, len(runs)), runs.items(), strict=True):
            for colour, (name, own) in zip(colours, methods.items(), strict=True):
                _band(ax, own, name, colour)
            ax.axhline(0.0, color="black", linewidth=0.6)
            ax.set(title=task, xlabel="step", ylabel="largest exponent per step")
            ax.set_yscale("symlog", linthresh=1e-3)
        handles, labels = ax.get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=3)
        figure.suptitle("Exponents of training in windows: mean over seeds, band of one standard error")
        figure.savefig(out / "exponents.png", dpi=130)
        _draw_warnings(numbers["warnings"], out)


def _band(ax: Any, own: list[dict[str, Any]], name: str, colour: str) -> None:
    count = min(len(run["steps"]) for run in own)
    values = np.array([leading(run)[:count] for run in own])
    x, mean = own[0]["steps"][:count], values.mean(axis=0)
    error = values.std(axis=0, ddof=min(1, len(own) - 1)) / np.sqrt(len(own))
    ax.plot(x, mean, color=colour, linewidth=1.1, label=name)
    ax.fill_between(x, mean - error, mean + error, color=colour, alpha=0.15, linewidth=0)


def _draw_warnings(warnings: Mapping[str, Any], out: Path) -> None:
    figure = Figure(figsize=(plot.PAPER_COLUMN, 2.6), layout="constrained")
    ax = figure.subplots()
    for place, found in enumerate(warnings.values()):
        hit = found["warned"] / max(found["collapses"], 1)
        chance = found["by chance"] / max(found["quiet windows"], 1)
        for shift, value, colour in ((-0.2, hit, plot.GENERATOR), (0.2, chance, plot.DISCRIMINATOR)):
            ax.bar(place + shift, value, 0.38, color=colour)
    ax.bar(0, 0, color=plot.GENERATOR, label="of the collapses")
    ax.bar(0, 0, color=plot.DISCRIMINATOR, label="of windows far from any collapse")
    if not any(found["collapses"] for found in warnings.values()):
        ax.text(0.5, 0.5, "no run collapses", transform=ax.transAxes, ha="center")
    ax.set_xticks(range(len(warnings)), list(warnings))
    ax.set(ylabel="share with an alarm before", ylim=(0, 1))
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, 1.3), frameon=False)
    figure.savefig(out / "warnings.png", dpi=160)


def main() -> None:
    """Train and measure all, write the numbers, check every claim, then draw every figure."""
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m studies.training_exponents")
    parser.add_argument("--small", action="store_true", help="a few steps and one seed, for tests")
    parser.add_argument(
        "--out", type=Path, default=Path("gandyn-run-training-exponents"), help="folder to write in"
    )
    parser.add_argument("--processes", type=int, default=1, help="runs at a time")
    chosen = parser.parse_args()
    sizes = SMALL if chosen.small else FULL
    runs = compute(sizes, chosen.out / "runs", chosen.processes)
    numbers = {**summary(runs), "gap": gaps(sizes, chosen.out / "runs")}
    (chosen.out / "numbers.json").write_text(json.dumps(numbers, indent=1) + "\n")
    check(numbers)
    print("every claim holds")
    draw(runs, numbers, chosen.out)
    print(f"numbers and figures are in {chosen.out}")


if __name__ == "__main__":
    main()
