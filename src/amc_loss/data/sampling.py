"""Which images stand for all of a split where a figure or a measure takes fewer."""

import numpy as np
from numpy.typing import NDArray


def sample(images: int, most: int) -> NDArray[np.int64]:
    """Indices of at most ``most`` of so many images, in ascending order, shape (min(images, most),).

    Drawn at random, and each time the same: much data is in the order of its classes.
    """
    return np.sort(np.random.default_rng(0).permutation(images)[:most])
