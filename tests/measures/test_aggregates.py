"""Tables made of runs, against numbers worked out by hand."""

import json
import math
from dataclasses import replace

import pandas as pd
import pytest
from paper import TABLE1 as PAPER
from settings import LOSSES, STUDY

from amc_loss.measures import aggregates
from amc_loss.measures.significance import seeds_needed
from amc_loss.views import tables

TITLES = {"svhn": "SVHN", "digits": "Digits"}


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
    table = aggregates.table1(metrics(), PAPER, STUDY)
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


def test_table_1_with_student_s_test():
    welch, student = (
        aggregates.table1(metrics(), PAPER, STUDY, equal)["p_value"][2] for equal in (False, True)
    )
    assert student < welch


def test_the_paper_s_p_value_is_of_its_own_two_losses():
    other = replace(STUDY, reference="cross_entropy")
    tables = [aggregates.table1(metrics(), PAPER, losses) for losses in (STUDY, other)]
    assert [table["paper_p_value"].notna().sum() for table in tables] == [1, 0]
    assert tables[1]["p_value"].notna().sum() == 2


def test_clustering_table():
    table = aggregates.clustering(metrics()).set_index(["dataset", "loss"])
    row = table.loc[("digits", "amc")]
    assert row["n"] == 3
    assert row["homogeneity_mean"] == pytest.approx(2.92 / 3)
    assert row["completeness_sd"] == pytest.approx(math.sqrt(7 / 3) / 200)
    assert row["v_measure_mean"] == pytest.approx(2.92 / 9)


def test_collect_keeps_order_and_types(tmp_path):
    for name, margin in (("b", None), ("a", 0.5)):
        (tmp_path / name).write_text(json.dumps({"run": name, "margin": margin, "seed": 0, "accuracy": 99.5}))
    frame = aggregates.collect([tmp_path / "b", tmp_path / "a"])
    assert frame["run"].tolist() == ["b", "a"]
    assert frame["seed"].tolist() == [0, 0]
    assert math.isnan(frame["margin"][0])


@pytest.fixture
def table():
    runs = metrics()
    # AMC is clearly better than + Euclid on SVHN alone.
    runs.loc[(runs["dataset"] == "digits") & (runs["loss"] == "amc"), "accuracy"] -= 3
    return aggregates.table1_differences(runs, PAPER, STUDY)


def test_table(table):
    assert list(table.columns) == [
        "dataset",
        "loss",
        "n",
        "mean",
        "ci_low",
        "ci_high",
        "paper_difference",
        "predicted_low",
        "predicted_high",
        "g",
        "p_value",
        "p_holm",
        "difference",
        "difference_low",
        "difference_high",
        "p_paired",
        "p_paired_holm",
        "p_equivalent",
        "detectable",
        "seeds",
    ]
    assert table["dataset"].tolist() == ["svhn"] * 3 + ["digits"] * 3
    assert table["loss"].tolist() == [*LOSSES, *LOSSES]
    printed = PAPER[PAPER["dataset"] == "svhn"].set_index("loss")["mean"]
    expected = [91 - printed["cross_entropy"], 94 - printed["euclidean"], 292 / 3 - printed["amc"]]
    assert table["paper_difference"][:3].tolist() == pytest.approx(expected)
    assert table["paper_difference"][3:].isna().all()
    # Student's t of 4 degrees of freedom is 2.776445 at 97.5%.
    reach = 2.776445 * 0.11 * math.sqrt(1 / 5 + 1 / table["n"][0])
    assert table.loc[0, ["predicted_low", "predicted_high"]].tolist() == pytest.approx(
        [94.03 - reach, 94.03 + reach], abs=1e-6
    )
    assert table["predicted_low"][3:].isna().all()
    comparison = table[["g", "p_value", "p_holm", "p_paired", "difference", "seeds"]]
    assert comparison[table["loss"] == "amc"].isna().all(axis=None)
    assert comparison[table["loss"] != "amc"].notna().all(axis=None)
    # The same test as Table 1's (see there): 0.041915, the second smallest of four, so that Holm triples it.
    euclidean = table[table["loss"] == "euclidean"].set_index("dataset")
    assert euclidean.loc["svhn", "p_value"] == pytest.approx(0.041915, abs=1e-6)
    assert euclidean.loc["svhn", "p_holm"] == pytest.approx(3 * 0.041915, abs=3e-6)
    assert euclidean.loc["digits", "p_holm"] == euclidean.loc["digits", "p_value"]
    # Seed by seed 3, 3 and 4: t = 10 with 2 degrees of freedom, where p = 1 - t / sqrt(t² + 2).
    svhn = euclidean.loc["svhn"]
    p = 1 - 10 / math.sqrt(102)
    assert svhn["difference"] == pytest.approx(10 / 3)
    assert [svhn["difference_low"], svhn["difference_high"]] == pytest.approx([1.8991, 4.7676], abs=1e-4)
    assert [svhn["p_paired"], svhn["p_paired_holm"]] == pytest.approx([p, 4 * p])
    # Below 0.2 in truth: t = 3 (10/3 - 0.2) = 9.4, on the wrong side.
    assert svhn["p_equivalent"] == pytest.approx((1 + 9.4 / math.sqrt(9.4**2 + 2)) / 2)
    # 3.26 standard deviations of 1/sqrt(3): the noncentral t at 80% and 3 seeds, from a table of power.
    assert svhn["detectable"] == pytest.approx(3.264 / math.sqrt(3), rel=1e-3)
    g = (292 / 3 - 94) / math.sqrt((1 + 7 / 3) / 2) * (1 - 3 / 15)
    assert euclidean.loc["svhn", "g"] == pytest.approx(g)
    assert euclidean.loc["svhn", "seeds"] == seeds_needed(g)


