"""Landscapes and slices by tiles: the same to the bit, in stores that xarray, netCDF and loading read."""

import json
import multiprocessing
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import pytest
import torch
import xarray
from torch import nn

import gandyn
from gandyn import nets, schemes, tiles
from gandyn.field import Layout
from gandyn.games.dirac import dirac_gan
from gandyn.landscapes import landscape
from gandyn.planes import Plane, coordinate_plane, filter_normalized_plane, sample

LAYOUT = Layout.scalars(generator=["x"], discriminator=["y"])
GRID = {"a": np.linspace(-1, 1, 5), "b": np.linspace(-1, 2, 7)}


@pytest.fixture(scope="module")
def pool():
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["gandyn.nets"])
    with ProcessPoolExecutor(2, mp_context=context) as executor:
        yield executor


def cross():
    return coordinate_plane(LAYOUT, "x", "y")


def bilinear():
    """Return L_G = x y + x^2, L_D = -x y, with a pole; local, so that it travels by value."""

    def losses(x):
        p, q = x[..., 0], x[..., 1]
        return np.stack([p * q + p * p, -p * q / (p - 0.5)], axis=-1)

    return losses


def small_gan(players="axis per player", count=32):
    """Return losses, field and plane of two small networks on 32 samples."""
    torch.manual_seed(0)
    g = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 3))
    d = nn.Sequential(nn.Linear(3, 8), nn.LeakyReLU(), nn.Linear(8, 1))
    given = (g, d, nets.losses.nonsaturating(), torch.randn(count, 3), torch.randn(count, 2))
    losses = nets.gan_losses(*given, micro_batch=8)
    field = nets.gan_field(*given)
    x = nets.get_state(g, d)
    return losses, field, filter_normalized_plane(field.layout, x, players=players, zero_filters="skip")


def same(found, expected):
    """Require two results to agree to the bit."""
    assert type(found) is type(expected)
    for name, value in vars(expected).items():
        if isinstance(value, Plane):
            same_array(found.plane.origin, value.origin)
            same_array(found.plane.axes, value.axes)
            assert found.plane.names == value.names
        elif isinstance(value, np.ndarray):
            same_array(getattr(found, name), value)
        else:
            assert getattr(found, name) == value


def same_array(found, expected):
    np.testing.assert_array_equal(np.asarray(found), np.asarray(expected))


def test_losses_of_a_plain_function(pool, tmp_path):
    whole = landscape(bilinear(), cross(), **GRID, label="bilinear")
    assert whole.nonfinite == 5
    for tile in (1, (3, 2)):
        same(landscape(bilinear(), cross(), **GRID, label="bilinear", tile=tile), whole)
    store = tmp_path / "x.zarr"
    same(landscape(bilinear(), cross(), **GRID, label="bilinear", executor=pool, store=store), whole)
    same(gandyn.load(store), whole)


@pytest.mark.parametrize("players", ["axis per player", "generator"])
def test_all_measures_of_networks(pool, tmp_path, players):
    losses, _, plane = small_gan(players)
    measures = ("field", "accuracy", "samples")
    whole = landscape(losses, plane, **GRID, measures=measures)
    assert whole.errors is not None
    for options in (
        {"tile": 1},
        {"tile": (3, 2)},
        {"tile": 3, "executor": pool, "store": tmp_path / "x.zarr"},
    ):
        same(landscape(losses, plane, **GRID, measures=measures, **options), whole)
    same(gandyn.load(tmp_path / "x.zarr"), whole)


def test_the_share_of_rotation():
    losses, _, plane = small_gan()
    whole = landscape(losses, plane, points=3, measures=("rotation",))
    same(landscape(losses, plane, points=3, measures=("rotation",), tile=2), whole)


def test_rounded_networks_keep_their_error_in_the_store(tmp_path):
    torch.manual_seed(0)
    g, d = nn.Linear(2, 3), nn.Linear(3, 1)
    given = (g, d, nets.losses.nonsaturating(), torch.randn(16, 3), torch.randn(16, 2))
    losses = nets.gan_losses(*given, dtype=torch.float32, precision="bfloat16")
    x = nets.get_state(g, d, dtype=torch.float32)
    plane = filter_normalized_plane(nets.modules_layout(g, d), x, zero_filters="skip")
    whole = landscape(losses, plane, points=4)
    same(landscape(losses, plane, points=4, store=tmp_path / "x.zarr"), whole)
    assert whole.rounding[0] > 0
    same(gandyn.load(tmp_path / "x.zarr"), whole)
    assert "Rounding" in xarray.open_zarr(tmp_path / "x.zarr").attrs["notes"]


