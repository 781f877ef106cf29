"""The verdict on a fixed point: closed forms for the flow, its steps, the game and the transient."""

import numpy as np
import pytest
import torch
from problems import NAMESPACES, linear_flow, linear_map, plain_layout, torch_game

from gandyn import UpdateMap, VectorField, load, save
from gandyn.field import Layout
from gandyn.fixed_points import classify, fixed_point, iterated
from gandyn.games import catalogue

PLAYERS = Layout.scalars(generator=["g"], discriminator=["d"])


def game_of(matrix):
    return linear_flow(matrix, PLAYERS)


def origin(name, **settings):
    field = catalogue.make(name, **settings)
    return classify(field, np.zeros(field.layout.dim))


@pytest.mark.parametrize(
    ("matrix", "kind", "counts"),
    [
        ([[-1, 0], [0, -2]], "stable node", {"r-": 2}),
        ([[1, 0], [0, 2]], "unstable node", {"r+": 2}),
        ([[-0.1, -1], [1, -0.1]], "stable focus", {"c-": 2}),
        ([[0.1, -1], [1, 0.1]], "unstable focus", {"c+": 2}),
        ([[0, -1], [1, 0]], "centre", {"im": 2}),
        ([[1e-12, -1], [1, -1e-12]], "centre", {"im": 2}),
        ([[-1, 0], [0, 1]], "saddle", {"r-": 1, "r+": 1}),
        ([[-1, 0], [0, 0]], "non-hyperbolic", {"r-": 1, "im": 1}),
        ([[-1, 0], [0, 1e-9]], "non-hyperbolic", {"r-": 1, "im": 1}),
        ([[-1, -1, 0], [1, -1, 0], [0, 0, 3]], "saddle", {"c-": 2, "r+": 1}),
        ([[0, -1, 0], [1, 0, 0], [0, 0, -3]], "non-hyperbolic", {"im": 2, "r-": 1}),
    ],
)
def test_kinds_and_counts_of_flows_within_a_stated_tolerance(matrix, kind, counts):
    point = classify(linear_flow(matrix), np.zeros(len(matrix)))
    assert point.kind == kind
    assert {name: n for name, n in point.counts.items() if n} == counts
    assert point.tolerance == pytest.approx(1e-7 * np.linalg.norm(matrix, 2))
    if "im" in counts:
        assert point.stable is (False if counts.get("r+") else None)


@pytest.mark.parametrize(
    ("multipliers", "kind"),
    [
        ([0.5, -0.9], "stable node"),
        ([1.5, -1.1], "unstable node"),
        ([0.5, -1.1], "saddle"),
        ([1.0, 0.3], "non-hyperbolic"),
    ],
)
def test_kinds_of_maps_are_about_the_unit_circle(multipliers, kind):
    assert classify(linear_map(np.diag(multipliers)), np.zeros(2)).kind == kind


def test_a_turning_map():
    angle = 0.3
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    assert [classify(linear_map(r * turn), np.zeros(2)).kind for r in (0.9, 1.0, 1.1)] == [
        "stable focus",
        "centre",
        "unstable focus",
    ]


def test_how_a_larger_step_loses_stability():
    focus = classify(linear_flow([[-0.1, -1], [1, -0.1]]), np.zeros(2))
    assert focus.critical_step == pytest.approx(0.1980198, abs=1e-7)
    assert (focus.step_loss, focus.step_angle) == ("Neimark-Sacker", pytest.approx(0.19933730, abs=1e-8))
    node = classify(linear_flow([[-1.0]]), np.zeros(1))
    assert (node.critical_step, node.step_loss) == (pytest.approx(2), "period doubling")
    assert node.step_angle == pytest.approx(np.pi)
    centre = classify(linear_flow([[0, -1], [1, 0]]), np.zeros(2))
    assert (centre.critical_step, centre.step_loss) == (0.0, None)


@pytest.mark.parametrize("side", [0.999, 1.001])
def test_steps_below_and_above_the_bound_decay_and_grow(side):
    jacobian = np.array([[-0.3, -2.0], [1.0, -0.5]])
    point = classify(linear_flow(jacobian), np.zeros(2))
    step = np.eye(2) + side * point.critical_step * jacobian
    assert (np.linalg.norm(np.linalg.matrix_power(step, 20_000), 2) < 1) == (side < 1)


def test_dirac_gan_with_r1_in_both_clocks():
    for gamma in (0.3, 1.0, 2.0):
        point = origin("dirac-r1", gamma=gamma)
        root = np.emath.sqrt(gamma**2 / 4 - 1 / 4)
        np.testing.assert_allclose(
            np.sort_complex(point.eigenvalues),
            np.sort_complex([-gamma / 2 - root, -gamma / 2 + root]),
            atol=1e-7,
        )
        if gamma <= 1:
            assert point.critical_step == pytest.approx(4 * gamma, rel=1e-6)
    assert origin("dirac-r1", gamma=0.3).game == "undecided", "the generator's own Hessian is 0"
    assert origin("dirac").kind == "centre"


