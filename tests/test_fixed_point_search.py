"""The search: known fixed points, nothing that is none, continua as one object, the same by both paths."""

from dataclasses import replace

import numpy as np
import pytest
from problems import plain_layout

from gandyn import VectorField
from gandyn.fixed_points import OUTCOMES, find_fixed_points
from gandyn.games import catalogue
from gandyn.games.polynomial import bilinear
from gandyn.games.tiny import gaussian_classifier


def scalar(velocity, slope):
    return VectorField(velocity, plain_layout(1), jac=lambda x, t: slope(x)[..., None])


def without_kernel(system):
    return replace(system, kernel=None)


@pytest.mark.parametrize("path", ["compiled", "NumPy"])
@pytest.mark.parametrize(
    ("name", "settings", "box", "expected"),
    [
        ("lorenz", {}, (-30, 40), [(-(72**0.5), -(72**0.5), 27), (0, 0, 0), (72**0.5, 72**0.5, 27)]),
        ("henon", {}, (-3, 3), [(-1.1313544771, -0.3394063431), (0.6313544771, 0.1894063431)]),
        ("sigmoid-classifier", {"l2": 0.3}, (-4, 4), [(2.8707, -0.7205)]),
        ("sigmoid-classifier", {"l2": 1.0}, (-4, 4), [(0.6056, -0.0875)]),
        ("sigmoid-classifier", {"l2": 0.1}, (-20, 20), [(9.9955, -1.7976)]),
        ("sigmoid-classifier", {}, (-4, 4), []),
        ("gaussian-classifier", {"W_d": 0.5}, (-4, 4), [(0, 0)]),
        ("balduzzi", {}, (-2, 2), [(0, 0)]),
        ("bilinear", {}, (-2, 2), [(0, 0)]),
    ],
)
def test_all_fixed_points_are_found_and_no_others(name, settings, box, expected, path):
    system = catalogue.make(name, **settings)
    if path == "NumPy":
        system = without_kernel(system)
    found = find_fixed_points(system, box, n_starts=128)
    assert len(found) == len(expected)
    assert not found.continua
    for point, place in zip(found, expected, strict=True):
        np.testing.assert_allclose(point.x, place, atol=6e-5 if name == "sigmoid-classifier" else 1e-9)


def test_both_paths_agree_start_by_start():
    system = catalogue.make("lorenz")
    fast = find_fixed_points(system, (-30, 40), n_starts=200, seed=3)
    slow = find_fixed_points(without_kernel(system), (-30, 40), n_starts=200, seed=3)
    np.testing.assert_array_equal(fast.starts, slow.starts)
    np.testing.assert_array_equal(fast.outcomes, slow.outcomes)
    np.testing.assert_array_equal(fast.found, slow.found)
    other = find_fixed_points(system, (-30, 40), n_starts=200, seed=4)
    assert not np.array_equal(fast.starts, other.starts)


def test_eigenvalues_of_textbook_points():
    lorenz = find_fixed_points(catalogue.make("lorenz"), (-30, 40), n_starts=64)
    np.testing.assert_allclose(
        lorenz.points[0].eigenvalues,
        [0.09395562 + 10.19450522j, 0.09395562 - 10.19450522j, -13.85457791],
        atol=1e-8,
    )
    henon = find_fixed_points(catalogue.make("henon"), (-3, 3), n_starts=64)
    np.testing.assert_allclose(henon.points[1].eigenvalues, [-1.92373886, 0.15594632], atol=1e-8)
    np.testing.assert_allclose(henon.points[0].eigenvalues, [3.2598221, -0.09202956], atol=1e-7)


def test_five_samples_without_offset_have_four_saddles_on_the_line_of_their_mean():
    for seed in range(3):
        field = gaussian_classifier(samples=5, seed=seed)
        found = find_fixed_points(field, (-4, 4), n_starts=2048)
        assert [point.kind for point in found] == ["saddle"] * 4
        mean = np.mean([point.x[1] for point in found])
        np.testing.assert_allclose([point.x[1] for point in found], mean, atol=1e-9)


