"""Grad-CAM, and the choice of the images it explains (Figures 2 and 6)."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from captum.attr import LayerGradCam
from numpy.typing import NDArray
from scipy.special import softmax
from torch import Tensor, nn
from torch.nn.functional import interpolate, pad

from amc_loss.data.dataset import Dataset
from amc_loss.runs.explanations import Explanations
from amc_loss.training.arithmetic import to_device
from amc_loss.training.networks import ConvNet

MANY = 40  # classes that Figure 6 shows at most, unless it is told which


def explain(
    dataset: Dataset,
    networks: Mapping[str, ConvNet],
    logits: Mapping[str, NDArray[np.float32]],
    figure: Mapping[str, Any],
    settings: Mapping[str, Any],
) -> Explanations:
    """Choose the images of a figure and explain them under each loss, on the CPU.

    Args:
        dataset: The data.
        networks: For each loss its network, in evaluation mode, on the CPU.
        logits: For each loss those of the test images, shape (n, classes).
        figure: The figure's settings: ``class`` and ``image`` of the one that is shown, or ``classes`` and
            ``images_per_class``.
        settings: Those under ``grad_cam``.

    Raises:
        ValueError: If there is no such class, image or layer.
    """
    predicted = {loss: values.argmax(1) for loss, values in logits.items()}
    if "class" in figure:
        index = np.array([find_image(dataset, predicted, figure["class"], figure["image"])])
    else:
        labels, count = choose_classes(dataset.class_names, figure["classes"]), figure["images_per_class"]
        index = np.concatenate([choose_images(dataset, predicted, label, count) for label in labels])
    images, true, names = dataset.x_test[index], dataset.y_test[index], dataset.class_names
    how = {key: value for key, value in settings.items() if key != "target"}
    device = torch.device("cpu")
    maps = {
        loss: grad_cam(
            network, images, targets(settings["target"], predicted[loss][index], true, names), device, **how
        )
        for loss, network in networks.items()
    }
    probabilities = {loss: softmax(values[index], axis=1) for loss, values in logits.items()}
    return Explanations(index, images, true, names, maps, probabilities)


def grad_cam(
    network: ConvNet,
    images: NDArray[np.uint8],
    targets: NDArray[np.int64],
    device: torch.device,
    layer: str = "last",
    divide_by_rms: bool = False,
    start: float = 0.0,
    alignment: str = "stretched",
) -> NDArray[np.float32]:
    """Grad-CAM of a convolution, brought to the images' size, each map divided by its maximum.

    A map without anything positive stays 0.

    Args:
        network: A network in evaluation mode, on ``device``.
        images: Shape (n, height, width, channels), uint8.
        targets: Class explained in each image, shape (n,).
        device: Where to compute.
        layer: Name of a layer, as in Table 2; ``"last"`` for the maps that enter the global average pool.
        divide_by_rms: Whether the gradients of an image are divided by their root mean square.
        start: What the weighted sum of the maps is added to before its negative part is cut off.
        alignment: As for `upsample`.

    Returns:
        Maps in [0, 1], shape (n, height, width).

    Raises:
        ValueError: If the network has no such layer, or there is no such alignment.
    """
    module = _layers(network, layer)[-1]
    x = to_device(images, device).float()
    target = torch.from_numpy(targets).to(device)
    maps = LayerGradCam(network.linear_logits, module).attribute(x, target=target)
    if divide_by_rms:
        gradients = _gradients(network, module, x, target)
        rms = gradients.square().mean((1, 2, 3), keepdim=True).sqrt()
        maps = maps / torch.where(rms > 0, rms, 1)
    maps = (maps + start).relu()[:, 0].detach()
    maps = upsample(maps, images.shape[1:3], alignment, *grid(network, layer))
    peak = maps.amax((1, 2), keepdim=True)
    return (maps / torch.where(peak > 0, peak, 1)).cpu().numpy()


def grid(network: ConvNet, layer: str) -> tuple[int, int]:
    """Where the cells of a layer's map lie in the image, as `upsample` takes it.

    Args:
        network: The network.
        layer: As for `grad_cam`.

    Returns:
        Pixels from a cell to the next, and cells that valid convolutions took from each end.

    Raises:
        ValueError: If the network has no such layer.
    """
    modules = list(_layers(network, layer).modules())
    pools = sum(isinstance(module, nn.MaxPool2d) for module in modules)  # each 2×2
    valid = [module for module in modules if isinstance(module, nn.Conv2d) and module.padding == "valid"]
    return 2**pools, sum(convolution.kernel_size[0] // 2 for convolution in valid)


def upsample(
    maps: Tensor, size: tuple[int, int], alignment: str = "stretched", stride: int = 4, border: int = 1
) -> Tensor:
    """Maps at the size of the images that they are of, by bilinear interpolation.

    ``"stretched"`` spreads the cells over the whole image, as is usual, though the outer cells of a valid
    convolution then lie further out than what they see. ``"receptive_field"`` puts the value of cell i at the
    centre of its receptive field, pixel ``stride * (i + border + 0.5) - 0.5`` counted from 0; from the outer
    centres to the edges of the image values stay the same.

    Args:
        maps: Shape (n, h, w).
        size: Height and width of the images.
        alignment: ``"stretched"`` or ``"receptive_field"``.
        stride: Pixels from a cell to the next; of no matter when stretched, as is ``border``.
        border: Cells that a valid convolution took from each end.

    Returns:
        Shape (n, *size).

    Raises:
        ValueError: If there is no such alignment, or images of that size have maps of another one.
    """
    if alignment == "stretched":
        return interpolate(maps[:, None], size, mode="bilinear")[:, 0]
    if alignment != "receptive_field":
        raise ValueError(f"alignment must be stretched or receptive_field, not {alignment!r}")
    cells = [count + 2 * border for count in maps.shape[1:]]
    if cells != [pixels // stride for pixels in size]:
        raise ValueError(
            f"maps are {tuple(maps.shape[1:])} cells, stride {stride}, border {border}; "
            f"that does not fit images of {tuple(size)} pixels"
        )
    covered = [stride * count for count in cells]
    bordered = pad(maps[:, None], [border] * 4, mode="replicate")
    covering = interpolate(bordered, covered, mode="bilinear")
    # Max-pools drop the last pixels of a size that is no multiple of the stride.
    right, bottom = size[1] - covered[1], size[0] - covered[0]
    return pad(covering, [0, right, 0, bottom], mode="replicate")[:, 0]


def _layers(network: ConvNet, layer: str) -> nn.Sequential:
    """The layers from the first to the one of that name."""
    if layer == "last":
        return network.convolutions
    names = [name for name, _ in network.convolutions.named_children()]
    if layer not in names:
        raise ValueError(f"grad_cam.layer is {layer!r}; there are last, {', '.join(names)}")
    return network.convolutions[: names.index(layer) + 1]


def _gradients(network: ConvNet, layer: nn.Module, x: Tensor, target: Tensor) -> Tensor:
    """Gradient of each image's logit of its target by the output of a layer, which captum keeps to itself."""
    outputs = []
    hook = layer.register_forward_hook(lambda _module, _inputs, output: outputs.append(output))
    try:
        logits = network.linear_logits(x)
    finally:
        hook.remove()
    return torch.autograd.grad(logits.gather(1, target[:, None]).sum(), outputs[0])[0]


