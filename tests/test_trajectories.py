import itertools

import numpy as np
import pytest
import torch
from problems import (
    NAMESPACES,
    explosion,
    focus,
    forced,
    invariant,
    linear_flow,
    linear_map,
    logistic,
    pendulum_game,
    plain_layout,
    torch_game,
)
from scipy.integrate import solve_ivp

from gandyn.arrays import to_numpy
from gandyn.field import Layout, UpdateMap, VectorField
from gandyn.trajectories import trajectory

PROBLEMS = {"focus": focus, "logistic": logistic, "forced": forced}


def exact(problem, times):
    return np.array([problem.solution(t) for t in times])


# Flows


@pytest.mark.parametrize("name", PROBLEMS)
@pytest.mark.parametrize("rtol", [1e-4, 1e-7, 1e-10])
def test_the_error_is_a_few_units_of_the_tolerance(name, rtol):
    problem = PROBLEMS[name]()
    found = trajectory(problem.system, problem.start, t_end=problem.t_end, rtol=rtol, atol=rtol)
    error = np.abs(found.x - exact(problem, found.t)) / (rtol + rtol * np.abs(found.x))
    assert found.status == "finished"
    assert found.t[-1] == problem.t_end
    assert 0 < np.max(error) < 10


@pytest.mark.parametrize("name", PROBLEMS)
def test_the_interpolant_is_as_accurate(name):
    problem = PROBLEMS[name]()
    times = np.linspace(0, problem.t_end, 301)
    found = trajectory(problem.system, problem.start, t_end=problem.t_end, t_eval=times, rtol=1e-7, atol=1e-7)
    np.testing.assert_array_equal(found.t, times)
    error = np.abs(found.x - exact(problem, times)) / (1e-7 + 1e-7 * np.abs(found.x))
    assert np.max(error) < 10


def test_the_order_is_five():
    """Against the number of steps, the error falls with a slope of -5."""
    problem, work, errors = focus(), [], []
    for rtol in np.logspace(-5, -11, 7):
        found = trajectory(problem.system, problem.start, t_end=20.0, rtol=rtol, atol=rtol * 1e-3)
        work.append(found.steps)
        errors.append(np.linalg.norm(found.x[-1] - problem.solution(20.0)))
    slope = np.polyfit(np.log(work), np.log(errors), 1)[0]
    assert slope == pytest.approx(-5, abs=0.2)


def test_an_invariant_is_kept_within_the_tolerance():
    problem = pendulum_game()
    found = trajectory(problem.system, problem.start, t_end=problem.t_end, rtol=1e-10, atol=1e-12)
    start = invariant(problem.start)
    assert np.max(np.abs(invariant(found.x) / start - 1)) < 1e-8
    assert np.ptp(found.x[:, 0]) > 1.0


def test_an_independent_integrator_arrives_at_the_same_state():
    problem = pendulum_game()
    found = trajectory(problem.system, problem.start, t_end=problem.t_end, rtol=1e-10, atol=1e-10)
    twin = solve_ivp(
        lambda t, x: problem.system.fn(x, t),
        (0, problem.t_end),
        problem.start,
        method="DOP853",
        rtol=1e-12,
        atol=1e-12,
    )
    np.testing.assert_allclose(found.x[-1], twin.y[:, -1], atol=2e-9)


@pytest.mark.parametrize("namespace", NAMESPACES)
def test_states_stay_in_their_namespace(namespace):
    problem = logistic()
    start = NAMESPACES[namespace](problem.start)
    found = trajectory(problem.system, start, t_end=2.0, t_eval=[1.0, 2.0])
    assert type(found.x) is type(start)
    np.testing.assert_allclose(to_numpy(found.x), exact(problem, [1.0, 2.0]), rtol=1e-7)


