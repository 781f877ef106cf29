"""Branch and prune: cover a box by boxes that hold no zero, exactly one, or are not decided."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from gandyn.fixed_points.boxes import halves, minus
from gandyn.fixed_points.krawczyk import examine, refine, without_zero
from gandyn.games.codegen import Kernel
from gandyn.games.enclosures import Enclosure

__all__ = ["Search", "Zero"]

_FINEST = 2.0**-40
"""Width of a box, as a share of the whole, below which it is never split."""


@dataclass(frozen=True, eq=False)
class Zero:
    """A zero that is proved: ``isolation`` holds no other, and it lies in ``enclosure``; shapes (n, 2)."""

    enclosure: np.ndarray
    isolation: np.ndarray


@dataclass(eq=False)
class Search:
    """A branch-and-prune search under way; ``step`` treats one batch of boxes, the widest first.

    Args:
        enclosure: of what has to vanish.
        kernel: the same in floats, for approximate zeros.
        box: the whole box, shape (n, 2).
        processed: number of boxes treated.
        zeros: the zeros proved so far, all different.
        cleared: boxes in which there is exactly one zero, a known one.
        pending: boxes not yet treated, the widest first, shape (m, n, 2).
        undecided: boxes left, batch by batch.
        min_width: share of its side below which a box is left undecided if it seems to hold a zero with a
            singular Jacobian, or a pole. Only where to stop is guessed: what is proved does not depend on it.
    """

    enclosure: Enclosure
    kernel: Kernel
    box: np.ndarray
    min_width: float
    processed: int = 0
    zeros: list[Zero] = field(default_factory=list)
    cleared: list[np.ndarray] = field(default_factory=list)
    pending: np.ndarray = field(init=False)
    undecided: list[np.ndarray] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.pending = self.box[None].copy()

    @property
    def sides(self) -> np.ndarray:
        """Length of each side of the whole box."""
        return self.box[:, 1] - self.box[:, 0]

    def step(self, most: int) -> None:
        """Treat the next boxes, at most ``most``; an interrupt leaves the state as it was before."""
        count = min(most, self.enclosure.batch)
        boxes, rest = self.pending[:count], self.pending[count:]
        children, left = self._treat(boxes)
        self.processed += len(boxes)
        self.undecided.append(left)
        self.pending = np.concatenate([rest, children])

    def _treat(self, boxes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the boxes to be treated further, and those that stay undecided."""
        boxes = self._without_known(boxes)
        if len(boxes):
            boxes = boxes[~without_zero(self.enclosure, boxes)]
        if not len(boxes):
            return boxes, boxes
        verdicts = examine(self.enclosure, boxes)
        unsettled = ~verdicts.empty & ~verdicts.unique
        for box in boxes[verdicts.unique]:
            self._record(box, refine(self.enclosure, box))
        boxes, smaller, regular = boxes[unsettled], verdicts.boxes[unsettled], verdicts.regular[unsettled]
        points, near, singular = self._approximate(boxes)
        self._learn(points[near & ~singular], boxes[near & ~singular])
        hopeless = (near & singular & ~regular) | ~verdicts.sound[unsettled]
        return self._divide(boxes, smaller, hopeless)

    def _divide(
        self, boxes: np.ndarray, smaller: np.ndarray, hopeless: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Cut in two the boxes that did not shrink by themselves; leave those too small for it."""
        before, after = (np.ptp(b, axis=2) / self.sides for b in (boxes, smaller))
        width = after.max(axis=1)
        shrunk = np.any((after < 0.5 * before) & (before > self.min_width), axis=1)
        left = (width < self.min_width) & hopeless | (width < _FINEST)
        again, split = smaller[shrunk & ~left], halves(smaller[~shrunk & ~left], self.sides)
        children = self._without_known(np.concatenate([again, split]))
        return children, self._without_known(smaller[left])

    def _without_known(self, boxes: np.ndarray) -> np.ndarray:
        for isolation in self.cleared:
            boxes = minus(boxes, isolation)
        return boxes

    def _learn(self, points: np.ndarray, boxes: np.ndarray) -> None:
        """Prove the zeros near the points, in neighbourhoods on the scale of their boxes."""
        for point, box in zip(points, boxes, strict=True):
            if not any(_holds(isolation, point) for isolation in self.cleared):
                self._prove(point, np.ptp(box, axis=1) / 2)

    def _approximate(self, boxes: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return where Newton's method leads from the centres; if to a zero near the box; a singular one."""
        x = boxes.mean(axis=2)
        last = np.full_like(x, np.inf)
        with np.errstate(all="ignore"):
            for _ in range(12):
                value, J = self._floats(x)
                last = -(np.linalg.pinv(J, rcond=1e-12) @ value[..., None])[..., 0]
                x = x + last
            value, J = self._floats(x)
        sizes = np.linalg.svd(J * self.sides, compute_uv=False)
        margin = 0.1 * np.ptp(boxes, axis=2)
        near = np.all((x >= boxes[..., 0] - margin) & (x <= boxes[..., 1] + margin), axis=1)
        near &= np.all(np.abs(last) <= 1e-9 * self.sides, axis=1)
        near &= np.all(np.abs(value) <= 1e-9 * sizes[:, :1], axis=1)
        return x, near, sizes[:, -1] <= 1e-7 * sizes[:, 0]

    def _floats(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the residual and the Jacobian in floats, zero where they are not finite."""
        n, shift = self.enclosure.dim, self.enclosure.shift
        both = self.kernel.evaluate_in_numpy(x, jacobian=True)
        value, J = both[:, :n] - shift * x, both[:, n:].reshape(-1, n, n) - shift * np.eye(n)
        sound = np.all(np.isfinite(both), axis=1)
        return np.where(sound[:, None], value, np.inf), np.where(sound[:, None, None], J, 0.0)

    def _prove(self, point: np.ndarray, radii: np.ndarray) -> None:
        """Record the zero near a point, with a large box about it that is proved to hold no other."""
        for _ in range(14):
            if self._unique(_about(point, radii)):
                break
            radii = radii / 8
        else:
            return
        enclosure = refine(self.enclosure, _about(point, radii))
        while not _inside(self.box, _about(point, radii)) and self._unique(_about(point, 2 * radii)):
            radii = 2 * radii
        self._record(_about(point, radii), enclosure)

    def _unique(self, box: np.ndarray) -> bool:
        return bool(examine(self.enclosure, box[None]).unique[0])

    def _record(self, isolation: np.ndarray, enclosure: np.ndarray) -> None:
        """Add a zero, or another neighbourhood of a known one; leave out what may be either."""
        same = [zero for zero in self.zeros if _meet(zero.enclosure, enclosure)]
        if all(_inside(enclosure, zero.isolation) for zero in same):
            self.cleared.append(isolation)
            if not same:
                self.zeros.append(Zero(enclosure, isolation))


def _about(point: np.ndarray, radii: np.ndarray) -> np.ndarray:
    return np.stack([point - radii, point + radii], axis=-1)


def _holds(box: np.ndarray, point: np.ndarray) -> bool:
    return bool(np.all((box[:, 0] <= point) & (point <= box[:, 1])))


def _inside(box: np.ndarray, other: np.ndarray) -> bool:
    return bool(np.all((box[:, 0] >= other[:, 0]) & (box[:, 1] <= other[:, 1])))


def _meet(box: np.ndarray, other: np.ndarray) -> bool:
    return bool(np.all((box[:, 0] <= other[:, 1]) & (other[:, 0] <= box[:, 1])))
