"""Consensus optimisation: both players also descend the size of the joint velocity."""

from __future__ import annotations

from typing import Any

from gandyn.field import VectorField
from gandyn.transforms.adjustable import transformed

__all__ = ["consensus"]


def consensus(field: VectorField, gamma: float) -> VectorField:
    """Return the field of consensus optimisation, ``v - gamma J^T v``.

    Both losses gain ``gamma |v|^2 / 2``, with gradient ``gamma J^T v``. Its Jacobian is
    ``J - gamma (J^T J + sum_i v_i H_i)``, ``H_i`` the Hessian of component i: at a fixed point the second
    term is ``J^T J`` alone, elsewhere it is not. Source: Mescheder, Nowozin, Geiger 2017.

    Args:
        field: the field, in any namespace. The Jacobian of the result is exact where ``field`` has exact
            second derivatives: games, networks, and what ``scale``, ``add``, ``two_timescale`` and ``l2``
            make of them; else ``derivatives`` of the result says "central differences".
        gamma: adjustable as the constant ``gamma`` (``gamma_2`` where that name is taken, and so on).

    Returns:
        The field, which keeps the fixed points of ``field`` and may gain others, where ``v = gamma J^T v``.

    Raises:
        ValueError: a gamma that is not finite.

    Example:
        >>> import numpy as np
        >>> from gandyn.games import catalogue
        >>> np.linalg.eigvals(consensus(catalogue.make("dirac"), 1.0).jac(np.zeros(2))).round(12)
        array([-0.25+0.5j, -0.25-0.5j])
    """
    return transformed([field], {"gamma": gamma}, "consensus", rule=_in_symbols, build=_in_arrays)


def _in_symbols(terms: Any, gamma: Any) -> list[Any]:
    pairs = list(zip(terms.velocity, terms.jacobian, strict=True))
    return [
        entry - gamma * sum(value * row[j] for value, row in pairs) for j, entry in enumerate(terms.velocity)
    ]


def _in_arrays(field: VectorField, gamma: float) -> dict[str, Any]:
    def bend(x: Any, u: Any, t: Any) -> Any:
        """Return the Hessian of ``|v|^2 / 2`` times ``u``."""
        return field.second_adjoint(x, u, field(x, t), t) + field.vjp(x, field.jvp(x, u, t), t)

    return {
        "fn": lambda x, t: field(x, t) - gamma * field.vjp(x, field(x, t), t),
        "jvp": lambda x, u, t: field.jvp(x, u, t) - gamma * bend(x, u, t),
        "vjp": lambda x, u, t: field.vjp(x, u, t) - gamma * bend(x, u, t),
        "derivatives": field.second_derivatives,
    }
