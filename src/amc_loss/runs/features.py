"""``features.npz``: what a trained network makes of each image, in the order of the dataset.

Arrays, for each split: features_<split> (n, d) float32, the deep features; logits_<split> (n, classes)
float32; labels_<split> (n,) int64, the true labels. The test split is always there, the training split where
a figure shows it.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from amc_loss.jobs.files import reading


@dataclass(frozen=True)
class Features:
    """One split.

    Attributes:
        features: Deep features, shape (n, d), float32.
        logits: Shape (n, classes), float32.
        labels: True labels, shape (n,), int64.
    """

    features: NDArray[np.float32]
    logits: NDArray[np.float32]
    labels: NDArray[np.int64]

    @property
    def predicted(self) -> NDArray[np.int64]:
        """Predicted labels, shape (n,)."""
        return self.logits.argmax(1)


def write_features(splits: Mapping[str, Features], path: str | os.PathLike[str]) -> None:
    """Write the features of each split, ``test`` and perhaps ``train``."""
    arrays: dict[str, Any] = {}
    for split, found in splits.items():
        arrays |= {f"{name}_{split}": values for name, values in vars(found).items()}
    np.savez(path, **arrays)


def read_features(path: str | os.PathLike[str], split: str = "test") -> Features:
    """The features of a split that `write_features` wrote.

    Raises:
        UnusableFileError: If the file is damaged or lacks the split.
    """
    with reading(path, "a usable archive of features"), np.load(path, allow_pickle=False) as arrays:
        return Features(*(arrays[f"{name}_{split}"] for name in ("features", "logits", "labels")))
