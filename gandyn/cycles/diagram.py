"""Orbit diagrams: where orbits settle under a parameter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gandyn.arrays import Array, to_numpy
from gandyn.checks import check_constant, check_floats
from gandyn.cycles.poincare import crossings_of
from gandyn.cycles.result import FlowError, OrbitDiagram
from gandyn.cycles.section import Planes, Section, switches_of
from gandyn.field import System, UpdateMap

__all__ = ["orbit_diagram"]


def orbit_diagram(
    family: System,
    start: Array,
    parameter: str,
    values: Sequence[float] | np.ndarray,
    *,
    transient: float = 1000,
    keep: int = 200,
    section: Section | None = None,
    carry_on: bool = False,
    max_time: float = 1e4,
    max_norm: float = 1e6,
    rtol: float = 1e-9,
    atol: float = 1e-11,
    progress: bool = True,
) -> OrbitDiagram:
    """Return the last states of orbits under each value of a parameter.

    Args:
        family: a map, or a flow seen on a section.
        start: shape (n,), where every orbit starts.
        parameter: name of a constant of the family.
        values: its values, in the order in which they are taken.
        transient: steps of a map, or flow time, before the first state that is kept.
        keep: states kept for each value.
        section: for a flow, the plane whose crossings are kept.
        carry_on: start each orbit where the one before it ended, which shows hysteresis when the values are
            taken in both orders.
        max_time: for a flow, time from one crossing to the next after which no more are awaited.
        max_norm: norm of the state beyond which an orbit has diverged.
        rtol: relative tolerance of a flow's integration.
        atol: absolute tolerance.
        progress: show a progress bar when on a terminal.

    Returns:
        The states; NaN where an orbit diverged. Ctrl-C keeps the values done.

    Raises:
        ValueError: an unknown parameter, a section for a map or none for a flow, or a value out of range.

    Example:
        >>> from gandyn.games import textbook
        >>> seen = orbit_diagram(textbook.logistic(), np.array([0.3]), "r", [2.5, 3.2], keep=4)
        >>> np.sort(seen.states[..., 0].round(6))
        array([[0.6     , 0.6     , 0.6     , 0.6     ],
               [0.513045, 0.513045, 0.799455, 0.799455]])
    """
    from tqdm import tqdm

    _check(family, parameter, transient, keep, section)
    check_floats("start", start, (family.layout.dim,))
    values = np.asarray(values, dtype=np.float64)
    first = to_numpy(start).astype(np.float64)
    states = np.full((len(values), keep, family.layout.dim), np.nan)
    statuses = ["interrupted"] * len(values)
    settings = (int(transient) if section is None else transient), max_time, max_norm, (rtol, atol), start
    x = first
    try:
        for i, value in enumerate(tqdm(values, leave=False, disable=None if progress else True)):
            system = family.with_constants(**{parameter: float(value)})
            count, statuses[i] = _visits(system, x, states[i], section, *settings)
            x = states[i, -1] if carry_on and count == keep else first
    except KeyboardInterrupt:
        pass
    done = "interrupted" not in statuses
    return OrbitDiagram(
        parameter=parameter,
        values=values,
        states=states,
        statuses=tuple(statuses),
        names=family.layout.entry_names,
        clock="map" if section is None else "flow",
        status="finished" if done else "interrupted",
        label=family.label,
    )


def _check(family: System, parameter: str, transient: float, keep: int, section: Section | None) -> None:
    check_constant(family, parameter)
    if isinstance(family, UpdateMap) != (section is None):
        raise ValueError(
            "a flow is seen on a section, such as section=Section({'x': 1.0}); a map takes no section"
        )
    if transient < 0 or keep < 1:
        raise ValueError(f"transient must be at least 0 and keep at least 1, got {transient} and {keep}")


def _visits(
    system: System,
    x: np.ndarray,
    out: np.ndarray,
    section: Section | None,
    transient: Any,
    max_time: float,
    max_norm: float,
    tolerances: tuple[float, float],
    template: Array,
) -> tuple[int, str]:
    """Write the states of one orbit into ``out``; return how many, and the status."""
    if isinstance(system, UpdateMap):
        from gandyn.trajectories.callback import kernel_of
        from gandyn.trajectories.iteration import iterate

        kernel = kernel_of(system, template)
        call = kernel.params, kernel.nodes, kernel.plan
        steps = transient + len(out)
        _, count = iterate(kernel.velocity, x.copy(), 0, transient + 1, 1, max_norm, *call, steps, out)
        if hasattr(kernel, "check"):
            kernel.check()
        return count, "finished" if count == len(out) else "diverged"
    from gandyn.cycles.flow import Flow

    assert section is not None
    flow = Flow(system, switches_of(system, None), *tolerances, max_norm, template)
    try:
        x = flow.end(x, transient) if transient > 0 else x
    except FlowError:
        return 0, "diverged"
    found, status = crossings_of(flow, x, Planes.of(system.layout, [section]), len(out), max_time, False)
    for row, (_, state) in zip(out, found, strict=False):
        row[:] = state
    if status == "interrupted":
        raise KeyboardInterrupt
    return len(found), status
