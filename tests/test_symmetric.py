import tracemalloc
from functools import lru_cache

import numpy as np
import pytest
from problems import NAMESPACES, linear_flow, torch_game
from scipy.linalg import schur

from gandyn.field import Layout, VectorField
from gandyn.spectra.krylov import Basis, krylov_schur
from gandyn.spectra.symmetric import symmetric_spectrum

HESSIANS = ["S", "generator", "discriminator", "generator hessian", "discriminator hessian"]


@lru_cache
def game_and_matrix(latent, hidden, data):
    system, x = torch_game(latent, hidden, data)
    return system, x, system.jac(x).numpy()


def block(matrix, part, layout):
    """The dense part, cut by hand."""
    g, d = layout.player_slice("generator"), layout.player_slice("discriminator")
    return {
        "S": (matrix + matrix.T) / 2,
        "A": (matrix - matrix.T) / 2,
        "generator": matrix[g, g],
        "discriminator": matrix[d, d],
        "generator hessian": -matrix[g, g],
        "discriminator hessian": -matrix[d, d],
        "generator to discriminator": matrix[d, g],
        "discriminator to generator": matrix[g, d],
    }[part]


def ordered(values, which):
    return values[np.argsort({"largest": -values, "smallest": values, "modulus": -np.abs(values)}[which])]


@pytest.mark.parametrize("which", ["largest", "smallest", "modulus"])
@pytest.mark.parametrize("part", HESSIANS)
def test_all_eigenvalues_of_symmetric_parts_equal_dense_ones(part, which):
    system, x, matrix = game_and_matrix(4, 7, 4)
    expected = ordered(np.linalg.eigvalsh(block(matrix, part, system.layout)), which)
    found = symmetric_spectrum(system, x, part, len(expected), which)
    assert found.complete
    np.testing.assert_allclose(found.values, expected, rtol=0, atol=1e-8)


@pytest.mark.parametrize("which", ["largest", "smallest", "modulus"])
@pytest.mark.parametrize("part", HESSIANS)
def test_leading_eigenvalues_by_lanczos_equal_dense_ones(part, which):
    system, x, matrix = game_and_matrix(12, 20, 12)
    dense = block(matrix, part, system.layout)
    found = symmetric_spectrum(system, x, part, 4, which)
    assert found.converged
    assert "agree" in found.message
    expected = ordered(np.linalg.eigvalsh(dense), which)[:4]
    np.testing.assert_allclose(found.values, expected, rtol=0, atol=1e-8)
    true = np.linalg.norm(dense @ found.vectors - found.vectors * found.values, axis=0)
    assert np.all(true < found.residuals + 1e-12)


def symmetric_matrix(n=300):
    matrix = np.random.default_rng(0).standard_normal((n, n))
    return (matrix + matrix.T) / 2


@pytest.mark.parametrize("scale", [1.0, 1e14, 1e-14])
def test_both_ends_come_in_turn(scale):
    matrix = scale * symmetric_matrix()
    values = np.linalg.eigvalsh(matrix)
    found = symmetric_spectrum(linear_flow(matrix), np.zeros(300), "S", 3, "both ends")
    assert found.converged
    np.testing.assert_allclose(found.values, values[[0, -1, 1]], rtol=1e-10)
    dense = symmetric_spectrum(linear_flow(matrix[:20, :20]), np.zeros(20), "S", 3, "both ends")
    np.testing.assert_allclose(dense.values, np.linalg.eigvalsh(matrix[:20, :20])[[0, -1, 1]], rtol=1e-10)


@pytest.mark.parametrize("part", ["S", "A"])
def test_rough_ends_lie_within_and_an_eigenvalue_within_their_residual(part):
    matrix = np.random.default_rng(0).standard_normal((300, 300))
    dense = (matrix + matrix.T) / 2 if part == "S" else (matrix - matrix.T) / 2j
    every = np.linalg.eigvalsh(dense)
    order = ("both ends", 2) if part == "S" else ("largest", 1)
    found = symmetric_spectrum(linear_flow(matrix), np.zeros(300), part, order[1], order[0], max_products=40)
    assert not found.converged
    assert found.products <= 42
    for value, residual in zip(found.values, found.residuals, strict=True):
        assert np.abs(every - value).min() <= residual
    assert every.min() <= found.values.min() <= found.values.max() <= every.max()


def test_an_end_reaches_the_quotient_of_its_start():
    matrix = symmetric_matrix()
    start = np.linalg.eigh(matrix)[1][:, -3]
    found = symmetric_spectrum(linear_flow(matrix), np.zeros(300), max_products=8, k=1, start=start)
    assert found.values[0] >= np.linalg.eigvalsh(matrix)[-3] - 1e-9


def test_all_eigenvalues_of_zero_are_zero():
    found = symmetric_spectrum(linear_flow(np.zeros((300, 300))), np.zeros(300), "S", 2, "both ends")
    assert found.values.tolist() == [0.0, 0.0]


@pytest.mark.parametrize("shape", [(4, 7, 4), (12, 20, 12)])
def test_the_rotation_is_its_pairs(shape):
    system, x, matrix = game_and_matrix(*shape)
    A = block(matrix, "A", system.layout)
    expected = np.sort(np.linalg.eigvals(A).imag)[::-1]
    found = symmetric_spectrum(system, x, "A", 5)
    np.testing.assert_allclose(found.values, expected[:5], rtol=0, atol=1e-8)
    np.testing.assert_allclose(A @ found.vectors, 1j * found.vectors * found.values, rtol=0, atol=1e-8)
    assert found.converged


