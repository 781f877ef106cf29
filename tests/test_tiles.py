"""Tiles: the same to the bit by any executor, complete one by one, taken up again after any death."""

import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
import xarray

import gandyn
from gandyn import tiles
from gandyn.tiles import Store

SHAPE = (11, 7)


def ramp():
    """Return work of several arrays, dtypes and trailing axes; local, so that it travels by value."""

    def work(rows, columns):
        i, j = np.mgrid[rows, columns]
        return {
            "value": (i * 10.0 + j) / 3,
            "label": (i * j).astype(np.int32),
            "above": i > j,
            "pair": np.stack([i, j * 1.5], axis=-1),
        }

    return work


@pytest.fixture(scope="module")
def pool():
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as executor:
        yield executor


def same_arrays(found, expected):
    assert found.keys() == expected.keys()
    for name, values in expected.items():
        assert found[name].dtype == values.dtype
        np.testing.assert_array_equal(found[name], values)


def files_of(folder):
    """Return the bytes of every file in a folder, by its name."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def stored(folder, seed=0, tile=(4, 3), work=None):
    """Compute the ramp into a store."""
    store = Store(folder / "x.zarr", ("b", "a"), {"seed": seed, "options": {"rate": 0.5}})
    return tiles.compute(work or ramp(), SHAPE, tile=tile, store=store)


# The list of tiles


@pytest.mark.parametrize("tile", [None, 1, 4, (4, 3), (100, 2)])
def test_every_cell_is_computed_once_whatever_the_tile(tile):
    count = np.zeros(SHAPE, int)

    def work(rows, columns):
        count[rows, columns] += 1
        return ramp()(rows, columns)

    same_arrays(tiles.compute(work, SHAPE, tile=tile), ramp()(slice(0, 11), slice(0, 7)))
    assert (count == 1).all()


@pytest.mark.parametrize(("shape", "calls"), [((130,), 3), ((16, 9), 4), ((5, 4, 4), 2)])
def test_a_tile_beside_a_store_or_an_executor_has_about_64_cells(shape, calls):
    def work(*where):
        sides = [part.stop - part.start for part in where]
        return {"share": np.full(sides, 1 / np.prod(sides))}

    with ThreadPoolExecutor(1) as executor:
        found = tiles.compute(work, shape, executor=executor)["share"]
    assert found.shape == shape
    assert found.sum() == pytest.approx(calls)


@pytest.mark.parametrize(
    ("shape", "tile", "words"),
    [((), None, "shape"), ((3, 0), None, "shape"), ((3,), 0, "tile"), ((3, 3), (1, 2, 3), "2 of them")],
)
def test_a_grid_without_cells_is_refused(shape, tile, words):
    with pytest.raises(ValueError, match=words):
        tiles.compute(lambda *_: {}, shape, tile=tile)


@pytest.mark.parametrize(
    ("work", "error", "words"),
    [
        (lambda where: np.ones(3), TypeError, "dict of arrays by name, got ndarray"),
        (lambda where: {"x": np.ones(2)}, ValueError, r"leading axes are those of the tile, \(3,\)"),
        (lambda where: {"x": np.array(["a"] * 3)}, TypeError, "arrays of numbers"),
        (lambda where: {"x": np.ones(3, int if where.start else float)}, ValueError, "x: int64"),
        (lambda where: {f"x{where.start}": np.ones(3)}, ValueError, "same names"),
    ],
)
def test_tiles_that_do_not_fit_together_are_refused(work, error, words):
    with pytest.raises(error, match=words):
        tiles.compute(work, (6,), tile=3)


# Executors


def test_a_process_pool_gives_the_serial_result(pool):
    for tile in (1, (4, 3)):
        same_arrays(tiles.compute(ramp(), SHAPE, tile=tile, executor=pool), tiles.compute(ramp(), SHAPE))


def test_an_error_of_the_work_comes_through_with_what_is_kept(pool, tmp_path):
    inner = ramp()

    def work(rows, columns):
        if rows.start == 8:
            time.sleep(0.3)
            raise ZeroDivisionError("in row 8")
        return inner(rows, columns)

    for executor in (None, pool):
        store = Store(tmp_path / f"{executor is None}.zarr", ("b", "a"), {})
        with pytest.raises(ZeroDivisionError, match="in row 8") as caught:
            tiles.compute(work, SHAPE, tile=(4, 7), store=store, executor=executor)
        assert "2 of 3 tiles are kept" in caught.value.__notes__[-1]


def test_the_work_goes_to_each_worker_once(pool, tmp_path):
    ramp_here, log = ramp(), tmp_path / "unpacked"

    class Counted:
        def __init__(self, inner):
            self.inner = inner

        def __setstate__(self, state):
            self.__dict__ = state
            with open(log, "a") as file:
                file.write(f"{os.getpid()}\n")

        def __call__(self, *where):
            time.sleep(0.01)
            return self.inner(*where)

    tiles.compute(Counted(ramp_here), SHAPE, tile=1, executor=pool)
    pids = log.read_text().split()
    assert 1 <= len(pids) == len(set(pids)) <= 2


def test_work_that_cannot_travel_is_refused(pool):
    lock = threading.Lock()
    with pytest.raises(TypeError, match="cannot be sent to other processes"):
        tiles.compute(lambda where: {"x": np.ones(1), "lock": lock}, (2,), executor=pool)


def test_a_pool_that_breaks_keeps_what_was_computed(tmp_path):
    deadly = tmp_path / "deadly"
    deadly.touch()
    inner = ramp()

    def work(rows, columns):
        if rows.start == 8 and deadly.exists():
            time.sleep(0.3)
            os.kill(os.getpid(), signal.SIGKILL)
        return inner(rows, columns)

    store = Store(tmp_path / "x.zarr", ("b", "a"), {})
    with (
        ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as executor,
        pytest.raises(BrokenExecutor, match=r"2 of 3 tiles are kept in .*x.zarr; the same call goes on"),
    ):
        tiles.compute(work, SHAPE, tile=(4, 7), store=store, executor=executor)
    deadly.unlink()
    same_arrays(tiles.compute(work, SHAPE, tile=(4, 7), store=store), tiles.compute(ramp(), SHAPE))


@pytest.mark.parametrize("elsewhere", [False, True])
def test_an_interrupt_keeps_what_was_computed(tmp_path, elsewhere):
    main = threading.main_thread().ident

    def work(rows, columns):
        if rows.start == 8:
            signal.pthread_kill(main, signal.SIGINT)
            time.sleep(0.2)
        return ramp()(rows, columns)

    store = Store(tmp_path / "x.zarr", ("b", "a"), {})
    with (
        ThreadPoolExecutor(1) as executor,
        pytest.raises(KeyboardInterrupt, match=r"2 of 3 tiles are kept in .*x.zarr"),
    ):
        tiles.compute(work, SHAPE, tile=(4, 7), store=store, executor=executor if elsewhere else None)
    found = tiles.compute(ramp(), SHAPE, tile=(4, 7), store=store)
    same_arrays(found, tiles.compute(ramp(), SHAPE))


@pytest.fixture(scope="module")
def cluster():
    from dask.distributed import Client, LocalCluster

    settings = {"processes": True, "threads_per_worker": 1, "dashboard_address": None, "silence_logs": 50}
    with LocalCluster(n_workers=3, **settings) as local, Client(local) as client:
        yield client


def test_a_dask_worker_killed_at_work_changes_nothing_and_costs_its_tile_alone(cluster, tmp_path):
    log, killed = tmp_path / "log", tmp_path / "killed"
    inner = ramp()

    def work(rows, columns):
        with open(log, "a") as file:
            file.write(f"{rows.start} {columns.start}\n")
        time.sleep(0.02)
        if (rows.start, columns.start) == (5, 3) and not killed.exists():
            killed.touch()
            time.sleep(0.5)
            os.kill(os.getpid(), signal.SIGKILL)
        return inner(rows, columns)

    store = Store(tmp_path / "x.zarr", ("b", "a"), {})
    found = tiles.compute(work, SHAPE, tile=1, store=store, executor=cluster.get_executor())
    same_arrays(found, tiles.compute(ramp(), SHAPE))
    assert killed.exists()
    starts = Counter(log.read_text().splitlines())
    assert len(starts) == 77
    assert {place: count for place, count in starts.items() if count > 1} == {"5 3": 2}
    whole = Store(tmp_path / "whole.zarr", ("b", "a"), {})
    tiles.compute(ramp(), SHAPE, tile=1, store=whole)
    assert files_of(tmp_path / "x.zarr") == files_of(tmp_path / "whole.zarr")


MPI_SCRIPT = """
import sys
import numpy as np
from mpi4py.futures import MPIPoolExecutor
from gandyn import tiles

