"""The auxiliary loss's share of the gradient: against differences of loops in float64, and that it disturbs nothing."""

import copy
import math
from threading import Event

import numpy as np
import pytest
import torch
from device import DEVICE
from settings import of_loss

from amc_loss.data.dataset import Dataset
from amc_loss.training import dose, loop
from amc_loss.training.arithmetic import to_device

CPU = torch.device("cpu")
# A loss in place of cross-entropy.
NORMALISED = {
    "library": "pytorch-metric-learning",
    "class": "NormalizedSoftmaxLoss",
    "arguments": {"temperature": 0.5},
}
# It draws numbers, has a parameter, and changes a buffer.
RESTLESS = """
import torch

class Restless(torch.nn.Module):
    def __init__(self, feature_dim):
        super().__init__()
        self.proxy = torch.nn.Parameter(torch.ones(feature_dim))
        self.register_buffer("calls", torch.zeros(()))

    def forward(self, features, predicted_labels, true_labels):
        self.calls += 1
        return ((features - self.calls * self.proxy) * torch.rand_like(features)).square().mean()
"""


@pytest.fixture
def dataset():
    """Three classes of random order that differ in brightness: 50 images to train, 20 to test."""
    generator = np.random.default_rng(0)

    def split(n):
        labels = generator.integers(0, 3, n)
        images = generator.integers(0, 60, (n, 16, 16, 1)) + 60 * labels[:, None, None, None]
        return images.astype(np.uint8), labels

    return Dataset(*split(50), *split(20), ["dark", "grey", "bright"])


def trained(dataset, settings, epochs, device=CPU):
    training = loop.Training(dataset, settings, device)
    for _ in range(epochs):
        training.run_epoch()
    return training


def shares(training):
    return [row["gradient_share"] for row in training.history]


def odds(share):
    return share / (1 - share)


# ---- What it is ----


def norm_of_gradient(function, x, step=1e-6):
    """By central differences, an entry at a time."""
    gradient = np.zeros_like(x)
    for index in np.ndindex(x.shape):
        moved = np.zeros_like(x)
        moved[index] = step
        gradient[index] = (function(x + moved) - function(x - moved)) / (2 * step)
    return math.sqrt((gradient**2).sum())


def mean_cross_entropy(logits, labels):
    return np.mean(
        [math.log(sum(math.exp(z - row[y]) for z in row)) for row, y in zip(logits, labels, strict=True)]
    )


def angle(x, y):
    return math.acos(x @ y / math.sqrt((x @ x) * (y @ y)))


def contrastive(features, predicted, apart, margin):
    """Equations 1 to 3 over the two halves of a minibatch."""
    half, total = len(features) // 2, 0.0
    for i in range(half):
        d = apart(features[i], features[half + i])
        total += d**2 if predicted[i] == predicted[half + i] else max(0.0, margin - d) ** 2
    return total / len(features)


@pytest.mark.parametrize("replaced", [False, True])
@pytest.mark.parametrize(("loss", "apart", "margin"), [("amc", angle, 0.5), ("euclidean", math.dist, 1.0)])
def test_it_is_the_share_of_gradients_by_differences(dataset, settings, loss, apart, margin, replaced):
    settings |= {**of_loss(loss, margin=margin), "weight": 0.7, "epochs": 9, "ramp_up": 8, "translation": 2}
    settings |= {"learning_rate": 0.001, "ema_decay": 0.9, "seed": 2}
    if replaced:
        settings |= {"classification_loss": NORMALISED}
        settings["architecture"] |= {"cosine": True}
    training = trained(dataset, settings, 6)
    network, measured = training.network, training.measured
    # The noise and the dropout of a step.
    with torch.no_grad(), torch.random.fork_rng():
        seen = copy.deepcopy(network).deep_features(to_device(dataset.x_train, CPU)[measured])
    features = seen.double().numpy()
    if replaced:
        weights, scale = training.criterion.read_out()
        weights = weights.double().numpy()

        def logits(x):
            return scale * x @ weights.T / np.linalg.norm(x, axis=1, keepdims=True)
    else:
        weights, bias = (value.detach().double().numpy() for value in network.classifier.parameters())

        def logits(x):
            return x @ weights.T + bias

    predicted = logits(features).argmax(1)
    # Both kinds of pairs are there.
    assert 0 < (predicted[:8] == predicted[8:]).sum() < 8
    w = math.exp(-5 * (1 - 5 / 8) ** 2)
    classification = norm_of_gradient(
        lambda x: mean_cross_entropy(logits(x), dataset.y_train[measured]), features
    )
    auxiliary = w * 0.7 * norm_of_gradient(lambda x: contrastive(x, predicted, apart, margin), features)
    assert shares(training)[-1] == pytest.approx(auxiliary / (classification + auxiliary), rel=1e-3)
    assert 0.01 < shares(training)[-1] < 0.99


@pytest.mark.parametrize("classification_loss", [None, NORMALISED])
def test_without_an_auxiliary_loss_it_is_0_and_costs_nothing(
    dataset, settings, classification_loss, monkeypatch
):
    monkeypatch.setattr(loop, "gradient_share", None)
    settings |= {**of_loss("cross_entropy"), "classification_loss": classification_loss}
    settings["architecture"] |= {"cosine": classification_loss is not None}
    assert shares(trained(dataset, settings, 2)) == [0, 0]


