"""The catalogue: every game and textbook system by name, with its reference, window and known facts."""

from __future__ import annotations

import difflib
import inspect
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np

from gandyn.field import System
from gandyn.games import dirac, learning, mixtures, polynomial, textbook, tiny

__all__ = ["GAMES", "Entry", "entries", "get", "make", "parse_settings"]

Window = tuple[float, float]


@dataclass(frozen=True, eq=False)
class Entry:
    """A game of the catalogue: how to make it, where to look at it, and what is known of it.

    Args:
        name: the name that ``make`` and the command line take.
        maker: function that returns the field or map.
        summary: one line.
        reference: author, year and title.
        windows: interval of each coordinate, by name of the state's block.
        facts: known facts, one sentence each.
        preset: settings that this entry gives to the maker; they can be overridden.
        axes: names of the horizontal and the vertical coordinate of the default slice, discriminator
            first; the first two coordinates where it is left out.
        at: where the default slice holds the other coordinates; 0 for what is left out.
    """

    name: str
    maker: Callable[..., System]
    summary: str
    reference: str
    windows: Mapping[str, Window]
    facts: tuple[str, ...]
    preset: Mapping[str, Any] = field(default_factory=dict)
    axes: tuple[str, str] | None = None
    at: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("windows", "preset", "at"):
            object.__setattr__(self, name, MappingProxyType(dict(getattr(self, name))))

    def __str__(self) -> str:
        return f"{self.name}: {self.summary}"

    @property
    def settings(self) -> dict[str, Any]:
        """Names of the settings and their defaults, with this entry's own."""
        parameters = inspect.signature(self.maker).parameters.values()
        return {p.name: self.preset.get(p.name, p.default) for p in parameters}

    def make(self, **settings: Any) -> System:
        """Return the field or map at the given settings.

        Raises:
            ValueError: a setting that the game does not have, a number that is not finite, or what the
                maker refuses.
        """
        _check_settings(self, settings)
        return self.maker(**{**self.preset, **settings})

    def slice_axes(self, system: System) -> tuple[str, str]:
        """Return the names of the horizontal and vertical coordinate of the default slice.

        Where the default axes are not free in this system, the first free coordinate of the
        discriminator is horizontal and the first of the generator vertical.

        Raises:
            ValueError: a system of one dimension has no plane.
        """
        names = system.layout.names
        if len(names) < 2:
            raise ValueError(f"{self.name} has one coordinate, {names[0]}: it has no plane to slice")
        if self.axes is not None and set(self.axes) <= set(names):
            return self.axes
        players = [block.player for block in system.layout.blocks]
        if "discriminator" in players and "generator" in players:
            return names[players.index("discriminator")], names[players.index("generator")]
        return names[0], names[1]

    def window(self, name: str) -> Window:
        """Return the interval in which coordinate ``name`` is drawn; (-2, 2) where none is set."""
        return self.windows.get(name, (-2.0, 2.0))

    def base_point(self, system: System) -> np.ndarray:
        """Return the state, shape (n,), through which the default slice passes."""
        return np.array([self.at.get(name, 0.0) for name in system.layout.names])


def _square(half_width: float, *names: str) -> dict[str, Window]:
    return dict.fromkeys(names, (-half_width, half_width))


_MESCHEDER = 'Mescheder, Geiger, Nowozin 2018, "Which training methods for GANs do actually converge?"'
_GUTTENBERG = 'Guttenberg 2016, "Stability of generative adversarial networks"'
_TINY = _square(3.0, "W_g", "b_g", "W_d", "b_d")


def _dirac(name: str, summary: str, facts: tuple[str, ...], **preset: Any) -> Entry:
    return Entry(
        name,
        dirac.dirac_gan,
        summary,
        _MESCHEDER,
        _square(2.0, "theta", "psi"),
        facts,
        preset=preset,
        axes=("psi", "theta"),
    )


