"""One look at the gradients of a game at a state and on a batch, cut into chunks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from gandyn.nets.gan import Batch, Game, Inputs, check_game, fixed_batch, gradient
from gandyn.nets.health.record import HealthRecord, record_of, row_of
from gandyn.nets.health.statistics import histogram, layer_statistics, signal_of
from gandyn.nets.losses import Losses, Play, logits
from gandyn.nets.modules import BatchNormMode, DropoutMode, Network, get_state

__all__ = ["Look", "first_layers", "gradient_health", "look", "rectifiers", "settings_of", "watching"]

#: Layers whose output can be exactly zero.
_RECTIFIERS = (nn.ReLU, nn.ReLU6, nn.Threshold, nn.Hardtanh, nn.Hardshrink, nn.Softshrink, nn.Hardswish)
_PLAYERS = ("generator", "discriminator")


def rectifiers(module: nn.Module, player: str) -> dict[str, nn.Module]:
    """Return the layers of a module whose output can be exactly zero, by name."""
    return {
        f"{player}.{name}": part for name, part in module.named_modules() if isinstance(part, _RECTIFIERS)
    }


@contextmanager
def watching(layers: dict[str, nn.Module]) -> Iterator[dict[str, Tensor]]:
    """Gather which units of layers were not zero somewhere in all that passes through them meanwhile."""
    alive: dict[str, Tensor] = {}
    hooks = [part.register_forward_hook(alive_recorder(name, alive)) for name, part in layers.items()]
    try:
        yield alive
    finally:
        for hook in hooks:
            hook.remove()


def alive_recorder(name: str, alive: dict[str, Tensor]) -> Callable[..., None]:
    """Return a forward hook that notes units, along axis 1, with an output other than zero."""

    def note(module: nn.Module, inputs: Any, output: Tensor) -> None:
        other = [axis for axis in range(output.ndim) if axis != 1]
        seen = (output.detach() != 0).any(0) if output.ndim == 2 else (output.detach() != 0).amax(other)
        alive[name] = seen | alive[name] if name in alive else seen

    return note


def dead_shares(alive: dict[str, Tensor], units: Sequence[str]) -> np.ndarray:
    """Return the share of units of each layer that were never alive, NaN for layers that were not used."""
    shares = [1 - float(alive[name].double().mean()) if name in alive else np.nan for name in units]
    return np.array(shares, dtype=float)


def first_layers(names: Sequence[str], ndims: Sequence[int]) -> list[int]:
    """Return the place of the first weight, of two axes or more, of each player."""
    places = []
    for player in _PLAYERS:
        own = [i for i, name in enumerate(names) if name.startswith(f"{player}.")]
        places.append(next((i for i in own if ndims[i] > 1), own[0]))
    return places


def settings_of(
    layers: Sequence[str], sizes: Sequence[int], units: Sequence[str], threshold: float,
    undecided: Sequence[float] | None = None, samples: int = 0,
) -> dict[str, Any]:  # fmt: skip
    """Return what rows do not say: names and sizes of layers, units, threshold and losses at D = 1/2."""
    return {
        "layers": list(layers), "sizes": list(sizes), "units": list(units), "threshold": threshold,
        "undecided": list(undecided) if undecided is not None else [None, None], "samples": samples,
    }  # fmt: skip


@dataclass(frozen=True, eq=False)
class Look:
    """What chunks of a batch say of a state.

    Args:
        gradients: mean gradient of every layer, generator first.
        losses: both losses.
        slopes: shape (2,), of the losses at the discriminator's outputs.
        signal: shape (2,).
        coherence: shape (2,).
        push: shape (2,).
        alive: units that were not zero somewhere, by layer.
    """

    gradients: list[Tensor]
    losses: tuple[float, float]
    slopes: tuple[float, ...]
    signal: tuple[float, ...]
    coherence: tuple[float, ...]
    push: tuple[float, ...]
    alive: dict[str, Tensor]

    @property
    def scalars(self) -> tuple[float, ...]:
        """The ten numbers that a row has of a look."""
        return (*self.losses, *self.slopes, *self.signal, *self.coherence, *self.push)


def look(game: Game, x: Tensor, batch: Batch, chunks: int) -> Look:
    """Return what ``chunks`` equal parts of a batch say of the state ``x``, shape (n,), leaving no trace."""
    game = game.with_copied_buffers()
    size = -(-max(batch.real[0].shape[0], batch.latent[0].shape[0]) // chunks)
    pieces = batch.pieces(size)
    weights = x.new_tensor([weight for weight, _ in pieces])
    layers = {**_rectifiers_of(game.generator), **_rectifiers_of(game.discriminator)}
    with watching(layers) as alive:
        parts = [_gradients(game, x.detach(), piece) for _, piece in pieces]
    samples = batch.real[0].shape[0], batch.latent[0].shape[0]
    flat = [torch.stack([torch.cat([g.reshape(-1) for g in part[0][i]]) for part in parts]) for i in (0, 1)]
    known = len(parts) > 1
    found = [signal_of(flat[i], weights, samples[1 - i]) if known else (np.nan,) * 3 for i in (0, 1)]
    norms = [float(torch.linalg.vector_norm(part)) for part in x.split(game.sizes)]
    mean = [sum((w * g for w, g in zip(weights, own, strict=True)), torch.zeros_like(own[0]))
            for own in zip(*([*part[0][0], *part[0][1]] for part in parts), strict=True)]  # fmt: skip
    numbers = weights @ torch.stack([part[1] for part in parts])
    return Look(
        mean,
        (float(numbers[0]), float(numbers[1])),
        tuple(float(square) ** 0.5 for square in numbers[2:]),
        tuple(share for share, _, _ in found),
        tuple(coherence for _, coherence, _ in found),
        tuple(square**0.5 * norm for (_, _, square), norm in zip(found, norms, strict=True)),
        alive,
    )


def _rectifiers_of(network: Network) -> dict[str, nn.Module]:
    return rectifiers(network.shadow, network.player)


def _gradients(
    game: Game, x: Tensor, batch: Batch
) -> tuple[tuple[Sequence[Tensor], Sequence[Tensor]], Tensor]:
    """Return both players' gradients, and losses and squared slopes, shape (4,)."""
    x = x.clone().requires_grad_()
    with torch.enable_grad(), game.drawing(batch.seed):
        here = game.with_statistics_at(x, batch)
        theta_g, theta_d = game.split(x)
        fake = here.fakes(theta_g, batch)
        loss_d, outputs = here.discriminator_loss(theta_d, fake, batch)
        play = here.play(theta_d, fake, batch, outputs)
        loss_g = here.losses.of_generator(play)
        by_g = gradient(loss_g, theta_g, retain_graph=True)
        by_d = gradient(loss_d, theta_d)
    slopes = squared_slopes(here.losses, play)
    return (by_g, by_d), torch.stack([loss_g.detach(), loss_d.detach(), *slopes])


