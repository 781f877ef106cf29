"""Schemes that settle games, and what changes a scheme: multipliers, bounds, fixed points kept and lost."""

from dataclasses import replace

import numpy as np
import pytest
import sympy as sp
import torch
from problems import linear_flow
from test_same_game import modules
from test_scheme_truths import (
    SCALE,
    assert_multipliers,
    assert_spectrum,
    assert_stable_below,
    bilinear,
    multipliers,
    on_bilinear,
    radius_of,
)

from gandyn import scale, symplectic_adjustment
from gandyn.games import catalogue, exchanged_losses, from_expressions, from_losses
from gandyn.nets import losses
from gandyn.schemes import (
    CATALOGUE,
    Solver,
    adam,
    alternating,
    averaged,
    cgd,
    clipped_gradient,
    clipped_weights,
    extragradient,
    heavy_ball,
    lcgd,
    lola,
    lookahead,
    lookahead_minimax,
    noisy,
    optimistic,
    proximal_point,
    rk4,
    scheduled,
    simultaneous,
    sos,
    unrolled,
)
from gandyn.schemes.solvers import gmres
from gandyn.transforms import consensus

KRYLOV = Solver("krylov")
MULTIPLIERS = {
    "proximal_point": (proximal_point, lambda z: 1 / (1 - z)),
    "proximal_point krylov": (lambda f, h: proximal_point(f, h, KRYLOV), lambda z: 1 / (1 - z)),
    "cgd": (cgd, lambda z: 1 / (1 - z)),
    "cgd krylov": (lambda f, h: cgd(f, h, KRYLOV), lambda z: 1 / (1 - z)),
    "lcgd": (lcgd, lambda z: 1 + z + z**2),
    "lookahead": (lookahead, lambda z: 1 + z + z**2),
    "lola": (lola, lambda z: 1 + z + 2 * z**2),
    "simultaneous": (simultaneous, lambda z: 1 + z),
    "extragradient": (extragradient, lambda z: 1 + z + z**2),
    "rk4": (rk4, lambda z: 1 + z + z**2 / 2 + z**3 / 6 + z**4 / 24),
    "lookahead_minimax": (
        lambda f, h: lookahead_minimax(simultaneous(f, h), 4, 0.3),
        lambda z: 0.7 + 0.3 * (1 + z) ** 4,
    ),
}


@pytest.mark.parametrize("s", [0.2, 0.8, 1.9])
@pytest.mark.parametrize("name", MULTIPLIERS)
def test_multipliers_on_the_bilinear_game(name, s):
    scheme, mu = MULTIPLIERS[name]
    assert_multipliers(scheme(bilinear(), s / SCALE), on_bilinear(s, mu), n=6)


@pytest.mark.parametrize("name", MULTIPLIERS)
def test_multipliers_of_the_bilinear_game_as_torch_modules(name):
    """The Dirac-GAN with Wasserstein losses is the bilinear game."""
    scheme, mu = MULTIPLIERS[name]
    step, n, s = scheme(modules(losses.wasserstein()), 0.4), 6, 0.4
    origin = torch.zeros(2, dtype=torch.float64)
    assert_spectrum(np.linalg.eigvals(step.jac(origin).numpy()), on_bilinear(s, mu), 1e-10)
    states = torch.eye(2, dtype=torch.float64)
    for k in range(n):
        states = step(states, k)
    powers = [value**n for value in on_bilinear(s, mu)]
    assert_spectrum(np.linalg.eigvals(states.numpy().T), powers, 1e-9)


@pytest.mark.parametrize(
    ("scheme", "bound"), [(lcgd, 1.0), (lookahead, 1.0), (extragradient, 1.0), (lola, 3**0.5 / 2)]
)
def test_step_bounds_on_the_bilinear_game(scheme, bound):
    assert_stable_below(lambda s: scheme(bilinear(), s / SCALE), bound)


@pytest.mark.parametrize("scheme", [proximal_point, cgd])
@pytest.mark.parametrize("s", [1e-2, 1.0, 50.0])
def test_implicit_steps_always_settle_the_bilinear_game(scheme, s):
    step, x = scheme(bilinear(), s / SCALE), np.array([1.0, -0.5])
    assert np.abs(multipliers(step)).max() == pytest.approx((1 + s * s) ** -0.5)
    assert np.linalg.norm(step(x)) == pytest.approx((1 + s * s) ** -0.5 * np.linalg.norm(x), rel=1e-12)