_DIRAC = (
    _dirac(
        "dirac",
        "Dirac-GAN, saturating loss: circles that never close in on the equilibrium",
        (
            "eigenvalues +-i/2 at (0, 0)",
            "theta^2 + psi^2 is conserved",
            "a step h of simultaneous descent multiplies the squared radius by 1 + h^2 f'(theta psi)^2",
        ),
    ),
    _dirac(
        "dirac-nonsaturating",
        "Dirac-GAN, nonsaturating loss",
        (
            "eigenvalues +-i/2 at (0, 0)",
            "simultaneous descent of step h has a limit circle of radius about sqrt(2 h)",
        ),
        loss="nonsaturating",
    ),
    _dirac(
        "dirac-wgan",
        "Dirac-GAN, Wasserstein loss: the bilinear game",
        ("eigenvalues +-i", "theta^2 + psi^2 is conserved"),
        loss="wasserstein",
    ),
    _dirac(
        "dirac-wgan-gp",
        "Dirac-GAN, Wasserstein loss with gradient penalty: a limit cycle, with a jump at psi = 0",
        (
            "limit cycle of amplitude lam g0 coth(pi lam/(4 omega)) in theta, omega = sqrt(1 - lam^2/4)",
            "its period is 2 pi/omega, its exponents 0 and -lam/2",
        ),
        loss="wasserstein",
        regularizer="gradient_penalty",
    ),
    _dirac(
        "dirac-noise",
        "Dirac-GAN with instance noise: a stable focus",
        (
            "eigenvalues -sigma^2/4 +- sqrt(sigma^4/16 - 1/4) at (0, 0)",
            "critical damping at sigma = sqrt(2)",
        ),
        regularizer="noise",
    ),
    _dirac(
        "dirac-r1",
        "Dirac-GAN with the R1 penalty: a stable focus, a node from gamma = 1 on",
        (
            "eigenvalues -gamma/2 +- sqrt(gamma^2/4 - 1/4) at (0, 0)",
            "critical damping at gamma = 1; with kappa = eta_D/eta_G at kappa = 1/gamma^2",
        ),
        regularizer="r1",
    ),
    _dirac(
        "dirac-nonsaturating-r1",
        "Dirac-GAN, nonsaturating loss with R1: a Hopf bifurcation at gamma = 0",
        (
            "eigenvalues -gamma/2 +- sqrt(gamma^2/4 - 1/4) at (0, 0)",
            "for gamma < 0 a stable limit cycle of radius about sqrt(-8 gamma)",
        ),
        loss="nonsaturating",
        regularizer="r1",
    ),
    _dirac(
        "dirac-consensus",
        "Dirac-GAN with consensus optimisation: a stable focus",
        (
            "eigenvalues -gamma/4 +- i/2 at (0, 0)",
            "simultaneous descent is stable for h < 2 gamma/(1 + gamma^2/4)",
        ),
        regularizer="consensus",
    ),
)

_TINY_GANS = (
    Entry(
        "sigmoid-classifier",
        tiny.sigmoid_classifier,
        "tiny GAN with a sigmoid discriminator: training runs away",
        _GUTTENBERG,
        _TINY,
        (
            "the velocity of b_g is positive everywhere: no fixed point",
            "far out b_g ~ t and b_d ~ -ln t - 1/2",
        ),
        axes=("b_d", "b_g"),
        at={"W_g": 1.0, "W_d": 1.0},
    ),
    Entry(
        "sigmoid-classifier-l2",
        tiny.sigmoid_classifier,
        "the same with weight decay: a stable node, but a biased one",
        _GUTTENBERG,
        {**_TINY, "b_g": (-1.0, 5.0)},
        ("stable node at (2.8707, -0.7205) for l2 = 0.3, at (0.6056, -0.0875) for l2 = 1",),
        preset={"l2": 0.3},
        axes=("b_d", "b_g"),
        at={"W_g": 1.0, "W_d": 1.0},
    ),
    Entry(
        "gaussian-classifier",
        tiny.gaussian_classifier,
        "tiny GAN with a Gaussian discriminator, biases free: focus, node or limit cycle by W_d",
        _GUTTENBERG,
        _TINY,
        (
            "(0, 0) is the only fixed point: a focus at W_d = 1, a node at W_d = 2",
            "at W_d = 0.5 it is unstable, inside a stable cycle of half-amplitudes 1.8523 and 1.2034 "
            "and period 7.5568",
            "supercritical Hopf bifurcation at W_d = 0.671455",
        ),
        axes=("b_d", "b_g"),
        at={"W_g": 1.0, "W_d": 1.0},
    ),
    Entry(
        "gaussian-classifier-scale",
        tiny.gaussian_classifier,
        "tiny GAN with a Gaussian discriminator, weights free: collapse in finite time",
        _GUTTENBERG,
        _TINY,
        (
            "no fixed point off the axes; d(W_g^2 + W_d^2)/dt = -4 W_d^2",
            "from (1, 1) W_g reaches 0.001 at t = 0.3044",
        ),
        preset={"free": ("W_g", "W_d")},
        axes=("W_d", "W_g"),
    ),
    Entry(
        "gaussian-classifier-full",
        tiny.gaussian_classifier,
        "tiny GAN with a Gaussian discriminator, all four free: lines of equilibria",
        _GUTTENBERG,
        _TINY,
        (
            "equilibria W_d = 0, b_g = 0, b_d = +-sqrt(ln 2), any W_g: the mean is learned, the scale is not",
            "eigenvalues at W_g = 1: 0, -0.55569, -4.98949, -8 ln 2",
        ),
        preset={"free": ("W_g", "b_g", "W_d", "b_d")},
        axes=("b_d", "b_g"),
        at={"W_g": 1.0, "W_d": 1.0},
    ),
)

