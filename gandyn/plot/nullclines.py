"""Zero sets of a sampled component, told apart from its poles."""

from __future__ import annotations

from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.contour import QuadContourSet
from matplotlib.path import Path

__all__ = ["pole_crossings", "zero_set"]

_LESS = 0.45


def zero_set(
    ax: Axes,
    a: np.ndarray,
    b: np.ndarray,
    values: np.ndarray,
    *,
    colour: str,
    line: Literal["solid", "dashed"] = "solid",
) -> QuadContourSet | None:
    """Draw where a sampled component vanishes, by linear interpolation within the cells.

    Cells with a corner that is not finite are left out. A change of sign where the component grows
    towards the crossing from both sides, as 1/x does at 0, is a pole and not a zero: lines across
    such an edge of the grid are taken out.

    Args:
        ax: axes to draw in.
        a: horizontal coordinates, shape (na,).
        b: vertical coordinates, shape (nb,).
        values: the component, shape (nb, na).
        colour: colour of the line.
        line: line style.

    Returns:
        The contour set, of one path; None where the component has no zero.
    """
    values = np.ma.masked_invalid(values)
    if values.count() == 0 or not values.min() < 0 < values.max():
        return None
    contour = ax.contour(
        a, b, values, levels=[0.0], colors=[colour], linestyles=[line], linewidths=1.3,
        corner_mask=False, zorder=3,
    )  # fmt: skip
    path = _without_poles(contour.get_paths()[0], a, b, values.filled(np.nan))
    if np.size(path.vertices) == 0:
        contour.remove()
        return None
    contour.set_paths([path])
    return contour


def pole_crossings(velocity: np.ndarray) -> int:
    """Return how many edges of the grid cross a pole of a component of ``velocity``, (nb, na, 2)."""
    components = np.moveaxis(velocity, -1, 0)
    return sum(int(edges.sum()) for values in components for edges in _pole_edges(values))


def _pole_edges(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return which edges of the grid along a, (nb, na - 1), and along b, (nb - 1, na), cross a pole.

    Poles lie on curves, which leave every cell that they enter: an edge counts only where another edge
    of one of its two cells does. This keeps the zeros of x / (x^2 + y^2), and most of a rough field's.
    """
    along_a, along_b = _pole_like(values), _pole_like(values.T).T
    crossings = along_a[:-1].astype(int) + along_a[1:] + along_b[:, :-1] + along_b[:, 1:]
    through = np.pad(crossings >= 2, 1)
    return (
        along_a & (through[:-1, 1:-1] | through[1:, 1:-1]),
        along_b & (through[1:-1, :-1] | through[1:-1, 1:]),
    )


def _pole_like(values: np.ndarray) -> np.ndarray:
    """Return which edges along the last axis look like a pole's, shape (..., n - 1).

    An edge from i to i + 1 does if the sign changes and the outer neighbours are on average less than
    0.45 of its ends: about 1/x they are at most 1/3, about a resolved zero they are larger than 1.
    """
    size = np.pad(np.abs(values), [(0, 0)] * (values.ndim - 1) + [(1, 1)], constant_values=np.nan)
    signs = np.sign(values)
    changes = signs[..., :-1] * signs[..., 1:] < 0
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = np.stack([size[..., :-3] / size[..., 1:-2], size[..., 3:] / size[..., 2:-1]])
    known = np.isfinite(ratios)
    total, count = np.where(known, ratios, 0.0).sum(axis=0), known.sum(axis=0)
    return np.asarray(changes & (count > 0) & (total < _LESS * count))


def _without_poles(path: Path, a: np.ndarray, b: np.ndarray, values: np.ndarray) -> Path:
    """Return the zero set less its vertices on edges that cross a pole; every vertex lies on an edge."""
    vertices = np.asarray(path.vertices)
    if not len(vertices):
        return path
    i, off_column = _place(vertices[:, 0], a)
    j, off_row = _place(vertices[:, 1], b)
    pole_along_a, pole_along_b = _pole_edges(values)
    nearest_row = np.clip(np.rint(j).astype(int), 0, len(b) - 1)
    nearest_column = np.clip(np.rint(i).astype(int), 0, len(a) - 1)
    across_a = pole_along_a[nearest_row, np.clip(i.astype(int), 0, len(a) - 2)]
    across_b = pole_along_b[np.clip(j.astype(int), 0, len(b) - 2), nearest_column]
    on_column = off_column < off_row
    keep = ~np.where(on_column, across_b, across_a)
    codes = np.array(path.codes)
    codes[1:] = np.where(keep[:-1], codes[1:], Path.MOVETO)
    codes[codes == Path.CLOSEPOLY] = Path.LINETO
    return Path(vertices[keep], codes[keep])


def _place(x: np.ndarray, grid: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return positions in units of cells, and how far they are from the nearest line of the grid."""
    position = np.interp(x, grid, np.arange(len(grid)))
    return position, np.abs(position - np.rint(position))
