"""What a trained network makes of images."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from amc_loss.training.arithmetic import to_device
from amc_loss.training.networks import ConvNet


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
    features, logits = outputs(network, to_device(images, device), batch_size)
    return features.cpu().numpy(), logits.cpu().numpy()


@torch.no_grad()
def outputs(network: ConvNet, images: Tensor, batch_size: int = 1000) -> tuple[Tensor, Tensor]:
    """Deep features (n, d) and logits (n, classes) of images (n, channels, height, width) on the device."""
    features, logits = [], []
    for batch in images.split(batch_size):
        features.append(network.deep_features(batch))
        logits.append(network.classifier(features[-1]))
    return torch.cat(features), torch.cat(logits)
