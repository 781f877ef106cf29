"""Where the command line computes: here, by local processes, or by a running Dask cluster."""

from __future__ import annotations

import importlib.util
import multiprocessing
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager

__all__ = ["executor_of"]


@contextmanager
def executor_of(workers: int | None, scheduler: str | None) -> Iterator[tuple[Executor | None, str]]:
    """Yield what computes tiles, closed at the end, and what it is in words.

    Args:
        workers: number of local processes: a Dask cluster, which outlives the death of a worker; a process
            pool where ``distributed`` is not installed. None for none.
        scheduler: address of a running Dask cluster, such as tcp://HOST:PORT. None for none.

    Raises:
        ValueError: both, fewer than one worker, or a scheduler without ``distributed``.
        OSError: no cluster at the address.
    """
    if workers is not None and scheduler is not None:
        raise ValueError("--workers starts local processes, --scheduler uses a running cluster; pass one")
    if workers is not None and workers < 1:
        raise ValueError(f"--workers must be at least 1, got {workers}")
    dask = importlib.util.find_spec("distributed") is not None
    if scheduler is not None and not dask:
        raise ValueError("--scheduler needs Dask; type: pip install 'gandyn[cluster]'")
    if scheduler is not None:
        yield from _running(scheduler)
    elif workers is None:
        yield None, "this process"
    elif dask:
        yield from _local(workers)
    else:
        with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
            yield pool, f"a pool of {workers} processes"


def _running(scheduler: str) -> Iterator[tuple[Executor, str]]:
    from distributed import Client

    with Client(scheduler, timeout=10) as client:
        yield client.get_executor(), f"{len(client.nthreads())} workers of the Dask cluster at {scheduler}"


def _local(workers: int) -> Iterator[tuple[Executor, str]]:
    from distributed import Client, LocalCluster

    with (
        LocalCluster(
            n_workers=workers, threads_per_worker=1, processes=True, dashboard_address=None, silence_logs=50
        ) as cluster,
        Client(cluster) as client,
    ):
        yield client.get_executor(), f"a local Dask cluster of {workers} processes"
