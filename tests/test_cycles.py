"""Limit cycles against closed forms and published digits; the exponents against independent integrals."""

import numpy as np
import pytest
import torch
from problems import linear_flow
from scipy.integrate import solve_ivp

from gandyn import FlowError, Layout, UpdateMap, VectorField, limit_cycle, load, poincare_section, save
from gandyn.cycles import Section
from gandyn.cycles.floquet import log_eigenvalues
from gandyn.games import catalogue, textbook


def find(field, start, **settings):
    return limit_cycle(field, np.array(start, float), progress=False, **settings)


@pytest.fixture(scope="module")
def relaxation():
    return find(textbook.van_der_pol(mu=10.0), [2.0, 0.0])


def test_van_der_pol_to_twelve_digits():
    cycle = find(textbook.van_der_pol(), [1.0, 0.0])
    assert cycle.period == pytest.approx(6.663286859323, abs=2e-12)
    assert cycle.exponents[cycle.trivial] == pytest.approx(0, abs=1e-11)
    assert np.delete(cycle.exponents, cycle.trivial) == pytest.approx(-1.059376994842, abs=2e-11)
    assert cycle.stability == "stable"
    assert cycle.stable


def test_a_multiplier_of_1e_135_agrees_with_the_divergence_integrated_by_itself(relaxation):
    rate = lambda t, y: [y[1], 10 * (1 - y[0] ** 2) * y[1] - y[0], 10 * (1 - y[0] ** 2)]
    start = [*relaxation.states[0], 0.0]
    path = solve_ivp(rate, (0, relaxation.period), start, method="LSODA", rtol=1e-12, atol=1e-12)
    logs = relaxation.exponents.real * relaxation.period
    assert np.log10(np.exp(1)) * logs.min() < -130
    assert logs.sum() == pytest.approx(path.y[2, -1], rel=1e-8)
    assert abs(relaxation.multipliers).min() == pytest.approx(np.exp(path.y[2, -1]), rel=1e-5)


def test_the_eigenvalues_of_the_multiplied_monodromy_would_be_wrong(relaxation):
    field = textbook.van_der_pol(mu=10.0)

    def rate(t, y):
        return np.concatenate([field(y[:2]), (field.jac(y[:2]) @ y[2:].reshape(2, 2)).ravel()])

    start = np.concatenate([relaxation.states[0], np.eye(2).ravel()])
    path = solve_ivp(rate, (0, relaxation.period), start, method="LSODA", rtol=1e-12, atol=1e-14)
    naive = np.abs(np.linalg.eigvals(path.y[2:, -1].reshape(2, 2))).min()
    true = np.abs(relaxation.multipliers).min()
    assert naive == 0 or abs(np.log10(naive) - np.log10(true)) > 100


def test_the_gaussian_classifier_cycles_where_its_fixed_point_is_unstable():
    cycle = find(catalogue.make("gaussian-classifier", W_d=0.5), [0.3, 0.1])
    assert cycle.amplitude == pytest.approx([1.8523, 1.2034], abs=5e-5)
    assert cycle.period == pytest.approx(7.5568, abs=5e-5)
    assert cycle.stability == "stable"


@pytest.mark.parametrize("lam", [0.3, 0.7, 1.2])
def test_the_gradient_penalty_cycle_with_the_jump_counted(lam):
    game = catalogue.make("dirac-wgan-gp", lam=lam)
    omega = np.sqrt(1 - lam**2 / 4)
    cycle = find(game, [1.0, 1.5])
    assert cycle.switches == 2
    assert cycle.period == pytest.approx(2 * np.pi / omega, abs=1e-10)
    assert cycle.amplitude[0] == pytest.approx(lam / np.tanh(np.pi * lam / (4 * omega)), abs=1e-9)
    np.testing.assert_allclose(sorted(cycle.exponents.real), [-lam / 2, 0], atol=1e-8)


def test_without_the_saltation_the_exponents_are_those_of_the_mean_divergence():
    game = catalogue.make("dirac-wgan-gp", lam=0.7)
    period = 2 * np.pi / np.sqrt(1 - 0.7**2 / 4)
    start = find(game, [1.0, 1.5]).states[0]
    smooth = find(game, start, period=period, switches=[], rtol=1e-8, atol=1e-8)
    assert smooth.exponents.real.sum() == pytest.approx(-0.7, abs=1e-6)


