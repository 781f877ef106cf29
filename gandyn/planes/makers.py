"""Makers of planes: two coordinates, filter-normalised, principal components, three points, random."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Literal, TypeAlias, cast, get_args

import numpy as np

from gandyn.arrays import Array, array_namespace, like, to_numpy
from gandyn.checks import check_floats, check_option
from gandyn.field import Block, Layout, Player
from gandyn.planes.plane import Plane, states_of

#: Whose filters a filter-normalised plane moves; "axis per player" gives each player one axis.
Players: TypeAlias = Literal["both", "generator", "discriminator", "axis per player"]


def coordinate_plane(layout: Layout, name_a: str, name_b: str, origin: Array | None = None) -> Plane:
    """Make the plane of two parameters, the others as in ``origin``; coordinates are their values.

    Where the two belong to different players, the discriminator's goes on the horizontal axis,
    whichever is named first.

    Args:
        layout: the blocks of the state.
        name_a: a scalar block, or one entry of a block as ``"name[i, j]"``.
        name_b: another one.
        origin: shape (n,), values of the other parameters; zeros by default.

    Returns:
        The plane; its origin has 0 in the two coordinates.

    Raises:
        KeyError: no such block.
        ValueError: not a single entry, an index outside the block, or the same entry twice.
    """
    entries = [(name, *_entry(layout, name)) for name in (name_a, name_b)]
    if entries[0][2] == "generator" and entries[1][2] == "discriminator":
        entries.reverse()
    (first, i, _), (second, j, _) = entries
    if i == j:
        raise ValueError(f"the two parameters of a coordinate plane must differ, got {name_a!r} twice")
    start = np.zeros(layout.dim) if origin is None else origin
    check_floats("origin", start, (layout.dim,))
    axes = np.zeros((2, layout.dim))
    axes[0, i] = axes[1, j] = 1.0
    others = 1.0 - axes.sum(axis=0)
    return Plane(start * like(others, start), like(axes, start), layout, (first, second), "coordinates")


def filter_normalized_plane(
    layout: Layout,
    origin: Array,
    *,
    players: Players = "both",
    blocks: Sequence[str] | None = None,
    seed: int = 0,
    zero_filters: Literal["raise", "skip"] = "raise",
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

    Returns:
        The plane, in units of the filter norms: (1, 0) moves every filter by its own norm.

    Raises:
        KeyError: an unknown block.
        ValueError: an unknown option, a zero filter, or nothing to move.

    Source: Li, Xu, Taylor, Studer and Goldstein 2018, there without the orthogonality and the groups.
    """
    check_floats("origin", origin, (layout.dim,))
    check_option("players", players, get_args(Players))
    check_option("zero_filters", zero_filters, ("raise", "skip"))
    owners = players if players in ("generator", "discriminator") else None
    chosen = _chosen(layout, blocks, cast(Player | None, owners))
    unfiltered = [name for name in blocks or () if chosen[name].filter_axis is None]
    if unfiltered:
        raise ValueError(f"blocks without filters: {unfiltered}; leave them out, or use random_plane")
    weights = to_numpy(origin).astype(float)
    axes, rng, singles, zeros = np.zeros((2, layout.dim)), np.random.default_rng(seed), 0, 0
    for block, where in layout.offsets():
        draws = rng.standard_normal((2, block.size))
        labels = block.filter_labels()
        if block.name not in chosen or labels is None:
            continue
        counts = np.bincount(labels)
        norms = _filter_norms(weights[where], labels)
        empty = np.flatnonzero(norms == 0)
        if len(empty) and zero_filters == "raise":
            raise ValueError(
                f"filter {empty[0]} of block {block.name!r} has norm 0 ({len(empty)} such filters there): no "
                'direction can be scaled to it; pass zero_filters="skip" to leave such filters unmoved'
            )
        singles, zeros = singles + int(np.sum(counts == 1)), zeros + len(empty)
        axes[:, where] = _filter_pair(draws, labels, norms)
    notes = []
    names = ("filter-normalised direction 1", "filter-normalised direction 2")
    if players == "axis per player":
        names = ("discriminator, filter-normalised", "generator, filter-normalised")
        axes = np.stack([axes[0] * layout.mask("discriminator"), axes[0] * layout.mask("generator")])
    elif singles:
        notes.append(f"{singles} filters of a single entry are moved along the first axis only")
    if zeros:
        notes.append(f"{zeros} filters of norm 0 are not moved")
    still = layout.dim - int(np.sum(np.any(axes != 0, axis=0)))
    if still:
        notes.append(f"{still} of {layout.dim} entries are not moved")
    return Plane(origin, like(axes, origin), layout, names, "filter-normalized", notes=tuple(notes))


