"""Results to files and back: one NumPy archive a result, arrays beside a JSON header, never a pickle."""

from __future__ import annotations

import json
import os
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from gandyn import tiles
from gandyn.encoding import decode, encode, is_result, versions

__all__ = ["load", "metadata", "save"]

_FORMAT = 1
_HEADER = "header"


def save(
    result: Any,
    path: str | os.PathLike[str],
    *,
    settings: Mapping[str, Any] | None = None,
    overwrite: bool = False,
) -> Path:
    """Write a result of this package to a file, whole or not at all.

    Arrays of any namespace are stored as NumPy arrays; nested results (a ``Plane`` in a slice, the
    ``Layout`` in the plane) go with it. The header records the versions that wrote it.

    Args:
        result: an instance of one of the package's dataclasses.
        path: the file; ``.npz`` is appended where it is missing. Its folder must exist.
        settings: numbers, strings, lists and dicts to keep beside the result: seed, options, ...
        overwrite: replace a file that exists.

    Returns:
        The path written.

    Raises:
        TypeError: not a result of this package, or a field that cannot be stored.
        FileExistsError: the file exists, without ``overwrite``.
        FileNotFoundError: the folder does not exist.

    Example:
        >>> import tempfile
        >>> from gandyn.field import Layout
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     load(save(Layout.scalars(["g"], ["d"]), Path(folder) / "layout")).names
        ('g', 'd')
    """
    if not is_result(type(result)):
        raise TypeError(
            f"save takes a result of this package, such as a Spectrum or a Landscape; got "
            f"{type(result).__module__}.{type(result).__qualname__}"
        )
    arrays: dict[str, np.ndarray] = {}
    header = {
        "format": _FORMAT,
        "versions": versions(),
        "settings": encode(dict(settings or {}), arrays, "settings"),
        "result": encode(result, arrays, type(result).__name__),
    }
    text = json.dumps(header, allow_nan=False).encode()
    contents: dict[str, Any] = {_HEADER: np.frombuffer(text, np.uint8), **arrays}
    target = _with_suffix(path)
    if not target.parent.is_dir():
        raise FileNotFoundError(f"the folder {target.parent} does not exist; create it first")
    if target.exists() and not overwrite:
        raise FileExistsError(f"{target} exists; pass overwrite=True to replace it, or another path")
    partial = target.with_name(f".{target.name}.{os.getpid()}.partial")
    try:
        with open(partial, "wb") as file:
            np.savez_compressed(file, **contents)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, target)
    finally:
        partial.unlink(missing_ok=True)
    return target


def load(path: str | os.PathLike[str]) -> Any:
    """Read a result that ``save`` wrote, or one in a Zarr store; its arrays are NumPy arrays.

    A plane that is to be used again with a torch field goes back by ``plane.like(x)``.

    Args:
        path: the file, with or without ``.npz``; or the folder of a Zarr store. What is unfinished there
            is NaN (False, the least 32-bit integer), and a warning says so.

    Returns:
        The result, of the class that was saved.

    Raises:
        FileNotFoundError: no such file.
        ValueError: a truncated file, a file that ``save`` did not write, or one of a newer version.
    """
    if Path(path).suffix == ".zarr":
        return tiles.read(path)
    header, arrays, source = _read(path)
    try:
        return decode(header["result"], arrays)
    except (KeyError, TypeError, ValueError, AttributeError, ImportError) as error:
        raise ValueError(
            f"{source} holds a result that this version does not know ({error}); it was written by "
            f"{header['versions']}"
        ) from error


def metadata(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Return what a file says about itself: class, versions that wrote it, and settings.

    Args:
        path: the file, with or without ``.npz``.

    Returns:
        A dict with the keys "type", "format", "versions" and "settings".

    Raises:
        FileNotFoundError: no such file.
        ValueError: as ``load``.
    """
    header, arrays, _ = _read(path)
    return {
        "type": header["result"]["type"].partition(":")[2],
        "format": header["format"],
        "versions": header["versions"],
        "settings": decode(header["settings"], arrays),
    }


def _with_suffix(path: str | os.PathLike[str]) -> Path:
    path = Path(path)
    return path if path.suffix == ".npz" else path.with_name(path.name + ".npz")


def _read(path: str | os.PathLike[str]) -> tuple[dict[str, Any], dict[str, np.ndarray], Path]:
    source = Path(path) if Path(path).is_file() else _with_suffix(path)
    if not source.is_file():
        raise FileNotFoundError(f"no file {source}")
    try:
        with open(source, "rb") as file, np.load(file, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        header = json.loads(arrays.pop(_HEADER).tobytes())
        if header["format"] > _FORMAT:
            raise ValueError(
                f"it has format {header['format']} and this version reads up to {_FORMAT}: upgrade gandyn"
            )
    except (OSError, EOFError, KeyError, TypeError, ValueError, zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(
            f"{source} is truncated, damaged or not a result written by gandyn.save: {error}"
        ) from error
    return header, arrays, source
