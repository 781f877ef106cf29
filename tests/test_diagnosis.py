"""Diagnosis: systems whose fate is known, and the traps on the way to one."""

import numpy as np
import pytest
from problems import plain_layout

from gandyn import Section, UpdateMap, VectorField, diagnose, load, save, schemes, trajectory
from gandyn.games import catalogue, textbook
from gandyn.lyapunov.series import drifts, exact_period, nearest_period


def fate(system, x0, **options):
    return diagnose(system, np.asarray(x0, dtype=float), progress=False, **options)


def path_of(system, x0, **options):
    return trajectory(system, np.asarray(x0, dtype=float), progress=False, **options)


# What a row of states says.


def test_returns_and_drifts():
    turn = 2 * np.pi * np.arange(400) / 7
    circle = np.stack([np.cos(turn), np.sin(turn)], axis=1)
    assert nearest_period(circle, 50, 1e-6)[0] == 7
    golden = np.stack([np.cos(2.4 * np.arange(400)), np.sin(2.4 * np.arange(400))], axis=1)
    assert nearest_period(golden, 50, 1e-4) is None
    assert exact_period(np.tile([[0.1], [0.2], [0.4]], (5, 1))) == 3
    assert exact_period(golden) is None
    assert not drifts(golden)
    assert not drifts(np.stack([turn, np.sin(turn)], axis=1))  # an angle that is not wrapped
    assert drifts(np.log(np.arange(1.0, 401))[:, None])
    assert drifts(turn[:, None])


# Diagnosis.

TENT = UpdateMap(
    lambda x, k: np.where(x < 0.5, 2 * x, 2 - 2 * x),
    plain_layout(1),
    jac=lambda x, k: np.where(x < 0.5, 2.0, -2.0)[..., None],
    label="tent map",
)
TRANSLATION = VectorField(lambda x, t: np.ones_like(x), plain_layout(2), jac=lambda x, t: np.zeros((2, 2)))
GHOST = VectorField(lambda x, t: x**2 + 1e-9, plain_layout(1), jac=lambda x, t: 2 * x[..., None])
BILINEAR = catalogue.make("bilinear")
TWO_FREQUENCIES = np.zeros((4, 4))
TWO_FREQUENCIES[[0, 1, 2, 3], [1, 0, 3, 2]] = -1, 1, -np.sqrt(2), np.sqrt(2)

KNOWN = {
    "lorenz": ("chaos", textbook.lorenz(), [1, 1, 20], {}),
    "lorenz, below the Hopf point": ("fixed point", textbook.lorenz(rho=20.0), [1, 1, 20], {}),
    "rossler": ("chaos", textbook.rossler(), [1, 1, 0], {}),
    "rossler, doubled twice": ("cycle", textbook.rossler(c=4.0), [1, 1, 0], {}),
    "forced duffing": ("chaos", textbook.duffing(gamma=0.5), [0.3, 0, 0], {}),
    "van der pol": ("cycle", textbook.van_der_pol(), [0.1, 0], {}),
    "henon": ("chaos", textbook.henon(), [0.1, 0.1], {}),
    "logistic 3.2": ("cycle", textbook.logistic(r=3.2), [0.3], {}),
    "logistic 3.5": ("cycle", textbook.logistic(r=3.5), [0.3], {}),
    "logistic 3.83": ("cycle", textbook.logistic(r=3.83), [0.3], {}),
    "logistic 4": ("chaos", textbook.logistic(r=4.0), [0.3], {}),
    "standard map, island": ("torus", textbook.standard_map(), [np.pi, 0.5], {}),
    "standard map, circle": ("torus", textbook.standard_map(0.5), [0, 1.2], {}),
    "standard map, sea": ("chaos", textbook.standard_map(), [0.01, 0.01], {}),
    "towel map": ("chaos", textbook.towel_map(), [0.1, 0, 0.5], {}),
    "cat map": ("chaos", textbook.cat_map(), [0.1, np.sqrt(0.2)], {"n_steps": 2000}),
    "lotka volterra": ("cycle", textbook.lotka_volterra(), [2, 1], {}),
    "two frequencies": ("torus", textbook.linear(TWO_FREQUENCIES), [1, 0, 0.7, 0], {}),
    "bilinear": ("cycle", BILINEAR, [1, 0], {}),
    "simultaneous": ("escape", schemes.simultaneous(BILINEAR, 0.1), [1, 0], {}),
    "alternating": ("torus", schemes.alternating(BILINEAR, 0.1), [1, 0], {}),
    "extragradient": ("fixed point", schemes.extragradient(BILINEAR, 0.1), [1, 0], {}),
    "wgan-gp": ("cycle", catalogue.make("dirac-wgan-gp"), [1, 0.5], {"t_end": 300.0}),
    "r1": ("fixed point", catalogue.make("dirac-r1"), [1, 1], {}),
}


@pytest.mark.parametrize("name", KNOWN)
def test_fates_that_are_known(name):
    verdict, system, x0, options = KNOWN[name]
    found = fate(system, x0, **options)
    assert found.verdict == verdict, str(found)
    assert found.reason
    if verdict == "chaos":
        tests = [test for test in (found.alignment, found.zero_one) if test is not None]
        assert [test.verdict for test in tests] == ["chaotic"] * len(tests)
    if verdict == "fixed point":
        assert found.point.stable
        assert found.exponents is None  # the eigenvalues say it: no exponent is faked by the error of steps


