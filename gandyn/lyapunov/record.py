"""Records of local growth as they come: in memory, or streamed to a folder from which a run goes on."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["Folder", "Memory", "open_record"]

_SETTINGS, _ROWS, _STATE = "settings.json", "records.f64", "state.npz"


class Memory:
    """Records kept in memory.

    Args:
        width: entries of a record.
    """

    def __init__(self, width: int) -> None:
        self._rows: list[np.ndarray] = []
        self._width = width

    def add(self, rows: np.ndarray) -> None:
        """Append rows of shape (r, width)."""
        self._rows.append(rows)

    def keep(self, state: Mapping[str, np.ndarray]) -> None:
        """Nothing is kept beyond the call."""

    def state(self) -> dict[str, np.ndarray] | None:
        """Return what was kept by an earlier call: nothing."""
        return None

    def rows(self) -> np.ndarray:
        """Return all rows, shape (m, width)."""
        return np.concatenate([np.empty((0, self._width)), *self._rows])


class Folder:
    """Records streamed to a folder: settings, rows as raw float64, and the state to go on from.

    Args:
        path: the folder; it is made if it is missing.
        width: entries of a record.
        settings: what the rows depend on.

    Raises:
        ValueError: the folder holds a run with other settings.
    """

    def __init__(self, path: Path, width: int, settings: Mapping[str, Any]) -> None:
        self._path, self._width = path, width
        path.mkdir(parents=True, exist_ok=True)
        _check_settings(path / _SETTINGS, settings)
        self._kept = self.state()
        kept = int(self._kept["rows"]) if self._kept is not None else 0
        with (path / _ROWS).open("ab") as file:
            file.truncate(8 * width * kept)

    def add(self, rows: np.ndarray) -> None:
        """Append rows of shape (r, width)."""
        with (self._path / _ROWS).open("ab") as file:
            file.write(np.ascontiguousarray(rows, dtype="<f8").tobytes())

    def keep(self, state: Mapping[str, np.ndarray]) -> None:
        """Write the state after the rows so far, whole or not at all."""
        count = (self._path / _ROWS).stat().st_size // (8 * self._width)
        partial = self._path / (_STATE + ".part")
        with partial.open("wb") as file:
            arrays: dict[str, Any] = {"rows": np.array(count), **state}
            np.savez(file, **arrays)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(self._path / _STATE)

    def state(self) -> dict[str, np.ndarray] | None:
        """Return the state last kept, or None."""
        if not (self._path / _STATE).exists():
            return None
        with np.load(self._path / _STATE, allow_pickle=False) as file:
            return dict(file)

    def rows(self) -> np.ndarray:
        """Return all rows, shape (m, width)."""
        return np.fromfile(self._path / _ROWS, dtype="<f8").reshape(-1, self._width)


def _check_settings(path: Path, settings: Mapping[str, Any]) -> None:
    """Write the settings, or raise where others are there."""
    if not path.exists():
        path.write_text(json.dumps(settings, indent=1))
        return
    found = json.loads(path.read_text())
    wanted = json.loads(json.dumps(settings))
    differing = [name for name in wanted if not _same(found.get(name), wanted[name])]
    if differing:
        name = differing[0]
        raise ValueError(
            f"{path.parent} holds a run with {name} = {found.get(name)!r}, now it is {wanted[name]!r} "
            f"(differing: {differing}); use the same settings to go on, or another folder"
        )


def _same(a: Any, b: Any) -> bool:
    both = isinstance(a, float) and isinstance(b, float)
    return a == b or (both and math.isnan(a) and math.isnan(b))


def open_record(
    path: str | os.PathLike[str] | None, width: int, settings: Mapping[str, Any]
) -> Memory | Folder:
    """Return the record in memory, or that in a folder if a path is given."""
    return Memory(width) if path is None else Folder(Path(path), width, settings)
