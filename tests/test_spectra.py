import dataclasses
from functools import lru_cache

import numpy as np
import pytest
import torch
from problems import NAMESPACES, focus, linear_flow, linear_map, pendulum_game, plain_layout, torch_game
from scipy.optimize import linear_sum_assignment

from gandyn.field import Layout, UpdateMap, VectorField, check_field
from gandyn.spectra import spectrum

KEYS = {
    "modulus": np.abs,
    "growth": np.real,
    "largest real": np.real,
    "smallest real": lambda values: -np.real(values),
    "imaginary": lambda values: np.abs(np.imag(values)),
}


def lopsided(n, seed=0):
    """A non-symmetric, non-normal matrix with complex eigenvalues."""
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, n)) / np.sqrt(n) * np.linspace(0.1, 3.0, n)


@lru_cache
def lopsided_eigenvalues(n):
    return np.linalg.eigvals(lopsided(n))


def spread(n, eigenvalues, seed=0):
    """A non-normal matrix that has these eigenvalues (each pair once) and others near zero."""
    rng = np.random.default_rng(seed)
    blocks = np.diag(0.05 * rng.uniform(-1, 1, n))
    row = 0
    for value in eigenvalues:
        if value.imag:
            blocks[row : row + 2, row : row + 2] = [[value.real, value.imag], [-value.imag, value.real]]
        else:
            blocks[row, row] = value.real
        row += 2 if value.imag else 1
    basis = np.eye(n) + 0.3 * rng.standard_normal((n, n)) / np.sqrt(n)
    return basis @ blocks @ np.linalg.inv(basis)


def same_set(got, expected):
    """Return the largest distance when each value is paired with one of its own."""
    gaps = np.abs(np.asarray(got)[:, None] - np.asarray(expected))
    return np.max(gaps[linear_sum_assignment(gaps)])


@pytest.mark.parametrize(
    "problem", [linear_flow(lopsided(7)), linear_map(lopsided(7)), pendulum_game().system]
)
def test_problems_keep_the_contract(problem):
    check_field(problem, np.linspace(-1, 1, problem.layout.dim))


@pytest.mark.parametrize("namespace", NAMESPACES)
def test_focus_has_its_step_bound_and_crossing_angle(namespace):
    found = spectrum(focus().system, NAMESPACES[namespace](np.zeros(2)))
    assert found.eigenvalues == pytest.approx([-0.1 + 1j, -0.1 - 1j], abs=1e-14)
    assert found.critical_step == pytest.approx(0.1980198, abs=5e-8)
    multiplier = 1 + found.critical_step * found.eigenvalues[0]
    assert abs(multiplier) == pytest.approx(1, abs=1e-14)
    assert np.angle(multiplier) == pytest.approx(0.19933730, abs=5e-9)
    assert found.stable is True
    assert found.complete


def test_a_real_eigenvalue_bounds_the_step_at_two():
    found = spectrum(linear_flow([[-1.0]]), np.zeros(1))
    assert found.critical_step == 2.0
    assert 1 + found.critical_step * found.eigenvalues[0] == -1


def test_no_step_is_stable_beside_a_neutral_or_growing_mode():
    neutral = spectrum(linear_flow([[0.0, -0.5], [0.5, 0.0]]), np.zeros(2))
    assert neutral.critical_step == 0
    assert neutral.stable is None
    saddle = spectrum(linear_flow(np.diag([-1.0, 0.5])), np.zeros(2))
    assert saddle.critical_step == 0
    assert saddle.stable is False
    assert "no step" in str(saddle)


def test_non_normal_map_is_judged_by_its_spectral_radius():
    found = spectrum(linear_map([[0.9, 5.0], [0.0, 0.8]], dt=0.5), np.zeros(2), left=True)
    assert found.eigenvalues == pytest.approx([0.9, 0.8], abs=1e-14)
    assert found.growth_rates == pytest.approx(np.log([0.9, 0.8]) / 0.5, abs=1e-13)
    assert found.stable is True
    assert found.critical_step is None
    # For [[a, b], [0, d]] the condition numbers are sqrt(1 + (b / (a - d))^2).
    assert found.condition == pytest.approx(np.full(2, np.sqrt(1 + 50**2)), rel=1e-10)


