"""Tests of chaos: against their definitions, closed forms and systems that are known."""

import numpy as np
import pytest
from matplotlib.figure import Figure
from problems import linear_flow, linear_map

from gandyn import (
    alignment,
    plot,
    trajectory,
    zero_one_test,
)
from gandyn.games import catalogue, textbook
from gandyn.lyapunov import zero_one as zero_one_module
from gandyn.lyapunov.orbit import orbit_of
from gandyn.lyapunov.zero_one import choose_stride


def align(system, x0, **options):
    return alignment(system, np.asarray(x0, dtype=float), progress=False, **options)


def path_of(system, x0, **options):
    return trajectory(system, np.asarray(x0, dtype=float), progress=False, **options)


def first_tangents(n, k, seed=0):
    return np.linalg.qr(np.random.default_rng(seed).normal(size=(n, k)))[0]


def volume(columns):
    unit = columns / np.linalg.norm(columns, axis=0)
    return np.sqrt(np.linalg.det(unit.T @ unit))


# Alignment.


def test_gali_along_a_map_is_that_of_the_product_of_jacobians():
    henon, x, tangents = textbook.henon(), np.array([0.1, 0.1]), first_tangents(2, 2)
    found = align(henon, x, n_steps=8)
    assert found.times.tolist() == list(range(1, 9))
    for k in range(8):
        tangents, x = henon.jac(x) @ tangents, henon(x)
        unit = tangents / np.linalg.norm(tangents, axis=0)
        cross = unit[0, 0] * unit[1, 1] - unit[0, 1] * unit[1, 0]
        assert found.gali[k] == pytest.approx(abs(cross), rel=1e-7)
        pair = np.linalg.norm(unit[:, 0] + unit[:, 1]), np.linalg.norm(unit[:, 0] - unit[:, 1])
        assert found.sali[k] == pytest.approx(min(pair), rel=1e-9)
        assert found.growth[k] == pytest.approx(np.log(np.linalg.norm(tangents[:, 0])), abs=1e-12)


def test_gali_along_a_linear_flow_is_that_of_its_exponential():
    from scipy.linalg import expm

    A = np.array([[-0.3, -1.0, 0.2], [1.0, 0.1, 0.0], [0.0, 0.5, -0.8]])
    found = align(textbook.linear(A), [0.1, 0.2, 0.0], t_end=5.0, k=3, rtol=1e-10)
    for i in range(0, 100, 10):
        moved = expm(A * found.times[i]) @ first_tangents(3, 3)
        assert found.gali[i] == pytest.approx(volume(moved), rel=1e-6)
        assert found.growth[i] == pytest.approx(np.log(np.linalg.norm(moved[:, 0])), abs=1e-8)


@pytest.mark.parametrize(("k", "rate"), [(2, np.log(4)), (3, np.log(4) + np.log(20))])
def test_gali_falls_at_the_rate_of_the_differences_of_exponents(k, rate):
    found = align(linear_map(np.diag([2.0, 0.5, 0.1])), np.zeros(3), n_steps=100, k=k)
    assert found.decay_rate == pytest.approx(rate, rel=0.02)
    assert found.verdict == "chaotic"


def test_products_with_the_jacobian_give_what_the_dense_one_gives():
    rng = np.random.default_rng(3)
    matrix = np.diag(rng.uniform(0.2, 1.2, 30)) + 0.05 * rng.normal(size=(30, 30))
    large = linear_map(matrix)
    found = align(large, np.zeros(30), n_steps=40, k=3)
    moved = first_tangents(30, 3)
    for _ in range(40):
        moved = matrix @ moved
    assert found.gali[-1] == pytest.approx(volume(moved), rel=1e-9)
    flow = align(linear_flow(matrix - 2 * np.eye(30)), np.zeros(30), t_end=3.0, k=2)
    from scipy.linalg import expm

    moved = expm((matrix - 2 * np.eye(30)) * 3.0) @ first_tangents(30, 2)
    assert flow.gali[-1] == pytest.approx(volume(moved), rel=1e-5)


