"""Regularisers as symbolic terms and as torch: the same field and Jacobian, and the known eigenvalues."""

import numpy as np
import pytest
import sympy as sp
import torch
from torch import nn

from gandyn import check_field, consensus, two_timescale
from gandyn.games import E, catalogue, from_losses, gauss_hermite, gauss_legendre, noisy, points, regularizers
from gandyn.nets import SGD, Recipe, gan_field, get_state, instance_noise, losses, spectral_norm, training_map

RNG = np.random.default_rng(0)
REAL, LATENT = RNG.normal(size=12), RNG.uniform(-1, 1, size=12)
PAIRS = RNG.normal(size=(2, 9, 2))
a, b, w, c, x, y, z, t, p, q, gamma = sp.symbols("a b w c x y z t p q gamma", real=True)


def column(values):
    return torch.tensor(values).reshape(len(values), -1)


class Affine(nn.Module):
    """Generator a z + b."""

    def __init__(self):
        super().__init__()
        self.a = nn.Parameter(torch.tensor(0.8))
        self.b = nn.Parameter(torch.tensor(0.3))

    def forward(self, latent):
        return self.a * latent + self.b


class Bent(nn.Module):
    """Discriminator w x^2 + tanh(c x), whose slope depends on the sample and on both parameters."""

    def __init__(self):
        super().__init__()
        self.w = nn.Parameter(torch.tensor(0.4))
        self.c = nn.Parameter(torch.tensor(-0.7))

    def forward(self, samples):
        return self.w * samples**2 + torch.tanh(self.c * samples)


class Saddle(nn.Module):
    """Discriminator w p^2 + c p q of points in the plane."""

    def __init__(self):
        super().__init__()
        self.w = nn.Parameter(torch.tensor(0.4))
        self.c = nn.Parameter(torch.tensor(-0.7))

    def forward(self, samples):
        return (self.w * samples[:, 0] ** 2 + self.c * samples[:, 0] * samples[:, 1])[:, None]


BENT = w * x**2 + sp.tanh(c * x)
FAKE = {x: a * z + b}
softplus = lambda s: sp.log(1 + sp.exp(s))


def symbolic_losses(real, latent, critic=BENT, fake=FAKE):
    """The non-saturating losses on these measures."""
    on_fake = critic.xreplace(fake)
    return E(softplus(-on_fake), z=latent), E(softplus(-critic), x=real) + E(softplus(on_fake), z=latent)


def symbolic_game(penalty, real=None, latent=None):
    loss_g, loss_d = symbolic_losses(real or points(REAL), latent or points(LATENT))
    return from_losses(loss_g, loss_d + penalty, generator=[a, b], discriminator=[w, c])


def assert_same(field, symbols, seed=1):
    for state in np.random.default_rng(seed).normal(size=(4, symbols.layout.dim)):
        there = torch.tensor(state)
        np.testing.assert_allclose(field(there).numpy(), symbols(state), rtol=1e-10, atol=1e-12)
        np.testing.assert_allclose(field.jac(there).numpy(), symbols.jac(state), rtol=1e-9, atol=1e-11)


def mixed_triples():
    """Real sample, latent and mixing share of each interpolate, as a field of seed 3 draws them."""
    mix = torch.rand(12, generator=torch.Generator().manual_seed(3), dtype=torch.float64).numpy()
    return points(np.stack([REAL, LATENT, mix], axis=1))


#: The same penalty as a symbolic term and as a torch penalty.
SAME = {
    "r1": (lambda: regularizers.r1(BENT, 0.7, x=points(REAL)), losses.r1(0.7)),
    "r2": (lambda: regularizers.r2(BENT, 0.7, FAKE, z=points(LATENT)), losses.r2(0.7)),
    "roth": (
        lambda: regularizers.roth(BENT, 0.7, FAKE, x=points(REAL), z=points(LATENT)),
        losses.roth(0.7),
    ),
    "gradient_penalty": (
        lambda: regularizers.gradient_penalty(
            BENT, 0.7, 0.9, {x: t * y + (1 - t) * (a * z + b)}, {(y, z, t): mixed_triples()}
        ),
        losses.gradient_penalty(0.7, 0.9),
    ),
}


