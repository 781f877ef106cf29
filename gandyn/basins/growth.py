"""Compiled: a one-dimensional invariant manifold grown from a segment near its point."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

from gandyn.basins.compiled import LONGEST_STEP, horizon
from gandyn.fixed_points.compiled import solve
from gandyn.trajectories.compiled import FINISHED, STALLED, accepted_step, first_step, interpolate

__all__ = ["ENDED", "grow", "trace"]

#: How a branch ended.
LENGTH, ROOM, OUTSIDE, RESTS, NO_PREIMAGE, STUCK = range(6)
ENDED = (
    "length reached",
    "out of points",
    "left the bound",
    "came to rest",
    "no preimage",
    "stuck",
)
_jit: Any = numba.njit(cache=True, nogil=True, error_model="numpy")


@_jit
def _distance(a: np.ndarray, b: np.ndarray) -> float:
    total = 0.0
    for i in range(len(a)):
        total += (a[i] - b[i]) ** 2
    return np.sqrt(total)


@_jit
def trace(
    function: Any,
    params: np.ndarray,
    nodes: np.ndarray,
    plan: np.ndarray,
    way: float,
    x: np.ndarray,
    length: float,
    spacing: float,
    rtol: float,
    atol: float,
    max_norm: float,
    max_steps: int,
    points: np.ndarray,
) -> tuple[int, int, int]:
    """Write states along the orbit of ``x``, at most ``spacing`` apart; ``way`` is -1 backwards in time.

    Returns:
        Number of points, how the branch ended, and evaluations.
    """
    n, covered, count, evaluations = len(x), 0.0, 1, 2
    slopes, new, work, here = np.empty((7, n)), np.empty(n), np.empty(n), np.empty(n)
    end, creeping = way * LONGEST_STEP, 0
    points[0] = x
    function(x, 0.0, params, nodes, plan, slopes[0])
    h = first_step(function, params, nodes, plan, n, x, 0.0, end, rtol, atol, slopes, new, work)
    for _ in range(max_steps):
        moved, h, status, tried = accepted_step(
            function, params, nodes, plan, n, x, 0.0, h, horizon(h), rtol, atol, slopes, new, work
        )
        evaluations += 6 * tried
        if status != FINISHED:
            return count, (STUCK if status == STALLED else OUTSIDE), evaluations
        pieces = max(1, int(np.ceil(1.2 * _distance(x, new) / spacing)))
        for piece in range(1, pieces + 1):
            interpolate(piece / pieces, moved, x, slopes, here)
            covered += _distance(points[count - 1], here)
            points[count] = here
            count += 1
            if covered >= length:
                return count, LENGTH, evaluations
            if count == len(points):
                return count, ROOM, evaluations
        # Steps that cover nothing: the orbit nears a fixed point.
        creeping = creeping + 1 if _distance(x, new) < 1e-9 * (1 + np.sqrt(np.dot(x, x))) else 0
        x[:] = new
        slopes[0] = slopes[6]
        if not np.dot(x, x) <= max_norm * max_norm:
            return count, OUTSIDE, evaluations
        if creeping >= 20:
            return count, RESTS, evaluations
    return count, ROOM, evaluations


@_jit
def _preimage(
    jacobian: Any,
    params: np.ndarray,
    nodes: np.ndarray,
    plan: np.ndarray,
    target: np.ndarray,
    x: np.ndarray,
    out: np.ndarray,
) -> bool:
    """Move ``x`` to the state whose next one is ``target``, by Newton's method from close by."""
    n = len(x)
    step = np.empty(n)
    for _ in range(30):
        jacobian(x, 0.0, params, nodes, plan, out)
        step[:] = target - out[:n]
        if not solve(out[n:].reshape(n, n).copy(), step) > 0:
            return False
        x += step
        size = np.sqrt(np.dot(step, step))
        if not np.isfinite(size):
            return False
        if size <= 1e-13 * (1 + np.sqrt(np.dot(x, x))):
            return True
    return False


