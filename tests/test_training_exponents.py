"""Exponents of training: perturbed copies against tangents against dense Jacobians."""

import numpy as np
import pytest
import torch
from torch import nn

from gandyn import nets
from gandyn.nets import losses


def small_game(seed=0, width=6):
    """Two tanh networks on a 1-D mixture: smooth, so that differences are derivatives."""
    torch.manual_seed(seed)
    generator = nn.Sequential(nn.Linear(2, width), nn.Tanh(), nn.Linear(width, 1)).double()
    discriminator = nn.Sequential(nn.Linear(1, width), nn.Tanh(), nn.Linear(width, 1)).double()
    draws = torch.Generator().manual_seed(1)
    data = torch.randn(64, 1, generator=draws, dtype=torch.float64) * 0.3 + 1.0
    return generator, discriminator, losses.nonsaturating(), data


RECIPES = {
    "adam, alternating": nets.Recipe(optimizers=(nets.Adam(lr=1e-2), nets.Adam(lr=1e-2)), batch_size=16),
    "sgd, simultaneous": nets.Recipe(
        optimizers=(nets.SGD(lr=0.1), nets.SGD(lr=0.1)), batch_size=16, order="simultaneous"
    ),
}


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
def test_tangents_are_value_and_products_to_the_bit(recipe):
    step, x = nets.training_map(*small_game(), latent=2, recipe=recipe)
    x = step(step(x, 0), 1)
    directions = torch.randn(3, x.numel(), dtype=x.dtype, generator=torch.Generator().manual_seed(2))
    value, products = step.tangents(x, directions, 2)
    assert torch.equal(value, step(x, 2))
    assert torch.equal(products, step.jvp(x, directions, 2))
    np.testing.assert_allclose(products, directions @ step.jac(x, 2).T, rtol=1e-10, atol=1e-12)
