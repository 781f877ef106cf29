"""The lake against ellipses, strips, rings and half-planes whose areas and shapes are known."""

import numpy as np
import pytest
from problems import plain_layout

from gandyn import load, save
from gandyn.field import Layout
from gandyn.landscapes import lake, landscape
from gandyn.landscapes.marching import region_below
from gandyn.planes import Plane, coordinate_plane

PAIR = Layout.scalars(state=["p", "q"])
PLANE = coordinate_plane(PAIR, "p", "q")


def surface(fn, extent=2.0, points=81, plane=PLANE):
    """The landscape of fn(a, b) for the generator, and of -fn for the discriminator."""
    return landscape(
        lambda x: np.stack([fn(x[..., 0], x[..., 1]), -fn(x[..., 0], x[..., 1])], axis=-1),
        plane, extent, points=points,
    )  # fmt: skip


def ellipse(long=1.2, short=0.5, angle=0.5, centre=(0.1, -0.2), depth=0.0):
    """A quadratic that is 1 above ``depth`` on an ellipse."""
    c, s = np.cos(angle), np.sin(angle)

    def loss(a, b):
        u, v = a - centre[0], b - centre[1]
        return ((c * u + s * v) / long) ** 2 + ((c * v - s * u) / short) ** 2 + depth

    return loss


@pytest.mark.parametrize("depth", [0.0, -1.0, -7.3])
@pytest.mark.parametrize("angle", [0.0, 0.5, -1.2, np.pi / 2])
def test_an_ellipse_has_its_area_shape_and_place(angle, depth):
    found = lake(surface(ellipse(angle=angle, depth=depth), points=161), epsilon=1.0)
    area = np.pi * 1.2 * 0.5
    assert found.area == pytest.approx(area, rel=3e-3)
    assert found.share == pytest.approx(area / 16, rel=3e-3)
    np.testing.assert_allclose(found.half_axes, [1.2, 0.5], rtol=2e-3)
    np.testing.assert_allclose(found.centroid, [0.1, -0.2], atol=2e-3)
    assert abs(np.sin(found.angle - angle)) < 2e-3
    assert -np.pi / 2 < found.angle <= np.pi / 2 + 1e-12
    assert (found.parts, found.open, found.holds_centre, found.nonfinite) == (1, False, True, 0)
    assert found.main_area == pytest.approx(found.area)
    assert found.window == pytest.approx(16)
    # The minimum of the grid lies at most a quarter of a cell's diagonal above the true one.
    assert depth <= found.level - 1 < depth + (0.0125 * np.sqrt(2) / 0.5) ** 2


def test_the_error_of_an_area_falls_with_the_square_of_the_spacing():
    centred = ellipse(centre=(0.0, 0.0))
    errors, claimed = [], []
    for points in (21, 41, 81, 161):
        found = lake(surface(centred, points=points), epsilon=1.0)
        errors.append(abs(found.area - np.pi * 0.6))
        claimed.append(found.resolution)
    slope = np.polyfit(np.log([21, 41, 81, 161]), np.log(errors), 1)[0]
    assert slope < -1.7
    assert all(error < 3 * claim for error, claim in zip(errors[1:], claimed[1:], strict=True))


def test_a_piecewise_linear_lake_is_exact():
    """|a| + |b| <= 1 on a grid that holds its kinks: a square of area 2, whatever the level cuts."""
    for level in (1.0, 0.73, 0.999):
        found = lake(surface(lambda a, b: np.abs(a) + np.abs(b), points=17), epsilon=level)
        assert found.area == pytest.approx(2 * level**2, rel=1e-12)
        np.testing.assert_allclose(found.centroid, 0, atol=1e-12)


def test_moments_of_a_rectangle_are_exact():
    a, b = np.linspace(-1, 1, 5), np.linspace(0, 1, 4)
    region = region_below(a, b, np.zeros((4, 5)), 0.5)
    area, centroid, covariance = region.moments(int(region.parts[0]))
    assert area == pytest.approx(2)
    np.testing.assert_allclose(centroid, [0, 0.5], atol=1e-14)
    np.testing.assert_allclose(covariance, np.diag([1 / 3, 1 / 12]), atol=1e-14)


def test_two_wells_are_two_parts_and_the_centre_is_in_neither():
    def wells(a, b):
        return (a**2 - 1) ** 2 + b**2

    apart = lake(surface(wells, points=161), epsilon=0.25)
    assert (apart.parts, apart.holds_centre, apart.open) == (2, False, False)
    assert apart.main_area == pytest.approx(apart.area / 2, rel=1e-6)
    assert abs(apart.centroid[0]) == pytest.approx(1, abs=0.05)
    assert apart.numbers["lake main part"] == pytest.approx(0.5)
    joined = lake(surface(wells, points=161), epsilon=1.2)
    assert (joined.parts, joined.holds_centre) == (1, True)
    assert "2 parts" in str(apart)
    assert "without the centre" in str(apart)


def test_the_well_that_holds_the_centre_is_the_main_part():
    """Minima at a = -1 (deeper) and a = 0: the second one holds the origin."""
    found = lake(surface(lambda a, b: 10 * a**2 * (a + 1) ** 2 + 0.02 * a + b**2, points=161), epsilon=0.1)
    assert (found.parts, found.holds_centre) == (2, True)
    assert abs(found.centroid[0]) < 0.05


