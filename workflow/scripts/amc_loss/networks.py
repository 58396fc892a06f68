"""The convolutional networks of Table 2, built from one description that also prints the table."""

from collections import OrderedDict
from dataclasses import dataclass
from math import prod
from typing import Any, Literal

import torch
from torch import Tensor, nn

Column = Literal["top", "bottom"]


@dataclass(frozen=True)
class Layer:
    """One row of Table 2; ``channels`` are those the paper prints, before the width multiplier."""

    name: str
    kind: Literal["convolution", "max_pool"]
    channels: int = 0
    kernel: int = 0
    padding: Literal["same", "valid"] = "same"


def _block(number: int, channels: int, convolutions: int) -> list[Layer]:
    convolution = [Layer(f"conv{number}_{i}", "convolution", channels, 3) for i in range(1, convolutions + 1)]
    return [*convolution, Layer(f"pool{number}", "max_pool", kernel=2)]


TABLE2: dict[Column, list[Layer]] = {
    "top": [
        *_block(1, 128, 3),
        *_block(2, 256, 3),
        Layer("conv3_1", "convolution", 512, 3, "valid"),
        Layer("conv3_2", "convolution", 256, 1),
        Layer("conv3_3", "convolution", 128, 1),
    ],
    "bottom": [
        *_block(1, 64, 1),
        *_block(2, 64, 1),
        Layer("conv3_1", "convolution", 128, 3, "valid"),
        Layer("conv3_2", "convolution", 64, 1),
    ],
}


class GaussianNoise(nn.Module):
    """Adds noise of standard deviation ``sd``, in units of the scaled input, while training."""

    def __init__(self, sd: float) -> None:
        super().__init__()
        self.sd = sd

    def forward(self, x: Tensor) -> Tensor:
        """Same shape as ``x``."""
        return x + self.sd * torch.randn_like(x) if self.training else x

    def extra_repr(self) -> str:
        """Settings, for printing."""
        return f"sd={self.sd}"


class ConvNet(nn.Module):
    """A network of Table 2: convolutions, global average pool, one fully connected layer.

    The output of the pool is the deep feature x of the paper. It does not depend on the image's size, so
    that 28×28 and larger images go through the same layers. With ``feature_dim`` a linear 1×1 convolution
    brings the last map to that many channels: the appendix gives 2 and 3 as the output dimension of the
    pool for Figures 1 and 4 and keeps the 1×1 convolution to 64 channels in Table 2.

    Args:
        column: ``"top"`` or ``"bottom"`` of Table 2.
        in_channels: Channels of the images.
        n_classes: Classes.
        feature_dim: Dimension of the deep features; by default the width of the last convolution.
        width_multiplier: Factor on the channels of every convolution of the table.
        leaky_relu_slope: α of the leaky rectifiers.
        dropout: Probability of dropping after each max-pool.
        noise_sd: Standard deviation of the input noise.
        batch_norm_epsilon: ε of the batch normalisation.
        batch_norm_decay: Decay of its running averages a step.

    Raises:
        ValueError: If ``column`` is not of Table 2.
    """

    def __init__(
        self,
        column: Column,
        in_channels: int,
        n_classes: int,
        *,
        feature_dim: int | None = None,
        width_multiplier: float = 1.0,
        leaky_relu_slope: float = 0.1,
        dropout: float = 0.5,
        noise_sd: float = 0.15,
        batch_norm_epsilon: float = 1e-3,
        batch_norm_decay: float = 0.99,
    ) -> None:
        super().__init__()
        if column not in TABLE2:
            raise ValueError(f"column must be one of {', '.join(TABLE2)}, not {column!r}")
        layers: OrderedDict[str, nn.Module] = OrderedDict(noise=GaussianNoise(noise_sd))
        channels = in_channels
        for layer in TABLE2[column]:
            if layer.kind == "max_pool":
                layers[layer.name] = nn.Sequential(nn.MaxPool2d(layer.kernel), nn.Dropout(dropout))
                continue
            width = max(1, round(layer.channels * width_multiplier))
            # Batch normalisation has a shift of its own, so the convolution has none.
            layers[layer.name] = nn.Sequential(
                nn.Conv2d(channels, width, layer.kernel, padding=layer.padding, bias=False),
                nn.BatchNorm2d(width, eps=batch_norm_epsilon, momentum=1 - batch_norm_decay),
                nn.LeakyReLU(leaky_relu_slope),
            )
            channels = width
        if feature_dim is not None:
            layers["projection"] = nn.Conv2d(channels, feature_dim, 1, bias=False)
            channels = feature_dim
        self.feature_dim = channels
        self.convolutions = nn.Sequential(layers)
        self.pool = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.classifier = nn.Linear(channels, n_classes)
        self.apply(_initialise)

    def deep_features(self, x: Tensor) -> Tensor:
        """Deep features (n, feature_dim) of scaled images (n, channels, height, width)."""
        # In float32 also under autocast: the contrastive losses resolve small angles.
        return self.pool(self.convolutions(x).float())

    def forward(self, x: Tensor) -> Tensor:
        """Logits (n, n_classes) of scaled images (n, channels, height, width)."""
        return self.classifier(self.deep_features(x))


