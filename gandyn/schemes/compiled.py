"""One interpreter of tapes for all rules and games, compiled once: what runs tapes too long for ``straight``.

The tape is data, in ``counts``; numbers are in ``params``. Every vector register holds a row for its value
and, where the Jacobian is wanted, a row for its derivative by each entry of the state.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba import carray, cfunc, extending, types

from gandyn.games.pointwise import call_program
from gandyn.schemes.encoding import HEADER, SCALAR_WIDTH, SCALARS, VECTOR_WIDTH, VECTORS

__all__ = ["next_state", "next_state_and_jacobian"]

_intrinsic: Any = extending.intrinsic
_jit: Any = numba.njit(error_model="numpy", inline="always")
_SMALL = 256
"""Numbers of scratch memory that are taken from the stack, which is much faster."""

_LOAD, _STEP = SCALARS["load"], SCALARS["step"]
_ADD, _SUBTRACT, _MULTIPLY = (SCALARS[name] for name in ("add", "subtract", "multiply"))
_DIVIDE, _POWER = SCALARS["divide"], SCALARS["power"]
_INPUT, _VELOCITY, _PICK = (VECTORS[name] for name in ("input", "velocity", "pick"))
_ADVANCE = VECTORS["advance"]
_VADD, _VSUBTRACT, _SCALE = (VECTORS[name] for name in ("add", "subtract", "scale"))
_VMULTIPLY, _VDIVIDE, _SQRT = (VECTORS[name] for name in ("multiply", "divide", "sqrt"))
_CLIP, _MINIMUM, _FILL = (VECTORS[name] for name in ("clip", "minimum", "fill"))
_DOT, _NOISE = VECTORS["dot"], VECTORS["noise"]


def _pointer_to(real: bool) -> Any:
    numba_type = types.float64 if real else types.int64
    llvm_type = ir.DoubleType() if real else ir.IntType(64)

    @_intrinsic
    def pointer(typing_context: Any, address: Any) -> Any:
        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            return builder.inttoptr(args[0], llvm_type.as_pointer())

        return types.CPointer(numba_type)(types.int64), codegen

    return pointer


_floats_at, _words_at = _pointer_to(True), _pointer_to(False)


@_intrinsic
def _stack(typing_context: Any) -> Any:
    """Return the address of memory that lasts until the function returns."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        with builder.goto_entry_block():
            memory = builder.alloca(ir.DoubleType(), size=ir.Constant(ir.IntType(64), _SMALL))
        return builder.ptrtoint(memory, ir.IntType(64))

    return types.int64(), codegen


@_jit
def _numbers(counts: np.ndarray, params: np.ndarray, k: float, held: np.ndarray) -> None:
    """Write the scalar registers."""
    for i in range(counts[3]):
        row = HEADER + SCALAR_WIDTH * i
        code, a, b = counts[row], counts[row + 1], counts[row + 2]
        if code == _LOAD:
            held[i] = params[a]
        elif code == _STEP:
            held[i] = k
        elif code == _ADD:
            held[i] = held[a] + held[b]
        elif code == _SUBTRACT:
            held[i] = held[a] - held[b]
        elif code == _MULTIPLY:
            held[i] = held[a] * held[b]
        elif code == _DIVIDE:
            held[i] = held[a] / held[b]
        elif code == _POWER:
            held[i] = held[a] ** held[b]
        else:
            held[i] = np.cos(held[a])


@_jit
def _linear(code: int, reg: np.ndarray, o: int, a: int, b: int, s: float, size: int) -> None:
    """Add, subtract or scale: the rows of derivatives as the row of values."""
    if code == _VADD:
        for j in range(size):
            reg[o + j] = reg[a + j] + reg[b + j]
    elif code == _VSUBTRACT:
        for j in range(size):
            reg[o + j] = reg[a + j] - reg[b + j]
    else:
        for j in range(size):
            reg[o + j] = s * reg[a + j]


@_jit
def _advance(
    reg: np.ndarray, o: int, a: int, b: int, s: float, first: int, last: int, n: int, size: int
) -> None:
    """Write ``a + s b`` for the entries from ``first`` to ``last``, and ``a`` for the others."""
    if last - first == n:
        for j in range(size):
            reg[o + j] = reg[a + j] + s * reg[b + j]
        return
    for j in range(size):
        reg[o + j] = reg[a + j]
    for r in range(0, size, n):
        for j in range(r + first, r + last):
            reg[o + j] += s * reg[b + j]


