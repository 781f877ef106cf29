"""Branches and their special points against closed forms, for flows and for maps."""

import numpy as np
import pytest
import sympy as sp

from gandyn import UpdateMap, VectorField, load, save
from gandyn.bifurcations import continue_fixed_point, stability_region, switch_branch
from gandyn.bifurcations.normal_forms import first_lyapunov, period_doubling
from gandyn.games import catalogue, from_expressions
from gandyn.schemes import alternating
from tests.problems import plain_layout

x, y, p = sp.symbols("x y p")


def family(component, value, kind="flow"):
    return from_expressions([component], state=[x], constants={p: value}, kind=kind)


def follow(system, start, parameter, low, high, **settings):
    return continue_fixed_point(
        system, np.array(start, float), parameter, (low, high), progress=False, **settings
    )


def only(branch, kind):
    (point,) = branch.special
    assert point.kind == kind
    assert point.interval[0] <= point.value <= point.interval[1]
    assert point.interval[1] - point.interval[0] < 1e-7
    return point


def test_a_fold_is_passed_on_both_sides_and_located():
    branch = follow(family(p + x**2, -1.0), [-1.0], "p", -2.0, 1.0)
    fold = only(branch, "fold")
    assert abs(fold.value) < 1e-10
    np.testing.assert_allclose(branch.values, -(branch.x[:, 0] ** 2), atol=1e-10)
    assert branch.x[0, 0] * branch.x[-1, 0] < 0
    np.testing.assert_allclose(branch.values[[0, -1]], -2)
    np.testing.assert_array_equal(branch.stable, branch.x[:, 0] < 0)
    assert branch.ends == ("range", "range")


def test_hysteresis_has_both_its_folds():
    branch = follow(family(p + x - x**3, -2.0), [-1.5], "p", -2.0, 2.0)
    assert [point.kind for point in branch.special] == ["fold", "fold"]
    exact = 2 / (3 * np.sqrt(3))
    np.testing.assert_allclose([point.value for point in branch.special], [exact, -exact], atol=1e-10)
    for point in branch.special:
        assert point.interval[0] <= np.sign(point.value) * exact <= point.interval[1]


def test_transcritical_branches_cross_and_are_switched():
    system = family(p * x - x**2, -1.0)
    trunk = follow(system, [0.0], "p", -2.0, 2.0)
    crossing = only(trunk, "branch point")
    assert abs(crossing.value) < 1e-9
    other = switch_branch(system, trunk, crossing, (-2.0, 2.0), progress=False)
    np.testing.assert_allclose(other.x[:, 0], other.values, atol=1e-9)
    assert sorted(other.values[[0, -1]]) == pytest.approx([-2, 2])


def test_a_pitchfork_in_two_dimensions_is_switched():
    system = from_expressions([p * x - x**3, -y + x], state=[x, y], constants={p: -1.0})
    trunk = follow(system, [0.0, 0.0], "p", -1.0, 1.0)
    fork = switch_branch(system, trunk, only(trunk, "branch point"), (-1.0, 1.0), progress=False)
    np.testing.assert_allclose(fork.values, fork.x[:, 0] ** 2, atol=1e-9)
    np.testing.assert_allclose(fork.x[:, 1], fork.x[:, 0], atol=1e-9)
    assert fork.x[0, 0] * fork.x[-1, 0] < 0


