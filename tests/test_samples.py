"""How good samples are: distances, recurrence, judges and ways through latent space, on constructed cases."""

import numpy as np
import pytest
import torch
from scipy import stats
from torch import nn

import gandyn
from gandyn.nets import (
    Recipe,
    Run,
    RunError,
    Snapshots,
    class_counts,
    class_grid,
    combine,
    coverage,
    datasets,
    generate,
    interpolate,
    judge,
    judges_of,
    losses,
    mode_recurrence,
    models,
    modes_of,
    train,
    train_judges,
    walk,
    wasserstein_1d,
)

# Three intervals of length 1/2, as a distribution function; its kinks are between the samples.
INTERVALS = lambda x: np.interp(x, [-0.5, 0, 0.5, 1, 1.5, 2], [0, 1 / 3, 1 / 3, 2 / 3, 2 / 3, 1])


def draws(seed=0):
    return torch.Generator().manual_seed(seed)


# Wasserstein distance on the line


@pytest.mark.parametrize(
    ("samples", "target", "expected"),
    [
        ([0.0], stats.norm(), np.sqrt(2 / np.pi)),
        ([0.0], stats.uniform(-1, 2), 0.5),
        ([0.75] * 5, INTERVALS, (1 + 1 / 8 + 1) / 3),
        ([-3.0], stats.norm(0, 1e-3), 3.0),
        ([0.0, 1.0], stats.uniform(0, 1), 0.25),
        ([5.0, 6.0], [1.0], 4.5),
    ],
)
def test_the_distance_on_the_line_has_its_closed_forms(samples, target, expected):
    assert wasserstein_1d(samples, target) == pytest.approx(expected, abs=2e-9)


def test_the_distance_to_a_distribution_agrees_with_a_fine_grid_and_with_many_samples():
    x = np.random.default_rng(0).normal(size=40)
    grid = np.linspace(-12, 12, 400_001)
    gap = np.abs(np.searchsorted(np.sort(x), grid, side="right") / 40 - stats.norm.cdf(grid, 0.3, 1.2))
    found = wasserstein_1d(torch.tensor(x)[:, None], stats.norm(0.3, 1.2))
    assert found == pytest.approx(np.trapezoid(gap, grid), abs=1e-5)
    levels = (np.arange(200_000) + 0.5) / 200_000
    assert found == pytest.approx(wasserstein_1d(x, stats.norm.ppf(levels, 0.3, 1.2)), abs=1e-5)


def test_a_distance_that_is_infinite_or_undefined_is_refused():
    with pytest.raises(ValueError, match="its mean is"):
        wasserstein_1d([0.0], stats.cauchy())
    with pytest.raises(ValueError, match="finite"):
        wasserstein_1d([np.nan], stats.norm())
    with pytest.raises(ValueError, match=r"\(N, 1\)"):
        wasserstein_1d(np.zeros((3, 2)), [0.0])


# Modes


@pytest.mark.parametrize(("share", "covered", "good", "between"), [(0, 0, 0.0, 1.0), (1, 8, 1.0, 0.0)])
def test_samples_are_in_modes_or_between_them(share, covered, good, between):
    centres, std = modes_of(datasets.ring(8))
    points = centres if share else (centres + np.roll(centres, 1, axis=0)) / 2
    found = coverage(points, centres, std)
    assert (found.covered, found.high_quality, found.between) == (covered, good, between)


def test_samples_off_every_bridge_are_neither_good_nor_between():
    found = coverage(np.array([[0.5, 0.0], [0.5, 3.0], [1.4, 0.0]]), np.array([[0.0, 0.0], [1.0, 0.0]]), 0.1)
    assert (found.high_quality, found.between) == (0.0, pytest.approx(1 / 3))


def test_classes_of_images_are_counted():
    data = datasets.digits()
    counts = class_counts(data.images[:400], data)
    assert counts.sum() == 400
    np.testing.assert_allclose(counts, np.bincount(data.labels[:400], minlength=10), atol=4)
    one = class_counts(data.images[data.labels == 7], data)
    assert one.argmax() == 7
    assert one[7] / one.sum() > 0.98
    with pytest.raises(ValueError, match="no labels"):
        class_counts(data.images, datasets.Dataset("plain", data.images))


# Recurrence


def softmax(x):
    weights = np.exp(x)
    return weights / weights.sum(axis=1, keepdims=True)


def cycle(period, times=90, noise=0.0, seed=0):
    phase = np.arange(times)[:, None] / period - np.arange(5) / 5
    return softmax(
        2 * np.cos(2 * np.pi * phase) + noise * np.random.default_rng(seed).normal(size=(times, 5))
    )


