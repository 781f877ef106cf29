"""Fields from torch modules: against plain autograd, dense Jacobians, and every kind of layer."""

import copy

import numpy as np
import pytest
import torch
from torch import nn

from gandyn import check_field
from gandyn.nets import Losses, gan_field, gan_losses, get_state, losses, set_state

FLOAT64 = torch.float64


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def randn(*shape, seed=0):
    return torch.randn(*shape, generator=seeded(seed), dtype=FLOAT64)


def build(maker, *args, seed=0):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return maker(*args)


def smooth_generator():
    return nn.Sequential(
        nn.Linear(3, 18),
        nn.Tanh(),
        nn.Unflatten(1, (2, 3, 3)),
        nn.ConvTranspose2d(2, 4, 3, stride=2, padding=1, output_padding=1, groups=2),
        nn.Softplus(),
        nn.Conv2d(4, 1, 3, padding=1),
        nn.Sigmoid(),
    )


def smooth_discriminator():
    return nn.Sequential(
        nn.Conv2d(1, 3, 3, stride=2, padding=1), nn.Softplus(), nn.Flatten(), nn.Linear(27, 1)
    )


def relu_discriminator():
    return nn.Sequential(
        nn.Conv2d(1, 3, 3, stride=2, padding=1), nn.LeakyReLU(0.2), nn.Flatten(), nn.Linear(27, 1)
    )


@pytest.fixture
def pair():
    return build(smooth_generator, seed=1), build(smooth_discriminator, seed=2)


REAL, LATENT = randn(8, 1, 6, 6, seed=3).sigmoid(), randn(8, 3, seed=4)

ALL_LOSSES = [
    losses.saturating(),
    losses.saturating(halves="mean"),
    losses.nonsaturating(),
    losses.wasserstein(),
    losses.least_squares(),
    losses.nonsaturating(penalties=[losses.r1(2.0)]),
    losses.nonsaturating(penalties=[losses.r2(2.0), losses.r1(0.5)]),
    losses.wasserstein(penalties=[losses.gradient_penalty(10.0)]),
]


def plain_velocity(generator, discriminator, chosen, real, latent, mix):
    """Two separate backward passes on double copies of the modules, as a user would write them."""
    g, d = copy.deepcopy(generator).double(), copy.deepcopy(discriminator).double()
    loss_g = chosen.generator(d(g(latent)))
    by_g = torch.autograd.grad(loss_g, list(g.parameters()))
    fake = g(latent).detach()
    loss_d = chosen.discriminator(d(real), d(fake))
    for penalty in chosen.penalties:
        loss_d = loss_d + penalty(losses.Play((real,), (fake,), d, mix))
    by_d = torch.autograd.grad(loss_d, list(d.parameters()))
    return -torch.cat([part.flatten() for part in (*by_g, *by_d)])


