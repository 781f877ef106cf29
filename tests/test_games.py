"""The catalogue of games: every known value that a field or its Jacobian decides, by a second route."""

import itertools
import subprocess
import sys

import mpmath as mp
import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.optimize import brentq, root
from scipy.special import dawsn, zeta

from gandyn import VectorField, check_field
from gandyn.games import catalogue, gauss_hermite, points, samples
from gandyn.games.dirac import dirac_gan
from gandyn.games.gaussian import Gap, Softplus, gap_mean, softplus_mean
from gandyn.games.learning import congestion_game, rock_paper_scissors
from gandyn.games.mixtures import gaussian_mixture, two_gaussians
from gandyn.games.polynomial import (
    balduzzi,
    bilinear,
    hidden_bilinear,
    hopf,
    lq_wgan,
    matching_pennies,
    nagarajan_kolter,
)
from gandyn.games.tiny import gaussian_classifier, sigmoid_classifier

ORIGIN = np.zeros(2)
EXACT = {"rtol": 1e-12, "atol": 1e-12}
ALL_FOUR = ("W_g", "b_g", "W_d", "b_d")


def eigenvalues(system, x):
    """Eigenvalues of the Jacobian, ordered by real, then imaginary part."""
    return np.sort_complex(np.linalg.eigvals(system.jac(np.asarray(x, dtype=float))))


def conjugates(real, square):
    """real +- sqrt(square), ordered like ``eigenvalues``."""
    shift = np.sqrt(complex(square))
    return np.sort_complex(np.array([real - shift, real + shift]))


def assert_spectrum(system, x, expected, tolerance=1e-9):
    np.testing.assert_allclose(
        eigenvalues(system, x), np.sort_complex(expected), rtol=tolerance, atol=tolerance
    )


def assert_conserved(system, gradient, lower, upper, seed=0):
    """grad Q . v = 0 at random states, to rounding."""
    x = np.random.default_rng(seed).uniform(lower, upper, (50, system.layout.dim))
    rate = np.sum(gradient(x) * system(x), axis=-1)
    scale = np.sum(np.abs(gradient(x) * system(x)), axis=-1)
    assert np.all(np.abs(rate) <= 1e-12 * (1 + scale))


def flow(system, x0, t_end, **options):
    options = {"method": "DOP853", "rtol": 1e-10, "atol": 1e-12, **options}
    return solve_ivp(lambda t, x: system(x), (0.0, t_end), np.asarray(x0, dtype=float), **options)


def fixed_point(system, start):
    found = root(lambda x: system(x), start, jac=lambda x: system.jac(x), tol=1e-14)
    assert np.max(np.abs(system(found.x))) < 1e-12
    return found.x


# --- normal expectations of a classifier's loss ------------------------------------------------------


def gap_reference(order, m, tau):
    """The series of H, term by term with mpmath; the tail by Euler-Maclaurin from a far index on."""
    m, variance, far = mp.mpf(m), mp.mpf(tau) ** 2, 100

    def term(j):
        q = 1 / (1 + 2 * j * variance)
        c = j * q
        hermite = (-mp.sqrt(c)) ** order * mp.hermite(order, mp.sqrt(c) * m)
        return mp.sqrt(q) / j * hermite * mp.exp(-c * m * m)

    head = mp.fsum(term(mp.mpf(j)) for j in range(1, far))
    taylor = mp.taylor(term, mp.mpf(far), 7)
    corrections = taylor[0] / 2 - taylor[1] / 12 + taylor[3] / 120 - taylor[5] / 252 + taylor[7] / 240
    return head + corrections + mp.quad(term, [far, 100 * far, 10**6 * far, mp.inf])


POINTS = [(0.0, 1.0), (0.01, 0.001), (0.3, 0.0), (1.0, 0.5), (-2.5, 1.0), (6.0, 0.1), (1.0, 9.0), (12.0, 3.0)]


@pytest.mark.parametrize("order", range(7))
def test_gap_equals_its_series_in_high_precision(order):
    with mp.workdps(30):
        for m, tau in POINTS:
            if order % 2 and m == 0:
                assert gap_mean(order, m, tau) == 0
                continue
            expected = float(gap_reference(order, m, tau))
            assert gap_mean(order, m, tau) == pytest.approx(expected, rel=1e-11), (m, tau)


def test_gap_equals_its_definition_as_an_integral():
    for m, tau in [(0.7, 0.9), (0.0, 1.0), (-1.5, 0.4)]:
        with mp.workdps(20):
            loss = lambda z, m=m, tau=tau: -mp.log(-mp.expm1(-((m + tau * z) ** 2))) * mp.npdf(z)
            expected = mp.quad(loss, sorted([-12, -m / tau, 0.5 - m / tau, 12]))
        assert gap_mean(0, m, tau) == pytest.approx(float(expected), rel=1e-12)
    assert gap_mean(0, 0.0, 1.0) == pytest.approx(1.66424620, abs=5e-9)


