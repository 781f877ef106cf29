"""Rules by which players learn to play, known to be chaotic: as flows of mixed strategies, and as a map."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gandyn.field import UpdateMap, VectorField

if TYPE_CHECKING:
    import sympy as sp

__all__ = ["congestion_game", "rock_paper_scissors"]


def rock_paper_scissors(eps_x: float = 0.5, eps_y: float = -0.5) -> VectorField:
    """Return two players who learn rock, paper, scissors, in logits.

    With mixed strategies x and y, ``u_i = ln(x_i / x_1)`` and ``w_i = ln(y_i / y_1)`` for i = 2, 3, and
    payoffs ``A = [[eps_x, -1, 1], [1, eps_x, -1], [-1, 1, eps_x]]``, B likewise with eps_y::

        u_i' = (A y)_i - (A y)_1        w_i' = (B x)_i - (B x)_1

    which is the replicator equation ``x_i' = x_i ((A y)_i - x A y)``. A step of simultaneous descent is
    a step of multiplicative weights. Ties pay eps_x to one player, eps_y to the other.

    Known facts: the velocity has no divergence. At (0, 0, 0, 0), where all three are as likely,
    ``lambda^2 = (eps_x -+ i sqrt(3)) (eps_y -+ i sqrt(3)) / 9``. The game is zero-sum for
    ``eps_x = -eps_y = eps``; then lambda = +-i sqrt(3 + eps^2) / 3, twice, the flow is Hamiltonian and
    conserves ``sum ln x_i + sum ln y_i``, so that exponents come in pairs +-. It is integrable for
    eps = 0; else tori and chaos lie side by side (Sato, Akiyama and Farmer 2002, "Chaos in learning a
    simple two-person game").

    Args:
        eps_x: payoff of a tie for the first player, the generator.
        eps_y: payoff of a tie for the second player, the discriminator.

    Returns:
        The flow, state (u2, u3, w2, w3).

    Example:
        >>> import numpy as np
        >>> rock_paper_scissors()(np.zeros(4))
        array([0., 0., 0., 0.])
        >>> np.linalg.eigvals(rock_paper_scissors(0.0, 0.0).jac(np.zeros(4))).imag.round(6)
        array([ 0.57735, -0.57735,  0.57735, -0.57735])
    """
    import sympy as sp

    from gandyn.games.symbolic import from_expressions

    first, second = sp.symbols("u2 u3", real=True), sp.symbols("w2 w3", real=True)
    eps = sp.symbols("eps_x eps_y", real=True)
    components = [*_advantage(eps[0], second), *_advantage(eps[1], first)]
    field: VectorField = from_expressions(
        components,
        generator=first,
        discriminator=second,
        constants={"eps_x": eps_x, "eps_y": eps_y},
        label="rock, paper, scissors",
    )
    return field


def _advantage(eps: sp.Symbol, logits: Any) -> list[sp.Expr]:
    """Return by how much paper and scissors beat rock in payoff against an opponent."""
    import sympy as sp

    odds = [sp.S.One, *(sp.exp(logit) for logit in logits)]
    payoff = [eps * odds[i] - odds[(i + 1) % 3] + odds[(i + 2) % 3] for i in range(3)]
    return [(payoff[i] - payoff[0]) / sum(odds) for i in (1, 2)]


def congestion_game(a: float = 12.0, b: float = 0.7) -> UpdateMap:
    """Return multiplicative weights of a crowd on two roads, ``x' = x / (x + (1 - x) exp(a (x - b)))``.

    x is the share of the crowd on the first road; a is the step size times the demand; at x = b both
    roads take as long.

    Known facts: the fixed point b has multiplier ``1 - a b (1 - b)`` and is stable for
    ``a < 2 / (b (1 - b))``. Whatever a, the mean of x along an orbit within (0, 1) is b. For b = 1/2 a
    cycle of period 2 attracts beyond a = 8; for any other b large a is chaotic in the sense of Li and
    Yorke (Palaiopanos, Panageas and Piliouras 2017, "Multiplicative weights update with constant
    step-size in congestion games"; Chotibut, Falniowski, Misiurewicz and Piliouras 2020, "The route to
    chaos in routing games").

    Args:
        a: step size times demand.
        b: share at equilibrium, between 0 and 1.

    Returns:
        The map, state (x), counted in steps.

    Raises:
        ValueError: ``b`` is not between 0 and 1.

    Example:
        >>> import numpy as np
        >>> float(congestion_game(a=8.0, b=0.5).jac(np.array([0.5]))[0, 0])
        -1.0
    """
    if not 0 < b < 1:
        raise ValueError(f"b must be a share between 0 and 1, got {b}")
    import sympy as sp

    from gandyn.games.symbolic import from_expressions

    x, demand, share = sp.symbols("x a b", real=True)
    step: UpdateMap = from_expressions(
        [x / (x + (1 - x) * sp.exp(demand * (x - share)))],
        state=[x],
        constants={"a": a, "b": b},
        kind="map",
        label="multiplicative weights in a congestion game",
    )
    return step
