"""The gradients of a training, layer by layer: counts, sizes, and the first layers' histograms over time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.colorbar import Colorbar
from matplotlib.colors import LogNorm
from matplotlib.legend import Legend
from matplotlib.lines import Line2D
from matplotlib.text import Annotation

from gandyn.checks import check_option
from gandyn.plot.keys import caption, colour_bar, legend_below, sentences
from gandyn.plot.styles import DISCRIMINATOR, GENERATOR, NEUTRAL, SPEED_MAP
from gandyn.plot.training import shade

if TYPE_CHECKING:
    from gandyn.nets import HealthRecord

__all__ = [
    "GradientHistogramArtists",
    "HealthArtists",
    "LayerArtists",
    "gradient_counts",
    "gradient_histograms",
    "health",
]

_PLAYERS = ("generator", "discriminator")


@dataclass(frozen=True, eq=False)
class LayerArtists:
    """What a picture of layers over training drew.

    Args:
        lines: one line a layer.
        legend: the legend, below the axes.
        caption: what is left out, below the legend.
    """

    lines: dict[str, Line2D]
    legend: Legend | None
    caption: Annotation | None


@dataclass(frozen=True, eq=False)
class GradientHistogramArtists:
    """What a heat map of a gradient's histogram drew.

    Args:
        mesh: the map, log counts.
        bar: its colour bar.
        caption: what lies outside, below the axes.
    """

    mesh: QuadMesh
    bar: Colorbar
    caption: Annotation | None


@dataclass(frozen=True, eq=False)
class HealthArtists:
    """What an overview drew, panel by panel.

    Args:
        counts: number of small entries.
        leverage: scale-free size of the gradients.
        slopes: saturation of the losses, one line a player.
        coherence: agreement of the samples, one line a player.
    """

    counts: LayerArtists
    leverage: LayerArtists
    slopes: LayerArtists
    coherence: LayerArtists


#: What can be drawn of a layer: label of the axis, and whether zero has a place on it.
_MEASURES: dict[str, str] = {
    "small": "entries with |g| < {threshold:g}",
    "small_share": "share of entries with |g| < {threshold:g}",
    "rms": "RMS of the gradient",
    "gradient_to_weight": "gradient norm / weight norm",
    "update_to_weight": "update norm / weight norm",
    "leverage": r"$\|g\| \cdot \|w\|$ (unit of the loss)",
}
Measure = Literal["small", "small_share", "rms", "gradient_to_weight", "update_to_weight", "leverage"]


def gradient_counts(
    ax: Axes, record: HealthRecord, *, measure: Measure = "small", weights_only: bool = True, keys: int = 3
) -> LayerArtists:
    """Draw how many entries of each layer's gradient are small over training, or another of its numbers.

    On a log axis; the generator's layers solid, the discriminator's dashed, each in its player's colour from
    light (first) to dark (last). The raw count depends on the size of the layer and the scale of its weights;
    "leverage" does not.

    Args:
        ax: axes to draw in.
        record: what was seen.
        measure: "small" (the count), "small_share", "rms", "gradient_to_weight", "update_to_weight" or
            "leverage".
        weights_only: leave biases and parameters of normalisation out.
        keys: layers of a player named in the legend; of more, the first and the last are.

    Returns:
        The artists.

    Raises:
        ValueError: an unknown measure.
    """
    check_option("measure", measure, list(_MEASURES))
    values = np.asarray(getattr(record, measure), dtype=float)
    lines: dict[str, Line2D] = {}
    named: list[Line2D] = []
    for player, colour, look in (
        ("generator", GENERATOR, "solid"), ("discriminator", DISCRIMINATOR, (0, (3, 1))),
    ):  # fmt: skip
        own = [i for i in _shown(record, weights_only) if record.layers[i].startswith(f"{player}.")]
        for place, i in enumerate(own):
            (line,) = ax.plot(
                record.steps, np.where(values[:, i] > 0, values[:, i], np.nan), linestyle=look,
                color=shade(colour, place, len(own)), marker="." if len(record.steps) < 3 else None,
                label=record.layers[i],
            )  # fmt: skip
            lines[record.layers[i]] = line
        named += [lines[record.layers[i]] for i in (own if len(own) <= keys else [own[0], own[-1]])]
    shown = values[:, _shown(record, weights_only)]
    ax.set(xlabel="training step", ylabel=_MEASURES[measure].format(threshold=record.threshold), yscale="log")
    ax.margins(x=0.02)
    legend = legend_below(ax, named)
    hidden = len(lines) - len(named)
    notes = [f"{hidden} layers between, from light (first) to dark (last)" if hidden else ""]
    zeros = int((shown == 0).sum())
    notes += [f"zero, off the log axis: {zeros} values" if zeros else ""]
    return LayerArtists(lines, legend, caption(ax, sentences(notes)))


def _shown(record: HealthRecord, weights_only: bool) -> list[int]:
    """Return the layers to draw: with ``weights_only`` those named so and larger than a bias of theirs."""
    sizes = dict(zip(record.layers, record.sizes, strict=True))

    def is_weight(name: str) -> bool:
        bias = sizes.get(f"{name.rpartition('.')[0]}.bias", 0)
        return not name.endswith("bias") and sizes[name] > bias

    return [i for i, name in enumerate(record.layers) if not weights_only or is_weight(name)]


def gradient_histograms(
    ax: Axes, record: HealthRecord, player: Literal["generator", "discriminator"], *, log: bool = True
) -> GradientHistogramArtists:
    """Draw the histogram of a player's first-layer gradient over training, as a heat map.

    Args:
        ax: axes to draw in.
        record: what was seen, at two steps or more.
        player: "generator" or "discriminator".
        log: a log axis of ``|g|``; with False an axis of g that is linear about 0 and logarithmic beyond.

    Returns:
        The artists.

    Raises:
        ValueError: an unknown player, or fewer than two looks.
    """
    check_option("player", player, list(_PLAYERS))
    if len(record.steps) < 2:
        raise ValueError(f"a histogram over time takes at least two looks, got {len(record.steps)}")
    counts = record.histograms[:, _PLAYERS.index(player)]
    half = len(record.edges) // 2
    positive = record.edges[half:]
    if log:
        above, below = counts[:, half + 1 : -1], counts[:, 1:half][:, ::-1]
        shown, edges = above + below, positive
    else:
        shown, edges = counts[:, 1:-1], record.edges
    inside = np.flatnonzero(shown.sum(axis=0))
    first, last = (int(inside[0]), int(inside[-1])) if len(inside) else (0, shown.shape[1] - 1)
    times = _between(record.steps)
    norm = LogNorm(1, max(2.0, float(shown.max())))
    mesh = ax.pcolormesh(
        times, edges[first : last + 2], np.ma.masked_equal(shown[:, first : last + 1].T, 0), norm=norm,
        cmap=SPEED_MAP, rasterized=True,
    )  # fmt: skip
    scale: dict[str, Any] = {"value": "log"} if log else {"value": "symlog", "linthresh": 1e-6}
    ax.set_yscale(**scale)
    ax.set(xlabel="training step", ylabel="|g|" if log else "g", title=f"{player}, first layer")
    bar = colour_bar(ax, mesh, "entries")
    left = int(counts.sum() - shown.sum())
    total = int(counts.sum())
    note = f"off the axis (0 or beyond {record.edges[-1]:g}): {left / max(total, 1):.1%} of the entries"
    return GradientHistogramArtists(mesh, bar, caption(ax, sentences([note if left else ""])))


def _between(steps: np.ndarray) -> np.ndarray:
    """Return the edges of cells about steps."""
    middles = (steps[1:] + steps[:-1]) / 2
    first, last = 2 * steps[0] - middles[0], 2 * steps[-1] - middles[-1]
    return np.concatenate([[first], middles, [last]])


def health(axes: Any, record: HealthRecord) -> HealthArtists:
    """Draw an overview of a training's gradients into four axes.

    Raw counts of small entries, the scale-free leverage, how far the losses are saturated, and how far the
    samples' gradients agree.

    Args:
        axes: four axes, in an array of any shape, such as ``Figure().subplots(2, 2)``.
        record: what was seen.

    Returns:
        The artists.

    Raises:
        ValueError: not four axes.
    """
    panels = np.asarray(axes).ravel()
    if len(panels) != 4:
        raise ValueError(
            f"the overview has four panels, got {len(panels)} axes; take Figure().subplots(2, 2)"
        )
    lines = record.judged().lines
    slopes = _players(panels[2], record, record.slopes, "slope of the loss / undecided D", lines.saturated)
    coherence = _players(panels[3], record, record.coherence, "coherence of the samples", lines.coherence)
    return HealthArtists(
        gradient_counts(panels[0], record),
        gradient_counts(panels[1], record, measure="leverage"),
        slopes,
        coherence,
    )


def _players(ax: Axes, record: HealthRecord, values: np.ndarray, label: str, line: float) -> LayerArtists:
    """Draw a number of each player on a log axis, and the line below which it tells."""
    drawn: dict[str, Line2D] = {}
    for i, (player, colour) in enumerate(zip(_PLAYERS, (GENERATOR, DISCRIMINATOR), strict=True)):
        shown = np.where(values[:, i] > 0, values[:, i], np.nan)
        marker = "." if len(record.steps) < 3 else None
        (drawn[player],) = ax.plot(record.steps, shown, color=colour, label=player, marker=marker)
    reference = ax.axhline(
        line, color=NEUTRAL, linewidth=0.8, linestyle=(0, (1, 1.5)), label=f"{line:g}: low below"
    )
    ax.set(xlabel="training step", ylabel=label, yscale="log")
    ax.margins(x=0.02)
    legend = legend_below(ax, [*drawn.values(), reference])
    off = int(np.sum(values <= 0))
    note = f"zero or below, off the log axis: {off} values" if off else ""
    return LayerArtists(drawn, legend, caption(ax, sentences([note])))
