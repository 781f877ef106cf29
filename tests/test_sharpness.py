"""Sharpness, asymmetry, profiles and repeats against quadratics and valleys with known slopes."""

import numpy as np
import pytest
from problems import plain_layout

from gandyn.field import Layout
from gandyn.landscapes import (
    asymmetry,
    lake,
    landscape,
    over_planes,
    over_trainings,
    profiles,
    sharpness,
)
from gandyn.planes import Plane, coordinate_plane, random_plane

PLANE = coordinate_plane(Layout.scalars(state=["p", "q"]), "p", "q")
HESSIAN = np.array([[3.0, 1.0], [1.0, -0.5]])


def surface(fn, extent=1.0, points=41, plane=PLANE, **settings):
    return landscape(
        lambda x: np.stack([fn(x[..., 0], x[..., 1])] * 2, axis=-1), plane, extent, points=points, **settings
    )


def quadratic(a, b):
    h = HESSIAN
    return -1.0 + 0.4 * a - 0.2 * b + h[0, 0] * a * a / 2 + h[0, 1] * a * b + h[1, 1] * b * b / 2


# Sharpness


def test_curvature_and_slope_of_a_quadratic_are_exact():
    found = sharpness(surface(quadratic))
    np.testing.assert_allclose(found.curvatures, np.linalg.eigvalsh(HESSIAN)[::-1], atol=1e-10)
    np.testing.assert_allclose(found.parameter_curvatures, found.curvatures, atol=1e-12)
    np.testing.assert_allclose(found.slope, [0.4, -0.2], atol=1e-11)
    assert found.misfit < 1e-12
    assert found.fit_radius == pytest.approx(0.1)


@pytest.mark.parametrize("points", [21, 41, 81])
def test_rises_in_a_disc(points):
    """A quadratic without slope rises by lambda r^2 / 2 at most, and by r^2 tr H / 8 on average."""
    bowl = surface(lambda a, b: 5.0 + (3 * a * a + 2 * a * b + 2 * b * b) / 2, points=points)
    found = sharpness(bowl, radius=0.8)
    exact = np.linalg.eigvalsh([[3, 1], [1, 2]])[-1] * 0.32
    spacing = 2 / (points - 1)
    assert exact - 0.004 <= found.max_rise <= exact + 3 * spacing**2 / 4
    assert found.mean_rise == pytest.approx(5 * 0.64 / 8, abs=5 * spacing**2 / 8)


def test_curvatures_per_parameter_length_allow_for_the_axes():
    axes = np.array([[2.0, 0.0, 1.0], [0.5, 3.0, 0.0]])
    matrix = np.array([[2.0, 0.3, -0.4], [0.3, 1.0, 0.2], [-0.4, 0.2, 5.0]])
    plane = Plane(np.zeros(3), axes, plain_layout(3), ("a", "b"), "test")
    both = lambda x: np.stack([np.einsum("...i,ij,...j->...", x, matrix, x) / 2] * 2, axis=-1)
    found = sharpness(landscape(both, plane, points=21))
    basis = np.linalg.qr(axes.T)[0]
    np.testing.assert_allclose(
        found.parameter_curvatures, np.linalg.eigvalsh(basis.T @ matrix @ basis)[::-1], atol=1e-10
    )
    np.testing.assert_allclose(found.curvatures, np.linalg.eigvalsh(axes @ matrix @ axes.T)[::-1], atol=1e-9)
    top = np.linalg.eigvalsh(matrix)
    assert top[0] <= found.parameter_curvatures[1] <= found.parameter_curvatures[0] <= top[-1]


def test_a_finer_fit_is_nearer_the_curvature_of_a_cosine():
    errors = [
        abs(sharpness(surface(lambda a, b: -np.cos(2 * a) - np.cos(b), points=points)).curvatures[0] - 4)
        for points in (11, 21, 41)
    ]
    assert errors[0] / errors[1] == pytest.approx(4, rel=0.1)
    assert errors[1] / errors[2] == pytest.approx(4, rel=0.1)


