"""Losses, samples, gradients by layer and their quantiles, ways, sums and classes."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure

from gandyn import plot
from gandyn.nets import Run, class_grid, combine, generate, interpolate
from gandyn.nets.health.statistics import LEVELS
from studies.dcgan_wgan_acgan.gradients import by_layer, convolutions
from studies.dcgan_wgan_acgan.images import ON_THE_WAY, SIGMA, OfOneClass, samples
from studies.dcgan_wgan_acgan.runs import METHODS, Pictures, Sizes, data_of, latents, place_of, restored

GRADIENTS = ("DCGAN", "WGAN", "DCGAN, clipped", "WGAN-GP")
ROWS = {
    "small": "entries with |g| < .01",
    "small_share": "share of entries\nwith |g| < .01",
    "gradient_to_weight": "|g| / |w|",
    "leverage": "|g| |w| (unit of the loss)",
    "update_to_weight": "|update| / |w|",
}
#: Of these classes the pictures show sums.
SHOWN_CLASSES = (0, 4, 7, 8)


def draw(sizes: Sizes, folder: Path, out: Path, pictures: Pictures) -> None:
    """Draw every figure from the runs of the first seed, gradients from those of all."""
    with plot.style():
        _losses(sizes, folder, out, pictures)
        _samples(sizes, folder, out, pictures)
        _gradients(sizes, folder, out, pictures)
        _quantiles(sizes, folder, out, pictures)
        _interpolation(sizes, folder, out, pictures)
        _arithmetic(sizes, folder, out, pictures)
        _classes(sizes, folder, out)


def _losses(sizes: Sizes, folder: Path, out: Path, pictures: Pictures) -> None:
    figure = Figure(figsize=(7.4, 4.2), layout="constrained")
    for ax, (name, method) in zip(figure.subplots(2, 3).flat, METHODS.items(), strict=True):
        judged = method.losses.threshold is not None and not method.labelled and "WGAN" not in name
        history = Run(place_of(folder, pictures, name, 0)).history
        drawn = plot.training_curves(ax, history, unit="nats" if "WGAN" not in name else "")
        for note in (drawn.legend, drawn.caption):
            if note is not None:
                note.remove()
        if judged:
            ax.axhline(np.log(2), color=plot.OKABE_ITO["black"], linewidth=0.8, linestyle=":", label="ln 2")
        ax.set_title(name)
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3)
    figure.savefig(out / "losses.png", dpi=120)


def _samples(sizes: Sizes, folder: Path, out: Path, pictures: Pictures) -> None:
    figure = Figure(figsize=(7.4, 4.4), layout="constrained")
    axes = figure.subplots(2, 4).flat
    plot.image_grid(axes[0], data_of(pictures, "test").images[:25], columns=5, value_range=(-1, 1))
    axes[0].set_title("real")
    for ax, name in zip(axes[1:], METHODS, strict=False):
        made = samples(restored(sizes, folder, pictures, name, 0)[0], name, 25)
        plot.image_grid(ax, made, columns=5, value_range=(-1, 1))
        ax.set_title(name)
    axes[-1].set_axis_off()
    figure.savefig(out / "samples.png", dpi=80)


def _gradients(sizes: Sizes, folder: Path, out: Path, pictures: Pictures) -> None:
    """Draw, net by net, measures of each layer of the discriminator: all seeds thin, their median thick."""
    figure = Figure(figsize=(7.4, 8.4), layout="constrained")
    axes = figure.subplots(len(ROWS), len(GRADIENTS), sharey="row", squeeze=False)
    for column, name in enumerate(GRADIENTS):
        layers = convolutions(sizes, pictures, name)
        records = [Run(place_of(folder, pictures, name, seed)).health for seed in range(sizes.seeds)]
        for row, measure in enumerate(ROWS):
            values = np.stack([by_layer(record, layers, measure) for record in records])
            _layers(axes[row][column], records[0].steps, values)
            axes[row][column].set_yscale("linear" if measure == "small_share" else "log")
        axes[0][column].set_title(name)
        axes[-1][column].set_xlabel("training step")
    for ax, label in zip(axes[:, 0], ROWS.values(), strict=True):
        ax.set_ylabel(label)
    handles, labels = axes[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=5)
    figure.savefig(out / "gradients.png", dpi=100)


def _layers(ax: Any, steps: np.ndarray, values: np.ndarray) -> None:
    shades = _shades(values.shape[2])
    for layer, colour in enumerate(shades):
        for own in values:
            ax.plot(steps, own[:, layer], color=colour, linewidth=0.4, alpha=0.5)
        ax.plot(
            steps,
            np.median(values[:, :, layer], axis=0),
            color=colour,
            linewidth=1.2,
            label=f"layer {layer + 1} of D",
        )


def _shades(count: int) -> list[Any]:
    from matplotlib import colormaps

    return [colormaps["viridis"](place) for place in np.linspace(0.0, 0.88, count)]


def _quantiles(sizes: Sizes, folder: Path, out: Path, pictures: Pictures) -> None:
    """Draw quantiles of the entries of the gradient of D's second layer, where the paper counts."""
    figure = Figure(figsize=(7.4, 2.5), layout="constrained")
    for ax, name in zip(figure.subplots(1, len(GRADIENTS), sharey=True), GRADIENTS, strict=True):
        record = Run(place_of(folder, pictures, name, 0)).health
        layer = record.layers.index(convolutions(sizes, pictures, name)[1])
        values = record.quantiles[:, layer]
        for low, high, alpha in ((0, 4, 0.2), (1, 3, 0.4)):
            ax.fill_between(
                record.steps, values[:, low], values[:, high], color=plot.DISCRIMINATOR, alpha=alpha,
                linewidth=0, label=f"{LEVELS[low]:.0%} to {LEVELS[high]:.0%}",
            )  # fmt: skip
        ax.plot(record.steps, values[:, 2], color=plot.DISCRIMINATOR, label="median")
        ax.axhline(
            1e-2,
            color=plot.OKABE_ITO["black"],
            linewidth=0.8,
            linestyle=":",
            label="where the paper counts: .01",
        )
        ax.set(title=name, yscale="log", xlabel="training step")
    figure.axes[0].set_ylabel("|g|, second layer of D")
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4)
    figure.savefig(out / "quantiles.png", dpi=120)


