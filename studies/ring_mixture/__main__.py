"""Small MLP GANs on mixtures of Gaussians: what each scheme and regulariser covers, and how fast.

Run: python -m studies.ring_mixture [--small] [--out DIR] [--processes N]; writes one file a run, which a run
taken up again does not repeat, then numbers.json and one PNG a figure.
"""

import argparse
import json
import tempfile
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from tqdm import tqdm

from gandyn import UpdateMap, VectorField, consensus, plot, schemes, symplectic_adjustment
from gandyn.nets import (
    Adam,
    Losses,
    Recipe,
    coverage,
    datasets,
    instance_noise,
    losses,
    models,
    modes_of,
    sliced_wasserstein,
    spectral_norm,
    train,
)
from gandyn.nets.datasets import Dataset

STEP, SAMPLES, SEEDS, GRADIENTS = 1e-3, 2000, 5, 6000
NONSATURATING = losses.nonsaturating()
DATA: dict[str, Callable[[], Dataset]] = {
    "ring": lambda: datasets.ring(8, count=4000),
    "grid": lambda: datasets.grid(5, count=5000),
}


def adam(field: VectorField) -> UpdateMap:
    """Return simultaneous Adam with beta1 = 0.5."""
    return schemes.adam(field, STEP, beta1=0.5)


@dataclass(frozen=True)
class Method:
    """One way to train.

    Args:
        scheme: from the field to its update map; None for Adam in turn.
        losses: what each player descends.
        discriminator: what is done to the discriminator's module.
        cost: gradients of both players in a step; a product with the Jacobian counts as one.
    """

    scheme: Callable[[VectorField], UpdateMap] | None = adam
    losses: Losses = NONSATURATING
    discriminator: Callable[[torch.nn.Module], torch.nn.Module] = lambda module: module
    cost: int = 1


METHODS = {
    "Adam": Method(),
    "Adam in turn": Method(None),
    "descent": Method(lambda field: schemes.simultaneous(field, 0.1)),
    "negative momentum": Method(lambda field: schemes.heavy_ball(field, 0.1, -0.3)),
    "extragradient": Method(lambda field: schemes.extragradient(field, 0.1), cost=2),
    "optimistic": Method(lambda field: schemes.optimistic(field, 0.1)),
    "Lookahead over Adam": Method(lambda field: schemes.lookahead_minimax(adam(field), 5, 0.5), cost=5),
    "consensus, Adam": Method(lambda field: adam(consensus(field, 0.1)), cost=2),
    "SGA, Adam": Method(lambda field: adam(symplectic_adjustment(field, 0.5)), cost=3),
    "R1, Adam": Method(losses=losses.nonsaturating(penalties=[losses.r1(0.1)])),
    "WGAN-GP, Adam": Method(losses=losses.wasserstein(penalties=[losses.gradient_penalty(1.0)])),
    "instance noise, Adam": Method(discriminator=lambda module: instance_noise(module, 0.1)),
    "spectral norm, Adam": Method(discriminator=spectral_norm),
}
MEASURES = (
    "modes covered",
    "share of high quality",
    "sliced Wasserstein distance",
    "Wasserstein distance of x",
)


