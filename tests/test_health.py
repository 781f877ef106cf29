"""Gradients layer by layer against naive loops, and vanishing told from converged on constructed cases."""

import copy

import numpy as np
import pytest
import torch
from torch import nn

import gandyn
from gandyn import nets
from gandyn.nets import datasets, gradient_health, losses, models
from gandyn.nets.health.signs import Lines, judge, loss_signs
from gandyn.nets.health.statistics import (
    BINS,
    EDGES,
    LEVELS,
    STATISTICS,
    histogram,
    layer_statistics,
    signal_of,
)
from gandyn.nets.maps import MinibatchStream, as_prior


def draws(*shape, seed=0, scale=1.0):
    return scale * torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_numbers_of_a_layer_equal_a_naive_loop():
    gradients = [draws(7, 5, scale=0.02), draws(11, seed=1, scale=0.02)]
    gradients[0][2] = 0.0
    weights, updates = [2 * g + 1 for g in gradients], [0.1 * g for g in gradients]
    found = layer_statistics(gradients, weights, updates, 1e-2)
    for row, g, w in zip(found, gradients, weights, strict=True):
        small = zeros = 0
        square = weight_square = 0.0
        for entry, weight in zip(g.flatten().tolist(), w.flatten().tolist(), strict=True):
            small += abs(entry) < 1e-2
            zeros += entry == 0
            square += entry**2
            weight_square += weight**2
        n = g.numel()
        expected = [small, zeros, np.sqrt(square / n), *np.quantile(g.abs().numpy(), LEVELS),
                    np.sqrt(weight_square / n), 0.1 * np.sqrt(square / n)]  # fmt: skip
        np.testing.assert_allclose(row, expected, rtol=1e-12)
    unknown = layer_statistics(gradients, weights, None, 1e-2)
    np.testing.assert_array_equal(unknown[:, :-1], found[:, :-1])
    assert np.isnan(unknown[:, STATISTICS.index("update_rms")]).all()


def test_quantiles_of_a_large_layer_are_close_and_its_counts_exact():
    g = draws(300, 300)
    row = layer_statistics([g], [g], None, 1.0)[0]
    assert row[0] == int((g.abs() < 1.0).sum())
    exact = np.quantile(g.abs().numpy(), LEVELS)
    np.testing.assert_allclose(row[3 : 3 + len(LEVELS)], exact, atol=0.04)


def test_bins_are_those_of_numpy_and_nothing_is_lost():
    g = torch.cat([draws(500, scale=10.0**e, seed=e + 20) for e in range(-15, 4)] + [torch.zeros(3).double()])
    counts = histogram(g)
    expected, _ = np.histogram(g.numpy(), np.concatenate([[-np.inf], EDGES, [np.inf]]))
    np.testing.assert_array_equal(counts, expected)
    assert counts.sum() == len(g)
    assert counts[0] > 0
    assert counts[-1] > 0
    assert len(counts) == BINS


