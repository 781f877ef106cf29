"""The Gaussian discriminator, biases free: focus, node or limit cycle, depending on the frozen weight W_d.

g(z) = z + b_g and d(x) = exp(-(W_d x + b_d)^2), saturating losses, z and the data standard normal.
"""

from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import brentq
from scipy.special import zeta

from gandyn import VectorField, classify, plot, spectrum
from gandyn.games.gaussian import gap_mean
from gandyn.games.tiny import gaussian_classifier
from studies.tiny_gans.common import (
    EPS,
    WINDOW,
    Size,
    draw_portrait,
    figure_of,
    follow,
    normal_rule,
    pairs,
    save,
    slice_of,
)

WEIGHTS = (1.0, 2.0, 0.5)
OFFSETS = (1e-3, 1e-2, 1e-1)
ORIGIN = np.zeros(2)
BELOW_HOPF = (0.01, 0.02)


def compute(size: Size) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the numbers and what the figures show."""
    game, sampled = gaussian_classifier(), gaussian_classifier(samples=2500, eps=EPS)
    at = {w: game.with_constants(W_d=w) for w in WEIGHTS}
    rule = normal_rule()
    offset = gaussian_classifier(data=rule, latent=rule, eps=EPS, W_d=0.5)
    hopf = _crossing(game, "W_d", 0.5, 1.0)
    cycle = _cycle(at[0.5])
    near = [_cycle(game.with_constants(W_d=hopf - below))[0] for below in BELOW_HOPF]
    numbers = {
        "origin": {str(w): _linear(field, w) for w, field in at.items()},
        "only fixed point": {str(w): _pulls_back(field) for w, field in at.items()},
        "loss of the discriminator against a perfect generator": {
            "d = exp(-x^2)": float(1 + gap_mean(0, 0.0, 1.0)),
            "d = exp(-x^2 / 2), the shape of the density": float(0.5 + gap_mean(0, 0.0, np.sqrt(0.5))),
            "d = 1/2": float(np.log(2) + gap_mean(0, np.sqrt(np.log(2)), 0.0)),
        },
        "Hopf at W_d": hopf,
        "no local Nash below W_d": brentq(lambda w: game.with_constants(W_d=w).jac(ORIGIN)[1, 1], 0.5, 1.5),
        "stable at W_d = 0.5 below kappa": _crossing(at[0.5], "kappa", 0.1, 1.0),
        "cycle at W_d = 0.5": {"b_g": cycle[0], "b_d": cycle[1], "period": cycle[2]},
        "squared amplitude over distance to Hopf": [
            b_g**2 / below for b_g, below in zip(near, BELOW_HOPF, strict=True)
        ],
        "growth at W_d = 0.5 with eps": {
            str(eps): _growth(offset.with_constants(eps=eps)) for eps in OFFSETS
        },
        "Hopf at W_d with eps": {
            str(eps): _crossing(offset.with_constants(eps=eps), "W_d", 0.4, 1.0) for eps in OFFSETS
        },
    }
    widths, cycles = np.linspace(0.35, 2.2, 371), np.linspace(0.45, 0.66, size.cycles)
    plane = lambda field: slice_of(field, "b_d", "b_g", WINDOW, size.grid)
    pictures = {
        "post": {w: plane(sampled.with_constants(W_d=w)) for w in WEIGHTS},
        "exact": {w: plane(field) for w, field in at.items()},
        "paths": {w: [follow(at[w], s, 40) for s in ((3, 3), (-0.2, 0.2))] for w in WEIGHTS},
        "kinds": {w: classify(field, ORIGIN).kind for w, field in at.items()},
        "W_d": widths,
        "growth": np.array([spectrum(game.with_constants(W_d=w), ORIGIN).eigenvalues for w in widths]),
        "growth with eps": {
            eps: np.array([_growth(offset.with_constants(eps=eps, W_d=w)) for w in widths]) for eps in OFFSETS
        },
        "cycles": np.array([_cycle(game.with_constants(W_d=w)) for w in cycles]),
        "cycles at W_d": cycles,
        "hopf": hopf,
    }
    return numbers, pictures


def _linear(field: VectorField, w: float) -> dict[str, Any]:
    """Return the Jacobian at the origin with its closed form, eigenvalues and step bound."""
    jacobian = field.jac(ORIGIN)
    c = 2 * (2 * w * w) ** -1.5 * zeta(1.5, 1 + 1 / (2 * w * w))
    found = spectrum(field, ORIGIN)
    closed = np.array([[-w * w * c, -w * c], [w * c, c - 2]])
    return {
        "kind": classify(field, ORIGIN).kind,
        "eigenvalues": pairs(found.eigenvalues),
        "critical step": found.critical_step,
        "largest difference from the closed form": float(np.abs(jacobian - closed).max()),
        "antisymmetry, 0 for the gradient of a loss": float(jacobian[1, 0] - jacobian[0, 1]),
    }


def _pulls_back(field: VectorField) -> bool:
    """Return whether b_g returns to 0 along b_d = 0, the only line on which fixed points can lie.

    v(b_g) = W_d h and v(b_d) = -2 b_d - h with the same function h, so both vanish only where b_d = 0.
    """
    b_g = np.linspace(0.01, 8, 800)
    return bool(np.all(field(np.stack([b_g, 0 * b_g], axis=-1))[:, 0] < 0))


def _growth(field: VectorField) -> float:
    return float(spectrum(field, ORIGIN).growth_rates.max())


def _crossing(field: VectorField, constant: str, low: float, high: float) -> float:
    """Return where the trace at the origin changes sign: a Hopf point, the determinant being positive."""
    trace = lambda value: np.trace(field.with_constants(**{constant: value}).jac(ORIGIN))
    return float(brentq(trace, low, high, xtol=1e-13))


def _cycle(field: VectorField) -> tuple[float, float, float]:
    """Return the half-amplitudes in b_g and b_d and the period of the attracting cycle."""
    start = follow(field, (0.5, 0.0), 150).x[-1]
    path = follow(field, start, 30, t_eval=np.linspace(0, 30, 10_001), rtol=1e-10)
    b_g, step = path.x[:, 0], path.t[1]
    up = np.flatnonzero((b_g[:-1] < 0) & (b_g[1:] >= 0))[:2]
    crossings = path.t[up] - b_g[up] / (b_g[up + 1] - b_g[up]) * step
    return (*(float(v) for v in np.abs(path.x).max(axis=0)), float(np.diff(crossings)[0]))


def check(numbers: dict[str, Any]) -> None:
    """Assert what the README says of these numbers."""
    expected = {
        "1.0": ("stable focus", [[-1, 1.324781], [-1, -1.324781]]),
        "2.0": ("stable node", [[-1.106606, 0], [-1.527110, 0]]),
        "0.5": ("unstable focus", [[1.670365, 0.877706], [1.670365, -0.877706]]),
    }
    for w, (name, eigenvalues) in expected.items():
        found = numbers["origin"][w]
        assert found["kind"] == name, f"W_d = {w}"
        np.testing.assert_allclose(found["eigenvalues"], eigenvalues, atol=1e-6)
        assert found["largest difference from the closed form"] < 1e-12
        assert found["antisymmetry, 0 for the gradient of a loss"] > 0.1, "no scalar landscape"
    assert all(numbers["only fixed point"].values())
    assert abs(numbers["origin"]["1.0"]["critical step"] - 0.725941) < 1e-6
    losses = list(numbers["loss of the discriminator against a perfect generator"].values())
    assert min(losses[:2]) > losses[2], "the best answer is d = 1/2, not d = p"
    np.testing.assert_allclose([losses[0], losses[2]], [2.66424620, 2 * np.log(2)], atol=1e-8)
    assert abs(numbers["Hopf at W_d"] - 0.671455) < 1e-6
    assert abs(numbers["no local Nash below W_d"] - 0.8618) < 5e-5
    assert abs(numbers["stable at W_d = 0.5 below kappa"] - 0.347638) < 1e-6
    cycle = list(numbers["cycle at W_d = 0.5"].values())
    np.testing.assert_allclose(cycle, [1.8523, 1.2034, 7.5568], atol=5e-5)
    first, second = numbers["squared amplitude over distance to Hopf"]
    assert abs(first / second - 1) < 0.05, "supercritical: the amplitude grows like a square root from zero"
    assert min(numbers["growth at W_d = 0.5 with eps"].values()) > 0.3, "no eps makes the origin stable"
    assert max(numbers["Hopf at W_d with eps"].values()) < numbers["Hopf at W_d"]


def draw(pictures: dict[str, Any], out: Path) -> None:
    """Draw gaussian.png and hopf.png."""
    with plot.style():
        figure, axes = figure_of(2, 3)
        for column, w in enumerate(WEIGHTS):
            draw_portrait(axes[0, column], f"As in the post: N = 2500, ε = {EPS:g}, $W_d = {w:g}$",
                          pictures["post"][w], nullclines=False)  # fmt: skip
            draw_portrait(axes[1, column], f"Infinite data, ε = 0, $W_d = {w:g}$", pictures["exact"][w],
                          trajectories=pictures["paths"][w],
                          fixed_points=[(0, 0, pictures["kinds"][w])])  # fmt: skip
        save(figure, out, "gaussian")
        figure, axes = figure_of(1, 2, height=3.2)
        _growth_curves(axes[0, 0], pictures)
        _cycle_curves(axes[0, 1], pictures)
        save(figure, out, "hopf")


def _growth_curves(ax: Any, pictures: dict[str, Any]) -> None:
    widths, eigenvalues = pictures["W_d"], pictures["growth"]
    ax.axhline(0, color="grey", linewidth=0.6)
    ax.plot(widths, eigenvalues.real.max(axis=1), color="black", label="growth, infinite data, ε = 0")
    ax.plot(widths, eigenvalues.imag.max(axis=1), "--", color="black", label="rotation, the same")
    for eps, growth in pictures["growth with eps"].items():
        ax.plot(widths, growth, label=f"growth, ε = {eps:g}")
    ax.plot(pictures["hopf"], 0, "D", color="black", label=f"Hopf at $W_d$ = {pictures['hopf']:.4f}")
    ax.set(xlabel="frozen weight $W_d$", ylabel="leading eigenvalue at (0, 0), per flow time",
           ylim=(-1.6, 3), title="Stable only above $W_d$ = 0.6715")  # fmt: skip
    ax.legend()


def _cycle_curves(ax: Any, pictures: dict[str, Any]) -> None:
    b_g, b_d, period = pictures["cycles"].T
    widths = np.append(pictures["cycles at W_d"], pictures["hopf"])
    ax.plot(widths, np.append(b_g, 0), "o-", color=plot.GENERATOR, label="half-amplitude in $b_g$")
    ax.plot(widths, np.append(b_d, 0), "o-", color=plot.DISCRIMINATOR, label="half-amplitude in $b_d$")
    ax.plot(widths[:-1], period / 10, ":", color="black", label="period / 10")
    ax.set(xlabel="frozen weight $W_d$", ylabel="size of the limit cycle", ylim=(0, None),
           title="The limit cycle, infinite data, ε = 0")  # fmt: skip
    ax.legend()
