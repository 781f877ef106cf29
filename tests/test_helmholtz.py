"""Helmholtz decomposition of a slice: known parts, closed forms, twins written another way."""

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure
from problems import linear_flow

import gandyn
from gandyn import FieldSlice, Layout, Plane, VectorField, check_field, helmholtz, plot, potential_flow
from gandyn.games import catalogue

BOUNDARIES = ("normal-parallel", "natural")
AXES = {"orthonormal": np.eye(2, 3), "oblique": np.array([[1.5, 0.0, 0.0], [0.6, 0.8, 0.6]])}
SIDES = ((-2.0, 3.0), (-1.0, 1.0))
PAIR = Layout.scalars(["g"], ["d"])


def slice_of(velocity, axes=AXES["orthonormal"], points=(60, 50), sides=SIDES):
    """Sample a function of plane coordinates, shape (..., 2) to (..., 2), as a slice of three parameters."""
    a, b = (np.linspace(*side, count) for side, count in zip(sides, points, strict=True))
    plane = Plane(np.zeros(3), axes, Layout.scalars(state=["x", "y", "z"]), ("a", "b"), "test")
    values = velocity(np.stack(np.meshgrid(a, b), axis=-1))
    speed = np.sqrt(np.einsum("...i,ij,...j", values, plane.gram, values))
    return FieldSlice(
        plane, a, b, values, speed, np.ones(speed.shape), int(np.isnan(speed).sum()), "flow", 1.0, ""
    )


def metric(axes):
    """Return maps from slopes to the components of the gradient and of the rotation in plane coordinates."""
    frame = np.linalg.cholesky(axes @ axes.T).T
    back = np.linalg.inv(frame)
    quarter = np.array([[0.0, -1.0], [1.0, 0.0]])
    return back @ back.T, back @ quarter @ back.T, frame


def bubbles(p):
    """Potential and stream function that vanish on the boundary of SIDES, with their slopes."""
    (a0, a1), (b0, b1) = SIDES
    a, b = p[..., 0], p[..., 1]
    x, y, dx, dy = (a - a0) * (a1 - a), (b - b0) * (b1 - b), a0 + a1 - 2 * a, b0 + b1 - 2 * b
    wave, slope = np.sin(a + 2 * b), np.cos(a + 2 * b)
    phi = x * y * wave, np.stack([dx * y * wave + x * y * slope, x * dy * wave + 2 * x * y * slope], axis=-1)
    return phi, (x * y, np.stack([dx * y, x * dy], axis=-1))


def bumps(p):
    """Two potentials whose charges lie within SIDES to rounding: those of the whole plane too."""

    def bump(center, width):
        y = (p - center) / width
        value = np.exp(-np.sum(y**2, axis=-1))
        return value, -2 * y / width * value[..., None]

    return bump(np.array([0.4, 0.0]), np.array([0.4, 0.17])), bump(
        np.array([0.6, 0.05]), np.array([0.35, 0.16])
    )


def known(boundary, axes):
    """Return functions of plane coordinates: gradient, rotation, harmonic part, and the two potentials."""
    potentials = bubbles if boundary == "normal-parallel" else bumps
    gradient, rotation, frame = metric(axes)

    def harmonic(p):
        z = p @ (frame.T @ np.array([1, 1j]))
        f = np.exp(z / 2) - 1j * z**2
        return np.stack([f.real, -f.imag], axis=-1) @ np.linalg.inv(frame).T

    parts = {
        "gradient": lambda p: potentials(p)[0][1] @ gradient.T,
        "rotation": lambda p: potentials(p)[1][1] @ rotation.T,
        "harmonic": harmonic,
    }
    return parts, potentials


@pytest.mark.parametrize("boundary", BOUNDARIES)
@pytest.mark.parametrize("plane", AXES)
def test_known_parts_are_found_on_a_fine_grid(boundary, plane):
    parts, potentials = known(boundary, AXES[plane])
    seen = slice_of(lambda p: sum(part(p) for part in parts.values()), AXES[plane], (200, 200))
    found = helmholtz(seen, boundary=boundary)
    points = np.stack(np.meshgrid(found.a, found.b), axis=-1)
    for name, part in parts.items():
        exact = part(points)
        assert np.abs(getattr(found, name) - exact).max() < 1e-7 * np.abs(exact).max(), name
    for values, (exact, _) in zip((found.potential, found.stream), potentials(points), strict=True):
        assert np.ptp(values - exact) < 1e-7 * np.ptp(exact)
    assert found.residual < 1e-12


