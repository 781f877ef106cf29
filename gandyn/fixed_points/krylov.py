"""One fixed point from one start: Newton's method, matrix-free where the state is large."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal, get_args

import numpy as np

from gandyn.arrays import Array, like, to_numpy
from gandyn.checks import check_floats, check_option
from gandyn.field import System, UpdateMap
from gandyn.fixed_points.result import FixedPoint
from gandyn.fixed_points.verdict import classify

__all__ = ["Method", "fixed_point"]

#: How Newton's linear systems are solved: by the dense Jacobian, or by products with it.
Method = Literal["auto", "dense", "krylov"]
_DENSE = 200


def fixed_point(
    system: System,
    x0: Array,
    *,
    method: Method = "auto",
    tol: float = 1e-10,
    max_iter: int = 50,
    max_products: int = 20_000,
    k: int = 6,
    progress: bool = True,
) -> FixedPoint:
    """Find the fixed point to which damped Newton iteration leads from one start, of a game or a network.

    Matrix-free, each step solves ``J d = -v`` by GMRES on ``jvp``, only as well as pays off (forcing terms
    of Eisenstat and Walker 1996), and takes the least-squares step by LSMR on ``jvp`` and ``vjp`` where that
    gives no descent, as at a singular Jacobian.

    Args:
        system: the vector field or update map.
        x0: the start, shape (n,), floating point, finite.
        method: "dense", "krylov", or "auto": dense up to 200 entries.
        tol: residual at which it has converged, over that at the start plus 1.
        max_iter: Newton steps.
        max_products: bound on the products with the Jacobian.
        k: leading eigenvalues of the verdict where the Jacobian is not formed.
        progress: show a progress bar when on a terminal.

    Returns:
        The verdict at the state reached; look at ``status``: "converged", "stalled" (no step reduces the
        residual), "out of steps" or "interrupted".

    Raises:
        ValueError: a wrong shape, a value that is not finite, or an unknown method.

    Example:
        >>> from gandyn.games import catalogue
        >>> point = fixed_point(catalogue.make("lorenz"), np.array([8.0, 8.0, 27.0]))
        >>> point.kind, point.x.round(6)
        ('saddle', array([ 8.485281,  8.485281, 27.      ]))
    """
    check_floats("x0", x0, (system.layout.dim,))
    check_option("method", method, get_args(Method))
    matrix_free = method == "krylov" or (method == "auto" and system.layout.dim > _DENSE)
    newton = _Newton(system, x0, matrix_free, max_products)
    status = newton.run(tol, max_iter, progress)
    point = classify(system, like(newton.x, x0), k=k, status=status, evaluations=newton.evaluations)
    message = f"{newton.steps} Newton steps, {newton.products} products with the Jacobian"
    return replace(point, message=f"{message}; {point.message}".rstrip("; "))


class _Newton:
    """Newton's iteration in progress, on NumPy vectors."""

    def __init__(self, system: System, x0: Array, matrix_free: bool, max_products: int) -> None:
        self.system, self.like_x, self.matrix_free = system, x0, matrix_free
        self.max_products = max_products
        self.x = to_numpy(x0).astype(np.float64)
        self.shift = 1.0 if isinstance(system, UpdateMap) else 0.0
        self.steps = self.products = self.evaluations = 0

    def residual(self, x: np.ndarray) -> np.ndarray:
        self.evaluations += 1
        return to_numpy(self.system.residual(like(x, self.like_x))).astype(np.float64)

    def run(self, tol: float, max_iter: int, progress: bool) -> str:
        from tqdm import trange

        residual = self.residual(self.x)
        size = float(np.linalg.norm(residual))
        goal, forcing = tol * (1 + size), 0.5
        try:
            for _ in trange(max_iter, desc="Newton", leave=False, disable=None if progress else True):
                if size <= goal:
                    return "converged"
                accepted = None
                for step in self.steps_from(residual, forcing):
                    accepted = self.line_search(step, size)
                    if accepted is not None:
                        break
                if accepted is None:
                    return "stalled"
                self.x, residual, new = accepted
                forcing = float(np.clip(0.9 * (new / size) ** 2, 1e-10, 0.5))
                size = new
                self.steps += 1
        except KeyboardInterrupt:
            return "interrupted"
        return "converged" if size <= goal else "out of steps"

    def steps_from(self, residual: np.ndarray, forcing: float) -> Any:
        """Yield Newton's step, then the damped least-squares step."""
        from scipy.sparse.linalg import LinearOperator, gmres, lsmr

        n, here = len(self.x), like(self.x, self.like_x)
        if not self.matrix_free:
            matrix = to_numpy(self.system.jac(here)).astype(np.float64) - self.shift * np.eye(n)
            self.products += n
            yield np.linalg.lstsq(matrix, -residual, rcond=1e-14)[0]
            yield np.linalg.lstsq(matrix, -residual, rcond=1e-6)[0]
            return

        def product(method: Any) -> Any:
            def apply(u: np.ndarray) -> np.ndarray:
                self.products += 1
                image = to_numpy(method(here, like(u.ravel(), self.like_x))).astype(np.float64)
                return image - self.shift * u.ravel()

            return apply

        operator = LinearOperator(
            (n, n), matvec=product(self.system.jvp), rmatvec=product(self.system.vjp), dtype=np.float64
        )
        left = max(self.max_products - self.products, 1)
        basis = min(n, 60)
        yield gmres(
            operator, -residual, rtol=forcing, restart=basis, maxiter=max(min(left, 600) // basis, 1)
        )[0]
        left = max(self.max_products - self.products, 2)
        yield lsmr(operator, -residual, atol=forcing, btol=forcing, maxiter=min(left // 2, 300))[0]

    def line_search(self, step: np.ndarray, size: float) -> tuple[np.ndarray, np.ndarray, float] | None:
        if not np.all(np.isfinite(step)):
            return None
        share = 1.0
        while share > 1e-6:
            trial = self.x + share * step
            residual = self.residual(trial)
            new = float(np.linalg.norm(residual))
            if new < (1 - 1e-4 * share) * size:
                return trial, residual, new
            share /= 2
        return None
