"""Small games in closed form: polynomial losses, their hidden relatives, and linear-quadratic GANs."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from gandyn.field import VectorField

__all__ = [
    "balduzzi",
    "bilinear",
    "hidden_bilinear",
    "hopf",
    "lq_wgan",
    "matching_pennies",
    "nagarajan_kolter",
]


def bilinear(a: float = 1.0, n: int = 1, matrix: Any = None) -> VectorField:
    """Return the bilinear game ``min_x max_y a x^T M y``, the model of pure rotation.

    ``v = (-a M y, a M^T x)``: eigenvalues +-i a s for each singular value s of M (and zeros when the
    players differ in dimension), ``|x|^2 + |y|^2`` conserved. Simultaneous descent of any step size
    diverges (Mescheder, Nowozin, Geiger 2017, "The numerics of GANs"); alternating descent does not
    (Gidel et al. 2019).

    Args:
        a: strength of the coupling.
        n: dimension of each player when no matrix is given: M is the identity.
        matrix: M, float, shape (p, q); then x has p entries and y has q.

    Returns:
        The field; its state is (x, y) for n = 1, else (x1, ..., xp, y1, ..., yq).

    Raises:
        ValueError: ``n`` below one, or a matrix that is not two-dimensional and finite.

    Example:
        >>> bilinear(2.0)(np.array([1.0, 3.0]))
        array([-6.,  2.])
        >>> bilinear(matrix=[[1.0, 2.0]]).layout.names
        ('x1', 'y1', 'y2')
    """
    import sympy as sp

    from gandyn.games.symbolic import from_losses

    if n < 1:
        raise ValueError(f"n, the dimension of each player, must be at least 1, got {n}")
    coupling = np.eye(n) if matrix is None else np.asarray(matrix, dtype=float)
    if coupling.ndim != 2 or not coupling.size or not np.all(np.isfinite(coupling)):
        raise ValueError(f"matrix must be finite and of shape (p, q), got shape {coupling.shape}")
    p, q = coupling.shape
    scalar = matrix is None and n == 1
    x = sp.symbols("x" if scalar else f"x1:{p + 1}", real=True, seq=True)
    y = sp.symbols("y" if scalar else f"y1:{q + 1}", real=True, seq=True)
    strength = sp.Symbol("a", real=True)
    loss = sum(strength * coupling[i, j] * x[i] * y[j] for i in range(p) for j in range(q) if coupling[i, j])
    return from_losses(
        loss, -loss, generator=x, discriminator=y, constants={"a": a}, label=f"bilinear game, {p} x {q}"
    )


def hopf(mu: float = 0.1) -> VectorField:
    """Return a zero-sum game with a supercritical Hopf bifurcation at mu = 0.

    ``L = x y - mu x^2 / 2 + mu y^2 / 2 + x^4 / 4 - y^4 / 4``, L_G = L, L_D = -L, hence
    ``v = (-y + mu x - x^3, x + mu y - y^3)``. Eigenvalues at the origin mu +- i; for small mu > 0 a
    stable limit cycle of radius about sqrt(4 mu / 3) and period about 2 pi: a game whose training
    settles on a cycle (compare Hsieh, Mertikopoulos, Cevher 2021, "The limits of min-max optimization
    algorithms").

    Args:
        mu: growth rate of the equilibrium.

    Returns:
        The field, state (x, y).

    Example:
        >>> np.linalg.eigvals(hopf(0.25).jac(np.zeros(2)))
        array([0.25+1.j, 0.25-1.j])
    """
    import sympy as sp

    x, y, growth = sp.symbols("x y mu", real=True)
    loss = x * y - growth * (x**2 - y**2) / 2 + (x**4 - y**4) / 4
    return _zero_sum(loss, x, y, {"mu": mu}, "Hopf game")


def balduzzi(coupling: float = 10.0) -> VectorField:
    """Return the weakly attracting, strongly rotating game of Balduzzi et al. 2018.

    ``L_G = x^2/2 + c x y``, ``L_D = y^2/2 - c x y``: eigenvalues -1 +- i c ("The mechanics of n-player
    differentiable games", with c = 10). Simultaneous descent is stable only for
    h < 2 / (1 + c^2) = 2/101; symplectic gradient adjustment with weight 1 makes both eigenvalues
    -(1 + c^2) = -101.

    Args:
        coupling: c, the strength of the rotation.

    Returns:
        The field, state (x, y).

    Example:
        >>> balduzzi()(np.array([1.0, 1.0]))
        array([-11.,   9.])
    """
    import sympy as sp

    from gandyn.games.symbolic import from_losses

    x, y, c = sp.symbols("x y coupling", real=True)
    return from_losses(
        x**2 / 2 + c * x * y,
        y**2 / 2 - c * x * y,
        generator=[x],
        discriminator=[y],
        constants={"coupling": coupling},
        label="Balduzzi's game",
    )


def hidden_bilinear(a: float = 1.0) -> VectorField:
    """Return the bilinear game seen through sigmoids, ``min_x max_y a tanh(x/2) tanh(y/2)``.

    Eigenvalues +-i a/4 at the origin; ``cosh x + cosh y`` is conserved, so that every orbit is closed
    (Vlatakis-Gkaragkounis, Flokas, Piliouras 2019, "Poincaré recurrence, cycles and spurious equilibria
    in gradient-descent-ascent for non-convex non-concave zero-sum games").

    Args:
        a: strength of the coupling.

    Returns:
        The field, state (x, y).

    Example:
        >>> np.linalg.eigvals(hidden_bilinear().jac(np.zeros(2))).imag
        array([ 0.25, -0.25])
    """
    import sympy as sp

    x, y, strength = sp.symbols("x y a", real=True)
    loss = strength * sp.tanh(x / 2) * sp.tanh(y / 2)
    return _zero_sum(loss, x, y, {"a": a}, "hidden bilinear game")


def matching_pennies(temperature: float = 0.0) -> VectorField:
    """Return matching pennies in logits, with an entropy bonus for both players.

    Heads has probability sigma(x) for the generator, sigma(y) for the discriminator, who wins one when
    the pennies match and loses one when they do not: ``L = (2 sigma(x) - 1)(2 sigma(y) - 1)``. With S
    the entropy of each player's coin, ``L_G = L - T S(x)``, ``L_D = -L - T S(y)``. The mixed equilibrium
    (0, 0) has eigenvalues -T/4 +- i/4: without entropy all orbits are closed and conserve
    ``cosh x + cosh y``; with it, it attracts (Hofbauer and Hopkins 2005, "Learning in perturbed asymmetric
    games").

    Args:
        temperature: T, weight of the entropies.

    Returns:
        The field, state (x, y).

    Example:
        >>> np.linalg.eigvals(matching_pennies(1.0).jac(np.zeros(2)))
        array([-0.25+0.25j, -0.25-0.25j])
    """
    import sympy as sp

    from gandyn.games.symbolic import from_losses

    x, y, weight = sp.symbols("x y temperature", real=True)
    loss = sp.tanh(x / 2) * sp.tanh(y / 2)
    entropy = lambda s: sp.log(2 * sp.cosh(s / 2)) - s * sp.tanh(s / 2) / 2
    return from_losses(
        loss - weight * entropy(x),
        -loss - weight * entropy(y),
        generator=[x],
        discriminator=[y],
        constants={"temperature": temperature},
        label="matching pennies",
    )


def lq_wgan(sigma: float = 1.0) -> VectorField:
    """Return the linear-quadratic Wasserstein GAN: D(x) = w x^2, G(z) = a z, data N(0, sigma^2).

    ``v = (2 w a, sigma^2 - a^2)`` in (a, w). Equilibria (+-sigma, 0), with eigenvalues +-2 sigma i:
    centres, since ``w^2 - sigma^2 ln|a| + a^2/2`` is conserved; a = 0 is never crossed (Feizi et al.
    2017, "Understanding GANs: the LQG setting"; Nagarajan and Kolter 2017).

    Args:
        sigma: standard deviation of the data.

    Returns:
        The field, state (a, w).

    Example:
        >>> lq_wgan(2.0)(np.array([2.0, 0.5]))
        array([2., 0.])
    """
    import sympy as sp

    from gandyn.games.symbolic import from_losses

    a, w, spread = sp.symbols("a w sigma", real=True)
    return from_losses(
        -w * a**2,
        -w * (spread**2 - a**2),
        generator=[a],
        discriminator=[w],
        constants={"sigma": sigma},
        label="LQ-WGAN",
    )


def nagarajan_kolter(
    loss: Literal["logistic", "wasserstein"] = "logistic", eta: float = 0.0, nodes: int = 64
) -> VectorField:
    """Return the GAN of Nagarajan and Kolter 2017: D(x) = w x^2, G(z) = a z, x and z uniform on [-1, 1].

    ``V = E f(w x^2) + E f(-w a^2 z^2)`` with ``f(t) = -log(1 + exp(-t))``, or ``f(t) = t``;
    ``L_G = V + eta (dV/dw)^2``, ``L_D = -V`` ("Gradient descent GAN optimization is locally stable").
    Eigenvalues at the equilibrium (a, w) = (1, 0), for eta = 0: -1/20 +- i sqrt(1/9 - 1/400) for the
    logistic loss, which is stable; +-2i/3 for Wasserstein, which is not; with the penalty, Wasserstein
    has -4 eta/9 +- sqrt(16 eta^2/81 - 4/9).

    Args:
        loss: ``"logistic"`` or ``"wasserstein"``.
        eta: weight of the squared gradient of the discriminator in the loss of the generator.
        nodes: Gauss-Legendre nodes of the logistic expectations; 64 are exact to 1e-12 for
            \\|w\\| max(1, a^2) up to 20.

    Returns:
        The field, state (a, w).

    Raises:
        ValueError: an unknown loss.

    Example:
        >>> np.linalg.eigvals(nagarajan_kolter().jac(np.array([1.0, 0.0]))).real.round(12)
        array([-0.05, -0.05])
    """
    import sympy as sp

    from gandyn.games.measures import gauss_legendre
    from gandyn.games.symbolic import E, from_losses

    a, w, x, weight = sp.symbols("a w x eta", real=True)
    if loss == "logistic":
        f = lambda t: -sp.log(1 + sp.exp(-t))
        value = E(f(w * x**2) + f(-w * a**2 * x**2), x=gauss_legendre(nodes))
    elif loss == "wasserstein":
        value = w * (1 - a**2) / 3
    else:
        raise ValueError(f"loss must be 'logistic' or 'wasserstein', got {loss!r}")
    return from_losses(
        value + weight * sp.diff(value, w) ** 2,
        -value,
        generator=[a],
        discriminator=[w],
        constants={"eta": eta},
        label=f"Nagarajan-Kolter GAN, {loss}",
    )


def _zero_sum(loss: Any, x: Any, y: Any, constants: dict[str, float], label: str) -> VectorField:
    from gandyn.games.symbolic import from_losses

    return from_losses(loss, -loss, generator=[x], discriminator=[y], constants=constants, label=label)
