"""The Jacobian at one state from graphs that are built once: a product is one backward pass.

What is held for each part of the field (the whole batch, or a micro-batch): its graph of the gradient, with
its activations, as long as the linearisation lives; from the first ``jvp`` on also the graph of
``w -> J^T w``. Nothing is added by further products.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeAlias

import torch
from torch import Tensor

from gandyn.field import Linearisation, Player

__all__ = ["OwnPart", "linearised"]

#: ``own(x, t, player) -> (leaf, velocity)``: one player's parameters and its velocity as a function of them,
#: with its graph, at one state of shape (n,).
OwnPart: TypeAlias = Callable[[Tensor, Any, Player], tuple[Tensor, Tensor]]


class Graph:
    """One part of the field with its graph at one state.

    Args:
        leaf: parameters, shape (n,).
        velocity: shape (n,), as a function of the leaf, with its graph.
        push: J u by forward mode, for layers that torch cannot differentiate often enough by reverse mode.
    """

    def __init__(self, leaf: Tensor, velocity: Tensor, push: Callable[[Tensor], Tensor]) -> None:
        self.leaf, self.velocity, self._push = leaf, velocity, push
        self._reverse = True
        self._dual: tuple[Tensor, Tensor] | None = None

    def vjp(self, w: Tensor) -> Tensor:
        """Return J^T w, shape (n,)."""
        return _backward(self.velocity, self.leaf, w)

    def jvp(self, u: Tensor) -> Tensor:
        """Return J u, shape (n,): the derivative of ``w -> J^T w``, whose graph is kept.

        Transposed convolutions with output padding have no such derivative in torch.
        """
        if not self._reverse:
            return self._push(u)
        if self._dual is None:
            w = torch.zeros_like(self.velocity, requires_grad=True)
            pulled = _backward(self.velocity, self.leaf, w, create_graph=True)
            self._dual = w, pulled
        w, pulled = self._dual
        try:
            return _backward(pulled, w, u)
        except RuntimeError as error:
            if "output_padding" not in str(error):
                raise
            self._reverse, self._dual = False, None
            return self._push(u)


def _backward(output: Tensor, leaf: Tensor, w: Tensor, *, create_graph: bool = False) -> Tensor:
    if not output.requires_grad:
        return torch.zeros_like(leaf)
    options = {"retain_graph": True, "create_graph": create_graph, "materialize_grads": True}
    return torch.autograd.grad(output, leaf, w.to(leaf), **options)[0]


class Retained:
    """Products with a sum of parts, of which the first ``held`` keep their graphs and others are rebuilt.

    Args:
        builders: one function a part that builds its graph.
        held: how many graphs to keep; None for all.
    """

    def __init__(self, builders: Sequence[Callable[[], Graph]], held: int | None) -> None:
        held = len(builders) if held is None else held
        self._graphs = [build() for build in builders[:held]]
        self._rebuilt = tuple(builders[held:])
        self._closed = False

    def close(self) -> None:
        """Free all graphs."""
        self._graphs.clear()
        self._closed = True

    def jvp(self, u: Tensor) -> Tensor:
        """Return J u for u of shape (..., n)."""
        return self._product(Graph.jvp, u)

    def vjp(self, w: Tensor) -> Tensor:
        """Return J^T w for w of shape (..., n)."""
        return self._product(Graph.vjp, w)

    def _product(self, of: Callable[[Graph, Tensor], Tensor], stack: Tensor) -> Tensor:
        if self._closed:
            raise ValueError("this linearisation is closed and its graphs are freed: linearise again")
        rows = stack.reshape(-1, stack.shape[-1])
        total = torch.zeros_like(rows)
        for graph in self._graphs:
            _accumulate(total, of, graph, rows)
        for build in self._rebuilt:
            _accumulate(total, of, build(), rows)
        return total.reshape(stack.shape)


def _accumulate(total: Tensor, of: Callable[[Graph, Tensor], Tensor], graph: Graph, rows: Tensor) -> None:
    for place, row in zip(total, rows, strict=True):
        place += of(graph, row)


def linearised(
    parts: Sequence[Callable[[Tensor, Any, bool], Tensor]],
    own: Sequence[OwnPart],
    held: int | None,
    push: Callable[..., Tensor],
) -> Callable[[Tensor, Any, Player | None], Linearisation | None]:
    """Return ``retained(x, t, player)`` of a system that is the sum of parts.

    Args:
        parts: pointwise functions, as for ``derivatives``.
        own: the same for one player's velocity in its own parameters; empty where that has no short cut.
        held: number of parts whose graphs are kept; None for all.
        push: ``push(fn, x, u, t)``, product of a pointwise function by forward mode.
    """

    def whole(fn: Callable[[Tensor, Any, bool], Tensor], x: Tensor, t: Any) -> Graph:
        leaf = x.detach().clone().requires_grad_()
        return Graph(leaf, fn(leaf, t, True), lambda u: push(fn, x, u, t))

    def block(part: OwnPart, fn: Callable[..., Tensor], x: Tensor, t: Any, player: Player) -> Graph:
        leaf, velocity = part(x, t, player)
        where = slice(0, len(leaf)) if player == "generator" else slice(len(x) - len(leaf), None)

        def push_own(u: Tensor) -> Tensor:
            moved = torch.zeros_like(x)
            moved[where] = u
            return push(fn, x, moved, t)[where]

        return Graph(leaf, velocity, push_own)

    def retained(x: Tensor, t: Any, player: Player | None) -> Linearisation | None:
        if player is None:
            builders = [partial(whole, fn, x, t) for fn in parts]
        elif own:
            builders = [partial(block, *both, x, t, player) for both in zip(own, parts, strict=True)]
        else:
            return None
        kept = Retained(builders, held)
        return Linearisation(kept.jvp, kept.vjp, kept.close)

    return retained
