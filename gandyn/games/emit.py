"""From expressions to the source of a kernel: straight-line code in loops over nodes.

Every distinct subexpression becomes one assignment, across the velocity and the Jacobian, and is placed
in the outermost loop where its operands are known: once per call, once per point, or once per node.
One program is written out twice: for the compiler, with pointers and a loop over points, and for NumPy,
with all points and the nodes of the innermost loop as axes.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import sympy as sp

from gandyn.games import functions
from gandyn.games.expectation import Expectation

__all__ = ["Sources", "emit", "own_functions"]

_CALL, _POINT, _NODE, _AFTER = 0, 1, 2, 99
"""Levels: once per call, once per point, once per node (+ depth of the loop), after the loops."""

_NAMES: dict[Any, str] = {
    **{getattr(sp, name): name for name in ("exp", "log", "sin", "cos", "tan", "sinh", "cosh", "tanh")},
    **{getattr(sp, name): name for name in ("asin", "acos", "atan", "asinh", "acosh", "atanh")},
    **{getattr(sp, name): name for name in ("atan2", "erf", "erfc", "sign", "floor")},
    **{getattr(functions, name): name for name in ("sigmoid", "softplus", "log1mexp", "inverse_expm1")},
    **{getattr(functions, name): name for name in ("expm1", "log1p", "sech2")},
    sp.Abs: "abs",
    sp.Heaviside: "heaviside",
    sp.Max: "maximum",
    sp.Min: "minimum",
}
_COMPARISONS = {sp.Gt: ">", sp.Ge: ">=", sp.Lt: "<", sp.Le: "<=", sp.Eq: "==", sp.Ne: "!="}


@dataclass(frozen=True)
class Sources:
    """The two writings of a kernel, each defining a function named ``kernel``.

    Args:
        compiled: source for the compiler.
        numpy: source for NumPy.
        loops: the measures over which each loop nest runs.
    """

    compiled: str
    numpy: str
    loops: list[list[int]]


@dataclass
class _Scope:
    """Where assignments go: what was lowered there, the lines by level, and the sums of a loop."""

    levels: tuple[int, ...]
    measures: tuple[int, ...] = ()
    names: dict[sp.Basic, tuple[str, int]] = field(default_factory=dict)
    texts: dict[tuple[int, str], str] = field(default_factory=dict)
    lines: dict[int, list[str]] = field(init=False)
    sums: list[tuple[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.lines = {level: [] for level in self.levels}


def emit(
    outputs: Sequence[sp.Expr],
    state: Sequence[sp.Symbol],
    params: Sequence[sp.Symbol],
    time: sp.Symbol | None,
    widths: Sequence[int],
) -> Sources:
    """Return the source of a kernel that computes ``outputs`` at many states.

    Args:
        outputs: the velocity, and behind it the Jacobian row by row if it is wanted.
        state: the symbols of the state, n of them.
        params: the symbols of the constants.
        time: the symbol of time, if any.
        widths: dimension of each measure; symbols named "measure 0", ... stand for them.

    Returns:
        The sources: ``kernel(x, count, t, params, nodes, plan, out)`` on pointers for the compiler,
        with the n velocities and then the Jacobian of each point in ``out``, and
        ``kernel(x, t, params, nodes, plan)`` for NumPy, a list of outputs.

    Raises:
        ValueError: an expression that has no numerical form here; the message quotes it.
    """
    program = _Program(state, params, time, widths)
    results = [program.lower(expression)[0] for expression in outputs]
    loops = [list(measures) for measures in program.loops]
    return Sources(_compiled_source(program, results), _numpy_source(program, results), loops)


def own_functions(expressions: Sequence[sp.Expr]) -> dict[str, Any]:
    """Return the user's own functions in the expressions, by the name they have in the source."""
    found = {f.func for e in expressions for f in e.atoms(sp.Function) if hasattr(f.func, "scalar")}
    return {_own_name(f): f for f in sorted(found, key=_own_name)}


def _own_name(function: Any) -> str:
    return "own_" + re.sub(r"\W", "_", f"{function.__module__}_{function.__qualname__}")


