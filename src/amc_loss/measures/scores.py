"""Accuracy, clustering metrics and confusion of a trained network on the test split."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from sklearn.metrics import confusion_matrix, homogeneity_completeness_v_measure
from sklearn.preprocessing import normalize

from amc_loss.runs.features import Features


def measure(
    labels: NDArray[np.int64],
    predicted: NDArray[np.int64],
    features: NDArray[np.float32],
    clusters: Literal["predicted_labels", "k_means"] = "predicted_labels",
) -> dict[str, float]:
    """Test accuracy in percent, and homogeneity, completeness and V-measure of the clusters (section 4.1).

    Args:
        labels: True labels, shape (n,); they are the classes.
        predicted: Predicted labels, shape (n,).
        features: Deep features, shape (n, d).
        clusters: The predicted labels, or k-means of the L2-normalised features with as many as classes.
    """
    found = predicted
    if clusters == "k_means":
        k_means = KMeans(len(np.unique(labels)), n_init=10, random_state=0)
        found = k_means.fit_predict(normalize(features))
    homogeneity, completeness, v_measure = homogeneity_completeness_v_measure(labels, found)
    return {
        "accuracy": 100 * float(np.mean(labels == predicted)),
        "homogeneity": float(homogeneity),
        "completeness": float(completeness),
        "v_measure": float(v_measure),
    }


def seconds_per_epoch(seconds: Iterable[float]) -> float:
    """Median time of an epoch: the first ones warm up and others may be disturbed."""
    return float(np.median(list(seconds)))


def confusions(runs: Mapping[str, Sequence[Features]], n_classes: int) -> dict[str, NDArray[np.int64]]:
    """Images of each true class (row) that were predicted as each class (column), over the runs of a loss.

    Args:
        runs: For each loss a split's features of its runs.
        n_classes: Classes.

    Returns:
        For each loss shape (n_classes, n_classes).
    """
    return {
        loss: sum(confusion_matrix(run.labels, run.predicted, labels=range(n_classes)) for run in found)
        for loss, found in runs.items()
    }
