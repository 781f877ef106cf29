"""Training by a scheme: the map on minibatches, its derivatives, and runs that resume to the bit."""

import numpy as np
import pytest
import torch
from test_training import tiny_data, tiny_pair

from gandyn import check_field, schemes, spectrum
from gandyn.nets import SGD, Adam, Recipe, get_state, losses, train, training_map

SCHEMES = {
    "simultaneous": lambda field: schemes.simultaneous(field, 0.1),
    "alternating": lambda field: schemes.alternating(field, 0.1),
    "extragradient": lambda field: schemes.extragradient(field, 0.1),
    "extrapolation from the past": lambda field: schemes.extrapolation_from_the_past(field, 0.1),
    "optimistic": lambda field: schemes.optimistic(field, 0.1),
    "heavy ball": lambda field: schemes.heavy_ball(field, 0.1, -0.3),
    "nesterov": lambda field: schemes.nesterov(field, 0.1, 0.5),
    "adam": lambda field: schemes.adam(field, 0.01),
    "rmsprop": lambda field: schemes.rmsprop(field, 0.01),
    "rk2": lambda field: schemes.rk2(field, 0.1),
    "rk4": lambda field: schemes.rk4(field, 0.1),
    "proximal_point": lambda field: schemes.proximal_point(field, 0.1),
    "cgd": lambda field: schemes.cgd(field, 0.1, schemes.Solver("krylov")),
    "lcgd": lambda field: schemes.lcgd(field, 0.1),
    "lookahead": lambda field: schemes.lookahead(field, 0.1),
    "lola": lambda field: schemes.lola(field, 0.1, 0.3),
    "sos": lambda field: schemes.sos(field, 0.1, 0.3),
    "unrolled": lambda field: schemes.unrolled(field, 0.1, 2),
    "lookahead_minimax": lambda field: schemes.lookahead_minimax(schemes.simultaneous(field, 0.1), 3),
    "averaged": lambda field: schemes.averaged(schemes.simultaneous(field, 0.1)),
    "scheduled": lambda field: schemes.scheduled(schemes.simultaneous(field, 0.1), lambda k: 1 / (1 + k)),
    "clipped_gradient": lambda field: schemes.clipped_gradient(schemes.simultaneous(field, 0.1), 0.1),
    "clipped_weights": lambda field: schemes.clipped_weights(schemes.simultaneous(field, 0.1), 0.3),
    "noisy": lambda field: schemes.noisy(schemes.simultaneous(field, 0.1), 0.1, seed=2),
}


def test_every_scheme_of_the_catalogue_trains():
    assert set(schemes.CATALOGUE) <= {name.replace(" ", "_") for name in SCHEMES}


BATCHES = Recipe(batch_size=8, seed=4)


def made(scheme, **settings):
    return training_map(
        *tiny_pair(), losses.nonsaturating(), tiny_data(), latent=2, recipe=BATCHES, scheme=scheme, **settings
    )


def trained(folder, scheme, steps=7, **settings):
    pair = tiny_pair()
    data = tiny_data()
    return train(
        *pair, losses.nonsaturating(), data, folder, steps=steps, latent=2, recipe=BATCHES, scheme=scheme,
        progress=False, **settings,
    )  # fmt: skip


def state_of(run):
    checkpoint = run.checkpoint()
    parts = [*checkpoint.generator.values(), *checkpoint.discriminator.values()]
    return torch.cat([part.ravel() for part in (*parts, *checkpoint.optimizer.values())])


@pytest.mark.parametrize("name", SCHEMES)
def test_a_run_taken_up_again_has_the_bits_of_an_uninterrupted_one(name, tmp_path):
    whole = trained(tmp_path / "whole", SCHEMES[name], steps=9, checkpoint_every=4)
    part = trained(tmp_path / "part", SCHEMES[name], steps=4, checkpoint_every=4)
    again = trained(tmp_path / "part", SCHEMES[name], steps=9, checkpoint_every=4, resume=True)
    assert part.folder == again.folder
    assert torch.equal(state_of(whole), state_of(again))
    for column, values in whole.history.items():
        np.testing.assert_array_equal(values, again.history[column])