def test_gap_equals_dawsons_function_and_a_smooth_rule_while_the_spread_is_moderate():
    """-log(1 - exp(-s^2)) = -log s^2 + g(s): the first part gives Dawson's function, g is smooth."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(120)
    weights = weights / weights.sum()

    def split(m, tau):
        s = m + tau * nodes
        slope = np.where(np.abs(s) < 1e-4, s, 2 / s - 2 * s / np.expm1(np.minimum(s * s, 700.0)))
        return -2 * np.sqrt(2) / tau * dawsn(m / (np.sqrt(2) * tau)) + weights @ slope

    for m, tau in itertools.product([0.1, 1.0, 2.5], [0.3, 0.7, 1.0]):
        assert split(m, tau) == pytest.approx(gap_mean(1, m, tau), abs=1e-13)
    assert abs(split(1.0, 6.0) - gap_mean(1, 1.0, 6.0)) > 1e-7, "g has poles at |s| = sqrt(2 pi)"


def test_gap_curvature_is_a_hurwitz_zeta_value():
    tau = np.array([0.05, 0.5, 1.0, 2.0, 20.0])
    closed = 2 * (2 * tau**2) ** -1.5 * zeta(1.5, 1 + 1 / (2 * tau**2))
    np.testing.assert_allclose(-gap_mean(2, 0.0, tau), closed, rtol=1e-12)
    assert -gap_mean(2, 0.0, 1.0) == pytest.approx(1.3775223733, abs=5e-11)
    assert -gap_mean(2, 0.0, 0.5) == pytest.approx(7.1209723, abs=5e-8)
    assert -gap_mean(2, 0.0, 2.0) == pytest.approx(0.2112386, abs=5e-8)


def test_gap_without_spread_is_the_function_itself():
    m = np.array([-3.0, -0.2, 1e-3, 0.5, 2.0])
    np.testing.assert_allclose(gap_mean(0, m, 0.0), -np.log(-np.expm1(-(m**2))), rtol=1e-12)
    np.testing.assert_allclose(gap_mean(1, m, 0.0), -2 * m / np.expm1(m**2), rtol=1e-12)


def test_gap_at_its_pole_and_far_out():
    assert np.isnan(gap_mean(1, 0.0, 0.0))
    assert np.isnan(gap_mean(1, np.nan, 1.0))
    assert np.isnan(gap_mean(1, np.inf, 1.0))
    assert gap_mean(2, 1e160, 1.0) == 0
    assert np.all(np.isfinite(gap_mean(4, np.array([1e-8, 1e-3]), np.array([1e-9, 0.0]))))


@pytest.mark.parametrize("order", range(5))
def test_softplus_equals_its_definition_as_an_integral(order):
    def derivative(s):
        if order == 0:
            return mp.log1p(mp.exp(s))
        sigma = 1 / (1 + mp.exp(-s))
        powers = {1: sigma, 2: sigma * (1 - sigma), 3: sigma * (1 - sigma) * (1 - 2 * sigma)}
        powers[4] = powers[2] * (1 - 6 * powers[2])
        return powers[order]

    for m, tau in [(0.0, 0.3), (1.5, 1.0), (-4.0, 5.0)]:
        with mp.workdps(20):
            expected = mp.quad(lambda z, m=m, t=tau: derivative(m + t * z) * mp.npdf(z), range(-12, 13))
        assert softplus_mean(order, m, tau) == pytest.approx(float(expected), rel=1e-14, abs=1e-15)


@pytest.mark.parametrize("order", range(7))
def test_softplus_of_a_wide_spread_continues_that_of_a_narrow_one(order):
    m = np.linspace(-300, 300, 13) + 7
    below, above = softplus_mean(order, m, 100.0), softplus_mean(order, m, np.nextafter(100.0, 101.0))
    np.testing.assert_allclose(above, below, rtol=1e-13, atol=1e-16)
    assert np.isfinite(softplus_mean(order, 1.0, 1e12))


@pytest.mark.parametrize(("family", "mean"), [(Gap, gap_mean), (Softplus, softplus_mean)])
def test_heat_equation_and_compiled_scalar(family, mean):
    """d/dtau = tau d^2/dm^2, by a difference quotient; and the compiled function equals its Python."""
    m, tau, h = 0.7, 1.1, 1e-4
    slope = (mean(1, m, tau + h) - mean(1, m, tau - h)) / (2 * h)
    assert slope == pytest.approx(tau * mean(3, m, tau), rel=1e-6)
    assert mean(3, m, -tau) == mean(3, m, tau)
    assert family.scalar.py_func(3, m, tau) == pytest.approx(mean(3, m, tau), rel=1e-13)


# --- bilinear and other small games ------------------------------------------------------------------


def test_bilinear_rotates():
    field = bilinear(1.7)
    np.testing.assert_allclose(field(np.array([2.0, 3.0])), [-1.7 * 3, 1.7 * 2], **EXACT)
    assert_spectrum(field, [0.4, -0.9], [1.7j, -1.7j])
    assert_conserved(field, lambda x: x, -2, 2)


def test_bilinear_in_many_dimensions_has_the_singular_values():
    M = np.random.default_rng(1).standard_normal((3, 2))
    field = bilinear(0.5, matrix=M)
    assert field.layout.names == ("x1", "x2", "x3", "y1", "y2")
    x = np.random.default_rng(2).standard_normal(5)
    np.testing.assert_allclose(field(x), np.r_[-0.5 * M @ x[3:], 0.5 * M.T @ x[:3]], **EXACT)
    sizes = 0.5 * np.linalg.svd(M, compute_uv=False)
    expected = np.sort(np.r_[sizes, -sizes, 0.0])
    np.testing.assert_allclose(np.sort(eigenvalues(field, x).imag), expected, atol=1e-12)
    assert bilinear(n=2).layout.dim == 4
    np.testing.assert_array_equal(bilinear(n=2)(np.array([1.0, 2.0, 3.0, 4.0])), [-3, -4, 1, 2])


@pytest.mark.parametrize("matrix", [[1.0], [[np.nan]], np.zeros((0, 2))])
def test_bilinear_refuses_a_matrix_that_is_none(matrix):
    with pytest.raises(ValueError, match="finite and of shape"):
        bilinear(matrix=matrix)


def test_bilinear_refuses_no_dimension():
    with pytest.raises(ValueError, match="at least 1"):
        bilinear(n=0)


def test_hopf_game():
    for mu in (-0.2, 0.01, 0.3):
        assert_spectrum(hopf(mu), ORIGIN, [mu - 1j, mu + 1j])
    mu = 0.004
    orbit = flow(hopf(mu), [0.05, 0.0], 3000.0, rtol=1e-8, atol=1e-10, t_eval=np.linspace(2900, 3000, 2000))
    radius = np.hypot(*orbit.y)
    assert np.mean(radius) == pytest.approx(np.sqrt(4 * mu / 3), rel=2e-3)


def test_balduzzi():
    field = balduzzi()
    assert_spectrum(field, [0.3, 0.8], [-1 - 10j, -1 + 10j])
    value = eigenvalues(field, ORIGIN)[0]
    assert -2 * value.real / abs(value) ** 2 == pytest.approx(2 / 101, rel=1e-12)
    J = field.jac(ORIGIN)
    rotation = (J - J.T) / 2
    np.testing.assert_allclose(np.linalg.eigvals(J - rotation.T @ J).real, [-101, -101], rtol=1e-12)


def test_hidden_bilinear_and_matching_pennies():
    assert_spectrum(hidden_bilinear(), ORIGIN, [-0.25j, 0.25j])
    assert_spectrum(hidden_bilinear(3.0), ORIGIN, [-0.75j, 0.75j])
    assert_conserved(hidden_bilinear(1.3), np.sinh, -3, 3)
    assert_conserved(matching_pennies(), np.sinh, -3, 3)
    assert_spectrum(matching_pennies(0.6), ORIGIN, [-0.15 - 0.25j, -0.15 + 0.25j])
    x = np.random.default_rng(0).uniform(-4, 4, (20, 2))
    np.testing.assert_allclose(matching_pennies()(x), hidden_bilinear()(x), **EXACT)


def test_matching_pennies_pays_by_the_probabilities():
    p, q = (1 / (1 + np.exp(-s)) for s in (0.8, -1.1))
    entropy_slope = lambda p, s: -s * p * (1 - p)
    expected = [
        -2 * p * (1 - p) * (2 * q - 1) + 0.5 * entropy_slope(p, 0.8),
        2 * q * (1 - q) * (2 * p - 1) + 0.5 * entropy_slope(q, -1.1),
    ]
    np.testing.assert_allclose(matching_pennies(0.5)(np.array([0.8, -1.1])), expected, **EXACT)


@pytest.mark.parametrize("sigma", [1.0, 0.6])
def test_lq_wgan(sigma):
    field = lq_wgan(sigma)
    a, w = 1.3, -0.4
    np.testing.assert_allclose(field(np.array([a, w])), [2 * w * a, sigma**2 - a**2], **EXACT)
    for sign in (1, -1):
        assert_spectrum(field, [sign * sigma, 0.0], [-2j * sigma, 2j * sigma])
    assert_conserved(
        field, lambda x: np.stack([x[:, 0] - sigma**2 / x[:, 0], 2 * x[:, 1]], axis=-1), [0.2, -2], [3, 2]
    )


def test_nagarajan_kolter():
    assert_spectrum(nagarajan_kolter(), [1.0, 0.0], conjugates(-1 / 20, 1 / 400 - 1 / 9))
    assert_spectrum(nagarajan_kolter("wasserstein"), [1.0, 0.0], [-2j / 3, 2j / 3])
    for eta in (0.3, 1.2, 4.0):
        expected = conjugates(-4 * eta / 9, 16 * eta**2 / 81 - 4 / 9)
        assert_spectrum(nagarajan_kolter("wasserstein", eta), [1.0, 0.0], expected)
    with pytest.raises(ValueError, match="'logistic' or 'wasserstein'"):
        nagarajan_kolter("hinge")


def test_nagarajan_kolter_rule_is_exact():
    field = nagarajan_kolter(eta=0.7)
    a, w = 1.4, 5.0
    with mp.workdps(20):
        sigma = lambda t: 1 / (1 + mp.exp(-t))
        mean = lambda f: mp.quad(f, [0, 0.5, 1])
        slope = mean(lambda x: x**2 * sigma(-w * x**2)) - mean(lambda z: a**2 * z**2 * sigma(w * a**2 * z**2))
        fake = mean(lambda z: 2 * w * a * z**2 * sigma(w * a**2 * z**2))
        cross = -mean(
            lambda z: (
                2 * a * z**2 * sigma(w * a**2 * z**2)
                + a**2 * z**2 * 2 * w * a * z**2 * sigma(w * a**2 * z**2) * sigma(-w * a**2 * z**2)
            )
        )
        expected = [float(fake - 0.7 * 2 * slope * cross), float(slope)]
    np.testing.assert_allclose(field(np.array([a, w])), expected, rtol=1e-12)


# --- Dirac-GAN ---------------------------------------------------------------------------------------


def f_slope(t):
    """f'(t) for f(t) = -log(1 + exp(-t))."""
    return 1 / (1 + np.exp(t))


