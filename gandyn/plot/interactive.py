"""A portrait with sliders over the constants of a game."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.figure import Figure, SubFigure
from matplotlib.widgets import Slider

from gandyn.field import System
from gandyn.planes import Plane, coordinate_plane, sample
from gandyn.plot.marks import axis_label
from gandyn.plot.portraits import PortraitArtists, portrait

__all__ = ["InteractivePortrait", "interactive_portrait"]

#: ((a_min, a_max), (b_min, b_max)) in plane coordinates, or the half-width of a square.
Window = float | tuple[tuple[float, float], tuple[float, float]]

_BAR = 0.3  # inches a slider


@dataclass(eq=False)
class InteractivePortrait:
    """A portrait that follows its sliders; keep it, for a slider that nothing refers to stops moving.

    Args:
        figure: the figure.
        sliders: a slider a constant, by name.
        system: the system at the constants shown.
        artists: what the portrait last drew.
    """

    figure: Figure
    sliders: dict[str, Slider]
    system: System
    artists: PortraitArtists


def interactive_portrait(
    field: System,
    window: Window,
    constants: Mapping[str, tuple[float, float]],
    *,
    plane: Plane | None = None,
    points: int = 30,
    fixed_points: Callable[[System], Iterable[Any]] | None = None,
    trajectories: Callable[[System], Iterable[Any]] | None = None,
    **drawing: Any,
) -> InteractivePortrait:
    """Open a portrait with a slider for each constant of a game, in a window or a notebook.

    In a notebook, run ``%matplotlib widget`` first (package ipympl); without it the figure is still.

    Args:
        field: a field or map with constants.
        window: ((a_min, a_max), (b_min, b_max)), or the half-width of a square about (0, 0).
        constants: lowest and highest value of each constant that gets a slider.
        plane: the plane to draw; the two coordinates of a two-dimensional system by default.
        points: grid points along each axis.
        fixed_points: ``fixed_points(system)`` returns those of the system at the constants shown, as
            ``portrait`` takes them.
        trajectories: ``trajectories(system)`` likewise.
        **drawing: passed to ``portrait``: ``nullclines``, ``density``, ...

    Returns:
        The figure with its sliders.

    Raises:
        ValueError: no constant, one that the field does not have, a range that does not increase or does
            not hold the present value, or no plane for a system of more than two dimensions.
    """
    _check(field, constants)
    if plane is None:
        if field.layout.dim != 2:
            raise ValueError(
                f"a system of {field.layout.dim} dimensions needs plane=, for example coordinate_plane(...)"
            )
        plane = coordinate_plane(field.layout, *field.layout.names)
    from matplotlib import pyplot

    figure = pyplot.figure(layout="constrained")
    bars = _BAR * len(constants)
    parts: Any = figure.subfigures(2, 1, height_ratios=[max(figure.get_figheight() - bars, bars), bars])
    above, below = parts
    sliders = _sliders(below, field, constants)

    def draw(system: System) -> PortraitArtists:
        above.clear()
        velocity = sample(system, plane, window, points=points, progress=False)
        found = {"fixed_points": fixed_points, "trajectories": trajectories}
        results: dict[str, Any] = {name: find(system) for name, find in found.items() if find}
        return portrait(above.subplots(), velocity, **results, **drawing)

    shown = InteractivePortrait(figure, sliders, field, draw(field))

    def follow(_: float) -> None:
        shown.system = field.with_constants(**{name: float(slider.val) for name, slider in sliders.items()})
        shown.artists = draw(shown.system)
        figure.canvas.draw_idle()

    for slider in sliders.values():
        slider.on_changed(follow)
    return shown


def _check(field: System, constants: Mapping[str, tuple[float, float]]) -> None:
    unknown = [name for name in constants if name not in field.constants]
    if unknown or not constants:
        raise ValueError(f"constants must name some of {list(field.constants)}, got {list(constants)}")
    for name, (low, high) in constants.items():
        if not (np.isfinite([low, high]).all() and low < high):
            raise ValueError(f"the range of {name} must be finite and increase, got ({low}, {high})")
        if not low <= field.constants[name] <= high:
            raise ValueError(
                f"the range of {name}, ({low}, {high}), must hold its value {field.constants[name]}; "
                f"widen it, or start from field.with_constants({name}=...)"
            )


def _sliders(
    figure: SubFigure, field: System, constants: Mapping[str, tuple[float, float]]
) -> dict[str, Slider]:
    height = 1 / len(constants)
    places = {name: (0.2, 1 - (i + 0.8) * height, 0.6, 0.6 * height) for i, name in enumerate(constants)}
    return {
        name: Slider(
            figure.add_axes(places[name]), axis_label(name), low, high, valinit=field.constants[name]
        )
        for name, (low, high) in constants.items()
    }
