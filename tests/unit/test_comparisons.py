"""Differences behind Table 1, against numbers worked out by hand or published."""

import math

import numpy as np
import pandas as pd
import pytest
from test_statistics import PAPER, metrics, values_with

from amc_loss import comparisons, tables
from amc_loss.labels import LOSSES

TITLES = {"svhn": "SVHN", "digits": "Digits"}


def test_confidence_interval():
    # The 97.5% point of t with 4 degrees of freedom is 2.776445.
    low, high = comparisons.confidence_interval(values_with(82.97, 0.20))
    assert (low, high) == pytest.approx(
        (82.97 - 2.776445 * 0.2 / math.sqrt(5), 82.97 + 2.776445 * 0.2 / math.sqrt(5)), abs=1e-6
    )
    assert all(math.isnan(value) for value in comparisons.confidence_interval([82.97]))


def test_hedges_g_of_the_paper_s_cifar_10():
    """(82.97 - 82.60) / sqrt((0.20² + 0.21²)/2), times 1 - 3/(4·8 - 1)."""
    amc, euclidean = values_with(82.97, 0.20), values_with(82.60, 0.21)
    expected = 0.37 / math.sqrt((0.20**2 + 0.21**2) / 2) * (1 - 3 / 31)
    assert comparisons.hedges_g(amc, euclidean) == pytest.approx(expected, rel=1e-6)
    assert comparisons.hedges_g(euclidean, amc) == pytest.approx(-expected, rel=1e-6)
    assert math.isnan(comparisons.hedges_g([1.0], amc))
    assert math.isnan(comparisons.hedges_g([1.0, 1.0], [2.0, 2.0]))


def test_seeds_needed():
    # Cohen (1988), table 2.4.1: 64, 26 and 17 for d = 0.5, 0.8 and 1 (two-sided 5%, power 80%).
    assert [comparisons.seeds_needed(effect) for effect in (0.5, 0.8, 1, -1)] == [64, 26, 17, 17]
    assert comparisons.seeds_needed(50) == 2
    assert comparisons.seeds_needed(0.001) > 1e7
    assert math.isnan(comparisons.seeds_needed(0))
    assert math.isnan(comparisons.seeds_needed(math.nan))


def test_holm_by_hand():
    # 4·0.01, then max(0.04, 3·0.02), then 2·0.03, then 1·0.04 kept at the value before.
    corrected = comparisons._holm(pd.Series([0.03, 0.01, math.nan, 0.04, 0.02]))
    np.testing.assert_allclose(corrected, [0.06, 0.04, math.nan, 0.06, 0.06])
    assert comparisons._holm(pd.Series([math.nan])).isna().all()


@pytest.fixture
def table():
    runs = metrics()
    # AMC is clearly better than + Euclid on SVHN alone.
    runs.loc[(runs["dataset"] == "digits") & (runs["loss"] == "amc"), "accuracy"] -= 3
    return comparisons.table1_differences(runs, PAPER)


def test_table(table):
    assert list(table.columns) == [
        "dataset",
        "loss",
        "n",
        "mean",
        "ci_low",
        "ci_high",
        "paper_difference",
        "amc_g",
        "amc_p_value",
        "amc_p_holm",
        "amc_seeds",
    ]
    assert table["dataset"].tolist() == ["svhn"] * 3 + ["digits"] * 3
    assert table["loss"].tolist() == [*LOSSES, *LOSSES]
    of_paper = PAPER[PAPER["dataset"] == "svhn"].set_index("loss")["mean"]
    expected = [91 - of_paper["cross_entropy"], 94 - of_paper["euclidean"], 292 / 3 - of_paper["amc"]]
    assert table["paper_difference"][:3].tolist() == pytest.approx(expected)
    assert table["paper_difference"][3:].isna().all()
    comparison = table[["amc_g", "amc_p_value", "amc_p_holm", "amc_seeds"]]
    assert comparison[table["loss"] == "amc"].isna().all(axis=None)
    assert comparison[table["loss"] != "amc"].notna().all(axis=None)
    # The same test as Table 1's (see there): 0.041915, the smaller of two, so that Holm doubles it.
    euclidean = table[table["loss"] == "euclidean"].set_index("dataset")
    assert euclidean.loc["svhn", "amc_p_value"] == pytest.approx(0.041915, abs=1e-6)
    assert euclidean.loc["svhn", "amc_p_holm"] == pytest.approx(0.083830, abs=1e-6)
    assert euclidean.loc["digits", "amc_p_holm"] == euclidean.loc["digits", "amc_p_value"]
    g = (292 / 3 - 94) / math.sqrt((1 + 7 / 3) / 2) * (1 - 3 / 15)
    assert euclidean.loc["svhn", "amc_g"] == pytest.approx(g)
    assert euclidean.loc["svhn", "amc_seeds"] == comparisons.seeds_needed(g)


def test_student_s_test(table):
    student = comparisons.table1_differences(metrics(), PAPER, equal_variances=True)
    assert student["amc_p_value"][0] != table["amc_p_value"][0]


def test_for_reading(table):
    markdown = tables.readable_differences(table, "md", TITLES)
    assert list(markdown.columns) == [
        "Dataset",
        "Loss",
        "Runs",
        "Mean",
        "95% CI",
        "To the paper",
        "AMC's g",
        "p",
        "p (Holm)",
        "Seeds",
    ]
    assert markdown.iloc[1].tolist() == [
        "SVHN",
        "+ Euclid",
        "3",
        "94.00",
        "[91.52, 96.48]",
        "−1.29",
        "+2.07",
        "0.0419",
        "0.0838",
        "5",
    ]
    assert markdown.iloc[5].tolist()[5:] == [""] * 5
    tex = tables.readable_differences(table.assign(amc_p_value=2.14e-5), "tex", TITLES).iloc[1].tolist()
    assert tex[5:8] == ["$-1.29$", "$+2.07$", r"$2.14\cdot 10^{-5}$"]
