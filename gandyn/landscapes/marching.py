"""Where a loss lies below a level: the region in triangles, its area, moments and connected parts."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np


@dataclass(frozen=True, eq=False)
class Region:
    """Where a piecewise linear loss is at most a level, cut into triangles.

    Args:
        corners: shape (k, 3, 2), the triangles in plane coordinates.
        part: shape (k,), number of the connected part that each belongs to.
        open_parts: numbers of the parts that reach the edge of the window or what is not finite.
        lowest: number of the part that holds the least loss.
        window: area over which the loss is known.
    """

    corners: np.ndarray
    part: np.ndarray
    open_parts: np.ndarray
    lowest: int
    window: float

    @cached_property
    def areas(self) -> np.ndarray:
        """Area of each triangle, shape (k,)."""
        return triangle_areas(self.corners)

    @property
    def area(self) -> float:
        """Area of the region."""
        return float(self.areas.sum())

    @property
    def parts(self) -> np.ndarray:
        """Numbers of the connected parts that have an area."""
        return np.unique(self.part[self.areas > 0])

    def part_at(self, a: float, b: float) -> int | None:
        """Return the number of the part that holds a point, or None."""
        first, second, third = np.moveaxis(self.corners - np.array([a, b]), 1, 0)
        sides = np.stack([_cross(first, second), _cross(second, third), _cross(third, first)])
        slack = 1e-12 * np.abs(sides).max(axis=0, initial=0.0)
        holds = (np.all(sides >= -slack, axis=0) | np.all(sides <= slack, axis=0)) & (self.areas > 0)
        return int(self.part[np.argmax(holds)]) if holds.any() else None

    def moments(self, part: int) -> tuple[float, np.ndarray, np.ndarray]:
        """Return area, centroid (2,) and covariance (2, 2) of the uniform distribution on a part."""
        corners, areas = self.corners[self.part == part], self.areas[self.part == part]
        total, sums = areas.sum(), corners.sum(axis=1)
        centroid = areas @ sums / 3 / total
        around, sums = corners - centroid, sums - 3 * centroid
        second = np.einsum("k,kvi,kvj->ij", areas, around, around) + np.einsum(
            "k,ki,kj->ij", areas, sums, sums
        )
        return float(total), centroid, second / 12 / total


def region_below(a: np.ndarray, b: np.ndarray, values: np.ndarray, level: float) -> Region:
    """Return where a loss on a grid is at most ``level``, between grid points by interpolation.

    Each cell is cut into four triangles that meet in its middle, where the loss is the mean of the corners
    (its bilinear value), and is linear on each. Cells with a corner that is not finite are left out.

    Args:
        a: horizontal coordinates, shape (na,), ascending.
        b: vertical coordinates, shape (nb,), ascending.
        values: the loss, shape (nb, na).
        level: the level.
    """
    points, heights, faces = _triangulated(a, b, values)
    known = np.isfinite(heights[faces]).all(axis=1)
    border = np.zeros(len(points), dtype=bool)
    border[faces[~known]] = True
    rim = np.ones(values.shape, dtype=bool)
    rim[1:-1, 1:-1] = False
    border[: values.size] |= rim.ravel()
    faces = faces[known]
    labels = _connected(heights, faces, level)
    corners, owners = _cut(points, heights, faces, level)
    lowest = faces.ravel()[np.argmin(heights[faces])] if len(faces) else 0
    return Region(
        corners=corners,
        part=labels[owners],
        open_parts=np.unique(labels[border & (heights <= level)]),
        lowest=int(labels[lowest]),
        window=float(triangle_areas(points[faces]).sum()),
    )


def triangle_areas(corners: np.ndarray) -> np.ndarray:
    """Return the areas of triangles (k, 3, 2), shape (k,)."""
    return np.abs(_cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])) / 2


def _cross(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    return np.asarray(u[..., 0] * v[..., 1] - u[..., 1] * v[..., 0])


def _triangulated(
    a: np.ndarray, b: np.ndarray, values: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return points (m, 2), the loss there (m,) and triangles (k, 3) of numbers of points."""
    grid = np.stack(np.meshgrid(a, b), axis=-1)
    number = np.arange(values.size).reshape(values.shape)
    around = np.stack([number[:-1, :-1], number[:-1, 1:], number[1:, 1:], number[1:, :-1]], axis=-1)
    around = around.reshape(-1, 4)
    points, heights = grid.reshape(-1, 2), values.ravel()
    with np.errstate(invalid="ignore"):
        middles = points[around].mean(axis=1), heights[around].mean(axis=1)
    middle = values.size + np.arange(len(around))
    faces = [np.stack([around[:, i], around[:, (i + 1) % 4], middle], axis=1) for i in range(4)]
    return (
        np.concatenate([points, middles[0]]), np.concatenate([heights, middles[1]]), np.concatenate(faces)
    )  # fmt: skip


def _connected(heights: np.ndarray, faces: np.ndarray, level: float) -> np.ndarray:
    """Return a label for each point: two points below the level are joined by edges that are below it."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    edges = edges[(heights[edges] <= level).all(axis=1)]
    graph = coo_array((np.ones(len(edges)), edges.T), shape=(len(heights),) * 2)
    return np.asarray(connected_components(graph, directed=False)[1])


def _cut(
    points: np.ndarray, heights: np.ndarray, faces: np.ndarray, level: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return the parts of triangles below a level as triangles (k, 3, 2), with the lowest point of each."""
    faces = np.take_along_axis(faces, np.argsort(heights[faces], axis=1), axis=1)
    below = (heights[faces] <= level).sum(axis=1)
    whole, one, two = (faces[below == count] for count in (3, 1, 2))

    def crossing(triangles: np.ndarray, low: int, high: int) -> np.ndarray:
        ends, where = heights[triangles], points[triangles]
        share = (level - ends[:, low]) / (ends[:, high] - ends[:, low])
        return np.asarray(where[:, low] + share[:, None] * (where[:, high] - where[:, low]))

    tips = [points[one[:, 0]], crossing(one, 0, 1), crossing(one, 0, 2)]
    bases = [points[two[:, 0]], points[two[:, 1]], crossing(two, 1, 2)]
    rests = [points[two[:, 0]], crossing(two, 1, 2), crossing(two, 0, 2)]
    pieces = [points[whole], *(np.stack(corners, axis=1) for corners in (tips, bases, rests))]
    return np.concatenate(pieces), np.concatenate([whole[:, 0], one[:, 0], two[:, 0], two[:, 0]])
