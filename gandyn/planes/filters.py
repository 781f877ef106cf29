"""Filter-normalised planes: random directions that have, filter by filter, the norm of the weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias, cast, get_args

import numpy as np

from gandyn.arrays import Array, like, to_numpy
from gandyn.checks import check_floats, check_option
from gandyn.field import Layout, Player
from gandyn.planes.makers import chosen_blocks
from gandyn.planes.plane import Plane

#: Whose filters a filter-normalised plane moves; "axis per player" gives each player one axis.
Players: TypeAlias = Literal["both", "generator", "discriminator", "axis per player"]


def filter_normalized_plane(
    layout: Layout,
    origin: Array,
    *,
    players: Players = "both",
    blocks: Sequence[str] | None = None,
    seed: int = 0,
    zero_filters: Literal["raise", "skip"] = "raise",
    orthogonal: bool = True,
) -> Plane:
    """Make two random directions that have, filter by filter, the norm of the weights at ``origin``.

    Filters run along ``Block.filter_axis``. Within each filter the two directions are orthogonal and
    of exactly its norm, by Gram-Schmidt there. What has no filters (biases, norm parameters) and
    optimiser memory is not moved. A filter of one entry has no room for two orthogonal directions:
    the second is zero there, and ``notes`` says for how many. The draws depend on the seed and the
    layout only, not on which blocks are asked for.

    Args:
        layout: the blocks of the state.
        origin: shape (n,), the weights, finite.
        players: "both", one player, or "axis per player": the discriminator's direction on the
            horizontal axis, the generator's on the vertical one.
        blocks: names of the blocks to move, all with filters; None for all of the players'.
        seed: seed of the directions.
        zero_filters: what to do about a filter of norm 0: "raise", or "skip" (it is not moved).
        orthogonal: False leaves both directions as drawn, each filter scaled to its norm, as the paper
            does: nearly orthogonal in large filters alone, and filters of one entry move along both axes.

    Returns:
        The plane, in units of the filter norms: (1, 0) moves every filter by its own norm.

    Raises:
        KeyError: an unknown block.
        ValueError: an unknown option, a zero filter, or nothing to move.

    Source: Li, Xu, Taylor, Studer and Goldstein 2018, there without the orthogonality and the groups.

    Example:
        >>> from gandyn.field import Block
        >>> layout = Layout((Block("w", "generator", (2, 3), filter_axis=0),))
        >>> plane = filter_normalized_plane(layout, np.array([3.0, 0, 4, 0, 1, 0]))
        >>> np.linalg.norm(plane.axes.reshape(2, 2, 3), axis=-1)
        array([[5., 1.],
               [5., 1.]])
    """
    check_floats("origin", origin, (layout.dim,))
    check_option("players", players, get_args(Players))
    check_option("zero_filters", zero_filters, ("raise", "skip"))
    owners = players if players in ("generator", "discriminator") else None
    chosen = chosen_blocks(layout, blocks, cast(Player | None, owners))
    unfiltered = [name for name in blocks or () if chosen[name].filter_axis is None]
    if unfiltered:
        raise ValueError(f"blocks without filters: {unfiltered}; leave them out, or use random_plane")
    axes, singles, zeros = _directions(
        layout, to_numpy(origin).astype(float), set(chosen), seed, zero_filters == "skip", orthogonal
    )
    names = ("filter-normalised direction 1", "filter-normalised direction 2")
    if players == "axis per player":
        singles, names = 0, ("discriminator, filter-normalised", "generator, filter-normalised")
        axes = np.stack([axes[0] * layout.mask("discriminator"), axes[0] * layout.mask("generator")])
    notes = _notes(axes, singles if orthogonal else 0, zeros)
    return Plane(origin, like(axes, origin), layout, names, "filter-normalized", notes=notes)


def _directions(
    layout: Layout, weights: np.ndarray, chosen: set[str], seed: int, skip: bool, orthogonal: bool
) -> tuple[np.ndarray, int, int]:
    """Return both directions (2, n), and how many filters have a single entry, and how many norm 0."""
    axes, rng, singles, zeros = np.zeros((2, layout.dim)), np.random.default_rng(seed), 0, 0
    for block, where in layout.offsets():
        draws = rng.standard_normal((2, block.size))
        labels = block.filter_labels() if block.name in chosen else None
        if labels is None:
            continue
        norms = _filter_norms(weights[where], labels)
        empty = np.flatnonzero(norms == 0)
        if len(empty) and not skip:
            raise ValueError(
                f"filter {empty[0]} of block {block.name!r} has norm 0 ({len(empty)} such filters there): no "
                'direction can be scaled to it; pass zero_filters="skip" to leave such filters unmoved'
            )
        singles, zeros = singles + int(np.sum(np.bincount(labels) == 1)), zeros + len(empty)
        pair = _orthonormal_filters(draws, labels) if orthogonal else _unit_filters(draws, labels)
        axes[:, where] = pair * norms[labels]
    return axes, singles, zeros


def _notes(axes: np.ndarray, singles: int, zeros: int) -> tuple[str, ...]:
    still, dim = int(np.sum(np.all(axes == 0, axis=0))), axes.shape[1]
    notes = {
        f"{singles} filters of a single entry are moved along the first axis only": singles,
        f"{zeros} filters of norm 0 are not moved": zeros,
        f"{still} of {dim} entries are not moved": still,
    }
    return tuple(note for note, count in notes.items() if count)


def _filter_norms(values: np.ndarray, labels: np.ndarray) -> np.ndarray:
    return np.sqrt(np.bincount(labels, values * values))


def _unit_filters(draws: np.ndarray, labels: np.ndarray) -> np.ndarray:
    return np.stack([row / _filter_norms(row, labels)[labels] for row in draws])


def _orthonormal_filters(draws: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Orthonormalise two directions within each filter; where one entry leaves no room the second is 0."""
    first, second = draws
    first = first / _filter_norms(first, labels)[labels]
    for _ in range(2):
        second = second - np.bincount(labels, first * second)[labels] * first
        length = np.where(np.bincount(labels) > 1, _filter_norms(second, labels), np.inf)
        second = second / length[labels]
    return np.stack([first, second])
