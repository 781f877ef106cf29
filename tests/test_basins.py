"""Basins against closed forms, their slow twin, and starts that mislead."""

from dataclasses import replace

import numpy as np
import pytest
from problems import linear_flow, linear_map

import gandyn.basins.search as search
from gandyn import find_fixed_points, load, save, schemes, trajectory
from gandyn.arrays import to_numpy
from gandyn.basins import (
    ESCAPED,
    LEFT_THE_BOX,
    NOT_COMPUTED,
    OUTCOMES,
    UNDECIDED,
    Share,
    find_basins,
)
from gandyn.field import Layout, UpdateMap, VectorField
from gandyn.games import catalogue

XY = Layout.scalars(state=["x", "y"])


def _stack(*parts):
    return np.stack(parts, axis=-1)


def double_well(rate=1.0):
    """x' = x - x^3, y' = -rate y: attractors (-1, 0) and (1, 0), and a saddle between their halves."""
    return VectorField(
        lambda x, t: _stack(x[..., 0] - x[..., 0] ** 3, -rate * x[..., 1]),
        XY,
        jac=lambda x, t: _stack(
            _stack(1 - 3 * x[..., 0] ** 2, 0 * x[..., 0]), _stack(0 * x[..., 0], 0 * x[..., 0] - rate)
        ),
        label="double well",
    )


def newton_cubic():
    """Newton's method on z^3 = 1 in the plane."""

    def step(x, k):
        z = x[..., 0] + 1j * x[..., 1]
        z = z - (z**3 - 1) / (3 * z**2)
        return _stack(z.real, z.imag)

    def jac(x, k):
        z = x[..., 0] + 1j * x[..., 1]
        slope = 2 / 3 - 2 / (3 * z**3)
        return _stack(_stack(slope.real, slope.imag), _stack(-slope.imag, slope.real))

    return UpdateMap(step, XY, jac=jac, label="Newton's method on z^3 - 1")


def where(found, place):
    """The number of the attractor at a place."""
    distances = [np.linalg.norm(attractor.samples - place, axis=-1).min() for attractor in found.attractors]
    assert min(distances) < 1e-6
    return int(np.argmin(distances))


def test_the_halves_of_a_double_well():
    found = find_basins(double_well(), {"x": (-2, 2), "y": (-1, 1)}, (40, 30))
    assert found.labels.shape == (30, 40)
    assert found.status == "finished"
    assert [a.kind for a in found.attractors] == ["fixed point"] * 2
    left, right = where(found, [-1, 0]), where(found, [1, 0])
    assert np.all(found.labels[:, :20] == left)
    assert np.all(found.labels[:, 20:] == right)
    share = found.share(left)
    assert share.value == 0.5
    assert share.low < 0.5 < share.high
    for attractor in found.attractors:
        assert attractor.exponents == pytest.approx([-1, -2], abs=1e-9)
    assert "0.5000 +- 0.0282" in str(found)


def test_the_interval_of_a_share_is_wilsons():
    for count, total in ((0, 10), (3, 10), (10, 10), (481, 1000)):
        share, z = Share(count, total), 1.959963984540054
        for end in (share.low, share.high):
            if 0 < end < 1:
                assert (count / total - end) ** 2 == pytest.approx(z**2 * end * (1 - end) / total, rel=1e-9)
    assert np.isnan(Share(0, 0).value)


def test_newtons_basins_have_their_symmetry_of_order_three_and_no_pole_is_an_attractor():
    found = find_basins(newton_cubic(), (-2, 2), 60)
    roots = [[1, 0], [-0.5, np.sqrt(0.75)], [-0.5, -np.sqrt(0.75)]]
    numbers = [where(found, root) for root in roots]
    assert sorted(numbers) == [0, 1, 2]
    assert len(found.attractors) == 3
    # Which root Newton reaches, by iterating far.
    a, b = np.meshgrid(*found.axes)
    z = a + 1j * b
    with np.errstate(all="ignore"):
        for _ in range(200):
            z = z - (z**3 - 1) / (3 * z**2)
    for number, root in zip(numbers, roots, strict=True):
        assert np.array_equal(found.labels == number, np.abs(z - complex(*root)) < 1e-6)
    assert np.array_equal(found.labels[::-1] == numbers[1], found.labels == numbers[2])