@pytest.mark.parametrize(("s", "stable"), [(1.9, None), (2.1, False)])
def test_multipliers_of_alternating_descent_on_the_bilinear_game(s, stable):
    system = linear_map([[1.0, -s], [s, 1 - s * s]], layout=Layout.scalars(["x"], ["y"]))
    found = spectrum(system, np.zeros(2))
    expected = np.roots([1, s * s - 2, 1])
    assert same_set(found.eigenvalues, expected) < 1e-12
    assert found.stable is stable


def test_extragradient_multipliers():
    s = 0.1
    matrix = np.eye(2) * (1 - s * s) + s * np.array([[0.0, -1.0], [1.0, 0.0]])
    found = spectrum(linear_map(matrix, dt=s), np.zeros(2))
    assert found.eigenvalues == pytest.approx([0.99 + 0.1j, 0.99 - 0.1j], abs=1e-14)
    assert found.growth_rates * s == pytest.approx([-0.00497467, -0.00497467], abs=5e-9)


def test_a_map_that_forgets_everything_is_stable():
    found = spectrum(linear_map(np.zeros((2, 2))), np.zeros(2))
    assert np.all(found.growth_rates == -np.inf)
    assert found.stable is True


@pytest.mark.parametrize("which", KEYS)
@pytest.mark.parametrize("n", [300, 600])
def test_matrix_free_equals_dense(n, which):
    matrix, k = lopsided(n), 6
    found = spectrum(linear_flow(matrix), np.zeros(n), k, which)
    every = lopsided_eigenvalues(n)
    expected = every[np.argsort(-KEYS[which](every))][: len(found.eigenvalues)]
    assert found.converged
    assert not found.complete
    assert k <= len(found.eigenvalues) <= k + 1
    assert np.max(np.abs(KEYS[which](found.eigenvalues) - KEYS[which](expected))) < 1e-8
    assert same_set(found.eigenvalues, expected) < 1e-8
    assert np.all(found.residuals < 1e-8)
    np.testing.assert_allclose(matrix @ found.right, found.right * found.eigenvalues, rtol=0, atol=1e-8)


def test_growth_is_modulus_for_a_map_and_real_part_for_a_flow():
    matrix = lopsided(300)
    for make, twin in ((linear_map, "modulus"), (linear_flow, "largest real")):
        one, other = (spectrum(make(matrix), np.zeros(300), 4, which) for which in ("growth", twin))
        np.testing.assert_array_equal(one.eigenvalues, other.eigenvalues)


@pytest.mark.parametrize(("latent", "hidden", "data"), [(8, 12, 8), (16, 60, 8)])
def test_matrix_free_equals_dense_on_networks_of_up_to_two_thousand_parameters(latent, hidden, data):
    system, x = torch_game(latent, hidden, data)
    n = system.layout.dim
    matrix = system.jac(x).numpy()
    assert np.max(np.abs(matrix - matrix.T)) > 1e-2
    every = np.linalg.eigvals(matrix)
    for which in ("modulus", "largest real"):
        found = spectrum(system, x, 4, which, left=True)
        expected = every[np.argsort(-KEYS[which](every))][: len(found.eigenvalues)]
        assert found.converged
        assert found.dim == n
        assert same_set(found.eigenvalues, expected) < 1e-8
        np.testing.assert_allclose(found.left.conj().T @ found.right, np.eye(len(expected)), atol=1e-10)


