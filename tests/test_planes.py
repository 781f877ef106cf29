import numpy as np
import pytest
import torch
from problems import (
    NAMESPACES,
    focus,
    forced,
    linear_flow,
    linear_map,
    network_layout,
    plain_layout,
    torch_game,
)

from gandyn.arrays import to_numpy
from gandyn.field import Block, Layout, UpdateMap, VectorField
from gandyn.planes import (
    Plane,
    coordinate_plane,
    filter_normalized_plane,
    pca_plane,
    project,
    random_plane,
    random_walk_shares,
    sample,
    spanned_plane,
)
from gandyn.trajectories import trajectory

LAYOUT = network_layout()
GAME = Layout.scalars(generator=["b_g"], discriminator=["b_d"])


@pytest.fixture
def weights():
    return np.random.default_rng(0).standard_normal(LAYOUT.dim)


def oblique(namespace="numpy"):
    """A plane in four dimensions with axes of unequal length at 45 degrees."""
    make = NAMESPACES[namespace]
    axes = make(np.array([[2.0, 0, 0, 0], [3.0, 3.0, 0, 0]]))
    return Plane(make(np.array([1.0, 1, 1, 1])), axes, plain_layout(4), ("first", "second"), "test")


def filters(block, values):
    """Return the filters of a block one by one, found by slicing the tensor, not by labels."""
    tensor = values.reshape(block.shape)
    if block.groups == 1:
        return list(np.moveaxis(tensor, block.filter_axis, 0))
    return [part[:, j] for part in np.split(tensor, block.groups, axis=0) for j in range(tensor.shape[1])]


# The plane


@pytest.mark.parametrize("namespace", NAMESPACES)
def test_points_and_coordinates_are_inverse(namespace):
    plane = oblique(namespace)
    a, b = np.array([[0.5], [-1.0], [2.0]]), np.array([1.5, 0.0])
    points = plane.point(a, b)
    assert points.shape == (3, 2, 4)
    assert type(points) is type(plane.origin)
    expected = np.stack(np.broadcast_arrays(a, b), axis=-1)
    np.testing.assert_allclose(plane.coordinates(points), expected, atol=1e-14)
    np.testing.assert_allclose(plane.off_plane(points), 0, atol=1e-14)


def test_the_gram_solve_drops_what_is_off_the_plane():
    plane = oblique()
    np.testing.assert_array_equal(plane.gram, [[4, 6], [6, 18]])
    x = plane.point(0.5, -1.0) + np.array([0, 0, 3.0, 4.0])
    np.testing.assert_allclose(plane.coordinates(x), [0.5, -1.0], atol=1e-14)
    assert plane.off_plane(x) == pytest.approx(5.0)


def test_coordinates_survive_axes_of_very_different_length():
    axes = np.array([[1e-7, 0.0, 0.0], [1e6, 1e6, 0.0]])
    plane = Plane(np.zeros(3), axes, plain_layout(3), ("a", "b"), "test")
    np.testing.assert_allclose(plane.coordinates(plane.point(2.0, 0.0)), [2.0, 0.0], atol=1e-12)


def test_a_plane_moves_between_namespaces():
    moved = oblique().like(torch.zeros(1, dtype=torch.float64))
    assert isinstance(moved.point(1.0, 2.0), torch.Tensor)
    np.testing.assert_array_equal(moved.axes.numpy(), oblique().axes)


@pytest.mark.parametrize(
    ("origin", "axes", "error", "message"),
    [
        (np.zeros(3), np.eye(2, 4), ValueError, r"origin must have shape \(4,\), got \(3,\)"),
        (np.zeros(4), np.eye(3, 4), ValueError, r"axes must have shape \(2, 4\)"),
        (np.zeros(4), np.eye(2, 4) * [[1.0], [0.0]], ValueError, "axis 'b' of the plane is zero"),
        (np.zeros(4), np.ones((2, 4)) * [[1.0], [-2.0]], ValueError, "parallel"),
        (np.full(4, np.nan), np.eye(2, 4), ValueError, "origin must be finite"),
        (np.zeros(4, dtype=int), np.eye(2, 4), TypeError, "origin must be floating point"),
        ([0.0] * 4, np.eye(2, 4), TypeError, "got list"),
    ],
)
def test_a_broken_plane_is_refused(origin, axes, error, message):
    with pytest.raises(error, match=message):
        Plane(origin, axes, plain_layout(4), ("a", "b"), "test")


def test_parallel_axes_in_single_precision_are_refused():
    axes = torch.randn(4, generator=torch.Generator().manual_seed(0)) * torch.tensor([[1.0], [1.0 / 3.0]])
    with pytest.raises(ValueError, match="parallel"):
        Plane(torch.zeros(4), axes, plain_layout(4), ("a", "b"), "test")