def test_the_signal_share_is_unbiased_and_knows_its_noise():
    """Chunks of unequal size, gradients mean + noise: u has the mean |mu|^2, whatever the noise."""
    mu, sizes = torch.tensor([0.3, -0.1, 0.2], dtype=torch.float64), torch.tensor([4, 4, 3, 3])
    weights = sizes.double() / sizes.sum()
    noise = torch.randn(8000, 4, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    estimates, squares = [], []
    for row in noise:
        g = mu + row / sizes.double().sqrt()[:, None]
        share, coherence, square = signal_of(g, weights, 14)
        assert coherence * square == pytest.approx(share * float((weights @ g).square().sum()))
        estimates.append(share * float((weights @ g).square().sum()))
        squares.append(square)
    error = np.std(estimates) / np.sqrt(len(estimates))
    assert abs(np.mean(estimates) - float(mu @ mu)) < 4 * error
    assert abs(np.mean(squares) - float(mu @ mu) - 3) < 0.1  # a sample's noise has 3 entries of variance 1


def test_agreement_is_one_and_pure_noise_about_zero():
    same = draws(1, 50).expand(4, 50)
    assert signal_of(same, torch.full((4,), 0.25).double(), 32)[:2] == pytest.approx((1, 1))
    shares = [signal_of(draws(8, 200, seed=s), torch.full((8,), 0.125).double(), 32)[0] for s in range(20)]
    assert abs(np.mean(shares)) < 0.1
    assert np.isnan(signal_of(torch.zeros(2, 3), torch.tensor([0.5, 0.5]), 2)[0])


def relu_pair(seed=0, hidden=16):
    generator, discriminator = models.mlp_gan(2, hidden=(hidden,), latent_dim=2, seed=seed)
    return generator.double(), discriminator.double()


def test_a_look_equals_autograd_sample_by_sample():
    generator, discriminator = relu_pair()
    x, z = draws(12, 2), draws(12, 2, seed=1)
    chosen = losses.nonsaturating()
    found = gradient_health(generator, discriminator, chosen, x, z, chunks=12)
    for i, (module, loss_of) in enumerate((
        (generator, lambda s: chosen.generator(discriminator(generator(z[s])))),
        (discriminator, lambda s: chosen.discriminator(discriminator(x[s]), discriminator(generator(z[s])))),
    )):  # fmt: skip
        parameters = list(module.parameters())
        rows = [torch.cat([g.flatten() for g in torch.autograd.grad(loss_of(slice(j, j + 1)), parameters)])
                for j in range(12)]  # fmt: skip
        per_sample = torch.stack(rows)
        norm = torch.cat([p.detach().flatten() for p in parameters]).norm()
        assert found.push[0, i] == pytest.approx(float(per_sample.square().sum(1).mean().sqrt() * norm))
        mean = torch.autograd.grad(loss_of(slice(None)), parameters)
        own = [k for k, name in enumerate(found.layers) if name.startswith(("generator", "discriminator")[i])]
        np.testing.assert_allclose(found.rms[0, own], [float(g.square().mean().sqrt()) for g in mean])
        assert found.losses[0, i] == pytest.approx(float(loss_of(slice(None)).detach()))
        first = mean[0]
        np.testing.assert_array_equal(found.histograms[0, i], histogram(first))
    at = float(chosen.discriminator(torch.zeros(1), torch.zeros(1)))
    np.testing.assert_allclose(found.undecided, [np.log(2), at])


@pytest.mark.parametrize(
    ("name", "slope_g", "slope_real", "slope_fake"),
    [
        ("saturating", lambda d: 1 / (1 + np.exp(-d)), lambda d: 1 / (1 + np.exp(d)), None),
        ("nonsaturating", lambda d: 1 / (1 + np.exp(d)), lambda d: 1 / (1 + np.exp(d)), None),
        ("wasserstein", np.ones_like, np.ones_like, np.ones_like),
        ("hinge", np.ones_like, lambda d: 1.0 * (d < 1), lambda d: 1.0 * (d > -1)),
    ],
)
def test_slopes_are_those_of_the_loss(name, slope_g, slope_real, slope_fake):
    generator, discriminator = relu_pair(3)
    discriminator[-1].weight.data *= 6
    x, z = draws(20, 2), draws(20, 2, seed=1)
    found = gradient_health(generator, discriminator, losses.by_name(name), x, z, chunks=2)
    with torch.no_grad():
        real, fake = discriminator(x)[:, 0].numpy(), discriminator(generator(z))[:, 0].numpy()
    slope_fake = slope_fake or (lambda d: 1 / (1 + np.exp(-d)))
    rms = lambda values: np.sqrt(np.mean(np.square(values)))
    undecided = np.zeros(1)
    expected = [
        rms(slope_g(fake)) / rms(slope_g(undecided)),
        rms([*slope_real(real), *slope_fake(fake)]) / rms([*slope_real(undecided), *slope_fake(undecided)]),
    ]
    np.testing.assert_allclose(found.slopes[0], expected)


class Shift(nn.Module):
    """A generator that moves its latents: with shift 0 it makes the data's own distribution."""

    def __init__(self, value):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(1, dtype=torch.float64))
        self.shift = nn.Parameter(torch.full((2,), value, dtype=torch.float64))

    def forward(self, z):
        return self.scale * z + self.shift


