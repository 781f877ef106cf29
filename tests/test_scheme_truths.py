"""Known multipliers, step bounds and invariants, by the Jacobian of the map itself and by iterating."""

import numpy as np
import pytest
import sympy as sp
from problems import linear_flow

from gandyn.games import catalogue, from_losses
from gandyn.schemes import (
    adam,
    alternating,
    extragradient,
    extrapolation_from_the_past,
    heavy_ball,
    nesterov,
    optimistic,
    rk2,
    rk4,
    rmsprop,
    simultaneous,
)

BILINEAR = catalogue.make("bilinear")
SCALE = 1.3  # of the bilinear game, so that h a is not h


def iterated(step, n, x=None, scale=1.0, k=0):
    """Return the derivative of n steps at a fixed point, from n steps of states beside it."""
    x = np.zeros(step.layout.dim) if x is None else x
    states = np.concatenate([x + scale * np.eye(x.size), x - scale * np.eye(x.size)])
    for i in range(n):
        states = step(states, k + i)
    plus, minus = np.split(states, 2)
    return (plus - minus).T / (2 * scale)


def multipliers(step, x=None, k=0):
    x = np.zeros(step.layout.dim) if x is None else x
    return np.linalg.eigvals(step.jac(x, k))


def assert_spectrum(got, expected, atol=1e-12):
    """Match two sets of complex numbers, whatever their order."""
    got, expected = list(got), np.asarray(expected, dtype=complex)
    assert len(got) == len(expected)
    for value in expected:
        nearest = int(np.argmin(np.abs(np.array(got) - value)))
        assert abs(got.pop(nearest) - value) < atol


def assert_multipliers(step, expected, n=12, atol=1e-10):
    """The eigenvalues of the Jacobian, and of what n steps do to states beside the fixed point at 0."""
    assert_spectrum(multipliers(step), expected, atol)
    powers = np.asarray(expected, dtype=complex) ** n
    assert_spectrum(np.linalg.eigvals(iterated(step, n)), powers, atol * n * max(1, np.abs(powers).max()))


def radius_of(step):
    """Return the spectral radius of one step, from 300 steps of the identity."""
    power, n = iterated(step, 300), 300
    return np.abs(np.linalg.eigvals(power)).max() ** (1 / n)


def assert_stable_below(scheme, bound, margin=1e-2):
    below, above = scheme(bound * (1 - margin)), scheme(bound * (1 + margin))
    assert np.abs(multipliers(below)).max() < 1 < np.abs(multipliers(above)).max()
    assert radius_of(below) < 1 < radius_of(above)


def bilinear(a=SCALE):
    return catalogue.make("bilinear").with_constants(a=a)


def on_bilinear(s, mu):
    """Both multipliers, of lambda = i and -i."""
    return [mu(1j * s), mu(-1j * s)]


POLYNOMIALS = {
    simultaneous: lambda z: 1 + z,
    extragradient: lambda z: 1 + z + z**2,
    rk2: lambda z: 1 + z + z**2 / 2,
    rk4: lambda z: 1 + z + z**2 / 2 + z**3 / 6 + z**4 / 24,
}


@pytest.mark.parametrize("s", [0.1, 0.7, 1.9])
@pytest.mark.parametrize("scheme", POLYNOMIALS)
def test_schemes_without_memory_are_polynomials_of_the_jacobian(scheme, s):
    expected = on_bilinear(s, POLYNOMIALS[scheme])
    assert_multipliers(scheme(bilinear(), s / SCALE), expected)
    matrix = np.array([[-0.4, -1.2, 0.3], [0.9, 0.2, -0.5], [0.1, 0.7, -0.8]])
    assert_multipliers(scheme(linear_flow(matrix), s), POLYNOMIALS[scheme](s * np.linalg.eigvals(matrix)))


@pytest.mark.parametrize("s", [0.1, 0.45, 0.9])
@pytest.mark.parametrize("scheme", [optimistic, extrapolation_from_the_past])
def test_optimistic_multipliers(scheme, s):
    roots = [0.5 * (1 + 2 * z + sign * np.sqrt(1 + 4 * z * z)) for z in (1j * s, -1j * s) for sign in (1, -1)]
    assert_multipliers(scheme(bilinear(), s / SCALE), roots)


@pytest.mark.parametrize("first", ["generator", "discriminator"])
@pytest.mark.parametrize("s", [0.1, 1.0, 1.9])
def test_alternating_is_neutral_and_keeps_its_invariant(first, s):
    step = alternating(bilinear(), s / SCALE, first=first)
    trace = 2 - s * s
    assert_multipliers(step, np.roots([1, -trace, 1]), atol=1e-9)
    np.testing.assert_allclose(np.abs(multipliers(step)), 1, rtol=1e-12)
    sign = -1 if first == "generator" else 1
    invariant = lambda x: x[0] ** 2 + x[1] ** 2 + sign * s * x[0] * x[1]
    state = np.array([1.0, 0.3])
    before = invariant(state)
    for _ in range(5000):
        state = step(state)
    assert invariant(state) == pytest.approx(before, rel=1e-11)


