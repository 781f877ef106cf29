"""Update rules of one player, as pure functions of parameters, gradient and memory."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Protocol

import torch
from torch import Tensor

from gandyn.checks import check_option

__all__ = ["SGD", "Adam", "Optimizer", "RMSProp", "by_name"]


class Optimizer(Protocol):
    """What an update rule provides: the names of its memory, each as long as the parameters, and a step."""

    memory: ClassVar[tuple[str, ...]]

    @property
    def lr(self) -> float:
        """Step size: the flow time of one update of gradient descent."""
        ...

    def step(
        self, theta: Tensor, gradient: Tensor, memory: tuple[Tensor, ...], count: int
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Return new parameters and memory after update number ``count`` (from 1); all of shape (n,)."""
        ...


def _check(name: str, value: float, *, low: float, high: float = float("inf")) -> None:
    if not low <= value < high:
        raise ValueError(f"{name} must be at least {low:g} and below {high:g}, got {value}")


@dataclass(frozen=True)
class SGD:
    """Gradient descent, ``theta - lr g``.

    Args:
        lr: step size h, flow time per update, >= 0.
    """

    lr: float = 0.01
    memory: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        _check("lr", self.lr, low=0)

    def step(
        self, theta: Tensor, gradient: Tensor, memory: tuple[Tensor, ...], count: int
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Return the descended parameters; there is no memory."""
        return theta - self.lr * gradient, ()


@dataclass(frozen=True)
class Adam:
    """Adam with bias correction (Kingma and Ba 2015).

    ``m' = b1 m + (1-b1) g``, ``v' = b2 v + (1-b2) g^2``,
    ``theta' = theta - lr m^ / (sqrt(v^) + eps)`` with ``m^ = m'/(1-b1^k)``, ``v^ = v'/(1-b2^k)``.

    Args:
        lr: step size, >= 0.
        beta1: decay of the mean, in [0, 1); 0.5 is usual for GANs (Radford et al. 2016).
        beta2: decay of the mean square, in [0, 1).
        eps: added to the root mean square, > 0.
    """

    lr: float = 2e-4
    beta1: float = 0.5
    beta2: float = 0.999
    eps: float = 1e-8
    memory: ClassVar[tuple[str, ...]] = ("m", "v")

    def __post_init__(self) -> None:
        _check("lr", self.lr, low=0)
        _check("beta1", self.beta1, low=0, high=1)
        _check("beta2", self.beta2, low=0, high=1)
        _check("eps", self.eps, low=1e-300)

    def step(
        self, theta: Tensor, gradient: Tensor, memory: tuple[Tensor, ...], count: int
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Return new parameters and the new (m, v)."""
        m = torch.lerp(memory[0], gradient, 1 - self.beta1)
        v = torch.addcmul(self.beta2 * memory[1], gradient, gradient, value=1 - self.beta2)
        scale = _root(v) / (1 - self.beta2**count) ** 0.5 + self.eps
        return torch.addcdiv(theta, m, scale, value=-self.lr / (1 - self.beta1**count)), (m, v)


@dataclass(frozen=True)
class RMSProp:
    """RMSProp (Tieleman and Hinton 2012).

    ``s' = a s + (1-a) g^2``, ``theta' = theta - lr g / (sqrt(s') + eps)``.

    Args:
        lr: step size, >= 0.
        alpha: decay of the mean square, in [0, 1).
        eps: added to the root mean square, > 0.
    """

    lr: float = 5e-5
    alpha: float = 0.99
    eps: float = 1e-8
    memory: ClassVar[tuple[str, ...]] = ("s",)

    def __post_init__(self) -> None:
        _check("lr", self.lr, low=0)
        _check("alpha", self.alpha, low=0, high=1)
        _check("eps", self.eps, low=1e-300)

    def step(
        self, theta: Tensor, gradient: Tensor, memory: tuple[Tensor, ...], count: int
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Return new parameters and the new mean square."""
        s = torch.addcmul(self.alpha * memory[0], gradient, gradient, value=1 - self.alpha)
        return torch.addcdiv(theta, gradient, _root(s) + self.eps, value=-self.lr), (s,)


def _root(mean_square: Tensor) -> Tensor:
    """Return the square root, with derivative 0 at 0.

    A mean square of 0 means that every gradient so far was 0 (a dead unit); the numerator is then 0
    too, so that the derivative of the step does not depend on this one, which would be infinite.
    """
    if not mean_square.requires_grad:
        return mean_square.sqrt()
    positive = mean_square > 0
    return torch.where(positive, torch.where(positive, mean_square, 1.0).sqrt(), 0.0)


_RULES: dict[str, Any] = {"sgd": SGD, "adam": Adam, "rmsprop": RMSProp}


def by_name(name: str, **settings: float) -> Optimizer:
    """Return an update rule by name: "sgd", "adam" or "rmsprop", with its settings.

    Raises:
        ValueError: an unknown rule, or a setting that the rule does not have.

    Example:
        >>> by_name("adam", lr=1e-3)
        Adam(lr=0.001, beta1=0.5, beta2=0.999, eps=1e-08)
    """
    check_option("optimizer", name, sorted(_RULES))
    rule = _RULES[name]
    known = asdict(rule())
    unknown = sorted(set(settings) - set(known))
    if unknown:
        raise ValueError(f"{name} has no setting {unknown}; it has {sorted(known)}")
    chosen: Optimizer = rule(**settings)
    return chosen


def describe(rule: Optimizer) -> dict[str, Any]:
    """Return name and settings of a rule, as ``by_name`` takes them."""
    name = next((key for key, value in _RULES.items() if type(rule) is value), type(rule).__name__)
    return {"name": name, **asdict(rule)}  # type: ignore[call-overload]
