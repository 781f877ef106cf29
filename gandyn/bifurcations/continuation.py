"""Continuation of fixed points under a parameter, by pseudo-arclength, both ways and through folds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gandyn.arrays import Array, to_numpy
from gandyn.bifurcations.curve import Curve
from gandyn.bifurcations.detection import Node, special_points
from gandyn.bifurcations.result import Branch, SpecialPoint
from gandyn.checks import check_constant, check_floats
from gandyn.field import System

__all__ = ["Settings", "Side", "branch_of", "checked_range", "continue_fixed_point", "trace"]

_SMALLEST = 1e-7
_EASY, _HARD = 3, 6
_STRAIGHT = 0.97


@dataclass(frozen=True)
class Settings:
    """How a branch is followed.

    Args:
        max_points: points on each side of the start.
        max_step: longest step, in units of the size of the state and of the range of the parameter.
        max_norm: norm of the state at which the branch leaves the window.
        progress: show a progress bar.
    """

    max_points: int
    max_step: float
    max_norm: float
    progress: bool


@dataclass
class Side:
    """One side of a branch as it grows: it is kept when the work is interrupted."""

    nodes: list[Node]
    special: list[tuple[int, SpecialPoint]] = field(default_factory=list)
    end: str = "interrupted"


def continue_fixed_point(
    family: System,
    start: Array,
    parameter: str,
    range: tuple[float, float],
    *,
    period: int = 1,
    max_points: int = 1000,
    max_step: float = 0.02,
    max_norm: float = 1e4,
    progress: bool = True,
) -> Branch:
    """Follow a fixed point under a parameter, both ways, through folds, and find where it changes.

    Pseudo-arclength continuation with adaptive steps; every point solves the exact equations. Found by
    the sign change of a test between neighbouring points, and located by bisection on corrected points:
    folds, branch points, Hopf points with their first Lyapunov coefficient, and of maps period doublings and
    Neimark-Sacker points. A neutral saddle (two real eigenvalues of opposite sign) is no Hopf point.

    Args:
        family: the field or map; any of its constants can be the parameter, the step of a map included.
        start: shape (n,), near the fixed point at the family's own value of the parameter.
        parameter: name of a constant of the family.
        range: lowest and highest value; that of the family lies between.
        period: for a map, steps after which the points return.
        max_points: points on each side of the start.
        max_step: longest step, over the size of the state (1 + |start|) and the range of the parameter.
        max_norm: norm of the state at which the branch leaves the window.
        progress: show a progress bar when on a terminal.

    Returns:
        The branch; Ctrl-C returns what was followed on both sides, with status "interrupted".

    Raises:
        ValueError: an unknown parameter, a range that does not hold its value, or a start from which
            Newton's method does not converge.

    Sources: Keller 1977; Kuznetsov 2004, "Elements of applied bifurcation theory".

    Example:
        >>> from gandyn.games import catalogue
        >>> branch = continue_fixed_point(catalogue.make("lorenz"), np.array([8.5, 8.5, 27.0]), "rho",
        ...                               (20.0, 30.0), progress=False)
        >>> print(branch.special[0].kind, round(branch.special[0].value, 9), branch.special[0].criticality)
        Hopf 24.736842105 subcritical
    """
    low, high = checked_range(family, parameter, range)
    check_floats("start", start, (family.layout.dim,))
    settings = Settings(max_points, max_step, max_norm, progress)
    x0 = to_numpy(start).astype(np.float64)
    curve = Curve(family, parameter, low, high, 1 + float(np.linalg.norm(x0)), period)
    value = float(family.constants[parameter])
    y0, _ = curve.correct(curve.point(x0, value), np.append(np.zeros_like(x0), 1.0))
    if y0 is None:
        raise ValueError(
            f"no fixed point found from start = {x0} at {parameter} = {value:g}; find one with "
            "find_fixed_points(family, box)"
        )
    forward = curve.tangent(y0, np.append(np.zeros_like(x0), 1.0))
    sides = [Side([Node.of(curve, y0, sign * forward)]) for sign in (-1.0, 1.0)]
    status = trace(curve, sides, settings)
    return branch_of(curve, sides, status, period)


def checked_range(family: System, parameter: str, range: tuple[float, float]) -> tuple[float, float]:
    """Return the ends of a parameter's range, or raise unless it holds the family's own value."""
    check_constant(family, parameter)
    low, high = (float(end) for end in range)
    if not low <= family.constants[parameter] <= high or not low < high:
        raise ValueError(
            f"range must hold the present value of {parameter}, {family.constants[parameter]:g}, got "
            f"({low:g}, {high:g}); start from family.with_constants({parameter}=...)"
        )
    return low, high


def trace(curve: Curve, sides: list[Side], settings: Settings) -> str:
    """Let both sides of a branch grow to their ends; return "finished" or "interrupted"."""
    from tqdm import tqdm

    with tqdm(
        desc=curve.parameter, unit="point", leave=False, disable=None if settings.progress else True
    ) as bar:
        try:
            for side in sides:
                side.end = _grow(curve, side, settings, bar)
                if side.end == "closed":
                    sides[-1].end = "closed"
                    break
        except KeyboardInterrupt:
            return "interrupted"
    return "finished"


def _grow(curve: Curve, side: Side, settings: Settings, bar: Any) -> str:
    """Add points to one side; return why it ends."""
    size = curve.scale * (curve.high - curve.low)
    smallest, first = _SMALLEST * size, side.nodes[0]
    step = settings.max_step * size / 4
    for _ in range(settings.max_points):
        node = side.nodes[-1]
        if _reaches_the_end(curve, node, step):
            _to_the_end_of_the_range(curve, side)
            return "range"
        following, step, effort = _next(curve, node, step, smallest)
        if following is None:
            return "lost"
        if np.linalg.norm(following.y[:-1]) > settings.max_norm:
            return "left the window"
        end = curve.end_at(node.y, following.y)
        if end is not None:
            return end
        _add(curve, side, following)
        bar.update()
        if len(side.nodes) > 4 and _passes(node, following, first):
            return "closed"
        longest = settings.max_step * max(size, float(np.linalg.norm(following.y)))
        step = min(step * (1.6 if effort <= _EASY else 0.7 if effort >= _HARD else 1.0), longest)
    return "out of points"


def _next(curve: Curve, node: Node, step: float, smallest: float) -> tuple[Node | None, float, int]:
    """Return the next node, the step that led there, and the corrections that it took."""
    while step >= smallest:
        y, effort = curve.correct(node.y + step * node.tangent, node.tangent)
        if y is not None and np.linalg.norm(y - node.y) < 2 * step:
            following = Node.of(curve, y, node.tangent)
            if following.tangent @ node.tangent > _STRAIGHT:
                return following, step, effort
        step /= 2
    return None, step, 0


def _add(curve: Curve, side: Side, node: Node) -> None:
    side.special += [(len(side.nodes), point) for point in special_points(curve, side.nodes[-1], node)]
    side.nodes.append(node)


def _reaches_the_end(curve: Curve, node: Node, step: float) -> bool:
    """Return whether the next point lies beyond the range, or this one at its end."""
    return not curve.holds(node.y + step * node.tangent)


def _to_the_end_of_the_range(curve: Curve, side: Side) -> None:
    """Add the point at the very end of the parameter's range."""
    node = side.nodes[-1]
    end = curve.scale * (curve.high if node.tangent[-1] > 0 else curve.low)
    if abs(end - node.y[-1]) <= 1e-12 * curve.scale * (curve.high - curve.low):
        return
    guess = node.y + (end - node.y[-1]) / node.tangent[-1] * node.tangent
    guess[-1] = end
    y, _ = curve.correct(guess, np.append(np.zeros(len(guess) - 1), 1.0))
    if y is not None:
        _add(curve, side, Node.of(curve, y, node.tangent))


