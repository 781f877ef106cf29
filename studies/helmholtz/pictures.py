"""The figures: three decompositions, and the paths of all ways in four games."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from gandyn import plot
from gandyn.plot.keys import caption, legend_below
from gandyn.rotation import Helmholtz
from studies.helmholtz.games import CASES
from studies.helmholtz.ways import WAYS

SPLITS = {
    "flat": "Gaussian, W_d = 0.75",
    "unit": "Gaussian, W_d = 1",
    "dirac": "Dirac, R1 0.3",
}
PATHS = ("Gaussian, W_d = 0.75", "Gaussian, W_d = 1", "Dirac, Wasserstein", "Dirac, R1 0.3")
COLOURS = dict(
    zip(WAYS, ("black", "blue", "sky blue", "reddish purple", "bluish green", "orange"), strict=True)
)


def draw(shown: Mapping[str, Any], numbers: Mapping[str, Any], out: Path) -> None:
    """Draw flat.png, unit.png, dirac.png and paths.png."""
    with plot.style():
        for file, name in SPLITS.items():
            _draw_split(shown[name]["split"], numbers["games"][name]["ways"], out / f"{file}.png")
        _draw_paths(shown, out)


def _draw_split(split: Helmholtz, ways: Mapping[str, Any], path: Path) -> None:
    figure = Figure(figsize=(6.9, 3.5), layout="constrained")
    axes = figure.subplots(1, 3, sharey=True)
    points = [(*point["x"][::-1], point["kind"]) for point in ways["the game"]["rest points"]]
    plot.helmholtz(axes, split, fixed_points=points)
    _mark_rest(axes[0], ways["grad phi"]["rest points"])
    figure.savefig(path, dpi=130)


def _mark_rest(ax: Axes, points: Sequence[Mapping[str, Any]]) -> None:
    """Mark where the gradient attracts."""
    ends = [point["x"][::-1] for point in points if point["kind"] == "stable node"]
    look: dict[str, Any] = {"color": plot.OKABE_ITO["vermillion"], "markeredgecolor": "white"}
    look["label"] = "where the gradient attracts"
    stars = ax.plot(*np.transpose(ends), linestyle="none", marker="*", markersize=10, zorder=7, **look)
    legend_below(ax, stars)
    caption(ax, [])


def _draw_paths(shown: Mapping[str, Any], out: Path) -> None:
    figure = Figure(figsize=(6.9, 7.0), layout="constrained")
    for ax, name in zip(figure.subplots(2, 2).flat, PATHS, strict=True):
        split, start = shown[name]["split"], CASES[name].start
        across, up = np.moveaxis(split.gradient + split.rotation + split.harmonic, -1, 0)
        a, b = (np.linspace(grid[0], grid[-1], len(grid)) for grid in (split.a, split.b))
        ax.streamplot(a, b, across, up, color="0.82", density=0.8, linewidth=0.6, arrowsize=0.7, zorder=1)
        for way, path in shown[name]["paths"].items():
            colour, width = plot.OKABE_ITO[COLOURS[way]], 0.8 if way == "the game" else 1.6
            ax.plot(path[:, 1], path[:, 0], color=colour, linewidth=width, zorder=3)
            ax.plot(path[-1, 1], path[-1, 0], marker="*", markersize=9, color=colour, markeredgecolor="white",
                    markeredgewidth=0.5, zorder=5)  # fmt: skip
        ax.plot(start[1], start[0], marker=">", color="black", markerfacecolor="white", zorder=6)
        symbols = ("psi", "theta") if "Dirac" in name else ("b_d", "b_g")
        labels = [f"$\\{word}$" if "Dirac" in name else f"${word}$" for word in symbols]
        ax.set(xlim=split.a[[0, -1]], ylim=split.b[[0, -1]], xlabel=labels[0], ylabel=labels[1])
        ax.set_title(name.replace("W_d", "$W_d$"))
    names = {"grad phi": r"$\nabla\phi$", "grad phi + h": r"$\nabla\phi + h$"}
    keys = [
        Line2D([], [], color=plot.OKABE_ITO[colour], linewidth=1.6, label=names.get(way, way))
        for way, colour in COLOURS.items()
    ]
    keys.append(
        Line2D([], [], color="black", linestyle="none", marker=">", markerfacecolor="white", label="start")
    )
    keys.append(Line2D([], [], color="black", linestyle="none", marker="*", markersize=9, label="end"))
    figure.legend(handles=keys, loc="outside lower center", ncols=8, frameon=False)
    figure.savefig(out / "paths.png", dpi=130)
