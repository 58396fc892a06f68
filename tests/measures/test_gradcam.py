"""Grad-CAM against its closed form for these networks, and the choice of images."""

import numpy as np
import pytest
import torch
from device import DEVICE
from torch.nn.functional import interpolate

from amc_loss.measures import gradcam
from amc_loss.training import networks
from amc_loss.training.arithmetic import to_device

CPU = torch.device("cpu")


def class_activation_map(network, dataset, targets):
    """The maps of the test images, weighted by the classifier's weights, without what is negative, over the maximum."""
    with torch.no_grad():
        activations = network.convolutions(to_device(dataset.x_test, DEVICE) / 255)
        weights = network.classifier.weight[torch.from_numpy(targets).to(DEVICE)]
        maps = torch.einsum("nchw,nc->nhw", activations, weights).clamp(min=0)
        maps = interpolate(maps[:, None], (16, 16), mode="bilinear")[:, 0]
        return (maps / maps.amax((1, 2), keepdim=True).clamp(min=1e-12)).cpu()


def test_grad_cam_is_the_class_activation_map(dataset):
    """The head is linear on the average, so that each map's weight is its classifier weight / area."""
    torch.manual_seed(0)
    network = networks.build("top", 1, 2, width_multiplier=0.1).eval().to(DEVICE)
    targets = np.arange(20) % 2
    maps = gradcam.grad_cam(network, dataset.x_test, targets, DEVICE)
    expected = class_activation_map(network, dataset, targets)
    assert maps.shape == (20, 16, 16)
    np.testing.assert_allclose(maps, expected, atol=1e-5)
    assert np.ptp(maps) == 1
    swapped = gradcam.grad_cam(network, dataset.x_test, 1 - targets, DEVICE)
    assert not np.allclose(maps, swapped)


def test_grad_cam_of_a_cosine_classifier_explains_the_products_with_its_weights(dataset):
    torch.manual_seed(0)
    network = networks.build("top", 1, 2, width_multiplier=0.1, cosine=True).eval().to(DEVICE)
    network.classifier.set(
        torch.nn.functional.normalize(torch.randn(2, network.feature_dim)).to(DEVICE), 30.0
    )
    targets = np.arange(20) % 2
    maps = gradcam.grad_cam(network, dataset.x_test, targets, DEVICE)
    expected = class_activation_map(network, dataset, targets)
    np.testing.assert_allclose(maps, expected, atol=1e-5)


def test_grad_cam_of_the_released_code(dataset):
    """Gradients over their root mean square, maps added to ones, then ReLU and the maximum."""
    torch.manual_seed(0)
    network = networks.build("top", 1, 2, width_multiplier=0.1).eval().to(DEVICE)
    targets = np.arange(20) % 2
    maps = gradcam.grad_cam(network, dataset.x_test, targets, DEVICE, divide_by_rms=True, start=1)
    with torch.no_grad():
        activations = network.convolutions(to_device(dataset.x_test, DEVICE) / 255)
        # The gradient is constant over a map.
        weights = network.classifier.weight[torch.from_numpy(targets).to(DEVICE)]
        weights = weights / weights.square().mean(1, keepdim=True).sqrt()
        expected = (1 + torch.einsum("nchw,nc->nhw", activations, weights)).clamp(min=0)
        expected = interpolate(expected[:, None], (16, 16), mode="bilinear")[:, 0]
        expected /= expected.amax((1, 2), keepdim=True)
    np.testing.assert_allclose(maps, expected.cpu(), atol=1e-5)
    assert not np.allclose(maps, gradcam.grad_cam(network, dataset.x_test, targets, DEVICE), atol=0.01)


def test_grad_cam_of_another_layer(dataset):
    network = networks.build("top", 1, 2, width_multiplier=0.1).eval().to(DEVICE)
    images, targets = dataset.x_test[:2], np.array([0, 1])
    last, named, early = (
        gradcam.grad_cam(network, images, targets, DEVICE, layer) for layer in ("last", "conv3_3", "conv1_2")
    )
    np.testing.assert_array_equal(last, named)
    assert not np.allclose(last, early)
    with pytest.raises(
        ValueError, match=r"grad_cam.layer is 'conv9'; there are last, noise, conv1_1, .*conv3_3"
    ):
        gradcam.grad_cam(network, images, targets, DEVICE, "conv9")


