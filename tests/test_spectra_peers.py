import numpy as np
import pytest
import torch
from torch import nn

from gandyn.nets import gan_field, get_state, losses
from gandyn.spectra import jacobian_operator, symmetric_spectrum


@pytest.fixture
def judged():
    """A discriminator in float64 with its data and labels, and the game that it plays."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        g = nn.Linear(3, 4, dtype=torch.float64)
        d = nn.Sequential(
            nn.Linear(4, 20), nn.Tanh(), nn.Linear(20, 20), nn.Tanh(), nn.Linear(20, 1)
        ).double()
        real, latent = torch.randn(24, 4, dtype=torch.float64), torch.randn(24, 3, dtype=torch.float64)
    field = gan_field(g, d, losses.nonsaturating(halves="mean"), real, latent)
    inputs = torch.cat([real, g(latent).detach()])
    labels = torch.cat([torch.ones(24, 1), torch.zeros(24, 1)]).double()
    return field, get_state(g, d, dtype=torch.float64), d, inputs, labels


def test_the_discriminators_hessian_is_that_of_curvlinops(judged):
    curvlinops = pytest.importorskip("curvlinops")
    field, x, d, inputs, labels = judged
    theirs = curvlinops.HessianLinearOperator(
        d, nn.BCEWithLogitsLoss(), list(d.parameters()), [(inputs, labels)], check_deterministic=False
    )
    ours = jacobian_operator(field, x, "discriminator hessian")
    u = np.random.default_rng(0).standard_normal((ours.shape[1], 3))
    np.testing.assert_allclose(
        ours.to_scipy() @ u, theirs.to_scipy(dtype=np.float64) @ u, rtol=1e-10, atol=1e-12
    )


def test_the_largest_eigenvalue_is_that_of_pyhessian(judged, monkeypatch):
    pyhessian = pytest.importorskip("pyhessian")
    field, x, d, inputs, labels = judged
    monkeypatch.setattr(torch, "randn", lambda *a, **k: torch.ones(*a, dtype=torch.float64))
    with pytest.warns(UserWarning, match="create_graph=True"):
        of = pyhessian.hessian(d, nn.BCEWithLogitsLoss(), data=(inputs, labels), cuda=False)
    (largest,), _ = of.eigenvalues(maxIter=2000, tol=1e-14, top_n=1)
    found = symmetric_spectrum(field, x, "discriminator hessian", 1, "modulus")
    # PyHessian divides vectors by their length + 1e-6, which makes its values 2e-6 too small.
    assert found.values[0] == pytest.approx(largest * (1 + 1e-6) ** 2, rel=1e-7)


def test_the_eigenvalues_are_those_of_autograd(judged):
    field, x, d, inputs, labels = judged
    names = [name for name, _ in d.named_parameters()]
    sizes = [p.numel() for p in d.parameters()]
    shapes = [p.shape for p in d.parameters()]

    def loss(flat):
        parts = [part.reshape(s) for part, s in zip(flat.split(sizes), shapes, strict=True)]
        output = torch.func.functional_call(d, dict(zip(names, parts, strict=True)), inputs)
        return nn.functional.binary_cross_entropy_with_logits(output, labels)

    theta = torch.cat([p.detach().flatten() for p in d.parameters()])
    expected = torch.linalg.eigvalsh(torch.func.hessian(loss)(theta)).numpy()
    found = symmetric_spectrum(field, x, "discriminator hessian", 5, "largest")
    np.testing.assert_allclose(found.values, expected[::-1][:5], rtol=0, atol=1e-8)
