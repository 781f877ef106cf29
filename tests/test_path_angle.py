"""Path-angle and path-norm against the closed form of a linear field, and what they are said to show."""

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from problems import NAMESPACES, linear_flow, linear_map, torch_game

from gandyn import Layout, load, plot, save
from gandyn.rotation import path_angle

PLAYERS = Layout.scalars(["x"], ["y"])


def rotating(eps, omega):
    return np.array([[-eps, -omega], [omega, -eps]])


def closed_form(s, eps, omega, delta):
    return (-eps * s - omega * delta) / (np.hypot(eps, omega) * np.hypot(s, delta))


@pytest.mark.parametrize("namespace", NAMESPACES)
@pytest.mark.parametrize(
    ("eps", "omega", "delta"), [(1, 0, 0.3), (0.1, 1, 0.2), (-0.5, 2, -0.1), (0, 1, 0.4)]
)
def test_the_cosine_is_that_of_the_closed_form(namespace, eps, omega, delta):
    asarray = NAMESPACES[namespace]
    field = linear_flow(rotating(eps, omega), PLAYERS)
    start, end = asarray([-2.0, delta]), asarray([0.0, delta])
    found = path_angle(field, start, end, points=81, span=(0, 2), progress=False)
    np.testing.assert_allclose(found.distance, np.linspace(-2, 2, 81), atol=1e-14)
    expected = closed_form(found.distance, eps, omega, delta)
    np.testing.assert_allclose(found.cosine["both"], expected, atol=1e-10)
    size = np.hypot(eps, omega) * np.hypot(found.distance, delta)
    np.testing.assert_allclose(found.speed["both"], size, rtol=1e-12)


def turned(seed, n=6):
    """A rotation of n dimensions."""
    return np.linalg.qr(np.random.default_rng(seed).standard_normal((n, n)))[0]


@pytest.mark.parametrize(("eps", "omega", "delta"), [(0.3, 1, 0.2), (-0.3, 1, 0.5), (1, 0.2, 0.1)])
def test_switch_bump_and_model_are_those_of_the_linear_field(eps, omega, delta):
    basis = turned(0)
    block = np.zeros((6, 6))
    block[:2, :2] = rotating(eps, omega)
    matrix = basis @ block @ basis.T
    start, end = basis[:, 0] * -2.0 + basis[:, 1] * delta, basis[:, 0] * 0.1 + basis[:, 1] * delta
    found = path_angle(linear_flow(matrix), start, end, points=101, span=(0, 2), progress=False)
    shape, size = found.shapes["both"], np.hypot(eps, omega)
    zero = -omega * delta / eps - 0.1
    assert shape.switch.location == pytest.approx(zero, abs=1e-10)
    assert shape.switch.kind == ("attraction" if eps > 0 else "repulsion")
    steepness = abs(eps) / (size * np.hypot(omega * delta / eps, delta))
    assert shape.switch.steepness == pytest.approx(steepness, rel=1e-9)
    assert shape.bump.location == pytest.approx(-0.1, abs=1e-9)
    reach = 2.0
    even = lambda u: -omega * delta / (size * np.hypot(u, delta))
    assert shape.bump.height == pytest.approx(even(0) - even(reach), abs=1e-9)
    half = (even(0) + even(reach)) / 2
    width = 2 * delta * np.sqrt((even(0) / half) ** 2 - 1)
    assert shape.bump.width == pytest.approx(width, rel=1e-4)
    model = shape.model
    assert (model.attraction, model.rotation) == pytest.approx((eps, omega), rel=1e-9)
    assert (model.closest, model.offset) == pytest.approx((-0.1, delta), rel=1e-7)
    assert model.residual < 1e-7
    np.testing.assert_allclose(model.cosine(found.distance), found.cosine["both"], atol=1e-9)


@pytest.mark.parametrize(
    ("eps", "omega", "delta", "name"),
    [
        (1, 0, 0.1, "attraction"),
        (-1, 0, 0.1, "repulsion"),
        (0, 1, 0.1, "rotation"),
        (0.7, 0.7, 0.1, "attraction and rotation"),
        (-0.7, 0.7, 0.1, "repulsion and rotation"),
    ],
)
def test_shapes_are_named(eps, omega, delta, name):
    field = linear_flow(rotating(eps, omega))
    found = path_angle(field, np.array([-2.0, delta]), np.array([0.0, delta]), span=(0, 2), progress=False)
    assert found.shapes["both"].name == name


def test_a_constant_velocity_has_no_shape():
    field = linear_flow(np.zeros((2, 2)))
    shifted = type(field)(lambda x, t: 0 * x + np.array([1.0, 0.3]), field.layout, jvp=lambda x, u, t: 0 * u)
    found = path_angle(shifted, np.zeros(2), np.ones(2), progress=False)
    assert found.shapes["both"].name == "neither"
    assert found.shapes["both"].switch is None
    np.testing.assert_allclose(found.cosine["both"], 1.3 / np.sqrt(2 * 1.09))


def test_each_player_has_its_own_angle():
    matrix = np.random.default_rng(1).standard_normal((4, 4))
    layout = Layout.scalars(["a", "b"], ["c", "d"])
    start, end = np.array([1.0, 2, 3, 4]), np.array([0.5, 0, 1, -1])
    found = path_angle(linear_flow(matrix, layout), start, end, points=7, progress=False)
    for i, alpha in enumerate(found.alpha):
        v, p = matrix @ (start + alpha * (end - start)), end - start
        for part, where in (
            ("both", slice(0, 4)),
            ("generator", slice(0, 2)),
            ("discriminator", slice(2, 4)),
        ):
            size = np.linalg.norm(v[where])
            assert found.speed[part][i] == pytest.approx(size)
            cosine = v[where] @ p[where] / (size * np.linalg.norm(p[where]))
            assert found.cosine[part][i] == pytest.approx(cosine)