@_jit
def _follow_chain(
    velocity: Any,
    jacobian: Any,
    params: np.ndarray,
    nodes: np.ndarray,
    plan: np.ndarray,
    inverse: bool,
    guesses: np.ndarray,
    chain: np.ndarray,
    out: np.ndarray,
) -> bool:
    """Write the images (preimages) of ``chain[0]`` one after the other; guesses are a close chain."""
    for k in range(1, len(chain)):
        if inverse:
            chain[k] = guesses[k]
            if not _preimage(jacobian, params, nodes, plan, chain[k - 1], chain[k], out):
                return False
        else:
            velocity(chain[k - 1], 0.0, params, nodes, plan, chain[k])
    return True


@_jit
def _turn(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> float:
    """Return the sine of the turn at b, or 2 beyond a right angle."""
    first, second, inner = _distance(a, b), _distance(b, c), 0.0
    if first == 0 or second == 0:
        return 0.0
    for i in range(len(a)):
        inner += (b[i] - a[i]) * (c[i] - b[i])
    cosine = inner / (first * second)
    return 2.0 if cosine < 0 else np.sqrt(max(0.0, 1 - cosine * cosine))


@_jit
def grow(
    velocity: Any,
    jacobian: Any,
    params: np.ndarray,
    nodes: np.ndarray,
    plan: np.ndarray,
    inverse: bool,
    orbit: np.ndarray,
    offset: np.ndarray,
    factor: float,
    length: float,
    spacing: float,
    bend: float,
    max_norm: float,
    points: np.ndarray,
) -> tuple[int, int, int]:
    """Write points of the manifold of a map, image after image of a segment along its eigenvector.

    Every point is an image, so many rounds of the orbit later, of a point ``orbit[0] + offset *
    factor**s`` of the first segment, 0 <= s <= 1; s is stepped so that points are at most ``spacing`` apart
    and the curve turns by at most the angle whose sine is ``bend`` from one to the next.

    Args:
        inverse: take preimages, one step of the map after the other, each guessed from the point before.
        orbit: shape (p, n), a round of the periodic orbit in the order in which the manifold is grown.
        factor: multiplier, above 1, by which a round stretches the segment.

    Returns:
        Number of points, how the branch ended, and images or preimages computed.
    """
    period, n = orbit.shape
    centre, count, covered, images = orbit[0], 1, 0.0, 0
    out = np.empty(n + n * n)
    points[0] = centre + offset
    guesses = np.empty((1, n))
    guesses[0] = points[0]
    domain, stride, before = 0, 0.25, 0.0
    while True:
        s, begun = 0.0, covered
        while s < 1.0:
            chain = np.empty_like(guesses)
            ahead = min(stride, 1.0 - s)
            chain[0] = centre + offset * factor ** (s + ahead)
            good = _follow_chain(velocity, jacobian, params, nodes, plan, inverse, guesses, chain, out)
            images += len(chain) - 1
            here = chain[-1]
            apart = _distance(points[count - 1], here) if good else np.inf
            turn = _turn(points[count - 2], points[count - 1], here) if count > 1 else 0.0
            if not apart <= spacing or (turn > bend and apart > 1e-3 * spacing):
                stride = 0.5 * ahead
                if s + stride == s or stride < 1e-14:
                    return count, (OUTSIDE if good else NO_PREIMAGE), images
                continue
            s += ahead
            guesses[:] = chain
            covered += apart
            points[count] = here
            count += 1
            if covered >= length:
                return count, LENGTH, images
            if count == len(points):
                return count, ROOM, images
            if not np.dot(here, here) <= max_norm * max_norm:
                return count, OUTSIDE, images
            if apart < 0.5 * spacing and turn < 0.5 * bend:
                stride = 2 * ahead
        # A domain no longer than rounding, and shorter than the last: the curve nears another fixed point.
        arc = covered - begun
        if arc < before and arc < 1e-9 * (1 + np.sqrt(np.dot(points[count - 1], points[count - 1]))):
            return count, RESTS, images
        before = arc
        domain += 1
        longer = np.empty((1 + domain * period, n))
        # The next domain begins where this one ends: its chain is this one, a round of the orbit on.
        longer[:period] = orbit
        longer[period:] = guesses
        guesses = longer
