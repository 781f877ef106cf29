"""What explains a picture: legends, captions, colour bars and their limits."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any
from weakref import WeakKeyDictionary

import matplotlib as mpl
import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colorbar import Colorbar
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.legend import Legend
from matplotlib.text import Annotation, Text
from matplotlib.textpath import TextPath
from matplotlib.ticker import FuncFormatter, LogLocator
from matplotlib.transforms import ScaledTranslation

from gandyn.plot.styles import NEUTRAL

__all__ = ["caption", "colour_bar", "legend_below", "make_room", "robust_norm", "sentences", "wrapped"]


#: What each legend and each caption shows, for what is drawn into the same axes later.
_HANDLES: WeakKeyDictionary[Legend, list[Artist]] = WeakKeyDictionary()
_LINES: WeakKeyDictionary[Text, list[str]] = WeakKeyDictionary()


def make_room(ax: Axes) -> None:
    """Give a figure without a layout a constrained one, in which captions and colour bars have room."""
    figure = ax.figure
    if isinstance(figure, Figure) and figure.get_layout_engine() is None:
        figure.set_layout_engine("constrained")


def legend_below(ax: Axes, handles: Sequence[Artist]) -> Legend | None:
    """Put the legend below the horizontal label, where it hides no data, in as many columns as fit.

    A legend put there before stays: what is new joins it, one entry for each label.

    Args:
        ax: axes with a horizontal label.
        handles: labelled artists.

    Returns:
        The legend, or None without a handle.
    """
    if not handles:
        return None
    make_room(ax)
    before = ax.get_legend()
    earlier = _HANDLES.get(before, []) if before else []
    known = {str(handle.get_label()) for handle in earlier}
    handles = [*earlier, *(handle for handle in handles if str(handle.get_label()) not in known)]
    ticks, label = _points("xtick.labelsize"), _points("axes.labelsize")
    drop = 1.2 * (ticks + label) + mpl.rcParams["xtick.major.size"] + mpl.rcParams["axes.labelpad"] + 4
    figure: Any = ax.figure
    below = ax.transAxes + ScaledTranslation(0, -drop / 72, figure.dpi_scale_trans)
    legend = ax.legend(
        handles=handles, loc="upper center", bbox_to_anchor=(0.5, 0.0), bbox_transform=below,
        ncols=_columns(handles, 72 * 1.3 * _inches(ax), ticks), frameon=False, fontsize=ticks, borderpad=0.1,
        borderaxespad=0.0, handlelength=1.6, columnspacing=1.0,
    )  # fmt: skip
    _HANDLES[legend] = handles
    return legend


def _inches(ax: Axes) -> float:
    """Return the width that an axes will keep, before a layout makes room for its labels."""
    figure: Any = ax.figure
    return float(0.85 * ax.get_position().width * figure.bbox.width / figure.dpi)


def _columns(handles: Sequence[Artist], width: float, size: float) -> int:
    """Return how many columns of a legend, filled column by column, fit a width in points."""
    texts = [
        TextPath((0, 0), str(h.get_label()), size=size).get_extents().width + 3.5 * size for h in handles
    ]
    for columns in range(min(4, len(texts)), 1, -1):
        if sum(part.max() for part in np.array_split(texts, columns)) <= width:
            return columns
    return 1


def caption(ax: Axes, lines: Sequence[str]) -> Annotation | None:
    """Write what a reader must know of a picture below its label and legend, wrapped to its width.

    A layout then makes room for the text, and thereby for the legend above it, which may be wider
    than the axes: without a line a blank one keeps that room. Lines written before stay, in front.

    Args:
        ax: axes with a horizontal label.
        lines: sentences; empty ones are left out.

    Returns:
        The text, or None without a line and a legend.
    """
    make_room(ax)
    size = _points("xtick.labelsize")
    lines = [*_taken_back(ax), *(line for line in lines if line)]
    text = wrapped(ax, " ".join(lines))
    legend = ax.get_legend()
    if legend:
        legend.set_in_layout(False)
    elif not text:
        return None
    above: Any = legend or ax.xaxis.label
    note = ax.annotate(
        text or " ", (0.5, 0.0), xycoords=above, xytext=(0, -3), textcoords="offset points",
        ha="center", va="top", fontsize=size, color=NEUTRAL, annotation_clip=False,
    )  # fmt: skip
    _LINES[note] = lines
    return note


def wrapped(ax: Axes, text: str) -> str:
    """Return a text of captions in lines as wide as the axes."""
    size = _points("xtick.labelsize")
    return textwrap.fill(text, max(24, int(72 * _inches(ax) / (0.5 * size))))


def _taken_back(ax: Axes) -> list[str]:
    """Remove the caption of an axes; return its lines."""
    for text in list(ax.texts):
        if text in _LINES:
            text.remove()
            return _LINES[text]
    return []


def sentences(notes: Sequence[str]) -> list[str]:
    """Return notes as sentences of a caption.

    Example:
        >>> sentences(["two components explain 91% of the variance"])
        ['Two components explain 91% of the variance.']
    """
    return [note[:1].upper() + note[1:].rstrip(".") + "." for note in notes if note]


def _points(name: str) -> float:
    """Return the font size of an rc entry in points, "medium" and its kin resolved."""
    settings: Any = mpl.rcParams
    return float(FontProperties(size=settings[name]).get_size_in_points())


def robust_norm(values: np.ndarray, *, log: bool, decades: float = 4.0) -> tuple[Normalize, str]:
    """Return colour limits that a few extreme values do not rule, and on which sides values lie beyond.

    The limits are the 1st and 99th percentiles of the finite values (the extremes themselves when
    they are near), and on a log scale at most ``decades`` apart.

    Args:
        values: what is coloured, any shape; on a log scale only positive values count.
        log: a logarithmic scale.
        decades: longest range of a log scale, in powers of ten.

    Returns:
        The norm, and ``"neither"``, ``"min"``, ``"max"`` or ``"both"`` for the ends of its colour bar.

    Example:
        >>> norm, extend = robust_norm(np.append(np.linspace(1, 2, 1000), 1e9), log=True)
        >>> float(norm.vmin), round(float(norm.vmax), 2), extend
        (1.0, 1.99, 'max')
    """
    values = values[np.isfinite(values) & ((values > 0) | (not log))]
    if values.size == 0:
        return (LogNorm(0.1, 1.0) if log else Normalize(0.0, 1.0)), "neither"
    least, most = float(values.min()), float(values.max())
    low, high = (float(v) for v in np.percentile(values, [1, 99]))
    near = 2.0 if log else 0.25 * (high - low)
    low = least if (low <= least * near if log else low - least <= near) else low
    high = most if (most <= high * near if log else most - high <= near) else high
    if log:
        low = max(low, high / 10**decades)
    if not high > low:
        low, high = (low / 1.5, high * 1.5) if log else (low - 0.5, high + 0.5)
    ends = {(False, False): "neither", (True, False): "min", (False, True): "max", (True, True): "both"}
    return (LogNorm(low, high) if log else Normalize(low, high)), ends[(least < low, most > high)]


def colour_bar(ax: Axes, mappable: ScalarMappable, label: str, **settings: Any) -> Colorbar:
    """Add a labelled colour bar beside ``ax``.

    Args:
        ax: axes that the bar belongs to and takes its room from.
        mappable: what is coloured.
        label: quantity and unit.
        **settings: passed to ``Figure.colorbar``: ``location``, ``extend``, ...

    Returns:
        The colour bar.
    """
    make_room(ax)
    figure: Any = ax.figure
    horizontal = settings.get("location") in ("top", "bottom")
    place = ax.get_position()
    length = place.width * figure.bbox.width if horizontal else place.height * figure.bbox.height
    aspect = max(5.0, 0.85 * length / figure.dpi / 0.1)
    look: dict[str, Any] = {"fraction": 0.06, "aspect": aspect, "pad": 0.02}
    if isinstance(mappable.norm, LogNorm):
        look |= _log_ticks(mappable.norm)
    bar: Colorbar = figure.colorbar(mappable, ax=ax, label=label, **{**look, **settings})
    bar.minorticks_off()
    return bar


def _log_ticks(norm: LogNorm) -> dict[str, Any]:
    """Return ticks at decades, and 2 and 5 between them on a short scale, as plain numbers if short."""
    short = float(norm.vmax or 1) < 100 * float(norm.vmin or 1)
    plain = FuncFormatter(
        lambda value, _: f"{value:g}" if 1e-3 < value < 1e4 else f"$10^{{{np.log10(value):.0f}}}$"
    )
    return {"ticks": LogLocator(subs=(1.0, 2.0, 5.0) if short else (1.0,)), "format": plain}