@pytest.mark.parametrize(
    ("loss", "velocity"),
    [
        ("saturating", lambda th, ps: (-ps * f_slope(th * ps), th * f_slope(th * ps))),
        ("nonsaturating", lambda th, ps: (-ps * f_slope(-th * ps), th * f_slope(th * ps))),
        ("wasserstein", lambda th, ps: (-ps, th)),
    ],
)
def test_dirac_velocity_is_the_papers(loss, velocity):
    for theta, psi in [(1.0, 1.0), (-0.7, 1.8), (0.0, -2.0)]:
        np.testing.assert_allclose(dirac_gan(loss)(np.array([theta, psi])), velocity(theta, psi), **EXACT)


@pytest.mark.parametrize("regularizer", ["r1", "r2"])
@pytest.mark.parametrize("gamma", [-0.05, 0.3, 1.0, 1.7])
def test_dirac_gradient_penalty_on_data(regularizer, gamma):
    for loss in ("saturating", "nonsaturating"):
        field = dirac_gan(loss, regularizer, gamma=gamma)
        tolerance = 1e-7 if gamma == 1 else 1e-9  # a double eigenvalue moves by the root of the rounding
        assert_spectrum(field, ORIGIN, conjugates(-gamma / 2, gamma**2 / 4 - 1 / 4), tolerance)


def test_dirac_eigenvalues():
    assert_spectrum(dirac_gan(), ORIGIN, [-0.5j, 0.5j])
    assert_spectrum(dirac_gan("nonsaturating"), ORIGIN, [-0.5j, 0.5j])
    assert_spectrum(dirac_gan("wasserstein"), ORIGIN, [-1j, 1j])
    for sigma in (0.3, 0.7, 2.0):
        expected = conjugates(-(sigma**2) / 4, sigma**4 / 16 - 1 / 4)
        assert_spectrum(dirac_gan(regularizer="noise", sigma=sigma), ORIGIN, expected)
    for gamma in (0.2, 1.0, 3.0):
        consensus = dirac_gan(regularizer="consensus", gamma=gamma)
        assert_spectrum(consensus, ORIGIN, conjugates(-gamma / 4, -1 / 4))
        step = min(-2 * value.real / abs(value) ** 2 for value in eigenvalues(consensus, ORIGIN))
        assert step == pytest.approx(2 * gamma / (1 + gamma**2 / 4), rel=1e-12)
    r1 = dirac_gan(regularizer="r1", gamma=0.4)
    step = min(-2 * value.real / abs(value) ** 2 for value in eigenvalues(r1, ORIGIN))
    assert step == pytest.approx(4 * 0.4, rel=1e-12)


def test_dirac_critical_constants():
    """The pair meets on the real axis where the discriminant of the Jacobian vanishes."""

    def discriminant(field):
        J = field.jac(ORIGIN)
        return np.trace(J) ** 2 - 4 * np.linalg.det(J)

    noise = dirac_gan(regularizer="noise")
    assert brentq(lambda s: discriminant(noise.with_constants(sigma=s)), 1, 2, xtol=1e-13) == pytest.approx(
        np.sqrt(2), rel=1e-10
    )
    r1 = dirac_gan(regularizer="r1")
    assert brentq(lambda g: discriminant(r1.with_constants(gamma=g)), 0.5, 2, xtol=1e-13) == pytest.approx(1)
    for gamma in (0.5, 2.0):
        member = r1.with_constants(gamma=gamma)
        kappa = brentq(lambda k, m=member: discriminant(m.with_constants(kappa=k)), 1e-3, 50, xtol=1e-13)
        assert kappa == pytest.approx(1 / gamma**2, rel=1e-10)
        expected = conjugates(-2.5 * gamma / 2, 2.5**2 * gamma**2 / 4 - 2.5 / 4)
        assert_spectrum(r1.with_constants(gamma=gamma, kappa=2.5), ORIGIN, expected)


def test_dirac_consensus_is_the_field_less_the_gradient_of_its_square():
    plain, consensus = dirac_gan("nonsaturating"), dirac_gan("nonsaturating", "consensus", gamma=0.8)
    x = np.random.default_rng(0).uniform(-2, 2, (20, 2))
    expected = plain(x) - 0.8 * plain.vjp(x, plain(x))
    np.testing.assert_allclose(consensus(x), expected, rtol=1e-12, atol=1e-13)


def test_dirac_instance_noise_is_the_mean_over_noisy_points():
    rule = gauss_hermite(200)
    theta, psi, sigma = 0.9, -1.3, 0.7
    noisy = theta + sigma * rule.values
    fake_d = noisy * f_slope(psi * noisy)
    real_d = -sigma * rule.values * f_slope(-psi * sigma * rule.values)
    expected = [-psi * rule.weights @ f_slope(psi * noisy), rule.weights @ (fake_d + real_d)]
    field = dirac_gan(regularizer="noise", sigma=sigma)
    np.testing.assert_allclose(field(np.array([theta, psi])), expected, rtol=1e-12)
    quiet = dirac_gan(regularizer="noise", sigma=0.0)
    np.testing.assert_allclose(quiet(np.array([theta, psi])), dirac_gan()(np.array([theta, psi])), **EXACT)


