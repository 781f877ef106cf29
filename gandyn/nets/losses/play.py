"""One evaluation of the game on a batch, and the losses and penalties that are functions of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal, TypeAlias

from torch import Tensor

from gandyn.checks import check_option

__all__ = ["Halves", "Losses", "Penalty", "Play", "logits"]

#: Whether the real and the fake half of the discriminator's loss are summed or averaged.
Halves: TypeAlias = Literal["sum", "mean"]


def logits(output: Any) -> Any:
    """Return what says real or fake in a discriminator's output: all of it, or the first of its parts."""
    return output if isinstance(output, Tensor) else output[0]


@dataclass(frozen=True, eq=False)
class Play:
    """One evaluation of the game on a batch: everything that a loss or a penalty may look at.

    Args:
        real: inputs of the discriminator from the data: images (N, ...) and, if any, conditions.
        fake: the same from the generator.
        critic: the discriminator as a function of such inputs, at the parameters of this evaluation.
        mix: shape (N,), in [0, 1]: where between real and fake each sample's interpolate lies.
        step: number of the training step, from 0; what a schedule depends on.
        judged: the discriminator's outputs on real and fake, where they are known already.
    """

    real: tuple[Tensor, ...]
    fake: tuple[Tensor, ...]
    critic: Callable[..., Any]
    mix: Tensor
    step: int = 0
    judged: tuple[Any, Any] = (None, None)

    @cached_property
    def on_real(self) -> Any:
        """The discriminator's output on the data."""
        return self.critic(*self.real) if self.judged[0] is None else self.judged[0]

    @cached_property
    def on_fake(self) -> Any:
        """The discriminator's output on what the generator made."""
        return self.critic(*self.fake) if self.judged[1] is None else self.judged[1]


#: A scalar term of the discriminator's loss.
Penalty: TypeAlias = Callable[[Play], Tensor]


@dataclass(frozen=True, eq=False)
class Losses:
    """What each player descends: one loss each, and the discriminator's penalties.

    Args:
        generator: ``generator(D(fake)) -> scalar``.
        discriminator: ``discriminator(D(real), D(fake)) -> scalar``.
        penalties: terms added to the discriminator's loss.
        name: name for titles and settings.
        threshold: output above which the discriminator says "real"; None where it says no such thing.
        settings: what rebuilds it by name, for a run folder; empty for a loss of the user's own.
        sees: "outputs" as above; or "play": both functions are called with a ``Play``, for losses that need
            labels (``play.real[1]``), the other half (``play.on_real``) or the step.
        conditional: whether the discriminator is called with the conditions (labels) beside the samples.

    Example:
        >>> import torch
        >>> mine = Losses(lambda fake: -fake.mean(), lambda real, fake: fake.mean() - real.mean())
        >>> float(mine.generator(torch.ones(4, 1)))
        -1.0
    """

    generator: Callable[[Any], Tensor]
    discriminator: Callable[..., Tensor]
    penalties: tuple[Penalty, ...] = ()
    name: str = "own loss"
    threshold: float | None = 0.0
    settings: dict[str, Any] = field(default_factory=dict)
    sees: Literal["outputs", "play"] = "outputs"
    conditional: bool = True

    def __post_init__(self) -> None:
        check_option("sees", self.sees, ["outputs", "play"])

    def of_generator(self, play: Play) -> Tensor:
        """Return the generator's loss, a scalar."""
        return self.generator(play if self.sees == "play" else play.on_fake)

    def of_discriminator(self, play: Play) -> Tensor:
        """Return the discriminator's loss without its penalties, a scalar."""
        if self.sees == "play":
            return self.discriminator(play)
        return self.discriminator(play.on_real, play.on_fake)

    def at(self, step: int) -> Losses:
        """Return the losses as their schedule has them at a step, for the field of that moment.

        Args:
            step: number of the training step, from 0.
        """
        if self.sees == "outputs":
            return self
        held = lambda loss: lambda play: loss(replace(play, step=step))
        name = f"{self.name} at step {step}"
        return replace(
            self, generator=held(self.generator), discriminator=held(self.discriminator), name=name,
            settings={},
        )  # fmt: skip
