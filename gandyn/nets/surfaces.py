"""Both players' losses as a function of the joint parameters that reads whole grids of a plane."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any, Literal, TypeAlias

import numpy as np
import torch
from torch import Tensor, nn

from gandyn.checks import check_option
from gandyn.nets.budget import Budget, graph_bytes, parse_bytes
from gandyn.nets.derivatives import Derivatives, derivatives
from gandyn.nets.gan import Batch, Game, Inputs, check_game, check_pieces, fixed_batch, velocities
from gandyn.nets.grids import Tally, Walk
from gandyn.nets.losses import Losses
from gandyn.nets.modules import BatchNormMode, DropoutMode, get_state
from gandyn.nets.passes import DiscriminatorPoint, GeneratorPoint, Passes, Piece, structure_of
from gandyn.planes import Plane
from gandyn.planes.plane import norms
from gandyn.planes.slices import in_plane_norms, share_of
from gandyn.tiles import fingerprint

__all__ = ["GanLosses", "Precision", "gan_losses"]

#: Float type of the networks' layers where that of the losses is not wanted.
Precision: TypeAlias = Literal["bfloat16"]

#: Samples on which the networks are tried.
_TRIAL = 16
#: Grid points that are computed again without rounding.
_RECHECKED = 8
_NORMS = {
    "frozen": "Batch norm frozen: running statistics as they are",
    "batch": "Batch norm by the statistics of the batch, real and generated apart",
    "reestimate": "Batch norm re-estimated at every point",
}


def gan_losses(
    generator: nn.Module,
    discriminator: nn.Module,
    losses: Losses,
    real: Inputs,
    latent: Inputs,
    *,
    batch_norm: BatchNormMode | None = None,
    dropout: DropoutMode | None = None,
    seed: int = 0,
    dtype: torch.dtype = torch.float64,
    micro_batch: int | None = None,
    precision: Precision | None = None,
    memory: int | str | None = None,
) -> GanLosses:
    """Return both players' losses on a fixed batch as a function of the joint parameters.

    Args:
        generator: see ``gan_field``; so are the other arguments without a text.
        discriminator: see ``gan_field``.
        losses: see ``gan_field``.
        real: see ``gan_field``.
        latent: see ``gan_field``.
        batch_norm: see ``gan_field``.
        dropout: see ``gan_field``.
        seed: see ``gan_field``.
        dtype: see ``gan_field``.
        micro_batch: number of samples that are evaluated at a time; by default 64 (128 in bfloat16), or what
            ``memory`` holds, where the losses are means over samples, and the whole batch where they are not.
            The spread over the micro-batches gives the error bars of a landscape.
        precision: "bfloat16" evaluates the networks' layers so, losses and penalties in ``dtype``, which must
            be float32; a landscape computes some points again without and reports the difference.
        memory: bytes that an evaluation may hold, as ``2**32`` or "4GiB": it bounds the micro-batch and what
            a landscape keeps from point to point. None for micro-batches of 64 and 4 GiB of such copies.

    Returns:
        Function of states (..., n) with values (..., 2): the generator's, then the discriminator's loss;
        ``landscape`` reads whole grids with it.

    Raises:
        ValueError: what ``gan_field`` raises it for; a memory that does not hold one sample, or the whole
            batch where the losses need it.

    Example:
        >>> from gandyn.nets import get_state, losses
        >>> g, d = nn.Linear(1, 1), nn.Linear(1, 1)
        >>> both = gan_losses(g, d, losses.nonsaturating(), torch.randn(8, 1), torch.randn(8, 1))
        >>> both(get_state(g, d)).shape
        torch.Size([2])
    """
    if precision is not None:
        check_option("precision", precision, ["bfloat16"])
        if dtype != torch.float32:
            raise ValueError(
                f"precision={precision!r} is for dtype=torch.float32, got {dtype}; pass that dtype"
            )
    limit = None if memory is None else parse_bytes(memory)
    game = Game(generator, discriminator, losses, dtype=dtype, batch_norm=batch_norm, dropout=dropout)
    batch = fixed_batch(game, real, latent, seed)
    present = get_state(generator, discriminator, dtype=dtype)
    trial = _trial(batch)
    check_game(game, present, trial)
    rounded = None if precision is None else torch.bfloat16
    budget = _budget(game, present, trial, limit, rounded or dtype)
    pieces = _pieces(game, present, batch, budget, micro_batch)
    structure = structure_of(game, present, trial)
    passes = Passes(game, pieces, rounded, structure)
    return GanLosses(passes, batch, budget, batch_norm or "frozen")


def _trial(batch: Batch) -> Batch:
    """Return a few samples, or all where they do not split."""
    try:
        return batch.pieces(_TRIAL)[0][1]
    except ValueError:
        return batch


def _budget(game: Game, x: Tensor, trial: Batch, memory: int | None, precision: torch.dtype) -> Budget:
    """Return the budget, with what the graphs of both networks hold on the trial samples."""
    leaves = x.detach().requires_grad_()
    with game.drawing(trial.seed):
        theta_g, theta_d = game.split(leaves)
        for_fakes = graph_bytes(lambda: game.fakes(theta_g, trial), [leaves])
        in_all = graph_bytes(lambda: game.both_losses(theta_g, theta_d, trial), [leaves])
    count = max(trial.real[0].shape[0], trial.latent[0].shape[0])
    return Budget(memory, x.nbytes, -(-in_all // count), -(-for_fakes // count), precision.itemsize)


def _pieces(game: Game, x: Tensor, batch: Batch, budget: Budget, micro_batch: int | None) -> list[Piece]:
    """Return the micro-batches asked for, or those of the budget where the losses are means over samples."""
    size = budget.samples if micro_batch is None else micro_batch
    try:
        pieces = batch.pieces(size)
        few = batch.pieces(2 * size)[0][1]
        check_pieces(game, x, few, few.pieces(size))
        return pieces
    except ValueError as error:
        if micro_batch is not None:
            raise
        whole = 2 * budget.per_sample * max(batch.real[0].shape[0], batch.latent[0].shape[0])
        if budget.memory and whole > budget.room:
            raise ValueError(
                f"memory={budget.memory} bytes do not hold the whole batch, which needs {whole} beside the "
                f"parameters, and {error}"
            ) from error
        return batch.pieces(None)


class GanLosses:
    """Both players' losses, alone or on a grid of a plane; made by ``gan_losses``.

    ``losses(x)`` takes states of shape (..., n) and returns (..., 2). ``on_grid`` reads a grid and what else
    is asked for in the same pass.

    Args:
        passes: the passes of both networks on the micro-batches.
        batch: the whole batch.
        budget: what may be held.
        batch_norm: how running statistics are treated, for the notes.
    """

    def __init__(self, passes: Passes, batch: Batch, budget: Budget, batch_norm: BatchNormMode) -> None:
        self.passes, self.batch, self.budget, self.batch_norm = passes, batch, budget, batch_norm
        self.game = passes.game

    @cached_property
    def notes(self) -> tuple[str, ...]:
        """How it computes, in sentences for a caption."""
        count = len(self.passes.pieces)
        found = [f"Fixed batch of {self.batch.real[0].shape[0]} samples and as many latents"]
        if self.batch.real[0].shape[0] != self.batch.latent[0].shape[0]:
            real, latent = self.batch.real[0].shape[0], self.batch.latent[0].shape[0]
            found = [f"Fixed batch of {real} samples and {latent} latents"]
        found[0] += f" in {count} micro-batches" if count > 1 else ""
        if self.game.generator.normalises or self.game.discriminator.normalises:
            found.append(_NORMS[self.batch_norm])
        if self.passes.precision is not None:
            found.append("Networks in bfloat16, losses in float32")
        return tuple(found)

    @cached_property
    def settings(self) -> dict[str, Any]:
        """What decides the values beside the parameters, in plain values for a store."""
        precision = self.passes.precision
        return {
            "losses": self.game.losses.settings,
            "batch_norm": self.batch_norm,
            "micro_batches": len(self.passes.pieces),
            "dtype": str(self.game.dtype),
            "precision": None if precision is None else str(precision),
            "seed": self.batch.seed,
            "data": fingerprint(*self.batch.real, *self.batch.latent),
        }

    def __call__(self, x: Tensor) -> Tensor:
        """Return both losses at states of shape (..., n): (..., 2)."""
        rows = [self._alone(row.clone()).losses for row in x.reshape(-1, x.shape[-1])]
        return torch.stack(rows).reshape(*x.shape[:-1], 2)

    def on_grid(
        self, plane: Plane, a: np.ndarray, b: np.ndarray, measures: Sequence[str]
    ) -> dict[str, np.ndarray]:
        """Return what the measures ask for on a grid, in one pass; leading axes (nb, na).

        Args:
            plane: the plane, in torch, in the dtype and on the device of these losses.
            a: shape (na,).
            b: shape (nb,).
            measures: "losses", "field", "rotation", "accuracy" or "samples".

        Returns:
            Arrays as in ``Landscape``, pairs along the last axis. "errors" where there are at least two
            micro-batches.

        Raises:
            ValueError: a plane of another dimension, dtype or namespace, or an accuracy that the losses
                have no threshold for.
        """
        self._check(plane, measures)
        graph = "field" in measures or "rotation" in measures
        found: dict[str, np.ndarray] = {}
        for j, i, tally in self._tallies(plane, a, b, graph=graph):
            for name, value in self._row(plane, tally, plane.point(a[i], b[j]), measures).items():
                shape = (len(b), len(a), *np.shape(value))
                found.setdefault(name, np.full(shape, np.nan))[j, i] = value
        return found

    def recheck(
        self, plane: Plane, a: np.ndarray, b: np.ndarray, losses: np.ndarray
    ) -> tuple[np.ndarray, int] | None:
        """Return the largest error of each loss by rounding, on some points, and their number.

        The points are drawn by the seed of the losses and computed again in their own dtype.

        Args:
            plane: the plane.
            a: shape (na,).
            b: shape (nb,).
            losses: shape (nb, na, 2), as ``on_grid`` gave them.

        Returns:
            Errors of shape (2,) and the number of points; None where nothing was rounded.
        """
        if self.passes.precision is None:
            return None
        exact = GanLosses(
            Passes(self.game, self.passes.pieces, None, self.passes.structure),
            self.batch, self.budget, self.batch_norm,
        )  # fmt: skip
        count = min(_RECHECKED, len(a) * len(b))
        chosen = np.random.default_rng(self.batch.seed).choice(len(a) * len(b), count, replace=False)
        rows, columns = np.unravel_index(chosen, (len(b), len(a)))
        values = [exact(plane.point(a[i], b[j])).cpu().numpy() for j, i in zip(rows, columns, strict=True)]
        return np.max(np.abs(np.stack(values) - losses[rows, columns]), axis=0), count

    def _check(self, plane: Plane, measures: Sequence[str]) -> None:
        layout, origin = self.game.layout, plane.origin
        if plane.layout.dim != layout.dim:
            raise ValueError(
                f"the plane lies in {plane.layout.dim} dimensions, the losses in {layout.dim}; make it with "
                "nets.modules_layout(generator, discriminator)"
            )
        if not isinstance(origin, Tensor) or origin.dtype != self.game.dtype:
            raise ValueError(
                f"the losses take torch tensors of {self.game.dtype}, the plane is of "
                f"{type(origin).__name__}, {origin.dtype}; pass "
                f"plane.like(nets.get_state(generator, discriminator, dtype={self.game.dtype}))"
            )
        if "accuracy" in measures and self.game.losses.threshold is None:
            raise ValueError(
                f"the losses {self.game.losses.name} name no threshold between real and generated samples: "
                'leave "accuracy" out of the measures'
            )

    def _tallies(
        self, plane: Plane, a: np.ndarray, b: np.ndarray, *, graph: bool
    ) -> Iterator[tuple[int, int, Tally]]:
        """Yield row, column and what is seen there, for every point of a grid."""
        structure = self.passes.structure
        if not (self.game.stochastic or self.game.reestimates or (graph and not structure.tensor)):
            yield from Walk(self.passes, plane, self.budget, graph=graph).over(a, b)
            return
        for j, i in np.ndindex(len(b), len(a)):
            yield j, i, self._alone(plane.point(a[i], b[j]))

    def _alone(self, x: Tensor) -> Tally:
        """Return what a single state shows, each piece with its own draws and statistics."""
        found = Tally(self.game.losses)
        theta_g, theta_d = self.game.split(x)
        for k, (weight, batch) in enumerate(self.passes.pieces):
            with torch.no_grad(), self.game.drawing(batch.seed):
                passes = self.passes.of(self.game.with_statistics_at(x, batch))
                g = GeneratorPoint(passes, theta_g, graph=False, keep=False)
                d = DiscriminatorPoint(passes, theta_d, graph=False)
                found.add(weight, passes.losses(g, d, k))
        return found

    @cached_property
    def _derivatives(self) -> Derivatives:
        return derivatives(*velocities(self.game, self.passes.pieces))

    def _row(self, plane: Plane, found: Tally, x: Tensor, measures: Sequence[str]) -> dict[str, Any]:
        """Return the values of a point by name."""
        row = found.values(measures)
        if not {"field", "rotation"} & set(measures):
            return row
        v = found.velocity
        if v is None:
            v = self._derivatives.fn(x, 0)
        if "field" in measures:
            whole = norms(v)
            row["velocity"], row["speed"] = plane.components(v), whole
            row["in_plane_share"] = share_of(in_plane_norms(plane, v), whole)
        if "rotation" in measures:
            row["rotation_share"] = self._rotation_share(x, v)
        return row

    def _rotation_share(self, x: Tensor, v: Tensor) -> float:
        """Return ``|A v|^2 / (|A v|^2 + |S v|^2)``, NaN where the Jacobian takes the velocity to zero."""
        forth, back = self._derivatives.jvp(x, v, 0), self._derivatives.vjp(x, v, 0)
        turned, stretched = ((forth - back).square().sum(), (forth + back).square().sum())
        return float(turned / (turned + stretched))
