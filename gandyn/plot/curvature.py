"""The curvature of a large system: density of eigenvalues, Ritz values, and the numerical range."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection, PolyCollection
from matplotlib.legend import Legend
from matplotlib.lines import Line2D
from matplotlib.patches import Polygon
from matplotlib.text import Annotation

from gandyn.plot.keys import caption, legend_below
from gandyn.plot.stability import complex_window
from gandyn.plot.styles import DISCRIMINATOR, GENERATOR, NEUTRAL, OKABE_ITO
from gandyn.spectra import NumericalRange, RitzCloud, SpectralDensity, Spectrum

__all__ = [
    "CloudArtists",
    "DensityArtists",
    "RangeArtists",
    "numerical_range",
    "ritz_cloud",
    "spectral_density",
]

_COLOURS = {"S": OKABE_ITO["reddish purple"], "A": OKABE_ITO["bluish green"]}
_FLOOR = 1e-5


@dataclass(frozen=True, eq=False)
class DensityArtists:
    """What ``spectral_density`` drew.

    Args:
        density: the line.
        band: two standard errors to either side.
        extremes: marks of the smallest and largest Ritz value.
        legend: the legend, below the axes.
        caption: how it was found.
    """

    density: Line2D
    band: PolyCollection
    extremes: Line2D
    legend: Legend | None
    caption: Annotation | None


@dataclass(frozen=True, eq=False)
class CloudArtists:
    """What ``ritz_cloud`` drew.

    Args:
        resolved: values that are eigenvalues, or None.
        others: values that only show where eigenvalues lie, or None.
        legend: the legend, below the axes.
        caption: how many of how many.
    """

    resolved: PathCollection | None
    others: PathCollection | None
    legend: Legend | None
    caption: Annotation | None


@dataclass(frozen=True, eq=False)
class RangeArtists:
    """What ``numerical_range`` drew.

    Args:
        region: the numerical range.
        abscissa: line through its rightmost point.
        eigenvalues: those of the spectrum, or None.
        legend: the legend, below the axes.
        caption: the abscissa and how it was found.
    """

    region: Polygon
    abscissa: Line2D
    eigenvalues: PathCollection | None
    legend: Legend | None
    caption: Annotation | None


def spectral_density(ax: Axes, result: SpectralDensity, *, log: bool = True) -> DensityArtists:
    """Draw the density of eigenvalues with its error, on a logarithmic scale unless told otherwise.

    Args:
        ax: axes to draw in.
        result: the density.
        log: a logarithmic scale, on which single outlying eigenvalues show beside the bulk.

    Returns:
        The artists.

    Example:
        >>> from matplotlib.figure import Figure
        >>> from gandyn.field import Layout, VectorField
        >>> from gandyn.spectra import spectral_density as density
        >>> decay = VectorField(lambda x, t: -np.arange(9.0) * x,
        ...                     Layout.scalars(state=[f"x{i}" for i in range(9)]))
        >>> drawn = spectral_density(Figure().subplots(), density(decay, np.zeros(9)))
        >>> drawn.density.get_label()
        'density'
    """
    colour = _COLOURS.get(result.part, GENERATOR if result.part.startswith("gen") else DISCRIMINATOR)
    floor = _FLOOR * float(result.density.max()) if log else 0.0
    low = np.maximum(result.density - 2 * result.standard_error, floor)
    high = np.maximum(result.density + 2 * result.standard_error, floor)
    (line,) = ax.plot(result.grid, np.maximum(result.density, floor), color=colour, label="density")
    band = ax.fill_between(
        result.grid, low, high, color=colour, alpha=0.25, linewidth=0, label="two standard errors"
    )
    ends = [float(result.nodes.min()), float(result.nodes.max())]
    at = floor * 1.5 if log else 0.0
    (extremes,) = ax.plot(
        ends, [at, at], linestyle="none", marker="|", markersize=9, color=NEUTRAL, label="extreme Ritz values"
    )
    if log:
        ax.set_yscale("log")
        ax.set_ylim(floor, 3 * float(high.max()))
    what = "imaginary part of eigenvalues" if result.part == "A" else "eigenvalue"
    ax.set(xlabel=f"{what} (1 / flow time)", ylabel="density (flow time)", title=result.label)
    legend = legend_below(ax, [line, band, extremes])
    notes = [
        f"{result.dim} eigenvalues of {_named(result)}, {result.message}.",
        f"Gaussian width {result.width:.3g}.",
    ]
    return DensityArtists(line, band, extremes, legend, caption(ax, notes))


def _named(result: SpectralDensity) -> str:
    player, _, hessian = result.part.partition(" ")
    if player not in ("generator", "discriminator"):
        return result.part
    return f"the {player}'s {hessian.capitalize() if hessian else 'block of J'}"


def ritz_cloud(ax: Axes, result: RitzCloud, *, tolerance: float = 1e-3) -> CloudArtists:
    """Draw Ritz values in the complex plane: filled where they are eigenvalues, hollow elsewhere.

    Args:
        ax: axes to draw in.
        result: the cloud.
        tolerance: residual, in units of the largest modulus, up to which a value is an eigenvalue.

    Returns:
        The artists.
    """
    complex_window(ax, np.append(result.values, 0.0))
    sure = result.resolved(tolerance)
    axis = ax.axvline(0.0, color=NEUTRAL, linewidth=0.8, zorder=1, label="imaginary axis")
    looks: dict[str, Any] = {"s": 14, "linewidths": 0.8, "zorder": 3}
    colour = OKABE_ITO["blue"]
    filled = hollow = None
    if sure.any():
        values = result.values[sure]
        label = f"eigenvalues, residual below {tolerance:.0e} ({len(values)})"
        filled = ax.scatter(values.real, values.imag, color=colour, label=label, **looks)
    if not sure.all():
        values = result.values[~sure]
        hollow = ax.scatter(
            values.real, values.imag, edgecolors=NEUTRAL, facecolors="none",
            label=f"other Ritz values ({len(values)})", **looks,
        )  # fmt: skip
    _complex_axes(ax, result.label)
    legend = legend_below(ax, [axis, *(dots for dots in (filled, hollow) if dots is not None)])
    text = caption(ax, [f"{result.products} products; the Jacobian has {result.dim} eigenvalues."])
    return CloudArtists(filled, hollow, legend, text)


def numerical_range(ax: Axes, result: NumericalRange, spectrum: Spectrum | None = None) -> RangeArtists:
    """Draw the numerical range, the numerical abscissa and, if given, the eigenvalues within.

    To the right of the imaginary axis lies what grows at first; a stable point whose range reaches
    there amplifies some perturbations before they decay.

    Args:
        ax: axes to draw in.
        result: the numerical range.
        spectrum: eigenvalues of the same Jacobian.

    Returns:
        The artists.
    """
    values = spectrum.eigenvalues if spectrum is not None else np.zeros(0, complex)
    outline = result.outline
    complex_window(ax, np.concatenate([outline, values, [0.0]]))
    region = Polygon(
        np.column_stack([outline.real, outline.imag]), closed=True, label="numerical range", zorder=1,
        facecolor="#E6EEF5", edgecolor=OKABE_ITO["blue"], linewidth=1.0,
    )  # fmt: skip
    ax.add_patch(region)
    axis = ax.axvline(0.0, color=NEUTRAL, linewidth=0.8, zorder=2, label="imaginary axis")
    abscissa = ax.axvline(
        result.abscissa, color=GENERATOR, linestyle="--", linewidth=1.0, zorder=2, label="numerical abscissa"
    )
    dots = None
    keys: list[Artist] = [region, axis, abscissa]
    if spectrum is not None:
        dots = ax.scatter(
            values.real, values.imag, s=12, color=NEUTRAL, zorder=3, label=f"eigenvalues ({len(values)})"
        )
        keys.append(dots)
    _complex_axes(ax, result.label)
    legend = legend_below(ax, keys)
    text = caption(ax, [f"Fastest growth at once {result.abscissa:.3g} / flow time.", f"{result.message}."])
    return RangeArtists(region, abscissa, dots, legend, text)


def _complex_axes(ax: Axes, label: str) -> None:
    ax.set(xlabel=r"Re $\lambda$ (1 / flow time)", ylabel=r"Im $\lambda$ (1 / flow time)", title=label)
