"""Where datasets come from: torchvision's downloads, and the digits that scikit-learn ships."""

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from amc_loss.datasets import Dataset

DIGITS_TEST_SHARE = 0.2
DIGITS_SPLIT_SEED = 0


def fetch(name: str, source: str, root: Path) -> Dataset:
    """Get a dataset from its source.

    Args:
        name: ``mnist``, ``cifar10``, ``svhn``, ``cifar100_coarse`` or ``digits``.
        source: ``torchvision`` (downloaded to ``root`` and verified by torchvision's checksums) or
            ``scikit-learn`` (which ships ``digits``).
        root: Folder that keeps the downloaded archives.

    Raises:
        ValueError: If the source does not have the dataset.
        RuntimeError: If torchvision finds a download damaged.
        OSError: If a download fails.
    """
    if (name, source) not in _READERS:
        known = ", ".join(f"{dataset} from {place}" for dataset, place in _READERS)
        raise ValueError(f"no dataset {name!r} from {source!r}; there are {known}")
    return _READERS[name, source](root)


def _torchvision(
    make: Callable[[Path, bool], Any], class_names: list[str] | None = None
) -> Callable[[Path], Dataset]:
    """Reader of a torchvision dataset; ``make(root, train)`` gives one split."""

    def read(root: Path) -> Dataset:
        splits = [make(root, train) for train in (True, False)]
        (x_train, y_train), (x_test, y_test) = map(_arrays, splits)
        names = class_names or [name.split(" - ")[0] for name in splits[0].classes]
        return Dataset(x_train, y_train, x_test, y_test, names)

    return read


def _arrays(split: Any) -> tuple[np.ndarray, np.ndarray]:
    """Images (N, height, width, channels) and labels of a torchvision dataset."""
    images = np.asarray(split.data)
    if images.ndim == 3:
        images = images[..., None]
    elif images.shape[1] == 3:  # SVHN keeps channels first
        images = images.transpose(0, 2, 3, 1)
    labels = split.labels if hasattr(split, "labels") else split.targets
    return np.ascontiguousarray(images), np.asarray(labels, dtype=np.int64)


def _mnist(root: Path, train: bool) -> Any:
    from torchvision.datasets import MNIST

    return MNIST(root, train=train, download=True)


def _cifar10(root: Path, train: bool) -> Any:
    from torchvision.datasets import CIFAR10

    return CIFAR10(root, train=train, download=True)


def _svhn(root: Path, train: bool) -> Any:
    from torchvision.datasets import SVHN

    # torchvision turns the archive's label 10 into digit 0.
    return SVHN(root, split="train" if train else "test", download=True)


def _cifar100_coarse(root: Path, train: bool) -> Any:
    """CIFAR-100 with the 20 superclasses, which torchvision downloads and verifies but does not offer."""
    from torchvision.datasets import CIFAR100

    dataset = CIFAR100(root, train=train, download=True)
    folder = Path(root) / dataset.base_folder
    # Unpickled only after torchvision compared the file with its checksum, as it does itself.
    with (folder / ("train" if train else "test")).open("rb") as file:
        dataset.targets = pickle.load(file, encoding="latin1")["coarse_labels"]
    with (folder / dataset.meta["filename"]).open("rb") as file:
        dataset.classes = pickle.load(file, encoding="latin1")["coarse_label_names"]
    return dataset


def _digits(_root: Path) -> Dataset:
    """The 1,797 handwritten digits of scikit-learn, 8×8 brought to 32×32, split 80/20 by class."""
    from PIL import Image
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    data = load_digits()
    small = (data.images * (255 / data.images.max())).round().astype(np.uint8)
    large = [Image.fromarray(image).resize((32, 32), Image.Resampling.BICUBIC) for image in small]
    images = np.stack([np.asarray(image) for image in large])[..., None]
    x_train, x_test, y_train, y_test = train_test_split(
        images,
        data.target.astype(np.int64),
        test_size=DIGITS_TEST_SHARE,
        random_state=DIGITS_SPLIT_SEED,
        stratify=data.target,
    )
    return Dataset(x_train, y_train, x_test, y_test, [str(name) for name in data.target_names])


_READERS: dict[tuple[str, str], Callable[[Path], Dataset]] = {
    ("mnist", "torchvision"): _torchvision(_mnist),
    ("cifar10", "torchvision"): _torchvision(_cifar10),
    ("svhn", "torchvision"): _torchvision(_svhn, class_names=[str(digit) for digit in range(10)]),
    ("cifar100_coarse", "torchvision"): _torchvision(_cifar100_coarse),
    ("digits", "scikit-learn"): _digits,
}
