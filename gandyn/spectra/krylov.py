"""Krylov-Schur iteration: eigenpairs of a real operator, the basis in its namespace and device.

One loop for operators of any symmetry: thick-restart Lanczos for symmetric ones, Krylov-Schur for others.
Full reorthogonalisation, in Lanczos after the short recurrence, repeated where it halved the vector. The
basis has a fixed number of vectors, and restarts keep whole conjugate pairs.
Sources: Stewart 2001 (Krylov-Schur); Wu and Simon 2000 (thick restart).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from gandyn.arrays import Array, array_namespace, device, like, to_numpy
from gandyn.spectra.vectors import SORT_KEYS

_COLUMNS = 1 << 12
_FEWEST = 8
_SMALL = 1e-3


class Basis:
    """Orthonormal vectors in rows, and the projected operator: ``M V = V H + v b^T`` with v the next row.

    Args:
        size: number of vectors kept before a restart.
        start: first vector, shape (n,), nonzero.
        symmetry: 1 for a symmetric operator, -1 for an antisymmetric one, 0 for neither.
    """

    def __init__(self, size: int, start: Array, symmetry: int = 0) -> None:
        self.xp = array_namespace(start)
        shape = (size + 1, start.shape[0])
        self.rows = self.xp.empty(shape, dtype=start.dtype, device=device(start))
        self.rows[0, :] = start / self.xp.linalg.vector_norm(start)
        self.projected = np.zeros((size + 1, size))
        self.count, self.size, self.symmetry = 0, size, symmetry
        self._draws = np.random.default_rng(0)

    def extend(self, image: Array) -> None:
        """Take in the image of the last vector."""
        j = self.count
        norm = float(self.xp.linalg.vector_norm(image))
        rest, weights = self._orthogonalise(*self._local(image))
        length = float(self.xp.linalg.vector_norm(rest))
        self.projected[: j + 1, j] = weights
        if length <= 10 * float(self.xp.finfo(image.dtype).eps) * norm or j + 1 == image.shape[0]:
            length, rest = 0.0, self._fresh(image)
        self.projected[j + 1, j] = length
        self.rows[j + 1, :] = rest / (length or 1.0)
        self.count += 1

    def _local(self, image: Array) -> tuple[Array, np.ndarray]:
        """Subtract what symmetry tells of the image: Lanczos' recurrence, long only after a restart."""
        j = self.count
        weights = np.zeros(j + 1)
        if self.symmetry:
            weights[:j] = self.symmetry * self.projected[j, :j]
            first = int(np.flatnonzero(np.append(weights[:j], 1.0))[0])
            image = image - like(weights[first:], self.rows) @ self.rows[first : j + 1, :]
            weights[j] = float(self.rows[j, :] @ image)
            image = image - float(weights[j]) * self.rows[j, :]
        return image, weights

    def _orthogonalise(self, vector: Array, weights: np.ndarray) -> tuple[Array, np.ndarray]:
        """Project until it no longer halves the vector: then rounding is no more than doubled."""
        kept = self.rows[: self.count + 1, :]
        after = float(self.xp.linalg.vector_norm(vector))
        for _ in range(3):
            before = after
            part = kept @ vector
            vector = vector - part @ kept
            weights = weights + to_numpy(part).astype(np.float64)
            after = float(self.xp.linalg.vector_norm(vector))
            if after > before / 2:
                break
        return vector, weights

    def _fresh(self, image: Array) -> Array:
        """Return a unit vector orthogonal to an invariant space; zero where that is the whole space."""
        if self.count + 1 >= image.shape[0]:
            return self.xp.zeros_like(image)
        drawn = like(self._draws.standard_normal(image.shape[0]), image)
        drawn = self._orthogonalise(drawn, np.zeros(self.count + 1))[0]
        return drawn / self.xp.linalg.vector_norm(drawn)

    @property
    def square(self) -> np.ndarray:
        """H, shape (count, count)."""
        return self.projected[: self.count, : self.count]

    @property
    def spill(self) -> np.ndarray:
        """b, shape (count,): what the operator moves out of the space."""
        return np.asarray(self.projected[self.count, : self.count])

    def combine(self, weights: np.ndarray) -> Array:
        """Return combinations of the vectors, in rows, by real ``weights`` of shape (count, k)."""
        if not np.any(weights):
            shape = (weights.shape[1], self.rows.shape[1])
            return self.xp.zeros(shape, dtype=self.rows.dtype, device=device(self.rows))
        return like(weights.T, self.rows) @ self.rows[: self.count, :]

    def shrink(self, rotation: np.ndarray) -> None:
        """Keep the invariant subspace of H that the columns of ``rotation`` span."""
        kept = rotation.shape[1]
        square, spill = rotation.T @ self.square @ rotation, self.spill @ rotation
        turn = like(rotation.T, self.rows)
        for first in range(0, self.rows.shape[1], _COLUMNS):
            piece = slice(first, first + _COLUMNS)
            self.rows[:kept, piece] = turn @ self.rows[: self.count, piece]
        self.rows[kept, :] = self.rows[self.count, :]
        self.projected[:] = 0
        self.projected[:kept, :kept], self.projected[kept, :kept] = square, spill
        self.count = kept