def test_a_network_flows_down_as_small_euler_steps_do():
    system, x = torch_game(2, 3, 2)
    found = trajectory(system, x, t_end=0.5, rtol=1e-10, atol=1e-12)
    assert isinstance(found.x, torch.Tensor)
    coarse, fine = (euler(system, x, 0.5, n) for n in (200, 400))
    np.testing.assert_allclose(found.x[-1], 2 * fine - coarse, atol=1e-6)


def euler(system, x, span, n):
    for _ in range(n):
        x = x + span / n * system(x)
    return x


def test_evaluations_are_counted_to_the_last_one():
    calls = itertools.count()
    problem = logistic()
    system = VectorField(lambda x, t: (next(calls), problem.system.fn(x, t))[1], plain_layout(1))
    found = trajectory(system, problem.start, t_end=5.0)
    assert found.evaluations == next(calls)
    assert found.evaluations >= 2 + 6 * found.steps


def test_the_start_is_not_changed_nor_aliased():
    problem = focus()
    start = problem.start.copy()
    found = trajectory(problem.system, start, t_end=1.0)
    np.testing.assert_array_equal(start, problem.start)
    assert not np.shares_memory(found.x, start)


def test_steps_are_thinned_and_the_ends_kept():
    problem = focus()
    whole, thin = (trajectory(problem.system, problem.start, t_end=5.0, save_every=m) for m in (1, 7))
    assert len(whole.t) == whole.steps + 1
    expected = sorted({*range(0, whole.steps + 1, 7), whole.steps})
    np.testing.assert_array_equal(thin.t, whole.t[expected])
    np.testing.assert_array_equal(thin.x, whole.x[expected])


def test_a_later_start_shifts_the_time():
    problem = forced()
    found = trajectory(problem.system, problem.solution(2.0), t0=2.0, t_end=5.0)
    assert found.t[0] == 2.0
    np.testing.assert_allclose(found.x, exact(problem, found.t), atol=1e-7)


def test_an_explosion_is_truncated():
    problem = explosion()
    found = trajectory(problem.system, problem.start, t_end=2.0, max_norm=1e3)
    assert found.status == "diverged"
    assert "1000" in found.message
    assert np.max(found.x) <= 1e3
    assert 0.9 < found.t[-1] < 1 - 1e-3
    np.testing.assert_allclose(found.x, exact(problem, found.t), rtol=1e-4)


def test_wanted_times_beyond_the_divergence_are_not_padded():
    problem = explosion()
    times = np.linspace(0, 2, 21)
    found = trajectory(problem.system, problem.start, t_end=2.0, t_eval=times, max_norm=1e3)
    assert found.status == "diverged"
    np.testing.assert_array_equal(found.t[:10], times[:10])
    assert len(found.t) <= 11
    assert found.t[-1] < 1


def test_divergence_before_the_first_wanted_time_keeps_the_last_good_state():
    problem = explosion()
    found = trajectory(problem.system, problem.start, t_end=2.0, t_eval=[1.5, 2.0], max_norm=1e3)
    assert found.status == "diverged"
    assert found.x.shape == (1, 1)
    assert 0.9 < found.t[0] < 1


def test_a_velocity_that_ends_is_divergence():
    system = VectorField(
        lambda x, t: np.where(x < 2, np.ones_like(x), np.full_like(x, np.nan)), plain_layout(1)
    )
    found = trajectory(system, np.array([1.0]), t_end=3.0)
    assert found.status == "diverged"
    assert "not finite beyond t = 1" in found.message
    assert found.t[-1] == pytest.approx(1.0, abs=1e-9)
    assert np.all(np.isfinite(found.x))


def test_a_pole_stalls():
    """x' = -1 / x from 1 reaches 0 at t = 1/2 and swings across it."""
    system = VectorField(lambda x, t: -1 / x, plain_layout(1))
    found = trajectory(system, np.array([1.0]), t_end=1.0)
    assert found.status == "stalled"
    assert "singularity" in found.message
    assert found.t[-1] == pytest.approx(0.5, abs=1e-6)
    np.testing.assert_allclose(found.x[:, 0] ** 2, 1 - 2 * found.t, atol=1e-6)