if __name__ == "__main__":
    def work(rows, columns):
        from mpi4py import MPI
        i, j = np.mgrid[rows, columns]
        return {"value": (i * 10.0 + j) / 3, "rank": np.full(i.shape, MPI.COMM_WORLD.rank)}

    with MPIPoolExecutor() as executor:
        np.savez(sys.argv[1], **tiles.compute(work, (11, 7), tile=2, executor=executor))
"""


def test_mpi_gives_the_serial_result(tmp_path):
    pytest.importorskip("mpi4py")
    mpiexec = shutil.which("mpiexec", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    if mpiexec is None:
        pytest.skip("no mpiexec")
    (tmp_path / "script.py").write_text(MPI_SCRIPT)
    command = [mpiexec, "-n", "3", "--oversubscribe", "--allow-run-as-root", sys.executable]
    subprocess.run(
        [*command, "-m", "mpi4py.futures", "script.py", "found.npz"],
        cwd=tmp_path,
        check=True,
        timeout=60,
        env={**os.environ, "PYTHONPATH": str(Path(gandyn.__file__).parent.parent)},
    )
    with np.load(tmp_path / "found.npz") as found:
        np.testing.assert_array_equal(found["value"], tiles.compute(ramp(), SHAPE)["value"])
        assert set(found["rank"].ravel()) <= {1, 2}


# Stores


def test_a_store_is_read_back_and_nothing_is_computed_again(tmp_path):
    found = stored(tmp_path)
    same_arrays(found, tiles.compute(ramp(), SHAPE))
    same_arrays(stored(tmp_path, work=lambda *_: 1 / 0), found)
    same_arrays(gandyn.load(tmp_path / "x.zarr"), found)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"seed": 1}, "seed: 0, asked for: 1"),
        ({"tile": (4, 2)}, r"tile: \[4, 3\], asked for: \[4, 2\]"),
    ],
)
def test_a_store_with_other_settings_is_refused_by_their_names(tmp_path, changed, words):
    stored(tmp_path)
    before = files_of(tmp_path)
    with pytest.raises(ValueError, match=f"other settings \\({words}\\)"):
        stored(tmp_path, **changed)
    assert files_of(tmp_path) == before


def test_settings_within_settings_and_those_of_one_side_alone_are_named(tmp_path):
    stored(tmp_path)
    store = Store(tmp_path / "x.zarr", ("b", "a"), {"seed": 0, "options": {"rate": 0.25}, "new": "x"})
    words = r'options\.rate: 0\.5, asked for: 0\.25; new: not given, asked for: "x"'
    with pytest.raises(ValueError, match=words):
        tiles.compute(ramp(), SHAPE, tile=(4, 3), store=store)


def test_a_store_of_another_version_is_refused(tmp_path, monkeypatch):
    stored(tmp_path)
    monkeypatch.setattr(np, "__version__", "9.9")
    with pytest.raises(ValueError, match=r'versions\.numpy: ".*", asked for: "9\.9"'):
        stored(tmp_path)


def test_torch_s_threads_belong_to_the_settings(tmp_path):
    before = torch.get_num_threads()
    stored(tmp_path)
    try:
        torch.set_num_threads(before + 1)
        with pytest.raises(ValueError, match=f"threads: {before}, asked for: {before + 1}"):
            stored(tmp_path)
    finally:
        torch.set_num_threads(before)


def test_a_path_that_cannot_be_a_store_is_refused(tmp_path):
    (tmp_path / "x.zarr").mkdir()
    with pytest.raises(FileExistsError, match="is no store of gandyn"):
        stored(tmp_path)
    with pytest.raises(FileNotFoundError, match="create it first"):
        stored(tmp_path / "nowhere")
    with pytest.raises(ValueError, match=r"type .*results\.zarr"):
        tiles.compute(ramp(), SHAPE, store=Store(tmp_path / "results", ("b", "a"), {}))
    with pytest.raises(ValueError, match="dims must name the 2 axes"):
        tiles.compute(ramp(), SHAPE, store=Store(tmp_path / "y.zarr", ("b",), {}))
    with pytest.raises(TypeError, match="settings must be numbers, strings"):
        tiles.compute(ramp(), SHAPE, store=Store(tmp_path / "y.zarr", ("b", "a"), {"f": ramp}))


def begin(tmp_path, rows=8):
    """Leave a store with the tiles before ``rows``; return the work that goes on and what it computes."""

    def dies(where, columns):
        if where.start >= rows:
            raise RuntimeError("dead")
        return ramp()(where, columns)

    with pytest.raises(RuntimeError, match="dead"):
        stored(tmp_path, work=dies)
    computed = []

    def work(*where):
        computed.append((where[0].start, where[1].start))
        return ramp()(*where)

    return work, computed


@pytest.mark.parametrize("damage", ["none", "missing", "truncated", "changed", "left over"])
def test_only_whole_tiles_are_taken_up(tmp_path, damage):
    work, computed = begin(tmp_path)
    chunk = tmp_path / "x.zarr" / "value" / "c" / "1" / "2"
    if damage == "missing":
        chunk.unlink()
    elif damage == "truncated":
        chunk.write_bytes(chunk.read_bytes()[:-3])
    elif damage == "changed":
        shutil.copy(chunk.with_name("0"), chunk)
    elif damage == "left over":
        chunk.with_name("0.abc.partial").write_bytes(b"half")
    same_arrays(stored(tmp_path, work=work), tiles.compute(ramp(), SHAPE))
    again = [] if damage in ("none", "left over") else [(4, 6)]
    assert sorted(computed) == sorted([*again, (8, 0), (8, 3), (8, 6)])
    (tmp_path / "whole").mkdir()
    stored(tmp_path / "whole")
    assert files_of(tmp_path / "x.zarr") == files_of(tmp_path / "whole" / "x.zarr")


def test_an_unfinished_store_opens_blank_where_it_is_unfinished(tmp_path):
    begin(tmp_path)
    data = xarray.open_zarr(tmp_path / "x.zarr")
    assert data.attrs["status"] == "incomplete"
    expected = tiles.compute(ramp(), SHAPE)
    np.testing.assert_array_equal(data.value[:8], expected["value"][:8])
    assert np.isnan(data.value[8:]).all()
    assert not data.above[8:].any()
    with pytest.warns(UserWarning, match="unfinished: 6 of 9 tiles"):
        assert (gandyn.load(tmp_path / "x.zarr")["label"][8:] == np.iinfo(np.int32).min).all()


KILLED = """
import os, random, signal, sys, time
import numpy as np
import xarray, zarr
from gandyn import tiles

