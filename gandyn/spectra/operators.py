"""The Jacobian at a state and its parts as linear operators, matrix-free, in the system's namespace."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeAlias, get_args

from gandyn.arrays import Array, array_namespace, like, to_numpy
from gandyn.checks import check_floats, check_option
from gandyn.field import Linearisation, Player, System, embed

#: Parts of the Jacobian J of the velocity. "S" and "A" are (J + J^T)/2 and (J - J^T)/2. A player's name is
#: its own block of J, *minus* the Hessian of its own loss; "... hessian" is that Hessian. "a to b" is the
#: block that takes a change of a's parameters to the change of b's velocity.
Part: TypeAlias = Literal[
    "J",
    "S",
    "A",
    "generator",
    "discriminator",
    "generator hessian",
    "discriminator hessian",
    "generator to discriminator",
    "discriminator to generator",
]


@dataclass(frozen=True, eq=False, repr=False)
class Operator:
    """A real matrix known by its products, with vectors of the system's namespace and device.

    Calling it applies it to the last axis, so that ``operator(u)`` with u of shape (..., n) is a stack of
    products (the convention of fields); ``matmat`` takes columns (that of SciPy). Operators can be added,
    subtracted and scaled. ``with`` or ``close`` frees what is held for the products.

    Args:
        shape: rows and columns.
        apply: ``apply(u) -> M u`` over leading axes.
        adjoint: ``adjoint(w) -> M^T w`` over leading axes.
        like: array whose namespace, dtype and device vectors have.
        symmetry: 1 for a symmetric matrix, -1 for an antisymmetric one, 0 for another.
        label: name for titles and messages.
        close: frees what is held; no product may be asked for after it.

    Example:
        >>> import numpy as np
        >>> matrix = np.array([[0.0, 2.0], [1.0, 0.0]])
        >>> operator = Operator((2, 2), lambda u: u @ matrix.T, lambda w: w @ matrix, matrix)
        >>> operator @ np.array([1.0, 0.0]), operator.T @ np.array([1.0, 0.0])
        (array([0., 1.]), array([0., 2.]))
    """

    shape: tuple[int, int]
    apply: Callable[[Array], Array]
    adjoint: Callable[[Array], Array]
    like: Array
    symmetry: int = 0
    label: str = ""
    close: Callable[[], None] = field(default=lambda: None)

    @property
    def dtype(self) -> Any:
        """Type of the entries, in the system's namespace."""
        return self.like.dtype

    @property
    def T(self) -> Operator:  # noqa: N802
        """The transpose."""
        return replace(self, shape=self.shape[::-1], apply=self.adjoint, adjoint=self.apply)

    def __call__(self, u: Array) -> Array:
        """Return M u for u of shape (..., columns): a function of torch tensors for a torch field."""
        if tuple(u.shape[-1:]) != (self.shape[1],):
            raise ValueError(f"expected vectors of shape (..., {self.shape[1]}), got {tuple(u.shape)}")
        return self.apply(u)

    def matvec(self, u: Array) -> Array:
        """Return M u for one vector, shape (columns,)."""
        return self(_one(u))

    def rmatvec(self, w: Array) -> Array:
        """Return M^T w for one vector, shape (rows,)."""
        return self.T(_one(w))

    def matmat(self, columns: Array) -> Array:
        """Return M U for U of shape (columns, k), as one stack of products."""
        xp = array_namespace(columns)
        return xp.matrix_transpose(self(xp.matrix_transpose(columns)))

    def __matmul__(self, u: Array) -> Array:
        return self.matvec(u) if len(u.shape) == 1 else self.matmat(u)

    def __add__(self, other: Operator) -> Operator:
        def close() -> None:
            self.close()
            other.close()

        if self.shape != other.shape:
            raise ValueError(f"only operators of one shape can be added, got {self.shape} and {other.shape}")
        return Operator(
            self.shape,
            lambda u: self.apply(u) + other.apply(u),
            lambda w: self.adjoint(w) + other.adjoint(w),
            self.like,
            self.symmetry if self.symmetry == other.symmetry else 0,
            f"{self.label} + {other.label}",
            close,
        )

    def __mul__(self, factor: float) -> Operator:
        return replace(
            self,
            apply=lambda u: factor * self.apply(u),
            adjoint=lambda w: factor * self.adjoint(w),
            label=f"{factor:g} {self.label}",
        )

    __rmul__ = __mul__

    def __neg__(self) -> Operator:
        return -1.0 * self

    def __sub__(self, other: Operator) -> Operator:
        return self + (-other)

    def __enter__(self) -> Operator:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def dense(self) -> Array:
        """Return the matrix, shape (rows, columns), by one product for each column."""
        xp = array_namespace(self.like)
        return self.matmat(like(xp.eye(self.shape[1]), self.like))

    def to_scipy(self) -> Any:
        """Return the ``scipy.sparse.linalg.LinearOperator`` of the same matrix, on NumPy vectors."""
        from scipy.sparse.linalg import LinearOperator

        def on_host(product: Callable[[Array], Array]) -> Callable[[Any], Any]:
            return lambda u: to_numpy(product(like(u, self.like)))

        return LinearOperator(
            self.shape,
            matvec=lambda u: on_host(self.matvec)(u.ravel()),
            rmatvec=lambda w: on_host(self.rmatvec)(w.ravel()),
            matmat=on_host(self.matmat),
            rmatmat=on_host(self.T.matmat),
            dtype=to_numpy(self.like[..., :0]).dtype,
        )

    def __repr__(self) -> str:
        return f"Operator({self.label or 'unnamed'}, shape={self.shape}, dtype={self.dtype})"