_GAMES = (
    Entry(
        "bilinear",
        polynomial.bilinear,
        "min_x max_y a x y: pure rotation",
        'Mescheder, Nowozin, Geiger 2017, "The numerics of GANs"',
        _square(2.0, "x", "y"),
        ("eigenvalues +-i a", "|x|^2 + |y|^2 is conserved; every step of simultaneous descent diverges"),
        axes=("y", "x"),
    ),
    *_DIRAC,
    *_TINY_GANS,
    Entry(
        "lq-wgan",
        polynomial.lq_wgan,
        "Wasserstein GAN that learns a scale: centres",
        'Feizi, Suh, Xia, Tse 2017, "Understanding GANs: the LQG setting"',
        {"a": (0.05, 3.0), "w": (-2.0, 2.0)},
        ("eigenvalues +-2 sigma i at (a, w) = (sigma, 0)", "w^2 - sigma^2 ln a + a^2/2 is conserved"),
        axes=("w", "a"),
    ),
    Entry(
        "nagarajan-kolter",
        polynomial.nagarajan_kolter,
        "GAN that learns the width of a uniform distribution: a weakly stable focus",
        'Nagarajan and Kolter 2017, "Gradient descent GAN optimization is locally stable"',
        {"a": (-2.0, 2.0), "w": (-2.0, 2.0)},
        (
            "eigenvalues -1/20 +- i sqrt(1/9 - 1/400) at (1, 0)",
            "loss=wasserstein: +-2i/3; with eta: -4 eta/9 +- sqrt(16 eta^2/81 - 4/9)",
        ),
        axes=("w", "a"),
        at={"a": 1.0},
    ),
    Entry(
        "hidden-bilinear",
        polynomial.hidden_bilinear,
        "min_x max_y tanh(x/2) tanh(y/2): closed orbits",
        'Vlatakis-Gkaragkounis, Flokas, Piliouras 2019, "Poincaré recurrence, cycles and spurious '
        'equilibria in gradient-descent-ascent for non-convex non-concave zero-sum games"',
        _square(4.0, "x", "y"),
        ("eigenvalues +-i a/4 at (0, 0)", "cosh x + cosh y is conserved"),
        axes=("y", "x"),
    ),
    Entry(
        "matching-pennies",
        polynomial.matching_pennies,
        "matching pennies in logits, with an entropy bonus",
        'Hofbauer and Hopkins 2005, "Learning in perturbed asymmetric games"',
        _square(4.0, "x", "y"),
        ("eigenvalues -T/4 +- i/4 at (0, 0)",),
        preset={"temperature": 0.2},
        axes=("y", "x"),
    ),
    Entry(
        "rock-paper-scissors",
        learning.rock_paper_scissors,
        "two players learn rock, paper, scissors, in logits: tori and chaos side by side",
        'Sato, Akiyama and Farmer 2002, "Chaos in learning a simple two-person game"',
        _square(3.0, "u2", "u3", "w2", "w3"),
        (
            "lambda^2 = (eps_x -+ i sqrt(3)) (eps_y -+ i sqrt(3))/9 at (0, 0, 0, 0); no divergence anywhere",
            "for eps_x = -eps_y the flow conserves sum ln x_i + sum ln y_i, and is integrable at 0",
        ),
        axes=("w2", "u2"),
    ),
    Entry(
        "congestion-game",
        learning.congestion_game,
        "multiplicative weights of a crowd on two roads: period doubling and chaos",
        'Chotibut, Falniowski, Misiurewicz, Piliouras 2020, "The route to chaos in routing games"',
        {"x": (0.0, 1.0)},
        (
            "x = b has multiplier 1 - a b (1 - b); the mean of x along an orbit is b",
            "for b = 1/2 and a > 8 a cycle of period 2 attracts",
        ),
    ),
    Entry(
        "hopf",
        polynomial.hopf,
        "zero-sum game whose training settles on a cycle",
        'Hsieh, Mertikopoulos, Cevher 2021, "The limits of min-max optimization algorithms"',
        _square(1.5, "x", "y"),
        ("eigenvalues mu +- i at (0, 0)", "cycle of radius about sqrt(4 mu/3) for small mu > 0"),
        preset={"mu": 0.3},
        axes=("y", "x"),
    ),
    Entry(
        "balduzzi",
        polynomial.balduzzi,
        "weak attraction and strong rotation: stable as a flow, hardly as an algorithm",
        'Balduzzi et al. 2018, "The mechanics of n-player differentiable games"',
        _square(2.0, "x", "y"),
        ("eigenvalues -1 +- 10 i", "simultaneous descent is stable only for h < 2/101"),
        axes=("y", "x"),
    ),
    Entry(
        "two-gaussians",
        mixtures.two_gaussians,
        "two Gaussians against two intervals: discriminator collapse",
        'Li, Madry, Peebles, Schmidt 2018, "On the limitations of first-order approximation in GAN dynamics"',
        _square(4.0, "mu1", "mu2", "l1", "r1", "l2", "r2"),
        (
            "mu1 = mu2 is invariant: merged modes never part",
            "edges rest where both densities are equal; an empty interval has no gradient and rests for good",
        ),
        axes=("mu1", "mu2"),
        at={"mu1": -1.0, "mu2": 1.0, "l1": -2.0, "r1": -0.5, "l2": 0.5, "r2": 2.0},
    ),
    Entry(
        "gaussian-mixture",
        mixtures.gaussian_mixture,
        "two modes to cover against a quadratic logistic discriminator",
        'after Goodfellow et al. 2014, "Generative adversarial nets"',
        {**_square(4.0, "mu1", "mu2"), **_square(1.0, "w1", "w2")},
        ("stable at (c, -c, 0, 0)", "mu1 = mu2 is invariant: a collapsed generator stays collapsed"),
        axes=("mu1", "mu2"),
    ),
)

