"""Time the field of the sigmoid game on 400 x 400 points with 2 x 2,500 samples, interleaved in one run.

Run: python -m benchmarks.vector_field.run [--repeats N]; writes benchmarks/record/vector_field.json.

One evaluation is one sample at one point; slow ways are timed on fewer points and compared by evaluation.
Besides wall time the record has processor time, which other work on the machine
touches less.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import sympy as sp
import torch

from benchmarks.recording import environment, write
from gandyn.field import VectorField
from gandyn.games import E, from_losses, samples

SIDE, SAMPLES, WINDOW = 400, 2500, 3.0
CORES = len(os.sched_getaffinity(0))
DATA, LATENT = samples("normal", SAMPLES, seed=0).values, samples("normal", SAMPLES, seed=1).values
TORCH_DATA, TORCH_LATENT = torch.tensor(DATA), torch.tensor(LATENT)


def sigmoid_game(count: int = SAMPLES) -> VectorField:
    """Return the game: generator z + b_g, discriminator sigmoid(x + b_d), saturating."""
    x, z, b_g, b_d = sp.symbols("x z b_g b_d")
    judge = lambda s: 1 / (1 + sp.exp(-(s + b_d)))
    fake = E(sp.log(1 - judge(z + b_g)), z=samples("normal", count, seed=1))
    real = E(sp.log(judge(x)), x=samples("normal", count, seed=0))
    return from_losses(fake, -real - fake, generator=[b_g], discriminator=[b_d])


def grid(side: int = SIDE) -> np.ndarray:
    """Return the points, shape (side * side, 2), in an order in which any first part covers the window."""
    axis = np.linspace(-WINDOW, WINDOW, side)
    points = np.stack(np.meshgrid(axis, axis, indexing="ij"), axis=-1).reshape(-1, 2)
    return np.random.default_rng(0).permutation(points)


def by_numpy(points: np.ndarray, block: int) -> np.ndarray:
    """Return the velocity by derivatives taken by hand, ``block`` points at a time."""
    sigmoid = lambda s: 1 / (1 + np.exp(-s))
    out = np.empty_like(points)
    for start in range(0, len(points), block):
        b_g, b_d = points[start : start + block, :1], points[start : start + block, 1:]
        fake = sigmoid(LATENT + b_g + b_d).mean(axis=1)
        out[start : start + block, 0] = fake
        out[start : start + block, 1] = (1 - sigmoid(DATA + b_d)).mean(axis=1) - fake
    return out


def loss_g(b_g: torch.Tensor, b_d: torch.Tensor) -> torch.Tensor:
    """Return the generator's loss as one writes it in torch."""
    return torch.log(1 - torch.sigmoid(TORCH_LATENT + b_g + b_d)).mean()


def loss_d(b_g: torch.Tensor, b_d: torch.Tensor) -> torch.Tensor:
    """Return the discriminator's loss as one writes it in torch."""
    return -torch.log(torch.sigmoid(TORCH_DATA + b_d)).mean() - loss_g(b_g, b_d)


def by_vmap(points: np.ndarray, block: int) -> np.ndarray:
    """Return the velocity by ``torch.func.vmap`` over ``torch.func.grad``, ``block`` points at a time."""
    of_g, of_d = torch.func.grad(loss_g), torch.func.grad(loss_d, argnums=1)
    velocity = torch.func.vmap(lambda p: -torch.stack([of_g(p[0], p[1]), of_d(p[0], p[1])]), chunk_size=block)
    return velocity(torch.from_numpy(points)).numpy()


def by_autograd(points: np.ndarray) -> np.ndarray:
    """Return the velocity by one autograd call for each player at each point."""
    out = np.empty_like(points)
    for row, point in zip(out, torch.from_numpy(points), strict=True):
        b_g, b_d = (value.clone().requires_grad_() for value in point)
        row[0] = -torch.autograd.grad(loss_g(b_g, b_d), b_g)[0]
        row[1] = -torch.autograd.grad(loss_d(b_g, b_d), b_d)[0]
    return out


