"""From the source of a kernel to machine code, compiled once and kept on disk.

numba compiles the source; the object code goes into a cache, under a name that is a fingerprint of all it
depends on: the source, the functions it calls, the versions of the compilers, the processor. A later
process loads it with LLVM alone, without numba and without compiling. Files are written atomically, so
that processes may share a cache. Where numba is missing or fails, the source runs in NumPy.

The cache is in ``$GANDYN_CACHE``, else in ``$XDG_CACHE_HOME/gandyn`` or ``~/.cache/gandyn``; removing it is
always safe.
"""

from __future__ import annotations

import contextlib
import ctypes
import dataclasses
import functools
import hashlib
import inspect
import itertools
import json
import math
import os
import re
import sys
import tempfile
import threading
import warnings
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from importlib import metadata
from pathlib import Path
from typing import Any, cast

import numpy as np

from gandyn.games.arraymath import FUNCTIONS

__all__ = [
    "Kernel",
    "Program",
    "cache_folder",
    "fingerprint",
    "is_importable",
    "load",
    "save",
    "source_of",
    "without_addresses",
]

_POINTER = ctypes.c_void_p
_ENTRY = ctypes.CFUNCTYPE(
    None, _POINTER, ctypes.c_int64, ctypes.c_double, _POINTER, _POINTER, _POINTER, _POINTER
)
_MATH = "acos acosh asin asinh atan atan2 atanh cos cosh sin sinh sqrt tan"
_PARALLEL = 400_000
"""Evaluations of an integrand below which one thread is faster than several."""
_LONGEST = 200_000_000
"""Evaluations in one piece of work: how long an interrupt has to wait."""
_TWIN_ENTRIES = 1 << 18
"""Entries of the largest intermediate array of the NumPy twin."""

_SESSION = os.urandom(8).hex()
"""Tells functions that no other process can find apart from those of other processes."""

_lock = threading.RLock()
_loaded: dict[str, tuple[int, Any]] = {}


@dataclass(frozen=True, eq=False)
class Program:
    """One kernel as source, with what it needs to run, compiled or in NumPy.

    Args:
        compiled: source for the compiler.
        numpy: source for NumPy.
        loops: the measures over which each loop nest runs.
        width: entries computed for each point.
        functions: the user's own functions, by the name they have in the source.
    """

    compiled: str
    numpy: str
    loops: list[list[int]]
    width: int
    functions: Mapping[str, Any]

    def __getstate__(self) -> dict[str, Any]:
        return without_addresses(self)

    @cached_property
    def address(self) -> int:
        """Where the machine code is, or 0 where it cannot be had; a warning says so once."""
        try:
            return _machine_code(self)
        except Exception as error:
            _warn_once(f"{type(error).__name__}: {error}")
            return 0

    @cached_property
    def entry(self) -> Callable[..., None]:
        """The machine code as a function; it runs without the interpreter's lock."""
        return _ENTRY(self.address)

    @cached_property
    def twin(self) -> Callable[..., list[Any]]:
        """The kernel in NumPy: ``(x, t, params, nodes, counts)`` to a list of outputs."""
        namespace: dict[str, Any] = {**FUNCTIONS}
        for name, function in self.functions.items():
            namespace[name] = getattr(function, "_imp_", None) or np.vectorize(function.scalar)
        exec(compile(self.numpy, "<gandyn kernel>", "exec"), namespace)
        return cast(Callable[..., list[Any]], namespace["kernel"])


