"""Eigenvalues and character of one checkpoint, for the command line: a table, a JSON file and a figure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from gandyn import plot
from gandyn.nets import Run
from gandyn.plot import figures
from gandyn.report.modes import Remembering, merged, pairs, search, summary
from gandyn.report.point import Effort, Point
from gandyn.report.rotation import minibatches, plain
from gandyn.report.subject import Given, subject_of
from gandyn.report.words import complex_number, count, percent, show
from gandyn.rotation import character
from gandyn.spectra import Spectrum, Which

__all__ = ["table", "write_spectrum"]

_SEARCHES: tuple[Which, ...] = ("modulus", "largest real", "imaginary")


def write_spectrum(
    run: Run, checkpoint: int | None = None, effort: Effort | None = None, *, progress: bool = True
) -> tuple[Path, dict[str, Any]]:
    """Analyse the Jacobian at a checkpoint and write ``spectrum/STEP.json`` and ``.png`` into the run folder.

    Args:
        run: the run, rebuilt from its settings.
        checkpoint: step of the checkpoint; None for the last.
        effort: samples, eigenvalues and products, see ``Effort``.
        progress: show progress bars when on a terminal.

    Returns:
        Path of the JSON file, and its numbers.

    Raises:
        RunError: no checkpoint, or a run that cannot be rebuilt from its settings.
        ValueError: no checkpoint of that step.
    """
    effort = effort or Effort()
    if checkpoint is not None and checkpoint not in run.steps:
        raise ValueError(f"{run.folder} has no checkpoint {checkpoint}; it has {run.steps}")
    subject = subject_of(run, Given(), samples=effort.samples, seed=effort.seed)
    point = Point(subject, effort, progress, checkpoint)
    remembering = Remembering(point.field)
    searches = [search(point, remembering.field, point.x, which) for which in _SEARCHES]
    found = merged(searches)
    kind = character(
        point.field, point.x, minibatches(point), leading=found, k=1, accuracy=1e-2,
        max_products=effort.max_products, seed=effort.seed, progress=progress,
    )  # fmt: skip
    numbers = {
        "step": point.step,
        "samples": int(subject.batch.real[0].shape[0]),
        "entries": point.layout.dim,
        "eigenvalues": pairs(found.eigenvalues),
        "residuals": found.residuals.tolist(),
        "critical_step": _critical_step(searches),
        "searches": [summary(one) for one in searches],
        "character": plain(kind),
    }
    folder = run.folder / "spectrum"
    folder.mkdir(exist_ok=True)
    path = folder / f"{point.step:08d}.json"
    path.write_text(json.dumps(numbers, indent=2) + "\n")
    drawn = replace(found, label=f"step {count(point.step)}")
    path.with_suffix(".png").write_bytes(figures.picture(lambda ax: plot.spectrum(ax, drawn)))
    return path, numbers


def _critical_step(searches: list[Spectrum]) -> float | None:
    """Return the least h* of the searches, an upper bound on that of all eigenvalues."""
    found = [one.critical_step for one in searches if one.critical_step is not None]
    return min(found) if found else None


def table(numbers: Mapping[str, Any]) -> str:
    """Return the numbers of ``write_spectrum`` as lines for a terminal."""
    kind, step, samples = numbers["character"], numbers["critical_step"], count(numbers["samples"])
    low, high = (show(end) for end in kind["symmetric"])
    lines = [
        f"step {count(numbers['step'])}: {kind['verdict']} ({kind['rest']}), {samples} samples",
        f"{'eigenvalue':>24}  {'residual':>10}",
        *(
            f"{complex_number(value):>24}  {show(residual, 2):>10}"
            for value, residual in zip(numbers["eigenvalues"], numbers["residuals"], strict=True)
        ),
        f"rotation index {show(kind['rotation_index'])} ± {show(kind['rotation_index_error'], 2)}; "
        f"S from {low} to {high}, A up to {show(kind['rotating'])}",
        *(
            f"own curvature of the {player}: {show(ends[0])} to {show(ends[1])}"
            for player, ends in kind["own_curvature"].items()
        ),
        f"step bound of plain descent: at most {show(step)}"
        if step
        else "no step of plain descent is stable",
        "on minibatches: " + ", ".join(f"{name} {percent(share)}" for name, share in kind["shares"].items()),
    ]
    return "\n".join(lines)
