"""Both players at points of parameter space, piece by piece of a batch, with no pass made twice.

Generated samples depend on the generator's parameters only, and the discriminator's outputs on real samples
on its own only: a grid of a plane whose axes belong to one player each needs both once a coordinate. Both
losses, and the gradients of both players, come from one pass of the discriminator over generated samples.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch
from torch import Tensor

from gandyn.nets.gan import Batch, Game
from gandyn.nets.losses import Losses
from gandyn.nets.modules import tensors_in

__all__ = [
    "DiscriminatorPoint",
    "GeneratorPoint",
    "Passes",
    "Piece",
    "Reading",
    "Structure",
    "added",
    "structure_of",
]

#: A micro-batch with its weight in the mean.
Piece: TypeAlias = tuple[float, Batch]


@dataclass(frozen=True, eq=False)
class Reading:
    """What one point shows on one piece of the batch.

    Args:
        losses: shape (2,), the generator's loss, then the discriminator's.
        outputs: of the discriminator, on real and on generated samples.
        fake: generated samples and their conditions.
        gradients: weighted gradient of each player's own loss by its own parameters; empty where no field
            is read. The part of the discriminator on real samples is in its point.
    """

    losses: Tensor
    outputs: tuple[Any, Any]
    fake: tuple[Tensor, ...]
    gradients: tuple[Sequence[Tensor], Sequence[Tensor]] | tuple[()] = ()


class Passes:
    """Forward and backward passes of a game on the pieces of a batch.

    Args:
        game: the game.
        pieces: micro-batches with their weights.
        precision: float type of the networks' layers; None for that of the game. Losses and penalties are
            always in that of the game.
        structure: what short cuts the game allows.
    """

    def __init__(
        self, game: Game, pieces: Sequence[Piece], precision: torch.dtype | None, structure: Structure
    ) -> None:
        self.game, self.pieces, self.precision, self.structure = game, pieces, precision, structure

    def of(self, game: Game) -> Passes:
        """Return the same passes of another game."""
        other = copy.copy(self)
        other.game = game
        return other

    def fakes(self, theta: Sequence[Tensor], batch: Batch) -> tuple[Tensor, ...]:
        """Return what the discriminator sees of the generator: samples and their conditions."""
        with self._rounding():
            fake, *conditions = self.game.fakes(theta, batch)
        return fake.to(self.game.dtype), *conditions

    def outputs(self, theta: Sequence[Tensor], inputs: tuple[Tensor, ...]) -> Any:
        """Return the discriminator's outputs on samples and their conditions."""
        with self._rounding():
            found = self.game.discriminator(theta, *self.game.seen(inputs))
        return found if self.precision is None else _in_dtype(found, self.game.dtype)

    def _rounding(self) -> Any:
        if self.precision is None:
            return nullcontext()
        return torch.autocast(self.game.device.type, self.precision)

    def losses(self, g: GeneratorPoint, d: DiscriminatorPoint, k: int) -> Reading:
        """Return both losses on piece ``k``, from one forward pass and without a graph."""
        batch = self.pieces[k][1]
        with torch.no_grad():
            fake = g.fakes(k)
            outputs = d.on_real(k), self.outputs(d.theta, fake)
            loss_d, _ = self.game.discriminator_loss(d.theta, fake, batch, outputs)
            play = self.game.play(d.theta, fake, batch, outputs)
            pair = torch.stack([self.game.losses.of_generator(play), loss_d])
        return Reading(pair.detach(), outputs, fake)

    def field(self, g: GeneratorPoint, d: DiscriminatorPoint, k: int) -> Reading:
        """Return losses and gradients on piece ``k``; both points must carry graphs.

        The losses are functions of the outputs: their slopes there are the weights of one backward pass of
        the discriminator. Sample ``i`` reaches the generator with ``dL_G/dx_i``, which is ``dL_D/dx_i`` times
        the ratio of the two losses' slopes in the output on that sample.
        """
        weight, batch = self.pieces[k]
        fake = g.fakes(k)
        seen = (fake[0].detach().requires_grad_(), *fake[1:])
        with torch.enable_grad():
            on_fake = self.outputs(d.theta, seen)
            real, generated = (part.detach().requires_grad_() for part in (d.on_real(k), on_fake))
            loss_g = self.game.losses.generator(generated)
            loss_d, _ = self.game.discriminator_loss(d.theta, seen, batch, (real, generated))
        (to_g,) = torch.autograd.grad(loss_g, generated)
        penalised = d.theta if self.game.losses.penalties else []
        to_real, to_fake, *by_penalty = torch.autograd.grad(
            loss_d, [real, generated, *penalised], materialize_grads=True
        )
        d.pull(k, weight * to_real)
        by_d, to_samples = self._pulled(on_fake, seen[0], d.theta, weight * to_g, weight * to_fake)
        if by_penalty:
            by_d = [part + weight * term for part, term in zip(by_d, by_penalty, strict=True)]
        return Reading(
            torch.stack([loss_g, loss_d]).detach(),
            (real.detach(), generated.detach()),
            tuple(part.detach() for part in fake),
            (g.pull(fake[0], to_samples), by_d),
        )

    def _pulled(
        self, output: Tensor, samples: Tensor, theta: Sequence[Tensor], to_g: Tensor, to_d: Tensor
    ) -> tuple[Sequence[Tensor], Tensor]:
        """Return dL_D by the discriminator's parameters and dL_G by the samples, of slopes in the output."""
        if self.structure.fused and bool((to_d.abs() > torch.finfo(to_d.dtype).tiny ** 0.5).all()):
            *by_d, slopes = _backward(output, [*theta, samples], to_d)
            ratios = (to_g / to_d).reshape(-1, *[1] * (samples.ndim - 1))
            return by_d, slopes * ratios
        by_d = list(_backward(output, theta, to_d, keep=True))
        return by_d, _backward(output, [samples], to_g)[0]


