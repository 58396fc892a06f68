"""Losses by configuration: against closed forms and loops, and what cannot be used."""

import pytest
import torch
from settings import of_loss
from torch.nn.functional import cross_entropy, normalize

from amc_loss.losses import CenterLoss
from amc_loss.study.names import own_losses
from amc_loss.training import criteria, loop
from amc_loss.training.criteria import Criterion, LossError, check_losses

CPU = torch.device("cpu")
LIBRARY = {"library": "pytorch-metric-learning"}
TRIPLET = {
    **LIBRARY,
    "class": "TripletMarginLoss",
    "arguments": {"margin": 0.2},
    "distance": {"class": "LpDistance", "arguments": {"normalize_embeddings": True, "p": 2, "power": 1}},
    "reducer": {"class": "MeanReducer"},
    "miner": {"class": "BatchHardMiner"},
}
SUPCON = {**LIBRARY, "class": "SupConLoss", "arguments": {"temperature": 0.1}}
CENTER = {"class": "CenterLoss", "arguments": {"alpha": 0.5}}
COSFACE = {**LIBRARY, "class": "CosFaceLoss", "arguments": {"margin": 0.35, "scale": 10}}
NORMALISED = {**LIBRARY, "class": "NormalizedSoftmaxLoss", "arguments": {"temperature": 0.05}}


def auxiliary(entry):
    return {**of_loss("amc"), "loss": "mine", "auxiliary_loss": entry, "classification_loss": None}


def in_place(entry, beside=None):
    settings = {**of_loss(beside or "cross_entropy"), "loss": "mine", "classification_loss": entry}
    return settings | {"learning_rate_factor": 1}


@pytest.fixture
def batch():
    torch.manual_seed(0)
    features = torch.randn(12, 5, dtype=torch.float64, requires_grad=True)
    return features, torch.arange(12) % 3


def gradient(value, features):
    return torch.autograd.grad(value, features, retain_graph=True)[0]


def assert_like(loss, features, expected):
    torch.testing.assert_close(loss, expected)
    torch.testing.assert_close(gradient(loss, features), gradient(expected, features))


def test_center_loss_is_equation_2_and_its_update_equation_4(batch):
    features, labels = batch
    loss = CenterLoss(4, 5, alpha=0.3).double()
    loss.centers.normal_()
    before = loss.centers.clone()
    expected = sum((features[i] - before[labels[i]]).square().sum() / 2 for i in range(12)) / 12
    assert_like(loss(features, labels, labels), features, expected)
    loss.update_centers(features.detach(), labels)
    for j in range(4):
        members = [i for i in range(12) if labels[i] == j]
        delta = sum((before[j] - features[i].detach() for i in members), torch.zeros(5)) / (1 + len(members))
        torch.testing.assert_close(loss.centers[j], before[j] - 0.3 * delta)
    assert torch.equal(loss.centers[3], before[3])
    with pytest.raises(ValueError, match="alpha must be between 0 and 1, not 2"):
        CenterLoss(4, 5, alpha=2)


def test_triplet_loss_of_the_hardest_pairs_is_that_of_a_loop(batch):
    features, labels = batch
    unit = normalize(features, dim=1)
    terms = []
    for i in range(12):
        apart = [(unit[i] - unit[j]).norm() for j in range(12)]
        positive = max(apart[j] for j in range(12) if labels[j] == labels[i] and j != i)
        negative = min(apart[j] for j in range(12) if labels[j] != labels[i])
        terms.append(torch.relu(positive - negative + 0.2))
    assert_like(
        criteria.build_loss("mine", TRIPLET, 3, 5)(features, labels, labels),
        features,
        torch.stack(terms).mean(),
    )


def test_supervised_contrastive_loss_is_that_of_a_loop(batch):
    """Khosla et al. (2020), equation 2, over one view."""
    features, labels = batch
    unit = normalize(features, dim=1)
    terms = []
    for i in range(12):
        others = torch.stack([unit[i] @ unit[j] / 0.1 for j in range(12) if j != i]).logsumexp(0)
        positives = [unit[i] @ unit[j] / 0.1 - others for j in range(12) if j != i and labels[j] == labels[i]]
        terms.append(-sum(positives) / len(positives))
    assert_like(
        criteria.build_loss("mine", SUPCON, 3, 5)(features, labels, labels),
        features,
        torch.stack(terms).mean(),
    )


