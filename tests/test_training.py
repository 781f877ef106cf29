"""Training as a map, and run folders: against hand-written loops, kills, interrupts and damage."""

import copy
import json
import os
import signal
import subprocess
import sys
import textwrap
import time

import numpy as np
import pytest
import torch
from torch import nn

from gandyn import check_field
from gandyn.nets import (
    SGD,
    Adam,
    Losses,
    Recipe,
    RMSProp,
    Run,
    RunError,
    datasets,
    get_state,
    losses,
    models,
    normal_prior,
    train,
    training_map,
    uniform_prior,
)
from gandyn.nets.maps import MinibatchStream, seeded_draws
from gandyn.nets.optimizers import by_name

ORDERS = ["simultaneous", "generator first", "discriminator first"]
OPTIMIZERS = {
    "sgd": (SGD(0.1), lambda p: torch.optim.SGD(p, 0.1)),
    "adam": (Adam(0.01), lambda p: torch.optim.Adam(p, 0.01, betas=(0.5, 0.999))),
    "rmsprop": (RMSProp(0.01), lambda p: torch.optim.RMSprop(p, 0.01)),
}


def tiny_pair(seed=0, dtype=torch.float64):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        generator = nn.Sequential(nn.Linear(2, 6), nn.Tanh(), nn.Linear(6, 2))
        discriminator = nn.Sequential(nn.Linear(2, 6), nn.Softplus(), nn.Linear(6, 1))
    return generator.to(dtype), discriminator.to(dtype)


def tiny_data(count=40, dtype=torch.float64):
    return torch.randn(count, 2, generator=torch.Generator().manual_seed(3), dtype=dtype)


