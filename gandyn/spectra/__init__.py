"""Eigenvalues of a system's Jacobian and of its parts, matrix-free, and the parts as operators."""

from gandyn.spectra.operators import Operator, Part, jacobian_operator
from gandyn.spectra.result import Spectrum
from gandyn.spectra.solve import Which, spectrum

__all__ = ["Operator", "Part", "Spectrum", "Which", "jacobian_operator", "spectrum"]