def flat(discriminator):
    """The discriminator with a last layer of zeros: 1/2 everywhere."""
    nn.init.zeros_(discriminator[-1].weight)
    nn.init.zeros_(discriminator[-1].bias)
    return discriminator


def certain():
    """A discriminator that is certain that fakes lie left of 0 and reals right of it."""
    net = nn.Sequential(nn.Linear(2, 4), nn.ReLU(), nn.Linear(4, 1)).double()
    with torch.no_grad():
        net[0].weight[:], net[0].bias[:] = torch.tensor([[1.0, 0.0], [-1.0, 0.0]] * 2), 0.0
        net[2].weight[:], net[2].bias[:] = torch.tensor([[3.0, -3.0, 3.0, -3.0]]), 0.0
    return net


def saturated(name):
    x, z = draws(64, 2) + torch.tensor([5.0, 0.0]), draws(64, 2, seed=1)
    return gradient_health(Shift(-5.0), certain(), losses.by_name(name), x, z)


def equilibrium(count=512):
    _, discriminator = relu_pair(1)
    return gradient_health(
        Shift(0.0), flat(discriminator), losses.saturating(), draws(count, 2), draws(count, 2, seed=1)
    )


def test_a_saturated_discriminator_lets_a_saturating_generators_gradient_vanish():
    found = saturated("saturating")
    assert (found.verdict.generator, found.verdict.discriminator) == ("vanishing", "vanishing")
    assert "saturated" in found.verdict.why[0]
    assert {sign.name for sign in found.signs if sign.present} >= {"discriminator's loss near 0"}
    other = saturated("nonsaturating")
    assert (other.verdict.generator, other.verdict.discriminator) == ("learning", "vanishing")
    assert any(sign.name == "loss ratio G/D" and sign.present for sign in other.signs)
    assert (saturated("wasserstein").verdict.generator) == "learning"


def test_an_equilibrium_is_converged():
    found = equilibrium()
    assert (found.verdict.generator, found.verdict.discriminator) == ("converged", "converged")
    assert found.slopes[0].tolist() == [1, 1]
    assert found.coherence[0, 1] < 0.005
    assert found.push[0, 1] > 0.1  # each sample's own gradient is not small
    few = equilibrium(32)
    assert few.verdict.discriminator == "undecided"
    assert "too few samples" in few.verdict.why[1]


def test_the_raw_count_does_not_tell_them_apart():
    """In both nearly every entry is small; and scaling layers of the same function turns the count over."""
    shares = [
        found.small_share[0, [n.startswith("generator") for n in found.layers]]
        for found in (saturated("saturating"), equilibrium())
    ]
    assert all((share == 1).all() for share in shares)


def scaled(module, factor):
    """The same function of ReLU layers: the first layer up, the last down."""
    other = copy.deepcopy(module)
    with torch.no_grad():
        other[0].weight *= factor
        other[0].bias *= factor
        other[2].weight /= factor
    return other


def test_scaling_layers_of_the_same_function_changes_the_count_and_not_the_leverage():
    generator, discriminator = relu_pair(4)
    x, z = draws(64, 2) + 1, draws(64, 2, seed=1)
    counts, leverages, verdicts = [], [], []
    for factor in (1.0, 1e-3, 1e3):
        found = gradient_health(
            scaled(generator, factor), scaled(discriminator, factor), losses.nonsaturating(), x, z
        )
        weights = [i for i, name in enumerate(found.layers) if name.endswith("0.weight")]
        counts.append(found.small_share[0, weights])
        leverages.append(found.leverage[0, weights])
        verdicts.append(str(found.verdict))
    assert (counts[1] < 0.2).all()  # what is left are units that are dead
    assert (counts[2] > 0.99).all()
    np.testing.assert_allclose(leverages[1], leverages[0])
    np.testing.assert_allclose(leverages[2], leverages[0])
    assert verdicts == ["generator learning, discriminator learning"] * 3


