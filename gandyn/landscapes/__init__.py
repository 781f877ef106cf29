"""Loss landscapes: what both players see on a plane of parameter space."""

from gandyn.landscapes.evaluate import MEASURES, Surfaces, landscape
from gandyn.landscapes.result import Landscape

__all__ = ["MEASURES", "Landscape", "Surfaces", "landscape"]