_TEXTBOOK = (
    Entry(
        "linear",
        textbook.linear,
        "linear flow v = A x",
        "any textbook",
        _square(2.0, "x1", "x2"),
        ("eigenvalues -0.1 +- i for the default matrix",),
    ),
    Entry(
        "lorenz",
        textbook.lorenz,
        "Lorenz system: chaos",
        'Lorenz 1963, "Deterministic nonperiodic flow"',
        {"x": (-22.0, 22.0), "y": (-28.0, 28.0), "z": (0.0, 50.0)},
        ("exponents 0.9056, 0, -14.5722", "Hopf bifurcation of C+- at rho = 24.7368"),
        axes=("x", "z"),
    ),
    Entry(
        "rossler",
        textbook.rossler,
        "Rössler system: chaos with one scroll",
        'Rössler 1976, "An equation for continuous chaos"',
        {"x": (-12.0, 14.0), "y": (-13.0, 10.0), "z": (0.0, 25.0)},
        ("exponents 0.0714, 0, -5.3942",),
        axes=("x", "y"),
    ),
    Entry(
        "van-der-pol",
        textbook.van_der_pol,
        "van der Pol oscillator: one limit cycle",
        'van der Pol 1926, "On relaxation-oscillations"',
        {"x": (-3.0, 3.0), "y": (-4.0, 4.0)},
        ("period 6.663286859323 and exponent -1.059376994842 at mu = 1",),
    ),
    Entry(
        "duffing",
        textbook.duffing,
        "Duffing oscillator in its double well, forced on request",
        'Guckenheimer and Holmes 1983, "Nonlinear oscillations, dynamical systems and bifurcations"',
        {"x": (-2.0, 2.0), "y": (-2.0, 2.0), "phase": (0.0, 2 * math.pi)},
        ("divergence -delta everywhere", "wells at +-sqrt(-alpha/beta)"),
        axes=("x", "y"),
    ),
    Entry(
        "pendulum",
        textbook.pendulum,
        "pendulum, with friction on request",
        "any textbook",
        {"theta": (-2 * math.pi, 2 * math.pi), "p": (-3.0, 3.0)},
        ("p^2/2 - cos(theta) is conserved without damping",),
    ),
    Entry(
        "lotka-volterra",
        textbook.lotka_volterra,
        "predator and prey: closed orbits",
        "Lotka 1925, Volterra 1926",
        {"x": (0.02, 4.0), "y": (0.02, 4.0)},
        ("centre at (gamma/delta, alpha/beta), eigenvalues +-i sqrt(alpha gamma)",),
    ),
    Entry(
        "brusselator",
        textbook.brusselator,
        "Brusselator: a chemical clock",
        "Prigogine and Lefever 1968",
        {"x": (0.0, 5.0), "y": (0.0, 6.0)},
        ("supercritical Hopf bifurcation at b = 1 + a^2",),
    ),
    Entry(
        "fitzhugh-nagumo",
        textbook.fitzhugh_nagumo,
        "FitzHugh-Nagumo neuron: slow and fast",
        "FitzHugh 1961, Nagumo et al. 1962",
        {"v": (-2.5, 2.5), "w": (-1.0, 2.0)},
        ("the fixed point is unstable where v^2 < 1 - b epsilon",),
    ),
    Entry(
        "hopf-normal-form",
        textbook.hopf_normal_form,
        "Hopf normal form: an exactly known cycle",
        'Kuznetsov 2004, "Elements of applied bifurcation theory"',
        _square(1.5, "x", "y"),
        ("cycle of radius sqrt(-mu/l1), period 2 pi/omega, exponents 0 and -2 mu",),
    ),
    Entry(
        "pitchfork",
        textbook.pitchfork,
        "pitchfork normal form with its unfolding",
        'Kuznetsov 2004, "Elements of applied bifurcation theory"',
        _square(2.0, "x"),
        ("x = +-sqrt(mu) with eigenvalue -2 mu",),
    ),
    Entry(
        "henon",
        textbook.henon,
        "Hénon map: chaos in the plane",
        'Hénon 1976, "A two-dimensional mapping with a strange attractor"',
        {"x": (-1.5, 1.5), "y": (-0.45, 0.45)},
        ("exponents 0.41913 and -1.62310, sum ln 0.3",),
    ),
    Entry(
        "logistic",
        textbook.logistic,
        "logistic map: period doubling",
        'May 1976, "Simple mathematical models with very complicated dynamics"',
        {"x": (0.0, 1.0)},
        ("exponent ln 2 at r = 4, ln(0.16)/2 at r = 3.2",),
    ),
    Entry(
        "cubic-map",
        textbook.cubic_map,
        "gradient descent on a double well with too large a step: chaos",
        "any textbook",
        _square(math.sqrt(2), "x"),
        ("exponent ln 3 a step at h = 2",),
    ),
    Entry(
        "standard-map",
        textbook.standard_map,
        "Chirikov's standard map: order and chaos side by side",
        'Chirikov 1979, "A universal instability of many-dimensional oscillator systems"',
        {"theta": (0.0, 2 * math.pi), "p": (-math.pi, math.pi)},
        ("area-preserving", "the last rotational circle breaks at K = 0.971635406"),
    ),
    Entry(
        "towel-map",
        textbook.towel_map,
        "folded-towel map: hyperchaos",
        'Rössler 1979, "An equation for hyperchaos"',
        {"x": (0.0, 1.0), "y": (-0.15, 0.15), "z": (0.0, 1.0)},
        ("two positive exponents",),
        axes=("x", "z"),
    ),
    Entry(
        "cat-map",
        textbook.cat_map,
        "Arnold's cat map on the torus",
        'Arnold and Avez 1968, "Ergodic problems of classical mechanics"',
        {"x": (0.0, 1.0), "y": (0.0, 1.0)},
        ("exponents +-ln((3 + sqrt 5)/2)",),
    ),
)

