"""Noise on the parameters: 30 draws against the exact average, with and without eps.

Biases free at W_g = W_d = 1, Gaussian discriminator; noise N(0, 0.2^2) on b_g and b_d, samples fixed.
"""

from pathlib import Path
from typing import Any

import numpy as np
import sympy as sp

from gandyn import Trajectory, VectorField, plot, smooth, spectrum
from gandyn.games import E, from_losses, points
from gandyn.games.gaussian import Gap
from gandyn.games.tiny import gaussian_classifier
from studies.tiny_gans.common import (
    EPS,
    WINDOW,
    Size,
    count_kinds,
    draw_portrait,
    figure_of,
    follow,
    pairs,
    save,
    slice_of,
)
from studies.tiny_gans.samples import CAUCHY_WIDTH, draws, fixed_points, sampled_game

SIGMA = 0.2
DRAWS = 30
COUNT = 100
NOISES = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
DRAW_COUNTS = (1, 10, 30, 100, 300)
STARTS = ((1.0, 1.0), (-2.0, -2.0), (3.0, -1.0))


def compute(size: Size) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the numbers and what the figure shows."""
    infinite, repeats = gaussian_classifier(), min(2000, size.repeats // 4)
    fields = {
        "raw": sampled_game(COUNT, EPS),
        "draws": smooth(sampled_game(COUNT, EPS), SIGMA, method="monte carlo", count=DRAWS),
        "draws without eps": smooth(sampled_game(COUNT, 0.0), SIGMA, method="monte carlo", count=DRAWS),
        "exact": exactly_smoothed(COUNT, SIGMA),
        "exact, infinite data": smooth(infinite, SIGMA, method="exact"),
    }
    grids = {"raw": 40_000, "draws": 40_000, "exact": 4000, "exact, infinite data": 4000}
    rests = {name: fixed_points(fields[name], grid) for name, grid in grids.items()}
    paths = {name: [follow(field, start, 30) for start in STARTS] for name, field in fields.items()}
    x = np.random.default_rng(0).uniform(-2, 2, (40, 2))
    between_poles = x[np.abs(x.sum(axis=1)[:, None] + draws(COUNT)[1].values).min(axis=1) > 0.02]
    widths = {eps: _half_widths(eps, repeats) for eps in (0.0, EPS)}
    numbers = {
        "sigma": SIGMA,
        "exact smoothing against quadrature, infinite data": _difference(
            fields["exact, infinite data"], smooth(infinite, SIGMA), x
        ),
        "exact smoothing of samples, sigma = 1e-4, against the samples": _difference(
            exactly_smoothed(COUNT, 1e-4), sampled_game(COUNT, 0.0), between_poles
        ),
        "eigenvalues at (0, 0), infinite data, by sigma": {
            str(s): pairs(spectrum(smooth(infinite, s, method="exact"), np.zeros(2)).eigenvalues)
            for s in NOISES
        },
        "fixed points": {name: count_kinds(rest) for name, rest in rests.items()},
        "eigenvalues of the exact average of 100 samples": pairs(rests["exact"].points[0].eigenvalues),
        "length of the path from (1, 1) over the distance": {
            name: _detour(runs[0]) for name, runs in paths.items() if runs[0].status == "finished"
        },
        "30 draws without eps from (1, 1)": {
            "status": paths["draws without eps"][0].status,
            "t": float(paths["draws without eps"][0].t[-1]),
        },
        "half-width of the noise left at (0, 0), N = 100, by number of draws": {
            f"eps = {eps:g}": dict(zip(map(str, DRAW_COUNTS), row.tolist(), strict=True))
            for eps, row in widths.items()
        },
        "repeats": repeats,
    }
    pictures = {
        "slices": {name: slice_of(field, "b_d", "b_g", WINDOW, size.grid) for name, field in fields.items()},
        "rests": {name: [p for p in rest if abs(p.x[0]) < WINDOW] for name, rest in rests.items()},
        "paths": paths,
        "widths": widths,
    }
    return numbers, pictures


def exactly_smoothed(count: int, sigma: float) -> VectorField:
    """Return the sampled game averaged exactly over parameter noise: each latent becomes a normal blur.

    Noise on b_g and b_d adds to s = z + b_g + b_d a normal number of deviation sqrt(2) sigma, and the
    average of a gradient over noise is the gradient of the averaged loss, which ``Gap`` knows.
    """
    real, fake = draws(count)
    b_g, b_d, x, z, noise = sp.symbols("b_g b_d x z noise", real=True)
    on_fakes = E(Gap(0, z + b_g + b_d, sp.sqrt(2) * noise), z=fake)
    return from_losses(
        -on_fakes,
        E((x + b_d) ** 2, x=real) + on_fakes,
        generator=[b_g],
        discriminator=[b_d],
        constants={noise: sigma},
        label=f"{count} samples, exactly smoothed",
    )


def _difference(one: VectorField, other: VectorField, x: np.ndarray) -> float:
    return float(np.abs(one(x) - other(x)).max())


def _detour(path: Trajectory) -> float:
    steps = np.linalg.norm(np.diff(path.x, axis=0), axis=1)
    return float(steps.sum() / np.linalg.norm(path.x[-1] - path.x[0]))


def _half_widths(eps: float, repeats: int) -> np.ndarray:
    """Return half the interquartile range of (average over draws) - (exact average) at (0, 0).

    Each repeat has 100 latents of its own and, for each of DRAW_COUNTS, fresh parameter noise.
    """
    rng, zero = np.random.default_rng(5), points([0.0])
    one = gaussian_classifier(data=zero, latent=zero, eps=eps)
    blurred = smooth(gaussian_classifier(W_g=0.0), SIGMA, method="exact")
    pull = lambda field, s: field(np.stack([s, np.zeros_like(s)], axis=-1))[..., 0]
    widths = []
    for count in DRAW_COUNTS:
        left = np.empty(repeats)
        for i in range(repeats):
            z = rng.standard_normal(COUNT)
            noise = SIGMA * np.sqrt(2) * rng.standard_normal(count)
            left[i] = pull(one, z[:, None] + noise).mean() - pull(blurred, z).mean()
        widths.append(np.diff(np.quantile(left, [0.25, 0.75]))[0] / 2)
    return np.array(widths)


def check(numbers: dict[str, Any]) -> None:
    """Assert what the README says of these numbers."""
    assert numbers["exact smoothing against quadrature, infinite data"] < 1e-12
    assert numbers["exact smoothing of samples, sigma = 1e-4, against the samples"] < 1e-3
    eigenvalues = numbers["eigenvalues at (0, 0), infinite data, by sigma"]
    np.testing.assert_allclose(eigenvalues["0.0"], [[-1, 1.324781], [-1, -1.324781]], atol=1e-6)
    np.testing.assert_allclose(eigenvalues["0.2"], [[-1, 1.223524], [-1, -1.223524]], atol=1e-6)
    assert eigenvalues["0.8"][0][1] == 0 < eigenvalues["0.6"][0][1], "a node only beyond sigma = 0.6"
    rests = numbers["fixed points"]
    assert rests["raw"]["stable focus"] > 5
    assert rests["draws"] == rests["exact"] == rests["exact, infinite data"] == {"stable focus": 1}
    assert numbers["eigenvalues of the exact average of 100 samples"][0][1] > 1, "it still rotates"
    detours = numbers["length of the path from (1, 1) over the distance"]
    assert detours["raw"] > detours["exact"] > detours["exact, infinite data"] > 1
    assert numbers["30 draws without eps from (1, 1)"]["status"] == "stalled"
    error = 2 * np.pi / np.sqrt(numbers["repeats"])  # four standard errors of a Cauchy law's quartiles
    widths = numbers["half-width of the noise left at (0, 0), N = 100, by number of draws"]
    for count in DRAW_COUNTS:
        assert abs(widths["eps = 0"][str(count)] / CAUCHY_WIDTH - 1) < error, "draws do not calm it"
    assert widths[f"eps = {EPS:g}"]["30"] < 0.3 * widths[f"eps = {EPS:g}"]["1"], "with eps they do"


def draw(pictures: dict[str, Any], out: Path) -> None:
    """Draw smoothing.png."""
    titles = {
        "raw": f"N = {COUNT}, ε = {EPS:g}, σ = 0",
        "draws": f"As in the post: N = {COUNT}, σ = {SIGMA}, {DRAWS} draws, ε = {EPS:g}",
        "draws without eps": f"N = {COUNT}, σ = {SIGMA}, {DRAWS} draws, ε = 0",
        "exact": f"N = {COUNT}, σ = {SIGMA}, exact average, ε = 0",
        "exact, infinite data": f"Infinite data, σ = {SIGMA}, exact average, ε = 0",
    }
    with plot.style():
        figure, axes = figure_of(2, 3)
        for ax, (name, title) in zip(axes.flat, titles.items(), strict=False):
            exact = name.startswith("exact")
            draw_portrait(ax, title, pictures["slices"][name], nullclines=exact,
                          trajectories=pictures["paths"][name],
                          fixed_points=pictures["rests"].get(name, []))  # fmt: skip
        _widths(axes[1, 2], pictures["widths"])
        save(figure, out, "smoothing")


def _widths(ax: Any, widths: dict[float, np.ndarray]) -> None:
    for eps, row in widths.items():
        ax.plot(DRAW_COUNTS, row, "o-", label=f"ε = {eps:g}")
    ax.axhline(CAUCHY_WIDTH, color="grey", linestyle=":", label=r"$\sqrt{2\pi}$, a Cauchy law")
    ax.set(xscale="log", yscale="log", xlabel="draws of parameter noise",
           title=f"Noise left, N = {COUNT}, σ = {SIGMA}",
           ylabel=r"half interquartile range, $\dot b_g$ less its exact average")  # fmt: skip
    ax.legend()
