"""Smoothing: moments of polynomials, closed forms, frozen draws, networks."""

import numpy as np
import pytest
import torch
from torch import nn

from gandyn import Layout, VectorField, check_field
from gandyn.nets import gan_field, get_state, losses
from gandyn.transforms import smooth

LAYOUT = Layout.scalars(generator=["a"], discriminator=["b"])


def polynomial():
    """v = (-a^3 b^2, a^4): its moments under Gaussian noise are known."""

    def jac(x, t):
        a, b = x[..., 0], x[..., 1]
        rows = [[-3 * a**2 * b**2, -2 * a**3 * b], [4 * a**3, 0 * a]]
        return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)

    return VectorField(
        lambda x, t: np.stack([-(x[..., 0] ** 3) * x[..., 1] ** 2, x[..., 0] ** 4], -1), LAYOUT, jac
    )


def moments(x, s, r):
    a, b = x
    return np.array([-(a**3 + 3 * a * s**2) * (b**2 + r**2), a**4 + 6 * a**2 * s**2 + 3 * s**4])


X = np.array([0.7, -1.3])


def test_quadrature_is_exact_for_polynomials_per_block():
    field = smooth(polynomial(), {"a": 0.4, "b": 0.9}, count=3)
    np.testing.assert_allclose(field(X), moments(X, 0.4, 0.9), rtol=1e-13)
    one = smooth(polynomial(), {"a": 0.4}, count=3)
    np.testing.assert_allclose(one(X), moments(X, 0.4, 0.0), rtol=1e-13)
    check_field(field, X)


def test_monte_carlo_is_a_function_and_converges():
    field = smooth(polynomial(), 0.3, method="monte carlo", count=20_000, seed=1)
    check_field(smooth(polynomial(), 0.3, method="monte carlo", count=6), X)
    draws = 0.3 * np.random.default_rng(1).standard_normal((10_000, 2))
    values = (polynomial()(X + draws) + polynomial()(X - draws)) / 2
    error = values.std(axis=0) / 100
    assert np.all(np.abs(field(X) - moments(X, 0.3, 0.3)) < 4 * error)
    other = smooth(polynomial(), 0.3, method="monte carlo", count=20_000, seed=2)
    assert not np.array_equal(field(X), other(X))


def test_results_do_not_depend_on_the_batch():
    field = smooth(polynomial(), 0.3, method="monte carlo", count=1000)
    batch = np.random.default_rng(0).normal(size=(3000, 2))
    assert np.array_equal(field(batch)[1234], field(batch[1234]))


def test_sigma_zero_changes_nothing():
    np.testing.assert_allclose(smooth(polynomial(), 0.0)(X), polynomial()(X), rtol=1e-15)


def test_constants_stay_adjustable():
    def family(gain):
        return VectorField(
            lambda x, t: -gain * x**3,
            LAYOUT,
            jvp=lambda x, u, t: -3 * gain * x**2 * u,
            constants={"gain": gain},
            family=family,
        )

    field = smooth(family(1.0), 0.5).with_constants(gain=2.0)
    np.testing.assert_allclose(field(X), -2 * (X**3 + 3 * X * 0.25), rtol=1e-13)


def test_exact_is_the_games_closed_form():
    def family(noise_a=0.0):
        return VectorField(
            lambda x, t: -(x**3) - 3 * x * noise_a**2, LAYOUT, constants={"noise_a": noise_a}, family=family
        )

    np.testing.assert_allclose(smooth(family(), {"a": 0.5}, method="exact")(X), -(X**3) - 0.75 * X)


def test_a_network_is_smoothed_with_its_jacobian():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        pair = nn.Sequential(nn.Linear(1, 3), nn.Tanh(), nn.Linear(3, 1)), nn.Linear(1, 1)
    draws = torch.Generator().manual_seed(1)
    real, latent = torch.randn(2, 16, 1, generator=draws)
    field = gan_field(*pair, losses.nonsaturating(), real, latent)
    x = get_state(*pair)
    smoothed = smooth(field, {"generator.0.bias": 0.3}, method="monte carlo", count=4)
    check_field(smoothed, x)
    assert float((smoothed(x) - field(x)).norm()) > 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"sigma": -1.0}, "must be finite and not negative"),
        ({"sigma": {"c": 1.0}}, r"names no block of the field: \['c'\]; the blocks are \['a', 'b'\]"),
        ({"sigma": 1.0, "method": "mc"}, "method must be one of"),
        ({"sigma": 1.0, "method": "exact"}, "no closed form.*take method='quadrature'"),
        ({"sigma": 1.0, "method": "monte carlo", "count": 3}, "must be even"),
        ({"sigma": 1.0, "count": 0}, "at least 1"),
        ({"sigma": 1.0, "count": 1000}, "more than 200000"),
    ],
)
def test_bad_input_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        smooth(polynomial(), **arguments)
