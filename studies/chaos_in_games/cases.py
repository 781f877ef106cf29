"""The games, where each rests, and the rules that train them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gandyn import UpdateMap, VectorField
from gandyn.games import catalogue
from gandyn.schemes import alternating, extragradient, simultaneous

RULES: dict[str, Callable[..., UpdateMap]] = {
    "simultaneous": simultaneous,
    "alternating": alternating,
    "extragradient": extragradient,
}
#: Where orbits start beside the fixed point: in sweeps, and when they are looked at again.
ASIDE, AGAIN = 0.1 * np.array([0.8, 0.6]), 0.1 * np.array([-0.6, 0.8])
#: An orbit that leaves this radius has escaped: the games are so flat there that orbits drift for ages.
BOUND = 30.0


@dataclass(frozen=True)
class Case:
    """A game of two parameters.

    Args:
        game: its name in the catalogue, with ``settings``.
        rest: its fixed point.
        top: largest step size that is looked at.
        settings: of the game.
    """

    game: str
    rest: tuple[float, float]
    top: float
    settings: Mapping[str, float] = field(default_factory=dict)

    @property
    def point(self) -> np.ndarray:
        """The fixed point, shape (2,)."""
        return np.array(self.rest)

    def field(self) -> VectorField:
        """Return the game."""
        made: Any = catalogue.make(self.game, **self.settings)
        return made  # type: ignore[no-any-return]

    def step(self, rule: str, h: float = 0.1) -> UpdateMap:
        """Return a step of training by a rule."""
        return RULES[rule](self.field(), h)


GAMES = {
    "Gaussian classifier, W_d = 1": Case("gaussian-classifier", (0.0, 0.0), 1.5),
    "Gaussian classifier, W_d = 0.5": Case("gaussian-classifier", (0.0, 0.0), 1.2, {"W_d": 0.5}),
    "sigmoid classifier, l2 = 1": Case(
        "sigmoid-classifier-l2", (0.605619171, -0.087507743), 2.5, {"l2": 1.0}
    ),
    "Dirac, R1 0.3": Case("dirac-r1", (0.0, 0.0), 4.2),
    "Dirac, nonsaturating, R1 0.3": Case("dirac-nonsaturating-r1", (0.0, 0.0), 4.2),
    "Dirac, consensus 1": Case("dirac-consensus", (0.0, 0.0), 3.0),
    "Nagarajan-Kolter": Case("nagarajan-kolter", (1.0, 0.0), 8.0),
    "matching pennies, T = 0.2": Case("matching-pennies", (0.0, 0.0), 12.0),
}
FEW = ("Gaussian classifier, W_d = 1", "sigmoid classifier, l2 = 1", "Dirac, R1 0.3")
