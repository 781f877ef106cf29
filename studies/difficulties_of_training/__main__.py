"""Initialisation, balance, feature matching, gradients, predictions and walks of a DCGAN, over seeds.

Run: python -m studies.difficulties_of_training [--small] [--out DIR]; every training is a run folder, and
what is there is not trained again; then come numbers.json and one PNG a figure.
"""

import argparse
import json
from pathlib import Path

from gandyn.nets import datasets
from studies.difficulties_of_training.runs import Setting, train_all


def small() -> Setting:
    """Return a few steps on digits of 8x8, for tests."""
    images = datasets.digits(value_range=(-1.0, 1.0)).images
    return Setting(images[:-400], images[-400:], width=4, steps=12, seeds=1)


def full() -> Setting:
    """Return the setting of the README: CIFAR-10 at 32x32, the first nine tenths of what is there."""
    images = datasets.cifar10(value_range=(-1.0, 1.0)).images
    held_out = len(images) // 10
    return Setting(images[:-held_out], images[-held_out:], width=8, steps=800, seeds=3)


def main() -> None:
    """Train all, measure, write the numbers, check every claim, then draw every figure."""
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m studies.difficulties_of_training")
    parser.add_argument("--small", action="store_true", help="a few steps and one seed, for tests")
    parser.add_argument("--out", type=Path, default=Path("gandyn-run-difficulties"), help="folder to write in")
    chosen = parser.parse_args()
    setting = small() if chosen.small else full()
    runs = train_all(setting, chosen.out / "runs")


if __name__ == "__main__":
    main()
