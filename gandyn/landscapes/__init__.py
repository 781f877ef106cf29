"""Loss landscapes: what both players see on a plane of parameter space, and what to make of it."""

from gandyn.landscapes.along import PathLosses, along_path
from gandyn.landscapes.asymmetry import Asymmetry, asymmetry
from gandyn.landscapes.barriers import Barrier, barrier
from gandyn.landscapes.comparison import PlaneComparison, compare_planes
from gandyn.landscapes.evaluate import MEASURES, Surfaces, landscape
from gandyn.landscapes.lakes import Lake, lake
from gandyn.landscapes.preview import preview
from gandyn.landscapes.profiles import Profiles, profiles
from gandyn.landscapes.repeats import Repeated, over_planes, over_trainings
from gandyn.landscapes.result import Landscape
from gandyn.landscapes.sharpness import Sharpness, sharpness

__all__ = [
    "MEASURES",
    "Asymmetry",
    "Barrier",
    "Lake",
    "Landscape",
    "PathLosses",
    "PlaneComparison",
    "Profiles",
    "Repeated",
    "Sharpness",
    "Surfaces",
    "along_path",
    "asymmetry",
    "barrier",
    "compare_planes",
    "lake",
    "landscape",
    "over_planes",
    "over_trainings",
    "preview",
    "profiles",
    "sharpness",
]
