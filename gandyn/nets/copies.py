"""Nearby states on their way through training: perturbed copies, or exact tangents, of one reference."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import torch
from torch import Tensor

from gandyn.field import Layout
from gandyn.nets.gan import Batch, Game
from gandyn.nets.losses import Play
from gandyn.nets.maps import TrainingStep, map_of
from gandyn.nets.schemed import SchemeStep

__all__ = ["Copies", "StackedGame", "Tangents", "Travellers", "stepper"]

#: ``step(X, k) -> (X', losses)``: states (m, n) after step ``k``, and both losses (m, 2).
Stepper = Callable[[Tensor, int], tuple[Tensor, Tensor]]


class StackedGame(Game):
    """A game played by m copies at once: parameters and losses have a leading axis of copies.

    Networks and losses are mapped by ``torch.func.vmap``, layers that draw with the same draws in every
    copy; penalties, which differentiate inside, are taken copy by copy.

    Args:
        game: the game of one copy.
    """

    def __init__(self, game: Game) -> None:
        vars(self).update(vars(game))

    def _each(self, function: Callable[..., Any], *arguments: Any) -> Any:
        return torch.func.vmap(function, randomness="same")(*arguments)

    def fakes(self, theta_g: Sequence[Tensor], batch: Batch) -> tuple[Tensor, ...]:
        """Return the samples of every copy, (m, N, ...), and the conditions that all share."""
        made = self._each(lambda theta: self.generator(theta, *batch.latent), list(theta_g))
        return (made, *batch.latent[1:])

    def generator_loss(self, theta_d: Sequence[Tensor], fake: tuple[Tensor, ...], batch: Batch) -> Tensor:
        """Return the generator's loss of every copy, (m,)."""
        loss: Tensor = self._each_play(self.losses.of_generator, theta_d, fake, batch)
        return loss

    def _each_play(
        self,
        function: Callable[[Play], Any],
        theta_d: Sequence[Tensor],
        fake: tuple[Tensor, ...],
        batch: Batch,
        judged: tuple[Any, Any] | None = None,
    ) -> Any:
        """Return a function of every copy's evaluation of the game, mapped."""

        def at(theta: list[Tensor], samples: Tensor, *known: Any) -> Any:
            return function(self.play(theta, (samples, *fake[1:]), batch, known or (None, None)))

        return self._each(at, list(theta_d), fake[0], *(judged or ()))

    def discriminator_loss(
        self,
        theta_d: Sequence[Tensor],
        fake: tuple[Tensor, ...],
        batch: Batch,
        judged: tuple[Any, Any] = (None, None),
    ) -> tuple[Tensor, tuple[Any, Any]]:
        """Return the discriminator's loss of every copy, (m,), and its outputs."""
        outputs = self._each_play(lambda play: (play.on_real, play.on_fake), theta_d, fake, batch)
        loss = self._each_play(self.losses.of_discriminator, theta_d, fake, batch, outputs)
        if self.losses.penalties:
            loss = loss + self._penalties(theta_d, fake, batch)
        return loss, outputs

    def _penalties(self, theta_d: Sequence[Tensor], fake: tuple[Tensor, ...], batch: Batch) -> Tensor:
        terms = []
        draws = self.torch_generator
        same = draws.get_state()
        for i in range(fake[0].shape[0]):
            draws.set_state(same)
            play = self.play([part[i] for part in theta_d], (fake[0][i], *fake[1:]), batch)
            terms.append(torch.stack([penalty(play) for penalty in self.losses.penalties]).sum())
        return torch.stack(terms)

    def both_losses(
        self, theta_g: Sequence[Tensor], theta_d: Sequence[Tensor], batch: Batch
    ) -> tuple[Tensor, Tensor, tuple[Any, Any]]:
        """Return both players' losses of every copy, each (m,), and the discriminator's outputs."""
        fake = self.fakes(theta_g, batch)
        loss_d, outputs = self.discriminator_loss(theta_d, fake, batch)
        return self._each_play(self.losses.of_generator, theta_d, fake, batch, outputs), loss_d, outputs


def looped(step: TrainingStep | SchemeStep) -> Stepper:
    """Return a stepper that trains the copies one after the other."""

    def advance(states: Tensor, k: int) -> tuple[Tensor, Tensor]:
        done = [step(x, k) for x in states]
        losses = torch.stack([torch.stack(record.losses).detach() for _, record in done])
        return torch.stack([x.detach() for x, _ in done]), losses

    return advance


def stacked(step: TrainingStep) -> Stepper:
    """Return a stepper that trains all copies at once, in m times the memory of one."""
    together = TrainingStep(StackedGame(step.game), step.recipe, step.batches)

    def advance(states: Tensor, k: int) -> tuple[Tensor, Tensor]:
        states, record = together(states, k)
        return states.detach(), torch.stack(record.losses, -1)

    return advance


def stepper(step: TrainingStep | SchemeStep, states: Tensor, k: int) -> tuple[Stepper, str]:
    """Return a stepper and its name: "vmap" where every layer and loss can be mapped, otherwise "loop"."""
    if isinstance(step, SchemeStep):
        return looped(step), "loop"
    mapped = stacked(step)
    try:
        mapped(states, k)
    except (RuntimeError, NotImplementedError, TypeError, ValueError):
        return looped(step), "loop"
    return mapped, "vmap"


class Copies:
    """Copies of both networks with their optimisers' memory, each trained as the reference is.

    Args:
        step: moves all states.
        states: shape (1 + m, n), the reference first.
        layout: blocks of the state; mean squares in its memory are kept from becoming negative.
    """

    def __init__(self, step: Stepper, states: Tensor, layout: Layout) -> None:
        self._step, self.states = step, states
        squares = [block.name.endswith((".v", ".s")) for block in layout.blocks]
        counts = torch.tensor([block.size for block in layout.blocks])
        self._squares = torch.repeat_interleave(torch.tensor(squares), counts).to(states.device)

    @property
    def x(self) -> Tensor:
        """The reference, shape (n,)."""
        return self.states[0]

    @property
    def separations(self) -> Tensor:
        """Separations from the reference, shape (m, n)."""
        return self.states[1:] - self.states[0]

    def advance(self, k: int) -> Tensor:
        """Take step ``k``; return both losses of all, shape (1 + m, 2)."""
        self.states, losses = self._step(self.states, k)
        return losses

    def put(self, separations: Tensor) -> None:
        """Replace the copies by those at the given separations, shape (m, n)."""
        moved = self.states[0] + separations
        moved = torch.where(self._squares, moved.clamp(min=0.0), moved)
        self.states = torch.cat([self.states[:1], moved])


class Tangents:
    """Exact tangents of the step, by products ``J u``: copies in the limit of no perturbation.

    Args:
        step: the step of training.
        states: shape (1 + m, n), the reference first.
    """

    def __init__(self, step: TrainingStep | SchemeStep, states: Tensor) -> None:
        self._losses = states.new_zeros(1, 2)
        self._tangents = map_of(step).tangents
        self.x, self.separations = states[0], states[1:] - states[0]

    def advance(self, k: int) -> Tensor:
        """Take step ``k``; return NaN for the losses, which products do not measure, shape (1, 2)."""
        self.x, self.separations = self._tangents(self.x, self.separations, k)
        return self._losses * torch.nan

    def put(self, separations: Tensor) -> None:
        """Replace the tangents, shape (m, n)."""
        self.separations = separations


#: A reference ``x`` and ``separations`` from it, moved together through training.
Travellers: TypeAlias = Copies | Tangents
