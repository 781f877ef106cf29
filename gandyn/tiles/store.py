"""Tiles in a Zarr store: complete one by one, taken up again only with the same settings.

A chunk of an array is a tile. The arrays of a tile are written first, its checksum last, each file into
place by renaming: a tile counts as finished only if what can be read of it has this checksum.
"""

from __future__ import annotations

import json
import os
import shutil
import warnings
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gandyn.encoding import decode, encode, result_class, versions
from gandyn.tiles.grid import Grid, Index, Slices
from gandyn.tiles.settings import differences, plain, threads

if TYPE_CHECKING:
    import xarray
    import zarr

__all__ = ["Store", "StoreFile", "amend", "blank", "read"]

_FORMAT = 1
_RECORD, _CHECKSUM = "record", "checksum"
_UNFINISHED = -1


@dataclass(frozen=True, eq=False)
class Store:
    """A Zarr store for the tiles of a result, and what decides the result.

    Args:
        path: the folder; its name ends in .zarr.
        dims: names of the axes that are cut into tiles.
        settings: numbers, strings, lists and dicts: all that decides the values, seed and fingerprints
            included. Shape, tile, versions and torch's threads are added.
        result: class whose ``from_tiles(arrays, **fields)`` makes the result of arrays by name, and whose
            ``to_xarray`` names and describes them; None for arrays alone.
        fields: what ``from_tiles`` takes beside the arrays.
    """

    path: str | os.PathLike[str]
    dims: tuple[str, ...]
    settings: Mapping[str, Any]
    result: Any = None
    fields: Mapping[str, Any] = field(default_factory=dict)

    def described(self, arrays: Mapping[str, np.ndarray]) -> xarray.Dataset:
        """Return the arrays as a labelled dataset."""
        import xarray

        if self.result is not None:
            dataset: xarray.Dataset = self.result.from_tiles(arrays, **self.fields).to_xarray()
            return dataset
        trailing = lambda name, values: [f"{name}_{i}" for i in range(values.ndim - len(self.dims))]
        return xarray.Dataset(
            {name: ((*self.dims, *trailing(name, values)), values) for name, values in arrays.items()}
        )