@pytest.mark.parametrize("loss", ["saturating", "wasserstein"])
def test_dirac_conserves_the_radius(loss):
    assert_conserved(dirac_gan(loss), lambda x: x, -2, 2)


def test_dirac_descent_grows_by_the_stated_factor():
    h, x = 0.2, np.random.default_rng(0).uniform(-2, 2, (30, 2))
    after = x + h * dirac_gan()(x)
    growth = np.sum(after**2, axis=-1) / np.sum(x**2, axis=-1)
    np.testing.assert_allclose(growth, 1 + h**2 * f_slope(x[:, 0] * x[:, 1]) ** 2, rtol=1e-12)


@pytest.mark.parametrize("h", [0.001, 0.01])
def test_dirac_nonsaturating_descent_has_a_limit_circle(h):
    """The mean growth of the radius in a turn is positive within about sqrt(2h), negative without."""
    field = dirac_gan("nonsaturating")
    angle = 2 * np.pi * np.arange(256) / 256
    circle = np.stack([np.cos(angle), np.sin(angle)], axis=-1)

    def growth(radius):
        after = radius * circle + h * field(radius * circle)
        return np.mean(np.log(np.hypot(after[:, 0], after[:, 1]) / radius))

    radius = brentq(growth, 0.3 * np.sqrt(2 * h), 2 * np.sqrt(2 * h), xtol=1e-12)
    assert growth(0.9 * radius) > 0
    assert radius == pytest.approx(np.sqrt(2 * h), rel=2 * h)


def test_dirac_nonsaturating_with_negative_r1_has_a_small_cycle():
    gamma = -0.005
    field = dirac_gan("nonsaturating", "r1", gamma=gamma)
    orbit = flow(field, [0.15, 0.0], 2500.0, rtol=1e-8, atol=1e-10, t_eval=np.linspace(2400, 2500, 2000))
    assert np.mean(np.hypot(*orbit.y)) == pytest.approx(np.sqrt(-8 * gamma), rel=0.01)


@pytest.mark.parametrize(("lam", "g0"), [(0.7, 1.0), (0.3, 2.0)])
def test_dirac_gradient_penalty_has_its_cycle(lam, g0):
    """Half a turn from (theta, 0) back to psi = 0: an affine map of theta, with the jump taken exactly."""
    field = dirac_gan("wasserstein", "gradient_penalty", lam=lam, g0=g0)
    omega = np.sqrt(1 - lam**2 / 4)
    back = lambda t, x: x[1]
    back.terminal, back.direction = True, -1

    def half_turn(theta):
        turn = flow(field, [theta, 1e-14], 20.0, events=back, rtol=1e-12, atol=1e-14)
        return -turn.y_events[0][0][0], turn.t_events[0][0]

    amplitude = lam * g0 / np.tanh(np.pi * lam / (4 * omega))
    returned, half_period = half_turn(amplitude)
    assert returned == pytest.approx(amplitude, rel=1e-9)
    assert half_period == pytest.approx(np.pi / omega, rel=1e-9)
    slope = (half_turn(amplitude + 0.2)[0] - returned) / 0.2
    assert np.log(slope) / half_period == pytest.approx(-lam / 2, rel=1e-7), "exponents 0 and -lam/2"


def test_dirac_gradient_penalty_jumps():
    field = dirac_gan("wasserstein", "gradient_penalty", lam=0.7, g0=1.0)
    x = np.array([[0.0, 0.5], [0.0, -0.5], [0.0, 0.0]])
    np.testing.assert_allclose(field(x)[:, 1], [-0.7 * -0.5, 0.7 * -0.5, 0.0], **EXACT)
    np.testing.assert_allclose(field.jac(x)[:, 1, 1], [-0.7] * 3, **EXACT)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"loss": "hinge"}, "loss must be one of"),
        ({"regularizer": "r3"}, "regularizer must be one of"),
        ({"gamma": 0.3}, "regularizer='r1' or 'r2' or 'consensus'"),
        ({"regularizer": "noise", "lam": 0.3}, "regularizer='gradient_penalty'"),
        ({"loss": "wasserstein", "regularizer": "noise"}, "no effect"),
    ],
)
def test_dirac_refuses(settings, message):
    with pytest.raises(ValueError, match=message):
        dirac_gan(**settings)


# --- tiny GANs ---------------------------------------------------------------------------------------


def gaussian_game_by_hand(W_g, b_g, W_d, b_d, h=1e-5):
    """The velocity of the saturating Gaussian game from its losses in mpmath, by differentiation."""

    def fake_loss(W_g, b_g, W_d, b_d):
        m, tau = W_d * b_g + b_d, W_d * W_g
        loss = lambda z: -mp.log(-mp.expm1(-((m + tau * z) ** 2))) * mp.npdf(z)
        return mp.quad(loss, sorted([-12, -m / tau - 1, -m / tau, -m / tau + 1, 12]))

    with mp.workdps(25):
        x = [mp.mpf(v) for v in (W_g, b_g, W_d, b_d)]
        slopes = []
        for i in range(4):
            up, down = list(x), list(x)
            up[i] += h
            down[i] -= h
            slopes.append((fake_loss(*up) - fake_loss(*down)) / (2 * h))
        return [float(s) for s in (slopes[0], slopes[1], -2 * x[2] - slopes[2], -2 * x[3] - slopes[3])]


def test_gaussian_classifier_is_its_definition():
    x = [1.2, 0.3, 0.7, -0.5]
    field = gaussian_classifier(ALL_FOUR)
    np.testing.assert_allclose(field(np.array(x)), gaussian_game_by_hand(*x), rtol=1e-8)


SUBSETS = [free for size in (1, 2, 3) for free in itertools.combinations(ALL_FOUR, size)]


@pytest.mark.parametrize(
    ("classifier", "generator_loss", "subsets"),
    [
        (gaussian_classifier, "saturating", SUBSETS),
        (gaussian_classifier, "nonsaturating", SUBSETS[::4]),
        (sigmoid_classifier, "saturating", SUBSETS[1::4]),
        (sigmoid_classifier, "nonsaturating", SUBSETS[2::4]),
    ],
)
def test_free_subsets_are_slices_of_the_full_game(classifier, generator_loss, subsets):
    x = np.array([1.2, 0.3, 0.7, -0.5])
    values = dict(zip(ALL_FOUR, x, strict=True))
    full = classifier(ALL_FOUR, generator_loss)
    for free in subsets:
        index = [ALL_FOUR.index(name) for name in free]
        rest = {name: value for name, value in values.items() if name not in free}
        part = classifier(free, generator_loss, **rest)
        assert part.layout.names == free
        np.testing.assert_allclose(part(x[index]), full(x)[index], **EXACT)
        expected = full.jac(x)[np.ix_(index, index)]
        np.testing.assert_allclose(part.jac(x[index]), expected, rtol=1e-10, atol=1e-12)


