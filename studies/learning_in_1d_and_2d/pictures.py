"""The figures of the study."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

import gandyn
from gandyn import plot
from gandyn.nets import mode_recurrence
from studies.learning_in_1d_and_2d.claims import those, values_of, with_rest
from studies.learning_in_1d_and_2d.films import VIEWS, moments, real_of
from studies.learning_in_1d_and_2d.runs import LOSSES, SAMPLES

COLOURS = {"saturating": plot.OKABE_ITO["vermillion"], "non-saturating": plot.OKABE_ITO["blue"]}
WIDE = 7.2
#: Colours of modes, and grey for samples of none.
MODES = [plot.OKABE_ITO[name] for name in ("blue", "orange", "bluish green", "reddish purple", "sky blue")]


def draw(runs: Mapping[str, Any], out: Path) -> None:
    """Draw every figure."""
    with plot.style():
        for name, picture in {
            "ring": _ring(),
            "line": _moments(out, "line, saturating", "line"),
            "intervals": _moments(out, "intervals, saturating", "line"),
            "one_dimension": _one_dimension(runs),
            "chaos": _chaos(runs),
            "forgetting": _forgetting(runs),
            "failure": _failure(runs),
            "clusters": _clusters(out),
            "recurrence": _recurrence(runs),
        }.items():
            picture.savefig(out / f"{name}.png", dpi=90)


def _ring() -> Figure:
    """Draw z and z/|z| + z/10."""
    figure = Figure(figsize=(4.6, 2.4), layout="constrained")
    z = np.random.default_rng(0).normal(size=(2000, 2))
    images = z / np.linalg.norm(z, axis=1, keepdims=True) + z / 10
    for ax, points, name in zip(figure.subplots(1, 2), (z, images), ("z", "u"), strict=True):
        ax.scatter(*points.T, s=2, c=np.arctan2(z[:, 1], z[:, 0]), cmap="twilight", linewidths=0)
        ax.set(xlabel=f"${name}_1$", ylabel=f"${name}_2$", aspect="equal")
    figure.suptitle("u = z/|z| + z/10; a colour for each angle")
    return figure


def _moments(out: Path, run: str, view: str) -> Figure:
    """Draw four moments of a run side by side."""
    figure = Figure(figsize=(WIDE, 2.7), layout="constrained")
    files, real = moments(out, run), real_of(run)
    chosen = np.linspace(0.1, 1.0, 4) * (len(files) - 1)
    for part, k in zip(figure.subfigures(1, 4), chosen.round().astype(int), strict=True):
        VIEWS[view](part, gandyn.load(files[k]), real)
        (ax,) = part.axes
        ax.get_legend().remove()
        ax.set_ylabel(ax.get_ylabel() if k == round(chosen[0]) else "")
    figure.suptitle(f"{run}: data (filled), generated (red), D (blue), lines from latents to samples")
    return figure


def _band(ax: Any, own: list[dict[str, Any]], name: str, loss: str, **look: Any) -> None:
    """Draw mean and standard error over seeds."""
    rows = np.array([run[name] for run in own], dtype=float)
    steps, mean = own[0]["step"], rows.mean(axis=0)
    error = rows.std(axis=0, ddof=1) / np.sqrt(len(rows))
    ax.plot(steps, mean, color=COLOURS[loss], label=loss, **look)
    ax.fill_between(steps, mean - error, mean + error, color=COLOURS[loss], alpha=0.18, linewidth=0)


def _one_dimension(runs: Mapping[str, Any]) -> Figure:
    """Draw distances, turns of the map, and modes covered, over training."""
    figure = Figure(figsize=(WIDE, 2.5), layout="constrained")
    panels = {
        ("line", "distance"): "Wasserstein distance",
        ("line", "turns"): "turns of the map",
        ("intervals", "distance"): "Wasserstein distance",
        ("intervals", "covered"): "modes covered, of 3",
    }
    axes = figure.subplots(1, 4)
    for ax, ((name, measure), label) in zip(axes, panels.items(), strict=True):
        for loss in LOSSES:
            _band(ax, those(runs, name, loss), measure, loss)
        title = "U[0, 1]" if name == "line" else "three intervals"
        ax.set(xlabel="training step", ylabel=label, title=title)
        if measure == "distance":
            ax.set_yscale("log")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return figure


def _stack(ax: Any, run: Mapping[str, Any], total: int) -> None:
    """Draw the share of samples in each mode over training, one above the other."""
    shares = with_rest(run["counts"], total) / total
    labels = [f"mode {k + 1}" for k in range(shares.shape[1] - 1)]
    ax.stackplot(run["step"], *shares.T, colors=[*MODES[: len(labels)], "#DDDDDD"], labels=[*labels, "none"])
    ax.set(xlabel="training step", ylabel="share of samples", ylim=(0, 1))
    ax.margins(x=0)


def _chaos(runs: Mapping[str, Any]) -> Figure:
    """Draw which modes the samples are in, and exponents against the move of the modes."""
    figure = Figure(figsize=(WIDE, 4.6), layout="constrained")
    axes = figure.subplots(2, 2)
    for ax, loss in zip(axes[0], LOSSES, strict=True):
        _stack(ax, those(runs, "intervals", loss)[0], SAMPLES)
        ax.set_title(f"{loss}, width {values_of(runs, 'intervals', 2)[-1]}, seed 0")
    for loss in LOSSES:
        own = [run for key, run in runs.items() if key.startswith(f"exponents, {loss},")]
        axes[1, 0].plot(own[0]["steps"], own[0]["exponents"], color=COLOURS[loss], label=loss)
        pairs = [np.concatenate([run[name] for run in own]) for name in ("moved", "exponents")]
        axes[1, 1].plot(*pairs, ".", color=COLOURS[loss], alpha=0.7)
    for ax in axes[1]:
        ax.axhline(0, color="black", linewidth=0.6)
        ax.set(ylabel="exponent a step, in a window")
    axes[1, 0].set(xlabel="training step", title="a small case, seed 0")
    axes[1, 1].set(xlabel="share of samples that change their mode", title="all seeds")
    axes[1, 0].legend()
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=4)
    return figure


def _forgetting(runs: Mapping[str, Any]) -> Figure:
    """Draw the discriminator between the intervals and on them, by width, as trained and replayed."""
    figure = Figure(figsize=(WIDE, 2.6), layout="constrained")
    axes, widths = figure.subplots(1, 2, sharey=True), values_of(runs, "intervals", 2)
    for ax, loss in zip(axes, LOSSES, strict=True):
        for shift, (label, colour, hatch) in enumerate(
            [("D between", "blue", ""), ("D on data", "sky blue", ""), ("D between", "blue", "////")]
        ):
            rows = [_column(those(runs, "intervals", loss, width), label, bool(hatch)) for width in widths]
            place = np.arange(len(widths)) + 0.27 * (shift - 1)
            face = "white" if hatch else plot.OKABE_ITO[colour]
            ax.bar(
                place, [row.mean() for row in rows], 0.25, color=face, edgecolor=plot.OKABE_ITO[colour],
                hatch=hatch, yerr=[row.std(ddof=1) / np.sqrt(len(row)) for row in rows],
                label=label + (", shown all past samples" if hatch else ", as trained"),
            )  # fmt: skip
        ax.set_xticks(range(len(widths)), widths)
        ax.set(title=loss, xlabel="width of both networks", ylim=(0, 1))
    axes[0].set_ylabel("D, probability of real")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure


def _column(own: list[dict[str, Any]], name: str, replayed: bool) -> np.ndarray:
    if replayed:
        return np.array([run["replay"][name] for run in own])
    return np.array([np.mean(run[name][len(run[name]) // 2 :]) for run in own])


def _failure(runs: Mapping[str, Any]) -> Figure:
    """Draw, for generators that begin far away, where their samples are and how hard they are pushed."""
    figure = Figure(figsize=(WIDE, 2.6), layout="constrained")
    axes = figure.subplots(1, 2)
    for ax, name, label in zip(
        axes, ("centre", "push"), ("mean of the samples", "mean gradient on a sample"), strict=True
    ):
        for loss in LOSSES:
            for offset, line in zip(values_of(runs, "failure", 3), ("-", "--"), strict=False):
                for run in those(runs, "failure", loss, offset=offset):
                    ax.plot(run["step"], run[name], color=COLOURS[loss], linestyle=line, linewidth=0.9)
                ax.plot([], [], color=COLOURS[loss], linestyle=line, label=f"{loss}, from {offset}")
        ax.set(xlabel="training step", ylabel=label)
    axes[0].axhspan(0, 1, color=plot.OKABE_ITO["sky blue"], alpha=0.4, label="data")
    axes[0].set_yscale("symlog", linthresh=2)
    axes[1].set_yscale("log")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure


def _clusters(out: Path) -> Figure:
    """Draw the last moment in the plane in three ways."""
    figure = Figure(figsize=(WIDE, 3.1), layout="constrained")
    run = "clusters, saturating"
    found, real = gandyn.load(moments(out, run)[-1]), real_of(run)
    for part, view in zip(
        figure.subfigures(1, 3, width_ratios=[1, 1.25, 1.1]), ("arrows", "plane", "surface"), strict=True
    ):
        VIEWS[view](part, found, real)
    return figure


def _recurrence(runs: Mapping[str, Any]) -> Figure:
    """Draw clusters covered over five seeds, and the recurrence of samples and of peaks of one."""
    figure = Figure(figsize=(WIDE, 5.0), layout="constrained")
    axes = figure.subplots(2, 3)
    for loss in LOSSES:
        _band(axes[0, 0], those(runs, "clusters", loss), "covered", loss)
    axes[0, 0].set(xlabel="training step", ylabel="clusters covered, of 5", ylim=(0, 5.2))
    axes[0, 0].legend()
    own = those(runs, "clusters", "saturating")
    _stack(axes[0, 1], own[0], 2 * SAMPLES)
    axes[0, 1].set_title("saturating, seed 0")
    for k, height in enumerate(np.array(own[0]["peaks"]).T):
        axes[0, 2].plot(own[0]["step"], height, color=MODES[k], linewidth=0.9)
    axes[0, 2].set(
        xlabel="training step", ylabel="D at the clusters", ylim=(0, 1), title="saturating, seed 0"
    )
    first = len(own[0]["step"]) // 5
    steps, rows = own[0]["step"][first:], with_rest(own[0]["counts"], 2 * SAMPLES)[first:]
    plot.recurrence(axes[1, 0], mode_recurrence(rows, steps))
    for ax, name in zip(axes[1, 1:], ("samples", "peaks of D"), strict=True):
        for loss in LOSSES:
            for k, run in enumerate(those(runs, "clusters", loss)):
                table = with_rest(run["counts"], 2 * SAMPLES) if name == "samples" else np.array(run["peaks"])
                found = mode_recurrence(table[first:], run["step"][first:], surrogates=19)
                label = loss if k == 0 else None
                ax.plot(found.lags, found.lag_distance, color=COLOURS[loss], linewidth=0.8, label=label)
        ax.set(xlabel="lag (training steps)", ylabel="mean distance", ylim=(0, None), title=name)
    return figure
