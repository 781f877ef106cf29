"""How fast nearby states separate: Lyapunov exponents, tests of chaos, covariant vectors."""

from __future__ import annotations

from gandyn.lyapunov.alignment import Alignment, alignment
from gandyn.lyapunov.diagnosis import Diagnosis, diagnose
from gandyn.lyapunov.result import Lyapunov
from gandyn.lyapunov.spectrum import lyapunov_spectrum
from gandyn.lyapunov.sweep import ExponentSweep, exponent_sweep
from gandyn.lyapunov.zero_one import ZeroOne, zero_one_test

__all__ = [
    "Alignment",
    "Diagnosis",
    "ExponentSweep",
    "Lyapunov",
    "ZeroOne",
    "alignment",
    "diagnose",
    "exponent_sweep",
    "lyapunov_spectrum",
    "zero_one_test",
]
