import dataclasses
import json
import zipfile

import numpy as np
import pytest
import torch
from problems import NAMESPACES, explosion, focus, linear_flow, network_layout, plain_layout

import gandyn.landscapes
import gandyn.planes
import gandyn.spectra
import gandyn.trajectories
from gandyn.arrays import to_numpy
from gandyn.field import Block, Layout
from gandyn.landscapes import (
    along_path,
    asymmetry,
    barrier,
    compare_planes,
    lake,
    landscape,
    over_planes,
    profiles,
    sharpness,
)
from gandyn.planes import Plane, filter_normalized_plane, pca_plane, project, sample
from gandyn.spectra import (
    Spectrum,
    norms,
    numerical_range,
    ritz_cloud,
    spectral_density,
    spectrum,
    symmetric_spectrum,
    trace,
)
from gandyn.store import load, metadata, save
from gandyn.trajectories import trajectory


def results(namespace="numpy"):
    """One of each result, with what is hard to store: NaN, complex numbers, None, nested results."""
    make = NAMESPACES[namespace]
    layout = network_layout()
    origin = make(np.random.default_rng(0).standard_normal(layout.dim))
    plane = filter_normalized_plane(layout, origin, players="axis per player")
    path = trajectory(focus().system, make(focus().start), t_end=3.0)
    diverged = trajectory(explosion().system, make(explosion().start), t_end=3.0)
    walk = np.cumsum(np.random.default_rng(1).standard_normal((6, layout.dim)), axis=0)
    seen = landscape(lambda x: x[..., :2] ** 2, plane, points=5)
    broken = linear_flow(np.full((layout.dim, layout.dim), np.nan), layout)
    return {
        "Block": layout.blocks[3],
        "Layout": layout,
        "Plane": plane,
        "PCA plane": pca_plane(make(walk), layout),
        "Projection": project(plane, walk),
        "FieldSlice": sample(linear_flow(np.eye(layout.dim), layout), plane, points=3),
        "broken FieldSlice": sample(broken, plane, points=2),
        "Landscape": landscape(lambda x: x[..., :2] * np.nan, plane, points=2),
        "PathLosses": along_path(lambda x: x[..., :2], plane, make(walk)),
        "Lake": lake(seen),
        "Sharpness": sharpness(seen),
        "Asymmetry": asymmetry(seen),
        "Profiles": profiles(seen),
        "Barrier": barrier(lambda x: x[..., :2], make(walk[:2])),
        "Repeated": over_planes(lambda seed: plane, lambda plane: {"x": np.nan}, range(2)),
        "PlaneComparison": compare_planes(lambda x: x[..., :2] ** 2, {"one": plane}, points=5),
        "Trajectory": path,
        "diverged Trajectory": diverged,
        "Spectrum": spectrum(focus().system, make(np.zeros(2)), left=True),
        "SymmetricSpectrum": symmetric_spectrum(focus().system, make(np.zeros(2)), "A", 1),
        "BlockNorms": norms(focus().system, make(np.zeros(2)), 4),
        "Estimate": trace(focus().system, make(np.zeros(2))),
        "SpectralDensity": spectral_density(focus().system, make(np.zeros(2))),
        "RitzCloud": ritz_cloud(focus().system, make(np.zeros(2))),
        "NumericalRange": numerical_range(focus().system, make(np.zeros(2))),
    }


def same(one, other):
    """Compare field by field; arrays bit for bit, NaN equal to NaN."""
    if dataclasses.is_dataclass(one):
        assert type(one) is type(other)
        for part in dataclasses.fields(one):
            same(getattr(one, part.name), getattr(other, part.name))
    elif hasattr(one, "dtype"):
        assert isinstance(other, np.ndarray)
        assert other.dtype == to_numpy(one).dtype
        np.testing.assert_array_equal(to_numpy(one), other, strict=True)
    elif isinstance(one, dict):
        same(list(one), list(other))
        same(list(one.values()), list(other.values()))
    elif isinstance(one, tuple | list):
        assert type(one) is type(other)
        assert len(one) == len(other)
        for pair in zip(one, other, strict=True):
            same(*pair)
    else:
        assert type(one) is type(other)
        assert one == other or (one != one and other != other)


