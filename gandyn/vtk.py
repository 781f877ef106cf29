"""Gridded results as VTK files, for ParaView."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import xarray

__all__ = ["to_vtk"]

_TITLE_LENGTH = 250


def to_vtk(result: Any, path: str | os.PathLike[str]) -> Path:
    """Write a gridded result as a VTK file, a rectilinear grid with a scalar or vector field a quantity.

    In ParaView, "Warp By Scalar" makes a surface of a loss, and "Glyph" or "Stream Tracer" show a velocity.
    A quantity with entries, such as the loss of either player, becomes a scalar field an entry, for example
    loss_generator; in-plane velocities become vectors. Numbers that are not finite stay as they are.

    Args:
        result: a ``Landscape``, a ``FieldSlice`` or another result whose ``to_xarray()`` has one to three
            numeric coordinates; or such a dataset, for example of ``xarray.open_zarr``.
        path: the file; its name ends in .vtk.

    Returns:
        The path written.

    Raises:
        TypeError: a result without ``to_xarray``.
        ValueError: another ending, no grid, or coordinates that do not increase.

    Source: VTK file formats, "simple legacy formats", version 3.0.

    Example:
        >>> import tempfile
        >>> import xarray
        >>> heights = xarray.Dataset({"height": (("y", "x"), np.eye(2))}, {"x": [0.0, 1.0], "y": [0.0, 2.0]})
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     to_vtk(heights, Path(folder) / "heights.vtk").read_bytes()[:26]
        b'# vtk DataFile Version 3.0'
    """
    path = Path(path)
    if path.suffix != ".vtk":
        raise ValueError(f"the name of a VTK file ends in .vtk, got {path}; type {path.with_suffix('.vtk')}")
    if not hasattr(result, "data_vars") and not hasattr(result, "to_xarray"):
        raise TypeError(f"to_vtk takes a gridded result with to_xarray, got {type(result).__name__}")
    dataset = result if hasattr(result, "data_vars") else result.to_xarray()
    content = b"".join(_lines(dataset, _grid(dataset)))
    partial = path.with_name(f".{path.name}.partial")
    partial.write_bytes(content)
    os.replace(partial, path)
    return path


def _grid(dataset: xarray.Dataset) -> tuple[str, ...]:
    """Return the dimensions of the grid, the last one fastest, checked."""
    dims = {str(dim): None for variable in dataset.data_vars.values() for dim in variable.dims}
    grid = tuple(dim for dim in dims if dim in dataset.coords and dataset[dim].dtype.kind in "iuf")
    if not 1 <= len(grid) <= 3:
        raise ValueError(f"a VTK grid has one to three numeric coordinates, this result has {list(grid)}")
    for dim in grid:
        if not np.all(np.diff(dataset[dim].values) > 0):
            raise ValueError(f"the coordinates of a VTK grid must increase, those of {dim!r} do not")
    return grid


def _lines(dataset: xarray.Dataset, grid: tuple[str, ...]) -> Iterator[bytes]:
    """Yield the parts of the file; VTK counts x fastest, numbers are big-endian."""
    axes = [dataset[dim].values for dim in reversed(grid)]
    axes += [np.zeros(1)] * (3 - len(axes))
    sizes = [len(values) for values in axes]
    title = " ".join(str(dataset.attrs.get("label", "")).split()) or "gandyn"
    yield f"# vtk DataFile Version 3.0\n{title[:_TITLE_LENGTH]}\nBINARY\nDATASET RECTILINEAR_GRID\n".encode()
    yield "DIMENSIONS {} {} {}\n".format(*sizes).encode()
    for letter, values in zip("XYZ", axes, strict=True):
        yield f"{letter}_COORDINATES {len(values)} double\n".encode() + _numbers(values)
    yield f"POINT_DATA {int(np.prod(sizes))}\n".encode()
    for name, variable in dataset.data_vars.items():
        if set(grid) <= set(map(str, variable.dims)) and variable.dtype.kind in "biuf":
            yield from _fields(_word(name), variable, grid)


def _fields(name: str, variable: xarray.DataArray, grid: tuple[str, ...]) -> Iterator[bytes]:
    """Yield a quantity as vectors along the axes of the grid, or as one scalar field an entry."""
    others = [str(dim) for dim in variable.dims if dim not in grid]
    values = variable.transpose(*grid, *others)
    if others == ["axis"] and values.sizes["axis"] == len(grid):
        flat = values.values.reshape(-1, len(grid))
        vectors = np.pad(flat, ((0, 0), (0, 3 - len(grid))))
        yield f"VECTORS {name} double\n".encode() + _numbers(vectors)
        return
    for place in np.ndindex(*(values.sizes[dim] for dim in others)):
        words = [_entry(variable, dim, i) for dim, i in zip(others, place, strict=True)]
        scalars = values.values[(..., *place)]
        heading = f"SCALARS {'_'.join([name, *words])} double 1\nLOOKUP_TABLE default\n"
        yield heading.encode() + _numbers(scalars)


def _entry(variable: xarray.DataArray, dim: str, i: int) -> str:
    """Return the name of an entry along a dimension that is none of the grid."""
    return _word(variable[dim].values[i]) if dim in variable.coords else str(i)


def _word(name: Any) -> str:
    return "_".join(str(name).split())


def _numbers(values: np.ndarray) -> bytes:
    return np.ascontiguousarray(values, dtype=">f8").tobytes() + b"\n"
