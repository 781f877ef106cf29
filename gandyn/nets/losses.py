"""The losses of both players and the penalties of the discriminator, as functions of its outputs.

``D`` is the raw output (logit) of the discriminator, ``softplus(t) = log(1 + e^t)``. A loss is
averaged over the samples of each half of the batch; the two halves of the discriminator's loss,
real and fake, are summed (as in the papers) or averaged (as many programs do): ``halves`` says which.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

import torch
from torch import Tensor
from torch.nn.functional import relu, softplus

from gandyn.checks import check_option

__all__ = [
    "Halves",
    "Losses",
    "Penalty",
    "Play",
    "by_name",
    "gradient_penalty",
    "hinge",
    "least_squares",
    "nonsaturating",
    "r1",
    "r2",
    "roth",
    "saturating",
    "wasserstein",
]

#: Whether the real and the fake half of the discriminator's loss are summed or averaged.
Halves: TypeAlias = Literal["sum", "mean"]


@dataclass(frozen=True, eq=False)
class Play:
    """One evaluation of the game on a batch: everything that a penalty may look at.

    Args:
        real: inputs of the discriminator from the data: images (N, ...) and, if any, conditions.
        fake: the same from the generator.
        critic: the discriminator as a function of such inputs, at the parameters of this evaluation.
        mix: shape (N,), in [0, 1]: where between real and fake each sample's interpolate lies.
    """

    real: tuple[Tensor, ...]
    fake: tuple[Tensor, ...]
    critic: Callable[..., Any]
    mix: Tensor


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

    Example:
        >>> mine = Losses(lambda fake: -fake.mean(), lambda real, fake: fake.mean() - real.mean())
        >>> float(mine.generator(torch.ones(4, 1)))
        -1.0
    """

    generator: Callable[[Any], Tensor]
    discriminator: Callable[[Any, Any], Tensor]
    penalties: tuple[Penalty, ...] = ()
    name: str = "own loss"
    threshold: float | None = 0.0
    settings: dict[str, Any] = field(default_factory=dict)


def _build(
    name: str,
    generator: Callable[[Tensor], Tensor],
    real: Callable[[Tensor], Tensor],
    fake: Callable[[Tensor], Tensor],
    halves: Halves,
    penalties: Sequence[Penalty],
    threshold: float | None = 0.0,
) -> Losses:
    """Return the losses with mean over samples and the stated reduction of the two halves."""
    check_option("halves", halves, ["sum", "mean"])
    weight = 1.0 if halves == "sum" else 0.5
    label = " + ".join([name, *(str(penalty) for penalty in penalties)])
    settings = {"name": name, "halves": halves, "penalties": [str(penalty) for penalty in penalties]}
    return Losses(
        lambda output: generator(output).mean(),
        lambda on_real, on_fake: weight * (real(on_real).mean() + fake(on_fake).mean()),
        tuple(penalties),
        label,
        threshold,
        settings,
    )


def saturating(*, halves: Halves = "sum", penalties: Sequence[Penalty] = ()) -> Losses:
    """Return the minimax loss: the generator descends what the discriminator ascends.

    ``L_G = E[log(1 - sigma(D(fake)))] = -E[softplus(D(fake))]``,
    ``L_D = E[softplus(-D(real))] + E[softplus(D(fake))]``. Reference: Goodfellow et al. (2014).

    Args:
        halves: "sum" (as written) or "mean" (half of it) of the discriminator's two halves.
        penalties: terms added to the discriminator's loss, for example ``[r1(10.0)]``.

    Example:
        >>> float(saturating().discriminator(torch.zeros(2), torch.zeros(2)))  # 2 ln 2
        1.386294...
    """
    return _build("saturating", lambda d: -softplus(d), lambda d: softplus(-d), softplus, halves, penalties)


def nonsaturating(*, halves: Halves = "sum", penalties: Sequence[Penalty] = ()) -> Losses:
    """Return the loss whose generator ascends the log-probability that its fakes are real.

    ``L_G = E[softplus(-D(fake))]``, ``L_D`` as for ``saturating``. Reference: Goodfellow et al. (2014).

    Args:
        halves: "sum" or "mean" of the discriminator's two halves.
        penalties: terms added to the discriminator's loss.

    Example:
        >>> float(nonsaturating(halves="mean").discriminator(torch.zeros(2), torch.zeros(2)))
        0.693147...
    """
    return _build(
        "nonsaturating", lambda d: softplus(-d), lambda d: softplus(-d), softplus, halves, penalties
    )


