"""A watch on the user's own training loop, which says what the training is doing and what it costs."""

from __future__ import annotations

import csv
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor, nn

from gandyn.nets.diagnosis import TrainingDiagnosis, diagnose_training
from gandyn.nets.health.record import HealthRecord, record_of
from gandyn.nets.health.tables import LOOK_EVERY, HealthTable, read_health
from gandyn.nets.health.tensorboard import summary_writer, to_tensorboard
from gandyn.nets.health.watch import GradientWatch
from gandyn.nets.motion import Motion, MotionRecorder, motion_of
from gandyn.nets.runs import RunError, read_json, write_json
from gandyn.nets.shadows import Shadows, Update

__all__ = ["Monitor", "MonitorRecord", "read_monitor"]

#: ``measure(generator, discriminator) -> number``; must leave the modules as they are.
Measure: TypeAlias = Callable[[nn.Module, nn.Module], float]
_SETTINGS, _TABLE = "monitor.json", "monitor.csv"


@dataclass(frozen=True, eq=False, repr=False)
class MonitorRecord:
    """What a monitor saw.

    Args:
        motion: path, norms, sketches and mean losses, one row for every ``every`` steps.
        loss_spread: shape (r, 2), standard deviation of both losses over the steps of each row.
        growth: shape (r, m), logarithm of the growth of each copy over the window that ended with the row,
            NaN elsewhere; m is 0 without ``update``.
        window: steps of a window.
        measures: the user's own measures by name, each of shape (r,).
        every: steps between rows.
        health: gradients and what they say, with ``health``; else None.
    """

    motion: Motion
    loss_spread: np.ndarray
    growth: np.ndarray
    window: int
    measures: dict[str, np.ndarray]
    every: int
    health: HealthRecord | None = None

    @property
    def local(self) -> np.ndarray:
        """Finite-time exponents per step of each finished window, shape (w, m)."""
        return np.asarray(self.growth[~np.isnan(self.growth).all(axis=1)] / self.window)

    @property
    def diagnosis(self) -> TrainingDiagnosis:
        """What the training is doing, by ``diagnose_training``."""
        leading = self.local.max(axis=1) if self.growth.shape[1] and len(self.local) else None
        return diagnose_training(self.motion, leading)

    def __str__(self) -> str:
        return f"MonitorRecord({len(self.motion.steps)} rows; {self.diagnosis})"

    __repr__ = __str__


