"""A walk over a grid of a plane that evaluates each player once at each of its own places."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor

from gandyn.arrays import like
from gandyn.nets.budget import Budget
from gandyn.nets.losses import Losses, logits
from gandyn.nets.modules import Network, split_like
from gandyn.nets.passes import DiscriminatorPoint, GeneratorPoint, Passes, Reading, added
from gandyn.planes import Plane

__all__ = ["Place", "Tally", "Walk"]

#: Coordinates (a, b) of one player on a plane, 0 along an axis that does not move it.
Place: TypeAlias = tuple[float, float]

#: Entries whose bytes are a multiple of what memory is aligned to.
_ALIGNED = 64


class Tally:
    """What one point shows, collected over the pieces of the batch.

    Args:
        losses: the losses, for the threshold of accuracy.
    """

    def __init__(self, losses: Losses) -> None:
        self._threshold = losses.threshold
        self._weights: list[float] = []
        self._losses: list[Tensor] = []
        self._accuracy: list[Tensor] = []
        self._moments: list[Tensor] = []
        self._gradients: list[Sequence[Tensor]] = []
        self.velocity: Tensor | None = None

    def add(self, weight: float, reading: Reading) -> None:
        """Take in the reading of a piece."""
        self._weights.append(weight)
        self._losses.append(reading.losses)
        self._accuracy.append(_accuracy(reading.outputs, self._threshold))
        self._moments.append(_moments(reading.fake[0]))
        known: Sequence[Sequence[Tensor]] = self._gradients or ([], [])
        self._gradients = [added(a, b) for a, b in zip(known, reading.gradients, strict=False)]

    def finish(self, of_real: Sequence[Tensor]) -> None:
        """Make the velocity of the gradients and the discriminator's part on real samples."""
        by_g, by_d = self._gradients
        self.velocity = torch.cat([part.reshape(-1) for part in (*by_g, *added(by_d, of_real))]).neg_()

    @property
    def losses(self) -> Tensor:
        """Both losses, shape (2,)."""
        return _mean(self._weights, self._losses)

    def values(self, measures: Sequence[str]) -> dict[str, Any]:
        """Return losses, their errors and what else the measures ask for, as arrays by name."""
        row = {"losses": self.losses}
        count = len(self._losses)
        if count > 1:
            row["errors"] = torch.stack(self._losses).std(0) / count**0.5
        if "accuracy" in measures:
            row["accuracy"] = _mean(self._weights, self._accuracy)
        if "samples" in measures:
            mean, square = _mean(self._weights, self._moments)
            row["samples"] = torch.stack([mean, (square - mean**2).clamp(min=0).sqrt()])
        return {name: value.double().cpu().numpy() for name, value in row.items()}


def _mean(weights: Sequence[float], values: Sequence[Tensor]) -> Tensor:
    return torch.stack([weight * value for weight, value in zip(weights, values, strict=True)]).sum(0)


def _accuracy(outputs: tuple[Any, Any], threshold: float | None) -> Tensor:
    """Return the share of real and of generated samples on their side of the threshold, or NaN."""
    real, fake = (logits(part) for part in outputs)
    if threshold is None or not (isinstance(real, Tensor) and isinstance(fake, Tensor)):
        return torch.full((2,), torch.nan)
    known = (real > threshold, fake < threshold)
    shares = [
        torch.where(part.isnan(), torch.nan, right.double())
        for part, right in zip((real, fake), known, strict=True)
    ]
    return torch.stack([share.mean() for share in shares])


def _moments(samples: Tensor) -> Tensor:
    """Return mean and mean square of all entries, in double precision."""
    entries = samples.detach().double()
    return torch.stack([entries.mean(), entries.square().mean()])


class Walk:
    """A grid of a plane, walked so that what depends on one player only is evaluated once.

    Args:
        passes: the passes of both networks.
        plane: the plane.
        budget: what may be kept from point to point.
        graph: read gradients too.
    """

    def __init__(self, passes: Passes, plane: Plane, budget: Budget, *, graph: bool) -> None:
        self.passes, self.plane, self.budget, self.graph = passes, plane, budget, graph
        self._reuse = passes.structure.separable or not graph
        count = passes.game.sizes[0]
        self._where = slice(0, count), slice(count, None)
        self._moved = tuple(_moved(plane, where) for where in self._where)
        self._kept: dict[Place, DiscriminatorPoint] = {}

    def over(self, a: np.ndarray, b: np.ndarray) -> Iterator[tuple[int, int, Tally]]:
        """Yield row, column and tally of every point, those of the same generator in a row."""
        places: dict[Place, list[tuple[int, int]]] = {}
        for j, i in np.ndindex(len(b), len(a)):
            places.setdefault(_place(self._moved[0], a[i], b[j]), []).append((j, i))
        for place, cells in places.items():
            g = self._generator(place, shared=len(cells) > 1)
            for j, i in cells:
                yield j, i, self._tally(g, self._discriminator(_place(self._moved[1], a[i], b[j])))

    def _tally(self, g: GeneratorPoint, d: DiscriminatorPoint) -> Tally:
        found = Tally(self.passes.game.losses)
        read = self.passes.field if self.graph else self.passes.losses
        for k, (weight, _) in enumerate(self.passes.pieces):
            found.add(weight, read(g, d, k))
        if self.graph:
            found.finish(d.gradient)
        return found

    def _generator(self, place: Place, *, shared: bool) -> GeneratorPoint:
        theta = self._theta(0, self.passes.game.generator, place)
        latents = sum(batch.latent[0].shape[0] for _, batch in self.passes.pieces)
        keep = shared and (not self.graph or self.budget.keeps_graphs(latents))
        return GeneratorPoint(self.passes, theta, graph=self.graph, keep=keep)

    def _discriminator(self, place: Place) -> DiscriminatorPoint:
        if place in self._kept:
            return self._kept[place]
        theta = self._theta(1, self.passes.game.discriminator, place)
        point = DiscriminatorPoint(self.passes, theta, graph=self.graph)
        if self._reuse and not all(self._moved[1]) and self._has_room():
            self._kept[place] = point
        return point

    def _has_room(self) -> bool:
        sizes = [point.nbytes for point in self._kept.values()]
        return sum(sizes) + max(sizes, default=0) <= self.budget.room // 4

    def _theta(self, player: int, network: Network, place: Place) -> list[Tensor]:
        """Return one player's parameters, placed in memory as they are in a whole state.

        Kernels may round by the alignment of what they read.
        """
        where, (a, b) = self._where[player], (like([value], self.plane.origin) for value in place)
        origin, axes = self.plane.origin[where], self.plane.axes[:, where]
        offset = (where.start or 0) % _ALIGNED
        flat = origin.new_empty(offset + origin.shape[0])[offset:]
        torch.add(origin + a * axes[0], b * axes[1], out=flat)
        return [part.detach().requires_grad_(self.graph) for part in split_like(flat, network)]


def _moved(plane: Plane, where: slice) -> tuple[bool, bool]:
    """Return which axes of the plane move a part of the state."""
    first, second = (bool((axis[where] != 0).any()) for axis in plane.axes)
    return first, second


def _place(moved: Sequence[bool], a: Any, b: Any) -> Place:
    return (float(a) if moved[0] else 0.0, float(b) if moved[1] else 0.0)
