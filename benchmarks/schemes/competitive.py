"""Count and time the products of a competitive step of two networks, beside the CGDs package.

Run: python -m benchmarks.schemes.competitive [--repeats N], with CGDs installed (pip install cgds); writes
benchmarks/record/competitive.json.

Both take one step of the same zero-sum game from the same state. "error" is the distance of the step from
that solved to 1e-12, over its length. A product is one of a second derivative of the loss with a vector.
"""

import argparse
import os
import statistics
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import CGDs
import torch
from CGDs import cgd_utils
from torch import nn

from benchmarks.recording import environment, interleaved, write
from gandyn import VectorField
from gandyn.nets import gan_field, losses
from gandyn.schemes import Solver, cgd

#: Relative residual that both ask for, and the step sizes: the larger, the harder the system.
TOLERANCE, SIZES = 1e-5, (0.1, 1.0, 10.0)


def networks() -> tuple[nn.Module, nn.Module]:
    """Return a generator of the plane and a critic, in float64."""
    torch.manual_seed(0)
    generator = nn.Sequential(nn.Linear(4, 64), nn.Tanh(), nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, 2))
    critic = nn.Sequential(nn.Linear(2, 64), nn.Tanh(), nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, 1))
    return generator.double(), critic.double()


def batch() -> tuple[torch.Tensor, torch.Tensor]:
    """Return data and latents, 256 each."""
    draws = torch.Generator().manual_seed(1)
    latent = torch.randn(256, 4, generator=draws, dtype=torch.float64)
    return 2 + torch.randn(256, 2, generator=draws, dtype=torch.float64), latent


def flat(modules: tuple[nn.Module, nn.Module]) -> torch.Tensor:
    """Return the parameters of both networks as one vector."""
    return torch.cat([p.detach().reshape(-1) for module in modules for p in module.parameters()])


def by_gandyn(field: VectorField, x: torch.Tensor, h: float, tol: float) -> torch.Tensor:
    return cgd(field, h, Solver("krylov", tol, 2000))(x)


def by_cgds(h: float) -> torch.Tensor:
    """Return the state after a step of the package, which also asks for the square of a tolerance."""
    (generator, critic), (real, latent) = networks(), batch()
    step = CGDs.BCGD(
        critic.parameters(), generator.parameters(), h, h, tol=TOLERANCE**2, solve_x=True, collect_info=False
    )
    step.step(critic(real).mean() - critic(generator(latent)).mean())
    return flat((generator, critic))


def counted(products: list[int], function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that counts how often it is called."""

    def call(*args: Any, **options: Any) -> Any:
        products[0] += 1
        return function(*args, **options)

    return call


def compare(h: float, repeats: int) -> dict[str, Any]:
    """Return products, errors and seconds of both ways at one step size."""
    modules = networks()
    field, x = gan_field(*modules, losses.wasserstein(), *batch()), flat(modules)
    exact, products = by_gandyn(field, x, h, 1e-12), {"gandyn": [0], "CGDs": [0]}
    watched = replace(field, jvp=counted(products["gandyn"], field.jvp))
    original = cgd_utils.Hvp_vec
    for module in (cgd_utils, CGDs.cgd):
        module.Hvp_vec = counted(products["CGDs"], original)
    found = {"gandyn": by_gandyn(watched, x, h, TOLERANCE), "CGDs": by_cgds(h)}
    for module in (cgd_utils, CGDs.cgd):
        module.Hvp_vec = original
    size = torch.linalg.norm(exact - x)
    ways = {"gandyn": lambda: by_gandyn(field, x, h, TOLERANCE), "CGDs": lambda: by_cgds(h)}
    seconds = interleaved(ways, repeats)
    return {
        "parameters": len(x),
        "products": {way: count[0] for way, count in products.items()},
        "error": {way: float(torch.linalg.norm(after - exact) / size) for way, after in found.items()},
        "seconds": seconds,
        "median seconds": {way: statistics.median(times) for way, times in seconds.items()},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=7)
    repeats = parser.parse_args().repeats
    torch.set_num_threads(1)
    load = os.getloadavg()[0]
    results = {f"h = {h:g}": compare(h, repeats) for h in SIZES}
    header = {**environment("cgds"), "load before": load, "threads": 1}
    path = write("competitive", {"environment": header, "tolerance": TOLERANCE, "steps": results})
    for name, result in results.items():
        print(name, result["products"], result["error"], result["median seconds"])
    print(path)


if __name__ == "__main__":
    main()
