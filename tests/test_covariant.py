"""Covariant vectors: covariance, eigenvectors, the flow direction, textbook exponents, memory."""

import importlib
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from problems import linear_flow, linear_map, torch_game

import gandyn
from gandyn import UpdateMap, VectorField, load, lyapunov_spectrum, plot, save, schemes
from gandyn.games import catalogue, textbook


def measure(system, x0, **options):
    x0 = x0 if isinstance(x0, torch.Tensor) else np.asarray(x0, dtype=float)
    return gandyn.covariant_vectors(system, x0, progress=False, **options)


def off(u, v):
    """Distance of unit vectors, up to the sign."""
    inner = np.sum(u * v, axis=-1, keepdims=True)
    return np.linalg.norm(v - inner * u, axis=-1)


def images(system, found, count):
    """What the Jacobians of a map make of the vectors of each record, one record later."""
    vectors, x = found.vectors[:-1].copy(), found.states[:-1]
    for _ in range(count):
        vectors = system.jvp(x[:, None, :], vectors, 0)
        x = system(x, 0)
    return vectors


@pytest.mark.parametrize("every", [1, 3])
def test_the_jacobian_takes_the_vectors_of_a_map_to_those_of_the_next_record(every):
    system = textbook.henon()
    found = measure(system, [0.1, 0.1], n_steps=600, transient=100, every=every, warmup_forward=100)
    vectors = images(system, found, every)
    lengths = np.linalg.norm(vectors, axis=-1)
    assert np.max(off(vectors / lengths[..., None], found.vectors[1:])) < 1e-8
    np.testing.assert_allclose(np.log(lengths) / every, found.local[:-1], atol=1e-8)
    np.testing.assert_allclose(np.diff(found.times), every)
    np.testing.assert_allclose(np.linalg.norm(found.vectors, axis=-1), 1.0, rtol=1e-12)


def test_the_flow_takes_the_vectors_to_those_of_the_next_record():
    system = textbook.lorenz()
    found = measure(
        system, [1, 1, 20], t_end=20, transient=20, warmup_forward=10, warmup_backward=20, every=0.2
    )
    with_tangents = VectorField(
        lambda y, t: np.concatenate([system(y[:3]), (system.jac(y[:3]) @ y[3:].reshape(3, 3).T).T.ravel()]),
        linear_flow(np.eye(12)).layout,
    )
    for j in (0, 37, 98):
        start = np.concatenate([found.states[j], found.vectors[j].ravel()])
        end = gandyn.trajectory(with_tangents, start, t_end=0.2, rtol=1e-11, atol=1e-13, progress=False).x[-1]
        np.testing.assert_allclose(end[:3], found.states[j + 1], atol=1e-5)
        vectors = end[3:].reshape(3, 3)
        lengths = np.linalg.norm(vectors, axis=-1)
        assert np.max(off(vectors / lengths[:, None], found.vectors[j + 1])) < 1e-5
        np.testing.assert_allclose(np.log(lengths) / 0.2, found.local[j], atol=1e-5)


MATRIX = np.array([[0.5, 2.0, 0.3], [0.0, -0.2, 1.0], [0.1, 0.0, -1.5]])


@pytest.mark.parametrize("kind", ["flow", "compiled flow", "map"])
def test_vectors_of_a_linear_system_are_its_eigenvectors(kind):
    if kind == "map":
        system, span = linear_map(np.eye(3) + 0.3 * MATRIX, 0.3), {"n_steps": 40}
        warm = {"warmup_forward": 400, "warmup_backward": 400}
    else:
        system, span = textbook.linear(MATRIX) if "compiled" in kind else linear_flow(MATRIX), {"t_end": 4.0}
        warm = {"warmup_forward": 45.0, "warmup_backward": 45.0, "every": 0.5}
    values, vectors = np.linalg.eig(MATRIX)
    order = np.argsort(values)[::-1]
    found = measure(system, np.zeros(3), **span, **warm)
    assert np.max(off(found.vectors, vectors.T[order])) < 1e-6
    rates = values[order] if kind != "map" else np.log(np.abs(1 + 0.3 * values[order])) / 0.3
    np.testing.assert_allclose(found.exponents, rates, atol=1e-6)
    cosine = np.abs(vectors[:, order[0]] @ vectors[:, order[2]])
    np.testing.assert_allclose(found.angles[:, 0, 2], np.arccos(cosine), atol=1e-6)
    assert found.unstable == (0,)
    assert found.stable == (1, 2)


def test_the_neutral_vector_of_lorenz_is_the_direction_of_the_flow():
    system = textbook.lorenz()
    found = measure(system, [1, 1, 20], t_end=200, transient=20, rtol=1e-10, atol=1e-12)
    velocity = system(found.states)
    velocity /= np.linalg.norm(velocity, axis=-1, keepdims=True)
    assert np.max(off(found.vectors[:, 1], velocity)) < 1e-6
    assert found.unstable == (0,)
    assert found.stable == (2,)
    assert found.exponents.sum() == pytest.approx(-13.666667, abs=0.3)
    # Singularly hyperbolic: the strongly stable direction stays away from the other two.
    assert found.least_angle((0, 1), (2,)).min() > 0.05


