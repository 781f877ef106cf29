"""Time products and eigenvalues of networks against curvlinops, hessian-eigenthings and PyHessian.

Run: python -m benchmarks.spectra.run [--runs FOLDER] [PART ...]; each part is written to
benchmarks/record/spectra.json when it ends, a few minutes at most, and leaves the other parts there as they
were. Peers that are not installed are left out. One thread; float64 but for the convolutional game.
Networks are trained on the bundled digits.

- products: seconds of products, on fully connected networks of a million parameters together.
- hessian: the ten leading Hessian eigenvalues of a discriminator of 204,541 parameters, against the peers.
- conv_hessian: the same of 212,865 parameters with convolutions, without PyHessian, which takes too long.
- game: products that eigenvalues of the game of a million parameters take.
- conv: the same for the convolutional GAN of ``models.conv_gan``, 797,461 and 212,865 parameters.
- conv_fresh: the same at its initialisation.
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from benchmarks.recording import FOLDER, environment, interleaved, write
from gandyn.field import VectorField
from gandyn.nets import Recipe, Run, datasets, gan_field, get_state, losses, models, train
from gandyn.spectra import jacobian_operator, spectrum, symmetric_spectrum

K, TOL, SAMPLES = 10, 1e-4, 128
LOSSES = losses.nonsaturating(halves="mean")
#: Of PyHessian, for each eigenvalue, beside its default of 100.
ITERATIONS = 1000
PEERS = {
    "curvlinops": "curvlinops-for-pytorch",
    "hessian_eigenthings": "hessian-eigenthings",
    "pyhessian": "PyHessian",
}


@dataclass(frozen=True, eq=False)
class Subject:
    """Networks after training, with the batch of their field."""

    generator: nn.Module
    discriminator: nn.Module
    real: torch.Tensor
    latent: torch.Tensor

    def game(self, dtype: torch.dtype = torch.float64) -> tuple[VectorField, torch.Tensor]:
        """Return the field and its state."""
        players = self.generator, self.discriminator
        field = gan_field(*players, LOSSES, self.real.to(dtype), self.latent.to(dtype), dtype=dtype)
        return field, get_state(*players, dtype=dtype)


def dense_gan(width: int, steps: int, runs: Path) -> Subject:
    """Return fully connected networks after ``steps`` of Adam."""
    data = datasets.load("digits").images.flatten(1)
    return trained(*models.mlp_gan(64, hidden=(width, width), latent_dim=64), data, 64, steps, runs)


def conv_gan(steps: int, runs: Path) -> Subject:
    """Return convolutional networks after ``steps`` of Adam on digits enlarged to 28x28."""
    data = datasets.load("digits").images.reshape(-1, 1, 8, 8)
    data = nn.functional.interpolate(data, 28, mode="bilinear", align_corners=False)
    generator, discriminator = models.conv_gan(width=10)[0], models.conv_gan(width=64)[1]
    return trained(generator, discriminator, data, 100, steps, runs, samples=32)


def trained(
    generator: nn.Module,
    discriminator: nn.Module,
    data: torch.Tensor,
    latent_dim: int,
    steps: int,
    runs: Path,
    samples: int = SAMPLES,
) -> Subject:
    count = sum(p.numel() for net in (generator, discriminator) for p in net.parameters())
    folder = runs / f"{count}_{steps}"
    if steps:
        run = Run(folder) if folder.exists() else train(
            generator, discriminator, LOSSES, data, folder,
            steps=steps, recipe=Recipe(batch_size=64), checkpoint_every=steps, progress=False,
        )  # fmt: skip
        run.restore(generator, discriminator)
    latent = torch.randn(samples, latent_dim, generator=torch.Generator().manual_seed(1))
    return Subject(generator.eval(), discriminator.eval(), data[:samples], latent)


def product_times(field: VectorField, x: torch.Tensor, repeats: int) -> dict[str, list[float]]:
    """Return seconds of a velocity and of products with J and J^T, kept graph or not, interleaved."""
    u = torch.randn(x.shape, generator=torch.Generator().manual_seed(2), dtype=x.dtype)
    with field.linearised(x) as at:
        return interleaved(
            {
                "velocity": lambda: field(x),
                "J^T u, graph retained": lambda: at.vjp(u),
                "J u, graph retained": lambda: at.jvp(u),
                "J u, forward over reverse": lambda: field.jvp(x, u),
                "J^T u, graph built": lambda: field.vjp(x, u),
            },
            repeats,
        )


def eigenvalue_counts(field: VectorField, x: torch.Tensor, budget: int) -> dict[str, Any]:
    """Return the products that the ten largest and the four rightmost eigenvalues of the game take."""
    found = spectrum(field, x, K, tol=TOL, max_products=budget, progress=False)
    right = spectrum(field, x, 4, "largest real", tol=TOL, max_products=budget, basis=60, progress=False)
    return {
        "parameters": field.layout.dim,
        "ten largest": summary(found),
        "four of largest real part": summary(right),
    }


def summary(found: Any) -> dict[str, Any]:
    sizes = np.abs(found.eigenvalues)
    largest = float(np.max(sizes, initial=0.0)) or 1.0
    return {
        "products": found.products,
        "converged": found.converged,
        "message": found.message,
        "eigenvalues": [str(value) for value in np.round(found.eigenvalues, 6)],
        "residual / largest |lambda|": float(np.max(found.residuals, initial=0.0) / largest),
        "residual / own |lambda|": float(np.max(found.residuals / sizes, initial=0.0)),
    }


class Peers:
    """Ten leading Hessian eigenvalues of the discriminator on the same batch, by each package.

    Args:
        discriminator: in float64.
        inputs: real, then generated samples.
        field: ours, on the same batch.
        x: the state.
    """

    def __init__(
        self, discriminator: nn.Module, inputs: torch.Tensor, field: VectorField, x: torch.Tensor
    ) -> None:
        half = len(inputs) // 2
        self.targets = torch.cat([torch.ones(half, 1), torch.zeros(half, 1)]).double()
        self.model, self.inputs, self.field, self.x = discriminator, inputs, field, x
        self.results: dict[str, tuple[np.ndarray, np.ndarray | None]] = {}
        self.lanczos_steps = 20

    def ways(self) -> dict[str, Callable[[], None]]:
        """Return each way by the name of its package."""
        found = {"gandyn": self.ours}
        found |= {name: getattr(self, name) for name in PEERS if find_spec(name)}
        return found

    def ours(self) -> None:
        """Lanczos over a retained graph."""
        found = symmetric_spectrum(
            self.field, self.x, "discriminator hessian", K, "modulus", tol=TOL, progress=False
        )
        self.results["gandyn"] = found.values, found.vectors

    def curvlinops(self) -> None:
        """SciPy's eigsh on their Hessian."""
        from curvlinops import HessianLinearOperator
        from scipy.sparse.linalg import eigsh

        operator = HessianLinearOperator(
            self.model, nn.BCEWithLogitsLoss(), list(self.model.parameters()),
            [(self.inputs, self.targets)], check_deterministic=False,
        )  # fmt: skip
        values, vectors = eigsh(operator.to_scipy(dtype=np.float64), K, which="LM", tol=TOL)
        self.results["curvlinops"] = values, vectors

    def hessian_eigenthings(self) -> None:
        """Their Lanczos, with full reorthogonalisation."""
        import hessian_eigenthings as he

        operator = he.HessianOperator(
            self.model, [(self.inputs, self.targets)], he.supervised_loss(nn.BCEWithLogitsLoss())
        )
        found = he.lanczos(
            operator, k=K, max_iter=self.lanczos_steps, tol=TOL, reorthogonalize=True, which="LM", seed=0
        )
        self.results["hessian_eigenthings"] = found.eigenvalues.numpy(), found.eigenvectors.numpy().T

    def pyhessian(self, name: str = "pyhessian", **options: Any) -> None:
        """Their power iteration, with its defaults unless told otherwise."""
        from pyhessian import hessian

        torch.set_default_dtype(torch.float64)
        try:
            torch.manual_seed(0)
            of = hessian(self.model, nn.BCEWithLogitsLoss(), data=(self.inputs, self.targets), cuda=False)
            values, vectors = of.eigenvalues(top_n=K, **options)
        finally:
            torch.set_default_dtype(torch.float32)
            self.model.zero_grad()
        flat = torch.stack([torch.cat([part.flatten() for part in vector]) for vector in vectors])
        self.results[name] = np.array(values), flat.detach().numpy().T

    def accuracy(self) -> dict[str, Any]:
        """Return for each way the residuals by an operator of ours and the distance from the reference."""
        exact = symmetric_spectrum(
            self.field, self.x, "discriminator hessian", K, "modulus", tol=1e-10, progress=False
        ).values
        report = {}
        with jacobian_operator(self.field, self.x, "discriminator hessian") as operator:
            for name, (values, vectors) in self.results.items():
                order = np.argsort(-np.abs(values), kind="stable")
                values, vectors = values[order], vectors[:, order]
                images = operator.matmat(torch.from_numpy(np.ascontiguousarray(vectors))).numpy()
                residuals = np.linalg.norm(images - vectors * values, axis=0) / np.abs(values)
                report[name] = {
                    "relative residuals": residuals.tolist(),
                    "relative errors": np.abs(values / exact - 1).tolist(),
                }
        return report

    def enough_steps(self) -> None:
        """Give hessian-eigenthings as many Lanczos steps as its residuals need, in tens."""
        while find_spec("hessian_eigenthings"):
            self.hessian_eigenthings()
            worst = max(self.accuracy()["hessian_eigenthings"]["relative residuals"])
            if worst <= TOL or self.lanczos_steps >= 100:
                return
            self.lanczos_steps += 10


