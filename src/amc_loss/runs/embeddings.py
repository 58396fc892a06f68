"""``embeddings/<figure>.npz``: the test features of one run of each loss, embedded in the plane.

Arrays: labels (n,) int64, and under each loss's name the points (n, 2) float32.
"""

import os
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from amc_loss.jobs.files import reading


def write_embeddings(
    embeddings: Mapping[str, NDArray[np.float32]], labels: NDArray[np.int64], path: str | os.PathLike[str]
) -> None:
    """Write the points (n, 2) of each loss and the labels (n,) that they share."""
    arrays: dict[str, Any] = {"labels": labels, **embeddings}
    np.savez(path, **arrays)


def read_embeddings(path: str | os.PathLike[str]) -> tuple[dict[str, NDArray[np.float32]], NDArray[np.int64]]:
    """The embeddings and the labels that `write_embeddings` wrote.

    Raises:
        UnusableFileError: If the file is damaged.
    """
    with reading(path, "a usable archive of embeddings"), np.load(path, allow_pickle=False) as arrays:
        embeddings = dict(arrays)
        return embeddings, embeddings.pop("labels")