@pytest.mark.parametrize("period", [6, 10, 17])
@pytest.mark.parametrize("noise", [0.0, 0.4])
def test_a_cycle_is_found_with_its_period(period, noise):
    found = mode_recurrence(cycle(period, noise=noise), 20 * np.arange(90), surrogates=99)
    assert found.verdict == "cycles"
    assert found.p_value == 0.01
    assert found.period == pytest.approx(20 * period, abs=20)


def test_what_settles_is_no_cycle():
    times = np.arange(100)[:, None]
    start = np.random.default_rng(1).normal(size=5)
    found = mode_recurrence(softmax(3 * np.exp(-times / 10) * start), surrogates=99)
    assert (found.verdict, found.return_rate, found.p_value) == ("settles", 0.0, 1.0)
    assert np.isnan(found.period)
    assert np.all(np.diff(found.lag_distance) > 0)


@pytest.mark.parametrize("kind", ["noise", "wandering"])
def test_noise_and_wandering_pass_for_a_cycle_as_often_as_the_level_says(kind):
    hits = 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        steps = rng.normal(size=(60, 4))
        rows = rng.multinomial(100, [0.25] * 4, size=60)
        if kind == "wandering":
            rows = np.zeros((60, 4))
            for k in range(1, 60):
                rows[k] = 0.9 * rows[k - 1] + 0.5 * steps[k]
            rows = softmax(rows)
        hits += mode_recurrence(rows, surrogates=39, seed=seed).verdict == "cycles"
    assert hits <= 4  # of 20 at 5%: more has probability 0.3%


def test_rates_agree_with_a_count_by_hand():
    rows = cycle(7, times=30, noise=0.5, seed=3)
    found = mode_recurrence(rows, threshold=0.2, surrogates=19)
    distance = lambda i, j: 0.5 * np.abs(rows[i] - rows[j]).sum()
    pairs = [(i, j) for i in range(30) for j in range(i + 1, 30)]
    same = [distance(i, j) <= 0.2 for i, j in pairs]
    back = [
        s and any(distance(i, k) > 0.2 for k in range(i + 1, j))
        for s, (i, j) in zip(same, pairs, strict=True)
    ]
    assert found.recurrence_rate == pytest.approx(np.mean(same))
    assert found.return_rate == pytest.approx(np.mean(back))
    assert found.lag_distance[3] == pytest.approx(np.mean([distance(i, i + 4) for i in range(26)]))


def test_a_histogram_of_nothing_is_far_from_all_others(tmp_path):
    rows = np.vstack([np.zeros((5, 3)), np.eye(3)[[0] * 5]])
    found = mode_recurrence(rows, surrogates=19)
    assert found.distances[0, 4] == 0
    assert found.distances[0, 5] == 1
    again = gandyn.load(gandyn.save(found, tmp_path / "recurrence"))
    assert str(again) == str(found)


def test_recurrence_refuses_what_it_cannot_read():
    with pytest.raises(ValueError, match="T >= 8"):
        mode_recurrence(np.ones((4, 3)))
    with pytest.raises(ValueError, match="evenly"):
        mode_recurrence(np.ones((9, 3)), [0, 1, 2, 3, 4, 5, 6, 7, 9])
    with pytest.raises(ValueError, match="not negative"):
        mode_recurrence(-np.ones((9, 3)))


# Judges


def slope(value, bias=0.0):
    module = nn.Linear(1, 1)
    nn.init.constant_(module.weight, value)
    nn.init.constant_(module.bias, bias)
    return module


def test_judges_score_and_prefer_as_counted_by_hand():
    fake, real = torch.tensor([[-1.0], [0.0], [2.0]]), torch.tensor([[0.0], [1.0]])
    found = judge(fake, [slope(1.0), slope(1.0, bias=5.0), slope(-1.0)], real=real)
    logistic = lambda x: 1 / (1 + np.exp(-x))
    np.testing.assert_allclose(found.scores[0], logistic(fake.numpy()).mean(), rtol=1e-6)
    np.testing.assert_allclose(found.real_scores[1], logistic(real.numpy() + 5).mean(), rtol=1e-6)
    # Pairs won: 2 beats both, 0 ties with 0; the bias changes scores and not preferences.
    np.testing.assert_allclose(found.preference, [2.5 / 6, 2.5 / 6, 3.5 / 6])
    assert found.mean == pytest.approx(found.scores.mean())
    assert found.standard_error == pytest.approx(found.scores.std(ddof=1) / np.sqrt(3))
    assert np.isnan(judge(fake, [slope(1.0)]).standard_error)


