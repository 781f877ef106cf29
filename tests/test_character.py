"""The character of a point: verdicts as of fixed points, matrix-free twins, the noise of batches."""

import numpy as np
import pytest
from problems import linear_flow, linear_map, torch_game

from gandyn import Block, Layout, VectorField, classify, load, save
from gandyn.games import catalogue
from gandyn.rotation import character, reading

PLAYERS = Layout.scalars(["x"], ["y"])
#: The verdict of ``character`` for those of ``classify``, by game and stability.
SAME = {
    ("differential Nash", True): "differential Nash",
    ("stable, not Nash", True): "locally stable but not Nash",
    ("undecided", True): "undecided",
    ("neither", False): "unstable",
    ("Nash, not stable", False): "unstable",
    ("undecided", False): "unstable",
}


def games():
    for entry in catalogue.entries():
        system = entry.make()
        layout = system.layout
        if isinstance(system, VectorField) and layout.mask("generator").any():
            yield entry.name, system, entry.base_point(system)


@pytest.mark.parametrize("where", ["base point", "beside it"])
def test_verdicts_agree_with_classify_on_every_game_of_the_catalogue(where):
    seen = set()
    for name, system, x in games():
        x = x if where == "base point" else x + np.random.default_rng(0).uniform(0.2, 0.6, len(x))
        if not np.all(np.isfinite(system.jac(x))):
            continue
        found, point = character(system, x), classify(system, x)
        seen.add(found.verdict)
        if point.stable is None:
            neutral = np.abs(point.eigenvalues.real) <= point.tolerance
            circles = np.all(np.abs(point.eigenvalues.imag[neutral]) > point.tolerance)
            assert found.verdict == ("rotation-dominated" if circles else "undecided"), name
        else:
            assert found.verdict == SAME[point.game, point.stable], name
        np.testing.assert_allclose(
            np.sort_complex(found.reading.eigenvalues), np.sort_complex(point.eigenvalues), atol=1e-9
        )
        for i, player in enumerate(("generator", "discriminator")):
            ends = found.reading.lowest[player], found.reading.highest[player]
            assert ends == pytest.approx((point.hessians[i][0], point.hessians[i][-1]), abs=1e-9)
    assert seen >= {"unstable", "undecided", "differential Nash"}


CASES = {
    "differential Nash": [[-1, -3], [3, -0.5]],
    "locally stable but not Nash": [[0.3, -3], [3, -1]],
    "unstable": [[0.3, -0.1], [0.1, -1]],
    "rotation-dominated": [[0.5, -3], [3, -0.5]],
    "undecided": [[0, 0], [1, -1]],
}


@pytest.mark.parametrize("verdict", CASES)
def test_verdicts_by_hand(verdict):
    matrix = np.array(CASES[verdict], dtype=float)
    found = character(linear_flow(matrix, PLAYERS), np.zeros(2))
    assert (found.verdict, found.here, found.rest) == (verdict, verdict, "fixed point")
    symmetric, rotating = (np.linalg.norm(matrix + sign * matrix.T) for sign in (1, -1))
    assert found.reading.rotation_index == pytest.approx(rotating / (symmetric + rotating))
    assert character(linear_flow(matrix, PLAYERS), np.array([1.0, 2.0])).rest == "moving"


def wide_layout(n):
    return Layout((Block("g", "generator", (n,)), Block("d", "discriminator", (n,))))


def wide(top, lowest=0.5, n=210, seed=0):
    """A game beyond the dense limit with a leading pair ``top`` and own curvatures from ``lowest`` to 3."""
    rng = np.random.default_rng(seed)
    curvature = np.linspace(0.5, 3.0, n)
    matrix = np.zeros((2 * n, 2 * n))
    matrix[:n, :n], matrix[n:, n:] = -np.diag(curvature), -np.diag(curvature[::-1])
    matrix[:2, :2] = matrix[n : n + 2, n : n + 2] = 0
    pairs = [0, n]
    matrix[np.ix_(pairs, pairs)] = [[-lowest, -top.imag], [top.imag, 2 * top.real + lowest]]
    pairs = [1, n + 1]
    matrix[np.ix_(pairs, pairs)] = [[-2, -1], [1, -2]]
    turn = np.linalg.qr(rng.standard_normal((n, n)))[0]
    basis = np.block([[turn, np.zeros((n, n))], [np.zeros((n, n)), turn[::-1]]])
    return basis @ matrix @ basis.T


@pytest.mark.parametrize(
    ("top", "lowest", "verdict"),
    [
        (-0.2 + 5j, 0.3, "differential Nash"),
        (-0.2 + 5j, -0.4, "locally stable but not Nash"),
        (0.1 + 5j, 0.3, "unstable"),
        (0.0 + 5j, 0.3, "rotation-dominated"),
    ],
)
def test_products_decide_as_the_dense_jacobian_does(top, lowest, verdict, monkeypatch):
    matrix = wide(top, lowest)
    field, x = linear_flow(matrix, wide_layout(210)), np.zeros(420)
    options = {"accuracy": 1e-9, "max_products": 5000, "progress": False}
    free = character(field, x, tol=1e-7, **options)
    monkeypatch.setattr(reading, "DENSE", 500)
    dense = character(field, x, **options)
    assert free.verdict == dense.verdict == verdict
    assert not free.reading.complete
    assert dense.reading.complete
    assert abs(free.reading.growth - dense.reading.growth) < 1e-6
    for end in ("lowest", "highest"):
        assert getattr(free.reading, end) == pytest.approx(getattr(dense.reading, end), abs=1e-6)
    assert free.reading.symmetric == pytest.approx(dense.reading.symmetric, abs=1e-6)
    assert free.reading.rotating == pytest.approx(dense.reading.rotating, abs=1e-6)
    gap = abs(free.reading.rotation_index - dense.reading.rotation_index)
    assert gap < 4 * free.reading.rotation_error + 1e-12
    assert 0 < free.reading.rotation_error < 0.02


