"""The convolutional networks of Table 2, built from one description that also prints the table."""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from math import prod
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import linear, normalize

from amc_loss.study.network_names import Column, parse_network
from amc_loss.training.layers import LayerSummary

Blocks = Sequence[Sequence[int]]

# Channels of the convolutions of each block, as the paper prints them.
TABLE2: dict[Column, Blocks] = {
    "top": [[128, 128, 128], [256, 256, 256], [512, 256, 128]],
    "bottom": [[64], [64], [128, 64]],
}
INITIALISERS: dict[str, Callable[[Tensor], Tensor]] = {
    "glorot_uniform": nn.init.xavier_uniform_,
    "he_uniform": nn.init.kaiming_uniform_,
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


class Dropout(nn.Dropout):
    """`torch.nn.Dropout` whose masks cost a CPU a tenth as much.

    torch draws an element's mask by itself there; here one draw of 64 bits serves four elements, so that
    the probability is the nearest multiple of 2⁻¹⁶ below 1.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Same shape as ``x``, which has no gaps or overlaps in memory."""
        if not self.training or x.device.type != "cpu":
            return super().forward(x)
        draws = torch.empty(-(-x.numel() // 4), dtype=torch.int64, device=x.device).random_(-(2**63), None)
        words = draws.view(torch.int16).as_strided(x.shape, x.stride())
        dropped = min(round(self.p * 2**16), 2**16 - 1)
        kept = words >= dropped - 2**15
        return x * kept.to(x.dtype).mul_(2**16 / (2**16 - dropped))


class CosineClassifier(nn.Linear):
    """Logits that are a scale times the cosines of features and class weights, and have no bias.

    For losses in place of cross-entropy, whose class weights are copied into it.
    """

    scale: Tensor

    def __init__(self, in_features: int, out_features: int) -> None:
        super().__init__(in_features, out_features, bias=False)
        self.register_buffer("scale", torch.ones(()))

    def set(self, weights: Tensor, scale: float) -> None:
        """Take over unit class weights (classes, d) and their scale."""
        with torch.no_grad():
            self.weight.copy_(weights)
            self.scale.fill_(scale)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (n, classes) of features (n, d)."""
        return self.scale * super().forward(normalize(x, dim=1))


class ConvNet(nn.Module):
    """A network of Table 2: convolutions, global average pool, one fully connected layer.

    Three blocks of convolutions; a max-pool and dropout end all but the last, whose first convolution is
    valid 3×3 and whose others are 1×1. The output of the pool is the deep feature x of the paper. It does
    not depend on the image's size, so that 28×28 and larger images go through the same layers. With
    ``feature_dim`` a linear 1×1 convolution brings the last map to that many channels: the appendix gives 2
    and 3 as the output dimension of the pool for Figures 1 and 4 and keeps the 1×1 convolution to 64
    channels in Table 2.

    Args:
        column: ``"top"`` or ``"bottom"`` of Table 2.
        in_channels: Channels of the images.
        n_classes: Classes.
        feature_dim: Dimension of the deep features; by default the width of the last convolution.
        widths: Channels of the convolutions of each block; by default those of the table.
        width_multiplier: Factor on the channels of every convolution.
        leaky_relu_slope: α of the leaky rectifiers.
        dropout: Probability of dropping after each max-pool.
        input_divisor: What pixel values from 0 to 255 are divided by.
        noise_sd: Standard deviation of the noise on the divided input.
        initial_weights: ``glorot_uniform`` or ``he_uniform``; biases start at 0.
        convolution_bias: Whether convolutions have a bias beside the shift of the batch normalisation.
        batch_norm_position: ``before_activation`` or ``after_activation``.
        batch_norm_scale: Whether batch normalisation has a scale γ beside its shift β.
        batch_norm_epsilon: ε of the batch normalisation.
        batch_norm_decay: Decay of its running averages a step.
        cosine: Whether the classifier is a `CosineClassifier`.

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
        widths: Blocks | None = None,
        width_multiplier: float = 1.0,
        leaky_relu_slope: float = 0.1,
        dropout: float = 0.5,
        input_divisor: float = 255.0,
        noise_sd: float = 0.15,
        initial_weights: Literal["glorot_uniform", "he_uniform"] = "glorot_uniform",
        convolution_bias: bool = False,
        batch_norm_position: Literal["before_activation", "after_activation"] = "before_activation",
        batch_norm_scale: bool = True,
        batch_norm_epsilon: float = 1e-3,
        batch_norm_decay: float = 0.99,
        cosine: bool = False,
    ) -> None:
        super().__init__()
        if column not in TABLE2:
            raise ValueError(f"column must be one of {', '.join(TABLE2)}, not {column!r}")
        self.input_divisor = input_divisor
        layers: OrderedDict[str, nn.Module] = OrderedDict(noise=GaussianNoise(noise_sd))
        channels, blocks = in_channels, widths or TABLE2[column]
        for number, block in enumerate(blocks, 1):
            last = number == len(blocks)
            for i, unscaled in enumerate(block, 1):
                width = max(1, round(unscaled * width_multiplier))
                kernel = 1 if last and i > 1 else 3
                padding = "valid" if last and i == 1 else "same"
                convolution = nn.Conv2d(channels, width, kernel, padding=padding, bias=convolution_bias)
                norm = nn.BatchNorm2d(width, eps=batch_norm_epsilon, momentum=1 - batch_norm_decay)
                if not batch_norm_scale:
                    # A γ of 1 that is not trained; the layer as such would drop its shift as well.
                    del norm.weight
                    norm.register_buffer("weight", torch.ones(width))
                layer = [convolution, norm, nn.LeakyReLU(leaky_relu_slope)]
                if batch_norm_position == "after_activation":
                    layer[1:] = reversed(layer[1:])
                layers[f"conv{number}_{i}"] = nn.Sequential(*layer)
                channels = width
            if not last:
                layers[f"pool{number}"] = nn.Sequential(nn.MaxPool2d(2), Dropout(dropout))
        if feature_dim is not None:
            layers["projection"] = nn.Conv2d(channels, feature_dim, 1, bias=False)
            channels = feature_dim
        self.feature_dim = channels
        self.convolutions = nn.Sequential(layers)
        self.pool = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.classifier = (CosineClassifier if cosine else nn.Linear)(channels, n_classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                INITIALISERS[initial_weights](module.weight)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def deep_features(self, x: Tensor) -> Tensor:
        """Deep features (n, feature_dim) of images (n, channels, height, width), pixel values 0 to 255."""
        # In float32 also under autocast: the contrastive losses resolve small angles.
        return self.pool(self.convolutions(x.float() / self.input_divisor).float())

    def forward(self, x: Tensor) -> Tensor:
        """Logits (n, n_classes) of images (n, channels, height, width), pixel values 0 to 255."""
        return self.classifier(self.deep_features(x))

    def linear_logits(self, x: Tensor) -> Tensor:
        """What Grad-CAM explains: the products of deep features and class weights, shape (n, n_classes).

        Of a `CosineClassifier` not the cosines: those do not change with the length of a feature, so that the
        sum of their map is 0 for any network.
        """
        return linear(self.deep_features(x), self.classifier.weight, self.classifier.bias)


def build(name: str, in_channels: int, n_classes: int, **settings: Any) -> ConvNet:
    """The network called ``name`` (see `parse_network`) with the settings of `ConvNet`."""
    column, feature_dim = parse_network(name)
    return ConvNet(column, in_channels, n_classes, feature_dim=feature_dim, **settings)


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
                case [nn.Conv2d() as conv, nn.BatchNorm2d(), nn.LeakyReLU() as activation] | [
                    nn.Conv2d() as conv,
                    nn.LeakyReLU() as activation,
                    nn.BatchNorm2d(),
                ]:
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