def test_starts_exactly_on_a_stable_manifold_reach_no_attractor():
    # On x = 0 orbits tend to the saddle, whose volume contracts; odd n puts starts there.
    for rate in (0.5, 1.0, 5.0):
        found = find_basins(double_well(rate), {"x": (-2, 2), "y": (-1, 1)}, (21, 5), max_steps=2000)
        assert np.all(found.labels[:, 10] == UNDECIDED)
        assert len(found.attractors) == 2
        assert np.all(found.labels[:, :10] == where(found, [-1, 0]))


@pytest.mark.parametrize("distance", [1e-3, 1e-8, 1e-14, 1e-100])
def test_slow_passages_of_a_saddle_end_where_they_go(distance):
    starts = np.array([[s * distance, y] for s in (-1, 1) for y in (-1.0, 0.0, 0.5)])
    found = find_basins(double_well(), (-2, 2), starts=starts)
    assert len(found.attractors) == 2
    assert np.array_equal(
        found.labels, np.where(starts[:, 0] < 0, where(found, [-1, 0]), where(found, [1, 0]))
    )


def test_a_saddle_of_a_map_is_passed_slowly_and_not_an_attractor():
    # Multiplier 1.001: thousands of steps within a cell.
    system = UpdateMap(
        lambda x, k: _stack(x[..., 0] + 1e-3 * (x[..., 0] - x[..., 0] ** 3), 0.9 * x[..., 1]), XY
    )
    starts = np.array([[1e-4, 0.5], [-1e-4, 0.5], [0.0, 0.5]])
    found = find_basins(system, (-2, 2), starts=starts, max_steps=30_000)
    right, left = where(found, [1, 0]), where(found, [-1, 0])
    assert found.labels.tolist() == [right, left, UNDECIDED]


def test_escaped_left_and_undecided_are_three_labels():
    assert len({ESCAPED, LEFT_THE_BOX, UNDECIDED, NOT_COMPUTED}) == 4
    assert all(code < 0 for code in OUTCOMES)
    layout = Layout.scalars(state=["x"])
    blow_up = VectorField(lambda x, t: x**3 - x, layout)
    found = find_basins(blow_up, {"x": (-2, 2)}, 40)
    inner = np.abs(found.axes[0]) < 1
    assert np.all(found.labels[~inner] == ESCAPED)
    assert np.all(found.labels[inner] == where(found, [0]))
    drift = VectorField(lambda x, t: 1 / (1 + x**2), layout)
    assert np.all(find_basins(drift, {"x": (-2, 2)}, 5, max_norm=1e9, max_steps=3000).labels == LEFT_THE_BOX)
    centre = linear_flow([[0.0, -1.0], [1.0, 0.0]])
    turning = find_basins(centre, {"x[0]": (-1, 1), "x[1]": (-1, 1)}, 8, max_steps=500)
    assert np.all(turning.labels == UNDECIDED)
    assert turning.attractors == ()


def test_the_bilinear_game_and_the_pendulum_have_no_attractor():
    for name in ("bilinear", "hidden-bilinear"):
        found = find_basins(catalogue.make(name), (-1, 1), 6, max_steps=2000)
        assert found.attractors == ()
        assert np.all(found.labels == UNDECIDED)


def test_an_orbit_that_leaves_and_comes_back_is_followed_on():
    # Decaying rotation of large radius through the box and out of the larger one, again and again.
    focus = linear_map(0.999 * np.array([[np.cos(0.01), -np.sin(0.01)], [np.sin(0.01), np.cos(0.01)]]))
    starts = np.array([[50.0, 0.0], [0.0, -80.0]])
    found = find_basins(focus, (-1, 1), starts=starts, away_steps=20_000, max_steps=20_000)
    assert np.all(found.labels == where(found, [0, 0]))
    given_up = find_basins(focus, (-1, 1), starts=starts, away_steps=500)
    assert np.all(given_up.labels == LEFT_THE_BOX)
    assert np.all(given_up.steps == 499)


