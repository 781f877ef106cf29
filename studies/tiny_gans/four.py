"""The Gaussian discriminator with all four parameters free: the mean is learned, the scale is not.

g(z) = W_g z + b_g and d(x) = exp(-(W_d x + b_d)^2), saturating losses, z and the data standard normal.
"""

from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import brentq
from scipy.special import dawsn

from gandyn import Trajectory, plot, spectrum
from gandyn.games.tiny import gaussian_classifier
from studies.tiny_gans.common import EPS, Size, figure_of, follow, normal_rule, pairs, save

REST = float(np.sqrt(np.log(2)))
NAMES = ("W_g", "b_g", "W_d", "b_d")
LEARN = (1, 1, 1, 0.5)
COLLAPSE = (1, 0, 2, 0.05)
NUDGED = (1, 1e-6, 1, 0)
BOX = np.array([[0.2, -1, 0.5, -1], [2, 1, 2, 1]])


def compute(size: Size) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the numbers and what the figures show."""
    game = gaussian_classifier(NAMES)
    line = np.array([[w_g, 0, 0, sign * REST] for w_g in (0.1, 0.5, 1, 2, 3) for sign in (-1, 1)])
    draws = np.random.default_rng(0)
    starts = draws.uniform(*BOX, (size.starts, 4))
    runs = [follow(game, start, 100) for start in starts]
    collapsed = np.array([run.status == "stalled" for run in runs])
    ends = np.array([run.x[-1] for run in runs])
    learned = ends[~collapsed]

    nearby = COLLAPSE + draws.uniform(-0.01, 0.01, (10, 4))
    falls = [follow(game, start, 5, rtol=1e-12, atol=1e-14) for start in nearby]
    rule = normal_rule()
    offset = gaussian_classifier(NAMES, data=rule, latent=rule, eps=EPS)
    after, learning, nudged = follow(offset, COLLAPSE, 60), follow(game, LEARN, 60), follow(game, NUDGED, 60)
    numbers = {
        "largest velocity on the line W_d = b_g = 0, b_d = +-sqrt(ln 2)": float(np.abs(game(line)).max()),
        "eigenvalues at W_g = 1": pairs(spectrum(game, np.array([1, 0, 0, REST])).eigenvalues),
        "starts": size.starts,
        "box of starts": BOX.tolist(),
        "share that collapses": float(collapsed.mean()),
        "of the others, largest distance from the line": float(
            np.abs(learned[:, 1:] * [1, 1, 0] + [0, 0, 1] * (np.abs(learned[:, 1:]) - REST)).max()
        ),
        "of the others, largest |d - 1/2| over data in [-3, 3]": float(
            np.abs(np.exp(-((learned[:, 2:3] * np.linspace(-3, 3, 61) + learned[:, 3:]) ** 2)) - 0.5).max()
        ),
        "of the others, W_g at the end": [float(learned[:, 0].min()), float(learned[:, 0].max())],
        "least W_d^2 - 1 - b_g^2 at collapse": float(_reaction(ends[collapsed]).min()),
        "collapse next to " + str(COLLAPSE): {
            "all stalled": all(run.status == "stalled" for run in falls),
            "t": [min(float(run.t[-1]) for run in falls), max(float(run.t[-1]) for run in falls)],
            "largest error of the self-similar m / tau": max(_similarity_error(run) for run in falls),
        },
        "with eps after the collapse": dict(zip(NAMES, after.x[-1].tolist(), strict=True)),
        "from (1, 1e-6, 1, 0)": dict(zip(NAMES, nudged.x[-1].tolist(), strict=True)),
    }
    pictures = {
        "learning": learning,
        "fall": follow(game, COLLAPSE, 5),
        "after": after,
        "tracks": runs[:60],
    }
    return numbers, pictures


def _reaction(x: np.ndarray) -> np.ndarray:
    """Return how much faster the generator moves s(b_g) = W_d b_g + b_d than the discriminator, over H_m."""
    return x[:, 2] ** 2 - 1 - x[:, 1] ** 2


def _similarity_error(run: Trajectory) -> float:
    """Return |m / tau - r| at the end, where near the pole r solves the equation of a constant ratio.

    With H = -2 ln tau + psi(m / tau): dm/dt = (W_d^2 - 1 - b_g^2) H_m and dtau/dt = W_d^2 H_tau.
    """
    W_g, b_g, W_d, b_d = run.x[-1]
    slope = lambda r: -2 * np.sqrt(2) * dawsn(r / np.sqrt(2))
    still = lambda r: (W_d**2 - 1 - b_g**2) * slope(r) + r * W_d**2 * (2 + r * slope(r))
    return float(abs(abs((W_d * b_g + b_d) / (W_d * W_g)) - brentq(still, 0.05, 8.0)))


def check(numbers: dict[str, Any]) -> None:
    """Assert what the README says of these numbers."""
    assert numbers["largest velocity on the line W_d = b_g = 0, b_d = +-sqrt(ln 2)"] < 1e-12
    expected = [[0, 0], [-0.55569, 0], [-4.98949, 0], [-8 * np.log(2), 0]]
    np.testing.assert_allclose(numbers["eigenvalues at W_g = 1"], expected, atol=5e-6)
    assert numbers["of the others, largest distance from the line"] < 1e-3
    assert numbers["of the others, largest |d - 1/2| over data in [-3, 3]"] < 1e-3, "not d = p"
    low, high = numbers["of the others, W_g at the end"]
    assert high > 1.5 * low, "the scale is not learned"
    assert 0.01 < numbers["share that collapses"] < 0.3, "collapse has a basin in all four dimensions"
    assert numbers["least W_d^2 - 1 - b_g^2 at collapse"] > 0
    fall = numbers["collapse next to " + str(COLLAPSE)]
    assert fall["all stalled"], "an open set of starts"
    assert fall["t"][1] < 0.5
    assert fall["largest error of the self-similar m / tau"] < 5e-3
    after = numbers["with eps after the collapse"]
    assert abs(abs(after["b_d"]) - REST) < 2e-3, "on the line"
    assert abs(after["W_g"]) < 1e-6, "at scale zero"
    nudged = numbers["from (1, 1e-6, 1, 0)"]
    assert abs(abs(nudged["b_d"]) - REST) < 1e-6, "biases break this collapse"
    assert abs(nudged["W_g"]) > 0.3


def draw(pictures: dict[str, Any], out: Path) -> None:
    """Draw four.png."""
    with plot.style():
        figure, axes = figure_of(2, 2, height=3.2)
        _tracks(axes[0, 0], pictures["tracks"])
        _over_time(axes[0, 1], pictures["learning"], "Learned, but for the scale; ε = 0", 12)
        _over_time(axes[1, 0], pictures["fall"], "Collapse; ε = 0", 0.4)
        _over_time(axes[1, 1], pictures["after"], f"The same start with ε = {EPS:g}", 12)
        save(figure, out, "four")


def _tracks(ax: Any, runs: list[Trajectory]) -> None:
    for sign in (-1, 1):
        ax.axvline(sign * REST, color="black", linewidth=0.8, label="equilibria" if sign > 0 else None)
    for status, colour, label in (
        ("finished", plot.OKABE_ITO["sky blue"], "learns the mean"),
        ("stalled", plot.GENERATOR, "collapses"),
    ):
        for i, run in enumerate(run for run in runs if run.status == status):
            ax.plot(run.x[:, 3], run.x[:, 0], color=colour, linewidth=0.8, label=None if i else label)
            ax.plot(*run.x[0, [3, 0]], ".", color="grey", markersize=2.5, zorder=0)
            ax.plot(*run.x[-1, [3, 0]], "*", color=colour, markersize=6, zorder=3)
    ax.axhline(1, color="grey", linewidth=0.6, linestyle=":", label="scale of the data")
    ax.set(xlabel="$b_d$", ylabel="$W_g$", xlim=(-1.6, 1.6), ylim=(-0.03, 2.6),
           title="Infinite data, ε = 0, from dot to star")  # fmt: skip
    ax.legend(loc="upper center", ncols=2, frameon=True, framealpha=1.0, edgecolor="none")


def _over_time(ax: Any, path: Trajectory, title: str, t_end: float) -> None:
    looks = (
        ("-", plot.GENERATOR),
        ("--", plot.GENERATOR),
        ("-", plot.DISCRIMINATOR),
        ("--", plot.DISCRIMINATOR),
    )
    for values, name, (line, colour) in zip(path.x.T, NAMES, looks, strict=True):
        ax.plot(path.t, values, line, color=colour, label=f"${name}$")
    for level in (-REST, REST):
        ax.axhline(level, color="grey", linewidth=0.6, linestyle=":")
    ax.set(xlabel="flow time $t$", ylabel="parameter", title=title, xlim=(0, t_end), ylim=(-1.5, 2.1))
    ax.legend(ncols=2, loc="lower right")
