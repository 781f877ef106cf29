"""Fixed points: found, proved, and judged for the flow, for its steps and as a game."""

from gandyn.fixed_points.certificate import Certificate, certify
from gandyn.fixed_points.krylov import fixed_point
from gandyn.fixed_points.period import iterated
from gandyn.fixed_points.result import OUTCOMES, Continuum, FixedPoint, FixedPoints
from gandyn.fixed_points.search import find_fixed_points
from gandyn.fixed_points.verdict import classify

__all__ = [
    "OUTCOMES",
    "Certificate",
    "Continuum",
    "FixedPoint",
    "FixedPoints",
    "certify",
    "classify",
    "find_fixed_points",
    "fixed_point",
    "iterated",
]
