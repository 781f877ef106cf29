import subprocess
import sys

import mpmath as mp
import numpy as np
import pytest
import sympy as sp
import torch

from gandyn.field import UpdateMap, VectorField, check_field
from gandyn.games.expectation import E
from gandyn.games.functions import dawson, log1mexp, sigmoid, softplus, stable
from gandyn.games.measures import gauss_hermite, gauss_legendre, points, samples
from gandyn.games.symbolic import from_expressions, from_losses

x, y, z, a, b, c, t = sp.symbols("x y z a b c t")
u, s = sp.symbols("u s", real=True)
W_g, b_g, W_d, b_d, eps = sp.symbols("W_g b_g W_d b_d eps")
DATA, LATENT = samples("normal", 60, 1), samples("normal", 50, 2)
STATE = np.array([0.7, 0.3, 1.2, -0.4])


def logistic(v):
    return 1 / (1 + sp.exp(-v))


def gaussian(v):
    return sp.exp(-(v**2))


def classifier_game(judge, margin=0, **options):
    """The four-parameter game of Guttenberg 2016, saturating, with a margin inside the logarithm of fakes."""
    d = lambda v: judge(W_d * v + b_d)
    fake = E(sp.log(1 + margin - d(W_g * z + b_g)), z=LATENT)
    return from_losses(
        fake,
        -E(sp.log(d(x)), x=DATA) - fake,
        generator=[W_g, b_g],
        discriminator=[W_d, b_d],
        **options,
    )


GAMES = {
    "sigmoid": lambda: classifier_game(logistic),
    "gaussian": lambda: classifier_game(gaussian),
    "gaussian with a margin": lambda: classifier_game(gaussian, eps, constants={eps: 0.01}),
}


@pytest.mark.parametrize("name", GAMES)
def test_games_keep_the_contract_of_a_field(name):
    check_field(GAMES[name](), STATE)


def torch_losses(judge, margin, theta, own):
    """Both losses in torch, written independently: the generator's, then the discriminator's."""
    w_g, bias_g, w_d, bias_d = theta
    data, latent = (torch.tensor(m.values) for m in (DATA, LATENT))
    real, fake = judge(w_d * data + bias_d), judge(w_d * (w_g * latent + bias_g) + bias_d)
    fooled = torch.log(1 + margin - fake).mean()
    return fooled if own == "generator" else -torch.log(real).mean() - fooled


@pytest.mark.parametrize(
    ("name", "judge", "margin"),
    [
        ("sigmoid", torch.sigmoid, 0.0),
        ("gaussian", lambda v: torch.exp(-(v**2)), 0.0),
        ("gaussian with a margin", lambda v: torch.exp(-(v**2)), 0.01),
    ],
)
def test_velocity_and_jacobian_are_those_of_torch_autograd(name, judge, margin):
    def velocity(theta):
        losses = [torch_losses(judge, margin, theta, own) for own in ("generator", "discriminator")]
        first, second = (torch.autograd.grad(loss, theta, create_graph=True)[0] for loss in losses)
        return -torch.cat([first[:2], second[2:]])

    field = GAMES[name]()
    for state in (STATE, np.array([1.3, -1.0, 0.6, 0.9])):
        theta = torch.tensor(state, requires_grad=True)
        np.testing.assert_allclose(field(state), velocity(theta).detach(), rtol=1e-10)
        jacobian = torch.autograd.functional.jacobian(velocity, theta)
        np.testing.assert_allclose(field.jac(state), jacobian, rtol=1e-10, atol=1e-12)


def test_each_player_descends_its_own_loss():
    field = from_losses(a**2 * b, 3 * a * b - b, generator=[a], discriminator=[b])
    np.testing.assert_array_equal(field(np.array([2.0, 5.0])), [-20.0, -5.0])
    np.testing.assert_array_equal(field.jac(np.array([2.0, 5.0])), [[-10.0, -4.0], [-3.0, 0.0]])
    assert [(block.name, block.player) for block in field.layout.blocks] == [
        ("a", "generator"),
        ("b", "discriminator"),
    ]


