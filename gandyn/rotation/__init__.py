"""What kind of point this is: the symmetric and the rotating part of the Jacobian, with what follows."""

from __future__ import annotations

from gandyn.rotation.path_angle import PathAngle, path_angle
from gandyn.rotation.path_shape import Bump, LinearModel, PathShape, Switch
from gandyn.rotation.smoothed import SmoothedSpectrum, smoothed_spectrum
from gandyn.rotation.step_bound import suggest_step
from gandyn.rotation.step_result import Damping, StepBound

__all__ = [
    "Bump",
    "Damping",
    "LinearModel",
    "PathAngle",
    "PathShape",
    "SmoothedSpectrum",
    "StepBound",
    "Switch",
    "path_angle",
    "smoothed_spectrum",
    "suggest_step",
]