def test_a_flat_discriminator_that_has_yet_to_learn_is_no_equilibrium():
    _, discriminator = relu_pair(1)
    found = gradient_health(
        Shift(3.0), flat(discriminator), losses.nonsaturating(), draws(64, 2), draws(64, 2, seed=1)
    )
    assert (found.verdict.generator, found.verdict.discriminator) == ("vanishing", "learning")
    assert "no gradient arrives" in found.verdict.why[0]


def test_dead_units_are_counted():
    generator, discriminator = relu_pair(2)
    generator[0].bias.data[:5] = -1e3
    discriminator[0].bias.data[:2] = -1e3
    found = gradient_health(
        generator, discriminator, losses.nonsaturating(), draws(32, 2), draws(32, 2, seed=1)
    )
    with torch.no_grad():
        z = draws(32, 2, seed=1)
        hidden_g, x = generator[:2](z), torch.cat([draws(32, 2), generator(z)])
        expected = [float((hidden_g == 0).all(0).double().mean()),
                    float((discriminator[:2](x) == 0).all(0).double().mean())]  # fmt: skip
    assert found.units == ("generator.1", "discriminator.1")
    np.testing.assert_allclose(found.dead[0], expected)
    assert expected[0] >= 5 / 16
    # every weight into a dead unit has a gradient of exactly zero
    assert found.zeros[0, found.layers.index("generator.0.weight")] >= 2 * 5


def test_a_labelled_game_and_batch_norm_have_a_record():
    generator, discriminator = models.acgan(8, width=2, classes=3, channels=1, latent_dim=4, std=0.2)
    images, labels = draws(16, 1, 8, 8), torch.arange(16) % 3
    before = copy.deepcopy((generator.state_dict(), discriminator.state_dict()))
    found = gradient_health(
        generator, discriminator, losses.acgan(), (images, labels), (draws(16, 4), labels), chunks=4,
        batch_norm="batch", dropout="seeded", dtype=torch.float32,
    )  # fmt: skip
    assert np.isfinite(found.slopes).all()
    assert found.units == ("generator.body.1", "generator.body.5")
    assert str(found.verdict) == "generator undecided, discriminator undecided"  # 16 samples
    for module, saved in zip((generator, discriminator), before, strict=True):
        assert all(torch.equal(value, saved[name]) for name, value in module.state_dict().items())
    with pytest.raises(ValueError, match="chunks must be from 2 to the number of samples, 16; got 32"):
        gradient_health(
            generator, discriminator, losses.acgan(), (images, labels), (draws(16, 4), labels), chunks=32,
            batch_norm="batch", dropout="eval",
        )  # fmt: skip


def test_a_normalised_net_at_its_start_has_not_converged():
    """Small weights under batch norm make gradients of samples large and unlike, and their mean large."""
    generator, discriminator = models.acgan(8, width=2, channels=1, latent_dim=6, seed=1)
    data, labels = datasets.digits(), torch.arange(1600) % 10
    batch = (data.images[:1600], data.labels[:1600]), (draws(1600, 6), labels)
    found = gradient_health(
        generator, discriminator, losses.acgan(), *batch, batch_norm="batch", dropout="eval"
    )
    assert (found.coherence < 0.01).all()
    assert (found.slopes > 0.5).all()
    assert found.verdict.discriminator == "learning"


