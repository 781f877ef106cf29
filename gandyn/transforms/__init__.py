"""Field to field: what modifies the dynamics. A transformed field is a field, with its exact Jacobian."""

from gandyn.transforms.consensus import consensus
from gandyn.transforms.linear import add, l2, scale, two_timescale
from gandyn.transforms.potential import potential_part
from gandyn.transforms.smoothing import SmoothingMethod, smooth
from gandyn.transforms.symplectic import symplectic_adjustment

__all__ = [
    "SmoothingMethod",
    "add",
    "consensus",
    "l2",
    "potential_part",
    "scale",
    "smooth",
    "symplectic_adjustment",
    "two_timescale",
]
