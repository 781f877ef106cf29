"""The animations: the moments that runs have written, drawn frame by frame."""

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

import gandyn
from gandyn import plot
from studies.learning_in_1d_and_2d.runs import CASES

#: Each film: the run that it shows, how it draws a moment, its file and its size in inches.
FILMS: dict[str, tuple[str, str, str, tuple[float, float]]] = {
    "line": ("line, saturating", "line", "gif", (3.6, 3.0)),
    "intervals": ("intervals, saturating", "line", "html", (3.6, 3.0)),
    "arrows": ("clusters, saturating", "arrows", "html", (3.6, 3.6)),
    "plane": ("clusters, saturating", "plane", "gif", (3.6, 3.4)),
    "surface": ("clusters, saturating", "surface", "html", (3.6, 3.6)),
}
VIEWS: dict[str, Any] = {
    "line": lambda figure, found, real: plot.learning_line(figure.add_subplot(), found, real),
    "arrows": lambda figure, found, real: plot.latent_arrows(figure.add_subplot(), found, real),
    "plane": lambda figure, found, real: plot.learning_plane(figure.add_subplot(), found, real),
    "surface": lambda figure, found, real: plot.discriminator_surface(
        figure.add_subplot(projection="3d"), found, real
    ),
}


def moments(out: Path, run: str) -> list[Path]:
    """Return the files of the moments of a run, in their order."""
    return sorted((out / "runs" / run).glob("*.npz"))


def real_of(run: str) -> np.ndarray:
    """Return real samples of the case that a run is of."""
    return CASES[run.split(", ")[0]].data().numpy()


def write_films(out: Path, frames: int, *, progress: bool) -> None:
    """Write every animation, of ``frames`` moments evenly spaced."""
    for name, (run, view, suffix, size) in FILMS.items():
        files, real, draw = moments(out, run), real_of(run), VIEWS[view]
        chosen = [files[k] for k in np.linspace(0, len(files) - 1, frames).round().astype(int)]

        def shown(figure: Figure, file: Path, draw: Any = draw, real: Any = real) -> None:
            draw(figure, gandyn.load(file), real)

        plot.animate(
            shown, chosen, out / f"{name}.{suffix}", fps=5, size=size, dpi=72, workers=1, title=run,
            progress=progress,
        )  # fmt: skip
