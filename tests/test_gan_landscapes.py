"""Landscapes of networks: every short cut against one evaluation after another, and what the notes say."""

import itertools
import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import nn

from gandyn.landscapes import landscape
from gandyn.nets import (
    Losses,
    gan_field,
    gan_losses,
    get_state,
    losses,
    micro_batch_seconds,
    models,
    modules_layout,
)
from gandyn.nets.budget import parse_bytes
from gandyn.nets.gan import Game, fixed_batch
from gandyn.planes import Plane, filter_normalized_plane, sample
from gandyn.plot.landscapes import landscape_notes

A, B = np.linspace(-1, 1, 4), np.array([-0.3, 0.0, 0.7])
KINDS = ("axis per player", "axes exchanged", "generator", "discriminator", "both")
DRAWS = torch.Generator().manual_seed(0)
REAL = torch.rand(150, 1, 8, 8, generator=DRAWS, dtype=torch.float64)
LATENT = torch.randn(150, 6, generator=DRAWS, dtype=torch.float64)


def conv_pair():
    return [part.eval() for part in models.conv_gan(8, width=4, latent_dim=6, std=0.3)]


def matched():
    """The plain pair, the discriminator's hidden features among its outputs."""
    generator, discriminator = conv_pair()
    return generator, models.with_features(discriminator, "3")


def normed_pair():
    """Convolutions with batch norm in both players, in training mode and with statistics of their own."""
    torch.manual_seed(3)
    generator = nn.Sequential(
        nn.Linear(6, 64), nn.Unflatten(1, (4, 4, 4)), nn.BatchNorm2d(4), nn.ReLU(),
        nn.ConvTranspose2d(4, 4, 4, 2, 1), nn.BatchNorm2d(4), nn.ReLU(),
        nn.Conv2d(4, 1, 3, padding=1), nn.Sigmoid(),
    )  # fmt: skip
    discriminator = nn.Sequential(
        nn.Conv2d(1, 4, 4, 2, 1), nn.BatchNorm2d(4), nn.LeakyReLU(0.2), nn.Flatten(), nn.Linear(64, 1)
    )
    for _ in range(5):
        discriminator(generator(LATENT.float())).sum()
    return generator, discriminator


def plane_of(pair, kind, dtype=torch.float64):
    layout, x = modules_layout(*pair), get_state(*pair, dtype=dtype)
    players = "axis per player" if kind == "axes exchanged" else kind
    plane = filter_normalized_plane(layout, x, players=players, zero_filters="skip")
    if kind == "axes exchanged":
        plane = Plane(plane.origin, plane.axes.flip(0), layout, plane.names[::-1], plane.kind)
    return plane


def one_by_one(both, plane, a=A, b=B):
    return torch.stack([torch.stack([both(plane.point(u, v)) for u in a]) for v in b])


def by_hand(pair, of, plane, dtype=torch.float64, a=A, b=B):
    """Both losses on the whole batch, by another road: the game that a field is made of."""
    game = Game(*pair, of, dtype=dtype)
    batch = fixed_batch(game, REAL, LATENT, 0)
    values = [game.both_losses(*game.split(plane.point(u, v)), batch)[:2] for v in b for u in a]
    return np.array([[float(loss.detach()) for loss in both] for both in values]).reshape(len(b), len(a), 2)


def counted(pair, player):
    """Count the samples that pass through a module."""
    counts = []
    pair[player].register_forward_hook(lambda module, inputs, output: counts.append(len(output)))
    return counts


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "of",
    [losses.nonsaturating(), losses.hinge(penalties=[losses.r1(1.0), losses.gradient_penalty(1.0)])],
    ids=["plain", "penalties"],
)
def test_a_grid_is_the_loop_over_its_points_to_the_bit(kind, of):
    pair = conv_pair()
    for dtype, tolerance in ((torch.float64, 1e-10), (torch.float32, 1e-5)):
        both, plane = gan_losses(*pair, of, REAL, LATENT, dtype=dtype), plane_of(pair, kind, dtype)
        found = both.on_grid(plane, A, B, ("losses",))["losses"]
        assert torch.equal(torch.from_numpy(found), one_by_one(both, plane).double())
        np.testing.assert_allclose(found, by_hand(pair, of, plane, dtype), rtol=tolerance)


