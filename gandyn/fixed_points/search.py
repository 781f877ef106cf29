"""The call: Newton's method from many starts, then what it found, merged, checked and judged."""

from __future__ import annotations

from typing import Any

import numpy as np

from gandyn.arrays import Array, like, to_numpy
from gandyn.field import System
from gandyn.fixed_points.certificate import certify as prove
from gandyn.fixed_points.continua import at_rounding, connected_sets, kernel_dimension, settle, walks
from gandyn.fixed_points.newton import CONVERGED, UNDECIDED, Search, follow, residual_and_jacobian
from gandyn.fixed_points.period import iterated
from gandyn.fixed_points.result import Continuum, FixedPoint, FixedPoints
from gandyn.fixed_points.verdict import classify

__all__ = ["find_fixed_points"]


def find_fixed_points(
    system: System,
    box: Any = None,
    *,
    starts: Array | None = None,
    n_starts: int = 4096,
    period: int = 1,
    seed: int = 0,
    tol: float = 1e-10,
    max_iter: int = 100,
    certify: bool = False,
    progress: bool = True,
) -> FixedPoints:
    """Find the fixed points of a flow or a map in a box, by damped Newton iteration from many starts.

    The exact Jacobian is used throughout. A state counts only where Newton's steps themselves have
    converged: a slow passage, whose residual is small and whose steps are not, and a pole, from which
    steps lead away, are refused. What converged is moved by steps of least norm, merged, and told apart:
    isolated points, and continua, along whose kernel one can walk from fixed point to fixed point.

    Args:
        system: the vector field or update map; autonomous.
        box: where to look, as ``Layout.bounds`` takes it: ``{"b_g": (-4, 4), "b_d": (-4, 4)}``, or one
            (low, high) for all entries. May be left out with ``starts``: then nothing bounds the search.
        starts: shape (m, n), where to start; the default is ``n_starts`` points of a scrambled Sobol
            sequence in the box.
        n_starts: number of starts in the box, >= 1.
        period: for a map, also points that return after this many steps; orbits are reported once, with
            their least period.
        seed: seed of the scrambling.
        tol: length of Newton's step, over 1 + |x|, at which it has converged.
        max_iter: steps from each start.
        certify: also prove how many there are in the box (symbolic games of up to four parameters).
        progress: show a progress bar when on a terminal.

    Returns:
        The points with their verdicts, the continua, and how each start ended. Ctrl-C returns what was
        found so far, with status "interrupted".

    Raises:
        ValueError: neither box nor starts, starts of another width, or a number out of range.

    Sources: Sobol starts, Owen 1998; steps where the Jacobian is singular, Yamashita and Fukushima 2001.

    Example:
        >>> from gandyn.games import catalogue
        >>> found = find_fixed_points(catalogue.make("lorenz"), (-30, 40), n_starts=64)
        >>> [point.kind for point in found]
        ['saddle', 'saddle', 'saddle']
    """
    dim = system.layout.dim
    low, high = (np.full(dim, -np.inf), np.full(dim, np.inf)) if box is None else system.layout.bounds(box)
    given = _starts(starts, box, low, high, n_starts, seed)
    if not tol > 0 or max_iter < 1:
        raise ValueError(f"tol must be positive and max_iter at least 1, got {tol} and {max_iter}")
    if certify and box is None:
        raise ValueError("certify proves a statement about a box: pass box")
    whole, search = iterated(system, period), Search(low, high, tol, max_iter, period)
    like_x = given if starts is None else starts
    host = np.ascontiguousarray(to_numpy(given), dtype=np.float64)
    ends, outcomes, evaluations, done = follow(system, host, search, like_x, progress)
    points, continua, found = _sorted_out(system, whole, ends, outcomes, search, like_x)
    certificate = None
    if certify:
        certificate = prove(whole, box, progress=progress)
    status = "finished" if done else "interrupted"
    return FixedPoints(
        points, continua, host, outcomes, found, evaluations, status, certificate, system.label
    )  # fmt: skip


def _starts(
    starts: Array | None, box: Any, low: np.ndarray, high: np.ndarray, count: int, seed: int
) -> Array:
    if starts is not None:
        if not hasattr(starts, "shape") or len(starts.shape) != 2 or starts.shape[1] != len(low):
            shape = getattr(starts, "shape", type(starts).__name__)
            raise ValueError(f"starts must have shape (m, {len(low)}), got {shape}")
        return starts
    if box is None:
        raise ValueError("pass a box, such as {'b_g': (-4, 4), 'b_d': (-4, 4)}, or starts of shape (m, n)")
    if count < 1:
        raise ValueError(f"n_starts must be at least 1, got {count}")
    from scipy.stats import qmc

    draws = qmc.Sobol(len(low), rng=np.random.default_rng(seed)).random_base2(int(np.ceil(np.log2(count))))
    shares: np.ndarray = draws[:count]
    return low + shares * (high - low)


