"""Time landscapes against plain loops, loss-landscapes and landscaper, interleaved in one run.

Run: python -m benchmarks.landscape.run [--quick] [PART ...]; each part is written to
benchmarks/record/landscape.json when it ends and leaves the other parts there as they were. One thread,
float32; the convolutional GAN of ``models.conv_gan``, 797,461 and 212,865 parameters, on 512 samples, at its
initialisation: the time does not depend on the weights.

The packages want other versions of torch and numpy: install them without their dependencies beside gandyn in
an environment of its own (pip install --no-deps loss-landscapes landscaper drawsvg coloraide gudhi networkx
nglpy topopy). Those that are not installed are left out.

Every time is that of one point of the grid. A whole grid of ours is timed from first to last; of a loop,
whose points cost the same, a few points; of a package, from its first to its last evaluation, so that what it
does to make its directions does not count. "tuned" runs in a process in which malloc keeps what it frees.

- losses: both losses on a plane with an axis for each player.
- player: the loss of one player on a plane of its own parameters.
- field: the joint field on a plane of both and on one with an axis for each.
- memory: peak of a landscape of 20 million parameters, by the kernel's count for its process.
"""

import argparse
import contextlib
import io
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.functional import softplus

from benchmarks.recording import FOLDER, environment, write
from gandyn.nets import gan_field, gan_losses, get_state, losses, models, modules_layout
from gandyn.planes import Plane, filter_normalized_plane

SAMPLES = 512
PEERS = {"loss_landscapes": "loss-landscapes", "landscaper": "Landscaper"}
TUNED = {"MALLOC_TRIM_THRESHOLD_": str(2**33), "MALLOC_MMAP_THRESHOLD_": str(2**33)}
LOSSES = losses.nonsaturating()
Case = Callable[[], float]


