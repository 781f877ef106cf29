"""How fast nearby states separate: Lyapunov exponents, tests of chaos, covariant vectors."""

from __future__ import annotations

__all__: list[str] = []
