"""A symbolic game over boxes: rigorous enclosures of its velocity and Jacobian.

The game's own kernel is evaluated, on intervals instead of numbers. What is enclosed is the game as it is
computed: its constants, the nodes and weights of its measures and the numbers in its expressions are the
binary numbers that they are in float64; a Gauss-Hermite rule is a measure of so many points.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, cast

import numpy as np

from gandyn.field import System, UpdateMap
from gandyn.games.codegen import Program
from gandyn.games.intervalmath import FUNCTIONS, by_balls
from gandyn.games.intervals import Interval, exact

__all__ = ["Enclosure", "enclosure"]


class _Exactly(ast.NodeTransformer):
    """Makes every float of the source an interval, so that no operation is left to rounded floats."""

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        if not isinstance(node.value, float):
            return node
        return ast.copy_location(ast.Call(ast.Name("exact", ast.Load()), [node], []), node)

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        self.generic_visit(node)
        if not isinstance(node.op, ast.Pow):
            return node
        call = ast.Call(ast.Name("power", ast.Load()), [node.left, node.right], [])
        return ast.copy_location(call, node)


def _compiled(program: Program) -> Callable[..., list[Any]]:
    """Return the program on intervals: ``(x, t, params, nodes, counts)`` to a list of outputs."""
    tree = ast.fix_missing_locations(_Exactly().visit(ast.parse(program.numpy)))
    namespace: dict[str, Any] = {**FUNCTIONS, "exact": exact}
    for name, function in program.functions.items():
        namespace[name] = by_balls(function.enclose)
    exec(compile(tree, "<gandyn enclosure>", "exec"), namespace)
    return cast(Callable[..., list[Any]], namespace["kernel"])


@dataclass(frozen=True, eq=False, repr=False)
class Enclosure:
    """What vanishes at the fixed points of a symbolic system, and its Jacobian, over boxes.

    Args:
        dim: n, the dimension of the state.
        programs: the velocity (or next state), and the velocity with the Jacobian.
        params: values of the constants.
        nodes: points and weights of all measures, packed.
        counts: number of nodes of each measure.
        shift: 1 for a map, whose residual is F(x) - x; 0 for a flow.
    """

    dim: int
    programs: tuple[Program, Program]
    params: np.ndarray
    nodes: np.ndarray
    counts: np.ndarray
    shift: int

    @cached_property
    def _kernels(self) -> list[Callable[..., list[Any]]]:
        return [_compiled(program) for program in self.programs]

    @property
    def batch(self) -> int:
        """How many boxes to evaluate at a time."""
        longest = max((int(self.counts[loop[-1]]) for p in self.programs for loop in p.loops), default=1)
        own = any(p.functions for p in self.programs)  # one ball at a time
        return max(1, min(32 if own else 256, 100_000 // longest))

    def residual(self, x: Interval) -> Interval:
        """Return the enclosure of v, or F(x) - x, over boxes ``x`` of shape (m, n): shape (m, n)."""
        return self._residual(x, self._outputs(0, x))

    def jacobian(self, x: Interval) -> tuple[Interval, Interval]:
        """Return the enclosures of the residual, (m, n), and of its Jacobian, (m, n, n), over boxes."""
        outputs = self._outputs(1, x)
        matrix = outputs[:, self.dim :]
        shape = (len(x.lo), self.dim, self.dim)
        grade = np.broadcast_to(matrix.grade, matrix.shape).reshape(shape)
        J = Interval(matrix.lo.reshape(shape), matrix.hi.reshape(shape), grade)
        return self._residual(x, outputs[:, : self.dim]), J - self.shift * np.eye(self.dim)

    def _residual(self, x: Interval, value: Interval) -> Interval:
        return value - x if self.shift else value

    def _outputs(self, which: int, x: Interval) -> Interval:
        nodes, params = exact(self.nodes), exact(self.params)
        outputs = self._kernels[which](x, exact(0.0), params, nodes, self.counts)
        columns = [exact(output) for output in outputs]
        shape = (len(x.lo), 1)
        ends = [
            np.concatenate([np.broadcast_to(getattr(c, end), shape) for c in columns], axis=1)
            for end in ("lo", "hi", "grade")
        ]
        return Interval(*ends)


def enclosure(system: System) -> Enclosure:
    """Return the enclosure of a game or map made from symbols.

    Args:
        system: a field or map of ``gandyn.games``, or any made by ``from_losses`` or ``from_expressions``.

    Returns:
        Its enclosure at its present constants and measures.

    Raises:
        ValueError: a system without a symbolic definition, one that depends on time, or one whose own
            functions lack ``enclose``.

    Example:
        >>> from gandyn.games.polynomial import bilinear
        >>> enclosure(bilinear()).residual(Interval(np.array([[1.0, -1.0]]), np.array([[2.0, 3.0]])))
        [-3, 1], [1, 2]
    """
    kernel = system.kernel
    name = system.label or "this system"
    if not hasattr(kernel, "programs"):
        raise ValueError(
            f"{name} has no symbolic definition to enclose; build it with gandyn.games.from_losses or "
            "from_expressions (a step of simultaneous descent rests where its field does: take the field)"
        )
    _check_functions(name, {k: f for program in kernel.programs for k, f in program.functions.items()})
    if any(_mentions_time(program) for program in kernel.programs):
        raise ValueError(
            f"{name} depends on time, so it has no fixed points; make the phase a part of the state"
        )
    if not np.nextafter(0.0, 1.0) * np.ones(1)[0] > 0:
        raise RuntimeError("this process flushes small numbers to zero, so that nothing can be proved in it")
    shift = int(isinstance(system, UpdateMap))
    return Enclosure(kernel.dim, kernel.programs, kernel.params, kernel.nodes, kernel.counts, shift)


def _check_functions(name: str, functions: Mapping[str, Any]) -> None:
    missing = sorted(f.__name__ for f in functions.values() if not hasattr(f, "enclose"))
    if missing:
        raise ValueError(
            f"{name} uses {missing[0]}, of which no enclosure is known: give the class a static method "
            "enclose(*args) that takes integers as they are and flint.arb balls for reals, and returns a "
            "ball that holds every value"
        )


def _mentions_time(program: Program) -> bool:
    nodes = ast.walk(ast.parse(program.numpy))
    return any(isinstance(node, ast.Name) and node.id == "t" for node in nodes)
