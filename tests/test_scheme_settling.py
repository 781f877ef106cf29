"""Schemes that settle games, and what changes a scheme: multipliers, bounds, fixed points kept and lost."""

import numpy as np
import pytest
import sympy as sp

from gandyn import scale, symplectic_adjustment
from gandyn.games import catalogue, exchanged_losses, from_losses
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
from tests.problems import linear_flow
from tests.test_scheme_truths import (
    SCALE,
    assert_multipliers,
    assert_spectrum,
    assert_stable_below,
    bilinear,
    multipliers,
    on_bilinear,
    radius_of,
)

KRYLOV = Solver("krylov")
MULTIPLIERS = {
    "proximal_point": (proximal_point, lambda z: 1 / (1 - z)),
    "proximal_point krylov": (lambda f, h: proximal_point(f, h, KRYLOV), lambda z: 1 / (1 - z)),
    "cgd": (cgd, lambda z: 1 / (1 - z)),
    "cgd krylov": (lambda f, h: cgd(f, h, KRYLOV), lambda z: 1 / (1 - z)),
    "lcgd": (lcgd, lambda z: 1 + z + z**2),
    "lookahead": (lookahead, lambda z: 1 + z + z**2),
    "lola": (lola, lambda z: 1 + z + 2 * z**2),
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
