"""A preview of a landscape: polynomial interpolation from a few Chebyshev nodes, checked on random points."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from gandyn.arrays import Array
from gandyn.landscapes.evaluate import landscape
from gandyn.landscapes.result import Landscape
from gandyn.landscapes.states import losses_at
from gandyn.planes import Plane
from gandyn.planes.slices import Extent, grid

__all__ = ["preview"]


def preview(
    losses: Callable[[Array], Array],
    plane: Plane,
    extent: Extent | None = None,
    *,
    points: int | tuple[int, int] = 65,
    nodes: int = 17,
    checks: int = 16,
    seed: int = 0,
    chunk: int | None = None,
    progress: bool = True,
    label: str = "",
) -> Landscape:
    """Interpolate a landscape from a few Chebyshev nodes: a fast look, marked as such, with its own error.

    Barycentric interpolation in both directions converges geometrically for smooth losses: 17 nodes an
    axis, under half the evaluations of a 25 x 25 grid, often draw a loss to a percent of its range. It is
    no landscape: kinks (of ReLU networks, or of hinges) slow it down to the order of the spacing and make it
    ring, detail between the nodes is lost, and a loss that is not finite at one node has no interpolant.
    The check on random points of the fine grid, in ``notes``, tells.

    Args:
        losses: ``losses(x) -> (..., 2)``, as for ``landscape``.
        plane: the plane.
        extent: half-width of a square about (0, 0), or ((a_min, a_max), (b_min, b_max)); 1 by default.
        points: points of the fine grid along each axis, or along (a, b).
        nodes: nodes along each axis, at least 3.
        checks: random grid points at which the losses are evaluated and compared, at least 1.
        seed: seed of their choice.
        chunk: states evaluated at once.
        progress: show a progress bar when on a terminal.
        label: name for titles; "(preview)" is added.

    Returns:
        The landscape on the fine grid, its largest and root-mean-square errors in ``notes``.

    Raises:
        ValueError: too few nodes or checks, an empty grid, or a loss that is not finite at a node.
        KeyboardInterrupt: Ctrl-C; there is no preview without all nodes.

    Source: Berrut and Trefethen 2004.

    Example:
        >>> from gandyn.field import Layout
        >>> from gandyn.planes import coordinate_plane
        >>> plane = coordinate_plane(Layout.scalars(state=["p", "q"]), "p", "q")
        >>> found = preview(lambda x: np.cos(3 * x), plane, points=5)
        >>> float(abs(found.losses[0] - np.cos(3 * found.a)).max()) < 1e-9
        True
    """
    if nodes < 3 or checks < 1:
        raise ValueError(f"a preview needs at least 3 nodes and 1 check, got {nodes} and {checks}")
    a, b = grid(extent, None, None, points)
    places = [_nodes(axis[0], axis[-1], nodes) for axis in (a, b)]
    coarse = landscape(losses, plane, a=places[0], b=places[1], chunk=chunk, progress=progress)
    if coarse.nonfinite:
        raise ValueError(
            f"the losses are not finite at {coarse.nonfinite} of {nodes**2} nodes: no polynomial passes "
            "through them; use landscape, which keeps and counts such points, or a smaller extent"
        )
    across, up = (_interpolation(at, axis) for at, axis in zip(places, (a, b), strict=True))
    values = up @ coarse.losses @ across.T
    chosen = np.random.default_rng(seed).choice(len(a) * len(b), min(checks, len(a) * len(b)), replace=False)
    rows, columns = np.unravel_index(chosen, (len(b), len(a)))
    true = losses_at(
        losses, lambda where: plane.point(a[columns[where]], b[rows[where]]), len(chosen), plane.layout.dim,
        chunk=chunk, progress=progress, what="check of the preview",
    )  # fmt: skip
    if len(true) < len(chosen):
        raise KeyboardInterrupt
    note = _verdict(values, values[:, rows, columns] - true.T, coarse.names, nodes)
    title = f"{label} (preview)" if label else "preview"
    return replace(
        coarse, a=a, b=b, losses=values, nonfinite=0, label=title, notes=(note, *coarse.notes)
    )  # fmt: skip


def _nodes(low: float, high: float, count: int) -> np.ndarray:
    """Return Chebyshev points of the second kind, ascending, ends included."""
    cosines = -np.cos(np.pi * np.arange(count) / (count - 1))
    return np.asarray(low + (high - low) * (1 + cosines) / 2)


def _interpolation(nodes: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Return the matrix (len(at), len(nodes)) of barycentric interpolation from Chebyshev nodes."""
    weights = (-1.0) ** np.arange(len(nodes))
    weights[[0, -1]] /= 2
    apart = at[:, None] - nodes
    exact = apart == 0
    terms = np.where(exact.any(axis=1, keepdims=True), exact, weights / np.where(exact, 1.0, apart))
    return np.asarray(terms / terms.sum(axis=1, keepdims=True))


def _verdict(values: np.ndarray, errors: np.ndarray, names: tuple[str, str], nodes: int) -> str:
    """Return in a sentence how far a preview is off at the points that were checked."""
    parts = []
    for name, surface, error in zip(names, values, errors, strict=True):
        span = float(np.ptp(surface)) or 1.0
        middle, most = np.sqrt(np.mean(error**2)) / span, np.max(np.abs(error)) / span
        parts.append(f"{name} {middle:.2g} ({most:.2g})")
    return (
        f"preview from {nodes} x {nodes} Chebyshev nodes; r.m.s. (largest) error at {errors.shape[1]} random "
        f"points over the range: {', '.join(parts)}"
    )
