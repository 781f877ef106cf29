"""Gradients with noise, as minibatches give them, but the same noise whenever the same step is taken."""

from __future__ import annotations

from typing import Any

from gandyn.field import UpdateMap
from gandyn.schemes.modify import Inner, modified
from gandyn.schemes.record import Recorder, Vector
from gandyn.schemes.rule import check_count, check_range

__all__ = ["noisy"]


def noisy(update: UpdateMap, sigma: float, seed: int) -> UpdateMap:
    """Return a scheme that sees normal noise on every velocity: ``v(x) + sigma xi``.

    The noise is a function of the seed, the step k and which gradient of the step it is, so that the map is
    a function of x and k: the same in any order, on any number of threads, compiled or not. All states of
    a batch see the same noise. Products with the Jacobian are those of the field. Cost: that of the scheme.
    Keeps no fixed points; derivatives are those of the scheme. Descent with ``sigma = sqrt(2 T / h)`` is
    Langevin dynamics at temperature T. Source: Welling and Teh 2011.

    Args:
        update: the update map of a scheme.
        sigma: standard deviation of each entry of the noise, >= 0, in units of the velocity; adjustable.
        seed: seed of the noise, >= 0.

    Returns:
        The update map, compiled if that of the scheme is.

    Raises:
        ValueError: a value out of range, a scheme with an implicit step, or a map that no scheme made.

    Example:
        >>> import numpy as np
        >>> from gandyn.games import catalogue
        >>> from gandyn.schemes import simultaneous
        >>> step = noisy(simultaneous(catalogue.make("bilinear"), 0.5), 0.1, seed=0)
        >>> x = np.array([1.0, 0.0])
        >>> bool(np.all(step(x, 3) == step(x, 3))), bool(np.any(step(x, 3) == step(x, 4)))
        (True, False)
    """
    check_range("sigma", sigma, low=0.0)
    check_count("seed", seed, least=0)

    def change(inner: Inner, on: Recorder, *state: Vector, sigma: Any) -> tuple[Vector, ...]:
        return inner(on.bent(lambda on, velocity: velocity + sigma * on.noise(seed)), *state)

    return modified(update, change, "noisy", sigma=sigma)
