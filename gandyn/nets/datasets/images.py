"""Image data sets: real digits without a download, MNIST and CIFAR-10."""

from __future__ import annotations

import gzip
import hashlib
import math
import os
import tarfile
import warnings
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias, get_args

import numpy as np
import torch

from gandyn.nets.datasets.dataset import Dataset, DatasetError, Range, checked_range, scaled

__all__ = ["cifar10", "digits", "mnist"]

Split: TypeAlias = Literal["train", "test"]

_DIGITS = tuple("0123456789")
_CIFAR_CLASSES = (
    "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
)  # fmt: skip
_CIFAR_RECORD = 1 + 3 * 32 * 32
_BROKEN_ARCHIVE = (OSError, EOFError, zlib.error, tarfile.TarError)


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

    value_range = checked_range(value_range)
    images, labels = load_digits(return_X_y=True)
    return Dataset(
        name="digits",
        images=scaled(images.reshape(-1, 1, 8, 8), 16, value_range),
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
        gandyn.nets.datasets.dataset.DatasetError: split must be one of ('train', 'test'), got 'validation'
    """
    _check_split(split)
    value_range = checked_range(value_range)
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
        images=scaled(images[:, None], 255, value_range),
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
        gandyn.nets.datasets.dataset.DatasetError: value_range must be two finite numbers, ...
    """
    _check_split(split)
    value_range = checked_range(value_range)
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
        images=scaled(values[:, 1:].reshape(-1, 3, 32, 32), 255, value_range),
        labels=torch.tensor(values[:, 0], dtype=torch.int64),
        classes=_CIFAR_CLASSES,
        value_range=value_range,
        source=f"Krizhevsky 2009, read in {path.parent}",
    )
