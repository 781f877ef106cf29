"""A run folder: settings, history and checkpoints of a training, written so that a kill loses nothing."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from gandyn.nets.modules import get_state, trainable_parameters, unwrapped

if TYPE_CHECKING:
    from gandyn.nets.health.record import HealthRecord

__all__ = ["Checkpoint", "Run", "RunError"]

_PARTS = ("generator", "discriminator", "optimizer")


class RunError(ValueError):
    """A run folder that is missing, damaged, or of another run; the message names the file."""


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """The whole state of a training after ``step`` steps.

    Args:
        step: number of steps done.
        generator: the module's state dict, parameters and buffers.
        discriminator: the same of the discriminator.
        optimizer: memory of both update rules, by block name, each flat.
    """

    step: int
    generator: dict[str, Tensor]
    discriminator: dict[str, Tensor]
    optimizer: dict[str, Tensor]


def write_json(path: Path, values: Mapping[str, Any]) -> None:
    """Write JSON so that a reader sees the old file or the new one, never half of it."""
    scratch = path.with_name(f".{path.name}")
    scratch.write_text(json.dumps(values, indent=2) + "\n")
    os.replace(scratch, path)


def read_json(path: Path) -> dict[str, Any]:
    try:
        values: dict[str, Any] = json.loads(path.read_text())
    except FileNotFoundError:
        raise RunError(
            f"{path}: no such file; expected a run folder, made by nets.train or `gandyn train`"
        ) from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise RunError(f"{path}: expected JSON, got damaged text ({error})") from None
    return values


class Run:
    """A run folder, read lazily.

    Args:
        folder: path of the folder.

    Raises:
        RunError: no settings in the folder, or damaged ones.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self.settings: dict[str, Any] = read_json(self.folder / "settings.json")

    def __repr__(self) -> str:
        return f"Run({str(self.folder)!r}, {self.status['status']} at step {self.status['step']})"

    @property
    def status(self) -> dict[str, Any]:
        """Status ("running", "finished", "interrupted", "diverged"), step, message and seconds."""
        return read_json(self.folder / "status.json")

    @property
    def steps(self) -> list[int]:
        """Steps of the checkpoints, ascending."""
        return sorted(int(path.name) for path in (self.folder / "checkpoints").glob("[0-9]*"))

    @property
    def history(self) -> dict[str, np.ndarray]:
        """One array per column, one entry per step: losses, accuracies, gradient norms per layer."""
        columns, rows = self.history_rows()
        if not rows:
            return {name: np.empty(0) for name in columns}
        table = np.array(rows, dtype=np.float64)
        return {name: table[:, i] for i, name in enumerate(columns)}

    @property
    def health(self) -> HealthRecord:
        """What was seen of the gradients, of a run made with ``nets.train(..., health=...)``."""
        from gandyn.nets.health.tables import read_health

        return read_health(self.folder)

    def history_rows(self) -> tuple[list[str], list[list[str]]]:
        """Return the column names and the complete rows, as text."""
        path = self.folder / "history.csv"
        try:
            lines = path.read_text().split("\n")
        except FileNotFoundError:
            raise RunError(f"{path}: no such file; the run has no history") from None
        columns, *rows = csv.reader(lines[:-1])  # what follows the last newline is an unfinished row
        return columns, [row for row in rows if len(row) == len(columns)]

    def checkpoint(self, step: int | None = None) -> Checkpoint:
        """Return a checkpoint, the last one by default, on the CPU.

        Raises:
            RunError: no such checkpoint, or a damaged file.
        """
        steps = self.steps
        if not steps or (step is not None and step not in steps):
            raise RunError(f"{self.folder}: no checkpoint at step {step}; there are {steps}")
        step = steps[-1] if step is None else step
        folder = self.folder / "checkpoints" / f"{step:08d}"
        return Checkpoint(step, *(_load(folder / f"{part}.safetensors") for part in _PARTS))

    def restore(self, generator: nn.Module, discriminator: nn.Module, step: int | None = None) -> None:
        """Load a checkpoint into the user's modules: parameters and buffers.

        Raises:
            RunError: modules of another structure than those of the run.
        """
        checkpoint = self.checkpoint(step)
        for name, module in (("generator", generator), ("discriminator", discriminator)):
            module, tensors = unwrapped(module), getattr(checkpoint, name)
            known = module.state_dict()
            try:
                module.load_state_dict({key: value for key, value in tensors.items() if key in known})
            except RuntimeError as error:
                raise RunError(f"{self.folder}: the {name} given is not that of the run: {error}") from None

    def state(
        self, generator: nn.Module, discriminator: nn.Module, step: int | None, dtype: torch.dtype
    ) -> Tensor:
        """Return the parameters at a checkpoint as one flat state of shape (n,), modules untouched."""
        checkpoint = self.checkpoint(step)
        names_g, names_d = trainable_parameters(generator), trainable_parameters(discriminator)
        try:
            parts = [checkpoint.generator[name] for name in names_g]
            parts += [checkpoint.discriminator[name] for name in names_d]
        except KeyError as error:
            raise RunError(f"{self.folder}: the run has no parameter {error}") from None
        x = torch.cat([part.reshape(-1) for part in parts]).to(dtype)
        if x.shape != get_state(generator, discriminator).shape:
            raise RunError(f"{self.folder}: the modules given have other shapes than those of the run")
        return x