@pytest.mark.parametrize("k", range(1, 7))
@pytest.mark.parametrize("n", [20, 300])
def test_a_conjugate_pair_is_never_cut(k, n):
    known = [3.0 + 0j, 2.0 + 1.5j, 2.2 + 0j, 1.0 + 1.5j]
    full = np.array([3.0, 2.0 + 1.5j, 2.0 - 1.5j, 2.2, 1.0 + 1.5j, 1.0 - 1.5j])
    found = spectrum(linear_flow(spread(n, known)), np.zeros(n), k)
    count = {1: 1, 2: 3, 3: 3, 4: 4, 5: 6, 6: 6}[k]
    assert len(found.eigenvalues) == count
    assert same_set(found.eigenvalues, full[:count]) < 1e-8
    for value in found.eigenvalues:
        assert value.conj() in found.eigenvalues


@pytest.mark.parametrize("n", [8, 300])
def test_left_vectors_are_left_eigenvectors_and_biorthogonal(n):
    matrix = spread(n, [3.0 + 0j, 2.0 + 1.5j, 2.2 + 0j])
    found = spectrum(linear_flow(matrix), np.zeros(n), 4, left=True)
    assert found.converged
    np.testing.assert_allclose(found.left.conj().T @ found.right, np.eye(4), atol=1e-10)
    np.testing.assert_allclose(
        found.left.conj().T @ matrix, found.eigenvalues[:, None] * found.left.conj().T, atol=1e-8
    )
    assert np.all(found.condition >= 1 - 1e-12)


@pytest.mark.parametrize("n", [6, 300])
def test_left_vectors_of_a_repeated_eigenvalue(n):
    matrix = spread(n, [2.0 + 0j, 2.0 + 0j, 1.0 + 0j])
    found = spectrum(linear_flow(matrix), np.zeros(n), 3, left=True)
    assert found.converged
    assert found.eigenvalues == pytest.approx([2, 2, 1], abs=1e-8)
    np.testing.assert_allclose(found.left.conj().T @ found.right, np.eye(3), atol=1e-10)
    np.testing.assert_allclose(
        found.left.conj().T @ matrix, found.eigenvalues[:, None] * found.left.conj().T, atol=1e-8
    )


def test_a_normal_matrix_has_condition_one():
    matrix = lopsided(9)
    found = spectrum(linear_flow(matrix - matrix.T), np.zeros(9), left=True)
    assert found.condition == pytest.approx(np.ones(9), abs=1e-10)


@pytest.mark.parametrize("n", [2, 300])
def test_a_defective_eigenvalue_is_reported(n):
    matrix = np.diag(np.r_[[2.0, 2.0], np.linspace(-0.5, 0.5, n - 2)])
    matrix[0, 1] = 1.0
    found = spectrum(linear_flow(matrix), np.zeros(n), 2, left=True)
    assert found.eigenvalues == pytest.approx([2, 2], abs=1e-4)
    assert "defective" in found.message or np.min(found.condition) > 1e4
    assert np.all(np.isfinite(found.left))


def test_a_jordan_block_within_the_dense_accuracy():
    found = spectrum(linear_flow([[1.0, 1.0], [0.0, 1.0]]), np.zeros(2), left=True)
    assert found.eigenvalues == pytest.approx([1, 1], abs=1e-7)
    assert "defective" in found.message
    np.testing.assert_allclose(np.linalg.norm(found.left, axis=0), 1)


def test_a_cluster_is_resolved():
    values = 2 + 1e-3 * np.arange(4)
    matrix = spread(300, [complex(value) for value in values])
    found = spectrum(linear_flow(matrix), np.zeros(300), 4)
    assert found.converged
    assert np.sort(found.eigenvalues.real) == pytest.approx(values, abs=1e-8)


def test_a_zero_jacobian_has_zero_eigenvalues():
    found = spectrum(linear_flow(np.zeros((300, 300))), np.zeros(300), 3)
    assert np.all(found.eigenvalues == 0)
    assert np.all(found.residuals == 0)
    assert found.stable is None


