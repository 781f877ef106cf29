"""Cells of phase space: which of them an attractor visits, by a hash of their integer coordinates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["SHARED", "Cells", "keys_of"]

#: Owner of a cell that two attractors visit, and that of a cell of none.
SHARED, NOBODY = -1, -2
#: The golden ratio in 64 bits, signed: products wrap around.
MULTIPLIER = -7046029254386353131


def keys_of(x: np.ndarray, low: np.ndarray, size: np.ndarray) -> np.ndarray:
    """Return the key of the cell of every state, shape (m,), from states (m, n): a wrapping int64 hash."""
    return _hash(np.floor((x - low) / size).astype(np.int64))


def _hash(places: np.ndarray) -> np.ndarray:
    key = np.zeros(places.shape[:-1], dtype=np.int64)
    for i in range(places.shape[-1]):
        key = key * np.int64(MULTIPLIER) + places[..., i]
    return key


@dataclass(frozen=True, eq=False)
class Cells:
    """The cells that attractors visit, with their neighbours along each axis.

    Args:
        low: shape (n,), a corner of the lattice.
        size: shape (n,), sides of a cell.
        keys: shape (c,), int64, sorted.
        owners: shape (c,), int64: number of the attractor, or SHARED.
    """

    low: np.ndarray
    size: np.ndarray
    keys: np.ndarray
    owners: np.ndarray

    @classmethod
    def none(cls, low: np.ndarray, size: np.ndarray) -> Cells:
        """Return the lattice without an attractor."""
        return cls(low, size, np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64))

    def visited(self, x: np.ndarray) -> np.ndarray:
        """Return the keys of the cells of states (m, n) and of their neighbours along each axis."""
        n = len(self.low)
        places = np.unique(np.floor((x - self.low) / self.size).astype(np.int64), axis=0)
        shifts = np.concatenate([np.zeros((1, n)), np.eye(n), -np.eye(n)]).astype(np.int64)
        return np.unique(_hash(places[:, None, :] + shifts))

    def joined(self, keys: np.ndarray, owner: int) -> Cells:
        """Return these cells with those of ``keys``, shape (m,), given to an attractor too."""
        old = np.isin(self.keys, keys) & (self.owners != owner)
        owners = np.where(old, SHARED, self.owners)
        new = np.setdiff1d(keys, self.keys)
        keys, owners = np.concatenate([self.keys, new]), np.concatenate([owners, np.full(len(new), owner)])
        order = np.argsort(keys)
        return Cells(self.low, self.size, keys[order], owners[order])

    def owner(self, keys: np.ndarray) -> np.ndarray:
        """Return the owner of every key, shape (m,); NOBODY where no attractor comes."""
        if not len(self.keys):
            return np.full(len(keys), NOBODY)
        at = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        return np.where(self.keys[at] == keys, self.owners[at], NOBODY)

    def table(self) -> tuple[np.ndarray, np.ndarray]:
        """Return keys and owners as an open-addressed table, a power of two in size."""
        from gandyn.basins.compiled import fill_table

        length = 1 << int(4 * len(self.keys) + 1).bit_length()
        keys, owners = np.zeros(length, dtype=np.int64), np.full(length, NOBODY, dtype=np.int64)
        fill_table(self.keys, self.owners, keys, owners)
        return keys, owners
