"""The figures: samples, losses, surfaces, contours, the lake, the published normalisation, field and path."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure

from gandyn import filter_normalized_plane, landscape, nets, pca_plane, plot
from gandyn.landscapes import along_path, lake
from studies.gan_landscapes.batch_norm import EXTENT
from studies.gan_landscapes.runs import judged_by, restored, trained
from studies.gan_landscapes.surfaces import EPSILON, PLAYERS, surface

COLOURS = {"generator": "tab:orange", "discriminator": "tab:blue"}


def draw(sizes: Mapping[str, Any], numbers: Mapping[str, Any], folder: Path, out: Path) -> None:
    """Draw every figure."""
    seed, usual = sizes["seeds"][0], sizes["batch"]
    lengths = [(seed, usual, steps) for steps in sizes["lengths"]]
    batches = [(seed, batch, sizes["batch steps"]) for batch in sizes["batches"]]
    save = lambda figure, name: figure.savefig(out / f"{name}.png", dpi=110)
    save(training(sizes, folder, lengths), "training")
    save(surfaces(sizes, folder, lengths, "steps"), "lengths")
    save(contours(sizes, folder, batches), "batches")
    save(lakes(sizes, numbers), "lakes")
    save(normalisations(sizes, folder, lengths[-2]), "normalisation")
    save(batch_norms(numbers), "batch_norm")
    save(field(sizes, folder, lengths[-2]), "field")
    save(path(sizes, folder, lengths[-1]), "path")


def training(sizes: Mapping[str, Any], folder: Path, keys: list[tuple[int, int, int]]) -> Figure:
    """Draw samples after each length, and both losses over the longest."""
    figure = Figure(figsize=(9.5, 5.2), layout="constrained")
    grid = figure.add_gridspec(2, len(keys), height_ratios=[1.25, 1])
    latent = torch.randn(36, sizes["latent"], generator=torch.Generator().manual_seed(7))
    for i, key in enumerate(keys):
        generator, _ = restored(sizes, folder, *key)
        with torch.no_grad():
            images = generator.eval()(latent)
        ax = figure.add_subplot(grid[0, i])
        plot.image_grid(ax, images, value_range=(0.0, 1.0))
        ax.set_title(f"{key[2]} steps")
    ax = figure.add_subplot(grid[1, :])
    history = trained(sizes, folder, *keys[-1]).history
    for player in PLAYERS:
        loss = history[f"loss_{player}"]
        ax.plot(np.arange(1, len(loss) + 1), loss, color=COLOURS[player], linewidth=0.6, label=player)
    ax.axhline(np.log(2), color="black", linestyle=":", label="ln 2")
    ax.set(xscale="log", xlabel="steps", ylabel="loss of the minibatch (nats)")
    ax.set_ylim(0, min(6.0, ax.get_ylim()[1]))
    ax.legend(ncols=3, loc="lower right")
    return figure


def surfaces(sizes: Mapping[str, Any], folder: Path, keys: list[tuple[int, int, int]], what: str) -> Figure:
    """Draw each player's loss as a surface, one column a run."""
    figure = Figure(figsize=(13, 8.2))
    figure.subplots_adjust(left=0.02, right=0.97, top=0.94, bottom=0.12, hspace=0.35, wspace=0.12)
    for row, player in enumerate(PLAYERS):
        for column, key in enumerate(keys):
            ax = figure.add_subplot(2, len(keys), 1 + row * len(keys) + column, projection="3d")
            plot.landscape_surface(ax, surface(sizes, folder, key, player, 0), player)
            ax.set_title(f"{player}, {key[2]} {what}")
    return figure


def contours(sizes: Mapping[str, Any], folder: Path, keys: list[tuple[int, int, int]]) -> Figure:
    """Draw each player's loss with the lake about the centre, one column a batch size."""
    figure = Figure(figsize=(15, 8.4), layout="constrained")
    axes = figure.subplots(2, len(keys))
    for row, player in zip(axes, PLAYERS, strict=True):
        for ax, key in zip(row, keys, strict=True):
            found = surface(sizes, folder, key, player, 0)
            plot.lake_contour(ax, found, lake(found, player, EPSILON, about="centre"))
            ax.set_title(f"{player}, batch {key[1]}")
    return figure


