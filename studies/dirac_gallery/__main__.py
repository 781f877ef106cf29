"""The gallery of Mescheder et al. 2018: nine Dirac-GANs by three schemes, predicted and observed.

Run: python -m studies.dirac_gallery [--small] [--out DIR]; writes numbers.json, then one PNG a figure.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

from gandyn import trajectory
from studies.dirac_gallery import predict as theory
from studies.dirac_gallery.cells import CELLS, GAMES, SCHEMES, STEP, update
from studies.dirac_gallery.claims import check
from studies.dirac_gallery.observe import START, STEPS, observe
from studies.dirac_gallery.pictures import draw

PATH, SHORT = 20_000, 5_000
CRITIC_STEPS = {"simultaneous": 1, "alternating 1:1": 1, "alternating 1:5": 5}
SMALLER = (0.2, 0.1, 0.05, 0.025)


def compute(small: bool) -> dict[str, Any]:
    """Return the verdicts of all cells, and the closed forms with what they foretell."""
    n_steps = SHORT if small else PATH
    cells: dict[str, Any] = {game: {} for game in GAMES}
    for game, scheme in CELLS:
        step = update(game, scheme)
        cells[game][scheme] = {"predicted": theory.predict(step), "observed": observe(step, n_steps)}
    return {
        "steps": n_steps,
        "cells": cells,
        "growth of the squared radius of GAN, simultaneous": _growth_error(),
        "shrinking of NSGAN, d(1/R^2)/dn": {
            scheme: _shrinking(scheme, cells["NSGAN"][scheme]["observed"], n_steps)
            for scheme in list(SCHEMES)[1:]
        },
        "circle of NSGAN, simultaneous": _circle(cells["NSGAN"]["simultaneous"]),
        "half-widths of clipped WGAN": {
            scheme: {
                "last ellipse": theory.last_ellipse(CRITIC_STEPS[scheme]),
                "observed": cells["WGAN, clipped"][scheme]["observed"]["half-widths at the end"],
            }
            for scheme in list(SCHEMES)[1:]
        },
        "amplitude in theta of WGAN-GP": {
            scheme: {
                "flow": theory.cycle_of_the_penalty(CRITIC_STEPS[scheme]),
                "steps": {str(h): _amplitude(scheme, h) for h in SMALLER[: 2 if small else 4]},
            }
            for scheme in SCHEMES
        },
        "consensus 1:5 from (0.2, 0.2)": _end("consensus", "alternating 1:5", np.array([0.2, 0.2])),
    }


def _growth_error() -> float:
    """Return the largest relative error, over 500 steps, of the factor 1 + h^2 f'(theta psi)^2."""
    x = trajectory(update("GAN", "simultaneous"), START, n_steps=STEPS, progress=False).x
    square = (x**2).sum(axis=1)
    slope = 1 / (1 + np.exp(x[:-1].prod(axis=1)))
    return float(np.abs(square[1:] / square[:-1] / (1 + STEP**2 * slope**2) - 1).max())


def _shrinking(scheme: str, seen: dict[str, Any], n_steps: int) -> dict[str, float]:
    radius = seen["largest radius"]
    rate = (radius["end"] ** -2 - radius["half way"] ** -2) / (n_steps / 2)
    return {"third order": theory.shrinking(update("NSGAN", scheme)), "observed": rate}


def _circle(cell: dict[str, Any]) -> dict[str, Any]:
    """Return the radius by the averaged flow, by the normal form of the map, and as observed."""
    excess, third = cell["predicted"]["modulus"] - 1, cell["predicted"]["third order"]
    return {
        "sqrt(2 h)": float(np.sqrt(2 * STEP)),
        "normal form": theory.extent(update("NSGAN", "simultaneous"), float(np.sqrt(-excess / third))),
        "least": cell["observed"]["least radius at the end"],
        "largest": cell["observed"]["largest radius"]["end"],
    }


def _amplitude(scheme: str, h: float) -> float:
    """Return the half-width in theta of the cycle, over one hundred flow times after as many."""
    steps = round(100 / h)
    path = trajectory(update("WGAN-GP", scheme, h), START, n_steps=2 * steps, progress=False)
    return float(np.abs(path.x[steps:, 0]).max())


def _end(game: str, scheme: str, start: np.ndarray) -> float:
    path = trajectory(update(game, scheme), start, n_steps=STEPS, progress=False)
    return float(np.linalg.norm(path.x[-1]))


def main() -> None:
    """Compute all numbers and write them, check every claim, then draw every figure."""
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m studies.dirac_gallery")
    parser.add_argument("--small", action="store_true", help="fewer step sizes, coarse grids, for tests")
    parser.add_argument(
        "--out", type=Path, default=Path("gandyn-run-dirac-gallery"), help="folder to write in"
    )
    chosen = parser.parse_args()
    chosen.out.mkdir(parents=True, exist_ok=True)
    numbers = compute(chosen.small)
    (chosen.out / "numbers.json").write_text(json.dumps(numbers, indent=1) + "\n")
    check(numbers)
    print("every claim holds")
    draw(numbers, 11 if chosen.small else 61, chosen.out)
    print(f"numbers and figures are in {chosen.out}")


if __name__ == "__main__":
    main()
