"""Where an optimiser goes from the points of a plane, against its steps taken one by one."""

import numpy as np
import pytest
import torch
from problems import NAMESPACES, linear_flow, linear_map, plain_layout

from gandyn import load, nets, plot
from gandyn.arrays import array_namespace, to_numpy
from gandyn.field import Block, Layout, UpdateMap, VectorField
from gandyn.nets import losses
from gandyn.nets.optimizers import SGD, Adam
from gandyn.nets.recipe import Recipe
from gandyn.planes import Plane, coordinate_plane, displacement, random_plane, sample

THREE = Layout.scalars(generator=["x", "y"], discriminator=["z"])
MATRIX = np.array([[-0.5, -1.0, 0.2], [1.0, -0.1, 0.0], [0.3, 0.4, -0.7]])


def momentum(beta=0.9, h=0.1):
    """x' = x + h m', m' = beta m + A x: heavy ball on a linear field, its memory behind the parameters."""
    layout = Layout((*THREE.blocks, Block("m", "memory", (3,))))

    def step(state, k):
        xp = array_namespace(state)
        x, m = state[..., :3], state[..., 3:]
        m = beta * m + xp.matmul(x, xp.asarray(MATRIX.T.copy(), dtype=x.dtype))
        return xp.concat([x + h * m, m], axis=-1)

    def start(theta):
        xp = array_namespace(theta)
        return xp.concat([theta, xp.zeros_like(theta)], axis=-1)

    return UpdateMap(step, layout, h, start=start, label="heavy ball")


def oblique(make=np.asarray):
    axes = np.array([[1.0, 0.5, 0.0], [0.2, 1.0, 2.0]])
    return Plane(make(np.array([0.3, -0.2, 0.1])), make(axes), THREE, ("a", "b"), "test")


@pytest.mark.parametrize("namespace", NAMESPACES)
def test_steps_without_memory_are_a_power_of_the_matrix(namespace):
    system = linear_map(np.eye(3) + 0.1 * MATRIX, dt=0.1, layout=THREE)
    plane = oblique(NAMESPACES[namespace])
    found = displacement(system, plane, points=(4, 3), steps=5)
    moved = np.linalg.matrix_power(np.eye(3) + 0.1 * MATRIX, 5) - np.eye(3)
    points = to_numpy(plane.point(*np.meshgrid(found.a, found.b)))
    whole = points @ moved.T / 0.5
    inside = found.velocity @ to_numpy(plane.axes)
    np.testing.assert_allclose(found.velocity, plane.components(whole), atol=1e-13)
    np.testing.assert_allclose(found.speed, np.linalg.norm(whole, axis=-1), atol=1e-13)
    share = np.linalg.norm(inside, axis=-1) / np.linalg.norm(whole, axis=-1)
    np.testing.assert_allclose(found.in_plane_share, share, atol=1e-13)
    assert (found.clock, found.dt, found.nonfinite) == ("map", 0.1, 0)
    assert found.quantity == "displacement of 5 steps, over 5 dt"


def test_one_step_is_what_sample_draws():
    system = linear_map(np.eye(3) + 0.1 * MATRIX, dt=0.1, layout=THREE)
    one, sampled = displacement(system, oblique(), points=4, steps=1), sample(system, oblique(), points=4)
    np.testing.assert_array_equal(one.velocity, sampled.velocity)
    np.testing.assert_array_equal(one.in_plane_share, sampled.in_plane_share)
    assert sampled.quantity == "displacement of a step over dt"
    assert sample(linear_flow(MATRIX, THREE), oblique(), points=2).quantity == "velocity of the field"


@pytest.mark.parametrize("memory", [None, np.array([1.0, -2.0, 0.5])])
@pytest.mark.parametrize("chunk", [1, 5, None])
def test_memory_is_fresh_or_that_of_a_state_and_not_drawn(memory, chunk):
    update, plane = momentum(), oblique()
    state = None if memory is None else np.concatenate([np.full(3, 99.0), memory])
    found = displacement(update, plane, 2.0, points=3, steps=4, state=state, chunk=chunk)
    for i, b in enumerate(found.b):
        for j, a in enumerate(found.a):
            x = plane.point(a, b)
            full = np.concatenate([x, np.zeros(3) if memory is None else memory])
            for _ in range(4):
                full = update(full)
            np.testing.assert_allclose(
                found.velocity[i, j], plane.components((full[:3] - x) / 0.4), atol=1e-13
            )
    where = "from fresh memory" if memory is None else "with its memory"
    assert where in found.quantity


