"""One run: training as a map, what is measured on the way, and the moments that are shown."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

import gandyn
from gandyn import lyapunov_spectrum, trajectory
from gandyn.nets import (
    Adam,
    Recipe,
    Snapshot,
    coverage,
    datasets,
    losses,
    models,
    modes_of,
    set_state,
    snapshot,
    train_judges,
    training_map,
    wasserstein_1d,
)

LOSSES = {"saturating": losses.saturating(), "non-saturating": losses.nonsaturating()}
RULE, BATCH, SAMPLES = Adam(1e-3, beta1=0.9), 25, 1000
#: The three intervals of the document, and what lies between them.
INTERVALS = np.array([[-0.5, 0.0], [0.5, 1.0], [1.5, 2.0]])
GAPS = np.concatenate([np.linspace(0.1, 0.4, 31), np.linspace(1.1, 1.4, 31)])


def _uniform(intervals: np.ndarray) -> Callable[[], Tensor]:
    """Return the maker of points that are even on intervals of the same length."""

    def make() -> Tensor:
        rng = np.random.default_rng(0)
        low, high = intervals[rng.integers(len(intervals), size=4000)].T
        return torch.tensor(rng.uniform(low, high)[:, None], dtype=torch.float32)

    return make


def clusters() -> datasets.Dataset:
    """Return the five clusters of the document; their deviation, which it does not tell, is 1/2."""
    return datasets.ring(5, count=4000, radius=5.0, std=0.5)


@dataclass(frozen=True)
class Case:
    """Data, and where the discriminator is asked.

    Args:
        data: makes the real samples.
        axes: coordinates at which the discriminator is asked.
        measure: what is measured of a moment, by name.
    """

    data: Callable[[], Tensor]
    axes: tuple[np.ndarray, ...]
    measure: Callable[[Snapshot], dict[str, Any]]


def _on_the_line(found: Snapshot) -> dict[str, Any]:
    """Return the distance to U[0, 1], and how often the map from latents turns."""
    order = np.argsort(found.probes[:, 0])
    slopes = np.sign(np.diff(found.probe_images[order, 0]))
    return {
        "distance": wasserstein_1d(found.samples, lambda x: np.clip(x, 0, 1)),
        "centre": float(found.samples.mean()),
        "turns": int(np.sum(slopes[1:] * slopes[:-1] < 0)),
    }


def _on_intervals(found: Snapshot) -> dict[str, Any]:
    """Return the distance to the three intervals, the modes, and the discriminator on and between them."""
    half = (INTERVALS[0, 1] - INTERVALS[0, 0]) / 2
    modes = coverage(found.samples, INTERVALS.mean(axis=1)[:, None], half, radius=1.0, least=50)
    knots, levels = INTERVALS.ravel(), np.array([0, 1, 1, 2, 2, 3]) / 3
    between = np.interp(GAPS, found.axes[0], found.scores)
    inside = np.concatenate([np.linspace(*interval, 21) for interval in INTERVALS])
    return {
        "distance": wasserstein_1d(found.samples, lambda x: np.interp(x, knots, levels)),
        "counts": modes.counts.tolist(),
        "covered": modes.covered,
        "good": modes.high_quality,
        "D between": float(between.mean()),
        "D on data": float(np.interp(inside, found.axes[0], found.scores).mean()),
    }


def _in_the_plane(found: Snapshot) -> dict[str, Any]:
    """Return the clusters covered, and the discriminator at each of them."""
    from scipy.interpolate import RegularGridInterpolator

    centres, std = modes_of(clusters())
    modes = coverage(found.samples, centres, std, least=50)
    ask = RegularGridInterpolator(found.axes[::-1], found.scores)
    return {
        "counts": modes.counts.tolist(),
        "covered": modes.covered,
        "good": modes.high_quality,
        "between": modes.between,
        "peaks": ask(centres[:, ::-1]).tolist(),
    }


CASES = {
    "line": Case(_uniform(np.array([[0.0, 1.0]])), (np.linspace(-1, 2, 181),), _on_the_line),
    "intervals": Case(_uniform(INTERVALS), (np.linspace(-1.5, 3, 271),), _on_intervals),
    "clusters": Case(lambda: clusters().images, (np.linspace(-10, 10, 100),) * 2, _in_the_plane),
}


def networks(case: str, width: int, seed: int, offset: float = 0.0) -> tuple[nn.Module, nn.Module]:
    """Return the networks of the document; the generator's samples are moved by an offset."""
    dim = len(CASES[case].axes)
    generator, discriminator = models.mlp_gan(dim, hidden=(width, width), latent_dim=dim, seed=100 * seed)
    with torch.no_grad():
        generator[-1].bias += offset  # type: ignore[operator]
    return generator, discriminator


