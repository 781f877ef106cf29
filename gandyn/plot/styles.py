"""The look shared by all pictures: palette, colour maps and settings for the width of a paper column."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.colors import Colormap, ListedColormap

__all__ = [
    "DISCRIMINATOR",
    "GENERATOR",
    "LOSS_MAP",
    "NEUTRAL",
    "NONFINITE",
    "OFF_PLANE_MAP",
    "OKABE_ITO",
    "PAPER_COLUMN",
    "PLAYERS",
    "SHARED",
    "SPEED_MAP",
    "style",
]

#: The eight colours of Okabe and Ito (2008), told apart under every common colour vision.
OKABE_ITO: dict[str, str] = {
    "black": "#000000",
    "orange": "#E69F00",
    "sky blue": "#56B4E9",
    "bluish green": "#009E73",
    "yellow": "#F0E442",
    "blue": "#0072B2",
    "vermillion": "#D55E00",
    "reddish purple": "#CC79A7",
}

#: Colour of everything that belongs to the generator.
GENERATOR = OKABE_ITO["vermillion"]
#: Colour of everything that belongs to the discriminator.
DISCRIMINATOR = OKABE_ITO["blue"]
#: Colour of what belongs to no player, or to both.
SHARED = OKABE_ITO["reddish purple"]
#: Colour of captions and of reference lines.
NEUTRAL = "#444444"
#: Colour of points where a value is not finite.
NONFINITE = NEUTRAL
#: Colours by the name of the player.
PLAYERS: dict[str, str] = {
    "generator": GENERATOR,
    "discriminator": DISCRIMINATOR,
    "memory": SHARED,
    "state": SHARED,
}

#: Width of one column of a paper, in inches.
PAPER_COLUMN = 3.3


def _part(name: str, low: float, high: float) -> Colormap:
    colours = mpl.colormaps[name](np.linspace(low, high, 256))
    return ListedColormap(colours, name=f"{name}_part")


#: Speed: slow is light, fast is dark; the yellow end of viridis, lost on white, is left out.
SPEED_MAP: Colormap = _part("viridis_r", 0.12, 1.0)
#: Off-plane share: white where the plane shows all of the velocity, grey where it shows none.
OFF_PLANE_MAP: Colormap = _part("Greys", 0.0, 0.45)
#: Losses.
LOSS_MAP: Colormap = mpl.colormaps["cividis"]

_CYCLE = [OKABE_ITO[name] for name in OKABE_ITO if name not in ("black", "yellow")] + [OKABE_ITO["black"]]

_RC: dict[str, Any] = {
    "font.size": 8.0,
    "axes.titlesize": 8.5,
    "axes.labelsize": 8.0,
    "xtick.labelsize": 7.0,
    "ytick.labelsize": 7.0,
    "legend.fontsize": 7.0,
    "legend.frameon": False,
    "legend.handlelength": 1.6,
    "legend.columnspacing": 1.0,
    "legend.borderaxespad": 0.3,
    "axes.linewidth": 0.6,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "lines.linewidth": 1.1,
    "lines.markersize": 4.0,
    "axes.prop_cycle": f"cycler('color', {_CYCLE})",
    "axes.axisbelow": True,
    "figure.facecolor": "white",
    "axes.facecolor": "white",
    "savefig.facecolor": "white",
    "figure.constrained_layout.use": True,
    "savefig.dpi": 300,
    "grid.linewidth": 0.4,
    "grid.color": "#DDDDDD",
    "pdf.fonttype": 42,
    "svg.fonttype": "none",
    "image.cmap": "viridis",
}


def style(width: float = PAPER_COLUMN, height: float | None = None) -> AbstractContextManager[None]:
    """Return a context in which figures are legible at the width of a paper column.

    Args:
        width: width of a figure, in inches; the default is one column.
        height: height of a figure, in inches; the default is 0.85 of the width.

    Returns:
        Context manager; the settings before it come back on leaving.

    Raises:
        ValueError: a width or height that is not positive.

    Example:
        >>> with style():
        ...     size = mpl.rcParams["figure.figsize"]
        >>> size[0]
        3.3
    """
    height = 0.85 * width if height is None else height
    if not (width > 0 and height > 0):
        raise ValueError(f"width and height of a figure, in inches, must be positive, got {width} x {height}")
    settings: Any = {**_RC, "figure.figsize": (width, height)}
    return mpl.rc_context(settings)