@pytest.mark.parametrize("chosen", ALL_LOSSES, ids=lambda chosen: chosen.name)
def test_velocity_equals_plain_autograd(pair, chosen):
    field = gan_field(*pair, chosen, REAL, LATENT, seed=5)
    mix = torch.rand(8, generator=seeded(5), dtype=FLOAT64)
    expected = plain_velocity(*pair, chosen, REAL, LATENT, mix)
    torch.testing.assert_close(field(get_state(*pair)), expected, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("chosen", ALL_LOSSES, ids=lambda chosen: chosen.name)
def test_field_keeps_its_contract(pair, chosen):
    check_field(gan_field(*pair, chosen, REAL, LATENT), get_state(*pair))


def test_relu_network_keeps_its_contract(pair):
    discriminator = build(relu_discriminator)
    chosen = losses.hinge(penalties=[losses.r1(1.0)])
    field = gan_field(pair[0], discriminator, chosen, REAL, LATENT)
    check_field(field, get_state(pair[0], discriminator), smooth=False)


def test_products_equal_a_dense_jacobian_written_another_way(pair):
    """torch.func.jacfwd over torch.func.grad shares no code with our two products."""
    generator, discriminator = (module.double() for module in pair)
    chosen = losses.nonsaturating()
    field = gan_field(generator, discriminator, chosen, REAL, LATENT)
    x = get_state(generator, discriminator)

    def velocity(x):
        blocks = {name: values for name, values in field.layout.split(x).items()}
        g = {n.removeprefix("generator."): v for n, v in blocks.items() if n.startswith("generator.")}
        d = {n.removeprefix("discriminator."): v for n, v in blocks.items() if n.startswith("discr")}
        call = torch.func.functional_call
        by_g = torch.func.grad(
            lambda g: chosen.generator(call(discriminator, d, call(generator, g, LATENT)))
        )(g)
        fake = call(generator, g, LATENT)
        by_d = torch.func.grad(
            lambda d: chosen.discriminator(call(discriminator, d, REAL), call(discriminator, d, fake))
        )(d)
        return -torch.cat([v.flatten() for v in (*by_g.values(), *by_d.values())])

    dense = torch.func.jacfwd(velocity)(x)
    u = randn(4, field.layout.dim, seed=9)
    torch.testing.assert_close(field.jvp(x, u), u @ dense.T, rtol=1e-10, atol=1e-11)
    torch.testing.assert_close(field.vjp(x, u), u @ dense, rtol=1e-10, atol=1e-11)
    torch.testing.assert_close(field.jac(x), dense, rtol=1e-10, atol=1e-11)
    assert float((dense - dense.T).abs().max()) > 1e-3 * float(dense.abs().max())


def test_losses_are_those_of_the_modules(pair):
    both = gan_losses(*pair, losses.nonsaturating(), REAL, LATENT)
    g, d = (copy.deepcopy(module).double() for module in pair)
    x = torch.stack([get_state(*pair), 1.1 * get_state(*pair)])
    value = both(x)
    assert value.shape == (2, 2)
    for row, state in zip(value, x, strict=True):
        set_state(state, g, d)
        on_fake = d(g(LATENT))
        expected = torch.stack(
            [
                nn.functional.softplus(-on_fake).mean(),
                nn.functional.softplus(-d(REAL)).mean() + nn.functional.softplus(on_fake).mean(),
            ]
        )
        torch.testing.assert_close(row, expected.detach(), rtol=1e-12, atol=1e-13)


def snapshot(*modules):
    return [
        (name, value.clone(), getattr(value, "grad", None), module.training)
        for module in modules
        for name, value in module.state_dict(keep_vars=True).items()
    ] + [part.training for module in modules for part in module.modules()]


def norm_generator(norm):
    return nn.Sequential(
        nn.Linear(3, 36),
        nn.Unflatten(1, (4, 3, 3)),
        norm,
        nn.Tanh(),
        nn.ConvTranspose2d(4, 1, 4, stride=2, padding=1),
    )


@pytest.mark.parametrize("mode", ["frozen", "batch", "reestimate"])
def test_modules_are_bit_identical_after_any_call(mode):
    generator = build(norm_generator, nn.BatchNorm2d(4))
    discriminator = nn.Sequential(
        nn.utils.parametrizations.spectral_norm(nn.Conv2d(1, 4, 3)),
        nn.BatchNorm2d(4),
        nn.Dropout(0.3),
        nn.Flatten(),
        nn.utils.parametrizations.weight_norm(nn.Linear(64, 1)),
    )
    generator[0].weight.grad = torch.ones_like(generator[0].weight)
    discriminator[3].eval()
    generator(LATENT.float())
    rng, before = torch.random.get_rng_state(), snapshot(generator, discriminator)
    field = gan_field(
        generator, discriminator, losses.hinge(), REAL, LATENT, batch_norm=mode, dropout="seeded"
    )
    x = get_state(generator, discriminator)
    field(x), field.jvp(x, x), field.vjp(x, x)
    gan_losses(generator, discriminator, losses.hinge(), REAL, LATENT, batch_norm=mode, dropout="seeded")(x)
    assert torch.equal(rng, torch.random.get_rng_state())
    for old, new in zip(before, snapshot(generator, discriminator), strict=True):
        if isinstance(old, bool):
            assert old == new
        else:
            assert (old[0], old[3]) == (new[0], new[3])
            assert torch.equal(old[1], new[1])
            assert (old[2] is None) == (new[2] is None)
            assert old[2] is None or torch.equal(old[2], new[2])


@pytest.mark.parametrize("mode", ["frozen", "batch", "reestimate"])
def test_batch_norm_gan_keeps_its_contract_in_each_mode(mode):
    generator = build(norm_generator, nn.BatchNorm2d(4))
    discriminator = nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.Softplus(), nn.Flatten(), nn.Linear(64, 1)
    )
    field = gan_field(generator, discriminator, losses.nonsaturating(), REAL, LATENT, batch_norm=mode)
    check_field(field, get_state(generator, discriminator))