class _Program:
    """Assignments by level, filled while expressions are lowered."""

    def __init__(
        self,
        state: Sequence[sp.Symbol],
        params: Sequence[sp.Symbol],
        time: sp.Symbol | None,
        widths: Sequence[int],
    ) -> None:
        self.dim, self.params, self.widths = len(state), len(params), widths
        self.loops: dict[tuple[int, ...], _Scope] = {}
        self.top = self.scope = _Scope((_CALL, _POINT, _AFTER))
        self.count = 0
        self.top.names |= {symbol: (f"p{i}", _CALL) for i, symbol in enumerate(params)}
        self.top.names |= {symbol: (f"x{i}", _POINT) for i, symbol in enumerate(state)}
        if time is not None:
            self.top.names[time] = ("t", _CALL)

    def lower(self, node: sp.Basic) -> tuple[str, int]:
        """Return the name that holds the value of ``node``, and its level."""
        for scope in (self.top, self.scope):
            if node in scope.names:
                return scope.names[node]
        name, level = self._lower(node)
        self._home(level).names[node] = name, level
        return name, level

    def _home(self, level: int) -> _Scope:
        return self.top if level in self.top.levels else self.scope

    def _fresh(self, letter: str) -> str:
        self.count += 1
        return f"{letter}{self.count}"

    def assign(self, text: str, level: int) -> tuple[str, int]:
        """Return a name for the value of ``text``, the earlier one if it was computed before."""
        home = self._home(level)
        if (level, text) not in home.texts:
            home.texts[level, text] = name = self._fresh("v")
            home.lines[level].append(f"{name} = {text}")
        return home.texts[level, text], level

    def apply(self, template: str, *nodes: sp.Basic) -> tuple[str, int]:
        """Assign the template filled with the lowered nodes."""
        lowered = [self.lower(node) for node in nodes]
        return self.assign(
            template.format(*(name for name, _ in lowered)), max(level for _, level in lowered)
        )

    def _lower(self, node: sp.Basic) -> tuple[str, int]:
        if isinstance(node, Expectation):
            return self._expectation(node)
        if not isinstance(node, sp.Expr):
            return self._call(node.func, node)
        if node.is_number and not node.atoms(sp.Function):
            return _literal(node), _CALL
        if node.is_Add:
            return self._sum(node)
        if node.is_Mul:
            return self._product(node)
        if node.is_Pow:
            return self._power(*node.args)
        if isinstance(node, sp.Piecewise):
            return self._piecewise(node)
        return self._call(node.func, node)

    def _call(self, kind: Any, node: sp.Basic) -> tuple[str, int]:
        if kind in (sp.Max, sp.Min) and len(node.args) > 2:
            return self._call(kind, kind(node.args[0], kind(*node.args[1:], evaluate=False), evaluate=False))
        if kind in _NAMES and len(node.args) == 1 and node.args[0].could_extract_minus_sign():
            name, level = self.apply("-{}", -node.args[0])  # so that f(u) and f(-u) share what is even
            return self.assign(f"{_NAMES[kind]}({name})", level)
        if kind in _NAMES:
            return self.apply(f"{_NAMES[kind]}({', '.join('{}' for _ in node.args)})", *node.args)
        if hasattr(kind, "scalar"):
            lowered = [(str(a), _CALL) if a.is_Integer else self.lower(a) for a in node.args]
            text = ", ".join(name for name, _ in lowered)
            return self.assign(f"{_own_name(kind)}({text})", max(level for _, level in lowered))
        if kind in _COMPARISONS:
            return self.apply(f"{{}} {_COMPARISONS[kind]} {{}}", *node.args)
        if kind in (sp.And, sp.Or):
            return self.apply(f" {'&' if kind is sp.And else '|'} ".join("{}" for _ in node.args), *node.args)
        if kind is sp.Not:
            return self.apply("{} == False", node.args[0])
        raise ValueError(
            f"{node} has no numerical form here: use elementary functions, or give the function "
            f"{getattr(kind, '__name__', kind)} the attributes fdiff, scalar and _imp_"
        )

    def _piecewise(self, node: sp.Basic) -> tuple[str, int]:
        name, level = "nan", _CALL
        for value, condition in reversed(node.args):
            if condition is sp.S.true:
                name, level = self.lower(value)
                continue
            test, at = self.lower(condition)
            chosen, of = self.lower(value)
            name, level = self.assign(f"where({test}, {chosen}, {name})", max(level, at, of))
        return name, level

    def _sum(self, node: sp.Expr) -> tuple[str, int]:
        terms = []
        for arg in node.args:
            negative = bool(arg.as_coeff_Mul()[0].is_negative)
            name, level = self.lower(-arg if negative else arg)
            terms.append((level, negative, name))
        terms.sort(key=lambda term: term[:2])
        level, negative, total = terms[0]
        if negative:
            total, _ = self.assign(f"-{total}", level)
        for level, negative, name in terms[1:]:
            total, _ = self.assign(f"{total} {'-' if negative else '+'} {name}", level)
        return total, level

    def _product(self, node: sp.Expr) -> tuple[str, int]:
        if node.as_coeff_Mul()[0].is_negative:
            return self.apply("-{}", -node)
        factors = []
        for arg in node.args:
            inverse = arg.is_Pow and bool(arg.exp.is_negative)
            name, level = self.lower(1 / arg if inverse else arg)
            factors.append((level, inverse, name))
        total = ""
        for level in sorted({factor[0] for factor in factors}):
            above = [name for at, inverse, name in factors if at == level and not inverse]
            below = [name for at, inverse, name in factors if at == level and inverse]
            for name in above:
                total = self.assign(f"{total} * {name}", level)[0] if total else name
            if below:
                divisor = below[0]
                for name in below[1:]:
                    divisor, _ = self.assign(f"{divisor} * {name}", level)
                total, _ = self.assign(f"{total or '1.0'} / {divisor}", level)
        return total, level

    def _power(self, base: sp.Expr, power: sp.Expr) -> tuple[str, int]:
        if power.is_Float and power == int(power):
            power = sp.Integer(int(power))
        if power == sp.S.Half:
            return self.apply("sqrt({})", base)
        if power.is_Rational and power.is_negative:
            return self.apply("1.0 / {}", base**-power)
        if power.is_Integer and power < 64:
            half = power // 2
            return self.apply("{} * {}", base**half, base ** (power - half))
        if power.is_Rational and power.q == 2 and power < 32:
            return self.apply("{} * {}", base ** (power - sp.S.Half), sp.sqrt(base))
        return self.apply("{} ** {}", base, power)

    def _expectation(self, node: Expectation) -> tuple[str, int]:
        simpler = node.simplified()
        if simpler != node:
            return self.lower(simpler)
        numbers = tuple(int(measure.name.split()[1]) for _, measure in node.bindings)
        scope = self.loops.setdefault(numbers, _Scope(tuple(_NODE + d for d in range(len(numbers))), numbers))
        renamed = {}
        for depth, (symbols, _) in enumerate(node.bindings):
            for axis, symbol in enumerate(symbols):
                renamed[symbol] = sp.Symbol(f"node {depth} {axis}", real=True)
                scope.names[renamed[symbol]] = (f"z{depth}_{axis}", _NODE + depth)
        self.scope = scope
        integrand, _ = self.lower(node.integrand.xreplace(renamed))
        self.scope = self.top
        for name, summed in scope.sums:
            if summed == integrand:
                return name, _AFTER
        scope.sums.append((self._fresh("s"), integrand))
        return scope.sums[-1][0], _AFTER


