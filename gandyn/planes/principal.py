"""The plane of the principal components of a path of states, and what a random walk would show."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from gandyn.arrays import Array, array_namespace, like, to_numpy
from gandyn.checks import check_option
from gandyn.field import Layout, Player
from gandyn.planes.plane import Plane, orthonormal, states_of

_OWNERS: tuple[Player, ...] = ("generator", "state", "discriminator")


def pca_plane(
    path: Any,
    layout: Layout,
    origin: Literal["mean", "last"] = "mean",
    weights: Literal["players", "entries"] = "players",
) -> Plane:
    """Make the plane of the two principal components of a path of states.

    The components are those of the variance about the mean, whichever origin is taken, by the smaller
    of the Gram matrix of the states and their covariance. Each axis has length 1 and points from the
    first state towards the last. Unweighted, a path of training is mostly a picture of the player that
    moves more; with players weighted, each player's variance is scaled to the same total before the
    components are taken, and optimiser memory is carried along without a say. The axes are then
    orthogonal in the weighted variance but oblique in parameter space.

    Args:
        path: a ``Trajectory``, or states of shape (T, n), T at least 3.
        layout: the blocks of the state.
        origin: what lies at (0, 0): the "mean" of the path, or its "last" state.
        weights: "players" (each contributes the same variance), or "entries" (every entry counts as it is).

    Returns:
        The plane; ``explained`` holds the shares of all components in the (weighted) variance. ``notes`` say
        how much a random walk of as many steps would show, and which player moves more.

    Raises:
        ValueError: fewer than 3 states, a state that is not finite, or a path along a line.

    Source: Lorch 2016; Li, Xu, Taylor, Studer and Goldstein 2018; for the random walk Antognini and
    Sohl-Dickstein 2018.

    Example:
        >>> path = np.array([[0.0, 0, 1], [1, 0, 1], [2, 1, 1], [3, 1, 1]])
        >>> pca_plane(path, Layout.scalars(state=["x", "y", "z"])).explained
        (0.971..., 0.0285..., 0.0)
    """
    states = states_of(path, layout.dim)
    check_option("origin", origin, ("mean", "last"))
    check_option("weights", weights, ("players", "entries"))
    count = states.shape[0]
    if count < 3 or layout.dim < 2:
        raise ValueError(f"a PCA plane needs at least 3 states of 2 entries, got {tuple(states.shape)}")
    xp = array_namespace(states)
    mean = xp.mean(states, axis=0)
    centred = states - mean
    variances = _player_variances(centred, layout)
    metric = _metric(layout, variances) if weights == "players" else np.ones(layout.dim)
    explained, scores = _components(centred * like(np.sqrt(metric), states), min(count - 1, layout.dim))
    axes = to_numpy(xp.matmul(xp.matrix_transpose(like(scores, states)), centred)).astype(float)
    oblique = np.ptp(metric) > 0
    axes = axes / np.linalg.norm(axes, axis=1, keepdims=True) if oblique else orthonormal(axes)
    return Plane(
        mean if origin == "mean" else states[-1, :],
        like(axes, states),
        layout,
        (f"PC 1 ({explained[0]:.1%})", f"PC 2 ({explained[1]:.1%})"),
        "principal components",
        explained=tuple(explained.tolist()),
        notes=_notes(explained, count, layout.dim, variances, weights == "players"),
    )


def random_walk_shares(count: int) -> np.ndarray:
    """Return the shares of a random walk's variance along its principal components, in many dimensions.

    The walk has ``count`` states with independent increments of equal variance in far more dimensions than
    that; component k then holds ``1 / (4 sin^2(pi k / 2T))`` of a total of ``(T^2 - 1) / 6``, which for long
    walks is ``6 / (pi k)^2``: 60.8, 15.2, 6.75 %. A path that shows no more than these is no evidence of
    low-dimensional motion.

    Args:
        count: number of states T, at least 2.

    Returns:
        Shares in falling order, shape (count - 1,), that sum to 1.

    Raises:
        ValueError: fewer than two states.

    Source: Antognini and Sohl-Dickstein 2018.

    Example:
        >>> random_walk_shares(3).round(6)
        array([0.75, 0.25])
    """
    if count < 2:
        raise ValueError(f"a walk has at least two states, got count = {count}")
    k = np.arange(1, count)
    shares: np.ndarray = 6 / (count**2 - 1) / (4 * np.sin(np.pi * k / (2 * count)) ** 2)
    return shares


def _player_variances(centred: Array, layout: Layout) -> dict[Player, float]:
    """Return the sum of squares about the mean of every owner of parameters that moves."""
    xp = array_namespace(centred)
    squares = to_numpy(xp.sum(centred * centred, axis=0)).astype(float)
    sums = {owner: float(squares[layout.mask(owner)].sum()) for owner in _OWNERS}
    return {owner: total for owner, total in sums.items() if total > 0}


def _metric(layout: Layout, variances: dict[Player, float]) -> np.ndarray:
    """Return a weight for each entry, shape (n,): the inverse of its owner's variance, 0 for memory."""
    if not variances:
        raise ValueError("the path does not move any parameter: a PCA plane needs two directions")
    masks = [layout.mask(owner) * (max(variances.values()) / total) for owner, total in variances.items()]
    return np.asarray(np.sum(masks, axis=0))


def _components(states: Array, rank: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the shares of all components, and the unit scores (T, 2) of two, rising to the last state."""
    xp = array_namespace(states)
    across = xp.matrix_transpose(states)
    wide = states.shape[0] <= states.shape[1]
    moments = to_numpy(xp.matmul(states, across) if wide else xp.matmul(across, states)).astype(float)
    variances, vectors = np.linalg.eigh(moments)
    variances, leading = np.maximum(variances[::-1], 0.0), vectors[:, :-3:-1]
    if not variances[1] > 1e-13 * variances[0]:
        raise ValueError("the path lies on a line (or does not move): a PCA plane needs two directions")
    scores = leading if wide else to_numpy(xp.matmul(states, like(leading.copy(), states))).astype(float)
    scores = scores / np.linalg.norm(scores, axis=0)
    return variances[:rank] / variances.sum(), scores * np.where(scores[-1] < scores[0], -1.0, 1.0)


def _notes(
    explained: np.ndarray, count: int, dim: int, variances: dict[Player, float], weighted: bool
) -> tuple[str, ...]:
    notes = [f"two components explain {explained[:2].sum():.1%} of the path's variance"]
    if len(variances) > 1:
        larger = max(variances, key=lambda owner: variances[owner])
        share = variances[larger] / sum(variances.values())
        moved = f"the {larger} makes {share:.1%} of the variance as it is"
        notes.append(f"{moved}; players are weighted to count the same" if weighted else moved)
    if count <= dim:
        walk = ", ".join(f"{100 * share:.3g}" for share in random_walk_shares(count)[:3])
        notes.append(f"a random walk of {count} states in many dimensions shows {walk} % in its components")
    return tuple(notes)
