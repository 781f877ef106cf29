"""Branches of cycles, sections and orbit diagrams against closed forms."""

import numpy as np
import pytest
import sympy as sp

from gandyn import continue_cycle, continue_fixed_point, limit_cycle, load, save
from gandyn import orbit_diagram as diagram
from gandyn import poincare_section as crossings
from gandyn.cycles import Section
from gandyn.cycles.curve import CycleCurve
from gandyn.games import catalogue, from_expressions, textbook


def from_hopf(family, start, parameter, values, **settings):
    trunk = continue_fixed_point(family, np.array(start, float), parameter, values, progress=False)
    (hopf,) = (point for point in trunk.special if point.kind == "Hopf")
    return hopf, continue_cycle(family, hopf, parameter, values, progress=False, **settings)


def subcritical(mu=-0.1):
    """A planar flow that turns at unit speed, with ``r' = (mu + r^2 - r^4) r``."""
    x, y, p = sp.symbols("x y mu")
    square = x**2 + y**2
    rate = p + square - square**2
    return from_expressions([rate * x - y, rate * y + x], state=[x, y], constants={p: mu})


def langford(value):
    """Langford's flow without its asymmetric terms: a torus is born at alpha = beta^2 = 0.49."""
    x, y, z, alpha = sp.symbols("x y z alpha")
    inflow = 0.6 + alpha * z - z**3 / 3 - x**2 - y**2
    turning = [(z - 0.7) * x - 3.5 * y, 3.5 * x + (z - 0.7) * y]
    return from_expressions([*turning, inflow], state=[x, y, z], constants={alpha: value})


def test_cycles_of_the_normal_form_from_their_hopf_point():
    _, branch = from_hopf(textbook.hopf_normal_form(mu=-0.1), [0, 0], "mu", (-0.1, 0.5))
    assert branch.ends == ("Hopf", "range")
    assert 0 < branch.values[0] < 1e-2
    assert branch.values[-1] == 0.5
    np.testing.assert_allclose(branch.maxima, np.sqrt([branch.values] * 2).T, atol=1e-8)
    np.testing.assert_allclose(branch.exponents[:, 1].real, -2 * branch.values, atol=1e-8)
    np.testing.assert_allclose(branch.periods, 2 * np.pi, atol=1e-8)
    assert branch.stable.all()
    assert not branch.special


def test_a_branch_that_starts_at_a_cycle_shrinks_to_the_hopf_point():
    game = textbook.hopf_normal_form(mu=0.2)
    cycle = limit_cycle(game, np.array([0.3, 0.0]), progress=False)
    branch = continue_cycle(game, cycle, "mu", (-0.2, 0.4), progress=False)
    assert branch.ends == ("Hopf", "range")
    assert 0 < branch.values.min() < 0.01
    again = limit_cycle(
        game.with_constants(mu=branch.values[3]), branch.nodes[3], period=branch.periods[3], progress=False
    )
    assert again.maxima == pytest.approx(branch.maxima[3], abs=1e-8)


def test_a_fold_of_cycles_is_passed_and_located():
    family = subcritical()
    hopf, branch = from_hopf(family, [0, 0], "mu", (-0.4, 0.1))
    assert hopf.criticality == "subcritical"
    (fold,) = branch.special
    assert fold.kind == "fold"
    assert fold.value == pytest.approx(-0.25, abs=1e-8)
    square = branch.maxima[:, 0] ** 2
    np.testing.assert_allclose(branch.values, square**2 - square, atol=1e-6)
    clear = np.abs(square - 0.5) > 0.01
    np.testing.assert_array_equal(branch.stable[clear], square[clear] > 0.5)


def test_a_period_doubling_of_the_rossler_cycle():
    family = textbook.rossler(c=2.5)
    cycle = limit_cycle(family, np.array([1.0, 1.0, 0.0]), progress=False)
    branch = continue_cycle(family, cycle, "c", (2.2, 3.2), progress=False)
    (doubling,) = branch.special
    assert doubling.kind == "period doubling"
    assert doubling.interval[1] - doubling.interval[0] < 1e-6
    at = limit_cycle(family.with_constants(c=doubling.value), doubling.x, period=5.8, progress=False)
    assert np.abs(at.multipliers + 1).min() < 1e-6
    np.testing.assert_array_equal(branch.stable, branch.values < doubling.value)


