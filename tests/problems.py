"""Systems that carry their exact answers, built here and not by the package."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import array_api_strict
import numpy as np
import torch

from gandyn.arrays import array_namespace, like
from gandyn.field import Block, Layout, UpdateMap, VectorField

#: The same values in each namespace in which the analyses are tested.
NAMESPACES = {
    "numpy": np.asarray,
    "torch": lambda values: torch.asarray(values, dtype=torch.float64),
    "strict": lambda values: array_api_strict.asarray(values, dtype=array_api_strict.float64),
}


def plain_layout(n: int) -> Layout:
    return Layout((Block("x", "state", (n,)),))


def _apply(matrix, x, u):
    """Return ``matrix @ u`` for each u, in the shape to which x and u broadcast."""
    xp = array_namespace(u)
    image = xp.matmul(u, xp.matrix_transpose(like(matrix, u)))
    return image + xp.zeros_like(x)


def linear_flow(matrix, layout: Layout | None = None, label: str = "") -> VectorField:
    """v = A x; the eigenvalues are those of A."""
    matrix = np.asarray(matrix, dtype=float)
    return VectorField(
        lambda x, t: _apply(matrix, x, x),
        layout or plain_layout(len(matrix)),
        jvp=lambda x, u, t: _apply(matrix, x, u),
        vjp=lambda x, u, t: _apply(matrix.T, x, u),
        label=label,
    )


def linear_map(matrix, dt: float = 1.0, layout: Layout | None = None) -> UpdateMap:
    """F = A x; the multipliers are the eigenvalues of A."""
    matrix = np.asarray(matrix, dtype=float)
    return UpdateMap(
        lambda x, k: _apply(matrix, x, x),
        layout or plain_layout(len(matrix)),
        dt,
        jvp=lambda x, u, k: _apply(matrix, x, u),
        vjp=lambda x, u, k: _apply(matrix.T, x, u),
    )


@dataclass(frozen=True)
class Flow:
    """A flow with its solution from ``start`` at t = 0."""

    system: VectorField
    start: np.ndarray
    solution: Callable[[Any], np.ndarray]
    t_end: float


def _stack(x, *parts):
    return array_namespace(x).stack(parts, axis=-1)


def focus() -> Flow:
    """Eigenvalues -0.1 +- i: a spiral into the origin."""

    def solution(t):
        return np.exp(-0.1 * t) * np.array([np.cos(t), np.sin(t)])

    return Flow(linear_flow([[-0.1, -1.0], [1.0, -0.1]], label="focus"), np.array([1.0, 0.0]), solution, 10.0)


def logistic() -> Flow:
    """x' = x (1 - x): x = 1 / (1 + 9 exp(-t)) from 0.1."""
    system = VectorField(
        lambda x, t: x * (1 - x), plain_layout(1), jac=lambda x, t: (1 - 2 * x)[..., None], label="logistic"
    )
    return Flow(system, np.array([0.1]), lambda t: np.array([1 / (1 + 9 * np.exp(-t))]), 8.0)


def forced() -> Flow:
    """x' = -x + cos t: x = (sin t + cos t - exp(-t)) / 2 from 0."""
    system = VectorField(
        lambda x, t: -x + np.cos(t),
        plain_layout(1),
        jac=lambda x, t: -array_namespace(x).ones_like(x)[..., None],
        label="forced",
    )
    return Flow(system, np.array([0.0]), lambda t: np.array([(np.sin(t) + np.cos(t) - np.exp(-t)) / 2]), 6.0)


def pendulum_game() -> Flow:
    """The hidden bilinear game tanh(x/2) tanh(y/2): cosh x + cosh y is conserved; no closed solution."""

    def velocity(x, t):
        xp = array_namespace(x)
        p, q = xp.tanh(x[..., 0] / 2), xp.tanh(x[..., 1] / 2)
        return _stack(x, -(1 - p**2) * q / 2, p * (1 - q**2) / 2)

    def jacobian(x, t):
        xp = array_namespace(x)
        p, q = xp.tanh(x[..., 0] / 2), xp.tanh(x[..., 1] / 2)
        dp, dq = (1 - p**2) / 2, (1 - q**2) / 2
        rows = [_stack(x, p * dp * q, -dp * dq), _stack(x, dp * dq, -p * q * dq)]
        return xp.stack(rows, axis=-2)

    layout = Layout.scalars(generator=["x"], discriminator=["y"])
    start = np.array([1.0, 0.5])
    return Flow(VectorField(velocity, layout, jac=jacobian), start, lambda t: start * np.nan, 20.0)