def test_gaussian_classifier_jacobian_at_the_origin():
    for W_d in (0.5, 1.0, 2.0):
        c = 2 * (2 * W_d**2) ** -1.5 * zeta(1.5, 1 + 1 / (2 * W_d**2))
        expected = [[-(W_d**2) * c, -W_d * c], [W_d * c, c - 2]]
        field = gaussian_classifier(W_d=W_d)
        np.testing.assert_allclose(field.jac(ORIGIN), expected, rtol=1e-11)
        np.testing.assert_array_equal(field(ORIGIN), [0, 0])
    value = eigenvalues(gaussian_classifier(), ORIGIN)
    np.testing.assert_allclose(value, [-1 - 1.324781j, -1 + 1.324781j], atol=5e-7)
    value = eigenvalues(gaussian_classifier(W_d=2.0), ORIGIN)
    np.testing.assert_allclose(value, [-1.527110, -1.106606], atol=5e-7)
    value = eigenvalues(gaussian_classifier(W_d=0.5), ORIGIN)
    np.testing.assert_allclose(value, [1.670365 - 0.877706j, 1.670365 + 0.877706j], atol=5e-7)


def test_gaussian_classifier_has_no_other_fixed_point():
    """v_G vanishes only on m = 0, where v_D = -2 b_d."""
    grid = np.stack(np.meshgrid(np.linspace(-4, 4, 81), np.linspace(-4, 4, 81)), axis=-1)
    for W_d in (0.5, 1.0, 2.0):
        v = gaussian_classifier(W_d=W_d)(grid)
        m = W_d * grid[..., 0] + grid[..., 1]
        on_axis = np.abs(m) < 1e-12
        np.testing.assert_allclose(v[on_axis][:, 0], 0, atol=1e-12)
        np.testing.assert_array_equal(np.sign(v[~on_axis][:, 0]), -np.sign(m[~on_axis]))
        np.testing.assert_allclose(v[on_axis][:, 1], -2 * grid[on_axis][:, 1], atol=1e-11)


def test_gaussian_classifier_bifurcates_where_stated():
    field = gaussian_classifier()
    growth = lambda W_d: np.max(eigenvalues(field.with_constants(W_d=W_d), ORIGIN).real)
    assert brentq(growth, 0.5, 0.9, xtol=1e-12) == pytest.approx(0.671455, abs=5e-7)
    own = lambda W_d: field.with_constants(W_d=W_d).jac(ORIGIN)[1, 1]
    assert brentq(own, 0.5, 1.2, xtol=1e-12) == pytest.approx(0.8618, abs=5e-5), "not a local Nash below"
    assert growth(0.75) < 0 < own(0.75)
    value = eigenvalues(field, ORIGIN)[0]
    assert -2 * value.real / abs(value) ** 2 == pytest.approx(0.725941, abs=5e-7)
    assert -2 * value.real / abs(value) ** 2 == pytest.approx(1 / 1.3775223733, rel=1e-9)
    slow = gaussian_classifier(W_d=0.5)
    growth = lambda kappa: np.max(eigenvalues(slow.with_constants(kappa=kappa), ORIGIN).real)
    assert brentq(growth, 0.1, 0.9, xtol=1e-12) == pytest.approx(0.347638, abs=5e-7)
    assert growth(0.3) < 0


def test_gaussian_classifier_has_its_limit_cycle():
    field = gaussian_classifier(W_d=0.5)
    crossing = lambda t, x: x[0]
    crossing.direction = 1
    orbits = [
        flow(field, start, 120.0, events=crossing, t_eval=np.linspace(100, 120, 4001), rtol=1e-9, atol=1e-11)
        for start in ([0.1, 0.0], [3.0, 1.0])
    ]
    for orbit in orbits:
        np.testing.assert_allclose(np.diff(orbit.t_events[0])[-3:], 7.5568, atol=1e-4)
        np.testing.assert_allclose(np.max(np.abs(orbit.y), axis=1), [1.8523, 1.2034], atol=1e-4)


def test_gaussian_classifier_collapses_in_finite_time():
    field = gaussian_classifier(("W_g", "W_d"))
    np.testing.assert_allclose(field(np.array([1.0, 1.0])), [-1.3775, -0.6225], atol=5e-5)
    x = np.random.default_rng(0).uniform(0.1, 2.5, (40, 2))
    np.testing.assert_allclose(2 * np.sum(x * field(x), axis=-1), -4 * x[:, 1] ** 2, rtol=1e-11)
    collapsed = lambda t, x: x[0] - 1e-3
    collapsed.terminal = True
    orbit = flow(field, [1.0, 1.0], 1.0, events=collapsed)
    assert orbit.t_events[0][0] == pytest.approx(0.3044, abs=5e-5)


def test_gaussian_classifier_with_all_four_free_rests_on_lines():
    field = gaussian_classifier(ALL_FOUR)
    for W_g, sign in itertools.product([-0.5, 0.0, 1.0, 3.0], [-1, 1]):
        np.testing.assert_allclose(field(np.array([W_g, 0, 0, sign * np.sqrt(np.log(2))])), 0, atol=1e-13)
    value = eigenvalues(field, [1, 0, 0, np.sqrt(np.log(2))])
    np.testing.assert_allclose(value, [-8 * np.log(2), -4.98949, -0.55569, 0], atol=5e-6)
    assert np.min(np.abs(value)) < 1e-12
    assert value[0].real == pytest.approx(-8 * np.log(2), rel=1e-12)


def test_gaussian_classifier_is_finite_off_its_pole():
    field = gaussian_classifier(ALL_FOUR)
    for x in ([0.0, 0.5, 1.0, 0.2], [0.0, 0.0, 0.0, 1.0], [1.0, 0.0, 1e-9, 1e-9], [50.0, 3.0, 40.0, -7.0]):
        assert np.all(np.isfinite(field(np.array(x))))
        assert np.all(np.isfinite(field.jac(np.array(x))))
    collapsed = np.array([0.0, 0.4, 1.5, 0.1])
    near = np.array([1e-7, 0.4, 1.5, 0.1])
    np.testing.assert_allclose(field(near), field(collapsed), atol=2e-6)
    np.testing.assert_allclose(field.jac(near), field.jac(collapsed), atol=2e-5)


def test_gauss_hermite_has_false_poles_where_the_closed_form_has_none():
    """Between two nodes the rule's derivative runs from -inf to inf; the closed form is smooth."""
    rule = gauss_hermite(40)
    nodes = gaussian_classifier(latent=rule)
    close = -rule.values[20] + np.array([-1e-6, 1e-6])
    v = nodes(np.stack([close, 0 * close], axis=-1))[:, 0]
    assert abs(v[0] - v[1]) > 1e3
    exact = gaussian_classifier()(np.stack([close, 0 * close], axis=-1))[:, 0]
    assert abs(exact[0] - exact[1]) < 1e-5


