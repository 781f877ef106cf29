"""What was measured while a run trained: a monitor's record, and copies trained beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from gandyn import store
from gandyn.nets import Ensemble, TrainingDiagnosis, read_monitor

__all__ = ["nearby"]


def nearby(folder: Path) -> tuple[dict[str, Any], Ensemble | None]:
    """Return the diagnosis by a run's monitor and by its ensemble, and the ensemble, where there are any.

    Args:
        folder: of the run; "monitor.json" is that of ``nets.Monitor``, "ensemble.npz" a saved ``Ensemble``.

    Raises:
        ValueError: "ensemble.npz" holds another result.
    """
    numbers: dict[str, Any] = {}
    if (folder / "monitor.json").exists():
        record = read_monitor(folder)
        numbers["monitor"] = _diagnosis(record.diagnosis) | {
            "rows": len(record.motion.steps),
            "path": float(record.motion.path[-1]),
            "displacement": float(record.motion.displacements[-1]),
        }
        if len(record.local):
            numbers["monitor"]["exponent_per_step"] = float(np.mean(record.local.max(axis=1)))
    if not (folder / "ensemble.npz").exists():
        return numbers, None
    found = store.load(folder / "ensemble.npz")
    if not isinstance(found, Ensemble):
        raise ValueError(f"{folder / 'ensemble.npz'} holds a {type(found).__name__}, expected an Ensemble")
    numbers["ensemble"] = _diagnosis(found.diagnosis) | _exponents(found)
    return numbers, found


def _diagnosis(found: TrainingDiagnosis) -> dict[str, Any]:
    return {"verdict": found.verdict, "why": found.why}


def _exponents(found: Ensemble) -> dict[str, Any]:
    numbers = {
        "copies": int(found.growth.shape[1]),
        "windows": len(found.growth),
        "kind": "tangents" if found.method == "tangent" else "copies",
    }
    if not len(found.growth):
        return numbers
    errors = found.standard_errors * found.dt
    return numbers | {
        "first_step": int(found.starts[0]),
        "steps": int(found.lengths.sum()),
        "exponent_per_step": float(found.per_step[0]),
        "standard_error": float(errors[0]) if np.isfinite(errors[0]) else None,
        "largest_window": float((found.local[:, 0] * found.dt).max()),
        "smallest_window": float((found.local[:, 0] * found.dt).min()),
    }
