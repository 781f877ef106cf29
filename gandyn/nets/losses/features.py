"""Feature matching: the generator aims at what the discriminator's inner layers see in the data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from torch import Tensor

from gandyn.checks import check_option
from gandyn.nets.losses.adversarial import nonsaturating
from gandyn.nets.losses.play import Halves, Losses, Penalty, Play

__all__ = ["feature_matching"]


def feature_matching(
    *, match: Literal["means", "samples"] = "means", halves: Halves = "sum", penalties: Sequence[Penalty] = ()
) -> Losses:
    """Return the loss whose generator makes the discriminator's features of fakes those of the data.

    "means": ``L_G = ||E[f(x)] - E[f(G(z))]||^2`` (Salimans et al. 2016). "samples": ``L_G =
    E[||f(x_i) - f(G(z_i))||^2]``, each fake against the real sample of the same place in the batch, which
    adds the variance of both and so pulls all fakes to one mean. That is the form in the code of Shekkizhar,
    "Difficulties in training a GAN", who adds ``0.1 / (2 S^2)`` times its sum over the batch, with images of
    S x S, to the non-saturating loss: ``combined(nonsaturating(), feature_matching(match="samples"),
    weight=0.1 * N / (2 * S**2))``, N samples in a batch. ``L_D`` is that of ``nonsaturating``.

    The discriminator returns ``(logits, ..., features)``; ``nets.models.with_features`` makes one that does.

    Args:
        match: "means" or "samples".
        halves: "sum" or "mean" of the discriminator's two halves.
        penalties: terms added to the discriminator's loss.

    Raises:
        ValueError: an unknown ``match``.

    Example:
        >>> import torch
        >>> from gandyn.nets.losses import Play
        >>> x = torch.tensor([[0.0], [2.0]])
        >>> play = Play((x,), (2 - x,), lambda x: (x.sum(1), x), torch.ones(2))
        >>> [float(feature_matching(match=match).of_generator(play)) for match in ("means", "samples")]
        [0.0, 4.0]
    """
    check_option("match", match, ["means", "samples"])
    judge = nonsaturating(halves=halves, penalties=penalties)

    def generator(play: Play) -> Tensor:
        real, fake = _features(play.on_real), _features(play.on_fake)
        if match == "means":
            return (real.mean(0) - fake.mean(0)).square().sum()
        if real.shape != fake.shape:
            raise ValueError(
                "feature matching by samples compares real and fake one to one: expected equal shapes, got "
                f"{tuple(real.shape)} and {tuple(fake.shape)}; use as many latents as reals, or match='means'"
            )
        return (real - fake).square().sum(1).mean()

    def discriminator(play: Play) -> Tensor:
        return judge.of_discriminator(play)

    settings = {**judge.settings, "name": "feature_matching", "match": match}
    name = judge.name.replace("nonsaturating", f"feature matching of {match}")
    return Losses(generator, discriminator, judge.penalties, name, judge.threshold, settings, sees="play")


def _features(output: Any) -> Tensor:
    """Return the features of each sample, shape (N, f)."""
    if isinstance(output, Tensor):
        raise ValueError(
            "feature matching needs a discriminator that returns (logits, features), got one tensor; wrap "
            "it: nets.models.with_features(discriminator, 'name of a layer')"
        )
    features: Tensor = output[-1]
    return features.flatten(1)