def ratios(seconds: dict[str, list[float]], base: str) -> dict[str, float]:
    """Return the median over repeats of each time over that of ``base``."""
    return {
        name: statistics.median(a / b for a, b in zip(times, seconds[base], strict=True))
        for name, times in seconds.items()
    }


def products_part(steps: int, repeats: int, runs: Path) -> dict[str, Any]:
    times = product_times(*dense_gan(660, steps, runs).game(), 3 * repeats)
    return {"samples": SAMPLES, "seconds": times, "ratios to a velocity": ratios(times, "velocity")}


def hessian_part(steps: int, repeats: int, runs: Path) -> dict[str, Any]:
    return compared(dense_gan(420, steps, runs), repeats, set())


def conv_hessian_part(steps: int, repeats: int, runs: Path) -> dict[str, Any]:
    subject = conv_gan(steps, runs)
    few = replace(subject, real=subject.real[:8], latent=subject.latent[:8])
    return compared(few, repeats, {"pyhessian"})


def compared(subject: Subject, repeats: int, without: set[str]) -> dict[str, Any]:
    field, x = subject.game()
    with torch.no_grad():
        fake = subject.generator.double()(subject.latent.double())
    peers = Peers(subject.discriminator.double(), torch.cat([subject.real.double(), fake]), field, x)
    peers.enough_steps()
    ways = {name: way for name, way in peers.ways().items() if name not in without}
    times = interleaved(ways, repeats)
    longer = {}
    if "pyhessian" in ways:
        started = time.perf_counter()
        peers.pyhessian(f"pyhessian, {ITERATIONS} iterations", maxIter=ITERATIONS, tol=1e-9)
        longer[f"pyhessian, {ITERATIONS} iterations"] = time.perf_counter() - started
    return {
        "parameters": sum(p.numel() for p in subject.discriminator.parameters()),
        "samples": len(subject.real),
        "seconds": times,
        "ratios to gandyn": ratios(times, "gandyn"),
        "seconds, once": longer,
        "hessian-eigenthings steps": peers.lanczos_steps,
        "accuracy": peers.accuracy(),
    }