def test_a_pole_is_not_an_attractor():
    # x' = -1/x runs into the pole at 0 in finite time with unbounded velocity.
    pole = VectorField(
        lambda x, t: -1 / x, Layout.scalars(state=["x"]), jac=lambda x, t: (1 / x**2)[..., None]
    )
    found = find_basins(pole, {"x": (-1, 1)}, 6, max_steps=3000)
    assert found.attractors == ()
    assert np.all(found.labels < 0)


def test_henons_attractor():
    found = find_basins(catalogue.make("henon"), {"x": (-2, 2), "y": (-2, 2)}, 100)
    (attractor,) = found.attractors
    assert attractor.kind == "chaotic"
    top, error = attractor.exponents[0], attractor.exponent_errors[0]
    assert error < 0.01
    assert abs(top - 0.41913) < 4 * error
    assert attractor.exponents.sum() == pytest.approx(np.log(0.3), abs=1e-9)
    # An independent iteration: what stays bounded, of an invertible map without other attractors.
    x, y = np.meshgrid(*found.axes)
    with np.errstate(all="ignore"):
        for _ in range(2000):
            x, y = 1 - 1.4 * x**2 + y, 0.3 * x
    bounded = np.isfinite(x)
    assert np.array_equal(found.labels == 0, bounded)
    assert np.array_equal(found.labels == ESCAPED, ~bounded)


@pytest.mark.parametrize(
    ("r", "period", "n", "unstable"), [(3.2, 2, 200, [62, 137]), (3.83, 3, 200, []), (3.5, 4, 64, [])]
)
def test_windows_of_the_logistic_map(r, period, n, unstable):
    found = find_basins(catalogue.make("logistic", r=r), {"x": (0, 1)}, n)
    (attractor,) = found.attractors
    assert (attractor.kind, attractor.period) == ("periodic orbit", period)
    orbit = attractor.samples[:, 0]
    assert np.sort(r * orbit * (1 - orbit)) == pytest.approx(np.sort(orbit), abs=1e-12)
    assert attractor.exponents[0] == pytest.approx(np.mean(np.log(np.abs(r - 2 * r * orbit))), abs=1e-9)
    if r == 3.2:
        assert attractor.exponents[0] == pytest.approx(np.log(0.16) / 2, abs=1e-12)
    # At 3.2 two starts are the unstable fixed point 0.6875 and its other preimage, exactly.
    assert np.flatnonzero(found.labels != 0).tolist() == unstable
    assert np.all(found.labels[unstable] == UNDECIDED)


def test_chaos_of_the_logistic_map_that_folds():
    found = find_basins(catalogue.make("logistic"), {"x": (0.01, 0.99)}, 50)
    (attractor,) = found.attractors
    assert attractor.kind == "chaotic"
    assert abs(attractor.exponents[0] - np.log(2)) < 4 * attractor.exponent_errors[0] + 1e-12
    assert np.all(found.labels == 0)


def test_van_der_pols_cycle():
    found = find_basins(catalogue.make("van-der-pol"), (-3, 3), 16)
    (attractor,) = found.attractors
    assert attractor.kind == "cycle"
    assert attractor.period == pytest.approx(6.663286859323, rel=1e-4)
    error = attractor.exponent_errors
    assert np.all(np.abs(attractor.exponents - [0, -1.059376994842]) < 4 * error + 1e-4)
    assert np.all(found.labels == 0)
    assert np.abs(attractor.samples[:, 0]).max() == pytest.approx(2.00862, abs=2e-3)


def test_a_cycle_round_the_basin_of_a_focus():
    # r' = r (r^2 - 1)(4 - r^2) / 4: the origin attracts within 1, the circle of radius 2 beyond.
    def velocity(x, t):
        r2 = np.sum(x * x, axis=-1)
        growth = -(1 - r2) * (4 - r2) / 4
        return _stack(growth * x[..., 0] - x[..., 1], x[..., 0] + growth * x[..., 1])

    found = find_basins(VectorField(velocity, XY, label="two rings"), (-3, 3), 14, max_steps=1000)
    kinds = [a.kind for a in found.attractors]
    assert sorted(kinds) == ["cycle", "fixed point"]
    a, b = np.meshgrid(*found.axes)
    inside = a**2 + b**2 < 1
    assert np.array_equal(found.labels == kinds.index("fixed point"), inside)
    assert np.array_equal(found.labels == kinds.index("cycle"), ~inside)
    cycle = found.attractors[kinds.index("cycle")]
    assert cycle.period == pytest.approx(2 * np.pi, rel=1e-4)
    assert np.linalg.norm(cycle.samples, axis=-1) == pytest.approx(2, abs=1e-4)


