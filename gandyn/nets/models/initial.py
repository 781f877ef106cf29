"""How the weights of a fresh network are drawn."""

from __future__ import annotations

from typing import Literal

import torch
from torch import nn

from gandyn.checks import check_option

__all__ = ["Initialization", "initialize"]

#: How the weights of a fresh network are drawn.
Initialization = Literal["normal", "xavier", "default"]


def initialize(
    module: nn.Module, scheme: Initialization = "normal", *, std: float = 0.02, seed: int = 0
) -> nn.Module:
    """Draw the weights of linear and convolution layers anew, in place, and zero their biases.

    Batch norm and minibatch discrimination keep their own.

    Args:
        module: the network to initialise; returned for chaining.
        scheme: "normal" is N(0, std^2) (Radford et al. 2016), "xavier" is Glorot and Bengio (2010),
            uniform, and "default" leaves torch's own initialisation, drawn anew from ``seed``.
        std: standard deviation of "normal".
        seed: seed of the draws.

    Returns:
        The module.

    Raises:
        ValueError: an unknown scheme, or a ``std`` that is not positive.

    Example:
        >>> layer = initialize(nn.Linear(100, 100), std=0.02)
        >>> bool(abs(layer.weight.std() - 0.02) < 0.001)
        True
    """
    check_option("scheme", scheme, ["normal", "xavier", "default"])
    if not std > 0:
        raise ValueError(f"std must be positive, got {std}")
    draws = torch.Generator().manual_seed(seed)
    layers = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.ConvTranspose1d, nn.ConvTranspose2d)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for layer in module.modules():
            if not isinstance(layer, layers):
                continue
            if scheme == "default":
                layer.reset_parameters()
                continue
            if scheme == "normal":
                nn.init.normal_(layer.weight, 0.0, std, generator=draws)
            else:
                nn.init.xavier_uniform_(layer.weight, generator=draws)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
    return module