#: Every game by name, GANs first.
GAMES: Mapping[str, Entry] = MappingProxyType({entry.name: entry for entry in (*_GAMES, *_TEXTBOOK)})


def entries() -> tuple[Entry, ...]:
    """Return all entries of the catalogue, games first, then textbook systems.

    Example:
        >>> print(entries()[0])
        bilinear: min_x max_y a x y: pure rotation
    """
    return tuple(GAMES.values())


def get(name: str) -> Entry:
    """Return the entry of a name; underscores and capitals do not matter.

    Args:
        name: name of a game, such as ``"gaussian-classifier"``.

    Raises:
        ValueError: a name that is not in the catalogue, with the closest ones.

    Example:
        >>> get("Van_der_Pol").name
        'van-der-pol'
        >>> get("lorentz")
        Traceback (most recent call last):
        ...
        ValueError: unknown game 'lorentz'; did you mean lorenz?; all: ...
    """
    key = name.lower().replace("_", "-")
    if key not in GAMES:
        raise ValueError(f"unknown game {name!r}{_suggestion(key, GAMES)}; all: {', '.join(GAMES)}")
    return GAMES[key]


def make(name: str, **settings: Any) -> System:
    """Return a game of the catalogue by name, at given settings.

    Args:
        name: name of the game.
        **settings: constants and options of its maker; the rest keep their defaults.

    Returns:
        The field or map.

    Raises:
        ValueError: an unknown game or setting, with the closest names; or what the maker refuses.

    Example:
        >>> make("dirac-r1", gamma=0.5).constants["gamma"]
        0.5
    """
    return get(name).make(**settings)