@pytest.mark.parametrize("k", [1, 2, 5])
def test_unrolling_on_the_bilinear_game(k):
    s = 0.3
    step = unrolled(bilinear(), s / SCALE, k)
    expected = np.array([[1 - 2 * k * s * s, -s], [s, 1]])
    np.testing.assert_allclose(step.jac(np.ones(2)), expected, atol=1e-14)
    np.testing.assert_allclose(step(np.array([0.4, -0.7])), expected @ [0.4, -0.7], atol=1e-14)
    assert_stable_below(lambda s: unrolled(bilinear(), s / SCALE, k), (4 / (4 * k - 1)) ** 0.5)


@pytest.mark.parametrize("gamma", [0.2, 1.5])
def test_consensus_and_symplectic_adjustment_then_descent(gamma):
    h, a = 0.3, SCALE
    expected = [1 - h * gamma * a * a + 1j * h * a, 1 - h * gamma * a * a - 1j * h * a]
    for field in (consensus(bilinear(), gamma), symplectic_adjustment(bilinear(), gamma)):
        assert_multipliers(simultaneous(field, h), expected, n=6)
    bound = 2 * gamma / (1 + gamma**2 * a**2)
    assert_stable_below(lambda h: simultaneous(consensus(bilinear(), gamma), h), bound)


@pytest.mark.parametrize(("k", "alpha"), [(2, 0.5), (5, 0.5), (6, 0.2)])
def test_lookahead_over_descent_settles_where_its_modulus_says(k, alpha):
    modulus = lambda s: abs(1 - alpha + alpha * (1 + 1j * s) ** k)
    for s in (0.05, 0.4, 0.9):
        step = lookahead_minimax(simultaneous(bilinear(), s / SCALE), k, alpha)
        assert radius_of(step) == pytest.approx(modulus(s), rel=1e-9)
    assert modulus(0.05) < 1 < modulus(0.9) or k == 2


def test_lookahead_that_keeps_all_is_the_scheme_itself():
    """Its steps have the numbers, the times and the noise that they would have without it."""
    inner = noisy(adam(catalogue.make("hopf"), 0.1, eps=0.1), 0.2, seed=1)
    outer = lookahead_minimax(inner, 4, 1.0)
    x = y = inner.start(np.array([0.5, -0.2]))
    for k in range(12):
        x = inner(x, k)
    for k in range(3):
        y = outer(y, k)
    np.testing.assert_allclose(y, x, rtol=1e-12)
    assert outer.dt == pytest.approx(4 * inner.dt)


def test_the_bilinear_game_settles_by_every_scheme_that_claims_so():
    settling = [proximal_point, cgd, extragradient, optimistic, lcgd, lookahead, lola, sos, unrolled]
    for scheme in settling:
        step = scheme(bilinear(), 0.2 / SCALE)
        x = step.start(np.array([1.0, 0.5]))
        for k in range(600):
            x = step(x, k)
        assert np.linalg.norm(x[:2]) < 1e-3, scheme.__name__


def tandem():
    """Letcher et al. 2019: L1 = (x + y)^2 - 2 x, L2 = (x + y)^2 - 2 y; the fixed points are x + y = 1."""
    x, y = sp.symbols("x y", real=True)
    return from_losses((x + y) ** 2 - 2 * x, (x + y) ** 2 - 2 * y, generator=[x], discriminator=[y])


def test_lola_moves_the_fixed_points_of_the_tandem_game_and_sos_does_not():
    field, alpha = tandem(), 0.1
    at_rest = np.array([0.3, 0.7])
    np.testing.assert_allclose(field(at_rest), 0, atol=1e-15)
    moved = lola(field, 0.1, alpha).residual(at_rest)
    np.testing.assert_allclose(moved, [0.1 * alpha * 4] * 2, rtol=1e-12)
    # v + alpha K v + alpha K^T w = 0 for u = x + y: 2 - 2u - 4 alpha (1 - u) + 4 alpha u = 0
    u = (1 - 2 * alpha) / (1 - 4 * alpha)
    for scheme, expected in ((lola, u), (sos, 1.0)):
        step, x = scheme(field, 0.1, alpha), np.array([0.9, -0.4])
        for _ in range(4000):
            x = step(x)
        assert x.sum() == pytest.approx(expected, abs=1e-6)
    np.testing.assert_allclose(unrolled(field, 0.1, 1).residual(at_rest)[0], 0.1 * 0.1 * 4, rtol=1e-12)


