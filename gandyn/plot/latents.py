"""Ways through latent space, as rows of images with what each is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from matplotlib.text import Text

from gandyn.arrays import Array, to_numpy
from gandyn.plot.images import image_grid
from gandyn.plot.keys import caption
from gandyn.plot.styles import GENERATOR

if TYPE_CHECKING:
    from gandyn.nets import Combination, Walk

__all__ = ["LabelledGrid", "combination", "labelled_grid", "latent_walks"]


@dataclass(frozen=True, eq=False)
class LabelledGrid:
    """What ``labelled_grid`` drew.

    Args:
        picture: the images.
        columns: labels above the columns.
        rows: labels left of the rows.
        frames: frames about the marked images.
    """

    picture: Artist
    columns: tuple[Text, ...]
    rows: tuple[Text, ...]
    frames: tuple[Rectangle, ...]


def labelled_grid(
    ax: Axes,
    images: Array,
    *,
    columns: Sequence[str] = (),
    rows: Sequence[str] = (),
    marked: Any = None,
    value_range: tuple[float, float] | None = None,
) -> LabelledGrid:
    """Draw images in rows, with a label for each column and row: interpolations, and grids of classes.

    Args:
        ax: axes to draw in.
        images: shape (rows * columns, C, H, W), row by row.
        columns: labels of the columns; without rows, all images are one row.
        rows: labels of the rows.
        marked: shape (rows * columns,), bool: images that get a frame.
        value_range: values shown black and white, as for ``image_grid``.

    Returns:
        The artists.

    Raises:
        ValueError: labels that do not divide the images, or another number of marks.

    Example:
        >>> from matplotlib.figure import Figure
        >>> drawn = labelled_grid(Figure().subplots(), np.zeros((6, 1, 4, 4)), rows=["cat", "dog"])
        >>> [text.get_text() for text in drawn.rows]
        ['cat', 'dog']
    """
    count, *_, tall, wide = to_numpy(images).shape
    width = len(columns) or count // max(1, len(rows))
    height = len(rows) or count // max(1, width)
    if width * height != count or not count:
        raise ValueError(f"{len(rows)} rows and {len(columns)} columns do not divide {count} images")
    flags = np.zeros(count, dtype=bool) if marked is None else np.asarray(to_numpy(marked), dtype=bool)
    if flags.shape != (count,):
        raise ValueError(f"marked must have shape ({count},), got {flags.shape}")
    picture = image_grid(ax, images, columns=width, value_range=value_range)
    look: dict[str, Any] = {"fontsize": "small", "annotation_clip": False}
    across = tuple(
        ax.annotate(name, (i * (wide + 1) + (wide - 1) / 2, -1.0), ha="center", va="bottom", **look)
        for i, name in enumerate(columns)
    )
    down = tuple(
        ax.annotate(name, (-1.0, i * (tall + 1) + (tall - 1) / 2), ha="right", va="center", **look)
        for i, name in enumerate(rows)
    )
    frame: dict[str, Any] = {"fill": False, "edgecolor": GENERATOR, "linewidth": 1.2, "clip_on": False}
    places = np.flatnonzero(flags)
    corners = [((k % width) * (wide + 1) - 0.5, (k // width) * (tall + 1) - 0.5) for k in places]
    frames = tuple(Rectangle(corner, wide, tall, **frame) for corner in corners)
    for each in frames:
        ax.add_patch(each)
    return LabelledGrid(picture, across, down, frames)


def latent_walks(
    ax: Axes, images: Array, walks: Sequence[Walk], *, value_range: tuple[float, float] | None = None
) -> LabelledGrid:
    """Draw walks along latent dimensions, a row each; images outside the prior's support have a frame.

    Args:
        ax: axes to draw in.
        images: shape (walks * count, C, H, W), what the generator makes of the latents of all walks in turn.
        walks: walks of the same number of latents; the values of the first label the columns, and are those
            of all where they agree.
        value_range: values shown black and white, as for ``image_grid``.

    Returns:
        The artists.

    Raises:
        ValueError: walks with other values, or another number of images.
    """
    values = [np.round(to_numpy(walk.values), 6).tolist() for walk in walks]
    if not walks or any(other != values[0] for other in values):
        raise ValueError("walks in one picture must have the same values; draw the others in their own axes")
    drawn = labelled_grid(
        ax, images, columns=[f"{value:.3g}" for value in values[0]],
        rows=[f"$z_{{{walk.dimension}}}$" for walk in walks],
        marked=~np.concatenate([to_numpy(walk.inside) for walk in walks]), value_range=value_range,
    )  # fmt: skip
    note = f"Framed: outside the {walks[0].prior} prior." if drawn.frames else ""
    caption(ax, [note])
    return drawn


def combination(
    ax: Axes, found: Combination, names: Sequence[str] = (), *, value_range: tuple[float, float] | None = None
) -> LabelledGrid:
    """Draw the images of a sum of latents: its parts, the image of the sum, and the sum of the images.

    Args:
        ax: axes to draw in.
        found: what ``nets.combine`` returned, of a generator of images.
        names: names of the parts; the default is their weights.
        value_range: values shown black and white; the default covers the images that the generator made,
            and what the sum of images has beyond is counted below the picture.

    Returns:
        The artists.

    Raises:
        ValueError: another number of names than of parts.
    """
    weights = to_numpy(found.weights).tolist()
    if names and len(names) != len(weights):
        raise ValueError(f"names must be {len(weights)}, one a part, got {len(names)}")
    pairs = zip(weights, names or [""] * len(weights), strict=True)
    labels = [f"{weight:+g} {name}".strip() for weight, name in pairs]
    made = [
        *to_numpy(found.images),
        to_numpy(found.image_of_combination),
        to_numpy(found.combination_of_images),
    ]
    low = min(float(image.min()) for image in made[:-1])
    shown = value_range or ((-1.0, 1.0) if low < 0 else (0.0, 1.0))
    return labelled_grid(
        ax, np.stack(made), columns=[*labels, "image\nof sum", "sum of\nimages"], value_range=shown
    )
