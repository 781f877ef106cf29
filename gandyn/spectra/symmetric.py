"""Eigenvalues of the symmetric and antisymmetric parts of a Jacobian, singular values of its blocks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, TypeAlias, get_args

import numpy as np

from gandyn.arrays import Array, array_namespace, like, to_numpy
from gandyn.checks import check_floats, check_option
from gandyn.field import Player, System, embed
from gandyn.spectra.dense import DENSE
from gandyn.spectra.krylov import Krylov, allowed, krylov_schur, rounding
from gandyn.spectra.operators import Operator, Part, jacobian_operator
from gandyn.spectra.products import Counted, agrees, precision_note, probed_residuals, start_vector
from gandyn.spectra.vectors import SORT_KEYS

#: Which eigenvalues come first: the largest or the smallest (with their sign), those of both ends in turn
#: (the smallest, the largest, the second smallest, ...), or the largest in modulus.
Ends: TypeAlias = Literal["largest", "smallest", "both ends", "modulus"]

_CODES = {"largest": "LR", "smallest": "SR", "both ends": "BE", "modulus": "LM"}


@dataclass(frozen=True, eq=False, repr=False)
class SymmetricSpectrum:
    """Leading eigenvalues of a symmetric or antisymmetric part, or singular values of an off-diagonal block.

    Args:
        values: shape (k,): eigenvalues of a symmetric part, in the order asked for; of "A" the sigma >= 0
            of its pairs ``+-i sigma``, one a pair; of an off-diagonal block its singular values. Where the
            budget ended the search they are Ritz values: the true ends can only lie further out.
        vectors: unit vectors in columns, shape (columns, k): eigenvectors (of "A" complex, those of
            ``+i sigma``), or right singular vectors.
        residuals: shape (k,), ``|M w - lambda w|``; of a symmetric part, an eigenvalue is that near.
        part: which part of the Jacobian.
        which: the order.
        shape: rows and columns of the part.
        complete: whether these are all.
        converged: whether every residual is as small as ``tol`` asks, and the products were checked.
        products: products with J or J^T.
        message: what happened, in words.
        label: the system's label.
    """

    values: np.ndarray
    vectors: np.ndarray
    residuals: np.ndarray
    part: str
    which: str
    shape: tuple[int, int]
    complete: bool
    converged: bool
    products: int
    message: str
    label: str

    def __str__(self) -> str:
        shown = ", ".join(f"{value:.4g}" for value in self.values[:5])
        kind = {"A": "sigma of the pairs +-i sigma"}.get(self.part, "eigenvalues")
        kind = "singular values" if " to " in self.part else kind
        return (
            f"{self.part} of {self.label or 'a Jacobian'}, {self.shape[0]} x {self.shape[1]}: "
            f"{len(self.values)} {kind} by {self.which}\n"
            f"  {shown}{', ...' if len(self.values) > 5 else ''}\n  {self.message}"
        )

    __repr__ = __str__


class _Found(NamedTuple):
    values: np.ndarray
    vectors: np.ndarray
    residuals: np.ndarray
    converged: bool
    message: str


def symmetric_spectrum(
    system: System,
    x: Array,
    part: Part = "S",
    k: int = 6,
    which: Ends = "largest",
    *,
    t: Any = 0,
    tol: float = 1e-10,
    max_products: int = 5000,
    start: Array | None = None,
    seed: int = 0,
    progress: bool = True,
) -> SymmetricSpectrum:
    """Find the k leading eigenvalues of a part of the Jacobian, or singular values of an off-diagonal block.

    By thick-restart Lanczos with full reorthogonalisation in the system's namespace; from the dense matrix
    where it has at most 200 rows or k is not well below them. The largest eigenvalue of "S" is the numerical
    abscissa, the largest growth of any perturbation at once (Trefethen and Embree 2005). A single
    sequence can miss copies of a repeated eigenvalue. A small ``max_products`` is a rough answer at a known
    price: the k Ritz values come back with their residuals.

    Args:
        system: the vector field or update map.
        x: the state, shape (n,), in the system's namespace, floating point, finite.
        part: any part of ``jacobian_operator`` except "J".
        k: number of values, at least 1; of "A", of pairs.
        which: "largest", "smallest", "both ends" (with k = 2 the smallest and the largest) or "modulus"; "A"
            and off-diagonal blocks have "largest" alone.
        t: flow time, or the integer step of a map.
        tol: residual ``|M w - lambda w|`` allowed, in units of the eigenvalue's own modulus, or of a
            thousandth of the largest one where that is more (of its square for singular values).
        max_products: bound on products with J or J^T; one with S or A takes two.
        start: vector to start from, shape (m,), m the smaller of rows and columns, in the system's namespace:
            the largest value found is at least its Rayleigh quotient; None for a random one.
        seed: seed of the starting vector.
        progress: show a progress bar when on a terminal.

    Returns:
        The eigenvalues; look at ``converged``.

    Raises:
        ValueError: an unknown part or order, k out of range, a part that is not symmetric, a player
            without entries, or fewer products than one basis takes.

    Sources: Wu and Simon 2000; Golub and Kahan 1965.

    Example:
        >>> from gandyn.field import Layout, VectorField
        >>> game = VectorField(lambda x, t: x @ np.array([[-1.0, 3.0], [-1.0, 0.0]]),
        ...                    Layout.scalars(["g"], ["d"]))
        >>> symmetric_spectrum(game, np.zeros(2), "A", k=1).values.round(6)
        array([2.])
    """
    check_option("which", which, get_args(Ends))
    if part == "J":
        raise ValueError("J is not symmetric: use spectrum(system, x, k)")
    if which != "largest" and (part == "A" or " to " in part):
        raise ValueError(f"{part} has one order of its values, which='largest', got {which!r}")
    with jacobian_operator(system, x, part, t=t) as operator:
        limit = operator.shape[0] // 2 if part == "A" else min(operator.shape)
        if isinstance(k, bool) or not isinstance(k, int | np.integer) or not 1 <= k <= limit:
            raise ValueError(f"k must be an integer from 1 to {limit} for {part}, got {k!r}")
        cost = 2 if part in ("S", "A") else 1
        first = start_vector(x, min(operator.shape), seed) if start is None else start
        check_floats("start", first, (min(operator.shape),))
        # A Hessian is its own transpose, and a backward pass over one graph is the cheaper product.
        backward = cost == 1 and " to " not in part and "vjp" in system.given
        product = operator.adjoint if backward else operator.apply
        with Counted(product, operator.adjoint, cost=cost, progress=progress) as products:
            found = _solve(operator, products, part, k, _CODES[which], tol, max_products, first)
            if "vjp" in system.given and found.message.startswith("Lanczos"):
                found = _checked(system, x, t, part, operator, found, tol, seed)
                products.count += cost
    return SymmetricSpectrum(
        values=found.values,
        vectors=found.vectors,
        residuals=found.residuals,
        part=part,
        which=which,
        shape=operator.shape,
        complete=len(found.values) == limit,
        converged=found.converged,
        products=products.count,
        message=found.message + precision_note(x),
        label=system.label,
    )


def _solve(
    operator: Operator, products: Counted, part: str, k: int, code: str, tol: float, budget: int, start: Array
) -> _Found:
    small = min(operator.shape)
    if small <= DENSE or 8 * k >= small:
        return _dense(_materialised(operator, products), part, k, code)
    if " to " in part:
        return _singular(operator, products, k, tol, budget, start)
    symmetry, count, order = (-1, 2 * k, "LM") if part == "A" else (1, k, code)
    _check_budget(budget, 2 * count * products.cost, k)
    found = krylov_schur(
        products.right, start, count, order,
        tol=tol, budget=budget // products.cost, symmetry=symmetry, rough=True,
    )  # fmt: skip
    columns = found.columns()
    if part == "A":
        upper = np.flatnonzero(found.values.imag > 0)
        return _judged(found, found.values.imag[upper], columns[:, upper], found.residuals[upper], k, tol)
    return _judged(found, found.values.real, columns.real, found.residuals, k, tol)


def _check_budget(budget: int, needed: int, k: int) -> None:
    if budget < needed:
        raise ValueError(f"max_products must be at least {needed} for k = {k}, got {budget}")


def _judged(
    found: Krylov, values: np.ndarray, vectors: np.ndarray, residuals: np.ndarray, k: int, tol: float
) -> _Found:
    message = f"Lanczos iteration, {found.products} steps"
    if len(values):
        message += f", largest residual {np.max(residuals):.1e}"
    good = found.residuals <= found.allowed(tol)
    if found.status != "converged":
        message += f"; {found.status} ended it with {int(np.sum(good)) * k // len(good)} of {k} converged, "
        message += "others may lie further out"
    return _Found(values, vectors, residuals, found.status == "converged" and bool(np.all(good)), message)


def _materialised(operator: Operator, products: Counted) -> np.ndarray:
    rows, columns = operator.shape
    xp = array_namespace(operator.like)
    transposed = rows < columns
    eye = xp.eye(min(rows, columns), dtype=operator.like.dtype, device=operator.like.device)
    stack = to_numpy((products.left if transposed else products.right)(eye)).astype(np.float64)
    if not np.all(np.isfinite(stack)):
        raise ValueError("a product with the Jacobian at x is not finite")
    return stack if transposed else stack.T


def _dense(matrix: np.ndarray, part: str, k: int, code: str) -> _Found:
    if " to " in part:
        left, values, right = np.linalg.svd(matrix, full_matrices=False)
        vectors, images = right.T[:, :k], left[:, :k] * values[:k]
    elif part == "A":
        sigma, vectors = np.linalg.eigh(-0.5j * (matrix - matrix.T))
        values, vectors = sigma[::-1], vectors[:, ::-1][:, :k]
        images = 1j * values[:k] * vectors
    else:
        values, vectors = np.linalg.eigh((matrix + matrix.T) / 2)
        order = np.argsort(-SORT_KEYS[code](values), kind="stable")
        values, vectors = values[order], vectors[:, order][:, :k]
        images = values[:k] * vectors
    residuals = np.linalg.norm(matrix @ vectors - images, axis=0)
    message = f"dense, largest residual {np.max(residuals):.1e}"
    return _Found(values[:k], vectors, residuals, True, message)


def _singular(operator: Operator, products: Counted, k: int, tol: float, budget: int, start: Array) -> _Found:
    """Return singular values by Lanczos on the smaller of B^T B and B B^T."""
    tall = operator.shape[0] >= operator.shape[1]
    there, back = (products.right, products.left) if tall else (products.left, products.right)
    _check_budget(budget, 5 * k, k)
    found = krylov_schur(
        lambda u: back(there(u)), start, k, "LR", tol=tol, budget=(budget - k) // 2, symmetry=1, rough=True
    )
    values = np.sqrt(np.maximum(found.values.real, 0.0))
    vectors = found.columns().real
    if not tall and len(values):
        images = to_numpy(there(found.vectors[0])).astype(np.float64).T
        vectors = images / np.linalg.norm(images, axis=0)
    residuals = found.residuals / np.where(values > 0, values, 1.0)
    return _judged(found, values, vectors, residuals, k, tol)


def _checked(
    system: System, x: Array, t: Any, part: str, operator: Operator, found: _Found, tol: float, seed: int
) -> _Found:
    """Check what a retained graph gave against ``jvp`` and ``vjp`` made anew, along a random direction."""
    if not len(found.values) or " to " in part:
        return found
    player: Player = "generator" if part.startswith("generator") else "discriminator"
    whole = part in ("S", "A")
    where = slice(0, system.layout.dim) if whole else system.layout.player_slice(player)
    sign = -1.0 if part.endswith("hessian") else 1.0

    def adjoint(r: Array) -> Array:
        pushed = system.jvp(x, embed(r, where, system.layout.dim), t)[..., where]
        if not whole:
            return sign * pushed
        pulled = system.vjp(x, r, t)
        return 0.5 * (pushed + pulled) if part == "S" else 0.5 * (pulled - pushed)

    values = 1j * found.values if part == "A" else found.values
    vectors = like(found.vectors.real.T.copy(), x), like(found.vectors.imag.T.copy(), x)
    probed = probed_residuals(adjoint, values, vectors, seed)
    norm = float(np.max(np.abs(found.values)))
    same = agrees(probed, found.residuals, allowed(values, norm, tol, rounding(x)), norm, x)
    note = (
        "; fresh products agree"
        if same
        else f"; jvp and vjp disagree: {np.max(probed):.1e} by fresh products"
    )
    return found._replace(converged=found.converged and same, message=found.message + note)
