"""The potential part of a field: what is left of it when its rotation about a point is taken away."""

from __future__ import annotations

from functools import reduce
from operator import add
from typing import Any

import numpy as np

from gandyn.arrays import Array, like, to_numpy
from gandyn.checks import check_floats
from gandyn.field import VectorField
from gandyn.transforms.adjustable import transformed

__all__ = ["potential_part"]


def potential_part(field: VectorField, about: Array, nodes: int = 20) -> VectorField:
    """Return the gradient field that agrees with ``v`` along every ray from a point.

    ``phi(x) = integral from 0 to 1 of <v(about + s y), y> ds`` with ``y = x - about`` has the gradient::

        grad phi = integral of v(about + s y) + s J(about + s y)^T y ds

    which is ``v`` itself where ``v`` is a gradient, and ``v(about) + S y`` where ``v`` is linear, S the
    symmetric part of J. What it leaves out, ``v - grad phi``, is perpendicular to ``y``: a rotation
    about the point. No split into potential and rotation is the only one: another point gives another,
    and so does a Helmholtz decomposition, which depends on the domain and its boundary conditions.

    A fixed point at ``about`` stays one, with ``S`` for its Jacobian; other fixed points move, for
    following the potential part alone is another dynamics. Source: the homotopy operator of the Poincare
    lemma (Edelen 1985), for the proposal of Guttenberg 2016 to follow the potential part only.

    Args:
        field: the field, in any namespace, defined on the segments from ``about``. The Jacobian of the
            result is exact where ``field`` has exact second derivatives, see ``consensus``.
        about: the point, shape (n,), in the namespace of ``field``.
        nodes: Gauss-Legendre nodes of the integral, which is exact for polynomial fields of degree below
            ``2 nodes``. With any number of nodes the result is a gradient field.

    Returns:
        The potential part; its Jacobian is symmetric. It costs ``nodes`` evaluations of ``v`` and ``J^T y``.

    Raises:
        ValueError: a point of another shape or not finite, or no nodes.

    Example:
        >>> from gandyn import Layout
        >>> matrix = np.array([[-0.1, -1.0], [1.0, -0.1]])
        >>> focus = VectorField(lambda x, t: x @ matrix.T, Layout.scalars(["x"], ["y"]),
        ...                     jac=lambda x, t: np.broadcast_to(matrix, (*x.shape, 2)))
        >>> potential_part(focus, np.zeros(2))(np.array([1.0, 2.0])).round(12)
        array([-0.1, -0.2])
    """
    check_floats("about", about, (field.layout.dim,))
    if nodes < 1:
        raise ValueError(f"nodes, those of the integral along a ray, must be at least 1, got {nodes}")
    centre = to_numpy(about).copy()
    options: dict[str, Any] = {"centre": centre, "nodes": nodes}
    return transformed([field], {}, "potential part", rule=None, build=_along_rays, **options)


def _along_rays(field: VectorField, centre: np.ndarray, nodes: int) -> dict[str, Any]:
    ends, weights = np.polynomial.legendre.leggauss(nodes)
    rule = [(float(s), float(w)) for s, w in zip((ends + 1) / 2, weights / 2, strict=True)]

    def integral(x: Array, integrand: Any) -> Array:
        """Return the integral of ``integrand(point, s, y)`` over s."""
        about = like(centre, x)
        y = x - about
        return reduce(add, (w * integrand(about + s * y, s, y) for s, w in rule))

    def fn(x: Array, t: Any) -> Array:
        return integral(x, lambda p, s, y: field(p, t) + s * field.vjp(p, y, t))

    def product(x: Array, u: Array, t: Any) -> Array:
        def integrand(p: Array, s: float, y: Array) -> Array:
            symmetric = field.jvp(p, u, t) + field.vjp(p, u, t)
            return s * symmetric + s * s * field.second_adjoint(p, u, y, t)

        return integral(x, integrand)

    return {"fn": fn, "jvp": product, "vjp": product, "derivatives": field.second_derivatives}