@pytest.mark.parametrize(("symbols", "penalty"), SAME.values(), ids=SAME)
def test_a_penalty_is_the_same_game_in_symbols_and_in_torch(symbols, penalty):
    field = gan_field(
        Affine(), Bent(), losses.nonsaturating(penalties=[penalty]), column(REAL), column(LATENT), seed=3
    )
    game = symbolic_game(symbols())
    assert_same(field, game)
    plain = symbolic_game(0)
    state = np.array([0.5, 0.1, 0.3, -0.6])
    change = game(state) - plain(state)
    assert np.all(np.abs(change[2:]) > 1e-4)
    np.testing.assert_allclose(change[:2], 0.0, atol=1e-15)  # the generator does not see it


@pytest.mark.parametrize(("symbols", "penalty"), SAME.values(), ids=SAME)
def test_a_penalty_keeps_the_contract_in_symbols_and_in_torch(symbols, penalty):
    chosen = losses.nonsaturating(penalties=[penalty])
    pair = Affine(), Bent()
    check_field(gan_field(*pair, chosen, column(REAL), column(LATENT), seed=3), get_state(*pair))
    check_field(symbolic_game(symbols()), np.array([0.5, 0.1, 0.3, -0.6]))
    assert str(penalty) == str(losses.by_name("nonsaturating", penalties=[str(penalty)]).penalties[0])


def test_consensus_is_the_same_as_losses_as_a_transform_and_in_torch():
    loss_g, loss_d = symbolic_losses(points(REAL), points(LATENT))
    players = {"generator": [a, b], "discriminator": [w, c]}
    term = regularizers.consensus(loss_g, loss_d, 0.6, **players)
    as_losses = from_losses(loss_g + term, loss_d + term, **players)
    as_transform = consensus(symbolic_game(0), 0.6)
    net = gan_field(Affine(), Bent(), losses.nonsaturating(), column(REAL), column(LATENT))
    assert_same(consensus(net, 0.6), as_transform)
    assert_same(consensus(net, 0.6), as_losses)


def test_penalties_of_points_in_the_plane():
    critic, data = w * p**2 + c * p * q, points(PAIRS[0])
    term = regularizers.r1(critic, 0.7, {(p, q): data})
    real = E(softplus(-critic), {(p, q): data})
    fake = {p: z, q: a * z + b}
    made = critic.xreplace(fake)
    loss_d = real + E(softplus(made), z=points(LATENT)) + term
    roth = regularizers.roth(critic, 0.3, fake, {(p, q): data, z: points(LATENT)})
    game = from_losses(
        E(softplus(-made), z=points(LATENT)), loss_d + roth, generator=[a, b], discriminator=[w, c]
    )

    class Line(Affine):
        def forward(self, latent):
            return torch.cat([latent, super().forward(latent)], dim=1)

    chosen = losses.nonsaturating(penalties=[losses.r1(0.7), losses.roth(0.3)])
    assert_same(gan_field(Line(), Saddle(), chosen, column(PAIRS[0]), column(LATENT)), game)
    target = 0.4 + float(np.max(PAIRS))
    penalty = regularizers.gradient_penalty(critic, 2, target, {p: z, q: t}, {(z, t): data})
    sloped = from_losses(a * w, penalty + a * w, generator=[a], discriminator=[w, c])
    weights, there = torch.tensor([0.5, -0.3], requires_grad=True, dtype=torch.float64), column(PAIRS[0])
    slopes = [2 * weights[0] * there[:, 0] + weights[1] * there[:, 1], weights[1] * there[:, 0]]
    value = 2 * (torch.hypot(*slopes) - target).square().mean()
    (expected,) = torch.autograd.grad(value, weights)
    got = sloped(np.array([0.0, 0.5, -0.3]))[1:]
    np.testing.assert_allclose(got, -expected.numpy(), rtol=1e-12)


