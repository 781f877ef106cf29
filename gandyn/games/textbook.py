"""Textbook flows and maps whose fixed points, exponents and cycles are known, to validate the numerics."""

from __future__ import annotations

from typing import Any

import numpy as np

from gandyn.field import Layout, UpdateMap, VectorField

__all__ = [
    "brusselator",
    "cat_map",
    "cubic_map",
    "duffing",
    "fitzhugh_nagumo",
    "henon",
    "hopf_normal_form",
    "linear",
    "logistic",
    "lorenz",
    "lotka_volterra",
    "pendulum",
    "pitchfork",
    "rossler",
    "standard_map",
    "towel_map",
    "van_der_pol",
]


def _flow(names: str, components: Any, label: str, **constants: float) -> VectorField:
    """Return the flow whose velocity ``components(*state, *constants)`` gives."""
    field: VectorField = _system(names, components, label, "flow", constants)
    return field


def _map(names: str, components: Any, label: str, **constants: float) -> UpdateMap:
    """Return the map whose next state ``components(*state, *constants)`` gives."""
    update: UpdateMap = _system(names, components, label, "map", constants)
    return update


def _system(names: str, components: Any, label: str, kind: Any, constants: dict[str, float]) -> Any:
    import sympy as sp

    from gandyn.games.symbolic import from_expressions

    state = sp.symbols(names, real=True, seq=True)
    parameters = [sp.Symbol(name, real=True) for name in constants]
    return from_expressions(
        components(*state, *parameters), state=state, constants=constants, kind=kind, label=label
    )


def linear(matrix: Any = ((-0.1, -1.0), (1.0, -0.1))) -> VectorField:
    """Return the linear flow v = A x, whose eigenvalues are those of A.

    Args:
        matrix: A, float, shape (n, n); the default is a weakly stable focus, -0.1 +- i.

    Returns:
        The flow, state (x1, ..., xn).

    Raises:
        ValueError: a matrix that is not square and finite.

    Example:
        >>> linear([[-1.0]])(np.array([2.0]))
        array([-2.])
    """
    A = np.asarray(matrix, dtype=float)
    if A.ndim != 2 or A.shape[0] != A.shape[1] or not A.size or not np.all(np.isfinite(A)):
        raise ValueError(f"matrix must be square and finite, got shape {A.shape}")
    names = " ".join(f"x{i + 1}" for i in range(len(A)))
    rows = lambda *x: [sum(A[i, j] * x[j] for j in range(len(A))) for i in range(len(A))]
    return _flow(names, rows, "linear flow")


def lorenz(sigma: float = 10.0, rho: float = 28.0, beta: float = 8 / 3) -> VectorField:
    """Return the Lorenz system, ``(sigma (y - x), x (rho - z) - y, x y - beta z)``.

    Exponents 0.9056, 0, -14.5722 (their sum is -sigma - 1 - beta = -13.6667 everywhere), Kaplan-Yorke
    dimension 2.0621. For rho > 1 the points C+- = (+-sqrt(beta (rho - 1)), same, rho - 1) exist; they lose
    stability in a subcritical Hopf bifurcation at rho = sigma (sigma + beta + 3)/(sigma - beta - 1) =
    24.7368 (Lorenz 1963).

    Args:
        sigma: Prandtl number.
        rho: Rayleigh number over its critical value.
        beta: geometric factor.

    Returns:
        The flow, state (x, y, z).

    Example:
        >>> lorenz()(np.array([1.0, 1.0, 1.0])).round(6)
        array([ 0.      , 26.      , -1.666667])
    """
    return _flow(
        "x y z",
        lambda x, y, z, s, r, b: [s * (y - x), x * (r - z) - y, x * y - b * z],
        "Lorenz system",
        sigma=sigma,
        rho=rho,
        beta=beta,
    )


def rossler(a: float = 0.2, b: float = 0.2, c: float = 5.7) -> VectorField:
    """Return the Rössler system, ``(-y - z, x + a y, b + z (x - c))``.

    Exponents 0.0714, 0, -5.3942. Fixed points x = (c +- sqrt(c^2 - 4 a b))/2, y = -x/a, z = x/a
    (Rössler 1976).

    Args:
        a: growth rate of the spiral.
        b: inflow into z.
        c: level at which z shoots up.

    Returns:
        The flow, state (x, y, z).

    Example:
        >>> rossler()(np.ones(3))
        array([-2. ,  1.2, -4.5])
    """
    return _flow(
        "x y z",
        lambda x, y, z, a, b, c: [-y - z, x + a * y, b + z * (x - c)],
        "Rössler system",
        a=a,
        b=b,
        c=c,
    )


