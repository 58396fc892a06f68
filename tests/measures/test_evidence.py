"""Values that claims are decided by, each found again by a loop."""

import math
from itertools import combinations

import numpy as np
import pandas as pd
import pytest

from amc_loss.measures.evidence import Evidence, loss_share, values_of
from amc_loss.measures.geometry import classes_percentile, neighbours, radial_share
from amc_loss.runs.features import Features
from amc_loss.runs.values import gathered

pytestmark = pytest.mark.filterwarnings("error")

METRICS = {
    **{
        "run": "a",
        "dataset": "svhn",
        "network": "top",
        "loss": "amc",
        "weight": 0.5,
        "margin": 0.5,
        "seed": 3,
    },
    **{
        "accuracy": 91.0,
        "homogeneity": 0.8,
        "completeness": 0.7,
        "v_measure": 0.75,
        "seconds_per_epoch": 12.0,
    },
}
HISTORY = [
    {"epoch": 0, "w": 0.0, "cross_entropy": 2.0, "auxiliary": 4.0, "gradient_share": 0.0},
    {"epoch": 1, "w": 1.0, "cross_entropy": 1.0, "auxiliary": 2.0, "gradient_share": 0.3},
    {"epoch": 2, "w": 1.0, "cross_entropy": 0.0, "auxiliary": 0.0, "gradient_share": 0.6},
]


def clouds(classes=6, members=15, dimension=4):
    """Overlapping classes in directions of their own, longer than they are broad, labelled 2, 3 and so on."""
    generator = np.random.default_rng(0)
    labels = np.arange(classes).repeat(members)
    directions = generator.normal(size=(classes, dimension))[labels]
    lengths = generator.uniform(0.5, 3, (len(labels), 1))
    features = directions * lengths + generator.normal(0, 0.7, (len(labels), dimension))
    order = generator.permutation(len(labels))
    return features[order].astype(np.float32), labels[order] + 2


def measured(features, labels, history=HISTORY, shown=None, **metrics):
    given = Features(features, np.zeros((len(labels), 10), np.float32), labels)
    table = values_of(METRICS | metrics, given, history, shown)
    assert list(table) == ["dataset", "loss", "seed", "measure", "value"]
    assert table[["dataset", "loss", "seed"]].drop_duplicates().values.tolist() == [["svhn", "amc", 3]]
    return table.set_index("measure")["value"]


def angle(first, second):
    cosine = first @ second / np.linalg.norm(first) / np.linalg.norm(second)
    return np.degrees(np.arccos(np.clip(cosine, -1, 1)))


def of_class_by_angle(features, labels):
    """Per cent of each point's ten nearest that are of its class."""
    shares = []
    for at, point in enumerate(features):
        others = [other for other in range(len(features)) if other != at]
        nearest = sorted(others, key=lambda other: angle(point, features[other]))[:10]
        shares.append(np.mean(labels[nearest] == labels[at]))
    return 100 * np.mean(shares)


def test_values_of_a_run():
    features, labels = clouds()
    features64 = features.astype(float)
    found = measured(features, labels)
    assert found[["accuracy", "homogeneity", "completeness", "seconds_per_epoch"]].tolist() == [
        91,
        0.8,
        0.7,
        12,
    ]
    units = [x / np.linalg.norm(x) for x in features64]
    means = {
        label: np.mean([u for u, own in zip(units, labels, strict=True) if own == label], 0)
        for label in set(labels)
    }
    within = np.mean([angle(u, means[label]) for u, label in zip(units, labels, strict=True)])
    assert found["within_angle"] == pytest.approx(within, rel=1e-4)
    between = min(angle(means[a], means[b]) for a, b in combinations(means, 2))
    assert found["between_angle"] == pytest.approx(between, rel=1e-4)
    along = total = 0
    for label in means:
        covariance = np.cov(features64[labels == label].T)
        mean = features64[labels == label].mean(0)
        along += mean @ covariance @ mean / (mean @ mean)
        total += np.trace(covariance)
    assert found["radial_share"] == pytest.approx(4 * along / total)
    assert 1 < found["radial_share"] < 4
    assert found["neighbours"] == pytest.approx(of_class_by_angle(features64, labels))
    assert found["dose"] == pytest.approx(0.3)
    # Nothing, 0.5 · 2 of 1 + 0.5 · 2, and nothing of nothing.
    assert found["dose_loss"] == pytest.approx((0 + 0.5 + 0) / 3)
    assert "classes_percentile" not in found


