"""Closed forms of Adam at a fixed point: its multipliers, its bound, and the momentum that serves best.

With ``kappa = h lambda / eps``, lambda an eigenvalue of -J, the multipliers are beta2 and the roots of
``mu^2 - (1 + beta1 - kappa (1 - beta1)) mu + beta1``. On the unit circle, ``mu = e^(i phi)``, that gives
``Re kappa = a (1 - cos phi)``, ``Im kappa = -sin phi`` with ``a = (1 + beta1) / (1 - beta1)``: stable inside
an ellipse about a that touches the imaginary axis from the right.
"""

import numpy as np


def stretch(beta1: float) -> float:
    """Return a, the centre and the real half-axis of the ellipse."""
    return (1 + beta1) / (1 - beta1)


def multipliers(kappa: complex, beta1: float) -> np.ndarray:
    """Return the two roots."""
    return np.roots([1, -(1 + beta1 - kappa * (1 - beta1)), beta1])


def least_eps(values: np.ndarray, h: float, beta1: float) -> float:
    """Return the eps above which all of ``kappa = h values / eps`` lie in the ellipse; infinite for a centre.

    ``eps > h (Re^2 + a^2 Im^2) / (2 a Re)``.
    """
    if np.any(values.real <= 1e-12 * np.abs(values)):
        return np.inf
    a = stretch(beta1)
    return float(np.max(h * (values.real**2 + a**2 * values.imag**2) / (2 * a * values.real)))


def best_beta1(value: complex) -> float:
    """Return the beta1 for which the least eps is smallest: ``a = Re / |Im|``; negative if it turns fast."""
    a = value.real / abs(value.imag)
    return (a - 1) / (a + 1)


def effective_kappa(jacobian: np.ndarray, square: np.ndarray, h: float, eps: float) -> np.ndarray:
    """Return the largest real part of the eigenvalues of ``-h J / (sqrt(v) + eps)``, for each row of v."""
    matrices = -h * jacobian / (np.sqrt(square) + eps)[..., :, None]
    return np.linalg.eigvals(matrices).real.max(axis=-1)