def test_a_plane_has_two_names():
    with pytest.raises(ValueError, match="two axes"):
        Plane(np.zeros(4), np.eye(2, 4), plain_layout(4), ("a", "b", "c"), "test")


# Coordinate planes


@pytest.mark.parametrize("order", [("b_g", "b_d"), ("b_d", "b_g")])
def test_the_discriminator_is_on_the_horizontal_axis(order):
    plane = coordinate_plane(GAME, *order)
    assert plane.names == ("b_d", "b_g")
    np.testing.assert_array_equal(plane.point(3.0, -2.0), [-2.0, 3.0])


def test_coordinates_are_values_and_the_rest_is_the_origin():
    layout = Layout((Block("w", "state", (2, 3)), Block("b", "state")))
    origin = np.arange(1.0, 8.0)
    plane = coordinate_plane(layout, "w[1, 2]", "b", origin)
    np.testing.assert_array_equal(plane.point(10.0, 20.0), [1, 2, 3, 4, 5, 10, 20])
    assert plane.names == ("w[1, 2]", "b")
    np.testing.assert_array_equal(origin, np.arange(1.0, 8.0))


@pytest.mark.parametrize(
    ("names", "error", "message"),
    [
        (("w", "b"), ValueError, r"not one entry of block 'w' of shape \(2, 3\); name one as \"w\[0, 0\]\""),
        (("w[2, 0]", "b"), ValueError, "not one entry"),
        (("w[0]", "b"), ValueError, "not one entry"),
        (("b", "b"), ValueError, "must differ"),
        (("c", "b"), KeyError, "no block named 'c'"),
    ],
)
def test_bad_coordinates(names, error, message):
    layout = Layout((Block("w", "state", (2, 3)), Block("b", "state")))
    with pytest.raises(error, match=message):
        coordinate_plane(layout, *names)


# Filter-normalised planes


@pytest.mark.parametrize("players", ["both", "generator", "discriminator"])
@pytest.mark.parametrize("namespace", NAMESPACES)
def test_every_filter_keeps_its_norm_and_is_orthogonal(namespace, players, weights):
    plane = filter_normalized_plane(LAYOUT, NAMESPACES[namespace](weights), players=players, seed=1)
    axes, checked = to_numpy(plane.axes), 0
    for block, where in LAYOUT.offsets():
        if block.filter_axis is None or players not in ("both", block.player):
            assert np.all(axes[:, where] == 0)
            continue
        stored = [filters(block, values[where]) for values in (weights, axes[0], axes[1])]
        for theta, first, second in zip(*stored, strict=True):
            norm = np.linalg.norm(theta)
            assert abs(np.linalg.norm(first) / norm - 1) < 1e-12
            assert abs(np.linalg.norm(second) / norm - 1) < 1e-12
            assert abs(np.sum(first * second)) < 1e-12 * norm**2
            checked += 1
    assert checked == {"both": 6 + 3 + 6 + 5 + 1, "generator": 6 + 3 + 6, "discriminator": 5 + 1}[players]


@pytest.mark.parametrize(
    "layer",
    [
        torch.nn.Linear(5, 4, bias=False),
        torch.nn.Conv2d(4, 6, 3, bias=False),
        torch.nn.Conv2d(4, 6, 3, groups=2, bias=False),
        torch.nn.ConvTranspose2d(4, 6, 3, bias=False),
        torch.nn.ConvTranspose2d(4, 6, 3, groups=2, bias=False),
    ],
    ids=str,
)
def test_filters_are_what_makes_one_output_channel(layer):
    """Moving one filter's weights changes one output channel of the module and no other."""
    transposed = isinstance(layer, torch.nn.ConvTranspose2d)
    block = Block(
        "w",
        "generator",
        tuple(layer.weight.shape),
        filter_axis=1 if transposed else 0,
        groups=layer.groups if transposed else 1,
    )
    layer = layer.double()
    shape = (1, 5) if isinstance(layer, torch.nn.Linear) else (1, 4, 5, 5)
    x = torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    run = lambda weight: torch.func.functional_call(layer, {"weight": weight}, (x,)).detach()
    labels = torch.as_tensor(block.filter_labels().reshape(block.shape))
    assert labels.max() + 1 == run(layer.weight).shape[1]
    for number in range(labels.max() + 1):
        change = run(layer.weight + (labels == number).double()) - run(layer.weight)
        moved = change.abs().reshape(change.shape[1], -1).amax(dim=1)
        assert torch.nonzero(moved > 1e-9).ravel().tolist() == [number]


def test_one_axis_a_player(weights):
    plane = filter_normalized_plane(LAYOUT, weights, players="axis per player")
    both = filter_normalized_plane(LAYOUT, weights)
    generator = LAYOUT.mask("generator")
    assert np.all(plane.axes[0, generator] == 0)
    assert np.all(plane.axes[1, ~generator] == 0)
    np.testing.assert_array_equal(plane.axes.sum(axis=0), both.axes[0])
    assert plane.names[0].startswith("discriminator")
    assert plane.names[1].startswith("generator")


