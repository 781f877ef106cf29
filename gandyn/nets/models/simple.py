"""The convolutional GAN of Suresh and Tripathi, at its size and smaller, and MLPs."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

import torch
from torch import nn

from gandyn.checks import check_option
from gandyn.nets.models.initial import Initialization, initialize
from gandyn.nets.models.layers import minibatch_layers

__all__ = ["conv_gan", "mlp_gan"]


def conv_gan(
    image_size: int = 28,
    *,
    width: int = 64,
    latent_dim: int = 100,
    channels: int = 1,
    activation: Literal["relu", "selu"] = "relu",
    dropout: float = 0.3,
    initialization: Initialization = "normal",
    std: float = 0.02,
    seed: int = 0,
) -> tuple[nn.Module, nn.Module]:
    """Return generator and discriminator of Suresh and Tripathi, "Visualizing loss landscapes of GANs".

    Generator: one dense layer to ``width`` feature maps at full resolution, two 3x3 convolutions of
    ``2 width`` maps, one to the image, sigmoid; no batch norm. Discriminator: two 5x5 convolutions of
    stride 2 with ``width`` and ``2 width`` maps, leaky ReLU of slope 0.2 and dropout, one dense layer to
    a logit. The defaults are the printed size for 28x28 images (5.3 + 0.2 million parameters; the text says
    ReLU, the published code SELU); ``width=8`` suits two cores.

    Args:
        image_size: height and width of the images, a multiple of 4.
        width: number of feature maps of the first layers.
        latent_dim: dimension of the latents.
        channels: colour channels of the images.
        activation: of the generator's hidden layers.
        dropout: share of the discriminator's features that is dropped in training, in [0, 1).
        initialization: how weights are drawn, see ``initialize``.
        std: standard deviation of the "normal" initialisation.
        seed: seed of the weights.

    Returns:
        Generator from (N, latent_dim) to (N, channels, image_size, image_size) in [0, 1], with the
        attribute ``latent_dim``, and discriminator from images to logits (N, 1).

    Raises:
        ValueError: an image size that is no multiple of 4, or an unknown activation.

    Example:
        >>> generator, discriminator = conv_gan(8, width=4, latent_dim=10)
        >>> discriminator(generator(torch.zeros(2, 10))).shape
        torch.Size([2, 1])
    """
    check_option("activation", activation, ["relu", "selu"])
    if image_size < 4 or image_size % 4:
        raise ValueError(f"image_size must be a positive multiple of 4, got {image_size}")
    hidden = nn.ReLU if activation == "relu" else nn.SELU
    with torch.random.fork_rng(devices=[]):
        generator = nn.Sequential(
            nn.Linear(latent_dim, width * image_size**2),
            hidden(),
            nn.Unflatten(1, (width, image_size, image_size)),
            nn.Conv2d(width, 2 * width, 3, padding=1),
            hidden(),
            nn.Conv2d(2 * width, 2 * width, 3, padding=1),
            hidden(),
            nn.Conv2d(2 * width, channels, 3, padding=1),
            nn.Sigmoid(),
        )
        discriminator = nn.Sequential(
            nn.Conv2d(channels, width, 5, stride=2, padding=2),
            nn.LeakyReLU(0.2),
            nn.Dropout(dropout),
            nn.Conv2d(width, 2 * width, 5, stride=2, padding=2),
            nn.LeakyReLU(0.2),
            nn.Dropout(dropout),
            nn.Flatten(),
            nn.Linear(2 * width * (image_size // 4) ** 2, 1),
        )
    initialize(generator, initialization, std=std, seed=seed)
    initialize(discriminator, initialization, std=std, seed=seed + 1)
    generator.latent_dim = latent_dim  # type: ignore[assignment]
    return generator, discriminator


def mlp_gan(
    data_dim: int = 1,
    *,
    hidden: Sequence[int] = (100, 100),
    latent_dim: int = 1,
    activation: Literal["relu", "tanh"] = "relu",
    minibatch_kernels: int = 0,
    initialization: Initialization = "default",
    std: float = 0.02,
    seed: int = 0,
) -> tuple[nn.Module, nn.Module]:
    """Return a fully connected generator and discriminator with the same hidden layers, for toy data.

    The default is the GAN of Guttenberg 2016: one-dimensional data, two hidden layers of 100 in both. That
    of the R-seny blog's "GAN learning visualization" has ``hidden=(500, 500)``, in two dimensions with
    ``data_dim=2, latent_dim=2``.

    Args:
        data_dim: dimension of the data.
        hidden: widths of the hidden layers, at least one.
        latent_dim: dimension of the latents.
        activation: of the hidden layers; tanh makes the field smooth.
        minibatch_kernels: kernels of a ``MinibatchDiscrimination`` before the discriminator's last layer; 0
            for none.
        initialization: how weights are drawn, see ``initialize``.
        std: standard deviation of the "normal" initialisation.
        seed: seed of the weights.

    Returns:
        Generator from (N, latent_dim) to (N, data_dim), with the attribute ``latent_dim``, and
        discriminator from samples to logits (N, 1).

    Raises:
        ValueError: no hidden layer, or an unknown activation.

    Example:
        >>> generator, discriminator = mlp_gan(2, hidden=(8,), latent_dim=3)
        >>> discriminator(generator(torch.zeros(5, 3))).shape
        torch.Size([5, 1])
    """
    check_option("activation", activation, ["relu", "tanh"])
    if not hidden:
        raise ValueError("hidden must name at least one width, for example hidden=(100, 100)")
    nonlinear = nn.ReLU if activation == "relu" else nn.Tanh

    def layers(inputs: int, outputs: int, kernels: int = 0) -> nn.Sequential:
        widths = [inputs, *hidden]
        parts = [part for a, b in pairwise(widths) for part in (nn.Linear(a, b), nonlinear())]
        return nn.Sequential(*parts, *minibatch_layers(widths[-1], outputs, kernels))

    with torch.random.fork_rng(devices=[]):
        generator, discriminator = layers(latent_dim, data_dim), layers(data_dim, 1, minibatch_kernels)
    initialize(generator, initialization, std=std, seed=seed)
    initialize(discriminator, initialization, std=std, seed=seed + 1)
    generator.latent_dim = latent_dim  # type: ignore[assignment]
    return generator, discriminator
