"""Table 1 in more detail: how far from the paper, how large each effect, how sure."""

from collections.abc import Sequence
from math import ceil

import numpy as np
import pandas as pd
from scipy import stats
from statsmodels.stats.meta_analysis import effectsize_smd
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import TTestIndPower

from amc_loss.statistics import p_value

CONFIDENCE, POWER, LEVEL = 0.95, 0.8, 0.05


def confidence_interval(values: Sequence[float]) -> tuple[float, float]:
    """95% confidence interval of the mean by Student's t; NaN for fewer than two values."""
    if len(values) < 2:
        return float("nan"), float("nan")
    low, high = stats.t.interval(CONFIDENCE, len(values) - 1, np.mean(values), stats.sem(values))
    return float(low), float(high)


def hedges_g(first: Sequence[float], second: Sequence[float]) -> float:
    """Hedges' g: the difference of means over the pooled standard deviation, corrected for few values.

    Positive where the first group has the higher mean; NaN where a side has fewer than two values or neither
    has any spread.
    """
    if min(len(first), len(second)) < 2 or (np.ptp(first) == 0 and np.ptp(second) == 0):
        return float("nan")
    of_groups = [value for x in (first, second) for value in (np.mean(x), np.std(x, ddof=1), len(x))]
    return float(effectsize_smd(*of_groups)[0])


def seeds_needed(effect: float) -> float:
    """Seeds on each side with which a two-sided t-test at 5% finds an effect with 80% power, at the least 2.

    Args:
        effect: A standardised difference of means, as Hedges' g.

    Returns:
        A whole number; NaN for an effect of 0 or NaN.
    """
    if not effect or np.isnan(effect):
        return float("nan")
    test = TTestIndPower()
    if abs(effect) >= test.solve_power(nobs1=2, alpha=LEVEL, power=POWER):
        return 2
    return ceil(test.solve_power(abs(effect), alpha=LEVEL, power=POWER))


def table1_differences(
    metrics: pd.DataFrame, paper: pd.DataFrame, equal_variances: bool = False
) -> pd.DataFrame:
    """The differences behind Table 1: to the paper, and of + AMC-Loss to each of the other losses.

    Args:
        metrics: A row a run, as `amc_loss.statistics.collect` gives them.
        paper: Columns dataset, loss, mean, as in ``resources/paper/table1.csv``.
        equal_variances: As for `amc_loss.statistics.p_value`.

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
            of_amc = metrics["dataset"].eq(dataset) & metrics["loss"].eq("amc")
            amc = metrics.loc[of_amc, "accuracy"].tolist()
            row["amc_g"] = hedges_g(amc, accuracy)
            row["amc_p_value"] = p_value(amc, accuracy, equal_variances)
        rows.append(row)
    table = pd.DataFrame(rows).merge(
        paper[["dataset", "loss", "mean"]], "left", ["dataset", "loss"], suffixes=("", "_paper")
    )
    table.insert(6, "paper_difference", table["mean"] - table.pop("mean_paper"))
    table["amc_p_holm"] = table.groupby("loss")["amc_p_value"].transform(_holm)
    table["amc_seeds"] = table["amc_g"].map(seeds_needed)
    return table


def _holm(p_values: pd.Series) -> pd.Series:
    """P-values corrected after Holm, those that are NaN left out."""
    there = p_values.dropna()
    corrected = multipletests(there, method="holm")[1] if len(there) else []
    return pd.Series(corrected, index=there.index, dtype=float).reindex(p_values.index)