@pytest.mark.parametrize("boundary", BOUNDARIES)
@pytest.mark.parametrize("name", ["gradient", "rotation", "harmonic"])
def test_a_pure_part_leaves_nothing_to_the_others(boundary, name):
    part = known(boundary, AXES["oblique"])[0][name]
    found = helmholtz(slice_of(part, AXES["oblique"], (120, 120)), boundary=boundary)
    size = np.abs(found.gradient + found.rotation + found.harmonic).max()
    for other in {"gradient", "rotation", "harmonic"} - {name}:
        assert np.abs(getattr(found, other)).max() < 1e-6 * size
        assert getattr(found, f"{other}_share") < 1e-12
    assert getattr(found, f"{name}_share") == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize("boundary", BOUNDARIES)
def test_gradient_and_harmonic_part_of_a_gradient_field_are_that_field(boundary):
    slopes = lambda p: np.stack([np.cos(p[..., 0]) * p[..., 1], np.sin(p[..., 0]) + 3 * p[..., 1]], axis=-1)
    gradient = metric(AXES["oblique"])[0]
    found = helmholtz(slice_of(lambda p: slopes(p) @ gradient.T, AXES["oblique"]), boundary=boundary)
    assert np.abs(found.rotation).max() < 1e-7
    assert found.gradient_share > 0.1
    assert found.harmonic_share > 0.1
    np.testing.assert_allclose(
        found.gradient + found.harmonic,
        slopes(np.stack(np.meshgrid(found.a, found.b), -1)) @ gradient.T,
        atol=1e-7,
    )


def test_error_falls_with_the_grid_faster_than_any_fixed_order():
    parts, _ = known("normal-parallel", AXES["orthonormal"])
    errors = []
    for count in (24, 36, 54):
        found = helmholtz(slice_of(lambda p: sum(part(p) for part in parts.values()), points=(count, count)))
        exact = parts["rotation"](np.stack(np.meshgrid(found.a, found.b), axis=-1))
        errors.append(np.abs(found.rotation - exact).max() / np.abs(exact).max())
    first, second = np.diff(np.log(errors)) / -np.log(1.5)
    assert first > 4
    assert second > 8


@pytest.mark.parametrize("ratio", [1.0, 2.5])
def test_rigid_rotation_of_a_rectangle_is_saint_venants_torsion(ratio):
    sides = ((-ratio, ratio), (-1.0, 1.0))
    turn = VectorField(
        lambda x, t: np.stack([-x[..., 1], x[..., 0]], axis=-1), Layout.scalars(state=["x", "y"])
    )
    found = helmholtz(turn, sides, points=70)
    odd = np.arange(1, 400, 2)
    series = 192 / (np.pi**5 * ratio) * np.sum(np.tanh(odd * np.pi * ratio / 2) / odd**5)
    rigidity = (2 * ratio) * 2**3 / 3 * (1 - series)
    energy = 4 / 3 * ratio * (1 + ratio**2)
    assert found.rotation_share == pytest.approx(rigidity / energy, abs=1e-9)
    assert found.gradient_share < 1e-18
    assert found.harmonic_share == pytest.approx(1 - rigidity / energy, abs=1e-9)


def chebyshev(n):
    """Return points on [-1, 1] and the second derivative there, as a dense matrix."""
    x = np.cos(np.pi * np.arange(n + 1) / n)
    c = np.r_[2, np.ones(n - 1), 2] * (-1) ** np.arange(n + 1)
    first = np.outer(c, 1 / c) / (x[:, None] - x + np.eye(n + 1))
    first -= np.diag(first.sum(axis=1))
    return x, first @ first


def test_potential_of_a_game_agrees_with_collocation():
    game = catalogue.make("gaussian-classifier", W_d=0.5)
    found = helmholtz(game, (-3, 3), points=80, progress=False)
    x, second = chebyshev(32)
    inside, scale = slice(1, -1), 9.0
    square = np.stack(np.meshgrid(3 * x, 3 * x, indexing="ij"), axis=-1)
    jacobians = game.jac(square)
    source = np.trace(jacobians, axis1=-2, axis2=-1)
    matrix = second[inside, inside] / scale
    eye = np.eye(len(matrix))
    phi = np.linalg.solve(np.kron(matrix, eye) + np.kron(eye, matrix), source[inside, inside].ravel())
    ours = found.series.at(square[inside, inside][..., ::-1].reshape(-1, 2))[0][0]
    edge = found.series.at(np.array([[3.0, 0.3]]))[0][0]
    assert np.abs(ours - edge - phi).max() < 1e-6 * np.ptp(phi)