def test_a_torus_is_born():
    family = langford(0.3)
    cycle = limit_cycle(family, np.array([0.8, 0.0, 0.7]), progress=False)
    branch = continue_cycle(family, cycle, "alpha", (0.3, 0.7), progress=False)
    (torus,) = branch.special
    assert torus.kind == "Neimark-Sacker"
    assert torus.value == pytest.approx(0.49, abs=1e-6)
    radius = np.sqrt(0.6 + 0.49 * 0.7 - 0.7**3 / 3)
    turn = np.sqrt(2) * radius * 2 * np.pi / 3.5
    assert torus.frequency == pytest.approx(turn, abs=1e-5)


def test_the_gradient_penalty_cycle_along_its_weight():
    game = catalogue.make("dirac-wgan-gp")
    cycle = limit_cycle(game, np.ones(2), progress=False)
    branch = continue_cycle(game, cycle, "lam", (0.1, 1.5), progress=False)
    omega = np.sqrt(1 - branch.values**2 / 4)
    height = branch.values / np.tanh(np.pi * branch.values / (4 * omega))
    np.testing.assert_allclose(branch.periods, 2 * np.pi / omega, atol=1e-8)
    np.testing.assert_allclose(branch.maxima[:, 0], height, atol=1e-8)
    np.testing.assert_allclose(branch.exponents[:, 1].real, -branch.values / 2, atol=1e-7)
    assert branch.ends == ("range", "range")


def test_a_long_period_ends_a_branch():
    hopf, branch = from_hopf(textbook.lorenz(), [8.5, 8.5, 27.0], "rho", (13.5, 28.0), max_period=1.5)
    assert branch.ends == ("Hopf", "long period")
    assert not branch.stable.any()
    assert hopf.criticality == "subcritical"


def test_interrupted_branches_are_kept(monkeypatch, tmp_path):
    calls, plain = [], CycleCurve.correct

    def interrupted(self, guess, normal):
        calls.append(1)
        if len(calls) > 4:
            raise KeyboardInterrupt
        return plain(self, guess, normal)

    monkeypatch.setattr(CycleCurve, "correct", interrupted)
    _, branch = from_hopf(textbook.hopf_normal_form(mu=-0.1), [0, 0], "mu", (-0.1, 0.5))
    assert branch.status == "interrupted"
    assert branch.ends == ("Hopf", "interrupted")
    assert 1 < len(branch.values) < 6
    save(branch, tmp_path / "branch.gdn")
    assert str(load(tmp_path / "branch.gdn")) == str(branch)
    assert branch.to_xarray().sizes["point"] == len(branch.values)


def test_what_is_no_start_of_a_branch_is_refused():
    game = textbook.hopf_normal_form(mu=0.2)
    cycle = limit_cycle(game, np.array([0.3, 0.0]), progress=False)
    with pytest.raises(ValueError, match="range must hold"):
        continue_cycle(game, cycle, "mu", (0.3, 0.4), progress=False)
    with pytest.raises(ValueError, match="no constant 'nu'"):
        continue_cycle(game, cycle, "nu", (0.3, 0.4), progress=False)
    with pytest.raises(TypeError, match="flow"):
        continue_cycle(textbook.henon(), cycle, "a", (1.0, 1.4), progress=False)
    trunk = continue_fixed_point(
        catalogue.make("pitchfork", mu=-1.0), np.zeros(1), "mu", (-1, 1), progress=False
    )
    with pytest.raises(ValueError, match="born at a Hopf point"):
        continue_cycle(catalogue.make("pitchfork"), trunk.special[0], "mu", (-1, 1), progress=False)


def test_crossings_lie_on_the_section_and_go_the_right_way():
    field = textbook.lorenz()
    for direction, sign in (("rising", 1), ("falling", -1)):
        section = Section({"z": 2.0}, 54.0, direction)
        seen = crossings(field, np.ones(3), section, 40, transient=5.0, progress=False)
        assert seen.status == "finished"
        np.testing.assert_allclose(seen.states[:, 2], 27, atol=1e-12)
        assert np.all(sign * field(seen.states)[:, 2] > 0)
        assert seen.times[0] > 5
        assert np.all(np.diff(seen.times) > 0)
    both = crossings(field, np.ones(3), Section({"z": 1.0}, 27.0, "both"), 40, transient=5.0, progress=False)
    rates = np.sign(field(both.states)[:, 2])
    assert np.all(rates[1:] == -rates[:-1])


