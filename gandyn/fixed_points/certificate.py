"""Proofs about all fixed points in a box: exactly which there are, and where nothing could be decided."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from gandyn.field import System
from gandyn.fixed_points.boxes import few_hulls, volumes

__all__ = ["Certificate", "certify"]

_MOST_PARAMETERS = 4


@dataclass(frozen=True, eq=False, repr=False)
class Certificate:
    """What is proved about the fixed points of a symbolic system in a closed box of n parameters.

    Each fixed point in the box lies in one of the boxes of ``unique`` or of ``unknown``.

    Args:
        box: the box searched, shape (n, 2).
        names: names of the parameters.
        unique: enclosures, shape (k, n, 2): each holds exactly one fixed point, and no two the same.
        isolation: shape (k, n, 2): a box about each enclosure that holds no other fixed point.
        inside: booleans, shape (k,): whether the enclosure lies in the box as a whole. One that sticks
            out, by rounding, has a fixed point on the box's boundary or just beyond.
        none: share of the box's volume in which there is no fixed point.
        unknown: boxes where nothing is decided, clusters of them gathered into hulls, shape (m, n, 2).
        unknown_share: share of the box's volume that is not decided; the hulls may be larger.
        complete: whether nothing is left undecided.
        boxes: number of boxes treated.
        status: "finished", "budget spent" or "interrupted".
        label: the system's label.
    """

    box: np.ndarray
    names: tuple[str, ...]
    unique: np.ndarray
    isolation: np.ndarray
    inside: np.ndarray
    none: float
    unknown: np.ndarray
    unknown_share: float
    complete: bool
    boxes: int
    status: Literal["finished", "budget spent", "interrupted"]
    label: str

    @property
    def points(self) -> np.ndarray:
        """Centres of the enclosures, shape (k, n)."""
        return self.unique.mean(axis=2)

    @property
    def message(self) -> str:
        """What is proved, in a sentence."""
        count = len(self.unique)
        counted = f"{count} fixed point{'s' if count != 1 else ''}"
        if self.complete:
            exactly = {0: "no fixed point", 1: "exactly one fixed point"}.get(count, f"exactly {counted}")
            return f"{exactly} in the box: proof complete"
        where = "the undecided part" if len(self.unknown) == 1 else f"the {len(self.unknown)} undecided parts"
        return (
            f"{counted if count else 'no fixed point'} proved; any other lies in {where}, "
            f"{self.unknown_share:.2g} of the volume: proof incomplete"
        )

    def __str__(self) -> str:
        ends = ", ".join(f"{n} in [{a:g}, {b:g}]" for n, (a, b) in zip(self.names, self.box, strict=True))
        lines = [f"Certificate of {self.label or 'a system'}: {self.message}", f"  the box: {ends}"]
        for enclosure, inside in zip(self.unique[:6], self.inside, strict=False):
            place = ", ".join(f"{value:.12g}" for value in enclosure.mean(axis=1))
            error = np.max(np.ptp(enclosure, axis=1)) / 2
            lines.append(f"  ({place}) +- {error:.1g}" + ("" if inside else ", on the boundary of the box"))
        if len(self.unique) > 6:
            lines.append(f"  and {len(self.unique) - 6} more")
        lines.append(f"  {self.status}, {self.boxes} boxes treated")
        return "\n".join(lines)

    __repr__ = __str__


def certify(
    field: System,
    box: Any,
    *,
    max_boxes: int = 50_000,
    min_width: float = 1e-3,
    progress: bool = True,
) -> Certificate:
    """Prove which fixed points a symbolic game or map of up to four parameters has in a closed box.

    Interval branch and prune. The game's own velocity and Jacobian are enclosed over boxes, in arithmetic
    that rounds outward; a box goes when the enclosure, the mean value theorem or Krawczyk's operator shows
    that it holds no zero; Krawczyk's operator proves that a box holds exactly one; what is left is cut in
    two. A fixed point on a face between boxes is proved from a box about it, which is then taken out of all
    others, so that it is neither lost nor counted twice. A fixed point whose Jacobian is singular, a
    continuum of them among these, cannot be proved this way and stays "unknown", as does a pole.

    What is proved is about the game as computed, its measures included: see ``gandyn.games.enclosures``.

    Args:
        field: a field or map made from symbols; of a map, the zeros of F(x) - x.
        box: ``{name: (low, high), ...}``, one pair for all parameters, or shape (n, 2).
        max_boxes: boxes to treat at most; the rest is reported as unknown.
        min_width: share of its side below which a box is no longer cut that seems to hold a singular fixed
            point or a pole.
        progress: show a progress bar.

    Returns:
        The certificate; after an interrupt or at the end of the budget, what is proved by then.

    Raises:
        ValueError: more than four parameters, a box that does not fit, a system without a symbolic
            definition or with functions of which no enclosure is known.

    Source:
        Krawczyk 1969, "Newton-Algorithmen zur Bestimmung von Nullstellen mit Fehlerschranken"; Neumaier
        1990, "Interval methods for systems of equations".

    Example:
        >>> from gandyn.games.polynomial import bilinear
        >>> print(certify(bilinear(), (-2, 2), progress=False).message)
        exactly one fixed point in the box: proof complete
    """
    from gandyn.fixed_points.prune import Search
    from gandyn.games.enclosures import enclosure

    low, high = field.layout.bounds(box)
    if len(low) > _MOST_PARAMETERS:
        raise ValueError(
            f"a proof is within reach up to {_MOST_PARAMETERS} parameters, {field.label or 'this system'} "
            f"has {len(low)}; fix some of them, or search without certify"
        )
    if not max_boxes >= 1:
        raise ValueError(f"max_boxes must be at least 1, got {max_boxes}")
    if not 0 < min_width < 1:
        raise ValueError(f"min_width is a share of the box's sides, between 0 and 1, got {min_width}")
    whole = np.stack([low, high], axis=1)
    search = Search(enclosure(field), field.kernel, whole, min_width)
    status = _run(search, max_boxes, progress)
    return _certificate(search, status, field)


def _run(search: Any, max_boxes: int, progress: bool) -> Any:
    """Run the search to its end, its budget or an interrupt; return which."""
    from tqdm import tqdm

    try:
        with tqdm(unit=" boxes", disable=None if progress else True, desc="certify") as bar:
            while len(search.pending) and search.processed < max_boxes:
                before = search.processed
                search.step(max_boxes - before)
                bar.set_postfix_str(f"{len(search.pending)} to go, {len(search.zeros)} proved", refresh=False)
                bar.update(search.processed - before)
    except KeyboardInterrupt:
        return "interrupted"
    return "budget spent" if len(search.pending) else "finished"


def _certificate(search: Any, status: Any, field: System) -> Certificate:
    whole, sides = search.box, search.sides
    zeros = [zero for zero in search.zeros if _share(zero.enclosure, whole) is not None]
    zeros.sort(key=lambda zero: tuple(zero.enclosure[:, 0]))
    left = np.concatenate([search.pending, *search.undecided])
    unknown_share = float(np.sum(volumes(left, sides)))
    unique = np.array([zero.enclosure for zero in zeros]).reshape(-1, *whole.shape)
    taken = sum(_share(enclosure, whole) or 0.0 for enclosure in unique)
    return Certificate(
        whole,
        field.layout.entry_names,
        unique,
        np.array([zero.isolation for zero in zeros]).reshape(-1, *whole.shape),
        np.all((unique[..., 0] >= whole[:, 0]) & (unique[..., 1] <= whole[:, 1]), axis=1),
        1.0 - unknown_share - taken,
        few_hulls(left, sides),
        unknown_share,
        len(left) == 0,
        search.processed,
        status,
        field.label,
    )


def _share(box: np.ndarray, whole: np.ndarray) -> float | None:
    """Return the volume of the part of a box within the whole, as a share; None where they do not meet."""
    common = np.stack([np.maximum(box[:, 0], whole[:, 0]), np.minimum(box[:, 1], whole[:, 1])], axis=1)
    if np.any(common[:, 0] > common[:, 1]):
        return None
    return float(volumes(common, np.ptp(whole, axis=1)))
