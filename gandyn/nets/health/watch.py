"""Looks at the gradients of a training loop of the user's own, which is not changed for it."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim.optimizer import Optimizer, register_optimizer_step_pre_hook

from gandyn.nets.health.examine import (
    alive_recorder,
    dead_shares,
    first_layers,
    rectifiers,
    settings_of,
)
from gandyn.nets.health.record import row_of
from gandyn.nets.health.statistics import histogram, layer_statistics

__all__ = ["GradientWatch"]


class GradientWatch:
    """Reads the gradients as the optimisers use them, at every so many steps.

    Gradients are read at the moment an optimiser steps: afterwards the discriminator's ``.grad`` has in most
    loops been added to by the generator's ``backward``. Before the steps that are looked at, hooks are put on
    optimisers and on layers that can be zero, and they are removed after. A network that no optimiser of
    torch's moves is read from ``.grad`` as it is at the end of the step.

    Args:
        generator: the module trained.
        discriminator: the module trained.
        every: steps between two looks, >= 1.
        threshold: an entry of a gradient is small if ``|g| < threshold``.
    """

    def __init__(
        self, generator: nn.Module, discriminator: nn.Module, every: int, threshold: float = 1e-2
    ) -> None:
        self.every = every
        modules = {"generator": generator, "discriminator": discriminator}
        named = {
            player: [(f"{player}.{name}", p) for name, p in module.named_parameters() if p.requires_grad]
            for player, module in modules.items()
        }
        self._parameters = {player: [p for _, p in pairs] for player, pairs in named.items()}
        layers = [name for pairs in named.values() for name, _ in pairs]
        self._all = [p for own in self._parameters.values() for p in own]
        compiled = any(hasattr(module, "_orig_mod") for module in modules.values())
        found = [] if compiled else [rectifiers(module, player) for player, module in modules.items()]
        self._layers = {name: part for own in found for name, part in own.items()}
        self._first = first_layers(layers, [p.ndim for p in self._all])
        self.settings = settings_of(layers, [p.numel() for p in self._all], list(self._layers), threshold)
        self._hooks: list[Any] = []
        self._gradients: dict[str, list[Tensor]] = {}
        self._before: dict[str, list[Tensor]] = {}
        self._weights: list[Tensor] | None = None
        self._alive: dict[str, Tensor] = {}
        weakref.finalize(self, _remove, self._hooks)
        self._prepare(1)

    def step(self, count: int, losses: tuple[float, float]) -> np.ndarray | None:
        """Note that step ``count``, from 1, was taken; return the row of a look at it, or None."""
        if not self._hooks:
            self._prepare(count + 1)
            return None
        self._read_missing()
        row = self._row(count, losses) if count % self.every == 0 else None
        self._before, self._gradients = self._gradients, {}
        _remove(self._hooks)
        self._prepare(count + 1)
        return row

    def _prepare(self, upcoming: int) -> None:
        """Put hooks in place if the upcoming step or the one after it is looked at."""
        if upcoming % self.every and (upcoming + 1) % self.every:
            return
        reader = weakref.WeakMethod(self._on_step)
        self._hooks.append(register_optimizer_step_pre_hook(_calling(reader)))
        if upcoming % self.every:
            return
        self._weights = [p.detach().clone() for p in self._all]
        self._alive = {}
        for name, layer in self._layers.items():
            self._hooks.append(layer.register_forward_hook(alive_recorder(name, self._alive)))

    def _on_step(self, optimizer: Optimizer) -> None:
        moved = {id(p) for group in optimizer.param_groups for p in group["params"]}
        for player, parameters in self._parameters.items():
            if id(parameters[0]) in moved:
                self._gradients[player] = _gradients_of(parameters)

    def _read_missing(self) -> None:
        for player, parameters in self._parameters.items():
            if player not in self._gradients:
                self._gradients[player] = _gradients_of(parameters)

    def _row(self, count: int, losses: tuple[float, float]) -> np.ndarray:
        assert self._weights is not None
        gradients = [g for player in self._parameters for g in self._gradients[player]]
        updates = [p.detach() - before for p, before in zip(self._all, self._weights, strict=True)]
        numbers = layer_statistics(gradients, self._weights, updates, self.settings["threshold"])
        signal = [self._signal(player) for player in self._parameters]
        scalars = (*losses, np.nan, np.nan, *signal, *[np.nan] * 4)
        bins = np.stack([histogram(gradients[i]) for i in self._first])
        self._weights = None
        return row_of(count, scalars, numbers, dead_shares(self._alive, self.settings["units"]), bins)

    def _signal(self, player: str) -> float:
        """Return the signal share of a gradient, from that of the step before, on another minibatch."""
        if player not in self._before:
            return float("nan")
        pairs = zip(self._before[player], self._gradients[player], strict=True)
        products = torch.stack(
            [torch.stack([(a * b).sum(), (a * a).sum() + (b * b).sum()]) for a, b in pairs]
        )
        product, squares = products.sum(0).tolist()
        return 2 * product / squares if squares > 0 else float("nan")


def _gradients_of(parameters: list[nn.Parameter]) -> list[Tensor]:
    return [torch.zeros_like(p) if p.grad is None else p.grad.detach().clone() for p in parameters]


def _calling(method: weakref.WeakMethod[Any]) -> Callable[..., None]:
    """Return a hook that calls a method while its owner lives."""

    def hook(optimizer: Optimizer, *_: Any) -> None:
        owner = method()
        if owner is not None:
            owner(optimizer)

    return hook


def _remove(hooks: list[Any]) -> None:
    for hook in hooks:
        hook.remove()
    hooks.clear()
