"""Games about mixtures of Gaussians in one dimension: the smallest GANs with modes to lose."""

from __future__ import annotations

from gandyn.field import VectorField

__all__ = ["gaussian_mixture", "two_gaussians"]


def two_gaussians(
    target1: float = -1.0, target2: float = 1.0, kappa: float = 1.0, signed: bool = False
) -> VectorField:
    """Return the two-Gaussian GAN of Li, Madry, Peebles, Schmidt 2018, state (mu1, mu2, l1, r1, l2, r2).

    Real data are ``p = N(target1, 1)/2 + N(target2, 1)/2``, the generator makes ``q = N(mu1, 1)/2 +
    N(mu2, 1)/2``, and the discriminator is one on two intervals, ``D = 1[l1, r1] + 1[l2, r2]``. The zero-sum
    loss ``L = E_p D + 1 - E_q D`` is a sum of normal distribution functions, L_G = L, L_D = -kappa L
    ("On the limitations of first-order approximation in GAN dynamics").

    Known facts: the edges climb along +-(p - q), so that they rest where p = q, and every edge rests when
    the generator is right. With the best discriminator at each step training converges. With gradient
    steps it does from some starts only: an interval on which p < q shrinks until it is empty, and an empty
    interval has no gradient (discriminator collapse). mu1 = mu2 is invariant: merged modes never part.

    Args:
        target1: mean of the first real mode.
        target2: mean of the second real mode.
        kappa: learning rate of the discriminator over that of the generator.
        signed: count an interval with r < l negatively, which makes the field smooth; by default it is
            empty, and the field jumps at l = r.

    Returns:
        The field, six-dimensional.

    Example:
        >>> import numpy as np
        >>> at_target = np.array([-1.0, 1.0, -2.0, -0.5, 0.5, 2.0])
        >>> two_gaussians()(at_target)[2:].round(12) + 0.0
        array([0., 0., 0., 0.])
    """
    import sympy as sp

    from gandyn.games.symbolic import from_losses

    mu = sp.symbols("mu1 mu2", real=True)
    edges = sp.symbols("l1 r1 l2 r2", real=True)
    targets = sp.symbols("target1 target2", real=True)
    rate = sp.Symbol("kappa", real=True)
    below = lambda edge, means: sum(sp.erf((edge - mean) / sp.sqrt(2)) for mean in means) / 4
    excess = lambda edge: below(edge, targets) - below(edge, mu)
    gains = [(left, right, excess(right) - excess(left)) for left, right in (edges[:2], edges[2:])]
    loss = sum(
        gain if signed else sp.Piecewise((gain, right > left), (0, True)) for left, right, gain in gains
    )
    return from_losses(
        loss,
        -rate * loss,
        generator=mu,
        discriminator=edges,
        constants={"target1": target1, "target2": target2, "kappa": kappa},
        label="two-Gaussian game",
    )


def gaussian_mixture(
    center: float = 2.0, spread: float = 0.5, r1: float = 0.0, kappa: float = 1.0, nodes: int = 60
) -> VectorField:
    """Return a GAN that must cover two modes, state (mu1, mu2, w1, w2).

    Real data are ``N(-c, s^2)/2 + N(c, s^2)/2``, the generator makes ``N(mu1, s^2)/2 + N(mu2, s^2)/2``,
    and the discriminator is logistic in two features, ``d = sigma(w1 x + w2 (x^2 - c^2 - s^2))``; both
    losses are the zero-sum logistic ones, with an optional penalty r1 |w|^2 / 2.

    Known facts: (c, -c, 0, 0) and (-c, c, 0, 0) are the only fixed points with w = 0, where the
    eigenvalues are those of ``[[0, B], [-B^T, -C]]``, C half the features' second moment and B their
    gradient; they are stable. mu1 = mu2 is invariant: a generator that starts collapsed stays so, and
    comes to rest off the data's modes at a saddle whose one unstable direction parts the modes, slowly
    (at c = 2, s = 0.5 near (1.896, 1.896, -0.524, 0.138), growth rate 0.0377).

    Args:
        center: c, half the distance between the modes, > 0.
        spread: s, standard deviation of each mode, > 0.
        r1: weight of the penalty on w.
        kappa: learning rate of the discriminator over that of the generator.
        nodes: Gauss-Hermite nodes for each mode.

    Returns:
        The field, four-dimensional.

    Example:
        >>> import numpy as np
        >>> field = gaussian_mixture()
        >>> field(np.array([2.0, -2.0, 0.0, 0.0])).round(12) + 0.0
        array([0., 0., 0., 0.])
    """
    import sympy as sp

    from gandyn.games.measures import gauss_hermite
    from gandyn.games.symbolic import E, from_losses

    mu1, mu2, w1, w2, z = sp.symbols("mu1 mu2 w1 w2 z", real=True)
    c, s, penalty, rate = sp.symbols("center spread r1 kappa", real=True)
    logit = lambda x: w1 * x + w2 * (x**2 - c**2 - s**2)
    softplus = lambda t: sp.log(1 + sp.exp(t))
    pair = lambda sign, means: sum(softplus(sign * logit(mean + s * z)) for mean in means) / 2
    rule = gauss_hermite(nodes)
    real, fake = E(pair(-1, (-c, c)), z=rule), E(pair(1, (mu1, mu2)), z=rule)
    return from_losses(
        -fake,
        rate * (real + fake + penalty * (w1**2 + w2**2) / 2),
        generator=[mu1, mu2],
        discriminator=[w1, w2],
        constants={"center": center, "spread": spread, "r1": r1, "kappa": kappa},
        label="Gaussian-mixture game",
    )
