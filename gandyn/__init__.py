"""GAN training as a dynamical system.

A GAN is a **vector field**: the velocity of all parameters of both players under gradient descent on
their own losses. What modifies the dynamics maps a field to a field; what discretises it maps a field to
an **update map**. What analyses it is a function of a field or map that returns a small **result**. What
draws takes an axes and a result.
"""

from __future__ import annotations

import importlib
from typing import Any

from gandyn.basins import Attractor, Basins, Manifold, find_basins, manifold
from gandyn.bifurcations import (
    Branch,
    SpecialPoint,
    StabilityRegion,
    continue_fixed_point,
    stability_region,
    switch_branch,
)
from gandyn.cycles import (
    Crossings,
    CycleBranch,
    FlowError,
    LimitCycle,
    OrbitDiagram,
    Section,
    continue_cycle,
    limit_cycle,
    orbit_diagram,
    poincare_section,
)
from gandyn.field import Block, Layout, System, UpdateMap, VectorField, check_field
from gandyn.fixed_points import (
    Certificate,
    FixedPoint,
    FixedPoints,
    certify,
    classify,
    find_fixed_points,
    fixed_point,
)
from gandyn.landscapes import Landscape, landscape
from gandyn.lyapunov import (
    Alignment,
    CovariantVectors,
    Diagnosis,
    ExponentSweep,
    FiniteTime,
    Lyapunov,
    ZeroOne,
    alignment,
    covariant_vectors,
    diagnose,
    exponent_sweep,
    finite_time,
    lyapunov_spectrum,
    zero_one_test,
)
from gandyn.planes import (
    FieldSlice,
    Plane,
    Projection,
    coordinate_plane,
    filter_normalized_plane,
    pca_plane,
    project,
    random_plane,
    sample,
    spanned_plane,
)
from gandyn.rotation import (
    Character,
    Helmholtz,
    PathAngle,
    StepBound,
    character,
    helmholtz,
    path_angle,
    potential_flow,
    suggest_step,
)
from gandyn.spectra import (
    BlockNorms,
    Estimate,
    NumericalRange,
    Operator,
    RitzCloud,
    SpectralDensity,
    Spectrum,
    SymmetricSpectrum,
    jacobian_operator,
    norms,
    numerical_range,
    ritz_cloud,
    spectral_density,
    spectrum,
    symmetric_spectrum,
    trace,
)
from gandyn.store import load, save
from gandyn.trajectories import Trajectory, trajectory
from gandyn.transforms import (
    add,
    consensus,
    l2,
    potential_part,
    scale,
    smooth,
    symplectic_adjustment,
    two_timescale,
)
from gandyn.vtk import to_vtk

__version__ = "0.1.0"

__all__ = [
    "Alignment",
    "Attractor",
    "Basins",
    "Block",
    "BlockNorms",
    "Branch",
    "Certificate",
    "Character",
    "CovariantVectors",
    "Crossings",
    "CycleBranch",
    "Diagnosis",
    "Estimate",
    "ExponentSweep",
    "FieldSlice",
    "FiniteTime",
    "FixedPoint",
    "FixedPoints",
    "FlowError",
    "Helmholtz",
    "Landscape",
    "Layout",
    "LimitCycle",
    "Lyapunov",
    "Manifold",
    "NumericalRange",
    "Operator",
    "OrbitDiagram",
    "PathAngle",
    "Plane",
    "Projection",
    "RitzCloud",
    "Section",
    "SpecialPoint",
    "SpectralDensity",
    "Spectrum",
    "StabilityRegion",
    "StepBound",
    "SymmetricSpectrum",
    "System",
    "Trajectory",
    "UpdateMap",
    "VectorField",
    "ZeroOne",
    "add",
    "alignment",
    "certify",
    "character",
    "check_field",
    "classify",
    "consensus",
    "continue_cycle",
    "continue_fixed_point",
    "coordinate_plane",
    "covariant_vectors",
    "diagnose",
    "exponent_sweep",
    "filter_normalized_plane",
    "find_basins",
    "find_fixed_points",
    "finite_time",
    "fixed_point",
    "games",
    "helmholtz",
    "jacobian_operator",
    "l2",
    "landscape",
    "limit_cycle",
    "load",
    "lyapunov_spectrum",
    "manifold",
    "nets",
    "norms",
    "numerical_range",
    "orbit_diagram",
    "path_angle",
    "pca_plane",
    "plot",
    "poincare_section",
    "potential_flow",
    "potential_part",
    "project",
    "random_plane",
    "ritz_cloud",
    "sample",
    "save",
    "scale",
    "schemes",
    "smooth",
    "spanned_plane",
    "spectral_density",
    "spectrum",
    "stability_region",
    "suggest_step",
    "switch_branch",
    "symmetric_spectrum",
    "symplectic_adjustment",
    "tiles",
    "to_vtk",
    "trace",
    "trajectory",
    "two_timescale",
    "zero_one_test",
]

#: Subpackages that bring torch, sympy, numba or matplotlib: loaded when first used.
_LAZY = ("games", "nets", "plot", "schemes")


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return importlib.import_module(f"gandyn.{name}")
    raise AttributeError(f"module 'gandyn' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
