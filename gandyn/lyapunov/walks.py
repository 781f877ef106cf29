"""What moves a state and unit tangents from one time to another: compiled, or by products of the system."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gandyn.arrays import Array, array_namespace, to_numpy
from gandyn.cycles.section import Section
from gandyn.field import System, UpdateMap, VectorField
from gandyn.lyapunov.engines import Engine, Stretched, engine_for
from gandyn.lyapunov.phases import planes_of
from gandyn.lyapunov.result import Status
from gandyn.lyapunov.unit_tangents import unit_flow, unit_map
from gandyn.trajectories.callback import kernel_of
from gandyn.trajectories.compiled import FINISHED, OUT_OF_STEPS, STALLED

__all__ = ["Walk", "walk_for"]

_STEPS = 10_000
_LEAST_GROWTH, _MOST_GROWTH = 3.0, 12.0


class Walk:
    """A state and its tangents; before ``begin`` there are none.

    Args:
        x: the state, shape (n,).
    """

    def __init__(self, x: Array) -> None:
        self.x, self.tangents, self.growth = x, x[None, :][:0, :], np.zeros(0)

    def begin(self, tangents: Array) -> None:
        """Take over unit tangents, shape (k, n)."""
        self.tangents, self.growth = tangents, np.zeros(tangents.shape[0])

    def go(self, begin: float, end: float) -> Status:
        """Move from one time to another, or from one number of steps since the start to another."""
        raise NotImplementedError


class MapWalk(Walk):
    """A map by a compiled loop."""

    def __init__(self, system: UpdateMap, x: Array, first: int, max_norm: float) -> None:
        super().__init__(np.array(to_numpy(x), dtype=np.float64))
        self._kernel, self._first, self._max_norm = kernel_of(system, x), first, max_norm

    def go(self, begin: float, end: float) -> Status:
        kernel = self._kernel
        for low in range(int(begin), int(end), _STEPS):
            steps = min(_STEPS, int(end) - low)
            taken = unit_map(
                kernel.jacobian, kernel.params, kernel.nodes, kernel.plan, self.x, self.tangents,
                self._first + low, steps, self._max_norm, self.growth,
            )  # fmt: skip
            _raise_failure(kernel)
            if taken < steps:
                return "diverged"
        return "finished"


class FlowWalk(Walk):
    """A flow by a compiled loop."""

    def __init__(
        self, system: VectorField, x: Array, t: float, rtol: float, atol: float, max_norm: float
    ) -> None:
        super().__init__(np.array(to_numpy(x), dtype=np.float64))
        self._kernel, self._t, self._h = kernel_of(system, x), t, 0.0
        self._settings = rtol, atol, max_norm

    def go(self, begin: float, end: float) -> Status:
        kernel, t, status = self._kernel, self._t + begin, OUT_OF_STEPS
        function = kernel.jacobian if len(self.tangents) else kernel.velocity
        while status == OUT_OF_STEPS:
            t, self._h, status = unit_flow(
                function, kernel.params, kernel.nodes, kernel.plan, self.x, self.tangents, t, self._h,
                self._t + end, *self._settings, _STEPS, self.growth,
            )  # fmt: skip
            _raise_failure(kernel)
        return "finished" if status == FINISHED else "stalled" if status == STALLED else "diverged"


class StretchWalk(Walk):
    """A system too large for a dense Jacobian, or a flow that jumps: stretches of an engine.

    A stretch is so long that tangents change their length by a factor between exp(3) and exp(12).
    """

    def __init__(self, engine: Stretched, t: float, whole: bool) -> None:
        super().__init__(engine.x)
        self._engine, self._t, self._whole, self._piece = engine, t, whole, 1.0

    def go(self, begin: float, end: float) -> Status:
        engine, now = self._engine, begin
        engine.tangents = self.tangents
        while now < end:
            after = min(now + (max(1, int(self._piece)) if self._whole else self._piece), end)
            x, tangents, status = engine.stretch(self._t + now, self._t + after)
            if status != "finished":
                return "stalled" if status == "stalled" else "diverged"
            engine.x, engine.tangents, logs = x, *_unit(tangents)
            self.growth += logs
            self._adapt(float(np.abs(logs).max(initial=0.0)))
            now = after
        self.x, self.tangents = engine.x, engine.tangents
        return "finished"

    def _adapt(self, change: float) -> None:
        if change > _MOST_GROWTH:
            self._piece /= 2
        elif change < _LEAST_GROWTH and self._piece < 100:
            self._piece *= 2


def _unit(tangents: Array) -> tuple[Array, np.ndarray]:
    """Return rows of unit length, and the logarithms of what their lengths were, on the host."""
    xp = array_namespace(tangents)
    lengths = xp.sqrt(xp.sum(tangents * tangents, axis=-1, keepdims=True))
    with np.errstate(divide="ignore"):
        logs = np.log(to_numpy(lengths)[:, 0].astype(np.float64))
    return tangents / xp.where(lengths > 0, lengths, xp.ones_like(lengths)), logs


def _raise_failure(kernel: Any) -> None:
    if check := getattr(kernel, "check", None):
        check()


def walk_for(
    system: System,
    x: Array,
    t: float,
    *,
    rtol: float,
    atol: float,
    switches: Sequence[Section] | None,
    max_norm: float,
) -> Walk:
    """Return the walk of a system: compiled where ``lyapunov_spectrum`` is."""
    planes = planes_of(system, switches)
    engine: Engine = engine_for(
        system, x, t, step=None, rtol=rtol, atol=atol, qr_every=None, max_norm=max_norm, planes=planes
    )
    if isinstance(engine, Stretched):
        return StretchWalk(engine, t, whole=isinstance(system, UpdateMap))
    if isinstance(system, UpdateMap):
        return MapWalk(system, x, int(t), max_norm)
    return FlowWalk(system, x, t, rtol, atol, max_norm)
