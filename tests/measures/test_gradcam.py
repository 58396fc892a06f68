"""Grad-CAM against its closed form for these networks, and the choice of images."""

import numpy as np
import pytest
import torch
from captum.attr import LayerAttribution, LayerGradCam
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


def bilinear(cells, size, stride, border):
    """Each pixel between the centres of the cells around it, and beyond the outer centres as at them."""
    weights = []
    for pixels, count in zip(size, cells.shape, strict=True):
        weights.append(np.zeros((pixels, count)))
        for pixel in range(pixels):
            place = min(max((pixel + 0.5) / stride - 0.5 - border, 0), count - 1)
            for cell in range(count):
                weights[-1][pixel, cell] = max(0, 1 - abs(place - cell))
    rows, columns = weights
    return rows @ cells @ columns.T


def test_a_cell_is_drawn_at_the_centre_of_its_receptive_field():
    hot = torch.eye(36, dtype=torch.float64).reshape(36, 6, 6)
    drawn = gradcam.upsample(hot, (32, 32), "receptive_field").numpy()
    assert drawn.shape == (36, 32, 32)
    rows, columns = np.mgrid[:32, :32]
    for cell, one in zip(np.ndindex(6, 6), drawn, strict=True):
        cells = np.zeros((6, 6))
        cells[cell] = 1
        np.testing.assert_allclose(one, bilinear(cells, (32, 32), 4, 1))
        if set(cell) & {0, 5}:
            continue  # the values of an outer cell reach to the edge
        centre = [(one * axis).sum() / one.sum() for axis in (rows, columns)]
        np.testing.assert_allclose(centre, [4 * place + 5.5 for place in cell])
    # A centre lies between two pixels: there, on a line from one to the other, is the cell's own value.
    ramp = torch.arange(6.0)[None, :, None].expand(1, 6, 6)
    down = gradcam.upsample(ramp, (32, 32), "receptive_field")[0, :, 16].numpy()
    np.testing.assert_allclose(np.interp(4 * np.arange(6) + 5.5, np.arange(32), down)[1:5], range(1, 5))


def drawn_at(cell, cells, size, alignment, stride, border):
    """Row and column where a map has the value of a cell, if each cell's value is its row or its column."""
    places = []
    for axis in (0, 1):
        value = torch.from_numpy(np.indices(cells)[axis].astype(np.float64))
        drawn = gradcam.upsample(value[None], size, alignment, stride, border)[0].numpy()
        along = drawn[:, 0] if axis == 0 else drawn[0]
        places.append(np.interp(cell[axis], along, np.arange(size[axis])))
    return np.array(places)


# Cells as far out as they can be with all that they see within the image.
@pytest.mark.parametrize(
    ("column", "layer", "cell", "moved"),
    [
        ("top", "conv1_1", (2, 77), False),
        ("top", "conv1_3", (4, 75), False),
        ("top", "conv2_2", (5, 30), False),
        ("top", "conv3_1", (3, 14), True),
        ("top", "last", (3, 14), True),
        ("top", "last", (10, 4), True),
        ("bottom", "conv1_1", (2, 77), False),
        ("bottom", "conv2_1", (2, 37), False),
        ("bottom", "conv3_2", (1, 16), True),
    ],
)
def test_a_cell_is_drawn_where_its_gradient_has_its_centre(column, layer, cell, moved):
    """Only the last block's maps, which have lost a cell on each side, are moved by stretching."""
    torch.manual_seed(0)
    network = networks.build(column, 1, 2, width_multiplier=0.1).eval().to(DEVICE)
    for module in network.modules():
        if isinstance(module, torch.nn.Conv2d):
            torch.nn.init.constant_(module.weight, 1 / module.weight[0].numel())
    size = (64, 80)
    images = (255 * torch.rand(100, 1, *size)).to(DEVICE).requires_grad_()
    x = images / 255
    for name, module in network.convolutions.named_children():
        x = module(x)
        if name == layer:
            break
    gradient = torch.autograd.grad(x[:, :, *cell].sum(), images)[0].abs().sum((0, 1)).cpu().numpy()
    assert not np.concatenate([gradient[[0, -1]].ravel(), gradient[:, [0, -1]].ravel()]).any()
    centre = [(gradient * axis).sum() / gradient.sum() for axis in np.mgrid[: size[0], : size[1]]]
    laid = gradcam.grid(network, layer)
    at = drawn_at(cell, x.shape[2:], size, "receptive_field", *laid)
    np.testing.assert_allclose(at, centre, atol=0.5)
    stretched = drawn_at(cell, x.shape[2:], size, "stretched", *laid)
    assert (np.abs(stretched - centre) > 0.5).any() == moved


