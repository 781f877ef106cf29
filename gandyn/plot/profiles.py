"""Profiles of a loss through the centre of planes, with the band of their standard error."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.legend import Legend
from matplotlib.lines import Line2D
from matplotlib.text import Annotation
from matplotlib.ticker import MaxNLocator

from gandyn.landscapes import Profiles
from gandyn.plot.keys import caption, legend_below
from gandyn.plot.styles import NEUTRAL, PLAYERS, SHARED

__all__ = ["ProfileArtists", "loss_profiles"]


@dataclass(frozen=True, eq=False)
class ProfileArtists:
    """What ``loss_profiles`` drew.

    Args:
        means: one line a result, the mean over its planes.
        bands: two standard errors to either side, where there are several planes.
        each: the profiles themselves, faint.
        legend: the legend, below the axes.
        caption: how many planes, and what the bands are.
    """

    means: tuple[Line2D, ...]
    bands: tuple[PolyCollection, ...]
    each: tuple[Line2D, ...]
    legend: Legend | None
    caption: Annotation | None


def loss_profiles(ax: Axes, profiles: Profiles | Sequence[Profiles], *, unit: str = "nats") -> ProfileArtists:
    """Draw losses along lines through the centre, the mean over planes with a band of two standard errors.

    Args:
        ax: axes to draw in.
        profiles: those of one player, or of each.
        unit: unit of the loss; "" for a loss without one.

    Returns:
        The artists.

    Raises:
        ValueError: no profile.

    Example:
        >>> from matplotlib.figure import Figure
        >>> import numpy as np
        >>> s = np.linspace(-1, 1, 5)
        >>> found = Profiles("generator", 0.0, s, np.array([s**2, 2 * s**2]), "")
        >>> len(loss_profiles(Figure().subplots(), found).bands)
        1
    """
    several = [profiles] if isinstance(profiles, Profiles) else list(profiles)
    if not several:
        raise ValueError("expected at least one result of profiles, got none")
    means, bands, each = [], [], []
    for found in several:
        colour = PLAYERS.get(found.player, SHARED)
        if len(found.values) > 1:
            each += ax.plot(found.s, found.values.T, color=colour, linewidth=0.5, alpha=0.3)
            edge = 2 * found.standard_error
            bands.append(
                ax.fill_between(
                    found.s, found.mean - edge, found.mean + edge, color=colour, alpha=0.25, linewidth=0
                )
            )
        means += ax.plot(found.s, found.mean, color=colour, label=found.player, zorder=3)
    ax.axvline(0.0, color=NEUTRAL, linewidth=0.6, linestyle=":", zorder=1)
    ax.set(xlabel="place on the line (plane coordinate)", ylabel=f"loss ({unit})" if unit else "loss")
    ax.set_title(several[0].label)
    ax.set_xlim(float(several[0].s[0]), float(several[0].s[-1]))
    ax.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    legend = legend_below(ax, means)
    return ProfileArtists(tuple(means), tuple(bands), tuple(each), legend, caption(ax, _notes(several)))


def _notes(several: Sequence[Profiles]) -> list[str]:
    counts = sorted({len(found.values) for found in several})
    if counts == [1]:
        return []
    return [
        f"Mean over {' and '.join(map(str, counts))} planes; bands: two standard errors; faint: each plane."
    ]
