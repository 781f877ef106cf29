"""Penalties: terms of the discriminator's loss that look at its slopes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from gandyn.checks import check_option
from gandyn.nets.losses.play import Penalty, Play, logits

__all__ = ["gradient_penalty", "penalty_by_name", "r1", "r2", "roth"]


def _output_and_squared_slopes(
    critic: Callable[..., Any], inputs: tuple[Tensor, ...]
) -> tuple[Tensor, Tensor]:
    """Return D, and ||dD/dx||^2 of each sample with respect to the first input, of shape (N,)."""
    x, *conditions = inputs
    if not x.requires_grad:
        x = x.detach().requires_grad_()
    with torch.enable_grad():
        output = logits(critic(x, *conditions))
        (slope,) = torch.autograd.grad(output.sum(), x, create_graph=True)
        return output, slope.flatten(1).square().sum(1)


def _squared_slopes(critic: Callable[..., Any], inputs: tuple[Tensor, ...]) -> Tensor:
    return _output_and_squared_slopes(critic, inputs)[1]


def _root(squares: Tensor) -> Tensor:
    """Return the square root with derivative 0 at 0, where a critic of ReLUs is flat: there it has a kink."""
    rising = squares > 0
    return torch.where(rising, torch.where(rising, squares, 1.0).sqrt(), 0.0)


@dataclass(frozen=True)
class _SlopePenalty:
    """``weight / 2`` times the mean squared slope of the discriminator on one half of the batch."""

    weight: float
    half: Literal["real", "fake"]

    def __call__(self, play: Play) -> Tensor:
        return 0.5 * self.weight * _squared_slopes(play.critic, getattr(play, self.half)).mean()

    def __str__(self) -> str:
        return f"{'r1' if self.half == 'real' else 'r2'}({self.weight:g})"


@dataclass(frozen=True)
class _GradientPenalty:
    """``weight`` times the mean squared distance of the slope on interpolates from ``target``."""

    weight: float
    target: float

    def __call__(self, play: Play) -> Tensor:
        (real, *conditions), fake = play.real, play.fake[0]
        if real.shape != fake.shape:
            raise ValueError(
                "the gradient penalty interpolates real and fake samples one to one: expected equal "
                f"shapes, got {tuple(real.shape)} and {tuple(fake.shape)}; use as many latents as reals"
            )
        mix = play.mix.view(-1, *[1] * (real.ndim - 1))
        slopes = _root(_squared_slopes(play.critic, (mix * real + (1 - mix) * fake, *conditions)))
        return self.weight * (slopes - self.target).square().mean()

    def __str__(self) -> str:
        return f"gradient_penalty({self.weight:g}, {self.target:g})"


@dataclass(frozen=True)
class _Roth:
    """``weight / 2`` times the mean squared slopes, each by the squared probability of being misjudged."""

    weight: float

    def __call__(self, play: Play) -> Tensor:
        return 0.5 * self.weight * (self._half(play, "real", -1.0) + self._half(play, "fake", 1.0))

    @staticmethod
    def _half(play: Play, half: str, sign: float) -> Tensor:
        output, slopes = _output_and_squared_slopes(play.critic, getattr(play, half))
        if output.numel() != slopes.numel():
            raise ValueError(
                "roth weighs each sample by its own probability: expected a discriminator with one logit a "
                f"sample, got an output of shape {tuple(output.shape)}; use r1 and r2, which take any shape"
            )
        return (torch.sigmoid(sign * output.reshape(-1)).square() * slopes).mean()

    def __str__(self) -> str:
        return f"roth({self.weight:g})"


def r1(weight: float = 10.0) -> Penalty:
    """Return ``(weight / 2) E[||dD/dx||^2]`` on real samples. Reference: Mescheder et al. (2018).

    Args:
        weight: the paper's gamma, >= 0.
    """
    return _SlopePenalty(_checked_weight("r1", weight), "real")


def r2(weight: float = 10.0) -> Penalty:
    """Return ``(weight / 2) E[||dD/dx||^2]`` on generated samples. Reference: Mescheder et al. (2018).

    Args:
        weight: the paper's gamma, >= 0.
    """
    return _SlopePenalty(_checked_weight("r2", weight), "fake")


def gradient_penalty(weight: float = 10.0, target: float = 1.0) -> Penalty:
    """Return ``weight E[(||dD/dx|| - target)^2]`` on random interpolates of real and fake samples.

    The interpolates are drawn once for a field and once per step in training. References: Gulrajani
    et al. (2017) with target 1; Thanh-Tung et al. (2019) with target 0.

    Args:
        weight: the paper's lambda, >= 0.
        target: slope that the penalty asks for.
    """
    return _GradientPenalty(_checked_weight("gradient_penalty", weight), target)


def roth(weight: float = 0.1) -> Penalty:
    """Return ``(weight / 2) (E[(1 - d)^2 ||dD/dx||^2] + E[d^2 ||dD/dx||^2])``, ``d = sigma(D)``.

    The first mean is over real, the second over generated samples; what instance noise of variance
    ``weight`` does, to first order. Reference: Roth et al. (2017), the Jensen-Shannon case.

    Args:
        weight: the paper's gamma, >= 0; the variance of the noise.
    """
    return _Roth(_checked_weight("roth", weight))


def _checked_weight(name: str, weight: float) -> float:
    if not 0 <= weight < float("inf"):
        raise ValueError(f"the weight of {name} must be finite and not negative, got {weight}")
    return float(weight)


_PENALTIES: dict[str, Callable[..., Penalty]] = {f.__name__: f for f in (r1, r2, gradient_penalty, roth)}


def penalty_by_name(text: str) -> Penalty:
    """Return a penalty from its name and numbers, such as "r1(10)".

    Raises:
        ValueError: an unknown penalty, or arguments that are no numbers.
    """
    name, _, rest = text.partition("(")
    check_option("penalty", name.strip(), sorted(_PENALTIES))
    try:
        arguments = [float(part) for part in rest.rstrip(") ").split(",") if part.strip()]
    except ValueError:
        raise ValueError(
            f"penalty {text!r}: expected numbers, for example 'r1(10)' or 'gradient_penalty(10, 1)'"
        ) from None
    return _PENALTIES[name.strip()](*arguments)
