"""What decides a result, as plain values: kept beside it, and compared before it is taken up again."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from gandyn.arrays import to_numpy

__all__ = ["differences", "fingerprint", "plain", "threads"]


def fingerprint(*arrays: Any) -> str:
    """Return the SHA-256 of arrays: of their values, types and shapes.

    Args:
        arrays: of any namespace, shape and dtype; or strings.

    Example:
        >>> fingerprint(np.zeros(2))[:12], fingerprint(np.zeros(3))[:12]
        ('cdead7b1f559', '7e9aa2083e24')
    """
    digest = hashlib.sha256()
    for array in arrays:
        values = np.ascontiguousarray(to_numpy(array))
        digest.update(f"{values.dtype.str}{values.shape}".encode())
        digest.update(values.tobytes())
    return digest.hexdigest()


def plain(value: Any) -> Any:
    """Return settings as JSON gives them back: numbers, strings, lists and dicts."""
    return json.loads(json.dumps(value, default=_as_list))


def _as_list(value: Any) -> Any:
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(
        f"settings must be numbers, strings, lists and dicts, got {type(value).__module__}."
        f"{type(value).__qualname__}; pass its name, or its tiles.fingerprint"
    )


def threads() -> dict[str, int]:
    """Return torch's number of threads, on which its rounding depends; nothing where it is not loaded."""
    torch = sys.modules.get("torch")
    return {} if torch is None else {"threads": torch.get_num_threads()}


def differences(kept: Mapping[str, Any], asked: Mapping[str, Any]) -> list[str]:
    """Return in words which settings differ, with both values; versions only of what both have loaded."""
    before, now = dict(_leaves(kept)), dict(_leaves(asked))
    both = before.keys() & now.keys()
    names = [
        name for name in {**before, **now} if name in both or not name.startswith(("versions.", "threads"))
    ]
    return [
        f"{name}: {_shown(before, name)}, asked for: {_shown(now, name)}"
        for name in names
        if before.get(name) != now.get(name) or name not in both
    ]


def _leaves(values: Mapping[str, Any], within: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, f"{within}{name}.")
        else:
            yield f"{within}{name}", value


def _shown(values: Mapping[str, Any], name: str) -> str:
    return json.dumps(values[name]) if name in values else "not given"
