"""Planes in the space of states: sections that a flow crosses, switches on which its velocity jumps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

import numpy as np

from gandyn.checks import check_option
from gandyn.field import Layout, VectorField

__all__ = ["Direction", "Planes", "Section", "switches_of"]

#: Which crossings count, by the sign of the rate at which ``normal . x`` changes.
Direction: TypeAlias = Literal["rising", "falling", "both"]
_SIGNS = {"rising": 1.0, "falling": -1.0, "both": 0.0}


@dataclass(frozen=True)
class Section:
    """The plane ``normal . x = offset``.

    Args:
        normal: coefficient of each entry of the state that counts, by name, such as ``{"z": 1.0}``.
        offset: the value of the weighted sum on the plane, in the units of the state.
        direction: which crossings count: where the sum is "rising", "falling", or "both".

    Raises:
        ValueError: no coefficient other than 0, a value that is not finite, or an unknown direction.

    Example:
        >>> Section({"z": 1.0}, 27.0)
        Section(normal={'z': 1.0}, offset=27.0, direction='rising')
    """

    normal: Mapping[str, float]
    offset: float = 0.0
    direction: Direction = "rising"

    def __post_init__(self) -> None:
        check_option("direction", self.direction, get_args(Direction))
        values = np.array([*self.normal.values(), self.offset], dtype=float)
        if not (np.all(np.isfinite(values)) and np.any(values[:-1])):
            raise ValueError(
                f"normal must hold finite coefficients, not all 0, and offset be finite; got "
                f"{dict(self.normal)} and {self.offset}; write for example Section({{'x': 1.0}}, 0.0)"
            )

    def vector(self, layout: Layout) -> np.ndarray:
        """Return the normal as a vector of shape (layout.dim,); its length is that of the coefficients."""
        unknown = sorted(set(self.normal) - set(layout.entry_names))
        if unknown:
            raise ValueError(f"normal names {unknown}; the entries are {list(layout.entry_names)}")
        return np.array([float(self.normal.get(name, 0.0)) for name in layout.entry_names])


@dataclass(frozen=True, eq=False)
class Planes:
    """Planes as arrays, with normals of length 1.

    Args:
        normals: shape (q, n).
        offsets: shape (q,).
        directions: shape (q,), 1 where rising crossings count, -1 falling, 0 both.
    """

    normals: np.ndarray
    offsets: np.ndarray
    directions: np.ndarray

    @classmethod
    def of(cls, layout: Layout, sections: Sequence[Section]) -> Planes:
        """Return sections as arrays."""
        normals = np.array([section.vector(layout) for section in sections]).reshape(-1, layout.dim)
        sizes = np.linalg.norm(normals, axis=1)
        offsets = np.array([section.offset for section in sections], dtype=float) / sizes
        signs = np.array([_SIGNS[section.direction] for section in sections], dtype=float)
        return cls(normals / sizes[:, None], offsets, signs)

    @classmethod
    def through(cls, x: np.ndarray, normal: np.ndarray) -> Planes:
        """Return the one plane through ``x`` that a flow along ``normal`` crosses rising."""
        unit = normal / np.linalg.norm(normal)
        return cls(unit[None], np.array([unit @ x]), np.ones(1))

    def __len__(self) -> int:
        return len(self.offsets)

    @property
    def parts(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Normals, offsets and directions."""
        return self.normals, self.offsets, self.directions

    def heights(self, x: np.ndarray) -> np.ndarray:
        """Return the distances of states (..., n) from the planes, with sign, shape (..., q)."""
        return np.asarray(x @ self.normals.T - self.offsets)

    def joined(self, other: Planes) -> Planes:
        """Return these planes, and behind them the others."""
        pairs = zip(self.parts, other.parts, strict=True)
        return Planes(*(np.concatenate(pair) for pair in pairs))


def switches_of(field: VectorField, switches: Sequence[Section] | None) -> Planes:
    """Return the planes on which the velocity jumps: those given, or what a symbolic game's formula says."""
    if switches is not None:
        planes = Planes.of(field.layout, switches)
        return Planes(planes.normals, planes.offsets, np.zeros(len(planes)))
    found = [] if field.formula is None else field.formula.switches(field.constants)
    normals = np.array([normal for normal, _ in found]).reshape(-1, field.layout.dim)
    return Planes(normals, np.array([offset for _, offset in found]), np.zeros(len(found)))
