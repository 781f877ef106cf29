"""Continuation of limit cycles under a parameter, from a cycle or from a Hopf point."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from gandyn.arrays import to_numpy
from gandyn.bifurcations import SpecialPoint
from gandyn.bifurcations.continuation import Settings, Side, checked_range, trace
from gandyn.bifurcations.detection import Node
from gandyn.cycles.limit_cycle import require_flow
from gandyn.cycles.result import CycleBranch, LimitCycle
from gandyn.cycles.section import Section, switches_of
from gandyn.field import System, VectorField

if TYPE_CHECKING:
    from gandyn.cycles.curve import CycleCurve

__all__ = ["continue_cycle"]

_SEGMENTS_AT_HOPF = 8


def continue_cycle(
    family: System,
    start: LimitCycle | SpecialPoint,
    parameter: str,
    range: tuple[float, float],
    *,
    segments: int | None = None,
    switches: Sequence[Section] | None = None,
    max_points: int = 300,
    max_step: float = 0.05,
    max_norm: float = 1e4,
    max_period: float = 1e4,
    rtol: float = 1e-11,
    atol: float = 1e-12,
    progress: bool = True,
) -> CycleBranch:
    """Follow a limit cycle under a parameter, both ways, through folds; or from the Hopf point on.

    Pseudo-arclength continuation of the equations of multiple shooting. Folds, branch points, period
    doublings and births of tori are located as those of fixed points of a map are, from the multipliers.

    Args:
        family: the flow; any of its constants can be the parameter.
        start: a cycle of the family at its own value of the parameter, or a Hopf point of it, from
            ``continue_fixed_point``; the branch then begins with the smallest cycle there.
        parameter: name of a constant of the family.
        range: lowest and highest value.
        segments: arcs of the multiple shooting; by default chosen from how the first cycle stretches.
        switches: planes on which the velocity jumps, see ``limit_cycle``.
        max_points: points on each side of the start.
        max_step: longest step, over the size of the cycle, the period and the range of the parameter.
        max_norm: norm of the state at which the branch leaves the window.
        max_period: flow time of a turn at which the branch ends: it grows without bound near a homoclinic
            orbit.
        rtol: relative tolerance of the integration.
        atol: absolute tolerance.
        progress: show a progress bar when on a terminal.

    Returns:
        The branch; Ctrl-C returns what was followed, with status "interrupted".

    Raises:
        TypeError: a map.
        ValueError: an unknown parameter, a special point that is no Hopf point, or a start from which no
            cycle could be followed.

    Sources: Doedel, Keller and Kernevez 1991 (cycles from Hopf points); Lust 2001 (shooting).

    Example:
        >>> from gandyn.bifurcations import continue_fixed_point
        >>> from gandyn.games import catalogue
        >>> game = catalogue.make("hopf", mu=-0.1)
        >>> trunk = continue_fixed_point(game, np.zeros(2), "mu", (-0.1, 0.3), progress=False)
        >>> cycles = continue_cycle(game, trunk.special[0], "mu", (-0.1, 0.3), progress=False)
        >>> bool(cycles.stable.all()), cycles.ends, float(cycles.maxima[-1, 0].round(4))
        (True, ('Hopf', 'range'), 0.6321)
    """
    from gandyn.cycles.curve import CycleCurve
    from gandyn.cycles.flow import Flow
    from gandyn.cycles.shooting import nodes_along

    family = require_flow(family)
    settings = Settings(max_points, max_step, max_norm, progress)
    shared = switches, (rtol, atol), max_norm, max_period
    if isinstance(start, LimitCycle):
        ends = checked_range(family, parameter, range)
        flow = Flow(family, switches_of(family, switches), rtol, atol, max_norm)
        nodes = nodes_along(flow, start.states[0], start.period, segments)
        curve = CycleCurve(family, parameter, ends, nodes, start.period, *shared)
        sides = _both_ways(curve, nodes, start.period)
    else:
        ends = checked_range(family.with_constants(**{parameter: start.value}), parameter, range)
        mode, period = _mode(family, start, parameter)
        turn = np.exp(2j * np.pi * np.arange(segments or _SEGMENTS_AT_HOPF) / (segments or _SEGMENTS_AT_HOPF))
        nodes = start.x + np.real(turn[:, None] * mode)
        curve = CycleCurve(family, parameter, ends, nodes, period, *shared)
        sides = _from_hopf(curve, start, nodes, period, settings)
    status = trace(curve, [side for side in sides if side.end == "interrupted"], settings)
    return _branch(curve, sides, status)


def _mode(family: VectorField, point: SpecialPoint, parameter: str) -> tuple[np.ndarray, float]:
    """Return the eigenvector that turns at a Hopf point, of length 1, and its period."""
    if point.kind != "Hopf" or point.frequency is None:
        raise ValueError(
            f"cycles are born at a Hopf point, got a {point.kind}; find a cycle with limit_cycle"
        )
    if point.parameter != parameter:
        raise ValueError(f"the Hopf point is one of {point.parameter!r}, parameter is {parameter!r}")
    field = family.with_constants(**{parameter: point.value})
    values, vectors = np.linalg.eig(to_numpy(field.jac(point.x)).astype(np.float64))
    return vectors[:, np.argmin(np.abs(values - 1j * point.frequency))], 2 * np.pi / point.frequency


def _both_ways(curve: CycleCurve, nodes: np.ndarray, period: float) -> list[Side]:
    """Return the two sides of a branch that starts at a cycle."""
    along = np.append(np.zeros(nodes.size + 1), 1.0)
    value = float(curve.field.constants[curve.parameter])
    y, _ = curve.correct(curve.place(nodes, period, value), along)
    if y is None:
        raise ValueError(
            f"start is no cycle of the family at {curve.parameter} = {value:g}; find one with "
            "limit_cycle(family, state)"
        )
    forward = curve.tangent(y, along)
    return [Side([Node.of(curve, y, sign * forward)]) for sign in (-1.0, 1.0)]


def _from_hopf(
    curve: CycleCurve, point: SpecialPoint, nodes: np.ndarray, period: float, settings: Settings
) -> list[Side]:
    """Return a side that starts with a small cycle, and one that ends at the Hopf point before it."""
    centre = curve.place(np.tile(point.x, (len(nodes), 1)), period, point.value)
    direction = curve.place(nodes, period, point.value) - centre
    direction /= np.linalg.norm(direction)
    reach = 0.25 * settings.max_step * curve.scale * (curve.high - curve.low)
    for share in (1.0, 0.3, 0.1, 0.03):
        y, _ = curve.correct(centre + share * reach * direction, direction)
        if y is not None and np.linalg.norm(y - centre) < 2 * share * reach:
            first = Node.of(curve, y, direction)
            return [Side([first], end="Hopf"), Side([first])]
    raise ValueError(f"no cycle could be followed from the {point}")


def _branch(curve: CycleCurve, sides: list[Side], status: str) -> CycleBranch:
    """Return both sides as one branch, the first one reversed."""
    back, ahead = sides
    ys = [node.y for node in (*back.nodes[:0:-1], *ahead.nodes)]
    turns = [_described(curve, y) for y in ys]
    low, high, exponents = (np.array(part) for part in zip(*turns, strict=True))
    periods = np.array([curve.period(y) for y in ys])
    special = [point for _, point in reversed(back.special)] + [point for _, point in ahead.special]
    return CycleBranch(
        parameter=curve.parameter,
        values=np.array([curve.value(y) for y in ys]),
        periods=periods,
        minima=low,
        maxima=high,
        exponents=exponents / periods[:, None],
        stable=np.all(exponents[:, 1:].real < 0, axis=1),
        nodes=np.array([curve.nodes(y)[0] for y in ys]),
        special=tuple(special),
        ends=(back.end, ahead.end),
        names=curve.field.layout.entry_names,
        evaluations=curve.evaluations,
        status=status,
        label=curve.field.label,
    )


def _described(curve: CycleCurve, y: np.ndarray) -> tuple[Any, ...]:
    """Return the extremes of a cycle and the logarithms of its multipliers."""
    shooting = curve.shooting(y)
    turn = shooting.turn(curve.unknowns(y), tangents=False)
    return (*shooting.flow.extremes(turn), curve.exponents(y))
