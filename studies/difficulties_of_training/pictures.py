"""Figures: quality and D's loss by case, feature matching, gradients, predictions, samples and walks."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gandyn import nets, plot
from gandyn.nets.runs import Run
from studies.difficulties_of_training.claims import (
    NEAR_ZERO,
    REFERENCE,
    SMALL_DATA,
    UNDECIDED,
    late_distance,
    near_zero,
)
from studies.difficulties_of_training.measures import latents, restored
from studies.difficulties_of_training.runs import BALANCES, INITIALIZATIONS, MATCHINGS, Setting, cases
from studies.difficulties_of_training.walks import KINDS, walks_from, ways

COLOURS = [plot.OKABE_ITO[name] for name in ("vermillion", "blue", "bluish green", "orange", "black")]
FAILED = "N(0, .2), D twice"
WALKED = REFERENCE
PREDICTED = ("N(0, .02), G twice", "N(0, .2), G twice", REFERENCE, FAILED)
SHOWN = ("Xavier, G twice", "Xavier, 1:1", "N(0, .2), 1:1", REFERENCE, "feature matching: means alone")


def draw(
    runs: Mapping[str, list[Run]], measured: Mapping[str, list[Any]], numbers: Mapping[str, Any],
    setting: Setting, out: Path,
) -> None:  # fmt: skip
    """Draw every figure."""
    with plot.style():
        for name, figure in {
            "grid": _grid(measured, numbers),
            "matching": _over_training([f"feature matching: {how}" for how in MATCHINGS], measured, numbers),
            "gradients": _gradients(runs),
            "predictions": _predictions(measured),
            "samples": _samples(runs, setting),
            "walks": _walks(runs[WALKED][0], setting),
            "small_data": _over_training(SMALL_DATA, measured, numbers),
            "tell_tale": _tell_tale(measured, numbers),
        }.items():
            figure.savefig(out / f"{name}.png", dpi=130)


def _figure(width: float, height: float) -> Figure:
    return Figure(figsize=(width, height), layout="constrained")


def _grid(measured: Mapping[str, list[Any]], numbers: Mapping[str, Any]) -> Figure:
    figure = _figure(7.4, 3.0)
    columns = [*BALANCES, "lr .001"]
    late_loss = lambda run: run["late loss of D"]
    for ax, measure in zip(figure.subplots(1, 2), (late_distance, late_loss), strict=True):
        for shift, (start, colour) in enumerate(zip(INITIALIZATIONS, COLOURS, strict=False)):
            for place, column in enumerate(columns):
                values = [measure(run) for run in measured[f"{start}, {column}"]]
                x = place + 0.22 * (shift - 1)
                ax.plot([x] * len(values), values, "o", color=colour, alpha=0.6, markersize=4)
                ax.plot([x - 0.08, x + 0.08], [np.mean(values)] * 2, color=colour, linewidth=1.6)
            ax.plot([], [], "o-", color=colour, label=start)
        ax.set_xticks(range(len(columns)), columns)
        ax.set_xlim(-0.9, len(columns) - 0.5)
        ax.set_xlabel("steps of the players, or step size of Adam (1:1)")
        ax.set_yscale("log")
    first, second = figure.axes
    first.set_ylabel("sliced distance to unseen images")
    _yardsticks(first, numbers["yardsticks"])
    second.set_ylabel("loss of D over the last tenth")
    _levels(second)
    _one_legend(figure, second)
    return figure


def _yardsticks(ax: Axes, yardsticks: Mapping[str, float]) -> None:
    _line(ax, yardsticks["images of one grey each"], "grey images", 0.0)
    _line(ax, yardsticks["real images"], "real images", 0.0)


def _levels(ax: Axes) -> None:
    ax.set_ylim(top=2.2)
    _line(ax, UNDECIDED, "2 ln 2: D = 1/2", 1.0)
    _line(ax, NEAR_ZERO * UNDECIDED, '"near 0"', 0.0)


def _line(ax: Axes, level: float, name: str, place: float) -> None:
    """Draw a level, with its name above it at the left end or the right."""
    ax.axhline(level, color="black", linewidth=0.7, linestyle=(0, (4, 2)))
    note = ax.annotate(
        name, (place, level), xycoords=("axes fraction", "data"), ha="right" if place else "left",
        va="bottom" if place or name == "real images" else "top", fontsize=6.5,
        xytext=(2 - 4 * place, 1 if place else -1), textcoords="offset points",
    )  # fmt: skip
    note.set_in_layout(False)


def _one_legend(figure: Figure, ax: Axes, columns: int = 3) -> None:
    handles, labels = ax.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=columns)


def _over_training(
    names: Sequence[str], measured: Mapping[str, list[Any]], numbers: Mapping[str, Any]
) -> Figure:
    """Draw loss of D and distance over training: mean over seeds, band of one standard error."""
    figure = _figure(7.4, 3.1)
    left, right = figure.subplots(1, 2)
    shown = list(dict.fromkeys([*names, REFERENCE]))
    for name in shown:
        colour = plot.OKABE_ITO["black"] if name == REFERENCE else COLOURS[shown.index(name) % 4]
        look = (0, (1, 1)) if shown.index(name) >= 4 and name != REFERENCE else "solid"
        label = _label(name, names)
        own = measured[name]
        _band(left, own[0]["steps"], [run["loss of D"] for run in own], colour, label, look)
        steps = [at["step"] for at in own[0]["checkpoints"]]
        far = [[at["distance"] for at in run["checkpoints"]] for run in own]
        _band(right, steps, far, colour, label, look)
    left.set(xlabel="step", ylabel="loss of D", yscale="log")
    right.set(xlabel="step", ylabel="sliced distance to unseen images", yscale="log")
    _levels(left)
    _yardsticks(right, numbers["yardsticks"])
    _one_legend(figure, right)
    return figure


def _label(name: str, names: Sequence[str]) -> str:
    if name != REFERENCE:
        return name.removeprefix("feature matching: ")
    return "all images" if name in names else "no matching"


def _band(
    ax: Axes, x: Sequence[float], rows: Sequence[Sequence[float]], colour: str, label: str, look: Any
) -> None:
    count = min(len(row) for row in rows)
    values = np.array([row[:count] for row in rows])
    mean = values.mean(axis=0)
    error = values.std(axis=0, ddof=min(1, len(rows) - 1)) / np.sqrt(len(rows))
    ax.plot(x[:count], mean, color=colour, linestyle=look, label=label)
    ax.fill_between(x[:count], mean - error, mean + error, color=colour, alpha=0.15, linewidth=0)


def _gradients(runs: Mapping[str, list[Run]]) -> Figure:
    """Draw the first layers' gradients of a run that lives and of one that fails, on one axis each row."""
    figure = _figure(7.4, 5.0)
    axes = figure.subplots(2, 2, sharey="row")
    for column, name in zip(axes.T, (REFERENCE, FAILED), strict=True):
        record = runs[name][0].health
        for ax, player in zip(column, ("generator", "discriminator"), strict=True):
            plot.gradient_histograms(ax, record, player)
            ax.axhline(
                record.threshold,
                color="black",
                linewidth=0.8,
                linestyle=(0, (1, 1)),
                label=f"|g| = {record.threshold:g}",
            )
            ax.set_title(f"{name}: {player}'s first layer")
    for row in axes:
        row[1].set_ylabel("")
    _one_legend(figure, ax)
    return figure


