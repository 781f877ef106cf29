"""Do GANs end at Nash equilibria? Small GANs, two losses, Adam and extra-Adam: what their ends are like.

Run: python -m studies.character_of_solutions [--small | --full] [--out DIR]; writes one file a run, which a
run taken up again does not repeat, then numbers.json and one PNG a figure.
"""

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tqdm import tqdm

from gandyn.rotation import VERDICTS
from studies.character_of_solutions.pictures import draw
from studies.character_of_solutions.solutions import LOSSES, PROBLEMS, RULES, one_run, summary

#: Problems, gradients of both players, seeds, and whether the searches are rough.
SIZES: dict[str, tuple[tuple[str, ...], int, int, bool]] = {
    "small": (("mixture",), 12, 2, True),
    "usual": (("mixture", "ring", "digits"), 5000, 3, False),
    "full": (tuple(PROBLEMS), 20000, 10, False),
}


def compute(size: str, folder: Path) -> dict[str, list[dict[str, Any]]]:
    """Return the runs by problem, loss and rule, those that lie in the folder read from there."""
    folder.mkdir(parents=True, exist_ok=True)
    problems, gradients, seeds, rough = SIZES[size]
    keys = [
        (p, loss, rule, seed) for seed in range(seeds) for p in problems for loss in LOSSES for rule in RULES
    ]
    runs: dict[str, list[dict[str, Any]]] = {}
    for problem, loss, rule, seed in tqdm(keys, desc="runs", disable=None):
        place = folder / f"{problem}, {loss}, {rule}, {seed}.json"
        if not place.exists():
            found = one_run(problem, loss, rule, seed, gradients, rough, folder)
            place.write_text(json.dumps(found))
        runs.setdefault(f"{problem}, {loss}, {rule}", []).append(json.loads(place.read_text()))
    return runs


def check(numbers: Mapping[str, Any]) -> None:
    """Assert what holds of any size, and, of the usual one, what the README says."""
    for found in numbers["ends"].values():
        assert set(found["verdicts"]) <= set(VERDICTS)
        assert sum(found["verdicts"].values()) == found["seeds"]
        assert found["lowest of G"][1] <= found["highest of G"][1]
        assert found["lowest of D"][1] <= found["highest of D"][1]
        assert 0 < found["rotation index"][1] < 1
        assert all(-1 <= cosine <= 1 for cosine in found["cosine at the end"])
    if numbers["size"] == "usual":
        _check_the_readme(numbers["ends"])


def _check_the_readme(ends: Mapping[str, Any]) -> None:
    assert all("differential Nash" not in found["verdicts"] for found in ends.values())
    assert all(found["negative curvature of G"] == found["seeds"] for found in ends.values())


def main() -> None:
    """Train all, write the numbers, check every claim, then draw every figure."""
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m studies.character_of_solutions")
    size = parser.add_mutually_exclusive_group()
    size.add_argument(
        "--small", action="store_const", const="small", dest="size", help="a few steps, for tests"
    )
    size.add_argument(
        "--full", action="store_const", const="full", dest="size", help="MNIST too, ten seeds: hours"
    )
    parser.add_argument("--out", type=Path, default=Path("gandyn-run-character"), help="folder to write in")
    parser.set_defaults(size="usual")
    chosen = parser.parse_args()
    folder = chosen.out / f"runs-{chosen.size}"
    runs = compute(chosen.size, folder)
    numbers = {"size": chosen.size, "ends": summary(runs)}
    (chosen.out / "numbers.json").write_text(json.dumps(numbers, indent=1) + "\n")
    check(numbers)
    print("every claim holds")
    draw(runs, folder, chosen.out)
    print(f"numbers and figures are in {chosen.out}")


if __name__ == "__main__":
    main()
