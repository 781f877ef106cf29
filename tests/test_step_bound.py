"""Bounds on the step: closed forms, runs on both sides, and the damping where no step helps."""

import numpy as np
import pytest
import torch
from problems import linear_flow, linear_map, torch_game

from gandyn import Layout, UpdateMap, VectorField, consensus, load, save, schemes, symplectic_adjustment
from gandyn.games import catalogue
from gandyn.rotation import suggest_step

BILINEAR = {
    "extragradient": (schemes.extragradient, 1.0),
    "optimistic": (schemes.optimistic, 1 / np.sqrt(3)),
    "past": (schemes.extrapolation_from_the_past, 1 / np.sqrt(3)),
    "proximal": (schemes.proximal_point, np.inf),
}


@pytest.mark.parametrize("name", BILINEAR)
@pytest.mark.parametrize("a", [1.0, 3.0])
def test_bounds_on_the_bilinear_game_are_those_of_theory(name, a):
    scheme, bound = BILINEAR[name]
    found = suggest_step(linear_flow([[0, -a], [a, 0]]), np.zeros(2), scheme)
    assert found.step == pytest.approx(bound / a, rel=1e-9)
    assert found.damping == ()


@pytest.mark.parametrize(
    ("matrix", "step", "loss", "angle"),
    [
        ([[-0.1, -1], [1, -0.1]], 2 * 0.1 / 1.01, "Neimark-Sacker", 0.19933730),
        ([[-1.0]], 2.0, "period doubling", np.pi),
        (np.diag([-1.0, -4.0]), 0.5, "period doubling", np.pi),
    ],
)
def test_simultaneous_descent_by_hand(matrix, step, loss, angle):
    found = suggest_step(linear_flow(matrix), np.zeros(len(matrix)))
    assert found.step == pytest.approx(step, rel=1e-12)
    assert (found.loss, found.angle) == (loss, pytest.approx(angle, abs=1e-8))
    same = suggest_step(linear_flow(matrix), np.zeros(len(matrix)), schemes.simultaneous)
    assert same.step == pytest.approx(step, rel=1e-9)
    assert (same.loss, same.angle) == (loss, pytest.approx(angle, abs=1e-6))


def radius(step):
    return np.abs(np.linalg.eigvals(step.jac(np.zeros(step.layout.dim)))).max()


SCHEMES = {
    "simultaneous": schemes.simultaneous,
    "extragradient": schemes.extragradient,
    "heavy ball": lambda field, h: schemes.heavy_ball(field, h, 0.5),
    "Nesterov": lambda field, h: schemes.nesterov(field, h, 0.5),
    "optimistic": schemes.optimistic,
    "alternating": schemes.alternating,
    "alternating 1:3": lambda field, h: schemes.alternating(field, h, discriminator_steps=3),
    "Runge-Kutta 4": schemes.rk4,
}


@pytest.mark.parametrize("name", SCHEMES)
def test_the_map_itself_is_stable_just_below_the_bound_and_not_just_above(name):
    rng = np.random.default_rng(5)
    matrix = rng.standard_normal((6, 6)) - 3 * np.eye(6)
    layout = Layout.scalars(["a", "b", "c"], ["d", "e", "f"])
    field, scheme = linear_flow(matrix, layout), SCHEMES[name]
    found = suggest_step(field, np.zeros(6), scheme)
    assert 0 < found.step < np.inf
    assert radius(scheme(field, 0.999 * found.step)) < 1
    assert radius(scheme(field, 1.001 * found.step)) > 1
    for share in (0.1, 0.5, 0.9):
        assert radius(scheme(field, share * found.step)) < 1


def test_a_scheme_that_needs_large_steps_has_a_least_one():
    matrix = np.array([[0.02, -1], [1, 0.02]])
    found = suggest_step(linear_flow(matrix), np.zeros(2), schemes.extragradient)
    assert 0 < found.least < found.step
    for h, grows in ((0.99 * found.least, True), (1.01 * found.least, False), (1.01 * found.step, True)):
        assert (radius(schemes.extragradient(linear_flow(matrix), h)) > 1) == grows
    none = suggest_step(linear_flow(np.eye(1)), np.zeros(1), schemes.extragradient)
    assert none.step == 0
    assert none.limiting == 1


def normal(values):
    """A real normal matrix with eigenvalues a + ib and a - ib, in a random basis."""
    n = 2 * len(values)
    matrix = np.zeros((n, n))
    for i, (a, b) in enumerate(values):
        matrix[2 * i : 2 * i + 2, 2 * i : 2 * i + 2] = [[a, -b], [b, a]]
    basis = np.linalg.qr(np.random.default_rng(0).standard_normal((n, n)))[0]
    return basis @ matrix @ basis.T


def test_damping_of_a_normal_jacobian_is_that_of_the_formulas():
    values = [(0.3, 2.0), (-0.5, 0.4), (0.1, 0.5)]
    found = suggest_step(linear_flow(normal(values)), np.zeros(6))
    assert found.step == 0
    strengths = {one.name: one.strength for one in found.damping}
    assert strengths["consensus"] == pytest.approx(max(a / (a * a + b * b) for a, b in values), rel=1e-9)
    assert strengths["symplectic adjustment"] == pytest.approx(max(a / b**2 for a, b in values), rel=1e-9)
    assert strengths["extragradient"] == pytest.approx(0.1 / (0.25 - 0.01), rel=1e-9)