def test_a_population_tells_collapse_and_misses_nothing_in_real_samples():
    data = datasets.ring(8, count=3000, std=0.1).images
    modules = [models.mlp_gan(2, hidden=(32,), latent_dim=2, seed=seed)[1] for seed in (1, 2)]
    spread = 3 * torch.randn(1000, 2, generator=draws())
    population = train_judges(modules, data[:1000], spread, steps=200, lr=1e-2, progress=False)
    other = 3 * torch.randn(1000, 2, generator=draws(1))
    preferred = lambda samples: judge(samples, population, real=data[2000:]).mean_preference
    assert preferred(other)[0] < 0.3
    assert preferred(data[1000:2000])[0] == pytest.approx(0.5, abs=0.03)
    again = train_judges(modules, data[:1000], spread, steps=200, lr=1e-2, progress=False)
    np.testing.assert_array_equal(judge(other, population).scores, judge(other, again).scores)


def test_judges_take_images_and_leave_the_modules_as_they_are():
    data = datasets.digits().images
    _, module = models.conv_gan(8, width=2, latent_dim=4)
    before = {name: value.clone() for name, value in module.state_dict().items()}
    noise = torch.rand(200, 1, 8, 8, generator=draws())
    (trained,) = train_judges([module], data[:800], noise, steps=60, lr=5e-3, progress=False)
    assert judge(noise, [trained], real=data[800:]).preference[0] < 0.05
    assert module.training
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    generator, discriminator = models.mlp_gan(2, hidden=(8,), latent_dim=2)
    folder = tmp_path_factory.mktemp("run") / "a"
    made = train(
        generator, discriminator, losses.nonsaturating(), datasets.ring(), folder,
        steps=20, recipe=Recipe(batch_size=16), checkpoint_every=5, progress=False,
    )  # fmt: skip
    return made, generator, discriminator


def test_checkpoints_of_several_runs_are_judges(run):
    made, generator, discriminator = run
    population = judges_of([made, Run(made.folder)], discriminator)
    assert len(population) == 8
    x = torch.randn(10, 2, generator=draws())
    made.restore(generator, discriminator, 10)
    expected = torch.sigmoid(discriminator(x)).mean().item()
    assert judge(x, population).scores[1] == pytest.approx(expected, rel=1e-5)
    assert len(judges_of(made, discriminator, [5])) == 1
    with pytest.raises(RunError, match="no checkpoint at step 7"):
        judges_of(made, discriminator, [7])


def test_judges_refuse_what_they_cannot_score():
    with pytest.raises(ValueError, match="at least one module"):
        judge(torch.zeros(3, 1), [])
    with pytest.raises(ValueError, match=r"\(N, 1\)"):
        judge(torch.zeros(3, 1), [nn.Linear(1, 2)])
    with pytest.raises(ValueError, match="not finite"):
        judge(torch.zeros(3, 1), [slope(np.inf)])


# Latents


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_slerp_keeps_the_norm_and_turns_evenly(dtype):
    a, b = torch.randn(2, 50, generator=draws(), dtype=torch.float64).to(dtype)
    b = b * a.norm() / b.norm()
    way = interpolate(a, b, 11)
    accuracy = 1e-5 if dtype == torch.float32 else 1e-13
    torch.testing.assert_close(way.norm(dim=1), a.norm().expand(11), rtol=accuracy, atol=0)
    cosines = (way[1:] * way[:-1]).sum(dim=1) / a.norm() ** 2
    assert float(cosines.max() - cosines.min()) < 10 * accuracy
    torch.testing.assert_close(way[[0, -1]], torch.stack([a, b]), rtol=accuracy, atol=accuracy)


def test_slerp_changes_unequal_norms_evenly_and_stays_in_the_plane_of_its_ends():
    a, b = torch.tensor([2.0, 0, 0], dtype=torch.float64), torch.tensor([0, 4.0, 0], dtype=torch.float64)
    way = interpolate(a, b, 5)
    torch.testing.assert_close(way.norm(dim=1), torch.linspace(2, 4, 5, dtype=torch.float64))
    torch.testing.assert_close(way[:, 2], torch.zeros(5, dtype=torch.float64))
    torch.testing.assert_close(way[2], 3 * torch.tensor([1, 1, 0], dtype=torch.float64) / np.sqrt(2))


def test_linear_interpolation_passes_nearer_to_the_origin():
    a, b = torch.eye(2)
    assert interpolate(a, b, 3, kind="linear")[1].norm() == pytest.approx(1 / np.sqrt(2))
    torch.testing.assert_close(interpolate(a, a, 3), a.repeat(3, 1))