def test_share_of_the_loss():
    row = {"w": 0.5, "auxiliary": 3.0, "cross_entropy": 0.7}
    assert loss_share(row, 0.2) == pytest.approx(0.3 / 1)
    assert loss_share(row, None) == loss_share(row, 0) == 0
    assert loss_share({"w": 1.0, "auxiliary": 0.0, "cross_entropy": 0.0}, 0.1) == 0


def test_neighbours_are_those_by_angle_and_not_the_point_itself():
    """Eleven on each of two axes of very different length: all ten neighbours are of one's class."""
    features = np.concatenate([np.outer(np.linspace(0.1, 50, 11), axis) for axis in np.eye(2)])
    labels = np.repeat([0, 1], 11)
    assert neighbours(features.astype(np.float32), labels) == 100
    # Were a point its own neighbour, labels that are all different would not give 0.
    assert neighbours(features.astype(np.float32), np.arange(22)) == 0


@pytest.mark.parametrize("shown", [[2, 3], [7, 4], [5, 3, 2], [6]])
def test_rank_of_the_classes_shown(shown):
    features, labels = clouds()

    def share(choice):
        there = np.isin(labels, choice)
        return radial_share(features[there], labels[there])

    choices = list(combinations(sorted(set(labels)), len(shown)))
    expected = 100 * sum(share(choice) <= share(shown) + 1e-9 for choice in choices) / len(choices)
    assert len(choices) == math.comb(6, len(shown))
    assert classes_percentile(features, labels, shown) == pytest.approx(expected)
    assert measured(features, labels, shown=shown)["classes_percentile"] == pytest.approx(expected)


def test_what_is_not_defined_is_nan():
    features, labels = clouds(classes=2, members=5)
    found = measured(features, labels, shown=[2, 3], weight=None)
    assert found[["neighbours", "classes_percentile"]].isna().all()
    assert found.drop(["neighbours", "classes_percentile"]).notna().all()
    assert found["dose_loss"] == 0
    assert not math.isnan(measured(*clouds(classes=2, members=6))["neighbours"])


def test_gathered_from_files(tmp_path):
    explained = pd.DataFrame(
        [
            ("null", 0, "gini", None, 0.4, 9, 1),
            ("null", 0, "gini", "NA", 0.5, 3, 0),
            ("null", 0, "gini", "cat", np.nan, 0, 1),
        ],
        columns=["loss", "seed", "measure", "class", "value", "images", "undefined"],
    )
    of_runs = pd.DataFrame(
        [("my_data", "null", 0, "accuracy", 90.0), ("my_data", "null", 1, "accuracy", np.nan)],
        columns=["dataset", "loss", "seed", "measure", "value"],
    )
    names = ["table1-my_data", "figure1", "figure4"]
    for number, name in enumerate(names):
        of_runs.assign(value=of_runs["value"] + number).to_csv(tmp_path / name, index=False)
    explained.to_csv(tmp_path / "explained", index=False)
    table = gathered({name: str(tmp_path / name) for name in names}, {"my_data": str(tmp_path / "explained")})
    assert table["runs"].tolist() == ["table1"] * 2 + ["figure1"] * 2 + ["figure4"] * 2 + ["table1"] * 3
    assert set(table["dataset"]) == {"my_data"}
    evidence = Evidence(table, *[None] * 6)

    def values(measure, runs="table1", **given):
        return evidence.by_seed(runs, "my_data", "null", measure, **given).to_dict()

    assert values("accuracy") == {0: 90}
    assert values("accuracy", "figure1") == {0: 91}
    assert values("accuracy", "figure4") == {0: 92}
    assert values("gini") == {0: 0.4}
    assert values("gini", of_class="NA") == {0: 0.5}
    assert values("gini", of_class="cat") == {}