def test_damping_of_any_jacobian_is_where_the_transformed_field_becomes_stable():
    matrix = np.array([[0.2, -2, 0.3], [1.5, 0.1, -0.4], [0.2, 0.9, -0.7]])
    field = linear_flow(matrix, Layout.scalars(["a"], ["b", "c"]))
    found = {one.name: one for one in suggest_step(field, np.zeros(3)).damping}
    growth = lambda made: np.linalg.eigvals(made.jac(np.zeros(3))).real.max()
    for name, transform in (("consensus", consensus), ("symplectic adjustment", symplectic_adjustment)):
        strength = found[name].strength
        assert growth(transform(field, 1.001 * strength)) < 0 < growth(transform(field, 0.999 * strength))
        damped = transform(field, found[name].best)
        assert radius(schemes.simultaneous(damped, 0.999 * found[name].step)) < 1
        assert radius(schemes.simultaneous(damped, 1.001 * found[name].step)) > 1


def test_a_neutral_game_needs_any_damping_and_a_growing_mode_without_rotation_gets_none():
    neutral = suggest_step(catalogue.make("bilinear"), np.zeros(2))
    assert neutral.step == 0
    for one in neutral.damping:
        assert (one.strength, one.exact) == (0.0, True)
        assert one.best == pytest.approx(1.0, rel=0.05)
        assert one.step == pytest.approx(1.0, rel=0.05) or one.name == "extragradient"
    saddle = {one.name: one for one in suggest_step(linear_flow(np.diag([1.0, -1])), np.zeros(2)).damping}
    assert saddle["symplectic adjustment"].strength == np.inf
    assert saddle["extragradient"].strength == np.inf
    assert saddle["consensus"].strength == pytest.approx(1.0)


def wide(values, n=400):
    """A block-diagonal field beyond the dense limit, matrix-free, slow but for the given pairs."""
    matrix = np.diag(-0.1 - 0.05 * np.linspace(0, 1, n))
    for i, (a, b) in enumerate(values):
        matrix[2 * i : 2 * i + 2, 2 * i : 2 * i + 2] = [[a, -b], [b, a]]
    return linear_flow(matrix), matrix


def test_leading_eigenvalues_decide_matrix_free_and_say_that_they_are_leading_only():
    field, matrix = wide([(-0.4, 3.0), (-2.0, 1.0)])
    found = suggest_step(field, np.zeros(400), k=4, progress=False)
    values = np.linalg.eigvals(matrix)
    assert found.step == pytest.approx(np.min(-2 * values.real / np.abs(values) ** 2), rel=1e-7)
    assert not found.complete
    assert "leading eigenvalues only" in str(found)
    with_momentum = suggest_step(field, np.zeros(400), schemes.extragradient, k=4, progress=False)
    assert radius(schemes.extragradient(linear_flow(matrix), 0.99 * with_momentum.step)) < 1
    assert radius(schemes.extragradient(linear_flow(matrix), 1.01 * with_momentum.step)) > 1
    growing, _ = wide([(0.3, 3.0)])
    damped = suggest_step(growing, np.zeros(400), k=4, progress=False).damping[0]
    assert not damped.exact
    assert damped.strength == pytest.approx(0.3 / 9.09, rel=1e-6)
    with pytest.raises(ValueError, match="needs the whole Jacobian"):
        suggest_step(field, np.zeros(400), schemes.alternating, k=4, progress=False)


def test_a_network_and_results_on_file(tmp_path):
    field, x = torch_game(2, 5, 2)
    found = suggest_step(field, x, progress=False)
    values = np.linalg.eigvals(field.jac(x).numpy())
    np.testing.assert_allclose(np.sort_complex(found.eigenvalues), np.sort_complex(values), atol=1e-10)
    assert isinstance(x, torch.Tensor)
    again = load(save(found, tmp_path / "bound"))
    assert str(again) == str(found)


def test_what_is_no_field_is_refused():
    with pytest.raises(TypeError, match="step within"):
        suggest_step(linear_map(np.eye(2)), np.zeros(2))
    with pytest.raises(ValueError, match="every eigenvalue"):
        suggest_step(linear_flow(np.zeros((2, 2))), np.zeros(2))
    with pytest.raises(ValueError, match="beta"):
        suggest_step(linear_flow(-np.eye(2)), np.zeros(2), lambda f, h: schemes.heavy_ball(f, h, 2.0))
    with pytest.raises(ValueError, match="shape"):
        suggest_step(linear_flow(np.eye(2)), np.zeros(3))


def test_runs_settle_below_and_leave_above():
    game = catalogue.make("dirac-r1", gamma=0.5)
    assert isinstance(game, VectorField)
    h = suggest_step(game, np.zeros(2)).step
    for share, settles in ((0.95, True), (1.05, False)):
        step: UpdateMap = schemes.simultaneous(game, share * h)
        x = np.array([1e-3, 0.0])
        for k in range(2000):
            x = step(x, k)
        assert (np.linalg.norm(x) < 1e-3) == settles
