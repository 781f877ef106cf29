"""Kinks: the spectrum almost everywhere and that of the smoothed field, against closed forms."""

import numpy as np
import pytest
import torch
from problems import linear_flow, plain_layout, torch_game
from scipy.stats import norm
from torch import nn

from gandyn import VectorField, load, save, smooth, spectrum
from gandyn.nets import Losses, gan_field
from gandyn.rotation import smoothed_spectrum


def bent():
    """v = -relu(x): a kink at 0, no jump."""
    return VectorField(
        lambda x, t: -np.maximum(x, 0), plain_layout(1), jvp=lambda x, u, t: np.where(x > 0, -u, 0.0 * u)
    )


@pytest.mark.parametrize("place", [0.3, -0.2, 0.05])
def test_a_bend_is_smoothed_to_the_share_of_the_noise_beyond_it(place):
    found = smoothed_spectrum(bent(), np.array([place]), 0.2, draws=16 * 400)
    assert found.pointwise.eigenvalues[0] == (-1 if place > 0 else 0)
    expected = -norm.cdf(place / 0.2)
    assert abs(found.eigenvalues[0] - expected) < 4 * found.errors[0]
    assert found.errors[0] < 0.02
    assert found.kinked


class Shift(nn.Module):
    """x + parameter: the generator's sample, or relu of it, the discriminator's score."""

    def __init__(self, value, bend):
        super().__init__()
        self.value, self.bend = nn.Parameter(torch.tensor([value])), bend

    def forward(self, x):
        moved = x + self.value
        return torch.relu(moved) if self.bend else moved


def relu_gan(theta, b):
    """The velocity is (H(theta + b), H(0.2 + b) - H(theta + b)), H the unit step."""
    losses = Losses(
        generator=lambda fake: -fake.mean(), discriminator=lambda real, fake: (fake - real).mean()
    )
    field = gan_field(Shift(theta, False), Shift(b, True), losses, torch.full((1, 1), 0.2), torch.zeros(1, 1))
    return field, torch.tensor([theta, b], dtype=torch.float64)


def test_a_relu_gan_has_curvature_zero_almost_everywhere_and_the_smoothed_one_does_not():
    theta, b, sigma = 0.1, -0.05, 0.3
    field, x = relu_gan(theta, b)
    assert field(x).tolist() == [1.0, 0.0]
    found = smoothed_spectrum(field, x, sigma, draws=16 * 80, progress=False)
    np.testing.assert_array_equal(found.pointwise.eigenvalues, 0)
    joint = sigma * np.sqrt(2)
    p, q = norm.pdf((theta + b) / joint) / joint, norm.pdf((0.2 + b) / sigma) / sigma
    expected = np.linalg.eigvals(np.array([[p, p], [-p, q - p]]))
    found_values = found.eigenvalues[np.argsort(found.eigenvalues.imag)]
    assert np.all(np.abs(found_values - expected[np.argsort(expected.imag)]) < 4 * found.errors)
    assert found.errors.max() < 0.15 * np.abs(expected).max()
    assert found.kinked
    averaged = smooth(field, sigma, method="monte carlo", count=64)
    np.testing.assert_array_equal(averaged.jac(x).numpy(), 0)


def test_without_kinks_both_agree_as_the_square_of_the_noise():
    field, x = torch_game(2, 4, 2)
    gaps = [
        smoothed_spectrum(field, x, sigma, k=4, draws=32, progress=False).disagreement
        for sigma in (0.02, 0.01, 0.005)
    ]
    assert gaps[0] < 1e-2
    assert gaps[0] / gaps[1] == pytest.approx(4, rel=0.1)
    assert gaps[1] / gaps[2] == pytest.approx(4, rel=0.1)
    assert not smoothed_spectrum(field, x, 0.005, k=4, draws=32, progress=False).kinked


def test_a_linear_field_is_its_own_smoothing():
    matrix = np.random.default_rng(0).standard_normal((5, 5))
    found = smoothed_spectrum(linear_flow(matrix), np.ones(5), 0.5, draws=16)
    np.testing.assert_allclose(found.eigenvalues, found.pointwise.eigenvalues, atol=1e-9)
    assert found.disagreement < 1e-9


def test_matrix_free_modes_agree_with_the_dense_smoothed_jacobian(tmp_path):
    n = 260
    rng = np.random.default_rng(1)
    matrix = 0.02 * rng.standard_normal((n, n)) - np.diag(np.linspace(0, 1, n))
    matrix[:2, :2] += [[-3, 4], [-4, -3]]
    kink = 0.5 * np.abs(rng.standard_normal(n))
    jump = lambda x: kink * np.tanh(x / 0.05)
    field = VectorField(
        lambda x, t: x @ matrix.T - jump(x),
        plain_layout(n),
        jvp=lambda x, u, t: u @ matrix.T - kink / 0.05 / np.cosh(x / 0.05) ** 2 * u,
        vjp=lambda x, u, t: u @ matrix - kink / 0.05 / np.cosh(x / 0.05) ** 2 * u,
    )
    x = np.full(n, 0.3)
    found = smoothed_spectrum(field, x, 0.02, k=2, draws=16 * 60, progress=False)
    nodes, weights = np.polynomial.hermite_e.hermegauss(60)
    slope = kink / 0.05 * np.sum(weights / np.cosh((0.3 + 0.02 * nodes) / 0.05) ** 2) / weights.sum()
    exact = spectrum(linear_flow(matrix - np.diag(slope)), x, 2).eigenvalues
    assert np.all(np.abs(found.eigenvalues - exact) < 4 * found.errors + 1e-4)
    again = load(save(found, tmp_path / "smoothed"))
    assert str(again) == str(found)


@pytest.mark.parametrize(
    ("change", "message"),
    [({"sigma": 0.0}, "sigma"), ({"draws": 24}, "multiple of 16"), ({"x": np.zeros(2)}, "shape")],
)
def test_bad_arguments_are_refused(change, message):
    given = {"field": bent(), "x": np.zeros(1), "sigma": 0.1, **change}
    with pytest.raises(ValueError, match=message):
        smoothed_spectrum(**given)
