"""Limit cycles in a plane, their periods under a parameter, sections of flows and orbit diagrams."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.legend import Legend
from matplotlib.lines import Line2D
from matplotlib.patches import FancyArrowPatch
from matplotlib.text import Annotation

from gandyn.cycles import Crossings, CycleBranch, LimitCycle, OrbitDiagram
from gandyn.plot.bifurcations import special_marks, stretches
from gandyn.plot.keys import caption, legend_below
from gandyn.plot.marks import axis_label, shown_entries
from gandyn.plot.styles import SHARED

__all__ = [
    "CycleArtists",
    "DotArtists",
    "PeriodArtists",
    "cycle_periods",
    "limit_cycles",
    "orbit_diagram",
    "section",
]

#: Line style of each verdict on a cycle.
_LINES = {"stable": "-", "unstable": (0, (4, 2)), "neutral": ":"}
_COLOUR = SHARED


@dataclass(frozen=True, eq=False)
class CycleArtists:
    """What ``limit_cycles`` drew.

    Args:
        lines: one closed line for each cycle.
        arrows: one arrow on each, along the flow.
        legend: the legend, below the axes.
        caption: period and leading Floquet exponent of each.
    """

    lines: tuple[Line2D, ...]
    arrows: tuple[FancyArrowPatch, ...]
    legend: Legend | None
    caption: Annotation | None


def limit_cycles(
    ax: Axes, cycles: LimitCycle | Sequence[LimitCycle], *, entries: tuple[str, str] | None = None
) -> CycleArtists:
    """Draw limit cycles in the plane of two entries: solid where stable, dashed where not, dotted if neutral.

    Args:
        ax: axes to draw in; they may hold a portrait of the same plane.
        cycles: one cycle or several, of systems with the same entries.
        entries: names of the horizontal and the vertical entry; by default those that the axes are labelled
            with, else the first two.

    Returns:
        The artists.

    Raises:
        ValueError: an unknown entry.

    Example:
        >>> from matplotlib.figure import Figure
        >>> from gandyn.cycles import limit_cycle
        >>> from gandyn.games import textbook
        >>> cycle = limit_cycle(textbook.van_der_pol(), np.array([1.0, 0.0]), progress=False)
        >>> limit_cycles(Figure().subplots(), cycle).lines[0].get_linestyle()
        '-'
    """
    cycles = [cycles] if isinstance(cycles, LimitCycle) else list(cycles)
    i, j = shown_entries(ax, cycles[0].names, entries)
    lines, arrows = [], []
    for cycle in cycles:
        (line,) = ax.plot(
            cycle.states[:, i], cycle.states[:, j], color=_COLOUR, linestyle=_LINES[cycle.stability],
            linewidth=1.4, label=f"{cycle.stability} limit cycle", zorder=4,
        )  # fmt: skip
        lines.append(line)
        arrows.append(_arrow(ax, cycle, i, j))
    ax.set(xlabel=axis_label(cycles[0].names[i]), ylabel=axis_label(cycles[0].names[j]))
    first = {line.get_label(): line for line in lines}
    notes = [
        f"Period {cycle.period:.5g}, leading exponent {_leading(cycle)} per unit of flow time."
        for cycle in cycles[:3]
    ]
    return CycleArtists(
        tuple(lines), tuple(arrows), legend_below(ax, list(first.values())), caption(ax, notes)
    )


def _index(names: Sequence[str], name: str) -> int:
    if name not in names:
        raise ValueError(f"entry must be one of {list(names)}, got {name!r}")
    return list(names).index(name)


def _leading(cycle: LimitCycle) -> str:
    """Return the leading exponent beside the trivial one, 0 where it cannot be told from it."""
    value = float(np.delete(cycle.exponents, cycle.trivial).real.max(initial=-np.inf))
    return "0" if cycle.stability == "neutral" else f"{value:.3g}"


def _arrow(ax: Axes, cycle: LimitCycle, i: int, j: int) -> FancyArrowPatch:
    """Draw an arrow head where the cycle passes its largest value of the vertical entry."""
    top = int(np.argmax(cycle.states[:-1, j]))
    here, ahead = cycle.states[top, [i, j]], cycle.states[top + 1, [i, j]]
    arrow = FancyArrowPatch(
        tuple(here), tuple(ahead), arrowstyle="-|>", mutation_scale=12, color=_COLOUR, linewidth=0, zorder=4
    )
    ax.add_patch(arrow)
    return arrow


@dataclass(frozen=True, eq=False)
class PeriodArtists:
    """What ``cycle_periods`` drew.

    Args:
        lines: the period along the branch, solid where stable, dashed where not.
        special: markers of special points, by kind.
        legend: the legend, below the axes.
    """

    lines: tuple[Line2D, ...]
    special: dict[str, Line2D]
    legend: Legend | None


def cycle_periods(ax: Axes, branch: CycleBranch) -> PeriodArtists:
    """Draw the period of the cycles of a branch over the parameter.

    Args:
        ax: axes to draw in.
        branch: the branch of cycles.

    Returns:
        The artists.
    """
    lines = tuple(_stretch(ax, branch, run, good) for run, good in stretches(branch.stable))
    values = [point.value for point in branch.special]
    nearest = [int(np.argmin(np.abs(branch.values - value))) for value in values]
    special = special_marks(ax, branch.special, values, branch.periods[nearest].tolist())
    ax.set(xlabel=axis_label(branch.parameter), ylabel="period, in flow time")
    ax.set_title(branch.label)
    first = {line.get_label(): line for line in lines}
    return PeriodArtists(lines, special, legend_below(ax, [*first.values(), *special.values()]))


def _stretch(ax: Axes, branch: CycleBranch, run: slice, stable: bool) -> Line2D:
    verdict = "stable" if stable else "unstable"
    (line,) = ax.plot(
        branch.values[run], branch.periods[run], color=_COLOUR, linestyle=_LINES[verdict],
        linewidth=1.4, label=f"{verdict} cycle", zorder=3,
    )  # fmt: skip
    return line


@dataclass(frozen=True, eq=False)
class DotArtists:
    """What ``section`` and ``orbit_diagram`` drew.

    Args:
        dots: the states.
        caption: how many there are, and what is missing.
    """

    dots: Line2D
    caption: Annotation | None


def section(ax: Axes, crossings: Crossings, *, entries: tuple[str, str] | None = None) -> DotArtists:
    """Draw the crossings of a section in the plane of two entries.

    Args:
        ax: axes to draw in.
        crossings: from ``poincare_section``.
        entries: names of the horizontal and the vertical entry; by default the first two that the section
            does not fix.

    Returns:
        The artists.

    Raises:
        ValueError: an unknown entry.
    """
    fixed = np.flatnonzero(crossings.normal)
    free = [name for k, name in enumerate(crossings.names) if len(fixed) != 1 or k != fixed[0]]
    names = entries or (free[0], (free[1:] or [crossings.names[int(fixed[0])]])[0])
    i, j = (_index(crossings.names, name) for name in names)
    (dots,) = ax.plot(
        crossings.states[:, i], crossings.states[:, j], linestyle="none", marker=".", markersize=2.5,
        color="black", markeredgewidth=0, zorder=3,
    )  # fmt: skip
    terms = " + ".join(
        (f"{weight:.3g} " if weight != 1 else "") + name
        for weight, name in zip(crossings.normal, crossings.names, strict=True)
        if weight
    )
    ax.set(xlabel=axis_label(names[0]), ylabel=axis_label(names[1]))
    ax.set_title(crossings.label)
    ending = "" if crossings.status == "finished" else f"; {crossings.status}"
    note = f"{len(crossings.times)} crossings of {terms} = {crossings.offset:.4g}{ending}."
    return DotArtists(dots, caption(ax, [note]))


def orbit_diagram(ax: Axes, diagram: OrbitDiagram, *, entry: str | None = None) -> DotArtists:
    """Draw where orbits settle over the parameter.

    Args:
        ax: axes to draw in.
        diagram: from ``gandyn.orbit_diagram``.
        entry: name of the entry that is drawn; the first one by default.

    Returns:
        The artists.

    Raises:
        ValueError: an unknown entry.
    """
    name = entry or diagram.names[0]
    states = diagram.states[:, :, _index(diagram.names, name)]
    values = np.repeat(diagram.values, states.shape[1])
    (dots,) = ax.plot(
        values, states.ravel(), linestyle="none", marker=",", color="black", alpha=0.35, rasterized=True,
        zorder=3,
    )  # fmt: skip
    ax.set(xlabel=axis_label(diagram.parameter), ylabel=axis_label(name))
    ax.set_xlim(float(diagram.values.min()), float(diagram.values.max()))
    ax.set_title(diagram.label)
    seen = "states" if diagram.clock == "map" else "crossings of the section"
    notes = [f"The last {states.shape[1]} {seen} for each of {len(diagram.values)} values."]
    missing = sum(status != "finished" for status in diagram.statuses)
    notes += [f"{missing} values without all of them."] if missing else []
    return DotArtists(dots, caption(ax, notes))