def wasserstein(*, halves: Halves = "sum", penalties: Sequence[Penalty] = ()) -> Losses:
    """Return the critic's loss ``L_D = E[D(fake)] - E[D(real)]``, ``L_G = -E[D(fake)]``.

    The critic must be kept Lipschitz: by weight clipping (Arjovsky et al. 2017) or a gradient penalty.

    Args:
        halves: "sum" or "mean" of the discriminator's two halves.
        penalties: terms added to the discriminator's loss.
    """
    return _build("wasserstein", lambda d: -d, lambda d: -d, lambda d: d, halves, penalties, None)


def hinge(*, halves: Halves = "sum", penalties: Sequence[Penalty] = ()) -> Losses:
    """Return ``L_D = E[max(0, 1 - D(real))] + E[max(0, 1 + D(fake))]``, ``L_G = -E[D(fake)]``.

    Reference: Lim and Ye (2017).

    Args:
        halves: "sum" or "mean" of the discriminator's two halves.
        penalties: terms added to the discriminator's loss.
    """
    return _build("hinge", lambda d: -d, lambda d: relu(1 - d), lambda d: relu(1 + d), halves, penalties)


def least_squares(*, halves: Halves = "mean", penalties: Sequence[Penalty] = ()) -> Losses:
    """Return ``L_D = (E[(D(real) - 1)^2] + E[D(fake)^2]) / 2``, ``L_G = E[(D(fake) - 1)^2] / 2``.

    Reference: Mao et al. (2017), with labels 0 and 1; the paper averages the two halves.

    Args:
        halves: "mean" (as in the paper) or "sum" of the discriminator's two halves.
        penalties: terms added to the discriminator's loss.
    """
    return _build(
        "least_squares",
        lambda d: 0.5 * (d - 1) ** 2,
        lambda d: (d - 1) ** 2,
        lambda d: d**2,
        halves,
        penalties,
        0.5,
    )


def _output_and_squared_slopes(
    critic: Callable[..., Any], inputs: tuple[Tensor, ...]
) -> tuple[Tensor, Tensor]:
    """Return D, and ||dD/dx||^2 of each sample with respect to the first input, of shape (N,)."""
    x, *conditions = inputs
    if not x.requires_grad:
        x = x.detach().requires_grad_()
    with torch.enable_grad():
        output = critic(x, *conditions)
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


_LOSSES = {f.__name__: f for f in (saturating, nonsaturating, wasserstein, hinge, least_squares)}
_PENALTIES: dict[str, Callable[..., Penalty]] = {f.__name__: f for f in (r1, r2, gradient_penalty, roth)}


def by_name(name: str, *, halves: Halves | None = None, penalties: Sequence[str] = ()) -> Losses:
    """Return losses by name, as the command line and a run folder write them.

    Args:
        name: one of saturating, nonsaturating, wasserstein, hinge, least_squares.
        halves: "sum" or "mean"; None for the loss's own default.
        penalties: such as ``["r1(10)"]`` or ``["gradient_penalty(10, 1)"]``.

    Raises:
        ValueError: an unknown loss or penalty, or arguments that are no numbers.

    Example:
        >>> by_name("hinge", penalties=["r1(0.1)"]).name
        'hinge + r1(0.1)'
    """
    check_option("loss", name, sorted(_LOSSES))
    terms = [_penalty_by_name(text) for text in penalties]
    chosen = {} if halves is None else {"halves": halves}
    return _LOSSES[name](penalties=terms, **chosen)


def _penalty_by_name(text: str) -> Penalty:
    name, _, rest = text.partition("(")
    check_option("penalty", name.strip(), sorted(_PENALTIES))
    try:
        arguments = [float(part) for part in rest.rstrip(") ").split(",") if part.strip()]
    except ValueError:
        raise ValueError(
            f"penalty {text!r}: expected numbers, for example 'r1(10)' or 'gradient_penalty(10, 1)'"
        ) from None
    return _PENALTIES[name.strip()](*arguments)
