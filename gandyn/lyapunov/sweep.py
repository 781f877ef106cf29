"""Exponents under one or two parameters: where an orbit is chaotic, cycles or settles."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from gandyn.arrays import Array
from gandyn.checks import check_constant
from gandyn.field import System, UpdateMap
from gandyn.lyapunov.spectrum import lyapunov_spectrum
from gandyn.tiles import Store, compute, fingerprint

if TYPE_CHECKING:
    import xarray

__all__ = ["ExponentSweep", "exponent_sweep"]

#: What may become of an orbit; a dataset has the places in this list, less one.
_STATUSES = np.array(["not computed", "finished", "diverged", "stalled"])


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

    @classmethod
    def from_tiles(cls, arrays: Mapping[str, np.ndarray], **fields: Any) -> ExponentSweep:
        """Return the sweep of arrays over the grid of values; blank is what is not computed."""
        known: dict[str, Any] = dict(arrays)
        codes = np.maximum(known.pop("state"), -1)
        status: Literal["finished", "interrupted"] = "interrupted" if np.any(codes == -1) else "finished"
        return cls(statuses=_STATUSES[codes + 1], status=status, **known, **fields)

    @property
    def chaotic(self) -> np.ndarray:
        """Where the largest exponent is positive beyond its error, shape (p,) or (p, q)."""
        return np.asarray(self.exponents[..., 0] > self.zero[..., 0])

    def to_xarray(self) -> xarray.Dataset:
        """Return exponents and errors with the parameters and ``exponent`` as dimensions."""
        import xarray

        dims = (*self.parameters, "exponent")
        unit = {"units": "1 / flow time"}
        codes = np.argmax(self.statuses[..., None] == _STATUSES, axis=-1).astype(np.int64) - 1
        meanings = " ".join(name.replace(" ", "_") for name in _STATUSES.tolist())
        return xarray.Dataset(
            {
                "exponents": (dims, self.exponents, unit),
                "standard_errors": (dims, self.standard_errors, unit),
                "zero": (dims, self.zero, {"long_name": "compatible with zero below", **unit}),
                "state": (self.parameters, codes, {"flag_values": [-1, 0, 1, 2], "flag_meanings": meanings}),
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
    executor: Executor | None = None,
    store: str | os.PathLike[str] | None = None,
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
        executor: any ``concurrent.futures.Executor`` to follow the orbits by, see ``tiles.compute``.
        store: path of a Zarr store, ending in .zarr, for the orbits as they end. A call that was interrupted
            goes on from there; ``gandyn.load`` and xarray read it.
        progress: show a progress bar when on a terminal.
        options: of ``lyapunov_spectrum``: ``n_steps`` or ``t_end``, ``transient``, ``step``, ``seed``, ...

    Returns:
        The exponents with their errors, the same with every executor; Ctrl-C keeps the orbits done, in the
        store where there is one.

    Raises:
        ValueError: no parameter or more than two, one that the family does not have, or a store made with
            other settings.
        KeyboardInterrupt: on Ctrl-C, with an executor or a store.

    Example:
        >>> from gandyn.games.textbook import logistic
        >>> values = {"r": [3.2, 4.0]}
        >>> found = exponent_sweep(logistic(), np.array([0.3]), values, n_steps=5000, transient=100)
        >>> found.chaotic
        array([False,  True])
    """
    if len(parameters) not in (1, 2):
        raise ValueError(f"parameters must name one or two constants, got {list(parameters)}")
    for name in parameters:
        check_constant(family, name)
    values = tuple(np.asarray(row, dtype=np.float64) for row in parameters.values())
    fields = {
        "parameters": tuple(parameters),
        "values": values,
        "clock": "map" if isinstance(family, UpdateMap) else "flow",
        "label": family.label,
    }
    follow = _Orbits(family, start, tuple(parameters), values, carry_on, k, options)
    shape = tuple(map(len, values))
    if executor is None and store is None:
        return ExponentSweep.from_tiles(follow.all_of(shape, progress), **fields)
    kept = None
    if store is not None:
        decides = {
            "kind": "exponent sweep",
            **{name: fields[name] for name in ("label", "clock")},
            "constants": {name: value for name, value in family.constants.items() if name not in parameters},
            "values": dict(zip(parameters, values, strict=True)),
            "start": fingerprint(start),
            "carry_on": carry_on,
            "k": k,
            "options": {name: _shown(value) for name, value in options.items()},
        }
        kept = Store(store, tuple(parameters), decides, ExponentSweep, fields)
    tile = (*(1,) * (len(shape) - 1), shape[-1] if carry_on else 1)
    arrays = compute(
        follow, shape, tile=tile, executor=executor, store=kept, progress=progress, what="orbits"
    )
    return ExponentSweep.from_tiles(arrays, **fields)


def _shown(value: Any) -> Any:
    """Return an option as a store compares it: numbers and strings as they are, arrays by fingerprint."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return fingerprint(value) if hasattr(value, "dtype") else repr(value)


@dataclass(frozen=True, eq=False)
class _Orbits:
    """The orbits of a rectangle of values, the last parameter fastest."""

    family: System
    start: Array
    parameters: tuple[str, ...]
    values: tuple[np.ndarray, ...]
    carry_on: bool
    k: int | None
    options: Mapping[str, Any]

    def __call__(self, *where: slice) -> dict[str, np.ndarray]:
        rows = [row[part] for row, part in zip(self.values, where, strict=True)]
        found = self._blank(tuple(map(len, rows)))
        self._fill(found, rows, False)
        return found

    def all_of(self, shape: tuple[int, ...], progress: bool) -> dict[str, np.ndarray]:
        """Return all orbits, or those done before Ctrl-C."""
        found = self._blank(shape)
        with contextlib.suppress(KeyboardInterrupt):
            self._fill(found, self.values, progress)
        return found

    def _blank(self, shape: tuple[int, ...]) -> dict[str, np.ndarray]:
        k = self.family.layout.dim if self.k is None else self.k
        names = ("exponents", "standard_errors", "zero")
        return {
            **{name: np.full((*shape, k), np.nan) for name in names},
            "state": np.full(shape, -1, dtype=np.int64),
        }

    def _fill(self, found: dict[str, np.ndarray], rows: Sequence[np.ndarray], progress: bool) -> None:
        from tqdm import tqdm

        state, places = self.start, list(np.ndindex(*map(len, rows)))
        for place in tqdm(places, leave=False, disable=None if progress else True):
            at = {name: float(row[i]) for name, row, i in zip(self.parameters, rows, place, strict=True)}
            if not self.carry_on or place[-1] == 0:
                state = self.start
            family = self.family.with_constants(**at)
            one = lyapunov_spectrum(family, state, k=self.k, progress=False, **self.options)
            if one.status == "interrupted":
                raise KeyboardInterrupt
            found["state"][place] = int(np.flatnonzero(one.status == _STATUSES)[0]) - 1
            if one.status == "finished":
                found["exponents"][place], found["standard_errors"][place] = (
                    one.exponents,
                    one.standard_errors,
                )
                found["zero"][place] = one.zero
                state = one.x
