"""``explanations/<figure>.npz``: Grad-CAM of test images under each loss, to be drawn without a model."""

import os
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from amc_loss.jobs.files import reading


@dataclass(frozen=True)
class Explanations:
    """Images and what each loss's network sees in them.

    Attributes:
        index: Where the images are in the test split, shape (n,).
        images: Shape (n, height, width, channels), uint8.
        labels: True labels, shape (n,).
        class_names: A name for each label.
        maps: For each loss Grad-CAM in [0, 1], shape (n, height, width).
        probabilities: For each loss the probability of each class, shape (n, classes).
    """

    index: NDArray[np.int64]
    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    class_names: list[str]
    maps: dict[str, NDArray[np.float32]]
    probabilities: dict[str, NDArray[np.float32]]


def write_explanations(explanations: Explanations, path: str | os.PathLike[str]) -> None:
    """Write explanations; each loss's arrays are ``maps_<loss>`` and ``probabilities_<loss>``."""
    arrays = dict(vars(explanations))
    for kind in ("maps", "probabilities"):
        arrays |= {f"{kind}_{loss}": values for loss, values in arrays.pop(kind).items()}
    np.savez(path, **arrays)


def read_explanations(path: str | os.PathLike[str]) -> Explanations:
    """The explanations that `write_explanations` wrote.

    Raises:
        UnusableFileError: If the file is damaged.
    """
    with reading(path, "a usable archive of explanations"), np.load(path, allow_pickle=False) as arrays:
        maps, probabilities = (
            {name.removeprefix(kind): arrays[name] for name in arrays if name.startswith(kind)}
            for kind in ("maps_", "probabilities_")
        )
        names = arrays["class_names"].tolist()
        return Explanations(arrays["index"], arrays["images"], arrays["labels"], names, maps, probabilities)
