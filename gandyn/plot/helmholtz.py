"""The parts of a Helmholtz decomposition side by side: gradient, rotation and what the boundary brings."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colorbar import Colorbar
from matplotlib.contour import QuadContourSet
from matplotlib.legend import Legend
from matplotlib.lines import Line2D
from matplotlib.streamplot import StreamplotSet
from matplotlib.text import Annotation
from matplotlib.ticker import MaxNLocator

from gandyn.plot.keys import caption, colour_bar, legend_below
from gandyn.plot.marks import axis_label, fixed_point_kind, fixed_point_marks
from gandyn.rotation import Helmholtz

__all__ = ["HelmholtzArtists", "PartArtists", "helmholtz"]

#: A part that is this much smaller than the velocity is rounding, and is not drawn.
_NOTHING = 1e-8


@dataclass(frozen=True, eq=False)
class PartArtists:
    """What ``helmholtz`` drew of one part; None where the part is zero.

    Args:
        filled: contours of the potential, of the stream function, or of the speed of the harmonic part.
        bar: their colour bar.
        streamlines: lines and arrows of the part.
        fixed_points: one artist a kind.
    """

    filled: QuadContourSet | None
    bar: Colorbar | None
    streamlines: StreamplotSet | None
    fixed_points: tuple[Line2D, ...]


@dataclass(frozen=True, eq=False)
class HelmholtzArtists:
    """What ``helmholtz`` drew.

    Args:
        gradient: contours of phi under streamlines of grad phi.
        rotation: contours of psi under streamlines of rot psi, which follow them.
        harmonic: contours of the speed of h under its streamlines.
        legend: the legend, below the axes in the middle, or the lowest.
        caption: boundary, residual and off-plane share, below it.
    """

    gradient: PartArtists
    rotation: PartArtists
    harmonic: PartArtists
    legend: Legend | None
    caption: Annotation | None


def helmholtz(
    axes: Sequence[Axes], split: Helmholtz, *, fixed_points: Iterable[Any] = (), density: float = 0.7
) -> HelmholtzArtists:
    """Draw gradient, rotation and harmonic part of a decomposition in three axes, each with its share.

    Shares are those of the energy, the integral of the squared in-plane velocity.

    Args:
        axes: three axes, side by side or below one another.
        split: the decomposition.
        fixed_points: drawn in each of them, as ``portrait`` takes them.
        density: density of the streamlines; 0.7 suits three axes across the page.

    Returns:
        The artists.

    Raises:
        ValueError: other than three axes, or an unknown kind of fixed point.

    Example:
        >>> from matplotlib.figure import Figure
        >>> from gandyn import rotation
        >>> from gandyn.games import catalogue
        >>> split = rotation.helmholtz(catalogue.make("dirac-r1"), (-2, 2), points=30, progress=False)
        >>> drawn = helmholtz(Figure(figsize=(7, 3)).subplots(1, 3), split)
        >>> drawn.gradient.bar.ax.get_xlabel().split()[0]
        'potential'
    """
    panels, points = list(np.ravel(np.asarray(axes, dtype=object))), list(fixed_points)
    if len(panels) != 3:
        raise ValueError(
            f"a decomposition is drawn in three axes, got {len(panels)}; make them with subplots(1, 3)"
        )
    for point in points:
        fixed_point_kind(point)
    speed = np.sqrt(np.einsum("...i,ij,...j", split.harmonic, split.plane.gram, split.harmonic))
    whole = np.abs(split.gradient + split.rotation + split.harmonic).max()
    potential, stream = r"potential $\phi$", r"stream function $\psi$"
    looks = (
        ("gradient", split.gradient, split.potential, potential, "cividis", split.gradient_share),
        ("rotation", split.rotation, split.stream, stream, "cividis", split.rotation_share),
        ("harmonic", split.harmonic, speed, "speed of the harmonic part", "viridis_r", split.harmonic_share),
    )
    drawn = []
    for ax, (name, part, values, label, colours, share) in zip(panels, looks, strict=True):
        there = np.abs(part).max() > _NOTHING * whole
        filled, bar = _contours(ax, split, values, label, colours) if there else (None, None)
        lines = _streamlines(ax, split, part, density) if there else None
        marks, _ = fixed_point_marks(ax, split.plane, points)
        ax.set(xlim=split.a[[0, -1]], ylim=split.b[[0, -1]], xlabel=axis_label(split.plane.names[0]))
        ax.set_title(f"{name}, {share:.0%}" if there else f"no {name}")
        drawn.append(PartArtists(filled, bar, lines, tuple(marks)))
    beside = np.ptp([ax.get_position().y0 for ax in panels]) < 0.01
    for ax in panels[:1] if beside else panels:
        ax.set_ylabel(axis_label(split.plane.names[1]))
    under = panels[1] if beside else panels[2]
    legend = legend_below(under, drawn[1].fixed_points)
    gradient, rotation, harmonic = drawn
    return HelmholtzArtists(gradient, rotation, harmonic, legend, caption(under, _notes(split)))


def _contours(
    ax: Axes, split: Helmholtz, values: np.ndarray, label: str, colours: str
) -> tuple[QuadContourSet, Colorbar]:
    levels = MaxNLocator(10).tick_values(values.min(), values.max())
    grid = split.a, split.b, values
    filled = ax.contourf(*grid, levels=levels, cmap=mpl.colormaps[colours], alpha=0.75)
    ax.contour(*grid, levels=levels, colors="white", linewidths=0.5, linestyles="solid")
    bar = colour_bar(ax, filled, label, location="top", aspect=18, ticks=MaxNLocator(4))
    return filled, bar


def _streamlines(ax: Axes, split: Helmholtz, part: np.ndarray, density: float) -> StreamplotSet:
    across, up = np.moveaxis(part / np.abs(part).max(), -1, 0)
    a, b = (np.linspace(grid[0], grid[-1], len(grid)) for grid in (split.a, split.b))
    return ax.streamplot(
        a, b, across, up, color="black", density=density, linewidth=0.6, arrowsize=0.7, zorder=2
    )


def _notes(split: Helmholtz) -> list[str]:
    higher = split.plane.layout.dim > 2
    return [
        f"Shares of the energy, {split.boundary}.",
        f"They overlap by {split.overlap:.1%}." if abs(split.overlap) > 1e-3 else "",
        f"Residual: {split.residual:.1g}.",
        f"Median off-plane share: {np.median(split.off_plane_share):.3g}." if higher else "",
    ]
