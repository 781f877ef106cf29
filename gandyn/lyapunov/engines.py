"""What moves a state and its tangents, record by record: one engine for each kind of system.

An engine holds ``x``, shape (n,), and ``tangents``, shape (k, n), and knows how many records of a phase are
done. ``run`` fills further ones; ``memory`` is all that a run needs to go on with the same result.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

import numpy as np

from gandyn.arrays import Array, array_namespace, like, to_numpy
from gandyn.cycles.flow import Flow
from gandyn.cycles.result import FlowError
from gandyn.cycles.section import Planes
from gandyn.field import Block, Layout, UpdateMap, VectorField
from gandyn.trajectories import trajectory
from gandyn.trajectories.callback import kernel_of

__all__ = ["Engine", "Piece", "Stretched", "engine_for"]

_CONTRAST = 12.0
_MOST_STEPS = 100
_LEAST = 0.1
_MAX_DENSE = 24


@dataclass(frozen=True)
class Piece:
    """Records that are whole.

    Args:
        logs: shape (r, k), logarithms of growth.
        volumes: shape (r,), that of the volume from the Jacobian alone; NaN where not known.
        steps: steps taken, those after the last whole record included.
        status: "finished", or why there are fewer records than asked for.
    """

    logs: np.ndarray
    volumes: np.ndarray
    steps: int
    status: Literal["finished", "diverged", "stalled"]


class Engine:
    """What all engines share: the state, the phase, and the time between orthonormalisations.

    Args:
        x: the state.
        t: flow time of it, or the number of the step.
        qr_every: fixed interval between orthonormalisations, or None to choose it while warming up.
    """

    #: What the interval between orthonormalisations is measured in.
    interval = "steps"

    def __init__(self, x: Array, t: float, qr_every: float | None) -> None:
        self.x, self.tangents = x, x[None, :][:0, :]
        self.origin, self.done, self.length = t, 0, 1.0
        self.fixed, self.qr_every = qr_every is not None, 1.0 if qr_every is None else qr_every
        self.h, self.contrast = 0.0, 0.0

    def begin(self, t: float, length: float) -> None:
        """Begin a phase at a time, with records of this length: flow time, or steps."""
        self.origin, self.done, self.length, self.contrast = t, 0, length, 0.0

    def adapt(self) -> None:
        """Choose the interval from the contrast seen since ``begin``."""
        if not self.fixed and self.contrast > 0:
            self.qr_every = self._rounded(
                min(self.qr_every, self.length) * max(_CONTRAST / self.contrast, _LEAST)
            )

    def _rounded(self, interval: float) -> float:
        return float(np.clip(np.floor(interval), 1, _MOST_STEPS))

    def resolution(self, steps: int, time: float) -> float:
        """Return the growth per unit of flow time that these steps cannot tell from none."""
        return 1e-15 * steps / time

    def memory(self) -> dict[str, np.ndarray]:
        """Return what changes while running, as arrays."""
        numbers = np.array([self.origin, self.done, self.length, self.qr_every, self.h, self.contrast])
        return {"x": to_numpy(self.x).copy(), "tangents": to_numpy(self.tangents).copy(), "numbers": numbers}

    def restore(self, memory: dict[str, np.ndarray]) -> None:
        """Go back to what ``memory`` returned."""
        self.x, self.tangents = like(memory["x"], self.x), like(memory["tangents"], self.x)
        self.origin, done, self.length, self.qr_every, self.h, self.contrast = map(float, memory["numbers"])
        self.done = int(done)

    def run(self, records: int) -> Piece:
        """Go on for so many records."""
        raise NotImplementedError


class _Compiled(Engine):
    """A system followed by compiled loops."""

    def __init__(self, system: Any, x: Array, t: float, qr_every: float | None, max_norm: float) -> None:
        super().__init__(np.array(to_numpy(x), dtype=np.float64), t, qr_every)
        self._kernel = kernel_of(system, x)
        self._code = self._kernel.params, self._kernel.nodes, self._kernel.plan
        self._max_norm = max_norm

    def run(self, records: int) -> Piece:
        k = self.tangents.shape[0]
        self.tangents = np.ascontiguousarray(self.tangents)
        logs, volumes = np.zeros((records, k)), np.zeros(records)
        whole, contrast, steps, status = self._follow(logs, volumes)
        if check := getattr(self._kernel, "check", None):
            check()
        self.done += whole
        self.contrast = max(self.contrast, contrast)
        known = volumes[:whole] if k == len(self.x) else np.full(whole, np.nan)
        return Piece(logs[:whole], known, steps, status)

    def _follow(self, logs: np.ndarray, volumes: np.ndarray) -> tuple[int, float, int, Any]:
        raise NotImplementedError


class CompiledMap(_Compiled):
    """A map."""

    def _follow(self, logs: np.ndarray, volumes: np.ndarray) -> tuple[int, float, int, Any]:
        from gandyn.lyapunov.compiled import follow_map

        steps, moved = int(self.length), (self.x, self.tangents)
        whole, contrast = follow_map(
            self._kernel.jacobian, *self._code, *moved, int(self.origin), self.done, steps,
            int(self.qr_every), self._max_norm, logs, volumes,
        )  # fmt: skip
        return whole, contrast, whole * steps, "finished" if whole == len(logs) else "diverged"


class CompiledSteps(_Compiled):
    """A flow by steps of equal length."""

    def __init__(self, *args: Any, step: float) -> None:
        super().__init__(*args)
        self.h = step

    def _follow(self, logs: np.ndarray, volumes: np.ndarray) -> tuple[int, float, int, Any]:
        from gandyn.lyapunov.compiled import follow_runge_kutta

        steps, moved = int(self.length), (self.x, self.tangents)
        whole, contrast = follow_runge_kutta(
            self._kernel.jacobian, *self._code, *moved, self.origin, self.done, self.h, steps,
            int(self.qr_every), self._max_norm, logs, volumes,
        )  # fmt: skip
        return whole, contrast, whole * steps, "finished" if whole == len(logs) else "diverged"


class CompiledFlow(_Compiled):
    """A flow by steps of controlled error."""

    def __init__(self, *args: Any, rtol: float, atol: float) -> None:
        super().__init__(*args)
        self._tolerances = rtol, atol

    def resolution(self, steps: int, time: float) -> float:
        return self._tolerances[0] * steps / time

    def _follow(self, logs: np.ndarray, volumes: np.ndarray) -> tuple[int, float, int, Any]:
        from gandyn.lyapunov.compiled import follow_flow
        from gandyn.trajectories.compiled import FINISHED, STALLED

        steps, moved = np.zeros(len(logs), dtype=np.int64), (self.x, self.tangents)
        function = self._kernel.jacobian if self.tangents.shape[0] else self._kernel.velocity
        whole, contrast, self.h, status = follow_flow(
            function, *self._code, *moved, self.origin, self.done, self.h, self.length, int(self.qr_every),
            *self._tolerances, self._max_norm, logs, volumes, steps,
        )  # fmt: skip
        names = {FINISHED: "finished", STALLED: "stalled"}
        return whole, contrast, int(steps.sum()), names.get(status, "diverged")


class Stretched(Engine):
    """An engine in Python: moves by stretches from one orthonormalisation to the next."""

    def __init__(self, x: Array, t: float, qr_every: float | None, max_norm: float) -> None:
        super().__init__(x, t, qr_every)
        self._max_norm = max_norm
        self._steps = 0

    def run(self, records: int) -> Piece:
        """Go on for so many records."""
        logs, self._steps = np.zeros((records, self.tangents.shape[0])), 0
        status: Any = "finished"
        for row in range(records):
            status = self._record(logs[row])
            if status != "finished":
                logs = logs[:row]
                break
            self.done += 1
        return Piece(logs, np.full(len(logs), np.nan), self._steps, status)

    def _record(self, log: np.ndarray) -> str:
        pieces = max(1, int(np.ceil(self.length / self.qr_every * (1 - 1e-12))))
        bounds = self._bounds(pieces)
        for begin, end in pairwise(bounds):
            x, tangents, status = self.stretch(begin, end)
            if status != "finished":
                return status
            self.x, self.tangents, growth = _orthonormal(x, tangents)
            if len(growth):
                self.contrast = max(self.contrast, float(growth.max() - growth.min()))
            log += growth
        return "finished"

    def _bounds(self, pieces: int) -> list[float]:
        start = self.origin + self.done * self.length
        end = self.origin + (self.done + 1) * self.length
        return [*(start + i * (end - start) / pieces for i in range(pieces)), end]

    def stretch(self, begin: float, end: float) -> tuple[Array, Array, str]:
        """Return state and tangents at ``end``, these not orthonormal, and "finished" or why not."""
        raise NotImplementedError


class ProductMap(Stretched):
    """A map by its own products ``J u``: k of them a step, whatever the size of the state."""

    def __init__(self, system: UpdateMap, *args: Any) -> None:
        super().__init__(*args)
        self._system = system

    def resolution(self, steps: int, time: float) -> float:
        return float(array_namespace(self.x).finfo(self.x.dtype).eps) * steps / time

    def _bounds(self, pieces: int) -> list[float]:
        start, length = self.origin + self.done * self.length, int(self.length)
        return [
            start + min(i * int(self.qr_every), length) for i in range(-(-length // int(self.qr_every)) + 1)
        ]

    def stretch(self, begin: float, end: float) -> tuple[Array, Array, str]:
        x, tangents = self.x, self.tangents
        for number in range(int(begin), int(end)):
            x, tangents = self._moved(x, tangents, number)
            self._steps += 1
            if not _norm(x) <= self._max_norm:
                return x, tangents, "diverged"
        return x, tangents, "finished"

    def _moved(self, x: Array, tangents: Array, number: int) -> tuple[Array, Array]:
        if not tangents.shape[0]:
            return self._system(x, number), tangents
        return self._system.tangents(x, tangents, number)


class ProductFlow(Stretched):
    """A flow by products ``J u``, state and tangents integrated together."""

    interval = "of flow time"

    def __init__(self, system: VectorField, *args: Any, rtol: float, atol: float) -> None:
        super().__init__(*args)
        self._system, self._tolerances = system, (rtol, atol)

    def resolution(self, steps: int, time: float) -> float:
        return self._tolerances[0] * steps / time

    def _rounded(self, interval: float) -> float:
        return interval

    def stretch(self, begin: float, end: float) -> tuple[Array, Array, str]:
        n, k = self.x.shape[0], self.tangents.shape[0]
        xp = array_namespace(self.x)
        start = xp.concat([self.x, xp.reshape(self.tangents, (-1,))])
        rtol, atol = self._tolerances
        found = trajectory(
            self._with_tangents(k), start, t0=begin, t_end=end, rtol=rtol, atol=atol, save_every=10**9,
            max_norm=self._max_norm + 1e8, progress=False,
        )  # fmt: skip
        self._steps += found.steps
        if found.status == "interrupted":
            raise KeyboardInterrupt
        x, tangents = found.x[-1, :n], xp.reshape(found.x[-1, n:], (k, n))
        if found.status == "finished" and not _norm(x) <= self._max_norm:
            return x, tangents, "diverged"
        return x, tangents, found.status if found.status in ("finished", "diverged") else "stalled"

    def _with_tangents(self, k: int) -> VectorField:
        n, field = self.x.shape[0], self._system

        def fn(y: Array, t: Any) -> Array:
            xp = array_namespace(y)
            if not k:
                return field(y, t)
            products = field.jvp(y[:n], xp.reshape(y[n:], (k, n)), t)
            return xp.concat([field(y[:n], t), xp.reshape(products, (-1,))])

        return VectorField(fn, Layout((Block("state and tangents", "state", (n * (1 + k),)),)))


class SwitchingFlow(Stretched):
    """A flow whose velocity jumps on planes: tangents jump there too, by the saltation matrix."""

    interval = "of flow time"

    def __init__(
        self, system: VectorField, planes: Planes, template: Array, *args: Any, rtol: float, atol: float
    ) -> None:
        super().__init__(*args)
        self._flow = Flow(system, planes, rtol, atol, self._max_norm, template)
        self._tolerances = rtol, atol

    def resolution(self, steps: int, time: float) -> float:
        return self._tolerances[0] * steps / time

    def _rounded(self, interval: float) -> float:
        return interval

    def stretch(self, begin: float, end: float) -> tuple[Array, Array, str]:
        before = self._flow.steps
        try:
            arc = self._flow.arc(self.x, end - begin, tangents=self.tangents.shape[0] > 0)
        except FlowError as error:
            return self.x, self.tangents, "diverged" if "diverges" in str(error) else "stalled"
        self._steps += self._flow.steps - before
        tangents = self.tangents
        for piece in arc.pieces:
            tangents = tangents @ piece.T
        return arc.states[-1], tangents, "finished"


def _norm(x: Array) -> float:
    xp = array_namespace(x)
    return float(xp.sqrt(xp.sum(x * x)))


def _orthonormal(x: Array, tangents: Array) -> tuple[Array, Array, np.ndarray]:
    """Return state, orthonormal tangents, and the logarithms of their growth on the host."""
    if not tangents.shape[0]:
        return x, tangents, np.zeros(0)
    xp = array_namespace(tangents)
    basis, upper = xp.linalg.qr(xp.matrix_transpose(tangents))
    with np.errstate(divide="ignore"):
        growth = np.log(np.abs(np.diagonal(to_numpy(upper).astype(np.float64))))
    return x, xp.matrix_transpose(basis), growth


def engine_for(
    system: VectorField | UpdateMap,
    x: Array,
    t: float,
    *,
    step: float | None,
    rtol: float,
    atol: float,
    qr_every: float | None,
    max_norm: float,
    planes: Planes | None,
) -> Engine:
    """Return the engine for a system: compiled where its Jacobian is dense and small."""
    xp = array_namespace(x)
    kernel = system.kernel
    compiled = (kernel is not None and kernel.compiled) or x.shape[0] <= _MAX_DENSE
    compiled = compiled and x.dtype == xp.float64
    common = x, t, qr_every, max_norm
    if isinstance(system, UpdateMap):
        return CompiledMap(system, *common) if compiled else ProductMap(system, *common)
    if planes is not None and len(planes):
        host = np.array(to_numpy(x), dtype=np.float64)
        return SwitchingFlow(system, planes, x, host, *common[1:], rtol=rtol, atol=atol)
    if step is not None:
        if not compiled:
            raise ValueError(
                "step= takes dense Jacobians, of a compiled field or of at most "
                f"{_MAX_DENSE} float64 entries; for other fields pass the map schemes.rk4(field, step)"
            )
        return CompiledSteps(system, *common, step=step)
    make: Any = CompiledFlow if compiled else ProductFlow
    engine: Engine = make(system, *common, rtol=rtol, atol=atol)
    return engine
