"""The losses against naive loops in float64, written from the paper's equations and nothing else."""

import inspect
import itertools
import math
import tomllib
from typing import get_args

import pytest
import torch
from checkout import ROOT, imports
from device import DEVICE
from paper import SCHEMA

from amc_loss import losses
from amc_loss.losses import AngularMarginContrastiveLoss, EuclideanContrastiveLoss

pytestmark = pytest.mark.usefixtures("_on_the_device")


def naive(kind, features, labels, margin, pairs="halves"):
    """Equations 1 to 3 and the sum of Algorithm 1, with the gradient worked out by hand."""
    x = [[float(value) for value in row] for row in features]
    n, half, d = len(x), len(x) // 2, len(x[0])
    total, gradient = 0.0, [[0.0] * d for _ in x]
    halves = [(i, i + half) for i in range(half)]
    for i, j in halves if pairs == "halves" else itertools.combinations(range(n), 2):
        if kind == "euclidean":
            distance = math.sqrt(sum((a - b) ** 2 for a, b in zip(x[i], x[j], strict=True)))
            by_i = [(a - b) / distance if distance else 0.0 for a, b in zip(x[i], x[j], strict=True)]
            by_j = [-value for value in by_i]
        else:
            norm_i, norm_j = math.hypot(*x[i]), math.hypot(*x[j])
            z_i, z_j = [a / norm_i for a in x[i]], [b / norm_j for b in x[j]]
            cosine = sum(a * b for a, b in zip(z_i, z_j, strict=True))
            distance = math.acos(max(-1.0, min(1.0, cosine)))
            sine = math.sqrt(max(0.0, 1 - cosine**2))
            by_i = [
                -(b - cosine * a) / (norm_i * sine) if sine > 1e-6 else 0.0
                for a, b in zip(z_i, z_j, strict=True)
            ]
            by_j = [
                -(a - cosine * b) / (norm_j * sine) if sine > 1e-6 else 0.0
                for a, b in zip(z_i, z_j, strict=True)
            ]
        if labels[i] == labels[j]:
            total += distance**2
            outer = 2 * distance
        else:
            total += max(0.0, margin - distance) ** 2
            outer = -2 * max(0.0, margin - distance)
        for k in range(d):
            gradient[i][k] += outer * by_i[k] / n
            gradient[j][k] += outer * by_j[k] / n
    return total / n, gradient


LOSSES = {"amc": AngularMarginContrastiveLoss, "euclidean": EuclideanContrastiveLoss}


@pytest.mark.parametrize("kind", LOSSES)
@pytest.mark.parametrize("margin", [0.5, 1.0, 2.5])
@pytest.mark.parametrize("pairs", ["halves", "all"])
@pytest.mark.parametrize(("n", "d"), [(2, 2), (8, 3), (64, 32)])
def test_random_vectors_give_value_and_gradient_of_the_equations(kind, margin, pairs, n, d):
    torch.manual_seed(n * d)
    features = torch.randn(n, d, dtype=torch.float64, requires_grad=True)
    labels = torch.randint(0, 3, (n,))
    loss = LOSSES[kind](margin, pairs)(features, labels)
    loss.backward()
    value, gradient = naive(kind, features.tolist(), labels.tolist(), margin, pairs)
    assert loss.item() == pytest.approx(value, rel=1e-9, abs=1e-12)
    torch.testing.assert_close(
        features.grad, torch.tensor(gradient, dtype=torch.float64), rtol=1e-7, atol=1e-11
    )


@pytest.mark.parametrize("kind", LOSSES)
@pytest.mark.parametrize("second", [1.0, -1.0, 0.0], ids=["identical", "opposite", "zero"])
@pytest.mark.parametrize("same_label", [True, False])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_degenerate_pairs(kind, second, same_label, dtype):
    first = torch.tensor([[3.0, 4.0, 0.0]])
    features = torch.cat([first, second * first]).to(dtype).requires_grad_()
    labels = torch.tensor([7, 7 if same_label else 8])
    loss = LOSSES[kind](2.0)(features, labels)
    loss.backward()
    assert torch.isfinite(features.grad).all()
    angle = {1.0: 0.0, -1.0: math.pi, 0.0: math.pi / 2}[second]
    distance = angle if kind == "amc" else 5 * (1 - second)
    expected = distance**2 if same_label else max(0.0, 2.0 - distance) ** 2
    # The guard at ±(1 - 1e-7) moves an angle of 0 or π by 4.9e-4 in float32 at most.
    assert loss.item() == pytest.approx(expected / 2, abs=2 * 4.9e-4 * max(1, math.pi))


