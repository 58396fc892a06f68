"""Trained models on disk."""

import os
from typing import Any

import torch

from amc_loss import networks
from amc_loss.datasets import Dataset


def save_model(
    network: networks.ConvNet, settings: dict[str, Any], dataset: Dataset, path: str | os.PathLike[str]
) -> None:
    """Write a network's weights and what is needed to build it again.

    Args:
        network: The network.
        settings: Settings of its run.
        dataset: The data it was trained on.
        path: Where to write.
    """
    torch.save(
        {
            "network": settings["network"],
            "architecture": settings["architecture"],
            "shape": [dataset.image_shape[0], len(dataset.class_names)],
            "state": {key: value.cpu() for key, value in network.state_dict().items()},
        },
        path,
    )


def load_model(path: str | os.PathLike[str], device: torch.device) -> networks.ConvNet:
    """Read a network that `save_model` wrote, in evaluation mode. Nothing in the file is run as code.

    Raises:
        ValueError: If the file is not such a model.
    """
    try:
        saved = torch.load(path, map_location=device, weights_only=True)
        network = networks.build(saved["network"], *saved["shape"], **saved["architecture"])
        network.load_state_dict(saved["state"])
    except FileNotFoundError:
        raise
    except Exception as error:
        raise ValueError(f"{path} is not a usable model ({error}); delete it to train it again") from error
    return network.to(device).to(memory_format=torch.channels_last).eval()
