"""Everything that a report says in numbers, and the results that it draws; no page, no words."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from torch import Tensor

from gandyn.landscapes import Landscape
from gandyn.nets import Ensemble, HealthRecord
from gandyn.planes import FieldSlice, Projection
from gandyn.report.health import health
from gandyn.report.modes import eigenvalues
from gandyn.report.motion import path, velocity
from gandyn.report.nearby import nearby
from gandyn.report.point import Effort, OnePlayer, Point
from gandyn.report.rotation import angle, characters
from gandyn.report.subject import Subject
from gandyn.report.surroundings import field_slice, landscapes
from gandyn.report.update import update
from gandyn.rotation import Character, PathAngle
from gandyn.spectra import Spectrum

__all__ = ["Analysis", "Samples", "analyse"]


@dataclass(frozen=True, eq=False)
class Samples:
    """What the generator makes of fixed latents, and what it should.

    Args:
        generated: shape (N, ...), from the first latents of the batch, in evaluation mode.
        real: shape (N, ...), the first real samples of the batch.
        value_range: what black and white became; None for points.
    """

    generated: Tensor
    real: Tensor
    value_range: tuple[float, float] | None


@dataclass(eq=False)
class Analysis:
    """The numbers of a report, as plain values, and its results; None or empty where one was left out.

    Args:
        numbers: everything that the page states.
        history: columns of the run's history.
        samples: generated samples, and real ones.
        health: the gradients at the point.
        landscapes: by player, on the player's own filter-normalised plane.
        slice: the joint field on the plane of both players' velocities.
        path: the checkpoints on their principal components.
        spectra: by step, what was found there together.
        characters: by step, what kind of point the checkpoint is.
        angle: the velocity along the line from the first checkpoint to the last.
        update: multipliers of one step of the update rule in use, frozen.
        nearby: copies trained beside the run, where its folder has them.
        watched: the gradients over training, of a run that was made with ``health``.
    """

    numbers: dict[str, Any]
    history: Mapping[str, np.ndarray]
    samples: Samples
    health: HealthRecord | None = None
    landscapes: dict[OnePlayer, Landscape] = field(default_factory=dict)
    slice: FieldSlice | None = None
    path: Projection | None = None
    spectra: dict[int, Spectrum] = field(default_factory=dict)
    characters: dict[int, Character] = field(default_factory=dict)
    angle: PathAngle | None = None
    update: Spectrum | None = None
    nearby: Ensemble | None = None
    watched: HealthRecord | None = None

    def results(self) -> dict[str, Any]:
        """Return the results by name, as they are saved."""
        found: dict[str, Any] = {f"landscape_{player}": one for player, one in self.landscapes.items()}
        found |= {f"spectrum_{step:08d}": one for step, one in self.spectra.items()}
        found |= {f"character_{step:08d}": one for step, one in self.characters.items()}
        found |= {
            "samples": self.samples,
            "health": self.health,
            "field": self.slice,
            "path": self.path,
            "update": self.update,
        }
        found["path_angle"] = self.angle
        return {name: result for name, result in found.items() if result is not None}


def analyse(subject: Subject, effort: Effort, *, progress: bool = True) -> Analysis:
    """Analyse a run at its last checkpoint, and its leading eigenvalues at some before it.

    A part that the networks do not allow (no second derivative, a value that is not finite) is left
    out, and ``numbers["left_out"]`` says why.

    Args:
        subject: the run and its batch.
        effort: how much to compute.
        progress: show progress bars when on a terminal.

    Returns:
        The analysis.
    """
    from tqdm import tqdm

    point = Point(subject, effort, progress)
    batch, step = subject.batch, point.step
    shown = Samples(subject.samples(step, effort.shown), batch.real[0][: effort.shown], subject.value_range)
    numbers: dict[str, Any] = {"left_out": {}, "seconds": {}}
    found = Analysis(numbers, subject.run.history, shown, watched=_watched(subject))
    numbers |= {"analysis": _settings(point), "training": _training(found.history)}
    with tqdm(total=len(_PARTS), unit="part", disable=None if progress else True) as bar:
        for name, part in _PARTS.items():
            bar.set_description(f"report: {name}")
            with _timed(numbers["seconds"], name), _optional(numbers["left_out"], name):
                numbers[name], result = part(point, found)
                if name != "state":
                    setattr(found, _FIELDS[name], result)
            bar.update()
    return found


#: The parts in their order: (numbers, result) of the point and what was found before.
_PARTS: dict[str, Callable[[Point, Analysis], tuple[dict[str, Any], Any]]] = {
    "state": lambda point, _: (velocity(point), None),
    "health": lambda point, _: health(point),
    "landscapes": lambda point, _: landscapes(point),
    "field": lambda point, _: field_slice(point),
    "path": lambda point, _: path(point),
    "spectra": lambda point, _: eigenvalues(point),
    "character": lambda point, found: characters(point, found.spectra),
    "path_angle": lambda point, _: angle(point),
    "step_in_use": lambda point, found: update(point, found.spectra.get(point.step)),
    "nearby": lambda point, _: nearby(point.subject.run.folder),
}
_FIELDS = {
    "health": "health",
    "landscapes": "landscapes",
    "field": "slice",
    "path": "path",
    "spectra": "spectra",
    "character": "characters",
    "path_angle": "angle",
    "step_in_use": "update",
    "nearby": "nearby",
}


@contextmanager
def _timed(seconds: dict[str, float], name: str) -> Iterator[None]:
    started = time.perf_counter()
    yield
    seconds[name] = round(time.perf_counter() - started, 3)


@contextmanager
def _optional(left_out: dict[str, str], name: str) -> Iterator[None]:
    """Leave a part out where it cannot be computed, with the reason."""
    try:
        yield
    except (ValueError, RuntimeError, ArithmeticError) as error:
        left_out[name] = " ".join(str(error).split())


def _settings(point: Point) -> dict[str, Any]:
    subject = point.subject
    return {
        **asdict(point.effort),
        "step": point.step,
        "samples": int(subject.batch.real[0].shape[0]),
        "batches_disjoint": subject.disjoint,
        "dtype": str(point.x.dtype).removeprefix("torch."),
        "layers_with_modes": list(subject.layers),
        "dropout": subject.dropout,
    }


def _watched(subject: Subject) -> HealthRecord | None:
    return subject.run.health if subject.run.settings.get("health") else None


def _training(history: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """Return means over the last twentieth of the history."""
    steps = len(history["step"])
    if not steps:
        return {"steps": 0}
    last = slice(steps - max(1, steps // 20), steps)
    names = ("loss_generator", "loss_discriminator", "accuracy_real", "accuracy_fake")
    layers = {name: values for name, values in history.items() if name.startswith("gradient/")}
    return {
        "steps": steps,
        "averaged_over": last.stop - last.start,
        **{name: _mean(history[name][last]) for name in names},
        "gradient_norm": {name.removeprefix("gradient/"): _mean(v[last]) for name, v in layers.items()},
    }


def _mean(values: np.ndarray) -> float | None:
    mean = float(np.mean(values))
    return mean if math.isfinite(mean) else None
