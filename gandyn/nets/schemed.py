"""An update rule of the whole field as one step of training on minibatches."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, TypeAlias

import torch
from torch import Tensor

from gandyn.field import Layout, UpdateMap, VectorField
from gandyn.nets.derivatives import derivatives
from gandyn.nets.gan import Batch, Game, StepRecord
from gandyn.nets.modules import Network
from gandyn.nets.recipe import Recipe

__all__ = ["Scheme", "SchemeStep"]

#: ``scheme(field) -> map``, such as ``lambda field: gandyn.schemes.extragradient(field, 0.01)``.
Scheme: TypeAlias = Callable[[VectorField], UpdateMap]


class SchemeStep:
    """One step of a scheme as a pure function of the whole state and the number of the step.

    All evaluations within a step see the same minibatch, so that step ``k`` is exactly the map of the game on
    minibatch ``k``; a scheme whose step is several inner ones (Lookahead) sees a new one in each of them.

    Args:
        game: networks and losses.
        scheme: from a field to its update map.
        recipe: batch size and seed.
        batches: the minibatch stream.

    Raises:
        ValueError: a recipe with update rules of its own.
        TypeError: a scheme that does not return an update map.
    """

    def __init__(self, game: Game, scheme: Scheme, recipe: Recipe, batches: Callable[[int], Batch]) -> None:
        if replace(recipe, batch_size=64, seed=0) != Recipe():
            raise ValueError(
                "a scheme moves both players: give it without optimizers, order, critic_steps and clip; of "
                "the recipe it takes batch_size and seed"
            )
        self.game, self.recipe, self.batches = game, recipe, batches
        self._k = 0
        self._record: StepRecord | None = None
        label = f"{game.losses.name} GAN on minibatches"
        map_ = scheme(self._field(False, label=label, rival=lambda: self._field(True)))
        if not isinstance(map_, UpdateMap):
            raise TypeError(
                f"scheme must return an UpdateMap, got {type(map_).__name__}; write for example "
                "scheme=lambda field: gandyn.schemes.extragradient(field, 0.01)"
            )
        self._map = map_
        self._inner = 1 if map_.rule is None else map_.rule.span

    @property
    def networks(self) -> tuple[Network, Network]:
        """Both networks, generator first."""
        return self.game.generator, self.game.discriminator

    @property
    def layout(self) -> Layout:
        """Blocks of the parameters, then of the scheme's memory."""
        return self._map.layout

    def settings(self) -> dict[str, Any]:
        """Return what decides a step, as plain values."""
        recipe = {"batch_size": self.recipe.batch_size, "seed": self.recipe.seed}
        return {**recipe, "scheme": self._map.label, "constants": dict(self._map.constants)}

    def start(self, parameters: Tensor) -> Tensor:
        """Return the state that training starts from: the parameters, and the scheme's first memory."""
        self._k = 0
        start: Tensor = self._map.start(parameters)
        return start

    def __call__(self, x: Tensor, k: int) -> tuple[Tensor, StepRecord]:
        """Return the state after step ``k``, and what its first evaluation measured."""
        self._k, self._record = k, None
        x = self._map(x, k)
        assert self._record is not None, "the scheme never asked for a velocity"
        return x, self._record

    def update_map(self, label: str) -> UpdateMap:
        """Return the scheme on minibatches as a map, with its derivatives."""
        at = self._at
        return replace(
            self._map, fn=at(self._map.fn), jac=at(self._map.jac), jvp=at(self._map.jvp),
            vjp=at(self._map.vjp), tangents=at(self._map.tangents), family=None,
            constants={}, label=label or self._map.label,
        )  # fmt: skip

    def _at(self, product: Callable[..., Any]) -> Callable[..., Any]:
        def on_minibatch(*args: Any) -> Any:
            self._k = int(args[-1])
            return product(*args)

        return on_minibatch

    def _field(self, exchanged: bool, **options: Any) -> VectorField:
        """Return the field on the minibatch of the present step, or that with its losses exchanged."""
        system = derivatives(partial(self._velocity, exchanged))
        return VectorField(layout=self.game.layout, **system._asdict(), **options)

    def _velocity(self, exchanged: bool, x: Tensor, t: Any, create_graph: bool) -> Tensor:
        batch = replace(self.batches(self._minibatch(float(t))), step=self._k)
        record = self.game.record(x, batch, create_graph=create_graph, exchanged=exchanged)
        if self._record is None and not exchanged:
            losses = record.losses[0].detach(), record.losses[1].detach()
            self._record = replace(record, losses=losses)
        return -torch.cat([part.reshape(-1) for own in record.gradients for part in own])

    def _minibatch(self, t: float) -> int:
        """Return the number of the minibatch at flow time ``t``, within the present step."""
        if self._inner == 1:
            return self._k
        passed = math.floor((t / self._map.dt - self._k) * self._inner + 1e-6)
        return self._k * self._inner + min(max(passed, 0), self._inner - 1)