def squared_slopes(losses: Losses, play: Play) -> tuple[Tensor, Tensor]:
    """Return the mean square of ``N dL/dD`` over that at an undecided D, of both players; NaN for 0/0."""
    level = losses.threshold or 0.0
    now = _slopes(losses, play, lambda d: d)
    then = _slopes(losses, play, lambda d: torch.full_like(d, level))
    none = now[0].new_tensor(torch.nan)
    return tuple(a / b if b > 0 else none for a, b in zip(now, then, strict=True))  # type: ignore[return-value]


def _slopes(losses: Losses, play: Play, at: Callable[[Tensor], Tensor]) -> list[Tensor]:
    """Return the mean square of ``N dL/dD`` of both players, with D's logits replaced."""
    leaves = [at(logits(output).detach()).requires_grad_() for output in (play.on_real, play.on_fake)]
    known = replace(play, judged=_with_logits(play, leaves))
    means = []
    with torch.enable_grad():
        for loss, own in ((losses.of_generator(known), leaves[1:]), (losses.of_discriminator(known), leaves)):
            parts = [len(leaf) * part for leaf, part in zip(own, _partials(loss, own), strict=True)]
            means.append(torch.cat([part.reshape(-1) for part in parts]).square().mean())
    return means


def _partials(loss: Tensor, leaves: list[Tensor]) -> tuple[Tensor, ...]:
    if not loss.requires_grad:
        return tuple(torch.zeros_like(leaf) for leaf in leaves)
    return torch.autograd.grad(loss, leaves, materialize_grads=True)


def _with_logits(play: Play, leaves: list[Tensor]) -> tuple[Any, Any]:
    judged = []
    for output, leaf in zip((play.on_real, play.on_fake), leaves, strict=True):
        rest = () if isinstance(output, Tensor) else [part.detach() for part in output[1:]]
        judged.append(leaf if isinstance(output, Tensor) else (leaf, *rest))
    return judged[0], judged[1]