def newtonian(source, at, sides, count=60):
    """Return the gradient of the plane's potential of a source in a rectangle, by triangles about a point."""
    nodes, weights = np.polynomial.legendre.leggauss(count)
    nodes, weights = (nodes + 1) / 2, weights / 2
    corners = np.array([[sides[0][i], sides[1][j]] for i, j in ((0, 0), (1, 0), (1, 1), (0, 1))])
    total = np.zeros(2)
    for start, end in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        p, q = start - at, end - at
        edge = p + nodes[:, None] * (q - p)
        double_area = p[0] * q[1] - p[1] * q[0]
        along = np.sum(weights * source(at + nodes[:, None, None] * edge).T, axis=1)
        total -= double_area * np.sum((weights * along / np.sum(edge**2, axis=1))[:, None] * edge, axis=0)
    return total / (2 * np.pi)


def test_natural_parts_are_potentials_of_divergence_and_curl_in_the_plane():
    game = catalogue.make("gaussian-classifier", W_d=0.5)
    found = helmholtz(game, (-3, 3), boundary="natural", points=80, progress=False)
    jacobian = lambda p: game.jac(p[..., ::-1])[..., ::-1, ::-1]
    at = np.array([[0.7, -1.3], [-2.6, 2.8]])
    gradient, rotation, _ = found.series.at(at)[1]
    sides = ((-3.0, 3.0), (-3.0, 3.0))
    for i, point in enumerate(at):
        divergence = newtonian(lambda p: np.trace(jacobian(p), axis1=-2, axis2=-1), point, sides)
        turn = newtonian(lambda p: jacobian(p)[..., 1, 0] - jacobian(p)[..., 0, 1], point, sides)
        np.testing.assert_allclose(gradient[i], divergence, atol=1e-7)
        np.testing.assert_allclose(rotation[i], [-turn[1], turn[0]], atol=1e-7)


def wavy(p):
    a, b = p[..., 0], p[..., 1]
    return np.stack([np.sin(a - b) - a * b, np.exp(a / 3) * np.cos(b) + a], axis=-1)


@pytest.mark.parametrize("plane", AXES)
def test_gradient_is_normal_and_rotation_parallel_to_the_boundary(plane):
    found = helmholtz(slice_of(wavy, AXES[plane], (70, 60)))
    covector = found.gradient @ found.plane.gram
    size = np.abs(found.gradient + found.rotation + found.harmonic).max()
    tangential = np.r_[covector[0, :, 0], covector[-1, :, 0], covector[:, 0, 1], covector[:, -1, 1]]
    normal = np.r_[found.rotation[0, :, 1], found.rotation[-1, :, 1], found.rotation[:, [0, -1], 0].ravel()]
    assert np.abs(tangential).max() < 1e-5 * size
    assert np.abs(normal).max() < 1e-5 * size
    assert found.boundary_error < 1e-5
    assert found.gradient_share + found.rotation_share + found.harmonic_share == pytest.approx(1, abs=1e-8)
    assert abs(found.overlap) < 1e-8


@pytest.mark.parametrize("boundary", BOUNDARIES)
def test_potentials_have_mean_zero_and_the_divergence_of_the_velocity(boundary):
    found = helmholtz(slice_of(wavy, AXES["oblique"], (70, 60)), boundary=boundary)
    nodes, weights = np.polynomial.legendre.leggauss(60)
    grids = [low + (nodes + 1) / 2 * (high - low) for low, high in SIDES]
    points = np.stack(np.meshgrid(*grids), axis=-1)
    values = found.series.at(points.reshape(-1, 2))[0].reshape(2, 60, 60)
    assert np.abs(weights @ values @ weights).max() < 1e-9 * np.abs(values).max()
    assert np.abs(values).max() > 0.1
    inner = points[::7, ::7].reshape(-1, 2)
    a, b = inner.T
    divergence = np.cos(a - b) - b - np.exp(a / 3) * np.sin(b)
    np.testing.assert_allclose(
        np.trace(potential_flow(found).jac(inner), axis1=1, axis2=2), divergence, atol=1e-6
    )


