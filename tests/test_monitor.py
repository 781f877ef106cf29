"""What trainings with a known course are said to do, and the watch on a loop of one's own."""

import copy

import numpy as np
import pytest
import torch
from torch import nn

from gandyn import nets
from gandyn.nets import losses


class Point(nn.Module):
    """Dirac-GAN: the generator is a point, the discriminator a slope (Mescheder et al. 2018)."""

    def __init__(self, value):
        super().__init__()
        self.value = nn.Parameter(torch.tensor([value], dtype=torch.float64))


class Dirac(Point):
    def forward(self, z):
        return self.value.expand(z.shape[0], 1)


class Slope(Point):
    def forward(self, x):
        return self.value * x


def dirac(chosen, order, h, steps, **options):
    rules = nets.Recipe(optimizers=(nets.SGD(h), nets.SGD(h)), batch_size=4, order=order)
    data = torch.zeros(8, 1, dtype=torch.float64)
    return nets.ensemble(
        Dirac(1.0), Slope(0.5), chosen, data, latent=1, recipe=rules, steps=steps, copies=2, progress=False,
        **options,
    )  # fmt: skip


def test_settling_cycling_and_crashing_of_the_dirac_gan():
    regular = dirac(losses.saturating(penalties=[losses.r1(1.0)]), "discriminator first", 0.1, 400)
    assert regular.diagnosis.verdict == "settling", regular.diagnosis.evidence
    circling = dirac(losses.wasserstein(), "discriminator first", 0.2, 400)
    assert circling.diagnosis.verdict == "cycling", circling.diagnosis.evidence
    # alternating steps of the bilinear game turn by arccos(1 - h^2 / 2) each
    assert circling.diagnosis.period == pytest.approx(2 * np.pi / np.arccos(1 - 0.2**2 / 2), abs=0.5)
    exploding = dirac(losses.wasserstein(), "simultaneous", 1.0, 400)
    assert exploding.diagnosis.verdict == "crashing", exploding.diagnosis.evidence


def test_exponents_of_the_bilinear_game_are_its_multipliers():
    """Simultaneous steps grow by sqrt(1 + h^2), alternating ones by 1, in both directions."""
    grown = dirac(losses.wasserstein(), "simultaneous", 0.2, 100)
    np.testing.assert_allclose(grown.per_step, np.log(1 + 0.2**2) / 2, rtol=1e-6)
    turned = dirac(losses.wasserstein(), "discriminator first", 0.2, 100, method="tangent")
    np.testing.assert_allclose(turned.per_step.sum(), 0, atol=1e-12)


def descent(gradient, start, steps, h=0.05):
    """The motion of plain descent along a known gradient."""
    a, b = Point(start[0]), Point(start[1])
    monitor = nets.Monitor(a, b, every=1)
    for _ in range(steps):
        with torch.no_grad():
            da, db = gradient(a.value.item(), b.value.item())
            a.value -= h * da
            b.value -= h * db
        monitor.step(0.0, 0.0)
    return monitor.diagnosis


def test_passing_a_saddle_drifting_and_standing_still():
    passing = descent(lambda x, y: (x, y**3 - y), (3.0, 1e-4), 400)
    assert passing.verdict == "near a saddle"
    assert descent(lambda x, y: (1.0, 0.3), (0.0, 0.0), 100).verdict == "drifting"
    assert descent(lambda x, y: (1.0, 0.3), (0.0, 0.0), 5).verdict == "undecided"
    assert descent(lambda x, y: (0.0, 0.0), (1.0, 1.0), 40).verdict == "settling"


def test_clipped_critic_drifts():
    """At the bound of its weight the critic pulls the generator with constant force."""
    rules = nets.Recipe(optimizers=(nets.SGD(0.1), nets.SGD(0.1)), batch_size=4, clip=0.01)
    found = nets.ensemble(
        Dirac(50.0), Slope(-0.01), losses.wasserstein(), torch.zeros(8, 1), latent=1, recipe=rules, steps=100,
        copies=1, directions="generator", progress=False,
    )  # fmt: skip
    assert found.diagnosis.verdict == "drifting", found.diagnosis.evidence
    np.testing.assert_allclose(np.diff(found.motion.path), 0.1 * 0.01, rtol=1e-6)