def hand_written(generator, discriminator, chosen, batch_of, recipe, make, steps):
    """The loop as a user writes it, with torch's own optimisers."""
    opt_g, opt_d = make(list(generator.parameters())), make(list(discriminator.parameters()))

    def step_d(batch):
        opt_d.zero_grad()
        loss = chosen.discriminator(
            discriminator(*batch.real), discriminator(generator(*batch.latent).detach())
        )
        loss.backward()
        opt_d.step()
        if recipe.clip is not None:
            with torch.no_grad():
                for parameter in discriminator.parameters():
                    parameter.clamp_(-recipe.clip, recipe.clip)

    def step_g(batch):
        opt_g.zero_grad()
        chosen.generator(discriminator(generator(*batch.latent))).backward()
        opt_g.step()

    for k in range(steps):
        n = recipe.critic_steps
        batches = [batch_of(k * n + j) for j in range(n)]
        if recipe.order == "simultaneous":
            before = copy.deepcopy(discriminator)
            step_d(batches[0])
            after = copy.deepcopy(discriminator.state_dict())
            discriminator.load_state_dict(before.state_dict())
            step_g(batches[0])
            discriminator.load_state_dict(after)
        elif recipe.order == "generator first":
            step_g(batches[0])
            for batch in batches:
                step_d(batch)
        else:
            for batch in batches:
                step_d(batch)
            step_g(batches[-1])
    return get_state(generator, discriminator)


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize(("critic_steps", "clip"), [(1, None), (3, 0.2)])
def test_map_equals_a_hand_written_loop(name, order, critic_steps, clip):
    if order == "simultaneous" and critic_steps > 1:
        critic_steps = 1
    rule, make = OPTIMIZERS[name]
    recipe = Recipe((rule, rule), batch_size=8, order=order, critic_steps=critic_steps, clip=clip, seed=7)
    generator, discriminator = tiny_pair()
    chosen = losses.nonsaturating()
    update, x = training_map(generator, discriminator, chosen, tiny_data(), latent=2, recipe=recipe)
    stream = MinibatchStream((tiny_data(),), 8, normal_prior(2), 7)
    expected = hand_written(generator, discriminator, chosen, stream, recipe, make, 7)
    for k in range(7):
        x = update(x, k)
    torch.testing.assert_close(x[: len(expected)], expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("order", ORDERS)
def test_map_keeps_its_contract(name, order):
    recipe = Recipe(
        (OPTIMIZERS[name][0],) * 2, batch_size=8, order=order, critic_steps=1 + (order != ORDERS[0])
    )
    penalties = [losses.r1(1.0), losses.gradient_penalty(0.5)]
    update, x = training_map(
        *tiny_pair(), losses.saturating(penalties=penalties), tiny_data(), latent=2, recipe=recipe
    )
    for k in range(3):
        x = update(x, k)
    check_field(update, x, t=3)
    assert {block.player for block in update.layout.blocks} >= {"generator", "discriminator"}
    assert sum(b.player == "memory" for b in update.layout.blocks) == 2 * len(OPTIMIZERS[name][0].memory)


def test_clipped_parameters_have_no_derivative():
    recipe = Recipe((SGD(0.1), SGD(0.1)), batch_size=8, clip=1e-3)
    update, x = training_map(*tiny_pair(), losses.wasserstein(), tiny_data(), latent=2, recipe=recipe)
    rows = update.jac(x)[update.layout.mask("discriminator")]
    clipped = update(x)[update.layout.mask("discriminator")].abs() == 1e-3
    assert clipped.any()
    assert (rows[clipped] == 0).all()


def test_adam_of_a_dead_unit_has_a_finite_jacobian():
    generator, discriminator = tiny_pair()
    discriminator[2].weight.data[:, 0] = 0.0
    discriminator[0].weight.data[0] = 0.0
    dead = nn.Sequential(nn.Linear(2, 6), nn.ReLU(), nn.Linear(6, 1)).double()
    dead[0].bias.data[:] = -100.0
    update, x = training_map(
        generator, dead, losses.saturating(), tiny_data(), latent=2, recipe=Recipe(batch_size=8)
    )
    assert torch.isfinite(update.jac(x)).all()
    assert torch.isfinite(update.jvp(x, torch.ones_like(x))).all()


def test_simultaneous_descent_is_one_step_of_the_field():
    from gandyn.nets import gan_field

    recipe = Recipe((SGD(0.3), SGD(0.3)), batch_size=8, order="simultaneous")
    pair = tiny_pair()
    update, x = training_map(*pair, losses.saturating(), tiny_data(), latent=2, recipe=recipe)
    batch = MinibatchStream((tiny_data(),), 8, normal_prior(2), 0)(5)
    field = gan_field(*pair, losses.saturating(), batch.real, batch.latent)
    torch.testing.assert_close(update(x, 5), x + 0.3 * field(x), rtol=1e-13, atol=1e-15)
    torch.testing.assert_close(
        update.jac(x, 5), torch.eye(len(x), dtype=x.dtype) + 0.3 * field.jac(x), rtol=1e-12, atol=1e-13
    )
    assert update.dt == 0.3


def test_stream_shuffles_anew_each_epoch_and_is_a_function_of_seed_and_index():
    data = torch.arange(10.0)[:, None]
    stream = MinibatchStream((data,), 3, normal_prior(2), 1)
    epochs = [torch.cat([stream(3 * e + i).real[0] for i in range(3)]).flatten() for e in range(2)]
    assert all(len(set(epoch.tolist())) == 9 for epoch in epochs)
    assert not torch.equal(*epochs)
    other = MinibatchStream((data,), 3, normal_prior(2), 1)
    for index in (4, 0, 5):
        assert torch.equal(stream(index).real[0], other(index).real[0])
        assert torch.equal(stream(index).latent[0], other(index).latent[0])
    assert not torch.equal(stream(0).latent[0], stream(1).latent[0])


def test_priors():
    draws = uniform_prior(3)(1000, seeded_draws(1, 2))
    assert draws.shape == (1000, 3)
    assert float(draws.min()) >= -1
    assert 0.95 < float(draws.max()) <= 1
    assert torch.equal(draws, uniform_prior(3)(1000, seeded_draws(1, 2)))


def awkward_pair():
    """Batch norm, dropout, spectral norm and tied weights: all that training carries besides parameters."""
    with torch.random.fork_rng():
        torch.manual_seed(1)
        generator = nn.Sequential(
            nn.Linear(2, 6), nn.BatchNorm1d(6), nn.ReLU(), nn.Linear(6, 6), nn.Linear(6, 2)
        )
        discriminator = nn.Sequential(
            nn.utils.parametrizations.spectral_norm(nn.Linear(2, 6)),
            nn.LeakyReLU(),
            nn.Dropout(0.5),
            nn.Linear(6, 1),
        )
    generator[4].weight = nn.Parameter(generator[4].weight.detach().clone())
    return generator, discriminator


def contents(folder):
    """All bytes of history and checkpoints of a run."""
    paths = sorted((folder / "checkpoints").rglob("*.safetensors"))
    files = {str(path.relative_to(folder)): path.read_bytes() for path in paths}
    return {**files, "history.csv": (folder / "history.csv").read_bytes()}


@pytest.mark.parametrize("order", ORDERS)
def test_training_iterates_the_map_to_the_bit(tmp_path, order):
    generator, discriminator = tiny_pair(dtype=torch.float32)
    data = tiny_data(dtype=torch.float32)
    recipe = Recipe(batch_size=8, order=order, seed=2)
    run = train(
        generator, discriminator, losses.hinge(), data, tmp_path / "run", steps=6, latent=2, recipe=recipe
    )
    update, x = training_map(
        generator, discriminator, losses.hinge(), data, latent=2, recipe=recipe, dtype=torch.float32
    )
    for k in range(6):
        x = update(x, k)
    n = get_state(generator, discriminator).shape[0]
    assert torch.equal(run.state(generator, discriminator, None, torch.float32), x[:n])
    memory = torch.cat(
        [run.checkpoint().optimizer[b.name] for b in update.layout.blocks if b.player == "memory"]
    )
    assert torch.equal(memory, x[n:])


@pytest.mark.parametrize("rule", [SGD(0.01), RMSProp(), Adam()], ids=repr)
def test_a_run_taken_up_again_has_the_bits_of_an_uninterrupted_one(tmp_path, rule):
    arguments = {
        "steps": 12,
        "latent": 2,
        "checkpoint_every": 4,
        "recipe": Recipe((rule, rule), batch_size=8),
    }
    data = tiny_data(dtype=torch.float32)
    pair = awkward_pair()
    before = [value.clone() for module in pair for value in module.state_dict().values()]
    train(*pair, losses.hinge(), data, tmp_path / "whole", **arguments)
    train(*pair, losses.hinge(), data, tmp_path / "parts", **{**arguments, "steps": 8})
    after = [value for module in pair for value in module.state_dict().values()]
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))
    other = awkward_pair()
    nn.init.zeros_(other[0][0].weight)  # what counts is the checkpoint, not the modules' present weights
    run = train(*other, losses.hinge(), data, tmp_path / "parts", **arguments, resume=True)
    assert contents(tmp_path / "parts") == contents(tmp_path / "whole")
    assert run.status["status"] == "finished"
    run.restore(*other)
    assert int(other[0][1].num_batches_tracked) == 2 * 0 + 12
    assert float(other[0][1].running_var.std()) > 0


