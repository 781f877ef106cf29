"""Ready-made animations: a GAN over its training, and a field with a state moving in it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from itertools import repeat
from typing import TYPE_CHECKING, Any

from matplotlib.figure import Figure

from gandyn.arrays import to_numpy
from gandyn.checks import check_option
from gandyn.planes import FieldSlice
from gandyn.plot.animations import Animation, animate
from gandyn.plot.learning import VIEWS
from gandyn.plot.marks import plane_coordinates
from gandyn.plot.portraits import portrait

if TYPE_CHECKING:
    from gandyn.nets import Snapshots

__all__ = ["animate_field", "animate_training"]


def animate_training(
    snapshots: Snapshots,
    path: str | os.PathLike[str],
    *,
    view: str,
    real: Any = None,
    steps: Sequence[int] | None = None,
    **settings: Any,
) -> Animation:
    """Write an animation of a GAN over its training, a frame for each checkpoint.

    Each process reads the checkpoints of its frames from the run folder, so that memory does not grow with
    the length of the run.

    Args:
        snapshots: what to show at a step, made by ``nets.Snapshots(run, ...)``.
        path: the file, as for ``animate``.
        view: "line" (data, samples and the discriminator's curve on the line), "plane" (its probability with
            the samples over it), "arrows" (latents to samples), "surface" (in 3-D) or "images".
        real: real samples, shape (M, 1) or (M, 2); not needed for images.
        steps: checkpoints to show; the default is all.
        **settings: passed to ``animate``: ``fps``, ``size``, ``workers``, ...

    Returns:
        The animation.

    Raises:
        ValueError: an unknown view, no real samples where they are drawn, a step without a checkpoint, or
            what ``animate`` refuses.
    """
    check_option("view", view, list(VIEWS))
    if real is None and view != "images":
        raise ValueError(f"the view {view!r} draws real samples: pass real=data.images")
    known = snapshots.steps
    frames = known if steps is None else list(steps)
    missing = sorted(set(frames) - set(known))
    if missing:
        raise ValueError(f"no checkpoint at steps {missing[:5]}; train with a smaller checkpoint_every")
    draw, shown = VIEWS[view], None if real is None else to_numpy(real)
    return animate(lambda figure, step: draw(figure, snapshots(step), shown), frames, path, **settings)


def animate_field(
    slices: FieldSlice | Iterable[FieldSlice],
    path: str | os.PathLike[str],
    *,
    trajectory: Any = None,
    states: Sequence[int] | None = None,
    **settings: Any,
) -> Animation:
    """Write an animation of a velocity field on a plane, with a state that moves in it.

    Args:
        slices: the sampled velocity, one for every frame where the field itself changes (such as that of a
            network at each checkpoint), or one for all.
        path: the file, as for ``animate``.
        trajectory: a path with ``x`` (T, n) or ``coordinates`` (T, 2), or an array (T, 2) in plane
            coordinates; each frame shows it from its start up to a state.
        states: index of that state for each frame; the default is every state of the trajectory.
        **settings: passed to ``animate``: ``fps``, ``size``, ``workers``, ...

    Returns:
        The animation.

    Raises:
        ValueError: one slice without a trajectory, states that are out of range, or another number of slices.
    """
    if trajectory is None:
        if isinstance(slices, FieldSlice):
            raise ValueError(
                "one slice is one picture: pass a trajectory that moves, or a slice for each frame"
            )
        return animate(lambda figure, each: portrait(figure.add_subplot(), each), slices, path, **settings)
    length = len(getattr(trajectory, "coordinates", getattr(trajectory, "x", trajectory)))
    ends = range(length) if states is None else list(states)
    if not all(0 <= end < length for end in ends):
        raise ValueError(f"states must be from 0 to {length - 1}, the states of the trajectory")

    def draw(figure: Figure, frame: tuple[FieldSlice, int]) -> None:
        each, end = frame
        path = plane_coordinates(each.plane, trajectory)
        portrait(figure.add_subplot(), each, trajectories=[path[: end + 1]])

    each = repeat(slices, len(ends)) if isinstance(slices, FieldSlice) else slices
    return animate(draw, zip(each, ends, strict=True), path, **settings)