def test_the_line_of_saddles_is_at_minus_the_mean_of_the_data():
    data = np.array([-1.0, 0.2, 0.7, 1.9, 2.6])
    from gandyn.games import points

    field = gaussian_classifier(data=points(data), latent=points(data - 0.1))
    found = find_fixed_points(field, (-6, 6), n_starts=4096)
    assert len(found) == 4
    np.testing.assert_allclose([point.x[1] for point in found], -data.mean(), atol=1e-9)


def test_lines_of_equilibria_are_two_objects_and_not_thousands_of_points():
    field = catalogue.make("gaussian-classifier-full")
    found = find_fixed_points(field, (-3, 3), n_starts=2048)
    assert len(found.points) == 0
    assert [continuum.dimension for continuum in found.continua] == [1, 1]
    heights = [np.unique(np.round(c.samples[:, 3], 9)) for c in found.continua]
    np.testing.assert_allclose(
        np.sort(np.concatenate(heights)), [-(np.log(2) ** 0.5), np.log(2) ** 0.5], atol=1e-8
    )
    for continuum in found.continua:
        np.testing.assert_allclose(continuum.samples[:, 1:3], 0, atol=1e-8)
        assert np.ptp(continuum.samples[:, 0]) > 5
        values = np.sort(np.linalg.eigvals(field.jac(continuum.samples)).real, axis=-1)
        np.testing.assert_allclose(continuum.transverse_growth, values[:, -2], atol=1e-9)


def test_the_eigenvalues_on_the_line_of_equilibria():
    field = catalogue.make("gaussian-classifier-full")
    values = np.sort(np.linalg.eigvals(field.jac(np.array([1.0, 0.0, 0.0, np.log(2) ** 0.5]))).real)
    np.testing.assert_allclose(values, [-8 * np.log(2), -4.98949, -0.55569, 0], atol=5e-6)


def test_players_of_unequal_size_have_a_plane_or_line_of_equilibria():
    for matrix, dimension in (([[1.0, 2.0]], 1), ([[1.0, 2.0, 3.0]], 2)):
        found = find_fixed_points(bilinear(matrix=matrix), (-1, 1), n_starts=64)
        assert [c.dimension for c in found.continua] == [dimension]
        y = found.continua[0].samples[:, 1:]
        np.testing.assert_allclose(y @ np.array(matrix[0]), 0, atol=1e-9)
        assert len(found.points) == 0
        assert len(y) <= 250


@pytest.mark.parametrize("power", [2, 3])
def test_an_isolated_degenerate_point_is_no_continuum(power):
    field = scalar(lambda x, t: x**power, lambda x: power * x ** (power - 1))
    found = find_fixed_points(field, (-1, 1), n_starts=32)
    assert [point.kind for point in found] == ["non-hyperbolic"]
    assert not found.continua
    assert abs(found.points[0].x[0]) < 1e-6


def test_a_slow_passage_is_no_fixed_point():
    ghost = scalar(lambda x, t: x**2 + 1e-6, lambda x: 2 * x)
    assert len(find_fixed_points(ghost, (-1, 1), n_starts=256)) == 0
    tail = scalar(lambda x, t: np.exp(-x), lambda x: -np.exp(-x))
    for box in ((0, 100), (25, 35)):
        assert len(find_fixed_points(tail, box, n_starts=64)) == 0
    runaway = catalogue.make("sigmoid-classifier")
    found = find_fixed_points(runaway, {"b_g": (0, 1e6), "b_d": (-30, 0)}, n_starts=256)
    assert len(found) == 0


def test_a_pole_is_no_fixed_point():
    pole = scalar(lambda x, t: 1 / x, lambda x: -1 / x**2)
    found = find_fixed_points(pole, (-1, 2), n_starts=64)
    assert len(found) == 0
    assert found.counts["converged"] == 0


