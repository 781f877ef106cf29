"""What a report is about: a run, its modules, and the fixed batch on which its dynamics are analysed."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from gandyn.field import VectorField
from gandyn.nets import Losses, Run, RunError, gan_field, gan_losses, training
from gandyn.nets.datasets import Dataset
from gandyn.nets.gan import Inputs
from gandyn.nets.maps import Prior, as_prior, seeded_draws
from gandyn.nets.regularizers import InstanceNoise
from gandyn.report import plans

__all__ = ["Draw", "Given", "Subject", "subject_of"]


@dataclass(frozen=True, eq=False)
class Draw:
    """One fixed batch: data and latents, each with its conditions.

    Args:
        real: inputs of the discriminator: samples (N, ...), and conditions.
        latent: inputs of the generator: latents (N, ...), and conditions.
    """

    real: tuple[Tensor, ...]
    latent: tuple[Tensor, ...]

    def parts(self, count: int) -> Iterator[Draw]:
        """Yield ``count`` parts of equal size, fewer samples left out at the end."""
        size = self.real[0].shape[0] // count
        for i in range(count):
            where = slice(i * size, (i + 1) * size)
            yield Draw(tuple(part[where] for part in self.real), tuple(part[where] for part in self.latent))


@dataclass(frozen=True, eq=False)
class Subject:
    """A run and what its dynamics are evaluated with, at any of its checkpoints.

    Args:
        run: the run folder.
        generator: a module of the run's structure; checkpoints are loaded into it.
        discriminator: the same of the discriminator.
        losses: what each player descends.
        batch: the batch of the analysis.
        other: a second batch of the same size, to see what the first one decides.
        disjoint: whether no real sample is in both.
        value_range: what black and white became, or None for points.
        dropout: "eval" or "seeded": what layers that draw do in the analysis.
        layers: kinds of layers whose mode had to be chosen, such as "BatchNorm2d".
    """

    run: Run
    generator: nn.Module
    discriminator: nn.Module
    losses: Losses
    batch: Draw
    other: Draw
    disjoint: bool
    value_range: tuple[float, float] | None
    dropout: Any = "eval"
    layers: tuple[str, ...] = ()

    def loaded(self, step: int, batch: Draw | None = None) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Load a checkpoint; return what ``gan_field``, ``gan_losses`` and ``gradient_health`` take."""
        self.run.restore(self.generator, self.discriminator, step)
        batch = batch or self.batch
        arguments = (self.generator, self.discriminator, self.losses, batch.real, batch.latent)
        return arguments, {"batch_norm": "batch", "dropout": self.dropout}

    def field(self, step: int, batch: Draw | None = None) -> VectorField:
        """Return the velocity on a fixed batch, with the buffers of a checkpoint."""
        arguments, modes = self.loaded(step, batch)
        return replace(gan_field(*arguments, **modes), label="")

    def loss_function(self, step: int, memory: str | None = None) -> Callable[[Tensor], Tensor]:
        """Return both losses on the fixed batch, with the buffers of a checkpoint; see ``gan_losses``."""
        arguments, modes = self.loaded(step)
        return gan_losses(*arguments, memory=memory, **modes)

    def state(self, step: int) -> Tensor:
        """Return the parameters at a checkpoint, float64, shape (n,)."""
        return self.run.state(self.generator, self.discriminator, step, torch.float64)

    def parameters(self) -> dict[str, int]:
        """Return the number of trainable parameters of each player."""
        sizes = {"generator": 0, "discriminator": 0}
        for name, shape in self.run.settings["blocks"].items():
            sizes[name.partition(".")[0]] += math.prod(shape)
        return sizes

    def samples(self, step: int, count: int) -> Tensor:
        """Return generated samples from the first latents of the batch, the generator in evaluation mode."""
        self.run.restore(self.generator, self.discriminator, step)
        generator = copy.deepcopy(self.generator).eval()
        dtype = next(generator.parameters()).dtype
        latent = [p[:count].to(dtype) if p.is_floating_point() else p[:count] for p in self.batch.latent]
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            made: Tensor = generator(*latent)
        return made


