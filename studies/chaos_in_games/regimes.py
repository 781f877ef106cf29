"""What an orbit does at each step size: settles, is periodic, quasi-periodic or chaotic, or escapes."""

from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
from scipy.optimize import brentq

from gandyn import ExponentSweep, OrbitDiagram, UpdateMap, VectorField, exponent_sweep, orbit_diagram
from studies.chaos_in_games.cases import ASIDE, BOUND, Case

REGIMES = ("settles", "rests elsewhere", "periodic", "quasi-periodic", "chaotic", "escapes", "undecided")
#: Growth a step of which a quasi-periodic orbit must be known to have no more.
SLOW = 5e-3
KEPT, CLOSE = 200, 1e-6
#: Speed below which the game itself is at rest.
REST = 1e-4


@dataclass(frozen=True)
class Row:
    """A game trained by a rule under many step sizes.

    Args:
        sweep: exponents at each step size.
        diagram: last states at each step size.
        regimes: number of the regime of each, an index of ``REGIMES``.
    """

    sweep: ExponentSweep
    diagram: OrbitDiagram
    regimes: np.ndarray


def look(case: Case, rule: str, count: int, n_steps: int, transient: int) -> Row:
    """Return exponents, last states and regimes at step sizes up to the top one."""
    step, start = case.step(rule), case.point + ASIDE
    h = np.linspace(case.top / count, case.top, count)
    sweep = exponent_sweep(
        step, start, {"h": h}, n_steps=n_steps, transient=transient, warmup=200, weighting="smooth",
        max_norm=BOUND, progress=False,
    )  # fmt: skip
    diagram = orbit_diagram(
        step, start, "h", h, transient=transient + n_steps, keep=KEPT, max_norm=BOUND, progress=False
    )
    return Row(sweep, diagram, np.array([_regime(case.field(), sweep, diagram, i) for i in range(count)]))


def _regime(field: VectorField, sweep: ExponentSweep, diagram: OrbitDiagram, i: int) -> int:
    if sweep.statuses[i] != "finished" or diagram.statuses[i] != "finished":
        return REGIMES.index("escapes")
    h, largest, zero = sweep.values[0][i], sweep.exponents[i, 0], sweep.zero[i, 0]
    repeats = period(diagram.states[i])
    if largest > zero:
        return REGIMES.index("chaotic")
    if largest < -zero or repeats:
        rests = repeats == 1
        still = rests and float(np.abs(field(diagram.states[i, -1])).max()) < REST
        return REGIMES.index("settles" if still else "rests elsewhere" if rests else "periodic")
    return REGIMES.index("quasi-periodic" if zero * h < SLOW else "undecided")


def period(states: np.ndarray) -> int:
    """Return after how many steps the states, shape (k, n), repeat; 0 where that is more than k/2."""
    for p in range(1, len(states) // 2 + 1):
        if np.abs(states[p:] - states[:-p]).max() < CLOSE:
            return p
    return 0


def summary(case: Case, rule: str, row: Row) -> dict[str, Any]:
    """Return the regimes in rising step size, where stability is lost, and where chaos begins."""
    h, names = row.sweep.values[0], [REGIMES[i] for i in row.regimes]
    chaotic = np.flatnonzero(row.regimes == REGIMES.index("chaotic"))
    lost = next((i for i, name in enumerate(names) if name != "settles"), len(names))
    return {
        "top": case.top,
        "spacing of h": float(h[1] - h[0]),
        "regimes": [[float(h[i]), names[i]] for i in _begins(names)],
        "share": {name: names.count(name) / len(names) for name in REGIMES},
        "stability": {**predicted(case.step(rule), case.point, case.top), **_between("is lost", h, lost)},
        "chaos begins": _between("h", h, int(chaotic[0])) if len(chaotic) else None,
    }


def _begins(names: list[str]) -> list[int]:
    lengths = [len(list(run)) for _, run in groupby(names)]
    return [0, *np.cumsum(lengths)[:-1].tolist()]


def _between(word: str, h: np.ndarray, i: int) -> dict[str, list[float] | None]:
    """Return the step sizes between which something begins; None where it does not."""
    return {word: [float(h[i - 1]) if i else 0.0, float(h[i])] if i < len(h) else None}


def predicted(step: UpdateMap, point: np.ndarray, top: float) -> dict[str, Any]:
    """Return the step sizes with all multipliers below 1, and how the first range ends."""

    def largest(h: float) -> float:
        return float(np.abs(np.linalg.eigvals(step.with_constants(h=h).jac(point))).max()) - 1

    steps = np.linspace(top / 1000, top, 1000)
    stable = np.array([largest(h) < 0 for h in steps.tolist()])
    turns = np.flatnonzero(np.diff(stable))
    ends = [float(brentq(largest, steps[i], steps[i + 1], xtol=1e-12)) for i in turns.tolist()]
    bounds = [0.0] * bool(stable[0]) + ends + [top] * bool(stable[-1])
    ranges = [[low, high] for low, high in zip(bounds[::2], bounds[1::2], strict=True)]
    return {
        "stable h": ranges,
        "how it ends": _how(step.with_constants(h=ranges[0][1]), point) if ranges else None,
    }


def _how(step: UpdateMap, point: np.ndarray) -> str:
    value = np.linalg.eigvals(step.jac(point))
    lost = value[np.argmax(np.abs(value))]
    if abs(lost.imag) > 1e-6:
        return "Neimark-Sacker"
    return "period doubling" if lost.real < 0 else "another point"