def _load(path: Path) -> dict[str, Tensor]:
    try:
        tensors: dict[str, Tensor] = load_file(path)
    except FileNotFoundError:
        raise RunError(f"{path}: no such file; the checkpoint is incomplete, delete its folder") from None
    except (SafetensorError, OSError) as error:
        raise RunError(
            f"{path}: expected a whole safetensors file, got a damaged one ({error}); delete the folder "
            "of this checkpoint to go on from the one before"
        ) from None
    return tensors


class RunWriter:
    """Writes a run folder: rows of history are gathered, and land with the next checkpoint."""

    def __init__(self, folder: Path, columns: list[str]) -> None:
        self.folder, self.columns = folder, columns
        self._rows: list[str] = []

    @classmethod
    def create(cls, folder: Path, settings: Mapping[str, Any], columns: list[str]) -> RunWriter:
        """Start a new run folder.

        Raises:
            RunError: the folder exists and is not empty.
        """
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            found = "a run" if (folder / "settings.json").exists() else "other files"
            raise RunError(
                f"{folder} exists and holds {found}; pass resume=True (or --resume) to go on with a run, "
                "or choose another folder"
            )
        (folder / "checkpoints").mkdir(parents=True)
        writer = cls(folder, columns)
        writer._replace_history([])
        writer.status("running", 0, "")
        write_json(folder / "settings.json", settings)
        return writer

    @classmethod
    def reopen(cls, run: Run, step: int, columns: list[str]) -> RunWriter:
        """Go on with a run from the checkpoint at ``step``: what was written after it is dropped."""
        writer = cls(run.folder, columns)
        found, rows = run.history_rows()
        if found != columns or len(rows) < step:
            raise RunError(
                f"{run.folder / 'history.csv'}: expected {step} rows of {len(columns)} columns before the "
                f"checkpoint, got {len(rows)} of {len(found)}"
            )
        writer._replace_history([",".join(row) for row in rows[:step]])
        for path in (run.folder / "checkpoints").iterdir():
            if not path.name.isdigit() or int(path.name) > step:
                shutil.rmtree(path)
        return writer

    def _replace_history(self, rows: Iterable[str]) -> None:
        path = self.folder / "history.csv"
        scratch = path.with_name(".history.csv")
        scratch.write_text("".join(f"{row}\n" for row in (",".join(self.columns), *rows)))
        os.replace(scratch, path)

    def row(self, step: int, values: Iterable[float]) -> None:
        """Add the measurements of one step."""
        self._rows.append(",".join([str(step), *(repr(value) for value in values)]))

    def flush(self) -> None:
        """Append the gathered rows to the history."""
        with (self.folder / "history.csv").open("a") as file:
            file.write("".join(f"{row}\n" for row in self._rows))
        self._rows.clear()

    def checkpoint(self, checkpoint: Checkpoint) -> None:
        """Write a checkpoint: complete under its name, or not there at all."""
        self.flush()
        target = self.folder / "checkpoints" / f"{checkpoint.step:08d}"
        if target.exists():
            return
        scratch = Path(tempfile.mkdtemp(dir=target.parent, prefix=".unfinished-"))
        for part in _PARTS:
            tensors = {name: value.contiguous() for name, value in getattr(checkpoint, part).items()}
            save_file(tensors, scratch / f"{part}.safetensors", {"step": str(checkpoint.step)})
        os.replace(scratch, target)

    def status(self, status: str, step: int, message: str, seconds: float = 0.0) -> None:
        """Write how the run stands."""
        values = {"status": status, "step": step, "message": message, "seconds": round(seconds, 3)}
        write_json(self.folder / "status.json", values)


def fingerprint(tensors: Iterable[Tensor]) -> str:
    """Return a SHA-256 digest of the shapes, types and bytes of tensors."""
    digest = hashlib.sha256()
    for tensor in tensors:
        values = tensor.detach().cpu().contiguous()
        digest.update(f"{tuple(values.shape)} {values.dtype}".encode())
        digest.update(values.numpy().tobytes())
    return digest.hexdigest()
