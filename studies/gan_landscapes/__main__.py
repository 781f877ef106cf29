"""Landscapes of a convolutional GAN: is there a lake, do contours shrink with the batch, is a picture true?

Run: python -m studies.gan_landscapes [--small | --full] [--out DIR] [--processes N]; run folders, stores and
numbers lie in DIR and are not computed again; then numbers.json and one PNG a figure.
"""

import argparse
import json
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from gandyn import filter_normalized_plane, nets
from studies.gan_landscapes.batch_norm import batch_norm
from studies.gan_landscapes.document import document_plane, filter_norms
from studies.gan_landscapes.pictures import draw, field_slice
from studies.gan_landscapes.runs import FULL, SMALL, restored
from studies.gan_landscapes.surfaces import PLAYERS, one_seed, surface

#: Student's t of five seeds: what lies beyond is by chance in one case of twenty.
T95 = 2.776
#: Tables of Suresh and Tripathi: generator's and discriminator's loss, accuracy in per cent.
PRINTED = {
    "lengths": {
        10: [1.0, 0.52, 100.0], 100: [1.39, 0.639, 55.86],
        1000: [0.805, 0.551, 73.83], 10000: [0.612, 0.702, 45.7],
    },
    "batch sizes": {
        16: [0.776, 0.676, 53.12], 128: [0.861, 0.703, 51.95],
        512: [0.864, 0.684, 54.59], 1024: [0.706, 0.68, 56.54],
    },
}  # fmt: skip