def van_der_pol(mu: float = 1.0) -> VectorField:
    """Return the van der Pol oscillator, ``(y, mu (1 - x^2) y - x)``.

    For mu > 0 one stable limit cycle; at mu = 1 of period 6.663286859323 and exponents 0 and
    -1.059376994842. Eigenvalues at the origin mu/2 +- sqrt(mu^2/4 - 1) (van der Pol 1926).

    Args:
        mu: strength of the nonlinear damping.

    Returns:
        The flow, state (x, y).

    Example:
        >>> van_der_pol()(np.array([2.0, 1.0]))
        array([ 1., -5.])
    """
    return _flow("x y", lambda x, y, mu: [y, mu * (1 - x**2) * y - x], "van der Pol oscillator", mu=mu)


def duffing(
    delta: float = 0.3, alpha: float = -1.0, beta: float = 1.0, gamma: float = 0.0, omega: float = 1.2
) -> VectorField:
    """Return the forced Duffing oscillator, ``x'' = -delta x' - alpha x - beta x^3 + gamma cos(phase)``.

    The phase is the third coordinate and runs at rate omega, so that the flow is autonomous. Its
    divergence is -delta everywhere. Without forcing (gamma = 0, the default) and with alpha < 0 < beta,
    two wells at x = +-sqrt(-alpha/beta) with eigenvalues -delta/2 +- sqrt(delta^2/4 + 2 alpha); with
    gamma = 0.5 chaos (Duffing 1918; Guckenheimer and Holmes 1983).

    Args:
        delta: damping.
        alpha: linear stiffness.
        beta: cubic stiffness.
        gamma: amplitude of the forcing.
        omega: frequency of the forcing.

    Returns:
        The flow, state (x, y, phase).

    Example:
        >>> duffing()(np.array([1.0, 0.0, 0.0]))
        array([0. , 0. , 1.2])
    """
    import sympy as sp

    return _flow(
        "x y phase",
        lambda x, y, p, d, a, b, g, w: [y, -d * y - a * x - b * x**3 + g * sp.cos(p), w],
        "Duffing oscillator",
        delta=delta,
        alpha=alpha,
        beta=beta,
        gamma=gamma,
        omega=omega,
    )


def pendulum(damping: float = 0.0) -> VectorField:
    """Return the pendulum, ``(p, -sin(theta) - damping p)``.

    Without damping it conserves p^2/2 - cos(theta): centres at theta = 2 pi k with eigenvalues +-i, saddles
    at odd multiples of pi with eigenvalues +-1, joined by the separatrix of energy 1.

    Args:
        damping: coefficient of friction.

    Returns:
        The flow, state (theta, p).

    Example:
        >>> pendulum(0.5)(np.array([0.0, 2.0]))
        array([ 2., -1.])
    """
    import sympy as sp

    return _flow("theta p", lambda theta, p, d: [p, -sp.sin(theta) - d * p], "pendulum", damping=damping)


def lotka_volterra(
    alpha: float = 1.0, beta: float = 1.0, gamma: float = 1.0, delta: float = 1.0
) -> VectorField:
    """Return predator and prey, ``(alpha x - beta x y, delta x y - gamma y)``.

    Centre at (gamma/delta, alpha/beta) with eigenvalues +-i sqrt(alpha gamma), saddle at the origin;
    ``delta x - gamma ln x + beta y - alpha ln y`` is conserved (Lotka 1925, Volterra 1926).

    Args:
        alpha: growth rate of the prey x.
        beta: rate at which it is eaten.
        gamma: death rate of the predator y.
        delta: rate at which it grows on prey.

    Returns:
        The flow, state (x, y).

    Example:
        >>> lotka_volterra()(np.array([2.0, 1.0]))
        array([0., 1.])
    """
    return _flow(
        "x y",
        lambda x, y, a, b, c, d: [a * x - b * x * y, d * x * y - c * y],
        "Lotka-Volterra system",
        alpha=alpha,
        beta=beta,
        gamma=gamma,
        delta=delta,
    )