def test_parts_of_the_two_boundaries_differ_by_a_harmonic_field():
    first, second = (helmholtz(slice_of(wavy), boundary=boundary) for boundary in BOUNDARIES)
    assert np.abs(first.gradient - second.gradient).max() > 0.1
    assert second.overlap != pytest.approx(0, abs=1e-3)
    x = np.array([[0.3, 0.2], [-1.0, 0.7]])
    gap = potential_flow(first).jac(x) - potential_flow(second).jac(x)
    np.testing.assert_allclose(np.trace(gap, axis1=1, axis2=2), 0, atol=1e-7)
    np.testing.assert_allclose(gap, np.swapaxes(gap, 1, 2), atol=1e-7)


MATRIX = np.array([[-0.5, -2.0], [1.2, -0.1]])
SYMMETRIC = (MATRIX + MATRIX.T) / 2


def test_a_linear_field_on_a_square_has_its_symmetric_part_at_the_middle_only():
    linear = linear_flow(MATRIX, Layout.scalars(state=["x", "y"]))
    flow = potential_flow(helmholtz(linear, (-1, 1), points=60), harmonic=True)
    np.testing.assert_allclose(flow.jac(np.zeros(2)), SYMMETRIC, atol=1e-8)
    assert np.abs(flow.jac(np.array([0.5, 0.3])) - SYMMETRIC).max() > 0.1
    wide = potential_flow(helmholtz(linear, ((-2, 2), (-1, 1)), points=60), harmonic=True)
    assert np.abs(wide.jac(np.zeros(2)) - SYMMETRIC).max() > 0.1
    rays = gandyn.potential_part(linear, np.zeros(2))
    np.testing.assert_allclose(rays(np.array([0.5, 0.3])), SYMMETRIC @ [0.5, 0.3], atol=1e-12)


def test_the_gradient_of_a_linear_field_rests_in_the_middle_of_the_box_wherever_that_is():
    linear = linear_flow(MATRIX, Layout.scalars(state=["x", "y"]))
    flow = potential_flow(helmholtz(linear, ((-1, 3), (-1, 2)), points=60))
    (point,) = gandyn.find_fixed_points(flow, ((-0.9, 2.9), (-0.9, 1.9)), n_starts=32, progress=False).points
    np.testing.assert_allclose(point.x, [1.0, 0.5], atol=1e-8)
    assert point.kind == "stable node"
    path = gandyn.trajectory(flow, np.array([-0.5, 1.5]), t_end=60.0, progress=False)
    assert path.status == "finished"
    np.testing.assert_allclose(path.x[-1], [1.0, 0.5], atol=1e-4)


@pytest.mark.parametrize("harmonic", [False, True])
def test_potential_flow_keeps_the_contract_of_a_field_and_climbs_its_potential(harmonic):
    found = helmholtz(slice_of(wavy, AXES["oblique"]))
    flow = potential_flow(found, harmonic=harmonic)
    check_field(flow, np.array([0.4, 0.1]))
    x = np.array([[0.4, 0.1], [-1.2, -0.6]])
    covariant = found.plane.gram @ flow.jac(x)
    np.testing.assert_allclose(covariant, np.swapaxes(covariant, 1, 2), atol=1e-12)
    parts = found.series.at(x)[1]
    np.testing.assert_allclose(flow(x), parts[0] + harmonic * parts[2], atol=1e-13)
    path = gandyn.trajectory(potential_flow(found), x[0], t_end=2.0, progress=False)
    assert np.all(np.diff(found.series.at(path.x)[0][0]) > 0)


def test_potential_flow_ends_at_the_edge_of_its_rectangle():
    source = linear_flow(np.eye(2), PAIR)
    flow = potential_flow(helmholtz(source, (-1, 1), points=40), harmonic=True)
    assert np.isnan(flow(np.array([0.0, 1.01]))).all()
    assert np.isnan(flow.jac(np.array([[0.0, 1.01], [0.0, 0.0]]))).any(axis=(1, 2)).tolist() == [True, False]
    path = gandyn.trajectory(flow, np.array([0.1, 0.2]), t_end=5.0, progress=False)
    assert path.status != "finished"
    assert path.t[-1] < np.log(5) + 1e-3


