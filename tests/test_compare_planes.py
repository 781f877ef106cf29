"""Planes compared on quadratic games whose Hessians are known."""

import numpy as np
import pytest
from problems import NAMESPACES, linear_flow, torch_game

from gandyn.arrays import array_namespace, like, to_numpy
from gandyn.field import Block, Layout
from gandyn.landscapes import compare_planes
from gandyn.planes import Plane, random_plane

#: Hessians of the players' own losses, and their coupling x^T B y, gained by one and lost by the other.
LAYOUT = Layout((Block("g", "generator", (6,)), Block("d", "discriminator", (4,))))
OWN_G, OWN_D = np.diag([20.0, 3, 1, 0.5, 0.1, -2]), np.diag([4.0, 1, 0.5, 0.2])
COUPLING = np.random.default_rng(0).standard_normal((6, 4))
ORIGIN = np.random.default_rng(1).standard_normal(10)
#: v = (-OWN_G x - B y, B^T x - OWN_D y).
FIELD = linear_flow(np.block([[-OWN_G, -COUPLING], [COUPLING.T, -OWN_D]]), LAYOUT)


def losses(x):
    xp = array_namespace(x)
    g, d = x[..., :6], x[..., 6:]
    form = lambda u, matrix, w: xp.sum(xp.matmul(u, like(matrix, x)) * w, axis=-1)
    coupled = form(g, COUPLING, d)
    return xp.stack([form(g, OWN_G, g) / 2 + coupled, form(d, OWN_D, d) / 2 - coupled], axis=-1)


def plane_of(axes, make=np.asarray):
    return Plane(make(ORIGIN), make(np.asarray(axes, dtype=float)), LAYOUT, ("a", "b"), "test")


def test_the_field_is_that_of_the_losses():
    step = 1e-6
    for i in range(10):
        change = (losses(ORIGIN + step * np.eye(10)[i]) - losses(ORIGIN - step * np.eye(10)[i])) / (2 * step)
        assert FIELD(ORIGIN)[i] == pytest.approx(-change[0 if i < 6 else 1], abs=1e-6)


@pytest.mark.parametrize("namespace", NAMESPACES)
def test_planes_see_part_of_the_curvature_and_of_the_velocity(namespace):
    make = NAMESPACES[namespace]
    velocity = FIELD(ORIGIN)
    planes = {
        "leading": plane_of(np.eye(10)[[0, 5]], make),
        "flat": plane_of(np.eye(10)[[3, 4]] * 2.0, make),
        "gradients": plane_of([velocity * (np.arange(10) < 6), velocity * (np.arange(10) >= 6)], make),
    }
    extent = {"leading": 1.0, "flat": 1.0, "gradients": 0.02}
    found = compare_planes(losses, planes, extent=extent, points=9, field=FIELD, curvature=True)
    np.testing.assert_allclose(found.true_curvatures, [20, -2], atol=1e-8)
    assert found.converged
    larger, smaller = found["player curvature, larger"], found["player curvature, smaller"]
    assert larger["leading"] == pytest.approx(20)
    assert smaller["leading"] == pytest.approx(-2)
    assert larger["flat"] == pytest.approx(0.5)
    assert smaller["flat"] == pytest.approx(0.1)
    g = velocity[:6]
    assert larger["gradients"] == pytest.approx(g @ OWN_G @ g / (g @ g))
    assert smaller["gradients"] == larger["gradients"], "one axis alone moves the player"
    share = found["in-plane share"]
    assert share["gradients"] == pytest.approx(1)
    assert share["flat"] == pytest.approx(np.linalg.norm(velocity[[3, 4]]) / np.linalg.norm(velocity))
    assert found["curvature, larger"]["flat"] == pytest.approx(0.5), "per parameter length"
    text = str(found)
    assert "leading" in text
    assert "from -2 to 20" in text


def test_the_discriminator_has_its_own():
    planes = {"d": plane_of(np.eye(10)[[6, 7]]), "g": plane_of(np.eye(10)[:2])}
    found = compare_planes(losses, planes, "discriminator", points=5, field=FIELD, curvature=True)
    np.testing.assert_allclose(found.true_curvatures, [4, 0.2], atol=1e-8)
    assert found["player curvature, larger"]["d"] == pytest.approx(4)
    assert np.isnan(found["player curvature, larger"]["g"]), "the plane does not move the player"


def test_a_random_plane_of_a_network_hides_most_of_the_velocity():
    field, state = torch_game(2, 8, 3)
    both = lambda x: array_namespace(x).stack([array_namespace(x).sum(x * x, axis=-1)] * 2, axis=-1)
    velocity = field(state)
    owner = like(field.layout.mask("generator").astype(float), state)
    gradients = Plane(
        state, array_namespace(state).stack([velocity * owner, velocity * (1 - owner)]), field.layout,
        ("a", "b"), "gradients",
    )  # fmt: skip
    planes = {"random": random_plane(field.layout, state), "gradients": gradients}
    found = compare_planes(both, planes, points=5, field=field, curvature=True)
    share = found["in-plane share"]
    assert share["gradients"] == pytest.approx(1)
    assert share["random"] < 0.6
    where = field.layout.player_slice("generator")
    hessian = -to_numpy(field.jac(state))[where, where]
    np.testing.assert_allclose(found.true_curvatures, np.linalg.eigvalsh(hessian)[[-1, 0]], rtol=1e-4)
    for values in (found["player curvature, larger"], found["player curvature, smaller"]):
        for value in values.values():
            assert found.true_curvatures[1] <= value <= found.true_curvatures[0]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"planes": {}}, "at least one plane"),
        ({"player": "critic"}, "player must be one of"),
        ({"extent": {"other": 1.0}}, r"extent must name each of \['one'\]"),
        ({"curvature": True}, "pass field="),
    ],
)
def test_bad_comparisons(settings, message):
    with pytest.raises(ValueError, match=message):
        compare_planes(losses, **{"planes": {"one": plane_of(np.eye(2, 10))}, **settings})


def test_curvature_is_at_one_origin():
    moved = Plane(np.zeros(10), np.eye(2, 10), LAYOUT, ("a", "b"), "test")
    with pytest.raises(ValueError, match="planes of one origin"):
        compare_planes(losses, {"one": plane_of(np.eye(2, 10)), "two": moved}, field=FIELD, curvature=True)