@pytest.mark.parametrize(
    ("name", "settings", "start", "parameter", "low", "high", "value", "criticality"),
    [
        ("gaussian-classifier", {}, [0, 0], "W_d", 0.3, 2.5, 0.671455, "supercritical"),
        ("lorenz", {}, [8.5, 8.5, 27], "rho", 1.1, 30, 24.736842105263, "subcritical"),
        ("hopf", {"mu": -0.5}, [0, 0], "mu", -1, 1, 0, "supercritical"),
        ("brusselator", {"b": 1.5}, [1, 1.5], "b", 1, 4, 2, "supercritical"),
        ("dirac-nonsaturating-r1", {}, [0, 0], "gamma", -0.5, 0.5, 0, "supercritical"),
    ],
)
def test_hopf_points(name, settings, start, parameter, low, high, value, criticality):
    branch = follow(catalogue.make(name, **settings), start, parameter, low, high)
    point = only(branch, "Hopf")
    assert point.value == pytest.approx(value, abs=5e-7 if name == "gaussian-classifier" else 1e-9)
    assert point.criticality == criticality
    assert point.frequency > 0
    before = branch.growth[branch.values < point.interval[0]]
    after = branch.growth[branch.values > point.interval[1]]
    assert np.all(np.sign(before[1:-1]) == np.sign(before[1]))
    assert np.sign(before[1]) == -np.sign(after[1])


def test_the_lyapunov_coefficient_of_the_normal_form():
    for l1, omega in ((-1.0, 1.0), (-0.3, 2.0), (0.7, 0.5)):
        system = catalogue.make("hopf-normal-form", mu=0.0, l1=l1, omega=omega)
        value, error = first_lyapunov(system, np.zeros(2))
        assert value == pytest.approx(2 * l1 / omega, abs=max(10 * error, 1e-9))


def test_the_lyapunov_coefficient_predicts_the_size_of_the_cycle():
    for a in (1.0, 2.0):
        system = catalogue.make("brusselator", a=a, b=1 + a**2)
        matrix = system.jac(np.array([a, (1 + a**2) / a]))
        values, vectors = np.linalg.eig(matrix)
        q = vectors[:, np.argmax(values.imag)]
        value, _ = first_lyapunov(system, np.array([a, (1 + a**2) / a]))
        radius = _cycle_radius(catalogue.make("brusselator", a=a, b=1 + a**2 + 0.01), a)
        # For mu = db / 2 the cycle is x = 2 r Re(q e^it) with r^2 = -mu / (omega l1).
        predicted = 2 * abs(q[0]) * np.sqrt(0.005 / (a * -value))
        assert radius == pytest.approx(predicted, rel=0.03)


def _cycle_radius(system, a):
    from gandyn import trajectory

    b = system.constants["b"]
    path = trajectory(system, np.array([a + 0.05, b / a]), t_end=1500, progress=False)
    late = path.x[path.t > 1470, 0]
    return (late.max() - late.min()) / 2


def test_a_neutral_saddle_is_no_hopf_point():
    system = from_expressions([(1 + p) * x, -y], state=[x, y], constants={p: -0.5})
    assert follow(system, [0.0, 0.0], "p", -0.9, 0.9).special == ()


def test_the_logistic_map_doubles_its_period():
    system = catalogue.make("logistic", r=2.5)
    branch = follow(system, [0.6], "r", 1.5, 3.4)
    point = only(branch, "period doubling")
    assert point.value == pytest.approx(3, abs=1e-10)
    assert (point.criticality, point.coefficient) == ("supercritical", pytest.approx(9, rel=1e-6))
    twice = switch_branch(system, branch, point, (1.5, 3.4), progress=False)
    assert twice.period == 2
    r, at = twice.values, twice.x[:, 0]
    np.testing.assert_allclose(r**2 * at**2 - r * (1 + r) * at + 1 + r, 0, atol=1e-8)
    multiplier = 4 + 2 * r - r**2
    np.testing.assert_allclose(twice.eigenvalues[:, 0].real, multiplier, atol=1e-7)
    second = follow(system, [0.6], "r", 1.5, 3.6)
    again = switch_branch(system, second, second.special[0], (1.5, 3.6), progress=False)
    np.testing.assert_allclose([s.value for s in again.special], 1 + np.sqrt(6), atol=1e-9)


