"""Finite-time exponents over planes: closed forms, ridges on manifolds, slow twins, long times."""

import importlib
import signal
import threading
import time
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.figure import Figure
from problems import NAMESPACES, linear_flow, linear_map, torch_game

import gandyn
from gandyn import (
    Plane,
    UpdateMap,
    VectorField,
    coordinate_plane,
    load,
    lyapunov_spectrum,
    manifold,
    plot,
    random_plane,
    save,
    schemes,
)
from gandyn.games import catalogue, textbook


def measure(system, plane, extent=None, **options):
    return gandyn.finite_time(system, plane, extent, progress=False, **options)


def plane_of(system, *names):
    return coordinate_plane(system.layout, *(names or system.layout.entry_names[:2]))


def largest_log(matrix):
    return np.log(np.linalg.norm(matrix, 2))


SHEAR = np.array([[0.3, 2.0], [0.0, -0.5]])


@pytest.mark.parametrize("t", [0.7, -1.3])
@pytest.mark.parametrize("compiled", [True, False])
def test_a_linear_field(t, compiled):
    system = textbook.linear(SHEAR) if compiled else linear_flow(SHEAR)
    found = measure(system, plane_of(system), points=3, t=t)
    values, vectors = np.linalg.eig(SHEAR)
    flow = (vectors * np.exp(values * t)) @ np.linalg.inv(vectors)
    np.testing.assert_allclose(found.exponents, largest_log(flow) / abs(t), rtol=1e-6)
    stretched = np.linalg.svd(flow)[2][0]
    np.testing.assert_allclose(np.abs(found.directions @ stretched), 1.0, atol=1e-6)
    assert found.status == "finished"
    assert found.lost == 0
    assert found.time == t


def test_all_directions_or_those_of_the_plane_alone():
    field = linear_flow(np.diag([0.5, -0.2, 2.0]))
    assert measure(field, plane_of(field), points=2, t=3.0).exponents == pytest.approx(2.0)
    found = measure(field, plane_of(field), points=2, t=3.0, within="plane")
    assert found.exponents == pytest.approx(0.5, rel=1e-6)
    np.testing.assert_allclose(np.abs(found.directions[0, 0]), [1, 0], atol=1e-6)


def test_directions_are_in_the_coordinates_of_an_oblique_plane():
    field = linear_flow(np.diag([1.0, -1.0]))
    plane = Plane(np.zeros(2), np.array([[1.0, 1.0], [0.0, 2.0]]), field.layout, ("a", "b"), "oblique")
    found = measure(field, plane, points=2, t=2.0, within="plane")
    np.testing.assert_allclose(found.exponents, 1.0, rtol=1e-6)
    np.testing.assert_allclose(found.directions[..., 1] / found.directions[..., 0], -0.5, rtol=1e-5)


def product(system, x, steps):
    matrix = np.eye(len(x))
    for k in range(steps):
        matrix, x = system.jac(x, k) @ matrix, system(x, k)
    return matrix


@pytest.mark.parametrize("compiled", [True, False])
def test_maps_equal_the_product_of_their_jacobians(compiled):
    step = schemes.alternating(catalogue.make("dirac"), 0.2)
    step = step if compiled else replace(step, kernel=None)
    found = measure(step, plane_of(step), 2.0, points=(4, 3), n_steps=25)
    for j, i in np.ndindex(3, 4):
        x = found.plane.point(found.a[i], found.b[j])
        expected = largest_log(product(step, x, 25)) / (25 * step.dt)
        assert found.exponents[j, i] == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("make", NAMESPACES.values(), ids=NAMESPACES)
def test_the_number_of_the_step_and_the_namespace_reach_the_map(make):
    base = linear_map(np.eye(2))
    grow = UpdateMap(lambda x, k: x * (1.0 + k), base.layout, 0.5, jvp=lambda x, u, k: u * (1.0 + k) + 0 * x)
    plane = plane_of(grow).like(make([0.0]))
    found = measure(grow, plane, 1.0, points=2, n_steps=3, t0=2)
    np.testing.assert_allclose(found.exponents, np.log(3 * 4 * 5) / 1.5, rtol=1e-12)


