import numpy as np
import pytest
import torch
from problems import NAMESPACES, plain_layout

from gandyn.arrays import array_namespace
from gandyn.field import Layout
from gandyn.landscapes import landscape
from gandyn.planes import Plane, coordinate_plane

LAYOUT = Layout.scalars(generator=["x"], discriminator=["y"])


def losses(x):
    """L_G = x y + x^2 and L_D = -x y + y^2 / 2."""
    p, q = x[..., 0], x[..., 1]
    return array_namespace(x).stack([p * q + p * p, -p * q + q * q / 2], axis=-1)


def cross(namespace="numpy"):
    return coordinate_plane(LAYOUT, "x", "y", NAMESPACES[namespace](np.zeros(2)))


@pytest.mark.parametrize("namespace", NAMESPACES)
def test_both_losses_on_the_plane(namespace):
    found = landscape(losses, cross(namespace), 2.0, points=(5, 3), label="quadratic")
    y, x = np.meshgrid(np.linspace(-2, 2, 5), np.linspace(-2, 2, 3))
    np.testing.assert_allclose(found.losses, [x * y + x * x, -x * y + y * y / 2], atol=1e-14)
    assert found.names == ("generator", "discriminator")
    assert found.plane.names == ("y", "x")
    assert (found.nonfinite, found.center, found.label) == (0, (0.0, 0.0), "quadratic")


def test_the_centre_is_at_the_origin_off_the_grid():
    plane = Plane(np.array([3.0, 2.0]), np.array([[1.0, 1.0], [0.0, 2.0]]), LAYOUT, ("a", "b"), "test")
    found = landscape(losses, plane, a=[0.5], b=[0.25, 0.5])
    assert found.center == (15.0, -4.0)
    np.testing.assert_allclose(found.losses[:, 0, 0], losses(np.array([3.5, 3.0])))
    np.testing.assert_allclose(found.losses[:, 1, 0], losses(np.array([3.5, 3.5])))


@pytest.mark.parametrize("chunk", [1, 4, 1000])
def test_the_chunk_does_not_change_the_result(chunk):
    one, other = landscape(losses, cross(), points=7), landscape(losses, cross(), points=7, chunk=chunk)
    np.testing.assert_array_equal(one.losses, other.losses)


def test_states_come_in_batches_of_the_size_asked_for():
    sizes = []

    def counted(x):
        sizes.append(x.shape)
        return losses(x)

    landscape(counted, cross(), points=3, chunk=4)
    assert sizes == [(1, 2), (4, 2), (4, 2), (1, 2)]


def test_points_that_are_not_finite_are_kept_and_counted():
    def pole(x):
        return np.stack([np.log(x[..., 0]), 1 / x[..., 1]], axis=-1)

    found = landscape(pole, cross(), a=[0.0, 1.0], b=[-1.0, 1.0])
    assert found.nonfinite == 3
    assert np.array_equal(np.isnan(found.losses[0]), [[True, True], [False, False]])
    assert np.array_equal(np.isinf(found.losses[1]), [[True, False], [True, False]])
    assert "3 not finite" in str(found)


def test_a_landscape_that_is_nowhere_finite_says_so():
    found = landscape(lambda x: np.nan * x, cross(), points=2)
    assert found.nonfinite == 4
    assert "nowhere finite" in str(found)


def test_gradients_are_not_tracked_into_the_result():
    weight = torch.ones(1, dtype=torch.float64, requires_grad=True)
    found = landscape(lambda x: losses(x) * weight, cross("torch"), points=3)
    np.testing.assert_array_equal(found.losses, landscape(losses, cross(), points=3).losses)


def test_a_labelled_landscape():
    data = landscape(losses, cross(), 1.0, points=3).to_xarray()
    assert dict(data.sizes) == {"player": 2, "b": 3, "a": 3}
    assert float(data.loss.sel(player="discriminator", a=1.0, b=-1.0)) == 1.5
    assert data.a.attrs["long_name"] == "y"
    assert data.attrs["center"] == (0.0, 0.0)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda x: x[..., 0], r"shape \(1, 2\); got \(1,\)"),
        (lambda x: (x[..., 0], x[..., 1]), r"shape \(1, 2\); got tuple"),
        (lambda x: losses(x)[..., None], r"got \(1, 2, 1\)"),
    ],
)
def test_losses_that_are_not_a_pair_are_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        landscape(wrong, cross())


@pytest.mark.parametrize("arguments", [{"extent": -1.0}, {"points": 0}, {"a": [1.0]}, {"chunk": 0}])
def test_bad_grids(arguments):
    with pytest.raises(ValueError, match=r"must be|either extent"):
        landscape(losses, cross(), **arguments)


def test_an_error_of_the_losses_is_not_swallowed():
    plane = coordinate_plane(plain_layout_of_three(), "p", "q")

    def broken(x):
        raise RuntimeError("mine")

    with pytest.raises(RuntimeError, match="mine"):
        landscape(broken, plane)


def plain_layout_of_three():
    return Layout.scalars(state=["p", "q", "r"])


def test_a_block_layout_takes_entries():
    plane = coordinate_plane(plain_layout(3), "x[0]", "x[2]")
    found = landscape(lambda x: x[..., ::2], plane, points=2)
    np.testing.assert_array_equal(found.losses, [[[-1, 1], [-1, 1]], [[-1, -1], [1, 1]]])
