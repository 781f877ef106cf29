"""One run: trained, then looked at from its end."""

import tempfile
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from gandyn import UpdateMap, VectorField, load, save, schemes, spectrum
from gandyn.nets import Losses, Recipe, Run, datasets, gan_field, losses, models, train
from gandyn.nets.datasets import Dataset
from gandyn.rotation import PathAngle, character, path_angle, smoothed_spectrum
from gandyn.schemes.rule import update_map

STEP, BETA1, BETA2 = 1e-3, 0.5, 0.9
BATCH, PARTS = 128, 4

LOSSES: dict[str, Callable[[], Losses]] = {
    "NSGAN": losses.nonsaturating,
    "WGAN-GP": lambda: losses.wasserstein(penalties=[losses.gradient_penalty(10.0)]),
}


def adam(field: VectorField) -> UpdateMap:
    """Return simultaneous Adam."""
    return schemes.adam(field, STEP, BETA1, BETA2)


def extra_adam(field: VectorField) -> UpdateMap:
    """Return extra-Adam (Gidel et al. 2019, algorithm 4): an Adam step ahead, then one from where it was."""
    return update_map(
        field,
        _extra_adam,
        "extra-Adam",
        memory=("mean", "square"),
        h=STEP,
        beta1=BETA1,
        beta2=BETA2,
        eps=1e-8,
    )


def _extra_adam(
    on: Any, x: Any, mean: Any, square: Any, *, h: Any, beta1: Any, beta2: Any, eps: Any
) -> tuple[Any, ...]:
    place = x
    for half in (1, 2):
        gradient = -on.v(place)
        mean = beta1 * mean + (1 - beta1) * gradient
        square = beta2 * square + (1 - beta2) * (gradient * gradient)
        count = 2 * on.k + half
        root = (1 - beta2**count) ** -0.5 * square.sqrt() + on.fill(eps)
        place = x + (-h / (1 - beta1**count)) * (mean / root)
    return place, mean, square


#: Each rule with the gradients of both players that it takes in a step.
RULES: dict[str, tuple[Callable[[VectorField], UpdateMap], int]] = {
    "Adam": (adam, 1),
    "extra-Adam": (extra_adam, 2),
}


@dataclass(frozen=True)
class Problem:
    """Data with networks for it.

    Args:
        data: makes the data set.
        modules: makes generator and discriminator from a seed.
        share: part of the gradients of the study that it gets.
        seen: samples in the batch on which its ends are looked at.
    """

    data: Callable[[], Dataset]
    modules: Callable[[int], tuple[torch.nn.Module, torch.nn.Module]]
    share: float = 1.0
    seen: int = 512


def _mlp(dimension: int, latent: int, seed: int) -> tuple[torch.nn.Module, torch.nn.Module]:
    return models.mlp_gan(dimension, hidden=(16, 16), latent_dim=latent, activation="relu", seed=seed)


def _conv(size: int, seed: int) -> tuple[torch.nn.Module, torch.nn.Module]:
    return models.conv_gan(size, width=2, latent_dim=8, dropout=0.0, std=0.1, seed=seed)


PROBLEMS = {
    "mixture": Problem(lambda: datasets.mixture_1d(count=4000), partial(_mlp, 1, 1)),
    "ring": Problem(lambda: datasets.ring(8, count=4000), partial(_mlp, 2, 2)),
    "digits": Problem(datasets.digits, partial(_conv, 8), 0.2, 128),
    "MNIST": Problem(lambda: datasets.mnist(), partial(_conv, 28), 0.05, 128),
}