@pytest.mark.parametrize("namespace", NAMESPACES)
def test_every_result_comes_back_as_it_was(namespace, tmp_path):
    for name, result in results(namespace).items():
        loaded = load(save(result, tmp_path / name))
        same(result, loaded)
        assert str(loaded) == str(result)


def test_no_result_of_these_modules_is_left_out():
    modules = (gandyn.spectra, gandyn.planes, gandyn.landscapes, gandyn.trajectories)
    public = {name for module in modules for name in module.__all__ if name[0].isupper()}
    kinds = {
        kind for kind in public if any(dataclasses.is_dataclass(getattr(m, kind, None)) for m in modules)
    }
    # An operator is a function of vectors, not a result.
    kinds -= {"Operator"}
    assert {"Spectrum", "Plane", "Projection", "FieldSlice", "Landscape", "Trajectory"} < kinds
    assert kinds <= {type(result).__name__ for result in results().values()}


def test_a_loaded_plane_works_and_goes_back_to_torch(tmp_path):
    plane = results("torch")["Plane"]
    loaded = load(save(plane, tmp_path / "plane"))
    moved = loaded.like(plane.origin)
    torch.testing.assert_close(moved.point(1.0, 2.0), plane.point(1.0, 2.0), rtol=0, atol=0)


def test_the_header_records_settings_and_versions(tmp_path):
    settings = {"seed": 3, "step": 0.1, "nested": {"a": [1, None, "text"]}, "size": (2, 3), "inf": np.inf}
    path = save(results()["Spectrum"], tmp_path / "spectrum.npz", settings=settings)
    found = metadata(path)
    assert found["type"] == "Spectrum"
    assert found["settings"] == settings
    assert found["versions"]["numpy"] == np.__version__
    assert "python" in found["versions"]
    assert "gandyn" in found["versions"]


def test_the_header_is_strict_json_and_the_arrays_are_plain(tmp_path):
    path = save(results()["broken FieldSlice"], tmp_path / "slice")
    with zipfile.ZipFile(path) as archive:
        assert all(name.endswith(".npy") for name in archive.namelist())
    with np.load(path, allow_pickle=False) as archive:
        text = archive["header"].tobytes()
        assert {str(archive[name].dtype) for name in archive.files} <= {"uint8", "float64"}
    json.loads(text, parse_constant=pytest.fail)


def test_the_suffix_is_added_once(tmp_path):
    layout = plain_layout(2)
    assert save(layout, tmp_path / "run.1").name == "run.1.npz"
    assert save(layout, tmp_path / "run.npz").name == "run.npz"
    assert load(tmp_path / "run.1") == layout
    assert load(str(tmp_path / "run")) == layout


def test_a_file_is_not_replaced_unless_told(tmp_path):
    path = save(plain_layout(2), tmp_path / "layout")
    with pytest.raises(FileExistsError, match="overwrite=True"):
        save(plain_layout(3), path)
    assert load(path).dim == 2
    save(plain_layout(3), path, overwrite=True)
    assert load(path).dim == 3


def test_a_write_that_fails_leaves_nothing_behind(tmp_path, monkeypatch):
    path = save(plain_layout(2), tmp_path / "layout")

    def full(file, **arrays):
        file.write(b"half")
        raise OSError("no space left on device")

    monkeypatch.setattr(np, "savez_compressed", full)
    with pytest.raises(OSError, match="no space left"):
        save(plain_layout(3), path, overwrite=True)
    assert [file.name for file in tmp_path.iterdir()] == ["layout.npz"]
    assert load(path).dim == 2


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (np.zeros(3), "save takes a result of this package.*numpy.ndarray"),
        ({"a": 1}, "save takes a result"),
        (Layout, "save takes a result"),
    ],
)
def test_what_is_no_result_is_refused(value, message, tmp_path):
    with pytest.raises(TypeError, match=message):
        save(value, tmp_path / "thing")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "value", [lambda: 0, {1, 2}, {1: "a"}, np.array([object()]), linear_flow(np.eye(2)).fn]
)
def test_a_setting_that_cannot_be_stored_is_named(value, tmp_path):
    with pytest.raises(TypeError, match=r"settings\['inner'\]\[0\] cannot be stored"):
        save(plain_layout(2), tmp_path / "thing", settings={"inner": [value]})
    assert not list(tmp_path.iterdir())


