"""Arrays of closed intervals, rounded outward, that know where the function they enclose is continuous.

The four operations are those of float64, each end moved outward by one unit in the last place: a proof
needs no more than IEEE arithmetic. Beside its ends an interval carries a grade, as the decorations of
IEEE 1788-2015 do: whether the function it encloses is defined and continuous on the whole box, defined
only, defined on a part of it, or nowhere. Ends bound the values where the function *is* defined, so that
the logarithm of [-1, 1] is [-inf, 0], of grade ``PARTLY``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["CONTINUOUS", "DEFINED", "NOWHERE", "PARTLY", "Interval", "Truth", "exact", "hull"]

NOWHERE, PARTLY, DEFINED, CONTINUOUS = (np.int8(grade) for grade in range(4))
"""Grades: on the box, the function is defined nowhere, partly, everywhere; or is continuous."""


def down(x: Any) -> Any:
    """Return the next float below."""
    return np.nextafter(x, -np.inf)


def up(x: Any) -> Any:
    """Return the next float above."""
    return np.nextafter(x, np.inf)


@dataclass(frozen=True, eq=False)
class Truth:
    """A comparison over a box: whether it surely holds, and whether it may hold, boolean arrays."""

    surely: np.ndarray
    possibly: np.ndarray

    def __and__(self, other: Truth) -> Truth:
        return Truth(self.surely & other.surely, self.possibly & other.possibly)

    def __or__(self, other: Truth) -> Truth:
        return Truth(self.surely | other.surely, self.possibly | other.possibly)

    def __eq__(self, other: object) -> Truth:  # type: ignore[override]
        """Return the negation: a kernel's source writes ``not a`` as ``a == False``."""
        if other is not False:
            raise TypeError(f"a comparison of intervals compares with False only, got {other!r}")
        return Truth(~self.possibly, ~self.surely)

    __hash__ = None  # type: ignore[assignment]


