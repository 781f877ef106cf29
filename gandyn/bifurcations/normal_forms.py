"""Coefficients of normal forms: whether what is born at a bifurcation is stable."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from gandyn.arrays import to_numpy
from gandyn.field import System

__all__ = ["first_lyapunov", "neimark_sacker", "period_doubling"]

#: Bilinear and trilinear forms, of complex vectors.
Bilinear = Callable[[np.ndarray, np.ndarray], np.ndarray]
Trilinear = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]
_STEPS = (1e-3, 2e-3)


def first_lyapunov(system: System, x: np.ndarray) -> tuple[float, float]:
    """Return the first Lyapunov coefficient of a flow at a Hopf point, and its error.

    ``l1 = Re(<p, C(q,q,q*)> - 2 <p, B(q, A^-1 B(q,q*))> + <p, B(q*, (2iw - A)^-1 B(q,q))>) / (2 w)`` with
    ``A q = iw q``, ``A^T p = -iw p``, ``<q,q> = <p,q> = 1``; negative is supercritical. For
    ``z' = iw z + a z |z|^2`` in the plane it is ``2 Re(a) / w``.

    Source: Kuznetsov 2004, "Elements of applied bifurcation theory".
    """

    def form(matrix: np.ndarray, second: Bilinear, third: Trilinear) -> float:
        turning = np.where(np.linalg.eigvals(matrix).imag > 0, np.abs(np.linalg.eigvals(matrix).real), np.inf)
        value = 1j * np.linalg.eigvals(matrix)[np.argmin(turning)].imag
        q, p = _pair(matrix, value)
        eye = np.eye(len(matrix))
        inner = second(q, np.linalg.solve(matrix, second(q, q.conj())))
        outer = second(q.conj(), np.linalg.solve(2 * value * eye - matrix, second(q, q)))
        total = np.vdot(p, third(q, q, q.conj()) - 2 * inner + outer)
        return float(total.real / (2 * value.imag))

    return _with_error(system, x, form)


def period_doubling(system: System, x: np.ndarray) -> tuple[float, float]:
    """Return the coefficient c of a map at a period doubling, and its error; positive is supercritical.

    ``c = <p, C(q,q,q)> / 6 - <p, B(q, (A - 1)^-1 B(q,q))> / 2`` with ``A q = -q`` (Kuznetsov 2004).
    """

    def form(matrix: np.ndarray, second: Bilinear, third: Trilinear) -> float:
        q, p = _pair(matrix, -1.0)
        inner = second(q, np.linalg.solve(matrix - np.eye(len(matrix)), second(q, q)))
        return float(np.vdot(p, third(q, q, q) / 6 - inner / 2).real)

    return _with_error(system, x, form)


def neimark_sacker(system: System, x: np.ndarray) -> tuple[float, float]:
    """Return the coefficient d of a map at a Neimark-Sacker point, and its error; negative: supercritical.

    ``2 d = Re e^-it <p, C(q,q,q*) + 2 B(q, (1 - A)^-1 B(q,q*)) + B(q*, (e^2it - A)^-1 B(q,q))>`` with
    ``A q = e^it q`` (Kuznetsov 2004); the strong resonances ``e^ikt = 1``, k <= 4, are left out.
    """

    def form(matrix: np.ndarray, second: Bilinear, third: Trilinear) -> float:
        values = np.linalg.eigvals(matrix)
        off = np.where(values.imag > 0, np.abs(np.abs(values) - 1), np.inf)
        value = values[np.argmin(off)] / abs(values[np.argmin(off)])
        q, p = _pair(matrix, value)
        eye = np.eye(len(matrix))
        inner = second(q, np.linalg.solve(eye - matrix, second(q, q.conj())))
        outer = second(q.conj(), np.linalg.solve(value**2 * eye - matrix, second(q, q)))
        return float((value.conj() * np.vdot(p, third(q, q, q.conj()) + 2 * inner + outer)).real / 2)

    return _with_error(system, x, form)


def _pair(matrix: np.ndarray, value: complex) -> tuple[np.ndarray, np.ndarray]:
    """Return right and left eigenvectors of an eigenvalue, ``<q, q> = <p, q> = 1``."""
    eye = np.eye(len(matrix))
    q = np.linalg.svd(matrix - value * eye)[2][-1].conj()
    p = np.linalg.svd(matrix.T - np.conj(value) * eye)[2][-1].conj()
    return q, p / np.vdot(p, q).conj()


def _with_error(
    system: System, x: np.ndarray, form: Callable[[np.ndarray, Bilinear, Trilinear], float]
) -> tuple[float, float]:
    """Return the coefficient by two step sizes of the differences: the finer one, and their distance."""
    matrix = to_numpy(system.jac(x)).astype(np.float64)
    values = [form(matrix, *_forms(system, x, step * (1 + float(np.linalg.norm(x))))) for step in _STEPS]
    return values[0], abs(values[1] - values[0])


def _forms(system: System, x: np.ndarray, h: float) -> tuple[Bilinear, Trilinear]:
    """Return the second and third derivatives as forms: differences of order 4 of the exact Jacobian."""
    jacobian = lambda shift: to_numpy(system.jac(x + shift)).astype(np.float64)

    def second_real(u: np.ndarray, v: np.ndarray) -> np.ndarray:
        ahead, back = jacobian(h * u) - jacobian(-h * u), jacobian(2 * h * u) - jacobian(-2 * h * u)
        return np.asarray((8 * ahead - back) @ v / (12 * h))

    def third_equal(u: np.ndarray) -> np.ndarray:
        middle, near, far = jacobian(0 * u), jacobian(h * u) + jacobian(-h * u), jacobian(2 * h * u)
        return np.asarray((16 * near - far - jacobian(-2 * h * u) - 30 * middle) @ u / (12 * h * h))

    def second(u: np.ndarray, v: np.ndarray) -> np.ndarray:
        parts = [(1, u.real), (1j, u.imag)], [(1, v.real), (1j, v.imag)]
        terms = [a * b * second_real(s, t) for a, s in parts[0] for b, t in parts[1] if s.any() and t.any()]
        return np.sum(terms, axis=0) if terms else np.zeros(len(x), complex)

    def third_real(u: np.ndarray, v: np.ndarray, w: np.ndarray) -> np.ndarray:
        # C(u, v, w) from the cubes of sums: the polarisation identity.
        total = third_equal(u + v + w) - third_equal(u + v) - third_equal(u + w) - third_equal(v + w)
        return (total + third_equal(u) + third_equal(v) + third_equal(w)) / 6

    def third(u: np.ndarray, v: np.ndarray, w: np.ndarray) -> np.ndarray:
        parts = [[(1, z.real), (1j, z.imag)] for z in (u, v, w)]
        terms = [
            a * b * c * third_real(r, s, t)
            for a, r in parts[0] for b, s in parts[1] for c, t in parts[2]
            if r.any() and s.any() and t.any()
        ]  # fmt: skip
        return np.sum(terms, axis=0) if terms else np.zeros(len(x), complex)

    return second, third