def test_each_player_is_evaluated_once_at_each_of_its_places():
    pair = conv_pair()
    plane = plane_of(pair, "axis per player")
    made, judged = counted(pair, 0), counted(pair, 1)
    both = gan_losses(*pair, losses.nonsaturating(), REAL, LATENT)
    for kind, g_places, real_places in (
        ("axis per player", 3, 4),
        ("generator", 12, 1),
        ("discriminator", 1, 12),
        ("both", 12, 12),
    ):
        plane = plane_of(pair, kind)
        made.clear(), judged.clear()
        both.on_grid(plane, A, B, ("losses", "accuracy", "samples"))
        assert sum(made) == 150 * g_places
        assert sum(judged) == 150 * (12 + real_places)
        made.clear(), judged.clear()
        both.on_grid(plane, A, B, ("losses", "field", "accuracy", "samples"))
        assert sum(made) == 150 * g_places
        assert sum(judged) == 150 * (12 + real_places)


@pytest.mark.parametrize(
    "of", [losses.nonsaturating(), losses.hinge(), losses.wasserstein()], ids=lambda of: of.name
)
@pytest.mark.parametrize("kind", KINDS)
def test_the_field_of_a_grid_is_that_of_the_field(kind, of):
    pair = conv_pair()
    plane, both = plane_of(pair, kind), gan_losses(*pair, of, REAL, LATENT)
    found = landscape(both, plane, a=A, b=B, measures=("field",))
    expected = sample(gan_field(*pair, of, REAL, LATENT), plane, a=A, b=B)
    np.testing.assert_allclose(found.velocity, expected.velocity, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(found.speed, expected.speed, rtol=1e-10)
    np.testing.assert_allclose(found.in_plane_share, expected.in_plane_share, rtol=1e-9)
    np.testing.assert_allclose(found.losses, landscape(both, plane, a=A, b=B).losses, rtol=1e-12)
    assert found.field.clock == "flow"


class Spread(nn.Module):
    """Minibatch discrimination: the distances of a sample from all others are features of it."""

    def __init__(self, weight):
        super().__init__()
        self.out = nn.Linear(65, 1)
        self.weight = weight

    def forward(self, x):
        x = x.flatten(1)
        close = torch.exp(-torch.cdist(x, x, p=1) * self.weight).sum(1, keepdim=True)
        return self.out(torch.cat([x, close], 1))


def relativistic():
    """Each real sample against the mean fake one (Jolicoeur-Martineau 2018): no sum over the two halves."""
    soft = nn.functional.softplus
    return Losses(lambda fake: soft(-fake).mean(), lambda real, fake: soft(fake.mean() - real).mean())


@pytest.mark.parametrize(
    ("pair", "of", "fused", "separable"),
    [
        ((conv_pair()[0], Spread(0.1)), losses.nonsaturating(), False, True),
        ((conv_pair()[0], Spread(30.0)), losses.nonsaturating(), False, True),
        ((conv_pair()[0], nn.Sequential(nn.Flatten(), nn.Linear(64, 3))), losses.hinge(), False, True),
        (conv_pair(), relativistic(), True, False),
        (conv_pair(), losses.nonsaturating(penalties=[losses.r2(0.3), losses.roth(0.2)]), True, True),
    ],
    ids=["coupled", "coupled when close", "vector", "relativistic", "penalties"],
)
def test_short_cuts_are_taken_only_where_they_are_right(pair, of, fused, separable):
    both = gan_losses(*pair, of, REAL, LATENT)
    assert (both.passes.structure.fused, both.passes.structure.separable) == (fused, separable)
    plane = plane_of(pair, "axis per player")
    found = landscape(both, plane, a=A, b=B, measures=("field",))
    expected = sample(gan_field(*pair, of, REAL, LATENT), plane, a=A, b=B)
    np.testing.assert_allclose(found.velocity, expected.velocity, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(found.speed, expected.speed, rtol=1e-10)


def test_outputs_that_are_no_tensor_take_the_plain_road():
    class Heads(nn.Module):
        def __init__(self):
            super().__init__()
            self.one, self.two = nn.Linear(64, 1), nn.Linear(64, 3)

        def forward(self, x):
            return self.one(x.flatten(1)), self.two(x.flatten(1))

    of = Losses(lambda f: -f[0].mean() + f[1].square().mean(), lambda r, f: (f[0].mean() - r[0].mean()).exp())
    pair = conv_pair()[0], Heads()
    plane, both = plane_of(pair, "axis per player"), gan_losses(*pair, of, REAL, LATENT)
    assert len(both.passes.pieces) == 1  # the exponential of a mean is no mean
    found = landscape(both, plane, a=A, b=B, measures=("field",))
    expected = sample(gan_field(*pair, of, REAL, LATENT), plane, a=A, b=B)
    np.testing.assert_allclose(found.velocity, expected.velocity, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(landscape(both, plane, a=A, b=B).losses, found.losses, rtol=1e-12)


def critic_of_itself():
    """A user's own loss that asks the discriminator once more, on a mean of real and fake."""

    def generator(play):
        return -play.on_fake.mean() + play.critic((play.real[0] + play.fake[0]) / 2).square().mean()

    return Losses(generator, lambda play: (play.on_fake - play.on_real).mean(), sees="play")


@pytest.mark.parametrize(
    ("make", "of", "pieces"),
    [
        (lambda: models.acgan(8, channels=1, width=2, latent_dim=6, dropout=0.0, std=0.3), losses.acgan(), 3),
        (matched, losses.feature_matching(match="means"), 1),
        (matched, losses.combined(losses.nonsaturating(), losses.feature_matching(match="samples")), 3),
        (conv_pair, critic_of_itself(), 3),
    ],
    ids=["AC-GAN", "feature matching", "combined", "own"],
)
def test_losses_that_see_the_whole_play(make, of, pieces):
    pair = [part.eval() for part in make()]
    labels = torch.arange(150) % 10
    batch = ((REAL, labels), (LATENT, labels)) if hasattr(pair[0], "classes") else (REAL, LATENT)
    both, plane = gan_losses(*pair, of, *batch), plane_of(pair, "axis per player")
    assert len(both.passes.pieces) == pieces
    found = landscape(both, plane, a=A, b=B, measures=("field", "accuracy"))
    expected = sample(gan_field(*pair, of, *batch), plane, a=A, b=B)
    np.testing.assert_allclose(found.velocity, expected.velocity, rtol=1e-9, atol=1e-12)
    assert np.isfinite(found.accuracy).all()
    game = Game(*pair, of, dtype=torch.float64)
    whole = fixed_batch(game, *batch, 0)
    by_game = [game.both_losses(*game.split(plane.point(u, v)), whole)[:2] for v in B for u in A]
    by_game = np.array([[float(part.detach()) for part in two] for two in by_game]).reshape(3, 4, 2)
    np.testing.assert_allclose(np.moveaxis(found.losses, 0, -1), by_game, rtol=1e-10)
    np.testing.assert_array_equal(landscape(both, plane, a=A, b=B).losses, found.losses)


def test_saturated_outputs_do_not_divide_by_zero():
    generator, discriminator = conv_pair()
    with torch.no_grad():
        discriminator[-1].bias.fill_(-800.0)  # the slope of softplus there is exactly 0, that of L_G is 1
    pair, of = (generator, discriminator), losses.nonsaturating()
    plane = plane_of(pair, "axis per player")
    found = landscape(gan_losses(*pair, of, REAL, LATENT), plane, a=A, b=B, measures=("field",))
    expected = sample(gan_field(*pair, of, REAL, LATENT), plane, a=A, b=B)
    assert found.speed.min() > 0
    np.testing.assert_allclose(found.velocity, expected.velocity, rtol=1e-10, atol=1e-12)


def test_the_share_of_rotation_is_that_of_the_dense_jacobian():
    torch.manual_seed(1)
    pair = nn.Linear(2, 3), nn.Sequential(nn.Linear(3, 3), nn.Tanh(), nn.Linear(3, 1))
    real, latent = torch.randn(80, 3).double(), torch.randn(80, 2).double()
    of = losses.nonsaturating()
    plane = plane_of(pair, "both")
    found = landscape(gan_losses(*pair, of, real, latent), plane, a=A, b=B, measures=("rotation",))
    field = gan_field(*pair, of, real, latent)
    for (j, v), (i, u) in itertools.product(enumerate(B), enumerate(A)):
        jacobian, velocity = field.jac(plane.point(u, v)), field(plane.point(u, v))
        turned, stretched = (jacobian - jacobian.T) @ velocity, (jacobian + jacobian.T) @ velocity
        share = turned.square().sum() / (turned.square().sum() + stretched.square().sum())
        assert found.rotation_share[j, i] == pytest.approx(float(share), rel=1e-9)
    assert found.velocity is None


def test_accuracy_and_samples_are_those_of_the_outputs():
    pair = conv_pair()
    both = gan_losses(*pair, losses.least_squares(), REAL, LATENT)
    plane = plane_of(pair, "axis per player")
    found = landscape(both, plane, a=A, b=B, measures=("accuracy", "samples"))
    game = Game(*pair, losses.least_squares(), dtype=torch.float64)
    for (j, v), (i, u) in itertools.product(enumerate(B), enumerate(A)):
        theta_g, theta_d = game.split(plane.point(u, v))
        fake = game.generator(theta_g, LATENT)
        right = [game.discriminator(theta_d, REAL) > 0.5, game.discriminator(theta_d, fake) < 0.5]
        np.testing.assert_allclose(found.accuracy[:, j, i], [float(part.double().mean()) for part in right])
        moments = [float(fake.mean()), float(fake.std(correction=0))]
        np.testing.assert_allclose(found.samples[:, j, i], moments, rtol=1e-9)


def test_the_centre_is_the_training_loss():
    pair = conv_pair()
    with torch.no_grad():
        fake = pair[0].double()(LATENT)
        on_real, on_fake = pair[1].double()(REAL), pair[1](fake)
    of = losses.nonsaturating()
    found = landscape(gan_losses(*pair, of, REAL, LATENT), plane_of(pair, "both"), points=3)
    expected = [float(of.generator(on_fake)), float(of.discriminator(on_real, on_fake))]
    np.testing.assert_allclose(found.center, expected, rtol=1e-10)
    np.testing.assert_array_equal(found.losses[:, 1, 1], found.center)


def test_the_error_bars_are_those_of_the_micro_batches():
    pair = conv_pair()
    plane, of = plane_of(pair, "axis per player"), losses.nonsaturating()
    found = landscape(gan_losses(*pair, of, REAL, LATENT, micro_batch=30), plane, a=A, b=B)
    parts = [
        landscape(gan_losses(*pair, of, REAL[k : k + 30], LATENT[k : k + 30]), plane, a=A, b=B).losses
        for k in range(0, 150, 30)
    ]
    np.testing.assert_allclose(found.losses, np.mean(parts, axis=0), rtol=1e-12)
    np.testing.assert_allclose(found.errors, np.std(parts, axis=0, ddof=1) / np.sqrt(5), rtol=1e-9)
    whole = landscape(gan_losses(*pair, of, REAL[:60], LATENT[:60]), plane, a=A, b=B)
    assert whole.errors is None


@pytest.mark.parametrize(
    ("mode", "words"),
    [("frozen", "frozen"), ("batch", "statistics of the batch"), ("reestimate", "re-estimated")],
)
def test_batch_norm_at_four_filter_norms_is_finite_and_named(mode, words):
    pair = normed_pair()
    both = gan_losses(*pair, losses.nonsaturating(), REAL, LATENT, batch_norm=mode)
    plane = plane_of(pair, "axis per player")
    found = landscape(both, plane, 4.0, points=3, measures=("field",))
    assert found.nonfinite == 0
    assert np.isfinite(found.speed).all()
    assert words in found.notes[1]
    assert words in " ".join(landscape_notes(found, found.losses[0]))
    np.testing.assert_allclose(
        found.losses, np.moveaxis(one_by_one(both, plane, found.a, found.b).numpy(), -1, 0)
    )
    field = gan_field(*pair, losses.nonsaturating(), REAL, LATENT, batch_norm=mode)
    expected = sample(field, plane, 4.0, points=3)
    np.testing.assert_allclose(found.velocity, expected.velocity, rtol=1e-8, atol=1e-12)
    assert (found.errors is None) == (mode != "frozen")  # no mean over samples: the whole batch


def test_batch_norm_modes_are_three_different_pictures():
    pair = normed_pair()
    plane = plane_of(pair, "axis per player")
    of = losses.nonsaturating()
    found = [
        landscape(gan_losses(*pair, of, REAL, LATENT, batch_norm=mode), plane, 1.0, points=2).losses
        for mode in ("frozen", "batch", "reestimate")
    ]
    assert all(np.abs(one - other).max() > 1e-3 for one, other in itertools.combinations(found, 2))


def test_seeded_dropout_sees_the_same_draws_at_every_point():
    pair = [part.train() for part in conv_pair()]
    both = gan_losses(*pair, losses.nonsaturating(), REAL, LATENT, dropout="seeded", seed=4)
    plane = plane_of(pair, "axis per player")
    found = landscape(both, plane, a=A, b=B, measures=("field",))
    assert torch.equal(torch.from_numpy(found.losses).movedim(0, -1), one_by_one(both, plane))
    field = gan_field(*pair, losses.nonsaturating(), REAL, LATENT, dropout="seeded", seed=4)
    np.testing.assert_allclose(found.velocity, sample(field, plane, a=A, b=B).velocity, rtol=1e-9, atol=1e-12)


def test_points_that_are_not_finite_are_kept_and_counted():
    pair = nn.Linear(1, 1, bias=False), nn.Linear(1, 1, bias=False)
    ones = torch.ones(4, 1).double()
    of = Losses(lambda fake: fake.log().mean(), lambda real, fake: (1 / (real - fake)).mean())
    layout = modules_layout(*pair)
    axes = torch.tensor([[0.0, 1.0], [1.0, 0.0]]).double()
    plane = Plane(torch.zeros(2).double(), axes, layout, ("d", "g"), "test")
    found = landscape(gan_losses(*_ones(pair), of, 2 * ones, ones), plane, a=[-1.0, 1.0, 2.0], b=[1.0, 2.0])
    np.testing.assert_allclose(found.losses[0], [[np.nan, 0, np.log(2)], [np.nan, np.log(2), np.log(4)]])
    np.testing.assert_allclose(found.losses[1], [[-1, 1, 0.5], [np.inf, np.inf, np.inf]])
    assert found.nonfinite == 4


def _ones(pair):
    for part in pair:
        nn.init.ones_(part.weight)
    return pair


def test_losses_of_zero_and_minus_one_on_an_oblong_grid_off_the_centre():
    pair = _ones((nn.Linear(1, 1, bias=False), nn.Linear(1, 1, bias=False)))
    ones = torch.ones(4, 1).double()
    axes = torch.tensor([[0.0, 1.0], [1.0, 0.0]]).double()
    plane = Plane(torch.zeros(2).double(), axes, modules_layout(*pair), ("d", "g"), "test")
    both = gan_losses(*pair, losses.wasserstein(), ones, ones)
    found = landscape(both, plane, a=[1.0, 2.0, 3.0], b=[1.0, 2.0], measures=("field",))
    d, g = np.meshgrid([1.0, 2.0, 3.0], [1.0, 2.0])
    np.testing.assert_array_equal(found.losses, [-g * d, g * d - d])
    np.testing.assert_array_equal(found.velocity, np.stack([1 - g, d], axis=-1))
    assert found.losses[0, 0, 0] == -1
    assert np.all(found.losses[1, 0] == 0)
    assert found.center == (0.0, 0.0)


def test_bfloat16_tells_its_error():
    torch.manual_seed(0)
    pair = conv_pair()
    plane = plane_of(pair, "axis per player", torch.float32)
    options = {"dtype": torch.float32, "seed": 1}
    exact = landscape(gan_losses(*pair, losses.nonsaturating(), REAL, LATENT, **options), plane, a=A, b=B)
    both = gan_losses(*pair, losses.nonsaturating(), REAL, LATENT, **options, precision="bfloat16")
    found = landscape(both, plane, a=A, b=B)
    errors = np.abs(found.losses - exact.losses)
    span = np.ptp(exact.losses, axis=(1, 2))
    assert errors.max() > 0
    assert np.all(errors.max(axis=(1, 2)) < 0.01 * span)
    assert all(errors[k].min() <= found.rounding[k] <= errors[k].max() * (1 + 1e-6) for k in (0, 1))
    assert found.notes[-2] == "Networks in bfloat16, losses in float32"
    assert "8 points" in found.notes[-1]
    assert "sampling" in found.notes[-1]
    assert landscape(both, plane, a=A, b=B).rounding == found.rounding
    assert exact.rounding is None
    field = landscape(both, plane, a=A, b=B, measures=("field",))
    other = sample(
        gan_field(*pair, losses.nonsaturating(), REAL, LATENT), plane_of(pair, "axis per player"), a=A, b=B
    )
    assert np.abs(field.velocity - other.velocity).max() < 0.05 * np.abs(other.velocity).max()


def test_rounding_of_a_flat_loss_is_told_without_its_range():
    generator, discriminator = conv_pair()
    nn.init.zeros_(discriminator[-1].weight)
    pair, options = (generator, discriminator), {"dtype": torch.float32, "precision": "bfloat16"}
    both = gan_losses(*pair, losses.nonsaturating(), REAL, LATENT, **options)
    found = landscape(both, plane_of(pair, "axis per player", torch.float32), a=A, b=B)
    assert np.ptp(found.losses[0]) == 0
    assert found.notes[-1] == "Rounding: at most 0.0e+00, on 8 points computed again"


def test_a_small_memory_changes_nothing_but_rounding():
    pair = conv_pair()
    plane, of = plane_of(pair, "axis per player"), losses.nonsaturating()
    wide = gan_losses(*pair, of, REAL, LATENT)
    tight = gan_losses(*pair, of, REAL, LATENT, memory="1 MiB")
    assert len(tight.passes.pieces) > len(wide.passes.pieces)
    one, other = (landscape(both, plane, a=A, b=B, measures=("field",)) for both in (wide, tight))
    np.testing.assert_allclose(one.losses, other.losses, rtol=1e-12)
    np.testing.assert_allclose(one.velocity, other.velocity, rtol=1e-9, atol=1e-13)


@pytest.mark.parametrize(
    ("memory", "size"), [(5, 5), ("5", 5), ("2KiB", 2048), ("1.5 MB", 1500000), ("4GiB", 2**32)]
)
def test_bytes_as_people_write_them(memory, size):
    assert parse_bytes(memory) == size


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"memory": "4 gallons"}, '"4GiB"'),
        ({"memory": 0}, "positive"),
        ({"memory": 1000}, "one sample: pass at least"),
        ({"precision": "float16"}, "bfloat16"),
        ({"precision": "bfloat16"}, "dtype=torch.float32"),
        ({"micro_batch": 0}, "positive number of samples"),
    ],
)
def test_bad_settings_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        gan_losses(*conv_pair(), losses.nonsaturating(), REAL, LATENT, **arguments)


