"""Tiles computed here or by an executor: the work goes to each worker once, tiles come as they finish."""

from __future__ import annotations

import hashlib
import itertools
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from gandyn.arrays import to_numpy
from gandyn.tiles.grid import Index, Slices
from gandyn.tiles.settings import threads

__all__ = ["Arrays", "Elsewhere", "Here", "Work", "ship_by_value"]

Arrays: TypeAlias = dict[str, np.ndarray]
#: ``work(*slices)`` gives the arrays of a tile.
Work: TypeAlias = Callable[..., Mapping[str, Any]]

_UNKNOWN_CAPACITY = 16
_KEPT_WORKS = 4

#: The works that this process was sent, the latest last.
_works: dict[str, Work] = {}
_lock = threading.Lock()


class Here:
    """Tiles computed in this process, one after the other.

    Args:
        work: what computes a tile.
        tiles: the cells of each tile.
    """

    def __init__(self, work: Work, tiles: Mapping[Index, Slices]) -> None:
        self._work, self._tiles = work, tiles
        self._latest: tuple[Index, Arrays] | None = None

    def __iter__(self) -> Iterator[tuple[Index, Arrays]]:
        """Yield the tiles with their arrays."""
        for index, where in self._tiles.items():
            self._latest = index, _arrays(self._work(*where))
            yield self._latest

    def stop(self) -> Iterator[tuple[Index, Arrays]]:
        """Yield what was computed and may not have been taken over."""
        if self._latest:
            yield self._latest


class Elsewhere:
    """Tiles computed by the workers of an executor, in the order in which they finish.

    Args:
        work: what computes a tile.
        tiles: the cells of each tile.
        executor: any ``concurrent.futures.Executor``.
    """

    def __init__(self, work: Work, tiles: Mapping[Index, Slices], executor: Executor) -> None:
        self._tiles, self._executor = tiles, executor
        self._packed = _pack(work)
        self._key = hashlib.sha256(self._packed).hexdigest()
        self._threads = threads().get("threads")
        self._futures: dict[Future[Arrays | None], Index] = {}
        self._latest: tuple[Index, Arrays] | None = None

    def __iter__(self) -> Iterator[tuple[Index, Arrays]]:
        """Yield the tiles with their arrays; what the work raises comes through as it is."""
        waiting, most = iter(self._tiles), 2 * _capacity(self._executor)
        while True:
            for index in itertools.islice(waiting, max(0, most - len(self._futures))):
                self._submit(index, None)
            if not self._futures:
                return
            for future in wait(self._futures, return_when=FIRST_COMPLETED).done:
                index, arrays = self._futures[future], future.result()
                if arrays is not None:
                    self._latest = index, arrays
                del self._futures[future]
                if arrays is None:
                    self._submit(index, self._packed)
                else:
                    yield index, arrays

    def stop(self) -> Iterator[tuple[Index, Arrays]]:
        """Call off what has not begun; yield what was computed and may not have been taken over."""
        for future in self._futures:
            future.cancel()
        if self._latest:
            yield self._latest
        for future, index in self._futures.items():
            if future.done() and not future.cancelled() and not future.exception():
                arrays = future.result()
                if arrays is not None:
                    yield index, arrays

    def _submit(self, index: Index, packed: bytes | None) -> None:
        args = (self._key, packed, self._tiles[index], self._threads)
        self._futures[self._executor.submit(compute_tile, *args)] = index


def compute_tile(key: str, packed: bytes | None, where: Slices, count: int | None) -> Arrays | None:
    """Compute a tile in a worker; None where the worker has not been sent the work yet.

    Args:
        key: fingerprint of the work.
        packed: the work, or None in the hope that it is here.
        where: the cells of the tile.
        count: threads of torch in the process that asks.
    """
    work = _work(key, packed)
    if work is None:
        return None
    torch = sys.modules.get("torch")
    if torch is not None and count is not None and torch.get_num_threads() != count:
        torch.set_num_threads(count)
    return _arrays(work(*where))


def ship_by_value(folder: Path) -> None:
    """Send what modules of a folder define along with the work, so that no worker need find them there.

    Modules of Python, of this package and of what is installed are found by name.
    """
    import cloudpickle

    known = {"gandyn", *sys.stdlib_module_names}
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if file and name.partition(".")[0] not in known and _lies_in(Path(file).resolve(), folder.resolve()):
            cloudpickle.register_pickle_by_value(module)


def _lies_in(file: Path, folder: Path) -> bool:
    return file.is_relative_to(folder) and "site-packages" not in file.parts


def _pack(work: Work) -> bytes:
    import cloudpickle

    try:
        return bytes(cloudpickle.dumps(work))
    except Exception as error:
        raise TypeError(
            f"the work cannot be sent to other processes ({type(error).__name__}: {error}); leave executor "
            "out to compute here, or make what it refers to picklable"
        ) from error


def _work(key: str, packed: bytes | None) -> Work | None:
    """Return the work of a key, unpacked at most once in a process."""
    with _lock:
        if key not in _works and packed is not None:
            import cloudpickle

            _works[key] = cloudpickle.loads(packed)
            for old in list(_works)[:-_KEPT_WORKS]:
                del _works[old]
        return _works.get(key)


def _arrays(found: Mapping[str, Any]) -> Arrays:
    if not isinstance(found, Mapping) or not found:
        raise TypeError(f"the work must return a dict of arrays by name, got {type(found).__name__}")
    return {name: np.asarray(to_numpy(values)) for name, values in found.items()}


def _capacity(executor: Executor) -> int:
    """Return the number of workers: of a pool, of an MPI pool, of a Dask cluster."""
    for name in ("_max_workers", "num_workers"):
        count = getattr(executor, name, None)
        if count:
            return int(count)
    client = getattr(executor, "_client", None)
    return sum(client.nthreads().values()) or 1 if client is not None else _UNKNOWN_CAPACITY
