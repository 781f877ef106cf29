import numpy as np
import pytest
from problems import NAMESPACES, linear_flow, torch_game

from gandyn.field import Layout, VectorField
from gandyn.spectra.block_norms import norms
from gandyn.spectra.estimate import Estimate
from gandyn.spectra.traces import trace

REPETITIONS = 400


def matrix_with_decay(n=60, seed=0):
    """A non-symmetric matrix with fast and slow directions."""
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, n)) * (1.0 / (1 + np.arange(n))) + np.diag(np.linspace(1, -2, n))


def two_players(matrix, split):
    n = len(matrix)
    names = [f"p{i}" for i in range(n)]
    return linear_flow(matrix, layout=Layout.scalars(names[:split], names[split:]))


def covered(estimates, truth):
    inside = [low <= truth <= high for low, high in (e.interval for e in estimates)]
    return np.mean(inside)


@pytest.mark.parametrize("method", ["hutchinson", "hutch++", "xtrace"])
@pytest.mark.parametrize("part", ["J", "S"])
def test_traces_lie_within_their_own_error_in_95_percent(method, part):
    matrix = matrix_with_decay()
    system = linear_flow(matrix)
    found = [
        trace(system, np.zeros(60), part, 30, method=method, seed=seed, progress=False)
        for seed in range(REPETITIONS)
    ]
    values = np.array([e.value for e in found])
    # Three standard errors of a frequency of 0.95 over the repetitions.
    assert covered(found, np.trace(matrix)) >= 0.95 - 3 * np.sqrt(0.95 * 0.05 / REPETITIONS)
    assert abs(values.mean() - np.trace(matrix)) < 4 * values.std() / np.sqrt(REPETITIONS)
    stated = np.sqrt(np.mean([e.standard_error**2 for e in found]))
    # The jackknife of XTrace is on the safe side, by Efron and Stein's inequality.
    assert 0.85 < stated / values.std() < (1.7 if method == "xtrace" else 1.15)


def test_norms_and_the_rotation_index_lie_within_their_own_error_in_95_percent():
    matrix = matrix_with_decay()
    system = two_players(matrix, 25)
    found = [norms(system, np.zeros(60), 30, seed=seed, progress=False) for seed in range(REPETITIONS)]
    S, A = (matrix + matrix.T) / 2, (matrix - matrix.T) / 2
    s, a = np.linalg.norm(S), np.linalg.norm(A)
    least = 0.95 - 3 * np.sqrt(0.95 * 0.05 / REPETITIONS)
    for name, truth in {
        "jacobian": np.linalg.norm(matrix),
        "symmetric": s,
        "antisymmetric": a,
        "rotation_index": a / (s + a),
    }.items():
        assert covered([getattr(each, name) for each in found], truth) >= least, name
    for name, truth in {
        "generator": np.linalg.norm(matrix[:25, :25]),
        "discriminator": np.linalg.norm(matrix[25:, 25:]),
        "generator to discriminator": np.linalg.norm(matrix[25:, :25]),
        "discriminator to generator": np.linalg.norm(matrix[:25, 25:]),
    }.items():
        assert covered([each.blocks[name] for each in found], truth) >= least, name


@pytest.mark.parametrize("namespace", NAMESPACES)
def test_exact_traces_and_norms_equal_dense_ones(namespace):
    matrix = matrix_with_decay(40)
    system, x = two_players(matrix, 15), NAMESPACES[namespace](np.zeros(40))
    assert trace(system, x, products=None).value == pytest.approx(np.trace(matrix), rel=1e-12)
    assert trace(system, x, "generator hessian", None).value == pytest.approx(-np.trace(matrix[:15, :15]))
    found = norms(system, x, None)
    assert found.jacobian.value == pytest.approx(np.linalg.norm(matrix), rel=1e-12)
    assert found.antisymmetric.value == pytest.approx(np.linalg.norm(matrix - matrix.T) / 2, rel=1e-12)
    assert found.blocks["generator to discriminator"].value == pytest.approx(np.linalg.norm(matrix[15:, :15]))
    assert found.products == 3 * 40
    estimated = trace(system, x, products=24)
    assert abs(estimated.value - np.trace(matrix)) < 6 * estimated.standard_error


