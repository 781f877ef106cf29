import numpy as np
import pytest
from problems import NAMESPACES, linear_flow, torch_game

from gandyn.field import Layout
from gandyn.spectra.density import ritz_cloud, spectral_density
from gandyn.spectra.field_of_values import numerical_range


def lopsided(n, seed=0):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, n)) / np.sqrt(n) * np.linspace(0.1, 2.0, n) - np.eye(n)


@pytest.mark.parametrize("namespace", NAMESPACES)
@pytest.mark.parametrize("part", ["S", "A", "generator hessian"])
def test_moments_of_the_density_are_those_of_the_eigenvalues(part, namespace):
    matrix = lopsided(120)
    matrix[:70, :70] += matrix[:70, :70].T
    layout = Layout.scalars([f"g{i}" for i in range(70)], [f"d{i}" for i in range(50)])
    found = spectral_density(
        linear_flow(matrix, layout=layout), NAMESPACES[namespace](np.zeros(120)), part, probes=20, steps=20
    )
    dense = {
        "S": (matrix + matrix.T) / 2,
        "A": -0.5j * (matrix - matrix.T),
        "generator hessian": -matrix[:70, :70],
    }[part]
    values = np.linalg.eigvalsh(dense)
    for power in (1, 2, 4):
        moment = found.mean_of(lambda v, p=power: v**p)
        assert abs(moment.value - np.mean(values**power)) < 4 * moment.standard_error + 1e-12
    assert np.trapezoid(found.density, found.grid) == pytest.approx(1, abs=1e-4)
    assert found.nodes.max() <= values.max() + 1e-9


def test_the_density_equals_that_of_all_eigenvalues():
    rng = np.random.default_rng(1)
    values = np.r_[rng.normal(0, 0.3, 500), rng.normal(4, 0.1, 100)]
    basis, _ = np.linalg.qr(rng.standard_normal((600, 600)))
    system = linear_flow(basis * values @ basis.T)
    found = spectral_density(system, np.zeros(600), probes=10, steps=80, width=0.1)
    bells = np.exp(-0.5 * ((found.grid[:, None] - values) / 0.1) ** 2) / (0.1 * np.sqrt(2 * np.pi))
    true = bells.mean(axis=1)
    assert np.max(np.abs(found.density - true)) < 0.06 * true.max()
    assert np.mean(np.abs(found.density - true) <= 3 * found.standard_error + 1e-3) > 0.9


def test_a_full_space_is_the_exact_spectrum():
    values = np.array([-2.0, -1.0, 0.5, 3.0])
    found = spectral_density(linear_flow(np.diag(values)), np.zeros(4), steps=10, probes=2)
    np.testing.assert_allclose(found.nodes, [values, values], atol=1e-12)
    np.testing.assert_allclose(found.weights.sum(axis=1), 1, atol=1e-12)


def test_the_ritz_cloud_says_which_values_are_eigenvalues():
    matrix = lopsided(400)
    every = np.linalg.eigvals(matrix)
    found = ritz_cloud(linear_flow(matrix), np.zeros(400), 120)
    assert found.products == len(found.values) == 120
    sure = found.values[found.resolved(1e-9)]
    assert len(sure) >= 1
    assert np.max(np.min(np.abs(sure[:, None] - every), axis=1)) < 1e-6
    complete = ritz_cloud(linear_flow(matrix[:30, :30]), np.zeros(30), 60)
    assert len(complete.values) == 30
    assert np.max(complete.residuals) < 1e-10


def test_the_range_of_a_jordan_block_is_a_disc():
    n = 5
    found = numerical_range(linear_flow(np.diag(np.ones(n - 1), 1)), np.zeros(n))
    np.testing.assert_allclose(found.support, np.cos(np.pi / (n + 1)), atol=1e-12)
    np.testing.assert_allclose(np.abs(found.points), np.cos(np.pi / (n + 1)), atol=1e-12)


def test_the_range_of_a_normal_matrix_is_the_hull_of_its_eigenvalues():
    found = numerical_range(linear_flow([[-1.0, 2.0], [-2.0, -1.0]]), np.zeros(2), 5)
    np.testing.assert_allclose(found.support, -np.cos(found.angles) + 2 * np.sin(found.angles), atol=1e-12)


def test_the_range_by_lanczos_equals_the_dense_one_and_holds_all_eigenvalues():
    system, x = torch_game(6, 12, 6)
    matrix = system.jac(x).numpy()
    found = numerical_range(system, x, 5, tol=1e-7)
    assert found.converged
    assert "Lanczos" in found.message
    for theta, support in zip(found.angles, found.support, strict=True):
        turned = np.exp(-1j * theta) * matrix
        assert support == pytest.approx(np.linalg.eigvalsh((turned + turned.conj().T) / 2)[-1], abs=1e-8)
    np.testing.assert_allclose(np.real(np.exp(-1j * found.angles) * found.points), found.support, atol=1e-8)
    every = np.linalg.eigvals(matrix)
    assert np.all(np.real(np.exp(-1j * found.angles)[:, None] * every) <= found.support[:, None] + 1e-8)
    assert found.abscissa == pytest.approx(np.linalg.eigvalsh((matrix + matrix.T) / 2)[-1], abs=1e-8)
    assert len(found.outline) == 8


def test_a_range_that_runs_out_of_products_says_so():
    system = linear_flow(lopsided(300))
    found = numerical_range(system, np.zeros(300), 9, max_products=400, tol=1e-3)
    assert not found.converged
    assert "stopped after" in found.message
    assert found.products <= 400


def test_wrong_requests():
    system = linear_flow(np.eye(3))
    with pytest.raises(ValueError, match="no real eigenvalues"):
        spectral_density(system, np.zeros(3), "J")
    with pytest.raises(ValueError, match="at least 2"):
        spectral_density(system, np.zeros(3), probes=1)
    with pytest.raises(ValueError, match="steps must be"):
        ritz_cloud(system, np.zeros(3), 1)
    with pytest.raises(ValueError, match="angles must be"):
        numerical_range(system, np.zeros(3), 2)
