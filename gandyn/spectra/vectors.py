"""Eigenvectors of a real matrix: conjugate pairs kept whole, left ones normalised against right ones."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

_BIORTHOGONAL = 1e-8
_DEFECTIVE = 1e13


def _from_both_ends(values: np.ndarray) -> np.ndarray:
    """Return keys that put real values in turn from below and from above, of the values' own size."""
    ranks = np.argsort(np.argsort(np.real(values)))
    size = float(np.max(np.abs(values), initial=0.0)) or 1.0
    return np.asarray(size * np.abs(2 * ranks - (len(values) - 1)))


SORT_KEYS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "LM": np.abs,
    "LR": np.real,
    "SR": lambda values: -np.real(values),
    "LI": lambda values: np.abs(np.imag(values)),
    "BE": _from_both_ends,
}


def whole_pairs(
    values: np.ndarray, columns: list[np.ndarray], k: int, code: str
) -> tuple[np.ndarray, list[np.ndarray]]:
    """Order eigenvalues of a real matrix and keep the first k, and k + 1 rather than half a pair.

    ``columns`` are arrays of shape (n, count) that go with the values. Pairs are rebuilt from their
    upper half, so that they are exact conjugates even where only one half came in.
    """
    upper = set(values[values.imag >= 0].tolist())
    lonely = np.array([value.imag < 0 and value.conjugate() not in upper for value in values.tolist()], bool)
    values = np.where(lonely, values.conj(), values)
    columns = [np.where(lonely, column.conj(), column) for column in columns]
    heads = np.flatnonzero(values.imag >= 0)
    order = heads[np.argsort(-SORT_KEYS[code](values[heads]), kind="stable")]
    width = np.where(values[order].imag > 0, 2, 1)
    kept = int(np.searchsorted(np.cumsum(width), min(k, int(width.sum())))) + 1
    index = np.repeat(order[:kept], width[:kept])
    second = np.append(False, index[1:] == index[:-1]) if len(index) else np.zeros(0, bool)
    expand = lambda array: np.where(second, array[..., index].conj(), array[..., index])
    return expand(values), [expand(column) for column in columns]


def biorthogonalise(left: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, str]:
    """Mix left eigenvectors so that ``left^H right = 1``; the mixing acts within repeated eigenvalues."""
    defective = "; a defective eigenvalue: left eigenvectors are of unit length, not normalised against right"
    overlap = left.conj().T @ right
    try:
        dual = left @ np.linalg.inv(overlap).conj().T
    except np.linalg.LinAlgError:
        return left, defective
    error = np.max(np.abs(dual.conj().T @ right - np.eye(right.shape[1])))
    usable = error < _BIORTHOGONAL and np.max(np.linalg.norm(dual, axis=0)) < _DEFECTIVE
    return (dual, "") if usable else (left, defective)
