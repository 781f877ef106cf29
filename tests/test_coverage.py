"""Coverage of mixtures and distances of samples, against counts and closed forms."""

import numpy as np
import pytest
import torch

from gandyn.nets import coverage, datasets, modes_of, sliced_wasserstein


def test_the_points_of_a_mixture_cover_it():
    data = datasets.ring(8, count=20_000)
    centres, std = modes_of(data)
    found = coverage(data.images, centres, std)
    assert found.covered == 8
    # Within three deviations in the plane: 1 - exp(-9/2).
    assert found.high_quality == pytest.approx(1 - np.exp(-4.5), abs=3e-3)
    assert found.entropy == pytest.approx(np.log(8), abs=1e-3)
    assert found.counts.sum() == round(found.high_quality * 20_000)


def test_the_ring_has_eight_distinct_modes_and_two_equal_ones_are_refused():
    centres, _ = modes_of(datasets.ring(8))
    gaps = np.linalg.norm(centres[:, None] - centres, axis=-1)[~np.eye(8, dtype=bool)]
    assert gaps.min() == pytest.approx(2 * 2 * np.sin(np.pi / 8), abs=0.02)
    with pytest.raises(ValueError, match="distinct"):
        coverage(centres, np.vstack([centres[:7], centres[:1]]), 0.02)


def test_collapsed_samples_cover_one_mode():
    centres, std = modes_of(datasets.grid(5))
    found = coverage(np.tile(centres[7], (100, 1)), centres, std)
    assert (found.covered, found.high_quality, found.entropy) == (1, 1.0, 0.0)
    assert found.counts[7] == 100
    assert coverage(centres + 1.0, centres, std).covered == 0
    assert coverage(centres, centres, std, least=2).covered == 0


def test_a_shift_has_its_known_sliced_distance():
    points = np.random.default_rng(0).normal(size=(500, 2))
    value, error = sliced_wasserstein(points, points + np.array([3.0, 4.0]), projections=2000)
    # The mean of |<u, shift>| over directions in the plane is 2/pi of its length.
    assert value == pytest.approx(5 * 2 / np.pi, abs=4 * error)
    assert 0 < error < 0.05
    assert sliced_wasserstein(points, points)[0] == 0


def test_in_one_dimension_the_distance_is_exact():
    assert sliced_wasserstein(torch.tensor([[0.0], [1.0]]), torch.tensor([[5.0], [6.0], [5.5]])) == (5.0, 0.0)


def test_same_seed_same_distance():
    a, b = np.random.default_rng(1).normal(size=(2, 50, 3))
    assert sliced_wasserstein(a, b, seed=3) == sliced_wasserstein(a, b, seed=3)
    assert sliced_wasserstein(a, b, seed=3) != sliced_wasserstein(a, b, seed=4)


def test_bad_input_says_what_was_expected():
    with pytest.raises(ValueError, match=r"\(N, d\)"):
        coverage(np.zeros(3), np.zeros((2, 1)), 1.0)
    with pytest.raises(ValueError, match="positive"):
        coverage(np.zeros((3, 1)), np.array([[0.0], [1.0]]), 0.0)
    with pytest.raises(ValueError, match="finite"):
        sliced_wasserstein(np.full((3, 2), np.nan), np.zeros((3, 2)))
    with pytest.raises(ValueError, match="labelled points"):
        modes_of(datasets.digits())