def test_batch_statistics_are_those_of_training_mode():
    generator = build(norm_generator, nn.BatchNorm2d(4)).double()
    discriminator = build(smooth_discriminator).double()
    field = gan_field(generator, discriminator, losses.saturating(), REAL, LATENT, batch_norm="batch")
    expected = plain_velocity(generator, discriminator, losses.saturating(), REAL, LATENT, None)
    value = field(get_state(generator, discriminator))
    torch.testing.assert_close(value, expected, rtol=1e-12, atol=1e-13)


def test_reestimated_statistics_equal_those_of_a_full_training_pass():
    generator = build(norm_generator, nn.BatchNorm2d(4, momentum=None)).double()
    discriminator = build(smooth_discriminator).double()
    both = gan_losses(generator, discriminator, losses.saturating(), REAL, LATENT, batch_norm="reestimate")
    value = both(get_state(generator, discriminator))
    generator(LATENT)  # momentum=None averages: after one pass the running statistics are the batch's
    on_fake = discriminator(generator.eval()(LATENT))
    torch.testing.assert_close(value[0], -nn.functional.softplus(on_fake).mean().detach(), rtol=1e-12, atol=0)


def test_batch_norm_in_training_mode_is_refused_with_the_fix():
    generator = build(norm_generator, nn.BatchNorm2d(4))
    with pytest.raises(ValueError, match=r"generator\.2 \(BatchNorm2d\).*batch_norm='frozen'"):
        gan_field(generator, smooth_discriminator(), losses.saturating(), REAL, LATENT)


@pytest.mark.parametrize(
    "norm", [nn.InstanceNorm2d(4, affine=True), nn.GroupNorm(2, 4), nn.LayerNorm([4, 3, 3])], ids=repr
)
def test_other_norms_work_as_they_are(norm, pair):
    generator = build(norm_generator, norm)
    field = gan_field(generator, pair[1], losses.nonsaturating(), REAL, LATENT)
    check_field(field, get_state(generator, pair[1]))


@pytest.mark.parametrize(
    "spectral_norm", [nn.utils.parametrizations.spectral_norm, nn.utils.spectral_norm], ids=["new", "old"]
)
def test_spectral_norm_works_with_its_present_vectors(pair, spectral_norm):
    discriminator = build(
        lambda: nn.Sequential(
            spectral_norm(nn.Conv2d(1, 3, 3)), nn.Softplus(), nn.Flatten(), spectral_norm(nn.Linear(48, 1))
        )
    )
    discriminator(REAL.float())
    field = gan_field(pair[0], discriminator, losses.hinge(), REAL, LATENT)
    check_field(field, get_state(pair[0], discriminator))
    axes = {
        b.name: b.filter_axis for b in field.layout.blocks if "weight" in b.name and b.player != "generator"
    }
    assert list(axes.values()) == [0, 0]


