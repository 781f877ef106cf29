"""Error bars: a measure repeated over directions, and over trainings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from gandyn.planes import Plane

__all__ = ["Repeated", "over_planes", "over_trainings"]


@dataclass(frozen=True, eq=False, repr=False)
class Repeated:
    """Numbers measured several times, with their mean and its standard error.

    Args:
        names: what was measured, q of them.
        values: shape (m, q), one row a repeat; what is not finite is kept, and left out of the means.
        over: what differs between repeats: "planes" or "trainings".
        repeats: shape (m,), their seeds or numbers.
        within: shape (q,), standard deviation over the planes of one training, averaged over the trainings;
            over planes that of the rows themselves.
        status: "finished", or "interrupted": the rows are those done by then.
        label: name for titles.
    """

    names: tuple[str, ...]
    values: np.ndarray
    over: Literal["planes", "trainings"]
    repeats: np.ndarray
    within: np.ndarray
    status: Literal["finished", "interrupted"]
    label: str

    @property
    def counts(self) -> np.ndarray:
        """How many values of each are finite, shape (q,)."""
        return np.asarray(np.isfinite(self.values).sum(axis=0))

    @property
    def mean(self) -> np.ndarray:
        """Mean of the finite values, shape (q,); NaN without any."""
        known = np.where(np.isfinite(self.values), self.values, 0.0)
        return np.asarray(known.sum(axis=0) / np.where(self.counts, self.counts, np.nan))

    @property
    def standard_error(self) -> np.ndarray:
        """Standard error of the mean over the repeats, shape (q,); NaN for fewer than two values."""
        return np.asarray(_deviation(self.values) / np.sqrt(np.where(self.counts, self.counts, np.nan)))

    def __getitem__(self, name: str) -> tuple[float, float]:
        """Return the mean of what was measured under a name, and its standard error."""
        if name not in self.names:
            raise KeyError(f"nothing was measured under {name!r}; there are {list(self.names)}")
        column = self.names.index(name)
        return float(self.mean[column]), float(self.standard_error[column])

    def __str__(self) -> str:
        head = f"{self.label or 'Measures'} over {len(self.values)} {self.over}"
        lines = [head if self.status == "finished" else f"{head}, {self.status}"]
        columns = zip(self.names, self.mean, self.standard_error, self.within, self.counts, strict=True)
        for name, mean, error, within, count in columns:
            finite = "" if count == len(self.values) else f", {count} finite"
            lines.append(f"  {name}: {mean:.4g} +- {error:.2g} (planes differ by {within:.2g}{finite})")
        return "\n".join(lines)

    __repr__ = __str__


def over_planes(
    make_plane: Callable[[int], Plane],
    measure: Callable[[Plane], Any],
    seeds: Iterable[int] = range(8),
    *,
    progress: bool = True,
    label: str = "",
) -> Repeated:
    """Repeat a measure on planes of different random directions.

    Args:
        make_plane: ``make_plane(seed)`` returns a plane, such as a ``filter_normalized_plane``.
        measure: ``measure(plane)`` returns numbers by name, or a result with such ``numbers``, as ``lake``,
            ``sharpness`` and ``asymmetry`` do.
        seeds: seeds of the planes.
        progress: show a progress bar when on a terminal.
        label: name for titles.

    Returns:
        Values, means and standard errors. These are errors over *directions*: how a number depends on
        the training is another question, for ``over_trainings``.

    Raises:
        ValueError: no seed, a measure without numbers, or one whose names change.

    Example:
        >>> from gandyn import landscape, random_plane
        >>> from gandyn.field import Layout
        >>> from gandyn.landscapes import sharpness
        >>> layout = Layout.scalars(state=["p", "q", "r"])
        >>> losses = lambda x: x[..., :2] ** 2
        >>> found = over_planes(lambda seed: random_plane(layout, np.zeros(3), seed=seed),
        ...                     lambda plane: sharpness(landscape(losses, plane, points=9)), range(4))
        >>> bool(0 < found["curvature, larger"][0] <= 2)
        True
    """
    from tqdm import tqdm

    seeds = list(seeds)
    if not seeds:
        raise ValueError("expected at least one seed, got none")
    rows: list[Mapping[str, float]] = []
    try:
        for seed in tqdm(seeds, desc="planes", leave=False, disable=None if progress else True):
            rows.append(_numbers(measure(make_plane(seed))))
            if rows[-1].keys() != rows[0].keys():
                raise ValueError(
                    f"the measure must name the same numbers on each plane: {list(rows[0])}, "
                    f"then {list(rows[-1])}"
                )
    except KeyboardInterrupt:
        if not rows:
            raise
    names = tuple(rows[0])
    values = np.array([[float(row[name]) for name in names] for row in rows])
    return Repeated(
        names=names,
        values=values,
        over="planes",
        repeats=np.array(seeds[: len(rows)]),
        within=_deviation(values),
        status="finished" if len(rows) == len(seeds) else "interrupted",
        label=label,
    )


def over_trainings(trainings: Sequence[Repeated], *, label: str = "") -> Repeated:
    """Join what was measured over planes for several trainings; errors are then those over trainings.

    Planes of one training are not independent of it: each training counts once, with its mean over planes.

    Args:
        trainings: what ``over_planes`` returned for each training.
        label: name for titles.

    Returns:
        A row for each training; ``within`` is the mean standard deviation over the planes of one.

    Raises:
        ValueError: no training, or different numbers measured.

    Example:
        >>> one, other = (over_planes(lambda seed: seed, lambda plane, k=k: {"x": 10 * k + plane}, range(3))
        ...               for k in (1, 2))
        >>> over_trainings([one, other])["x"]
        (16.0, 5.0)
    """
    if not trainings:
        raise ValueError("expected at least one training, got none")
    names = trainings[0].names
    if any(each.names != names for each in trainings):
        raise ValueError(
            f"the trainings must have the same numbers: {names}, not {[each.names for each in trainings]}"
        )
    within = np.array([each.within for each in trainings])
    counts = np.isfinite(within).sum(axis=0)
    return Repeated(
        names=names,
        values=np.array([each.mean for each in trainings]),
        over="trainings",
        repeats=np.arange(len(trainings)),
        within=np.nansum(within, axis=0) / np.where(counts, counts, np.nan),
        status="finished" if all(each.status == "finished" for each in trainings) else "interrupted",
        label=label or trainings[0].label,
    )


def _numbers(found: Any) -> Mapping[str, float]:
    numbers = getattr(found, "numbers", found)
    if not isinstance(numbers, Mapping) or not numbers:
        raise ValueError(
            f"the measure must return numbers by name, or a result with them; got {type(found).__name__}: "
            'return {"name": value}'
        )
    return numbers


def _deviation(values: np.ndarray) -> np.ndarray:
    """Return the standard deviation of the finite values of each column; NaN for fewer than two."""
    known = np.isfinite(values)
    counts = known.sum(axis=0)
    mean = np.where(known, values, 0.0).sum(axis=0) / np.where(counts, counts, np.nan)
    squares = np.where(known, values - mean, 0.0) ** 2
    return np.asarray(np.sqrt(squares.sum(axis=0) / np.where(counts > 1, counts - 1, np.nan)))