def targets(
    explained: str, predicted: NDArray[np.int64], true: NDArray[np.int64], class_names: Sequence[str]
) -> NDArray[np.int64]:
    """The class that is explained in each image, shape (n,).

    Args:
        explained: ``"predicted_label"``, ``"true_label"``, or the name of a class to explain in all of them.
        predicted: Predicted labels, shape (n,).
        true: True labels, shape (n,).
        class_names: A name for each label.

    Raises:
        ValueError: If it is none of these.
    """
    labels = {"predicted_label": predicted, "true_label": true}
    if explained in labels:
        return labels[explained]
    return np.full_like(true, class_names.index(explained))


def choose_classes(class_names: Sequence[str], classes: Sequence[str] | None) -> list[int]:
    """Labels of the classes of Figure 6: those that are named, else all, or of many some from first to last.

    Raises:
        ValueError: If a class is not among the names.
    """
    if classes is not None:
        return sorted(class_names.index(name) for name in classes)
    n = len(class_names)
    return np.linspace(0, n - 1, min(n, MANY), dtype=int).tolist()


def choose_images(
    dataset: Dataset, predictions: Mapping[str, NDArray[np.int64]], target: int | None, count: int
) -> list[int]:
    """The first test images of a class that most models, if possible all, classify correctly.

    Args:
        dataset: The data.
        predictions: Predicted labels of the test images by each model, shape (n,).
        target: The class, None for any.
        count: How many images, at most.

    Returns:
        Indices of the images: first those that all models classify correctly, in the data's order, then
        those that fewer do.
    """
    correct = np.sum([predicted == dataset.y_test for predicted in predictions.values()], axis=0)
    candidates = np.arange(len(dataset.y_test))
    if target is not None:
        candidates = np.flatnonzero(dataset.y_test == target)
    return candidates[np.argsort(-correct[candidates], kind="stable")][:count].tolist()


def find_image(
    dataset: Dataset, predictions: Mapping[str, NDArray[np.int64]], class_name: str | None, index: int | None
) -> int:
    """The test image of Figure 2: the given one, or the first that `choose_images` finds of a class or any.

    Raises:
        ValueError: If the class is not among the names.
    """
    if index is not None:
        return index
    target = None if class_name is None else dataset.class_names.index(class_name)
    return choose_images(dataset, predictions, target, 1)[0]
