"""Looks at gradients on disk: one row a look, appended, and a header that says what the columns are."""

from __future__ import annotations

import csv
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from gandyn.nets.health.record import HealthRecord, record_of
from gandyn.nets.runs import RunError, read_json, write_json

__all__ = ["LOOK_EVERY", "HealthTable", "read_health"]

#: Steps between two looks at the gradients, where none is said: they then cost a few per cent of a step.
LOOK_EVERY = 200
_SETTINGS, _TABLE = "health.json", "health.csv"


class HealthTable:
    """The rows of a record in the making, in memory or appended to a folder.

    Args:
        settings: what rows do not say.
        folder: where "health.csv" and "health.json" go; None keeps the rows in memory.
        until: with rows there already, go on after those of steps before this one; None starts anew.

    Raises:
        RunError: the folder holds another record, where a new one was to start.
    """

    def __init__(
        self, settings: Mapping[str, Any], folder: Path | None = None, *, until: int | None = None
    ) -> None:
        self.settings, self._folder = settings, folder
        self._rows: list[np.ndarray] = []
        self._waiting: list[str] = []
        if folder is None:
            return
        if until is None and (folder / _SETTINGS).exists():
            raise RunError(f"{folder} holds the health record of another training; choose another folder")
        kept = [] if until is None else [line for line in _lines(folder) if float(line[0]) < until]
        folder.mkdir(parents=True, exist_ok=True)
        scratch = folder / f".{_TABLE}"
        scratch.write_text("".join(",".join(line) + "\n" for line in kept))
        os.replace(scratch, folder / _TABLE)
        write_json(folder / _SETTINGS, settings)

    def add(self, row: np.ndarray) -> None:
        """Add a row; it lands with the next ``flush``."""
        if self._folder is None:
            self._rows.append(row)
        else:
            self._waiting.append(",".join(f"{value:.9g}" for value in row) + "\n")

    def flush(self) -> None:
        """Append the rows that wait to the file."""
        if self._folder is not None and self._waiting:
            with (self._folder / _TABLE).open("a") as file:
                file.write("".join(self._waiting))
            self._waiting.clear()

    def record(self) -> HealthRecord:
        """Return what was seen so far."""
        self.flush()
        if self._folder is not None:
            return read_health(self._folder)
        return record_of(self.settings, np.array(self._rows))


def _lines(folder: Path) -> list[list[str]]:
    path = folder / _TABLE
    if not path.exists():
        return []
    return list(csv.reader(path.read_text().split("\n")[:-1]))  # the rest is an unfinished row


def read_health(folder: str | os.PathLike[str]) -> HealthRecord:
    """Return the health record in a folder, also while it is still being written.

    Args:
        folder: that of a run with ``nets.train(..., health=...)``, or that given to ``nets.Monitor``.

    Raises:
        RunError: there is none.
    """
    settings = read_json(Path(folder) / _SETTINGS)
    return record_of(settings, np.array([[float(value) for value in row] for row in _lines(Path(folder))]))
