"""The document's impressions as numbers over seeds, and what the README says of them."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
from scipy.stats import spearmanr

from gandyn.nets import mode_recurrence
from studies.learning_in_1d_and_2d.runs import LOSSES, SAMPLES

Runs = Mapping[str, Any]


def those(runs: Runs, name: str, loss: str, width: str = "", offset: str = "") -> list[dict[str, Any]]:
    """Return the runs of one setting, one a seed; without a width, those of the widest networks."""
    keys = [key.split(", ") for key in runs]
    widths = {key[2] for key in keys if key[0] == name and key[1] == loss}
    width = width or max(widths, key=float)
    return [
        run
        for key, run in runs.items()
        if key.startswith(f"{name}, {loss}, {width}, ") and (not offset or key.split(", ")[3] == offset)
    ]


def values_of(runs: Runs, name: str, place: int) -> list[str]:
    """Return the settings that occur at a place of the names of runs, in their order."""
    found = [key.split(", ")[place] for key in runs if key.startswith(name)]
    return sorted(set(found), key=float)


def over_seeds(values: Iterable[float]) -> list[float]:
    """Return mean and standard error."""
    row = np.array(list(values), dtype=float)
    return [float(row.mean()), float(row.std(ddof=1) / np.sqrt(len(row))) if len(row) > 1 else 0.0]


def late(run: Mapping[str, Any], name: str) -> np.ndarray:
    """Return a measure over the last half of a run."""
    row = np.array(run[name], dtype=float)
    return row[len(row) // 2 :]


def with_rest(counts: Any, total: int) -> np.ndarray:
    """Return histograms of modes with a column for the samples of none."""
    rows = np.array(counts)
    return np.column_stack([rows, total - rows.sum(axis=1)])


def ring_transformation() -> dict[str, list[float]]:
    """Return mean and deviation of the radius of z/|z| + z/10, of draws and in closed form."""
    z = np.random.default_rng(0).normal(size=(100_000, 2))
    size = np.linalg.norm(z, axis=1, keepdims=True)
    radius = np.linalg.norm(z / size + z / 10, axis=1)
    return {
        "drawn": [float(radius.mean()), float(radius.std())],
        "closed form": [1 + np.sqrt(np.pi / 2) / 10, np.sqrt(2 - np.pi / 2) / 10],
    }


def _line(own: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "distance, last half": over_seeds(late(run, "distance").mean() for run in own),
        "its largest over its smallest": over_seeds(
            late(run, "distance").max() / late(run, "distance").min() for run in own
        ),
        "turns of the map, last half": over_seeds(late(run, "turns").mean() for run in own),
        "share of moments at which the map turns": over_seeds((late(run, "turns") > 0).mean() for run in own),
    }


def _recurrences(own: list[dict[str, Any]], rows: Callable[[dict[str, Any]], np.ndarray]) -> dict[str, Any]:
    """Return verdicts and periods of recurrence, the first fifth left out."""
    found = [
        mode_recurrence(rows(run)[len(run["step"]) // 5 :], run["step"][len(run["step"]) // 5 :])
        for run in own
    ]
    return {
        "verdicts": [each.verdict for each in found],
        "p": [each.p_value for each in found],
        "periods": [None if np.isnan(each.period) else each.period for each in found],
        "return rate": over_seeds(each.return_rate for each in found),
    }


def losses_and_gains(counts: Any, least: int = 50) -> tuple[int, int]:
    """Return how often a mode that was covered is not at the next moment, and how often one comes back."""
    there = np.array(counts) >= least
    lost = there[:-1] & ~there[1:]
    seen = np.maximum.accumulate(there, axis=0)
    back = ~there[:-1] & there[1:] & seen[:-1]
    return int(lost.sum()), int(back.sum())


def _modes(own: list[dict[str, Any]], total: int) -> dict[str, Any]:
    changes = [losses_and_gains(run["counts"]) for run in own]
    return {
        "modes covered, last half": over_seeds(late(run, "covered").mean() for run in own),
        "high quality, last half": over_seeds(late(run, "good").mean() for run in own),
        "modes lost, a run": over_seeds(lost for lost, _ in changes),
        "modes regained, a run": over_seeds(back for _, back in changes),
        "samples": _recurrences(own, lambda run: with_rest(run["counts"], total)),
    }


def hops(run: Mapping[str, Any]) -> int:
    """Return how often the mode with the most samples changes."""
    return int(np.count_nonzero(np.diff(np.argmax(run["counts"], axis=1))))


def _chaos(own: list[dict[str, Any]]) -> dict[str, Any]:
    exponents, moved = (np.concatenate([run[name] for run in own]) for name in ("exponents", "moved"))
    rank, p = spearmanr(exponents, moved)
    return {
        "exponent a step": over_seeds(np.mean(run["exponents"]) for run in own),
        "share of windows above 0": float(np.mean(exponents > 0)),
        "largest window": float(exponents.max()),
        "rank correlation with the move of the modes": [float(rank), float(p)],
    }


def _forgetting(own: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "D between": over_seeds(late(run, "D between").mean() for run in own),
        "D on data": over_seeds(late(run, "D on data").mean() for run in own),
        "D between, replayed": over_seeds(run["replay"]["D between"] for run in own),
        "D on data, replayed": over_seeds(run["replay"]["D on data"] for run in own),
    }


def _failure(own: list[dict[str, Any]]) -> dict[str, Any]:
    """Return where runs end; one has returned when its samples are within half a unit of the data."""
    return {
        "distance at the end": over_seeds(run["distance"][-1] for run in own),
        "returned": sum(run["distance"][-1] < 0.5 for run in own),
        "runs": len(own),
        "push on a sample, median": over_seeds(np.median(run["push"]) for run in own),
    }


def summary(runs: Runs) -> dict[str, Any]:
    """Return every number of the README."""
    found: dict[str, Any] = {"ring transformation": ring_transformation()}
    for loss in LOSSES:
        intervals = those(runs, "intervals", loss)
        planes = those(runs, "clusters", loss)
        found[loss] = {
            "line": _line(those(runs, "line", loss)),
            "intervals": {
                **_modes(intervals, SAMPLES),
                "distance, last half": over_seeds(late(run, "distance").mean() for run in intervals),
                "hops, a run": over_seeds(hops(run) for run in intervals),
            },
            "exponents": _chaos([run for key, run in runs.items() if key.startswith(f"exponents, {loss},")]),
            "forgetting": {
                width: _forgetting(those(runs, "intervals", loss, width))
                for width in values_of(runs, "intervals", 2)
            },
            "failure": {
                offset: _failure(those(runs, "failure", loss, offset=offset))
                for offset in values_of(runs, "failure", 3)
            },
            "clusters": {
                **_modes(planes, 2 * SAMPLES),
                "between, last half": over_seeds(late(run, "between").mean() for run in planes),
                "lowest peak, last half": over_seeds(late(run, "peaks").min(axis=1).mean() for run in planes),
                "peaks": _recurrences(planes, lambda run: np.array(run["peaks"])),
            },
        }
    return found


def check(numbers: Mapping[str, Any]) -> None:
    """Assert what the README says of these numbers; of a small run only that they are in their ranges."""
    drawn, exact = numbers["ring transformation"].values()
    assert np.allclose(drawn, exact, atol=2e-3)
    for loss in LOSSES:
        found = numbers[loss]
        assert found["line"]["distance, last half"][0] > 0
        for name, most in (("intervals", 3), ("clusters", 5)):
            assert 0 <= found[name]["modes covered, last half"][0] <= most
            assert 0 <= found[name]["high quality, last half"][0] <= 1
            assert all(0 < p <= 1 for p in found[name]["samples"]["p"])
        for rows in found["forgetting"].values():
            assert all(0 <= pair[0] <= 1 for pair in rows.values())
        assert all(0 <= row["returned"] <= row["runs"] for row in found["failure"].values())
    if "500" in numbers["saturating"]["forgetting"]:
        _check_the_readme(numbers)


def _check_the_readme(numbers: Mapping[str, Any]) -> None:
    own, other = (numbers[loss] for loss in LOSSES)
    for found in (own, other):
        assert found["line"]["distance, last half"][0] > 20 * 0.01
        assert found["line"]["share of moments at which the map turns"][0] > 0.8
        assert found["intervals"]["hops, a run"][0] > 10
        mean, error = found["exponents"]["exponent a step"]
        assert mean < 2 * error
        assert found["exponents"]["rank correlation with the move of the modes"][0] < 0
        for width, rows in found["forgetting"].items():
            assert rows["D between"][0] > 0.4
            assert width == "20" or rows["D between, replayed"][0] < rows["D between"][0] - 0.08
        assert found["forgetting"]["500"]["D between, replayed"][0] < 0.3
        for name in ("samples", "peaks"):
            assert "cycles" not in found["clusters"][name]["verdicts"]
            assert min(found["clusters"][name]["p"]) > 0.3
    assert [row["returned"] for row in own["failure"].values()] == [2, 0]
    assert [row["returned"] for row in other["failure"].values()] == [3, 3]
    assert own["failure"]["10"]["push on a sample, median"][0] < 1e-5
    assert own["clusters"]["modes covered, last half"][0] > 4.9
    assert own["clusters"]["modes lost, a run"] == own["clusters"]["modes regained, a run"]
    assert other["clusters"]["modes covered, last half"][0] < 3