class StoreFile:
    """A store on disk, being written.

    Args:
        store: path and settings.
        grid: the tiles.

    Raises:
        FileExistsError: something else is there.
        FileNotFoundError: the folder in which it should be does not exist.
        ValueError: it was made with other settings.
    """

    def __init__(self, store: Store, grid: Grid) -> None:
        self.path = _checked(store.path)
        if len(store.dims) != len(grid.shape):
            raise ValueError(f"dims must name the {len(grid.shape)} axes of the grid, got {store.dims}")
        self._store, self._grid = store, grid
        self._settings = plain({**store.settings, "shape": grid.shape, "tile": grid.tile, **threads()})
        self._root: Any = None
        if self.path.exists():
            self._take_up()

    def _take_up(self) -> None:
        """Open what is there, if it was made with the same settings."""
        root: Any = _opened(self.path, "r+")
        kept = root[_RECORD].attrs
        before = {**_mapping(kept["settings"]), "versions": kept["versions"]}
        differing = differences(before, {**self._settings, "versions": versions()})
        if differing:
            raise ValueError(
                f"{self.path} was made with other settings ({'; '.join(differing)}); use another path, or "
                "these settings to go on with it"
            )
        for partial in self.path.rglob("*.partial"):
            partial.unlink()
        self._root = root

    def read(self) -> tuple[dict[str, np.ndarray], set[Index]]:
        """Return the arrays, blank where they are unfinished, and the finished tiles."""
        return ({}, set()) if self._root is None else _read(self._root, self._store.dims, self._grid)

    def write(self, index: Index, arrays: Mapping[str, np.ndarray], blanks: Mapping[str, np.ndarray]) -> None:
        """Write a tile; the first one makes the store."""
        if self._root is None:
            self._create(blanks)
        where = self._grid.slices(index)
        for name, values in arrays.items():
            array = self._root[name]
            order = _order(array, self._store.dims)
            slices = (*where, *(slice(None),) * (values.ndim - len(where)))
            array[tuple(slices[axis] for axis in order)] = values.transpose(order)
        self._root[_RECORD][_CHECKSUM][index] = _checksum(arrays)

    def _create(self, blanks: Mapping[str, np.ndarray]) -> None:
        """Make a store without tiles beside its place, and rename it into place."""
        import zarr

        new = self.path.with_name(f".{self.path.name}.partial")
        shutil.rmtree(new, ignore_errors=True)
        dataset = self._store.described(blanks)
        with _quiet():
            root = zarr.create_group(new, zarr_format=3, attributes=_attributes(dataset, self._settings))
            for name, variable in dataset.variables.items():
                self._add(root, str(name), variable, blanks)
            self._add_record(root.create_group(_RECORD))
            zarr.consolidate_metadata(new)
        os.rename(new, self.path)
        self._root = _opened(self.path, "r+")

    def _add(
        self, root: zarr.Group, name: str, variable: xarray.Variable, blanks: Mapping[str, np.ndarray]
    ) -> None:
        """Add an array of the result, blank, or a coordinate with its values."""
        about: dict[str, Any] = {"dimension_names": variable.dims, "attributes": plain(dict(variable.attrs))}
        if name not in blanks:
            values = np.asarray(variable.values)
            if values.dtype.kind in "UO":
                values = values.astype(np.dtypes.StringDType())
            root.create_array(name, data=values, chunks=values.shape or (), **about)
            return
        sides = dict(zip(self._store.dims, self._grid.tile, strict=True))
        chunks = tuple(sides.get(str(dim), size) for dim, size in variable.sizes.items())
        root.create_array(
            name, shape=variable.shape, chunks=chunks, dtype=variable.dtype,
            fill_value=_fill(variable.dtype), **about,
        )  # fmt: skip

    def _add_record(self, record: zarr.Group) -> None:
        """Add what resuming and loading need: settings, versions, fields of the result, checksums."""
        held: dict[str, np.ndarray] = {}
        kind = self._store.result
        made = None if kind is None else f"{kind.__module__}:{kind.__qualname__}"
        record.attrs.update(
            {
                "format": _FORMAT,
                "settings": self._settings,
                "versions": versions(),
                "dims": list(self._store.dims),
                "result": made,
                "fields": encode(dict(self._store.fields), held, "fields"),
            }
        )
        for name, values in held.items():
            record.create_array(name, data=values, chunks=values.shape or ())
        ones = (1,) * len(self._grid.shape)
        record.create_array(
            _CHECKSUM, shape=self._grid.counts, chunks=ones, dtype="int64", fill_value=_UNFINISHED
        )


def read(path: str | os.PathLike[str]) -> Any:
    """Return the result in a store; a warning says so where it is unfinished, blank there.

    Args:
        path: the folder.

    Returns:
        The result, of the class that wrote it, or its arrays by name.

    Raises:
        FileNotFoundError: no such folder.
        ValueError: a store that was not written here, or by a newer version.
    """
    path = Path(path)
    if not path.is_dir():
        raise FileNotFoundError(f"no store {path}")
    root = _opened(path, "r")
    record: Any = root[_RECORD]
    about = record.attrs
    if int(str(about["format"])) > _FORMAT:
        raise ValueError(f"{path} has format {about['format']}, this version reads {_FORMAT}: upgrade gandyn")
    settings = _mapping(about["settings"])
    grid = Grid(tuple(settings["shape"]), tuple(settings["tile"]))
    arrays, finished = _read(root, tuple(about["dims"]), grid)
    if len(finished) < grid.count:
        warnings.warn(
            f"{path} is unfinished: {len(finished)} of {grid.count} tiles; the rest is blank. The call that "
            "began it goes on with it",
            stacklevel=2,
        )
    if about["result"] is None:
        return arrays
    kind: Any = result_class(str(about["result"]))
    held = {name: np.asarray(array[...]) for name, array in record.arrays() if name != _CHECKSUM}
    return kind.from_tiles(arrays, **decode(about["fields"], held))


def amend(store: Store, arrays: Mapping[str, np.ndarray]) -> None:
    """Mark a store as complete, with the attributes of its result and the fields as they are now.

    Args:
        store: the store, with all its tiles.
        arrays: its arrays by name.
    """
    path, fields = Path(store.path), encode(dict(store.fields), {}, "fields")
    record = json.loads((path / _RECORD / "zarr.json").read_text())
    record["attributes"]["fields"] = fields
    _replace(path / _RECORD / "zarr.json", record)
    root = json.loads((path / "zarr.json").read_text())
    root["attributes"] |= {**plain(dict(store.described(arrays).attrs)), "status": "complete"}
    root["consolidated_metadata"]["metadata"][_RECORD]["attributes"]["fields"] = fields
    _replace(path / "zarr.json", root)


