"""The trainings: four lengths and four batch sizes, over seeds, each a run folder that resumes."""

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from gandyn import nets
from gandyn.nets import datasets, losses, models
from gandyn.nets.datasets import Dataset

#: Trainings at the sizes of the study, and those of the tests.
FULL: dict[str, Any] = {
    "image": 28,
    "width": 8,
    "latent": 100,
    "lengths": [10, 100, 1000, 10000],
    "batch": 128,
    "batches": [16, 128, 512, 1024],
    "batch steps": 500,
    "seeds": [0, 1, 2, 3, 4],
    "samples": 256,
    "points": 17,
    "directions": 2,
    "field points": 11,
}
SMALL: dict[str, Any] = {
    "image": 8,
    "width": 2,
    "latent": 10,
    "lengths": [2, 4, 8, 16],
    "batch": 32,
    "batches": [8, 16, 32, 64],
    "batch steps": 8,
    "seeds": [0, 1],
    "samples": 64,
    "points": 7,
    "directions": 2,
    "field points": 5,
}


def data_of(sizes: Mapping[str, Any]) -> Dataset:
    """Return MNIST at its size, the bundled digits at theirs."""
    return _loaded(sizes["image"])


@functools.cache
def _loaded(image: int) -> Dataset:
    return datasets.mnist() if image == 28 else datasets.digits()


def modules(sizes: Mapping[str, Any], seed: int) -> tuple[nn.Module, nn.Module]:
    """Return the networks as the published code has them: SELU inside, Xavier, dropout of .3."""
    return models.conv_gan(
        sizes["image"],
        width=sizes["width"],
        latent_dim=sizes["latent"],
        activation="selu",
        initialization="xavier",
        seed=100 * seed,
    )


def trained(sizes: Mapping[str, Any], folder: Path, seed: int, batch: int, steps: int) -> nets.Run:
    """Return the run of a seed and a batch size, trained up to ``steps`` if it is not yet there."""
    place = folder / f"batch {batch}, seed {seed}"
    begun = (place / "settings.json").exists()
    if begun and nets.Run(place).status["status"] == "finished" and steps in nets.Run(place).steps:
        return nets.Run(place)
    recipe = nets.Recipe(
        optimizers=(nets.Adam(2e-4), nets.Adam(2e-4)),
        batch_size=batch,
        order="generator first",
        seed=seed,
    )
    return nets.train(
        *modules(sizes, seed),
        losses.nonsaturating(halves="mean"),
        data_of(sizes),
        place,
        steps=steps,
        recipe=recipe,
        checkpoint_every=sizes["lengths"][-1],
        resume=begun,
        progress=False,
    )


def plan(sizes: Mapping[str, Any]) -> list[tuple[int, int]]:
    """Return batch size and steps of every training of a seed."""
    usual, steps = sizes["batch"], sizes["batch steps"]
    others = [(batch, steps) for batch in sizes["batches"] if batch != usual]
    return [*others, *((usual, n) for n in sorted({*sizes["lengths"], steps}))]


def train_seed(sizes: Mapping[str, Any], folder: Path, seed: int) -> None:
    """Train all runs of a seed, on one thread."""
    torch.set_num_threads(1)
    for batch, steps in plan(sizes):
        trained(sizes, folder, seed, batch, steps)


def restored(
    sizes: Mapping[str, Any], folder: Path, seed: int, batch: int, steps: int
) -> tuple[nn.Module, nn.Module]:
    """Return the networks of a run as they were after so many steps."""
    networks = modules(sizes, seed)
    trained(sizes, folder, seed, batch, steps).restore(*networks, steps)
    return networks


def judged_by(sizes: Mapping[str, Any], networks: tuple[nn.Module, nn.Module]) -> nets.GanLosses:
    """Return both losses on a batch and latents that are the same for every network, without dropout."""
    count = sizes["samples"]
    latent = torch.randn(count, sizes["latent"], generator=torch.Generator().manual_seed(1))
    return nets.gan_losses(
        *networks,
        losses.nonsaturating(halves="mean"),
        data_of(sizes).images[:count],
        latent,
        dropout="eval",
        dtype=torch.float32,
    )
