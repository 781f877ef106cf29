"""Field to field: what modifies the dynamics. A transformed field is a field, with its Jacobian."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product as cartesian
from typing import Any, Literal, TypeAlias, get_args

import numpy as np

from gandyn.arrays import Array, array_namespace, like
from gandyn.field import Layout, VectorField
from gandyn.transforms.adjustable import linear_derivatives

__all__ = ["SmoothingMethod", "smooth"]

#: How the expectation over parameter noise is taken.
SmoothingMethod: TypeAlias = Literal["quadrature", "monte carlo", "exact"]

_MAX_QUADRATURE = 200_000
_CHUNK_ENTRIES = 2**21


def smooth(
    field: VectorField,
    sigma: float | Mapping[str, float],
    *,
    method: SmoothingMethod = "quadrature",
    count: int | None = None,
    seed: int = 0,
) -> VectorField:
    """Return the field averaged over Gaussian noise on the parameters, ``E[v(x + sigma eps)]``.

    The average of the velocities that training with noise on its parameters sees, at fixed data and
    latents (the parameter noise of Guttenberg 2016). It is not noise on the data: instance noise changes
    the losses inside the expectation, so it is a measure of the game, and it has other fixed points.

    "quadrature" is a Gauss-Hermite rule in each noisy coordinate: exact for polynomial fields of degree
    below ``2 count``, spectrally accurate for smooth ones, for a few coordinates. "monte carlo" averages
    over ``count`` draws, frozen and paired with their negatives, so that the result is a function; its
    error falls as ``count ** -1/2``, *if* the field has a variance: a sampled field with poles 1/s, such
    as that of the saturating Gaussian classifier, has none, and averaging does not calm it. "exact" is
    the closed form of a game that has one, as constants named ``noise_<block>``.

    Args:
        field: the field to smooth, in any namespace.
        sigma: standard deviation of the noise, >= 0: one for all blocks, or by name; unnamed blocks
            have none.
        method: "quadrature", "monte carlo" or "exact".
        count: nodes per noisy coordinate, default 20; or number of draws, even, default 64.
        seed: seed of the draws.

    Returns:
        The smoothed field; its ``jac``, ``jvp`` and ``vjp`` are the averages of those of ``field``. Where the
        velocity jumps (ReLU networks, at every kink) that is *not* the derivative of the average: the jumps
        are missing from it. ``smoothed_spectrum`` has eigenvalues that count them.

    Raises:
        ValueError: a negative sigma, an unknown block or method, too many quadrature nodes, or no
            closed form.

    Example:
        >>> layout = Layout.scalars(state=["x"])
        >>> cubic = VectorField(lambda x, t: -x**3, layout, jvp=lambda x, u, t: -3 * x**2 * u)
        >>> smooth(cubic, 0.5)(np.array([1.0])).round(12)  # -(x^3 + 3 x sigma^2)
        array([-1.75])
    """
    if method not in get_args(SmoothingMethod):
        raise ValueError(f"method must be one of {get_args(SmoothingMethod)}, got {method!r}")
    widths = _widths(field.layout, sigma)
    if method == "exact":
        return _closed_form(field, widths)
    scales = np.repeat(list(widths.values()), [block.size for block in field.layout.blocks])
    if method == "quadrature":
        offsets, weights = _quadrature(scales, 20 if count is None else count)
    else:
        offsets, weights = _draws(scales, 64 if count is None else count, seed)
    return _averaged(field, offsets, weights, f"{field.label}, smoothed ({method})".lstrip(", "))


def _widths(layout: Layout, sigma: float | Mapping[str, float]) -> dict[str, float]:
    given = dict(sigma) if isinstance(sigma, Mapping) else dict.fromkeys(layout.names, sigma)
    unknown = sorted(set(given) - set(layout.names))
    if unknown:
        raise ValueError(f"sigma names no block of the field: {unknown}; the blocks are {list(layout.names)}")
    for name, value in given.items():
        if not 0 <= value < np.inf:
            raise ValueError(f"sigma of {name} must be finite and not negative, got {value}")
    return {name: float(given.get(name, 0.0)) for name in layout.names}


def _closed_form(field: VectorField, widths: Mapping[str, float]) -> VectorField:
    constants = {f"noise_{name}": value for name, value in widths.items() if value > 0}
    missing = sorted(set(constants) - set(field.constants))
    if missing:
        raise ValueError(
            f"{field.label or 'the field'} has no closed form under this noise (no constants {missing}); "
            "take method='quadrature' for a few coordinates, 'monte carlo' for many"
        )
    return field.with_constants(**constants)


def _quadrature(scales: np.ndarray, nodes: int) -> tuple[np.ndarray, np.ndarray]:
    """Return offsets (m, n) and weights (m,) of a product of Gauss-Hermite rules."""
    if nodes < 1:
        raise ValueError(f"count, the nodes per coordinate, must be at least 1, got {nodes}")
    noisy = np.flatnonzero(scales)
    if nodes ** len(noisy) > _MAX_QUADRATURE:
        raise ValueError(
            f"{nodes} nodes in each of {len(noisy)} noisy coordinates are more than {_MAX_QUADRATURE} "
            "points; take fewer, name fewer blocks in sigma, or method='monte carlo'"
        )
    values, weights = np.polynomial.hermite_e.hermegauss(nodes)
    weights = weights / weights.sum()
    offsets = np.zeros((nodes ** len(noisy), len(scales)))
    offsets[:, noisy] = scales[noisy] * np.array(list(cartesian(values, repeat=len(noisy))))
    return offsets, np.array([np.prod(w) for w in cartesian(weights, repeat=len(noisy))])


def _draws(scales: np.ndarray, count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return offsets (count, n) and equal weights of normal draws and their negatives."""
    if count < 2 or count % 2:
        raise ValueError(f"count, the number of draws, must be even and at least 2, got {count}")
    half = scales * np.random.default_rng(seed).standard_normal((count // 2, len(scales)))
    return np.concatenate([half, -half]), np.full(count, 1 / count)


def _averaged(field: VectorField, offsets: np.ndarray, weights: np.ndarray, label: str) -> VectorField:
    """Return the weighted average of a field over shifted copies of its state."""

    def average(function: Any, x: Array, trailing: int) -> Array:
        xp = array_namespace(x)
        shifts, shares = like(offsets, x), like(weights, x)
        rows = xp.reshape(x, (-1, x.shape[-1]))
        chunk = max(1, _CHUNK_ENTRIES // offsets.size)
        parts = []
        for start in range(0, rows.shape[0], chunk):
            values = function(rows[start : start + chunk, None, :] + shifts, slice(start, start + chunk))
            parts.append(xp.sum(values * xp.reshape(shares, (-1, *[1] * trailing)), axis=1))
        value = xp.concat(parts, axis=0)
        return xp.reshape(value, (*x.shape[:-1], *value.shape[1:]))

    def product_of(method: Any) -> Any:
        def product(x: Array, *given: Any) -> Array:
            *directions, t = given
            xp = array_namespace(x, *directions)
            x, *directions = xp.broadcast_arrays(x, *directions)
            flat = [xp.reshape(u, (-1, u.shape[-1])) for u in directions]
            return average(lambda points, rows: method(points, *(u[rows, None, :] for u in flat), t), x, 1)

        return product

    return VectorField(
        lambda x, t: average(lambda points, _: field(points, t), x, 1),
        field.layout,
        jac=lambda x, t: average(lambda points, _: field.jac(points, t), x, 2),
        jvp=product_of(field.jvp),
        vjp=product_of(field.vjp),
        label=label,
        constants=field.constants,
        family=field.family
        and (lambda **values: _averaged(field.with_constants(**values), offsets, weights, label)),
        **linear_derivatives([field], product_of(field.second), product_of(field.second_adjoint)),
    )