def pca_plane(path: Any, layout: Layout, origin: Literal["mean", "last"] = "mean") -> Plane:
    """Make the plane of the two principal components of a path of states.

    The components are those of the variance about the mean, whichever origin is taken, by the smaller
    of the Gram matrix of the states and their covariance. Each axis has length 1 and points from the
    first state towards the last.

    Args:
        path: a ``Trajectory``, or states of shape (T, n), T at least 3.
        layout: the blocks of the state.
        origin: what lies at (0, 0): the "mean" of the path, or its "last" state.

    Returns:
        The plane; ``explained`` holds the variance ratios of all components.

    Raises:
        ValueError: fewer than 3 states, a state that is not finite, or a path along a line.

    Source: Lorch 2016; Li, Xu, Taylor, Studer and Goldstein 2018.

    Example:
        >>> path = np.array([[0.0, 0, 1], [1, 0, 1], [2, 1, 1], [3, 1, 1]])
        >>> pca_plane(path, Layout.scalars(state=["x", "y", "z"])).explained
        (0.971..., 0.0285..., 0.0)
    """
    states = states_of(path, layout.dim)
    check_option("origin", origin, ("mean", "last"))
    count = states.shape[0]
    if count < 3 or layout.dim < 2:
        raise ValueError(f"a PCA plane needs at least 3 states of 2 entries, got {tuple(states.shape)}")
    xp = array_namespace(states)
    mean = xp.mean(states, axis=0)
    centred = states - mean
    wide = count <= layout.dim
    across = xp.matrix_transpose(centred)
    moments = to_numpy(xp.matmul(centred, across) if wide else xp.matmul(across, centred)).astype(float)
    variances, vectors = np.linalg.eigh(moments)
    variances, leading = np.maximum(variances[::-1], 0.0), like(vectors[:, :-3:-1].T.copy(), states)
    if not variances[1] > 1e-13 * variances[0]:
        raise ValueError("the path lies on a line (or does not move): a PCA plane needs two directions")
    axes = to_numpy(xp.matmul(leading, centred) if wide else leading).astype(float)
    axes = _orthonormal(axes)
    axes *= np.where(axes @ to_numpy(states[-1, :] - states[0, :]) < 0, -1.0, 1.0)[:, None]
    explained = variances[: min(count - 1, layout.dim)] / variances.sum()
    return Plane(
        mean if origin == "mean" else states[-1, :],
        like(axes, states),
        layout,
        (f"PC 1 ({explained[0]:.1%})", f"PC 2 ({explained[1]:.1%})"),
        "principal components",
        explained=tuple(explained.tolist()),
        notes=(f"two components explain {explained[:2].sum():.1%} of the path's variance",),
    )


def spanned_plane(points: Array, layout: Layout) -> Plane:
    """Make the plane through three states, at (0, 0), (1, 0) and (0, 1).

    Args:
        points: shape (3, n), in the namespace of the system to sample.
        layout: the blocks of the state.

    Returns:
        The plane; its axes are differences of the points, oblique as they come.

    Raises:
        ValueError: not three states, or three on a line.
    """
    check_floats("points", points, (3, layout.dim))
    names = ("towards the second point", "towards the third point")
    return Plane(points[0, :], points[1:, :] - points[0, :], layout, names, "spanned by three points")