@pytest.mark.parametrize(
    ("layer", "stride", "border"), [("conv1_2", 1, 0), ("conv2_3", 2, 0), ("conv3_1", 4, 1), ("last", 4, 1)]
)
@pytest.mark.parametrize("size", [(28, 28), (30, 30), (31, 33)])
def test_maps_over_receptive_fields_of_images_of_any_size(layer, stride, border, size):
    torch.manual_seed(0)
    network = networks.build("top", 1, 2, width_multiplier=0.1).eval().to(DEVICE)
    assert gradcam.grid(network, layer) == (stride, border)
    images = np.random.default_rng(0).integers(0, 256, (2, *size, 1), np.uint8)
    targets = np.array([0, 1])
    module = network.convolutions if layer == "last" else network.convolutions.get_submodule(layer)
    cells = LayerGradCam(network.linear_logits, module).attribute(
        to_device(images, DEVICE).float(), target=torch.from_numpy(targets).to(DEVICE)
    )
    cells = cells.relu()[:, 0].detach().cpu().numpy()
    assert cells.shape[1:] == tuple(pixels // stride - 2 * border for pixels in size)
    expected = np.stack([bilinear(one, size, stride, border) for one in cells])
    peak = expected.max((1, 2), keepdims=True)
    assert peak.any()
    maps = gradcam.grad_cam(network, images, targets, DEVICE, layer, alignment="receptive_field")
    np.testing.assert_allclose(maps, expected / np.where(peak > 0, peak, 1), atol=1e-5)


def test_maps_are_stretched_unless_it_is_said_otherwise(dataset):
    """As captum does it, to the bit."""
    torch.manual_seed(0)
    maps = torch.rand(3, 6, 5)
    expected = LayerAttribution.interpolate(maps[:, None], (32, 30), "bilinear")[:, 0]
    assert torch.equal(gradcam.upsample(maps, (32, 30)), expected)
    network = networks.build("top", 1, 2, width_multiplier=0.1).eval().to(DEVICE)
    images, targets = dataset.x_test[:4], np.array([0, 1, 0, 1])
    cells = LayerGradCam(network.linear_logits, network.convolutions).attribute(
        to_device(images, DEVICE).float(), target=torch.from_numpy(targets).to(DEVICE)
    )
    expected = LayerAttribution.interpolate(cells.relu(), (16, 16), "bilinear")[:, 0].detach()
    peak = expected.amax((1, 2), keepdim=True)
    expected = (expected / torch.where(peak > 0, peak, 1)).cpu().numpy()
    np.testing.assert_array_equal(gradcam.grad_cam(network, images, targets, DEVICE), expected)


def test_what_upsampling_refuses():
    maps = torch.zeros(0, 6, 6)
    assert gradcam.upsample(maps, (32, 35), "receptive_field").shape == (0, 32, 35)
    with pytest.raises(ValueError, match="alignment must be stretched or receptive_field, not 'centred'"):
        gradcam.upsample(maps, (32, 32), "centred")
    with pytest.raises(
        ValueError, match=r"\(6, 6\) cells, stride 4, border 1; that does not fit .* \(32, 36\) pixels"
    ):
        gradcam.upsample(maps, (32, 36), "receptive_field")


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
