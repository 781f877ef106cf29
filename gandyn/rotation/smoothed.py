"""Across kinks: the spectrum almost everywhere beside that of the field averaged over parameter noise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from gandyn.arrays import Array, array_namespace, like, to_numpy
from gandyn.checks import check_floats
from gandyn.field import VectorField
from gandyn.spectra import DENSE, Spectrum, Which, dense_jacobian, spectrum

__all__ = ["SmoothedSpectrum", "smoothed_spectrum"]

_GROUPS = 8


@dataclass(frozen=True, eq=False, repr=False)
class SmoothedSpectrum:
    """Leading eigenvalues almost everywhere and of the noise-smoothed field, with their disagreement.

    Args:
        pointwise: the spectrum of the Jacobian at the state itself, as automatic differentiation gives it.
        eigenvalues: shape (k,), those of the smoothed field, each beside its neighbour in ``pointwise``.
        errors: shape (k,), standard error of each over the draws, in the complex plane.
        sigma: standard deviation of the noise, in units of the parameters.
        draws: velocities averaged.
        disagreement: largest distance of a pair, over the largest modulus of both.
        uncertainty: the standard error of that distance, in the same units.
        velocity_change: ``|v_sigma - v| / |v|``; NaN where v vanishes.
        message: what happened, in words.
    """

    pointwise: Spectrum
    eigenvalues: np.ndarray
    errors: np.ndarray
    sigma: float
    draws: int
    disagreement: float
    uncertainty: float
    velocity_change: float
    message: str

    @property
    def kinked(self) -> bool:
        """Whether the two differ by more than three standard errors and a hundredth of the largest."""
        return self.disagreement > max(3 * self.uncertainty, 0.01)

    def __str__(self) -> str:
        rows = [
            f"  {here:.4g} -> {there:.4g} +- {error:.1e}"
            for here, there, error in zip(
                self.pointwise.eigenvalues[:4], self.eigenvalues, self.errors, strict=False
            )
        ]
        return "\n".join(
            [
                f"SmoothedSpectrum: noise {self.sigma:g} moves eigenvalues by up to {self.disagreement:.2%} "
                f"+- {self.uncertainty:.2%} of the largest",
                *rows,
                f"  {self.message}",
            ]
        )

    __repr__ = __str__


def smoothed_spectrum(
    field: VectorField,
    x: Array,
    sigma: float,
    *,
    k: int = 6,
    which: Which = "modulus",
    draws: int = 128,
    t: Any = 0,
    tol: float = 1e-8,
    max_products: int = 2000,
    seed: int = 0,
    progress: bool = True,
) -> SmoothedSpectrum:
    """Compare the eigenvalues at a state with those of the field smoothed by noise, ``E[v(x + sigma xi)]``.

    The velocity of a ReLU network *jumps* where a sample crosses a kink. Its derivative almost everywhere
    misses the jumps, and so does an average of such derivatives; the Jacobian of the smoothed field has them.
    It is had without any finite difference by integration by parts (Stein's identity), with the derivative J
    at x as a control variate and draws in pairs of opposite sign::

        J_sigma = J + E[ r xi^T ] / sigma,   r = (v(x + sigma xi) - v(x - sigma xi)) / 2 - sigma J xi

    so that a smooth field has an error of order sigma^2 with any draws, and only kinks leave noise. Up to 200
    entries J_sigma is formed; beyond, it acts on the k leading modes, left and right, which gives their
    eigenvalues to first order in the change.

    Args:
        field: the field, in any namespace.
        x: the state, shape (n,), floating point, finite.
        sigma: standard deviation of the noise on every entry, > 0; for networks about the length of a step.
        k: number of leading eigenvalues.
        which: which lead, see ``spectrum``.
        draws: velocities to average, a multiple of 16.
        t: flow time.
        tol: accuracy of the search.
        max_products: bound on its products.
        seed: seed of the draws (common to all eigenvalues) and of the search.
        progress: show progress bars when on a terminal.

    Returns:
        Both spectra and how far they are apart.

    Raises:
        TypeError: a state that is no array of floats.
        ValueError: a sigma that is not positive, draws that are no multiple of 16, or a wrong shape.

    Sources: Stein 1981; for nets, the smoothed gradients of Duchi, Bartlett and Wainwright 2012.

    Example:
        >>> from gandyn.field import Layout
        >>> layout = Layout.scalars(state=["x"])
        >>> jump = VectorField(lambda x, t: -x - np.sign(x), layout, jvp=lambda x, u, t: -u)
        >>> found = smoothed_spectrum(jump, np.zeros(1), 1.0, draws=16000)
        >>> exact = -1 - np.sqrt(2 / np.pi)
        >>> found.pointwise.eigenvalues.real, bool(abs(found.eigenvalues[0] - exact) < 0.02)
        (array([-1.]), True)
    """
    dim = field.layout.dim
    check_floats("x", x, (dim,))
    if not (np.isfinite(sigma) and sigma > 0):
        raise ValueError(f"sigma, the size of the noise, must be positive and finite, got {sigma}")
    if draws < 2 * _GROUPS or draws % (2 * _GROUPS):
        raise ValueError(f"draws must be a multiple of {2 * _GROUPS}, got {draws}")
    options: dict[str, Any] = {"tol": tol, "max_products": max_products, "seed": seed, "progress": progress}
    here = spectrum(field, x, min(k, dim), which, t=t, left=dim > DENSE, **options)
    left, right, base = _basis(field, x, t, here)
    change, velocity_change = _changes(field, x, t, sigma, draws, seed, (left, right), progress)
    values = _paired(np.linalg.eigvals(base + change.mean(axis=0)), here.eigenvalues)
    rest = (change.sum(axis=0) - change) / (_GROUPS - 1)
    without = np.array([_paired(np.linalg.eigvals(base + part), values) for part in rest])
    spread = np.sum(np.abs(without - without.mean(axis=0)) ** 2, axis=0)
    errors = np.sqrt((_GROUPS - 1) / _GROUPS * spread)
    gaps = np.abs(values - here.eigenvalues)
    scale = max(float(np.abs(values).max()), float(np.abs(here.eigenvalues).max())) or 1.0
    worst = int(np.argmax(gaps))
    return SmoothedSpectrum(
        pointwise=here,
        eigenvalues=values,
        errors=errors,
        sigma=float(sigma),
        draws=draws,
        disagreement=float(gaps[worst] / scale),
        uncertainty=float(errors[worst] / scale),
        velocity_change=velocity_change,
        message=f"{draws} velocities, {draws // 2 + here.products} products"
        + ("" if dim <= DENSE else "; to first order within the modes found"),
    )


def _basis(field: VectorField, x: Array, t: Any, here: Spectrum) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return left and right vectors and the matrix of J between them: all of J, or its leading modes."""
    if here.dim <= DENSE:
        return np.eye(here.dim), np.eye(here.dim), dense_jacobian(field, x, t)
    right = np.zeros((here.dim, 0)) if here.right is None else here.right
    dual = here.left if here.left is not None else np.linalg.pinv(right).conj().T
    return dual, right, np.diag(here.eigenvalues)


def _changes(
    field: VectorField,
    x: Array,
    t: Any,
    sigma: float,
    draws: int,
    seed: int,
    basis: tuple[np.ndarray, np.ndarray],
    progress: bool,
) -> tuple[np.ndarray, float]:
    """Return what smoothing adds to J between the vectors, by group of draws, and to the velocity."""
    from tqdm import tqdm

    xp, rng, (left, right) = array_namespace(x), np.random.default_rng(seed), basis
    still = to_numpy(field(x, t)).astype(np.float64)
    mean, pairs = np.zeros_like(still), draws // 2
    found = np.zeros((_GROUPS, left.shape[1], right.shape[1]), dtype=np.result_type(left, right))
    for i in tqdm(range(pairs), desc="smoothing", leave=False, disable=None if progress else True):
        noise = rng.standard_normal(len(still))
        shift = like(sigma * noise, x)
        both = to_numpy(field(xp.stack([x + shift, x - shift]), t)).astype(np.float64)
        beyond = (both[0] - both[1]) / 2 - to_numpy(field.jvp(x, shift, t))
        found[i % _GROUPS] += np.outer(left.conj().T @ beyond, noise @ right) / sigma
        mean += (both[0] + both[1]) / draws
    size = float(np.linalg.norm(still))
    moved = float(np.linalg.norm(mean - still)) / size if size else float("nan")
    counts = np.bincount(np.arange(pairs) % _GROUPS, minlength=_GROUPS)
    return found / counts[:, None, None], moved


def _paired(values: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return for each of ``others`` its neighbour among ``values``, the pairs being as close as can be."""
    from scipy.optimize import linear_sum_assignment

    rows, columns = linear_sum_assignment(np.abs(others[:, None] - values))
    return values[columns[np.argsort(rows)]]
