"""Products with an operator: counted, shown on a bar, and checked against an independent operator."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gandyn.arrays import Array, like, to_numpy
from gandyn.spectra.krylov import rounding


class Counted:
    """Products with a matrix and its transpose, counted on a progress bar.

    Args:
        right: ``right(u) -> M u`` over leading axes.
        left: ``left(w) -> M^T w`` over leading axes.
        cost: Jacobian products that one of them takes.
        what: text of the bar.
        progress: show the bar when on a terminal.
    """

    def __init__(
        self,
        right: Callable[[Array], Array],
        left: Callable[[Array], Array],
        *,
        cost: int = 1,
        what: str = "eigenvalues",
        progress: bool = True,
    ) -> None:
        from tqdm import tqdm

        self._right, self._left, self.cost, self.count = right, left, cost, 0
        self.bar = tqdm(desc=what, unit="product", leave=False, disable=None if progress else True)

    def __enter__(self) -> Counted:
        return self

    def __exit__(self, *_: object) -> None:
        self.bar.close()

    def right(self, u: Array) -> Array:
        """Return M u."""
        return self._count(self._right, u)

    def left(self, w: Array) -> Array:
        """Return M^T w."""
        return self._count(self._left, w)

    def _count(self, product: Callable[[Array], Array], u: Array) -> Array:
        image = product(u)
        done = self.cost * int(np.prod(u.shape[:-1]))
        self.count += done
        self.bar.update(done)
        return image


def probed_residuals(
    adjoint: Callable[[Array], Array], values: np.ndarray, vectors: tuple[Array, Array], seed: int
) -> np.ndarray:
    """Return ``|<r, M w - lambda w>|`` of each pair for a normal r, by one product with the transpose.

    It has the size of the residual (its mean square is the residual's square), though M itself is
    never asked: a check of the products that found the pairs.

    Args:
        adjoint: ``adjoint(r) -> M^T r``, made another way than the products that are checked.
        values: eigenvalues, shape (k,).
        vectors: real and imaginary parts of unit vectors, each of shape (k, n).
        seed: seed of r.
    """
    real, imag = vectors
    r = like(np.random.default_rng(seed).standard_normal(real.shape[-1]), real)
    pulled = adjoint(r)
    inner = lambda w: to_numpy(real @ w).astype(float) + 1j * to_numpy(imag @ w).astype(float)
    return np.asarray(np.abs(inner(pulled) - values * inner(r)))


def agrees(probed: np.ndarray, residuals: np.ndarray, limits: np.ndarray, norm: float, x: Array) -> bool:
    """Return whether probed residuals are those claimed, within spread, what is allowed and rounding."""
    spread = rounding(x) * x.shape[0] ** 0.5
    return bool(np.all(probed <= 10 * (residuals + limits) + 100 * spread * norm))


def start_vector(x: Array, size: int, seed: int) -> Array:
    """Return a normal vector of ``size`` entries in the namespace of ``x``."""
    return like(np.random.default_rng(seed).standard_normal(size), x)


def precision_note(x: Any) -> str:
    """Return a remark on rounding where products are not in double precision."""
    eps = rounding(x)
    return "" if eps < 1e-15 else f"; products in {x.dtype}, relative rounding {eps:.1e}"