def test_alternating_with_several_steps_of_one_player_is_the_product_of_turns():
    s = 0.3
    step = alternating(bilinear(), s / SCALE, generator_steps=2, discriminator_steps=5)
    turn_g, turn_d = np.array([[1, -2 * s], [0, 1]]), np.array([[1, 0], [5 * s, 1]])
    np.testing.assert_allclose(step.jac(np.ones(2)), turn_d @ turn_g, atol=1e-14)
    assert step.dt == pytest.approx(2 * s / SCALE)


BOUNDS = {
    "extragradient": (extragradient, 1.0),
    "optimistic": (optimistic, 3**-0.5),
    "extrapolation from the past": (extrapolation_from_the_past, 3**-0.5),
    "rk4": (rk4, 8**0.5),
}


@pytest.mark.parametrize("name", BOUNDS)
def test_step_bounds_of_the_bilinear_game(name):
    scheme, bound = BOUNDS[name]
    assert_stable_below(lambda s: scheme(bilinear(), s / SCALE), bound)


@pytest.mark.parametrize("scheme", [simultaneous, rk2, rmsprop, adam, heavy_ball, nesterov])
@pytest.mark.parametrize("h", [1e-3, 1e-2, 0.1])
def test_schemes_that_never_settle_the_bilinear_game(scheme, h):
    step = scheme(bilinear(), h)
    state = np.full(step.layout.dim, 1e-9)
    state[2:] = 0.0
    assert np.abs(multipliers(step, 0 * state, np.inf)).max() > 1
    start = np.linalg.norm(state[:2])
    for k in range(4000):
        if np.linalg.norm(state[:2]) < 1e3:
            state = step(state, k + 10**6)
    assert np.linalg.norm(state[:2]) > start


def test_alternating_leaves_the_circle_at_two():
    assert np.abs(multipliers(alternating(BILINEAR, 2.01))).max() > 1.1
    assert radius_of(alternating(BILINEAR, 2.01)) > 1.1


def test_exponents_per_step_of_the_bilinear_game():
    exponents = lambda scheme: np.log(np.abs(multipliers(scheme(BILINEAR, 0.1))))
    np.testing.assert_allclose(exponents(simultaneous), 0.004975165426584, atol=1e-15)
    np.testing.assert_allclose(exponents(alternating), 0, atol=1e-14)
    np.testing.assert_allclose(exponents(extragradient), -0.00497467, atol=5e-9)
    assert np.log(radius_of(simultaneous(BILINEAR, 0.1))) == pytest.approx(0.004975165426584, rel=1e-12)


@pytest.mark.parametrize("s", [0.5, 2.0, 2.8])
def test_the_modulus_of_rk4(s):
    np.testing.assert_allclose(np.abs(multipliers(rk4(BILINEAR, s))) ** 2, 1 - s**6 / 72 + s**8 / 576)


def test_the_step_bound_of_simultaneous_descent_and_how_it_is_lost():
    focus = lambda h: simultaneous(linear_flow([[-0.1, -1.0], [1.0, -0.1]]), h)
    assert_stable_below(focus, 0.2 / 1.01)
    angles = np.angle(multipliers(focus(0.2 / 1.01)))
    np.testing.assert_allclose(np.sort(angles), [-0.19933730, 0.19933730], atol=5e-9)
    decay = lambda h: simultaneous(linear_flow([[-1.0]]), h)
    assert_stable_below(decay, 2.0)
    assert multipliers(decay(2.0)) == pytest.approx([-1.0])


@pytest.mark.parametrize("beta", [-0.5, 0.3, 0.9])
def test_momentum_multipliers(beta):
    lam = np.linalg.eigvals(np.array([[-0.4, -1.2], [0.9, 0.2]]))
    field, h = linear_flow([[-0.4, -1.2], [0.9, 0.2]]), 0.3
    polyak = [root for z in h * lam for root in np.roots([1, -(1 + beta + z), beta])]
    assert_multipliers(heavy_ball(field, h, beta), polyak)
    accelerated = [root for z in h * lam for root in np.roots([1, -(1 + beta) * (1 + z), beta * (1 + z)])]
    assert_multipliers(nesterov(field, h, beta), accelerated)