@dataclass(frozen=True, eq=False)
class Given:
    """What the caller of a report passes; None for what the run's settings tell.

    Args:
        generator: a module of the run's structure.
        discriminator: the same of the discriminator.
        losses: what each player descends.
        data: the data of the run.
        latent: dimension of the latents, or their prior.
    """

    generator: nn.Module | None = None
    discriminator: nn.Module | None = None
    losses: Losses | None = None
    data: Dataset | Inputs | None = None
    latent: int | Prior | None = None


def subject_of(run: Run, given: Given, *, samples: int, seed: int) -> Subject:
    """Return the subject of a report: what is given, and the rest rebuilt from the run's settings.

    Args:
        run: the run folder.
        given: what the caller passes.
        samples: samples in the batch; fewer where the data have fewer.
        seed: seed of the choice of data and of the latents.

    Raises:
        RunError: no checkpoint, or a run that does not say how it was made.
        ValueError: one module without the other.
    """
    if not run.steps:
        raise RunError(f"{run.folder} has no checkpoint; there is nothing to report on")
    generator, discriminator = copy.deepcopy((given.generator, given.discriminator))
    losses, data = given.losses, given.data
    if (generator is None) != (discriminator is None):
        raise ValueError("pass generator and discriminator together, or neither")
    if generator is None or discriminator is None:
        generator, discriminator = plans.modules_of(run)
    losses = plans.make_losses(run.settings["losses"]) if losses is None else losses
    data = plans.data_of(run, generator) if data is None else data
    tensors = _as_tuple(training.samples_of(data, generator))
    count = min(samples, tensors[0].shape[0])
    first, second, disjoint = _chosen(tensors, count, seed)
    prior = as_prior(_latent_of(run, generator, given.latent))
    latents = [_as_tuple(prior(count, seeded_draws(seed, 2, i))) for i in range(2)]
    subject = Subject(
        run=run,
        generator=generator,
        discriminator=discriminator,
        losses=losses,
        batch=Draw(first, latents[0]),
        other=Draw(second, latents[1]),
        disjoint=disjoint,
        value_range=getattr(data, "value_range", None),
        layers=_moded_layers(generator, discriminator),
    )
    return _without_draws(subject)


def _as_tuple(value: Inputs) -> tuple[Tensor, ...]:
    return (value,) if isinstance(value, Tensor) else tuple(value)


def _chosen(
    tensors: tuple[Tensor, ...], count: int, seed: int
) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...], bool]:
    """Return two batches of the data, disjoint where there are enough samples."""
    total = tensors[0].shape[0]
    order = torch.randperm(total, generator=seeded_draws(seed, 1))
    disjoint = total >= 2 * count
    second = order[count : 2 * count] if disjoint else order[total - count :]
    return tuple(p[order[:count]] for p in tensors), tuple(p[second] for p in tensors), disjoint


def _latent_of(run: Run, generator: nn.Module, latent: int | Prior | None) -> int | Prior:
    """Return the latents of a run: those given, or what the settings or the generator tell of them."""
    stated = run.settings["latent"]
    if latent is not None or isinstance(stated, int):
        return stated if latent is None else latent
    if hasattr(generator, "latent_dim") and repr(own := training.prior_of(generator, None)) == stated:
        return own
    raise RunError(
        f"the run's latents come from {stated}, which its settings cannot bring back; pass latent=prior to "
        "report.write"
    )


def _moded_layers(*modules: nn.Module) -> tuple[str, ...]:
    """Return the kinds of layers that behave otherwise in training than in evaluation, sorted."""
    norms, drops = nn.modules.batchnorm._NormBase, (nn.modules.dropout._DropoutNd, InstanceNoise)
    layers = [layer for module in modules for layer in module.modules()]
    tracked = [layer for layer in layers if isinstance(layer, norms) and layer.running_mean is not None]
    return tuple(sorted({type(x).__name__ for x in (*tracked, *(x for x in layers if isinstance(x, drops)))}))


def _without_draws(subject: Subject) -> Subject:
    """Return the subject with a dropout mode in which its networks are functions."""
    try:
        subject.field(subject.run.steps[-1])
    except ValueError as error:
        if "draws random numbers" not in str(error):
            raise
        return replace(subject, dropout="seeded")
    return subject