@pytest.mark.parametrize(("entry", "scale", "margin"), [(COSFACE, 10, 0.35), (NORMALISED, 20, 0.0)])
def test_losses_in_place_of_cross_entropy_are_those_of_their_papers(batch, entry, scale, margin):
    features, labels = batch
    criterion = Criterion(in_place(entry), 3, 5).double()
    weights, found = criterion.read_out()
    assert found == pytest.approx(scale)
    torch.testing.assert_close(weights.norm(dim=1), torch.ones(3, dtype=torch.float64))
    own = criterion._inner().W
    cosines = normalize(features, dim=1) @ normalize(own, dim=0)
    torch.testing.assert_close(criterion.logits(features), scale * cosines)
    shifted = cosines - margin * torch.nn.functional.one_hot(labels, 3)
    value = criterion.classification(features, labels, labels)
    expected = cross_entropy(scale * shifted, labels)
    assert_like(value, features, expected)
    for one, two in zip(*(torch.autograd.grad(x, own) for x in (value, expected)), strict=True):
        torch.testing.assert_close(one, two)


@pytest.mark.parametrize("engine", ["auto", "eager", "graph", "compiled"])
def test_losses_of_others_are_called_one_by_one_unless_a_graph_is_asked_for(monkeypatch, engine):
    from amc_loss.training import engines

    monkeypatch.setattr(engines, "_fault_of_compiler", lambda device: None)
    assert own_losses(auxiliary(CENTER))
    assert not own_losses(auxiliary(SUPCON))
    expected = "eager" if engine == "auto" else engine
    assert engines.resolve_engine(engine, torch.device("cuda"), own=False) == expected


# ---- Trainings ----


def test_a_center_moves_in_training_and_survives_a_stop(dataset, settings):
    settings |= {**auxiliary(CENTER), "epochs": 6, "ema_decay": 0.5}
    whole, stopped, continued = (loop.Training(dataset, settings, CPU) for _ in range(3))
    for _ in range(4):
        whole.run_epoch()
    assert whole.criterion.auxiliary.centers.abs().sum() > 0
    torch.manual_seed(0)
    stopped = loop.Training(dataset, settings, CPU)
    stopped.run_epoch()
    stopped.run_epoch()
    continued.load_state_dict(stopped.state_dict())
    continued.run_epoch()
    continued.run_epoch()
    assert torch.equal(continued.criterion.auxiliary.centers, whole.criterion.auxiliary.centers)


@pytest.mark.parametrize("ema_decay", [0, 0.5])
@pytest.mark.parametrize("beside", [None, "amc"])
def test_a_loss_in_place_of_cross_entropy_trains_its_weights_and_is_read_out(
    dataset, settings, beside, ema_decay
):
    settings |= {**in_place(COSFACE, beside), "epochs": 12, "ema_decay": ema_decay, "learning_rate_factor": 2}
    settings["architecture"]["cosine"] = True
    training = loop.Training(dataset, settings, CPU)
    before = training.criterion._inner().W.detach().clone()
    for _ in range(12):
        training.run_epoch()
    rates = [group["lr"] for group in training.optimizer.param_groups]
    assert rates[1] == 2 * rates[0]
    for criterion in (training.criterion, training.evaluated_criterion):
        assert not torch.equal(criterion._inner().W, before)
    assert training.history[-1]["accuracy"] > 80
    network = training.kept().eval()
    assert loop.accuracy_in_percent(network, training.x, training.y) > 80
    weights, scale = training.evaluated_criterion.read_out()
    torch.testing.assert_close(network.classifier.weight, weights)
    x = training.x[:8]
    features = network.deep_features(x)
    torch.testing.assert_close(network(x), scale * normalize(features, dim=1) @ weights.T)
    torch.testing.assert_close(network.linear_logits(x), features @ weights.T)


def test_an_auxiliary_loss_of_the_library_trains(dataset, settings):
    settings |= {**auxiliary(TRIPLET), "epochs": 2}
    training = loop.Training(dataset, settings, CPU)
    training.run_epoch()
    assert training.history[0]["auxiliary"] > 0


# ---- What cannot be used ----

