"""What kind of point this is: the symmetric and the rotating part of the Jacobian, with what follows."""

from gandyn.rotation.boundary import Boundary
from gandyn.rotation.character import VERDICTS, Batches, Character, character
from gandyn.rotation.helmholtz import Helmholtz, helmholtz
from gandyn.rotation.path_angle import PathAngle, path_angle
from gandyn.rotation.path_shape import Bump, LinearModel, PathShape, Switch
from gandyn.rotation.potential_flow import potential_flow
from gandyn.rotation.reading import Reading
from gandyn.rotation.smoothed import SmoothedSpectrum, smoothed_spectrum
from gandyn.rotation.step_bound import suggest_step
from gandyn.rotation.step_result import Damping, StepBound

__all__ = [
    "VERDICTS",
    "Batches",
    "Boundary",
    "Bump",
    "Character",
    "Damping",
    "Helmholtz",
    "LinearModel",
    "PathAngle",
    "PathShape",
    "Reading",
    "SmoothedSpectrum",
    "StepBound",
    "Switch",
    "character",
    "helmholtz",
    "path_angle",
    "potential_flow",
    "smoothed_spectrum",
    "suggest_step",
]
