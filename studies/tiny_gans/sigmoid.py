"""The sigmoid discriminator: training runs away, why, and two cures: L2, and a slope that may turn.

g(z) = z + b_g and d(x) = sigmoid(W_d x + b_d), saturating losses, z and the data standard normal.
"""

from pathlib import Path
from typing import Any

import numpy as np

from gandyn import fixed_point, plot, spectrum
from gandyn.games.tiny import sigmoid_classifier
from studies.tiny_gans.common import (
    WINDOW,
    Size,
    draw_portrait,
    figure_of,
    follow,
    pairs,
    save,
    slice_of,
)

LONG = 1e4
WEIGHT_DECAYS = (0.01, 0.1, 0.3, 1.0)
STARTS = ((-3.0, 2.0), (0.0, 0.0), (2.0, -3.0))
SLOPE_STARTS = ((1.0, 1.0, 0.0), (0.0, 2.0, 0.0), (-2.0, 1.0, 2.0))


def compute(size: Size) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the numbers and what the figures show."""
    exact, sampled = sigmoid_classifier(), sigmoid_classifier(samples=2500)
    slices = {name: slice_of(field, "b_d", "b_g", WINDOW, size.grid) for name, field in
              (("post", sampled), ("exact", exact))}  # fmt: skip
    runaway = follow(exact, (0, 0), LONG)
    end = runaway.x[-1]

    free_slope = sigmoid_classifier(("b_g", "W_d", "b_d"))
    turns = [follow(free_slope, start, 100) for start in SLOPE_STARTS]

    decayed = [sigmoid_classifier(l2=l2) for l2 in WEIGHT_DECAYS]
    nodes = [
        fixed_point(f, follow(f, (0, 0), 20 / f.constants["l2"]).x[-1], progress=False).x for f in decayed
    ]
    numbers = {
        "least velocity of b_g in the window": {
            k: float(s.velocity[..., 1].min()) for k, s in slices.items()
        },
        "runaway": {
            "t": LONG,
            "velocity of b_g": float(exact(end)[0]),
            "b_d + ln t + 1/2": float(end[1] + np.log(LONG) + 0.5),
        },
        "slope free": {
            "eigenvalues": pairs(spectrum(free_slope, np.zeros(3)).eigenvalues),
            "largest parameter at t = 100": max(float(np.abs(path.x[-1]).max()) for path in turns),
        },
        "l2": {
            str(l2): {
                "b_g": float(x[0]),
                "b_d": float(x[1]),
                "eigenvalues": pairs(spectrum(f, x).eigenvalues),
            }
            for l2, f, x in zip(WEIGHT_DECAYS, decayed, nodes, strict=True)
        },
    }
    pictures = {
        "slices": slices,
        "paths": [follow(exact, start, 15) for start in STARTS],
        "runaway": runaway,
        "slope": slice_of(free_slope, "W_d", "b_g", 3.0, size.grid),
        "turns": turns,
        "decayed": slice_of(decayed[2], "b_d", "b_g", WINDOW, size.grid),
        "decayed paths": [follow(decayed[2], start, 40) for start in STARTS],
        "nodes": np.array(nodes),
    }
    return numbers, pictures


def check(numbers: dict[str, Any]) -> None:
    """Assert what the README says of these numbers."""
    assert min(numbers["least velocity of b_g in the window"].values()) > 0, "no fixed point"
    assert abs(numbers["runaway"]["velocity of b_g"] - 1) < 1e-4, "b_g ~ t"
    assert abs(numbers["runaway"]["b_d + ln t + 1/2"]) < 5e-3, "b_d ~ -ln t - 1/2"
    root = np.sqrt(3) / 4
    expected = [[-0.25, root], [-0.25, -root], [-0.5, 0.0]]
    np.testing.assert_allclose(numbers["slope free"]["eigenvalues"], expected, atol=1e-9)
    assert numbers["slope free"]["largest parameter at t = 100"] < 1e-4, "a free slope ends the runaway"
    for l2, node in {"0.1": (9.9955, -1.7976), "0.3": (2.8707, -0.7205), "1.0": (0.6056, -0.0875)}.items():
        found = numbers["l2"][l2]
        np.testing.assert_allclose([found["b_g"], found["b_d"]], node, atol=5e-5)
    for found in numbers["l2"].values():
        assert all(real < 0 and not imaginary for real, imaginary in found["eigenvalues"]), "a stable node"
    assert abs(0.01 * numbers["l2"]["0.01"]["b_g"] - 1) < 1e-6, "the bias is of order 1/l2"


def draw(pictures: dict[str, Any], out: Path) -> None:
    """Draw sigmoid.png and weight_decay.png."""
    with plot.style():
        figure, axes = figure_of(2, 2)
        draw_portrait(axes[0, 0], "As in the post: N = 2500, ε = 0, $W_d = 1$", pictures["slices"]["post"],
                      nullclines=False)  # fmt: skip
        draw_portrait(axes[0, 1], "Infinite data, $W_d = 1$", pictures["slices"]["exact"],
                      trajectories=pictures["paths"])  # fmt: skip
        _runaway(axes[1, 0], pictures["runaway"])
        draw_portrait(axes[1, 1], "$W_d$ free too, drawn at $b_d = 0$", pictures["slope"],
                      trajectories=pictures["turns"], fixed_points=[(0, 0, "stable focus")])  # fmt: skip
        save(figure, out, "sigmoid")

        figure, axes = figure_of(1, 2)
        b_g, b_d = pictures["nodes"].T
        draw_portrait(axes[0, 0], "Weight decay $\\lambda = 0.3$, infinite data", pictures["decayed"],
                      trajectories=pictures["decayed paths"],
                      fixed_points=[(b_d[2], b_g[2], "stable node")])  # fmt: skip
        _bias(axes[0, 1], b_g, b_d)
        save(figure, out, "weight_decay")


def _runaway(ax: Any, path: Any) -> None:
    t, b_g, b_d = path.t[1:], path.x[1:, 0], path.x[1:, 1]
    ax.plot(t, b_g, color=plot.GENERATOR, label="$b_g$")
    ax.plot(t, t, ":", color=plot.GENERATOR, label="$t$")
    ax.plot(t, -b_d, color=plot.DISCRIMINATOR, label="$-b_d$")
    ax.plot(t, np.log(t) + 0.5, ":", color=plot.DISCRIMINATOR, label=r"$\ln t + 1/2$")
    ax.set(xscale="log", yscale="log", xlim=(0.1, LONG), ylim=(0.05, LONG), xlabel="flow time $t$",
           ylabel="parameter", title="The runaway, infinite data, $W_d = 1$")  # fmt: skip
    ax.legend()


def _bias(ax: Any, b_g: np.ndarray, b_d: np.ndarray) -> None:
    ax.plot(WEIGHT_DECAYS, b_g, "o-", color=plot.GENERATOR, label="$b_g$")
    ax.plot(WEIGHT_DECAYS, -b_d, "o-", color=plot.DISCRIMINATOR, label="$-b_d$")
    ax.plot(WEIGHT_DECAYS, 1 / np.array(WEIGHT_DECAYS), ":", color=plot.GENERATOR, label=r"$1/\lambda$")
    ax.set(xscale="log", yscale="log", xlabel=r"weight decay $\lambda$",
           ylabel="parameter at the stable node",
           title="The price: a biased generator (0 is right)")  # fmt: skip
    ax.legend()
