"""Regimes of all games, orbit diagrams above exponents, regions, and the two learning rules."""

from collections.abc import Mapping
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.colors import BoundaryNorm, ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from gandyn import plot
from studies.chaos_in_games.cases import RULES
from studies.chaos_in_games.learning import SHARES
from studies.chaos_in_games.regimes import REGIMES

_NAMES = ("bluish green", "yellow", "sky blue", "blue", "vermillion")
COLOURS = [*(plot.OKABE_ITO[name] for name in _NAMES), "#d9d9d9", "white"]
ABOVE = {"gaussian": "Gaussian classifier, W_d = 1", "dirac": "Dirac, R1 0.3"}
H = "step size $h$, in flow time"
SECOND = {"gamma": r"weight $\gamma$ of R1", "kappa": r"ratio $\kappa$ of learning rates, $D$ over $G$"}

LIMIT = {"gamma": 0.25, "kappa": 1.0}
RATIOS = (0.2, 0.5, 1, 2, 5)


def draw(shown: Mapping[str, Any], numbers: Mapping[str, Any], out: Path) -> None:
    """Draw every figure of the README."""
    with plot.style():
        _draw_regimes(shown["rows"], numbers["games"], out)
        for name, game in ABOVE.items():
            _draw_diagrams(shown["rows"][game], numbers["games"][game], game, out / f"{name}.png")
        for parameter, maps in shown["regions"].items():
            _draw_region(maps, parameter, out / f"region_{parameter}.png")
        _draw_rock(shown["rock"], out)
        _draw_roads(shown["roads"], numbers["two roads"], out)