def test_a_map_moves_by_its_residual():
    matrix = np.array([[0.9, 0.2], [-0.2, 0.9]])
    ends = np.array([-1.0, 0.3]), np.array([0.2, 0.3])
    of_map = path_angle(linear_map(matrix), *ends, progress=False)
    of_flow = path_angle(linear_flow(matrix - np.eye(2)), *ends, progress=False)
    np.testing.assert_allclose(of_map.cosine["both"], of_flow.cosine["both"], atol=1e-12)


def test_errors_over_systems_are_those_of_leaving_one_out():
    rng = np.random.default_rng(2)
    fields = [linear_flow(np.diag([-1.0, -2, -3]) + 0.2 * rng.standard_normal((3, 3))) for _ in range(5)]
    start, end = np.array([1.0, 1, 1]), np.array([0.1, 0, 0.1])
    found = path_angle(fields, start, end, points=9, progress=False)

    def cosine(chosen, x):
        v, p = np.mean([field(x) for field in chosen], axis=0), end - start
        return v @ p / np.linalg.norm(v) / np.linalg.norm(p)

    for i, alpha in enumerate(found.alpha):
        x = start + alpha * (end - start)
        assert found.cosine["both"][i] == pytest.approx(cosine(fields, x))
        left = np.array([cosine(fields[:j] + fields[j + 1 :], x) for j in range(5)])
        error = np.sqrt(4 / 5 * np.sum((left - left.mean()) ** 2))
        assert found.cosine_error["both"][i] == pytest.approx(error)
    assert found.systems == 5
    assert found.evaluations == 45
    alone = path_angle(fields[0], start, end, points=9, progress=False)
    assert np.all(np.isnan(alone.cosine_error["both"]))


def test_a_network_in_torch_and_results_on_file(tmp_path):
    field, x = torch_game(2, 4, 2)
    end = x + 0.1 * torch.sin(torch.arange(x.shape[0], dtype=x.dtype))
    found = path_angle(field, x, end, points=11, progress=False)
    v = field(end)
    p = (end - x) / torch.linalg.vector_norm(end - x)
    at_end = path_angle(field, x, end, points=5, span=(0, 2), progress=False).cosine["both"][2]
    assert at_end == pytest.approx(float(v @ p / torch.linalg.vector_norm(v)), abs=1e-12)
    again = load(save(found, tmp_path / "path"))
    np.testing.assert_array_equal(again.cosine["generator"], found.cosine["generator"])
    assert str(again) == str(found)
    assert found.to_xarray()["cosine"].dims == ("part", "alpha")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"end": np.zeros(2)}, "same state"),
        ({"end": np.zeros(3)}, "shape"),
        ({"points": 4}, "at least 5"),
        ({"span": (0, 1)}, "first < 1 < last"),
        ({"near": 0}, "near"),
        ({"system": []}, "got none"),
        ({"system": [linear_flow(np.eye(2)), linear_flow(np.eye(2), PLAYERS)]}, "one layout"),
    ],
)
def test_bad_arguments_are_refused(change, message):
    given = {"system": linear_flow(np.eye(2)), "start": np.zeros(2), "end": np.ones(2), **change}
    with pytest.raises(ValueError, match=message):
        path_angle(**given, progress=False)


def test_an_interrupt_keeps_what_was_found():
    field, calls = linear_flow(np.eye(2)), []

    def stopping(x, t):
        calls.append(1)
        if len(calls) > 7:
            raise KeyboardInterrupt
        return field(x)

    stopped = type(field)(stopping, field.layout, jvp=field.jvp)
    found = path_angle(stopped, np.ones(2), np.array([0.1, 0.2]), points=20, progress=False)
    assert (found.status, len(found.alpha)) == ("interrupted", 7)


def test_a_velocity_that_is_not_finite_is_refused():
    field = linear_flow(np.eye(1))
    broken = type(field)(lambda x, t: 1 / (x - x), field.layout, jvp=field.jvp)
    with np.errstate(all="ignore"), pytest.raises(ValueError, match="alpha = 0 is not finite"):
        path_angle(broken, np.zeros(1), np.ones(1), progress=False)


def test_the_picture_has_a_line_for_one_and_quartiles_for_several():
    make = lambda delta: path_angle(
        linear_flow(rotating(0.3, 1), PLAYERS),
        np.array([-2.0, delta]),
        np.array([0.0, delta]),
        progress=False,
    )
    one = plot.path_angle(Figure().subplots(), make(0.2))
    np.testing.assert_array_equal(one.cosine["both"].get_ydata(), make(0.2).cosine["both"])
    assert not one.bands
    several = [make(delta) for delta in (0.1, 0.2, 0.3, 0.4, 0.5)]
    drawn = plot.path_angle(Figure().subplots(), several, parts=("both",))
    middle = np.median([each.cosine["both"] for each in several], axis=0)
    np.testing.assert_allclose(drawn.cosine["both"].get_ydata(), middle)
    low, high = np.quantile([each.cosine["both"] for each in several], [0.25, 0.75], axis=0)
    edge = drawn.bands["both"].get_paths()[0].vertices[:, 1]
    assert edge.min() == pytest.approx(low.min())
    assert edge.max() == pytest.approx(high.max())
    with pytest.raises(ValueError, match="share their places"):
        plot.path_angle(
            Figure().subplots(),
            [
                make(0.1),
                path_angle(linear_flow(np.eye(2)), np.zeros(2), np.ones(2), points=7, progress=False),
            ],
        )
