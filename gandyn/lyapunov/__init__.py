"""How fast nearby states separate: Lyapunov exponents, tests of chaos, covariant vectors."""

from __future__ import annotations

from gandyn.lyapunov.result import Lyapunov
from gandyn.lyapunov.spectrum import lyapunov_spectrum

__all__ = ["Lyapunov", "lyapunov_spectrum"]
