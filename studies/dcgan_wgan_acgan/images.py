"""What the generators make: distance to real pictures, classes, ways through latent space, sizes."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from gandyn.nets import class_grid, combine, generate, interpolate, models, sliced_wasserstein
from studies.dcgan_wgan_acgan.classifier import accuracy, classifier, says
from studies.dcgan_wgan_acgan.runs import METHODS, Pictures, Sizes, data_of, latents, restored

SIGMA, ON_THE_WAY, PAIRS, CLASSES = 0.02, 21, 20, 10


class OfOneClass(nn.Module):
    """A labelled generator as one of latents alone."""

    def __init__(self, generator: nn.Module, label: int) -> None:
        super().__init__()
        self.generator, self.label = generator, label

    def forward(self, z: Tensor) -> Tensor:
        """Return samples of the class."""
        images: Tensor = self.generator(z, torch.full((len(z),), self.label))
        return images


def samples(generator: nn.Module, name: str, count: int, seed: int = 0) -> Tensor:
    """Return samples of the prior; of a labelled generator as many of each class, in turn."""
    z = latents(count, seed=seed)
    return (
        generate(generator, z, torch.arange(count) % CLASSES)
        if METHODS[name].labelled
        else generate(generator, z)
    )


def distance(images: Tensor, others: Tensor) -> float:
    """Return the sliced Wasserstein distance of two sets of pictures."""
    return sliced_wasserstein(images.flatten(1), others.flatten(1), projections=100)[0]


def quality(sizes: Sizes, folder: Path, pictures: Pictures, name: str, seed: int) -> float:
    """Return the distance of a run's samples to test pictures."""
    generator, _ = restored(sizes, folder, pictures, name, seed)
    return distance(
        samples(generator, name, sizes.samples, seed), data_of(pictures, "test").images[: sizes.samples]
    )


def shapes(sizes: Sizes) -> dict[str, Any]:
    """Return the sizes of the pictures of the printed and of the corrected generators."""
    found: dict[str, Any] = {}
    for first in ("printed", "corrected"):
        generator, critic = models.cifar_gan(width=sizes.width, first_layer=first)
        labelled, _ = models.acgan(width=sizes.width, first_layer=first)
        made = generate(generator, latents(2))
        found[first] = {
            "DCGAN": list(made.shape[1:]),
            "AC-GAN": list(generate(labelled, latents(2), torch.arange(2)).shape[1:]),
            "the discriminator takes them": _takes(critic, made),
        }
    return found


def _takes(critic: nn.Module, images: Tensor) -> bool:
    try:
        critic(images)
    except RuntimeError:
        return False
    return True


def ways(sizes: Sizes, folder: Path, pictures: Pictures, seed: int) -> dict[str, Any]:
    """Return what interpolation between latents, of the prior and tiny, does to the images of DCGAN."""
    generator, _ = restored(sizes, folder, pictures, "DCGAN", seed)
    ends = latents(2 * PAIRS, seed=2000 + seed).unflatten(0, (2, PAIRS))
    found: dict[str, Any] = {}
    for kind in ("linear", "spherical"):
        z = torch.cat([interpolate(a, b, ON_THE_WAY, kind=kind) for a, b in zip(*ends, strict=True)])
        images = generate(generator, z).unflatten(0, (PAIRS, ON_THE_WAY))
        steps = (images[:, 1:] - images[:, :-1]).flatten(2).norm(dim=2)
        contrast = (images - images.mean((1, 0), keepdim=True)).flatten(2).norm(dim=2).mean(0)
        found[kind] = {
            "norm at the middle": float(
                z.unflatten(0, (PAIRS, ON_THE_WAY))[:, ON_THE_WAY // 2].norm(dim=1).mean()
            ),
            "largest step over the mean": float((steps.amax(1) / steps.mean(1)).mean()),
            "distance from the mean image, middle over ends": float(
                contrast[ON_THE_WAY // 2] / contrast[[0, -1]].mean()
            ),
        }
    apart = {
        mode: {str(sigma): _apart(generator, sigma * ends, mode) for sigma in (1.0, SIGMA)}
        for mode in ("running statistics", "statistics of the batch")
    }
    shrinks = {f"sigma .02 over 1, {mode}": row[str(SIGMA)] / row["1.0"] for mode, row in apart.items()}
    return found | {"norm of a latent": float(ends.norm(dim=2).mean())} | shrinks


def _apart(generator: nn.Module, ends: Tensor, mode: str) -> float:
    """Return the mean distance of the images of both ends of the ways."""
    frozen = copy.deepcopy(generator).train(mode == "statistics of the batch")
    with torch.no_grad():
        start, end = frozen(ends.flatten(0, 1)).unflatten(0, ends.shape[:2])
    return float((start - end).flatten(1).norm(dim=1).mean())


def classes(sizes: Sizes, folder: Path, pictures: Pictures, seed: int) -> dict[str, Any]:
    """Return how far AC-GAN's pictures are of the class asked for, and what its latents do to them."""
    generator, critic = restored(sizes, folder, pictures, "AC-GAN", seed)
    judge = classifier(pictures, sizes.epochs[pictures], seed, folder)
    asked = torch.arange(sizes.samples) % CLASSES
    made = samples(generator, "AC-GAN", sizes.samples, seed)
    right = says(judge, made) == asked
    with torch.no_grad():
        own = copy.deepcopy(critic).eval()(made)[1].argmax(1)
    return {
        "accuracy of the classifier": accuracy(judge, pictures),
        "agreement": float(right.float().mean()),
        "agreement by class": [float(right[asked == label].float().mean()) for label in range(CLASSES)],
        "agreement of its own discriminator": float((own == asked).float().mean()),
        "shares of variance": variances(generator, sizes.samples // CLASSES, seed),
        "distance": quality(sizes, folder, pictures, "AC-GAN", seed),
        **sums(generator, judge, sizes.samples // 50, seed),
    }


def variances(generator: nn.Module, columns: int, seed: int) -> dict[str, float]:
    """Return the shares of the images' variance due to the class, to the latent, and to both together."""
    grid = class_grid(latents(columns, seed=seed), CLASSES)
    images = generate(generator, *grid).double().flatten(1).unflatten(0, (CLASSES, columns))
    mean = images.mean((0, 1))
    of_class, of_latent = images.mean(1) - mean, images.mean(0) - mean
    total = float((images - mean).square().sum(2).mean())
    by_class, by_latent = (float(part.square().sum(1).mean()) / total for part in (of_class, of_latent))
    return {"class": by_class, "latent": by_latent, "both together": 1 - by_class - by_latent}


def sums(generator: nn.Module, judge: nn.Module, pairs: int, seed: int) -> dict[str, Any]:
    """Return whether images of combined latents keep the class asked for, and how nonlinear they are."""
    found: dict[str, Any] = {}
    for name, weights in {"half the sum": (0.5, 0.5), "sum": (1.0, 1.0), "difference": (1.0, -1.0)}.items():
        z = latents(2 * pairs, seed=3000 + seed).unflatten(0, (pairs, 2))
        parts = [
            combine(OfOneClass(generator, label), pair, weights) for label in range(CLASSES) for pair in z
        ]
        images = torch.stack([part.image_of_combination for part in parts])
        asked = torch.arange(CLASSES).repeat_interleave(pairs)
        found[name] = {
            "norm of the latent": float(np.mean([part.latent.norm() for part in parts])),
            "nonlinearity": float(np.mean([part.nonlinearity for part in parts])),
            "agreement": float((says(judge, images) == asked).float().mean()),
        }
    return found
