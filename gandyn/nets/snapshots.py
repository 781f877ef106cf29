"""What a GAN does at a checkpoint: its samples, where latents go, and what the discriminator says where."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from gandyn.arrays import to_numpy
from gandyn.nets.latent import generate
from gandyn.nets.runs import Run

__all__ = ["Snapshot", "Snapshots", "snapshot"]


@dataclass(frozen=True, eq=False, repr=False)
class Snapshot:
    """A GAN after a number of steps.

    Args:
        step: number of steps.
        samples: shape (N, ...), generated from the same latents at every step.
        probes: shape (m, l), latents whose images are followed.
        probe_images: shape (m, ...), what the generator makes of them.
        axes: one or two increasing arrays, the coordinates at which the discriminator was asked; ``()`` for
            images.
        scores: its probability that a sample there is real, shape (len(x),), or (len(y), len(x)).
        density: density of the samples on the cells about these points, in the same shape; of all samples,
            so that its integral is the share of them in the window.
    """

    step: int
    samples: np.ndarray
    probes: np.ndarray
    probe_images: np.ndarray
    axes: tuple[np.ndarray, ...]
    scores: np.ndarray
    density: np.ndarray

    def __str__(self) -> str:
        return f"Snapshot at step {self.step}: {len(self.samples)} samples, {self.scores.size} scores"

    __repr__ = __str__


def snapshot(
    step: int,
    generator: nn.Module,
    discriminator: nn.Module,
    latents: Tensor,
    *,
    probes: Tensor | None = None,
    axes: Sequence[Any] = (),
) -> Snapshot:
    """Return what a GAN does now.

    Args:
        step: number of steps that it was trained.
        generator: called as ``generator(z)``; stays in its mode.
        discriminator: the same, with logits as outputs.
        latents: shape (N, l), latents of the samples.
        probes: shape (m, l), latents whose images are followed; the default is the first 40.
        axes: for points on the line or in the plane, the coordinates at which the discriminator is asked:
            one or two increasing arrays of evenly spaced numbers.

    Raises:
        ValueError: axes that are not one or two increasing arrays.

    Example:
        >>> from gandyn.nets import models
        >>> found = snapshot(0, *models.mlp_gan(1), torch.randn(50, 1), axes=[np.linspace(-1, 1, 9)])
        >>> found.samples.shape, found.scores.shape
        ((50, 1), (9,))
    """
    points, followed = _checked_axes(axes), latents[:40] if probes is None else probes
    samples = to_numpy(generate(generator, latents))
    return Snapshot(
        step=step,
        samples=samples,
        probes=to_numpy(followed),
        probe_images=to_numpy(generate(generator, followed)),
        axes=points,
        scores=_scores(discriminator, points),
        density=_density(samples, points),
    )


def _checked_axes(axes: Sequence[Any]) -> tuple[np.ndarray, ...]:
    found = tuple(np.asarray(axis, dtype=float) for axis in axes)
    if len(found) > 2 or any(a.ndim != 1 or len(a) < 2 or np.any(np.diff(a) <= 0) for a in found):
        shapes = [axis.shape for axis in found]
        raise ValueError(f"axes must be at most two increasing arrays of 2 numbers or more, got {shapes}")
    return found


class Snapshots:
    """What a GAN does at the checkpoints of a run: ``snapshots(step)``, read from the folder when asked.

    Can be sent to another process.

    Args:
        run: the run.
        generator: a module of its structure; copied.
        discriminator: the same, with logits as outputs; copied.
        latents: shape (N, l), latents of the samples.
        probes: shape (m, l), latents whose images are followed; the default is the first 40.
        axes: for points on the line or in the plane, the coordinates at which the discriminator is asked:
            one or two increasing arrays of evenly spaced numbers.

    Raises:
        ValueError: axes that are not one or two increasing arrays.

    Example:
        >>> import tempfile
        >>> from gandyn.nets import datasets, losses, models, train
        >>> g, d = models.mlp_gan(1, hidden=(8,), latent_dim=1)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     run = train(g, d, losses.saturating(), datasets.mixture_1d(), f"{folder}/run", steps=2)
        ...     snapshots = Snapshots(run, g, d, torch.randn(100, 1), axes=[np.linspace(-2, 2, 41)])
        ...     print(snapshots(2))
        Snapshot at step 2: 100 samples, 41 scores
    """

    def __init__(
        self,
        run: Run,
        generator: nn.Module,
        discriminator: nn.Module,
        latents: Tensor,
        *,
        probes: Tensor | None = None,
        axes: Sequence[Any] = (),
    ) -> None:
        self.run, self.axes = run, _checked_axes(axes)
        self._modules = copy.deepcopy(generator), copy.deepcopy(discriminator)
        self._latents, self._probes = latents, probes

    @property
    def steps(self) -> list[int]:
        """Steps of the checkpoints."""
        return self.run.steps

    def __call__(self, step: int) -> Snapshot:
        """Return what the GAN does after ``step`` steps.

        Raises:
            RunError: no such checkpoint.
        """
        self.run.restore(*self._modules, step)
        return snapshot(step, *self._modules, self._latents, probes=self._probes, axes=self.axes)


def _scores(discriminator: nn.Module, axes: tuple[np.ndarray, ...]) -> np.ndarray:
    if not axes:
        return np.empty(0)
    points = np.stack(np.meshgrid(*axes), axis=-1)
    flat = torch.as_tensor(points.reshape(-1, len(axes)))
    logits = generate(discriminator, flat.to(next(discriminator.parameters()).dtype), batch_size=20_000)
    return to_numpy(torch.sigmoid(logits.double())).reshape(points.shape[:-1])


def _density(samples: np.ndarray, axes: tuple[np.ndarray, ...]) -> np.ndarray:
    if not axes:
        return np.empty(0)
    edges = [np.concatenate([[a[0] - s], a[:-1] + s, [a[-1] + s]]) for a in axes for s in [(a[1] - a[0]) / 2]]
    counts, _ = np.histogramdd(samples, edges)
    cell = np.prod([edge[1] - edge[0] for edge in edges])
    return np.asarray(counts.T / (len(samples) * cell))
