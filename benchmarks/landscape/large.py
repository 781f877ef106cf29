"""Peak memory of a landscape of a GAN of 20 million parameters, printed as JSON.

Run: python -m benchmarks.landscape.large [--quick]. Convolutional networks for images of 64 x 64 x 3,
float32, 512 samples (64 with --quick), both losses and the joint field, with memory="4GiB".
"""

import argparse
import json
import resource
import time
from itertools import pairwise

import torch
from torch import nn

from gandyn.landscapes import landscape
from gandyn.nets import gan_losses, get_state, losses, models, modules_layout
from gandyn.planes import filter_normalized_plane


def networks() -> tuple[nn.Module, nn.Module]:
    """Return generator and discriminator in the manner of DCGAN, with batch norm."""
    widths = (1000, 500, 250, 125)
    up: list[nn.Module] = [nn.Linear(100, widths[0] * 16), nn.Unflatten(1, (widths[0], 4, 4))]
    up += [nn.BatchNorm2d(widths[0]), nn.ReLU()]
    for a, b in pairwise(widths):
        up += [nn.ConvTranspose2d(a, b, 4, 2, 1), nn.BatchNorm2d(b), nn.ReLU()]
    up += [nn.ConvTranspose2d(widths[-1], 3, 4, 2, 1), nn.Tanh()]
    down: list[nn.Module] = [nn.Conv2d(3, widths[-1], 4, 2, 1), nn.LeakyReLU(0.2)]
    for a, b in pairwise(widths[::-1]):
        down += [nn.Conv2d(a, b, 4, 2, 1), nn.BatchNorm2d(b), nn.LeakyReLU(0.2)]
    down += [nn.Flatten(), nn.Linear(widths[0] * 16, 1)]
    pair = nn.Sequential(*up).eval(), nn.Sequential(*down).eval()
    for seed, part in enumerate(pair):
        models.initialize(part, seed=seed)
    return pair


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    samples = 64 if parser.parse_args().quick else 512
    torch.set_num_threads(1)
    players = networks()
    x = get_state(*players, dtype=torch.float32)
    draws = torch.Generator().manual_seed(0)
    batch = torch.rand(samples, 3, 64, 64, generator=draws), torch.randn(samples, 100, generator=draws)
    plane = filter_normalized_plane(modules_layout(*players), x, players="axis per player")
    started = time.perf_counter()
    both = gan_losses(*players, losses.nonsaturating(), *batch, dtype=torch.float32, memory="4GiB")
    found = landscape(both, plane, points=2, measures=("losses", "field"))
    seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({
        "parameters": len(x), "samples": samples, "points": found.losses[0].size, "seconds": seconds,
        "peak GiB": peak / 2**30, "notes": found.notes,
    }))  # fmt: skip


if __name__ == "__main__":
    main()
