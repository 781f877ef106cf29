"""DCGAN, WGAN and AC-GAN: losses, samples, whether gradients vanish, and what latents and classes do.

Run: python -m studies.dcgan_wgan_acgan [--small | --full] [--out DIR]; trains into run folders, which a run
taken up again goes on with, then writes numbers.json and one PNG a figure. The full setting reads CIFAR-10
from the folder that GANDYN_DATA names; the small one, which is the default, has the bundled digits.
"""

import argparse
import json
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from studies.dcgan_wgan_acgan.gradients import MEASURES, of_run
from studies.dcgan_wgan_acgan.images import classes, distance, quality, shapes, ways
from studies.dcgan_wgan_acgan.pictures import draw
from studies.dcgan_wgan_acgan.runs import FULL, METHODS, SMALL, Pictures, Sizes, data_of, every_run, train

#: The methods whose critic's weights are clipped at .01.
CLIPPED = ("WGAN", "WGAN, lr 5e-4", "DCGAN, clipped")
KINDS = ("linear", "spherical")


def main_pictures(sizes: Sizes) -> Pictures:
    """Return the pictures on which all nets are trained."""
    return next(iter(sizes.runs))[0]


def compute(sizes: Sizes, folder: Path) -> dict[str, Any]:
    """Train what is not trained yet and return the numbers."""
    for pictures, name, seed in tqdm(list(every_run(sizes)), desc="runs", disable=None):
        train(sizes, folder, pictures, name, seed)
    pictures, seeds = main_pictures(sizes), range(sizes.seeds)
    labelled = [shown for shown, name in sizes.runs if name == "AC-GAN"]
    real = [data_of(pictures, split).images[: sizes.samples] for split in ("train", "test")]

    def over_seeds(measured: Callable[..., Any], *key: Any) -> list[Any]:
        return [measured(sizes, folder, *key, seed) for seed in seeds]

    return {
        "pictures": pictures,
        "methods": {name: over_seeds(of_run, pictures, name) for name in METHODS},
        "distance": {name: over_seeds(quality, pictures, name) for name in METHODS},
        "distance of real pictures": distance(*real),
        "ways": over_seeds(ways, pictures),
        "classes": {shown: over_seeds(classes, shown) for shown in labelled},
        "shapes": shapes(sizes),
    }


def share(run: Mapping[str, Any], when: str, measure: str = "small_share") -> np.ndarray:
    """Return a measure of the discriminator's convolutions in a part of training, shape (layers,)."""
    return np.array(run[measure][when])


def check(numbers: Mapping[str, Any]) -> None:
    """Assert what holds of any size, and, of the full one, what the README says."""
    assert set(numbers["methods"]) == set(METHODS)
    assert numbers["shapes"]["corrected"]["DCGAN"] == [3, 32, 32]
    assert numbers["shapes"]["printed"]["DCGAN"] == [3, 16, 16]
    assert not numbers["shapes"]["printed"]["the discriminator takes them"]
    for name, runs in numbers["methods"].items():
        for run in runs:
            assert run["status"] == "finished"
            for measure in MEASURES:
                assert np.all(share(run, "last quarter", measure) >= 0)
            assert np.all(share(run, "last quarter") <= 1)
            assert (run["at the end"]["weights at the clip"] is not None) == (name in CLIPPED)
    for name in CLIPPED:
        _check_clipped(numbers["methods"][name])
    for row in numbers["ways"]:
        _check_ways(row)
    for rows in numbers["classes"].values():
        for row in rows:
            assert np.isclose(row["agreement"], np.mean(row["agreement by class"]), atol=1e-3)
            assert np.isclose(sum(row["shares of variance"].values()), 1.0)
    if numbers["pictures"] == "cifar10":
        _check_the_readme(numbers)


def _check_clipped(runs: list[Mapping[str, Any]]) -> None:
    """Assert that clipping alone puts the count of small gradients at its ceiling, at once."""
    for run in runs:
        assert np.all(share(run, "first quarter") > share(run, "at the start"))
        assert np.all(share(run, "first quarter") > 0.95)


