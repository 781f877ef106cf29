"""The phases of a measurement: transient, warm-up of the tangents, average."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from gandyn.arrays import Array, like
from gandyn.checks import check_floats
from gandyn.cycles.section import Planes, Section, switches_of
from gandyn.field import System, UpdateMap, VectorField
from gandyn.lyapunov.record import Folder, Memory
from gandyn.lyapunov.result import Status

if TYPE_CHECKING:
    from gandyn.lyapunov.engines import Engine

__all__ = ["Measurement", "Plan", "amount_of", "first_tangents", "plan_for", "planes_of"]

_MOST_RECORDS = 4096
_FEWEST_STEPS = 8
_FEW_RECORDS = 16
_PIECE_SECONDS = 0.05
_KEEP_SECONDS = 2.0
#: Logarithm of a contrast that leaves the last exponent six digits or fewer.
_BLURRED = math.log(1e10)
_TRANSIENT, _WARMUP, _AVERAGE, _DONE = range(4)
_NAMES = "transient", "warm-up", "average", "average"


@dataclass(frozen=True)
class Plan:
    """How long each phase is: steps of a map or of fixed length, or flow time.

    Args:
        amount: length of the average.
        transient: length of the transient.
        warmup: length of the warm-up.
        k: number of tangents.
        t0: flow time at the start, or number of the first step.
        record: length of a record, or None to choose it.
        unit: flow time of a unit of length.
        stepped: whether lengths are steps.
        is_map: whether times are numbers of steps too.
    """

    amount: float
    transient: float
    warmup: float
    k: int
    t0: float
    record: float | None
    unit: float
    stepped: bool
    is_map: bool

    @property
    def lengths(self) -> tuple[float, float, float]:
        """Of transient, warm-up and average."""
        return self.transient, self.warmup, self.amount

    def settings(self) -> dict[str, Any]:
        """Return the plan as plain values."""
        return asdict(self)

    def whole(self, amount: float, length: float) -> int:
        """Return the number of whole records of this length in an amount."""
        if not amount:
            return 0
        return int(amount // length) if self.stepped else round(amount / length)

    def even(self, amount: float, records: float) -> float:
        """Return the length of a record, for about so many in an amount; whole where lengths are steps."""
        return float(-(-amount // records)) if self.stepped else amount / max(1, round(records))

    def time(self, amount: float) -> float:
        """Return the time of the system after so much of the plan."""
        return self.t0 + (amount if self.is_map else amount * self.unit)


def amount_of(system: System, n_steps: int | None, t_end: float | None) -> float:
    """Return the steps of a map or the time of a flow; raise unless that one alone is given and positive."""
    is_map = isinstance(system, UpdateMap)
    amount, other = (n_steps, t_end) if is_map else (t_end, n_steps)
    if amount is None or other is not None or not 0 < amount < math.inf:
        what = "a map takes n_steps, at least 1" if is_map else "a flow takes t_end, finite and positive"
        raise ValueError(f"{what}, and not the other; got n_steps={n_steps}, t_end={t_end}")
    return amount


def first_tangents(x: Array, k: int, seed: int) -> Array:
    """Return k random orthonormal rows, shape (k, n), in the namespace of ``x``."""
    random = np.random.default_rng(seed).normal(size=(x.shape[0], k))
    return like(np.ascontiguousarray(np.linalg.qr(random)[0].T), x)


def plan_for(
    system: System,
    x0: Array,
    *,
    n_steps: int | None,
    t_end: float | None,
    k: int | None,
    transient: float,
    warmup: float | None,
    t0: float,
    step: float | None,
    record_every: float | None,
) -> Plan:
    """Check the arguments of ``lyapunov_spectrum`` that say how long, and return the plan."""
    n, is_map = system.layout.dim, isinstance(system, UpdateMap)
    check_floats("x0", x0, (n,))
    amount = amount_of(system, n_steps, t_end)
    k = n if k is None else k
    if not 1 <= k <= n:
        raise ValueError(f"k must be from 1 to the {n} entries of the state, got {k}")
    if step is not None and (is_map or not 0 < step < math.inf):
        raise ValueError(f"step is the length of the steps of a flow, finite and positive; got {step}")
    if warmup is None:
        warmup = -(-amount // 10) if is_map else amount / 10
    lengths = {"transient": transient, "warmup": warmup, "record_every": record_every}
    for name, length in lengths.items():
        if length is not None and (not 0 <= length < math.inf or (length == 0 and name == "record_every")):
            raise ValueError(f"{name} must be finite and not negative, got {length}")
    if is_map:
        for name, length in {"n_steps": amount, "t0": t0, **lengths}.items():
            if length is not None and length != int(length):
                raise ValueError(f"{name} of a map is a number of steps, got {length}")
    unit = float(getattr(system, "dt", 1.0)) if is_map else (step or 1.0)
    units = lambda length: length if step is None else round(length / step)
    record = None if record_every is None else (record_every if step is None else max(units(record_every), 1))
    average = amount if step is None else max(units(amount), 1)
    stepped = is_map or step is not None
    return Plan(average, units(transient), units(warmup), k, t0, record, unit, stepped, is_map)


def planes_of(system: System, switches: Sequence[Section] | None) -> Planes | None:
    """Return the planes on which the velocity of a flow jumps, given or of its formula; None for a map."""
    if isinstance(system, VectorField):
        return switches_of(system, switches)
    if switches:
        raise ValueError("switches are those of a flow; a map takes its Jacobian as it is")
    return None


class Measurement:
    """An engine driven through the phases of a plan, into a record.

    Args:
        plan: how long each phase is.
        engine: what moves state and tangents.
        record: where the rows go: flow time, volume and k logarithms of growth each.
        seed: seed of the first tangents.
    """

    def __init__(self, plan: Plan, engine: Engine, record: Memory | Folder, seed: int) -> None:
        self.plan, self.engine, self.record, self._seed = plan, engine, record, seed
        self.steps, self._phase, self._kept = 0, _TRANSIENT, time.monotonic()
        memory = record.state()
        if memory is None:
            self._begin(_TRANSIENT, pace=None)
        else:
            self._phase, self.steps = map(int, memory["phase"])
            engine.restore(memory)

    @property
    def start(self) -> float:
        """Flow time at which the average begins."""
        return self.plan.time(self.plan.transient + self.plan.warmup) * (
            self.plan.unit if self.plan.is_map else 1
        )

    def carry_out(self, progress: bool) -> tuple[Status, str]:
        """Go on from where the record stands to the end; Ctrl-C, and what ends the orbit, end it."""
        from tqdm import tqdm

        total = sum(self.plan.lengths)
        status: Status = "finished"
        try:
            with (
                tqdm(total=total, desc="exponents", leave=False, disable=None if progress else True) as bar,
                np.errstate(all="ignore"),
            ):
                while self._phase < _DONE and status == "finished":
                    status = self._run(bar)
        except KeyboardInterrupt:
            status = "interrupted"
        self._keep(at_once=True)
        return status, self._message(status)

    def _begin(self, phase: int, pace: float | None) -> None:
        """Begin a phase; ``pace`` is the number of steps to a unit of length, as far as it is known."""
        plan, engine = self.plan, self.engine
        self._phase, self.steps = phase, 0
        if phase == _WARMUP:
            engine.tangents = first_tangents(engine.x, plan.k, self._seed)
        record = (
            self._record_length(pace) if phase == _AVERAGE else plan.even(plan.lengths[phase], _FEW_RECORDS)
        )
        engine.begin(plan.time(sum(plan.lengths[:phase])), record)

    def _record_length(self, pace: float | None) -> float:
        plan = self.plan
        if plan.record is not None:
            return (
                min(plan.record, plan.amount)
                if plan.stepped
                else plan.even(plan.amount, plan.amount / plan.record)
            )
        most = _MOST_RECORDS if plan.stepped or pace is None else plan.amount * pace / _FEWEST_STEPS
        return plan.even(plan.amount, min(most, _MOST_RECORDS))

    def _run(self, bar: Any) -> Status:
        """Carry out what is left of the phase, then begin the next one."""
        plan, engine, amount, piece = self.plan, self.engine, self.plan.lengths[self._phase], 1
        count = plan.whole(amount, engine.length)
        while engine.done < count:
            asked = 1 if self._phase == _WARMUP else min(piece, count - engine.done)
            begun = time.monotonic()
            status = self._piece(asked, bar)
            if status != "finished":
                return status
            if self._phase == _WARMUP:
                engine.adapt()
            self._keep()
            piece = int(np.clip(asked * _PIECE_SECONDS / max(time.monotonic() - begun, 1e-6), 1, 8 * asked))
        left = amount - count * engine.length if plan.stepped else 0
        if left and engine.done == count:
            engine.begin(plan.time(sum(plan.lengths[: self._phase]) + amount - left), left)
            status = self._piece(1, bar)
            if status != "finished":
                return status
        if self._phase == _AVERAGE:
            self._phase = _DONE
        else:
            self._begin(self._phase + 1, self.steps / amount if amount else None)
        return "finished"

    def _piece(self, records: int, bar: Any) -> Status:
        """Go on for so many records, or, if interrupted, for none."""
        engine, memory = self.engine, self.engine.memory()
        try:
            found = engine.run(records)
        except BaseException:
            engine.restore(memory)
            raise
        self.steps += found.steps
        if self._phase == _AVERAGE:
            spans = np.full(len(found.logs), engine.length * self.plan.unit)
            self.record.add(np.column_stack([spans, found.volumes, found.logs]))
        bar.update(len(found.logs) * engine.length)
        return found.status

    def _keep(self, at_once: bool = False) -> None:
        if at_once or time.monotonic() - self._kept > _KEEP_SECONDS:
            self.record.keep({"phase": np.array([self._phase, self.steps]), **self.engine.memory()})
            self._kept = time.monotonic()

    def _message(self, status: Status) -> str:
        engine = self.engine
        words = [f"tangents made orthonormal every {engine.qr_every:g} {engine.interval}"]
        if status != "finished":
            words.append(f"{status} in the {_NAMES[self._phase]}")
        if engine.contrast > _BLURRED:
            words.append(
                f"between two times they grew apart by exp({engine.contrast:.3g}): take qr_every smaller"
            )
        return "; ".join(words)