def test_squares_of_expectations_are_differentiated():
    """The regulariser eta |dV/dw|^2 of Nagarajan and Kolter 2017, for their WGAN with uniform data."""
    uniform = gauss_legendre(20)
    value = E(b * x**2, x=uniform) - E(b * (a * z) ** 2, z=uniform)
    field = from_losses(
        value + c * sp.diff(value, b) ** 2, -value, generator=[a], discriminator=[b], constants={c: 0.5}
    )
    at = np.linalg.eigvals(field.jac(np.array([1.0, 0.0])))
    root = np.emath.sqrt(16 * 0.25 / 81 - 4 / 9)
    np.testing.assert_allclose(
        np.sort_complex(at), np.sort_complex([-2 / 9 + root, -2 / 9 - root]), atol=1e-14
    )


def test_constants_are_adjustable_by_name():
    field = from_losses(
        a * b * c, -a * b * c + eps * b**2, generator=[a], discriminator=[b], constants={"c": 2, eps: 1}
    )
    assert field.constants == {"c": 2, "eps": 1}
    state = np.array([0.5, 2.0])
    np.testing.assert_array_equal(field(state), [-4.0, -3.0])
    np.testing.assert_array_equal(field.with_constants(c=1.0, eps=0.0)(state), [-2.0, 0.5])
    np.testing.assert_array_equal(field(state), [-4.0, -3.0])


def test_flows_may_depend_on_time_and_maps_on_the_step():
    driven = from_expressions([-a + sp.cos(c * t)], state=[a], constants={c: 2.0}, time=t)
    assert driven(np.array([1.0]), 0.3) == pytest.approx(-1 + np.cos(0.6), rel=1e-15)
    check_field(driven, np.array([0.2]), t=0.4)
    decay = from_expressions([a / (1 + t)], state=[a], time=t, kind="map", dt=0.1)
    assert isinstance(decay, UpdateMap)
    assert decay.dt == 0.1
    np.testing.assert_array_equal(decay(np.array([6.0]), 2), [2.0])


def test_components_follow_generator_state_discriminator():
    field = from_expressions([a, b, c], discriminator=[c], state=[b], generator=[a])
    assert isinstance(field, VectorField)
    assert field.layout.names == ("a", "b", "c")
    np.testing.assert_array_equal(field.layout.mask("discriminator"), [False, False, True])


def test_jacobians_of_kinks_are_derivatives_almost_everywhere():
    field = from_losses(sp.Abs(a) * b, sp.Max(0, 1 - b) + a * b, generator=[a], discriminator=[b])
    for state, slope in (([2.0, 0.5], [[0, -1], [-1, 0]]), ([-2.0, 3.0], [[0, 1], [-1, 0]])):
        np.testing.assert_array_equal(field.jac(np.array(state)), slope)
    np.testing.assert_array_equal(field(np.array([0.0, 1.0])), [0.0, 0.5])


def test_symbols_with_and_without_assumptions_are_one():
    real = sp.symbols("a b", real=True)
    mixed = from_losses(a * b, -real[0] * real[1], generator=[real[0]], discriminator=[b])
    np.testing.assert_array_equal(mixed(np.array([2.0, 3.0])), [-3.0, 2.0])


def test_names_that_python_reserves_may_be_used():
    keyword, odd = sp.symbols("lambda w_{d}")
    field = from_losses(keyword * odd, -keyword * odd, generator=[keyword], discriminator=[odd])
    np.testing.assert_array_equal(field(np.array([2.0, 3.0])), [-3.0, 2.0])


def test_a_frozen_opponent_is_a_constant():
    field = from_losses(a * c, a * c, generator=[a], discriminator=[], constants={c: 3.0})
    np.testing.assert_array_equal(field(np.array([1.0])), [-3.0])


def test_expectations_can_be_substituted_into():
    mean = E((x - a) ** 2, x=points([0.0, 2.0]))
    assert mean.subs(a, b) == E((x - b) ** 2, x=points([0.0, 2.0]))
    assert mean.subs(x, b) == mean
    assert mean.free_symbols == {a}
    assert str(mean.diff(a)) == "E(2*a - 2*x, x=Measure(2 points, dim=1))"


