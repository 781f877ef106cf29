"""Path-angle and path-norm: what the velocity does along the line between two checkpoints."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from gandyn.arrays import Array, array_namespace, to_numpy
from gandyn.checks import check_floats
from gandyn.field import Layout, Player, System
from gandyn.rotation.path_shape import LinearModel, PathShape, shape_of

if TYPE_CHECKING:
    import xarray

__all__ = ["PathAngle", "path_angle"]

#: The whole state, and each player's part of it.
_PARTS: tuple[Player, ...] = ("generator", "discriminator")


@dataclass(frozen=True, eq=False, repr=False)
class PathAngle:
    """Angle and size of the velocity along the line between two states.

    The dictionaries have the keys "both" and, where the player has blocks and moves along the path,
    "generator" and "discriminator".

    Args:
        alpha: shape (P,), place on the line: 0 at the start, 1 at the end.
        distance: shape (P,), signed distance beyond the end, ``(alpha - 1) length``.
        length: distance from start to end.
        cosine: shape (P,) each, cosine between the velocity and the direction from start to end; NaN where
            the velocity vanishes. 1 is forwards, -1 backwards.
        speed: shape (P,) each, |v|: the path-norm.
        cosine_error: shape (P,) each, standard error of the cosine over the systems; NaN for one system.
        speed_error: shape (P,) each, that of the speed.
        shapes: what the cosine shows, by part.
        systems: number of systems of which the velocity is the mean.
        evaluations: velocities computed.
        status: "finished" or "interrupted", the line then being shorter.
        label: the system's label.
    """

    alpha: np.ndarray
    distance: np.ndarray
    length: float
    cosine: dict[str, np.ndarray]
    speed: dict[str, np.ndarray]
    cosine_error: dict[str, np.ndarray]
    speed_error: dict[str, np.ndarray]
    shapes: dict[str, PathShape]
    systems: int
    evaluations: int
    status: str
    label: str

    def to_xarray(self) -> xarray.Dataset:
        """Return cosine and speed with their errors over part and alpha."""
        import xarray

        named = {
            "cosine": self.cosine,
            "speed": self.speed,
            "cosine_error": self.cosine_error,
            "speed_error": self.speed_error,
        }
        parts = list(self.cosine)
        variables = {
            name: (("part", "alpha"), np.stack([values[p] for p in parts])) for name, values in named.items()
        }
        coordinates = {"part": parts, "alpha": self.alpha, "distance": ("alpha", self.distance)}
        return xarray.Dataset(variables, coordinates, attrs={"label": self.label, "length": self.length})

    def __str__(self) -> str:
        lines = [
            f"PathAngle{' of ' + self.label if self.label else ''}: {len(self.alpha)} points, "
            f"alpha {self.alpha[0]:g} to {self.alpha[-1]:g}, {self.systems} system(s), {self.status}"
        ]
        return "\n".join([*lines, *(f"  {part}: {shape}" for part, shape in self.shapes.items())])

    __repr__ = __str__


def path_angle(
    system: System | Sequence[System],
    start: Array,
    end: Array,
    *,
    points: int = 61,
    span: tuple[float, float] = (0.0, 1.5),
    near: float = 0.25,
    t: Any = 0,
    progress: bool = True,
) -> PathAngle:
    """Follow the velocity along the straight line from one state to another and past it.

    At ``x(alpha) = start + alpha (end - start)`` it takes ``cos = <v, p> / |v|`` with the *fixed* unit vector
    p from start to end, so that the sign tells forwards from backwards on both sides of the end. Where the
    end attracts, the cosine switches from + to - there; where it repels, from - to +; rotation makes a bump.
    For ``v = J (x - x*)``, ``J = [[-eps, -omega], [omega, -eps]]``, and a line that passes x* at distance
    delta::

        cos(s) = (-eps s - omega delta) / (sqrt(eps^2 + omega^2) sqrt(s^2 + delta^2))

    Data and latents are those of the system, the same all along. For a map the velocity is ``F(x) - x``.

    Args:
        system: a field or map; or several of one layout (one a minibatch): then the velocity is their mean,
            with standard errors by the jackknife.
        start: the state at alpha = 0, shape (n,), in the system's namespace; an earlier checkpoint.
        end: the state at alpha = 1, shape (n,); the last checkpoint.
        points: number of points, at least 5.
        span: first and last alpha; the last above 1.
        near: the linear model is fitted within ``near * length`` of the end.
        t: flow time, or the integer step of a map.
        progress: show a progress bar when on a terminal.

    Returns:
        Cosine and speed, of both players and of each, and what they show.

    Raises:
        TypeError: states that are not arrays of floats.
        ValueError: no system, layouts that differ, start and end alike, too few points, a span that does not
            pass the end, or a velocity that is not finite.

    Source: Berard, Gidel, Almahairi, Vincent and Lacoste-Julien 2020 (their v is a gradient and their path
    runs from the end to the start: the cosine is the same).

    Example:
        >>> from gandyn.games import catalogue
        >>> found = path_angle(catalogue.make("dirac-r1", gamma=1.0), np.array([1.0, 1.0]), np.zeros(2))
        >>> found.shapes["both"].name
        'attraction'
    """
    systems = [system] if isinstance(system, System) else list(system)
    _check(systems, start, end, points, span, near)
    alpha = np.linspace(*span, points)
    line = _Line(systems[0].layout, to_numpy(end - start).astype(np.float64), near, len(systems))
    status = _follow(line, systems, start, end, alpha, t, progress)
    return _result(line, alpha[: len(line.along)], status, systems)


def _check(
    systems: list[System], start: Array, end: Array, points: int, span: tuple[float, float], near: float
) -> None:
    if not systems:
        raise ValueError("path_angle takes one system or more, got none")
    if any(other.layout != systems[0].layout for other in systems[1:]):
        raise ValueError("the systems must have one layout; these differ: build them from the same modules")
    for name, x in (("start", start), ("end", end)):
        check_floats(name, x, (systems[0].layout.dim,))
    if not to_numpy(end - start).any():
        raise ValueError("start and end are the same state: there is no line between them")
    if points < 5:
        raise ValueError(f"points must be at least 5, got {points}")
    if not (np.all(np.isfinite(span)) and span[0] < 1 < span[1]):
        raise ValueError(
            f"span must be (first, last) with first < 1 < last, got {span}; for example (0, 1.5)"
        )
    if not near > 0:
        raise ValueError(f"near, a share of the length, must be positive, got {near}")


class _Line:
    """Inner products of the velocities along a line, and sums for the linear model, without keeping them."""

    def __init__(self, layout: Layout, displacement: np.ndarray, near: float, systems: int) -> None:
        self.length = float(np.linalg.norm(displacement))
        self.reach, self.systems = near * self.length, systems
        masks: dict[str, np.ndarray] = {"both": np.ones(layout.dim, dtype=bool)}
        masks |= {player: layout.mask(player) for player in _PARTS}
        sizes = {part: float(np.linalg.norm(displacement[mask])) for part, mask in masks.items()}
        self.masks = {part: mask for part, mask in masks.items() if sizes[part] > 0}
        self.directions = {part: displacement[mask] / sizes[part] for part, mask in self.masks.items()}
        self.along: list[dict[str, np.ndarray]] = []
        self.products: list[dict[str, np.ndarray]] = []
        self.moments = np.zeros((2, layout.dim))

    def add(self, velocities: np.ndarray, distance: float) -> None:
        """Take in the velocities at a place, shape (systems, n)."""
        parts = {part: velocities[:, mask] for part, mask in self.masks.items()}
        self.along.append({part: own @ self.directions[part] for part, own in parts.items()})
        self.products.append({part: own @ own.T for part, own in parts.items()})
        if abs(distance) <= self.reach * (1 + 1e-12):
            mean = velocities.mean(axis=0)
            self.moments += np.stack([mean, distance * mean])

    def of(self, part: str) -> tuple[np.ndarray, np.ndarray]:
        """Return components along the path (P, B) and products of velocities (P, B, B) of a part."""
        return np.stack([one[part] for one in self.along]), np.stack([one[part] for one in self.products])

    def model(self, part: str, distance: np.ndarray, squares: np.ndarray) -> LinearModel:
        """Return the least-squares line through the mean velocities near the end."""
        within = np.abs(distance) <= self.reach * (1 + 1e-12)
        s, (total, moment) = distance[within], self.moments[:, self.masks[part]]
        if len(s) < 2:
            nothing = np.full(2, np.nan), np.full(3, np.nan)
            return LinearModel(*nothing, residual=float("nan"))
        slope = (moment - s.mean() * total) / np.sum((s - s.mean()) ** 2)
        constant = total / len(s) - s.mean() * slope
        direction = self.directions[part]
        squared = np.array([constant @ constant, 2 * constant @ slope, slope @ slope])
        explained = np.polynomial.polynomial.polyval(s, squared).sum()
        everything = squares[within].sum()
        left = max(1 - explained / everything, 0.0) if everything else 0.0
        along = np.array([direction @ constant, direction @ slope])
        return LinearModel(along, squared, float(np.sqrt(left)))


def _follow(
    line: _Line, systems: list[System], start: Array, end: Array, alpha: np.ndarray, t: Any, progress: bool
) -> str:
    """Evaluate the velocities along the line; return whether it was finished or interrupted."""
    from tqdm import tqdm

    xp = array_namespace(start, end)
    try:
        for place in tqdm(alpha, desc="path", leave=False, disable=None if progress else True):
            x = (1 - float(place)) * start + float(place) * end
            velocities = to_numpy(xp.stack([one.residual(x, t) for one in systems])).astype(np.float64)
            if not np.all(np.isfinite(velocities)):
                raise ValueError(f"the velocity at alpha = {place:g} is not finite; take a shorter span")
            line.add(velocities, (place - 1) * line.length)
    except KeyboardInterrupt:
        if len(line.along) < 5:
            raise
        return "interrupted"
    return "finished"


def _result(line: _Line, alpha: np.ndarray, status: str, systems: list[System]) -> PathAngle:
    distance = (alpha - 1) * line.length
    cosine, speed, errors, shapes = {}, {}, {}, {}
    for part in line.masks:
        along, products = line.of(part)
        mean, squares = along.mean(axis=1), products.mean(axis=(1, 2))
        cosine[part], speed[part] = _cosine(mean, squares), np.sqrt(np.maximum(squares, 0))
        errors[part] = _jackknife(along, products)
        near_end = float(np.interp(0.0, distance, errors[part][0])) if line.systems > 1 else 0.0
        model = line.model(part, distance, squares)
        shapes[part] = shape_of(distance, mean, squares, near_end, model)
    return PathAngle(
        alpha=alpha,
        distance=distance,
        length=line.length,
        cosine=cosine,
        speed=speed,
        cosine_error={part: both[0] for part, both in errors.items()},
        speed_error={part: both[1] for part, both in errors.items()},
        shapes=shapes,
        systems=line.systems,
        evaluations=line.systems * len(alpha),
        status=status,
        label=systems[0].label,
    )


def _cosine(along: np.ndarray, squares: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(squares > 0, along / np.sqrt(np.maximum(squares, 0)), np.nan))


def _jackknife(along: np.ndarray, products: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return standard errors of cosine and speed of the mean velocity, leaving one out in turn."""
    count = along.shape[1]
    if count < 2:
        nothing = np.full(len(along), np.nan)
        return nothing, nothing
    rest = (along.sum(axis=1, keepdims=True) - along) / (count - 1)
    own = np.diagonal(products, axis1=1, axis2=2)
    squares = (products.sum(axis=(1, 2))[:, None] - 2 * products.sum(axis=2) + own) / (count - 1) ** 2
    spread = lambda values: np.sqrt((count - 1) * values.var(axis=1))
    return spread(_cosine(rest, squares)), spread(np.sqrt(np.maximum(squares, 0)))
