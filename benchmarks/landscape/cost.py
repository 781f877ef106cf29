"""Check the cost model of docs/scaling.md: what a tile takes, foretold from one pass of each network.

Run: python -m benchmarks.landscape.cost [--quick]. One thread, float32, the networks of
benchmarks.landscape.run; writes benchmarks/record/landscape_cost.json. A pass is timed beside every tile, so
that a busy machine slows both.
"""

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import cloudpickle
import distributed
import numpy as np
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.landscape.run import LOSSES, Subject, timed
from benchmarks.recording import environment, write
from gandyn import landscape, tiles
from gandyn.nets import gan_losses

MICRO = 64


def flop(network: nn.Module, inputs: torch.Tensor) -> float:
    """Return the floating-point operations of a forward pass, a sample."""
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(inputs)
    return counter.get_total_flops() / len(inputs)


def seconds_a_sample(network: nn.Module, inputs: torch.Tensor) -> float:
    """Return the seconds of a forward pass, a sample."""
    with torch.no_grad():
        return timed(lambda: [network(part) for part in inputs.split(MICRO)]) / len(inputs)


def passes(players: str, rows: int, columns: int, measure: str) -> tuple[int, int]:
    """Return what a tile takes, in forward passes of G and D over the batch; a backward pass counts two."""
    cells = rows * columns
    of_g = {"axis per player": rows, "discriminator": 1}.get(players, cells)
    of_d = {"axis per player": columns, "generator": 1}.get(players, cells)
    return (of_g, of_d + cells) if measure == "losses" else (of_g + 2 * cells, 3 * of_d + 3 * cells)


def tile(
    subject: Subject, samples: int, players: str, rows: int, columns: int, measure: str, repeats: int
) -> dict[str, Any]:
    """Return foretold and measured seconds of a tile, in turn."""
    game = (*subject.players, LOSSES, subject.real[:samples], subject.latent[:samples])
    both, plane = gan_losses(*game, dtype=torch.float32, micro_batch=MICRO), subject.plane(players)
    a, b = np.linspace(-1, 1, columns), np.linspace(-1, 1, rows)
    of_g, of_d = passes(players, rows, columns, measure)
    ratios, seconds = [], []
    for repeat in range(repeats + 1):
        g = seconds_a_sample(subject.generator, subject.latent[:samples])
        d = seconds_a_sample(subject.discriminator, subject.real[:samples])
        measured = timed(lambda: both.on_grid(plane, a, b, (measure,)))
        if repeat:
            ratios.append(measured / (samples * (of_g * g + of_d * d)))
            seconds.append(measured)
    return {
        "measure": measure, "samples": samples, "plane": players, "rows": rows, "columns": columns,
        "passes of G": of_g, "passes of D": of_d,
        "seconds": statistics.median(seconds), "measured over foretold": statistics.median(ratios),
    }  # fmt: skip


def store(subject: Subject) -> dict[str, float]:
    """Return what a tile of a store and a worker's copy of the work take."""
    game = (*subject.players, LOSSES, subject.real[:MICRO], subject.latent[:MICRO])
    both, plane = gan_losses(*game, dtype=torch.float32), subject.plane("discriminator")
    with tempfile.TemporaryDirectory() as folder:
        path, at = Path(folder) / "x.zarr", {"points": 4, "tile": 2, "progress": False}
        landscape(both, plane, store=path, **at)
        files = [file.stat().st_size for file in path.rglob("*") if file.is_file()]
    return {
        "bytes of the work": len(cloudpickle.dumps((both, plane))),
        "bytes of a store of 4 tiles": sum(files),
    }


def overhead(count: int) -> dict[str, float]:
    """Return the seconds a tile that has nothing to do takes: here, into a store, and by a local cluster."""
    plain = lambda: tiles.compute(nothing, (8 * count, 8), tile=8, progress=False)
    found = {"in process": timed(plain) / count}
    with tempfile.TemporaryDirectory() as folder:
        store = tiles.Store(Path(folder) / "x.zarr", dims=("y", "x"), settings={})
        stored = lambda: tiles.compute(nothing, (8 * count, 8), tile=8, store=store, progress=False)
        found["into a store"] = timed(stored) / count
    options: dict[str, Any] = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None}
    with distributed.LocalCluster(**options) as cluster, distributed.Client(cluster) as client:
        executor = client.get_executor()
        by = lambda: tiles.compute(nothing, (8 * count, 8), tile=8, executor=executor, progress=False)
        by()
        found["by a cluster of two processes"] = timed(by) / count
    return found


def nothing(rows: slice, columns: slice) -> dict[str, np.ndarray]:
    """Return zeros in the shape of a tile."""
    return {"zero": np.zeros((rows.stop - rows.start, columns.stop - columns.start))}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one repeat; writes nothing")
    repeats = 1 if parser.parse_args().quick else 3
    torch.set_num_threads(1)
    subject = Subject(9, 4)
    cases = [
        (128, "axis per player", 4, 4, "losses"), (128, "axis per player", 8, 8, "losses"),
        (512, "axis per player", 3, 6, "losses"), (128, "generator", 3, 3, "losses"),
        (256, "discriminator", 4, 4, "losses"), (128, "both", 3, 3, "losses"),
        (128, "axis per player", 4, 4, "field"), (128, "both", 2, 2, "field"),
    ]  # fmt: skip
    started = time.perf_counter()
    found = {
        **environment(),
        "FLOP a sample": {
            "generator": flop(subject.generator, subject.latent[:8]),
            "discriminator": flop(subject.discriminator, subject.real[:8]),
        },
        "seconds a sample": {
            "generator": seconds_a_sample(subject.generator, subject.latent),
            "discriminator": seconds_a_sample(subject.discriminator, subject.real),
        },
        "tiles": [tile(subject, *case, repeats) for case in cases],
        **store(subject),
        "seconds of a tile without work": overhead(200),
        "seconds in all": time.perf_counter() - started,
    }
    print(json.dumps(found, indent=1))
    if repeats > 1:
        write("landscape_cost", found)


if __name__ == "__main__":
    main()