SCRIPT = """
import sys, torch
sys.path.insert(0, {tests!r})
from test_training import awkward_pair, tiny_data
from gandyn.nets import Recipe, losses, train
train(*awkward_pair(), losses.hinge(), tiny_data(dtype=torch.float32), sys.argv[1], steps=400, latent=2,
      checkpoint_every=5, recipe=Recipe(batch_size=8), resume=sys.argv[2] == "resume")
"""


def start(folder, mode):
    script = textwrap.dedent(SCRIPT).format(tests=os.path.dirname(__file__))
    return subprocess.Popen(
        [sys.executable, "-c", script, str(folder), mode], stderr=subprocess.PIPE, text=True
    )


def wait_for(path, process):
    while not path.exists():
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.005)


def test_killed_at_any_moment_it_resumes_to_the_same_bits(tmp_path):
    data = tiny_data(dtype=torch.float32)
    whole = train(
        *awkward_pair(),
        losses.hinge(),
        data,
        tmp_path / "whole",
        steps=400,
        latent=2,
        checkpoint_every=5,
        recipe=Recipe(batch_size=8),
    )
    folder, rng = tmp_path / "killed", np.random.default_rng(0)
    process = start(folder, "new")
    wait_for(folder / "settings.json", process)
    for attempt in range(3):
        checkpoints = folder / "checkpoints"
        reached = len(list(checkpoints.iterdir()))
        while process.poll() is None and len(list(checkpoints.iterdir())) < reached + 6:
            time.sleep(0.001)
        time.sleep(rng.uniform(0, 0.05))
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stderr.close()
        process = start(folder, "resume")
        if attempt < 2:
            status = folder / "status.json"
            assert json.loads(status.read_text())["status"] in ("running", "finished")
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    assert contents(folder) == contents(whole.folder)
    assert not [path for path in (folder / "checkpoints").iterdir() if not path.name.isdigit()]


