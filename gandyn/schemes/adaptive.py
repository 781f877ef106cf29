"""Descent with step sizes from past gradients: Adam and RMSProp, with their whole state."""

from __future__ import annotations

from functools import partial
from typing import Any

from gandyn.field import UpdateMap, VectorField
from gandyn.schemes.record import Recorder, Vector
from gandyn.schemes.rule import check_range, update_map
from gandyn.schemes.turns import Order, in_order

__all__ = ["adam", "rmsprop"]


def adam(
    field: VectorField,
    h: float,
    beta1: float = 0.5,
    beta2: float = 0.999,
    eps: float = 1e-8,
    order: Order = "simultaneous",
    bias_correction: bool = True,
) -> UpdateMap:
    """Return Adam on the state (x, m, v); its counter is the step k of the map.

    With the gradient ``g = -v(x)``: ``m' = beta1 m + (1 - beta1) g``, ``v' = beta2 v + (1 - beta2) g^2``,
    ``x' = x - h m^ / (sqrt(v^) + eps)``, ``m^ = m' / (1 - beta1^(k+1))``, ``v^ = v' / (1 - beta2^(k+1))``.

    Cost: 1 gradient a step (2 in turn). Keeps the fixed points, with m = v = 0, and has no others. Its
    multipliers at one are, late (k to infinity), beta2 and the roots of
    ``mu^2 - (1 + beta1 - kappa (1 - beta1)) mu + beta1`` with ``kappa = -h lambda / eps``: stable for real
    kappa in (0, 2 (1 + beta1) / (1 - beta1)), never for imaginary ones, as on the bilinear game.
    Source: Kingma and Ba 2015.

    Args:
        field: the field, in any namespace.
        h: step size, > 0; adjustable. One step counts as flow time h, though the size of a step is h
            whatever the velocity.
        beta1: decay of the mean, in [0, 1); adjustable.
        beta2: decay of the mean square, in [0, 1); adjustable.
        eps: added to the root mean square, > 0; adjustable.
        order: "simultaneous", "generator first" or "discriminator first".
        bias_correction: divide m and v by what of their weights has come together after k steps.

    Returns:
        The update map on states of three times the width. Ask for derivatives at a late step, ``k=inf``
        included, to have the autonomous map.

    Raises:
        ValueError: a constant out of range, an unknown order, or turns without two players.

    Example:
        >>> import numpy as np
        >>> from gandyn.games import catalogue
        >>> step = adam(catalogue.make("bilinear"), 0.1)
        >>> step(step.start(np.array([3.0, 2.0])))[:2].round(6)
        array([2.9, 2.1])
    """
    _check(beta1=beta1, beta2=beta2)
    check_range("eps", eps, above=0.0)
    step = in_order(field, partial(_adam, bias_correction), order)
    label, memory = f"Adam, {order}", ("mean", "square")
    return update_map(field, step, label, memory=memory, h=h, beta1=beta1, beta2=beta2, eps=eps)


def rmsprop(
    field: VectorField,
    h: float,
    alpha: float = 0.99,
    eps: float = 1e-8,
    order: Order = "simultaneous",
    bias_correction: bool = False,
) -> UpdateMap:
    """Return RMSProp on the state (x, s): ``x' = x - h g / (sqrt(s') + eps)``.

    ``s' = alpha s + (1 - alpha) g^2``. With bias correction, ``s' / (1 - alpha^(k+1))`` stands below the
    root. Cost: 1 gradient a step (2 in turn). Keeps the fixed points, with s = 0, and has no others;
    multipliers at one are alpha and ``1 + h lambda / eps``, never stable on the bilinear game.
    Source: Tieleman and Hinton 2012.

    Args:
        field: the field, in any namespace.
        h: step size, > 0; adjustable.
        alpha: decay of the mean square, in [0, 1); adjustable.
        eps: added to the root mean square, > 0; adjustable.
        order: "simultaneous", "generator first" or "discriminator first".
        bias_correction: divide s by what of its weights has come together after k steps.

    Returns:
        The update map on states of twice the width.

    Raises:
        ValueError: a constant out of range, an unknown order, or turns without two players.

    Example:
        >>> import numpy as np
        >>> from gandyn.games import catalogue
        >>> step = rmsprop(catalogue.make("bilinear"), 0.1, bias_correction=True)
        >>> step(step.start(np.array([3.0, 2.0])))[:2].round(6)
        array([2.9, 2.1])
    """
    _check(alpha=alpha)
    check_range("eps", eps, above=0.0)
    step = in_order(field, partial(_rmsprop, bias_correction), order)
    return update_map(field, step, f"RMSProp, {order}", memory=("square",), h=h, alpha=alpha, eps=eps)


def _check(**decays: float) -> None:
    for name, value in decays.items():
        check_range(name, value, low=0.0, below=1.0)


def _mean(old: Vector, new: Vector, decay: Any) -> Vector:
    return decay * old + (1 - decay) * new


def _adam(
    corrected: bool, on: Recorder, x: Vector, mean: Vector, square: Vector, *, h: Any, eps: Any, **decays: Any
) -> tuple[Vector, ...]:
    gradient = -on.v(x)
    mean = _mean(mean, gradient, decays["beta1"])
    square = _mean(square, gradient * gradient, decays["beta2"])
    if corrected:
        h = h / (1 - decays["beta1"] ** (on.k + 1))
    return x + (-h) * (mean / _scale(on, square, decays["beta2"], eps, corrected)), mean, square


def _rmsprop(
    corrected: bool, on: Recorder, x: Vector, square: Vector, *, h: Any, alpha: Any, eps: Any
) -> tuple[Vector, ...]:
    velocity = on.v(x)
    square = _mean(square, velocity * velocity, alpha)
    return x + h * (velocity / _scale(on, square, alpha, eps, corrected)), square


def _scale(on: Recorder, square: Vector, decay: Any, eps: Any, corrected: bool) -> Vector:
    root = square.sqrt()
    if corrected:
        root = (1 - decay ** (on.k + 1)) ** -0.5 * root
    return root + on.fill(eps)
