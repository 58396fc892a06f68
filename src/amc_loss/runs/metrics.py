"""``metrics.json``: what a run is and what its network scores on the test split.

Keys: run (its name); dataset, network, loss, weight, margin and seed, as in `amc_loss.study.study.Run`;
accuracy (percent); homogeneity, completeness and v_measure (0 to 1); seconds_per_epoch (median).
"""

import os
from typing import Any

from amc_loss.jobs.files import read_json, write_json


def write_metrics(
    run: dict[str, Any], scores: dict[str, float], seconds_per_epoch: float, path: str | os.PathLike[str]
) -> None:
    """Write the metrics of a run.

    Args:
        run: What the run is, its name under ``run``.
        scores: As `amc_loss.measures.scores.measure` gives them.
        seconds_per_epoch: What an epoch of its training took.
        path: Where to write.
    """
    write_json({**run, **scores, "seconds_per_epoch": seconds_per_epoch}, path)


def read_metrics(path: str | os.PathLike[str]) -> dict[str, Any]:
    """The metrics that `write_metrics` wrote.

    Raises:
        UnusableFileError: If the file is damaged or empty.
    """
    return read_json(path)
