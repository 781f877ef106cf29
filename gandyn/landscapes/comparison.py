"""How far a plane misleads: the same measures on several planes through one state."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from gandyn.arrays import Array, like, to_numpy
from gandyn.checks import check_option
from gandyn.field import VectorField
from gandyn.landscapes.asymmetry import asymmetry
from gandyn.landscapes.evaluate import landscape
from gandyn.landscapes.lakes import lake
from gandyn.landscapes.result import Landscape
from gandyn.landscapes.sharpness import sharpness
from gandyn.planes import Plane
from gandyn.planes.plane import norms
from gandyn.planes.slices import Extent, in_plane_norms, share_of
from gandyn.spectra import Part, jacobian_operator, symmetric_spectrum

__all__ = ["PlaneComparison", "compare_planes"]

_FROM_FIELD = ("in-plane share", "player curvature, larger", "player curvature, smaller")


@dataclass(frozen=True, eq=False, repr=False)
class PlaneComparison:
    """The same measures on several planes, with what the whole space holds.

    Args:
        player: whose loss.
        planes: names of the planes.
        measures: names of the numbers.
        values: shape (planes, measures). Lakes and rises are in the coordinates of each plane, curvatures
            per square of a parameter distance. "curvature" is fitted to the loss on the plane, on which both
            players move; "player curvature" is that of the player's loss in its own parameters, by products
            with its Hessian at the origin; "in-plane share" is that of the velocity there.
        true_curvatures: shape (2,), the largest and the smallest eigenvalue of the player's Hessian, between
            which those of every plane lie; NaN where they were not asked for.
        converged: whether the search for them converged.
        label: name for titles.
    """

    player: str
    planes: tuple[str, ...]
    measures: tuple[str, ...]
    values: np.ndarray
    true_curvatures: np.ndarray
    converged: bool
    label: str

    def __getitem__(self, measure: str) -> dict[str, float]:
        """Return one measure by the name of the plane."""
        if measure not in self.measures:
            raise KeyError(f"nothing was measured under {measure!r}; there are {list(self.measures)}")
        column = self.values[:, self.measures.index(measure)]
        return dict(zip(self.planes, column.tolist(), strict=True))

    def __str__(self) -> str:
        width = max(len(name) for name in self.measures)
        across = [max(len(name), 9) for name in self.planes]
        head = "  ".join(f"{name:>{w}}" for name, w in zip(self.planes, across, strict=True))
        lines = [f"The {self.player}'s loss on {len(self.planes)} planes", f"  {'':{width}}  {head}"]
        for name, row in zip(self.measures, self.values.T, strict=True):
            cells = "  ".join(f"{value:>{w}.3g}" for value, w in zip(row, across, strict=True))
            lines.append(f"  {name:{width}}  {cells}")
        if np.isfinite(self.true_curvatures).all():
            high, low = self.true_curvatures
            sure = "" if self.converged else " (not converged)"
            lines.append(f"  the player's own Hessian: from {low:.4g} to {high:.4g}{sure}")
        return "\n".join(lines)

    __repr__ = __str__


def compare_planes(
    losses: Callable[[Array], Array],
    planes: Mapping[str, Plane],
    player: str = "generator",
    *,
    extent: Extent | Mapping[str, Extent] = 1.0,
    points: int = 25,
    epsilon: float = 0.1,
    field: VectorField | None = None,
    curvature: bool = False,
    max_products: int = 1000,
    progress: bool = True,
    label: str = "",
) -> PlaneComparison:
    """Measure a player's loss on several planes, to see how far a random one misleads.

    Args:
        losses: ``losses(x) -> (..., 2)``, as for ``landscape``.
        planes: the planes by name: random ones, the principal components of the path, one spanned by
            gradients or leading eigenvectors, ...
        player: whose loss.
        extent: window, as for ``landscape``; by name of the plane where their units differ.
        points: points along each axis, at least 3.
        epsilon: depth of the lake above the centre, in units of the loss.
        field: the joint field of the same losses: adds the in-plane share of the velocity and the
            curvature in the player's own parameters, at the origin.
        curvature: also find the extreme eigenvalues of the player's Hessian, with ``field``; all planes must
            then have one origin.
        max_products: bound on products with the Hessian for them.
        progress: show a progress bar when on a terminal.
        label: name for titles.

    Returns:
        A table, one row a plane.

    Raises:
        ValueError: no plane, an unknown player, extents that do not name the planes, or curvature without a
            field or with several origins.

    Example:
        >>> from gandyn.field import Layout
        >>> from gandyn.planes import coordinate_plane
        >>> layout = Layout.scalars(generator=["p", "q", "r"])
        >>> planes = {name: coordinate_plane(layout, *name) for name in ("pq", "qr")}
        >>> losses = lambda x: np.stack([x[..., 0] ** 2 + 4 * x[..., 2] ** 2, x[..., 0]], axis=-1)
        >>> found = compare_planes(losses, planes)["curvature, larger"]
        >>> {name: round(value, 6) for name, value in found.items()}
        {'pq': 2.0, 'qr': 8.0}
    """
    check_option("player", player, ("generator", "discriminator"))
    if not planes:
        raise ValueError("expected at least one plane, got none")
    if isinstance(extent, Mapping) and set(extent) != set(planes):
        raise ValueError(f"extent must name each of {sorted(planes)}, got {sorted(extent)}")
    if curvature:
        _check_origins(planes, field)
    windows = extent if isinstance(extent, Mapping) else dict.fromkeys(planes, extent)
    rows = []
    for name, plane in planes.items():
        seen = landscape(losses, plane, windows[name], points=points, progress=progress)
        rows.append(_measured(seen, player, epsilon) | (_from_field(field, plane, player) if field else {}))
    found = None
    if curvature and field is not None:
        origin = next(iter(planes.values())).origin
        found = symmetric_spectrum(
            field, origin, _part(player), k=2, which="both ends", max_products=max_products,
            tol=1e-4, progress=progress,
        )  # fmt: skip
    return PlaneComparison(
        player=player,
        planes=tuple(planes),
        measures=tuple(rows[0]),
        values=np.array([list(row.values()) for row in rows]),
        true_curvatures=np.sort(found.values)[::-1] if found is not None else np.full(2, np.nan),
        converged=found is not None and found.converged,
        label=label,
    )


def _part(player: str) -> Part:
    return "generator hessian" if player == "generator" else "discriminator hessian"


def _check_origins(planes: Mapping[str, Plane], field: VectorField | None) -> None:
    if field is None:
        raise ValueError("curvature=True needs the field of the losses: pass field=")
    first, *others = (to_numpy(plane.origin) for plane in planes.values())
    if any(not np.array_equal(first, other) for other in others):
        raise ValueError(
            "curvature=True needs planes of one origin; theirs differ: make them at the same state"
        )


def _measured(seen: Landscape, player: str, epsilon: float) -> dict[str, float]:
    """Return the measures of one landscape by name."""
    found, sharp = lake(seen, player, epsilon, about="centre").numbers, sharpness(seen, player)
    kept = ("lake share", "lake parts", "lake half-axis, long", "lake half-axis, short")
    curvatures = sharp.parameter_curvatures.tolist()
    return {
        **{name: found[name] for name in kept},
        "largest rise": sharp.max_rise,
        "mean rise": sharp.mean_rise,
        **dict(zip(("curvature, larger", "curvature, smaller"), curvatures, strict=True)),
        **asymmetry(seen, player).numbers,
    }


def _from_field(field: VectorField, plane: Plane, player: str) -> dict[str, float]:
    """Return what the plane shows of velocity and curvature at its origin, without a grid."""
    velocity = field(plane.origin)
    share = float(share_of(in_plane_norms(plane, velocity), norms(velocity)))
    where = field.layout.player_slice("generator" if player == "generator" else "discriminator")
    _, sizes, rows = np.linalg.svd(to_numpy(plane.axes).astype(float)[:, where], full_matrices=False)
    basis = rows[sizes > 1e-12 * sizes[0]] if sizes[0] > 0 else rows[:0]
    high = low = float("nan")
    if len(basis):
        with jacobian_operator(field, plane.origin, _part(player)) as hessian:
            image = to_numpy(hessian.apply(like(basis, plane.origin))).astype(float)
        low, *_, high = np.repeat(np.linalg.eigvalsh(basis @ image.T), 2)
    return dict(zip(_FROM_FIELD, (share, float(high), float(low)), strict=True))
