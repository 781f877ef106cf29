"""The core nouns: a vector field, an update map, and the layout of the state they act on.

Conventions, said once:

- Both players *descend* their own loss: ``v = (-dL_G/dtheta_G, -dL_D/dtheta_D)``.
- Generator blocks come first, then the discriminator's, then memory (optimiser state).
- ``t`` is flow time. One step of an update map stands for the flow time ``dt``; its time
  argument is the integer ``k`` of the step.
- A state ``x`` has shape ``(..., n)``; leading axes are a batch of independent states.
- ``jvp(x, u)`` is ``J u`` and ``vjp(x, u)`` is ``J^T u``; ``x`` and ``u`` broadcast against each
  other, so that ``u`` of shape ``(k, n)`` at one ``x`` of shape ``(n,)`` is a stack of directions.
"""

from __future__ import annotations

import builtins
import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, TypeAlias, cast, get_args

import numpy as np

from gandyn.arrays import Array, array_namespace, device, like, to_numpy

__all__ = [
    "Block",
    "FieldCheckError",
    "Layout",
    "Linearisation",
    "Player",
    "System",
    "UpdateMap",
    "VectorField",
    "check_field",
]

#: Who owns a block: one of the players, the optimiser, or nobody ("state": a system without players).
Player: TypeAlias = Literal["generator", "discriminator", "memory", "state"]

_ORDER: dict[str, int] = {"generator": 0, "state": 0, "discriminator": 1, "memory": 2}
_MAX_DENSE = 20_000


