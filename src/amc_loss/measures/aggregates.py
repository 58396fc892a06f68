"""Numbers of groups of runs: Table 1 and what lies behind it, clustering metrics, run times."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from amc_loss.jobs.files import read_json
from amc_loss.measures.significance import confidence_interval, hedges_g, holm, p_value, seeds_needed
from amc_loss.runs.history import read_history
from amc_loss.runs.metrics import read_metrics

CLUSTERING_METRICS = ("homogeneity", "completeness", "v_measure")


def collect(paths: Sequence[str | Path]) -> pd.DataFrame:
    """The metrics of runs, a row a run in the order of their ``metrics.json`` files.

    Raises:
        UnusableFileError: If a file is damaged or empty.
    """
    return pd.DataFrame([read_metrics(path) for path in paths])


def table1(metrics: pd.DataFrame, paper: pd.DataFrame, equal_variances: bool = False) -> pd.DataFrame:
    """Table 1: accuracy over seeds, the t-test of AMC against + Euclid, and the paper's numbers.

    Args:
        metrics: A row a run, as `collect` gives them.
        paper: Columns dataset, loss, mean, sd, p_value, as in ``resources/paper/table1.csv``.
        equal_variances: As for `amc_loss.measures.significance.p_value`.

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


def table1_differences(
    metrics: pd.DataFrame, paper: pd.DataFrame, equal_variances: bool = False
) -> pd.DataFrame:
    """The differences behind Table 1: to the paper, and of + AMC-Loss to each of the other losses.

    Args:
        metrics: A row a run, as `collect` gives them.
        paper: Columns dataset, loss, mean, as in ``resources/paper/table1.csv``.
        equal_variances: As for `amc_loss.measures.significance.p_value`.

    Returns:
        Columns dataset, loss, n, mean; ci_low and ci_high, the 95% confidence interval of the mean;
        paper_difference, our mean less the paper's; and in the rows of the other losses amc_g, Hedges' g of
        + AMC-Loss against the row's loss, amc_p_value of that test, amc_p_holm, the same corrected after Holm
        over the datasets, and amc_seeds, see `seeds_needed`. NaN where there is no value.
    """
    rows = []
    for (dataset, loss), runs in metrics.groupby(["dataset", "loss"], sort=False):
        accuracy = runs["accuracy"].tolist()
        low, high = confidence_interval(accuracy)
        row = {"dataset": dataset, "loss": loss, "n": len(accuracy), "mean": np.mean(accuracy)}
        row |= {"ci_low": low, "ci_high": high, "amc_g": np.nan, "amc_p_value": np.nan}
        if loss != "amc":
            with_amc = metrics["dataset"].eq(dataset) & metrics["loss"].eq("amc")
            amc = metrics.loc[with_amc, "accuracy"].tolist()
            row["amc_g"] = hedges_g(amc, accuracy)
            row["amc_p_value"] = p_value(amc, accuracy, equal_variances)
        rows.append(row)
    table = pd.DataFrame(rows).merge(
        paper[["dataset", "loss", "mean"]], "left", ["dataset", "loss"], suffixes=("", "_paper")
    )
    table.insert(6, "paper_difference", table["mean"] - table.pop("mean_paper"))
    table["amc_p_holm"] = table.groupby("loss")["amc_p_value"].transform(holm)
    table["amc_seeds"] = table["amc_g"].map(seeds_needed)
    return table


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


def trainings(provenances: Iterable[str | Path], histories: Iterable[str | Path]) -> pd.DataFrame:
    """One row a training from its ``provenance.json`` and ``history.csv``.

    Returns:
        Columns dataset, network, loss, device, threads, torch (its version), commit, epochs, seconds (of all
        epochs, without what is between them) and seconds_per_epoch (median).

    Raises:
        UnusableFileError: If a file is damaged or empty.
    """
    rows = []
    for provenance, history in zip(provenances, histories, strict=True):
        record = read_json(provenance)
        seconds = pd.Series([row["seconds"] for row in read_history(history)])
        rows.append(
            {
                **{key: record["settings"][key] for key in ("dataset", "network", "loss")},
                **{key: record[key] for key in ("device", "threads", "commit")},
                "torch": record["versions"]["torch"],
                "epochs": len(seconds),
                "seconds": seconds.sum(),
                "seconds_per_epoch": seconds.median(),
            }
        )
    return pd.DataFrame(rows)


def run_times(runs: pd.DataFrame) -> pd.DataFrame:
    """What each kind of training took.

    Args:
        runs: As `trainings` gives them.

    Returns:
        Columns dataset, network, loss, device, threads, n, epochs, seconds_per_epoch (median of the runs) and
        hours (of all runs together).
    """
    kinds = runs.groupby(["dataset", "network", "loss", "device", "threads"], sort=False)
    table = kinds.agg(
        n=("seconds", "size"),
        epochs=("epochs", "max"),
        seconds_per_epoch=("seconds_per_epoch", "median"),
        hours=("seconds", "sum"),
    )
    return table.assign(hours=table["hours"] / 3600).reset_index()
