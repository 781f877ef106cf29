"""Figures that stay in memory: one axes to draw in, and the picture as bytes."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from gandyn.plot.styles import PAPER_COLUMN, style

__all__ = ["FORMATS", "picture"]

#: File formats of a picture.
FORMATS = ("png", "svg", "pdf")


def picture(
    draw: Callable[[Any], Any],
    *,
    file_format: str = "png",
    width: float = PAPER_COLUMN,
    height: float | None = None,
    projection: str | None = None,
    dpi: float = 220,
) -> bytes:
    """Return a figure of one axes as the bytes of a file; no window, no global state.

    Args:
        draw: ``draw(ax)`` draws into the axes.
        file_format: one of ``FORMATS``.
        width: width of the figure, in inches.
        height: height of the figure, in inches; 0.85 of the width by default.
        projection: of the axes, such as "3d"; None for a flat one.
        dpi: pixels an inch.

    Returns:
        The file.

    Raises:
        ValueError: another format.

    Example:
        >>> picture(lambda ax: ax.plot([0, 1]), width=2, dpi=50)[1:4]
        b'PNG'
    """
    if file_format not in FORMATS:
        raise ValueError(f"the format of a picture must be one of {FORMATS}, got {file_format!r}")
    with style(width, height):
        figure = Figure()
        FigureCanvasAgg(figure)
        draw(figure.add_subplot(projection=projection))
        file = BytesIO()
        # what would differ from one call to the next is left out
        metadata = {"png": {"Software": None}, "svg": {"Date": None}, "pdf": {"CreationDate": None}}
        figure.savefig(file, format=file_format, dpi=dpi, metadata=metadata[file_format])
    return file.getvalue()
