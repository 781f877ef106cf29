"""Eigenvalues in the complex plane with the boundary of stability, and over training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.colorbar import Colorbar
from matplotlib.colors import Normalize
from matplotlib.legend import Legend
from matplotlib.lines import Line2D
from matplotlib.text import Annotation

from gandyn.plot.keys import caption, colour_bar, legend_below
from gandyn.plot.stability import complex_window, nearest_boundary, stable_regions
from gandyn.plot.styles import NEUTRAL, OKABE_ITO, SPEED_MAP
from gandyn.spectra import Spectrum

__all__ = ["SpectrumArtists", "TrainingSpectraArtists", "eigenvalues_over_training", "spectrum"]

_FATES = {
    "decays": (OKABE_ITO["bluish green"], "o"),
    "neutral": (OKABE_ITO["black"], "D"),
    "grows": (OKABE_ITO["reddish purple"], "^"),
}


@dataclass(frozen=True, eq=False)
class SpectrumArtists:
    """What ``spectrum`` drew.

    Args:
        eigenvalues: one artist for each of "decays", "neutral" and "grows" that occurs; unresolved
            eigenvalues are hollow.
        regions: the stable sides: of the flow or map, then of the step.
        boundaries: the imaginary axis or the unit circle, then the circle of the step.
        legend: the legend, below the axes.
        caption: how many eigenvalues, which, and the critical step.
    """

    eigenvalues: dict[str, PathCollection]
    regions: tuple[Artist, ...]
    boundaries: tuple[Line2D, ...]
    legend: Legend | None
    caption: Annotation | None


@dataclass(frozen=True, eq=False)
class TrainingSpectraArtists:
    """What ``eigenvalues_over_training`` drew.

    Args:
        growth: growth rates over steps, coloured by rotation.
        leading: line through the largest growth rate of each step.
        rotation_bar: colour bar of the rotation.
        caption: counts, below the axes.
    """

    growth: PathCollection
    leading: Line2D
    rotation_bar: Colorbar
    caption: Annotation | None


def spectrum(
    ax: Axes, result: Spectrum, step: float | None = None, *, tolerance: float = 1e-6
) -> SpectrumArtists:
    """Draw eigenvalues in the complex plane, with the boundary of stability and its shaded side.

    For a flow the boundary is the imaginary axis and, with a ``step`` h, the circle ``|1 + h lambda| = 1``
    of centre -1/h and radius 1/h inside which simultaneous descent is stable too. For a map it is the unit
    circle. The window is that of the eigenvalues and the points of the boundary nearest to them.

    Args:
        ax: axes to draw in.
        result: the spectrum.
        step: step size h in use, for a flow.
        tolerance: residual, in units of the largest eigenvalue, above which an eigenvalue is
            unresolved and drawn hollow.

    Returns:
        The artists.

    Raises:
        ValueError: a step that is not positive, or a step for a map.

    Example:
        >>> from matplotlib.figure import Figure
        >>> from gandyn.field import Layout, VectorField
        >>> from gandyn.spectra import spectrum as eigenvalues
        >>> spiral = VectorField(lambda x, t: x @ np.array([[-1.0, 2.0], [-2.0, -1.0]]),
        ...                      Layout.scalars(state=["x", "y"]))
        >>> drawn = spectrum(Figure().subplots(), eigenvalues(spiral, np.zeros(2)), step=0.3)
        >>> list(drawn.eigenvalues)
        ['decays']
    """
    if step is not None and result.clock == "map":
        raise ValueError("step is for the spectrum of a flow; a map has its step within: leave step out")
    if step is not None and not (np.isfinite(step) and step > 0):
        raise ValueError(f"step must be positive and finite, got {step}")
    values = result.eigenvalues
    complex_window(ax, np.concatenate([values, nearest_boundary(result, step)]))
    regions, boundaries = stable_regions(ax, result, step)
    drawn = {name: _scatter(ax, result, name, tolerance) for name in _FATES if np.any(_fates(result) == name)}
    symbol, unit = (r"\mu", "") if result.clock == "map" else (r"\lambda", " (1 / flow time)")
    ax.set_title(result.label)
    ax.set(xlabel=rf"Re ${symbol}${unit}", ylabel=rf"Im ${symbol}${unit}")
    hollow = int(_unresolved(result, tolerance).sum())
    legend = legend_below(ax, [*regions, *_keys(drawn, hollow)])
    text = caption(ax, _notes(result))
    return SpectrumArtists(drawn, regions, boundaries, legend, text)


def eigenvalues_over_training(
    ax: Axes, steps: Sequence[float] | np.ndarray, spectra: Sequence[Spectrum]
) -> TrainingSpectraArtists:
    """Draw the growth rates of the eigenvalues at several steps of training, coloured by their rotation.

    Above zero a mode grows. Rotation is ``|Im lambda|``, or ``|arg mu| / dt`` for a map.

    Args:
        ax: axes to draw in.
        steps: training step of each spectrum.
        spectra: spectra, all of flows or all of maps.

    Returns:
        The artists.

    Raises:
        ValueError: no spectrum, another number of steps than of spectra, or flows and maps mixed.
    """
    if len(steps) != len(spectra) or not len(spectra):
        raise ValueError(
            f"expected one step a spectrum, at least one, got {len(steps)} steps, {len(spectra)} spectra"
        )
    clocks = {result.clock for result in spectra}
    if len(clocks) > 1:
        raise ValueError("spectra of flows and of maps do not share an axis: draw them apart")
    at = np.repeat(np.asarray(steps, dtype=float), [len(result.eigenvalues) for result in spectra])
    growth = np.concatenate([result.growth_rates for result in spectra])
    rotation = np.concatenate([_rotation(result) for result in spectra])
    ax.axhline(0.0, color=NEUTRAL, linewidth=0.8, zorder=1)
    finite = np.isfinite(growth)
    norm = Normalize(0.0, float(rotation.max(initial=0.0)) or 1.0)
    dots = ax.scatter(
        at[finite], growth[finite], c=rotation[finite], cmap=SPEED_MAP, norm=norm, s=14, zorder=3
    )
    most = [float(np.max(result.growth_rates, initial=-np.inf)) for result in spectra]
    (leading,) = ax.plot(
        steps, most, color=NEUTRAL, linewidth=0.8, zorder=2, label="largest growth rate found"
    )
    _symmetric_log(ax, growth[finite])
    ax.set(xlabel="training step", ylabel="growth rate (1 / flow time)")
    bar = colour_bar(ax, dots, "rotation (rad / flow time)")
    legend_below(ax, [leading])
    gone = int((~finite).sum())
    text = caption(ax, [f"Not finite, not drawn: {gone} growth rates." if gone else ""])
    return TrainingSpectraArtists(dots, leading, bar, text)


def _slack(result: Spectrum) -> np.ndarray:
    """Return how far each eigenvalue may be off: its residual and the rounding of the largest."""
    return result.residuals + 1e-12 * np.max(np.abs(result.eigenvalues), initial=0.0)


def _fates(result: Spectrum) -> np.ndarray:
    """Return for each eigenvalue whether its mode decays or grows, or is neutral within its residual."""
    is_map = result.clock == "map"
    beyond = np.abs(result.eigenvalues) - 1.0 if is_map else np.real(result.eigenvalues)
    slack = _slack(result)
    return np.select([beyond < -slack, beyond > slack], ["decays", "grows"], "neutral")


def _unresolved(result: Spectrum, tolerance: float) -> np.ndarray:
    return ~(result.residuals <= tolerance * np.max(np.abs(result.eigenvalues), initial=0.0))


def _rotation(result: Spectrum) -> np.ndarray:
    if result.clock == "map":
        return np.abs(np.angle(result.eigenvalues)) / result.dt
    return np.abs(np.imag(result.eigenvalues))


def _scatter(ax: Axes, result: Spectrum, fate: str, tolerance: float) -> PathCollection:
    colour, marker = _FATES[fate]
    where = _fates(result) == fate
    values, hollow = result.eigenvalues[where], _unresolved(result, tolerance)[where]
    faces = ["none" if empty else colour for empty in hollow]
    return ax.scatter(
        values.real, values.imag, s=16, marker=marker, edgecolors=colour, facecolors=faces, linewidths=0.9,
        label=f"{fate} ({where.sum()})", zorder=3,
    )  # fmt: skip


def _keys(drawn: dict[str, PathCollection], hollow: int) -> list[Line2D]:
    """Return the entries of the legend for the eigenvalues, all filled, and one for hollow ones."""
    looks: dict[str, Any] = {"linestyle": "none", "markersize": 4.0}
    keys = [
        Line2D([], [], color=_FATES[fate][0], marker=_FATES[fate][1], label=str(dots.get_label()), **looks)
        for fate, dots in drawn.items()
    ]
    if hollow:
        label = f"unresolved ({hollow})"
        keys.append(Line2D([], [], color=NEUTRAL, marker="o", markerfacecolor="none", label=label, **looks))
    return keys


def _notes(result: Spectrum) -> list[str]:
    found = f"{len(result.eigenvalues)} of {result.dim} eigenvalues by {result.which}."
    bound = ""
    if result.critical_step == 0:
        bound = "No step of simultaneous descent is stable (h* = 0)."
    elif result.critical_step is not None:
        relation = "=" if result.complete else "≤"
        bound = f"Critical step of simultaneous descent h* {relation} {result.critical_step:.3g}."
    return [found, bound, "" if result.converged else "Not converged."]


def _symmetric_log(ax: Axes, values: np.ndarray) -> None:
    """Use a scale linear about zero and logarithmic beyond where the values range over a factor of 100."""
    sizes = np.abs(values[values != 0])
    if sizes.size and sizes.max() > 100 * np.median(sizes):
        ax.set_yscale("symlog", linthresh=float(max(np.median(sizes), sizes.max() / 1e4)))