@pytest.mark.parametrize("method", ["hutch++", "xtrace"])
def test_a_matrix_of_low_rank_has_its_trace_exactly(method):
    rng = np.random.default_rng(0)
    matrix = rng.standard_normal((80, 3)) @ rng.standard_normal((3, 80))
    found = trace(linear_flow(matrix), np.zeros(80), products=24, method=method)
    assert found.value == pytest.approx(np.trace(matrix), rel=1e-8)
    assert found.standard_error < 1e-8 * abs(found.value)


def test_xtrace_beats_hutchinson_where_a_few_directions_dominate():
    rng = np.random.default_rng(0)
    basis, _ = np.linalg.qr(rng.standard_normal((200, 200)))
    system = linear_flow(basis * 0.7 ** np.arange(200) @ basis.T)
    by = {
        m: trace(system, np.zeros(200), products=40, method=m).standard_error
        for m in ("xtrace", "hutchinson")
    }
    assert by["xtrace"] < 0.05 * by["hutchinson"]


def naive_xtrace(matrix, probes):
    """The mean of Hutch++ over sketches that leave one probe out, by a QR for each."""
    samples = []
    for i in range(probes.shape[1]):
        q, _ = np.linalg.qr(matrix @ np.delete(probes, i, axis=1))
        rest = probes[:, i] - q @ (q.T @ probes[:, i])
        scale = (len(matrix) - probes.shape[1] + 1) / (rest @ rest)
        samples.append(np.trace(q.T @ matrix @ q) + scale * (rest @ matrix @ rest))
    return np.mean(samples)


def test_xtrace_equals_its_definition_written_naively():
    matrix, m = matrix_with_decay(30, seed=4), 8
    found = trace(linear_flow(matrix), np.zeros(30), products=2 * m, seed=5)
    probes = np.random.default_rng(5).standard_normal((m, 30)).T
    assert found.value == pytest.approx(naive_xtrace(matrix, probes), rel=1e-9)
    others = [naive_xtrace(matrix, np.delete(probes, j, axis=1)) for j in range(m)]
    assert found.standard_error == pytest.approx(np.std(others) * np.sqrt(m - 1), rel=1e-7)


def test_rotation_index_of_pure_cases():
    rng = np.random.default_rng(0)
    matrix = rng.standard_normal((20, 20))
    rotating, gradient = (two_players(matrix - s * matrix.T, 10) for s in (1, -1))
    assert norms(rotating, np.zeros(20)).rotation_index.value == pytest.approx(1, abs=1e-12)
    assert norms(gradient, np.zeros(20)).rotation_index.value == pytest.approx(0, abs=1e-12)
    assert norms(linear_flow(np.zeros((3, 3))), np.zeros(3)).rotation_index.value == 0


def test_networks_and_the_same_seed():
    system, x = torch_game(3, 5, 3)
    matrix = system.jac(x).numpy()
    one, two = (norms(system, x, 20, seed=2) for _ in range(2))
    assert one.jacobian.value == two.jacobian.value
    assert one.jacobian.interval[0] < np.linalg.norm(matrix) < one.jacobian.interval[1]
    assert "rotation index" in str(one)


def test_an_interrupt_keeps_the_probes_done():
    calls = []

    def product(x, u, t):
        calls.append(1)
        if len(calls) > 20:
            raise KeyboardInterrupt
        return -u + 0 * x

    layout = Layout.scalars(["a", "b"], ["c", "d"])
    system = VectorField(lambda x, t: -x, layout, jvp=product, vjp=product)
    found = norms(system, np.zeros(4), 50)
    assert found.jacobian.samples == 6
    assert "interrupted" in found.message


def test_wrong_requests():
    system = linear_flow(np.eye(2))
    with pytest.raises(ValueError, match="method must be one of"):
        trace(system, np.zeros(2), method="hutch")
    with pytest.raises(ValueError, match="at least 6"):
        trace(system, np.zeros(2), products=3)
    with pytest.raises(ValueError, match="no square part"):
        trace(system, np.zeros(2), "generator to discriminator")
    with pytest.raises(ValueError, match="at least 2"):
        norms(system, np.zeros(2), 1)
    assert Estimate(1.0, 0.0, 0).interval == (1.0, 1.0)