def _literal(number: sp.Basic) -> str:
    if number is sp.nan:
        return "nan"
    value = float(number)
    return repr(value) if value >= 0 else f"({value!r})"


def _indent(lines: Sequence[str], depth: int) -> list[str]:
    return ["    " * depth + line for line in lines]


def _header(program: _Program) -> Iterator[str]:
    """Yield the loads of constants, and where each measure starts: columns of values, then weights."""
    yield from (f"p{i} = params[{i}]" for i in range(program.params))
    start = "0"
    for number, width in enumerate(program.widths):
        yield f"n{number} = plan[{number}]"
        yield f"o{number} = {start}"
        yield f"w{number} = o{number} + {width} * n{number}"
        start = f"w{number} + n{number}"


def _compiled_source(program: _Program, results: list[str]) -> str:
    dim, width = program.dim, len(results)
    body = [f"x{i} = x[{dim} * point + {i}]" for i in range(dim)] + program.top.lines[_POINT]
    for loop in program.loops.values():
        body += _compiled_loop(program, loop, 0, "")
    body += program.top.lines[_AFTER]
    zeros = sum(result == "0.0" for result in results)
    if zeros:
        body += [f"for entry in range({width}):", f"    out[{width} * point + entry] = 0.0"]
    body += [f"out[{width} * point + {i}] = {r}" for i, r in enumerate(results) if r != "0.0"]
    lines = ["prefer_wide_vectors()", *_header(program), *program.top.lines[_CALL]]
    lines += ["for point in range(count):", *_indent(body, 1)]
    return "\n".join(["def kernel(x, count, t, params, nodes, plan, out):", *_indent(lines, 1)]) + "\n"