def test_the_time_reaches_a_field():
    base = linear_flow(np.eye(2))
    field = VectorField(lambda x, t: x * t, base.layout, jvp=lambda x, u, t: u * t + 0 * x)
    found = measure(field, plane_of(field), points=2, t=-2.0, t0=1.5)
    np.testing.assert_allclose(found.exponents, (0.5**2 - 1.5**2) / 2 / 2, rtol=1e-6)


@pytest.mark.parametrize("t", [5.0, -5.0])
def test_the_compiled_loop_equals_batches(t):
    game = textbook.pendulum(0.2)
    fast = measure(game, plane_of(game), 1.5, points=8, t=t, rtol=1e-9, atol=1e-11)
    slow = measure(replace(game, kernel=None), plane_of(game), 1.5, points=8, t=t, rtol=1e-9, atol=1e-11)
    np.testing.assert_allclose(fast.exponents, slow.exponents, atol=1e-7)
    np.testing.assert_array_equal(fast.statuses, slow.statuses)
    np.testing.assert_allclose(np.abs(np.sum(fast.directions * slow.directions, axis=-1)), 1.0, atol=1e-5)


def by_differences(system, x, t, eps=1e-5):
    """The Jacobian of the flow map from ends of neighbours."""
    system = system if t > 0 else gandyn.scale(system, -1.0)
    end = lambda y: gandyn.trajectory(system, y, t_end=abs(t), rtol=1e-11, atol=1e-13, progress=False).x[-1]
    return np.stack([(end(x + eps * u) - end(x - eps * u)) / (2 * eps) for u in np.eye(len(x))], axis=1)


def test_the_exact_tangents_equal_differences_of_neighbours():
    system = textbook.lorenz()
    plane = coordinate_plane(system.layout, "x", "z", np.array([1.0, 2.0, 20.0]))
    found = measure(system, plane, a=[1.5], b=[19.0], t=1.5, rtol=1e-9, atol=1e-11)
    expected = by_differences(system, np.array([1.5, 2.0, 19.0]), 1.5)
    assert found.exponents.item() == pytest.approx(largest_log(expected) / 1.5, abs=1e-7)


@pytest.mark.parametrize(("sign", "which"), [(1, "stable"), (-1, "unstable")])
def test_ridges_lie_on_the_manifolds_of_the_saddle_of_a_pendulum(sign, which):
    game = textbook.pendulum(0.2)
    saddle = np.array([np.pi, 0.0])
    curve = manifold(game, saddle, which, length=1.0, progress=False)
    line = np.concatenate(curve.branches)
    line = line[np.argsort(line[:, 0])]
    a, b = np.pi + np.linspace(-0.4, 0.4, 9), np.linspace(-0.8, 0.8, 401)
    found = measure(game, plane_of(game), a=a, b=b, t=9.0 * sign)
    ridge = found.b[np.argmax(found.exponents, axis=0)]
    assert np.ptp(ridge) > 0.5
    np.testing.assert_allclose(ridge, np.interp(a, *line.T), atol=b[1] - b[0])


def test_long_times_do_not_overflow():
    matrix, one = np.diag([3.0, -4.0]), {"a": [0.0], "b": [0.0]}
    compiled, slow = textbook.linear(matrix), linear_flow(matrix)
    assert measure(compiled, plane_of(compiled), t=250.0, **one).exponents.item() == pytest.approx(
        3, rel=1e-6
    )
    assert measure(compiled, plane_of(compiled), t=-250.0, **one).exponents.item() == pytest.approx(
        4, rel=1e-6
    )
    found = measure(slow, plane_of(slow), t=250.0, rtol=1e-4, **one)
    assert found.exponents.item() == pytest.approx(3, rel=1e-3)
    shrinking = linear_map(np.diag([0.1, 0.01]))
    found = measure(shrinking, plane_of(shrinking), n_steps=2000, **one)
    assert found.exponents.item() == pytest.approx(np.log(0.1), rel=1e-12)