@dataclass(frozen=True, eq=False)
class Ritz:
    """Eigenpairs of the projected operator, in the order sought.

    Args:
        values: shape (m,), complex.
        weights: shape (m, m), unit columns, complex.
        residuals: shape (m,), ``|M w - lambda w|`` of the Ritz vectors w.
    """

    values: np.ndarray
    weights: np.ndarray
    residuals: np.ndarray

    def whole(self, k: int) -> int:
        """Return the smallest count from k on that cuts no conjugate pair."""
        k = min(k, len(self.values))
        heads = int(np.sum(self.values[:k].imag > 0))
        return min(k + (heads > int(np.sum(self.values[:k].imag < 0))), len(self.values))


def ritz_pairs(square: np.ndarray, spill: np.ndarray, code: str, symmetry: int) -> Ritz:
    """Return the eigenpairs of a projected operator, conjugate pairs side by side with Im > 0 first."""
    values, weights = _eigenpairs(square, symmetry)
    # Both halves of a pair have one key up to rounding: they are sorted by their upper half.
    upper = np.where(values.imag < 0, values.conj(), values)
    rounded = np.round(SORT_KEYS[code](upper) / (np.max(np.abs(values), initial=0.0) or 1.0), 12)
    order = np.lexsort((-values.imag, upper.imag, upper.real, -rounded))
    values, weights = values[order], weights[:, order]
    return Ritz(values, weights, np.abs(spill @ weights))


def rounding(x: Array) -> float:
    """Return the relative rounding of products in the dtype of ``x``: no residual is below it."""
    return float(array_namespace(x).finfo(x.dtype).eps)


def allowed(values: np.ndarray, norm: float, tol: float, eps: float) -> np.ndarray:
    """Return the residual that ``tol`` allows each eigenvalue: ``tol |lambda|``.

    An eigenvalue below a thousandth of ``norm`` is measured by that, and no residual by less than ten times
    the rounding ``eps`` of the largest product.
    """
    return np.maximum(tol * np.maximum(np.abs(values), _SMALL * norm), min(tol, 10 * eps) * norm)


def _eigenpairs(square: np.ndarray, symmetry: int) -> tuple[np.ndarray, np.ndarray]:
    if symmetry > 0:
        values, weights = np.linalg.eigh((square + square.T) / 2)
        return values.astype(complex), weights.astype(complex)
    if symmetry < 0:
        sigma, weights = np.linalg.eigh(0.5j * (square - square.T))
        return -1j * sigma, weights
    values, weights = np.linalg.eig(square)
    return values.astype(complex), weights.astype(complex)


def _leading_subspace(square: np.ndarray, ritz: Ritz, kept: int) -> np.ndarray:
    """Return an orthonormal basis of the invariant subspace of the first ``kept`` Ritz values."""
    from scipy.linalg import schur

    wanted = ritz.values[:kept]

    def belongs(re: float, im: float = 0.0) -> bool:
        nearest = int(np.argmin(np.abs(ritz.values - complex(re, im))))
        return nearest < kept or complex(re, -im) in wanted

    _, rotation, count = schur(square, output="real", sort=belongs)
    return np.asarray(rotation[:, :count])


@dataclass(frozen=True, eq=False)
class Krylov:
    """What an iteration found.

    Args:
        values: shape (k,), complex, in the order sought; those that converged, or, if rough, all.
        vectors: real and imaginary parts of the unit Ritz vectors, each of shape (k, n), on the device.
        residuals: shape (k,), ``|M w - lambda w|``.
        norm: largest ``|M u| / |u|`` seen, at least the largest Ritz value.
        status: "converged", "budget" or "interrupted".
        products: products used.
        basis: number of vectors kept.
    """

    values: np.ndarray
    vectors: tuple[Array, Array]
    residuals: np.ndarray
    norm: float
    status: str
    products: int
    basis: int

    def allowed(self, tol: float) -> np.ndarray:
        """Return the residual that ``tol`` allows each eigenvalue, shape (k,)."""
        return allowed(self.values, self.norm, tol, rounding(self.vectors[0]))

    def columns(self) -> np.ndarray:
        """Return the vectors in columns, shape (n, k), complex128, on the host."""
        real, imag = (to_numpy(part).astype(np.float64) for part in self.vectors)
        return np.asarray((real + 1j * imag).T)