def test_crossings_of_a_rotation_are_exact():
    field = catalogue.make("bilinear")
    section = Section({"x": 1.0, "y": 1.0}, 0.0, "both")
    seen = crossings(field, np.array([1.0, 0.0]), section, 5, rtol=1e-12, atol=1e-13, progress=False)
    np.testing.assert_allclose(np.diff(seen.times), np.pi, atol=1e-10)
    np.testing.assert_allclose(np.linalg.norm(seen.states, axis=1), 1, atol=1e-10)


def test_fewer_crossings_are_never_padded(tmp_path):
    settled = crossings(
        textbook.lorenz(rho=10.0), np.ones(3), Section({"x": 1.0}, 5.0, "both"), 500, max_time=50.0,
        progress=False,
    )  # fmt: skip
    assert settled.status == "no more crossings"
    assert 0 < len(settled.times) == len(settled.states) < 500
    grows = crossings(
        textbook.linear([[0.1, -1.0], [1.0, 0.1]]), np.array([1.0, 0.0]), Section({"x1": 1.0}), 500,
        max_norm=100.0, progress=False,
    )  # fmt: skip
    assert grows.status == "diverged"
    assert len(grows.times) == int(np.log(100) / 0.1 / (2 * np.pi) + 0.25)
    save(grows, tmp_path / "crossings.gdn")
    assert str(load(tmp_path / "crossings.gdn")) == str(grows)


def test_a_section_must_name_entries():
    with pytest.raises(ValueError, match=r"normal names \['q'\]"):
        crossings(textbook.lorenz(), np.ones(3), Section({"q": 1.0}), 5)
    with pytest.raises(ValueError, match="not all 0"):
        Section({"x": 0.0})
    with pytest.raises(ValueError, match="direction"):
        Section({"x": 1.0}, 0.0, "up")


def test_the_logistic_orbit_diagram_has_the_exact_cycles():
    r = np.array([2.8, 3.2, 3.5, 3.83])
    seen = diagram(textbook.logistic(), np.array([0.3]), "r", r, transient=5000, keep=12, progress=False)
    counts = [len(np.unique(states.round(6))) for states in seen.states[..., 0]]
    assert counts == [1, 2, 4, 3]
    assert seen.states[0, :, 0] == pytest.approx(1 - 1 / 2.8, abs=1e-12)
    root = np.sqrt((3.2 - 3) * (3.2 + 1))
    exact = [(3.2 + 1 - root) / 6.4, (3.2 + 1 + root) / 6.4]
    assert np.unique(seen.states[1].round(9)) == pytest.approx(exact, abs=1e-9)


def test_what_diverges_is_nan_and_said():
    seen = diagram(textbook.logistic(), np.array([0.3]), "r", [3.0, 4.5], keep=5, progress=False)
    assert seen.statuses == ("finished", "diverged")
    assert np.isnan(seen.states[1]).all()
    assert seen.to_xarray().dims == ("r", "visit", "entry")


def test_carrying_on_shows_hysteresis():
    family = subcritical()
    section = Section({"y": 1.0})
    settings = {"section": section, "transient": 60.0, "keep": 1, "carry_on": True, "max_time": 20.0}
    settings |= {"rtol": 1e-6, "atol": 1e-8, "progress": False}
    down = diagram(family, np.array([1.2, 0.0]), "mu", [0.1, -0.1, -0.2], **settings)
    assert down.states[:, 0, 0] == pytest.approx(
        [np.sqrt((1 + np.sqrt(1 + 4 * mu)) / 2) for mu in (0.1, -0.1, -0.2)], abs=1e-4
    )
    up = diagram(family, np.array([1e-3, 0.0]), "mu", [-0.2, -0.1], **settings)
    assert np.abs(up.states[:, 0, 0]).max() < 1e-3


def test_flows_need_a_section_and_maps_take_none():
    with pytest.raises(ValueError, match="section="):
        diagram(textbook.lorenz(), np.ones(3), "rho", [28.0])
    with pytest.raises(ValueError, match="a map takes no section"):
        diagram(textbook.logistic(), np.array([0.3]), "r", [3.0], section=Section({"x": 1.0}))
