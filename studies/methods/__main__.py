"""Schemes against games: what a step does near the fixed point, predicted and observed, and what it costs.

Run: python -m studies.methods [--small] [--out DIR]; writes numbers.json, table.md and one PNG a figure.
"""

import argparse
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

from gandyn import UpdateMap, VectorField, consensus, plot, schemes, symplectic_adjustment, trajectory
from gandyn.games import catalogue, exchanged_losses

#: Each game with its fixed point.
GAMES: dict[str, tuple[Callable[[], VectorField], tuple[float, ...]]] = {
    "bilinear": (lambda: catalogue.make("bilinear"), (0, 0)),
    "Dirac": (lambda: catalogue.make("dirac"), (0, 0)),
    "Dirac, R1 0.3": (lambda: catalogue.make("dirac-r1", gamma=0.3), (0, 0)),
    "Dirac, noise 0.7": (lambda: catalogue.make("dirac-noise", sigma=0.7), (0, 0)),
    "Gaussian, W_d 1": (lambda: catalogue.make("gaussian-classifier", W_d=1.0), (0, 0)),
    "Gaussian, W_d 0.5": (lambda: catalogue.make("gaussian-classifier", W_d=0.5), (0, 0)),
    "LQ-WGAN": (lambda: catalogue.make("lq-wgan"), (1, 0)),
    "Hopf, mu 0.3": (lambda: catalogue.make("hopf", mu=0.3), (0, 0)),
    "Balduzzi": (lambda: catalogue.make("balduzzi"), (0, 0)),
    "pennies": (lambda: catalogue.make("matching-pennies"), (0, 0)),
}
#: Of a field, the field of its losses exchanged, and a step.
Scheme = Callable[[VectorField, VectorField, float], UpdateMap]


def plain(make: Callable[[VectorField, float], UpdateMap]) -> Scheme:
    """Return a scheme that does not ask for the exchanged losses."""
    return lambda field, _, h: make(field, h)


def shaping(make: Callable[..., UpdateMap]) -> Scheme:
    """Return a scheme in which players shape each other's steps."""
    return lambda field, rival, h: make(field, h, rival=rival)


SCHEMES: dict[str, Scheme] = {
    "simultaneous": plain(schemes.simultaneous),
    "alternating": plain(schemes.alternating),
    "extragradient": plain(schemes.extragradient),
    "extrapolation from the past": plain(schemes.extrapolation_from_the_past),
    "optimistic": plain(schemes.optimistic),
    "heavy ball -0.5, in turn": plain(lambda f, h: schemes.heavy_ball(f, h, -0.5, "generator first")),
    "heavy ball 0.5": plain(lambda f, h: schemes.heavy_ball(f, h, 0.5)),
    "Nesterov 0.5": plain(lambda f, h: schemes.nesterov(f, h, 0.5)),
    "Adam": plain(schemes.adam),
    "Adam, eps 1": plain(lambda f, h: schemes.adam(f, h, eps=1.0, beta2=0.9)),
    "consensus 1": plain(lambda f, h: schemes.simultaneous(consensus(f, 1.0), h)),
    "SGA 1": plain(lambda f, h: schemes.simultaneous(symplectic_adjustment(f, 1.0), h)),
    "Lookahead 5 over simultaneous": plain(
        lambda f, h: schemes.lookahead_minimax(schemes.simultaneous(f, h))
    ),
    "CGD": plain(schemes.cgd),
    "LOLA": shaping(schemes.lola),
    "SOS": shaping(schemes.sos),
    "unrolled 5": shaping(schemes.unrolled),
    "proximal point": plain(schemes.proximal_point),
    "Runge-Kutta 2": plain(schemes.rk2),
    "Runge-Kutta 4": plain(schemes.rk4),
}
H, NEUTRAL, START = 0.1, 1e-9, 1e-3
STEPS = np.geomspace(1e-3, 1e2, 251)


def work(field: VectorField, rival: VectorField, scheme: Scheme, x: np.ndarray) -> int:
    """Return how often one step asks for a velocity or a product; a Jacobian is one a column."""
    asked: list[int] = []

    def counted(product: Callable[..., Any], cost: int = 1) -> Callable[..., Any]:
        def call(*args: Any) -> Any:
            asked.append(cost)
            return product(*args)

        return call

    def watched(each: VectorField) -> VectorField:
        return VectorField(
            counted(each.fn), each.layout, jac=counted(each.jac, len(x)), jvp=counted(each.jvp),
            vjp=counted(each.vjp), second=each.second, second_adjoint=each.second_adjoint,
        )  # fmt: skip

    step = scheme(watched(field), watched(rival), H)
    state = step.start(x + START)
    asked.clear()
    step.fn(state, 0)
    return sum(asked)


def radius(step: UpdateMap, x: np.ndarray) -> float:
    """Return the largest modulus of a multiplier at the fixed point, a long time after the start."""
    largest = np.abs(np.linalg.eigvals(step.jac(step.start(x), 10**6))).max()
    return float(max(largest, np.finfo(float).tiny))


