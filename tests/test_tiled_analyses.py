"""Fields of exponents, sweeps and basins as tiles: the same to the bit by any executor, and resumable."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import pytest

from gandyn import coordinate_plane, exponent_sweep, find_basins, finite_time, load, schemes
from gandyn.games import catalogue, textbook
from gandyn.tiles import read

GAME = catalogue.make("gaussian-classifier", W_d=0.75)
STEP = schemes.extragradient(GAME, 0.1)
PLANE = coordinate_plane(GAME.layout, "b_d", "b_g")
VALUES = {"r": np.linspace(3.0, 4.0, 5)}


@pytest.fixture(scope="module")
def pool():
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as executor:
        yield executor


def field_of(system, **options):
    amount = {"t": 2.0} if system is GAME else {"n_steps": 20}
    return finite_time(system, PLANE, 2.0, points=(12, 9), progress=False, **amount, **options)


def sweep(**options):
    where = np.array([0.3])
    return exponent_sweep(textbook.logistic(), where, VALUES, n_steps=500, transient=50, **options)


@pytest.mark.parametrize("system", [GAME, STEP], ids=["flow", "map"])
def test_fields_of_exponents_do_not_depend_on_tile_or_executor(system, pool, tmp_path):
    whole = field_of(system)
    tiled = field_of(system, tile=(4, 5), executor=pool, store=tmp_path / "field.zarr")
    for name in ("exponents", "directions", "statuses", "steps"):
        np.testing.assert_array_equal(getattr(tiled, name), getattr(whole, name))
    again = load(tmp_path / "field.zarr")
    np.testing.assert_array_equal(again.exponents, whole.exponents)
    assert str(again) == str(whole)


def test_a_field_in_a_store_is_for_the_same_settings_only(tmp_path):
    field_of(STEP, store=tmp_path / "field.zarr")
    with pytest.raises(ValueError, match=r"max_norm: 1000000.0, asked for: 100.0"):
        field_of(STEP, store=tmp_path / "field.zarr", max_norm=100.0)
    other = schemes.extragradient(GAME, 0.2)
    with pytest.raises(ValueError, match=r"h: 0.1, asked for: 0.2"):
        field_of(other, store=tmp_path / "field.zarr")


@pytest.mark.parametrize("carry_on", [False, True])
def test_sweeps_do_not_depend_on_the_executor(carry_on, pool, tmp_path):
    whole = sweep(carry_on=carry_on)
    tiled = sweep(carry_on=carry_on, executor=pool, store=tmp_path / "sweep.zarr")
    for name in ("exponents", "standard_errors", "zero", "statuses"):
        np.testing.assert_array_equal(getattr(tiled, name), getattr(whole, name))
    again = load(tmp_path / "sweep.zarr")
    np.testing.assert_array_equal(again.exponents, whole.exponents)
    assert str(again) == str(whole)


def test_a_sweep_goes_on_from_its_store(tmp_path, monkeypatch):
    from gandyn.lyapunov import sweep as module

    done, measure = [], module.lyapunov_spectrum

    def stopping(system, *args, **options):
        if len(done) == 3:
            raise KeyboardInterrupt
        done.append(system.constants["r"])
        return measure(system, *args, **options)

    monkeypatch.setattr(module, "lyapunov_spectrum", stopping)
    with pytest.raises(KeyboardInterrupt, match="3 of 5 tiles are kept"):
        sweep(store=tmp_path / "sweep.zarr")
    with pytest.warns(UserWarning, match="3 of 5"):
        unfinished = load(tmp_path / "sweep.zarr")
    assert unfinished.status == "interrupted"
    assert unfinished.statuses.tolist() == ["finished"] * 3 + ["not computed"] * 2
    done[:] = [None]
    whole = sweep(store=tmp_path / "sweep.zarr")
    assert done[1:] == VALUES["r"][3:].tolist()
    monkeypatch.undo()
    np.testing.assert_array_equal(whole.exponents, sweep().exponents)


@pytest.mark.parametrize("system", [GAME, STEP], ids=["flow", "map"])
def test_basins_do_not_depend_on_the_executor(system, pool, tmp_path):
    whole = find_basins(system, (-3, 3), 40, progress=False)
    tiled = find_basins(system, (-3, 3), 40, executor=pool, store=tmp_path / "basins", progress=False)
    np.testing.assert_array_equal(tiled.labels, whole.labels)
    np.testing.assert_array_equal(tiled.steps, whole.steps)
    assert str(tiled) == str(whole)
    stored = read(tmp_path / "basins" / "round-0.zarr")
    np.testing.assert_array_equal(stored["label"].reshape(40, 40), whole.labels)


def test_basins_in_a_store_are_for_the_same_settings_only(tmp_path):
    find_basins(STEP, (-3, 3), 10, store=tmp_path / "basins")
    with pytest.raises(ValueError, match=r"max_steps: \d+, asked for: 7"):
        find_basins(STEP, (-3, 3), 10, store=tmp_path / "basins", max_steps=7)
