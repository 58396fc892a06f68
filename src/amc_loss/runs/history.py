"""``history.csv``: what a training measured, a row an epoch.

Columns: epoch (from 0), learning_rate, beta1, w (the w(t) of section 3.2), cross_entropy and auxiliary (means
over the epoch, the latter before it is weighted), gradient_share (of the weighted auxiliary loss at the
epoch's end, from 0 to 1; see `amc_loss.training.dose`), accuracy (percent, on the noisy training images),
seconds (of the training steps), and with ``kept_epoch: best`` test_accuracy (percent).
"""

import csv
import os
from collections.abc import Mapping, Sequence

from amc_loss.jobs.files import reading


def write_history(history: Sequence[Mapping[str, float]], path: str | os.PathLike[str]) -> None:
    """Write a history.

    Args:
        history: A row an epoch, as `amc_loss.training.loop.train` gives it.
        path: Where to write.
    """
    with open(path, "w", newline="") as file:
        writer = csv.DictWriter(file, history[0])
        writer.writeheader()
        writer.writerows(history)


def read_history(path: str | os.PathLike[str]) -> list[dict[str, float]]:
    """The rows that `write_history` wrote.

    Raises:
        UnusableFileError: If the file is damaged or has no epoch.
    """
    with reading(path, "a usable history"), open(path, newline="") as file:
        rows = [{key: float(value) for key, value in row.items()} for row in csv.DictReader(file)]
        if not rows:
            raise ValueError("no epoch in it")
        return rows