def test_the_field_of_networks(pool, tmp_path):
    _, field, plane = small_gan()
    whole = sample(field, plane, **GRID)
    same(sample(field, plane, **GRID, chunk=2), whole)
    same(sample(field, plane, **GRID, tile=(3, 2)), whole)
    same(sample(field, plane, **GRID, tile=3, executor=pool, store=tmp_path / "x.zarr"), whole)
    same(gandyn.load(tmp_path / "x.zarr"), whole)


@pytest.mark.parametrize("rule", [None, schemes.alternating])
def test_compiled_games_and_schemes_travel_without_their_addresses(pool, rule):
    game = dirac_gan("nonsaturating")
    system = game if rule is None else rule(game, 0.1)
    plane = coordinate_plane(system.layout, *system.layout.entry_names[:2])
    whole = sample(system, plane, 2.0, points=(9, 6))
    assert system.kernel.compiled
    assert system.kernel.plan[0]
    same(sample(system, plane, 2.0, points=(9, 6), tile=(2, 4), executor=pool), whole)


def test_workers_take_the_threads_of_the_caller(pool):
    def work(where):
        import torch

        return {"threads": np.array([torch.get_num_threads()])}

    before = torch.get_num_threads()
    try:
        for count in (1, 2, 3):
            torch.set_num_threads(count)
            assert (tiles.compute(work, (4,), tile=1, executor=pool)["threads"] == count).all()
    finally:
        torch.set_num_threads(before)


# Stores


def test_a_store_opens_in_xarray_with_names_units_and_attributes(tmp_path):
    losses, _, plane = small_gan()
    found = landscape(
        losses, plane, **GRID, measures=("field",), store=tmp_path / "x.zarr", tile=(3, 2), label="tiny",
        settings={"checkpoint": 5},
    )  # fmt: skip
    data, expected = xarray.open_zarr(tmp_path / "x.zarr"), found.to_xarray()
    for name, variable in expected.variables.items():
        assert data[name].dims == variable.dims
        assert data[name].attrs == variable.attrs
        same_array(data[name].astype(variable.dtype), variable)
    assert data.loss.attrs["units"] == "nat"
    assert set(data.coords) == {"player", "a", "b", "axis"}
    assert data.attrs["label"] == "tiny"
    assert data.attrs["status"] == "complete"
    settings = json.loads(data.attrs["settings"])
    assert settings["checkpoint"] == 5
    assert settings["how"]["losses"]["name"] == "nonsaturating"
    assert len(settings["how"]["data"]) == len(settings["fingerprints"]["weights"]) == 64
    data.to_netcdf(tmp_path / "x.nc", engine="scipy")
    with xarray.open_dataset(tmp_path / "x.nc", engine="scipy") as again:
        same_array(again.loss, found.losses)
        assert again.velocity.attrs == data.velocity.attrs


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"points": 4}, r"points: \[3, 3\], asked for: \[4, 4\]"),
        ({"extent": 2.0}, "extent"),
        ({"measures": ("field",)}, r'measures: \["losses"\], asked for: \["field", "losses"\]'),
        ({"settings": {"seed": 1}}, "seed: 0, asked for: 1"),
        ({"plane": "generator"}, "fingerprints.plane"),
        ({"count": 31}, "losses_at_origin"),
        ({"count": 31}, "how.data"),
    ],
)
def test_another_landscape_is_refused_by_what_differs(tmp_path, change, words):
    def run(plane="axis per player", count=32, extent=1.0, points=3, settings=None, measures=()):
        losses, _, chosen = small_gan(plane, count)
        more = {"measures": measures, "settings": settings or {"seed": 0}}
        landscape(losses, chosen, extent, points=points, store=tmp_path / "x.zarr", **more)

    run()
    run()
    with pytest.raises(ValueError, match=words):
        run(**change)


def test_another_slice_is_refused_by_what_differs(tmp_path):
    game = dirac_gan("nonsaturating")
    plane = coordinate_plane(game.layout, *game.layout.entry_names)
    sample(game, plane, 1.0, points=3, store=tmp_path / "x.zarr")
    name, value = next(iter(game.constants.items()))
    other = game.with_constants(**{name: value + 1})
    with pytest.raises(ValueError, match=f"constants.{name}"):
        sample(other, plane, 1.0, points=3, store=tmp_path / "x.zarr")
