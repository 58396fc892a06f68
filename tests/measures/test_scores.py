"""Accuracy and clustering metrics against their definitions, and features out of a network."""

from collections import Counter
from math import log

import numpy as np
import pytest
import torch

from amc_loss.measures import scores
from amc_loss.runs.features import Features
from amc_loss.training import inference, networks

CPU = torch.device("cpu")


def entropy(counts):
    n = sum(counts)
    return -sum(c / n * log(c / n) for c in counts if c)


def conditional_entropy(of, given):
    groups = {g: [o for o, h in zip(of, given, strict=True) if h == g] for g in set(given)}
    return sum(len(group) / len(of) * entropy(Counter(group).values()) for group in groups.values())


def test_metrics_follow_rosenberg_and_hirschberg():
    labels = np.array([0, 0, 0, 0, 1, 1, 1, 2, 2, 2])
    predicted = np.array([0, 0, 0, 1, 1, 1, 1, 2, 2, 0])
    measured = scores.measure(labels, predicted, np.zeros((10, 2), np.float32))
    classes, clusters = labels.tolist(), predicted.tolist()
    homogeneity = 1 - conditional_entropy(classes, clusters) / entropy(Counter(classes).values())
    completeness = 1 - conditional_entropy(clusters, classes) / entropy(Counter(clusters).values())
    assert measured["accuracy"] == pytest.approx(80)
    assert measured["homogeneity"] == pytest.approx(homogeneity)
    assert measured["completeness"] == pytest.approx(completeness)
    assert measured["v_measure"] == pytest.approx(
        2 * homogeneity * completeness / (homogeneity + completeness)
    )
    assert homogeneity != pytest.approx(completeness)


def test_clusters_can_be_those_of_k_means():
    """Two directions in space, whatever the length of a feature and whatever the network predicts."""
    labels = np.array([0, 0, 0, 1, 1, 1])
    features = np.array([[1, 0], [9, 0], [4, 0.1], [0, 1], [0, 7], [0.1, 3]], dtype=np.float32)
    wrong = np.array([0, 1, 0, 1, 0, 1])
    by_direction = scores.measure(labels, wrong, features, "k_means")
    assert by_direction["homogeneity"] == by_direction["completeness"] == pytest.approx(1)
    assert by_direction["accuracy"] == pytest.approx(100 * 4 / 6)
    assert scores.measure(labels, wrong, features)["homogeneity"] < 0.5


def test_features_do_not_depend_on_the_batch(dataset):
    network = networks.build("top", 1, 2, width_multiplier=0.1).eval()
    features, logits = inference.extract(network, dataset.x_test, CPU, batch_size=7)
    whole, _ = inference.extract(network, dataset.x_test, CPU)
    assert features.shape == (20, network.feature_dim)
    assert logits.shape == (20, 2)
    assert features.dtype == np.float32
    np.testing.assert_allclose(features, whole, rtol=1e-4, atol=1e-6)
    one = network(torch.from_numpy(dataset.x_test[3]).permute(2, 0, 1)[None])
    np.testing.assert_allclose(logits[3], one.detach()[0], rtol=1e-4, atol=1e-6)


def test_seconds_per_epoch_is_not_moved_by_a_slow_first_epoch():
    assert scores.seconds_per_epoch([90.0, 2.0, 2.2, 2.1]) == pytest.approx(2.15)


def test_confusions_add_up_the_runs_of_a_loss():
    def run(labels, predicted):
        return Features(np.zeros((len(labels), 1)), np.eye(3)[predicted], np.array(labels))

    found = scores.confusions(
        {"amc": [run([0, 0, 1], [0, 2, 1]), run([0, 1], [2, 0])], "euclidean": [run([2], [2])]}, 3
    )
    assert found["amc"].tolist() == [[1, 0, 2], [1, 1, 0], [0, 0, 0]]
    assert found["euclidean"].tolist() == [[0, 0, 0], [0, 0, 0], [0, 0, 1]]


def test_k_means_has_as_many_clusters_as_classes_whatever_is_predicted():
    labels = np.array([0, 0, 1, 1, 2, 2])
    features = np.array([[1, 0, 0], [9, 0, 0], [0, 1, 0], [0, 7, 0], [0, 0, 1], [0, 0, 3]], dtype=np.float32)
    found = scores.measure(labels, np.zeros(6, int), features, "k_means")
    assert found["homogeneity"] == pytest.approx(1)