def test_periods():
    assert fate(*KNOWN["van der pol"][1:3]).period == pytest.approx(6.663286859323, rel=1e-9)
    assert fate(*KNOWN["logistic 3.5"][1:3]).period == 4
    two = fate(*KNOWN["logistic 3.2"][1:3])
    assert two.point.growth_rates[0] == pytest.approx(np.log(0.16) / 2, abs=1e-9)
    found = fate(catalogue.make("dirac-wgan-gp", lam=0.7), [1, 0.5], t_end=300.0)
    assert found.period == pytest.approx(2 * np.pi / np.sqrt(1 - 0.7**2 / 4), rel=1e-9)


@pytest.mark.parametrize(
    ("system", "x0", "period"),
    [(textbook.cat_map(), [0.5, 0.25], 3), (TENT, [0.3], 1), (textbook.lorenz(), [0, 0, 0], None)],
    ids=["cat map on dyadic points", "tent map collapses to 0", "start on a saddle"],
)
def test_an_orbit_that_only_arithmetic_holds_is_no_attractor(system, x0, period):
    found = fate(system, x0)
    assert found.verdict == "undecided"
    assert found.exact_period == period
    assert "to the last bit, though neighbours leave it" in found.reason
    assert found.point.growth_rates[0] > 0.5


def test_a_slow_passage_near_a_saddle_is_no_fixed_point():
    start = [np.pi + 1e-12, 0]
    passing = fate(textbook.pendulum(0.3), start, t_end=8.0, transient=2.0)
    assert passing.verdict == "undecided"
    assert "slow passage" in passing.reason
    assert passing.point.kind == "saddle"
    later = fate(textbook.pendulum(0.3), start)
    assert (later.verdict, later.point.kind) == ("fixed point", "stable focus")


@pytest.mark.parametrize(
    ("system", "x0", "words"),
    [
        (schemes.simultaneous(BILINEAR, 0.01), [1, 0], "winds slowly"),
        (textbook.logistic(r=3.0), [0.3], "winds slowly"),
        (textbook.pitchfork(mu=0.0), [0.3], "grows or shrinks"),
        (TRANSLATION, [0, 0], "drifts on"),
        (GHOST, [-1e-5], "drifts on"),
    ],
    ids=["slow spiral", "at the period doubling", "algebraic decay", "translation", "ghost of a fold"],
)
def test_what_takes_longer_is_undecided(system, x0, words):
    found = fate(system, x0, **({} if isinstance(system, UpdateMap) else {"t_end": 200.0}))
    assert found.verdict == "undecided"
    assert words in found.reason


@pytest.mark.parametrize(
    ("name", "verdict", "options"),
    [
        ("lorenz", "chaos", {"t_end": 120.0, "rtol": 1e-5, "t_eval": np.arange(0, 120, 0.05)}),
        ("van der pol", "cycle", {"t_end": 150.0}),
        ("henon", "chaos", {"n_steps": 3000}),
        ("logistic 3.5", "cycle", {"n_steps": 3000}),
        ("standard map, island", "torus", {"n_steps": 5000}),
        ("simultaneous", "escape", {"n_steps": 5000}),
        ("alternating", "torus", {"n_steps": 5000}),
        ("extragradient", "fixed point", {"n_steps": 5000}),
        ("r1", "fixed point", {"t_end": 400.0}),
    ],
)
def test_trajectories_alone(name, verdict, options):
    _, system, x0, _ = KNOWN[name]
    found = diagnose(path_of(system, x0, **options), progress=False)
    assert found.verdict == verdict, str(found)
    assert "from the trajectory alone" in found.reason


def test_traps_of_trajectories_alone():
    passing = path_of(textbook.pendulum(0.3), [np.pi + 1e-12, 0], t_end=14, t_eval=np.linspace(0, 14, 500))
    assert diagnose(passing, progress=False).verdict == "undecided"
    collapsed = diagnose(path_of(TENT, [0.3], n_steps=500), progress=False)
    assert collapsed.exact_period == 1
    assert "floating-point numbers that collapsed" in collapsed.reason
    short = diagnose(path_of(textbook.henon(), [0.1, 0.1], n_steps=50), progress=False)
    assert (short.verdict, short.zero_one) == ("undecided", None)


def test_diagnoses_are_saved_whole_and_repeat(tmp_path):
    found = fate(textbook.henon(), [0.1, 0.1], n_steps=1000)
    back = load(save(found, tmp_path / "henon"))
    assert str(back) == str(found) == str(fate(textbook.henon(), [0.1, 0.1], n_steps=1000))
    assert back.alignment.gali.tolist() == found.alignment.gali.tolist()


def test_ctrl_c_in_the_middle_of_a_diagnosis():
    calls, henon = [], textbook.henon()

    def slow(x, k):
        calls.append(k)
        if len(calls) == 3000:
            raise KeyboardInterrupt
        return henon(x)

    found = fate(UpdateMap(slow, plain_layout(2)), [0.1, 0.1], n_steps=4000)
    assert (found.verdict, found.status) == ("undecided", "interrupted")


def test_wrong_arguments_of_diagnose():
    path, henon = path_of(textbook.henon(), [0.1, 0.1], n_steps=10), textbook.henon()
    with pytest.raises(ValueError, match="judged as it is"):
        diagnose(path, n_steps=10)
    with pytest.raises(TypeError, match="x0 is missing"):
        diagnose(henon)
    for options, words in [
        ({"t_end": 5.0}, "at least 1000"),
        ({"k": 3}, "k must"),
        ({"transient": -1}, "transient"),
        ({"switches": [Section({"x": 1.0})]}, "switches"),
    ]:
        with pytest.raises(ValueError, match=words):
            fate(henon, [0.1, 0.1], **options)