def test_the_coefficient_of_a_flip_in_closed_form():
    # x -> -x + b x^2 + c x^3 has c_flip = b^2 + c (Kuznetsov 2004, section 4.5).
    for b, c in ((0.0, 1.0), (2.0, -1.0), (0.5, -1.0)):
        system = from_expressions([p * x + b * x**2 + c * x**3], state=[x], constants={p: -1.0}, kind="map")
        value, error = period_doubling(system, np.zeros(1))
        assert value == pytest.approx(b * b + c, abs=max(10 * error, 1e-8))


def test_the_delayed_logistic_map_starts_to_turn():
    system = from_expressions([p * x * (1 - y), x], state=[x, y], constants={p: 1.5}, kind="map")
    point = only(follow(system, [1 / 3, 1 / 3], "p", 1.2, 2.5), "Neimark-Sacker")
    assert point.value == pytest.approx(2, abs=1e-10)
    assert point.frequency == pytest.approx(np.pi / 3)
    assert point.criticality == "supercritical"


def test_the_step_of_a_map_is_a_parameter_and_its_bound_a_neimark_sacker_point():
    h = sp.Symbol("h")
    euler = from_expressions(
        [x + h * (-x / 10 - y), y + h * (x - y / 10)], state=[x, y], constants={h: 0.1}, kind="map"
    )
    point = only(follow(euler, [0.0, 0.0], "h", 0.05, 0.5), "Neimark-Sacker")
    assert point.value == pytest.approx(0.1980198, abs=1e-7)
    assert point.frequency == pytest.approx(0.19933730, abs=1e-8)
    assert point.criticality == "degenerate", "the map is linear"


def test_a_pair_that_turns_real_and_crosses_in_one_step_is_not_missed():
    game = catalogue.make("dirac-r1", gamma=0.1)
    doubling = only(follow(alternating(game, 0.02), [0, 0], "h", 0.02, 5.0), "period doubling")
    assert doubling.value == pytest.approx(4 * (np.sqrt(1.01) - 0.1), abs=1e-9)


def test_a_branch_that_ends_at_a_pole_is_lost_there():
    branch = follow(family(1 / p - x, 1.0), [1.0], "p", -1.0, 2.0, max_norm=50.0)
    assert branch.ends == ("left the window", "range")
    assert branch.special == ()
    np.testing.assert_allclose(branch.x[:, 0] * branch.values, 1, atol=1e-9)


def test_a_branch_that_closes_is_followed_once():
    branch = follow(family(p**2 + x**2 - 1, 0.0), [1.0], "p", -1.5, 1.5, max_points=2000)
    assert "closed" in branch.ends
    assert [point.kind for point in branch.special] == ["fold", "fold"]
    np.testing.assert_allclose(np.sort([point.value for point in branch.special]), [-1, 1], atol=1e-10)


def test_steps_adapt():
    gentle = follow(family(p - x, 0.0), [0.0], "p", -1.0, 1.0)
    sharp = follow(family(sp.tanh(50 * p) - x, 0.5), [1.0], "p", -1.0, 1.0)
    lengths = [np.hypot(np.diff(b.values), np.diff(b.x[:, 0])) for b in (gentle, sharp)]
    assert lengths[1][1:-1].min() < 0.6 * lengths[1].max()
    assert np.median(lengths[0]) > 0.8 * lengths[0].max()
    np.testing.assert_allclose(sharp.x[:, 0], np.tanh(50 * sharp.values), atol=1e-10)


def test_an_interrupted_branch_keeps_what_it_has():
    system, calls = catalogue.make("hopf", mu=-0.5), []

    def jacobian(state, t):
        calls.append(1)
        if len(calls) > 150:
            raise KeyboardInterrupt
        return inner.jac(state, t)

    inner = system

    def member(mu):
        nonlocal inner
        inner = system.with_constants(mu=mu)
        current = inner
        return VectorField(
            lambda s, t: current(s, t), system.layout, jac=lambda s, t: jacobian(s, t), constants={"mu": mu},
            family=member,
        )  # fmt: skip

    branch = continue_fixed_point(member(-0.5), np.zeros(2), "mu", (-1.0, 1.0), progress=False)
    assert branch.status == "interrupted"
    assert branch.ends[1] == "interrupted"
    assert 2 < len(branch.values) < 60


