"""Lyapunov exponents: textbook values, closed forms, errors that cover, runs that go on."""

import numpy as np
import pytest
from problems import NAMESPACES, linear_flow, linear_map, plain_layout, torch_game

from gandyn import (
    UpdateMap,
    find_fixed_points,
    limit_cycle,
    load,
    lyapunov_spectrum,
    save,
    schemes,
)
from gandyn.games import catalogue, textbook
from gandyn.lyapunov.errors import bump_weights, long_run_errors


def measure(system, x0, **options):
    return lyapunov_spectrum(system, np.asarray(x0, dtype=float), progress=False, **options)


def assert_within(found, truth, error=0.0, times=3.0):
    """Within so many standard errors, ours and the truth's taken together."""
    both = np.hypot(found.standard_errors, error)
    assert np.all(np.abs(found.exponents - truth) <= times * both), (found.exponents, both)


@pytest.mark.parametrize(
    ("system", "x0", "options", "truth", "error"),
    [
        (textbook.henon(), [0.1, 0.1], {"n_steps": 500_000}, [0.41913, -1.62310], 8e-5),
        (textbook.logistic(r=4.0), [0.3], {"n_steps": 100_000}, [np.log(2)], 0.0),
        (textbook.lorenz(), [1, 1, 20], {"t_end": 800, "transient": 20}, [0.9056, 0, -14.5722], 4e-4),
        (textbook.lorenz(), [1, 1, 20], {"t_end": 2000, "step": 0.01}, [0.9056, 0, -14.5722], 4e-4),
        (textbook.rossler(), [1, 1, 0], {"t_end": 3000, "transient": 50}, [0.0714, 0, -5.3942], 2e-4),
    ],
    ids=["henon", "logistic", "lorenz", "lorenz rk4", "rossler"],
)
def test_textbook_exponents(system, x0, options, truth, error):
    found = measure(system, x0, **options)
    assert found.status == "finished"
    assert_within(found, truth, error)
    assert found.total == pytest.approx(found.divergence, abs=found.resolution)
    assert found.resolution < (2e-4 if "step" in options else 1e-5)
    assert np.all(found.standard_errors < 0.02)


def test_sums_and_dimensions():
    henon = measure(textbook.henon(), [0.1, 0.1], n_steps=10_000)
    assert henon.total == pytest.approx(np.log(0.3), abs=1e-12)
    lorenz = measure(textbook.lorenz(), [1, 1, 20], t_end=300, transient=20)
    assert lorenz.total == pytest.approx(-13.666667, abs=1e-6)
    assert lorenz.kaplan_yorke == pytest.approx(2.0621, abs=2e-3)
    assert lorenz.verdicts == ("positive", "compatible with zero", "negative")


def test_dimensions_that_these_exponents_do_not_fix():
    lorenz = measure(textbook.lorenz(), [1, 1, 20], t_end=100, k=2)
    assert lorenz.kaplan_yorke is None
    assert lorenz.divergence is None
    assert measure(linear_flow([[-1.0, 0], [0, -2.0]]), [0, 0], t_end=10, warmup=20).kaplan_yorke == 0
    assert measure(linear_flow([[1.0, 0], [0, 0.5]]), [0, 0], t_end=10).kaplan_yorke == 2


def test_a_stable_cycle_and_its_floquet_exponent():
    whole = {"t_end": 50 * 6.663286859323, "transient": 30}
    periods = measure(textbook.van_der_pol(), [2, 0], **whole)
    np.testing.assert_allclose(periods.exponents, [0, -1.059376994842], atol=2e-8)
    smooth = measure(textbook.van_der_pol(), [2, 0], t_end=400, transient=30, weighting="smooth")
    np.testing.assert_allclose(smooth.exponents, [0, -1.059376994842], atol=1e-6)
    uniform = measure(textbook.van_der_pol(), [2, 0], t_end=400, transient=30)
    assert_within(uniform, [0, -1.059376994842])
    assert uniform.verdicts == ("compatible with zero", "negative")


def test_the_logistic_map_on_its_cycle_of_two():
    found = measure(textbook.logistic(r=3.2), [0.3], n_steps=10_000, transient=1000)
    assert found.exponents[0] == pytest.approx(np.log(0.16) / 2, abs=1e-12)


