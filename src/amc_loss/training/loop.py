"""Training of one run: Algorithm 1 with the schedules of section 3.2.

The data stays on the device as uint8; shuffling, translation and noise happen there, and nothing is read back
to the host before an epoch ends.
"""

import copy
import math
import re
import time
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from threading import Event
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import get_ema_multi_avg_fn

from amc_loss.data.dataset import Dataset
from amc_loss.jobs.interruption import stop_on_signals
from amc_loss.study.names import own_losses
from amc_loss.training import networks, schedules
from amc_loss.training.arithmetic import allow_tf32, autocast_dtype, make_deterministic, to_device
from amc_loss.training.batches import minibatches, steps_per_epoch, translate
from amc_loss.training.checkpoints import Checkpoint
from amc_loss.training.criteria import Criterion
from amc_loss.training.dose import gradient_share
from amc_loss.training.engines import Graph, resolve_engine
from amc_loss.training.inference import outputs


def build_network(dataset: Dataset, settings: dict[str, Any]) -> networks.ConvNet:
    """The untrained network of a run, its weights drawn from torch's global generator."""
    return networks.build(
        settings["network"], dataset.image_shape[0], len(dataset.class_names), **settings["architecture"]
    )


class Training:
    """A training in progress, which can be stopped after any step and continued from its state.

    The seed determines weights, order, noise and dropout; weights and order are the same for all losses.

    Args:
        dataset: Training data; the test split is looked at with ``kept_epoch: best`` alone.
        settings: Resolved settings of the run, as `amc_loss.study.study.Study.settings` gives them.
        device: Where to train.

    Attributes:
        network: The network in training, on ``device``.
        evaluated: What is evaluated and kept: the network, or the moving average of its weights and buffers.
        history: A row for each finished epoch; see `train`.

    Raises:
        ValueError: If there are fewer images than a minibatch takes, or they are smaller than a translation.
    """

    def __init__(self, dataset: Dataset, settings: dict[str, Any], device: torch.device) -> None:
        if len(dataset.x_train) < settings["batch_size"]:
            raise ValueError(
                f"training.batch_size is {settings['batch_size']}, but {settings['dataset']} has only "
                f"{len(dataset.x_train)} training images; choose a smaller one"
            )
        if settings["translation"] >= min(dataset.image_shape[1:]):
            raise ValueError(
                f"training.translation is {settings['translation']}, but images of {settings['dataset']} "
                f"have {dataset.image_shape[1]}×{dataset.image_shape[2]} pixels; choose a smaller one"
            )
        make_deterministic(settings["deterministic"])
        allow_tf32(settings["tf32"])
        torch.manual_seed(settings["seed"])
        self.settings, self.device = settings, device
        self.network = build_network(dataset, settings).to(device).to(memory_format=torch.channels_last)
        self.dtype = autocast_dtype(settings["precision"], device)
        n_classes = len(dataset.class_names)
        self.criterion = Criterion(settings, n_classes, self.network.feature_dim).to(device)
        self.evaluated, self.evaluated_criterion = self.network, self.criterion
        if settings["ema_decay"]:
            trained = self.network, self.criterion
            self.evaluated, self.evaluated_criterion = averages = copy.deepcopy(trained)
            self.update_average = get_ema_multi_avg_fn(settings["ema_decay"])
            self.averages, self.averaged = map(_floating_state, (averages, trained))
        self.engine = resolve_engine(settings["engine"], device, own_losses(settings))
        self.losses_of_whole = self.losses
        if self.engine == "compiled":
            self.losses_of_whole = torch.compile(self.losses, dynamic=False)
        self.w: float | Tensor = 0.0
        self.graph = None
        if self.engine != "eager":
            self.graph = Graph(self.step_on, settings["batch_size"], device)
        groups: list[dict[str, Any]] = [{"params": list(self.network.parameters())}]
        # Of the learning rate, for each group of parameters.
        self.factors = [1.0]
        if own := list(self.criterion.parameters()):
            groups.append({"params": own})
            self.factors.append(settings["learning_rate_factor"])
        self.optimizer = torch.optim.Adam(
            groups,
            eps=settings["adam_epsilon"],
            fused=True,
            capturable=self.graph is not None,
        )
        self.order = torch.Generator(device).manual_seed(settings["seed"])
        self.x = to_device(dataset.x_train, device)
        self.y = torch.from_numpy(dataset.y_train).to(device)
        if settings["kept_epoch"] == "best":
            self.x_test = to_device(dataset.x_test, device)
            self.y_test = torch.from_numpy(dataset.y_test).to(device)
        # The same minibatch for all losses and epochs; the first images may be of one class.
        drawn = torch.randperm(len(self.x), generator=torch.Generator().manual_seed(0), device="cpu")
        self.measured = drawn[: settings["batch_size"]].to(device)
        self.steps = steps_per_epoch(len(self.x), settings["batch_size"], settings["drop_last"])
        self.images = min(len(self.x), self.steps * settings["batch_size"])
        self.history: list[dict[str, float]] = []
        self.best: dict[str, Tensor] | None = None
        # Sums of cross-entropy, auxiliary loss and accuracy, the first step whose loss was not finite, steps,
        # and at the epoch's end the auxiliary loss's share of the gradient.
        self.totals = torch.empty(6, device=device)
        self._begin_epoch()

    def _begin_epoch(self) -> None:
        self.step = 0
        self.seconds = 0.0
        self.totals.copy_(torch.tensor([0.0, 0.0, 0.0, torch.inf, 0.0, 0.0]))
        self.order_before = self.order.get_state()

    def run_epoch(self, stop: Event | None = None) -> bool:
        """Train to the end of the current epoch, or until ``stop`` is set; says whether the epoch ended.

        Raises:
            FloatingPointError: If the loss of a step, or a weight after the last, was not finite.
        """
        # A second call for one epoch draws the same order, of which it takes what is left.
        self.order.set_state(self.order_before)
        epoch = len(self.history)
        rates = schedules.rates(epoch, self.settings)
        by_step = self.settings["schedules_change"] == "step"
        start = time.perf_counter()
        batches = minibatches(
            len(self.x), self.settings["batch_size"], self.order, self.settings["drop_last"]
        )
        for index in islice(batches, self.step, None):
            self.run_step(index, schedules.rates(epoch + by_step * self.step / self.steps, self.settings))
            self.step += 1
            if stop is not None and stop.is_set():
                break
        # The two reads from the device in an epoch. The first waits for the steps to end; what is measured
        # after it does not count as training.
        finite = self._weights_are_finite()
        self.seconds += time.perf_counter() - start
        ended = self.step == self.steps
        if ended and self.criterion.auxiliary is not None:
            weight = rates["w"] * self.settings["weight"]
            images, labels = self.x[self.measured], self.y[self.measured]
            self.totals[5] = gradient_share(self.network, self.criterion, images, labels, weight)
        *sums, first_bad, _, share = self.totals.tolist()
        self._check_finite(first_bad, finite)
        if not ended:
            return False
        cross_entropy, auxiliary, accuracy = (total / self.images for total in sums)
        row = {
            "epoch": epoch,
            **rates,
            "cross_entropy": cross_entropy,
            "auxiliary": auxiliary,
            "gradient_share": share,
            "accuracy": accuracy,
            "seconds": self.seconds,
        }
        self.history.append(row)
        if self.settings["kept_epoch"] == "best":
            self._keep_best()
        self._begin_epoch()
        return True

    def _keep_best(self) -> None:
        self._read_out()
        accuracy = accuracy_in_percent(self.evaluated, self.x_test, self.y_test)
        if all(accuracy > row["test_accuracy"] for row in self.history[:-1]):
            self.best = {key: value.clone() for key, value in self.evaluated.state_dict().items()}
        self.history[-1]["test_accuracy"] = accuracy

    def kept(self) -> networks.ConvNet:
        """The network to evaluate, once the training has ended: that of the last epoch, or of the best."""
        self._read_out()
        if self.best is not None:
            self.evaluated.load_state_dict(self.best)
        return self.evaluated

    def _read_out(self) -> None:
        """Give the network that is evaluated the class weights of the loss in place of cross-entropy."""
        if self.criterion.classification is not None:
            classifier = self.evaluated.classifier
            assert isinstance(classifier, networks.CosineClassifier)
            classifier.set(*self.evaluated_criterion.read_out())

    def run_step(self, index: Tensor, rates: dict[str, float]) -> None:
        """One step, as the engine does it.

        Args:
            index: The minibatch: indices of training images on the device, shape (n,).
            rates: Learning rate, β1 and w(t), as `amc_loss.training.schedules.rates` gives them.
        """
        numbers = [*(factor * rates["learning_rate"] for factor in self.factors), rates["w"]]
        scalars: Sequence[float | Tensor] = numbers if self.graph is None else self.graph.scalars(numbers)
        *learning_rates, self.w = scalars
        for group, learning_rate in zip(self.optimizer.param_groups, learning_rates, strict=True):
            group["lr"], group["betas"] = learning_rate, (rates["beta1"], self.settings["beta2"])
        if self.graph is None:
            self.step_on(index)
        else:
            self.graph(index, rates["beta1"])

    def step_on(self, index: Tensor) -> None:
        """A step on the minibatch of these indices; what it measures is added to the totals."""
        images, labels = self.x[index], self.y[index]
        if self.settings["translation"]:
            images = translate(images, self.settings["translation"])
        measured = self.train_step(images, labels, self.w)
        self.totals[:3] += measured * len(labels)
        self.totals[4] += 1
        bad = torch.where(measured.sum().isfinite(), torch.inf, self.totals[4])
        self.totals[3] = torch.minimum(self.totals[3], bad)

    def train_step(self, images: Tensor, labels: Tensor, w: float | Tensor) -> Tensor:
        """One iteration of Algorithm 1.

        Args:
            images: A minibatch, shape (n, channels, height, width), uint8.
            labels: Its labels, shape (n,).
            w: w(t).

        Returns:
            Cross-entropy, auxiliary loss before weighting, and accuracy in percent, shape (3,).
        """
        whole = len(labels) == self.settings["batch_size"]
        loss, measured, features = (self.losses_of_whole if whole else self.losses)(images, labels, w)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()
        self.criterion.update(features, labels)
        if self.settings["ema_decay"]:
            self.update_average(self.averages, self.averaged, 0)
        return measured

    def losses(self, images: Tensor, labels: Tensor, w: float | Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The loss of a minibatch, what `train_step` returns, and its features."""
        # A weight is used once in a forward pass: there is nothing to keep, and torch.compile wants it so.
        with torch.autocast(
            self.device.type, self.dtype, enabled=self.dtype != torch.float32, cache_enabled=False
        ):
            features = self.network.deep_features(images)
            logits = self.network.classifier(features)
        classification, auxiliary, predicted = self.criterion(features, logits, labels)
        loss = classification
        if self.criterion.auxiliary is not None:
            loss = classification + w * self.settings["weight"] * auxiliary
        accuracy = 100 * (predicted == labels).float().mean()
        return loss, torch.stack([classification, auxiliary, accuracy]).detach(), features.detach()

    def _weights_are_finite(self) -> bool:
        return bool(torch.stack([weight.isfinite().all() for weight in self.network.parameters()]).all())

    def _check_finite(self, first_bad: float, weights_are_finite: bool) -> None:
        if math.isinf(first_bad) and weights_are_finite:
            return
        step = self.step if math.isinf(first_bad) else int(first_bad)
        loss = self.settings["loss"]
        weight = f", losses.{loss}.weight ({self.settings['weight']:g})" if self.criterion.auxiliary else ""
        raise FloatingPointError(
            f"the loss is not finite in epoch {len(self.history) + 1}, step {step} of {self.steps}: lower "
            f"training.learning_rate ({self.settings['learning_rate']:g}){weight}, "
            "or set training.precision to float32"
        )

    def state_dict(self) -> dict[str, Any]:
        """All that continuing needs, as tensors and plain objects."""
        return {
            "network": self.network.state_dict(),
            "criterion": self.criterion.state_dict(),
            "average": self.evaluated.state_dict() if self.settings["ema_decay"] else None,
            "criterion_average": self.evaluated_criterion.state_dict()
            if self.settings["ema_decay"]
            else None,
            "best": self.best,
            "optimizer": self.optimizer.state_dict(),
            "history": self.history,
            "step": self.step,
            "seconds": self.seconds,
            "threads": torch.get_num_threads(),
            "totals": self.totals,
            "order": self.order_before,
            "rng": torch.get_rng_state(),
            "cuda_rng": torch.cuda.get_rng_state(self.device) if self.device.type == "cuda" else None,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from a state that `state_dict` gave.

        Sums depend on how many threads add them up: the process takes as many as the state was made with.
        """
        torch.set_num_threads(state["threads"])
        self.network.load_state_dict(state["network"])
        self.criterion.load_state_dict(state["criterion"])
        if state["average"] is not None:
            self.evaluated.load_state_dict(state["average"])
            self.evaluated_criterion.load_state_dict(state["criterion_average"])
        self.best = state["best"]
        self.optimizer.load_state_dict(state["optimizer"])
        self.history, self.step, self.seconds = state["history"], state["step"], state["seconds"]
        self.totals.copy_(state["totals"])
        self.order.set_state(state["order"])
        self.order_before = state["order"]
        torch.set_rng_state(state["rng"])
        if self.device.type == "cuda":
            torch.cuda.set_rng_state(state["cuda_rng"], self.device)
        if self.graph is not None:
            self.graph.forget()


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
        dataset: Training data; the test split is looked at with ``kept_epoch: best`` alone.
        settings: Resolved settings of the run, as `amc_loss.study.study.Study.settings` gives them.
        device: Where to train.
        checkpoint: Where to keep the training's state; removing it is left to the caller.
        report: Takes a line of progress an epoch.

    Returns:
        The trained network, on ``device``, and the history, a row an epoch with the columns of
        `amc_loss.runs.history`. With schedules that change each step, the rates are those at the start of the
        epoch.

    Raises:
        ValueError: If there are fewer images than a minibatch takes, or they are smaller than a translation.
        FloatingPointError: If the loss of a step was not finite; the last checkpoint is from before it.
        MemoryError: If the GPU's memory does not suffice.
        SystemExit: If a signal stopped it; the exit status is 128 and the signal's number.
    """
    try:
        training = Training(dataset, settings, device)
        state = checkpoint.load() if checkpoint else None
        if state is not None:
            training.load_state_dict(state)
            report(continuation_line(len(training.history), training.step))
        with stop_on_signals() as stop:
            while len(training.history) < settings["epochs"]:
                ended = training.run_epoch(stop)
                epoch = len(training.history)
                if ended:
                    report(progress_line(training.history[-1], training.images, settings["epochs"]))
                stopped = stop.is_set() and epoch < settings["epochs"]
                if checkpoint and (stopped or (epoch % checkpoint.every == 0 and epoch < settings["epochs"])):
                    checkpoint.save(training.state_dict())
                if stopped:
                    report(f"stopped by {stop.signal.name} after epoch {epoch}, step {training.step}")
                    raise SystemExit(128 + stop.signal)
    except RuntimeError as error:
        # Libraries that torch calls have words of their own for it.
        if not re.search("out of memory|ALLOC_FAILED", str(error)):
            raise
        raise MemoryError(
            f"the GPU has too little memory for a minibatch of {settings['batch_size']}: lower "
            "training.batch_size or network.width_multiplier, or let fewer trainings share the GPU"
        ) from error
    return training.kept(), training.history


def accuracy_in_percent(network: networks.ConvNet, images: Tensor, labels: Tensor) -> float:
    """Accuracy of a network in evaluation mode; leaves it in the mode it was in.

    Args:
        network: On the device of the images.
        images: Shape (n, channels, height, width), uint8.
        labels: Shape (n,), int64.
    """
    was_training = network.training
    _, logits = outputs(network.eval(), images)
    network.train(was_training)
    return 100 * float((logits.argmax(1) == labels).double().mean())


def _floating_state(modules: Iterable[nn.Module]) -> list[Tensor]:
    """Weights, biases and running averages, which share memory with the modules'."""
    return [value for one in modules for value in one.state_dict().values() if value.is_floating_point()]


def continuation_line(epoch: int, step: int) -> str:
    """The line of a run's log that says after which epoch, and step of the next one, a training continues."""
    return f"continuing after epoch {epoch}, step {step}"


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
