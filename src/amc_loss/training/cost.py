"""What a study will cost on this machine, from a few steps of each kind of training."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch

from amc_loss.data.dataset import Dataset
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


FEW = 16  # images that are tried first
QUICK = 1.0  # seconds a minibatch
ENOUGH = 1.0  # seconds that are measured


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


def images_per_second(settings: dict[str, Any], size: Size, device: torch.device) -> float:
    """Speed of a training on random images of a dataset's shape, after some that are not timed.

    On a CPU, where a step may take a minute and takes as long as its images together, first a few images are
    tried, and a whole minibatch only where that is quick.

    Args:
        settings: Resolved settings of the run.
        size: As `size_of` gives it.
        device: Where it would train.
    """
    if device.type == "cpu" and settings["batch_size"] > FEW:
        speed = _speed(settings, size, device, FEW, steps=1)
        if settings["batch_size"] / speed > QUICK:
            return speed
    return _speed(settings, size, device, settings["batch_size"], steps=10)


def _speed(settings: dict[str, Any], size: Size, device: torch.device, batch: int, steps: int) -> float:
    """Images a second in epochs of so many steps, which are repeated for `ENOUGH` seconds."""
    _, shape, n_classes = size
    generator = np.random.default_rng(0)
    x = generator.integers(0, 256, (steps * batch, *shape), dtype=np.uint8)
    y = np.arange(len(x), dtype=np.int64) % n_classes
    names = [str(label) for label in range(n_classes)]
    training = Training(Dataset(x, y, x[:1], y[:1], names), {**settings, "batch_size": batch}, device)
    training.run_epoch()
    seconds = 0.0
    while seconds < ENOUGH:
        training.run_epoch()
        seconds += training.history[-1]["seconds"]
    return len(x) * (len(training.history) - 1) / seconds


def table(
    kinds: Sequence[tuple[dict[str, Any], int]],
    own: Mapping[str, Size],
    device: torch.device,
    titles: Mapping[str, str],
) -> Iterator[str]:
    """Hours for each dataset, network and loss, and in all: lines, each as soon as it has been measured.

    On a CPU the losses of one network on images of one shape are measured once: they cost the same there.

    Args:
        kinds: Settings of one run of each kind, and how many runs there are of it.
        own: Size of each dataset of the user's own.
        device: Where they would train.
        titles: What each loss is called.
    """
    yield f"{'dataset':<16} {'network':<9} {'loss':<14} {'runs':>4} {'hours a run':>12} {'hours':>9}"
    total = 0.0
    speeds: dict[tuple[Any, ...], float] = {}
    for settings, runs in kinds:
        size = own.get(settings["dataset"]) or size_of(settings["data"])
        loss = None if device.type == "cpu" else settings["loss"]
        kind = (settings["network"], size[1], loss)
        if kind not in speeds:
            speeds[kind] = images_per_second(settings, size, device)
        batch = settings["batch_size"]
        images = min(size[0], batch * steps_per_epoch(size[0], batch, settings["drop_last"]))
        hours = settings["epochs"] * images / speeds[kind] / 3600
        total += runs * hours
        yield (
            f"{settings['dataset']:<16} {settings['network']:<9} {titles[settings['loss']]:<14} "
            f"{runs:>4} {hours:>12.3f} {runs * hours:>9.2f}"
        )
    yield f"{total:.2f} hours, one training after the other on {describe(device)}"
    if device.type == "cpu":
        yield "assumed: all losses cost the same, and a minibatch as much as its images one by one"


def describe(device: torch.device) -> str:
    """The device in words."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{torch.get_num_threads()} CPU threads (no GPU was asked for or found)"
