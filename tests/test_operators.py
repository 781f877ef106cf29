from dataclasses import replace

import numpy as np
import pytest
import torch
from problems import NAMESPACES, linear_flow, plain_layout, torch_game
from scipy.sparse.linalg import eigsh
from torch import nn

from gandyn.field import Layout, VectorField, check_field
from gandyn.nets import Recipe, gan_field, get_state, losses, training_map
from gandyn.spectra.operators import Operator, jacobian_operator


def small_gan(penalties=(), **options):
    """A tanh GAN in the plane on 12 samples, its field and its state."""
    draw = torch.Generator().manual_seed(3)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        g = nn.Sequential(nn.Linear(2, 2), nn.Tanh(), nn.Linear(2, 2))
        d = nn.Sequential(nn.Linear(2, 2), nn.Tanh(), nn.Linear(2, 1))
    real, latent = torch.randn(12, 2, generator=draw), torch.randn(12, 2, generator=draw)
    field = gan_field(g, d, losses.nonsaturating(penalties=penalties), real, latent, **options)
    return field, get_state(g, d, dtype=torch.float64)


def parts_of(matrix, where_g, where_d):
    """Every part of a dense Jacobian."""
    return {
        "J": matrix,
        "S": (matrix + matrix.T) / 2,
        "A": (matrix - matrix.T) / 2,
        "generator": matrix[where_g, where_g],
        "discriminator": matrix[where_d, where_d],
        "generator hessian": -matrix[where_g, where_g],
        "discriminator hessian": -matrix[where_d, where_d],
        "generator to discriminator": matrix[where_d, where_g],
        "discriminator to generator": matrix[where_g, where_d],
    }


PENALTIES = {
    "none": (),
    "r1": (losses.r1(0.7),),
    "r2": (losses.r2(0.7),),
    "gp": (losses.gradient_penalty(0.5),),
}


@pytest.mark.parametrize("penalty", PENALTIES)
@pytest.mark.parametrize("options", [{}, {"micro_batch": 5}, {"micro_batch": 4, "held": 1}], ids=str)
def test_every_part_of_a_networks_jacobian_equals_the_dense_one(penalty, options):
    system, x = small_gan(PENALTIES[penalty], **options)
    whole, _ = small_gan(PENALTIES[penalty])
    matrix = whole.jac(x).numpy()
    assert np.abs(matrix).max() > 0.1
    where = [system.layout.player_slice(player) for player in ("generator", "discriminator")]
    for part, expected in parts_of(matrix, *where).items():
        with jacobian_operator(system, x, part) as operator:
            np.testing.assert_allclose(operator.dense().numpy(), expected, rtol=0, atol=1e-12)
            np.testing.assert_allclose(operator.T.dense().numpy(), expected.T, rtol=0, atol=1e-12)


def test_micro_batches_keep_the_contract_and_the_velocity():
    system, x = small_gan(micro_batch=5)
    check_field(system, x)
    whole, _ = small_gan()
    np.testing.assert_allclose(system(x).numpy(), whole(x).numpy(), rtol=1e-12, atol=1e-15)
    u = torch.ones_like(x)
    np.testing.assert_allclose(system.second(x, u, x), whole.second(x, u, x), rtol=1e-10, atol=1e-14)


def test_a_loss_that_is_no_mean_over_samples_is_refused_in_micro_batches():
    g, d = nn.Linear(2, 2), nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.Linear(3, 1))
    data = torch.randn(8, 2, generator=torch.Generator().manual_seed(0))
    with pytest.raises(ValueError, match="leave micro_batch out"):
        gan_field(g, d, losses.nonsaturating(), data, data, batch_norm="batch", micro_batch=3)
    with pytest.raises(ValueError, match="positive number"):
        gan_field(g, d.eval(), losses.nonsaturating(), data, data, micro_batch=0)
    with pytest.raises(ValueError, match="do not split"):
        gan_field(g, d.eval(), losses.nonsaturating(), data, data[:6], micro_batch=3)


@pytest.mark.parametrize("mode", ["dropout", "reestimate"])
def test_a_players_block_where_its_own_loss_alone_would_not_do(mode):
    noisy = nn.Dropout(0.4) if mode == "dropout" else nn.BatchNorm1d(3, dtype=torch.float64)
    g, d = nn.Linear(2, 2), nn.Sequential(nn.Linear(2, 3), noisy, nn.Tanh(), nn.Linear(3, 1))
    data = torch.randn(8, 2, generator=torch.Generator().manual_seed(0))
    options = {"dropout": "seeded"} if mode == "dropout" else {"batch_norm": "reestimate"}
    system = gan_field(g, d, losses.nonsaturating(), data, data + 1, **options)
    x = get_state(g, d, dtype=torch.float64)
    where = system.layout.player_slice("generator")
    expected = system.jac(x)[where, where].numpy()
    found = jacobian_operator(system, x, "generator").dense().numpy()
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-13)


