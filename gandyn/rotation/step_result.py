"""The results: the bound on the step, and what helps where no step does."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["Damping", "StepBound"]


@dataclass(frozen=True, eq=False, repr=False)
class Damping:
    """The least strength at which a modification of the field makes the point stable.

    Args:
        name: "consensus", "symplectic adjustment" or "extragradient".
        strength: that strength; any above it, close by, makes the point stable. Infinite where none does.
        best: the strength, of those tried, at which simultaneous descent bears the largest step; NaN where
        none.
        step: h* of simultaneous descent on the modified field there; 0 where no step is stable.
        exact: whether it is computed from the whole Jacobian; else from the eigenvalues found, as if J were
            normal.
        formula: the modified velocity, and the bound for a normal J.
        source: where it comes from.
    """

    name: str
    strength: float
    best: float
    step: float
    exact: bool
    formula: str
    source: str

    def __str__(self) -> str:
        if not np.isfinite(self.strength):
            return f"{self.name}: no strength makes it stable"
        relation = ">" if self.exact else "> about"
        return f"{self.name} {relation} {self.strength:.4g}; with {self.best:.3g}, h* = {self.step:.4g}"

    __repr__ = __str__


@dataclass(frozen=True, eq=False, repr=False)
class StepBound:
    """The steps of a scheme that are stable near a state.

    Args:
        step: h*, the largest stable step; 0 where none is, infinite where all tried are.
        least: the smallest stable step: 0, or above it where a scheme damps only with large enough steps.
        scheme: label of the scheme.
        eigenvalues: shape (k,), those of the Jacobian that the bound is made of.
        limiting: the eigenvalue that sets the bound: its mode is neutral at h*, or grows at every step; NaN
            where the scheme does not act on each mode by itself.
        loss: how stability is lost at h*: "period doubling", "Neimark-Sacker" or "a real multiplier at 1";
            None where there is no bound.
        angle: argument of the multiplier that leaves, from 0 to pi; None where there is no bound.
        complete: whether the eigenvalues are all; if not, the bound is an upper one.
        damping: what helps where no step of simultaneous descent does; empty elsewhere.
        products: products with the Jacobian used.
        message: what happened, in words.
        label: the system's label.
    """

    step: float
    least: float
    scheme: str
    eigenvalues: np.ndarray
    limiting: complex
    loss: str | None
    angle: float | None
    complete: bool
    damping: tuple[Damping, ...]
    products: int
    message: str
    label: str

    def __str__(self) -> str:
        head = f"StepBound of {self.scheme}{' on ' + self.label if self.label else ''}: "
        if self.step == 0:
            lines = [head + "no step is stable"]
        else:
            from_ = f"{self.least:.6g} < " if self.least else ""
            lines = [head + f"stable for {from_}h {'<' if self.complete else '< at most'} {self.step:.6g}"]
        if np.isfinite(self.limiting):
            lines.append(
                f"  set by lambda = {self.limiting:.4g}" + (f", lost by {self.loss}" if self.loss else "")
            )
        return "\n".join([*lines, *(f"  {one}" for one in self.damping), f"  {self.message}"])

    __repr__ = __str__
