"""The doors between array namespaces: a field works in its own one, analyses are written once."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from array_api_compat import array_namespace, device, is_torch_array

#: An array of any namespace that follows the array API: NumPy, torch, ... (with its own device).
Array: TypeAlias = Any

__all__ = ["Array", "array_namespace", "device", "like", "to_numpy"]


def to_numpy(x: Array) -> np.ndarray:
    """Return ``x`` as a NumPy array on the host: the one door to NumPy, for ARPACK and drawing.

    Args:
        x: array of any namespace, shape, dtype and device.

    Returns:
        NumPy array of the same shape and dtype.

    Example:
        >>> to_numpy([1.0, 2.0])
        array([1., 2.])
    """
    if is_torch_array(x):
        host: np.ndarray = x.detach().cpu().resolve_conj().numpy()
        return host
    return np.asarray(x)


def like(values: Array, reference: Array) -> Array:
    """Return ``values`` in the namespace, dtype and device of ``reference``: the way back.

    Args:
        values: array or nested sequence of numbers, any shape.
        reference: array whose namespace, dtype and device are taken.

    Returns:
        Array of the shape of ``values``.

    Example:
        >>> like([1, 2], np.zeros(3)).dtype
        dtype('float64')
    """
    xp = array_namespace(reference)
    host = values if is_torch_array(values) and xp.__name__.endswith("torch") else to_numpy(values)
    return xp.asarray(host, dtype=reference.dtype, device=device(reference))
