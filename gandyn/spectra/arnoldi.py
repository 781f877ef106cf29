"""The k leading eigenvalues by implicitly restarted Arnoldi iteration (ARPACK), matrix-free."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gandyn.arrays import Array, like, to_numpy
from gandyn.field import System
from gandyn.spectra.vectors import biorthogonalise, whole_pairs


class Products:
    """Products of one Jacobian with NumPy vectors, counted, with the largest ``|J u| / |u|`` seen."""

    def __init__(self, system: System, x: Array, t: Any, bound: int, progress: bool) -> None:
        from tqdm import tqdm

        self.system, self.x, self.t, self.bound = system, x, t, bound
        self.count, self.norm = 0, 0.0
        self.bar = tqdm(desc="eigenvalues", unit="product", leave=False, disable=None if progress else True)

    def __enter__(self) -> Products:
        return self

    def __exit__(self, *_: object) -> None:
        self.bar.close()

    def right(self, u: np.ndarray) -> np.ndarray:
        """Return J u."""
        return self._apply(self.system.jvp, u)

    def left(self, u: np.ndarray) -> np.ndarray:
        """Return J^T u."""
        return self._apply(self.system.vjp, u)

    def _apply(self, product: Callable[..., Array], u: np.ndarray) -> np.ndarray:
        if np.iscomplexobj(u):
            return self._apply(product, u.real) + 1j * self._apply(product, u.imag)
        image = to_numpy(product(self.x, like(u.ravel(), self.x), self.t)).astype(np.float64)
        if not np.all(np.isfinite(image)):
            raise ValueError("a product with the Jacobian at x is not finite")
        self.count += 1
        self.bar.update()
        size = float(np.linalg.norm(u))
        self.norm = max(self.norm, float(np.linalg.norm(image)) / size if size else 0.0)
        return image


def arnoldi(
    operator: Products, k: int, code: str, left: bool, tol: float, seed: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None, np.ndarray, bool, str]:
    """Return eigenvalues, right and left vectors, residuals, whether all converged, and a message."""
    # Out of the bound: two products for the residual of each vector, k + 1 of them, one to find the scale.
    sides, basis = 1 + left, _basis_size(operator, k)
    needed = 2 * sides * basis + 2 * (k + 2)
    if operator.bound < needed:
        raise ValueError(f"max_products must be at least {needed} for k = {k}, got {operator.bound}")
    budget = (operator.bound - 2 * (k + 2)) // sides
    values, right, found = _implicitly_restarted(operator.right, operator, k, code, tol, seed, budget)
    residuals = np.array([_residual(operator, *pair) for pair in zip(values, right.T, strict=True)])
    accurate = bool(np.all(residuals <= 10 * tol * operator.norm))
    converged = found and accurate
    message = f"Arnoldi iteration, {k} asked for, {operator.count} products"
    if len(values):
        message += f", largest residual {np.max(residuals):.1e}"
    if not found:
        message += (
            f"; the iteration stopped with {len(values)} converged, leading ones may be missing: raise "
            "max_products, or ask for fewer or for another which"
        )
    elif not accurate:
        message += f"; above the tolerance {10 * tol * operator.norm:.1e}"
    lefts = None
    if left and len(values):
        others, columns, found = _implicitly_restarted(
            operator.left, operator, k, code, tol, seed + 1, budget
        )
        lefts, note = _match_left(values, right, others, columns.conj(), tol**0.5 * operator.norm)
        converged, message = converged and found and lefts is not None, message + note
    return values, right, lefts, residuals, converged, message


def _basis_size(operator: Products, k: int) -> int:
    return min(operator.system.layout.dim, max(4 * (k + 2), 40))


def _implicitly_restarted(
    product: Callable[[np.ndarray], np.ndarray],
    operator: Products,
    k: int,
    code: str,
    tol: float,
    seed: int,
    budget: int,
) -> tuple[np.ndarray, np.ndarray, bool]:
    """Return eigenvalues, unit right eigenvectors and whether the iteration converged."""
    from scipy.sparse.linalg import ArpackNoConvergence, LinearOperator, eigs

    dim = operator.system.layout.dim
    # ARPACK may return half of the last pair, and which half is not known: two more than asked for.
    wanted = k + 2
    basis = _basis_size(operator, k)
    start = np.random.default_rng(seed).standard_normal(dim)
    # ARPACK's tolerance has an absolute floor, so it is given a Jacobian of size about 1.
    scale = float(np.linalg.norm(product(start)) / np.linalg.norm(start))
    if scale == 0:
        return np.zeros(k, complex), np.eye(dim, k, dtype=complex), True
    try:
        values, vectors = eigs(
            LinearOperator((dim, dim), matvec=lambda u: product(u) / scale, dtype=np.float64),
            k=wanted,
            which=code,
            v0=start,
            ncv=basis,
            tol=tol,
            maxiter=(budget - basis) // (basis - wanted),
        )
        found = True
    except ArpackNoConvergence as stopped:
        values, vectors, found = stopped.eigenvalues, stopped.eigenvectors, False
    values = scale * values.astype(np.complex128)
    values, (vectors,) = whole_pairs(values, [vectors.astype(np.complex128)], k, code)
    return values, vectors / np.linalg.norm(vectors, axis=0), found


def _residual(operator: Products, value: complex, vector: np.ndarray) -> float:
    direction = vector if value.imag else vector.real
    return float(np.linalg.norm(operator.right(direction) - value * direction) / np.linalg.norm(direction))


def _match_left(
    values: np.ndarray, right: np.ndarray, others: np.ndarray, columns: np.ndarray, distance: float
) -> tuple[np.ndarray | None, str]:
    """Pair each right eigenvector with the left one of its eigenvalue, and normalise the pairs."""
    from scipy.optimize import linear_sum_assignment

    gaps = np.abs(values[:, None] - others)
    rows, partners = linear_sum_assignment(gaps)
    if len(rows) < len(values) or np.any(gaps[rows, partners] > distance):
        return None, "; left eigenvectors not converged"
    return biorthogonalise(columns[:, partners], right)
