"""Frobenius norms of a Jacobian, its parts and its blocks, and how much of it rotates."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, get_args

import numpy as np

from gandyn.arrays import Array, array_namespace, like, to_numpy
from gandyn.checks import check_floats
from gandyn.field import Layout, Linearisation, Player, System, embed
from gandyn.spectra.estimate import Estimate
from gandyn.spectra.products import Counted
from gandyn.spectra.traces import signs


@dataclass(frozen=True, eq=False, repr=False)
class BlockNorms:
    """Frobenius norms of the Jacobian J, of its parts S and A, and of the blocks between players.

    Args:
        jacobian: ``|J|_F``.
        symmetric: ``|S|_F``, S = (J + J^T) / 2.
        antisymmetric: ``|A|_F``, A = (J - J^T) / 2.
        blocks: norm of each block: a player's own block by its name, and "a to b": how a's parameters move
            b's velocity.
        rotation_index: ``|A|_F / (|S|_F + |A|_F)``: 0 for a gradient flow, 1 for a pure rotation.
        products: products with J or J^T.
        message: how it was found.
        label: the system's label.
    """

    jacobian: Estimate
    symmetric: Estimate
    antisymmetric: Estimate
    blocks: dict[str, Estimate]
    rotation_index: Estimate
    products: int
    message: str
    label: str

    def __str__(self) -> str:
        rows = [f"  {name}: {value}" for name, value in self.blocks.items()]
        return "\n".join(
            [
                f"Frobenius norms of the Jacobian of {self.label or 'a system'}: {self.jacobian}",
                f"  S: {self.symmetric}, A: {self.antisymmetric}, rotation index {self.rotation_index}",
                *rows,
                f"  {self.message}",
            ]
        )

    __repr__ = __str__


def norms(
    system: System,
    x: Array,
    probes: int | None = 32,
    *,
    t: Any = 0,
    seed: int = 0,
    progress: bool = True,
) -> BlockNorms:
    """Estimate the norms of the Jacobian, of its parts and of its blocks, and the rotation index.

    ``|M|_F^2`` is the mean of ``|M u|^2`` over sign vectors u. A probe costs one product with J for each
    player, whose entries alone it keeps, and one with J^T; all norms share it. Errors by the jackknife.

    Args:
        system: the vector field or update map.
        x: the state, shape (n,), in the system's namespace, floating point, finite.
        probes: number of sign vectors, at least 2; None for exact norms, by all n columns of J and J^T.
        t: flow time, or the integer step of a map.
        seed: seed of the probes.
        progress: show a progress bar when on a terminal.

    Returns:
        The norms with their standard errors; after an interrupt, those of the probes done.

    Raises:
        ValueError: fewer than two probes.

    Sources: Hutchinson 1990; Balduzzi et al. 2018 (S and A); Efron and Tibshirani 1993 (jackknife).

    Example:
        >>> from gandyn.field import Layout, VectorField
        >>> bilinear = VectorField(lambda x, t: x @ np.array([[0.0, 1.0], [-1.0, 0.0]]),
        ...                        Layout.scalars(["g"], ["d"]))
        >>> norms(bilinear, np.zeros(2), probes=None).rotation_index
        1 (exact)
    """
    check_floats("x", x, (system.layout.dim,))
    if probes is not None and (isinstance(probes, bool) or probes < 2):
        raise ValueError(f"probes must be at least 2, or None for exact norms, got {probes}")
    owned = {player: system.layout.player_slice(player) for player in _players(system.layout)}
    samples: list[dict[str, float]] = []
    status = ""
    with system.linearised(x, t) as at, Counted(at.jvp, at.vjp, what="norms", progress=progress) as products:
        try:
            for u in _probes(x, probes, seed):
                samples.append(_squares(products, u, owned))
        except KeyboardInterrupt:
            if probes is None or len(samples) < 2:
                raise
            status = "; interrupted"
    table = {name: np.array([sample[name] for sample in samples]) for name in samples[0]}
    if probes is None:
        estimate = lambda function, *names: Estimate(function(*(table[n].sum() for n in names)), 0.0, 0)
        message = "exact, by all columns"
    else:
        estimate = lambda function, *names: _jackknife(function, *(table[n] for n in names))
        message = f"{len(samples)} probes" + status
    return BlockNorms(
        jacobian=estimate(np.sqrt, "J"),
        symmetric=estimate(np.sqrt, "S"),
        antisymmetric=estimate(np.sqrt, "A"),
        blocks={name: estimate(np.sqrt, name) for name in table if name not in ("J", "S", "A")},
        rotation_index=estimate(_rotation, "S", "A"),
        products=products.count,
        message=message,
        label=system.label,
    )


def _players(layout: Layout) -> list[Player]:
    return [player for player in get_args(Player) if np.any(layout.mask(player))]


def _probes(x: Array, probes: int | None, seed: int) -> Iterator[Array]:
    """Yield sign vectors, or all unit vectors."""
    size = int(x.shape[0])
    rng = np.random.default_rng(seed)
    for i in range(size if probes is None else probes):
        yield signs(rng, 1, x, size)[0, :] if probes is not None else like(np.eye(1, size, i)[0], x)


def _squares(products: Counted | Linearisation, u: Array, owned: dict[Player, slice]) -> dict[str, float]:
    """Return the squared size of what each part and block makes of ``u``."""
    assert isinstance(products, Counted)
    dim, squares = int(u.shape[0]), {}
    pushed = 0.0 * u
    for source, where in owned.items():
        image = products.right(embed(u[where], where, dim))
        pushed = pushed + image
        for target, place in owned.items():
            name = source if source == target else f"{source} to {target}"
            squares[str(name)] = _square(image[place])
    pulled = products.left(u)
    squares["J"] = sum(squares.values())
    squares["S"], squares["A"] = _square((pushed + pulled) / 2), _square((pushed - pulled) / 2)
    return squares


def _square(vector: Array) -> float:
    return float(to_numpy(array_namespace(vector).sum(vector * vector)))


def _rotation(symmetric: Any, antisymmetric: Any) -> Any:
    s, a = np.sqrt(symmetric), np.sqrt(antisymmetric)
    return a / np.where(s + a > 0, s + a, 1.0)


def _jackknife(function: Any, *columns: np.ndarray) -> Estimate:
    """Return a function of means, its bias removed, and its error, from leaving out one probe at a time."""
    count = len(columns[0])
    whole = float(function(*(column.mean() for column in columns)))
    others = function(*((column.sum() - column) / (count - 1) for column in columns))
    error = np.sqrt((count - 1) * np.mean((others - others.mean()) ** 2))
    value = count * whole - (count - 1) * float(others.mean())
    return Estimate(value, float(error), count)