KEPT = [name for name, entry in CATALOGUE.items() if entry.keeps.startswith("all") and not entry.modifier]


@pytest.mark.parametrize("name", KEPT)
def test_what_keeps_all_fixed_points_keeps_those_of_the_tandem_game(name):
    step = CATALOGUE[name].make(tandem(), 0.1)
    rest = step.start(np.array([0.3, 0.7]))
    np.testing.assert_allclose(step.residual(rest, 3), 0, atol=1e-15)


def test_what_does_not_keep_all_loses_those_of_the_tandem_game():
    lost = {name for name, entry in CATALOGUE.items() if entry.keeps == "of zero-sum games"}
    assert lost == {"lola", "unrolled"}
    for name in lost:
        step = CATALOGUE[name].make(tandem(), 0.1)
        assert np.abs(step.residual(np.array([0.3, 0.7]))).max() > 1e-2


def test_the_multipliers_of_sos_at_a_fixed_point_are_those_of_lcgd():
    field, x = tandem(), np.array([0.3, 0.7])
    np.testing.assert_allclose(sos(field, 0.1).jac(x), lcgd(field, 0.1).jac(x), atol=1e-13)


def test_exchanged_losses_of_a_zero_sum_game_are_the_field_backwards():
    for name in ("bilinear", "dirac", "hidden-bilinear"):
        field, x = catalogue.make(name), np.array([0.4, -0.9])
        np.testing.assert_allclose(exchanged_losses(field)(x), -field(x), rtol=1e-13)
        given = lola(field, 0.2, rival=scale(field, -1.0))
        np.testing.assert_allclose(given(x), lola(field, 0.2)(x), rtol=1e-13)


def quartic_game():
    """Two scalar losses that are neither zero-sum nor quadratic, for torch and for sympy alike."""
    loss_g = lambda x, y: x**2 * y / 2 + 0.3 * x**3 - x * y**2
    loss_d = lambda x, y: y**4 / 4 + x * y - 0.7 * x**2 * y**2
    x, y = sp.symbols("x y", real=True)
    return from_losses(loss_g(x, y), loss_d(x, y), generator=[x], discriminator=[y]), loss_g, loss_d


@pytest.mark.parametrize("k", [1, 3])
def test_unrolling_is_the_derivative_through_the_inner_steps(k):
    field, loss_g, loss_d = quartic_game()
    start, h, alpha = np.array([0.6, -0.4]), 0.1, 0.2
    x, y = (torch.tensor(value, requires_grad=True) for value in start)
    inner = y
    for _ in range(k):
        inner = inner - alpha * torch.autograd.grad(loss_d(x, inner), inner, create_graph=True)[0]
    (by_x,) = torch.autograd.grad(loss_g(x, inner), x)
    (by_y,) = torch.autograd.grad(loss_d(x, y), y)
    expected = start - h * np.array([by_x.item(), by_y.item()])
    np.testing.assert_allclose(unrolled(field, h, k, alpha)(start), expected, rtol=1e-13)


def test_lola_is_the_first_order_of_the_derivative_through_the_opponents_step():
    field, _, _ = quartic_game()
    start, h = np.array([0.6, -0.4]), 0.1
    for alpha in (1e-3, 1e-4):
        shaped = lola(field, h, alpha)(start)[0] - unrolled(field, h, 1, alpha)(start)[0]
        assert abs(shaped) < 3 * h * alpha**2  # the generator of an unrolled step shapes, to all orders
    plain = lola(field, h, 0.0)(start)
    np.testing.assert_allclose(plain, simultaneous(field, h)(start), rtol=1e-14)


def sos_step(field, rival, x, h, alpha, a, b):
    """Letcher et al. 2019, algorithm 1, in its own signs: xi the gradient, H its Jacobian."""
    xi, hessian, cross = -field(x), -field.jac(x), -rival(x)
    off = hessian - np.diag(np.diag(hessian))
    chi = off.T @ cross
    xi0 = xi - alpha * off @ xi
    inner = -alpha * chi @ xi0
    p1 = 1.0 if inner >= 0 else min(1.0, -a * (xi0 @ xi0) / inner)
    p2 = xi @ xi if np.linalg.norm(xi) < b else 1.0
    return x - h * (xi0 - min(p1, p2) * alpha * chi), (p1, p2)


