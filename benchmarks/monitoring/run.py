"""Time a training step with and without its health record, interleaved in one run, one thread.

Seconds are those of the processor, which other programs on the machine hardly change. Looks at the gradients
are taken every 10 steps, so that their cost stands out, and the share is scaled to the default interval.
Run: python -m benchmarks.monitoring.run [--repeats N]; writes benchmarks/record/monitoring.json.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn

from benchmarks.recording import environment, interleaved, write
from gandyn.nets import Monitor, Recipe, losses, models, train
from gandyn.nets.health.tables import LOOK_EVERY

BATCH, LATENT = 64, 16
CHOSEN = losses.nonsaturating()


def networks(name: str) -> tuple[nn.Module, nn.Module, torch.Tensor]:
    """Return generator, discriminator and data of a case."""
    draws = torch.Generator().manual_seed(0)
    if name == "two layers of 100":
        return *models.mlp_gan(2, latent_dim=LATENT), torch.randn(1024, 2, generator=draws)
    size, width = {"conv_gan 8x8, width 16": (8, 16), "dcgan 32x32, width 8": (32, 8)}[name]
    make = models.conv_gan if size == 8 else models.dcgan
    return *make(size, width=width, latent_dim=LATENT, channels=1), torch.rand(
        1024, 1, size, size, generator=draws
    )


CASES = {"two layers of 100": 300, "conv_gan 8x8, width 16": 60, "dcgan 32x32, width 8": 30}
OFTEN = 10


def own_loop(name: str, steps: int, **options: object) -> Callable[[], None]:
    """Return some steps of the usual loop by hand, watched if there are options for a monitor."""
    generator, discriminator, data = networks(name)
    opt_g, opt_d = (torch.optim.Adam(m.parameters(), 2e-4) for m in (generator, discriminator))
    monitor = Monitor(generator, discriminator, **options) if options else None

    def block() -> None:
        for k in range(steps):
            real, z = data[(BATCH * k) % 960 :][:BATCH], torch.randn(BATCH, LATENT)
            opt_d.zero_grad()
            fake = generator(z)
            loss_d = CHOSEN.discriminator(discriminator(real), discriminator(fake.detach()))
            loss_d.backward()
            opt_d.step()
            opt_g.zero_grad()
            loss_g = CHOSEN.generator(discriminator(fake))
            loss_g.backward()
            opt_g.step()
            if monitor is not None:
                monitor.step(loss_g, loss_d)

    return block


def run_of(name: str, steps: int, health: int) -> Callable[[], None]:
    """Return a training run into a folder."""

    def block() -> None:
        generator, discriminator, data = networks(name)
        with tempfile.TemporaryDirectory() as folder:
            train(
                generator, discriminator, CHOSEN, data, Path(folder) / "run", steps=steps, latent=LATENT,
                recipe=Recipe(batch_size=BATCH), checkpoint_every=steps, progress=False, health=health,
            )  # fmt: skip

    return block


def measure(name: str, steps: int, repeats: int) -> dict[str, object]:
    """Return the seconds of every repeat and what watching adds to a step, as a share of it."""
    cases = {
        "loop": own_loop(name, steps),
        "loop, monitor at its defaults": own_loop(name, steps, every=10),
        "loop, health often": own_loop(name, steps, health=OFTEN),
        "train": run_of(name, steps, 0),
        "train, health often": run_of(name, steps, OFTEN),
    }
    seconds = interleaved(cases, repeats, time.process_time)
    loop, monitor, often, plain, watched = (statistics.median(each) for each in seconds.values())
    rarer = OFTEN / LOOK_EVERY
    shares = {
        "monitor without health": monitor / loop - 1,
        "its health": rarer * (often - monitor) / loop,
        "train's health": rarer * (watched / plain - 1),
    }
    return {"steps": steps, "seconds": seconds, "share at the defaults": shares}


def main() -> None:
    """Run everything interleaved and write the record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=7)
    options = parser.parse_args()
    torch.set_num_threads(1)
    found = {name: measure(name, steps, options.repeats) for name, steps in CASES.items()}
    print(write("monitoring", {"environment": environment(), **found}))
    for name, values in found.items():
        shares = values["share at the defaults"]
        print(name, {case: f"{share:+.1%}" for case, share in shares.items()})  # type: ignore[attr-defined]


if __name__ == "__main__":
    main()