def test_student_s_test(table):
    student = aggregates.table1_differences(metrics(), PAPER, STUDY, equal_variances=True)
    assert student["p_value"][0] != table["p_value"][0]


def test_for_reading(table):
    markdown = tables.readable_differences(table, "md", TITLES, STUDY)
    assert list(markdown.columns) == [
        "Dataset",
        "Loss",
        "Runs",
        "Mean",
        "To the paper",
        "Predicted",
        "Difference",
        "95% CI",
        "g",
        "p",
        "p (Holm)",
        "p paired (Holm)",
        "p equivalent",
        "Detectable",
        "Seeds",
    ]
    assert markdown.iloc[1].tolist() == [
        "SVHN",
        "+ Euclid",
        "3",
        "94.00",
        "−1.29",
        "[95.17, 95.41]",
        "+3.33",
        "[1.90, 4.77]",
        "+2.07",
        "0.0419",
        "0.126",
        "0.0394",
        "0.994",
        "1.88",
        "5",
    ]
    assert markdown.iloc[5].tolist()[4:] == [""] * 11
    tex = tables.readable_differences(table.assign(p_value=2.14e-5), "tex", TITLES, STUDY).iloc[1].tolist()
    assert [tex[4], *tex[8:10]] == ["$-1.29$", "$+2.07$", r"$2.14\cdot 10^{-5}$"]


def test_tuning_chooses_by_the_mean_over_datasets():
    accuracy = {
        ("svhn", "amc", 0.1): [90, 92],
        ("svhn", "amc", 1): [94, 94],
        ("digits", "amc", 0.1): [80, 82],
        ("digits", "amc", 1): [70, 70],
        ("svhn", "euclidean", 1): [50, 50],
        ("svhn", "euclidean", 2): [50, 50],
    }
    runs = pd.DataFrame(
        [
            {"dataset": d, "loss": loss, "accuracy": a}
            for (d, loss, _), values in accuracy.items()
            for a in values
        ]
    )
    trials = [
        {"loss": loss, "settings": {"weight": w}} for (_, loss, w), values in accuracy.items() for _ in values
    ]
    table = aggregates.tuning(runs, trials)
    assert table[["dataset", "settings", "n", "mean"]].values.tolist() == [
        ["svhn", "weight=0.1", 2, 91],
        ["svhn", "weight=1", 2, 94],
        ["digits", "weight=0.1", 2, 81],
        ["digits", "weight=1", 2, 70],
        ["svhn", "weight=1", 2, 50],
        ["svhn", "weight=2", 2, 50],
    ]
    assert table["chosen"].tolist() == [True, False, True, False, True, False]
    readable = tables.readable_tuning(table, "md", TITLES, STUDY)
    assert readable["Mean ± SD"].tolist()[:2] == ["**91.00 ± 1.41**", "94.00 ± 0.00"]


def test_run_times(tmp_path):
    paths = {"provenance.json": [], "history.csv": []}
    for number, (loss, seconds) in enumerate(
        [("amc", [9, 1, 2]), ("amc", [9, 3, 4]), ("amc", [90, 80, 1]), ("euclidean", [1, 1])]
    ):
        folder = tmp_path / str(number)
        folder.mkdir()
        record = {
            "settings": {"dataset": "svhn", "network": "top", "loss": loss},
            "device": "Intel Xeon, AVX2",
            "threads": 2,
            "commit": None,
            "versions": {"torch": "2.13.0"},
        }
        (folder / "provenance.json").write_text(json.dumps(record))
        pd.DataFrame({"seconds": seconds}).to_csv(folder / "history.csv", index=False)
        for name, found in paths.items():
            found.append(folder / name)
    table = aggregates.run_times(aggregates.trainings(*paths.values()))
    assert table.to_dict("records") == [
        {
            **{"dataset": "svhn", "network": "top", "loss": loss, "device": "Intel Xeon, AVX2", "threads": 2},
            **{"n": n, "epochs": epochs, "seconds_per_epoch": median, "hours": pytest.approx(total / 3600)},
        }
        for loss, n, epochs, median, total in (("amc", 3, 3, 4, 199), ("euclidean", 1, 2, 1, 2))
    ]