@pytest.mark.parametrize("n", [2, 5, 9])
def test_gaussian_classifier_on_samples_has_saddles_between_them(n):
    """Exactly N - 1 fixed points, all on b_d = -mean(x), all saddles."""
    rng = np.random.default_rng(n)
    x, z = rng.standard_normal(n), np.sort(rng.standard_normal(n))
    field = gaussian_classifier(data=samples(x), latent=samples(z))
    b_d = -np.mean(x)
    v_g = lambda b_g: field(np.array([b_g, b_d]))[0]
    poles = np.sort(-z - b_d)
    roots = [
        brentq(v_g, low + 1e-6 * (high - low), high - 1e-6 * (high - low), xtol=1e-14)
        for low, high in itertools.pairwise(poles)
    ]
    assert len(roots) == n - 1
    for b_g in roots:
        point = np.array([b_g, b_d])
        scale = np.max(np.abs(field.jac(point)))
        assert np.max(np.abs(field(point))) < 1e-12 * scale + 1e-12
        assert np.linalg.det(field.jac(point)) < 0
    outside = np.r_[poles[0] - np.geomspace(1e-3, 5, 50), poles[-1] + np.geomspace(1e-3, 5, 50)]
    assert np.all(np.array([v_g(b) for b in outside]) != 0)
    between = np.concatenate([np.linspace(a, b, 203)[1:-1] for a, b in itertools.pairwise(poles)])
    signs = np.sign(field(np.stack([between, np.full_like(between, b_d)], axis=-1))[:, 0])
    assert np.sum(np.diff(signs.reshape(n - 1, -1)) != 0) == n - 1


def test_exact_forms_are_the_limit_of_rules_and_samples():
    x = np.random.default_rng(3).uniform(-1.5, 1.5, (6, 4))
    for classifier, generator_loss in itertools.product(
        (sigmoid_classifier, gaussian_classifier), ("saturating", "nonsaturating")
    ):
        exact = classifier(ALL_FOUR, generator_loss)
        if classifier is sigmoid_classifier:
            rule = classifier(ALL_FOUR, generator_loss, nodes=120)
            np.testing.assert_allclose(rule(x), exact(x), rtol=1e-11, atol=1e-12)
            np.testing.assert_allclose(rule.jac(x), exact.jac(x), rtol=1e-10, atol=1e-11)
        else:
            half = classifier(ALL_FOUR, generator_loss, data=gauss_hermite(30))
            np.testing.assert_allclose(half(x), exact(x), rtol=1e-11, atol=1e-12)
    many = sigmoid_classifier(ALL_FOUR, samples=200_000, seed=4)
    np.testing.assert_allclose(many(x[0]), sigmoid_classifier(ALL_FOUR)(x[0]), atol=0.02)


def test_samples_are_fixed_by_their_seed_and_data_differ_from_latents():
    x = np.array([0.3, -0.2])
    one, again, other = (gaussian_classifier(samples=5, seed=s)(x) for s in (7, 7, 8))
    np.testing.assert_array_equal(one, again)
    assert np.all(one != other)
    weights = sigmoid_classifier(("W_g", "W_d"), samples=1, seed=0)(np.array([1.0, 0.0]))
    assert weights[1] != 0, "the one datum and the one latent differ"


@pytest.mark.parametrize("generator_loss", ["saturating", "nonsaturating"])
@pytest.mark.parametrize("classifier", ["sigmoid", "gaussian"])
def test_losses_on_samples_by_hand(classifier, generator_loss):
    """Central differences of the losses as the paper writes them, with eps, L2 and kappa."""
    rng = np.random.default_rng(5)
    x, z, eps, l2, kappa = rng.standard_normal(6), rng.standard_normal(6), 1e-2, 0.3, 1.7
    d = (lambda s: 1 / (1 + np.exp(-s))) if classifier == "sigmoid" else (lambda s: np.exp(-(s**2)))

    def losses(p):
        W_g, b_g, W_d, b_d = p
        real, fake = d(W_d * x + b_d), d(W_d * (W_g * z + b_g) + b_d)
        loss_d = -np.mean(np.log(real + eps)) - np.mean(np.log(1 - fake + eps)) + l2 * (W_d**2 + b_d**2) / 2
        fooled = np.log(1 - fake + eps) if generator_loss == "saturating" else -np.log(fake + eps)
        return np.mean(fooled) + l2 * (W_g**2 + b_g**2) / 2, kappa * loss_d

    make = sigmoid_classifier if classifier == "sigmoid" else gaussian_classifier
    field = make(ALL_FOUR, generator_loss, data=points(x), latent=points(z), eps=eps, l2=l2, kappa=kappa)
    p, h = np.array([0.8, 0.2, 1.1, -0.3]), 1e-6
    slopes = [(np.array(losses(p + h * e)) - losses(p - h * e)) / (2 * h) for e in np.eye(4)]
    expected = [-slopes[0][0], -slopes[1][0], -slopes[2][1], -slopes[3][1]]
    np.testing.assert_allclose(field(p), expected, rtol=1e-7)


def test_eps_bounds_the_sampled_gradient():
    pole = np.array([0.5, -0.5 - 0.5])  # the first latent, 0.5, lands where d = 1
    raw = gaussian_classifier(data=points([0.0]), latent=points([0.5]))
    safe = gaussian_classifier(data=points([0.0]), latent=points([0.5]), eps=1e-3)
    steps = np.linspace(-0.1, 0.1, 2000)[:, None] * np.array([1.0, 0.0]) + pole
    assert np.max(np.abs(raw(steps))) > 1e4
    assert np.max(np.abs(safe(steps))) < 100


def test_sigmoid_classifier_runs_away():
    grid = np.stack(np.meshgrid(np.linspace(-20, 20, 41), np.linspace(-20, 20, 41)), axis=-1)
    assert np.all(sigmoid_classifier()(grid)[..., 0] > 0)
    orbit = flow(
        sigmoid_classifier(), [0.0, 0.0], 1e5, method="LSODA", rtol=1e-9, atol=1e-10, t_eval=[1e3, 1e4, 1e5]
    )
    drift = np.abs(orbit.y[0] / orbit.t - 1)
    offset = np.abs(orbit.y[1] + np.log(orbit.t) + 0.5)
    assert np.all(np.diff(drift) < 0)
    assert np.all(np.diff(offset) < 0)
    assert drift[-1] < 1e-3
    assert offset[-1] < 1e-3


@pytest.mark.parametrize(
    ("l2", "point"), [(0.1, (9.9955, -1.7976)), (0.3, (2.8707, -0.7205)), (1.0, (0.6056, -0.0875))]
)
def test_sigmoid_classifier_with_weight_decay_has_a_stable_node(l2, point):
    field = sigmoid_classifier(l2=l2)
    found = fixed_point(field, np.array(point))
    np.testing.assert_allclose(found, point, atol=5e-5)
    value = eigenvalues(field, found)
    assert np.all(value.imag == 0)
    assert np.all(value.real < 0)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"free": ("b_g", "B_d")}, "free must name some of"),
        ({"free": ("b_g", "b_g")}, "each once"),
        ({"free": ()}, "free must name some of"),
        ({"b_d": 1.0}, "b_d is free"),
        ({"generator_loss": "hinge"}, "generator_loss must be"),
        ({"samples": 5, "nodes": 20}, "samples and nodes"),
        ({"samples": 5, "data": gauss_hermite(5)}, "one source of data"),
        ({"eps": 1e-8}, "samples=2500 or nodes=120"),
        ({"eps": 1e-8, "data": gauss_hermite(5)}, "both data and latent"),
        ({"samples": 0}, "n >= 1"),
    ],
)
@pytest.mark.parametrize("classifier", [sigmoid_classifier, gaussian_classifier])
def test_tiny_games_refuse(classifier, settings, message):
    with pytest.raises(ValueError, match=message):
        classifier(**settings)


