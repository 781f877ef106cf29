"""The examination behind ``diagnose``: the orbit of a system, from the plainest fate to the wildest."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gandyn.arrays import Array, like, to_numpy
from gandyn.cycles import FlowError, LimitCycle, Section, limit_cycle
from gandyn.field import System, UpdateMap, VectorField
from gandyn.fixed_points import FixedPoint, classify, fixed_point, iterated
from gandyn.lyapunov.alignment import alignment
from gandyn.lyapunov.diagnosis import Diagnosis, Fate
from gandyn.lyapunov.orbit import orbit_of
from gandyn.lyapunov.result import Lyapunov, Status
from gandyn.lyapunov.series import (
    drifts,
    exact_period,
    extents,
    nearest_period,
    pace,
    test_of_increments,
)
from gandyn.lyapunov.spectrum import lyapunov_spectrum

__all__ = ["Examination", "Limits"]

#: Extent over the size of the state below which it rests; factor by which it shrinks while it settles.
_RESTING, _SETTLING = 1e-6, 0.1
_MOST_PERIOD = 1000
#: Parts of the transient of a flow, to tell the time of an escape in it.
_PARTS = 500
#: Distance of a return over the extent of the orbit: near enough to look for a cycle; exact but for rounding.
_NEAR, _ROUNDED = 1e-4, 1e-10
#: Change of the speed from one half of the time to the other that chaos may have, and a torus.
_STEADY, _UNEVEN = 2.0, 0.05
#: Mean divergence, per unit of flow time, beyond which volumes grow.
_GROWS = 1e-6
#: Logarithm of a factor over the whole time that a power of it may explain; see ``Alignment.verdict``.
_POWER = 2 * math.log(100.0)


@dataclass(frozen=True)
class Limits:
    """How long, how accurate, and with which seed; see ``diagnose``.

    Args:
        length: steps or flow time to watch.
        transient: steps or flow time before.
        samples: at how many times it is watched.
        k: number of exponents, or None.
        rtol: relative tolerance.
        atol: absolute tolerance.
        max_norm: norm beyond which a state has escaped.
        seed: of all that is random.
        progress: show progress bars.
    """

    length: float
    transient: float
    samples: int
    k: int | None
    rtol: float
    atol: float
    max_norm: float
    seed: int
    progress: bool


class Examination:
    """One orbit under examination; what is found is kept as it comes.

    Args:
        system: the vector field or update map.
        x0: the start.
        limits: how long and how accurate.
        switches: planes on which the velocity of a flow jumps.
    """

    def __init__(self, system: System, x0: Array, limits: Limits, switches: Sequence[Section] | None) -> None:
        self.system, self.limits, self.switches = system, limits, switches
        self.is_map = isinstance(system, UpdateMap)
        self.orbit = orbit_of(
            system, x0, seed=limits.seed, progress=limits.progress, max_norm=limits.max_norm,
            rtol=limits.rtol, atol=limits.atol, switches=switches,
        )  # fmt: skip
        self.states = np.empty((0, 1))
        self.found: dict[str, Any] = dict.fromkeys(
            ("point", "period", "cycle", "exact_period", "exponents", "alignment", "zero_one")
        )

    def carry_out(self) -> Diagnosis:
        """Return the diagnosis; an interrupt ends it."""
        try:
            with np.errstate(all="ignore"):
                verdict, reason = self._verdict()
        except KeyboardInterrupt:
            return self._diagnosis("undecided", "interrupted", "interrupted")
        if any(getattr(test, "status", "") == "interrupted" for test in self.found.values()):
            return self._diagnosis("undecided", "interrupted", "interrupted")
        return self._diagnosis(verdict, reason, "finished")

    def _diagnosis(self, verdict: Fate, reason: str, status: Any) -> Diagnosis:
        dt = float(getattr(self.system, "dt", 1.0))
        return Diagnosis(
            verdict=verdict,
            reason=reason,
            time=self.orbit.time * dt,
            extent=float(extents(self.states, 2)[-1]) if len(self.states) > 1 else float("nan"),
            clock="map" if self.is_map else "flow",
            dt=dt,
            status=status,
            label=self.system.label,
            **self.found,
        )

    def _verdict(self) -> tuple[Fate, str]:
        status = self._follow()
        if status != "finished":
            return self._ended(status)
        for look in (self._at_rest, self._at_period):
            if (fate := look()) is not None:
                return fate
        exponents = self._measure()
        if exponents.status != "finished":
            return self._ended(exponents.status)
        if self.found["exact_period"]:
            return self._repeated(self.found["exact_period"], exponents)
        self._test()
        if not 1 / _STEADY < pace(self.states) < _STEADY:
            return "undecided", "the orbit still grows or shrinks: watch it longer"
        votes = self._votes()
        if not self.is_map and votes.count("chaotic") < 2 and (fate := self._round()) is not None:
            return fate
        neutral = self._signs().count("zero") - (not self.is_map)
        if "chaotic" not in votes and drifts(self.states):
            return "undecided", "the orbit drifts on and does not come back"
        return _decided(votes, exponents) or self._regular(neutral)

    def _repeated(self, period: int, exponents: Lyapunov) -> tuple[Fate, str]:
        """Judge an orbit of a map with so long a period that only exponents tell whether it attracts."""
        if exponents.verdicts[0] == "positive":
            return "undecided", _held(period, float(exponents.exponents[0]))
        self.found["period"] = period * self.system.dt if isinstance(self.system, UpdateMap) else None
        return "cycle", f"the map repeats itself to the last bit after {period} steps"

    def _follow(self) -> Status:
        """Pass the transient and watch what follows."""
        limits = self.limits
        status = self.orbit.skip(limits.transient, int(limits.transient) if self.is_map else _PARTS)
        if status == "finished":
            self.states, status = self.orbit.watch(limits.length, limits.samples)
        return status

    def _ended(self, status: Status) -> tuple[Fate, str]:
        if status == "diverged":
            return "escape", f"its norm left {self.limits.max_norm:g}, or is no longer finite"
        if status == "interrupted":
            raise KeyboardInterrupt
        return "undecided", "the flow cannot be followed: it meets a singularity, a jump, or slides along one"

    def _at_rest(self) -> tuple[Fate, str] | None:
        """Decide if the orbit rests at a fixed point or is about to; None if it moves on."""
        x = self.orbit.x
        size = 1 + float(np.linalg.norm(to_numpy(x)))
        sizes = extents(self.states, 4)
        rests = sizes[-1] <= max(_RESTING, 1e3 * self.limits.rtol) * size
        if not rests and not (np.all(np.diff(sizes) < 0) and sizes[-1] <= _SETTLING * sizes[0]):
            return None
        point = fixed_point(self.system, x, progress=False)
        away = float(np.linalg.norm(point.x - to_numpy(x)))
        if point.status != "converged" or away > 10 * sizes[-1] + 1e-6 * size:
            return None
        if not (rests or point.stable):
            return None
        self.found["point"] = point
        if self.is_map and rests:
            self.found["exact_period"] = exact_period(self.states)
        if point.stable is not False:
            return "fixed point", f"the orbit {'rests' if rests else 'settles'}: {point.kind}"
        return "undecided", self._beside(point, max(away, sizes[-1]) <= 1e-14 * size)

    def _beside(self, point: FixedPoint, on_it: bool) -> str:
        """Say that the orbit is at a point that does not attract."""
        growth = float(point.growth_rates[0])
        if on_it or self.found["exact_period"] == 1:
            return _held(1, growth, point.kind)
        return (
            f"the orbit lingers at a {point.kind}, from which neighbours leave at the rate {growth:+.4g}: "
            "a slow passage; watch it longer"
        )

    def _at_period(self) -> tuple[Fate, str] | None:
        """Decide if the orbit of a map is on a periodic orbit."""
        if not self.is_map:
            return None
        self.found["exact_period"] = exact_period(self.states)
        near = nearest_period(self.states, min(_MOST_PERIOD, len(self.states) // 4), _NEAR)
        if near is None:
            return None
        period, distance = near
        point = self._periodic_point(period)
        exact = distance <= _ROUNDED * float(extents(self.states, 2)[-1])
        away = float(np.linalg.norm(point.x - to_numpy(self.orbit.x)))
        if away > 10 * distance + 1e-8 * (1 + float(np.linalg.norm(point.x))) or not (exact or point.stable):
            return None
        self.found |= {"point": point, "period": point.dt}
        if point.stable or (point.stable is None and exact):
            return "cycle", f"the map repeats itself after {period} steps: {point.kind}"
        return "undecided", _held(period, float(point.growth_rates[0]), point.kind)

    def _periodic_point(self, period: int) -> FixedPoint:
        system, x = self.system, self.orbit.x
        found = fixed_point(iterated(system, period), x, progress=False)
        return classify(system, like(found.x, x), period=period, status=found.status)

    def _measure(self) -> Lyapunov:
        limits, n = self.limits, self.system.layout.dim
        self.found["exponents"] = found = lyapunov_spectrum(
            self.system, self.orbit.x, k=min(n, 3) if limits.k is None else limits.k, t0=self._now(),
            weighting="smooth", switches=self.switches, seed=limits.seed, rtol=limits.rtol, atol=limits.atol,
            max_norm=limits.max_norm, progress=limits.progress, **self._amount(),
        )  # fmt: skip
        return found

    def _test(self) -> None:
        """Carry out the tests of chaos."""
        limits, n = self.limits, self.system.layout.dim
        if n > 1:
            self.found["alignment"] = alignment(
                self.system, self.orbit.x, k=max(2, min(limits.k or 2, n)), t0=self._now(), rtol=limits.rtol,
                atol=limits.atol, switches=self.switches, seed=limits.seed, max_norm=limits.max_norm,
                progress=limits.progress, **self._amount(),
            )  # fmt: skip
        self.found["zero_one"] = test_of_increments(self.states, limits.seed, limits.progress)

    def _regular(self, neutral: int) -> tuple[Fate, str]:
        """Judge a regular orbit that neither settles nor returns; ``neutral`` exponents across it are 0."""
        if neutral < 1:
            return (
                "undecided",
                "it was not seen to return, but no direction across it is neutral",
            )
        if self._spirals():
            return "undecided", "the orbit winds slowly outwards or inwards: watch it longer"
        return "torus", f"all tests say regular, and it never returns; exponents that vanish: {neutral}"

    def _spirals(self) -> bool:
        """Return whether the orbit slowly winds outwards or inwards, or volumes grow along it."""
        divergence = self.found["exponents"].divergence
        grows = divergence is not None and divergence > max(self.found["exponents"].resolution, _GROWS)
        return grows or abs(pace(self.states) - 1) > _UNEVEN

    def _now(self) -> float:
        return round(self.orbit.time) if self.is_map else self.orbit.time

    def _amount(self) -> dict[str, Any]:
        return {"n_steps": int(self.limits.length)} if self.is_map else {"t_end": self.limits.length}

    def _votes(self) -> list[str]:
        """Return what exponents, alignment and the 0-1 test say."""
        tests = [self.found["alignment"], self.found["zero_one"]]
        words = {"positive": "chaotic", "undecided": "undecided"}
        return [words.get(self._signs()[0], "regular"), *(test.verdict for test in tests if test is not None)]

    def _signs(self) -> list[str]:
        """Return the signs of the exponents: a growth that a power of the time explains counts as zero.

        Shear between neighbouring tori lets tangents grow like t, and their exponent fall like ln(t) / t.
        """
        found = self.found["exponents"]
        growth = found.exponents * self.limits.length * found.dt
        return [_sign(*pair) for pair in zip(found.verdicts, growth, strict=True)]

    def _round(self) -> tuple[Fate, str] | None:
        """Decide if a flow goes round a cycle."""
        assert isinstance(self.system, VectorField)
        limits = self.limits
        try:
            cycle: LimitCycle = limit_cycle(
                self.system, self.orbit.x, transient=limits.length / 100, max_period=limits.length,
                switches=self.switches, max_norm=limits.max_norm, progress=False,
            )  # fmt: skip
        except (FlowError, ValueError):
            return None
        if cycle.stability == "unstable":
            return None
        self.found |= {"cycle": cycle, "period": cycle.period}
        kind = "a stable cycle" if cycle.stable else "one of a family of neutral cycles"
        return "cycle", f"the flow returns after {cycle.period:.6g}: {kind}"


def _sign(verdict: str, growth: float) -> str:
    """Return the sign of an exponent with this verdict, over whose time a tangent grew by exp(growth)."""
    if 0 < growth < _POWER:
        return "zero"
    if verdict == "compatible with zero":
        return "zero" if growth < _POWER else "undecided"
    return verdict


def _held(period: int, growth: float, kind: str = "orbit") -> str:
    """Say that an orbit repeats itself where it should not."""
    where = f"stays at a {kind}" if period == 1 else f"on a {kind} repeats itself after {period} steps,"
    return (
        f"the orbit {where} to the last bit, though neighbours leave it at the rate {growth:+.4g}: "
        "the start lies on it, or floating-point numbers collapsed onto it; start elsewhere"
    )


def _decided(votes: list[str], exponents: Lyapunov) -> tuple[Fate, str] | None:
    """Return what exponents, alignment and the 0-1 test agree on, or fail to; None for a regular orbit."""
    chaotic, regular = votes.count("chaotic"), votes.count("regular")
    said = f"of {len(votes)} tests {chaotic} say chaotic, {regular} regular"
    if chaotic > 1 and not regular:
        return "chaos", f"{said}; largest exponent {exponents.exponents[0]:+.4g}"
    if chaotic or regular < 2:
        return "undecided", f"the tests do not agree: {said}"
    return None
