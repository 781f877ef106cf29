"""Steps of the bilinear game written by hand: one source for a NumPy loop, a numba loop and a peer."""

import numba
import numpy as np

H = 1e-3
SIZES = {"simultaneous": 2, "alternating": 2, "extragradient": 2, "optimistic": 4, "rk4": 2, "adam": 6}


def simultaneous(u: np.ndarray, p: np.ndarray) -> tuple[float, ...]:
    h = p[0]
    return u[0] - h * u[1], u[1] + h * u[0]


def alternating(u: np.ndarray, p: np.ndarray) -> tuple[float, ...]:
    h = p[0]
    x = u[0] - h * u[1]
    return x, u[1] + h * x


def extragradient(u: np.ndarray, p: np.ndarray) -> tuple[float, ...]:
    h = p[0]
    x, y = u[0] - h * u[1], u[1] + h * u[0]
    return u[0] - h * y, u[1] + h * x


def optimistic(u: np.ndarray, p: np.ndarray) -> tuple[float, ...]:
    h = p[0]
    x, y = u[0] - 2 * h * u[1] - h * u[2], u[1] + 2 * h * u[0] - h * u[3]
    return x, y, -u[1], u[0]


def rk4(u: np.ndarray, p: np.ndarray) -> tuple[float, ...]:
    h = p[0]
    a, b = -u[1], u[0]
    c, d = -(u[1] + h / 2 * b), u[0] + h / 2 * a
    e, f = -(u[1] + h / 2 * d), u[0] + h / 2 * c
    g, i = -(u[1] + h * f), u[0] + h * e
    return u[0] + h / 6 * (a + 2 * c + 2 * e + g), u[1] + h / 6 * (b + 2 * d + 2 * f + i)


def adam(u: np.ndarray, p: np.ndarray) -> tuple[float, ...]:
    """Adam without bias correction, which a map without the number of its step cannot have."""
    h = p[0]
    a, b = u[1], -u[0]
    m, n = 0.5 * u[2] + 0.5 * a, 0.5 * u[3] + 0.5 * b
    s, t = 0.999 * u[4] + 0.001 * a * a, 0.999 * u[5] + 0.001 * b * b
    return u[0] - h * m / (np.sqrt(s) + 1e-8), u[1] - h * n / (np.sqrt(t) + 1e-8), m, n, s, t


def as_array(step):
    """Return a compiled step whose result is an array, as a peer takes it."""
    return numba.njit(lambda u, p: np.array(step(u, p)))


@numba.njit
def kept(step, u, p, count):
    """Return every state of a run, shape (count + 1, n); nothing is allocated on the way."""
    path = np.empty((count + 1, len(u)))
    path[0] = u
    for k in range(count):
        new = step(path[k], p)
        for j in range(len(u)):
            path[k + 1, j] = new[j]
    return path
