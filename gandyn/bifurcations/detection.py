"""Special points between two points of a branch: test functions that change sign, and where."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np

from gandyn.bifurcations.curve import Curve
from gandyn.bifurcations.result import SpecialKind, SpecialPoint

__all__ = ["Node", "special_points"]

_RADIUS = 1e-9
_HALVINGS = 12


@dataclass(frozen=True)
class Node:
    """A point of the curve with what the tests look at.

    Args:
        y: the point.
        tangent: unit tangent there.
        bordered: determinant that changes sign at branch points.
        eigenvalues: of the system's Jacobian.
    """

    y: np.ndarray
    tangent: np.ndarray
    bordered: float
    eigenvalues: np.ndarray

    @classmethod
    def of(cls, curve: Curve, y: np.ndarray, like: np.ndarray) -> Node:
        """Return the node at a point of the curve, its tangent on the side of ``like``."""
        tangent = curve.tangent(y, like)
        return cls(y, tangent, curve.bordered(y, tangent), curve.eigenvalues(y))


#: A function of a node, that of the first node being the reference, whose sign change is a special point.
Test = Callable[[Node], float]


def special_points(curve: Curve, a: Node, b: Node, halvings: int = _HALVINGS) -> list[SpecialPoint]:
    """Return what happens between two neighbouring points of a branch, in order.

    Where stability changes and no test says why, as when a pair turns real and then crosses within one
    step, the halves are looked at in turn.
    """
    found = []
    for kind, test in _tests(curve, a, b):
        place = _locate(curve, a, b, test)
        if place is not None:
            share, node, interval = place
            if kind in ("fold", "branch point") or _turns(curve, node, kind):
                found.append(
                    (share, curve.special_point(kind, node.y, node.tangent, node.eigenvalues, interval))
                )
    if not found and halvings and _growing(curve, a) != _growing(curve, b):
        middle = _between(curve, a, b, 0.5)
        if middle is not None:
            pairs = ((a, middle), (middle, b))
            return [point for pair in pairs for point in special_points(curve, *pair, halvings - 1)]
    return [point for _, point in sorted(found, key=lambda pair: pair[0])]


def _growing(curve: Curve, node: Node) -> int:
    return sum(curve.beyond(value) > 0 for value in node.eigenvalues)


def _between(curve: Curve, a: Node, b: Node, share: float) -> Node | None:
    """Return the node at a share of the chord from a to b, or None where the corrector fails."""
    chord = b.y - a.y
    y, _ = curve.correct(a.y + share * chord, chord / np.linalg.norm(chord))
    return None if y is None else Node.of(curve, y, a.tangent)


def _tests(curve: Curve, a: Node, b: Node) -> Iterator[tuple[SpecialKind, Test]]:
    """Yield the tests whose sign differs at a and b."""
    if a.bordered * b.bordered < 0:
        yield "branch point", lambda node: node.bordered
    elif a.tangent[-1] * b.tangent[-1] < 0:
        yield "fold", lambda node: float(node.tangent[-1])
    before, after = _matched(a.eigenvalues, b.eigenvalues)
    for value, next_value in zip(before, after, strict=True):
        follow = partial(_continued, a.eigenvalues, value)
        if value.imag > 0 and next_value.imag > 0 and curve.beyond(value) * curve.beyond(next_value) < 0:
            kind: SpecialKind = "Hopf" if curve.clock == "flow" else "Neimark-Sacker"
            yield kind, partial(_distance, curve, follow)
        elif curve.clock == "map" and _flips(value, next_value):
            yield "period doubling", partial(_distance_to_flip, follow)


def _flips(value: complex, next_value: complex) -> bool:
    """Return whether a real multiplier crosses -1."""
    return value.imag == 0 == next_value.imag and (value.real + 1) * (next_value.real + 1) < 0


def _distance(curve: Curve, follow: Callable[[Node], complex], node: Node) -> float:
    return curve.beyond(follow(node))


def _distance_to_flip(follow: Callable[[Node], complex], node: Node) -> float:
    return follow(node).real + 1


def _matched(before: np.ndarray, after: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return both sets of eigenvalues, the second in the order closest to the first."""
    from scipy.optimize import linear_sum_assignment

    rows, columns = linear_sum_assignment(np.abs(before[:, None] - after))
    return before[rows], after[columns]


def _continued(reference: np.ndarray, value: complex, node: Node) -> complex:
    """Return the eigenvalue at a node that continues ``value`` of the reference set."""
    before, after = _matched(reference, node.eigenvalues)
    return complex(after[np.argmin(np.abs(before - value))])


def _locate(curve: Curve, a: Node, b: Node, test: Test) -> tuple[float, Node, tuple[float, float]] | None:
    """Return where from a to b the test vanishes, the node there, and the interval of the change."""
    from scipy.optimize import brentq

    def node_at(share: float) -> Node:
        node = _between(curve, a, b, share)
        if node is None:
            raise ArithmeticError
        return node

    try:
        share = brentq(lambda s: test(a if s == 0 else b if s == 1 else node_at(s)), 0.0, 1.0, xtol=1e-13)
        radius = _RADIUS
        while radius < 0.5:
            low, high = max(share - radius, 0.0), min(share + radius, 1.0)
            ends = [a if low == 0 else node_at(low), b if high == 1 else node_at(high)]
            if test(ends[0]) * test(ends[1]) < 0:
                break
            radius *= 10
        middle = node_at(share)
    except (ArithmeticError, ValueError, np.linalg.LinAlgError):
        return None
    values = [curve.value(node.y) for node in (*ends, middle)]
    rounding = 4 * np.spacing(max(map(abs, values)))
    return float(share), middle, (min(values) - rounding, max(values) + rounding)


def _turns(curve: Curve, node: Node, kind: SpecialKind) -> bool:
    """Return whether the eigenvalue that crosses is of the sort that the kind needs: no neutral saddle."""
    off = np.abs([curve.beyond(value) for value in node.eigenvalues])
    if kind == "period doubling":
        return bool(np.min(np.abs(node.eigenvalues + 1)) < 1e-4)
    turning = np.abs(node.eigenvalues.imag) > 1e-7 * (1 + np.abs(node.eigenvalues).max())
    return bool(np.any(turning & (off < 1e-4 * (1 + np.abs(node.eigenvalues).max()))))
