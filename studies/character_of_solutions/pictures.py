"""Path-angles, eigenvalues, and the players' own curvatures at the ends."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from gandyn import plot
from studies.character_of_solutions.solutions import LOSSES, RULES, path_of

MARKS = {"Adam": "o", "extra-Adam": "^"}


def draw(runs: Mapping[str, Any], folder: Path, out: Path) -> None:
    """Draw path_angles.png, eigenvalues.png and curvatures.png."""
    problems = list(dict.fromkeys(key.split(", ")[0] for key in runs))
    with plot.style():
        _path_angles(problems, runs, folder, out)
        _eigenvalues(problems, runs, out)
        _curvatures(runs, out)


def _grid(problems: list[str], height: float) -> tuple[Figure, Any]:
    figure = Figure(figsize=(7.4, height * len(problems)), layout="constrained")
    return figure, figure.subplots(len(problems), 2, squeeze=False)


def _path_angles(problems: list[str], runs: Mapping[str, Any], folder: Path, out: Path) -> None:
    figure, axes = _grid(problems, 2.6)
    colours = dict(zip(RULES, (plot.OKABE_ITO["blue"], plot.OKABE_ITO["vermillion"]), strict=True))
    for row, problem in zip(axes, problems, strict=True):
        for ax, loss in zip(row, LOSSES, strict=True):
            for rule, colour in colours.items():
                paths = [
                    path_of(problem, loss, rule, i, folder)
                    for i in range(len(runs[f"{problem}, {loss}, {rule}"]))
                ]
                drawn = plot.path_angle(ax, paths, parts=["both"], speed=False)
                drawn.cosine["both"].set(color=colour, label=rule)
                if drawn.bands:
                    drawn.bands["both"].set_facecolor(colour)
                for note in (drawn.legend, drawn.caption):
                    if note is not None:
                        note.remove()
            ax.set_title(f"{problem}, {loss}")
    handles, labels = axes[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2)
    figure.suptitle("cosine of velocity and path, start 0, end 1: median and quartiles over seeds")
    figure.savefig(out / "path_angles.png", dpi=130)


def _eigenvalues(problems: list[str], runs: Mapping[str, Any], out: Path) -> None:
    figure, axes = _grid(problems, 2.7)
    for row, problem in zip(axes, problems, strict=True):
        for ax, loss in zip(row, LOSSES, strict=True):
            for rule, mark in MARKS.items():
                values = np.array(
                    [v for run in runs[f"{problem}, {loss}, {rule}"] for v in run["eigenvalues"]]
                )
                ax.plot(
                    *values.T, mark, markersize=3, markerfacecolor="none", markeredgewidth=0.7, label=rule
                )
            ax.axvline(0, color="0.3", linewidth=0.7)
            ax.set_xscale("symlog", linthresh=1.0, linscale=0.8)
            ax.set_yscale("symlog", linthresh=1.0, linscale=0.8)
            ax.margins(0.08)
            ax.autoscale_view()
            ax.set(title=f"{problem}, {loss}", xlabel=r"Re $\lambda$ (1 / flow time)", ylabel=r"Im $\lambda$")
    handles, labels = axes[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2)
    figure.suptitle("leading eigenvalues at the ends, by growth and by modulus; right of the line they grow")
    figure.savefig(out / "eigenvalues.png", dpi=130)


def _curvatures(runs: Mapping[str, Any], out: Path) -> None:
    """Draw the range of each player's own Hessian, a bar a run."""
    figure = Figure(figsize=(7.4, 1.2 + 0.42 * len(runs)), layout="constrained")
    for ax, (player, colour) in zip(
        figure.subplots(1, 2, sharey=True), (("G", plot.GENERATOR), ("D", plot.DISCRIMINATOR)), strict=True
    ):
        sizes = []
        for place, own in enumerate(runs.values()):
            for i, run in enumerate(own):
                y = place + 0.6 * (i + 0.5) / len(own) - 0.3
                ends = run[f"lowest of {player}"], run[f"highest of {player}"]
                ax.plot(ends, [y, y], color=colour, linewidth=1.4, marker="|", markersize=4)
                sizes.extend(np.abs(ends))
        ax.axvline(0, color="0.3", linewidth=0.7)
        ax.set_xscale("symlog", linthresh=float(np.quantile(sizes, 0.25)) or 1.0)
        ax.set(
            yticks=range(len(runs)), yticklabels=list(runs), xlabel=f"eigenvalues of {player}'s own Hessian"
        )
    ax.invert_yaxis()
    figure.savefig(out / "curvatures.png", dpi=130)
