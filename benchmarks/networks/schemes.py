"""Time training by schemes against hand-written PyTorch, interleaved in one run.

Run: python -m benchmarks.networks.schemes [--repeats N]; writes benchmarks/record/network_schemes.json.
"""

import argparse
import statistics
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import torch

from benchmarks.networks.run import BATCH, SIZES, training_case
from benchmarks.recording import environment, interleaved, write
from gandyn import UpdateMap, VectorField, schemes
from gandyn.nets import Recipe, losses, models, train

CHOSEN = losses.nonsaturating()


def batches(data: torch.Tensor, steps: int) -> Iterator[torch.Tensor]:
    """Yield minibatches as a user draws them."""
    dataset = torch.utils.data.TensorDataset(data)
    loader = torch.utils.data.DataLoader(dataset, BATCH, shuffle=True, drop_last=True)
    done = 0
    while done < steps:
        for (real,) in loader:
            if done == steps:
                return
            yield real
            done += 1


def ours(
    size: tuple[int, int, int], data: torch.Tensor, steps: int, scheme: Callable[[VectorField], UpdateMap]
) -> Callable[[], None]:
    """Return our training by a scheme."""

    def run() -> None:
        generator, discriminator = models.conv_gan(size[0], width=size[1], latent_dim=size[2])
        with tempfile.TemporaryDirectory() as folder:
            train(
                generator, discriminator, CHOSEN, data, Path(folder) / "run", steps=steps, scheme=scheme,
                recipe=Recipe(batch_size=BATCH), checkpoint_every=steps, progress=False,
            )  # fmt: skip

    return run


def by_hand(
    size: tuple[int, int, int], data: torch.Tensor, steps: int, make: Callable[..., torch.optim.Optimizer]
) -> Callable[[], None]:
    """Return a hand-written loop in which both players move at once."""

    def run() -> None:
        generator, discriminator = models.conv_gan(size[0], width=size[1], latent_dim=size[2])
        theta_g, theta_d = list(generator.parameters()), list(discriminator.parameters())
        opt_g, opt_d = make(theta_g), make(theta_d)
        for real in batches(data, steps):
            fake = generator(torch.randn(BATCH, size[2]))
            on_fake = discriminator(fake)
            loss_g = CHOSEN.generator(on_fake)
            loss_d = CHOSEN.discriminator(discriminator(real), on_fake)
            by_g = torch.autograd.grad(loss_g, theta_g, retain_graph=True)
            by_d = torch.autograd.grad(loss_d, theta_d)
            for parameter, slope in zip((*theta_g, *theta_d), (*by_g, *by_d), strict=True):
                parameter.grad = slope
            opt_g.step()
            opt_d.step()
            loss_d.item(), loss_g.item()

    return run


def cases(size: tuple[int, int, int], steps: int) -> dict[str, dict[str, Callable[[], None]]]:
    """Return what is timed beside what."""
    data = torch.rand(1024, 1, size[0], size[0], generator=torch.Generator().manual_seed(0))
    sgd = by_hand(size, data, steps, lambda p: torch.optim.SGD(p, 0.01))
    adam = by_hand(size, data, steps, lambda p: torch.optim.Adam(p, 2e-4, betas=(0.5, 0.999)))
    return {
        "simultaneous Adam": {
            "gandyn": ours(size, data, steps, lambda f: schemes.adam(f, 2e-4)), "by hand": adam
        },
        "alternating Adam": training_case(*size, steps=steps),  # type: ignore[dict-item]
        "simultaneous descent": {
            "gandyn": ours(size, data, steps, lambda f: schemes.simultaneous(f, 0.01)), "by hand": sgd
        },
        "extragradient, beside descent": {
            "gandyn": ours(size, data, steps, lambda f: schemes.extragradient(f, 0.01)), "by hand": sgd
        },
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=7)
    repeats = parser.parse_args().repeats
    seconds, ratios = {}, {}
    for name, size in SIZES.items():
        for what, case in cases(size, steps=300).items():
            key = f"{what}, {name}"
            seconds[key] = times = interleaved(case, repeats)
            pairs = zip(times["gandyn"], times["by hand"], strict=True)
            ratios[key] = statistics.median(a / b for a, b in pairs)
            print(f"{key}: {ratios[key]:.3f} times the hand-written time", flush=True)
    write("network_schemes", {"environment": environment(), "ratios": ratios, "seconds": seconds})


if __name__ == "__main__":
    main()
