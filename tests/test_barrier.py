"""Barriers of wells and cosines, and the losses of a path beside those of its plane."""

import numpy as np
import pytest
import torch
from problems import NAMESPACES, plain_layout

from gandyn import load, save
from gandyn.arrays import array_namespace, to_numpy
from gandyn.landscapes import along_path, barrier, landscape
from gandyn.planes import Plane, pca_plane, project


def wells(x):
    """(p^2 - 1)^2 + p/5 for one, cos(pi q) for the other."""
    xp = array_namespace(x)
    p, q = x[..., 0], x[..., 1]
    return xp.stack([(p * p - 1) ** 2 + p / 5, xp.cos(np.pi * q)], axis=-1)


@pytest.mark.parametrize("namespace", NAMESPACES)
def test_a_tilted_double_well_and_a_cosine(namespace):
    """On the line from (-1, -1) to (1, 1) both losses' straight lines are taken away exactly."""
    ends = NAMESPACES[namespace](np.array([[-1.0, -1.0], [1.0, 1.0]]))
    found = barrier(wells, ends, points=41)
    np.testing.assert_allclose(found.height, [1.0, 2.0], atol=1e-14)
    np.testing.assert_allclose(found.at, [0.5, 0.5], atol=1e-14)
    # Above the larger end, 0.2: the top of (p^2 - 1)^2 + p/5 near p = 0.05.
    p = np.linspace(-1, 1, 41)
    assert found.above_ends[0] == pytest.approx(np.max((p**2 - 1) ** 2 + p / 5) - 0.2)
    assert found.above_ends[1] == pytest.approx(2)
    assert found.length == pytest.approx(2 * np.sqrt(2))
    np.testing.assert_allclose(found.alpha, np.linspace(0, 1, 41), atol=1e-14)
    np.testing.assert_allclose(found.straight[0], -0.2 + 0.4 * found.alpha, atol=1e-14)
    assert found.numbers["generator barrier"] == found.height[0]


def test_a_convex_loss_has_no_barrier():
    found = barrier(lambda x: x**2 - 3, np.array([[-1.0, 0.5], [2.0, -2.0]]))
    np.testing.assert_array_equal(found.height, 0)
    np.testing.assert_array_equal(found.above_ends, 0)


def test_a_path_round_the_hill_has_none():
    """exp(-4 r^2) has a barrier of 1 - exp(-4) across, and none along the circle."""
    hill = lambda x: np.stack([np.exp(-4 * np.sum(x**2, axis=-1))] * 2, axis=-1)
    angles = np.linspace(0, np.pi, 200)
    circle = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    across, round_it = barrier(hill, circle[[0, -1]]), barrier(hill, circle, points=2)
    np.testing.assert_allclose(across.height, 1 - np.exp(-4))
    assert np.all(round_it.height < 1e-12)
    assert len(round_it.alpha) == 200
    assert round_it.length == pytest.approx(np.pi, rel=1e-4)


def test_places_on_a_path_of_uneven_legs():
    path = np.array([[0.0, 0.0], [3.0, 0.0], [3.0, 1.0]])
    found = barrier(lambda x: x, path, points=3)
    np.testing.assert_allclose(found.alpha, [0, 3 / 8, 3 / 4, 7 / 8, 1])
    np.testing.assert_allclose(found.losses, [[0, 1.5, 3, 3, 3], [0, 0, 0, 0.5, 1]])


@pytest.mark.parametrize("chunk", [1, 7, None])
def test_the_chunk_does_not_change_the_result(chunk):
    ends = np.array([[-1.0, -1.0], [1.0, 1.0]])
    np.testing.assert_array_equal(barrier(wells, ends, chunk=chunk).losses, barrier(wells, ends).losses)


def test_points_that_are_not_finite_are_counted_and_left_out():
    broken = lambda x: np.where(np.abs(x) < 0.22, np.inf, 1 - x**2)
    found = barrier(broken, np.array([[-1.0, -1.0], [1.0, 1.0]]), points=41)
    assert found.nonfinite == 9
    np.testing.assert_allclose(found.height, 1 - 0.25**2)
    ends = barrier(lambda x: np.where(x < 0, np.nan, x), np.array([[-1.0, 1.0], [1.0, 1.0]]))
    assert np.isnan(ends.height[0])
    assert ends.height[1] == 0


