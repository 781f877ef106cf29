"""Textbook systems: fixed points, multipliers and cycles that are known exactly."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.optimize import brentq, root

from gandyn.games.textbook import (
    brusselator,
    cat_map,
    cubic_map,
    duffing,
    fitzhugh_nagumo,
    henon,
    hopf_normal_form,
    linear,
    logistic,
    lorenz,
    lotka_volterra,
    pendulum,
    pitchfork,
    rossler,
    standard_map,
    towel_map,
    van_der_pol,
)


def eigenvalues(system, x):
    return np.sort_complex(np.linalg.eigvals(system.jac(np.asarray(x, dtype=float))))


def states(dim, n=50, size=2.0, seed=0):
    return np.random.default_rng(seed).uniform(-size, size, (n, dim))


def assert_at_rest(system, x, tolerance=1e-12):
    np.testing.assert_allclose(system.residual(np.asarray(x, dtype=float)), 0, atol=tolerance)


def flow(system, x0, t_end, **options):
    options = {"method": "DOP853", "rtol": 1e-12, "atol": 1e-13, **options}
    return solve_ivp(lambda t, x: system(x), (0.0, t_end), np.asarray(x0, dtype=float), **options)


def test_linear_flow_has_its_eigenvalues_and_step_bound():
    value = eigenvalues(linear(), [0.3, 0.4])
    np.testing.assert_allclose(value, [-0.1 - 1j, -0.1 + 1j], rtol=1e-14)
    step = -2 * value[1].real / abs(value[1]) ** 2
    assert step == pytest.approx(0.1980198, abs=5e-8)
    assert np.angle(1 + step * value[1]) == pytest.approx(0.19933730, abs=5e-9)
    assert abs(1 + step * value[1]) == pytest.approx(1, rel=1e-14)
    A = np.random.default_rng(0).standard_normal((4, 4))
    x = np.random.default_rng(1).standard_normal((5, 4))
    np.testing.assert_allclose(linear(A)(x), x @ A.T, rtol=1e-13, atol=1e-14)
    with pytest.raises(ValueError, match="square"):
        linear(np.ones((2, 3)))


def test_path_angle_of_a_focus():
    """v along a straight path that passes the focus at offset delta, against the closed form."""
    epsilon, omega, delta = 0.3, 1.1, 0.4
    field = linear([[-epsilon, -omega], [omega, -epsilon]])
    s = np.linspace(-2, 2, 41)
    v = field(np.stack([s, np.full_like(s, delta)], axis=-1))
    cosine = v[:, 0] / np.hypot(v[:, 0], v[:, 1])
    expected = (-epsilon * s - omega * delta) / (np.hypot(epsilon, omega) * np.hypot(s, delta))
    np.testing.assert_allclose(cosine, expected, rtol=1e-12, atol=1e-14)


def test_lorenz():
    field = lorenz()
    np.testing.assert_allclose(np.trace(field.jac(states(3)), axis1=-2, axis2=-1), -13 - 2 / 3, rtol=1e-13)
    side = np.sqrt(8 / 3 * 27)
    for sign in (1, -1):
        point = [sign * side, sign * side, 27]
        assert_at_rest(field, point)
        expected = [-13.85457791, 0.09395562 - 10.19450522j, 0.09395562 + 10.19450522j]
        np.testing.assert_allclose(eigenvalues(field, point), expected, atol=5e-9)

    def growth(rho):
        x = np.sqrt(8 / 3 * (rho - 1))
        return np.max(eigenvalues(field.with_constants(rho=rho), [x, x, rho - 1]).real)

    assert brentq(growth, 20, 28, xtol=1e-12) == pytest.approx(10 * (10 + 8 / 3 + 3) / (10 - 8 / 3 - 1))
    assert brentq(growth, 20, 28, xtol=1e-12) == pytest.approx(24.736842105263, abs=1e-9)


def test_rossler_fixed_points():
    a, b, c = 0.2, 0.2, 5.7
    for sign in (1, -1):
        x = (c + sign * np.sqrt(c**2 - 4 * a * b)) / 2
        assert_at_rest(rossler(), [x, -x / a, x / a])


def test_van_der_pol_cycle():
    np.testing.assert_allclose(eigenvalues(van_der_pol(3.0), [0, 0]), [1.5 - 1.25**0.5, 1.5 + 1.25**0.5])
    field = van_der_pol()
    crossing = lambda t, x: x[1]
    crossing.direction = -1
    start = flow(field, [2.0, 0.0], 60.0, events=crossing).y_events[0][-1]
    start[1] = 0.0
    period = flow(field, start, 7.0, events=crossing).t_events[0][-1]
    assert period == pytest.approx(6.663286859323, abs=1e-9)
    turn = flow(field, start, period, dense_output=True)
    nodes, weights = np.polynomial.legendre.leggauss(200)
    x = turn.sol((nodes + 1) / 2 * period).T
    divergence = weights @ np.trace(field.jac(x), axis1=-2, axis2=-1) / 2
    assert divergence == pytest.approx(-1.059376994842, abs=1e-7)


def test_duffing():
    field = duffing(gamma=0.5)
    np.testing.assert_allclose(np.trace(field.jac(states(3)), axis1=-2, axis2=-1), -0.3, rtol=1e-13)
    x = states(3, 5)
    forced = 0.5 * np.cos(x[:, 2]) - 0.3 * x[:, 1] + x[:, 0] - x[:, 0] ** 3
    np.testing.assert_allclose(field(x), np.stack([x[:, 1], forced, np.full(5, 1.2)], axis=-1), rtol=1e-13)
    quiet = duffing(alpha=-2.0, beta=0.5)
    J = quiet.jac(np.array([2.0, 0.0, 0.0]))[:2, :2]
    np.testing.assert_allclose(quiet(np.array([2.0, 0.0, 0.0]))[:2], 0, atol=1e-14)
    np.testing.assert_allclose(np.trace(J), -0.3)
    np.testing.assert_allclose(np.linalg.det(J), 4.0)


def test_pendulum():
    field = pendulum()
    x = states(2, size=5)
    energy_rate = np.sin(x[:, 0]) * field(x)[:, 0] + x[:, 1] * field(x)[:, 1]
    np.testing.assert_allclose(energy_rate, 0, atol=1e-14)
    np.testing.assert_allclose(eigenvalues(field, [0, 0]), [-1j, 1j], atol=1e-14)
    np.testing.assert_allclose(eigenvalues(field, [np.pi, 0]), [-1, 1], atol=1e-14)
    friction = pendulum(0.5)
    np.testing.assert_allclose(np.trace(friction.jac(x), axis1=-2, axis2=-1), -0.5)


def test_lotka_volterra():
    alpha, beta, gamma, delta = 1.2, 0.7, 0.8, 0.5
    field = lotka_volterra(alpha, beta, gamma, delta)
    centre = [gamma / delta, alpha / beta]
    assert_at_rest(field, centre)
    frequency = np.sqrt(alpha * gamma)
    np.testing.assert_allclose(eigenvalues(field, centre), [-1j * frequency, 1j * frequency], atol=1e-14)
    x = np.random.default_rng(0).uniform(0.1, 4, (40, 2))
    gradient = np.stack([delta - gamma / x[:, 0], beta - alpha / x[:, 1]], axis=-1)
    np.testing.assert_allclose(np.sum(gradient * field(x), axis=-1), 0, atol=1e-12)


def test_brusselator_bifurcates():
    for a in (0.5, 1.0, 2.0):
        field = brusselator(a, 1 + a**2)
        assert_at_rest(field, [a, (1 + a**2) / a])
        np.testing.assert_allclose(eigenvalues(field, [a, (1 + a**2) / a]), [-1j * a, 1j * a], atol=1e-7)


def test_fitzhugh_nagumo_loses_stability_where_stated():
    field = fitzhugh_nagumo()
    for current, stable in ((0.2, True), (0.5, False)):
        neuron = field.with_constants(current=current)
        point = root(lambda x, f=neuron: f(x), [-1.0, -0.5], tol=1e-13).x
        assert (point[0] ** 2 > 1 - 0.8 * 0.08) == stable
        assert np.all(eigenvalues(neuron, point).real < 0) == stable


def test_hopf_normal_form():
    mu, omega, l1 = 0.3, 1.7, -0.8
    field = hopf_normal_form(mu, omega, l1)
    np.testing.assert_allclose(eigenvalues(field, [0, 0]), [mu - 1j * omega, mu + 1j * omega])
    angle = np.linspace(0, 2 * np.pi, 25)
    x = np.sqrt(-mu / l1) * np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    np.testing.assert_allclose(field(x), omega * np.stack([-x[:, 1], x[:, 0]], axis=-1), atol=1e-14)
    np.testing.assert_allclose(np.trace(field.jac(x), axis1=-2, axis2=-1), -2 * mu, rtol=1e-13)


def test_pitchfork():
    field = pitchfork(0.7)
    np.testing.assert_allclose(field.jac(np.zeros(1)), [[0.7]])
    for sign in (1, -1):
        assert_at_rest(field, [sign * np.sqrt(0.7)])
        np.testing.assert_allclose(field.jac(np.array([sign * np.sqrt(0.7)])), [[-1.4]])
    fold = np.array([-np.sqrt(0.7 / 3)])
    tilted = field.with_constants(tilt=2 * (0.7 / 3) ** 1.5)
    assert_at_rest(tilted, fold)
    np.testing.assert_allclose(tilted.jac(fold), 0, atol=1e-15)


def test_henon():
    system = henon()
    known = {
        (0.6313544771, 0.1894063431): (-1.92373886, 0.15594632),
        (-1.1313544771, -0.3394063431): (-0.09202956, 3.2598221),
    }
    for point, multipliers in known.items():
        x = root(lambda x: system.residual(x), point, tol=1e-14).x
        np.testing.assert_allclose(x, point, atol=5e-11)
        np.testing.assert_allclose(eigenvalues(system, x), multipliers, atol=5e-8)
    np.testing.assert_allclose(np.linalg.det(system.jac(states(2))), -0.3, rtol=1e-13)
    # the 2-cycle: x1 + x2 = (1 - b)/a, x1 x2 = ((1 - b)^2 - a)/a^2
    first = np.roots([1, -0.7 / 1.4, (0.49 - 1.4) / 1.4**2]).real
    cycle = np.stack([first, 0.3 * first[::-1]], axis=-1)
    np.testing.assert_allclose(system(cycle), cycle[::-1], atol=1e-14)
    multipliers = np.sort(np.linalg.eigvals(system.jac(cycle[1]) @ system.jac(cycle[0])))
    np.testing.assert_allclose(multipliers, [-3.01010067, -0.02989933], atol=5e-9)


def test_logistic():
    system = logistic()
    for r in (0.5, 3.2, 4.0):
        member = system.with_constants(r=r)
        np.testing.assert_allclose(member.jac(np.zeros(1)), [[r]])
        assert_at_rest(member, [1 - 1 / r])
        np.testing.assert_allclose(member.jac(np.array([1 - 1 / r])), [[2 - r]], rtol=1e-13)
    r = 3.2
    cycle = (r + 1 + np.array([1, -1]) * np.sqrt((r - 3) * (r + 1))) / (2 * r)
    member = system.with_constants(r=r)
    np.testing.assert_allclose(member(cycle[:, None])[:, 0], cycle[::-1], rtol=1e-14)
    assert np.prod(member.jac(cycle[:, None])) == pytest.approx(0.16, rel=1e-13)
    # invariant density of r = 4: x = sin^2(pi u), u uniform
    x = np.sin(np.pi * (np.arange(20_000) + 0.5) / 20_000) ** 2
    assert np.mean(np.log(np.abs(system.jac(x[:, None])))) == pytest.approx(np.log(2), abs=1e-4)


def test_cubic_map():
    system = cubic_map()
    for h in (0.5, 1.0, 2.0):
        member = system.with_constants(h=h)
        for well in (-1.0, 1.0):
            assert_at_rest(member, [well])
            np.testing.assert_allclose(member.jac(np.array([well])), [[1 - 2 * h]])
    angle = 2 * np.pi * (np.arange(30_000) + 0.5) / 30_000
    x = np.sqrt(2) * np.sin(angle)[:, None]
    np.testing.assert_allclose(system(x)[:, 0], np.sqrt(2) * np.sin(3 * angle), atol=1e-14)
    assert np.mean(np.log(np.abs(system.jac(x)))) == pytest.approx(np.log(3), abs=1e-4)


def test_standard_map():
    system = standard_map(1.3)
    np.testing.assert_allclose(np.linalg.det(system.jac(states(2, size=6))), 1, rtol=1e-12)
    for point, trace in (([0, 0], 2 + 1.3), ([np.pi, 0], 2 - 1.3)):
        assert_at_rest(system, point, 1e-15)
        assert np.trace(system.jac(np.array(point, dtype=float))) == pytest.approx(trace, rel=1e-14)


def test_towel_map_is_hyperchaotic():
    """Two exponents are positive: areas grow along the orbit, by a QR step each iteration."""
    system, x, frame = towel_map(), np.array([0.5, 0.0, 0.5]), np.eye(3)
    sums, steps = np.zeros(3), 2000
    for _ in range(100):
        x = system(x)
    for _ in range(steps):
        frame, r = np.linalg.qr(system.jac(x) @ frame)
        sums += np.log(np.abs(np.diag(r)))
        x = system(x)
    assert np.all(sums[:2] / steps > 0.3)
    assert sums[2] / steps < -1


def test_cat_map():
    system = cat_map()
    x = np.random.default_rng(0).uniform(0, 1, (20, 2))
    np.testing.assert_allclose(system(x), np.stack([2 * x[:, 0] + x[:, 1], x.sum(axis=-1)], -1) % 1)
    value = eigenvalues(system, [0.2, 0.3])
    np.testing.assert_allclose(value, [(3 - np.sqrt(5)) / 2, (3 + np.sqrt(5)) / 2], rtol=1e-14)
    assert np.log(value[1].real) == pytest.approx(0.962424, abs=5e-7)
