"""The result: covariant vectors along an orbit, their growth and the angles between them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from gandyn.lyapunov.result import Status

if TYPE_CHECKING:
    import xarray

__all__ = ["CovariantVectors"]


@dataclass(frozen=True, eq=False, repr=False)
class CovariantVectors:
    """Covariant Lyapunov vectors at the beginning of each record along an orbit.

    The linearised dynamics takes vector i at one time to a multiple of vector i at any other, forwards and
    backwards; on average it grows by exponent i.

    Args:
        times: shape (m,), flow times.
        states: shape (m, n), the orbit then.
        vectors: shape (m, k, n), of length 1 and up to their signs, in falling order of the exponents.
        local: shape (m, k), growth of each vector over the record that begins there, per unit of flow time.
        exponents: shape (k,), means of ``local``.
        standard_errors: shape (k,); NaN with less than 32 records.
        resolution: growth per unit of flow time that the arithmetic cannot tell from none.
        every: flow time from record to record.
        warmup_forward: flow time before ``times[0]`` in which the frames settled.
        warmup_backward: flow time behind the last record in which the vectors settled.
        contrast: largest factor by which the first tangent outgrew the last one from one orthonormalisation
            to the next.
        steps: steps taken from ``times[0]`` on, those of the backward warm-up and rejected ones included.
        clock: "flow" or "map".
        dt: flow time of one step of the map; 1 for a flow.
        dim: n.
        status: "finished", "interrupted", "diverged" or "stalled".
        message: what happened, in words.
        derivatives: "exact" or "central differences".
        label: the system's label.
    """

    times: np.ndarray
    states: np.ndarray
    vectors: np.ndarray
    local: np.ndarray
    exponents: np.ndarray
    standard_errors: np.ndarray
    resolution: float
    every: float
    warmup_forward: float
    warmup_backward: float
    contrast: float
    steps: int
    clock: Literal["flow", "map"]
    dt: float
    dim: int
    status: Status
    message: str
    derivatives: str
    label: str

    @property
    def _zero(self) -> np.ndarray:
        return 3 * np.nan_to_num(self.standard_errors) + self.resolution

    @property
    def unstable(self) -> tuple[int, ...]:
        """Indices of the vectors that grow, beyond three standard errors and the resolution."""
        return tuple(np.flatnonzero(self.exponents > self._zero).tolist())

    @property
    def stable(self) -> tuple[int, ...]:
        """Indices of the vectors that shrink, beyond three standard errors and the resolution."""
        return tuple(np.flatnonzero(self.exponents < -self._zero).tolist())

    @property
    def angles(self) -> np.ndarray:
        """Angles between the lines along each two vectors, shape (m, k, k), from 0 to pi/2."""
        m, k = self.local.shape
        found = np.zeros((m, k, k))
        for i in range(k):
            for j in range(i):
                found[:, i, j] = found[:, j, i] = _angle(self.vectors[:, i], self.vectors[:, j])
        return found

    def least_angle(
        self, first: tuple[int, ...] | None = None, second: tuple[int, ...] | None = None
    ) -> np.ndarray:
        """Return the least angle between two spaces spanned by vectors, shape (m,), from 0 to pi/2.

        Where that between unstable and stable space stays away from zero, the orbit is hyperbolic; values
        close to it mark tangencies of the two. The neutral vector of a flow belongs to neither.

        Args:
            first: indices of the vectors that span one space; those of ``unstable`` by default.
            second: indices of the others; those of ``stable`` by default.

        Raises:
            ValueError: a space without a vector, such as the unstable one of a stable orbit.
        """
        pair = [self.unstable if first is None else first, self.stable if second is None else second]
        if not all(pair):
            raise ValueError(
                f"an angle takes two spaces, got the vectors {pair[0]} and {pair[1]}; the exponents are "
                f"{np.round(self.exponents, 6).tolist()}"
            )
        one, other = (np.linalg.qr(np.swapaxes(self.vectors[:, list(part)], 1, 2))[0] for part in pair)
        inside = np.swapaxes(one, 1, 2) @ other
        sines = np.linalg.svd(other - one @ inside, compute_uv=False)[:, -1]
        cosines = np.linalg.svd(inside, compute_uv=False)[:, 0]
        return np.asarray(np.arctan2(sines, cosines))

    def to_xarray(self) -> xarray.Dataset:
        """Return vectors and their growth with the dimensions ``t``, ``vector`` and ``entry``."""
        import xarray

        unit = {"units": "1 / flow time"}
        return xarray.Dataset(
            {
                "vectors": (("t", "vector", "entry"), self.vectors),
                "states": (("t", "entry"), self.states),
                "local": (("t", "vector"), self.local, unit),
                "exponents": (("vector",), self.exponents, unit),
            },
            coords={"t": ("t", self.times, {"long_name": "flow time"})},
            attrs={"label": self.label, "clock": self.clock, "status": self.status, "every": self.every},
        )

    def __str__(self) -> str:
        parts = [
            f"  {value:.6g} +- {error:.2g}"
            for value, error in zip(self.exponents, self.standard_errors, strict=True)
        ]
        head = (
            f"{len(self.exponents)} covariant vectors of {self.label or 'a ' + self.clock} at "
            f"{len(self.times)} times {self.every:g} apart ({self.status}); their exponents"
        )
        if self.unstable and self.stable and len(self.times):
            parts.append(f"  least angle of unstable and stable space {self.least_angle().min():.3g}")
        return "\n".join([head, *parts])

    __repr__ = __str__


def _angle(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    inner = np.sum(u * v, axis=-1)
    across = v - inner[:, None] * u
    return np.asarray(np.arctan2(np.linalg.norm(across, axis=-1), np.abs(inner)))
