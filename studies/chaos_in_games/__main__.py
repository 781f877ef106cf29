"""Which games and rules of training are chaotic, and where: regimes over step sizes, regions, known cases.

Run: python -m studies.chaos_in_games [--small] [--out DIR]; writes numbers.json, then one PNG a figure.
"""

import argparse
import json
from pathlib import Path
from typing import Any

from studies.chaos_in_games import again, learning, regimes, regions
from studies.chaos_in_games.cases import FEW, GAMES, RULES
from studies.chaos_in_games.claims import check
from studies.chaos_in_games.pictures import draw


def compute(small: bool) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the numbers and what the figures show."""
    rows = _rows(small)
    maps = _regions(small)
    rock, rock_shown = learning.rock(small)
    roads, roads_shown = learning.roads(small)
    numbers = {
        "games": {
            game: {rule: _numbers(game, rule, row, small) for rule, row in found.items()}
            for game, found in rows.items()
        },
        "regions": {
            parameter: {rule: regions.summary(parameter, rule, sweep) for rule, sweep in found.items()}
            for parameter, found in maps.items()
        },
        "rock, paper, scissors": rock,
        "two roads": roads,
    }
    if not small:
        numbers["regions looked at again"] = {
            parameter: {rule: regions.again(parameter, rule, sweep, 3, 8000) for rule, sweep in found.items()}
            for parameter, found in maps.items()
        }
    return numbers, {"rows": rows, "regions": maps, "rock": rock_shown, "roads": roads_shown}


def _rows(small: bool) -> dict[str, dict[str, regimes.Row]]:
    count, n_steps, transient = (24, 1500, 1000) if small else (200, 6000, 4000)
    return {
        game: {rule: regimes.look(GAMES[game], rule, count, n_steps, transient) for rule in RULES}
        for game in (FEW if small else GAMES)
    }


def _numbers(game: str, rule: str, row: regimes.Row, small: bool) -> dict[str, Any]:
    case = GAMES[game]
    return {
        **regimes.summary(case, rule, row),
        "looked at again": again.confirm(case, rule, row, 10_000 if small else 200_000),
    }


def _regions(small: bool) -> dict[str, dict[str, Any]]:
    count, every, n_steps = (14, 8, 400) if small else (84, 1, 2000)
    return {
        "gamma": {rule: regions.region("gamma", rule, count, every, n_steps) for rule in RULES},
        "kappa": {
            rule: regions.region("kappa", rule, 2 * count // 3, every, n_steps) for rule in list(RULES)[:2]
        },
    }


def main() -> None:
    """Compute all numbers and write them, check every claim, then draw every figure."""
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m studies.chaos_in_games")
    parser.add_argument("--small", action="store_true", help="three games, coarse grids, for tests")
    parser.add_argument(
        "--out", type=Path, default=Path("gandyn-run-chaos-in-games"), help="folder to write in"
    )
    chosen = parser.parse_args()
    chosen.out.mkdir(parents=True, exist_ok=True)
    numbers, shown = compute(chosen.small)
    (chosen.out / "numbers.json").write_text(json.dumps(numbers, indent=1) + "\n")
    check(numbers)
    print("every claim holds")
    draw(shown, numbers, chosen.out)
    print(f"numbers and figures are in {chosen.out}")


if __name__ == "__main__":
    main()
