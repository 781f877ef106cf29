"""The pictures of a report, as data that a page carries inside."""

from __future__ import annotations

import base64
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from gandyn import plot
from gandyn.plot import figures
from gandyn.report.analysis import Analysis
from gandyn.report.modes import STILL

__all__ = ["Picture", "pictures"]

#: Losses in nats: logarithms of probabilities.
_ENTROPIES = ("saturating", "nonsaturating")


#: Pixels of a picture to one of the page.
_DENSITY = 2


@dataclass(frozen=True)
class Picture:
    """A picture as a page holds it.

    Args:
        uri: the whole file as a data URI.
        width: width on the page, in pixels.
        height: height on the page, in pixels.
    """

    uri: str
    width: int
    height: int


def _placed(file: bytes) -> Picture:
    """Return a PNG file as a picture, half as wide on the page as it has pixels."""
    width, height = (int.from_bytes(file[at : at + 4], "big") // _DENSITY for at in (16, 20))
    return Picture("data:image/png;base64," + base64.b64encode(file).decode(), width, height)


def pictures(found: Analysis) -> dict[str, Picture]:
    """Return the pictures of an analysis by name; what was left out has none."""
    history, losses = found.history, found.numbers["run"]["settings"]["losses"]
    unit = "nats" if losses["name"] in _ENTROPIES else ""
    halves = {"sum": 2 * math.log(2), "mean": math.log(2)}
    reference = halves.get(losses.get("halves", "")) if unit else None
    made: dict[str, Picture] = {}

    def add(name: str, draw: Callable[[Any], Any], **size: Any) -> None:
        made[name] = _placed(figures.picture(draw, **size))

    if len(history["step"]) > 1:
        add("curves", lambda ax: plot.training_curves(ax, history, reference=reference, unit=unit))
        add("gradients", lambda ax: plot.gradient_norms(ax, history), height=3.6, width=4.2)
        if np.isfinite(history["accuracy_real"]).any():
            add("accuracy", lambda ax: plot.accuracy(ax, history))
    if found.watched is not None and len(found.watched.steps) > 1:
        watched = found.watched
        add("small_entries", lambda ax: plot.gradient_counts(ax, watched), height=3.6)
        add("leverage", lambda ax: plot.gradient_counts(ax, watched, measure="leverage"), height=3.6)
    _samples(found, add)
    for player, drawn in found.landscapes.items():
        add(f"contour_{player}", partial(plot.landscape_contour, landscape=drawn, player=player, unit=unit))
        add(
            f"surface_{player}",
            partial(plot.landscape_surface, landscape=drawn, player=player, unit=unit),
            projection="3d",
        )
    if found.slice is not None:
        field_slice = found.slice
        add("field", lambda ax: plot.portrait(ax, field_slice), width=4.6, height=4.6)
    if found.path is not None:
        path, steps = found.path, found.numbers["path"]["steps"]
        add("path", lambda ax: plot.projection(ax, path, steps), width=4.2)
    if found.spectra and np.abs(found.spectra[max(found.spectra)].eigenvalues).max() > STILL:
        _spectra(found, add)
    if found.angle is not None:
        path_angle = found.angle
        add("path_angle", lambda ax: plot.path_angle(ax, path_angle), width=4.6)
    if found.update is not None and np.abs(found.update.eigenvalues - 1).max() > STILL:
        update = found.update
        add("update", lambda ax: plot.spectrum(ax, update))
    if found.nearby is not None and len(found.nearby.growth):
        cluster = found.nearby
        add("separation", lambda ax: plot.separation(ax, cluster))
        add("window_exponents", lambda ax: plot.window_exponents(ax, cluster))
    return made


def _samples(found: Analysis, add: Callable[..., None]) -> None:
    """Draw generated and real samples: images side by side, points in one picture."""
    generated, real = found.samples.generated, found.samples.real
    scale = found.samples.value_range
    shape = tuple(generated.shape[1:])
    if len(shape) == 1 and shape[0] in (1, 2):
        add("generated", lambda ax: plot.image_grid(ax, generated, real=real))
    elif len(shape) == 3 and shape[0] in (1, 3):
        add("generated", lambda ax: plot.image_grid(ax, generated, value_range=scale), height=3.3)
        add("real", lambda ax: plot.image_grid(ax, real, value_range=scale), height=3.3)


def _spectra(found: Analysis, add: Callable[..., None]) -> None:
    last, steps = found.spectra[max(found.spectra)], sorted(found.spectra)
    step = found.numbers.get("step_in_use", {}).get("step_size")
    add("spectrum", lambda ax: plot.spectrum(ax, last, step))
    if len(steps) > 1:
        spectra = [found.spectra[at] for at in steps]
        add("over_training", lambda ax: plot.eigenvalues_over_training(ax, steps, spectra))
