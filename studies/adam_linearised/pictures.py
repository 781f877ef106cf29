"""Regions, bounds, paths on both sides of them, and what happens at the default eps."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from gandyn import plot
from studies.adam_linearised import theory
from studies.adam_linearised.systems import STEP, eigenvalues

NAMES = {
    "node": "node: Gaussian classifier, $W_d$ = 2",
    "weak focus": "weak focus: Gaussian classifier, $W_d$ = 1.7",
    "strong focus": "strong focus: Dirac-GAN with R1, weight 0.3",
    "centre": "centre: Dirac-GAN",
}
COLOURS = dict(zip(NAMES, ("blue", "bluish green", "vermillion", "reddish purple"), strict=True))


def draw(pictures: Mapping[str, Any], numbers: Mapping[str, Any], out: Path) -> None:
    """Draw regions.png, bounds.png, sides.png and awake.png."""
    with plot.style():
        _draw_regions(pictures["regions"], out)
        _draw_bounds(numbers["least eps"], out)
        _draw_sides(pictures["sides"], out)
        _draw_awake(pictures["awake"], out)


def _draw_regions(regions: Mapping[str, Any], out: Path) -> None:
    figure = Figure(figsize=(7.4, 7.6), layout="constrained")
    for ax, (system, (region, seen)) in zip(figure.subplots(2, 2).flat, regions.items(), strict=True):
        drawn = plot.stability_region(ax, region)
        drawn.caption.remove()  # type: ignore[union-attr]
        line = [theory.least_eps(eigenvalues(system), STEP, b) for b in region.a.tolist()]
        ax.plot(region.a, line, color=plot.OKABE_ITO["orange"], linewidth=1.2)
        for decays, face in ((True, "black"), (False, "white")):
            chosen = seen["decays"] == decays
            ax.plot(
                seen["beta1"][chosen], seen["eps"][chosen], "o", markersize=3.0, color="black",
                markerfacecolor=face, markeredgewidth=0.6,
            )  # fmt: skip
        ax.set(title=NAMES[system], xlabel=r"$\beta_1$", ylabel=r"$\epsilon$, in units of the gradient")
        ax.set(xlim=region.a[[0, -1]], ylim=(0, region.b[-1]))
    figure.legend(handles=_keys(), loc="outside lower center", ncols=4)
    figure.savefig(out / "regions.png", dpi=130)


def _keys() -> list[Any]:
    look: dict[str, Any] = {"linestyle": "none", "marker": "o", "markersize": 3.0, "color": "black"}
    return [
        Line2D([], [], **look, label="disturbance decays"),
        Line2D([], [], **look, markerfacecolor="white", label="disturbance grows"),
        Line2D([], [], color="black", label="growth 0 on the grid"),
        Line2D([], [], color=plot.OKABE_ITO["orange"], label="closed form"),
    ]


def _draw_bounds(bounds: Mapping[str, Any], out: Path) -> None:
    figure = Figure(figsize=(4.6, 3.6), layout="constrained")
    ax = figure.subplots()
    beta1 = np.linspace(0, 0.95, 200)
    for system, found in bounds.items():
        colour = plot.OKABE_ITO[COLOURS[system]]
        line = [theory.least_eps(eigenvalues(system), STEP, b) / STEP for b in beta1.tolist()]
        ax.plot(beta1, line, color=colour, label=system)
        seen = [one["observed"] / STEP for one in found.values()]
        ax.plot([float(b) for b in found], seen, "o", color=colour, markeredgecolor="white")
    ax.plot([], [], "o", color="grey", label="observed")
    ax.set(xlabel=r"$\beta_1$", ylabel=r"least stable $\epsilon / h$, per unit of flow time", yscale="log")
    ax.set_title("more momentum helps a node, and hurts a focus that turns fast")
    ax.legend()
    figure.savefig(out / "bounds.png", dpi=130)


def _draw_sides(sides: Mapping[str, Any], out: Path) -> None:
    figure = Figure(figsize=(7.4, 3.2), layout="constrained")
    colours = {1.1: plot.OKABE_ITO["blue"], 0.9: plot.OKABE_ITO["vermillion"]}
    for ax, (system, found) in zip(figure.subplots(1, 2), sides.items(), strict=True):
        n = np.arange(121 if system == "node" else 3001)
        for share, (size, modulus) in found.items():
            ax.plot(n, size[: len(n)], color=colours[share], label=rf"$\epsilon$ = {share:g} of the bound")
            line = size[0] * modulus ** n.astype(float)
            shown = (line > 1e-10) & (line < 1e3)
            ax.plot(n[shown], line[shown], "--", color="black", linewidth=0.9)
        ax.plot([], [], "--", color="black", linewidth=0.9, label=r"$|\mu|^n$, predicted")
        ax.set(
            yscale="log",
            ylim=(1e-10, 1e3),
            xlabel="step",
            ylabel=r"distance from the fixed point / $\epsilon$",
        )
        ax.set_title(NAMES[system] + r", $\beta_1$ = 0.5")
    figure.legend(*ax.get_legend_handles_labels(), loc="outside lower center", ncols=3)
    figure.savefig(out / "sides.png", dpi=130)


def _draw_awake(paths: Mapping[Any, Any], out: Path) -> None:
    figure = Figure(figsize=(7.4, 5.6), layout="constrained")
    top, bottom = figure.subplots(2, 2, sharex="col")
    colours = dict(zip((0.0, 0.5, 0.9), ("blue", "orange", "vermillion"), strict=True))
    for column, system in enumerate(("node", "strong focus")):
        until = 9000 if system == "node" else 20_000
        for beta1, name in colours.items():
            if (system, beta1) not in paths:
                continue
            size, kappa, _ = paths[system, beta1]
            look: dict[str, Any] = {"color": plot.OKABE_ITO[name], "linewidth": 0.7, "rasterized": True}
            top[column].plot(size[:until], label=rf"$\beta_1$ = {beta1:g}", **look)
            bottom[column].plot(theory.modulus(kappa, beta1).max(axis=1)[:until], **look)
        bottom[column].axhline(1.0, color="black", linewidth=0.8)
        top[column].set(yscale="log", ylim=(1e-10, 2), title=NAMES[system])
        bottom[column].set(xlabel="step", ylim=(0.7, 1.3) if system == "node" else (0.99, 1.003))
    top[0].set_ylabel("distance from the fixed point")
    bottom[0].set_ylabel(r"largest $|\mu|$ at the $v$ of the moment")
    top[1].legend(loc="lower right", ncols=3)
    figure.savefig(out / "awake.png", dpi=130)
