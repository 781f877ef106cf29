"""A tape as integers: what the compiled interpreter reads."""

from __future__ import annotations

import numpy as np

from gandyn.schemes.record import Instruction
from gandyn.schemes.tape import Tape

__all__ = ["BASE", "HEADER", "SCALARS", "SCALAR_WIDTH", "VECTORS", "VECTOR_WIDTH", "compilable", "encode"]

#: Numbers before the tape: n, split, inputs, scalars, vectors, constants' place, base's place, length of
#: params, length of counts.
HEADER = 9
#: Where among them the place of the field's kernel stands.
BASE = 6
#: code, two operands; ``load`` has the place of a constant or literal.
SCALAR_WIDTH = 3
#: code, three vectors, one scalar, two numbers known when recorded.
VECTOR_WIDTH = 7

_SCALAR_NAMES = ("load", "step", "add", "subtract", "multiply", "divide", "power", "cos")
_VECTOR_NAMES = (
    *(
        "input",
        "velocity",
        "advance",
        "add",
        "subtract",
        "scale",
        "multiply",
        "divide",
        "sqrt",
        "pick",
        "clip",
    ),
    *("minimum", "where", "fill", "dot", "noise"),
)
SCALARS = {name: code for code, name in enumerate(_SCALAR_NAMES)}
VECTORS = {name: code for code, name in enumerate(_VECTOR_NAMES)}


def compilable(tape: Tape) -> bool:
    """Return whether the interpreter knows all that the tape does."""
    return all(name in VECTORS for name, *_ in tape.vectors) and all(
        extra[0] == 0 for name, _, _, extra in tape.vectors if name == "velocity"
    )


def literals(tape: Tape) -> list[float]:
    """Return the numbers that stand in the rule itself, in the order in which they are loaded."""
    return [extra[0] for name, _, _, extra in tape.scalars if name == "literal"]


def encode(tape: Tape, n: int, split: int, base_params: int, constants: int, base: np.ndarray) -> np.ndarray:
    """Return the tape as integers, followed by the plan of the field's kernel.

    Args:
        tape: the recorded rule.
        n: number of entries of a vector.
        split: number of entries before the discriminator's.
        base_params: number of constants of the field.
        constants: number of constants of the rule.
        base: the plan of the field's kernel, int64.
    """
    scalars = _encode_scalars(tape, base_params, constants)
    vectors = [_encode_vector(instruction) for instruction in tape.vectors]
    words = [*np.ravel(scalars), *np.ravel(vectors), *tape.results]
    place = HEADER + len(words)
    params = base_params + constants + len(literals(tape))
    header = [n, split, len(tape.results), len(scalars), len(vectors), base_params, place, params]
    return np.array([*header, place + len(base), *words, *base], dtype=np.int64)


def _encode_scalars(tape: Tape, base_params: int, constants: int) -> list[list[int]]:
    rows, literal = [], base_params + constants
    for name, _, operands, extra in tape.scalars:
        if name == "constant":
            rows.append([SCALARS["load"], base_params + extra[0], 0])
        elif name == "literal":
            rows.append([SCALARS["load"], literal, 0])
            literal += 1
        else:
            rows.append([SCALARS[name], *operands, *[0] * (2 - len(operands))])
    return rows


def _encode_vector(instruction: Instruction) -> list[int]:
    name, vectors, scalars, extra = instruction
    padded = [*vectors, *[0] * (3 - len(vectors)), *scalars, *[0] * (1 - len(scalars))]
    return [VECTORS[name], *padded, *extra, *[0] * (2 - len(extra))]
