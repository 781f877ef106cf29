"""How many samples and graphs fit into a given memory."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

__all__ = ["Budget", "graph_bytes", "parse_bytes"]

_UNITS = {
    "": 1,
    "kib": 2**10,
    "mib": 2**20,
    "gib": 2**30,
    "tib": 2**40,
    "kb": 10**3,
    "mb": 10**6,
    "gb": 10**9,
}

#: Vectors of all parameters that exist at once: a plane's three, a state, leaves, gradients, a velocity.
_VECTORS = 8
#: Samples of a micro-batch that keep a processor busy, by bytes of an entry; more only cost memory.
_ENOUGH = {2: 128, 4: 64, 8: 64}
#: Room for copies of parameters and gradients of points of a grid, where no memory is named.
_DEFAULT = 2**32


def parse_bytes(memory: int | str) -> int:
    """Return a number of bytes, as ``2**32`` or written as "4GiB" or "500 MB".

    Raises:
        ValueError: no positive number, or an unknown unit.

    Example:
        >>> parse_bytes("4GiB") == 2**32
        True
    """
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([a-zA-Z]*)\s*", str(memory))
    unit = _UNITS.get(match[2].lower()) if match else None
    if match is None or unit is None or not float(match[1]) > 0:
        raise ValueError(f'memory must be a positive number of bytes, or one such as "4GiB", got {memory!r}')
    return int(float(match[1]) * unit)


@dataclass(frozen=True)
class Budget:
    """What evaluations on a grid may hold.

    Args:
        memory: bytes in all; None for no limit on micro-batches.
        parameters: bytes of one state.
        per_sample: bytes of the graphs of both networks on one sample.
        per_fake: bytes of the generator's part of them.
        itemsize: bytes of an entry of the networks' layers.
    """

    memory: int | None
    parameters: int
    per_sample: int
    per_fake: int
    itemsize: int

    @property
    def room(self) -> int:
        """Bytes for what is not a vector of parameters that every evaluation needs.

        Raises:
            ValueError: none is left for a single sample.
        """
        fixed = _VECTORS * self.parameters
        found = (self.memory or fixed + _DEFAULT) - fixed
        if self.memory and found < 4 * self.per_sample:
            need = fixed + 4 * self.per_sample
            raise ValueError(
                f"memory={self.memory} bytes do not hold an evaluation on one sample: pass at least {need}"
            )
        return found

    @property
    def samples(self) -> int:
        """Samples of a micro-batch: half the room for their graphs and what a backward pass adds."""
        enough = _ENOUGH[self.itemsize]
        return max(1, min(enough, self.room // (4 * self.per_sample))) if self.memory else enough

    def keeps_graphs(self, samples: int) -> bool:
        """Whether the generator's graphs on all samples fit into a quarter of the room."""
        return samples * self.per_fake <= self.room // 4

    def points(self, size: int) -> int:
        """Number of points of ``size`` bytes each that fit into a quarter of the room."""
        return self.room // 4 // max(1, size)


def graph_bytes(run: Callable[[], Any], parameters: Sequence[Tensor]) -> int:
    """Return the bytes that the graph of a computation holds, its parameters left out."""
    own = {part.untyped_storage().data_ptr() for part in parameters}
    held: dict[int, int] = {}

    def pack(value: Tensor) -> Tensor:
        storage = value.untyped_storage()
        held[storage.data_ptr()] = storage.nbytes()
        return value

    with torch.enable_grad(), torch.autograd.graph.saved_tensors_hooks(pack, lambda value: value):
        kept = run()
    del kept
    return sum(size for place, size in held.items() if place not in own)
