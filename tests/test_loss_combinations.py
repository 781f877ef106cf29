"""Losses that see more than one output: AC-GAN, feature matching, combinations on a schedule."""

import math

import pytest
import torch
from torch import nn

from gandyn import check_field
from gandyn.nets import (
    SGD,
    Recipe,
    datasets,
    gan_field,
    get_state,
    labelled_prior,
    losses,
    models,
    train,
    training_map,
)
from gandyn.nets.copies import looped, stacked
from gandyn.nets.maps import MinibatchStream, training_step
from gandyn.report.plans import make_losses

# Three classes, two samples a half; the numbers below are worked out from these by hand.
SOURCE_REAL, SOURCE_FAKE = [0.5, -1.0], [0.25, 2.0]
CLASS_REAL = [[1.0, 0.0, -1.0], [0.0, 2.0, 0.0]]
CLASS_FAKE = [[0.0, 0.0, 0.0], [3.0, 0.0, 1.0]]
LABELS_REAL, LABELS_FAKE = [0, 2], [1, 0]


def by_hand(source, classes, labels, sign):
    """The means of ``-log sigma(sign s)`` and of ``-log P(c)`` by plain arithmetic."""
    adversarial = [-math.log(1 / (1 + math.exp(-sign * s))) for s in source]
    named = [-(row[c] - math.log(sum(map(math.exp, row)))) for row, c in zip(classes, labels, strict=True)]
    return sum(adversarial) / len(adversarial), sum(named) / len(named)


def three_class_play():
    answers = {
        "real": (torch.tensor(SOURCE_REAL)[:, None], torch.tensor(CLASS_REAL)),
        "fake": (torch.tensor(SOURCE_FAKE)[:, None], torch.tensor(CLASS_FAKE)),
    }
    x = torch.zeros(2, 1)
    return losses.Play(
        (x, torch.tensor(LABELS_REAL)), (x, torch.tensor(LABELS_FAKE)), None, torch.ones(2),
        judged=(answers["real"], answers["fake"]),
    )  # fmt: skip


def test_acgan_by_hand_on_three_classes():
    play = three_class_play()
    real, classes_real = by_hand(SOURCE_REAL, CLASS_REAL, LABELS_REAL, 1)
    fake, classes_fake = by_hand(SOURCE_FAKE, CLASS_FAKE, LABELS_FAKE, -1)
    fooling, _ = by_hand(SOURCE_FAKE, CLASS_FAKE, LABELS_FAKE, 1)
    assert classes_fake == pytest.approx((math.log(3) + math.log(math.e**3 + 1 + math.e) - 3) / 2)
    cases = [
        (losses.acgan(), -fake + classes_fake, real + fake + classes_real + classes_fake),
        (losses.acgan(source="nonsaturating", halves="mean"), fooling + classes_fake,
         (real + fake + classes_real + classes_fake) / 2),
        (losses.acgan(weights=(0.5, 2.0)), -fake + classes_fake / 2,
         real + fake + 2 * (classes_real + classes_fake)),
    ]  # fmt: skip
    for chosen, for_generator, for_discriminator in cases:
        assert float(chosen.of_generator(play)) == pytest.approx(for_generator, rel=1e-6)
        assert float(chosen.of_discriminator(play)) == pytest.approx(for_discriminator, rel=1e-6)


def small_acgan(classes=3):
    generator, discriminator = models.acgan(
        8, width=2, classes=classes, channels=1, latent_dim=4, dropout=0.0, norm="none", std=0.3
    )
    return generator.double(), discriminator.double()


def labelled_data(count=24, classes=3):
    draws = torch.Generator().manual_seed(5)
    images = torch.randn(count, 1, 8, 8, generator=draws, dtype=torch.float64)
    return images, torch.randint(classes, (count,), generator=draws)


