"""Both losses at states one asks for, in batches."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from gandyn.arrays import Array, to_numpy

_ENTRIES_AT_ONCE = 2**20


def pairs(losses: Callable[[Array], Array], states: Array) -> np.ndarray:
    """Return both losses of states (m, n), checked: shape (m, 2), NumPy float64."""
    values = losses(states)
    expected = (states.shape[0], 2)
    if tuple(getattr(values, "shape", ())) != expected:
        raise ValueError(
            f"losses(x) must return the two losses of each state, shape {expected}; "
            f"got {tuple(getattr(values, 'shape', ())) or type(values).__name__}"
        )
    return to_numpy(values).astype(float)


def losses_at(
    losses: Callable[[Array], Array],
    states: Callable[[slice], Array],
    count: int,
    dim: int,
    *,
    chunk: int | None,
    progress: bool,
    what: str,
) -> np.ndarray:
    """Return both losses of ``count`` states of ``dim`` entries, made by ``states(where)`` when needed.

    Ctrl-C ends it with the losses known by then: shape (m, 2), m at most ``count``.
    """
    from tqdm import tqdm

    if chunk is not None and chunk < 1:
        raise ValueError(f"chunk must be at least 1, got {chunk}")
    at_once, found = chunk or max(1, _ENTRIES_AT_ONCE // dim), [np.empty((0, 2))]
    try:
        with tqdm(total=count, desc=what, leave=False, disable=None if progress else True) as bar:
            for start in range(0, count, at_once):
                where = slice(start, min(start + at_once, count))
                with np.errstate(all="ignore"):
                    found.append(pairs(losses, states(where)))
                bar.update(where.stop - where.start)
    except KeyboardInterrupt:
        pass
    return np.concatenate(found)
