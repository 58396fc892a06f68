"""Training of one run: Algorithm 1 with the schedules of section 3.2.

The data stays on the device as uint8; shuffling and noise happen there, and nothing is read back to the
host before an epoch ends.
"""

import math
import time
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from amc_loss import networks, schedules
from amc_loss.datasets import Dataset
from amc_loss.devices import autocast_dtype, scale, to_device
from amc_loss.losses import AngularMarginContrastiveLoss, EuclideanContrastiveLoss

AUXILIARY_LOSSES = {"amc": AngularMarginContrastiveLoss, "euclidean": EuclideanContrastiveLoss}


def build_network(dataset: Dataset, settings: dict[str, Any]) -> networks.ConvNet:
    """The untrained network of a run, its weights drawn from torch's global generator."""
    return networks.build(
        settings["network"], dataset.image_shape[0], len(dataset.class_names), **settings["architecture"]
    )


def train(
    dataset: Dataset,
    settings: dict[str, Any],
    device: torch.device,
    report: Callable[[str], None] = print,
) -> tuple[networks.ConvNet, list[dict[str, float]]]:
    """Train one run.

    The seed determines weights, order, noise and dropout; weights and order are the same for all losses.

    Args:
        dataset: Training data; the test split is not looked at.
        settings: Resolved settings of the run, as `amc_loss.config.Study.settings` gives them.
        device: Where to train.
        report: Takes a line of progress an epoch.

    Returns:
        The trained network, on ``device``, and the history, a row an epoch: epoch, learning_rate, beta1,
        weight (the w(t) of section 3.2), cross_entropy, auxiliary (before weighting), accuracy (percent, on
        the noisy training images), seconds.

    Raises:
        ValueError: If there are fewer images than a minibatch takes.
        FloatingPointError: If the loss of an epoch is not finite.
    """
    batch_size = settings["batch_size"]
    if len(dataset.x_train) < batch_size:
        raise ValueError(
            f"training.batch_size is {batch_size}, but {settings['dataset']} has only "
            f"{len(dataset.x_train)} training images; choose a smaller one"
        )
    torch.manual_seed(settings["seed"])
    network = build_network(dataset, settings).to(device).to(memory_format=torch.channels_last)
    order = torch.Generator(device).manual_seed(settings["seed"])
    optimizer = torch.optim.Adam(network.parameters(), eps=settings["adam_epsilon"], fused=True)
    x, y = to_device(dataset.x_train, device), torch.from_numpy(dataset.y_train).to(device)
    history: list[dict[str, float]] = []
    for epoch in range(settings["epochs"]):
        row: dict[str, float] = {"epoch": epoch, **epoch_settings(epoch, settings)}
        for group in optimizer.param_groups:
            group["lr"], group["betas"] = row["learning_rate"], (row["beta1"], settings["beta2"])
        start = time.perf_counter()
        totals = torch.zeros(3, device=device)
        for images, labels in minibatches(x, y, batch_size, order):
            totals += _step(network, optimizer, images, labels, row["weight"], settings)
        # The only read from the device in an epoch; it waits for all steps to end.
        means = (totals / (len(x) // batch_size)).tolist()
        row |= dict(zip(("cross_entropy", "auxiliary", "accuracy"), means, strict=True))
        row["seconds"] = time.perf_counter() - start
        history.append(row)
        report(progress_line(row, len(x) // batch_size * batch_size, settings["epochs"]))
        if not math.isfinite(row["cross_entropy"] + row["auxiliary"]):
            raise FloatingPointError(
                f"the loss is not finite in epoch {epoch + 1}; "
                "lower training.learning_rate or the weight of the auxiliary loss"
            )
    return network, history


def _step(
    network: networks.ConvNet,
    optimizer: torch.optim.Optimizer,
    images: Tensor,
    labels: Tensor,
    ramp: float,
    settings: dict[str, Any],
) -> Tensor:
    """One iteration of Algorithm 1: its cross-entropy, auxiliary loss and accuracy (percent), shape (3,)."""
    dtype = autocast_dtype(settings["precision"], images.device)
    with torch.autocast(images.device.type, dtype=dtype, enabled=dtype != torch.float32):
        features = network.deep_features(scale(images))
        logits = network.classifier(features)
    logits = logits.float()
    predicted = logits.argmax(1)
    classification = cross_entropy(logits, labels)
    auxiliary = torch.zeros_like(classification)
    if settings["loss"] in AUXILIARY_LOSSES:
        contrastive = AUXILIARY_LOSSES[settings["loss"]](settings["margin"])
        auxiliary = contrastive(features, predicted)
        loss = classification + ramp * settings["weight"] * auxiliary
    else:
        loss = classification
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    optimizer.step()
    accuracy = 100 * (predicted == labels).float().mean()
    return torch.stack([classification.detach(), auxiliary.detach(), accuracy])


def epoch_settings(epoch: int, settings: dict[str, Any]) -> dict[str, float]:
    """Learning rate, β1 and w(t) of an epoch counted from 0 (section 3.2)."""
    ramps = {"ramp_down_epochs": settings["ramp_down"], "epochs": settings["epochs"]}
    return {
        "learning_rate": schedules.learning_rate(
            epoch, maximum=settings["learning_rate"], ramp_up_epochs=settings["ramp_up"], **ramps
        ),
        "beta1": schedules.beta1(epoch, start=settings["beta1"], end=settings["beta1_end"], **ramps),
        "weight": schedules.ramp_up(epoch, settings["ramp_up"]),
    }


def progress_line(row: dict[str, float], images: int, epochs: int) -> str:
    """One line of a run's log: loss terms, accuracy, speed and the time left at this speed."""
    epoch = int(row["epoch"]) + 1
    left = (epochs - epoch) * row["seconds"]
    minutes, seconds = divmod(round(left), 60)
    return (
        f"epoch {epoch}/{epochs}  cross-entropy {row['cross_entropy']:.4f}  "
        f"auxiliary {row['auxiliary']:.4f}  accuracy {row['accuracy']:.2f}%  "
        f"{images / row['seconds']:,.0f} images/s  {minutes // 60}:{minutes % 60:02}:{seconds:02} left"
    )


def minibatches(
    x: Tensor, y: Tensor, batch_size: int, order: torch.Generator
) -> Iterator[tuple[Tensor, Tensor]]:
    """Shuffled full minibatches; a last partial one is dropped.

    Args:
        x: Images, shape (N, channels, height, width).
        y: Labels, shape (N,).
        batch_size: Images a minibatch.
        order: Generator on the tensors' device.
    """
    permutation = torch.randperm(len(x), generator=order, device=x.device)
    for batch in permutation.split(batch_size)[: len(x) // batch_size]:
        yield x[batch], y[batch]
