"""DCGANs: the one of Shekkizhar for 64x64 images, and the one of Bandhey et al. for 32x32, also a WGAN."""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

import torch
from torch import nn

from gandyn.checks import check_option
from gandyn.nets.models.initial import Initialization, initialize
from gandyn.nets.models.layers import minibatch_layers

__all__ = ["cifar_gan", "dcgan", "halvings"]


def halvings(image_size: int) -> int:
    """Return log2 of an image size, which must be a power of two of at least 8."""
    exponent = image_size.bit_length() - 1 if image_size > 0 else 0
    if exponent < 3 or image_size != 2**exponent:
        raise ValueError(
            f"image_size must be a power of two, 8, 16, 32, 64, ..., got {image_size}; pad images of "
            "28x28 to 32x32 with torch.nn.functional.pad(images, (2, 2, 2, 2), value=...), or "
            "take models.conv_gan"
        )
    return exponent


def norm_layer(norm: Literal["batch", "none"], maps: int, momentum: float) -> list[nn.Module]:
    """Return the normalisation of a layer of ``maps`` feature maps."""
    return [nn.BatchNorm2d(maps, momentum=momentum)] if norm == "batch" else []


def dcgan(
    image_size: int = 64,
    *,
    width: int = 64,
    generator_width: int | None = None,
    latent_dim: int = 100,
    channels: int = 3,
    norm: Literal["batch", "none"] = "batch",
    momentum: float = 0.1,
    dropout: float = 0.0,
    minibatch_kernels: int = 0,
    initialization: Initialization = "normal",
    std: float = 0.02,
    seed: int = 0,
) -> tuple[nn.Module, nn.Module]:
    """Return the DCGAN of Shekkizhar, "Difficulties in training a GAN", for images of any size 2^k.

    Generator: one dense layer to 4x4, then transposed 5x5 convolutions of stride 2 whose feature maps halve
    down to ``generator_width``, batch norm, ReLU, tanh. Discriminator: as many 5x5 convolutions of stride 2,
    whose maps double from ``width``, batch norm on all but the first, leaky ReLU of slope 0.2, one dense
    layer to a logit. Four convolutions each at 64x64, 512-256-128-64-3 and 64-128-256-512, as in the
    published code. ``width=8`` suits two cores.

    Args:
        image_size: height and width of the images: 8, 16, 32, 64, ...
        width: feature maps of the discriminator's first layer.
        generator_width: feature maps before the generator's last layer; the default is ``width``. More or
            fewer than ``width`` shifts the balance of the players.
        latent_dim: dimension of the latents.
        channels: colour channels of the images.
        norm: "batch" for batch norm in both nets, or "none".
        momentum: share of the new batch in batch norm's running statistics, as torch has it: one minus
            TensorFlow's "decay", so that the document's decay of 0.9 is 0.1. It matters in eval mode only.
        dropout: share of the discriminator's features that is dropped in training, in [0, 1).
        minibatch_kernels: kernels of a ``MinibatchDiscrimination`` before the last layer; 0 for none.
        initialization: how weights are drawn, see ``initialize``; the document found "xavier" and "normal"
            with ``std=0.2`` to fail, and 0.02 to work.
        std: standard deviation of the "normal" initialisation.
        seed: seed of the weights.

    Returns:
        Generator from (N, latent_dim) to (N, channels, image_size, image_size) in [-1, 1], with the attribute
        ``latent_dim``, and discriminator from images to logits (N, 1).

    Raises:
        ValueError: an image size that is no power of two of at least 8, or an unknown norm.

    Example:
        >>> generator, discriminator = dcgan(16, width=4, channels=1)
        >>> discriminator(generator(torch.zeros(2, 100))).shape
        torch.Size([2, 1])
    """
    check_option("norm", norm, ["batch", "none"])
    stages = halvings(image_size) - 2
    down = [channels, *(width * 2**i for i in range(stages))]
    up = [(generator_width or width) * 2**i for i in reversed(range(stages))]
    with torch.random.fork_rng(devices=[]):
        layers: list[nn.Module] = [nn.Linear(latent_dim, 16 * up[0]), nn.Unflatten(1, (up[0], 4, 4))]
        layers += [*norm_layer(norm, up[0], momentum), nn.ReLU()]
        for a, b in pairwise([*up, channels]):
            layers.append(nn.ConvTranspose2d(a, b, 5, stride=2, padding=2, output_padding=1))
            layers += [*norm_layer(norm, b, momentum), nn.ReLU()]
        generator = nn.Sequential(*_without_last(layers, nn.ConvTranspose2d), nn.Tanh())
        layers = []
        for i, (a, b) in enumerate(pairwise(down)):
            layers.append(nn.Conv2d(a, b, 5, stride=2, padding=2))
            layers += norm_layer(norm, b, momentum) if i else []
            layers += [nn.LeakyReLU(0.2), *([nn.Dropout(dropout)] if dropout else [])]
        last = minibatch_layers(16 * down[-1], 1, minibatch_kernels)
        discriminator = nn.Sequential(*layers, nn.Flatten(), *last)
    initialize(generator, initialization, std=std, seed=seed)
    initialize(discriminator, initialization, std=std, seed=seed + 1)
    generator.latent_dim = latent_dim  # type: ignore[assignment]
    return generator, discriminator


