"""The numbers of the README, from those of single runs, and what it says of them."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from studies.difficulties_of_training.runs import BALANCES, INITIALIZATIONS, MATCHINGS

#: A discriminator's loss below this share of what it is at D = 1/2 is "near 0".
NEAR_ZERO = 0.1
#: The discriminator's loss at D = 1/2, its two halves summed.
UNDECIDED = 2 * math.log(2)
REFERENCE = "N(0, .02), 1:1"
SMALL_DATA = ("64 images", "a tenth", REFERENCE)


def over_seeds(values: Sequence[float]) -> list[float]:
    """Return mean and standard error."""
    error = np.std(values, ddof=1) / np.sqrt(len(values)) if len(values) > 1 else 0.0
    return [float(np.mean(values)), float(error)]


def summary(
    measured: Mapping[str, list[Any]], preferences: Mapping[str, list[float]], yardsticks: Mapping[str, float]
) -> dict[str, Any]:
    """Return what each case gives over its seeds, and how often the tell-tales are right over all runs."""
    line = yardsticks["images of one grey each"]
    table = {name: _case(own, preferences[name], line) for name, own in measured.items()}
    own_training = [own for name, own in measured.items() if not name.startswith("decay")]
    runs = [run for own in own_training for run in own]
    return {
        "yardsticks": dict(yardsticks),
        "D's loss at D = 1/2": UNDECIDED,
        "cases": table,
        "tell-tales": tell_tales(runs, line),
    }


def _case(own: list[Any], preferences: list[float], line: float) -> dict[str, Any]:
    of = lambda name: over_seeds([run[name] for run in own])
    both = lambda name: [over_seeds([run[name][i] for run in own]) for i in range(2)]
    return {
        "seeds": len(own),
        "late distance": over_seeds([late_distance(run) for run in own]),
        "distance": of("distance"),
        "distance on batch statistics": of("distance on batch statistics"),
        "preferred to real": over_seeds(preferences),
        "early loss of D": of("early loss of D"),
        "late loss of D": of("late loss of D"),
        "D's loss near 0": sum(near_zero(run["late loss of D"]) for run in own),
        "D's loss near 0 early": sum(near_zero(run["early loss of D"]) for run in own),
        "diverged": sum(run["status"] == "diverged" for run in own),
        "vanishing": [sum(run["verdict"][i] == "vanishing" for run in own) for i in range(2)],
        "better than grey": sum(late_distance(run) < line for run in own),
        "share of training better than grey": over_seeds(
            [float(np.mean([at["distance"] < line for at in run["checkpoints"]])) for run in own]
        ),
        "parameters of D over G": own[0]["parameters of D over G"],
        "D on real, on fake": [
            over_seeds([run["checkpoints"][-1][f"D on {side}"] for run in own]) for side in ("real", "fake")
        ],
        "small share of the first layers": both("small share of the first layers"),
        "RMS of the first layers": both("RMS of the first layers"),
        "update over weight of the first layers": both("update over weight of the first layers"),
        "distance at checkpoints": [
            over_seeds(column)
            for column in zip(*([at["distance"] for at in run["checkpoints"]] for run in own), strict=True)
        ],
    }


def late_distance(run: Mapping[str, Any]) -> float:
    """Return the mean distance of a run's samples at its last three checkpoints: it goes up and down."""
    return float(np.mean([at["distance"] for at in run["checkpoints"][-3:]]))


def near_zero(loss_d: float) -> bool:
    """Return whether a discriminator's loss is near 0, as the document's tell-tale has it."""
    return bool(loss_d < NEAR_ZERO * UNDECIDED)


def tell_tales(runs: Sequence[Mapping[str, Any]], line: float) -> dict[str, Any]:
    """Return, for signs in the losses and gradients, how well they foretell samples worse than grey images.

    ``area`` is the share of pairs of a bad and a good run that the sign orders rightly: 1/2 for chance.
    """
    bad = np.array([late_distance(run) >= line for run in runs])
    alarm = lambda name: np.array([near_zero(run[name]) for run in runs])
    scores = {
        "loss of D near 0 at the end": ([-run["late loss of D"] for run in runs], alarm("late loss of D")),
        "loss of D near 0 early": ([-run["early loss of D"] for run in runs], alarm("early loss of D")),
        "small gradients in the first layer of G": (
            [run["small share of the first layers"][0] for run in runs],
            np.array([run["small share of the first layers"][0] > 0.5 for run in runs]),
        ),
        "small updates in the first layer of G": (
            [-run["update over weight of the first layers"][0] for run in runs],
            np.array([run["update over weight of the first layers"][0] < 1e-3 for run in runs]),
        ),
    }
    return {
        "runs": len(runs),
        "bad": int(bad.sum()),
        **{name: _told(bad, np.array(score), told) for name, (score, told) in scores.items()},
    }


