"""Games: vector fields from symbols, and the catalogue of small games with their known facts.

The names load when they are used, because sympy takes its time.
"""

from __future__ import annotations

import importlib
from typing import Any

_HOMES = {
    "E": "expectation",
    "Expectation": "expectation",
    "Kernel": "codegen",
    "Measure": "measures",
    "exchanged_losses": "symbolic",
    "from_expressions": "symbolic",
    "from_losses": "symbolic",
    "gauss_hermite": "measures",
    "gauss_legendre": "measures",
    "mixture": "measures",
    "noisy": "measures",
    "points": "measures",
    "samples": "measures",
}

__all__ = list(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
