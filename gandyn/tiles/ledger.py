"""What has been computed of a grid: the arrays in memory, and the same in a store."""

from __future__ import annotations

import numpy as np

from gandyn.tiles.grid import Grid, Index
from gandyn.tiles.store import Store, StoreFile, amend, blank
from gandyn.tiles.workers import Arrays

__all__ = ["Ledger"]


class Ledger:
    """The tiles of a grid that are finished.

    Args:
        grid: the grid.
        store: where they are kept; None for memory alone.
    """

    def __init__(self, grid: Grid, store: Store | None) -> None:
        self._grid, self._store = grid, store
        self._file = None if store is None else StoreFile(store, grid)
        self._arrays, self.finished = ({}, set()) if self._file is None else self._file.read()

    def keep(self, index: Index, arrays: Arrays) -> None:
        """Take over a tile; the first one decides names, dtypes and trailing axes."""
        where = self._grid.slices(index)
        self._check(tuple(part.stop - part.start for part in where), arrays)
        if not self._arrays:
            self._arrays = {name: blank(self._grid, values) for name, values in arrays.items()}
        if self._file is not None:
            self._file.write(index, arrays, self._arrays)
        for name, values in arrays.items():
            self._arrays[name][where] = values
        self.finished.add(index)

    def complete(self) -> Arrays:
        """Return all arrays, the store marked as complete."""
        if self._store is not None:
            amend(self._store, self._arrays)
        return self._arrays

    def way_on(self) -> str:
        """Return what is kept and how to go on, in words."""
        done = f"{len(self.finished)} of {self._grid.count} tiles"
        if self._file is None:
            return f"{done} were computed and none kept; with store= the same call would go on from them"
        return f"{done} are kept in {self._file.path}; the same call goes on from them"

    def _check(self, shape: tuple[int, ...], arrays: Arrays) -> None:
        expected = {name: (values.dtype, values.shape[len(shape) :]) for name, values in self._arrays.items()}
        for name, values in arrays.items():
            if values.shape[: len(shape)] != shape:
                raise ValueError(
                    f"the work must return arrays whose leading axes are those of the tile, {shape}; "
                    f"{name!r} has shape {values.shape}"
                )
            if values.dtype.kind not in "biufc":
                raise TypeError(f"the work must return arrays of numbers; {name!r} has dtype {values.dtype}")
        found = {name: (values.dtype, values.shape[len(shape) :]) for name, values in arrays.items()}
        if expected and found != expected:
            raise ValueError(
                f"all tiles must give the same names, dtypes and trailing axes; expected {_words(expected)}, "
                f"got {_words(found)}"
            )


def _words(kinds: dict[str, tuple[np.dtype, tuple[int, ...]]]) -> str:
    return ", ".join(f"{name}: {dtype} (..., {shape})" for name, (dtype, shape) in kinds.items())