def test_the_draws_depend_on_seed_and_layout_only(weights):
    both = filter_normalized_plane(LAYOUT, weights, seed=5)
    one = filter_normalized_plane(LAYOUT, weights, seed=5, blocks=["discriminator.conv.weight"])
    where = LAYOUT.slice("discriminator.conv.weight")
    np.testing.assert_array_equal(one.axes[:, where], both.axes[:, where])
    assert np.all(np.delete(one.axes, np.r_[where], axis=1) == 0)
    other = filter_normalized_plane(LAYOUT, weights, seed=6)
    assert not np.allclose(other.axes, both.axes)


def test_a_zero_filter_is_refused_with_its_name_or_skipped(weights):
    where = LAYOUT.slice("discriminator.conv.weight")
    weights[where].reshape(5, -1)[3] = 0
    with pytest.raises(
        ValueError, match=r'filter 3 of block .discriminator.conv.weight.*zero_filters="skip"'
    ):
        filter_normalized_plane(LAYOUT, weights)
    plane = filter_normalized_plane(LAYOUT, weights, zero_filters="skip")
    assert np.all(plane.axes[:, where].reshape(2, 5, -1)[:, 3] == 0)
    assert "1 filters of norm 0 are not moved" in plane.notes


def test_filters_of_one_entry_move_along_the_first_axis_only():
    layout = Layout(
        (Block("g", "generator", (3, 1), filter_axis=0), Block("d", "discriminator", (1, 3), filter_axis=0))
    )
    weights = np.array([1.0, -2.0, 3.0, 1.0, 1.0, 1.0])
    plane = filter_normalized_plane(layout, weights)
    np.testing.assert_allclose(np.abs(plane.axes[0, :3]), [1, 2, 3])
    np.testing.assert_array_equal(plane.axes[1, :3], 0)
    assert any("3 filters of a single entry" in note for note in plane.notes)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"players": "all"}, ValueError, "players must be one of"),
        ({"zero_filters": "ignore"}, ValueError, "zero_filters must be one of"),
        ({"blocks": ["generator.fc.bias"]}, ValueError, "without filters.*random_plane"),
        ({"blocks": ["nothing"]}, KeyError, "no block named 'nothing'"),
        ({"blocks": []}, ValueError, "no block to move"),
        ({"blocks": "generator.fc.weight"}, ValueError, "sequence of names"),
        (
            {"blocks": ["generator.fc.weight"], "players": "discriminator"},
            ValueError,
            "no block to move for player = 'discriminator'",
        ),
        (
            {"blocks": ["generator.fc.weight"], "players": "axis per player"},
            ValueError,
            "'discriminator, .* zero",
        ),
    ],
)
def test_bad_filter_normalized_planes(arguments, error, message, weights):
    with pytest.raises(error, match=message):
        filter_normalized_plane(LAYOUT, weights, **arguments)


def test_weights_that_are_not_finite_are_refused(weights):
    weights[3] = np.nan
    with pytest.raises(ValueError, match="origin must be finite"):
        filter_normalized_plane(LAYOUT, weights)


def as_the_reference_code(weight, draw):
    """Per filter along axis 0, ``d *= |w| / (|d| + 1e-10)``; what has at most one axis is zeroed."""
    if weight.ndim <= 1:
        return np.zeros_like(draw)
    return np.stack(
        [d * (np.linalg.norm(w) / (np.linalg.norm(d) + 1e-10)) for w, d in zip(weight, draw, strict=True)]
    )


def drawn(layout, seed):
    """The Gaussian draws of both directions, block by block."""
    rng = np.random.default_rng(seed)
    return [rng.standard_normal((2, *block.shape)) for block in layout.blocks]


def layout_of(module):
    """Blocks of a module's parameters, the filter axis by the type of the layer."""
    blocks = []
    for name, layer in module.named_children():
        transposed = isinstance(layer, torch.nn.ConvTranspose2d)
        axis, groups = (1, layer.groups) if transposed else (0, 1)
        blocks += [
            Block(
                f"{name}.{part}",
                "generator",
                tuple(p.shape),
                axis if p.ndim > 1 else None,
                groups if p.ndim > 1 else 1,
            )
            for part, p in layer.named_parameters()
        ]
    flat = torch.cat([p.detach().double().ravel() for p in module.parameters()]).numpy()
    return Layout(tuple(blocks)), flat


