"""``values/<runs>.csv`` and ``explanations/<dataset>.csv``: what runs measure, a row a run and measure.

Columns of the first: dataset, loss, seed, measure and value, as `amc_loss.measures.evidence.values_of` gives
them. Of the second: loss, seed, measure, class, value, images and undefined, as
`amc_loss.measures.explainability.measure_runs` gives them; class is empty for all classes together.
"""

import os
from collections.abc import Mapping

import pandas as pd

from amc_loss.jobs.files import reading


def read_values(path: str | os.PathLike[str]) -> pd.DataFrame:
    """What was measured; a class may be called NA.

    Raises:
        UnusableFileError: If the file is damaged or empty.
    """
    with reading(path, "a usable table of values"):
        return pd.read_csv(path, keep_default_na=False, na_values=[""], dtype={"class": object})


def gathered(values: Mapping[str, str], explanations: Mapping[str, str]) -> pd.DataFrame:
    """All values of a study in one table, for `amc_loss.measures.evidence.Evidence`.

    Args:
        values: Files ``values/<runs>.csv``, under ``table1-<dataset>``, ``figure1`` and ``figure4``.
        explanations: Files ``explanations/<dataset>.csv``, under each dataset.

    Returns:
        Columns runs (``table1``, ``figure1`` or ``figure4``), dataset, loss, seed, measure, class and value,
        among others.

    Raises:
        UnusableFileError: If a file is damaged or empty.
    """
    tables = [
        read_values(path).assign(runs=name.partition("-")[0], **{"class": None})
        for name, path in values.items()
    ]
    tables += [
        read_values(path).assign(runs="table1", dataset=dataset) for dataset, path in explanations.items()
    ]
    return pd.concat(tables, ignore_index=True)
