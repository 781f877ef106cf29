"""Initialisation, balance, feature matching, gradients, predictions and walks of a DCGAN, over seeds.

Run: python -m studies.difficulties_of_training [--small] [--out DIR]; every training is a run folder, and
what is there is not trained again; then come numbers.json and one PNG a figure.
"""

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gandyn.nets import datasets
from gandyn.nets.runs import Run
from studies.difficulties_of_training import walks
from studies.difficulties_of_training.claims import REFERENCE, check, over_seeds, summary
from studies.difficulties_of_training.measures import judged, measure_all, restored, yardsticks
from studies.difficulties_of_training.pictures import WALKED, draw
from studies.difficulties_of_training.runs import Setting, cases, train_all

__all__ = ["check", "main"]


def small() -> Setting:
    """Return a few steps on digits of 8x8, for tests."""
    images = datasets.digits(value_range=(-1.0, 1.0)).images
    return Setting(images[:-400], images[-400:], width=4, steps=12, seeds=1)


def full() -> Setting:
    """Return the setting of the README: CIFAR-10 at 32x32, the first nine tenths of what is there."""
    images = datasets.cifar10(value_range=(-1.0, 1.0)).images
    held_out = len(images) // 10
    return Setting(images[:-held_out], images[-held_out:], width=8, steps=800, seeds=3)


def walked(runs: Mapping[str, list[Run]], setting: Setting) -> dict[str, Any]:
    """Return what walks and ways between latents change, over the seeds of one case."""
    generators = [restored(run, cases()[WALKED], setting, i)[0] for i, run in enumerate(runs[WALKED])]
    return _over_rows([walks.measure(generator, setting) for generator in generators])


def _over_rows(rows: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        name: _over_rows([row[name] for row in rows])
        if isinstance(rows[0][name], dict)
        else over_seeds([row[name] for row in rows])
        for name in rows[0]
    }


def decays(runs: Mapping[str, list[Run]], setting: Setting) -> dict[str, float]:
    """Return by how much weights trained with another decay of batch norm differ, at most."""
    largest = 0.0
    for name in ("decay 0.5", "decay 0.99"):
        for seed, pair in enumerate(zip(runs[name], runs[REFERENCE], strict=True)):
            for one, other in zip(
                *(restored(run, cases()[name], setting, seed) for run in pair), strict=True
            ):
                for a, b in zip(one.parameters(), other.parameters(), strict=True):
                    largest = max(largest, float((a - b).detach().abs().max()))
    return {"largest difference of weights": largest}


def numbers_of(
    runs: Mapping[str, list[Run]], measured: Mapping[str, list[Any]], setting: Setting, folder: Path
) -> dict[str, Any]:
    """Return every number of the README."""
    return {
        **summary(measured, judged(runs, setting, folder), yardsticks(setting)),
        "decay": decays(runs, setting),
        "walks": walked(runs, setting),
        "walks of a linear generator": walks.linear_yardsticks(),
        "norm at the middle": walks.norms_at_the_middle(),
    }


def main() -> None:
    """Train all, measure, write the numbers, check every claim, then draw every figure."""
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m studies.difficulties_of_training")
    parser.add_argument("--small", action="store_true", help="a few steps and one seed, for tests")
    parser.add_argument(
        "--out", type=Path, default=Path("gandyn-run-difficulties"), help="folder to write in"
    )
    chosen = parser.parse_args()
    setting = small() if chosen.small else full()
    runs = train_all(setting, chosen.out / "runs")
    measured = measure_all(runs, setting, chosen.out / "measured")
    numbers = numbers_of(runs, measured, setting, chosen.out / "measured")
    (chosen.out / "numbers.json").write_text(json.dumps(numbers, indent=1) + "\n")
    check(numbers)
    print("every claim holds")
    draw(runs, measured, numbers, setting, chosen.out)
    print(f"numbers and figures are in {chosen.out}")


if __name__ == "__main__":
    main()
