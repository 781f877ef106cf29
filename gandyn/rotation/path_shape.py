"""What the path-angle shows: the sign switch of attraction, the bump of rotation, the local linear model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

__all__ = ["Bump", "LinearModel", "PathShape", "Switch", "shape_of"]

#: Change of the cosine from which a switch or a bump counts.
_NOTICEABLE = 0.1
_FINE = 2001

Curve = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True, eq=False)
class Switch:
    """Where the velocity along the path changes its sign.

    Args:
        kind: "attraction" where it turns from forwards to backwards, "repulsion" the other way.
        location: signed distance beyond the end of the path, in units of the parameters.
        steepness: |slope| of the cosine there, per unit of distance; infinite where the speed is
            zero there.
        amplitude: half the change of the cosine between equal distances before and behind, from 0 to 1.
    """

    kind: str
    location: float
    steepness: float
    amplitude: float


@dataclass(frozen=True, eq=False)
class Bump:
    """The part of the cosine that is even about the point of least speed.

    Args:
        location: the point of least speed near the end, signed distance beyond the end.
        height: even part there, less that at the edge of the window; ``-omega / sqrt(eps^2 + omega^2)`` in
            the linear model on a long window. Its sign is the sense of rotation, seen from the path.
        width: full width at half the height, in units of the parameters; NaN where it is wider than the
        window.
    """

    location: float
    height: float
    width: float


@dataclass(frozen=True, eq=False)
class LinearModel:
    """The velocity along a line of a linear field, ``v(s) = c + b s``, fitted by least squares.

    Args:
        along: shape (2,): the component along the path is ``along[0] + along[1] s``.
        squares: shape (3,): ``|v|^2 = squares[0] + squares[1] s + squares[2] s^2``.
        residual: root of the share of ``sum |v|^2`` that the model leaves, from 0 to 1.
    """

    along: np.ndarray
    squares: np.ndarray
    residual: float

    @property
    def attraction(self) -> float:
        """Rate at which the velocity along the path falls: eps of ``J = [[-eps, -omega], [omega, -eps]]``."""
        return float(-self.along[1])

    @property
    def rotation(self) -> float:
        """Rate at which the velocity across the path turns: |omega| of that J."""
        return float(np.sqrt(max(self.squares[2] - self.along[1] ** 2, 0.0)))

    @property
    def closest(self) -> float:
        """Signed distance beyond the end at which the speed is least; NaN for a constant velocity."""
        return float(-self.squares[1] / (2 * self.squares[2])) if self.squares[2] else float("nan")

    @property
    def offset(self) -> float:
        """Distance delta at which the path passes the fixed point of a J with both its rates alike."""
        if not self.squares[2]:
            return float("nan")
        return float(np.sqrt(max(self.squares[0] / self.squares[2] - self.closest**2, 0.0)))

    def cosine(self, distance: np.ndarray) -> np.ndarray:
        """Return the cosine of the model at distances beyond the end, the shape of ``distance``."""
        s = np.asarray(distance, dtype=float)
        with np.errstate(invalid="ignore", divide="ignore"):
            speed = np.sqrt(np.polynomial.polynomial.polyval(s, self.squares))
            return np.asarray((self.along[0] + self.along[1] * s) / speed)


@dataclass(frozen=True, eq=False, repr=False)
class PathShape:
    """The shape of a path-angle: for the joint path, or for one player's part of it.

    Args:
        name: "attraction", "repulsion", "rotation", "attraction and rotation", "repulsion and rotation",
            or "neither". A switch counts from an amplitude of 0.1, a bump from a height of 0.1, each also
            from two standard errors.
        switch: the change of sign nearest to the end, or None.
        bump: the bump about the point of least speed, or None where that is not within the window.
        model: the local linear model.
    """

    name: str
    switch: Switch | None
    bump: Bump | None
    model: LinearModel

    def __str__(self) -> str:
        said = [self.name]
        if self.switch is not None:
            said.append(f"switch {self.switch.amplitude:.2f} at {self.switch.location:+.3g}")
        if self.bump is not None:
            said.append(f"bump {self.bump.height:+.2f}, width {self.bump.width:.3g}")
        return ", ".join(said)

    __repr__ = __str__


def shape_of(
    distance: np.ndarray, along: np.ndarray, squares: np.ndarray, error: float, model: LinearModel
) -> PathShape:
    """Return the shape of a path-angle from its parts.

    Args:
        distance: shape (P,), increasing, signed distance beyond the end.
        along: shape (P,), component of the velocity along the path.
        squares: shape (P,), squared speed.
        error: standard error of the cosine near the end.
        model: the local linear model.
    """
    cosine = _curve(distance, along, squares)
    switch = _switch(distance, along, squares, cosine)
    bump = _bump(distance, squares, cosine)
    least = max(_NOTICEABLE, 2 * error)
    found = [switch.kind] if switch is not None and switch.amplitude >= least else []
    if bump is not None and abs(bump.height) >= least:
        found.append("rotation")
    return PathShape(" and ".join(found) or "neither", switch, bump, model)


def _curve(distance: np.ndarray, along: np.ndarray, squares: np.ndarray) -> Curve:
    """Return the cosine between the points, exact for a linear field: splines of its numerator and square."""
    from scipy.interpolate import CubicSpline

    top, below = CubicSpline(distance, along), CubicSpline(distance, squares)

    def cosine(s: np.ndarray) -> np.ndarray:
        between = below(s)
        size = np.where(between > 0, between, np.interp(s, distance, squares))
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.clip(np.nan_to_num(top(s) / np.sqrt(size)), -1.0, 1.0)

    return cosine


def _switch(distance: np.ndarray, along: np.ndarray, squares: np.ndarray, cosine: Curve) -> Switch | None:
    signed = np.flatnonzero(along)
    turns = np.flatnonzero(np.diff(np.sign(along[signed])))
    if not len(turns):
        return None
    pairs = np.stack([signed[turns], signed[turns + 1]])
    (left, right), (before, behind) = distance[pairs], along[pairs]
    places = left - before * (right - left) / (behind - before)
    near = int(np.argmin(np.abs(places)))
    place, slope = float(places[near]), float(((behind - before) / (right - left))[near])
    size = _parabola(distance, squares, place)(place)
    reach = min(place - distance[0], distance[-1] - place)
    ends = cosine(np.array([place - reach, place + reach]))
    return Switch(
        kind="attraction" if before[near] > 0 else "repulsion",
        location=place,
        steepness=abs(slope) / float(np.sqrt(size)) if size > 0 else float("inf"),
        amplitude=float(abs(ends[1] - ends[0]) / 2),
    )


def _parabola(distance: np.ndarray, values: np.ndarray, place: float) -> np.polynomial.Polynomial:
    """Return the parabola through the three points nearest to a place."""
    nearest = np.argsort(np.abs(distance - place))[:3]
    return np.polynomial.Polynomial.fit(distance[nearest], values[nearest], 2)


def _slowest(distance: np.ndarray, squares: np.ndarray) -> float | None:
    """Return where the speed is least within equal distances before and behind the end."""
    within = np.flatnonzero(np.abs(distance) <= distance[-1])
    if len(within) < 3:
        return None
    lowest = int(within[np.argmin(squares[within])])
    if lowest in (0, len(distance) - 1):
        return None
    curve = _parabola(distance, squares, float(distance[lowest]))
    turning = curve.deriv().roots().real
    place = float(turning[0]) if len(turning) else float(distance[lowest])
    return float(np.clip(place, distance[lowest - 1], distance[lowest + 1]))


def _bump(distance: np.ndarray, squares: np.ndarray, cosine: Curve) -> Bump | None:
    place = _slowest(distance, squares)
    if place is None:
        return None
    reach = min(place - distance[0], distance[-1] - place)
    if not reach > 0:
        return None
    away = np.linspace(0.0, reach, _FINE)
    even = (cosine(place + away) + cosine(place - away)) / 2
    rise = even - even[-1]
    height = float(rise[0])
    return Bump(place, height, 2 * _half_way(away, rise / height) if height else float("nan"))


def _half_way(away: np.ndarray, share: np.ndarray) -> float:
    """Return where a share that starts at 1 first falls to a half."""
    below = np.flatnonzero(share <= 0.5)
    if not len(below):
        return float("nan")
    i = int(below[0])
    return float(np.interp(0.5, share[[i, i - 1]], away[[i, i - 1]]))