def _compiled_loop(program: _Program, loop: _Scope, depth: int, suffix: str) -> list[str]:
    number, innermost = loop.measures[depth], depth == len(loop.measures) - 1
    body = [
        f"z{depth}_{axis} = nodes[o{number} + {axis} * n{number} + i{depth}]"
        for axis in range(program.widths[number])
    ]
    body += _with_lone_sigmoids(loop.lines[_NODE + depth])
    inner = suffix + "_"
    if not innermost:
        body += _compiled_loop(program, loop, depth + 1, inner)
    for name, integrand in loop.sums:
        value = integrand if innermost else name + inner
        body.append(f"{name}{suffix} = accumulate({name}{suffix}, nodes[w{number} + i{depth}], {value})")
    zeros = [f"{name}{suffix} = 0.0" for name, _ in loop.sums]
    return [*zeros, f"for i{depth} in range(n{number}):", *_indent(body, 1)]


def _with_lone_sigmoids(lines: list[str]) -> list[str]:
    """Use the faster sigmoid where no other function of plus or minus its argument shares its work."""
    opposite = {found[1]: found[2] for line in lines if (found := re.match(r"(\w+) = -(\w+)$", line))}
    calls = [re.match(r"(\w+) = (sigmoid|softplus)\((\w+)\)$", line) for line in lines]
    even = [opposite.get(call[3], call[3]) if call else "" for call in calls]
    uses = Counter(even)
    return [
        f"{call[1]} = lone_sigmoid({call[3]})"
        if call and call[2] == "sigmoid" and uses[argument] == 1
        else line
        for call, argument, line in zip(calls, even, lines, strict=True)
    ]


def _numpy_source(program: _Program, results: list[str]) -> str:
    lines = [*_header(program), *(f"x{i} = x[:, {i} : {i + 1}]" for i in range(program.dim))]
    lines += program.top.lines[_CALL] + program.top.lines[_POINT]
    for loop in program.loops.values():
        lines += [f"{name} = 0.0" for name, _ in loop.sums]
        lines += _numpy_loop(program, loop, 0, "")
    lines += program.top.lines[_AFTER]
    lines.append(f"return [{', '.join(results)}]")
    return "\n".join(["def kernel(x, t, params, nodes, plan):", *_indent(lines, 1)]) + "\n"


def _numpy_loop(program: _Program, loop: _Scope, depth: int, weight: str) -> list[str]:
    number, innermost = loop.measures[depth], depth == len(loop.measures) - 1
    body = []
    for axis in range(program.widths[number]):
        start = f"o{number} + {axis} * n{number}"
        at = f"{start} : {start} + n{number}" if innermost else f"{start} + i{depth}"
        body.append(f"z{depth}_{axis} = nodes[{at}]")
    body += loop.lines[_NODE + depth]
    if innermost:
        weights = f"nodes[w{number} : w{number} + n{number}]"
        body += [f"{name} = {name} + {weight}total({value}, {weights})" for name, value in loop.sums]
        return body
    body += _numpy_loop(program, loop, depth + 1, f"{weight}nodes[w{number} + i{depth}] * ")
    return [f"for i{depth} in range(n{number}):", *_indent(body, 1)]