def invariant(x: np.ndarray) -> np.ndarray:
    """What ``pendulum_game`` conserves."""
    return np.cosh(x[..., 0]) + np.cosh(x[..., 1])


def explosion() -> Flow:
    """x' = x^2 from 1: x = 1 / (1 - t), infinite at t = 1."""
    system = VectorField(lambda x, t: x * x, plain_layout(1), jac=lambda x, t: 2 * x[..., None])
    return Flow(system, np.array([1.0]), lambda t: np.array([1 / (1 - t)]), 2.0)


def network_layout() -> Layout:
    """Blocks as torch stores them: linear, convolution, grouped and plain transposed convolution."""
    return Layout(
        (
            Block("generator.fc.weight", "generator", (6, 4), filter_axis=0),
            Block("generator.fc.bias", "generator", (6,)),
            Block("generator.up.weight", "generator", (4, 3, 2, 2), filter_axis=1),
            Block("generator.grouped.weight", "generator", (4, 3, 2, 2), filter_axis=1, groups=2),
            Block("generator.norm.weight", "generator", (4,)),
            Block("discriminator.conv.weight", "discriminator", (5, 2, 3, 3), filter_axis=0),
            Block("discriminator.conv.bias", "discriminator", (5,)),
            Block("discriminator.fc.weight", "discriminator", (1, 20), filter_axis=0),
        )
    )


def torch_game(
    latent: int, hidden: int, data: int, seed: int = 0, exchanged: bool = False
) -> tuple[VectorField, torch.Tensor]:
    """Two tanh networks in float64 on fixed batches, non-saturating loss, and a state of theirs.

    With ``exchanged``, each of them descends the loss of the other.
    """
    from torch.nn.functional import softplus

    shapes = [(hidden, latent), (data, hidden), (hidden, data), (1, hidden)]
    names = ["generator.0.weight", "generator.1.weight", "discriminator.0.weight", "discriminator.1.weight"]
    blocks = tuple(
        Block(name, name.partition(".")[0], shape, filter_axis=0)
        for name, shape in zip(names, shapes, strict=True)
    )
    layout = Layout(blocks)
    draw = torch.Generator().manual_seed(seed)
    z, real = (torch.randn(32, n, generator=draw, dtype=torch.float64) for n in (latent, data))
    weights = [torch.randn(s, generator=draw, dtype=torch.float64) / s[-1] ** 0.5 for s in shapes]
    state = torch.cat([w.ravel() for w in weights])

    def losses(x):
        g0, g1, d0, d1 = (part for part in layout.split(x).values())
        fake = torch.tanh(z @ g0.T) @ g1.T
        score = lambda v: torch.tanh(v @ d0.T) @ d1.T
        return softplus(-score(fake)).mean(), softplus(-score(real)).mean() + softplus(score(fake)).mean()

    owner = torch.as_tensor(layout.mask("generator"))

    def velocity(x):
        gradients = [torch.func.grad(lambda y, i=i: losses(y)[i ^ exchanged])(x) for i in (0, 1)]
        return -torch.where(owner, *gradients)

    def over_batch(fn, *states):
        shape = torch.broadcast_shapes(*(s.shape for s in states))
        flat = [s.expand(shape).reshape(-1, shape[-1]).contiguous() for s in states]
        return torch.func.vmap(fn)(*flat).reshape(shape)

    system = VectorField(
        lambda x, t: over_batch(velocity, x),
        layout,
        jvp=lambda x, u, t: over_batch(lambda p, d: torch.func.jvp(velocity, (p,), (d,))[1], x, u),
        vjp=lambda x, u, t: over_batch(lambda p, d: torch.func.vjp(velocity, p)[1](d)[0], x, u),
        label="torch game",
    )
    return system, state