@pytest.mark.parametrize("kind", LOSSES)
@pytest.mark.parametrize("sign", [1.0, -1.0], ids=["identical", "opposite"])
@pytest.mark.parametrize("same_label", [True, False])
def test_gradient_of_identical_and_opposite_vectors(kind, sign, same_label):
    """At angles of 0 and π the gradient of the angle has no direction; the guard makes it 0."""
    torch.manual_seed(0)
    first = torch.randn(4, 5, dtype=torch.float64)
    features = torch.cat([first, sign * first]).requires_grad_()
    labels = torch.tensor([0, 1, 2, 3, *([0, 1, 2, 3] if same_label else [1, 2, 3, 0])])
    loss = LOSSES[kind](1.5)(features, labels)
    loss.backward()
    value, gradient = naive(kind, features.tolist(), labels.tolist(), 1.5)
    # The guard at ±(1 - 1e-7) moves an angle of 0 or π by 4.5e-4.
    assert loss.item() == pytest.approx(value, abs=4.5e-4 * math.pi)
    torch.testing.assert_close(
        features.grad, torch.tensor(gradient, dtype=torch.float64), rtol=1e-9, atol=1e-12
    )


@pytest.mark.parametrize("kind", LOSSES)
def test_gradient_moves_neighbours_together_and_others_apart(kind):
    for same_label, sign in ((True, 1), (False, -1)):
        features = torch.tensor([[1.0, 0.1], [1.0, -0.1]], requires_grad=True)
        LOSSES[kind](1.0)(features, torch.tensor([0, 0 if same_label else 1])).backward()
        assert sign * (features.grad[0, 1] - features.grad[1, 1]) > 0


def test_halves_are_paired_in_order():
    """Sample i of the first half meets sample i of the second: only the pair (1, 3) is apart here."""
    features = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 0.0]], dtype=torch.float64)
    loss = AngularMarginContrastiveLoss()(features, torch.zeros(4, dtype=torch.long))
    assert loss.item() == pytest.approx((math.pi / 2) ** 2 / 4, rel=1e-6)


def test_reduction_over_pairs_is_twice_that_over_the_batch():
    features, labels = torch.randn(10, 4), torch.zeros(10, dtype=torch.long)
    batch, pairs = (AngularMarginContrastiveLoss(reduction=r)(features, labels) for r in ("batch", "pairs"))
    assert pairs.item() == pytest.approx(2 * batch.item())

    every = AngularMarginContrastiveLoss(pairs="all", reduction="pairs")(features, labels)
    summed = AngularMarginContrastiveLoss(pairs="all")(features, labels)
    assert every.item() == pytest.approx(summed.item() * 10 / 45)


@pytest.mark.parametrize("kind", LOSSES)
def test_neighbours_by_true_labels(kind):
    torch.manual_seed(0)
    features = torch.randn(6, 4)
    predicted, true = torch.tensor([0, 0, 0, 0, 0, 0]), torch.tensor([0, 1, 2, 0, 2, 1])
    by_true = LOSSES[kind](neighbours="true")
    assert by_true(features, predicted, true) == LOSSES[kind]()(features, true)
    assert by_true(features, predicted, true) != LOSSES[kind]()(features, predicted)
    assert LOSSES[kind]()(features, predicted, true) == LOSSES[kind]()(features, predicted)
    with pytest.raises(ValueError, match="with neighbours='true' the loss needs true_labels"):
        by_true(features, predicted)


@pytest.mark.parametrize("guard", [1e-7, 1e-3])
def test_the_guard_bounds_the_angle(guard):
    features, labels = torch.tensor([[1.0, 0.0], [1.0, 0.0]], dtype=torch.float64), torch.tensor([0, 0])
    loss = AngularMarginContrastiveLoss(guard=guard)(features, labels)
    assert loss.item() == pytest.approx(math.acos(1 - guard) ** 2 / 2, rel=1e-6)