def test_directions_of_a_classifier_equal_those_of_the_reference_code():
    torch.manual_seed(0)
    layers = torch.nn.Sequential(
        torch.nn.Conv2d(1, 6, 5), torch.nn.Conv2d(6, 8, 3), torch.nn.BatchNorm2d(8), torch.nn.Linear(32, 10)
    )
    layout, weights = layout_of(layers)
    plane = filter_normalized_plane(layout, weights, seed=3, orthogonal=False)
    orthogonal = filter_normalized_plane(layout, weights, seed=3)
    for (block, where), draws in zip(layout.offsets(), drawn(layout, 3), strict=True):
        expected = [
            as_the_reference_code(weights[where].reshape(block.shape), draw).ravel() for draw in draws
        ]
        np.testing.assert_allclose(plane.axes[:, where], expected, rtol=2e-10, atol=0)
        np.testing.assert_allclose(orthogonal.axes[0, where], expected[0], rtol=2e-10, atol=0)
    first, second = plane.axes
    assert 1e-6 < abs(first @ second) / (first @ first) < 0.5, "as drawn they are not orthogonal"


@pytest.mark.parametrize("groups", [1, 2])
def test_transposed_filters_are_right_where_the_reference_code_is_not(groups):
    torch.manual_seed(0)
    layer = torch.nn.ConvTranspose2d(4, 6, 3, groups=groups, bias=False)
    layout, weights = layout_of(torch.nn.Sequential(layer))
    (block,), (draws,) = layout.blocks, drawn(layout, 0)
    plane = filter_normalized_plane(layout, weights, seed=0, orthogonal=False)
    theirs = as_the_reference_code(weights.reshape(block.shape), draws[0])
    ours = plane.axes[0].reshape(block.shape)
    for theta, wrong, right in zip(*(filters(block, x) for x in (weights, theirs, ours)), strict=True):
        assert np.linalg.norm(right) == pytest.approx(np.linalg.norm(theta), rel=1e-14)
        assert abs(np.linalg.norm(wrong) / np.linalg.norm(theta) - 1) > 1e-3
    assert len(filters(block, weights)) == 6


@pytest.mark.parametrize("size", [2, 3, 7, 500])
def test_norms_and_right_angles_hold_to_rounding(size):
    """Also in the smallest filters, whose two draws may nearly point the same way."""
    layout = Layout((Block("w", "generator", (300, size), filter_axis=0),))
    weights = np.random.default_rng(9).standard_normal((300, size)) * np.logspace(-6, 6, 300)[:, None]
    first, second = filter_normalized_plane(layout, weights.ravel(), seed=4).axes.reshape(2, 300, size)
    sizes = np.linalg.norm(weights, axis=1)
    for axis in (first, second):
        np.testing.assert_allclose(np.linalg.norm(axis, axis=1), sizes, rtol=4e-15)
    assert np.max(np.abs(np.sum(first * second, axis=1)) / sizes**2) < 1e-15


def test_as_drawn_filters_of_one_entry_move_along_both_axes():
    layout = Layout(
        (Block("g", "generator", (3, 1), filter_axis=0), Block("d", "generator", (2, 3), filter_axis=0))
    )
    plane = filter_normalized_plane(layout, np.arange(1.0, 10.0), orthogonal=False)
    np.testing.assert_allclose(np.abs(plane.axes[:, :3]), [[1, 2, 3]] * 2)
    assert plane.notes == ()


# PCA, spanned and random planes


def uneven_walk(steps=30, sizes=(60, 20), scale=(3.0, 0.1), seed=0):
    """A random walk whose players move at very different speeds, and its layout."""
    rng = np.random.default_rng(seed)
    walks = [
        s * np.cumsum(rng.standard_normal((steps, n)), axis=0) for n, s in zip(sizes, scale, strict=True)
    ]
    blocks = Block("g", "generator", (sizes[0],)), Block("d", "discriminator", (sizes[1],))
    return np.concatenate(walks, axis=1), Layout(blocks)


@pytest.mark.parametrize("shape", [(30, 60, 20), (60, 9, 4)])
@pytest.mark.parametrize("namespace", NAMESPACES)
def test_weighted_players_contribute_the_same_variance(shape, namespace):
    path, layout = uneven_walk(shape[0], shape[1:])
    plane = pca_plane(NAMESPACES[namespace](path), layout)
    centred = path - path.mean(axis=0)
    parts = [centred[:, layout.mask(player)] for player in ("generator", "discriminator")]
    scaled = np.concatenate([part / np.linalg.norm(part) for part in parts], axis=1)
    _, sizes, right = np.linalg.svd(scaled, full_matrices=False)
    np.testing.assert_allclose(plane.explained[:4], sizes[:4] ** 2 / 2, atol=1e-12)
    factors = np.repeat([np.linalg.norm(part) for part in parts], shape[1:])
    expected = right[:2] * factors
    expected = expected / np.linalg.norm(expected, axis=1)[:, None]
    axes = to_numpy(plane.axes)
    np.testing.assert_allclose(np.abs(np.sum(axes * expected, axis=1)), 1, atol=1e-10)
    share = np.linalg.norm(parts[0]) ** 2 / np.sum(centred**2)
    assert f"the generator makes {share:.1%} of the variance as it is" in plane.notes[1]
    assert "count the same" in plane.notes[1]


