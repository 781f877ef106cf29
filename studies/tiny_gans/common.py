"""What the parts share: sizes, the exact normal rule, and figures of several portraits."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gandyn import (
    FieldSlice,
    FixedPoints,
    Trajectory,
    VectorField,
    coordinate_plane,
    plot,
    sample,
    trajectory,
)
from gandyn.games import Measure, points

#: Offset inside the logarithms wherever samples are drawn "as in the post", which does not state its own.
EPS = 1e-3
#: Sample sizes of the post.
SAMPLE_SIZES = (2500, 100, 5)
#: Half-width of the window of biases: the post speaks of its regions at (-4, 4) and (4, -4).
WINDOW = 4.5


@dataclass(frozen=True)
class Size:
    """How much to compute: grid points a side, repeats of a draw, starts, limit cycles, training steps."""

    grid: int
    repeats: int
    starts: int
    cycles: int
    training_steps: int


SMALL = Size(grid=25, repeats=2000, starts=20, cycles=2, training_steps=300)
FULL = Size(grid=61, repeats=20_000, starts=400, cycles=8, training_steps=3000)


def normal_rule(nodes: int = 4001, width: float = 9.0) -> Measure:
    """Return an equidistant rule for N(0, 1), exact to 1e-10 for eps >= 1e-3: poles lie sqrt(eps) off."""
    z = np.linspace(-width, width, nodes)
    density = np.exp(-z * z / 2)
    return points(z, density / density.sum())


def follow(field: VectorField, start: Sequence[float], t_end: float, **settings: Any) -> Trajectory:
    """Return the trajectory from ``start``, a row of numbers in the order of the layout."""
    return trajectory(field, np.array(start, dtype=float), t_end=t_end, progress=False, **settings)


def count_kinds(rests: FixedPoints) -> dict[str, int]:
    """Return how many fixed points there are of each kind."""
    return dict(sorted(Counter(point.kind for point in rests).items()))


def pairs(eigenvalues: np.ndarray) -> list[list[float]]:
    """Return complex numbers as JSON holds them: [real, imaginary], in falling order."""
    return [[float(v.real), float(v.imag)] for v in sorted(eigenvalues, key=lambda v: (-v.real, -v.imag))]


def slice_of(field: VectorField, horizontal: str, vertical: str, extent: Any, grid: int) -> FieldSlice:
    """Return the velocity on a coordinate plane, the other parameters at zero."""
    plane = coordinate_plane(field.layout, horizontal, vertical)
    return sample(field, plane, extent, points=grid, progress=False)


def figure_of(rows: int, columns: int, height: float = 4.2) -> tuple[Figure, np.ndarray]:
    """Return a figure and its axes, shape (rows, columns), each at the width of a paper column."""
    figure = Figure(figsize=(3.6 * columns, height * rows), layout="constrained")
    return figure, figure.subplots(rows, columns, squeeze=False)


def draw_portrait(ax: Axes, title: str, field_slice: FieldSlice, **marks: Any) -> None:
    """Draw a portrait under a title."""
    plot.portrait(ax, field_slice, **marks)
    ax.set_title(title)


def save(figure: Figure, out: Path, name: str) -> None:
    """Write a figure as PNG, at a size that a page shows."""
    figure.savefig(out / f"{name}.png", dpi=110)
