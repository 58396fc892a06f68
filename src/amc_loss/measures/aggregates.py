"""Numbers of groups of runs: Table 1 and what lies behind it, clustering metrics, run times."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from amc_loss.jobs.files import read_json
from amc_loss.measures.significance import (
    confidence_interval,
    hedges_g,
    holm,
    p_value,
    paired,
    prediction_interval,
    seeds_needed,
)
from amc_loss.runs.history import read_history
from amc_loss.runs.metrics import read_metrics
from amc_loss.study.names import Losses

CLUSTERING_METRICS = ("homogeneity", "completeness", "v_measure")


def collect(paths: Sequence[str | Path]) -> pd.DataFrame:
    """The metrics of runs, a row a run in the order of their ``metrics.json`` files.

    Raises:
        UnusableFileError: If a file is damaged or empty.
    """
    return pd.DataFrame([read_metrics(path) for path in paths])


def table1(
    metrics: pd.DataFrame, paper: pd.DataFrame, losses: Losses, equal_variances: bool = False
) -> pd.DataFrame:
    """Table 1: accuracy over seeds, the test of the proposed loss against the reference, the paper's numbers.

    Args:
        metrics: A row a run, as `collect` gives them.
        paper: Columns dataset, loss, mean, sd, p_value, as in ``resources/paper/table1.csv``.
        losses: The study's.
        equal_variances: As for `amc_loss.measures.significance.p_value`.

    Returns:
        Columns dataset, loss, n, mean, sd (of n - 1), p_value, paper_mean, paper_sd, paper_p_value; NaN
        where there is no value; rows in the order of the runs.
    """
    accuracy = metrics.groupby(["dataset", "loss"], sort=False)["accuracy"]
    table = accuracy.agg(n="size", mean="mean", sd="std").reset_index()
    table["p_value"] = [
        p_value(
            accuracy.get_group((row.dataset, losses.proposed)),
            accuracy.get_group((row.dataset, losses.reference)),
            equal_variances,
        )
        if row.loss == losses.proposed
        else np.nan
        for row in table.itertuples()
    ]
    printed = paper.rename(columns={key: f"paper_{key}" for key in ("mean", "sd", "p_value")})
    if (losses.proposed, losses.reference) != ("amc", "euclidean"):  # which the paper tests
        printed["paper_p_value"] = np.nan
    return table.merge(printed, how="left", on=["dataset", "loss"])


def table1_differences(
    metrics: pd.DataFrame,
    paper: pd.DataFrame,
    losses: Losses,
    equal_variances: bool = False,
    smallest: float = 0.2,
) -> pd.DataFrame:
    """The differences behind Table 1: to the paper, and of the proposed loss to each of the others.

    Args:
        metrics: A row a run, as `collect` gives them.
        paper: Columns dataset, loss, mean, sd, as in ``resources/paper/table1.csv``.
        losses: The study's.
        equal_variances: As for `amc_loss.measures.significance.p_value`.
        smallest: The smallest difference of interest in percentage points, for the test of equivalence.

    Returns:
        Columns dataset, loss, n, mean; ci_low and ci_high, the 95% confidence interval of the mean;
        paper_difference, our mean minus the paper's, with predicted_low and predicted_high, between which our
        mean lies with 95% probability if the runs are of the paper's kind; and in the rows of the other
        losses, of the proposed one against the row's: g, Hedges'; p_value, unpaired; p_holm, the same
        corrected after Holm over all these comparisons; difference, the mean over seeds, with difference_low
        and difference_high, its 95% interval; p_paired and p_paired_holm, of the test paired by seed;
        p_equivalent, of two one-sided paired tests that the difference is smaller than ``smallest``;
        detectable, the difference that the paired test finds with 80% power; and seeds, see `seeds_needed`.
        NaN where there is no value.
    """
    rows = []
    for (dataset, loss), runs in metrics.groupby(["dataset", "loss"], sort=False):
        accuracy = runs.set_index("seed")["accuracy"]
        low, high = confidence_interval(accuracy.tolist())
        row = {"dataset": dataset, "loss": loss, "n": len(accuracy), "mean": accuracy.mean()}
        row |= {"ci_low": low, "ci_high": high}
        if loss != losses.proposed:
            there = metrics["dataset"].eq(dataset) & metrics["loss"].eq(losses.proposed)
            proposed = metrics[there].set_index("seed")["accuracy"]
            row["g"] = hedges_g(proposed.tolist(), accuracy.tolist())
            row["p_value"] = p_value(proposed.tolist(), accuracy.tolist(), equal_variances)
            row |= paired((proposed - accuracy).dropna().tolist(), smallest)
        rows.append(row)
    table = pd.DataFrame(rows).merge(
        paper[["dataset", "loss", "mean", "sd"]], "left", ["dataset", "loss"], suffixes=("", "_paper")
    )
    theirs = zip(table.pop("mean_paper"), table.pop("sd"), table["n"], strict=True)
    predicted = [(mean, *prediction_interval(mean, sd, n)) for mean, sd, n in theirs]
    mean, low, high = (pd.Series(values, dtype=float) for values in zip(*predicted, strict=True))
    table.insert(6, "paper_difference", table["mean"] - mean)
    table.insert(7, "predicted_low", low)
    table.insert(8, "predicted_high", high)
    for test in ("p_value", "p_paired"):
        table.insert(table.columns.get_loc(test) + 1, f"{test}_holm", holm(table[test]))
    table["seeds"] = table["g"].map(seeds_needed)
    return table.rename(columns={"p_value_holm": "p_holm"})


def tuning(metrics: pd.DataFrame, trials: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Accuracy of each trial on the validation images, and which trial of each loss is chosen.

    Args:
        metrics: A row a run, as `collect` gives them.
        trials: In the order of the runs, of each its ``loss`` and, under ``settings``, what it tries.

    Returns:
        Columns dataset, loss, settings (as ``key=value``), n, mean and sd of the accuracy, and chosen:
        whether the trial has the highest accuracy of its loss, averaged over datasets; of equals the first.
    """
    runs = metrics.assign(
        loss=[trial["loss"] for trial in trials],
        settings=[describe_trial(trial["settings"]) for trial in trials],
    )
    groups = runs.groupby(["dataset", "loss", "settings"], sort=False)["accuracy"]
    table = groups.agg(n="size", mean="mean", sd="std").reset_index()
    overall = table.groupby(["loss", "settings"], sort=False)["mean"].mean()
    best = {loss: overall[loss].idxmax() for loss in overall.index.unique("loss")}
    return table.assign(chosen=[best[row.loss] == row.settings for row in table.itertuples()])


def chosen_settings(table: pd.DataFrame, trials: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, float]]:
    """For each loss what its chosen trial sets, from the table that `tuning` makes of the trials."""
    best = dict(table.loc[table["chosen"], ["loss", "settings"]].itertuples(index=False))
    return {
        trial["loss"]: trial["settings"]
        for trial in trials
        if describe_trial(trial["settings"]) == best[trial["loss"]]
    }


def describe_trial(settings: Mapping[str, float]) -> str:
    """What a trial sets, as text."""
    return ", ".join(f"{key}={value:g}" for key, value in settings.items())


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
