"""The point under analysis: a checkpoint of a run, with its field, and how much to compute."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, TypeAlias

import torch
from torch import Tensor

from gandyn.planes import Plane
from gandyn.report.subject import Subject

__all__ = ["PLAYERS", "Effort", "OnePlayer", "Point", "norm"]

OnePlayer: TypeAlias = Literal["generator", "discriminator"]
#: Both players, generator first.
PLAYERS: tuple[OnePlayer, ...] = ("generator", "discriminator")


@dataclass(frozen=True)
class Effort:
    """How much a report computes.

    Args:
        samples: samples and latents in the fixed batch, at least 4.
        grid: points along each side of a loss landscape.
        field_grid: points along each side of the plane of the field.
        eigenvalues: eigenvalues in each search.
        max_products: bound on the products of one search.
        checkpoints: checkpoints at which leading eigenvalues are sought, the last one included.
        shown: generated samples shown.
        seed: seed of the batch, the planes and the searches.

    Raises:
        ValueError: a count below what can be computed with.
    """

    samples: int = 128
    grid: int = 17
    field_grid: int = 15
    eigenvalues: int = 3
    max_products: int = 400
    checkpoints: int = 3
    shown: int = 64
    seed: int = 0

    def __post_init__(self) -> None:
        lowest = {"samples": 4, "grid": 2, "field_grid": 2, "eigenvalues": 1, "checkpoints": 1, "shown": 1}
        for name, least in lowest.items():
            if getattr(self, name) < least:
                raise ValueError(f"{name} must be at least {least}, got {getattr(self, name)}")


class Point:
    """A run at a checkpoint: state, field and velocity there.

    Args:
        subject: the run and its batch.
        effort: how much to compute.
        progress: show progress bars when on a terminal.
        step: step of the checkpoint; None for the last.
    """

    def __init__(self, subject: Subject, effort: Effort, progress: bool, step: int | None = None) -> None:
        self.subject, self.effort, self.progress = subject, effort, progress
        self.step = subject.run.steps[-1] if step is None else step
        self.x = subject.state(self.step)
        self.field = subject.field(self.step)
        self.layout = self.field.layout

    @cached_property
    def velocity(self) -> Tensor:
        """Velocity at the point, shape (n,)."""
        return self.field(self.x)

    def mask(self, player: Any) -> Tensor:
        """Return booleans of shape (n,): which entries belong to a player."""
        return torch.from_numpy(self.layout.mask(player)).to(self.x.device)

    def own_velocity(self, player: str) -> Tensor:
        """Return the velocity of one player, zero for the other, shape (n,)."""
        return torch.where(self.mask(player), self.velocity, 0.0)

    def share_in(self, plane: Plane) -> float:
        """Return the share of the velocity at the point that lies in a plane through it."""
        parts = plane.components(self.velocity)
        return min(1.0, float((parts @ plane.gram @ parts) ** 0.5) / norm(self.velocity))


def norm(x: Tensor) -> float:
    """Return the Euclidean norm."""
    return float(x.norm())
