"""Two losses of the generator at once, with a weight that may follow a schedule over the steps."""

from __future__ import annotations

import bisect
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

from torch import Tensor

from gandyn.nets.losses.play import Losses, Play

__all__ = ["LinearSchedule", "Schedule", "SigmoidSchedule", "combined"]

#: ``schedule(k) -> weight`` at training step k, from 0: a pure function of the step.
Schedule: TypeAlias = Callable[[int], float]


@dataclass(frozen=True)
class LinearSchedule:
    """A weight that is linear between points, and constant before the first and after the last.

    Args:
        points: ``((step, weight), ...)``, steps ascending, at least one point.

    Raises:
        ValueError: no point, or steps that do not ascend.

    Example:
        >>> ramp = LinearSchedule(((100, 0.0), (300, 1.0)))
        >>> ramp(0), ramp(150), ramp(1000)
        (0.0, 0.25, 1.0)
    """

    points: Sequence[tuple[int, float]]

    def __post_init__(self) -> None:
        object.__setattr__(self, "points", tuple((int(k), float(w)) for k, w in self.points))
        steps = [k for k, _ in self.points]
        if not steps or any(a >= b for a, b in pairwise(steps)):
            raise ValueError(
                f"the steps of a schedule must ascend, got {steps}; for example ((0, 0.0), (1000, 1.0))"
            )

    def __call__(self, step: int) -> float:
        """Return the weight at a step."""
        after = bisect.bisect_right([k for k, _ in self.points], step)
        if after in (0, len(self.points)):
            return self.points[min(after, len(self.points) - 1)][1]
        (k0, w0), (k1, w1) = self.points[after - 1 : after + 1]
        return w0 + (w1 - w0) * (step - k0) / (k1 - k0)

    def __str__(self) -> str:
        return "linear " + ", ".join(f"{w:g} at {k}" for k, w in self.points)


@dataclass(frozen=True)
class SigmoidSchedule:
    """A weight that goes from one value to another: ``first + (last - first) sigma((k - middle) / width)``.

    Args:
        middle: step at which it is half way.
        width: steps over which it changes by about a quarter of the way, > 0.
        first: weight long before.
        last: weight long after.

    Raises:
        ValueError: a width that is not positive.

    Example:
        >>> SigmoidSchedule(middle=1000, width=100)(1000)
        0.5
    """

    middle: float
    width: float
    first: float = 0.0
    last: float = 1.0

    def __post_init__(self) -> None:
        if not self.width > 0:
            raise ValueError(f"the width of a schedule must be positive, got {self.width}")

    def __call__(self, step: int) -> float:
        """Return the weight at a step."""
        passed = 0.5 * (1 + math.tanh((step - self.middle) / (2 * self.width)))
        return self.first + (self.last - self.first) * passed

    def __str__(self) -> str:
        return f"sigmoid {self.first:g} to {self.last:g} about {self.middle:g}, width {self.width:g}"


def combined(first: Losses, second: Losses, *, weight: float | Schedule = 1.0) -> Losses:
    """Return losses whose generator descends both: ``L_G = L_G1 + w(k) L_G2``, ``L_D = L_D1``.

    The discriminator keeps to the first, with its penalties. A schedule is a function of the training step
    alone, so that a run resumes to the bit; in a field of a fixed batch it stands at step 0, and
    ``losses.at(k)`` has it at another.

    Args:
        first: losses of both players.
        second: losses of which the generator's is added.
        weight: w, a number or a schedule, such as ``LinearSchedule(((0, 0.0), (1000, 1.0)))``: the first
            rules early.

    Raises:
        ValueError: of the two, one calls the discriminator with conditions and one without; or a weight
            that is not finite.

    Example:
        >>> from gandyn.nets.losses import feature_matching, nonsaturating
        >>> combined(nonsaturating(), feature_matching(), weight=0.1).name
        'nonsaturating and 0.1 x feature matching of means'
    """
    if first.conditional != second.conditional:
        raise ValueError(
            f"{first.name} and {second.name} call the discriminator differently, one with conditions and one "
            "on samples alone; combine losses that agree (see Losses.conditional)"
        )
    if not callable(weight) and not math.isfinite(weight):
        raise ValueError(f"weight must be finite or a schedule, got {weight}")
    schedule = weight if callable(weight) else LinearSchedule(((0, weight),))
    label = str(weight).split(" at 0x")[0] if callable(weight) else f"{weight:g}"

    def generator(play: Play) -> Tensor:
        return first.of_generator(play) + schedule(play.step) * second.of_generator(play)

    def discriminator(play: Play) -> Tensor:
        return first.of_discriminator(play)

    name = f"{first.name} and {label if not callable(weight) else f'({label})'} x {second.name}"
    parts = [part.settings or {"name": part.name} for part in (first, second)]
    settings = {"name": name, "parts": parts, "weight": label}
    return Losses(
        generator, discriminator, first.penalties, name, first.threshold, settings, sees="play",
        conditional=first.conditional,
    )  # fmt: skip