def test_interrupt_saves_and_says_how_to_go_on(tmp_path):
    folder = tmp_path / "run"
    process = start(folder, "new")
    wait_for(folder / "checkpoints" / "00000010", process)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=120)
    run = Run(folder)
    assert "resume=True" in errors
    assert run.status["status"] == "interrupted"
    assert run.status["step"] == run.steps[-1] == len(run.history["step"])


def test_divergence_stops_with_the_step_and_the_last_good_checkpoint(tmp_path):
    recipe = Recipe((SGD(1e3), SGD(1e3)), batch_size=8)
    run = train(
        *tiny_pair(),
        losses.wasserstein(),
        tiny_data(),
        tmp_path / "run",
        steps=200,
        latent=2,
        checkpoint_every=1,
        recipe=recipe,
    )
    assert run.status["status"] == "diverged"
    assert run.status["message"].startswith(f"step {run.status['step']}: loss_")
    assert all(torch.isfinite(value).all() for value in run.checkpoint().generator.values())
    assert len(run.history["step"]) == run.status["step"]
    assert np.isfinite(run.history["loss_discriminator"]).all()


def test_nan_loss_is_divergence_too(tmp_path):
    own = Losses(lambda fake: fake.mean() * float("nan"), lambda real, fake: fake.mean() - real.mean())
    run = train(
        *tiny_pair(), own, tiny_data(), tmp_path / "run", steps=5, latent=2, recipe=Recipe(batch_size=8)
    )
    assert run.status["status"] == "diverged"
    assert "step 0: loss_generator is nan" in run.status["message"]
    assert run.steps == [0]


def test_history_holds_what_it_says(tmp_path):
    pair = tiny_pair()
    recipe = Recipe((SGD(0.1), SGD(0.1)), batch_size=8, order="simultaneous")
    run = train(*pair, losses.saturating(), tiny_data(), tmp_path / "run", steps=1, latent=2, recipe=recipe)
    batch = MinibatchStream((tiny_data(),), 8, normal_prior(2), 0)(0)
    generator, discriminator = pair
    on_real, on_fake = discriminator(*batch.real), discriminator(generator(*batch.latent))
    chosen = losses.saturating()
    by_d = torch.autograd.grad(chosen.discriminator(on_real, on_fake), discriminator[0].weight)[0]
    history = {name: float(column[0]) for name, column in run.history.items()}
    assert history["loss_generator"] == pytest.approx(float(chosen.generator(on_fake).detach()), rel=1e-12)
    assert history["accuracy_real"] == float((on_real > 0).double().mean())
    assert history["accuracy_fake"] == float((on_fake < 0).double().mean())
    assert history["gradient/discriminator.0.weight"] == pytest.approx(float(by_d.norm()), rel=1e-12)


