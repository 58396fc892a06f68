"""``explanations.npz``: what a run's network makes of test images and where; every measure follows.

Nothing here was rectified, brought to the images' size or divided by anything. Numbers are float16 but for
the indices. A later measure needs this file, the run's features and the data, and no model.
"""

import os
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from amc_loss.jobs.files import reading


@dataclass(frozen=True)
class Activations:
    """Maps are w·A: the last convolution's channels, each times the class's weight, summed.

    The first of two maps is with the classifier's weights as they are, the second with their mean over
    classes taken off, of which no prediction depends.

    Attributes:
        maps: Of each test image's true class, shape (n, 2, h, w).
        weight_rms: Root mean square of each class's weights, shape (classes,).
        tiles: Test images in the mosaics, shape (mosaics, 4): top left, top right, bottom left, bottom right.
        mosaic_maps: Of the true class of each tile, shape (mosaics, 4, 2, H, W).
        borders: Widths of the borders that were exchanged, in pixels, shape (b,).
        border_logits: Logits of the test images with such a border, shape (b, n, classes).
        deleted: Test images of which cells were deleted, shape (m,).
        deletion: Probability of their true class, shape (fillings, 2, steps + 1, m): cells deleted in the
            order of their map, and in random order; none at first, all at last. Fillings are those of
            `amc_loss.measures.interventions.FILLINGS`.
    """

    maps: NDArray[np.float16]
    weight_rms: NDArray[np.float16]
    tiles: NDArray[np.int64]
    mosaic_maps: NDArray[np.float16]
    borders: NDArray[np.int64]
    border_logits: NDArray[np.float16]
    deleted: NDArray[np.int64]
    deletion: NDArray[np.float16]


def write_activations(activations: Activations, path: str | os.PathLike[str]) -> None:
    """Write what a run's network makes of test images, compressed."""
    np.savez_compressed(path, **vars(activations))


def read_activations(path: str | os.PathLike[str]) -> Activations:
    """What `write_activations` wrote.

    Raises:
        UnusableFileError: If the file is damaged.
    """
    with reading(path, "a usable archive of explanations"), np.load(path, allow_pickle=False) as arrays:
        return Activations(**{field.name: arrays[field.name] for field in fields(Activations)})
