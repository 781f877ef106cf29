"""Linear fields with a given matrix: what a scheme or a damping does to a Jacobian, and to each mode."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from gandyn.field import Layout, UpdateMap, VectorField

__all__ = ["Scheme", "first_stable_interval", "linear_field", "mode_matrix", "multipliers"]

#: What makes an update map of a field and a step, such as ``schemes.extragradient``.
Scheme = Callable[[VectorField, float], UpdateMap]

#: Modulus up to which a multiplier counts as stable.
_STABLE = 1 - 1e-12
#: Steps tried, in units of one over the modulus of the eigenvalue.
_STEPS = np.geomspace(1e-4, 1e2, 121)


def linear_field(matrix: np.ndarray, layout: Layout) -> VectorField:
    """Return the field ``v = M x``, of a matrix of shape (n, n)."""

    def along(rows: np.ndarray) -> Callable[..., np.ndarray]:
        return lambda x, u, t: np.broadcast_to(u @ rows, np.broadcast_shapes(x.shape, u.shape))

    return VectorField(
        lambda x, t: x @ matrix.T,
        layout,
        jac=lambda x, t: np.broadcast_to(matrix, (*x.shape, len(matrix))),
        jvp=along(matrix.T),
        vjp=along(matrix),
    )


def mode_matrix(value: complex) -> np.ndarray:
    """Return the real matrix of an eigenvalue, or of a conjugate pair."""
    if not value.imag:
        return np.array([[value.real]])
    return np.array([[value.real, -value.imag], [value.imag, value.real]])


def multipliers(scheme: Scheme, field: VectorField, h: float) -> np.ndarray:
    """Return the multipliers of a scheme on a linear field, by modulus, the largest first."""
    step = scheme(field, h)
    values = np.linalg.eigvals(np.asarray(step.jac(np.zeros(step.layout.dim)), dtype=float))
    return values[np.argsort(-np.abs(values), kind="stable")]


def first_stable_interval(scheme: Scheme, matrix: np.ndarray, layout: Layout) -> tuple[float, float]:
    """Return the first interval of steps in which a scheme is stable on a linear field; (0, 0) without one.

    Steps are tried over six decades, from 1e-4 over the spectral radius, and the ends then found to rounding;
    the upper end is infinite where no step tried beyond the lower one is unstable.
    """
    field = linear_field(matrix, layout)
    steps = _STEPS / float(np.abs(np.linalg.eigvals(matrix)).max())
    beyond = lambda h: float(np.abs(multipliers(scheme, field, h)[0])) - _STABLE
    low, previous = None, None
    for h in steps.tolist():
        now = beyond(h)
        if low is None and now < 0:
            low = 0.0 if previous is None else _crossing(beyond, previous, h)
        elif low is not None and not now < 0:
            return low, _crossing(beyond, previous or h, h)
        previous = h
    return (0.0, 0.0) if low is None else (low, np.inf)


def _crossing(beyond: Callable[[float], float], low: float, high: float) -> float:
    """Return where a function changes its sign, by halving."""
    starts_above = beyond(low) >= 0
    for _ in range(60):
        middle = (low + high) / 2
        if (beyond(middle) >= 0) == starts_above:
            low = middle
        else:
            high = middle
    return (low + high) / 2