def test_steps_run_out():
    problem = focus()
    found = trajectory(problem.system, problem.start, t_end=1e4, max_steps=20)
    assert found.status == "out of steps"
    assert found.steps <= 20
    assert found.t[-1] < 1e4
    np.testing.assert_allclose(found.x, exact(problem, found.t), atol=1e-6)


@pytest.mark.parametrize("clock", ["flow", "map"])
def test_an_interrupt_keeps_what_was_computed(clock):
    calls = itertools.count()

    def fn(x, t):
        if next(calls) == 50:
            raise KeyboardInterrupt
        return 0.9 * x

    if clock == "flow":
        found = trajectory(VectorField(fn, plain_layout(1)), np.ones(1), t_end=100.0, max_norm=1e30)
        np.testing.assert_allclose(found.x[:, 0], np.exp(0.9 * found.t), rtol=1e-6)
    else:
        found = trajectory(UpdateMap(fn, plain_layout(1)), np.ones(1), n_steps=100, save_every=20)
        np.testing.assert_array_equal(found.t, [0, 20, 40, 50])
    assert found.status == "interrupted"
    assert len(found.t) > 2
    assert "interrupted" in str(found)


def test_a_field_at_rest():
    found = trajectory(linear_flow(np.zeros((2, 2))), np.ones(2), t_end=7.0)
    assert found.status == "finished"
    np.testing.assert_array_equal(found.x, 1.0)


def test_single_precision_by_request():
    problem = focus()
    start = torch.tensor([1.0, 0.0], dtype=torch.float32)
    with pytest.raises(ValueError, match=r"rtol must be at least 1.2e-05 in torch.float32"):
        trajectory(problem.system, start, t_end=1.0)
    found = trajectory(problem.system, start, t_end=1.0, rtol=1e-4, atol=1e-6)
    assert found.x.dtype == torch.float32
    np.testing.assert_allclose(found.x[-1], problem.solution(1.0), atol=1e-3)


# Maps


@pytest.mark.parametrize("namespace", NAMESPACES)
def test_a_map_is_iterated(namespace):
    matrix = np.array([[0.9, 5.0], [0.0, 0.8]])
    start = NAMESPACES[namespace](np.array([0.0, 1.0]))
    found = trajectory(linear_map(matrix, dt=0.5), start, n_steps=6)
    assert type(found.x) is type(start)
    np.testing.assert_array_equal(found.t, 0.5 * np.arange(7))
    powers = [np.linalg.matrix_power(matrix, k) @ [0.0, 1.0] for k in range(7)]
    np.testing.assert_allclose(to_numpy(found.x), powers, rtol=1e-13)
    assert (found.clock, found.dt, found.steps, found.evaluations) == ("map", 0.5, 6, 6)


def test_simultaneous_descent_on_the_bilinear_game_spirals_out():
    s = 0.1
    found = trajectory(linear_map([[1.0, -s], [s, 1.0]], dt=s), np.array([1.0, 0.0]), n_steps=100)
    growth = np.diff(np.log(np.linalg.norm(found.x, axis=1)))
    np.testing.assert_allclose(growth, 0.004975165426584, rtol=1e-10)


def test_a_map_is_told_its_step():
    system = UpdateMap(lambda x, k: x + k, plain_layout(1), dt=0.1)
    found = trajectory(system, np.zeros(1), n_steps=3, t0=5)
    np.testing.assert_array_equal(found.x[:, 0], [0, 5, 11, 18])
    np.testing.assert_allclose(found.t, [0.5, 0.6, 0.7, 0.8])


def test_a_map_is_thinned_and_its_ends_kept():
    found = trajectory(linear_map([[0.5]]), np.ones(1), n_steps=25, save_every=10)
    np.testing.assert_array_equal(found.t, [0, 10, 20, 25])
    np.testing.assert_array_equal(found.x[:, 0], 0.5**found.t)


