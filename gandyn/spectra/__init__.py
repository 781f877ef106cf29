"""Eigenvalues of a system's Jacobian: all of them, or the k leading ones without forming the matrix."""

from gandyn.spectra.result import Spectrum
from gandyn.spectra.solve import Which, spectrum

__all__ = ["Spectrum", "Which", "spectrum"]