@pytest.mark.parametrize("mu", [0.01, 0.5])
def test_the_hopf_normal_form(mu):
    cycle = find(textbook.hopf_normal_form(mu=mu, omega=2.0), [0.1, 0.2], transient=500.0)
    assert cycle.period == pytest.approx(np.pi, abs=1e-10)
    assert cycle.maxima == pytest.approx(np.sqrt([mu, mu]), abs=1e-9)
    assert np.delete(cycle.exponents, cycle.trivial) == pytest.approx(-2 * mu, abs=1e-9)


def test_radii_that_hold_near_the_hopf_point():
    game = catalogue.make("dirac-nonsaturating-r1", gamma=-1e-4)
    assert find(game, [0.05, 0.0], transient=2e4).maxima[0] == pytest.approx(np.sqrt(8e-4), rel=1e-3)
    game = catalogue.make("hopf", mu=1e-3)
    assert find(game, [0.05, 0.0], transient=2e4).maxima[0] == pytest.approx(np.sqrt(4e-3 / 3), rel=1e-5)


def test_a_centre_is_neutral():
    cycle = find(catalogue.make("bilinear"), [0.6, 0.8])
    assert cycle.stability == "neutral"
    assert cycle.period == pytest.approx(2 * np.pi, abs=1e-10)
    assert cycle.maxima == pytest.approx([1, 1], abs=1e-8)


def test_an_unstable_cycle_is_found_from_a_period_and_has_the_exponents_of_reversed_time():
    forward = textbook.van_der_pol()
    backward = VectorField(
        lambda x, t: -forward(x), forward.layout, jac=lambda x, t: -forward.jac(x), label="reversed"
    )
    cycle = find(backward, [2.0, 0.05], period=6.6)
    assert cycle.stability == "unstable"
    assert cycle.period == pytest.approx(6.663286859323, abs=1e-10)
    assert np.sort(cycle.exponents.real) == pytest.approx([0, 1.059376994842], abs=1e-9)


def test_past_a_period_doubling_the_cycle_that_attracts_is_found():
    start = [1.0, 1.0, 0.0]
    cycle = find(textbook.rossler(c=4.0), start, transient=400.0)
    assert cycle.stability == "stable"

    def after(time, state):
        def velocity(t, x):
            return [-x[1] - x[2], x[0] + 0.2 * x[1], 0.2 + x[2] * (x[0] - 4.0)]

        return solve_ivp(velocity, (0, time), state, method="DOP853", rtol=1e-10, atol=1e-10).y[:, -1]

    late = after(400, start)
    assert np.linalg.norm(after(cycle.period, late) - late) < 1e-6
    assert np.linalg.norm(after(cycle.period / 2, late) - late) > 0.1


def test_a_saddle_cycle_of_lorenz():
    cycle = find(textbook.lorenz(rho=24.0), [8.0, 9.0, 25.0], period=0.68)
    assert cycle.stability == "unstable"
    assert cycle.exponents.real.sum() == pytest.approx(-(10 + 1 + 8 / 3), abs=1e-8)
    assert np.sum(cycle.exponents.real > 1e-6) == 1


def test_the_compiled_loop_agrees_with_one_that_calls_python():
    game = textbook.rossler(c=2.5)
    plain = VectorField(game.fn, game.layout, jac=game.jac, label="called")
    fast, slow = (find(field, [1.0, 1.0, 0.0], rtol=1e-9, atol=1e-10) for field in (game, plain))
    assert slow.period == pytest.approx(fast.period, rel=1e-12)
    np.testing.assert_allclose(slow.exponents, fast.exponents, atol=1e-9)


def test_a_field_in_torch_is_followed_in_torch():
    field = VectorField(
        lambda x, t: torch.stack([x[..., 1], (1 - x[..., 0] ** 2) * x[..., 1] - x[..., 0]], dim=-1),
        Layout.scalars(state=["x", "y"]),
        jvp=lambda x, u, t: torch.stack(
            [u[..., 1], -(2 * x[..., 0] * x[..., 1] + 1) * u[..., 0] + (1 - x[..., 0] ** 2) * u[..., 1]],
            dim=-1,
        ),
    )
    start = torch.tensor([2.0, 0.1], dtype=torch.float64)
    cycle = limit_cycle(field, start, period=6.6, rtol=1e-8, atol=1e-9, progress=False)
    assert cycle.period == pytest.approx(6.663286859323, abs=1e-6)
    assert cycle.exponents.real.min() == pytest.approx(-1.059376994842, abs=1e-5)
    seen = poincare_section(field, start, Section({"y": 1.0}), 2, rtol=1e-6, progress=False)
    assert np.diff(seen.times) == pytest.approx(6.663, abs=1e-2)


