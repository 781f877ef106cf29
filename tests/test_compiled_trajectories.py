"""The compiled integrator and iteration against the array-API one, closed forms and differences."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.linalg import expm

from gandyn import schemes
from gandyn.games import catalogue, textbook
from gandyn.trajectories import compiled, iteration, trajectory

LIMITS = 10**6, 1e6


def run(system, x, t_end, *, t=0.0, h=0.0, rtol=1e-8, atol=1e-10, max_steps=10**6, max_norm=1e6):
    kernel, x = system.kernel, np.array(x, dtype=float)
    call = kernel.velocity, kernel.params, kernel.nodes, kernel.plan
    return x, compiled.advance(*call, x, t, h, t_end, rtol, atol, max_steps, max_norm)


def run_tangents(system, x, tangents, t_end, rtol=1e-10):
    kernel, x, tangents = system.kernel, np.array(x, dtype=float), np.array(tangents, dtype=float)
    call = kernel.jacobian, kernel.params, kernel.nodes, kernel.plan
    ended = compiled.advance_tangents(*call, x, tangents, 0.0, 0.0, t_end, rtol, rtol, *LIMITS)
    assert ended[2] == compiled.FINISHED
    return x, tangents


@pytest.mark.parametrize("make", [textbook.van_der_pol, textbook.lorenz, textbook.rossler])
@pytest.mark.parametrize("rtol", [1e-5, 1e-9])
def test_steps_are_those_of_the_slow_twin(make, rtol):
    system = make()
    start = np.array([1.0, 0.7, 2.0])[: system.layout.dim]
    x, (t, _, status, steps) = run(system, start, 5.0, rtol=rtol, atol=rtol)
    settings = {"t_end": 5.0, "rtol": rtol, "atol": rtol, "progress": False}
    plain = type(system)(system.fn, system.layout)
    twin = trajectory(plain, start, **settings)
    assert (t, status) == (5.0, compiled.FINISHED)
    assert twin.evaluations == 2 + 6 * steps
    np.testing.assert_allclose(x, twin.x[-1], rtol=1e-9)


def test_the_result_does_not_depend_on_the_size_of_the_chunks():
    whole, ended = run(textbook.lorenz(), [1.0, 1.0, 1.0], 3.0)
    x, t, h, status = np.ones(3), 0.0, 0.0, compiled.OUT_OF_STEPS
    chunks = 0
    while status == compiled.OUT_OF_STEPS:
        x, (t, h, status, _) = run(textbook.lorenz(), x, 3.0, t=t, h=h, max_steps=7)
        chunks += 1
    assert chunks > 5
    assert (t, h, status) == ended[:3]
    np.testing.assert_array_equal(x, whole)


def test_time_runs_backwards():
    start = np.array([2.0, 0.0])
    there, _ = run(textbook.van_der_pol(), start, 1.0, rtol=1e-11, atol=1e-12)
    back, (t, _, status, _) = run(textbook.van_der_pol(), there, 0.0, t=1.0, rtol=1e-11, atol=1e-12)
    assert (t, status) == (0.0, compiled.FINISHED)
    np.testing.assert_allclose(back, start, atol=1e-9)


def test_what_diverges_keeps_its_last_good_state():
    system = textbook.linear([[1.0, 0.0], [0.0, 1.0]])
    x, (t, _, status, _) = run(system, [1.0, 0.0], 100.0, max_norm=1e3)
    assert status == compiled.DIVERGED
    assert x[0] <= 1e3
    np.testing.assert_allclose(x[0], np.exp(t), rtol=1e-6)


def test_tangents_are_the_matrix_exponential_of_a_linear_flow():
    matrix = np.array([[-0.3, -2.0], [1.0, 0.1]])
    _, tangents = run_tangents(textbook.linear(matrix), [1.0, 2.0], np.eye(2), 3.0)
    np.testing.assert_allclose(tangents.T, expm(3 * matrix), rtol=1e-8, atol=1e-9)


def test_tangents_are_the_derivative_of_the_flow():
    system, start, direction = textbook.lorenz(), np.array([1.0, 2.0, 20.0]), np.array([[0.6, -0.8, 0.3]])
    x, (tangent,) = run_tangents(system, start, direction, 0.7, rtol=1e-12)
    away = [run(system, start + s * direction[0], 0.7, rtol=1e-12, atol=1e-13)[0] for s in (1e-4, -1e-4)]
    np.testing.assert_allclose(tangent, (away[0] - away[1]) / 2e-4, rtol=1e-5)
    np.testing.assert_allclose(x, (away[0] + away[1]) / 2, rtol=1e-6)


def test_the_interpolant_has_order_four():
    system, kernel = textbook.van_der_pol(), textbook.van_der_pol().kernel
    call = kernel.velocity, kernel.params, kernel.nodes, kernel.plan
    start, slopes, new, middle = np.array([1.5, 0.5]), np.empty((7, 2)), np.empty(2), np.empty(2)
    slopes[0], errors = system(start), []
    for h in (0.2, 0.1, 0.05):
        compiled.step(*call, 2, start, 0.0, h, slopes, new, np.empty(6))
        compiled.interpolate(0.75, h, start, slopes, middle)
        exact, _ = run(system, start, 0.75 * h, rtol=1e-13, atol=1e-14)
        errors.append(np.linalg.norm(middle - exact))
    assert np.all(np.abs(np.log2(np.divide(errors[:-1], errors[1:])) - 5) < 0.4)


SETTINGS = {
    "all": {"n_steps": 25},
    "thinned": {"n_steps": 25, "save_every": 4},
    "thinned beyond a piece": {"n_steps": 50, "save_every": 15},
    "later": {"n_steps": 9, "t0": 12, "save_every": 2},
    "diverging": {"n_steps": 300, "max_norm": 3.0, "save_every": 7},
    "diverging at once": {"n_steps": 5, "max_norm": 1.12},
}


@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
@pytest.mark.parametrize("piece", [1, 14, 2000])
def test_a_compiled_map_is_iterated_as_any_other(piece, settings, monkeypatch):
    monkeypatch.setattr(iteration, "PIECE", piece)
    step = schemes.scheduled(
        schemes.simultaneous(catalogue.make("bilinear"), 0.3), lambda k: 1 / (1 + k) ** 0.2
    )
    x = np.array([1.0, 0.5])
    found, plain = (
        trajectory(system, x, progress=False, **settings) for system in (step, replace(step, kernel=None))
    )
    np.testing.assert_array_equal(found.x, plain.x)
    np.testing.assert_array_equal(found.t, plain.t)
    about = lambda path: (path.status, path.message, path.steps, path.evaluations)
    assert about(found) == about(plain)
    np.testing.assert_array_equal(x, [1.0, 0.5])


def test_an_interrupt_of_a_compiled_iteration_keeps_the_pieces_before(monkeypatch):
    monkeypatch.setattr(iteration, "PIECE", 20)
    whole, pieces = iteration.iterate, []

    def interrupted(*arguments):
        pieces.append(arguments)
        if len(pieces) == 3:
            raise KeyboardInterrupt
        return whole(*arguments)

    monkeypatch.setattr(iteration, "iterate", interrupted)
    step = schemes.simultaneous(catalogue.make("bilinear"), 0.1)
    found = trajectory(step, np.array([1.0, 0.5]), n_steps=100, save_every=7, progress=False)
    assert (found.status, found.steps) == ("interrupted", 20)
    np.testing.assert_allclose(found.t, [0, 0.7, 1.4, 2.0])
    np.testing.assert_allclose(
        np.linalg.norm(found.x, axis=1), 1.25**0.5 * 1.01 ** (found.t / 0.2), rtol=1e-12
    )