def test_a_quasi_periodic_circle_of_a_map_is_a_torus():
    # Radial contraction to 1, rotation by the golden mean.
    angle = 2 * np.pi * (np.sqrt(5) - 1) / 2

    def step(x, k):
        r = np.sqrt(np.sum(x * x, axis=-1))
        scale = (0.5 + 0.5 * r) / r
        c, s = np.cos(angle), np.sin(angle)
        return _stack(scale * (c * x[..., 0] - s * x[..., 1]), scale * (s * x[..., 0] + c * x[..., 1]))

    found = find_basins(UpdateMap(step, XY), (-2, 2), 6)
    (attractor,) = found.attractors
    assert attractor.kind == "torus"
    assert attractor.exponents == pytest.approx([0, np.log(0.5)], abs=1e-3)
    assert np.all(found.labels == 0)


def test_a_plane_slice_of_lorenz():
    # Two stable points at rho = 20 beside transient chaos; a chaotic attractor at 28.
    box = {"x": (-20, 20), "y": (-20, 20)}
    calm = find_basins(catalogue.make("lorenz", rho=20.0), box, 8, at={"z": 19.0})
    assert [a.kind for a in calm.attractors] == ["fixed point"] * 2
    assert set(np.unique(calm.labels)) == {0, 1}
    # (x, y, z) -> (-x, -y, z) swaps the points, and with them the basins.
    assert np.array_equal(calm.labels[::-1, ::-1], 1 - calm.labels)
    wild = find_basins(catalogue.make("lorenz"), box, 6, at={"z": 25.0})
    (attractor,) = wild.attractors
    assert attractor.kind == "chaotic"
    assert abs(attractor.exponents[0] - 0.9056) < 4 * attractor.exponent_errors[0]
    assert attractor.exponents.sum() == pytest.approx(-(10 + 1 + 8 / 3), abs=1e-5)
    assert np.all(wild.labels == 0)


def twins(system, box, n, **settings):
    fast = find_basins(system, box, n, **settings)
    slow = find_basins(replace(system, kernel=None), box, n, **settings)
    return fast, slow


@pytest.mark.parametrize(
    ("name", "settings", "width", "n", "max_steps"),
    [
        ("henon", {}, 2, 60, 2000),
        ("logistic", {"r": 3.83}, 1, 50, 500),
        ("gaussian-classifier", {}, 3, 12, 500),
        ("sigmoid-classifier", {}, 3, 10, 300),
        ("dirac-r1", {}, 2, 10, 300),
        ("pitchfork", {}, 2, 20, 500),
    ],
)
def test_compiled_and_batched_agree_label_by_label(name, settings, width, n, max_steps):
    fast, slow = twins(
        catalogue.make(name, **settings), (-width, width), n, max_steps=max_steps, away_steps=max_steps // 2
    )
    assert np.array_equal(fast.labels, slow.labels)
    assert [a.kind for a in fast.attractors] == [a.kind for a in slow.attractors]
    assert np.array_equal(fast.steps, slow.steps)


def test_labels_agree_with_trajectories_one_by_one():
    system = catalogue.make("gaussian-classifier")
    found = find_basins(system, (-3, 3), 6)
    assert found.names == ("b_d", "b_g")
    assert np.mean(found.labels >= 0) > 0.5
    for i, j in np.ndindex(found.labels.shape):
        if found.labels[i, j] >= 0:
            start = np.empty(2)
            start[list(found.entries)] = found.axes[0][j], found.axes[1][i]
            end = trajectory(system, start, t_end=2000.0, progress=False).x[-1]
            attractor = found.attractors[found.labels[i, j]]
            assert np.linalg.norm(attractor.samples - end, axis=-1).min() < 1e-3


