"""The proximal point method: Euler's implicit step."""

from __future__ import annotations

from typing import Any

from gandyn.field import UpdateMap, VectorField
from gandyn.schemes.record import Recorder, Vector
from gandyn.schemes.rule import update_map
from gandyn.schemes.solvers import Solver

__all__ = ["proximal_point"]

_EXACT = Solver()


def proximal_point(field: VectorField, h: float, solver: Solver = _EXACT) -> UpdateMap:
    """Return the proximal point method, ``x' = x + h v(x')``, solved by Newton's method from x.

    Cost: a gradient and a linear system in J for each iteration of Newton's method, to rounding. Keeps the
    fixed points, and has no others. Multipliers ``1 / (1 - h lambda)``: stable wherever the flow is, and on
    the bilinear game. Runs on arrays; its Jacobian ``(I - h J(x'))^-1`` is as exact as that of the field.
    Where J has a real eigenvalue above 1/h there may be several solutions: Newton's method finds one. Where
    it finds none the next state is NaN. Source: Rockafellar 1976.

    Args:
        field: the field, in any namespace.
        h: step size, flow time of one step, > 0; adjustable.
        solver: how the linear systems are solved.

    Returns:
        The update map.

    Raises:
        ValueError: a step that is not positive and finite, or a field with memory.
        ArithmeticError: when a step is taken, a linear system that the solver gives up.

    Example:
        >>> import numpy as np
        >>> from gandyn.games import catalogue
        >>> proximal_point(catalogue.make("bilinear"), 0.5)(np.array([1.0, 0.0]))
        array([0.8, 0.4])
    """

    def step(on: Recorder, x: Vector, *, h: Any) -> Vector:
        return on.implicit(x, h, solver)

    return update_map(field, step, "proximal point", h=h)