def _told(bad: np.ndarray, score: np.ndarray, told: np.ndarray) -> dict[str, Any]:
    pairs = score[bad][:, None] - score[~bad][None]
    right = float(((pairs > 0) + 0.5 * (pairs == 0)).mean()) if pairs.size else 0.5
    return {
        "alarms": int(told.sum()),
        "right alarms": int((told & bad).sum()),
        "area": right,
    }


def check(numbers: Mapping[str, Any]) -> None:
    """Assert what the README says of these numbers; of a small run only what holds for any."""
    cases, tales = numbers["cases"], numbers["tell-tales"]
    assert set(cases) >= {f"{start}, {balance}" for start in INITIALIZATIONS for balance in BALANCES}
    assert set(cases) >= {f"feature matching: {how}" for how in MATCHINGS}
    for found in cases.values():
        assert found["late distance"][0] > 0
        assert 0 <= found["better than grey"] <= found["seeds"]
        assert 0 <= found["preferred to real"][0] <= 1
        assert all(0 <= share <= 1 for share, _ in found["D on real, on fake"])
        assert all(0 <= share <= 1 for share, _ in found["small share of the first layers"])
    assert abs(numbers["D's loss at D = 1/2"] - 2 * math.log(2)) < 1e-12
    assert numbers["decay"]["largest difference of weights"] == 0
    trained = [found for name, found in cases.items() if not name.startswith("decay")]
    assert tales["bad"] == sum(found["seeds"] - found["better than grey"] for found in trained)
    for name in set(tales) - {"runs", "bad"}:
        assert 0 <= tales[name]["right alarms"] <= min(tales["bad"], tales[name]["alarms"])
    assert all(abs(norm - 1) < 1e-5 for norm in numbers["norm at the middle"]["spherical"])
    if cases[REFERENCE]["seeds"] == 3:
        _check_the_readme(numbers)


def _check_the_readme(numbers: Mapping[str, Any]) -> None:
    cases = numbers["cases"]
    lives = lambda name: cases[name]["better than grey"]
    assert all(lives(f"N(0, .2), {balance}") == 0 for balance in BALANCES)
    assert [lives(f"Xavier, {balance}") for balance in BALANCES] == [0, 3, 3]
    assert [lives(f"N(0, .02), {balance}") for balance in BALANCES] == [3, 2, 2]
    for start in INITIALIZATIONS:
        losses = [cases[f"{start}, {balance}"]["late loss of D"][0] for balance in BALANCES]
        assert losses[0] > losses[1] > losses[2]
    for real, fake in (
        cases[f"{start}, G twice"]["D on real, on fake"] for start in ("N(0, .2)", "N(0, .02)")
    ):
        assert 0.4 < fake[0] < real[0] < 0.65
    best = min(cases, key=lambda name: cases[name]["late distance"][0])
    assert best == "feature matching: means alone"
    assert max(found["preferred to real"][0] for found in cases.values()) < 0.02
    _check_signs(cases, numbers["tell-tales"])
    _check_walks(numbers["walks"], numbers["walks of a linear generator"])


def _check_signs(cases: Mapping[str, Any], tales: Mapping[str, Any]) -> None:
    assert not any(found["diverged"] for found in cases.values())
    assert cases["feature matching: samples alone"]["D's loss near 0"] == 3
    assert cases["feature matching: samples first, D later"]["vanishing"] == [0, 2]
    late, early = tales["loss of D near 0 at the end"], tales["loss of D near 0 early"]
    assert late["right alarms"] < 0.6 * late["alarms"]
    assert early["area"] < 0.5
    small = tales["small updates in the first layer of G"]
    assert small["right alarms"] == small["alarms"]
    slow = cases["decay 0.99"]
    assert slow["distance"][0] > 1.2 * slow["distance on batch statistics"][0]


def _check_walks(found: Mapping[str, Any], linear: Mapping[str, float]) -> None:
    for name in ("from -1 to 1", "from -3 to 3"):
        assert abs(found[name][0] / linear[name] - 1) < 0.1
    assert abs(found["across 0 over beside 0"][0] - 1) < 0.01
    assert found["distance at z"]["10"][0] > 1.5 * found["samples"][0]
    assert abs(found["middles"]["linear"][0] / found["samples"][0] - 1) < 0.1
