"""Schedules: a constant of a scheme as a function of the step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gandyn.checks import check_option
from gandyn.field import UpdateMap
from gandyn.schemes.modify import Inner, modified, rule_of
from gandyn.schemes.record import Recorder, Vector

__all__ = ["scheduled"]


def scheduled(update: UpdateMap, factor: Callable[[Any], Any], constant: str | None = None) -> UpdateMap:
    """Return a scheme one of whose constants is multiplied by ``factor(k)`` at step k: by default the step.

    The map is not autonomous. Its flow time counts steps of the nominal size. Cost: that of the scheme. Keeps
    the fixed points, and has those of the scheme. Source: Robbins and Monro 1951.

    Args:
        update: the update map of a scheme.
        factor: ``factor(k)``, plain arithmetic with ``+ - * / **`` and ``numpy.cos``: it is recorded once,
            and so cannot compare k with anything.
        constant: name of a constant of the scheme; None for its step size. It stays adjustable.

    Returns:
        The update map, compiled if that of the scheme is.

    Raises:
        TypeError: a factor that is not plain arithmetic.
        ValueError: a constant that the scheme does not have, or a map that no scheme made.

    Example:
        >>> import numpy as np
        >>> from gandyn.games import catalogue
        >>> from gandyn.schemes import simultaneous
        >>> step = scheduled(simultaneous(catalogue.make("bilinear"), 0.5), lambda k: 1 / (1 + k))
        >>> step(np.array([1.0, 0.0]), 0), step(np.array([1.0, 0.0]), 4)
        (array([1. , 0.5]), array([1. , 0.1]))
    """
    rule = rule_of(update)
    name = rule.clock if constant is None else constant
    check_option("constant", name, list(rule.constants))

    def change(inner: Inner, on: Recorder, *state: Vector) -> tuple[Vector, ...]:
        return inner(on, *state, **{name: factor(on.k) * inner.constants[name]})

    return modified(update, change, f"{name} scheduled")
