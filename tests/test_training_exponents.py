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


def test_five_exponents_take_five_products_a_step_and_nothing_beside(monkeypatch):
    from gandyn.nets.maps import TrainingStep

    calls, plain = [], TrainingStep.__call__
    monkeypatch.setattr(
        TrainingStep, "__call__", lambda self, *a, **options: calls.append(a[1]) or plain(self, *a, **options)
    )
    measured(RECIPES["sgd, simultaneous"], method="tangent", copies=5, steps=4)
    assert calls == [k for k in range(4) for _ in range(5)]


def test_tangents_of_any_system_are_its_value_and_products():
    from problems import linear_map

    matrix = np.array([[0.5, 1.0], [0.0, 2.0]])
    value, products = linear_map(matrix).tangents(np.ones(2), np.eye(2), 0)
    np.testing.assert_array_equal(value, matrix @ np.ones(2))
    np.testing.assert_array_equal(products, matrix.T)


def measured(recipe, game=None, **options):
    steps = options.pop("steps", 12)
    return nets.ensemble(
        *(game or small_game()),
        latent=2,
        steps=steps,
        recipe=recipe,
        progress=False,
        **{"copies": 3, **options},
    )


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
def test_mapped_copies_equal_copies_one_by_one(recipe):
    mapped, looped = (measured(recipe, method=method, window=4) for method in ("vmap", "loop"))
    np.testing.assert_allclose(mapped.x, looped.x, rtol=0, atol=1e-13)
    np.testing.assert_allclose(mapped.growth, looped.growth, rtol=0, atol=1e-7)
    np.testing.assert_allclose(mapped.losses[1:], looped.losses[1:], rtol=1e-12)


@pytest.mark.parametrize(
    "chosen", [losses.saturating(penalties=[losses.r1(1.0)]), losses.wasserstein(), losses.hinge()]
)
def test_penalties_and_dropout_are_the_same_in_mapped_copies(chosen):
    generator, discriminator, _, data = small_game()
    discriminator = nn.Sequential(discriminator[:2], nn.Dropout(0.3), discriminator[2])
    game = (generator, discriminator, chosen, data)
    mapped, looped = (measured(RECIPES["adam, alternating"], game, method=m) for m in ("vmap", "loop"))
    np.testing.assert_allclose(mapped.x, looped.x, rtol=0, atol=1e-12)
    np.testing.assert_allclose(mapped.distances, looped.distances, rtol=1e-6)


def test_the_reference_is_the_training_itself():
    found = measured(RECIPES["adam, alternating"], method="loop")
    step, x = nets.training_map(*small_game(), latent=2, recipe=RECIPES["adam, alternating"])
    for k in range(12):
        x = step(x, k)
    assert np.array_equal(found.x, x.numpy())


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
def test_copies_approach_tangents_in_proportion_to_their_size(recipe):
    options = {"window": 3, "rescale": "orthogonal", "copies": 2}
    exact = measured(recipe, method="tangent", **options).growth
    sizes = np.array([1e-3, 1e-4, 1e-5])
    errors = [np.abs(measured(recipe, size=size, **options).growth - exact).max() for size in sizes]
    slope = np.polyfit(np.log(sizes), np.log(errors), 1)[0]
    assert slope == pytest.approx(1.0, abs=0.1), errors


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
def test_tangents_equal_the_dense_product_of_jacobians(recipe):
    found = measured(recipe, method="tangent", window=1, copies=4)
    step, x = nets.training_map(*small_game(), latent=2, recipe=recipe)
    draws = torch.Generator().manual_seed(0)
    count = nets.get_state(*small_game()[:2]).numel()
    start = np.zeros((x.numel(), 4))
    start[:count] = torch.randn(4, count, generator=draws, dtype=torch.float64).numpy().T
    q = np.linalg.qr(start)[0]
    for k in range(12):
        q, r = np.linalg.qr(step.jac(x, k).numpy() @ q)
        np.testing.assert_allclose(found.growth[k], np.log(np.abs(np.diag(r))), rtol=0, atol=1e-10)
        x = step(x, k)