@pytest.mark.parametrize(("chunk", "threads", "steps"), [(7, 1, 256), (100, 3, 5), (10_000, 2, 1)])
def test_the_result_does_not_depend_on_chunks_threads_and_rounds(monkeypatch, chunk, threads, steps):
    system = catalogue.make("henon")
    whole = find_basins(system, (-2, 2), 25)
    monkeypatch.setattr(search, "_CHUNK", chunk)
    monkeypatch.setattr(search, "_BATCH", chunk)
    monkeypatch.setattr(search, "_ROUND", steps)
    monkeypatch.setattr(search.os, "cpu_count", lambda: threads)
    for other in (system, replace(system, kernel=None)):
        again = find_basins(other, (-2, 2), 25)
        assert np.array_equal(again.labels, whole.labels)
        assert np.array_equal(again.steps, whole.steps)
        assert again.evaluations == whole.evaluations
    flow = catalogue.make("van-der-pol")
    parts = find_basins(flow, (-3, 3), 6)
    monkeypatch.undo()
    once = find_basins(flow, (-3, 3), 6)
    assert np.array_equal(parts.steps, once.steps)
    assert np.array_equal(parts.attractors[0].samples, once.attractors[0].samples)


def test_an_interrupt_keeps_what_is_done(monkeypatch):
    monkeypatch.setattr(search, "_CHUNK", 500)
    real, calls = search.Walk.from_starts, []

    def interrupted(starts):
        if len(starts) == 500:
            calls.append(len(starts))
            if len(calls) == 3:
                raise KeyboardInterrupt
        return real(starts)

    monkeypatch.setattr(search.Walk, "from_starts", staticmethod(interrupted))
    monkeypatch.setattr(search.os, "cpu_count", lambda: 1)
    part = find_basins(catalogue.make("henon"), (-2, 2), (50, 40))
    monkeypatch.undo()
    whole = find_basins(catalogue.make("henon"), (-2, 2), (50, 40))
    done = part.labels != NOT_COMPUTED
    # Two pieces of 500 were done, the third was interrupted, the fourth may have been under way.
    assert np.sum(done) in (1000, 1500)
    assert part.status == "interrupted"
    assert f"{2000 - np.sum(done)} starts not computed" in part.message
    assert np.array_equal(part.labels[done], whole.labels[done])
    assert part.share(NOT_COMPUTED).count == 2000 - np.sum(done)
    assert part.share(ESCAPED).total == np.sum(done)
    assert whole.share(NOT_COMPUTED).count == 0


def test_an_interrupt_within_discovery_leaves_every_start_not_computed(monkeypatch):
    def interrupted(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(search, "attractor_of", interrupted)
    found = find_basins(catalogue.make("henon"), (-2, 2), 5)
    assert found.status == "interrupted"
    assert np.all(found.labels == NOT_COMPUTED)
    assert np.isnan(found.share(ESCAPED).value)


def test_results_go_to_files_and_to_xarray(tmp_path):
    found = find_basins(catalogue.make("henon"), {"y": (-2, 2), "x": (-2, 2)}, (7, 5))
    again = load(save(found, tmp_path / "basins"))
    assert np.array_equal(again.labels, found.labels)
    assert str(again) == str(found)
    assert np.array_equal(again.attractors[0].samples, found.attractors[0].samples)
    data = found.to_xarray()
    assert data.label.dims == ("x", "y")
    assert data.label.sel(y=0, method="nearest").shape == (5,)
    assert "-1: escaped" in data.attrs["labels below 0"]
    # The first name is the horizontal one.
    other = find_basins(catalogue.make("henon"), {"x": (-2, 2), "y": (-2, 2)}, (5, 7))
    assert np.array_equal(other.labels.T, found.labels)


def test_what_the_system_raises_comes_out():
    def fails(x, t):
        raise RuntimeError("no such state")

    with pytest.raises(RuntimeError, match="no such state"):
        find_basins(VectorField(fails, XY, jac=lambda x, t: 0), (-1, 1), 3)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"box": {"x": (-1, 1), "q": (0, 1)}}, "must name one or two of"),
        ({"box": {"x": (1, -1), "y": (0, 1)}}, "finite low < high"),
        ({"box": {"x": (-1, 1)}}, "each entry that the box leaves out"),
        ({"box": (-1, 1), "n": 0}, "n must be a whole number"),
        ({"box": (-1, 1), "n": (3, 3, 3)}, "n must be a whole number"),
        ({"box": (-1, 1), "starts": np.zeros((3, 3))}, "starts must have shape"),
        ({"box": (-1, 1), "starts": np.full((3, 2), np.nan)}, "finite"),
        ({"box": (-1, 1), "max_steps": 0}, "max_steps must be a whole number"),
        ({"box": (-1, 1), "away": 0.5}, "away must be at least 1"),
        ({"box": (-1, 1), "rtol": -1.0}, "rtol must be positive"),
    ],
)
def test_bad_input_is_refused_at_once(settings, message):
    with pytest.raises(ValueError, match=message):
        find_basins(double_well(), **settings)


