"""The 0-1 test: chaos from one series of numbers, without a phase space or derivatives."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np

__all__ = ["FEWEST", "ZeroOne", "choose_stride", "zero_one_test"]

Verdict: TypeAlias = Literal["chaotic", "regular", "undecided"]
Status: TypeAlias = Literal["finished", "interrupted"]

_RANGE = (math.pi / 5, 4 * math.pi / 5)
#: Entries that the test needs after thinning.
FEWEST = 100
_OVERSAMPLED = 0.5
_REGULAR, _CHAOTIC = 0.2, 0.8
_CONSTANT = 1e-10


@dataclass(frozen=True, eq=False, repr=False)
class ZeroOne:
    """What the 0-1 test found.

    Args:
        frequencies: shape (m,), the random c, rising.
        K: shape (m,), asymptotic growth of each translation by c: near 0 or near 1.
        c: the frequency whose K is the median.
        p: shape (N,), with ``q``: the translation of that frequency, bounded for a regular series, and like
            a random walk for a chaotic one.
        q: see ``p``.
        stride: every so many entries of the series were used.
        chosen: how the stride was chosen: "given", "not oversampled", or what of the autocorrelation came
            first, its "first zero" or "first minimum".
        count: N, entries used.
        status: "finished" or "interrupted".
    """

    frequencies: np.ndarray
    K: np.ndarray
    c: float
    p: np.ndarray
    q: np.ndarray
    stride: int
    chosen: str
    count: int
    status: Status

    @property
    def median(self) -> float:
        """The median of K, which is the result of the test."""
        return float(np.median(self.K)) if len(self.K) else math.nan

    @property
    def verdict(self) -> Verdict:
        """Return "chaotic" for a median K above 0.8, "regular" below 0.2, else "undecided"."""
        if self.median > _CHAOTIC:
            return "chaotic"
        return "regular" if self.median < _REGULAR else "undecided"

    def __str__(self) -> str:
        low, high = np.percentile(self.K, [10, 90]) if len(self.K) else (math.nan, math.nan)
        return (
            f"0-1 test of {self.count} numbers: {self.verdict}, K = {self.median:.3f} "
            f"(80% of {len(self.K)} frequencies in [{low:.2f}, {high:.2f}]); "
            f"stride {self.stride}, {self.chosen}"
        )

    __repr__ = __str__


def zero_one_test(
    series: Any, *, stride: int | None = None, count: int = 100, seed: int = 0, progress: bool = True
) -> ZeroOne:
    """Test whether a series is chaotic or regular, from the numbers alone.

    For a frequency c the series drives a translation in the plane, whose mean-square displacement M grows
    linearly where the series is chaotic and stays bounded where it is regular::

        p(n) = sum_(j <= n) phi_j cos(j c),    q(n) = sum_(j <= n) phi_j sin(j c)
        D_c(n) = M_c(n) - mean(phi)^2 (1 - cos(n c)) / (1 - cos c),    n = 1, ..., N/10
        K_c = correlation of n with D_c(n)

    The term subtracted is the part of M that oscillates. K is the median over random c, which resonances
    with periodic parts of the series do not reach. M is computed by FFT, in O(N log N) for each c.

    A series sampled much faster than it changes looks regular whatever it is. One whose autocorrelation at
    lag 1 exceeds 0.5 is therefore thinned, to the first zero or the first minimum of its autocorrelation,
    whichever comes first. Noise counts as chaos, and a slow trend does too: remove transients first.

    Args:
        series: shape (m,), real and finite, evenly spaced in time.
        stride: use every so many entries; without it chosen as above.
        count: number of frequencies, drawn between pi/5 and 4 pi/5.
        seed: seed of the frequencies.
        progress: show a progress bar when on a terminal.

    Returns:
        K over c with its median; Ctrl-C returns the frequencies done. A series that varies by less than
        1e-10 of its size has K = 0.

    Raises:
        ValueError: a series that is not finite or not one row, or fewer than 100 entries after thinning.

    Sources: Gottwald and Melbourne 2004 and 2009.

    Example:
        >>> x = [0.3]
        >>> for _ in range(2000):
        ...     x.append(4 * x[-1] * (1 - x[-1]))
        >>> chaotic, regular = zero_one_test(x), zero_one_test(np.cos(np.sqrt(2) * np.arange(2000)))
        >>> chaotic.verdict, regular.verdict
        ('chaotic', 'regular')
    """
    from tqdm import tqdm

    values = np.asarray(series, dtype=np.float64)
    if values.ndim != 1 or not np.all(np.isfinite(values)):
        raise ValueError(
            f"series must be one row of finite numbers, got shape {values.shape}; pick one entry"
        )
    if count < 1 or (stride is not None and stride < 1):
        raise ValueError(f"count and stride must be at least 1, got {count} and {stride}")
    chosen = "given"
    if stride is None:
        stride, chosen = choose_stride(values)
    values = values[::stride]
    if len(values) < FEWEST:
        raise ValueError(
            f"the test needs at least {FEWEST} entries, better 1000; a stride of {stride} leaves "
            f"{len(values)} of {np.size(series)}: give a longer series"
        )
    frequencies = np.sort(np.random.default_rng(seed).uniform(*_RANGE, size=count))
    found: list[float] = []
    status: Status = "finished"
    try:
        for c in tqdm(frequencies, desc="0-1 test", leave=False, disable=None if progress else True):
            found.append(_growth(values, float(c)))
    except KeyboardInterrupt:
        status = "interrupted"
    K, frequencies = np.array(found), frequencies[: len(found)]
    middle = float(frequencies[np.argsort(K)[len(K) // 2]]) if found else math.nan
    p, q = _translation(values, middle)
    return ZeroOne(frequencies, K, middle, p, q, stride, chosen, len(values), status)


def choose_stride(series: np.ndarray) -> tuple[int, str]:
    """Return the stride that the 0-1 test takes, and why: see ``ZeroOne.chosen``.

    Example:
        >>> choose_stride(np.cos(2 * np.pi * np.arange(2000) / 40))
        (10, 'first zero')
    """
    centred = series - series.mean()
    if len(series) < 3 or _is_constant(series):
        return 1, "not oversampled"
    correlation = _correlation_sums(centred) / np.arange(len(series), 0, -1)
    correlation /= correlation[0]
    if correlation[1] <= _OVERSAMPLED:
        return 1, "not oversampled"
    lags = np.arange(1, len(series) // 2)
    zero, turn = correlation[lags] <= 0, correlation[lags + 1] >= correlation[lags]
    stops = np.flatnonzero(zero | turn)
    if not len(stops):
        return max(1, len(series) // 2), "first minimum"
    first = int(stops[0])
    return int(lags[first]), "first zero" if zero[first] else "first minimum"


def _is_constant(values: np.ndarray) -> bool:
    return bool(values.std() <= _CONSTANT * np.abs(values).max())


def _correlation_sums(z: np.ndarray) -> np.ndarray:
    """Return ``sum_j Re(z_(j + n) conj(z_j))`` for n = 0, ..., len(z) - 1, by FFT."""
    from scipy.fft import fft, ifft, next_fast_len

    size = next_fast_len(2 * len(z))
    spectrum = fft(z, size)
    return np.asarray(ifft(np.abs(spectrum) ** 2)[: len(z)].real)


def _translation(values: np.ndarray, c: float) -> tuple[np.ndarray, np.ndarray]:
    """Return p and q of a frequency, each of shape (N,)."""
    phase = c * np.arange(1, len(values) + 1)
    return np.cumsum(values * np.cos(phase)), np.cumsum(values * np.sin(phase))


def _displacement(p: np.ndarray, q: np.ndarray, most: int) -> np.ndarray:
    """Return the mean-square displacement over n = 1, ..., ``most`` steps, over all pairs there are.

    ``sum |z_(j+n) - z_j|^2 = sum_(j >= n) |z_j|^2 + sum_(j < N-n) |z_j|^2 - 2 Re sum z_(j+n) conj(z_j)``.
    """
    z = (p - p.mean()) + 1j * (q - q.mean())
    squares = np.concatenate([[0.0], np.cumsum(np.abs(z) ** 2)])
    n = np.arange(1, most + 1)
    sums = (squares[-1] - squares[n]) + squares[len(z) - n] - 2 * _correlation_sums(z)[n]
    return np.asarray(sums / (len(z) - n))


def _growth(values: np.ndarray, c: float) -> float:
    """Return K of a frequency."""
    if _is_constant(values):
        return 0.0
    n = np.arange(1, len(values) // 10 + 1)
    oscillation = values.mean() ** 2 * (1 - np.cos(n * c)) / (1 - np.cos(c))
    displacement = _displacement(*_translation(values, c), len(n)) - oscillation
    return float(np.corrcoef(n, displacement)[0, 1])
