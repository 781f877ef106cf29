"""Losses by name, as the command line and a run folder write them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from gandyn.checks import check_option
from gandyn.nets.losses.acgan import acgan
from gandyn.nets.losses.adversarial import ADVERSARIAL
from gandyn.nets.losses.features import feature_matching
from gandyn.nets.losses.penalties import penalty_by_name
from gandyn.nets.losses.play import Halves, Losses

__all__ = ["by_name"]

_LOSSES: dict[str, Callable[..., Losses]] = {
    **ADVERSARIAL,
    "acgan": acgan,
    "feature_matching": feature_matching,
}


def by_name(
    name: str, *, halves: Halves | None = None, penalties: Sequence[str] = (), **options: Any
) -> Losses:
    """Return losses by name, as the command line and a run folder write them.

    Args:
        name: one of saturating, nonsaturating, wasserstein, hinge, least_squares, acgan, feature_matching.
        halves: "sum" or "mean"; None for the loss's own default.
        penalties: such as ``["r1(10)"]`` or ``["gradient_penalty(10, 1)"]``.
        options: further arguments of the function of that name.

    Raises:
        ValueError: an unknown loss or penalty, or arguments that are no numbers.

    Example:
        >>> by_name("hinge", penalties=["r1(0.1)"]).name
        'hinge + r1(0.1)'
    """
    check_option("loss", name, sorted(_LOSSES))
    chosen = options if halves is None else {"halves": halves, **options}
    return _LOSSES[name](penalties=[penalty_by_name(text) for text in penalties], **chosen)
