"""A GAN at one moment of its training: what it generates, where latents go, what the discriminator says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.collections import LineCollection
from matplotlib.colors import Colormap, LinearSegmentedColormap, Normalize
from matplotlib.figure import Figure
from matplotlib.legend import Legend
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from gandyn.arrays import to_numpy
from gandyn.plot.images import image_grid
from gandyn.plot.keys import colour_bar, legend_below
from gandyn.plot.styles import DISCRIMINATOR, GENERATOR, NEUTRAL, OKABE_ITO

if TYPE_CHECKING:
    from gandyn.nets import Snapshot

__all__ = [
    "VIEWS",
    "LearningArtists",
    "discriminator_surface",
    "latent_arrows",
    "learning_line",
    "learning_plane",
]

_DATA = OKABE_ITO["sky blue"]
_POINTS = "#6A3D9A"
#: Key of the data's points, which are too faint for one.
_KEY: dict[str, Any] = {
    "color": _POINTS,
    "linestyle": "none",
    "marker": "o",
    "markersize": 3,
    "label": "data",
}
#: The discriminator's probability, from generated (white) to real (blue).
_SCORE_MAP: Colormap = LinearSegmentedColormap.from_list("scores", ["white", DISCRIMINATOR])
#: Density of generated samples, over another colour or none.
_DENSITY_MAP: Colormap = LinearSegmentedColormap.from_list(
    "density", [(0.84, 0.37, 0.0, 0.0), (0.84, 0.37, 0.0, 0.75), (0.45, 0.12, 0.0, 1.0)]
)
_PAINT_MAP: Colormap = LinearSegmentedColormap.from_list("paint", ["#DDE3EA", GENERATOR, "#5A1800"])


@dataclass(frozen=True, eq=False)
class LearningArtists:
    """What a picture of a moment drew; None where there was nothing to draw.

    Args:
        data: the real samples.
        generated: the generated ones.
        scores: what the discriminator says.
        arrows: lines from latents to their images.
        legend: the legend, below the axes.
    """

    data: Artist | None = None
    generated: Any = None
    scores: Any = None
    arrows: Artist | None = None
    legend: Legend | None = None


def learning_line(ax: Axes, snapshot: Snapshot, real: Any, *, top: float | None = None) -> LearningArtists:
    """Draw data, generated samples and the discriminator's curve on the line, and latents going to them.

    Below the axis of the samples, lines go from latents, at the bottom, to what the generator makes of them;
    where they cross, the map from latents to samples is not monotone.

    Args:
        ax: axes to draw in.
        snapshot: a moment of a GAN whose samples are numbers.
        real: real samples, shape (M, 1).
        top: the largest density shown; the default is 1.5 times that of the data, and at least 1.1, the
            discriminator's curve.

    Returns:
        The artists.

    Raises:
        ValueError: samples that are not numbers.
    """
    _check(snapshot, 1)
    x, values = snapshot.axes[0], to_numpy(real)[:, 0]
    bins = np.linspace(x[0], x[-1], 61)
    share = np.histogram(values, bins)[0] / (len(values) * (bins[1] - bins[0]))
    made = np.histogram(snapshot.samples[:, 0], bins)[0] / (len(snapshot.samples) * (bins[1] - bins[0]))
    top = max(1.1, 1.5 * float(share.max())) if top is None else top
    data = ax.stairs(share, bins, fill=True, color=_DATA, alpha=0.55, label="data")
    generated = ax.stairs(made, bins, color=GENERATOR, linewidth=1.3, label="generated")
    (curve,) = ax.plot(x, snapshot.scores, color=DISCRIMINATOR, label="D, probability of real")
    arrows = _falls(ax, snapshot, top)
    ax.axhline(0.0, color=NEUTRAL, linewidth=0.6)
    ax.set(xlim=(x[0], x[-1]), ylim=(-0.55 * top, top), xlabel="$x$", ylabel="density, probability")
    ax.set_yticks([tick for tick in ax.get_yticks() if 0 <= tick <= top])
    ax.set_title(f"step {snapshot.step}")
    key = Line2D([], [], color=NEUTRAL, linewidth=0.8, label="latents to samples")
    legend = legend_below(ax, [data, generated, curve, key])
    return LearningArtists(data, generated, curve, arrows, legend)


def _falls(ax: Axes, snapshot: Snapshot, top: float) -> LineCollection:
    """Draw a line from each probe, at the bottom, to its image on the axis."""
    order = np.argsort(snapshot.probes[:, 0])
    ends = snapshot.probe_images[order, 0], snapshot.probes[order, 0]
    lines = [[(z, -0.5 * top), (image, 0.0)] for image, z in zip(*ends, strict=True)]
    colours = _latent_colours(snapshot.probes[order])
    arrows = LineCollection(lines, colors=colours, linewidths=0.7, alpha=0.8)
    ax.add_collection(arrows, autolim=False)
    ax.plot(ends[1], np.full(len(order), -0.5 * top), "|", color=NEUTRAL, markersize=3)
    return arrows


def _latent_colours(probes: np.ndarray) -> np.ndarray:
    """Return a colour for each latent, from the lowest first entry to the highest."""
    ranks = np.argsort(np.argsort(probes[:, 0])) / max(1, len(probes) - 1)
    return np.asarray(ScalarMappable(Normalize(0, 1), "viridis").to_rgba(0.92 * ranks))


def latent_arrows(ax: Axes, snapshot: Snapshot, real: Any, *, window: float | None = None) -> LearningArtists:
    """Draw arrows from latents in the plane to what the generator makes of them, over the data.

    Args:
        ax: axes to draw in.
        snapshot: a moment of a GAN with two latents and samples in the plane.
        real: real samples, shape (M, 2).
        window: half-width of the picture; the default is that of ``snapshot.axes``.

    Returns:
        The artists.

    Raises:
        ValueError: samples or latents that are not in the plane.
    """
    _check(snapshot, 2)
    if snapshot.probes.shape[1] != 2:
        raise ValueError(f"arrows need latents of 2 entries, got {snapshot.probes.shape[1]}")
    data = _cloud(ax, real)
    ways = snapshot.probe_images - snapshot.probes
    arrows = ax.quiver(
        *snapshot.probes.T, *ways.T, color=_latent_colours(snapshot.probes), angles="xy", scale_units="xy",
        scale=1, width=0.0022, headwidth=5, alpha=0.75, zorder=3,
    )  # fmt: skip
    half = float(np.max(np.abs(snapshot.axes[0]))) if window is None else window
    _frame(ax, snapshot, (-half, half), (-half, half))
    key = Line2D(
        [], [], color=NEUTRAL, linewidth=0.8, marker=">", label="latent to sample, coloured by $z_1$"
    )
    return LearningArtists(data, arrows=arrows, legend=legend_below(ax, [Line2D([], [], **_KEY), key]))


def learning_plane(ax: Axes, snapshot: Snapshot, real: Any) -> LearningArtists:
    """Draw the discriminator's probability in the plane, with the density of the generated samples over it.

    Args:
        ax: axes to draw in.
        snapshot: a moment of a GAN whose samples are points in the plane.
        real: real samples, shape (M, 2).

    Returns:
        The artists.

    Raises:
        ValueError: samples that are not in the plane.
    """
    _check(snapshot, 2)
    x, y = snapshot.axes
    scores = ax.contourf(x, y, snapshot.scores, levels=np.linspace(0, 1, 11), cmap=_SCORE_MAP, alpha=0.8)
    data = _cloud(ax, real)
    extent = (x[0], x[-1], y[0], y[-1])
    generated = ax.imshow(
        _coarse(snapshot.density), origin="lower", extent=extent, cmap=_DENSITY_MAP,
        norm=_density_norm(snapshot, real), interpolation="nearest", zorder=4,
    )  # fmt: skip
    _frame(ax, snapshot, (x[0], x[-1]), (y[0], y[-1]))
    colour_bar(ax, scores, "D, probability of real", ticks=[0, 0.25, 0.5, 0.75, 1])
    key = Line2D([], [], color=GENERATOR, linestyle="none", marker="s", label="generated, darker is denser")
    return LearningArtists(data, generated, scores, legend=legend_below(ax, [Line2D([], [], **_KEY), key]))


def discriminator_surface(
    ax: Any, snapshot: Snapshot, real: Any, *, log_odds: bool = False
) -> LearningArtists:
    """Draw the discriminator as a surface over the plane, coloured by the density of generated samples.

    Args:
        ax: three-dimensional axes (``projection="3d"``).
        snapshot: a moment of a GAN whose samples are points in the plane.
        real: real samples, shape (M, 2); their greatest density has the full colour.
        log_odds: the height is the logit, which does not flatten near 0 and 1, in place of the probability.

    Returns:
        The artists.

    Raises:
        ValueError: samples that are not in the plane, or flat axes.
    """
    _check(snapshot, 2)
    if getattr(ax, "name", "") != "3d":
        raise ValueError('discriminator_surface needs 3-D axes: fig.add_subplot(projection="3d")')
    height = np.clip(snapshot.scores, 1e-12, 1 - 1e-12)
    height = np.log(height / (1 - height)) if log_odds else height
    norm = _density_norm(snapshot, real)
    stride = max(1, len(snapshot.axes[0]) // 60)
    surface = ax.plot_surface(
        *np.meshgrid(*snapshot.axes), height, facecolors=_PAINT_MAP(norm(_coarse(snapshot.density))),
        rstride=stride, cstride=stride, linewidth=0, antialiased=False, shade=True,
    )  # fmt: skip
    ax.set_title(f"step {snapshot.step}", pad=-4)
    ax.set_xlabel("$x_1$", labelpad=-6)
    ax.set_ylabel("$x_2$", labelpad=-6)
    ax.set_zlabel("logit of D" if log_odds else "D, probability of real", labelpad=-4)
    ax.tick_params(pad=-2)
    if not log_odds:
        ax.set_zlim(0, 1)
    ax.view_init(elev=38, azim=-60)
    ax.set_box_aspect((4, 4, 2.4), zoom=0.88)
    paint = ScalarMappable(norm, _PAINT_MAP)
    bar = ax.figure.colorbar(
        paint, ax=ax, location="bottom", fraction=0.04, pad=0.02, aspect=30, extend="max"
    )
    bar.set_label("density of generated samples, per unit area")
    return LearningArtists(generated=surface, scores=surface)


def _check(snapshot: Snapshot, width: int) -> None:
    if snapshot.samples.ndim != 2 or snapshot.samples.shape[1] != width or len(snapshot.axes) != width:
        raise ValueError(
            f"this picture is for samples of {width} entries, with as many axes for the discriminator; got "
            f"samples of shape {snapshot.samples.shape} and {len(snapshot.axes)} axes"
        )


def _cloud(ax: Axes, real: Any) -> Artist:
    points = to_numpy(real)[:1000]
    look: dict[str, Any] = {"color": _POINTS, "alpha": 0.35, "linewidths": 0}
    return ax.scatter(points[:, 0], points[:, 1], s=3, label="data", zorder=2, **look)


def _frame(ax: Axes, snapshot: Snapshot, xlim: tuple[float, float], ylim: tuple[float, float]) -> None:
    ax.set(xlim=xlim, ylim=ylim, xlabel="$x_1$", ylabel="$x_2$", title=f"step {snapshot.step}")
    ax.set_aspect("equal", adjustable="box")
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))


def _coarse(density: np.ndarray, cells: int = 3) -> np.ndarray:
    """Return the density averaged over squares of cells: a few thousand samples fill no fine grid."""
    rows, columns = density.shape
    row, column = np.arange(rows) // cells, np.arange(columns) // cells
    sums = np.zeros((row[-1] + 1, column[-1] + 1))
    sizes = np.zeros_like(sums)
    np.add.at(sums, (row[:, None], column), density)
    np.add.at(sizes, (row[:, None], column), 1.0)
    return np.asarray((sums / sizes)[row[:, None], column])


def _density_norm(snapshot: Snapshot, real: Any) -> Normalize:
    """Return colours up to the greatest density of the data, the same at every step: frames compare."""
    density, _ = np.histogramdd(to_numpy(real), [axis[::3] for axis in snapshot.axes], density=True)
    return Normalize(0.0, float(density.max()) or 1.0)


def _line(figure: Figure, snapshot: Snapshot, real: Any) -> Any:
    return learning_line(figure.add_subplot(), snapshot, real)


def _plane(figure: Figure, snapshot: Snapshot, real: Any) -> Any:
    return learning_plane(figure.add_subplot(), snapshot, real)


def _arrows(figure: Figure, snapshot: Snapshot, real: Any) -> Any:
    return latent_arrows(figure.add_subplot(), snapshot, real)


def _surface(figure: Figure, snapshot: Snapshot, real: Any) -> Any:
    return discriminator_surface(figure.add_subplot(projection="3d"), snapshot, real)


def _images(figure: Figure, snapshot: Snapshot, real: Any) -> Any:
    ax = figure.add_subplot()
    ax.set_title(f"step {snapshot.step}")
    return image_grid(ax, snapshot.probe_images)


#: Views of a moment, ``view(figure, snapshot, real)``.
VIEWS: dict[str, Callable[[Figure, Any, Any], Any]] = {
    "line": _line,
    "plane": _plane,
    "arrows": _arrows,
    "surface": _surface,
    "images": _images,
}