def test_a_search_that_does_not_converge_leaves_the_verdict_open():
    field = linear_flow(wide(-0.2 + 5j), wide_layout(210))
    found = character(field, np.zeros(420), accuracy=1e-12, max_products=90, progress=False)
    assert found.verdict == "undecided"
    assert "did not converge" in str(found)


def batches(base, size, seed, count=8):
    rng = np.random.default_rng(seed)
    return [linear_flow(base + size * rng.standard_normal(base.shape), PLAYERS) for _ in range(count)]


def test_verdicts_that_the_batch_decides_are_not_given():
    base = np.array([[-0.02, -3.0], [3.0, -0.02]])
    field = linear_flow(base, PLAYERS)
    found = character(field, np.zeros(2), batches(base, 0.1, 0))
    assert found.here == "differential Nash"
    assert found.verdict == "rotation-dominated"
    assert 0 < found.shares["unstable"] < 1
    assert sum(found.shares.values()) == pytest.approx(1)
    assert found.agreement == found.shares.get("differential Nash", 0.0)
    curved = np.array([[-0.02, -3.0], [3.0, -2.0]])
    noisy = character(linear_flow(curved, PLAYERS), np.zeros(2), batches(curved, 0.1, 0))
    assert (noisy.here, noisy.verdict) == ("differential Nash", "undecided")
    assert "noise" in noisy.message
    firm = character(
        linear_flow(curved - np.eye(2), PLAYERS), np.zeros(2), batches(curved - np.eye(2), 0.1, 0)
    )
    assert (firm.verdict, firm.shares) == ("differential Nash", {"differential Nash": 1.0})


def test_numbers_over_batches_are_those_of_each():
    base = np.array([[-1.0, -3.0], [3.0, -0.5]])
    fields = batches(base, 0.3, 1, 5)
    found = character(fields[0], np.ones(2), fields)
    alone = [character(field, np.ones(2)) for field in fields]
    for name, pick in (
        ("growth", lambda one: one.growth),
        ("generator lowest", lambda one: one.lowest["generator"]),
        ("rotation index", lambda one: one.rotation_index),
        ("speed", lambda one: one.speed),
    ):
        values = [pick(one.reading) for one in alone]
        np.testing.assert_allclose(found.over_batches[name], values)
        assert found.spread(name) == pytest.approx((np.mean(values), np.std(values, ddof=1)))
    velocities = np.array([field(np.ones(2)) for field in fields])
    assert found.noise == pytest.approx(np.sqrt(velocities.var(axis=0, ddof=1).sum()))


@pytest.mark.parametrize(
    ("speed", "rest"), [(1.0, "fixed point within the noise"), (2.0, "nearly at rest"), (5.0, "moving")]
)
def test_rest_is_judged_by_the_noise_of_the_batches(speed, rest):
    noise = np.array([[1.0, 0], [-1, 0], [0, 1], [0, -1]]) * np.sqrt(3 / 4)

    def pushed(push):
        field = linear_flow(-np.eye(2), PLAYERS)
        return VectorField(lambda x, t: field(x) + push, PLAYERS, jvp=field.jvp, vjp=field.vjp)

    found = character(pushed(np.array([speed, 0.0])), np.zeros(2), [pushed(each) for each in noise])
    assert found.noise == pytest.approx(1.0)
    assert found.rest == rest


def test_a_function_makes_the_batches_and_results_lie_on_file(tmp_path):
    asked = []

    def make(seed):
        asked.append(seed)
        return torch_game(1, 2, 1, seed=seed)[0]

    field, x = torch_game(1, 2, 1)
    found = character(field, x, make, count=3, seed=5, progress=False)
    assert sorted(set(asked)) == [6, 7, 8]
    again = load(save(found, tmp_path / "character"))
    assert str(again) == str(found)
    np.testing.assert_array_equal(again.over_batches["growth"], found.over_batches["growth"])
    assert found.to_xarray()["growth"].dims == ("batch",)


def test_an_interrupt_keeps_the_batches_read():
    fields = batches(np.array([[-1.0, -3.0], [3.0, -0.5]]), 0.1, 0)

    def make(seed):
        if seed > 4:
            raise KeyboardInterrupt
        return fields[seed]

    found = character(fields[0], np.zeros(2), make, progress=False)
    assert len(found.over_batches["growth"]) == 4
    assert "interrupted" in found.message


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((linear_map(np.eye(2)), np.zeros(2)), TypeError, "update map"),
        ((linear_flow(np.eye(2)), np.zeros(2)), ValueError, "generator and a discriminator"),
        ((linear_flow(np.eye(2), PLAYERS), np.zeros(3)), ValueError, "shape"),
        ((linear_flow(np.eye(2), PLAYERS), np.zeros(2), []), ValueError, "two or more"),
        (
            (linear_flow(np.eye(2), PLAYERS), np.zeros(2), [linear_flow(np.eye(2))] * 2),
            ValueError,
            "layout of the system",
        ),
    ],
)
def test_bad_arguments_are_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        character(*arguments)
