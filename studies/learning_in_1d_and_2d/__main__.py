"""GANs that learn one and two dimensions: animated, and each impression of the document as a number.

Run: python -m studies.learning_in_1d_and_2d [--small] [--out DIR] [--processes N]; writes one file a run,
which a run taken up again does not repeat, then numbers.json, one PNG a figure and the animations.
"""

import argparse
import json
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

from tqdm import tqdm

from studies.learning_in_1d_and_2d.claims import check, summary
from studies.learning_in_1d_and_2d.films import write_films
from studies.learning_in_1d_and_2d.pictures import draw
from studies.learning_in_1d_and_2d.runs import LOSSES, exponents, one_run

#: Networks of the document: two hidden layers of 500.
FULL: dict[str, Any] = {
    "width": 500,
    "widths": [20, 100, 500],
    "steps": {"line": 1000, "intervals": 1000, "clusters": 2000, "failure": 800},
    "every": 20,
    "offsets": [3.0, 10.0],
    "seeds": 3,
    "seeds of clusters": 5,
    "exponents": {"width": 24, "steps": 1000, "windows": 50},
    "frames": 16,
}
SMALL: dict[str, Any] = {
    "width": 16,
    "widths": [8, 16],
    "steps": {"line": 40, "intervals": 40, "clusters": 50, "failure": 20},
    "every": 5,
    "offsets": [3.0],
    "seeds": 2,
    "seeds of clusters": 2,
    "exponents": {"width": 8, "steps": 24, "windows": 8},
    "frames": 2,
}


def jobs(sizes: Mapping[str, Any], folder: Path) -> dict[str, tuple[Any, ...]]:
    """Return what is to be run: the name of its file, the function, and its arguments."""
    width, every, steps = sizes["width"], sizes["every"], sizes["steps"]
    found: dict[str, tuple[Any, ...]] = {}

    def add(case: str, loss: str, seed: int, width: int, offset: float = 0.0, name: str = "") -> None:
        name = name or case
        shown = folder / f"{case}, {loss}" if (seed, width, name) == (0, sizes["width"], case) else None
        key = f"{name}, {loss}, {width}, {offset:g}, {seed}"
        found[key] = (one_run, case, loss, width, seed, steps[name], every, offset, shown)

    for loss in LOSSES:
        for seed in range(sizes["seeds"]):
            add("line", loss, seed, width)
            for each in sizes["widths"]:
                add("intervals", loss, seed, each)
            for offset in sizes["offsets"]:
                add("line", loss, seed, width, offset, "failure")
            found[f"exponents, {loss}, {seed}"] = (exponents, loss, seed, *sizes["exponents"].values())
        for seed in range(sizes["seeds of clusters"]):
            add("clusters", loss, seed, width)
    return found


def results(wanted: Mapping[str, tuple[Any, ...]], processes: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each job's name and result, in this process or in several."""
    if processes == 1:
        yield from ((name, job[0](*job[1:])) for name, job in wanted.items())
        return
    with ProcessPoolExecutor(processes) as pool:
        waiting = {name: pool.submit(*job) for name, job in wanted.items()}
        yield from ((name, future.result()) for name, future in waiting.items())


def compute(sizes: Mapping[str, Any], folder: Path, processes: int) -> dict[str, Any]:
    """Return all runs by name, those that lie in the folder already read from there."""
    folder.mkdir(parents=True, exist_ok=True)
    wanted = jobs(sizes, folder)
    places = {name: folder / f"{name}.json" for name in wanted}
    missing = {name: job for name, job in wanted.items() if not places[name].exists()}
    for name, result in tqdm(results(missing, processes), total=len(missing), desc="runs", disable=None):
        places[name].write_text(json.dumps(result))
    return {name: json.loads(place.read_text()) for name, place in places.items()}


def main() -> None:
    """Train all, write the numbers, check every claim, then draw every figure and animation."""
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m studies.learning_in_1d_and_2d")
    parser.add_argument("--small", action="store_true", help="a few steps and two seeds, for tests")
    parser.add_argument("--full", action="store_true", help="the setting of the document; the default")
    parser.add_argument(
        "--out", type=Path, default=Path("gandyn-run-learning-in-1d-and-2d"), help="folder to write in"
    )
    parser.add_argument("--processes", type=int, default=1, help="runs at a time")
    chosen = parser.parse_args()
    started, sizes = time.monotonic(), SMALL if chosen.small and not chosen.full else FULL
    runs = compute(sizes, chosen.out / "runs", chosen.processes)
    numbers = summary(runs)
    (chosen.out / "numbers.json").write_text(json.dumps(numbers, indent=1) + "\n")
    check(numbers)
    print("every claim holds")
    draw(runs, chosen.out)
    write_films(chosen.out, sizes["frames"], progress=not chosen.small)
    print(f"numbers, figures and animations are in {chosen.out}, after {time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    main()
