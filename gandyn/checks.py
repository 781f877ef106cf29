"""Checks of arguments that several parts share: each says what was expected and what came."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gandyn.arrays import Array, array_namespace, to_numpy

__all__ = ["check_constant", "check_floats", "check_option"]


def check_option(name: str, value: Any, options: Sequence[Any]) -> None:
    """Raise ValueError unless ``value`` is one of ``options``."""
    if value not in options:
        raise ValueError(f"{name} must be one of {list(options)}, got {value!r}")


def check_constant(family: Any, name: str) -> None:
    """Raise ValueError unless a system has an adjustable constant of this name."""
    if name not in family.constants:
        raise ValueError(
            f"{family.label or 'the family'} has no constant {name!r}; it has {sorted(family.constants)}"
        )


def check_floats(name: str, x: Array, shape: tuple[int, ...]) -> None:
    """Raise unless ``x`` is a finite, real floating-point array of this shape."""
    if not hasattr(x, "shape"):
        raise TypeError(
            f"{name} must be an array of shape {shape}, got {type(x).__name__}; convert it with numpy.asarray"
        )
    if tuple(x.shape) != shape:
        hint = "; call once for each" if len(x.shape) == len(shape) + 1 else ""
        raise ValueError(f"{name} must have shape {shape}, got {tuple(x.shape)}{hint}")
    xp = array_namespace(x)
    if not xp.isdtype(x.dtype, "real floating"):
        raise TypeError(f"{name} must be floating point, got {x.dtype}; convert it to float64")
    if not bool(xp.all(xp.isfinite(x))):
        values = to_numpy(x).ravel()
        bad = np.flatnonzero(~np.isfinite(values))
        raise ValueError(
            f"{name} must be finite; {len(bad)} of {len(values)} entries are not, the first at {bad[0]}"
        )
