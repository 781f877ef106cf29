"""The nets, losses and recipes of the paper, with controls, and their training into run folders."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

import torch
from torch import nn

from gandyn import nets
from gandyn.nets import Adam, Losses, Recipe, RMSProp, Run, losses, models
from gandyn.nets.datasets import Dataset, cifar10, digits

Pictures = Literal["cifar10", "digits"]

ADAM = Adam(2e-4, beta1=0.5)
PENALTY_ADAM = Adam(1e-4, beta1=0.0, beta2=0.9)


def _critic(rule: Any, clip: float | None) -> dict[str, Any]:
    return {"optimizers": (rule, rule), "batch_size": 64, "critic_steps": 5, "clip": clip}


@dataclass(frozen=True)
class Method:
    """What is trained and how: the paper's three nets, or one with a single thing changed."""

    losses: Losses
    recipe: dict[str, Any]
    norm: Literal["batch", "none"] = "batch"
    labelled: bool = False


#: The second WGAN has the learning rate of the paper's text, the first that of its table. "DCGAN, clipped"
#: has the loss of the first and all else of the second: what differs from WGAN then is the loss alone.
METHODS = {
    "DCGAN": Method(losses.nonsaturating(halves="mean"), {"optimizers": (ADAM, ADAM), "batch_size": 128}),
    "WGAN": Method(losses.wasserstein(), _critic(RMSProp(5e-5), 0.01)),
    "WGAN, lr 5e-4": Method(losses.wasserstein(), _critic(RMSProp(5e-4), 0.01)),
    "DCGAN, clipped": Method(losses.nonsaturating(halves="mean"), _critic(RMSProp(5e-5), 0.01)),
    "WGAN-GP": Method(
        losses.wasserstein(penalties=[losses.gradient_penalty(10.0)]),
        _critic(PENALTY_ADAM, None),
        norm="none",
    ),
    "AC-GAN": Method(
        losses.acgan(source="nonsaturating"), {"optimizers": (ADAM, ADAM), "batch_size": 100}, labelled=True
    ),
}


@dataclass(frozen=True)
class Sizes:
    """How large the study is: steps of the unlabelled nets and of AC-GAN by pictures, seeds, and samples.

    Args:
        runs: which nets on which pictures, with their steps.
        looks: looks at the gradients, and checkpoints, in a run.
        seeds: number of runs of each.
        width: feature maps of the discriminators' first layer.
        samples: samples in each number.
        epochs: of the classifier, by pictures.
    """

    runs: dict[tuple[Pictures, str], int]
    looks: int
    seeds: int
    width: int
    samples: int
    epochs: dict[Pictures, int]


#: With 5 batches of 64 a step, the critics of 300 steps see as many images as a DCGAN of 750.
_STEPS = {"DCGAN": 700, "AC-GAN": 900}
FULL = Sizes(
    runs={("cifar10", name): _STEPS.get(name, 300) for name in METHODS},
    looks=35, seeds=3, width=4, samples=1000, epochs={"cifar10": 8},
)  # fmt: skip
SMALL = Sizes(
    runs={("digits", name): 24 for name in METHODS},
    looks=4, seeds=1, width=4, samples=100, epochs={"digits": 4},
)  # fmt: skip


@cache
def data_of(pictures: Pictures, split: Literal["train", "test"]) -> Dataset:
    """Return the pictures in [-1, 1]; of the digits, the last 400 are the test."""
    if pictures == "cifar10":
        return cifar10(split, value_range=(-1.0, 1.0))
    data = digits(value_range=(-1.0, 1.0))
    part = slice(None, -400) if split == "train" else slice(-400, None)
    assert data.labels is not None
    return Dataset(
        f"digits, {split}", data.images[part], data.labels[part], data.classes, data.value_range, data.source
    )


def modules(pictures: Pictures, name: str, width: int, seed: int) -> tuple[nn.Module, nn.Module]:
    """Return generator and discriminator, untrained."""
    channels, size, _ = data_of(pictures, "train").sample_shape
    method, build = METHODS[name], models.acgan if METHODS[name].labelled else models.cifar_gan
    return build(size, width=width, channels=channels, norm=method.norm, seed=2 * seed)


def place_of(folder: Path, pictures: Pictures, name: str, seed: int) -> Path:
    """Return the folder of a run."""
    return folder / f"{pictures}, {name}, {seed}"


def train(sizes: Sizes, folder: Path, pictures: Pictures, name: str, seed: int) -> Run:
    """Train one net, go on where its folder has a part, or read what is there."""
    place, steps = place_of(folder, pictures, name, seed), sizes.runs[pictures, name]
    begun = (place / "status.json").exists()
    if begun and Run(place).status["step"] >= steps:
        return Run(place)
    method, data = METHODS[name], data_of(pictures, "train")
    assert data.labels is not None
    every = max(1, steps // sizes.looks)
    return nets.train(
        *modules(pictures, name, sizes.width, seed), method.losses,
        (data.images, data.labels) if method.labelled else data.images, place,
        steps=steps, recipe=Recipe(**method.recipe, seed=seed), checkpoint_every=every, health=every,
        resume=begun, progress=False,
    )  # fmt: skip


def every_run(sizes: Sizes) -> Iterator[tuple[Pictures, str, int]]:
    """Yield pictures, net and seed of every run, a seed at a time."""
    for seed in range(sizes.seeds):
        for pictures, name in sizes.runs:
            yield pictures, name, seed


def restored(
    sizes: Sizes, folder: Path, pictures: Pictures, name: str, seed: int, step: int | None = None
) -> tuple[nn.Module, nn.Module]:
    """Return the networks of a run at a checkpoint, by default at its end."""
    both = modules(pictures, name, sizes.width, seed)
    Run(place_of(folder, pictures, name, seed)).restore(*both, step)
    return both


def latents(count: int, seed: int = 0, dim: int = 100) -> torch.Tensor:
    """Return latents of the prior, shape (count, dim)."""
    return torch.randn(count, dim, generator=torch.Generator().manual_seed(seed))
