"""The call: dense where that is possible and asked for, else matrix-free."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias, cast, get_args

import numpy as np

from gandyn.arrays import Array
from gandyn.checks import check_floats
from gandyn.field import System, UpdateMap
from gandyn.spectra.arnoldi import Found, arnoldi
from gandyn.spectra.dense import DENSE, dense_jacobian
from gandyn.spectra.products import precision_note
from gandyn.spectra.result import Spectrum, step_bounds
from gandyn.spectra.vectors import biorthogonalise, whole_pairs

#: Which eigenvalues come first. "growth" is the largest growth rate: real part for a flow, modulus for
#: a map. "imaginary" is the largest imaginary part in absolute value.
Which: TypeAlias = Literal["modulus", "growth", "largest real", "smallest real", "imaginary"]

_MAX_DENSE = 3000


def spectrum(
    system: System,
    x: Array,
    k: int | None = None,
    which: Which = "modulus",
    *,
    t: Any = 0,
    left: bool = False,
    tol: float = 1e-10,
    max_products: int = 5000,
    basis: int | None = None,
    seed: int = 0,
    progress: bool = True,
) -> Spectrum:
    """Find eigenvalues of the Jacobian of a flow or a map at a state.

    All of them from the dense Jacobian without ``k`` (up to 3000 entries), and also with ``k`` where
    the system has at most 200 entries or ``k`` is not well below n. Else the ``k`` leading ones by
    Krylov-Schur iteration on products with J (and, for left eigenvectors, with J^T); where
    the last one asked for is half of a conjugate pair, its partner comes too, so that k + 1 come back.
    A single Arnoldi sequence can miss copies of a repeated eigenvalue.

    Args:
        system: the vector field or update map.
        x: the state, shape (n,), in the system's namespace, floating point, finite.
        k: number of eigenvalues, from 1 to n; None for all.
        which: "modulus", "growth", "largest real", "smallest real" or "imaginary".
        t: flow time, or the integer step of a map.
        left: also return left eigenvectors, normalised against the right ones.
        tol: residual ``|J w - lambda w|`` allowed, in units of the eigenvalue's own ``|lambda|``; an
            eigenvalue below a thousandth of the largest ``|J u| / |u|`` seen is measured by that, and
            none by less than ten roundings of it.
        max_products: bound on the number of products. The eigenvalues of largest modulus converge
            first; those of largest real part may need hundreds.
        basis: number of vectors of length n kept, one more while iterating; a larger one needs fewer
            products. ``max(5 (k + 2), 40)`` by default.
        seed: seed of its starting vector.
        progress: show a progress bar when on a terminal.

    Returns:
        The spectrum; look at ``converged``: what was found before ``max_products`` ran out is
        returned, with ``converged`` False.

    Raises:
        TypeError: ``x`` is not an array of floats.
        ValueError: a wrong shape, a value that is not finite, ``k`` or ``basis`` out of range, an unknown
            ``which``, or a Jacobian that is not finite.

    A simultaneous step of size h has multipliers ``1 + h lambda``; it is stable below
    ``h* = min -2 Re(lambda) / |lambda|^2``.

    Sources: Stewart 2001 (Krylov-Schur); Mescheder, Nowozin and Geiger 2017 (h*).

    Example:
        >>> from gandyn.field import Layout, VectorField
        >>> focus = VectorField(
        ...     lambda x, t: np.stack([-0.1 * x[..., 0] - x[..., 1], x[..., 0] - 0.1 * x[..., 1]], axis=-1),
        ...     Layout.scalars(generator=["x"], discriminator=["y"]),
        ...     jac=lambda x, t: np.broadcast_to([[-0.1, -1.0], [1.0, -0.1]], (*x.shape, 2)))
        >>> found = spectrum(focus, np.zeros(2))
        >>> found.eigenvalues.round(6), round(found.critical_step, 7), found.stable
        (array([-0.1+1.j, -0.1-1.j]), 0.1980198, True)
    """
    dim = system.layout.dim
    check_floats("x", x, (dim,))
    if which not in get_args(Which):
        raise ValueError(f"which must be one of {get_args(Which)}, got {which!r}")
    if not tol > 0:
        raise ValueError(f"tol must be positive, got {tol}")
    dense = _usedense(dim, k)
    _check_basis(basis, k, dim)
    clock: Literal["flow", "map"] = "map" if isinstance(system, UpdateMap) else "flow"
    code = _arpack_code(which, clock)
    if dense:
        found = _dense(system, x, t, k, code, left)
    else:
        found = arnoldi(
            system, x, t, cast(int, k), code,
            left=left, tol=tol, budget=max_products, basis=basis, seed=seed, progress=progress,
        )  # fmt: skip
    values = found.values
    return Spectrum(
        eigenvalues=values,
        right=found.right,
        left=found.left,
        residuals=found.residuals,
        growth_rates=np.asarray(system.growth_rates(values)),
        critical_step=_critical_step(values) if clock == "flow" else None,
        clock=clock,
        dt=float(getattr(system, "dt", 1.0)),
        which=which,
        dim=dim,
        complete=len(values) == dim,
        converged=found.converged,
        products=found.products,
        message=found.message + precision_note(x),
        derivatives=system.derivatives,
        label=system.label,
    )


def _usedense(dim: int, k: int | None) -> bool:
    if k is None:
        if dim > _MAX_DENSE:
            raise ValueError(
                f"all {dim} eigenvalues need a dense Jacobian, at most {_MAX_DENSE} entries; "
                "pass k for the leading ones, for example spectrum(system, x, k=6)"
            )
        return True
    if isinstance(k, bool) or not isinstance(k, int | np.integer) or not 1 <= k <= dim:
        raise ValueError(f"k must be an integer from 1 to {dim}, the size of the state, got {k!r}")
    if dim <= DENSE or (4 * (k + 2) >= dim and dim <= _MAX_DENSE):
        return True
    if 4 * (k + 2) >= dim:
        raise ValueError(
            f"k = {k} of {dim} eigenvalues is too many without a dense Jacobian; ask for less than a quarter"
        )
    return False


def _check_basis(basis: int | None, k: int | None, dim: int) -> None:
    if basis is None:
        return
    least = 2 * (k or dim) + 2
    if isinstance(basis, bool) or not isinstance(basis, int | np.integer) or not least <= basis <= dim:
        raise ValueError(f"basis must be an integer from 2 k + 2 = {least} to {dim}, got {basis!r}")


def _arpack_code(which: Which, clock: str) -> str:
    growth = "LM" if clock == "map" else "LR"
    codes = {"modulus": "LM", "largest real": "LR", "smallest real": "SR", "imaginary": "LI"}
    return codes.get(which, growth)


def _critical_step(values: np.ndarray) -> float | None:
    if not len(values):
        return None
    return 0.0 if np.any(values.real >= 0) else float(np.min(step_bounds(values)))


def _dense(system: System, x: Array, t: Any, k: int | None, code: str, left: bool) -> Found:
    import scipy.linalg

    dim = system.layout.dim
    matrix = dense_jacobian(system, x, t)
    if left:
        values, lefts, right = scipy.linalg.eig(matrix, left=True, right=True)
    else:
        values, right = scipy.linalg.eig(matrix)
    columns = [right, lefts] if left else [right]
    columns = [column.astype(np.complex128) for column in columns]
    values, columns = whole_pairs(values.astype(np.complex128), columns, k or dim, code)
    residuals = np.linalg.norm(matrix @ columns[0] - columns[0] * values, axis=0)
    message = f"dense, largest residual {np.max(residuals):.1e}"
    biorthogonal = None
    if left:
        biorthogonal, note = biorthogonalise(columns[1], columns[0])
        message += note
    return Found(values, columns[0], biorthogonal, residuals, True, dim, message)