def brusselator(a: float = 1.0, b: float = 3.0) -> VectorField:
    """Return the Brusselator, ``(a + x^2 y - (b + 1) x, b x - x^2 y)``.

    Fixed point (a, b/a) with trace b - 1 - a^2 and determinant a^2: a supercritical Hopf bifurcation at
    b = 1 + a^2, of frequency a (Prigogine and Lefever 1968).

    Args:
        a: feed.
        b: control parameter.

    Returns:
        The flow, state (x, y).

    Example:
        >>> brusselator()(np.array([1.0, 3.0]))
        array([0., 0.])
    """
    return _flow(
        "x y",
        lambda x, y, a, b: [a + x**2 * y - (b + 1) * x, b * x - x**2 * y],
        "Brusselator",
        a=a,
        b=b,
    )


def fitzhugh_nagumo(
    current: float = 0.5, a: float = 0.7, b: float = 0.8, epsilon: float = 0.08
) -> VectorField:
    """Return the FitzHugh-Nagumo neuron, ``(v - v^3/3 - w + I, epsilon (v + a - b w))``.

    One fixed point for b < 1; it is unstable, inside a relaxation cycle, where v^2 < 1 - b epsilon
    (FitzHugh 1961, Nagumo et al. 1962).

    Args:
        current: I, the input.
        a: offset of the recovery.
        b: strength of the recovery's own decay.
        epsilon: ratio of the time scales.

    Returns:
        The flow, state (v, w).

    Example:
        >>> fitzhugh_nagumo()(np.zeros(2))
        array([0.5  , 0.056])
    """
    return _flow(
        "v w",
        lambda v, w, i, a, b, e: [v - v**3 / 3 - w + i, e * (v + a - b * w)],
        "FitzHugh-Nagumo neuron",
        current=current,
        a=a,
        b=b,
        epsilon=epsilon,
    )


def hopf_normal_form(mu: float = 0.25, omega: float = 1.0, l1: float = -1.0) -> VectorField:
    """Return the Hopf normal form, ``r' = mu r + l1 r^3``, ``phi' = omega``.

    Eigenvalues mu +- i omega; the cycle r = sqrt(-mu/l1) exists for mu/l1 < 0, is stable for l1 < 0
    (supercritical), has period 2 pi/omega and exponents 0, -2 mu.

    Args:
        mu: growth rate at the origin.
        omega: angular velocity.
        l1: sign and size of the cubic term.

    Returns:
        The flow, state (x, y).

    Example:
        >>> hopf_normal_form()(np.array([0.5, 0.0]))
        array([0. , 0.5])
    """

    def components(x: Any, y: Any, mu: Any, omega: Any, l1: Any) -> list[Any]:
        growth = mu + l1 * (x**2 + y**2)
        return [growth * x - omega * y, omega * x + growth * y]

    return _flow("x y", components, "Hopf normal form", mu=mu, omega=omega, l1=l1)


def pitchfork(mu: float = 1.0, tilt: float = 0.0) -> VectorField:
    """Return the pitchfork normal form with its unfolding, ``x' = mu x - x^3 + tilt``.

    Without tilt: x = 0 (eigenvalue mu) and, for mu > 0, x = +-sqrt(mu) (eigenvalue -2 mu). With tilt the
    pitchfork breaks; folds lie at ``tilt = +-2 (mu/3)^(3/2)``.

    Args:
        mu: distance from the bifurcation.
        tilt: imperfection.

    Returns:
        The flow, state (x).

    Example:
        >>> pitchfork()(np.array([2.0]))
        array([-6.])
    """
    return _flow("x", lambda x, mu, tilt: [mu * x - x**3 + tilt], "pitchfork", mu=mu, tilt=tilt)


def henon(a: float = 1.4, b: float = 0.3) -> UpdateMap:
    """Return the Hénon map, ``(1 - a x^2 + y, b x)``.

    Exponents 0.41913 and -1.62310, whose sum is ln|b| at every step. Fixed points
    x = (b - 1 +- sqrt((1 - b)^2 + 4 a))/(2 a), y = b x, both saddles (Hénon 1976).

    Args:
        a: bending.
        b: contraction: the Jacobian's determinant is -b.

    Returns:
        The map, state (x, y).

    Example:
        >>> henon()(np.array([1.0, 0.0]))
        array([-0.4,  0.3])
    """
    return _map("x y", lambda x, y, a, b: [1 - a * x**2 + y, b * x], "Hénon map", a=a, b=b)


