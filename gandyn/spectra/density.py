"""Where the eigenvalues of a large Jacobian lie: density of a symmetric part, Ritz values of J itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from gandyn.arrays import Array
from gandyn.checks import check_floats
from gandyn.field import System
from gandyn.spectra.estimate import Estimate, mean_of
from gandyn.spectra.krylov import Basis, ritz_pairs
from gandyn.spectra.operators import Part, jacobian_operator
from gandyn.spectra.products import Counted, start_vector


@dataclass(frozen=True, eq=False, repr=False)
class SpectralDensity:
    """Density of the eigenvalues of a symmetric part, or of ``-i`` times the antisymmetric one.

    Args:
        grid: eigenvalues at which the density is given, shape (points,).
        density: share of eigenvalues per unit of the grid, shape (points,); its integral is 1.
        standard_error: of the density, over probes, shape (points,).
        nodes: Ritz values of each probe, shape (probes, steps); the first and last are near the extremes.
        weights: their weights, shape (probes, steps), each row of sum 1.
        width: standard deviation of the Gaussian that stands for each node.
        part: which part of the Jacobian.
        dim: number of eigenvalues.
        products: products with J or J^T.
        message: how it was found.
        label: the system's label.
    """

    grid: np.ndarray
    density: np.ndarray
    standard_error: np.ndarray
    nodes: np.ndarray
    weights: np.ndarray
    width: float
    part: str
    dim: int
    products: int
    message: str
    label: str

    def mean_of(self, function: Callable[[np.ndarray], np.ndarray]) -> Estimate:
        """Return the mean of a function over the eigenvalues: exact for polynomials up to degree 2 steps - 1.

        Exact for each probe; the error is that of the probes.
        """
        return mean_of(np.sum(self.weights * function(self.nodes), axis=1))

    def __str__(self) -> str:
        return (
            f"Density of the {self.dim} eigenvalues of {self.part} of {self.label or 'a Jacobian'}\n"
            f"  from {self.nodes.min():.4g} to {self.nodes.max():.4g}, mean {self.mean_of(lambda v: v)}\n"
            f"  {self.message}"
        )

    __repr__ = __str__


@dataclass(frozen=True, eq=False, repr=False)
class RitzCloud:
    """Ritz values of the Jacobian on one Krylov space: the outer eigenvalues, and the shape of the rest.

    Args:
        values: shape (steps,), complex, by modulus.
        residuals: shape (steps,), ``|J w - lambda w|``: a value with a small one is an eigenvalue, others
            only show where eigenvalues lie.
        dim: number of eigenvalues of the Jacobian.
        products: products with J.
        label: the system's label.
    """

    values: np.ndarray
    residuals: np.ndarray
    dim: int
    products: int
    label: str

    def resolved(self, tol: float = 1e-3) -> np.ndarray:
        """Return which values have a residual of at most ``tol`` times the largest modulus, booleans."""
        return np.asarray(self.residuals <= tol * np.max(np.abs(self.values)))

    def __str__(self) -> str:
        return (
            f"{len(self.values)} Ritz values for the {self.dim} eigenvalues of {self.label or 'a Jacobian'}: "
            f"modulus up to {np.max(np.abs(self.values)):.4g}, {int(self.resolved().sum())} resolved to 1e-3"
        )

    __repr__ = __str__


def spectral_density(
    system: System,
    x: Array,
    part: Part = "S",
    *,
    probes: int = 8,
    steps: int = 40,
    points: int = 400,
    width: float | None = None,
    t: Any = 0,
    seed: int = 0,
    progress: bool = True,
) -> SpectralDensity:
    """Estimate the density of the eigenvalues of a symmetric part by stochastic Lanczos quadrature.

    Each probe, a random normal direction, is taken through Lanczos with full reorthogonalisation; the
    eigenvalues of its tridiagonal matrix, with the squared first entries of their vectors as weights, are the
    Gauss quadrature of the density that the probe sees.

    Args:
        system: the vector field or update map.
        x: the state, shape (n,), in the system's namespace, floating point, finite.
        part: "S", "A" (then of ``-i A``, symmetric about 0), or a player's own block or Hessian.
        probes: number of random directions, at least 2.
        steps: Lanczos steps for each, at least 2; the memory is that of ``steps`` vectors.
        points: length of the grid.
        width: standard deviation of the Gaussians; by default a hundredth of the range.
        t: flow time, or the integer step of a map.
        seed: seed of the probes.
        progress: show a progress bar when on a terminal.

    Returns:
        The density; after an interrupt, that of the probes done.

    Raises:
        ValueError: "J" or an off-diagonal block, or counts that are too small.

    Sources: Ubaru, Chen and Saad 2017; Ghorbani, Krishnan and Xiao 2019.

    Example:
        >>> from gandyn.field import Layout, VectorField
        >>> decay = VectorField(lambda x, t: -np.arange(50.0) * x,
        ...                     Layout.scalars(state=[f"x{i}" for i in range(50)]))
        >>> found = spectral_density(decay, np.zeros(50))
        >>> bool(abs(np.trapezoid(found.density, found.grid) - 1) < 1e-3)
        True
    """
    if part == "J" or " to " in part:
        raise ValueError(
            f"{part} has no real eigenvalues to make a density of: pass 'S', 'A' or a player's block"
        )
    if min(probes, steps, points) < 2 or (width is not None and not width > 0):
        raise ValueError(
            "probes, steps and points must be at least 2 and width positive, "
            f"got {probes}, {steps}, {points}, {width}"
        )
    quadratures: list[tuple[np.ndarray, np.ndarray]] = []
    note = ""
    with jacobian_operator(system, x, part, t=t) as operator:
        dim, cost = operator.shape[0], 2 if part in ("S", "A") else 1
        with Counted(
            operator.apply, operator.adjoint, cost=cost, what="density", progress=progress
        ) as products:
            try:
                for i in range(probes):
                    start = start_vector(x, dim, int(np.random.SeedSequence([seed, i]).generate_state(1)[0]))
                    space = _krylov_space(products.right, start, steps)
                    quadratures.append(_quadrature(space, -1 if part == "A" else 1))
            except KeyboardInterrupt:
                if len(quadratures) < 2:
                    raise
                note = ", interrupted"
    nodes, weights = (np.array(parts) for parts in zip(*quadratures, strict=True))
    return _broadened(
        nodes, weights, points, width, part=part, dim=dim, products=products.count, label=system.label,
        message=f"{len(nodes)} probes of {nodes.shape[1]} Lanczos steps{note}",
    )  # fmt: skip


def ritz_cloud(
    system: System, x: Array, steps: int = 60, *, t: Any = 0, seed: int = 0, progress: bool = True
) -> RitzCloud:
    """Return the Ritz values of the Jacobian after some Arnoldi steps, each with its residual.

    Args:
        system: the vector field or update map.
        x: the state, shape (n,), in the system's namespace, floating point, finite.
        steps: products with J, at least 2; at most n. The memory is that of ``steps`` vectors.
        t: flow time, or the integer step of a map.
        seed: seed of the starting vector.
        progress: show a progress bar when on a terminal.

    Returns:
        The cloud.

    Source: Arnoldi 1951; Saad 2011.

    Example:
        >>> from gandyn.field import Layout, VectorField
        >>> bilinear = VectorField(lambda x, t: x @ np.array([[0.0, 1.0], [-1.0, 0.0]]),
        ...                        Layout.scalars(["g"], ["d"]))
        >>> ritz_cloud(bilinear, np.zeros(2)).values.round(6) + 0.0
        array([0.+1.j, 0.-1.j])
    """
    check_floats("x", x, (system.layout.dim,))
    if steps < 2:
        raise ValueError(f"steps must be at least 2, got {steps}")
    with system.linearised(x, t) as at, Counted(at.jvp, at.vjp, what="cloud", progress=progress) as products:
        space = _krylov_space(products.right, start_vector(x, int(x.shape[0]), seed), steps)
    ritz = ritz_pairs(space.square, space.spill, "LM", 0)
    return RitzCloud(ritz.values, ritz.residuals, system.layout.dim, products.count, system.label)


def _krylov_space(product: Callable[[Array], Array], start: Array, steps: int) -> Basis:
    space = Basis(min(steps, int(start.shape[0])), start)
    while space.count < space.size:
        space.extend(product(space.rows[space.count, :]))
    return space


def _quadrature(space: Basis, symmetry: int) -> tuple[np.ndarray, np.ndarray]:
    """Return nodes and weights of the Gauss quadrature of what the first vector sees."""
    if symmetry > 0:
        nodes, vectors = np.linalg.eigh((space.square + space.square.T) / 2)
    else:
        nodes, vectors = np.linalg.eigh(-0.5j * (space.square - space.square.T))
    return nodes, np.abs(vectors[0]) ** 2


def _broadened(
    nodes: np.ndarray, weights: np.ndarray, points: int, width: float | None, **rest: Any
) -> SpectralDensity:
    low, high = float(nodes.min()), float(nodes.max())
    width = width or (high - low) / 100 or max(abs(high), 1.0) / 100
    grid = np.linspace(low - 5 * width, high + 5 * width, points)
    each = np.array([_gaussians(grid, *pair, width) for pair in zip(nodes, weights, strict=True)])
    error = np.std(each, axis=0, ddof=1) / np.sqrt(len(each))
    return SpectralDensity(grid, each.mean(axis=0), error, nodes, weights, width, **rest)


def _gaussians(grid: np.ndarray, nodes: np.ndarray, weights: np.ndarray, width: float) -> np.ndarray:
    bells = np.exp(-0.5 * ((grid[:, None] - nodes) / width) ** 2) / (width * np.sqrt(2 * np.pi))
    return np.asarray(bells @ weights)