def test_bad_input_says_what_to_type():
    system = catalogue.make("hopf")
    with pytest.raises(ValueError, match=r"no constant 'nu'; it has \['mu'\]"):
        follow(system, [0, 0], "nu", -1, 1)
    with pytest.raises(ValueError, match="range must hold"):
        follow(system, [0, 0], "mu", 0.5, 1)
    with pytest.raises(ValueError, match="find_fixed_points"):
        follow(family(p + x**2, 1.0), [0.3], "p", 0.5, 2.0)
    branch = follow(system, [0, 0], "mu", -1, 1)
    with pytest.raises(ValueError, match="no branch crosses at a Hopf"):
        switch_branch(system, branch, branch.special[0], (-1, 1))
    with pytest.raises(ValueError, match="one constant"):
        stability_region(system, np.zeros(2), {"nu": (0, 1)}, {"mu": (0, 1)})


def test_a_branch_is_saved_loaded_and_labelled(tmp_path):
    branch = follow(catalogue.make("hopf", mu=-0.5), [0, 0], "mu", -1, 1)
    back = load(save(branch, tmp_path / "branch"))
    np.testing.assert_array_equal(back.eigenvalues, branch.eigenvalues)
    assert back.special[0].criticality == "supercritical"
    data = branch.to_xarray()
    assert data.x.sel(entry="x").shape == branch.values.shape
    assert "Hopf at mu" in str(branch)


def test_the_region_of_stable_steps_of_simultaneous_descent():
    def euler(h, gamma):
        field = catalogue.make("dirac-r1", gamma=gamma)
        return UpdateMap(
            lambda s, k: s + h * field(s), field.layout, h, jac=lambda s, k: np.eye(2) + h * field.jac(s),
            constants={"h": h, "gamma": gamma}, family=euler,
        )  # fmt: skip

    region = stability_region(
        euler(0.1, 0.5),
        np.zeros(2),
        {"gamma": (0.1, 1.0)},
        {"h": (0.05, 4.5)},
        points=(10, 90),
        progress=False,
    )
    gamma, h = np.meshgrid(region.a, region.b)
    clear = np.abs(h - 4 * gamma) > 1e-9
    np.testing.assert_array_equal(region.stable[clear], (h < 4 * gamma)[clear])
    assert region.to_xarray().growth.dims == ("h", "gamma")


def test_a_region_marks_where_there_is_no_fixed_point():
    system = from_expressions([p + sp.Symbol("q") * x**2], state=[x], constants={p: -1.0, "q": 1.0})
    region = stability_region(system, np.array([-1.0]), {"p": (-1.0, 1.0)}, {"q": (1.0, 2.0)}, points=(5, 2))
    assert np.isnan(region.growth[:, 3:]).all()
    assert not np.isnan(region.growth[:, :2]).any()


def test_networks_of_many_entries_are_followed():
    n = 30
    matrix = np.random.default_rng(0).normal(size=(n, n)) / 10 - 2 * np.eye(n)

    def member(s):
        return VectorField(
            lambda z, t: z @ matrix.T + s - z**3, plain_layout(n),
            jac=lambda z, t: matrix - 3 * np.eye(n) * (z**2)[..., None, :], constants={"s": s}, family=member,
        )  # fmt: skip

    branch = continue_fixed_point(member(0.0), np.zeros(n), "s", (-1.0, 1.0), progress=False)
    assert branch.ends == ("range", "range")
    residual = branch.x @ matrix.T + branch.values[:, None] - branch.x**3
    np.testing.assert_allclose(residual, 0, atol=1e-9)