folder, kills = sys.argv[1], int(sys.argv[2])
log = folder + ".log"
open(log, "w").close()

def work(rows, columns):
    with open(log, "a") as file:
        file.write(f"{rows.start:3} {columns.start:3}\\n")
    time.sleep(0.003)
    i, j = np.mgrid[rows, columns]
    return {"loss": np.stack([i / 3, j / 7], -1), "label": i * j}

def run():
    store = tiles.Store(folder, ("b", "a"), {"seed": 3})
    tiles.compute(work, (42, 56), tile=(3, 4), store=store)

draw = random.Random(5)
for _ in range(kills):
    more = os.path.getsize(log) + 8 * draw.randint(0, 8)
    child = os.fork()
    if not child:
        run()
        os._exit(0)
    while os.path.getsize(log) < more:
        time.sleep(0.001)
    time.sleep(draw.uniform(0.0, 0.02))
    os.kill(child, signal.SIGKILL)
    assert os.WIFSIGNALED(os.waitpid(child, 0)[1]), "it was finished before it was killed"
run()
"""


def test_thirty_kills_leave_the_store_of_an_uninterrupted_run(tmp_path):
    (tmp_path / "script.py").write_text(KILLED)
    for name, kills in (("killed", 30), ("whole", 0)):
        command = [sys.executable, "script.py", f"{name}.zarr", str(kills)]
        env = {**os.environ, "PYTHONPATH": str(Path(gandyn.__file__).parent.parent)}
        subprocess.run(command, cwd=tmp_path, check=True, timeout=120, env=env)
    assert files_of(tmp_path / "killed.zarr") == files_of(tmp_path / "whole.zarr")
    computed = (tmp_path / "killed.zarr.log").read_text().splitlines()
    assert len(set(computed)) == 196
    assert 196 < len(computed) <= 196 + 30
    assert not [path for path in tmp_path.rglob("*partial*")]