def test_a_whole_batch_that_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="whole batch"):
        gan_losses(*normed_pair(), losses.hinge(), REAL, LATENT, batch_norm="batch", memory="2MiB")


def test_bad_planes_and_measures_are_refused():
    pair = conv_pair()
    both, plane = gan_losses(*pair, losses.wasserstein(), REAL, LATENT), plane_of(pair, "both")
    with pytest.raises(ValueError, match="threshold"):
        landscape(both, plane, points=2, measures=("accuracy",))
    with pytest.raises(ValueError, match=r"plane\.like"):
        both.on_grid(plane_of(pair, "both", torch.float32), A, B, ("losses",))
    with pytest.raises(ValueError, match="dimensions"):
        both.on_grid(plane_of(normed_pair(), "both"), A, B, ("losses",))


def test_losses_travel_to_another_process():
    cloudpickle = pytest.importorskip("cloudpickle")
    pair = conv_pair()
    both, plane = gan_losses(*pair, losses.nonsaturating(), REAL, LATENT), plane_of(pair, "axis per player")
    sent = cloudpickle.loads(cloudpickle.dumps(both))
    measures = ("losses", "field", "rotation")
    here, there = both.on_grid(plane, A, B, measures), sent.on_grid(plane, A, B, measures)
    assert here.keys() == there.keys()
    for name, values in here.items():
        np.testing.assert_array_equal(values, there[name])


