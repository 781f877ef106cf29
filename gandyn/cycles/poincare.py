"""Where an orbit of a flow crosses a plane, again and again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gandyn.arrays import Array, to_numpy
from gandyn.checks import check_floats
from gandyn.cycles.limit_cycle import require_flow
from gandyn.cycles.result import Crossings, FlowError
from gandyn.cycles.section import Planes, Section, switches_of
from gandyn.field import System

__all__ = ["crossings_of", "poincare_section"]


def poincare_section(
    field: System,
    start: Array,
    section: Section,
    n: int,
    *,
    transient: float = 0.0,
    switches: Sequence[Section] | None = None,
    max_time: float = 1e4,
    max_norm: float = 1e6,
    rtol: float = 1e-10,
    atol: float = 1e-12,
    progress: bool = True,
) -> Crossings:
    """Return where an orbit crosses a plane, each crossing located to the accuracy of the steps.

    Args:
        field: an autonomous flow.
        start: shape (n,), the state at time 0.
        section: the plane, and which crossings count.
        n: number of crossings.
        transient: flow time before the first crossing that counts.
        switches: planes on which the velocity jumps, see ``limit_cycle``.
        max_time: flow time from one crossing to the next after which there are "no more crossings".
        max_norm: norm of the state beyond which it has diverged.
        rtol: relative tolerance of the integration.
        atol: absolute tolerance.
        progress: show a progress bar when on a terminal.

    Returns:
        The crossings; fewer than asked for where ``status`` says why. Never padded. Ctrl-C keeps those found.

    Raises:
        TypeError: a map.
        ValueError: an unknown entry in the section, or a value out of range.

    Source: Henon 1982, "On the numerical computation of Poincare maps".

    Example:
        >>> from gandyn.games import textbook
        >>> seen = poincare_section(textbook.van_der_pol(), np.array([2.0, 0.0]), Section({"y": 1.0}), 3,
        ...                         transient=60.0)
        >>> np.diff(seen.times).round(6), seen.states[:, 0].round(6)
        (array([6.663287, 6.663287]), array([-2.00862, -2.00862, -2.00862]))
    """
    from gandyn.cycles.flow import Flow

    field = require_flow(field)
    check_floats("start", start, (field.layout.dim,))
    if n < 1 or transient < 0 or not max_time > 0:
        raise ValueError(
            f"n must be at least 1, transient at least 0 and max_time positive, got {n}, {transient} "
            f"and {max_time}"
        )
    plane = Planes.of(field.layout, [section])
    flow = Flow(field, switches_of(field, switches), rtol, atol, max_norm, start)
    x = to_numpy(start).astype(np.float64)
    try:
        x = flow.end(x, transient) if transient > 0 else x
    except FlowError:
        return _result(flow, plane, [], "diverged")
    found, status = crossings_of(flow, x, plane, n, max_time, progress)
    return _result(flow, plane, [(t + transient, state) for t, state in found], status)


def crossings_of(
    flow: Any, x: np.ndarray, plane: Planes, n: int, max_time: float, progress: bool
) -> tuple[list[tuple[float, np.ndarray]], str]:
    """Return up to ``n`` crossings, each the time since ``x`` and the state, and why there are not more."""
    from tqdm import tqdm

    found: list[tuple[float, np.ndarray]] = []
    elapsed = 0.0
    try:
        for _ in tqdm(range(n), desc="crossings", leave=False, disable=None if progress else True):
            arc = flow.arc(x, max_time, section=plane)
            if not arc.crossed:
                return found, "no more crossings"
            x, elapsed = arc.states[-1], elapsed + float(arc.times[-1])
            found.append((elapsed, x))
    except FlowError:
        return found, "diverged"
    except KeyboardInterrupt:
        return found, "interrupted"
    return found, "finished"


def _result(flow: Any, plane: Planes, found: list[tuple[float, np.ndarray]], status: str) -> Crossings:
    return Crossings(
        times=np.array([t for t, _ in found]),
        states=np.array([state for _, state in found]).reshape(-1, flow.dim),
        normal=plane.normals[0],
        offset=float(plane.offsets[0]),
        status=status,
        names=flow.field.layout.entry_names,
        label=flow.field.label,
    )