def test_the_cosine_with_the_field():
    """Heavy ball's first step is the field itself; later ones turn away from it."""
    field = linear_flow(MATRIX, THREE)
    one, five = (displacement(momentum(), oblique(), points=4, steps=n, field=field) for n in (1, 5))
    np.testing.assert_allclose(one.cosine, 1, atol=1e-14)
    plane, velocity = oblique(), field(oblique().point(*np.meshgrid(five.a, five.b)))
    full = momentum().start(plane.point(*np.meshgrid(five.a, five.b)))
    for _ in range(5):
        full = momentum()(full)
    moved = full[..., :3] - plane.point(*np.meshgrid(five.a, five.b))
    expected = np.sum(moved * velocity, axis=-1)
    expected /= np.linalg.norm(moved, axis=-1) * np.linalg.norm(velocity, axis=-1)
    np.testing.assert_allclose(five.cosine, expected, atol=1e-13)
    assert five.cosine.max() < 1 - 1e-4
    assert "cosine" in five.to_xarray()
    assert displacement(momentum(), oblique(), points=2).cosine is None


def test_tiles_threads_and_stores_do_not_change_the_result(tmp_path):
    from concurrent.futures import ThreadPoolExecutor

    update = UpdateMap(lambda x, k: x - 0.1 * np.sin(x[..., ::-1]) / (k + 1), THREE, 0.1)
    settings = {"points": (7, 5), "steps": 3, "field": VectorField(lambda x, t: np.cos(x), THREE)}
    whole = displacement(update, oblique(), **settings)
    with ThreadPoolExecutor(2) as executor:
        tiled = displacement(update, oblique(), tile=(2, 3), executor=executor, **settings)
    stored = displacement(update, oblique(), store=tmp_path / "steps.zarr", tile=3, **settings)
    for found in (tiled, stored, load(tmp_path / "steps.zarr")):
        assert found.quantity == whole.quantity
        for name in ("velocity", "speed", "in_plane_share", "cosine"):
            np.testing.assert_array_equal(getattr(found, name), getattr(whole, name))


def test_a_store_is_for_the_same_steps_only(tmp_path):
    update, path = momentum(), tmp_path / "steps.zarr"
    state = update.start(oblique().origin)
    displacement(update, oblique(), points=3, store=path, state=state, settings={"seed": 1})
    for other, words in (
        ({"steps": 4}, "5 steps"),
        ({"k": 2}, "k: 0"),
        ({"state": state + 0.5}, "state"),
        ({"state": None}, "from fresh memory"),
        ({"settings": {"seed": 2}}, "seed: 1"),
    ):
        same = {"points": 3, "store": path, "state": state, "settings": {"seed": 1}}
        with pytest.raises(ValueError, match=words):
            displacement(update, oblique(), **(same | other))


def test_the_steps_are_numbered_from_k():
    layout = plain_layout(2)
    counted = UpdateMap(lambda x, k: x + k, layout, 1.0)
    found = displacement(counted, coordinate_plane(layout, "x[0]", "x[1]"), points=1, steps=3, k=10)
    np.testing.assert_array_equal(found.velocity, [[[11.0, 11.0]]])


def networks(optimizer, seed=0):
    torch.manual_seed(seed)
    g = torch.nn.Sequential(torch.nn.Linear(2, 6), torch.nn.Tanh(), torch.nn.Linear(6, 2))
    d = torch.nn.Sequential(torch.nn.Linear(2, 6), torch.nn.Tanh(), torch.nn.Linear(6, 1))
    data, latent = torch.randn(32, 2), torch.randn(32, 2)
    recipe = Recipe(optimizers=(optimizer, optimizer), batch_size=32, order="simultaneous")
    step, x = nets.training_map(g, d, losses.nonsaturating(), data, latent=2, recipe=recipe, resample=False)
    field = nets.gan_field(g, d, losses.nonsaturating(), data, latent)
    return step, x, field


