"""VTK files, read back by another library."""

import meshio
import numpy as np
import pytest
import xarray

import gandyn
from gandyn.field import Layout, VectorField
from gandyn.landscapes import landscape
from gandyn.planes import coordinate_plane, sample

LAYOUT = Layout.scalars(generator=["x"], discriminator=["y"])
A, B = np.array([-1.0, 0.0, 2.0]), np.array([0.0, 0.5])


def losses(x):
    p, q = x[..., 0], x[..., 1]
    return np.stack([p + 10 * q, 1 / p], axis=-1)


def test_a_landscape_becomes_a_scalar_field_for_each_player(tmp_path):
    found = landscape(losses, coordinate_plane(LAYOUT, "x", "y"), a=A, b=B, label="a line")
    mesh = meshio.read(gandyn.to_vtk(found, tmp_path / "x.vtk"))
    across, up = np.meshgrid(A, B)
    np.testing.assert_array_equal(mesh.points, np.stack([across, up, 0 * up], axis=-1).reshape(-1, 3))
    np.testing.assert_array_equal(mesh.point_data["loss_generator"].ravel(), (up + 10 * across).ravel())
    assert np.isinf(mesh.point_data["loss_discriminator"].ravel()[:3]).all()
    assert (mesh.point_data["loss_discriminator"].ravel()[3:] == 2).all()


def test_a_slice_becomes_vectors(tmp_path):
    turning = VectorField(lambda x, t: np.stack([-x[..., 1], x[..., 0]], axis=-1), LAYOUT)
    found = sample(turning, coordinate_plane(LAYOUT, "x", "y"), a=A, b=B)
    mesh = meshio.read(gandyn.to_vtk(found.to_xarray(), tmp_path / "x.vtk"))
    across, up = np.meshgrid(A, B)
    expected = np.stack([up, -across, 0 * up], axis=-1).reshape(-1, 3)
    np.testing.assert_array_equal(mesh.point_data["velocity"], expected)
    np.testing.assert_allclose(mesh.point_data["speed"].ravel(), np.hypot(across, up).ravel())


def test_three_axes_and_entries_without_names(tmp_path):
    values = np.arange(24.0).reshape(2, 3, 2, 2)
    axes = {"z": [0.0, 1.0], "y": [0.0, 1.0, 2.0], "x": [5.0, 6.0]}
    data = xarray.Dataset({"v": (("z", "y", "x", "k"), values)}, axes)
    mesh = meshio.read(gandyn.to_vtk(data, tmp_path / "x.vtk"))
    assert mesh.points[1].tolist() == [6.0, 0.0, 0.0]
    np.testing.assert_array_equal(mesh.point_data["v_1"].ravel(), values[..., 1].ravel())


@pytest.mark.parametrize(
    ("dataset", "name", "error", "words"),
    [
        (xarray.Dataset({"v": ("x", [1.0])}, {"x": [0.0]}), "x.vti", ValueError, "type .*x.vtk"),
        (xarray.Dataset({"v": ("x", [1.0, 2.0])}, {"x": [1.0, 0.0]}), "x.vtk", ValueError, "must increase"),
        (xarray.Dataset({"v": ("x", [1.0])}), "x.vtk", ValueError, "one to three numeric coordinates"),
        (LAYOUT, "x.vtk", TypeError, "gridded result with to_xarray, got Layout"),
    ],
)
def test_what_is_no_grid_is_refused(tmp_path, dataset, name, error, words):
    with pytest.raises(error, match=words):
        gandyn.to_vtk(dataset, tmp_path / name)
    assert not list(tmp_path.iterdir())
