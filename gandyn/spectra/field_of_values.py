"""The numerical range (field of values) of a Jacobian: what perturbations can do at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from gandyn.arrays import Array, array_namespace, to_numpy
from gandyn.checks import check_floats
from gandyn.field import System
from gandyn.spectra.dense import DENSE, dense_jacobian
from gandyn.spectra.krylov import Krylov, krylov_schur
from gandyn.spectra.products import Counted, start_vector


@dataclass(frozen=True, eq=False, repr=False)
class NumericalRange:
    """Boundary of the numerical range ``{w^H J w : |w| = 1}``, a convex set that holds all eigenvalues.

    Args:
        angles: directions theta, shape (m,), in [0, pi]; the range is symmetric about the real axis.
        support: largest Re(e^{-i theta} z) over the range, shape (m,).
        points: a boundary point z for each direction, shape (m,), complex, Im z >= 0.
        abscissa: largest Re z, the largest eigenvalue of S: no perturbation of a flow grows faster at once.
        residuals: of each support's eigenvector, shape (m,): the support is that near.
        converged: whether each is at most ``tol`` in units of the largest support.
        products: products with J or J^T.
        message: how it was found.
        label: the system's label.
    """

    angles: np.ndarray
    support: np.ndarray
    points: np.ndarray
    abscissa: float
    residuals: np.ndarray
    converged: bool
    products: int
    message: str
    label: str

    @property
    def outline(self) -> np.ndarray:
        """The boundary points all around, from the rightmost one, complex, shape (2 m - 2,)."""
        return np.concatenate([self.points, self.points[-2:0:-1].conj()])

    def __str__(self) -> str:
        return (
            f"Numerical range of the Jacobian of {self.label or 'a system'}: numerical abscissa "
            f"{self.abscissa:.6g}, Re from {self.points.real.min():.4g}, "
            f"|Im| to {self.points.imag.max():.4g}\n"
            f"  {self.message}"
        )

    __repr__ = __str__


def numerical_range(
    system: System,
    x: Array,
    angles: int = 13,
    *,
    t: Any = 0,
    tol: float = 1e-6,
    max_products: int = 20_000,
    seed: int = 0,
    progress: bool = True,
) -> NumericalRange:
    """Trace the boundary of the numerical range of the Jacobian.

    For each direction theta the largest eigenvalue of ``(e^{-i theta} J + e^{i theta} J^T) / 2``, which is
    ``cos(theta) S - i sin(theta) A``, is the support, and its eigenvector gives a boundary point. Dense up to
    200 entries; else by Lanczos, each direction from the vector of the one before.

    Args:
        system: the vector field or update map.
        x: the state, shape (n,), in the system's namespace, floating point, finite.
        angles: number of directions from 0 to pi, at least 3.
        t: flow time, or the integer step of a map.
        tol: residual allowed, in units of the largest eigenvalue.
        max_products: bound on products with J or J^T; one Lanczos step takes four.
        seed: seed of the starting vector.
        progress: show a progress bar when on a terminal.

    Returns:
        The boundary; look at ``converged``.

    Raises:
        ValueError: fewer than three directions.

    Sources: Johnson 1978; Trefethen and Embree 2005 (numerical abscissa).

    Example:
        >>> from gandyn.field import Layout, VectorField
        >>> shear = VectorField(lambda x, t: x @ np.array([[0.0, 0.0], [2.0, 0.0]]),
        ...                     Layout.scalars(state=["x", "y"]))
        >>> round(numerical_range(shear, np.zeros(2)).abscissa, 6)
        1.0
    """
    dim = system.layout.dim
    check_floats("x", x, (dim,))
    if angles < 3:
        raise ValueError(f"angles must be at least 3, got {angles}")
    thetas = np.linspace(0.0, np.pi, angles)
    if dim <= DENSE:
        rows = _dense(dense_jacobian(system, x, t), thetas)
        count, message = dim, "dense"
    else:
        with (
            system.linearised(x, t) as at,
            Counted(at.jvp, at.vjp, what="range", progress=progress) as products,
        ):
            rows = _by_lanczos(products, x, thetas, tol, max_products, seed)
            count, message = products.count, f"Lanczos, {products.count} products"
    support, points, residuals = (np.array(column) for column in zip(*rows, strict=True))
    converged = len(rows) == angles and bool(np.all(residuals <= tol * np.max(np.abs(support))))
    if len(rows) < angles:
        message += f"; stopped after {len(rows)} of {angles} directions"
    return NumericalRange(
        angles=thetas[: len(rows)],
        support=support,
        points=points.real + 1j * np.abs(points.imag),
        abscissa=float(support[0]),
        residuals=residuals,
        converged=converged,
        products=count,
        message=message,
        label=system.label,
    )


def _dense(matrix: np.ndarray, thetas: np.ndarray) -> list[tuple[float, complex, float]]:
    rows = []
    for theta in thetas:
        turned = np.exp(-1j * theta) * matrix
        hermitian = (turned + turned.conj().T) / 2
        values, vectors = np.linalg.eigh(hermitian)
        w = vectors[:, -1]
        residual = float(np.linalg.norm(hermitian @ w - values[-1] * w))
        rows.append((float(values[-1]), complex(w.conj() @ matrix @ w), residual))
    return rows


def _by_lanczos(
    products: Counted, x: Array, thetas: np.ndarray, tol: float, budget: int, seed: int
) -> list[tuple[float, complex, float]]:
    xp, n = array_namespace(x), int(x.shape[0])
    vector, rows = start_vector(x, 2 * n, seed), []
    for theta in thetas:
        steps = (budget - products.count) // 4 - 1
        if steps < 4:
            break
        found = _leading(products, vector, theta, tol, steps)
        if not len(found.values):
            break
        vector = found.vectors[0][0, :]
        a, b = vector[:n], vector[n:]
        image_a, image_b = products.right(a), products.right(b)
        inner = lambda u, v: float(to_numpy(xp.sum(u * v)))
        point = complex(inner(a, image_a) + inner(b, image_b), inner(a, image_b) - inner(b, image_a))
        rows.append((float(found.values[0].real), point, float(found.residuals[0])))
    if not rows:
        raise ValueError(f"max_products = {budget} is too few for one direction; raise it, or raise tol")
    return rows


def _leading(products: Counted, start: Array, theta: float, tol: float, steps: int) -> Krylov:
    """Return the largest eigenvalue of ``cos S - i sin A``, as a real symmetric matrix on (Re w, Im w)."""
    xp, n = array_namespace(start), int(start.shape[0]) // 2
    cos, sin = float(np.cos(theta)), float(np.sin(theta))

    def product(vector: Array) -> Array:
        pair = xp.stack([vector[:n], vector[n:]])
        pushed, pulled = products.right(pair), products.left(pair)
        symmetric, antisymmetric = (pushed + pulled) / 2, (pushed - pulled) / 2
        real = cos * symmetric[0, :] + sin * antisymmetric[1, :]
        return xp.concat([real, cos * symmetric[1, :] - sin * antisymmetric[0, :]])

    return krylov_schur(product, start, 1, "LR", tol=tol, budget=steps, basis=min(2 * n, 24), symmetry=1)
