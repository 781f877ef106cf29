"""Are both players' gradients alive? What each layer's says at the point."""

from __future__ import annotations

import math
from typing import Any

from gandyn.nets import HealthRecord, gradient_health
from gandyn.report.point import PLAYERS, Point

__all__ = ["health"]

#: Parts that the batch is cut into, of two samples or more: the noise is estimated from their spread.
_CHUNKS = 8


def health(point: Point) -> tuple[dict[str, Any], HealthRecord]:
    """Return what the gradients on the fixed batch say of both players, layer by layer, and the record."""
    arguments, modes = point.subject.loaded(point.step)
    chunks = min(_CHUNKS, point.subject.batch.real[0].shape[0] // 2)
    record = gradient_health(*arguments, chunks=chunks, seed=point.effort.seed, **modes)
    verdict = record.verdict
    numbers = {
        "samples": record.samples,
        "threshold": record.threshold,
        "verdict": {player: getattr(verdict, player) for player in PLAYERS},
        "why": dict(zip(PLAYERS, verdict.why, strict=True)),
        **{
            name: dict(zip(PLAYERS, map(_known, getattr(record, name)[-1]), strict=True))
            for name in ("slopes", "coherence", "push")
        },
        "layers": _layers(record),
        "dead": {name: _known(share) for name, share in zip(record.units, record.dead[-1], strict=True)},
        "signs": [
            {"name": sign.name, "value": _known(sign.value), "means": sign.means, "means_not": sign.means_not}
            for sign in record.signs
            if sign.present
        ],
    }  # fmt: skip
    return numbers, record


def _layers(record: HealthRecord) -> list[dict[str, Any]]:
    columns = (record.leverage[-1], record.gradient_to_weight[-1], record.small_share[-1])
    return [
        {
            "name": name,
            "leverage": float(leverage),
            "gradient_to_weight": _known(relative),
            "small_share": float(small),
        }
        for name, leverage, relative, small in zip(record.layers, *columns, strict=True)
    ]


def _known(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
