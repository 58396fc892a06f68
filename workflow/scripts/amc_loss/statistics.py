"""Statistics over seeds: mean, standard deviation, Welch's test (section 4.2)."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import ttest_ind

CLUSTERING_METRICS = ("homogeneity", "completeness", "v_measure")


def p_value(first: Sequence[float], second: Sequence[float], equal_variances: bool = False) -> float:
    """Two-sided p-value of Welch's t-test, or of Student's; NaN where it is undefined.

    Undefined means fewer than two values on a side, or no spread on either.

    Args:
        first: Values of one group.
        second: Values of the other.
        equal_variances: Whether both are taken to vary alike, which makes it Student's test.
    """
    if min(len(first), len(second)) < 2 or (np.ptp(first) == 0 and np.ptp(second) == 0):
        return float("nan")
    return float(ttest_ind(first, second, equal_var=equal_variances).pvalue)


def format_p_value(value: float) -> str:
    """Four digits, as the paper prints them; empty if there is none."""
    if np.isnan(value):
        return ""
    return "< 0.0001" if value < 0.0001 else f"{value:.4f}"


def collect(paths: Sequence[str | Path]) -> pd.DataFrame:
    """One row a run from ``metrics.json`` files, in their order."""
    return pd.DataFrame([json.loads(Path(path).read_text()) for path in paths])


def table1(metrics: pd.DataFrame, paper: pd.DataFrame, equal_variances: bool = False) -> pd.DataFrame:
    """Table 1: accuracy over seeds, the t-test of AMC against + Euclid, and the paper's numbers.

    Args:
        metrics: A row a run, as `collect` gives them.
        paper: Columns dataset, loss, mean, sd, p_value, as in ``resources/paper/table1.csv``.
        equal_variances: As for `p_value`.

    Returns:
        Columns dataset, loss, n, mean, sd (of n - 1), p_value, paper_mean, paper_sd, paper_p_value; NaN
        where there is no value; rows in the order of the runs.
    """
    accuracy = metrics.groupby(["dataset", "loss"], sort=False)["accuracy"]
    table = accuracy.agg(n="size", mean="mean", sd="std").reset_index()
    table["p_value"] = [
        p_value(
            accuracy.get_group((row.dataset, "amc")),
            accuracy.get_group((row.dataset, "euclidean")),
            equal_variances,
        )
        if row.loss == "amc"
        else np.nan
        for row in table.itertuples()
    ]
    printed = paper.rename(columns={key: f"paper_{key}" for key in ("mean", "sd", "p_value")})
    return table.merge(printed, how="left", on=["dataset", "loss"])


def clustering(metrics: pd.DataFrame) -> pd.DataFrame:
    """Mean and standard deviation over seeds of the clustering metrics (section 4.1).

    Returns:
        Columns dataset, loss, n, and ``<metric>_mean`` and ``<metric>_sd`` of homogeneity, completeness
        and v_measure; rows in the order of the runs.
    """
    groups = metrics.groupby(["dataset", "loss"], sort=False)
    columns = {
        f"{metric}_{name}": (metric, function)
        for metric in CLUSTERING_METRICS
        for name, function in (("mean", "mean"), ("sd", "std"))
    }
    return groups.agg(n=("seed", "size"), **columns).reset_index()