@pytest.mark.parametrize(
    ("scheme", "growth"),
    [
        (schemes.simultaneous, 0.004975165426584),
        (schemes.alternating, 0.0),
        (schemes.extragradient, 0.5 * np.log((1 - 0.01) ** 2 + 0.01)),
    ],
)
def test_exponents_per_step_of_the_bilinear_game(scheme, growth):
    step = scheme(catalogue.make("bilinear"), 0.1)
    found = measure(step, [0.3, 0.1], n_steps=2000, weighting="smooth", max_norm=1e12)
    np.testing.assert_allclose(found.per_step, [growth, growth], atol=1e-9)


@pytest.mark.parametrize(
    "name", ["dirac", "lq-wgan", "lorenz", "henon", "towel-map", "balduzzi", "brusselator"]
)
def test_exponents_are_growth_rates_at_fixed_points(name):
    system = catalogue.make(name)
    windows = catalogue.get(name).windows
    box = {entry: windows[entry] for entry in system.layout.names}
    points = find_fixed_points(system, box, n_starts=256, progress=False).points
    assert points
    time = {"n_steps": 1000, "warmup": 3000} if isinstance(system, UpdateMap) else {"t_end": 300.0}
    for point in points[:6]:
        rates = np.sort(point.growth_rates)[::-1]
        # Rounding leaves an unstable point: follow the linearisation.
        found = measure(linearised(system, point.x), 0 * point.x, weighting="smooth", **time)
        np.testing.assert_allclose(found.exponents, rates, atol=2e-6 * max(1, np.abs(rates).max()))


def linearised(system, x):
    """The linearisation about a fixed point, which rounding cannot leave."""
    matrix = system.jac(x)
    if isinstance(system, UpdateMap):
        return linear_map(matrix, system.dt)
    return textbook.linear(matrix)


def test_a_stable_fixed_point_has_no_zero_exponent_however_close_the_orbit_is():
    found = measure(textbook.lorenz(rho=0.5), [1, 1, 1], t_end=200, transient=200)
    rates = np.sort(np.linalg.eigvals(textbook.lorenz(rho=0.5).jac(np.zeros(3))).real)[::-1]
    np.testing.assert_allclose(found.exponents, rates, atol=1e-6)
    assert found.verdicts == ("negative",) * 3


@pytest.mark.parametrize("lam", [0.3, 0.7])
def test_the_jump_of_wgan_gp_is_crossed_by_saltation(lam):
    game = catalogue.make("dirac-wgan-gp", lam=lam)
    start = limit_cycle(game, np.array([1.0, 0.5]), progress=False).states[0]
    period = 2 * np.pi / np.sqrt(1 - lam**2 / 4)
    found = measure(game, start, t_end=20 * period, warmup=31.5 / lam)
    np.testing.assert_allclose(found.exponents, [0, -lam / 2], atol=2e-8)
    without = measure(game, start, t_end=20 * period, warmup=31.5 / lam, switches=[], rtol=1e-6, atol=1e-6)
    assert without.total == pytest.approx(-lam, abs=1e-4)


def test_clipping_that_holds_a_weight_collapses_its_direction():
    step = schemes.clipped_weights(schemes.simultaneous(catalogue.make("dirac-wgan"), 0.1), 0.05)
    found = measure(step, [1.0, 0.0], n_steps=5, warmup=10)
    assert found.exponents[-1] == -np.inf
    assert found.verdicts[-1] == "negative"


def covers(make, truth, runs=200):
    found = [make(seed) for seed in range(runs)]
    errors = np.array([each.standard_errors for each in found])
    inside = np.abs(np.array([each.exponents for each in found]) - truth) <= 2 * errors
    return inside.mean(axis=0)


def test_standard_errors_cover_the_truth():
    start = lambda seed, n: np.random.default_rng(seed).uniform(-0.1, 0.1, n)
    henon = lambda seed: measure(
        textbook.henon(), start(seed, 2), n_steps=1000, transient=100, record_every=1, qr_every=1
    )
    rk4 = {"t_end": 400, "transient": 10, "step": 0.01, "record_every": 0.4}
    lorenz = lambda seed: measure(textbook.lorenz(), np.array([1, 1, 20]) + start(seed, 3), **rk4)
    logistic = lambda seed: measure(
        textbook.logistic(), start(seed, 1) + 0.3, n_steps=1000, transient=20, record_every=1
    )
    flow = covers(lorenz, [0.9056, 0, -14.5722])
    shares = np.concatenate([covers(henon, [0.41913, -1.62310]), flow[[0, 2]], covers(logistic, np.log(2))])
    assert np.all((shares >= 0.90) & (shares <= 0.99)), shares
    # The growth along the flow only shifts back and forth: how little is left of it, a short run overstates.
    assert flow[1] >= 0.90