@dataclass(frozen=True)
class Block:
    """One named piece of the state: a parameter tensor or a piece of optimiser memory.

    Args:
        name: unique name, for example ``"generator.main.0.weight"``.
        player: ``"generator"``, ``"discriminator"``, ``"memory"`` (optimiser state) or
            ``"state"`` (a system without players).
        shape: shape of the tensor; ``()`` for a scalar.
        filter_axis: the axis that counts output filters: 0 for linear and convolution weights,
            1 for transposed convolutions; None for what has no filters (biases, norm parameters).
        groups: number of groups of a grouped transposed convolution, whose input axis is split.

    Raises:
        ValueError: an unknown player, a filter axis outside the shape, or groups that do not divide.

    Example:
        >>> Block("w", "generator", (3, 2)).size
        6
    """

    name: str
    player: Player
    shape: tuple[int, ...] = ()
    filter_axis: int | None = None
    groups: int = 1

    def __post_init__(self) -> None:
        if self.player not in get_args(Player):
            raise ValueError(
                f"block {self.name!r}: player must be one of {get_args(Player)}, got {self.player!r}"
            )
        if self.filter_axis is not None and not 0 <= self.filter_axis < len(self.shape):
            raise ValueError(
                f"block {self.name!r}: filter_axis must index shape {self.shape}, got {self.filter_axis}"
            )
        if self.groups < 1 or (self.groups > 1 and self.shape[0] % self.groups):
            raise ValueError(
                f"block {self.name!r}: groups must divide the first axis of {self.shape}, got {self.groups}"
            )

    @property
    def size(self) -> int:
        """Number of entries."""
        return math.prod(self.shape)

    def filter_labels(self) -> np.ndarray | None:
        """Return the number of the filter that each entry belongs to, or None without filters.

        A grouped transposed convolution of shape ``(in, out/groups, ...)`` has ``out`` filters:
        one for each group of its input axis and each index of its filter axis.

        Returns:
            Integers of shape ``(size,)``, from 0 to the number of filters less one, or None.

        Example:
            >>> Block("w", "generator", (2, 3), filter_axis=1).filter_labels()
            array([0, 1, 2, 0, 1, 2])
        """
        if self.filter_axis is None:
            return None
        index = np.indices(self.shape, sparse=True)
        labels = index[self.filter_axis]
        if self.groups > 1 and self.filter_axis == 1:
            labels = labels + self.shape[1] * (index[0] // (self.shape[0] // self.groups))
        return np.broadcast_to(labels, self.shape).ravel()


@dataclass(frozen=True)
class Layout:
    """How the flat state splits into blocks: generator first, then discriminator, then memory.

    Args:
        blocks: the blocks in the order in which they lie in the state.

    Raises:
        ValueError: no block, a name used twice, or players out of order.

    Example:
        >>> layout = Layout.scalars(generator=["b_g"], discriminator=["b_d"])
        >>> layout.dim, layout.slice("b_d"), layout.mask("generator")
        (2, slice(1, 2, None), array([ True, False]))
    """

    blocks: tuple[Block, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "blocks", tuple(self.blocks))
        if not self.blocks:
            raise ValueError("a layout needs at least one block, got none")
        names = [block.name for block in self.blocks]
        twice = sorted(name for name, count in Counter(names).items() if count > 1)
        if twice:
            raise ValueError(f"block names must be unique; used more than once: {twice}")
        order = [_ORDER[block.player] for block in self.blocks]
        if order != sorted(order):
            raise ValueError(
                "blocks must be ordered generator, discriminator, memory; "
                f"got {[block.player for block in self.blocks]}"
            )

    @classmethod
    def scalars(
        cls,
        generator: Sequence[str] = (),
        discriminator: Sequence[str] = (),
        state: Sequence[str] = (),
    ) -> Layout:
        """Return the layout of a system of scalar parameters, by name."""
        named: list[tuple[Player, Sequence[str]]] = [
            ("generator", generator),
            ("state", state),
            ("discriminator", discriminator),
        ]
        return cls(tuple(Block(name, player) for player, names in named for name in names))

    @cached_property
    def dim(self) -> int:
        """Number of entries of the state."""
        return sum(block.size for block in self.blocks)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the blocks, in order."""
        return tuple(block.name for block in self.blocks)

    def offsets(self) -> Iterator[tuple[Block, slice]]:
        """Yield every block with the slice of the state that it occupies."""
        start = 0
        for block in self.blocks:
            yield block, slice(start, start + block.size)
            start += block.size

    def slice(self, name: str) -> slice:
        """Return the slice of the state that block ``name`` occupies."""
        for block, where in self.offsets():
            if block.name == name:
                return where
        raise KeyError(f"no block named {name!r}; the blocks are {list(self.names)}")

    def mask(self, player: Player) -> np.ndarray:
        """Return booleans of shape (dim,): which entries belong to ``player``."""
        if player not in get_args(Player):
            raise ValueError(f"player must be one of {get_args(Player)}, got {player!r}")
        return np.repeat(
            [block.player == player for block in self.blocks],
            [block.size for block in self.blocks],
        )

    def player_slice(self, player: Player) -> builtins.slice:
        """Return the slice of the state that ``player`` owns.

        Raises:
            ValueError: an unknown player, one without entries, or entries that do not lie together.

        Example:
            >>> Layout.scalars(generator=["a", "b"], discriminator=["c"]).player_slice("discriminator")
            slice(2, 3, None)
        """
        owned = np.flatnonzero(self.mask(player))
        if not len(owned) or owned[-1] - owned[0] + 1 != len(owned):
            owners = sorted({block.player for block in self.blocks})
            raise ValueError(f"the {player} must own one stretch of the state; its blocks belong to {owners}")
        return builtins.slice(int(owned[0]), int(owned[-1]) + 1)

    @cached_property
    def entry_names(self) -> tuple[str, ...]:
        """Name of every entry of the state: that of a scalar block, else ``"name[i, j]"``."""
        return tuple(
            block.name + (str(list(index)) if index else "")
            for block in self.blocks
            for index in np.ndindex(*block.shape)
        )

    def bounds(self, box: Any) -> tuple[np.ndarray, np.ndarray]:
        """Return the lower and upper end of every entry of the state, each of shape (dim,).

        Args:
            box: ``{name: (low, high), ...}`` for every entry by name, one pair for all entries, or an array
                of shape (dim, 2).

        Raises:
            ValueError: a name that is missing or unknown, a wrong shape, an end that is not finite, or a
                lower end that is not below the upper one.

        Example:
            >>> Layout.scalars(["g"], ["d"]).bounds({"d": (-1, 1), "g": (0, 2)})
            (array([ 0., -1.]), array([2., 1.]))
        """
        names = self.entry_names
        if isinstance(box, Mapping):
            if set(box) != set(names):
                raise ValueError(
                    f"the box must give (low, high) for each of {list(names)}, got {sorted(box)}"
                )
            box = [box[name] for name in names]
        ends = np.asarray(box, dtype=np.float64)
        if ends.shape == (2,):
            ends = np.tile(ends, (self.dim, 1))
        if ends.shape != (self.dim, 2):
            raise ValueError(
                f"the box must be one (low, high), or of shape ({self.dim}, 2), got {ends.shape}"
            )
        low, high = ends.T.copy()
        bad = [name for name, a, b in zip(names, low, high, strict=True) if not -np.inf < a < b < np.inf]
        if bad:
            raise ValueError(f"the box must have finite low < high for each entry; not so for {bad}")
        return low, high

    def split(self, x: Array) -> dict[str, Array]:
        """Return the blocks of a state ``x`` of shape (..., dim), each of shape (..., *shape)."""
        xp = array_namespace(x)
        return {
            block.name: xp.reshape(x[..., where], (*x.shape[:-1], *block.shape))
            for block, where in self.offsets()
        }


def _missing(*_: Any) -> Array:
    """Stand for a derivative that was not given; replaced before a system can be used."""
    raise NotImplementedError


def _matvec(matrix: Array, vector: Array) -> Array:
    xp = array_namespace(matrix, vector)
    return xp.matmul(matrix, vector[..., None])[..., 0]


def _identity(x: Array) -> Array:
    n = x.shape[-1]
    if n > _MAX_DENSE:
        raise ValueError(
            f"a dense Jacobian of {n} x {n} entries was asked for; give the system the missing "
            "product (jvp= or vjp=), or use a matrix-free analysis such as spectrum(system, x, k=6)"
        )
    return like(np.eye(n), x)


def _central_difference(fn: Callable[..., Array], x: Array, u: Array, t: Any) -> Array:
    """Return (f(x + hu) - f(x - hu)) / 2h, of error O(h^2), h on the scale of eps^(1/3)."""
    xp = array_namespace(x, u)
    size_x = xp.sqrt(xp.sum(x * x, axis=-1, keepdims=True))
    size_u = xp.sqrt(xp.sum(u * u, axis=-1, keepdims=True))
    safe_u = xp.where(size_u > 0, size_u, xp.ones_like(size_u))
    h = float(xp.finfo(x.dtype).eps) ** (1 / 3) * (1 + size_x) / safe_u
    return (fn(x + h * u, t) - fn(x - h * u, t)) / (2 * h)


def _complete_second(field: VectorField) -> None:
    """Derive the second-order products from the first-order ones, unless they were given."""
    if (field.second is _missing) != (field.second_adjoint is _missing):
        raise ValueError("second and second_adjoint belong together: give both, or neither")
    given = field.second is not _missing
    jvp, vjp, dim = field.jvp, field.vjp, field.layout.dim
    along = lambda product, x, v, w, t: _central_difference(lambda y, t: product(y, v, t), x, w, t)
    second = field.second if given else lambda x, u, w, t: along(jvp, x, u, w, t)
    adjoint = field.second_adjoint if given else lambda x, u, w, t: along(vjp, x, w, u, t)

    def checked(product: Callable[..., Array]) -> Callable[..., Array]:
        def at(x: Array, u: Array, w: Array, t: Any = 0) -> Array:
            for name, value in (("x", x), ("u", u), ("w", w)):
                _check_width(name, value, dim)
            return product(x, u, w, t)

        return at

    object.__setattr__(field, "second", checked(second))
    object.__setattr__(field, "second_adjoint", checked(adjoint))
    object.__setattr__(field, "second_derivatives", field.derivatives if given else "central differences")


def _complete(system: VectorField | UpdateMap) -> None:
    """Derive the derivatives that were not given from those that were."""
    fn, jac, jvp, vjp = system.fn, system.jac, system.jvp, system.vjp
    there = {name for name in ("jac", "jvp", "vjp") if getattr(system, name) is not _missing}
    # What one system had to derive is not given where it is handed on to another.
    given = frozenset(name for name in there if not getattr(getattr(system, name), "derived", False))
    object.__setattr__(system, "given", given)
    if not there:
        jvp = lambda x, u, t: _central_difference(fn, x, u, t)
    if "jac" not in there:
        if "jvp" in there or not there:
            columns = jvp
            jac = lambda x, t: array_namespace(x).matrix_transpose(columns(x[..., None, :], _identity(x), t))
        else:
            rows = vjp
            jac = lambda x, t: rows(x[..., None, :], _identity(x), t)
    matrix = jac
    if jvp is _missing:
        jvp = lambda x, u, t: _matvec(matrix(x, t), u)
    if vjp is _missing:
        vjp = lambda x, u, t: _matvec(array_namespace(x).matrix_transpose(matrix(x, t)), u)

    dim = system.layout.dim
    direct_jac, direct_jvp, direct_vjp = jac, jvp, vjp
    if system.tangents is _missing:
        direct_tangents = lambda x, u, t: (fn(x, t), direct_jvp(x, u, t))
    else:
        direct_tangents = system.tangents

    def checked_jac(x: Array, t: Any = 0) -> Array:
        _check_width("x", x, dim)
        return direct_jac(x, t)

    def checked_jvp(x: Array, u: Array, t: Any = 0) -> Array:
        _check_width("x", x, dim)
        _check_width("u", u, dim)
        return direct_jvp(x, u, t)

    def checked_vjp(x: Array, u: Array, t: Any = 0) -> Array:
        _check_width("x", x, dim)
        _check_width("u", u, dim)
        return direct_vjp(x, u, t)

    def checked_tangents(x: Array, u: Array, t: Any = 0) -> tuple[Array, Array]:
        _check_width("x", x, dim)
        _check_width("u", u, dim)
        return direct_tangents(x, u, t)

    checked = {"jac": checked_jac, "jvp": checked_jvp, "vjp": checked_vjp, "tangents": checked_tangents}
    for name, value in checked.items():
        value.derived = name not in given  # type: ignore[attr-defined]
        object.__setattr__(system, name, value)
    if not there:
        object.__setattr__(system, "derivatives", "central differences")


def _check_width(name: str, x: Array, dim: int) -> None:
    if not hasattr(x, "shape"):
        raise TypeError(
            f"{name} must be an array with last axis {dim}, got {type(x).__name__}; "
            "convert it, for example with numpy.asarray"
        )
    if not x.shape or x.shape[-1] != dim:
        raise ValueError(f"{name} must have shape (..., {dim}), got {tuple(x.shape)}")


@dataclass(frozen=True, eq=False, repr=False)
class Linearisation:
    """Products with the Jacobian of a system at one state; ``with`` frees what is held for them.

    Args:
        jvp: ``jvp(u) -> J u``, u of shape (..., n).
        vjp: ``vjp(w) -> J^T w``, w of shape (..., n).
        close: frees what is held; no product may be asked for after it.
    """

    jvp: Callable[[Array], Array]
    vjp: Callable[[Array], Array]
    close: Callable[[], None] = lambda: None

    def __enter__(self) -> Linearisation:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def within(self, where: slice, dim: int) -> Linearisation:
        """Return products with the diagonal block at ``where``, on vectors of its size."""

        def block(product: Callable[[Array], Array]) -> Callable[[Array], Array]:
            return lambda u: product(embed(u, where, dim))[..., where]

        return Linearisation(block(self.jvp), block(self.vjp), self.close)


def embed(u: Array, where: slice, dim: int) -> Array:
    """Return vectors of shape (..., dim) that are ``u`` at ``where`` and zero elsewhere."""
    xp = array_namespace(u)
    zeros = lambda count: xp.zeros((*u.shape[:-1], count), dtype=u.dtype, device=device(u))
    return xp.concat([zeros(where.start), u, zeros(dim - where.stop)], axis=-1)


def _linearised(system: VectorField | UpdateMap, x: Array, t: Any, player: Player | None) -> Linearisation:
    _check_width("x", x, system.layout.dim)
    if len(x.shape) != 1:
        raise ValueError(f"a linearisation is at one state, ({system.layout.dim},), got {tuple(x.shape)}")
    where = None if player is None else system.layout.player_slice(player)
    short = system.retained(x, t, player) if system.retained is not None else None
    if short is not None:
        return short
    if where is not None:
        return _linearised(system, x, t, None).within(where, system.layout.dim)
    return Linearisation(lambda u: system.jvp(x, u, t), lambda w: system.vjp(x, w, t))


def _evaluate(system: VectorField | UpdateMap, x: Array, t: Any) -> Array:
    _check_width("x", x, system.layout.dim)
    value = system.fn(x, t)
    if tuple(value.shape) != tuple(x.shape):
        raise ValueError(
            f"{system.label or 'the system'} must keep the shape of the state {tuple(x.shape)}, "
            f"it returned {tuple(value.shape)}"
        )
    return value


def _with_constants(system: Any, values: Mapping[str, float]) -> Any:
    unknown = sorted(set(values) - set(system.constants))
    if unknown or system.family is None:
        raise ValueError(
            f"{system.label or 'this system'} has no constant named {unknown or sorted(values)}; "
            f"its constants are {sorted(system.constants)}"
        )
    return system.family(**{**system.constants, **values})


@dataclass(frozen=True, eq=False, repr=False)
class VectorField:
    """A velocity ``v(x, t)`` of the joint state of both players, with its derivatives.

    What is not given of ``jac``, ``jvp`` and ``vjp`` is derived from what is; without any of them,
    central differences stand in and ``derivatives`` says so. Immutable and pure: the same ``x`` gives
    the same velocity, and nothing is changed by asking.

    Args:
        fn: ``fn(x, t) -> (..., n)``, the velocity at states ``x`` of shape (..., n), any float dtype.
        layout: the blocks of the state.
        jac: ``jac(x, t) -> (..., n, n)``, row i the derivative of component i.
        jvp: ``jvp(x, u, t) -> J u``; ``x`` and ``u`` broadcast.
        vjp: ``vjp(x, u, t) -> J^T u``; ``x`` and ``u`` broadcast.
        kernel: compiled kernel of a symbolic game, for loops that run compiled.
        label: name for titles and messages.
        constants: adjustable constants and their values.
        family: ``family(**constants)`` returns the same field at other constants.
        second: ``second(x, u, w, t) -> D^2v[u, w]``, the derivative of ``jvp(x, u)`` in the direction ``w``;
            all three broadcast. Derived from the first derivatives by central differences unless given;
            ``second_derivatives`` says which.
        second_adjoint: ``second_adjoint(x, u, w, t)``, the transpose of ``z -> D^2v[u, z]`` applied to ``w``:
            the derivative of ``vjp(x, w)`` in the direction ``u``. Given with ``second`` or not at all.
        formula: what a symbolic game was derived from, for transforms that derive it anew.
        rival: ``rival()`` returns the field of the same game with its losses exchanged, for schemes that
            count on what a player does to the other's loss.
        retained: ``retained(x, t, player) -> Linearisation`` where products at one state share work, such as
            the graph of a network; None for a player whose block has no short cut.
        derivatives: "exact", or "central differences" where a derivative that was given rests on them.
        tangents: ``tangents(x, u, t) -> (value, J u)`` for a stack ``u`` of shape (k, n) at one ``x``, where
            both together cost less than one by one; the default asks ``fn`` and ``jvp``.

    Raises:
        ValueError: a state whose last axis is not ``layout.dim``, an ``fn`` that changes the shape, or one
            of ``second`` and ``second_adjoint`` without the other.

    Example:
        >>> layout = Layout.scalars(generator=["x"], discriminator=["y"])
        >>> bilinear = VectorField(lambda x, t: np.stack([-x[..., 1], x[..., 0]], axis=-1), layout,
        ...                        jac=lambda x, t: np.broadcast_to([[0., -1.], [1., 0.]], (*x.shape, 2)))
        >>> bilinear(np.array([1.0, 2.0]))
        array([-2.,  1.])
        >>> bilinear.jvp(np.array([1.0, 2.0]), np.array([1.0, 0.0]))
        array([0., 1.])
    """

    fn: Callable[[Array, Any], Array]
    layout: Layout
    jac: Callable[..., Array] = _missing
    jvp: Callable[..., Array] = _missing
    vjp: Callable[..., Array] = _missing
    kernel: Any = None
    label: str = ""
    constants: Mapping[str, float] = field(default_factory=dict)
    family: Callable[..., VectorField] | None = None
    second: Callable[..., Array] = _missing
    second_adjoint: Callable[..., Array] = _missing
    formula: Any = None
    rival: Callable[[], VectorField] | None = None
    retained: Callable[..., Linearisation | None] | None = None
    derivatives: str = "exact"
    tangents: Callable[..., tuple[Array, Array]] = _missing
    second_derivatives: str = field(default="exact", init=False)
    given: frozenset[str] = field(default=frozenset(), init=False)

    def __post_init__(self) -> None:
        _complete(self)
        _complete_second(self)

    def __call__(self, x: Array, t: Any = 0) -> Array:
        """Return the velocity at ``x`` of shape (..., n) and flow time ``t``."""
        return _evaluate(self, x, t)

    def residual(self, x: Array, t: Any = 0) -> Array:
        """Return what vanishes at a fixed point: the velocity, shape (..., n)."""
        return self(x, t)

    def growth_rates(self, eigenvalues: np.ndarray) -> np.ndarray:
        """Return the growth per unit time of each mode: Re lambda; stable means all negative."""
        return np.real(eigenvalues)

    def linearised(self, x: Array, t: Any = 0, player: Player | None = None) -> Linearisation:
        """Return products with the Jacobian at one state ``x``, or with one player's own block of it."""
        return _linearised(self, x, t, player)

    def with_constants(self, **values: float) -> VectorField:
        """Return the same field at other values of its constants; nothing is recompiled."""
        return cast(VectorField, _with_constants(self, values))

    def __repr__(self) -> str:
        return f"VectorField({self.label or 'unnamed'}, dim={self.layout.dim})"


@dataclass(frozen=True, eq=False, repr=False)
class UpdateMap:
    """One step of training, ``x_{k+1} = F(x_k, k)``, with its derivatives.

    The integer ``k`` picks minibatch and latents deterministically, so that real training is a
    non-autonomous map. Momentum and Adam extend the state with "memory" blocks.

    Args:
        fn: ``fn(x, k) -> (..., n)``, the state after step ``k`` from states ``x`` of shape (..., n).
        layout: the blocks of the state.
        dt: flow time that one step stands for, > 0; 1 counts in steps.
        jac: ``jac(x, k) -> (..., n, n)``.
        jvp: ``jvp(x, u, k) -> J u``.
        vjp: ``vjp(x, u, k) -> J^T u``.
        kernel: compiled kernel of a symbolic map.
        label: name for titles and messages.
        constants: adjustable constants and their values.
        family: ``family(**constants)`` returns the same map at other constants.
        start: ``start(theta)`` adds the memory that training starts with to parameters of shape (..., n);
            without memory, the parameters themselves.
        rule: what a scheme made the map of, for what modifies a scheme.
        retained: ``retained(x, t, player) -> Linearisation`` where products at one state share work, such as
            the graph of a network; None for a player whose block has no short cut.
        derivatives: "exact", or "central differences" where a derivative that was given rests on them.
        tangents: ``tangents(x, u, t) -> (value, J u)`` for a stack ``u`` of shape (k, n) at one ``x``, where
            both together cost less than one by one; the default asks ``fn`` and ``jvp``.

    Raises:
        ValueError: ``dt`` not positive; a state of the wrong width; an ``fn`` that changes the shape.

    Example:
        >>> halve = UpdateMap(lambda x, k: x / 2, Layout.scalars(state=["x"]), dt=1.0,
        ...                   jvp=lambda x, u, k: u / 2)
        >>> halve.growth_rates(np.array([0.5])).round(6)
        array([-0.693147])
    """

    fn: Callable[[Array, Any], Array]
    layout: Layout
    dt: float = 1.0
    jac: Callable[..., Array] = _missing
    jvp: Callable[..., Array] = _missing
    vjp: Callable[..., Array] = _missing
    kernel: Any = None
    label: str = ""
    constants: Mapping[str, float] = field(default_factory=dict)
    family: Callable[..., UpdateMap] | None = None
    start: Callable[[Array], Array] = lambda theta: theta
    rule: Any = None
    retained: Callable[..., Linearisation | None] | None = None
    derivatives: str = "exact"
    tangents: Callable[..., tuple[Array, Array]] = _missing
    given: frozenset[str] = field(default=frozenset(), init=False)

    def __post_init__(self) -> None:
        if not (self.dt > 0 and math.isfinite(self.dt)):
            raise ValueError(f"dt, the flow time of one step, must be positive and finite, got {self.dt}")
        _complete(self)

    def __call__(self, x: Array, k: Any = 0) -> Array:
        """Return the state after step ``k`` from ``x`` of shape (..., n)."""
        return _evaluate(self, x, k)

    def residual(self, x: Array, k: Any = 0) -> Array:
        """Return what vanishes at a fixed point: F(x) - x, shape (..., n)."""
        return self(x, k) - x

    def growth_rates(self, eigenvalues: np.ndarray) -> np.ndarray:
        """Return the growth per unit time of each mode: ln|mu| / dt; stable means all negative."""
        with np.errstate(divide="ignore"):
            return cast(np.ndarray, np.log(np.abs(eigenvalues)) / self.dt)

    def linearised(self, x: Array, t: Any = 0, player: Player | None = None) -> Linearisation:
        """Return products with the Jacobian at one state ``x``, or with one player's own block of it."""
        return _linearised(self, x, t, player)

    def with_constants(self, **values: float) -> UpdateMap:
        """Return the same map at other values of its constants; nothing is recompiled."""
        return cast(UpdateMap, _with_constants(self, values))

    def __repr__(self) -> str:
        return f"UpdateMap({self.label or 'unnamed'}, dim={self.layout.dim}, dt={self.dt:g})"


#: A flow or a map: what every analysis takes.
System: TypeAlias = VectorField | UpdateMap


class FieldCheckError(AssertionError):
    """A system broke its contract; the message says in what and by how much."""


def _relative_error(got: Array, expected: Array) -> float:
    got, expected = to_numpy(got), to_numpy(expected)
    if got.shape != expected.shape:
        raise FieldCheckError(f"expected shape {expected.shape}, got {got.shape}")
    scale = max(float(np.max(np.abs(expected), initial=0)), np.finfo(float).tiny ** 0.5)
    return float(np.max(np.abs(got - expected), initial=0)) / scale


def _require(what: str, got: Array, expected: Array, tolerance: float) -> None:
    error = _relative_error(got, expected)
    if not error <= tolerance:
        raise FieldCheckError(f"{what}: relative error {error:.3g}, at most {tolerance:.3g} allowed")


def check_field(
    system: System,
    x: Array,
    *,
    t: Any = 0,
    smooth: bool = True,
    rtol: float | None = None,
    seed: int = 0,
) -> None:
    """Check that a field or map keeps its contract at a state, and raise with what failed by how much.

    Checked: the shape is kept and finite; the input is not changed; two evaluations are equal bit for
    bit; a batch equals its points one by one; a stack of directions equals them one by one;
    ``jac``, ``jvp`` and ``vjp`` agree; the adjoint identity ``<w, J u> = <J^T w, u>``; and, for smooth
    systems, ``jvp`` against central differences with Richardson extrapolation. Across the kinks of a
    ReLU network differences are not the derivative: pass ``smooth=False`` there.

    Args:
        system: the vector field or update map.
        x: a state, shape (n,), in the system's own namespace, float32 or float64.
        t: flow time, or the integer step of a map.
        smooth: also compare with central differences.
        rtol: largest relative error allowed between ways that are equal in exact arithmetic; the
            default is 1e4 times the rounding unit of ``x``. Differences get its square root.
        seed: seed of the random directions.

    Raises:
        FieldCheckError: the first property that fails, and by how much.

    Example:
        >>> layout = Layout.scalars(state=["x"])
        >>> wrong = VectorField(lambda x, t: -x, layout, jvp=lambda x, u, t: u)
        >>> check_field(wrong, np.ones(1))
        Traceback (most recent call last):
        ...
        gandyn.field.FieldCheckError: jvp against central differences: relative error 2, ...
    """
    n = system.layout.dim
    _check_width("x", x, n)
    if len(x.shape) != 1:
        raise ValueError(f"check_field takes one state of shape ({n},), got {tuple(x.shape)}")
    xp = array_namespace(x)
    rtol = 1e4 * float(xp.finfo(x.dtype).eps) if rtol is None else rtol
    rng = np.random.default_rng(seed)
    before = to_numpy(x).copy()
    value = system(x, t)
    if not np.all(np.isfinite(to_numpy(value))):
        raise FieldCheckError(f"the value at x is not finite: {to_numpy(value)}")
    directions = like(rng.standard_normal((3, n)) * _probe_scale(system.layout, before), x)
    products = system.jvp(x, directions, t)
    adjoints = system.vjp(x, directions, t)
    if not np.array_equal(before, to_numpy(x)):
        raise FieldCheckError("the input was changed in place by evaluating the system")
    if not np.array_equal(to_numpy(value), to_numpy(system(x, t))):
        raise FieldCheckError("two evaluations at the same state differ: the system is not a function")
    batch = x + 1e-3 * directions
    _check_batch(system, batch, t, rtol)
    for name, product, stacked in (("jvp", system.jvp, products), ("vjp", system.vjp, adjoints)):
        single = xp.stack([product(x, directions[i, ...], t) for i in range(3)])
        _require(f"{name} of a stack against its directions one by one", stacked, single, rtol)
    inner, adjoint = to_numpy(directions) @ to_numpy(products).T, to_numpy(adjoints) @ to_numpy(directions).T
    _require("the adjoint identity <w, J u> = <J^T w, u>", adjoint, inner, rtol)
    if n <= 512:
        matrix = to_numpy(system.jac(x, t))
        _require("jvp against jac", products, to_numpy(directions) @ matrix.T, rtol)
        _require("vjp against jac", adjoints, to_numpy(directions) @ matrix, rtol)
    if smooth and system.derivatives == "exact":
        half = _difference_quotient(system, x, directions, t, 0.5)
        full = _difference_quotient(system, x, directions, t, 1.0)
        _require("jvp against central differences", (4 * half - full) / 3, products, rtol**0.5)


def _probe_scale(layout: Layout, x: np.ndarray) -> np.ndarray:
    """Return how far each entry may be moved: optimiser memory, in proportion, for it may have a sign."""
    return np.where(layout.mask("memory"), np.abs(x), 1.0)


def _check_batch(system: System, batch: Array, t: Any, rtol: float) -> None:
    xp = array_namespace(batch)
    count = batch.shape[0]
    points = xp.stack([system(batch[i, ...], t) for i in range(count)])
    _require("a batch against its points one by one", system(batch, t), points, rtol)
    _require("a batch with two leading axes", system(batch[:, None, :], t)[:, 0, :], points, rtol)


def _difference_quotient(system: System, x: Array, u: Array, t: Any, scale: float) -> Array:
    xp = array_namespace(x)
    size = float(np.linalg.norm(to_numpy(x))) + 1.0
    longest = float(np.max(np.linalg.norm(to_numpy(u), axis=-1)))
    h = scale * size * float(xp.finfo(x.dtype).eps) ** 0.2 / longest
    return xp.stack(
        [(system(x + h * u[i, ...], t) - system(x - h * u[i, ...], t)) / (2 * h) for i in range(u.shape[0])]
    )
