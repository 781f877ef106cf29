"""Time Newton's method from 10^5 starts on compiled games, beside a loop over scipy.optimize.root.

Run: python -m benchmarks.fixed_points.run [--repeats N]; writes benchmarks/record/fixed_points.json.

SciPy gets the same compiled velocity and exact Jacobian, on a part of the same starts; times are compared
by start. The whole call is timed: search, polish, merging and verdicts.
"""

import argparse
import os
import statistics
from dataclasses import replace
from typing import Any

import numpy as np
from scipy.optimize import root

from benchmarks.recording import environment, interleaved, write
from gandyn import VectorField, find_fixed_points
from gandyn.games import catalogue

STARTS, SOME = 100_000, 500
GAMES: dict[str, tuple[dict[str, Any], float]] = {
    "lorenz": ({}, 40.0),
    "gaussian-classifier": ({"samples": 5, "eps": 1e-3}, 4.0),
    "hidden-bilinear": ({}, 4.0),
}


def starts_of(field: VectorField, width: float) -> np.ndarray:
    """Return starts in the box, shape (STARTS, n)."""
    return np.random.default_rng(0).uniform(-width, width, (STARTS, field.layout.dim))


def by_scipy(field: VectorField, starts: np.ndarray) -> int:
    """Return from how many starts SciPy's hybrid method converges."""
    jacobian = lambda x: field.jac(x)
    return sum(bool(root(field, x, jac=jacobian, method="hybr").success) for x in starts)


def compare(name: str, repeats: int) -> dict[str, Any]:
    """Return seconds for each start of every way, and what was found."""
    settings, width = GAMES[name]
    field = catalogue.make(name, **settings)
    starts, numpy_only = starts_of(field, width), replace(field, kernel=None)
    search = lambda system, some: find_fixed_points(system, (-width, width), starts=some, progress=False)
    seconds = interleaved(
        {
            "gandyn, compiled": lambda: search(field, starts),
            "gandyn, batched in NumPy": lambda: search(numpy_only, starts[:5000]),
            "loop over scipy.optimize.root": lambda: by_scipy(field, starts[:SOME]),
        },
        repeats,
    )
    counts = dict(zip(seconds, (STARTS, 5000, SOME), strict=True))
    each = {way: statistics.median(times) / counts[way] for way, times in seconds.items()}
    found = search(field, starts)
    return {
        "seconds": seconds,
        "starts": counts,
        "median seconds a start": each,
        "times gandyn": {way: value / each["gandyn, compiled"] for way, value in each.items()},
        "fixed points": len(found),
        "outcomes": found.counts,
        "scipy converged": by_scipy(field, starts[:SOME]),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    repeats = parser.parse_args().repeats
    load = os.getloadavg()[0]
    results = {name: compare(name, repeats) for name in GAMES}
    path = write(
        "fixed_points", {"environment": {**environment("scipy"), "load before": load}, "games": results}
    )
    for name, result in results.items():
        print(name, {way: round(ratio, 1) for way, ratio in result["times gandyn"].items()})
    print(path)


if __name__ == "__main__":
    main()
