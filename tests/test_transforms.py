"""Transforms: smoothing against moments; the others against closed forms, and symbols against arrays."""

import numpy as np
import pytest
import sympy as sp
import torch
from torch import nn

from gandyn import Layout, VectorField, check_field
from gandyn.games import E, catalogue, from_expressions, from_losses, samples
from gandyn.nets import gan_field, get_state, losses
from gandyn.transforms import (
    add,
    consensus,
    l2,
    potential_part,
    scale,
    smooth,
    symplectic_adjustment,
    two_timescale,
)

X_, Y_ = sp.symbols("x y")
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


# Transforms of games and networks: symbols against arrays, exact answers, conformance.

#: Each transform as a function of a field of two players.
TRANSFORMS = {
    "scale": lambda field: scale(field, -1.7),
    "two_timescale": lambda field: two_timescale(field, 3.0),
    "l2": lambda field: l2(field, 0.3),
    "l2 of one player": lambda field: l2(field, 0.3, "discriminator"),
    "add": lambda field: add(field, l2(field, 0.2)),
    "consensus": lambda field: consensus(field, 0.4),
    "symplectic": lambda field: symplectic_adjustment(field, 0.6),
    "aligned": lambda field: symplectic_adjustment(field, 0.6, align=True),
    "consensus of a composition": lambda field: consensus(
        two_timescale(l2(scale(field, 0.5), 0.1), 2.0), 0.4
    ),
    "adjusted sum": lambda field: symplectic_adjustment(add(field, scale(field, 0.3)), 0.2),
}
EACH = pytest.mark.parametrize("transform", TRANSFORMS.values(), ids=TRANSFORMS)
GAME_X = np.array([0.9, -0.4])


def game():
    """A general-sum game with no symmetry between its players, given by two losses and samples."""
    a, b, s, z, k = sp.symbols("a b s z k")
    fake = E(sp.log(1 + sp.exp(k * b * (z + a) ** 2 - z * b)), z=samples("normal", 7, seed=0))
    real = E(sp.log(1 + sp.exp(-b * s + b**2 / 5)), s=samples("normal", 5, seed=1))
    loss_g = -fake + sp.sin(a) * b / 3
    return from_losses(loss_g, fake + real, generator=[a], discriminator=[b], constants={k: 0.7})


def without_symbols(field):
    """The same field with nothing but arrays, so that every transform goes the other way."""
    return VectorField(
        field.fn, field.layout, field.jac, field.jvp, field.vjp,
        second=field.second, second_adjoint=field.second_adjoint,
    )  # fmt: skip


def network():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        pair = (
            nn.Sequential(nn.Linear(1, 3), nn.Tanh(), nn.Linear(3, 1)),
            nn.Sequential(nn.Linear(1, 4), nn.Tanh(), nn.Linear(4, 1)),
        )
    draws = torch.Generator().manual_seed(1)
    real, latent = torch.randn(2, 16, 1, generator=draws)
    return gan_field(*pair, losses.nonsaturating(), real, latent), get_state(*pair)


def second_difference(field, x, u, w, h=1e-4):
    """D^2v[u, w] from velocities alone, with an error of order h^2."""
    signs = [(1, 1), (1, -1), (-1, 1), (-1, -1)]
    return sum(p * q * field(x + h * (p * u + q * w)) for p, q in signs) / (4 * h**2)


@EACH
def test_transformed_games_keep_the_contract_and_stay_compiled(transform):
    field = transform(game())
    assert field.kernel is not None
    assert field.derivatives == "exact"
    check_field(field, GAME_X)


@EACH
def test_symbols_and_arrays_give_the_same_transform(transform):
    symbols, arrays = transform(game()), transform(without_symbols(game()))
    assert arrays.kernel is None
    assert arrays.derivatives == "exact"
    for x in np.random.default_rng(3).normal(size=(5, 2)):
        np.testing.assert_allclose(arrays(x), symbols(x), rtol=1e-12, atol=1e-13)
        np.testing.assert_allclose(arrays.jac(x), symbols.jac(x), rtol=1e-11, atol=1e-12)
        for product in ("jvp", "vjp"):
            got, expected = (getattr(f, product)(x, GAME_X) for f in (arrays, symbols))
            np.testing.assert_allclose(got, expected, rtol=1e-11, atol=1e-12)


@EACH
def test_transformed_arrays_keep_the_contract(transform):
    check_field(transform(without_symbols(game())), GAME_X)


@EACH
def test_transformed_networks_keep_the_contract(transform):
    field, x = network()
    field = transform(field)
    assert field.derivatives == "exact"
    check_field(field, x)


