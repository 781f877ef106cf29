"""Ways through latent space: interpolation, walks along one dimension, arithmetic, grids of classes."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from gandyn.arrays import to_numpy
from gandyn.checks import check_option

__all__ = ["Combination", "Walk", "class_grid", "combine", "generate", "interpolate", "walk"]

#: The distribution of each entry of the latents in training: standard normal, or uniform on [-1, 1].
PriorName = Literal["normal", "uniform"]
_SUPPORT = 0.999


def generate(generator: nn.Module, *latent: Tensor, batch_size: int = 256, seed: int = 0) -> Tensor:
    """Return what a generator makes of latents, in evaluation mode, without gradients.

    The module stays as it is: a copy is put into evaluation mode.

    Args:
        generator: called as ``generator(*latent)``.
        latent: latents of shape (N, ...), and conditions such as labels of shape (N,).
        batch_size: samples in a forward pass.
        seed: seed of layers that draw even in evaluation mode.

    Returns:
        Samples, shape (N, ...), on the CPU.

    Example:
        >>> generate(nn.Linear(2, 3), torch.zeros(5, 2)).shape
        torch.Size([5, 3])
    """
    frozen = copy.deepcopy(generator).eval()
    like = next(frozen.parameters())
    moved = [part.to(like) if part.is_floating_point() else part.to(like.device) for part in latent]
    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        batches = zip(*(part.split(batch_size) for part in moved), strict=True)
        return torch.cat([frozen(*batch).cpu() for batch in batches])


def interpolate(
    start: Tensor, end: Tensor, count: int = 9, *, kind: Literal["spherical", "linear"] = "spherical"
) -> Tensor:
    """Return latents on the way between two, both ends among them.

    Linear interpolation of two normal latents in many dimensions passes nearer to the origin than samples of
    the prior lie: at its middle the norm is ``1/sqrt(2)`` of theirs. Spherical interpolation turns the
    direction evenly in angle and changes the norm evenly: it keeps the norm of two latents of equal norm.
    ``z(t) = r(t) (sin((1-t) w) a/|a| + sin(t w) b/|b|) / sin w``, with ``r(t) = (1-t)|a| + t|b|`` and w
    the angle between a and b.

    Args:
        start: shape (d,), float.
        end: shape (d,), float.
        count: latents in all, >= 2.
        kind: "spherical", or "linear".

    Returns:
        Shape (count, d).

    Raises:
        ValueError: shapes that differ, an unknown kind, fewer than 2, or ends between which no direction
            turns: a zero vector, or opposite ones.

    Source: Shoemake 1985; White 2016, "Sampling generative networks".

    Example:
        >>> interpolate(torch.tensor([3.0, 0.0]), torch.tensor([0.0, 3.0]), 3)[1]
        tensor([2.1213, 2.1213])
    """
    check_option("kind", kind, ["spherical", "linear"])
    if start.ndim != 1 or start.shape != end.shape or count < 2:
        raise ValueError(
            f"start and end must have one shape (d,) and count be at least 2; got {tuple(start.shape)}, "
            f"{tuple(end.shape)} and {count}"
        )
    t = torch.linspace(0, 1, count, dtype=start.dtype, device=start.device)[:, None]
    return torch.lerp(start, end, t) if kind == "linear" else _spherical(start, end, t)


def _spherical(start: Tensor, end: Tensor, t: Tensor) -> Tensor:
    norms = torch.stack([start.norm(), end.norm()])
    if not bool((norms > 0).all()):
        raise ValueError("a zero latent has no direction; take kind='linear'")
    a, b = start / norms[0], end / norms[1]
    # Half-angle form: accurate for nearly equal directions too, where the arc cosine is not.
    angle = 2 * torch.atan2((a - b).norm(), (a + b).norm())
    if float(math.pi - angle) < 1e-4:
        raise ValueError("opposite latents have no shortest arc between them; take kind='linear'")
    if float(angle) < 1e-6:
        turned = torch.lerp(a, b, t)
    else:
        turned = (torch.sin((1 - t) * angle) * a + torch.sin(t * angle) * b) / torch.sin(angle)
    return torch.lerp(norms[0], norms[1], t) * turned


@dataclass(frozen=True, eq=False, repr=False)
class Walk:
    """Latents along one dimension.

    Args:
        latents: shape (count, d).
        dimension: which entry changes.
        values: shape (count,), its values.
        inside: shape (count,), bool: whether the prior makes such values; training never saw the others.
        prior: name of the prior.
    """

    latents: Tensor
    dimension: int
    values: Tensor
    inside: Tensor
    prior: str

    def __str__(self) -> str:
        return (
            f"Walk along dimension {self.dimension}: {len(self.values)} latents from "
            f"{float(self.values.min()):.3g} to {float(self.values.max()):.3g}, "
            f"{int((~self.inside).sum())} outside the {self.prior} prior"
        )

    __repr__ = __str__


def walk(
    start: Tensor,
    dimension: int,
    values: Sequence[float] | Tensor | None = None,
    *,
    quantiles: Sequence[float] | Tensor | None = None,
    prior: PriorName = "normal",
) -> Walk:
    """Return latents that differ from one in a single dimension, and which of them the prior would make.

    The support of the uniform prior is [-1, 1]. The normal one has no end: what lies beyond the middle 99.9%
    of its entries, |z| > 3.29, counts as outside.

    Args:
        start: shape (d,), the latent to start from.
        dimension: which entry changes, from 0.
        values: its values, inside the support or not.
        quantiles: in place of values, probabilities in (0, 1): the values below which the prior lies with
            these. The default is nine, from 0.005 to 0.995.
        prior: "normal" (standard), or "uniform" on [-1, 1].

    Returns:
        The walk.

    Raises:
        ValueError: no such dimension, both values and quantiles, none of either, or one that is out of range.

    Example:
        >>> walk(torch.zeros(4), 2, [-20.0, -1.0, 1.0, 20.0]).inside.tolist()
        [False, True, True, False]
        >>> walk(torch.zeros(4), 2, quantiles=[0.25, 0.5, 0.75], prior="uniform").values.tolist()
        [-0.5, 0.0, 0.5]
    """
    check_option("prior", prior, ["normal", "uniform"])
    if start.ndim != 1 or not 0 <= dimension < len(start):
        raise ValueError(
            f"start must have shape (d,) and dimension be from 0 to d - 1, got {tuple(start.shape)} and "
            f"{dimension}"
        )
    if values is not None and quantiles is not None:
        raise ValueError("pass values or quantiles, not both")
    places = _at_quantiles(quantiles, prior) if values is None else values
    places = torch.as_tensor(places, dtype=start.dtype, device=start.device)
    if places.ndim != 1 or not len(places) or not bool(torch.isfinite(places).all()):
        raise ValueError("values must be at least one finite number in a row")
    latents = start.repeat(len(places), 1)
    latents[:, dimension] = places
    limit = 1.0 if prior == "uniform" else float(_at_quantiles([(1 + _SUPPORT) / 2], prior)[0])
    return Walk(latents, dimension, places, places.abs() <= limit, prior)


def _at_quantiles(quantiles: Sequence[float] | Tensor | None, prior: PriorName) -> Tensor:
    levels = torch.linspace(0.005, 0.995, 9) if quantiles is None else quantiles
    levels = torch.as_tensor(levels, dtype=torch.float64)
    if not bool(((levels > 0) & (levels < 1)).all()):
        raise ValueError(f"quantiles must lie strictly between 0 and 1, got {levels.tolist()}")
    if prior == "uniform":
        return 2 * levels - 1
    return math.sqrt(2) * torch.erfinv(2 * levels - 1)


@dataclass(frozen=True, eq=False, repr=False)
class Combination:
    """A linear combination of latents, and what the generator makes of it.

    Args:
        weights: shape (k,).
        latents: shape (k, d), the parts.
        latent: shape (d,), their combination.
        images: shape (k, ...), what the generator makes of the parts.
        image_of_combination: shape (...), what it makes of the combination.
        combination_of_images: shape (...), the combination of what it makes of the parts.
    """

    weights: Tensor
    latents: Tensor
    latent: Tensor
    images: Tensor
    image_of_combination: Tensor
    combination_of_images: Tensor

    @property
    def nonlinearity(self) -> float:
        """Distance of the last two over the norm of the image of the combination; 0 if G is linear."""
        image, mixed = to_numpy(self.image_of_combination), to_numpy(self.combination_of_images)
        return float(np.linalg.norm(image - mixed) / np.linalg.norm(image))

    def __str__(self) -> str:
        sizes = ", ".join(f"{weight:+g}" for weight in self.weights.tolist())
        parts = np.linalg.norm(to_numpy(self.latents), axis=-1).mean()
        return (
            f"Combination ({sizes}): norm of the latent {np.linalg.norm(to_numpy(self.latent)):.3g} (parts "
            f"{parts:.3g}), nonlinearity {self.nonlinearity:.3g}"
        )

    __repr__ = __str__


def combine(
    generator: nn.Module, latents: Tensor, weights: Sequence[float] | Tensor = (1.0, -1.0, 1.0)
) -> Combination:
    """Return the image of a linear combination of latents beside the combination of their images.

    Arithmetic "a - b + c" means something only if the first differs from the second: a generator that were
    linear would merely add pixels. The combination of three normal latents is sqrt(3) times as long as
    they are, outside of where the prior puts its samples; the norms tell.

    Args:
        generator: called as ``generator(z)``.
        latents: shape (k, d); each may be the mean of the latents of several like samples.
        weights: shape (k,); the default is a - b + c.

    Returns:
        The combination.

    Raises:
        ValueError: another shape, or another number of weights than of latents.

    Source: Radford, Metz and Chintala 2016.

    Example:
        >>> found = combine(nn.Linear(2, 3, bias=False), torch.eye(2), [0.5, 0.5])
        >>> round(found.nonlinearity, 6)
        0.0
    """
    factors = torch.as_tensor(weights, dtype=latents.dtype, device=latents.device)
    if latents.ndim != 2 or factors.shape != latents.shape[:1]:
        raise ValueError(
            f"latents must have shape (k, d) with one weight each, got {tuple(latents.shape)} and "
            f"{tuple(factors.shape)}"
        )
    latent = factors @ latents
    made = generate(generator, torch.cat([latents, latent[None]]))
    mixed = torch.tensordot(factors.to(made), made[:-1], dims=1)
    return Combination(factors, latents, latent, made[:-1], made[-1], mixed)


def class_grid(latents: Tensor, classes: int | Sequence[int]) -> tuple[Tensor, Tensor]:
    """Return latents and labels of a grid: a row for each class, a column for each latent.

    ``generate(generator, *class_grid(latents, 10))`` shows what the class changes and what the latent does,
    of a generator called as ``generator(z, labels)``.

    Args:
        latents: shape (columns, d).
        classes: number of classes, or the labels of the rows.

    Returns:
        Latents of shape (rows * columns, d) and labels of shape (rows * columns,), int64, row by row.

    Raises:
        ValueError: latents of another shape, or no class.

    Example:
        >>> z, labels = class_grid(torch.zeros(3, 5), 2)
        >>> z.shape, labels.tolist()
        (torch.Size([6, 5]), [0, 0, 0, 1, 1, 1])
    """
    rows = torch.arange(classes) if isinstance(classes, int) else torch.as_tensor(classes, dtype=torch.int64)
    if latents.ndim != 2 or not len(rows) or not len(latents):
        raise ValueError(
            f"latents must have shape (columns, d) and classes be at least one, got {tuple(latents.shape)} "
            f"and {classes}"
        )
    return latents.repeat(len(rows), 1), rows.to(latents.device).repeat_interleave(len(latents))