def game_part(steps: int, repeats: int, runs: Path) -> dict[str, Any]:
    return {"samples": SAMPLES} | eigenvalue_counts(*dense_gan(660, steps, runs).game(), 200)


def conv_part(steps: int, repeats: int, runs: Path) -> dict[str, Any]:
    return {"samples": 32, "dtype": "float32"} | eigenvalue_counts(
        *conv_gan(steps, runs).game(torch.float32), 120
    )


def fresh_conv_part(steps: int, repeats: int, runs: Path) -> dict[str, Any]:
    return conv_part(0, repeats, runs)


PARTS = {
    "products": products_part,
    "hessian": hessian_part,
    "conv_hessian": conv_hessian_part,
    "game": game_part,
    "conv": conv_part,
    "conv_fresh": fresh_conv_part,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("parts", nargs="*", help=f"{', '.join(PARTS)}; all of them by default")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--steps", type=int, default=300, help="training steps of the networks")
    parser.add_argument("--runs", type=Path, help="folder that keeps training runs for the next call")
    options = parser.parse_args()
    if unknown := set(options.parts) - set(PARTS):
        parser.error(f"no part {', '.join(sorted(unknown))}; known: {', '.join(PARTS)}")
    torch.set_num_threads(1)
    path = FOLDER / "spectra.json"
    with tempfile.TemporaryDirectory() as passing:
        for name in options.parts or PARTS:
            part = PARTS[name](options.steps, options.repeats, options.runs or Path(passing))
            known = environment(*(package for peer, package in PEERS.items() if find_spec(peer)))
            steps = 0 if name == "conv_fresh" else options.steps
            record = json.loads(path.read_text()) if path.exists() else {}
            record[name] = {"environment": known, "threads": 1, "training steps": steps} | part
            print(write("spectra", record), name)


if __name__ == "__main__":
    main()