def parse_settings(name: str, texts: Iterable[str]) -> dict[str, Any]:
    """Return settings of a game written as ``"gamma=.3"``, as on the command line.

    Args:
        name: name of the game.
        texts: assignments ``name=value``; several values are separated by commas.

    Returns:
        The settings, numbers as int or float.

    Raises:
        ValueError: an unknown game or setting, or a text that is no assignment.

    Example:
        >>> parse_settings("dirac-r1", ["gamma=.5"])
        {'gamma': 0.5}
        >>> parse_settings("gaussian-classifier", ["free=b_g,W_d", "samples=100"])
        {'free': ('b_g', 'W_d'), 'samples': 100}
    """
    settings: dict[str, Any] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals or not key.strip() or not value.strip():
            raise ValueError(f"a setting is written name=value, such as gamma=.3; got {text!r}")
        parts = [_literal(part.strip()) for part in value.split(",") if part.strip()]
        settings[key.strip()] = tuple(parts) if len(parts) > 1 else parts[0]
    _check_settings(get(name), settings)
    return settings


def _literal(text: str) -> int | float | str:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _check_settings(entry: Entry, settings: Mapping[str, Any]) -> None:
    known = inspect.signature(entry.maker).parameters
    for name, value in settings.items():
        if name not in known:
            raise ValueError(
                f"{entry.name} has no setting {name!r}{_suggestion(name, known)}; "
                f"its settings are {', '.join(known) or 'none'}"
            )
        kinds = {kind.strip() for kind in str(known[name].annotation).split("|")}
        if isinstance(value, str) and kinds <= {"float", "int", "None"}:
            raise ValueError(f"setting {name} of {entry.name} must be a number, got {value!r}")
        if isinstance(value, float) and not math.isfinite(value):
            raise ValueError(f"setting {name} of {entry.name} must be finite, got {value}")


def _suggestion(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, list(known), n=3, cutoff=0.6)
    return f"; did you mean {' or '.join(close)}?" if close else ""