def test_an_interrupted_barrier_is_none():
    def stop(x):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        barrier(stop, np.eye(2))


@pytest.mark.parametrize(
    ("path", "settings", "message"),
    [
        (np.zeros((1, 2)), {}, "T >= 2"),
        (np.zeros(2), {}, "T >= 2"),
        (np.ones((2, 2)), {}, "does not move"),
        (np.array([[0.0, np.nan], [1.0, 1.0]]), {}, "must be finite"),
        (np.eye(2), {"points": 1}, "points must be an integer"),
        (np.eye(2), {"chunk": 0}, "chunk must be at least 1"),
    ],
)
def test_bad_paths(path, settings, message):
    with pytest.raises(ValueError, match=message):
        barrier(wells, path, **settings)


# Losses along a path


def bowl(x):
    """|x|^2 and the sum of the entries: at the foot the first lacks the distance squared."""
    xp = array_namespace(x)
    return xp.stack([xp.sum(x * x, axis=-1), xp.sum(x, axis=-1)], axis=-1)


@pytest.mark.parametrize("namespace", NAMESPACES)
def test_a_plane_through_the_minimum_lacks_the_distance_squared(namespace):
    make = NAMESPACES[namespace]
    axes = make(np.array([[2.0, 0, 0, 0, 0], [3.0, 3.0, 0, 0, 0]]))
    plane = Plane(make(np.zeros(5)), axes, plain_layout(5), ("a", "b"), "test")
    path = np.random.default_rng(0).standard_normal((7, 5))
    found = along_path(bowl, plane, make(path))
    np.testing.assert_allclose(found.losses, [np.sum(path**2, axis=1), path.sum(axis=1)], atol=1e-13)
    np.testing.assert_allclose(found.error[0], -(found.projection.distance**2), atol=1e-13)
    np.testing.assert_allclose(found.error[1], -path[:, 2:].sum(axis=1), atol=1e-13)
    assert (found.status, found.nonfinite) == ("finished", 0)


def test_the_plane_losses_are_those_of_the_landscape():
    path = np.cumsum(np.random.default_rng(1).standard_normal((9, 6)), axis=0)
    plane = pca_plane(path, plain_layout(6))
    found = along_path(bowl, plane, path)
    for i, (a, b) in enumerate(project(plane, path).coordinates):
        seen = landscape(bowl, plane, a=[a], b=[b]).losses[:, 0, 0]
        np.testing.assert_allclose(found.plane_losses[:, i], seen, atol=1e-12)
    assert "the plane is off by" in str(found)


@pytest.mark.parametrize("chunk", [1, 2, 5, None])
def test_chunks_of_a_path(chunk):
    path = np.random.default_rng(2).standard_normal((8, 4))
    plane = Plane(np.zeros(4), np.eye(2, 4), plain_layout(4), ("a", "b"), "test")
    sizes = []

    def counted(x):
        sizes.append(len(x))
        return bowl(x)

    found, whole = along_path(counted, plane, path, chunk=chunk), along_path(bowl, plane, path)
    np.testing.assert_array_equal(found.losses, whole.losses)
    np.testing.assert_array_equal(found.plane_losses, whole.plane_losses)
    assert sum(sizes) == 16
    assert max(sizes) <= max(2, chunk or 16)


def test_an_interrupt_keeps_the_states_that_were_evaluated(tmp_path):
    calls = []

    def stops(x):
        calls.append(1)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return bowl(x)

    path = np.random.default_rng(2).standard_normal((8, 4))
    plane = Plane(np.zeros(4), np.eye(2, 4), plain_layout(4), ("a", "b"), "test")
    found = along_path(stops, plane, path, chunk=2)
    assert (found.status, found.losses.shape, len(found.projection.distance)) == ("interrupted", (2, 3), 3)
    assert "interrupted" in str(found)
    assert str(load(save(found, tmp_path / "path"))) == str(found)


def test_a_torch_path_in_single_precision():
    path = torch.randn(5, 4, generator=torch.Generator().manual_seed(0))
    plane = pca_plane(path, plain_layout(4))
    found = along_path(bowl, plane, path)
    np.testing.assert_allclose(found.losses[0], np.sum(to_numpy(path) ** 2, axis=1), rtol=1e-5)