def test_ends_without_an_arc_are_refused():
    a = torch.tensor([1.0, 2.0])
    with pytest.raises(ValueError, match="opposite"):
        interpolate(a, -2 * a)
    with pytest.raises(ValueError, match="zero latent"):
        interpolate(a, 0 * a)
    with pytest.raises(ValueError, match="spherical"):
        interpolate(a, a, kind="slerp")


def test_walks_say_what_lies_outside_the_prior():
    start = torch.arange(4.0)
    found = walk(start, 1, [-4.0, -3.0, 0.0, 3.29, 3.3])
    assert found.inside.tolist() == [False, True, True, True, False]
    assert torch.equal(found.latents[:, [0, 2, 3]], start[[0, 2, 3]].repeat(5, 1))
    assert walk(start, 0, [-1.01, -1.0, 1.0, 1.01], prior="uniform").inside.tolist() == [
        False,
        True,
        True,
        False,
    ]
    levels = [0.01, 0.5, 0.9]
    quantiles = walk(start.double(), 2, quantiles=levels).values
    np.testing.assert_allclose(quantiles, stats.norm.ppf(levels), atol=1e-12)
    assert walk(start, 0).inside.all()


def test_walks_refuse_what_is_no_walk():
    with pytest.raises(ValueError, match="from 0 to d - 1"):
        walk(torch.zeros(3), 3, [0.0])
    with pytest.raises(ValueError, match="not both"):
        walk(torch.zeros(3), 0, [0.0], quantiles=[0.5])
    with pytest.raises(ValueError, match="between 0 and 1"):
        walk(torch.zeros(3), 0, quantiles=[0.0])


def test_the_image_of_a_combination_is_the_combination_of_images_only_of_a_linear_generator(tmp_path):
    latents = torch.randn(3, 4, generator=draws())
    linear = nn.Linear(4, 5, bias=False)
    found = combine(linear, latents)
    assert found.nonlinearity < 1e-6
    torch.testing.assert_close(found.latent, latents[0] - latents[1] + latents[2])
    bent = combine(nn.Sequential(linear, nn.ReLU()), latents, [0.5, 0.25, 0.25])
    images = torch.relu(linear(latents)).detach()
    torch.testing.assert_close(
        bent.combination_of_images, 0.5 * images[0] + 0.25 * images[1] + 0.25 * images[2]
    )
    assert bent.nonlinearity > 0.01
    assert str(gandyn.load(gandyn.save(bent, tmp_path / "sum"))) == str(bent)


class Conditional(nn.Module):
    def __init__(self):
        super().__init__()
        self.classes, self.drop = nn.Embedding(3, 2), nn.Dropout(0.5)

    def forward(self, z, labels):
        return self.drop(z + self.classes(labels))


def test_a_grid_of_classes_has_a_row_for_each():
    latents, generator = torch.randn(4, 2, generator=draws()), Conditional()
    made = generate(generator, *class_grid(latents, [2, 0])).reshape(2, 4, 2)
    with torch.no_grad():
        torch.testing.assert_close(made[0], latents + generator.classes.weight[2])
        torch.testing.assert_close(made[1], latents + generator.classes.weight[0])
    assert generator.training
    torch.testing.assert_close(
        generate(generator, *class_grid(latents, [2, 0]), batch_size=3), made.flatten(0, 1)
    )


def test_snapshots_show_the_checkpoint(run):
    made, generator, discriminator = run
    latents = torch.randn(3000, 2, generator=draws())
    axis = np.linspace(-4, 4, 41)
    found = Snapshots(made, generator, discriminator, latents, axes=[axis, axis[:31]])(15)
    made.restore(generator, discriminator, 15)
    with torch.no_grad():
        np.testing.assert_allclose(found.samples, generator(latents), rtol=1e-6)
        point = torch.tensor([[axis[7], axis[20]]], dtype=torch.float32)
        assert found.scores[20, 7] == pytest.approx(torch.sigmoid(discriminator(point)).item(), rel=1e-5)
    assert found.density.shape == (31, 41)
    low, high = axis[[0, 0]] - 0.1, np.array([axis[40], axis[30]]) + 0.1
    inside = np.all((found.samples > low) & (found.samples < high), axis=1).mean()
    assert found.density.sum() * 0.2**2 == pytest.approx(inside)
    with pytest.raises(ValueError, match="increasing"):
        Snapshots(made, generator, discriminator, latents, axes=[[0.0, 0.0]])