def predicted(field: VectorField, rival: VectorField, scheme: Scheme, x: np.ndarray) -> dict[str, Any]:
    """Return what the multipliers say: exponent at H, largest stable step, cheapest digit."""
    step = scheme(field, rival, H)
    (clock,) = [name for name in step.constants if name == "h" or name == step.rule.clock][:1]
    at = lambda h: step.with_constants(**{clock: float(h)})
    radii = np.array([radius(at(h), x) for h in STEPS])
    gone = np.flatnonzero(radii > 1 + NEUTRAL)
    last = int(gone[0]) if len(gone) else len(STEPS)
    gradients = work(field, rival, scheme, x)
    state = step.start(x)
    result: dict[str, Any] = {
        "keeps the fixed point": bool(np.abs(step(state, 0) - state).max() < 1e-12),
        "exponent": float(np.log(radius(step, x))),
        "gradients": gradients,
        "largest stable step": None,
        "gradients a digit": None,
    }
    if result["keeps the fixed point"] and np.any(radii[:last] < 1 - NEUTRAL):
        result["largest stable step"] = _edge(at, x, last) if last < len(STEPS) else "beyond 100"
        result["gradients a digit"] = float(gradients * max(1.0, np.log(10) / -np.log(radii[:last].min())))
    return result


def _edge(at: Callable[[float], UpdateMap], x: np.ndarray, last: int) -> float:
    """Return the step at which stability is lost, between two steps of the scan."""
    low, high = STEPS[last - 1], STEPS[last]
    for _ in range(40):
        middle = (low * high) ** 0.5
        low, high = (middle, high) if radius(at(middle), x) < 1 else (low, middle)
    return float(low)


