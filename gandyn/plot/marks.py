"""Marks on a plane: fixed points by kind, paths with start and end, points that are not finite."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patheffects import withStroke

from gandyn.arrays import to_numpy
from gandyn.planes import Plane
from gandyn.plot.styles import NONFINITE, OKABE_ITO

__all__ = [
    "FIXED_POINT_MARKS",
    "PATH_COLOURS",
    "axis_label",
    "continuum_marks",
    "finished",
    "fixed_point_kind",
    "fixed_point_marks",
    "nonfinite_marks",
    "path_marks",
    "plane_coordinates",
    "shown_entries",
]

#: Marker and fill of each kind: a circle does not rotate, a square does; filled attracts, hollow repels.
FIXED_POINT_MARKS: dict[str, tuple[str, str]] = {
    "stable node": ("o", "full"),
    "unstable node": ("o", "none"),
    "stable focus": ("s", "full"),
    "unstable focus": ("s", "none"),
    "centre": ("D", "left"),
    "saddle": ("X", "full"),
    "stable": ("h", "full"),
    "unstable": ("h", "none"),
    "non-hyperbolic": ("P", "none"),
}

#: Colours of paths in turn; none of them is a player's.
PATH_COLOURS = (OKABE_ITO["black"], OKABE_ITO["bluish green"], OKABE_ITO["orange"], OKABE_ITO["sky blue"])

#: Colour of continua of fixed points.
CONTINUUM = OKABE_ITO["black"]

_SYMBOL = re.compile(
    "([A-Za-z]|alpha|beta|gamma|delta|epsilon|theta|kappa|lambda|mu|phi|psi|rho|sigma|omega)(?:_([A-Za-z0-9]+))?"
)


def axis_label(name: str) -> str:
    """Return a name of a parameter as it is typeset: one letter or a Greek one, with its index.

    Args:
        name: name of an axis of a plane.

    Returns:
        Mathematical text for short symbols; any other name as it is, without accidental mathematics.

    Example:
        >>> axis_label("b_d"), axis_label("theta"), axis_label("main.0.weight[3]")
        ('$b_{d}$', '$\\\\theta$', 'main.0.weight[3]')
    """
    match = _SYMBOL.fullmatch(name)
    if not match:
        return name.replace("$", r"\$")
    symbol = match[1] if len(match[1]) == 1 else f"\\{match[1]}"
    return f"${symbol}_{{{match[2]}}}$" if match[2] else f"${symbol}$"


def shown_entries(ax: Axes, names: Sequence[str], entries: tuple[str, str] | None) -> tuple[int, int]:
    """Return which entries of a state lie on the two axes.

    Args:
        ax: axes that may be labelled already, by a portrait or a basin map.
        names: of the entries of the state.
        entries: names of the horizontal and the vertical one; None for those that the axes are labelled
            with, else the first two.

    Raises:
        ValueError: an unknown name, or a state of one entry.
    """
    if entries is None:
        labels = [axis_label(name) for name in names]
        here = (ax.get_xlabel(), ax.get_ylabel())
        if all(label in labels for label in here):
            return labels.index(here[0]), labels.index(here[1])
    chosen = entries or tuple(names[:2])
    unknown = [name for name in chosen if name not in names]
    if unknown or len(chosen) != 2:
        raise ValueError(f"entries must be two of {list(names)}, got {chosen}")
    return list(names).index(chosen[0]), list(names).index(chosen[1])


def nonfinite_marks(ax: Axes, a: np.ndarray, b: np.ndarray, values: np.ndarray) -> Line2D | None:
    """Mark with a cross every grid point where ``values``, shape (nb, na), are not finite."""
    rows, columns = np.nonzero(~np.isfinite(values))
    if rows.size == 0:
        return None
    (marks,) = ax.plot(
        a[columns], b[rows], linestyle="none", marker="x", markersize=3.0, markeredgewidth=0.7,
        color=NONFINITE, label=f"not finite ({rows.size})", zorder=2.5,
    )  # fmt: skip
    return marks


def fixed_point_marks(ax: Axes, plane: Plane, fixed_points: Iterable[Any]) -> tuple[list[Line2D], int]:
    """Mark fixed points by kind, one artist a kind; those off the plane are drawn fainter.

    Args:
        ax: axes to draw in.
        plane: the plane of the picture.
        fixed_points: objects with ``x`` of shape (n,) and ``kind``, or tuples (a, b, kind) in plane
            coordinates.

    Returns:
        The artists, and how many points lie off the plane and are drawn at their projection.

    Raises:
        ValueError: a kind without a mark.
    """
    placed = [(_place(plane, point), point) for point in fixed_points]
    artists, off = [], sum(away for (_, away), _ in placed)
    for kind, away in dict.fromkeys((fixed_point_kind(point), away) for (_, away), point in placed):
        marker, fill = FIXED_POINT_MARKS[kind]
        at = np.array(
            [xy for (xy, apart), point in placed if (fixed_point_kind(point), apart) == (kind, away)]
        )
        look: dict[str, Any] = {"marker": marker, "fillstyle": fill, "alpha": 0.4 if away else 1.0}
        (marks,) = ax.plot(
            at[:, 0], at[:, 1], linestyle="none", markersize=6.5, color="black", markerfacecoloralt="white",
            markeredgewidth=1.2, label=kind + (" (off plane)" if away else ""), zorder=6, **look,
        )  # fmt: skip
        if fill == "none":
            marks.set(fillstyle="full", markerfacecolor="white")
        if marker == "X":
            marks.set(markeredgecolor="white", markeredgewidth=0.6, markersize=8.0)
        artists.append(marks)
    return artists, off


def continuum_marks(ax: Axes, plane: Plane, continua: Iterable[Any]) -> list[Line2D]:
    """Mark each continuum of fixed points by its samples; a sample is hollow where the set does not attract.

    Args:
        ax: axes to draw in.
        plane: the plane of the picture, on which the samples are projected.
        continua: objects with ``samples`` of shape (m, n) and ``transverse_growth`` of shape (m,).

    Returns:
        The artists, one for attracting samples and one for the others.
    """
    artists: list[Line2D] = []
    if not (continua := list(continua)):
        return artists
    at = np.concatenate([plane.coordinates(continuum.samples) for continuum in continua])
    attracts = np.concatenate([continuum.transverse_growth < 0 for continuum in continua])
    for chosen, face, note in ((attracts, CONTINUUM, "attracting"), (~attracts, "white", "not attracting")):
        if chosen.any():
            artists += ax.plot(
                *at[chosen].T, linestyle="none", marker="o", markersize=3.4, color=CONTINUUM,
                markerfacecolor=face, markeredgewidth=0.8, zorder=5.5,
                label=f"continuum of fixed points, {note}",
            )  # fmt: skip
    return artists


def fixed_point_kind(point: Any) -> str:
    """Return the kind of a fixed point, one that has a mark, or raise a ``ValueError``."""
    kind = str(point[2] if isinstance(point, tuple) else point.kind).replace("center", "centre")
    if kind not in FIXED_POINT_MARKS:
        raise ValueError(f"kind of a fixed point must be one of {list(FIXED_POINT_MARKS)}, got {kind!r}")
    return kind


def _place(plane: Plane, point: Any) -> tuple[np.ndarray, bool]:
    """Return the plane coordinates of a fixed point, and whether it lies off the plane."""
    if isinstance(point, tuple):
        return np.array(point[:2], dtype=float), False
    distance, size = float(plane.off_plane(point.x)), float(np.linalg.norm(to_numpy(point.x)))
    return plane.coordinates(point.x), distance > 1e-6 * (1.0 + size)


def path_marks(ax: Axes, xy: np.ndarray, *, colour: str = PATH_COLOURS[0], whole: bool = True) -> Line2D:
    """Draw a path of shape (T, 2) with a hollow triangle at its start and a star at its end.

    A path that ended early, as a diverged one does, ends in a plus instead; the label says so.
    """
    ended = r", $\bigstar$ end" if whole else r", $+$ ended early"
    (line,) = ax.plot(
        xy[:, 0], xy[:, 1], color=colour, zorder=4, label=r"path, $\triangleright$ start" + ended,
        path_effects=[withStroke(linewidth=2.4, foreground="white")],
    )  # fmt: skip
    ends: dict[str, Any] = {"color": colour, "linestyle": "none"}
    ax.plot(*xy[0], marker=">", markersize=4.5, markerfacecolor="white", zorder=5, **ends)
    ends |= {"marker": "*" if whole else "P", "markersize": 7.0, "markeredgecolor": "white"}
    ax.plot(*xy[-1], markeredgewidth=0.5, zorder=7, **ends)
    return line


def plane_coordinates(plane: Plane, path: Any) -> np.ndarray:
    """Return the plane coordinates of a trajectory, shape (T, 2)."""
    if hasattr(path, "coordinates"):
        return to_numpy(path.coordinates)
    if hasattr(path, "x"):
        return to_numpy(plane.coordinates(path.x))
    xy = to_numpy(path)
    if xy.ndim != 2 or xy.shape[1] != 2:
        raise ValueError(
            f"a trajectory must be a result with x or coordinates, or an array (T, 2) in plane coordinates, "
            f"got shape {xy.shape}; use planes.project(plane, trajectory)"
        )
    return xy


def finished(path: Any) -> bool:
    """Return whether a path went where it was asked to go."""
    return getattr(path, "status", "finished") == "finished"