def test_acgan_field_is_the_gradient_of_the_two_losses():
    generator, discriminator = small_acgan()
    generator.eval()
    images, labels = (part[:6] for part in labelled_data())
    z = torch.randn(6, 4, dtype=torch.float64)
    chosen = losses.acgan(penalties=[losses.r1(0.3)])
    field = gan_field(generator, discriminator, chosen, (images, labels), (z, labels))
    velocity = field(get_state(generator, discriminator))
    images.requires_grad_()
    on_real, on_fake = discriminator(images), discriminator(generator(z, labels))
    log_p = [torch.log_softmax(part[1], 1)[range(6), labels].mean() for part in (on_real, on_fake)]
    slopes = torch.autograd.grad(on_real[0].sum(), images, create_graph=True)[0].flatten(1).square().sum(1)
    loss_d = (
        -torch.log(torch.sigmoid(on_real[0])).mean()
        - torch.log(1 - torch.sigmoid(on_fake[0])).mean()
        - sum(log_p)
        + 0.15 * slopes.mean()
    )
    loss_g = torch.log(1 - torch.sigmoid(on_fake[0])).mean() - log_p[1]
    by_g = torch.autograd.grad(loss_g, list(generator.parameters()), retain_graph=True)
    by_d = torch.autograd.grad(loss_d, list(discriminator.parameters()))
    expected = -torch.cat([part.reshape(-1) for part in (*by_g, *by_d)])
    torch.testing.assert_close(velocity, expected, rtol=1e-9, atol=1e-12)
    assert float(expected.abs().max()) > 1e-3


def test_acgan_trains_with_labels_and_the_map_is_the_training(tmp_path):
    generator, discriminator = small_acgan()
    data, recipe = labelled_data(), Recipe((SGD(0.05), SGD(0.05)), batch_size=8)
    chosen = losses.acgan()
    run = train(generator, discriminator, chosen, data, tmp_path / "run", steps=4, recipe=recipe)
    assert run.status["status"] == "finished"
    assert run.settings["latent"] == "LabelledPrior(dim=4, classes=3)"
    assert not any(
        torch.isnan(torch.tensor(run.history[f"accuracy_{half}"])).any() for half in ("real", "fake")
    )
    prior = labelled_prior(4, 3)
    update, x = training_map(
        generator, discriminator, chosen, data, latent=prior, recipe=recipe, batch_norm="batch"
    )
    for k in range(4):
        x = update(x, k)
    trained = run.state(generator, discriminator, None, torch.float64)
    torch.testing.assert_close(x, trained, rtol=0, atol=0)
    rebuilt = make_losses(run.settings["losses"])
    assert rebuilt.settings == chosen.settings


def test_acgan_copies_train_mapped_as_looped():
    generator, discriminator = small_acgan()
    generator.eval()
    recipe = Recipe((SGD(0.05), SGD(0.05)), batch_size=8)
    step, x = training_step(
        generator, discriminator, losses.acgan(penalties=[losses.r1(0.1)]), labelled_data(),
        latent=labelled_prior(4, 3), recipe=recipe, scheme=None, batch_norm=None, dropout=None,
        dtype=torch.float64,
    )  # fmt: skip
    states = torch.stack([x, x + 0.01 * torch.sin(torch.arange(len(x), dtype=x.dtype))])
    mapped, loop = stacked(step)(states, 2), looped(step)(states, 2)
    for a, b in zip(mapped, loop, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-12)
    assert not torch.equal(mapped[1][0], mapped[1][1])


def test_what_acgan_lacks_is_named():
    generator, discriminator = models.mlp_gan(2, hidden=(4,), latent_dim=2)
    x, labels = torch.randn(4, 2), torch.zeros(4, dtype=torch.long)
    with pytest.raises(ValueError, match="returns one tensor"):
        gan_field(_ignoring(generator), discriminator, losses.acgan(), (x, labels), (x, labels))
    g, d = small_acgan()
    g.eval()
    with pytest.raises(ValueError, match="acgan needs labels"):
        gan_field(_Fixed(g), d, losses.acgan(), labelled_data(4)[0], torch.randn(4, 4))
    for bad, message in ((lambda: losses.acgan(source="gan"), "source must be one of"),
                         (lambda: losses.acgan(weights=(1, -1)), "not negative")):  # fmt: skip
        with pytest.raises(ValueError, match=message):
            bad()


