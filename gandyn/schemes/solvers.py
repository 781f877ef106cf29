"""Linear and nonlinear equations that a step solves: dense for small states, by products alone for large."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args

import numpy as np

from gandyn.arrays import Array, array_namespace, like
from gandyn.checks import check_option
from gandyn.field import VectorField

__all__ = ["Method", "Solver", "gmres"]

#: By the whole matrix, or by its products alone.
Method: TypeAlias = Literal["dense", "krylov"]
_DENSE = 256
"""Entries of a state up to which the whole matrix is cheaper."""
_NEWTON = 60


@dataclass(frozen=True)
class Solver:
    """How a step solves its equations.

    Args:
        method: "dense", "krylov", or None to choose by the size of the state.
        tol: relative size of what remains of a linear system solved by products.
        max_products: applications of the matrix before giving up.

    Raises:
        ValueError: an unknown method, or a tolerance or bound that is not positive.
    """

    method: Method | None = None
    tol: float = 1e-12
    max_products: int = 500

    def __post_init__(self) -> None:
        check_option("method", self.method, [None, *get_args(Method)])
        if not (0 < self.tol < 1 and self.max_products >= 1):
            raise ValueError(
                f"tol must be in (0, 1) and max_products at least 1, got {self.tol} and {self.max_products}"
            )

    def dense(self, n: int) -> bool:
        """Return whether a system of ``n`` unknowns is solved by its matrix."""
        return self.method == "dense" or (self.method is None and n <= _DENSE)

    def between_players(
        self, run: Any, x: Array, right: Array, s: float, t: float, transposed: bool
    ) -> Array:
        """Return ``(I - s K)^-1 right``, or with K transposed; K is the Jacobian between the players."""
        field = run.field
        if self.dense(x.shape[-1]):
            owner = np.arange(x.shape[-1]) < run.split
            between = like((owner[:, None] != owner[None, :]).astype(float), x)
            return _solve_dense(between * field.jac(x, t), right, s, transposed)
        product = field.vjp if transposed else field.jvp

        def one(x: Array, right: Array) -> Array:
            to_generator = lambda u: run.generator(product(x, run.discriminator(u), t))
            to_discriminator = lambda u: run.discriminator(product(x, run.generator(u), t))
            schur = lambda p: p - s * s * to_generator(to_discriminator(p))
            own = self._krylov(schur, run.generator(right) + s * to_generator(right))
            return own + run.discriminator(right) + s * to_discriminator(own)

        return _one_by_one(one, x, right)

    def resolvent(
        self, field: VectorField, y: Array, right: Array, s: float, t: float, transposed: bool
    ) -> Array:
        """Return ``(I - s J(y))^-1 right``, or with J transposed."""
        if self.dense(y.shape[-1]):
            return _solve_dense(field.jac(y, t), right, s, transposed)
        product = field.vjp if transposed else field.jvp
        return _one_by_one(lambda y, r: self._krylov(lambda u: u - s * product(y, u, t), r), y, right)

    def implicit(self, field: VectorField, base: Array, s: float, t: float) -> Array:
        """Return ``y = base + s v(y)`` by Newton's method from ``base``; NaN where it does not converge."""
        xp, y = array_namespace(base), base
        close = 50 * float(xp.finfo(base.dtype).eps)
        for _ in range(_NEWTON):
            residual = y - base - s * field(y, t)
            settled = _norm(residual) <= close * (1 + _norm(y))
            if bool(xp.all(settled | ~xp.isfinite(_norm(residual)))):
                break
            y = y - self.resolvent(field, y, residual, s, t, False)
        return xp.where(settled, y, xp.nan * xp.ones_like(y))

    def _krylov(self, apply: Callable[[Array], Array], right: Array) -> Array:
        eps = float(array_namespace(right).finfo(right.dtype).eps)
        return gmres(apply, right, max(self.tol, 10 * eps), self.max_products)


def gmres(apply: Callable[[Array], Array], right: Array, tol: float, max_products: int) -> Array:
    """Return the solution of ``apply(y) = right`` of shape (n,) by GMRES.

    No symmetry is needed. Where the matrix is symmetric, as between the players of a zero-sum game, the
    residual is the smallest in the Krylov space of conjugate gradients, so that no more products are needed.
    It keeps a vector for each product. Source: Saad and Schultz 1986.

    Raises:
        ArithmeticError: the residual is still above ``tol`` times that of 0 after ``max_products``.
    """
    size = float(_norm(right)[0])
    if not 0 < size < np.inf:
        return 0 * right
    basis, columns = [right / size], np.zeros((max_products + 1, max_products))
    for j in range(max_products):
        image = apply(basis[j])
        for i, direction in enumerate(basis):
            overlap = float(array_namespace(image).sum(direction * image))
            columns[i, j], image = overlap, image - overlap * direction
        columns[j + 1, j] = left_over = float(_norm(image)[0])
        weights, left = _least_squares(columns[: j + 2, : j + 1])
        if left <= tol or left_over == 0:
            return size * sum(float(w) * direction for w, direction in zip(weights, basis, strict=True))
        basis.append(image / left_over)
    raise ArithmeticError(
        f"the linear system of the step was solved to {left:.2g} after {max_products} products, tol is "
        f"{tol:g}; take a larger tol or max_products, or a smaller step"
    )


def _least_squares(columns: np.ndarray) -> tuple[np.ndarray, float]:
    """Return the weights that bring ``columns @ weights`` closest to the first unit vector, and how close."""
    unit = np.eye(len(columns))[0]
    weights = np.linalg.lstsq(columns, unit)[0]
    return weights, float(np.linalg.norm(columns @ weights - unit))


def _norm(a: Array) -> Array:
    xp = array_namespace(a)
    return xp.sqrt(xp.sum(a * a, axis=-1, keepdims=True))


def _solve_dense(matrix: Array, right: Array, s: float, transposed: bool) -> Array:
    xp = array_namespace(matrix)
    whole = like(np.eye(matrix.shape[-1]), matrix) - s * matrix
    whole = xp.matrix_transpose(whole) if transposed else whole
    columns = right[..., None] + xp.zeros_like(whole[..., :1])
    try:
        return xp.linalg.solve(whole, columns)[..., 0]
    except (ValueError, RuntimeError) as error:
        if not type(error).__name__.endswith("LinAlgError"):
            raise
        return _solve_regular(whole, columns)[..., 0]


def _solve_regular(matrices: Array, columns: Array) -> Array:
    """Return the solutions of a batch of systems some of which are singular, NaN for these."""
    xp = array_namespace(matrices)
    if matrices.ndim == 2:
        return xp.nan * xp.ones_like(columns)
    solved = []
    for i in range(matrices.shape[0]):
        try:
            solved.append(xp.linalg.solve(matrices[i, ...], columns[i, ...]))
        except (ValueError, RuntimeError):
            solved.append(_solve_regular(matrices[i, ...], columns[i, ...]))
    return xp.stack(solved)


def _one_by_one(solve: Callable[[Array, Array], Array], x: Array, right: Array) -> Array:
    """Return what ``solve`` gives for each state and right side of two batches that broadcast."""
    xp = array_namespace(x, right)
    xs, rights = xp.broadcast_arrays(x, right)
    n = x.shape[-1]
    xs, flat = (xp.reshape(a, (-1, n)) for a in (xs, rights))
    solved = [solve(xs[i, :], flat[i, :]) for i in range(flat.shape[0])]
    return xp.reshape(xp.stack(solved), rights.shape) if solved else rights