def test_instance_noise_of_a_module_is_noise_under_the_expectation():
    """The field draws noise for the real, then for the generated samples; the symbols get the same draws."""
    noise = torch.Generator().manual_seed(5)
    on_real, on_fake = (torch.randn(12, 1, generator=noise, dtype=torch.float64).numpy()[:, 0] for _ in "ab")
    shifted, joint = points(REAL + 0.4 * on_real), points(np.stack([LATENT, on_fake], axis=1))
    seen = BENT.xreplace({x: a * z + b + sp.Rational(2, 5) * t})
    game = from_losses(
        E(softplus(-seen), {(z, t): joint}),
        E(softplus(-BENT), x=shifted) + E(softplus(seen), {(z, t): joint}),
        generator=[a, b],
        discriminator=[w, c],
    )
    pair = Affine(), instance_noise(Bent(), 0.4)
    field = gan_field(*pair, losses.nonsaturating(), column(REAL), column(LATENT), dropout="seeded", seed=5)
    assert_same(field, game)
    check_field(field, get_state(*pair))


def test_instance_noise_is_refused_off_or_averages_to_the_measure():
    pair = Affine(), instance_noise(Bent(), 0.4)
    batch = column(REAL), column(LATENT)
    with pytest.raises(ValueError, match=r"discriminator\. \(InstanceNoise\).*dropout='eval'.*'seeded'"):
        gan_field(*pair, losses.nonsaturating(), *batch)
    quiet = gan_field(*pair, losses.nonsaturating(), *batch, dropout="eval")
    state = np.array([0.5, 0.1, 0.3, -0.6])
    np.testing.assert_allclose(quiet(torch.tensor(state)), symbolic_game(0)(state), rtol=1e-12)
    many = column(np.repeat(REAL, 3000)), column(np.repeat(LATENT, 3000))
    field = gan_field(*pair, losses.nonsaturating(), *many, dropout="seeded")
    seen = BENT.xreplace({x: a * z + b + sp.Rational(2, 5) * t})
    on_fakes = {"z": points(LATENT), "t": gauss_hermite(40)}
    exact = from_losses(
        E(softplus(-seen), **on_fakes),
        E(softplus(-BENT), x=noisy(points(REAL), 0.4, 40)) + E(softplus(seen), **on_fakes),
        generator=[a, b],
        discriminator=[w, c],
    )
    draws = [
        gan_field(*pair, losses.nonsaturating(), *batch, dropout="seeded", seed=s)(torch.tensor(state))
        for s in range(300)
    ]
    error = torch.stack(draws).std(dim=0).numpy() / np.sqrt(3000)
    assert np.all(np.abs(field(torch.tensor(state)).numpy() - exact(state)) < 4 * error)
    assert np.any(np.abs(quiet(torch.tensor(state)).numpy() - exact(state)) > 20 * error)
    with pytest.raises(ValueError, match="not negative"):
        instance_noise(Bent(), -1.0)


def test_instance_noise_trains_with_draws_of_the_step():
    pair = Affine().double(), instance_noise(Bent().double(), 0.4)
    recipe = Recipe((SGD(0.1), SGD(0.1)), batch_size=12, order="simultaneous")
    options = {"latent": 1, "recipe": recipe, "dropout": "seeded"}
    step, start = training_map(*pair, losses.nonsaturating(), column(REAL), **options)
    check_field(step, start)
    assert torch.equal(step(start, 3), step(start, 3))
    assert not torch.equal(step(start, 3), step(start, 4))


