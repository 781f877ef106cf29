"""The loss of an auxiliary classifier GAN: real or fake, and which class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor
from torch.nn.functional import cross_entropy

from gandyn.checks import check_option
from gandyn.nets.losses.adversarial import ADVERSARIAL
from gandyn.nets.losses.play import Halves, Losses, Penalty, Play

__all__ = ["acgan"]


def acgan(
    *,
    source: str = "saturating",
    weights: Sequence[float] = (1.0, 1.0),
    halves: Halves = "sum",
    penalties: Sequence[Penalty] = (),
) -> Losses:
    """Return the loss of an auxiliary classifier GAN, whose discriminator also names the class.

    With ``L_S = E[log P(real | x)] + E[log P(fake | G(z, c))]`` and ``L_C = E[log P(c | x)] +
    E[log P(c | G(z, c))]``, the discriminator maximises ``L_S + L_C`` and the generator ``L_C - L_S``.
    ``log P(c | .)`` is the log-softmax of the class logits, taken once. The discriminator is called on
    samples alone and returns ``(source logits (N, 1), class logits (N, C))``; train with
    ``(images, labels)`` as data and latents ``(z, labels)``, see ``nets.labelled_prior``.

    Args:
        source: the losses that play ``L_S``, by name: "saturating" is as written in the paper,
            "nonsaturating" what most programs do.
        weights: of the class loss in the generator's and in the discriminator's loss, >= 0.
        halves: "sum" (as written) or "mean" of the discriminator's two halves, of source and of class.
        penalties: terms added to the discriminator's loss.

    Raises:
        ValueError: an unknown source, or weights that are negative.

    Reference: Odena, Olah and Shlens (2017).

    Example:
        >>> import torch
        >>> from gandyn.nets.losses import Play
        >>> at_chance = (torch.zeros(4, 1), torch.zeros(4, 3))
        >>> x, c = torch.zeros(4, 2), torch.tensor([0, 1, 2, 0])
        >>> play = Play((x, c), (x, c), lambda *inputs: at_chance, torch.ones(4))
        >>> round(float(acgan().of_discriminator(play)), 4)  # 2 ln 2 + 2 ln 3
        3.5835
    """
    check_option("source", source, sorted(ADVERSARIAL))
    for_generator, for_discriminator = (_checked(weight) for weight in weights)
    judge = ADVERSARIAL[source](halves=halves, penalties=penalties)
    share = for_discriminator * (1.0 if halves == "sum" else 0.5)

    def generator(play: Play) -> Tensor:
        return judge.generator(play.on_fake) + for_generator * _class_loss(play.on_fake, play.fake)

    def discriminator(play: Play) -> Tensor:
        classes = _class_loss(play.on_real, play.real) + _class_loss(play.on_fake, play.fake)
        return judge.discriminator(play.on_real, play.on_fake) + share * classes

    settings = {
        **judge.settings, "name": "acgan", "source": source, "weights": [for_generator, for_discriminator],
    }  # fmt: skip
    return Losses(
        generator, discriminator, judge.penalties, f"acgan, {judge.name}", judge.threshold, settings,
        sees="play", conditional=False,
    )  # fmt: skip


def _checked(weight: float) -> float:
    if not 0 <= weight < float("inf"):
        raise ValueError(f"weights of the class loss must be finite and not negative, got {weight}")
    return float(weight)


def _class_loss(output: Any, inputs: tuple[Tensor, ...]) -> Tensor:
    """Return ``-E[log P(c)]`` of the labels beside the samples."""
    if isinstance(output, Tensor) or len(output) < 2:
        raise ValueError(
            "acgan needs a discriminator that returns (source logits, class logits), such as that of "
            "nets.models.acgan(); this one returns one tensor"
        )
    if len(inputs) < 2:
        raise ValueError(
            "acgan needs labels: give real=(images, labels) and latent=(z, labels), or in training "
            "data=(images, labels) and latent=nets.labelled_prior(dim, classes)"
        )
    return cross_entropy(output[1], inputs[1])
