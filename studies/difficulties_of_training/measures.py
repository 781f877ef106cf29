"""What a finished training says: losses, gradients, predictions of D, and the quality of the samples."""

import copy
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from gandyn import nets
from gandyn.nets import models
from gandyn.nets.runs import Run
from studies.difficulties_of_training.runs import BATCH, LATENT, Case, Setting, build, cases

SAMPLES, PROJECTIONS, JUDGES = 500, 60, 3


def latents(count: int, seed: int = 7) -> Tensor:
    """Return latents of the prior, uniform on [-1, 1]."""
    return nets.uniform_prior(LATENT)(count, torch.Generator().manual_seed(seed))


def distance(images: Tensor, setting: Setting) -> float:
    """Return the sliced Wasserstein distance to images that no training sees."""
    a, b = images.flatten(1).numpy(), setting.held_out.flatten(1).numpy()
    return nets.sliced_wasserstein(a, b, projections=PROJECTIONS)[0]


def on_batch_statistics(module: nn.Module, *batch: Tensor) -> Any:
    """Return the output with batch norm's statistics those of the batch, as in training."""
    with torch.no_grad():
        return copy.deepcopy(module).train()(*batch)


def restored(run: Run, case: Case, setting: Setting, seed: int, step: int | None = None) -> tuple[Any, Any]:
    """Return generator and discriminator at a checkpoint, the last one by default."""
    networks = build(case, setting, seed)
    run.restore(*networks, step=step)
    return networks


def measure(run: Run, case: Case, setting: Setting, seed: int) -> dict[str, Any]:
    """Return the numbers of one run, plain values."""
    generator, discriminator = restored(run, case, setting, seed)
    z = latents(SAMPLES)
    counts = [sum(p.numel() for p in net.parameters()) for net in (generator, discriminator)]
    return {
        "status": run.status["status"],
        "parameters of D over G": counts[1] / counts[0],
        "distance": distance(nets.generate(generator, z), setting),
        "distance on batch statistics": distance(on_batch_statistics(generator, z), setting),
        **_losses(run),
        **_health(run),
        "checkpoints": [_at_checkpoint(run, case, setting, seed, step) for step in run.steps],
    }


def _losses(run: Run) -> dict[str, Any]:
    history = run.history
    steps, of_g, of_d = (history[name] for name in ("step", "loss_generator", "loss_discriminator"))
    quarter, tenth = max(1, len(steps) // 4), max(1, len(steps) // 10)
    cut = np.array_split(np.arange(len(steps)), min(40, len(steps)))
    return {
        "steps": [float(steps[part].mean()) for part in cut],
        "loss of G": [float(of_g[part].mean()) for part in cut],
        "loss of D": [float(of_d[part].mean()) for part in cut],
        "early loss of D": float(np.median(of_d[tenth : max(quarter, tenth + 1)])),
        "late loss of D": float(np.median(of_d[-tenth:])),
        "lowest loss of D": float(min(of_d[part].mean() for part in cut)),
    }


def _health(run: Run) -> dict[str, Any]:
    record = run.health
    late = slice(-max(1, len(record.steps) // 10), None)
    of_g, of_d = first_weights(record.layers)
    middle = lambda values: [float(v) for v in np.median(values[late], axis=0)]
    return {
        "verdict": [record.verdict.generator, record.verdict.discriminator],
        "signs": [sign.name for sign in record.signs if sign.present],
        "small share of the first layers": middle(record.small_share[:, [of_g, of_d]]),
        "RMS of the first layers": middle(record.rms[:, [of_g, of_d]]),
        "update over weight of the first layers": middle(record.update_to_weight[:, [of_g, of_d]]),
    }


def first_weights(layers: Sequence[str]) -> tuple[int, int]:
    """Return the places of the first layer of both players."""
    first = [next(i for i, n in enumerate(layers) if n.startswith(who)) for who in ("generator", "discrim")]
    return first[0], first[1]


def _at_checkpoint(run: Run, case: Case, setting: Setting, seed: int, step: int) -> dict[str, float]:
    generator, discriminator = restored(run, case, setting, seed, step)
    made = nets.generate(generator, latents(SAMPLES // 2))
    real = setting.held_out[: len(made)]
    return {
        "step": float(step),
        "distance": distance(made, setting),
        "D on real": _prediction(discriminator, real),
        "D on fake": _prediction(discriminator, on_batch_statistics(generator, latents(SAMPLES // 2))),
    }


def _prediction(discriminator: nn.Module, images: Tensor) -> float:
    """Return D's mean probability of "real", in minibatches as in training."""
    whole = len(images) // BATCH * BATCH
    found = [on_batch_statistics(discriminator, part) for part in images[:whole].split(BATCH)]
    logits = torch.cat([output if isinstance(output, Tensor) else output[0] for output in found])
    return float(torch.sigmoid(logits).mean())


def yardsticks(setting: Setting) -> dict[str, float]:
    """Return the distance of real images, and of a generator that always shows their mean."""
    mean = setting.data.mean(0, keepdim=True)
    return {
        "real images": distance(setting.data[:SAMPLES], setting),
        "the mean image": distance(mean.expand(SAMPLES, -1, -1, -1), setting),
        "images of one grey each": distance(
            setting.data[:SAMPLES].mean((1, 2, 3), keepdim=True).expand(-1, *setting.data.shape[1:]), setting
        ),
    }


def measure_all(runs: Mapping[str, list[Run]], setting: Setting, folder: Path) -> dict[str, list[Any]]:
    """Return the numbers of all runs by case, one for each seed; what lies in the folder is read."""
    folder.mkdir(parents=True, exist_ok=True)
    found: dict[str, list[Any]] = {}
    for name, own in runs.items():
        for seed, run in enumerate(own):
            place = folder / f"{run.folder.name}.json"
            if not place.exists():
                place.write_text(json.dumps(measure(run, cases()[name], setting, seed)))
            found.setdefault(name, []).append(json.loads(place.read_text()))
    return found


def judged(runs: Mapping[str, list[Run]], setting: Setting, folder: Path) -> dict[str, list[float]]:
    """Return, by case and seed, how often judges prefer a sample to a held-out real image: 1/2 at best.

    The judges are fresh discriminators, trained on all runs' samples together, and judge others.
    """
    place = folder / "preferences.json"
    if not place.exists():
        place.write_text(json.dumps(_judged(runs, setting)))
    found: dict[str, list[float]] = json.loads(place.read_text())
    return found


def _judged(runs: Mapping[str, list[Run]], setting: Setting) -> dict[str, list[float]]:
    made = {
        name: [
            nets.generate(restored(run, cases()[name], setting, seed)[0], latents(128, seed=8))
            for seed, run in enumerate(own)
        ]
        for name, own in runs.items()
    }
    fresh = [
        models.dcgan(
            setting.image_size, width=setting.width, channels=setting.data.shape[1], seed=1000 + index
        )[1]
        for index in range(JUDGES)
    ]
    seen = torch.cat([images[:64] for own in made.values() for images in own])
    steps = 20 if setting.seeds == 1 else 400
    judges = nets.train_judges(fresh, setting.data, seen, steps=steps, progress=False)
    ask = lambda images: nets.judge(images[64:], judges, real=setting.held_out[:200]).mean_preference[0]
    return {name: [ask(images) for images in own] for name, own in made.items()}
