"""Bifurcation diagrams, eigenvalue loci under a parameter, and regions of stability."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, QuadMesh
from matplotlib.colorbar import Colorbar
from matplotlib.colors import TwoSlopeNorm
from matplotlib.contour import QuadContourSet
from matplotlib.legend import Legend
from matplotlib.lines import Line2D
from matplotlib.text import Annotation

from gandyn.bifurcations import Branch, SpecialPoint, StabilityRegion
from gandyn.plot.keys import caption, colour_bar, legend_below
from gandyn.plot.marks import axis_label
from gandyn.plot.styles import NEUTRAL, OKABE_ITO, SHARED, SPEED_MAP

__all__ = [
    "SPECIAL_MARKS",
    "DiagramArtists",
    "LocusArtists",
    "RegionArtists",
    "bifurcation_diagram",
    "eigenvalue_locus",
    "special_marks",
    "stability_region",
    "stretches",
]

#: Marker and colour of each kind of special point.
SPECIAL_MARKS: dict[str, tuple[str, str]] = {
    "fold": ("v", OKABE_ITO["orange"]),
    "branch point": ("P", OKABE_ITO["bluish green"]),
    "Hopf": ("D", OKABE_ITO["vermillion"]),
    "period doubling": ("s", OKABE_ITO["blue"]),
    "Neimark-Sacker": ("D", OKABE_ITO["vermillion"]),
}
_CYCLE = SHARED


@dataclass(frozen=True, eq=False)
class DiagramArtists:
    """What ``bifurcation_diagram`` drew.

    Args:
        stable: solid lines, one for each stable stretch.
        unstable: dashed lines, one for each unstable stretch.
        cycles: lines of the least and the largest value on cycles.
        special: markers of special points, by kind.
        legend: the legend, below the axes.
        caption: where the special points are.
    """

    stable: tuple[Line2D, ...]
    unstable: tuple[Line2D, ...]
    cycles: tuple[Line2D, ...]
    special: dict[str, Line2D]
    legend: Legend | None
    caption: Annotation | None


def bifurcation_diagram(
    ax: Axes, branches: Branch | Sequence[Branch], *, entry: str | None = None, cycles: Sequence[Any] = ()
) -> DiagramArtists:
    """Draw one entry of the fixed points over the parameter: solid where stable, dashed where not.

    Args:
        ax: axes to draw in.
        branches: one branch or several, of one parameter.
        entry: name of the entry that is drawn; the first one by default.
        cycles: branches of limit cycles, with ``values`` (m,), ``minima`` and ``maxima`` (m, n) and
            ``stable`` (m,): their least and largest values, filled where stable, hollow where not.

    Returns:
        The artists.

    Raises:
        ValueError: branches of different parameters, or an unknown entry.

    Example:
        >>> from matplotlib.figure import Figure
        >>> from gandyn.bifurcations import continue_fixed_point
        >>> from gandyn.games import catalogue
        >>> branch = continue_fixed_point(catalogue.make("hopf", mu=-0.5), np.zeros(2), "mu", (-0.5, 0.5),
        ...                               progress=False)
        >>> sorted(bifurcation_diagram(Figure().subplots(), branch).special)
        ['Hopf']
    """
    branches = [branches] if isinstance(branches, Branch) else list(branches)
    names = {branch.parameter for branch in branches}
    if len(names) != 1:
        raise ValueError(f"the branches of a diagram share their parameter, got {sorted(names)}")
    entries = branches[0].names
    if entry is not None and entry not in entries:
        raise ValueError(f"entry must be one of {list(entries)}, got {entry!r}")
    at = 0 if entry is None else entries.index(entry)
    runs = [run for branch in branches for run in _runs(branch, at)]
    stable = tuple(_line(ax, *xy, "-", "stable") for xy, good in runs if good)
    unstable = tuple(_line(ax, *xy, (0, (4, 2)), "unstable") for xy, good in runs if not good)
    envelopes = tuple(line for cycle in cycles for line in _envelope(ax, cycle, at))
    points = list({id(p): p for branch in branches for p in branch.special}.values())
    special = special_marks(ax, points, [p.value for p in points], [float(p.x[at]) for p in points])
    ax.set(xlabel=axis_label(branches[0].parameter), ylabel=axis_label(entries[at]))
    ax.set_title(branches[0].label)
    first = {line.get_label(): line for line in (*stable, *unstable, *envelopes)}
    legend = legend_below(ax, [*first.values(), *special.values()])
    return DiagramArtists(stable, unstable, envelopes, special, legend, caption(ax, _places(points)))


def _line(ax: Axes, x: np.ndarray, y: np.ndarray, style: Any, label: str) -> Line2D:
    colour = "black" if label == "stable" else NEUTRAL
    (line,) = ax.plot(
        x, y, color=colour, linestyle=style, linewidth=1.3, label=f"{label} fixed point", zorder=3
    )
    return line


def _runs(branch: Branch, at: int) -> list[tuple[tuple[np.ndarray, np.ndarray], bool]]:
    """Return the stretches of a branch of one stability; neighbours share their border point."""
    return [((branch.values[run], branch.x[run, at]), good) for run, good in stretches(branch.stable)]


def stretches(stable: np.ndarray) -> list[tuple[slice, bool]]:
    """Return the runs of one stability along a branch, each with the last point of the run before it."""
    borders = (np.flatnonzero(stable[1:] != stable[:-1]) + 1).tolist()
    ends = zip([0, *borders], [*borders, len(stable)], strict=True)
    return [(slice(max(start - 1, 0), stop), bool(stable[start])) for start, stop in ends]


def _envelope(ax: Axes, cycle: Any, at: int) -> list[Line2D]:
    lines = []
    for stable, face in ((True, _CYCLE), (False, "white")):
        chosen = np.asarray(cycle.stable, dtype=bool) == stable
        if chosen.any():
            values = np.tile(np.asarray(cycle.values)[chosen], 2)
            ends = np.concatenate([cycle.minima[chosen, at], cycle.maxima[chosen, at]])
            (line,) = ax.plot(
                values, ends, linestyle="none", marker="o", markersize=2.6, color=_CYCLE, zorder=2,
                markerfacecolor=face, markeredgewidth=0.6,
                label=f"{'stable' if stable else 'unstable'} cycle, least and largest",
            )  # fmt: skip
            lines.append(line)
    return lines


def special_marks(
    ax: Axes, points: Sequence[SpecialPoint], x: Sequence[float], y: Sequence[float]
) -> dict[str, Line2D]:
    """Mark special points at (x, y), one artist for each kind."""
    artists: dict[str, Line2D] = {}
    for kind in dict.fromkeys(point.kind for point in points):
        marker, colour = SPECIAL_MARKS[kind]
        chosen = [i for i, point in enumerate(points) if point.kind == kind]
        (artists[kind],) = ax.plot(
            [x[i] for i in chosen], [y[i] for i in chosen], linestyle="none", marker=marker, markersize=6,
            color=colour, markeredgecolor="white", markeredgewidth=0.6, label=kind, zorder=5,
        )  # fmt: skip
    return artists


def _places(points: Sequence[SpecialPoint]) -> list[str]:
    return [
        f"{point.kind} at {point.parameter} = {_rounded(point):.6g}"
        + (f", {point.criticality}." if point.criticality else ".")
        for point in points
    ]


def _rounded(point: SpecialPoint) -> float:
    """Return the value of the parameter, 0 where its interval cannot tell it from 0."""
    return 0.0 if point.interval[0] <= 0 <= point.interval[1] else point.value


@dataclass(frozen=True, eq=False)
class LocusArtists:
    """What ``eigenvalue_locus`` drew.

    Args:
        loci: the eigenvalues along the branch, coloured by the parameter.
        boundary: the imaginary axis, or the unit circle.
        special: markers where a mode crosses it.
        bar: colour bar of the parameter.
        legend: the legend, below the axes.
    """

    loci: tuple[LineCollection, ...]
    boundary: Line2D
    special: dict[str, Line2D]
    bar: Colorbar
    legend: Legend | None


def eigenvalue_locus(ax: Axes, branch: Branch) -> LocusArtists:
    """Draw how the eigenvalues move in the complex plane under the parameter of a branch.

    Args:
        ax: axes to draw in.
        branch: the branch of fixed points.

    Returns:
        The artists.

    Example:
        >>> from matplotlib.figure import Figure
        >>> from gandyn.bifurcations import continue_fixed_point
        >>> from gandyn.games import catalogue
        >>> branch = continue_fixed_point(catalogue.make("dirac-r1"), np.zeros(2), "gamma", (0.0, 2.0),
        ...                               progress=False)
        >>> len(eigenvalue_locus(Figure().subplots(), branch).loci)
        2
    """
    paths = _followed(branch.eigenvalues)
    loci = tuple(_coloured(ax, path, branch.values) for path in paths.T)
    if branch.clock == "map":
        angle = np.linspace(0, 2 * np.pi, 361)
        (boundary,) = ax.plot(np.cos(angle), np.sin(angle), color=NEUTRAL, linewidth=0.8, label="unit circle")
        ax.set_aspect("equal", adjustable="datalim")
    else:
        boundary = ax.axvline(0.0, color=NEUTRAL, linewidth=0.8, label="stable to the left")
    crossing = [p for p in branch.special if p.kind in ("Hopf", "Neimark-Sacker", "period doubling")]
    values = [_crossing_value(p, branch.clock) for p in crossing]
    special = special_marks(ax, crossing, [v.real for v in values], [v.imag for v in values])
    ax.margins(0.08)
    ax.autoscale_view()
    ax.set(
        xlabel="real part" + ("" if branch.clock == "map" else ", per unit of flow time"),
        ylabel="imaginary part",
    )
    ax.set_title(branch.label)
    bar = colour_bar(ax, loci[0], axis_label(branch.parameter))
    return LocusArtists(loci, boundary, special, bar, legend_below(ax, [boundary, *special.values()]))


def _followed(values: np.ndarray) -> np.ndarray:
    """Return the eigenvalues, shape (m, n), each column one mode followed along the branch."""
    followed = values.copy()
    for k in range(1, len(values)):
        left = list(range(values.shape[1]))
        for i, value in enumerate(followed[k - 1].tolist()):
            nearest = min(left, key=lambda j, value=value, k=k: abs(values[k, j] - value))  # type: ignore[misc]
            left.remove(nearest)
            followed[k, i] = values[k, nearest]
    return followed


def _coloured(ax: Axes, path: np.ndarray, values: np.ndarray) -> LineCollection:
    points = np.stack([path.real, path.imag], axis=-1)
    lines = LineCollection(
        np.stack([points[:-1], points[1:]], axis=1).tolist(), cmap=SPEED_MAP, linewidths=2.0, zorder=3
    )
    lines.set_array((values[1:] + values[:-1]) / 2)
    lines.set_clim(float(values.min()), float(values.max()))
    ax.add_collection(lines)
    return lines


def _crossing_value(point: SpecialPoint, clock: str) -> complex:
    off = np.abs(np.abs(point.eigenvalues) - 1) if clock == "map" else np.abs(point.eigenvalues.real)
    return complex(point.eigenvalues[np.argmin(off)])


@dataclass(frozen=True, eq=False)
class RegionArtists:
    """What ``stability_region`` drew.

    Args:
        growth: the growth rate: blue where stable, red where not.
        boundary: where it vanishes, or None.
        bar: colour bar of the growth rate.
        caption: what the picture shows, and where no fixed point was found.
    """

    growth: QuadMesh
    boundary: QuadContourSet | None
    bar: Colorbar
    caption: Annotation | None


def stability_region(ax: Axes, region: StabilityRegion) -> RegionArtists:
    """Draw where a fixed point is stable over two parameters: blue decays, red grows.

    Args:
        ax: axes to draw in.
        region: the growth rate over the grid.

    Returns:
        The artists.

    Example:
        >>> from matplotlib.figure import Figure
        >>> from gandyn import bifurcations
        >>> from gandyn.games import catalogue
        >>> region = bifurcations.stability_region(catalogue.make("dirac-r1"), np.zeros(2),
        ...     {"gamma": (-1.0, 1.0)}, {"kappa": (0.5, 2.0)}, points=(5, 3), progress=False)
        >>> stability_region(Figure().subplots(), region).boundary is not None
        True
    """
    growth = np.ma.masked_invalid(region.growth)
    largest = float(np.quantile(np.abs(growth.compressed()), 0.8)) if growth.count() else 1.0
    norm = TwoSlopeNorm(0.0, -largest or -1.0, largest or 1.0)
    mesh = ax.pcolormesh(
        region.a, region.b, growth, cmap="RdBu_r", norm=norm, shading="nearest", rasterized=True, zorder=0
    )
    boundary = None
    if growth.count() and growth.min() < 0 < growth.max():
        boundary = ax.contour(region.a, region.b, growth, levels=[0.0], colors="black", linewidths=1.3)
    ax.set(xlabel=axis_label(region.across), ylabel=axis_label(region.up))
    ax.set_title(region.label)
    bar = colour_bar(ax, mesh, "largest growth rate, per unit of flow time", extend="both")
    missing = int(growth.size - growth.count())
    notes = ["Blue: stable. Black line: the boundary, growth 0."]
    notes += [f"No fixed point found at {missing} of {growth.size} grid points."] if missing else []
    return RegionArtists(mesh, boundary, bar, caption(ax, notes))