def test_the_gaussian_classifier_in_the_digits_of_its_closed_form():
    point = origin("gaussian-classifier")
    np.testing.assert_allclose(point.eigenvalues, [-1 + 1.324781j, -1 - 1.324781j], atol=1e-6)
    assert (point.kind, point.game) == ("stable focus", "differential Nash")
    assert point.critical_step == pytest.approx(0.725941, abs=1e-6)
    node = origin("gaussian-classifier", W_d=2.0)
    np.testing.assert_allclose(node.eigenvalues, [-1.106606, -1.527110], atol=1e-6)
    assert node.kind == "stable node"
    unstable = origin("gaussian-classifier", W_d=0.5)
    np.testing.assert_allclose(unstable.eigenvalues.real, [1.670365] * 2, atol=1e-6)
    assert (unstable.kind, unstable.game, unstable.max_amplification) == ("unstable focus", "neither", np.inf)


def test_between_the_hopf_point_and_the_nash_bound_it_is_stable_and_no_nash_equilibrium():
    games = {w: origin("gaussian-classifier", W_d=w).game for w in (0.67, 0.68, 0.86, 0.87)}
    assert games == {
        0.67: "neither",
        0.68: "stable, not Nash",
        0.86: "stable, not Nash",
        0.87: "differential Nash",
    }


def test_a_nash_equilibrium_that_is_not_stable():
    point = classify(game_of([[-1.0, 5.0], [5.0, -1.0]]), np.zeros(2))
    assert point.game == "Nash, not stable"
    np.testing.assert_allclose([h[0] for h in point.hessians], [1.0, 1.0])


def test_the_ratio_of_learning_rates_that_stability_takes():
    ratios = origin("gaussian-classifier", W_d=0.5).stable_ratios
    np.testing.assert_allclose(ratios, [[1e-4, 0.347638]], atol=5e-7)
    jacobian = np.array([[0.1, -1.0], [1.0, -1.0]])  # stable for kappa > 0.1
    np.testing.assert_allclose(
        classify(game_of(jacobian), np.zeros(2)).stable_ratios, [[0.1, 1e4]], rtol=1e-12
    )
    assert len(origin("bilinear").stable_ratios) == 0
    assert classify(linear_flow(jacobian), np.zeros(2)).stable_ratios is None


def test_maps_amplify_before_they_decay():
    point = classify(linear_map([[0.9, 5], [0, 0.8]]), np.zeros(2))
    assert point.stable
    assert point.max_amplification == pytest.approx(13.47787920, abs=1e-8)
    assert point.amplification_time == 6
    assert np.exp(point.reactivity) == pytest.approx(5.14104914, abs=1e-8)


def test_flows_amplify_before_they_decay():
    from scipy.linalg import expm

    jacobian = np.array([[-1.0, 30.0], [0.0, -1.5]])
    point = classify(linear_flow(jacobian), np.zeros(2))
    sizes = [np.linalg.norm(expm(t * jacobian), 2) for t in np.linspace(0, 6, 6001)]
    assert point.max_amplification == pytest.approx(max(sizes), rel=1e-6)
    assert point.amplification_time == pytest.approx(6e-3 * np.argmax(sizes) / 6, abs=2e-3)
    assert point.reactivity == pytest.approx(np.linalg.eigvalsh((jacobian + jacobian.T) / 2)[-1])
    normal = classify(linear_flow([[-1, 0], [0, -2]]), np.zeros(2))
    assert (normal.max_amplification, normal.reactivity) == (1.0, -1.0)
    assert classify(linear_flow([[0, 1], [0, 0]]), np.zeros(2)).max_amplification is None


def test_orbits_take_the_product_of_jacobians_in_order():
    henon = catalogue.make("henon")
    a, b = 1.4, 0.3
    x1, x2 = np.roots([a**2, -a * (1 - b), (1 - b) ** 2 - a])
    point = classify(henon, np.array([x1, b * x2]), period=2)
    np.testing.assert_allclose(sorted(point.eigenvalues.real), [-3.01010067, -0.02989933], atol=1e-8)
    np.testing.assert_allclose(point.orbit, [[x1, b * x2], [x2, b * x1]], atol=1e-12)
    assert point.kind == "saddle"
    three = iterated(linear_map([[0.9, 5], [0, 0.8]]), 3)
    np.testing.assert_allclose(three.jac(np.zeros(2)), np.linalg.matrix_power([[0.9, 5], [0, 0.8]], 3))
    u = np.array([1.0, 2.0])
    np.testing.assert_allclose(three.vjp(np.zeros(2), u), three.jac(np.zeros(2)).T @ u)