def _draw_regimes(rows: Mapping[str, Any], numbers: Mapping[str, Any], out: Path) -> None:
    """A panel a game, a bar a rule; black where the eigenvalues say that stability begins or ends."""
    figure = Figure(figsize=(7.4, 1.4 + 1.25 * ((len(rows) + 1) // 2)), layout="constrained")
    axes = figure.subplots((len(rows) + 1) // 2, 2, squeeze=False).ravel()
    colours, norm = ListedColormap(COLOURS), BoundaryNorm(np.arange(len(REGIMES) + 1) - 0.5, len(REGIMES))
    for ax, (game, found) in zip(axes, rows.items(), strict=False):
        h = found["simultaneous"].sweep.values[0]
        bars = np.array([row.regimes for row in found.values()])
        ax.pcolormesh(h, range(3), bars, cmap=colours, norm=norm, shading="nearest", rasterized=True)
        for place, rule in enumerate(found):
            for bound in _bounds(numbers[game][rule]):
                ax.plot([bound, bound], [place - 0.5, place + 0.5], color="black", linewidth=1.4)
            if place:
                ax.axhline(place - 0.5, color="white", linewidth=1.5)
        ax.set_yticks(range(3), list(found))
        ax.set(title=game.replace("W_d", "$W_d$"), xlim=(0, h[-1]), ylim=(2.5, -0.5))
        ax.set_xlabel(H)
    for ax in axes[len(rows) :]:
        ax.remove()
    keys = [
        Patch(facecolor=c, edgecolor="grey", label=name) for c, name in zip(COLOURS, REGIMES, strict=True)
    ]
    figure.legend(handles=keys, loc="outside lower center", ncols=7)
    figure.savefig(out / "regimes.png", dpi=130)


def _bounds(row: Mapping[str, Any]) -> list[float]:
    """Return the step sizes within the picture at which the fixed point becomes stable or unstable."""
    h = {bound for interval in row["stability"]["stable h"] for bound in interval}
    return sorted(h - {0.0, row["top"]})


def _draw_diagrams(rows: Mapping[str, Any], numbers: Mapping[str, Any], game: str, path: Path) -> None:
    """A column a rule: the orbit diagram above the exponents, over one axis."""
    figure = Figure(figsize=(7.4, 4.6), layout="constrained")
    axes = figure.subplots(2, len(RULES), sharex=True, sharey="row")
    for (top, bottom), rule in zip(axes.T, RULES, strict=True):
        drawn = plot.orbit_diagram(top, rows[rule].diagram)
        lines = plot.exponents_over_parameter(bottom, rows[rule].sweep)
        for part in (drawn.caption, lines.caption, lines.legend):
            if part is not None:
                part.remove()
        for ax, bound in product((top, bottom), _bounds(numbers[rule])):
            ax.axvline(bound, color="grey", linewidth=0.8, linestyle="--", zorder=0)
        top.set(title=rule, xlabel="")
        bottom.set(xlabel=H, ylim=(-2.2, 0.9))
        for ax in (top, bottom):
            ax.label_outer()
    handles = axes[1, 0].get_lines()[:2]
    figure.legend(handles=handles, loc="outside lower center", ncols=2)
    figure.suptitle(f"{game.replace('W_d', '$W_d$')}; dashed: $h^*$ of the eigenvalues", fontsize=9)
    figure.savefig(path, dpi=130)


def _draw_region(maps: Mapping[str, Any], parameter: str, path: Path) -> None:
    figure = Figure(figsize=(7.4, 3.4), layout="constrained")
    axes = figure.subplots(1, len(maps), sharex=True, sharey=True)
    for ax, (rule, sweep) in zip(axes, maps.items(), strict=True):
        drawn = plot.exponent_map(ax, sweep)
        drawn.caption.remove()  # type: ignore[union-attr]
        drawn.mesh.set_clim(-LIMIT[parameter], LIMIT[parameter])
        if ax is not axes[-1]:
            drawn.colour_bar.remove()
        ax.set(title=rule, xlabel=H, ylabel=SECOND[parameter])
        if parameter == "kappa":
            ax.set_yscale("log")
            ax.set_yticks(RATIOS, [f"{ratio:g}" for ratio in RATIOS])
            ax.minorticks_off()
        ax.label_outer()
    figure.supxlabel("Inside black: chaotic. Grey: escapes.", fontsize=7)
    figure.savefig(path, dpi=130)


def _draw_rock(shown: Mapping[str, Any], out: Path) -> None:
    """Exponents over the payoff of a tie from two starts, and spectra from the starts at the largest."""
    figure = Figure(figsize=(7.4, 3.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    for (k, (eps, exponents, errors)), name in zip(
        shown["over eps"].items(), ("vermillion", "blue"), strict=True
    ):
        left.errorbar(
            eps, exponents[:, 0], 2 * errors[:, 0], color=plot.OKABE_ITO[name], marker="o", markersize=3,
            linewidth=1, label=f"start k = {k}",
        )  # fmt: skip
    slow = np.log(shown["time"]) / shown["time"]
    left.axhline(slow, color="grey", linestyle="--", linewidth=0.8, label="ln t / t: a tangent on a torus")
    left.set(xlabel=r"payoff of a tie, $\epsilon_x = -\epsilon_y$")
    left.set(ylabel="largest exponent, per unit of flow time")
    left.legend(frameon=False)
    largest = max(eps for eps, _ in shown["spectra"])
    spectra = {k: found for (eps, k), found in shown["spectra"].items() if eps == largest}
    plot.exponent_spectra(right, list(spectra.values()), labels=[f"k = {k}" for k in spectra])
    right.set_title(rf"$\epsilon_x = -\epsilon_y = {largest}$")
    figure.savefig(out / "rock_paper_scissors.png", dpi=130)


def _draw_roads(shown: Mapping[str, Any], numbers: Mapping[str, Any], out: Path) -> None:
    figure = Figure(figsize=(7.4, 4.4), layout="constrained")
    axes = figure.subplots(2, len(SHARES), sharex=True, sharey="row")
    for (top, bottom), (name, (sweep, diagram)) in zip(axes.T, shown.items(), strict=True):
        drawn = plot.orbit_diagram(top, diagram)
        lines = plot.exponents_over_parameter(bottom, sweep)
        for part in (drawn.caption, lines.caption, lines.legend):
            if part is not None:
                part.remove()
        for ax in (top, bottom):
            ax.axvline(
                numbers[name]["fixed point is lost at a"],
                color="grey",
                linewidth=0.8,
                linestyle="--",
                zorder=0,
            )
        top.set(title=f"share at equilibrium b = {name}", xlabel="", ylabel="share $x$")
        bottom.set(xlabel="step size times demand, $a$", ylabel="exponent, a step", ylim=(-2.5, 1.0))
        for ax in (top, bottom):
            ax.label_outer()
    figure.suptitle("Dashed: where the fixed point is lost, by its multiplier", fontsize=9)
    figure.savefig(out / "two_roads.png", dpi=130)
