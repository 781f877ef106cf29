"""The Dirac-GAN: the smallest GAN, one parameter for each player, with every regulariser in use.

Real data are one point at 0, the generator makes one point at ``theta``, the discriminator is
``D(x) = psi x`` (Mescheder, Geiger, Nowozin 2018, "Which training methods for GANs do actually converge?").
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

from gandyn.field import VectorField

if TYPE_CHECKING:
    import sympy as sp

__all__ = ["DiracLoss", "DiracRegularizer", "dirac_gan"]

DiracLoss: TypeAlias = Literal["saturating", "nonsaturating", "wasserstein"]
DiracRegularizer: TypeAlias = Literal["none", "r1", "r2", "consensus", "noise", "gradient_penalty"]

#: The constants that each regulariser brings, with the values of the gallery of Mescheder et al. 2018.
_CONSTANTS: dict[str, dict[str, float]] = {
    "none": {},
    "r1": {"gamma": 0.3},
    "r2": {"gamma": 0.3},
    "consensus": {"gamma": 1.0},
    "noise": {"sigma": 0.7},
    "gradient_penalty": {"lam": 0.7, "g0": 1.0},
}


def dirac_gan(
    loss: DiracLoss = "saturating",
    regularizer: DiracRegularizer = "none",
    *,
    gamma: float | None = None,
    sigma: float | None = None,
    lam: float | None = None,
    g0: float | None = None,
    kappa: float = 1.0,
) -> VectorField:
    """Return the Dirac-GAN, state (theta, psi).

    With ``f(t) = -log(1 + exp(-t))``, or ``f(t) = t`` for the Wasserstein loss::

        L_D = kappa (-f(psi theta) - f(0) + penalty)
        L_G = f(psi theta)         saturating and Wasserstein
        L_G = -f(-psi theta)       nonsaturating

    - ``r1``, ``r2``: penalty gamma psi^2 / 2, on the gradient at real or at fake points (equal here).
      gamma < 0 is allowed: it turns the equilibrium into a source.
    - ``consensus``: both losses gain gamma |v|^2 / 2, v the field without it (Mescheder et al. 2017).
    - ``noise``: instance noise of standard deviation sigma on real and fake points, exactly.
    - ``gradient_penalty``: lam (\\|psi\\| - g0)^2 / 2 (WGAN-GP); the velocity jumps at psi = 0.

    Known facts at the equilibrium (0, 0): eigenvalues +-i/2 for both logistic losses, +-i for
    Wasserstein; R1 gives -gamma/2 +- sqrt(gamma^2/4 - 1/4), critical at gamma = 1; noise
    -sigma^2/4 +- sqrt(sigma^4/16 - 1/4), critical at sigma = sqrt(2); consensus -gamma/4 +- i/2. The
    saturating game conserves theta^2 + psi^2. WGAN-GP has a limit cycle of amplitude
    ``lam g0 coth(pi lam / 4 omega)`` in theta and period 2 pi / omega, ``omega = sqrt(1 - lam^2/4)``.

    Args:
        loss: ``"saturating"``, ``"nonsaturating"`` or ``"wasserstein"``.
        regularizer: ``"none"``, ``"r1"``, ``"r2"``, ``"consensus"``, ``"noise"`` or
            ``"gradient_penalty"``.
        gamma: weight of r1, r2 (default 0.3) or consensus (default 1).
        sigma: standard deviation of the instance noise, default 0.7.
        lam: weight of the gradient penalty, default 0.7.
        g0: its target slope, default 1.
        kappa: learning rate of the discriminator over that of the generator.

    Returns:
        The field, with the constants of its regulariser and kappa adjustable.

    Raises:
        ValueError: an unknown loss or regulariser, a constant that the regulariser does not have, or
            noise on the Wasserstein loss, where it has no effect.

    Example:
        >>> import numpy as np
        >>> dirac_gan("wasserstein")(np.array([0.0, 1.0]))
        array([-1., 0.])
        >>> np.linalg.eigvals(dirac_gan(regularizer="r1", gamma=1.0).jac(np.zeros(2))).real
        array([-0.5, -0.5])
    """
    _check_choice("loss", loss, get_args(DiracLoss))
    _check_choice("regularizer", regularizer, get_args(DiracRegularizer))
    if loss == "wasserstein" and regularizer == "noise":
        raise ValueError(
            "instance noise has no effect on the Wasserstein loss, whose discriminator is linear: "
            'use regularizer="none", or a logistic loss'
        )
    given = {"gamma": gamma, "sigma": sigma, "lam": lam, "g0": g0}
    constants = _constants(regularizer, {name: value for name, value in given.items() if value is not None})
    return _field(loss, regularizer, {**constants, "kappa": kappa})


def _check_choice(what: str, value: Any, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise ValueError(f"{what} must be one of {list(choices)}, got {value!r}")


def _constants(regularizer: str, given: dict[str, float]) -> dict[str, float]:
    foreign = sorted(set(given) - set(_CONSTANTS[regularizer]))
    if foreign:
        owners = [name for name, constants in _CONSTANTS.items() if foreign[0] in constants]
        raise ValueError(
            f"the Dirac-GAN has no constant {foreign[0]} with regularizer={regularizer!r}; "
            f"it belongs to regularizer={' or '.join(map(repr, owners))}"
        )
    return {**_CONSTANTS[regularizer], **given}


def _field(loss: str, regularizer: str, constants: dict[str, float]) -> VectorField:
    import sympy as sp

    from gandyn.games.symbolic import from_losses

    theta, psi, kappa = sp.symbols("theta psi kappa", real=True)
    sigma = sp.Symbol("sigma", real=True) if regularizer == "noise" else sp.S.Zero
    loss_g, loss_d = _losses(loss, theta, psi, psi * sigma)
    loss_d = loss_d + _penalty(regularizer, psi)
    if regularizer == "consensus":
        slope = (sp.diff(loss_g, theta) ** 2 + sp.diff(loss_d, psi) ** 2) / 2
        loss_g, loss_d = (each + sp.Symbol("gamma", real=True) * slope for each in (loss_g, loss_d))
    return from_losses(
        loss_g,
        kappa * loss_d,
        generator=[theta],
        discriminator=[psi],
        constants=constants,
        label=f"Dirac-GAN, {loss}" + (f", {regularizer}" if regularizer != "none" else ""),
    )


def _losses(loss: str, theta: sp.Symbol, psi: sp.Symbol, spread: sp.Expr) -> tuple[sp.Expr, sp.Expr]:
    """Return both losses where ``spread`` is the standard deviation of D at a noisy point."""
    value = psi * theta
    if loss == "wasserstein":
        return value, -value
    discriminator = _softplus(-value, spread) + _softplus(0 * value, spread)
    return (-_softplus(-value, spread) if loss == "saturating" else _softplus(value, spread)), discriminator


def _softplus(mean: sp.Expr, spread: sp.Expr) -> sp.Expr:
    import sympy as sp

    if spread == 0:
        return sp.log(1 + sp.exp(mean))
    from gandyn.games.gaussian import Softplus

    return Softplus(0, mean, spread)


def _penalty(regularizer: str, psi: sp.Symbol) -> sp.Expr:
    import sympy as sp

    gamma, lam, g0 = sp.symbols("gamma lam g0", real=True)
    if regularizer in ("r1", "r2"):
        return gamma * psi**2 / 2
    if regularizer == "gradient_penalty":
        size = sp.Piecewise((psi, psi > 0), (-psi, psi < 0), (0, True))
        return lam * (psi**2 / 2 - g0 * size)
    return sp.S.Zero