def logistic(r: float = 4.0) -> UpdateMap:
    """Return the logistic map, ``r x (1 - x)``.

    Exponent ln 2 at r = 4; at r = 3.2 the stable 2-cycle has multiplier 4 + 2 r - r^2 = 0.16, hence
    exponent ln(0.16)/2. Fixed points 0 (multiplier r) and 1 - 1/r (multiplier 2 - r) (May 1976).

    Args:
        r: growth.

    Returns:
        The map, state (x).

    Example:
        >>> logistic()(np.array([0.25]))
        array([0.75])
    """
    return _map("x", lambda x, r: [r * x * (1 - x)], "logistic map", r=r)


def cubic_map(h: float = 2.0) -> UpdateMap:
    """Return gradient descent of step h on the double well x^4/4 - x^2/2: ``(1 + h) x - h x^3``.

    The wells x = +-1 have multiplier 1 - 2 h and lose stability at h = 1 (period doubling); at h = 2 the
    map is conjugate to the Chebyshev polynomial T3, chaotic with exponent ln 3 a step. Orbits stay bounded
    inside \\|x\\| <= sqrt((h + 2)/h). Counted in steps: dt = 1.

    Args:
        h: step size.

    Returns:
        The map, state (x).

    Example:
        >>> cubic_map()(np.array([1.0]))
        array([1.])
    """
    return _map("x", lambda x, h: [(1 + h) * x - h * x**3], "cubic map", h=h)


def standard_map(K: float = 0.971635406) -> UpdateMap:
    """Return the Chirikov standard map, ``p' = p + K sin(theta)``, ``theta' = theta + p'``.

    Area-preserving. (0, 0) has multipliers of product 1 and sum 2 + K, a saddle for K > 0; (pi, 0) of sum
    2 - K, a centre for K < 4. The last rotational circle breaks at K = 0.971635406 (Chirikov 1979,
    Greene 1979). The angle is not wrapped: take it modulo 2 pi to draw it.

    Args:
        K: strength of the kick.

    Returns:
        The map, state (theta, p).

    Example:
        >>> standard_map(1.0)(np.array([np.pi / 2, 0.0])).round(6)
        array([2.570796, 1.      ])
    """
    import sympy as sp

    return _map(
        "theta p",
        lambda theta, p, K: [theta + p + K * sp.sin(theta), p + K * sp.sin(theta)],
        "standard map",
        K=K,
    )


def towel_map() -> UpdateMap:
    """Return Rössler's folded-towel map, a hyperchaotic map of three dimensions (Rössler 1979).

    ``(3.8 x (1 - x) - 0.05 (y + 0.35)(1 - 2 z), 0.1 ((y + 0.35)(1 - 2 z) - 1)(1 - 1.9 x),
    3.78 z (1 - z) + 0.2 y)``: two positive exponents.

    Returns:
        The map, state (x, y, z).

    Example:
        >>> towel_map()(np.zeros(3)).round(6)
        array([-0.0175, -0.065 ,  0.    ])
    """

    def components(x: Any, y: Any, z: Any) -> list[Any]:
        fold = (y + 0.35) * (1 - 2 * z)
        return [
            3.8 * x * (1 - x) - 0.05 * fold,
            0.1 * (fold - 1) * (1 - 1.9 * x),
            3.78 * z * (1 - z) + 0.2 * y,
        ]

    return _map("x y z", components, "folded-towel map")


def cat_map() -> UpdateMap:
    """Return Arnold's cat map on the torus, ``(2 x + y, x + y) mod 1``.

    Its Jacobian is constant, with eigenvalues (3 +- sqrt 5)/2 = 2.618 and 0.382, hence exponents
    +-ln((3 + sqrt 5)/2) = +-0.962424 (Arnold 1967). In floating point every orbit is periodic in the end.

    Returns:
        The map, state (x, y).

    Example:
        >>> cat_map()(np.array([0.5, 0.25]))
        array([0.25, 0.75])
    """
    matrix = np.array([[2.0, 1.0], [1.0, 1.0]])
    return UpdateMap(
        lambda x, k: np.mod(x @ matrix.T, 1.0),
        Layout.scalars(state=["x", "y"]),
        jac=lambda x, k: np.broadcast_to(matrix, (*x.shape, 2)),
        label="cat map",
    )
