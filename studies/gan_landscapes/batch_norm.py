"""Batch norm in the generator: where the NaN of the published landscapes comes from, and its cures."""

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.functional import softplus

from gandyn import filter_normalized_plane, landscape, nets
from gandyn.nets import losses
from studies.gan_landscapes.runs import data_of, modules

#: Half-width of the published rasters, in units of the normalised directions.
EXTENT = 4.0


def with_batch_norm(sizes: Mapping[str, Any], seed: int) -> tuple[nn.Module, nn.Module]:
    """Return the networks with batch norm behind each hidden convolution of the generator."""
    generator, discriminator = modules(sizes, seed)
    parts: list[nn.Module] = []
    convolutions = [layer for layer in generator if isinstance(layer, nn.Conv2d)]
    for layer in generator:
        parts.append(layer)
        if layer in convolutions[:-1]:
            parts.append(nn.BatchNorm2d(layer.out_channels))
    normalised = nn.Sequential(*parts)
    normalised.latent_dim = sizes["latent"]
    return normalised, discriminator


def batch_norm(sizes: Mapping[str, Any], folder: Path, points: int, samples: int) -> dict[str, Any]:
    """Train with batch norm; return the share of the raster that is not finite, by what is moved and how."""
    networks = with_batch_norm(sizes, 0)
    data, place = data_of(sizes), folder / "batch norm"
    begun = (place / "settings.json").exists()
    run = nets.train(
        *networks, losses.nonsaturating(halves="mean"), data, place, steps=sizes["batch steps"],
        recipe=nets.Recipe((nets.Adam(2e-4), nets.Adam(2e-4)), sizes["batch"], "generator first"),
        resume=begun, progress=False,
    )  # fmt: skip
    run.restore(*networks)
    latent = torch.randn(samples, sizes["latent"], generator=torch.Generator().manual_seed(1))
    numbers: dict[str, Any] = {"weights and statistics": moved_statistics(*networks, latent, points)}
    x, layout = nets.get_state(*networks), nets.modules_layout(*networks)
    plane = filter_normalized_plane(layout, x, players="generator", zero_filters="skip")
    for mode in ("frozen", "batch", "reestimate"):
        both = nets.gan_losses(
            *networks, losses.nonsaturating(halves="mean"), data.images[:samples], latent,
            batch_norm=mode, dropout="eval",
        )  # fmt: skip
        found = landscape(both, plane, EXTENT, points=points, progress=False, label=mode)
        own = found.losses[0]
        numbers[mode] = {
            "not finite": float(np.mean(~np.isfinite(own))),
            "centre": found.center[0],
            "highest": float(np.max(own)),
        }
    return numbers


def moved_statistics(
    generator: nn.Module, discriminator: nn.Module, latent: torch.Tensor, points: int
) -> dict[str, float]:
    """Move all that Keras calls weights, running variances too, as the published code does."""
    draws = torch.Generator().manual_seed(0)
    moved, judge = copy.deepcopy(generator).eval(), copy.deepcopy(discriminator).eval()
    tensors = [t for t in (*moved.parameters(), *moved.buffers()) if t.is_floating_point()]
    start = [t.detach().clone() for t in tensors]
    axes = [[_as_published(t, draws) for t in start] for _ in range(2)]
    variances = [t for name, t in moved.named_buffers() if name.endswith("running_var")]
    bad, negative = [], []
    with torch.no_grad():
        for b in np.linspace(-EXTENT, EXTENT, points):
            for a in np.linspace(-EXTENT, EXTENT, points):
                for t, origin, u, v in zip(tensors, start, *axes, strict=True):
                    t.copy_(origin + a * u + b * v)
                bad.append(not torch.isfinite(softplus(-judge(moved(latent))).mean()))
                negative.append(any(bool((t < 0).any()) for t in variances))
    return {"not finite": float(np.mean(bad)), "a variance below zero": float(np.mean(negative))}


def _as_published(weight: torch.Tensor, draws: torch.Generator) -> torch.Tensor:
    direction = torch.randn(weight.shape, generator=draws)
    return direction / direction.norm(dim=0) * weight.norm(dim=0)