def test_rules_and_lines():
    two = lambda a, b: np.array([a, b], dtype=float)
    states = lambda slopes, coherence, push, samples=200, lines=Lines(): str(  # noqa: B008
        judge(two(*slopes), two(*coherence), two(*push), samples=samples, lines=lines)
    )
    both = lambda state: f"generator {state}, discriminator {state}"
    nan = np.nan
    assert states((1, 1), (0.3, 0.3), (1, 1)) == both("learning")
    assert states((1, 1), (0.3, 0.001), (1, 1)) == both("learning")
    assert states((1, 1), (-0.01, nan), (1, 0)) == both("converged")
    assert states((1, 1), (0.001, 0.001), (1, 1), samples=50) == both("undecided")
    assert states((2, 0.3), (0.001, 0.001), (1, 1)) == both("learning")
    assert states((2, 0.3), (0.001, 0.001), (1, 1), lines=Lines(decided=0.2)) == both("converged")
    assert states((nan, nan), (nan, nan), (nan, nan)) == both("undecided")
    assert states((nan, 1), (0.001, 0.001), (1, 1)) == both("converged")
    assert states((1, 1), (0.001, 0.005), (1, 30), samples=10_000) == both("learning")
    assert states((1, 1), (0.001, -0.005), (1, 30), samples=800) == both("undecided")
    assert states((1, 1), (0.001, -0.005), (1, 30), samples=1000) == both("converged")
    assert states((1, 1), (0.001, 0.005), (1, 30), lines=Lines(stake=10.0)) == both("converged")
    assert states((0.05, 0.01), (0.5, 0.5), (1, 1)) == both("vanishing")
    assert states((1, 1), (0.5, 0.5), (1e-5, 1e-5)) == both("vanishing")


def test_signs_in_the_losses():
    at = np.array([np.log(2), 2 * np.log(2)])
    present = lambda *pair: {sign.name for sign in loss_signs(np.array(pair), at) if sign.present}
    assert present(np.log(2), 2 * np.log(2)) == set()
    assert present(6.0, 0.01) == {"discriminator's loss near 0", "loss ratio G/D"}
    assert present(0.01, 3.0) == {"generator's loss near 0"}
    assert "D's loss .05 to .1 with G's .8 to 1.4" in present(1.0, 0.08)
    at[0] *= -1  # saturating: that loss has no zero to come near
    assert present(-0.01, 1.3) == set()
    critic = loss_signs(np.array([0.3, -0.6]), np.zeros(2))
    assert not any(sign.present for sign in critic)
    for sign in loss_signs(np.array([6.0, 0.01]), np.full(2, np.nan)):
        assert "not" in sign.means_not
        assert sign.means in str(sign)


# The watch on a loop of the user's own.


def own_loop(generator, discriminator, steps, monitor=None, note=None):
    """The usual loop: the generator's backward adds to the discriminator's .grad after its step."""
    opt_g = torch.optim.Adam(generator.parameters(), 1e-2)
    opt_d = torch.optim.SGD(discriminator.parameters(), 0.1)
    chosen = losses.nonsaturating()
    for k in range(steps):
        x, z = draws(16, 2, seed=100 + k), draws(16, 2, seed=200 + k)
        before = [p.detach().clone() for m in (generator, discriminator) for p in m.parameters()]
        discriminator.zero_grad()
        loss_d = chosen.discriminator(discriminator(x), discriminator(generator(z).detach()))
        loss_d.backward()
        clean = [p.grad.clone() for p in discriminator.parameters()]
        opt_d.step()
        generator.zero_grad()
        loss_g = chosen.generator(discriminator(generator(z)))
        loss_g.backward()
        opt_g.step()
        if monitor is not None:
            left = [p.grad.clone() for m in (generator, discriminator) for p in m.parameters()]
            monitor.step(loss_g, loss_d)
            now = [p.grad for m in (generator, discriminator) for p in m.parameters()]
            assert all(torch.equal(a, b) for a, b in zip(left, now, strict=True))
        if note is not None:
            after = [p.detach() for m in (generator, discriminator) for p in m.parameters()]
            gradients = [*(p.grad.clone() for p in generator.parameters()), *clean]
            note.append((gradients, before, [b - a for a, b in zip(before, after, strict=True)]))


