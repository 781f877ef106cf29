"""What lies around the point: each player's loss, and the joint field on the plane of both velocities."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from gandyn.landscapes import Landscape, landscape
from gandyn.planes import FieldSlice, Plane, filter_normalized_plane, sample, spanned_plane
from gandyn.report.point import PLAYERS, OnePlayer, Point, norm

__all__ = ["field_slice", "landscapes"]

_RANDOM_PLANES = 20


def landscapes(point: Point) -> tuple[dict[str, Any], dict[OnePlayer, Landscape]]:
    """Return each player's loss on its own filter-normalised plane."""
    losses = point.subject.loss_function(point.step)
    numbers: dict[str, Any] = {}
    drawn: dict[OnePlayer, Landscape] = {}
    for i, player in enumerate(PLAYERS):
        plane = filter_normalized_plane(
            point.layout, point.x, players=player, seed=point.effort.seed, zero_filters="skip"
        )
        found = landscape(losses, plane, 1.0, points=point.effort.grid, progress=point.progress)
        own, center = found.losses[i], found.center[i]
        finite = own[np.isfinite(own)]
        drawn[player] = found
        numbers[player] = {
            "points": own.size,
            "nonfinite": int(own.size - finite.size),
            "center": center,
            "lowest": float(finite.min()) if finite.size else None,
            "highest": float(finite.max()) if finite.size else None,
            "share_below_center": float((finite < center).mean()) if finite.size else None,
            "notes": list(plane.notes),
        }
    return numbers, drawn


def field_slice(point: Point) -> tuple[dict[str, Any], FieldSlice]:
    """Return the field on the plane of (v_G, 0) and (0, v_D), and what a random plane would show."""
    plane = _velocity_plane(point)
    random = [point.share_in(other) for other in _random_planes(point)]
    reach = {player: _reach(point, player) for player in PLAYERS}
    across, up = reach["discriminator"], reach["generator"]
    found = sample(
        point.field,
        plane,
        ((-across, across), (-up, up)),
        points=point.effort.field_grid,
        progress=point.progress,
    )
    share = found.in_plane_share[np.isfinite(found.in_plane_share)]
    numbers = {
        "points": found.speed.size,
        "nonfinite": found.nonfinite,
        "reach": reach,
        "in_plane_share_at_center": point.share_in(plane),
        "in_plane_share_median": float(np.median(share)) if share.size else 0.0,
        "in_plane_share_lowest": float(share.min()) if share.size else 0.0,
        "random_planes": len(random),
        "random_plane_in_plane_share": float(np.mean(random)),
        "random_plane_in_plane_share_highest": float(np.max(random)),
    }
    return numbers, found


def _random_planes(point: Point) -> list[Plane]:
    return [
        filter_normalized_plane(
            point.layout, point.x, players="axis per player", seed=point.effort.seed + i, zero_filters="skip"
        )
        for i in range(_RANDOM_PLANES)
    ]


def _velocity_plane(point: Point) -> Plane:
    """Return the plane through the point along both players' velocities, in units of the parameters."""
    axes = []
    for player in reversed(PLAYERS):
        own = point.own_velocity(player)
        if not norm(own) > 0:
            raise ValueError(f"the {player} does not move here: there is no plane of both velocities")
        axes.append(own / own.norm())
    directions = torch.stack(axes)
    plane = spanned_plane(torch.cat([point.x[None], point.x + directions]), point.layout)
    return replace(plane, axes=directions, names=("v_D", "v_G"), kind="velocities of both players")


def _reach(point: Point, player: str) -> float:
    """Return twice the distance along a player's velocity in which the velocity changes by its own size.

    At most half the norm of the player's parameters.
    """
    own = point.own_velocity(player)
    change = norm(point.field.jvp(point.x, own / own.norm()))
    bound = 0.5 * norm(point.x[point.mask(player)]) or 1.0
    return min(2 * norm(own) / change if change > 0 else math.inf, bound)
