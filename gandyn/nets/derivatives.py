"""Functions of torch tensors and their derivatives over leading axes, from pointwise functions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeAlias

import torch
import torch.autograd.forward_ad as forward_ad
from torch import Tensor

from gandyn.field import Linearisation, Player
from gandyn.nets.retained import OwnPart, linearised

__all__ = ["Derivatives", "Pointwise", "derivatives"]

#: ``fn(x, t, create_graph) -> (n,)`` at one state of shape (n,).
Pointwise: TypeAlias = Callable[[Tensor, Any, bool], Tensor]


class Derivatives(NamedTuple):
    """A system's function and its derivatives, over leading axes."""

    fn: Callable[..., Tensor]
    jac: Callable[..., Tensor]
    jvp: Callable[..., Tensor]
    vjp: Callable[..., Tensor]
    second: Callable[..., Tensor]
    second_adjoint: Callable[..., Tensor]
    retained: Callable[[Tensor, Any, Player | None], Linearisation | None]
    tangents: Callable[..., tuple[Tensor, Tensor]]


def _slope(output: Tensor, x: Tensor, w: Tensor, *, create_graph: bool = False) -> Tensor:
    """Return the derivative of ``<output, w>`` with respect to ``x``, zero where there is none."""
    if not output.requires_grad:
        return torch.zeros_like(x)
    options = {"create_graph": create_graph, "materialize_grads": True}
    return torch.autograd.grad(output, x, w, **options)[0]


def _second_derivatives(parts: Sequence[Pointwise]) -> tuple[Callable[..., Tensor], Callable[..., Tensor]]:
    """Return ``second`` and ``second_adjoint`` of a sum, over leading axes, by reverse mode throughout.

    With ``r(w) = J^T w``, ``second_adjoint`` is ``s(w) = d<r(w), u>/dx``, and ``second``, its transpose,
    is the derivative of ``s``, which is linear.
    """

    def adjoint(
        fn: Pointwise, x: Tensor, u: Tensor, w: Tensor, t: Any, *, create_graph: bool = False
    ) -> Tensor:
        pulled = _slope(fn(x, t, True), x, w, create_graph=True)
        return _slope(pulled, x, u, create_graph=create_graph)

    def transposed(fn: Pointwise, x: Tensor, u: Tensor, w: Tensor, t: Any) -> Tensor:
        dual = torch.zeros_like(x, requires_grad=True)
        return _slope(adjoint(fn, x, u, dual, t, create_graph=True), dual, w)

    def over_axes(product: Callable[..., Tensor]) -> Callable[..., Tensor]:
        def at(x: Tensor, u: Tensor, w: Tensor, t: Any) -> Tensor:
            x, u, w = torch.broadcast_tensors(x, u.to(x), w.to(x))
            rows = zip(*(part.reshape(-1, x.shape[-1]) for part in (x, u, w)), strict=True)
            leaves = [(a.detach().clone().requires_grad_(), b, c) for a, b, c in rows]
            sums = [_total(product(fn, *leaf, t).detach() for fn in parts) for leaf in leaves]
            return torch.stack(sums).reshape(x.shape)

        return at

    return over_axes(transposed), over_axes(adjoint)


def _total(terms: Any) -> Tensor:
    """Return the sum of tensors, one of which exists at a time."""
    terms = iter(terms)
    total: Tensor = next(terms)
    for term in terms:
        total = total + term
    return total


def _push(fn: Pointwise, x: Tensor, u: Tensor, t: Any) -> Tensor:
    """Return value and product, shape (2, n)."""
    try:
        with forward_ad.dual_level():
            dual = forward_ad.make_dual(x.detach().clone().requires_grad_(), u.to(x))
            primal, tangent = forward_ad.unpack_dual(fn(dual, t, False))
    except NotImplementedError:
        return _push_by_reverse(fn, x, u, t)
    product = torch.zeros_like(x) if tangent is None else tangent.detach()
    return torch.stack([primal.detach(), product])