def test_tangents_agree_with_the_exponents_of_the_training_map():
    """The leading exponents of Adam with its memory, alternating, by both matrix-free ways."""
    from gandyn.lyapunov import lyapunov_spectrum

    recipe = RECIPES["adam, alternating"]
    step, x = nets.training_map(*small_game(), latent=2, recipe=recipe)
    for k in range(5):
        x = step(x, k)
    found = lyapunov_spectrum(step, x, n_steps=10, k=3, warmup=0, t0=5, qr_every=1, progress=False)
    first = torch.from_numpy(np.random.default_rng(0).normal(size=(x.numel(), 3)).T)  # its first tangents
    ours = measured(recipe, method="tangent", transient=5, steps=10, window=1, directions=first)
    np.testing.assert_allclose(ours.exponents, found.exponents, rtol=1e-8)


@pytest.mark.parametrize("method", ["vmap", "tangent"])
def test_a_killed_measurement_resumes_to_the_bit(tmp_path, monkeypatch, method):
    from gandyn.nets import cluster

    options = {"method": method, "steps": 20, "window": 4, "record_every": 2, "transient": 3}
    recipe = RECIPES["adam, alternating"]
    whole = measured(recipe, **options)
    keep, kept = cluster._Cluster._keep, []

    def interrupted(self, folder):
        keep(self, folder)
        kept.append(self.k)
        if self.k == 11:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(cluster._Cluster, "_keep", interrupted)
        partial = measured(recipe, folder=tmp_path / "run", **options)
    assert (partial.status, kept, len(partial.growth)) == ("interrupted", [3, 7, 11], 2)
    resumed = measured(recipe, folder=tmp_path / "run", **options)
    again = measured(recipe, folder=tmp_path / "run", **options)
    for found in (resumed, again):
        for name in ("steps", "distances", "losses", "starts", "growth", "shares", "directions", "x"):
            np.testing.assert_array_equal(getattr(found, name), getattr(whole, name), err_msg=name)
        np.testing.assert_array_equal(found.motion.sketches, whole.motion.sketches)
    with pytest.raises(nets.RunError, match="other settings"):
        measured(recipe, folder=tmp_path / "run", **{**options, "size": 1e-5})


def test_free_copies_saturate_and_directions_are_chosen():
    recipe = RECIPES["sgd, simultaneous"]
    free = measured(recipe, rescale="free", window=4, directions="generator")
    np.testing.assert_allclose(free.distances[0, :, 3], 0, atol=0)
    np.testing.assert_allclose(free.distances[0, :, 0], free.size, rtol=1e-8)
    total = np.log(free.distances[-1, :, 0] / free.distances[0, :, 0])
    np.testing.assert_allclose(free.growth.sum(0), total, rtol=1e-10)
    np.testing.assert_allclose(free.shares.sum(1), 1, rtol=1e-12)


def test_bad_input_is_refused_before_work():
    recipe = RECIPES["sgd, simultaneous"]
    wrong = [
        ({"steps": 0}, "steps must be positive"),
        ({"copies": 0}, "copies must be positive"),
        ({"size": -1.0}, "size must be positive"),
        ({"transient": -1}, "transient must not be negative"),
        ({"method": "fast"}, "method"),
        ({"rescale": "often"}, "rescale"),
        ({"copies": 500}, "take fewer copies"),
    ]
    for options, message in wrong:
        with pytest.raises(ValueError, match=message):
            measured(recipe, **options)
    with pytest.raises(ValueError, match="directions must have shape"):
        measured(recipe, directions=torch.ones(2, 3))


def test_an_ensemble_is_saved_and_loaded(tmp_path):
    import gandyn

    found = measured(RECIPES["sgd, simultaneous"])
    gandyn.save(found, tmp_path / "found")
    loaded = gandyn.load(tmp_path / "found")
    np.testing.assert_array_equal(loaded.growth, found.growth)
    assert str(loaded) == str(found)
