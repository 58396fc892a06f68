"""Sources of data: the digits as they are, torchvision's datasets from archives made here in their layout."""

import hashlib
import pickle
import struct

import numpy as np
import pytest
import scipy.io
from sklearn.datasets import load_digits
from torchvision import datasets as vision

from amc_loss import sources


def test_digits_are_all_there_split_by_class_and_the_same_each_time(tmp_path):
    digits, again = (sources.fetch("digits", "scikit-learn", tmp_path) for _ in range(2))
    digits.check()
    assert digits.x_train.shape == (1437, 32, 32, 1)
    assert digits.x_test.shape == (360, 32, 32, 1)
    np.testing.assert_array_equal(digits.x_test, again.x_test)
    counts = np.bincount(load_digits().target)
    np.testing.assert_array_equal(np.bincount(digits.y_train) + np.bincount(digits.y_test), counts)
    np.testing.assert_allclose(np.bincount(digits.y_test), counts / 5, atol=1)
    assert digits.x_train.min() == 0
    assert digits.x_train.max() == 255


def test_unknown_source(tmp_path):
    with pytest.raises(
        ValueError, match="no dataset 'cifar10' from 'scikit-learn'; there are mnist from torchvision"
    ):
        sources.fetch("cifar10", "scikit-learn", tmp_path)


def pixels(n, *shape):
    return np.random.default_rng(n).integers(0, 256, (n, *shape), dtype=np.uint8)


def test_mnist(tmp_path):
    raw = tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    images = {"train": pixels(20, 28, 28), "t10k": pixels(10, 28, 28)}
    for stem, x in images.items():
        labels = np.arange(len(x), dtype=np.uint8) % 10
        (raw / f"{stem}-images-idx3-ubyte").write_bytes(struct.pack(">4i", 2051, *x.shape) + x.tobytes())
        (raw / f"{stem}-labels-idx1-ubyte").write_bytes(struct.pack(">2i", 2049, len(x)) + labels.tobytes())
    data = sources.fetch("mnist", "torchvision", tmp_path)
    data.check()
    np.testing.assert_array_equal(data.x_train[..., 0], images["train"])
    np.testing.assert_array_equal(data.x_test[..., 0], images["t10k"])
    assert data.y_test.tolist() == list(range(10))
    assert data.class_names == list("0123456789")


def cifar_archive(folder, cls, monkeypatch, entries, meta):
    """Files in the layout of a CIFAR archive, whose checksums torchvision is told to expect."""
    folder.mkdir()
    sums = {}
    for name, content in {**entries, cls.meta["filename"]: meta}.items():
        (folder / name).write_bytes(pickle.dumps(content))
        sums[name] = hashlib.md5((folder / name).read_bytes()).hexdigest()
    known = {name for name, _ in cls.train_list + cls.test_list}
    monkeypatch.setattr(
        cls, "train_list", [[name, sums[name]] for name in entries if name in known and "test" not in name]
    )
    monkeypatch.setattr(cls, "test_list", [[name, sums[name]] for name in entries if "test" in name])
    monkeypatch.setattr(cls, "meta", {**cls.meta, "md5": sums[cls.meta["filename"]]})


def test_cifar10(tmp_path, monkeypatch):
    names = [f"class{i}" for i in range(10)]
    x = {name: pixels(10, 3, 32, 32) for name in [f"data_batch_{i}" for i in range(1, 6)] + ["test_batch"]}
    entries = {name: {"data": value.reshape(10, -1), "labels": list(range(10))} for name, value in x.items()}
    cifar_archive(
        tmp_path / "cifar-10-batches-py", vision.CIFAR10, monkeypatch, entries, {"label_names": names}
    )
    data = sources.fetch("cifar10", "torchvision", tmp_path)
    data.check()
    assert data.x_train.shape == (50, 32, 32, 3)
    np.testing.assert_array_equal(data.x_test, x["test_batch"].transpose(0, 2, 3, 1))
    assert data.class_names == names


def test_cifar100_gives_the_coarse_labels(tmp_path, monkeypatch):
    coarse = [f"super{i}" for i in range(20)]
    fine = list(range(100))
    entries = {
        split: {
            "data": pixels(100, 3072),
            "fine_labels": fine,
            "coarse_labels": [label % 20 for label in fine],
        }
        for split in ("train", "test")
    }
    meta = {"fine_label_names": [f"fine{i}" for i in fine], "coarse_label_names": coarse}
    cifar_archive(tmp_path / "cifar-100-python", vision.CIFAR100, monkeypatch, entries, meta)
    data = sources.fetch("cifar100_coarse", "torchvision", tmp_path)
    data.check()
    assert data.y_train.tolist() == [label % 20 for label in fine]
    assert data.class_names == coarse


def test_svhn_label_10_is_digit_0(tmp_path, monkeypatch):
    splits = {}
    for name, n in (("train", 20), ("test", 10)):
        x = pixels(n, 32, 32, 3)
        path = tmp_path / f"{name}_32x32.mat"
        scipy.io.savemat(path, {"X": x.transpose(1, 2, 3, 0), "y": (np.arange(n) % 10 + 1).reshape(-1, 1)})
        splits[name] = ["", path.name, hashlib.md5(path.read_bytes()).hexdigest()]
    monkeypatch.setattr(vision.SVHN, "split_list", splits)
    data = sources.fetch("svhn", "torchvision", tmp_path)
    data.check()
    assert data.y_test.tolist() == [1, 2, 3, 4, 5, 6, 7, 8, 9, 0]
    np.testing.assert_array_equal(data.x_test, pixels(10, 32, 32, 3))


def test_a_damaged_archive_is_refused(tmp_path, monkeypatch):
    entries = {
        name: {"data": pixels(10, 3072), "labels": list(range(10))} for name in ("data_batch_1", "test_batch")
    }
    folder = tmp_path / "cifar-10-batches-py"
    cifar_archive(folder, vision.CIFAR10, monkeypatch, entries, {"label_names": list("abcdefghij")})
    monkeypatch.setattr(vision.CIFAR10, "url", (tmp_path / "nowhere").as_uri())
    damaged = bytearray((folder / "test_batch").read_bytes())
    damaged[100] ^= 1
    (folder / "test_batch").write_bytes(damaged)
    with pytest.raises((RuntimeError, OSError)):
        sources.fetch("cifar10", "torchvision", tmp_path)
