"""What a trained network makes of images."""

import numpy as np
import torch
from numpy.typing import NDArray

from amc_loss.training.arithmetic import to_device
from amc_loss.training.networks import ConvNet


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
        features.append(network.deep_features(batch))
        logits.append(network.classifier(features[-1]))
    return torch.cat(features).cpu().numpy(), torch.cat(logits).cpu().numpy()