def test_sos_follows_its_algorithm_in_every_branch():
    field, _, _ = quartic_game()
    rival, branches = exchanged_losses(field), set()
    for x in np.random.default_rng(0).uniform(-1.5, 1.5, (300, 2)):
        expected, (p1, p2) = sos_step(field, rival, x, 0.1, 0.5, 0.3, 0.8)
        branches.add((p1 < 1, p2 < 1, p1 < p2))
        np.testing.assert_allclose(sos(field, 0.1, 0.5, 0.3, 0.8)(x), expected, rtol=1e-11, atol=1e-13)
    assert {(True, False, True), (False, False, False), (False, True, False)} <= branches


def test_competitive_and_proximal_steps_solve_their_equations():
    field, h = catalogue.make("sigmoid-classifier", free="W_g, b_g, W_d, b_d", samples=20), 0.7
    x = np.array([0.5, -0.3, 0.8, 0.2])
    between = field.jac(x)
    between[:2, :2] = between[2:, 2:] = 0
    expected = x + h * np.linalg.solve(np.eye(4) - h * between, field(x))
    np.testing.assert_allclose(lcgd(field, h)(x), x + h * (field(x) + h * between @ field(x)), rtol=1e-12)
    for solver in (Solver("dense"), KRYLOV):
        np.testing.assert_allclose(cgd(field, h, solver)(x), expected, rtol=1e-11)
        after = proximal_point(field, h, solver)(x)
        np.testing.assert_allclose(after, x + h * field(after), rtol=1e-13)
        jacobian = np.linalg.inv(np.eye(4) - h * field.jac(after))
        np.testing.assert_allclose(proximal_point(field, h, solver).jac(x), jacobian, rtol=1e-10)
    turned = [
        field(np.array(p)) for p in ((*x[:2], *(x + h * field(x))[2:]), (*(x + h * field(x))[:2], *x[2:]))
    ]
    np.testing.assert_allclose(
        lookahead(field, h)(x), x + h * np.r_[turned[0][:2], turned[1][2:]], rtol=1e-13
    )


def test_a_proximal_step_without_a_solution_is_nan_for_that_state_alone():
    x = sp.Symbol("x", real=True)
    field = from_expressions([x**2 / 2], state=[x])
    # y = x + y^2 / 2 has the solution 1 - sqrt(1 - 2 x), up to x = 1/2; Newton's matrix is singular at x = 1
    starts = np.array([[0.2], [0.4], [0.8], [1.0], [-3.0]])
    for step in (proximal_point(field, 1.0), proximal_point(replace(field, kernel=None), 1.0)):
        after = step(starts)
        np.testing.assert_allclose(after[[0, 1, 4], 0], 1 - np.sqrt(1 - 2 * starts[[0, 1, 4], 0]), rtol=1e-12)
        assert np.isnan(after[[2, 3]]).all()
        assert np.isnan(step(starts[3])).all()


def test_gmres_solves_and_says_when_it_does_not():
    draws = np.random.default_rng(0)
    matrix, right = np.eye(40) + 0.1 * draws.normal(size=(40, 40)), draws.normal(size=40)
    found = gmres(lambda u: matrix @ u, right, 1e-12, 40)
    np.testing.assert_allclose(found, np.linalg.solve(matrix, right), rtol=1e-9)
    np.testing.assert_array_equal(gmres(lambda u: matrix @ u, 0 * right, 1e-12, 40), 0)
    with pytest.raises(ArithmeticError, match="after 5 products"):
        gmres(lambda u: matrix @ u, right, 1e-12, 5)


def conjugate_gradients(apply, right, tol):
    """Return the solution, as the CGDs package finds it, for a symmetric positive definite matrix."""
    found, residual = 0 * right, right
    direction, size = residual, residual @ residual
    while size > tol**2 * (right @ right):
        image = apply(direction)
        step = size / (direction @ image)
        found, residual = found + step * direction, residual - step * image
        size, before = residual @ residual, size
        direction = residual + size / before * direction
    return found


def test_a_competitive_step_takes_no_more_products_than_conjugate_gradients():
    n, s, tol = 300, 0.7, 1e-6
    draws, products = np.random.default_rng(1), []
    between = draws.normal(size=(n, n)) / n**0.5
    matrix = np.eye(n) + s * s * between @ between.T
    right = draws.normal(size=n)

    def counted(u):
        products.append(u)
        return matrix @ u

    theirs = conjugate_gradients(counted, right, tol)
    count = len(products)
    ours = gmres(counted, right, tol, 200)
    assert len(products) - count <= count
    for found in (ours, theirs):
        assert np.linalg.norm(matrix @ found - right) <= 1.01 * tol * np.linalg.norm(right)


