"""Where the starts are: on a grid of one or two entries, or given one by one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from gandyn.arrays import Array, to_numpy
from gandyn.field import Layout, System

__all__ = ["Starts", "given_starts", "grid_of_starts"]


@dataclass(frozen=True, eq=False)
class Starts:
    """Starts, made when asked for.

    Args:
        low, high: shape (n,), the box; infinite for entries that it leaves out.
        names: entries that span the grid.
        places: their numbers.
        axes: coordinates along each of them.
        base: shape (n,), values of the others.
        given: shape (m, n), or None for a grid.
        template: an array of the system's namespace.
    """

    low: np.ndarray
    high: np.ndarray
    names: tuple[str, ...]
    places: tuple[int, ...]
    axes: tuple[np.ndarray, ...]
    base: np.ndarray
    given: np.ndarray | None
    template: Array

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the labels."""
        return tuple(map(len, self.axes[::-1])) if self.given is None else (len(self.given),)

    @property
    def count(self) -> int:
        """Number of starts."""
        return int(np.prod(self.shape))

    @property
    def widths(self) -> np.ndarray:
        """Widths of the box along the entries that it has."""
        widths = self.high - self.low
        return np.asarray(widths[np.isfinite(widths)])

    def larger(self, times: float) -> tuple[np.ndarray, np.ndarray]:
        """Return the ends of the box enlarged about its middle; infinite ones stay."""
        low, high = np.full_like(self.low, -np.inf), np.full_like(self.high, np.inf)
        ends = np.isfinite(self.low)
        margin = 0.5 * (times - 1) * (self.high[ends] - self.low[ends])
        low[ends], high[ends] = self.low[ends] - margin, self.high[ends] + margin
        return low, high

    def at_rows(self, rows: np.ndarray) -> np.ndarray:
        """Return the starts of these numbers, shape (m, n)."""
        if self.given is not None:
            return np.asarray(self.given[rows])
        states = np.tile(self.base, (len(rows), 1))
        for place, axis, index in zip(
            self.places, self.axes, np.unravel_index(rows, self.shape)[::-1], strict=True
        ):
            states[:, place] = axis[index]
        return states


def grid_of_starts(system: System, box: Any, n: Any, at: Any) -> Starts:
    """Return the middles of the cells of a box of one or two entries."""
    layout = system.layout
    names, ends = _named(layout, box)
    counts = (n,) * len(names) if np.ndim(n) == 0 else tuple(n)
    if len(counts) != len(names) or not all(count == int(count) and count >= 1 for count in counts):
        raise ValueError(f"n must be a whole number, or one for each of {list(names)}, at least 1; got {n}")
    places = tuple(layout.entry_names.index(name) for name in names)
    base = _base(layout, names, at)
    low, high = np.full(layout.dim, -np.inf), np.full(layout.dim, np.inf)
    low[list(places)], high[list(places)] = ends.T
    axes = tuple(
        a + (b - a) * (np.arange(int(count)) + 0.5) / int(count)
        for (a, b), count in zip(ends, counts, strict=True)
    )
    template = at if hasattr(at, "shape") else base
    return Starts(low, high, names, places, axes, base, None, template)


def given_starts(system: System, box: Any, starts: Array, n: Any, at: Any) -> Starts:
    """Return starts as they were given, with the box for all entries."""
    layout = system.layout
    if not hasattr(starts, "shape") or len(starts.shape) != 2 or starts.shape[1] != layout.dim:
        shape = getattr(starts, "shape", type(starts).__name__)
        raise ValueError(f"starts must have shape (m, {layout.dim}), got {shape}")
    if at is not None:
        raise ValueError("starts give every entry a value: leave at out")
    host = np.ascontiguousarray(to_numpy(starts), dtype=np.float64)
    if not len(host) or not np.all(np.isfinite(host)):
        raise ValueError("starts must be at least one and finite")
    low, high = layout.bounds(box)
    return Starts(low, high, (), (), (), np.full(layout.dim, np.nan), host, starts)


def _named(layout: Layout, box: Any) -> tuple[tuple[str, ...], np.ndarray]:
    """Return names and ends, shape (k, 2), of the one or two entries of a box."""
    known = layout.entry_names
    if not isinstance(box, Mapping):
        if layout.dim > 2:
            raise ValueError(
                f"a grid spans two entries: name them, as in box={{{known[0]!r}: (-1, 1), "
                f"{known[1]!r}: (-1, 1)}}, with at for the others of {list(known)}; or pass starts"
            )
        ends, order = np.stack(layout.bounds(box), axis=-1), list(range(layout.dim))
        # Across the players the discriminator's entry is horizontal.
        if len(known) == 2 and layout.mask("generator")[0] and layout.mask("discriminator")[1]:
            order.reverse()
        return tuple(known[i] for i in order), ends[order]
    unknown = [name for name in box if name not in known]
    if unknown or not 1 <= len(box) <= 2:
        raise ValueError(f"the box of a grid must name one or two of {list(known)}, got {list(box)}")
    ends = np.array([box[name] for name in box], dtype=np.float64)
    if ends.shape != (len(box), 2) or not np.all(np.isfinite(ends)) or not np.all(ends[:, 0] < ends[:, 1]):
        raise ValueError(f"the box must have finite low < high for each entry, got {dict(box)}")
    return tuple(box), ends


def _base(layout: Layout, names: tuple[str, ...], at: Any) -> np.ndarray:
    """Return values of all entries; those that the grid spans are overwritten later."""
    others = [name for name in layout.entry_names if name not in names]
    if hasattr(at, "shape"):
        base = to_numpy(at).astype(np.float64)
        if base.shape != (layout.dim,) or not np.all(np.isfinite(base)):
            raise ValueError(f"at must be finite and of shape ({layout.dim},), got shape {base.shape}")
        return base
    values = dict(at or {})
    if set(values) != set(others):
        raise ValueError(
            f"at must give a value to each entry that the box leaves out, {others}; got {sorted(values)}"
        )
    base = np.array([values.get(name, 0.0) for name in layout.entry_names], dtype=np.float64)
    if not np.all(np.isfinite(base)):
        raise ValueError(f"at must be finite, got {values}")
    return base
