"""Every figure and claim of Guttenberg 2016, as the post has it and as it is.

Run: python -m studies.tiny_gans [--small] [--out DIR]; writes numbers.json, then one PNG a figure.
"""

import argparse
import json
import time
from dataclasses import asdict
from pathlib import Path

from studies.tiny_gans import four, gaussian, networks, samples, sigmoid, smoothing, weights
from studies.tiny_gans.common import EPS, FULL, SMALL

PARTS = {
    "sigmoid": sigmoid,
    "gaussian": gaussian,
    "weights": weights,
    "four": four,
    "samples": samples,
    "smoothing": smoothing,
    "networks": networks,
}


def main() -> None:
    """Compute all numbers and write them, check every claim, then draw every figure."""
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m studies.tiny_gans")
    parser.add_argument("--small", action="store_true", help="coarse grids and short training, for tests")
    parser.add_argument("--out", type=Path, default=Path("gandyn-run-tiny-gans"), help="folder to write in")
    chosen = parser.parse_args()
    size, out = SMALL if chosen.small else FULL, chosen.out
    out.mkdir(parents=True, exist_ok=True)

    numbers, pictures = {"settings": {"eps": EPS, **asdict(size)}}, {}
    for name, part in PARTS.items():
        started = time.perf_counter()
        numbers[name], pictures[name] = part.compute(size)
        print(f"{name}: {time.perf_counter() - started:.1f} s")
    (out / "numbers.json").write_text(json.dumps(numbers, indent=1) + "\n")
    for name, part in PARTS.items():
        part.check(numbers[name])
    print("every claim holds")
    for name, part in PARTS.items():
        part.draw(pictures[name], out)
    print(f"numbers and figures are in {out}")


if __name__ == "__main__":
    main()
