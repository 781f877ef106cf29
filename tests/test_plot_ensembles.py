"""Pictures of nearby trainings and the report's section on them."""

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from torch import nn

import gandyn
from gandyn import nets, plot
from gandyn.nets import losses

RULES = nets.Recipe(optimizers=(nets.SGD(0.05), nets.SGD(0.05)), batch_size=16)


def game():
    torch.manual_seed(0)
    generator, discriminator = nn.Linear(2, 1), nn.Sequential(nn.Linear(1, 4), nn.Tanh(), nn.Linear(4, 1))
    return generator, discriminator, losses.nonsaturating(), torch.randn(64, 1) * 0.2 + 1


@pytest.fixture(scope="module")
def found():
    return nets.ensemble(*game(), latent=2, steps=24, window=6, copies=2, recipe=RULES, progress=False)


def test_distances_and_exponents_are_drawn_as_they_are(found):
    axes = Figure().subplots(3)
    drawn = plot.separation(axes[0], found, parts=("state", "generator"))
    np.testing.assert_array_equal(drawn.lines["generator"][1].get_ydata(), found.distances[:, 1, 2])
    assert axes[0].get_yscale() == "log"
    windows = plot.window_exponents(axes[1], found)
    np.testing.assert_array_equal(windows.steps[0].get_data().values, found.local[:, 0] * found.dt)
    low, high = windows.bands[0].get_paths()[0].get_extents().intervaly
    assert (high - low) / 4 == pytest.approx(found.standard_errors[0] * found.dt)
    assert len(plot.spread_shares(axes[2], found).areas) == 2
    with pytest.raises(ValueError, match="parts"):
        plot.separation(axes[0], found, parts=("memory",))


def test_a_report_reads_monitor_and_ensemble_of_a_run(found, tmp_path):
    from gandyn.report.nearby import nearby

    assert nearby(tmp_path) == ({}, None)
    monitor = nets.Monitor(*game()[:2], every=1, folder=tmp_path)
    for _ in range(30):
        monitor.step(0.5, 0.6)
    gandyn.save(found, tmp_path / "ensemble")
    numbers, read = nearby(tmp_path)
    np.testing.assert_array_equal(read.growth, found.growth)
    assert numbers["ensemble"]["exponent_per_step"] == found.per_step[0]
    assert numbers["monitor"]["verdict"] == "settling"  # the modules that it saw stood still
    assert numbers["monitor"]["rows"] == 31