def _passes(a: Node, b: Node, first: Node) -> bool:
    """Return whether the way from a to b passes the first point in its own direction."""
    chord = b.y - a.y
    share = float((first.y - a.y) @ chord / (chord @ chord))
    distance = np.linalg.norm(a.y + share * chord - first.y)
    return bool(0 <= share <= 1 and distance < 0.1 * np.linalg.norm(chord) and b.tangent @ first.tangent > 0)


def branch_of(curve: Curve, sides: list[Side], status: str, period: int) -> Branch:
    """Return both sides as one branch, the first one reversed."""
    back, ahead = sides
    nodes = [*back.nodes[:0:-1], *ahead.nodes]
    special = [point for _, point in reversed(back.special)] + [point for _, point in ahead.special]
    values = np.array([node.eigenvalues for node in nodes])
    growth = np.asarray(curve.family.growth_rates(values)).max(axis=-1)
    return Branch(
        parameter=curve.parameter,
        values=np.array([curve.value(node.y) for node in nodes]),
        x=np.array([node.y[:-1] for node in nodes]),
        eigenvalues=values,
        growth=growth,
        stable=growth < 0,
        special=tuple(special),
        ends=(back.end, ahead.end),
        names=curve.family.layout.entry_names,
        clock="map" if curve.clock == "map" else "flow",
        period=period,
        evaluations=curve.evaluations,
        status=status,
        label=curve.family.label,
    )
