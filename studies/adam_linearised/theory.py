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


def modulus(kappa: np.ndarray, beta1: float) -> np.ndarray:
    """Return the larger modulus of the two roots, for each kappa."""
    half = (1 + beta1 - kappa * (1 - beta1)) / 2
    root = np.sqrt(half**2 - beta1 + 0j)
    return np.maximum(np.abs(half + root), np.abs(half - root))


def awake(jacobian: np.ndarray, square: np.ndarray, h: float, eps: float) -> np.ndarray:
    """Return kappa, shape (T, n), as if each row of v, shape (T, n), stayed what it is.

    The eigenvalues of ``-h J / (sqrt(v) + eps)``: the step of entry i is ``h / (sqrt(v_i) + eps)``.
    """
    return np.linalg.eigvals(-h * jacobian / (np.sqrt(square) + eps)[..., :, None]).astype(complex)