def krylov_schur(
    product: Callable[[Array], Array],
    start: Array,
    k: int,
    code: str,
    *,
    tol: float,
    budget: int,
    basis: int | None = None,
    symmetry: int = 0,
    rough: bool = False,
) -> Krylov:
    """Return the k leading eigenpairs, whole conjugate pairs, of an operator known by products.

    Args:
        product: ``product(u) -> M u``, shape (n,).
        start: first vector, shape (n,).
        k: number of eigenvalues.
        code: "LM", "LR", "SR" or "LI": largest modulus, largest and smallest real part, largest |Im|; or,
            of a symmetric operator, "BE": in turn from below and from above.
        tol: residual allowed, see ``allowed``; not below ten times the rounding.
        budget: largest number of products.
        basis: number of vectors kept; ``basis_size(n, k)`` by default.
        symmetry: 1 symmetric, -1 antisymmetric, 0 neither.
        rough: also return those of the k that did not converge.
    """
    dim = int(start.shape[0])
    space = Basis(basis or basis_size(dim, k), start, symmetry)
    eps = rounding(start)
    tol = max(tol, 10 * eps)
    # Where most eigenvalues are near zero a random vector is nearly an eigenvector of zero: no early answer.
    fewest = min(dim, 2 * k if symmetry else max(2 * k, _FEWEST))
    products, norm, status, ritz = 0, 0.0, "budget", None
    try:
        while products < budget:
            image = product(space.rows[space.count, :])
            products += 1
            norm = max(norm, _finite_norm(image))
            space.extend(image)
            full = space.count == space.size
            if not full and (space.count < fewest or space.count % 2):
                continue
            ritz = ritz_pairs(space.square, space.spill, code, symmetry)
            norm = max(norm, float(np.max(np.abs(ritz.values))))
            count = ritz.whole(k)
            if np.all(ritz.residuals[:count] <= allowed(ritz.values[:count], norm, tol, eps)):
                status = "converged"
                break
            if full:
                kept = ritz.whole(k + (space.size - k) // 2)
                space.shrink(_leading_subspace(space.square, ritz, kept))
    except KeyboardInterrupt:
        status = "interrupted"
    if space.count and status != "converged":
        ritz = ritz_pairs(space.square, space.spill, code, symmetry)
    return _collected(space, ritz, k, tol, rough, norm, status, products)


def basis_size(dim: int, k: int) -> int:
    """Return how many vectors are kept before a restart."""
    return min(dim, max(5 * (k + 2), 40))


def _finite_norm(image: Array) -> float:
    norm = float(array_namespace(image).linalg.vector_norm(image))
    if not np.isfinite(norm):
        raise ValueError("a product with the Jacobian at x is not finite")
    return norm


def _collected(
    space: Basis, ritz: Ritz | None, k: int, tol: float, rough: bool, norm: float, status: str, products: int
) -> Krylov:
    if ritz is None:
        empty = space.rows[:0, :]
        return Krylov(np.zeros(0, complex), (empty, empty), np.zeros(0), norm, status, products, space.size)
    count = ritz.whole(k)
    good = rough | (ritz.residuals[:count] <= allowed(ritz.values[:count], norm, tol, rounding(space.rows)))
    # A pair converges as a whole: both halves have one residual up to rounding.
    kept: Any = np.flatnonzero(good | (good[_partners(ritz.values[:count])]))
    weights = ritz.weights[:, kept]
    vectors = space.combine(weights.real), space.combine(weights.imag)
    residuals = np.maximum(ritz.residuals[kept], norm * rounding(space.rows))
    return Krylov(ritz.values[kept], vectors, residuals, norm, status, products, space.size)


def _partners(values: np.ndarray) -> np.ndarray:
    """Return for each value the place of its conjugate beside it, or its own."""
    places = np.arange(len(values))
    return np.asarray(places + np.sign(values.imag).astype(int)).clip(0, len(values) - 1)
