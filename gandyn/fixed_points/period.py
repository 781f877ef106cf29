"""Periodic orbits of maps as fixed points of an iterate."""

from __future__ import annotations

from typing import Any, cast

import numpy as np

from gandyn.arrays import Array, array_namespace, to_numpy
from gandyn.field import System, UpdateMap

__all__ = ["iterated", "orbit_of"]


def iterated(system: System, period: int) -> System:
    """Return the map that takes ``period`` steps at once; the system itself for one step.

    Its Jacobian is the product of the Jacobians along the orbit, the first step's rightmost.

    Raises:
        ValueError: a period below 1, or of a flow.

    Example:
        >>> from gandyn.field import Layout
        >>> halve = UpdateMap(lambda x, k: x / 2, Layout.scalars(state=["x"]), jvp=lambda x, u, k: u / 2)
        >>> iterated(halve, 3).jac(np.ones(1))
        array([[0.125]])
    """
    if period < 1 or period != int(period):
        raise ValueError(f"period must be an integer of at least 1, got {period}")
    if period == 1:
        return system
    if not isinstance(system, UpdateMap):
        raise ValueError(
            f"only a map has orbits of a period counted in steps, got {system}; take limit_cycle"
        )

    def walk(x: Array, k: Any) -> list[Array]:
        states = [x]
        for i in range(period):
            states.append(system(states[-1], k + i))
        return states

    def jac(x: Array, k: Any) -> Array:
        xp = array_namespace(x)
        states = walk(x, k)
        product = system.jac(states[0], k)
        for i in range(1, period):
            product = xp.matmul(system.jac(states[i], k + i), product)
        return product

    def jvp(x: Array, u: Array, k: Any) -> Array:
        for i, state in enumerate(walk(x, k)[:-1]):
            u = system.jvp(state, u, k + i)
        return u

    def vjp(x: Array, u: Array, k: Any) -> Array:
        states = walk(x, k)
        for i in reversed(range(period)):
            u = system.vjp(states[i], u, k + i)
        return u

    family = system.family
    return UpdateMap(
        lambda x, k: walk(x, k)[-1], system.layout, system.dt * period, jac, jvp, vjp, label=system.label,
        constants=system.constants,
        family=family and (lambda **values: cast(UpdateMap, iterated(family(**values), period))),
    )  # fmt: skip


def orbit_of(system: System, x: Array, period: int) -> np.ndarray:
    """Return the states of a periodic orbit from x on, shape (period, n)."""
    states = [x]
    for k in range(period - 1):
        states.append(system(states[-1], k))
    return np.stack([to_numpy(state) for state in states])