def test_outcomes_of_starts_are_told_apart():
    drift = scalar(lambda x, t: 1 + 0 * x, lambda x: 0 * x)
    assert find_fixed_points(drift, (-1, 1), n_starts=8).counts["singular"] == 8
    leaving = scalar(lambda x, t: x - 5, lambda x: 1 + 0 * x)
    assert find_fixed_points(leaving, (-1, 1), n_starts=8).counts["left the box"] == 8
    infinite = scalar(lambda x, t: np.log(x), lambda x: 1 / x)
    assert find_fixed_points(infinite, (-1, -0.5), n_starts=8).counts["diverged"] == 8
    few = find_fixed_points(catalogue.make("lorenz"), (-30, 40), n_starts=8, max_iter=1)
    assert few.counts["undecided"] == 8
    assert set(few.counts) == set(OUTCOMES)


def test_orbits_of_period_two_are_reported_once_and_with_their_least_period():
    found = find_fixed_points(catalogue.make("henon"), (-3, 3), period=2, n_starts=256)
    assert sorted(point.period for point in found) == [1, 1, 2]
    orbit = next(point for point in found if point.period == 2)
    np.testing.assert_allclose(sorted(orbit.eigenvalues.real), [-3.01010067, -0.02989933], atol=1e-8)
    slow = find_fixed_points(without_kernel(catalogue.make("henon")), (-3, 3), period=2, n_starts=256)
    assert [point.period for point in slow] == [point.period for point in found]


def test_starts_of_the_user_and_no_box():
    found = find_fixed_points(catalogue.make("henon"), starts=np.array([[0.6, 0.2], [-1.0, -0.3]]))
    assert len(found) == 2
    assert found.found.tolist() == [1, 0]


def test_the_search_is_proved_on_request():
    found = find_fixed_points(catalogue.make("henon"), (-3, 3), n_starts=64, certify=True, progress=False)
    assert found.certificate.complete
    np.testing.assert_allclose(found.certificate.points, [point.x for point in found], atol=1e-9)
    assert "proof complete" in str(found)
    none = find_fixed_points(
        catalogue.make("sigmoid-classifier"), (-5, 5), n_starts=16, certify=True, progress=False
    )
    assert none.certificate.complete
    assert len(none.certificate.points) == len(none) == 0


def test_an_interrupted_search_keeps_what_it_found(monkeypatch):
    from gandyn.fixed_points import newton

    system, calls = without_kernel(catalogue.make("henon")), []
    batched = newton.batched

    def interrupted(*arguments):
        calls.append(1)
        if len(calls) > 2:
            raise KeyboardInterrupt
        return batched(*arguments)

    monkeypatch.setattr(newton, "batched", interrupted)
    monkeypatch.setattr(newton.os, "cpu_count", lambda: 1)
    found = find_fixed_points(system, (-3, 3), n_starts=4096)
    assert found.status == "interrupted"
    assert found.counts["not computed"] == 2048
    assert len(found) == 2


def test_bad_input_is_refused_before_any_work():
    system = catalogue.make("henon")
    with pytest.raises(ValueError, match="pass a box"):
        find_fixed_points(system)
    with pytest.raises(ValueError, match="must give"):
        find_fixed_points(system, {"x": (0, 1)})
    with pytest.raises(ValueError, match="starts must have shape"):
        find_fixed_points(system, starts=np.zeros(2))
    with pytest.raises(ValueError, match="n_starts"):
        find_fixed_points(system, (0, 1), n_starts=0)
    with pytest.raises(ValueError, match="pass box"):
        find_fixed_points(system, starts=np.zeros((1, 2)), certify=True)
    with pytest.raises(ValueError, match="limit_cycle"):
        find_fixed_points(catalogue.make("lorenz"), (0, 1), period=2)
