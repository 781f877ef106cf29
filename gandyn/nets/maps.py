"""Training as the iteration of a map: a deterministic minibatch stream, and one step of both players."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

import numpy as np
import torch
from torch import Tensor, nn

from gandyn.checks import check_option
from gandyn.field import Block, Layout, UpdateMap
from gandyn.nets.gan import (
    Batch,
    Game,
    Inputs,
    StepRecord,
    as_inputs,
    check_game,
    derivatives,
    gradient,
)
from gandyn.nets.losses import Losses
from gandyn.nets.modules import (
    BatchNormMode,
    DropoutMode,
    Network,
    get_state,
    split_like,
)
from gandyn.nets.recipe import Recipe
from gandyn.nets.schemed import Scheme, SchemeStep

__all__ = ["LabelledPrior", "Prior", "labelled_prior", "normal_prior", "training_map", "uniform_prior"]

#: ``prior(count, draws) -> latents``: samples of shape (count, ...), or a tuple with conditions.
Prior: TypeAlias = Callable[[int, torch.Generator], Inputs]


def normal_prior(dim: int) -> Prior:
    """Return the prior of independent standard normal latents of shape (count, dim)."""
    return lambda count, draws: torch.randn(count, dim, generator=draws)


def uniform_prior(dim: int) -> Prior:
    """Return the prior of independent latents uniform on [-1, 1], of shape (count, dim)."""
    return lambda count, draws: 2 * torch.rand(count, dim, generator=draws) - 1


@dataclass(frozen=True)
class LabelledPrior:
    """Standard normal latents of shape (count, dim) and uniform labels 0 to classes - 1, shape (count,)."""

    dim: int
    classes: int

    def __call__(self, count: int, draws: torch.Generator) -> Inputs:
        """Return latents and labels."""
        z = torch.randn(count, self.dim, generator=draws)
        return z, torch.randint(self.classes, (count,), generator=draws)


def labelled_prior(dim: int, classes: int) -> Prior:
    """Return the prior of independent standard normal latents with labels, for a conditional generator.

    Args:
        dim: dimension of the latents, >= 1.
        classes: number of classes, >= 1, each as likely.

    Raises:
        ValueError: a number below 1.

    Example:
        >>> z, labels = labelled_prior(3, 10)(5, torch.Generator().manual_seed(0))
        >>> z.shape, labels.shape
        (torch.Size([5, 3]), torch.Size([5]))
    """
    if dim < 1 or classes < 1:
        raise ValueError(f"dim and classes must be at least 1, got {dim} and {classes}")
    return LabelledPrior(dim, classes)


def seeded_draws(*key: int) -> torch.Generator:
    """Return a generator whose draws depend on all of ``key``: a stream for each purpose and step."""
    (seed,) = np.random.SeedSequence(key).generate_state(1, np.uint64)
    return torch.Generator().manual_seed(int(seed >> np.uint64(1)))


class MinibatchStream:
    """Minibatch number ``index`` of an endless, deterministic stream: the same for the same seed.

    The data are shuffled anew in each epoch, and what does not fill a minibatch at its end is left out.

    Args:
        data: samples (N, ...) and their conditions.
        batch_size: samples per minibatch, at most N.
        prior: draws the latents.
        seed: seed of everything.
    """

    def __init__(self, data: tuple[Tensor, ...], batch_size: int, prior: Prior, seed: int) -> None:
        count = data[0].shape[0]
        if batch_size > count:
            raise ValueError(f"batch_size {batch_size} is more than the {count} samples of the data")
        self.data, self.batch_size, self.prior, self.seed = data, batch_size, prior, seed
        self.per_epoch = count // batch_size
        self._epoch, self._order = -1, torch.empty(0, dtype=torch.int64)
        self._last: tuple[int, Batch] | None = None

    def __call__(self, index: int) -> Batch:
        """Return minibatch ``index`` >= 0."""
        if self._last is None or self._last[0] != index:
            self._last = index, self._make(index)
        return self._last[1]

    def _make(self, index: int) -> Batch:
        epoch, place = divmod(index, self.per_epoch)
        if epoch != self._epoch:
            count = self.data[0].shape[0]
            self._epoch = epoch
            self._order = torch.randperm(count, generator=seeded_draws(self.seed, 0, epoch))
        chosen = self._order[place * self.batch_size : (place + 1) * self.batch_size]
        chosen = chosen.to(self.data[0].device)
        draws = seeded_draws(self.seed, 1, index)
        like = self.data[0]
        latent = as_inputs("prior", self.prior(self.batch_size, draws), like.dtype, like.device)
        mix = torch.rand(self.batch_size, generator=draws).to(like)
        return Batch(tuple(part[chosen] for part in self.data), latent, mix, draws.initial_seed())


class TrainingStep:
    """One step of training as a pure function of the whole state: parameters, then optimiser memory.

    Args:
        game: networks and losses.
        recipe: update rules and their order.
        batches: the minibatch stream.
    """

    def __init__(self, game: Game, recipe: Recipe, batches: Callable[[int], Batch]) -> None:
        self.game, self.recipe, self.batches = game, recipe, batches
        memory = [
            Block(f"{network.player}.{type(rule).__name__.lower()}.{name}", "memory", (size,))
            for network, rule, size in zip(self.networks, recipe.optimizers, game.sizes, strict=True)
            for name in rule.memory
        ]
        self.layout = Layout((*game.layout.blocks, *memory))
        self._sizes = [block.size for block in memory]

    @property
    def networks(self) -> tuple[Network, Network]:
        """Both networks, generator first."""
        return self.game.generator, self.game.discriminator

    def settings(self) -> dict[str, Any]:
        """Return the recipe as plain values."""
        return self.recipe.settings()

    def start(self, parameters: Tensor) -> Tensor:
        """Return the state that training starts from: the parameters (..., n), and zero memory."""
        return torch.cat([parameters, parameters.new_zeros(*parameters.shape[:-1], sum(self._sizes))], -1)

    def __call__(
        self, x: Tensor, k: int, *, differentiable: bool = False, create_graph: bool = False
    ) -> tuple[Tensor, StepRecord]:
        """Return the state after step ``k`` and what was measured.

        Args:
            x: state of shape (n,); (m, n) where the game is one of m copies.
            k: number of the step, from 0; picks minibatches and latents.
            differentiable: keep what connects the result to ``x``.
            create_graph: keep also the graph that reverse-mode derivatives need.
        """
        move = _Move(self, x, k, differentiable, create_graph)
        with torch.enable_grad(), self.game.drawing(self.batches(k * self.recipe.critic_steps).seed):
            if self.recipe.order == "simultaneous":
                move.both()
            elif self.recipe.order == "generator first":
                move.generator(move.fakes(0, variable=True), 0)
                for j in range(self.recipe.critic_steps):
                    move.discriminator(move.fakes(j, variable=False), j)
            else:
                move.critics_then_generator()
        return move.result()


class _Move:
    """The state of both players in the middle of a step."""

    def __init__(
        self, step: TrainingStep, x: Tensor, k: int, differentiable: bool, create_graph: bool
    ) -> None:
        self.step, self.game, self.k = step, step.game, k
        self.differentiable, self.create_graph = differentiable, create_graph
        x = x if differentiable else x.detach()
        theta_g, theta_d, *memory = x.split([*step.game.sizes, *step._sizes], -1)
        self.leading = x.shape[:-1]
        count_g = len(step.recipe.optimizers[0].memory)
        self.theta = [theta_g, theta_d]
        self.memory = [tuple(memory[:count_g]), tuple(memory[count_g:])]
        self.record: dict[str, Any] = {}
        self._batches: dict[int, Batch] = {}

    def batch(self, j: int) -> Batch:
        if j not in self._batches:
            drawn = self.step.batches(self.k * self.step.recipe.critic_steps + j)
            self._batches[j] = replace(drawn, step=self.k)
        return self._batches[j]

    def views(self, player: int, *, variable: bool) -> list[Tensor]:
        flat = self.theta[player]
        if variable and not self.differentiable:
            flat = flat.detach().requires_grad_()
        return split_like(flat, self.step.networks[player])

    def fakes(self, j: int, *, variable: bool) -> tuple[tuple[Tensor, ...], list[Tensor]]:
        views = self.views(0, variable=variable)
        return self.game.fakes(views, self.batch(j)), views

    def both(self) -> None:
        theta_g, theta_d = self.views(0, variable=True), self.views(1, variable=True)
        loss_g, loss_d, outputs = self.game.both_losses(theta_g, theta_d, self.batch(0))
        by_g = gradient(loss_g, theta_g, create_graph=self.create_graph, retain_graph=True)
        by_d = gradient(loss_d, theta_d, create_graph=self.create_graph)
        self.record |= {"loss_g": loss_g, "loss_d": loss_d, "outputs": outputs, "by_g": by_g, "by_d": by_d}
        self.update(0, by_g, self.k + 1)
        self.update(1, by_d, self.k + 1)

    def generator(self, made: tuple[tuple[Tensor, ...], list[Tensor]], j: int) -> None:
        fake, theta_g = made
        loss = self.game.generator_loss(self.views(1, variable=False), fake, self.batch(j))
        by_g = gradient(loss, theta_g, create_graph=self.create_graph)
        self.record |= {"loss_g": loss, "by_g": by_g}
        self.update(0, by_g, self.k + 1)

    def discriminator(self, made: tuple[tuple[Tensor, ...], list[Tensor]], j: int) -> None:
        fake = made[0] if self.differentiable else tuple(part.detach() for part in made[0])
        theta_d = self.views(1, variable=True)
        loss, outputs = self.game.discriminator_loss(theta_d, fake, self.batch(j))
        by_d = gradient(loss, theta_d, create_graph=self.create_graph)
        self.record |= {"loss_d": loss, "outputs": outputs, "by_d": by_d}
        self.update(1, by_d, self.k * self.step.recipe.critic_steps + j + 1)

    def critics_then_generator(self) -> None:
        last = self.step.recipe.critic_steps - 1
        for j in range(last + 1):
            made = self.fakes(j, variable=j == last)
            self.discriminator(made, j)
        if self.differentiable:
            # The discriminator's update hangs on these views too; the generator takes it as given.
            made = self.fakes(last, variable=True)
        self.generator(made, last)

    def update(self, player: int, gradients: Sequence[Tensor], count: int) -> None:
        recipe = self.step.recipe
        flat = torch.cat([part.reshape(*self.leading, -1) for part in gradients], -1)
        with torch.set_grad_enabled(self.differentiable):
            theta, memory = recipe.optimizers[player].step(
                self.theta[player], flat, self.memory[player], count
            )
            if player == 1 and recipe.clip is not None:
                theta = theta.clamp(-recipe.clip, recipe.clip)
        self.theta[player], self.memory[player] = theta, memory

    def result(self) -> tuple[Tensor, StepRecord]:
        record = StepRecord(
            (self.record["loss_g"].detach(), self.record["loss_d"].detach()),
            self.record["outputs"],
            (self.record["by_g"], self.record["by_d"]),
        )
        return torch.cat([*self.theta, *self.memory[0], *self.memory[1]], -1), record


def training_map(
    generator: nn.Module,
    discriminator: nn.Module,
    losses: Losses,
    data: Inputs,
    *,
    latent: int | Prior,
    recipe: Recipe | None = None,
    scheme: Scheme | None = None,
    batch_norm: Literal["frozen", "batch"] | None = None,
    dropout: DropoutMode | None = None,
    dtype: torch.dtype = torch.float64,
    resample: bool = True,
    label: str = "",
) -> tuple[UpdateMap, Tensor]:
    """Return training as an update map over a deterministic minibatch stream, and the state it starts from.

    Step ``k`` of the map is step ``k`` of ``nets.train`` with the same recipe, to the bit at equal dtype.
    The state holds both players' parameters and, as "memory" blocks, their optimisers' state. One step
    stands for the generator's step size as flow time.

    Args:
        generator: see ``gan_field``.
        discriminator: see ``gan_field``.
        losses: what each player descends.
        data: samples (N, ...), float; or a tuple with conditions.
        latent: dimension of standard normal latents, or a prior ``prior(count, draws)``.
        recipe: update rules, their order, batch size and seed.
        scheme: a rule of ``gandyn.schemes`` for both players, in place of the recipe's update rules, such as
            ``lambda field: schemes.extragradient(field, 0.01)``.
        batch_norm: see ``gan_field``; training itself uses "batch".
        dropout: see ``gan_field``; training itself draws as "seeded" does.
        dtype: float type of the whole computation.
        resample: draw a minibatch and latents for each step; with False all steps take the first ones, and
            the map is autonomous (but for losses on a schedule): full-batch training, where ``batch_size``
            is that of the data.
        label: name for titles and messages.

    Returns:
        The map on states of shape (..., n), and the start of shape (n,).

    Raises:
        ValueError: as ``gan_field``; more samples per minibatch than data.

    Example:
        >>> from gandyn.nets import losses
        >>> from gandyn.nets.optimizers import SGD
        >>> step, x = training_map(nn.Linear(1, 1), nn.Linear(1, 1), losses.saturating(), torch.randn(64, 1),
        ...                        latent=1, recipe=Recipe(optimizers=(SGD(), SGD()), batch_size=16))
        >>> step(x, 0).shape
        torch.Size([4])
    """
    step, parameters = training_step(
        generator, discriminator, losses, data, latent=latent, recipe=recipe, scheme=scheme,
        batch_norm=batch_norm, dropout=dropout, dtype=dtype, resample=resample,
    )  # fmt: skip
    return map_of(step, label), step.start(parameters)


def training_step(
    generator: nn.Module,
    discriminator: nn.Module,
    losses: Losses,
    data: Inputs,
    *,
    latent: int | Prior,
    recipe: Recipe | None,
    scheme: Scheme | None,
    batch_norm: Literal["frozen", "batch"] | None,
    dropout: DropoutMode | None,
    dtype: torch.dtype,
    resample: bool = True,
) -> tuple[TrainingStep | SchemeStep, Tensor]:
    """Return one step of training, and the parameters of the modules; arguments as ``training_map``."""
    recipe = recipe or Recipe()
    mode: BatchNormMode | None = batch_norm
    if mode is not None:
        check_option("batch_norm", mode, ["frozen", "batch"])
    game = Game(generator, discriminator, losses, dtype=dtype, batch_norm=mode, dropout=dropout)
    stream = MinibatchStream(
        as_inputs("data", data, dtype, game.device), recipe.batch_size, as_prior(latent), recipe.seed
    )
    parameters = get_state(generator, discriminator, dtype=dtype)
    check_game(game, parameters, stream(0))
    batches: Callable[[int], Batch] = stream if resample else lambda index: stream(0)
    if scheme is not None:
        return SchemeStep(game, scheme, recipe, batches), parameters
    return TrainingStep(game, recipe, batches), parameters


def map_of(step: TrainingStep | SchemeStep, label: str = "") -> UpdateMap:
    """Return a step of training as an update map with its derivatives."""
    if isinstance(step, SchemeStep):
        return step.update_map(label)

    def pointwise(x: Tensor, k: Any, create_graph: bool) -> Tensor:
        if not x.requires_grad:
            return step(x, int(k))[0]
        return step(x, int(k), differentiable=True, create_graph=create_graph)[0]

    system = derivatives(pointwise)
    rule = step.recipe.optimizers[0]
    title = label or f"training by {type(rule).__name__}, {step.recipe.order}"
    products = {name: getattr(system, name) for name in ("jac", "jvp", "vjp", "tangents", "retained")}
    return UpdateMap(system.fn, step.layout, rule.lr or 1.0, label=title, start=step.start, **products)


def as_prior(latent: int | Prior) -> Prior:
    """Return a prior, standard normal if only a dimension is given."""
    if isinstance(latent, int):
        if latent < 1:
            raise ValueError(f"the dimension of the latents must be at least 1, got {latent}")
        return normal_prior(latent)
    if not callable(latent):
        raise TypeError(
            f"latent must be a dimension or a function prior(count, draws), got {type(latent).__name__}"
        )
    return latent
