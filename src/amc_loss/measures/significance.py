"""How sure a difference between groups of runs is: tests, intervals, effect sizes (section 4.2)."""

from collections.abc import Sequence
from math import ceil

import numpy as np
import pandas as pd
from scipy import stats
from statsmodels.stats.meta_analysis import effectsize_smd
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import TTestIndPower, TTestPower
from statsmodels.stats.weightstats import DescrStatsW

CONFIDENCE, POWER, LEVEL = 0.95, 0.8, 0.05
PAPER_RUNS = 5  # of each mean in the paper's Table 1
FEW = 64  # seeds
ROUNDING = 1e-12  # relative to what is compared: differences that vary by less are equal


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
    return float(stats.ttest_ind(first, second, equal_var=equal_variances).pvalue)


def confidence_interval(values: Sequence[float]) -> tuple[float, float]:
    """95% confidence interval of the mean by Student's t; NaN for fewer than two values or equal ones."""
    if len(values) < 2 or _equal(values):
        return float("nan"), float("nan")
    low, high = stats.t.interval(CONFIDENCE, len(values) - 1, np.mean(values), stats.sem(values))
    return float(low), float(high)


def _equal(values: Sequence[float]) -> bool:
    return bool(np.ptp(values) <= ROUNDING * max(np.abs(values).max(), 1))


def prediction_interval(
    mean: float, sd: float, n: int, confidence: float = CONFIDENCE
) -> tuple[float, float]:
    """Where the mean of so many new runs lies with this probability, given the paper's mean and SD of five.

    Args:
        mean: The paper's.
        sd: The paper's.
        n: New runs.
        confidence: The probability.
    """
    quantile = stats.t.ppf((1 + confidence) / 2, PAPER_RUNS - 1)
    reach = float(quantile * sd * np.sqrt(1 / PAPER_RUNS + 1 / n))
    return mean - reach, mean + reach


def hedges_g(first: Sequence[float], second: Sequence[float]) -> float:
    """Hedges' g: the difference of means over the pooled standard deviation, corrected for few values.

    Positive where the first group has the higher mean; NaN where a side has fewer than two values or neither
    has any spread.
    """
    if min(len(first), len(second)) < 2 or (np.ptp(first) == 0 and np.ptp(second) == 0):
        return float("nan")
    moments = [value for x in (first, second) for value in (np.mean(x), np.std(x, ddof=1), len(x))]
    return float(effectsize_smd(*moments)[0])


def paired(differences: Sequence[float], smallest: float) -> dict[str, float]:
    """What the differences of two losses say, seed by seed.

    Runs of one seed share initial weights and order, so that what these do to both cancels.

    Args:
        differences: One for each seed.
        smallest: The smallest difference of interest.

    Returns:
        ``difference``, the mean; ``difference_low`` and ``difference_high``, its 95% confidence interval;
        ``p_paired``, two-sided; ``p_equivalent``, the larger p-value of two one-sided tests that the mean is
        above -``smallest`` and below ``smallest``; ``detectable``, the mean that a test of as many seeds with
        this spread finds at 5% with 80% power. NaN where there are fewer than two or they do not differ.
    """
    low, high = confidence_interval(differences)
    found = {
        "difference": float(np.mean(differences)) if len(differences) else float("nan"),
        "difference_low": low,
        "difference_high": high,
    }
    tests = ("p_paired", "p_equivalent", "detectable")
    if len(differences) < 2 or _equal(differences):
        return found | dict.fromkeys(tests, float("nan"))
    one = DescrStatsW(np.asarray(differences))
    effect = TTestPower().solve_power(nobs=len(differences), alpha=LEVEL, power=POWER)
    values = (
        float(stats.ttest_1samp(differences, 0).pvalue),
        float(one.ttost_mean(-smallest, smallest)[0]),
        float(effect * np.std(differences, ddof=1)),
    )
    return found | dict(zip(tests, values, strict=True))


def seeds_needed(effect: float) -> float:
    """Seeds on each side with which a two-sided t-test at 5% finds an effect with 80% power, at least 2.

    Args:
        effect: A standardised difference of means, as Hedges' g.

    Returns:
        A whole number; NaN for an effect of 0 or NaN.
    """
    return _enough(effect, TTestIndPower(), LEVEL, groups=2)


def paired_seeds_needed(effect: float, tests: int = 1) -> float:
    """Seeds with which a two-sided paired t-test at 5% finds an effect with 80% power, at least 2.

    Args:
        effect: A mean difference over the differences' standard deviation.
        tests: Among how many the 5% are shared, after Bonferroni.

    Returns:
        A whole number; NaN for an effect of 0 or NaN.
    """
    return _enough(effect, TTestPower(), LEVEL / tests, groups=1)


def _enough(effect: float, test: TTestIndPower | TTestPower, level: float, groups: int) -> float:
    if np.isnan(effect) or abs(effect) < ROUNDING:
        return float("nan")

    def power(n: int) -> float:
        return _power(abs(effect) * np.sqrt(n / groups), groups * (n - 1), level)

    # Where few are enough the library's noncentral t may be NaN, and what it solves for nonsense.
    if power(FEW) >= POWER:
        return next(n for n in range(2, FEW + 1) if power(n) >= POWER)
    return ceil(test.solve_power(abs(effect), alpha=level, power=POWER))


def _power(shift: float, df: int, level: float) -> float:
    """Power of a two-sided t-test: that of a z-test, averaged over what the estimate of the SD may be.

    Args:
        shift: The effect in standard errors.
        df: Degrees of freedom.
        level: Of the test.
    """
    points = (np.arange(4096) + 0.5) / 4096
    critical = stats.t.isf(level / 2, df) * np.sqrt(stats.chi2.ppf(points, df) / df)
    return float(np.mean(stats.norm.sf(critical - shift) + stats.norm.cdf(-critical - shift)))


def seeds_for_equivalence(effect: float, sd: float, margin: float) -> float:
    """Seeds with which the 90% interval of a mean difference lies within a margin, if all else is as found.

    Args:
        effect: The mean difference.
        sd: The differences' standard deviation.
        margin: Above 0.

    Returns:
        A whole number, at least 2; NaN where the effect is not within the margin, or for over 10,000
        seeds.
    """
    seeds = np.arange(2, 10_001)
    reach = stats.t.ppf(1 - LEVEL, seeds - 1) * sd / np.sqrt(seeds)
    enough = seeds[abs(effect) + reach <= margin]
    return float(enough[0]) if len(enough) else float("nan")


def holm(p_values: pd.Series) -> pd.Series:
    """P-values corrected after Holm, those that are NaN left out."""
    there = p_values.dropna()
    corrected = multipletests(there, method="holm")[1] if len(there) else []
    return pd.Series(corrected, index=there.index, dtype=float).reindex(p_values.index)