def over_seeds(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return mean and standard error of every number; dictionaries entry by entry."""
    if isinstance(next(iter(rows[0].values())), dict):
        return {name: over_seeds([row[name] for row in rows]) for name in rows[0]}
    values = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    error = lambda v: float(v.std(ddof=1) / np.sqrt(len(v)))
    return {name: [float(v.mean()), error(v)] for name, v in values.items()}


def compute(sizes: Mapping[str, Any], folder: Path, processes: int) -> dict[str, Any]:
    """Return all numbers: both tables over seeds, the slope with the batch, the classifier, the controls."""
    folder.mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        work = pool.map(partial(one_seed, sizes, folder), sizes["seeds"])
        seeds = list(tqdm(work, total=len(sizes["seeds"]), desc="seeds", disable=None))
    tables = {
        table: {row: over_seeds([s[table][row] for s in seeds]) for row in seeds[0][table]}
        for table in ("batch sizes", "lengths")
    }
    return {
        "seeds": len(seeds),
        **tables,
        "classifier": over_seeds([s["classifier"] for s in seeds]),
        "doubling the batch": {
            player: slope([s["batch sizes"] for s in seeds], player) for player in PLAYERS
        },
        "batch norm": batch_norm(sizes, folder, sizes["points"], sizes["samples"]),
        "normalisation": normalisation(sizes, folder),
        "field": in_the_field(sizes, folder),
    }


def slope(seeds: list[dict[str, Any]], player: str) -> list[float]:
    """Return by which factor a doubled batch changes the area about the centre: mean over seeds, and error.

    Its logarithm, by least squares in log2 of the batch size for each seed.
    """
    slopes = []
    for rows in seeds:
        areas = [rows[batch][player]["area within epsilon of the centre"] for batch in rows]
        slopes.append(np.polyfit(np.log2([int(batch) for batch in rows]), np.log(areas), 1)[0])
    return [float(np.mean(slopes)), float(np.std(slopes, ddof=1) / np.sqrt(len(slopes)))]


def normalisation(sizes: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Return what the published directions and ours do to filters, and the ranges of the loss on both."""
    key = (sizes["seeds"][0], sizes["batch"], sizes["lengths"][-2])
    networks = restored(sizes, folder, *key)
    x, layout = nets.get_state(*networks), nets.modules_layout(*networks)
    found: dict[str, Any] = {}
    for player in PLAYERS:
        ours = filter_normalized_plane(layout, x, players=player, zero_filters="skip")
        for name, plane in (("published", document_plane(layout, x, player, 0)), ("filters", ours)):
            seen = surface(sizes, folder, key, player, 0, published=name == "published")
            own = seen.losses[PLAYERS.index(player)]
            found[f"{player}, {name}"] = {**filter_norms(plane), "highest loss": float(np.nanmax(own))}
    return found


def in_the_field(sizes: Mapping[str, Any], folder: Path) -> dict[str, float]:
    """Return what the plane of both players shows of the joint field, and how much of it is rotation."""
    found = field_slice(sizes, folder, (sizes["seeds"][0], sizes["batch"], sizes["lengths"][-2]))
    return {
        "in-plane share, median": float(np.nanmedian(found.in_plane_share)),
        "in-plane share, highest": float(np.nanmax(found.in_plane_share)),
        "share of rotation, median": float(np.nanmedian(found.rotation_share)),
    }


def check(numbers: Mapping[str, Any]) -> None:
    """Assert what holds at any size, and of the full one what the README says."""
    for table in ("batch sizes", "lengths"):
        for row in numbers[table].values():
            assert 0 <= row["at the end"]["accuracy"][0] <= 100
            for player in PLAYERS:
                assert 0 < row[player]["share of the window"][0] <= 1
                assert row[player]["not finite"] == [0.0, 0.0]
    statistics = numbers["batch norm"]
    assert statistics["weights and statistics"]["not finite"] > 0.5
    assert all(statistics[mode]["not finite"] == 0 for mode in ("frozen", "batch", "reestimate"))
    for player in PLAYERS:
        low, _, high = numbers["normalisation"][f"{player}, filters"]["norm ratio"]
        assert max(abs(low - 1), abs(high - 1)) < 1e-9
        assert numbers["normalisation"][f"{player}, published"]["norm ratio"][2] > 1.05
    assert 0 < numbers["field"]["in-plane share, highest"] <= 1
    if numbers["seeds"] == len(FULL["seeds"]):
        _check_the_readme(numbers)


def _check_the_readme(numbers: Mapping[str, Any]) -> None:
    share = lambda row: row["share of the window"][0]
    of_d = {steps: share(row["discriminator"]) for steps, row in numbers["lengths"].items()}
    point = share(numbers["classifier"])
    assert min(of_d["100"], of_d["1000"]) > 7 * point
    assert of_d["10000"] < 1.5 * point
    growth, error = numbers["doubling the batch"]["discriminator"]
    assert growth > T95 * error
    growth, error = numbers["doubling the batch"]["generator"]
    assert abs(growth) < T95 * error


def tables(numbers: Mapping[str, Any]) -> str:
    """Return both printed tables beside ours, as Markdown."""
    lines = []
    for table, printed in PRINTED.items():
        lines += [
            f"| {table} | G loss, printed | ours | D loss, printed | ours | accuracy, printed | ours |",
            "|---" * 7 + "|",
        ]
        for row, found in numbers[table].items():
            end = found["at the end"].values()
            theirs = printed.get(int(row), [float("nan")] * 3)
            cells = [
                f"{old:g} | {mean:.3g} ± {error:.1g}" for old, (mean, error) in zip(theirs, end, strict=True)
            ]
            lines.append(f"| {row} | {' | '.join(cells)} |")
        lines.append("")
    return "\n".join(lines)


def main() -> None:
    """Train, measure, write the numbers, check every claim, then draw every figure."""
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m studies.gan_landscapes")
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--small", action="store_true", help="digits, a few steps, for tests")
    size.add_argument("--full", action="store_true", help="MNIST, five seeds (the default)")
    parser.add_argument("--out", type=Path, default=Path("gandyn-run-landscapes"), help="folder to write in")
    parser.add_argument("--processes", type=int, default=2, help="seeds at a time")
    chosen = parser.parse_args()
    sizes = SMALL if chosen.small else FULL
    torch.set_num_threads(1)
    folder = chosen.out / "runs"
    numbers = compute(sizes, folder, chosen.processes)
    (chosen.out / "numbers.json").write_text(json.dumps(numbers, indent=1) + "\n")
    (chosen.out / "table.md").write_text(tables(numbers))
    check(numbers)
    print("every claim holds")
    draw(sizes, numbers, folder, chosen.out)
    print(f"numbers and figures are in {chosen.out}")


if __name__ == "__main__":
    main()
