"""A GAN with two hidden layers of 100: what a random plane of its biases shows, and what it does not.

One-dimensional normal data and latents, 512 of each, saturating losses; Adam 1e-3, batch 128.
"""

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch

from gandyn import FieldSlice, Plane, nets, pca_plane, plot, project, random_plane, sample
from studies.tiny_gans.common import Size, draw_portrait, figure_of, save

SAMPLES = 512
PLANES = 200
HALF_WIDTH = 1.0


def compute(size: Size) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the numbers and what the figure shows."""
    torch.set_num_threads(1)  # such small layers gain nothing from more
    generator, discriminator = nets.models.mlp_gan(seed=0)
    draws = torch.Generator().manual_seed(0)
    real, latent = (torch.randn(SAMPLES, 1, generator=draws) for _ in range(2))
    losses = nets.losses.saturating()
    field = nets.gan_field(generator, discriminator, losses, real, latent)
    with tempfile.TemporaryDirectory() as folder:
        adam = nets.Adam(1e-3)
        run = nets.train(
            generator, discriminator, losses, real, Path(folder) / "run", steps=size.training_steps,
            recipe=nets.Recipe(optimizers=(adam, adam), batch_size=128),
            checkpoint_every=size.training_steps // 100, progress=False,
        )  # fmt: skip
        states = torch.stack([run.state(generator, discriminator, step, torch.float64) for step in run.steps])
        distances = []
        for step in run.steps:
            run.restore(generator, discriminator, step)
            distances.append(_distance(generator, latent, real))
        status = run.status["status"]

    start, end = states[0], states[-1]
    planes = {
        "random weights": random_plane(field.layout, start, kind="biases", seed=0),
        "trained": random_plane(field.layout, end, kind="biases", seed=0),
        "path of training": pca_plane(states, field.layout),
    }
    path = project(planes["path of training"], states)
    extents = {"random weights": HALF_WIDTH, "trained": HALF_WIDTH, "path of training": path.extent(0.3)}
    grid = size.grid // 2
    slices = {
        name: sample(field, plane, extents[name], points=grid, progress=False)
        for name, plane in planes.items()
    }
    numbers = {
        "parameters": field.layout.dim,
        "biases": _biases(field.layout).sum().item(),
        "length of the biases": float(start[torch.from_numpy(_biases(field.layout))].norm()),
        "median off-plane share of the velocity": {
            name: float(np.median(piece.off_plane_share)) for name, piece in slices.items()
        },
        "least off-plane share of the velocity": {
            name: float(piece.off_plane_share.min()) for name, piece in slices.items()
        },
        "cells of the random plane where both components change sign": _sign_changes(
            slices["random weights"]
        ),
        "in-plane share over random planes, and what chance gives": {
            "random weights": _chance(field, start), "trained": _chance(field, end)
        },
        "off-plane share of the variance of the path of training": {
            name: project(plane, states).path_off_plane_share for name, plane in planes.items()
        },
        "speed before and after training": [float(field(x).norm()) for x in (start, end)],
        "Wasserstein distance to the data": {
            "before": distances[0],
            "median over the second half of training": float(np.median(distances[len(distances) // 2 :])),
        },
        "least speed on the random plane": float(slices["random weights"].speed.min()),
        "training": {"steps": size.training_steps, "status": status},
    }  # fmt: skip
    return numbers, {"slices": slices, "path": path}


def _biases(layout: Any) -> np.ndarray:
    """Return booleans of shape (dim,): which parameters are biases."""
    return np.repeat([b.name.endswith("bias") for b in layout.blocks], [b.size for b in layout.blocks])


def _chance(field: Any, x: torch.Tensor) -> dict[str, float]:
    """Return the root mean square in-plane share over random planes, and sqrt(2 / k) |v_biases| / |v|."""
    v = field(x)
    planes: list[Plane] = [random_plane(field.layout, x, kind="biases", seed=seed) for seed in range(PLANES)]
    shares = [np.linalg.norm(plane.components(v)) / float(v.norm()) for plane in planes]
    biases = _biases(field.layout)
    of_biases = float(v[torch.from_numpy(biases)].norm() / v.norm())
    return {
        "measured": float(np.sqrt(np.mean(np.square(shares)))),
        "chance": float(np.sqrt(2 / biases.sum()) * of_biases),
    }


def _sign_changes(piece: FieldSlice) -> int:
    """Return how many cells both components change sign in: where a portrait hints at a fixed point."""
    signs = np.sign(piece.velocity)
    corners = np.stack([signs[:-1, :-1], signs[1:, :-1], signs[:-1, 1:], signs[1:, 1:]])
    return int((np.abs(corners.sum(axis=0)) < 4).all(axis=-1).sum())


def _distance(generator: torch.nn.Module, latent: torch.Tensor, real: torch.Tensor) -> float:
    """Return the Wasserstein-1 distance between generated samples and data, on the line."""
    with torch.no_grad():
        return float((generator(latent).sort(dim=0).values - real.sort(dim=0).values).abs().mean())


def check(numbers: dict[str, Any]) -> None:
    """Assert what the README says of these numbers."""
    assert (numbers["parameters"], numbers["biases"]) == (20_802, 402)
    for name in ("random weights", "trained"):
        assert numbers["median off-plane share of the velocity"][name] > 0.95, "nearly all is out of plane"
        shares = numbers["in-plane share over random planes, and what chance gives"][name]
        assert abs(shares["measured"] / shares["chance"] - 1) < 0.15, "a random plane shows what chance gives"
        assert numbers["off-plane share of the variance of the path of training"][name] > 0.99
    assert numbers["off-plane share of the variance of the path of training"]["path of training"] < 0.5
    assert numbers["cells of the random plane where both components change sign"] > 0
    assert numbers["least speed on the random plane"] > 0.4, "what looks like a fixed point is none"
    before, after = numbers["Wasserstein distance to the data"].values()
    assert numbers["training"]["status"] == "finished"
    assert after < before / 3, "training does not run off"


def draw(pictures: dict[str, Any], out: Path) -> None:
    """Draw networks.png."""
    titles = {
        "random weights": "As in the post: random plane of biases,\nrandom weights, N = 512",
        "trained": "The same plane of biases,\ntrained weights, N = 512",
        "path of training": "The plane of the path of training, N = 512",
    }
    with plot.style():
        figure, axes = figure_of(1, 3, height=5.2)
        for ax, (name, title) in zip(axes.flat, titles.items(), strict=True):
            paths = [pictures["path"]] if name == "path of training" else []
            draw_portrait(ax, title, pictures["slices"][name], nullclines=not paths, trajectories=paths)
        save(figure, out, "networks")
