"""A tape as straight-line machine code, for small games: no interpreter, every number in a register.

LLVM gets the operations of a tape one after the other, a line for each entry of a vector and of its
derivatives; those that are 0 whatever the state are left out. It takes milliseconds for each rule, so that
nothing is kept on disk. ``compiled`` interprets tapes that are too long for this.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from llvmlite import binding, ir

from gandyn.schemes.encoding import BASE
from gandyn.schemes.record import Instruction
from gandyn.schemes.straight_operations import OPERATIONS, Register, Writer

__all__ = ["LONGEST", "Shape", "address_of", "length"]

LONGEST = 4000
"""Entries of all vectors and of their derivatives, up to which a tape becomes straight-line code."""

_WORD, _REAL = ir.IntType(64), ir.DoubleType()
_ENTRY = ir.FunctionType(ir.VoidType(), [_WORD, _WORD, _REAL, _WORD, _WORD, _WORD, _WORD])


#: Every engine is kept: its machine code lives as long as it does.
_engines: dict[Shape, Any] = {}
_lock = threading.Lock()


@dataclass(frozen=True)
class Shape:
    """What the code of a tape depends on.

    Args:
        scalars: operations on numbers.
        vectors: operations on vectors.
        results: registers of the next state and of its memory.
        n: number of entries of a vector.
        split: number of entries before the discriminator's.
        constants: where the constants of the rule begin among all constants.
        derivatives: whether the Jacobian is wanted behind the next state.
    """

    scalars: tuple[Instruction, ...]
    vectors: tuple[Instruction, ...]
    results: tuple[int, ...]
    n: int
    split: int
    constants: int
    derivatives: bool

    @property
    def whole(self) -> int:
        """Number of entries of the state, memory included."""
        return self.n * len(self.results)


def length(shape: Shape) -> int:
    """Return how many entries the vectors of a tape and their derivatives have."""
    rows = 1 + shape.whole if shape.derivatives else 1
    products = shape.n if shape.derivatives else 1
    return sum(shape.n * rows * (products if v.name == "velocity" else 1) for v in shape.vectors)


def address_of(shape: Shape) -> int:
    """Return the address of the code, which takes the arguments of ``compiled.next_state``."""
    with _lock:
        if shape not in _engines:
            module = ir.Module(name="tape")
            module.triple = binding.get_default_triple()
            _write(ir.Function(module, _ENTRY, name="tape"), shape)
            _engines[shape] = _linked(str(module))
        return int(_engines[shape].get_function_address("tape"))


def _linked(source: str) -> Any:
    """Return the engine that holds the machine code of a module."""
    machine = _machine()
    module = binding.parse_assembly(source)
    passes = binding.create_pass_builder(machine, binding.create_pipeline_tuning_options(speed_level=2))
    passes.getModulePassManager().run(module, passes)
    engine = binding.create_mcjit_compiler(module, machine)
    engine.finalize_object()
    return engine


def _machine() -> Any:
    """Return this processor as LLVM's target."""
    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    return binding.Target.from_default_triple().create_target_machine(
        cpu=binding.get_host_cpu_name(),
        features=binding.get_host_cpu_features().flatten(),
        opt=2,
        reloc="static",
        codemodel="jitdefault",
        jit=True,
    )


def _write(function: ir.Function, shape: Shape) -> None:
    """Write the loop over states."""
    x, count, k, params, nodes, counts, out = function.args
    start, head, body, done = (
        function.append_basic_block(name) for name in ("start", "head", "body", "done")
    )
    b = ir.IRBuilder(start)
    writer = Writer(b, shape.n, shape.split, shape.whole if shape.derivatives else 0)
    writer.scalars = _scalars(writer, shape, k, params)
    call = _field(writer, shape, params, nodes, counts)
    b.branch(head)
    b.position_at_end(head)
    i = b.phi(_WORD)
    i.add_incoming(_WORD(0), start)
    b.cbranch(b.icmp_signed("<", i, count), body, done)
    b.position_at_end(body)
    width = shape.whole + shape.whole**2 if shape.derivatives else shape.whole
    registers = _registers(writer, shape, writer.entries(x, i, shape.whole), call)
    _store(writer, shape, registers, writer.entries(out, i, width))
    i.add_incoming(b.add(i, _WORD(1)), b.block)
    b.branch(head)
    b.position_at_end(done)
    b.ret_void()


def _scalars(writer: Writer, shape: Shape, k: Any, params: Any) -> list[Any]:
    """Write the numbers that a step needs, once for all states."""
    b, held = writer.builder, []
    constants = writer.entries(params, _WORD(0), 0)
    plain: dict[str, Callable[..., Any]] = {
        "add": b.fadd,
        "subtract": b.fsub,
        "multiply": b.fmul,
        "divide": b.fdiv,
        "power": lambda a, c: writer.math("pow", a, c),
        "cos": lambda a, _: writer.math("cos", a),
    }
    for name, _, operands, extra in shape.scalars:
        if name == "constant":
            held.append(writer.load(constants, shape.constants + extra[0]))
        elif name == "literal":
            held.append(_REAL(extra[0]))
        elif name == "step":
            held.append(k)
        else:
            held.append(plain[name](*(held[j] for j in operands)))
    return held


def _field(writer: Writer, shape: Shape, params: Any, nodes: Any, counts: Any) -> Callable[..., Any]:
    """Return what writes the velocity at some entries, and the Jacobian row by row."""
    b, n = writer.builder, shape.n
    words = b.inttoptr(counts, _WORD.as_pointer())
    place = b.load(b.gep(words, [_WORD(BASE)]))
    program = b.load(b.gep(words, [b.add(place, _WORD(int(shape.derivatives)))]))
    game = b.inttoptr(program, _ENTRY.as_pointer())
    plan = b.add(counts, b.mul(_WORD(8), b.add(place, _WORD(2))))
    size = n + n * n if shape.derivatives else n
    at, into = (b.alloca(_REAL, size=_WORD(length)) for length in (n, size))

    def call(state: Sequence[Any], t: Any) -> list[Any]:
        for j, entry in enumerate(state):
            writer.store(at, j, entry)
        addresses = [b.ptrtoint(memory, _WORD) for memory in (at, into)]
        b.call(game, [addresses[0], _WORD(1), t, params, nodes, plan, addresses[1]])
        return [writer.load(into, j) for j in range(size)]

    return call


def _registers(writer: Writer, shape: Shape, x: Any, call: Callable[..., Any]) -> list[Register]:
    """Write the operations on vectors for one state."""
    registers: list[Register] = []
    for instruction in shape.vectors:
        vectors = [registers[j] for j in instruction.vectors]
        scalars = [writer.scalars[j] for j in instruction.scalars]
        if instruction.name == "velocity":
            registers.append(writer.through_jacobian(call(vectors[0].values, scalars[0]), vectors[0]))
        elif instruction.name == "input":
            registers.append(writer.part_of_state(x, instruction.extra[0]))
        else:
            registers.append(OPERATIONS[instruction.name](writer, instruction.extra, scalars, vectors))
    return registers


def _store(writer: Writer, shape: Shape, registers: Sequence[Register], out: Any) -> None:
    """Write the next state, and behind it the Jacobian row by row."""
    whole = shape.whole
    for part, place in enumerate(shape.results):
        for j, value in enumerate(registers[place].values):
            row = part * shape.n + j
            writer.store(out, row, value)
            for c, slopes in enumerate(registers[place].slopes):
                writer.store(out, whole + row * whole + c, _REAL(0) if slopes[j] is None else slopes[j])