def test_adam_from_fresh_memory_goes_by_signs_and_not_by_the_gradient():
    step, x, field = networks(Adam(lr=1e-3))
    plane = random_plane(field.layout, x[: field.layout.dim])
    found = displacement(step, plane, 0.5, points=2, steps=1, field=field)
    # The first step of Adam is lr times the sign of every entry of the gradient.
    np.testing.assert_allclose(found.speed, np.sqrt(field.layout.dim), rtol=1e-3)
    assert np.all(found.cosine < 0.95)
    assert "from fresh memory" in found.quantity


def test_networks_continue_with_the_memory_of_a_state():
    step, x, field = networks(Adam(lr=1e-3))
    for k in range(10):
        x = step(x, k)
    plane = random_plane(field.layout, x[: field.layout.dim])
    found = displacement(step, plane, a=[0.0], b=[0.0], steps=3, state=x, k=10)
    after = x
    for k in range(10, 13):
        after = step(after, k)
    moved = to_numpy((after - x)[: field.layout.dim]) / (3 * step.dt)
    np.testing.assert_allclose(found.velocity[0, 0], plane.components(torch.as_tensor(moved)), rtol=1e-9)
    np.testing.assert_allclose(found.speed[0, 0], np.linalg.norm(moved), rtol=1e-9)


def test_small_steps_of_descent_follow_the_gradient_of_their_batch():
    step, x, field = networks(SGD(lr=1e-4))
    plane = random_plane(field.layout, x)
    found = displacement(step, plane, 0.5, points=2, field=field)
    assert np.all(found.cosine > 0.8), "another batch of latents is all that differs"


def test_the_portrait_says_what_is_drawn():
    from matplotlib.figure import Figure

    with plot.style(height=4.0):
        found = displacement(momentum(), oblique(), points=9, field=linear_flow(MATRIX, THREE))
        text = plot.portrait(Figure().subplots(), found).caption.get_text().replace("\n", " ")
        flow = plot.portrait(Figure().subplots(), sample(linear_flow(MATRIX, THREE), oblique(), points=9))
    assert "Drawn: displacement of 5 steps from fresh memory, over 5 dt." in text
    assert f"Median cosine with the field: {np.median(found.cosine):.2g}." in text
    assert "Drawn: velocity of the field." in flow.caption.get_text().replace("\n", " ")


@pytest.mark.parametrize(
    ("update", "settings", "error", "message"),
    [
        (linear_flow(MATRIX, THREE), {}, TypeError, "takes an UpdateMap, got VectorField"),
        (momentum(), {"steps": 0}, ValueError, "steps must be a positive integer, got 0"),
        (momentum(), {"steps": 2.0}, ValueError, "steps must be a positive integer"),
        (momentum(), {"state": np.zeros(3)}, ValueError, r"state must have shape \(6,\), got \(3,\)"),
        (linear_map(np.eye(3)), {}, ValueError, "blocks must start with those of the plane"),
        (
            momentum(),
            {"field": linear_flow(np.eye(2))},
            ValueError,
            "field must act on the plane's 3 entries",
        ),
        (
            UpdateMap(lambda x, k: x, momentum().layout, label="mute"),
            {},
            ValueError,
            "mute does not say which memory it starts with: pass state=",
        ),
    ],
)
def test_what_does_not_fit_is_refused(update, settings, error, message):
    with pytest.raises(error, match=message):
        displacement(update, oblique(), points=2, **settings)


def test_a_plane_must_hold_all_parameters():
    layout = Layout.scalars(generator=["x", "y"])
    plane = coordinate_plane(layout, "x", "y")
    with pytest.raises(ValueError, match=r"lacks blocks of \['discriminator'\]"):
        displacement(linear_map(np.eye(3), layout=THREE), plane, points=2)