def test_spectral_norm_bounds_every_layer_and_leaves_the_module_alone():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        module = nn.Sequential(nn.Linear(1, 6), nn.Tanh(), nn.Linear(6, 1)).double()
        before = {name: value.clone() for name, value in module.state_dict().items()}
        state = torch.get_rng_state()
        critic = spectral_norm(module)
        again = spectral_norm(module)
        assert torch.equal(state, torch.get_rng_state())
    assert all(torch.equal(value, module.state_dict()[name]) for name, value in before.items())
    for layer, same in zip((critic[0], critic[2]), (again[0], again[2]), strict=True):
        assert torch.linalg.matrix_norm(layer.weight, 2).item() == pytest.approx(1.0, rel=1e-6)
        assert torch.equal(layer.weight, same.weight)
    ends = torch.linspace(-3, 3, 50, dtype=torch.float64)[:, None]
    assert (critic(ends).diff(dim=0).abs() / ends.diff(dim=0)).max() <= 1 + 1e-6  # Lipschitz with constant 1
    field = gan_field(Affine(), critic, losses.wasserstein(), column(REAL), column(LATENT))
    check_field(field, get_state(Affine(), critic))
    with pytest.raises(ValueError, match="no linear or convolution layer"):
        spectral_norm(critic)


def test_roth_wants_one_logit_a_sample():
    chosen = losses.nonsaturating(penalties=[losses.roth(0.1)])
    with pytest.raises(ValueError, match=r"one logit a sample, got an output of shape \(12, 3\).*r1 and r2"):
        gan_field(Affine(), nn.Linear(1, 3), chosen, column(REAL), column(LATENT))
    with pytest.raises(ValueError, match="weight of roth"):
        losses.roth(-1.0)


# The known eigenvalues, with every regulariser built from its term: real point 0, fake theta, D = -psi x.

theta, psi, kappa, lam, g0 = sp.symbols("theta psi kappa lam g0", real=True)
POINT = points([0.0])


def dirac(term, **constants):
    """The saturating Dirac-GAN with a term of the discriminator's loss."""
    critic = -psi * x
    fake = critic.xreplace({x: theta})
    loss_d = softplus(-critic.xreplace({x: sp.Integer(0)})) + softplus(fake)
    return from_losses(
        -softplus(fake), loss_d + term(critic), generator=[theta], discriminator=[psi], constants=constants
    )


def spectrum_at(field, state=(0.0, 0.0)):
    return np.sort_complex(np.linalg.eigvals(field.jac(np.array(state))))


def roots(real, square):
    shift = np.emath.sqrt(square)
    return np.sort_complex(np.array([real - shift, real + shift], dtype=complex))


@pytest.mark.parametrize("weight", [0.3, 0.9, 1.7])
def test_r1_and_r2_of_the_dirac_gan(weight):
    for term in (
        lambda critic: regularizers.r1(critic, gamma, x=POINT),
        lambda critic: regularizers.r2(critic, gamma, {x: theta}),
    ):
        field = dirac(term, gamma=weight)
        expected = roots(-weight / 2, weight**2 / 4 - 1 / 4)
        np.testing.assert_allclose(spectrum_at(field), expected, rtol=1e-12)
        state = np.array([0.4, -0.9])
        np.testing.assert_allclose(field(state), catalogue.make("dirac-r1", gamma=weight)(state), rtol=1e-12)
        assert np.isreal(spectrum_at(field)).all() == (weight >= 1)  # critical at 1
        ratio = 1 / weight**2  # the critical ratio of learning rates
        for factor in (0.9, 1.1):
            k = factor * ratio
            slow = spectrum_at(two_timescale(field, k))
            np.testing.assert_allclose(slow, roots(-k * weight / 2, k**2 * weight**2 / 4 - k / 4), rtol=1e-11)
            assert np.isreal(slow).all() == (factor > 1)


@pytest.mark.parametrize("weight", [0.3, 1.5])
def test_roth_of_the_dirac_gan_damps_half_as_much_as_r1(weight):
    """At the equilibrium both probabilities are 1/2, so that the term is (weight / 4) psi^2."""
    field = dirac(lambda critic: regularizers.roth(critic, gamma, {x: theta}, x=POINT), gamma=weight)
    np.testing.assert_allclose(spectrum_at(field), roots(-weight / 4, weight**2 / 16 - 1 / 4), rtol=1e-12)