def test_a_ring_is_one_part_that_does_not_hold_the_centre():
    found = lake(surface(lambda a, b: (np.hypot(a, b) - 1.0) ** 2, points=161), epsilon=0.04)
    assert found.area == pytest.approx(np.pi * (1.2**2 - 0.8**2), rel=3e-3)
    assert (found.parts, found.holds_centre) == (1, False)


def test_diagonal_cells_are_joined_by_their_middle():
    """A saddle of bilinear cells: the middle decides, as the bilinear value does."""
    values = np.array([[0.0, 1.0], [1.0, 0.0]])
    assert len(region_below(np.arange(2.0), np.arange(2.0), values, 0.6).parts) == 1
    assert len(region_below(np.arange(2.0), np.arange(2.0), values, 0.4).parts) == 2


def test_a_lake_that_leaves_the_window_is_a_lower_bound():
    found = lake(surface(lambda a, b: b**2), epsilon=0.25)
    assert found.open
    assert found.area == pytest.approx(4 * 1.0, rel=2e-3)
    assert "a lower bound" in str(found)
    assert not lake(surface(ellipse()), epsilon=1.0).open


def test_about_the_centre_and_in_units_of_the_range():
    slope = surface(lambda a, b: 3 * a + 0 * b, points=41)
    lowest = lake(slope, epsilon=1.5)
    centre = lake(slope, epsilon=1.5, about="centre")
    assert lowest.area == pytest.approx(4 * 0.5)
    assert centre.area == pytest.approx(4 * 2.5)
    assert centre.level == 1.5
    share = lake(slope, epsilon=0.125, unit="range")
    assert share.epsilon == pytest.approx(1.5)
    assert share.area == pytest.approx(lowest.area)


def test_each_player_has_its_lake():
    bowl = surface(ellipse(centre=(0.0, 0.0)))
    dome = lake(bowl, "discriminator", epsilon=1.0)
    assert dome.player == "discriminator"
    assert dome.open
    assert dome.area < lake(bowl, epsilon=1.0).area


def test_points_that_are_not_finite_are_left_out_and_open_the_lake():
    def torn(a, b):
        return np.where((a > 0.31) & (b > 0.31), np.nan, ellipse(centre=(0.0, 0.0))(a, b))

    found = lake(surface(torn, points=81), epsilon=1.0)
    assert found.nonfinite == 34**2
    assert found.window == pytest.approx(16 - 1.7**2)
    assert found.open
    assert found.area < lake(surface(ellipse(centre=(0.0, 0.0))), epsilon=1.0).area


def test_grids_that_are_oblong_uneven_or_off_the_centre():
    loss = ellipse(centre=(0.0, 0.0))
    both = lambda x: np.stack([loss(x[..., 0], x[..., 1])] * 2, axis=-1)
    a, b = np.sort(np.random.default_rng(0).uniform(-1.5, 1.5, 150)), np.linspace(-1.2, 1.1, 120)
    found = lake(landscape(both, PLANE, a=a, b=b), epsilon=1.0)
    assert found.area == pytest.approx(np.pi * 0.6, rel=0.01)
    assert np.isnan(found.resolution)
    off = landscape(both, PLANE, a=np.linspace(0.2, 1.5, 60), b=np.linspace(-1, 1, 50))
    assert not lake(off, epsilon=1.0).holds_centre


def test_the_lake_is_measured_in_plane_coordinates():
    """Axes twice as long: the same loss on half the coordinates."""
    axes = np.array([[2.0, 0.0], [0.0, 1.0]])
    plane = Plane(np.zeros(2), axes, plain_layout(2), ("a", "b"), "test")
    found = lake(surface(ellipse(1.0, 1.0, centre=(0.0, 0.0)), plane=plane, points=161), epsilon=1.0)
    assert found.area == pytest.approx(np.pi / 2, rel=2e-3)
    np.testing.assert_allclose(found.half_axes, [1.0, 0.5], rtol=3e-3)


def test_a_lake_is_saved(tmp_path):
    found = lake(surface(ellipse()), epsilon=1.0)
    again = load(save(found, tmp_path / "lake"))
    assert str(again) == str(found)
    assert again.numbers == found.numbers


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"epsilon": 0.0}, "epsilon must be positive"),
        ({"epsilon": np.nan}, "epsilon must be positive"),
        ({"player": "critic"}, "player must be one of"),
        ({"unit": "percent"}, "unit must be one of"),
        ({"about": "origin"}, "about must be one of"),
    ],
)
def test_bad_settings(settings, message):
    with pytest.raises(ValueError, match=message):
        lake(surface(ellipse(), points=5), **settings)


def test_bad_landscapes():
    with pytest.raises(ValueError, match="nowhere finite"):
        lake(surface(lambda a, b: a * np.nan, points=5))
    with pytest.raises(ValueError, match="at least 3 ascending coordinates a"):
        lake(surface(ellipse(), points=(2, 5)))
    hole = lambda a, b: np.where(a**2 + b**2 > 0, a**2 + b**2, np.inf)
    with pytest.raises(ValueError, match="plane's origin is not finite"):
        lake(surface(hole, points=5), about="centre")
