"""Copies of the user's own training, moved by the user's own step."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor, nn

__all__ = ["Shadows", "Update"]

#: ``update(generator, discriminator) -> (step, optimizers)``: what trains a pair of modules; ``step(batch)``
#: takes one step, and ``optimizers`` are those that it uses.
Update: TypeAlias = Callable[
    [nn.Module, nn.Module], tuple[Callable[[Any], Any], Sequence[torch.optim.Optimizer]]
]
_SQUARES = ("exp_avg_sq", "max_exp_avg_sq", "square_avg", "sum")


@dataclass(frozen=True, eq=False)
class _Shadow:
    modules: tuple[nn.Module, nn.Module]
    step: Callable[[Any], Any]
    optimizers: tuple[torch.optim.Optimizer, ...]

    def parameters(self) -> list[Tensor]:
        return [p for module in self.modules for p in module.parameters() if p.requires_grad]

    def memory(self) -> list[tuple[str, Tensor]]:
        """Return what the optimisers remember of the parameters, by name, in a fixed order."""
        return [
            (name, value)
            for optimizer in self.optimizers
            for group in optimizer.param_groups
            for p in group["params"]
            for name, value in sorted(optimizer.state[p].items())
            if isinstance(value, Tensor) and value.shape == p.shape and name != "step"
        ]


class Shadows:
    """A shadow of the user's training, and m copies of it that start a little beside.

    Every shadow sees the same batch and the same draws of torch's generators, which are put back after.

    Args:
        generator: copied, not changed.
        discriminator: copied, not changed.
        update: builds the step of a pair of modules.
        copies: number m of copies.
        size: length of their separations relative to the norm of the parameters.
        seed: seed of their directions.
    """

    def __init__(
        self,
        generator: nn.Module,
        discriminator: nn.Module,
        update: Update,
        copies: int,
        size: float,
        seed: int,
    ) -> None:
        pairs = [copy.deepcopy((generator, discriminator)) for _ in range(1 + copies)]
        for pair in pairs:
            for parameter in (*pair[0].parameters(), *pair[1].parameters()):
                parameter.grad = None
        made = [update(*pair) for pair in pairs]
        self._all = [_Shadow(pair, step, tuple(opt)) for pair, (step, opt) in zip(pairs, made, strict=True)]
        draws = torch.Generator().manual_seed(seed)
        reference = self._all[0].parameters()
        self.size = size * max(float(_norm(reference)), 1.0)
        for shadow in self._all[1:]:
            away = [torch.randn(p.shape, generator=draws).to(p) for p in reference]
            scale = self.size / float(_norm(away))
            with torch.no_grad():
                for p, direction in zip(shadow.parameters(), away, strict=True):
                    p.add_(direction, alpha=scale)
        self._before = self.distances()

    def step(self, batch: Any) -> None:
        """Train every shadow by one step on ``batch``."""
        devices = sorted({p.device.index for p in self._all[0].parameters() if p.device.type == "cuda"})
        for shadow in self._all:
            with torch.random.fork_rng(devices), torch.enable_grad():
                shadow.step(batch)

    def distances(self) -> np.ndarray:
        """Return the distance of every copy to the shadow, parameters and memory, shape (m,)."""
        return np.array([float(_norm(self._separation(shadow))) for shadow in self._all[1:]])

    def close_window(self) -> np.ndarray:
        """Return the logarithm of every copy's growth, shape (m,), and pull the copies back."""
        reached = self.distances()
        with np.errstate(divide="ignore", invalid="ignore"):
            growth = np.log(reached / self._before)
        for shadow, distance in zip(self._all[1:], reached, strict=True):
            if np.isfinite(distance) and distance > 0:
                self._pull(shadow, self.size / float(distance))
        self._before = self.distances()
        return growth

    def _separation(self, shadow: _Shadow) -> list[Tensor]:
        reference = self._all[0]
        pairs = zip(shadow.parameters(), reference.parameters(), strict=True)
        ours, theirs = shadow.memory(), reference.memory()
        return [
            *((p - q).detach() for p, q in pairs),
            *((p - q).detach() for (_, p), (_, q) in zip(ours, theirs, strict=True)),
        ]

    def _pull(self, shadow: _Shadow, factor: float) -> None:
        reference = self._all[0]
        with torch.no_grad():
            for own, theirs in zip(shadow.parameters(), reference.parameters(), strict=True):
                own.copy_(torch.lerp(theirs, own, factor))
            for (name, p), (_, q) in zip(shadow.memory(), reference.memory(), strict=True):
                value = torch.lerp(q, p, factor)
                p.copy_(value.clamp(min=0) if name in _SQUARES else value)


def _norm(parts: Sequence[Tensor]) -> Tensor:
    return torch.linalg.vector_norm(
        torch.stack([torch.linalg.vector_norm(part.detach().double()) for part in parts])
    )
