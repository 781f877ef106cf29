"""Parts of networks that torch lacks: minibatch discrimination, and discriminators that show features."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

__all__ = ["MinibatchDiscrimination", "WithFeatures", "with_features"]


class MinibatchDiscrimination(nn.Module):
    """Append to each sample's features how close it is to the others of its minibatch.

    With ``M_i = f_i T`` of shape (kernels, dim), ``o_i[b] = sum_j exp(-||M_i[b] - M_j[b]||_1)``, the sum
    over all samples of the minibatch, itself included (which adds 1). A discriminator with this layer is no
    function of one sample: its outputs depend on the minibatch.

    Args:
        features: entries of f, >= 1.
        kernels: numbers appended, >= 1.
        dim: entries compared in each, >= 1.

    Raises:
        ValueError: a number below 1.

    Reference: Salimans et al. (2016).

    Example:
        >>> layer = MinibatchDiscrimination(4, kernels=3)
        >>> layer(torch.zeros(5, 4))[0, 4:]
        tensor([5., 5., 5.], grad_fn=<SliceBackward0>)
    """

    def __init__(self, features: int, kernels: int = 100, dim: int = 5) -> None:
        super().__init__()
        if min(features, kernels, dim) < 1:
            raise ValueError(
                f"features, kernels and dim must be at least 1, got {features}, {kernels} and {dim}"
            )
        self.features, self.kernels, self.dim = features, kernels, dim
        self.weight = nn.Parameter(torch.empty(kernels * dim, features))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw T from N(0, 1 / features), so that its products are of the size of the features."""
        nn.init.normal_(self.weight, 0.0, self.features**-0.5)

    def forward(self, f: Tensor) -> Tensor:
        """Return features and closeness, shape (N, features + kernels), of features (N, features)."""
        m = nn.functional.linear(f, self.weight).unflatten(1, (self.kernels, self.dim))
        distances = (m[:, None] - m[None]).abs().sum(-1)
        return torch.cat([f, torch.exp(-distances).sum(1)], dim=1)

    def extra_repr(self) -> str:
        """Return what the module prints of its own."""
        return f"{self.features}, kernels={self.kernels}, dim={self.dim}"


def minibatch_layers(features: int, outputs: int, kernels: int) -> list[nn.Module]:
    """Return the last layers of a network: a linear one, with minibatch discrimination where asked for."""
    if kernels < 0:
        raise ValueError(f"minibatch_kernels must not be negative, got {kernels}")
    if kernels == 0:
        return [nn.Linear(features, outputs)]
    return [MinibatchDiscrimination(features, kernels), nn.Linear(features + kernels, outputs)]


class WithFeatures(nn.Module):
    """A discriminator that returns the output of one of its layers beside its own.

    Args:
        discriminator: any module.
        layer: name of a layer, as in ``dict(discriminator.named_modules())``.
    """

    def __init__(self, discriminator: nn.Module, layer: str) -> None:
        super().__init__()
        known = [name for name, _ in discriminator.named_modules() if name]
        if layer not in known:
            raise ValueError(f"the discriminator has no layer {layer!r}; its layers are {known}")
        self.discriminator, self.layer = discriminator, layer

    def forward(self, *inputs: Tensor) -> tuple[Any, ...]:
        """Return ``(logits, ..., features)``."""
        seen: list[Any] = []
        part = self.discriminator.get_submodule(self.layer)
        hook = part.register_forward_hook(lambda module, arguments, output: seen.append(output))
        try:
            output = self.discriminator(*inputs)
        finally:
            hook.remove()
        return (*(output if isinstance(output, tuple) else (output,)), seen[-1])


def with_features(discriminator: nn.Module, layer: str) -> WithFeatures:
    """Return the discriminator so that it returns ``(logits, ..., features)``, as feature matching needs.

    Args:
        discriminator: called as ``discriminator(samples, ...)``; shared, not copied.
        layer: name of the layer whose output the features are; often the last nonlinearity.

    Raises:
        ValueError: no layer of that name; the message lists the names.

    Example:
        >>> shown = with_features(nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 1)), "1")
        >>> [part.shape for part in shown(torch.zeros(5, 2))]
        [torch.Size([5, 1]), torch.Size([5, 8])]
    """
    return WithFeatures(discriminator, layer)
