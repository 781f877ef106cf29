"""The Gaussian discriminator, weights free, biases zero: the generator collapses in finite time.

g(z) = W_g z and d(x) = exp(-(W_d x)^2), saturating losses, z and the data standard normal.
"""

from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import brentq

from gandyn import Trajectory, plot
from gandyn.games.tiny import gaussian_classifier
from studies.tiny_gans.common import (
    EPS,
    Size,
    draw_portrait,
    figure_of,
    follow,
    normal_rule,
    save,
    slice_of,
)

HALF_WIDTH = 2.0
STARTS = ((1.0, 1.0), (1.8, 0.3), (-1.5, 1.5), (-1.0, -1.0))


def compute(size: Size) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the numbers and what the figures show."""
    game, sampled = gaussian_classifier("W_g, W_d"), gaussian_classifier("W_g, W_d", samples=2500, eps=EPS)
    rule = normal_rule()
    offset = gaussian_classifier("W_g, W_d", data=rule, latent=rule, eps=EPS)
    x = np.random.default_rng(0).uniform(-3, 3, (1000, 2))
    v = game(x)

    times = np.linspace(0, 0.3043, 2000)
    path = follow(game, (1, 1), 1.0, rtol=1e-10)
    fine = follow(game, (1, 1), times[-1], t_eval=times, rtol=1e-10)
    end, t_end = path.x[-1], float(path.t[-1] + path.x[-1, 0] ** 2 / 4)
    grid = np.random.default_rng(1).uniform(0.05, 3, (size.starts, 2))
    collapses = [follow(game, start, 100) for start in grid]
    rest = follow(offset, (1, 1), 40)
    numbers = {
        "velocity at (1, 1)": game(np.ones(2)).tolist(),
        "largest W_g v(W_g): W_g shrinks everywhere": float((x[:, 0] * v[:, 0]).max()),
        "largest error of d(W_g^2 + W_d^2)/dt = -4 W_d^2": float(
            np.abs(2 * (x * v).sum(axis=1) + 4 * x[:, 1] ** 2).max()
        ),
        "from (1, 1)": {
            "status": path.status,
            "W_g = 0.001 at t": _time_of(path, 1e-3),
            "W_g = 0 at t": t_end,
            "W_d there": float(end[1]),
            "largest error of W_g^2 = 4 (t_end - t), W_g < 0.05": _square_root_law(path, t_end, 0.05),
        },
        "W_d that rests, at W_g = 1e-5": brentq(lambda w: game(np.array([1e-5, w]))[1], 0.2, 2.0),
        "starts": len(collapses),
        "starts that reach |W_g| < 1e-4": sum(bool(abs(run.x[-1, 0]) < 1e-4) for run in collapses),
        "latest collapse at t": max(float(run.t[-1]) for run in collapses),
        "with eps from (1, 1)": {
            "eps": EPS,
            "t": 40,
            "W_g": float(rest.x[-1, 0]),
            "W_d": float(rest.x[-1, 1]),
        },
    }
    pictures = {
        "post": slice_of(sampled, "W_d", "W_g", HALF_WIDTH, size.grid),
        "exact": slice_of(game, "W_d", "W_g", HALF_WIDTH, size.grid + 1),
        "paths": [follow(game, start, 5) for start in STARTS],
        "fine": fine,
        "rest": rest,
        "t_end": t_end,
    }
    return numbers, pictures


def _time_of(path: Trajectory, level: float) -> float:
    """Return when W_g falls to a level, by the straight line that W_g^2 follows near the end."""
    last = np.flatnonzero(path.x[:, 0] > level)[-1]
    return float(path.t[last] + (path.x[last, 0] ** 2 - level**2) / 4)


def _square_root_law(path: Trajectory, t_end: float, below: float) -> float:
    """Return the largest relative error of W_g^2 = 4 (t_end - t) where W_g is small but well resolved."""
    near = (path.x[:, 0] < below) & (path.x[:, 0] > 1e-3)
    return float(np.abs(path.x[near, 0] ** 2 / (4 * (t_end - path.t[near])) - 1).max())


def check(numbers: dict[str, Any]) -> None:
    """Assert what the README says of these numbers."""
    np.testing.assert_allclose(numbers["velocity at (1, 1)"], [-1.3775, -0.6225], atol=5e-5)
    assert numbers["largest W_g v(W_g): W_g shrinks everywhere"] < 0, "no fixed point off the axes"
    assert numbers["largest error of d(W_g^2 + W_d^2)/dt = -4 W_d^2"] < 1e-12
    collapse = numbers["from (1, 1)"]
    assert collapse["status"] == "stalled", "a singularity stops the flow"
    assert abs(collapse["W_g = 0.001 at t"] - 0.3044) < 5e-5
    assert 0 < collapse["W_g = 0 at t"] - collapse["W_g = 0.001 at t"] < 3e-7
    assert collapse["largest error of W_g^2 = 4 (t_end - t), W_g < 0.05"] < 1e-2
    assert abs(numbers["W_d that rests, at W_g = 1e-5"] - 1) < 1e-9, "the W_d near 1 of the post"
    assert numbers["starts that reach |W_g| < 1e-4"] == numbers["starts"], "collapse from everywhere"
    rest = numbers["with eps from (1, 1)"]
    assert max(abs(rest["W_g"]), abs(rest["W_d"])) < 1e-6, "with eps both weights go to zero"


def draw(pictures: dict[str, Any], out: Path) -> None:
    """Draw weights.png."""
    with plot.style():
        figure, axes = figure_of(2, 2)
        draw_portrait(axes[0, 0], f"As in the post: N = 2500, ε = {EPS:g}, b = 0", pictures["post"],
                      nullclines=False)  # fmt: skip
        draw_portrait(axes[0, 1], "Infinite data, ε = 0, b = 0", pictures["exact"],
                      trajectories=pictures["paths"])  # fmt: skip
        _collapse(axes[1, 0], pictures["fine"], pictures["t_end"])
        _rest(axes[1, 1], pictures["rest"])
        save(figure, out, "weights")


def _collapse(ax: Any, path: Trajectory, t_end: float) -> None:
    ax.plot(path.t, path.x[:, 0], color=plot.GENERATOR, label="$W_g$")
    ax.plot(path.t, path.x[:, 1], color=plot.DISCRIMINATOR, label="$W_d$")
    ax.plot(path.t, 2 * np.sqrt(t_end - path.t), ":", color=plot.GENERATOR, label=r"$2\sqrt{t_{end} - t}$")
    ax.axvline(t_end, color="grey", linewidth=0.6)
    ax.set(xlabel="flow time $t$", ylabel="weight", ylim=(0, 1.15),
           title=f"From (1, 1), ε = 0: over at $t_{{end}}$ = {t_end:.4f}")  # fmt: skip
    ax.legend(loc="lower left")


def _rest(ax: Any, path: Trajectory) -> None:
    t, weights = path.t[1:], np.abs(path.x[1:])
    ax.plot(t, weights[:, 0], color=plot.GENERATOR, label="$W_g$")
    ax.plot(t, weights[:, 1], color=plot.DISCRIMINATOR, label="$W_d$")
    ax.set(xlabel="flow time $t$", ylabel="weight", xscale="log", yscale="log", xlim=(0.01, 40),
           ylim=(1e-8, 2), title=f"From (1, 1), infinite data, ε = {EPS:g}")  # fmt: skip
    ax.legend(loc="lower left")