def test_the_discriminator_is_horizontal_and_a_game_equals_its_slice():
    game = catalogue.make("dirac-r1")
    split = helmholtz(game, {"theta": (-1.0, 1.0), "psi": (-2.0, 2.0)}, points=(50, 40), progress=False)
    assert split.plane.names == ("psi", "theta")
    assert (split.a[0], split.b[0]) == (-2.0, -1.0)
    plane = gandyn.coordinate_plane(game.layout, "psi", "theta")
    again = helmholtz(gandyn.sample(game, plane, ((-2, 2), (-1, 1)), points=(50, 40), progress=False))
    np.testing.assert_array_equal(split.gradient, again.gradient)


def test_off_plane_share_of_the_slice_is_carried():
    game = catalogue.make("gaussian-classifier-full")
    plane = gandyn.coordinate_plane(game.layout, "b_d", "b_g", np.array([1.0, 0.0, 1.0, 0.0]))
    seen = gandyn.sample(game, plane, 2.0, points=40, progress=False)
    split = helmholtz(seen)
    np.testing.assert_array_equal(split.off_plane_share, seen.off_plane_share)
    assert np.median(split.off_plane_share) > 0.01


def test_a_velocity_that_is_rough_on_the_grid_shows_in_the_residual():
    rough = slice_of(lambda p: np.sign(np.sin(9 * p)) + wavy(p))
    assert helmholtz(rough).residual > 0.05
    assert helmholtz(slice_of(wavy)).residual < 1e-8


def test_bad_input_says_what_to_type():
    with pytest.raises(ValueError, match="not finite at 1 of 3000 grid points"):
        helmholtz(slice_of(lambda p: np.where(np.arange(3000).reshape(50, 60, 1) == 7, np.nan, p)))
    with pytest.raises(ValueError, match="at least 8 points along b"):
        helmholtz(slice_of(wavy, points=(20, 5)))
    with pytest.raises(ValueError, match="leave out box"):
        helmholtz(slice_of(wavy), (-1, 1))
    with pytest.raises(ValueError, match="two parameters with a box"):
        helmholtz(catalogue.make("lorenz"), (-1, 1))
    with pytest.raises(ValueError, match="two parameters with a box"):
        helmholtz(catalogue.make("dirac"))
    with pytest.raises(ValueError, match="boundary must be one of"):
        helmholtz(slice_of(wavy), boundary="periodic")


def test_result_is_saved_labelled_and_told_in_words(tmp_path):
    split = helmholtz(slice_of(wavy, AXES["oblique"]))
    again = gandyn.load(gandyn.save(split, tmp_path / "split"))
    x = np.array([0.4, 0.1])
    np.testing.assert_array_equal(potential_flow(again)(x), potential_flow(split)(x))
    data = split.to_xarray()
    assert data["rotation"].dims == ("b", "a", "axis")
    assert data.attrs["boundary"] == "normal-parallel"
    np.testing.assert_array_equal(data["potential"], split.potential)
    assert f"rotation {split.rotation_share:.2%}" in str(split)
    still = helmholtz(slice_of(np.zeros_like))
    assert (still.gradient_share, still.residual) == (0.0, 0.0)


def test_picture_shows_three_parts_and_no_rounding():
    split = helmholtz(linear_flow(-np.eye(2), PAIR), (-1, 1), points=30, progress=False)
    with plot.style(7.0, 3.6):
        figure = Figure()
        drawn = plot.helmholtz(figure.subplots(1, 3), split, fixed_points=[(0.0, 0.0, "stable node")])
        figure.canvas.draw()
    assert drawn.rotation.streamlines is None
    assert drawn.gradient.streamlines is not None
    titles = [ax.get_title() for ax in figure.axes[:3]]
    assert titles == ["gradient, 84%", "no rotation", "harmonic, 16%"]
    assert [text.get_text() for text in drawn.legend.get_texts()] == ["stable node"]
    assert "normal-parallel" in drawn.caption.get_text().replace("\n", " ")
    assert isinstance(drawn.harmonic.filled, mpl.contour.QuadContourSet)
    with pytest.raises(ValueError, match="three axes, got 2"):
        plot.helmholtz(Figure().subplots(1, 2), split)