def _push_by_reverse(fn: Pointwise, x: Tensor, u: Tensor, t: Any) -> Tensor:
    x = x.detach().clone().requires_grad_()
    w = torch.zeros_like(x, requires_grad=True)
    result = fn(x, t, True)
    (pulled,) = torch.autograd.grad(result, x, w, create_graph=True, materialize_grads=True)
    product = torch.autograd.grad(pulled, w, u.to(x), materialize_grads=True)[0]
    return torch.stack([result.detach(), product])


def _pull(fn: Pointwise, x: Tensor, directions: Tensor, t: Any) -> Tensor:
    x = x.detach().clone().requires_grad_()
    result = fn(x, t, True)
    products = [
        torch.autograd.grad(result, x, w.to(x), retain_graph=True, materialize_grads=True)[0]
        for w in directions
    ]
    return torch.stack(products)


def derivatives(*parts: Pointwise, own: Sequence[OwnPart] = (), held: int | None = None) -> Derivatives:
    """Return a system's function and its derivatives over leading axes, from pointwise functions.

    ``jvp`` is forward mode over the reverse mode inside a function, or, for layers without a forward mode in
    torch (group norm, weight norm), the derivative of ``w -> J^T w``; ``vjp`` differentiates the graph of
    a function, built once for all directions at a point. One function's graph exists at a time, except in
    what ``retained`` holds. ``tangents`` takes the value from the first of its products, so that it costs
    nothing beside them.

    Args:
        parts: functions of which the system is the sum, differentiable in x of shape (n,), three times for
            the second derivatives; each keeps its graph if asked to.
        own: the same for the velocity of one player in its own parameters, as many, or empty.
        held: number of parts whose graphs a linearisation keeps; None for all.
    """

    def value(x: Tensor, t: Any) -> Tensor:
        rows = [_total(fn(row, t, False).detach() for fn in parts) for row in x.reshape(-1, x.shape[-1])]
        return torch.stack(rows).reshape(x.shape)

    def push(x: Tensor, u: Tensor, t: Any) -> Tensor:
        return _total(_push(fn, x, u, t) for fn in parts)

    def tangents(x: Tensor, u: Tensor, t: Any) -> tuple[Tensor, Tensor]:
        if x.ndim > 1 or u.numel() == 0:
            return value(x, t), jvp(x, u, t)
        pairs = [push(x, direction, t) for direction in u.reshape(-1, x.shape[-1])]
        return pairs[0][0], torch.stack([product for _, product in pairs]).reshape(u.shape)

    def pull(x: Tensor, directions: Tensor, t: Any) -> Tensor:
        return _total(_pull(fn, x, directions, t) for fn in parts)

    def jvp(x: Tensor, u: Tensor, t: Any) -> Tensor:
        x, u = torch.broadcast_tensors(x, u)
        pairs = zip(x.reshape(-1, x.shape[-1]), u.reshape(-1, u.shape[-1]), strict=True)
        return torch.stack([push(row, direction, t)[1] for row, direction in pairs]).reshape(x.shape)

    def vjp(x: Tensor, u: Tensor, t: Any) -> Tensor:
        n = x.shape[-1]
        if x.reshape(-1, n).shape[0] == 1:
            shape = torch.broadcast_shapes(x.shape, u.shape)
            return pull(x.reshape(n), u.reshape(-1, n), t).reshape(shape)
        x, u = torch.broadcast_tensors(x, u)
        pairs = zip(x.reshape(-1, n), u.reshape(-1, n), strict=True)
        return torch.cat([pull(row, direction[None], t) for row, direction in pairs]).reshape(x.shape)

    def jac(x: Tensor, t: Any) -> Tensor:
        n = x.shape[-1]
        eye = torch.eye(n, dtype=x.dtype, device=x.device)
        return torch.stack([pull(row, eye, t) for row in x.reshape(-1, n)]).reshape(*x.shape, n)

    retained = linearised(parts, own, held, lambda *at: _push(*at)[1])
    return Derivatives(value, jac, jvp, vjp, *_second_derivatives(parts), retained, tangents)
