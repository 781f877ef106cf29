"""What gradients and losses say of a training: vanishing or converged, and the usual warning signs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

__all__ = ["Lines", "Sign", "State", "Verdict", "judge", "loss_signs"]

#: What a player's gradient says of it.
State: TypeAlias = Literal["vanishing", "converged", "learning", "undecided"]


@dataclass(frozen=True)
class Lines:
    """Where the rules that tell vanishing from converged draw their lines.

    Args:
        saturated: slope of the loss, over that at an undecided discriminator, below which it is saturated.
        decided: slope below which the discriminator is not undecided any more.
        coherence: coherence below which the samples' gradients cancel; by default the expected gradient is
            then less than a tenth of a sample's. It takes at least ``1 / coherence`` samples to see.
        unfelt: push, in the unit of the loss, below which no gradient arrives at a player.
        stake: push of the expected gradient, ``sqrt(coherence) * push``, in the unit of the loss, from which
            a player has not converged however much samples differ: where weights are small and normalised,
            as at an initialisation, most of a sample's gradient cancels and what is left still moves it.
    """

    saturated: float = 0.1
    decided: float = 0.5
    coherence: float = 0.01
    unfelt: float = 1e-3
    stake: float = 1.0


@dataclass(frozen=True, eq=False, repr=False)
class Verdict:
    """What the gradients say of both players, and why.

    Args:
        generator: "vanishing", "converged", "learning" or "undecided".
        discriminator: the same.
        why: a sentence for each player.
        evidence: the numbers that decided, by name.
        lines: where the lines were drawn.
    """

    generator: State
    discriminator: State
    why: tuple[str, str]
    evidence: dict[str, float]
    lines: Lines

    def __str__(self) -> str:
        return f"generator {self.generator}, discriminator {self.discriminator}"

    def __repr__(self) -> str:
        return f"Verdict({self})"


def judge(
    slopes: np.ndarray, coherence: np.ndarray, push: np.ndarray, *, samples: int, lines: Lines
) -> Verdict:
    """Tell a vanishing gradient from a converged player. The first rule that holds decides:

    1. undecided: the slopes of the losses and the push are not known;
    2. vanishing: the loss is saturated: on every sample it hardly changes with the discriminator's output, so
       that each sample's own gradient is small, whatever the scale of the weights;
    3. converged: the samples' gradients cancel for both players, what is left of them has little of the loss
       at stake, and the discriminator is undecided, as it is at an equilibrium; undecided instead where
       there were too few samples to see it;
    4. vanishing: the loss is not saturated, but a sample's gradient is too weak to be felt at any scale of
       the weights: it is lost on its way through the layers, or the discriminator is flat;
    5. learning.

    Args:
        slopes: shape (2,), see ``HealthRecord``.
        coherence: shape (2,).
        push: shape (2,).
        samples: how many were seen of each player.
        lines: where to draw the lines.
    """
    players = ("generator", "discriminator")
    named = {"slope": slopes, "coherence": coherence, "push": push}
    evidence = {
        f"{name} of the {player}": float(value)
        for name, pair in named.items()
        for player, value in zip(players, pair, strict=True)
    } | {"samples": float(samples)}
    # Of N samples that cancel, chance leaves a coherence of about 1 / N.
    expected = np.where(coherence * samples > 1, np.sqrt(np.fmax(coherence, 0.0)) * push, 0.0)
    quiet = ~(coherence >= lines.coherence) & ~np.isnan(push) & (expected < lines.stake)
    balanced = bool(np.all(quiet)) and not np.any(slopes < lines.decided)
    needed = max(1 / lines.coherence, np.fmax(push, 0.0).max() ** 2 / lines.stake**2)
    enough = samples >= needed or not np.any(push > 0)
    states = [_state(slopes[i], coherence[i], push[i], balanced, enough, lines) for i in range(2)]
    (for_g, why_g), (for_d, why_d) = states
    return Verdict(for_g, for_d, (why_g, why_d), evidence, lines)


def _state(
    slope: float, coherence: float, push: float, balanced: bool, enough: bool, lines: Lines
) -> tuple[State, str]:
    if np.isnan(slope) and np.isnan(push):
        return "undecided", "losses and batch are not known here; nets.gradient_health takes them"
    if slope < lines.saturated:
        return "vanishing", f"the loss is saturated: its slope is {slope:.2g} of that at an undecided D"
    if balanced and not enough:
        return "undecided", "too few samples to tell whether the gradients cancel"
    if balanced:
        return "converged", f"D is undecided and the gradients cancel: coherence {coherence:.2g}"
    if push < lines.unfelt:
        return "vanishing", f"no gradient arrives: a sample's is felt as {push:.2g} units of the loss"
    return "learning", f"slope {slope:.2g} of that at an undecided D, coherence {coherence:.2g}"


@dataclass(frozen=True)
class Sign:
    """A warning sign in the losses, as practitioners name it.

    Args:
        name: short name.
        present: whether it is there.
        value: the number it looks at; NaN where it does not apply.
        means: what it does mean.
        means_not: what it does not mean.
    """

    name: str
    present: bool
    value: float
    means: str
    means_not: str

    def __str__(self) -> str:
        return (
            f"{self.name}{'' if self.present else ': no'} ({self.value:.3g}): {self.means} {self.means_not}"
        )


_RATIO, _NEAR_ZERO = 10.0, 0.1


def loss_signs(losses: np.ndarray, undecided: np.ndarray) -> tuple[Sign, ...]:
    """Return the signs in both losses that the documents and their comments name.

    Args:
        losses: shape (2,), the generator's and the discriminator's loss.
        undecided: shape (2,), both at an undecided discriminator; NaN where unknown: then "near 0" is judged
            by the loss itself.
    """
    loss_g, loss_d = (float(loss) for loss in losses)
    near_d, near_g = (_share(loss, at) for loss, at in zip((loss_d, loss_g), undecided[::-1], strict=True))
    ratio = loss_g / loss_d if loss_d > 0 and loss_g >= 0 else np.nan
    inside = 0.05 <= loss_d <= 0.1 and 0.8 <= loss_g <= 1.4
    return (
        Sign(
            "discriminator's loss near 0", bool(near_d < _NEAR_ZERO), near_d,
            "D tells this batch's fakes from its reals with certainty, so that its own gradient is small and "
            "a saturating generator's too.",
            "It does not mean that the samples are bad (a D that knows a small data set by heart does the "
            "same), nor that a non-saturating generator is without a gradient.",
        ),
        Sign(
            "generator's loss near 0", bool(near_g < _NEAR_ZERO), near_g,
            "D takes the fakes for more real than the data: G sits in a blind spot of D, or on one sample.",
            "It does not mean that G has learned the data; look at the samples and at their coverage.",
        ),
        Sign(
            "loss ratio G/D", bool(ratio >= _RATIO), ratio,
            "D is far ahead of G on the batch; on 64 images it was seen to pass 30 while the samples were "
            "still usable.",
            "It does not say how good the samples are, and it is no scale: it changes with the loss, with "
            "summed or averaged halves, and grows without bound as D memorises a small data set.",
        ),
        Sign(
            "D's loss .05 to .1 with G's .8 to 1.4", bool(inside), loss_d,
            "A range in which one author (Guttenberg) had decent results, with D ahead but not out of reach.",
            "It is not a target: in it a training may improve, worsen or stand still, and other losses and "
            "nets have other ranges.",
        ),
    )  # fmt: skip


def _share(loss: float, undecided: float) -> float:
    """Return a loss over its value at an undecided D, or itself; NaN where it has no zero to come near."""
    if np.isnan(undecided):
        return loss if loss >= 0 else np.nan
    return loss / undecided if undecided > 0 else np.nan
