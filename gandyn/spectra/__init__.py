"""The Jacobian at a state: its eigenvalues, its parts as operators, and what random probes say of it."""

from gandyn.spectra.block_norms import BlockNorms, norms
from gandyn.spectra.dense import DENSE, dense_jacobian
from gandyn.spectra.density import RitzCloud, SpectralDensity, ritz_cloud, spectral_density
from gandyn.spectra.estimate import Estimate
from gandyn.spectra.field_of_values import NumericalRange, numerical_range
from gandyn.spectra.operators import Operator, Part, jacobian_operator
from gandyn.spectra.result import Spectrum, step_bounds
from gandyn.spectra.solve import Which, spectrum
from gandyn.spectra.symmetric import SymmetricSpectrum, symmetric_spectrum
from gandyn.spectra.traces import trace

__all__ = [
    "DENSE",
    "BlockNorms",
    "Estimate",
    "NumericalRange",
    "Operator",
    "Part",
    "RitzCloud",
    "SpectralDensity",
    "Spectrum",
    "SymmetricSpectrum",
    "Which",
    "dense_jacobian",
    "jacobian_operator",
    "norms",
    "numerical_range",
    "ritz_cloud",
    "spectral_density",
    "spectrum",
    "step_bounds",
    "symmetric_spectrum",
    "trace",
]
