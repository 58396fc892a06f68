"""Image classification data in one layout: an archive of uint8 images, int64 labels and class names."""

import errno
import hashlib
import os
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from zipfile import ZipFile

import numpy as np
from numpy.typing import NDArray

from amc_loss.jobs.files import replacing


class DatasetError(ValueError):
    """A dataset that cannot be used; the message names the file, what is wrong and the remedy."""


def cannot_write(path: str | os.PathLike[str], error: OSError) -> DatasetError:
    """Why a file or folder could not be written, and the remedy."""
    full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    remedy = "make room for it" if full else "make it writable"
    return DatasetError(f"{path} cannot be written ({error.strerror or error}); {remedy} and run again")


@dataclass(frozen=True)
class Dataset:
    """A dataset in memory.

    Attributes:
        x_train: Training images, shape (N, height, width, channels), uint8, 1 or 3 channels.
        y_train: Their labels, shape (N,), int64, from 0.
        x_test: Test images, as ``x_train``.
        y_test: Their labels, as ``y_train``.
        class_names: A name for each label.
        details: What else is to be recorded of where it comes from, as plain objects.
    """

    x_train: NDArray[np.uint8]
    y_train: NDArray[np.int64]
    x_test: NDArray[np.uint8]
    y_test: NDArray[np.int64]
    class_names: list[str]
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Channels, height and width of an image, the order in which networks take them."""
        height, width, channels = self.x_train.shape[1:]
        return channels, height, width

    def check(self) -> None:
        """Raise `DatasetError` unless shapes, types and labels are what the attributes promise."""
        names = self.class_names
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise DatasetError(f"class_names must be a list of text, not {names!r}")
        if alike := look_alike(names):
            raise DatasetError(f"class_names has a name twice: {alike[0]!r} and {alike[1]!r}")
        n_classes = len(names)
        if n_classes < 2:
            raise DatasetError(f"it has {n_classes or 'no'} class, and a classifier needs two")
        for split, x, y in (("train", self.x_train, self.y_train), ("test", self.x_test, self.y_test)):
            if x.ndim != 4 or x.dtype != np.uint8 or x.shape[3] not in (1, 3) or len(x) == 0:
                raise DatasetError(
                    f"x_{split} must be uint8 of shape (N, height, width, 1 or 3), not {x.dtype} of {x.shape}"
                )
            if x.shape[1:] != self.x_train.shape[1:]:
                raise DatasetError(
                    f"test images are {x.shape[1:]}, training images {self.x_train.shape[1:]}; "
                    "they must be of one shape"
                )
            if y.shape != (len(x),) or y.dtype != np.int64:
                raise DatasetError(
                    f"y_{split} must be whole numbers of shape ({len(x)},), not {y.dtype} of {y.shape}"
                )
            if y.min() < 0 or y.max() >= n_classes:
                raise DatasetError(
                    f"labels in y_{split} run from {y.min()} to {y.max()}, "
                    f"but {n_classes} class names allow 0 to {n_classes - 1}"
                )
            empty = np.setdiff1d(np.arange(n_classes), y)
            if len(empty):
                raise DatasetError(f"class {names[empty[0]]!r} has no image in the {split} split")


def look_alike(names: Sequence[str]) -> tuple[str, str] | None:
    """Two names that readers see as the same, however their accents are encoded; None if there are none."""
    seen: dict[str, str] = {}
    for name in names:
        if (before := seen.setdefault(unicodedata.normalize("NFC", name), name)) is not name:
            return before, name
    return None


def in_both_splits(dataset: Dataset) -> int:
    """How many test images are among the training images as well, pixel by pixel."""
    train = {_digest(image) for image in dataset.x_train}
    return sum(_digest(image) in train for image in dataset.x_test)


def _digest(image: NDArray[np.uint8]) -> bytes:
    return hashlib.blake2b(image.tobytes(), digest_size=16).digest()


def save_dataset(dataset: Dataset, path: str | os.PathLike[str]) -> None:
    """Write a dataset to an ``.npz`` archive, all of it or nothing.

    Raises:
        DatasetError: If the dataset is not a valid one (see `Dataset.check`), or the file cannot be written.
    """
    dataset.check()
    try:
        with replacing(path) as file:
            np.savez(
                file,
                x_train=dataset.x_train,
                y_train=dataset.y_train,
                x_test=dataset.x_test,
                y_test=dataset.y_test,
                class_names=np.array(dataset.class_names),
            )
    except OSError as error:
        raise cannot_write(path, error) from error


def load_dataset(path: str | os.PathLike[str], remedy: str = "delete it and make it again") -> Dataset:
    """Read and check a dataset in the layout that `save_dataset` writes.

    Args:
        path: Its file.
        remedy: What the error tells the user to do.

    Raises:
        DatasetError: If the file is damaged, incomplete or not a valid dataset.
    """
    try:
        with open(path, "rb") as file:
            start = file.read(6)
        # For these numpy would speak of pickles, or of context managers.
        if start == b"\x93NUMPY":
            raise ValueError("it is a single array of numpy.save; numpy.savez puts all five into one file")
        if start and not start.startswith(b"PK"):
            raise ValueError("it is no archive of numpy.savez")
        with np.load(path, allow_pickle=False) as arrays:
            dataset = Dataset(
                _with_channel(_array(arrays, "x_train")),
                _labels(_array(arrays, "y_train")),
                _with_channel(_array(arrays, "x_test")),
                _labels(_array(arrays, "y_test")),
                _array(arrays, "class_names").tolist(),
            )
        dataset.check()
    except (FileNotFoundError, PermissionError):
        raise
    except Exception as error:  # A damaged archive raises nearly anything.
        raise DatasetError(f"{path} is not a usable dataset ({error}); {remedy}") from error
    return dataset


def _array(arrays: Mapping[str, NDArray[Any]], name: str) -> NDArray[Any]:
    try:
        return arrays[name]
    except ValueError as error:
        if "Object arrays" not in str(error):
            raise
        raise ValueError(f"{name} holds Python objects; save it as an array of text or numbers") from error


def _with_channel(images: NDArray[Any]) -> NDArray[Any]:
    """Images, grey ones of shape (N, height, width) with their one channel."""
    return images[..., None] if images.ndim == 3 else images


def _labels(labels: NDArray[Any]) -> NDArray[Any]:
    """Labels, those that are whole numbers of another type or a column as int64 of shape (N,)."""
    if labels.dtype.kind in "iu" and labels.shape in ((len(labels),), (len(labels), 1)):
        return labels.reshape(len(labels)).astype(np.int64)
    return labels


@dataclass(frozen=True)
class Outline:
    """What a dataset is without its images.

    Attributes:
        image_shape: Channels, height and width of an image.
        labels: Labels of the images of ``train`` and ``test``, each of shape (N,), int64.
        class_names: A name for each label.
    """

    image_shape: tuple[int, int, int]
    labels: dict[str, NDArray[np.int64]]
    class_names: list[str]


def read_outline(path: str | os.PathLike[str]) -> Outline:
    """The outline of a dataset that `save_dataset` wrote, in milliseconds.

    Raises:
        DatasetError: If the file is damaged.
    """
    try:
        with np.load(path, allow_pickle=False) as arrays, ZipFile(path).open("x_train.npy") as images:
            np.lib.format.read_magic(images)
            (_, height, width, channels), *_ = np.lib.format.read_array_header_1_0(images)
            labels = {split: arrays[f"y_{split}"] for split in ("train", "test")}
            return Outline((channels, height, width), labels, arrays["class_names"].tolist())
    except Exception as error:  # A damaged archive raises nearly anything.
        raise DatasetError(f"{path} is not a usable dataset ({error}); delete it and run again") from error


def checksum(path: str | os.PathLike[str]) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