class Joint(nn.Module):
    """Both players as one module, for packages that know one loss of one module."""

    def __init__(self, generator: nn.Module, discriminator: nn.Module) -> None:
        super().__init__()
        self.generator, self.discriminator = generator, discriminator

    def forward(self, batch: tuple[torch.Tensor, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the outputs on real and on generated samples."""
        real, latent = batch
        return self.discriminator(real), self.discriminator(self.generator(latent))


class Subject:
    """The GAN, its batch and its planes.

    Args:
        points: points along each axis of our grids.
        few: points of a loop.
    """

    def __init__(self, points: int, few: int) -> None:
        self.generator, self.discriminator = models.conv_gan(width=10)[0], models.conv_gan(width=64)[1]
        self.generator.eval()
        self.discriminator.eval()
        self.players = self.generator, self.discriminator
        draws = torch.Generator().manual_seed(0)
        self.real = torch.rand(SAMPLES, 1, 28, 28, generator=draws)
        self.latent = torch.randn(SAMPLES, 100, generator=draws)
        self.x = get_state(*self.players, dtype=torch.float32)
        self.axis, self.few = np.linspace(-1, 1, points), few
        self.game = (*self.players, LOSSES, self.real, self.latent)

    def plane(self, players: Any) -> Plane:
        """Return a filter-normalised plane at the present weights."""
        return filter_normalized_plane(modules_layout(*self.players), self.x, players=players)

    def ours(self, players: Any, measure: str, side: int | None = None, **options: Any) -> Case:
        """Return the seconds a point of a grid."""
        both, plane = gan_losses(*self.game, dtype=torch.float32, **options), self.plane(players)
        axis = self.axis if side is None else self.axis[:side]
        return lambda: timed(lambda: both.on_grid(plane, axis, axis, (measure,))) / len(axis) ** 2

    def loop(self, evaluate: Callable[[], Any]) -> Case:
        """Return the seconds a point of a plain loop, which writes the parameters as it goes."""
        parameters = [*self.generator.parameters(), *self.discriminator.parameters()]
        directions = [torch.zeros_like(part) for part in parameters]

        def point() -> None:
            with torch.no_grad():
                for part, direction in zip(parameters, directions, strict=True):
                    part.data = part + 0.5 * direction + 0.5 * direction
            evaluate()

        return lambda: timed(lambda: [point() for _ in range(self.few)]) / self.few

    def both_losses(self) -> np.ndarray:
        """Return both losses by one forward pass of each network."""
        with torch.no_grad():
            return pair(Joint(*self.players)((self.real, self.latent)))

    def generator_loss(self, *_: Any) -> float:
        """Return the generator's loss."""
        with torch.no_grad():
            return float(softplus(-self.discriminator(self.generator(self.latent))).mean())

    def textbook(self) -> None:
        """Both gradients as in a step of training: each loss backward, the generator's through both."""
        self.generator.zero_grad()
        self.discriminator.zero_grad()
        fake = self.generator(self.latent)
        LOSSES.generator(self.discriminator(fake)).backward()
        self.discriminator.zero_grad()
        LOSSES.discriminator(self.discriminator(self.real), self.discriminator(fake.detach())).backward()

    def field(self, micro_batch: int | None) -> Case:
        """Return the seconds of the field by two backward passes."""
        field = gan_field(*self.game, dtype=torch.float32, micro_batch=micro_batch)
        return lambda: timed(lambda: [field(self.x) for _ in range(self.few)]) / self.few


def pair(outputs: tuple[torch.Tensor, torch.Tensor]) -> np.ndarray:
    """Return both losses of the discriminator's outputs."""
    real, fake = outputs
    return np.array([float(LOSSES.generator(fake)), float(LOSSES.discriminator(real, fake))])


def timed(run: Callable[[], Any]) -> float:
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


def between(package: Callable[[Callable[..., Any]], Any], evaluate: Callable[..., Any]) -> float:
    """Return the seconds from one evaluation of a package to the next."""
    starts: list[float] = []

    def noted(*arguments: Any) -> Any:
        starts.append(time.perf_counter())
        return evaluate(*arguments)

    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        package(noted)
    return (starts[-1] - starts[0]) / (len(starts) - 1)


def loss_landscapes(model: nn.Module, few: int, evaluate: Callable[..., Any]) -> float:
    """Return seconds a point of their plane of random directions."""
    from loss_landscapes import random_plane
    from loss_landscapes.metrics.metric import Metric

    class Noted(Metric):
        def __init__(self, noted: Callable[..., Any]) -> None:
            super().__init__()
            self.noted = noted

        def __call__(self, wrapper: Any) -> Any:
            return self.noted(wrapper)

    side = round(few**0.5) + 1
    run = lambda noted: random_plane(model, Noted(noted), 1, side, "model", deepcopy_model=True)
    return between(run, evaluate)


def landscaper(model: nn.Module, few: int, evaluate: Callable[..., Any]) -> float:
    """Return seconds a point of their plane of given directions."""
    from landscaper.compute import compute_loss_landscape

    directions = [[torch.randn_like(part) for part in model.parameters()] for _ in range(2)]
    side = round(few**0.5) + 1
    run = lambda noted: compute_loss_landscape(model, None, directions, noted, side, 1.0, 2, "cpu")
    return between(run, evaluate)


def losses_cases(subject: Subject) -> dict[str, Case]:
    joint, batch, few = Joint(*subject.players), (subject.real, subject.latent), subject.few

    def scalar(model: nn.Module, _: Any) -> float:
        return float(pair(model(batch)).sum())

    found = {
        "gandyn": subject.ours("axis per player", "losses"),
        "gandyn, bfloat16": subject.ours("axis per player", "losses", precision="bfloat16"),
        "loop, whole batch": subject.loop(subject.both_losses),
        "loop, micro-batches": micro_loop(subject),
    }
    if find_spec("loss_landscapes"):
        found["loss_landscapes"] = lambda: loss_landscapes(joint, few, lambda w: pair(w.forward(batch)))
    if find_spec("landscaper"):
        found["landscaper"] = lambda: landscaper(joint, few, scalar)
    return found


def micro_loop(subject: Subject) -> Case:
    """Return the loop over points with micro-batches of 64."""
    both = gan_losses(*subject.game, dtype=torch.float32)
    return lambda: timed(lambda: [both(subject.x) for _ in range(subject.few)]) / subject.few


def player_cases(subject: Subject) -> dict[str, Case]:
    few, side = subject.few, round(subject.few**0.5) + 1

    def metric(wrapper: Any) -> float:
        return float(softplus(-subject.discriminator(wrapper.forward(subject.latent))).mean())

    def scalar(model: nn.Module, _: Any) -> float:
        return float(softplus(-subject.discriminator(model(subject.latent))).mean())

    found = {
        "gandyn": subject.ours("generator", "losses", side),
        "gandyn, bfloat16": subject.ours("generator", "losses", side, precision="bfloat16"),
        "loop, whole batch": subject.loop(subject.generator_loss),
    }
    if find_spec("loss_landscapes"):
        found["loss_landscapes"] = lambda: loss_landscapes(subject.generator, few, metric)
    if find_spec("landscaper"):
        found["landscaper"] = lambda: landscaper(subject.generator, few, scalar)
    return found


def field_cases(subject: Subject) -> dict[str, Case]:
    side = round(subject.few**0.5) + 1
    across = max(side, len(subject.axis) // 2)
    return {
        "gandyn, plane of both": subject.ours("both", "field", side),
        "gandyn, plane of both, bfloat16": subject.ours("both", "field", side, precision="bfloat16"),
        "gandyn, axis per player": subject.ours("axis per player", "field", across),
        "gandyn, axis per player, bfloat16": subject.ours(
            "axis per player", "field", across, precision="bfloat16"
        ),
        "two passes, whole batch": subject.field(None),
        "two passes, micro-batches": subject.field(64),
        "training step, whole batch": subject.loop(subject.textbook),
    }


CASES = {"losses": losses_cases, "player": player_cases, "field": field_cases}


class Tuned:
    """The same cases in a process whose malloc keeps what it frees; each is run when asked for."""

    def __init__(self, part: str, points: int, few: int) -> None:
        command = [sys.executable, "-m", "benchmarks.landscape.run", part, "--serve", str(points), str(few)]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, **TUNED}
        )

    def __call__(self, name: str) -> float:
        """Return the seconds of a case."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(name, file=self._process.stdin, flush=True)
        return float(self._process.stdout.readline())

    def close(self) -> None:
        """End the process."""
        self._process.communicate()


def serve(part: str, points: int, few: int) -> None:
    """Run the cases that standard input names, and print their seconds."""
    cases = CASES[part](Subject(points, few))
    for line in sys.stdin:
        with torch.random.fork_rng():
            print(cases[line.strip()](), flush=True)


def compared(part: str, points: int, few: int, repeats: int) -> dict[str, Any]:
    """Return seconds a point of every case, in both processes, taken in turn after one warm-up."""
    cases, tuned = CASES[part](Subject(points, few)), Tuned(part, points, few)
    ways = {name: case for name, case in cases.items()}
    ways |= {f"{name}, tuned": (lambda name=name: tuned(name)) for name in cases if "gandyn" not in name}
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    try:
        for repeat in range(repeats + 1):
            for name, way in ways.items():
                found = way()
                if repeat:
                    seconds[name].append(found)
    finally:
        tuned.close()
    return {"seconds a point": seconds, "times faster": faster(seconds)}


def faster(seconds: dict[str, list[float]]) -> dict[str, dict[str, float]]:
    """Return for each of our ways how many times as long the others take, the median over repeats."""
    return {
        ours: {
            name: statistics.median(a / b for a, b in zip(times, seconds[ours], strict=True))
            for name, times in seconds.items()
            if "gandyn" not in name
        }
        for ours in seconds
        if "gandyn" in ours
    }


def memory(quick: bool) -> dict[str, Any]:
    """Return the peak of a landscape of 20 million parameters in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.landscape.large", *(["--quick"] if quick else [])]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("parts", nargs="*", help=f"{', '.join(CASES)}, memory; all of them by default")
    parser.add_argument("--quick", action="store_true", help="smaller grids and one repeat; writes nothing")
    parser.add_argument("--serve", nargs=2, type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    torch.set_num_threads(1)
    if unknown := set(options.parts) - {*CASES, "memory"}:
        parser.error(f"no part {', '.join(sorted(unknown))}; known: {', '.join(CASES)}, memory")
    if options.serve:
        serve(options.parts[0], *options.serve)
        return
    points, few, repeats = (9, 4, 1) if options.quick else (25, 9, 5)
    path = FOLDER / "landscape.json"
    for part in options.parts or (*CASES, "memory"):
        known = environment(*(package for peer, package in PEERS.items() if find_spec(peer)))
        found = memory(options.quick) if part == "memory" else compared(part, points, few, repeats)
        print(part, json.dumps(found.get("times faster", found), indent=1), flush=True)
        if not options.quick:
            record = json.loads(path.read_text()) if path.exists() else {}
            settings = {"points": points, "points of a loop": few, "samples": SAMPLES, "environment": known}
            write("landscape", record | {part: settings | found})


if __name__ == "__main__":
    main()