class GeneratorPoint:
    """The generator at one point, with its samples on the pieces of the batch.

    Args:
        passes: how it is evaluated.
        theta: its parameters, leaves that require grad where a graph is needed.
        graph: build graphs of the samples.
        keep: keep samples, and graphs, for further calls.
    """

    def __init__(self, passes: Passes, theta: Sequence[Tensor], *, graph: bool, keep: bool) -> None:
        self.passes, self.theta, self.graph, self.keep = passes, theta, graph, keep
        self._made: dict[int, tuple[Tensor, ...]] = {}

    def fakes(self, k: int) -> tuple[Tensor, ...]:
        """Return generated samples of piece ``k`` and their conditions."""
        if k in self._made:
            return self._made[k]
        with torch.set_grad_enabled(self.graph):
            made = self.passes.fakes(self.theta, self.passes.pieces[k][1])
        if self.keep:
            self._made[k] = made
        return made

    def pull(self, samples: Tensor, slopes: Tensor) -> Sequence[Tensor]:
        """Return the gradient by the parameters of what has these slopes in the samples."""
        return _backward(samples, self.theta, slopes, keep=self.keep)


class DiscriminatorPoint:
    """The discriminator at one point, with its outputs on real samples and their part of its gradient.

    Args:
        passes: how it is evaluated.
        theta: its parameters, leaves that require grad where a graph is needed.
        graph: keep each piece's graph until it is pulled back.
    """

    def __init__(self, passes: Passes, theta: Sequence[Tensor], *, graph: bool) -> None:
        self.passes, self.theta, self.graph = passes, theta, graph
        self.gradient: Sequence[Tensor] = ()
        self._outputs: dict[int, Any] = {}
        self._live: dict[int, Any] = {}

    @property
    def nbytes(self) -> int:
        """Bytes of parameters, gradient and outputs."""
        held = (*self.theta, *self.gradient, *tensors_in(list(self._outputs.values())))
        return sum(part.nbytes for part in held)

    def on_real(self, k: int) -> Any:
        """Return the outputs on the real samples of piece ``k``."""
        if k not in self._outputs:
            with torch.set_grad_enabled(self.graph):
                output = self.passes.outputs(self.theta, self.passes.pieces[k][1].real)
            if self.graph:
                self._live[k], output = output, output.detach()
            self._outputs[k] = output
        return self._outputs[k]

    def pull(self, k: int, slopes: Tensor) -> None:
        """Add to ``gradient`` the part of the real samples of piece ``k``, once."""
        if k not in self._live:
            return
        parts = _backward(self._live.pop(k), self.theta, slopes)
        self.gradient = added(self.gradient, parts)


