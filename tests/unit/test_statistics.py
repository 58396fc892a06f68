"""Welch's test against the paper's own numbers, and the tables made of runs."""

import json
import math
from pathlib import Path

import pandas as pd
import pytest

from amc_loss import statistics

PAPER = pd.read_csv(Path(__file__).parents[2] / "resources/paper/table1.csv")


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
    assert statistics.p_value(amc, euclidean) == pytest.approx(rows.loc["amc", "p_value"], abs=1e-4)


def test_student_s_test_where_variances_are_taken_to_be_equal():
    # Pooled variance 2.5, t = 2/sqrt(2.5), two degrees of freedom, for which p = 1 - t/sqrt(2 + t²) = 1/3.
    assert statistics.p_value([0, 1], [1, 4], equal_variances=True) == pytest.approx(1 / 3)
    assert statistics.p_value([0, 1], [1, 4]) > 0.37
    tables = [statistics.table1(metrics(), PAPER, equal) for equal in (False, True)]
    assert tables[1]["p_value"][2] < tables[0]["p_value"][2]


@pytest.mark.parametrize(
    ("first", "second"), [([1.0], [1.0, 2.0]), ([1.0, 1.0], [2.0, 2.0]), ([], [1.0, 2.0])]
)
def test_p_value_is_nan_where_the_test_is_undefined(first, second):
    assert math.isnan(statistics.p_value(first, second))


def metrics():
    accuracy = {"cross_entropy": [90.0, 92.0], "euclidean": [93.0, 94.0, 95.0], "amc": [96.0, 97.0, 99.0]}
    return pd.DataFrame(
        [
            {
                "dataset": dataset,
                "loss": loss,
                "seed": seed,
                "accuracy": value + shift,
                "homogeneity": value / 100,
                "completeness": value / 200,
                "v_measure": value / 300,
            }
            for dataset, shift in (("svhn", 0.0), ("digits", -50.0))
            for loss, values in accuracy.items()
            for seed, value in enumerate(values)
        ]
    )


def test_table_1():
    table = statistics.table1(metrics(), PAPER)
    assert list(table.columns) == [
        "dataset",
        "loss",
        "n",
        "mean",
        "sd",
        "p_value",
        "paper_mean",
        "paper_sd",
        "paper_p_value",
    ]
    assert table["dataset"].tolist() == ["svhn"] * 3 + ["digits"] * 3
    assert table["loss"].tolist() == ["cross_entropy", "euclidean", "amc"] * 2
    assert table["n"].tolist() == [2, 3, 3] * 2
    assert table["mean"].tolist() == pytest.approx([91, 94, 292 / 3, 41, 44, 292 / 3 - 50])
    assert table["sd"].tolist()[:3] == pytest.approx([math.sqrt(2), 1, math.sqrt(7 / 3)])
    # t = (292/3 - 94) / sqrt(1/3 + 7/9) = 3.1623 with 3.448 degrees of freedom: the two-sided area
    # by numerical integration of the density is 0.041915.
    assert table["p_value"].isna().tolist() == [True, True, False] * 2
    assert table["p_value"][2] == pytest.approx(0.041915, abs=1e-6)
    svhn = PAPER[(PAPER["dataset"] == "svhn") & (PAPER["loss"] == "amc")].iloc[0]
    assert (table["paper_mean"][2], table["paper_sd"][2], table["paper_p_value"][2]) == (
        svhn["mean"],
        svhn["sd"],
        svhn["p_value"],
    )
    assert table["paper_mean"][3:].isna().all()


def test_clustering_table():
    table = statistics.clustering(metrics()).set_index(["dataset", "loss"])
    row = table.loc[("digits", "amc")]
    assert row["n"] == 3
    assert row["homogeneity_mean"] == pytest.approx(2.92 / 3)
    assert row["completeness_sd"] == pytest.approx(math.sqrt(7 / 3) / 200)
    assert row["v_measure_mean"] == pytest.approx(2.92 / 9)


def test_collect_keeps_order_and_types(tmp_path):
    for name, margin in (("b", None), ("a", 0.5)):
        (tmp_path / name).write_text(json.dumps({"run": name, "margin": margin, "seed": 0, "accuracy": 99.5}))
    frame = statistics.collect([tmp_path / "b", tmp_path / "a"])
    assert frame["run"].tolist() == ["b", "a"]
    assert frame["seed"].tolist() == [0, 0]
    assert math.isnan(frame["margin"][0])
