"""A grid of cells, cut into tiles."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

__all__ = ["Grid", "Index", "Slices", "grid_of"]

#: Which tile, along each axis.
Index: TypeAlias = tuple[int, ...]
#: Which cells, along each axis.
Slices: TypeAlias = tuple[slice, ...]

_CELLS = 64


@dataclass(frozen=True)
class Grid:
    """A grid of cells and the tiles that cover it; the last ones along an axis may be smaller.

    Args:
        shape: number of cells along each axis.
        tile: cells of a tile along each axis.
    """

    shape: tuple[int, ...]
    tile: tuple[int, ...]

    @property
    def counts(self) -> tuple[int, ...]:
        """Number of tiles along each axis."""
        return tuple(-(-size // side) for size, side in zip(self.shape, self.tile, strict=True))

    @property
    def count(self) -> int:
        """Number of tiles."""
        return math.prod(self.counts)

    def indices(self) -> Iterator[Index]:
        """Yield every tile, the last axis fastest."""
        return itertools.product(*(range(count) for count in self.counts))

    def slices(self, index: Index) -> Slices:
        """Return the cells of a tile."""
        return tuple(
            slice(i * side, min((i + 1) * side, size))
            for i, side, size in zip(index, self.tile, self.shape, strict=True)
        )


def grid_of(shape: Sequence[int], tile: int | Sequence[int] | None, *, whole: bool) -> Grid:
    """Return the tiles of a grid, checked.

    Args:
        shape: number of cells along each axis.
        tile: cells of a tile along each axis, or along all; None for the default.
        whole: whether the default is one tile, or else about 64 cells.
    """
    sizes = _positive("shape", shape)
    if tile is None:
        side = math.ceil(_CELLS ** (1 / len(sizes)))
        tile = sizes if whole else (side,) * len(sizes)
    sides = _positive("tile", (tile,) * len(sizes) if isinstance(tile, int) else tile)
    if len(sides) != len(sizes):
        raise ValueError(f"tile must be an integer or {len(sizes)} of them, one for each axis, got {tile!r}")
    return Grid(sizes, tuple(min(pair) for pair in zip(sides, sizes, strict=True)))


def _positive(name: str, values: Any) -> tuple[int, ...]:
    found = tuple(int(value) for value in values)
    if not found or min(found) < 1:
        raise ValueError(f"{name} must be positive integers, one for each axis, got {values!r}")
    return found