def exponentials(count: int, block: int) -> None:
    """Evaluate ``np.exp`` alone on ``count`` numbers, on all cores, in arrays of ``block``."""

    def share(rounds: int) -> None:
        numbers = np.random.default_rng(0).uniform(-6, 6, block)
        out = np.empty_like(numbers)
        for _ in range(rounds):
            np.exp(numbers, out=out)

    with ThreadPoolExecutor(CORES) as pool:
        list(pool.map(share, [count // block // CORES] * CORES))


def cases(field: VectorField, points: np.ndarray) -> dict[str, tuple[int, Callable[[], Any]]]:
    """Return each way to get the field, with the number of points for which it does.

    The blocks of NumPy and vmap are one that is natural (a row of the grid; as many points as fit in a
    gigabyte) and the one that is fastest, because it fits the processor's cache.
    """
    full, row = len(points), SIDE
    exp_count = 2 * SAMPLES * full
    return {
        "gandyn": (full, lambda: field(points)),
        "gandyn, with Jacobian": (full, lambda: field.kernel.evaluate(points, jacobian=True)),
        "np.exp alone, from memory": (full // 4, lambda: exponentials(exp_count // 4, 10_000_000)),
        "np.exp alone, within the cache": (full, lambda: exponentials(exp_count, 50_000)),
        "NumPy, a row at a time": (10 * row, lambda: by_numpy(points[: 10 * row], row)),
        "NumPy, 20 points at a time": (10 * row, lambda: by_numpy(points[: 10 * row], 20)),
        "torch.func.vmap, 4000 points at a time": (20 * row, lambda: by_vmap(points[: 20 * row], 4000)),
        "torch.func.vmap, 100 points at a time": (4 * row, lambda: by_vmap(points[: 4 * row], 100)),
        "loop of autograd calls": (row, lambda: by_autograd(points[:row])),
    }


def timed(ways: dict[str, tuple[int, Callable[[], Any]]], repeats: int) -> dict[str, dict[str, Any]]:
    """Return wall and processor nanoseconds for each evaluation, every way in turn, after a warm-up."""
    results: dict[str, dict[str, Any]] = {}
    for name, (count, way) in ways.items():
        way()
        results[name] = {"points": count, "wall_ns": [], "cpu_ns": []}
    for _ in range(repeats):
        for name, (count, way) in ways.items():
            wall, cpu = time.perf_counter(), time.process_time()
            way()
            scale = 1e9 / (2 * SAMPLES * count)
            results[name]["wall_ns"].append((time.perf_counter() - wall) * scale)
            results[name]["cpu_ns"].append((time.process_time() - cpu) * scale)
    for result in results.values():
        for clock in ("wall_ns", "cpu_ns"):
            result[f"{clock}_min"] = min(result[clock])
            result[f"{clock}_median"] = statistics.median(result[clock])
    return results


def linearity(points: np.ndarray) -> list[dict[str, float]]:
    """Return time and peak memory from 10^6 to 10^9 evaluations, by points and by samples."""
    rows = []
    for count, nodes in ((200, 2500), (2000, 2500), (20_000, 2500), (160_000, 3125), (2000, 250_000)):
        field, some = sigmoid_game(nodes), points[:count]
        field(some[:1])
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        wall, cpu = time.perf_counter(), time.process_time()
        field(some)
        rows.append(
            {
                "points": count,
                "samples": 2 * nodes,
                "evaluations": 2 * count * nodes,
                "wall_s": time.perf_counter() - wall,
                "cpu_s": time.process_time() - cpu,
                "more_memory_MB": (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024,
            }
        )
    return rows


FIRST_CALL = """
import json, time
start = time.perf_counter()
import numpy as np, sympy as sp
libraries = time.perf_counter()
from gandyn.games import E, from_losses, samples
x, z, b_g, b_d = sp.symbols("x z b_g b_d")
judge = lambda s: 1 / (1 + sp.exp(-(s + b_d)))
fake = E(sp.log(1 - judge(z + b_g)), z=samples("normal", 2500, seed=1))
field = from_losses(fake, -E(sp.log(judge(x)), x=samples("normal", 2500, seed=0)) - fake,
                    generator=[b_g], discriminator=[b_d])
field(np.zeros(2))
velocity = time.perf_counter()
field.jac(np.zeros(2))
end = time.perf_counter()
print(json.dumps({"imports of numpy and sympy": libraries - start, "first velocity": velocity - libraries,
                  "first Jacobian": end - velocity, "all": end - start}))
"""


def first_calls(repeats: int) -> dict[str, list[dict[str, float]]]:
    """Return the seconds until the first value in a new process, with an empty and with a full cache."""

    def once(cache: str) -> dict[str, float]:
        variables = {**os.environ, "GANDYN_CACHE": cache}
        done = subprocess.run(
            [sys.executable, "-c", FIRST_CALL], env=variables, capture_output=True, text=True, check=True
        )
        return json.loads(done.stdout)

    results: dict[str, list[dict[str, float]]] = {"cold": [], "warm": []}
    for _ in range(repeats):
        with tempfile.TemporaryDirectory() as cache:
            results["cold"].append(once(cache))
            results["warm"].append(once(cache))
    return results


def ratios(results: dict[str, dict[str, Any]]) -> dict[str, float]:
    """Return how many times as long as the field each way takes, by the best wall times."""
    ours = results["gandyn"]["wall_ns_min"]
    return {name: result["wall_ns_min"] / ours for name, result in results.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=7)
    arguments = parser.parse_args()
    field, points = sigmoid_game(), grid()
    for other in (by_numpy(points[:40], 20), by_vmap(points[:40], 20), by_autograd(points[:40])):
        np.testing.assert_allclose(field(points[:40]), other, rtol=1e-12)
    load = os.getloadavg()[0]
    results = timed(cases(field, points), arguments.repeats)
    record = {
        "environment": {**environment("sympy", "llvmlite"), "cores": CORES, "load before": load},
        "points": len(points),
        "samples": 2 * SAMPLES,
        "ways": results,
        "times the field by gandyn": ratios(results),
        "linearity": linearity(points),
        "first calls": first_calls(max(arguments.repeats // 2, 1)),
    }
    path: Path = write("vector_field", record)
    for name, ratio in record["times the field by gandyn"].items():
        result = results[name]
        print(f"{name:40s} {result['wall_ns_min']:8.3f} ns (cpu {result['cpu_ns_min']:8.3f}) {ratio:8.2f}")
    for row in record["linearity"]:
        print(row)
    for kind, calls in record["first calls"].items():
        print(kind, min(calls, key=lambda call: call["all"]))
    print(path)


if __name__ == "__main__":
    main()
