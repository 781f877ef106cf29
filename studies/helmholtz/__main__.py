"""Does following only the potential part train a GAN? Splits of small GANs, and six ways to follow them.

Run: python -m studies.helmholtz [--small] [--out DIR]; writes numbers.json and table.md, then one PNG a
figure.
"""

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from gandyn import VectorField, find_fixed_points, helmholtz, potential_flow
from gandyn.rotation import Boundary
from studies.helmholtz.games import CASES, SMALL, Case
from studies.helmholtz.pictures import draw
from studies.helmholtz.ways import WAYS, follow

#: How far the box is moved, generator first, in units of its half-width.
MOVES = ((0.0, 0.0), (0.2, 0.1), (-0.1, 0.25))


def compute(small: bool) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the numbers, and the decompositions and paths that the figures show."""
    games, shown = {}, {}
    for name in SMALL if small else CASES:
        case, game = CASES[name], CASES[name].make()
        split = helmholtz(game, case.bounds, points=60 if small else 120, progress=False)
        found = {way: follow(way, game, split, case, small) for way in WAYS}
        games[name] = {
            "shares": [split.gradient_share, split.rotation_share, split.harmonic_share],
            "residual": split.residual,
            "at the answer": _local(game, case),
            "ways": {way: numbers for way, (numbers, _) in found.items()},
            "moved boxes": [_moved(game, case, move, small) for move in MOVES],
            "natural boundary": _moved(game, case, MOVES[0], small, "natural"),
        }
        shown[name] = {"split": split, "paths": {way: path for way, (_, path) in found.items()}}
    arrived = {
        way: [name for name in games if games[name]["ways"][way]["verdict"] == "the right answer"]
        for way in WAYS
    }
    return {"games": games, "arrived": arrived}, shown


def _local(game: VectorField, case: Case) -> dict[str, Any]:
    """Return J, the eigenvalues of S, and whether the game and S are stable, at the right answer."""
    jacobian = game.jac(np.array(case.answer, dtype=float))
    symmetric = np.linalg.eigvalsh((jacobian + jacobian.T) / 2)
    return {
        "rests": bool(np.linalg.norm(game(np.array(case.answer, dtype=float))) < 1e-10),
        "J": jacobian.tolist(),
        "S": symmetric.tolist(),
        "J stable": bool(np.linalg.eigvals(jacobian).real.max() < -1e-9),
        "S stable": bool(symmetric.max() < -1e-9),
    }


def _moved(
    game: VectorField,
    case: Case,
    move: tuple[float, float],
    small: bool,
    boundary: Boundary = "normal-parallel",
) -> dict[str, Any]:
    """Return where grad phi attracts once the box is moved, generator first."""
    shift = np.array(move) * np.diff(case.bounds, axis=1)[:, 0] / 2
    box = case.bounds + shift[:, None]
    split = helmholtz(game, box, boundary=boundary, points=60 if small else 120, progress=False)
    if split.gradient_share < 1e-12:
        return {"middle": box.mean(axis=1).tolist(), "attracts at": []}
    middle = box.mean(axis=1, keepdims=True)
    inner = (middle + 0.995 * (box - middle))[::-1]
    points = find_fixed_points(potential_flow(split), inner, n_starts=32, progress=False).points
    stable = sorted(point.x[::-1].tolist() for point in points if point.stable)
    return {"middle": box.mean(axis=1).tolist(), "attracts at": stable}


def table(games: Mapping[str, Any]) -> str:
    """Return what each way does from the start, as a table in Markdown."""
    lines = ["| game | " + " | ".join(WAYS) + " |", "|---" * (len(WAYS) + 1) + "|"]
    for name, found in games.items():
        cells = [f"{one['verdict']}{_where(one)}" for one in found["ways"].values()]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _where(one: Mapping[str, Any]) -> str:
    first, second = (round(x, 2) + 0.0 for x in one["end"])
    return f" ({first:.2f}, {second:.2f})" if one["verdict"] == "a wrong point" else ""


def check(numbers: Mapping[str, Any]) -> None:
    """Assert what the README says of these numbers."""
    games = numbers["games"]
    for found in games.values():
        assert abs(sum(found["shares"]) - 1) < 1e-8
        assert min(found["shares"]) > -1e-9
        assert found["residual"] < 1e-6
        rays = found["ways"]["rays"]
        if found["at the answer"]["rests"]:
            arrives = found["at the answer"]["S stable"]
            assert (rays["verdict"] == "the right answer") == arrives, "rays arrive exactly where S is stable"
    for name, found in games.items():
        for moved in found["moved boxes"][1:]:
            gaps = [np.linalg.norm(np.subtract(x, CASES[name].answer)) for x in moved["attracts at"]]
            assert min(gaps, default=1.0) > 0.25, "off the middle, grad phi attracts elsewhere"
    _check_gaussian(games)
    _check_dirac(games)
    for way in ("SGA", "consensus"):
        for name in games:
            if name not in ("sigmoid", "Gaussian, weights"):
                assert games[name]["ways"][way]["verdict"] == "the right answer"
    if len(games) == len(CASES):
        assert {way: len(names) for way, names in numbers["arrived"].items()} == ARRIVED


#: How many of the twelve games each way brings to the right answer.
ARRIVED = {"the game": 6, "grad phi": 3, "grad phi + h": 2, "rays": 3, "SGA": 10, "consensus": 10}


def _check_gaussian(games: Mapping[str, Any]) -> None:
    unit, flat = games["Gaussian, W_d = 1"], games["Gaussian, W_d = 0.75"]
    for moved in unit["moved boxes"]:
        np.testing.assert_allclose(moved["attracts at"], [moved["middle"]], atol=1e-6)
    assert flat["ways"]["the game"]["verdict"] == "the right answer"
    for way in ("grad phi", "grad phi + h", "rays"):
        assert flat["ways"][way]["verdict"] == "a wrong point"
        origin = min(flat["ways"][way]["rest points"], key=lambda point: point["distance"])
        assert origin["kind"] == "saddle"
        assert origin["distance"] < 1e-6
        assert unit["ways"][way]["verdict"] == "the right answer"
    here, there = flat["moved boxes"][0]["attracts at"], flat["natural boundary"]["attracts at"]
    assert len(here) == len(there) == 2
    assert np.linalg.norm(np.subtract(here, there)) > 0.02, "the boundary condition decides"
    assert flat["at the answer"]["J stable"]
    assert not flat["at the answer"]["S stable"]
    matrix = np.array(flat["at the answer"]["J"])
    assert abs(matrix[0, 1] + matrix[1, 0]) < 1e-9
    np.testing.assert_allclose(flat["at the answer"]["S"], np.sort(np.diag(matrix)), atol=1e-12)


def _check_dirac(games: Mapping[str, Any]) -> None:
    plain, damped = games["Dirac, Wasserstein"], games["Dirac, R1 0.3"]
    assert plain["shares"][0] < 1e-12
    for way in ("grad phi", "rays"):
        assert plain["ways"][way]["verdict"] == "stands still"
    np.testing.assert_allclose(damped["at the answer"]["S"], [-0.3, 0.0], atol=1e-12)
    end = damped["ways"]["rays"]["end"]
    assert abs(end[0] - 0.6) < 0.02, "the generator is not trained"
    assert abs(end[1]) < 1e-3, "the discriminator is switched off"
    assert damped["ways"]["the game"]["verdict"] == "the right answer"
    assert damped["ways"]["grad phi"]["distance"] > 0.3
    assert damped["ways"]["grad phi + h"]["verdict"] == "leaves"


def main() -> None:
    """Compute all numbers and write them, check every claim, then draw every figure."""
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m studies.helmholtz")
    parser.add_argument("--small", action="store_true", help="four games on a coarse grid, for tests")
    parser.add_argument("--out", type=Path, default=Path("gandyn-run-helmholtz"), help="folder to write in")
    chosen = parser.parse_args()
    chosen.out.mkdir(parents=True, exist_ok=True)
    numbers, shown = compute(chosen.small)
    (chosen.out / "numbers.json").write_text(json.dumps(numbers, indent=1) + "\n")
    (chosen.out / "table.md").write_text(table(numbers["games"]))
    check(numbers)
    print("every claim holds")
    draw(shown, numbers, chosen.out)
    print(f"numbers and figures are in {chosen.out}")


if __name__ == "__main__":
    main()
