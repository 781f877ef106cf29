"""The plane itself: a point and two directions of parameter space."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, cast

import numpy as np

from gandyn.arrays import Array, array_namespace, like, to_numpy
from gandyn.checks import check_floats
from gandyn.field import Layout

_PARALLEL = 1e-12
_LONG = 2**14
"""Entries from which rows are summed one by one."""


@dataclass(frozen=True, eq=False, repr=False)
class Plane:
    """A plane of parameter space: ``origin + a axes[0] + b axes[1]``; the axes may be oblique.

    Args:
        origin: shape (n,), the state at (0, 0), in the namespace of the system to sample.
        axes: shape (2, n), the horizontal and the vertical direction, in the same namespace.
        layout: the blocks of the state.
        names: labels of the horizontal and the vertical axis.
        kind: how the plane was made, for example "filter-normalized".
        explained: share of the path's variance along each principal component, all of them; a PCA
            plane only, else None.
        notes: what the reader of a picture should know, in sentences.

    Raises:
        TypeError: ``origin`` or ``axes`` is not an array of floats.
        ValueError: a wrong shape, a value that is not finite, a zero axis, or parallel axes.

    Example:
        >>> from gandyn.planes import coordinate_plane
        >>> plane = coordinate_plane(Layout.scalars(["g"], ["d"]), "g", "d")
        >>> plane.names, plane.point(1.0, 2.0)
        (('d', 'g'), array([2., 1.]))
    """

    origin: Array
    axes: Array
    layout: Layout
    names: tuple[str, str]
    kind: str
    explained: tuple[float, ...] | None = None
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        dim = self.layout.dim
        check_floats("origin", self.origin, (dim,))
        check_floats("axes", self.axes, (2, dim))
        if len(self.names) != 2:
            raise ValueError(f"a plane has two axes, got the names {self.names}")
        for name, length in zip(self.names, self._lengths, strict=True):
            if not length > 0:
                raise ValueError(f"the axis {name!r} of the plane is zero: no parameter moves along it")
        if abs(np.linalg.det(self._cosines)) < _PARALLEL:
            raise ValueError(f"the axes {self.names} are parallel: they span a line, not a plane")

    @cached_property
    def gram(self) -> np.ndarray:
        """Inner products of the axes, shape (2, 2)."""
        axes = to_numpy(self.axes).astype(float)
        return axes @ axes.T

    @property
    def _lengths(self) -> np.ndarray:
        return np.sqrt(np.diag(self.gram))

    @property
    def _cosines(self) -> np.ndarray:
        return cast(np.ndarray, self.gram / np.outer(self._lengths, self._lengths))

    def point(self, a: Any, b: Any) -> Array:
        """Return the states at plane coordinates ``a`` and ``b``, broadcast together: shape (..., n)."""
        a, b = np.broadcast_arrays(to_numpy(a), to_numpy(b))
        a, b = (like(value[..., None], self.origin) for value in (a, b))
        return self.origin + a * self.axes[0, :] + b * self.axes[1, :]

    def coordinates(self, x: Array) -> np.ndarray:
        """Return the plane coordinates of the feet of states ``x`` (..., n): shape (..., 2)."""
        return self.components(like(x, self.origin) - self.origin)

    def components(self, u: Array) -> np.ndarray:
        """Return the coordinates of the in-plane part of directions ``u`` (..., n): shape (..., 2)."""
        u = like(u, self.origin)
        along = np.stack([_sums(u * self.axes[i, :]) for i in (0, 1)], axis=-1) / self._lengths
        return times(along, np.linalg.inv(self._cosines)) / self._lengths

    def off_plane(self, x: Array) -> np.ndarray:
        """Return the distance of states ``x`` (..., n) from the plane, in units of the parameters: (...)."""
        x = like(x, self.origin)
        foot = self.coordinates(x)
        return norms(x - self.point(foot[..., 0], foot[..., 1]))

    def like(self, reference: Array) -> Plane:
        """Return the same plane in the namespace, dtype and device of ``reference``."""
        origin, axes = like(self.origin, reference), like(self.axes, reference)
        return Plane(origin, axes, self.layout, self.names, self.kind, self.explained, self.notes)

    def __str__(self) -> str:
        lines = [f"Plane ({self.kind}) in {self.layout.dim} dimensions: {self.names[0]}, {self.names[1]}"]
        return "\n".join([*lines, *(f"  {note}" for note in self.notes)])

    __repr__ = __str__


def states_of(path: Any, dim: int) -> Array:
    """Return the states of a trajectory or array, checked: shape (T, n)."""
    states = getattr(path, "x", path)
    shape = tuple(getattr(states, "shape", ()))
    if len(shape) != 2 or shape[1] != dim or not shape[0]:
        raise ValueError(f"a path must be a Trajectory or an array of shape (T, {dim}), got {shape or path}")
    check_floats("the path", states, shape)
    return states


def norms(u: Array) -> np.ndarray:
    """Return the Euclidean norm over the last axis, in NumPy float64."""
    return cast(np.ndarray, np.sqrt(_sums(u * u)))


def times(parts: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Return ``parts @ matrix`` of shapes (..., 2) and (2, 2), rounded alike however many rows there are."""
    return cast(np.ndarray, parts[..., :1] * matrix[0] + parts[..., 1:] * matrix[1])


def _sums(u: Array) -> np.ndarray:
    """Return the sum over the last axis in NumPy float64; a row is rounded alike, whatever rows it is among.

    Products of matrices are not, nor is torch's sum where it shares one long row among its threads.
    """
    xp = array_namespace(u)
    if u.shape[-1] < _LONG or len(u.shape) == 1:
        return to_numpy(xp.sum(u, axis=-1)).astype(float)
    rows = xp.reshape(u, (-1, u.shape[-1]))
    found = [float(xp.sum(rows[i, :])) for i in range(rows.shape[0])]
    return np.reshape(found, u.shape[:-1])


def orthonormal(pair: np.ndarray) -> np.ndarray:
    """Return two directions (2, n) made orthonormal by Gram-Schmidt, twice against rounding."""
    first = pair[0] / np.linalg.norm(pair[0])
    second = pair[1] / np.linalg.norm(pair[1])
    for _ in range(2):
        second = second - (first @ second) * first
        second = second / np.linalg.norm(second)
    return np.stack([first, second])