class Monitor:
    """Watches a training loop of the user's own: call ``step`` after the optimisers have stepped.

    Every ``every`` steps it reads the parameters once: path length, norm, a random projection that keeps
    distances to all earlier states, and loss statistics. It never changes modules, gradients or torch's
    generators. The path is that of the polygon through the states read. ``cost`` says what it takes.

    Args:
        generator: the module trained.
        discriminator: the module trained.
        every: steps between two looks at the parameters, >= 1.
        folder: where to write "monitor.csv", a row a look, and "monitor.json"; None keeps them in memory.
            It may be that of a run, whose report then says what they say.
        measures: further numbers to take at every look, by name, such as
            ``{"largest weight": lambda g, d: float(g.weight.detach().abs().max())}``.
        update: ``update(generator, discriminator) -> (step, optimizers)``, which builds the user's step for
            any pair of modules. With it, a shadow of the training and copies beside it are trained too, and
            ``step`` needs ``batch``; every step then costs 1 + ``copies`` more of the user's.
        copies: number of copies, with ``update``.
        size: length of their perturbation relative to the norm of the parameters; the default 1e-3 is far
            above the rounding of float32.
        window: steps after which their growth is measured and they are pulled back; a multiple of ``every``.
        health: look at the gradients, layer by layer, every so many steps; True for every 200. They are read
            as the optimisers of torch use them: for these steps, and the ones before, hooks are put on
            optimisers and on ReLU layers, and removed after. Written to "health.csv" in the folder.
        tensorboard: folder or ``SummaryWriter`` that what health sees goes to as well.
        seed: seed of projection and perturbations.

    Raises:
        ValueError: a number out of range, or a window that is no multiple of ``every``.
        RunError: the folder holds the record of another monitor.

    Example:
        >>> g, d = nn.Linear(1, 1), nn.Linear(1, 1)
        >>> monitor = Monitor(g, d, every=1)
        >>> for _ in range(3):
        ...     monitor.step(0.7, 1.4)  # after optimizer.step()
        >>> monitor.record().motion.steps
        array([0, 1, 2, 3])
    """

    def __init__(
        self,
        generator: nn.Module,
        discriminator: nn.Module,
        *,
        every: int = 10,
        folder: str | os.PathLike[str] | None = None,
        measures: Mapping[str, Measure] | None = None,
        update: Update | None = None,
        copies: int = 2,
        size: float = 1e-3,
        window: int | None = None,
        health: bool | int = False,
        tensorboard: Any = None,
        seed: int = 0,
    ) -> None:
        window = 10 * every if window is None else window
        looks = LOOK_EVERY if health is True else int(health)
        counts = {"every": every, "copies": copies, "window": window, "health": looks if health else 1}
        for name, number in counts.items():
            if number < 1:
                raise ValueError(f"{name} must be at least 1, got {number}")
        if window % every:
            raise ValueError(f"window must be a multiple of every = {every}, got {window}")
        if not 0 < size < float("inf"):
            raise ValueError(f"size must be positive and finite, got {size}")
        began = time.perf_counter()
        self.generator, self.discriminator = generator, discriminator
        self.every, self.window, self.measures = every, window, dict(measures or {})
        self._parameters = [p for m in (generator, discriminator) for p in m.parameters() if p.requires_grad]
        self._shadows = (
            None if update is None else Shadows(generator, discriminator, update, copies, size, seed)
        )
        self._copies = copies if update is not None else 0
        self._recorder = MotionRecorder(sum(p.numel() for p in self._parameters), seed=seed)
        self._rest: list[np.ndarray] = []
        self._losses: list[tuple[float, float]] = []
        self._count = 0
        if tensorboard is not None and not health:
            raise ValueError("tensorboard shows what health sees: pass health=True with it")
        self._writer = None if tensorboard is None else summary_writer(tensorboard)
        self._watch = GradientWatch(generator, discriminator, looks) if health else None
        self._health: HealthTable | None = None
        self._folder = None if folder is None else Path(folder)
        if self._folder is not None:
            self._create(self._folder)
        if self._watch is not None:
            self._health = HealthTable(self._watch.settings, self._folder)
        self._look()
        self._began, self._spent = began, time.perf_counter() - began

    @property
    def cost(self) -> float:
        """Share of the wall-clock time since the monitor was made that it took itself, from 0 to 1."""
        return self._spent / max(time.perf_counter() - self._began, 1e-300)

    @property
    def diagnosis(self) -> TrainingDiagnosis:
        """What the training is doing, so far."""
        return self.record().diagnosis

    def step(
        self,
        loss_generator: float | Tensor = float("nan"),
        loss_discriminator: float | Tensor = float("nan"),
        *,
        batch: Any = None,
    ) -> None:
        """Note that one step of training was taken.

        Args:
            loss_generator: the generator's loss in the step.
            loss_discriminator: the discriminator's loss in the step.
            batch: what the step saw, handed to ``update``'s step; needed with ``update``.

        Raises:
            ValueError: no batch, with ``update``.
        """
        began = time.perf_counter()
        self._count += 1
        self._losses.append((_number(loss_generator), _number(loss_discriminator)))
        self._look_at_gradients()
        if self._shadows is not None:
            if batch is None:
                raise ValueError("the copies need what the step saw: call monitor.step(..., batch=batch)")
            self._shadows.step(batch)
        if self._count % self.every == 0:
            self._look()
        self._spent += time.perf_counter() - began

    def record(self) -> MonitorRecord:
        """Return what was seen so far."""
        health = None if self._health is None else self._health.record()
        return _record_of(self._settings(), self._recorder.state(), np.stack(self._rest), health)

    def _look_at_gradients(self) -> None:
        row = None if self._watch is None else self._watch.step(self._count, self._losses[-1])
        if row is None or self._health is None:
            return
        self._health.add(row)
        self._health.flush()
        if self._writer is not None:
            to_tensorboard(record_of(self._health.settings, row), self._writer)

    def _settings(self) -> dict[str, Any]:
        return {
            "every": self.every, "window": self.window, "copies": self._copies,
            "measures": list(self.measures),
        }  # fmt: skip

    def _look(self) -> None:
        losses = np.array(self._losses or [(np.nan, np.nan)], dtype=float)
        self._losses.clear()
        mean = losses.mean(axis=0)
        with torch.no_grad():
            x = torch.cat([p.detach().reshape(-1) for p in self._parameters])
            self._recorder.add(self._count, x, (float(mean[0]), float(mean[1])))
        measured = [float(take(self.generator, self.discriminator)) for take in self.measures.values()]
        self._rest.append(np.array([*losses.std(axis=0), *self._growth(), *measured]))
        if self._folder is not None:
            with (self._folder / _TABLE).open("a") as file:
                row = [*self._recorder.last, *self._rest[-1]]
                file.write(",".join(repr(float(value)) for value in row) + "\n")

    def _growth(self) -> np.ndarray:
        if self._shadows is None or self._count == 0 or self._count % self.window:
            return np.full(self._copies, np.nan)
        return self._shadows.close_window()

    def _create(self, folder: Path) -> None:
        if (folder / _SETTINGS).exists():
            raise RunError(f"{folder} holds the record of another monitor; choose another folder")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / _TABLE).write_text("")
        write_json(folder / _SETTINGS, self._settings())


def read_monitor(folder: str | os.PathLike[str]) -> MonitorRecord:
    """Return what a monitor wrote into a folder, also while it is still writing.

    Args:
        folder: the folder given to the monitor.

    Raises:
        RunError: no monitor wrote there.
    """
    settings = read_json(Path(folder) / _SETTINGS)
    lines = (Path(folder) / _TABLE).read_text().split("\n")[:-1]  # the rest is an unfinished row
    table = np.array([[float(value) for value in row] for row in csv.reader(lines)])
    rest = 2 + settings["copies"] + len(settings["measures"])
    health = read_health(folder) if (Path(folder) / "health.json").exists() else None
    return _record_of(settings, table[:, :-rest], table[:, -rest:], health)


def _record_of(
    settings: Mapping[str, Any], rows: np.ndarray, rest: np.ndarray, health: HealthRecord | None
) -> MonitorRecord:
    m = settings["copies"]
    own = {name: rest[:, 2 + m + i] for i, name in enumerate(settings["measures"])}
    growth = rest[:, 2 : 2 + m]
    return MonitorRecord(
        motion_of(rows), rest[:, :2], growth, settings["window"], own, settings["every"], health
    )


def _number(loss: float | Tensor) -> float:
    return float(loss.detach()) if isinstance(loss, Tensor) else float(loss)
