"""Multiple shooting: nodes on a cycle, each carried to the next by the flow in its share of the period."""

from __future__ import annotations

import numpy as np

from gandyn.cycles.flow import Arc, Flow
from gandyn.cycles.result import FlowError

__all__ = ["Shooting", "nodes_along", "solve"]

_ITERATIONS = 40
_SINGULAR = 1e-10
_GROWTH = 100.0
_FEWEST, _MOST = 4, 60


class Shooting:
    """The equations of a cycle in the unknowns ``z = (node_0, ..., node_{m-1}, period)``.

    ``flow(node_i, period / m) - node_{i+1} = 0``, and the phase condition
    ``sum_i v(ref_i) . (node_i - ref_i) = 0``, which keeps the cycle from turning in itself.

    Args:
        flow: the flow.
        reference: shape (m, n), nodes that set the phase.
    """

    def __init__(self, flow: Flow, reference: np.ndarray) -> None:
        self.flow, self._reference = flow, reference
        self._phase = np.array([flow.velocity(node) for node in reference])
        size = np.linalg.norm(self._phase)
        self._phase = self._phase / size if size > 0 else self._phase

    @property
    def shape(self) -> tuple[int, int]:
        """Number of nodes and of entries of the state."""
        m, n = self._reference.shape
        return m, n

    def parts(self, z: np.ndarray) -> tuple[np.ndarray, float]:
        """Return the nodes, shape (m, n), and the time between two of them."""
        return z[:-1].reshape(self.shape), float(z[-1]) / self.shape[0]

    def residual(self, z: np.ndarray) -> np.ndarray:
        """Return what vanishes on a cycle, shape (m n + 1,)."""
        nodes, duration = self.parts(z)
        if not duration > 0:
            return np.full(len(z), np.nan)
        try:
            ends = np.array([self.flow.end(node, duration) for node in nodes])
        except FlowError:
            return np.full(len(z), np.nan)
        return self._gaps(nodes, ends)

    def _gaps(self, nodes: np.ndarray, ends: np.ndarray) -> np.ndarray:
        phase = np.sum(self._phase * (nodes - self._reference))
        return np.append((ends - np.roll(nodes, -1, axis=0)).ravel(), phase)

    def linearised(self, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the residual and its Jacobian, shape (m n + 1, m n + 1)."""
        (m, n), (nodes, duration) = self.shape, self.parts(z)
        arcs = [self.flow.arc(node, duration, tangents=True) for node in nodes]
        ends = np.array([arc.states[-1] for arc in arcs])
        matrix = np.zeros((m * n + 1, m * n + 1))
        for i, arc in enumerate(arcs):
            row, column = slice(i * n, (i + 1) * n), (i + 1) % m * n
            matrix[row, row] += arc.propagator
            matrix[row, column : column + n] -= np.eye(n)
            matrix[row, -1] = self.flow.velocity(ends[i]) / m
        matrix[-1, :-1] = self._phase.ravel()
        return self._gaps(nodes, ends), matrix

    def turn(self, z: np.ndarray, *, tangents: bool = True) -> Arc:
        """Return one turn of the cycle, made of the arcs from node to node."""
        nodes, duration = self.parts(z)
        arcs = [self.flow.arc(node, duration, tangents=tangents) for node in nodes]
        return Arc(
            np.concatenate([np.zeros(1), *(arc.times[1:] + i * duration for i, arc in enumerate(arcs))]),
            np.concatenate([nodes[:1], *(arc.states[1:] for arc in arcs)]),
            np.concatenate([arc.pieces for arc in arcs]),
            False,
            sum(arc.switches for arc in arcs),
        )


def nodes_along(flow: Flow, x: np.ndarray, period: float, segments: int | None = None) -> np.ndarray:
    """Return nodes at equal times along a turn; by default so many that no arc stretches much."""
    segments = _segments(flow, x, period) if segments is None else segments
    nodes = [x]
    for _ in range(segments - 1):
        nodes.append(flow.end(nodes[-1], period / segments))
    return np.array(nodes)


def _segments(flow: Flow, x: np.ndarray, period: float) -> int:
    stretched, segments = np.eye(len(x)), _FEWEST
    for piece in flow.arc(x, period, tangents=True).pieces:
        stretched = piece @ stretched
        if np.linalg.norm(stretched, 2) > _GROWTH:
            stretched, segments = np.eye(len(x)), segments + 2
    return min(segments, _MOST)


def solve(shooting: Shooting, z: np.ndarray, tol: float) -> tuple[np.ndarray, float]:
    """Return the cycle that damped Newton's method leads to, and the size of its last step.

    The steps stop where they are below ``tol`` in relative size and no longer shrink.

    Raises:
        FlowError: it does not converge.
    """
    earlier = np.inf
    for _ in range(_ITERATIONS):
        residual, matrix = shooting.linearised(z)
        step = -np.linalg.lstsq(matrix, residual, rcond=_SINGULAR)[0]
        length = float(np.linalg.norm(step)) / (1 + float(np.linalg.norm(z)))
        if length <= tol and length > 0.1 * earlier:
            return z, length
        z, earlier = _damped(shooting, z, step, float(np.linalg.norm(residual)), tol), length
        if length <= 1e-3 * tol:
            return z, length
    raise FlowError(f"Newton's method did not find a cycle; its last step was {length:.2g} of the state")


def _damped(shooting: Shooting, z: np.ndarray, step: np.ndarray, size: float, tol: float) -> np.ndarray:
    """Return the state after as much of a step as makes the residual smaller."""
    share = 1.0
    while share > 1e-4:
        trial = z + share * step
        rest = float(np.linalg.norm(shooting.residual(trial)))
        if rest < (1 - 0.25 * share) * size or rest < tol * (1 + float(np.linalg.norm(z))):
            return trial
        share /= 2
    raise FlowError(
        f"Newton's method came to a halt {size:.2g} away from a cycle; give a start and a period nearer to it"
    )