def _sorted_out(
    system: System, whole: System, ends: np.ndarray, outcomes: np.ndarray, search: Search, like_x: Any
) -> tuple[tuple[FixedPoint, ...], tuple[Continuum, ...], np.ndarray]:
    """Return isolated points, continua, and which of them each start led to; correct the outcomes."""
    found = np.full(len(ends), -1)
    rows = np.flatnonzero(outcomes == CONVERGED)
    if not len(rows):
        return (), (), found
    heads, groups = _merged(ends[rows])
    places, matrices, good = _polished(whole, ends[rows][heads], like_x)
    outcomes[rows[~good[groups]]] = UNDECIDED
    rows, groups = rows[good[groups]], (np.cumsum(good) - 1)[groups[good[groups]]]
    if not len(rows):
        return (), (), found
    places, matrices = places[good], matrices[good]
    dimensions = kernel_dimension(matrices)
    on_set = np.array(
        [
            d > 0 and walks(whole, x, m, (search.low, search.high), like_x)
            for x, d, m in zip(places, dimensions, matrices, strict=True)
        ]
    )
    continua: list[Continuum] = []
    labels = np.zeros(len(places), dtype=int)
    if on_set.any():
        growth = lambda samples, dimension: _transverse_growth(whole, samples, dimension, like_x)
        continua, labels[on_set] = connected_sets(
            whole, places[on_set], dimensions[on_set], (search.low, search.high), growth, like_x
        )
    points, labels[~on_set] = _isolated(system, places[~on_set], search.period, like_x)
    labels[on_set] += len(points)
    found[rows] = labels[groups]
    return tuple(points), tuple(continua), found


def _merged(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the first of each group of points about 1e-6 apart, and the group of each point."""
    from scipy.sparse.csgraph import connected_components
    from scipy.spatial import cKDTree

    radius = 1e-6 * (1 + float(np.median(np.linalg.norm(points, axis=-1))))
    _, first, cell = np.unique(np.round(points / radius), axis=0, return_index=True, return_inverse=True)
    tree = cKDTree(points[first])
    group = connected_components(tree.sparse_distance_matrix(tree, 2 * radius), directed=False)[1]
    groups = group[cell.reshape(-1)]
    return np.unique(groups, return_index=True)[1], groups


def _polished(system: System, places: np.ndarray, like_x: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return places moved by steps of least norm, Jacobians there, and where the residual is at rounding."""
    moved, residual, matrices = settle(system, places, like_x)
    near = np.linalg.norm(moved - places, axis=-1) <= 1e-3 * (1 + np.linalg.norm(places, axis=-1))
    return moved, matrices, np.isfinite(residual) & (residual <= at_rounding(moved, matrices)) & near


def _isolated(
    system: System, places: np.ndarray, period: int, like_x: Any
) -> tuple[list[FixedPoint], np.ndarray]:
    """Return one verdict an orbit, in the order of coordinates, and the number of the orbit of each place."""
    order = np.lexsort(np.round(places, 9).T[::-1])
    points: list[FixedPoint] = []
    labels = np.full(len(places), -1)
    for i in order.tolist():
        if labels[i] >= 0:
            continue
        least = _least_period(system, places[i], period, like_x)
        point = classify(system, like(places[i], like_x), period=least)
        apart = np.linalg.norm(places[:, None] - point.orbit, axis=-1).min(axis=-1)
        labels[apart <= 1e-6 * (1 + np.linalg.norm(places, axis=-1))] = len(points)
        labels[i] = len(points)
        points.append(point)
    return points, labels


def _least_period(system: System, x: np.ndarray, period: int, like_x: Any) -> int:
    for divisor in range(1, period):
        if period % divisor == 0:
            residual, _ = residual_and_jacobian(iterated(system, divisor), x[None], like_x)
            if np.linalg.norm(residual) <= 1e-6 * (1 + np.linalg.norm(x)):
                return divisor
    return period


def _transverse_growth(system: System, samples: np.ndarray, dimension: int, like_x: Any) -> np.ndarray:
    """Return the largest growth rate of each sample, the ``dimension`` modes closest to rest left out."""
    values = np.linalg.eigvals(to_numpy(system.jac(like(samples, like_x))))
    still = np.abs(values - (1.0 if hasattr(system, "dt") else 0.0))
    order = np.argsort(still, axis=-1)[:, dimension:]
    growth = system.growth_rates(np.take_along_axis(values, order, axis=-1))
    return np.asarray(growth).max(axis=-1, initial=-np.inf)
