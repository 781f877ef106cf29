"""How many samples: what is ragged, why more samples do not calm it, and what does.

Biases free at W_g = W_d = 1, Gaussian discriminator. At ``s = z + b_g + b_d`` one fake z pulls b_g with
``-2 s / (exp(s^2) - 1)``, a 1/s pole where d = 1; an offset eps in the logarithms bounds it by 1/sqrt(eps).
"""

from pathlib import Path
from typing import Any

import numpy as np

from gandyn import FixedPoints, VectorField, find_fixed_points, plot
from gandyn.games import Measure, points
from gandyn.games import samples as draw_samples
from gandyn.games.tiny import gaussian_classifier
from studies.tiny_gans.common import (
    EPS,
    SAMPLE_SIZES,
    WINDOW,
    Size,
    count_kinds,
    draw_portrait,
    figure_of,
    follow,
    normal_rule,
    save,
    slice_of,
)

OFFSETS = (0.0, 1e-3, 1e-2)
COUNTS = (5, 25, 100, 500, 2500)
CAUCHY_WIDTH = float(np.sqrt(2 * np.pi))
"""Half-width of the Cauchy law at m = 0: 2 pi times the normal density there."""
QUARTILE = 0.674489750196082


def draws(count: int) -> tuple[Measure, Measure]:
    """Return data and latents of a sampled game: the same for every part of the study."""
    return draw_samples("normal", count, seed=1), draw_samples("normal", count, seed=2)


def sampled_game(count: int, eps: float) -> VectorField:
    """Return the game on samples."""
    real, fake = draws(count)
    return gaussian_classifier(data=real, latent=fake, eps=eps)


