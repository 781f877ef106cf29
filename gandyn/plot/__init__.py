"""Pictures: functions that take an axes and a result, draw, and return their artists.

They compute nothing of substance: what is drawn was computed before. ``with plot.style():`` makes figures
legible at the width of a paper column. Legends and captions lie below the axes: a figure without a layout
engine is given a constrained layout, which makes room for them.
"""

from gandyn.plot.animations import Animation, animate
from gandyn.plot.basins import BasinArtists, ManifoldArtists, basin_map, manifolds
from gandyn.plot.bifurcations import (
    DiagramArtists,
    LocusArtists,
    RegionArtists,
    bifurcation_diagram,
    eigenvalue_locus,
    stability_region,
)
from gandyn.plot.chaos import AlignmentArtists, ZeroOneArtists, alignment, zero_one
from gandyn.plot.curvature import (
    CloudArtists,
    DensityArtists,
    RangeArtists,
    numerical_range,
    ritz_cloud,
    spectral_density,
)
from gandyn.plot.cycles import (
    CycleArtists,
    DotArtists,
    PeriodArtists,
    cycle_periods,
    limit_cycles,
    orbit_diagram,
    section,
)
from gandyn.plot.ensembles import (
    SeparationArtists,
    ShareArtists,
    WindowArtists,
    separation,
    spread_shares,
    window_exponents,
)
from gandyn.plot.films import animate_field, animate_training
from gandyn.plot.gradients import (
    GradientHistogramArtists,
    HealthArtists,
    LayerArtists,
    gradient_counts,
    gradient_histograms,
    health,
)
from gandyn.plot.helmholtz import HelmholtzArtists, PartArtists, helmholtz
from gandyn.plot.images import image_grid
from gandyn.plot.interactive import InteractivePortrait, interactive_portrait
from gandyn.plot.landscapes import ContourArtists, landscape_contour
from gandyn.plot.latents import LabelledGrid, combination, labelled_grid, latent_walks
from gandyn.plot.learning import (
    LearningArtists,
    discriminator_surface,
    latent_arrows,
    learning_line,
    learning_plane,
)
from gandyn.plot.lyapunov import (
    ConvergenceArtists,
    ExponentBarArtists,
    ExponentMapArtists,
    exponent_convergence,
    exponent_map,
    exponent_spectra,
    exponents_over_parameter,
)
from gandyn.plot.paths import PathAngleArtists, path_angle
from gandyn.plot.portraits import PortraitArtists, portrait
from gandyn.plot.projections import ProjectionArtists, projection
from gandyn.plot.recurrences import RecurrenceArtists, lag_distance, recurrence
from gandyn.plot.spectra import (
    SpectrumArtists,
    TrainingSpectraArtists,
    eigenvalues_over_training,
    spectrum,
)
from gandyn.plot.stretching import (
    AngleArtists,
    FiniteTimeArtists,
    LocalExponentArtists,
    covariant_angles,
    finite_time,
    local_exponents,
)
from gandyn.plot.styles import DISCRIMINATOR, GENERATOR, OKABE_ITO, PAPER_COLUMN, style
from gandyn.plot.surfaces import SurfaceArtists, landscape_surface
from gandyn.plot.training import CurveArtists, accuracy, gradient_norms, training_curves

__all__ = [
    "DISCRIMINATOR",
    "GENERATOR",
    "OKABE_ITO",
    "PAPER_COLUMN",
    "AlignmentArtists",
    "AngleArtists",
    "Animation",
    "BasinArtists",
    "CloudArtists",
    "ContourArtists",
    "ConvergenceArtists",
    "CurveArtists",
    "CycleArtists",
    "DensityArtists",
    "DiagramArtists",
    "DotArtists",
    "ExponentBarArtists",
    "ExponentMapArtists",
    "FiniteTimeArtists",
    "GradientHistogramArtists",
    "HealthArtists",
    "HelmholtzArtists",
    "InteractivePortrait",
    "LabelledGrid",
    "LayerArtists",
    "LearningArtists",
    "LocalExponentArtists",
    "LocusArtists",
    "ManifoldArtists",
    "PartArtists",
    "PathAngleArtists",
    "PeriodArtists",
    "PortraitArtists",
    "ProjectionArtists",
    "RangeArtists",
    "RecurrenceArtists",
    "RegionArtists",
    "SeparationArtists",
    "ShareArtists",
    "SpectrumArtists",
    "SurfaceArtists",
    "TrainingSpectraArtists",
    "WindowArtists",
    "ZeroOneArtists",
    "accuracy",
    "alignment",
    "animate",
    "animate_field",
    "animate_training",
    "basin_map",
    "bifurcation_diagram",
    "combination",
    "covariant_angles",
    "cycle_periods",
    "discriminator_surface",
    "eigenvalue_locus",
    "eigenvalues_over_training",
    "exponent_convergence",
    "exponent_map",
    "exponent_spectra",
    "exponents_over_parameter",
    "finite_time",
    "gradient_counts",
    "gradient_histograms",
    "gradient_norms",
    "health",
    "helmholtz",
    "image_grid",
    "interactive_portrait",
    "labelled_grid",
    "lag_distance",
    "landscape_contour",
    "landscape_surface",
    "latent_arrows",
    "latent_walks",
    "learning_line",
    "learning_plane",
    "limit_cycles",
    "local_exponents",
    "manifolds",
    "numerical_range",
    "orbit_diagram",
    "path_angle",
    "portrait",
    "projection",
    "recurrence",
    "ritz_cloud",
    "section",
    "separation",
    "spectral_density",
    "spectrum",
    "spread_shares",
    "stability_region",
    "style",
    "training_curves",
    "window_exponents",
    "zero_one",
]