# --- mixtures ----------------------------------------------------------------------------------------


def normal(x, mean):
    return np.exp(-((x - mean) ** 2) / 2) / np.sqrt(2 * np.pi)


def test_two_gaussians_edges_climb_the_difference_of_densities():
    mu1, mu2, l1, r1, l2, r2 = x = np.array([-0.4, 1.3, -2.0, -0.6, 0.2, 2.4])
    excess = lambda e: (normal(e, -1) + normal(e, 1) - normal(e, mu1) - normal(e, mu2)) / 2
    pull = lambda mu: sum(normal(r, mu) - normal(left, mu) for left, r in ((l1, r1), (l2, r2))) / 2
    expected = [-pull(mu1), -pull(mu2), -excess(l1), excess(r1), -excess(l2), excess(r2)]
    np.testing.assert_allclose(two_gaussians()(x), expected, rtol=1e-13, atol=1e-15)
    scaled = two_gaussians(kappa=3.0)(x)
    np.testing.assert_allclose(scaled, np.array(expected) * [1, 1, 3, 3, 3, 3], rtol=1e-13)


def test_two_gaussians_rests_when_the_generator_is_right_and_the_interval_is_even():
    field = two_gaussians()
    edges = np.random.default_rng(0).uniform(-3, 3, 4)
    np.testing.assert_allclose(field(np.r_[-1.0, 1.0, edges])[2:], 0, atol=1e-16)
    np.testing.assert_array_equal(field(np.array([-1.0, 1.0, 0.5, 0.5, 2.0, 2.0])), 0)


def test_two_gaussians_converges_from_some_starts_and_collapses_from_others():
    options = {"method": "RK45", "rtol": 1e-8, "atol": 1e-10, "max_step": 0.5}
    good = flow(two_gaussians(), [-0.5, 0.5, -2.0, -0.5, 0.5, 2.0], 400.0, **options).y[:, -1]
    np.testing.assert_allclose(np.sort(good[:2]), [-1, 1], atol=1e-6)
    bad = flow(two_gaussians(), [-0.8, -0.31, -2.83, -2.25, 0.88, 1.02], 100.0, **options).y[:, -1]
    assert np.all(bad[2::2] >= bad[3::2]), "both intervals are empty"
    np.testing.assert_array_equal(two_gaussians()(bad), 0)
    assert np.max(np.abs(np.sort(bad[:2]) - [-1, 1])) > 0.5, "with the generator at rest, and wrong"
    merged = flow(two_gaussians(), [0.3, 0.3, -2.0, -0.5, 0.5, 2.0], 50.0, **options).y
    np.testing.assert_array_equal(merged[0], merged[1])


def test_two_gaussians_counts_a_turned_interval_only_when_signed():
    x = np.array([-0.4, 1.3, -0.6, -2.0, 0.2, 2.4])
    turned = np.array([-0.4, 1.3, -2.0, -0.6, 0.2, 2.4])
    alone = np.array([-0.4, 1.3, 0.0, 0.0, 0.2, 2.4])
    field, signed = two_gaussians(), two_gaussians(signed=True)
    np.testing.assert_array_equal(field(x)[2:4], 0)
    np.testing.assert_allclose(field(x)[:2], field(alone)[:2], rtol=1e-15)
    np.testing.assert_allclose(signed(turned), field(turned), rtol=1e-14)
    np.testing.assert_allclose(signed(x)[[3, 2]], -field(turned)[[2, 3]] * [1, 1], rtol=1e-13)


def test_gaussian_mixture_equilibrium_has_the_stated_block_form():
    c, s = 2.0, 0.5
    field = gaussian_mixture(c, s)
    point = np.array([c, -c, 0.0, 0.0])
    np.testing.assert_allclose(field(point), 0, atol=1e-14)
    mean = np.array([c, -c])
    gradient = np.stack([np.ones(2), 2 * mean], axis=-1)
    fourth = c**4 + 6 * c**2 * s**2 + 3 * s**4
    second = np.diag([c**2 + s**2, fourth - (c**2 + s**2) ** 2])
    J = np.block([[np.zeros((2, 2)), gradient / 4], [-gradient.T / 4, -second / 2]])
    np.testing.assert_allclose(field.jac(point), J, atol=1e-12)
    assert np.all(eigenvalues(field, point).real < 0)
    collapsed = fixed_point(field, [1.896, 1.896, -0.524, 0.138])
    assert collapsed[0] == pytest.approx(collapsed[1], abs=1e-12)
    value = eigenvalues(field, collapsed)
    assert np.sum(value.real > 0) == 1
    assert value[-1].real == pytest.approx(0.03774, abs=5e-5)


def test_gaussian_mixture_finds_both_modes_unless_they_have_merged():
    field, options = gaussian_mixture(), {"method": "LSODA", "rtol": 1e-8, "atol": 1e-10}
    apart = flow(field, [0.5, -0.3, 0.0, 0.0], 300.0, **options).y[:, -1]
    np.testing.assert_allclose(apart, [2, -2, 0, 0], atol=1e-5)
    merged = flow(field, [0.5, 0.5, 0.0, 0.0], 60.0, **options).y
    np.testing.assert_allclose(merged[0], merged[1], atol=1e-9)
    assert abs(merged[0, -1] - 1.896) < 1e-2


# --- learning rules ----------------------------------------------------------------------------------


def strategies(logits):
    """Mixed strategies, shape (..., 3), from logits against the first choice."""
    odds = np.concatenate([np.ones_like(logits[..., :1]), np.exp(logits)], axis=-1)
    return odds / odds.sum(axis=-1, keepdims=True)


def payoffs(tie):
    return np.array([[tie, -1, 1], [1, tie, -1], [-1, 1, tie]])


def replicator(x, advantage):
    return x * (advantage - np.sum(x * advantage, axis=-1, keepdims=True))


