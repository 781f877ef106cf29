"""The largest stable step at a state, from eigenvalues; and what helps where no step is stable."""

from __future__ import annotations

from typing import Any

import numpy as np

from gandyn.arrays import Array
from gandyn.checks import check_floats
from gandyn.field import Layout, UpdateMap, VectorField
from gandyn.rotation.damping import dampings
from gandyn.rotation.linear import Scheme, first_stable_interval, linear_field, mode_matrix, multipliers
from gandyn.rotation.step_result import StepBound
from gandyn.spectra import DENSE, Spectrum, Which, dense_jacobian, spectrum, step_bounds

__all__ = ["suggest_step"]

_SAME = 1e-6
_SEARCHES: tuple[Which, ...] = ("modulus", "largest real", "imaginary")


def suggest_step(
    system: VectorField,
    x: Array,
    scheme: Scheme | None = None,
    *,
    k: int = 6,
    t: Any = 0,
    tol: float = 1e-8,
    max_products: int = 1000,
    seed: int = 0,
    progress: bool = True,
) -> StepBound:
    """Find the largest stable step of a scheme near a state, and what helps where no step is stable.

    Simultaneous descent is stable below ``h* = min -2 Re(lambda) / |lambda|^2``; where some ``Re(lambda) >=
    0`` no step helps, and the result says which consensus, symplectic adjustment or extrapolation does. Any
    other scheme is applied to the linear field of each eigenvalue, or, if it moves the players in turn, to
    that of the whole Jacobian. Up to 200 entries all eigenvalues are used; beyond, the ``k`` leading ones by
    modulus, growth and imaginary part: others can only lower the bound.

    Args:
        system: the field, in any namespace.
        x: the state, shape (n,), floating point, finite; the bound is that of the linearisation there.
        scheme: ``scheme(field, h)`` returns the update map, such as ``schemes.extragradient`` or
            ``lambda field, h: schemes.heavy_ball(field, h, 0.5)``; None for simultaneous descent.
        k: eigenvalues in each search, where not all are found.
        t: flow time.
        tol: accuracy of the searches.
        max_products: bound on the products of each search.
        seed: seed of the searches.
        progress: show progress bars when on a terminal.

    Returns:
        The bound, with the eigenvalue that sets it.

    Raises:
        TypeError: an update map, whose step is within; or a state that is no array of floats.
        ValueError: a wrong shape; a scheme that moves players in turn beyond 200 entries; a Jacobian that is
            zero or not finite.

    Sources: Mescheder, Nowozin and Geiger 2017 (h*); those of the schemes.

    Example:
        >>> from gandyn.games import catalogue
        >>> found = suggest_step(catalogue.make("dirac-r1", gamma=0.3), np.zeros(2))
        >>> round(found.step, 9), found.loss
        (1.2, 'Neimark-Sacker')
        >>> [round(one.strength, 6) for one in suggest_step(catalogue.make("dirac"), np.zeros(2)).damping]
        [0.0, 0.0, 0.0]
    """
    if isinstance(system, UpdateMap):
        raise TypeError("suggest_step takes a vector field, got an update map, which has its step within")
    check_floats("x", x, (system.layout.dim,))
    dense = system.layout.dim <= DENSE
    options: dict[str, Any] = {"tol": tol, "max_products": max_products, "seed": seed, "progress": progress}
    searches = [spectrum(system, x, t=t)] if dense else []
    if not dense:
        searches = [spectrum(system, x, k, which, t=t, **options) for which in _SEARCHES]
    values, slack = _together(searches)
    if not np.abs(values).max() > 0:
        raise ValueError("every eigenvalue found is zero: any step is as good as another")
    matrix = dense_jacobian(system, x, t) if dense else None
    bound = _simultaneous(values, slack) if scheme is None else _of_scheme(scheme, values, matrix, system)
    return StepBound(
        **bound,
        eigenvalues=values,
        complete=dense,
        damping=dampings(values, matrix) if bound["step"] == 0 else (),
        products=sum(one.products for one in searches),
        message=_message(searches),
        label=system.label,
    )


