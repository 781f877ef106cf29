"""Covariant Lyapunov vectors: frames forwards, coefficients backwards."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from gandyn.arrays import Array
from gandyn.cycles.section import Section
from gandyn.field import System, UpdateMap
from gandyn.lyapunov.covariant_result import CovariantVectors
from gandyn.lyapunov.phases import Plan, plan_for, planes_of
from gandyn.lyapunov.result import average

if TYPE_CHECKING:
    from gandyn.lyapunov.passage import Passage

__all__ = ["covariant_vectors"]


def covariant_vectors(
    system: System,
    x0: Array,
    *,
    n_steps: int | None = None,
    t_end: float | None = None,
    k: int | None = None,
    transient: float = 0,
    warmup_forward: float | None = None,
    warmup_backward: float | None = None,
    every: float | None = None,
    t0: float = 0,
    rtol: float = 1e-8,
    atol: float = 1e-10,
    switches: Sequence[Section] | None = None,
    max_norm: float = 1e6,
    seed: int = 0,
    progress: bool = True,
) -> CovariantVectors:
    """Measure the covariant Lyapunov vectors along one orbit, how each grows and the angles between them.

    Orthonormal frames Q follow the linearised dynamics, and its factors R are kept. Backwards through these,
    coefficients C of vectors in terms of the frames tend to those of the covariant ones::

        D phi Q_j = Q_(j+1) R_j,    C_j = R_j^(-1) C_(j+1),    V_j = Q_j C_j

    First comes the transient, then the forward warm-up of the frames, then the records, and behind these
    as long as the backward warm-up of the coefficients. Both tend as the exponential of the time by the
    difference of neighbouring exponents, so that vectors of equal exponents are not determined.

    Memory: the result, of m (k n + k + n) numbers, and 64 MiB of factors at most, or those of one record;
    an orbit with more is followed twice, in segments. Systems of more than 24 entries without a compiled
    Jacobian take k products ``jvp`` a step.

    Args:
        system: the vector field or update map; the map may have a singular Jacobian.
        x0: the start, shape (n,), floating point, finite.
        n_steps: for a map, steps over which vectors are recorded.
        t_end: for a flow, flow time over which they are recorded.
        k: number of vectors, 1 to n; without it all n.
        transient: steps of a map, or flow time, to let the state settle first.
        warmup_forward: steps of a map, or flow time, to let the frames settle; without it a tenth of the
            records.
        warmup_backward: the same behind the last record, for the coefficients.
        every: steps of a map, or flow time, from record to record; without it there are at most 4096
            records. Of a map, steps behind the last whole record are left out.
        t0: flow time at the start, or the number of the first step of a map.
        rtol: relative tolerance of a step of state and tangents.
        atol: absolute tolerance of the state, in units of the parameters.
        switches: planes on which the velocity jumps; without it those of the field's formula. Vectors jump
            there by the saltation matrix.
        max_norm: norm of the state beyond which it has diverged.
        seed: seed of the first frame and the last coefficients.
        progress: show a progress bar when on a terminal.

    Returns:
        The vectors; look at ``status``. Ctrl-C, or a state that diverges, returns those up to then, the last
        ones left out as backward warm-up.

    Raises:
        TypeError: ``x0`` is not an array of floats.
        ValueError: a value out of range.

    Source: Ginelli, Poggi, Turchi, Chaté, Livi and Politi 2007.

    Example:
        >>> from gandyn.games.textbook import henon
        >>> found = covariant_vectors(henon(), np.array([0.1, 0.1]), n_steps=2000, progress=False)
        >>> found.vectors.shape, found.unstable, found.stable
        ((2000, 2, 2), (0,), (1,))
    """
    from gandyn.lyapunov.engines import engine_for
    from gandyn.lyapunov.passage import Passage

    lengths: dict[str, Any] = {"n_steps": n_steps, "t_end": t_end, "k": k, "transient": transient, "t0": t0}
    plan = plan_for(system, x0, **lengths, warmup=warmup_forward, step=None, record_every=every)
    backward = _backward(plan, warmup_backward)
    if not (rtol > 0 and atol > 0 and max_norm > 0):
        raise ValueError(f"rtol, atol and max_norm must be positive, got {rtol}, {atol} and {max_norm}")
    planes = planes_of(system, switches)
    tolerances: dict[str, Any] = {"rtol": rtol, "atol": atol, "max_norm": max_norm}
    engine = engine_for(system, x0, t0, step=None, planes=planes, qr_every=None, **tolerances)
    passage = Passage(system, plan, backward, seed)
    passage.carry_out(engine, (rtol, atol, max_norm), progress)
    return _result(system, plan, passage, rtol)


def _backward(plan: Plan, amount: float | None) -> float:
    """Return the length of the backward warm-up, checked."""
    if amount is None:
        return -(-plan.amount // 10) if plan.is_map else plan.amount / 10
    if not 0 <= amount < math.inf or (plan.is_map and amount != int(amount)):
        kind = "a whole number of steps" if plan.is_map else "a flow time"
        raise ValueError(f"warmup_backward must be {kind}, finite and not negative, got {amount}")
    return amount


def _result(system: System, plan: Plan, passage: Passage, rtol: float) -> CovariantVectors:
    unit, every = plan.unit, passage.every * plan.unit
    local = passage.logs / every
    exponents, errors = average(local, np.full(len(local), every), "uniform")
    is_map = isinstance(system, UpdateMap)
    whole = max(passage.known, 1) * every
    return CovariantVectors(
        times=(passage.start + passage.every * (passage.first + np.arange(len(local)))) * unit,
        states=passage.states,
        vectors=passage.vectors,
        local=local,
        exponents=exponents,
        standard_errors=errors,
        resolution=(1e-15 if is_map else rtol) * passage.steps / whole,
        every=every,
        warmup_forward=plan.warmup * unit,
        warmup_backward=min(passage.behind, passage.known) * every,
        contrast=math.exp(min(passage.contrast, 700.0)),
        steps=passage.steps,
        clock="map" if is_map else "flow",
        dt=float(getattr(system, "dt", 1.0)),
        dim=system.layout.dim,
        status=passage.status,
        message=passage.message,
        derivatives=system.derivatives,
        label=system.label,
    )
