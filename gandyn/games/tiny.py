"""The tiny GANs of Guttenberg 2016: a linear generator against a discriminator of two parameters.

``g(z) = W_g z + b_g`` with z and the data standard normal; ``s(x) = W_d x + b_d`` is what the
discriminator sees. Any of (W_g, b_g, W_d, b_d) are free, the others are adjustable constants
("Stability of generative adversarial networks").
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from gandyn.field import VectorField

if TYPE_CHECKING:
    import sympy as sp

    from gandyn.games.measures import Measure

__all__ = ["GeneratorLoss", "gaussian_classifier", "sigmoid_classifier"]

GeneratorLoss: TypeAlias = Literal["saturating", "nonsaturating"]

#: The parameters, generator first, with the values of those that are not free.
_PARAMETERS = {"W_g": 1.0, "b_g": 0.0, "W_d": 1.0, "b_d": 0.0}
#: Standard deviations of parameter noise on the biases, zero unless set: the field averaged over it.
_NOISES = ("noise_b_g", "noise_b_d")


def sigmoid_classifier(
    free: str | Sequence[str] = ("b_g", "b_d"),
    generator_loss: GeneratorLoss = "saturating",
    *,
    W_g: float | None = None,
    b_g: float | None = None,
    W_d: float | None = None,
    b_d: float | None = None,
    l2: float = 0.0,
    eps: float = 0.0,
    kappa: float = 1.0,
    samples: int | None = None,
    nodes: int | None = None,
    seed: int = 0,
    data: Measure | None = None,
    latent: Measure | None = None,
) -> VectorField:
    """Return the tiny GAN whose discriminator is a sigmoid, d = sigma(W_d x + b_d).

    ``L_D = kappa (-E log(d(x) + eps) - E log(1 - d(g(z)) + eps) + l2 |theta_D|^2 / 2)``, and
    ``L_G = E log(1 - d(g(z)) + eps) + l2 |theta_G|^2 / 2``, or ``-E log(d(g(z)) + eps) + ...`` when
    nonsaturating; the norms run over the free parameters.

    Known facts in (b_g, b_d), saturating: the velocity of b_g is positive everywhere, so there is no
    fixed point and training runs away as b_g ~ t, b_d ~ -ln t - 1/2: a monotone discriminator has a
    blind side. L2 stops it at a stable node that is biased, (2.8707, -0.7205) for l2 = 0.3.

    Args:
        free: the parameters that move, names out of W_g, b_g, W_d, b_d; a string of names separated by
            commas will do.
        generator_loss: ``"saturating"`` or ``"nonsaturating"``.
        W_g: the generator's weight where it is not free, default 1.
        b_g: the generator's bias where it is not free, default 0.
        W_d: the discriminator's weight where it is not free, default 1.
        b_d: the discriminator's bias where it is not free, default 0.
        l2: weight decay of both players.
        eps: offset inside the logarithms; 0 leaves it out.
        kappa: learning rate of the discriminator over that of the generator.
        samples: number of draws of data and of latents, with ``seed``; None for infinite data.
        nodes: nodes of a Gauss-Hermite rule for data and latents instead of the exact form.
        seed: seed of the draws.
        data: measure of the data, instead of ``samples`` or ``nodes``.
        latent: measure of the latents, likewise.

    Returns:
        The field over the free parameters, generator first. Infinite data (none of ``samples``,
        ``nodes``, ``data``, ``latent``) are exact to 1e-15, and then ``noise_b_g`` and ``noise_b_d`` are
        constants too: standard deviations of parameter noise on free biases, for ``smooth(method="exact")``.

    Raises:
        ValueError: no, unknown or repeated names in ``free``, a value for a free parameter, an
            unknown loss, several sources of data, or ``eps`` with exact data.

    Example:
        >>> import numpy as np
        >>> sigmoid_classifier(W_g=0.0)(np.array([0.0, 1.0])).round(6)
        array([ 0.731059, -0.427793])
        >>> sigmoid_classifier("W_g, b_g, W_d, b_d").layout.dim
        4
    """
    source = _Source.choose(samples, nodes, seed, data, latent, eps)
    fixed = {"W_g": W_g, "b_g": b_g, "W_d": W_d, "b_d": b_d}
    return _tiny_game("sigmoid", free, generator_loss, fixed, source, l2, eps, kappa)


def gaussian_classifier(
    free: str | Sequence[str] = ("b_g", "b_d"),
    generator_loss: GeneratorLoss = "saturating",
    *,
    W_g: float | None = None,
    b_g: float | None = None,
    W_d: float | None = None,
    b_d: float | None = None,
    l2: float = 0.0,
    eps: float = 0.0,
    kappa: float = 1.0,
    samples: int | None = None,
    nodes: int | None = None,
    seed: int = 0,
    data: Measure | None = None,
    latent: Measure | None = None,
) -> VectorField:
    """Return the tiny GAN whose discriminator is a Gaussian bump, d = exp(-(W_d x + b_d)^2).

    The losses are those of ``sigmoid_classifier``. At infinite data, with ``m = W_d b_g + b_d`` and
    ``tau = W_d W_g``, ``-E log(1 - d(g(z))) = H(m, tau)`` in closed form, and ``-E log d(x) =
    W_d^2 + b_d^2``; the field is finite everywhere but at m = tau = 0, where it has a true pole.

    The gradient of one sample has a 1/s pole where d = 1, so that the sampled gradient is Cauchy-like
    with a width that no number of samples shrinks, and a Gauss-Hermite rule has a false pole at each
    node. State ``eps`` with every picture of samples.

    Known facts: in (b_g, b_d) with W_g = 1 the origin is the only fixed point, with Jacobian
    ``[[-W_d^2 c, -W_d c], [W_d c, c - 2]]``, ``c = 2 (2 W_d^2)^(-3/2) zeta(3/2, 1 + 1/(2 W_d^2))``: a
    focus at W_d = 1, a node at W_d = 2, unstable inside a stable limit cycle at W_d = 0.5; the
    supercritical Hopf bifurcation lies at W_d = 0.671455. In (W_g, W_d) at b = 0 there is no fixed point
    off the axes: ``d(W_g^2 + W_d^2)/dt = -4 W_d^2``, and W_g reaches 0 in finite time (collapse). With
    all four free the equilibria are lines: W_d = 0, b_g = 0, b_d = +-sqrt(ln 2), any W_g.

    Args:
        free: the parameters that move, names out of W_g, b_g, W_d, b_d; a string of names separated by
            commas will do.
        generator_loss: ``"saturating"`` or ``"nonsaturating"``.
        W_g: the generator's weight where it is not free, default 1.
        b_g: the generator's bias where it is not free, default 0.
        W_d: the discriminator's weight where it is not free, default 1.
        b_d: the discriminator's bias where it is not free, default 0.
        l2: weight decay of both players.
        eps: offset inside the logarithms; 0 leaves it out.
        kappa: learning rate of the discriminator over that of the generator.
        samples: number of draws of data and of latents, with ``seed``; None for infinite data.
        nodes: nodes of a Gauss-Hermite rule for data and latents instead of the closed form.
        seed: seed of the draws.
        data: measure of the data, instead of ``samples`` or ``nodes``.
        latent: measure of the latents, likewise.

    Returns:
        The field over the free parameters, generator first. Infinite data (none of ``samples``,
        ``nodes``, ``data``, ``latent``) are exact to 1e-13.

    Raises:
        ValueError: as ``sigmoid_classifier`` does.

    Example:
        >>> import numpy as np
        >>> gaussian_classifier().jac(np.zeros(2)).round(6)
        array([[-1.377522, -1.377522],
               [ 1.377522, -0.622478]])
    """
    source = _Source.choose(samples, nodes, seed, data, latent, eps)
    fixed = {"W_g": W_g, "b_g": b_g, "W_d": W_d, "b_d": b_d}
    return _tiny_game("gaussian", free, generator_loss, fixed, source, l2, eps, kappa)


@dataclass(frozen=True, eq=False)
class _Source:
    """Where data and latents come from: a measure, or None for the exact normal expectation."""

    data: Measure | None
    latent: Measure | None
    label: str

    @classmethod
    def choose(
        cls,
        samples: int | None,
        nodes: int | None,
        seed: int,
        data: Measure | None,
        latent: Measure | None,
        eps: float,
    ) -> _Source:
        measures = data is not None or latent is not None
        ways = [
            name
            for name, given in (
                ("samples", samples is not None),
                ("nodes", nodes is not None),
                ("data or latent", measures),
            )
            if given
        ]
        if len(ways) > 1:
            raise ValueError(f"give one source of data, got {' and '.join(ways)}")
        if eps and (not ways or (measures and (data is None or latent is None))):
            raise ValueError(
                f"the exact form is for eps=0, got eps={eps}: "
                "give samples=2500 or nodes=120, or measures for both data and latent"
            )
        from gandyn.games.measures import gauss_hermite
        from gandyn.games.measures import samples as draw

        if samples is not None:
            streams = np.random.SeedSequence(seed).generate_state(2)
            real, fake = (draw("normal", samples, seed=int(stream)) for stream in streams)
            return cls(real, fake, f"{samples} samples")
        if nodes is not None:
            rule = gauss_hermite(nodes)
            return cls(rule, rule, f"{nodes} nodes")
        return cls(data, latent, "given measures" if ways else "infinite data")


def _tiny_game(
    classifier: str,
    free: str | Sequence[str],
    generator_loss: str,
    fixed: dict[str, float | None],
    source: _Source,
    l2: float,
    eps: float,
    kappa: float,
) -> VectorField:
    import sympy as sp

    from gandyn.games.symbolic import from_losses

    names = _free_names(free)
    if generator_loss not in ("saturating", "nonsaturating"):
        raise ValueError(f"generator_loss must be 'saturating' or 'nonsaturating', got {generator_loss!r}")
    noise = _noise_constants(names, source)
    symbol = {name: sp.Symbol(name, real=True) for name in (*_PARAMETERS, *_NOISES, "l2", "eps", "kappa")}
    symbol |= {name: sp.S.Zero for name in _NOISES if name not in noise}
    parts = _sigmoid_parts if classifier == "sigmoid" else _gaussian_parts
    real, fake, fooled = parts(source, symbol, symbol["eps"] if eps else sp.S.Zero)
    players = [[symbol[n] for n in names if n.endswith(player)] for player in ("_g", "_d")]
    decay_g, decay_d = (symbol["l2"] * sum(s**2 for s in player) / 2 for player in players)
    constants = {**_fixed_values(names, fixed), **noise, "l2": l2, "kappa": kappa}
    constants |= {"eps": eps} if eps else {}
    return from_losses(
        (-fake if generator_loss == "saturating" else fooled) + decay_g,
        symbol["kappa"] * (real + fake + decay_d),
        generator=players[0],
        discriminator=players[1],
        constants=constants,
        label=f"{classifier} classifier, {source.label}",
    )


def _free_names(free: str | Sequence[str]) -> list[str]:
    names = [name.strip() for name in free.split(",")] if isinstance(free, str) else list(free)
    unknown = [name for name in names if name not in _PARAMETERS]
    if not names or unknown or len(set(names)) < len(names):
        raise ValueError(f"free must name some of {list(_PARAMETERS)}, each once; got {names}")
    return sorted(names, key=list(_PARAMETERS).index)


def _noise_constants(free: list[str], source: _Source) -> dict[str, float]:
    """Return the constants of exact smoothing: noise on a free bias widens what the discriminator sees."""
    exact = source.data is None and source.latent is None
    return {f"noise_{name}": 0.0 for name in free if exact and name in ("b_g", "b_d")}


def _fixed_values(free: list[str], given: dict[str, float | None]) -> dict[str, float]:
    clash = [name for name in free if given[name] is not None]
    if clash:
        raise ValueError(
            f"{clash[0]} is free, so it is part of the state and has no fixed value; "
            f"leave out {clash[0]}={given[clash[0]]}, or take it out of free"
        )
    chosen = {name: value for name, value in given.items() if value is not None}
    return {name: chosen.get(name, value) for name, value in _PARAMETERS.items() if name not in free}


def _sigmoid_parts(
    source: _Source, symbol: dict[str, sp.Symbol], eps: Any
) -> tuple[sp.Expr, sp.Expr, sp.Expr]:
    """Return -E log d(x), -E log(1 - d(g(z))) and -E log d(g(z)); eps inside each logarithm."""
    import sympy as sp

    from gandyn.games.gaussian import Softplus
    from gandyn.games.symbolic import E

    W_d, b_d, spread, m, tau = _seen(symbol)
    x = sp.Symbol("x", real=True)
    loss = lambda s: -sp.log(1 / (1 + sp.exp(-s)) + eps) if eps else sp.log(1 + sp.exp(-s))
    real = Softplus(0, -b_d, spread) if source.data is None else E(loss(W_d * x + b_d), x=source.data)
    if source.latent is None:
        return real, Softplus(0, m, tau), Softplus(0, -m, tau)
    fake, fooled = (E(loss(sign * (m + tau * x)), x=source.latent) for sign in (-1, 1))
    return real, fake, fooled


def _gaussian_parts(
    source: _Source, symbol: dict[str, sp.Symbol], eps: Any
) -> tuple[sp.Expr, sp.Expr, sp.Expr]:
    """Return -E log d(x), -E log(1 - d(g(z))) and -E log d(g(z)); eps inside each logarithm."""
    import sympy as sp

    from gandyn.games.gaussian import Gap
    from gandyn.games.symbolic import E

    W_d, b_d, _, m, tau = _seen(symbol)
    x = sp.Symbol("x", real=True)
    accept = lambda s: -sp.log(sp.exp(-(s**2)) + eps) if eps else s**2
    real = W_d**2 + b_d**2 if source.data is None else E(accept(W_d * x + b_d), x=source.data)
    if source.latent is None:
        return real, Gap(0, m, tau), m**2 + tau**2
    s = m + tau * x
    return real, E(-sp.log(1 - sp.exp(-(s**2)) + eps), x=source.latent), E(accept(s), x=source.latent)


def _seen(symbol: dict[str, sp.Symbol]) -> tuple[sp.Expr, sp.Expr, sp.Expr, sp.Expr, sp.Expr]:
    """Return W_d, b_d, and of ``s = W_d x + b_d`` the spread on data, and mean and spread on fakes.

    Normal noise on a bias adds its variance to that of s: an exact smoothing of the field, since the
    average of a gradient over noise is the gradient of the averaged loss.
    """
    import sympy as sp

    W_g, b_g, W_d, b_d, noise_g, noise_d = (symbol[name] for name in (*_PARAMETERS, *_NOISES))
    if noise_g == noise_d == 0:
        return W_d, b_d, W_d, W_d * b_g + b_d, W_d * W_g
    on_data, on_fakes = W_d**2 + noise_d**2, W_d**2 * (W_g**2 + noise_g**2) + noise_d**2
    return W_d, b_d, sp.sqrt(on_data), W_d * b_g + b_d, sp.sqrt(on_fakes)
