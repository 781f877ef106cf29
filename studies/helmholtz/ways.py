"""Six ways to follow a game, and what becomes of each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gandyn import (
    Helmholtz,
    VectorField,
    consensus,
    find_fixed_points,
    potential_flow,
    potential_part,
    symplectic_adjustment,
    trajectory,
)
from studies.helmholtz.games import Case

#: Weight of SGA and of consensus.
WEIGHT = 1.0
#: Flow time of a path, and starts of a search; the second of each in the small run.
T_END, STARTS = (400.0, 150.0), (128, 32)
#: Speed below which a state rests, and distance below which two states are one.
REST, NEAR = 1e-6, 1e-3

WAYS: dict[str, Callable[[VectorField, Helmholtz, Case], VectorField]] = {
    "the game": lambda game, split, case: game,
    "grad phi": lambda game, split, case: potential_flow(split),
    "grad phi + h": lambda game, split, case: potential_flow(split, harmonic=True),
    "rays": lambda game, split, case: potential_part(game, np.array(case.answer, dtype=float)),
    "SGA": lambda game, split, case: symplectic_adjustment(game, WEIGHT),
    "consensus": lambda game, split, case: consensus(game, WEIGHT),
}
#: Ways whose state is (discriminator, generator), as on the plane.
SWAPPED = ("grad phi", "grad phi + h")


def follow(
    way: str, game: VectorField, split: Helmholtz, case: Case, small: bool
) -> tuple[dict[str, Any], np.ndarray]:
    """Return where a way rests and where it leads from the start, and the path, generator first."""
    if way == "grad phi" and split.gradient_share < 1e-12:
        still = {"rest points": [], "verdict": "stands still", "end": list(case.start)}
        return still | {"distance": _distance(case.start, case)}, np.array([case.start])
    field, turn = WAYS[way](game, split, case), -1 if way in SWAPPED else 1
    box = case.bounds[::turn]
    middle = box.mean(axis=1, keepdims=True)
    points = find_fixed_points(
        field, middle + 0.995 * (box - middle), n_starts=STARTS[small], progress=False
    ).points
    path = trajectory(field, np.array(case.start)[::turn], t_end=T_END[small], max_norm=50.0, progress=False)
    end = path.x[-1][::turn]
    return {
        "rest points": [
            {"x": p[::turn].tolist(), "kind": kind, "distance": _distance(p[::turn], case)}
            for p, kind in ((point.x, point.kind) for point in points)
        ],
        "verdict": _verdict(field, path, case, _distance(end, case)),
        "end": end.tolist(),
        "distance": _distance(end, case),
    }, path.x[:, ::turn]


def _distance(x: Any, case: Case) -> float:
    return float(np.linalg.norm(np.asarray(x) - case.answer))


def _verdict(field: VectorField, path: Any, case: Case, distance: float) -> str:
    """Return what became of a path."""
    end = path.x[-1]
    if path.status != "finished":
        return "leaves"
    if np.linalg.norm(field(end)) > REST:
        outside = np.any(np.abs(end) > np.abs(case.bounds).max())
        return "leaves" if outside else "keeps moving"
    if np.linalg.norm(end - path.x[0]) < REST:
        return "stands still"
    return "the right answer" if distance < NEAR else "a wrong point"
