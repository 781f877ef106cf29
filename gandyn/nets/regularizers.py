"""Regularisers of a discriminator as a module: noise on what it sees, and spectral norm of its weights.

Those that are terms of its loss (``r1``, ``r2``, ``gradient_penalty``, ``roth``) are in ``nets.losses``.
"""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations, parametrize

__all__ = ["InstanceNoise", "instance_noise", "spectral_norm"]

_WEIGHTED = (nn.Linear, nn.modules.conv._ConvNd)


class InstanceNoise(nn.Module):
    """A discriminator that sees its samples through noise while in training mode.

    Args:
        discriminator: called as ``discriminator(samples, *conditions)``.
        sigma: standard deviation of the normal noise on the samples, >= 0.
    """

    def __init__(self, discriminator: nn.Module, sigma: float) -> None:
        super().__init__()
        if not 0 <= sigma < float("inf"):
            raise ValueError(f"sigma of the instance noise must be finite and not negative, got {sigma}")
        self.discriminator = discriminator
        self.sigma = float(sigma)

    def forward(self, samples: Tensor, *conditions: Tensor) -> Any:
        """Return the output on the samples with fresh noise, or in eval mode on the samples."""
        if self.training:
            noise = torch.randn(samples.shape, dtype=samples.dtype, device=samples.device)
            samples = samples + self.sigma * noise
        return self.discriminator(samples, *conditions)

    def extra_repr(self) -> str:
        """Return what the module prints of its own."""
        return f"sigma={self.sigma:g}"


def instance_noise(discriminator: nn.Module, sigma: float) -> InstanceNoise:
    """Return the discriminator with normal noise on all samples that it sees, real and generated.

    It works like dropout: on in training mode. ``nets.train`` draws anew at each step; a field is a
    function only of frozen draws, so pass ``gan_field(..., dropout="seeded", seed=...)``, or "eval" to
    switch the noise off. Sources: Sonderby et al. 2017, Arjovsky and Bottou 2017.

    Args:
        discriminator: called as ``discriminator(samples, *conditions)``; shared, not copied.
        sigma: standard deviation of the noise, in the unit of the samples, >= 0.

    Returns:
        A module whose parameters are those of the discriminator.

    Raises:
        ValueError: a sigma that is negative or not finite.

    Example:
        >>> noisy = instance_noise(nn.Linear(2, 1), 0.1)
        >>> x = torch.ones(3, 2)
        >>> bool((noisy(x) != noisy(x)).all()), bool((noisy.eval()(x) == noisy(x)).all())
        (True, True)
    """
    return InstanceNoise(discriminator, sigma)


def spectral_norm(module: nn.Module, *, seed: int = 0) -> nn.Module:
    """Return a copy whose linear and convolution weights are divided by their largest singular value.

    Torch's own parametrisation on every such layer, from power-iteration vectors drawn with a seed. Source:
    Miyato et al. 2018.

    Args:
        module: the discriminator; not changed.
        seed: seed of the vectors.

    Returns:
        The copy; its parameters are the weights before division.

    Raises:
        ValueError: no linear or convolution layer that is not normalised already.

    Example:
        >>> critic = spectral_norm(nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 1)))
        >>> round(torch.linalg.matrix_norm(critic[2].weight, 2).item(), 6)
        1.0
    """
    normalised = copy.deepcopy(module)
    layers = [
        part
        for part in normalised.modules()
        if isinstance(part, _WEIGHTED) and not parametrize.is_parametrized(part, "weight")
    ]
    if not layers:
        raise ValueError(
            f"{type(module).__name__} has no linear or convolution layer left to normalise; "
            "spectral_norm(module) takes one that has, without a parametrisation of its weight"
        )
    devices = sorted({part.weight.get_device() for part in layers if part.weight.is_cuda})
    with torch.random.fork_rng(devices):
        torch.manual_seed(seed)
        for part in layers:
            parametrizations.spectral_norm(part)
    return normalised
