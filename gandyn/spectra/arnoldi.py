"""The k leading eigenvalues of a Jacobian, matrix-free, with residuals and an independent check."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from gandyn.arrays import Array
from gandyn.field import System
from gandyn.spectra.krylov import Krylov, krylov_schur
from gandyn.spectra.products import Counted, agrees, probed_residuals, start_vector
from gandyn.spectra.vectors import biorthogonalise


class Found(NamedTuple):
    """Eigenvalues, unit right and left vectors in columns, residuals, and how it went."""

    values: np.ndarray
    right: np.ndarray
    left: np.ndarray | None
    residuals: np.ndarray
    converged: bool
    products: int
    message: str


def arnoldi(
    system: System, x: Array, t: Any, k: int, code: str, *,
    left: bool, tol: float, budget: int, basis: int | None, seed: int, progress: bool,
) -> Found:  # fmt: skip
    """Return the k leading eigenvalues of the Jacobian at ``x`` by Krylov-Schur iteration.

    Raises:
        ValueError: a budget below what one basis needs, or a product that is not finite.
    """
    sides, needed = 1 + left, (1 + left) * (2 * k + 2) + 1
    if budget < needed:
        raise ValueError(f"max_products must be at least {needed} for k = {k}, got {budget}")
    with system.linearised(x, t) as at, Counted(at.jvp, at.vjp, progress=progress) as products:
        share = (budget - 1) // sides
        first = _iterate(products.right, x, k, code, tol, share, basis, seed)
        found = _judged(system, x, t, first, k, tol, seed)
        if left and len(first.values):
            other = _iterate(products.left, x, k, code, tol, share, basis, seed + 1)
            found = _with_left(found, other, tol)
    return found


def _iterate(
    product: Any, x: Array, k: int, code: str, tol: float, budget: int, basis: int | None, seed: int
) -> Krylov:
    start = start_vector(x, int(x.shape[0]), seed)
    return krylov_schur(product, start, k, code, tol=tol, budget=budget, basis=basis)


def _judged(system: System, x: Array, t: Any, found: Krylov, k: int, tol: float, seed: int) -> Found:
    """Return what was found with a verdict and a check by ``vjp``, where the system has one of its own."""
    message = f"Krylov-Schur iteration, {k} asked for, {found.products} products, basis of {found.basis}"
    if len(found.values):
        message += f", largest residual {np.max(found.residuals):.1e}"
    if found.status == "interrupted":
        message += "; interrupted"
    elif found.status == "budget":
        message += (
            f"; the iteration stopped with {len(found.values)} converged, leading ones may be missing: raise "
            "max_products, or ask for fewer or for another which"
        )
    limits = found.allowed(tol)
    accurate = bool(np.all(found.residuals <= limits))
    if not accurate:
        message += f"; above the tolerance, {np.min(limits):.1e} at the strictest"
    converged, products = found.status == "converged" and accurate, found.products
    if len(found.values) and "vjp" in system.given:
        probed = probed_residuals(lambda r: system.vjp(x, r, t), found.values, found.vectors, seed)
        products += 1
        same = agrees(probed, found.residuals, limits, found.norm, x)
        message += "; vjp agrees" if same else f"; jvp and vjp disagree: residual {np.max(probed):.1e} by vjp"
        converged = converged and same
    return Found(found.values, found.columns(), None, found.residuals, converged, products, message)


def _with_left(found: Found, other: Krylov, tol: float) -> Found:
    """Pair each right eigenvector with the left one of its eigenvalue, and normalise the pairs."""
    from scipy.optimize import linear_sum_assignment

    gaps = np.abs(found.values[:, None] - other.values)
    rows, partners = linear_sum_assignment(gaps)
    products = found.products + other.products
    if len(rows) < len(found.values) or np.any(gaps[rows, partners] > tol**0.5 * other.norm):
        message = found.message + "; left eigenvectors not converged"
        return found._replace(converged=False, products=products, message=message)
    lefts, note = biorthogonalise(other.columns().conj()[:, partners], found.right)
    converged = found.converged and other.status == "converged"
    return found._replace(left=lefts, converged=converged, products=products, message=found.message + note)