def test_exponents_of_henon_agree_with_the_spectrum_and_the_textbook():
    found = measure(textbook.henon(), [0.1, 0.1], n_steps=200_000, transient=1000, every=20)
    truth, error = np.array([0.41913, -1.62310]), 8e-5
    assert np.all(np.abs(found.exponents - truth) < 3 * np.hypot(found.standard_errors, error))
    assert np.all(found.standard_errors < 3e-3)
    spectrum = lyapunov_spectrum(
        textbook.henon(), np.array([0.1, 0.1]), n_steps=200_000, transient=21_000, warmup=0, progress=False
    )
    np.testing.assert_allclose(found.exponents, spectrum.exponents, atol=2e-4)
    # Not hyperbolic: there are tangencies of stable and unstable directions.
    assert found.least_angle().min() < 0.02
    np.testing.assert_allclose(found.least_angle(), found.angles[:, 0, 1], atol=1e-7)


def test_the_first_and_the_last_vector_from_products_of_jacobians():
    system, steps = textbook.henon(), 40
    found = measure(system, [0.1, 0.1], n_steps=200, transient=100, every=1, warmup_backward=60)
    past, future = np.eye(2), np.eye(2)
    for x in found.states[100 - steps : 100]:
        past = system.jac(x) @ past
    for x in found.states[100 : 100 + steps]:
        future = system.jac(x) @ future
    assert off(np.linalg.svd(past)[0][:, 0], found.vectors[100, 0]) < 1e-7
    assert off(np.linalg.svd(future)[2][-1], found.vectors[100, 1]) < 1e-7


def test_a_game_under_a_rule_and_the_same_without_a_kernel():
    step = schemes.alternating(catalogue.make("dirac"), 0.1)
    options = {"n_steps": 50, "every": 2, "transient": 20}
    fast = measure(step, [0.7, 0.3], **options)
    slow = measure(replace(step, kernel=None), [0.7, 0.3], **options)
    np.testing.assert_allclose(fast.vectors, slow.vectors, atol=1e-9)
    np.testing.assert_allclose(fast.times, 0.1 * (25 + 2 * np.arange(25)), rtol=1e-12)
    assert fast.every == pytest.approx(0.2)


def test_the_number_of_the_step_reaches_the_map():
    base = linear_map(np.eye(2))
    grow = UpdateMap(
        lambda x, k: x * np.array([2.0 + k, 1.0]), base.layout,
        jvp=lambda x, u, k: u * np.array([2.0 + k, 1.0]) + 0 * x,
    )  # fmt: skip
    options = {"warmup_forward": 4, "warmup_backward": 3, "transient": 2, "every": 1, "t0": 1}
    found = measure(grow, [0.0, 0.0], n_steps=5, **options)
    np.testing.assert_allclose(found.times, 7 + np.arange(5))
    np.testing.assert_allclose(found.local[:, 0], np.log(9.0 + np.arange(5)), rtol=1e-3)


def test_networks_take_products():
    field, x = torch_game(latent=2, hidden=6, data=3)
    step = schemes.simultaneous(field, 0.1)
    assert step.layout.dim > 24
    found = measure(step, x, n_steps=6, k=2, every=2, warmup_forward=4)
    states = [torch.as_tensor(state) for state in found.states]
    products = [step.jac(step(state)).numpy() @ step.jac(state).numpy() for state in states]
    vectors = np.stack([a @ v.T for a, v in zip(products, found.vectors, strict=True)])[:-1]
    vectors = np.swapaxes(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), 1, 2)
    assert np.max(off(vectors, found.vectors[1:])) < 1e-8


def test_jumps_of_the_velocity_keep_the_flow_direction_neutral():
    game = catalogue.make("dirac-wgan-gp", lam=0.3)
    found = measure(
        game, [1.0, 0.5], t_end=20.0, transient=60.0, warmup_forward=60.0, warmup_backward=60.0, every=0.5
    )
    velocity = game(found.states)
    velocity /= np.linalg.norm(velocity, axis=-1, keepdims=True)
    assert np.max(off(found.vectors[:, 0], velocity)) < 1e-4


def test_a_collapsed_direction_is_what_the_map_takes_to_zero():
    matrix = np.diag([2.0, 0.0])
    found = measure(linear_map(matrix), [0.0, 0.0], n_steps=6, every=1)
    assert np.all(found.local[:, 1] == -np.inf)
    np.testing.assert_allclose(matrix @ found.vectors[0, 1], 0.0, atol=1e-12)
    assert found.exponents[0] == pytest.approx(np.log(2))


passage = importlib.import_module("gandyn.lyapunov.passage")