def test_products_of_layers_that_torch_cannot_differentiate_thrice_by_reverse_mode(pair):
    """Of a transposed convolution with output padding, torch has no derivative of w -> J^T w."""
    upwards = nn.ConvTranspose2d(2, 1, 3, stride=2, padding=1, output_padding=1)
    generator = build(lambda: nn.Sequential(nn.Linear(3, 18), nn.Unflatten(1, (2, 3, 3)), nn.Tanh(), upwards))
    field = gan_field(generator, pair[1], losses.nonsaturating(), REAL, LATENT)
    x = get_state(generator, pair[1])
    u, jacobian = randn(2, len(x), seed=5), field.jac(x)
    with field.linearised(x) as at:
        torch.testing.assert_close(at.jvp(u), u @ jacobian.T)
    for player in ("generator", "discriminator"):
        where = torch.from_numpy(field.layout.mask(player))
        with field.linearised(x, player=player) as own:
            torch.testing.assert_close(own.jvp(u[:, where]), u[:, where] @ jacobian[where][:, where].T)


def dropout_discriminator():
    return nn.Sequential(nn.Conv2d(1, 3, 3), nn.Softplus(), nn.Dropout(0.5), nn.Flatten(), nn.Linear(48, 1))


def test_dropout_is_refused_with_the_fix_or_seeded_or_off(pair):
    discriminator = build(dropout_discriminator)
    with pytest.raises(ValueError, match=r"discriminator\.2 \(Dropout\).*dropout='eval'.*dropout='seeded'"):
        gan_field(pair[0], discriminator, losses.saturating(), REAL, LATENT)
    x = get_state(pair[0], discriminator)
    fields = {
        key: gan_field(pair[0], discriminator, losses.saturating(), REAL, LATENT, dropout=mode, seed=seed)
        for key, mode, seed in [("eval", "eval", 0), (0, "seeded", 0), (1, "seeded", 1)]
    }
    check_field(fields[0], x)
    assert not torch.equal(fields[0](x), fields[1](x))
    discriminator.eval()
    plain = gan_field(pair[0], discriminator, losses.saturating(), REAL, LATENT)
    assert torch.equal(plain(x), fields["eval"](x))