def test_accuracy_only_where_the_loss_has_a_threshold(tmp_path):
    run = train(
        *tiny_pair(),
        losses.wasserstein(),
        tiny_data(),
        tmp_path / "run",
        steps=2,
        latent=2,
        recipe=Recipe(batch_size=8),
    )
    assert np.isnan(run.history["accuracy_real"]).all()


@pytest.fixture
def finished(tmp_path):
    arguments = {"steps": 4, "latent": 2, "checkpoint_every": 2, "recipe": Recipe(batch_size=8)}
    return train(*tiny_pair(), losses.hinge(), tiny_data(), tmp_path / "run", **arguments), arguments


def test_a_folder_in_use_is_not_overwritten(finished, tmp_path):
    run, arguments = finished
    before = contents(run.folder)
    with pytest.raises(RunError, match=r"holds a run; pass resume=True \(or --resume\)"):
        train(*tiny_pair(), losses.hinge(), tiny_data(), run.folder, **arguments)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("...")
    with pytest.raises(RunError, match="holds other files"):
        train(*tiny_pair(), losses.hinge(), tiny_data(), tmp_path / "mine", **arguments)
    assert contents(run.folder) == before


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"recipe": Recipe(batch_size=4)}, "recipe"),
        ({"latent": normal_prior(2)}, "latent"),
        ({"losses": losses.saturating()}, "losses"),
        ({"data": tiny_data(24)}, "data"),
        ({"dtype": torch.float32}, "dtype"),
    ],
)
def test_resuming_with_other_settings_names_the_one_that_differs(finished, change, name):
    run, arguments = finished
    given = {"losses": losses.hinge(), "data": tiny_data(), **arguments, **change}
    pair = tiny_pair(dtype=given.pop("dtype", torch.float64))
    with pytest.raises(RunError, match=f"other settings: {name} was"):
        train(*pair, folder=run.folder, **given, resume=True)


def test_a_damaged_checkpoint_is_named_and_deleting_it_helps(finished):
    run, arguments = finished
    whole = contents(run.folder)
    path = run.folder / "checkpoints" / "00000004" / "discriminator.safetensors"
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(RunError, match=r"discriminator\.safetensors: expected a whole safetensors file"):
        train(*tiny_pair(), losses.hinge(), tiny_data(), run.folder, **arguments, resume=True)
    for part in path.parent.iterdir():
        part.unlink()
    path.parent.rmdir()
    (run.folder / "checkpoints" / ".unfinished-x").mkdir()
    train(*tiny_pair(), losses.hinge(), tiny_data(), run.folder, **arguments, resume=True)
    assert contents(run.folder) == whole


