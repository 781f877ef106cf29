"""The loop over tiles."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import BrokenExecutor, Executor
from typing import Any

import numpy as np

from gandyn.tiles.grid import grid_of
from gandyn.tiles.ledger import Ledger
from gandyn.tiles.store import Store
from gandyn.tiles.workers import Elsewhere, Here, Work

__all__ = ["compute"]


def compute(
    work: Work,
    shape: Sequence[int],
    *,
    tile: int | Sequence[int] | None = None,
    executor: Executor | None = None,
    store: Store | None = None,
    progress: bool = True,
    what: str = "tiles",
) -> dict[str, np.ndarray]:
    """Compute arrays over a grid of cells, tile by tile.

    The work goes to each worker once, by cloudpickle: it may be a lambda, and may refer to local classes. A
    worker sets the number of torch's threads of this process. What is in a store is not computed again.

    Args:
        work: ``work(*slices)`` takes a slice for each axis and returns arrays by name, whose leading axes
            have the shape of the tile; every tile gives the same names, dtypes and trailing axes.
        shape: number of cells along each axis.
        tile: cells of a tile along each axis, or along all. By default one tile, or about 64 cells where
            there is an executor or a store.
        executor: any ``concurrent.futures.Executor``: a process pool, Dask's ``Client.get_executor()``,
            ``mpi4py.futures.MPIPoolExecutor``, ...; None to compute in this process.
        store: where tiles are written as they come, and what is there already.
        progress: show a progress bar when on a terminal.
        what: name of the bar.

    Returns:
        The arrays by name, leading axes of ``shape``.

    Raises:
        ValueError: a bad shape or tile, tiles that do not agree, or a store made with other settings.
        TypeError: work that cannot be sent to a worker, or that returns no arrays.
        BrokenExecutor: a worker process died; what was computed is in the store.
        KeyboardInterrupt: likewise.

    Example:
        >>> compute(lambda rows: {"square": np.arange(6.0)[rows] ** 2}, (6,), tile=4)["square"]
        array([ 0.,  1.,  4.,  9., 16., 25.])
    """
    from tqdm import tqdm

    grid = grid_of(shape, tile, whole=executor is None and store is None)
    ledger = Ledger(grid, store)
    todo = {index: grid.slices(index) for index in grid.indices() if index not in ledger.finished}
    tiles = Here(work, todo) if executor is None else Elsewhere(work, todo, executor)
    silent = None if progress and grid.count > 1 else True
    with tqdm(
        total=grid.count, initial=grid.count - len(todo), desc=what, leave=False, disable=silent
    ) as bar:
        _fill(ledger, tiles, bar)
    return ledger.complete()


def _fill(ledger: Ledger, tiles: Here | Elsewhere, bar: Any) -> None:
    """Take over all tiles; when something stops that, those which are computed."""
    try:
        for index, arrays in tiles:
            ledger.keep(index, arrays)
            bar.update()
    except (Exception, KeyboardInterrupt) as error:
        for index, arrays in tiles.stop():
            ledger.keep(index, arrays)
        if isinstance(error, KeyboardInterrupt):
            raise KeyboardInterrupt(ledger.way_on()) from None
        if isinstance(error, BrokenExecutor):
            raise type(error)(f"a worker process died ({error}); {ledger.way_on()}") from error
        error.add_note(ledger.way_on())
        raise