def test_the_finite_time_exponent_of_a_long_time_is_the_lyapunov_exponent():
    system = textbook.lorenz()
    start = gandyn.trajectory(system, np.array([1.0, 1, 20]), t_end=50.0, progress=False).x[-1]
    plane = coordinate_plane(system.layout, "x", "y", start)
    long = measure(system, plane, a=start[:1], b=start[1:2], t=200.0).exponents.item()
    assert long == pytest.approx(0.9056, abs=0.05)


def test_states_that_diverge_are_nan_and_counted():
    field = VectorField(lambda x, t: x * x, linear_flow(np.eye(2)).layout, jvp=lambda x, u, t: 2 * x * u)
    for system in (field, textbook.henon()):
        time_ = {"t": 2.0} if system is field else {"n_steps": 50}
        found = measure(system, plane_of(system), 3.0, points=11, **time_)
        assert 0 < found.lost < 121
        np.testing.assert_array_equal(np.isnan(found.exponents), found.statuses != "finished")
        assert np.isnan(found.directions[found.statuses != "finished"]).all()
        assert f"{found.lost} diverged" in str(found)


def test_one_point_does_not_depend_on_the_others_or_on_threads(monkeypatch):
    game = textbook.duffing()
    whole = measure(game, plane_of(game), 1.0, points=30, t=5.0)
    module = importlib.import_module("gandyn.lyapunov.finite_time")
    monkeypatch.setattr(module, "_CHUNK", 7)
    monkeypatch.setattr(module, "_ROUND", 3)
    monkeypatch.setattr("os.cpu_count", lambda: 1)
    np.testing.assert_array_equal(
        whole.exponents, measure(game, plane_of(game), 1.0, points=30, t=5.0).exponents
    )


@pytest.mark.parametrize("t", [6.0, -6.0])
def test_jumps_take_the_saltation_matrix(t):
    game = catalogue.make("dirac-wgan-gp", lam=0.3)
    plane = plane_of(game)
    x = np.array([1.0, 0.5])
    a, b = plane.coordinates(x)
    found = measure(game, plane, a=[a], b=[b], t=t, rtol=1e-10, atol=1e-12)
    expected = largest_log(by_differences(game, x, t)) / abs(t)
    assert found.exponents.item() == pytest.approx(expected, abs=1e-6)
    without = measure(game, plane, a=[a], b=[b], t=t, switches=[])
    assert abs(without.exponents.item() - expected) > 1e-3


def test_a_network_takes_the_two_directions_of_the_plane():
    field, x = torch_game(latent=2, hidden=3, data=2)
    step = schemes.simultaneous(field, 0.1)
    plane = random_plane(field.layout, x, seed=0)
    found = measure(step, plane, a=[0.5], b=[-0.5], n_steps=3, within="plane")
    y, matrix = plane.point(0.5, -0.5), np.eye(field.layout.dim)
    for _ in range(3):
        matrix, y = step.jac(y).numpy() @ matrix, step(y)
    basis = np.linalg.qr(plane.axes.numpy().T)[0]
    assert found.exponents.item() == pytest.approx(largest_log(matrix @ basis) / 0.3, abs=1e-12)


@pytest.mark.parametrize("make", NAMESPACES.values(), ids=NAMESPACES)
def test_flows_of_each_namespace(make):
    field = linear_flow(SHEAR)
    plane = plane_of(field).like(make([0.0]))
    found = measure(field, plane, points=2, t=0.5)
    host = measure(field, plane_of(field), points=2, t=0.5)
    np.testing.assert_allclose(found.exponents, host.exponents, rtol=1e-12)


