"""Two torch modules and a fixed batch as a vector field, with exact products with its Jacobian."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn

from gandyn.field import Layout, Player, VectorField
from gandyn.nets.derivatives import Pointwise, derivatives
from gandyn.nets.losses import Losses, Play
from gandyn.nets.modules import BatchNormMode, DropoutMode, Network, get_state, split_like, tensors_in

__all__ = ["Batch", "Game", "gan_field"]

#: A tensor of samples, or a tuple of samples and their conditions (labels, ...).
Inputs: TypeAlias = Tensor | Sequence[Tensor]


@dataclass(frozen=True, eq=False)
class Batch:
    """What one evaluation of the game sees: data, latents, and the draws of the penalties.

    Args:
        real: inputs of the discriminator: images (N, ...) and, if any, conditions (N, ...).
        latent: inputs of the generator: latents (M, ...) and, if any, conditions (M, ...).
        mix: shape (N,), in [0, 1]: places of the interpolates of a gradient penalty.
        seed: seed of seeded dropout.
        step: number of the training step, from 0, on which losses with a schedule depend.
    """

    real: tuple[Tensor, ...]
    latent: tuple[Tensor, ...]
    mix: Tensor
    seed: int = 0
    step: int = 0

    def pieces(self, size: int | None) -> list[tuple[float, Batch]]:
        """Return micro-batches of about ``size`` samples with their weights; the whole batch for None.

        Raises:
            ValueError: numbers of data and latents that do not split in the same proportions.
        """
        if size is None:
            return [(1.0, self)]
        if isinstance(size, bool) or not isinstance(size, int) or size < 1:
            raise ValueError(f"micro_batch must be a positive number of samples, got {size!r}")
        counts = [part[0].shape[0] for part in (self.real, self.latent)]
        number = -(-max(counts) // size)
        if counts[0] != counts[1] and any(count % number for count in counts):
            raise ValueError(
                f"{counts[0]} data and {counts[1]} latents do not split into {number} micro-batches of equal "
                "weight; give as many latents as data, or another micro_batch"
            )
        split = lambda parts: zip(*(part.tensor_split(number) for part in parts), strict=True)
        cuts = zip(split(self.real), split(self.latent), self.mix.tensor_split(number), strict=True)
        return [
            (len(mix) / counts[0], replace(self, real=real, latent=latent, mix=mix))
            for real, latent, mix in cuts
        ]


def as_inputs(name: str, value: Inputs, dtype: torch.dtype, device: torch.device) -> tuple[Tensor, ...]:
    """Return samples and conditions as a tuple, floating ones in ``dtype``, checked."""
    parts = (value,) if isinstance(value, Tensor) else tuple(value)
    if not parts or not all(isinstance(part, Tensor) for part in parts):
        kinds = [type(part).__name__ for part in parts]
        raise TypeError(f"{name} must be a tensor or a tuple of tensors, got {kinds or 'nothing'}")
    counts = [part.shape[0] if part.ndim else 0 for part in parts]
    if len(set(counts)) != 1 or counts[0] == 0:
        raise ValueError(f"{name}: expected the same, positive number of samples in each, got {counts}")
    for part in parts:
        if part.is_floating_point() and not torch.isfinite(part).all():
            raise ValueError(f"{name} has {int((~torch.isfinite(part)).sum())} non-finite entries")
    if not parts[0].is_floating_point():
        raise TypeError(
            f"{name} must be floating point, got {parts[0].dtype}; convert it, "
            "for example with images.float() / 255"
        )
    return tuple(p.detach().to(device, dtype if p.is_floating_point() else p.dtype) for p in parts)


@dataclass(frozen=True, eq=False)
class StepRecord:
    """What a step measured on its way: both losses, the discriminator's outputs, both gradients."""

    losses: tuple[Tensor, Tensor]
    outputs: tuple[Any, Any]
    gradients: tuple[Sequence[Tensor], Sequence[Tensor]]