def jacobian_operator(system: System, x: Array, part: Part = "J", *, t: Any = 0) -> Operator:
    """Return the Jacobian of a flow or map at a state, or a part of it, as a linear operator.

    A torch field is linearised once: its graph is kept until ``close`` (or the end of ``with``), and a
    product is one backward pass. What is held is said in ``nets.gan_field`` (``micro_batch``, ``held``).

    Args:
        system: the vector field or update map.
        x: the state, shape (n,), in the system's namespace, floating point, finite.
        part: "J"; "S" or "A", its symmetric and antisymmetric part; "generator" or "discriminator", a
            player's own block, minus the Hessian of its loss; "generator hessian" or "discriminator hessian",
            that Hessian; "generator to discriminator" or "discriminator to generator", how one player's
            parameters move the other's velocity. Vectors of a block have the length of its player.
        t: flow time, or the integer step of a map.

    Returns:
        The operator; use it as ``with jacobian_operator(...) as J:`` to free its graph at once.

    Raises:
        TypeError: ``x`` is not an array of floats.
        ValueError: a wrong shape, a value that is not finite, an unknown part, or a player without entries.

    ``S u = (J u + J^T u) / 2`` and ``A u = (J u - J^T u) / 2``: two products each.

    Example:
        >>> import numpy as np
        >>> from gandyn.field import Layout, VectorField
        >>> game = VectorField(lambda x, t: x @ np.array([[-1.0, 3.0], [-1.0, 0.0]]),
        ...                    Layout.scalars(["g"], ["d"]))
        >>> jacobian_operator(game, np.zeros(2), "A").dense().round(6)
        array([[ 0., -2.],
               [ 2.,  0.]])
        >>> jacobian_operator(game, np.zeros(2), "generator hessian").dense().round(6)
        array([[1.]])
    """
    check_option("part", part, get_args(Part))
    dim = system.layout.dim
    check_floats("x", x, (dim,))
    label = f"{part} of {system.label}" if system.label else part
    if part in ("J", "S", "A"):
        return _whole(system.linearised(x, t), dim, part, x, label)
    if " to " in part:
        return _between(system, x, t, part, label)
    player: Player = "generator" if part.startswith("generator") else "discriminator"
    size = _size(system.layout.player_slice(player))
    own = system.linearised(x, t, player)
    block = Operator((size, size), own.jvp, own.vjp, x, 0, label, own.close)
    return replace(-block, label=label) if part.endswith("hessian") else block


def _one(u: Array) -> Array:
    if len(u.shape) != 1:
        raise ValueError(f"expected one vector, got shape {tuple(u.shape)}; matmat takes columns")
    return u


def _size(where: slice) -> int:
    return int(where.stop - where.start)


def _whole(at: Linearisation, dim: int, part: str, x: Array, label: str) -> Operator:
    shape = (dim, dim)
    if part == "J":
        return Operator(shape, at.jvp, at.vjp, x, 0, label, at.close)
    sign = 1 if part == "S" else -1
    product = lambda u: 0.5 * (at.jvp(u) + sign * at.vjp(u))
    return Operator(shape, product, lambda w: sign * product(w), x, sign, label, at.close)


def _between(system: System, x: Array, t: Any, part: str, label: str) -> Operator:
    source, target = (system.layout.player_slice(name) for name in part.split(" to "))  # type: ignore[arg-type]
    at, dim = system.linearised(x, t), system.layout.dim
    return Operator(
        (_size(target), _size(source)),
        lambda u: at.jvp(embed(u, source, dim))[..., target],
        lambda w: at.vjp(embed(w, target, dim))[..., source],
        x,
        0,
        label,
        at.close,
    )
