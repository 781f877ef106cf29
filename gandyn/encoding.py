"""Results as strict JSON and arrays: what files of results are made of."""

from __future__ import annotations

import dataclasses
import importlib
import importlib.metadata
import math
import platform
import sys
from collections.abc import Mapping
from typing import Any

import numpy as np

from gandyn.arrays import to_numpy

__all__ = ["decode", "encode", "is_result", "result_class", "versions"]


def is_result(kind: type) -> bool:
    """Return whether a class is one of the package's dataclasses."""
    return dataclasses.is_dataclass(kind) and kind.__module__.partition(".")[0] == "gandyn"


def result_class(name: str) -> type:
    """Return the dataclass of this package that ``"module:class"`` names."""
    module, _, within = name.partition(":")
    if module.partition(".")[0] != "gandyn":
        raise TypeError(f"{name} is not a class of this package")
    kind: type = getattr(importlib.import_module(module), within)
    if not is_result(kind):
        raise TypeError(f"{name} is not a result")
    return kind


def versions() -> dict[str, str]:
    """Return the versions of Python, of this package and of what computes, where it is loaded."""
    found = {"python": platform.python_version(), "gandyn": importlib.metadata.version("gandyn")}
    for name in ("numpy", "scipy", "torch"):
        if name in sys.modules:
            found[name] = str(sys.modules[name].__version__)
    return found


def encode(value: Any, arrays: dict[str, np.ndarray], where: str) -> Any:
    """Return a value as strict JSON; arrays go to ``arrays`` and leave their number."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else {"float": repr(value)}
    if isinstance(value, complex):
        return {"complex": [encode(part, arrays, where) for part in (value.real, value.imag)]}
    if isinstance(value, np.generic):
        return encode(value.item(), arrays, where)
    if isinstance(value, tuple | list):
        name = "tuple" if isinstance(value, tuple) else "list"
        return {name: [encode(item, arrays, f"{where}[{i}]") for i, item in enumerate(value)]}
    if isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
        return {"dict": {key: encode(item, arrays, f"{where}[{key!r}]") for key, item in value.items()}}
    if is_result(type(value)):
        stored = {
            part.name: encode(getattr(value, part.name), arrays, f"{where}.{part.name}")
            for part in dataclasses.fields(value)
            if part.init
        }
        return {"type": f"{type(value).__module__}:{type(value).__qualname__}", "fields": stored}
    if hasattr(value, "shape") and hasattr(value, "dtype"):
        host = to_numpy(value)
        if not host.dtype.hasobject:
            name = f"array{len(arrays)}"
            arrays[name] = host
            return {"array": name}
    raise TypeError(f"{where} cannot be stored: {type(value).__module__}.{type(value).__qualname__}")


def decode(value: Any, arrays: Mapping[str, np.ndarray]) -> Any:
    """Return the value that ``encode`` was given; its arrays are NumPy arrays."""
    if not isinstance(value, dict):
        return value
    if "type" in value:
        kind = result_class(value["type"])
        return kind(**{key: decode(item, arrays) for key, item in value["fields"].items()})
    ((tag, content),) = value.items()
    if tag == "array":
        return arrays[content]
    if tag == "float":
        return float(content)
    if tag == "complex":
        return complex(*(decode(part, arrays) for part in content))
    if tag == "dict":
        return {key: decode(item, arrays) for key, item in content.items()}
    items = [decode(item, arrays) for item in content]
    return tuple(items) if tag == "tuple" else items
