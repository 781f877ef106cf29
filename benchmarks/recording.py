"""What every benchmark needs: interleaved timing, the environment, and a place for the record."""

import json
import os
import platform
import time
from collections.abc import Callable, Mapping
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "record"


def interleaved(
    cases: Mapping[str, Callable[[], Any]], repeats: int, clock: Callable[[], float] = time.perf_counter
) -> dict[str, list[float]]:
    """Return the seconds of every repeat of every case, taken in turn after one warm-up each."""
    for case in cases.values():
        case()
    seconds: dict[str, list[float]] = {name: [] for name in cases}
    for _ in range(repeats):
        for name, case in cases.items():
            started = clock()
            case()
            seconds[name].append(clock() - started)
    return seconds


def environment(*packages: str) -> dict[str, Any]:
    """Return date, processor and versions: what a time means."""
    names = ("gandyn", "numpy", "torch", "numba", *packages)
    return {
        "date": date.today().isoformat(),
        "cpus": os.cpu_count(),
        "machine": platform.machine(),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in names},
    }


def write(name: str, values: Mapping[str, Any]) -> Path:
    """Write a record and return its path."""
    FOLDER.mkdir(exist_ok=True)
    path = FOLDER / f"{name}.json"
    path.write_text(json.dumps(values, indent=1) + "\n")
    return path
