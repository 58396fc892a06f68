"""Where datasets come from: torchvision's downloads, the user's files, and scikit-learn's digits."""

import os
import pickle
import shutil
import unicodedata
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from amc_loss.data import downloads
from amc_loss.data.dataset import Dataset, DatasetError, cannot_write, load_dataset
from amc_loss.data.images import read_folder

DIGITS_TEST_SHARE = 0.2
DIGITS_SPLIT_SEED = 0
VALIDATION_SEED = 0
MIN_SIDE = 12  # of an image: what the networks' last 3×3 convolution needs after two poolings


def fetch(entry: Mapping[str, Any], root: Path) -> Dataset:
    """Get a dataset from its source and check it.

    Args:
        entry: What the configuration says of it under ``datasets``: ``source`` and the keys of that source.
        root: Folder that keeps the dataset's downloaded archives.

    Raises:
        DatasetError: If a download fails, or what the source gives is no valid dataset.
    """
    match entry["source"]:
        case "torchvision":
            where, dataset = entry["class"], _torchvision(entry, root)
        case "npz":
            where, dataset = entry["path"], _npz(Path(entry["path"]))
        case "imagefolder":
            keys = {key: entry[key] for key in ("size", "background") if key in entry}
            where, dataset = entry["path"], read_folder(Path(entry["path"]), **keys)
        case "scikit-learn":
            where, dataset = "digits", _digits(entry.get("size", 32))
        case other:
            raise DatasetError(f"no source {other!r}; there are torchvision, npz, imagefolder, scikit-learn")
    try:
        dataset.check()
        if "path" in entry:
            _check_range(dataset)
    except DatasetError as error:
        raise DatasetError(f"{where} is not a usable dataset ({error}); correct it and run again") from None
    if size := entry.get("size"):
        x_train, x_test = _resize(dataset.x_train, size), _resize(dataset.x_test, size)
        dataset = replace(dataset, x_train=x_train, x_test=x_test)
    if images := entry.get("validation"):
        dataset = _validation(dataset, images, where)
    _, height, width = dataset.image_shape
    if min(height, width) < MIN_SIDE:
        raise DatasetError(
            f"images of {where} have {height}×{width} pixels, the networks need {MIN_SIDE}×{MIN_SIDE}; "
            "give a 'size' to which they are resized"
        )
    return dataset


def _validation(dataset: Dataset, images: int, where: str) -> Dataset:
    """The dataset with so many training images, of each class its share, in place of the test split."""
    from sklearn.model_selection import train_test_split

    everything = np.arange(len(dataset.y_train))
    try:
        kept, held_out = train_test_split(
            everything, test_size=images, stratify=dataset.y_train, random_state=VALIDATION_SEED
        )
    except ValueError as error:
        raise DatasetError(
            f"study.validation is {images}, which cannot be taken off the {len(everything):,} training "
            f"images of {where} ({error}); choose another number"
        ) from None
    kept, held_out = np.sort(kept), np.sort(held_out)
    rare = np.setdiff1d(dataset.y_train, dataset.y_train[held_out])
    if len(rare):
        raise DatasetError(
            f"study.validation is {images}, which leaves class {dataset.class_names[rare[0]]!r} of {where} "
            "without a validation image; choose a higher number"
        )
    x, y = dataset.x_train, dataset.y_train
    return replace(dataset, x_train=x[kept], y_train=y[kept], x_test=x[held_out], y_test=y[held_out])


def _check_range(dataset: Dataset) -> None:
    """Raise `DatasetError` where pixel values cannot be those of 8 bits; say in the log what is doubtful."""
    for split, x in (("train", dataset.x_train), ("test", dataset.x_test)):
        low, high = int(x.min()), int(x.max())
        if high <= 1:
            raise DatasetError(
                f"pixel values of x_{split} run from {low} to {high}, but 0 to 255 are black to white; "
                "multiply before the conversion to uint8"
            )
        if black := int((x.reshape(len(x), -1).max(1) == 0).sum()):
            print(f"warning: {black:,} of {len(x):,} images of x_{split} are all 0")
    highest = [int(x.max()) for x in (dataset.x_train, dataset.x_test)]
    if max(highest) > 2 * min(highest):
        print(f"warning: the highest pixel value of x_train is {highest[0]}, of x_test {highest[1]}")