def test_a_system_of_three_entries_needs_names():
    with pytest.raises(ValueError, match="name them"):
        find_basins(catalogue.make("lorenz"), (-20, 20))


def test_an_unknown_label_has_no_share():
    found = find_basins(catalogue.make("henon"), (-2, 2), 3)
    with pytest.raises(ValueError, match="label must be below"):
        found.share(7)


def test_a_drift_that_contracts_across_is_no_cycle():
    # In the tails of the Gaussians both losses are flat: b_g drifts ever more slowly, b_d contracts.
    field = catalogue.make("gaussian-classifier", samples=5, eps=1e-3)
    found = find_basins(field, (-4, 4), 20, max_steps=1000)
    assert {attractor.kind for attractor in found.attractors} == {"fixed point"}
    # Every attractor is a stable fixed point of the search by Newton's method.
    newton = find_fixed_points(field, (-4, 4), n_starts=8192, progress=False)
    stable = [point.x for point in newton if point.stable]
    assert len(stable) == 5
    for attractor in found.attractors:
        assert np.min(np.linalg.norm(stable - attractor.samples[0], axis=-1)) < 1e-7


def test_neutral_orbits_on_an_attracting_plane_are_no_torus():
    # Turning in x and y at every radius, contraction in z: two exponents vanish, one is negative.
    field = linear_flow([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, -1.0]])
    starts = np.array([[1.0, 0.0, 1.0], [0.5, 0.2, -1.0]])
    found = find_basins(field, (-2, 2), starts=starts, max_steps=500)
    assert found.attractors == ()
    assert np.all(found.labels == UNDECIDED)


def test_a_scheme_of_a_game_is_labelled_as_a_map():
    # Simultaneous descent of the double-well game: the same halves while the step is small.
    system = schemes.simultaneous(catalogue.make("pitchfork"), h=0.1)
    found = find_basins(system, (-1.5, 1.5), 30)
    assert found.clock == "map"
    assert np.all(found.labels[:15] == where(found, [-1]))
    assert np.all(found.labels[15:] == where(found, [1]))
    # Growth rates per unit of flow time: ln(1 - 2 h) / h.
    assert found.attractors[0].exponents[0] == pytest.approx(np.log(0.8) / 0.1)


def test_an_escape_is_dated_and_not_padded():
    found = find_basins(catalogue.make("henon"), (-2, 2), 20)
    x, y = np.meshgrid(*found.axes)
    first = np.zeros(found.labels.shape, dtype=int)
    with np.errstate(all="ignore"):
        for k in range(1, 200):
            x, y = 1 - 1.4 * x**2 + y, 0.3 * x
            first[(first == 0) & ~(x * x + y * y <= 1e12)] = k
    escaped = found.labels == ESCAPED
    assert np.array_equal(found.steps[escaped], first[escaped])


def test_the_small_multiplier_of_a_relaxation_cycle_is_not_lost():
    # exp of period times the second exponent is far below the rounding unit.
    system = catalogue.make("van-der-pol", mu=5.0)
    (cycle,) = find_basins(system, (-3, 3), 4).attractors
    times = np.linspace(50.0, 50.0 + 20 * cycle.period, 20_001)
    path = trajectory(system, np.array([2.0, 0.0]), t_end=times[-1], t_eval=times, progress=False)
    divergence = np.mean(5 * (1 - to_numpy(path.x)[:-1, 0] ** 2))
    assert cycle.period * divergence < np.log(1e-16)
    assert cycle.exponents.sum() == pytest.approx(divergence, abs=4 * cycle.exponent_errors[1] + 1e-3)