def test_roth_is_instance_noise_of_its_variance_near_the_equilibrium():
    """The damping of noise sigma is sigma^2 / 4; that of Roth's term of weight sigma^2 is the same."""
    noise = catalogue.make("dirac-noise", sigma=0.7)
    field = dirac(lambda critic: regularizers.roth(critic, 0.49, {x: theta}, x=POINT))
    np.testing.assert_allclose(spectrum_at(field), spectrum_at(noise), rtol=1e-9)
    np.testing.assert_allclose(spectrum_at(noise), roots(-0.49 / 4, 0.49**2 / 16 - 1 / 4), rtol=1e-9)


def test_the_gradient_penalty_of_the_dirac_gan():
    """The catalogue writes lam / 2, Gulrajani et al. and ``nets.losses`` lam; the jump at psi = 0 is kept."""
    field = dirac(
        lambda critic: regularizers.gradient_penalty(
            critic, lam / 2, g0, {x: t * theta}, t=gauss_legendre(3)
        ),
        lam=0.7,
        g0=1.0,
    )
    f = lambda s: 1 / (1 + np.exp(s))  # f' of the logistic loss
    for u, v in RNG.normal(size=(5, 2)):
        expected = [-v * f(u * v), u * f(u * v) - 0.7 * (abs(v) - 1) * np.sign(v)]
        np.testing.assert_allclose(field(np.array([u, v])), expected, rtol=1e-12)
    assert field(np.array([0.0, 0.0]))[1] == 0.0


@pytest.mark.parametrize("eta", [0.0, 0.3, 2.0])
def test_nagarajan_kolter_with_the_discriminators_gradient_in_the_generators_loss(eta):
    """V = E[w x^2] - E[w a^2 z^2] of uniform x and z; the field as Wasserstein losses of a critic."""
    critic = w * x**2
    rule = gauss_legendre(5)
    value = E(critic, x=rule) - E(critic.xreplace({x: a * z}), z=rule)
    loss_g = value + eta * sp.diff(value, w) ** 2
    field = from_losses(loss_g, -value, generator=[a], discriminator=[w])
    expected = roots(-4 * eta / 9, 16 * eta**2 / 81 - 4 / 9)
    np.testing.assert_allclose(spectrum_at(field, (1.0, 0.0)), expected, rtol=1e-12, atol=1e-14)
    state = np.array([0.7, -0.3])
    named = catalogue.make("nagarajan-kolter", loss="wasserstein", eta=eta)
    np.testing.assert_allclose(field(state), named(state), rtol=1e-12)


def test_the_peers_consensus_has_a_spurious_half():
    """With gamma / 2 in front of J^T v the damping would be that of half the weight."""
    field = consensus(catalogue.make("dirac"), 1.0)
    np.testing.assert_allclose(spectrum_at(field).real, -0.25, rtol=1e-12)
    state = np.array([0.7, -0.4])
    loss = lambda s: np.sum(catalogue.make("dirac")(s) ** 2) / 2
    h = 1e-6
    slope = [(loss(state + h * e) - loss(state - h * e)) / (2 * h) for e in np.eye(2)]
    np.testing.assert_allclose(catalogue.make("dirac")(state) - slope, field(state), rtol=1e-8)


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda: regularizers.r1(BENT, 1), "names no variable"),
        (lambda: regularizers.r1(BENT, 1, y=POINT), "y, which does not occur"),
        (
            lambda: regularizers.r2(BENT, 1, {y: a * z}, z=POINT),
            r"has no input y; its symbols are \['c', 'w'",
        ),
        (lambda: regularizers.r1(BENT, 1, x=points(PAIRS[0])), "dimension 2, but 1 symbol"),
    ],
)
def test_terms_that_make_no_sense_are_refused(act, message):
    with pytest.raises(ValueError, match=message):
        act()
