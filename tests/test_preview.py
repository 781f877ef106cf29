"""The preview against the functions that it interpolates, and where it fails."""

import re

import numpy as np
import pytest

from gandyn.field import Layout
from gandyn.landscapes import landscape, preview
from gandyn.planes import coordinate_plane

PLANE = coordinate_plane(Layout.scalars(state=["p", "q"]), "p", "q")


def pair(first, second):
    return lambda x: np.stack([fn(x[..., 0], x[..., 1]) for fn in (first, second)], axis=-1)


SMOOTH = pair(lambda a, b: np.exp(np.sin(3 * a) * b), lambda a, b: 1 / (1 + a * a + b * b / 2) - 1)
KINKED = pair(lambda a, b: np.abs(a - 0.3) + b, lambda a, b: np.maximum(a + b, 0.0))


def errors(found, losses):
    """Largest error of each loss on the whole grid, in units of its range."""
    true = landscape(losses, found.plane, a=found.a, b=found.b).losses
    return np.max(np.abs(found.losses - true), axis=(1, 2)) / np.ptp(true, axis=(1, 2))


def claims(found):
    """Root mean square and largest error of each loss, as the note says."""
    return np.array(re.findall(r"([\d.e-]+) \(([\d.e-]+)\)", found.notes[0]), dtype=float)


def test_polynomials_of_the_degree_are_exact():
    losses = pair(lambda a, b: a**4 * b**3 - 2 * b, lambda a, b: (a - b) ** 4 - 1)
    found = preview(losses, PLANE, ((-1, 2), (0, 3)), points=(31, 23), nodes=5)
    assert found.losses.shape == (2, 23, 31)
    np.testing.assert_allclose(
        found.losses, landscape(losses, PLANE, a=found.a, b=found.b).losses, atol=1e-10
    )


def test_smooth_losses_converge_geometrically():
    worst = [errors(preview(SMOOTH, PLANE, nodes=nodes, points=33), SMOOTH).max() for nodes in (5, 9, 17)]
    first, second = worst[1] / worst[0], worst[2] / worst[1]
    assert first < 0.2
    assert second < 2 * first**2, "twice the nodes square the gain"
    assert worst[2] < 1e-4


def test_seventeen_nodes_cost_less_than_half_of_25_points():
    sizes = []

    def counted(x):
        sizes.append(len(x))
        return SMOOTH(x)

    found = preview(counted, PLANE)
    assert sum(sizes) == 1 + 17**2 + 16
    assert sum(sizes) < 25**2 / 2
    assert found.losses.shape == (2, 65, 65)


@pytest.mark.parametrize("losses", [SMOOTH, KINKED])
def test_the_error_that_it_states_is_that_of_random_points(losses):
    found = preview(losses, PLANE, nodes=9, checks=400, seed=1)
    (first, second), whole = claims(found), errors(found, losses)
    for (middle, most), largest in zip((first, second), whole, strict=True):
        assert middle < most <= largest * 1.05, "stated to two digits"
        assert most > largest / 5


def test_it_fails_at_kinks_and_says_so():
    found = preview(KINKED, PLANE, checks=64)
    assert claims(found)[:, 1].min() > 1e-3
    assert errors(found, KINKED).max() > 100 * errors(preview(SMOOTH, PLANE), SMOOTH).max()


def test_it_is_marked_as_a_preview():
    found = preview(SMOOTH, PLANE, points=9, label="game")
    assert found.label == "game (preview)"
    assert preview(SMOOTH, PLANE, points=9).label == "preview"
    assert (
        "preview from 17 x 17 Chebyshev nodes; r.m.s. (largest) error at 16 random points" in found.notes[0]
    )
    assert "preview from" in str(found)
    assert found.center == tuple(SMOOTH(np.zeros(2)))


def test_the_same_seed_checks_the_same_points():
    one, same, other = (preview(KINKED, PLANE, seed=seed).notes for seed in (0, 0, 1))
    assert one == same != other


def test_what_is_not_finite_has_no_interpolant():
    pole = pair(lambda a, b: np.where(a > 0.9, np.inf, a), lambda a, b: b)
    with pytest.raises(ValueError, match=r"not finite at 51 of 289 nodes.*use landscape"):
        preview(pole, PLANE)
    with pytest.raises(ValueError, match="at least 3 nodes and 1 check"):
        preview(SMOOTH, PLANE, nodes=2)