def test_a_nilpotent_chain_does_not_converge_and_says_so():
    found = spectrum(linear_flow(np.diag(np.ones(299), 1)), np.zeros(300), 4, max_products=1000)
    assert not found.converged
    assert len(found.eigenvalues) < 4
    assert "max_products" in found.message
    assert found.stable is None


@pytest.mark.parametrize("scale", [1e-150, 1e100])
def test_the_scale_of_the_jacobian_does_not_matter(scale):
    matrix = lopsided(300)
    found = spectrum(linear_flow(scale * matrix), np.zeros(300), 4)
    unit = spectrum(linear_flow(matrix), np.zeros(300), 4)
    assert found.converged
    np.testing.assert_allclose(found.eigenvalues / scale, unit.eigenvalues, rtol=1e-8)


@pytest.mark.parametrize("left", [False, True])
def test_what_converged_comes_back_within_the_bound(left):
    rng = np.random.default_rng(0)
    matrix = np.diag(np.r_[50.0, rng.uniform(0.9, 1.0, 1999)])
    found = spectrum(linear_flow(matrix), np.zeros(2000), 8, max_products=300, left=left)
    assert not found.converged
    assert 1 <= len(found.eigenvalues) < 8
    assert found.eigenvalues[0] == pytest.approx(50, abs=1e-8)
    assert np.all(found.residuals < 1e-8)
    assert found.products <= 300


def test_the_tolerance_is_of_each_eigenvalue_and_not_of_an_outlier():
    matrix = np.diag(np.r_[-1000.0, np.linspace(1, 2, 399) ** 3])
    found = spectrum(linear_flow(matrix), np.zeros(400), 6, tol=1e-4)
    images = matrix @ found.right - found.right * found.eigenvalues
    assert found.converged
    assert np.all(np.linalg.norm(images, axis=0) <= 1.01e-4 * np.abs(found.eigenvalues))


def test_a_small_eigenvalue_is_measured_by_a_thousandth_of_the_largest():
    diagonal = np.r_[-1.0, np.zeros(2), -np.linspace(0.1, 1, 497)]
    found = spectrum(linear_flow(np.diag(diagonal)), np.zeros(500), 1, "largest real", tol=1e-6)
    assert found.converged
    assert found.residuals[0] <= 1e-9


def test_a_larger_basis_needs_fewer_products():
    system = linear_flow(np.diag(-(np.linspace(1, 2, 800) ** 2)))
    small, large = (spectrum(system, np.zeros(800), 3, "largest real", basis=m) for m in (12, 120))
    np.testing.assert_allclose(small.eigenvalues, large.eigenvalues, rtol=1e-8)
    assert large.products < small.products / 2
    assert "basis of 120" in large.message


@pytest.mark.parametrize("basis", [9, 301, 20.0, True])
def test_a_basis_that_does_not_fit_is_refused(basis):
    with pytest.raises(ValueError, match="basis must be an integer from 2 k \\+ 2 = 10 to 300"):
        spectrum(linear_flow(lopsided(300)), np.zeros(300), 4, basis=basis)


def test_products_are_counted_to_the_last_one():
    calls = []
    matrix = lopsided(300)

    def product(x, u, t):
        calls.append(1 if u.ndim == 1 else len(u))
        return u @ matrix.T

    system = VectorField(lambda x, t: x @ matrix.T, plain_layout(300), jvp=product)
    found = spectrum(system, np.zeros(300), 5)
    assert found.products == sum(calls)


def test_the_same_seed_gives_the_same_bits():
    system = linear_flow(lopsided(300))
    one, two = (spectrum(system, np.zeros(300), 4, seed=3).eigenvalues for _ in range(2))
    np.testing.assert_array_equal(one, two)