@_jit
def _entry(code: int, a: float, b: float, c: float, s: float) -> tuple[float, float, float, float]:
    """Return the value of an entry and its derivatives by a, b and c."""
    if code == _VMULTIPLY:
        return a * b, b, a, 0.0
    if code == _VDIVIDE:
        return a / b, 1 / b, -(a / b) / b, 0.0
    if code == _SQRT:
        root = np.sqrt(a)
        return root, (0.5 / root if root > 0 else 0.0), 0.0, 0.0
    if code == _CLIP:
        if a > s:
            return s, 0.0, 0.0, 0.0
        return (-s, 0.0, 0.0, 0.0) if a < -s else (a, 1.0, 0.0, 0.0)
    if code == _MINIMUM:
        return (a, 1.0, 0.0, 0.0) if a <= b else (b, 0.0, 1.0, 0.0)
    return (b, 0.0, 1.0, 0.0) if a > 0 else (c, 0.0, 0.0, 1.0)


@_jit
def _entrywise(
    code: int, reg: np.ndarray, o: int, a: int, b: int, c: int, s: float, n: int, size: int
) -> None:
    for j in range(n):
        value, by_a, by_b, by_c = _entry(code, reg[a + j], reg[b + j], reg[c + j], s)
        reg[o + j] = value
        for r in range(n + j, size, n):
            reg[o + r] = by_a * reg[a + r] + by_b * reg[b + r] + by_c * reg[c + r]


@_jit
def _dot(reg: np.ndarray, o: int, a: int, b: int, n: int, size: int) -> None:
    for r in range(0, size, n):
        total = 0.0
        for j in range(n):
            total += reg[a + j] * reg[b + r + j]
            if r > 0:
                total += reg[b + j] * reg[a + r + j]
        for j in range(n):
            reg[o + r + j] = total


@_jit
def _pick(reg: np.ndarray, o: int, a: int, b: int, split: int, n: int, size: int) -> None:
    for r in range(0, size, n):
        for j in range(split):
            reg[o + r + j] = reg[a + r + j]
        for j in range(split, n):
            reg[o + r + j] = reg[b + r + j]


@_jit
def _input(reg: np.ndarray, o: int, number: int, n: int, size: int, x: np.ndarray) -> None:
    """Load a vector of the state, whose derivative is a unit vector."""
    for j in range(n):
        reg[o + j] = x[number * n + j]
    for r in range(n, size):
        reg[o + r] = 0.0
    if size > n:
        for j in range(n):
            reg[o + (1 + number * n + j) * n + j] = 1.0


@_jit
def _product(reg: np.ndarray, o: int, a: int, n: int, size: int, both: np.ndarray) -> None:
    """Write the velocity, and the Jacobian times every derivative, both of which lie in ``both``."""
    for j in range(n):
        reg[o + j] = both[j]
    for r in range(n, size, n):
        for i in range(n):
            total = 0.0
            for j in range(n):
                total += both[n + i * n + j] * reg[a + r + j]
            reg[o + r + i] = total


@_jit
def _hash(counter: Any) -> Any:
    z = counter + np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@_jit
def _noise(reg: np.ndarray, o: int, k: float, seed: int, number: int, n: int, size: int) -> None:
    """Write the numbers of ``noise.normal``, which do not depend on the state."""
    key = _hash(_hash(_hash(np.uint64(seed)) + np.uint64(np.int64(k))) + np.uint64(number))
    for j in range(n):
        index = key + np.uint64(2) * np.uint64(j)
        radius = (np.float64(_hash(index) >> np.uint64(11)) + 0.5) * 2.0**-53
        angle = (np.float64(_hash(index + np.uint64(1)) >> np.uint64(11)) + 0.5) * 2.0**-53
        reg[o + j] = np.sqrt(-2 * np.log(radius)) * np.cos(2 * np.pi * angle)
    for r in range(n, size):
        reg[o + r] = 0.0