def test_what_is_kept_of_an_interrupted_run(monkeypatch):
    module = importlib.import_module("gandyn.lyapunov.finite_time")
    monkeypatch.setattr(module, "_BATCH", 100)
    slow, calls, main = replace(textbook.henon(), kernel=None), [], threading.main_thread().ident

    def fn(x, k):
        calls.append(k)
        if len(calls) == 100:
            signal.pthread_kill(main, signal.SIGINT)
            time.sleep(0.2)
        return slow.fn(x, k)

    step = UpdateMap(fn, slow.layout, jvp=slow.jvp)
    found = measure(step, plane_of(slow), 0.5, points=(100, 10), n_steps=40)
    assert found.status == "interrupted"
    assert "(interrupted)" in str(found)
    done = found.statuses != "not computed"
    assert 200 <= done.sum() < 1000
    assert np.isnan(found.exponents[~done]).all()
    whole = measure(slow, plane_of(slow), 0.5, points=(100, 10), n_steps=40)
    np.testing.assert_array_equal(found.exponents[done], whole.exponents[done])


def test_results_are_saved_and_labelled(tmp_path):
    found = measure(textbook.henon(), plane_of(textbook.henon()), points=(3, 2), n_steps=4)
    save(found, tmp_path / "field")
    again = load(tmp_path / "field")
    np.testing.assert_array_equal(again.exponents, found.exponents)
    assert str(again) == str(found)
    data = found.to_xarray()
    assert data.exponents.dims == ("b", "a")
    assert data.exponents.shape == (2, 3)
    assert data.attrs["time"] == 4.0


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"n_steps": 3}, "a flow takes t"),
        ({"t": 0.0}, "a flow takes t"),
        ({"t": np.inf}, "a flow takes t"),
        ({"t": 1.0, "within": "line"}, "within must be one of"),
        ({"t": 1.0, "rtol": 0.0}, "rtol must be positive"),
        ({"t": 1.0, "points": 0}, "points must be"),
    ],
)
def test_bad_input_is_refused(options, words):
    field = textbook.duffing()
    with pytest.raises(ValueError, match=words):
        measure(field, plane_of(field), **options)


def test_bad_input_of_maps_and_planes_is_refused():
    step = textbook.henon()
    for options in ({"t": 1.0}, {"n_steps": 0}, {"n_steps": 1.5}, {"n_steps": 2, "t0": 0.5}):
        with pytest.raises(ValueError, match="a map takes n_steps"):
            measure(step, plane_of(step), **options)
    with pytest.raises(ValueError, match="make the plane with"):
        measure(step, plane_of(textbook.lorenz()), n_steps=2)


def test_the_picture_shows_the_exponents_and_says_what_is_missing():
    step = textbook.henon()
    found = measure(step, plane_of(step), 3.0, points=(9, 7), n_steps=20)
    ax = Figure().subplots()
    drawn = plot.finite_time(ax, found)
    shown = drawn.mesh.get_array()
    np.testing.assert_array_equal(shown.mask, np.isnan(found.exponents))
    np.testing.assert_array_equal(shown.compressed(), found.exponents[np.isfinite(found.exponents)])
    words = drawn.caption.get_text().replace("\n", " ")
    assert words == f"Forwards over a flow time of 20. Grey: {found.lost} of 63 states diverged or stalled."
    assert "per unit of flow time" in drawn.colour_bar.ax.get_ylabel()
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("$x$", "$y$")
    back = measure(textbook.pendulum(), plane_of(textbook.pendulum()), points=3, t=-1.0, within="plane")
    words = plot.finite_time(Figure().subplots(), back).caption.get_text().replace("\n", " ")
    assert words == "Backwards over a flow time of 1. Directions of the plane alone."


def test_the_picture_of_local_exponents():
    found = lyapunov_spectrum(
        textbook.henon(), np.array([0.1, 0.1]), n_steps=40, record_every=4, progress=False
    )
    drawn = plot.local_exponents(Figure().subplots(), found)
    times, values = drawn.lines[1].get_data()
    np.testing.assert_array_equal(times, [found.start, *found.times])
    np.testing.assert_array_equal(values[:-1], found.local[:, 1])
    assert drawn.means[0].get_ydata()[0] == found.exponents[0]
    assert drawn.caption.get_text().startswith("Each over a flow time of 4.")