def lakes(sizes: Mapping[str, Any], numbers: Mapping[str, Any]) -> Figure:
    """Draw the area near the centre against batch size and length, mean and standard error over seeds."""
    figure = Figure(figsize=(9.5, 3.8), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    name = "share of the window"
    for ax, rows, label in (
        (left, numbers["batch sizes"], f"batch size ({sizes['batch steps']} steps)"),
        (right, numbers["lengths"], f"steps (batch {sizes['batch']})"),
    ):
        for player in PLAYERS:
            points = [row[player][name] for row in rows.values()]
            ax.errorbar(
                [int(key) for key in rows], [p[0] for p in points], [p[1] for p in points],
                marker="o", capsize=3, color=COLOURS[player], label=player,
            )  # fmt: skip
        mean, error = numbers["classifier"][name]
        ax.axhspan(mean - error, mean + error, color="tab:green", alpha=0.3)
        ax.axhline(mean, color="tab:green", label="a classifier of the same layers")
        ax.set(xscale="log", xlabel=label)
    left.set_ylabel(f"share of the window within {EPSILON} nats\nof the loss at the centre, or below it")
    right.legend(loc="best", fontsize=8)
    return figure


def normalisations(sizes: Mapping[str, Any], folder: Path, key: tuple[int, int, int]) -> Figure:
    """Draw the same networks on a plane as published and on one normalised filter by filter."""
    figure = Figure(figsize=(9.5, 9.5), layout="constrained")
    for row, player in zip(figure.subplots(2, 2), PLAYERS, strict=True):
        for ax, published in zip(row, (True, False), strict=True):
            plot.landscape_contour(ax, surface(sizes, folder, key, player, 0, published=published), player)
            ax.set_title(f"{player}, {'as published' if published else 'filter by filter'}")
    return figure


def batch_norms(numbers: Mapping[str, Any]) -> Figure:
    """Draw which share of the raster is not finite, by what is moved and what batch norm does."""
    figure = Figure(figsize=(6.5, 2.8), layout="constrained")
    ax = figure.subplots()
    rows = numbers["batch norm"]
    names = {
        "weights and statistics": "as published: running variances move too",
        "frozen": "parameters only, statistics frozen",
        "batch": "parameters only, statistics of the batch",
        "reestimate": "parameters only, statistics measured anew",
    }
    shares = [rows[name]["not finite"] for name in names]
    bars = ax.barh(list(names.values()), shares, color=["tab:red", *["tab:blue"] * 3])
    ax.bar_label(bars, [f"{share:.1%}" for share in shares], padding=3)
    ax.invert_yaxis()
    ax.set(xlim=(0, 1.2), xlabel=f"share of the raster that is not finite, extent {EXTENT:g}")
    return figure


def field(sizes: Mapping[str, Any], folder: Path, key: tuple[int, int, int]) -> Figure:
    """Draw the joint field on a plane of both players, what leaves it, and the share of rotation."""
    figure = Figure(figsize=(10, 5.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    found = field_slice(sizes, folder, key)
    plot.portrait(left, found.field, nullclines=False)
    left.set_title(f"joint field, {key[2]} steps")
    left.locator_params(nbins=5)
    assert found.rotation_share is not None
    mesh = right.pcolormesh(found.a, found.b, found.rotation_share, vmin=0, vmax=1, cmap="viridis")
    figure.colorbar(mesh, ax=right, label="share of rotation, |Av|² / (|Av|² + |Sv|²)")
    right.set(xlabel=found.plane.names[0], ylabel=found.plane.names[1], title="share of rotation")
    return figure


def field_slice(sizes: Mapping[str, Any], folder: Path, key: tuple[int, int, int]) -> Any:
    """Return losses, field and share of rotation on the plane of both players."""
    networks = restored(sizes, folder, *key)
    x, layout = nets.get_state(*networks, dtype=torch.float32), nets.modules_layout(*networks)
    plane = filter_normalized_plane(layout, x, players="axis per player", zero_filters="skip")
    return landscape(
        judged_by(sizes, networks), plane, 1.0, points=sizes["field points"],
        measures=("losses", "field", "rotation"), store=folder / f"field {key}.zarr", progress=False,
    )  # fmt: skip


def path(sizes: Mapping[str, Any], folder: Path, key: tuple[int, int, int]) -> Figure:
    """Draw the checkpoints on their principal plane, and their true losses beside the plane's."""
    networks, run = restored(sizes, folder, *key), trained(sizes, folder, *key)
    layout, steps = nets.modules_layout(*networks), [step for step in run.steps if step <= key[2]]
    states = torch.stack([run.state(*networks, step, torch.float32) for step in steps])
    plane = pca_plane(states, layout)
    both = judged_by(sizes, networks)
    seen = along_path(both, plane, states, progress=False)
    found = landscape(
        both, plane, seen.projection.extent(), points=sizes["field points"],
        store=folder / f"path {key}.zarr", progress=False,
    )  # fmt: skip
    figure = Figure(figsize=(13, 4.8), layout="constrained")
    axes = figure.subplots(1, 3, width_ratios=[1, 1, 0.9])
    for ax, player in zip(axes, PLAYERS, strict=False):
        plot.landscape_contour(ax, found, player, trajectory=seen.projection)
        ax.set_title(player)
    plot.path_losses(axes[2], seen, np.array(steps))
    axes[2].set_xscale("symlog", linthresh=10)
    axes[2].set_xlim(left=0)
    return figure
