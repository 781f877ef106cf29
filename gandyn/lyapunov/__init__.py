"""How fast nearby states separate: Lyapunov exponents, tests of chaos, covariant vectors."""

from __future__ import annotations

from gandyn.lyapunov.result import Lyapunov
from gandyn.lyapunov.spectrum import lyapunov_spectrum
from gandyn.lyapunov.sweep import ExponentSweep, exponent_sweep

__all__ = ["ExponentSweep", "Lyapunov", "exponent_sweep", "lyapunov_spectrum"]