@pytest.mark.parametrize("every", [1, 2, 4])
def test_the_monitor_reads_what_the_optimisers_used_and_changes_nothing(tmp_path, every):
    pair, twin = relu_pair(5), relu_pair(5)
    monitor = nets.Monitor(*pair, health=every, folder=tmp_path)
    seen = []
    own_loop(*pair, 9, monitor, seen)
    own_loop(*twin, 9)
    for a, b in zip(nets.get_state(*pair), nets.get_state(*twin), strict=True):
        assert torch.equal(a, b)
    found = monitor.record().health
    assert found.steps.tolist() == list(range(every, 10, every))
    for row, step in enumerate(found.steps):
        gradients, weights, updates = seen[step - 1]
        expected = layer_statistics(gradients, weights, updates, 1e-2)
        np.testing.assert_allclose(found.rms[row], expected[:, 2], rtol=1e-8)
        np.testing.assert_array_equal(found.small[row], expected[:, 0])
        np.testing.assert_allclose(found.update_rms[row], expected[:, -1], rtol=1e-8)
        if step > 1:
            pairs = list(zip(seen[step - 2][0], gradients, strict=True))
            for i, own in enumerate((pairs[:4], pairs[4:])):
                a, b = (torch.cat([part[j].flatten() for part in own]) for j in (0, 1))
                assert found.signal[row, i] == pytest.approx(float(2 * a @ b / (a @ a + b @ b)), rel=1e-7)
    assert np.isfinite(found.dead).all()
    again = nets.read_monitor(tmp_path).health
    np.testing.assert_array_equal(again.rms, found.rms)
    np.testing.assert_array_equal(nets.read_health(tmp_path).histograms, found.histograms)
    assert str(found.verdict) == "generator undecided, discriminator undecided"


def test_hooks_go_with_the_monitor():
    from torch.optim.optimizer import _global_optimizer_pre_hooks

    pair = relu_pair(5)
    count = len(_global_optimizer_pre_hooks)
    monitor = nets.Monitor(*pair, health=3)
    own_loop(*pair, 2, monitor)
    assert len(_global_optimizer_pre_hooks) == count + 1
    assert any(layer._forward_hooks for layer in pair[0])
    del monitor
    assert len(_global_optimizer_pre_hooks) == count
    assert not any(layer._forward_hooks for layer in (*pair[0], *pair[1]))


def test_a_loop_without_optimisers_is_read_from_grad():
    generator, discriminator = relu_pair(6)
    monitor = nets.Monitor(generator, discriminator, health=1)
    (generator(draws(4, 2)).sum() * 3).backward()
    expected = [float(p.grad.square().mean().sqrt()) for p in generator.parameters()]
    monitor.step(1.0, 2.0)
    found = monitor.record().health
    np.testing.assert_allclose(found.rms[0], [*expected, 0, 0, 0, 0])
    assert found.losses.tolist() == [[1.0, 2.0]]
    with pytest.raises(ValueError, match="pass health=True"):
        nets.Monitor(generator, discriminator, tensorboard="somewhere")
    with pytest.raises(ValueError, match="health must be at least 1"):
        nets.Monitor(generator, discriminator, health=-1)


class Writer:
    """What a SummaryWriter is called with."""

    def __init__(self):
        self.scalars, self.histograms = {}, {}

    def add_scalar(self, name, value, step):
        self.scalars[name, step] = value

    def add_histogram_raw(self, name, **values):
        self.histograms[name, values["global_step"]] = values

    def flush(self):
        pass