@dataclass(frozen=True, eq=False, repr=False)
class Interval:
    """An array of closed intervals; arithmetic encloses every result of reals from the operands.

    Args:
        lo: lower ends, float64, any shape; -inf where there is no bound.
        hi: upper ends, of the same shape.
        grade: ``CONTINUOUS``, ``DEFINED``, ``PARTLY`` or ``NOWHERE``, int8, broadcasts with the ends.

    Example:
        >>> x = Interval(np.array(-1.0), np.array(2.0))
        >>> x * x, x * 3.0, 1.0 / x
        ([0, 4], [-3, 6], [-inf, inf] partly)
    """

    lo: np.ndarray
    hi: np.ndarray
    grade: Any = CONTINUOUS

    __array_ufunc__ = None  # so that an array on the left leaves the operation to us
    __hash__ = None  # type: ignore[assignment]

    def __getitem__(self, key: Any) -> Interval:
        grade = np.broadcast_to(self.grade, np.shape(self.lo))[key] if np.ndim(self.grade) else self.grade
        return Interval(self.lo[key], self.hi[key], grade)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the array."""
        return np.shape(self.lo)

    @property
    def finite(self) -> np.ndarray:
        """Where both ends are finite."""
        return np.isfinite(self.lo) & np.isfinite(self.hi)

    @property
    def centre(self) -> np.ndarray:
        """A float inside each interval, near its middle."""
        return np.clip(self.lo / 2 + self.hi / 2, self.lo, self.hi)

    @property
    def magnitude(self) -> np.ndarray:
        """The largest absolute value in each interval."""
        return np.maximum(np.abs(self.lo), np.abs(self.hi))

    def graded(self, grade: Any) -> Interval:
        """Return the same intervals with a grade of at most ``grade``."""
        return Interval(self.lo, self.hi, np.minimum(self.grade, grade))

    def clipped(self, low: float, high: float) -> Interval:
        """Return the parts within a range that is known to hold all values."""
        return Interval(np.clip(self.lo, low, high), np.clip(self.hi, low, high), self.grade)

    def __neg__(self) -> Interval:
        return Interval(-self.hi, -self.lo, self.grade)

    def __add__(self, other: Any) -> Interval:
        b = exact(other)
        return Interval(_sum(self.lo, b.lo, down), _sum(self.hi, b.hi, up), np.minimum(self.grade, b.grade))

    def __sub__(self, other: Any) -> Interval:
        return self + (-exact(other))

    def __rsub__(self, other: Any) -> Interval:
        return exact(other) - self

    def __mul__(self, other: Any) -> Interval:
        if other is self:
            return self._square()
        b = exact(other)
        corners = [(self.lo, b.lo), (self.lo, b.hi), (self.hi, b.lo), (self.hi, b.hi)]
        with np.errstate(all="ignore"):
            products = [np.where((u == 0) | (v == 0), 0.0, u * v) for u, v in corners]
        lo = np.minimum(np.minimum(products[0], products[1]), np.minimum(products[2], products[3]))
        hi = np.maximum(np.maximum(products[0], products[1]), np.maximum(products[2], products[3]))
        still = _is_zero(self) | _is_zero(b)
        low = np.where(still | _positive(self, b), np.maximum(down(lo), 0.0), down(lo))
        high = np.where(still, 0.0, up(hi))
        return Interval(np.where(still, 0.0, low), high, np.minimum(self.grade, b.grade))

    __radd__, __rmul__ = __add__, __mul__

    def _square(self) -> Interval:
        inside = (self.lo <= 0) & (self.hi >= 0)
        with np.errstate(all="ignore"):
            small = np.where(inside, 0.0, np.minimum(np.abs(self.lo), np.abs(self.hi)))
            low, high = down(small * small), up(self.magnitude * self.magnitude)
        return Interval(np.maximum(low, 0.0), np.where(self.magnitude == 0, 0.0, high), self.grade)

    def __truediv__(self, other: Any) -> Interval:
        return self * exact(other).inverse()

    def __rtruediv__(self, other: Any) -> Interval:
        return exact(other) * self.inverse()

    def inverse(self) -> Interval:
        """Return 1/x; without bound on a side from which x reaches zero."""
        zero = (self.lo <= 0) & (self.hi >= 0)
        with np.errstate(all="ignore"):
            lo = np.where(zero & (self.lo < 0), -np.inf, down(1 / self.hi))
            hi = np.where(zero & (self.hi > 0), np.inf, up(1 / self.lo))
        nowhere = _is_zero(self)
        grade = np.where(nowhere, NOWHERE, np.where(zero, PARTLY, CONTINUOUS))
        lo, hi = np.where(nowhere, -np.inf, lo), np.where(nowhere, np.inf, hi)
        return Interval(lo, hi, np.minimum(self.grade, grade) if np.any(zero) else self.grade)

    def __abs__(self) -> Interval:
        inside = (self.lo <= 0) & (self.hi >= 0)
        low = np.where(inside, 0.0, np.minimum(np.abs(self.lo), np.abs(self.hi)))
        return Interval(low, self.magnitude, self.grade)

    def sum(self, axis: int) -> Interval:
        """Return the sum over an axis; the error of float summation in any order is added (Higham 2002)."""
        count = self.shape[axis]
        grade = self.grade
        if np.ndim(grade):
            grade = np.min(np.broadcast_to(grade, self.shape), axis=axis)
        with np.errstate(all="ignore"):
            slack = count * 2.0**-52 * np.sum(self.magnitude, axis=axis)
            lo = down(np.sum(self.lo, axis=axis) - up(slack))
            hi = up(np.sum(self.hi, axis=axis) + up(slack))
        return Interval(np.where(np.isnan(lo), -np.inf, lo), np.where(np.isnan(hi), np.inf, hi), grade)

    def __lt__(self, other: Any) -> Truth:
        b = exact(other)
        return Truth(self.hi < b.lo, self.lo < b.hi)

    def __le__(self, other: Any) -> Truth:
        b = exact(other)
        return Truth(self.hi <= b.lo, self.lo <= b.hi)

    def __gt__(self, other: Any) -> Truth:
        return exact(other) < self

    def __ge__(self, other: Any) -> Truth:
        return exact(other) <= self

    def __eq__(self, other: Any) -> Truth:  # type: ignore[override]
        b = exact(other)
        meet = (self.lo <= b.hi) & (b.lo <= self.hi)
        return Truth(meet & (self.lo == self.hi) & (b.lo == b.hi), meet)

    def __ne__(self, other: Any) -> Truth:  # type: ignore[override]
        return (self == other) == False  # noqa: E712

    def __repr__(self) -> str:
        words = np.array(["nowhere", "partly", "defined", ""])
        parts = np.broadcast_arrays(self.lo, self.hi, words[self.grade])
        return ", ".join(
            f"[{a:.6g}, {b:.6g}] {w}".strip() for a, b, w in zip(*map(np.ravel, parts), strict=True)
        )


def exact(x: Any) -> Interval:
    """Return numbers as intervals without width: floats are the binary numbers that they are."""
    if isinstance(x, Interval):
        return x
    ends = np.asarray(x, dtype=np.float64)
    return Interval(ends, ends)


def hull(*parts: Any) -> Interval:
    """Return the smallest intervals that hold all parts; the grade is the least of theirs."""
    intervals = [exact(part) for part in parts]
    result = intervals[0]
    for b in intervals[1:]:
        grade = np.minimum(result.grade, b.grade)
        result = Interval(np.minimum(result.lo, b.lo), np.maximum(result.hi, b.hi), grade)
    return result


def _sum(a: np.ndarray, b: np.ndarray, outward: Callable[[Any], Any]) -> np.ndarray:
    """Return a rounded sum; one that vanishes in floats vanishes in truth."""
    with np.errstate(all="ignore"):
        total = np.add(a, b)
        return np.where(total == 0, 0.0, outward(total))


def _is_zero(x: Interval) -> np.ndarray:
    return (x.lo == 0) & (x.hi == 0)


def _positive(a: Interval, b: Interval) -> np.ndarray:
    """Return where the product is of two factors of one sign, so that it is not negative."""
    return ((a.lo >= 0) & (b.lo >= 0)) | ((a.hi <= 0) & (b.hi <= 0))