@_jit
def _run(
    x: np.ndarray,
    counts: np.ndarray,
    held: np.ndarray,
    reg: np.ndarray,
    both: np.ndarray,
    size: int,
    params: int,
    nodes: int,
    here: int,
) -> None:
    """Fill the vector registers from the state ``x``; ``here`` is the address of ``counts``."""
    n, split, base = counts[0], counts[1], counts[6]
    start = HEADER + SCALAR_WIDTH * counts[3]
    for i in range(counts[4]):
        row = start + VECTOR_WIDTH * i
        code, o, s = counts[row], i * size, held[counts[row + 4]]
        a, b, c = counts[row + 1] * size, counts[row + 2] * size, counts[row + 3] * size
        if code == _VELOCITY:
            program, into = (
                (counts[base], reg.ctypes.data + 8 * o) if size == n else (counts[base + 1], both.ctypes.data)
            )
            call_program(program, reg.ctypes.data + 8 * a, s, params, nodes, here + 8 * (base + 2), into)
            if size > n:
                _product(reg, o, a, n, size, both)
        elif code == _ADVANCE:
            part = counts[row + 5]
            _advance(reg, o, a, b, s, split if part == 2 else 0, split if part == 1 else n, n, size)
        elif _VADD <= code <= _SCALE:
            _linear(code, reg, o, a, b, s, size)
        elif code == _INPUT:
            _input(reg, o, counts[row + 5], n, size, x)
        elif code == _PICK:
            _pick(reg, o, a, b, split, n, size)
        elif code == _DOT:
            _dot(reg, o, a, b, n, size)
        elif code == _FILL:
            for j in range(size):
                reg[o + j] = s if j < n else 0.0
        elif code == _NOISE:
            _noise(reg, o, s, counts[row + 5], counts[row + 6], n, size)
        else:
            _entrywise(code, reg, o, a, b, c, s, n, size)


@_jit
def _write(counts: np.ndarray, reg: np.ndarray, size: int, out: np.ndarray) -> None:
    """Write the next state, and behind it the Jacobian row by row."""
    n, parts = counts[0], counts[2]
    results = HEADER + SCALAR_WIDTH * counts[3] + VECTOR_WIDTH * counts[4]
    whole = n * parts
    for part in range(parts):
        place = counts[results + part] * size
        for j in range(n):
            out[part * n + j] = reg[place + j]
            if size > n:
                for c in range(whole):
                    out[whole + (part * n + j) * whole + c] = reg[place + (1 + c) * n + j]


@_jit
def _every_state(
    x: int, count: int, k: float, params: int, nodes: int, counts: int, out: int, derivatives: bool
) -> None:
    """Take one step from each of ``count`` states; everything is given by its address."""
    words = carray(_words_at(counts), (HEADER,))
    n, whole = words[0], words[0] * words[2]
    size = n * (1 + whole) if derivatives else n
    needed = words[3] + words[4] * size + (n + n * n if derivatives else 0)
    if needed > _SMALL:
        scratch = np.empty(needed)
        _with_scratch(x, count, k, params, nodes, counts, out, derivatives, scratch.ctypes.data)
    else:
        _with_scratch(x, count, k, params, nodes, counts, out, derivatives, _stack())


@_jit
def _with_scratch(
    x: int,
    count: int,
    k: float,
    params: int,
    nodes: int,
    counts: int,
    out: int,
    derivatives: bool,
    scratch: int,
) -> None:
    """Take one step from each state; ``scratch`` holds the scalars, the field's output and the registers."""
    header = carray(_words_at(counts), (HEADER,))
    words = carray(_words_at(counts), (header[8],))
    n, whole, scalars = words[0], words[0] * words[2], words[3]
    size = n * (1 + whole) if derivatives else n
    width = whole + whole * whole if derivatives else whole
    output = n + n * n if derivatives else 0
    held = carray(_floats_at(scratch), (scalars,))
    both = carray(_floats_at(scratch + 8 * scalars), (output,))
    reg = carray(_floats_at(scratch + 8 * (scalars + output)), (words[4] * size,))
    _numbers(words, carray(_floats_at(params), (words[7],)), k, held)
    for i in range(count):
        state = carray(_floats_at(x + 8 * i * whole), (whole,))
        _run(state, words, held, reg, both, size, params, nodes, counts)
        _write(words, reg, size, carray(_floats_at(out + 8 * i * width), (width,)))


_SIGNATURE = types.void(
    types.int64, types.int64, types.float64, types.int64, types.int64, types.int64, types.int64
)


@cfunc(_SIGNATURE, cache=True, error_model="numpy")
def next_state(x: int, count: int, k: float, params: int, nodes: int, counts: int, out: int) -> None:
    """Write the state after step ``k`` from each of ``count`` states."""
    _every_state(x, count, k, params, nodes, counts, out, False)


@cfunc(_SIGNATURE, cache=True, error_model="numpy")
def next_state_and_jacobian(
    x: int, count: int, k: float, params: int, nodes: int, counts: int, out: int
) -> None:
    """Write the state after step ``k`` and its derivative from each of ``count`` states."""
    _every_state(x, count, k, params, nodes, counts, out, True)
