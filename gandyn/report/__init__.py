"""A run folder becomes one self-contained page on its training dynamics, with its numbers beside it."""

from __future__ import annotations

import json
import math
import os
import platform
import tempfile
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from torch import nn

from gandyn import store
from gandyn.nets import Losses, Run
from gandyn.nets.datasets import Dataset
from gandyn.nets.gan import Inputs
from gandyn.nets.maps import Prior
from gandyn.report.analysis import Analysis, analyse
from gandyn.report.page import render
from gandyn.report.point import Effort
from gandyn.report.subject import Given, subject_of
from gandyn.report.verdict import verdict

__all__ = ["Effort", "write"]

_PACKAGES = ("gandyn", "torch", "numpy", "scipy", "matplotlib")


def write(
    run: Run | str | Path,
    *,
    generator: nn.Module | None = None,
    discriminator: nn.Module | None = None,
    losses: Losses | None = None,
    data: Dataset | Inputs | None = None,
    latent: int | Prior | None = None,
    effort: Effort | None = None,
    progress: bool = True,
) -> Path:
    """Analyse a run at its last checkpoint and write a report into its folder.

    ``report/report.html`` is one page that opens without a network; ``report/report.json`` holds every
    number on it, and the ``.npz`` files beside it the arrays (``gandyn.store.load`` reads them).

    Args:
        run: a run, or the path of its folder.
        generator: a module of the run's structure, not changed; by default it is built again from the
            run's settings, which runs the code that they name.
        discriminator: the same of the discriminator.
        losses: what each player descends; by default from the run's settings.
        data: the data of the run; by default loaded again and checked by fingerprint.
        latent: dimension of the latents, or their prior; by default from the run's settings.
        effort: how much to compute; the default takes about a minute for small networks.
        progress: show progress bars when on a terminal.

    Returns:
        Path of the page.

    Raises:
        RunError: no run, no checkpoint, or a run that cannot be rebuilt from its settings.
        ValueError: modules that are no functions of their parameters.
    """
    started = time.perf_counter()
    run, effort = run if isinstance(run, Run) else Run(run), effort or Effort()
    given = Given(generator, discriminator, losses, data, latent)
    subject = subject_of(run, given, samples=effort.samples, seed=effort.seed)
    found = analyse(subject, effort, progress=progress)
    numbers = found.numbers
    numbers["run"] = {
        "folder": run.folder.resolve().name,
        "settings": run.settings,
        "status": run.status,
        "parameters": subject.parameters(),
    }
    numbers["report"] = {
        "written": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": {name: version(name) for name in _PACKAGES} | {"python": platform.python_version()},
    }
    numbers["verdict"] = verdict(numbers)
    folder = run.folder / "report"
    folder.mkdir(exist_ok=True)
    numbers["files"] = _save_results(found, folder)
    drawing = time.perf_counter()
    page = render(found)
    numbers["seconds"] |= {"page": _seconds_since(drawing), "all": _seconds_since(started)}
    text = json.dumps(_plain(numbers), indent=2, allow_nan=False, ensure_ascii=False)
    _replace(folder / "report.json", text + "\n")
    return _replace(folder / "report.html", page)


def _seconds_since(start: float) -> float:
    return round(time.perf_counter() - start, 3)


def _save_results(found: Analysis, folder: Path) -> list[str]:
    """Save every result, eigenvectors only of the last spectrum; return the names of the files."""
    names = []
    for name, result in found.results().items():
        if name.startswith("spectrum") and result is not found.spectra[max(found.spectra)]:
            result = replace(result, right=None)
        names.append(store.save(result, folder / name, overwrite=True).name)
    return names


def _plain(value: Any) -> Any:
    """Return plain values that strict JSON can hold: what is not finite becomes its name."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


def _replace(path: Path, text: str) -> Path:
    """Write a file whole or not at all."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
    os.chmod(name, 0o644)
    os.replace(name, path)
    return path
