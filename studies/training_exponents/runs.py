"""One run: training as a map, its exponents in windows, and what losses and samples say meanwhile."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from gandyn import lyapunov_spectrum, trajectory
from gandyn.nets import (
    Adam,
    Losses,
    Recipe,
    coverage,
    datasets,
    gan_losses,
    losses,
    models,
    modes_of,
    set_state,
    sliced_wasserstein,
    training_map,
)
from gandyn.nets.datasets import Dataset

SAMPLES, EXPONENTS = 1000, 2


@dataclass(frozen=True)
class Task:
    """Data and networks.

    Args:
        data: makes the data set.
        networks: makes generator and discriminator from a seed.
        latent: dimension of the latents.
    """

    data: Callable[[], Dataset]
    networks: Callable[[int], tuple[nn.Module, nn.Module]]
    latent: int


def _mlp(dim: int, width: int) -> Callable[[int], tuple[nn.Module, nn.Module]]:
    return lambda seed: models.mlp_gan(
        dim, hidden=(width, width), latent_dim=dim, activation="tanh", seed=100 * seed
    )


TASKS = {
    "line": Task(lambda: datasets.mixture_1d((-2.0, 0.0, 2.0), count=2000, std=0.1), _mlp(1, 16), 1),
    "ring": Task(lambda: datasets.ring(8, count=2000, std=0.05), _mlp(2, 24), 2),
    "digits": Task(
        datasets.digits, lambda seed: models.conv_gan(8, width=2, latent_dim=4, seed=100 * seed), 4
    ),
}


@dataclass(frozen=True)
class Method:
    """Losses and what else tells one way to train from another."""

    losses: Losses
    clip: float | None = None


METHODS = {
    "saturating": Method(losses.saturating()),
    "non-saturating": Method(losses.nonsaturating()),
    "WGAN, clip .05": Method(losses.wasserstein(), clip=0.05),
    "WGAN-GP 1": Method(losses.wasserstein(penalties=[losses.gradient_penalty(1.0)])),
    "R1 .1": Method(losses.nonsaturating(penalties=[losses.r1(0.1)])),
}


def one_run(task_name: str, method_name: str, seed: int, steps: int, windows: int) -> dict[str, Any]:
    """Return exponents per step, losses and the quality of samples, at the end of each window."""
    torch.set_num_threads(1)
    task, method = TASKS[task_name], METHODS[method_name]
    data, (generator, discriminator) = task.data(), task.networks(seed)
    rule = Adam(2e-3, beta1=0.5)
    recipe = Recipe(optimizers=(rule, rule), batch_size=64, clip=method.clip, seed=seed)
    step, x = training_map(
        generator, discriminator, method.losses, data.images, latent=task.latent, recipe=recipe,
        dropout="eval",
    )  # fmt: skip
    found = lyapunov_spectrum(
        step, x, n_steps=steps, k=EXPONENTS, warmup=steps // 5, record_every=steps // windows, seed=seed,
        max_norm=1e9, progress=False,
    )  # fmt: skip
    path = trajectory(step, x, n_steps=steps + steps // 5, save_every=steps // windows, progress=False)
    first = len(path.t) - len(found.times)
    judge = _Judge(generator, discriminator, method.losses, data, task.latent)
    rows = [judge(state) for state in path.x[first:]]
    return {
        "status": found.status,
        "steps": (found.times / step.dt).round().tolist(),
        "exponents": (found.local * step.dt).tolist(),
        "mean": found.per_step.tolist(),
        "error": (found.standard_errors * step.dt).tolist(),
        **{name: [row[name] for row in rows] for name in rows[0]},
    }


class _Judge:
    """Losses on fixed data and latents, and samples against the data."""

    def __init__(
        self, generator: nn.Module, discriminator: nn.Module, game: Losses, data: Dataset, latent: int
    ) -> None:
        draws = torch.Generator().manual_seed(7)
        self._latents = torch.randn(SAMPLES, latent, generator=draws)
        self._modules, self._data = (generator, discriminator), data
        batch = data.images[:256], self._latents[:256]
        self._losses = gan_losses(*self._modules, game, *batch, dropout="eval")
        self._count = sum(p.numel() for module in self._modules for p in module.parameters())

    def __call__(self, state: Tensor) -> dict[str, float]:
        parameters = state[: self._count]
        loss_g, loss_d = (float(value) for value in self._losses(parameters))
        set_state(parameters, *self._modules)
        with torch.no_grad():
            samples = self._modules[0].eval()(self._latents)
        flat, real = samples.flatten(1).numpy(), self._data.images.flatten(1).numpy()
        distance, _ = sliced_wasserstein(flat, real[:SAMPLES], projections=50)
        modes = float("nan")
        if flat.shape[1] <= 2:
            centres, std = modes_of(self._data)
            modes = float(coverage(flat, centres, std, least=10).covered)
        return {"loss of G": loss_g, "loss of D": loss_d, "distance": distance, "modes": modes}


def batch_gap(steps: int, sizes: tuple[int, ...], seed: int) -> dict[str, list[float]]:
    """Return the leading exponent per step of the line's GAN, with its error, by size of the minibatch.

    The last one, "full", takes all data and the same latents at every step: an autonomous map.
    """
    torch.set_num_threads(1)
    task, rule = TASKS["line"], Adam(2e-3, beta1=0.5)
    data = task.data().images[:512]
    found = {}
    for size in (*sizes, 512):
        recipe = Recipe(optimizers=(rule, rule), batch_size=size, seed=seed)
        step, x = training_map(
            *task.networks(seed), METHODS["non-saturating"].losses, data, latent=task.latent, recipe=recipe,
            resample=size < 512,
        )  # fmt: skip
        one = lyapunov_spectrum(
            step, x, n_steps=steps, k=1, transient=steps, warmup=steps // 5, seed=seed, progress=False
        )
        name = str(size) if size < 512 else "full"
        found[name] = [float(one.per_step[0]), float(one.standard_errors[0] * step.dt)]
    return {name: [float(value) for value in np.array(pair)] for name, pair in found.items()}