def _predictions(measured: Mapping[str, list[Any]]) -> Figure:
    figure = _figure(7.4, 2.7)
    for ax, name in zip(figure.subplots(1, len(PREDICTED), sharey=True), PREDICTED, strict=True):
        for side, colour in (("real", plot.DISCRIMINATOR), ("fake", plot.GENERATOR)):
            for run in measured[name]:
                steps = [at["step"] for at in run["checkpoints"]]
                ax.plot(steps, [at[f"D on {side}"] for at in run["checkpoints"]], color=colour, alpha=0.8)
            ax.plot([], [], color=colour, label=f"on {side} images")
        ax.axhline(0.5, color="black", linewidth=0.7, linestyle=(0, (4, 2)), label="1/2, at equilibrium")
        ax.set(title=name, xlabel="step", ylim=(0, 1))
    figure.axes[0].set_ylabel("mean prediction of D")
    _one_legend(figure, ax)
    return figure


def _samples(runs: Mapping[str, list[Run]], setting: Setting) -> Figure:
    count = 12
    rows = [setting.held_out[:count]]
    for name in SHOWN:
        generator, _ = restored(runs[name][0], cases()[name], setting, 0)
        rows.append(nets.generate(generator, latents(count)))
    figure = _figure(6.4, 3.3)
    ax = figure.subplots()
    labels = ["real", *(name.replace("feature matching: ", "features,\n") for name in SHOWN)]
    plot.labelled_grid(ax, torch.cat(rows), rows=labels, value_range=(-1, 1))
    return figure


def _walks(run: Run, setting: Setting) -> Figure:
    generator, _ = restored(run, cases()[WALKED], setting, 0)
    start, end = latents(2, seed=5)
    along = walks_from(start)
    figure = _figure(5.2, 4.2)
    upper, lower = figure.subplots(2, 1, height_ratios=(3, 2))
    made = nets.generate(generator, torch.cat([walk.latents for walk in along]))
    plot.latent_walks(upper, made, along, value_range=(-1, 1))
    made = nets.generate(generator, torch.cat(list(ways(start, end).values())))
    plot.labelled_grid(lower, made, rows=KINDS, value_range=(-1, 1))
    return figure


def _tell_tale(measured: Mapping[str, list[Any]], numbers: Mapping[str, Any]) -> Figure:
    figure = _figure(plot.PAPER_COLUMN + 0.6, 3.0)
    ax = figure.subplots()
    line = numbers["yardsticks"]["images of one grey each"]
    every = [run for own in measured.values() for run in own]
    x = np.array([run["late loss of D"] for run in every])
    y = np.array([late_distance(run) for run in every])
    bad, alarm = y >= line, np.array([near_zero(value) for value in x])
    for chosen, name, colour, mark in (
        (alarm & bad, "alarm, and worse than grey", COLOURS[0], "o"),
        (alarm & ~bad, "false alarm", COLOURS[3], "^"),
        (~alarm & bad, "missed", COLOURS[1], "s"),
        (~alarm & ~bad, "rightly quiet", COLOURS[2], "D"),
    ):
        ax.plot(x[chosen], y[chosen], mark, color=colour, markersize=3.5, label=f"{name} ({chosen.sum()})")
    ax.axvline(NEAR_ZERO * UNDECIDED, color="black", linewidth=0.7, linestyle=(0, (4, 2)))
    ax.axhline(line, color="black", linewidth=0.7, linestyle=(0, (4, 2)))
    ax.set(xscale="log", yscale="log", xlabel="loss of D over the last tenth")
    ax.set_ylabel("sliced distance to unseen images")
    _one_legend(figure, ax, 2)
    return figure
