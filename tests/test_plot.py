"""Pictures: what was drawn is where the result says, nothing is hidden, and nothing overlaps."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from types import SimpleNamespace

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest
import sympy as sp
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LogNorm, to_rgba
from matplotlib.figure import Figure

from gandyn import plot
from gandyn.field import Layout, UpdateMap, VectorField
from gandyn.fixed_points import find_fixed_points
from gandyn.games import from_expressions
from gandyn.landscapes import landscape
from gandyn.planes import coordinate_plane, pca_plane, project, random_plane, sample
from gandyn.plot.keys import robust_norm
from gandyn.plot.marks import axis_label
from gandyn.plot.nullclines import pole_crossings, zero_set
from gandyn.plot.styles import SPEED_MAP
from gandyn.plot.training import running_mean
from gandyn.spectra import spectrum
from gandyn.trajectories import trajectory

PAIR = Layout.scalars(generator=["g"], discriminator=["d"])
TRIPLE = Layout.scalars(generator=["g", "h"], discriminator=["d"])


@pytest.fixture(autouse=True)
def _no_figure_is_left():
    yield
    assert plt.get_fignums() == []


@pytest.fixture
def ax():
    """An axes of a paper column that is drawn once the test is through, so that drawing is tested too."""
    with plot.style(height=4.0):
        figure = Figure()
        FigureCanvasAgg(figure)
        yield figure.subplots()
        figure.canvas.draw()


def field_of(fn, layout=PAIR, **settings):
    return VectorField(lambda x, t: np.stack(fn(*np.moveaxis(x, -1, 0)), axis=-1), layout, **settings)


def slice_of(fn, layout=PAIR, points=21, extent=1.0, label="game", origin=None):
    plane = coordinate_plane(layout, "d", "g", origin)
    return sample(field_of(fn, layout, label=label), plane, extent, points=points, progress=False)


def vertices(lines):
    return np.concatenate([path.vertices for path in lines.get_paths()])


def spiral(g, d):
    return -d - 0.1 * g, g - 0.1 * d


# Nullclines


@pytest.mark.parametrize("points", [21, 41])
def test_a_nullcline_lies_on_the_true_zero_set_to_a_small_part_of_a_cell(ax, points):
    a = np.linspace(-2, 2, points)
    across, up = np.meshgrid(a, a)
    at = vertices(zero_set(ax, a, a, across**2 + up**2 - 1, colour="k"))
    cell = a[1] - a[0]
    assert np.abs(np.hypot(*at.T) - 1).max() <= cell**2 / 8 * (1 + 1e-12)
    angles = np.sort(np.arctan2(*at.T))
    assert np.diff(angles).max() < 2 * cell


def test_a_pole_is_no_nullcline_but_the_zero_beside_it_is(ax):
    a, b = np.linspace(-1.5, 1.5, 40), np.linspace(-1.0, 1.0, 31)
    across, up = np.meshgrid(a, b)
    distance = across + 0.7 * up + 0.0131
    at = vertices(zero_set(ax, a, b, 1 / distance + 2, colour="k"))
    assert np.abs(at @ [1, 0.7] + 0.0131 + 0.5).max() < 0.01
    assert len(at) == 49
    assert pole_crossings(np.stack([distance, 1 / distance], axis=-1)) == 49


def test_a_pole_alone_leaves_nothing(ax):
    a = np.linspace(-1, 1, 30)
    assert zero_set(ax, a, a, np.tile(1 / (a - 0.0123), (30, 1)), colour="k") is None
    assert not ax.collections


def test_the_zeros_of_a_field_with_a_point_pole_are_kept(ax):
    a = np.linspace(-1, 1, 30)
    across, up = np.meshgrid(a, a)
    values = across / (across**2 + up**2)
    at = vertices(zero_set(ax, a, a, values, colour="k"))
    assert np.abs(at[:, 0]).max() < 1e-12
    assert np.ptp(at[:, 1]) == pytest.approx(2)
    assert pole_crossings(np.stack([values, values], axis=-1)) == 0


def test_no_nullcline_is_drawn_in_cells_that_are_not_finite(ax):
    a = np.linspace(-1, 1, 21)
    values = np.tile(a, (21, 1)).T.copy()
    values[:, :8] = np.nan
    values[3, 15] = np.inf
    at = vertices(zero_set(ax, a, a, values, colour="k"))
    assert at[:, 0].min() == pytest.approx(a[8])
    assert np.abs(at[:, 1]).max() < 1e-12


def test_a_component_of_one_sign_has_no_nullcline(ax):
    a = np.linspace(-1, 1, 5)
    assert zero_set(ax, a, a, np.ones((5, 5)), colour="k") is None
    assert zero_set(ax, a, a, np.full((5, 5), np.nan), colour="k") is None


# Portraits


def test_a_portrait_gives_each_player_its_colour_and_names_it(ax):
    drawn = plot.portrait(ax, slice_of(lambda g, d: (d - 0.5, g + 0.25)))
    for lines, colour, column, value in zip(
        drawn.nullclines, (plot.DISCRIMINATOR, plot.GENERATOR), (1, 0), (-0.25, 0.5), strict=True
    ):
        assert to_rgba(lines.get_edgecolor()[0]) == to_rgba(colour)
        assert vertices(lines)[:, column] == pytest.approx(value)
    assert [text.get_text() for text in drawn.legend.get_texts()] == [
        "$d$ nullcline (discriminator)",
        "$g$ nullcline (generator)",
    ]
    assert (ax.get_xlabel(), ax.get_ylabel(), ax.get_title()) == ("$d$", "$g$", "game")
    assert "Window [-1, 1] × [-1, 1], 21 × 21 points." in drawn.caption.get_text().replace("\n", " ")


def test_nullclines_of_one_player_differ_in_their_line(ax):
    layout = Layout.scalars(generator=["g", "h"])
    plane = coordinate_plane(layout, "g", "h")
    drawn = plot.portrait(ax, sample(field_of(spiral, layout), plane, progress=False))
    keys = drawn.legend.get_lines()
    assert {to_rgba(key.get_color()) for key in keys} == {to_rgba(plot.GENERATOR)}
    assert len({key.get_linestyle() for key in keys}) == 2


def test_arrows_and_colours_survive_a_wide_range_of_speed(ax):
    fast = slice_of(lambda g, d: (0 * g + 10.0 ** (2 * d), 0.3 * 10.0 ** (2 * d)), points=30)
    drawn = plot.portrait(ax, fast)
    norm = drawn.streamlines.lines.norm
    assert isinstance(norm, LogNorm)
    assert norm.vmax / norm.vmin > 5000
    colours = norm(np.asarray(drawn.streamlines.lines.get_array()))
    assert colours.min() < 0.1 < 0.9 < colours.max()
    arrows = np.array([patch.get_path().vertices.mean(axis=0) for patch in ax.patches])
    columns, _ = np.histogram(arrows[:, 0], bins=4, range=(-1, 1))
    assert columns.min() >= 3
    assert drawn.speed_bar.ax.get_ylabel() == "speed, per unit of flow time"


def test_streamlines_and_arrows_follow_the_velocity(ax):
    shown = slice_of(lambda g, d: (-2 * d - g * d, g + 0.5), points=61)
    drawn = plot.portrait(ax, shown)
    segments = np.array(drawn.streamlines.lines.get_segments())
    segments = segments[np.linalg.norm(np.diff(segments, axis=1)[:, 0], axis=-1) > 1e-3]
    along, (d, g) = np.diff(segments, axis=1)[:, 0], segments.mean(axis=1).T
    velocity = np.stack([g + 0.5, -2 * d - g * d], axis=-1)
    sizes = np.linalg.norm(along, axis=-1) * np.linalg.norm(velocity, axis=-1)
    assert len(segments) > 500
    assert (np.sum(along * velocity, axis=-1) / sizes).min() > 0.95


def test_the_off_plane_share_is_shaded_only_where_there_is_more_than_the_plane(ax):
    shown = slice_of(lambda g, h, d: (-d, 2 * d * g, g), TRIPLE)
    drawn = plot.portrait(ax, shown)
    np.testing.assert_array_equal(drawn.shading.get_array(), shown.off_plane_share)
    assert drawn.shading.get_clim() == (0, 1)
    assert drawn.shading_bar.ax.get_xlabel() == "off-plane share of the velocity"
    assert (
        f"Median off-plane share: {np.median(shown.off_plane_share):.3g}."
        in drawn.caption.get_text().replace("\n", " ")
    )


def test_a_plane_field_has_no_shading(ax):
    drawn = plot.portrait(ax, slice_of(spiral), nullclines=False)
    assert drawn.shading is drawn.shading_bar is None
    assert drawn.nullclines == ()


def test_points_that_are_not_finite_are_crossed_and_counted(ax):
    shown = slice_of(lambda g, d: (np.where(d > 0.65, np.nan, -d), np.where(g < -0.95, np.inf, g)))
    drawn = plot.portrait(ax, shown)
    bad = ~np.isfinite(shown.velocity).all(axis=-1)
    rows, columns = np.nonzero(bad)
    np.testing.assert_array_equal(drawn.nonfinite.get_xdata(), shown.a[columns])
    np.testing.assert_array_equal(drawn.nonfinite.get_ydata(), shown.b[rows])
    assert 0 < shown.nonfinite == bad.sum() < bad.size
    assert f"Not finite: {shown.nonfinite} of 441." in drawn.caption.get_text().replace("\n", " ")


@pytest.mark.parametrize("value", [np.nan, 0.0])
def test_a_field_without_a_direction_anywhere_draws_no_streamline(ax, value):
    drawn = plot.portrait(ax, slice_of(lambda g, d: (g * 0 + value, d * 0 + value)))
    assert drawn.streamlines is None
    assert (drawn.nonfinite is None) == (value == 0)


def test_a_continuum_of_fixed_points_is_drawn_by_its_samples(ax):
    x, y = sp.symbols("x y")
    field = from_expressions([x * (y - 1), -y * x**2], state=[x, y])
    found = find_fixed_points(field, (-2, 2), n_starts=200, progress=False)
    (line,) = found.continua
    shown = sample(field, coordinate_plane(field.layout, "y", "x"), 2.0, points=15, progress=False)
    drawn = plot.portrait(ax, shown, fixed_points=found)
    attracts = line.transverse_growth < 0
    assert attracts.any()
    assert not attracts.all()
    for artist, chosen in zip(drawn.fixed_points[-2:], (attracts, ~attracts), strict=True):
        np.testing.assert_array_equal(artist.get_xydata(), line.samples[chosen][:, ::-1])
    labels = [text.get_text() for text in drawn.legend.get_texts()]
    assert "continuum of fixed points, attracting" in labels
    assert "continuum of fixed points, not attracting" in labels


def test_fixed_points_are_marked_by_kind_and_faint_off_the_plane(ax):
    shown = slice_of(lambda g, h, d: (-d, -h, g), TRIPLE)
    points = [
        (0.5, 0.5, "saddle"),
        (-0.5, 0.5, "saddle"),
        SimpleNamespace(x=np.array([0.2, 0.0, -0.3]), kind="stable focus"),
        SimpleNamespace(x=np.array([0.0, 0.4, 0.0]), kind="center"),
        (0.0, -0.5, "unstable node"),
    ]
    drawn = plot.portrait(ax, shown, fixed_points=points)
    looks = {line.get_label(): line for line in drawn.fixed_points}
    assert list(looks) == ["saddle", "stable focus", "centre (off plane)", "unstable node"]
    np.testing.assert_allclose(looks["saddle"].get_xydata(), [[0.5, 0.5], [-0.5, 0.5]])
    np.testing.assert_allclose(looks["stable focus"].get_xydata(), [[-0.3, 0.2]])
    assert looks["centre (off plane)"].get_alpha() < 0.5
    assert looks["unstable node"].get_markerfacecolor() == "white"
    assert looks["unstable node"].get_marker() == "o" != looks["stable focus"].get_marker()
    assert "Fixed points off the plane, projected: 1." in drawn.caption.get_text().replace("\n", " ")


def test_trajectories_are_drawn_at_their_projection_and_say_how_they_ended(ax):
    shown = slice_of(spiral)
    field = field_of(spiral)
    path = trajectory(field, np.array([0.5, 0.0]), t_end=3.0)
    away = replace(path, x=np.array([[0.0, 0.0], [3.0, 0.1]]), status="diverged")
    drawn = plot.portrait(ax, shown, trajectories=[path, away, project(shown.plane, path)])
    np.testing.assert_allclose(drawn.paths[0].get_xydata(), path.x[:, ::-1])
    np.testing.assert_allclose(drawn.paths[1].get_xydata(), [[0, 0], [0.1, 3]])
    np.testing.assert_allclose(drawn.paths[2].get_xydata(), path.x[:, ::-1])
    labels = [text.get_text() for text in drawn.legend.get_texts()]
    assert sum("end" in label for label in labels) == 2
    assert any("ended early" in label for label in labels)
    assert "Trajectories that leave the window: 1." in drawn.caption.get_text().replace("\n", " ")
    assert (ax.get_xlim(), ax.get_ylim()) == ((-1, 1), (-1, 1))


def test_notes_of_the_plane_are_in_the_caption(ax):
    shown = slice_of(spiral)
    noted = replace(shown, plane=replace(shown.plane, notes=("one filter is not moved",)))
    assert "One filter is not moved." in plot.portrait(ax, noted).caption.get_text().replace("\n", " ")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"fixed_points": [(0, 0, "spiral")]}, "kind of a fixed point must be one of .*'stable node'"),
        ({"trajectories": [np.zeros((4, 3))]}, r"array \(T, 2\) in plane coordinates, got shape \(4, 3\)"),
    ],
)
def test_a_portrait_refuses_what_it_cannot_place(settings, message):
    ax = Figure().subplots()
    with pytest.raises(ValueError, match=message):
        plot.portrait(ax, slice_of(spiral), **settings)
    assert not ax.collections
    assert not ax.lines


def test_a_portrait_needs_two_points_along_each_axis():
    with pytest.raises(ValueError, match="at least 2 points along each axis"):
        plot.portrait(Figure().subplots(), slice_of(spiral, points=(1, 5)))


@pytest.mark.parametrize("width", [3.3, 6.6])
def test_nothing_in_a_portrait_overlaps_at_either_width(width):
    shown = slice_of(lambda g, h, d: (-d, np.where(g > 0.8, np.nan, 2 * d * g), g), TRIPLE)
    with plot.style(width, 1.3 * width):
        figure = Figure()
        axes = figure.subplots()
        drawn = plot.portrait(axes, shown, fixed_points=[(0, 0, "saddle")], trajectories=[np.eye(2)])
        renderer = FigureCanvasAgg(figure).get_renderer()
        figure.draw(renderer)
    parts = [axes.bbox, *(bar.ax.get_tightbbox(renderer) for bar in (drawn.speed_bar, drawn.shading_bar))]
    parts += [
        part.get_window_extent(renderer)
        for part in (drawn.legend, drawn.caption, axes.title, axes.xaxis.label)
    ]
    for i, one in enumerate(parts):
        assert figure.bbox.x0 - 1 <= one.x0
        assert one.x1 <= figure.bbox.x1 + 1
        assert not any(one.overlaps(other.padded(-1)) for other in parts[i + 1 :])
    assert axes.bbox.width > 0.5 * figure.bbox.width


def test_a_figure_without_a_layout_gets_room_for_the_caption():
    figure = Figure()
    drawn = plot.portrait(figure.subplots(), slice_of(spiral), fixed_points=[(0, 0, "stable focus")])
    renderer = FigureCanvasAgg(figure).get_renderer()
    figure.draw(renderer)
    assert drawn.caption.get_window_extent(renderer).y0 >= figure.bbox.y0


# Landscapes


def losses(x):
    return np.stack([1 + x[..., 0] * x[..., 1], 1e-3 + (x**2).sum(-1) ** 2], axis=-1)


def surface(extent=1.0, points=11, fn=losses):
    return landscape(fn, coordinate_plane(PAIR, "d", "g"), extent, points=points, label="toy", progress=False)


def test_contours_of_a_narrow_loss_are_linear_and_mark_the_centre(ax):
    drawn = plot.landscape_contour(ax, surface(), "generator", trajectory=np.array([[0.0, 0.5], [0.5, 0.5]]))
    assert not isinstance(drawn.filled.norm, LogNorm)
    assert drawn.centre.get_label() == "centre, loss 1"
    np.testing.assert_allclose(drawn.path.get_xydata(), [[0, 0.5], [0.5, 0.5]])
    assert drawn.loss_bar.ax.get_ylabel() == "generator loss (nats)"
    assert drawn.nonfinite is None


def test_contours_of_a_loss_over_many_decades_are_logarithmic(ax):
    drawn = plot.landscape_contour(ax, surface(), "discriminator", unit="")
    assert isinstance(drawn.filled.norm, LogNorm)
    assert drawn.loss_bar.ax.get_ylabel() == "discriminator loss"


def test_a_window_without_the_centre_does_not_mark_it(ax):
    assert plot.landscape_contour(ax, surface(((0.5, 1.0), (0.5, 1.0)))).centre is None


def test_a_loss_that_is_not_finite_is_crossed_and_counted_for_the_player_drawn(ax):
    def broken(x):
        return np.where([False, True] & (x[..., :1] > 0.65), np.nan, losses(x))

    both = surface(fn=broken)
    drawn = plot.landscape_contour(ax, both, "discriminator")
    assert len(drawn.nonfinite.get_xdata()) == 2 * 11 == both.nonfinite
    assert "Not finite: 22 of 121." in drawn.caption.get_text()
    assert plot.landscape_contour(Figure().subplots(), both, "generator").nonfinite is None


def test_a_landscape_without_a_finite_value_is_all_crosses(ax):
    drawn = plot.landscape_contour(ax, surface(fn=lambda x: np.full((*x.shape[:-1], 2), np.nan)))
    assert drawn.filled is drawn.loss_bar is None
    assert len(drawn.nonfinite.get_xdata()) == 121


@pytest.mark.parametrize(("player", "log"), [("generator", False), ("discriminator", True)])
def test_a_surface_carries_the_path_on_it(player, log):
    path = np.array([[-0.43, 0.22], [0.15, 0.31], [0.7, -0.2], [2.0, 0.0]])
    figure = Figure()
    FigureCanvasAgg(figure)
    axes = figure.add_subplot(projection="3d")
    drawn = plot.landscape_surface(axes, surface(points=401), player, trajectory=path)
    figure.canvas.draw()
    heights = np.asarray(drawn.path.get_data_3d()[2])
    expected = losses(path[:, ::-1])[:, int(log)]
    np.testing.assert_allclose(10 ** heights[:3] if log else heights[:3], expected[:3], rtol=2e-3)
    assert np.isnan(heights[3])
    assert axes.get_zlabel() == "loss (nats)"


def test_a_surface_counts_what_is_not_finite():
    figure = Figure()
    FigureCanvasAgg(figure)
    axes = figure.add_subplot(projection="3d")
    drawn = plot.landscape_surface(axes, surface(fn=lambda x: np.where(x[..., :1] > 0.5, np.inf, losses(x))))
    figure.canvas.draw()
    assert len(drawn.nonfinite.get_offsets()) == 33
    assert drawn.caption.get_text() == "Not finite: 33 of 121."


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"player": "critic"}, "player must be one of"),
        ({"scale": "symlog"}, 'scale must be "auto"'),
        ({"scale": "log"}, "not positive everywhere"),
    ],
)
def test_a_landscape_refuses_unknown_options(settings, message):
    negative = surface(fn=lambda x: losses(x) - 2)
    with pytest.raises(ValueError, match=message):
        plot.landscape_contour(Figure().subplots(), negative, **settings)


def test_a_surface_needs_axes_in_three_dimensions():
    with pytest.raises(ValueError, match=r'add_subplot\(projection="3d"\)'):
        plot.landscape_surface(Figure().subplots(), surface())


# Spectra


def linear(matrix, dt=None):
    matrix = np.asarray(matrix, dtype=float)
    layout = Layout.scalars(state=[f"x{i}" for i in range(len(matrix))])

    def jac(x, t):
        return np.broadcast_to(matrix, (*x.shape[:-1], *matrix.shape))

    if dt is None:
        return VectorField(lambda x, t: x @ matrix.T, layout, jac=jac)
    return UpdateMap(lambda x, k: x @ matrix.T, layout, dt, jac=jac)


def eigenvalues(matrix, dt=None):
    return spectrum(linear(matrix, dt), np.zeros(len(matrix)))


@pytest.mark.parametrize("step", [1e-6, 0.1, 1.0, 30.0])
def test_the_boundary_of_a_step_is_its_circle_in_the_window(ax, step):
    drawn = plot.spectrum(ax, eigenvalues([[-0.1, 1], [-1, -0.1]]), step)
    _, circle = drawn.boundaries
    points = circle.get_xydata() @ [1, 1j]
    assert np.abs(np.abs(1 + step * points) - 1).max() < 1e-12
    (left, right), (low, high) = ax.get_xlim(), ax.get_ylim()
    inside = (points.real >= left) & (points.real <= right) & (points.imag >= low) & (points.imag <= high)
    assert inside.sum() >= 20
    assert [region.get_label() for region in drawn.regions] == [
        "stable as a flow",
        f"stable at step {step:.3g}",
    ]


def test_eigenvalues_are_drawn_where_they_are_and_by_their_fate(ax):
    result = eigenvalues(np.diag([-1.0, 2.0, 0.0]) + np.diag([3.0, 0.0], 1))
    drawn = plot.spectrum(ax, result)
    assert {name: dots.get_offsets().tolist() for name, dots in drawn.eigenvalues.items()} == {
        "decays": [[-1, 0]],
        "neutral": [[0, 0]],
        "grows": [[2, 0]],
    }
    (left, right), _ = ax.get_xlim(), ax.get_ylim()
    assert left < -1 < 2 < right
    assert "No step of simultaneous descent is stable" in drawn.caption.get_text().replace("\n", " ")


def test_the_boundary_of_a_map_is_the_unit_circle(ax):
    drawn = plot.spectrum(ax, eigenvalues([[0.9, -0.5], [0.5, 0.9]], dt=0.1))
    (circle,) = drawn.boundaries
    assert np.hypot(*circle.get_xydata().T) == pytest.approx(1)
    assert list(drawn.eigenvalues) == ["grows"]
    assert ax.get_xlabel() == r"Re $\mu$"


def test_unresolved_eigenvalues_are_hollow_and_counted(ax):
    result = replace(eigenvalues(np.diag([-1.0, -2.0, -3.0])), residuals=np.array([0, 1e-2, np.nan]))
    drawn = plot.spectrum(ax, result)
    faces = [dots.get_facecolors() for dots in drawn.eigenvalues.values()]
    assert sum(len(face) and int((face[:, 3] == 0).sum()) for face in faces) == 2
    assert "unresolved (2)" in [text.get_text() for text in drawn.legend.get_texts()]


@pytest.mark.parametrize(
    ("dt", "step", "message"),
    [(None, 0.0, "positive and finite"), (None, np.inf, "positive"), (1.0, 0.1, "leave step out")],
)
def test_a_step_that_makes_no_sense_is_refused(dt, step, message):
    with pytest.raises(ValueError, match=message):
        plot.spectrum(Figure().subplots(), eigenvalues(np.diag([-0.5, 0.5]), dt), step)


def test_growth_rates_over_training_are_those_of_the_spectra(ax):
    spectra = [eigenvalues([[-1.0, -w], [w, -1.0]]) for w in (1.0, 2.0)]
    drawn = plot.eigenvalues_over_training(ax, [0, 100], spectra)
    np.testing.assert_allclose(drawn.growth.get_offsets(), [[0, -1], [0, -1], [100, -1], [100, -1]])
    np.testing.assert_allclose(drawn.growth.get_array(), [1, 1, 2, 2])
    np.testing.assert_allclose(drawn.leading.get_ydata(), [-1, -1])
    assert drawn.rotation_bar.ax.get_ylabel() == "rotation (rad / flow time)"


def test_a_dead_mode_of_a_map_is_left_out_and_counted(ax):
    drawn = plot.eigenvalues_over_training(ax, [5], [eigenvalues(np.diag([0.5, 0.0]), dt=0.5)])
    np.testing.assert_allclose(drawn.growth.get_offsets(), [[5, np.log(0.5) / 0.5]])
    assert "Not finite, not drawn: 1 growth rates." in drawn.caption.get_text().replace("\n", " ")


def test_spectra_over_training_must_belong_together():
    flow, update = eigenvalues(-np.eye(2)), eigenvalues(np.eye(2) / 2, dt=1.0)
    with pytest.raises(ValueError, match="do not share an axis"):
        plot.eigenvalues_over_training(Figure().subplots(), [0, 1], [flow, update])
    with pytest.raises(ValueError, match="2 steps, 1 spectra"):
        plot.eigenvalues_over_training(Figure().subplots(), [0, 1], [flow])


# Training


def history(steps=100):
    rng = np.random.default_rng(1)
    names = ["loss_generator", "loss_discriminator", "accuracy_real", "accuracy_fake"]
    names += [
        f"gradient/{block}"
        for block in ("generator.0.weight", "generator.1.weight", "discriminator.0.weight")
    ]
    return {"step": np.arange(steps), **{name: rng.uniform(0.1, 1.0, steps) for name in names}}


@pytest.mark.parametrize("window", [1, 2, 5, 40])
def test_the_running_mean_equals_a_loop(window):
    values = np.random.default_rng(0).standard_normal(23)
    values[[4, 5, 17]] = np.nan
    expected = np.full(23, np.nan)
    for i in np.flatnonzero(np.isfinite(values)):
        first = i - (window - window // 2) + 1
        expected[i] = np.nanmean(values[max(0, first) : max(0, first) + window - max(0, -first)])
    np.testing.assert_allclose(running_mean(values, window), expected)


def test_training_curves_draw_both_players_raw_and_smooth(ax):
    run = history()
    run["loss_generator"][90:] = np.nan
    drawn = plot.training_curves(ax, run, reference=2 * np.log(2), window=10)
    np.testing.assert_array_equal(drawn.raw["loss_generator"].get_ydata(), run["loss_generator"])
    np.testing.assert_array_equal(
        drawn.smooth["loss_discriminator"].get_ydata(), running_mean(run["loss_discriminator"], 10)
    )
    assert drawn.smooth["loss_generator"].get_color() == plot.GENERATOR
    assert drawn.smooth["loss_discriminator"].get_color() == plot.DISCRIMINATOR
    assert drawn.reference.get_label() == "2 ln 2 = 1.386"
    text = drawn.caption.get_text().replace("\n", " ")
    assert "running mean over 10 steps" in text
    assert "Not finite, left out: 10 values." in text
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("training step", "loss (nats)")


def test_a_short_run_is_drawn_without_smoothing(ax):
    drawn = plot.training_curves(ax, history(12))
    assert drawn.raw is drawn.smooth
    assert drawn.reference is None


def test_accuracy_is_on_the_whole_scale_with_chance(ax):
    drawn = plot.accuracy(ax, history())
    assert list(drawn.smooth) == ["accuracy_real", "accuracy_fake"]
    assert drawn.reference.get_ydata() == [0.5, 0.5]
    assert ax.get_ylim() == (-0.03, 1.03)


def test_gradient_norms_are_on_a_log_axis_and_zeros_are_counted(ax):
    run = history()
    run["gradient/generator.0.weight"][:7] = 0.0
    drawn = plot.gradient_norms(ax, run)
    assert ax.get_yscale() == "log"
    assert len(drawn.smooth) == 3
    assert drawn.smooth["gradient/generator.1.weight"].get_color() == plot.GENERATOR.lower()
    assert drawn.smooth["gradient/discriminator.0.weight"].get_color() == plot.DISCRIMINATOR.lower()
    assert "Zero, off the log axis: 7 values." in drawn.caption.get_text().replace("\n", " ")


def test_of_many_blocks_the_first_and_last_are_named(ax):
    run = {"step": np.arange(5), **{f"gradient/generator.{i}": np.full(5, 1.0 + i) for i in range(9)}}
    drawn = plot.gradient_norms(ax, run)
    assert [text.get_text() for text in drawn.legend.get_texts()] == ["generator.0", "generator.8"]
    assert len(drawn.smooth) == 9
    assert "Not named: 7 blocks" in drawn.caption.get_text()


@pytest.mark.parametrize(
    ("change", "settings", "error", "message"),
    [
        ({"loss_generator": None}, {}, KeyError, "columns missing.*loss_generator"),
        ({"loss_generator": np.ones(3)}, {}, ValueError, "loss_generator.*3"),
        ({"step": np.ones((2, 2))}, {}, ValueError, "shape"),
        ({}, {"window": 0}, ValueError, "at least 1, got 0"),
    ],
)
def test_a_history_that_does_not_fit_is_refused(change, settings, error, message):
    run = {name: values for name, values in {**history(), **change}.items() if values is not None}
    with pytest.raises(error, match=message):
        plot.training_curves(Figure().subplots(), run, **settings)


def test_a_history_without_gradients_is_refused():
    with pytest.raises(KeyError, match="gradient/<block name>"):
        plot.gradient_norms(Figure().subplots(), {"step": np.arange(3)})


# Images


def test_images_lie_side_by_side_row_by_row(ax):
    images = np.arange(3 * 2 * 2).reshape(3, 1, 2, 2) / 11.0
    sheet = plot.image_grid(ax, images, columns=2).get_array()
    assert sheet.shape == (5, 5, 3)
    np.testing.assert_allclose(sheet[:2, :2, 0], images[0, 0])
    np.testing.assert_allclose(sheet[:2, 3:, 1], images[1, 0])
    np.testing.assert_allclose(sheet[3:, :2, 2], images[2, 0])
    assert (sheet[2] == 1).all()
    assert (sheet[3:, 3:] == 1).all()


def test_negative_values_mean_a_range_from_minus_one(ax):
    images = np.stack([np.full((3, 4, 4), -1.0), np.full((3, 4, 4), 0.0)])
    sheet = plot.image_grid(ax, images).get_array()
    assert (sheet[:4, :4] == 0).all()
    assert (sheet[:4, 5:] == 0.5).all()


def test_values_beyond_the_range_and_not_finite_are_counted(ax):
    images = np.zeros((1, 4, 4))
    images[0, 0, :3] = [2.0, -3.0, np.nan]
    sheet = plot.image_grid(ax, images, value_range=(0, 1)).get_array()
    assert sheet[0, 2].tolist() == [1, 0, 1]
    (text,) = (text.get_text().replace("\n", " ") for text in ax.texts)
    assert "Not finite, magenta: 1 of 16 values." in text
    assert "Beyond [0, 1]: 2 of 16 values." in text


def test_samples_in_the_plane_are_scattered_over_the_real_ones(ax):
    made, real = np.random.default_rng(0).standard_normal((2, 30, 2))
    dots = plot.image_grid(ax, made, real=real)
    np.testing.assert_array_equal(dots.get_offsets(), made)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["generated", "real"]


def test_scalar_samples_make_a_density(ax):
    made = np.random.default_rng(0).standard_normal((500, 1))
    steps = plot.image_grid(ax, made)
    density, edges, _ = steps.get_data()
    assert (density * np.diff(edges)).sum() == pytest.approx(1)


@pytest.mark.parametrize(
    ("images", "settings", "message"),
    [
        (np.zeros((2, 5, 4, 4)), {}, r"\(N, C, H, W\).*got \(2, 5, 4, 4\)"),
        (np.zeros((0, 1, 4, 4)), {}, "got"),
        (np.zeros((2, 7)), {}, "got"),
        (np.zeros((2, 4, 4)), {"value_range": (1, 0)}, "must increase"),
        (np.zeros((2, 4, 4)), {"real": np.zeros((2, 2))}, "axes of their own"),
        (np.zeros((2, 2)), {"real": np.zeros((2, 1))}, "width of the samples"),
    ],
)
def test_samples_of_another_shape_are_refused(images, settings, message):
    with pytest.raises(ValueError, match=message):
        plot.image_grid(Figure().subplots(), images, **settings)


# Projections


def winding(count=40):
    t = np.linspace(0, 6, count)
    return np.stack([np.cos(t), np.sin(t), 0.1 * t**2], axis=-1)


def test_a_projection_is_coloured_by_its_distance_from_the_plane(ax):
    path = project(pca_plane(winding(), TRIPLE), winding())
    drawn = plot.projection(ax, path, steps=10 * np.arange(40))
    segments = np.array(drawn.path.get_segments())
    np.testing.assert_allclose(segments[:, 0], path.coordinates[:-1])
    np.testing.assert_allclose(segments[:, 1], path.coordinates[1:])
    np.testing.assert_allclose(drawn.path.get_array(), (path.distance[1:] + path.distance[:-1]) / 2)
    np.testing.assert_allclose(drawn.start.get_xydata(), path.coordinates[:1])
    np.testing.assert_allclose(drawn.end.get_xydata(), path.coordinates[-1:])
    for label in drawn.labels:
        np.testing.assert_allclose(label.xy, path.coordinates[int(label.get_text()) // 10])
    assert len(drawn.labels) == 4
    text = drawn.caption.get_text().replace("\n", " ")
    assert f"Off-plane share of the path's variance: {path.path_off_plane_share:.1%}." in text
    assert drawn.distance_bar.ax.get_ylabel() == "distance from the plane"


def test_a_projection_needs_two_states_and_a_step_for_each():
    plane = random_plane(TRIPLE, np.zeros(3), seed=0)
    with pytest.raises(ValueError, match="at least two states, got 1"):
        plot.projection(Figure().subplots(), project(plane, np.zeros((1, 3))))
    with pytest.raises(ValueError, match="5 states, got 4 steps"):
        plot.projection(Figure().subplots(), project(plane, np.ones((5, 3))), np.arange(4))


# Interactive portraits


def shifted(shift=0.0, scale=1.0):
    return field_of(
        lambda g, d: (d - shift, scale * (g + shift)),
        constants={"shift": shift, "scale": scale},
        family=shifted,
    )


def test_a_slider_moves_the_nullclines_and_what_is_computed_with_them():
    found = []

    def equilibria(system):
        found.append(system.constants["shift"])
        return [(system.constants["shift"], -system.constants["shift"], "saddle")]

    shown = plot.interactive_portrait(
        shifted(), 1.0, {"shift": (-1, 1), "scale": (0.1, 2)}, points=12, fixed_points=equilibria
    )
    try:
        first = shown.artists
        shown.sliders["shift"].set_val(0.4)
        shown.figure.canvas.draw()
        assert shown.system.constants == {"shift": 0.4, "scale": 1.0}
        assert vertices(shown.artists.nullclines[1])[:, 0] == pytest.approx(0.4)
        assert vertices(first.nullclines[1])[:, 0] == pytest.approx(0.0)
        np.testing.assert_allclose(shown.artists.fixed_points[0].get_xydata(), [[0.4, -0.4]])
        assert found == [0.0, 0.4]
        portrait_axes = [axes for axes in shown.figure.axes if axes.get_xlabel() == "$d$"]
        assert len(portrait_axes) == 1
        assert len(shown.figure.axes) == 4
    finally:
        plt.close(shown.figure)


@pytest.mark.parametrize(
    ("constants", "settings", "message"),
    [
        ({}, {}, "constants must name some of"),
        ({"gamma": (0, 1)}, {}, r"\['shift', 'scale'\], got \['gamma'\]"),
        ({"shift": (1, -1)}, {}, "must be finite and increase"),
        ({"shift": (1, 2)}, {}, r"must hold its value 0.0; widen it"),
    ],
)
def test_sliders_that_make_no_sense_are_refused_before_a_figure_opens(constants, settings, message):
    with pytest.raises(ValueError, match=message):
        plot.interactive_portrait(shifted(), 1.0, constants, **settings)


def test_more_than_two_dimensions_need_a_plane():
    field = field_of(lambda g, h, d: (g, h, d), TRIPLE, constants={"c": 0.5}, family=lambda c: None)
    with pytest.raises(ValueError, match="needs plane="):
        plot.interactive_portrait(field, 1.0, {"c": (0, 1)})


# Style


def test_the_style_ends_with_its_context():
    before = dict(matplotlib.rcParams)
    with plot.style(5.0, 2.0):
        assert list(matplotlib.rcParams["figure.figsize"]) == [5, 2]
        assert matplotlib.rcParams["font.size"] == 8
    assert dict(matplotlib.rcParams) == before
    with pytest.raises(ValueError, match="must be positive"):
        plot.style(0.0)


def test_speed_colours_darken_steadily_and_stand_out_from_white():
    rgb = SPEED_MAP(np.linspace(0, 1, 64))[:, :3]
    linear_rgb = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    luminance = linear_rgb @ [0.2126, 0.7152, 0.0722]
    assert (np.diff(luminance) < 0).all()
    assert luminance[0] < 0.65


@pytest.mark.parametrize("log", [False, True])
def test_a_few_extreme_values_do_not_rule_the_colours(log):
    values = np.linspace(1, 2, 1000)
    norm, extend = robust_norm(np.concatenate([values, [1e9, np.nan, np.inf]]), log=log)
    assert norm.vmax < 2.5
    assert extend == "max"
    whole, nothing_beyond = robust_norm(values, log=log)
    assert (whole.vmin, whole.vmax, nothing_beyond) == (1, 2, "neither")
    flat, _ = robust_norm(np.ones(5), log=log)
    assert flat.vmin < 1 < flat.vmax


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("W_g", "$W_{g}$"),
        ("psi", r"$\psi$"),
        ("generator.0.weight[1, 2]", "generator.0.weight[1, 2]"),
        ("PC 1 (55.7%)", "PC 1 (55.7%)"),
        ("cost $", r"cost \$"),
    ],
)
def test_short_names_are_typeset_and_long_ones_left_alone(name, label):
    assert axis_label(name) == label


def test_importing_the_pictures_opens_no_pyplot():
    code = "import sys, gandyn.plot; sys.exit('matplotlib.pyplot' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