@pytest.mark.parametrize("order", ["generator first", "discriminator first"])
def test_negative_momentum_in_turn_settles_the_bilinear_game(order):
    step = heavy_ball(bilinear(), 0.5 / SCALE, -0.5, order)
    s, beta = 0.5, -0.5
    # Gidel et al. 2019: (mu - 1)^2 (mu - beta)^2 + s^2 mu^3 = 0
    quartic = np.polymul(np.polymul([1, -1], [1, -1]), np.polymul([1, -beta], [1, -beta]))
    assert_multipliers(step, np.roots(np.polyadd(quartic, [s * s, 0, 0, 0])))
    assert radius_of(step) < 1


@pytest.mark.parametrize("beta1", [0.0, 0.5, 0.9])
def test_adam_at_its_equilibrium(beta1):
    field = linear_flow([[-0.7, -1.1], [0.8, -0.3]])
    h, eps = 0.05, 0.25
    step = adam(field, h, beta1, 0.99, eps)
    kappa = h * np.linalg.eigvals([[0.7, 1.1], [-0.8, 0.3]]) / eps
    roots = [r for each in kappa for r in np.roots([1, -(1 + beta1 - each * (1 - beta1)), beta1])]
    assert_spectrum(multipliers(step, k=np.inf), [*roots, 0.99, 0.99])
    # the root of the mean square is felt in proportion to the state over eps
    small = np.concatenate([np.full(4, 1e-7), np.zeros(2)])
    state, matrix = small, step.jac(np.zeros(6), np.inf)
    for k in range(20):
        state = step(state, k + 10**7)
    np.testing.assert_allclose(state[:4], (np.linalg.matrix_power(matrix, 20) @ small)[:4], rtol=2e-6)


@pytest.mark.parametrize("beta1", [0.0, 0.5, 0.9])
def test_the_step_bound_of_adam(beta1):
    eps, late = 1.0, 10**7
    bound = 2 * (1 + beta1) / (1 - beta1)
    scheme = lambda kappa: adam(linear_flow([[-1.0]]), kappa * eps, beta1, 0.9, eps)
    for kappa, stable in ((bound * 0.99, True), (bound * 1.01, False)):
        step, state = scheme(kappa), np.array([1e-12, 0.0, 0.0])
        assert (np.abs(multipliers(step, k=np.inf)).max() < 1) == stable
        for k in range(1500):
            state = step(state, late + k)
        assert (abs(state[0]) < 1e-12) == stable


@pytest.mark.parametrize("alpha", [0.9, 0.99])
def test_rmsprop_at_its_equilibrium(alpha):
    step = rmsprop(linear_flow([[-0.7, -1.1], [0.8, -0.3]]), 0.05, alpha, 0.25)
    lam = np.linalg.eigvals([[-0.7, -1.1], [0.8, -0.3]])
    assert_spectrum(multipliers(step), [*(1 + 0.2 * lam), alpha, alpha])


def test_adam_and_rmsprop_follow_the_programs_of_torch():
    import torch

    x0, steps = np.array([0.7, -0.4]), 50
    cases = {
        torch.optim.Adam: ({"betas": (0.5, 0.9)}, adam(BILINEAR, 0.1, 0.5, 0.9)),
        torch.optim.RMSprop: ({"alpha": 0.9}, rmsprop(BILINEAR, 0.1, 0.9)),
    }
    for optimizer, (settings, step) in cases.items():
        weights = torch.tensor(x0, requires_grad=True)
        peer, state = optimizer([weights], lr=0.1, eps=1e-8, **settings), step.start(x0)
        for k in range(steps):
            weights.grad = torch.tensor(-BILINEAR(weights.detach().numpy()))
            peer.step()
            state = step(state, k)
        np.testing.assert_allclose(state[:2], weights.detach().numpy(), rtol=1e-10)


def slope(t):
    """f' of f(t) = -log(1 + exp(-t))."""
    return 1 / (1 + np.exp(t))


def test_dirac_descent_grows_by_the_factor_of_its_velocity():
    step, state = simultaneous(catalogue.make("dirac"), 0.2), np.array([1.0, 1.0])
    for _ in range(50):
        factor = 1 + 0.2**2 * slope(state[0] * state[1]) ** 2
        new = step(state)
        assert new @ new == pytest.approx(factor * (state @ state), rel=1e-12)
        state = new


@pytest.mark.parametrize("outside", [0.5, 1.5])
def test_nonsaturating_descent_has_a_limit_circle_of_radius_root_two_h(outside):
    for h in (0.2, 0.1):
        step, radius = simultaneous(catalogue.make("dirac-nonsaturating"), h), np.sqrt(2 * h)
        state, radii = np.array([outside * radius, 0.0]), []
        for _ in range(int(60 / h**2)):
            state = step(state)
            radii.append(np.linalg.norm(state))
        assert np.mean(radii[-200:]) == pytest.approx(radius, rel=5e-3)


