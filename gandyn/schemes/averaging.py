"""Averages: of all iterates, beside the run; and of the two ends of k steps, as the run itself."""

from __future__ import annotations

from typing import Any

from gandyn.field import UpdateMap
from gandyn.schemes.modify import Inner, modified
from gandyn.schemes.record import Recorder, Vector
from gandyn.schemes.rule import check_count, check_range

__all__ = ["averaged", "lookahead_minimax"]


def averaged(update: UpdateMap, decay: float | None = None) -> UpdateMap:
    """Return a scheme that carries the average of its iterates along as memory.

    All iterates so far with equal weights, ``a' = a + (x' - a) / (k + 2)``; or with weights that decay,
    ``a' = decay a + (1 - decay) x'``. The run itself is not changed. Cost: that of the scheme. Keeps the
    fixed points, with a = x, and has no others; adds the multipliers ``decay``, or ``(k + 1) / (k + 2)`` at
    step k. Source: Polyak and Juditsky 1992; for GANs Yazici et al. 2019.

    Args:
        update: the update map of a scheme.
        decay: decay of the weights, in [0, 1); adjustable. None: equal weights.

    Returns:
        The update map, with a block ``average.*`` for each of the parameters, compiled if that of the scheme
        is; ``start`` sets the average to the parameters.

    Raises:
        ValueError: a decay out of range, or a map that no scheme made.

    Example:
        >>> import numpy as np
        >>> from gandyn.games import catalogue
        >>> from gandyn.schemes import simultaneous
        >>> step = averaged(simultaneous(catalogue.make("bilinear"), 0.5))
        >>> step(step.start(np.array([1.0, 0.0])))
        array([1.  , 0.5 , 1.  , 0.25])
    """
    settings: dict[str, Any] = {"memory": ("average",), "first": lambda theta: (theta,)}
    if decay is None:
        return modified(update, _equally, "averaged", **settings)
    check_range("decay", decay, low=0.0, below=1.0)
    return modified(update, _decaying, "averaged with decay", decay=decay, **settings)


def lookahead_minimax(update: UpdateMap, steps: int = 5, alpha: float = 0.5) -> UpdateMap:
    """Return Lookahead: after some steps of a scheme, go a share of the way back to where they began.

    ``x' = x + alpha (F^k(x) - x)`` for both players at once, F the scheme; its memory goes on as it is.
    Cost: k times that of the scheme. Keeps the fixed points; may add cycles of k steps of the scheme as fixed
    points. Multipliers ``1 - alpha + alpha mu^k``: over descent it settles the bilinear game, for suitable k
    and alpha. Source: Zhang et al. 2019; for two players Chavdarova et al. 2021.

    Args:
        update: the update map of a scheme.
        steps: k, at least 1. One step of the map is k steps of the scheme.
        alpha: share of the way that is kept, in (0, 1]; adjustable.

    Returns:
        The update map, compiled if that of the scheme is.

    Raises:
        ValueError: a count or share out of range, or a map that no scheme made.

    Example:
        >>> import numpy as np
        >>> from gandyn.games import catalogue
        >>> from gandyn.schemes import simultaneous
        >>> step = lookahead_minimax(simultaneous(catalogue.make("bilinear"), 0.5), steps=2)
        >>> step(np.array([1.0, 0.0]))
        array([0.875, 0.5  ])
    """
    check_count("steps", steps)
    check_range("alpha", alpha, above=0.0)
    if alpha > 1:
        raise ValueError(f"alpha must be at most 1, got {alpha}; 1 is the scheme itself")

    def change(inner: Inner, on: Recorder, x: Vector, *memory: Vector, alpha: Any) -> tuple[Vector, ...]:
        fast = (x, *memory)
        for number in range(steps):
            fast = inner(on.step_within(number, steps), *fast)
        return x + alpha * (fast[0] - x), *fast[1:]

    return modified(update, change, f"Lookahead {steps}", repeats=steps, alpha=alpha)


def _equally(inner: Inner, on: Recorder, *state: Vector) -> tuple[Vector, ...]:
    *before, average = state
    moved = inner(on, *before)
    return *moved, average + (1 / (on.k + 2)) * (moved[0] - average)


def _decaying(inner: Inner, on: Recorder, *state: Vector, decay: Any) -> tuple[Vector, ...]:
    *before, average = state
    moved = inner(on, *before)
    return *moved, average + (1 - decay) * (moved[0] - average)
