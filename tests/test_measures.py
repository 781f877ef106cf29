import numpy as np
import pytest

from gandyn.games.measures import Measure, gauss_hermite, gauss_legendre, mixture, points, samples


def normal_moment(k, loc, scale):
    """E (loc + scale z)^k by the recurrence m_k = loc m_{k-1} + (k - 1) scale^2 m_{k-2}."""
    before, last = 0.0, 1.0
    for i in range(k):
        before, last = last, loc * last + i * scale**2 * before
    return last


@pytest.mark.parametrize("n", [1, 2, 5, 20, 120, 300])
@pytest.mark.parametrize(("loc", "scale"), [(0.0, 1.0), (-1.5, 0.3)])
def test_gauss_hermite_is_exact_for_polynomials_of_degree_2n_minus_1(n, loc, scale):
    rule = gauss_hermite(n, loc, scale)
    for k in range(min(2 * n, 12)):
        size = rule.mean(lambda x, k=k: np.abs(x) ** k)
        assert abs(rule.mean(lambda x, k=k: x**k) - normal_moment(k, loc, scale)) <= 1e-12 * size


def test_gauss_hermite_misses_the_degree_after_the_last():
    assert abs(gauss_hermite(3).mean(lambda x: x**6) - 15) > 1


@pytest.mark.parametrize("n", [1, 4, 50, 500])
def test_gauss_legendre_is_exact_for_polynomials_on_its_interval(n):
    rule = gauss_legendre(n, -0.5, 2.0)
    for k in range(min(2 * n, 9)):
        exact = (2.0 ** (k + 1) - (-0.5) ** (k + 1)) / (k + 1) / 2.5
        assert rule.mean(lambda x, k=k: x**k) == pytest.approx(exact, rel=1e-12)


def test_samples_are_those_of_numpys_generator():
    np.testing.assert_array_equal(
        samples("normal", 50, 7).values, np.random.default_rng(7).standard_normal(50)
    )
    np.testing.assert_array_equal(
        samples("uniform", 50, 7).values, np.random.default_rng(7).uniform(-1, 1, 50)
    )
    ring = samples(lambda rng, n: rng.standard_normal((n, 2)), 9, seed=3)
    assert (ring.dim, len(ring), ring.values.shape) == (2, 9, (9, 2))


def test_samples_given_as_an_array_are_copied_and_frozen():
    data = np.array([1.0, 2.0, 4.0])
    measure = samples(data)
    data[0] = 100.0
    np.testing.assert_array_equal(measure.values, [1, 2, 4])
    with pytest.raises(ValueError, match="read-only"):
        measure.values[0] = 1.0


def test_mixture_weighs_its_components():
    mixed = mixture([points([0.0, 1.0]), points([10.0])], [0.3, 0.7])
    np.testing.assert_allclose(mixed.weights, [0.15, 0.15, 0.7], rtol=1e-15)
    planar = mixture([points(np.zeros((2, 2))), points(np.ones((3, 2)))])
    assert planar.mean(lambda x: x[:, 1]) == pytest.approx(0.5)
    np.testing.assert_allclose(planar.mean(lambda x: x), [0.5, 0.5])


def test_equal_measures_have_equal_digests():
    assert points([1.0, 2.0]).digest == points([1, 2]).digest
    assert points([1.0, 2.0]).digest != points([1.0, 2.0], [0.4, 0.6]).digest
    assert points([[1.0, 2.0]]).digest != points([[1.0], [2.0]], [0.5, 0.5]).digest


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: points([1.0, 2.0], [0.5, 0.6]), "weights of a measure must sum to one, they sum to 1.1"),
        (lambda: points([1.0, 2.0], [1.0]), "one weight for each of its 2 points"),
        (lambda: points([]), "needs points"),
        (lambda: points(np.zeros((2, 2, 2))), "shape \\(N,\\) or \\(N, d\\)"),
        (lambda: points([1.0, np.nan]), "values of a measure must be finite; 1 of 2"),
        (lambda: points([1.0], [np.inf]), "weights of a measure must be finite"),
        (lambda: points([1j]), "must be real"),
        (lambda: Measure(np.array(["a"]), np.ones(1)), "could not convert"),
        (lambda: samples("cauchy", 10, 0), "unknown distribution 'cauchy'.*normal.*uniform"),
        (lambda: samples("normal", 10), "a seed"),
        (lambda: samples("normal", seed=1), "n >= 1"),
        (lambda: samples("normal", 0, 1), "n >= 1"),
        (lambda: samples([1.0], seed=1), "leave out n and seed"),
        (lambda: gauss_hermite(0), "1 to 300 nodes, got 0"),
        (lambda: gauss_hermite(2.5), "1 to 300 nodes, got 2.5"),
        (lambda: gauss_hermite(5, scale=0.0), "scale.*positive, got 0.0"),
        (lambda: gauss_legendre(5, 1.0, 1.0), "a < b"),
        (lambda: mixture([]), "at least one component"),
        (lambda: mixture([points([1.0]), points(np.ones((1, 2)))]), "share one dimension"),
        (lambda: mixture([points([1.0]), points([2.0])], [1.0, 1.0]), "sum to one"),
        (lambda: mixture([points([1.0])], [0.5, 0.5]), "one weight for each of its 1 points"),
    ],
)
def test_bad_input_is_refused_with_what_to_do(make, message):
    with pytest.raises(ValueError, match=message):
        make()
