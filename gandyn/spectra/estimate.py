"""A number known from random samples, with its error."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False, repr=False)
class Estimate:
    """A number with its standard error, from exchangeable samples.

    Args:
        value: the estimate.
        standard_error: its standard error; 0 where the number is exact.
        samples: number of samples behind it; 0 where the number is exact.

    Example:
        >>> Estimate(2.0, 0.1, 10)
        2 +- 0.1
    """

    value: float
    standard_error: float
    samples: int

    @property
    def interval(self) -> tuple[float, float]:
        """Ends of the interval that covers the truth with 95 %, by Student's t."""
        if self.samples < 2:
            return self.value, self.value
        from scipy.stats import t

        reach = float(t.ppf(0.975, self.samples - 1)) * self.standard_error
        return self.value - reach, self.value + reach

    def __str__(self) -> str:
        return f"{self.value:.6g}" + (f" +- {self.standard_error:.2g}" if self.samples else " (exact)")

    __repr__ = __str__


def mean_of(samples: np.ndarray) -> Estimate:
    """Return the mean of independent samples, shape (m,), m at least 2."""
    error = float(np.std(samples, ddof=1) / np.sqrt(len(samples)))
    return Estimate(float(np.mean(samples)), error, len(samples))