MINE = """
import torch

class Mine(torch.nn.Module):
    def __init__(self, power=2.0):
        super().__init__()
        self.power = power
        self.weight = torch.nn.Parameter(torch.ones(()))

    def forward(self, features, predicted_labels, true_labels):
        return {result}

class Plain:
    pass

class Empty(torch.nn.Module):
    def __init__(self):
        pass

class Late(torch.nn.Module):
    def __init__(self):
        self.weight = torch.nn.Parameter(torch.ones(()))
        super().__init__()
"""


def own(tmp_path, result="features.pow(self.power).mean()", **changes):
    path = tmp_path / "mine.py"
    path.write_text(MINE.replace("{result}", result))
    return auxiliary({"class": "Mine", "file": str(path), "arguments": {}, **changes})


def test_a_loss_of_a_file_is_built_with_its_arguments(tmp_path):
    settings = own(tmp_path, arguments={"power": 3})
    check_losses(settings)
    features = torch.randn(4, 2)
    value = Criterion(settings, 3, 2).auxiliary(features, None, None)
    torch.testing.assert_close(value, features.pow(3).mean())


@pytest.mark.parametrize(
    ("result", "changes", "sentence"),
    [
        (
            "features",
            {},
            r"losses.mine: Mine cannot be used; .* its result is of shape \(2, 4\), not a scalar",
        ),
        ("1.5", {}, "its result is float, not a scalar"),
        ("features[5].sum()", {}, "must return a scalar tensor: index 5 is out of bounds"),
        ("features.sum() / 0", {}, "losses.mine: Mine gives a value or a gradient that is not finite"),
        (
            "(features - features).norm(dim=1).sqrt().sum()",
            {},
            "gives a value or a gradient that is not finite",
        ),
        (
            "0",
            {"arguments": {"pwer": 2}},
            "losses.mine.arguments do not suit Mine: .*unexpected keyword argument 'pwer'",
        ),
        (
            "0",
            {"class": "Yours"},
            "losses.mine.class is 'Yours', which is no class of mine; there are Empty, Late, Mine",
        ),
        (
            "0",
            {"sha256": "0" * 64},
            r"losses.mine.file, .*mine.py, has changed since the workflow was started",
        ),
        (
            "0",
            {"file": "/nowhere.py"},
            r"losses.mine.file is /nowhere.py, which cannot be read \(No such file",
        ),
        ("undefined +", {}, "losses.mine.file, .*mine.py, fails with SyntaxError"),
        ("features.detach().norm()", {}, "losses.mine: Mine has no gradient with respect to the features"),
        ("self.weight * features.mean().item()", {}, "Mine has no gradient with respect to the features"),
        ("0", {"class": "Plain"}, "losses.mine.class is Plain, which is no torch.nn.Module"),
        ("0", {"class": "Empty"}, r"losses.mine: Empty.__init__ does not call super\(\).__init__\(\)"),
        ("0", {"class": "Late"}, "losses.mine: Late cannot be built; it fails with AttributeError: cannot"),
    ],
)
def test_a_loss_that_cannot_be_used_is_one_sentence(tmp_path, result, changes, sentence):
    with pytest.raises(LossError, match=sentence):
        check_losses(own(tmp_path, result, **changes))


def test_a_loss_needs_more_than_two_images(tmp_path):
    check_losses(own(tmp_path, "features[2:].norm() if len(features) > 2 else torch.zeros(())"))


def test_what_the_library_has_not(tmp_path):
    with pytest.raises(
        LossError, match=r"losses.mine.class is 'CentreLoss', which is no class of pytorch_metric"
    ):
        check_losses(auxiliary({**LIBRARY, "class": "CentreLoss"}))
    with pytest.raises(LossError, match=r"losses.mine.miner.class is 'Nobody'"):
        check_losses(auxiliary({**TRIPLET, "miner": {"class": "Nobody"}}))
    with pytest.raises(LossError, match="cannot take the place of cross-entropy: its logits are not a scale"):
        check_losses(in_place(SUPCON))
    for entry in (TRIPLET, SUPCON, CENTER):
        check_losses(auxiliary(entry))
    for entry in (COSFACE, NORMALISED):
        check_losses(in_place(entry))
        check_losses(in_place(entry, "amc"))