def _initialise(module: nn.Module) -> None:
    """TensorFlow's defaults, which the paper's code ran with: Glorot-uniform weights, zero biases."""
    if isinstance(module, nn.Conv2d | nn.Linear):
        nn.init.xavier_uniform_(module.weight)
        if module.bias is not None:
            nn.init.zeros_(module.bias)


def parse_network(name: str) -> tuple[Column, int | None]:
    """Column of Table 2 and feature dimension of a network's name in a study.

    ``top`` is the table's top with its own feature dimension, ``bottom2d`` its bottom brought to two.

    Raises:
        ValueError: If the name is neither ``top`` nor ``bottom<dimension>d``.
    """
    if name == "top":
        return "top", None
    if name.startswith("bottom") and name.endswith("d") and name[6:-1].isdecimal():
        return "bottom", int(name[6:-1])
    raise ValueError(f"{name!r} names no network of Table 2; there are 'top' and, say, 'bottom2d'")


def build(name: str, in_channels: int, n_classes: int, **settings: Any) -> ConvNet:
    """The network called ``name`` (see `parse_network`) with the settings of `ConvNet`."""
    column, feature_dim = parse_network(name)
    return ConvNet(column, in_channels, n_classes, feature_dim=feature_dim, **settings)


@dataclass(frozen=True)
class LayerSummary:
    """What a layer is called, what it does, the shape it puts out (without batch), its parameters."""

    name: str
    description: str
    output_shape: tuple[int, ...]
    parameters: int


def summarise(network: ConvNet, image_shape: tuple[int, int, int]) -> list[LayerSummary]:
    """The rows of Table 2 for a network, read off the network itself.

    Args:
        network: The network.
        image_shape: Channels, height and width of an image.
    """
    rows = [LayerSummary("input", "image", image_shape, 0)]
    x = torch.zeros(1, *image_shape)
    steps = [*network.convolutions.named_children(), ("pool", network.pool), ("fc", network.classifier)]
    was_training = network.training
    network.eval()
    with torch.no_grad():
        for name, module in steps:
            before, x = x, module(x)
            parameters = sum(prod(p.shape) for p in module.parameters())
            rows.append(
                LayerSummary(name, _describe(module, before.shape, x.shape), tuple(x.shape[1:]), parameters)
            )
    network.train(was_training)
    return rows


def _describe(module: nn.Module, before: torch.Size, after: torch.Size) -> str:
    match module:
        case GaussianNoise():
            return f"Gaussian noise σ = {module.sd:g}"
        case nn.Conv2d():
            return f"{_kernel(module)} conv. {module.out_channels}, linear"
        case nn.Linear():
            return f"fully connected {module.in_features} → {module.out_features}, softmax"
        case nn.Sequential():
            match list(module):
                case [nn.Conv2d() as conv, nn.BatchNorm2d(), nn.LeakyReLU() as activation]:
                    padding = f", {conv.padding} padding" if conv.kernel_size[0] > 1 else ""
                    slope = f"lReLU (α = {activation.negative_slope:g})"
                    return f"{_kernel(conv)} conv. {conv.out_channels}, {slope}{padding}"
                case [nn.MaxPool2d() as pool, nn.Dropout() as dropout]:
                    return f"{pool.kernel_size}×{pool.kernel_size} max-pool, dropout {dropout.p:g}"
                case [nn.AdaptiveAvgPool2d(), nn.Flatten()]:
                    return f"global average pool {before[2]}×{before[3]} → 1×1"
    raise TypeError(f"no description for {type(module).__name__}, giving {tuple(after)}")


def _kernel(conv: nn.Conv2d) -> str:
    return "×".join(str(size) for size in conv.kernel_size)