@pytest.mark.parametrize("factor", [2.0, np.nan])
def test_a_diverging_map_is_truncated(factor):
    system = UpdateMap(lambda x, k: x * (2.0 if k < 5 else factor), plain_layout(1))
    found = trajectory(system, np.ones(1), n_steps=100, max_norm=1000.0)
    assert found.status == "diverged"
    np.testing.assert_array_equal(found.x[:, 0], 2.0 ** np.arange(len(found.t)))
    assert len(found.t) == (10 if factor == 2.0 else 6)
    assert f"step {len(found.t) - 1} " in found.message


def test_a_labelled_trajectory():
    problem = focus()
    data = trajectory(problem.system, problem.start, t_end=1.0, t_eval=[0.0, 1.0]).to_xarray()
    assert dict(data.sizes) == {"t": 2, "entry": 2}
    np.testing.assert_allclose(data.sel(t=1.0), problem.solution(1.0), rtol=1e-7)
    assert data.attrs["status"] == "finished"


# Bad input


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "a flow takes t_end"),
        ({"n_steps": 5}, "a flow takes t_end"),
        ({"t_end": 1.0, "n_steps": 5}, "no n_steps"),
        ({"t_end": 0.0}, "beyond t0 = 0"),
        ({"t_end": np.inf}, "finite"),
        ({"t_end": np.nan}, "finite"),
        ({"t_end": 1.0, "rtol": 0.0}, "rtol must be at least"),
        ({"t_end": 1.0, "atol": 0.0}, "atol positive"),
        ({"t_end": 1.0, "t_eval": [0.5, 0.2]}, "rising row of times"),
        ({"t_end": 1.0, "t_eval": [0.5, 1.2]}, "from t0 = 0.0 to t_end = 1.0"),
        ({"t_end": 1.0, "t_eval": []}, "rising row of times"),
        ({"t_end": 1.0, "t_eval": [np.nan]}, "rising row of times"),
        ({"t_end": 1.0, "save_every": 0}, "save_every must be at least 1"),
        ({"t_end": 1.0, "max_norm": 0.5}, "norm of at most max_norm = 0.5, got 1.0"),
    ],
)
def test_bad_options_of_a_flow(arguments, message):
    with pytest.raises(ValueError, match=message):
        trajectory(focus().system, np.array([1.0, 0.0]), **arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "a map takes n_steps"),
        ({"n_steps": 0}, "at least 1"),
        ({"t_end": 1.0}, "a map takes n_steps"),
        ({"n_steps": 3, "t_eval": [1.0]}, "neither t_end nor t_eval"),
        ({"n_steps": 3, "t0": 0.5}, "integer number of its first step, got 0.5"),
    ],
)
def test_bad_options_of_a_map(arguments, message):
    with pytest.raises(ValueError, match=message):
        trajectory(linear_map([[0.5]]), np.ones(1), **arguments)


@pytest.mark.parametrize(
    ("x0", "error", "message"),
    [
        (np.array([1.0, np.nan]), ValueError, "x0 must be finite"),
        (np.zeros(3), ValueError, r"shape \(2,\), got \(3,\)"),
        (np.zeros((4, 2)), ValueError, "call once for each"),
        (np.zeros(2, dtype=int), TypeError, "floating point"),
        ([0.0, 0.0], TypeError, "got list"),
    ],
)
def test_bad_starts(x0, error, message):
    with pytest.raises(error, match=message):
        trajectory(focus().system, x0, t_end=1.0)


def test_a_velocity_that_is_not_finite_at_the_start_is_refused():
    system = VectorField(lambda x, t: np.log(x), Layout.scalars(state=["x"]))
    with pytest.raises(ValueError, match="the velocity at x0 is not finite"):
        trajectory(system, np.zeros(1), t_end=1.0)