class _Fixed(nn.Module):
    """A labelled generator that always makes class 0."""

    def __init__(self, body):
        super().__init__()
        self.body = body

    def forward(self, z):
        return self.body(z, torch.zeros(len(z), dtype=torch.long))


def _ignoring(generator):
    class Ignoring(nn.Module):
        def __init__(self):
            super().__init__()
            self.body = generator

        def forward(self, z, labels):
            return self.body(z)

    return Ignoring()


def smooth_pair():
    generator, discriminator = models.mlp_gan(2, hidden=(5,), latent_dim=2, activation="tanh", seed=2)
    return generator.double(), models.with_features(discriminator.double(), "1")


def points(count, seed):
    return torch.randn(count, 2, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("match", ["means", "samples"])
def test_feature_matching_by_hand_and_its_field(match):
    generator, discriminator = smooth_pair()
    x, z = points(6, 1), points(6, 2)
    hidden = discriminator.discriminator[:2]
    f, h = hidden(x), hidden(generator(z))
    expected = sum((a.mean() - b.mean()) ** 2 for a, b in zip(f.T, h.T, strict=True))
    if match == "samples":
        expected = sum(((a - b) ** 2).sum() for a, b in zip(f, h, strict=True)) / 6
    chosen = losses.feature_matching(match=match)
    field = gan_field(generator, discriminator, chosen, x, z)
    gradient = torch.autograd.grad(expected, list(generator.parameters()))
    by_g = torch.cat([part.reshape(-1) for part in gradient])
    at = get_state(generator, discriminator)
    torch.testing.assert_close(field(at)[: len(by_g)], -by_g, rtol=1e-10, atol=1e-14)
    check_field(field, at)
    plain = gan_field(generator, discriminator, losses.nonsaturating(), x, z)
    torch.testing.assert_close(field(at)[len(by_g) :], plain(at)[len(by_g) :])


def test_feature_matching_needs_features_and_equal_halves():
    generator, discriminator = smooth_pair()
    with pytest.raises(ValueError, match="with_features"):
        gan_field(
            generator, discriminator.discriminator, losses.feature_matching(), points(4, 1), points(4, 2)
        )
    with pytest.raises(ValueError, match="one to one"):
        gan_field(
            generator, discriminator, losses.feature_matching(match="samples"), points(4, 1), points(6, 2)
        )
    with pytest.raises(ValueError, match="match must be one of"):
        losses.feature_matching(match="mean")


def test_a_combination_is_the_weighted_sum_and_follows_its_schedule():
    generator, discriminator = smooth_pair()
    x, z = points(6, 1), points(6, 2)
    ramp = losses.LinearSchedule(((2, 0.0), (6, 0.8)))
    parts = losses.nonsaturating(penalties=[losses.r1(0.2)]), losses.feature_matching()
    chosen = losses.combined(*parts, weight=ramp)
    at = get_state(generator, discriminator)
    field = lambda what: gan_field(generator, discriminator, what, x, z)(at)
    size = sum(p.numel() for p in generator.parameters())
    first, second = (field(part) for part in parts)
    for step, weight in ((0, 0.0), (3, 0.2), (9, 0.8)):
        mixed = field(chosen.at(step))
        torch.testing.assert_close(mixed[:size], first[:size] + weight * second[:size])
        torch.testing.assert_close(mixed[size:], first[size:])
    torch.testing.assert_close(field(chosen), field(chosen.at(0)))
    with pytest.raises(ValueError, match="combine losses that agree"):
        losses.combined(losses.acgan(), losses.feature_matching())
    with pytest.raises(ValueError, match="must be finite"):
        losses.combined(*parts, weight=math.nan)


@pytest.mark.parametrize("order", ["simultaneous", "generator first", "discriminator first"])
def test_a_schedule_is_stepped_by_training_and_not_by_minibatches(order):
    """Each step of the map is one of the losses held at its number, whatever the critic steps."""
    generator, discriminator = smooth_pair()
    critic_steps = 1 if order == "simultaneous" else 3
    recipe = Recipe((SGD(0.1), SGD(0.1)), batch_size=6, order=order, critic_steps=critic_steps)
    schedule = losses.SigmoidSchedule(middle=2, width=1.0, last=5.0)
    chosen = losses.combined(losses.nonsaturating(), losses.feature_matching(), weight=schedule)
    make = lambda what: training_map(generator, discriminator, what, points(24, 3), latent=2, recipe=recipe)
    update, x = make(chosen)
    y = x
    for k in range(4):
        x, y = update(x, k), make(chosen.at(k))[0](y, k)
        torch.testing.assert_close(x, y, rtol=0, atol=0)
    assert not torch.equal(make(chosen.at(0))[0](x, 4), update(x, 4))


def test_a_scheduled_run_resumes_to_the_bit(tmp_path):
    generator, discriminator = smooth_pair()
    schedule = losses.LinearSchedule(((0, 0.0), (8, 1.0)))
    chosen = losses.combined(losses.nonsaturating(), losses.feature_matching(), weight=schedule)
    options = {"latent": 2, "recipe": Recipe(batch_size=6), "checkpoint_every": 3}
    whole = train(generator, discriminator, chosen, points(24, 3), tmp_path / "whole", steps=8, **options)
    train(generator, discriminator, chosen, points(24, 3), tmp_path / "cut", steps=5, **options)
    taken_up = train(
        generator, discriminator, chosen, points(24, 3), tmp_path / "cut", steps=8, resume=True, **options
    )
    state = lambda run: run.state(generator, discriminator, None, torch.float64)
    assert torch.equal(state(whole), state(taken_up))
    other = losses.combined(losses.nonsaturating(), losses.feature_matching(), weight=0.5)
    with pytest.raises(ValueError, match="losses was"):
        train(
            generator, discriminator, other, points(24, 3), tmp_path / "cut", steps=9, resume=True, **options
        )


def test_schedules():
    ramp = losses.LinearSchedule([(10, 1.0), (20, 0.0), (30, 4.0)])
    assert [ramp(k) for k in (0, 10, 15, 20, 25, 30, 99)] == [1, 1, 0.5, 0, 2, 4, 4]
    curve = losses.SigmoidSchedule(middle=10, width=2.0, first=1.0, last=0.0)
    assert [round(curve(k), 12) for k in (10, 12, 8)] == [
        0.5, round(1 / (1 + math.e), 12), round(math.e / (1 + math.e), 12),
    ]  # fmt: skip
    assert curve(10**9) == 0.0
    with pytest.raises(ValueError, match="must ascend"):
        losses.LinearSchedule(((5, 0.0), (5, 1.0)))
    with pytest.raises(ValueError, match="positive"):
        losses.SigmoidSchedule(middle=1, width=0)


def test_losses_that_see_the_play_and_those_that_do_not_agree():
    """A loss of the user's own, written both ways, is the same game."""
    generator, discriminator = models.mlp_gan(2, hidden=(5,), latent_dim=2, activation="tanh")
    plain = losses.Losses(lambda fake: -fake.mean(), lambda real, fake: fake.mean() - real.mean())
    whole = losses.Losses(
        lambda play: -play.on_fake.mean(), lambda play: play.on_fake.mean() - play.on_real.mean(), sees="play"
    )
    at = get_state(generator, discriminator)
    a, b = (gan_field(generator, discriminator, part, points(5, 1), points(5, 2)) for part in (plain, whole))
    assert torch.equal(a(at), b(at))
    with pytest.raises(ValueError, match="sees must be one of"):
        losses.Losses(plain.generator, plain.discriminator, sees="everything")


def test_the_stream_gives_the_labels_of_its_images():
    digits = datasets.digits()
    images = torch.as_tensor(digits.images[:200], dtype=torch.float64)
    stream = MinibatchStream((images, torch.as_tensor(digits.labels[:200])), 16, labelled_prior(4, 10), 0)
    batch = stream(3)
    for image, label in zip(*batch.real, strict=True):
        place = (images == image).flatten(1).all(1).nonzero()[0]
        assert digits.labels[place] == label
    assert batch.latent[1].shape == (16,)
    assert torch.equal(batch.latent[1], stream(3).latent[1])
