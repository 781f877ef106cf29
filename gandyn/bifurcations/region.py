"""Where a fixed point is stable, over two parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from gandyn.arrays import Array, to_numpy
from gandyn.bifurcations.result import StabilityRegion
from gandyn.checks import check_floats
from gandyn.field import System, UpdateMap

__all__ = ["stability_region"]


def stability_region(
    family: System,
    start: Array,
    across: Mapping[str, tuple[float, float]],
    up: Mapping[str, tuple[float, float]],
    *,
    points: int | tuple[int, int] = 61,
    progress: bool = True,
) -> StabilityRegion:
    """Return the growth rate of a fixed point over a grid of two constants of its family.

    At each grid point Newton's method starts from the fixed point of a neighbour.

    Args:
        family: the field or map.
        start: shape (n,), near the fixed point at the lowest values of both.
        across: ``{name: (low, high)}``, the horizontal constant.
        up: ``{name: (low, high)}``, the vertical one.
        points: grid points along each side, or (across, up).
        progress: show a progress bar when on a terminal.

    Returns:
        The region; NaN where no fixed point was found. Ctrl-C returns the rows computed so far.

    Raises:
        ValueError: an unknown constant, a range that is empty, or fewer than 2 points.

    Example:
        >>> from gandyn.games import catalogue
        >>> region = stability_region(catalogue.make("dirac-r1"), np.zeros(2), {"gamma": (-1.0, 1.0)},
        ...                           {"kappa": (0.5, 2.0)}, points=(4, 2), progress=False)
        >>> region.stable.tolist()
        [[False, False, True, True], [False, False, True, True]]
    """
    from tqdm import tqdm

    check_floats("start", start, (family.layout.dim,))
    na, nb = (points, points) if isinstance(points, int) else points
    (name_a, a), (name_b, b) = _axis(family, across, na), _axis(family, up, nb)
    growth, rotation = np.full((nb, na), np.nan), np.full((nb, na), np.nan)
    x = np.full((nb, na, family.layout.dim), np.nan)
    status, first = "finished", to_numpy(start).astype(np.float64)
    try:
        for j in tqdm(range(nb), desc=name_b, leave=False, disable=None if progress else True):
            guess = first
            for i in range(na):
                system = family.with_constants(**{name_a: float(a[i]), name_b: float(b[j])})
                found = _newton(system, guess)
                if found is None:
                    continue
                x[j, i], guess = found, found
                first = found if i == 0 else first
                growth[j, i], rotation[j, i] = _leading(system, found)
    except KeyboardInterrupt:
        status = "interrupted"
    clock: Any = "map" if isinstance(family, UpdateMap) else "flow"
    return StabilityRegion(name_a, name_b, a, b, growth, rotation, x, clock, status, family.label)


def _axis(family: System, side: Mapping[str, tuple[float, float]], count: int) -> tuple[str, np.ndarray]:
    if len(side) != 1 or set(side) - set(family.constants):
        raise ValueError(
            f"a side of the region is one constant with its range, {{name: (low, high)}}, of "
            f"{sorted(family.constants)}; got {dict(side)}"
        )
    ((name, (low, high)),) = side.items()
    if not low < high or count < 2:
        raise ValueError(f"{name} needs low < high and at least 2 points, got ({low}, {high}) and {count}")
    return name, np.linspace(low, high, count)


def _newton(system: System, x: np.ndarray) -> np.ndarray | None:
    shift = np.eye(len(x)) if isinstance(system, UpdateMap) else 0.0
    with np.errstate(all="ignore"):
        for _ in range(25):
            residual, matrix = system.residual(x), system.jac(x) - shift
            if not (np.all(np.isfinite(residual)) and np.all(np.isfinite(matrix))):
                return None
            step = np.linalg.lstsq(matrix, -residual, rcond=1e-12)[0]
            x = x + step
            if np.linalg.norm(step) <= 1e-11 * (1 + np.linalg.norm(x)):
                floor = 1e-9 * (1 + np.linalg.norm(x)) * max(float(np.linalg.norm(matrix)), 1e-3)
                return x if np.linalg.norm(residual) <= floor else None
    return None


def _leading(system: System, x: np.ndarray) -> tuple[float, float]:
    """Return the largest growth rate, and how the mode that has it turns."""
    values = np.linalg.eigvals(system.jac(x)).astype(np.complex128)
    growth = np.asarray(system.growth_rates(values))
    first = int(np.argmax(growth))
    turn = np.angle(values[first]) if isinstance(system, UpdateMap) else values[first].imag
    return float(growth[first]), float(abs(turn))
