"""Separation of nearby states: over a plane, along an orbit, and the angles of covariant vectors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.colorbar import Colorbar
from matplotlib.colors import Colormap, ListedColormap
from matplotlib.legend import Legend
from matplotlib.lines import Line2D
from matplotlib.patches import StepPatch
from matplotlib.text import Annotation

from gandyn.lyapunov import CovariantVectors, FiniteTime, Lyapunov
from gandyn.plot.keys import caption, colour_bar, legend_below, robust_norm
from gandyn.plot.marks import axis_label
from gandyn.plot.styles import NEUTRAL, NONFINITE, OKABE_ITO, SPEED_MAP

__all__ = [
    "AngleArtists",
    "FiniteTimeArtists",
    "LocalExponentArtists",
    "covariant_angles",
    "finite_time",
    "local_exponents",
]

_COLOURS = [OKABE_ITO[name] for name in ("vermillion", "blue", "bluish green", "orange", "sky blue")]
_BINS = 90


@dataclass(frozen=True, eq=False)
class FiniteTimeArtists:
    """What ``finite_time`` drew.

    Args:
        mesh: the exponents, by colour.
        colour_bar: its bar.
        caption: time, direction, and states that were lost.
    """

    mesh: QuadMesh
    colour_bar: Colorbar
    caption: Annotation | None


def finite_time(ax: Axes, found: FiniteTime) -> FiniteTimeArtists:
    """Draw finite-time exponents by colour, their ridges dark; grey where a state was lost.

    Draw manifolds over it with ``plot.manifolds``.

    Args:
        ax: axes to draw in.
        found: from ``gandyn.finite_time``.

    Returns:
        The artists.

    Example:
        >>> from matplotlib.figure import Figure
        >>> import gandyn
        >>> from gandyn.games.textbook import henon
        >>> plane = gandyn.coordinate_plane(henon().layout, "x", "y")
        >>> found = gandyn.finite_time(henon(), plane, 0.5, points=8, n_steps=5, progress=False)
        >>> finite_time(Figure().subplots(), found).mesh.get_array().shape
        (8, 8)
    """
    norm, extend = robust_norm(found.exponents, log=False)
    grey: Colormap = ListedColormap([NONFINITE])
    shape = found.exponents.shape
    ax.pcolormesh(found.a, found.b, np.zeros(shape), cmap=grey, shading="nearest", alpha=0.45, zorder=-1)
    mesh = ax.pcolormesh(
        found.a, found.b, np.ma.masked_invalid(found.exponents), cmap=SPEED_MAP, norm=norm, shading="nearest",
        rasterized=True, zorder=0,
    )  # fmt: skip
    across, up = found.plane.names
    ax.set(xlabel=axis_label(across), ylabel=axis_label(up))
    ax.set_title(found.label)
    bar = colour_bar(ax, mesh, "finite-time exponent,\nper unit of flow time", extend=extend)
    return FiniteTimeArtists(mesh, bar, caption(ax, _notes(found)))


def _notes(found: FiniteTime) -> list[str]:
    way = "Backwards" if found.time < 0 else "Forwards"
    notes = [f"{way} over a flow time of {abs(found.time):g}."]
    if found.within == "plane":
        notes.append("Directions of the plane alone.")
    if found.lost:
        notes.append(f"Grey: {found.lost} of {found.statuses.size} states diverged or stalled.")
    missing = int(np.sum(found.statuses == "not computed"))
    return [*notes, f"{missing} states were not computed."] if missing else notes


@dataclass(frozen=True, eq=False)
class LocalExponentArtists:
    """What ``local_exponents`` drew.

    Args:
        lines: one for each exponent.
        means: dashed lines at the averages.
        legend: the legend, below the axes.
        caption: over how long each local exponent is.
    """

    lines: tuple[Line2D, ...]
    means: tuple[Line2D, ...]
    legend: Legend | None
    caption: Annotation | None


def local_exponents(
    ax: Axes, found: Lyapunov | CovariantVectors, *, which: Sequence[int] | None = None
) -> LocalExponentArtists:
    """Draw the growth over each record against the time, with the averages as dashed lines.

    Args:
        ax: axes to draw in.
        found: from ``gandyn.lyapunov_spectrum``, whose ``record_every`` sets over how long each local
            exponent is; or from ``gandyn.covariant_vectors``.
        which: indices of the exponents that are drawn; the first three by default.

    Returns:
        The artists.
    """
    which = range(min(3, len(found.exponents))) if which is None else which
    edges = _edges(found)
    lines, means = [], []
    for number, i in enumerate(which):
        colour = _COLOURS[number % len(_COLOURS)]
        values = np.append(found.local[:, i], found.local[-1:, i])
        label = rf"$\lambda_{{{i + 1}}}$"
        (line,) = ax.plot(edges, values, color=colour, linewidth=0.9, drawstyle="steps-post", label=label)
        lines.append(line)
        means.append(ax.axhline(found.exponents[i], color=colour, linewidth=0.8, linestyle="--"))
    ax.axhline(0.0, color=NEUTRAL, linewidth=0.6, zorder=0)
    ax.set(xlabel="flow time", ylabel="local exponent,\nper unit of flow time")
    ax.set_title(found.label)
    notes = [f"Each over a flow time of {np.median(np.diff(edges)):.3g}. Dashed: averages."]
    return LocalExponentArtists(tuple(lines), tuple(means), legend_below(ax, lines), caption(ax, notes))


def _edges(found: Lyapunov | CovariantVectors) -> np.ndarray:
    """Return the times between records, one more than there are of these."""
    if isinstance(found, Lyapunov):
        return np.append(found.start, found.times)
    return np.append(found.times, found.times[-1:] + found.every)


@dataclass(frozen=True, eq=False)
class AngleArtists:
    """What ``covariant_angles`` drew.

    Args:
        histograms: one for each pair of vectors.
        splitting: that of the least angle between unstable and stable space, or None.
        legend: the legend, below the axes.
        caption: the least angle.
    """

    histograms: tuple[StepPatch, ...]
    splitting: StepPatch | None
    legend: Legend | None
    caption: Annotation | None


def covariant_angles(
    ax: Axes, found: CovariantVectors, *, pairs: Sequence[tuple[int, int]] | None = None
) -> AngleArtists:
    """Draw how often covariant vectors make each angle, and unstable with stable space.

    Hyperbolic orbits stay away from zero; what reaches it has tangencies.

    Args:
        ax: axes to draw in.
        found: from ``gandyn.covariant_vectors``.
        pairs: indices of the vectors of each histogram; all pairs of the first three by default.

    Returns:
        The artists.
    """
    k = min(3, len(found.exponents))
    pairs = [(i, j) for i in range(k) for j in range(i + 1, k)] if pairs is None else pairs
    angles, drawn = found.angles, []
    for number, (i, j) in enumerate(pairs):
        label = rf"$v_{{{i + 1}}}$ and $v_{{{j + 1}}}$"
        drawn.append(_histogram(ax, angles[:, i, j], _COLOURS[number % len(_COLOURS)], label))
    notes, splitting = [], None
    if found.unstable and found.stable:
        least = found.least_angle()
        notes.append(f"Least angle of unstable and stable space: {np.degrees(least.min()):.2g} degrees.")
        if len(found.unstable) + len(found.stable) > 2:
            splitting = _histogram(ax, least, OKABE_ITO["black"], "unstable and stable space")
    ax.set(xlabel="angle, degrees", ylabel="density, per degree", xlim=(0, 90))
    ax.set_ylim(bottom=0)
    ax.set_title(found.label)
    keys = [*drawn, *([splitting] if splitting else [])]
    return AngleArtists(tuple(drawn), splitting, legend_below(ax, keys), caption(ax, notes))


def _histogram(ax: Axes, angles: np.ndarray, colour: str, label: str) -> StepPatch:
    values, edges = np.histogram(np.degrees(angles), bins=_BINS, range=(0, 90), density=True)
    return ax.stairs(values, edges, color=colour, linewidth=1.1, label=label)