def added(total: Sequence[Tensor], parts: Sequence[Tensor]) -> Sequence[Tensor]:
    """Return the sum of gradients, part by part; an empty total is zero."""
    return [a + b for a, b in zip(total, parts, strict=True)] if total else parts


def _backward(
    output: Tensor, inputs: Sequence[Tensor], slopes: Tensor, *, keep: bool = False
) -> tuple[Tensor, ...]:
    return torch.autograd.grad(output, inputs, slopes, retain_graph=keep, materialize_grads=True)


def _in_dtype(value: Any, dtype: torch.dtype) -> Any:
    """Return a tensor, or the tensors of a nested sequence, in ``dtype``."""
    if isinstance(value, Tensor):
        return value.to(dtype) if value.is_floating_point() else value
    return type(value)(_in_dtype(part, dtype) for part in value) if isinstance(value, list | tuple) else value


@dataclass(frozen=True)
class Structure:
    """What short cuts a game allows.

    Args:
        tensor: the discriminator returns one tensor, of which alone the losses are functions.
        fused: both players' gradients come from one backward pass over generated samples: the
            discriminator returns one number a sample that no other sample changes.
        separable: the slopes of its loss on real samples do not depend on generated ones.
    """

    tensor: bool = False
    fused: bool = False
    separable: bool = False


def structure_of(game: Game, x: Tensor, batch: Batch) -> Structure:
    """Return the structure of a game, probed at ``x`` on a few samples."""
    if game.stochastic or game.reestimates or game.losses.sees != "outputs":
        return Structure()
    theta_g, theta_d = game.split(x)
    with torch.no_grad():
        fake = game.fakes(theta_g, batch)
        outputs = [game.discriminator(theta_d, *game.seen(inputs)) for inputs in (batch.real, fake)]
    if not all(isinstance(part, Tensor) and part.is_floating_point() for part in outputs):
        return Structure()
    fused = not any(_couples(game, theta_d, inputs) for inputs in (fake, _close(fake)))
    return Structure(True, fused, _separable(game.losses, *outputs))


def _close(inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """Return samples close to each other: what couples them by a distance does so there."""
    first = inputs[0][:1]
    return (first + 0.01 * (inputs[0] - first), *inputs[1:])


def _couples(game: Game, theta: Sequence[Tensor], inputs: tuple[Tensor, ...]) -> bool:
    """Return whether the output on the first sample depends on others, or is not one number."""
    samples = inputs[0].detach().requires_grad_()
    with torch.enable_grad():
        output = game.discriminator(theta, *game.seen((samples, *inputs[1:])))
    if output.numel() != len(samples) or len(samples) < 2:
        return True
    (slopes,) = torch.autograd.grad(output.reshape(-1)[0], samples, materialize_grads=True)
    return bool((slopes[1:] != 0).any())


def _separable(losses: Losses, real: Tensor, fake: Tensor) -> bool:
    """Return whether slopes on real outputs stay the same as those on generated ones change."""
    draws = torch.Generator().manual_seed(0)
    real, *fakes = (torch.randn(part.shape, generator=draws).to(part) for part in (real, fake, fake))
    real.requires_grad_()
    with torch.enable_grad():
        values = [losses.discriminator(real, part) for part in fakes]
    first, second = (torch.autograd.grad(value, real, materialize_grads=True)[0] for value in values)
    return torch.equal(first, second)