@pytest.mark.parametrize("name", ["dirac", "dirac-nonsaturating", "dirac-wgan"])
def test_undamped_dirac_gans_under_both_descents(name):
    rate = 1.0 if name == "dirac-wgan" else 0.5
    field, h = catalogue.make(name), 0.2
    assert_spectrum(multipliers(simultaneous(field, h)), [1 + 1j * h * rate, 1 - 1j * h * rate])
    np.testing.assert_allclose(np.abs(multipliers(alternating(field, h))), 1, rtol=1e-12)
    small = np.linalg.eigvals(iterated(alternating(field, h), 200, scale=1e-4))
    np.testing.assert_allclose(np.abs(small), 1, rtol=1e-5)


def near_zero_grows(step, n=4000):
    state = np.array([1e-6, 0.0])
    for _ in range(n):
        state = step(state)
    return np.linalg.norm(state) > 1e-6


@pytest.mark.parametrize("gamma", [0.3, 0.9])
@pytest.mark.parametrize(
    ("name", "bound"),
    [
        ("dirac-r1", lambda g: 4 * g),
        ("dirac-nonsaturating-r1", lambda g: 4 * g),
        ("dirac-consensus", lambda g: 2 * g / (1 + g * g / 4)),
    ],
)
def test_step_bounds_of_the_damped_dirac_gans(name, gamma, bound):
    field = catalogue.make(name, gamma=gamma)
    for h, stable in ((0.99 * bound(gamma), True), (1.01 * bound(gamma), False)):
        step = simultaneous(field, h)
        assert (np.abs(multipliers(step)).max() < 1) == stable
        assert near_zero_grows(step) != stable


FIXED = {
    "lq-wgan": ([1.0, 0.0], [2j, -2j]),
    "hidden-bilinear": ([0.0, 0.0], [0.25j, -0.25j]),
    "hopf": ([0.0, 0.0], None),
    "dirac-noise": ([0.0, 0.0], None),
    "nagarajan-kolter": ([1.0, 0.0], [-1 / 20 + 1j * s * np.sqrt(1 / 9 - 1 / 400) for s in (1, -1)]),
}


@pytest.mark.parametrize("scheme", [simultaneous, extragradient, rk2, rk4])
@pytest.mark.parametrize("name", FIXED)
def test_multipliers_at_the_equilibria_of_other_games(name, scheme):
    field, h = catalogue.make(name), 0.1
    x = np.array(FIXED[name][0])
    if FIXED[name][1] is not None:
        rates = FIXED[name][1]
    elif name == "hopf":
        rates = [field.constants["mu"] + 1j, field.constants["mu"] - 1j]
    else:
        sigma = field.constants["sigma"]
        rates = [-(sigma**2) / 4 + s * np.emath.sqrt(sigma**4 / 16 - 1 / 4) for s in (1, -1)]
    expected = POLYNOMIALS[scheme](h * np.array(rates))
    assert_spectrum(multipliers(scheme(field, h), x), expected, 1e-9)
    assert_spectrum(np.linalg.eigvals(iterated(scheme(field, h), 8, x, 1e-4)), expected**8, 1e-6)


CONSERVED = {
    "lq-wgan": (lambda x: x[1] ** 2 - np.log(x[0]) + x[0] ** 2 / 2, [1.4, 0.2]),
    "hidden-bilinear": (lambda x: np.cosh(x[0]) + np.cosh(x[1]), [1.0, 0.5]),
    "dirac": (lambda x: x @ x, [1.0, 0.5]),
}


@pytest.mark.parametrize(("scheme", "order"), [(simultaneous, 1), (rk2, 2), (rk4, 4)])
@pytest.mark.parametrize("name", CONSERVED)
def test_what_the_flow_conserves_drifts_by_the_order_of_the_scheme(name, scheme, order):
    conserved, start = CONSERVED[name]
    drift = []
    for h in (0.1, 0.05):
        step, state = scheme(catalogue.make(name), h), np.array(start)
        for k in range(round(2 / h)):
            state = step(state, k)
        drift.append(abs(conserved(state) - conserved(np.array(start))))
    assert np.log2(drift[0] / drift[1]) > order - 0.3


def test_the_step_bound_of_descent_on_balduzzi():
    assert_stable_below(lambda h: simultaneous(catalogue.make("balduzzi"), h), 2 / 101)


def test_the_exponent_of_descent_on_the_double_well():
    x, other = sp.symbols("x other", real=True)
    well = from_losses(x**4 / 4 - x**2 / 2, other**2 / 2, generator=[x], discriminator=[other])
    step = simultaneous(well, 2.0)
    state = np.stack([np.random.default_rng(0).uniform(-1, 1, 500), np.zeros(500)], axis=-1)
    growth = []
    for _ in range(1000):
        growth.append(np.log(np.abs(step.jac(state)[:, 0, 0])).mean())
        state = step(state)
    assert np.mean(growth[100:]) == pytest.approx(np.log(3), abs=5e-3)