def test_independent_terms_and_factors_of_an_expectation_separate():
    first, second = points([1.0, 4.0]), points([2.0, 3.0, 7.0])
    terms = E(sp.exp(a * x) + sp.cos(z) + a, x=first, z=second).simplified()
    assert terms == E(sp.exp(a * x), x=first) + E(sp.cos(z), z=second) + a
    factors = E(a * x**2 * sp.cos(b * z), x=first, z=second).simplified()
    assert factors == a * E(x**2, x=first) * E(sp.cos(b * z), z=second)
    for joint in (sp.exp(x * z), sp.exp(x * z) * sp.cos(z), sp.cos(x * z) + sp.tanh(x - z)):
        assert E(joint, x=first, z=second).simplified() == E(joint, x=first, z=second)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (sp.log(1 + sp.exp(u)), softplus(u)),
        (sp.log(logistic(u)), -softplus(-u)),
        (sp.log(1 - logistic(u)), -softplus(u)),
        (sp.log(logistic(u) * (1 - logistic(u))), -softplus(u) - softplus(-u)),
        (1 - logistic(u), sigmoid(-u)),
        (sp.exp(u) / (1 + sp.exp(u)), sigmoid(u)),
        (sp.exp(-u) / (1 + sp.exp(-u)) ** 2, sigmoid(u) * sigmoid(-u)),
        (sp.exp(u) / (sp.exp(u) + sp.exp(s)), sigmoid(u - s)),
        (sp.log(sp.exp(u) + sp.exp(s)), s + softplus(u - s)),
        (sp.log(1 - sp.exp(-(s**2))), log1mexp(s**2)),
        (sp.log(sp.cosh(s)), softplus(2 * s) - s - sp.log(2)),
    ],
)
def test_rewriting_finds_the_stable_form(given, expected):
    assert stable(given) == expected


def test_stable_ends_where_exponentials_do_not_cancel_by_themselves():
    """exp(2(a + b)) is kept as exp(2a + 2b), which sympy does not cancel against powers of exp(-a - b)."""
    a, b = sp.symbols("a b", real=True)
    v = a**2 + sp.tanh(b)
    given = sp.Mul(sp.exp(v), sp.exp(-2 * v), sp.exp(3 * v), sigmoid(v) ** 2, evaluate=False)
    found = stable(given)
    for p, q in ((0.3, -0.8), (-1.2, 2.0)):
        size = p**2 + np.tanh(q)
        value = float(found.replace(sigmoid, lambda w: 1 / (1 + sp.exp(-w))).subs({a: p, b: q}))
        assert value == pytest.approx(np.exp(2 * size) / (1 + np.exp(-size)) ** 2, rel=1e-12)


@pytest.mark.parametrize(
    "given",
    [
        2 - 2 * logistic(u),
        3 - 3 * sp.tanh(u) ** 2,
        1 + s**2 - sp.exp(-(u**2)),
        sp.log(1 + s**2) + sp.log(logistic(s) ** 2 * sp.cosh(u)),
        sp.exp(u) - 1 - u,
        sp.exp(2 * u) / (1 + sp.exp(u)) ** 2 + sp.exp(u) / (1 + sp.exp(u)) ** 2,
        1 / (sp.exp(u) - 1) + sp.exp(-s) / (1 - sp.exp(-s)),
    ],
)
@pytest.mark.parametrize("at", [(0.3, -0.6), (-1.1, 0.2)])
def test_rewriting_changes_neither_value_nor_derivatives(given, at):
    point = dict(zip((u, s), map(mp.mpf, map(str, at)), strict=True))
    field = from_expressions([given, u * s], state=[u, s])
    with mp.workdps(30):
        exact = [given, given.diff(u), given.diff(s)]
        exact = [float(sp.lambdify((u, s), e, "mpmath")(point[u], point[s])) for e in exact]
    value, slopes = field(np.array(at))[0], field.jac(np.array(at))[0]
    np.testing.assert_allclose([value, *slopes], exact, rtol=1e-13)


@pytest.mark.parametrize(
    ("loss", "state", "expected"),
    [
        (sp.log(1 + sp.exp(a)), 800.0, (-1.0, 0.0)),
        (sp.log(1 + sp.exp(a)), -800.0, (0.0, 0.0)),
        (-sp.log(logistic(a)), -1e5, (1.0, 0.0)),
        (-sp.log(1 - sp.exp(-(a**2))), 60.0, (0.0, 0.0)),
        (-sp.log(1 - sp.exp(-(a**2))), 1e-9, (2e9, -2e18)),
        (-sp.log(1 - sp.exp(-(a**2))), 5.0, (10 * np.exp(-25.0), -98 * np.exp(-25.0))),
        (sp.tanh(a), 300.0, (-4 * np.exp(-600.0), 8 * np.exp(-600.0))),
        (sp.log(sp.cosh(a)), 1e4, (-1.0, 0.0)),
        (-sp.log(logistic(a) + sp.exp(-a)), 900.0, (0.0, 0.0)),
    ],
)
def test_far_out_the_field_neither_overflows_nor_cancels(loss, state, expected):
    field = from_losses(loss, -a * b + b**2, generator=[a], discriminator=[b])
    at = np.array([state, 0.0])
    np.testing.assert_allclose([field(at)[0], field.jac(at)[0, 0]], expected, rtol=1e-9, atol=1e-300)