def _check_ways(row: Mapping[str, Any]) -> None:
    middle, norm = (
        {kind: row[kind]["norm at the middle"] for kind in KINDS},
        row["norm of a latent"],
    )
    assert abs(middle["spherical"] / norm - 1) < 0.02
    assert abs(middle["linear"] / norm - 2**-0.5) < 0.05
    assert 0 < row["sigma .02 over 1, running statistics"] < 1


def _check_the_readme(numbers: Mapping[str, Any]) -> None:
    """Assert what the README says of CIFAR-10, of every seed."""
    assert all(len(runs) == FULL.seeds for runs in numbers["methods"].values())
    for name, runs in numbers["methods"].items():
        verdict = "vanishing" if name in CLIPPED else "learning"
        assert all(run["a quarter in"]["verdict"] == [verdict, verdict] for run in runs)
        assert all(run["at the end"]["verdict"] == ["learning", "learning"] for run in runs)
    for runs in zip(*numbers["methods"].values(), strict=True):
        _check_one_seed(dict(zip(numbers["methods"], runs, strict=True)))
    for far in zip(*numbers["distance"].values(), strict=True):
        by_name = dict(zip(numbers["distance"], far, strict=True))
        assert min(by_name, key=by_name.__getitem__) == "WGAN, lr 5e-4"
        assert max(by_name, key=by_name.__getitem__) == "WGAN-GP"
    for row in numbers["ways"]:
        contrast = {kind: row[kind]["distance from the mean image, middle over ends"] for kind in KINDS}
        assert contrast["linear"] < 0.8 < 0.95 < contrast["spherical"]
        assert row["sigma .02 over 1, running statistics"] < 0.05
        assert abs(row["sigma .02 over 1, statistics of the batch"] - 1) < 0.002
    for rows in numbers["classes"].values():
        assert all(2 * row["agreement"] < row["agreement of its own discriminator"] for row in rows)
        assert all(row["shares of variance"]["class"] > 0.5 for row in rows)


def _check_one_seed(runs: Mapping[str, Any]) -> None:
    felt = {name: share(run, "first quarter", "leverage") for name, run in runs.items() if name != "AC-GAN"}
    assert all(np.all(felt[name] < 1e-4 * felt["DCGAN"]) for name in CLIPPED)
    assert np.all(felt["DCGAN, clipped"] < felt["WGAN"])
    assert np.all(share(runs["DCGAN"], "last quarter", "leverage") > 0.3 * felt["DCGAN"])
    parts = ("first quarter", "last quarter")
    counts = {name: [share(runs[name], when)[:3] for when in parts] for name in ("DCGAN", "WGAN-GP")}
    assert np.sum(counts["DCGAN"][1] > counts["DCGAN"][0]) >= 2
    assert np.all(counts["WGAN-GP"][1] < counts["WGAN-GP"][0])
    rough = {name: run["roughness of D's loss"] for name, run in runs.items()}
    assert max(rough["WGAN"], rough["DCGAN, clipped"]) < rough["DCGAN"]
    assert min(rough["WGAN, lr 5e-4"], rough["WGAN-GP"]) > rough["DCGAN"]


def main() -> None:
    """Train all, write the numbers, check every claim, then draw every figure."""
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m studies.dcgan_wgan_acgan")
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--small", action="store_true", help="few steps on digits, for tests; the default")
    size.add_argument("--full", action="store_true", help="CIFAR-10 and three seeds: half an hour")
    parser.add_argument(
        "--out", type=Path, default=Path("gandyn-run-dcgan-wgan-acgan"), help="folder to write in"
    )
    chosen = parser.parse_args()
    sizes = FULL if chosen.full else SMALL
    folder = chosen.out / ("runs-full" if chosen.full else "runs-small")
    folder.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=UserWarning, message="(?s).*cifar")
        numbers = compute(sizes, folder)
    (chosen.out / "numbers.json").write_text(json.dumps(numbers, indent=1) + "\n")
    check(numbers)
    print("every claim holds")
    draw(sizes, folder, chosen.out, main_pictures(sizes))
    print(f"numbers and figures are in {chosen.out}")


if __name__ == "__main__":
    main()