def test_the_class_explained():
    predicted, true = np.array([1, 2]), np.array([0, 2])
    names = ["cat", "dog", "ship"]
    assert gradcam.targets("predicted_label", predicted, true, names).tolist() == [1, 2]
    assert gradcam.targets("true_label", predicted, true, names).tolist() == [0, 2]
    assert gradcam.targets("dog", predicted, true, names).tolist() == [1, 1]


def test_a_map_without_evidence_is_zero(dataset):
    network = networks.build("top", 1, 2, width_multiplier=0.1).eval().to(DEVICE)
    torch.nn.init.zeros_(network.classifier.weight)
    assert gradcam.grad_cam(network, dataset.x_test[:1], np.array([0]), DEVICE).max() == 0


def test_images_that_all_models_classify_correctly_come_first(dataset):
    wrong_for_one = dataset.y_test.copy()
    wrong_for_one[[1, 5]] = 0
    wrong_for_both = wrong_for_one.copy()
    wrong_for_both[5] = 0
    models = {"a": dataset.y_test.copy(), "b": wrong_for_one}
    models["a"][5] = 0
    assert gradcam.choose_images(dataset, models, target=1, count=3) == [3, 7, 9]
    assert gradcam.choose_images(dataset, models, target=1, count=99) == [3, 7, 9, 11, 13, 15, 17, 19, 1, 5]


def test_image_of_figure_2(dataset):
    models = {"a": dataset.y_test}
    assert gradcam.find_image(dataset, models, "bright", None) == 1
    assert gradcam.find_image(dataset, models, "bright", 5) == 5
    assert gradcam.find_image(dataset, models, None, 5) == 5
    assert gradcam.find_image(dataset, {"a": 1 - dataset.y_test, **models}, None, None) == 0
    models["b"] = dataset.y_test.copy()
    models["b"][:3] = 1 - models["b"][:3]
    assert gradcam.find_image(dataset, models, None, None) == 3


def test_classes_of_figure_6_are_all_the_named_ones_or_of_many_some():
    names = [str(label) for label in range(100)]
    assert gradcam.choose_classes(names[:40], None) == list(range(40))
    assert gradcam.choose_classes(names, ["7", "99", "3"]) == [3, 7, 99]
    some = gradcam.choose_classes(names, None)
    assert (len(set(some)), some[0], some[-1]) == (40, 0, 99)


@pytest.mark.parametrize(
    ("figure", "chosen"),
    [({"class": "bright", "image": 5}, [5]), ({"classes": None, "images_per_class": 2}, [0, 2, 1, 3])],
)
@pytest.mark.parametrize("explained", ["predicted_label", "true_label"])
def test_each_loss_explains_the_same_images(dataset, figure, chosen, explained):
    models, logits = {}, {}
    for seed, loss in enumerate(("euclidean", "amc")):
        torch.manual_seed(seed)
        models[loss] = networks.build("top", 1, 2, width_multiplier=0.1).eval()
        # One is right of each image, the other of none.
        logits[loss] = np.float32([2, -2])[:, None] * np.eye(2, dtype=np.float32)[dataset.y_test][:, None, :]
        logits[loss] = logits[loss][:, seed]
    found = gradcam.explain(dataset, models, logits, figure, {"target": explained, "start": 1})
    assert found.index.tolist() == chosen
    np.testing.assert_array_equal(found.images, dataset.x_test[chosen])
    assert found.labels.tolist() == dataset.y_test[chosen].tolist()
    assert found.class_names == ["dark", "bright"]
    for loss, network in models.items():
        right = explained == "true_label" or loss == "euclidean"
        targets = found.labels if right else 1 - found.labels
        expected = gradcam.grad_cam(network, found.images, targets, CPU, start=1)
        np.testing.assert_array_equal(found.maps[loss], expected)
        shares = np.exp(logits[loss][chosen])
        np.testing.assert_allclose(
            found.probabilities[loss], shares / shares.sum(1, keepdims=True), rtol=1e-6
        )
