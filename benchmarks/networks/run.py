"""Time a velocity and a training step against hand-written PyTorch, interleaved in one run.

Run: python -m benchmarks.networks.run [--repeats N]; writes benchmarks/record/networks.json.
"""

import argparse
import statistics
import tempfile
from pathlib import Path

import torch

from benchmarks.recording import environment, interleaved, write
from gandyn.nets import Recipe, gan_field, get_state, losses, models, train

BATCH = 64
SIZES = {"digits, width 16": (8, 16, 16), "28x28, width 8": (28, 8, 100)}


def velocity_case(image_size: int, width: int, latent_dim: int, dtype: torch.dtype) -> dict[str, object]:
    """Return our velocity and two hand-written backward passes on the same batch."""
    generator, discriminator = (
        m.eval().to(dtype) for m in models.conv_gan(image_size, width=width, latent_dim=latent_dim)
    )
    draws = torch.Generator().manual_seed(0)
    real = torch.rand(256, 1, image_size, image_size, generator=draws, dtype=dtype)
    latent = torch.randn(256, latent_dim, generator=draws, dtype=dtype)
    chosen = losses.nonsaturating()
    field = gan_field(generator, discriminator, chosen, real, latent, dtype=dtype)
    x = get_state(generator, discriminator, dtype=dtype)
    theta_g, theta_d = list(generator.parameters()), list(discriminator.parameters())

    def by_hand() -> None:
        fake = generator(latent)
        torch.autograd.grad(chosen.generator(discriminator(fake)), theta_g)
        loss = chosen.discriminator(discriminator(real), discriminator(fake.detach()))
        torch.autograd.grad(loss, theta_d)

    return {"gandyn": lambda: field(x), "by hand": by_hand}


def training_case(image_size: int, width: int, latent_dim: int, steps: int) -> dict[str, object]:
    """Return our training run and a hand-written loop: Adam, discriminator first, float32."""
    data = torch.rand(1024, 1, image_size, image_size, generator=torch.Generator().manual_seed(0))
    chosen = losses.nonsaturating()

    def ours() -> None:
        generator, discriminator = models.conv_gan(image_size, width=width, latent_dim=latent_dim)
        with tempfile.TemporaryDirectory() as folder:
            train(
                generator,
                discriminator,
                chosen,
                data,
                Path(folder) / "run",
                steps=steps,
                recipe=Recipe(batch_size=BATCH),
                checkpoint_every=steps,
                progress=False,
            )

    def by_hand() -> None:
        generator, discriminator = models.conv_gan(image_size, width=width, latent_dim=latent_dim)
        opt_g = torch.optim.Adam(generator.parameters(), 2e-4, betas=(0.5, 0.999))
        opt_d = torch.optim.Adam(discriminator.parameters(), 2e-4, betas=(0.5, 0.999))
        loader = torch.utils.data.DataLoader(
            torch.utils.data.TensorDataset(data), BATCH, shuffle=True, drop_last=True
        )
        done = 0
        while done < steps:
            for (real,) in loader:
                if done == steps:
                    break
                fake = generator(torch.randn(BATCH, latent_dim))
                opt_d.zero_grad()
                loss_d = chosen.discriminator(discriminator(real), discriminator(fake.detach()))
                loss_d.backward()
                opt_d.step()
                opt_g.zero_grad()
                loss_g = chosen.generator(discriminator(fake))
                loss_g.backward()
                opt_g.step()
                loss_d.item(), loss_g.item()
                done += 1

    return {"gandyn": ours, "by hand": by_hand}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=15)
    repeats = parser.parse_args().repeats
    results = {}
    for name, size in SIZES.items():
        for dtype in (torch.float32, torch.float64):
            key = f"velocity, {name}, {str(dtype).removeprefix('torch.')}"
            results[key] = interleaved(velocity_case(*size, dtype), repeats)
        results[f"training, {name}"] = interleaved(training_case(*size, steps=200), max(3, repeats // 3))
    for key, times in results.items():
        ratio = statistics.median(a / b for a, b in zip(times["gandyn"], times["by hand"], strict=True))
        print(f"{key}: {ratio:.3f} times the hand-written time")
    write("networks", {"environment": environment(), "seconds": results})


if __name__ == "__main__":
    main()
