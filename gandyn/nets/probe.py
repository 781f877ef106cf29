"""What a size of the micro-batch costs on the device at hand, by measurement."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from gandyn.nets.gan import Inputs
from gandyn.nets.losses import Losses
from gandyn.nets.modules import get_state, modules_layout
from gandyn.nets.surfaces import gan_losses
from gandyn.planes import random_plane

__all__ = ["micro_batch_seconds"]


def micro_batch_seconds(
    generator: nn.Module,
    discriminator: nn.Module,
    losses: Losses,
    real: Inputs,
    latent: Inputs,
    *,
    sizes: Sequence[int] = (32, 64, 128, 256, 512),
    field: bool = False,
    repeats: int = 3,
    **options: Any,
) -> dict[int, float]:
    """Time one point of a landscape with micro-batches of several sizes, where the networks are.

    What is fastest depends on the device: a CPU reuses memory at 64 to 128 samples, a GPU wants more of them
    at once. The size decides rounding and the error bars, so that it is the caller's to choose:
    ``min(found, key=found.get)``.

    Args:
        generator: see ``gan_losses``; so are the other arguments without a text.
        discriminator: see ``gan_losses``.
        losses: see ``gan_losses``.
        real: see ``gan_losses``.
        latent: see ``gan_losses``.
        sizes: samples of a micro-batch, those of them that the batch has; the whole batch where none is.
        field: with the joint field, which needs backward passes.
        repeats: times that each size is timed, in turn, after one that does not count.
        options: as for ``gan_losses``, without ``micro_batch``.

    Returns:
        Seconds of a point by size, the least of the repeats.

    Raises:
        ValueError: no or no positive sizes, or fewer than one repeat; what ``gan_losses`` raises it for.

    Example:
        >>> import torch
        >>> from gandyn.nets import losses, models
        >>> pair = models.mlp_gan(2, hidden=(8,))
        >>> batch = torch.randn(64, 2), torch.randn(64, pair[0].latent_dim)
        >>> sorted(micro_batch_seconds(*pair, losses.nonsaturating(), *batch, sizes=(16, 64), repeats=1))
        [16, 64]
    """
    if not sizes or min(sizes) < 1 or repeats < 1:
        raise ValueError(
            f"expected positive sizes and at least 1 repeat, got {tuple(sizes)} and {repeats}; for example "
            "sizes=(64, 128), repeats=3"
        )
    options = {"dtype": torch.float64, **options}
    count = len(real if isinstance(real, Tensor) else real[0])
    plane = random_plane(
        modules_layout(generator, discriminator),
        get_state(generator, discriminator, dtype=options["dtype"]),
    )
    measure = "field" if field else "losses"
    ways = {
        size: gan_losses(generator, discriminator, losses, real, latent, micro_batch=size, **options)
        for size in [size for size in sizes if size <= count] or [count]
    }
    seconds = {size: math.inf for size in ways}
    for repeat in range(repeats + 1):
        for size, way in ways.items():
            started = time.perf_counter()
            way.on_grid(plane, np.zeros(1), np.zeros(1), (measure,))
            if repeat:
                seconds[size] = min(seconds[size], time.perf_counter() - started)
    return seconds