def test_points_that_are_not_finite_are_left_out_and_counted():
    bowl = surface(lambda a, b: np.where(a > 0.5, np.inf, a * a + b * b), points=41)
    found = sharpness(bowl)
    assert found.nonfinite > 0
    assert np.isfinite([found.max_rise, found.mean_rise]).all()
    np.testing.assert_allclose(found.curvatures, 2, atol=1e-10)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"radius": 1.1}, "radius must be positive and at most 1"),
        ({"radius": 0.0}, "radius must be positive"),
        ({"player": "critic"}, "player must be one of"),
        ({"fit_radius": 0.06}, "six finite points"),
    ],
)
def test_bad_sharpness(settings, message):
    with pytest.raises(ValueError, match=message):
        sharpness(surface(quadratic), **settings)


def test_the_origin_must_be_inside():
    off = landscape(lambda x: x, PLANE, a=[0.5, 1.0, 1.5], b=[-1.0, 0.0, 1.0])
    for measure in (sharpness, asymmetry, profiles):
        with pytest.raises(ValueError, match="origin must lie inside the window"):
            measure(off)


# Asymmetry


@pytest.mark.parametrize("power", [1, 2])
@pytest.mark.parametrize("ratio", [1.0, 3.0, 9.0])
def test_a_valley_of_unequal_slopes(ratio, power):
    """Slopes c and 1 to either side give (c - 1)/(c + 1), for any power of the distance."""
    valley = surface(lambda a, b: np.where(a > 0, ratio, 1.0) * np.abs(a) ** power + 0 * b, points=161)
    found = asymmetry(valley, directions=4)
    expected = (ratio - 1) / (ratio + 1)
    np.testing.assert_allclose(found.index[[0, 1, 3]], [expected, expected, -expected], atol=2e-4)
    assert found.index[2] == 0
    assert found.numbers["asymmetry, largest"] == pytest.approx(abs(expected), abs=2e-4)


def test_mean_rises_of_a_cubic():
    """Along the axis the mean over (0, r) of s^2 +- s^3 is r^2/3 +- r^3/4."""
    found = asymmetry(surface(lambda a, b: a**2 + a**3 + b**2, points=201), radius=0.5, directions=2)
    linear = 0.01**2 / 8 * 5  # h^2/8 times the largest second derivative
    np.testing.assert_allclose(found.forward, [1 / 12 + 1 / 32, 1 / 12], atol=linear)
    np.testing.assert_allclose(found.backward, [1 / 12 - 1 / 32, 1 / 12], atol=linear)
    assert found.strongest == 0
    assert "at 0 degrees" in str(found)


def test_a_direction_that_is_not_finite_is_nan():
    found = asymmetry(surface(lambda a, b: np.where(a > 0.5, np.nan, a * a + b), points=21), directions=2)
    assert np.isnan(found.index[0])
    assert found.index[1] == pytest.approx(1)
    with pytest.raises(ValueError, match="directions must be a positive integer"):
        asymmetry(surface(quadratic), directions=0)


# Profiles


def test_profiles_through_several_planes():
    several = [surface(lambda a, b, k=k: k * a + b**2, points=11) for k in (1, 2, 6)]
    found = profiles(several, points=5)
    np.testing.assert_allclose(found.values, np.outer([1, 2, 6], [-1, -0.5, 0, 0.5, 1]), atol=1e-14)
    np.testing.assert_allclose(found.mean, 3 * found.s, atol=1e-14)
    np.testing.assert_allclose(found.standard_error, np.abs(found.s) * np.sqrt(7 / 3), atol=1e-14)
    up = profiles(several[0], angle=np.pi / 2, radius=0.6, points=3)
    np.testing.assert_allclose(up.values, [[0.36, 0, 0.36]], atol=1e-14)
    assert np.isnan(up.standard_error).all()
    with pytest.raises(ValueError, match="a landscape and at least 2 points"):
        profiles([])


