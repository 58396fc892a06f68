"""``model.pt``: a trained network, and what is needed to build it again. Nothing that is read is run as code.

Keys: network (its name in the study), architecture (settings of `amc_loss.training.networks.ConvNet`), shape
(channels of the images, number of classes), state (weights and running averages by name, on the CPU), and of
the training identity (settings, data and code), history and provenance.
"""

import os
from typing import Any

import torch

from amc_loss.data.dataset import Dataset
from amc_loss.jobs.files import reading
from amc_loss.training import networks
from amc_loss.training.checkpoints import write_tensors


def write_model(
    network: networks.ConvNet,
    settings: dict[str, Any],
    dataset: Dataset,
    path: str | os.PathLike[str],
    **training: Any,
) -> None:
    """Write a network.

    Args:
        network: The network.
        settings: Settings of its run.
        dataset: The data it was trained on.
        path: Where to write.
        training: What else to keep of its training, as plain objects.
    """
    content = {
        "network": settings["network"],
        "architecture": settings["architecture"],
        "shape": [dataset.image_shape[0], len(dataset.class_names)],
        "state": {key: value.cpu() for key, value in network.state_dict().items()},
        **training,
    }
    write_tensors(content, path)


def read_model(path: str | os.PathLike[str], device: torch.device) -> networks.ConvNet:
    """Read a network that `write_model` wrote, in evaluation mode.

    Raises:
        UnusableFileError: If the file is not such a model.
    """
    with reading(path, "a usable model", "delete it to train it again"):
        saved = torch.load(path, map_location="cpu", weights_only=True)
        network = networks.build(saved["network"], *saved["shape"], **saved["architecture"])
        network.load_state_dict(saved["state"])
    return network.to(device).to(memory_format=torch.channels_last).eval()