def test_unweighted_the_larger_player_is_all_that_is_seen():
    path, layout = uneven_walk()
    plain, weighted = (pca_plane(path, layout, weights=weights) for weights in ("entries", "players"))
    seen = [np.linalg.norm(plane.axes[:, 60:], axis=1) for plane in (plain, weighted)]
    sizes = np.linalg.svd(path - path.mean(axis=0), compute_uv=False) ** 2
    np.testing.assert_allclose(plain.explained[:3], sizes[:3] / sizes.sum(), atol=1e-12)
    np.testing.assert_allclose(plain.gram, np.eye(2), atol=1e-12)
    assert "as it is" in plain.notes[1]
    assert "weighted" not in plain.notes[1]
    assert np.all(seen[0] < 0.05)
    assert weighted.explained[0] < 0.75


def test_weights_make_the_scale_of_a_player_irrelevant():
    path, layout = uneven_walk()
    scaled = path * np.where(layout.mask("generator"), 1000.0, 1.0)
    one, other = pca_plane(path, layout), pca_plane(scaled, layout)
    np.testing.assert_allclose(one.explained, other.explained, atol=1e-12)
    for first, second in zip(one.axes[:, 60:], other.axes[:, 60:], strict=True):
        assert first @ second == pytest.approx(np.linalg.norm(first) * np.linalg.norm(second), rel=1e-10)


def test_memory_is_carried_along_without_a_say():
    path, layout = uneven_walk()
    memory = np.random.default_rng(5).standard_normal((30, 7)) * 1e3
    whole = Layout((*layout.blocks, Block("m", "memory", (7,))))
    plane = pca_plane(np.concatenate([path, memory], axis=1), whole)
    assert plane.explained[:29] == pytest.approx(pca_plane(path, layout).explained, abs=1e-12)
    assert np.all(np.linalg.norm(plane.axes[:, -7:], axis=1) > 0)


@pytest.mark.parametrize("count", [2, 3, 10, 57])
def test_a_random_walk_has_the_shares_of_its_covariance(count):
    """Positions of a walk covary by min(s, t); about its mean that is H M H."""
    index = np.arange(count)
    centring = np.eye(count) - 1 / count
    values = np.linalg.eigvalsh(centring @ np.minimum.outer(index, index) @ centring)[::-1]
    np.testing.assert_allclose(random_walk_shares(count), values[:-1] / values.sum(), atol=1e-13)
    assert random_walk_shares(count).sum() == pytest.approx(1, abs=1e-13)


def test_long_walks_tend_to_the_known_shares():
    np.testing.assert_allclose(random_walk_shares(10**5)[:3], [0.608, 0.152, 0.0675], atol=1e-4)
    np.testing.assert_allclose(random_walk_shares(10**5)[:3], 6 / (np.pi * np.arange(1, 4)) ** 2, rtol=1e-8)


def test_a_walk_in_many_dimensions_has_them():
    walk = np.cumsum(np.random.default_rng(0).standard_normal((20, 8_000)), axis=0)
    plane = pca_plane(walk, plain_layout(8_000))
    np.testing.assert_allclose(plane.explained[:3], random_walk_shares(20)[:3], atol=0.01)
    shares = 100 * random_walk_shares(20)
    assert f"random walk of 20 states in many dimensions shows {shares[0]:.3g}, {shares[1]:.3g}" in str(plane)


def test_few_dimensions_are_not_compared_with_many():
    path = np.cumsum(np.random.default_rng(0).standard_normal((60, 5)), axis=0)
    assert "random walk" not in str(pca_plane(path, plain_layout(5)))
    with pytest.raises(ValueError, match="at least two states"):
        random_walk_shares(1)
    with pytest.raises(ValueError, match="weights must be one of"):
        pca_plane(path, plain_layout(5), weights="player")


@pytest.mark.parametrize("shape", [(12, 40), (60, 5)])
@pytest.mark.parametrize("namespace", NAMESPACES)
def test_pca_equals_the_singular_value_decomposition(shape, namespace):
    path = np.cumsum(np.random.default_rng(0).standard_normal(shape), axis=0)
    plane = pca_plane(NAMESPACES[namespace](path), plain_layout(shape[1]))
    _, sizes, vectors = np.linalg.svd(path - path.mean(axis=0), full_matrices=False)
    rank = min(shape[0] - 1, shape[1])
    np.testing.assert_allclose(plane.explained, (sizes**2 / np.sum(sizes**2))[:rank], atol=1e-12)
    np.testing.assert_allclose(np.abs(np.sum(to_numpy(plane.axes) * vectors[:2], axis=1)), 1, atol=1e-10)
    np.testing.assert_allclose(plane.gram, np.eye(2), atol=1e-12)
    np.testing.assert_allclose(to_numpy(plane.origin), path.mean(axis=0), atol=1e-12)
    assert np.all(to_numpy(plane.axes) @ (path[-1] - path[0]) >= 0)
    shares = project(plane, path)
    assert shares.path_off_plane_share == pytest.approx(1 - sum(plane.explained[:2]), abs=1e-12)