# Repeats


def test_the_mean_curvature_of_random_planes_is_the_trace_over_the_dimension():
    """A random unit direction sees the mean eigenvalue: over planes, the sum of two is 2 tr H / n."""
    eigenvalues = np.array([8.0, 1, 1, 0.5, 0.5, 0, 0, -1])
    layout = plain_layout(8)
    both = lambda x: np.stack([0.5 * np.sum(eigenvalues * x**2, axis=-1)] * 2, axis=-1)

    def measure(plane):
        found = sharpness(landscape(both, plane, points=5))
        return {"sum": found.parameter_curvatures.sum(), "larger": found.parameter_curvatures[0]}

    found = over_planes(lambda seed: random_plane(layout, np.zeros(8), seed=seed), measure, range(60))
    mean, error = found["sum"]
    assert abs(mean - 2 * eigenvalues.mean()) < 3 * error
    assert error < 0.4
    assert found["larger"][0] < 8, "a random plane hides the leading curvature"
    np.testing.assert_allclose(found.mean, found.values.mean(axis=0))
    np.testing.assert_allclose(found.within, found.values.std(axis=0, ddof=1))
    np.testing.assert_allclose(found.standard_error, found.within / np.sqrt(60))


def test_trainings_count_once_each():
    def training(level):
        return over_planes(lambda seed: seed, lambda seed: {"x": level + seed % 2}, range(4))

    found = over_trainings([training(level) for level in (0.0, 3.0, 6.0)])
    np.testing.assert_allclose(found.values, [[0.5], [3.5], [6.5]])
    assert found["x"] == pytest.approx((3.5, 3 / np.sqrt(3)))
    np.testing.assert_allclose(found.within, np.std([0, 1, 0, 1], ddof=1))
    assert (found.over, found.status) == ("trainings", "finished")
    assert "planes differ by" in str(found)


def test_values_that_are_not_finite_are_kept_and_left_out_of_the_mean():
    found = over_planes(
        lambda seed: seed, lambda seed: {"x": [1.0, np.nan, 3.0][seed], "y": np.inf}, range(3)
    )
    assert np.isnan(found.values[1, 0])
    assert found["x"] == (2.0, 1.0)
    assert np.isnan(found["y"]).all()
    assert "2 finite" in str(found)


def test_results_with_numbers_are_measures():
    found = over_planes(lambda seed: PLANE, lambda plane: lake(surface(quadratic, points=5)), [3])
    assert "lake share" in found.names
    assert found.repeats.tolist() == [3]
    assert np.isnan(found["lake share"][1])
    with pytest.raises(KeyError, match="nothing was measured under 'area'"):
        found["area"]


def test_an_interrupt_keeps_the_planes_that_were_measured():
    def measure(seed):
        if seed == 2:
            raise KeyboardInterrupt
        return {"x": float(seed)}

    found = over_planes(lambda seed: seed, measure, range(5))
    assert (found.status, found.values.tolist()) == ("interrupted", [[0.0], [1.0]])
    with pytest.raises(KeyboardInterrupt):
        over_planes(lambda seed: seed, measure, [2])


def test_bad_repeats():
    with pytest.raises(ValueError, match="at least one seed"):
        over_planes(lambda seed: seed, lambda plane: {"x": 1.0}, [])
    with pytest.raises(ValueError, match="return numbers by name, or a result with them; got float"):
        over_planes(lambda seed: seed, lambda plane: 1.0, [0])
    with pytest.raises(ValueError, match="same numbers on each plane"):
        over_planes(lambda seed: seed, lambda plane: {str(plane): 1.0}, [0, 1])
    one = over_planes(lambda seed: seed, lambda plane: {"x": 1.0}, [0])
    other = over_planes(lambda seed: seed, lambda plane: {"y": 1.0}, [0])
    with pytest.raises(ValueError, match="must have the same numbers"):
        over_trainings([one, other])
    with pytest.raises(ValueError, match="at least one training"):
        over_trainings([])
