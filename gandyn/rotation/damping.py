"""Where no step is stable: the least damping that makes the point stable, from the rotating part of J."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from gandyn.rotation.step_result import Damping
from gandyn.spectra import step_bounds

__all__ = ["dampings"]

#: Strengths tried, in units of one over the size of J.
_STRENGTHS = np.geomspace(1e-4, 1e4, 49)
_ROUNDING = 1e-12

_CONSENSUS = (
    "v - gamma J^T v, with J - gamma J^T J where v = 0; for a normal J gamma > Re(lambda) / |lambda|^2",
    "Mescheder, Nowozin and Geiger 2017",
)
_ADJUSTMENT = (
    "v + gamma A v, with (1 + gamma A) J where v = 0; for a normal J gamma > Re(lambda) / Im(lambda)^2",
    "Balduzzi et al. 2018",
)
_EXTRAGRADIENT = (
    "v(x + gamma v), with J + gamma J^2 where v = 0; gamma > Re(lambda) / (Im(lambda)^2 - Re(lambda)^2)",
    "Korpelevich 1976",
)


def dampings(values: np.ndarray, matrix: np.ndarray | None) -> tuple[Damping, ...]:
    """Return the least consensus, symplectic adjustment and extrapolation that make a point stable.

    Args:
        values: shape (k,), eigenvalues of J; of a conjugate pair one is enough.
        matrix: J itself, shape (n, n), or None: then J is taken for normal with these eigenvalues.
    """
    if matrix is None:
        matrix = _normal(values)
        exact = False
    else:
        exact = True
    rotating = (matrix - matrix.T) / 2
    families: dict[str, Callable[[float], np.ndarray]] = {
        "consensus": lambda gamma: matrix - gamma * matrix.T @ matrix,
        "symplectic adjustment": lambda gamma: matrix + gamma * rotating @ matrix,
        "extragradient": lambda gamma: matrix + gamma * matrix @ matrix,
    }
    sources = (_CONSENSUS, _ADJUSTMENT, _EXTRAGRADIENT)
    size = float(np.linalg.norm(matrix, 2))
    return tuple(
        _least(name, family, size, exact, *source)
        for (name, family), source in zip(families.items(), sources, strict=True)
    )


def _normal(values: np.ndarray) -> np.ndarray:
    """Return the real normal matrix with these eigenvalues, conjugate ones counted once."""
    from scipy.linalg import block_diag

    kept = values[values.imag >= 0]
    blocks: Sequence[np.ndarray] = [
        np.array([[v.real, -v.imag], [v.imag, v.real]]) if v.imag else np.array([[v.real]]) for v in kept
    ]
    return np.asarray(block_diag(*blocks))


def _least(
    name: str, family: Callable[[float], np.ndarray], size: float, exact: bool, formula: str, source: str
) -> Damping:
    """Return the least stable strength of a family of Jacobians: the first on a grid, then by halving."""

    def decays(gamma: float) -> bool:
        matrix = family(gamma)
        slack = _ROUNDING * float(np.linalg.norm(matrix, 2))
        return bool(np.linalg.eigvals(matrix).real.max() < -slack)

    grid = (_STRENGTHS / size).tolist() if size else []
    first = next((i for i, gamma in enumerate(grid) if decays(gamma)), None)
    if first is None:
        return Damping(name, float("inf"), float("nan"), 0.0, exact, formula, source)
    low, high = (grid[first - 1] if first else 0.0), grid[first]
    for _ in range(60 if first else 0):
        middle = (low + high) / 2
        low, high = (low, middle) if decays(middle) else (middle, high)
    best, step = _best(family, grid[first:])
    return Damping(name, high if first else 0.0, best, step, exact, formula, source)


def _best(family: Callable[[float], np.ndarray], grid: list[float]) -> tuple[float, float]:
    """Return the strength with the largest h*, and that h*: of a grid, then between its best neighbours."""
    best, step = 0.0, 0.0
    for tried in (grid, None):
        ratio = grid[1] / grid[0] if len(grid) > 1 else 1.0
        finer = tried if tried is not None else (best * np.geomspace(1 / ratio, ratio, 21)).tolist()
        for gamma in finer:
            values = np.linalg.eigvals(family(gamma))
            bound = float(step_bounds(values).min()) if np.all(values.real < 0) else 0.0
            best, step = (gamma, bound) if bound > step else (best, step)
    return best, step
