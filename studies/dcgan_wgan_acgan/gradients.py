"""Gradients of the discriminators by layer: raw counts, measures free of scale, and losses over training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from gandyn.nets import HealthRecord, Run, gradient_health
from studies.dcgan_wgan_acgan.runs import (
    METHODS,
    Pictures,
    Sizes,
    data_of,
    latents,
    modules,
    place_of,
    restored,
)

#: Numbers of a health record that are kept: the paper's count as a share, and what depends less on scale.
MEASURES = ("small_share", "rms", "gradient_to_weight", "leverage", "update_to_weight")


def convolutions(sizes: Sizes, pictures: Pictures, name: str) -> list[str]:
    """Return the names of the discriminator's convolution weights, first to last."""
    critic = modules(pictures, name, sizes.width, 0)[1]
    return [
        f"discriminator.{layer}.weight"
        for layer, part in critic.named_modules()
        if isinstance(part, nn.Conv2d)
    ]


def by_layer(record: HealthRecord, layers: list[str], measure: str) -> np.ndarray:
    """Return one measure of the layers at every look, shape (looks, layers)."""
    return np.asarray(getattr(record, measure)[:, [record.layers.index(name) for name in layers]])


def of_run(sizes: Sizes, folder: Path, pictures: Pictures, name: str, seed: int) -> dict[str, Any]:
    """Return what one run says: each measure by layer over training, looks at two checkpoints, and losses."""
    run = Run(place_of(folder, pictures, name, seed))
    record, layers = run.health, convolutions(sizes, pictures, name)
    quarter = -(-len(record.steps) // 4)
    found: dict[str, Any] = {"status": run.status["status"], "steps": run.status["step"]}
    for measure in MEASURES:
        values = by_layer(record, layers, measure)
        found[measure] = {
            "at the start": values[0].tolist(),
            "first quarter": np.median(values[1 : quarter + 1], axis=0).tolist(),
            "last quarter": np.median(values[-quarter:], axis=0).tolist(),
        }
    for when, step in (("a quarter in", run.steps[len(run.steps) // 4]), ("at the end", run.steps[-1])):
        found[when] = _look(sizes, folder, pictures, name, seed, step)
    return found | _losses(run)


def _look(sizes: Sizes, folder: Path, pictures: Pictures, name: str, seed: int, step: int) -> dict[str, Any]:
    """Return verdict, slope, coherence and push on a large batch, and the share of weights at the clip."""
    both, method = restored(sizes, folder, pictures, name, seed, step), METHODS[name]
    real, count = data_of(pictures, "test"), 8 * (sizes.samples // 16)
    z, labels = latents(count, seed=1000 + seed), torch.arange(count) % 10
    assert real.labels is not None
    seen = gradient_health(
        *both, method.losses,
        (real.images[:count], real.labels[:count]) if method.labelled else real.images[:count],
        (z, labels) if method.labelled else z, batch_norm="batch", dropout="eval", dtype=torch.float32,
    )  # fmt: skip
    return {
        "step": step,
        "verdict": [seen.verdict.generator, seen.verdict.discriminator],
        "slope": seen.slopes[0].tolist(),
        "coherence": seen.coherence[0].tolist(),
        "push": seen.push[0].tolist(),
        "weights at the clip": _at_clip(both[1], method.recipe.get("clip")),
    }


def _at_clip(critic: nn.Module, clip: float | None) -> float | None:
    weights = torch.cat([p.detach().reshape(-1) for p in critic.parameters()])
    return None if clip is None else float((weights.abs() >= 0.999 * clip).float().mean())


def _losses(run: Run) -> dict[str, float]:
    """Return, of D's loss in the last half, mean, standard deviation, and roughness.

    The roughness is that of von Neumann: root mean square of the differences between steps over sqrt(2)
    standard deviations: 1 for independent values, 0 for a smooth curve, whatever the unit.
    """
    history = run.history
    late = history["loss_discriminator"][len(history["step"]) // 2 :]
    spread = float(late.std())
    rough = float(np.sqrt(np.mean(np.diff(late) ** 2) / 2) / spread)
    return {
        "D loss": float(late.mean()),
        "G loss": float(history["loss_generator"][len(history["step"]) // 2 :].mean()),
        "spread of D's loss": spread,
        "roughness of D's loss": rough,
    }