@EACH
def test_transforms_without_second_derivatives_say_so(transform):
    plain = polynomial()
    field = transform(plain)
    assert plain.second_derivatives == "central differences"
    needs_second = any(word in field.label for word in ("consensus", "symplectic"))
    assert field.derivatives == ("central differences" if needs_second else "exact")
    check_field(field, X, rtol=1e-7)


@EACH
def test_constants_of_a_transform_are_adjustable(transform):
    for base in (game(), without_symbols(game())):
        field = transform(base)
        name = next(name for name in field.constants if name != "k")
        changed = {name: field.constants[name] * 1.5}
        other = field.with_constants(**changed)
        assert other.constants == {**field.constants, **changed}
        assert not np.allclose(other(GAME_X), field(GAME_X), rtol=1e-3)
        check_field(other, GAME_X)


def test_constants_of_the_field_reach_through_a_transform():
    inner = game().with_constants(k=0.2)
    for base in (game(), inner):
        field = consensus(base, 0.4).with_constants(k=0.5, gamma=0.1)
        expected = consensus(game().with_constants(k=0.5), 0.1)
        np.testing.assert_allclose(field(GAME_X), expected(GAME_X), rtol=1e-13)
        np.testing.assert_allclose(field.jac(GAME_X), expected.jac(GAME_X), rtol=1e-13)
    assert consensus(inner, 0.4).constants == {"k": 0.2, "gamma": 0.4}


def test_a_name_that_is_taken_gets_a_number():
    twice = consensus(consensus(catalogue.make("dirac-r1", gamma=0.5), 0.1), 0.2)
    assert twice.constants == {"gamma": 0.5, "kappa": 1.0, "gamma_2": 0.1, "gamma_3": 0.2}
    check_field(twice, GAME_X)


def test_sums_of_games_share_constants_of_one_name_and_keep_their_data_apart():
    x, a, k, m = sp.symbols("x a k m")
    mean = lambda *values: E(k * sp.sin(a * x), x=samples(values))
    one = from_expressions([mean(1.0, 2.0)], state=[a], constants={k: 2.0})
    two = from_expressions([mean(3.0) + m], state=[a], constants={k: 2.0, m: 0.5})
    total = add(one, two, one)
    assert total.constants == {"k": 2.0, "m": 0.5}
    at = np.array([0.3])
    expected = 2 * (np.sin(0.3) + np.sin(0.6)) + 2 * np.sin(0.9) + 0.5
    np.testing.assert_allclose(total(at), expected, rtol=1e-14)
    check_field(total, at)
    with pytest.raises(
        ValueError, match=r"the constant k is 2.0 in one field and 3.0 in another.*one value first"
    ):
        add(one, two.with_constants(k=3.0))