def test_tiles_of_a_grid_are_the_grid():
    pair = conv_pair()
    both, plane = gan_losses(*pair, losses.nonsaturating(), REAL, LATENT), plane_of(pair, "axis per player")
    whole = both.on_grid(plane, A, B, ("losses", "field"))
    for i, j in itertools.product(range(2), range(3)):
        tile = both.on_grid(plane, A[2 * i : 2 * i + 2], B[j : j + 1], ("losses", "field"))
        for name, values in tile.items():
            np.testing.assert_array_equal(values, whole[name][j : j + 1, 2 * i : 2 * i + 2])


LARGE = """
import resource, torch
from torch import nn
from gandyn.landscapes import landscape
from gandyn.nets import gan_losses, get_state, losses, modules_layout
from gandyn.planes import filter_normalized_plane
torch.set_num_threads(1)
torch.manual_seed(0)
pair = (
    nn.Sequential(nn.Linear(64, 3000), nn.ReLU(), nn.Linear(3000, 3000), nn.ReLU(), nn.Linear(3000, 300)),
    nn.Sequential(nn.Linear(300, 3000), nn.ReLU(), nn.Linear(3000, 3000), nn.ReLU(), nn.Linear(3000, 1)),
)
x = get_state(*pair, dtype=torch.float32)
plane = filter_normalized_plane(modules_layout(*pair), x, players="axis per player")
both = gan_losses(
    *pair, losses.nonsaturating(), torch.randn(128, 300), torch.randn(128, 64), dtype=x.dtype, memory="4GiB"
)
landscape(both, plane, points=2, measures=("field", "accuracy"))
print(x.numel(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
"""


def test_twenty_million_parameters_fit_into_four_gibibytes():
    ran = subprocess.run([sys.executable, "-c", LARGE], capture_output=True, text=True, check=True)
    parameters, peak = map(int, ran.stdout.split())
    assert parameters > 20e6
    assert peak < 2**32


def test_the_size_of_a_micro_batch_is_timed_and_not_believed():
    pair, passed = conv_pair(), []
    pair[1].register_forward_hook(lambda module, inputs, output: passed.append(len(output)))
    found = micro_batch_seconds(
        *pair, losses.nonsaturating(), REAL, LATENT, sizes=(25, 75, 1000), repeats=2, field=True
    )
    assert list(found) == [25, 75]
    assert all(0 < seconds < 60 for seconds in found.values())
    assert set(passed) >= {25, 75}
    assert list(micro_batch_seconds(*pair, losses.nonsaturating(), REAL, LATENT, sizes=(999,))) == [150]
    for wrong in ({"sizes": ()}, {"sizes": (0, 4)}, {"repeats": 0}):
        with pytest.raises(ValueError, match="positive sizes and at least 1 repeat"):
            micro_batch_seconds(*pair, losses.nonsaturating(), REAL, LATENT, **wrong)