def _together(searches: list[Spectrum]) -> tuple[np.ndarray, np.ndarray]:
    """Return the eigenvalues of all searches, each once, and how far each may be off."""
    values = np.concatenate([one.eigenvalues for one in searches])
    residuals = np.concatenate([one.residuals for one in searches])
    scale = float(np.abs(values).max(initial=0.0))
    slack = residuals + 10 * np.finfo(float).eps * scale
    if len(searches) == 1:
        return values, slack
    kept = [i for i in range(len(values)) if not np.any(np.abs(values[:i] - values[i]) <= _SAME * scale)]
    return values[kept], slack[kept]


def _message(searches: list[Spectrum]) -> str:
    if searches[0].complete:
        return "from all eigenvalues"
    lost = [one.which for one in searches if not one.converged]
    missing = f"; not converged: {', '.join(lost)}" if lost else ""
    return f"from {len(searches)} searches for leading eigenvalues only: others can lower the bound{missing}"


def _simultaneous(values: np.ndarray, slack: np.ndarray) -> dict[str, Any]:
    name = {"scheme": "simultaneous descent", "least": 0.0}
    worst = int(np.argmax(values.real + slack))
    if values.real[worst] >= -slack[worst]:
        return {**name, "step": 0.0, "limiting": complex(values[worst]), "loss": None, "angle": None}
    bounds = step_bounds(values)
    first = int(np.argmin(bounds))
    step, value = float(bounds[first]), complex(values[first])
    return {**name, "step": step, "limiting": value, **_leaving(1 + step * value)}


def _leaving(multiplier: complex) -> dict[str, Any]:
    """Return how a multiplier on the unit circle leaves it."""
    angle = float(abs(np.angle(multiplier)))
    if angle > np.pi - _SAME:
        return {"loss": "period doubling", "angle": angle}
    return {"loss": "Neimark-Sacker" if angle > _SAME else "a real multiplier at 1", "angle": angle}


def _of_scheme(
    scheme: Scheme, values: np.ndarray, matrix: np.ndarray | None, system: VectorField
) -> dict[str, Any]:
    """Return the bound of any scheme: mode by mode, or, if it needs players, from the whole Jacobian."""
    modes = values[(values.imag >= 0) & (values != 0)]
    try:
        label = scheme(linear_field(mode_matrix(modes[0]), _plain(mode_matrix(modes[0]))), 1.0).label
    except ValueError as error:
        if "generator" not in str(error):
            raise
        return _in_turn(scheme, matrix, system, error)
    found = [first_stable_interval(scheme, mode_matrix(v), _plain(mode_matrix(v))) for v in modes]
    low, high = np.array(found).T
    least, first = float(low.max()), int(np.argmin(high))
    if high[first] <= least:
        worst = int(np.argmin(high)) if not high[first] else int(np.argmax(low))
        nothing = {"step": 0.0, "least": 0.0, "loss": None, "angle": None}
        return {**nothing, "scheme": label, "limiting": complex(modes[worst])}
    step, value = float(high[first]), complex(modes[first])
    lost: dict[str, Any] = {"loss": None, "angle": None}
    if np.isfinite(step):
        block = mode_matrix(value)
        lost = _leaving(multipliers(scheme, linear_field(block, _plain(block)), step)[0])
    return {"scheme": label, "step": step, "least": least, "limiting": value, **lost}


def _plain(matrix: np.ndarray) -> Layout:
    return Layout.scalars(state=[f"x{i}" for i in range(len(matrix))])


def _in_turn(
    scheme: Scheme, matrix: np.ndarray | None, system: VectorField, error: ValueError
) -> dict[str, Any]:
    if matrix is None:
        raise ValueError(
            f"a scheme that moves the players in turn needs the whole Jacobian, of at most {DENSE} entries, "
            f"this state has {system.layout.dim}; leave out scheme for the bound of simultaneous descent"
        ) from error
    field = linear_field(matrix, system.layout)
    least, step = first_stable_interval(scheme, matrix, system.layout)
    lost: dict[str, Any] = {"loss": None, "angle": None}
    if 0 < step < np.inf:
        lost = _leaving(multipliers(scheme, field, step)[0])
    limiting = complex(np.nan, np.nan)
    return {
        "scheme": scheme(field, 1.0).label,
        "step": step,
        "least": least,
        "limiting": limiting,
        **lost,
    }