def test_shear_aligns_like_a_power_of_the_time():
    found = align(textbook.standard_map(), [np.pi, 0.5], n_steps=20_000)
    late = found.times > 300
    slope = np.polyfit(np.log(found.times[late]), np.log(found.gali[late]), 1)[0]
    assert slope == pytest.approx(-2, abs=0.1)  # Manos, Skokos and Antonopoulos 2012
    assert found.verdict == "regular"


@pytest.mark.parametrize(
    ("system", "x0", "options", "verdict"),
    [
        (textbook.lorenz(), [1, 1, 20], {"t_end": 100, "transient": 20}, "chaotic"),
        (textbook.towel_map(), [0.1, 0, 0.5], {"n_steps": 1000, "k": 3}, "chaotic"),
        (textbook.standard_map(), [0.01, 0.01], {"n_steps": 2000}, "chaotic"),
        (textbook.van_der_pol(), [2, 0], {"t_end": 200}, "regular"),
        (catalogue.make("dirac-wgan-gp"), [1, 0.5], {"t_end": 100}, "regular"),
        (catalogue.make("bilinear"), [1, 0], {"t_end": 100}, "regular"),
    ],
)
def test_verdicts_of_alignment(system, x0, options, verdict):
    assert align(system, x0, **options).verdict == verdict


def test_beside_a_jump_tangents_align_at_the_rate_of_the_saltation():
    found = align(catalogue.make("dirac-wgan-gp", lam=0.7), [1, 0.5], t_end=60, transient=40)
    assert found.decay_rate == pytest.approx(0.35, rel=0.05)


def test_an_alignment_that_leaves_all_bounds_keeps_what_it_measured():
    found = align(linear_map(2 * np.eye(2)), [1.0, 0], n_steps=100)
    assert found.status == "diverged"
    assert found.times[-1] == 19  # 2^19 < 1e6 < 2^20
    assert found.verdict == "undecided"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"t_end": 1.0}, "a map takes n_steps"),
        ({"n_steps": 10, "k": 1}, "k must be from 2 to the 2"),
        ({"n_steps": 10, "k": 3}, "k must be from 2 to the 2"),
        ({"n_steps": 10, "transient": 0.5}, "transient"),
        ({"n_steps": 10, "threshold": 2.0}, "threshold"),
    ],
)
def test_wrong_arguments_of_alignment(options, words):
    with pytest.raises(ValueError, match=words):
        align(textbook.henon(), [0.1, 0.1], **options)


# The 0-1 test.


