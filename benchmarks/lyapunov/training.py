"""Time five exponents of the digits GAN against the five products they need, and copies against a loop.

Run: python -m benchmarks.lyapunov.training [--repeats N] [--steps N]; writes
benchmarks/record/training_exponents.json.
"""

import argparse

import torch

from benchmarks.recording import environment, interleaved, write
from gandyn import nets
from gandyn.nets import datasets, losses, models

MODES = {"batch_norm": "batch", "dropout": "seeded"}
K = 5


def networks() -> tuple[torch.nn.Module, torch.nn.Module]:
    """Return the digits GAN of the other benchmarks: width 16, latents of 16."""
    torch.manual_seed(0)
    return models.conv_gan(8, width=16, latent_dim=16)


def exponent_cases(steps: int) -> dict[str, object]:
    """Return ``steps`` steps of five exponents, and the products that they need, one by one."""
    step, x = nets.training_map(
        *networks(), losses.nonsaturating(), datasets.digits().images, latent=16, **MODES
    )
    directions = torch.randn(K, x.numel(), dtype=x.dtype, generator=torch.Generator().manual_seed(1))

    def exponents() -> None:
        nets.ensemble(
            *networks(), losses.nonsaturating(), datasets.digits(), latent=16, steps=steps, copies=K,
            method="tangent", window=1, progress=False, **MODES,
        )  # fmt: skip

    def products() -> None:
        for k in range(steps):
            for direction in directions:
                step.jvp(x, direction, k)

    return {"five exponents": exponents, "their products": products}


def copy_cases(steps: int) -> dict[str, object]:
    """Return an ensemble of four copies, mapped and looped."""

    def run(method: str) -> None:
        nets.ensemble(
            *networks(), losses.nonsaturating(), datasets.digits(), latent=16, steps=steps, copies=4,
            method=method, progress=False, **MODES,
        )  # fmt: skip

    return {"copies, mapped": lambda: run("vmap"), "copies, one by one": lambda: run("loop")}


def monitor_share(steps: int) -> float:
    """Return the share of the time that a monitor at its defaults takes of a plain loop."""
    generator, discriminator = networks()
    optimizers = [torch.optim.Adam(m.parameters(), 2e-4) for m in (generator, discriminator)]
    chosen, data = losses.nonsaturating(), datasets.digits().images.float()
    monitor = nets.Monitor(generator, discriminator)
    for k in range(steps):
        real = data[(64 * k) % 1700 :][:64]
        fake = generator(torch.randn(64, 16))
        loss_d = chosen.discriminator(discriminator(real), discriminator(fake.detach()))
        loss_g = chosen.generator(discriminator(fake))
        for optimizer, loss, module in zip(
            optimizers, (loss_g, loss_d), (generator, discriminator), strict=True
        ):
            gradients = torch.autograd.grad(loss, list(module.parameters()), retain_graph=True)
            for parameter, gradient in zip(module.parameters(), gradients, strict=True):
                parameter.grad = gradient
            optimizer.step()
        monitor.step(loss_g, loss_d)
    return monitor.cost


def main() -> None:
    """Run everything interleaved and write the record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--steps", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(1)
    seconds = interleaved({**exponent_cases(options.steps), **copy_cases(options.steps)}, options.repeats)
    fastest = {name: min(each) for name, each in seconds.items()}
    found = {
        "environment": environment(), "steps": options.steps, "seconds": seconds, "fastest": fastest,
        "exponents over products": fastest["five exponents"] / fastest["their products"],
        "looped over mapped": fastest["copies, one by one"] / fastest["copies, mapped"],
        "monitor's share": monitor_share(20 * options.steps),
    }  # fmt: skip
    print(write("training_exponents", found))
    for name, value in found.items():
        print(name, value)


if __name__ == "__main__":
    main()
