"""The games: those of Guttenberg 2016 and Dirac-GANs, each with its box, its right answer and a start."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from gandyn import VectorField
from gandyn.games import catalogue


@dataclass(frozen=True)
class Case:
    """A game on a box.

    Args:
        name: name in the catalogue.
        box: interval of each parameter, generator first.
        answer: where training should end, generator first.
        start: where it starts.
        settings: of the game.
    """

    name: str
    box: tuple[tuple[float, float], tuple[float, float]]
    answer: tuple[float, float]
    start: tuple[float, float]
    settings: Mapping[str, float] = field(default_factory=dict)

    def make(self) -> VectorField:
        """Return the field."""
        return catalogue.make(self.name, **self.settings)  # type: ignore[return-value]

    @property
    def bounds(self) -> np.ndarray:
        """Return the box as an array, shape (2, 2)."""
        return np.array(self.box)


_BIASES, _DIRAC = ((-3.0, 3.0),) * 2, ((-2.0, 2.0),) * 2

#: The right answer of the biases is b_g = 0, of the weights W_g = W_d = 1, of the Dirac-GAN theta = psi = 0.
CASES = {
    "sigmoid": Case("sigmoid-classifier", _BIASES, (0, 0), (1.0, 1.0)),
    "Gaussian, W_d = 0.5": Case("gaussian-classifier", _BIASES, (0, 0), (1.0, 1.0), {"W_d": 0.5}),
    "Gaussian, W_d = 0.75": Case("gaussian-classifier", _BIASES, (0, 0), (1.0, 1.0), {"W_d": 0.75}),
    "Gaussian, W_d = 1": Case("gaussian-classifier", _BIASES, (0, 0), (1.0, 1.0), {"W_d": 1.0}),
    "Gaussian, W_d = 2": Case("gaussian-classifier", _BIASES, (0, 0), (1.0, 1.0), {"W_d": 2.0}),
    "Gaussian, weights": Case("gaussian-classifier-scale", ((0.3, 2.0),) * 2, (1, 1), (1.2, 0.8)),
    "Dirac": Case("dirac", _DIRAC, (0, 0), (0.6, 0.6)),
    "Dirac, non-saturating": Case("dirac-nonsaturating", _DIRAC, (0, 0), (0.6, 0.6)),
    "Dirac, Wasserstein": Case("dirac-wgan", _DIRAC, (0, 0), (0.6, 0.6)),
    "Dirac, R1 0.3": Case("dirac-r1", _DIRAC, (0, 0), (0.6, 0.6), {"gamma": 0.3}),
    "Dirac, noise 0.7": Case("dirac-noise", _DIRAC, (0, 0), (0.6, 0.6), {"sigma": 0.7}),
    "Dirac, consensus 1": Case("dirac-consensus", _DIRAC, (0, 0), (0.6, 0.6), {"gamma": 1.0}),
}
#: Those that a test runs.
SMALL = ("Gaussian, W_d = 0.75", "Gaussian, W_d = 1", "Dirac, Wasserstein", "Dirac, R1 0.3")