def test_the_transient_lies_outside_the_average():
    """A map that doubles for 50 steps and then halves: what is averaged is the halving alone."""
    factor = lambda k: np.where(k < 50, 2.0, 0.5)
    step = UpdateMap(
        lambda x, k: 0 * x, plain_layout(1), 1.0, jac=lambda x, k: np.full((*x.shape, 1), factor(k))
    )
    found = measure(step, [0.0], n_steps=30, transient=40, warmup=10)
    assert found.exponents[0] == pytest.approx(np.log(0.5), rel=1e-14)
    assert found.start == 50
    assert found.times[-1] == 80
    early = measure(step, [0.0], n_steps=30, t0=10, warmup=0)
    assert early.exponents[0] == pytest.approx(np.log(2), rel=1e-14)
    late = measure(step, [0.0], n_steps=30, t0=60, warmup=0)
    assert late.exponents[0] == pytest.approx(np.log(0.5), rel=1e-14)


def test_what_diverges_gives_what_was_measured():
    step = schemes.simultaneous(catalogue.make("bilinear"), 0.5)
    found = measure(step, [1, 1], n_steps=10_000, warmup=0, record_every=1)
    assert found.status == "diverged"
    assert 0 < len(found.times) < 10_000
    np.testing.assert_allclose(found.per_step, 0.5 * np.log(1.25), rtol=1e-12)
    early = measure(step, [1, 1], n_steps=1000, transient=10_000)
    assert early.status == "diverged"
    assert "in the transient" in early.message
    assert np.all(np.isnan(early.exponents))
    assert early.verdicts == ("undecided",) * 2


def test_flows_in_products_equal_flows_in_dense_jacobians():
    matrix = np.diag(np.linspace(-3, 0.2, 30)) + 0.1 * np.triu(
        np.random.default_rng(0).normal(size=(30, 30)), 1
    )
    field = linear_flow(matrix)
    found = measure(field, np.zeros(30), t_end=400, k=3, weighting="smooth")
    np.testing.assert_allclose(found.exponents, np.linspace(-3, 0.2, 30)[::-1][:3], atol=1e-3)


@pytest.mark.parametrize("namespace", [name for name in NAMESPACES if name != "numpy"])
def test_maps_of_other_namespaces(namespace):
    make = NAMESPACES[namespace]
    matrix = np.diag(np.linspace(1.1, 0.2, 30))
    found = lyapunov_spectrum(
        linear_map(matrix), make(np.zeros(30)), n_steps=300, k=2, warmup=800, progress=False
    )
    expected = np.log(np.linspace(1.1, 0.2, 30)[:2])
    np.testing.assert_allclose(found.exponents, expected, atol=1e-9)


def test_products_equal_dense_products_of_jacobians_on_networks():
    pytest.importorskip("torch")
    field, x = torch_game(latent=2, hidden=6, data=3)
    step = schemes.alternating(field, 0.05)
    n, k, steps = x.shape[0], 3, 30
    found = lyapunov_spectrum(
        step, x, n_steps=steps, k=k, warmup=0, qr_every=1, record_every=1, progress=False
    )
    tangents = np.linalg.qr(np.random.default_rng(0).normal(size=(n, k)))[0]
    rows, state = [], x
    for number in range(steps):
        tangents, upper = np.linalg.qr(step.jac(state, number).numpy() @ tangents)
        rows.append(np.log(np.abs(np.diag(upper))))
        state = step(state, number)
    np.testing.assert_allclose(found.local * step.dt, rows, atol=1e-8)