def test_tensorboard_is_given_every_look():
    pair, writer = relu_pair(5), Writer()
    monitor = nets.Monitor(*pair, health=2, tensorboard=writer)
    own_loop(*pair, 5, monitor)
    found = monitor.record().health
    for row, step in enumerate([2, 4]):
        for i, layer in enumerate(found.layers):
            assert writer.scalars[f"rms/{layer}", step] == pytest.approx(found.rms[row, i])
            assert writer.scalars[f"small_share/{layer}", step] == found.small_share[row, i]
        for i, player in enumerate(("generator", "discriminator")):
            values = writer.histograms[f"first layer's gradient/{player}", step]
            assert values["bucket_counts"] == found.histograms[row, i].tolist()
            assert len(values["bucket_limits"]) == len(values["bucket_counts"])
            assert values["num"] == found.histograms[row, i].sum()
    assert not any(np.isnan(value) for value in writer.scalars.values())


def test_a_real_event_file_holds_the_numbers(tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    found = equilibrium(64)
    nets.to_tensorboard(found, tmp_path)
    events = EventAccumulator(str(tmp_path))
    events.Reload()
    (event,) = events.Scalars("push/discriminator")
    assert event.value == pytest.approx(found.push[0, 1], rel=1e-6)
    (histogram_event,) = events.Histograms("first layer's gradient/discriminator")
    assert sum(histogram_event.histogram_value.bucket) == found.histograms[0, 1].sum()


# Runs of nets.train.


def run_of(tmp_path, name, steps=9, **options):
    generator, discriminator = relu_pair(7)
    options = {
        "latent": 2,
        "recipe": nets.Recipe(batch_size=8, critic_steps=2),
        "checkpoint_every": 3,
    } | options
    data = draws(32, 2) + 1
    return nets.train(
        generator, discriminator, losses.nonsaturating(), data, tmp_path / name, steps=steps, **options
    )


def test_a_run_has_its_health_and_trains_the_same(tmp_path):
    plain, watched = run_of(tmp_path, "plain"), run_of(tmp_path, "watched", health=2)
    state = lambda run: run.state(*relu_pair(7), None, torch.float64)
    assert torch.equal(state(plain), state(watched))
    assert (plain.folder / "history.csv").read_bytes() == (watched.folder / "history.csv").read_bytes()
    found = watched.health
    assert found.steps.tolist() == [0, 2, 4, 6, 8]
    batch = MinibatchStream((draws(32, 2) + 1,), 8, as_prior(2), 0)(0)
    expected = gradient_health(*relu_pair(7), losses.nonsaturating(), batch.real, batch.latent, chunks=2)
    for name in ("rms", "small", "slopes", "signal", "push", "dead", "losses", "quantiles"):
        np.testing.assert_allclose(getattr(found, name)[0], getattr(expected, name)[0], rtol=1e-7)
    start, after = (watched.state(*relu_pair(7), step, torch.float64) for step in (0, 3))
    assert np.isfinite(found.update_rms).all()
    assert not torch.equal(start, after)
    with pytest.raises(nets.RunError, match="no such file"):
        _ = plain.health


def test_health_resumes_to_the_byte(tmp_path):
    whole = run_of(tmp_path, "whole", health=2)
    run_of(tmp_path, "cut", steps=5, health=2)
    with (tmp_path / "cut" / "health.csv").open("a") as file:
        file.write("7,1,2\n8,3")  # as a killed process would leave them, beyond the checkpoint
    cut = run_of(tmp_path, "cut", health=2, resume=True)
    for name in ("health.csv", "health.json"):
        assert (whole.folder / name).read_bytes() == (cut.folder / name).read_bytes()
    with pytest.raises(nets.RunError, match="health was 2, now it is 3"):
        run_of(tmp_path, "cut", steps=12, health=3, resume=True)


def test_a_record_is_saved_and_labelled(tmp_path):
    found = run_of(tmp_path, "run", health=3).health
    again = gandyn.load(gandyn.save(found, tmp_path / "record"))
    np.testing.assert_array_equal(again.histograms, found.histograms)
    assert str(again) == str(found)
    dataset = found.to_xarray()
    assert dataset["rms"].dims == ("step", "layer")
    assert float(dataset["rms"].sel(step=3, layer="discriminator.0.weight")) == found.rms[1, 4]
    assert dataset["histograms"].sizes["bin"] == BINS