def observed(step: UpdateMap, x: np.ndarray, n_steps: int) -> str:
    """Return what an orbit does that starts a little way off."""
    state = step.start(x + START * np.array([1.0, -0.7]))
    path = trajectory(step, state, n_steps=n_steps, save_every=max(1, n_steps // 400), progress=False)
    away = np.linalg.norm(np.asarray(path.x)[:, : len(x)] - x, axis=1)
    if path.status == "diverged" or away[-1] > 1e3:
        return "diverges"
    early, late = away[: len(away) // 4].max(), away[-len(away) // 4 :].max()
    if late < 0.5 * early:
        return "converges"
    return "neutral" if late < 1.5 * away[0] else "leaves, stays bounded"


def agree(drift: float, seen: str) -> bool:
    """Return whether what is seen fits the multipliers, ``drift`` being the exponent times the steps."""
    return seen == "neutral" if abs(drift) < 0.35 else (seen == "converges") == (drift < 0)


def compute(small: bool) -> dict[str, Any]:
    """Return, for each game and scheme, what is predicted, observed and paid."""
    games = dict(list(GAMES.items())[:3]) if small else GAMES
    numbers: dict[str, Any] = {}
    for game, (make, point) in games.items():
        field, x = make(), np.array(point, dtype=float)
        rival = exchanged_losses(field)
        for name, scheme in SCHEMES.items():
            found = predicted(field, rival, scheme, x)
            # Long enough to see a rate of 1e-4 a step, and the slowest one that the multipliers name.
            length = int(np.clip(8 / max(abs(found["exponent"]), 1e-3), 400, 8000))
            found["observed"] = observed(scheme(field, rival, H), x, length)
            kept = found["keeps the fixed point"]
            found["agrees"] = agree(length * found["exponent"], found["observed"]) if kept else None
            numbers.setdefault(game, {})[name] = found
    return numbers


def winners(numbers: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return, for each game, the schemes whose cheapest digit is within one per cent of the cheapest."""
    best = {}
    for game, found in numbers.items():
        costs = {name: one["gradients a digit"] for name, one in found.items()}
        finite = {name: cost for name, cost in costs.items() if cost is not None}
        least = min(finite.values(), default=np.inf)
        best[game] = sorted(name for name, cost in finite.items() if cost <= 1.01 * least)
    return best


def table(numbers: Mapping[str, Any]) -> str:
    """Return one table: exponent at H, largest stable step, gradients a digit at the best step."""
    head = f"| scheme | {' | '.join(numbers)} |"
    lines = [head, "|" + "---|" * (len(numbers) + 1)]
    for name in SCHEMES:
        lines.append(f"| {name} | {' | '.join(_cell(numbers[game][name]) for game in numbers)} |")
    return "\n".join(lines) + "\n"


def _cell(found: Mapping[str, Any]) -> str:
    letter = {"converges": "c", "neutral": "n", "diverges": "d", "leaves, stays bounded": "b"}
    step, cost = found["largest stable step"], found["gradients a digit"]
    if not found["keeps the fixed point"]:
        return "moves it"
    parts = [letter[found["observed"]], f"{found['exponent']:+.2g}"]
    shown = "-" if not step else f"h* {step}" if isinstance(step, str) else f"h* {step:.3g}"
    parts += [shown, "-" if cost is None else f"{cost:.3g}"]
    return ", ".join(parts)


def check(numbers: Mapping[str, Any]) -> None:
    """Assert what the README says of these numbers."""
    games = numbers["games"]
    bilinear, r1 = games["bilinear"], games["Dirac, R1 0.3"]
    assert bilinear["simultaneous"]["observed"] in ("diverges", "leaves, stays bounded")
    np.testing.assert_allclose(bilinear["simultaneous"]["exponent"], 0.004975165426584, rtol=1e-9)
    np.testing.assert_allclose(bilinear["extragradient"]["exponent"], -0.00497467, atol=1e-8)
    assert abs(bilinear["alternating"]["exponent"]) < 1e-12
    assert bilinear["alternating"]["observed"] == "neutral"
    np.testing.assert_allclose(bilinear["extragradient"]["largest stable step"], 1, rtol=1e-6)
    np.testing.assert_allclose(bilinear["optimistic"]["largest stable step"], 1 / np.sqrt(3), rtol=1e-6)
    np.testing.assert_allclose(bilinear["Runge-Kutta 4"]["largest stable step"], 2 * np.sqrt(2), rtol=1e-6)
    assert bilinear["proximal point"]["largest stable step"] == "beyond 100"
    np.testing.assert_allclose(r1["simultaneous"]["largest stable step"], 1.2, rtol=1e-6)
    assert r1["simultaneous"]["gradients a digit"] > 9 * r1["alternating"]["gradients a digit"]
    for game, found in games.items():
        for name, one in found.items():
            assert one["agrees"] or not one["keeps the fixed point"], (game, name, one)
            assert one["keeps the fixed point"] or (game == "LQ-WGAN" and name in ("LOLA", "unrolled 5"))
        costs = {name: one["gradients a digit"] for name, one in found.items()}
        assert costs["Adam"] is None, "its steps do not shrink at the point"
        assert costs["optimistic"] == costs["extrapolation from the past"] or np.isclose(
            costs["optimistic"], costs["extrapolation from the past"], rtol=1e-6
        )
        if costs["simultaneous"] is not None:
            assert costs["simultaneous"] < costs["heavy ball 0.5"], "momentum is worse than none"
    if len(games) == len(GAMES):
        assert sum("CGD" in best for best in numbers["winners"].values()) == 7
        assert {game for game, one in games.items() if one["CGD"]["gradients a digit"] is None} == {
            "Gaussian, W_d 0.5",
            "Hopf, mu 0.3",
        }


def draw(numbers: Mapping[str, Any], out: Path) -> None:
    """Draw methods.png: what a digit costs, and what an orbit does."""
    games, names = list(numbers), list(SCHEMES)
    costs = [[numbers[game][name]["gradients a digit"] or np.nan for game in games] for name in names]
    with plot.style():
        figure = Figure(figsize=(9.0, 7.6), layout="constrained")
        ax = figure.subplots()
        values = np.ma.masked_invalid(np.array(costs, dtype=float))
        mesh = ax.pcolormesh(
            values, norm=LogNorm(1, 1e3), cmap="viridis_r", edgecolors="white", linewidth=0.5
        )
        for i, name in enumerate(names):
            for j, game in enumerate(games):
                text, dark = _label(numbers[game][name]), (values[i, j] or 0) > 60
                ax.text(j + 0.5, i + 0.5, text, ha="center", va="center", fontsize=6,
                        color="white" if dark is True or dark == np.True_ else "black")  # fmt: skip
        ax.set_xticks(np.arange(len(games)) + 0.5, games, rotation=30, ha="right")
        ax.set_yticks(np.arange(len(names)) + 0.5, names)
        ax.invert_yaxis()
        ax.tick_params(length=0)
        figure.colorbar(
            mesh, ax=ax, label="gradients for each digit of accuracy, at the best step", extend="both"
        )
        ax.set_title(f"Number: gradients a digit at the best step. Word: an orbit at h = {H:g}.")
        figure.savefig(out / "methods.png", dpi=130)


def _label(found: Mapping[str, Any]) -> str:
    word = {"leaves, stays bounded": "bounded"}.get(found["observed"], found["observed"])
    cost = found["gradients a digit"]
    if not found["keeps the fixed point"]:
        return "moves the\npoint"
    return word if cost is None else f"{cost:.3g}\n{word}"


def main() -> None:
    """Compute all numbers and write them, check every claim, then draw the figure."""
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m studies.methods")
    parser.add_argument("--small", action="store_true", help="three games only, for tests")
    parser.add_argument("--out", type=Path, default=Path("gandyn-run-methods"), help="folder to write in")
    chosen = parser.parse_args()
    chosen.out.mkdir(parents=True, exist_ok=True)
    games = compute(chosen.small)
    numbers = {"winners": winners(games), "games": games}
    (chosen.out / "numbers.json").write_text(json.dumps(numbers, indent=1) + "\n")
    (chosen.out / "table.md").write_text(table(games))
    check(numbers)
    print("every claim holds")
    draw(games, chosen.out)
    print(f"numbers and figures are in {chosen.out}")


if __name__ == "__main__":
    main()
