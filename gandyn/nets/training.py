"""Train two modules into a run folder: interruptible, resumable to the bit, honest about divergence."""

from __future__ import annotations

import math
import platform
import time
from collections.abc import Mapping
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn
from tqdm import tqdm

from gandyn.nets.datasets import Dataset
from gandyn.nets.gan import Batch, Game, Inputs, StepRecord, as_inputs, check_game
from gandyn.nets.health.examine import game_row, game_settings, look
from gandyn.nets.health.tables import LOOK_EVERY, HealthTable
from gandyn.nets.losses import Losses, logits
from gandyn.nets.maps import LabelledPrior, MinibatchStream, Prior, TrainingStep, as_prior
from gandyn.nets.modules import get_state
from gandyn.nets.recipe import Recipe
from gandyn.nets.runs import Checkpoint, Run, RunError, RunWriter, fingerprint, read_json
from gandyn.nets.schemed import Scheme, SchemeStep

__all__ = ["prior_of", "samples_of", "train"]

_BLOW_UP = 1e6
_PACKAGES = ("gandyn", "torch", "numpy")


def train(
    generator: nn.Module,
    discriminator: nn.Module,
    losses: Losses,
    data: Dataset | Inputs,
    folder: str | Path,
    *,
    steps: int,
    latent: int | Prior | None = None,
    recipe: Recipe | None = None,
    scheme: Scheme | None = None,
    checkpoint_every: int | None = None,
    resume: bool = False,
    progress: bool | None = None,
    origin: Mapping[str, Any] | None = None,
    health: bool | int = False,
) -> Run:
    """Train two modules and write a run folder: settings, history of every step, checkpoints.

    Training iterates ``nets.training_map`` with the modules as they are: layers in training mode stay
    there, running statistics are updated. The modules given are not changed: load the result with
    ``run.restore(generator, discriminator)``. Killed at any moment, the run resumes from its last
    checkpoint to the bits of an uninterrupted one (with the same number of threads).

    Args:
        generator: called as ``generator(*latent)``; its dtype is that of the training.
        discriminator: called as ``discriminator(samples, *conditions)``.
        losses: what each player descends.
        data: a ``Dataset`` (its images, with its labels where the generator has the attribute ``classes``),
            samples of shape (N, ...), or a tuple with conditions.
        folder: where to write; must not exist, unless ``resume``.
        steps: number of steps in all, >= 1; a finished run resumed with more goes on.
        latent: dimension of standard normal latents, or a prior ``prior(count, draws)``; the default is
            the generator's attribute ``latent_dim``, with labels where it has the attribute ``classes``.
        recipe: update rules, their order, batch size and seed.
        scheme: a rule of ``gandyn.schemes`` for both players, in place of the recipe's update rules, such as
            ``lambda field: schemes.extragradient(field, 0.01)``; the run's settings tell which.
        checkpoint_every: steps between checkpoints; the default is a tenth of ``steps``.
        resume: go on with the run in ``folder``.
        progress: show a progress bar; the default is on a terminal only.
        origin: how to build the modules again, for the command line: {"factory": "module:function", ...}.
        health: look at the gradients, layer by layer, every so many steps (True for every 200), on the two
            halves of the step's minibatch; ``run.health`` has what was seen. Training is the same with it.

    Returns:
        The run, with status "finished" or "diverged" (a loss or gradient that is not finite, or a loss
        beyond 1e6; the last good checkpoint is kept, and ``run.status["message"]`` names the step).

    Raises:
        RunError: the folder holds something else, or a run with other settings.
        ValueError: settings that do not fit the modules or the data.
        KeyboardInterrupt: on Ctrl-C, after saving; the message says how to go on.

    Example:
        >>> import tempfile
        >>> from gandyn.nets import losses, models, datasets
        >>> g, d = models.conv_gan(8, width=2, latent_dim=4)
        >>> with tempfile.TemporaryDirectory() as parent:
        ...     run = train(g, d, losses.nonsaturating(), datasets.digits(), f"{parent}/run", steps=3)
        ...     run.status["status"], run.steps, len(run.history["loss_generator"])
        ('finished', [0, 1, 2, 3], 3)
    """
    if steps < 1:
        raise ValueError(f"steps must be at least 1, got {steps}")
    if checkpoint_every is not None and checkpoint_every < 1:
        raise ValueError(f"checkpoint_every must be at least 1, got {checkpoint_every}")
    folder, recipe = Path(folder), recipe or Recipe()
    if int(health) < 0:
        raise ValueError(f"health, the steps between looks at the gradients, must be positive, got {health}")
    trainer = _Trainer(generator, discriminator, losses, data, prior_of(generator, latent), recipe, scheme)
    trainer.look_every = LOOK_EVERY if health is True else int(health)
    settings = {
        **trainer.settings(),
        "steps": steps,
        "checkpoint_every": checkpoint_every or max(1, steps // 10),
        "origin": dict(origin or {}),
        "versions": {name: version(name) for name in _PACKAGES} | {"python": platform.python_version()},
        "threads": torch.get_num_threads(),
    }
    if resume:
        writer, settings = trainer.reopen(folder, settings)
    else:
        writer = RunWriter.create(folder, settings, trainer.columns)
    return trainer.run(writer, steps, settings["checkpoint_every"], progress)


def prior_of(generator: nn.Module, latent: int | Prior | None) -> int | Prior:
    """Return the latents asked for, or those that the generator's attributes name."""
    found: Any = getattr(generator, "latent_dim", None) if latent is None else latent
    if found is None:
        raise ValueError(
            "the latents' dimension is not known: pass latent=100 (or a prior), or give the generator an "
            "attribute latent_dim"
        )
    classes: Any = getattr(generator, "classes", None)
    if latent is None and classes is not None:
        return LabelledPrior(found, classes)
    return cast(int | Prior, found)


def samples_of(data: Dataset | Inputs, generator: nn.Module) -> Inputs:
    """Return samples, with the labels of a data set where the generator takes some."""
    if not isinstance(data, Dataset):
        return data
    if not hasattr(generator, "classes"):
        return data.images
    if data.labels is None:
        raise ValueError(f"{data.name} has no labels, which the generator takes; pass (images, labels)")
    return data.images, data.labels


class _Trainer:
    """A training in progress: the state, and what checkpoints and history need."""

    def __init__(
        self,
        generator: nn.Module,
        discriminator: nn.Module,
        losses: Losses,
        data: Dataset | Inputs,
        latent: int | Prior,
        recipe: Recipe,
        scheme: Scheme | None,
    ) -> None:
        self.dtype = next(generator.parameters()).dtype
        self.game = Game(generator, discriminator, losses, dtype=self.dtype, training=True)
        inputs = as_inputs("data", samples_of(data, generator), self.dtype, self.game.device)
        self.data_name = data.name if isinstance(data, Dataset) else "own data"
        self.data_fingerprint = fingerprint(inputs)
        self.latent = latent
        stream = MinibatchStream(inputs, recipe.batch_size, as_prior(latent), recipe.seed)
        parameters = get_state(generator, discriminator, dtype=self.dtype)
        check_game(self.game, parameters, stream(0))
        self.step: TrainingStep | SchemeStep = (
            TrainingStep(self.game, recipe, stream)
            if scheme is None
            else SchemeStep(self.game, scheme, recipe, stream)
        )
        self.x, self.k = self.step.start(parameters), 0
        self.stream, self.look_every = stream, 0
        self.health: HealthTable | None = None
        names = [block.name for block in self.game.layout.blocks]
        scalars = ["loss_generator", "loss_discriminator", "accuracy_real", "accuracy_fake"]
        self.columns = ["step", *scalars, *(f"gradient/{name}" for name in names)]

    def settings(self) -> dict[str, Any]:
        """Return what decides the numbers of the run, as plain values."""
        return {
            "dtype": str(self.dtype).removeprefix("torch."),
            "losses": self.game.losses.settings or {"name": self.game.losses.name},
            "recipe": self.step.settings(),
            "data": {"name": self.data_name, "sha256": self.data_fingerprint},
            "latent": self.latent if isinstance(self.latent, int) else repr(self.latent).split(" at 0x")[0],
            "blocks": {block.name: list(block.shape) for block in self.game.layout.blocks},
            "health": self.look_every or None,
        }

    def reopen(self, folder: Path, settings: dict[str, Any]) -> tuple[RunWriter, dict[str, Any]]:
        """Take up the run in ``folder`` at its last checkpoint, if its settings agree."""
        run = Run(folder)
        for name in self.settings():
            if run.settings.get(name) != settings[name]:
                raise RunError(
                    f"{folder} was made with other settings: {name} was {run.settings.get(name)}, now it "
                    f"is {settings[name]}; use the same, or another folder"
                )
        checkpoint = run.checkpoint()
        writer = RunWriter.reopen(run, checkpoint.step, self.columns)
        self.load(checkpoint)
        return writer, run.settings

    def load(self, checkpoint: Checkpoint) -> None:
        """Take up parameters, buffers and optimiser memory of a checkpoint."""
        parts = []
        saved = (checkpoint.generator, checkpoint.discriminator)
        for network, tensors in zip(self.step.networks, saved, strict=True):
            parts += [tensors[name] for name in network.names]
            for name, value in network.constants.items():
                value.copy_(tensors[name])
        memory = [b.name for b in self.step.layout.blocks if b.player == "memory"]
        parts += [checkpoint.optimizer[name] for name in memory]
        self.x = torch.cat([part.reshape(-1) for part in parts]).to(self.x)
        self.k = checkpoint.step

    def checkpoint(self) -> Checkpoint:
        """Return the present state as a checkpoint."""
        blocks = self.step.layout.split(self.x)
        memory = {b.name: blocks[b.name].cpu() for b in self.step.layout.blocks if b.player == "memory"}
        generator, discriminator = (
            network.state_dict({name: blocks[f"{network.player}.{name}"] for name in network.names})
            for network in self.step.networks
        )
        return Checkpoint(self.k, generator, discriminator, memory)

    def measure(self, record: StepRecord) -> list[float]:
        """Return one row of history: losses, accuracies, gradient norm of each block."""
        norms = torch.stack(torch._foreach_norm([*record.gradients[0], *record.gradients[1]]))
        scalars = torch.stack([*record.losses, *_accuracies(record, self.game.losses)])
        values: list[float] = torch.cat([scalars, norms]).tolist()
        return values

    def open_health(self, folder: Path) -> None:
        """Start the record of the gradients, or go on with that before the present step."""
        if not self.look_every:
            return
        count = sum(self.game.sizes)
        path = folder / "health.json"
        resumed = self.k > 0 and path.exists()
        settings = read_json(path) if resumed else game_settings(self.game, self.x[:count], self.batch, 1e-2)
        self.health = HealthTable(settings, folder, until=self.k)

    @property
    def batch(self) -> Batch:
        """The first minibatch of the present step."""
        return replace(self.stream(self.k * self.step.recipe.critic_steps), step=self.k)

    def look(self, after: Tensor) -> None:
        """Note how the gradients are at the present state, which a step has taken to ``after``."""
        if self.health is None or self.k % self.look_every:
            return
        count = sum(self.game.sizes)
        x = self.x[:count]
        seen = look(self.game, x, self.batch, 2)
        row = game_row(self.game, self.k, seen, x, after[:count] - x, self.health.settings)
        self.health.add(row)

    def save(self, writer: RunWriter) -> None:
        """Write a checkpoint, and everything measured before it."""
        if self.health is not None:
            self.health.flush()
        writer.checkpoint(self.checkpoint())

    def run(self, writer: RunWriter, steps: int, every: int, progress: bool | None) -> Run:
        """Iterate up to ``steps``, writing as it goes."""
        started = time.monotonic()
        status, message = "finished", ""
        self.open_health(writer.folder)
        if self.k == 0:
            self.save(writer)
        bar = tqdm(
            total=steps, initial=self.k, disable=None if progress is None else not progress, unit="step"
        )
        try:
            while self.k < steps:
                x, record = self.step(self.x, self.k)
                row = self.measure(record)
                trouble = _trouble(row, self.columns)
                if trouble:
                    status, message = "diverged", f"step {self.k}: {trouble}"
                    break
                writer.row(self.k, row)
                self.look(x)
                self.x, self.k = x, self.k + 1
                bar.update()
                bar.set_postfix(G=f"{row[0]:.3f}", D=f"{row[1]:.3f}", refresh=False)
                if self.k % every == 0:
                    self.save(writer)
        except KeyboardInterrupt:
            self.save(writer)
            message = (
                f"saved at step {self.k} of {steps} in {writer.folder}; go on with resume=True (--resume)"
            )
            writer.status("interrupted", self.k, message, time.monotonic() - started)
            raise KeyboardInterrupt(message) from None
        finally:
            bar.close()
        if status == "finished":
            self.save(writer)
        elif self.health is not None:
            self.health.flush()
        writer.flush()
        writer.status(status, self.k, message, time.monotonic() - started)
        return Run(writer.folder)


def _accuracies(record: StepRecord, losses: Losses) -> list[Tensor]:
    """Return the share of real and of generated samples on their side of the threshold, or NaN."""
    real, fake = (logits(output) for output in record.outputs)
    threshold = losses.threshold
    if threshold is None or not (isinstance(real, Tensor) and isinstance(fake, Tensor)):
        return [record.losses[0].new_tensor(math.nan)] * 2
    dtype = record.losses[0].dtype
    return [(real > threshold).to(dtype).mean(), (fake < threshold).to(dtype).mean()]


def _trouble(row: list[float], columns: list[str]) -> str:
    """Return what says that training has broken down, or nothing."""
    for name, value in zip(columns[1:], row, strict=True):
        if not math.isfinite(value) and not name.startswith("accuracy"):
            return f"{name} is {value}"
    for name, value in zip(columns[1:3], row[:2], strict=True):
        if abs(value) > _BLOW_UP:
            return f"{name} is {value:.3g}, beyond {_BLOW_UP:g}"
    return ""
