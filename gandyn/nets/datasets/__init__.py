"""Data sets: real digits without a download, MNIST, CIFAR-10, and toy mixtures of Gaussians.

The data folder is the argument ``folder``, else the environment variable ``GANDYN_DATA``, else the user
cache. What is not there is downloaded into it, checked against the published checksum. Files are read as
bytes: nothing is unpickled, and no archive is unpacked to disk.
"""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Mapping

from gandyn.nets.datasets.dataset import Dataset, DatasetError
from gandyn.nets.datasets.images import cifar10, digits, mnist
from gandyn.nets.datasets.mixtures import grid, mixture_1d, ring

__all__ = [
    "DATASETS",
    "Dataset",
    "DatasetError",
    "cifar10",
    "digits",
    "grid",
    "load",
    "mixture_1d",
    "mnist",
    "ring",
]

DATASETS: Mapping[str, Callable[..., Dataset]] = {
    maker.__name__: maker for maker in (digits, mnist, cifar10, ring, grid, mixture_1d)
}


def load(name: str = "digits", **options: object) -> Dataset:
    """Return a data set by name.

    Args:
        name: one of ``DATASETS``.
        options: keyword arguments of the function of that name.

    Returns:
        The data set.

    Raises:
        DatasetError: an unknown name or option; the message lists the known ones.

    Example:
        >>> load("ring", modes=3, count=10).sample_shape
        (2,)
        >>> load("minst")
        Traceback (most recent call last):
        ...
        gandyn.nets.datasets.dataset.DatasetError: no data set 'minst'; did you mean 'mnist'? ...
    """
    if name not in DATASETS:
        close = difflib.get_close_matches(name.lower(), DATASETS, n=1, cutoff=0.0)[0]
        raise DatasetError(f"no data set {name!r}; did you mean {close!r}? Known: {', '.join(DATASETS)}")
    known = inspect.signature(DATASETS[name]).parameters
    unknown = sorted(set(options) - set(known))
    if unknown:
        raise DatasetError(f"{name} has no option {', '.join(unknown)}; its options are {', '.join(known)}")
    return DATASETS[name](**options)
