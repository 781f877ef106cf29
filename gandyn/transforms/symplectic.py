"""Symplectic gradient adjustment: turn the velocity of a rotating game towards its fixed point."""

from __future__ import annotations

from typing import Any

from gandyn.arrays import Array, array_namespace
from gandyn.field import VectorField
from gandyn.transforms.adjustable import transformed

__all__ = ["symplectic_adjustment"]

#: The paper's offset, which prefers the adjustment where alignment is undecided.
_OFFSET = 0.1


def symplectic_adjustment(field: VectorField, lam: float, align: bool = False) -> VectorField:
    """Return the symplectically adjusted field, ``v - lam A^T v = v + lam A v`` with ``A = (J - J^T) / 2``.

    In the paper's terms the gradient ``xi = -v`` has the Jacobian ``-J``, whose antisymmetric part is
    ``-A``, and one descends ``xi + lam (-A)^T xi``. With ``align`` the sign of ``lam`` is chosen at each
    state, ``sign(<v, J^T v> <A v, J^T v> / n + 1/10)``, so that the adjustment draws towards stable and
    away from unstable fixed points; the field then jumps where that changes sign, and the Jacobian is the
    derivative almost everywhere. Source: Balduzzi et al. 2018, algorithm 1.

    Args:
        field: the field, in any namespace. The Jacobian of the result is exact where ``field`` has exact
            second derivatives, see ``consensus``.
        lam: adjustable as the constant ``lam`` (``lam_2`` where that name is taken, and so on).
        align: choose the sign of ``lam`` at each state.

    Returns:
        The adjusted field, with the fixed points of ``field`` and no others: ``1 + lam A`` is invertible.
        For a game without potential part it is the field of consensus optimisation.

    Raises:
        ValueError: a lam that is not finite.

    Example:
        >>> import numpy as np
        >>> from gandyn.games import catalogue
        >>> adjusted = symplectic_adjustment(catalogue.make("balduzzi"), 1.0)
        >>> np.linalg.eigvals(adjusted.jac(np.ones(2)))
        array([-101., -101.])
    """
    title = "symplectic adjustment" + (", aligned" if align else "")
    return transformed([field], {"lam": lam}, title, rule=_in_symbols, build=_in_arrays, align=bool(align))


def _in_symbols(terms: Any, lam: Any, align: bool) -> list[Any]:
    v, J = terms.velocity, terms.jacobian
    indices = range(len(v))
    turned = [sum((J[i][j] - J[j][i]) * v[j] for j in indices) / 2 for i in indices]
    if align:
        slope = [sum(J[i][j] * v[i] for i in indices) for j in indices]
        product = _dot(v, slope) * _dot(turned, slope)
        lam = lam * terms.sign(product / len(v) + _OFFSET)
    return [entry + lam * turn for entry, turn in zip(v, turned, strict=True)]


def _dot(a: list[Any], b: list[Any]) -> Any:
    return sum(p * q for p, q in zip(a, b, strict=True))


def _in_arrays(field: VectorField, lam: float, align: bool) -> dict[str, Any]:
    def turn(x: Array, u: Array, t: Any) -> Array:
        """Return ``A u``."""
        return (field.jvp(x, u, t) - field.vjp(x, u, t)) / 2

    def weight(x: Array, v: Array, t: Any) -> Any:
        if not align:
            return lam
        slope = field.vjp(x, v, t)
        xp = array_namespace(x)
        inner = lambda a, b: xp.sum(a * b, axis=-1, keepdims=True)
        product = inner(v, slope) * inner(turn(x, v, t), slope)
        return lam * xp.sign(product / x.shape[-1] + _OFFSET)

    def jvp(x: Array, u: Array, t: Any) -> Array:
        v, along = field(x, t), field.jvp(x, u, t)
        bend = (field.second(x, v, u, t) - field.second_adjoint(x, u, v, t)) / 2
        return along + weight(x, v, t) * (turn(x, along, t) + bend)

    def vjp(x: Array, w: Array, t: Any) -> Array:
        v, share = field(x, t), weight(x, field(x, t), t)
        bend = (field.second_adjoint(x, v, w, t) - field.second_adjoint(x, w, v, t)) / 2
        return field.vjp(x, w - share * turn(x, w, t), t) + share * bend

    def fn(x: Array, t: Any) -> Array:
        v = field(x, t)
        return v + weight(x, v, t) * turn(x, v, t)

    return {"fn": fn, "jvp": jvp, "vjp": vjp, "derivatives": field.second_derivatives}