def test_pca_about_the_last_state():
    path = np.cumsum(np.random.default_rng(0).standard_normal((9, 20)), axis=0)
    last, mean = (pca_plane(path, plain_layout(20), origin) for origin in ("last", "mean"))
    np.testing.assert_array_equal(last.origin, path[-1])
    np.testing.assert_array_equal(last.axes, mean.axes)
    assert last.explained == mean.explained


def test_pca_of_a_trajectory():
    problem = focus()
    path = trajectory(problem.system, problem.start, t_end=3.0)
    plane = pca_plane(path, problem.system.layout)
    assert sum(plane.explained) == pytest.approx(1)
    np.testing.assert_allclose(project(plane, path).distance, 0, atol=1e-12)


@pytest.mark.parametrize(
    ("path", "origin", "message"),
    [
        (np.zeros((2, 4)), "mean", "at least 3 states"),
        (np.outer(np.arange(5.0), np.ones(4)), "mean", "lies on a line"),
        (np.ones((5, 4)), "mean", "does not move"),
        (np.full((5, 4), np.nan), "mean", "the path must be finite"),
        (np.ones((5, 3)), "mean", r"shape \(T, 4\), got \(5, 3\)"),
        (np.ones(4), "mean", r"shape \(T, 4\)"),
        (np.ones((5, 4)), "first", "origin must be one of"),
    ],
)
def test_bad_paths(path, origin, message):
    with pytest.raises(ValueError, match=message):
        pca_plane(path, plain_layout(4), origin)


@pytest.mark.parametrize("namespace", NAMESPACES)
def test_a_spanned_plane_passes_through_its_points(namespace):
    points = np.random.default_rng(0).standard_normal((3, 6))
    plane = spanned_plane(NAMESPACES[namespace](points), plain_layout(6))
    through = plane.point(np.array([0.0, 1.0, 0.0]), np.array([0.0, 0.0, 1.0]))
    np.testing.assert_allclose(to_numpy(through), points, atol=1e-14)
    np.testing.assert_allclose(plane.off_plane(points), 0, atol=1e-14)


@pytest.mark.parametrize(
    ("points", "message"),
    [
        (np.zeros((2, 4)), "shape"),
        (np.outer([0.0, 1, 2], np.ones(4)), "parallel"),
        (np.array([[0.0, 0], [0, 0], [1, 1]]) @ np.ones((2, 4)), "second point' of the plane is zero"),
    ],
)
def test_three_points_that_span_no_plane(points, message):
    with pytest.raises(ValueError, match=message):
        spanned_plane(points, plain_layout(4))


@pytest.mark.parametrize(
    ("arguments", "moved"),
    [
        ({}, LAYOUT.names),
        ({"kind": "biases"}, ["generator.fc.bias", "discriminator.conv.bias"]),
        ({"kind": "biases", "player": "generator"}, ["generator.fc.bias"]),
        ({"blocks": ["generator.norm.weight"]}, ["generator.norm.weight"]),
        (
            {"kind": "weights", "player": "discriminator"},
            ["discriminator.conv.weight", "discriminator.fc.weight"],
        ),
    ],
)
def test_a_random_plane_moves_only_what_was_asked_for(arguments, moved, weights):
    plane = random_plane(LAYOUT, weights, seed=2, **arguments)
    np.testing.assert_allclose(plane.gram, np.eye(2), atol=1e-14)
    for block, where in LAYOUT.offsets():
        assert np.all(plane.axes[:, where] != 0) == (block.name in moved)


def test_memory_is_moved_only_when_asked_for():
    layout = Layout((Block("w", "generator", (3,)), Block("m", "memory", (3,))))
    assert np.all(random_plane(layout, np.zeros(6)).axes[:, 3:] == 0)
    assert np.all(random_plane(layout, np.zeros(6), player="memory").axes[:, :3] == 0)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"kind": "bias"}, ValueError, "kind must be one of"),
        ({"player": "critic"}, ValueError, "player must be one of"),
        ({"blocks": ["nothing"]}, KeyError, "no block named"),
        ({"blocks": ["generator.norm.weight"], "kind": "biases"}, ValueError, "at least two entries"),
        ({"player": "memory"}, ValueError, "no block to move"),
    ],
)
def test_bad_random_planes(arguments, error, message, weights):
    with pytest.raises(error, match=message):
        random_plane(LAYOUT, weights, **arguments)


# Projections


