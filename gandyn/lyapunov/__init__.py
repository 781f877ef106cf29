"""How fast nearby states separate: Lyapunov exponents, tests of chaos, covariant vectors."""

from __future__ import annotations

from gandyn.lyapunov.alignment import Alignment, alignment
from gandyn.lyapunov.covariant import covariant_vectors
from gandyn.lyapunov.covariant_result import CovariantVectors
from gandyn.lyapunov.diagnosis import Diagnosis, diagnose
from gandyn.lyapunov.finite_time import FiniteTime, finite_time
from gandyn.lyapunov.result import Lyapunov
from gandyn.lyapunov.spectrum import lyapunov_spectrum
from gandyn.lyapunov.sweep import ExponentSweep, exponent_sweep
from gandyn.lyapunov.zero_one import ZeroOne, zero_one_test

__all__ = [
    "Alignment",
    "CovariantVectors",
    "Diagnosis",
    "ExponentSweep",
    "FiniteTime",
    "Lyapunov",
    "ZeroOne",
    "alignment",
    "covariant_vectors",
    "diagnose",
    "exponent_sweep",
    "finite_time",
    "lyapunov_spectrum",
    "zero_one_test",
]
