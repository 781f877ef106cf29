"""From one branch on to another, at a branch point or a period doubling."""

from __future__ import annotations

import numpy as np

from gandyn.arrays import to_numpy
from gandyn.bifurcations.continuation import Settings, Side, branch_of, trace
from gandyn.bifurcations.curve import Curve
from gandyn.bifurcations.detection import Node
from gandyn.bifurcations.result import Branch, SpecialPoint
from gandyn.field import System

__all__ = ["switch_branch"]


def switch_branch(
    family: System,
    branch: Branch,
    special: SpecialPoint,
    range: tuple[float, float],
    *,
    max_points: int = 1000,
    max_step: float = 0.02,
    max_norm: float = 1e4,
    progress: bool = True,
) -> Branch:
    """Follow the other branch at a branch point, or the orbit of twice the period at a period doubling.

    At a branch point the second tangent solves the algebraic bifurcation equation, made of second
    derivatives along the two null directions. A period doubling of F is a pitchfork of F(F(.)).

    Args:
        family: the field or map of the branch.
        branch: the branch.
        special: one of ``branch.special``, a "branch point" or a "period doubling".
        range: lowest and highest value of the parameter.
        max_points: see ``continue_fixed_point``; so are the rest.
        max_step: see ``continue_fixed_point``.
        max_norm: see ``continue_fixed_point``.
        progress: see ``continue_fixed_point``.

    Returns:
        The other branch, both ways from the point, which is not part of it.

    Raises:
        ValueError: a special point at which no branch crosses, or from which none could be followed.

    Sources: Keller 1977; Govaerts 2000, "Numerical methods for bifurcations of dynamical equilibria".

    Example:
        >>> from gandyn.bifurcations import continue_fixed_point
        >>> from gandyn.games import catalogue
        >>> family = catalogue.make("pitchfork", mu=-1.0)
        >>> trunk = continue_fixed_point(family, np.zeros(1), "mu", (-1.0, 1.0), progress=False)
        >>> fork = switch_branch(family, trunk, trunk.special[0], (-1.0, 1.0), progress=False)
        >>> fork.x[[0, -1], 0].round(6).tolist()
        [-1.0, 1.0]
    """
    if special.kind not in ("branch point", "period doubling"):
        raise ValueError(f"no branch crosses at a {special.kind}; take a branch point or a period doubling")
    doubles = special.kind == "period doubling"
    period = branch.period * (2 if doubles else 1)
    size = 1 + float(np.linalg.norm(special.x))
    curve = Curve(family, special.parameter, *range, size, period)
    y = curve.point(special.x, special.value)
    direction = _flip(curve, y) if doubles else _second_tangent(curve, y, curve.scaled(special.tangent))
    settings = Settings(max_points, max_step, max_norm, progress)
    sides = [
        side for sign in (-1.0, 1.0) if (side := _beside(curve, y, sign * direction, settings)) is not None
    ]
    if not sides:
        raise ValueError(f"no other branch could be followed from the {special}")
    if len(sides) == 1:
        sides.insert(0, Side(sides[0].nodes[:1], end="lost"))
    status = trace(curve, [side for side in sides if side.end == "interrupted"], settings)
    return branch_of(curve, sides, status, period)


def _beside(curve: Curve, y: np.ndarray, direction: np.ndarray, settings: Settings) -> Side | None:
    """Return a side that starts a little along a direction, or None where no branch goes that way."""
    reach = 0.5 * settings.max_step * curve.scale * (curve.high - curve.low)
    for share in (1.0, 0.3, 0.1, 0.03):
        guess = y + share * reach * direction
        start, _ = curve.correct(guess, direction)
        inside = start is not None and curve.low <= curve.value(start) <= curve.high
        if start is not None and inside and np.linalg.norm(start - guess) < 0.5 * share * reach:
            return Side([Node.of(curve, start, direction)])
    return None


def _flip(curve: Curve, y: np.ndarray) -> np.ndarray:
    """Return the direction in which the orbit of twice the period is born: the null vector of F(F(x)) - x."""
    matrix = curve.jacobian(y)[:, :-1]
    return np.append(np.linalg.svd(matrix)[2][-1], 0.0)


def _second_tangent(curve: Curve, y: np.ndarray, tangent: np.ndarray) -> np.ndarray:
    """Return the tangent of the other branch, from the algebraic bifurcation equation."""
    left, _, rows = np.linalg.svd(curve.jacobian(y))
    across = rows[-1] - (rows[-1] @ tangent) * tangent
    if np.linalg.norm(across) < 0.5:
        across = rows[-2] - (rows[-2] @ tangent) * tangent
    across /= np.linalg.norm(across)
    h = 1e-4 * (1 + np.linalg.norm(y))
    form = lambda u, v: float(
        left[:, -1] @ (curve.jacobian(y + h * u) - curve.jacobian(y - h * u)) @ v / (2 * h)
    )
    mixed, pure = form(tangent, across), form(across, across)
    if abs(mixed) <= 1e-12 * abs(pure):
        return to_numpy(across)
    direction = across - pure / (2 * mixed) * tangent
    return np.asarray(direction / np.linalg.norm(direction))
