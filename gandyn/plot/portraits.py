"""Phase portraits: the velocity on a plane, its nullclines, fixed points and trajectories."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.colorbar import Colorbar
from matplotlib.contour import QuadContourSet
from matplotlib.legend import Legend
from matplotlib.lines import Line2D
from matplotlib.streamplot import StreamplotSet
from matplotlib.text import Annotation

from gandyn.arrays import to_numpy
from gandyn.planes import FieldSlice, Plane
from gandyn.plot.keys import caption, colour_bar, legend_below, robust_norm, sentences
from gandyn.plot.marks import (
    PATH_COLOURS,
    axis_label,
    continuum_marks,
    finished,
    fixed_point_kind,
    fixed_point_marks,
    nonfinite_marks,
    path_marks,
    plane_coordinates,
)
from gandyn.plot.nullclines import pole_crossings, zero_set
from gandyn.plot.styles import OFF_PLANE_MAP, PLAYERS, SHARED, SPEED_MAP

__all__ = ["PortraitArtists", "portrait"]

Line = Literal["solid", "dashed"]


@dataclass(frozen=True, eq=False)
class PortraitArtists:
    """What ``portrait`` drew; None or empty where there was nothing to draw.

    Args:
        streamlines: lines and arrows.
        speed_bar: colour bar of the speed.
        shading: off-plane share; drawn where the system has more dimensions than the plane.
        shading_bar: colour bar of the off-plane share.
        nullclines: where the horizontal, then the vertical component of the velocity vanishes.
        paths: one line a trajectory.
        fixed_points: one artist a kind, then those of continua.
        nonfinite: crosses at grid points whose velocity is not finite.
        legend: the legend, below the axes.
        caption: window, counts and shares, below the legend.
    """

    streamlines: StreamplotSet | None
    speed_bar: Colorbar | None
    shading: QuadMesh | None
    shading_bar: Colorbar | None
    nullclines: tuple[QuadContourSet | None, ...]
    paths: tuple[Line2D, ...]
    fixed_points: tuple[Line2D, ...]
    nonfinite: Line2D | None
    legend: Legend | None
    caption: Annotation | None


def portrait(
    ax: Axes,
    field_slice: FieldSlice,
    *,
    nullclines: bool = True,
    trajectories: Iterable[Any] = (),
    fixed_points: Iterable[Any] = (),
    density: float = 1.0,
) -> PortraitArtists:
    """Draw the velocity on a plane as streamlines coloured by speed.

    Colour is the norm of the whole velocity, on a log scale. Where the system has more dimensions than
    the plane, grey shading shows the share of the velocity that leaves the plane: streamlines on dark
    ground are not trajectories. Nullclines are the zero sets of the two components of the velocity in
    plane coordinates, interpolated linearly; each has the colour of the player that owns its axis.

    Args:
        ax: axes to draw in.
        field_slice: the sampled velocity.
        nullclines: draw the nullclines.
        trajectories: results with ``x`` (T, n) or ``coordinates`` (T, 2), or arrays (T, 2) in plane
            coordinates; drawn at their projection.
        fixed_points: what a search found, or objects with ``x`` (n,) and ``kind``, tuples (a, b, kind) in
            plane coordinates, and continua with ``samples`` (m, n), drawn at their projection.
        density: density of the streamlines; 1 suits an axes of a paper column.

    Returns:
        The artists.

    Raises:
        ValueError: fewer than 2 points along an axis, an unknown kind of fixed point, or a trajectory of
            another width.

    Example:
        >>> from matplotlib.figure import Figure
        >>> from gandyn.field import Layout, VectorField
        >>> from gandyn.planes import coordinate_plane, sample
        >>> layout = Layout.scalars(generator=["x"], discriminator=["y"])
        >>> bilinear = VectorField(lambda x, t: np.stack([-x[..., 1], x[..., 0]], axis=-1), layout)
        >>> plane = coordinate_plane(layout, "y", "x")
        >>> slice_ = sample(bilinear, plane, points=9)
        >>> drawn = portrait(Figure().subplots(), slice_, fixed_points=[(0, 0, "centre")])
        >>> [bool(line) for line in drawn.nullclines]
        [True, True]
    """
    if min(len(field_slice.a), len(field_slice.b)) < 2:
        shape = len(field_slice.a), len(field_slice.b)
        raise ValueError(
            f"a portrait needs at least 2 points along each axis, got {shape}; sample with points=25"
        )
    paths = [(plane_coordinates(field_slice.plane, path), finished(path)) for path in trajectories]
    given = [*fixed_points, *getattr(fixed_points, "continua", ())]
    continua = [entry for entry in given if hasattr(entry, "samples")]
    points = [entry for entry in given if not hasattr(entry, "samples")]
    for point in points:
        fixed_point_kind(point)
    shading, shading_bar = _shade(ax, field_slice)
    streamlines, speed_bar = _streamlines(ax, field_slice, density)
    zero_sets = _nullclines(ax, field_slice) if nullclines else ()
    lines = [
        path_marks(ax, xy, colour=PATH_COLOURS[i % len(PATH_COLOURS)], whole=whole)
        for i, (xy, whole) in enumerate(paths)
    ]
    marks, off_plane = fixed_point_marks(ax, field_slice.plane, points)
    marks += continuum_marks(ax, field_slice.plane, continua)
    finite = np.where(np.isfinite(field_slice.velocity).all(axis=-1), field_slice.speed, np.nan)
    crosses = nonfinite_marks(ax, field_slice.a, field_slice.b, finite)

    ax.set(xlim=field_slice.a[[0, -1]], ylim=field_slice.b[[0, -1]])
    ax.set_title(field_slice.label)
    ax.set(xlabel=axis_label(field_slice.plane.names[0]), ylabel=axis_label(field_slice.plane.names[1]))
    keys: list[Any] = [*_nullcline_keys(field_slice.plane, zero_sets), *marks]
    keys += [*{line.get_label(): line for line in lines}.values(), *([crosses] if crosses else [])]
    legend = legend_below(ax, keys)
    poles = pole_crossings(field_slice.velocity) if nullclines else 0
    leaving = sum(_leaves(field_slice, xy) for xy, _ in paths)
    text = caption(ax, _notes(field_slice, poles, off_plane, leaving))
    return PortraitArtists(
        streamlines, speed_bar, shading, shading_bar, zero_sets, tuple(lines), tuple(marks), crosses, legend,
        text,
    )  # fmt: skip


def _shade(ax: Axes, field_slice: FieldSlice) -> tuple[QuadMesh | None, Colorbar | None]:
    if field_slice.plane.layout.dim <= 2:
        return None, None
    share = np.ma.masked_invalid(field_slice.off_plane_share)
    shading = ax.pcolormesh(
        field_slice.a,
        field_slice.b,
        share,
        cmap=OFF_PLANE_MAP,
        vmin=0.0,
        vmax=1.0,
        shading="nearest",
        zorder=0.5,
        rasterized=True,
    )
    return shading, colour_bar(ax, shading, "off-plane share of the velocity", location="bottom")


def _streamlines(
    ax: Axes, field_slice: FieldSlice, density: float
) -> tuple[StreamplotSet | None, Colorbar | None]:
    velocity = np.ma.masked_invalid(field_slice.velocity)
    largest = np.abs(velocity).max()
    if largest is np.ma.masked or not largest > 0:
        return None, None
    across, up = np.moveaxis(velocity / largest, -1, 0)
    norm, extend = robust_norm(field_slice.speed, log=True)
    lines = ax.streamplot(
        field_slice.a, field_slice.b, across, up, color=np.ma.masked_invalid(field_slice.speed), norm=norm,
        cmap=SPEED_MAP, density=density, linewidth=0.9, arrowsize=0.8, zorder=2,
    )  # fmt: skip
    return lines, colour_bar(ax, lines.lines, "speed, per unit of flow time", extend=extend)


def _nullclines(ax: Axes, field_slice: FieldSlice) -> tuple[QuadContourSet | None, ...]:
    components = np.moveaxis(field_slice.velocity, -1, 0)
    return tuple(
        zero_set(ax, field_slice.a, field_slice.b, values, colour=colour, line=line)
        for values, (_, colour, line) in zip(components, _looks(field_slice.plane), strict=True)
    )


def _looks(plane: Plane) -> list[tuple[str, str, Line]]:
    """Return label, colour and line of each axis' nullcline; two of one colour differ in their line."""
    blocks = plane.layout.blocks
    players = np.repeat([block.player for block in blocks], [block.size for block in blocks])
    owners = [np.unique(players[to_numpy(axis) != 0]) for axis in plane.axes]
    names = [str(owner[0]) if owner.size == 1 else "" for owner in owners]
    colours = [PLAYERS.get(name, SHARED) for name in names]
    lines: tuple[Line, Line] = ("solid", "dashed" if colours[0] == colours[1] else "solid")
    labels = [
        f"{axis_label(axis).split(' (')[0]} nullcline"
        + (f" ({name})" if name in ("generator", "discriminator") else "")
        for axis, name in zip(plane.names, names, strict=True)
    ]
    return list(zip(labels, colours, lines, strict=True))