def _latents(dim: int) -> tuple[Tensor, Tensor]:
    """Return latents of the samples, and a grid of them in (-2, 2)."""
    samples = torch.randn(
        SAMPLES if dim == 1 else 2 * SAMPLES, dim, generator=torch.Generator().manual_seed(7)
    )
    axis = torch.linspace(-2, 2, 201 if dim == 1 else 20)
    return samples, torch.cartesian_prod(*[axis] * dim).reshape(-1, dim)


def one_run(
    case_name: str,
    loss: str,
    width: int,
    seed: int,
    steps: int,
    every: int,
    offset: float,
    folder: Path | None,
) -> dict[str, Any]:
    """Train once; return what is measured, and write what is shown into a folder."""
    torch.set_num_threads(1)
    case, modules = CASES[case_name], networks(case_name, width, seed, offset)
    data, (latents, probes) = case.data(), _latents(len(case.axes))
    step, x = training_map(
        *modules, LOSSES[loss], data, latent=len(case.axes), dtype=torch.float32,
        recipe=Recipe(optimizers=(RULE, RULE), batch_size=BATCH, seed=seed),
    )  # fmt: skip
    rows: list[dict[str, Any]] = []
    seen = []
    for k in range(steps + 1):
        if k % every == 0:
            set_state(x, *modules)
            found = snapshot(k, *modules, latents, probes=probes, axes=case.axes)
            rows.append({"step": k, "push": _push(modules[1], found.samples, loss), **case.measure(found)})
            seen.append(found)
        x = step(x, k)
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        for found in seen:
            gandyn.save(found, folder / f"{found.step:06d}", overwrite=True)
    made = {name: [row[name] for row in rows] for name in rows[0]}
    return (
        made
        if case_name != "intervals"
        else made | {"replay": _replayed(case, modules[1], data, seen, every)}
    )


def _push(discriminator: nn.Module, samples: np.ndarray, loss: str) -> float:
    """Return the mean size of the generator's gradient with respect to a sample."""
    x = torch.tensor(samples, requires_grad=True)
    logits = discriminator(x)
    (slope,) = torch.autograd.grad(logits.sum(), x)
    weight = torch.sigmoid(logits if loss == "saturating" else -logits)
    return float((weight * slope.norm(dim=1, keepdim=True)).mean())


def _replayed(
    case: Case, discriminator: nn.Module, data: Tensor, seen: list[Snapshot], every: int
) -> dict[str, float]:
    """Return what the discriminator says once it is shown samples of the whole training again."""
    past = torch.tensor(np.concatenate([found.samples for found in seen]), dtype=torch.float32)
    (judge,) = train_judges([discriminator], data, past, steps=min(500, 10 * every), progress=False)
    ask = lambda x: float(torch.sigmoid(judge(torch.tensor(x, dtype=torch.float32)[:, None])).mean())
    inside = np.concatenate([np.linspace(*interval, 21) for interval in INTERVALS])
    with torch.no_grad():
        return {"D between": ask(GAPS), "D on data": ask(inside)}


def exponents(loss: str, seed: int, width: int, steps: int, windows: int) -> dict[str, Any]:
    """Return the largest exponent per step in windows of a small case, and how far the modes move in each."""
    torch.set_num_threads(1)
    case, modules = CASES["intervals"], networks("intervals", width, seed)
    step, x = training_map(
        *modules, LOSSES[loss], case.data(), latent=1,
        recipe=Recipe(optimizers=(RULE, RULE), batch_size=BATCH, seed=seed),
    )  # fmt: skip
    every, warmup = steps // windows, steps // 5
    found = lyapunov_spectrum(
        step,
        x,
        n_steps=steps,
        k=1,
        warmup=warmup,
        record_every=every,
        seed=seed,
        max_norm=1e9,
        progress=False,
    )
    path = trajectory(step, x, n_steps=steps + warmup, save_every=every, progress=False)
    shares, latents = [], _latents(1)[0]
    for state in path.x[len(path.t) - len(found.times) - 1 :]:
        set_state(state, *modules)
        made = case.measure(snapshot(0, *modules, latents, axes=case.axes))
        shares.append(np.append(made["counts"], SAMPLES - sum(made["counts"])) / SAMPLES)
    moved = 0.5 * np.abs(np.diff(shares, axis=0)).sum(axis=1)
    return {
        "steps": (found.times / step.dt).round().tolist(),
        "exponents": (found.local[:, 0] * step.dt).tolist(),
        "moved": moved.tolist(),
    }
