"""Smoothing of games: closed forms against quadrature, and the table of docs/smoothing.md."""

import re
from pathlib import Path

import numpy as np
import pytest

from gandyn import check_field, smooth, spectrum
from gandyn.games import E, catalogue, from_losses, gauss_hermite, noisy, points
from gandyn.games.tiny import gaussian_classifier, sigmoid_classifier

SIGMA = {"b_g": 0.2, "b_d": 0.3}


@pytest.mark.parametrize("make", [gaussian_classifier, sigmoid_classifier])
@pytest.mark.parametrize("loss", ["saturating", "nonsaturating"])
@pytest.mark.parametrize("free", ["b_g, b_d", "W_g, b_g, W_d, b_d"])
def test_exact_smoothing_is_that_of_quadrature(make, loss, free):
    field = make(free, loss)
    exact = smooth(field, SIGMA, method="exact")
    check_field(exact, np.array([0.9, 0.4, 0.8, -0.7])[: field.layout.dim])
    by_rule = smooth(field, SIGMA, count=60)
    for x in np.random.default_rng(0).uniform(0.5, 1.2, (4, field.layout.dim)):
        np.testing.assert_allclose(exact(x), by_rule(x), rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(exact.jac(x), by_rule.jac(x), rtol=1e-7, atol=1e-9)


def test_no_noise_is_the_game_itself_and_a_collapsed_generator_is_no_trouble():
    field = gaussian_classifier("W_g, b_g, W_d, b_d")
    x = np.array([0.0, 0.3, 0.8, -0.7])
    assert np.all(np.isfinite(field.jac(x)))
    np.testing.assert_array_equal(smooth(field, 0.0, method="exact")(x), field(x))


def test_sampled_games_have_no_closed_form():
    with pytest.raises(ValueError, match="no closed form"):
        smooth(gaussian_classifier(samples=10, eps=0.01), SIGMA, method="exact")


def test_noisy_data_have_the_moments_of_the_sum():
    blurred = noisy(points([0.0, 3.0], [2 / 3, 1 / 3]), sigma=0.7)
    assert blurred.mean(lambda x: x) == pytest.approx(1.0, rel=1e-14)
    assert blurred.mean(lambda x: x**2) == pytest.approx(3.0 + 0.49, rel=1e-14)
    assert noisy(gauss_hermite(30), sigma=2.0).mean(lambda x: x**4) == pytest.approx(3 * 25, rel=1e-12)
    plane = noisy(points(np.array([[1.0, 2.0]])), sigma=0.5, nodes=4)
    assert plane.values.shape == (16, 2)
    assert plane.mean(lambda x: x[..., 0] * x[..., 1]) == pytest.approx(2.0, rel=1e-14)
    with pytest.raises(ValueError, match="sigma, the standard deviation"):
        noisy(points([0.0]), sigma=-1.0)


def test_the_table_of_the_docs():
    dirac, origin = catalogue.make("dirac"), np.zeros(2)
    rows = {
        "no noise": spectrum(dirac, origin),
        "parameters": spectrum(smooth(dirac, 1.0), origin),
        "data": spectrum(catalogue.make("dirac-noise", sigma=1.0), origin),
    }
    page = (Path(__file__).parent.parent / "docs" / "smoothing.md").read_text()
    assert float(re.search(r"sigma = 1 \| ±([\d.]+) i", page)[1]) == pytest.approx(
        abs(rows["parameters"].eigenvalues[0].imag), abs=5e-7
    )
    assert np.max(np.abs(rows["no noise"].growth_rates)) < 1e-14
    assert np.max(np.abs(rows["parameters"].growth_rates)) < 1e-12
    np.testing.assert_allclose(rows["data"].eigenvalues, [-0.25 + 0.1875**0.5 * 1j, -0.25 - 0.1875**0.5 * 1j])


def test_instance_noise_written_as_a_measure_is_the_catalogues():
    import sympy as sp

    theta, psi, x = sp.symbols("theta psi x")
    blur = noisy(points([0.0]), sigma=0.7, nodes=80)
    loss = E(sp.log(1 + sp.exp(psi * (theta + x))), x=blur)
    real = E(sp.log(1 + sp.exp(-psi * x)), x=blur)
    field = from_losses(-loss, real + loss, generator=[theta], discriminator=[psi])
    theirs = catalogue.make("dirac-noise", sigma=0.7)
    at_zero = spectrum(field, np.zeros(2)).eigenvalues
    np.testing.assert_allclose(at_zero, spectrum(theirs, np.zeros(2)).eigenvalues, rtol=1e-12)