def own_loop(watch, steps=40):
    """A loop of the user's own, with dropout, Adam and torch's global generator."""
    torch.manual_seed(0)
    g = nn.Sequential(nn.Linear(2, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 1))
    d = nn.Sequential(nn.Linear(1, 8), nn.Dropout(0.2), nn.LeakyReLU(), nn.Linear(8, 1))
    step, _ = build(g, d)
    monitor = watch(g, d)
    for _ in range(steps):
        batch = torch.randn(16, 1), torch.randn(16, 2)
        loss_g, loss_d = step(batch)
        if monitor:
            monitor.step(loss_g, loss_d, batch=batch)
    states = [*g.state_dict().values(), *d.state_dict().values()]
    grads = [p.grad for p in (*g.parameters(), *d.parameters())]
    return [*states, *grads, torch.get_rng_state()], monitor


def build(g, d):
    optimizers = torch.optim.Adam(g.parameters(), 1e-3), torch.optim.Adam(d.parameters(), 1e-3)
    chosen = losses.nonsaturating()

    def step(batch):
        real, z = batch
        loss_d = chosen.discriminator(d(real), d(g(z).detach()))
        optimizers[1].zero_grad()
        loss_d.backward()
        optimizers[1].step()
        loss_g = chosen.generator(d(g(z)))
        optimizers[0].zero_grad()
        loss_g.backward()
        optimizers[0].step()
        return loss_g.detach(), loss_d.detach()

    return step, optimizers


@pytest.mark.parametrize("update", [None, build], ids=["cheap", "with copies"])
def test_a_monitor_changes_nothing_and_is_read_back(tmp_path, update):
    alone, _ = own_loop(lambda g, d: None)
    measures = {"bias": lambda g, d: float(g[0].bias.detach().sum())}
    watched, monitor = own_loop(
        lambda g, d: nets.Monitor(g, d, every=5, folder=tmp_path / "m", update=update, measures=measures)
    )
    assert all(torch.equal(a, b) for a, b in zip(alone, watched, strict=True))
    record, read = monitor.record(), nets.read_monitor(tmp_path / "m")
    for name in ("steps", "path", "norms", "sketches", "losses"):
        np.testing.assert_array_equal(getattr(record.motion, name), getattr(read.motion, name))
    np.testing.assert_array_equal(record.growth, read.growth)
    np.testing.assert_array_equal(record.measures["bias"], read.measures["bias"])
    assert 0 < monitor.cost < 1
    with pytest.raises(nets.RunError, match="another monitor"):
        nets.Monitor(*copy.deepcopy((monitor.generator, monitor.discriminator)), folder=tmp_path / "m")


def test_copies_of_ones_own_loop_grow_as_the_bilinear_game_does():
    h = 0.2

    def simultaneous(g, d):
        both = torch.optim.SGD([*g.parameters(), *d.parameters()], h)

        def step(batch):
            both.zero_grad()
            g.value.grad, d.value.grad = d.value.detach().clone(), -g.value.detach().clone()
            both.step()

        return step, [both]

    g, d = Point(1.0), Point(0.5)
    own, _ = simultaneous(g, d)
    monitor = nets.Monitor(g, d, every=5, update=simultaneous, size=1e-6)
    for k in range(100):
        own(k)
        monitor.step(batch=k)
    np.testing.assert_allclose(monitor.record().local, np.log(1 + h**2) / 2, rtol=1e-6)


def test_a_sketch_keeps_distances_on_average():
    x, y = np.random.default_rng(0).standard_normal((2, 1000))
    from gandyn.nets.motion import Sketch

    squares = [
        float((Sketch(1000, 64, seed)(torch.as_tensor(x - y)) ** 2).sum()) / ((x - y) ** 2).sum()
        for seed in range(300)
    ]
    deviation = np.sqrt(2 / 64)
    assert np.mean(squares) == pytest.approx(1, abs=3 * deviation / np.sqrt(300))
    assert np.std(squares) < 1.2 * deviation
