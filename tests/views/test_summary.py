"""What a study was and what came of it."""

from html import escape

import pandas as pd
import pytest
from docutils.core import publish_parts
from markdown_it import MarkdownIt
from settings import LOSSES, STUDY

from amc_loss.views import summary, tables

NAN = float("nan")
CLAIMS = "of 4 claims 1 hold, 2 do not hold"
TITLES = {"cifar10": "CIFAR-10", "svhn": "SVHN", "mine": "My data"}
RUNS = pd.DataFrame(
    {
        "device": [*["NVIDIA H100"] * 49, "Intel Xeon, AVX2"],
        "torch": "2.11.0",
        "commit": [*["0123456789abcdef"] * 40, *["0123456789abcdef-dirty"] * 9, None],
        "seconds": 216.0,
    }
)


def table1(means, p_values, paper_means=None, paper_p_values=None, n=5):
    rows = []
    for dataset, values in means.items():
        theirs = (paper_means or {}).get(dataset, (NAN, NAN, NAN))
        for loss, mean, paper_mean in zip(LOSSES, values, theirs, strict=True):
            p = (p_values[dataset], (paper_p_values or {}).get(dataset, NAN)) if loss == "amc" else (NAN, NAN)
            rows.append((dataset, loss, n, mean, p[0], paper_mean, p[1]))
    columns = ["dataset", "loss", "n", "mean", "p_value", "paper_mean", "paper_p_value"]
    return pd.DataFrame(rows, columns=columns)


def clustering(homogeneity, completeness):
    rows = [
        (dataset, loss, *values)
        for dataset in homogeneity
        for loss, *values in zip(LOSSES, homogeneity[dataset], completeness[dataset], strict=True)
    ]
    return pd.DataFrame(rows, columns=["dataset", "loss", "homogeneity_mean", "completeness_mean"])


def lines(table, titles, changed=(), shared=None, runs=RUNS):
    clusters = clustering(
        {name: (0.1, 0.2, 0.3) for name in titles}, {name: (0.3, 0.2, 0.1) for name in titles}
    )
    text = summary.summary(
        "mine", "paper", changed, runs, table, clusters, titles, STUDY, shared or {}, CLAIMS
    )
    found = dict(line.removeprefix("- **").split(":** ") for line in text.splitlines())
    assert list(found)[:6] == ["Study", "Training runs", "Accuracy", "Clustering", "The paper", "Claims"]
    assert found["Claims"] == f"{CLAIMS}."
    return found


MEANS = {"cifar10": (82, 82.5, 83), "svhn": (94, 95.5, 95.25), "mine": (50, 51, 52)}
P_VALUES = {"cifar10": 0.01, "svhn": 0.01, "mine": NAN}
PAPER = {"cifar10": (82.35, 82.6, 82.97), "svhn": (94.03, 95.29, 95.52)}
PAPER_P = {"cifar10": 0.0214, "svhn": 0.0002}


def test_what_was_run_and_on_what():
    found = lines(table1(MEANS, P_VALUES, PAPER, PAPER_P), TITLES, ["a.b", "a.c.d", "a.c.e", "f"])
    assert found["Study"] == (
        "mine, of CIFAR-10, SVHN and My data under 3 losses with 5 seeds each; protocol paper, "
        "except a.b, a.c and f."
    )
    assert found["Training runs"] == (
        "45 for Table 1 and 5 more for the figures, on NVIDIA H100 and Intel Xeon, AVX2; 3.0 hours in all; "
        "torch 2.11.0, commit 01234567, commit 01234567-dirty."
    )
    as_it_is = lines(table1(MEANS, P_VALUES, PAPER, PAPER_P, n=1), TITLES)["Study"]
    assert as_it_is.endswith("under 3 losses with 1 seed each; protocol paper.")


def test_what_amc_gains():
    found = lines(table1(MEANS, {**P_VALUES, "svhn": 0.00001}, PAPER, PAPER_P), TITLES)
    assert found["Accuracy"] == (
        "+ AMC-Loss against + Euclid, in percentage points: +0.50 on CIFAR-10 (p = 0.0100), "
        "-0.25 on SVHN (p < 0.0001) and +1.00 on My data (no test)."
    )
    assert found["Clustering"] == (
        "homogeneity is highest under + AMC-Loss on CIFAR-10, SVHN and My data; completeness is highest under "
        "+ AMC-Loss on no dataset."
    )


