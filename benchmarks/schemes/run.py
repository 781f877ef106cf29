"""Time steps of compiled schemes on the bilinear game, on one core, beside loops written by hand.

Run: python -m benchmarks.schemes.run [--repeats N]; writes benchmarks/record/schemes.json.

Every way keeps all states of its run. The interpreter of schemes is one program for all rules and games;
what is written by hand is compiled for this game and rule. pynamicalsys, which gets the same hand-written
step, is measured where it can be imported (pip install pynamicalsys).
"""

import argparse
import os
import statistics
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import numba
import numpy as np

from benchmarks.recording import environment, interleaved, write
from benchmarks.schemes import by_hand
from gandyn import UpdateMap, schemes, trajectory
from gandyn.games import catalogue

STEPS, SOME = 1_000_000, 20_000
RULES: dict[str, Callable[..., UpdateMap]] = {
    "simultaneous": schemes.simultaneous,
    "alternating": schemes.alternating,
    "extragradient": schemes.extragradient,
    "optimistic": schemes.optimistic,
    "rk4": schemes.rk4,
    "adam": lambda field, h: schemes.adam(field, h, bias_correction=False),
}


@numba.njit(cache=True)
def kept(step, x, count, params, nodes, plan):
    """Return every state of a run of a compiled map, shape (count + 1, n)."""
    path = np.empty((count + 1, len(x)))
    path[0] = x
    for k in range(count):
        step(path[k], float(k), params, nodes, plan, path[k + 1])
    return path


def by_gandyn(step: UpdateMap, x: np.ndarray, count: int) -> np.ndarray:
    """Return every state, by the compiled kernel of the map."""
    kernel = step.kernel
    return kept(kernel.velocity, x, count, kernel.params, kernel.nodes, kernel.plan)


def by_numpy(step: Callable[..., np.ndarray], x: np.ndarray, count: int) -> np.ndarray:
    """Return every state, by a loop in Python over NumPy arrays."""
    p, path = np.array([by_hand.H]), np.empty((count + 1, len(x)))
    path[0] = x
    for k in range(count):
        path[k + 1] = step(path[k], p)
    return path


def peer(step: Any, n: int) -> Callable[..., np.ndarray] | None:
    """Return the trajectory of pynamicalsys, or None where it is not installed."""
    try:
        from pynamicalsys import DiscreteDynamicalSystem
    except ImportError:
        return None
    system = DiscreteDynamicalSystem(mapping=step, system_dimension=n, number_of_parameters=1)
    return lambda x, count: system.trajectory(x, count, parameters=np.array([by_hand.H]))


def compare(name: str, repeats: int) -> dict[str, Any]:
    """Return the seconds of every way, and its steps a second."""
    update = RULES[name](catalogue.make("bilinear"), by_hand.H)
    plain = getattr(by_hand, name)
    compiled, x = numba.njit(plain), np.r_[1.0, 0.5, np.zeros(by_hand.SIZES[name] - 2)]
    p, theirs = np.array([by_hand.H]), peer(by_hand.as_array(compiled), len(x))
    np.testing.assert_allclose(by_gandyn(update, x, 100), by_numpy(plain, x, 100), rtol=1e-10, atol=1e-12)
    cases: dict[str, Callable[[], Any]] = {
        "gandyn, compiled": lambda: by_gandyn(update, x, STEPS),
        "gandyn.trajectory": lambda: trajectory(update, x, n_steps=STEPS, progress=False),
        "NumPy loop by hand": lambda: by_numpy(plain, x, SOME),
        "numba loop by hand": lambda: by_hand.kept(compiled, x, p, STEPS),
    }
    if theirs is not None:
        cases["pynamicalsys"] = lambda: theirs(x, STEPS)
    seconds = interleaved(cases, repeats)
    counts = {way: SOME if way.startswith("NumPy") else STEPS for way in seconds}
    return {
        "seconds": seconds,
        "steps": counts,
        "median steps a second": {way: counts[way] / statistics.median(s) for way, s in seconds.items()},
        "best steps a second": {way: counts[way] / min(s) for way, s in seconds.items()},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=9)
    repeats = parser.parse_args().repeats
    load = os.getloadavg()[0]
    results = {name: compare(name, repeats) for name in RULES}
    peers = [name for name in ("pynamicalsys",) if find_spec(name)]
    header = {**environment(*peers), "load before": load, "threads": 1}
    path = write("schemes", {"environment": header, "rules": results})
    for name, result in results.items():
        print(name, {way: f"{rate:.3g}" for way, rate in result["best steps a second"].items()})
    print(path)


if __name__ == "__main__":
    main()
