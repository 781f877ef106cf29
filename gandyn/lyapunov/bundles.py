"""States with their tangents, followed over one stretch of time: compiled, in NumPy, or across jumps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gandyn.arrays import Array, like, to_numpy
from gandyn.cycles.result import FlowError
from gandyn.cycles.section import Planes
from gandyn.field import System, UpdateMap
from gandyn.lyapunov.batched import stretch_batch_flow, stretch_batch_map
from gandyn.transforms import scale

__all__ = ["STATUSES", "Bundle", "Span", "loop_for"]

#: Names of the codes of a bundle; the last one, -1, is that of an open state.
STATUSES = np.array(["finished", "diverged", "stalled", "", "not computed"])


@dataclass(frozen=True)
class Span:
    """From when to when to follow, and how.

    Args:
        begin: flow time, or number of the first step.
        end: flow time, before ``begin`` to run backwards, or number of the step after the last.
        rtol: relative tolerance of a flow.
        atol: absolute tolerance of a flow.
        max_norm: norm of the state beyond which it has diverged.
    """

    begin: float
    end: float
    rtol: float
    atol: float
    max_norm: float


@dataclass(eq=False)
class Bundle:
    """States on their way, each with k tangents.

    Args:
        y: shape (m, 1 + k, n): each state and its tangents, these up to ``2**exponents``.
        begin: time at which they start.
        exponents: shape (m,).
        times: shape (m,).
        h: shape (m,), next step of a flow.
        statuses: shape (m,), codes.
        steps: shape (m,), steps taken from each state.
    """

    y: np.ndarray
    begin: float
    exponents: np.ndarray = field(init=False)
    times: np.ndarray = field(init=False)
    h: np.ndarray = field(init=False)
    statuses: np.ndarray = field(init=False)
    steps: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        m = len(self.y)
        self.exponents, self.times = np.zeros(m, dtype=np.int64), np.full(m, float(self.begin))
        self.h, self.steps = np.zeros(m), np.zeros(m, dtype=np.int64)
        self.statuses = np.full(m, -1, dtype=np.int64)

    @classmethod
    def of(cls, states: np.ndarray, basis: np.ndarray, begin: float) -> Bundle:
        """Return states (m, n), all with the tangents ``basis`` of shape (k, n)."""
        y = np.empty((len(states), 1 + len(basis), states.shape[1]))
        y[:, 0], y[:, 1:] = states, basis
        return cls(y, begin)

    @property
    def open(self) -> bool:
        """Whether some state has not arrived."""
        return bool(np.any(self.statuses == -1))

    def largest(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the logarithm of the largest singular value, (m,), and what it stretches, (m, k)."""
        finite = np.isfinite(self.y).all(axis=(1, 2))
        self.statuses[(self.statuses == 0) & ~finite] = 1
        done = self.statuses == 0
        logs, shares = np.full(len(done), np.nan), np.full((len(done), self.y.shape[1] - 1), np.nan)
        left, values, _ = np.linalg.svd(self.y[done, 1:], full_matrices=False)
        with np.errstate(divide="ignore"):
            logs[done] = np.log(values[:, 0]) + np.log(2) * self.exponents[done]
        shares[done] = left[..., 0]
        return logs, shares


def loop_for(
    system: System, span: Span, planes: Planes | None, template: Array
) -> tuple[Callable[[Bundle, int], None], bool]:
    """Return what moves a bundle on by some steps, and whether it may run in threads."""
    kernel = system.kernel
    if planes is not None and len(planes):
        return _jumping(system, span, planes, template), False
    if kernel is not None and kernel.compiled:
        return _compiled(system, span), True
    evaluate = _evaluation(system, template)
    if isinstance(system, UpdateMap):
        move: Any = lambda bundle, steps: stretch_batch_map(evaluate, bundle, span.end, steps, span.max_norm)
    else:
        rest = span.rtol, span.atol, span.max_norm
        move = lambda bundle, steps: stretch_batch_flow(evaluate, bundle, span.end, steps, *rest)
    return move, False


def _compiled(system: System, span: Span) -> Callable[[Bundle, int], None]:
    from gandyn.lyapunov.stretching import stretch_flow, stretch_map

    kernel, is_map = system.kernel, isinstance(system, UpdateMap)
    code = kernel.jacobian, kernel.params, kernel.nodes, kernel.plan, system.layout.dim

    def move(bundle: Bundle, steps: int) -> None:
        rows = bundle.y.reshape(len(bundle.y), -1)
        common = rows, bundle.exponents, bundle.times, bundle.statuses, bundle.steps
        if is_map:
            stretch_map(*code, *common, span.end, steps, span.max_norm)
        else:
            stretch_flow(*code, *common, bundle.h, span.end, steps, span.rtol, span.atol, span.max_norm)

    return move


def _evaluation(system: System, template: Array) -> Callable[[np.ndarray, Any], np.ndarray]:
    def evaluate(y: np.ndarray, t: Any) -> np.ndarray:
        here = like(y, template)
        out = np.empty_like(y)
        with np.errstate(all="ignore"):
            out[:, 0] = to_numpy(system(here[:, 0, :], t))
            out[:, 1:] = to_numpy(system.jvp(here[:, :1, :], here[:, 1:, :], t))
        return out

    return evaluate


def _jumping(system: Any, span: Span, planes: Planes, template: Array) -> Callable[[Bundle, int], None]:
    """Return what follows a field whose velocity jumps, one state after the other, to the end."""
    from gandyn.cycles.flow import Flow

    forwards = span.end > span.begin
    field = system if forwards else scale(system, -1.0)
    flow = Flow(field, planes, span.rtol, span.atol, span.max_norm, template)

    def move(bundle: Bundle, steps: int) -> None:
        row = int(np.argmax(bundle.statuses == -1))
        before = flow.steps
        try:
            arc = flow.arc(bundle.y[row, 0], abs(span.end - span.begin), tangents=True)
        except FlowError as error:
            bundle.statuses[row] = 1 if "diverges" in str(error) else 2
            return
        finally:
            bundle.steps[row] += flow.steps - before
        tangents = bundle.y[row, 1:]
        for piece in arc.pieces:
            tangents = tangents @ piece.T
            exponent = int(np.frexp(np.abs(tangents).max())[1])
            tangents, bundle.exponents[row] = np.ldexp(tangents, -exponent), bundle.exponents[row] + exponent
        bundle.y[row, 0], bundle.y[row, 1:], bundle.statuses[row] = arc.states[-1], tangents, 0

    return move
