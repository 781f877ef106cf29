"""Spectra of the Lorenz system and the Henon map, beside pynamicalsys and JiTCODE, on one core.

Run: python -m benchmarks.lyapunov.run [--repeats N]; writes benchmarks/record/lyapunov.json.

Beside pynamicalsys: equal steps (Runge-Kutta of order 4, .01), equal interval between orthonormalisations
(each step), equal time. Beside JiTCODE, which chooses its steps: each of its tolerances and intervals against
the cheapest steps of ours with no larger error. The error is what the sum of the exponents misses the
divergence -41/3 by, which is that of the integrator alone; chance moves the exponents themselves by more.
The other packages are measured where they can be imported (pip install pynamicalsys jitcode).
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import numpy as np

from benchmarks.recording import environment, interleaved, write
from gandyn import lyapunov_spectrum
from gandyn.games import textbook

HENON_STEPS, TIME, STEP = 1_000_000, 10_000.0, 0.01
TRUTH = {"henon": [0.41913, -1.62310], "lorenz": [0.9056, 0.0, -14.5722]}
START = np.array([1.0, 1.0, 20.0])
FIRST_CALL = """
import time
start = time.perf_counter()
import numpy as np
from gandyn import lyapunov_spectrum
from gandyn.games import textbook
lyapunov_spectrum(textbook.lorenz(), np.array([1.0, 1.0, 20.0]), t_end=10.0, progress=False)
print(time.perf_counter() - start)
"""


def henon(steps: int = HENON_STEPS) -> np.ndarray:
    """Return the exponents of the Henon map, orthonormal each step."""
    return lyapunov_spectrum(
        textbook.henon(), np.array([0.1, 0.1]), n_steps=steps, warmup=0, qr_every=1, progress=False
    ).exponents


def lorenz(time: float = TIME, step: float = STEP, **options: Any) -> np.ndarray:
    """Return the exponents of the Lorenz system by steps of equal length."""
    return lyapunov_spectrum(
        textbook.lorenz(), START, t_end=time, warmup=10.0, step=step, progress=False, **options
    ).exponents


def pynamicalsys_cases() -> dict[str, Callable[[], Any]]:
    """Return the same two measurements by pynamicalsys."""
    from pynamicalsys import ContinuousDynamicalSystem, DiscreteDynamicalSystem

    discrete = DiscreteDynamicalSystem(model="henon map")
    continuous = ContinuousDynamicalSystem(model="lorenz system")
    continuous.integrator("rk4", time_step=STEP)
    return {
        "henon pynamicalsys": lambda: discrete.lyapunov([0.1, 0.1], HENON_STEPS, parameters=[1.4, 0.3]),
        "lorenz pynamicalsys": lambda: continuous.lyapunov(START, TIME, parameters=[10, 28, 8 / 3]),
    }


def jitcode_case(interval: float, **tolerances: float) -> Callable[[], np.ndarray]:
    """Return the Lorenz spectrum by JiTCODE; building and loading its machine code is not timed."""
    from jitcode import jitcode_lyap, y

    flow = [10 * (y(1) - y(0)), y(0) * (28 - y(2)) - y(1), y(0) * y(1) - 8 / 3 * y(2)]
    solver = jitcode_lyap(flow, n_lyap=3, verbose=False)
    solver.set_integrator("dopri5", **tolerances)
    solver.set_initial_value(START, 0.0)
    solver.integrate(10.0)

    def run() -> np.ndarray:
        times = solver.t + interval * np.arange(1, round(TIME / interval) + 1)
        return np.mean([solver.integrate(time)[1] for time in times], axis=0)

    return run


def sum_error(exponents: np.ndarray) -> float:
    """Return what the sum misses the divergence by."""
    return abs(float(np.sum(exponents)) + 41 / 3)


def beside_jitcode(repeats: int) -> list[dict[str, Any]]:
    """Return, for settings of JiTCODE, times and errors of it and of steps of ours that err no more."""
    rows = []
    for interval, tolerances in ((1.0, {}), (0.3, {}), (0.3, {"rtol": 1e-4, "atol": 1e-6})):
        theirs = jitcode_case(interval, **tolerances)
        error = max(sum_error(theirs()) for _ in range(3))
        step = next(h for h in np.arange(0.03, 0.0, -0.0005) if sum_error(lorenz(TIME, h)) <= error)
        cases = {"jitcode": theirs, "gandyn": lambda h=step: lorenz(TIME, h)}
        seconds = interleaved(cases, repeats)
        medians = {name: statistics.median(values) for name, values in seconds.items()}
        rows.append(
            {
                "interval": interval, **tolerances, "their error": error, "our step": float(step),
                "our error": sum_error(lorenz(TIME, step)), "seconds": medians,
                "ratio": medians["jitcode"] / medians["gandyn"],
            }
        )  # fmt: skip
    return rows


def first_calls() -> dict[str, float]:
    """Return the seconds of the first call in a new process, imports included, with and without caches."""
    with tempfile.TemporaryDirectory() as folder:
        caches = {"NUMBA_CACHE_DIR": folder, "GANDYN_CACHE": folder}
        seconds = [
            float(
                subprocess.run(
                    [sys.executable, "-c", FIRST_CALL],
                    env={**os.environ, **caches},
                    check=True,
                    capture_output=True,
                    text=True,
                ).stdout
            )
            for _ in range(3)
        ]
    return {"cold": seconds[0], "warm": min(seconds[1:])}


def main() -> None:
    """Measure and write the record."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    repeats = parser.parse_args().repeats
    cases: dict[str, Callable[[], Any]] = {
        "henon gandyn": henon,
        "lorenz gandyn": lambda: lorenz(qr_every=1),
        "lorenz gandyn, interval chosen": lambda: lyapunov_spectrum(
            textbook.lorenz(), START, t_end=TIME, step=STEP, progress=False
        ),
    }
    packages = [name for name in ("pynamicalsys", "jitcode") if find_spec(name)]
    if "pynamicalsys" in packages:
        cases |= pynamicalsys_cases()
    seconds = interleaved(cases, repeats)
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    results: dict[str, Any] = {"seconds": medians, "first call": first_calls()}
    if "pynamicalsys" in packages:
        results["ratio"] = {
            name: medians[f"{name} pynamicalsys"] / medians[f"{name} gandyn"] for name in ("henon", "lorenz")
        }
    if "jitcode" in packages:
        results["beside jitcode"] = beside_jitcode(repeats)
    results["exponents"] = {"henon": henon().tolist(), "lorenz": lorenz(qr_every=1).tolist(), "truth": TRUTH}
    for name, value in results.items():
        print(name, value)
    write("lyapunov", {**environment(*packages), "results": results})


if __name__ == "__main__":
    main()
