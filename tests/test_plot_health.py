"""Pictures of gradients: what is drawn is what was seen."""

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure

from gandyn import nets, plot
from gandyn.nets import losses, models


@pytest.fixture(scope="module")
def record(tmp_path_factory):
    generator, discriminator = models.dcgan(8, width=2, latent_dim=4, channels=1, std=0.2)
    data = torch.rand(64, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    folder = tmp_path_factory.mktemp("runs") / "run"
    recipe = nets.Recipe(batch_size=16)
    return nets.train(
        generator, discriminator, losses.nonsaturating(), data, folder, steps=6, recipe=recipe, health=2
    ).health


@pytest.mark.parametrize(
    "measure", ["small", "small_share", "rms", "gradient_to_weight", "update_to_weight", "leverage"]
)
def test_lines_are_the_numbers_of_each_layer(record, measure):
    drawn = plot.gradient_counts(Figure().subplots(), record, measure=measure)
    assert set(drawn.lines) == {f"generator.{i}.weight" for i in (0, 4)} | {
        f"discriminator.{i}.weight" for i in (0, 3)
    }
    for name, line in drawn.lines.items():
        values = getattr(record, measure)[:, record.layers.index(name)].astype(float)
        np.testing.assert_array_equal(line.get_ydata(), np.where(values > 0, values, np.nan))
        np.testing.assert_array_equal(line.get_xdata(), [0, 2, 4])
    every = plot.gradient_counts(Figure().subplots(), record, measure=measure, weights_only=False)
    assert set(every.lines) == set(record.layers)
    with pytest.raises(ValueError, match="measure must be one of"):
        plot.gradient_counts(Figure().subplots(), record, measure="size")


@pytest.mark.parametrize("player", ["generator", "discriminator"])
@pytest.mark.parametrize("log", [True, False])
def test_a_heat_map_holds_every_entry(record, player, log):
    drawn = plot.gradient_histograms(Figure().subplots(), record, player, log=log)
    counts = record.histograms[:, ["generator", "discriminator"].index(player)]
    half = len(record.edges) // 2
    inside = counts[:, 1:-1].sum(1) - (counts[:, half] if log else 0)
    np.testing.assert_array_equal(np.ma.filled(drawn.mesh.get_array(), 0).sum(axis=0), inside)
    lowest, highest = drawn.mesh.axes.get_ylim()
    assert lowest < highest


def test_the_overview_has_four_panels(record):
    figure = Figure()
    drawn = plot.health(figure.subplots(2, 2), record)
    np.testing.assert_array_equal(drawn.slopes.lines["generator"].get_ydata(), record.slopes[:, 0])
    assert list(drawn.coherence.lines) == ["generator", "discriminator"]
    figure.canvas.draw()
    with pytest.raises(ValueError, match="four panels, got 2 axes"):
        plot.health(Figure().subplots(1, 2), record)
    with pytest.raises(ValueError, match="player must be one of"):
        plot.gradient_histograms(Figure().subplots(), record, "both")
