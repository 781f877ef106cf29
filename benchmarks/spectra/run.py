"""Time products and eigenvalues of networks against curvlinops, hessian-eigenthings and PyHessian.

Run: python -m benchmarks.spectra.run [--repeats N]; writes benchmarks/record/spectra.json. Peers that are not
installed are left out. One thread, float64. Everything on a generator and a discriminator of a million
parameters together, trained on the bundled digits.
"""

import argparse
import statistics
import tempfile
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from benchmarks.recording import environment, interleaved, write
from gandyn.field import VectorField
from gandyn.nets import Recipe, datasets, gan_field, get_state, losses, models, train
from gandyn.spectra import jacobian_operator, spectrum, symmetric_spectrum

K, TOL, SAMPLES = 10, 1e-4, 128
PEERS = {
    "curvlinops": "curvlinops-for-pytorch",
    "hessian_eigenthings": "hessian-eigenthings",
    "pyhessian": "PyHessian",
}


def trained_gan(steps: int) -> tuple[nn.Module, nn.Module, torch.Tensor, torch.Tensor]:
    """Return networks of a million parameters after ``steps`` of Adam on digits, data and latents."""
    data = datasets.load("digits").images.flatten(1)
    generator, discriminator = models.mlp_gan(64, hidden=(660, 660), latent_dim=64)
    chosen = losses.nonsaturating(halves="mean")
    with tempfile.TemporaryDirectory() as folder:
        run = train(
            generator, discriminator, chosen, data, Path(folder) / "run",
            steps=steps, recipe=Recipe(batch_size=64), checkpoint_every=steps, progress=False,
        )  # fmt: skip
        run.restore(generator, discriminator)
    draws = torch.Generator().manual_seed(1)
    return (
        generator,
        discriminator,
        data[:SAMPLES].double(),
        torch.randn(SAMPLES, 64, generator=draws).double(),
    )


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


def eigenvalue_counts(field: VectorField, x: torch.Tensor) -> dict[str, Any]:
    """Return the products that the ten largest and the four rightmost eigenvalues of the game take."""
    found = spectrum(field, x, K, tol=TOL, progress=False)
    right = spectrum(field, x, 4, "largest real", tol=TOL, max_products=400, progress=False)
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
            self.field, self.x, "discriminator hessian", K, "modulus", tol=TOL / 10, progress=False
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

    def pyhessian(self) -> None:
        """Their power iteration with its defaults."""
        from pyhessian import hessian

        torch.set_default_dtype(torch.float64)
        try:
            torch.manual_seed(0)
            of = hessian(self.model, nn.BCEWithLogitsLoss(), data=(self.inputs, self.targets), cuda=False)
            values, vectors = of.eigenvalues(top_n=K)
        finally:
            torch.set_default_dtype(torch.float32)
            self.model.zero_grad()
        flat = torch.stack([torch.cat([part.flatten() for part in vector]) for vector in vectors])
        self.results["pyhessian"] = np.array(values), flat.detach().numpy().T

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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--steps", type=int, default=500, help="training steps of the networks")
    options = parser.parse_args()
    torch.set_num_threads(1)
    generator, discriminator, real, latent = trained_gan(options.steps)
    field = gan_field(generator, discriminator, losses.nonsaturating(halves="mean"), real, latent)
    x = get_state(generator, discriminator, dtype=torch.float64)
    record: dict[str, Any] = {
        "environment": environment(*(package for name, package in PEERS.items() if find_spec(name))),
        "threads": 1,
        "dtype": "float64",
        "samples": SAMPLES,
        "training steps": options.steps,
    }
    times = product_times(field, x, 3 * options.repeats)
    record |= {"product seconds": times, "product ratios to a velocity": ratios(times, "velocity")}
    write("spectra", record)
    record["game"] = eigenvalue_counts(field, x)
    write("spectra", record)
    with torch.no_grad():
        inputs = torch.cat([real, generator.double()(latent)])
    peers = Peers(discriminator.double(), inputs, field, x)
    peers.enough_steps()
    times = interleaved(peers.ways(), options.repeats)
    record |= {
        "hessian seconds": times,
        "hessian ratios to gandyn": ratios(times, "gandyn"),
        "hessian-eigenthings steps": peers.lanczos_steps,
        "hessian accuracy": peers.accuracy(),
    }
    print(write("spectra", record))


if __name__ == "__main__":
    main()
