"""Ways through latent space: along one dimension inside and outside the prior, and between two latents."""

from typing import Any

import torch
from torch import Tensor, nn

from gandyn import nets
from gandyn.nets.latent import Walk
from studies.difficulties_of_training.measures import SAMPLES, distance, latents
from studies.difficulties_of_training.runs import Setting

DIMENSIONS = (25, 50, 75)
PLACES = (-10.0, -3.0, -1.0, -0.5, 0.0, 0.5, 1.0, 3.0, 10.0)
STARTS, STOPS = 64, 9


def walks_from(start: Tensor) -> list[Walk]:
    """Return the walks along the three dimensions."""
    return [nets.walk(start, dimension, PLACES, prior="uniform") for dimension in DIMENSIONS]


def ways(start: Tensor, end: Tensor) -> dict[str, Tensor]:
    """Return latents between two, by kind."""
    return {kind: nets.interpolate(start, end, STOPS, kind=kind) for kind in ("linear", "spherical")}


def measure(generator: nn.Module, setting: Setting) -> dict[str, Any]:
    """Return what one dimension changes, over what a new latent does, and what lies between and outside."""
    z = latents(STARTS)
    images = nets.generate(generator, z)
    apart = _mean_distance(images, images.roll(1, 0))
    made = [nets.generate(generator, _moved(z, k, PLACES)).unflatten(0, (STARTS, -1)) for k in DIMENSIONS]
    at = {place: torch.cat([each[:, i] for each in made]) for i, place in enumerate(PLACES)}
    change = lambda a, b: _mean_distance(at[a], at[b]) / apart
    return {
        "from -1 to 1": change(-1.0, 1.0),
        "from -3 to 3": change(-3.0, 3.0),
        "from -10 to 10": change(-10.0, 10.0),
        "across 0 over beside 0": change(-0.5, 0.5) / (0.5 * (change(0.0, 1.0) + change(-1.0, 0.0))),
        "distance at z": {
            f"{place:g}": distance(nets.generate(generator, _at(place)), setting)
            for place in (1.0, 3.0, 10.0)
        },
        "middles": {kind: distance(nets.generate(generator, _middles(kind)), setting) for kind in KINDS},
        "samples": distance(nets.generate(generator, latents(SAMPLES)), setting),
    }


KINDS = ("linear", "spherical")


def linear_yardsticks() -> dict[str, float]:
    """Return what the changes would be of a generator that is linear and treats all dimensions alike."""
    z = latents(STARTS)
    apart = float((z - z.roll(1, 0)).norm(dim=1).mean())
    return {f"from {-x:g} to {x:g}": 2 * x / apart for x in (1, 3, 10)}


def _moved(z: Tensor, dimension: int, places: tuple[float, ...]) -> Tensor:
    return torch.cat([nets.walk(start, dimension, places, prior="uniform").latents for start in z])


def _at(place: float) -> Tensor:
    """Return latents with one of the three dimensions at plus or minus a place, in turn."""
    z = latents(SAMPLES)
    rows = torch.arange(SAMPLES)
    z[rows, torch.tensor(DIMENSIONS)[rows % len(DIMENSIONS)]] = place * (1 - 2.0 * (rows // 3 % 2))
    return z


def _middles(kind: Any) -> Tensor:
    a, b = latents(SAMPLES), latents(SAMPLES, seed=9)
    return torch.stack([nets.interpolate(x, y, 3, kind=kind)[1] for x, y in zip(a, b, strict=True)])


def _mean_distance(a: Tensor, b: Tensor) -> float:
    return float((a - b).flatten(1).norm(dim=1).mean())


def norms_at_the_middle() -> dict[str, list[float]]:
    """Return least and largest norm at the middle of two latents over the mean of theirs, by kind."""
    a, b = latents(STARTS), latents(STARTS, seed=9)
    ends = (a.norm(dim=1) + b.norm(dim=1)) / 2
    found = {}
    for kind in KINDS:
        middles = [nets.interpolate(x, y, 3, kind=kind)[1] for x, y in zip(a, b, strict=True)]
        ratios = torch.stack(middles).norm(dim=1) / ends
        found[kind] = [float(ratios.min()), float(ratios.max())]
    return found
