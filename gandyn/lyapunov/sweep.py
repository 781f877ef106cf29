"""Exponents under one or two parameters: where an orbit is chaotic, cycles or settles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from gandyn.arrays import Array
from gandyn.checks import check_constant
from gandyn.field import System, UpdateMap
from gandyn.lyapunov.spectrum import lyapunov_spectrum

if TYPE_CHECKING:
    import xarray

__all__ = ["ExponentSweep", "exponent_sweep"]


@dataclass(frozen=True, eq=False, repr=False)
class ExponentSweep:
    """Lyapunov exponents over a row or a grid of parameters.

    Args:
        parameters: names of one or two parameters.
        values: values of each, shape (p,) and, with two, (q,).
        exponents: shape (p, k) or (p, q, k), per unit of flow time; NaN where the orbit did not reach the
            end of its average.
        standard_errors: the same shape.
        zero: the same shape; within this of zero an exponent is compatible with zero.
        statuses: shape (p,) or (p, q), of strings: "finished", "diverged", "stalled" or "not computed".
        clock: "flow" or "map".
        status: "finished" or "interrupted".
        label: the system's label.
    """

    parameters: tuple[str, ...]
    values: tuple[np.ndarray, ...]
    exponents: np.ndarray
    standard_errors: np.ndarray
    zero: np.ndarray
    statuses: np.ndarray
    clock: Literal["flow", "map"]
    status: Literal["finished", "interrupted"]
    label: str

    @property
    def chaotic(self) -> np.ndarray:
        """Where the largest exponent is positive beyond its error, shape (p,) or (p, q)."""
        return np.asarray(self.exponents[..., 0] > self.zero[..., 0])

    def to_xarray(self) -> xarray.Dataset:
        """Return exponents and errors with the parameters and ``exponent`` as dimensions."""
        import xarray

        dims = (*self.parameters, "exponent")
        unit = {"units": "1 / flow time"}
        return xarray.Dataset(
            {
                "exponents": (dims, self.exponents, unit),
                "standard_errors": (dims, self.standard_errors, unit),
                "status": (self.parameters, self.statuses),
            },
            coords=dict(zip(self.parameters, self.values, strict=True)),
            attrs={"label": self.label, "clock": self.clock},
        )

    def __str__(self) -> str:
        count, done = self.statuses.size, int(np.sum(self.statuses == "finished"))
        return (
            f"Exponents of {self.label or 'a ' + self.clock} over {' and '.join(self.parameters)}: "
            f"{self.status}; of {count} orbits {done} stayed bounded, {int(self.chaotic.sum())} are chaotic"
        )

    __repr__ = __str__


def exponent_sweep(
    family: System,
    start: Array,
    parameters: Mapping[str, Sequence[float] | np.ndarray],
    *,
    carry_on: bool = False,
    k: int | None = None,
    progress: bool = True,
    **options: Any,
) -> ExponentSweep:
    """Measure the exponents of orbits under each value of one parameter, or each pair of two.

    Args:
        family: a flow or map with adjustable constants, such as the step ``h`` of a scheme.
        start: shape (n,), where every orbit starts.
        parameters: name and values of one or two constants.
        carry_on: start each orbit where the one of the value before it ended (along the
            last parameter), which shows hysteresis.
        k: number of exponents, 1 to n; without it all n.
        progress: show a progress bar when on a terminal.
        options: of ``lyapunov_spectrum``: ``n_steps`` or ``t_end``, ``transient``, ``step``, ``seed``, ...

    Returns:
        The exponents with their errors; Ctrl-C keeps the orbits done.

    Raises:
        ValueError: no parameter or more than two, or one that the family does not have.

    Example:
        >>> from gandyn.games.textbook import logistic
        >>> values = {"r": [3.2, 4.0]}
        >>> found = exponent_sweep(logistic(), np.array([0.3]), values, n_steps=5000, transient=100)
        >>> found.chaotic
        array([False,  True])
    """
    from tqdm import tqdm

    if len(parameters) not in (1, 2):
        raise ValueError(f"parameters must name one or two constants, got {list(parameters)}")
    for name in parameters:
        check_constant(family, name)
    values = tuple(np.asarray(row, dtype=np.float64) for row in parameters.values())
    shape, n = tuple(map(len, values)), family.layout.dim
    found = np.full((3, *shape, n if k is None else k), np.nan)
    statuses = np.full(shape, "not computed", dtype="<U12")
    status: Literal["finished", "interrupted"] = "finished"
    state = start
    try:
        for place in tqdm(list(np.ndindex(*shape)), leave=False, disable=None if progress else True):
            at = {name: float(row[i]) for name, row, i in zip(parameters, values, place, strict=True)}
            if not carry_on or place[-1] == 0:
                state = start
            one = lyapunov_spectrum(family.with_constants(**at), state, k=k, progress=False, **options)
            if one.status == "interrupted":
                raise KeyboardInterrupt
            statuses[place] = one.status
            if one.status == "finished":
                found[(slice(None), *place)] = one.exponents, one.standard_errors, one.zero
                state = one.x
    except KeyboardInterrupt:
        status = "interrupted"
    clock: Literal["flow", "map"] = "map" if isinstance(family, UpdateMap) else "flow"
    exponents, errors, zero = found
    return ExponentSweep(
        tuple(parameters), values, exponents, errors, zero, statuses, clock, status, family.label
    )
