"""The auxiliary classifier GAN of Bandhey, Lopez and Rabinowitz."""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn

from gandyn.checks import check_option
from gandyn.nets.models.dcgan import halvings, norm_layer
from gandyn.nets.models.initial import Initialization, initialize
from gandyn.nets.models.layers import minibatch_layers

__all__ = ["acgan"]


class _LabelledGenerator(nn.Module):
    """A generator called as ``generator(z, labels)``: its body sees the label one-hot before the latent."""

    def __init__(self, body: nn.Module, latent_dim: int, classes: int) -> None:
        super().__init__()
        self.body, self.latent_dim, self.classes = body, latent_dim, classes

    def forward(self, z: Tensor, labels: Tensor) -> Tensor:
        """Return samples of the classes ``labels``, integers of shape (N,)."""
        one_hot = labels[:, None] == torch.arange(self.classes, device=z.device)
        images: Tensor = self.body(torch.cat([one_hot.to(z), z], dim=1))
        return images


class _ClassifyingDiscriminator(nn.Module):
    """A discriminator that splits the output of its body into a source logit and class logits."""

    def __init__(self, body: nn.Module) -> None:
        super().__init__()
        self.body = body

    def forward(self, samples: Tensor) -> tuple[Tensor, Tensor]:
        """Return source logits (N, 1) and class logits (N, classes)."""
        output = self.body(samples)
        return output[:, :1], output[:, 1:]


def acgan(
    image_size: int = 32,
    *,
    width: int = 16,
    latent_dim: int = 100,
    classes: int = 10,
    channels: int = 3,
    first_layer: Literal["corrected", "printed"] = "corrected",
    norm: Literal["batch", "none"] = "batch",
    momentum: float = 0.1,
    dropout: float = 0.5,
    minibatch_kernels: int = 0,
    initialization: Initialization = "normal",
    std: float = 0.02,
    seed: int = 0,
) -> tuple[nn.Module, nn.Module]:
    """Return the AC-GAN of Bandhey, Lopez and Rabinowitz, "Analyzing Stability and Properties of GANs".

    Generator: the label one-hot and the latent (110 numbers), a dense layer to 384, transposed convolutions
    192-96-48-channels, batch norm, ReLU, tanh. As printed all are 5x5 of stride 2; where each doubles (the
    paddings are not stated) they yield 16x16. "corrected" has a 4x4 one of stride 1 and padding 0 first,
    which yields 32x32. Discriminator: 3x3 convolutions 16-32-64-128-256-512 of stride 2, 1, 2, 1, 2, 1, batch
    norm on all but the first, leaky ReLU of slope 0.2, dropout, a dense layer to 11 numbers. Train it with
    ``losses.acgan()``.

    Args:
        image_size: height and width of the images, 8, 16, 32, 64, ...; with "printed" the generator's are
            half as large, and the discriminator does not take them.
        width: feature maps of the discriminator's first layer; the generator's last hidden one has 3 times as
            many. The default is as printed; 4 suits two cores.
        latent_dim: dimension of the latents beside the label.
        classes: number of classes.
        channels: colour channels of the images.
        first_layer: "corrected" or "printed", of the generator.
        norm: "batch" for batch norm in both nets; "none" leaves it out of the discriminator.
        momentum: share of the new batch in batch norm's running statistics: one minus TensorFlow's "decay".
        dropout: share of the discriminator's features that is dropped in training, in [0, 1).
        minibatch_kernels: kernels of a ``MinibatchDiscrimination`` before the last layer; 0 for none.
        initialization: how weights are drawn, see ``initialize``.
        std: standard deviation of the "normal" initialisation.
        seed: seed of the weights.

    Returns:
        Generator from latents (N, latent_dim) and labels (N,) to images in [-1, 1], with the attributes
        ``latent_dim`` and ``classes``, and discriminator from images to ``(source logits (N, 1),
        class logits (N, classes))``.

    Raises:
        ValueError: an image size that is no power of two of at least 8, or an unknown option.

    Example:
        >>> generator, discriminator = acgan(width=2)
        >>> images = generator(torch.zeros(4, 100), torch.arange(4))
        >>> images.shape, [part.shape for part in discriminator(images)]
        (torch.Size([4, 3, 32, 32]), [torch.Size([4, 1]), torch.Size([4, 10])])
    """
    check_option("first_layer", first_layer, ["corrected", "printed"])
    check_option("norm", norm, ["batch", "none"])
    stages = halvings(image_size)
    up = [3 * width * 2**i for i in reversed(range(stages - 1))]
    with torch.random.fork_rng(devices=[]):
        layers: list[nn.Module] = [nn.Linear(classes + latent_dim, up[0]), nn.ReLU()]
        layers.append(nn.Unflatten(1, (up[0], 1, 1)))
        for i, (a, b) in enumerate(pairwise(up)):
            from_one = i == 0 and first_layer == "corrected"
            layers += [_first(a, b) if from_one else _doubling(a, b)]
            layers += [*norm_layer("batch", b, momentum), nn.ReLU()]
        body = nn.Sequential(*layers, _doubling(up[-1], channels), nn.Tanh())
        generator = _LabelledGenerator(body, latent_dim, classes)
        discriminator = _ClassifyingDiscriminator(
            nn.Sequential(
                *_classifier(channels, width, norm, momentum, dropout),
                *minibatch_layers(32 * width * (image_size // 8) ** 2, 1 + classes, minibatch_kernels),
            )
        )
    initialize(generator, initialization, std=std, seed=seed)
    initialize(discriminator, initialization, std=std, seed=seed + 1)
    return generator, discriminator


def _first(a: int, b: int) -> nn.Module:
    return nn.ConvTranspose2d(a, b, 4, stride=1, padding=0)


def _doubling(a: int, b: int) -> nn.Module:
    return nn.ConvTranspose2d(a, b, 5, stride=2, padding=2, output_padding=1)


def _classifier(
    channels: int, width: int, norm: Literal["batch", "none"], momentum: float, dropout: float
) -> list[nn.Module]:
    """Return the convolutions of the discriminator, which take images to an eighth of their size."""
    layers: list[nn.Module] = []
    for i, (a, b) in enumerate(pairwise([channels, *(width * 2**i for i in range(6))])):
        layers.append(nn.Conv2d(a, b, 3, stride=1 + (i + 1) % 2, padding=1))
        layers += norm_layer(norm, b, momentum) if i else []
        layers += [nn.LeakyReLU(0.2), *([nn.Dropout(dropout)] if dropout else [])]
    return [*layers, nn.Flatten()]