def random_plane(
    layout: Layout,
    origin: Array,
    *,
    blocks: Sequence[str] | None = None,
    player: Player | None = None,
    kind: Literal["all", "weights", "biases"] = "all",
    seed: int = 0,
) -> Plane:
    """Make a plane of two orthonormal Gaussian directions in some of the blocks.

    Args:
        layout: the blocks of the state.
        origin: shape (n,), finite.
        blocks: names of the blocks to move; None for all.
        player: only the blocks of this player; None for all but optimiser memory.
        kind: "weights" (blocks with filters), "biases" (blocks whose name ends in "bias"), or "all".
        seed: seed of the directions.

    Returns:
        The plane, in units of the parameters.

    Raises:
        KeyError: an unknown block.
        ValueError: an unknown option, or fewer than two entries to move.
    """
    check_floats("origin", origin, (layout.dim,))
    check_option("kind", kind, ("all", "weights", "biases"))
    chosen = _chosen(layout, blocks, player)
    wanted = {
        "all": lambda block: True,
        "weights": lambda block: block.filter_axis is not None,
        "biases": lambda block: block.name.endswith("bias"),
    }[kind]
    moved = [where for block, where in layout.offsets() if block.name in chosen and wanted(block)]
    size = sum(where.stop - where.start for where in moved)
    if size < 2:
        raise ValueError(f"a plane needs at least two entries to move; kind = {kind!r} leaves {size}")
    draws = _orthonormal(np.random.default_rng(seed).standard_normal((2, size)))
    axes = np.zeros((2, layout.dim))
    axes[:, np.concatenate([np.arange(where.start, where.stop) for where in moved])] = draws
    names = ("random direction 1", "random direction 2")
    notes = () if size == layout.dim else (f"{layout.dim - size} of {layout.dim} entries are not moved",)
    return Plane(origin, like(axes, origin), layout, names, "random", notes=notes)


def _entry(layout: Layout, name: str) -> tuple[int, str]:
    """Return the flat index and the player of a scalar block or of one entry ``name[i, j]``."""
    match = None if name in layout.names else re.fullmatch(r"(.+)\[([\d\s,]+)\]", name)
    base = match[1] if match else name
    start = layout.slice(base).start
    block = next(block for block in layout.blocks if block.name == base)
    index = tuple(int(i) for i in match[2].split(",")) if match else (0,) * len(block.shape)
    inside = len(index) == len(block.shape) and all(i < n for i, n in zip(index, block.shape, strict=True))
    if (block.size != 1 and not match) or not inside:
        raise ValueError(
            f"{name!r} is not one entry of block {base!r} of shape {block.shape}; name one as "
            f'"{base}[{", ".join("0" for _ in block.shape)}]"'
        )
    return start + int(np.ravel_multi_index(index, block.shape) if index else 0), block.player


def _chosen(layout: Layout, names: Sequence[str] | None, player: Player | None) -> dict[str, Block]:
    """Return the blocks to move by name: those named, or all of a player; never optimiser memory."""
    if player is not None:
        check_option("player", player, get_args(Player))
    if isinstance(names, str):
        raise ValueError(f"blocks must be a sequence of names, got the string {names!r}; pass [{names!r}]")
    for name in names or ():
        layout.slice(name)
    found = {
        block.name: block
        for block in layout.blocks
        if (names is None or block.name in names)
        and (block.player != "memory" if player is None else block.player == player)
    }
    missing = [name for name in names or () if name not in found]
    if missing or not found:
        raise ValueError(
            f"no block to move for player = {player!r} among {missing or list(layout.names)}; "
            "optimiser memory moves only with player='memory'"
        )
    return found


def _filter_norms(values: np.ndarray, labels: np.ndarray) -> np.ndarray:
    return np.sqrt(np.bincount(labels, values * values))


def _filter_pair(draws: np.ndarray, labels: np.ndarray, norms: np.ndarray) -> np.ndarray:
    """Orthogonalise two directions within each filter and give each the filter's norm."""
    first, second = draws
    first = first / _filter_norms(first, labels)[labels]
    for _ in range(2):
        second = second - np.bincount(labels, first * second)[labels] * first
        length = np.where(np.bincount(labels) > 1, _filter_norms(second, labels), np.inf)
        second = second / length[labels]
    return np.stack([first, second]) * norms[labels]


def _orthonormal(pair: np.ndarray) -> np.ndarray:
    first = pair[0] / np.linalg.norm(pair[0])
    second = pair[1] / np.linalg.norm(pair[1])
    for _ in range(2):
        second = second - (first @ second) * first
        second = second / np.linalg.norm(second)
    return np.stack([first, second])
