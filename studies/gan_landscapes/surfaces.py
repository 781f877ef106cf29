"""Landscapes of trained networks, each in a store of its own, and what is measured on them."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from gandyn import filter_normalized_plane, landscape, nets
from gandyn.landscapes import Landscape, asymmetry, lake, sharpness
from gandyn.nets import models
from studies.gan_landscapes.batch_norm import EXTENT
from studies.gan_landscapes.document import document_plane
from studies.gan_landscapes.runs import data_of, judged_by, restored, train_seed

#: Height in nats that counts as about the same loss.
EPSILON = 0.1
PLAYERS = ("generator", "discriminator")


def surface(
    sizes: Mapping[str, Any],
    folder: Path,
    key: tuple[int, int, int],
    player: str,
    direction: int,
    *,
    published: bool = False,
) -> Landscape:
    """Return a landscape of the run ``key`` of seed, batch size and steps; one that was begun is finished."""
    networks = restored(sizes, folder, *key)
    x, layout = nets.get_state(*networks, dtype=torch.float32), nets.modules_layout(*networks)
    if published:
        plane = document_plane(layout, x, player, direction)
    else:
        plane = filter_normalized_plane(layout, x, players=player, seed=direction, zero_filters="skip")
    name = f"{'published, ' if published else ''}{player} {key}, {direction}.zarr"
    return landscape(
        judged_by(sizes, networks), plane, EXTENT, points=sizes["points"], store=folder / name, progress=False
    )


def measured(found: Landscape, player: str) -> dict[str, float]:
    """Return the numbers of one landscape: its lake, and where its lowest point lies."""
    values = found.losses[PLAYERS.index(player)]
    centre = found.center[PLAYERS.index(player)]
    lowest = np.unravel_index(np.nanargmin(values), values.shape)
    around, above = (lake(found, player, EPSILON, about=about) for about in ("centre", "minimum"))
    return {
        "area within epsilon of the centre": around.area,
        "share of the window": around.area / around.window,
        "share within epsilon of the minimum": above.area / above.window,
        "parts": above.parts,
        "the centre is in it": float(above.holds_centre),
        "centre above the lowest": centre - float(np.nanmin(values)),
        "distance of the lowest": float(np.hypot(found.a[lowest[1]], found.b[lowest[0]])),
        "range": float(np.nanmax(values) - np.nanmin(values)),
        "rise within 1": sharpness(found, player, 1.0).max_rise,
        "asymmetry": float(asymmetry(found, player, 1.0).numbers["asymmetry, mean"]),
        "not finite": float(found.nonfinite),
    }


def of_run(sizes: Mapping[str, Any], folder: Path, key: tuple[int, int, int]) -> dict[str, Any]:
    """Return losses, accuracy and, by player, the mean over directions of what was measured."""
    place = folder / f"numbers {key}.json"
    if not place.exists():
        numbers: dict[str, Any] = {"at the end": at_the_end(sizes, restored(sizes, folder, *key))}
        for player in PLAYERS:
            rows = [
                measured(surface(sizes, folder, key, player, direction), player)
                for direction in range(sizes["directions"])
            ]
            numbers[player] = {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}
        place.write_text(json.dumps(numbers))
    found: dict[str, Any] = json.loads(place.read_text())
    return found


def at_the_end(sizes: Mapping[str, Any], networks: tuple[nn.Module, nn.Module]) -> dict[str, float]:
    """Return both losses and the accuracy in per cent, on the batch of the landscapes."""
    x, layout = nets.get_state(*networks, dtype=torch.float32), nets.modules_layout(*networks)
    plane = filter_normalized_plane(layout, x, players="discriminator", zero_filters="skip")
    one = landscape(
        judged_by(sizes, networks), plane, a=[0.0], b=[0.0], measures=("losses", "accuracy"), progress=False
    )
    assert one.accuracy is not None
    return {
        "generator loss": one.center[0],
        "discriminator loss": one.center[1],
        "accuracy": 100 * float(one.accuracy.mean()),
    }


def classifier(sizes: Mapping[str, Any], folder: Path, seed: int) -> dict[str, float]:
    """Return the same numbers of a classifier: the discriminator's layers, trained on the ten classes."""
    place = folder / f"classifier {seed}.json"
    if place.exists():
        known: dict[str, float] = json.loads(place.read_text())
        return known
    data, draws = data_of(sizes), torch.Generator().manual_seed(seed)
    _, judge = models.conv_gan(sizes["image"], width=sizes["width"], initialization="xavier", seed=seed)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        judge = nn.Sequential(*list(judge)[:-1], nn.Linear(judge[-1].in_features, 10))
        optimizer = torch.optim.Adam(judge.parameters(), 2e-4)
        for _ in range(sizes["batch steps"]):
            rows = torch.randint(len(data.images), (sizes["batch"],), generator=draws)
            optimizer.zero_grad()
            nn.functional.cross_entropy(judge(data.images[rows]), data.labels[rows]).backward()
            optimizer.step()
    judge.eval()
    count, shapes = sizes["samples"], [p.shape for p in judge.parameters()]
    layout = nets.modules_layout(nn.Linear(1, 1), judge)
    x = nets.get_state(nn.Linear(1, 1), judge, dtype=torch.float32)

    def both(states: torch.Tensor) -> torch.Tensor:
        """Return the cross-entropy twice, as a landscape takes it."""
        rows = []
        for state in states:
            parts = state[2:].split([shape.numel() for shape in shapes])
            names = dict(
                zip(
                    dict(judge.named_parameters()),
                    (p.view(s) for p, s in zip(parts, shapes, strict=True)),
                    strict=True,
                )
            )
            with torch.no_grad():
                logits = torch.func.functional_call(judge, names, data.images[:count])
            rows.append(nn.functional.cross_entropy(logits, data.labels[:count]))
        return torch.stack([torch.stack(rows), torch.stack(rows)], dim=-1)

    rows = [
        measured(
            landscape(
                both,
                filter_normalized_plane(layout, x, players="discriminator", seed=direction),
                EXTENT,
                points=sizes["points"],
                progress=False,
            ),
            "discriminator",
        )
        for direction in range(sizes["directions"])
    ]
    numbers = {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}
    place.write_text(json.dumps(numbers))
    return numbers


def one_seed(sizes: Mapping[str, Any], folder: Path, seed: int) -> dict[str, dict[str, Any]]:
    """Train the runs of a seed and measure each; return what was measured, by table and row."""
    train_seed(sizes, folder, seed)
    usual, steps = sizes["batch"], sizes["batch steps"]
    return {
        "batch sizes": {str(b): of_run(sizes, folder, (seed, b, steps)) for b in sizes["batches"]},
        "lengths": {str(n): of_run(sizes, folder, (seed, usual, n)) for n in sizes["lengths"]},
        "classifier": classifier(sizes, folder, seed),
    }