def compute(size: Size) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the numbers and what the figures show."""
    games = {(n, eps): sampled_game(n, eps) for n in SAMPLE_SIZES for eps in OFFSETS}
    rests = {(n, eps): fixed_points(games[n, eps]) for n in SAMPLE_SIZES for eps in OFFSETS if eps}
    widths = {eps: _half_widths(eps, size.repeats) for eps in OFFSETS}
    one = _one_sample(0.0)
    z = np.random.default_rng(3).standard_normal(10**6)
    pulls = np.sort(np.abs(one(np.stack([z, 0 * z], axis=-1))[:, 0]))[::-1]
    numbers = {
        "saddles without eps": {str(n): _saddles(games[n, 0.0], n) for n in SAMPLE_SIZES},
        "first pole met from (1, 1) without eps": {str(n): _first_pole(games[n, 0.0]) for n in SAMPLE_SIZES},
        "fixed points": {f"N = {n}, eps = {eps:g}": count_kinds(rest) for (n, eps), rest in rests.items()},
        "half-width of the noise at (0, 0)": {
            f"{eps:g}": dict(zip(map(str, COUNTS), row.tolist(), strict=True)) for eps, row in widths.items()
        },
        "half-width by the central limit theorem, N = 2500": {
            f"{eps:g}": QUARTILE * _deviation(eps) / 50 for eps in OFFSETS if eps
        },
        "tail index of one pull": {
            str(k): float(1 / np.log(pulls[:k] / pulls[k]).mean()) for k in (1000, 10_000)
        },
        "largest pull of one fake times sqrt(eps)": {
            f"{eps:g}": float(_pull_of_one(eps, np.linspace(0, 3, 300_001)).max() * np.sqrt(eps))
            for eps in OFFSETS
            if eps
        },
        "repeats": size.repeats,
    }
    pictures = {
        "slices": {key: slice_of(game, "b_d", "b_g", WINDOW, size.grid) for key, game in games.items()},
        "rests": rests,
        "widths": widths,
        "tails": {eps: np.sort(np.abs(_pull_of_one(eps, z[:200_000])))[::-1] for eps in OFFSETS},
        "cut": _cut(),
    }
    return numbers, pictures


def fixed_points(field: VectorField, grid: int = 40_000) -> FixedPoints:
    """Return all fixed points in the window, sought from the sign changes along lines.

    v(b_g) + v(b_d) depends on b_d alone: its zeros are the lines on which the zeros of v(b_g) lie.
    An even ``grid`` keeps 0, where exact averages rest, off its points.
    """
    b = np.linspace(-6, 6, grid)
    both = field(np.stack([3.3 - b, b], axis=-1)).sum(axis=-1)
    lines = 0.5 * (b[:-1] + b[1:])[both[:-1] * both[1:] < 0]
    starts = []
    for b_d in lines:
        v = field(np.stack([b, np.full_like(b, b_d)], axis=-1))[:, 0]
        at = np.flatnonzero(v[:-1] * v[1:] < 0)
        rest = b[at] - v[at] * (b[at + 1] - b[at]) / (v[at + 1] - v[at])
        starts += [(b_g, b_d) for b_g in rest]
    return find_fixed_points(field, starts=np.array(starts), progress=False)


def _saddles(field: VectorField, count: int) -> int:
    """Return the number of saddles without eps: one between each pair of neighbouring poles.

    v(b_g) rises from one pole to the next, so bisection finds its only zero there; it keeps its sign
    beyond the outermost poles.
    """
    real, fake = draws(count)
    b_d = -real.mean(lambda x: x)
    poles = np.sort(-fake.values - b_d)
    low, high = poles[:-1].copy(), poles[1:].copy()
    for _ in range(40):
        middle = (low + high) / 2
        rising = field(np.stack([middle, np.full_like(middle, b_d)], axis=-1))[:, 0] > 0
        low, high = np.where(rising, low, middle), np.where(rising, middle, high)
    jacobians = field.jac(np.stack([middle, np.full_like(middle, b_d)], axis=-1))
    outside = field(np.array([[poles[0] - 0.1, b_d], [poles[-1] + 0.1, b_d]]))[:, 0]
    assert outside[0] > 0 > outside[1], "no fixed point beyond the outermost poles"
    return int(np.sum(np.linalg.det(jacobians) < 0))


def _first_pole(field: VectorField) -> dict[str, Any]:
    path = follow(field, (1, 1), 50)
    return {"status": path.status, "t": float(path.t[-1])}


def _one_sample(eps: float) -> VectorField:
    """Return the game of one latent at 0, so that the state (z, 0) gives the pull of a fake at z."""
    return gaussian_classifier(data=points([0.0]), latent=points([0.0]), eps=eps)


def _pull_of_one(eps: float, z: np.ndarray) -> np.ndarray:
    """Return the velocity of b_g that a fake at z alone would give at b_g = b_d = 0."""
    with np.errstate(all="ignore"):
        return np.abs(_one_sample(eps)(np.stack([z, 0 * z], axis=-1))[..., 0])


def _half_widths(eps: float, repeats: int) -> np.ndarray:
    """Return half the interquartile range of v(b_g) at (0, 0) over fresh draws, for each of COUNTS."""
    one, rng = _one_sample(eps), np.random.default_rng(4)
    widths = []
    for count in COUNTS:
        means = np.empty(repeats)
        for i in range(0, repeats, 500):
            z = rng.standard_normal((min(500, repeats - i), count))
            means[i : i + 500] = one(np.stack([z, np.zeros_like(z)], axis=-1))[..., 0].mean(axis=1)
        widths.append(np.diff(np.quantile(means, [0.25, 0.75]))[0] / 2)
    return np.array(widths)


def _deviation(eps: float) -> float:
    """Return the standard deviation of the pull of one fake, finite for eps > 0."""
    rule = normal_rule(40_000)
    return float(np.sqrt(rule.mean(lambda z: _pull_of_one(eps, z) ** 2)))


def _cut() -> dict[str, np.ndarray]:
    """Return v(b_g) along b_d = 0 on five samples, without and with eps, and at infinite data."""
    b_g = np.linspace(-3, 3, 4000)
    x = np.stack([b_g, 0 * b_g], axis=-1)
    fields = {
        "N = 5, ε = 0": sampled_game(5, 0.0),
        f"N = 5, ε = {EPS:g}": sampled_game(5, EPS),
        "infinite data, ε = 0": gaussian_classifier(),
    }
    return {"b_g": b_g, **{name: field(x)[:, 0] for name, field in fields.items()}}


def check(numbers: dict[str, Any]) -> None:
    """Assert what the README says of these numbers."""
    for n in SAMPLE_SIZES:
        assert numbers["saddles without eps"][str(n)] == n - 1
        assert numbers["first pole met from (1, 1) without eps"][str(n)]["status"] == "stalled"
    times = [numbers["first pole met from (1, 1) without eps"][str(n)]["t"] for n in SAMPLE_SIZES]
    assert times[0] < times[1] < times[2], "the more samples, the sooner"
    traps = numbers["fixed points"][f"N = 5, eps = {EPS:g}"]
    assert traps == {"saddle": 4, "stable focus": 5}, "a trap at each of the five latents"
    assert numbers["fixed points"][f"N = 100, eps = {EPS:g}"]["stable focus"] > 5
    assert numbers["fixed points"]["N = 2500, eps = 0.01"] == {"stable focus": 1}
    error = 2 * np.pi / np.sqrt(numbers["repeats"])  # four standard errors of a Cauchy law's quartiles
    widths = numbers["half-width of the noise at (0, 0)"]
    for n in COUNTS[1:]:
        assert abs(widths["0"][str(n)] / CAUCHY_WIDTH - 1) < error, "as wide for every N"
    for eps, expected in numbers["half-width by the central limit theorem, N = 2500"].items():
        assert abs(widths[eps]["2500"] / expected - 1) < error, "with eps it shrinks"
    for k, index in numbers["tail index of one pull"].items():
        assert abs(index - 1) < 4 / np.sqrt(float(k)), "the tail of a Cauchy law"
    for bound in numbers["largest pull of one fake times sqrt(eps)"].values():
        assert 0.9 < bound < 1.0, "eps bounds the pull by 1 / sqrt(eps)"


def draw(pictures: dict[str, Any], out: Path) -> None:
    """Draw samples.png and noise.png."""
    with plot.style():
        figure, axes = figure_of(2, 3)
        for column, n in enumerate(SAMPLE_SIZES):
            rests = [p for p in pictures["rests"][n, EPS] if np.abs(p.x).max() < WINDOW]
            draw_portrait(axes[0, column], f"As in the post: N = {n}, ε = {EPS:g}",
                          pictures["slices"][n, EPS], nullclines=False, fixed_points=rests)  # fmt: skip
            draw_portrait(axes[1, column], f"N = {n}, ε = 0", pictures["slices"][n, 0.0], nullclines=False)
        save(figure, out, "samples")
        figure, axes = figure_of(1, 3, height=3.2)
        _widths(axes[0, 0], pictures["widths"])
        _tails(axes[0, 1], pictures["tails"])
        _cuts(axes[0, 2], pictures["cut"])
        save(figure, out, "noise")


def _widths(ax: Any, widths: dict[float, np.ndarray]) -> None:
    for eps, row in widths.items():
        ax.plot(COUNTS, row, "o-", label=f"ε = {eps:g}")
    ax.axhline(CAUCHY_WIDTH, color="grey", linestyle=":", label=r"$\sqrt{2\pi}$, a Cauchy law")
    ax.plot(COUNTS, 3 / np.sqrt(COUNTS), "--", color="grey", label=r"slope of $N^{-1/2}$")
    ax.set(xscale="log", yscale="log", xlabel="samples N", ylabel="half interquartile range of $\\dot b_g$",
           title="Noise of the gradient at (0, 0)")  # fmt: skip
    ax.legend()


def _tails(ax: Any, tails: dict[float, np.ndarray]) -> None:
    for eps, values in tails.items():
        keep = np.unique(np.geomspace(1, len(values), 400).astype(int)) - 1
        ax.plot(values[keep], (keep + 1) / len(values), label=f"ε = {eps:g}")
    v = np.geomspace(10, 1e4, 10)
    ax.plot(v, 2 * CAUCHY_WIDTH / np.pi / v, ":", color="grey", label="Cauchy law, index 1")
    ax.set(xscale="log", yscale="log", xlim=(0.1, 1e5), xlabel="pull of one fake, $|\\dot b_g|$",
           ylabel="share of fakes that pull harder", title="Without ε, a tail of index 1")  # fmt: skip
    ax.legend()


def _cuts(ax: Any, cut: dict[str, np.ndarray]) -> None:
    looks = (("-", plot.OKABE_ITO["sky blue"]), ("-", plot.OKABE_ITO["orange"]), ("-", "black"))
    for (name, values), (line, colour) in zip(list(cut.items())[1:], looks, strict=True):
        ax.plot(cut["b_g"], values, line, color=colour, label=name, linewidth=1.0)
    ax.axhline(0, color="grey", linewidth=0.6)
    ax.set(xlabel="$b_g$ at $b_d = 0$", ylabel="$\\dot b_g$", ylim=(-12, 12), title="A pole at each latent")
    ax.legend(loc="lower left", frameon=True, framealpha=0.9)
