"""Lyapunov exponents: how they converge, spectra beside each other, exponents under parameters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import FillBetweenPolyCollection, QuadMesh
from matplotlib.colorbar import Colorbar
from matplotlib.colors import Colormap, ListedColormap, TwoSlopeNorm
from matplotlib.container import ErrorbarContainer
from matplotlib.contour import QuadContourSet
from matplotlib.legend import Legend
from matplotlib.lines import Line2D
from matplotlib.text import Annotation

from gandyn.lyapunov import ExponentSweep, Lyapunov
from gandyn.plot.keys import caption, colour_bar, legend_below
from gandyn.plot.marks import axis_label
from gandyn.plot.styles import NEUTRAL, NONFINITE, OKABE_ITO

__all__ = [
    "ConvergenceArtists",
    "ExponentBarArtists",
    "ExponentMapArtists",
    "exponent_convergence",
    "exponent_map",
    "exponent_spectra",
    "exponents_over_parameter",
]

_COLOURS = [OKABE_ITO[name] for name in ("vermillion", "blue", "bluish green", "orange", "sky blue")]
_RATE = "per unit of flow time"


@dataclass(frozen=True, eq=False)
class ConvergenceArtists:
    """Lines of exponents with their bands.

    Args:
        lines: one for each exponent.
        bands: two standard errors to both sides of each.
        legend: the legend, below the axes, or None.
        caption: what the picture cannot show.
    """

    lines: tuple[Line2D, ...]
    bands: tuple[FillBetweenPolyCollection, ...]
    legend: Legend | None
    caption: Annotation | None


def exponent_convergence(
    ax: Axes, found: Lyapunov, *, which: Sequence[int] | None = None
) -> ConvergenceArtists:
    """Draw the running estimates over the time of the average, with bands of two standard errors.

    Args:
        ax: axes to draw in.
        found: from ``gandyn.lyapunov_spectrum``.
        which: indices of the exponents that are drawn; the first five by default.

    Returns:
        The artists.

    Example:
        >>> from matplotlib.figure import Figure
        >>> from gandyn.games.textbook import henon
        >>> from gandyn.lyapunov import lyapunov_spectrum
        >>> found = lyapunov_spectrum(henon(), np.array([0.1, 0.1]), n_steps=1000, progress=False)
        >>> len(exponent_convergence(Figure().subplots(), found).lines)
        2
    """
    times, estimates, errors = found.running()
    which = range(min(5, len(found.exponents))) if which is None else which
    lines, bands = [], []
    for number, i in enumerate(which):
        colour = _COLOURS[number % len(_COLOURS)]
        label = rf"$\lambda_{{{i + 1}}} = {found.exponents[i]:.4g} \pm {found.standard_errors[i]:.1g}$"
        (line,) = ax.plot(times, estimates[:, i], color=colour, linewidth=1.2, label=label)
        low, high = estimates[:, i] - 2 * errors[:, i], estimates[:, i] + 2 * errors[:, i]
        bands.append(ax.fill_between(times, low, high, color=colour, alpha=0.25, linewidth=0))
        lines.append(line)
    ax.axhline(0.0, color=NEUTRAL, linewidth=0.6, zorder=0)
    ax.set_xscale("log")
    ax.set(xlabel="flow time of the average", ylabel=f"exponent, {_RATE}")
    ax.set_title(found.label)
    notes = ["Bands: two standard errors."]
    notes += [f"Kaplan-Yorke dimension {found.kaplan_yorke:.4f}."] if found.kaplan_yorke is not None else []
    return ConvergenceArtists(tuple(lines), tuple(bands), legend_below(ax, lines), caption(ax, notes))


@dataclass(frozen=True, eq=False)
class ExponentBarArtists:
    """What ``exponent_spectra`` drew.

    Args:
        bars: points with error bars, one container for each spectrum.
        legend: the legend, below the axes.
    """

    bars: tuple[ErrorbarContainer, ...]
    legend: Legend | None


def exponent_spectra(
    ax: Axes, found: Lyapunov | Sequence[Lyapunov], *, labels: Sequence[str] | None = None
) -> ExponentBarArtists:
    """Draw spectra of exponents beside each other, with error bars of two standard errors.

    Args:
        ax: axes to draw in.
        found: one result or several.
        labels: name of each in the legend; by default the systems' labels.

    Returns:
        The artists.

    Raises:
        ValueError: not one label for each result.
    """
    results = [found] if isinstance(found, Lyapunov) else list(found)
    names = [result.label for result in results] if labels is None else list(labels)
    if len(names) != len(results):
        raise ValueError(f"labels must name each of the {len(results)} results, got {len(names)}")
    bars: list[Any] = []
    for number, (result, name) in enumerate(zip(results, names, strict=True)):
        places = np.arange(len(result.exponents)) + 1 + 0.12 * (number - (len(results) - 1) / 2)
        bars.append(
            ax.errorbar(
                places, result.exponents, 2 * result.standard_errors, color=_COLOURS[number % len(_COLOURS)],
                marker="o", markersize=3, linestyle="none", capsize=2, linewidth=1, label=name,
            )
        )  # fmt: skip
    ax.axhline(0.0, color=NEUTRAL, linewidth=0.6, zorder=0)
    ax.set_xticks(range(1, max(len(result.exponents) for result in results) + 1))
    ax.set(xlabel="number of the exponent", ylabel=f"exponent, {_RATE}")
    return ExponentBarArtists(tuple(bars), legend_below(ax, bars))


def exponents_over_parameter(
    ax: Axes, sweep: ExponentSweep, *, which: Sequence[int] | None = None
) -> ConvergenceArtists:
    """Draw exponents over one parameter, with bands of two standard errors.

    Args:
        ax: axes to draw in, for example below those of ``plot.orbit_diagram`` with the same values.
        sweep: from ``gandyn.exponent_sweep``, of one parameter.
        which: indices of the exponents that are drawn; the first three by default.

    Returns:
        The artists.

    Raises:
        ValueError: a sweep of two parameters.
    """
    if len(sweep.parameters) != 1:
        raise ValueError(f"the sweep must be of one parameter, got {sweep.parameters}; use plot.exponent_map")
    (values,) = sweep.values
    which = range(min(3, sweep.exponents.shape[-1])) if which is None else which
    lines, bands = [], []
    for number, i in enumerate(which):
        colour = _COLOURS[number % len(_COLOURS)]
        row, error = sweep.exponents[:, i], 2 * sweep.standard_errors[:, i]
        (line,) = ax.plot(values, row, color=colour, linewidth=0.9, label=rf"$\lambda_{{{i + 1}}}$")
        bands.append(ax.fill_between(values, row - error, row + error, color=colour, alpha=0.25, linewidth=0))
        lines.append(line)
    ax.axhline(0.0, color=NEUTRAL, linewidth=0.6, zorder=0)
    ax.set(xlabel=axis_label(sweep.parameters[0]), ylabel=f"exponent, {_RATE}")
    ax.set_xlim(float(values.min()), float(values.max()))
    return ConvergenceArtists(
        tuple(lines), tuple(bands), legend_below(ax, lines), caption(ax, _missing(sweep))
    )


def _missing(sweep: ExponentSweep) -> list[str]:
    missing = int(np.sum(sweep.statuses != "finished"))
    return [f"{missing} of {sweep.statuses.size} orbits left all bounds."] if missing else []


@dataclass(frozen=True, eq=False)
class ExponentMapArtists:
    """What ``exponent_map`` drew.

    Args:
        mesh: the exponents, by colour.
        boundary: where chaos begins, or None.
        colour_bar: its bar.
        caption: what colours mean.
    """

    mesh: QuadMesh
    boundary: QuadContourSet | None
    colour_bar: Colorbar
    caption: Annotation | None


def exponent_map(ax: Axes, sweep: ExponentSweep) -> ExponentMapArtists:
    """Draw the largest exponent over two parameters; grey where the orbit left all bounds.

    Args:
        ax: axes to draw in.
        sweep: from ``gandyn.exponent_sweep``, of two parameters.

    Returns:
        The artists.

    Raises:
        ValueError: a sweep of one parameter.
    """
    if len(sweep.parameters) != 2:
        raise ValueError(f"the sweep must be of two parameters, got {sweep.parameters}")
    (across, up), (a, b) = sweep.parameters, sweep.values
    largest = np.ma.masked_invalid(sweep.exponents[..., 0].T)
    size = np.abs(largest.compressed())
    reach = float(np.quantile(size, 0.98)) if size.size else 1.0
    grey: Colormap = ListedColormap([NONFINITE])
    ax.pcolormesh(a, b, np.zeros(largest.shape), cmap=grey, shading="nearest", alpha=0.45, zorder=-1)
    mesh = ax.pcolormesh(
        a, b, largest, cmap="RdBu_r", norm=TwoSlopeNorm(0.0, -reach or -1.0, reach or 1.0), shading="nearest",
        rasterized=True, zorder=0,
    )  # fmt: skip
    chaotic, boundary = sweep.chaotic.T.astype(float), None
    if 0 < chaotic.mean() < 1:
        boundary = ax.contour(a, b, chaotic, levels=[0.5], colors="black", linewidths=0.9)
    ax.set(xlabel=axis_label(across), ylabel=axis_label(up))
    ax.set_title(sweep.label)
    bar = colour_bar(ax, mesh, f"largest exponent, {_RATE}", extend="both")
    notes = ["Black line: around where it is positive beyond its error.", *_missing(sweep)]
    notes += ["Those are grey."] if len(notes) > 1 else []
    return ExponentMapArtists(mesh, boundary, bar, caption(ax, notes))