def undecided_losses(game: Game, x: Tensor, batch: Batch) -> tuple[float, float]:
    """Return both losses, without penalties, where the discriminator's logits are at the threshold."""
    game = game.with_copied_buffers()
    level = game.losses.threshold or 0.0
    with torch.no_grad(), game.drawing(batch.seed):
        theta_g, theta_d = game.split(x)
        play = game.play(theta_d, game.fakes(theta_g, batch), batch)
        leaves = [torch.full_like(logits(output), level) for output in (play.on_real, play.on_fake)]
        at = replace(play, judged=_with_logits(play, leaves))
        return float(game.losses.of_generator(at)), float(game.losses.of_discriminator(at))


def game_settings(game: Game, x: Tensor, batch: Batch, threshold: float) -> dict[str, Any]:
    """Return the settings of rows about a game."""
    blocks = game.layout.blocks
    units = [*_rectifiers_of(game.generator), *_rectifiers_of(game.discriminator)]
    sizes = [block.size for block in blocks]
    layers, samples = [block.name for block in blocks], min(len(batch.real[0]), len(batch.latent[0]))
    return settings_of(layers, sizes, units, threshold, undecided_losses(game, x, batch), samples)


def game_row(
    game: Game, step: int, seen: Look, weights: Tensor, update: Tensor | None, settings: Mapping[str, Any]
) -> np.ndarray:
    """Return a look at a game as a row; ``weights`` and ``update`` have shape (n,)."""
    cut = lambda flat: [part for own in game.split(flat) for part in own]
    moves = None if update is None else cut(update)
    numbers = layer_statistics(seen.gradients, cut(weights), moves, settings["threshold"])
    first = first_layers(settings["layers"], [len(block.shape) for block in game.layout.blocks])
    bins = np.stack([histogram(seen.gradients[i]) for i in first])
    return row_of(step, seen.scalars, numbers, dead_shares(seen.alive, settings["units"]), bins)


def gradient_health(
    generator: nn.Module,
    discriminator: nn.Module,
    losses: Losses,
    real: Inputs,
    latent: Inputs,
    *,
    chunks: int = 8,
    threshold: float = 1e-2,
    batch_norm: BatchNormMode | None = None,
    dropout: DropoutMode | None = None,
    seed: int = 0,
    dtype: torch.dtype = torch.float64,
) -> HealthRecord:
    """Say how healthy the gradients of two modules are, as they stand, on a batch: a record of one look.

    ``record.verdict`` tells a vanishing gradient from a converged player. Both gradients may be small; in the
    first each sample's own gradient is small, in the second the samples' gradients cancel. So the batch is
    cut into chunks: how their gradients agree gives the ``coherence``, whatever the number of samples, and
    the slope of the losses at the discriminator's outputs says whether they are saturated. To say "converged"
    it takes some hundreds of samples.

    Args:
        generator: see ``gan_field``; not changed.
        discriminator: see ``gan_field``; not changed.
        losses: what each player descends.
        real: data of shape (N, ...), or a tuple with conditions.
        latent: latents of shape (M, ...), or a tuple with conditions; as many as data, or a multiple of
            ``chunks`` of both.
        chunks: parts of the batch, >= 2; the noise is estimated from their spread.
        threshold: an entry of a gradient counts as small if ``|g| < threshold``.
        batch_norm: see ``gan_field``; with "batch", each chunk has its own statistics.
        dropout: see ``gan_field``.
        seed: seed of seeded dropout and of a gradient penalty's interpolates.
        dtype: float type of the computation.

    Returns:
        The record; ``update_rms`` is NaN.

    Raises:
        ValueError: as ``gan_field``; fewer than two chunks, or fewer samples than chunks.

    Source: the test for noise is the unbiased estimate of the squared mean gradient, as in the "simple noise
    scale" of McCandlish et al. 2018, which divides the same two numbers.

    Example:
        >>> from gandyn.nets import losses, models
        >>> g, d = models.mlp_gan(hidden=(8,))
        >>> found = gradient_health(g, d, losses.nonsaturating(), torch.randn(64, 1), torch.randn(64, 1))
        >>> found.small.shape, found.layers[0]
        ((1, 8), 'generator.0.weight')
    """
    game = Game(generator, discriminator, losses, dtype=dtype, batch_norm=batch_norm, dropout=dropout)
    batch = fixed_batch(game, real, latent, seed)
    fewest = min(batch.real[0].shape[0], batch.latent[0].shape[0])
    if not 2 <= chunks <= fewest:
        raise ValueError(f"chunks must be from 2 to the number of samples, {fewest}; got {chunks}")
    if not threshold > 0:
        raise ValueError(f"threshold must be positive, got {threshold}")
    x = get_state(generator, discriminator, dtype=dtype)
    check_game(game, x, batch)
    settings = game_settings(game, x, batch, threshold)
    row = game_row(game, 0, look(game, x, batch, chunks), x, None, settings)
    return record_of(settings, row[None])
