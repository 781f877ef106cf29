"""Limit cycles of flows, their stability and their branches; sections of flows and orbit diagrams."""

from gandyn.cycles.continuation import continue_cycle
from gandyn.cycles.diagram import orbit_diagram
from gandyn.cycles.limit_cycle import limit_cycle
from gandyn.cycles.poincare import poincare_section
from gandyn.cycles.result import Crossings, CycleBranch, FlowError, LimitCycle, OrbitDiagram
from gandyn.cycles.section import Section

__all__ = [
    "Crossings",
    "CycleBranch",
    "FlowError",
    "LimitCycle",
    "OrbitDiagram",
    "Section",
    "continue_cycle",
    "limit_cycle",
    "orbit_diagram",
    "poincare_section",
]