def test_euclidean_distance_of_unit_features():
    features, labels = torch.tensor([[3.0, 0.0], [0.0, 7.0]]), torch.tensor([0, 0])
    assert EuclideanContrastiveLoss()(features, labels).item() == pytest.approx((9 + 49) / 2)
    assert EuclideanContrastiveLoss(normalise=True)(features, labels).item() == pytest.approx(2 / 2)


def test_odd_and_tiny_batches():
    features, labels = torch.randn(5, 4), torch.zeros(5, dtype=torch.long)
    loss = EuclideanContrastiveLoss(reduction="pairs")
    assert loss(features, labels) == loss(features[:4], labels[:4])
    assert loss(features[:1], labels[:1]) == 0


@pytest.mark.parametrize("autocast", [True, False])
def test_half_precision_does_not_reach_the_angle(autocast):
    """In bfloat16 the cosine of these vectors rounds to 1, and the angle to 0."""
    features = torch.tensor([[1.0, 0.0], [1.0, 0.03]], dtype=torch.bfloat16)
    with torch.autocast(DEVICE.type, dtype=torch.bfloat16, enabled=autocast):
        loss = AngularMarginContrastiveLoss()(features, torch.tensor([0, 0]))
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(math.atan(0.03) ** 2 / 2, rel=1e-2)


def test_wrong_arguments_are_refused():
    with pytest.raises(ValueError, match="margin must be positive, not 0"):
        AngularMarginContrastiveLoss(margin=0)
    with pytest.raises(ValueError, match="reduction must be 'batch' or 'pairs', not 'sum'"):
        EuclideanContrastiveLoss(reduction="sum")
    with pytest.raises(ValueError, match="neighbours must be 'predicted' or 'true', not 'all'"):
        AngularMarginContrastiveLoss(neighbours="all")
    with pytest.raises(ValueError, match=r"shape \(n,\), not \(4, 2\) and \(3,\)"):
        AngularMarginContrastiveLoss()(torch.randn(4, 2), torch.zeros(3))


def test_the_schema_has_the_arguments_of_each_class_and_their_values():
    clauses = SCHEMA["$defs"]["loss"]["allOf"]
    found = {clause["if"]["properties"]["class"]["const"]: clause["then"] for clause in clauses}
    assert set(found) == {
        name
        for name, kind in vars(losses).items()
        if isinstance(kind, type) and issubclass(kind, torch.nn.Module) and not name.startswith("_")
    }
    for name, then in found.items():
        arguments = then["properties"]["arguments"]
        shared = SCHEMA["$defs"]["pairwise"]["properties"] if "$ref" in arguments else {}
        taken = inspect.signature(getattr(losses, name)).parameters
        assert {*arguments["properties"], *shared} == set(taken) - {"num_classes", "feature_dim"}
        for argument in {"pairs", "neighbours", "reduction"} & set(taken):
            allowed = [value.removesuffix("_labels") for value in SCHEMA["$defs"][argument]["enum"]]
            assert allowed == list(get_args(taken[argument].annotation))


def test_an_installation_brings_torch_alone_and_the_losses_need_no_more():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert [requirement.partition(">")[0] for requirement in project["dependencies"]] == ["torch"]
    for module in ("losses", "__init__"):
        assert imports(ROOT / f"src/amc_loss/{module}.py") <= {"torch"}


@pytest.mark.parametrize("kind", [AngularMarginContrastiveLoss, EuclideanContrastiveLoss])
def test_a_sample_without_a_partner_counts_in_the_size_of_the_minibatch(kind):
    torch.manual_seed(0)
    features, labels = torch.randn(5, 4), torch.zeros(5, dtype=torch.long)
    assert kind()(features, labels).item() == pytest.approx(4 / 5 * kind()(features[:4], labels[:4]).item())


def test_margins_are_the_paper_s_by_default():
    assert (AngularMarginContrastiveLoss().margin, EuclideanContrastiveLoss().margin) == (0.5, 1.0)
