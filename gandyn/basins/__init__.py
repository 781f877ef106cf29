"""Basins of attraction, and the stable and unstable manifolds that bound them."""

from gandyn.basins.manifold import Manifold, ManifoldKind, manifold
from gandyn.basins.result import (
    ESCAPED,
    LEFT_THE_BOX,
    NOT_COMPUTED,
    OUTCOMES,
    UNDECIDED,
    Attractor,
    AttractorKind,
    Basins,
    Share,
)
from gandyn.basins.search import find_basins

__all__ = [
    "ESCAPED",
    "LEFT_THE_BOX",
    "NOT_COMPUTED",
    "OUTCOMES",
    "UNDECIDED",
    "Attractor",
    "AttractorKind",
    "Basins",
    "Manifold",
    "ManifoldKind",
    "Share",
    "find_basins",
    "manifold",
]
