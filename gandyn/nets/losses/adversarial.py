"""Losses that compare the discriminator's outputs on real and generated samples."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from torch import Tensor
from torch.nn.functional import relu, softplus

from gandyn.checks import check_option
from gandyn.nets.losses.play import Halves, Losses, Penalty, logits

__all__ = ["ADVERSARIAL", "hinge", "least_squares", "nonsaturating", "saturating", "wasserstein"]


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
        lambda output: generator(logits(output)).mean(),
        lambda on_real, on_fake: weight * (real(logits(on_real)).mean() + fake(logits(on_fake)).mean()),
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
        >>> import torch
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
        >>> import torch
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


#: The losses of this module, by name.
ADVERSARIAL: dict[str, Callable[..., Losses]] = {
    f.__name__: f for f in (saturating, nonsaturating, wasserstein, hinge, least_squares)
}
