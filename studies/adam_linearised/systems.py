"""Four fixed points, all at 0, from no rotation to nothing else."""

from typing import Any

import numpy as np

from gandyn import UpdateMap, VectorField
from gandyn.games import catalogue
from gandyn.schemes import adam

STEP = 0.01
BETA2 = 0.999
#: Name, game of the catalogue, its constants, and the largest eps that is shown.
SYSTEMS: dict[str, tuple[str, dict[str, float], float]] = {
    "node": ("gaussian-classifier", {"W_d": 2.0}, 0.01),
    "weak focus": ("gaussian-classifier", {"W_d": 1.7}, 0.01),
    "strong focus": ("dirac-r1", {"gamma": 0.3}, 0.08),
    "centre": ("dirac", {}, 0.08),
}


def field(system: str) -> VectorField:
    """Return the flow of a system."""
    name, constants, _ = SYSTEMS[system]
    made: Any = catalogue.make(name, **constants)
    return made


def late(system: str, beta1: float, eps: float) -> UpdateMap:
    """Return Adam late in a run: without its correction of the first steps, which has died out."""
    return adam(field(system), STEP, beta1, BETA2, eps, bias_correction=False)


def eigenvalues(system: str) -> np.ndarray:
    """Return the eigenvalues of -J at the fixed point: positive real parts are what descent wants."""
    return np.linalg.eigvals(-field(system).jac(np.zeros(2))).astype(complex)