def _interpolation(sizes: Sizes, folder: Path, out: Path, pictures: Pictures) -> None:
    """Draw 21 images between two latents: linear and spherical of the prior, and linear of tiny latents."""
    generator, _ = restored(sizes, folder, pictures, "DCGAN", 0)
    a, b = latents(2, seed=2000)
    rows = {
        "linear": interpolate(a, b, ON_THE_WAY, kind="linear"),
        "spherical": interpolate(a, b, ON_THE_WAY),
        r"linear, $\sigma$ = .02": interpolate(SIGMA * a, SIGMA * b, ON_THE_WAY, kind="linear"),
    }
    figure = Figure(figsize=(9.6, 2.3), layout="constrained")
    places = [f"{value:.2g}" for value in np.linspace(0, 1, ON_THE_WAY)]
    plot.labelled_grid(
        figure.subplots(), generate(generator, torch.cat([*rows.values()])), columns=places, rows=list(rows),
        value_range=(-1, 1),
    )  # fmt: skip
    figure.savefig(out / "interpolation.png", dpi=120)


def _arithmetic(sizes: Sizes, folder: Path, out: Path, pictures: Pictures) -> None:
    """Draw, of some classes, the images of two latents, of half their sum, their sum and difference."""
    names, (generator, _) = data_of(pictures, "train").classes, restored(sizes, folder, pictures, "AC-GAN", 0)
    pair, images = latents(2, seed=3000), []
    for label in SHOWN_CLASSES:
        one = OfOneClass(generator, label)
        halves, *others = (combine(one, pair, weights) for weights in ((0.5, 0.5), (1.0, 1.0), (1.0, -1.0)))
        images += [*halves.images, halves.combination_of_images]
        images += [found.image_of_combination for found in (halves, *others)]
    figure = Figure(figsize=(5.2, 3.4), layout="constrained")
    columns = ["a", "b", "mean of\nimages", "(a + b) / 2", "a + b", "a - b"]
    plot.labelled_grid(
        figure.subplots(), torch.stack(images), columns=columns, rows=[names[i] for i in SHOWN_CLASSES],
        value_range=(-1, 1),
    )  # fmt: skip
    figure.savefig(out / "arithmetic.png", dpi=120)


def _classes(sizes: Sizes, folder: Path, out: Path) -> None:
    """Draw a row for each class and a column for each latent, beside a real picture of the class."""
    labelled = [shown for shown, name in sizes.runs if name == "AC-GAN"]
    figure = Figure(figsize=(4.6 * len(labelled), 4.2), layout="constrained")
    for ax, shown in zip(figure.subplots(1, len(labelled), squeeze=False)[0], labelled, strict=True):
        test, (generator, _) = data_of(shown, "test"), restored(sizes, folder, shown, "AC-GAN", 0)
        assert test.labels is not None
        real = torch.stack([test.images[test.labels == label][0] for label in range(10)])
        made = generate(generator, *class_grid(latents(8, seed=5), 10)).unflatten(0, (10, 8))
        both = torch.cat([real[:, None], made], dim=1).flatten(0, 1)
        plot.labelled_grid(
            ax,
            both,
            columns=["real", *(f"$z_{i + 1}$" for i in range(8))],
            rows=list(test.classes),
            value_range=(-1, 1),
        )
    figure.savefig(out / "classes.png", dpi=100)