class NoisyGenerator(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(3, 36)

    def forward(self, z):
        return self.linear(z + torch.randn_like(z)).view(-1, 1, 6, 6)


def test_hidden_randomness_is_found_and_refused(pair):
    with pytest.raises(ValueError, match=r"generator draws random numbers.*dropout='seeded'"):
        gan_field(NoisyGenerator(), pair[1], losses.saturating(), REAL, LATENT)
    generator = NoisyGenerator()
    field = gan_field(generator, pair[1], losses.saturating(), REAL, LATENT, dropout="seeded")
    check_field(field, get_state(generator, pair[1]))


class CountingDiscriminator(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(36, 1)
        self.register_buffer("calls", torch.zeros(()))

    def forward(self, x):
        self.calls.add_(1)
        return self.linear(x.flatten(1)) * self.calls


def test_changing_buffers_are_found_and_refused(pair):
    with pytest.raises(ValueError, match=r"changes its buffers \['calls'\]"):
        gan_field(pair[0], CountingDiscriminator(), losses.saturating(), REAL, LATENT)


class ConditionalGenerator(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding, self.linear = nn.Embedding(4, 3), nn.Linear(3, 36)

    def forward(self, z, labels):
        return torch.tanh(self.linear(z * self.embedding(labels))).view(-1, 1, 6, 6)


class ConditionalDiscriminator(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding, self.linear = nn.Embedding(4, 36), nn.Linear(36, 1)

    def forward(self, x, labels):
        return self.linear(torch.tanh(x.flatten(1)) * self.embedding(labels))


def test_label_conditional_gan_works_and_a_missing_label_is_named():
    generator, discriminator = build(ConditionalGenerator), build(ConditionalDiscriminator)
    labels = torch.arange(8) % 4
    chosen = losses.wasserstein(penalties=[losses.gradient_penalty()])
    field = gan_field(generator, discriminator, chosen, (REAL, labels), (LATENT, labels))
    check_field(field, get_state(generator, discriminator))
    with pytest.raises(ValueError, match="give both the same"):
        gan_field(generator, discriminator, chosen, (REAL, labels), LATENT)
    with pytest.raises(ValueError, match=r"generator does not run on inputs of shape \[\(8, 3\)\]"):
        gan_field(generator, discriminator, chosen, REAL, LATENT)


def test_outputs_of_any_shape_go_to_the_losses(pair):
    patch = build(lambda: nn.Conv2d(1, 2, 3))
    own = Losses(
        lambda f: f.square().mean(), lambda r, f: r.square().mean() - f.tanh().mean(), name="patches"
    )
    check_field(gan_field(pair[0], patch, own, REAL, LATENT), get_state(pair[0], patch))


def test_frozen_parameters_are_constants(pair):
    pair[0][0].requires_grad_(False)
    field = gan_field(*pair, losses.saturating(), REAL, LATENT)
    assert "generator.0.weight" not in field.layout.names
    check_field(field, get_state(*pair))


def test_tied_parameters_are_one_block(pair):
    a, b = nn.Linear(3, 3), nn.Linear(3, 3)
    b.weight = a.weight
    generator = nn.Sequential(a, nn.Tanh(), b, nn.Linear(3, 36), nn.Unflatten(1, (1, 6, 6)))
    field = gan_field(generator, pair[1], losses.saturating(), REAL, LATENT)
    assert sum(name.endswith("weight") for name in field.layout.names if name.startswith("gen")) == 2
    check_field(field, get_state(generator, pair[1]))


def test_filter_axes_come_from_the_modules(pair):
    layout = gan_field(*pair, losses.saturating(), REAL, LATENT).layout
    axes = {block.name: (block.filter_axis, block.groups) for block in layout.blocks}
    assert axes["generator.0.weight"] == (0, 1)
    assert axes["generator.3.weight"] == (1, 2)
    assert axes["generator.5.weight"] == (0, 1)
    assert axes["generator.3.bias"] == (None, 1)
    assert axes["discriminator.0.weight"] == (0, 1)


def test_float32_only_when_asked_for(pair):
    assert gan_field(*pair, losses.saturating(), REAL, LATENT)(get_state(*pair)).dtype == FLOAT64
    single = gan_field(*pair, losses.saturating(), REAL, LATENT, dtype=torch.float32)
    value = single(get_state(*pair, dtype=torch.float32))
    assert value.dtype == torch.float32
    exact = gan_field(*pair, losses.saturating(), REAL, LATENT)(get_state(*pair))
    assert float((value - exact).norm() / exact.norm()) < 1e-5


def test_compiled_wrappers_are_seen_through(pair):
    field = gan_field(torch.compile(pair[0]), pair[1], losses.saturating(), REAL, LATENT)
    assert field.layout.names[0] == "generator.0.weight"


def nan_weights(pair):
    pair[1][0].weight.data[0, 0, 0, 0] = float("nan")
    return {}


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (nan_weights, ValueError, r"parameter '0.weight' of Sequential has 1 non-finite of 27 entries"),
        (lambda _: {"real": REAL * float("inf")}, ValueError, "real has .* non-finite entries"),
        (lambda _: {"real": (REAL * 255).to(torch.uint8)}, TypeError, r"floating point.*float\(\) / 255"),
        (lambda _: {"real": REAL.numpy()}, TypeError, "tensor or a tuple of tensors"),
        (lambda _: {"real": REAL[:0]}, ValueError, "positive number of samples"),
        (
            lambda _: {"real": REAL[:, :, :5]},
            ValueError,
            r"samples of shape \(1, 6, 6\), the data have \(1, 5, 6\)",
        ),
        (
            lambda pair: {"discriminator": nn.Sequential(nn.Flatten(), nn.Linear(9, 1))},
            ValueError,
            r"discriminator does not run on inputs of shape \[\(8, 1, 6, 6\)\]",
        ),
        (
            lambda _: {"latent": LATENT[:, :2]},
            ValueError,
            r"generator does not run on inputs of shape \[\(8, 2\)\]",
        ),
        (lambda _: {"losses": "hinge"}, TypeError, r"nets\.losses\.nonsaturating\(\)"),
        (lambda _: {"batch_norm": "off"}, ValueError, r"batch_norm must be one of .* got 'off'"),
        (lambda _: {"dropout": "on"}, ValueError, r"dropout must be one of .* got 'on'"),
        (lambda _: {"dtype": torch.int64}, TypeError, "floating type"),
        (lambda _: {"generator": nn.Flatten()}, ValueError, "no trainable parameter"),
        (lambda _: {"generator": nn.LazyLinear(36)}, ValueError, "lazy module"),
        (lambda _: {"losses": Losses(lambda f: f, lambda r, f: f.mean())}, ValueError, "must be a scalar"),
        (
            lambda _: {
                "losses": losses.wasserstein(penalties=[losses.gradient_penalty()]),
                "latent": LATENT[:4],
            },
            ValueError,
            "as many latents as reals",
        ),
    ],
)
def test_bad_input_is_refused_before_work_starts(pair, change, error, message):
    arguments = {
        "generator": pair[0],
        "discriminator": pair[1],
        "losses": losses.saturating(),
        "real": REAL,
        "latent": LATENT,
    }
    with pytest.raises(error, match=message):
        gan_field(**{**arguments, **change(pair)})


def test_losses_of_the_catalogue_by_name_and_bad_names():
    named = losses.by_name("wasserstein", penalties=["gradient_penalty(10, 0)"], halves="mean")
    assert named.settings == {
        "name": "wasserstein",
        "halves": "mean",
        "penalties": ["gradient_penalty(10, 0)"],
    }
    for bad, message in [
        (("softmax", []), "loss must be one of"),
        (("hinge", ["r3(1)"]), "penalty must be one of"),
        (("hinge", ["r1(ten)"]), "expected numbers"),
        (("hinge", ["r1(-1)"]), "not negative"),
    ]:
        with pytest.raises(ValueError, match=message):
            losses.by_name(bad[0], penalties=bad[1])


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        (losses.saturating(), (-np.logaddexp(0, 2), np.logaddexp(0, -1) + np.logaddexp(0, 2))),
        (
            losses.saturating(halves="mean"),
            (-np.logaddexp(0, 2), (np.logaddexp(0, -1) + np.logaddexp(0, 2)) / 2),
        ),
        (losses.nonsaturating(), (np.logaddexp(0, -2), np.logaddexp(0, -1) + np.logaddexp(0, 2))),
        (losses.wasserstein(), (-2, 2 - 1)),
        (losses.hinge(), (-2, 0 + 3)),
        (losses.least_squares(), (0.5, (0 + 4) / 2)),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_loss_values_by_hand(chosen, expected):
    real, fake = torch.ones(2, dtype=FLOAT64), 2 * torch.ones(2, dtype=FLOAT64)
    got = (float(chosen.generator(fake)), float(chosen.discriminator(real, fake)))
    np.testing.assert_allclose(got, expected, rtol=1e-14)


def test_a_gradient_penalty_is_finite_where_the_critic_is_flat():
    critic = nn.Sequential(nn.Linear(1, 3), nn.ReLU(), nn.Linear(3, 1))
    nn.init.constant_(critic[0].bias, -100.0)
    critical = losses.wasserstein(penalties=[losses.gradient_penalty(10.0)])
    field = gan_field(nn.Linear(1, 1), critic, critical, torch.randn(4, 1), torch.randn(4, 1))
    x = get_state(nn.Linear(1, 1), critic).double()
    assert torch.isfinite(field(x)).all()
    assert torch.isfinite(field.jvp(x, torch.ones_like(x))).all()
