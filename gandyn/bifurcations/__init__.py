"""Branches of fixed points under a parameter, and where they change."""

from gandyn.bifurcations.continuation import continue_fixed_point
from gandyn.bifurcations.region import stability_region
from gandyn.bifurcations.result import Branch, SpecialKind, SpecialPoint, StabilityRegion
from gandyn.bifurcations.switching import switch_branch

__all__ = [
    "Branch",
    "SpecialKind",
    "SpecialPoint",
    "StabilityRegion",
    "continue_fixed_point",
    "stability_region",
    "switch_branch",
]
