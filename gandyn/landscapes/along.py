"""The losses of a path of states beside those of the plane that it is drawn on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from gandyn.arrays import Array, array_namespace, like
from gandyn.landscapes.states import losses_at
from gandyn.planes import Plane, Projection, project
from gandyn.planes.plane import states_of

__all__ = ["PathLosses", "along_path"]


@dataclass(frozen=True, eq=False, repr=False)
class PathLosses:
    """Both losses at each state of a path, and at its foot on a plane.

    Args:
        projection: where the path lies on the plane, and how far from it.
        losses: shape (2, T), the losses at the states themselves: the generator's, then the discriminator's.
        plane_losses: shape (2, T), the losses at their feet, which a contour shows under the path.
        names: names of the two losses.
        nonfinite: states where one of the four values is not finite.
        status: "finished", or "interrupted": the path ends at the last state that was evaluated.
        label: name for titles.
    """

    projection: Projection
    losses: np.ndarray
    plane_losses: np.ndarray
    names: tuple[str, str]
    nonfinite: int
    status: Literal["finished", "interrupted"]
    label: str

    @property
    def error(self) -> np.ndarray:
        """What the plane's loss is off by, shape (2, T): plane_losses - losses."""
        return np.asarray(self.plane_losses - self.losses)

    def __str__(self) -> str:
        lines = [
            f"Losses along {self.label or 'a path'} of {self.losses.shape[1]} states and on a plane "
            f"({self.projection.plane.kind}), up to {np.max(self.projection.distance, initial=0):.3g} away"
            + ("" if self.status == "finished" else f"; {self.status}")
        ]
        for name, true, error in zip(self.names, self.losses, self.error, strict=True):
            known = np.abs(error[np.isfinite(error)])
            span = np.ptp(true[np.isfinite(true)]) if np.isfinite(true).any() else np.nan
            middle, most = (np.median(known), known.max()) if known.size else (np.nan, np.nan)
            lines.append(
                f"  {name}: ranges over {span:.3g}; the plane is off by {middle:.3g}, at most {most:.3g}"
            )
        return "\n".join(lines)

    __repr__ = __str__


def along_path(
    losses: Callable[[Array], Array],
    plane: Plane,
    path: Any,
    *,
    chunk: int | None = None,
    progress: bool = True,
    label: str = "",
) -> PathLosses:
    """Evaluate both losses at the states of a path and at their feet on a plane.

    A path drawn on a contour seems to have the losses it runs over. It has not: the states lie off the
    plane, and this says by how much that matters.

    Args:
        losses: ``losses(x) -> (..., 2)``, as for ``landscape``.
        plane: the plane that the path is drawn on, such as its ``pca_plane``.
        path: a ``Trajectory``, or states of shape (T, n).
        chunk: states evaluated at once.
        progress: show a progress bar when on a terminal.
        label: name for titles.

    Returns:
        True losses, those of the plane, and the distances between.

    Raises:
        ValueError: a wrong width, no state, a state that is not finite, or losses that are not pairs.
        KeyboardInterrupt: Ctrl-C before the first state was evaluated.

    Example:
        >>> from gandyn.field import Layout
        >>> from gandyn.planes import coordinate_plane
        >>> plane = coordinate_plane(Layout.scalars(state=["x", "y", "z"]), "x", "y")
        >>> found = along_path(lambda x: x[..., 1:] ** 2, plane, np.array([[1.0, 2.0, 3.0]]))
        >>> found.losses.T, found.plane_losses.T, found.projection.distance
        (array([[4., 9.]]), array([[4., 0.]]), array([3.]))
    """
    states = like(states_of(path, plane.layout.dim), plane.origin)
    feet = plane.coordinates(states)
    count, xp = len(feet), array_namespace(states)

    def both(where: slice) -> Array:
        at = feet[where.start // 2 : where.stop // 2]
        pair = xp.stack(
            [states[where.start // 2 : where.stop // 2, :], plane.point(at[:, 0], at[:, 1])], axis=1
        )
        return xp.reshape(pair, (-1, plane.layout.dim))

    if chunk is not None and chunk < 1:
        raise ValueError(f"chunk must be at least 1, got {chunk}")
    at_once = max(1, (chunk or 2**20 // plane.layout.dim) // 2)
    values = losses_at(
        losses, both, 2 * count, plane.layout.dim, chunk=2 * at_once, progress=progress,
        what="losses along the path",
    )  # fmt: skip
    done = len(values) // 2
    if not done:
        raise KeyboardInterrupt
    pairs = values.reshape(done, 2, 2)
    return PathLosses(
        projection=project(plane, states[:done, :]),
        losses=pairs[:, 0].T,
        plane_losses=pairs[:, 1].T,
        names=("generator", "discriminator"),
        nonfinite=int(np.sum(~np.isfinite(pairs).all(axis=(1, 2)))),
        status="finished" if done == count else "interrupted",
        label=label,
    )