def _torchvision(entry: Mapping[str, Any], root: Path) -> Dataset:
    from torchvision import datasets as vision

    cls = getattr(vision, entry["class"])
    with _scratch(root) as scratch:
        for name, md5, official in _archives(cls):
            if "archives" in entry:
                archive = downloads.prepared(Path(os.path.expanduser(entry["archives"])), name, md5, official)
            else:
                archive = root / name
                mirrors = [f"{mirror.rstrip('/')}/{name}" for mirror in entry.get("mirrors", [])]
                downloads.download([*mirrors, *official], archive, md5, scratch)
            # MNIST and its kin are unpacked in a folder of their own, the others in the root.
            folder = scratch / cls.__name__ / "raw" if issubclass(cls, vision.MNIST) else scratch
            folder.mkdir(parents=True, exist_ok=True)
            (folder / name).symlink_to(archive.resolve())
        # Verifies the archives once more and unpacks them: what a killed job had unpacked is never read.
        splits = [_split(cls, scratch, train) for train in (True, False)]
        names = list(map(str, range(10))) if cls is vision.SVHN else splits[0].classes
        if entry.get("labels") == "coarse":
            names = _coarse(splits, scratch)
    (x_train, y_train), (x_test, y_test) = map(_arrays, splits)
    return Dataset(x_train, y_train, x_test, y_test, [name.split(" - ")[0] for name in names])


@contextmanager
def _scratch(root: Path) -> Iterator[Path]:
    """A folder for what is unfinished; of a process that was killed it is removed by the next."""
    folder = root / "unfinished"
    shutil.rmtree(folder, ignore_errors=True)
    try:
        folder.mkdir(parents=True)
        yield folder
    except OSError as error:
        raise cannot_write(root, error) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _archives(cls: Any) -> list[tuple[str, str, list[str]]]:
    """Name, MD5 checksum and addresses of each archive of a torchvision dataset, as torchvision has them."""
    from torchvision import datasets as vision

    if issubclass(cls, vision.MNIST):
        return [(name, md5, [mirror + name for mirror in cls.mirrors]) for name, md5 in cls.resources]
    if cls is vision.SVHN:
        return [(name, md5, [url]) for url, name, md5 in (cls.split_list[s] for s in ("train", "test"))]
    return [(cls.filename, cls.tgz_md5, [cls.url])]


def _split(cls: Any, root: Path, train: bool) -> Any:
    from torchvision import datasets as vision

    if cls is vision.SVHN:
        # torchvision turns the archive's label 10 into digit 0.
        return cls(root, split="train" if train else "test", download=True)
    return cls(root, train=train, download=True)


def _coarse(splits: list[Any], root: Path) -> list[str]:
    """Give CIFAR-100 the labels of the 20 superclasses, which torchvision verifies but does not offer."""
    folder = root / splits[0].base_folder
    # Unpickled only after torchvision compared the files with their checksums, as it does itself.
    for split, name in zip(splits, ("train", "test"), strict=True):
        with (folder / name).open("rb") as file:
            split.targets = pickle.load(file, encoding="latin1")["coarse_labels"]
    with (folder / splits[0].meta["filename"]).open("rb") as file:
        return pickle.load(file, encoding="latin1")["coarse_label_names"]


def _arrays(split: Any) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Images (N, height, width, channels) and labels of a torchvision dataset."""
    images = np.asarray(split.data)
    if images.ndim == 3:
        images = images[..., None]
    elif images.shape[1] == 3:  # SVHN keeps channels first
        images = images.transpose(0, 2, 3, 1)
    labels = split.labels if hasattr(split, "labels") else split.targets
    return np.ascontiguousarray(images), np.asarray(labels, dtype=np.int64)


def _npz(path: Path) -> Dataset:
    if not path.is_file():
        raise DatasetError(f"{path} is no file; put the dataset there or correct its 'path'")
    try:
        dataset = load_dataset(path, remedy="correct it and run again")
    except PermissionError as error:
        raise DatasetError(f"{path} cannot be read; give yourself the right to and run again") from error
    return replace(dataset, class_names=[unicodedata.normalize("NFC", name) for name in dataset.class_names])


def _resize(images: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """Images (N, height, width, channels) brought to ``size`` pixels a side."""
    if images.shape[1:3] == (size, size):
        return images
    resized = [
        Image.fromarray(image.squeeze(2) if image.shape[2] == 1 else image).resize(
            (size, size), Image.Resampling.BICUBIC
        )
        for image in images
    ]
    return np.stack([np.asarray(image) for image in resized]).reshape(len(images), size, size, -1)


def _digits(size: int) -> Dataset:
    """The 1,797 handwritten digits of scikit-learn, 8×8 brought to ``size``, split 80/20 by class."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    data = load_digits()
    small = (data.images * (255 / data.images.max())).round().astype(np.uint8)
    x_train, x_test, y_train, y_test = train_test_split(
        _resize(small[..., None], size),
        data.target.astype(np.int64),
        test_size=DIGITS_TEST_SHARE,
        random_state=DIGITS_SPLIT_SEED,
        stratify=data.target,
    )
    return Dataset(x_train, y_train, x_test, y_test, [str(name) for name in data.target_names])