@pytest.mark.parametrize("namespace", NAMESPACES)
def test_a_projection_reports_what_is_off_the_plane(namespace):
    plane = oblique(namespace)
    offsets = np.array([[0, 0, 0, 0], [3.0, 0, 4.0, 0], [0, 0, 0, 2.0], [1.0, 1.0, 0, 0]])
    found = project(plane, NAMESPACES[namespace](np.ones(4) + offsets))
    np.testing.assert_allclose(found.coordinates, [[0, 0], [1.5, 0], [0, 0], [0, 1 / 3]], atol=1e-14)
    np.testing.assert_allclose(found.distance, [0, 4, 2, 0], atol=1e-14)
    np.testing.assert_allclose(found.off_plane_share, [0, 1 - 3 / 5, 1, 0], atol=1e-14)
    variance = offsets.var(axis=0)
    assert found.path_off_plane_share == pytest.approx(variance[2:].sum() / variance.sum())
    assert "off the plane" in str(found)


def test_the_path_share_does_not_depend_on_the_origin():
    path = np.random.default_rng(1).standard_normal((7, 4))
    here, there = (
        oblique(),
        spanned_plane(np.array([[9.0] * 4, [11, 9, 9, 9], [12, 12, 9, 9]]), plain_layout(4)),
    )
    shares = [project(plane, path).path_off_plane_share for plane in (here, there)]
    assert shares[0] == pytest.approx(shares[1], abs=1e-12)


def test_a_path_that_stays_is_in_the_plane():
    found = project(oblique(), np.ones((3, 4)))
    assert found.path_off_plane_share == 0
    np.testing.assert_array_equal(found.off_plane_share, 0)
    assert found.extent() == ((-0.1, 0.1), (-0.1, 0.1))


def test_the_extent_of_a_projection_holds_the_path():
    found = project(coordinate_plane(plain_layout_of("xy"), "x", "y"), np.array([[0.0, 1], [4, 2]]))
    assert found.extent(0.25) == ((-1.0, 5.0), (0.0, 3.0))


def plain_layout_of(names):
    return Layout.scalars(state=list(names))


# Slices


def rotation_in_three():
    """v = (-y, x, 2x): half of the velocity's square at (x, 0) leaves the plane z = 0 ... by 2x."""
    return linear_flow([[0.0, -1, 0], [1, 0, 0], [2, 0, 0]], plain_layout_of("xyz"), label="rotation")


@pytest.mark.parametrize("namespace", NAMESPACES)
def test_a_slice_holds_velocity_speed_and_share(namespace):
    make = NAMESPACES[namespace]
    layout = plain_layout_of("xyz")
    plane = coordinate_plane(layout, "x", "y", make(np.zeros(3)))
    found = sample(rotation_in_three(), plane, 2.0, points=(5, 3))
    a, b = np.meshgrid(np.linspace(-2, 2, 5), np.linspace(-2, 2, 3))
    np.testing.assert_allclose(found.velocity, np.stack([-b, a], axis=-1), atol=1e-14)
    np.testing.assert_allclose(found.speed, np.sqrt(b**2 + 5 * a**2), atol=1e-14)
    share = np.sqrt(a**2 + b**2) / np.where(found.speed == 0, 1, found.speed)
    share[found.speed == 0] = 1
    np.testing.assert_allclose(found.in_plane_share, share, atol=1e-14)
    np.testing.assert_allclose(found.off_plane_share, 1 - share, atol=1e-14)
    assert (found.clock, found.dt, found.nonfinite, found.label) == ("flow", 1.0, 0, "rotation")


def test_velocity_in_oblique_coordinates_moves_the_point_as_the_flow_does():
    matrix = np.random.default_rng(0).standard_normal((4, 4))
    matrix[2:] = 0
    plane = oblique()
    found = sample(linear_flow(matrix), plane, points=4)
    a, b = np.meshgrid(found.a, found.b)
    velocity = plane.point(a, b) @ matrix.T
    np.testing.assert_allclose(found.velocity @ plane.axes, velocity, atol=1e-12)
    np.testing.assert_allclose(found.in_plane_share, 1, atol=1e-14)


def test_a_map_moves_by_its_step_over_dt():
    layout = plain_layout_of("xy")
    system = linear_map(np.eye(2) + 0.1 * np.array([[0.0, -1], [1, 0]]), dt=0.1, layout=layout)
    found = sample(system, coordinate_plane(layout, "x", "y"), points=3)
    a, b = np.meshgrid(found.a, found.b)
    np.testing.assert_allclose(found.velocity, np.stack([-b, a], axis=-1), atol=1e-13)
    assert (found.clock, found.dt) == ("map", 0.1)


@pytest.mark.parametrize("chunk", [1, 3, 7, 1000])
def test_the_chunk_does_not_change_the_result(chunk):
    plane = oblique()
    system = linear_flow(np.random.default_rng(0).standard_normal((4, 4)))
    one, other = sample(system, plane, points=9), sample(system, plane, points=9, chunk=chunk)
    np.testing.assert_allclose(one.velocity, other.velocity, atol=1e-14, rtol=0)
    np.testing.assert_allclose(one.speed, other.speed, atol=1e-14, rtol=0)
    np.testing.assert_allclose(one.in_plane_share, other.in_plane_share, atol=1e-14, rtol=0)


