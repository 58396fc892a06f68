"""Training of one run: Algorithm 1 with the schedules of section 3.2.

The data stays on the device as uint8; shuffling and noise happen there, and nothing is read back to the
host before an epoch ends.
"""

import math
import time
from collections.abc import Callable, Iterator
from itertools import islice
from threading import Event
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from amc_loss import networks, schedules
from amc_loss.checkpoints import Checkpoint
from amc_loss.datasets import Dataset
from amc_loss.devices import autocast_dtype, make_deterministic, scale, to_device
from amc_loss.interruption import stop_on_signals
from amc_loss.losses import AngularMarginContrastiveLoss, EuclideanContrastiveLoss

AUXILIARY_LOSSES = {"amc": AngularMarginContrastiveLoss, "euclidean": EuclideanContrastiveLoss}


def build_network(dataset: Dataset, settings: dict[str, Any]) -> networks.ConvNet:
    """The untrained network of a run, its weights drawn from torch's global generator."""
    return networks.build(
        settings["network"], dataset.image_shape[0], len(dataset.class_names), **settings["architecture"]
    )


class Training:
    """A training in progress, which can be stopped after any step and continued from its state.

    The seed determines weights, order, noise and dropout; weights and order are the same for all losses.

    Args:
        dataset: Training data; the test split is not looked at.
        settings: Resolved settings of the run, as `amc_loss.config.Study.settings` gives them.
        device: Where to train.

    Attributes:
        network: The network, on ``device``.
        history: A row for each finished epoch; see `train`.

    Raises:
        ValueError: If there are fewer images than a minibatch takes.
    """

    def __init__(self, dataset: Dataset, settings: dict[str, Any], device: torch.device) -> None:
        if len(dataset.x_train) < settings["batch_size"]:
            raise ValueError(
                f"training.batch_size is {settings['batch_size']}, but {settings['dataset']} has only "
                f"{len(dataset.x_train)} training images; choose a smaller one"
            )
        make_deterministic(settings["deterministic"])
        torch.manual_seed(settings["seed"])
        self.settings, self.device = settings, device
        self.network = build_network(dataset, settings).to(device).to(memory_format=torch.channels_last)
        self.dtype = autocast_dtype(settings["precision"], device)
        auxiliary_loss = AUXILIARY_LOSSES.get(settings["loss"])
        self.auxiliary_loss = auxiliary_loss and auxiliary_loss(settings["margin"])
        self.optimizer = torch.optim.Adam(self.network.parameters(), eps=settings["adam_epsilon"], fused=True)
        self.order = torch.Generator(device).manual_seed(settings["seed"])
        self.x = to_device(dataset.x_train, device)
        self.y = torch.from_numpy(dataset.y_train).to(device)
        self.steps = len(self.x) // settings["batch_size"]
        self.history: list[dict[str, float]] = []
        self._begin_epoch()

    def _begin_epoch(self) -> None:
        self.step = 0
        self.seconds = 0.0
        # Sums of cross-entropy, auxiliary loss and accuracy, and the first step whose loss was not finite.
        self.totals = torch.tensor([0.0, 0.0, 0.0, torch.inf], device=self.device)
        self.order_before = self.order.get_state()

    def run_epoch(self, stop: Event | None = None) -> bool:
        """Train to the end of the current epoch, or until ``stop`` is set; says whether the epoch ended.

        Raises:
            FloatingPointError: If the loss of a step, or a weight after the last, was not finite.
        """
        rates = epoch_settings(len(self.history), self.settings)
        for group in self.optimizer.param_groups:
            group["lr"], group["betas"] = rates["learning_rate"], (rates["beta1"], self.settings["beta2"])
        start = time.perf_counter()
        batches = minibatches(self.x, self.y, self.settings["batch_size"], self.order)
        for images, labels in islice(batches, self.step, None):
            measured = self.train_step(images, labels, rates["w"])
            self.totals[:3] += measured
            bad = torch.where(measured.sum().isfinite(), torch.inf, self.step + 1.0)
            self.totals[3] = torch.minimum(self.totals[3], bad)
            self.step += 1
            if stop is not None and stop.is_set():
                break
        # The only read from the device in an epoch; it waits for the steps to end.
        *sums, first_bad = self.totals.tolist()
        self.seconds += time.perf_counter() - start
        self._check_finite(first_bad)
        if self.step < self.steps:
            return False
        means = (total / self.steps for total in sums)
        row = dict(zip(("cross_entropy", "auxiliary", "accuracy"), means, strict=True))
        self.history.append({"epoch": len(self.history), **rates, **row, "seconds": self.seconds})
        self._begin_epoch()
        return True

    def train_step(self, images: Tensor, labels: Tensor, ramp: float) -> Tensor:
        """One iteration of Algorithm 1.

        Args:
            images: A minibatch, shape (n, channels, height, width), uint8.
            labels: Its labels, shape (n,).
            ramp: w(t).

        Returns:
            Cross-entropy, auxiliary loss before weighting, and accuracy in percent, shape (3,).
        """
        with torch.autocast(self.device.type, self.dtype, enabled=self.dtype != torch.float32):
            features = self.network.deep_features(scale(images))
            logits = self.network.classifier(features)
        logits = logits.float()
        predicted = logits.argmax(1)
        loss = classification = cross_entropy(logits, labels)
        auxiliary = torch.zeros_like(classification)
        if self.auxiliary_loss is not None:
            auxiliary = self.auxiliary_loss(features, predicted)
            loss = classification + ramp * self.settings["weight"] * auxiliary
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()
        accuracy = 100 * (predicted == labels).float().mean()
        return torch.stack([classification.detach(), auxiliary.detach(), accuracy])

    def _check_finite(self, first_bad: float) -> None:
        weights = torch.stack([weight.isfinite().all() for weight in self.network.parameters()]).all()
        if math.isinf(first_bad) and weights:
            return
        step = self.step if math.isinf(first_bad) else int(first_bad)
        loss = self.settings["loss"]
        weight = f", losses.{loss}.weight ({self.settings['weight']:g})" if self.auxiliary_loss else ""
        raise FloatingPointError(
            f"the loss is not finite in epoch {len(self.history) + 1}, step {step} of {self.steps}: lower "
            f"training.learning_rate ({self.settings['learning_rate']:g}){weight}, "
            "or set training.precision to float32"
        )

    def state_dict(self) -> dict[str, Any]:
        """All that continuing needs, as tensors and plain objects."""
        return {
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "history": self.history,
            "step": self.step,
            "seconds": self.seconds,
            "totals": self.totals,
            "order": self.order_before,
            "rng": torch.get_rng_state(),
            "cuda_rng": torch.cuda.get_rng_state(self.device) if self.device.type == "cuda" else None,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from a state that `state_dict` gave."""
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.history, self.step, self.seconds = state["history"], state["step"], state["seconds"]
        self.totals = state["totals"].to(self.device)
        self.order.set_state(state["order"])
        self.order_before = state["order"]
        torch.set_rng_state(state["rng"])
        if self.device.type == "cuda":
            torch.cuda.set_rng_state(state["cuda_rng"], self.device)


def train(
    dataset: Dataset,
    settings: dict[str, Any],
    device: torch.device,
    checkpoint: Checkpoint | None = None,
    report: Callable[[str], None] = print,
) -> tuple[networks.ConvNet, list[dict[str, float]]]:
    """Train one run to its end, from its checkpoint if there is one.

    SIGTERM and SIGINT stop it after the step in progress, with a checkpoint.

    Args:
        dataset: Training data; the test split is not looked at.
        settings: Resolved settings of the run, as `amc_loss.config.Study.settings` gives them.
        device: Where to train.
        checkpoint: Where to keep the training's state; removing it is left to the caller.
        report: Takes a line of progress an epoch.

    Returns:
        The trained network, on ``device``, and the history, a row an epoch: epoch, learning_rate, beta1,
        w (the w(t) of section 3.2), cross_entropy, auxiliary (before weighting), accuracy (percent, on
        the noisy training images), seconds.

    Raises:
        ValueError: If there are fewer images than a minibatch takes.
        FloatingPointError: If the loss of a step was not finite; the last checkpoint is from before it.
        MemoryError: If the GPU's memory does not suffice.
        SystemExit: If a signal stopped it; the exit status is 128 and the signal's number.
    """
    try:
        training = Training(dataset, settings, device)
        state = checkpoint.load() if checkpoint else None
        if state is not None:
            training.load_state_dict(state)
            report(f"continuing after epoch {len(training.history)}, step {training.step}")
        with stop_on_signals() as stop:
            while len(training.history) < settings["epochs"]:
                ended = training.run_epoch(stop)
                epoch = len(training.history)
                if ended:
                    images = training.steps * settings["batch_size"]
                    report(progress_line(training.history[-1], images, settings["epochs"]))
                stopped = stop.is_set() and epoch < settings["epochs"]
                if checkpoint and (stopped or (epoch % checkpoint.every == 0 and epoch < settings["epochs"])):
                    checkpoint.save(training.state_dict())
                if stopped:
                    report(f"stopped by {stop.signal.name} after epoch {epoch}, step {training.step}")
                    raise SystemExit(128 + stop.signal)
    except torch.OutOfMemoryError as error:
        raise MemoryError(
            f"the GPU has too little memory for a minibatch of {settings['batch_size']}: lower "
            "training.batch_size or network.width_multiplier, or let fewer trainings share the GPU"
        ) from error
    return training.network, training.history


def epoch_settings(epoch: int, settings: dict[str, Any]) -> dict[str, float]:
    """Learning rate, β1 and w(t) of an epoch counted from 0 (section 3.2)."""
    ramps = {"ramp_down_epochs": settings["ramp_down"], "epochs": settings["epochs"]}
    return {
        "learning_rate": schedules.learning_rate(
            epoch, maximum=settings["learning_rate"], ramp_up_epochs=settings["ramp_up"], **ramps
        ),
        "beta1": schedules.beta1(epoch, start=settings["beta1"], end=settings["beta1_end"], **ramps),
        "w": schedules.ramp_up(epoch, settings["ramp_up"]),
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
