"""Data sets: real digits without a download, MNIST, CIFAR-10, and toy mixtures of Gaussians.

The data folder is the argument ``folder``, else the environment variable ``GANDYN_DATA``, else the user
cache. What is not there is downloaded into it, checked against the published checksum. Files are read as
bytes: nothing is unpickled, and no archive is unpacked to disk.
"""

from __future__ import annotations

import difflib
import gzip
import hashlib
import inspect
import math
import os
import tarfile
import warnings
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal, TypeAlias, get_args

import numpy as np
import torch

from gandyn.arrays import to_numpy

__all__ = [
    "DATASETS", "Dataset", "DatasetError", "cifar10", "digits", "grid", "load", "mixture_1d", "mnist", "ring",
]  # fmt: skip

Split: TypeAlias = Literal["train", "test"]
Range: TypeAlias = tuple[float, float]

_DIGITS = tuple("0123456789")
_CIFAR_CLASSES = (
    "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
)  # fmt: skip
_CIFAR_RECORD = 1 + 3 * 32 * 32
_BROKEN_ARCHIVE = (OSError, EOFError, zlib.error, tarfile.TarError)


class DatasetError(ValueError):
    """A data set that is missing, broken or asked for wrongly; the message says what to do."""


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """Samples with their labels and where they came from.

    Args:
        name: name of the data set and, where it has one, its split.
        images: float32 tensor of shape (N, C, H, W), or (N, d) for points.
        labels: int64 tensor of shape (N,), indices into ``classes``; None without labels.
        classes: names of the classes; ``()`` without labels.
        value_range: what black and full intensity became; None for points, which are not scaled.
        source: who made it, and where it was read.

    Raises:
        DatasetError: another dtype or shape, no sample, a value that is not finite, or a label
            outside the classes.

    Example:
        >>> data = Dataset("two points", torch.tensor([[0.0], [1.0]]))
        >>> len(data), data.sample_shape, data.fingerprint[:8]
        (2, (1,), 'a40761ab')
    """

    name: str
    images: torch.Tensor
    labels: torch.Tensor | None = None
    classes: tuple[str, ...] = ()
    value_range: Range | None = None
    source: str = ""

    def __post_init__(self) -> None:
        shape = tuple(self.images.shape)
        if self.images.dtype != torch.float32 or len(shape) not in (2, 4) or 0 in shape:
            raise DatasetError(
                f"{self.name}: images must be float32 of shape (N, C, H, W) or (N, d), none of them 0; "
                f"got {self.images.dtype} of shape {shape}"
            )
        if not bool(torch.isfinite(self.images).all()):
            raise DatasetError(f"{self.name}: all values of images must be finite, got NaN or infinity")
        if self.labels is not None:
            _check_labels(self.name, self.labels, shape[0], len(self.classes))

    def __len__(self) -> int:
        return int(self.images.shape[0])

    @property
    def sample_shape(self) -> tuple[int, ...]:
        """Shape of one sample: (C, H, W), or (d,) for points."""
        return tuple(self.images.shape[1:])

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of shape, values and labels in hexadecimal, the same on every machine."""
        digest = hashlib.sha256(repr((tuple(self.images.shape), self.labels is not None)).encode())
        digest.update(np.ascontiguousarray(to_numpy(self.images), dtype="<f4").data)
        if self.labels is not None:
            digest.update(np.ascontiguousarray(to_numpy(self.labels), dtype="<i8").data)
        return digest.hexdigest()

    def __repr__(self) -> str:
        scale = "" if self.value_range is None else f" in [{self.value_range[0]:g}, {self.value_range[1]:g}]"
        return f"{self.name}: {len(self)} samples of shape {self.sample_shape}{scale}, from {self.source}"


def _check_labels(name: str, labels: torch.Tensor, count: int, classes: int) -> None:
    if labels.dtype != torch.int64 or tuple(labels.shape) != (count,):
        raise DatasetError(
            f"{name}: labels must be int64 of shape ({count},), one a sample; "
            f"got {labels.dtype} of shape {tuple(labels.shape)}"
        )
    wrong = torch.nonzero((labels < 0) | (labels >= classes))
    if len(wrong):
        at = int(wrong[0])
        raise DatasetError(
            f"{name}: labels must index the {classes} classes; the label of sample {at} is {int(labels[at])}"
        )


def _scaled(values: np.ndarray, top: int, value_range: Range) -> torch.Tensor:
    low, high = value_range
    return torch.tensor(values, dtype=torch.float32).div_(top).mul_(high - low).add_(low)


def _checked_range(value_range: Sequence[float]) -> Range:
    values = tuple(float(value) for value in value_range)
    if len(values) != 2 or not all(map(math.isfinite, values)) or not values[0] < values[1]:
        raise DatasetError(f"value_range must be two finite numbers, the lower first; got {value_range}")
    return values[0], values[1]


def digits(*, value_range: Range = (0.0, 1.0)) -> Dataset:
    """Return the 1,797 real handwritten digits of 8x8 pixels that come with scikit-learn: no download.

    Args:
        value_range: what intensities 0 and 16 become.

    Returns:
        Dataset with images of shape (1797, 1, 8, 8) and labels 0 to 9.

    Raises:
        DatasetError: a range that is not two finite numbers in order.

    Source: Alpaydin and Kaynak 1998, "Optical Recognition of Handwritten Digits" (its test set).

    Example:
        >>> data = digits()
        >>> tuple(data.images.shape), data.labels[:3].tolist()
        ((1797, 1, 8, 8), [0, 1, 2])
    """
    from sklearn.datasets import load_digits

    value_range = _checked_range(value_range)
    images, labels = load_digits(return_X_y=True)
    return Dataset(
        name="digits",
        images=_scaled(images.reshape(-1, 1, 8, 8), 16, value_range),
        labels=torch.tensor(labels, dtype=torch.int64),
        classes=_DIGITS,
        value_range=value_range,
        source="Alpaydin and Kaynak 1998, bundled with scikit-learn",
    )


@dataclass(frozen=True)
class _Published:
    """A published file: digest and number of records of its contents, and digest of what is downloaded."""

    name: str
    records: int
    digest: str
    download_digest: str = ""


_MNIST_URL = "https://ossci-datasets.s3.amazonaws.com/mnist/"
_CIFAR_URL = "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"
_CIFAR_DIGEST = "md5:c32a1d4ab5d03f1284b67883e8d87530"
# fmt: off
_MNIST = {
    "train": (
        _Published("train-images-idx3-ubyte", 60_000,
                   "md5:6bbc9ace898e44ae57da46a324031adb", "md5:f68b3c2dcbeaaa9fbdd348bbdeb94873"),
        _Published("train-labels-idx1-ubyte", 60_000,
                   "md5:a25bea736e30d166cdddb491f175f624", "md5:d53e105ee54ea40749a09fcbcd1e9432"),
    ),
    "test": (
        _Published("t10k-images-idx3-ubyte", 10_000,
                   "md5:2646ac647ad5339dbf082846283269ea", "md5:9fb629c4189551a2d022fa330f9573f3"),
        _Published("t10k-labels-idx1-ubyte", 10_000,
                   "md5:27ae3e4e09519cfbb04c329615203637", "md5:ec29112dd5afa0611ce80d1b7f02629c"),
    ),
}
_CIFAR = {
    "train": (
        _Published("data_batch_1.bin", 10_000, "sha1:aadd24acce27caa71bf4b10992e9e7b2d74c2540"),
        _Published("data_batch_2.bin", 10_000, "sha1:c0ba65cce70568cd57b4e03e9ac8d2a5367c1795"),
        _Published("data_batch_3.bin", 10_000, "sha1:1dd00a74ab1d17a6e7d73e185b69dbf31242f295"),
        _Published("data_batch_4.bin", 10_000, "sha1:aab85764eb3584312d3c7f65fd2fd016e36a258e"),
        _Published("data_batch_5.bin", 10_000, "sha1:26e2849e66a845b7f1e4614ae70f4889ae604628"),
    ),
    "test": (
        _Published("test_batch.bin", 10_000, "sha1:67eb016db431130d61cd03c7ad570b013799c88c"),
    ),
}
# fmt: on


def _data_folder(folder: str | os.PathLike[str] | None) -> Path:
    named = folder or os.environ.get("GANDYN_DATA")
    if not named:
        import pooch

        return Path(pooch.os_cache("gandyn"))
    path = Path(named).expanduser()
    if not path.is_dir():
        origin = "folder" if folder else "GANDYN_DATA"
        raise DatasetError(
            f"{origin} must name an existing folder, got {path}; create it or correct the name"
        )
    return path


def _find(places: Sequence[Path], names: Sequence[str]) -> Path | None:
    return next((place / name for place in places for name in names if (place / name).exists()), None)


def _download(dataset: str, url: str, digest: str, places: Sequence[Path], into: Path) -> Path:
    import pooch

    name = url.rsplit("/", 1)[1]
    try:
        return Path(pooch.retrieve(url, known_hash=digest, fname=name, path=into, progressbar=True))
    except (OSError, ValueError) as error:
        raise DatasetError(
            f"{dataset}: {name} is not in {', '.join(map(str, places))}, and the download from {url} failed "
            f"({type(error).__name__}: {error}). Put the file in one of these folders, or name the folder "
            f"that has it: GANDYN_DATA=/path/to/folder. The data set 'digits' needs no download."
        ) from error


def _difference(path: Path, data: bytes, published: _Published, records: int) -> list[str]:
    algorithm, expected = published.digest.split(":")
    got = hashlib.new(algorithm, data, usedforsecurity=False).hexdigest()
    what = f"expected {published.records} records with {algorithm} {expected}, got {records} with {got}"
    return [] if got == expected else [f"{path}: {what}"]


def _warn(dataset: str, differences: Sequence[str]) -> None:
    if differences:
        message = f"{dataset} differs from what was published and is used as it is: {'; '.join(differences)}"
        warnings.warn(message, UserWarning, stacklevel=3)


def _read_bytes(path: Path) -> bytes:
    """Return the contents of a file, decompressed where they begin as gzip does, whatever its name."""
    try:
        data = path.read_bytes()
        return gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
    except _BROKEN_ARCHIVE as error:
        raise DatasetError(
            f"{path}: expected a readable file, gzip or not; got {type(error).__name__}: {error}"
        ) from error


def _idx_array(path: Path, data: bytes, item: tuple[int, ...]) -> np.ndarray:
    """Return the unsigned bytes of an IDX file as an array of shape (N, *item)."""
    axes = 1 + len(item)
    magic, header = bytes((0, 0, 8, axes)), 4 + 4 * axes
    if data[:4] != magic:
        raise DatasetError(f"{path}: expected an IDX file that begins {magic.hex()}, got {data[:4].hex()!r}")
    if len(data) < header:
        raise DatasetError(f"{path}: truncated; expected a header of {header} bytes, got {len(data)} bytes")
    count, *shape = np.frombuffer(data, dtype=">u4", count=axes, offset=4).tolist()
    if tuple(shape) != item or count == 0:
        wanted = ", ".join(["N > 0", *map(str, item)])
        raise DatasetError(f"{path}: expected records of shape ({wanted}), got {(count, *shape)}")
    expected = header + count * math.prod(item)
    if len(data) != expected:
        state = "truncated" if len(data) < expected else "too long"
        raise DatasetError(
            f"{path}: {state}; expected {expected} bytes for {count} records, got {len(data)} bytes"
        )
    return np.frombuffer(data, dtype=np.uint8, offset=header).reshape(count, *item)


def _check_classes(path: Path, labels: np.ndarray) -> None:
    wrong = np.flatnonzero(labels > 9)
    if len(wrong):
        raise DatasetError(f"{path}: expected labels 0 to 9, got {labels[wrong[0]]} at record {wrong[0]}")


def _check_split(split: str) -> None:
    if split not in get_args(Split):
        raise DatasetError(f"split must be one of {get_args(Split)}, got {split!r}")


def mnist(
    split: Split = "train",
    *,
    value_range: Range = (0.0, 1.0),
    folder: str | os.PathLike[str] | None = None,
) -> Dataset:
    """Return MNIST: handwritten digits of 28x28 pixels, 60,000 to train and 10,000 to test.

    Read from IDX files, compressed or not, in the data folder itself, its ``mnist`` or its ``MNIST/raw``;
    a missing file is downloaded. Local files with other contents or fewer records are used with a warning.

    Args:
        split: ``"train"`` or ``"test"``.
        value_range: what intensities 0 and 255 become.
        folder: the data folder; default the environment variable GANDYN_DATA, else the user cache.

    Returns:
        Dataset with images of shape (N, 1, 28, 28) and labels 0 to 9.

    Raises:
        DatasetError: a file that is missing and cannot be downloaded, truncated, corrupt, of another
            format or size, or labels that do not belong; it names the file, what was expected and what came.

    Warns:
        UserWarning: contents without the published checksum.

    Source: LeCun, Bottou, Bengio and Haffner 1998, "Gradient-based learning applied to document recognition".

    Example:
        >>> mnist("validation")
        Traceback (most recent call last):
        ...
        gandyn.nets.datasets.DatasetError: split must be one of ('train', 'test'), got 'validation'
    """
    _check_split(split)
    value_range = _checked_range(value_range)
    root = _data_folder(folder)
    places = [root, root / "mnist", root / "MNIST" / "raw"]
    arrays, differences = [], []
    for published, item in zip(_MNIST[split], ((28, 28), ()), strict=True):
        names = [published.name, published.name.replace("-idx", ".idx")]
        path = _find(places, [*names, *(f"{name}.gz" for name in names)]) or _download(
            "mnist", f"{_MNIST_URL}{published.name}.gz", published.download_digest, places, root / "mnist"
        )
        data = _read_bytes(path)
        arrays.append(_idx_array(path, data, item))
        differences += _difference(path, data, published, len(arrays[-1]))
    images, labels = arrays
    _check_classes(path, labels)
    if len(images) != len(labels):
        raise DatasetError(f"{path}: expected {len(images)} labels, one an image, got {len(labels)}")
    _warn("mnist", differences)
    return Dataset(
        name=f"mnist ({split})",
        images=_scaled(images[:, None], 255, value_range),
        labels=torch.tensor(labels, dtype=torch.int64),
        classes=_DIGITS,
        value_range=value_range,
        source=f"LeCun, Bottou, Bengio and Haffner 1998, read in {path.parent}",
    )


def _cifar_records(path: Path, data: bytes) -> np.ndarray:
    """Return the records of a batch, shape (N, 3073): a label, then red, green and blue planes."""
    count, rest = divmod(len(data), _CIFAR_RECORD)
    if rest or not count:
        raise DatasetError(
            f"{path}: truncated or not a CIFAR-10 batch; expected whole records of {_CIFAR_RECORD} bytes, at "
            f"least one; got {len(data)} bytes, which is {count} records and {rest} bytes"
        )
    records = np.frombuffer(data, dtype=np.uint8).reshape(count, _CIFAR_RECORD)
    _check_classes(path, records[:, 0])
    return records


def _archive_members(path: Path, names: Sequence[str]) -> dict[str, bytes]:
    """Return the named files of a compressed tar archive; nothing is written, whatever paths it holds."""
    found = {}
    try:
        with gzip.open(path) as stream, tarfile.open(fileobj=stream, mode="r:") as archive:
            for member in archive:
                name = member.name.rsplit("/", 1)[-1]
                content = archive.extractfile(member) if name in names and member.isreg() else None
                if content is not None:
                    found[name] = content.read()
            stream.read()  # to its end, where gzip keeps the checksum
    except _BROKEN_ARCHIVE as error:
        raise DatasetError(
            f"{path}: expected a .tar.gz archive, got {type(error).__name__}: {error}"
        ) from error
    missing = [name for name in names if name not in found]
    if missing:
        raise DatasetError(f"{path}: expected the files {', '.join(names)}; {', '.join(missing)} missing")
    return {name: found[name] for name in names}


def _cifar_batches(root: Path, names: Sequence[str]) -> dict[Path, bytes]:
    """Return the contents of the batches at hand: loose files, else the members of the archive."""
    places = [root, root / "cifar-10-batches-bin", root / "cifar10"]
    paths = [path for name in names if (path := _find(places, [name]))]
    if paths:
        return {path: _read_bytes(path) for path in paths}
    archive = _find(places, [_CIFAR_URL.rsplit("/", 1)[1]]) or _download(
        "cifar10", _CIFAR_URL, _CIFAR_DIGEST, places, root
    )
    return {archive / name: data for name, data in _archive_members(archive, names).items()}


def cifar10(
    split: Split = "train",
    *,
    value_range: Range = (0.0, 1.0),
    folder: str | os.PathLike[str] | None = None,
) -> Dataset:
    """Return CIFAR-10: colour photographs of 32x32 pixels, 50,000 to train and 10,000 to test.

    Read from the binary version, in the data folder itself, its ``cifar-10-batches-bin`` or its
    ``cifar10``, as batches or as the published archive; where there is neither, the archive is downloaded.
    Local batches with other contents, fewer records or some missing are used with a warning.

    Args:
        split: ``"train"`` (five batches) or ``"test"`` (one).
        value_range: what intensities 0 and 255 become.
        folder: the data folder; default the environment variable GANDYN_DATA, else the user cache.

    Returns:
        Dataset with images of shape (N, 3, 32, 32) and labels 0 to 9.

    Raises:
        DatasetError: a file that is missing and cannot be downloaded, truncated, corrupt or of another
            format, or labels that do not belong; it names the file, what was expected and what came.

    Warns:
        UserWarning: contents without the published checksum, or batches that are missing.

    Source: Krizhevsky 2009, "Learning multiple layers of features from tiny images".

    Example:
        >>> cifar10(value_range=(1, 0))
        Traceback (most recent call last):
        ...
        gandyn.nets.datasets.DatasetError: value_range must be two finite numbers, the lower first; got (1, 0)
    """
    _check_split(split)
    value_range = _checked_range(value_range)
    wanted = {published.name: published for published in _CIFAR[split]}
    batches = _cifar_batches(_data_folder(folder), list(wanted))
    records, differences = [], []
    for path, data in batches.items():
        records.append(_cifar_records(path, data))
        differences += _difference(path, data, wanted.pop(path.name), len(records[-1]))
    differences += [f"{name}: expected {file.records} records, got no file" for name, file in wanted.items()]
    _warn("cifar10", differences)
    values = np.concatenate(records)
    return Dataset(
        name=f"cifar10 ({split})",
        images=_scaled(values[:, 1:].reshape(-1, 3, 32, 32), 255, value_range),
        labels=torch.tensor(values[:, 0], dtype=torch.int64),
        classes=_CIFAR_CLASSES,
        value_range=value_range,
        source=f"Krizhevsky 2009, read in {path.parent}",
    )


def _mixture(
    name: str,
    centres: np.ndarray,
    std: float,
    count: int,
    seed: int,
    source: str,
    weights: np.ndarray | None = None,
) -> Dataset:
    if count < 1 or not 0 <= std < math.inf:
        raise DatasetError(
            f"{name}: count must be at least 1 and std finite, at least 0; got {count} and {std}"
        )
    rng = np.random.default_rng(seed)
    labels = rng.choice(len(centres), size=count, p=weights)
    points = centres[labels] + std * rng.standard_normal((count, centres.shape[1]))
    return Dataset(
        name=name,
        images=torch.tensor(points, dtype=torch.float32),
        labels=torch.tensor(labels, dtype=torch.int64),
        classes=tuple(f"mode {index}" for index in range(len(centres))),
        source=f"{source}, drawn with seed {seed}",
    )


def ring(
    modes: int = 8, *, count: int = 2000, radius: float = 2.0, std: float = 0.02, seed: int = 0
) -> Dataset:
    """Return points of a mixture of ``modes`` equal Gaussians, evenly spaced on a circle round the origin.

    Args:
        modes: number of Gaussians, at angles 2 pi k / modes for k = 0, ..., modes - 1.
        count: number of points.
        radius: radius of the circle, > 0.
        std: standard deviation of each Gaussian, >= 0.
        seed: seed of the draws.

    Returns:
        Dataset with images of shape (count, 2), not scaled, and the number of the Gaussian as label.

    Raises:
        DatasetError: a count or mode number below 1, or a radius or deviation out of range.

    Source: Metz, Poole, Pfau and Sohl-Dickstein 2017, "Unrolled generative adversarial networks".

    Example:
        >>> ring(4, count=3, std=0.0).images.abs().sum(dim=1)
        tensor([2., 2., 2.])
    """
    if modes < 1 or not 0 < radius < math.inf:
        raise DatasetError(f"ring: modes must be at least 1 and radius positive; got {modes} and {radius}")
    angles = 2 * np.pi * np.arange(modes) / modes
    centres = radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    return _mixture("ring", centres, std, count, seed, f"{modes} Gaussians on a circle (Metz et al. 2017)")


def grid(
    side: int = 5, *, count: int = 2500, spacing: float = 2.0, std: float = 0.05, seed: int = 0
) -> Dataset:
    """Return points of a mixture of ``side`` x ``side`` equal Gaussians on a square grid round the origin.

    Args:
        side: number of Gaussians along each side.
        count: number of points.
        spacing: distance between neighbours, > 0.
        std: standard deviation of each Gaussian, >= 0.
        seed: seed of the draws.

    Returns:
        Dataset with images of shape (count, 2), not scaled, and the number of the Gaussian as label,
        counted along the second coordinate first.

    Raises:
        DatasetError: a count or side below 1, or a spacing or deviation out of range.

    Source: Srivastava, Valkov, Russell, Gutmann and Sutton 2017, "VEEGAN".

    Example:
        >>> sorted(set(grid(2, count=50, std=0.0).images[:, 0].tolist()))
        [-1.0, 1.0]
    """
    if side < 1 or not 0 < spacing < math.inf:
        raise DatasetError(f"grid: side must be at least 1 and spacing positive; got {side} and {spacing}")
    axis = spacing * (np.arange(side) - (side - 1) / 2)
    centres = np.stack(np.meshgrid(axis, axis, indexing="ij"), axis=-1).reshape(-1, 2)
    return _mixture("grid", centres, std, count, seed, f"{side} x {side} Gaussians (Srivastava et al. 2017)")


def mixture_1d(
    means: Sequence[float] = (-1.0, 1.0),
    *,
    weights: Sequence[float] | None = None,
    count: int = 2000,
    std: float = 0.1,
    seed: int = 0,
) -> Dataset:
    """Return points on the line of a mixture of Gaussians.

    Args:
        means: centre of each Gaussian, at least one.
        weights: probability of each Gaussian, summing to 1; default equal.
        count: number of points.
        std: standard deviation of each Gaussian, >= 0.
        seed: seed of the draws.

    Returns:
        Dataset with images of shape (count, 1), not scaled, and the number of the Gaussian as label.

    Raises:
        DatasetError: no or non-finite means, weights that are not one probability a mean, a count below 1
            or a deviation out of range.

    Example:
        >>> mixture_1d([3.0], count=2, std=0.0).images.tolist()
        [[3.0], [3.0]]
    """
    centres = np.asarray(means, dtype=float)
    if centres.ndim != 1 or not centres.size or not np.all(np.isfinite(centres)):
        raise DatasetError(f"mixture_1d: means must be at least one finite number, got {means}")
    shares = np.full(centres.size, 1 / centres.size) if weights is None else np.asarray(weights, dtype=float)
    if shares.shape != centres.shape or not (np.all(shares >= 0) and abs(shares.sum() - 1) < 1e-9):
        raise DatasetError(
            f"mixture_1d: weights must be {centres.size} probabilities summing to 1, got {weights}"
        )
    return _mixture("mixture_1d", centres[:, None], std, count, seed, f"{centres.size} Gaussians", shares)


#: The data sets by the name that the command line takes.
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
        gandyn.nets.datasets.DatasetError: no data set 'minst'; did you mean 'mnist'? Known: digits, ...
    """
    if name not in DATASETS:
        close = difflib.get_close_matches(name.lower(), DATASETS, n=1, cutoff=0.0)[0]
        raise DatasetError(f"no data set {name!r}; did you mean {close!r}? Known: {', '.join(DATASETS)}")
    known = inspect.signature(DATASETS[name]).parameters
    unknown = sorted(set(options) - set(known))
    if unknown:
        raise DatasetError(f"{name} has no option {', '.join(unknown)}; its options are {', '.join(known)}")
    return DATASETS[name](**options)