def test_closed_forms_may_use_special_functions():
    """E 1/(m + z) over z ~ N(0, 1), in the sense of Cauchy, is sqrt(2) D(m / sqrt(2))."""
    mean = from_expressions([sp.sqrt(2) * dawson(a / sp.sqrt(2))], state=[a])
    exact = mp.sqrt(2) * mp.quad(lambda v: mp.exp(v * v - mp.mpf("0.5")), [0, 1 / mp.sqrt(2)])
    assert mean(np.array([1.0]))[0] == pytest.approx(float(exact), rel=1e-14)
    check_field(mean, np.array([0.8]))


def test_the_window_is_checked_when_it_is_given():
    fine = from_losses(
        a * b, -sp.log(b) * a, generator=[a], discriminator=[b], window={a: (-1, 1), "b": (0.5, 2)}
    )
    assert np.isfinite(fine(np.array([0.5, 1.0]))).all()
    assert np.isnan(
        from_losses(a * b, a * sp.sqrt(b), generator=[a], discriminator=[b])(np.array([1.0, -1.0]))[1]
    )


BAD_LOSSES = {
    "unknown symbol": (
        dict(loss_g=a * b * c),
        r"unknown symbol c in loss_g = a\*b\*c; declared are \['a', 'b'\].*constants=\{'c': \.\.\.\}",
    ),
    "a variable outside its expectation": (
        dict(loss_d=b * z + E(z * b, z=LATENT)),
        r"unknown symbol z in loss_d = b\*z \+ E\(b\*z, z=Measure\(50 points.*E\(\.\.\., z=measure\)",
    ),
    "no dependence on the player": (
        dict(loss_g=b**2),
        r"loss_g = b\*\*2 depends on no parameter of the generator",
    ),
    "dependence that cancels": (
        dict(loss_d=(a + b) - b),
        "loss_d = a depends on no parameter of the discriminator",
    ),
    "a complex loss": (dict(loss_g=sp.sqrt(-1 - a**2)), r"loss_g = sqrt\(-a\*\*2 - 1\) is complex"),
    "an imaginary constant": (dict(loss_g=sp.I * a), r"loss_g = I\*a is complex or not finite"),
    "an infinite loss": (dict(loss_d=b + sp.oo), r"loss_d = b \+ oo is complex or not finite"),
    "a parameter of both players": (dict(discriminator=[a, b]), "a is declared twice.*'a', 'a', 'b'"),
    "a constant that is a parameter": (dict(constants={b: 1.0}), "b is declared twice"),
    "a variable that is a parameter": (
        dict(loss_g=E(a * x, {a: LATENT}) * b + a, constants={x: 1.0}),
        r"a is integrated over and also a parameter or constant: loss_g = .*E\(a\*x, a=Measure",
    ),
    "two symbols of one name": (
        dict(loss_g=a * b + sp.Symbol("a", positive=True)),
        "two different symbols are named a: loss_g = ",
    ),
    "a constant that does not occur": (
        dict(constants={"gamma": 1.0}),
        r"unknown constant gamma: it does not occur in loss_g = a\*b; loss_d = -a\*b",
    ),
    "a constant without a value": (
        dict(loss_g=a * c, constants={c: None}),
        "constant c must be a real number, got None",
    ),
    "a complex constant": (dict(loss_g=a * c, constants={c: 1j}), "constant c must be a real number, got 1j"),
    "an infinite constant": (dict(loss_g=a * c, constants={c: np.inf}), "constant c must be finite, got inf"),
    "no parameters": (dict(generator=[], discriminator=[]), "no parameters are given"),
    "a function without numbers": (
        dict(loss_g=sp.Function("f")(a) * b),
        r"no numerical form here.*attributes fdiff, scalar and _imp_",
    ),
    "complex values in the window": (
        dict(loss_g=a + sp.log(b), window={a: (-1, 1), b: (-1, 2)}),
        r"loss_g: log\(b\) is complex or not defined in the window, as at \{'a': .*, 'b': -",
    ),
    "a pole in the window": (
        dict(loss_d=b + E(1 / (b - x), x=points([0.5])), window={a: (-1, 1), b: (0, 1)}),
        r"loss_d: E\(1/\(b - x\), x=.*\) is complex or not defined.*as at \{'a': 0.0, 'b': 0.5\}",
    ),
    "an incomplete window": (
        dict(window={a: (-1, 1)}),
        r"window must give \(low, high\) for each of \['a', 'b'\]",
    ),
    "an empty window": (dict(window={a: (-1, 1), b: (2, 2)}), "window must give low < high"),
}


