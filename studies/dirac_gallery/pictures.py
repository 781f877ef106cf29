"""The gallery in three pictures of nine portraits."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from matplotlib.cm import ScalarMappable
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

from gandyn import coordinate_plane, plot, sample, trajectory
from studies.dirac_gallery.cells import GAMES, SCHEMES, update
from studies.dirac_gallery.observe import START, STEPS

PICTURES = {"without": (0, 3), "penalised": (3, 6), "damped": (6, 9)}
SPEED = LogNorm(0.02, 5.0)


def draw(numbers: Mapping[str, Any], points: int, out: Path) -> None:
    """Draw without.png, penalised.png and damped.png: a row a game, a column a scheme."""
    with plot.style():
        for name, (first, last) in PICTURES.items():
            figure = Figure(figsize=(7.4, 8.2), layout="constrained")
            marks: dict[str, Any] = {}
            grid = figure.subplots(3, 3, sharex=True, sharey=True)
            for row, game in zip(grid, list(GAMES)[first:last], strict=True):
                for ax, scheme in zip(row, SCHEMES, strict=True):
                    speed, keys = _cell(ax, game, scheme, numbers["cells"][game][scheme], points)
                    marks |= keys
            figure.colorbar(
                speed,
                ax=grid,
                location="bottom",
                fraction=0.03,
                pad=0.01,
                aspect=60,
                extend="both",
                label="displacement in a step, per unit of flow time",
            )
            figure.legend(handles=list(marks.values()), loc="outside lower center", ncols=4)
            figure.savefig(out / f"{name}.png", dpi=130)


def _cell(
    ax: Any, game: str, scheme: str, cell: Mapping[str, Any], points: int
) -> tuple[ScalarMappable, dict[str, Any]]:
    """Draw one portrait without what all nine share; return its speed, and its marks by their label."""
    step = update(game, scheme)
    plane = coordinate_plane(step.layout, "psi", "theta")
    path = trajectory(step, START, n_steps=STEPS, progress=False)
    mark = [] if cell["predicted"]["verdict"] == "silent" else [(0.0, 0.0, cell["predicted"]["classify"])]
    drawn = plot.portrait(
        ax,
        sample(step, plane, 2.0, points=points, progress=False),
        nullclines=False,
        trajectories=[path],
        fixed_points=mark,
        density=0.7,
    )
    for part in (drawn.speed_bar, drawn.legend, drawn.caption):
        if part is not None:
            part.remove()
    assert drawn.streamlines is not None
    for lines in (drawn.streamlines.lines, drawn.streamlines.arrows):
        lines.set_norm(SPEED)
    drawn.paths[0].set_linewidth(0.7)
    ax.set_title(f"{game}, {scheme}\n{_said(cell)}")
    ax.label_outer()
    return drawn.streamlines.lines, {
        str(mark.get_label()): mark for mark in (*drawn.fixed_points, *drawn.paths)
    }


def _said(cell: Mapping[str, Any]) -> str:
    """Return what is seen, and what was foretold where that is something else."""
    seen, foretold = cell["observed"]["verdict"], cell["predicted"]["verdict"]
    if foretold == "silent":
        return f"{seen} (nothing foretold)"
    return str(seen) if seen == foretold else f"{seen} (foretold: {foretold})"
