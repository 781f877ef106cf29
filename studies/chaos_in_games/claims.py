"""Every claim of the README, asserted of the numbers."""

from collections.abc import Mapping
from typing import Any

import numpy as np

#: How the first range of stable step sizes ends, by rule: in this order, then with other rules.
ENDS = {
    "Gaussian classifier, W_d = 1": ("Neimark-Sacker", "period doubling", "Neimark-Sacker"),
    "Gaussian classifier, W_d = 0.5": (None, "period doubling", None),
    "sigmoid classifier, l2 = 1": ("period doubling", "period doubling", "another point"),
    "Dirac, R1 0.3": ("Neimark-Sacker", "period doubling", "Neimark-Sacker"),
    "Dirac, nonsaturating, R1 0.3": ("Neimark-Sacker", "period doubling", "Neimark-Sacker"),
    "Dirac, consensus 1": ("Neimark-Sacker", "period doubling", "Neimark-Sacker"),
    "Nagarajan-Kolter": ("Neimark-Sacker", "period doubling", "Neimark-Sacker"),
    "matching pennies, T = 0.2": ("Neimark-Sacker", "period doubling", "Neimark-Sacker"),
}
#: Rules under which nothing chaotic is found.
TAME = {
    "Gaussian classifier, W_d = 1": {"alternating"},
    "sigmoid classifier, l2 = 1": {"simultaneous", "alternating", "extragradient"},
    "Dirac, nonsaturating, R1 0.3": {"alternating", "extragradient"},
    "Dirac, consensus 1": {"alternating"},
    "Nagarajan-Kolter": {"alternating"},
}
#: Where the orbit leaves for a cycle of period two before the point itself is lost.
EARLY = {("Nagarajan-Kolter", "alternating")}


def check(numbers: Mapping[str, Any]) -> None:
    """Assert what the README says of these numbers."""
    for game, found in numbers["games"].items():
        for place, (rule, row) in enumerate(found.items()):
            _check_stability(game, rule, row, ENDS[game][place])
            _check_chaos(game, rule, row)
    _check_closed_forms(numbers["games"])
    for found in numbers["regions"].values():
        for row in found.values():
            assert row["chaotic beside a stable point"] == 0
            assert row["chaotic"] > 0 or row["points"] < 1000
    for found in numbers.get("regions looked at again", {}).values():
        for row in found.values():
            assert row["agree"] > 0.96 * row["points"], row
    _check_rock(numbers["rock, paper, scissors"])
    _check_roads(numbers["two roads"])


def _check_stability(game: str, rule: str, row: Mapping[str, Any], end: str | None) -> None:
    stability, spacing = row["stability"], row["spacing of h"]
    assert stability["how it ends"] == end, (game, rule, stability)
    if game == "Gaussian classifier, W_d = 0.5":
        assert stability["is lost"][0] == 0
        return
    (first,) = stability["stable h"]
    low, high = stability["is lost"]
    early = (game, rule) in EARLY
    assert first[0] == 0
    assert (high < 0.9 * first[1]) if early else (low - spacing <= first[1] <= high + spacing), (game, rule)


def _check_chaos(game: str, rule: str, row: Mapping[str, Any]) -> None:
    fine = row["spacing of h"] < row["top"] / 100
    if row["chaos begins"] is None:
        assert not fine or rule in TAME.get(game, ()), (game, rule)
        assert row["looked at again"] is None
        return
    assert rule not in TAME.get(game, ()), (game, rule)
    for low, high in row["stability"]["stable h"]:
        assert not low < row["chaos begins"]["h"][1] < high, (game, rule)
    again = row["looked at again"]
    if again["status"] == "finished":
        (pair, error), largest = again["growth of the distance of two orbits"], again["exponents a step"][0]
        assert largest > 3 * again["errors"][0] > 0, (game, rule, again)
        assert abs(sum(again["exponents a step"]) - again["mean ln |det J| a step"]) < 1e-6
        assert again["GALI"]["verdict"] == "chaotic", (game, rule, again)
        assert abs(pair - largest) < 4 * np.hypot(error, again["errors"][0]), (game, rule, again)


def _check_closed_forms(games: Mapping[str, Any]) -> None:
    """Simultaneous descent is stable below min -2 Re / |lambda|^2."""
    closed = {
        "Gaussian classifier, W_d = 1": 1 / 1.3775223733,
        "Dirac, R1 0.3": 4 * 0.3,
        "Dirac, nonsaturating, R1 0.3": 4 * 0.3,
        "Dirac, consensus 1": 2 / (1 + 1 / 4),
        "Nagarajan-Kolter": 0.9,
        "matching pennies, T = 0.2": 2 * 0.2 / 4 / ((0.2 / 4) ** 2 + 1 / 16) / 1,
    }
    for game, step in closed.items():
        if game in games:
            (first,) = games[game]["simultaneous"]["stability"]["stable h"]
            np.testing.assert_allclose(first[1], step, rtol=1e-8, err_msg=game)


def _check_rock(numbers: Mapping[str, Any]) -> None:
    fine = numbers["t_end"] > 10_000
    for eps, found in numbers["at eps and k"].items():
        for k, row in found.items():
            assert abs(row["sum"]) < 1e-6
            assert row["pairs miss by"] < 1e-4 if fine else 1e-2
            assert row["energy drifts by"] < 2e-5
            assert row["chaotic"] == (float(eps) > 0 and k in ("1", "2", "3")), (eps, k)
    largest = numbers["at eps and k"]["0.5"]["1"]
    assert abs(largest["exponents"][0] - 0.05) < 4 * largest["errors"][0]


def _check_roads(numbers: Mapping[str, Any]) -> None:
    even, odd = numbers["0.5"], numbers["0.7"]
    assert even["fixed point is lost at a"] == 8
    assert even["chaotic"] == 0
    assert even["period 3 from a"] is None
    assert odd["chaotic"] > 0.2
    assert odd["fixed point is lost at a"] < odd["first chaotic a"] < odd["period 3 from a"]
    for b, row in numbers.items():
        assert abs(row["mean of x at a = 20"] - float(b)) < 2e-3