def slow_growth(series, c):
    """K by the definition, with loops and without FFT."""
    n, count = np.arange(1, len(series) // 10 + 1), len(series)
    z = np.cumsum(series * np.exp(1j * c * np.arange(1, count + 1)))
    moved = np.array([np.mean(np.abs(z[step:] - z[:-step]) ** 2) for step in n])
    return np.corrcoef(n, moved - series.mean() ** 2 * (1 - np.cos(n * c)) / (1 - np.cos(c)))[0, 1]


@pytest.mark.parametrize("offset", [0.0, 3.0])
def test_growth_is_that_of_the_definition(offset):
    series = path_of(textbook.henon(), [0.1, 0.1], n_steps=600).x[:, 0] + offset
    found = zero_one_test(series, stride=1, count=7, progress=False)
    slow = [slow_growth(series, c) for c in found.frequencies]
    np.testing.assert_allclose(found.K, slow, atol=1e-9)
    assert np.all((found.frequencies > np.pi / 5) & (found.frequencies < 4 * np.pi / 5))
    assert found.K[np.flatnonzero(found.frequencies == found.c)[0]] == found.median
    z = np.cumsum(series * np.exp(1j * found.c * np.arange(1, 602)))
    np.testing.assert_allclose(found.p + 1j * found.q, z, atol=1e-9)


@pytest.mark.parametrize(
    ("r", "verdict"),
    [(3.5, "regular"), (3.55, "regular"), (3.7, "chaotic"), (3.97, "chaotic"), (4.0, "chaotic")],
)
def test_the_logistic_map(r, verdict):
    series = path_of(textbook.logistic(r=r), [0.3], n_steps=3000).x[500:, 0]
    found = zero_one_test(series, progress=False)
    assert found.verdict == verdict
    assert found.stride == 1
    assert found.K.tolist() == zero_one_test(series, progress=False).K.tolist()
    assert found.K.tolist() != zero_one_test(series, seed=1, progress=False).K.tolist()


def test_an_oversampled_flow_looks_regular_until_it_is_thinned():
    options = {"max_norm": 1e6, "rtol": 1e-8, "atol": 1e-10, "switches": None, "progress": False}
    series, _ = orbit_of(textbook.rossler(), np.array([1.0, 1.0, 0.0]), seed=0, **options).watch(4000, 40_000)
    blind = zero_one_test(series[:, 0], stride=1, count=20, progress=False)
    found = zero_one_test(series[:, 0], progress=False)
    assert (blind.verdict, found.verdict) == ("regular", "chaotic")
    assert found.chosen == "first zero"
    assert 10 <= found.stride <= 20  # a quarter of a turn of 5.9, at 0.1 an entry


def test_strides():
    turns = np.arange(4000)
    assert choose_stride(np.cos(2 * np.pi * turns / 40)) == (10, "first zero")
    assert choose_stride(np.cos(2 * np.pi * turns / 3)) == (1, "not oversampled")
    assert choose_stride(np.ones(100)) == (1, "not oversampled")
    slow = np.cos(2 * np.pi * turns / 4000) + 0.5 * np.cos(2 * np.pi * turns / 30)
    stride, chosen = choose_stride(slow)
    assert chosen == "first minimum"
    assert stride == pytest.approx(15, abs=1)


def test_what_does_not_move_is_regular_whatever_its_rounding():
    noise = 1 + 1e-14 * np.random.default_rng(0).normal(size=1000)
    assert zero_one_test(noise, progress=False).median == 0.0
    assert zero_one_test(np.zeros(1000), progress=False).verdict == "regular"


def test_wrong_series_are_refused():
    for series, words in [
        (np.zeros((9, 2)), "one row"),
        ([1.0, np.nan], "finite"),
        (np.ones(50), "at least 100"),
    ]:
        with pytest.raises(ValueError, match=words):
            zero_one_test(series)
    with pytest.raises(ValueError, match="stride"):
        zero_one_test(np.ones(500), stride=0)


def test_ctrl_c_keeps_the_frequencies_done(monkeypatch):
    calls, growth = [], zero_one_module._growth

    def interrupted(values, c):
        calls.append(c)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return growth(values, c)

    monkeypatch.setattr(zero_one_module, "_growth", interrupted)
    found = zero_one_test(np.sin(2.0 * np.arange(500)), progress=False)
    assert (found.status, len(found.K), len(found.frequencies)) == ("interrupted", 3, 3)


# Pictures.


def test_pictures_show_what_was_found():
    both = [align(textbook.standard_map(), x, n_steps=500) for x in ([0.01, 0.01], [np.pi, 0.5])]
    drawn = plot.alignment(Figure().subplots(), both, labels=["sea", "island"])
    np.testing.assert_array_equal(drawn.lines[1].get_ydata(), both[1].gali)
    assert "sea" in drawn.legend.get_texts()[0].get_text()
    with pytest.raises(ValueError, match="labels"):
        plot.alignment(Figure().subplots(), both, labels=["sea"])
    test = zero_one_test(np.sin(2.0 * np.arange(500)), progress=False)
    drawn = plot.zero_one(Figure().subplots(1, 2), test)
    np.testing.assert_array_equal(drawn.path.get_xdata(), test.p)
    with pytest.raises(ValueError, match="two"):
        plot.zero_one([Figure().subplots()], test)