@dataclass(frozen=True, eq=False)
class Kernel:
    """A compiled game: what loops elsewhere need to run without Python.

    ``velocity(x, t, params, nodes, plan, out)`` and ``jacobian(x, t, params, nodes, plan, out)`` are
    first-class numba functions of C-contiguous float64 arrays; ``x`` has shape (n,), ``t`` is a float,
    ``plan`` int64; ``out`` has shape (n,), or (n + n*n,) for the velocity followed by the Jacobian row by
    row. They are the same for every game, so that a loop which takes them as arguments is compiled once.
    A changed constant changes ``params`` alone. Check ``compiled`` first.

    Args:
        dim: n, the dimension of the state.
        programs: the velocity, and the velocity with the Jacobian.
        params: values of the constants, shape (p,).
        nodes: points and weights of all measures, packed.
        counts: number of nodes of each measure.
    """

    dim: int
    programs: tuple[Program, Program]
    params: np.ndarray
    nodes: np.ndarray
    counts: np.ndarray

    def __getstate__(self) -> dict[str, Any]:
        return without_addresses(self)

    @property
    def compiled(self) -> bool:
        """Whether machine code is there; compiles it if need be."""
        return all(program.address for program in self.programs)

    @cached_property
    def plan(self) -> np.ndarray:
        """Addresses of both programs and the counts, int64."""
        return np.array([*(program.address for program in self.programs), *self.counts], dtype=np.int64)

    @property
    def velocity(self) -> Any:
        """Numba function that writes the velocity, or the next state of a map."""
        from gandyn.games.pointwise import velocity

        return velocity

    @property
    def jacobian(self) -> Any:
        """Numba function that writes the velocity and the Jacobian."""
        from gandyn.games.pointwise import jacobian

        return jacobian

    def evaluate(self, x: Any, t: Any = 0, *, jacobian: bool = False) -> np.ndarray:
        """Return the outputs at states ``x``, in parallel over states.

        Args:
            x: states, shape (..., n).
            t: time, one number.
            jacobian: also compute the Jacobian, with the velocity, at little more cost.

        Returns:
            Shape (..., n), or (..., n + n*n) with the Jacobian row by row behind the velocity.
        """
        program, states = self.programs[jacobian], _states(x)
        if not program.address:
            return self.evaluate_in_numpy(x, t, jacobian=jacobian)
        flat = np.ascontiguousarray(states.reshape(-1, self.dim), dtype=np.float64)
        out = np.empty((len(flat), program.width))
        self._run(program, flat, float(t), out)
        return out.reshape(*states.shape[:-1], program.width).astype(states.dtype, copy=False)

    def evaluate_in_numpy(self, x: Any, t: Any = 0, *, jacobian: bool = False) -> np.ndarray:
        """Return the same as ``evaluate``, computed by the twin of the machine code in NumPy."""
        program, states = self.programs[jacobian], _states(x)
        flat = states.reshape(-1, self.dim).astype(np.float64)
        out = np.empty((len(flat), program.width))
        longest = max((int(self.counts[loop[-1]]) for loop in program.loops), default=1)
        step = max(_TWIN_ENTRIES // longest, 1)
        for start in range(0, len(flat), step):
            part = flat[start : start + step]
            with np.errstate(all="ignore"):
                outputs = program.twin(part, float(t), self.params, self.nodes, self.counts)
            for column, output in enumerate(outputs):
                out[start : start + step, column] = np.broadcast_to(output, (len(part), 1))[:, 0]
        return out.reshape(*states.shape[:-1], program.width).astype(states.dtype, copy=False)

    def _run(self, program: Program, x: np.ndarray, t: float, out: np.ndarray) -> None:
        fixed = [array.ctypes.data for array in (self.params, self.nodes, self.counts)]

        def piece(start: int, stop: int) -> None:
            source, target = x.ctypes.data + start * x.strides[0], out.ctypes.data + start * out.strides[0]
            program.entry(source, stop - start, t, *fixed, target)

        count, threads = len(x), _threads()
        work = count * (1 + sum(math.prod(int(self.counts[m]) for m in loop) for loop in program.loops))
        pieces = max(math.ceil(work / _LONGEST), 4 * threads if work > _PARALLEL else 1)
        stops = np.linspace(0, count, max(min(pieces, count), 1) + 1).astype(int).tolist()
        if pieces == 1 or threads == 1:
            for start, stop in itertools.pairwise(stops):
                piece(start, stop)
            return
        pool = ThreadPoolExecutor(threads)
        try:
            list(pool.map(piece, stops[:-1], stops[1:]))
        finally:
            pool.shutdown(cancel_futures=True)


def without_addresses(kernel: Any) -> dict[str, Any]:
    """Return the fields of a dataclass for another process, which finds its own machine code."""
    return {part.name: getattr(kernel, part.name) for part in dataclasses.fields(kernel)}


def _states(x: Any) -> np.ndarray:
    states = np.asarray(x)
    if states.dtype.kind not in "fiu":
        raise TypeError(f"a symbolic game takes real NumPy states, got {type(x).__name__} of {states.dtype}")
    return states if states.dtype.kind == "f" else states.astype(np.float64)


def _threads() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:
        return os.cpu_count() or 1


@functools.cache
def _warn_once(reason: str) -> None:
    warnings.warn(
        f"symbolic games run in NumPy, many times slower: no machine code could be made ({reason})",
        RuntimeWarning,
        stacklevel=2,
    )


def cache_folder() -> Path:
    """Return the folder of derived sources and machine code."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("GANDYN_CACHE") or Path(home) / "gandyn") / "kernels"


def fingerprint(*parts: str | bytes) -> str:
    """Return a hexadecimal digest of the parts and of the source of this subpackage's generators."""
    digest = hashlib.sha256(_generators())
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        digest.update(len(data).to_bytes(8, "little") + data)
    return digest.hexdigest()[:40]


@functools.cache
def _generators() -> bytes:
    here = Path(__file__).parent
    names = ("expectation", "functions", "symbolic", "formula", "definition", "emit", "codegen", "vectormath")
    return hashlib.sha256(b"".join((here / f"{name}.py").read_bytes() for name in names)).digest()


def save(name: str, data: bytes) -> None:
    """Write a file of the cache atomically; a cache that cannot be written is left alone."""
    folder = cache_folder()
    with contextlib.suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        handle, path = tempfile.mkstemp(dir=folder)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(hashlib.sha256(data).hexdigest().encode() + b"\n" + data)
            os.replace(path, folder / name)
        except BaseException:
            os.unlink(path)
            raise


def load(name: str) -> bytes | None:
    """Return the content of a file of the cache, or None if it is missing or damaged."""
    try:
        digest, data = (cache_folder() / name).read_bytes().split(b"\n", 1)
    except (OSError, ValueError):
        return None
    return data if hashlib.sha256(data).hexdigest().encode() == digest else None


def _machine_code(program: Program) -> int:
    """Return the address of the compiled program: from memory, from disk, or from the compiler."""
    import llvmlite
    from llvmlite import binding

    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    cpu, features = binding.get_host_cpu_name(), binding.get_host_cpu_features().flatten()
    versions = f"{metadata.version('numba')} {llvmlite.__version__} {binding.get_default_triple()}"
    sources = [source_of(function) for function in program.functions.values()]
    key = fingerprint(program.compiled, versions, cpu, features, *sources)
    with _lock:
        if key not in _loaded:
            machine = binding.Target.from_default_triple().create_target_machine(
                cpu=cpu, features=features, opt=3, reloc="static", codemodel="jitdefault", jit=True
            )
            data = load(f"{key}.o")
            if data is None:
                data = _compile(program, machine)
                if all(map(is_importable, program.functions.values())):
                    save(f"{key}.o", data)
            _loaded[key] = _link(data, machine)
    return _loaded[key][0]


def is_importable(function: Any) -> bool:
    """Return whether another process finds this class by its module and name."""
    module = sys.modules.get(function.__module__)
    return function.__module__ != "__main__" and getattr(module, function.__name__, None) is function


def source_of(function: Any) -> str:
    """Return the source of all that a user's function can call, its module; else what tells it apart."""
    if is_importable(function):
        return inspect.getsource(sys.modules[function.__module__])
    return f"{function.__qualname__} {id(function)} {_SESSION}"


def _compile(program: Program, machine: Any) -> bytes:
    """Return a line of JSON about the object code, and the object code."""
    import numba
    from llvmlite import binding
    from numba import types

    from gandyn.games import vectormath

    namespace: dict[str, Any] = {name: getattr(math, name) for name in _MATH.split()}
    namespace |= {name: getattr(vectormath, name) for name in vectormath.__all__}
    namespace |= {"floor": np.floor, "nan": math.nan}
    for name, function in program.functions.items():
        scalar = function.scalar
        namespace[name] = scalar if hasattr(scalar, "py_func") else numba.njit(error_model="numpy")(scalar)
    exec(compile(program.compiled, "<gandyn kernel>", "exec"), namespace)
    reals, integers = types.CPointer(types.float64), types.CPointer(types.int64)
    signature = types.void(reals, types.int64, types.float64, reals, reals, integers, reals)
    function = numba.cfunc(signature, error_model="numpy")(namespace["kernel"])
    text = function.inspect_llvm()
    module = binding.parse_assembly(text)
    outside = re.findall(r'^declare [^@]*@"?([\w.$]+)|^@"?([\w.$]+)"? = external', text, flags=re.MULTILINE)
    names = {function or variable for function, variable in outside}
    needs = sorted(name for name in names if not name.startswith("llvm."))
    about = {"symbol": function.native_name, "needs": needs}
    return json.dumps(about).encode() + b"\n" + cast(bytes, machine.emit_object(module))


def _link(data: bytes, machine: Any) -> tuple[int, Any]:
    """Return the address of the entry, and the engine that keeps it alive."""
    from llvmlite import binding

    header, code = data.split(b"\n", 1)
    about = json.loads(header)
    _provide(about["needs"])
    engine = binding.create_mcjit_compiler(binding.parse_assembly(""), machine)
    engine.add_object_file(binding.ObjectFileRef.from_data(code))
    engine.finalize_object()
    return engine.get_function_address(about["symbol"]), engine


def _provide(symbols: list[str]) -> None:
    """See to it that the process has these symbols: the C library's, or numba's once it is initialised."""
    from llvmlite import binding

    if all(map(binding.address_of_symbol, symbols)):
        return
    from numba.core.registry import cpu_target
    from numba.core.runtime import rtsys

    rtsys.initialize(cpu_target.target_context)
    missing = [symbol for symbol in symbols if not binding.address_of_symbol(symbol)]
    if missing:
        raise ImportError(f"machine code needs symbols that this process lacks: {missing}")