def test_stability_is_open_where_the_growing_modes_were_not_sought():
    matrix = np.diag(np.r_[-100.0, -90.0, -80.0, -np.linspace(1, 2, 297)])
    by_size, by_growth = (spectrum(linear_flow(matrix), np.zeros(300), 2, w) for w in ("modulus", "growth"))
    assert by_size.stable is None
    assert by_growth.stable is True
    assert by_size.critical_step == pytest.approx(0.02, abs=1e-10)
    assert "<=" in str(by_size)


def test_differences_are_reported():
    system = VectorField(lambda x, t: -np.sin(x), plain_layout(3))
    found = spectrum(system, np.zeros(3))
    assert found.derivatives == "central differences"
    assert found.eigenvalues == pytest.approx([-1, -1, -1], abs=1e-9)


def test_single_precision_is_reported_and_not_called_converged():
    matrix = lopsided(300)
    found = spectrum(linear_flow(matrix), torch.zeros(300, dtype=torch.float32), 4, max_products=300)
    assert "float32" in found.message
    assert not found.converged


def test_the_step_of_a_map_reaches_its_jacobian():
    system = UpdateMap(
        lambda x, k: (0.5 + k) * x, plain_layout(2), jac=lambda x, k: (0.5 + k) * np.eye(2) + 0 * x[..., None]
    )
    assert spectrum(system, np.zeros(2), t=3).eigenvalues == pytest.approx([3.5, 3.5])


def test_all_eigenvalues_where_k_is_near_n():
    matrix = lopsided(300)
    found = spectrum(linear_flow(matrix), np.zeros(300), 299)
    assert len(found.eigenvalues) in (299, 300)
    assert same_set(found.eigenvalues, lopsided_eigenvalues(300)) < 1e-10


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"k": 0}, "k must be an integer from 1 to 2"),
        ({"k": 3}, "k must be an integer from 1 to 2"),
        ({"k": 1.5}, "k must be an integer"),
        ({"k": True}, "k must be an integer"),
        ({"which": "largest"}, "which must be one of .*'modulus'"),
        ({"tol": 0.0}, "tol must be positive"),
    ],
)
def test_bad_options(arguments, message):
    with pytest.raises(ValueError, match=message):
        spectrum(focus().system, np.zeros(2), **arguments)


@pytest.mark.parametrize(
    ("x", "error", "message"),
    [
        (np.array([0.0, np.nan]), ValueError, "finite; 1 of 2 entries are not, the first at 1"),
        (np.zeros(3), ValueError, r"shape \(2,\), got \(3,\)"),
        (np.zeros((1, 2)), ValueError, "call once for each"),
        (np.zeros(2, dtype=int), TypeError, "floating point, got int64"),
        ([0.0, 0.0], TypeError, "got list; convert"),
    ],
)
def test_bad_states(x, error, message):
    with pytest.raises(error, match=message):
        spectrum(focus().system, x)


def test_too_large_for_a_dense_jacobian():
    system = VectorField(lambda x, t: -x, plain_layout(3001), jvp=lambda x, u, t: -u + 0 * x)
    with pytest.raises(ValueError, match="pass k for the leading ones"):
        spectrum(system, np.zeros(3001))
    with pytest.raises(ValueError, match="too many without a dense Jacobian"):
        spectrum(system, np.zeros(3001), 1000)


def test_too_few_products_are_refused_before_work_starts():
    with pytest.raises(ValueError, match="max_products must be at least 11"):
        spectrum(linear_flow(lopsided(300)), np.zeros(300), 4, max_products=10)


@pytest.mark.parametrize("n", [3, 300])
def test_a_jacobian_that_is_not_finite_is_refused(n):
    system = VectorField(lambda x, t: x, plain_layout(n), jvp=lambda x, u, t: u * np.inf)
    with pytest.raises(ValueError, match="not finite"), np.errstate(invalid="ignore"):
        spectrum(system, np.zeros(n), 2)


def test_the_result_is_frozen():
    found = spectrum(focus().system, np.zeros(2))
    with pytest.raises(dataclasses.FrozenInstanceError):
        found.k = 3