def test_extremes_lie_between_the_steps():
    cycle = find(textbook.hopf_normal_form(mu=1.0), [1.0, 0.1], rtol=1e-8, atol=1e-9)
    assert np.abs(cycle.states[:, 0]).max() < 1 - 1e-6
    np.testing.assert_allclose([cycle.minima, cycle.maxima], [[-1, -1], [1, 1]], atol=1e-6)


def test_a_cycle_is_saved_and_loaded(tmp_path):
    cycle = find(textbook.van_der_pol(), [1.0, 0.0])
    save(cycle, tmp_path / "cycle.gdn")
    again = load(tmp_path / "cycle.gdn")
    assert str(again) == str(cycle)
    np.testing.assert_array_equal(again.exponents, cycle.exponents)
    assert cycle.to_xarray().sel(entry="x").shape == cycle.times.shape


def test_a_map_is_told_where_to_look():
    with pytest.raises(TypeError, match="find_fixed_points"):
        limit_cycle(textbook.henon(), np.zeros(2))


def test_a_flow_that_settles_at_a_point_has_no_cycle():
    with pytest.raises(ValueError, match="settles at the fixed point"):
        find(textbook.lorenz(rho=10.0), [1.0, 1.0, 1.0])
    with pytest.raises(ValueError, match=r"positive and finite: period = -1"):
        find(textbook.van_der_pol(), [1.0, 1.0], period=-1)


def test_newton_does_not_call_a_fixed_point_a_cycle():
    with pytest.raises(FlowError, match=r"fixed point|halt|did not find"):
        find(linear_flow([[-0.1, -1.0], [1.0, -0.1]], Layout.scalars(state=["x", "y"])), [1, 0], period=6.3)


def test_what_diverges_is_said_with_time_and_place():
    with pytest.raises(FlowError, match=r"diverges after t = 1[34]\."):
        find(linear_flow(np.eye(2), Layout.scalars(state=["x", "y"])), [1.0, 1.0])


def test_sliding_along_a_switch_is_refused():
    layout = Layout.scalars(state=["x", "y"])
    field = VectorField(
        lambda x, t: np.stack([1 + 0 * x[..., 0], -np.sign(x[..., 1])], axis=-1),
        layout,
        jac=lambda x, t: np.zeros((*x.shape, 2)),
    )
    with pytest.raises(FlowError, match="slides"):
        find(field, [0.0, 1.0], switches=[Section({"y": 1.0})])


def test_what_a_system_raises_comes_through():
    def broken(x, t):
        raise RuntimeError("no data")

    layout = Layout.scalars(state=["x", "y"])
    with pytest.raises(RuntimeError, match="no data"):
        find(VectorField(broken, layout, jac=broken), [1.0, 1.0])


def orthogonal(rng, n):
    return np.linalg.qr(rng.normal(size=(n, n)))[0]


def test_eigenvalues_of_a_long_product_are_right_however_far_apart():
    rng = np.random.default_rng(3)
    n, m = 4, 60
    turns = [orthogonal(rng, n) for _ in range(m)]
    turns.append(turns[0])
    diagonals = np.exp(rng.normal(size=(m, n)) + np.array([2.0, 0.0, -3.0, -8.0]))
    pieces = [
        after @ (np.diag(d) + np.triu(rng.normal(size=(n, n)), 1) * d.min()) @ before.T
        for before, after, d in zip(turns[:-1], turns[1:], diagonals, strict=True)
    ]
    exact = np.log(diagonals).sum(axis=0)
    assert exact.min() < -400
    assert exact.max() > 100
    np.testing.assert_allclose(log_eigenvalues(np.array(pieces)).real, np.sort(exact)[::-1], rtol=1e-11)


def test_complex_pairs_stay_pairs_beside_something_tiny():
    rotation = 0.9 * np.array([[np.cos(0.3), -np.sin(0.3), 0], [np.sin(0.3), np.cos(0.3), 0], [0, 0, 1e-3]])
    basis = np.random.default_rng(1).normal(size=(3, 3))
    logs = log_eigenvalues(np.array([basis @ rotation @ np.linalg.inv(basis)] * 8))
    np.testing.assert_allclose(logs[:2], 8 * np.log(0.9) + np.array([2.4j, -2.4j]), atol=1e-9)
    assert logs[2].real == pytest.approx(8 * np.log(9e-4), rel=1e-10)


def test_an_update_map_of_the_same_family_is_no_flow():
    with pytest.raises(TypeError, match="flow"):
        find(UpdateMap(lambda x, k: x, Layout.scalars(state=["x"])), [1.0])