@pytest.mark.parametrize("name", ["simultaneous", "extragradient", "adam"])
def test_training_iterates_the_map_to_the_bit(name, tmp_path):
    step, x = made(SCHEMES[name])
    for k in range(5):
        x = step(x, k)
    pair = tiny_pair()
    trained(tmp_path / "run", SCHEMES[name], steps=5).restore(*pair)
    parameters = get_state(*pair)
    assert torch.equal(parameters, x[: len(parameters)])


@pytest.mark.parametrize("name", SCHEMES)
def test_the_map_keeps_its_contract(name):
    step, x = made(SCHEMES[name])
    for k in range(3):
        x = step(x, k)
    # clipped weights lie on the kink of their projection
    check_field(step, x, t=5, smooth=name not in ("adam", "rmsprop", "clipped_weights"))


def test_simultaneous_schemes_are_the_recipes_of_the_same_rules():
    for scheme, rule in ((SCHEMES["simultaneous"], SGD(0.1)), (SCHEMES["adam"], Adam(0.01))):
        recipe = Recipe(optimizers=(rule, rule), order="simultaneous", batch_size=8, seed=4)
        step, x = made(scheme)
        other, y = training_map(*tiny_pair(), losses.nonsaturating(), tiny_data(), latent=2, recipe=recipe)
        n = get_state(*tiny_pair()).numel()
        for k in range(6):
            x, y = step(x, k), other(y, k)
        torch.testing.assert_close(x[:n], y[:n], rtol=1e-12, atol=1e-14)


def test_every_evaluation_of_a_step_sees_the_same_minibatch():
    step, x = made(SCHEMES["extragradient"])
    plain, _ = made(SCHEMES["simultaneous"])
    for k in (0, 3):
        middle = plain(x, k)
        torch.testing.assert_close(step(x, k), x + (plain(middle, k) - middle), rtol=1e-12, atol=1e-14)
        assert not torch.allclose(plain(x, k), plain(x, k + 1))


def test_history_holds_the_losses_at_the_start_of_each_step(tmp_path):
    run = trained(tmp_path / "run", SCHEMES["extragradient"], steps=3)
    plain = trained(tmp_path / "plain", SCHEMES["simultaneous"], steps=3)
    assert run.history["loss_generator"][0] == plain.history["loss_generator"][0]
    assert run.history["loss_generator"][2] != plain.history["loss_generator"][2]
    assert "extragradient" in run.settings["recipe"]["scheme"]
    assert run.settings["recipe"]["constants"] == {"h": 0.1}


def test_the_spectrum_of_an_adam_map_of_networks_with_its_memory():
    step, x = made(lambda field: schemes.adam(field, 0.01, beta1=0.5, beta2=0.9))
    for k in range(3):
        x = step(x, k)
    dense = np.linalg.eigvals(step.jac(x, 3).numpy())
    leading = spectrum(step, x, k=4, t=3).eigenvalues
    expected = dense[np.argsort(-np.abs(dense))][: len(leading)]
    np.testing.assert_allclose(np.sort(np.abs(leading)), np.sort(np.abs(expected)), rtol=1e-8)
    assert len(x) == 3 * get_state(*tiny_pair()).numel()


def test_what_is_no_scheme_is_refused_before_a_folder_is_made(tmp_path):
    with pytest.raises(TypeError, match="scheme must return an UpdateMap, got VectorField"):
        trained(tmp_path / "run", lambda field: field)
    with pytest.raises(ValueError, match="give it without optimizers"):
        train(
            *tiny_pair(), losses.nonsaturating(), tiny_data(), tmp_path / "run", steps=3, latent=2,
            recipe=Recipe(optimizers=(SGD(), SGD()), batch_size=8), scheme=SCHEMES["simultaneous"],
        )  # fmt: skip
    assert not (tmp_path / "run").exists()
    trained(tmp_path / "run", SCHEMES["simultaneous"])
    with pytest.raises(Exception, match="other settings: recipe"):
        trained(tmp_path / "run", SCHEMES["extragradient"], resume=True)
