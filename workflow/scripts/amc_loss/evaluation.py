"""Measurements on a trained network: accuracy, clustering metrics, deep features."""

from collections.abc import Iterable

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.metrics import homogeneity_completeness_v_measure

from amc_loss.devices import scale, to_device
from amc_loss.networks import ConvNet


def measure(labels: NDArray[np.int64], predicted: NDArray[np.int64]) -> dict[str, float]:
    """Test accuracy in percent, and homogeneity, completeness and V-measure of the predicted labels.

    The clusters are the predicted labels, the classes the true ones (section 4.1).

    Args:
        labels: True labels, shape (n,).
        predicted: Predicted labels, shape (n,).
    """
    homogeneity, completeness, v_measure = homogeneity_completeness_v_measure(labels, predicted)
    return {
        "accuracy": 100 * float(np.mean(labels == predicted)),
        "homogeneity": float(homogeneity),
        "completeness": float(completeness),
        "v_measure": float(v_measure),
    }


@torch.no_grad()
def extract(
    network: ConvNet, images: NDArray[np.uint8], device: torch.device, batch_size: int = 1000
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Deep features and logits of images, in float32.

    Args:
        network: A network in evaluation mode, on ``device``.
        images: Shape (n, height, width, channels), uint8.
        device: Where to compute.
        batch_size: Images at a time.

    Returns:
        Features (n, d) and logits (n, classes).
    """
    features, logits = [], []
    for batch in to_device(images, device).split(batch_size):
        features.append(network.deep_features(scale(batch)))
        logits.append(network.classifier(features[-1]))
    return torch.cat(features).cpu().numpy(), torch.cat(logits).cpu().numpy()


def seconds_per_epoch(seconds: Iterable[float]) -> float:
    """Median time of an epoch: the first ones warm up and others may be disturbed."""
    return float(np.median(list(seconds)))
