"""Both losses round one checkpoint, for the command line: a store that resumes, and pictures."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args

import torch

from gandyn import plot
from gandyn.checks import check_option
from gandyn.landscapes import Landscape, landscape
from gandyn.nets import Run
from gandyn.planes import Plane, filter_normalized_plane, pca_plane, project
from gandyn.plot import figures
from gandyn.report.point import PLAYERS, Effort, Point
from gandyn.report.subject import Given, subject_of
from gandyn.report.words import count
from gandyn.tiles import ship_by_value

__all__ = ["PLANES", "View", "write_landscape"]

PlaneKind: TypeAlias = Literal["axis per player", "both", "generator", "discriminator", "pca"]
#: Planes by name.
PLANES: tuple[PlaneKind, ...] = get_args(PlaneKind)


@dataclass(frozen=True)
class View:
    """What to look at.

    Args:
        plane: "axis per player", "both", "generator" or "discriminator" (filter-normalised random
            directions), or "pca" (the plane of the checkpoints).
        points: points along each side.
        extent: half-width of the grid; by default 1, or the box round the checkpoints.
        measures: what to read beside the losses.
        samples: samples in the batch, at least 4.
        seed: seed of the batch and of random directions.
        memory: bytes that an evaluation may hold, such as "4GiB"; see ``nets.gan_losses``.
    """

    plane: PlaneKind = "axis per player"
    points: int = 25
    extent: float | None = None
    measures: tuple[str, ...] = ("field",)
    samples: int = 128
    seed: int = 0
    memory: str | None = None

    def __post_init__(self) -> None:
        check_option("plane", self.plane, PLANES)


def write_landscape(
    run: Run,
    store: Path,
    view: View,
    checkpoint: int | None = None,
    *,
    executor: Executor | None = None,
    progress: bool = True,
) -> tuple[Landscape, list[Path]]:
    """Evaluate both losses round a checkpoint into a store, and draw them beside it.

    A call that was interrupted goes on from what is in the store.

    Args:
        run: the run, rebuilt from its settings.
        store: the Zarr store.
        view: plane, grid, measures and batch.
        checkpoint: step of the checkpoint; None for the last.
        executor: what computes the tiles; None for this process.
        progress: show progress bars when on a terminal.

    Returns:
        The landscape, and the paths of the pictures.

    Raises:
        RunError: no checkpoint, or a run that cannot be rebuilt from its settings.
        ValueError: no such checkpoint, or a store made with other settings.
    """
    if checkpoint is not None and checkpoint not in run.steps:
        raise ValueError(f"{run.folder} has no checkpoint {checkpoint}; it has {run.steps}")
    subject = subject_of(run, Given(), samples=view.samples, seed=view.seed)
    point = Point(subject, Effort(samples=view.samples, seed=view.seed), progress, checkpoint)
    folder = (run.settings.get("origin") or {}).get("path")
    if executor is not None and folder:
        ship_by_value(Path(folder))
    path = None
    if view.plane == "pca":
        path = torch.stack([subject.state(step) for step in run.steps if step <= point.step])
    plane = _plane(point, view, path)
    found = landscape(
        subject.loss_function(point.step, view.memory), plane, _extent(plane, view, path), points=view.points,
        measures=view.measures, executor=executor, store=store, progress=progress,
        settings={"checkpoint": point.step, "seed": view.seed, "samples": view.samples},
        label=f"step {count(point.step)}",
    )  # fmt: skip
    return found, list(_draw(found, store, None if path is None else project(plane, path)))


def _plane(point: Point, view: View, path: Any) -> Plane:
    if path is not None:
        return replace(pca_plane(path, point.layout, "last"), origin=point.x)
    players: Any = view.plane
    return filter_normalized_plane(
        point.layout, point.x, players=players, seed=view.seed, zero_filters="skip"
    )


def _extent(plane: Plane, view: View, path: Any) -> Any:
    if view.extent is not None or path is None:
        return view.extent
    return project(plane, path).extent()


def _draw(found: Landscape, store: Path, path: Any) -> Iterator[Path]:
    """Write contours and a surface of each loss, and the field where it was measured; yield their paths."""
    for player in PLAYERS:
        contour = lambda ax, player=player: plot.landscape_contour(ax, found, player, trajectory=path)
        surface = lambda ax, player=player: plot.landscape_surface(ax, found, player, trajectory=path)
        yield _written(store, player, figures.picture(contour))
        yield _written(store, f"{player}_surface", figures.picture(surface, projection="3d"))
    if found.velocity is not None:
        yield _written(
            store, "field", figures.picture(lambda ax: plot.portrait(ax, found.field), width=4.6, height=5.6)
        )


def _written(store: Path, name: str, picture: bytes) -> Path:
    path = store.with_name(f"{store.stem}_{name}.png")
    path.write_bytes(picture)
    return path