def test_a_closed_linearisation_says_so():
    system, x = small_gan()
    with jacobian_operator(system, x) as operator:
        operator @ x
    with pytest.raises(ValueError, match="closed"):
        operator @ x


def test_a_map_of_training_has_its_operator():
    g, d = nn.Linear(2, 2), nn.Linear(2, 1)
    data = torch.randn(16, 2, generator=torch.Generator().manual_seed(0))
    system, x = training_map(g, d, losses.nonsaturating(), data, latent=2, recipe=Recipe(batch_size=8))
    x = x + 0.1
    matrix = system.jac(x, 3).numpy()
    with jacobian_operator(system, x, t=3) as operator:
        np.testing.assert_allclose(operator.dense().numpy(), matrix, rtol=0, atol=1e-9 * np.abs(matrix).max())


@pytest.mark.parametrize("namespace", NAMESPACES)
def test_operators_in_every_namespace_as_scipy_and_by_hand(namespace):
    matrix = np.random.default_rng(0).standard_normal((30, 30))
    layout = Layout.scalars([f"g{i}" for i in range(12)], [f"d{i}" for i in range(18)])
    x = NAMESPACES[namespace](np.zeros(30))
    system = linear_flow(matrix, layout=layout)
    for part, expected in parts_of(matrix, slice(0, 12), slice(12, 30)).items():
        scipys = jacobian_operator(system, x, part).to_scipy()
        rows, columns = expected.shape
        np.testing.assert_allclose(scipys @ np.eye(columns), expected, atol=1e-13)
        np.testing.assert_allclose(scipys.rmatvec(np.ones(rows)), expected.sum(axis=0), atol=1e-13)
        np.testing.assert_allclose(
            scipys.matvec(np.ones((columns, 1)))[:, 0], expected.sum(axis=1), atol=1e-13
        )
    symmetric = jacobian_operator(system, x, "S")
    largest = eigsh(symmetric.to_scipy(), 1, which="LA", return_eigenvectors=False)
    assert largest == pytest.approx(np.linalg.eigvalsh((matrix + matrix.T) / 2)[-1:], abs=1e-10)


def test_operators_add_scale_and_transpose():
    matrix = np.random.default_rng(1).standard_normal((3, 3))
    system = linear_flow(matrix)
    J, S, A = (jacobian_operator(system, np.zeros(3), part) for part in ("J", "S", "A"))
    np.testing.assert_allclose((S + A).dense(), matrix, atol=1e-14)
    np.testing.assert_allclose((2 * J - S).T.dense(), 2 * matrix.T - S.dense(), atol=1e-14)
    assert (S + S).symmetry == 1
    assert (S + A).symmetry == 0
    assert (S.symmetry, A.symmetry) == (1, -1)
    assert "shape=(3, 3)" in repr(J)


def test_wrong_requests_say_what_to_type():
    system = linear_flow(np.eye(2))
    with pytest.raises(ValueError, match="part must be one of"):
        jacobian_operator(system, np.zeros(2), "H")
    with pytest.raises(ValueError, match="must own one stretch"):
        jacobian_operator(system, np.zeros(2), "generator")
    operator = jacobian_operator(system, np.zeros(2))
    with pytest.raises(ValueError, match="expected vectors"):
        operator(np.zeros(3))
    with pytest.raises(ValueError, match="matmat"):
        operator.matvec(np.zeros((2, 2)))
    with pytest.raises(ValueError, match="one shape"):
        operator + Operator((1, 1), lambda u: u, lambda u: u, np.zeros(1))


def test_a_torch_field_with_its_own_products_has_an_operator():
    system, x = torch_game(3, 4, 3)
    matrix = system.jac(x).numpy()
    np.testing.assert_allclose(jacobian_operator(system, x, "S").dense(), (matrix + matrix.T) / 2, atol=1e-12)


def test_what_was_derived_counts_as_derived_where_it_is_handed_on():
    field = VectorField(lambda x, t: -x, plain_layout(2), jvp=lambda x, u, t: -u)
    assert field.given == {"jvp"}
    assert replace(field, label="another").given == {"jvp"}
    assert VectorField(field.fn, field.layout, field.jac, field.jvp, field.vjp).given == {"jvp"}