def test_damaged_or_missing_run_files_are_named(finished, tmp_path):
    run, _ = finished
    with pytest.raises(RunError, match=r"nowhere/settings\.json: no such file; expected a run folder"):
        Run(tmp_path / "nowhere")
    with pytest.raises(RunError, match=r"no checkpoint at step 3; there are \[0, 2, 4\]"):
        run.checkpoint(3)
    with pytest.raises(RunError, match="the generator given is not that of the run"):
        run.restore(nn.Linear(2, 2), tiny_pair()[1])
    (run.folder / "settings.json").write_text('{"losses": ')
    with pytest.raises(RunError, match=r"settings\.json: expected JSON"):
        Run(run.folder)
    (run.folder / "history.csv").unlink()
    with pytest.raises(RunError, match=r"history\.csv: no such file"):
        _ = run.history


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"steps": 0}, "steps must be at least 1"),
        ({"checkpoint_every": 0}, "checkpoint_every must be at least 1"),
        ({"latent": None}, "pass latent=100"),
        ({"latent": 0}, "at least 1, got 0"),
        ({"latent": 3}, r"generator does not run on inputs of shape \[\(8, 3\)\]"),
        ({"recipe": Recipe(batch_size=64)}, "batch_size 64 is more than the 40 samples"),
        ({"data": tiny_data() * float("nan")}, "non-finite"),
    ],
)
def test_bad_training_input_is_refused_before_a_folder_is_made(tmp_path, change, message):
    given = {"data": tiny_data(), "steps": 4, "latent": 2, "recipe": Recipe(batch_size=8), **change}
    with pytest.raises(ValueError, match=message):
        train(*tiny_pair(), losses.hinge(), folder=tmp_path / "run", **given)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Recipe(order="both"), "order must be one of"),
        (lambda: Recipe(batch_size=0), "batch_size must be at least 1"),
        (lambda: Recipe(critic_steps=0), "critic_steps must be at least 1"),
        (lambda: Recipe(order="simultaneous", critic_steps=5), "take order='discriminator first'"),
        (lambda: Recipe(clip=-1.0), "clip must be positive"),
        (lambda: Adam(lr=-1), "lr must be at least 0"),
        (lambda: Adam(beta1=1.0), "beta1 must be at least 0 and below 1"),
        (lambda: RMSProp(eps=0.0), "eps must be"),
        (lambda: by_name("adamw"), "optimizer must be one of"),
        (lambda: by_name("sgd", beta1=0.5), r"sgd has no setting \['beta1'\]; it has \['lr'\]"),
        (lambda: models.conv_gan(10), "multiple of 4, got 10"),
        (lambda: models.conv_gan(8, activation="gelu"), "activation must be one of"),
        (lambda: models.initialize(nn.Linear(1, 1), std=0.0), "std must be positive"),
        (lambda: models.initialize(nn.Linear(1, 1), "kaiming"), "scheme must be one of"),
    ],
)
def test_bad_settings_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_conv_gan_has_the_printed_sizes_and_a_seeded_initialisation():
    generator, discriminator = models.conv_gan()
    assert sum(p.numel() for p in generator.parameters()) == 5_290_369
    assert sum(p.numel() for p in discriminator.parameters()) == 212_865
    assert discriminator(generator(torch.zeros(2, 100))).shape == (2, 1)
    rng = torch.random.get_rng_state()
    small = [models.conv_gan(8, width=4, latent_dim=5, seed=seed) for seed in (0, 0, 1)]
    assert torch.equal(rng, torch.random.get_rng_state())
    states = [get_state(*pair) for pair in small]
    assert torch.equal(states[0], states[1])
    assert not torch.equal(states[0], states[2])
    assert float(small[0][0][0].weight.detach().std()) == pytest.approx(0.02, rel=0.05)
    xavier = models.conv_gan(8, width=4, latent_dim=5, initialization="xavier")[0][0].weight
    assert float(xavier.detach().abs().max()) == pytest.approx((6 / (5 + 4 * 64)) ** 0.5, rel=0.01)


def test_mlp_gan_is_seeded_and_sized():
    generator, discriminator = models.mlp_gan()
    assert sum(p.numel() for p in generator.parameters()) == 200 + 100 * 101 + 101
    assert discriminator(generator(torch.zeros(2, 1))).shape == (2, 1)
    again = get_state(*models.mlp_gan(activation="tanh"))
    assert torch.equal(get_state(generator, discriminator), again)
    with pytest.raises(ValueError, match="at least one width"):
        models.mlp_gan(hidden=())


def test_the_digits_gan_trains_on_real_images(tmp_path):
    pair = models.conv_gan(8, width=2, latent_dim=4)
    run = train(*pair, losses.nonsaturating(), datasets.digits(), tmp_path / "run", steps=2)
    assert run.settings["data"]["name"] == "digits"
    assert run.history["loss_discriminator"][0] == pytest.approx(2 * np.log(2), abs=0.05)