def one_run(data_name: str, name: str, seed: int, gradients: int, points: int) -> dict[str, Any]:
    """Train once; return the measures at every checkpoint, over the gradients spent."""
    torch.set_num_threads(1)
    data, method = DATA[data_name](), METHODS[name]
    centres, std = modes_of(data)
    generator, discriminator = models.mlp_gan(
        2, hidden=(64, 64), latent_dim=2, activation="tanh", seed=100 * seed
    )
    discriminator = method.discriminator(discriminator)
    every = max(1, gradients // points // method.cost)
    rule = Adam(STEP, beta1=0.5)
    own = {} if method.scheme else {"optimizers": (rule, rule)}
    latents = torch.randn(SAMPLES, 2, generator=torch.Generator().manual_seed(1))
    rows, spent = [], []
    with tempfile.TemporaryDirectory() as folder:
        run = train(
            generator, discriminator, method.losses, data, f"{folder}/run", steps=every * points,
            recipe=Recipe(batch_size=128, seed=seed, **own), scheme=method.scheme, checkpoint_every=every,
            progress=False,
        )  # fmt: skip
        for step in run.steps:
            run.restore(generator, discriminator, step)
            with torch.no_grad():
                rows.append(_measured(generator(latents).numpy(), data, centres, std))
            spent.append(step * method.cost)
        status = run.status["status"]
    measures = dict(zip(MEASURES, np.array(rows, dtype=float).T.tolist(), strict=True))
    return {"gradients": spent, "status": status, **measures}


def _measured(samples: np.ndarray, data: Dataset, centres: np.ndarray, std: float) -> list[float]:
    found, real = coverage(samples, centres, std, least=10), data.images.numpy()
    sliced, _ = sliced_wasserstein(samples, real, projections=100)
    along, _ = sliced_wasserstein(samples[:, :1], real[:, :1])
    return [found.covered, found.high_quality, sliced, along]


def compute(gradients: int, points: int, seeds: int, folder: Path, processes: int) -> dict[str, Any]:
    """Return the runs of all methods, those that lie in the folder already read from there."""
    folder.mkdir(parents=True, exist_ok=True)
    keys = [(data, name, seed) for data in DATA for name in METHODS for seed in range(seeds)]
    places = {key: folder / f"{key[0]}, {key[1]}, {key[2]}.json" for key in keys}
    missing = [key for key in keys if not places[key].exists()]
    with ProcessPoolExecutor(processes) as pool:
        waiting = {key: pool.submit(one_run, *key, gradients, points) for key in missing}
        for key, future in tqdm(waiting.items(), desc="runs", disable=None):
            places[key].write_text(json.dumps(future.result()))
    runs = {key: json.loads(places[key].read_text()) for key in keys}
    return {
        data: {name: [runs[data, name, seed] for seed in range(seeds)] for name in METHODS} for data in DATA
    }


def summary(runs: Mapping[str, Any]) -> dict[str, Any]:
    """Return, for each data set and method, mean and standard error over the seeds at the end."""
    return {
        data: {
            name: {
                "status": [run["status"] for run in own],
                "gradients": own[0]["gradients"][-1],
                **{measure: _mean([run[measure][-1] for run in own]) for measure in MEASURES},
            }
            for name, own in methods.items()
        }
        for data, methods in runs.items()
    }


def _mean(values: list[float]) -> list[float]:
    return [float(np.mean(values)), float(np.std(values, ddof=1) / np.sqrt(len(values)))]


def check(numbers: Mapping[str, Any]) -> None:
    """Assert what the README says of these numbers; of a small run only that they are in their ranges."""
    for data, modes in (("ring", 8), ("grid", 25)):
        assert set(numbers[data]) == set(METHODS)
        for found in numbers[data].values():
            assert 0 <= found["modes covered"][0] <= modes
            assert 0 <= found["share of high quality"][0] <= 1
            assert found["sliced Wasserstein distance"][0] > 0
    if numbers["ring"]["Adam"]["gradients"] == GRADIENTS:
        _check_the_readme(numbers)


def _check_the_readme(numbers: Mapping[str, Any]) -> None:
    ring, grid = numbers["ring"], numbers["grid"]
    quality = lambda name: ring[name]["share of high quality"][0]
    best = max(ring, key=quality)
    assert best == "Adam in turn"
    for name in ("Adam", "Adam in turn", "Lookahead over Adam", "R1, Adam", "instance noise, Adam"):
        assert ring[name]["modes covered"][0] >= 7.8
        assert quality(name) > quality("consensus, Adam") > quality("SGA, Adam")
    assert ring["Adam"]["share of high quality"][1] > 5 * ring[best]["share of high quality"][1]
    for name in ("descent", "negative momentum", "extragradient", "optimistic"):
        assert ring[name]["modes covered"][0] == 0
        assert ring[name]["sliced Wasserstein distance"][0] > 5
    assert max(found["modes covered"][0] for found in grid.values()) < 13


def draw(runs: Mapping[str, Any], out: Path) -> None:
    """Draw, for each data set, the measures over the gradients spent, one line and band a method."""
    colours = dict(zip(METHODS, plot_colours(len(METHODS)), strict=True))
    for data, methods in runs.items():
        with plot.style():
            figure = Figure(figsize=(7.4, 7.0), layout="constrained")
            for ax, measure in zip(figure.subplots(2, 2).flat, MEASURES, strict=True):
                for name, own in methods.items():
                    _band(ax, own, measure, name, colours[name])
                ax.set(xlabel="gradients of both players", ylabel=measure)
                if "distance" in measure:
                    ax.set_yscale("log")
            handles, labels = ax.get_legend_handles_labels()
            figure.legend(handles, labels, loc="outside lower center", ncols=3)
            figure.suptitle(f"{data}: mean over seeds, band of one standard error")
            figure.savefig(out / f"{data}.png", dpi=130)


def plot_colours(count: int) -> list[tuple[Any, str]]:
    """Return a colour and a line style for each of ``count`` lines."""
    colours = [colour for name, colour in plot.OKABE_ITO.items() if name != "yellow"]
    return [(colours[i % len(colours)], ("-", "--")[i // len(colours)]) for i in range(count)]


def _band(ax: Any, own: list[dict[str, Any]], measure: str, name: str, look: tuple[Any, str]) -> None:
    shortest = min(len(run["gradients"]) for run in own)
    values = np.array([run[measure][:shortest] for run in own])
    x, mean = own[0]["gradients"][:shortest], values.mean(axis=0)
    error = values.std(axis=0, ddof=1) / np.sqrt(len(values))
    ax.plot(x, mean, color=look[0], linestyle=look[1], linewidth=1.1, label=name)
    ax.fill_between(x, mean - error, mean + error, color=look[0], alpha=0.15, linewidth=0)


def main() -> None:
    """Train all, write the numbers, check every claim, then draw every figure."""
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m studies.ring_mixture")
    parser.add_argument("--small", action="store_true", help="a few steps and two seeds, for tests")
    parser.add_argument(
        "--out", type=Path, default=Path("gandyn-run-ring-mixture"), help="folder to write in"
    )
    parser.add_argument("--processes", type=int, default=1, help="runs at a time")
    chosen = parser.parse_args()
    sizes = (40, 2, 2) if chosen.small else (GRADIENTS, 20, SEEDS)
    runs = compute(*sizes, chosen.out / "runs", chosen.processes)
    numbers = summary(runs)
    (chosen.out / "numbers.json").write_text(json.dumps(numbers, indent=1) + "\n")
    check(numbers)
    print("every claim holds")
    draw(runs, chosen.out)
    print(f"numbers and figures are in {chosen.out}")


if __name__ == "__main__":
    main()