def _replace(path: Path, values: Any) -> None:
    """Write a JSON file whole or not at all."""
    partial = path.with_suffix(".json.partial")
    partial.write_text(json.dumps(values, indent=2))
    os.replace(partial, path)


def blank(grid: Grid, values: np.ndarray) -> np.ndarray:
    """Return an array over the whole grid like that of a tile: NaN, False, or the least 32-bit integer."""
    return np.full((*grid.shape, *values.shape[len(grid.shape) :]), _fill(values.dtype), values.dtype)


def _fill(dtype: np.dtype) -> Any:
    if dtype.kind == "b":
        return False
    if dtype.kind in "iu":
        return max(int(np.iinfo(dtype).min), -(2**31))
    return dtype.type(np.nan)


def _checked(path: str | os.PathLike[str]) -> Path:
    path = Path(path)
    if path.suffix != ".zarr":
        raise ValueError(f"the path of a store ends in .zarr, got {path}; type {path}.zarr")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"the folder {path.parent} does not exist; create it first")
    return path


def _opened(path: Path, mode: Any) -> zarr.Group:
    """Return the store at a path, if it is one of this package."""
    import zarr

    try:
        root = zarr.open_group(path, mode=mode, zarr_format=3)
        if _RECORD in root:
            return root
    except (OSError, ValueError, KeyError):
        pass
    raise FileExistsError(f"{path} exists and is no store of gandyn; choose another path")


def _read(root: Any, dims: tuple[str, ...], grid: Grid) -> tuple[dict[str, np.ndarray], set[Index]]:
    """Return the arrays, blank where unfinished, and the tiles that have their checksum."""
    checksums = root[_RECORD][_CHECKSUM][...]
    stored = {
        name: array
        for name, array in root.arrays()
        if name not in dims and set(dims) <= set(array.metadata.dimension_names)
    }
    whole = {name: _values(array, dims) for name, array in stored.items()}
    finished = set()
    for index in grid.indices():
        where = grid.slices(index)
        found = {name: values[where] for name, values in whole.items()}
        if checksums[index] != _UNFINISHED and _checksum(found) == checksums[index]:
            finished.add(index)
        else:
            for values in whole.values():
                values[where] = _fill(values.dtype)
    return whole, finished


def _values(array: Any, dims: tuple[str, ...]) -> np.ndarray:
    """Return an array with the tiled axes first; chunks that cannot be read are blank."""
    try:
        values = array[...]
    except Exception:
        values = np.full(array.shape, array.fill_value, array.dtype)
        for where in _chunks(array):
            with _unreadable():
                values[where] = array[where]
    return np.ascontiguousarray(values.transpose(np.argsort(_order(array, dims))))


def _chunks(array: Any) -> Iterator[Slices]:
    grid = Grid(array.shape, array.chunks)
    return (grid.slices(index) for index in grid.indices())


@contextmanager
def _unreadable() -> Iterator[None]:
    """Pass over a damaged chunk: its tile does not have its checksum, and is computed again."""
    try:
        yield
    except Exception:
        return


def _order(array: Any, dims: tuple[str, ...]) -> tuple[int, ...]:
    """Return for each axis of a stored array which axis it is with the tiled axes first."""
    names = array.metadata.dimension_names
    first = [*dims, *(name for name in names if name not in dims)]
    return tuple(first.index(name) for name in names)


def _checksum(arrays: Mapping[str, np.ndarray]) -> int:
    found = 0
    for name in sorted(arrays):
        found = zlib.crc32(np.ascontiguousarray(arrays[name]).tobytes(), found)
    return found


def _attributes(dataset: xarray.Dataset, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the attributes of the root; settings as a string, as netCDF has no nested attributes."""
    about = {"status": "incomplete", "settings": json.dumps(settings), "versions": json.dumps(versions())}
    return {**plain(dict(dataset.attrs)), **about}


def _mapping(value: Any) -> dict[str, Any]:
    return dict(value)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep zarr from warning that Zarr 3 does not specify consolidated metadata, which xarray asks for."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Consolidated metadata is currently not part")
        yield
