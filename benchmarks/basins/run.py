"""Time a 1000 x 1000 map of the basins of the Hénon map, compiled and vectorised in NumPy.

Run: python -m benchmarks.basins.run [--repeats N] [--points N]; writes benchmarks/record/basins.json.

Both run the same algorithm on the same starts, discovery of the attractor included; the labels are compared.
The vectorised one steps all starts of a batch at once, by the map written in NumPy.
Peak memory is that of a process of its own, at two numbers of steps, of starts that use all of them: the
bilinear game, whose orbits turn for ever.
"""

import argparse
import os
import statistics
import subprocess
import sys
from dataclasses import replace
from typing import Any

import numpy as np

from benchmarks.recording import environment, interleaved, write
from gandyn import Basins, UpdateMap, find_basins
from gandyn.games import catalogue

BOX = {"x": (-2.0, 2.0), "y": (-2.0, 2.0)}
_MEMORY = """
import resource
from gandyn import find_basins
from gandyn.games import catalogue
field = catalogue.make("bilinear")
find_basins(field, (-1, 1), 100, max_steps={steps}, progress=False)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def basin_map(system: UpdateMap, points: int) -> Basins:
    return find_basins(system, BOX, points, progress=False)


def compare(points: int, repeats: int) -> dict[str, Any]:
    """Return seconds of both ways, and whether their labels agree."""
    henon = catalogue.make("henon")
    step = lambda x, k: np.stack([1 - 1.4 * x[..., 0] ** 2 + x[..., 1], 0.3 * x[..., 0]], axis=-1)
    vectorised = replace(henon, fn=step, kernel=None)
    seconds = interleaved(
        {
            "compiled": lambda: basin_map(henon, points),
            "vectorised in NumPy": lambda: basin_map(vectorised, points),
        },
        repeats,
    )
    fast, slow = basin_map(henon, points), basin_map(vectorised, points)
    medians = {way: statistics.median(times) for way, times in seconds.items()}
    return {
        "starts": points * points,
        "seconds": seconds,
        "median seconds": medians,
        "times compiled": {way: value / medians["compiled"] for way, value in medians.items()},
        "evaluations": fast.evaluations,
        "labels that differ": int(np.sum(fast.labels != slow.labels)),
        "attractors": [str(attractor) for attractor in fast.attractors],
        "share of the attractor": [fast.share(0).value, fast.share(0).error],
    }


def peak_memory(steps: int) -> float:
    """Return the peak memory, in MiB, of a process that follows 10^4 starts for so many steps."""
    code = _MEMORY.format(steps=steps)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return float(done.stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--points", type=int, default=1000)
    given = parser.parse_args()
    load = os.getloadavg()[0]
    result = compare(given.points, given.repeats)
    memory = {str(steps): peak_memory(steps) for steps in (500, 5000)}
    record = {"environment": {**environment("scipy"), "load before": load}, "henon": result}
    path = write("basins", {**record, "peak MiB by steps": memory})
    print({way: round(ratio, 2) for way, ratio in result["times compiled"].items()}, memory)
    print(path)


if __name__ == "__main__":
    main()
