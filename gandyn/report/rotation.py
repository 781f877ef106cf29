"""What kind of point each checkpoint is, with the noise of minibatches, and the path-angle of the run."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from gandyn.field import VectorField
from gandyn.report.point import Point
from gandyn.rotation import Character, PathAngle, PathShape, character, path_angle
from gandyn.spectra import Spectrum

__all__ = ["angle", "characters", "minibatches", "plain"]

#: Rough searches: a report asks for two digits, and says how far off it may be.
_ROUGH: dict[str, Any] = {"k": 1, "accuracy": 0.1, "max_products": 100, "probes": 3}
_HALVES, _BATCHES, _POINTS = 2, 3, 25


def characters(point: Point, spectra: Mapping[int, Spectrum]) -> tuple[dict[str, Any], dict[int, Character]]:
    """Return the character of each checkpoint with a spectrum, and at the last that of minibatches too.

    Args:
        point: the point under analysis.
        spectra: by step, eigenvalues found there, those of largest real part among them.
    """
    if not spectra:
        raise ValueError("the eigenvalues were left out, and the character with them")
    found: dict[int, Character] = {}
    options: dict[str, Any] = {**_ROUGH, "seed": point.effort.seed, "progress": point.progress}
    for step, known in spectra.items():
        last = step == point.step
        x, field = (point.x, point.field) if last else (point.subject.state(step), point.subject.field(step))
        batches = minibatches(point) if last else None
        found[step] = character(field, x, batches, leading=known, **options)
    return {str(step): plain(one) for step, one in found.items()}, found


def minibatches(point: Point) -> list[VectorField]:
    """Return the field on three minibatches, halves of both batches, with the buffers of the point."""
    subject = point.subject
    halves = [half for batch in (subject.batch, subject.other) for half in batch.parts(_HALVES)]
    return [subject.field(point.step, half) for half in halves[:_BATCHES]]


def plain(found: Character) -> dict[str, Any]:
    """Return a character as plain values."""
    reading = found.reading
    return {
        "verdict": found.verdict,
        "on_the_whole_batch": found.here,
        "rest": found.rest,
        "leading": [reading.leading.real, reading.leading.imag],
        "rotation_index": reading.rotation_index,
        "rotation_index_error": reading.rotation_error,
        "symmetric": list(reading.symmetric),
        "rotating": reading.rotating,
        "own_curvature": {p: [reading.lowest[p], reading.highest[p]] for p in reading.lowest},
        "own_curvature_residual": dict(reading.hessian_residuals),
        "batches": len(found.over_batches.get("growth", ())),
        "shares": dict(found.shares),
        "over_batches": {name: list(found.spread(name)) for name in found.over_batches},
        "converged": reading.converged,
        "products": reading.products,
        "message": found.message,
    }


def angle(point: Point) -> tuple[dict[str, Any], PathAngle]:
    """Return the path-angle from the first checkpoint to the point, over minibatches."""
    first = point.subject.run.steps[0]
    if first == point.step:
        raise ValueError("there is one checkpoint only: no path")
    start = point.subject.state(first)
    found = path_angle(minibatches(point), start, point.x, points=_POINTS, progress=point.progress)
    parts = {part: _shape(shape, found.length) for part, shape in found.shapes.items()}
    last = {part: float(values[found.alpha <= 1][-1]) for part, values in found.cosine.items()}
    return {"from_step": first, "length": found.length, "at_end": last, "parts": parts}, found


def _shape(shape: PathShape, length: float) -> dict[str, Any]:
    """Return a shape as plain values, places and widths in units of alpha."""
    said: dict[str, Any] = {"shape": shape.name}
    if shape.switch is not None:
        said["switch"] = {
            "kind": shape.switch.kind,
            "at": shape.switch.location / length + 1,
            "amplitude": shape.switch.amplitude,
            "steepness": shape.switch.steepness * length,
        }
    if shape.bump is not None:
        width = None if math.isnan(shape.bump.width) else shape.bump.width / length
        said["bump"] = {"at": shape.bump.location / length + 1, "height": shape.bump.height, "width": width}
    return said
