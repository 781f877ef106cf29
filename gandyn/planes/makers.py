"""Makers of planes: two coordinates, through three points, random."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np

from gandyn.arrays import Array, like
from gandyn.checks import check_floats, check_option
from gandyn.field import Block, Layout, Player
from gandyn.planes.plane import Plane, orthonormal


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
    chosen = chosen_blocks(layout, blocks, player)
    wanted = {
        "all": lambda block: True,
        "weights": lambda block: block.filter_axis is not None,
        "biases": lambda block: block.name.endswith("bias"),
    }[kind]
    moved = [where for block, where in layout.offsets() if block.name in chosen and wanted(block)]
    size = sum(where.stop - where.start for where in moved)
    if size < 2:
        raise ValueError(f"a plane needs at least two entries to move; kind = {kind!r} leaves {size}")
    draws = orthonormal(np.random.default_rng(seed).standard_normal((2, size)))
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


def chosen_blocks(layout: Layout, names: Sequence[str] | None, player: Player | None) -> dict[str, Block]:
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
