"""Pictures of what is measured on landscapes: what they draw is where the results say."""

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from problems import plain_layout

from gandyn import plot
from gandyn.field import Layout
from gandyn.landscapes import along_path, barrier, lake, landscape, preview, profiles
from gandyn.planes import Plane, coordinate_plane

PLANE = coordinate_plane(Layout.scalars(state=["p", "q"]), "p", "q")


@pytest.fixture
def ax():
    with plot.style(height=4.0):
        figure = Figure()
        FigureCanvasAgg(figure)
        yield figure.subplots()
        figure.canvas.draw()


def bowl(x):
    """An oblique bowl for the generator, a double well for the discriminator."""
    p, q = x[..., 0], x[..., 1]
    return np.stack([p**2 + (q - p) ** 2 * 4, (p**2 - 1) ** 2 + q**2], axis=-1)


def text_of(artist):
    return artist.get_text().replace("\n", " ")


def test_the_lake_is_outlined_at_its_level_with_its_ellipse(ax):
    seen = landscape(bowl, PLANE, 2.0, points=61, label="bowl")
    found = lake(seen, epsilon=1.0)
    drawn = plot.lake_contour(ax, seen, found)
    assert drawn.outline.levels.tolist() == [found.level]
    vertices = np.concatenate([path.vertices for path in drawn.outline.get_paths()])
    losses = bowl(vertices)[:, 0]
    np.testing.assert_allclose(losses, found.level, atol=0.05)
    np.testing.assert_allclose([drawn.ellipse.width, drawn.ellipse.height], 2 * found.half_axes)
    assert drawn.ellipse.angle == pytest.approx(np.degrees(found.angle))
    # The lake is an ellipse: the ellipse of its moments is its edge.
    edge = drawn.ellipse.get_patch_transform().transform(drawn.ellipse.get_path().vertices)
    assert np.median(np.abs(bowl(edge[:-1])[:, 0] - found.level)) < 0.1
    assert f"Lake within 1 of the minimum: {found.share:.1%} of the window, one part." in text_of(
        drawn.caption
    )
    labels = [text.get_text() for text in drawn.legend.get_texts()]
    assert labels[1:] == [f"lake, loss {found.level:.3g}", "ellipse of equal moments"]


def test_a_lake_that_fills_the_window_has_no_outline(ax):
    seen = landscape(bowl, PLANE, 0.2, points=9)
    drawn = plot.lake_contour(ax, seen, lake(seen, "discriminator", epsilon=5.0))
    assert drawn.outline is None
    assert "a lower bound" in text_of(drawn.caption)


def test_profiles_have_bands_of_two_standard_errors(ax):
    several = [landscape(lambda x, k=k: k * bowl(x), PLANE, points=11) for k in (1, 2, 3)]
    found = [profiles(several, player, points=5) for player in ("generator", "discriminator")]
    drawn = plot.loss_profiles(ax, found)
    for line, band, result in zip(drawn.means, drawn.bands, found, strict=True):
        np.testing.assert_array_equal(line.get_ydata(), result.mean)
        tops = band.get_paths()[0].vertices[:, 1].max()
        assert tops == pytest.approx(np.max(result.mean + 2 * result.standard_error))
    assert len(drawn.each) == 6
    assert "Mean over 3 planes" in text_of(drawn.caption)


def test_one_profile_has_no_band(ax):
    drawn = plot.loss_profiles(ax, profiles(landscape(bowl, PLANE, points=5)), unit="")
    assert drawn.bands == drawn.each == ()
    assert ax.get_ylabel() == "loss"
    with pytest.raises(ValueError, match="at least one result"):
        plot.loss_profiles(ax, [])


def test_a_barrier_stands_on_the_line_between_its_ends(ax):
    found = barrier(bowl, np.array([[-1.0, 0.0], [1.0, 0.0]]), points=41, label="well to well")
    drawn = plot.barrier_curve(ax, found)
    np.testing.assert_array_equal(drawn.curves["generator"].get_ydata(), found.losses[0])
    np.testing.assert_array_equal(drawn.straight["discriminator"].get_ydata(), found.straight[1])
    assert found.height[0] == 0
    assert set(drawn.heights) == {"discriminator"}
    bar = drawn.heights["discriminator"].get_ydata()
    assert bar[1] - bar[0] == pytest.approx(found.height[1])
    assert f"discriminator {found.height[1]:.3g}" in text_of(drawn.caption)
    with pytest.raises(ValueError, match="players must be among"):
        plot.barrier_curve(ax, found, players=["critic"])


def test_losses_of_a_path_beside_those_of_its_plane(ax):
    path = np.random.default_rng(0).standard_normal((6, 4))
    plane = Plane(np.zeros(4), np.eye(2, 4), plain_layout(4), ("a", "b"), "test")
    both = lambda x: np.stack([np.exp(2 * x[..., 2]), 1 + x[..., 3] ** 2], axis=-1)
    found = along_path(both, plane, path)
    drawn = plot.path_losses(ax, found, steps=100 * np.arange(6))
    np.testing.assert_array_equal(drawn.true["generator"].get_ydata(), found.losses[0])
    np.testing.assert_array_equal(drawn.plane["discriminator"].get_ydata(), found.plane_losses[1])
    np.testing.assert_array_equal(drawn.distance.get_ydata(), found.projection.distance)
    np.testing.assert_array_equal(drawn.distance.get_xdata(), 100 * np.arange(6))
    wide = found.losses.max() > 30 * found.losses.min()
    assert ax.get_yscale() == ("log" if wide else "linear")
    assert text_of(drawn.caption) == "Plane: test."
    with pytest.raises(ValueError, match="6 states, got 2 steps"):
        plot.path_losses(ax, found, steps=np.arange(2))


def test_a_preview_says_so_in_its_picture(ax):
    drawn = plot.landscape_contour(ax, preview(bowl, PLANE, points=17, label="bowl"), "generator")
    assert ax.get_title() == "bowl (preview)"
    assert "Preview from 17 x 17 Chebyshev nodes" in text_of(drawn.caption)