class Game:
    """Both networks and their losses, as pure functions of the joint parameters and a batch.

    Args:
        generator: the user's module; not changed.
        discriminator: the user's module; not changed.
        losses: what each player descends.
        dtype: float type of all computations.
        batch_norm: see ``gan_field``.
        dropout: see ``gan_field``.
        training: leave the modes of all layers as they are and let buffers be updated.
    """

    def __init__(
        self,
        generator: nn.Module,
        discriminator: nn.Module,
        losses: Losses,
        *,
        dtype: torch.dtype,
        batch_norm: BatchNormMode | None = None,
        dropout: DropoutMode | None = None,
        training: bool = False,
    ) -> None:
        if not isinstance(losses, Losses):
            raise TypeError(
                f"losses must be gandyn.nets.Losses, got {type(losses).__name__}; for example "
                "nets.losses.nonsaturating() or nets.Losses(generator=..., discriminator=...)"
            )
        if not dtype.is_floating_point:
            raise TypeError(f"dtype must be a floating type such as torch.float64, got {dtype}")
        modes: dict[str, Any] = {"batch_norm": batch_norm, "dropout": dropout, "training": training}
        self.generator = Network(generator, "generator", dtype=dtype, **modes)
        self.discriminator = Network(discriminator, "discriminator", dtype=dtype, **modes)
        self.losses = losses
        self.dtype = dtype
        self.device = next(generator.parameters()).device
        self.training = training
        self.stochastic = training or dropout == "seeded"
        self.layout = Layout((*self.generator.blocks, *self.discriminator.blocks))
        self.sizes = [sum(self.generator.sizes), sum(self.discriminator.sizes)]

    @property
    def torch_generator(self) -> torch.Generator:
        """The generator of torch's own that layers on this device draw from."""
        if self.device.type != "cuda":
            return torch.default_generator
        torch.cuda.init()
        return torch.cuda.default_generators[self.device.index or 0]

    @property
    def reestimates(self) -> bool:
        """Whether running statistics are measured anew at every state."""
        return self.generator.reestimates or self.discriminator.reestimates

    @contextmanager
    def drawing(self, seed: int) -> Iterator[None]:
        """Seed torch's own generators for the layers that draw from them, and put them back after."""
        if not self.stochastic:
            yield
            return
        generator = self.torch_generator
        state = generator.get_state()
        generator.manual_seed(seed)
        try:
            yield
        finally:
            generator.set_state(state)

    def split(self, x: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        """Return the parameters of both players as views of a state of shape (n,)."""
        flat_g, flat_d = x.split(self.sizes)
        return split_like(flat_g, self.generator), split_like(flat_d, self.discriminator)

    def fakes(self, theta_g: Sequence[Tensor], batch: Batch) -> tuple[Tensor, ...]:
        """Return what the discriminator sees of the generator: samples and their conditions."""
        return (self.generator(theta_g, *batch.latent), *batch.latent[1:])

    def seen(self, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """Return what of samples and conditions the discriminator is called with."""
        return inputs if self.losses.conditional else inputs[:1]

    def play(
        self,
        theta_d: Sequence[Tensor],
        fake: tuple[Tensor, ...],
        batch: Batch,
        judged: tuple[Any, Any] = (None, None),
    ) -> Play:
        """Return the evaluation of the game that losses and penalties look at."""

        def critic(*inputs: Tensor) -> Any:
            return self.discriminator(theta_d, *self.seen(inputs))

        return Play(batch.real, fake, critic, batch.mix, batch.step, judged)

    def generator_loss(self, theta_d: Sequence[Tensor], fake: tuple[Tensor, ...], batch: Batch) -> Tensor:
        """Return the generator's loss, a scalar, on generated samples."""
        return self.losses.of_generator(self.play(theta_d, fake, batch))

    def discriminator_loss(
        self,
        theta_d: Sequence[Tensor],
        fake: tuple[Tensor, ...],
        batch: Batch,
        judged: tuple[Any, Any] = (None, None),
    ) -> tuple[Tensor, tuple[Any, Any]]:
        """Return the discriminator's loss with its penalties, and its outputs on real and fake."""
        play = self.play(theta_d, fake, batch, judged)
        outputs = play.on_real, play.on_fake
        loss = self.losses.of_discriminator(play)
        for penalty in self.losses.penalties:
            loss = loss + penalty(play)
        return loss, outputs

    def with_copied_buffers(self) -> Game:
        """Return the game with buffers of its own, for a trial that must leave no trace."""
        game = copy.copy(self)
        game.generator = self.generator.with_copied_buffers()
        game.discriminator = self.discriminator.with_copied_buffers()
        return game

    def with_statistics_at(self, x: Tensor, batch: Batch) -> Game:
        """Return the game with running statistics measured at ``x``, where they are re-estimated.

        They hang on views of ``x`` of their own: a player's gradient takes them as constants, as in
        evaluation mode, while the derivative of the field follows them.
        """
        if not self.reestimates:
            return self
        theta_g, theta_d = self.split(x)
        game = copy.copy(self)
        game.generator = self.generator.measured_at(theta_g, *batch.latent)
        fake = game.fakes(theta_g, batch)
        joined = [torch.cat([a, b]) for a, b in zip(batch.real, fake, strict=True)]
        game.discriminator = self.discriminator.measured_at(theta_d, *self.seen(tuple(joined)))
        return game

    def both_losses(
        self, theta_g: Sequence[Tensor], theta_d: Sequence[Tensor], batch: Batch
    ) -> tuple[Tensor, Tensor, tuple[Any, Any]]:
        """Return both players' losses and the discriminator's outputs, from one forward pass."""
        fake = self.fakes(theta_g, batch)
        loss_d, outputs = self.discriminator_loss(theta_d, fake, batch)
        return self.losses.of_generator(self.play(theta_d, fake, batch, outputs)), loss_d, outputs

    def own_velocity(self, x: Tensor, player: Player, batch: Batch) -> tuple[Tensor, Tensor]:
        """Return one player's parameters as a leaf, and its velocity as a function of it, with its graph."""
        theta_g, theta_d = self.split(x.detach())
        leaf = x.detach()[: self.sizes[0]] if player == "generator" else x.detach()[self.sizes[0] :]
        leaf = leaf.clone().requires_grad_()
        with torch.enable_grad(), self.drawing(batch.seed):
            if player == "generator":
                theta = split_like(leaf, self.generator)
                loss = self.generator_loss(theta_d, self.fakes(theta, batch), batch)
            else:
                with torch.no_grad():
                    fake = self.fakes(theta_g, batch)
                theta = split_like(leaf, self.discriminator)
                loss, _ = self.discriminator_loss(theta, fake, batch)
            by_player = gradient(loss, theta, create_graph=True)
        return leaf, -torch.cat([part.reshape(-1) for part in by_player])

    def velocity(
        self, x: Tensor, batch: Batch, *, create_graph: bool = False, exchanged: bool = False
    ) -> Tensor:
        """Return -(dL_G/dtheta_G, dL_D/dtheta_D), each player's own loss for its own block.

        Args:
            x: state of shape (n,); differentiated through if it requires grad.
            batch: what to evaluate on.
            create_graph: keep the graph that reverse-mode derivatives of the result need.
            exchanged: take the other player's loss for each block, -(dL_D/dtheta_G, dL_G/dtheta_D).
        """
        gradients = self.record(x, batch, create_graph=create_graph, exchanged=exchanged).gradients
        return -torch.cat([part.reshape(-1) for own in gradients for part in own])

    def record(
        self, x: Tensor, batch: Batch, *, create_graph: bool = False, exchanged: bool = False
    ) -> StepRecord:
        """Return losses, outputs and each player's gradient; arguments as those of ``velocity``."""
        x = x if x.requires_grad else x.detach().requires_grad_()
        with torch.enable_grad(), self.drawing(batch.seed):
            game = self.with_statistics_at(x, batch)
            theta_g, theta_d = self.split(x)
            loss_g, loss_d, outputs = game.both_losses(theta_g, theta_d, batch)
            for_g, for_d = (loss_d, loss_g) if exchanged else (loss_g, loss_d)
            by_g = gradient(for_g, theta_g, create_graph=create_graph, retain_graph=True)
            by_d = gradient(for_d, theta_d, create_graph=create_graph)
        return StepRecord((loss_g, loss_d), outputs, (by_g, by_d))


def gradient(
    loss: Tensor, theta: Sequence[Tensor], *, create_graph: bool = False, retain_graph: bool = False
) -> tuple[Tensor, ...]:
    """Return dloss/dtheta for each tensor of ``theta``, zero where the loss does not depend on it.

    The losses of several copies, of shape (m,), are independent: each gives the gradient of its own copy.
    """
    keep = create_graph or retain_graph
    return torch.autograd.grad(
        loss.sum() if loss.ndim else loss,
        theta,
        create_graph=create_graph,
        retain_graph=keep,
        materialize_grads=True,
    )


def gan_field(
    generator: nn.Module,
    discriminator: nn.Module,
    losses: Losses,
    real: Inputs,
    latent: Inputs,
    *,
    batch_norm: BatchNormMode | None = None,
    dropout: DropoutMode | None = None,
    seed: int = 0,
    dtype: torch.dtype = torch.float64,
    micro_batch: int | None = None,
    held: int | None = None,
    label: str = "",
) -> VectorField:
    """Return the training dynamics of two modules on a fixed batch as a vector field.

    ``v(x) = (-dL_G/dtheta_G, -dL_D/dtheta_D)`` at the joint parameters ``x``, generator first. The modules
    are used as they are and never changed: not their parameters, buffers, ``.grad``, training mode, nor
    torch's generator. Parameters with ``requires_grad=False`` and buffers are constants, as they are now;
    spectral norm keeps its present power-iteration vectors.

    Args:
        generator: called as ``generator(*latent)``.
        discriminator: called as ``discriminator(samples, *conditions)`` (on samples alone by losses that
            are not conditional, such as AC-GAN's); returns logits of any shape that the losses take.
        losses: what each player descends, for example ``nets.losses.nonsaturating()``.
        real: data of shape (N, ...), float; or a tuple with conditions, ``(images, labels)``.
        latent: latents of shape (M, ...), float; or a tuple with conditions, ``(z, labels)``, which the
            discriminator sees beside the fakes.
        batch_norm: what normalisation layers with running statistics do: "frozen" (the running
            statistics as they are), "batch" (those of this batch, as in training) or "reestimate"
            (measured anew at every state). Needed if such a layer is in training mode.
        dropout: "eval" (off) or "seeded" (the same draws at every evaluation, from ``seed``). Needed if
            such a layer is in training mode.
        seed: seed of seeded dropout and of the interpolates of a gradient penalty.
        dtype: float type of the whole computation.
        micro_batch: number of samples whose graph exists at a time; None for the whole batch. Only for
            losses that are means over samples, which is checked at the present parameters.
        held: number of micro-batches whose graphs ``field.linearised`` keeps; others are built anew for each
            product, or once for a stack of them. None for all: fastest, and the most memory.
        label: name for titles and messages.

    Returns:
        Field on states of shape (..., n), in torch, on the device of the generator.

    Raises:
        ValueError: a layer whose mode must be chosen; a network that is no function of its parameters;
            shapes that do not fit; non-finite data or parameters.
        TypeError: inputs that are no floating tensors, or losses of another type.

    Example:
        >>> from gandyn.nets import get_state, losses
        >>> g, d = nn.Linear(1, 1), nn.Linear(1, 1)
        >>> field = gan_field(g, d, losses.nonsaturating(), torch.randn(8, 1), torch.randn(8, 1))
        >>> field(get_state(g, d)).shape
        torch.Size([4])
    """
    game = Game(generator, discriminator, losses, dtype=dtype, batch_norm=batch_norm, dropout=dropout)
    batch = fixed_batch(game, real, latent, seed)
    present = get_state(generator, discriminator, dtype=dtype)
    check_game(game, present, batch)
    pieces = batch.pieces(micro_batch)
    check_pieces(game, present, batch, pieces)
    title = label or f"{game.losses.name} GAN on {batch.real[0].shape[0]} samples"

    def own(weight: float, piece: Batch, x: Tensor, t: Any, player: Player) -> tuple[Tensor, Tensor]:
        leaf, result = game.own_velocity(x, player, piece)
        return leaf, weight * result

    def field(exchanged: bool, **options: Any) -> VectorField:
        parts = velocities(game, pieces, exchanged=exchanged)
        # Draws and measured statistics hang on the passes of both players, some of which are left out.
        joint = exchanged or game.reestimates or game.stochastic
        short = [] if joint else [partial(own, *piece) for piece in pieces]
        system = derivatives(*parts, own=short, held=held)
        return VectorField(layout=game.layout, **system._asdict(), **options)

    return field(False, label=title, rival=lambda: field(True, label=f"{title}, losses exchanged"))


def velocities(
    game: Game, pieces: Sequence[tuple[float, Batch]], *, exchanged: bool = False
) -> list[Pointwise]:
    """Return the terms of the velocity, one function a piece of the batch."""

    def velocity(weight: float, piece: Batch, x: Tensor, _: Any, create_graph: bool) -> Tensor:
        return weight * game.velocity(x, piece, create_graph=create_graph, exchanged=exchanged)

    return [partial(velocity, *piece) for piece in pieces]


def check_pieces(game: Game, x: Tensor, batch: Batch, pieces: Sequence[tuple[float, Batch]]) -> None:
    """Raise ValueError unless both losses on the batch are the weighted means of those on its pieces."""
    if len(pieces) == 1:
        return
    whole = _losses_at(game, x, batch)
    mean = torch.stack([weight * _losses_at(game, x, piece) for weight, piece in pieces]).sum(0)
    if not torch.allclose(whole, mean, rtol=1e4 * torch.finfo(game.dtype).eps):
        raise ValueError(
            f"the losses on the batch are {whole.tolist()}, their means over micro-batches {mean.tolist()}: "
            "they are no means over samples (batch statistics, seeded dropout?); leave micro_batch out"
        )


def _losses_at(game: Game, x: Tensor, batch: Batch) -> Tensor:
    """Return both players' losses, shape (2,), without a graph."""
    with torch.no_grad(), game.drawing(batch.seed):
        here = game.with_statistics_at(x, batch)
        loss_g, loss_d, _ = here.both_losses(*game.split(x), batch)
    return torch.stack([loss_g.detach(), loss_d.detach()])


def fixed_batch(game: Game, real: Inputs, latent: Inputs, seed: int) -> Batch:
    """Return the batch that a field is evaluated on, checked and in the game's dtype."""
    reals = as_inputs("real", real, game.dtype, game.device)
    latents = as_inputs("latent", latent, game.dtype, game.device)
    if len(reals) != len(latents):
        raise ValueError(
            f"real has {len(reals) - 1} conditions and latent has {len(latents) - 1}; give both the same, "
            "for example real=(images, labels) and latent=(z, labels)"
        )
    draws = torch.Generator().manual_seed(seed)
    mix = torch.rand(reals[0].shape[0], generator=draws, dtype=torch.float64).to(reals[0])
    return Batch(reals, latents, mix, seed)


def check_game(game: Game, x: Tensor, batch: Batch) -> None:
    """Raise ValueError unless both networks run on the batch and, in analysis, are functions of ``x``."""
    theta_g, theta_d = game.split(x)
    fake = (_checked_output(game, game.generator, theta_g, batch.latent, batch), *batch.latent[1:])
    if fake[0].shape[1:] != batch.real[0].shape[1:]:
        raise ValueError(
            f"the generator makes samples of shape {tuple(fake[0].shape[1:])}, the data have "
            f"{tuple(batch.real[0].shape[1:])}; they must agree"
        )
    output = _checked_output(game, game.discriminator, theta_d, game.seen(batch.real), batch)
    for what, seen in (("on real samples", output), ("on generated samples", None)):
        if seen is None:
            seen = _checked_output(game, game.discriminator, theta_d, game.seen(fake), batch)
        if not all(torch.isfinite(part).all() for part in tensors_in(seen)):
            raise ValueError(f"the discriminator's output {what} is not finite at the modules' parameters")
    game = game.with_copied_buffers()
    with torch.enable_grad(), game.drawing(batch.seed):
        leaves = x.detach().requires_grad_()
        loss_g, loss_d, _ = game.with_statistics_at(leaves, batch).both_losses(*game.split(leaves), batch)
    for name, loss in (("generator", loss_g), ("discriminator", loss_d)):
        if loss.ndim or not loss.requires_grad:
            raise ValueError(
                f"the loss of the {name} must be a scalar that depends on the parameters, got shape "
                f"{tuple(loss.shape)}, requires_grad={loss.requires_grad}; average over the samples"
            )


def _checked_output(
    game: Game, network: Network, theta: Sequence[Tensor], inputs: tuple[Tensor, ...], batch: Batch
) -> Any:
    """Return the output of one network after checking that it is a function, or say why it is not."""
    shapes = [tuple(part.shape) for part in inputs]
    devices = [game.device] if game.device.type == "cuda" else []
    trial = network.with_copied_buffers()
    with torch.no_grad(), torch.random.fork_rng(devices):
        before = torch.random.get_rng_state()
        try:
            with game.drawing(batch.seed):
                first = trial(theta, *inputs)
            advanced = not torch.equal(before, torch.random.get_rng_state())
            changed = [] if game.training else trial.changes_since(network)
            with game.drawing(batch.seed):
                second = first if game.training else trial(theta, *inputs)
        except (RuntimeError, TypeError, ValueError, IndexError) as error:
            raise ValueError(
                f"the {network.player} does not run on inputs of shape {shapes} "
                f"and type {[str(part.dtype) for part in inputs]}: {error}"
            ) from error
    if changed:
        raise ValueError(
            f"a forward pass of the {network.player} changes its buffers {changed}: it is no function of "
            "its parameters; call .eval() on the module that holds them"
        )
    same = all(torch.equal(a, b) for a, b in zip(tensors_in(first), tensors_in(second), strict=True))
    if advanced or not same:
        raise ValueError(
            f"the {network.player} draws random numbers in its forward pass, so that there is no field. "
            "Pass dropout='seeded' (the same draws at every evaluation), or call .eval() on the module"
        )
    return first
