"""The potential part of a plane as a field of its own: what becomes of those who follow it alone."""

from __future__ import annotations

from typing import Any

import numpy as np

from gandyn.arrays import Array
from gandyn.field import Layout, VectorField
from gandyn.rotation.helmholtz import Helmholtz

__all__ = ["potential_flow"]


def potential_flow(split: Helmholtz, *, harmonic: bool = False) -> VectorField:
    """Return the field ``grad phi`` of a decomposition, in the coordinates of its plane.

    Its rest points are those of phi, not those of the velocity: where the velocity rests, gradient, rotation
    and harmonic part cancel and need not vanish. Beside ``transforms.potential_part``, which works along rays
    from one point and in any dimension, this one belongs to a rectangle and its boundary condition.

    Args:
        split: the decomposition.
        harmonic: follow ``grad phi + h`` instead: with the boundary "normal-parallel" the gradient field
            nearest to the velocity.

    Returns:
        The field, with the exact Jacobian; the state is (a, b), named like the plane's axes. It is NaN
        outside the rectangle, so that trajectories that leave it end there as "diverged".

    Example:
        >>> from gandyn.rotation.helmholtz import helmholtz
        >>> sink = VectorField(lambda x, t: -x, Layout.scalars(["g"], ["d"]))
        >>> split = helmholtz(sink, (-1, 1), points=40)
        >>> potential_flow(split, harmonic=True)(np.array([0.5, -0.25])).round(6)
        array([-0.5 ,  0.25])
    """
    parts = [0, 2] if harmonic else [0]
    low, high = (np.array([split.a[end], split.b[end]]) for end in (0, -1))

    def inside(x: np.ndarray) -> np.ndarray:
        return np.all((x >= low) & (x <= high), axis=-1)

    def fn(x: Array, t: Any) -> np.ndarray:
        points = np.reshape(x, (-1, 2))
        within = inside(points)
        velocity = np.full(points.shape, np.nan)
        velocity[within] = split.series.at(points[within])[1][parts].sum(axis=0)
        return velocity.reshape(np.shape(x))

    def jac(x: Array, t: Any) -> np.ndarray:
        points = np.reshape(x, (-1, 2))
        within = inside(points)
        matrices = np.full((len(points), 2, 2), np.nan)
        gradient, rest = split.series.jacobians(points[within])
        matrices[within] = gradient + rest if harmonic else gradient
        return matrices.reshape(*np.shape(x), 2)

    title = f"{'potential and harmonic' if harmonic else 'potential'} part"
    label = f"{title} of {split.label}" if split.label else title
    return VectorField(fn, Layout.scalars(state=split.plane.names), jac=jac, label=label)