def test_rock_paper_scissors_is_the_replicator_equation():
    state = np.random.default_rng(0).uniform(-2, 2, (20, 4))
    x, y = strategies(state[:, :2]), strategies(state[:, 2:])
    v = rock_paper_scissors(0.3, -0.1)(state)
    for strategy, rate, advantage in [
        (x, v[:, :2], y @ payoffs(0.3).T),
        (y, v[:, 2:], x @ payoffs(-0.1).T),
    ]:
        logits = replicator(strategy, advantage) / strategy
        np.testing.assert_allclose(rate, logits[:, 1:] - logits[:, :1], rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("ties", [(0.0, 0.0), (0.5, -0.5), (-0.1, 0.05)])
def test_rock_paper_scissors_at_its_equilibrium(ties):
    field = rock_paper_scissors(*ties)
    turned = [complex(tie, -np.sqrt(3)) for tie in ties]
    value = np.sqrt(turned[0] * turned[1] / 9)
    expected = np.array([value, -value, np.conj(value), -np.conj(value)])
    J = field.jac(np.zeros(4))
    for eigenvalue in expected:
        assert np.linalg.svd(J - eigenvalue * np.eye(4), compute_uv=False)[-1] < 1e-12
    state = np.random.default_rng(1).uniform(-3, 3, (20, 4))
    np.testing.assert_allclose(np.trace(field.jac(state), axis1=-2, axis2=-1), 0, atol=1e-14)


def test_rock_paper_scissors_conserves_its_energy_if_zero_sum():
    def gradient(state):
        return np.concatenate([1 - 3 * strategies(s)[:, 1:] for s in (state[:, :2], state[:, 2:])], axis=-1)

    assert_conserved(rock_paper_scissors(0.5, -0.5), gradient, -3, 3)
    with pytest.raises(AssertionError):
        assert_conserved(rock_paper_scissors(0.5, -0.4), gradient, -3, 3)


def test_descent_of_step_h_is_multiplicative_weights():
    h, state = 0.3, np.array([0.2, -0.7, 1.1, 0.4])
    after = strategies((state + h * rock_paper_scissors(0.5, -0.5)(state))[:2])
    x, y = strategies(state[:2]), strategies(state[2:])
    weights = x * np.exp(h * payoffs(0.5) @ y)
    np.testing.assert_allclose(after, weights / weights.sum(), rtol=1e-13)


@pytest.mark.parametrize(("a", "b"), [(3.0, 0.5), (20.0, 0.61), (13.0, 0.75)])
def test_congestion_game(a, b):
    step = congestion_game(a, b)
    assert step(np.array([b]))[0] == pytest.approx(b, rel=1e-14)
    assert step.jac(np.array([b]))[0, 0] == pytest.approx(1 - a * b * (1 - b), rel=1e-12)
    x, seen = np.array([0.3]), []
    for _ in range(20_000):
        x = step(x)
        seen.append(x[0])
    assert 0 < min(seen) <= max(seen) < 1
    assert np.mean(seen) == pytest.approx(b, abs=1e-3)


def test_congestion_game_of_equal_roads_has_a_cycle_of_period_two():
    step, x = congestion_game(12.0, 0.5), np.array([0.3])
    for _ in range(2000):
        x = step(x)
    np.testing.assert_allclose(step(step(x)), x, atol=1e-12)
    assert step(x)[0] == pytest.approx(1 - x[0], abs=1e-12)
    assert abs(x[0] - 0.5) > 0.1
    with pytest.raises(ValueError, match="share between 0 and 1"):
        congestion_game(b=1.0)


# --- the catalogue -----------------------------------------------------------------------------------


@pytest.mark.parametrize("entry", catalogue.entries(), ids=lambda entry: entry.name)
def test_every_entry_keeps_the_contract(entry):
    system = entry.make()
    windows = [entry.window(name) for name in system.layout.names]
    rng = np.random.default_rng(11)
    for _ in range(2):
        x = np.array([rng.uniform(low, high) for low, high in windows])
        if entry.maker is gaussian_classifier:
            x = x + 0.5 * np.sign(x)  # away from the pole, near which differences are not derivatives
        check_field(system, x, smooth=entry.name != "cat-map")
    assert system.label
    assert set(entry.windows) >= set(system.layout.names)
    assert entry.base_point(system).shape == (system.layout.dim,)
    assert entry.summary
    assert entry.reference
    assert entry.facts


def test_every_constant_of_an_entry_is_adjustable():
    for entry in catalogue.entries():
        system = entry.make()
        x = np.array([np.mean(entry.window(name)) + 0.123 for name in system.layout.names])
        for name, value in system.constants.items():
            moved = system.with_constants(**{name: value + 0.25})
            assert moved.constants[name] == value + 0.25
            assert np.all(np.isfinite(moved(x)))


def test_default_slices():
    for name, axes in {
        "gaussian-classifier": ("b_d", "b_g"),
        "gaussian-classifier-scale": ("W_d", "W_g"),
        "dirac": ("psi", "theta"),
        "lorenz": ("x", "z"),
    }.items():
        entry = catalogue.get(name)
        assert entry.slice_axes(entry.make()) == axes
    entry = catalogue.get("gaussian-classifier")
    assert entry.slice_axes(entry.make(free=("W_g", "W_d"))) == ("W_d", "W_g")
    bilinear_entry = catalogue.get("bilinear")
    assert bilinear_entry.slice_axes(bilinear_entry.make(n=2)) == ("y1", "x1")
    full = catalogue.get("gaussian-classifier-full")
    np.testing.assert_array_equal(full.base_point(full.make()), [1, 0, 1, 0])
    with pytest.raises(ValueError, match="one coordinate"):
        catalogue.get("logistic").slice_axes(catalogue.make("logistic"))


def test_make_and_parse():
    assert catalogue.make("dirac_r1", gamma=0.5).constants["gamma"] == 0.5
    settings = catalogue.parse_settings(
        "gaussian-classifier", ["free = W_g, W_d", "samples=20", "generator_loss=nonsaturating", "l2=1e-3"]
    )
    assert settings == {
        "free": ("W_g", "W_d"),
        "samples": 20,
        "generator_loss": "nonsaturating",
        "l2": 1e-3,
    }
    assert isinstance(catalogue.make("gaussian-classifier", **settings), VectorField)
    assert catalogue.get("dirac-r1").settings["regularizer"] == "r1"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: catalogue.make("dirak"), "did you mean dirac"),
        (lambda: catalogue.make("zzz"), "unknown game 'zzz'; all: bilinear"),
        (lambda: catalogue.make("lorenz", rhoo=3.0), "did you mean rho"),
        (lambda: catalogue.make("lorenz", rho=float("nan")), "must be finite"),
        (lambda: catalogue.make("lorenz", rho="many"), "must be a number"),
        (lambda: catalogue.make("towel-map", a=1.0), "its settings are none"),
        (lambda: catalogue.parse_settings("lorenz", ["rho"]), "name=value"),
        (lambda: catalogue.parse_settings("lorenz", ["rho="]), "name=value"),
        (lambda: catalogue.parse_settings("lorenz", ["rho=x"]), "must be a number"),
        (lambda: catalogue.parse_settings("lorenz", ["tau=3"]), "no setting 'tau'"),
    ],
)
def test_catalogue_refuses(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_listing_the_catalogue_loads_no_heavy_package():
    code = (
        "import sys; from gandyn.games import catalogue; print(len(catalogue.entries())); "
        "sys.exit(any(m in sys.modules for m in ('sympy', 'numba', 'torch', 'matplotlib', 'scipy')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) == len(catalogue.entries())
