"""What the map says of a cell at its fixed point (0, 0), and closed forms of the flow; no path is run."""

from typing import Any

import numpy as np

from gandyn import UpdateMap, classify
from gandyn.bifurcations.normal_forms import neimark_sacker

ORIGIN = np.zeros(2)
#: Third-order coefficients of a smaller size are rounding of their finite differences.
FLAT = 1e-6


def predict(step: UpdateMap) -> dict[str, Any]:
    """Return the verdict by the multipliers and, for a turning pair, by the third order; and both."""
    point = classify(step, ORIGIN)
    turning = "focus" in point.kind or point.kind == "centre"
    third = neimark_sacker(step, ORIGIN)[0] if turning else None
    return {
        "verdict": "silent" if _jumps(step) else _verdict(point.stable, third),
        "classify": point.kind,
        "multipliers": [[mu.real, mu.imag] for mu in point.eigenvalues.tolist()],
        "modulus": float(np.abs(point.eigenvalues).max()),
        **({} if third is None else {"third order": third}),
    }


def _jumps(step: UpdateMap) -> bool:
    """Return whether the map is not continuous at (0, 0): then its Jacobian there means nothing."""
    return float(np.abs(step.residual(1e-9 * np.array([[0.0, 1.0], [0.0, -1.0]]))).max()) > 1e-6


def _verdict(stable: bool | None, third: float | None) -> str:
    if stable:
        return "converges"
    bends = 0 if third is None or abs(third) < FLAT else int(np.sign(third))
    if stable is False:
        return "cycles" if bends < 0 else "diverges"
    return {-1: "converges slowly", 0: "neutral", 1: "diverges slowly"}[bends]


def extent(step: UpdateMap, size: float) -> float:
    """Return the largest radius on the ellipse ``x = 2 Re(z q)`` with ``|z| = size``, of a turning pair."""
    values, vectors = np.linalg.eig(step.jac(ORIGIN))
    q = vectors[:, np.argmax(values.imag)]
    return float(2 * size * np.linalg.norm(np.stack([q.real, q.imag]), 2))


def shrinking(step: UpdateMap) -> float:
    """Return d(1/R^2)/dn on a centre, R the largest radius: ``|z'| = |z| (1 + d |z|^2)``."""
    return float(-2 * neimark_sacker(step, ORIGIN)[0] / extent(step, 1.0) ** 2)


def cycle_of_the_penalty(critic_steps: int, lam: float = 0.7, g0: float = 1.0) -> float:
    """Return the amplitude in theta of WGAN-GP's limit cycle, as a flow whose critic is so much faster.

    With ``psi = sqrt(k) phi`` and time in units of ``1 / sqrt(k)``, the penalty is that of k = 1 with
    ``sqrt(k) lam`` for lam and ``g0 / sqrt(k)`` for g0.
    """
    damping = np.sqrt(critic_steps) * lam
    return float(lam * g0 / np.tanh(np.pi * damping / (4 * np.sqrt(1 - damping**2 / 4))))


def last_ellipse(critic_steps: int) -> list[float]:
    """Return the half-widths in theta and psi of the largest ellipse of alternating WGAN within the clip.

    The step ``psi' = psi + k h theta``, ``theta' = theta - h psi'`` keeps ``k theta^2 + psi^2 + k h theta
    psi``, whose half-widths are as 1 to sqrt(k).
    """
    return [1 / float(np.sqrt(critic_steps)), 1.0]
