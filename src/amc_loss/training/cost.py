"""What a study will cost on this machine, from a few steps of each kind of training."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from amc_loss.data.dataset import Dataset
from amc_loss.study.names import LOSSES
from amc_loss.training.batches import steps_per_epoch
from amc_loss.training.loop import Training

Size = tuple[int, tuple[int, int, int], int]

# Training images, their shape and the number of classes, to tell what a training costs before there is data.
SIZES: dict[str, Size] = {
    "MNIST": (60_000, (28, 28, 1), 10),
    "FashionMNIST": (60_000, (28, 28, 1), 10),
    "KMNIST": (60_000, (28, 28, 1), 10),
    "CIFAR10": (50_000, (32, 32, 3), 10),
    "CIFAR100": (50_000, (32, 32, 3), 100),
    "SVHN": (73_257, (32, 32, 3), 10),
    "scikit-learn": (1_437, (32, 32, 1), 10),
}


def size_of(data: dict[str, Any]) -> Size:
    """Size of a dataset that is not the user's own, from what the configuration says of it."""
    images, (height, width, channels), n_classes = SIZES[data.get("class", data["source"])]
    if "size" in data:
        height = width = data["size"]
    return images, (height, width, channels), 20 if data.get("labels") == "coarse" else n_classes


def measured_size(dataset: Dataset) -> Size:
    """Size of a dataset that is there."""
    images, height, width, channels = dataset.x_train.shape
    return images, (height, width, channels), len(dataset.class_names)


def seconds_per_run(settings: dict[str, Any], size: Size, device: torch.device, steps: int = 4) -> float:
    """Duration of a training, extrapolated from a few steps on random images of the dataset's shape.

    Args:
        settings: Resolved settings of the run.
        size: Training images of its dataset, their shape, and how many classes.
        device: Where it would train.
        steps: Steps that are timed, after as many that are not.
    """
    images, shape, n_classes = size
    generator = np.random.default_rng(0)
    n = max(steps * settings["batch_size"], n_classes)
    x = generator.integers(0, 256, (n, *shape), dtype=np.uint8)
    y = np.arange(n, dtype=np.int64) % n_classes
    training = Training(
        Dataset(x, y, x[:1], y[:1], [str(label) for label in range(n_classes)]), settings, device
    )
    for _ in range(2):
        training.run_epoch()
    a_step = training.history[-1]["seconds"] / training.steps
    return (
        a_step * steps_per_epoch(images, settings["batch_size"], settings["drop_last"]) * settings["epochs"]
    )


def table(kinds: Sequence[tuple[dict[str, Any], int]], own: Mapping[str, Size], device: torch.device) -> str:
    """Hours for each dataset, network and loss, and in all, as text.

    Args:
        kinds: Settings of one run of each kind, and how many runs there are of it.
        own: Size of each dataset of the user's own.
        device: Where they would train.
    """
    lines = [f"{'dataset':<16} {'network':<9} {'loss':<14} {'runs':>4} {'hours a run':>12} {'hours':>9}"]
    total = 0.0
    for settings, runs in kinds:
        size = own.get(settings["dataset"]) or size_of(settings["data"])
        hours = seconds_per_run(settings, size, device) / 3600
        total += runs * hours
        lines.append(
            f"{settings['dataset']:<16} {settings['network']:<9} {LOSSES[settings['loss']]:<14} "
            f"{runs:>4} {hours:>12.3f} {runs * hours:>9.2f}"
        )
    lines.append(f"{total:.2f} hours, one training after the other on {describe(device)}")
    return "\n".join(lines)


def describe(device: torch.device) -> str:
    """The device in words."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{torch.get_num_threads()} CPU threads (no GPU was asked for or found)"
