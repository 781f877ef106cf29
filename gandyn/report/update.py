"""What one step of the update rule in use makes of the modes, with everything frozen at the point."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gandyn.field import VectorField
from gandyn.nets import Run
from gandyn.report.modes import Remembering, merged, pairs, search, summary
from gandyn.report.point import Point, norm
from gandyn.report.words import rule_name
from gandyn.spectra import Spectrum

__all__ = ["StepRule", "multipliers", "step_rule", "update"]


def update(point: Point, last: Spectrum | None) -> tuple[dict[str, Any], Spectrum | None]:
    """Return the multipliers of one step, from the modes found or, for adaptive rules, by own searches."""
    scheme = point.subject.run.settings["recipe"].get("scheme")
    if scheme is not None:
        raise ValueError(
            f"the run was trained by a scheme ({scheme}); the multipliers of its step are those of "
            "spectrum(nets.training_map(..., scheme=...)[0], x)"
        )
    rule = step_rule(point.subject.run, point.step, point.x)
    if rule is None:
        raise ValueError("the run has made no step at its last good checkpoint")
    numbers: dict[str, Any] = {
        "rule": rule.name,
        "momentum": rule.momentum,
        "step_size": rule.uniform,
        "remarks": list(rule.remarks),
        "relative_step": norm(rule.scale * point.velocity) / norm(point.x) if norm(point.x) else None,
    }
    if rule.momentum is None:
        numbers["reason"] = "the two players have different momentum, so that their modes have no closed form"
        return numbers, None
    if rule.uniform is not None and last is not None:
        h = rule.uniform
        searches = [replace(last, eigenvalues=h * last.eigenvalues, residuals=h * last.residuals)]
    else:
        field = Remembering(rule.field(point.field)).field
        searches = [search(point, field, point.x, which) for which in ("modulus", "largest real")]
    per_step = merged(searches)
    found = multipliers(per_step, rule.momentum)
    return numbers | {
        "searches": [summary(one) for one in searches],
        "eigenvalues_per_step": pairs(per_step.eigenvalues),
        "multipliers": pairs(found.eigenvalues),
        "largest_multiplier": float(np.abs(found.eigenvalues).max()),
        "stable": found.stable,
    }, found


@dataclass(frozen=True, eq=False)
class StepRule:
    """What one update makes of a gradient, frozen at a checkpoint: a scale an entry, and momentum.

    Args:
        scale: shape (n,), the step of each parameter per unit of gradient.
        momentum: decay of the mean of the gradients (beta1 of Adam), 0 for none; None where the two
            players have different ones, so that modes do not decouple.
        name: of the rule, for people.
        uniform: the one step size h where all entries have the same, else None.
        remarks: what the rule leaves out.
    """

    scale: Tensor
    momentum: float | None
    name: str
    uniform: float | None
    remarks: tuple[str, ...]

    def field(self, field: VectorField) -> VectorField:
        """Return the velocity per step: the field times the scale, entry by entry."""
        return VectorField(
            lambda x, t: self.scale * field(x, t),
            field.layout,
            jvp=lambda x, u, t: self.scale * field.jvp(x, u, t),
            vjp=lambda x, w, t: field.vjp(x, self.scale * w, t),
            label="",
        )


def step_rule(run: Run, step: int, x: Tensor) -> StepRule | None:
    """Return the update rule of a run, frozen at a checkpoint; None before the first update."""
    recipe = run.settings["recipe"]
    if step < 1:
        return None
    rules, memory = recipe["optimizers"], run.checkpoint(step).optimizer
    scales, names = [], []
    counts = {"generator": step, "discriminator": step * recipe["critic_steps"]}
    for player, updates in counts.items():
        rule = rules[player]
        size = sum(math.prod(s) for n, s in run.settings["blocks"].items() if n.startswith(f"{player}."))
        scales.append(_scale(player, rule, memory, updates, x.new_ones(size)))
        names.append(f"{rule_name(rule['name'])} with step {rule['lr']:g}")
    remarks = []
    if recipe["order"] != "simultaneous":
        remarks.append(f"both players move at once here, in training in turn ({recipe['order']})")
    if recipe["critic_steps"] > 1:
        scales[1] = scales[1] * recipe["critic_steps"]
        remarks.append(
            f"the discriminator's {recipe['critic_steps']} updates are taken as one of that length"
        )
    if recipe["clip"] is not None:
        remarks.append("the clipping of the discriminator's weights is left out")
    adaptive = any(rule["name"] != "sgd" for rule in rules.values())
    if adaptive:
        remarks.append("the running mean squares of the gradients, which scale the steps, are held fixed")
    momenta = {float(rule.get("beta1", 0.0)) for rule in rules.values()}
    return StepRule(
        scale=torch.cat(scales),
        momentum=momenta.pop() if len(momenta) == 1 else None,
        name=names[0] if names[0] == names[1] else f"{names[0]} (generator), {names[1]} (discriminator)",
        uniform=_one_value(rules, recipe) if not adaptive else None,
        remarks=tuple(remarks),
    )


def _one_value(rules: Mapping[str, Any], recipe: Mapping[str, Any]) -> float | None:
    same = rules["generator"]["lr"] == rules["discriminator"]["lr"] and recipe["critic_steps"] == 1
    return float(rules["generator"]["lr"]) if same else None


def _scale(
    player: str, rule: Mapping[str, Any], memory: Mapping[str, Tensor], updates: int, ones: Tensor
) -> Tensor:
    if rule["name"] == "adam":
        mean_square = memory[f"{player}.adam.v"].to(ones) / (1 - rule["beta2"] ** updates)
        return rule["lr"] / (mean_square.sqrt() + rule["eps"])
    if rule["name"] == "rmsprop":
        return rule["lr"] / (memory[f"{player}.rmsprop.s"].to(ones).sqrt() + rule["eps"])
    return rule["lr"] * ones


def multipliers(found: Spectrum, momentum: float) -> Spectrum:
    """Return what one step multiplies each mode by, from the eigenvalues of the velocity per step.

    With momentum b (bias correction faded) the multipliers of an eigenvalue l are the two roots of
    ``m^2 - (1 + b + (1 - b) l) m + b``; without, ``1 + l``. The largest modulus comes first.

    Example:
        >>> import numpy as np
        >>> from gandyn.field import Layout
        >>> from gandyn.spectra import spectrum
        >>> line = VectorField(lambda x, t: -x, Layout.scalars(state=["x"]), jvp=lambda x, u, t: -u)
        >>> multipliers(spectrum(line, np.zeros(1)), 0.5).eigenvalues.round(6)
        array([0.5+0.5j, 0.5-0.5j])
    """
    values = found.eigenvalues
    if momentum == 0:
        roots, residuals = 1 + values, found.residuals
    else:
        half = (1 + momentum + (1 - momentum) * values) / 2
        spread = np.sqrt(half**2 - momentum + 0j)
        roots = np.concatenate([half + spread, half - spread])
        residuals = np.tile(found.residuals, 2)
    order = np.argsort(-np.abs(roots), kind="stable")
    with np.errstate(divide="ignore"):
        growth = np.log(np.abs(roots[order]))
    return replace(
        found, eigenvalues=roots[order], right=None, left=None, residuals=residuals[order],
        growth_rates=growth, critical_step=None, clock="map", dt=1.0,
    )  # fmt: skip
