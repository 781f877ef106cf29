"""Curves of a training run: losses, discriminator accuracy, gradient norms per layer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_hex, to_rgb
from matplotlib.legend import Legend
from matplotlib.lines import Line2D
from matplotlib.text import Annotation

from gandyn.plot.keys import caption, legend_below
from gandyn.plot.styles import DISCRIMINATOR, GENERATOR, NEUTRAL, OKABE_ITO

__all__ = ["CurveArtists", "accuracy", "gradient_norms", "training_curves"]

#: A run by column: the name of each column and its values, shape (steps,).
History = Mapping[str, np.ndarray]

_GRADIENT = "gradient/"


@dataclass(frozen=True, eq=False)
class CurveArtists:
    """What a picture of a run drew.

    Args:
        raw: one thin line a column, every step.
        smooth: one thick line a column, the running mean.
        reference: the reference line.
        legend: the legend, below the axes.
        caption: smoothing and counts, below the legend.
    """

    raw: dict[str, Line2D]
    smooth: dict[str, Line2D]
    reference: Line2D | None
    legend: Legend | None
    caption: Annotation | None


def training_curves(
    ax: Axes,
    history: History,
    *,
    reference: float | None = None,
    window: int | None = None,
    unit: str = "nats",
) -> CurveArtists:
    """Draw both players' losses over training, the running mean over the raw values.

    Args:
        ax: axes to draw in.
        history: columns "step", "loss_generator", "loss_discriminator", each of shape (steps,).
        reference: a loss to mark, such as ``2 * np.log(2)``, the discriminator's at D = 1/2 where its two
            halves are summed.
        window: steps in the running mean; the default is a fiftieth of the run.
        unit: unit of the loss; "" for a loss without one.

    Returns:
        The artists.

    Raises:
        KeyError: a column is missing.
        ValueError: columns of different lengths, no step, or a window below 1.

    Example:
        >>> from matplotlib.figure import Figure
        >>> steps = np.arange(100)
        >>> run = {"step": steps, "loss_generator": 1 / (1 + steps), "loss_discriminator": np.ones(100)}
        >>> list(training_curves(Figure().subplots(), run, reference=2 * np.log(2)).raw)
        ['loss_generator', 'loss_discriminator']
    """
    looks = {
        "loss_generator": ("generator", GENERATOR, "solid"),
        "loss_discriminator": ("discriminator", DISCRIMINATOR, "solid"),
    }
    line = None if reference is None else _reference(ax, reference, _logarithm_name(reference))
    drawn = _curves(ax, history, looks, window, line)
    ax.set(ylabel=f"loss ({unit})" if unit else "loss")
    return drawn


def accuracy(ax: Axes, history: History, *, window: int | None = None) -> CurveArtists:
    """Draw the discriminator's accuracy on real and on generated samples over training.

    Args:
        ax: axes to draw in.
        history: columns "step", "accuracy_real", "accuracy_fake", each of shape (steps,), from 0 to 1.
        window: steps in the running mean; the default is a fiftieth of the run.

    Returns:
        The artists; the reference is chance, 1/2.

    Raises:
        KeyError: a column is missing.
        ValueError: columns of different lengths, no step, or a window below 1.
    """
    looks = {
        "accuracy_real": ("on real samples", OKABE_ITO["bluish green"], "solid"),
        "accuracy_fake": ("on generated samples", OKABE_ITO["reddish purple"], "solid"),
    }
    drawn = _curves(ax, history, looks, window, _reference(ax, 0.5, "chance"))
    ax.set(ylabel="discriminator accuracy", ylim=(-0.03, 1.03))
    return drawn


def gradient_norms(ax: Axes, history: History, *, window: int | None = None, keys: int = 5) -> CurveArtists:
    """Draw the gradient norm of every block over training, on a log axis, a shade from input to output.

    The generator's blocks are solid and the discriminator's dashed, each in its player's colour, from
    light (first block) to dark (last).

    Args:
        ax: axes to draw in.
        history: columns "step" and "gradient/<block name>", each of shape (steps,). A name belongs to the
            player that it starts with ("generator.", "discriminator.").
        window: steps in the running mean; the default is a fiftieth of the run.
        keys: blocks a player named in the legend; of more, the first and the last are.

    Returns:
        The artists.

    Raises:
        KeyError: no column "step", or none that starts with "gradient/".
        ValueError: columns of different lengths, no step, or a window below 1.
    """
    names = [name for name in history if name.startswith(_GRADIENT)]
    if not names:
        raise KeyError(f'no column "gradient/<block name>"; the columns are {list(history)}')
    looks: dict[str, tuple[str, str, str]] = {}
    hidden: set[str] = set()
    for player, colour, line in (
        ("generator", GENERATOR, "solid"),
        ("discriminator", DISCRIMINATOR, (0, (3, 1))),
        ("", NEUTRAL, "solid"),
    ):
        own = [name for name in names if name not in looks and name[len(_GRADIENT) :].startswith(player)]
        looks |= {
            name: (name[len(_GRADIENT) :], shade(colour, i, len(own)), line)  # type: ignore[misc]
            for i, name in enumerate(own)
        }
        hidden |= set(own[1:-1]) if len(own) > keys else set()
    ax.set_yscale("log")
    drawn = _curves(ax, history, looks, window, None, hidden=hidden)
    ax.set(ylabel="gradient norm")
    return drawn


def _curves(
    ax: Axes,
    history: History,
    looks: Mapping[str, tuple[str, str, str]],
    window: int | None,
    reference: Line2D | None,
    hidden: frozenset[str] | set[str] = frozenset(),
) -> CurveArtists:
    """Draw columns raw and smoothed; values that a log axis cannot show are counted with the others."""
    steps, columns = _columns(history, list(looks))
    window = max(1, len(steps) // 50) if window is None else window
    if window < 1:
        raise ValueError(f"window, the steps in the running mean, must be at least 1, got {window}")
    raw, smooth, bad = {}, {}, 0
    for name, (label, colour, line) in looks.items():
        values = np.where(np.isfinite(columns[name]), columns[name], np.nan)
        bad += int(np.isnan(values).sum())
        if window > 1:
            (raw[name],) = ax.plot(steps, values, color=colour, alpha=0.3, linewidth=0.5)
        (smooth[name],) = ax.plot(
            steps, running_mean(values, window), color=colour, linestyle=line, label=label, zorder=3
        )
    raw = raw or smooth
    ax.set(xlabel="training step")
    ax.margins(x=0.02)
    keys = [artist for name, artist in smooth.items() if name not in hidden]
    legend = legend_below(ax, [*keys, *([reference] if reference else [])])
    notes = [f"Thick: running mean over {window} steps." if window > 1 else ""]
    notes += [f"Not named: {len(hidden)} blocks, from light (first) to dark (last)." if hidden else ""]
    notes += [f"Not finite, left out: {bad} values." if bad else "", _zeros(ax, columns)]
    return CurveArtists(raw, smooth, reference, legend, caption(ax, notes))


def _columns(history: History, names: list[str]) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    missing = [name for name in ("step", *names) if name not in history]
    if missing:
        raise KeyError(f"columns missing: {missing}; the columns are {list(history)}")
    steps = np.asarray(history["step"], dtype=float)
    columns = {name: np.asarray(history[name], dtype=float) for name in names}
    shapes = {name: values.shape for name, values in columns.items() if values.shape != steps.shape}
    if steps.ndim != 1 or not steps.size or shapes:
        raise ValueError(f'columns must have the shape (steps,) of "step", {steps.shape}; got {shapes}')
    return steps, columns


def _zeros(ax: Axes, columns: Mapping[str, np.ndarray]) -> str:
    """Return how many values a log axis leaves out because they are zero."""
    count = sum(int((values <= 0).sum()) for values in columns.values())
    return f"Zero, off the log axis: {count} values." if count and ax.get_yscale() == "log" else ""


def running_mean(values: np.ndarray, window: int) -> np.ndarray:
    """Return the mean of the finite values among the ``window`` about each, fewer at the ends.

    Args:
        values: shape (steps,); NaN is left out.
        window: number of steps.

    Returns:
        Shape (steps,); NaN where the value itself is.

    Example:
        >>> running_mean(np.array([0.0, 3.0, np.nan, 6.0]), 3)
        array([1.5, 1.5, nan, 6. ])
    """
    valid = np.isfinite(values)
    ahead = window // 2
    behind = window - ahead
    sums, counts = (np.append(0.0, np.cumsum(part)) for part in (np.where(valid, values, 0.0), valid))
    index = np.arange(len(values))
    first, last = np.maximum(index - behind + 1, 0), np.minimum(index + ahead + 1, len(values))
    count = counts[last] - counts[first]
    mean = (sums[last] - sums[first]) / np.where(count, count, 1.0)
    return np.where(valid, mean, np.nan)


def _reference(ax: Axes, value: float, label: str) -> Line2D:
    return ax.axhline(value, color=NEUTRAL, linewidth=0.8, linestyle=(0, (1, 1.5)), label=label, zorder=2)


def _logarithm_name(value: float) -> str:
    """Return "ln 2" or "2 ln 2" for those values, else the number."""
    names = {1: "ln 2", 2: "2 ln 2"}
    known = [name for factor, name in names.items() if np.isclose(value, factor * np.log(2), rtol=1e-6)]
    return f"{known[0]} = {value:.3f}" if known else f"reference {value:.4g}"


def shade(colour: str, index: int, count: int) -> str:
    """Return a player's colour, lighter for the first of ``count`` blocks."""
    mix = 1.0 - 0.65 * (1.0 - (index + 1) / count) if count > 1 else 1.0
    red, green, blue = (mix * part + (1 - mix) for part in to_rgb(colour))
    return to_hex((red, green, blue))
