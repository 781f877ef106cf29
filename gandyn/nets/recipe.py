"""How a GAN is trained: what decides one step but networks, losses and data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias, get_args

from gandyn.checks import check_option
from gandyn.nets.optimizers import Adam, Optimizer, describe

__all__ = ["Order", "Recipe"]

#: Who moves first in a step, or both at once from the same state.
Order: TypeAlias = Literal["simultaneous", "generator first", "discriminator first"]


@dataclass(frozen=True)
class Recipe:
    """How a GAN is trained: everything that decides one step but networks, losses and data.

    Args:
        optimizers: update rules of the generator and of the discriminator.
        batch_size: samples per minibatch, real and generated alike, >= 1.
        order: "simultaneous", "generator first" or "discriminator first". In the last, both players
            see the same generated minibatch, as in most programs; in "generator first" the
            discriminator sees new fakes of the generator that has just moved.
        critic_steps: updates of the discriminator per step, each on a minibatch of its own, >= 1.
        clip: bound on the absolute value of each parameter of the discriminator, applied after each of
            its updates (Arjovsky et al. 2017); None for none.
        seed: seed of the order of the data, the latents and the layers that draw.

    Raises:
        ValueError: an unknown order, a count below 1, or a clip that is not positive.

    Example:
        >>> Recipe(batch_size=32).order
        'discriminator first'
    """

    optimizers: tuple[Optimizer, Optimizer] = field(default_factory=lambda: (Adam(), Adam()))
    batch_size: int = 64
    order: Order = "discriminator first"
    critic_steps: int = 1
    clip: float | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        check_option("order", self.order, get_args(Order))
        for name in ("batch_size", "critic_steps"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        if self.order == "simultaneous" and self.critic_steps != 1:
            raise ValueError(
                f"simultaneous updates have one critic step, got {self.critic_steps}; "
                "take order='discriminator first' for several"
            )
        if self.clip is not None and not self.clip > 0:
            raise ValueError(f"clip must be positive, got {self.clip}")

    def settings(self) -> dict[str, Any]:
        """Return the recipe as plain values, for a run's settings file."""
        names = ("batch_size", "order", "critic_steps", "clip", "seed")
        rules = dict(zip(("generator", "discriminator"), map(describe, self.optimizers), strict=True))
        return {"optimizers": rules, **{name: getattr(self, name) for name in names}}