def cifar_gan(
    image_size: int = 32,
    *,
    width: int = 32,
    latent_dim: int = 100,
    channels: int = 3,
    first_layer: Literal["corrected", "printed"] = "corrected",
    norm: Literal["batch", "none"] = "batch",
    momentum: float = 0.1,
    dropout: float = 0.0,
    initialization: Initialization = "normal",
    std: float = 0.02,
    seed: int = 0,
) -> tuple[nn.Module, nn.Module]:
    """Return the nets of the DCGAN and of the WGAN of Bandhey, Lopez and Rabinowitz for 32x32 images.

    Generator: transposed 4x4 convolutions 1024-512-256-channels from a latent of 1x1, batch norm, ReLU, tanh.
    As printed all have stride 2 and padding 1 and yield 16x16; "corrected" gives the first stride 1 and
    padding 0, which yields 32x32. Discriminator: 4x4 convolutions of stride 2 and padding 1, maps
    32-64-128-256-1, batch norm on all but the last, leaky ReLU of slope 0.2. At 2x2, 12 of the 16 taps of
    its last kernel see padding only: their gradient is always zero. The paper's WGAN is the same nets with
    ``losses.wasserstein()`` and ``Recipe((RMSProp(5e-5), RMSProp(5e-5)), critic_steps=5, clip=0.01)``; with
    a gradient penalty, take ``norm="none"``.

    Args:
        image_size: height and width of the images, 8, 16, 32, 64, ...; with "printed" the generator's are
            half as large, and the discriminator does not take them.
        width: feature maps of the discriminator's first layer; the generator's last hidden one has 8 times as
            many. The default is as printed; 4 suits two cores.
        latent_dim: dimension of the latents.
        channels: colour channels of the images.
        first_layer: "corrected" or "printed", of the generator.
        norm: "batch" for batch norm in both nets; "none" leaves it out of the discriminator.
        momentum: share of the new batch in batch norm's running statistics: one minus TensorFlow's "decay".
        dropout: share of the discriminator's features that is dropped in training, in [0, 1).
        initialization: how weights are drawn, see ``initialize``.
        std: standard deviation of the "normal" initialisation.
        seed: seed of the weights.

    Returns:
        Generator from (N, latent_dim) to images in [-1, 1], with the attribute ``latent_dim``, and
        discriminator from images to logits (N, 1).

    Raises:
        ValueError: an image size that is no power of two of at least 8, or an unknown option.

    Example:
        >>> generator, discriminator = cifar_gan(width=2)
        >>> images = generator(torch.zeros(2, 100))
        >>> images.shape, discriminator(images).shape
        (torch.Size([2, 3, 32, 32]), torch.Size([2, 1]))
        >>> cifar_gan(width=2, first_layer="printed")[0](torch.zeros(2, 100)).shape
        torch.Size([2, 3, 16, 16])
    """
    check_option("first_layer", first_layer, ["corrected", "printed"])
    check_option("norm", norm, ["batch", "none"])
    stages = halvings(image_size)
    down = [channels, *(width * 2**i for i in range(stages - 1)), 1]
    up = [latent_dim, *(8 * width * 2**i for i in reversed(range(stages - 2))), channels]
    with torch.random.fork_rng(devices=[]):
        layers: list[nn.Module] = [nn.Unflatten(1, (latent_dim, 1, 1))]
        for i, (a, b) in enumerate(pairwise(up)):
            stride, padding = (1, 0) if i == 0 and first_layer == "corrected" else (2, 1)
            layers.append(nn.ConvTranspose2d(a, b, 4, stride=stride, padding=padding))
            layers += [*norm_layer("batch", b, momentum), nn.ReLU()]
        generator = nn.Sequential(*_without_last(layers, nn.ConvTranspose2d), nn.Tanh())
        layers = []
        for a, b in pairwise(down):
            layers += [nn.Conv2d(a, b, 4, stride=2, padding=1), *norm_layer(norm, b, momentum)]
            layers += [nn.LeakyReLU(0.2), *([nn.Dropout(dropout)] if dropout else [])]
        discriminator = nn.Sequential(*_without_last(layers, nn.Conv2d), nn.Flatten())
    initialize(generator, initialization, std=std, seed=seed)
    initialize(discriminator, initialization, std=std, seed=seed + 1)
    generator.latent_dim = latent_dim  # type: ignore[assignment]
    return generator, discriminator


def _without_last(layers: list[nn.Module], kind: type[nn.Module]) -> list[nn.Module]:
    """Return the layers up to the last of a kind: what follows it is for hidden layers only."""
    last = max(i for i, layer in enumerate(layers) if isinstance(layer, kind))
    return layers[: last + 1]
