"""Every claim of the README, asserted of the numbers."""

from collections.abc import Mapping
from typing import Any

import numpy as np


def check(numbers: Mapping[str, Any]) -> None:
    """Assert what the README says of these numbers."""
    _check_multipliers(numbers)
    _check_bounds(numbers)
    _check_momentum(numbers)
    for system, grid in numbers["grid"].items():
        assert grid["wrong"] == 0, system
        assert (grid["stable"] == 0) == (system == "centre"), system
        assert grid["stable"] < grid["points"], system
    _check_awake(numbers["awake"])


def _check_multipliers(numbers: Mapping[str, Any]) -> None:
    values = {s: np.array([complex(*p) for p in v]) for s, v in numbers["eigenvalues of -J"].items()}
    np.testing.assert_allclose(np.sort(values["node"].real), [1.106606, 1.527110], atol=5e-7)
    np.testing.assert_allclose(values["strong focus"].real, 0.15, atol=1e-12)
    np.testing.assert_allclose(np.abs(values["centre"]), 0.5, atol=1e-12)
    for system, found in numbers["multipliers"].items():
        pairs = [np.array([complex(*p) for p in found[name]]) for name in ("of the map", "closed form")]
        gaps = np.abs(pairs[0][:, None] - pairs[1])
        assert max(gaps.min(axis=0).max(), gaps.min(axis=1).max()) < 2e-7, system
        assert found["stable"] == bool(np.abs(pairs[1]).max() < 1), system
    assert not numbers["multipliers"]["centre"]["stable"]


def _check_bounds(numbers: Mapping[str, Any]) -> None:
    for system, bounds in numbers["least eps"].items():
        for beta1, bound in bounds.items():
            assert bound["stable just above"] is True, (system, beta1)
            assert bound["stable just below"] is False, (system, beta1)
            assert abs(bound["observed"] / bound["closed form"] - 1) < 1e-3, (system, beta1)
    fast = max(pair[0] for pair in numbers["eigenvalues of -J"]["node"])
    for beta1, bound in numbers["least eps"]["node"].items():
        b = float(beta1)
        assert abs(0.01 * fast / bound["closed form"] / (2 * (1 + b) / (1 - b)) - 1) < 1e-9


def _check_momentum(numbers: Mapping[str, Any]) -> None:
    least = {
        s: {float(b): v["closed form"] for b, v in found.items()} for s, found in numbers["least eps"].items()
    }
    assert least["node"][0.9] < least["node"][0.5] < least["node"][0.0]
    assert least["weak focus"][0.5] < least["weak focus"][0.0] < least["weak focus"][0.9]
    assert least["strong focus"][0.0] < least["strong focus"][0.5] < least["strong focus"][0.9]
    assert abs(numbers["best beta1"]["weak focus"] - 0.4943) < 5e-5
    assert abs(numbers["best beta1"]["strong focus"] + 0.5215) < 5e-5
    assert 17 < least["strong focus"][0.9] / least["strong focus"][0.0] < 17.5


def _check_awake(awake: Mapping[str, Any]) -> None:
    """At the default eps the path hovers where the v of the moment puts it at the bound."""
    for beta1, seen in awake["node"].items():
        bound = 2 * (1 + float(beta1)) / (1 - float(beta1))
        assert abs(seen["median largest kappa"] / bound - 1) < 0.06, beta1
    for system in ("weak focus", "strong focus"):
        for beta1, seen in awake[system].items():
            assert abs(seen["median modulus"] - 1) < 5e-4, (system, beta1)
            assert seen["largest distance"] < 1.35 * seen["median distance"], (system, beta1)
    for system in ("node", "weak focus", "strong focus"):
        for beta1, seen in awake[system].items():
            assert 1e-6 < seen["largest distance"] < seen["largest distance early"], (system, beta1)
    for seen in awake["centre"].values():
        assert seen["largest distance"] > np.sqrt(0.5)
    distances = [seen["median distance"] for seen in awake["strong focus"].values()]
    assert distances == sorted(distances)
