"""How fast nearby states separate: Lyapunov exponents, tests of chaos, covariant vectors."""

from __future__ import annotations

from gandyn.lyapunov.finite_time import FiniteTime, finite_time
from gandyn.lyapunov.result import Lyapunov
from gandyn.lyapunov.spectrum import lyapunov_spectrum
from gandyn.lyapunov.sweep import ExponentSweep, exponent_sweep

__all__ = ["ExponentSweep", "FiniteTime", "Lyapunov", "exponent_sweep", "finite_time", "lyapunov_spectrum"]
