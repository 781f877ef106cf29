"""Data sets: what each returns, where files are looked for, and what is refused."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import tarfile
import warnings
from pathlib import Path

import numpy as np
import pooch
import pytest
import torch

from gandyn.nets import datasets
from gandyn.nets.datasets import Dataset, DatasetError, cifar10, digits, grid, load, mixture_1d, mnist, ring

IMAGES, LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"
ARCHIVE = "cifar-10-binary.tar.gz"
BATCHES = [f"data_batch_{number}.bin" for number in range(1, 6)]
REAL_FOLDERS = [Path(folder) for folder in (os.environ.get("GANDYN_DATA"),) if folder]


@pytest.fixture(autouse=True)
def cache(monkeypatch, tmp_path):
    """No network and no data folder of the user: an empty cache, and a download that fails."""

    def unreachable(url, **options):
        raise ConnectionError(f"cannot reach {url}")

    folder = tmp_path / "cache"
    monkeypatch.delenv("GANDYN_DATA", raising=False)
    monkeypatch.setattr(pooch, "retrieve", unreachable)
    monkeypatch.setattr(pooch, "os_cache", lambda project: folder)
    return folder


def real_folder(file_name: str) -> Path:
    found = next((folder for folder in REAL_FOLDERS if (folder / file_name).is_file()), None)
    if found is None:
        pytest.skip(f"{file_name} is not on this machine")
    return found


def idx(array: np.ndarray) -> bytes:
    header = bytes((0, 0, 8, array.ndim)) + b"".join(size.to_bytes(4, "big") for size in array.shape)
    return header + array.astype(np.uint8).tobytes()


def pixels(count: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, size=(count, 28, 28), dtype=np.uint8)


def write(path: Path, data: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def write_mnist(folder: Path, images: bytes | None = None, labels: bytes | None = None) -> Path:
    write(folder / IMAGES, idx(pixels(7)) if images is None else images)
    write(folder / LABELS, idx(np.arange(7)) if labels is None else labels)
    return folder


def records(count: int, first_label: int = 0) -> bytes:
    values = np.random.default_rng(1).integers(0, 256, size=(count, 3073), dtype=np.uint8)
    values[:, 0] = (first_label + np.arange(count)) % 10
    return values.tobytes()


def archive(contents: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, data in contents.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


def wrong_checksum(packed: bytes) -> bytes:
    """The last eight bytes of gzip are the checksum and the length of the contents."""
    return packed[:-8] + bytes([packed[-8] ^ 1]) + packed[-7:]


def quietly(maker, *args, **options) -> Dataset:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return maker(*args, **options)


# --- digits and the type


def test_digits_are_the_bundled_images():
    data = digits()
    assert data.images.dtype == torch.float32
    assert data.images.shape == (1797, 1, 8, 8)
    assert (float(data.images.min()), float(data.images.max())) == (0.0, 1.0)
    assert float(data.images.double().sum() * 16) == 561718
    assert data.labels.dtype == torch.int64
    assert torch.bincount(data.labels).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    assert data.classes == tuple("0123456789")


def test_value_range_is_exact_at_both_ends():
    data = digits(value_range=(-1, 1))
    assert data.value_range == (-1.0, 1.0)
    assert (float(data.images.min()), float(data.images.max())) == (-1.0, 1.0)
    torch.testing.assert_close(data.images, 2 * digits().images - 1, rtol=0, atol=0)


@pytest.mark.parametrize(
    "value_range", [(1.0, 0.0), (0.0, 0.0), (0.0, float("inf")), (float("nan"), 1.0), (0, 1, 2)]
)
def test_a_wrong_value_range_is_refused(value_range):
    with pytest.raises(DatasetError, match="two finite numbers, the lower first"):
        digits(value_range=value_range)


def test_fingerprint_depends_on_contents_only():
    points, labels = torch.arange(6.0).reshape(3, 2), torch.tensor([0, 1, 0])
    plain = Dataset("a", points, labels, ("x", "y"))
    assert len(plain.fingerprint) == 64
    assert plain.fingerprint == Dataset("b", points.clone(), labels, ("u", "v"), source="s").fingerprint
    others = [
        Dataset("a", points.reshape(2, 3), None),
        Dataset("a", points, None),
        Dataset("a", points, 1 - labels, ("x", "y")),
        Dataset("a", points + 1e-6 * torch.eye(3, 2), labels, ("x", "y")),
    ]
    assert len({plain.fingerprint, *(other.fingerprint for other in others)}) == 5


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        (torch.zeros(2, 1, dtype=torch.float64), None, "float32.*float64"),
        (torch.zeros(2, 8, 8), None, r"\(N, C, H, W\).*\(2, 8, 8\)"),
        (torch.zeros(0, 2), None, r"none of them 0; got .* \(0, 2\)"),
        (torch.tensor([[0.0], [float("nan")]]), None, "finite, got NaN"),
        (torch.zeros(2, 1), torch.tensor([0]), r"int64 of shape \(2,\).*\(1,\)"),
        (torch.zeros(2, 1), torch.tensor([0.0, 1.0]), "int64.*float32"),
        (torch.zeros(2, 1), torch.tensor([0, 2]), "the 2 classes; the label of sample 1 is 2"),
        (torch.zeros(2, 1), torch.tensor([-1, 0]), "the label of sample 0 is -1"),
    ],
)
def test_a_wrong_dataset_is_refused(images, labels, message):
    with pytest.raises(DatasetError, match=message):
        Dataset("mine", images, labels, ("x", "y"))


def test_a_dataset_prints_what_it_is():
    text = str(digits())
    assert text.startswith("digits: 1797 samples of shape (1, 8, 8) in [0, 1], from Alpaydin")
    assert " in [" not in str(ring())


# --- mixtures


@pytest.mark.parametrize("modes", [1, 2, 3, 8, 25])
def test_ring_has_as_many_distinct_centres_as_asked(modes):
    data = ring(modes, count=2000, radius=3.0, std=0.0)
    centres = np.unique(data.images.numpy(), axis=0)
    assert len(centres) == modes == len(data.classes)
    assert np.allclose(np.linalg.norm(centres, axis=1), 3.0, rtol=1e-6)
    if modes > 1:
        gaps = np.linalg.norm(centres[:, None] - centres[None], axis=-1)[~np.eye(modes, dtype=bool)]
        assert np.isclose(gaps.min(), 6.0 * np.sin(np.pi / modes), rtol=1e-5)


def test_grid_has_its_centres_and_labels_in_order():
    data = grid(3, count=1000, spacing=2.0, std=0.0)
    centres = [data.images[data.labels == index][0].tolist() for index in range(9)]
    assert centres == [[x, y] for x in (-2.0, 0.0, 2.0) for y in (-2.0, 0.0, 2.0)]


def test_mixture_1d_draws_with_its_weights_and_deviation():
    data = mixture_1d([-2.0, 0.0, 5.0], weights=[0.25, 0.0, 0.75], count=40_000, std=0.5, seed=3)
    assert data.images.shape == (40_000, 1)
    share = float((data.labels == 2).double().mean())
    assert abs(share - 0.75) < 4 * np.sqrt(0.75 * 0.25 / 40_000)
    assert not (data.labels == 1).any()
    around = data.images[data.labels == 2].double() - 5.0
    assert abs(float(around.mean())) < 4 * 0.5 / np.sqrt(30_000)
    assert abs(float(around.std()) - 0.5) < 4 * 0.5 / np.sqrt(60_000)


@pytest.mark.parametrize("maker", [ring, grid, mixture_1d])
def test_mixtures_depend_on_the_seed_alone(maker):
    state = np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()  # noqa: NPY002
    first, same, other = maker(count=50), maker(count=50), maker(count=50, seed=1)
    assert first.fingerprint == same.fingerprint != other.fingerprint
    assert state == (np.random.get_state()[1].tolist(), torch.get_rng_state().tolist())  # noqa: NPY002
    assert first.images.dtype == torch.float32


@pytest.mark.parametrize(
    ("maker", "options", "message"),
    [
        (ring, {"modes": 0}, "modes must be at least 1.*got 0"),
        (ring, {"radius": 0.0}, "radius positive"),
        (ring, {"std": -0.1}, "std finite, at least 0; got 2000 and -0.1"),
        (ring, {"std": float("nan")}, "std finite"),
        (grid, {"side": 0}, "side must be at least 1"),
        (grid, {"spacing": float("inf")}, "spacing positive"),
        (grid, {"count": 0}, "count must be at least 1"),
        (mixture_1d, {"means": []}, "at least one finite number"),
        (mixture_1d, {"means": [0.0, float("nan")]}, "at least one finite number"),
        (mixture_1d, {"weights": [1.0]}, "2 probabilities summing to 1"),
        (mixture_1d, {"weights": [0.5, 0.6]}, "2 probabilities summing to 1"),
        (mixture_1d, {"weights": [-0.5, 1.5]}, "2 probabilities summing to 1"),
    ],
)
def test_a_wrong_mixture_is_refused(maker, options, message):
    with pytest.raises(DatasetError, match=message):
        maker(**options)


# --- MNIST


@pytest.mark.parametrize("place", ["", "mnist", "MNIST/raw"])
@pytest.mark.parametrize("packed", [False, True])
def test_mnist_is_read_from_each_layout(tmp_path, place, packed):
    for name, array in ((IMAGES, pixels(7)), (LABELS, np.arange(7))):
        data = idx(array)
        write(tmp_path / place / (f"{name}.gz" if packed else name), gzip.compress(data) if packed else data)
    data = quietly(mnist, folder=tmp_path)
    assert data.images.shape == (7, 1, 28, 28)
    expected = pixels(7).astype(np.float32)[:, None] / np.float32(255)
    np.testing.assert_array_equal(data.images.numpy(), expected)
    assert data.labels.tolist() == list(range(7))
    assert str(tmp_path / place) in data.source


def test_mnist_is_read_under_the_other_common_names(tmp_path):
    write(tmp_path / "train-images.idx3-ubyte", idx(pixels(2)))
    write(
        tmp_path / "train-labels.idx1-ubyte.gz", idx(np.arange(2))
    )  # unpacked by a browser that kept the name
    assert len(quietly(mnist, folder=tmp_path)) == 2


def test_the_environment_names_the_data_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("GANDYN_DATA", str(write_mnist(tmp_path / "data")))
    assert len(quietly(mnist)) == 7


def test_the_user_cache_is_the_default_folder(cache):
    write_mnist(cache / "mnist")
    assert len(quietly(mnist)) == 7


def test_local_files_with_other_contents_warn_with_the_difference(tmp_path):
    write_mnist(tmp_path)
    with pytest.warns(UserWarning, match="mnist differs") as caught:
        mnist(folder=tmp_path)
    message = str(caught[0].message)
    assert len(caught) == 1
    assert caught[0].filename == __file__
    assert f"{tmp_path / IMAGES}: expected 60000 records with md5 6bbc9ace898e44ae57da46a324031adb" in message
    assert f"{tmp_path / LABELS}: expected 60000 records with md5 a25bea736e30d166cdddb491f175f624" in message
    assert message.count("got 7 with ") == 2


BROKEN_IMAGES = {
    "empty file": (b"", "expected an IDX file that begins 00000803, got ''"),
    "wrong magic": (idx(pixels(7)[0]), "begins 00000803, got '00000802'"),
    "not IDX": (b"<html>not found</html>", "begins 00000803, got '3c68746d'"),
    "truncated header": (idx(pixels(7))[:10], "expected a header of 16 bytes, got 10 bytes"),
    "truncated": (idx(pixels(7))[:5000], "truncated; expected 5504 bytes for 7 records, got 5000 bytes"),
    "too long": (idx(pixels(7)) + b"x", "too long; expected 5504 bytes for 7 records, got 5505 bytes"),
    "wrong size": (idx(np.zeros((7, 8, 8))), r"shape \(N > 0, 28, 28\), got \(7, 8, 8\)"),
    "no record": (idx(np.zeros((0, 28, 28))), r"shape \(N > 0, 28, 28\), got \(0, 28, 28\)"),
    "truncated gzip": (gzip.compress(idx(pixels(7)))[:-100], "gzip or not; got EOFError"),
    "wrong gzip checksum": (wrong_checksum(gzip.compress(idx(pixels(7)))), "BadGzipFile: CRC check failed"),
}


@pytest.mark.parametrize("kind", BROKEN_IMAGES)
def test_broken_images_are_refused_by_name(tmp_path, kind):
    data, message = BROKEN_IMAGES[kind]
    with pytest.raises(DatasetError, match=message) as raised:
        mnist(folder=write_mnist(tmp_path, images=data))
    assert str(raised.value).startswith(f"{tmp_path / IMAGES}: ")


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (idx(np.arange(6)), "expected 7 labels, one an image, got 6"),
        (idx(np.array([0, 1, 2, 3, 10, 5, 11])), "expected labels 0 to 9, got 10 at record 4"),
        (idx(pixels(7)), "begins 00000801, got '00000803'"),
    ],
)
def test_broken_labels_are_refused_by_name(tmp_path, labels, message):
    with pytest.raises(DatasetError, match=message) as raised:
        mnist(folder=write_mnist(tmp_path, labels=labels))
    assert str(raised.value).startswith(f"{tmp_path / LABELS}: ")


def test_a_folder_in_the_place_of_a_file_is_refused(tmp_path):
    (tmp_path / IMAGES).mkdir()
    with pytest.raises(DatasetError, match=f"{IMAGES}: expected a readable file.*IsADirectoryError"):
        mnist(folder=tmp_path)


def test_a_missing_file_says_where_it_was_looked_for_and_what_to_type(tmp_path):
    with pytest.raises(DatasetError) as raised:
        mnist("test", folder=tmp_path)
    message = str(raised.value)
    for part in (
        "t10k-images-idx3-ubyte.gz",
        f"{tmp_path}, {tmp_path / 'mnist'}",
        "ConnectionError: cannot reach https://ossci-datasets.s3.amazonaws.com/mnist/t10k-images-idx3-ubyte.gz",
        "GANDYN_DATA=",
        "'digits' needs no download",
    ):
        assert part in message


def test_a_missing_data_folder_is_refused_by_its_origin(tmp_path, monkeypatch):
    nowhere = tmp_path / "nowhere"
    with pytest.raises(DatasetError, match=f"^folder must name an existing folder, got {nowhere}"):
        mnist(folder=nowhere)
    monkeypatch.setenv("GANDYN_DATA", str(nowhere))
    with pytest.raises(DatasetError, match=f"^GANDYN_DATA must name an existing folder, got {nowhere}"):
        cifar10()


def test_mnist_downloads_what_is_missing_with_its_checksum(cache, monkeypatch):
    asked = {}
    served = {f"{IMAGES}.gz": idx(pixels(7)), f"{LABELS}.gz": idx(np.arange(7))}

    def retrieve(url, known_hash, fname, path, progressbar):
        asked[url] = known_hash
        return str(write(Path(path) / fname, gzip.compress(served[fname])))

    monkeypatch.setattr(pooch, "retrieve", retrieve)
    first = quietly(mnist)
    base = "https://ossci-datasets.s3.amazonaws.com/mnist/"
    assert asked == {
        f"{base}{IMAGES}.gz": "md5:f68b3c2dcbeaaa9fbdd348bbdeb94873",
        f"{base}{LABELS}.gz": "md5:d53e105ee54ea40749a09fcbcd1e9432",
    }
    asked.clear()
    assert quietly(mnist).fingerprint == first.fingerprint
    assert asked == {}
    assert (cache / "mnist" / f"{IMAGES}.gz").is_file()


def test_a_download_with_another_checksum_is_refused(monkeypatch):
    def retrieve(url, **options):
        raise ValueError("MD5 hash of downloaded file does not match the known hash")

    monkeypatch.setattr(pooch, "retrieve", retrieve)
    with pytest.raises(DatasetError, match="does not match the known hash"):
        mnist()


@pytest.mark.parametrize(
    ("split", "shape", "first", "counts"),
    [
        (
            "train",
            (60_000, 1, 28, 28),
            [5, 0, 4, 1, 9],
            [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949],
        ),
        (
            "test",
            (10_000, 1, 28, 28),
            [7, 2, 1, 0, 4],
            [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009],
        ),
    ],
)
def test_genuine_mnist_loads_without_a_warning(split, shape, first, counts):
    prefix = "train" if split == "train" else "t10k"
    data = mnist(split, folder=real_folder(f"mnist/{prefix}-images-idx3-ubyte.gz"))
    assert data.images.shape == shape
    assert data.labels[:5].tolist() == first
    assert torch.bincount(data.labels).tolist() == counts
    if split == "train":
        assert round(float(data.images.double().mean()), 4) == 0.1307
        assert round(float(data.images.double().std()), 4) == 0.3081


# --- CIFAR-10


@pytest.mark.parametrize("place", ["", "cifar-10-batches-bin", "cifar10"])
def test_cifar10_is_read_from_each_layout(tmp_path, place):
    contents = [records(3, first) for first in range(5)]
    for name, data in zip(BATCHES, contents, strict=True):
        write(tmp_path / place / name, data)
    data = quietly(cifar10, folder=tmp_path)
    raw = np.frombuffer(b"".join(contents), dtype=np.uint8).reshape(15, 3073)
    assert data.images.shape == (15, 3, 32, 32)
    assert data.labels.tolist() == raw[:, 0].tolist()
    assert data.classes[0] == "airplane"
    assert data.classes[9] == "truck"
    green = raw[4, 1 + 1024 + 32 * 5 + 7]
    assert float(data.images[4, 1, 5, 7]) == np.float32(green) / np.float32(255)


def test_a_part_of_cifar10_warns_with_the_difference(tmp_path):
    path = write(tmp_path / "cifar-10-batches-bin" / BATCHES[1], records(4))
    with pytest.warns(UserWarning, match="cifar10 differs") as caught:
        data = cifar10(folder=tmp_path)
    message = str(caught[0].message)
    assert len(data) == 4
    assert f"{path}: expected 10000 records with sha1 c0ba65cce70568cd57b4e03e9ac8d2a5367c1795" in message
    assert "got 4 with " in message
    for name in (BATCHES[0], *BATCHES[2:]):
        assert f"{name}: expected 10000 records, got no file" in message


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "0 bytes, which is 0 records and 0 bytes"),
        (records(3)[:-1], "whole records of 3073 bytes.*got 9218 bytes, which is 2 records and 3072 bytes"),
        (records(2) + b"x", "got 6147 bytes, which is 2 records and 1 bytes"),
        (records(2) + b"\x0a" + records(1)[1:], "expected labels 0 to 9, got 10 at record 2"),
    ],
)
def test_a_broken_batch_is_refused_by_name(tmp_path, data, message):
    path = write(tmp_path / "test_batch.bin", data)
    with pytest.raises(DatasetError, match=message) as raised:
        cifar10("test", folder=tmp_path)
    assert str(raised.value).startswith(f"{path}: ")


def test_cifar10_is_read_from_the_archive_without_writing_anything(tmp_path):
    contents = {f"cifar-10-batches-bin/{name}": records(2, first) for first, name in enumerate(BATCHES)}
    path = write(tmp_path / "data" / ARCHIVE, archive({"../../escaped": b"x", **contents}))
    before = sorted(tmp_path.rglob("*"))
    data = quietly(cifar10, folder=tmp_path / "data")
    assert data.labels.tolist() == [0, 1, 1, 2, 2, 3, 3, 4, 4, 5]
    assert str(path) in data.source
    assert sorted(tmp_path.rglob("*")) == before


def test_batches_of_an_archive_come_in_their_order(tmp_path):
    contents = {f"x/{name}": records(1, first) for first, name in reversed(list(enumerate(BATCHES)))}
    write(tmp_path / ARCHIVE, archive(contents))
    assert quietly(cifar10, folder=tmp_path).labels.tolist() == [0, 1, 2, 3, 4]


def broken_archives() -> dict[str, tuple[bytes, str]]:
    whole = archive({f"x/{name}": records(2) for name in BATCHES})
    return {
        "not an archive": (b"<html>", "expected a .tar.gz archive, got BadGzipFile"),
        "not a tar": (gzip.compress(b"nothing" * 100), "expected a .tar.gz archive, got ReadError"),
        "truncated": (whole[: len(whole) // 2], "expected a .tar.gz archive, got EOFError"),
        "wrong checksum": (wrong_checksum(whole), "BadGzipFile: CRC check failed"),
        "batch missing": (
            archive({f"x/{name}": records(2) for name in BATCHES[:4]}),
            "data_batch_5.bin missing",
        ),
    }


@pytest.mark.parametrize("kind", broken_archives())
def test_a_broken_archive_is_refused_by_name(tmp_path, kind):
    data, message = broken_archives()[kind]
    path = write(tmp_path / ARCHIVE, data)
    with pytest.raises(DatasetError, match=message) as raised:
        cifar10(folder=tmp_path)
    assert str(raised.value).startswith(f"{path}: ")


def test_a_link_in_an_archive_is_not_followed(tmp_path):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        link = tarfile.TarInfo("x/test_batch.bin")
        link.type, link.linkname = tarfile.SYMTYPE, str(write(tmp_path / "private", records(1)))
        tar.addfile(link)
    write(tmp_path / ARCHIVE, buffer.getvalue())
    with pytest.raises(DatasetError, match=r"test_batch\.bin missing"):
        cifar10("test", folder=tmp_path)


def test_cifar10_downloads_the_archive_with_its_checksum(cache, monkeypatch):
    asked = {}

    def retrieve(url, known_hash, fname, path, progressbar):
        asked[url] = known_hash
        return str(write(Path(path) / fname, archive({"x/test_batch.bin": records(3)})))

    monkeypatch.setattr(pooch, "retrieve", retrieve)
    assert len(quietly(cifar10, "test")) == 3
    url = "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"
    assert asked == {url: "md5:c32a1d4ab5d03f1284b67883e8d87530"}


def test_a_missing_archive_says_what_to_type(tmp_path):
    with pytest.raises(DatasetError, match=f"{ARCHIVE} is not in {tmp_path}.*GANDYN_DATA="):
        cifar10(folder=tmp_path)


def test_real_cifar10_loads_and_names_what_differs():
    folder = real_folder("cifar-10-batches-bin/test_batch.bin")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        data = cifar10("test", folder=folder)
    content = (folder / "cifar-10-batches-bin" / "test_batch.bin").read_bytes()
    published = hashlib.sha1(content).hexdigest() == "67eb016db431130d61cd03c7ad570b013799c88c"
    assert len(data) * 3073 == len(content)
    assert torch.bincount(data.labels).tolist() == [len(data) // 10] * 10
    assert 0.4 < float(data.images.mean()) < 0.55
    assert len(caught) == (0 if published else 1)
    assert all(f"got {len(data)} with" in str(warning.message) for warning in caught)


# --- by name


@pytest.mark.parametrize("split", ["validation", "Train", ""])
@pytest.mark.parametrize("maker", [mnist, cifar10])
def test_an_unknown_split_is_refused(maker, split):
    with pytest.raises(DatasetError, match=rf"split must be one of \('train', 'test'\), got '{split}'"):
        maker(split)


def test_every_data_set_is_loaded_by_its_name(tmp_path):
    write(write_mnist(tmp_path) / BATCHES[0], records(1))
    assert set(datasets.DATASETS) == {"digits", "mnist", "cifar10", "ring", "grid", "mixture_1d"}
    for name in datasets.DATASETS:
        options = {"folder": tmp_path} if name in ("mnist", "cifar10") else {}
        assert quietly(load, name, **options).name.startswith(name)
    assert load().fingerprint == digits().fingerprint


@pytest.mark.parametrize(
    ("name", "close"), [("minst", "mnist"), ("CIFAR-10", "cifar10"), ("digit", "digits")]
)
def test_an_unknown_name_lists_the_known_and_the_closest(name, close):
    known = "digits, mnist, cifar10, ring, grid, mixture_1d"
    with pytest.raises(DatasetError, match=f"no data set '{name}'; did you mean '{close}'. Known: {known}"):
        load(name)


def test_an_unknown_option_lists_the_known():
    with pytest.raises(DatasetError, match="digits has no option split; its options are value_range"):
        load("digits", split="train")
