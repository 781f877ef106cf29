"""How fast nearby states separate: Lyapunov exponents, tests of chaos, covariant vectors."""

from __future__ import annotations

from gandyn.lyapunov.covariant import covariant_vectors
from gandyn.lyapunov.covariant_result import CovariantVectors
from gandyn.lyapunov.finite_time import FiniteTime, finite_time
from gandyn.lyapunov.result import Lyapunov
from gandyn.lyapunov.spectrum import lyapunov_spectrum
from gandyn.lyapunov.sweep import ExponentSweep, exponent_sweep

__all__ = [
    "CovariantVectors",
    "ExponentSweep",
    "FiniteTime",
    "Lyapunov",
    "covariant_vectors",
    "exponent_sweep",
    "finite_time",
    "lyapunov_spectrum",
]