def test_chunks_are_bounded():
    sizes = []

    def velocity(x, t):
        sizes.append(x.size)
        return x

    n = 300_000
    plane = random_plane(plain_layout(n), np.zeros(n))
    sample(VectorField(velocity, plain_layout(n)), plane, points=3)
    assert sum(sizes) == 9 * n
    assert max(sizes) <= 2**20


def test_points_that_are_not_finite_are_kept_and_counted():
    layout = plain_layout_of("xy")
    system = VectorField(lambda x, t: np.stack([np.sqrt(x[..., 0]), 1 / x[..., 1]], axis=-1), layout)
    plane = coordinate_plane(layout, "x", "y")
    found = sample(system, plane, a=[-1.0, 1.0, 4.0], b=[0.0, 1.0, 2.0])
    assert found.nonfinite == 5
    assert np.array_equal(
        np.isfinite(found.speed), [[False, False, False], [False, True, True], [False, True, True]]
    )
    assert np.isnan(found.velocity[1, 0]).any()
    np.testing.assert_array_equal(found.velocity[1, 2], [2.0, 1.0])
    assert "5 not finite" in str(found)


def test_a_slice_without_a_finite_point_says_so():
    layout = plain_layout_of("xy")
    found = sample(VectorField(lambda x, t: x * np.nan, layout), coordinate_plane(layout, "x", "y"), points=2)
    assert found.nonfinite == 4
    assert "no finite point" in str(found)


def test_the_time_reaches_the_field():
    system = forced().system
    layout = plain_layout_of("xy")
    both = VectorField(lambda x, t: system.fn(x, t), layout)
    found = sample(both, coordinate_plane(layout, "x", "y"), a=[0.0], b=[0.0], t=1.0)
    np.testing.assert_allclose(found.velocity[0, 0], np.cos(1.0))


def test_a_network_on_its_own_plane():
    system, x = torch_game(3, 4, 2)
    plane = filter_normalized_plane(system.layout, x, players="axis per player")
    found = sample(system, plane, 0.5, points=3)
    velocity = system(x).numpy()
    np.testing.assert_allclose(found.speed[1, 1], np.linalg.norm(velocity), rtol=1e-12)
    axes = plane.axes.numpy()
    parts = np.linalg.solve(axes @ axes.T, axes @ velocity)
    np.testing.assert_allclose(found.velocity[1, 1], parts, rtol=1e-12)
    share = np.linalg.norm(parts @ axes) / np.linalg.norm(velocity)
    np.testing.assert_allclose(found.in_plane_share[1, 1], share, rtol=1e-12)


def test_a_labelled_slice():
    layout = plain_layout_of("xyz")
    data = sample(rotation_in_three(), coordinate_plane(layout, "x", "y"), points=(4, 3)).to_xarray()
    assert dict(data.sizes) == {"b": 3, "a": 4, "axis": 2}
    assert data.a.attrs["long_name"] == "x"
    assert data.speed.attrs["units"] == "parameter norm per unit of flow time"
    assert float(data.velocity.sel(a=1.0, b=-1.0, axis="x")) == 1.0
    assert data.attrs["nonfinite"] == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"extent": 0.0}, "extent must be a positive number"),
        ({"extent": ((1.0, -1.0), (0.0, 1.0))}, "extent must be"),
        ({"extent": (1.0, 2.0)}, "extent must be"),
        ({"extent": np.nan}, "extent must be"),
        ({"extent": np.inf}, "finite"),
        ({"points": 0}, "points must be a positive integer"),
        ({"points": (3, 4, 5)}, "points must be"),
        ({"a": [1.0]}, "either extent, or both a and b"),
        ({"extent": 1.0, "a": [1.0], "b": [1.0]}, "either extent, or both a and b"),
        ({"a": [], "b": [1.0]}, "a must be a row"),
        ({"a": [np.inf], "b": [1.0]}, "a must be a row"),
        ({"chunk": 0}, "chunk must be at least 1"),
    ],
)
def test_bad_grids(arguments, message):
    with pytest.raises(ValueError, match=message), np.errstate(invalid="ignore"):
        sample(linear_flow(np.eye(4)), oblique(), **arguments)


def test_a_plane_of_another_system_is_refused():
    with pytest.raises(ValueError, match="4 dimensions and the system in 2; make the plane with"):
        sample(focus().system, oblique())


def test_a_map_may_be_sampled_at_its_step():
    layout = plain_layout_of("xy")
    system = UpdateMap(lambda x, k: x + k, layout)
    found = sample(system, coordinate_plane(layout, "x", "y"), points=2, t=7)
    np.testing.assert_array_equal(found.velocity, 7.0)