def test_a_run_that_is_interrupted_goes_on_to_the_bit(tmp_path):
    henon = textbook.henon()
    calls = {"left": 3000}

    def interrupted(x, k):
        calls["left"] -= 1
        if calls["left"] == 0:
            raise KeyboardInterrupt
        return henon(x, k)

    system = UpdateMap(interrupted, henon.layout, 1.0, jac=henon.jac, label=henon.label)
    options = {"n_steps": 4000, "transient": 100, "path": tmp_path / "run"}
    first = measure(system, [0.1, 0.1], **options)
    assert first.status == "interrupted"
    assert 0 < len(first.times) < 4000
    second = measure(system, [0.1, 0.1], **options)
    whole = measure(system, [0.1, 0.1], **(options | {"path": None}))
    for name in ("exponents", "standard_errors", "local", "times", "x", "tangents"):
        np.testing.assert_array_equal(getattr(second, name), getattr(whole, name))
    assert second.status == whole.status == "finished"
    again = measure(system, [0.1, 0.1], **options)
    np.testing.assert_array_equal(again.exponents, whole.exponents)
    with pytest.raises(ValueError, match="holds a run with amount = 4000, now it is 5000"):
        measure(system, [0.1, 0.1], **(options | {"n_steps": 5000}))


def test_flows_resume_to_the_bit_whatever_the_pieces(tmp_path, monkeypatch):
    options = {"t_end": 50.0, "transient": 2.0}
    whole = measure(textbook.lorenz(), [1, 1, 20], **options)
    monkeypatch.setattr("gandyn.lyapunov.phases._PIECE_SECONDS", 0.0)
    pieces = measure(textbook.lorenz(), [1, 1, 20], path=tmp_path / "run", **options)
    np.testing.assert_array_equal(pieces.local, whole.local)
    np.testing.assert_array_equal(pieces.x, whole.x)


def test_memory_does_not_grow_with_the_time():
    few = measure(textbook.henon(), [0.1, 0.1], n_steps=10_000)
    many = measure(textbook.henon(), [0.1, 0.1], n_steps=300_000)
    assert len(many.times) <= 4096
    assert many.local.size < 2 * few.local.size + 8192


def test_the_running_estimate_ends_in_the_estimate_and_its_band_narrows():
    found = measure(textbook.henon(), [0.1, 0.1], n_steps=100_000)
    times, estimates, errors = found.running(50)
    np.testing.assert_allclose(estimates[-1], found.exponents, rtol=1e-12)
    np.testing.assert_allclose(errors[-1], found.standard_errors, rtol=1e-12)
    middle = np.searchsorted(times, times[-1] / 20)
    assert errors[-1, 0] < 0.5 * errors[middle, 0]


def test_errors_of_noise_of_correlated_noise_and_of_what_shifts_back_and_forth():
    noise = np.random.default_rng(0).normal(size=40_000)
    correlated = np.zeros_like(noise)
    for i in range(1, len(noise)):
        correlated[i] = 0.9 * correlated[i - 1] + noise[i]
    series = np.stack([noise[1:], correlated[1:], np.diff(noise)], axis=1)
    root = np.sqrt(len(series))
    np.testing.assert_allclose(long_run_errors(series)[:2], [1 / root, 10 / root], rtol=0.15)
    assert long_run_errors(series)[2] < 10 / len(series)


def test_smooth_weights():
    weights = bump_weights(101)
    assert weights.sum() == pytest.approx(1)
    np.testing.assert_allclose(weights, weights[::-1], rtol=1e-12)


def test_the_result_is_saved_loaded_and_read(tmp_path):
    found = measure(textbook.lorenz(), [1, 1, 20], t_end=60)
    back = load(save(found, tmp_path / "exponents"))
    np.testing.assert_array_equal(back.local, found.local)
    assert str(back) == str(found)
    assert "Kaplan-Yorke" in str(found)
    assert found.to_xarray()["local"].dims == ("t", "exponent")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_steps": 10}, "a flow takes t_end"),
        ({"t_end": -1.0}, "a flow takes t_end"),
        ({"t_end": 1.0, "k": 4}, "k must be from 1 to the 3 entries"),
        ({"t_end": 1.0, "transient": -1}, "transient must be finite and not negative"),
        ({"t_end": 1.0, "weighting": "none"}, "weighting must be one of"),
        ({"t_end": 1.0, "step": 0.0}, "step is the length of the steps"),
        ({"t_end": 1.0, "qr_every": 0}, "qr_every must be positive"),
    ],
)
def test_bad_input_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        measure(textbook.lorenz(), [1, 1, 20], **options)


def test_maps_count_whole_steps():
    with pytest.raises(ValueError, match=r"transient of a map is a number of steps, got 0\.5"):
        measure(textbook.henon(), [0, 0], n_steps=10, transient=0.5)