def test_clipping_is_a_projection_after_every_move_of_the_discriminator():
    field, c = catalogue.make("dirac-wgan"), 0.5
    x = np.array([1.0, 0.45])
    step = clipped_weights(alternating(field, 0.2, "discriminator", 1, 3), c)
    theta, psi = x
    for _ in range(3):
        psi = np.clip(psi + 0.2 * field(np.array([theta, psi]))[1], -c, c)
    theta += 0.2 * field(np.array([theta, psi]))[0]
    np.testing.assert_allclose(step(x), [theta, psi], rtol=1e-14)
    path = x
    for _ in range(300):
        path = step(path)
        assert abs(path[1]) <= c
    assert step.with_constants(clip=2.0)(x)[1] > c
    assert abs(step.jac(np.array([3.0, 0.45]))[1]).max() == 0  # held at the bound


def test_a_clipped_gradient_has_each_players_norm_at_most_the_bound():
    field = catalogue.make("sigmoid-classifier", free="W_g, b_g, W_d, b_d", samples=20)
    x, h = np.array([2.0, -1.0, 3.0, 0.2]), 0.1
    step = clipped_gradient(simultaneous(field, h), 0.2)
    for part in (slice(0, 2), slice(2, 4)):
        v = field(x)[part]
        clipped = v * min(1, 0.2 / np.linalg.norm(v))
        np.testing.assert_allclose(step(x)[part], x[part] + h * clipped, rtol=1e-13)
    assert np.linalg.norm(field(x)[2:]) > 0.2
    wide = clipped_gradient(simultaneous(field, h), 1e3)
    np.testing.assert_allclose(wide(x), simultaneous(field, h)(x), rtol=1e-14)
    alone = clipped_gradient(simultaneous(linear_flow([[-3.0]]), h), 0.2)
    np.testing.assert_allclose(alone(np.array([5.0])), [5 - 0.02], rtol=1e-14)


@pytest.mark.parametrize("decay", [None, 0.9])
def test_the_average_is_that_of_the_iterates(decay):
    inner = simultaneous(bilinear(), 0.1)
    step, x = averaged(inner, decay), np.array([1.0, 0.0])
    state, iterates = step.start(x), [x]
    for k in range(50):
        state, x = step(state, k), inner(x, k)
        iterates.append(x)
    weights = np.full(51, 1 / 51)
    if decay is not None:
        weights = (1 - decay) * decay ** np.arange(50, -1, -1.0)
        weights[0] = decay**50
    np.testing.assert_allclose(state, [*x, *(weights @ iterates)], rtol=1e-12, atol=1e-14)
    assert step.layout.names == ("x", "y", "average.x", "average.y")
    if decay is None:
        assert_spectrum(multipliers(step, k=8), [*multipliers(inner), 0.9, 0.9])
    else:
        assert_spectrum(multipliers(step), [*multipliers(inner), decay, decay])


def test_the_average_of_alternating_descent_settles_the_bilinear_game():
    """Gidel et al. 2019: the iterates stay on a circle, their average goes to the equilibrium like 1/k."""
    step = averaged(alternating(bilinear(), 0.2))
    state, sizes = step.start(np.array([1.0, 0.5])), {}
    for k in range(4000):
        state = step(state, k)
        sizes[k] = np.linalg.norm(state[2:])
    assert (
        max(sizes[k] for k in range(3900, 4000)) * 4000 < 1.2 * max(sizes[k] for k in range(100, 200)) * 200
    )
    assert np.linalg.norm(state[:2]) > 0.5


def test_a_schedule_changes_the_constant_and_leaves_it_adjustable():
    field, x = catalogue.make("hopf"), np.array([0.5, -0.3])
    factor = lambda k: (1 + np.cos(np.pi * k / 100)) / 2 * 0.99**k
    step = scheduled(rk4(field, 0.2), factor)
    for k in (0, 7, 50):
        np.testing.assert_allclose(step(x, k), rk4(field, 0.2 * factor(k))(x), rtol=1e-14)
        changed = step.with_constants(h=0.1)(x, k)
        np.testing.assert_allclose(changed, rk4(field, 0.1 * factor(k))(x), rtol=1e-14)
    momentum = scheduled(heavy_ball(field, 0.1, 0.9), lambda k: k / (k + 3), "beta")
    state = np.array([0.5, -0.3, 0.2, 0.1])
    np.testing.assert_allclose(momentum(state, 6), heavy_ball(field, 0.1, 0.6)(state), rtol=1e-14)
    with pytest.raises(TypeError, match="cannot be compared or branched"):
        scheduled(rk4(field, 0.2), lambda k: 1.0 if k < 10 else 0.1)
    with pytest.raises(ValueError, match="constant must be one of"):
        scheduled(rk4(field, 0.2), factor, "beta")


