"""What is written down of a dataset beside its file."""

import os
from importlib.metadata import version
from typing import Any

import numpy as np

from amc_loss.data.dataset import Dataset, checksum, in_both_splits


def describe(dataset: Dataset, path: str | os.PathLike[str]) -> dict[str, Any]:
    """A dataset in numbers, also said in the log; images in both splits are warned of.

    Args:
        dataset: The dataset.
        path: Its file.

    Returns:
        Keys sha256 (of the file), image_shape (channels, height, width), images (for ``train`` and ``test``
        how many of each class), in_both_splits, versions, and the dataset's details.
    """
    images = {
        split: dict(zip(dataset.class_names, np.bincount(labels).tolist(), strict=True))
        for split, labels in (("train", dataset.y_train), ("test", dataset.y_test))
    }
    n_train, n_test = len(dataset.x_train), len(dataset.x_test)
    print(f"{n_train} training and {n_test} test images in {len(dataset.class_names)} classes")
    shared = in_both_splits(dataset)
    if shared:
        print(f"warning: {shared:,} of the {n_test:,} test images are among the training images as well")
    return {
        "sha256": checksum(path),
        "image_shape": list(dataset.image_shape),
        "images": images,
        "in_both_splits": shared,
        **dataset.details,
        "versions": {name: version(name) for name in ("numpy", "Pillow")},
    }
