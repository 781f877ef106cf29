"""Traces of a Jacobian and its parts from random probes: Hutchinson, Hutch++ and XTrace."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args

import numpy as np

from gandyn.arrays import Array, array_namespace, like, to_numpy
from gandyn.checks import check_option
from gandyn.field import System
from gandyn.spectra.estimate import Estimate, mean_of
from gandyn.spectra.operators import Operator, Part, jacobian_operator
from gandyn.spectra.products import Counted

#: How a trace is estimated.
TraceMethod: TypeAlias = Literal["xtrace", "hutch++", "hutchinson"]

_STACK = 32


def trace(
    system: System,
    x: Array,
    part: Part = "J",
    products: int | None = 60,
    *,
    method: TraceMethod = "xtrace",
    t: Any = 0,
    seed: int = 0,
    progress: bool = True,
) -> Estimate:
    """Estimate the trace of the Jacobian, or of a square part of it; that of J is the divergence of the flow.

    "hutchinson": the mean of ``w^T M w`` over sign vectors w. "hutch++": the trace on the range of a sketch,
    exactly, and the rest by Hutchinson. "xtrace": the mean of Hutch++ over leave-one-out sketches, each probe
    used for both; its error, by the jackknife, is rather too large. XTrace and Hutch++ keep their
    vectors in memory.

    Args:
        system: the vector field or update map.
        x: the state, shape (n,), in the system's namespace, floating point, finite.
        part: "J", "S", or a player's own block or Hessian; the trace of "A" is zero.
        products: products with the part, at least 6; None for the exact trace, by one for each column.
        method: "xtrace", "hutch++" or "hutchinson".
        t: flow time, or the integer step of a map.
        seed: seed of the probes.
        progress: show a progress bar when on a terminal.

    Returns:
        The trace with its standard error; exact where ``products`` suffice for all columns.

    Raises:
        ValueError: an off-diagonal block, too few products, or an unknown method.

    Sources: Hutchinson 1990; Meyer, Musco, Musco and Woodruff 2021; Epperly, Tropp and Webber 2024.

    Example:
        >>> from gandyn.field import Layout, VectorField
        >>> decay = VectorField(lambda x, t: -x, Layout.scalars(state=[f"x{i}" for i in range(100)]))
        >>> trace(decay, np.zeros(100)).value.__round__(6)
        -100.0
    """
    check_option("method", method, get_args(TraceMethod))
    if " to " in part:
        raise ValueError(f"{part} is no square part; its size is in norms(system, x)")
    if products is not None and products < 6:
        raise ValueError(f"products must be at least 6, or None for the exact trace, got {products}")
    with jacobian_operator(system, x, part, t=t) as operator:
        rule = {"xtrace": _xtrace, "hutch++": _hutchpp, "hutchinson": _hutchinson}[method]
        with Counted(operator.apply, operator.adjoint, what="trace", progress=progress) as counted:
            if products is None or products >= operator.shape[0]:
                return Estimate(_exact(operator, counted), 0.0, 0)
            return rule(operator, counted, products, np.random.default_rng(seed))


def signs(rng: np.random.Generator, count: int, x: Array, size: int) -> Array:
    """Return vectors of independent signs, shape (count, size), in the namespace of ``x``."""
    return like(rng.integers(0, 2, (count, size)) * 2.0 - 1.0, x)


def _exact(operator: Operator, counted: Counted) -> float:
    size, total = operator.shape[0], 0.0
    for first in range(0, size, _STACK):
        places = np.arange(first, min(first + _STACK, size))
        rows = np.zeros((len(places), size))
        rows[np.arange(len(places)), places] = 1.0
        images = to_numpy(counted.right(like(rows, operator.like)))
        total += float(np.sum(images[np.arange(len(places)), places]))
    return total


def _quadratic(left: Array, right: Array) -> np.ndarray:
    xp = array_namespace(left)
    return to_numpy(xp.sum(left * right, axis=-1)).astype(np.float64)


def _hutchinson(operator: Operator, counted: Counted, products: int, rng: np.random.Generator) -> Estimate:
    samples: list[float] = []
    try:
        while len(samples) < products:
            probe = signs(rng, 1, operator.like, operator.shape[0])
            samples.extend(_quadratic(probe, counted.right(probe)))
    except KeyboardInterrupt:
        if len(samples) < 2:
            raise
    return mean_of(np.array(samples))


def _hutchpp(operator: Operator, counted: Counted, products: int, rng: np.random.Generator) -> Estimate:
    xp = array_namespace(operator.like)
    third, size = products // 3, operator.shape[0]
    sketch = counted.right(signs(rng, third, operator.like, size))
    basis = xp.matrix_transpose(xp.linalg.qr(xp.matrix_transpose(sketch))[0])
    known = float(np.sum(_quadratic(basis, counted.right(basis))))
    probes = signs(rng, third, operator.like, size)
    rest = probes - (probes @ xp.matrix_transpose(basis)) @ basis
    left = mean_of(_quadratic(rest, counted.right(rest)))
    return Estimate(known + left.value, left.standard_error, left.samples)


def _xtrace(operator: Operator, counted: Counted, products: int, rng: np.random.Generator) -> Estimate:
    xp, size = array_namespace(operator.like), operator.shape[0]
    probes = like(rng.standard_normal((products // 2, size)), operator.like)
    q, r = xp.linalg.qr(xp.matrix_transpose(counted.right(probes)))
    basis = xp.matrix_transpose(q)
    images = counted.right(basis)
    small = [basis @ xp.matrix_transpose(images), r]
    small += [rows @ xp.matrix_transpose(probes) for rows in (basis, images)]
    inner, r, w, z = (to_numpy(each).astype(np.float64) for each in small)
    sketch = _Sketch(inner, r, w, z, _quadratic(probes, probes), size)
    # The samples share their probes; the jackknife's error is on average not below the true one.
    others = np.array([np.mean(sketch.without(j).samples()) for j in range(probes.shape[0])])
    error = np.sqrt((len(others) - 1) * np.mean((others - others.mean()) ** 2))
    return Estimate(float(np.mean(sketch.samples())), float(error), len(others))


@dataclass(frozen=True, eq=False)
class _Sketch:
    """Probes W of M with the sketch M W = Q R, all in coordinates of Q.

    Args:
        inner: Q^T M Q, shape (m, m).
        r: R, shape (m, m).
        w: Q^T W, shape (m, m).
        z: (M Q)^T W, shape (m, m).
        sizes: squared length of the probes, shape (m,).
        dim: number of rows of M.
    """

    inner: np.ndarray
    r: np.ndarray
    w: np.ndarray
    z: np.ndarray
    sizes: np.ndarray
    dim: int

    def samples(self) -> np.ndarray:
        """Return, for each i, Hutch++ with all probes but the i-th in the sketch and the i-th for the rest.

        Leaving out column i of Q R takes the direction s_i, that of column i of R^-T, out of Q. The rest is
        scaled by the length of what is left of the normal probe: exact for a multiple of 1.
        """
        diagonal = np.abs(np.diag(self.r))
        floor = np.finfo(float).eps * max(float(np.max(diagonal, initial=0.0)), np.finfo(float).tiny)
        s = np.linalg.inv(self.r + np.diag(np.where(diagonal < floor, floor, 0.0))).T
        s = s / np.linalg.norm(s, axis=0)
        c = self.w - s * _dots(s, self.w)
        rest = _dots(self.w, self.r) - _dots(self.z, c) - _dots(c, self.r) + _dots(c, self.inner @ c)
        left = (self.dim - len(s) + 1) / (self.sizes - _dots(c, c))
        return np.asarray(np.trace(self.inner) - _dots(s, self.inner @ s) + left * rest)

    def without(self, j: int) -> _Sketch:
        """Return the sketch with probe ``j`` left out."""
        q, r = np.linalg.qr(np.delete(self.r, j, axis=1))
        w, z = (q.T @ np.delete(part, j, axis=1) for part in (self.w, self.z))
        return _Sketch(q.T @ self.inner @ q, r, w, z, np.delete(self.sizes, j), self.dim)


def _dots(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.asarray(np.sum(a * b, axis=0))
