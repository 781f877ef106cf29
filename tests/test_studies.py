"""The studies run as their READMEs say, from a folder of their own choice, and their checks can fail."""

import copy
import functools
import importlib
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from matplotlib.image import imread

ROOT = Path(__file__).parent.parent


#: Number of figures of each study.
STUDIES = {
    "tiny_gans": 10,
    "dirac_stability": 3,
    "time_scales": 3,
    "hopf_of_the_gaussian_classifier": 4,
    "dirac_gallery": 3,
    "adam_linearised": 4,
    "methods": 1,
    "ring_mixture": 2,
    "training_exponents": 2,
    "step_bound": 1,
    "character_of_solutions": 3,
    "helmholtz": 4,
    "chaos_in_games": 7,
    "learning_in_1d_and_2d": 9,
    "difficulties_of_training": 8,
    "dcgan_wgan_acgan": 7,
    "gan_landscapes": 8,
}
#: torch itself scripts the decompositions of its forward mode when first used.
WARNINGS = ["-W", "error", "-W", "ignore:`torch.jit.script:DeprecationWarning"]


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Return the folder that ``python -m studies.NAME --small`` writes; warnings are errors there too."""

    @functools.cache
    def run(name):
        out = tmp_path_factory.mktemp(name)
        command = [sys.executable, *WARNINGS, "-m", f"studies.{name}", "--small", "--out", str(out)]
        done = subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, env={**os.environ, "MPLBACKEND": "agg"}
        )
        assert done.returncode == 0, done.stderr
        assert "every claim holds" in done.stdout
        return out

    return run


def numbers_of(folder):
    return json.loads((folder / "numbers.json").read_text())


def leaves(value):
    if isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from leaves(part)
    elif value is not None and not isinstance(value, str):
        yield value


@pytest.mark.parametrize("study", STUDIES)
def test_studies_write_finite_numbers(study, written):
    found = list(leaves(numbers_of(written(study))))
    assert len(found) > 20
    assert np.all(np.isfinite(found))


@pytest.fixture
def numbers(written):
    return numbers_of(written("tiny_gans"))


def test_tiny_gans_agree_with_the_closed_forms(numbers):
    c = 1.3775223733
    expected = np.roots([1, 2, 2 * c])
    found = [complex(*pair) for pair in numbers["gaussian"]["origin"]["1.0"]["eigenvalues"]]
    np.testing.assert_allclose(sorted(found, key=np.imag), sorted(expected, key=np.imag), atol=1e-9)
    assert numbers["weights"]["velocity at (1, 1)"] == pytest.approx([-c, c - 2], abs=1e-9)
    assert numbers["samples"]["saddles without eps"] == {"2500": 2499, "100": 99, "5": 4}


@pytest.mark.parametrize("study", STUDIES)
def test_studies_draw_every_figure_that_the_readme_shows(study, written):
    folder = written(study)
    readme = (ROOT / "studies" / study / "README.md").read_text()
    figures = sorted(path.name for path in folder.glob("*.png"))
    assert len(figures) == STUDIES[study]
    for name in figures:
        assert f"({'results/' + name})" in readme, f"the README does not show {name}"
        picture = imread(folder / name)[..., :3]
        assert min(picture.shape[:2]) > 200
        assert 0.01 < (picture.min(axis=-1) < 0.9).mean() < 0.9, f"{name} is empty or full"


def spoilt(numbers, way, value):
    """Return a copy of nested numbers with another value at the end of ``way``."""
    wrong = copy.deepcopy(numbers)
    *route, last = way
    place = functools.reduce(lambda part, name: part[name], route, wrong)
    assert last in place or isinstance(place, list)
    place[last] = value
    return wrong


#: A number of each part that its check must not let pass: where it lies, and what to put there.
WRONG = {
    "sigmoid": (("l2", "0.3", "b_g"), 0.0),
    "gaussian": (("cycle at W_d = 0.5", "period"), 7.6),
    "weights": (("from (1, 1)", "W_g = 0.001 at t"), 0.31),
    "four": (("share that collapses",), 0.0),
    "samples": (("half-width of the noise at (0, 0)", "0", "2500"), 0.1),
    "smoothing": (("fixed points", "exact"), {"saddle": 1}),
    "networks": (("median off-plane share of the velocity", "trained"), 0.5),
}


@pytest.mark.parametrize("part", WRONG)
def test_tiny_gans_checks_fail_on_wrong_numbers(part, numbers, monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT))
    from studies.tiny_gans.__main__ import PARTS

    PARTS[part].check(numbers[part])
    wrong = spoilt(numbers[part], *WRONG[part])
    with pytest.raises(AssertionError):
        PARTS[part].check(wrong)


#: Numbers of the studies of one part that their checks must not let pass.
WRONG_IN_WHOLE = {
    "gan_landscapes": [
        (("batch norm", "frozen", "not finite"), 0.01),
        (("batch norm", "weights and statistics", "not finite"), 0.0),
        (("normalisation", "generator, filters", "norm ratio"), [0.9, 1.0, 1.1]),
    ],
    "difficulties_of_training": [
        (("decay", "largest difference of weights"), 1e-6),
        (("tell-tales", "bad"), 1000),
        (("norm at the middle", "spherical"), [0.62, 0.8]),
        (("cases", "N(0, .02), 1:1", "better than grey"), 4),
    ],
    "dcgan_wgan_acgan": [
        (("shapes", "printed", "DCGAN"), [3, 32, 32]),
        (("methods", "WGAN", 0, "small_share", "first quarter"), [1.0, 0.9, 1.0]),
        (("methods", "DCGAN", 0, "status"), "diverged"),
        (("ways", 0, "spherical", "norm at the middle"), 7.1),
        (("classes", "digits", 0, "shares of variance", "class"), 1.1),
    ],
    "training_exponents": [
        (("warnings", "exponent", "warned"), 1000),
        (("methods", "line", "R1 .1", "distance"), [0.0, 0.0]),
        (("gap", "full"), [float("nan"), 0.0]),
    ],
    "dirac_stability": [
        (("eigenvalues as a flow", "0.3"), [[-0.15, 0.477], [-0.15, -0.476]]),
        (("critical step", "2.0"), 1.08),
        (("stability is lost", "alternating", "0.1", "h"), 3.6),
        (("stability is lost", "simultaneous", "0.9", "how"), "period doubling"),
        (("stability is lost", "alternating", "3.0", "how"), "Neimark-Sacker"),
        (("stability is lost", "simultaneous", "0.5", "h"), 2.5),
        (("grid points on the wrong side of the closed form", "alternating"), 1),
        (("the two bounds cross at gamma",), 0.577),
    ],
    "time_scales": [
        (("stable ratios", "gaussian-classifier, W_d = 0.5"), [[1e-4, 0.35]]),
        (("stable ratios", "dirac-r1, gamma = 1"), [[1e-4, 10.0]]),
        (("stable ratios", "nagarajan-kolter"), []),
        (("stable ratios", "lq-wgan"), [[1.0, 2.0]]),
        (("Hopf at kappa",), 0.34763),
        (("Hopf is",), "subcritical"),
        (("no ratio destabilises above W_d",), 0.861),
        (("grid points on the wrong side of the closed form",), 1),
        (("lq-wgan, largest growth rate at any ratio",), 1e-6),
        (("modes meet at ratio", "dirac-r1, gamma = 0.3"), [11.2]),
        (("best ratio tried", "nagarajan-kolter"), 30.0),
        (("steps per digit at ratio 1", "balduzzi"), 400.0),
        (("R1 at ratio 1/gamma^2, what two steps of 2 gamma leave", "0.3"), 0.1),
    ],
    "hopf_of_the_gaussian_classifier": [
        (("Hopf", "W_d"), 0.6714),
        (("Hopf", "criticality"), "subcritical"),
        (("Nash from W_d",), 0.862),
        (("node from W_d", "closed form"), 1.7),
        (("squared half-amplitude of b_g over Hopf - W_d", "of the smallest cycles"), 16.7),
        (("cycle at W_d = 0.5", "period"), 7.56),
        (("cycles", "ends"), ["Hopf", "lost"]),
        (("verdicts", "0.75", "game"), "differential Nash"),
    ],
    "methods": [
        (("games", "bilinear", "simultaneous", "exponent"), 0.005),
        (("games", "bilinear", "optimistic", "largest stable step"), 0.577),
        (("games", "bilinear", "alternating", "observed"), "converges"),
        (("games", "Dirac", "Runge-Kutta 2", "agrees"), False),
        (("games", "Dirac, R1 0.3", "heavy ball 0.5", "gradients a digit"), 40.0),
        (("games", "Dirac", "Adam", "gradients a digit"), 100.0),
    ],
    "step_bound": [
        (("bounds", "Dirac, R1 0.3, simultaneous", "step"), 1.21),
        (("bounds", "network, alternating", "runs", "0.95", "factor"), 1.2),
        (("bounds", "network, simultaneous", "runs", "1.05", "measured"), 0.0085),
        (("dampings", "step"), 0.1),
        (("dampings", "consensus", "runs", "0.9", "factor"), 0.9),
        (("dampings", "symplectic adjustment", "its step"), 0.7),
    ],
    "character_of_solutions": [
        (("ends", "mixture, NSGAN, Adam", "verdicts"), {"saddle": 2}),
        (("ends", "mixture, NSGAN, Adam", "rotation index"), [0.1, 1.1, 1.2]),
        (("ends", "mixture, WGAN-GP, extra-Adam", "lowest of G"), [1e9, 1e9, 1e9]),
    ],
    "helmholtz": [
        (("games", "Gaussian, W_d = 1", "shares"), [0.5, 0.1, 0.5]),
        (("games", "Gaussian, W_d = 1", "moved boxes", 1, "attracts at"), [[0.0, 0.0]]),
        (("games", "Gaussian, W_d = 0.75", "at the answer", "S stable"), True),
        (("games", "Gaussian, W_d = 0.75", "ways", "rays", "verdict"), "the right answer"),
        (("games", "Dirac, R1 0.3", "ways", "rays", "end"), [0.0, 0.0]),
        (("games", "Dirac, R1 0.3", "moved boxes", 2, "attracts at"), [[0.0, 0.01]]),
        (("games", "Dirac, Wasserstein", "ways", "SGA", "verdict"), "keeps moving"),
        (("games", "Dirac, Wasserstein", "shares"), [0.001, 0.842, 0.157]),
    ],
    "learning_in_1d_and_2d": [
        (("ring transformation", "drawn"), [1.0, 0.0655]),
        (("saturating", "clusters", "modes covered, last half"), [5.2, 0.0]),
        (("non-saturating", "intervals", "samples", "p"), [0.0, 1.0]),
        (("non-saturating", "failure", "3", "returned"), 3),
    ],
    "ring_mixture": [
        (("ring", "Adam", "modes covered"), [8.2, 0.0]),
        (("grid", "optimistic", "share of high quality"), [-0.1, 0.0]),
    ],
    "dirac_gallery": [
        (("cells", "GAN", "alternating 1:5", "observed", "verdict"), "neutral"),
        (("cells", "consensus", "alternating 1:1", "predicted", "verdict"), "diverges"),
        (("cells", "WGAN-GP", "simultaneous", "predicted", "verdict"), "converges"),
        (
            ("cells", "R1, weight 0.3", "simultaneous", "predicted", "multipliers"),
            [[0.97, 0.1], [0.97, -0.1]],
        ),
        (("cells", "instance noise", "alternating 1:1", "observed", "rate per step"), -0.0252),
        (("cells", "GAN", "alternating 1:1", "observed", "largest radius", "end"), 1.48),
        (("growth of the squared radius of GAN, simultaneous",), 1e-9),
        (("shrinking of NSGAN, d(1/R^2)/dn", "alternating 1:5", "observed"), 0.0255),
        (("circle of NSGAN, simultaneous", "sqrt(2 h)"), 0.62),
        (("half-widths of clipped WGAN", "alternating 1:5", "observed"), [1.0, 1.0]),
        (("amplitude in theta of WGAN-GP", "alternating 1:1", "steps", "0.1"), 1.28),
        (("consensus 1:5 from (0.2, 0.2)",), 1e-3),
    ],
    "adam_linearised": [
        (("multipliers", "node", "of the map", 0), [0.5, 0.1]),
        (("multipliers", "centre", "stable"), True),
        (("least eps", "weak focus", "0.5", "observed"), 0.0046),
        (("least eps", "strong focus", "0.9", "stable just below"), True),
        (("least eps", "node", "0.9", "closed form"), 0.0004),
        (("best beta1", "strong focus"), 0.5),
        (("grid", "node", "wrong"), 1),
        (("grid", "centre", "stable"), 1),
        (("awake", "node", "0.9", "median largest kappa"), 19.0),
        (("awake", "strong focus", "0.9", "median modulus"), 1.01),
        (("awake", "centre", "0.0", "largest distance"), 0.1),
    ],
    "chaos_in_games": [
        (("games", "Gaussian classifier, W_d = 1", "simultaneous", "stability", "stable h"), [[0.0, 0.73]]),
        (("games", "Dirac, R1 0.3", "alternating", "stability", "how it ends"), "Neimark-Sacker"),
        (("games", "Dirac, R1 0.3", "extragradient", "stability", "is lost"), [2.0, 2.2]),
        (("games", "sigmoid classifier, l2 = 1", "simultaneous", "chaos begins"), {"h": [1.9, 2.0]}),
        (("games", "Dirac, R1 0.3", "simultaneous", "chaos begins"), {"h": [1.0, 1.1]}),
        (("games", "Dirac, R1 0.3", "simultaneous", "looked at again", "exponents a step"), [0.2, -0.6]),
        (
            (
                "games",
                "Dirac, R1 0.3",
                "simultaneous",
                "looked at again",
                "growth of the distance of two orbits",
            ),
            [0.0, 0.01],
        ),
        (("regions", "gamma", "simultaneous", "chaotic beside a stable point"), 1),
        (("rock, paper, scissors", "at eps and k", "0.5", "1", "chaotic"), False),
        (("rock, paper, scissors", "at eps and k", "0.5", "1", "sum"), 1e-3),
        (("rock, paper, scissors", "at eps and k", "0.0", "25", "energy drifts by"), 1e-3),
        (("two roads", "0.5", "fixed point is lost at a"), 9.0),
        (("two roads", "0.7", "first chaotic a"), 9.0),
        (("two roads", "0.7", "mean of x at a = 20"), 0.6),
    ],
}


@pytest.mark.parametrize(
    ("study", "way", "value"), [(study, *wrong) for study, row in WRONG_IN_WHOLE.items() for wrong in row]
)
def test_checks_of_studies_fail_on_wrong_numbers(study, way, value, written, monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT))
    check = importlib.import_module(f"studies.{study}.__main__").check
    numbers = numbers_of(written(study))
    check(numbers)
    with pytest.raises(AssertionError):
        check(spoilt(numbers, way, value))


def test_a_player_that_waits_moves_as_if_only_every_second_gradient_had_come(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT))
    from gandyn.nets import Adam
    from studies.difficulties_of_training.runs import Stalled

    rule, gradients = Adam(0.1), torch.randn(7, 3, generator=torch.Generator().manual_seed(0))
    found = expected = torch.ones(3), (torch.zeros(3), torch.zeros(3))
    for count, gradient in enumerate(gradients, 1):
        found = Stalled(rule).step(found[0], gradient, found[1], count)
    for count, gradient in enumerate(gradients[::2], 1):
        expected = rule.step(expected[0], gradient, expected[1], count)
    torch.testing.assert_close(found, expected, rtol=0, atol=0)