@pytest.mark.parametrize("unit", ["epoch", "step"])
def test_a_gradient_that_grows_with_lambda_and_w_has_a_share_that_grows(dataset, settings, unit):
    settings |= {"epochs": 9, "ramp_up": 4, "schedules_change": unit}
    # A network that stays as it is.
    settings |= {"learning_rate": 0.0}
    settings["architecture"] |= {"noise_sd": 0.0, "dropout": 0.0}
    found = []
    for weight in (0.01, 0.1, 1.0, 10.0):
        training = trained(dataset, {**settings, "weight": weight}, 5)
        found.append(shares(training))
        # a / (a + c), where a alone is linear in both.
        for row in training.history:
            assert odds(row["gradient_share"]) == pytest.approx(
                row["w"] * weight * odds(found[0][-1]) / 0.01, rel=1e-4
            )
        assert found[-1][:4] == sorted(set(found[-1][:4]))
    assert found == sorted(found)
    assert found[0][0] < 0.05 < 0.5 < found[-1][-1]


def test_it_is_0_in_an_epoch_without_the_auxiliary_loss(dataset, settings):
    settings["auxiliary_schedule"] |= {"first_epoch": "zero"}
    first, second = shares(trained(dataset, settings, 2))
    assert first == 0 < second


class Stub(torch.nn.Module):
    """In place of a loss: what a function makes of the features."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, features, predicted, labels):
        return self.function(features)


@pytest.mark.parametrize(
    "constant",
    [lambda x: x.new_ones(()), lambda x: torch.ones((), requires_grad=True), lambda x: 0 * x.sum()],
    ids=["number", "of something else", "flat"],
)
def test_a_loss_that_does_not_depend_on_the_features_has_no_share(dataset, settings, constant):
    training = loop.Training(dataset, settings, CPU)
    criterion, batch = training.criterion, (training.x[:16], training.y[:16])
    criterion.auxiliary = Stub(constant)
    assert dose.gradient_share(training.network, criterion, *batch, 1.0) == 0
    # Nor if nothing has a gradient.
    criterion.classification, criterion.logits = Stub(constant), lambda features: features
    assert dose.gradient_share(training.network, criterion, *batch, 1.0) == 0
    criterion.auxiliary = Stub(torch.sum)
    assert dose.gradient_share(training.network, criterion, *batch, 1.0) == 1


def test_it_follows_the_auxiliary_loss_in_the_history(dataset, settings):
    row = trained(dataset, {**settings, "kept_epoch": "best"}, 1).history[0]
    assert list(row) == [
        "epoch",
        "learning_rate",
        "beta1",
        "w",
        "cross_entropy",
        "auxiliary",
        "gradient_share",
        "accuracy",
        "seconds",
        "test_accuracy",
    ]


# ---- What it leaves as it was ----


def plain(value):
    """Tensors as lists, which are equal if they are bit for bit, and nothing of the measurement itself."""
    match value:
        case torch.Tensor():
            return value.tolist()
        case dict():
            return {k: plain(v) for k, v in value.items() if k not in ("seconds", "gradient_share")}
        case list() | tuple():
            return [plain(one) for one in value]
    return value


def state_of(training):
    gradients = [p.grad for part in (training.network, training.criterion) for p in part.parameters()]
    modes = [module.training for part in (training.network, training.criterion) for module in part.modules()]
    return plain([training.state_dict(), training.kept().state_dict(), gradients, modes])


@pytest.mark.usefixtures("_on_the_device")
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"ema_decay": 0.9, "kept_epoch": "best", "translation": 2},
        {"classification_loss": NORMALISED},
        {"restless": True},
    ],
    ids=["paper", "released code", "replaced", "restless"],
)
def test_a_training_is_bit_for_bit_what_it_is_without(dataset, settings, changes, monkeypatch, tmp_path):
    settings |= {"drop_last": False, "weight": 1.0, "deterministic": True, **changes}
    if settings.pop("restless", False):
        (tmp_path / "restless.py").write_text(RESTLESS)
        entry = {"class": "Restless", "file": str(tmp_path / "restless.py"), "arguments": {}}
        settings |= {"auxiliary_loss": entry}
    settings["architecture"] |= {"cosine": settings["classification_loss"] is not None}
    measured = trained(dataset, settings, 2, DEVICE)
    found = state_of(measured)
    assert all(0 < share < 1 for share in shares(measured))
    monkeypatch.setattr(loop, "gradient_share", lambda *_: torch.zeros(()))
    without = trained(dataset, settings, 2, DEVICE)
    assert shares(without) == [0, 0]
    assert state_of(without) == found


@pytest.mark.usefixtures("_on_the_device")
@pytest.mark.parametrize("mode", [True, False])
def test_the_network_is_left_in_its_mode(dataset, settings, mode):
    training = loop.Training(dataset, settings, DEVICE)
    training.network.train(mode)
    dose.gradient_share(training.network, training.criterion, training.x[:16], training.y[:16], 1.0)
    assert {module.training for module in training.network.modules()} == {mode}


@pytest.mark.usefixtures("_on_the_device")
def test_it_is_measured_once_an_epoch_and_not_in_the_middle(dataset, settings, monkeypatch):
    training = loop.Training(dataset, settings, DEVICE)
    steps, original = [], loop.gradient_share
    monkeypatch.setattr(
        loop, "gradient_share", lambda *arguments: steps.append(training.step) or original(*arguments)
    )
    stop = Event()
    stop.set()
    while not training.run_epoch(stop):
        assert training.totals[5] == 0
    training.run_epoch()
    assert steps == [training.steps] * 2


def test_the_same_minibatch_from_all_of_the_data_is_measured_under_each_loss(dataset, settings):
    found = [
        loop.Training(dataset, {**settings, **of_loss(loss)}, CPU).measured.tolist()
        for loss in ("euclidean", "amc")
    ]
    assert found[0] == found[1]
    assert len(set(found[0])) == 16
    assert max(found[0]) > 40  # of 50