def one_run(
    problem: str, loss: str, rule: str, seed: int, gradients: int, rough: bool, folder: Path
) -> dict[str, Any]:
    """Train once; return what its end is like, and leave the path-angle in the folder."""
    torch.set_num_threads(1)
    chosen = PROBLEMS[problem]
    data, (scheme, cost) = chosen.data(), RULES[rule]
    modules = chosen.modules(100 * seed)
    steps = max(4, int(gradients * chosen.share) // cost)
    with tempfile.TemporaryDirectory() as place:
        run = train(
            *modules, LOSSES[loss](), data, f"{place}/run", steps=steps, scheme=scheme, progress=False,
            recipe=Recipe(batch_size=BATCH, seed=seed), checkpoint_every=max(1, steps // 20),
        )  # fmt: skip
        found = {"status": run.status["status"], "steps": steps}
        found |= observe(run, modules, LOSSES[loss](), data, chosen.seen, rough)
    save(found.pop("path-angle"), folder / f"{problem}, {loss}, {rule}, {seed}", overwrite=True)
    return found


def observe(
    run: Run,
    modules: tuple[torch.nn.Module, torch.nn.Module],
    loss: Losses,
    data: Dataset,
    seen: int,
    rough: bool,
) -> dict[str, Any]:
    """Return verdict, eigenvalues and path-angle at the end of a run."""
    draws = torch.Generator().manual_seed(7)
    order = torch.randperm(len(data.images), generator=draws)[:seen]
    latents = torch.randn(len(order), modules[0].latent_dim, generator=draws)  # type: ignore[arg-type]

    def field(part: slice) -> VectorField:
        return gan_field(*modules, loss, data.images[order[part]], latents[part], dropout="eval")

    size = len(order) // PARTS
    whole = field(slice(None))
    parts = [field(slice(i * size, (i + 1) * size)) for i in range(PARTS)]
    start, end = (run.state(*modules, step, torch.float64) for step in (run.steps[0], run.steps[-1]))
    products = 100 if rough else 300
    options: dict[str, Any] = {"progress": False, "max_products": products, "tol": 1e-2 if rough else 1e-5}
    near = [spectrum(whole, end, 8, which, **options) for which in ("largest real", "modulus")]
    kind = character(
        whole, end, parts, leading=near[0], k=1, accuracy=0.1 if rough else 1e-3, max_products=products,
        probes=4 if rough else 16, progress=False,
    )  # fmt: skip
    along = path_angle(parts, start, end, points=9 if rough else 61, progress=False)
    width = 0.01 * float(end.square().mean().sqrt())
    kinks = smoothed_spectrum(
        whole, end, width, k=4, draws=16 if rough else 64, tol=options["tol"], max_products=products,
        progress=False,
    )  # fmt: skip
    pairs = lambda values: [[float(v.real), float(v.imag)] for v in values]
    return {
        "verdict": kind.verdict,
        "here": kind.here,
        "shares": kind.shares,
        "rest": kind.rest,
        "growth": kind.reading.growth,
        "converged": all(one.converged for one in near),
        "eigenvalues": pairs([*near[0].eigenvalues, *near[1].eigenvalues]),
        "rotation index": kind.reading.rotation_index,
        "lowest of G": kind.reading.lowest["generator"],
        "highest of G": kind.reading.highest["generator"],
        "lowest of D": kind.reading.lowest["discriminator"],
        "highest of D": kind.reading.highest["discriminator"],
        "over batches": {name: list(kind.spread(name)) for name in kind.over_batches},
        "speed over noise": kind.reading.speed / kind.noise,
        "shape": along.shapes["both"].name,
        "cosine at the end": float(along.cosine["both"][along.alpha <= 1 + 1e-12][-1]),
        "kinks": [kinks.disagreement, kinks.uncertainty],
        "path-angle": along,
    }


def path_of(problem: str, loss: str, rule: str, seed: int, folder: Path) -> PathAngle:
    """Return the path-angle that a run left."""
    found: PathAngle = load(folder / f"{problem}, {loss}, {rule}, {seed}.npz")
    return found


def summary(runs: Mapping[str, Any]) -> dict[str, Any]:
    """Return for each problem, loss and rule the counts of verdicts and the quartiles of the numbers."""
    names = ("growth", "rotation index", "lowest of G", "highest of G", "lowest of D", "highest of D",
             "speed over noise", "cosine at the end")  # fmt: skip
    found = {}
    for key, own in runs.items():
        quartiles = {
            name: np.quantile([run[name] for run in own], [0.25, 0.5, 0.75]).tolist() for name in names
        }
        found[key] = {
            "seeds": len(own),
            "diverged": sum(run["status"] == "diverged" for run in own),
            "steps": own[0]["steps"],
            "verdicts": dict(Counter(run["verdict"] for run in own)),
            "on the whole batch": dict(Counter(run["here"] for run in own)),
            "shapes": dict(Counter(run["shape"] for run in own)),
            "negative curvature of G": sum(run["lowest of G"] < 0 for run in own),
            "kinks": [float(np.median([run["kinks"][i] for run in own])) for i in (0, 1)],
            **quartiles,
        }
    return found
