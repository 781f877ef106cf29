"""The 27 cells: nine games, three schemes, one step size."""

from functools import partial
from typing import Any

from gandyn import UpdateMap
from gandyn.games import catalogue
from gandyn.schemes import alternating, clipped_weights, simultaneous

STEP = 0.2
CLIP = 1.0
GAMES: dict[str, tuple[str, dict[str, float]]] = {
    "GAN": ("dirac", {}),
    "NSGAN": ("dirac-nonsaturating", {}),
    "WGAN, clipped": ("dirac-wgan", {}),
    "WGAN-GP": ("dirac-wgan-gp", {"lam": 0.7, "g0": 1.0}),
    "instance noise": ("dirac-noise", {"sigma": 0.7}),
    "R1, weight 0.3": ("dirac-r1", {"gamma": 0.3}),
    "R1, weight 1": ("dirac-r1", {"gamma": 1.0}),
    "consensus": ("dirac-consensus", {"gamma": 1.0}),
    "NSGAN with R1": ("dirac-nonsaturating-r1", {"gamma": 0.3}),
}
SCHEMES: dict[str, Any] = {
    "simultaneous": simultaneous,
    "alternating 1:1": partial(alternating, first="discriminator"),
    "alternating 1:5": partial(alternating, first="discriminator", discriminator_steps=5),
}
CELLS = [(game, scheme) for game in GAMES for scheme in SCHEMES]


def update(game: str, scheme: str, h: float = STEP) -> UpdateMap:
    """Return the update map of a cell; that of the clipped WGAN projects psi after each of its moves."""
    name, constants = GAMES[game]
    step: UpdateMap = SCHEMES[scheme](catalogue.make(name, **constants), h)
    return clipped_weights(step, CLIP) if game == "WGAN, clipped" else step