def test_noise_makes_descent_an_autoregression_of_the_right_variance():
    """x' = (1 - h) x + h sigma xi has the variance h sigma^2 / (2 - h)."""
    field, h, sigma = linear_flow(-np.eye(50)), 0.2, 0.7
    step, x, squares = noisy(simultaneous(field, h), sigma, seed=3), np.zeros(50), []
    for k in range(2000):
        x = step(x, k)
        squares.append(np.mean(x**2))
    assert np.mean(squares[100:]) == pytest.approx(h * sigma**2 / (2 - h), rel=0.02)
    other = noisy(simultaneous(field, h), sigma, seed=4)
    assert not np.any(step(x, 5) == other(x, 5))
    np.testing.assert_array_equal(step.jac(x, 5), simultaneous(field, h).jac(x, 5))
    batch = step(np.stack([x, 0 * x]), 5) - simultaneous(field, h)(np.stack([x, 0 * x]))
    np.testing.assert_allclose(batch[0], batch[1], atol=1e-14)


BAD = {
    "tol must be in": lambda f: cgd(f, 0.1, Solver(tol=0.0)),
    "method must be one of": lambda f: cgd(f, 0.1, Solver("direct")),
    "alpha must be at least 0": lambda f: lola(f, 0.1, -1.0),
    "a must be above 0 and below 1": lambda f: sos(f, 0.1, a=1.5),
    "steps must be an integer of at least 1": lambda f: unrolled(f, 0.1, 0),
    "alpha must be at most 1": lambda f: lookahead_minimax(simultaneous(f, 0.1), 3, 1.5),
    "decay must be at least 0 and below 1": lambda f: averaged(simultaneous(f, 0.1), 1.0),
    "bound must be above 0": lambda f: clipped_weights(simultaneous(f, 0.1), 0.0),
    "an implicit step solves": lambda f: clipped_gradient(proximal_point(f, 0.1), 1.0),
    "seed must be an integer": lambda f: noisy(simultaneous(f, 0.1), 1.0, seed=-1),
    "takes the update map of a scheme": lambda f: averaged(f),
    "does not carry its two losses": lambda f: lola(consensus(f, 0.1), 0.1),
    "pass rival=": lambda f: lola(linear_game(), 0.1),
    "rival must have the layout": lambda f: lola(f, 0.1, rival=linear_flow(np.eye(2))),
}


def linear_game():
    from gandyn import Layout

    return linear_flow([[0.0, -1.0], [1.0, 0.0]], Layout.scalars(generator=["x"], discriminator=["y"]))


@pytest.mark.parametrize("message", BAD)
def test_bad_settings_are_refused(message):
    with pytest.raises(ValueError, match=message):
        BAD[message](catalogue.make("bilinear"))


@pytest.mark.parametrize("scheme", [cgd, lcgd, lookahead, lola, sos, unrolled])
def test_players_are_needed(scheme):
    with pytest.raises(ValueError, match="needs a generator and a discriminator"):
        scheme(linear_flow([[-1.0]]), 0.1)


def driven_game():
    """x' = t, y' = 0: the parameters add up the times at which the velocity was asked."""
    x, y, t = sp.symbols("x y t", real=True)
    return from_expressions([t + 0 * x, 0 * y], generator=[x], discriminator=[y], time=t)


def test_a_step_of_several_begins_where_the_last_one_ended():
    field, h, start = driven_game(), 0.5, np.zeros(2)
    turns = alternating(field, h, generator_steps=2)
    assert turns.dt == 1.0
    assert turns(start, 3)[0] == pytest.approx(2 * h * 3.0)
    slow = lookahead_minimax(simultaneous(field, h), 4, 1.0)
    assert slow(start, 2)[0] == pytest.approx(h * sum(h * k for k in range(8, 12)))
    halved = scheduled(slow, lambda k: 0.5 + 0 * k)  # the times stay: they number minibatches
    assert halved(start, 2)[0] == pytest.approx(slow(start, 2)[0] / 2)
    ahead = proximal_point(field, h)
    assert ahead(start, 2)[0] == pytest.approx(h * 3 * h)
