"""Tests, intervals and effect sizes, against the paper's own numbers, published ones and those worked out by hand."""

import math

import numpy as np
import pandas as pd
import pytest
from paper import TABLE1 as PAPER
from scipy import stats

from amc_loss.measures import significance


def values_with(mean, sd, n=5):
    """n values with exactly this mean and standard deviation."""
    ramp = [i - (n - 1) / 2 for i in range(n)]
    scale = math.sqrt(sum(r * r for r in ramp) / (n - 1))
    return [mean + sd * r / scale for r in ramp]


@pytest.mark.parametrize("dataset", ["mnist", "cifar10", "svhn", "cifar100_coarse"])
def test_p_values_that_the_paper_prints(dataset):
    """They follow from its means and standard deviations with n = 5 and unequal variances."""
    rows = PAPER[PAPER["dataset"] == dataset].set_index("loss")
    amc, euclidean = (
        values_with(rows.loc[loss, "mean"], rows.loc[loss, "sd"]) for loss in ("amc", "euclidean")
    )
    # The paper prints four digits, cut or rounded (0.00166 as 0.0016).
    assert significance.p_value(amc, euclidean) == pytest.approx(rows.loc["amc", "p_value"], abs=1e-4)


def test_student_s_test_where_variances_are_taken_to_be_equal():
    # Pooled variance 2.5, t = 2/sqrt(2.5), two degrees of freedom, for which p = 1 - t/sqrt(2 + t²) = 1/3.
    assert significance.p_value([0, 1], [1, 4], equal_variances=True) == pytest.approx(1 / 3)
    assert significance.p_value([0, 1], [1, 4]) > 0.37


@pytest.mark.parametrize(
    ("first", "second"), [([1.0], [1.0, 2.0]), ([1.0, 1.0], [2.0, 2.0]), ([], [1.0, 2.0])]
)
def test_p_value_is_nan_where_the_test_is_undefined(first, second):
    assert math.isnan(significance.p_value(first, second))


def test_confidence_interval():
    # The 97.5% point of t with 4 degrees of freedom is 2.776445.
    low, high = significance.confidence_interval(values_with(82.97, 0.20))
    assert (low, high) == pytest.approx(
        (82.97 - 2.776445 * 0.2 / math.sqrt(5), 82.97 + 2.776445 * 0.2 / math.sqrt(5)), abs=1e-6
    )
    assert all(math.isnan(value) for value in significance.confidence_interval([82.97]))
    assert all(math.isnan(value) for value in significance.confidence_interval([82.97, 82.97]))


def test_hedges_g_of_the_paper_s_cifar_10():
    """(82.97 - 82.60) / sqrt((0.20² + 0.21²)/2), times 1 - 3/(4·8 - 1)."""
    amc, euclidean = values_with(82.97, 0.20), values_with(82.60, 0.21)
    expected = 0.37 / math.sqrt((0.20**2 + 0.21**2) / 2) * (1 - 3 / 31)
    assert significance.hedges_g(amc, euclidean) == pytest.approx(expected, rel=1e-6)
    assert significance.hedges_g(euclidean, amc) == pytest.approx(-expected, rel=1e-6)
    assert math.isnan(significance.hedges_g([1.0], amc))
    assert math.isnan(significance.hedges_g([1.0, 1.0], [2.0, 2.0]))


def test_seeds_needed():
    # Cohen (1988), table 2.4.1: 64, 26 and 17 for d = 0.5, 0.8 and 1 (two-sided 5%, power 80%).
    assert [significance.seeds_needed(effect) for effect in (0.5, 0.8, 1, -1)] == [64, 26, 17, 17]
    assert significance.seeds_needed(50) == 2
    assert significance.seeds_needed(0.001) > 1e7
    assert math.isnan(significance.seeds_needed(0))
    assert math.isnan(significance.seeds_needed(math.nan))


@pytest.mark.parametrize("tests", [1, 8, 16])
@pytest.mark.parametrize("effect", [1, 3, 4.25, 6.7, 7.5, 10, 13])
def test_few_seeds_are_enough_in_simulated_trials(effect, tests):
    found = significance.paired_seeds_needed(effect, tests)
    generator, powers = np.random.default_rng(0), []
    for n in (found - 1, found):
        if n > 1:
            trials = generator.normal(effect, 1, (20_000, int(n)))
            powers.append((stats.ttest_1samp(trials, 0, axis=1).pvalue < 0.05 / tests).mean())
    assert powers[-1] > 0.79
    assert all(power < 0.81 for power in powers[:-1])


def test_a_tie_but_for_rounding_needs_no_number_of_seeds():
    assert math.isnan(significance.seeds_needed(1e-14))
    assert math.isnan(significance.paired_seeds_needed(-1e-14))
    assert all(map(math.isnan, significance.confidence_interval([0.1, 0.1 + 1e-15])))


def test_holm_by_hand():
    # 4·0.01, then max(0.04, 3·0.02), then 2·0.03, then 1·0.04 kept at the value before.
    corrected = significance.holm(pd.Series([0.03, 0.01, math.nan, 0.04, 0.02]))
    np.testing.assert_allclose(corrected, [0.06, 0.04, math.nan, 0.06, 0.06])
    assert significance.holm(pd.Series([math.nan])).isna().all()


def test_a_prediction_interval_has_19_of_20_new_means():
    generator = np.random.default_rng(0)
    inside = []
    for _ in range(4000):
        theirs, ours = generator.normal(80, 0.2, 5), generator.normal(80, 0.2, 3)
        low, high = significance.prediction_interval(theirs.mean(), theirs.std(ddof=1), 3)
        inside.append(low <= ours.mean() <= high)
    assert np.mean(inside) == pytest.approx(0.95, abs=0.01)


def test_differences_that_are_zero_but_for_rounding_have_no_test():
    differences = [0.0, 1e-14, 0.0]
    assert all(map(math.isnan, significance.confidence_interval(differences)))
    assert math.isnan(significance.paired(differences, 0.2)["p_paired"])


def test_seeds_for_equivalence_are_looked_for_up_to_ten_thousand():
    # 1.6450 · 1 / √n within 0.02.
    assert significance.seeds_for_equivalence(0, 1, 0.02) > 6000
    assert math.isnan(significance.seeds_for_equivalence(0, 1, 0.01))