@pytest.mark.parametrize("shape", [(4, 7, 4), (12, 20, 12), (30, 20, 7)])
@pytest.mark.parametrize("part", ["generator to discriminator", "discriminator to generator"])
def test_singular_values_of_the_interaction(part, shape):
    system, x, matrix = game_and_matrix(*shape)
    B = block(matrix, part, system.layout)
    found = symmetric_spectrum(system, x, part, 4)
    np.testing.assert_allclose(found.values, np.linalg.svd(B, compute_uv=False)[:4], rtol=0, atol=1e-8)
    np.testing.assert_allclose(np.linalg.norm(B @ found.vectors, axis=0), found.values, rtol=0, atol=1e-8)
    assert found.converged


@pytest.mark.parametrize("namespace", NAMESPACES)
def test_lanczos_in_every_namespace(namespace):
    rng = np.random.default_rng(0)
    values = np.r_[5.0, -4.0, 3.0, rng.uniform(-1, 1, 297)]
    basis, _ = np.linalg.qr(rng.standard_normal((300, 300)))
    system = linear_flow(basis * values @ basis.T)
    found = symmetric_spectrum(system, NAMESPACES[namespace](np.zeros(300)), "S", 3, "modulus")
    assert found.values == pytest.approx([5, -4, 3], abs=1e-8)
    assert "S of" in str(found)


def test_products_that_contradict_each_other_are_not_converged():
    matrix = np.diag(np.r_[3.0, 2.0, np.linspace(0, 1, 298)])
    skewed = matrix.copy()
    skewed[0, 0] = 3.5
    layout = Layout.scalars([f"g{i}" for i in range(300)])
    honest = VectorField(
        lambda x, t: x @ matrix, layout, jvp=lambda x, u, t: u @ matrix, vjp=lambda x, u, t: u @ matrix
    )
    lying = VectorField(
        lambda x, t: x @ matrix, layout, jvp=lambda x, u, t: u @ matrix, vjp=lambda x, u, t: u @ skewed,
        retained=lambda x, t, player: honest.linearised(x, t),
    )  # fmt: skip
    assert symmetric_spectrum(honest, np.zeros(300), "S", 2).converged
    found = symmetric_spectrum(lying, np.zeros(300), "S", 2)
    assert not found.converged
    assert "disagree" in found.message


def test_a_budget_that_runs_out_is_said():
    matrix = np.diag(np.linspace(0.9, 1.0, 600))
    found = symmetric_spectrum(linear_flow(matrix), np.zeros(600), "S", 5, max_products=60)
    assert not found.converged
    assert "budget" in found.message
    assert found.products <= 62


def test_an_interrupt_keeps_what_converged():
    calls = []

    def product(u):
        calls.append(1)
        if len(calls) > 30:
            raise KeyboardInterrupt
        return u * diagonal

    diagonal = np.r_[50.0, np.linspace(0.99, 1.0, 499)]
    found = krylov_schur(product, np.ones(500), 4, "LM", tol=1e-10, budget=1000, symmetry=1)
    assert found.status == "interrupted"
    assert found.values[0].real == pytest.approx(50, abs=1e-10)


def test_memory_is_the_basis_and_does_not_grow_with_products():
    n, k, basis, diagonal = 20_000, 4, 20, np.linspace(0.5, 1.0, 20_000)
    peaks = []
    for budget in (100, 400):
        tracemalloc.start()
        options = {"tol": 1e-15, "budget": budget, "basis": basis, "symmetry": 1}
        krylov_schur(lambda u: u * diagonal, np.ones(n), k, "LM", **options)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.05 * peaks[0]
    assert peaks[0] < (basis + 1 + 2 * k + 6) * n * 8


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("J", 1), "use spectrum"),
        (("S", 0), "k must be an integer from 1 to 4"),
        (("A", 3), "k must be an integer from 1 to 2"),
        (("A", 1, "smallest"), "which='largest'"),
        (("S", 1, "biggest"), "which must be one of"),
    ],
)
def test_wrong_requests(arguments, message):
    with pytest.raises(ValueError, match=message):
        symmetric_spectrum(linear_flow(np.eye(4)), np.zeros(4), *arguments)


def test_a_search_that_cannot_start_is_refused():
    system = linear_flow(np.eye(300))
    with pytest.raises(ValueError, match="max_products must be at least 4 for k = 1, got 3"):
        symmetric_spectrum(system, np.zeros(300), "S", 1, max_products=3)
    with pytest.raises(ValueError, match="start"):
        symmetric_spectrum(system, np.zeros(300), "S", 1, start=np.ones(4))


@pytest.mark.parametrize("symmetry", [1, -1, 0])
def test_the_basis_stays_orthonormal_and_its_projection_is_that_of_the_matrix(symmetry):
    draws = np.random.default_rng(0)
    matrix = draws.standard_normal((120, 120))
    matrix = matrix + symmetry * matrix.T
    space = Basis(30, draws.standard_normal(120), symmetry)
    for restart in range(3):
        while space.count < space.size:
            space.extend(matrix @ space.rows[space.count])
        if restart < 2:
            _, rotation, kept = schur(space.square, sort=lambda re, im=0.0: np.hypot(re, im) > 10)
            assert 0 < kept < space.size
            space.shrink(rotation[:, :kept])
    rows = space.rows[: space.count + 1]
    np.testing.assert_allclose(rows @ rows.T, np.eye(len(rows)), atol=1e-13)
    np.testing.assert_allclose(rows @ matrix @ rows[:-1].T, space.projected[:, : space.count], atol=1e-11)