@pytest.mark.parametrize("case", BAD_LOSSES)
def test_bad_games_are_refused_with_the_expression(case):
    changes, message = BAD_LOSSES[case]
    game = {"loss_g": a * b, "loss_d": -a * b, "generator": [a], "discriminator": [b], **changes}
    with pytest.raises(ValueError, match=message):
        from_losses(game.pop("loss_g"), game.pop("loss_d"), **game)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: E(a * x, y=DATA), ValueError, r"an expectation over y, which does not occur in a\*x"),
        (lambda: E(a * x), ValueError, r"the expectation of a\*x names no variable"),
        (
            lambda: E(a * x, x=DATA.values),
            TypeError,
            r"x in the expectation of a\*x needs a measure.*ndarray",
        ),
        (
            lambda: E(x * y, {(x, y): DATA}),
            ValueError,
            r"x, y in the expectation of x\*y have dimension 1, but 2",
        ),
        (lambda: E(x * y, x=points([[1.0, 2.0]])), ValueError, "dimension 2, but 1 symbol.*tuple of symbols"),
        (lambda: E(a * x, {x: DATA}, x=DATA), ValueError, "a variable is bound twice"),
        (lambda: E(E(a * x, x=DATA) * z, z=DATA), ValueError, "an expectation inside another"),
        (
            lambda: E(a * x, x=points([1.0, 2.0], [1.0, 1.0])),
            ValueError,
            "weights of a measure must sum to one",
        ),
        (lambda: from_losses("a*", b, generator=[a], discriminator=[b]), ValueError, "a\\*"),
        (lambda: from_losses(a > b, b, generator=[a], discriminator=[b]), TypeError, "loss_g must be.*a > b"),
        (
            lambda: from_losses(a, b, generator=["a"], discriminator=[b]),
            TypeError,
            "generator must be a list.*'a'",
        ),
        (lambda: from_expressions([a, b], state=[a]), ValueError, r"each of the 1 symbols.*\[a, b\]"),
        (lambda: from_expressions([a], state=[a], kind="step"), ValueError, "'flow' or 'map', got 'step'"),
        (lambda: from_expressions([a], state=[a], kind="map", dt=0.0), ValueError, "dt.*positive"),
        (lambda: from_expressions([a * t], state=[a]), ValueError, r"unknown symbol t in component 0 = a\*t"),
        (lambda: from_expressions([a * t], state=[a], time=a), ValueError, "a is declared twice"),
        (lambda: GAMES["sigmoid"]().with_constants(gamma=1.0), ValueError, "no constant named \\['gamma'\\]"),
    ],
)
def test_bad_calls_are_refused_with_what_to_type(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_naming_the_subpackage_loads_neither_sympy_nor_numba():
    heavy = "print('sympy' in sys.modules, 'numba' in sys.modules)"
    code = f"import sys, gandyn.games as g; dir(g); g.samples; {heavy}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


def test_infinite_data_is_a_quadrature_rule():
    """E tanh'(a z) at a = 0 is 1; at a = 1 by direct integration."""
    field = from_expressions([E(z * sp.tanh(a * z), z=gauss_hermite(120))], state=[a])
    exact = mp.quad(lambda v: v * mp.tanh(v) * mp.npdf(v), [-mp.inf, 0, mp.inf])
    assert field(np.array([1.0]))[0] == pytest.approx(float(exact), rel=1e-12)
    np.testing.assert_allclose(field.jac(np.array([0.0])), [[1.0]], rtol=1e-13)
