"""Where the parameters go: the velocity at the point, and the path that led there."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from gandyn.planes import Projection, pca_plane, project, random_walk_shares
from gandyn.report.point import PLAYERS, Point, norm

__all__ = ["path", "states_along", "velocity"]

_PARTS = 4
_MOST_ENTRIES = 2**27


def velocity(point: Point) -> dict[str, Any]:
    """Return sizes of parameters and velocities, and how much of the velocity is the batch's doing."""
    x, v = point.x, point.velocity
    speed, error = norm(v), _sampling_error(point)
    losses = point.subject.loss_function(point.step)(x).tolist()
    return {
        "parameter_norm": {p: norm(x[point.mask(p)]) for p in PLAYERS} | {"both": norm(x)},
        "speed": {p: norm(v[point.mask(p)]) for p in PLAYERS} | {"both": speed},
        "relative_speed": speed / norm(x) if norm(x) else None,
        "speed_sampling_error": error,
        "speed_over_sampling_error": speed / error if error else None,
        "loss": dict(zip(PLAYERS, losses, strict=True)),
        "losses": point.subject.losses.name,
    }


def _sampling_error(point: Point) -> float:
    """Return the standard error of the velocity over samples, from quarters of the batch."""
    quarters = point.subject.batch.parts(_PARTS)
    parts = torch.stack([point.subject.field(point.step, quarter)(point.x) for quarter in quarters])
    spread = (parts - parts.mean(0)).square().sum()
    return float((spread / (_PARTS * (_PARTS - 1))).sqrt())


def states_along(point: Point) -> tuple[list[int], Tensor]:
    """Return the steps of the checkpoints and their states, (T, n); fewer where they fill memory."""
    steps = point.subject.run.steps
    stride = max(1, math.ceil(len(steps) * point.layout.dim / _MOST_ENTRIES))
    steps = steps[::-stride][::-1]
    return steps, torch.stack([point.subject.state(step) for step in steps])


def path(point: Point) -> tuple[dict[str, Any], Projection | None]:
    """Return the losses and speeds along the checkpoints, and their projection on two components."""
    steps, states = states_along(point)
    moved = states[-1] - states[0]
    total = float(moved.square().sum())
    speeds, losses = [], []
    for step, x in zip(steps, states, strict=True):
        speeds.append(norm(point.subject.field(step)(x)))
        losses.append(point.subject.loss_function(step)(x).tolist())
    numbers = {
        "steps": steps,
        "speed": speeds,
        "loss": {player: [both[i] for both in losses] for i, player in enumerate(PLAYERS)},
        "displacement": norm(moved),
        "length": float((states[1:] - states[:-1]).norm(dim=1).sum()),
        "generator_share": float(moved[point.mask("generator")].square().sum()) / total if total else None,
    }
    if len(steps) < 3:
        return numbers, None
    plane = pca_plane(states, point.layout)
    projection = project(plane, states)
    explained = list(plane.explained or ())
    return numbers | {
        "explained": explained[:10],
        "explained_by_two": float(sum(explained[:2])),
        "random_walk_by_two": float(random_walk_shares(len(steps))[:2].sum()),
        "off_plane_variance": projection.path_off_plane_share,
        "largest_distance": float(projection.distance.max()),
    }, projection