@pytest.mark.parametrize(
    ("gain", "p", "paper_gain", "paper_p", "verdict"),
    [
        (0.5, 0.01, 0.37, 0.0214, "was found on CIFAR-10"),
        (0.5, 0.2, 0.37, 0.0214, "was not found on CIFAR-10"),
        (-0.5, 0.01, 0.37, 0.0214, "was not found on CIFAR-10"),
        (0.5, NAN, 0.37, 0.0214, "was not tested on CIFAR-10"),
        # Not significant there, as on MNIST: whichever is ahead means nothing.
        (-0.01, 0.8, 0.01, 0.1525, "was found on CIFAR-10"),
        (0.5, 0.01, 0.01, 0.1525, "was not found on CIFAR-10"),
    ],
)
def test_an_outcome_is_the_same_where_both_say_better_or_both_say_no_different(
    gain, p, paper_gain, paper_p, verdict
):
    means, paper = {"cifar10": (80, 81, 81 + gain)}, {"cifar10": (80, 81, 81 + paper_gain)}
    table = table1(means, {"cifar10": p}, paper, {"cifar10": paper_p})
    text = lines(table, {"cifar10": "CIFAR-10"})["The paper"]
    assert text.startswith(
        f"the same outcome of + AMC-Loss against + Euclid (better or worse with p < 0.05, else no different) {verdict};"
    )


def test_beside_the_paper():
    text = lines(table1(MEANS, P_VALUES, PAPER, PAPER_P), TITLES)["The paper"]
    assert text == (
        "the same outcome of + AMC-Loss against + Euclid (better or worse with p < 0.05, else no different) was "
        "found on CIFAR-10 and was not found on SVHN; our mean accuracies are -0.35 to +0.21 percentage points from its own; it has no test "
        "of + AMC-Loss against + Euclid on My data."
    )
    alone = lines(table1({"mine": MEANS["mine"]}, P_VALUES), {"mine": "My data"})["The paper"]
    assert alone == "it has no test of + AMC-Loss against + Euclid on My data."


def test_a_title_is_no_markup():
    title = r"my *best* data__ <b> `x` a|b \d __scans__ [faces](x)"
    text = summary.summary(
        "my_study_",
        "_paper",
        [],
        RUNS,
        table1({"mine": MEANS["mine"]}, P_VALUES),
        clustering({"mine": (1, 1, 1)}, {"mine": (1, 1, 1)}),
        {"mine": title},
        STUDY,
        {"mine": 3},
        CLAIMS,
    )
    html = publish_parts(text, writer="html", settings_overrides={"halt_level": 2})["body"]
    for page in (html, MarkdownIt("js-default").render(text)):
        assert f"it has no test of + AMC-Loss against + Euclid on {escape(title)}." in page
        assert "my_study_, of" in page
        assert "protocol _paper." in page


def test_images_in_both_splits_are_told_of():
    table = table1(MEANS, P_VALUES)
    assert "Data" not in lines(table, TITLES, shared={"cifar10": 0, "mine": 0})
    assert lines(table, TITLES, shared={"cifar10": 0, "mine": 1234})["Data"] == (
        "test images that are among the training images as well: 1,234 on My data."
    )


def test_run_times_are_readable():
    table = pd.DataFrame(
        {
            **{"dataset": "svhn", "network": "top", "loss": ["amc"], "device": "x86_64", "threads": 2},
            **{"n": 5, "epochs": 300, "seconds_per_epoch": 1234.5, "hours": 0.01234},
        }
    )
    for markup in ("md", "tex"):
        readable = tables.readable_run_times(table, markup, {"svhn": "SVHN"}, STUDY)
        assert readable[["Seconds an epoch", "Hours"]].values.tolist() == [["1,234", "0.0123"]]


@pytest.mark.parametrize(
    ("values", "best"),
    [((0.1, 0.2, 0.3), "SVHN"), ((0.3, 0.3, 0.3), "no dataset"), ((0.1, 0.3, 0.30001), "no dataset")],
)
def test_a_tie_is_not_the_highest(values, best):
    """A network that predicts one class has the same metrics under every loss."""
    text = summary.summary(
        "mine",
        "paper",
        [],
        RUNS,
        table1({"svhn": MEANS["svhn"]}, P_VALUES),
        clustering({"svhn": values}, {"svhn": values}),
        {"svhn": "SVHN"},
        STUDY,
        {},
        CLAIMS,
    )
    assert f"homogeneity is highest under + AMC-Loss on {best}; completeness is highest" in text


def test_less_than_an_hour_is_in_minutes():
    found = lines(table1(MEANS, P_VALUES), TITLES, runs=RUNS.assign(seconds=60.6))
    assert "; 50.5 minutes in all;" in found["Training runs"]


def test_of_losses_with_unequal_seeds():
    table = table1({"mine": MEANS["mine"]}, P_VALUES)
    table.loc[0, "n"] = 2
    assert " of My data under 3 losses with 5 seeds each" in lines(table, {"mine": "My data"})["Study"]
