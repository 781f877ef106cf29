"""The same game as torch modules and as symbols: the same velocity and the same Jacobian."""

import numpy as np
import pytest
import torch
from torch import nn

from gandyn.games import catalogue, exchanged_losses, points
from gandyn.games.tiny import sigmoid_classifier
from gandyn.nets import SGD, Recipe, gan_field, losses, training_map

RNG = np.random.default_rng(0)
REAL, LATENT = RNG.normal(size=40), RNG.normal(size=40)


class Linear(nn.Module):
    """x -> W x + b, with any of the two fixed."""

    def __init__(self, W=None, b=None):
        super().__init__()
        self.W = nn.Parameter(torch.ones(())) if W is None else torch.tensor(W)
        self.b = nn.Parameter(torch.zeros(())) if b is None else torch.tensor(b)

    def forward(self, x):
        return self.W * x + self.b


class Point(nn.Module):
    """The generator of the Dirac-GAN: one parameter, whatever the latent."""

    def __init__(self):
        super().__init__()
        self.theta = nn.Parameter(torch.zeros(()))

    def forward(self, z):
        return self.theta + 0 * z


class Slope(nn.Module):
    """Its discriminator: psi x is the logit of "generated" in Mescheder et al. 2018, so ours is -psi x."""

    def __init__(self):
        super().__init__()
        self.psi = nn.Parameter(torch.zeros(()))

    def forward(self, x):
        return -self.psi * x


def modules(chosen):
    """Return the Dirac-GAN of these losses, as a field of torch modules."""
    nothing = torch.zeros(4, 1, dtype=torch.float64)
    return gan_field(Point(), Slope(), chosen, nothing, nothing)


def column(values):
    return torch.tensor(values)[:, None]


def assert_same(field, symbols):
    for x in RNG.normal(size=(5, symbols.layout.dim)):
        state = torch.tensor(x)
        np.testing.assert_allclose(field(state).numpy(), symbols(x), rtol=1e-10, atol=1e-12)
        np.testing.assert_allclose(field.jac(state).numpy(), symbols.jac(x), rtol=1e-10, atol=1e-12)
        u = RNG.normal(size=(3, symbols.layout.dim))
        np.testing.assert_allclose(
            field.jvp(state, torch.tensor(u)).numpy(), symbols.jvp(x, u), rtol=1e-10, atol=1e-12
        )


@pytest.mark.parametrize("loss", ["saturating", "nonsaturating"])
@pytest.mark.parametrize("free", ["b_g, b_d", "W_g, W_d", "W_g, b_g, W_d, b_d"])
def test_the_sigmoid_game(loss, free):
    given = {} if "W" in free else {"W": 1.0}
    given |= {} if "b" in free else {"b": 0.0}
    chosen = getattr(losses, loss)()
    field = gan_field(Linear(**given), Linear(**given), chosen, column(REAL), column(LATENT))
    symbols = sigmoid_classifier(free, loss, data=points(REAL), latent=points(LATENT))
    assert_same(field, symbols)


@pytest.mark.parametrize(
    ("name", "chosen"),
    [
        ("dirac", losses.saturating()),
        ("dirac-nonsaturating", losses.nonsaturating()),
        ("dirac-wgan", losses.wasserstein()),
        ("dirac-r1", losses.saturating(penalties=[losses.r1(0.3)])),
        ("dirac-nonsaturating-r1", losses.nonsaturating(penalties=[losses.r1(0.3)])),
    ],
)
def test_the_dirac_gan_with_its_losses_and_penalties(name, chosen):
    settings = {"gamma": 0.3} if "r1" in name else {}
    assert_same(modules(chosen), catalogue.make(name, **settings))


def test_a_simultaneous_step_of_the_modules_is_a_step_of_the_symbols():
    nothing = torch.zeros(4, 1, dtype=torch.float64)
    recipe = Recipe((SGD(0.2), SGD(0.2)), batch_size=4, order="simultaneous")
    update, _ = training_map(
        Point().double(), Slope().double(), losses.saturating(), nothing, latent=1, recipe=recipe
    )
    dirac, x = catalogue.make("dirac"), np.array([1.0, 1.0])
    np.testing.assert_allclose(update(torch.tensor(x)).numpy(), x + 0.2 * dirac(x), rtol=1e-13)
    radius = lambda state: float(np.sum(np.square(state)))
    slope = 1 / (1 + np.exp(1.0))  # f'(1) of f(t) = -log(1 + e^-t)
    grown = radius(update(torch.tensor(x)).numpy()) / radius(x)
    assert grown == pytest.approx(1 + 0.2**2 * slope**2, rel=1e-12)


@pytest.mark.parametrize("loss", ["saturating", "nonsaturating"])
def test_the_losses_exchanged(loss):
    """What each player does to the other's loss; only the saturating game is zero-sum in it."""
    free = "W_g, b_g, W_d, b_d"
    field = gan_field(Linear(), Linear(), getattr(losses, loss)(), column(REAL), column(LATENT))
    symbols = sigmoid_classifier(free, loss, data=points(REAL), latent=points(LATENT))
    assert_same(field.rival(), exchanged_losses(symbols))