def test_a_missing_folder_or_file(tmp_path):
    with pytest.raises(FileNotFoundError, match="create it first"):
        save(plain_layout(2), tmp_path / "nowhere" / "layout")
    with pytest.raises(FileNotFoundError, match=r"no file .*layout\.npz"):
        load(tmp_path / "layout")


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 0.999])
def test_a_truncated_file(share, tmp_path):
    path = save(results()["FieldSlice"], tmp_path / "slice")
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(ValueError, match=r"slice\.npz is truncated, damaged or not a result"):
        load(path)


def test_a_flipped_bit_is_noticed(tmp_path):
    path = save(results()["Plane"], tmp_path / "plane")
    whole = bytearray(path.read_bytes())
    whole[len(whole) // 2] ^= 1
    path.write_bytes(whole)
    with pytest.raises(ValueError, match="truncated, damaged"):
        load(path)


@pytest.mark.parametrize("kind", ["text", "npy", "npz", "pickle"])
def test_a_foreign_file(kind, tmp_path):
    path = tmp_path / "foreign.npz"
    with open(path, "wb") as file:
        if kind == "text":
            file.write(b"hello")
        elif kind == "npy":
            np.save(file, np.zeros(3))
        elif kind == "npz":
            np.savez(file, a=np.zeros(3))
        else:
            np.savez(file, header=np.array([object()]))
    with pytest.raises(ValueError, match="not a result written by"):
        load(path)


def rewritten(path, change):
    with np.load(path) as archive:
        arrays = {name: archive[name] for name in archive.files}
    header = json.loads(arrays["header"].tobytes())
    change(header)
    arrays["header"] = np.frombuffer(json.dumps(header).encode(), np.uint8)
    np.savez(path, **arrays)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda header: header.update(format=2), "format 2 and this version reads up to 1: upgrade"),
        (lambda header: header["result"].update(type="os:path"), "not a class of this package"),
        (lambda header: header["result"].update(type="gandyn.store:Path"), "not a result"),
        (lambda header: header["result"].update(type="gandyn.field:Nothing"), "does not know"),
        (lambda header: header["result"].update(type="gandyn.nothing:Layout"), "does not know"),
        (lambda header: header["result"]["fields"].update(colour="red"), "does not know"),
        (lambda header: header["result"]["fields"].pop("blocks"), "does not know"),
        (lambda header: header["result"]["fields"].update(blocks={"array": "array7"}), "does not know"),
        (lambda header: header.pop("format"), "truncated, damaged or not"),
    ],
)
def test_a_header_of_another_version_or_a_forged_one(change, message, tmp_path):
    path = save(Layout((Block("x", "state"),)), tmp_path / "layout")
    rewritten(path, change)
    with pytest.raises(ValueError, match=message):
        load(path)


def test_complex_scalars_and_none_survive(tmp_path):
    stored = dataclasses.replace(
        results()["Spectrum"],
        left=None,
        critical_step=None,
        label="naïve ∂",
        eigenvalues=np.array([1 + 2j, np.nan]),
    )
    settings = {"z": complex(np.nan, 1.5), "n": np.float64(0.1), "k": np.int64(3)}
    path = save(stored, tmp_path / "spectrum", settings=settings)
    same(stored, load(path))
    kept = metadata(path)["settings"]
    assert kept["z"].imag == 1.5
    assert np.isnan(kept["z"].real)
    assert (kept["n"], kept["k"]) == (0.1, 3)
    assert isinstance(load(path), Spectrum)
    assert not isinstance(load(path), Plane)