@pytest.mark.parametrize("system", [textbook.henon(), textbook.lorenz()], ids=["map", "flow"])
def test_segments_do_not_change_the_result(system, monkeypatch):
    options = {"every": 2, "n_steps": 300} if isinstance(system, UpdateMap) else {"every": 0.2, "t_end": 20}
    x0 = np.full(system.layout.dim, 0.1)
    whole = measure(system, x0, **options)
    monkeypatch.setattr(passage, "_NUMBERS", 200)
    monkeypatch.setattr(passage, "_BACK", 3)
    parts = measure(system, x0, **options)
    np.testing.assert_array_equal(whole.vectors, parts.vectors)
    np.testing.assert_array_equal(whole.local, parts.local)


def test_memory_does_not_grow_with_the_steps(monkeypatch):
    monkeypatch.setattr(passage, "_NUMBERS", 2**15)

    def peak(steps):
        tracemalloc.start()
        measure(textbook.henon(), [0.1, 0.1], n_steps=steps, every=steps / 50)
        used = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return used

    peak(1000)
    assert peak(400_000) < 2 * peak(100_000) < 4 * 8 * 2**15 + 2**21


def test_an_orbit_that_diverges_gives_what_was_known():
    found = measure(textbook.henon(a=1.43), [0.1, 0.1], n_steps=5000, every=1, warmup_backward=20)
    assert found.status == "diverged"
    assert "diverged" in found.message
    assert len(found.vectors) == len(found.times) == len(found.local) < 5000


def test_an_interrupt_keeps_the_records_before_it(monkeypatch):
    marching = importlib.import_module("gandyn.lyapunov.marching")
    whole = measure(textbook.henon(), [0.1, 0.1], n_steps=400, every=1, warmup_backward=50)
    real, calls = marching.records_of_map, []

    def interrupted(*arguments):
        calls.append(len(arguments[-1]))
        if len(calls) > 4 and sum(calls) > 150:
            raise KeyboardInterrupt
        return real(*arguments)

    monkeypatch.setattr(marching, "records_of_map", interrupted)
    part = measure(textbook.henon(), [0.1, 0.1], n_steps=400, every=1, warmup_backward=50)
    assert part.status == "interrupted"
    count = len(part.vectors)
    assert 0 < count < 400
    np.testing.assert_array_equal(part.states, whole.states[:count])
    assert np.max(off(part.vectors[:10], whole.vectors[:10])) < 1e-8


def test_results_are_saved_and_labelled(tmp_path):
    found = measure(textbook.henon(), [0.1, 0.1], n_steps=100, every=1)
    save(found, tmp_path / "vectors")
    again = load(tmp_path / "vectors")
    np.testing.assert_array_equal(again.vectors, found.vectors)
    assert str(again) == str(found)
    assert "least angle" in str(found)
    assert found.to_xarray().vectors.dims == ("t", "vector", "entry")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"t_end": 3.0}, "a map takes n_steps"),
        ({"n_steps": 10, "k": 3}, "k must be from 1"),
        ({"n_steps": 10, "every": 0.5}, "number of steps"),
        ({"n_steps": 10, "warmup_backward": -1}, "warmup_backward must be"),
        ({"n_steps": 10, "warmup_backward": 1.5}, "warmup_backward must be"),
        ({"n_steps": 10, "rtol": 0.0}, "must be positive"),
    ],
)
def test_bad_input_is_refused(options, words):
    with pytest.raises(ValueError, match=words):
        measure(textbook.henon(), [0.1, 0.1], **options)


def test_an_angle_takes_two_spaces():
    found = measure(linear_flow(-np.eye(2) + [[0, 1], [0, 0.5]]), np.zeros(2), t_end=5.0, every=1.0)
    assert found.unstable == ()
    with pytest.raises(ValueError, match="an angle takes two spaces"):
        found.least_angle()


def test_the_pictures_of_angles_and_local_growth():
    found = measure(textbook.lorenz(), [1, 1, 20], t_end=50, transient=20)
    drawn = plot.covariant_angles(Figure().subplots(), found)
    assert [text.get_text() for text in drawn.legend.get_texts()] == [
        "$v_{1}$ and $v_{2}$", "$v_{1}$ and $v_{3}$", "$v_{2}$ and $v_{3}$",
    ]  # fmt: skip
    values, edges, _ = drawn.histograms[1].get_data()
    assert np.sum(values * np.diff(edges)) == pytest.approx(1.0)
    degrees = np.degrees(found.angles[:, 0, 2])
    assert values[45] == pytest.approx(np.mean((degrees >= 45) & (degrees < 46)), abs=1e-12)
    least = np.degrees(found.least_angle().min())
    assert f"{least:.2g} degrees" in drawn.caption.get_text()
    local = plot.local_exponents(Figure().subplots(), found, which=[2])
    times, values = local.lines[0].get_data()
    np.testing.assert_array_equal(times[:-1], found.times)
    np.testing.assert_array_equal(values[:-1], found.local[:, 2])