def _nullcline_keys(plane: Plane, zero_sets: Iterable[QuadContourSet | None]) -> list[Line2D]:
    return [
        Line2D([], [], color=colour, linestyle=line, linewidth=1.3, label=label)
        for drawn, (label, colour, line) in zip(zero_sets, _looks(plane), strict=False)
        if drawn is not None
    ]


def _leaves(field_slice: FieldSlice, xy: np.ndarray) -> bool:
    """Return whether a path leaves the window."""
    (left, right), (low, high) = field_slice.a[[0, -1]], field_slice.b[[0, -1]]
    inside = (xy[:, 0] >= left) & (xy[:, 0] <= right) & (xy[:, 1] >= low) & (xy[:, 1] <= high)
    return not inside.all()


def _notes(field_slice: FieldSlice, poles: int, off_plane: int, leaving: int) -> list[str]:
    """Return what the caption says: window, what is not finite, what the plane does not show."""
    (left, right), (low, high) = field_slice.a[[0, -1]], field_slice.b[[0, -1]]
    points = field_slice.velocity[..., 0]
    share = field_slice.off_plane_share[np.isfinite(field_slice.off_plane_share)]
    higher = field_slice.plane.layout.dim > 2 and share.size
    bad, size, (rows, columns) = field_slice.nonfinite, points.size, points.shape
    drawn = higher or field_slice.clock == "map"
    cosine = np.array(np.nan) if field_slice.cosine is None else field_slice.cosine
    return [
        f"Window [{left:.3g}, {right:.3g}] × [{low:.3g}, {high:.3g}], {columns} × {rows} points.",
        f"Not finite: {bad} of {size}." if bad else "",
        f"Median off-plane share: {np.median(share):.3g}." if higher else "",
        f"Drawn: {field_slice.quantity}." if drawn else "",
        f"Median cosine with the field: {np.nanmedian(cosine):.2g}." if np.isfinite(cosine).any() else "",
        f"Nullclines are cut at poles: {poles} cell edges." if poles else "",
        f"Fixed points off the plane, projected: {off_plane}." if off_plane else "",
        f"Trajectories that leave the window: {leaving}." if leaving else "",
        *sentences(field_slice.plane.notes),
    ]