@pytest.mark.parametrize("make", [game, lambda: network()[0]], ids=["symbols", "torch"])
def test_second_order_products_against_differences_of_velocities(make):
    field = make()
    n = field.layout.dim
    convert = np.asarray if field.kernel is not None else torch.asarray
    x, u, w, p = (convert(row) for row in np.random.default_rng(0).normal(size=(4, n)) * 0.5)
    got = field.second(x, u, w)
    np.testing.assert_allclose(got, second_difference(field, x, u, w), rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(got, field.second(x, w, u), rtol=1e-10, atol=1e-13)
    adjoint = field.second_adjoint(x, u, p)
    assert float(p @ got) == pytest.approx(float(adjoint @ w), rel=1e-10)
    stack = field.second(x, u, convert(np.stack([w, p])))
    np.testing.assert_allclose(stack[0], got, rtol=1e-12, atol=1e-15)


def test_derived_second_order_products_are_near_the_exact_ones():
    exact = game()
    plain = VectorField(exact.fn, exact.layout, exact.jac)
    bare = VectorField(exact.fn, exact.layout)
    u, w = np.array([1.0, 2.0]), np.array([-0.5, 1.0])
    for product in ("second", "second_adjoint"):
        expected = getattr(exact, product)(GAME_X, u, w)
        np.testing.assert_allclose(getattr(plain, product)(GAME_X, u, w), expected, rtol=1e-8)
        np.testing.assert_allclose(getattr(bare, product)(GAME_X, u, w), expected, rtol=1e-3)
    with pytest.raises(ValueError, match="belong together"):
        VectorField(exact.fn, exact.layout, exact.jac, second=exact.second)


def eigenvalues(field, x=(0.0, 0.0)):
    return np.sort_complex(np.linalg.eigvals(field.jac(np.array(x))))


@pytest.mark.parametrize("gamma", [0.1, 1.0, 3.0])
def test_consensus_of_the_bilinear_and_the_dirac_gan(gamma):
    for slope in (1.0, 2.5):
        bilinear = catalogue.make("bilinear", a=slope)
        expected = [-gamma * slope**2 - 1j * slope, -gamma * slope**2 + 1j * slope]
        np.testing.assert_allclose(eigenvalues(consensus(bilinear, gamma)), expected, rtol=1e-13)
        np.testing.assert_allclose(eigenvalues(symplectic_adjustment(bilinear, gamma)), expected, rtol=1e-13)
    dirac = consensus(catalogue.make("dirac"), gamma)
    np.testing.assert_allclose(eigenvalues(dirac), [-gamma / 4 - 0.5j, -gamma / 4 + 0.5j], rtol=1e-13)
    as_losses = catalogue.make("dirac-consensus", gamma=gamma)
    for x in np.random.default_rng(0).normal(size=(10, 2)):
        np.testing.assert_allclose(dirac(x), as_losses(x), rtol=1e-12)
        np.testing.assert_allclose(dirac.jac(x), as_losses.jac(x), rtol=1e-11, atol=1e-13)
    largest_step = 2 * gamma / (1 + gamma**2 / 4)
    np.testing.assert_allclose(np.abs(1 + largest_step * eigenvalues(dirac)), 1.0, rtol=1e-12)


def test_the_jacobian_of_consensus_keeps_its_second_order_terms_away_from_equilibrium():
    field, x, h = catalogue.make("dirac"), np.array([0.8, -1.1]), 1e-5
    adjusted = consensus(field, 1.0)
    differences = np.stack(
        [(adjusted(x + h * e) - adjusted(x - h * e)) / (2 * h) for e in np.eye(2)], axis=-1
    )
    np.testing.assert_allclose(adjusted.jac(x), differences, rtol=1e-8)
    J = field.jac(x)
    assert np.max(np.abs(J - J.T @ J - differences)) > 0.1  # what a spectrum without them would see
    np.testing.assert_allclose(adjusted(x), field(x) - J.T @ field(x), rtol=1e-13)


def test_symplectic_adjustment_of_the_strong_rotation():
    field = symplectic_adjustment(catalogue.make("balduzzi"), 1.0)
    np.testing.assert_allclose(eigenvalues(field, (3.0, -2.0)), [-101, -101], rtol=1e-13)
    J = game().jac(GAME_X)
    expected = game()(GAME_X) - 0.6 * ((J - J.T) / 2).T @ game()(GAME_X)
    np.testing.assert_allclose(symplectic_adjustment(game(), 0.6)(GAME_X), expected, rtol=1e-13)


def test_alignment_turns_away_from_an_unstable_point_and_towards_a_stable_one():
    """On H = [[e, w], [-w, e]] the two inner products of the paper have the sign of e."""
    offset_wins = 1e-3
    for e, sign in ((1.0, 1.0), (-1.0, -1.0), (-offset_wins, 1.0)):
        field = from_expressions([-e * X_ - 2 * Y_, 2 * X_ - e * Y_], generator=[X_], discriminator=[Y_])
        adjusted, x = symplectic_adjustment(field, 0.5, align=True), np.array([1.0, 0.7])
        H, xi = np.array([[e, 2.0], [-2.0, e]]), -field(x)
        A = (H - H.T) / 2
        slope = H.T @ xi
        by_paper = np.sign((xi @ slope) * ((A.T @ xi) @ slope) / 2 + 0.1)
        assert by_paper == sign
        np.testing.assert_allclose(adjusted(x), -(xi + 0.5 * sign * A.T @ xi), rtol=1e-13)


def test_the_potential_part_of_linear_fields_is_their_symmetric_part():
    rng = np.random.default_rng(0)
    matrix, centre, offset = rng.normal(size=(3, 3)), rng.normal(size=3), rng.normal(size=3)
    layout = Layout.scalars(state=["p", "q", "r"])
    field = VectorField(
        lambda x, t: x @ matrix.T + offset, layout, jac=lambda x, t: np.broadcast_to(matrix, (*x.shape, 3))
    )
    part, x = potential_part(field, centre, nodes=2), rng.normal(size=3)
    symmetric = (matrix + matrix.T) / 2
    np.testing.assert_allclose(part(x), field(centre) + symmetric @ (x - centre), rtol=1e-12)
    np.testing.assert_allclose(part.jac(x), symmetric, rtol=1e-7, atol=1e-8)
    check_field(part, x, rtol=1e-7)


def test_the_potential_part_is_a_gradient_and_leaves_a_rotation_about_the_point():
    field, centre = game(), np.array([0.2, -0.1])
    part = potential_part(field, centre)
    assert part.derivatives == "exact"
    for x in np.random.default_rng(1).normal(size=(4, 2)):
        check_field(part, x)
        J = part.jac(x)
        np.testing.assert_allclose(J, J.T, rtol=1e-13, atol=1e-14)
        rest = field(x) - part(x)
        assert abs(rest @ (x - centre)) < 1e-9 * np.linalg.norm(x - centre)
        assert np.linalg.norm(rest) > 1e-3
    J = field.jac(centre)
    np.testing.assert_allclose(part(centre), field(centre), rtol=1e-14)
    np.testing.assert_allclose(part.jac(centre), (J + J.T) / 2, rtol=1e-12)


def test_a_gradient_field_is_its_own_potential_part():
    a, b = X_, Y_
    phi = -(a**4) / 4 + a * b**2 - sp.cos(b)
    field = from_expressions([phi.diff(a), phi.diff(b)], generator=[a], discriminator=[b])
    part = potential_part(field, np.array([0.3, 0.4]))
    np.testing.assert_allclose(part(X), field(X), rtol=1e-12)
    np.testing.assert_allclose(part.jac(X), field.jac(X), rtol=1e-12, atol=1e-13)
    network_field, x = network()
    check_field(potential_part(network_field, x, nodes=3), 0.9 * x)


def test_smoothing_keeps_second_derivatives():
    field = smooth(game(), {"a": 0.3}, count=30)
    assert consensus(field, 0.5).derivatives == "exact"
    check_field(consensus(field, 0.5), GAME_X)
    plain = VectorField(game().fn, LAYOUT)
    assert smooth(plain, 0.1).derivatives == "central differences"


@pytest.mark.parametrize("gamma", [0.3, 0.7, 2.0])
def test_time_scales_of_the_dirac_gan_with_r1(gamma):
    field = two_timescale(catalogue.make("dirac-r1", gamma=gamma), 1 / gamma**2)
    assert field.constants["kappa_2"] == 1 / gamma**2
    critical = eigenvalues(field)
    np.testing.assert_allclose(critical, -1 / (2 * gamma), rtol=1e-6)  # a double root: error of sqrt(eps)
    for kappa in (0.4 / gamma**2, 3 / gamma**2):
        root = np.emath.sqrt(kappa**2 * gamma**2 / 4 - kappa / 4)
        expected = np.sort_complex(np.array([-kappa * gamma / 2 - root, -kappa * gamma / 2 + root], complex))
        np.testing.assert_allclose(eigenvalues(field.with_constants(kappa_2=kappa)), expected, rtol=1e-12)
        assert np.iscomplex(expected[0]) == (kappa < 1 / gamma**2)


def test_the_ratio_at_which_the_gaussian_classifier_settles():
    field = two_timescale(catalogue.make("gaussian-classifier", W_d=0.5), 1.0)
    name = next(reversed(field.constants))
    growth = lambda ratio: eigenvalues(field.with_constants(**{name: ratio})).real.max()
    assert growth(0.347637) < 0 < growth(0.347639)


def test_decay_is_that_of_the_catalogue():
    for weight, node in ((0.1, (9.9955, -1.7976)), (0.3, (2.8707, -0.7205)), (1.0, (0.6056, -0.0875))):
        field = l2(catalogue.make("sigmoid-classifier"), weight)
        losses_ = catalogue.make("sigmoid-classifier-l2", l2=weight)
        for x in (np.array(node), GAME_X):
            np.testing.assert_allclose(field(x), losses_(x), rtol=1e-12, atol=1e-15)
            np.testing.assert_allclose(field.jac(x), losses_.jac(x), rtol=1e-12, atol=1e-15)
        assert np.max(np.abs(field(np.array(node)))) < 1e-4


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda: two_timescale(polynomial(), 0.0), "give > 0"),
        (
            lambda: two_timescale(VectorField(lambda x, t: x, Layout.scalars(state="x")), 2.0),
            "no block of the disc",
        ),
        (lambda: l2(polynomial(), 0.1, "critic"), "player must be one of"),
        (lambda: l2(polynomial(), np.inf), "l2 must be finite"),
        (lambda: add(polynomial()), "two or more fields, got 1"),
        (lambda: add(polynomial(), game()), None),
        (
            lambda: add(polynomial(), catalogue.make("dirac")),
            r"same state; their blocks are \['a', 'b'\] and",
        ),
        (lambda: consensus(polynomial(), float("nan")), "gamma must be finite"),
        (lambda: potential_part(polynomial(), np.zeros(3)), r"about must have shape \(2,\)"),
        (lambda: potential_part(polynomial(), np.zeros(2), nodes=0), "nodes.*at least 1"),
    ],
)
def test_bad_arguments_of_transforms_are_refused(act, message):
    if message is None:
        assert act().kernel is None  # the same state: symbols and arrays add up as arrays
        return
    with pytest.raises(ValueError, match=message):
        act()