@pytest.mark.parametrize("namespace", NAMESPACES)
def test_the_verdict_is_the_same_in_every_namespace(namespace):
    x = NAMESPACES[namespace]([0.0, 0.0])
    point = classify(game_of([[-0.1, -1], [1, -0.1]]), x)
    assert (point.kind, round(point.critical_step, 7)) == ("stable focus", 0.1980198)


def test_newton_krylov_finds_what_dense_newton_finds():
    field, state = torch_game(latent=1, hidden=2, data=1)
    shifted = VectorField(
        lambda x, t: field(x) - field(state) - (x - state),
        field.layout,
        jvp=lambda x, u, t: field.jvp(x, u) - u,
        vjp=lambda x, u, t: field.vjp(x, u) - u,
    )
    start = state + 0.02 * torch.randn(
        state.shape, generator=torch.Generator().manual_seed(1), dtype=state.dtype
    )
    krylov = fixed_point(shifted, start, method="krylov", tol=1e-13)
    dense = fixed_point(shifted, start, method="dense", tol=1e-13)
    assert (krylov.status, dense.status) == ("converged", "converged")
    np.testing.assert_allclose(krylov.x, dense.x, atol=1e-10)
    np.testing.assert_allclose(krylov.x, state.numpy(), atol=1e-10)
    assert "products" in krylov.message


def test_newton_krylov_on_a_large_state_gives_leading_eigenvalues():
    n = 500
    rates = -np.linspace(1, 3, n)
    field = VectorField(
        lambda x, t: rates * x + 0.1 * x**3 / (1 + x**2) + 1.0,
        plain_layout(n),
        jvp=lambda x, u, t: (rates + 0.1 * (3 * x**2 + x**4) / (1 + x**2) ** 2) * u,
        vjp=lambda x, u, t: (rates + 0.1 * (3 * x**2 + x**4) / (1 + x**2) ** 2) * u,
    )
    point = fixed_point(field, np.zeros(n), k=3, progress=False)
    assert point.status == "converged"
    assert not point.complete
    assert point.stable
    assert len(point.eigenvalues) == 3
    x = point.x
    expected = rates + 0.1 * (3 * x**2 + x**4) / (1 + x**2) ** 2
    np.testing.assert_allclose(point.eigenvalues.real, np.sort(expected)[::-1][:3], atol=1e-7)


def test_newton_from_where_there_is_no_fixed_point_says_so():
    field = VectorField(lambda x, t: x**2 + 1, plain_layout(1), jac=lambda x, t: 2 * x[..., None])
    for method in ("dense", "krylov"):
        point = fixed_point(field, np.array([0.5]), method=method)
        assert point.status in ("stalled", "out of steps")
        assert point.residual >= 1 - 1e-9


def test_newton_at_a_singular_jacobian_takes_the_least_squares_step():
    field = VectorField(
        lambda x, t: np.stack([x[..., 0] - 1, 0 * x[..., 1]], axis=-1),
        plain_layout(2),
        jac=lambda x, t: np.broadcast_to([[1.0, 0.0], [0.0, 0.0]], (*x.shape, 2)),
    )
    for method in ("dense", "krylov"):
        point = fixed_point(field, np.array([3.0, 2.0]), method=method)
        assert point.status == "converged"
        np.testing.assert_allclose(point.x, [1.0, 2.0], atol=1e-9)


def test_bad_input_is_refused_with_what_to_type():
    flow = linear_flow(-np.eye(2))
    with pytest.raises(ValueError, match="limit_cycle"):
        classify(flow, np.zeros(2), period=2)
    with pytest.raises(ValueError, match="period must be"):
        classify(linear_map(np.eye(2)), np.zeros(2), period=0)
    with pytest.raises(ValueError, match="method must be one of"):
        fixed_point(flow, np.zeros(2), method="bfgs")
    with pytest.raises(ValueError, match="shape"):
        classify(flow, np.zeros(3))


def test_a_verdict_is_saved_and_loaded(tmp_path):
    point = origin("gaussian-classifier")
    back = load(save(point, tmp_path / "point"))
    assert (back.kind, back.game, back.counts) == (point.kind, point.game, point.counts)
    np.testing.assert_array_equal(back.eigenvalues, point.eigenvalues)
    assert "stable focus" in str(back)


def test_a_map_without_game_verdict():
    point = classify(UpdateMap(lambda x, k: x / 2, PLAYERS, 0.1, jvp=lambda x, u, k: u / 2), np.zeros(2))
    assert (point.game, point.critical_step, point.stable) == (None, None, True)
    np.testing.assert_allclose(point.growth_rates, np.log(0.5) / 0.1)
